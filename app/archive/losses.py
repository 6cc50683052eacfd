"""The stored ledger: every stretch in which a source was to be recorded and there is no footage, with its cause.

The worker settles it, source by source, up to a minute ago, and never beyond what is still being written. It is
settled by cells of one hour: of a cell everything is worked out anew from footage, attempts and deletions, so that
doing it again changes nothing. What changes later (late footage, deletions, damage) is noted by `coverage` in the same
transaction (`LossDue`), and only those hours are settled again: the cost follows the change.

A recorder that died leaves segments and attempts open for ever. After STALE_US they hold nothing up any more; the mark
notes from where on it is in doubt, and that is settled again once they have been closed.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from sqlalchemy import delete, func, insert, select, union

from app.archive.causes import RECORDED_ONCE
from app.archive.ledger import Gap
from app.archive.missing import CELL_US, find_missing, overlap_us
from app.archive.spans import SEAM_US, Stretch
from app.extensions import AnySession, db, writing
from app.models import Attempt, Loss, LossDue, LossMark, Run, Segment, Wanted
from app.models.segment import OPEN

CHUNK_US = 24 * CELL_US
LAG_US = 60_000_000  # after this what a recorder writes of a moment is written
STALE_US = 900_000_000  # no segment grows for so long
LEAST_US = 5_000_000  # less is left for the next turn


class Bound(NamedTuple):
    """Until when a source can be settled, and the begin of what has been open for too long; None for nothing."""

    target_us: int
    doubtful_us: int | None


@dataclass(slots=True)
class Settler:
    """Settles all sources. Remembers, between two turns of one process, which have nothing to be done."""

    _last_wanted: int = -1
    _behind: set[int] = field(default_factory=set)

    def run(self, now_us: int, is_over: Callable[[], bool] = lambda: False) -> int:
        """Settle what can be settled; return how many stretches were. Stops soon once `is_over`."""
        count = 0
        for source_id in sorted(self._candidates()):
            while has_more := settle_next(source_id, now_us):
                count += 1
                if is_over():
                    break
            if not has_more and is_settled_for_good(source_id):
                self._behind.discard(source_id)
            if is_over():
                break
        return count

    def _candidates(self) -> set[int]:
        newest = db.session.scalar(select(func.max(Wanted.id))) or 0
        fresh = select(Wanted.source_id).where(Wanted.id > self._last_wanted)
        query = union(fresh, select(Wanted.source_id).where(Wanted.end_us.is_(None)), select(LossDue.source_id))
        self._behind |= set(db.session.scalars(query))
        db.session.rollback()
        self._last_wanted = newest
        return set(self._behind)


def is_settled_for_good(source_id: int) -> bool:
    """Tell whether nothing of a source is left to be settled until it is wanted again or its footage changes."""
    wanted = select(Wanted.end_us).where(Wanted.source_id == source_id).order_by(Wanted.begin_us.desc()).limit(1)
    last = db.session.execute(wanted).first()
    due = db.session.scalar(select(LossDue.source_id).where(LossDue.source_id == source_id).limit(1))
    mark = db.session.execute(
        select(LossMark.settled_us, LossMark.doubtful_us).where(LossMark.source_id == source_id)
    ).first()
    db.session.rollback()
    if due is not None or mark is None or last is None:
        return due is None and last is None
    return last[0] is not None and mark.settled_us >= last[0] and mark.doubtful_us is None


def settle_next(source_id: int, now_us: int) -> bool:
    """Settle the next stretch of a source, at most a day; tell whether there was one."""
    mark = db.session.get(LossMark, source_id, populate_existing=True)
    if mark is None:
        return _begin(source_id)
    due = _next_due(source_id)
    bound = find_bound(source_id, now_us)
    was = Was(mark.settled_us, mark.revision)
    if mark.doubtful_us is not None and (bound.doubtful_us is None or bound.doubtful_us > mark.doubtful_us):
        return _doubt_no_more(source_id, was, mark.doubtful_us, bound.doubtful_us)
    if due:
        return _settle_due(source_id, was, bound, due)
    return _go_on(source_id, was, bound)


class Was(NamedTuple):
    """What the mark said when the facts were read."""

    settled_us: int
    revision: int


def _begin(source_id: int) -> bool:
    """Begin the ledger of a source where it was first wanted; tell whether it ever was."""
    first_us = db.session.scalar(select(func.min(Wanted.begin_us)).where(Wanted.source_id == source_id))
    with writing() as session:
        session.execute(delete(LossDue).where(LossDue.source_id == source_id))
        if first_us is not None and session.get(LossMark, source_id) is None:
            session.add(LossMark(source_id=source_id, settled_us=first_us))
    return first_us is not None


def find_bound(source_id: int, now_us: int) -> Bound:
    """Tell until when nothing that is still open can say more of a source."""
    begins = list(
        db.session.scalars(select(Segment.start_us).where(Segment.state == OPEN, Segment.source_id + 0 == source_id))
    )
    living = (  # one attempt of a source lives at most: it is among the last
        select(Attempt.begin_us, Attempt.end_us, Run.id)
        .outerjoin(Run, Run.id == Attempt.run_id)
        .where(Attempt.source_id == source_id)
        .order_by(Attempt.begin_us.desc())
        .limit(4)
    )
    for begin_us, end_us, run_id in db.session.execute(living).all():
        if end_us is None and run_id is None:
            begins.append(begin_us)
        elif end_us is None and not begins:
            ended_us = db.session.scalar(select(func.max(Segment.end_us)).where(Segment.run_id == run_id))
            begins.append(max(begin_us, ended_us or 0))
    stale_us = now_us - STALE_US
    fresh = [begin_us for begin_us in begins if begin_us > stale_us]
    return Bound(min([now_us - LAG_US, *fresh]), min((begin for begin in begins if begin <= stale_us), default=None))


def _go_on(source_id: int, was: Was, bound: Bound) -> bool:
    """Settle what has passed since; jump over what was not wanted."""
    settled_us, target_us = was.settled_us, bound.target_us
    if target_us - settled_us < LEAST_US:
        return False
    # The hour that was begun; also the one before, where its last moment may have been in wait of the next file.
    begin_us = _floor(settled_us - SEAM_US)
    end_us = target_us = min(target_us, begin_us + CHUNK_US)
    if not _is_wanted(source_id, settled_us, target_us):
        end_us = min(target_us, begin_us + 2 * CELL_US)
        next_us = _next_wanted(source_id, settled_us)
        target_us = bound.target_us if next_us is None else max(target_us, min(next_us, bound.target_us))
    found = find_missing(source_id, begin_us, end_us, bound.doubtful_us)
    is_doubtful = bound.doubtful_us is not None and bound.doubtful_us < target_us
    with writing() as session:
        mark = _held(session, source_id, was)
        if mark is not None:
            mark.settled_us = target_us
            mark.expected_us += overlap_us(found.wanted, settled_us, target_us)
            mark.doubtful_us = bound.doubtful_us if mark.doubtful_us is None and is_doubtful else mark.doubtful_us
            _write(session, mark, Stretch(begin_us, end_us), found.losses)
    return True


def _is_wanted(source_id: int, begin_us: int, end_us: int) -> bool:
    query = select(Wanted.id).where(Wanted.source_id == source_id, Wanted.begin_us < end_us)
    return db.session.scalar(query.where((Wanted.end_us.is_(None)) | (Wanted.end_us > begin_us)).limit(1)) is not None


def _next_wanted(source_id: int, from_us: int) -> int | None:
    query = select(func.min(Wanted.begin_us)).where(Wanted.source_id == source_id, Wanted.begin_us >= from_us)
    return db.session.scalar(query)


class Due(NamedTuple):
    """A stretch that is to be settled again, as it was read."""

    begin_us: int
    end_us: int
    stamp: int


def _next_due(source_id: int) -> list[Due]:
    """Return the first stretch to be settled again, and those that meet it and begin within a day."""
    query = select(LossDue.begin_us, LossDue.end_us, LossDue.stamp).where(LossDue.source_id == source_id)
    found: list[Due] = []
    for row in db.session.execute(query.order_by(LossDue.begin_us).limit(CHUNK_US // CELL_US)).all():
        if found and row.begin_us > min(max(due.end_us for due in found), _floor(found[0].begin_us) + CHUNK_US - 1):
            break
        found.append(Due(*row))
    return found


def _settle_due(source_id: int, was: Was, bound: Bound, due: Sequence[Due]) -> bool:
    """Settle again what changes of footage touch, at most a day of it."""
    begin_us, until_us = _floor(due[0].begin_us), min(max(one.end_us for one in due), was.settled_us)
    end_us = min(-_floor(-until_us), was.settled_us, begin_us + CHUNK_US)
    found = find_missing(source_id, begin_us, end_us, bound.doubtful_us) if begin_us < end_us else None
    with writing() as session:
        mark = _held(session, source_id, was)
        if mark is None:
            return True
        if found is not None:
            _write(session, mark, Stretch(begin_us, end_us), found.losses)
        for one in due:
            key = (LossDue.source_id == source_id, LossDue.begin_us == one.begin_us, LossDue.stamp == one.stamp)
            session.execute(delete(LossDue).where(*key))
        if begin_us < end_us < until_us:
            _add_due(session, source_id, end_us, until_us)
    return True


def _doubt_no_more(source_id: int, was: Was, begin_us: int, rest_us: int | None) -> bool:
    """Have all that was in doubt settled again; `rest_us` is from where on it still is, None for nowhere."""
    with writing() as session:
        mark = _held(session, source_id, was)
        if mark is not None:
            mark.doubtful_us = rest_us if rest_us is not None and rest_us < was.settled_us else None
            mark.revision += 1
            _add_due(session, source_id, begin_us, was.settled_us)
    return True


def _add_due(session: AnySession, source_id: int, begin_us: int, end_us: int) -> None:
    row = session.get(LossDue, (source_id, begin_us), populate_existing=True)
    if row is None:
        session.add(LossDue(source_id=source_id, begin_us=begin_us, end_us=end_us))
    else:
        row.end_us, row.stamp = max(row.end_us, end_us), row.stamp + 1


def _held(session: AnySession, source_id: int, was: Was) -> LossMark | None:
    """Return the mark, held until the commit; None where another worker settled meanwhile."""
    mark = session.get(LossMark, source_id, with_for_update=True, populate_existing=True)
    return mark if mark is not None and mark.revision == was.revision else None


def _write(session: AnySession, mark: LossMark, stretch: Stretch, losses: Sequence[Gap]) -> None:
    """Replace the losses of a stretch and correct the sums; pieces that meet and say the same become one."""
    begin_us, end_us = stretch
    before = select(func.max(Loss.begin_us)).where(Loss.source_id == mark.source_id, Loss.begin_us < begin_us)
    query = select(Loss.begin_us, Loss.end_us, Loss.cause, Loss.detail).where(Loss.source_id == mark.source_id)
    query = query.where(Loss.begin_us >= func.coalesce(before.scalar_subquery(), begin_us), Loss.begin_us <= end_us)
    old = [Gap(*row) for row in session.execute(query.order_by(Loss.begin_us))]
    left = [row._replace(end_us=min(row.end_us, begin_us)) for row in old if row.begin_us < begin_us]
    right = [row._replace(begin_us=max(row.begin_us, end_us)) for row in old if row.end_us > end_us]
    new = merged([*left, *losses, *right])
    gone, come = set(old) - set(new), set(new) - set(old)
    if gone:
        starts = [row.begin_us for row in gone]
        for first in range(0, len(starts), 500):
            batch = starts[first : first + 500]
            session.execute(delete(Loss).where(Loss.source_id == mark.source_id, Loss.begin_us.in_(batch)))
    if come:
        rows = [{"source_id": mark.source_id, **row._asdict()} for row in sorted(come)]
        session.execute(insert(Loss), rows)
    _add_up(mark, gone, come)


def _add_up(mark: LossMark, gone: set[Gap], come: set[Gap]) -> None:
    """Correct the sums by cause. What was recorded once counts as recorded, also when it has been lost since."""
    sums: dict[str, int] = json.loads(mark.lost)
    for rows, sign in ((gone, -1), (come, 1)):
        for row in rows:
            sums[row.cause] = sums.get(row.cause, 0) + sign * (row.end_us - row.begin_us)
    mark.lost = json.dumps({cause: length for cause, length in sorted(sums.items()) if length}, separators=(",", ":"))
    never = sum(length for cause, length in sums.items() if cause not in RECORDED_ONCE)
    mark.recorded_us = max(mark.recorded_us, mark.expected_us - never)
    mark.revision += 1


def merged(rows: Sequence[Gap]) -> list[Gap]:
    """Return rows by begin, those that meet and have one cause and detail as one; empty ones left out."""
    found: list[Gap] = []
    for row in rows:
        if row.begin_us >= row.end_us:
            continue
        if found and found[-1].end_us == row.begin_us and found[-1][2:] == row[2:]:
            found[-1] = found[-1]._replace(end_us=row.end_us)
        else:
            found.append(row)
    return found


def _floor(instant_us: int) -> int:
    return instant_us // CELL_US * CELL_US
