"""Making room: what goes, in which order, from any thread; and what nothing takes."""

import threading

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select

from app.archive.deletion import Act
from app.archive.evicting import evict
from app.archive.ruling import Rule
from app.archive.storages import open_storage
from app.extensions import db, writing
from app.models import (
    Coverage,
    Deletion,
    Doomed,
    Group,
    Pin,
    Record,
    RetentionMark,
    RetentionRule,
    Run,
    Segment,
    Source,
    Storage,
    Tag,
)
from app.models.types import now_us
from tests.archived import media as media
from tests.archived import no_plans as no_plans
from tests.archived import record
from tests.archived import source_id as source_id
from tests.keeping import Part, S, World, add_footage, add_held, put_world
from tests.test_record_deletion import Media, count, files, starts
from tests.test_retention_rules import worlds

ACT = Act("recorder", "disk full")


def storage_id(app: Flask) -> str:
    with app.app_context():
        return open_storage(app.config["PLAYBACK"]).id


def add_pin(app: Flask, source_id: int, begin_us: int, end_us: int, expires_us: int | None = None) -> str:
    with app.app_context(), writing() as session:
        pin = Pin(
            source_id=source_id, begin_us=begin_us, end_us=end_us, owner="me", reason="theft", expires_us=expires_us
        )
        session.add(pin)
        session.flush()
        return pin.id


def clear(app: Flask) -> None:
    """Empty the tables that a world is put into."""
    with app.app_context(), writing() as session:
        for model in (Segment, Doomed, Run, Coverage, Record, Pin, RetentionRule, RetentionMark):
            session.execute(delete(model))
        for group in session.scalars(select(Group)):
            session.delete(group)
        session.execute(delete(Tag))


def left(app: Flask) -> list[tuple[int, int]]:
    with app.app_context():
        return sorted((row.start_us, row.source_id) for row in db.session.scalars(select(Segment)))


def test_the_oldest_goes_first_with_its_file_and_is_written_down(app: Flask, source_id: int, media: Media) -> None:
    recorded = record(app, source_id, media("h264"))
    with app.app_context():
        sizes = list(db.session.scalars(select(Segment.size_bytes).order_by(Segment.start_us)))
        gone = evict(storage_id(app), sizes[0] + 1, ACT)
        [told] = db.session.scalars(select(Deletion))
        assert (told.actor, told.rule, told.segments, told.size_bytes) == ("recorder", "disk full", 2, sum(sizes[:2]))
    assert gone == (2, sum(sizes[:2]))
    assert [start - recorded.begin_us for start in starts(app)] == [4 * S, 6 * S]
    assert len([path for path in files(app) if path.startswith("rec/")]) == 2
    assert count(app, Doomed) == 0


def test_nothing_goes_where_nothing_is_needed(app: Flask, source_id: int, media: Media) -> None:
    record(app, source_id, media("h264"))
    with app.app_context():
        assert evict(storage_id(app), 0, ACT) == (0, 0)
    assert len(starts(app)) == 4


def test_what_is_pinned_stays_and_less_is_freed(app: Flask, source_id: int, media: Media) -> None:
    recorded = record(app, source_id, media("h264"))
    add_pin(app, source_id, recorded.begin_us + 3 * S, recorded.begin_us + 5 * S)
    with app.app_context():
        assert evict(storage_id(app), 2**40, ACT).segments == 2
    assert [start - recorded.begin_us for start in starts(app)] == [2 * S, 4 * S]


def test_another_storage_is_left_alone(app: Flask) -> None:
    with app.app_context(), writing() as session:
        session.add(Storage(id="0" * 36, path=""))
    add_footage(app, [Part(1, now_us() - 100 * S, now_us() - 90 * S, 10)], "0" * 36)
    add_footage(app, [Part(2, now_us() - 50 * S, now_us() - 40 * S, 10)])
    with app.app_context():
        assert evict(storage_id(app), 2**40, ACT).segments == 1
    assert [source_id for _, source_id in left(app)] == [1]


