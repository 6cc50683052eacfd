"""Making room on a storage: the least protected footage goes, of that the oldest, over all sources. Pinned never.

What goes first is beyond its maximal age; then what no rule protects, that of an unset clock last; then what a minimum
protects, for an emergency breaks minima. Usable from any process or thread, also while the worker is dead: everything
is read from the database, in pages, and files are removed at once.
"""

import heapq
import itertools
import threading
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import ColumnElement, func, select

from app.archive.believing import believed
from app.archive.deletion import Act, delete_those
from app.archive.holding import Piece
from app.archive.keeping import NEVER_US, ROWS, Days, Keeping, as_rows, find_boundaries, read_keeping
from app.archive.ruling import EXPIRED, MINIMAL, PLAIN, S_US, UNDATED, Boundary
from app.archive.unlinking import unlink_doomed
from app.extensions import db, writing
from app.models import Segment
from app.models.segment import CLOSED
from app.models.types import now_us

BATCH = 64  # segments a transaction
PAGE, FEW = 1024, 64  # rows read at once, and of one source
_memory = threading.local()
Victim = tuple[int, Piece]  # source and segment


class Evicted(NamedTuple):
    """What has gone."""

    segments: int
    size_bytes: int


def evict(
    storage_id: str, need_bytes: int, act: Act, *, keeps_minima: bool = False, until_us: int | None = None
) -> Evicted:
    """Delete footage of a storage until `need_bytes` are free, files included; return what has gone.

    Needs an app context without a transaction. Fewer are freed where all that is left is pinned, or open; or, with
    `keeps_minima`, as for a budget, within a minimum: only a disk that is full breaks those. What begins at `until_us`
    or later stays.
    """
    gone = Evicted(0, 0)
    if need_bytes <= 0:
        return gone
    keeping = read_keeping(db.session, believed(db.session))
    boundaries = find_boundaries(db.session, keeping, _days(keeping))
    db.session.rollback()
    grades = (EXPIRED, PLAIN, UNDATED) if keeps_minima else (EXPIRED, PLAIN, UNDATED, MINIMAL)
    for batch in _batches(storage_id, keeping, boundaries, grades, until_us or NEVER_US):
        while batch and gone.size_bytes < need_bytes:
            chosen = enough(batch, need_bytes - gone.size_bytes)
            batch = batch[len(chosen) :]  # of those chosen, others may have deleted or pinned some
            begun_us = now_us()
            done = delete_victims(chosen, act)
            if done:
                unlink_doomed(len(done) + BATCH, begun_us, storage_id)
            gone = Evicted(gone.segments + len(done), gone.size_bytes + sum(piece.size_bytes for piece in done))
        if gone.size_bytes >= need_bytes:
            break
    return gone


def _days(keeping: Keeping) -> Days:
    """Return what this thread remembers of days: a disk that is full asks many times a minute."""
    days: Days | None = getattr(_memory, "days", None)
    if days is None:
        days = _memory.days = Days()
    days.forget_others(keeping)
    return days


def delete_victims(victims: Sequence[Victim], act: Act) -> list[Piece]:
    """Delete segments, in a transaction for each source; return those that were still there and are not pinned."""
    done: list[Piece] = []
    for source_id in sorted({source_id for source_id, _ in victims}):
        pieces = sorted((piece for owner, piece in victims if owner == source_id), key=lambda piece: piece.start_us)
        with writing() as session:
            done += delete_those(session, source_id, pieces, act)
    return done


def enough(victims: Sequence[Victim], need_bytes: int) -> list[Victim]:
    """Return the first of these segments that come to so many bytes."""
    chosen: list[Victim] = []
    for victim in victims:
        if need_bytes <= 0:
            break
        chosen.append(victim)
        need_bytes -= victim[1].size_bytes
    return chosen


