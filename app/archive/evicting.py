"""Making room on a storage: the least protected footage goes, of that the oldest, over all sources. Pinned never.

What goes first is beyond its maximal age; then what no rule protects, that of an unset clock last; then what a minimum
protects, for an emergency breaks minima. Usable from any process or thread, also while the worker is dead: everything
is read from the database, in pages, and files are removed at once.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

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
PAGE = 1024  # rows read at once
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
    boundaries = find_boundaries(db.session, keeping, Days())
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
    ages = [rule.max_age_s for rule in keeping.rules if rule.max_age_s is not None]
    until = {EXPIRED: keeping.now_us - min(ages) * S_US if ages else 0}
    if not any(keeping.unset_runs.values()):
        until[UNDATED] = 0
    for grade in grades:
        until_us = min(until.get(grade, NEVER_US), newest_us)
        for page in _pages(storage_id, until_us):
            victims = _of_grade(keeping, boundaries, page, grade)
            for first in range(0, len(victims), BATCH):
                yield victims[first : first + BATCH]


def _pages(storage_id: str, until_us: int) -> Iterator[Sequence[tuple[int, object]]]:
    """Yield the closed segments of a storage that start before an instant, oldest first, each with its source."""
    after: tuple[int, int] = (-1, 0)
    while True:
        query = (
            ROWS.add_columns(Segment.source_id)
            .where(Segment.storage_id == storage_id, Segment.state == CLOSED, Segment.start_us >= after[0])
            .where(Segment.start_us < until_us, (Segment.start_us > after[0]) | (Segment.source_id > after[1]))
            .order_by(None)
            .order_by(Segment.start_us, Segment.source_id)
            .limit(PAGE)
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
