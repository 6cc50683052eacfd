"""How soon the picture of an instant comes, against a start of ffmpeg that writes the same frame as JPEG.

Asked by a client on the same machine over one kept connection, each time at another random instant of ten minutes, so
that no picture was made before; the files are in the page cache. A sheet of thumbnails of the ten minutes beside it.
"""

import random
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import requests

from app.capture.ffmpeg import find_ffmpeg
from bench.cameras import SEED, STILLS, describe_clip
from bench.figures import Figure, median, percentile
from bench.firstbyte import is_alive
from bench.hour import BEGIN_US, make_hour
from tests.archive_reading import segment_files
from tests.service import Service, wait_for

LENGTH_S, PICTURES, WARMING, SHEETS = 600, 60, 6, 3
LIMITS_MS = {"exact": 120.0, "key": 40.0}


def measure() -> list[Figure]:
    """Make ten minutes of footage, then ask for pictures, each beside a start of ffmpeg."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        service = Service(Path(folder), "web")
        source_id, _ = make_hour(service, STILLS, LENGTH_S)
        service.spawn("web")
        try:
            wait_for(lambda: is_alive(service), "the web server", 30)
            files = segment_files(service, source_id)
            with requests.Session() as session:
                times = _times_ms(session, f"{service.base}/playbackapi/source/{source_id}/", files)
        finally:
            service.stop()
    detail: dict[str, object] = {"camera": describe_clip(STILLS)}
    for name, taken in times.items():
        detail[f"{name}_ms"] = {"median": median(taken), "p95": percentile(taken, 95), "least": min(taken)}
    return [_figure(name, times, detail) for name in LIMITS_MS]


def _figure(name: str, times: dict[str, list[float]], detail: dict[str, object]) -> Figure:
    middle, beside = median(times[name]), median(times["ffmpeg"])
    shown = f"{middle:.0f} ms (p95 {percentile(times[name], 95):.0f}); {beside / middle:.1f} times sooner than ffmpeg's"
    what = "the frame shown at an instant" if name == "exact" else "the same, the key frame before it"
    shown += f" {beside:.0f} ms"
    return Figure(f"{what}, 1080p, not kept", f"≤ {LIMITS_MS[name]:.0f} ms", shown, middle <= LIMITS_MS[name], detail)


def _times_ms(session: requests.Session, where: str, files: list[tuple[str, int, int, Path]]) -> dict[str, list[float]]:
    """Return milliseconds for exact pictures, key frames, ffmpeg's picture, and sheets."""
    rng = random.Random(SEED)
    times: dict[str, list[float]] = {"exact": [], "key": [], "ffmpeg": [], "sheet_of_100": []}
    for _ in range(WARMING):
        _ask(session, f"{where}picture.jpg?at={_instant(rng)}")
    for group in rng.sample(range(LENGTH_S // 2 - 1), PICTURES):  # one group of pictures each: none is kept yet
        at = _instant(rng)
        times["exact"].append(_timed_ms(lambda at=at: _ask(session, f"{where}picture.jpg?at={at}")))
        times["ffmpeg"].append(_timed_ms(lambda at=at: _by_ffmpeg(at, files)))
        key = f"{where}picture.jpg?at={BEGIN_US // 1_000_000 + 2 * group + 1}&nearest=key"
        times["key"].append(_timed_ms(lambda key=key: _ask(session, key)))
    for number in range(SHEETS):
        sheet = f"{where}thumbnails?start={BEGIN_US // 1_000_000 + number}&duration={LENGTH_S - SHEETS}"
        times["sheet_of_100"].append(_timed_ms(lambda sheet=sheet: _ask(session, sheet)))
    return times


def _instant(rng: random.Random) -> str:
    """Return a random instant of the footage, in seconds since the epoch."""
    at_us = BEGIN_US + rng.randrange((LENGTH_S - 1) * 1_000_000)
    return f"{at_us // 1_000_000}.{at_us % 1_000_000:06d}"


def _timed_ms(work: Callable[[], None]) -> float:
    begin_s = time.perf_counter()
    work()
    return (time.perf_counter() - begin_s) * 1000


def _ask(session: requests.Session, address: str) -> None:
    answer = session.get(address, timeout=60)
    assert answer.status_code == 200, answer.text[:300]
    assert answer.content[:2] == b"\xff\xd8", "no JPEG"


def _by_ffmpeg(at: str, files: list[tuple[str, int, int, Path]]) -> None:
    """Let ffmpeg write the frame at an instant to a pipe."""
    at_us = int(at.replace(".", ""))
    begin_us, path = next((begin, path) for _, begin, end, path in files if begin <= at_us < end)
    command = [find_ffmpeg(), "-nostdin", "-loglevel", "error", "-ss", f"{(at_us - begin_us) / 1_000_000:.6f}"]
    command += ["-i", str(path), "-frames:v", "1", "-q:v", "3", "-f", "mjpeg", "pipe:1"]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=60)
    assert done.stdout[:2] == b"\xff\xd8" or at_us > files[-1][2] - 100_000, "ffmpeg wrote no picture"
