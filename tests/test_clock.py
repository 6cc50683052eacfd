"""A machine whose clock is set while it records: no packet is lost, every one keeps a time, and why is told."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.archive_reading import RecordedRun, assert_contiguous, query, recorded_runs
from tests.faked_time import FakedClock
from tests.media import make_video, packets
from tests.picture_server import PictureServer
from tests.rtsp_server import RtspServer
from tests.service import Service, prepared_database, wait_for

SEGMENT_S = 1
AHEAD_S = 3723.5
SUMMER_ENDS_S = datetime(2026, 10, 25, 1, tzinfo=UTC).timestamp()  # an hour comes twice in Berlin


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
    order = (
        "SELECT segment.run_id FROM segment JOIN run ON run.id = segment.run_id "
        "JOIN attempt ON attempt.run_id = coalesce(run.capture_id, run.id) "
        "WHERE segment.source_id = ? AND state = 1 GROUP BY segment.run_id ORDER BY attempt.id, min(sequence)"
    )
    return [found[run_id] for (run_id,) in query(history.service, order, history.sources[name])]


def wait_for_runs(service: Service, source_ids: list[int], count: int) -> None:
    """Wait until each source has begun so many runs."""
    text = "SELECT count(*) FROM run WHERE source_id = ?"
    for source_id in source_ids:
        wait_for(lambda number=source_id: query(service, text, number)[0][0] >= count, f"run {count}", 60)


def let_leases_run_out(service: Service) -> None:
    """Remove all leases, as the worker does with those that have run out: with a clock set forward at once."""
    with closing(sqlite3.connect(service.instance / "app.db", timeout=20)) as connection, connection:
        connection.execute("DELETE FROM lease")


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Iterator[History]:
    """Yield a service that booted in 1970 and whose clock was set four times: near to the end of summer, ±1 h, +2 s.

    The last time no recorder runs: the next one adopts the streams. Pictures, which begin anew
    then, are waited for twice.
    """
    folder = tmp_path_factory.mktemp("clock")
    cam = make_video(folder / "cam.mp4", seconds=4, fps=12, gop=12, width=320, height=240, audio="aac")
    prepared_database()  # takes its time: what begins at 300 s by this clock is the service
    clock = FakedClock(folder)
    clock.set(300)
    service = Service(folder / "instance", "web", "recorder", SEGMENT_S=SEGMENT_S, PICTURE_INTERVAL_S=0.25)
    service.environment.update(clock.environment, TZ="Europe/Berlin")
    with RtspServer({"ahead": cam, "silent": cam}) as camera, PictureServer() as pictures, service:
        sources = {
            "ahead": service.add_source(camera.url("ahead", clock_s=AHEAD_S)),
            "silent": service.add_source(camera.url("silent", has_reports=False)),
        }
        pictured = service.add_source(pictures.url)
        service.add_group("cams", list(sources.values()))
        service.add_group("pictures", [pictured], "PictureSource")
        service.record("streams", "cams")
        service.record("pictures", "pictures", "PictureSource")
        sources["pictures"] = pictured
        steps: list[float] = []
        wait_for_runs(service, list(sources.values()), 1)
        for step_s in (SUMMER_ENDS_S - 9 - clock.now_s, 3600.0, -3600.0, 2.0):
            if len(steps) == 3:
                service.processes["recorder"].kill()
                service.processes["recorder"].wait()
            let_leases_run_out(service)
            clock.step(step_s)
            steps.append(step_s)
            if len(steps) == 4:
                service.spawn("recorder")
            streams = [sources["ahead"], sources["silent"]]
            wait_for_runs(service, [*streams, pictured] if len(steps) < 3 else streams, len(steps) + 1)
        for tag in ("streams", "pictures"):
            service.stop_recording(tag)
        stopped_s = time.time()
        wait_for(lambda: not query(service, "SELECT 1 FROM lease"), "the end of recording", 60)
        yield History(service, clock, camera, steps, sources, stopped_s)


@pytest.mark.parametrize("name", ["ahead", "silent"])
def test_no_packet_is_lost_and_no_connection_begun_anew_when_the_clock_is_set(history: History, name: str) -> None:
    (session,) = history.camera.sessions(name)
    sent = session.sent("video")
    recorded = [packet for run in runs_of(history, name) for packet in run.video]
    assert sent
    assert abs(len(sent) - len(recorded)) < 40
    assert_contiguous(recorded, sent, history.stopped_s - 1, begin=0)


@pytest.mark.parametrize("name", ["ahead", "silent", "pictures"])
def test_a_set_clock_begins_a_run_that_shows_the_new_time(history: History, name: str) -> None:
    runs = runs_of(history, name)
    steps = history.steps[: 2 if name == "pictures" else 4]
    assert len(runs) > len(steps)
    for (before, after), step_s in zip(pairwise(runs), steps, strict=False):
        assert (after.start_us - before.end_us) / 1e6 == pytest.approx(step_s, abs=0.4)


@pytest.mark.parametrize("name", ["ahead", "silent"])
def test_every_packet_of_every_run_can_be_played(history: History, name: str, tmp_path: Path) -> None:
    source_id = history.sources[name]
    for run in runs_of(history, name):
        asked = {"start": run.start_us / 1e6, "end": run.end_us / 1e6, "run": run.run_id}
        asked = {key: value if key == "run" else f"{value:.6f}" for key, value in asked.items()}
        answer = history.service.session.get(
            f"{history.service.base}/playbackapi/source/{source_id}/video.mp4", params=asked, timeout=20
        )
        assert answer.status_code == 200, answer.text
        film = tmp_path / "film.mp4"
        film.write_bytes(answer.content)
        played = [packet.sha256 for packet in packets(film)["video"]]
        assert played == [packet.sha256 for packet in run.video]


@pytest.mark.parametrize("name", ["ahead", "pictures"])
def test_the_time_that_the_clock_passed_over_has_a_cause(history: History, name: str) -> None:
    runs = runs_of(history, name)
    before, after = runs[1], runs[2]  # an hour apart
    found = request_data(history, name, before.start_us, after.end_us)
    gaps = [gap for gap in found["gaps"] if gap["cause"] == "clock_step"]  # cut by what came when it was set back
    assert microseconds(gaps[0]["start_utc"]) == before.end_us
    assert microseconds(gaps[-1]["end_utc"]) == after.start_us
    assert sum(microseconds(gap["end_utc"]) - microseconds(gap["start_utc"]) for gap in gaps) > 3_500_000_000
    details = [row[0] for row in query(history.service, "SELECT detail FROM clock_step ORDER BY id")]
    assert details[1].startswith("this machine's clock was set forward by 3600.0 s at 2026-10-25T0")


def test_what_was_recorded_without_a_clock_says_so_and_when_it_was(history: History) -> None:
    first, second = runs_of(history, "ahead")[:2]
    (run,) = request_data(history, "ahead", first.start_us, first.end_us)["runs"]
    assert run["clock"] == "unset"
    assert run["start_utc"].startswith("1970-01-01T00:05")
    true_us = microseconds(run["true_start_utc"])
    assert true_us == pytest.approx(first.start_us + history.steps[0] * 1e6, abs=200_000)
    (run,) = request_data(history, "ahead", second.start_us, second.end_us)["runs"]
    assert (run["clock"], run["true_start_utc"]) == ("ok", None)


def test_where_the_clock_was_set_back_the_later_run_is_shown(history: History) -> None:
    runs = runs_of(history, "ahead")
    again = runs[3]  # it began when the clock was set back; the run before it lies an hour ahead
    found = request_data(history, "ahead", again.start_us, again.end_us)
    assert [run["run_id"] for run in found["runs"]] == [again.run_id]


def test_a_record_ends_with_the_old_clock_and_goes_on_with_the_new_one(history: History) -> None:
    runs = runs_of(history, "ahead")
    text = "SELECT begin_us, end_us FROM record WHERE source_id = ? ORDER BY created_us, begin_us"
    rows = query(history.service, text, history.sources["ahead"])
    assert len(rows) == 2
    assert rows[0][1] == runs[2].end_us
    assert rows[1][0] == runs[3].start_us
    wanted = "SELECT begin_us, end_us FROM wanted WHERE source_id = ? ORDER BY id"
    assert query(history.service, wanted, history.sources["ahead"]) == rows


def test_the_operator_is_told_that_the_clock_was_not_set_and_that_it_is(history: History) -> None:
    told = query(history.service, "SELECT is_bad FROM notice WHERE kind = 'clock' ORDER BY id")
    assert told == [(1,), (0,)]
    assert len(query(history.service, "SELECT 1 FROM clock_step")) == 4


def test_log_and_paths_are_in_utc_whatever_the_zone(history: History) -> None:
    assert "2026-10-25T00:59:5" in history.service.read_log()
    folders = {
        path.relative_to(history.service.storage / "rec").parts[1:]
        for path in (history.service.storage / "rec").glob("*/*/*")
    }
    assert folders <= {("19700101", "00"), ("20261025", "00"), ("20261025", "01"), ("20261025", "02")}


def microseconds(text: str) -> int:
    """Return an instant of the API in µs since the epoch."""
    return round(datetime.fromisoformat(text).timestamp() * 1e6)


def request_data(history: History, name: str, begin_us: int, end_us: int) -> dict[str, Any]:
    """Return the request data of a range."""
    path = f"/playbackapi/source/{history.sources[name]}?start={begin_us / 1e6:.6f}&end={end_us / 1e6:.6f}"
    found: dict[str, Any] = history.service.call("GET", path)
    return found
