"""The pass of retention: what it deletes, how it is written down, and when it deletes nothing at all."""

import dataclasses
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from sqlalchemy import event, orm, select, update

from app.archive import places
from app.archive.believing import BOOT_US, Host, advance, believed
from app.archive.retention import LATE_SHARE, Outcome, Retention
from app.archive.ruling import Rule
from app.archive.sweeping import BATCH
from app.extensions import db, writing
from app.models import ClockStep, Deletion, Doomed, Notice, Record, Segment, Storage
from app.models.types import now_us
from app.tasks import make_celery
from app.tasks.retaining import retain
from tests.archived import media as media
from tests.archived import no_plans as no_plans
from tests.archived import record
from tests.archived import source_id as source_id
from tests.keeping import Part, S, World, add_footage, add_held, put_world
from tests.test_evicting import add_pin, clear, left, storage_id
from tests.test_record_deletion import Media, count, files, starts
from tests.test_retention_rules import worlds

DAY = 86_400 * S


def run(app: Flask, retention: Retention | None = None, **how: Any) -> Outcome:
    """Do one pass, of which nothing is put off."""
    with app.app_context():
        outcome = (retention or Retention(pause_s=0)).run(**{"is_eager": True, **how})
        db.session.remove()
        return outcome


def put_rules(app: Flask, *rules: Rule) -> None:
    """Store rules; time is believed to be now."""
    put_world(app, World([], list(rules), {}, [], [], now_us()))


def told(app: Flask) -> list[tuple[str, str, int]]:
    with app.app_context():
        return [
            (row.actor, row.rule, row.segments) for row in db.session.scalars(select(Deletion).order_by(Deletion.id))
        ]


def notices(app: Flask) -> list[tuple[str, bool]]:
    with app.app_context():
        return [(row.subject.split()[0], row.is_bad) for row in db.session.scalars(select(Notice).order_by(Notice.id))]


def minutes(source_id: int, begin_us: int, number: int, size: int = 100) -> list[Part]:
    """Return files of a minute, one after the other."""
    starts_us = [begin_us + n * 60 * S for n in range(number)]
    return [Part(source_id, start_us, start_us + 60 * S, size) for start_us in starts_us]


# --- by age --------------------------------------------------------------------------------------------------


def test_what_is_too_old_goes_with_its_files_and_the_rule_is_written_down(
    database_app: Flask, tmp_path: Path, source_id_of: Any, media: Media
) -> None:
    app = database_app
    number = source_id_of(app)
    begin_us = now_us() // S * S - 7 * DAY
    record(app, number, media("h264"), begin_us=begin_us)
    record(app, number, media("h264"), begin_us=begin_us + 3 * DAY)
    add_held(app, number, "night", begin_us, begin_us + 4 * DAY)
    with app.app_context():
        tag_id = db.session.scalars(select(Record.tag_id)).one()
    put_rules(app, Rule("r", "tag", tag_id, "", max_age_s=5 * 86_400))
    outcome = run(app)
    assert (outcome.segments, outcome.is_done, outcome.refusals) == (4, True, [])
    assert told(app) == [("retention", "max_age of tag night: 5 d", 4)]
    assert len([path for path in files(app) if path.startswith("rec/")]) == 4
    assert (len(starts(app)), count(app, Doomed)) == (4, 0)
    assert run(app).segments == 0
    with app.app_context():
        row = db.session.scalars(select(Record)).one()
        assert (row.cut_us is not None, row.deleted_us) == (True, None)


@pytest.fixture
def source_id_of() -> Any:
    """Return what makes a source in an app."""
    from tests.archived import add_source

    return add_source


def test_what_has_expired_gathers_first_so_that_a_pass_deletes_many_at_once(app: Flask) -> None:
    moment = now_us()
    age_s = 100_000
    late_s = age_s // LATE_SHARE
    add_footage(app, minutes(1, moment - (age_s + late_s) * S, 30))
    put_rules(app, Rule("r", "all", max_age_s=age_s))
    retention = Retention(pause_s=0)
    assert run(app, retention, is_eager=False, clock_us=moment).segments == 0
    later = {"clock_us": moment + 61 * S, "host": Host("another", "boot", 0)}
    assert run(app, retention, is_eager=False, **later).segments == 17
    assert len(told(app)) <= 2  # one a day: midnight may lie between


