"""Coverage summed up at ingest: for each source and cell of the calendar the spans of closed footage.

Written in the transaction that changes a segment's row, so that both are seen or neither. A segment belongs to the
cell of its start, so a span may reach over its cell's end, by at most the longest segment. Spans are joined where
less than the level's slack lies between: the order in which segments are closed makes no difference.

Revisions: each change of a row of a day, also one that leaves the spans alone, gives its cell of level 0 a revision it
never had. A new cell begins at the clock in microseconds and each change adds one; no row changes a million times a
second, so also a cell that was removed and made anew (a migration down and up) comes back with a higher one. Who
remembers rows reads the revision BEFORE the rows: what is remembered is then at least as new as its revision says.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from sqlalchemy import select, text

from app.extensions import AnySession
from app.models import Coverage, Segment
from app.models.segment import CLOSED, MAX_SEGMENT_US
from app.models.types import now_us

Spans = npt.NDArray[np.int64]  # of shape (n, 2): begin and end in µs, by begin

STORED = np.dtype("<i8")
# Made once, in the SQL that both databases read: making such statements of columns takes ten times as long as running.
TOUCH = text(
    "INSERT INTO coverage (source_id, level, cell, revision, spans) VALUES (:source_id, :level, :cell, :first, :none) "
    "ON CONFLICT (source_id, level, cell) DO UPDATE SET revision = coverage.revision + 1 RETURNING spans"
)
DUE = text(
    "INSERT INTO loss_due (source_id, begin_us, end_us, stamp) "
    "SELECT CAST(:source_id AS INTEGER), CAST(:begin_us AS BIGINT), CAST(:end_us AS BIGINT), 0 WHERE "
    "EXISTS (SELECT 1 FROM loss_mark WHERE source_id = :source_id AND settled_us > CAST(:least_us AS BIGINT)) "
    "ON CONFLICT (source_id, begin_us) DO UPDATE SET stamp = loss_due.stamp + 1, "
    "end_us = CASE WHEN excluded.end_us > loss_due.end_us THEN excluded.end_us ELSE loss_due.end_us END"
)
HOUR_US = 3_600_000_000
BESIDE_US = 1_000_000  # more than what lies between two files that are played as one
LATE_US = 600_000_000  # footage that is closed so long after its begin may be of what was settled meanwhile
STORE = text("UPDATE coverage SET spans = :spans WHERE source_id = :source_id AND level = :level AND cell = :cell")


class Level(NamedTuple):
    """Cells of one length; gaps shorter than slack_us are not kept."""

    number: int
    cell_us: int
    slack_us: int


# Its slack is below a day / 8,640 pixels: no screen that shows a day or more needs rows.
DAY = Level(0, 86_400_000_000, 10_000_000)
# Its slack is below a year / 10,000 (3,154 s), the finest that can be asked of a year.
DAYS = 32
DAYS_32 = Level(1, DAYS * DAY.cell_us, 1_800_000_000)


def join_spans(spans: Spans, slack_us: int) -> Spans:
    """Return the union of spans that come by begin, with gaps shorter than slack_us (at least 1) closed."""
    if len(spans) < 2:
        return spans
    ends = np.maximum.accumulate(spans[:, 1])
    firsts = np.flatnonzero(spans[1:, 0] - ends[:-1] >= slack_us) + 1
    begins = spans[np.concatenate(([0], firsts)), 0]
    return np.column_stack((begins, ends[np.concatenate((firsts - 1, [-1]))]))


def from_bytes(stored: bytes) -> Spans:
    """Return the spans of `Coverage.spans`; bytes of many cells of one level, one after the other, are read alike."""
    return np.frombuffer(stored, STORED).reshape(-1, 2)


def to_bytes(spans: Spans) -> bytes:
    """Return spans as `Coverage.spans` holds them."""
    return spans.astype(STORED, copy=False).tobytes()


def note_opened(session: AnySession, source_id: int, start_us: int) -> None:
    """Note, in the same transaction, that a segment's row was made or changed but holds no closed footage."""
    _touch(session, source_id, DAY, start_us // DAY.cell_us)


def note_closed(session: AnySession, source_id: int, start_us: int, end_us: int) -> None:
    """Note, in the same transaction, that a segment was closed; it is not empty."""
    session.flush()  # the segment's row first: whoever deletes holds its sums before its coverage
    _let_settle(session, source_id, start_us, end_us, is_late=start_us < now_us() - LATE_US)
    for level in (DAY, DAYS_32):
        cell = start_us // level.cell_us
        spans = np.vstack((_touch(session, source_id, level, cell), [(start_us, end_us)]))
        _store(session, source_id, level, cell, spans[np.argsort(spans[:, 0], kind="stable")])


def recount(session: AnySession, source_id: int, start_us: int) -> None:
    """Sum up anew, in the same transaction, the cells of a segment whose row was removed or changed otherwise."""
    session.flush()
    _let_settle(session, source_id, start_us // DAY.cell_us * DAY.cell_us, (start_us // DAY.cell_us + 1) * DAY.cell_us)
    day, days_32 = start_us // DAY.cell_us, start_us // DAYS_32.cell_us
    _touch(session, source_id, DAY, day)  # holds the cell, so that what is read next stays so until the commit
    rows = (
        select(Segment.start_us, Segment.end_us)
        .where(Segment.source_id == source_id, Segment.state == CLOSED, Segment.end_us > Segment.start_us)
        .where(Segment.start_us >= day * DAY.cell_us, Segment.start_us < (day + 1) * DAY.cell_us)
        .order_by(Segment.start_us)
    )
    found = [tuple(row) for row in session.execute(rows)]
    _store(session, source_id, DAY, day, np.array(found, np.int64).reshape(-1, 2))
    _touch(session, source_id, DAYS_32, days_32)
    days = (
        select(Coverage.spans)
        .where(Coverage.source_id == source_id, Coverage.level == DAY.number)
        .where(Coverage.cell >= days_32 * DAYS, Coverage.cell < (days_32 + 1) * DAYS)
        .order_by(Coverage.cell)
    )
    _store(session, source_id, DAYS_32, days_32, from_bytes(b"".join(session.scalars(days))))


def _let_settle(session: AnySession, source_id: int, begin_us: int, end_us: int, *, is_late: bool = True) -> None:
    """Let the ledger look again at a stretch (app/archive/losses.py), where it may be settled already."""
    hour_us = (begin_us - BESIDE_US) // HOUR_US * HOUR_US  # of many segments that are closed late it is one row an hour
    values = {"source_id": source_id, "begin_us": hour_us, "end_us": end_us + MAX_SEGMENT_US}
    session.execute(DUE, {**values, "least_us": -1 if is_late else begin_us})


def _touch(session: AnySession, source_id: int, level: Level, cell: int) -> Spans:
    """Give a cell its next revision, making it where it is missing; hold it until the commit; return its spans."""
    key = {"source_id": source_id, "level": level.number, "cell": cell}
    return from_bytes(session.execute(TOUCH, {**key, "first": now_us(), "none": b""}).scalar_one())


def _store(session: AnySession, source_id: int, level: Level, cell: int, spans: Spans) -> None:
    """Write the spans of a cell that this transaction holds."""
    key = {"source_id": source_id, "level": level.number, "cell": cell}
    session.execute(STORE, {**key, "spans": to_bytes(join_spans(spans, level.slack_us))})
