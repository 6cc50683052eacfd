"""Footage that moves to a cold storage while it is played: nothing is lost at any step, no answer breaks off."""

import os
import pickle
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select, update

from app.archive import choosing, places, scrubbing
from app.archive.catalogue import catalogue
from app.archive.choosing import Mover
from app.archive.deletion import Act, delete_segments
from app.archive.holding import PIECES, Piece, lock_source
from app.archive.moving import Broken, Move, move, steps
from app.archive.recordlist import Lister
from app.archive.storages import open_storages
from app.archive.unlinking import mounted_roots, unlink_doomed
from app.archive.verifying import Wanted, verify
from app.extensions import db, writing
from app.models import Doomed, Record, Segment, Storage
from app.playback.plans import forget_plans
from app.tasks.tending import Tending
from tests.archived import T0_US, Recorded, add_source, address, record
from tests.archived import media as media
from tests.archived import no_plans as no_plans
from tests.archived import source_id as source_id
from tests.service import wait_for

ROOT = Path(__file__).resolve().parent.parent
S = 1_000_000
Media = Callable[..., Path]


def nothing(_: int) -> None:
    """Do not wait."""


@pytest.fixture
def cold(app: Flask, tmp_path: Path) -> Path:
    """Give the app a cold storage that takes footage of any age; return its root."""
    root = tmp_path / "cold"
    app.config["PLAYBACK"] = replace(app.config["PLAYBACK"], STORAGES=f"{root}?cold=1s&reserve=1K", MOVE_BYTES_S=0)
    with app.app_context():
        assert len(open_storages(app.config["PLAYBACK"])) == 2
    return root


@pytest.fixture
def run(app: Flask, cold: Path, source_id: int, media: Media, monkeypatch: pytest.MonkeyPatch) -> Recorded:
    """Return a run of four files in the hot storage, old enough to move."""
    monkeypatch.setattr(choosing, "now_us", lambda: T0_US + 10**12)
    return record(app, source_id, media("b-frames-audio"))


def rows(app: Flask) -> list[Segment]:
    with app.app_context():
        found = list(db.session.scalars(select(Segment).order_by(Segment.start_us)))
        db.session.expunge_all()
    return found


def hot_root(app: Flask) -> Path:
    return app.config["PLAYBACK"].storage_path


def storage_id(root: Path) -> str:
    return (root / places.MARKER).read_text("ascii").strip()


def files(root: Path) -> set[str]:
    return {path.name for path in (root / places.CLOSED).rglob("*") if path.is_file()}


def planned(app: Flask, row: Segment, cold: Path) -> Move:
    return Move(row, hot_root(app), storage_id(cold), cold)


def move_all(app: Flask) -> int:
    """Move all that is due; return how many segments that were."""
    mover, count = Mover(app.config["PLAYBACK"]), 0
    with app.app_context():
        while mover.step():
            count += 1
    return count


def remove_old(app: Flask) -> None:
    """Remove the old files as the worker does once their time has come."""
    with app.app_context():
        with writing() as session:
            session.execute(update(Doomed).values(due_us=0))
        unlink_doomed(1000)


# --- moving, while it is played ----------------------------------------------------------------------------


def test_all_that_is_old_enough_moves_with_its_index_and_the_old_files_go_later(
    app: Flask, run: Recorded, cold: Path
) -> None:
    before = rows(app)
    whole = {row.id: places.closed_path(hot_root(app), 1, row.start_us, row.id).read_bytes() for row in before}
    assert move_all(app) == 4
    assert files(hot_root(app)) == files(cold) == {f"{row.id}.mp4" for row in before}
    with app.app_context():
        assert unlink_doomed(1000) == 0, "answers that are being sent have their time"
    remove_old(app)
    assert files(hot_root(app)) == set()
    assert not list((hot_root(app) / places.INDEX).rglob("*.sidx"))
    for row in rows(app):
        assert row.storage_id == storage_id(cold)
        path = places.closed_path(cold, 1, row.start_us, row.id)
        assert path.read_bytes() == whole[row.id]
        assert path.stat().st_mtime_ns == row.mtime_ns
    with app.app_context():
        assert db.session.scalars(select(Doomed)).all() == []
        assert [judged.fault for judged in verify(Wanted())] == [None] * 4
        (found, *_) = catalogue().read(1, T0_US, T0_US + 8 * S)
        assert len(found.ids) == 4


