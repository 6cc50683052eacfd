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
from app.archive.coverage import recount
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
            later = [number * every_us for number in range(source_id == first_id, times)]
            copies = [_copy(runs, segments, source_id, later_us, rng) for later_us in later]
            for _, copied in copies:
                _link(root, segments, copied)
            _insert([run for copied, _ in copies for run in copied], [row for _, copied in copies for row in copied])
        db.session.remove()
        db.engine.dispose()
    return all_ids


def _insert(runs: list[dict[str, Any]], segments: list[dict[str, Any]]) -> None:
    """Insert rows of one source, and what is summed up of them."""
    days_us = sorted({segment["start_us"] // DAY_US * DAY_US for segment in segments})
    with writing() as session:
        if runs:
            session.execute(insert(_table(Run)), runs)
        for begin in range(0, len(segments), ROWS_AT_ONCE):
            session.execute(insert(_table(Segment)), segments[begin : begin + ROWS_AT_ONCE])
        for day_us in days_us:
            recount(session, segments[0]["source_id"], day_us)


def _table(model: type[Run | Segment]) -> Table:
    table = model.__table__
    assert isinstance(table, Table)  # and no view
    return table


def _rows(model: type[Run | Segment], source_id: int) -> list[dict[str, Any]]:
    table = _table(model)
    found = db.session.execute(select(table).where(table.c.source_id == source_id))
    return [dict(row) for row in found.mappings()]


def _copy(
    runs: list[dict[str, Any]],
    segments: list[dict[str, Any]],
    source_id: int,
    later_us: int,
    rng: np.random.Generator,
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the rows of one copy of all runs, and of their segments."""
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
        later_segments.append(later)
    return later_runs, later_segments


def _uuids(rng: np.random.Generator) -> Iterator[str]:
    while True:
        yield str(uuid.UUID(bytes=rng.bytes(16), version=4))


def _link(root: Path, segments: list[dict[str, Any]], copied: list[dict[str, Any]]) -> None:
    """Link the files of segments under the names of their copies, and their day's indexes."""
    folders: set[Path] = set()
    for segment, later in zip(segments, copied, strict=True):
        path = places.closed_path(root, later["source_id"], later["start_us"], later["id"])
        if path.parent not in folders:
            path.parent.mkdir(parents=True, exist_ok=True)
            folders.add(path.parent)
        path.hardlink_to(places.closed_path(root, segment["source_id"], segment["start_us"], segment["id"]))
    for start_us in {later["start_us"] // DAY_US * DAY_US for later in copied}:
        index = places.index_path(root, copied[0]["source_id"], start_us)
        if not index.exists():
            index.parent.mkdir(parents=True, exist_ok=True)
            index.hardlink_to(places.index_path(root, segments[0]["source_id"], segments[0]["start_us"]))
