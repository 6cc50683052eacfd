"""An upload of 2 GB, by form and by tus, against a bare WSGI loop that writes the same body to the same disk.

In turn, the same client, the same server (gunicorn's threads), the same file system, durable at the end. Each file is
removed before the next comes.
"""

import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bench.figures import Figure, median
from bench.footage import running
from bench.processes import children, cpu_s, rss_anon_bytes
from tests.ports import free_port
from tests.service import ROOT, Service, wait_for

SIZE_BYTES = 2 * 10**9
ROUNDS = 3
BLOCK_BYTES = 1 << 20
LEAST_RATIO, MOST_GROWTH_BYTES = 0.7, 20_000_000
BOUNDARY = "-" * 24 + "d74496d66958873e"  # as long as those of curl
FORM = f"--{BOUNDARY}\r\n".encode() + b'Content-Disposition: form-data; name="upload"; filename="film.bin"\r\n\r\n'
FORM_END = f"\r\n--{BOUNDARY}--\r\n".encode()
LOOK_S = 0.05


def measure() -> list[Figure]:
    """Send the same bytes to all three, several times in turn."""
    taken: dict[str, list[float]] = {"bare": [], "form": [], "tus": []}
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        service = Service(folder / "instance", "web", WEB_WORKERS=1)
        service.run("-m", "flask", "prepare")
        with bare(folder) as port, running(service) as served:
            (pid,) = children(served.pid("web"))
            for way in ("form", "tus"):  # once, so that what is loaded at the first upload is no growth
                _send(served, way, 10**6)
            before_bytes = rss_anon_bytes(pid)
            peak_bytes, cpu = before_bytes, {"form": 0.0, "tus": 0.0}
            for _ in range(ROUNDS):
                taken["bare"].append(_post(port, "/", b"", b"", SIZE_BYTES))
                (folder / "bare.out").unlink()
                for way in ("form", "tus"):
                    begun_s = cpu_s([pid])
                    wall_s, peak = _watched(served, way, pid)
                    cpu[way] += cpu_s([pid]) - begun_s
                    taken[way].append(wall_s)
                    peak_bytes = max(peak_bytes, peak)
    return [_figure(taken, peak_bytes - before_bytes, cpu)]


@contextmanager
def bare(folder: Path) -> Iterator[int]:
    """Run the bare loop until the end of the block; yield its port."""
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "-k", "gthread", "--threads", "4", "--log-level", "warning"]
    environment = {**os.environ, "BENCH_TARGET": str(folder / "bare.out"), "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen([*command, "-b", f"127.0.0.1:{port}", "bench.bareapp:app"], env=environment, cwd=folder)
    try:
        wait_for(lambda: _is_open(port), "the bare server", 20)
        yield port
    finally:
        process.terminate()
        process.wait(20)


def _is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _watched(service: Service, way: str, pid: int) -> tuple[float, int]:
    """Upload once; return the seconds, and the most memory that the web process had meanwhile."""
    found, is_done = [rss_anon_bytes(pid)], threading.Event()

    def watch() -> None:
        while not is_done.wait(LOOK_S):
            found.append(rss_anon_bytes(pid))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        wall_s = _send(service, way, SIZE_BYTES)
    finally:
        is_done.set()
        watcher.join()
    return wall_s, max(found)


def _send(service: Service, way: str, size_bytes: int) -> float:
    """Upload to the service, then delete the file; return the seconds."""
    begun_s = time.monotonic()
    if way == "form":
        lines = f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n"
        _post(service.port, "/files/", FORM, FORM_END, size_bytes, lines)
    else:
        tus = "Tus-Resumable: 1.0.0\r\nContent-Type: application/offset+octet-stream\r\n"
        _post(service.port, "/files/", b"", b"", size_bytes, f"{tus}Upload-Length: {size_bytes}\r\n")
    wall_s = time.monotonic() - begun_s
    (shown,) = service.call("GET", "/files/")
    assert (shown["status"], shown["size_bytes"]) == ("ready", size_bytes)
    service.call("DELETE", f"/files/{shown['id']}/")
    return wall_s


def _post(port: int, path: str, begin: bytes, end: bytes, size_bytes: int, lines: str = "") -> float:
    """Send a body; return the seconds until the answer. Raises ValueError for a refusal."""
    block = os.urandom(BLOCK_BYTES)
    begun_s = time.monotonic()
    with socket.create_connection(("127.0.0.1", port), timeout=600) as connection:
        length = len(begin) + size_bytes + len(end)
        head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{lines}Content-Length: {length}\r\n\r\n"
        with suppress(ConnectionError):  # refused: the answer says why
            connection.sendall(head.encode() + begin)
            for sent in range(0, size_bytes, BLOCK_BYTES):
                connection.sendall(block[: size_bytes - sent])
            connection.sendall(end)
        answer = connection.recv(65536)
    if answer.split()[1] not in (b"200", b"201"):
        raise ValueError(answer.decode("latin-1"))
    return time.monotonic() - begun_s


def _figure(taken: dict[str, list[float]], growth_bytes: int, cpu: dict[str, float]) -> Figure:
    speeds = {way: [SIZE_BYTES / 1e6 / wall_s for wall_s in each] for way, each in taken.items()}
    ratios = {way: median(speeds[way]) / median(speeds["bare"]) for way in ("form", "tus")}
    detail = {
        "size_bytes": SIZE_BYTES,
        "mb_s": speeds,
        "ratio": ratios,
        "growth_mb": growth_bytes / 1e6,
        "web_cpu_s_per_gb": {way: each / ROUNDS / SIZE_BYTES * 1e9 for way, each in cpu.items()},
    }
    shown = (
        f"{ratios['form']:.2f} by form, {ratios['tus']:.2f} by tus ({median(speeds['form']):.0f} and "
        f"{median(speeds['tus']):.0f} to {median(speeds['bare']):.0f} MB/s; {ROUNDS} rounds), "
        f"memory {growth_bytes / 1e6:+.1f} MB"
    )
    is_met = min(ratios.values()) >= LEAST_RATIO and growth_bytes <= MOST_GROWTH_BYTES
    what = f"an upload of {SIZE_BYTES / 1e9:g} GB: throughput over that of a bare WSGI loop, growth of the web process"
    return Figure(what, "≥ 0.7, ≤ +20 MB", shown, is_met, detail)