def test_a_download_that_runs_gets_the_same_bytes_while_its_files_move(
    app: Flask, run: Recorded, source_id: int, cold: Path
) -> None:
    client = app.test_client()
    path = address(source_id, run.begin_us, run.end_us)
    expected = client.get(path)
    forget_plans()
    running = client.get(path, buffered=False)
    blocks = iter(running.response)
    got = [next(blocks)]
    assert move_all(app) == 4
    got.append(next(blocks))
    remove_old(app)
    assert files(hot_root(app)) == set()
    assert b"".join((*got, *blocks)) == expected.data
    forget_plans()
    again = client.get(path)
    assert (again.data, again.headers["ETag"]) == (expected.data, expected.headers["ETag"])


def test_a_plan_that_is_kept_is_served_after_its_files_have_moved(
    app: Flask, run: Recorded, source_id: int, cold: Path
) -> None:
    client = app.test_client()
    path = address(source_id, run.begin_us + S, run.end_us - S)
    expected = client.get(path)
    move_all(app)
    remove_old(app)
    again = client.get(path)  # planned within the last 5 s: not even the indexes are where they were
    assert (again.status_code, again.data, again.headers["ETag"]) == (200, expected.data, expected.headers["ETag"])


def test_an_hls_session_goes_on_with_the_same_bytes_and_etags(
    app: Flask, run: Recorded, source_id: int, cold: Path
) -> None:
    client = app.test_client()
    playlist = client.get(address(source_id, run.begin_us, run.end_us, name="index.m3u8")).text
    addresses = [line for line in playlist.splitlines() if line and not line.startswith("#")]
    before = [client.get(line) for line in addresses]
    expected = [(answer.status_code, answer.data, answer.headers["ETag"]) for answer in before]
    mover = Mover(app.config["PLAYBACK"])
    for number, line in enumerate(addresses):
        with app.app_context():
            mover.step()
        if number == len(addresses) // 2:
            remove_old(app)
        answer = client.get(line)
        assert (answer.status_code, answer.data, answer.headers["ETag"]) == expected[number]
    assert client.get(address(source_id, run.begin_us, run.end_us, name="index.m3u8")).text == playlist


def test_pictures_come_from_moved_files(app: Flask, run: Recorded, source_id: int, cold: Path) -> None:
    client = app.test_client()
    path = f"/playbackapi/source/{source_id}/picture.jpg?at={(run.begin_us + 3 * S) / 1e6:.6f}"
    expected = client.get(path)
    move_all(app)
    remove_old(app)
    answer = client.get(path)
    assert (answer.status_code, answer.data) == (200, expected.data)


def test_the_playlist_of_a_record_names_moved_files_where_they_are(
    app: Flask, run: Recorded, source_id: int, cold: Path
) -> None:
    from tests.test_playback_requestdata import add_record

    record_id = add_record(app, source_id, "tag", run.begin_us, run.end_us)
    lister, path = Lister(app.config["PLAYBACK"]), hot_root(app) / places.record_location(record_id)
    with app.app_context():
        lister.run()
    move_all(app)
    with app.app_context():
        assert not db.session.get(Record, record_id).is_listed
        lister.run()
    remove_old(app)
    names = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
    assert len(names) == 4
    for name in names:
        assert (path.parent / name).resolve().is_relative_to(cold)
        assert (path.parent / name).is_file()


def test_the_worker_moves_and_verifies_by_itself_and_ends_when_told(
    app: Flask, run: Recorded, cold: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scrubbing, "REST_US", -(10**15))
    app.config["PLAYBACK"] = replace(app.config["PLAYBACK"], SCRUB_BYTES_S=10**9)
    tending = Tending(app)
    tending.begin()
    try:
        wait_for(lambda: {row.storage_id for row in rows(app)} == {storage_id(cold)}, "all moves", 20)
        wait_for(lambda: all(row.verified_us for row in rows(app)), "all verified", 20)
    finally:
        tending.end()
    wait_for(lambda: not {"scrub", "move"} & {thread.name for thread in threading.enumerate()}, "the end", 20)


# --- crashes, and who comes between ------------------------------------------------------------------------

STEPS = ("intended", "copied", "renamed", "indexed", "moved")
DYING = """
import os, pickle, signal, sys
from app import create_app
from app.archive.moving import steps
config, asked, last = pickle.load(sys.stdin.buffer)
with create_app(config, with_views=False).app_context():
    for step in steps(asked, lambda _: None):
        if step == last:
            os.kill(os.getpid(), signal.SIGKILL)
"""


