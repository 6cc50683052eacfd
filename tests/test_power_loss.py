"""A reset of the machine at any moment: what may be on the disk then, and what the next start makes of it.

The recorder, its ffmpeg and SQLite are traced while they record a real camera; the trace is cut at many places, and for
each the disk is made anew as it may be (tests.afterreset). `PLAYBACK_ALL_CUTS=1` cuts at every call.
"""

import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select, text

from app import create_app
from app.archive import places
from app.archive.storages import open_storage
from app.capture.recovery import leftover_sources, open_sources, take_in
from app.capture.syncing import SYNC_S
from app.extensions import db
from app.formats.boxes import FormatError
from app.formats.fragments import read_init, scan
from app.models import Run, Segment
from app.models.segment import CLOSED, OPEN
from instance.config import DevelopmentConfig
from tests.afterreset import MODES, Disk
from tests.conftest import missing
from tests.media import make_video, packets
from tests.rtsp_player import Sent
from tests.rtsp_server import RtspServer
from tests.service import ROOT, Service, wait_for
from tests.syscalls import Call, read_calls, traced, why_no_strace

RECORDED_S = 11.0
GOP_S = 1.0
HELD_S = 0.5  # two frames that ffmpeg holds, and what a busy machine adds
CUTS = int(os.environ.get("PLAYBACK_CUTS", "16"))
SEED = int(os.environ.get("PLAYBACK_SEED") or random.SystemRandom().randrange(1_000_000))


@dataclass
class Traced:
    """What was done to an instance's folder, and what the camera sent meanwhile."""

    disk: Disk
    calls: list[Call]
    sent: list[Sent]
    app: Flask
    losses_s: dict[str, list[float]] = field(default_factory=dict)


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Traced]:
    """Yield the trace of a recorder that was started, recorded a camera and took in some files."""
    if reason := why_no_strace():
        missing(reason)
    folder = tmp_path_factory.mktemp("power")
    footage = make_video(folder / "cam.mp4", seconds=RECORDED_S + 12, fps=10, gop=10, width=192, height=128)
    with RtspServer({"cam": footage}) as camera:
        service = Service(folder / "service", "web", SEGMENT_S=3, ABANDON_S=20)
        service.start()
        service.wait_ready = None  # type: ignore[assignment]  # there is no recorder yet
        wait_for(lambda: service.answers("/healthz"), "the web server", 30)
        source_id = service.add_source(camera.url("cam"))
        service.add_group("power", [source_id])
        service.record("power", "power")
        service.stop()
        disk = Disk(service.instance)
        _trace_recorder(service, folder / "trace", camera)
        sent = camera.sessions("cam")[-1].sent("video")
    calls = read_calls(folder / "trace")
    disk.play(calls)
    app = create_app(DevelopmentConfig(INSTANCE=str(service.instance), RESERVE_BYTES=1_000_000), with_views=False)
    yield Traced(disk, calls, sent, app)
    with app.app_context():
        db.engine.dispose()


def _trace_recorder(service: Service, log: Path, camera: RtspServer) -> None:
    """Record for a while, then end everything at once, as a reset does."""
    command = traced(log, sys.executable, "run.py", "recorder")
    with service.log.open("ab") as output:
        tracer = subprocess.Popen(command, cwd=ROOT, env=service.environment, stdout=output, stderr=output)
    try:
        wait_for(lambda: camera.sessions("cam") and camera.sessions("cam")[-1].sent("video"), "the connection", 40)
        time.sleep(RECORDED_S)
    finally:
        service.end_leftovers()
        tracer.send_signal(signal.SIGTERM)
        tracer.wait(20)