def _batches(
    storage_id: str, keeping: Keeping, boundaries: dict[str, Boundary], grades: Sequence[int], newest_us: int
) -> Iterator[list[Victim]]:
    """Yield segments of these grades, in batches: the least protected first, of each grade the oldest."""
    for grade in grades:
        until = {source_id: _until_us(keeping, boundaries, source_id, grade) for source_id in keeping.days}
        for page in _pages(storage_id, {source_id: min(us, newest_us) for source_id, us in until.items()}):
            victims = _of_grade(keeping, boundaries, page, grade)
            for first in range(0, len(victims), BATCH):
                yield victims[first : first + BATCH]


def _until_us(keeping: Keeping, boundaries: dict[str, Boundary], source_id: int, grade: int) -> int:
    """Return from where on no footage of a source has a grade.

    A full disk does not wait until a year of footage was looked through for what a rule of one camera lets expire.
    """
    if grade == UNDATED:
        return NEVER_US if keeping.unset_runs.get(source_id) else 0
    rules, tags = keeping.rules_of(source_id), {item.tag_id for item in keeping.records.get(source_id, ())}
    if grade == EXPIRED:
        found = [rules.resolve("max_age_s", tag) for tag in (None, *tags)]
        ages = [rule.max_age_s for rule in found if rule is not None and rule.max_age_s is not None]
        return keeping.now_us - min(ages) * S_US if ages else 0
    if grade == PLAIN:
        by_age = [rules.resolve("min_age_s", tag) for tag in (None, *tags)]
        by_bytes = [rules.resolve("min_bytes", tag) for tag in (None, *tags)]
        return min(
            max(NEVER_US if rule is None else keeping.now_us - (rule.min_age_s or 0) * S_US for rule in by_age),
            max(NEVER_US if rule is None else boundaries[rule.id].start_us + 1 for rule in by_bytes),
        )
    return NEVER_US


def _pages(storage_id: str, until: dict[int, int]) -> Iterator[Sequence[tuple[int, object]]]:
    """Yield the closed segments of a storage, oldest first, each with its source: those before an instant of that."""
    limits = set(until.values())
    if len(limits) == 1:  # one walk along the index of the storage
        yield from _walk((), storage_id, limits.pop(), 0, PAGE)
        return
    oldest = select(func.min(Segment.start_us)).where(Segment.storage_id == storage_id)
    from_us = db.session.scalar(oldest) or 0
    db.session.rollback()
    walks = [
        (row for page in _walk((Segment.source_id == number,), storage_id, us, from_us, FEW) for row in page)
        for number, us in until.items()
        if us > from_us
    ]
    found = heapq.merge(*walks, key=lambda row: (row[1].start_us, row[0]))
    while page := list(itertools.islice(found, FEW)):
        yield page


def _walk(
    those: Sequence[ColumnElement[bool]], storage_id: str, until_us: int, from_us: int, size: int
) -> Iterator[list[tuple[int, Any]]]:
    """Yield the closed segments of a storage that start within [from_us, until_us), oldest first, so many at a time."""
    after: tuple[int, int] = (from_us, -1)
    while after[0] < until_us:
        query = (
            ROWS.add_columns(Segment.source_id)
            .where(Segment.storage_id == storage_id, Segment.state == CLOSED, Segment.start_us >= after[0], *those)
            .where(Segment.start_us < until_us, (Segment.start_us > after[0]) | (Segment.source_id > after[1]))
            .order_by(None)
            .order_by(Segment.start_us, Segment.source_id)
            .limit(size)
        )
        rows = db.session.execute(query).all()
        db.session.rollback()
        if not rows:
            return
        yield [(row.source_id, row) for row in rows]
        after = (rows[-1].start_us, rows[-1].source_id)


def _of_grade(
    keeping: Keeping, boundaries: dict[str, Boundary], page: Sequence[tuple[int, object]], grade: int
) -> list[Victim]:
    """Return those segments of a page that have this grade, oldest first."""
    victims: list[Victim] = []
    for source_id in {source_id for source_id, _ in page}:
        rows = as_rows(db.session, keeping, source_id, [row for owner, row in page if owner == source_id])
        grades = keeping.grade(source_id, rows, boundaries)
        victims += [(source_id, rows.pieces[number]) for number in np.flatnonzero(grades == grade).tolist()]
    db.session.rollback()
    return sorted(victims, key=lambda victim: (victim[1].start_us, victim[0]))
