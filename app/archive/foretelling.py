"""How many bytes a rule would delete, told before there is the rule: what the next passes of retention would do by it.

By its maximal age, then by its maximum of bytes, as app/archive/retention.py does. Minima and pins are kept; what
budget and reserve of storages ask for comes on top and is of no rule.
"""

from collections.abc import Iterator

import numpy as np

from app.archive.believing import believed
from app.archive.fates import CameraDay, Fates, TooDear
from app.archive.keeping import Rows, find_boundaries, read_keeping
from app.archive.ruling import EXPIRED, PLAIN, SPARE_SHARE, UNDATED, Mask, Rule
from app.archive.unlinking import mounted_roots
from app.extensions import AnySession


def would_delete(session: AnySession, rule: Rule) -> int | None:
    """Return how many bytes of files go by a rule as soon as it is there; None where that takes too long to tell.

    What the rule says now, if it is there, is not counted: it is judged as it would be. Files that are missing have no
    bytes; those in storages that are not there stay.
    """
    if rule.max_age_s is None and rule.max_bytes is None:
        return 0
    there = frozenset(mounted_roots())
    keeping = read_keeping(session, believed(session), rule)
    try:
        foretold = _Foretold(session, Fates(session, keeping, there), rule, there)
        return (0 if rule.max_age_s is None else foretold.by_age()) + (
            0 if rule.max_bytes is None else foretold.by_bytes(rule.max_bytes)
        )
    except TooDear:
        return None


class _Foretold:
    """What goes by one rule."""

    def __init__(self, session: AnySession, fates: Fates, rule: Rule, there: frozenset[str]) -> None:
        self._fates, self._keeping, self._rule, self._there = fates, fates.keeping, rule, there
        self._boundaries = find_boundaries(session, fates.keeping, fates)

    def by_age(self) -> int:
        """Return the bytes that are beyond its maximal age."""
        found = 0
        for day, grade in self._fates.judged("max_age_s", self._rule, self._boundaries):
            if grade is None:
                found += self._read("max_age_s", day, EXPIRED)[1]
            elif grade == EXPIRED:
                found += self._fates.sums[day].there_bytes
        return found

    def by_bytes(self, most: int) -> int:
        """Return the bytes that are beyond its maximum, once what has expired by any rule is gone."""
        held = 0
        of_grade: dict[int, dict[CameraDay, int]] = {PLAIN: {}, UNDATED: {}}
        for day, grade in self._fates.judged("max_bytes", self._rule, self._boundaries):
            sums = self._fates.sums[day]
            if grade is None:
                every, expired = self._read("max_bytes", day, EXPIRED)
                for one in of_grade:
                    of_grade[one][day] = self._read("max_bytes", day, one)[1]
            else:
                every, expired = sums.all_bytes, sums.there_bytes if grade == EXPIRED else 0
                if grade == PLAIN:
                    of_grade[PLAIN][day] = sums.there_bytes
            held += every - expired
        excess = held - most
        if excess <= 0:
            return 0
        need = excess + most // SPARE_SHARE
        freed = self._oldest(of_grade[PLAIN], PLAIN, need)
        return freed + self._oldest(of_grade[UNDATED], UNDATED, need - freed)

    def _oldest(self, days: dict[CameraDay, int], grade: int, need: int) -> int:
        """Return the bytes of the oldest files of a grade, over all cameras, that come to what is needed."""
        freed = 0
        for day in sorted({day for _, day in days}):
            mine = {key: size for key, size in days.items() if key[1] == day and size}
            if freed + sum(mine.values()) < need:
                freed += sum(mine.values())
                continue
            for _, _, size in sorted(file for key in mine for file in self._files(key, grade)):
                if freed >= need:
                    return freed
                freed += size
        return freed

    def _files(self, key: CameraDay, grade: int) -> Iterator[tuple[int, int, int]]:
        """Yield start, source and bytes of the files of a day that may go."""
        rows = self._fates.rows(*key)
        for number in np.flatnonzero(self._may_go("max_bytes", key, rows, grade)).tolist():
            yield int(rows.footage.starts[number]), key[0], int(rows.sizes[number])

    def _read(self, limit: str, key: CameraDay, grade: int) -> tuple[int, int]:
        """Return the bytes of a day for which a limit of the rule holds: all, and those of a grade that may go."""
        rows = self._fates.rows(*key)
        return int(rows.sizes[self._held(limit, key, rows)].sum()), int(
            rows.sizes[self._may_go(limit, key, rows, grade)].sum()
        )

    def _held(self, limit: str, key: CameraDay, rows: Rows) -> Mask:
        found = self._keeping.limits(limit, key[0], rows)
        return next((mask for rule, mask in found if rule.id == self._rule.id), np.zeros(len(rows.pieces), np.bool_))

    def _may_go(self, limit: str, key: CameraDay, rows: Rows, grade: int) -> Mask:
        is_there = np.array([piece.storage_id in self._there for piece in rows.pieces], np.bool_)
        grades = self._keeping.grade(key[0], rows, self._boundaries)
        may_go: Mask = self._held(limit, key, rows) & (grades == grade) & is_there
        return may_go
