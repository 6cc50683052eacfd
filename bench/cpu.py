"""What recording 16 cameras costs, against 16 bare `ffmpeg -c copy` of the same program and the same cameras.

Both at the same time: one after the other, two equal measurements differed by 20 % on a shared machine, side by side
by 2 %.
"""

import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory

from app.capture.ffmpeg import find_ffmpeg
from bench.cameras import CAMERAS, FULL_HD, Cameras, add_cameras, describe_clip, serve
from bench.figures import Figure
from bench.processes import cpu_s
from tests.service import Service, wait_for

RUNS = 2
SETTLE_S, STEADY_S = 15.0, 60.0
LIMIT = 1.15


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU seconds by part: of the steady stretch, and of all since the begin."""

    steady_s: dict[str, float]
    whole_s: dict[str, float]


def measure() -> list[Figure]:
    """Measure twice: how far the two ratios differ tells the noise."""
    with serve(FULL_HD) as cameras:
        costs = [_measure_once(cameras) for _ in range(RUNS)]
    steady = [_ratio(cost.steady_s) for cost in costs]
    whole = [_ratio(cost.whole_s) for cost in costs]
    detail = {
        "camera": describe_clip(FULL_HD),
        "steady_cpu_s": [cost.steady_s for cost in costs],
        "with_begin_cpu_s": [cost.whole_s for cost in costs],
        "ratio_steady": steady,
        "ratio_with_begin": whole,
        "steady_window_s": STEADY_S,
        "begin_before_it_s": SETTLE_S,
    }
    shown = (
        f"{mean(steady):.2f} steady, {mean(whole):.2f} with the begin (of {RUNS}: {min(steady):.2f}–{max(steady):.2f})"
    )
    what = f"{CAMERAS} cameras: CPU of recorder, watchdog and ffmpegs over that of {CAMERAS} bare `ffmpeg -c copy`"
    return [Figure(what, "≤ 1.15", shown, mean(steady) <= LIMIT, detail)]


def _ratio(parts_s: dict[str, float]) -> float:
    return (sum(parts_s.values()) - parts_s["bare"]) / parts_s["bare"]


def _measure_once(cameras: Cameras) -> Cost:
    with TemporaryDirectory(prefix="bench-") as name, Service(Path(name) / "service") as service:
        add_cameras(service, cameras, "all")
        pids = {"recorder": [service.pid("recorder")], "watchdog": [service.pid("watchdog")]}
        before_s = {part: cpu_s(each) for part, each in pids.items()}
        service.record("all", "all")
        with _bare_ffmpegs(cameras, Path(name)) as bare:
            wait_for(lambda: len(service.ffmpeg_pids()) == CAMERAS, "the start of all ffmpegs")
            pids |= {"ffmpeg": sorted(service.ffmpeg_pids()), "bare": bare}
            time.sleep(SETTLE_S)
            settled_s = {part: cpu_s(each) for part, each in pids.items()}
            time.sleep(STEADY_S)
            end_s = {part: cpu_s(each) for part, each in pids.items()}
            assert service.ffmpeg_pids() == set(pids["ffmpeg"]), "an ffmpeg was started again meanwhile"
        small = [path.name for path in Path(name).glob("*.mp4") if path.stat().st_size < STEADY_S * 100_000]
        assert not small, f"bare ffmpegs have recorded too little: {small}"
    return Cost(
        {part: end_s[part] - settled_s[part] for part in pids},
        {part: end_s[part] - before_s.get(part, 0.0) for part in pids},
    )


@contextmanager
def _bare_ffmpegs(cameras: Cameras, folder: Path) -> Iterator[list[int]]:
    """Record each camera by a plain ffmpeg into one plain MP4 file."""
    command = [find_ffmpeg(), "-nostdin", "-hide_banner", "-loglevel", "error", "-rtsp_transport", "tcp"]
    with ExitStack() as stack:
        processes = []
        for number, url in enumerate(cameras.urls()):
            one = subprocess.Popen([*command, "-i", url, "-c", "copy", str(folder / f"{number}.mp4")])
            processes.append(stack.enter_context(one))
        try:
            yield [one.pid for one in processes]
        finally:
            for one in processes:
                one.terminate()