def die_after(app: Flask, asked: Move, step: str) -> None:
    """Move in a process of its own that is killed right after a step; not in a fork of this one, which has threads."""
    given = pickle.dumps((app.config["PLAYBACK"], asked, step))
    ended = subprocess.run([sys.executable, "-c", DYING], input=given, cwd=ROOT, capture_output=True, check=False)
    assert ended.returncode == -signal.SIGKILL, f"the step {step} never came: {ended.stderr.decode()}"


@pytest.mark.parametrize("step", STEPS)
def test_a_kill_after_any_step_loses_nothing_and_leaves_no_file_unnoticed(
    app: Flask, run: Recorded, source_id: int, cold: Path, step: str
) -> None:
    row = rows(app)[1]
    path = address(source_id, run.begin_us, run.end_us)
    expected = app.test_client().get(path).data
    die_after(app, planned(app, row, cold), step)
    forget_plans()
    assert app.test_client().get(path).data == expected
    remove_old(app)  # an hour later
    forget_plans()
    assert app.test_client().get(path).data == expected
    names = {f"{row.id}.mp4" for row in rows(app)}
    assert files(hot_root(app)) | files(cold) == names
    assert files(hot_root(app)) & files(cold) == set()
    assert (f"{row.id}.mp4" in files(cold)) == (step == "moved")
    assert move_all(app) == (3 if step == "moved" else 4)
    remove_old(app)
    assert files(cold) == names
    with app.app_context():
        assert [judged.fault for judged in verify(Wanted())] == [None] * 4


@pytest.mark.parametrize("step", STEPS)
def test_a_segment_that_is_deleted_while_it_moves_is_gone_in_both_storages(
    app: Flask, run: Recorded, cold: Path, step: str
) -> None:
    row = rows(app)[1]
    with app.app_context():
        for name in steps(planned(app, row, cold), nothing):
            if name == step:
                with writing() as session:
                    lock_source(session, row.source_id)
                    pieces = [Piece(*found) for found in session.execute(PIECES.where(Segment.id == row.id))]
                    delete_segments(session, 1, pieces, Act("test"), (row.start_us, row.end_us))
    remove_old(app)
    assert f"{row.id}.mp4" not in files(hot_root(app)) | files(cold)
    assert all(not name.startswith(".") for name in files(cold))
    with app.app_context():
        assert db.session.scalars(select(Doomed)).all() == []


def test_a_file_that_its_row_points_to_is_never_removed(app: Flask, run: Recorded, cold: Path) -> None:
    row = rows(app)[0]
    with app.app_context():
        with writing() as session:
            known = {"source_id": 1, "start_us": row.start_us, "segment_id": row.id}
            session.add(Doomed(storage_id=row.storage_id, **known))
        assert unlink_doomed(10) == 0
    assert f"{row.id}.mp4" in files(hot_root(app))


def test_a_move_that_comes_too_late_gives_up(app: Flask, run: Recorded, cold: Path) -> None:
    row = rows(app)[1]
    with app.app_context():
        for name in steps(planned(app, row, cold), nothing):
            if name == "indexed":
                with writing() as session:
                    session.execute(update(Doomed).values(due_us=1))
        assert name == "gone"
        unlink_doomed(10)
    assert rows(app)[1].storage_id == row.storage_id
    assert files(cold) == set()


# --- what does not move ------------------------------------------------------------------------------------


def test_a_file_that_is_not_what_was_recorded_stays_and_is_named(app: Flask, run: Recorded, cold: Path) -> None:
    row = rows(app)[0]
    path = places.closed_path(hot_root(app), 1, row.start_us, row.id)
    data = bytearray(path.read_bytes())
    data[500] ^= 1
    path.write_bytes(data)
    with app.app_context(), pytest.raises(Broken):
        move(planned(app, row, cold), nothing)
    assert rows(app)[0].fault == "wrong_hash"
    assert move_all(app) == 3
    remove_old(app)
    assert files(hot_root(app)) == {f"{row.id}.mp4"}
    assert len(files(cold)) == 3


def test_an_open_segment_and_young_footage_stay(
    app: Flask, cold: Path, source_id: int, media: Media, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choosing, "now_us", lambda: T0_US + 5_500_000)  # footage older than 1 s moves
    record(app, source_id, media("h264"), leave_open=True)
    assert move_all(app) == 2
    assert [row.storage_id == storage_id(cold) for row in rows(app)] == [True, True, False, False]


