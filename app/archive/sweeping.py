"""Deleting what was chosen, a few segments a transaction, until a pass has had its time.

Transactions are of BATCH segments of one source at most, with a pause between them: the recorder waits for none.
"""

import time
from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

import numpy as np

from app.archive.deletion import Act
from app.archive.evicting import Victim, delete_victims, enough
from app.archive.keeping import Days, Keeping, Rows, find_boundaries, read_day, walk
from app.archive.ruling import EXPIRED, PLAIN, UNDATED, Boundary, Mask, Rule
from app.archive.unlinking import unlink_doomed
from app.extensions import db
from app.models.types import now_us

ACTOR = "retention"
BATCH = 100  # segments a transaction


class Need(NamedTuple):
    """What is to be made free: so many bytes of these camera-days, of those segments that `mask` picks."""

    size_bytes: int
    days: Collection[tuple[int, int]]
    mask: Callable[[int, Rows], Mask]
    act: Act


def act_of(rule: Rule, limit: str) -> Act:
    """Return how a deletion by a rule is written down."""
    return Act(ACTOR, rule.words(limit), f"retention rule {rule.id}")


class Sweep:
    """One step of a pass, on what was read at its begin. `storage_ids` are those that may be touched."""

    def __init__(
        self, keeping: Keeping, days: Days, storage_ids: Collection[str], *, until_s: float, pause_s: float
    ) -> None:
        self.keeping, self.days, self.segments, self.size_bytes, self.is_done = keeping, days, 0, 0, True
        self._storage_ids = frozenset(storage_ids)
        self._until_s, self._pause_s = until_s, pause_s
        self._boundaries: dict[str, Boundary] | None = None
        self._begun_us = now_us()

    @property
    def boundaries(self) -> dict[str, Boundary]:
        """From where on the rules with min_bytes keep footage."""
        if self._boundaries is None:
            self._boundaries = find_boundaries(db.session, self.keeping, self.days)
            db.session.rollback()
        return self._boundaries

    def rows(self, source_id: int, day: int) -> Rows:
        """Return the segments of a camera-day."""
        rows = read_day(db.session, self.keeping, source_id, day)
        db.session.rollback()
        return rows

    def victims(self, source_id: int, rows: Rows, mask: Mask, grades: Sequence[int]) -> list[Victim]:
        """Return the segments of a mask that are of these grades and may be touched."""
        chosen = mask & np.isin(self.keeping.grade(source_id, rows, self.boundaries), grades)
        found = [(source_id, rows.pieces[number]) for number in np.flatnonzero(chosen).tolist()]
        return [victim for victim in found if victim[1].storage_id in self._storage_ids]

    def remove(self, victims: Sequence[Victim], act: Act) -> int:
        """Delete segments; return how many bytes that were. Ends early when the pass has had its time."""
        freed = 0
        by_source: dict[int, list[Victim]] = {}
        for victim in victims:
            by_source.setdefault(victim[0], []).append(victim)
        for mine in by_source.values():
            for first in range(0, len(mine), BATCH):
                if time.monotonic() > self._until_s:
                    self.is_done = False
                    return freed
                done = delete_victims(mine[first : first + BATCH], act)
                self.segments += len(done)
                size_bytes = sum(piece.size_bytes for piece in done)
                freed, self.size_bytes = freed + size_bytes, self.size_bytes + size_bytes
                time.sleep(self._pause_s)
        return freed

    def free(self, need: Need) -> int:
        """Delete the oldest that no minimum keeps until so many bytes are free; return how many that were."""
        freed = 0
        for grades in ((EXPIRED, PLAIN), (UNDATED,)):
            for day, source_ids in walk(self.keeping):
                victims: list[Victim] = []
                for source_id in source_ids:
                    if (source_id, day) in need.days:
                        rows = self.rows(source_id, day)
                        victims += self.victims(source_id, rows, need.mask(source_id, rows), grades)
                victims.sort(key=lambda victim: (victim[1].start_us, victim[0]))
                freed += self.remove(enough(victims, need.size_bytes - freed), need.act)
                if freed >= need.size_bytes or not self.is_done:
                    return freed
        return freed

    def unlink(self) -> None:
        """Remove the files of what was deleted; the worker tries again what fails."""
        if self.segments:
            unlink_doomed(self.segments + BATCH, self._begun_us)