def test_a_pass_ends_when_it_has_had_its_time_and_the_next_goes_on(app: Flask) -> None:
    add_footage(app, minutes(1, now_us() - 2 * DAY, 150))
    put_rules(app, Rule("r", "all", max_age_s=86_400))
    outcome = run(app, Retention(pause_s=0.01, pass_s=0.0))
    assert not outcome.is_done
    while not outcome.is_done:
        outcome = run(app)
    assert left(app) == []


def test_a_record_of_another_tag_without_a_limit_keeps_what_both_hold(app: Flask) -> None:
    moment = now_us()
    add_footage(app, minutes(1, moment - 2 * DAY, 10))
    add_held(app, 1, "night", moment - 2 * DAY, moment)
    add_held(app, 1, "for ever", moment - 2 * DAY + 300 * S, moment)
    with app.app_context():
        tags = {row.tag.name: row.tag_id for row in db.session.scalars(select(Record))}
    put_rules(app, Rule("r", "tag", tags["night"], "", max_age_s=86_400))
    assert run(app).segments == 5
    assert [start_us - moment + 2 * DAY for start_us, _ in left(app)] == [n * 60 * S for n in range(5, 10)]


def test_the_worker_does_it_by_itself(app: Flask) -> None:
    add_footage(app, minutes(1, now_us() - 3 * DAY, 5))
    put_rules(app, Rule("r", "all", max_age_s=86_400))
    celery = make_celery(app.config["PLAYBACK"])
    celery.flask_app = app
    assert "playback.retain" in {entry["task"] for entry in celery.conf.beat_schedule.values()}
    retain()
    assert left(app) == []


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(worlds())
def test_what_a_pass_deletes_is_what_the_words_say(app: Flask, world: World) -> None:
    moment = now_us()
    shift = moment - world.now_us
    parts = [dataclasses.replace(p, start_us=p.start_us + shift, end_us=p.end_us + shift) for p in world.parts]
    records = [(number, begin + shift, end + shift, tag) for number, begin, end, tag in world.records]
    pins = [(number, begin + shift, end + shift) for number, begin, end in world.pins]
    world = World(parts, world.rules, world.groups, records, pins, moment)
    clear(app)
    add_footage(app, parts)
    put_world(app, world)
    run(app, clock_us=moment)
    kept = [part for part in parts if world.grade(part) != 0]
    # Minima are those of before: what expired was not among the newest that are kept.
    for rule in world.rules:
        if rule.max_bytes is not None:
            kept = without_excess(dataclasses.replace(world, parts=kept), rule)
    assert left(app) == sorted((part.start_us, part.source_id) for part in kept)


def without_excess(world: World, rule: Rule) -> list[Part]:
    """Return what is left when the oldest of a rule goes until it fits; minima and pins stay."""
    most = rule.max_bytes or 0
    mine = [part for part in world.parts if world.rule_of(part, "max_bytes") == rule]
    excess = sum(part.size_bytes for part in mine) - most
    gone: set[Part] = set()
    if excess > 0:
        excess += most // 100
        may_go = [part for part in mine if world.grade(part) < 3]
        for part in sorted(may_go, key=lambda part: (world.grade(part) == 2, part.start_us, part.source_id)):
            if excess <= 0:
                break
            gone.add(part)
            excess -= part.size_bytes
    return [part for part in world.parts if part not in gone]


# --- by bytes and room ---------------------------------------------------------------------------------------


def test_the_oldest_of_a_group_goes_until_it_fits(app: Flask) -> None:
    begin_us = now_us() - 3600 * S
    add_footage(app, [*minutes(1, begin_us, 10), *minutes(2, begin_us + 30 * S, 10), *minutes(3, begin_us, 10)])
    put_world(app, World([], [Rule("r", "group", "g", "g", max_bytes=1500)], {1: {"g"}, 2: {"g"}}, [], [], 0))
    outcome = run(app)
    assert (outcome.size_bytes, outcome.warnings) == (600, [])
    assert [number for _, number in left(app)].count(3) == 10
    assert min(start for start, number in left(app) if number != 3) == begin_us + 180 * S
    assert {rule for _, rule, _ in told(app)} == {"max_bytes of group g: 1.5 kB"}


def test_a_limit_of_bytes_that_minima_forbid_is_told_once_and_when_it_is_well_again(app: Flask) -> None:
    add_footage(app, minutes(1, now_us() - 3600 * S, 10))
    put_rules(app, Rule("r1", "all", max_bytes=300), Rule("r2", "source", 1, "", min_bytes=600))
    retention = Retention(pause_s=0)
    for _ in range(2):
        assert "max_bytes of all: 300 B cannot be met: 300 B more are pinned" in run(app, retention).warnings[0]
    with app.app_context(), writing() as session:
        session.execute(update(Segment).values(size_bytes=10))
    forget = Retention(pause_s=0)  # such a change notes no revision
    assert run(app, forget).warnings == []
    assert [entry for entry in notices(app) if entry[0] == "rule"] == [("rule", True), ("rule", False)]


