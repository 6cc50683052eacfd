"""How many bytes a rule would delete, told before there is the rule: what the next passes of retention would do by it.

By its maximal age, then by its maximum of bytes, as app/archive/retention.py does. Minima and pins are kept; what
budget and reserve of storages ask for comes on top and is of no rule.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from app.archive.believing import believed
from app.archive.fates import CameraDay, Fates, TooDear
from app.archive.keeping import Rows, find_boundaries, read_keeping
from app.archive.ruling import EXPIRED, PLAIN, SPARE_SHARE, UNDATED, Ints, Mask, Rule
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


class _Judged(NamedTuple):
    """The files of a camera-day for which a limit of the rule holds.

    `grades` tells how well each is protected, -1 where the limit does not hold or its storage is not there.
    """

    rows: Rows
    held_bytes: int
    grades: Ints

    def bytes_of(self, grade: int) -> int:
        """Return the bytes of the files of a grade."""
        return int(self.rows.sizes[self.grades == grade].sum())


class _Foretold:
    """What goes by one rule."""

    def __init__(self, session: AnySession, fates: Fates, rule: Rule, there: frozenset[str]) -> None:
        self._session, self._fates, self._keeping = session, fates, fates.keeping
        self._rule, self._there = rule, there
        self._boundaries = find_boundaries(session, fates.keeping, fates)
        self._known: dict[tuple[str, CameraDay], _Judged] = {}

    def by_age(self) -> int:
        """Return the bytes that are beyond its maximal age."""
        found = 0
        for key, grade in self._fates.judged("max_age_s", self._rule, self._boundaries):
            if grade is None:
                found += self._read("max_age_s", key).bytes_of(EXPIRED)
            elif grade == EXPIRED:
                found += self._fates.sums[key].there_bytes
        return found

    def by_bytes(self, most: int) -> int:
        """Return the bytes that are beyond its maximum, once what has expired by any rule is gone."""
        days = list(self._fates.judged("max_bytes", self._rule, self._boundaries))
        if sum(self._fates.sums[key].all_bytes for key, _ in days) <= most:
            return 0  # without looking into any
        held = 0
        of_grade: dict[int, dict[CameraDay, int]] = {PLAIN: {}, UNDATED: {}}
        for key, grade in days:
            sums = self._fates.sums[key]
            if grade is None:
                judged = self._read("max_bytes", key)
                held += judged.held_bytes - judged.bytes_of(EXPIRED)
                for one in of_grade:
                    of_grade[one][key] = judged.bytes_of(one)
            else:
                held += sums.all_bytes - (sums.there_bytes if grade == EXPIRED else 0)
                if grade == PLAIN:
                    of_grade[PLAIN][key] = sums.there_bytes
        excess = held - most
        if excess <= 0:
            return 0
        need = excess + most // SPARE_SHARE
        freed = self._oldest(of_grade[PLAIN], PLAIN, need)
        return freed + self._oldest(of_grade[UNDATED], UNDATED, need - freed)

    def _oldest(self, days: dict[CameraDay, int], grade: int, need: int) -> int:
        """Return the bytes of the oldest files of a grade, over all cameras, that come to what is needed."""
        by_day: dict[int, dict[CameraDay, int]] = {}
        for key, size in days.items():
            if size:
                by_day.setdefault(key[1], {})[key] = size
        freed = 0
        for day in sorted(by_day):
            if freed >= need:
                break
            every = sum(by_day[day].values())
            if freed + every < need:
                freed += every
                continue
            for _, _, size in sorted(file for key in by_day[day] for file in self._files(key, grade)):
                if freed >= need:
                    break
                freed += size
        return freed

    def _files(self, key: CameraDay, grade: int) -> Iterator[tuple[int, int, int]]:
        """Yield start, source and bytes of the files of a day that may go."""
        judged = self._read("max_bytes", key)
        for number in np.flatnonzero(judged.grades == grade).tolist():
            yield int(judged.rows.footage.starts[number]), key[0], int(judged.rows.sizes[number])

    def _read(self, limit: str, key: CameraDay) -> _Judged:
        """Look into a day, once for each limit. Raises TooDear."""
        if (limit, key) not in self._known:
            rows = self._fates.rows(self._session, self._keeping, *key)
            limits = self._keeping.limits(limit, key[0], rows)
            nothing = np.zeros(len(rows.pieces), np.bool_)
            held: Mask = next((mask for rule, mask in limits if rule.id == self._rule.id), nothing)
            is_there = np.array([piece.storage_id in self._there for piece in rows.pieces], np.bool_)
            grades = np.where(held & is_there, self._keeping.grade(key[0], rows, self._boundaries), -1)
            self._known[limit, key] = _Judged(rows, int(rows.sizes[held].sum()), grades)
        return self._known[limit, key]
