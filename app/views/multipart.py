"""Answers without end: mJPEG streams, one thread each, so that they starve nothing else.

A part is followed at once by the boundary of the next: a client shows a picture when it has seen where it ends.
"""

import contextlib
import logging
import socket
import threading
import time
from collections.abc import Callable, Generator, Iterator

from flask import Flask, Response, current_app, request

from app.errors import Busy, PlaybackError

log = logging.getLogger(__name__)

BOUNDARY = "frame"
STREAMED = "multipart/x-mixed-replace"
STUCK_S = 20.0  # a client that takes nothing for so long is cut off
RESERVED = 64  # threads of a process that stay for answers with an end; at least a quarter

Pictures = Iterator[tuple[bytes, dict[str, str]] | None]


_is_ending: list[Callable[[], bool]] = []


def tell_end(is_ending: Callable[[], bool]) -> None:
    """Take from the server what tells that this process is asked to end: streams would hold it for ever."""
    _is_ending[:] = [is_ending]


def is_ending() -> bool:
    """Tell whether this process is asked to end."""
    return any(tell() for tell in _is_ending)


class Seat:
    """The place of one client that is being sent a stream."""

    def __init__(self, seats: "Seats", connection: socket.socket | None) -> None:
        self._seats, self._connection = seats, connection
        self.writing_since_s: float | None = None

    def release(self) -> None:
        """Give the place back. May be called again."""
        self._seats.release(self)

    def is_gone(self) -> bool:
        """Tell whether the client has left; never where the server does not let us look."""
        if self._connection is None:
            return False
        try:
            return not self._connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def cut(self) -> None:
        """End the connection: the thread that writes to it is woken by an error."""
        if self._connection is not None:
            with contextlib.suppress(OSError):
                self._connection.shutdown(socket.SHUT_RDWR)


class Seats:
    """The places of one process, and a look at them now and then for clients that take nothing."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._taken: set[Seat] = set()
        self._lock = threading.Lock()
        self._is_watched = False

    def take(self) -> Seat:
        """Take a place for the current request. Raises Busy where there is none."""
        connection = request.environ.get("gunicorn.socket")
        with self._lock:
            if len(self._taken) >= self._count:
                raise Busy(f"{self._count} streams are being sent by this process already; ask again in a moment")
            seat = Seat(self, connection if type(connection) is socket.socket else None)
            self._taken.add(seat)
            if not self._is_watched:
                self._is_watched = True
                threading.Thread(target=self._watch, name="seats", daemon=True).start()
        return seat

    def release(self, seat: Seat) -> None:
        """Free a place."""
        with self._lock:
            self._taken.discard(seat)

    def _watch(self) -> None:
        while True:
            time.sleep(STUCK_S / 4)
            with self._lock:
                taken = list(self._taken)
                if not taken:
                    self._is_watched = False
                    return
            limit_s = time.monotonic() - STUCK_S
            for seat in taken:
                if seat.writing_since_s is not None and seat.writing_since_s < limit_s:
                    seat.cut()


def begin(app: Flask) -> None:
    """Give the app its places: as many as threads, less a reserve."""
    threads = app.config["PLAYBACK"].WEB_THREADS
    app.extensions["playback_seats"] = Seats(max(1, threads - max(RESERVED, threads // 4), threads // 2))


def take_seat() -> Seat:
    """Take a place for the current request. Raises Busy."""
    seats: Seats = current_app.extensions["playback_seats"]
    return seats.take()


def stream(pictures: Pictures, seat: Seat) -> Response:
    """Return the answer that sends JPEGs with their headers as they come; None is a moment to look for the client."""
    response = bare_stream(_parts(pictures, seat))
    response.call_on_close(seat.release)
    return response


def bare_stream(parts: Iterator[bytes]) -> Response:
    """Return the answer with parts that are made already."""
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return Response(parts, content_type=f"{STREAMED}; boundary={BOUNDARY}", headers=headers)


def part(jpeg: bytes, headers: dict[str, str]) -> bytes:
    """Return a picture as a part, without the end of the boundary line before, but with the boundary after it."""
    lines = ["", "Content-Type: image/jpeg", f"Content-Length: {len(jpeg)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + jpeg + f"\r\n--{BOUNDARY}".encode("ascii")


def _parts(pictures: Pictures, seat: Seat) -> Generator[bytes, None, None]:
    """Yield the parts until the pictures end, with the closing boundary; or until the client is gone."""
    try:
        begin = f"--{BOUNDARY}".encode("ascii")
        with contextlib.suppress(PlaybackError):  # it was told before the first, or the stream just ends
            for picture in pictures:
                if is_ending():
                    break
                if picture is None:
                    if seat.is_gone():
                        return
                    continue
                seat.writing_since_s = time.monotonic()
                yield begin + part(*picture)
                seat.writing_since_s = None
                begin = b""
        yield begin + b"--\r\n"
    finally:
        seat.release()
        close = getattr(pictures, "close", None)
        if close is not None:
            close()
