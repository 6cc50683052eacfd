"""The body of a request as it comes from the network: in blocks, without a limit, and without waiting for the rest.

gunicorn's read returns fewer bytes where the peer has hung up, and raises where it was reset, or sent nothing for as
long as gunicorn/config.py allows. What was read until then is in its buffers: it is taken from there, none is lost.
"""

import contextlib
import socket
import time

from flask import Flask, request
from gunicorn.http.body import Body, ChunkedReader, LengthReader
from gunicorn.http.errors import NoMoreData
from werkzeug.exceptions import ClientDisconnected

from app.errors import Invalid
from app.transfer.writers import EXTENSION, Writers
from app.views.multipart import Seat, is_ending, take_seat

LEAST_BYTES, MOST_BYTES = 1 << 12, 1 << 16
SLOW_S, QUICK_S = 0.5, 0.05


def begin(app: Flask) -> None:
    """Prepare what the uploads of this process share; nothing is started."""
    app.extensions[EXTENSION] = Writers(app, is_ending)


class Incoming:
    """The body of the current request. Takes a place among the streams of the process; `close` gives it back."""

    def __init__(self) -> None:
        """Take a place. Raises Busy where this process has none."""
        request.max_content_length = None  # a file is larger than what else is sent here; its own limits hold
        self._seat: Seat = take_seat()
        self._body = request.environ.get("wsgi.input")
        self._stream = request.stream
        self._block = MOST_BYTES
        self._is_over = False
        self.length = request.content_length
        self.read_bytes = 0
        self.is_broken = False

    def close(self) -> None:
        """Give the place back."""
        self._seat.release()

    def wake(self) -> None:
        """Let a read that waits return: nothing more is read from this connection, but it can be answered."""
        connection = request.environ.get("gunicorn.socket")
        if type(connection) is socket.socket:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RD)

    def read(self, most: int = MOST_BYTES) -> bytes:
        """Return the next bytes; none at the end, and where the connection broke."""
        if self._is_over:
            return b""
        size, begun_s = min(most, self._block), time.monotonic()
        try:
            block = self._stream.read(size)
        except (OSError, NoMoreData, ClientDisconnected):
            self.is_broken = True
            block = self._left()
        took_s = time.monotonic() - begun_s
        if took_s > SLOW_S:
            self._block = max(self._block // 4, LEAST_BYTES)
        elif took_s < QUICK_S:
            self._block = min(self._block * 2, MOST_BYTES)
        self._is_over = len(block) < size
        self.read_bytes += len(block)
        if self._is_over and self.length is not None and self.read_bytes < self.length:
            self.is_broken = True
        return block

    def _left(self) -> bytes:
        """Return what was read from the connection before it broke, and not given out."""
        if not isinstance(self._body, Body):
            return b""
        held = bytes(self._body.buf.getvalue())
        reader = self._body.reader
        if isinstance(reader, LengthReader):
            return held + bytes(reader.unreader.take_buffered())
        return held + bytes(reader.buf.getvalue()) if isinstance(reader, ChunkedReader) else held

    def check(self) -> None:
        """Raise Invalid where the body broke off."""
        if self.is_broken:
            said = "" if self.length is None else f", {self.length} were announced"
            raise Invalid(
                f"the body ended after {self.read_bytes} bytes{said}: what came is kept", kind="body_incomplete"
            )
