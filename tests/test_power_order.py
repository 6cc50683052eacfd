"""The order of every step that makes or removes what lasts: cut anywhere by a reset, rows and files agree again.

A process makes a storage, takes in a run, writes the list of a record, deletes its footage and unlinks the files, and
is traced as the recorder is in tests.test_power_loss.
"""

import random
import subprocess
import sys
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select, text

from app.archive import places
from app.archive.storages import open_storage, read_marker
from app.archive.unlinking import unlink_doomed
from app.capture.recovery import leftover_sources, open_sources, take_in
from app.extensions import db
from app.models import Deletion, Doomed, Record, Segment, Storage
from app.models.segment import CLOSED
from tests.afterreset import MODES, Disk
from tests.archived import T0_US, add_source
from tests.conftest import missing
from tests.media import make_video
from tests.recording import segment
from tests.service import ROOT
from tests.syscalls import Call, read_calls, traced, why_no_strace
from tests.test_playback_requestdata import add_record
from tests.test_power_loss import SEED

CUTS = 30
RUN_ID = "0a0b0c0d-0000-4000-8000-000000000001"
STEPS = """
import sys
from pathlib import Path
from app import create_app
from app.archive import places
from app.archive.deletion import Act, delete_record
from app.archive.ingest import Place, RunWriter
from app.archive.recordlist import Lister
from app.archive.storages import open_storage
from app.archive.unlinking import unlink_doomed
from app.extensions import writing
from instance.config import TestingConfig

instance, cut, record_id, run_id, begin_us = sys.argv[1:]
app = create_app(TestingConfig(INSTANCE=instance), with_views=False)
with app.app_context():
    storage = open_storage(app.config["PLAYBACK"])
    place = Place(Path(storage.path), storage.id, 1, run_id)
    folder = places.live_folder(place.root, 1)
    folder.mkdir(parents=True)
    for number, file in enumerate(sorted(Path(cut).iterdir())):
        places.live_path(place.root, 1, run_id, number).write_bytes(file.read_bytes())
    assert RunWriter(place, zero_us=int(begin_us)).finish()
    assert Lister(app.config["PLAYBACK"]).run()
    with writing() as session:
        delete_record(session, record_id, places.record_location(record_id), Act("somebody"), loc=("body",))
    assert unlink_doomed(100) == 3
    assert Lister(app.config["PLAYBACK"]).run()
"""


@pytest.fixture
def traced_disks(app: Flask, tmp_path: Path) -> tuple[Disk, Disk, list[Call]]:
    """Return the disk on which all that was done, one whose database was never synced, and the calls."""
    if reason := why_no_strace():
        missing(reason)
    clip = make_video(tmp_path / "clip.mp4", seconds=6, fps=10, gop=10, width=96, height=64)
    assert len(segment(clip, tmp_path / "cut", segment_s=2)) == 3
    source_id = add_source(app)
    assert source_id == 1
    record_id = add_record(app, source_id, "tag", T0_US, T0_US + 6_000_000)
    with app.app_context():
        db.session.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
        db.session.remove()
        db.engine.dispose()
    instance = app.config["PLAYBACK"].instance_path
    disk, careless = Disk(instance), Disk(instance)
    arguments = [str(instance), str(tmp_path / "cut"), record_id, RUN_ID, str(T0_US)]
    command = traced(tmp_path / "trace", sys.executable, "-c", STEPS, *arguments)
    done = subprocess.run(command, cwd=ROOT, env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)}, check=False)
    assert done.returncode == 0
    calls = read_calls(tmp_path / "trace")
    disk.play(calls)
    careless.play(_without_last_sync(calls))
    return disk, careless, calls


def _without_last_sync(calls: list[Call]) -> list[Call]:
    """Return the calls as if the commit of the deletion had not been synced before the first file was removed."""
    before = calls.index(_first_removal(calls))
    last = max(number for number, call in enumerate(calls[:before]) if _is_commit(call))
    return calls[:last] + [call for call in calls[last:] if not _is_commit(call)]


def _first_removal(calls: list[Call]) -> Call:
    return next(call for call in calls if "unlink" in call.name and call.texts[0].endswith(b".mp4"))


def _is_commit(call: Call) -> bool:
    return call.name in ("fsync", "fdatasync") and "app.db" in call.handle_path()


def test_rows_and_files_agree_after_a_reset_at_any_step(
    app: Flask, traced_disks: tuple[Disk, Disk, list[Call]]
) -> None:
    disk, careless, calls = traced_disks
    turns = [call.end for call in calls if call.name in ("fsync", "fdatasync", "rename", "unlink", "mkdir", "link")]
    chance = random.Random(SEED)
    seen = set()
    for cut in chance.sample(turns, min(CUTS, len(turns))):
        mode = chance.choice(list(MODES))
        durable = disk.build(cut, mode, SEED)
        with app.app_context():
            seen.add(judge(app, durable, f"seed {SEED}, cut {cut}, {mode}"))
            db.session.remove()
            db.engine.dispose()
    print(f"\n{CUTS} resets, seed {SEED}: {sorted(seen)}")
    assert len(seen) > 1  # before and after
    with app.app_context(), pytest.raises((AssertionError, FileNotFoundError)):  # this test notices a missing sync
        judge(app, careless.build(_first_removal(calls).end, "names alone"), "control")


def judge(app: Flask, durable: dict[str, bytes], note: str) -> str:
    """Judge what is left and what a start makes of it; return how far all had come."""
    root = app.config["PLAYBACK"].storage_path
    assert db.session.scalar(text("PRAGMA integrity_check")) == "ok", note
    row = db.session.scalar(select(Storage))
    assert row is None or read_marker(root) == row.id, f"a storage that is not known again: {note}"
    assert (root / places.MARKER).exists() <= (read_marker(root) is not None), f"half a marker: {note}"
    for segment_row in db.session.scalars(select(Segment).where(Segment.state == CLOSED)):
        path = places.closed_path(root, 1, segment_row.start_us, segment_row.id)
        assert path.stat().st_size == segment_row.size_bytes, f"a row without its file: {note}"
    record = db.session.scalar(select(Record))
    assert record is not None
    if record.is_listed and record.deleted_us is None:
        assert (root / places.record_location(record.id)).read_text().endswith("#EXT-X-ENDLIST\n"), note
    is_deleted = db.session.scalar(select(Deletion)) is not None
    assert is_deleted == (record.deleted_us is not None), f"deleted, and nobody knows by whom: {note}"
    db.session.rollback()
    storage_id = open_storage(app.config["PLAYBACK"]).id
    for source_id in leftover_sources(root) | open_sources(storage_id):
        take_in(root, storage_id, source_id, set())
    unlink_doomed(100)
    closed = db.session.scalars(select(Segment).where(Segment.state == CLOSED))
    known = {places.closed_path(root, 1, item.start_us, item.id) for item in closed}
    assert set((root / places.CLOSED).rglob("*.mp4")) == known, f"files without rows, or rows without files: {note}"
    assert db.session.scalar(select(Doomed)) is None, note
    db.session.rollback()
    return "deleted" if is_deleted else f"{len(known)} files"