def test_a_storage_is_brought_below_its_budget_and_a_minimum_is_kept(app: Flask) -> None:
    begin_us = now_us() - 10 * DAY
    add_footage(app, [*minutes(1, begin_us, 10), *minutes(2, begin_us, 10)])
    put_rules(app, Rule("r", "source", 1, "", min_age_s=20 * 86_400))
    storage_id(app)
    with app.app_context(), writing() as session:
        session.execute(update(Storage).values(budget_bytes=1500))
    run(app)
    assert sorted(number for _, number in left(app)) == [1] * 10 + [2] * 5
    assert {rule for _, rule, _ in told(app)} == {"budget of storage storage: 1.5 kB"}
    with app.app_context(), writing() as session:
        session.execute(update(Storage).values(budget_bytes=500))
    warnings = run(app).warnings
    assert "500 B cannot be freed: all else is pinned or kept by a minimum" in warnings[0]


def test_a_reserve_that_is_reached_makes_room(app: Flask) -> None:
    begin_us = now_us() - DAY
    add_footage(app, minutes(1, begin_us, 10))
    add_pin(app, 1, 0, begin_us + 60 * S)
    root = app.config["PLAYBACK"].storage_path
    storage_id(app)
    with app.app_context(), writing() as session:
        session.execute(update(Storage).values(reserve_bytes=shutil.disk_usage(root).free + 2**40))
    outcome = run(app)
    assert outcome.segments == 9
    assert "cannot be freed" in outcome.warnings[0]
    assert {rule.split(":")[0] for _, rule, _ in told(app)} == {"reserve of storage storage"}


# --- when nothing is deleted -----------------------------------------------------------------------------------


def test_a_clock_that_leaps_ten_years_deletes_nothing_by_age(app: Flask) -> None:
    add_footage(app, minutes(1, now_us() - DAY, 20))
    put_rules(app, Rule("r", "all", max_age_s=7 * 86_400))
    assert run(app).refusals == []
    leapt_us = now_us() + 3650 * DAY
    outcome = run(app, clock_us=leapt_us)
    assert (outcome.segments, len(left(app))) == (0, 20)
    assert "flask retention run --confirm" in outcome.warnings[0]
    assert run(app, clock_us=leapt_us + 60 * S).segments == 0
    assert notices(app) == [("clock", True)]
    assert run(app, clock_us=leapt_us + 120 * S, is_confirmed=True).segments == 20
    assert notices(app)[-1] == ("clock", False)


def test_a_leap_ends_no_pin(app: Flask) -> None:
    add_footage(app, minutes(1, now_us() - DAY, 3))
    add_pin(app, 1, 0, now_us(), expires_us=now_us() + DAY)
    put_rules(app, Rule("r", "all", max_bytes=0))
    run(app)
    assert run(app, clock_us=now_us() + 365 * DAY).segments == 0
    assert len(left(app)) == 3


def test_time_is_believed_to_pass_as_fast_as_it_does_or_twice_and_a_day_a_boot(app: Flask) -> None:
    start_us = now_us()
    host = Host("h", "boot", 1000 * S)

    def at(clock_us: int, host: Host) -> tuple[int, int]:
        with app.app_context(), writing() as session:
            found = advance(session, clock_us, host)
            return found.at_us - start_us, found.ahead_us

    assert at(start_us, host) == (0, 0)
    hour = host._replace(booted_us=4600 * S)
    assert at(start_us + 3600 * S, hour) == (3600 * S, 0)
    later = host._replace(booted_us=4700 * S)
    reached, ahead = at(start_us + 100 * DAY, later)
    assert reached == 3600 * S + 205 * S
    assert ahead == 100 * DAY - reached
    booted = Host("h", "other boot", 10 * S)
    assert at(start_us + 100 * DAY, booted)[0] == reached + BOOT_US
    assert at(start_us + 10 * DAY, Host("h", "other boot", 20 * S))[1] > 0
    with app.app_context():
        assert believed(db.session, start_us + 50 * DAY) < start_us + 2 * DAY


def test_the_first_pass_of_all_believes_footage_and_a_day(app: Flask) -> None:
    add_footage(app, minutes(1, now_us() - 30 * DAY, 20))
    put_world(app, World([], [Rule("r", "all", max_age_s=2 * 86_400)], {}, [], [], 0))
    outcome = run(app)
    assert (outcome.segments, len(outcome.warnings)) == (0, 1)


