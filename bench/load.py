"""A client that asks for one thing as often as it is answered, over some connections that are kept."""

import selectors
import time
from contextlib import ExitStack
from dataclasses import dataclass
from socket import SOL_TCP, TCP_NODELAY, create_connection, socket

BUFFER_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Load:
    """What was answered: whole answers, the seconds they took together, and the body of the last one."""

    answers: int
    wall_s: float
    body: bytes

    @property
    def per_s(self) -> float:
        """Return the answers a second."""
        return self.answers / self.wall_s


def load(port: int, path: str, *, connections: int, seconds: float) -> Load:
    """Ask over each connection again as soon as it is answered. Raises AssertionError unless all answers are 200."""
    request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    buffer = bytearray(BUFFER_BYTES)
    with ExitStack() as stack, selectors.DefaultSelector() as selector:
        for _ in range(connections):
            connection = stack.enter_context(create_connection(("127.0.0.1", port), timeout=30))
            connection.setsockopt(SOL_TCP, TCP_NODELAY, 1)
            selector.register(connection, selectors.EVENT_READ)
            connection.sendall(request)
        answers, body = 0, b""
        begin_s = time.perf_counter()
        while time.perf_counter() - begin_s < seconds:
            for key, _ in selector.select(5):
                assert isinstance(key.fileobj, socket)
                body = _answer(key.fileobj, buffer)
                answers += 1
                key.fileobj.sendall(request)
        return Load(answers, time.perf_counter() - begin_s, body)


def _answer(connection: socket, buffer: bytearray) -> bytes:
    """Read one whole answer and return its body."""
    have, end, length = 0, -1, 0
    view = memoryview(buffer)
    while end < 0 or have < end + length:
        size = connection.recv_into(view[have:])
        assert size, "the server closed the connection"
        have += size
        if end < 0 and (found := buffer.find(b"\r\n\r\n", 0, have)) >= 0:
            head = bytes(view[:found])
            assert head.startswith(b"HTTP/1.1 200"), head
            length, end = _length(head), found + 4
    return bytes(view[end:have])


def _length(head: bytes) -> int:
    lines = head.lower().splitlines()
    return int(next(line for line in lines if line.startswith(b"content-length:")).partition(b":")[2])
