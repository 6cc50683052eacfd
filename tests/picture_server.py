"""A real HTTP camera for still pictures, with its faults, and the ledger of what it served.

    with PictureServer(auth="digest", user="admin", password="secret") as camera:
        response = requests.get(camera.url, auth=HTTPDigestAuth("admin", "secret"), timeout=5)
        assert picture_number(response.content) == camera.served()[-1].number

Every picture carries its number in its pixels, so that a recording can be traced back to what was served.
"""

import hashlib
import hmac
import re
import secrets
import threading
import time
from base64 import b64encode
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

import cv2
import numpy as np

from tests.media import read_number, stamp_number
from tests.ports import free_port

HOST = "127.0.0.1"
PATH = "/picture.jpg"
REALM = "test camera"


@dataclass(frozen=True)
class PictureFaults:
    """What a camera does wrong while it is set.

    `status` answers with that status and a page. `delay_s` answers late, `is_hanging` not before the end.
    `is_truncated` promises a whole JPEG and closes in its middle, `is_no_image` serves a page as image/jpeg
    with status 200, `redirect_to` names another address, `is_frozen` serves the last picture again, `is_png` serves
    PNG, `body` serves these bytes as image/jpeg.
    """

    status: int = 200
    delay_s: float = 0
    is_hanging: bool = False
    is_truncated: bool = False
    is_no_image: bool = False
    redirect_to: str = ""
    is_frozen: bool = False
    is_png: bool = False
    body: bytes = b""


class Served(NamedTuple):
    """One line of the ledger: when the picture went out (Unix time), its number, hash and size in pixels."""

    sent_s: float
    number: int
    sha256: str
    width: int
    height: int


class _Picture(NamedTuple):
    data: bytes
    number: int
    width: int
    height: int


def make_picture(number: int, width: int = 640, height: int = 360) -> bytes:
    """Return a JPEG that shows its number: as cells (see `picture_number`), as text and as a bar."""
    shade = np.linspace(40, 200, width, dtype=np.uint8)
    image = np.dstack([np.tile(np.roll(shade, shift), (height, 1)) for shift in (0, number * 4, number * 8)])
    left = number * 8 % max(width - 16, 1)
    cv2.rectangle(image, (left, height // 3), (left + 16, height - 8), (0, 255, 255), -1)
    scale = height / 200
    cv2.putText(image, str(number), (8, height * 3 // 4), cv2.FONT_HERSHEY_SIMPLEX, scale, (255, 255, 255), 2)
    for channel in range(3):
        stamp_number(image[:, :, channel], number)
    return bytes(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 85])[1])


def picture_number(jpeg: bytes) -> int:
    """Return the number of a picture of this server. Raises ValueError where the bytes are no picture."""
    image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_GRAYSCALE)
    if image is None:
        raise ValueError(f"{len(jpeg)} bytes that are no picture")
    return read_number(image)


class PictureServer:
    """A camera at `url`. `auth` is none, basic or digest. Every method may be called from any thread."""

    def __init__(
        self,
        auth: str = "none",
        user: str = "admin",
        password: str = "secret",
        width: int = 640,
        height: int = 360,
        port: int = 0,
    ) -> None:
        self.auth, self.user, self.password, self.port = auth, user, password, port
        self.width, self.height, self.requests = width, height, 0
        self.nonce, self.ended = secrets.token_hex(16), threading.Event()
        self.faults, self._number, self._last = PictureFaults(), 0, _Picture(b"", 0, 0, 0)
        self._served: list[Served] = []
        self._lock = threading.Lock()
        self._server: _Listener | None = None

    @property
    def url(self) -> str:
        """The address of the picture."""
        return f"http://{HOST}:{self.port}{PATH}"

    def start(self) -> "PictureServer":
        """Listen; with port 0 on a free port, which is kept from then on."""
        self.ended.clear()
        self._server = _Listener((HOST, self.port or free_port()), self)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), name="pictures", daemon=True).start()
        return self

    def stop(self) -> None:
        """Close the port; requests that hang are given up."""
        server, self._server = self._server, None
        self.ended.set()
        if server:
            server.shutdown()
            server.server_close()

    def __enter__(self) -> "PictureServer":
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def change(self, **faults: Any) -> None:
        """Switch faults on or off now."""
        self.faults = replace(self.faults, **faults)

    def resize(self, width: int, height: int) -> None:
        """Serve pictures of another size from now on."""
        self.width, self.height = width, height

    def served(self) -> list[Served]:
        """Return what was served whole, oldest first; the last hour of it at one picture a second."""
        with self._lock:
            return list(self._served)

    def next_picture(self) -> _Picture:
        """Make the next picture, or give the last one again while frozen."""
        with self._lock:
            self.requests += 1
            if not (self.faults.is_frozen and self._last.data):
                self._make()
            return self._last

    def step(self) -> None:
        """Let what is frozen be the next picture from now on."""
        with self._lock:
            self._make()

    def _make(self) -> None:
        self._number += 1
        data = make_picture(self._number, self.width, self.height)
        self._last = _Picture(data, self._number, self.width, self.height)

    def send(self, picture: _Picture, send: Callable[[], None]) -> None:
        """Send a picture and write down that it went out, before anybody who has it can look."""
        sha256 = hashlib.sha256(picture.data).hexdigest()
        with self._lock:
            send()
            line = Served(time.time(), picture.number, sha256, picture.width, picture.height)
            self._served.append(line)
            del self._served[:-3600]


