"""Activity: movement is found where it is, and nothing else; in any order, after any end, and until it is deleted."""

import json
import math
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import event, func, select, update

from app.archive import activityrows
from app.archive.activitycells import DAYS, DAYS_32, HOURS, code_of, highest, score_of
from app.archive.activitysettings import note_try
from app.archive.deletion import Act, delete_segments
from app.archive.holding import PIECES, Piece, lock_source
from app.archive.places import DAY_US
from app.extensions import db, writing
from app.models import Activity, ActivityDay, ActivitySetting, ApiToken, Audit, Segment
from app.playback import segmentlook
from app.playback.activityanswer import find_values
from app.playback.activitypass import TRIES, ActivityPass
from app.playback.asked import MAX_INSTANT_US
from app.playback.movement import HIGHEST, WIDTH, to_grey
from tests.accounts import add_account, add_bounded
from tests.archived import T0_US, add_source, close, record, utc
from tests.archived import no_plans as no_plans
from tests.memory import tracing
from tests.scenes import make_scene
from tests.test_health import samples

S = 1_000_000
API = "/api/v1/source"
LONG_S = 1000.0


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Return a maker of scenes that are made once."""
    folder, made = tmp_path_factory.mktemp("scenes"), dict[str, Path]()

    def make(seconds: int = 32, **how: Any) -> Path:
        key = f"{seconds} {sorted(how.items())}"
        if key not in made:
            made[key] = make_scene(folder / f"{len(made)}.mp4", seconds, **how)
        return made[key]

    return make


def switch(client: FlaskClient, source_id: int, **values: Any) -> Any:
    answer = client.put(f"{API}/{source_id}/activity/setting", json={"is_enabled": True, "since": "0", **values})
    assert answer.status_code == 200, answer.text
    return answer.json


def look(app: Flask, budget_s: float = LONG_S, is_stopping: Callable[[], bool] = lambda: False) -> Any:
    with app.app_context():
        return ActivityPass(budget_s, is_stopping).run()


def after_segments(count: int) -> Callable[[], bool]:
    """Return what ends a pass after so many segments; it is asked twice before the first, and after each."""
    asked = iter(range(count + 1))
    return lambda: next(asked, None) is None


def values(client: FlaskClient, source_id: int, begin_s: int, end_s: int, resolution_s: float = 2) -> list[Any]:
    asked = f"start={utc(T0_US + begin_s * S)}&end={utc(T0_US + end_s * S)}&resolution={resolution_s}"
    answer = client.get(f"{API}/{source_id}/activity?{asked}")
    assert answer.status_code == 200, answer.text
    return list(answer.json["values"])


def moving(found: list[Any], threshold: float = 0.002) -> list[int]:
    """Return the seconds at which cells of 2 s with movement begin."""
    return [2 * number for number, value in enumerate(found) if value is not None and value >= threshold]


def next_of(client: FlaskClient, source_id: int, **asked: Any) -> tuple[Any, ...]:
    query = "&".join(f"{name}={value}" for name, value in asked.items())
    found = client.get(f"{API}/{source_id}/activity/next?{query}").json
    return found["start_utc"], found["end_utc"], found["peak"], found["searched_utc"]


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_exactly_the_stretch_is_found_in_which_something_moves(app: Flask, scene: Any, codec: str) -> None:
    client, source_id = app.test_client(), add_source(app)
    record(app, source_id, scene(moving_s=(10, 20), codec=codec), segment_s=4)
    switch(client, source_id)
    done = look(app)
    assert (done.segments, done.is_more) == (8, False)
    assert done.decoded == 32 + 7  # each key frame, and the last of each file for the first of the next
    found = values(client, source_id, -4, 36)
    assert moving(found) == [14, 16, 18, 20, 22]  # from 4 s before the begin
    assert found[:2] == found[-2:] == [None, None]
    assert set(found[2:7]) == set(found[12:17]) == {0}
    begin, end = utc(T0_US + 10 * S), utc(T0_US + 20 * S)
    assert next_of(client, source_id, after=utc(T0_US))[:2] == (begin, end)
    assert next_of(client, source_id, before=utc(T0_US + 30 * S))[:2] == (begin, end)
    assert next_of(client, source_id, after=begin) == (None, None, None, None)
    assert next_of(client, source_id, before=begin) == (None, None, None, None)
    assert next_of(client, source_id, after=utc(T0_US), threshold=0.9)[0] is None
    assert next_of(client, source_id, after=utc(T0_US), min_s=11)[0] is None
    assert look(app).segments == 0


def ramp(levels_s: float) -> Any:
    return lambda picture, at_s: picture + levels_s * at_s


CHANGES = {
    "noise": {"noise": 25},
    "the light, slowly": {"change": ramp(2)},
    "all is dimmed": {"change": lambda picture, at_s: picture * (1 - at_s / 80)},
    "a shadow comes from one side": {
        "change": lambda picture, at_s: (
            picture * (1 - 0.4 / (1 + np.exp((np.arange(picture.shape[1])[None, :] - at_s * 12) / 60)))
        )
    },
}


@pytest.mark.parametrize("name", sorted(CHANGES))
def test_what_does_not_move_is_no_movement(app: Flask, tmp_path: Path, name: str) -> None:
    client, source_id = app.test_client(), add_source(app)
    record(app, source_id, make_scene(tmp_path / "scene.mp4", 20, **CHANGES[name]), segment_s=4)
    switch(client, source_id)
    look(app)
    found = values(client, source_id, 0, 20)
    assert None not in found[:-1]
    assert moving(found) == []


def test_what_moves_is_found_in_noise_and_while_the_light_changes(app: Flask, scene: Any, tmp_path: Path) -> None:
    client, source_id = app.test_client(), add_source(app)
    film = make_scene(tmp_path / "scene.mp4", 20, moving_s=(8, 12), noise=15, change=ramp(-2))
    record(app, source_id, film, segment_s=4)
    switch(client, source_id)
    look(app)
    assert moving(values(client, source_id, 0, 20)) == [8, 10]


def stored(app: Flask) -> list[tuple[Any, ...]]:
    """Return all rows of activity, and what was looked at."""
    with app.app_context():
        order = (Activity.source_id, Activity.level, Activity.number)
        rows = db.session.execute(select(*order, Activity.codes).order_by(*order))
        days = db.session.execute(select(ActivityDay.source_id, ActivityDay.day, ActivityDay.done))
        return [*map(tuple, rows), *map(tuple, days)]


def test_a_pass_that_ends_anywhere_goes_on_at_the_next_and_comes_to_the_same(database_app: Flask, scene: Any) -> None:
    app, client = database_app, database_app.test_client()
    one, other = add_source(app), add_source(app)
    for source_id in (one, other):
        record(app, source_id, scene(moving_s=(10, 20)), segment_s=4)
        switch(client, source_id)
    behind = client.get(f"{API}/{one}/activity/setting").json["behind_s"]
    assert 31 < behind <= 32
    assert look(app, 0.0).segments == 0  # nothing is begun when the time is up
    lengths = []
    while done := look(app, is_stopping=after_segments(3)).segments:
        lengths.append(done)
    assert sum(lengths) == 16
    assert len(lengths) >= 6
    in_pieces = stored(app)
    assert client.get(f"{API}/{one}/activity/setting").json["behind_s"] == 0
    told = samples(client)
    assert told[f'playback_source_activity_decoded_total{{source="{one}"}}'] == 39
    assert told[f'playback_source_activity_behind_seconds{{source="{one}"}}'] == 0
    with app.app_context(), writing() as session:
        for model in (Activity, ActivityDay):
            session.execute(db.delete(model))
    assert look(app).segments == 16
    assert stored(app) == in_pieces
    assert moving(values(client, other, 0, 32)) == [10, 12, 14, 16, 18]


def test_what_decodes_yields_to_all_others_and_what_writes_does_not(app: Flask, scene: Any) -> None:
    """Regression: with the database locked by a thread that got no CPU, the recorder would have waited for it."""
    client, source_id = app.test_client(), add_source(app)
    record(app, source_id, scene(), segment_s=4)
    switch(client, source_id)
    seen: list[tuple[int, list[int]]] = []

    def is_stopping() -> bool:
        mine = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
        decoding = [one.native_id or 0 for one in threading.enumerate() if one.name.startswith("activity")]
        seen.append((mine, [os.getpriority(os.PRIO_PROCESS, one) for one in decoding]))
        return False

    before = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    assert look(app, is_stopping=is_stopping).segments > 1
    assert {mine for mine, _ in seen} == {before}
    assert seen[-1][1] == [19]


def test_the_newest_footage_comes_first(app: Flask, scene: Any) -> None:
    client, source_id = app.test_client(), add_source(app)
    record(app, source_id, scene(), begin_us=T0_US - DAY_US, segment_s=4)
    record(app, source_id, scene(), segment_s=4)
    switch(client, source_id)
    with app.app_context():
        ActivityPass(LONG_S, after_segments(1)).run()
        (day,) = db.session.scalars(select(ActivityDay)).all()
        assert day.day == T0_US // DAY_US
        ((begin_us, end_us),) = activityrows.from_bytes(day.done).tolist()
        assert (begin_us, end_us) == (T0_US + 28 * S, T0_US + 32 * S)


def test_only_what_was_asked_for_is_looked_at_and_more_when_more_is(app: Flask, scene: Any) -> None:
    client, source_id = app.test_client(), add_source(app)
    record(app, source_id, scene(), segment_s=4)
    assert client.put(f"{API}/{source_id}/activity/setting", json={"is_enabled": True}).json["behind_s"] == 0
    assert look(app).segments == 0
    switch(client, source_id, since=utc(T0_US + 17 * S))
    assert look(app).segments == 4
    switch(client, source_id, since=utc(T0_US + 4 * S))
    assert client.get(f"{API}/{source_id}/activity/setting").json["behind_s"] > 11
    assert look(app).segments == 3
    switch(client, source_id, since="0", is_enabled=False)
    assert look(app).segments == 0
    assert values(client, source_id, 4, 30)[-1] == 0  # what is known stays


def test_a_file_that_is_closed_later_is_looked_at_then(app: Flask, scene: Any) -> None:
    client, source_id = app.test_client(), add_source(app)
    taken = record(app, source_id, scene(), segment_s=4, leave_open=True)
    switch(client, source_id)
    assert look(app).segments == 7
    assert values(client, source_id, 30, 32) == [None]
    close(app, source_id, taken.run_id)
    assert look(app).segments == 1
    assert values(client, source_id, 28, 30) == [0]


DIES = """
import os, sys
from app import create_app
from app.playback import segmentlook
from app.playback.activitypass import ActivityPass
from instance.config import TestingConfig