@pytest.mark.parametrize("why", ["unset", "set back", "stepped"])
def test_a_clock_that_is_not_to_be_trusted_deletes_nothing(app: Flask, why: str) -> None:
    add_footage(app, minutes(1, now_us() - DAY, 20))
    run(app)
    put_rules(app, Rule("r", "all", max_age_s=3600, max_bytes=1500))
    clock_us = now_us()
    if why == "unset":
        clock_us = 3600 * S
    elif why == "set back":
        clock_us -= 3600 * S
    else:
        with app.app_context(), writing() as session:
            session.add(ClockStep(host_id="h", at_us=clock_us - 60 * S, step_us=-90 * S))
    outcome = run(app, clock_us=clock_us)
    assert (outcome.segments, len(outcome.refusals)) == (0, 1)
    assert len(left(app)) == 20
    assert notices(app) == [("clock", True)]
    if why == "stepped":
        assert run(app, clock_us=clock_us + 700 * S).segments == 20
    elif why == "set back":
        assert run(app, clock_us=clock_us, is_confirmed=True).segments == 20
        assert run(app, clock_us=clock_us + 60 * S).refusals == []


@pytest.mark.parametrize("marker", ["missing", "another's"])
def test_a_storage_that_is_not_the_known_one_is_not_touched(app: Flask, marker: str) -> None:
    add_footage(app, minutes(1, now_us() - DAY, 20))
    put_rules(app, Rule("r", "all", max_age_s=3600, max_bytes=0))
    path = app.config["PLAYBACK"].storage_path / places.MARKER
    if marker == "missing":
        path.unlink()
    else:
        path.write_text("00000000-0000-4000-8000-000000000000\n")
    assert run(app).segments == 0
    assert len(left(app)) == 20


@pytest.mark.parametrize("database", ["new", "restored"])
def test_a_database_that_does_not_know_the_files_deletes_nothing(
    app: Flask, database: str, source_id: int, media: Media
) -> None:
    """It would take the little that it knows for all there is, and delete it to make room."""
    root = app.config["PLAYBACK"].storage_path
    begin_us = now_us() // DAY * DAY - 12 * DAY
    for day in range(4):
        record(app, source_id, media("h264"), begin_us=begin_us + day * DAY, segment_s=8)
    with app.app_context(), writing() as session:
        known = {"new": 0, "restored": 2}[database]
        kept = [begin_us + day * DAY for day in range(known)]
        session.execute(Segment.__table__.delete().where(Segment.start_us.not_in(kept)))
    put_rules(app, Rule("r", "all", max_age_s=3600))
    outcome = run(app, is_confirmed=True)
    assert outcome.segments == 0
    assert "the database does not know" in outcome.refusals[0]
    assert "flask rebuild" in outcome.refusals[0]
    assert len(list(root.glob("rec/*/*/*/*.mp4"))) == 4
    assert ("known", True) in notices(app)


def test_a_day_whose_files_are_yet_to_be_removed_is_known(app: Flask, source_id: int, media: Media) -> None:
    recorded = record(app, source_id, media("h264"), begin_us=now_us() - 3 * DAY)
    with app.app_context(), writing() as session:
        rows = session.scalars(select(Segment)).all()
        for row in rows:
            session.add(
                Doomed(segment_id=row.id, storage_id=row.storage_id, source_id=source_id, start_us=row.start_us)
            )
            session.delete(row)
    assert recorded.run_id
    assert run(app).refusals == []


# --- others --------------------------------------------------------------------------------------------------


def test_writers_wait_for_no_pass(app: Flask) -> None:
    """Of SQLite one writes at a time: a pass gives way between a few segments."""
    add_footage(app, minutes(1, now_us() - 2 * DAY, 400))
    put_rules(app, Rule("r", "all", max_age_s=3600))
    other = sqlite3.connect(app.config["PLAYBACK"].instance_path / "app.db", isolation_level=None, timeout=0)
    waits: list[str] = []

    def write(_session: object) -> None:
        other.execute("BEGIN IMMEDIATE")
        other.execute("UPDATE source SET description = 'x'")
        other.execute("COMMIT")
        waits.append("written")

    event.listen(orm.Session, "after_commit", write)
    try:
        assert run(app).segments == 400
    finally:
        event.remove(orm.Session, "after_commit", write)
        other.close()
    assert len(waits) >= 400 // BATCH