def test_threads_that_make_room_at_once_count_each_file_once(database_app: Flask) -> None:
    """As recorder and worker may; and without any worker at all."""
    app = database_app
    begin_us = now_us() - 10_000 * S
    starts_us = [begin_us + number * S for number in range(90)]
    add_footage(app, [Part(1 + number % 2, at_us, at_us + S, 10) for number, at_us in enumerate(starts_us)])
    place, gone = storage_id(app), []

    def make_room() -> None:
        with app.app_context():
            gone.append(evict(place, 200, ACT))
            db.session.remove()

    threads = [threading.Thread(target=make_room) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with app.app_context():
        told = db.session.scalars(select(Deletion)).all()
        assert sum(row.segments for row in told) == sum(one.segments for one in gone) == 90 - len(left(app))
    assert sum(one.size_bytes for one in gone) >= 600


def test_a_budget_keeps_minima(app: Flask) -> None:
    moment = now_us()
    add_footage(app, [Part(1, moment - 900 * S, moment - 890 * S, 10), Part(2, moment - 900 * S, moment - 890 * S, 10)])
    put_world(app, World([], [Rule("r", "source", 1, "1", min_bytes=5)], {}, [], [], 0))
    with app.app_context():
        assert evict(storage_id(app), 2**40, ACT, keeps_minima=True).segments == 1
        assert [number for _, number in left(app)] == [1]
        assert evict(storage_id(app), 2**40, ACT).segments == 1


@pytest.mark.parametrize("age", ["expired", "plain"])
def test_an_unset_clock_and_a_minimum_go_last(app: Flask, age: str) -> None:
    moment = now_us()
    parts = [
        Part(1, S, 2 * S, 10, dated=False),  # 1970: by its date the oldest
        Part(1, moment - 900 * S, moment - 890 * S, 10),
        Part(2, moment - 5000 * S, moment - 4990 * S, 10),
    ]
    add_footage(app, parts)
    limits = {"max_age_s": 600} if age == "expired" else {}
    put_world(
        app, World([], [Rule("r1", "source", 2, "2", min_age_s=9000), Rule("r2", "all", **limits)], {}, [], [], 0)
    )
    order = []
    with app.app_context():
        for _ in parts:
            before = left(app)
            assert evict(storage_id(app), 1, ACT).segments == 1
            order += sorted(set(before) - set(left(app)))
    assert order == [(moment - 900 * S, 1), (S, 1), (moment - 5000 * S, 2)]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(worlds(), st.integers(0, 100))
def test_what_goes_is_what_the_words_say(app: Flask, world: World, need_bytes: int) -> None:
    clear(app)
    add_footage(app, world.parts)
    put_world(app, world)
    victims = sorted(
        (part for part in world.parts if world.grade(part) < 4),
        key=lambda part: (world.grade(part), part.start_us, part.source_id),
    )
    freed, expected = 0, {(part.start_us, part.source_id) for part in world.parts}
    for part in victims:
        if freed >= need_bytes:
            break
        freed += part.size_bytes
        expected.remove((part.start_us, part.source_id))
    with app.app_context():
        assert evict(storage_id(app), need_bytes, ACT).size_bytes == freed
    assert left(app) == sorted(expected)


def test_a_record_that_loses_footage_is_cut(app: Flask) -> None:
    moment = now_us()
    add_footage(app, [Part(1, moment - 100 * S, moment - 90 * S, 10), Part(1, moment - 90 * S, moment - 80 * S, 10)])
    whole = add_held(app, 1, "night", moment - 100 * S, moment - 80 * S)
    with app.app_context():
        evict(storage_id(app), 1, ACT)
        row = db.session.get(Record, whole)
        assert (row.cut_us is not None, row.deleted_us) == (True, None)
        assert db.session.scalar(select(Source.id)) == 1
