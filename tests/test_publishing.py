"""What a dead run left plays before any of it is closed, and closing changes nothing of it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from app.archive.storages import open_storage
from app.capture.recovery import Leftover, find_leftovers
from app.extensions import db
from app.models.segment import CLOSED, OPEN
from tests.archived import T0_US, add_source, no_plans
from tests.clips import Clip, clips
from tests.synthetic import FileSpec, Growing, Run, RunSpec, make_run
from tests.test_rebuild import body, footage

__all__ = ["clips", "no_plans"]
SPEC = RunSpec(tuple(FileSpec("sound-b", groups) for groups in (2, 1, 3, 1)), seed=11, slews_us=(0, 120_000, 0))


def _published(app: Flask, source_id: int) -> list[Leftover]:
    storage = open_storage(app.config["PLAYBACK"])
    found = find_leftovers(Path(storage.path), storage.id, source_id, set())
    for one in found:
        one.publish()
    return found


OWN = ("id", "run_id", "source_id", "sha256", "chain", "mtime_ns", "index_offset_bytes")


def _leave(app: Flask, made: Run, seen: int) -> Growing:
    """Write a run of a new source; the recorder takes in the first `seen` files of it."""
    source_id = add_source(app)
    growing = Growing(app, source_id, replace(made, run_id=f"{made.run_id[:-1]}{source_id}", stored=[]), T0_US)
    for number, data in enumerate(made.files):
        growing.write(number, data, poll=number < seen)
    return growing


def _rows(app: Flask, source_id: int) -> list[dict[str, Any]]:
    rows = [row for row in footage(app)["segment"] if row["source_id"] == source_id]
    return [{name: value for name, value in row.items() if name not in OWN} for row in rows]


@pytest.mark.parametrize("seen", [0, 1, 3])
def test_all_that_is_left_plays_before_it_is_closed_and_as_when_nothing_had_died(
    app: Flask, clips: dict[str, Clip], seen: int
) -> None:
    """`seen`: so many of the files the dead recorder had taken in."""
    made = make_run(clips, SPEC)
    whole = _leave(app, made, len(made.files))
    whole.finish()
    run, source_id = whole.look(), _leave(app, made, seen).source_id
    with app.app_context():
        left = _published(app, source_id)
        db.session.remove()
    closed = max(seen - 1, 0)
    assert [row["state"] for row in _rows(app, source_id)] == [CLOSED] * closed + [OPEN] * (len(made.files) - closed)
    begin_us, end_us = run.begin_us, run.end_us - 1_000_000  # how long the very last frame lasts is only guessed
    opened = body(app, source_id, begin_us, end_us)[1]
    with app.app_context():
        for one in left:
            while one.close_next():
                pass
    assert body(app, source_id, begin_us, end_us)[1] == opened
    assert _rows(app, source_id) == _rows(app, whole.source_id)
