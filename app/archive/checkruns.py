"""Rows against rows: runs and their segments, coverage, attempts that nobody ends."""

from collections.abc import Iterator
from itertools import groupby

import numpy as np
from sqlalchemy import and_, func, or_, select, tuple_

from app.archive import coverage
from app.archive.checking import Check
from app.archive.coverage import DAY, DAYS, DAYS_32, Spans, join_spans
from app.extensions import db, writing
from app.models import Attempt, Coverage, Deletion, Lease, Recorder, Run, Segment
from app.models.segment import CLOSED, OPEN
from app.models.types import now_us

GONE_US = 60_000_000  # a recorder that was not seen for so long is not there
ROWS_AT_ONCE = 5_000


def check_overlaps(check: Check) -> None:
    """Find segments that end after the next one of their run begins; let them end there."""
    following = func.lead(Segment.start_us).over(partition_by=Segment.run_id, order_by=Segment.sequence)
    order = select(Segment.source_id, Segment.start_us, Segment.id, Segment.end_us, following.label("next_us"))
    inner = order.where(Segment.state == CLOSED).subquery()
    query = select(inner).where(inner.c.next_us < inner.c.end_us)
    found = db.session.execute(query).all()
    db.session.rollback()
    for source_id, start_us, segment_id, end_us, next_us in found:
        text = f"ends at {end_us} us, after the next of its run begins at {next_us} us"
        if not check.is_repairing or next_us <= start_us:
            check.say("wrong_times", segment_id, text)
            continue
        with writing() as session:
            row = session.get(Segment, (source_id, start_us))
            if row is not None and row.id == segment_id and row.end_us == end_us:
                row.end_us = next_us
                session.flush()
                coverage.recount(session, source_id, start_us)
                check.repaired(session, "wrong_times", segment_id, text, "end corrected", source_id)


def check_runs(check: Check) -> None:
    """Find runs that end before their segments do, that never ended, and that hold nothing."""
    opened = func.sum(Segment.state == OPEN) if _is_sqlite() else func.count().filter(Segment.state == OPEN)
    query = (
        select(
            Run.id,
            Run.source_id,
            Run.begin_us,
            Run.end_us,
            func.min(Segment.start_us),
            func.max(Segment.end_us),
            opened,
        )
        .join(Segment, Segment.run_id == Run.id)
        .group_by(Run.id, Run.source_id, Run.begin_us, Run.end_us)
        .having(
            or_(
                func.min(Segment.start_us) < Run.begin_us,
                func.max(Segment.end_us) > Run.end_us,
                and_(Run.end_us.is_(None), opened == 0),
            )
        )
    )
    found = db.session.execute(query).all()
    db.session.rollback()
    for run_id, source_id, begin_us, end_us, first_us, last_us, is_open in found:
        told_us = (min(begin_us, first_us), None if is_open else max(end_us or 0, last_us))
        text = f"lasts from {begin_us} to {end_us} us, its segments from {first_us} to {last_us} us"
        if not check.is_repairing:
            check.say("wrong_times", run_id, text)
            continue
        with writing() as session:
            row = session.get(Run, run_id)
            if row is not None and (row.begin_us, row.end_us) == (begin_us, end_us):
                row.begin_us, row.end_us = told_us
                check.repaired(session, "wrong_times", run_id, text, "run corrected", source_id)
    _check_empty_runs(check)


def _is_sqlite() -> bool:
    return bool(db.session.get_bind().dialect.name == "sqlite")


def _check_empty_runs(check: Check) -> None:
    """Find runs of which nothing is left though nothing of them was deleted; what is found of them makes them anew."""
    is_deleted = select(Deletion.id).where(
        Deletion.source_id == Run.source_id,
        Deletion.begin_us < func.coalesce(Run.end_us, Run.begin_us) + 1,
        Deletion.end_us > Run.begin_us - 1,
    )
    has_segments = select(Segment.id).where(Segment.run_id == Run.id)
    query = select(Run.id, Run.source_id).where(~has_segments.exists(), ~is_deleted.exists())
    found = db.session.execute(query).all()
    db.session.rollback()
    for run_id, source_id in found:
        text = f"a run of source {source_id} without any segment"
        if not check.may_mark("empty_run", run_id, text):
            continue
        with writing() as session:
            row = session.get(Run, run_id)
            if row is not None and session.scalar(select(Segment.id).where(Segment.run_id == run_id)) is None:
                session.delete(row)
                check.repaired(session, "empty_run", run_id, text, "removed", source_id)


