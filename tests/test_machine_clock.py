"""What the recorder makes of this machine's clock, and of the cameras'."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import product
from pathlib import Path

import pytest

from app.archive.leaps import _apart
from app.archive.livefile import LiveFile, ticks_us
from app.archive.machineclock import RELEASED_US, MachineClock, boot_offset_us
from app.archive.runs import RunClock, median_offset
from app.capture.ffmpeg import rtsp_command, rtsp_input, spawn
from app.capture.template import effective_template, parse_template
from app.capture.watchdog import Beat
from app.models.types import new_uuid
from instance.config import DevelopmentConfig
from tests.faked_time import FakedClock
from tests.media import make_video
from tests.recording import FFMPEGS
from tests.rtsp_server import RtspServer
from tests.service import ROOT, wait_for

TEMPLATE = parse_template("Source", effective_template("Source", None))
BROKEN = ("", "[]", '{"boot_id": 3}', "{", '{"boot_id":"b","offset_us":"x","known_us":1,"is_unset":0}')
BOOT, OTHER_BOOT = "boot-1", "boot-2"
# What is wrong with the clock in a camera's sender reports, and by how many seconds it is told to be ahead.
FAULTS: dict[str, Callable[[], dict[str, object]]] = {
    "right": dict,
    "ahead": lambda: {"clock_s": 3723.5},
    "behind": lambda: {"clock_s": -0.4},
    "no reports": lambda: {"has_reports": False},
    "always zero": lambda: {"is_clock_unset": True},
    "counts from its start": lambda: {"clock_s": 90_000 - 2_208_988_800 - time.time()},
    "booted in 1970": lambda: {"clock_s": -1.7e9},
}
WANTED = {"right": 0.0, "ahead": 3723.5, "behind": -0.4, "booted in 1970": -1.7e9}


def kept(folder: Path, *, boot_id: str = BOOT, moved_us: int = 0, known_us: int = 0, is_unset: bool = False) -> Path:
    """Return what an earlier recorder left; moved_us is by how much the clock was set since."""
    state = folder / "clock.json"
    told = {"boot_id": boot_id, "offset_us": boot_offset_us() - moved_us, "known_us": known_us, "is_unset": is_unset}
    state.write_text(json.dumps(told))
    return state


def test_a_clock_that_nobody_set_tells_no_step(tmp_path: Path) -> None:
    clock = MachineClock()
    assert clock.begin(kept(tmp_path), BOOT) is None
    assert clock.look() is None
    assert not clock.is_unset


@pytest.mark.parametrize("step_s", [3600.0, -3600.0, 0.6], ids=["forward", "back", "small"])
def test_a_step_while_no_recorder_ran_is_told_within_one_boot(tmp_path: Path, step_s: float) -> None:
    found = MachineClock().begin(kept(tmp_path, moved_us=round(step_s * 1e6)), BOOT)
    assert found == pytest.approx(step_s * 1e6, abs=50_000)
    assert MachineClock().begin(kept(tmp_path, moved_us=round(step_s * 1e6)), OTHER_BOOT) is None


def test_a_clock_that_shows_less_after_a_boot_than_before_it_is_not_set(tmp_path: Path) -> None:
    later_us = time.time_ns() // 1000 + 600_000_000
    clock = MachineClock()
    clock.begin(kept(tmp_path, boot_id=OTHER_BOOT, known_us=later_us), BOOT)
    assert clock.is_unset
    clock.keep(tmp_path / "clock.json", BOOT)
    again = MachineClock()
    again.begin(tmp_path / "clock.json", BOOT)
    assert again.is_unset
    assert again.known_us == later_us


def test_a_clock_that_was_set_back_within_one_boot_counts(tmp_path: Path) -> None:
    clock = MachineClock()
    clock.begin(kept(tmp_path, moved_us=-600_000_000, known_us=time.time_ns() // 1000 + 600_000_000), BOOT)
    assert not clock.is_unset


@pytest.mark.parametrize(
    "text", ["", "[]", '{"boot_id": 3}', "{", '{"boot_id":"b","offset_us":"x","known_us":1,"is_unset":0}']
)
def test_a_broken_note_of_the_last_recorder_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "clock.json").write_text(text)
    clock = MachineClock()
    assert clock.begin(tmp_path / "clock.json", BOOT) is None
    assert clock.is_unset == (time.time_ns() // 1000 < RELEASED_US)


class Arrived:
    """A following file whose arrival says that it begins at an instant."""

    is_stale = False
    begin_ticks, timescale = 0, 90_000

    def __init__(self, zero_us: int) -> None:
        self.zero_us = zero_us


@pytest.mark.parametrize(
    ("wrong_s", "whole_file_s", "moved_s", "is_new"),
    [
        pytest.param(3600, 0, 3600, True, id="set forward"),
        pytest.param(-3600, 0, -3600, True, id="set back"),
        pytest.param(1, 0, 1, False, id="a leap second"),
        pytest.param(5, 0.1, 0, False, id="one file that came late"),
        pytest.param(5, 4, 0, True, id="the camera's clock ran away"),
        pytest.param(5, -4, 0, False, id="contradicting"),
        pytest.param(5, None, 0, False, id="nothing known of the file before"),
    ],
)
def test_a_run_gives_way_where_slewing_cannot_mend_it(
    wrong_s: float, whole_file_s: float | None, moved_s: float, is_new: bool
) -> None:
    clock = RunClock(base_us=0, seen_us=round(moved_s * 1e6))
    error_us = None if whole_file_s is None else round(whole_file_s * 1e6)
    begin_us = 1_000_000_000 + round(wrong_s * 1e6)
    found = clock.begin_anew(Arrived(begin_us), 1_000_000_000, error_us)  # type: ignore[arg-type]
    assert found == (begin_us if is_new else None)


def test_a_camera_that_told_of_most_fragments_has_an_offset() -> None:
    assert median_offset([(0, 5), (10, 15), (20, None)]) == 5
    assert median_offset([(0, 5), (10, None)]) is None
    assert median_offset([]) is None


@pytest.fixture(scope="module")
def offsets(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], float | None]:
    """Return the seconds by which the clock of each camera is ahead as a file of each ffmpeg tells."""
    folder = tmp_path_factory.mktemp("offsets")
    make_video(folder / "cam.mp4", seconds=3, fps=12, gop=12, width=160, height=120, audio="aac")
    with RtspServer({"cam": folder / "cam.mp4"}) as camera:
        processes, files = [], {}
        for ffmpeg, (name, fault) in product(FFMPEGS, FAULTS.items()):
            run_id = new_uuid()
            config = DevelopmentConfig(FFMPEG=ffmpeg, SEGMENT_S=60)
            command = rtsp_command(config, folder / "live", run_id, TEMPLATE, "copy", camera.port)
            feed = rtsp_input(camera.url("cam", **fault()), TEMPLATE)
            processes.append(spawn(command, run_id, feed))
            files[ffmpeg, name] = LiveFile(folder / "live" / f"{run_id}-000000.mp4")
        try:
            wait_for(lambda: min(map(polled, files.values())) >= 4, "four fragments of each", 60)
        finally:
            for process in processes:
                process.terminate()
            for process in processes:
                process.wait(15)
    return {key: _offset_s(file) for key, file in files.items()}


def polled(file: LiveFile) -> int:
    """Return how many fragments a file has now."""
    file.poll()
    return len(file.fragments)


def _offset_s(file: LiveFile) -> float | None:
    assert file.zero_us is not None
    told = [(file.zero_us + ticks_us(ticks, file.timescale), camera_us) for ticks, camera_us in file.camera_us]
    found = median_offset(told)
    return None if found is None else found / 1e6


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("ffmpeg", FFMPEGS, ids=["5.1", "n9"][-len(FFMPEGS) :])
def test_a_camera_tells_its_clock_by_its_reports(
    offsets: dict[tuple[str, str], float | None], ffmpeg: str, name: str
) -> None:
    found, wanted = offsets[ffmpeg, name], WANTED.get(name)
    assert found == (
        None if wanted is None else pytest.approx(wanted, abs=0.3)
    )  # 5.1 is one frame late, of 12 a second


def test_the_watchdog_counts_no_time_that_the_clock_passed_over(tmp_path: Path) -> None:
    clock = FakedClock(tmp_path)
    beat = tmp_path / "beat"
    script = (
        "import sys, time\nfrom pathlib import Path\nfrom app.capture.watchdog import Beat\n"
        "beat = Beat(Path(sys.argv[1]))\n"
        "begun_s = time.monotonic()\n"
        "for _ in sys.stdin:\n"
        "    too_much_s = max(0, beat.silence_s() - (time.monotonic() - begun_s))\n"  # no more than has passed
        "    print(time.time() > 4e9, round(too_much_s), flush=True)"
    )
    beat.touch()
    environment = {**os.environ, **clock.environment, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, "-c", script, str(beat)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        answers = []
        for at_s in (None, 4.1e9, 1000):
            if at_s is not None:
                clock.set(at_s)
            process.stdin.write(b"\n")
            process.stdin.flush()
            answers.append(process.stdout.readline().split())
        process.stdin.close()
    assert answers == [[b"False", b"0"], [b"True", b"0"], [b"False", b"0"]]


def test_a_silent_heartbeat_is_noticed_by_the_time_that_passes(tmp_path: Path) -> None:
    beat = Beat(tmp_path / "beat")
    assert beat.silence_s() == float("inf")
    (tmp_path / "beat").touch()
    assert beat.silence_s() == pytest.approx(0, abs=5)
    os.utime(tmp_path / "beat", (1, 1))  # another reading is a sign of life, whatever it says
    assert beat.silence_s() == pytest.approx(0, abs=5)


@pytest.mark.parametrize(
    ("leaps", "wanted"),
    [
        pytest.param([(0, 100, "a")], [(0, 100, "a")], id="one"),
        pytest.param([(0, 100, "a"), (20, 22, "b")], [(0, 20, "a"), (20, 22, "b"), (22, 100, "a")], id="within"),
        pytest.param([(0, 50, "a"), (20, 90, "b")], [(0, 20, "a"), (20, 50, "b"), (50, 90, "b")], id="crossing"),
        pytest.param([(0, 10, "a"), (10, 30, "b")], [(0, 10, "a"), (10, 30, "b")], id="touching"),
        pytest.param([(0, 10, "a"), (0, 30, "b")], [(0, 10, "b"), (10, 30, "b")], id="of one begin"),
    ],
)
def test_stretches_that_the_clock_passed_over_twice_are_told_once(
    leaps: list[tuple[int, int, str]], wanted: list[tuple[int, int, str]]
) -> None:
    assert _apart(leaps) == wanted


BEAT = """
import sys, time
from celery import Celery
from app.tasks.steady import SteadyScheduler

app = Celery("test", broker="memory://")
app.conf.beat_schedule = {name: {"task": name, "schedule": 0.2} for name in ("one", "two", "three")}
scheduler = SteadyScheduler(app, lazy=False)
ran = []
scheduler.apply_entry = lambda entry, producer=None: ran.append(entry.name)
for _ in sys.stdin:
    ran.clear()
    until_s = time.monotonic() + 1.1
    least = 0
    # What is demanded is waited for: on a busy machine this process may be held up.
    while time.monotonic() < until_s or (least < 3 and time.monotonic() < until_s + 10):
        time.sleep(max(0, min(scheduler.tick(), 0.05)))
        least = min(ran.count(name) for name in ("one", "two", "three"))
    print(least, len(ran), flush=True)
"""


def test_periodic_tasks_go_on_when_the_clock_is_set(tmp_path: Path) -> None:
    clock = FakedClock(tmp_path)
    environment = {**os.environ, **clock.environment, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, "-c", BEAT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for step_s in (0, -3600, 7200):
            clock.step(step_s)
            process.stdin.write(b"\n")
            process.stdin.flush()
            least, most = map(int, process.stdout.readline().split())
            assert least >= 3
            assert most <= 18  # neither is what the clock passed over made up for
        process.stdin.close()
