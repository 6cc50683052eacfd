"""Polling a camera that serves still pictures over HTTP, and feeding them to ffmpeg with their true times.

One thread a camera. OpenCV decodes each picture there, so that a broken one never reaches the encoder; what is not
JPEG is made JPEG. A picture identical to the one before only prolongs it (it is sent again every 4 s, so that
an unchanging view does not look like a silent camera, nor its files like torn apart).
"""

import contextlib
import logging
import threading
import time
from dataclasses import dataclass, replace
from typing import IO, TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from app.archive.machineclock import boot_offset_us
from app.capture.ffmpeg import Verdict
from app.capture.networks import Networks
from app.errors import Invalid
from app.formats import matroska
from app.formats.picturesize import picture_size

if TYPE_CHECKING:
    import requests
    from requests.auth import AuthBase

log = logging.getLogger(__name__)

CONNECT_TIMEOUT_S, READ_TIMEOUT_S = 3.0, 8.0
MAX_PICTURE_BYTES = 32 * 1024 * 1024
MAX_PIXELS = 1 << 26  # twice those of 8K: 200 MB once decoded
NOT_WHOLE = "what the camera sends is not a whole picture in JPEG, PNG, GIF, BMP or WebP"
REPEAT_S = 4.0  # as often as key frames: a file cannot end but before one


class PictureRefused(Exception):
    """The camera gave no usable picture; `verdict` says why."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.detail)
        self.verdict = verdict


@dataclass(frozen=True, slots=True, repr=False)
class PictureAddress:
    """Where a picture is fetched from."""

    uri: str
    auth: str | None
    user: str | None
    password: str | None


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture as JPEG with its size in pixels and the instant at which it was asked for and got, halfway."""

    jpeg: bytes
    width: int
    height: int
    taken_us: int