def cuts(recording: Traced) -> list[tuple[int, str]]:
    """Return where to cut, and what is left there: each kind of boundary, and some at random."""
    first = next(call.end for call in recording.calls if ".mp4" in str(call.texts[:1]) or ".mp4" in _paths(call))
    calls = [call for call in recording.calls if call.end >= first]
    if os.environ.get("PLAYBACK_ALL_CUTS"):
        return [(call.end, mode) for call in calls for mode in MODES]
    chance = random.Random(SEED)
    turns = [call.end for call in calls if call.name in ("fsync", "fdatasync", "rename", "ftruncate", "mkdir")]
    places_ = [*chance.sample(turns, min(CUTS // 2, len(turns))), *chance.sample([c.end for c in calls], CUTS // 2)]
    modes = [*MODES] * (len(places_) // len(MODES) + 1)
    chance.shuffle(modes)
    return [(calls[-1].end, mode) for mode in MODES] + list(zip(sorted(places_), modes, strict=False))


def _paths(call: Call) -> str:
    return call.handle_path() if "<" in call.args and call.name in ("write", "fdatasync") else ""


def test_a_reset_at_any_moment_loses_five_seconds_and_a_fragment_at_most(recording: Traced) -> None:
    tried = 0
    for cut, mode in cuts(recording):
        note = f"seed {SEED}, cut {cut}, {mode}"
        durable = recording.disk.build(cut, mode, SEED)
        kept = {sha for name, data in durable.items() if name.endswith(".mp4") for sha in fragments_of(data)}
        with recording.app.app_context():
            recover(recording.app)
            judge(recording, cut, mode, kept, note)
            before = everything(recording)
            recover(recording.app)
            assert everything(recording) == before, f"a second start changes something: {note}"
            db.session.remove()
            db.engine.dispose()
        tried += 1
    print(f"\n{tried} resets, seed {SEED}")
    for mode, losses in recording.losses_s.items():
        print(f"  {mode:12} of what no sync covers is left: {min(losses):.2f} to {max(losses):.2f} s lost")
    worst_s = max(max(losses) for losses in recording.losses_s.values())
    assert worst_s <= 5 + GOP_S + HELD_S, f"{worst_s:.2f} s were lost, seed {SEED}"


def test_everything_is_synced_within_seconds_of_being_written(recording: Traced) -> None:
    worst_s = 0.0
    for node in _nodes(recording.disk):
        at_s = {call.end: call.at_s for call in recording.calls}
        synced = [(begin, at_s[end]) for begin, end in node.syncs]
        for change in node.changes:
            covering = min((at for begin, at in synced if begin > change.end), default=recording.calls[-1].at_s)
            worst_s = max(worst_s, covering - change.at_s)
    print(f"\nthe longest time from a write to the end of the sync that covers it: {worst_s:.2f} s")
    assert 0 < worst_s <= SYNC_S + 1


def _nodes(disk: Disk):
    """Yield the media files of the trace."""
    for step in disk.names:
        for _, name, node in step.come:
            if name.endswith(".mp4") and not step.gone:
                yield node


def recover(app: Flask) -> None:
    """Do what a recorder does at its start with what an earlier one left."""
    storage = open_storage(app.config["PLAYBACK"])
    root = Path(storage.path)
    db.session.rollback()
    for source_id in leftover_sources(root) | open_sources(storage.id):
        take_in(root, storage.id, source_id, set())


def judge(recording: Traced, cut: int, mode: str, kept: set[str], note: str) -> None:
    """Judge rows and files after a recovery."""
    assert db.session.scalar(text("PRAGMA integrity_check")) == "ok", note
    assert db.session.execute(text("PRAGMA foreign_key_check")).all() == [], note
    rows = list(db.session.scalars(select(Segment).order_by(Segment.start_us)))
    assert not [row for row in rows if row.state == OPEN], note
    assert not [run for run in db.session.scalars(select(Run)) if run.end_us is None], note
    root = recording.app.config["PLAYBACK"].storage_path
    closed = [row for row in rows if row.state == CLOSED]
    paths = [places.closed_path(root, row.source_id, row.start_us, row.id) for row in closed]
    assert all(row.end_us <= following.start_us for row, following in pairwise(closed)), note
    for row, path in zip(closed, paths, strict=True):
        status = path.stat()
        assert status.st_size == row.size_bytes, note
        assert row.mtime_ns is not None
        assert abs(status.st_mtime_ns - row.mtime_ns) < 1e9, note  # the trace tells when a write ended, not its mtime
    assert sorted(paths) == sorted((root / places.CLOSED).rglob("*.mp4")), f"a file without a row: {note}"
    assert not list((root / places.LIVE).rglob("*.mp4")), note
    found = {sha for path in paths for sha in fragments_of(path.read_bytes())}
    assert kept <= found, f"{len(kept - found)} fragments were synced and are lost: {note}"
    played = [sha for path in paths for sha in packets_of(path.read_bytes())]
    sent = [line.sha256 for line in recording.sent]
    order = [sent.index(sha) for sha in played]
    assert order == sorted(set(order)), f"packets twice, or out of order: {note}"
    cut_s = next(call.at_s for call in reversed(recording.calls) if call.end <= cut)
    lost = [line.sent_s for line in recording.sent if line.sha256 not in set(played) and line.sent_s < cut_s]
    recording.losses_s.setdefault(mode, []).append(cut_s - lost[0] if lost else 0.0)


def everything(recording: Traced) -> tuple[object, ...]:
    """Return all rows and files of the archive."""
    root = recording.app.config["PLAYBACK"].storage_path
    rows = [db.session.execute(table.select()).all() for table in db.metadata.sorted_tables]
    files = {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in root.rglob("*") if path.is_file()}
    db.session.rollback()
    return [sorted(map(repr, row)) for row in rows], files


def fragments_of(data: bytes) -> frozenset[str]:
    """Return hashes of the samples of every whole fragment."""
    return _fragments_of(hashlib.sha256(data).digest(), data)


@lru_cache(4096)
def _fragments_of(_key: bytes, data: bytes) -> frozenset[str]:
    handle = os.memfd_create("fragments")
    try:
        os.write(handle, data)
        init = read_init(handle)
        found, _ = scan(handle, init.size_bytes, init)
    except FormatError:
        return frozenset()
    finally:
        os.close(handle)
    return frozenset(hashlib.sha256(data[item.moof_offset : item.end_bytes]).hexdigest() for item in found)


@lru_cache(4096)
def packets_of(data: bytes) -> tuple[str, ...]:
    """Return hashes of the pictures of a closed file."""
    handle = os.memfd_create("packets")
    try:
        os.write(handle, data)
        return tuple(packet.sha256 for packet in packets(Path(f"/proc/self/fd/{handle}"))["video"])
    finally:
        os.close(handle)