class _Listener(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], camera: PictureServer) -> None:
        super().__init__(address, _Handler)
        self.camera = camera


class _Handler(BaseHTTPRequestHandler):
    """One client; HTTP/1.1, so that the connection is kept as with real cameras."""

    protocol_version = "HTTP/1.1"
    server: _Listener
    timeout = 60

    def log_message(self, *_: object) -> None:
        """Say nothing: the ledger tells."""

    def do_GET(self) -> None:
        """Answer with the picture or with the fault that is set."""
        with suppress(ConnectionError):
            self._answer()

    def _answer(self) -> None:
        camera, faults = self.server.camera, self.server.camera.faults
        if faults.is_hanging or faults.delay_s:
            camera.ended.wait(None if faults.is_hanging else faults.delay_s)
        if self.path.split("?")[0] != PATH:
            self._send(404, b"<p>nothing here</p>", "text/html")
        elif faults.redirect_to:
            self._send(302, b"", "text/html", Location=faults.redirect_to)
        elif not self._is_authorised():
            self._send(401, b"<p>who are you?</p>", "text/html", WWW_Authenticate=self._challenge())
        elif faults.status != 200:
            self._send(faults.status, b"<p>something broke</p>", "text/html")
        elif faults.body:
            self._send(200, faults.body, "image/jpeg")
        elif faults.is_no_image:
            self._send(200, b"<html>please sign in</html>", "image/jpeg")
        else:
            self._send_picture(faults)

    def _send_picture(self, faults: PictureFaults) -> None:
        picture = self.server.camera.next_picture()
        if not faults.is_truncated:
            kind, data = ("image/png", _as_png(picture.data)) if faults.is_png else ("image/jpeg", picture.data)
            self.server.camera.send(picture, lambda: self._send(200, data, kind))
            return
        self.close_connection = True
        self._head(200, len(picture.data), "image/jpeg")
        self.wfile.write(picture.data[: len(picture.data) // 2])

    def _send(self, status: int, body: bytes, kind: str, **headers: str) -> None:
        self._head(status, len(body), kind, **headers)
        self.wfile.write(body)

    def _head(self, status: int, size_bytes: int, kind: str, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(size_bytes))
        self.end_headers()

    def _challenge(self) -> str:
        if self.server.camera.auth == "basic":
            return f'Basic realm="{REALM}"'
        return f'Digest realm="{REALM}", nonce="{self.server.camera.nonce}", qop="auth", algorithm=MD5'

    def _is_authorised(self) -> bool:
        camera, given = self.server.camera, self.headers.get("Authorization", "")
        if camera.auth == "none":
            return True
        if camera.auth == "basic":
            right = "Basic " + b64encode(f"{camera.user}:{camera.password}".encode()).decode()
            return hmac.compare_digest(given, right)
        # RFC 7616 §3.4.1 with qop=auth
        fields = dict(re.findall(r'(\w+)="?([^",]*)"?', given.removeprefix("Digest ")))
        secret, action = _md5(f"{camera.user}:{REALM}:{camera.password}"), _md5(f"GET:{self.path}")
        counted = ":".join(fields.get(key, "") for key in ("nc", "cnonce", "qop"))
        right = _md5(f"{secret}:{camera.nonce}:{counted}:{action}")
        return hmac.compare_digest(fields.get("response", ""), right)


def _as_png(jpeg: bytes) -> bytes:
    pixels = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    return bytes(cv2.imencode(".png", pixels)[1])


def _md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()
