"""A machine whose clock is set while it records: no packet is lost, every one keeps a time, and why is told."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from tests.archive_reading import RecordedRun, assert_contiguous, query, recorded_runs
from tests.faked_time import FakedClock
from tests.media import make_video
from tests.picture_server import PictureServer
from tests.rtsp_server import RtspServer
from tests.service import Service, wait_for

SEGMENT_S = 2
AHEAD_S = 3723.5


@dataclass
class History:
    """What was done to one service: `steps` are the seconds by which its clock was set, in order."""

    service: Service
    clock: FakedClock
    camera: RtspServer
    steps: list[float]
    sources: dict[str, int]
    stopped_s: float


def runs_of(history: History, name: str) -> list[RecordedRun]:
    """Return the runs of a source in the order in which they were recorded."""
    found = {run.run_id: run for run in recorded_runs(history.service, history.sources[name])}
    order = "SELECT run_id FROM segment WHERE source_id = ? AND state = 1 GROUP BY run_id ORDER BY min(sequence)"
    return [found[run_id] for (run_id,) in query(history.service, order, history.sources[name])]


def wait_for_runs(service: Service, source_ids: list[int], count: int) -> None:
    """Wait until each source has begun so many runs."""
    for source_id in source_ids:
        text = "SELECT count(*) FROM run WHERE source_id = ?"
        wait_for(lambda number=source_id: query(service, text, number)[0][0] >= count, f"run {count}", 25)


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Iterator[History]:
    """Yield a service that booted in 1970 and whose clock was set four times: to now, +1 h, -1 h, +2 s."""
    folder = tmp_path_factory.mktemp("clock")
    make_video(folder / "cam.mp4", seconds=4, fps=12, gop=12, width=320, height=240, audio="aac")
    clock = FakedClock(folder)
    clock.set(300)
    service = Service(folder / "instance", "web", "recorder", SEGMENT_S=SEGMENT_S, PICTURE_INTERVAL_S=0.25)
    service.environment.update(clock.environment)
    with RtspServer({"cam": folder / "cam.mp4"}) as camera, PictureServer() as pictures, service:
        sources = {
            "ahead": service.add_source(camera.url("cam", clock_s=AHEAD_S)),
            "silent": service.add_source(camera.url("cam", has_reports=False)),
        }
        pictured = service.add_source(pictures.url)
        service.add_group("cams", list(sources.values()))
        service.add_group("pictures", [pictured], "PictureSource")
        service.record("streams", "cams")
        service.record("pictures", "pictures", "PictureSource")
        sources["pictures"] = pictured
        steps: list[float] = []
        wait_for_runs(service, list(sources.values()), 1)
        for step_s in (time.time() - clock.now_s, 3600.0, -3600.0, 2.0):
            clock.step(step_s)
            steps.append(step_s)
            wait_for_runs(service, list(sources.values()), len(steps) + 1)
        for tag in ("streams", "pictures"):
            service.stop_recording(tag)
        stopped_s = time.time()
        wait_for(lambda: not query(service, "SELECT 1 FROM lease"), "the end of recording", 20)
        yield History(service, clock, camera, steps, sources, stopped_s)


@pytest.mark.parametrize("name", ["ahead", "silent"])
def test_no_packet_is_lost_and_no_connection_begun_anew_when_the_clock_is_set(history: History, name: str) -> None:
    sent = [session.sent("video") for session in history.camera.sessions("cam")]
    recorded = [packet for run in runs_of(history, name) for packet in run.video]
    assert len(sent) == 2  # one a camera
    hashes = {line.sha256 for line in sent[0]}
    assert hashes
    matching = [lines for lines in sent if abs(len(lines) - len(recorded)) < 40]
    assert matching
    assert_contiguous(recorded, matching[0], history.stopped_s - 1, begin=0)


@pytest.mark.parametrize("name", ["ahead", "silent", "pictures"])
def test_a_set_clock_begins_a_run_that_shows_the_new_time(history: History, name: str) -> None:
    runs = runs_of(history, name)
    assert len(runs) == len(history.steps) + 1
    for (before, after), step_s in zip(pairwise(runs), history.steps, strict=True):
        assert (after.start_us - before.end_us) / 1e6 == pytest.approx(step_s, abs=0.4)