class PictureClient:
    """Fetches pictures over one kept connection. Used by one thread."""

    def __init__(self, policy: Networks, address: PictureAddress, read_timeout_s: float = READ_TIMEOUT_S) -> None:
        """Connect to nothing yet. read_timeout_s: how long the camera may be silent; twice that for a picture."""
        self._address = address
        self._read_timeout_s = read_timeout_s
        # With it comes requests: a tenth of a second, which who records streams alone need not wait for.
        from app.capture.checkedhttp import checked_session

        self._session = checked_session(policy)
        self._session.auth = _auth(address)

    def fetch(self) -> Picture:
        """Return the camera's picture now. Raises PictureRefused."""
        import requests

        asked_us = time.time_ns() // 1000
        try:
            body = self._get(self._address.uri)
        except Invalid as error:
            raise PictureRefused(Verdict("bad_template", error.message, None, error.kind)) from None
        except requests.RequestException as error:
            if _is_late(error):
                late = Verdict("camera_unreachable", "the camera does not answer in time", "offline", "no_answer")
                raise PictureRefused(late) from None
            detail = f"the camera cannot be reached ({type(error).__name__}): check address and network"
            raise PictureRefused(Verdict("camera_unreachable", detail, "offline", _kind(error))) from None
        return decode_picture(body, (asked_us + time.time_ns() // 1000) // 2)

    def _get(self, uri: str, redirects: int = 3) -> bytes:
        timeout = (min(CONNECT_TIMEOUT_S, self._read_timeout_s), self._read_timeout_s)
        with self._session.get(uri, timeout=timeout, stream=True, allow_redirects=False) as answer:
            if answer.is_redirect:
                return self._follow(uri, answer, redirects)
            _check_status(answer.status_code)
            return _read_body(answer, self._read_timeout_s)

    def _follow(self, uri: str, answer: "requests.Response", redirects: int) -> bytes:
        """Follow a redirect within the camera's own host only: another must not see user and password."""
        target = urljoin(uri, answer.headers.get("location", ""))
        old, new = urlsplit(uri), urlsplit(target)
        if redirects <= 0 or (old.scheme, old.hostname, old.port) != (new.scheme, new.hostname, new.port):
            raise PictureRefused(
                Verdict(
                    "no_video", "the camera redirects to another host; enter that address", "no_video", "redirected"
                )
            )
        return self._get(target, redirects - 1)

    def close(self) -> None:
        """Close the connection."""
        self._session.close()


def _auth(address: PictureAddress) -> "AuthBase | None":
    from requests.auth import HTTPBasicAuth, HTTPDigestAuth

    if not address.user:
        return None
    user, password = address.user.encode(), (address.password or "").encode()
    if address.auth == "digest":
        return HTTPDigestAuth(address.user, address.password or "")
    return HTTPBasicAuth(user, password)


def _is_late(error: "requests.RequestException") -> bool:
    """Tell whether an answer has not begun, or not come to its end, in time."""
    import requests
    from urllib3.exceptions import ReadTimeoutError

    inner = error.args[0] if error.args else None
    return isinstance(error, requests.Timeout) or isinstance(inner, ReadTimeoutError)


def _kind(error: "requests.RequestException") -> str:
    """Return which failure of a connection it is, as a word of `trial.REASONS`."""
    import requests
    from urllib3.exceptions import NameResolutionError, ProtocolError

    if isinstance(error, requests.exceptions.SSLError):
        return "tls"
    inner = error.args[0] if error.args else None
    if isinstance(inner, ProtocolError):  # it hung up, or what it said is not HTTP
        return "not_a_camera"
    cause = getattr(inner, "reason", None)  # of urllib3's MaxRetryError
    if isinstance(cause, NameResolutionError):
        return "name_unknown"
    if isinstance(cause and cause.__cause__, ConnectionRefusedError):
        return "refused"
    return "unreachable" if isinstance(error, requests.ConnectionError) else "failed"


def _check_status(status: int) -> None:
    if status in (401, 403):
        detail = f"the camera refuses user or password ({status}): correct them in the source"
        raise PictureRefused(Verdict("wrong_password", detail, "unauthorised", "wrong_password"))
    if status >= 500:
        detail = f"the camera failed: it answers {status} instead of a picture; look at the camera if that goes on"
        raise PictureRefused(Verdict("no_video", detail, "no_video", "camera_error"))
    if status != 200:
        detail = f"the camera answers {status} instead of a picture: correct the address"
        raise PictureRefused(Verdict("no_video", detail, "no_video", "path_unknown"))


def _read_body(answer: "requests.Response", limit_s: float) -> bytes:
    chunks, total_bytes = [], 0
    begun_s = time.monotonic()
    for chunk in answer.iter_content(64 * 1024):
        chunks.append(chunk)
        total_bytes += len(chunk)
        if total_bytes > MAX_PICTURE_BYTES or time.monotonic() - begun_s > limit_s:
            raise _refusal("the picture is endless or larger than 32 MiB")
    return b"".join(chunks)


def decode_picture(body: bytes, taken_us: int) -> Picture:
    """Check a picture by decoding it; make it JPEG if it is not. Raises PictureRefused.

    What its header says is judged before a decoder sees it: half a MB can be a picture of 6 GB.
    """
    is_jpeg = body.startswith(b"\xff\xd8")
    _check_size(body)
    if is_jpeg and b"\xff\xd9" not in body[-64:]:
        raise _refusal(NOT_WHOLE)
    import cv2  # 80 MB that only those pay who record pictures
    import numpy as np

    try:
        pixels = cv2.imdecode(np.frombuffer(body, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        raise _refusal(NOT_WHOLE) from None
    if pixels is None or min(pixels.shape[:2]) < 2:
        raise _refusal(NOT_WHOLE)
    height, width = pixels.shape[:2]
    if not is_jpeg:
        body = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()
    return Picture(body, width, height, taken_us)


def _check_size(body: bytes) -> None:
    """Raise PictureRefused for a picture that does not say how large it is, or is larger than MAX_PIXELS."""
    size = picture_size(body)
    if size is None or min(size) < 2:
        raise _refusal(NOT_WHOLE)
    if size.width * size.height > MAX_PIXELS:
        raise _refusal(
            f"the camera's picture has {size.width} × {size.height} pixels, {size.width * size.height:,} in all; at "
            f"most {MAX_PIXELS:,} are taken: set a smaller picture in the camera",
            "failed",
        )


def _refusal(detail: str, kind: str = "not_a_camera") -> PictureRefused:
    return PictureRefused(Verdict("no_video", detail, "no_video", kind))


class PictureFeed(threading.Thread):
    """Polls one camera every `interval_s` and writes what changed to ffmpeg's standard input."""

    def __init__(self, policy: Networks, address: PictureAddress, interval_s: float) -> None:
        super().__init__(name="pictures", daemon=True)
        self.first: Picture | None = None
        self.failure: Verdict | None = None
        self.succeeded_s = time.monotonic()
        self._policy, self._address = policy, address
        self._interval_s = max(interval_s, 0.02)
        self._ended = threading.Event()
        self._sink: IO[bytes] | None = None
        self._has_sink = threading.Event()

    def attach(self, sink: IO[bytes]) -> None:
        """Give the feed ffmpeg's standard input; the first picture goes there at once."""
        self._sink = sink
        self._has_sink.set()

    def end(self) -> None:
        """Ask the thread to prolong the last picture up to now, close ffmpeg's input and end."""
        self._ended.set()
        self._has_sink.set()

    def run(self) -> None:
        """Poll until told to end, or until the camera fails before or for long after the first picture."""
        client = PictureClient(self._policy, self._address)
        try:
            self._poll(client)
        except PictureRefused as error:
            self.failure = error.verdict
        except OSError:
            log.debug("ffmpeg closed its input")
        except Exception:  # a fault of ours must not leave the source waiting for a first picture
            log.exception("the pictures of a source cannot be read")
            self.failure = Verdict("no_video", "the server failed at this camera's pictures; its log says why", None)
        finally:
            client.close()
            if self._sink is not None:
                with contextlib.suppress(OSError):
                    self._sink.close()

    def _poll(self, client: PictureClient) -> None:
        first = self.first = client.fetch()
        self._has_sink.wait()
        sink = self._sink
        if sink is None:
            return
        sink.write(matroska.stream_head(first.width, first.height) + matroska.picture(0, first.jpeg))
        sink.flush()
        self._follow(client, sink, first)

    def _follow(self, client: PictureClient, sink: IO[bytes], first: Picture) -> None:
        last, sent_us = first, first.taken_us
        offset_us = boot_offset_us()
        due_s = time.monotonic() + self._interval_s
        while not self._ended.wait(max(0.0, due_s - time.monotonic())):
            due_s = max(due_s + self._interval_s, time.monotonic())
            fresh = self._fetch(client)
            if fresh is None:
                continue
            # The pictures' own time does not step with the clock: a new run begins instead.
            fresh = replace(fresh, taken_us=fresh.taken_us - (boot_offset_us() - offset_us))
            if (fresh.width, fresh.height) != (first.width, first.height):
                raise PictureRefused(Verdict("stream_ended", "the camera changed the size of its pictures", None))
            is_same = fresh.jpeg == last.jpeg
            if fresh.taken_us > sent_us and (not is_same or fresh.taken_us - sent_us > REPEAT_S * 1e6):
                _send(sink, fresh.taken_us - first.taken_us, fresh.jpeg)
                last, sent_us = fresh, fresh.taken_us
        ended_us = time.time_ns() // 1000 - (boot_offset_us() - offset_us)
        _send(sink, max(ended_us, sent_us + 1000) - first.taken_us, last.jpeg)

    def _fetch(self, client: PictureClient) -> Picture | None:
        """Return a picture, or None while the camera has failed for less than the read timeout."""
        try:
            fresh = client.fetch()
        except PictureRefused:
            if time.monotonic() - self.succeeded_s > READ_TIMEOUT_S:
                raise
            return None
        self.succeeded_s = time.monotonic()
        return fresh


def _send(sink: IO[bytes], timestamp_us: int, jpeg: bytes) -> None:
    sink.write(matroska.picture(timestamp_us, jpeg))
    sink.flush()
