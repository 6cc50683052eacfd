"""What recording 16 cameras costs, against 16 bare `ffmpeg -c copy` of the same program and the same cameras."""

import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from app.capture.ffmpeg import find_ffmpeg
from bench.cameras import CAMERAS, FULL_HD, Cameras, add_cameras, describe_clip, serve
from bench.figures import Figure
from bench.processes import cpu_s
from tests.service import Service, wait_for

SETTLE_S, STEADY_S = 15.0, 60.0
LIMIT = 1.15


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU seconds of one length of recording: from its begin on, and of the steady part alone."""

    whole_s: float
    steady_s: float
    parts_s: dict[str, float]


def measure() -> list[Figure]:
    """Measure bare, ours, bare again: the two bare ones tell the noise."""
    with serve(FULL_HD) as cameras:
        costs = [_measure_bare(cameras), _measure_ours(cameras), _measure_bare(cameras)]
    before, ours, after = costs
    steady = 2 * ours.steady_s / (before.steady_s + after.steady_s)
    whole = 2 * ours.whole_s / (before.whole_s + after.whole_s)
    detail = {
        "camera": describe_clip(FULL_HD),
        "bare_steady_cpu_s": [before.steady_s, after.steady_s],
        "ours_steady_cpu_s": ours.steady_s,
        "ours_steady_parts_cpu_s": ours.parts_s,
        "bare_whole_cpu_s": [before.whole_s, after.whole_s],
        "ours_whole_cpu_s": ours.whole_s,
        "ratio_steady": steady,
        "ratio_whole": whole,
        "noise_bare_after_over_before": after.steady_s / before.steady_s,
        "steady_window_s": STEADY_S,
        "begin_before_it_s": SETTLE_S,
    }
    shown = f"{steady:.3f} steady, {whole:.3f} with the begin"
    what = f"{CAMERAS} cameras: CPU of recorder, watchdog and ffmpegs over that of {CAMERAS} bare `ffmpeg -c copy`"
    return [Figure(what, "≤ 1.15", shown, steady <= LIMIT, detail)]


def _measure_bare(cameras: Cameras) -> Cost:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, _bare_ffmpegs(cameras, Path(folder)) as pids:
        time.sleep(SETTLE_S)
        settled_s = cpu_s(pids)
        time.sleep(STEADY_S)
        whole_s = cpu_s(pids)
        small = [path.name for path in Path(folder).iterdir() if path.stat().st_size < STEADY_S * 100_000]
        assert not small, f"bare ffmpegs have recorded too little: {small}"
    return Cost(whole_s, whole_s - settled_s, {})


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


def _measure_ours(cameras: Cameras) -> Cost:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, Service(Path(folder)) as service:
        add_cameras(service, cameras, "all")
        keepers = {"recorder": [service.pid("recorder")], "watchdog": [service.pid("watchdog")]}
        before_s = {name: cpu_s(pids) for name, pids in keepers.items()}
        begin_s = time.monotonic()
        service.record("all", "all")
        wait_for(lambda: len(service.ffmpeg_pids()) == CAMERAS, "the start of all ffmpegs")
        pids = {**keepers, "ffmpeg": sorted(service.ffmpeg_pids())}
        time.sleep(SETTLE_S - (time.monotonic() - begin_s))
        settled_s = {name: cpu_s(each) for name, each in pids.items()}
        time.sleep(STEADY_S)
        whole_s = {name: cpu_s(each) for name, each in pids.items()}
        assert service.ffmpeg_pids() == set(pids["ffmpeg"]), "an ffmpeg was started again meanwhile"
        steady = {name: whole_s[name] - settled_s[name] for name in pids}
    return Cost(sum(whole_s.values()) - sum(before_s.values()), sum(steady.values()), steady)
