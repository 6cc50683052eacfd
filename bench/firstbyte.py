"""How soon the first byte of an hour's `video.mp4` comes, against ffmpeg's concat of the same files to a pipe.

Taken by a client on the same machine: from before the request is written (new connections: before they are opened)
until the first byte of the body can be read. The server's own time is less.
"""

import subprocess
import tempfile
import time
from pathlib import Path
from socket import create_connection, socket

import requests

from app.capture.ffmpeg import find_ffmpeg
from bench.cameras import FULL_HD, describe_clip
from bench.figures import Figure, median, percentile
from bench.hour import BEGIN_US, HOUR_S, make_hour
from tests.archive_reading import segment_files
from tests.service import Service, wait_for

REQUESTS, WARMING = 30, 6
RANGE_BYTES = 65_536
PAUSE_S = 0.05  # for the server to notice that the client before has gone
LIMIT_MS, LIMIT_RATIO = 20.0, 5.0


def measure() -> list[Figure]:
    """Make an hour of footage, then ask for it again and again, each time beside a start of ffmpeg."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        service = Service(Path(folder), "web")
        source_id, took = make_hour(service)
        service.spawn("web")
        try:
            wait_for(lambda: is_alive(service), "the web server", 30)
            files = [path for *_, path in segment_files(service, source_id)]
            times_ms = _times_ms(service.port, source_id, files, Path(folder) / "files.txt")
        finally:
            service.stop()
        made = {"files": len(files), "gigabytes": sum(path.stat().st_size for path in files) / 1e9, **took}
    return [_figure(times_ms, {"camera": describe_clip(FULL_HD), **made})]


def is_alive(service: Service) -> bool:
    """Tell whether the web server answers."""
    try:
        return requests.get(f"{service.base}/healthz", timeout=5).status_code == 200
    except requests.RequestException:
        return False


def _figure(times_ms: dict[str, list[float]], detail: dict[str, object]) -> Figure:
    middle = {name: median(times) for name, times in times_ms.items()}
    ratio = middle["ffmpeg_concat"] / middle["new"]
    for name, times in times_ms.items():
        detail[f"{name}_ms"] = {"median": middle[name], "p95": percentile(times, 95), "least": min(times)}
    detail["times_sooner_than_ffmpeg"] = ratio
    shown = (
        f"{middle['new']:.1f} ms (p95 {percentile(times_ms['new'], 95):.1f}) on new connections, "
        f"{middle['kept']:.1f} ms (p95 {percentile(times_ms['kept'], 95):.1f}) on one kept; "
        f"{ratio:.1f} times sooner than ffmpeg's {middle['ffmpeg_concat']:.0f} ms"
    )
    is_met = max(middle["new"], middle["kept"]) <= LIMIT_MS and ratio >= LIMIT_RATIO
    return Figure("`video.mp4` of 1 h: first byte", "≤ 20 ms; ≥ 5 times sooner than ffmpeg", shown, is_met, detail)


def _times_ms(port: int, source_id: int, files: list[Path], listing: Path) -> dict[str, list[float]]:
    """Return milliseconds until the first byte: new connections, one kept alive, and ffmpeg."""
    path = f"/playbackapi/source/{source_id}/video.mp4?start={BEGIN_US // 1_000_000}&duration={HOUR_S}"
    whole = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
    part = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nRange: bytes=0-{RANGE_BYTES - 1}\r\n\r\n".encode()
    listing.write_text("".join(f"file '{file}'\n" for file in files), "utf-8")
    times: dict[str, list[float]] = {"new": [], "kept": [], "ffmpeg_concat": []}
    for _ in range(WARMING):
        ask_anew_s(port, whole)
    with create_connection(("127.0.0.1", port), timeout=20) as kept:
        _ask_s(kept, part, 206, RANGE_BYTES)
        for _ in range(REQUESTS):
            times["new"].append(ask_anew_s(port, whole) * 1000)
            times["kept"].append(_ask_s(kept, part, 206, RANGE_BYTES) * 1000)
            times["ffmpeg_concat"].append(_concat_s(listing) * 1000)
    return times


def ask_anew_s(port: int, request: bytes) -> float:
    """Ask on a connection of its own, which is closed after the first byte; return how long that took to come."""
    time.sleep(PAUSE_S)
    begin_s = time.perf_counter()
    with create_connection(("127.0.0.1", port), timeout=20) as connection:
        connecting_s = time.perf_counter() - begin_s
        return connecting_s + _ask_s(connection, request, 200, 1)


def _ask_s(connection: socket, request: bytes, status: int, body_bytes: int) -> float:
    """Return how long the first byte of the body takes; read so many bytes of the body."""
    begin_s = time.perf_counter()
    connection.sendall(request)
    answer = b""
    while not (body := answer.partition(b"\r\n\r\n")[2]):
        answer += _receive(connection)
    first_s = time.perf_counter() - begin_s
    assert answer.startswith(f"HTTP/1.1 {status} ".encode()), answer[:300]
    left_bytes = body_bytes - len(body)
    while left_bytes > 0:
        left_bytes -= len(_receive(connection))
    return first_s


def _receive(connection: socket) -> bytes:
    data = connection.recv(RANGE_BYTES)
    assert data, "the server has closed the connection"
    return data


def _concat_s(listing: Path) -> float:
    """Return how long ffmpeg takes from its start to the first byte of the same hour."""
    time.sleep(PAUSE_S)
    command = [find_ffmpeg(), "-nostdin", "-loglevel", "error", "-f", "concat", "-safe", "0", "-i", str(listing)]
    command += ["-c", "copy", "-f", "mp4", "-movflags", "frag_keyframe+empty_moov", "pipe:1"]
    begin_s = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0) as process:
        assert process.stdout is not None  # it is a pipe
        first = process.stdout.read(1)
        first_s = time.perf_counter() - begin_s
        process.kill()
    assert first, "ffmpeg wrote nothing"
    return first_s
