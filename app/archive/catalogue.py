"""The rows of segments, kept in memory by source and UTC day while they are the same in the database.

`coverage.revision` of a day changes in the transaction that changes a segment of it: one small query tells which of
the days that this process remembers are still right. A day that has no such row is read anew each time. Of a day of
which only some hours are asked for only these are read: an hour out of a large archive costs its 60 rows.
"""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from flask import current_app
from sqlalchemy import bindparam, func, select

from app.archive.elsewhere import know_roots
from app.archive.segments import AT, COLUMNS, FACTS, Ints, Texts
from app.extensions import db
from app.formats.sampleindex import ROW_COUNTERS
from app.models import Coverage, Segment, Storage
from app.models.segment import CLOSED, OPEN

HOUR_US, DAY_US = 3_600_000_000, 86_400_000_000
FEW_HOURS_US = 6 * HOUR_US
SEGMENTS_A_DAY = 1_440
Stretch = tuple[int, int]  # [begin, end) in µs
_table = Segment.__table__.c
NUMBERS = [
    func.coalesce(_table[name], 0) if name.endswith("_entry_id") else _table[name] for name in (*FACTS, *ROW_COUNTERS)
]
WORDS = [_table.id, _table.run_id, _table.storage_id]
WHOLE_ROWS = select(*NUMBERS, *WORDS)
READABLE = WHOLE_ROWS.where(_table.state.in_((OPEN, CLOSED)))
# Made once: making and hashing a statement of 40 columns takes longer than running it for an hour of footage.
BETWEEN = (
    READABLE.where(_table.source_id == bindparam("source_id"))
    .where(_table.start_us >= bindparam("first_us"), _table.start_us < bindparam("last_us"))
    .order_by(_table.start_us)
)
_days = Coverage.__table__.c
REVISIONS = select(_days.cell, _days.revision).where(
    _days.source_id == bindparam("source_id"),
    _days.level == 0,
    _days.cell >= bindparam("first"),
    _days.cell <= bindparam("last"),
)
ROOTS = select(Storage.__table__.c.id, Storage.__table__.c.path)


@dataclass(slots=True)
class Rows:
    """Rows by start: numbers, ids of segments and runs, and what a look at each file has told.

    `looked_s` is when that was, on the monotonic clock; minus infinity for never.
    """

    numbers: Ints
    ids: Texts
    run_ids: Texts
    looked_s: npt.NDArray[np.float64] = field(init=False)
    is_usable: npt.NDArray[np.bool_] = field(init=False)

    def __post_init__(self) -> None:
        """Begin with files that nobody has looked at."""
        self.looked_s = np.full(len(self.ids), -np.inf)
        self.is_usable = np.zeros(len(self.ids), np.bool_)


