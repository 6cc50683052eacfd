"""The stored ledger of missing seconds: settled in any order of events it says what working all out anew would say."""

import json
import random
import uuid
from collections.abc import Iterator
from itertools import pairwise

import pytest
from flask import Flask
from sqlalchemy import delete, select, update

from app.archive import coverage
from app.archive.deletion import Act, delete_segments
from app.archive.holding import Piece
from app.archive.losses import STALE_US, Settler
from app.extensions import db, writing
from app.models import Attempt, Deletion, Loss, LossDue, LossMark, Run, Segment, Source, Storage, Wanted
from app.models.segment import CLOSED, MISSING, OPEN
from tests.archived import T0_US

MINUTE_US, HOUR_US = 60_000_000, 3_600_000_000
STEP_US = 10_000_000


class World:
    """A source, its footage as rows, and a clock. Used within an app context."""

    def __init__(self) -> None:
        self.now_us = T0_US
        with writing() as session:
            source = Source(model="Source")
            storage = Storage(id=str(uuid.uuid4()), path="/nowhere")
            session.add_all([source, storage])
            session.flush()
            self.source_id, self.storage_id = source.id, storage.id
        self.settler = Settler()

    def want(self, begin_us: int, end_us: int | None = None) -> None:
        """Want the source."""
        with writing() as session:
            session.add(Wanted(source_id=self.source_id, begin_us=begin_us, end_us=end_us))

    def end_wish(self, end_us: int) -> None:
        """Want it no more."""
        with writing() as session:
            session.execute(update(Wanted).where(Wanted.end_us.is_(None)).values(end_us=end_us))

    def attempt(self, begin_us: int, end_us: int | None, reason: str | None, run_id: str | None = None) -> int:
        """Write down an attempt."""
        with writing() as session:
            row = Attempt(
                source_id=self.source_id, recorder_id="r", begin_us=begin_us, end_us=end_us, reason=reason,
                run_id=run_id, detail=f"said {reason}" if reason else None,
            )  # fmt: skip
            session.add(row)
            session.flush()
            return row.id

    def end_attempt(self, number: int, end_us: int, reason: str) -> None:
        """End an attempt."""
        with writing() as session:
            session.execute(update(Attempt).where(Attempt.id == number).values(end_us=end_us, reason=reason))

    def run(self, begin_us: int) -> str:
        """Begin a run."""
        run_id = str(uuid.uuid4())
        with writing() as session:
            session.add(Run(id=run_id, source_id=self.source_id, anchor_us=begin_us, begin_us=begin_us))
        return run_id

    def open(self, run_id: str, sequence: int, start_us: int) -> None:
        """Begin a file."""
        with writing() as session:
            session.add(self._segment(run_id, sequence, start_us))
            coverage.note_opened(session, self.source_id, start_us)

    def _segment(self, run_id: str, sequence: int, start_us: int) -> Segment:
        return Segment(
            source_id=self.source_id, start_us=start_us, end_us=start_us, id=str(uuid.uuid4()), run_id=run_id,
            sequence=sequence, storage_id=self.storage_id, state=OPEN,
        )  # fmt: skip

    def close(self, start_us: int, end_us: int) -> None:
        """End a file."""
        with writing() as session:
            row = session.get(Segment, (self.source_id, start_us))
            row.state, row.end_us, row.size_bytes = CLOSED, end_us, 1000
            coverage.note_closed(session, self.source_id, start_us, end_us)

    def record(self, begin_us: int, end_us: int, length_us: int = MINUTE_US) -> None:
        """Record a run of files."""
        run_id = self.run(begin_us) if begin_us < end_us else ""
        with writing() as session:
            for sequence, start_us in enumerate(range(begin_us, end_us, length_us)):
                row = self._segment(run_id, sequence, start_us)
                row.state, row.end_us, row.size_bytes = CLOSED, min(start_us + length_us, end_us), 1000
                session.add(row)
                coverage.note_closed(session, self.source_id, start_us, row.end_us)

    def delete(self, begin_us: int, end_us: int, act: Act) -> int:
        """Delete files that begin within a stretch."""
        with writing() as session:
            rows = session.scalars(
                select(Segment).where(
                    Segment.source_id == self.source_id, Segment.state != OPEN,
                    Segment.start_us >= begin_us, Segment.start_us < end_us,
                ).order_by(Segment.start_us)
            ).all()  # fmt: skip
            pieces = [Piece(row.id, row.start_us, row.end_us, row.storage_id, row.size_bytes) for row in rows]
            if pieces:
                delete_segments(session, self.source_id, pieces, act, (begin_us, end_us))
        return len(pieces)

    def lose(self, start_us: int) -> None:
        """Lose a file."""
        with writing() as session:
            session.get(Segment, (self.source_id, start_us)).state = MISSING
            coverage.recount(session, self.source_id, start_us)

    def settle(self, now_us: int | None = None) -> None:
        """Settle what can be."""
        self.now_us = now_us or self.now_us
        self.settler.run(self.now_us)

    def ledger(self) -> list[tuple[int, int, str, str | None]]:
        """Return what is stored."""
        query = select(Loss.begin_us, Loss.end_us, Loss.cause, Loss.detail).order_by(Loss.begin_us)
        found = [tuple(row) for row in db.session.execute(query.where(Loss.source_id == self.source_id))]
        db.session.rollback()
        return found

    def causes(self) -> list[tuple[str, float, float]]:
        """Return cause, begin and end in seconds since T0."""
        return [(cause, (begin - T0_US) / 1e6, (end - T0_US) / 1e6) for begin, end, cause, _ in self.ledger()]

    def mark(self) -> LossMark:
        """Return how far it is settled."""
        mark = db.session.get(LossMark, self.source_id, populate_existing=True)
        assert mark is not None
        db.session.expunge(mark)
        db.session.rollback()
        return mark

    def settle_anew(self) -> None:
        """Forget the ledger and settle all of it."""
        with writing() as session:
            for model in (Loss, LossMark, LossDue):
                session.execute(delete(model).where(model.source_id == self.source_id))
        Settler().run(self.now_us)

    def assert_balanced(self) -> None:
        """Check that the losses do not overlap, and with what is recorded make up what was wanted."""
        mark, rows = self.mark(), self.ledger()
        assert all(before[1] <= after[0] for before, after in pairwise(rows))
        wanted = clipped(db.session.execute(select(Wanted.begin_us, Wanted.end_us)).all(), mark.settled_us)
        held = db.session.execute(select(Segment.start_us, Segment.end_us).where(Segment.state == CLOSED)).all()
        db.session.rollback()
        recorded = minutes(clipped(held, mark.settled_us)) & minutes(wanted)
        lost = minutes([row[:2] for row in rows])
        assert recorded | lost == minutes(wanted)
        assert not recorded & lost
        assert mark.expected_us == sum(end - begin for begin, end in wanted)
        sums: dict[str, int] = {}
        for begin, end, cause, _ in rows:
            sums[cause] = sums.get(cause, 0) + end - begin
        assert json.loads(mark.lost) == sums
        assert all(begin < end for begin, end, _, _ in rows)


