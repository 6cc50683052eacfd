"""Sending the body of a download while a lease is held.

The first bytes go out with the headers through the server; the rest is written to its socket here, where it is seen how
far the client takes it. Under a server that gives no socket everything goes through it.
"""

import contextlib
import io
import socket
import struct
from collections.abc import Callable, Iterator

from flask import request

from app.playback.byteranges import ByteRange
from app.transfer.heldlease import HeldLease
from app.transfer.pumping import STALL_S, Pump, read_blocks

FIRST_BYTES = 1 << 13  # they fit into any socket's buffer, with the headers
BLOCK_BYTES = 1 << 16
PLAIN_PROTOCOLS = ("HTTP/1.0", "HTTP/1.1")


class Sending:
    """The content of one answer: an iterable that gives its place back when it ends or is closed."""

    def __init__(self, lease: HeldLease, close: Callable[[], None]) -> None:
        """Take over a lease, and what closes the source of the bytes."""
        self._lease, self._close = lease, close
        self._connection = client_socket()

    def __iter__(self) -> Iterator[bytes]:
        """Yield what the server is to send. Raises OSError, which closes the connection."""
        try:
            yield from self._through_server() if self._connection is None else self._past_server(self._connection)
        finally:
            self.close()

    def close(self) -> None:
        """Give the place back. May be called again."""
        try:
            self._close()
        finally:
            self._lease.end()

    def _through_server(self) -> Iterator[bytes]:
        sent_bytes = 0
        for block in self._blocks():
            yield block
            sent_bytes += len(block)
            self._lease.tell(sent_bytes)

    def _past_server(self, connection: socket.socket) -> Iterator[bytes]:
        with _impatient(connection):
            yield self._first()
        with _pumping(connection, self._lease.tell) as pump:
            self._pump_rest(pump)

    def _blocks(self) -> Iterator[bytes]:
        """Yield all that is to be sent."""
        raise NotImplementedError

    def _first(self) -> bytes:
        """Return what goes out with the headers."""
        raise NotImplementedError

    def _pump_rest(self, pump: Pump) -> None:
        """Send what comes after it."""
        raise NotImplementedError


class FileSending(Sending):
    """A range of a file, which the kernel sends."""

    def __init__(self, lease: HeldLease, file: io.FileIO, wanted: ByteRange) -> None:
        """Take over an open file."""
        super().__init__(lease, file.close)
        self._file, self._begin, self._end = file, wanted.begin, wanted.end
        self._middle = min(wanted.begin + FIRST_BYTES, wanted.end)

    def _blocks(self) -> Iterator[bytes]:
        return read_blocks(self._file.fileno(), self._begin, self._end, BLOCK_BYTES)

    def _first(self) -> bytes:
        return b"".join(read_blocks(self._file.fileno(), self._begin, self._middle, FIRST_BYTES))

    def _pump_rest(self, pump: Pump) -> None:
        pump.send_file(self._file.fileno(), self._middle, self._end)


class BlocksSending(Sending):
    """What comes in blocks of any size."""

    def __init__(self, lease: HeldLease, blocks: Iterator[bytes], close: Callable[[], None]) -> None:
        """Take over an iterator of blocks."""
        super().__init__(lease, close)
        self._all = blocks
        self._rest = b""

    def _blocks(self) -> Iterator[bytes]:
        return self._all

    def _first(self) -> bytes:
        block = next(self._all, b"")
        self._rest = block[FIRST_BYTES:]
        return block[:FIRST_BYTES]

    def _pump_rest(self, pump: Pump) -> None:
        pump.send_block(self._rest)
        for block in self._all:
            pump.send_block(block)


def client_socket() -> socket.socket | None:
    """Return the socket of the current request; None where the server has none for us, or codes what it sends."""
    connection = request.environ.get("gunicorn.socket")
    is_plain = type(connection) is socket.socket and request.environ.get("SERVER_PROTOCOL") in PLAIN_PROTOCOLS
    return connection if is_plain else None


@contextlib.contextmanager
def _impatient(connection: socket.socket) -> Iterator[None]:
    """Let the server give up on a client that takes nothing; else it waits without end."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", int(STALL_S), 0))
    try:
        yield
    finally:
        with contextlib.suppress(OSError):  # it may be closed
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", 0, 0))


@contextlib.contextmanager
def _pumping(connection: socket.socket, tell: Callable[[int], None]) -> Iterator[Pump]:
    """Yield a pump; afterwards the socket is the server's again."""
    pump = Pump(connection, tell)
    try:
        yield pump
    finally:
        with contextlib.suppress(OSError):
            pump.close()