class Catalogue:
    """What one process remembers of one database. Used by several threads."""

    def __init__(self, max_rows: int) -> None:
        self._max_rows = max_rows
        self._held_rows = 0
        self._kept: OrderedDict[tuple[int, Stretch], tuple[int, Rows]] = OrderedDict()
        self._storages: dict[str, int] = {}
        self._lock = threading.Lock()

    def read(self, source_id: int, begin_us: int, end_us: int) -> list[Rows]:
        """Return rows by start, at least those of the segments that start within [begin_us, end_us)."""
        first, last = begin_us // DAY_US, (end_us - 1) // DAY_US
        values = {"source_id": source_id, "first": first, "last": last}
        revisions = {int(cell): int(revision) for cell, revision in db.session.execute(REVISIONS, values)}
        days = sorted(revisions)
        found = [self._day(source_id, day, revisions[day], begin_us, end_us) for day in days]
        uncounted = [(low * DAY_US, high * DAY_US) for low, high in _between(days, first, last + 1)]
        more = [self._load(source_id, stretch) for stretch in uncounted]
        if any(len(rows.ids) for rows in more):
            found = sorted([*found, *more], key=_first_start)
        return [rows for rows in found if len(rows.ids)]

    def _day(self, source_id: int, day: int, revision: int, begin_us: int, end_us: int) -> Rows:
        """Return the rows of a day, or of those hours of it that are asked for where they are few."""
        whole = (day * DAY_US, (day + 1) * DAY_US)
        rows = self._remembered((source_id, whole), revision)
        if rows is not None:
            return rows
        low = max(begin_us // HOUR_US * HOUR_US, whole[0])
        high = min(-(-end_us // HOUR_US) * HOUR_US, whole[1])
        stretch = (low, high) if high - low <= FEW_HOURS_US else whole
        rows = self._remembered((source_id, stretch), revision)
        if rows is None:
            rows = self._load(source_id, stretch)
            self._remember((source_id, stretch), revision, rows)
        return rows

    def _remembered(self, key: tuple[int, Stretch], revision: int) -> Rows | None:
        with self._lock:
            kept = self._kept.get(key)
            if kept is None or kept[0] != revision:
                return None
            self._kept.move_to_end(key)
            return kept[1]

    def _remember(self, key: tuple[int, Stretch], revision: int, rows: Rows) -> None:
        with self._lock:
            before = self._kept.pop(key, None)
            self._kept[key] = (revision, rows)
            self._held_rows += len(rows.ids) - (len(before[1].ids) if before else 0)
            while self._held_rows > self._max_rows and len(self._kept) > 1:
                _, (_, oldest) = self._kept.popitem(last=False)
                self._held_rows -= len(oldest.ids)

    def forget_looks(self, source_id: int) -> None:
        """Let every file of a source be looked at anew before it is used: one was lost since the last look."""
        with self._lock:
            for (kept_id, _), (_, rows) in self._kept.items():
                if kept_id == source_id:
                    rows.looked_s[:] = -np.inf

    def _load(self, source_id: int, stretch: Stretch) -> Rows:
        """Read the rows of the segments that start within a stretch of time."""
        values = {"source_id": source_id, "first_us": stretch[0], "last_us": stretch[1]}
        return self.gather(db.session.execute(BETWEEN, values).all())

    def gather(self, rows: Sequence[Any]) -> Rows:
        """Return rows of READABLE as columns."""
        count = len(NUMBERS)
        numbers = np.empty((len(rows), len(COLUMNS)), np.int64)
        flat = chain.from_iterable([row[:count] for row in rows])
        numbers[:, :count] = np.fromiter(flat, np.int64, len(rows) * count).reshape(len(rows), count)
        words = [row[count:] for row in rows]
        runs = {run_id: (run_id, _run_key(run_id)) for _, run_id, _ in words}  # one text for all segments of a run
        storages = {storage_id: self._storage_number(storage_id) for *_, storage_id in words}
        numbers[:, AT["run_key"]] = [runs[run_id][1] for _, run_id, _ in words]
        numbers[:, AT["storage"]] = [storages[storage_id] for *_, storage_id in words]
        return Rows(numbers, _texts([word[0] for word in words]), _texts([runs[word[1]][0] for word in words]))

    def _storage_number(self, storage_id: str) -> int:
        with self._lock:
            return self._storages.setdefault(storage_id, len(self._storages))

    def roots(self) -> dict[int, Path]:
        """Return where each storage is mounted now, by the number that rows have for it."""
        paths = {storage_id: Path(path) for storage_id, path in db.session.execute(ROOTS)}
        know_roots(map(str, paths.values()))
        with self._lock:
            return {number: paths[storage_id] for storage_id, number in self._storages.items()}


def catalogue() -> Catalogue:
    """Return the catalogue of the current app."""
    found = current_app.extensions.get("playback_catalogue")
    if found is None:
        days = current_app.config["PLAYBACK"].CATALOGUE_DAYS
        found = current_app.extensions["playback_catalogue"] = Catalogue(days * SEGMENTS_A_DAY)
    assert isinstance(found, Catalogue)
    return found


def _between(days: Sequence[int], first: int, last: int) -> list[tuple[int, int]]:
    """Return what these days leave of the days [first, last)."""
    edges = [first, *chain.from_iterable((day, day + 1) for day in days), last]
    return [(low, high) for low, high in zip(edges[::2], edges[1::2], strict=True) if low < high]


def _first_start(rows: Rows) -> int:
    return int(rows.numbers[0, AT["start_us"]]) if len(rows.ids) else -1


def _texts(texts: list[str]) -> Texts:
    """Return texts as an array: of one, many are chosen at once."""
    array = np.empty(len(texts), np.object_)
    array[:] = texts
    return array


def _run_key(run_id: str) -> int:
    """Return 60 bits of a run's UUID: what tells it from the others of its source."""
    return int(run_id.replace("-", "")[:15], 16)
