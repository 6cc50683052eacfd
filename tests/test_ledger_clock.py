"""Causes of gaps in time that was lived twice: of the attempts of both times the one written down last decides."""

import uuid
from collections.abc import Iterator

import pytest
from flask import Flask

from app.archive.ledger import explain
from app.archive.spans import Stretch
from app.extensions import writing
from app.models import ClockStep, Run
from tests.archived import T0_US
from tests.test_losses import HOUR_US, MINUTE_US, World

DAY_US = 24 * HOUR_US


def at(minutes: float) -> int:
    """Return an instant so many minutes after T0."""
    return T0_US + round(minutes * MINUTE_US)


@pytest.fixture
def world(database_app: Flask) -> Iterator[World]:
    """Return a source that is wanted all the time."""
    with database_app.app_context():
        found = World()
        found.want(at(-3000))
        yield found


def set_clock(to_us: int, step_us: int) -> None:
    """Note that the clock was set, to an instant and by so much."""
    with writing() as session:
        session.add(ClockStep(host_id="h", at_us=to_us, step_us=step_us))


def go_on(world: World, capture_id: str, begin_us: int) -> None:
    """Let an ffmpeg go on with another run, by the clock as it is set now."""
    with writing() as session:
        times = {"anchor_us": begin_us, "begin_us": begin_us}
        session.add(Run(id=str(uuid.uuid4()), source_id=world.source_id, capture_id=capture_id, **times))


def causes(world: World, begin: float, end: float) -> list[tuple[str, float, float]]:
    """Return the causes of a gap, begin and end in minutes after T0."""
    found = explain(world.source_id, [Stretch(at(begin), at(end))])
    return [(gap.cause, (gap.begin_us - T0_US) / MINUTE_US, (gap.end_us - T0_US) / MINUTE_US) for gap in found]


def test_a_gap_of_the_later_time_has_the_cause_of_the_later_attempt(world: World) -> None:
    world.attempt(at(0), at(35), "camera_unreachable")
    world.attempt(at(36), at(60), "disk_full")
    set_clock(at(0), -HOUR_US)
    world.attempt(at(5), at(50), "stream_ended", world.run(at(5)))
    world.attempt(at(52), None, None, world.run(at(52)))
    assert causes(world, 50, 52) == [("stream_ended", 50, 52)]
    assert causes(world, 40, 52) == [("stream_ended", 40, 52)]
    assert causes(world, 2, 52) == [("camera_unreachable", 2, 5), ("stream_ended", 5, 52)]


def test_an_ffmpeg_that_outlives_a_step_back_is_the_cause_by_the_new_time(world: World) -> None:
    world.attempt(at(0), at(35), "disk_full")
    capture_id = world.run(at(36.5))
    attempt = world.attempt(at(36), None, None, capture_id)
    set_clock(at(0), -HOUR_US)
    go_on(world, capture_id, at(0.5))
    assert causes(world, 20, 21) == [("pending", 20, 21)]
    world.end_attempt(attempt, at(36), "stream_ended")  # at 20, and no attempt ends before it begins
    world.attempt(at(21), None, None, world.run(at(21)))
    assert causes(world, 20, 21) == [("stream_ended", 20, 21)]
    assert causes(world, 0.1, 0.4) == [("disk_full", 0.1, 0.4)]


def test_an_ffmpeg_that_was_begun_in_1970_is_the_cause_once_the_clock_is_set(world: World) -> None:
    world.attempt(at(-1000), at(-900), "recorder_stopped")
    capture_id = world.run(5 * MINUTE_US)
    world.attempt(4 * MINUTE_US, at(10), "silent", capture_id)
    go_on(world, capture_id, at(0))
    world.attempt(at(11), None, None, world.run(at(11)))
    assert causes(world, 10, 11) == [("silent", 10, 11)]
    assert causes(world, -5, 0) == [("recorder_stopped", -5, 0)]


def test_the_stored_ledger_tells_the_same(world: World) -> None:
    world.attempt(at(0), at(20), "camera_unreachable")
    world.attempt(at(21), at(40), "disk_full", world.run(at(21)))
    world.record(at(21.5), at(39), MINUTE_US)
    set_clock(at(10), -HOUR_US // 2)
    world.attempt(at(11), at(50), "stream_ended", world.run(at(11)))
    world.attempt(at(52), at(60), "stopped", world.run(at(52)))
    world.settle(at(70))
    rows = [row for row in world.ledger() if at(39) <= row[0] < at(52)]
    assert [row[2] for row in rows] == ["stream_ended"]
