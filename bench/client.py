"""A client that only counts: the same for every server that is compared, fast enough not to be what is measured."""

import time
from dataclasses import dataclass
from pathlib import Path
from socket import create_connection

BUFFER_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Download:
    """One answer: the bytes of its body, seconds until the last one, the client's own CPU seconds."""

    body_bytes: int
    wall_s: float
    client_cpu_s: float


def download(port: int, path: str, target: Path | None = None) -> Download:
    """Fetch a whole file over a new connection, to nowhere or into `target`. Raises AssertionError unless it is whole.

    The time counts from before the connection is opened.
    """
    buffer = bytearray(BUFFER_BYTES)
    view = memoryview(buffer)
    file = target.open("wb", buffering=0) if target else None
    begin_s, begin_cpu_s = time.perf_counter(), time.thread_time()
    with create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        head = b""
        while b"\r\n\r\n" not in head:
            size = connection.recv_into(buffer)
            assert size, f"the server closed the connection: {head[:300]!r}"
            head += view[:size]
        head, _, begun = head.partition(b"\r\n\r\n")
        body_bytes, wanted_bytes = len(begun), _length(head)
        if file:
            file.write(begun)
        while body_bytes < wanted_bytes and (size := connection.recv_into(buffer)):
            body_bytes += size
            if file:
                file.write(view[:size])
    wall_s, cpu_s = time.perf_counter() - begin_s, time.thread_time() - begin_cpu_s
    if file:
        file.close()
    assert body_bytes == wanted_bytes, f"{body_bytes} bytes of {wanted_bytes}"
    return Download(body_bytes, wall_s, cpu_s)


def _length(head: bytes) -> int:
    """Return the promised length of the body of a 200."""
    assert head.startswith(b"HTTP/1.1 200"), head[:300]
    for line in head.splitlines():
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    raise AssertionError(f"no Content-Length: {head!r}")
