"""Files as a recorder leaves them that was killed long ago: cut by ffmpeg, in the live folders, without any row."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from flask import Flask

from app.archive import places
from app.archive.storages import open_storage
from bench.archive import Plan, Run, Wanted, add_source, plan_runs


class Left(NamedTuple):
    """What was left."""

    root: Path
    storage_id: str
    source_ids: Sequence[int]
    files: int
    size_bytes: int


def leave(app: Flask, wanted: Wanted, sources: int) -> Left:
    """Write footage of some new sources into the live folders of an app's storage, a run each."""
    source_ids, files, size_bytes = [], 0, 0
    with app.app_context():
        storage = open_storage(app.config["PLAYBACK"])
        root, storage_id = Path(storage.path), storage.id
    for number in range(sources):
        source_id = add_source(app)
        source_ids.append(source_id)
        written = _write(root, wanted, plan_runs(wanted, source_id, number)[0])
        files, size_bytes = files + len(written), size_bytes + sum(written)
    return Left(root, storage_id, source_ids, files, size_bytes)


def _write(root: Path, wanted: Wanted, plan: Plan) -> list[int]:
    """Write the files of a run, dated as they would have arrived; return their sizes."""
    run, sizes = Run(wanted, plan), []
    for pieces in run.files():
        path = places.live_path(root, plan.source_id, run.id, len(sizes))
        with path.open("wb") as file:
            file.writelines(pieces)
            sizes.append(file.tell())
        arrived_s = plan.begin_us / 1e6 + len(sizes) * wanted.segment_s
        os.utime(path, (arrived_s, arrived_s))
    return sizes
