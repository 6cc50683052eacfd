"""Taking what a server POSTs to the addresses of PLAYBACK_ANALYSER_URLS: a new download address of a file.

    X-Playback-Timestamp: 1795214645                    seconds since the epoch
    X-Playback-Signature: sha256=HEX                    HMAC-SHA256 of TIMESTAMP "." BODY with the common secret
    {"id": 7, "refer": "HEX", "url": "http://…/download/KEY/", "expires_utc": "…"}

202 takes it, 401 is a wrong signature or an old timestamp, 503 a full queue: the server comes again. Each file stands
in the queue once, with its newest key.
"""

import contextlib
import hashlib
import hmac
import json
import logging
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from .job import key_of

log = logging.getLogger(__name__)

OLDEST_S = 300.0
MOST_BYTES, MOST_DIGITS = 1 << 16, 9
MOST_WAITING = 1_000
REQUEST_S = 10.0
MOST_CONNECTIONS = 32


class Queue:
    """Files that wait, in the order in which they came."""

    def __init__(self) -> None:
        self._keys: dict[int, str] = {}
        self._at_work: int | None = None
        self._has_more = threading.Condition()
        self._is_closed = False

    def put(self, file_id: int, key: str) -> bool:
        """Take a file, or its newer key; tell whether there is room. The one at work finds newer keys itself."""
        with self._has_more:
            if file_id != self._at_work:
                if len(self._keys) >= MOST_WAITING and file_id not in self._keys:
                    return False
                self._keys[file_id] = key
                self._has_more.notify()
            return True

    def take(self) -> tuple[int, str] | None:
        """Wait for a file and return it with its newest key; None once the queue is closed."""
        with self._has_more:
            self._at_work = None
            self._has_more.wait_for(lambda: self._keys or self._is_closed)
            if self._is_closed:
                return None
            self._at_work = next(iter(self._keys))
            return self._at_work, self._keys.pop(self._at_work)

    def close(self) -> None:
        """Let `take` return None from now on."""
        with self._has_more:
            self._is_closed = True
            self._has_more.notify_all()


def signature(secret: str, stamp: str, body: bytes) -> str:
    """Return what the header X-Playback-Signature must be."""
    return "sha256=" + hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()


def is_genuine(secret: str, stamp: str, signed: str, body: bytes, now_s: float) -> bool:
    """Tell whether a body was signed with the secret, and lately: what was overheard cannot be sent again for ever."""
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) < 16) or abs(now_s - int(stamp)) > OLDEST_S:
        return False
    return hmac.compare_digest(signature(secret, stamp, body).encode(), signed.encode())


def read_body(body: bytes) -> tuple[int, str] | None:
    """Return the file's id and the key of its address; None for anything else."""
    try:
        said = json.loads(body)
        file_id, url = said["id"], said["url"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    if type(file_id) is not int or not isinstance(url, str) or not key_of(url).isalnum():
        return None
    return file_id, key_of(url)


def _shut(connection: socket.socket) -> None:
    """Let whoever waits for a connection wait no longer."""
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


class Server(ThreadingHTTPServer):
    """Listens at one address; a client is left after ten seconds, whatever it says, and not many are served at once."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], secret: str, queue: Queue) -> None:
        self.secret, self.queue = secret, queue
        self._free = threading.BoundedSemaphore(MOST_CONNECTIONS)
        super().__init__(address, Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection in a thread, once there is one."""
        self._free.acquire()
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve a connection and give its place back, ten seconds later at the latest."""
        end = threading.Timer(REQUEST_S, _shut, [request])
        end.daemon = True
        end.start()
        try:
            super().process_request_thread(request, client_address)
        finally:
            end.cancel()
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say in one line that a connection failed."""
        log.warning("a connection of %s failed", client_address[0])


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: Server
    timeout = REQUEST_S

    def do_POST(self) -> None:
        """Take a download address."""
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()):
            return self._answer(411)
        if len(length) > MOST_DIGITS or int(length) > MOST_BYTES:
            return self._answer(413)
        body = self.rfile.read(int(length))
        stamp, signed = (self.headers.get(f"X-Playback-{name}", "") for name in ("Timestamp", "Signature"))
        if not is_genuine(self.server.secret, stamp, signed, body, time.time()):
            return self._answer(401)
        found = read_body(body)
        if found is None:
            return self._answer(400)
        return self._answer(202 if self.server.queue.put(*found) else 503)

    def _answer(self, status: int) -> None:
        log.log(logging.DEBUG if status == 202 else logging.WARNING, "a POST of %s: %d", self.client_address[0], status)
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.send_header("Connection", "close")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing: a line of a request may hold anything."""
