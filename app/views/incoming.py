"""The body of a request as it comes from the network: as much as there is, without a limit.

gunicorn's own `read` waits until it has all that is asked for, and a connection that breaks meanwhile takes that away.
Here its connection is read, and its count of what is left kept: whatever arrived is taken. A server of another kind
(Flask's test client) is read by its stream.
"""

import contextlib
import select
import socket
from collections.abc import Callable

from flask import Flask, request
from gunicorn.http.body import Body, ChunkedReader, LengthReader
from werkzeug.exceptions import ClientDisconnected

from app.errors import Invalid
from app.transfer.writers import EXTENSION, Writers
from app.views.multipart import Seat, is_ending, take_seat

BLOCK_BYTES = 1 << 18
NO_LIMIT = 2**62
IDLE_S = 0.25  # after so long without a byte what has come is made durable


def begin(app: Flask) -> None:
    """Prepare what the uploads of this process share; nothing is started."""
    app.extensions[EXTENSION] = Writers(app, is_ending)


class Incoming:
    """The body of the current request. Takes a place among the streams of the process; `close` gives it back."""

    def __init__(self) -> None:
        """Take a place. Raises Busy where this process has none."""
        # A file is larger than what else is sent here; its own limits hold. None would mean that of the app.
        request.max_content_length = NO_LIMIT
        self._seat: Seat = take_seat()
        self._stream = request.stream
        connection = request.environ.get("gunicorn.socket")
        self._connection = connection if type(connection) is socket.socket else None
        body = request.environ.get("wsgi.input")
        self._reader = body.reader if isinstance(body, Body) and self._connection is not None else None
        self.length = request.content_length
        self.read_bytes = 0
        self.is_broken = self._is_over = False
        self.on_idle: Callable[[], None] | None = None

    def close(self) -> None:
        """Give the place back."""
        self._seat.release()

    def wake(self) -> None:
        """Let a read that waits return: nothing more is read from this connection, but it can be answered."""
        if self._connection is not None:
            with contextlib.suppress(OSError):
                self._connection.shutdown(socket.SHUT_RD)

    def read(self, most: int = BLOCK_BYTES) -> bytes:
        """Return the next bytes; none at the end, and where the connection broke.

        Calls `on_idle` where none come for a moment. Raises ParseException for chunks that are malformed.
        """
        if self._is_over:
            return b""
        try:
            block = self._next(most)
        except (OSError, ClientDisconnected):  # reset, silent for too long, or cut within a chunk
            self.is_broken = True
            block = b""
        self.read_bytes += len(block)
        self._is_over = not block
        if self._is_over and self.length is not None and self.read_bytes < self.length:
            self.is_broken = True
        return block

    def _next(self, most: int) -> bytes:
        if isinstance(self._reader, LengthReader):
            return self._of_length(self._reader, most)
        if isinstance(self._reader, ChunkedReader):
            return self._of_chunk(self._reader)
        return self._stream.read(most)

    def _of_length(self, reader: LengthReader, most: int) -> bytes:
        if not reader.length:
            return b""
        held: bytes = reader.unreader.take_buffered()
        if held:
            block = held[: min(most, reader.length)]
            reader.unreader.unread(held[len(block) :])
        else:
            self._wait()
            assert self._connection is not None
            block = self._connection.recv(min(most, reader.length))
        reader.length -= len(block)
        return block

    def _of_chunk(self, reader: ChunkedReader) -> bytes:
        if reader.parser is None:
            return b""
        if not reader.req.unreader.buf.getvalue():
            self._wait()
        try:
            return bytes(next(block for block in reader.parser if block))
        except StopIteration:
            reader.parser = None
            return b""

    def _wait(self) -> None:
        """Call `on_idle` where nothing comes for a moment; the read that follows waits on."""
        if self.on_idle is None or self._connection is None:
            return
        poll = select.poll()
        poll.register(self._connection, select.POLLIN)
        if not poll.poll(IDLE_S * 1000):
            self.on_idle()

    def check(self) -> None:
        """Raise Invalid where the body broke off."""
        if self.is_broken:
            said = "" if self.length is None else f", {self.length} were announced"
            raise Invalid(
                f"the body ended after {self.read_bytes} bytes{said}: what came is kept", kind="body_incomplete"
            )
