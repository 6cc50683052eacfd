"""Sending the body of a download while a lease is held.

The first bytes go out with the headers through the server; the rest is written to its socket here, where it is seen how
far the client takes it. Under a server that gives no socket everything goes through it.
"""

import contextlib
import io
import os
import socket
import struct
from collections.abc import Callable, Iterator
from itertools import chain

from flask import request

from app.playback.byteranges import ByteRange
from app.transfer.heldlease import HeldLease
from app.transfer.pumping import STALL_S, Pump, read_blocks

FIRST_BYTES = 1 << 13  # they fit into any socket's buffer, with the headers
BLOCK_BYTES = 1 << 16
PLAIN_PROTOCOLS = ("HTTP/1.0", "HTTP/1.1")


class Sending:
    """The content of one answer: an iterable that is closed when the answer ends, however that comes."""

    def __init__(
        self, lease: HeldLease, first: bytes, rest: Iterator[bytes], pump_rest: Callable[[Pump], None]
    ) -> None:
        """Take over the first bytes, and the rest as blocks and as what a pump can send; only one of these is used."""
        self._lease, self._first, self._rest, self._pump_rest = lease, first, rest, pump_rest
        self._connection = client_socket()

    def __iter__(self) -> Iterator[bytes]:
        """Yield what the server is to send. Raises OSError, which closes the connection."""
        if self._connection is None:
            yield from self._through_server()
            return
        with _impatient(self._connection):
            yield self._first
        with _pumping(self._connection, self._lease.tell) as pump:
            self._pump_rest(pump)

    def _through_server(self) -> Iterator[bytes]:
        sent_bytes = 0
        for block in chain((self._first,), self._rest):
            yield block
            sent_bytes += len(block)
            self._lease.tell(sent_bytes)

    def close(self) -> None:
        """Give the place back. May be called again."""
        self._lease.end()


def send_file(lease: HeldLease, file: io.FileIO, wanted: ByteRange) -> Sending:
    """Return the content of a range of a file."""
    first = os.pread(file.fileno(), min(FIRST_BYTES, wanted.size_bytes), wanted.begin)
    middle = wanted.begin + len(first)
    rest = read_blocks(file.fileno(), middle, wanted.end, BLOCK_BYTES)
    return Sending(lease, first, rest, lambda pump: pump.send_file(file.fileno(), middle, wanted.end))


def send_blocks(lease: HeldLease, blocks: Iterator[bytes]) -> Sending:
    """Return the content that comes in blocks of any size."""
    begin = next(blocks, b"")
    rest = chain((begin[FIRST_BYTES:],), blocks)

    def pump_rest(pump: Pump) -> None:
        for block in rest:
            pump.send_block(block)

    return Sending(lease, begin[:FIRST_BYTES], rest, pump_rest)


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
