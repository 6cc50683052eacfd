"""Activity in the database: what was found is merged into its rows, what was deleted leaves them.

All of it runs within a write transaction that holds the source (`lock_source`), as everything that deletes does. Doing
the same again changes nothing: the higher byte of a cell stays.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from sqlalchemy import and_, delete, exists, or_, select

from app.archive.activitycells import (
    DAYS,
    DAYS_32,
    HOURS,
    LOOKED,
    UNKNOWN,
    ActivityLevel,
    Codes,
    cells_of,
    highest,
    nothing,
    pack,
    unpack,
)
from app.archive.coverage import Spans, from_bytes, join_spans, to_bytes
from app.archive.holding import lock_source
from app.archive.places import DAY_US
from app.extensions import AnySession
from app.models import Activity, ActivityDay, ActivitySetting, Coverage, Segment
from app.models.segment import CLOSED, MAX_SEGMENT_US

SEAM_US = 500_000  # files of one run meet within it; nothing is recorded that lasts as short
BATCH = 1000  # rows that are asked for by number at once
HAS_FOOTAGE = Coverage.spans != b""  # closed footage: a day that has none is neither due nor written down
PER_DAY, PER_32_DAYS = DAYS.row_us // HOURS.row_us, DAYS_32.row_us // DAYS.row_us


class Score(NamedTuple):
    """How much had changed at the end of [begin_us, end_us), as a byte (activitycells)."""

    begin_us: int
    end_us: int
    code: int


class Seen(NamedTuple):
    """A segment that was looked at, and the scores that were found by that."""

    segment_id: str
    start_us: int
    end_us: int
    scores: Sequence[Score]


def store(session: AnySession, source_id: int, found: Sequence[Seen]) -> list[Seen]:
    """Write down what was found of segments that start on one day; return those of them that are still there.

    What was deleted meanwhile leaves nothing.
    """
    lock_source(session, source_id)
    starts = [seen.start_us for seen in found]
    query = select(Segment.id).where(Segment.source_id == source_id, Segment.start_us.in_(starts))
    there = set(session.scalars(query.where(Segment.state == CLOSED)))
    kept = [seen for seen in found if seen.segment_id in there]
    if not kept:
        return []
    day = _day(session, source_id, kept[0].start_us // DAY_US)
    spans = np.array([(seen.start_us, seen.end_us) for seen in kept], np.int64)
    day.done = to_bytes(_union(from_bytes(day.done), spans))
    _merge(session, source_id, [score for seen in kept for score in _stretches(seen)])
    return kept


def finish_day(session: AnySession, source_id: int, day: int, revision: int) -> None:
    """Write down that nothing is left to look at of a day whose coverage has this revision."""
    lock_source(session, source_id)
    _day(session, source_id, day).revision = revision


def forget(session: AnySession, source_id: int, spans: Spans, days: Sequence[int]) -> None:
    """Forget what is known of deleted stretches, by begin, of segments that start on these days."""
    around = sorted({day + step for day in days for step in (-1, 0, 1)})
    query = select(ActivityDay).where(ActivityDay.source_id == source_id, ActivityDay.day.in_(around))
    rows = {row.day: row for row in session.scalars(query.order_by(ActivityDay.day).with_for_update())}
    if not rows:
        return
    gone = join_spans(spans, 1)
    for day in days:
        if day in rows:
            rows[day].done = to_bytes(_without(from_bytes(rows[day].done), gone))
    _drop_empty(session, source_id, days[-1])
    left = np.vstack([from_bytes(row.done) for row in rows.values()])
    hours = {
        hour
        for begin_us, end_us in gone.tolist()
        for hour in range(*cells_of(begin_us // HOURS.cell_us * HOURS.cell_us, end_us, HOURS.row_us))
    }
    known = _load(session, source_id, HOURS, hours)
    changed = {hour: np.where(_touched(hour, left), codes, UNKNOWN).astype(np.uint8) for hour, codes in known.items()}
    _save(session, source_id, changed)


def _drop_empty(session: AnySession, source_id: int, last: int) -> None:
    """Remove the rows of the days up to the last that was deleted from that say nothing: no footage is left of them."""
    session.flush()
    day = (Coverage.source_id == source_id, Coverage.level == 0, Coverage.cell == ActivityDay.day, HAS_FOOTAGE)
    says_nothing = (ActivityDay.done == b"", ~exists().where(*day))
    empty = delete(ActivityDay).where(ActivityDay.source_id == source_id, ActivityDay.day <= last, *says_nothing)
    session.execute(empty.execution_options(synchronize_session="fetch"))


def find_undone(session: AnySession, source_id: int, since_us: int, day: int) -> list[tuple[str, int, int, str]]:
    """Return id, start, end and storage of the closed segments of a day that were not looked at, by start."""
    query = select(Segment.id, Segment.start_us, Segment.end_us, Segment.storage_id).where(
        Segment.source_id == source_id,
        Segment.start_us >= day * DAY_US,
        Segment.start_us < (day + 1) * DAY_US,
        Segment.state + 0 == CLOSED,
        Segment.end_us > Segment.start_us,
        Segment.end_us > since_us,
    )
    rows = [(row[0], row[1], row[2], row[3]) for row in session.execute(query.order_by(Segment.start_us))]
    stored = session.scalar(select(ActivityDay.done).where(ActivityDay.source_id == source_id, ActivityDay.day == day))
    done = from_bytes(stored or b"")
    if not len(done) or not rows:
        return rows
    starts = np.array([row[1] for row in rows], np.int64)
    at = np.searchsorted(done[:, 0], starts, "right") - 1
    is_done = (at >= 0) & (starts < done[np.maximum(at, 0), 1])
    return [row for row, skipped in zip(rows, is_done.tolist(), strict=True) if not skipped]


IS_DUE = (
    Coverage.level == 0,
    HAS_FOOTAGE,
    Coverage.cell >= (ActivitySetting.since_us - MAX_SEGMENT_US) // DAY_US,
    or_(ActivityDay.revision.is_(None), ActivityDay.revision != Coverage.revision),
)
DUE = (
    select(Coverage.source_id, Coverage.cell, Coverage.revision, Coverage.spans, ActivityDay.done)
    .join(ActivitySetting, ActivitySetting.source_id == Coverage.source_id)
    .outerjoin(ActivityDay, and_(ActivityDay.source_id == Coverage.source_id, ActivityDay.day == Coverage.cell))
    .where(ActivitySetting.is_enabled, *IS_DUE)
)


def due_days(session: AnySession, source_id: int) -> list[tuple[int, int]]:
    """Return the days on which something may be left to look at, and the revisions of their coverage: newest first."""
    query = DUE.with_only_columns(Coverage.cell, Coverage.revision).where(Coverage.source_id == source_id)
    return [(row[0], row[1]) for row in session.execute(query.order_by(Coverage.cell.desc()))]


def due_stretches(session: AnySession, source_ids: Sequence[int]) -> Iterator[tuple[int, bytes, bytes]]:
    """Yield of each of these days its camera, what footage there is, and what of it was looked at, as stored."""
    query = DUE.with_only_columns(Coverage.source_id, Coverage.spans, ActivityDay.done)
    for source_id, spans, done in session.execute(query.where(Coverage.source_id.in_(source_ids))):
        yield source_id, spans, done or b""


def read_codes(
    session: AnySession, source_ids: Iterable[int], level: ActivityLevel, first: int, last: int
) -> dict[int, dict[int, Codes]]:
    """Return the rows [first, last] of a level, by source and number; those of which nothing is known are left out."""
    query = select(Activity.source_id, Activity.number, Activity.codes).where(
        Activity.source_id.in_(source_ids), Activity.level == level.number, Activity.number.between(first, last)
    )
    found: dict[int, dict[int, Codes]] = {}
    for source_id, number, stored in session.execute(query):
        found.setdefault(source_id, {})[number] = unpack(stored, level)
    return found


def _stretches(seen: Seen) -> list[Score]:
    """Return the scores of a segment, and that all of it was looked at."""
    return [Score(seen.start_us, seen.end_us, LOOKED), *seen.scores]


def _merge(session: AnySession, source_id: int, scores: Sequence[Score]) -> None:
    """Let each cell that a stretch touches have the highest byte of all."""
    cells = [(*cells_of(begin_us, end_us, HOURS.cell_us), code) for begin_us, end_us, code in scores]
    first, last = min(cell[0] for cell in cells) // HOURS.cells, (max(cell[1] for cell in cells) - 1) // HOURS.cells
    fresh = nothing(HOURS, last - first + 1)
    for begin, end, code in cells:
        part = fresh[begin - first * HOURS.cells : end - first * HOURS.cells]
        np.maximum(part, code, out=part)
    by_hour = fresh.reshape(-1, HOURS.cells)
    touched = {first + int(number): by_hour[number] for number in np.flatnonzero(by_hour.any(axis=1))}
    known = _load(session, source_id, HOURS, touched)
    _save(session, source_id, {hour: np.maximum(codes, known.get(hour, 0)) for hour, codes in touched.items()})


def _save(session: AnySession, source_id: int, hours: dict[int, Codes]) -> None:
    """Write rows of the finest level, and what they change in the coarser ones."""
    _put(session, source_id, HOURS, hours)
    days = _load(session, source_id, DAYS, {hour // PER_DAY for hour in hours})
    for hour, codes in hours.items():
        _place(days.setdefault(hour // PER_DAY, nothing(DAYS)), hour % PER_DAY, highest(codes, HOURS, DAYS))
    _put(session, source_id, DAYS, days)
    months = _load(session, source_id, DAYS_32, {day // PER_32_DAYS for day in days})
    for day, codes in days.items():
        whole = months.setdefault(day // PER_32_DAYS, nothing(DAYS_32))
        _place(whole, day % PER_32_DAYS, highest(codes, DAYS, DAYS_32))
    _put(session, source_id, DAYS_32, months)


def _place(whole: Codes, number: int, part: Codes) -> None:
    whole[number * len(part) : (number + 1) * len(part)] = part


def _load(session: AnySession, source_id: int, level: ActivityLevel, numbers: Iterable[int]) -> dict[int, Codes]:
    query = select(Activity.number, Activity.codes).where(
        Activity.source_id == source_id, Activity.level == level.number
    )
    wanted = sorted(numbers)
    found: dict[int, Codes] = {}
    for first in range(0, len(wanted), BATCH):  # SQLite takes 32,766 parameters: a record may last for more hours
        rows = session.execute(query.where(Activity.number.in_(wanted[first : first + BATCH])))
        found |= {number: unpack(stored, level).copy() for number, stored in rows}
    return found


def _put(session: AnySession, source_id: int, level: ActivityLevel, rows: dict[int, Codes]) -> None:
    """Write rows; those of which nothing is known any more go."""
    for number, codes in rows.items():
        row = session.get(Activity, (source_id, level.number, number))
        if not codes.any():
            if row is not None:
                session.delete(row)
        elif row is None:
            session.add(Activity(source_id=source_id, level=level.number, number=number, codes=pack(codes)))
        else:
            row.codes = pack(codes)
    session.flush()


def _day(session: AnySession, source_id: int, day: int) -> ActivityDay:
    row = session.get(ActivityDay, (source_id, day), with_for_update=True, populate_existing=True)
    if row is None:
        row = ActivityDay(source_id=source_id, day=day, revision=0, done=b"")
        session.add(row)
        session.flush()
    return row


def _union(spans: Spans, more: Spans) -> Spans:
    both = np.vstack((spans, more))
    return join_spans(both[np.argsort(both[:, 0], kind="stable")], SEAM_US)


def _without(spans: Spans, gone: Spans) -> Spans:
    """Return what is left of spans by begin where others, by begin too and apart, are taken out."""
    left: list[tuple[int, int]] = []
    firsts, ends = np.searchsorted(gone[:, 1], spans[:, 0], "right"), np.searchsorted(gone[:, 0], spans[:, 1], "left")
    for (begin, end), first, last in zip(spans.tolist(), firsts.tolist(), ends.tolist(), strict=True):
        for gone_begin, gone_end in gone[first:last].tolist():
            if gone_begin > begin:
                left.append((begin, gone_begin))
            begin = max(begin, gone_end)
        if begin < end:
            left.append((begin, end))
    return np.array(left, np.int64).reshape(-1, 2)


def _touched(hour: int, spans: Spans) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Tell for each cell of an hour whether one of the spans touches it."""
    firsts = np.clip(spans[:, 0] // HOURS.cell_us - hour * HOURS.cells, 0, HOURS.cells)
    ends = np.clip(-(-spans[:, 1] // HOURS.cell_us) - hour * HOURS.cells, 0, HOURS.cells)
    counts = np.bincount(firsts, minlength=HOURS.cells + 1) - np.bincount(ends, minlength=HOURS.cells + 1)
    touched: np.ndarray[tuple[int], np.dtype[np.bool_]] = np.cumsum(counts[:-1]) > 0
    return touched
