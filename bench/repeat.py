"""Months of footage from a day of it: every file linked again under new rows, for what asks rows and sizes alone.

A copy is another run at another time, of another source where wanted: all rows are what the recorder would have
written, and it plays. But its bytes are those of the first (the closing box says so), so nothing that measures the
disk, or compares packets of several copies, may use it. What is copied must lie in one UTC day: its sample indexes are
then in one file, which is linked for every other day and source.
"""

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from flask import Flask
from sqlalchemy import Table, insert, select

from app.archive import places
from app.archive.storages import open_storage
from app.extensions import db, writing
from app.models import Run, Segment
from bench.archive import Archive, add_source

DAY_US = 86_400_000_000
ROWS_AT_ONCE = 20_000


def repeat(app: Flask, archive: Archive, *, times: int, every_us: int = DAY_US, sources: int = 0) -> list[int]:
    """Repeat an archive's one source until it is there `times` times, each `every_us` after the one before.

    With `sources`, as many more of them get all of it too. Returns the ids of all sources.
    """
    (first_id,) = archive.source_ids
    all_ids = [first_id, *(add_source(app) for _ in range(sources))]
    rng = np.random.default_rng((archive.seed, first_id, times, sources))
    with app.app_context():
        root = Path(open_storage(app.config["PLAYBACK"]).path)
        runs, segments = _rows(Run, first_id), _rows(Segment, first_id)
        days = {segment["start_us"] // DAY_US for segment in segments}
        assert len(days) == 1, "what is repeated must lie in one day"
        for source_id in all_ids:
            for number in range(source_id == first_id, times):
                _copy(root, runs, segments, source_id, number * every_us, rng)
        count_coverage(all_ids)
        db.session.remove()
        db.engine.dispose()
    return all_ids


def count_coverage(source_ids: list[int]) -> None:
    """Bring what is kept of a source's segments elsewhere in step with rows that did not come from ingest."""


def _table(model: type[Run | Segment]) -> Table:
    table = model.__table__
    assert isinstance(table, Table)  # and no view
    return table


def _rows(model: type[Run | Segment], source_id: int) -> list[dict[str, Any]]:
    table = _table(model)
    found = db.session.execute(select(table).where(table.c.source_id == source_id))
    return [dict(row) for row in found.mappings()]


def _copy(
    root: Path,
    runs: list[dict[str, Any]],
    segments: list[dict[str, Any]],
    source_id: int,
    later_us: int,
    rng: np.random.Generator,
) -> None:
    """Make one copy of all runs: files first, then the rows."""
    ids = _uuids(rng)
    run_ids = {run["id"]: next(ids) for run in runs}
    later_runs = [{**run, "id": run_ids[run["id"]], "source_id": source_id} for run in runs]
    for run in later_runs:
        for name in ("anchor_us", "begin_us", "end_us"):
            run[name] += later_us
    later_segments = []
    for segment in segments:
        later = {**segment, "id": next(ids), "source_id": source_id, "run_id": run_ids[segment["run_id"]]}
        later["start_us"] += later_us
        later["end_us"] += later_us
        _link(root, segment, later)
        later_segments.append(later)
    with writing() as session:
        session.execute(insert(_table(Run)), later_runs)
        for begin in range(0, len(later_segments), ROWS_AT_ONCE):
            session.execute(insert(_table(Segment)), later_segments[begin : begin + ROWS_AT_ONCE])


def _uuids(rng: np.random.Generator) -> Iterator[str]:
    while True:
        yield str(uuid.UUID(bytes=rng.bytes(16), version=4))


def _link(root: Path, segment: dict[str, Any], later: dict[str, Any]) -> None:
    """Link a segment's file under the name that a later one has, and its day's indexes."""
    path = places.closed_path(root, later["source_id"], later["start_us"], later["id"])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.hardlink_to(places.closed_path(root, segment["source_id"], segment["start_us"], segment["id"]))
    index = places.index_path(root, later["source_id"], later["start_us"])
    if not index.exists():
        index.parent.mkdir(parents=True, exist_ok=True)
        index.hardlink_to(places.index_path(root, segment["source_id"], segment["start_us"]))