@pytest.mark.parametrize("state", ["full", "read_only", "away", "slow", "failing"])
def test_nothing_moves_while_the_target_is_not_well(app: Flask, run: Recorded, cold: Path, state: str) -> None:
    with app.app_context(), writing() as session:
        session.get(Storage, storage_id(cold)).state = state
    assert move_all(app) == 0


def test_nothing_moves_to_a_disk_that_is_not_mounted(app: Flask, run: Recorded, cold: Path) -> None:
    (cold / places.MARKER).rename(cold / "away")
    assert move_all(app) == 0
    assert files(cold) == set()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Yield a full disk of its own."""
    import subprocess

    folder = tmp_path / "small"
    folder.mkdir()
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    line = ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(folder)]
    done = subprocess.run(line, capture_output=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"a small disk cannot be mounted here: {done.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_target_that_fills_up_keeps_no_half_file_and_nothing_is_lost(
    app: Flask, source_id: int, media: Media, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choosing, "now_us", lambda: T0_US + 10**12)
    app.config["PLAYBACK"] = replace(app.config["PLAYBACK"], STORAGES=f"{small_disk}?cold=1s&reserve=1K")
    run = record(app, source_id, media("b-frames-audio", width=640, height=480))
    with app.app_context():
        open_storages(app.config["PLAYBACK"])
    path = address(source_id, run.begin_us, run.end_us)
    expected = app.test_client().get(path).data
    big = rows(app)[0]
    (small_disk / "others").write_bytes(bytes(150 * 1024))
    with app.app_context(), pytest.raises(OSError, match="No space"):
        move(planned(app, big, small_disk), nothing)
    with app.app_context():
        unlink_doomed(100)
    assert files(small_disk) == set()
    forget_plans()
    assert app.test_client().get(path).data == expected
    assert move_all(app) == 0, "it is looked at before whether there is room"


def test_a_hot_storage_near_its_budget_moves_its_oldest_whatever_their_age(
    app: Flask, cold: Path, source_id: int, media: Media
) -> None:
    record(app, source_id, media("h264"))
    before = rows(app)
    config = replace(
        app.config["PLAYBACK"],
        BUDGET_BYTES=sum(row.size_bytes for row in before[1:]),
        STORAGES=f"{cold}?cold=9999d&reserve=1K",
    )
    app.config["PLAYBACK"] = config
    with app.app_context():
        open_storages(config)
    moved = move_all(app)
    assert 1 <= moved < 4
    assert [row.storage_id == storage_id(cold) for row in rows(app)] == [True] * moved + [False] * (4 - moved)


def test_the_budget_of_the_cold_storage_is_kept(app: Flask, run: Recorded, cold: Path) -> None:
    sizes = [row.size_bytes for row in rows(app)]
    with app.app_context(), writing() as session:
        session.get(Storage, storage_id(cold)).budget_bytes = sizes[0] + sizes[1] + 10
    assert move_all(app) == 2


def test_footage_on_both_databases_moves(database_app: Flask, media: Media, tmp_path: Path) -> None:
    root = tmp_path / "cold"
    settings = {"STORAGES": f"{root}?cold=1s&reserve=1K", "MOVE_BYTES_S": 0}
    database_app.config["PLAYBACK"] = replace(database_app.config["PLAYBACK"], **settings)
    source_id = add_source(database_app)
    run = record(database_app, source_id, media("h264"))
    path = address(source_id, run.begin_us, run.end_us)
    expected = database_app.test_client().get(path).data
    with database_app.app_context():
        open_storages(database_app.config["PLAYBACK"])
        for row in rows(database_app):
            assert move(planned(database_app, row, root), nothing)
    remove_old(database_app)
    forget_plans()
    assert database_app.test_client().get(path).data == expected
    assert files(hot_root(database_app)) == set()
    with database_app.app_context():
        assert set(mounted_roots()) == {storage_id(hot_root(database_app)), storage_id(root)}


def test_links_on_the_way_are_not_followed(app: Flask, run: Recorded, cold: Path, tmp_path: Path) -> None:
    row = rows(app)[0]
    path = places.closed_path(hot_root(app), 1, row.start_us, row.id)
    shutil.move(path, tmp_path / "elsewhere.mp4")
    path.symlink_to(tmp_path / "elsewhere.mp4")
    with app.app_context(), pytest.raises(OSError):
        move(planned(app, row, cold), nothing)
    assert (tmp_path / "elsewhere.mp4").exists()
