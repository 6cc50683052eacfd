"""Sample indexes for segments that have none: read from the media files, which readers do until then."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import select, tuple_

from app.archive import coverage, places, sidecar
from app.extensions import db, writing
from app.formats.boxes import FormatError
from app.models import Segment
from app.models.segment import CLOSED

BATCH = 64


class Unindexed(NamedTuple):
    """A closed segment without an index."""

    source_id: int
    start_us: int
    id: str
    storage_id: str
    shift_ticks: int


COLUMNS = [getattr(Segment, name) for name in Unindexed._fields]


def reindex(roots: Mapping[str, Path], processes: int = 0, tell: Callable[[int], None] = lambda _: None) -> int:
    """Make the index of every closed segment without one in these storages; return how many were made.

    Needs an app context without a transaction. A file that cannot be read is left; `tell` is told how many are made.
    """
    db.session.remove()
    db.engine.dispose()  # a connection must not be forked
    made = 0
    with ProcessPoolExecutor(processes or os.cpu_count(), mp_context=get_context("fork")) as pool:
        for rows in _unindexed(list(roots)):
            built = pool.map(_build, rows, [str(_path(roots, row)) for row in rows])
            made += _store(roots, rows, list(built))
            tell(made)
    return made


def _path(roots: Mapping[str, Path], row: Unindexed) -> Path:
    return places.closed_path(roots[row.storage_id], row.source_id, row.start_us, row.id)


def _unindexed(storage_ids: Sequence[str]) -> Iterator[list[Unindexed]]:
    """Yield the segments in the order of their key, some at a time."""
    after = (-1, -1)
    key = (Segment.source_id, Segment.start_us)
    # `+ 0` and `|| ''` keep SQLite from sorting all closed rows for each batch: it is to go along the key.
    query = select(*COLUMNS).where(
        Segment.state + 0 == CLOSED, Segment.index_size_bytes == 0, (Segment.storage_id + "").in_(storage_ids)
    )
    while True:
        found = db.session.execute(query.where(tuple_(*key) > after).order_by(*key).limit(BATCH)).all()
        db.session.rollback()
        if not found:
            return
        rows = [Unindexed(*row) for row in found]
        after = (rows[-1].source_id, rows[-1].start_us)
        yield rows


def _build(row: Unindexed, path: str) -> bytes | None:
    try:
        return sidecar.index_media(path, row.shift_ticks).to_bytes()
    except (FormatError, OSError):
        return None


def _store(roots: Mapping[str, Path], rows: Sequence[Unindexed], built: Sequence[bytes | None]) -> int:
    """Append indexes, and say so in their rows where these are still without."""
    places_by_row = {
        row: sidecar.append_index(roots[row.storage_id], row.source_id, row.start_us, data)
        for row, data in zip(rows, built, strict=True)
        if data is not None
    }
    with writing() as session:
        for row, (offset, size_bytes) in places_by_row.items():
            segment = session.get(Segment, (row.source_id, row.start_us))
            if segment is not None and segment.id == row.id and not segment.index_size_bytes:
                segment.index_offset_bytes, segment.index_size_bytes = offset, size_bytes
        for source_id, day in sorted({(row.source_id, row.start_us // places.DAY_US) for row in places_by_row}):
            coverage.note_opened(session, source_id, day * places.DAY_US)
    return len(places_by_row)