whole, left = segmentlook.key_pictures, [int(sys.argv[2])]

def dying(segment, entry, **how):
    for picture in whole(segment, entry, **how):
        left[0] -= 1
        if left[0] < 0:
            os.kill(os.getpid(), 9)
        yield picture

segmentlook.key_pictures = dying
app = create_app(TestingConfig(INSTANCE=sys.argv[1]), with_views=False)
with app.app_context():
    ActivityPass(1000.0).run()
"""


def test_a_process_that_is_killed_loses_the_file_that_it_was_at_and_nothing_else(app: Flask, scene: Any) -> None:
    client, source_id = app.test_client(), add_source(app)
    record(app, source_id, scene(moving_s=(10, 20)), segment_s=4)
    switch(client, source_id)
    instance = str(app.config["PLAYBACK"].instance_path)
    ended = subprocess.run([sys.executable, "-c", DIES, instance, "13"], timeout=60, check=False)
    assert ended.returncode == -9
    with app.app_context():
        setting = db.session.get(ActivitySetting, source_id)
        assert setting is not None
        assert (setting.tries, setting.trying_us) == (1, T0_US + 20 * S)
    assert look(app).segments == 6
    assert moving(values(client, source_id, 0, 32)) == [10, 12, 14, 16, 18]


def test_a_file_that_processes_die_of_is_left_out_in_the_end(app: Flask, scene: Any) -> None:
    client, source_id = app.test_client(), add_source(app)
    record(app, source_id, scene(moving_s=(10, 20)), segment_s=4)
    switch(client, source_id)
    with app.app_context():
        for _ in range(TRIES):
            with writing() as session:
                note_try(session, source_id, T0_US + 28 * S)
    assert look(app).segments == 8
    assert values(client, source_id, 26, 32) == [0, None, None]
    assert client.get(f"{API}/{source_id}/activity/setting").json["behind_s"] == 0


def delete(app: Flask, source_id: int, begin_s: int, end_s: int) -> None:
    """Delete the files that begin within a stretch."""
    with app.app_context(), writing() as session:
        lock_source(session, source_id)
        found = PIECES.where(Segment.source_id == source_id, Segment.start_us >= T0_US + begin_s * S)
        pieces = [Piece(*row) for row in session.execute(found.where(Segment.start_us < T0_US + end_s * S))]
        assert pieces
        delete_segments(session, source_id, pieces, Act("test"), (pieces[0].start_us, pieces[-1].end_us))


def test_what_is_deleted_leaves_activity_too_at_every_level(database_app: Flask, scene: Any) -> None:
    app, client = database_app, database_app.test_client()
    source_id = add_source(app)
    record(app, source_id, scene(moving_s=(10, 20)), segment_s=4)
    switch(client, source_id)
    look(app)
    delete(app, source_id, 8, 12)
    found = values(client, source_id, 0, 32)
    assert found[4:6] == [None, None]
    assert moving(found) == [12, 14, 16, 18]
    delete(app, source_id, 12, 20)
    assert moving(values(client, source_id, 0, 32)) == []
    for resolution_s in (60, 1800):
        assert max(value or 0 for value in values(client, source_id, 0, 7200, resolution_s)) == 0
    assert next_of(client, source_id, after=utc(T0_US))[0] is None
    assert look(app).segments == 0  # and nothing that is left is looked at again
    delete(app, source_id, 0, 40)
    with app.app_context():
        assert db.session.scalar(select(func.count()).select_from(Activity)) == 0


def test_days_without_footage_leave_no_row_of_what_was_looked_at(database_app: Flask, scene: Any) -> None:
    app, client = database_app, database_app.test_client()
    source_id, other = add_source(app), add_source(app)
    day_s = DAY_US // S
    for begin_us in (T0_US - DAY_US, T0_US, T0_US + DAY_US):
        record(app, source_id, scene(), begin_us=begin_us, segment_s=16)
    record(app, other, scene(), segment_s=16)
    opened = record(app, source_id, scene(), begin_us=T0_US + 2 * DAY_US, segment_s=64, leave_open=True)
    for camera in (source_id, other):
        switch(client, camera)
    today = T0_US // DAY_US
    with app.app_context(), writing() as session:  # as versions before have left it
        session.add(ActivityDay(source_id=source_id, day=today - 9, revision=1, done=b""))
    assert look(app).segments == 8
    assert days_of(app, source_id) == [today - 9, today - 1, today, today + 1]
    delete(app, source_id, -10 * day_s, 8)  # a file of this day stays, and the days before go
    assert days_of(app, source_id) == [today, today + 1]
    assert look(app).segments == 0
    delete(app, source_id, 0, 2 * day_s)
    for _ in range(2):
        assert look(app).segments == 0
        assert (days_of(app, source_id), days_of(app, other)) == ([], [today])
    assert values(client, source_id, 0, 32) == [None] * 16
    close(app, source_id, opened.run_id)  # a day is looked at as soon as it has something
    assert look(app).segments == 1
    assert days_of(app, source_id) == [today + 2]
    assert client.get(f"{API}/{source_id}/activity/setting").json["behind_s"] == 0


def days_of(app: Flask, source_id: int) -> list[int]:
    """Return the days of which a row says what was looked at."""
    with app.app_context():
        query = select(ActivityDay.day).where(ActivityDay.source_id == source_id)
        return list(db.session.scalars(query.order_by(ActivityDay.day)))


def test_what_is_deleted_while_it_is_looked_at_leaves_nothing(app: Flask, scene: Any) -> None:
    client, source_id = app.test_client(), add_source(app)
    record(app, source_id, scene(), segment_s=4)
    with app.app_context():
        ref = db.session.execute(select(Segment.id, Segment.start_us, Segment.end_us).limit(1)).one()
    delete(app, source_id, 0, 40)
    with app.app_context(), writing() as session:
        assert activityrows.store(session, source_id, [activityrows.Seen(*ref, ())]) == []
    assert stored(app) == []
    assert switch(client, source_id)["behind_s"] == 0


def test_a_file_that_is_lost_or_broken_says_nothing_and_hinders_nothing(app: Flask, scene: Any) -> None:
    client, source_id = app.test_client(), add_source(app)
    record(app, source_id, scene(moving_s=(10, 20)), segment_s=4)
    root = app.config["PLAYBACK"].storage_path
    files = sorted(root.rglob("rec/**/*.mp4"), key=lambda path: path.stat().st_mtime_ns)
    assert len(files) == 8
    files[0].unlink()
    with app.app_context():
        broken = db.session.scalars(select(Segment).order_by(Segment.start_us).offset(1).limit(1)).one()
        path = next(path for path in files[1:] if broken.id in path.name)
    was = path.stat()
    data = bytearray(path.read_bytes())
    data[broken.body_begin_bytes + 400 : broken.body_end_bytes] = bytes(
        broken.body_end_bytes - broken.body_begin_bytes - 400
    )
    path.write_bytes(data)
    os.utime(path, ns=(was.st_atime_ns, was.st_mtime_ns))
    switch(client, source_id)
    done = look(app)
    assert (done.segments, done.is_more) == (8, False)
    found = values(client, source_id, 0, 32)
    assert found[:4] == [None] * 4
    assert moving(found) == [10, 12, 14, 16, 18]


def test_years_are_forgotten_in_one_transaction(database_app: Flask) -> None:
    app, source_id = database_app, add_source(database_app)
    hours = 33_000  # more than SQLite takes parameters
    begin_us = T0_US - hours * 3600 * S
    for at_us in (begin_us, T0_US):
        fill(app, source_id, {0: 0.25, 4: 0.25}, at_us)
    with app.app_context(), writing() as session:
        lock_source(session, source_id)
        for at_us in (begin_us, T0_US):
            seen = np.array([(at_us, at_us + 2 * S), (at_us + 4 * S, at_us + 6 * S)])
            activityrows._day(session, source_id, at_us // DAY_US).done = activityrows.to_bytes(seen)
        gone = np.array([(begin_us, T0_US + S), (T0_US + S, T0_US + 3 * S)])
        activityrows.forget(session, source_id, gone, [begin_us // DAY_US, T0_US // DAY_US])
    assert values(app.test_client(), source_id, 0, 8) == [None, None, pytest.approx(0.25, abs=0.01), None]
    with app.app_context():
        days = db.session.scalars(select(ActivityDay).order_by(ActivityDay.day)).all()
        assert [activityrows.from_bytes(day.done).tolist() for day in days] == [[[T0_US + 4 * S, T0_US + 6 * S]]]


SPANS = st.lists(st.tuples(st.integers(1, 400), st.integers(1, 400)), max_size=12)


def apart(steps: list[tuple[int, int]]) -> np.ndarray[Any, Any]:
    """Return spans that begin 100 s before an hour, from the lengths of gaps and spans in tens of seconds."""
    edges = np.cumsum(np.array(steps, np.int64).reshape(-1)) * 10 * S + HOURS.row_us - 100 * S
    return edges.reshape(-1, 2)


@settings(deadline=None, max_examples=40)
@given(SPANS, SPANS)
def test_what_is_left_and_what_is_touched_is_what_going_over_all_of_it_says(
    some: list[tuple[int, int]], other: list[tuple[int, int]]
) -> None:
    spans, gone = apart(some), apart(other)
    seconds = {at for begin, end in spans.tolist() for at in range(begin // S, end // S)}
    lost = {at for begin, end in gone.tolist() for at in range(begin // S, end // S)}
    left = activityrows._without(spans, gone)
    assert {at for begin, end in left.tolist() for at in range(begin // S, end // S)} == seconds - lost
    touched = {(at * S - HOURS.row_us) // HOURS.cell_us for at in seconds}
    found = np.flatnonzero(activityrows._touched(1, spans)).tolist()
    assert found == sorted(cell for cell in touched if 0 <= cell < HOURS.cells)


def test_coarser_cells_are_the_highest_of_the_finer_ones() -> None:
    chance = np.random.default_rng(1)
    hour = chance.integers(0, 256, HOURS.cells).astype(np.uint8)
    minutes = highest(hour, HOURS, DAYS)
    assert minutes.tolist() == [hour[n * 30 : n * 30 + 30].max() for n in range(60)]
    assert highest(minutes, DAYS, DAYS_32).tolist() == [minutes[:30].max(), minutes[30:].max()]


def test_a_score_survives_as_a_byte_where_it_is_small_as_well() -> None:
    for score in (0.0, 0.0001, 0.002, 0.0313, 0.5, 1.0):
        kept = score_of(code_of(score))
        assert kept is not None
        assert math.isclose(kept, score, rel_tol=0.06, abs_tol=5e-5)
    assert score_of(0) is score_of(1) is None


def fill(app: Flask, source_id: int, scores: dict[int, float], base_us: int = T0_US) -> None:
    """Put scores into the rows of a camera as the pass does: seconds after an instant to a score of two seconds."""
    with app.app_context(), writing() as session:
        found = [
            activityrows.Score(base_us + at * S, base_us + (at + 2) * S, code_of(score)) for at, score in scores.items()
        ]
        activityrows._merge(session, source_id, found)


def test_the_next_movement_is_found_over_days_and_hours_in_both_directions(database_app: Flask) -> None:
    app, client = database_app, database_app.test_client()
    source_id = add_source(app)
    day = 86_400
    base_us = T0_US - 60 * day * S

    def at(second: int) -> str:
        return utc(base_us + second * S)

    found = [0, 4, 3598, 3600, 3602, 40 * day, 40 * day + 6]  # over the end of an hour; and 4 s apart is one
    fill(app, source_id, dict.fromkeys(found, 0.01), base_us)
    fill(app, source_id, {20 * day: 0.001}, base_us)
    starts, after = [], at(-1)
    while (after := next_of(client, source_id, after=after)[0]) is not None:
        starts.append(after)
    assert starts == [at(0), at(3598), at(40 * day)]
    back = next_of(client, source_id, before=at(40 * day))
    assert back[:2] == (at(3598), at(3604))
    assert next_of(client, source_id, before=at(3598))[:2] == (at(0), at(6))
    assert next_of(client, source_id, before=at(0))[0] is None
    assert next_of(client, source_id, after=at(4000), threshold=0.0005)[0] == at(20 * day)
    assert next_of(client, source_id, after=at(0), min_s=7)[:2] == (at(40 * day), at(40 * day + 8))


@pytest.mark.parametrize("pause_s", [2, 4])  # uninterrupted, and with pauses that end no stretch
def test_a_stretch_of_hours_is_whole_from_wherever_one_looks(database_app: Flask, pause_s: int) -> None:
    """Looking back read no further than an hour after its instant: the rest of the stretch was cut off."""
    app, client = database_app, database_app.test_client()
    source_id = add_source(app)
    base_us = T0_US - T0_US % (3600 * S) + 1800 * S
    end_s = 5 * 3600
    fill(app, source_id, dict.fromkeys(range(0, end_s, pause_s), 0.01), base_us)
    fill(app, source_id, {end_s - pause_s: 0.5, end_s + 600: 0.9}, base_us)
    whole = (utc(base_us), utc(base_us + (end_s - pause_s + 2) * S))
    begin, end, peak, _ = next_of(client, source_id, after=utc(base_us - S))
    assert (begin, end) == whole
    assert peak > 0.4
    for second in (1, 600, 3600, 2 * 3600, end_s - 2):
        assert next_of(client, source_id, before=utc(base_us + second * S), min_s=4 * 3600)[:3] == (begin, end, peak)


def test_many_short_stretches_cost_no_statement_each(app: Flask) -> None:
    client, source_id = app.test_client(), add_source(app)
    fill(app, source_id, dict.fromkeys(range(0, 4 * 3600, 20), 0.01))
    asked: list[str] = []
    with app.app_context():
        event.listen(db.engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    last_s = 4 * 3600 - 20
    after, before = utc(T0_US - S), utc(T0_US + 5 * 3600 * S)
    assert next_of(client, source_id, after=after, min_s=1)[0] == utc(T0_US)
    assert next_of(client, source_id, before=before, min_s=1)[0] == utc(T0_US + last_s * S)
    assert next_of(client, source_id, after=after, min_s=60)[0] is None
    assert next_of(client, source_id, before=before, min_s=60)[0] is None
    assert len(asked) < 60, len(asked)


def test_many_cameras_are_answered_at_once_each_with_its_threshold(app: Flask) -> None:
    client, ids = app.test_client(), [add_source(app) for _ in range(3)]
    fill(app, ids[0], {0: 0.25})
    fill(app, ids[2], {3600: 0.01})
    switch(client, ids[2], threshold=0.05)
    listed = ",".join(map(str, ids))
    asked = f"start={utc(T0_US)}&duration=14400&resolution=3600"
    answer = client.get(f"/playbackapi/activity?source_id={listed}&{asked}").json
    assert (answer["start_utc"], answer["end_utc"]) == (utc(T0_US), utc(T0_US + 14_400 * S))
    assert answer["resolution"] == 3600
    rows = [(row["source_id"], row["is_enabled"], row["threshold"]) for row in answer["sources"]]
    assert rows == [(ids[0], False, 0.002), (ids[1], False, 0.002), (ids[2], True, 0.05)]
    first, none, last = (row["values"] for row in answer["sources"])
    assert (round(first[0], 2), first[1:], none) == (0.25, [None] * 3, [None] * 4)
    assert (round(last[1], 2), last[:1], last[2:]) == (0.01, [None], [None, None])


def test_a_range_of_thousands_of_years_costs_what_is_known_of_it(app: Flask) -> None:
    client, source_id = app.test_client(), add_source(app)
    fill(app, source_id, {0: 0.25, 7200: 0.01})
    with app.app_context(), tracing() as traced:
        ((_, codes),) = find_values([source_id], 0, MAX_INSTANT_US, MAX_INSTANT_US // 1000 + 1)
    assert 0 < traced.peak_bytes < 4_000_000
    assert np.flatnonzero(codes).tolist() == [T0_US // (MAX_INSTANT_US // 1000 + 1)]
    found = values(client, source_id, -DAY_US // S, 2 * DAY_US // S, 3600)
    assert [round(value, 2) for value in found if value is not None] == [0.25, 0.01]
    assert (found[:24], found[27:]) == ([None] * 24, [None] * 45)
    assert round(found[24], 2) == 0.25


def refused(client: FlaskClient, path: str) -> tuple[int, str, Any]:
    answer = client.get(path)
    assert answer.status_code >= 400, answer.text
    entry = answer.json["detail"][0]
    return answer.status_code, entry["type"], entry["loc"]


def test_wrong_questions_are_refused(app: Flask) -> None:
    client, source_id = app.test_client(), add_source(app)
    path = f"{API}/{source_id}/activity"
    year = f"start={utc(T0_US)}&duration=31536000"
    assert refused(client, f"{path}?{year}&resolution=60") == (422, "resolution_too_fine", ["query", "resolution"])
    assert client.get(f"{path}?{year}&resolution=3154").status_code == 200
    assert refused(client, f"/playbackapi/activity?source_id=99&{year}")[0] == 404
    assert refused(client, f"/playbackapi/activity?source_id=a&{year}")[0] == 422
    assert refused(client, f"{API}/99/activity?{year}")[0] == 404
    assert refused(client, f"{path}/next")[0] == 422
    assert refused(client, f"{path}/next?after=1&before=2")[1] == "after_or_before"
    assert refused(client, f"{path}/next?after=1&threshold=0")[0] == 422
    for wrong in ({}, {"threshold": 0}, {"threshold": 2}, {"since": "x"}, {"is_enabled": 7}):
        assert client.put(f"{path}/setting", json=wrong).status_code == 422, wrong
    assert client.put(f"{API}/99/activity/setting", json={"is_enabled": True}).status_code == 404


def test_a_setting_is_an_admins_and_is_written_down(production: Flask) -> None:
    app, source_id = production, add_source(production)
    with app.app_context(), writing() as session:
        tokens = {role: add_account(session, role, role=role) for role in ("admin", "operator", "viewer")}
    client, path = app.test_client(use_cookies=False), f"{API}/{source_id}/activity/setting"
    headers = {role: {"Authorization": f"Bearer {token}"} for role, token in tokens.items()}
    assert client.put(path, json={"is_enabled": True}, headers=headers["operator"]).status_code == 403
    assert client.put(path, json={"is_enabled": True}, headers=headers["admin"]).status_code == 200
    assert client.put(path, json={"is_enabled": True}, headers=headers["admin"]).status_code == 200
    assert client.get(path, headers=headers["viewer"]).json["is_enabled"] is True
    with app.app_context():
        rows = db.session.scalars(select(Audit).where(Audit.action == "activity.set")).all()
        assert [(row.actor, json.loads(row.detail)["after"]["is_enabled"]) for row in rows] == [("admin", True)]


def test_a_window_of_footage_shows_nothing_of_what_lies_outside(production: Flask) -> None:
    app, source_id = production, add_source(production)
    fill(app, source_id, dict.fromkeys(range(0, 100, 10), 0.1))
    with app.app_context(), writing() as session:
        token = add_bounded(session, "anna", "viewer", source_id)
        values = {"begin_us": T0_US + 9 * S + 1, "end_us": T0_US + 21 * S}
        session.execute(update(ApiToken).values(**values))
    client, headers = app.test_client(use_cookies=False), {"Authorization": f"Bearer {token}"}

    def get(path: str) -> Any:
        return client.get(f"{API}/{source_id}/{path}", headers=headers)

    assert get(f"activity?start={utc(T0_US)}&duration=20").status_code == 403
    assert get(f"activity/next?after={utc(T0_US)}").status_code == 403
    found = get(f"activity?start={utc(T0_US + 10 * S)}&duration=11&resolution=1").json["values"]
    assert [value is None for value in found] == [False, False, *[True] * 9]  # the cell [20, 22) is not all within
    assert get(f"activity/next?after={utc(T0_US + 10 * S)}").json["start_utc"] is None
    assert get(f"activity/next?before={utc(T0_US + 20 * S)}").json["start_utc"] == utc(T0_US + 10 * S)
    assert get("activity/setting").status_code == 403
    asked = f"source_id={source_id}&start={utc(T0_US)}&duration=3600"
    assert client.get(f"/playbackapi/activity?{asked}", headers=headers).status_code == 403


@pytest.mark.parametrize("pixel_aspect", [Fraction(1, 65_535), Fraction(65_535)], ids=["high", "wide"])
def test_pixels_of_any_shape_make_a_small_picture(pixel_aspect: Fraction) -> None:
    frame = av.VideoFrame.from_ndarray(np.zeros((54, 64), np.uint8), format="yuv420p")
    assert to_grey(frame, pixel_aspect).size <= WIDTH * HIGHEST


def test_a_file_that_takes_long_is_left_when_the_process_is_to_end(
    app: Flask, scene: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, source_id = app.test_client(), add_source(app)
    record(app, source_id, scene(moving_s=(10, 20)), segment_s=4)
    switch(client, source_id)
    monkeypatch.setattr(segmentlook, "PATIENT_S", 0.0)
    assert look(app, is_stopping=after_segments(1)).segments == 0
    with app.app_context():
        setting = db.session.get(ActivitySetting, source_id)
        assert setting is not None
        assert (setting.tries, setting.decoded) == (0, 1)
    monkeypatch.setattr(segmentlook, "MOST_S", 0.0)
    assert look(app).segments == 8  # of each the first picture, and the last of the one before
