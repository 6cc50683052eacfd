"""An hour as one MP4, whole, against `ffmpeg -f concat -c copy` of the same files: time, CPU, and every packet."""

import hashlib
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path

import av

from app.capture.ffmpeg import find_ffmpeg
from bench.client import BUFFER_BYTES, download
from bench.figures import Figure, median
from bench.footage import dense_footage, running
from bench.processes import children, cpu_s
from bench.throughput import whole_path
from tests.archive_reading import segment_files

ROUNDS = 3
LEAST_FASTER, LEAST_CHEAPER = 10.0, 20.0
Cost = tuple[float, float]  # seconds of wall clock, of CPU


def measure() -> list[Figure]:
    """Fetch and concatenate in turn; the quicker of ffmpeg's two ways counts."""
    footage = dense_footage()
    path = whole_path(footage)
    files = [file for *_, file in segment_files(footage.service, footage.source_ids[0])]
    costs: dict[str, list[Cost]] = {"ours": [], "ffmpeg_file": [], "ffmpeg_pipe": []}
    client_s = []
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as name,
        running(footage.serve(WEB_WORKERS=1)) as service,
    ):
        folder = Path(name)
        pids = [service.pid("web"), *children(service.pid("web"))]
        listing = folder / "files.txt"
        listing.write_text("".join(f"file '{file}'\n" for file in files), "utf-8")
        whole = folder / "whole.mp4"
        body_bytes = download(service.port, path, whole).body_bytes
        difference = _first_difference(whole, files)
        whole.unlink()
        for _ in range(ROUNDS):
            before_s = cpu_s(pids)
            got = download(service.port, path)
            costs["ours"].append((got.wall_s, cpu_s(pids) - before_s))
            client_s.append(got.client_cpu_s)
            costs["ffmpeg_file"].append(_concat_to_file(listing, folder / "concat.mp4"))
            costs["ffmpeg_pipe"].append(_concat_to_pipe(listing))
    detail = {**footage.archive.describe(), "body_bytes": body_bytes, "client_cpu_s": client_s}
    return [_figure(costs, difference, detail)]


def _figure(costs: dict[str, list[Cost]], difference: str, detail: dict[str, object]) -> Figure:
    wall_s = {name: median(wall for wall, _ in each) for name, each in costs.items()}
    spent_s = {name: median(spent for _, spent in each) for name, each in costs.items()}
    quicker = min(("ffmpeg_file", "ffmpeg_pipe"), key=lambda name: wall_s[name])
    cheaper = min(("ffmpeg_file", "ffmpeg_pipe"), key=lambda name: spent_s[name])
    faster, less = wall_s[quicker] / wall_s["ours"], spent_s[cheaper] / max(spent_s["ours"], 0.01)
    detail |= {"wall_s": wall_s, "cpu_s": spent_s, "all_wall_and_cpu_s": costs, "packets": difference or "all equal"}
    shown = (
        f"{faster:.1f} times faster ({wall_s['ours']:.2f} to {wall_s[quicker]:.2f} s), {less:.1f} times less CPU "
        f"({spent_s['ours']:.2f} to {spent_s[cheaper]:.2f} s), packets {difference or 'all equal'}"
    )
    is_met = faster >= LEAST_FASTER and less >= LEAST_CHEAPER and not difference
    what = "`video.mp4` of 1 h, 2.1 GB, whole, against `ffmpeg -f concat -c copy`"
    return Figure(what, "≥ 10 × faster, ≥ 20 × less CPU, every packet equal", shown, is_met, detail)


def _concat_to_file(listing: Path, target: Path) -> Cost:
    """Let ffmpeg write a plain MP4 file, without moving its header to the front."""
    target.unlink(missing_ok=True)
    return _run([*_concat(listing), "-f", "mp4", str(target)])


def _concat_to_pipe(listing: Path) -> Cost:
    """Let ffmpeg write a fragmented MP4, which is the only one that a pipe takes, and read it."""
    return _run([*_concat(listing), "-f", "mp4", "-movflags", "frag_keyframe+empty_moov", "pipe:1"])


def _concat(listing: Path) -> list[str]:
    command = [find_ffmpeg(), "-nostdin", "-loglevel", "error", "-f", "concat", "-safe", "0", "-i", str(listing)]
    return [*command, "-map", "0:v", "-map", "0:a", "-c", "copy"]


def _run(command: list[str]) -> Cost:
    """Return wall clock and CPU of a command whose output is read and dropped."""
    buffer = bytearray(BUFFER_BYTES)
    begin_s = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, bufsize=0)
    assert process.stdout is not None  # it is a pipe
    with process.stdout as output:
        while os.readv(output.fileno(), [buffer]):
            pass
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, f"ffmpeg ended with {process.returncode}"
    return time.perf_counter() - begin_s, usage.ru_utime + usage.ru_stime


def _first_difference(whole: Path, files: list[Path]) -> str:
    """Compare each packet of a file with those of the files that it is made of; empty where all are equal."""
    for kind in ("video", "audio"):
        number = 0
        recorded = (digest for file in files for digest in _digests(file, kind))
        for number, (ours, theirs) in enumerate(zip_longest(_digests(whole, kind), recorded), 1):
            if ours != theirs:
                return f"differ: {kind} packet {number}"
        if not number:
            return f"differ: no {kind}"
    return ""


def _digests(path: Path, kind: str) -> Iterator[bytes]:
    """Yield the hash of each packet of one kind in decode order; the edit list hides none."""
    with av.open(str(path), options={"ignore_editlist": "1"}) as container:
        streams = container.streams.video if kind == "video" else container.streams.audio
        for packet in container.demux(streams[0]):
            if packet.size:
                yield hashlib.blake2b(packet, digest_size=16).digest()