def clipped(stretches, end_us):
    ends = [(begin, end_us if end is None else min(end, end_us)) for begin, end in stretches]
    return [(begin, end) for begin, end in ends if begin < end]


def minutes(stretches) -> set[int]:
    """Return the steps of ten seconds within some stretches; all that happens in these tests is on such a step."""
    return {step for begin, end in stretches for step in range(begin // STEP_US, end // STEP_US)}


@pytest.fixture
def world(app: Flask) -> Iterator[World]:
    """Yield a source of an app of its own."""
    with app.app_context():
        yield World()


@pytest.fixture
def database_world(database_app: Flask) -> Iterator[World]:
    """Yield the same on SQLite, then on PostgreSQL."""
    with database_app.app_context():
        yield World()


def test_every_second_that_is_missing_has_a_stored_cause(database_world: World) -> None:
    world = database_world
    world.want(T0_US)
    world.attempt(T0_US, T0_US + 4 * MINUTE_US, "camera_unreachable")
    run_id = world.run(T0_US + 5 * MINUTE_US)
    world.attempt(T0_US + 4 * MINUTE_US, T0_US + 10 * MINUTE_US, "silent", run_id)
    for number in range(5):
        world.open(run_id, number, T0_US + (5 + number) * MINUTE_US)
        world.close(T0_US + (5 + number) * MINUTE_US, T0_US + (6 + number) * MINUTE_US)
    world.attempt(T0_US + 11 * MINUTE_US, T0_US + 12 * MINUTE_US, "wrong_password")
    world.end_wish(T0_US + 20 * MINUTE_US)
    world.settle(T0_US + HOUR_US)
    assert world.causes() == [
        ("camera_unreachable", 0, 240), ("starting", 240, 300), ("silent", 600, 660), ("wrong_password", 660, 1200),
    ]  # fmt: skip
    mark = world.mark()
    assert (mark.expected_us, mark.recorded_us) == (20 * MINUTE_US, 5 * MINUTE_US)
    world.assert_balanced()


def test_what_is_being_written_is_not_settled(world: World) -> None:
    world.want(T0_US)
    run_id = world.run(T0_US)
    world.attempt(T0_US, None, None, run_id)
    world.open(run_id, 0, T0_US)
    world.settle(T0_US + 5 * MINUTE_US)
    assert world.mark().settled_us == T0_US
    world.open(run_id, 1, T0_US + 5 * MINUTE_US)
    world.close(T0_US, T0_US + 5 * MINUTE_US)
    world.settle(T0_US + 7 * MINUTE_US)
    assert world.mark().settled_us == T0_US + 5 * MINUTE_US
    assert world.ledger() == []


def test_late_footage_shrinks_the_loss_and_a_dead_recorder_is_named_until_then(database_world: World) -> None:
    world = database_world
    world.want(T0_US)
    run_id = world.run(T0_US)
    number = world.attempt(T0_US, None, None, run_id)
    world.open(run_id, 0, T0_US)
    world.settle(T0_US + 10 * MINUTE_US)
    assert world.mark().settled_us == T0_US
    world.settle(T0_US + 2 * HOUR_US)  # a recorder that died: nothing waits for it for ever
    assert world.causes() == [("recorder_stopped", 0, 7140)]
    recorded_us = world.mark().recorded_us
    world.close(T0_US, T0_US + 3 * MINUTE_US)
    world.end_attempt(number, T0_US + 4 * MINUTE_US, "crashed")
    world.settle()
    assert world.causes() == [("crashed", 180, 7140)]
    assert (recorded_us, world.mark().recorded_us) == (0, 3 * MINUTE_US)
    assert world.mark().doubtful_us is None
    world.assert_balanced()


def test_deleted_footage_is_a_loss_with_who_and_which_rule(database_world: World) -> None:
    world = database_world
    world.want(T0_US, T0_US + 30 * MINUTE_US)
    world.record(T0_US, T0_US + 30 * MINUTE_US)
    world.settle(T0_US + 2 * HOUR_US)
    assert (world.ledger(), world.mark().recorded_us) == ([], 30 * MINUTE_US)
    world.delete(T0_US, T0_US + 10 * MINUTE_US, Act("retention", "max_age of all"))
    world.delete(T0_US + 10 * MINUTE_US, T0_US + 20 * MINUTE_US, Act("admin", reason="the neighbour's window"))
    world.settle()
    assert world.causes() == [("deleted", 0, 600), ("deleted", 600, 1200)]
    details = [row[3] for row in world.ledger()]
    assert "by retention (max_age of all)" in details[0]
    assert "by admin (request): the neighbour's window" in details[1]
    assert world.mark().recorded_us == 30 * MINUTE_US  # it was recorded: that it was deleted is no fault of recording
    world.assert_balanced()


def test_a_lost_file_is_a_loss_and_no_longer_one_once_it_is_found(world: World) -> None:
    world.want(T0_US, T0_US + 3 * MINUTE_US)
    world.record(T0_US, T0_US + 3 * MINUTE_US)
    world.settle(T0_US + HOUR_US)
    world.lose(T0_US + MINUTE_US)
    world.settle()
    assert world.causes() == [("unreadable", 60, 120)]
    with writing() as session:
        session.get(Segment, (world.source_id, T0_US + MINUTE_US)).state = CLOSED
        coverage.recount(session, world.source_id, T0_US)
    world.settle()
    assert (world.ledger(), world.mark().recorded_us) == ([], 3 * MINUTE_US)


def test_years_in_which_nothing_was_wanted_are_passed_over(world: World) -> None:
    world.want(T0_US, T0_US + MINUTE_US)
    later_us = T0_US + 3 * 365 * 24 * HOUR_US
    world.want(later_us)
    assert world.settler.run(later_us + HOUR_US) < 6
    assert world.causes()[0] == ("recorder_stopped", 0, 60)
    assert len(world.ledger()) == 2


def test_a_source_that_nobody_wants_costs_nothing_once_it_is_settled(world: World) -> None:
    world.want(T0_US, T0_US + MINUTE_US)
    world.settle(T0_US + HOUR_US)
    before = world.mark().revision
    for minute in range(1, 5):
        world.settle(T0_US + HOUR_US + minute * MINUTE_US)
    assert world.mark().revision == before


class Chance:
    """Events at random in a world, one after the other; its clock never runs behind what was settled."""

    def __init__(self, world: World, seed: int) -> None:
        """Begin some minutes into an hour."""
        self.world, self.rng = world, random.Random(seed)
        self.now_us = T0_US + self.rng.randrange(360) * STEP_US
        self.is_wanted, self.deletions = True, 0
        self.waiting: list[tuple[int, int]] = []  # segments that a dead recorder left open
        world.want(self.now_us)

    def happen(self) -> None:
        """Let something happen, and some time pass; settle then, or do not."""
        event = self.rng.choice((self.record, self.record, self.fail, self.stop, self.delete, self.lose, self.die,
                                 self.recover, self.rest))  # fmt: skip
        begin_us = self.now_us
        self.now_us += self.rng.choice((1, 2, 5, 30, 200)) * STEP_US
        event(begin_us)
        if self.rng.random() < 0.5:
            self.world.settle(self.now_us + self.rng.randrange(7) * STEP_US)

    def record(self, begin_us: int) -> None:
        """Record after a connection that may take a moment."""
        if self.is_wanted:
            self.world.attempt(begin_us, self.now_us, self.rng.choice(("silent", "crashed", "stopped")))
            self.world.record(
                begin_us + self.rng.choice((0, 0, STEP_US)), self.now_us, self.rng.choice((1, 3, 30)) * STEP_US
            )

    def fail(self, begin_us: int) -> None:
        """Try in vain."""
        if self.is_wanted:
            self.world.attempt(begin_us, self.now_us, self.rng.choice(("camera_unreachable", "wrong_password")))

    def stop(self, begin_us: int) -> None:
        """Stop, or start again."""
        self.world.end_wish(begin_us) if self.is_wanted else self.world.want(self.now_us)
        self.is_wanted = not self.is_wanted

    def delete(self, _: int) -> None:
        """Delete a stretch of anything that was."""
        at_us = T0_US + self.rng.randrange(max(1, (self.now_us - T0_US) // STEP_US)) * STEP_US
        self.deletions += 1
        self.world.delete(at_us, at_us + self.rng.choice((10, 500)) * STEP_US, Act("me", reason=str(self.deletions)))

    def lose(self, _: int) -> None:
        """Lose a file."""
        starts = db.session.scalars(select(Segment.start_us).where(Segment.state == CLOSED)).all()
        if starts:
            self.world.lose(self.rng.choice(starts))

    def die(self, begin_us: int) -> None:
        """Leave a segment open."""
        if self.is_wanted:
            self.world.open(self.world.run(begin_us), 0, begin_us)
            self.waiting.append((begin_us, min(self.now_us, begin_us + 6 * MINUTE_US)))

    def recover(self, _: int) -> None:
        """Close one that was left open."""
        if self.waiting:
            self.world.close(*self.waiting.pop(self.rng.randrange(len(self.waiting))))

    def rest(self, _: int) -> None:
        """Let hours pass."""
        self.now_us += self.rng.randrange(2, 30) * HOUR_US


@pytest.mark.parametrize("seed", range(6))
def test_any_sequence_of_events_leaves_the_ledger_that_all_events_at_once_would(world: World, seed: int) -> None:
    chance = Chance(world, seed)
    for _ in range(40):
        chance.happen()
    while chance.waiting:
        chance.recover(0)
    world.settle(chance.now_us + STALE_US)
    stored, mark = world.ledger(), world.mark()
    world.assert_balanced()
    world.settle_anew()
    assert world.ledger() == stored
    again = world.mark()
    assert (again.expected_us, again.lost) == (mark.expected_us, mark.lost)


def test_settling_twice_changes_nothing_and_reads_nothing_of_old_hours(world: World) -> None:
    world.want(T0_US)
    world.record(T0_US, T0_US + 10 * HOUR_US, 10 * MINUTE_US)
    world.settle(T0_US + 10 * HOUR_US)
    before = world.ledger()
    world.settle(T0_US + 10 * HOUR_US)
    assert world.ledger() == before
    assert db.session.scalar(select(LossDue.source_id)) is None
    assert db.session.scalar(select(Deletion.id)) is None
