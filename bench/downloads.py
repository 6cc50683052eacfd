"""What one web process needs for 50 clients that each fetch other 24 h: anonymous memory, and what is left after."""

import selectors
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from socket import create_connection, socket

from bench.cameras import SEED
from bench.figures import Figure
from bench.footage import HOURS_24, Footage, address, long_footage, running, spans_24h
from bench.processes import children, count_threads, open_files, rss_anon_bytes
from tests.service import wait_for

CLIENTS = 50
FLOWING_S = 25.0
SLOW = 10  # clients that stay within the header of the film, at a hundredth of the others' speed
FAST_BYTES_S, SLOW_BYTES_S = 5_000_000, 50_000
LEAST_BYTES = {True: 500_000, False: 10_000_000}  # received by a slow and by a fast client when all is over
LIMIT_BYTES = 250_000_000
SAMPLE_S = 0.25
BUFFER_BYTES = 256 << 10


@dataclass(slots=True)
class Client:
    """One connection that reads at a bounded speed."""

    connection: socket
    is_slow: bool
    received_bytes: int = 0
    may_read_s: float = 0.0

    def read(self, buffer: bytearray, now_s: float) -> None:
        """Take what is there, once the speed allows it."""
        wanted = len(buffer) // (32 if self.is_slow else 1)
        size = self.connection.recv_into(buffer, wanted)
        assert size, f"the server closed a connection after {self.received_bytes} bytes"
        if not self.received_bytes:
            assert buffer.startswith(b"HTTP/1.1 200"), bytes(buffer[:200])
        self.received_bytes += size
        self.may_read_s = now_s + size / (SLOW_BYTES_S if self.is_slow else FAST_BYTES_S)


def measure() -> list[Figure]:
    """Open 50 downloads twice: the first time makes the process's threads, the second is what counts for the rest."""
    footage = long_footage()
    begins = spans_24h(footage, 2 * CLIENTS, SEED + 1)
    with running(footage.serve(WEB_WORKERS=1, WEB_THREADS=64)) as service:
        (pid,) = children(service.pid("web"))
        fresh_bytes, listening = rss_anon_bytes(pid), _sockets(pid)
        waves = [_flow(service.port, pid, footage, begins[:CLIENTS], 5.0)]
        _seconds_until(lambda: _sockets(pid) <= listening)
        before = {"files": _files(pid), "threads": count_threads(pid)}
        waves.append(_flow(service.port, pid, footage, begins[CLIENTS:], FLOWING_S))
        left_s = _seconds_until(lambda: _sockets(pid) <= listening)
        after = {"files": _files(pid), "threads": count_threads(pid)}
        rest_bytes = rss_anon_bytes(pid)
    most_bytes = max(max(samples) for samples, _ in waves)
    clients = waves[-1][1]
    assert all(client.received_bytes >= LEAST_BYTES[client.is_slow] for client in clients), "a client got too little"
    received = sorted(client.received_bytes for client in clients)
    detail = {
        **footage.archive.describe(),
        "rss_anon_fresh_mb": fresh_bytes / 1e6,
        "rss_anon_most_mb": [max(samples) / 1e6 for samples, _ in waves],
        "rss_anon_after_mb": rest_bytes / 1e6,
        "received_gb": sum(received) / 1e9,
        "least_and_most_received_mb": [received[0] / 1e6, received[-1] / 1e6],
        "files_and_threads_before": before,
        "files_and_threads_after": after,
        "all_closed_after_s": left_s,
    }
    is_clean = after["files"] <= before["files"] and after["threads"] <= before["threads"]
    shown = (
        f"{most_bytes / 1e6:.0f} MB ({fresh_bytes / 1e6:.0f} before, {rest_bytes / 1e6:.0f} after); "
        f"files and threads after {left_s:.1f} s {'as before' if is_clean else f'{after}, before {before}'}"
    )
    what = f"RssAnon of one web process that serves {CLIENTS} downloads of different 24 h"
    return [Figure(what, "≤ 250 MB", shown, most_bytes <= LIMIT_BYTES and is_clean, detail)]


def _sockets(pid: int) -> int:
    return sum(name.startswith("socket:") for name in open_files(pid))


def _files(pid: int) -> int:
    """Return how many files are open, connections to the database left out: a bounded pool keeps them."""
    return sum(not name.endswith((".db", ".db-wal", ".db-shm")) for name in open_files(pid))


def _seconds_until(is_so: Callable[[], bool]) -> float:
    """Return after how long a condition holds."""
    begin_s = time.monotonic()
    wait_for(is_so, "the end of all downloads", 30)
    left_s = time.monotonic() - begin_s
    time.sleep(1)  # files are closed after the connection
    return left_s


def _flow(port: int, pid: int, footage: Footage, begins: list[int], flowing_s: float) -> tuple[list[int], list[Client]]:
    """Let all clients read; return samples of the memory from when all have begun, and what each has received."""
    samples: list[int] = []
    with _clients(port, footage, begins) as clients:
        end_s, sample_at_s = time.monotonic() + 60, 0.0
        all_flow = False
        while (now_s := time.monotonic()) < end_s:
            _read_round(clients, now_s)
            if not all_flow and all(client.received_bytes for client in clients):
                all_flow, end_s = True, now_s + flowing_s
            if now_s >= sample_at_s:
                samples.append(rss_anon_bytes(pid))
                sample_at_s = now_s + SAMPLE_S
        assert all_flow, "not all clients got their first bytes within 60 s"
        return samples, clients


def _read_round(clients: list[Client], now_s: float) -> None:
    """Let every client read once that may and can, or wait for 10 ms."""
    buffer = bytearray(BUFFER_BYTES)
    with selectors.DefaultSelector() as selector:
        for client in clients:
            if client.may_read_s <= now_s:
                selector.register(client.connection, selectors.EVENT_READ, client)
        if not selector.get_map():
            time.sleep(0.01)
            return
        for key, _ in selector.select(0.01):
            key.data.read(buffer, now_s)


@contextmanager
def _clients(port: int, footage: Footage, begins: list[int]) -> Iterator[list[Client]]:
    clients: list[Client] = []
    try:
        for number, begin_us in enumerate(begins):
            connection = create_connection(("127.0.0.1", port), timeout=60)
            clients.append(Client(connection, number % (CLIENTS // SLOW) == 0))
            path = address(footage.source_ids[0], "/video.mp4", begin_us, HOURS_24)
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        yield clients
    finally:
        for client in clients:
            client.connection.close()