def check_coverage(check: Check) -> None:
    """Find days whose sum is not that of their segments; sum them up anew."""
    stored = {
        (source_id, level, cell): spans
        for source_id, level, cell, spans in db.session.execute(
            select(Coverage.source_id, Coverage.level, Coverage.cell, Coverage.spans)
        )
    }
    wrong: set[tuple[int, int]] = set()
    days: dict[tuple[int, int], list[Spans]] = {}
    for source_id, cell, spans in _days():
        days.setdefault((source_id, cell // DAYS), []).append(spans)
        if coverage.to_bytes(spans) != stored.pop((source_id, DAY.number, cell), b""):
            wrong.add((source_id, cell))
    for (source_id, cell), parts in days.items():
        joined = join_spans(np.vstack(parts), DAYS_32.slack_us)
        if coverage.to_bytes(joined) != stored.pop((source_id, DAYS_32.number, cell), b""):
            wrong.add((source_id, int(parts[0][0, 0]) // DAY.cell_us))
    for (source_id, level, cell), left in stored.items():
        if len(left):
            wrong.add((source_id, cell if level == DAY.number else cell * DAYS))
    db.session.rollback()
    for source_id, cell in sorted(wrong):
        _recount(check, source_id, cell)


def _days() -> Iterator[tuple[int, int, Spans]]:
    """Yield source, day and the spans of its closed segments, as they are to be stored."""
    query = (
        select(Segment.source_id, Segment.start_us, Segment.end_us)
        .where(Segment.state == CLOSED, Segment.end_us > Segment.start_us)
        .order_by(Segment.source_id, Segment.start_us)
    )
    rows = db.session.execute(query.execution_options(yield_per=ROWS_AT_ONCE))
    for (source_id, cell), group in groupby(rows, key=lambda row: (row.source_id, row.start_us // DAY.cell_us)):
        spans = np.array([(row.start_us, row.end_us) for row in group], np.int64).reshape(-1, 2)
        yield source_id, cell, join_spans(spans, DAY.slack_us)


def _recount(check: Check, source_id: int, cell: int) -> None:
    """Sum a day up anew; where that changes nothing, it was only being recorded meanwhile."""
    subject, text = f"source {source_id}, day {cell}", "its coverage is not that of its segments"
    with writing() as session:
        coverage.note_opened(session, source_id, cell * DAY.cell_us)
        before = _stored(source_id, cell)
        coverage.recount(session, source_id, cell * DAY.cell_us)
        if _stored(source_id, cell) == before:
            session.rollback()
        elif check.is_repairing:
            check.repaired(session, "wrong_coverage", subject, text, "summed up anew", source_id)
        else:
            session.rollback()
            check.say("wrong_coverage", subject, text)


def _stored(source_id: int, cell: int) -> list[bytes]:
    key = [(DAY.number, cell), (DAYS_32.number, cell // DAYS)]
    rows = select(Coverage.spans).where(Coverage.source_id == source_id, tuple_(Coverage.level, Coverage.cell).in_(key))
    return [bytes(spans) for spans in db.session.scalars(rows.order_by(Coverage.level)) if len(spans)]


def check_attempts(check: Check) -> None:
    """Find attempts without an end whose recorder is gone and whose source nobody holds; end them."""
    is_held = select(Lease.source_id).where(Lease.source_id == Attempt.source_id, Lease.expires_us > now_us())
    is_there = select(Recorder.id).where(
        Recorder.id == Attempt.recorder_id, Recorder.ended_us.is_(None), Recorder.seen_us > now_us() - GONE_US
    )
    query = select(Attempt.id, Attempt.source_id).where(Attempt.end_us.is_(None), ~is_held.exists(), ~is_there.exists())
    found = db.session.execute(query).all()
    db.session.rollback()
    for attempt_id, source_id in found:
        text = f"an attempt to record source {source_id} never ended, and its recorder is gone"
        if not check.is_repairing:
            check.say("open_attempt", attempt_id, text)
            continue
        with writing() as session:
            row = session.get(Attempt, attempt_id)
            if row is None or row.end_us is not None:
                continue
            last_us = session.scalar(select(func.max(Segment.end_us)).where(Segment.run_id == row.run_id))
            seen_us = session.scalar(select(Recorder.seen_us).where(Recorder.id == row.recorder_id))
            row.end_us = max(row.begin_us, last_us or seen_us or row.begin_us)
            row.reason, row.detail = "recorder_stopped", "its recorder did not come back"
            check.repaired(session, "open_attempt", attempt_id, text, "ended", source_id)
