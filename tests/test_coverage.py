"""Coverage kept at ingest: what its cells hold, in whatever order and by however many writers they are written."""

import itertools
import random
import threading

import pytest
from flask import Flask
from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

from app.archive.coverage import DAY, DAYS_32, Level, from_bytes, note_closed, note_opened, recount
from app.extensions import db, writing
from app.models import Coverage, Segment, Source
from tests.archived import T0_US, add_source, close, record
from tests.archived import media as media
from tests.archived import source_id as source_id

S = 1_000_000
MIDNIGHT_US = -(-T0_US // DAY.cell_us) * DAY.cell_us


def spans_of(source_id: int, level: Level, at_us: int) -> list[tuple[int, int]]:
    row = db.session.get(Coverage, (source_id, level.number, at_us // level.cell_us))
    spans = [tuple(span) for span in from_bytes(row.spans).tolist()] if row else []
    db.session.rollback()
    return spans


def revision_of(source_id: int, at_us: int) -> int | None:
    revision = db.session.scalar(
        select(Coverage.revision).where(
            Coverage.source_id == source_id, Coverage.level == 0, Coverage.cell == at_us // DAY.cell_us
        )
    )
    db.session.rollback()
    return revision


def closed_rows(source_id: int) -> list[tuple[int, int]]:
    query = select(Segment.start_us, Segment.end_us).where(Segment.source_id == source_id, Segment.state == 1)
    rows = [tuple(row) for row in db.session.execute(query.order_by(Segment.start_us))]
    db.session.rollback()
    return rows


def test_spans_are_the_same_in_whatever_order_segments_close(app: Flask, source_id: int) -> None:
    rows = [(0, 60), (60, 120), (129, 240), (240, 250), (245, 249), (260, 370), (2170, 2180), (3979, 4000)]
    expected = {DAY: [(0, 250), (260, 370), (2170, 2180), (3979, 4000)], DAYS_32: [(0, 370), (2170, 4000)]}
    with app.app_context():
        for day, order in enumerate(itertools.islice(itertools.permutations(rows), 0, None, 2521)):
            zero_us = MIDNIGHT_US + day * DAYS_32.cell_us
            for begin, end in order:
                with writing() as session:
                    note_closed(session, source_id, zero_us + begin * S, zero_us + end * S)
            for level, spans in expected.items():
                found = spans_of(source_id, level, zero_us)
                assert found == [(zero_us + begin * S, zero_us + end * S) for begin, end in spans], (order, level)


def test_a_segment_belongs_to_the_day_it_begins_in(app: Flask, source_id: int) -> None:
    spans = [(MIDNIGHT_US - 30 * S, MIDNIGHT_US + 30 * S), (MIDNIGHT_US + 30 * S, MIDNIGHT_US + 90 * S)]
    with app.app_context(), writing() as session:
        for span in spans:
            note_closed(session, source_id, *span)
    with app.app_context():
        assert spans_of(source_id, DAY, MIDNIGHT_US - 1) == spans[:1]
        assert spans_of(source_id, DAY, MIDNIGHT_US) == spans[1:]


def test_ingest_keeps_coverage_with_its_rows(app: Flask, source_id: int, media) -> None:
    recorded = record(app, source_id, media("h264"), leave_open=True)
    with app.app_context():
        rows = closed_rows(source_id)
        assert rows
        revision = revision_of(source_id, T0_US)
        for level in (DAY, DAYS_32):
            assert spans_of(source_id, level, T0_US) == [(rows[0][0], rows[-1][1])]
    close(app, source_id, recorded.run_id)
    with app.app_context():
        longer = closed_rows(source_id)
        assert len(longer) == len(rows) + 1
        assert revision_of(source_id, T0_US) > revision
        for level in (DAY, DAYS_32):
            assert spans_of(source_id, level, T0_US) == [(longer[0][0], longer[-1][1])]


def test_a_row_that_is_merely_opened_or_missing_changes_the_revision(app: Flask, source_id: int, media) -> None:
    with app.app_context():
        assert revision_of(source_id, T0_US) is None
    recorded = record(app, source_id, media("h264"), segment_s=100, leave_open=True)
    with app.app_context():
        opened = revision_of(source_id, T0_US)
        assert spans_of(source_id, DAY, T0_US) == []
        for file in app.config["PLAYBACK"].storage_path.rglob("*.mp4"):
            file.unlink()
    close(app, source_id, recorded.run_id)
    with app.app_context():
        assert revision_of(source_id, T0_US) > opened
        assert closed_rows(source_id) == spans_of(source_id, DAY, T0_US) == []


def test_removed_rows_leave_the_coverage(app: Flask, source_id: int, media) -> None:
    first = record(app, source_id, media("h264"))
    second = record(app, source_id, media("h264", seed=2), begin_us=first.end_us + 100 * S)
    with app.app_context():
        before = revision_of(source_id, T0_US)
        with writing() as session:
            for row in session.scalars(select(Segment).where(Segment.run_id == first.run_id)):
                session.delete(row)
                recount(session, source_id, row.start_us)
        kept = closed_rows(source_id)
        assert spans_of(source_id, DAY, T0_US) == [(kept[0][0], kept[-1][1])]
        assert spans_of(source_id, DAYS_32, T0_US) == [(kept[0][0], kept[-1][1])]
        assert kept[-1][1] == pytest.approx(second.end_us, abs=1000)
        assert revision_of(source_id, T0_US) > before


def test_a_cell_that_is_made_anew_has_a_later_revision(app: Flask, source_id: int) -> None:
    seen = []
    with app.app_context():
        for _ in range(5):
            with writing() as session:
                session.query(Coverage).delete()
            for _ in range(3):
                with writing() as session:
                    note_opened(session, source_id, T0_US)
                seen.append(revision_of(source_id, T0_US))
    assert seen == sorted(set(seen))


def test_a_change_that_is_rolled_back_leaves_no_coverage(app: Flask, source_id: int) -> None:
    def note_and_fail() -> None:
        with writing() as session:
            note_closed(session, source_id, T0_US, T0_US + S)
            session.execute(insert(Source), {"id": source_id, "model": "Source"})

    with app.app_context():
        with pytest.raises(IntegrityError):
            note_and_fail()
        assert revision_of(source_id, T0_US) is None


def test_two_writers_lose_nothing(database_app: Flask) -> None:
    source_id = add_source(database_app)
    starts = [T0_US + number * 100 * S for number in range(60)]
    random.Random(7).shuffle(starts)
    barrier, errors = threading.Barrier(2), []

    def write(own: list[int]) -> None:
        try:
            with database_app.app_context():
                barrier.wait(30)
                for start_us in own:
                    with writing() as session:
                        note_closed(session, source_id, start_us, start_us + 10 * S)
        except Exception as error:  # noqa: BLE001  told by the test's own thread
            errors.append(error)

    threads = [threading.Thread(target=write, args=(own,)) for own in (starts[::2], starts[1::2])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []
    with database_app.app_context():
        assert spans_of(source_id, DAY, T0_US) == [(start, start + 10 * S) for start in sorted(starts)]
        assert spans_of(source_id, DAYS_32, T0_US) == [(min(starts), max(starts) + 10 * S)]
