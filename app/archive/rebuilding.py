"""The database of footage, made again from the media files alone: `flask rebuild`.

Every closed file says of itself what its row held (app/archive/filefacts.py). Sources come one after the other, the
newest footage of each first: what is looked for after a loss is there first. Nothing on disk is changed, files that
contradict themselves are named and left, rows that exist stay. Done again it changes nothing.
"""

import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path

from sqlalchemy import select

from app.archive import places
from app.archive.filefacts import read_facts
from app.archive.filewalk import Hour, Odd, walk_closed
from app.archive.indexwalk import NO_INDEX, IndexPlace, Key, find_indexes
from app.archive.rebuildrows import Item, take_rows
from app.extensions import db, insert_missing, writing
from app.formats.boxes import FormatError
from app.models import Segment, Storage

BATCH = 1_500  # files a transaction: a day of one camera
AHEAD = 4  # batches that are read before they are written
TELL_S = 1.0


@dataclass(slots=True)
class Rebuilt:
    """What has come of it so far."""

    files: int = 0
    segments: int = 0
    runs: int = 0
    sources: int = 0
    odd: int = 0
    begun_s: float = field(default_factory=time.monotonic)
    tried: set[int] = field(default_factory=set)  # sources of a dry run, which makes each anew for every day

    @property
    def per_s(self) -> float:
        """Files a second."""
        return self.files / max(time.monotonic() - self.begun_s, 1e-6)


@dataclass(frozen=True, slots=True)
class Reporter:
    """Who is told: of each odd file at once, of the progress about once a second."""

    odd: Callable[[Odd], None]
    progress: Callable[[Rebuilt], None]


def rebuild(roots: Mapping[str, Path], reporter: Reporter, *, is_dry: bool = False, processes: int = 0) -> Rebuilt:
    """Make the rows that are missing for all closed files of these storages (root by id); return what was done.

    Needs an app context without a transaction, and commits a day of a source at a time. `processes` read files; 0: one
    for each core.
    """
    done = Rebuilt()
    told_s = time.monotonic()
    with _Readers(processes or os.cpu_count() or 1) as readers:
        for storage_id, root in roots.items():
            for hours, found in readers.read(files_without_rows(root, done, reporter)):
                _take(storage_id, hours, found, done, reporter, is_dry=is_dry)
                if time.monotonic() - told_s >= TELL_S:
                    told_s = time.monotonic()
                    reporter.progress(done)
    reporter.progress(done)
    return done


def files_without_rows(root: Path, done: Rebuilt, reporter: Reporter) -> Iterator[list[Hour]]:
    """Yield the files of a storage that have no row yet, those of up to a day of one source at a time."""
    held: list[Hour] = []
    for hour in walk_closed(root):
        if isinstance(hour, Odd):
            done.odd += 1
            reporter.odd(hour)
            continue
        if held and (_day(held[0]) != _day(hour) or sum(len(one.ids) for one in held) + len(hour.ids) > BATCH):
            yield from _without_rows(held, done)
            held = []
        held.append(hour)
    if held:
        yield from _without_rows(held, done)


def _day(hour: Hour) -> tuple[int, int]:
    return hour.source_id, hour.begin_us // places.DAY_US


def _without_rows(hours: Sequence[Hour], done: Rebuilt) -> Iterator[list[Hour]]:
    """Yield the hours with those of their files that have no row, if there are any."""
    done.files += sum(len(hour.ids) for hour in hours)
    begin_us, end_us = hours[-1].begin_us, hours[0].begin_us + places.HOUR_US
    query = select(Segment.id).where(
        Segment.source_id == hours[0].source_id, Segment.start_us >= begin_us, Segment.start_us < end_us
    )
    known = set(db.session.scalars(query))
    db.session.rollback()
    left = [hour._replace(ids=ids) for hour in hours if (ids := [name for name in hour.ids if name not in known])]
    if left:
        yield left


def _take(
    storage_id: str, hours: Sequence[Hour], found: "Read", done: Rebuilt, reporter: Reporter, *, is_dry: bool
) -> None:
    """Write the rows of what was read of one day of a source."""
    odd = [item for item in found if isinstance(item, Odd)]
    items = [item for item in found if isinstance(item, Item)]
    if items:
        with writing() as session:
            if is_dry:
                insert_missing(session, Storage, {"id": storage_id, "path": ""})
            taken = take_rows(session, storage_id, hours[0].source_id, items)
            if is_dry:
                session.rollback()
        done.segments += len(taken.made)
        done.runs += taken.runs
        done.sources += taken.sources if hours[0].source_id not in done.tried else 0
        if is_dry:
            done.tried.add(hours[0].source_id)
        odd += taken.odd
    done.odd += len(odd)
    for one in odd:
        reporter.odd(one)


# --- reading, in processes of their own --------------------------------------------------------------------

Read = list[Item | Odd]


class _Readers:
    """Reads batches of files on all cores, a few batches ahead of who takes them."""

    def __init__(self, processes: int) -> None:
        self._processes = processes
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> "_Readers":
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def read(self, batches: Iterator[list[Hour]]) -> Iterator[tuple[list[Hour], Read]]:
        """Yield each batch with what its files say, in order."""
        if self._processes == 1:
            for hours in batches:
                yield hours, read_files(hours)
            return
        waiting: deque[tuple[list[Hour], list[Future[Read]]]] = deque()
        for hours in batches:
            waiting.append((hours, self._submit(hours)))
            if len(waiting) > AHEAD:
                yield _result(*waiting.popleft())
        while waiting:
            yield _result(*waiting.popleft())

    def _submit(self, hours: list[Hour]) -> "list[Future[Read]]":
        if self._pool is None:
            db.session.remove()
            db.engine.dispose()  # a connection must not be forked
            self._pool = ProcessPoolExecutor(self._processes, mp_context=get_context("fork"))
        return [self._pool.submit(read_files, [hour]) for hour in hours]


def _result(hours: list[Hour], futures: "list[Future[Read]]") -> tuple[list[Hour], Read]:
    return hours, [item for future in futures for item in future.result()]


def read_files(hours: Sequence[Hour]) -> Read:
    """Return what the files of some hours of one source say; needs no database."""
    return [_read(hour, segment_id) for hour in hours for segment_id in hour.ids]


def _read(hour: Hour, segment_id: str) -> Item | Odd:
    path = hour.path(segment_id)
    try:
        facts = read_facts(path, hour.source_id, segment_id)
    except FormatError as error:
        return Odd(path, str(error))
    except OSError as error:
        return Odd(path, f"cannot be read: {error.strerror}")
    if facts.row["start_us"] // places.HOUR_US != hour.hour:
        return Odd(path, "lies in the folder of another hour than it says it is of")
    return Item(facts, _index_place(hour, facts.key))


def _index_place(hour: Hour, key: Key) -> IndexPlace:
    path = places.index_path(hour.root, hour.source_id, hour.begin_us)
    try:
        status = path.stat()
    except OSError:
        return NO_INDEX
    return _day_indexes(path, status.st_size, status.st_mtime_ns).get(key, NO_INDEX)


@lru_cache(maxsize=2)
def _day_indexes(path: Path, _size_bytes: int, _mtime_ns: int) -> dict[Key, IndexPlace]:
    """Return the indexes of a day, read once by each process while the file is the same."""
    return find_indexes(path)
