"""Downloads by key: two hundred at once on one file, and the first byte of one after the other."""

import selectors
import socket
import tempfile
import time
from pathlib import Path

from bench.figures import Figure, percentile
from tests.handed import leases_of, row_of, store_and_rotate
from tests.served import Served, serving
from tests.service import wait_for

MANY, MOST, ROUNDS = 200, 10, 5
LARGE_BYTES = 32 << 20  # more than the kernel holds for a client that reads nothing
SMALL_BYTES = 1 << 20
SINGLE = 300
LIMIT_MS = 20.0


def measure() -> list[Figure]:
    """Ask a service of two processes."""
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as name,
        serving(Path(name) / "instance", WEB_WORKERS=2) as served,
    ):
        return [_at_once(served), _first_byte(served)]


def _at_once(served: Served) -> Figure:
    """Let 200 clients ask together, in rounds; who is served reads nothing until all are answered."""
    file_id, key = store_and_rotate(served.app, bytes(LARGE_BYTES))
    begun: list[int] = []
    served_ms: list[float] = []
    refused_ms: list[float] = []
    for _ in range(ROUNDS):
        connections = [_connected(served.service.port) for _ in range(MANY)]
        answered = _ask_all(connections, _request(key))
        begun.append(sum(head.startswith(b"HTTP/1.1 200") for head, _ in answered))
        served_ms += [ms for head, ms in answered if head.startswith(b"HTTP/1.1 200")]
        refused_ms += [ms for head, ms in answered if head.startswith(b"HTTP/1.1 429")]
        for connection in connections:
            connection.close()
        wait_for(lambda: not leases_of(served.app, file_id), "the return of every place")
    detail = {
        "began_in_each_round": begun,
        "refused_in_all_rounds": len(refused_ms),
        "downloads_counted": row_of(served.app, file_id).downloads,
        "ms_to_429_p50_p99": [percentile(refused_ms, 50), percentile(refused_ms, 99)],
        "ms_to_200_p50_p99": [percentile(served_ms, 50), percentile(served_ms, 99)],
    }
    is_exact = begun == [MOST] * ROUNDS and len(refused_ms) == ROUNDS * (MANY - MOST)
    shown = (
        f"{'/'.join(map(str, begun))} in {ROUNDS} rounds, all others 429 after {percentile(refused_ms, 50):.0f} ms "
        f"(p99 {percentile(refused_ms, 99):.0f} ms)"
    )
    return Figure(f"{MANY} parallel requests on one file: downloads", f"exactly {MOST}", shown, is_exact, detail)


def _first_byte(served: Served) -> Figure:
    """Download a file again and again, each time over a new connection."""
    _, key = store_and_rotate(served.app, bytes(SMALL_BYTES))
    took_ms = []
    for _ in range(SINGLE):
        with _connected(served.service.port) as connection:
            begin_s = time.perf_counter()
            connection.sendall(_request(key))
            head = connection.recv(1)
            took_ms.append((time.perf_counter() - begin_s) * 1000)
            assert head, "the server closed the connection"
            while connection.recv(1 << 18):
                pass
    p50_ms, p99_ms = percentile(took_ms, 50), percentile(took_ms, 99)
    shown = f"{p50_ms:.1f} ms, p99 {p99_ms:.1f} ms"
    what = "First byte of `GET /download/KEY/`, which takes a place: p50"
    return Figure(what, f"p99 ≤ {LIMIT_MS:.0f} ms", shown, p99_ms <= LIMIT_MS, {"requests": SINGLE})


def _request(key: str) -> bytes:
    return f"GET /download/{key}/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()


def _connected(port: int) -> socket.socket:
    """Return a connection with a small buffer."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 14)
    connection.settimeout(60)
    connection.connect(("127.0.0.1", port))
    return connection


def _ask_all(connections: list[socket.socket], request: bytes) -> list[tuple[bytes, float]]:
    """Send a request on all connections; return what each answer begins with, and after how many milliseconds."""
    found = []
    with selectors.DefaultSelector() as selector:
        begin_s = time.perf_counter()
        for connection in connections:
            connection.sendall(request)
            selector.register(connection, selectors.EVENT_READ, connection)
        while selector.get_map():
            ready = selector.select(60)
            assert ready, "an answer did not come within 60 s"
            for key, _ in ready:
                found.append((key.data.recv(64), (time.perf_counter() - begin_s) * 1000))
                selector.unregister(key.data)
    return found
