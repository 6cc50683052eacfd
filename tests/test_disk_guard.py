"""The guard of a disk, and what it and the recorder know of storages, on small disks of their own."""

import contextlib
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from app.archive import places
from app.archive.deletion import Act
from app.archive.evicting import evict
from app.archive.storages import check_room, open_one
from app.capture.ahead import RoomAhead
from app.capture.ballast import Ballast
from app.capture.disks import AWAY, FULL, OK, READ_ONLY, Disk, Disks
from app.capture.distrust import Distrust
from app.capture.guard import Guard
from app.capture.lane import Lane
from app.errors import StorageFull, StorageUnusable
from app.extensions import db, writing
from app.metricfiles import AllocatedDict
from app.models import Deletion, Notice, Pin, Segment, Storage
from app.models.types import now_us
from instance.config import StorageSettings, TestingConfig
from tests.archived import add_source, media, record
from tests.conftest import open_app
from tests.service import wait_for
from tests.small_disk import fill, free_bytes, small_disk

__all__ = ["media"]
MIB = 1 << 20


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Yield a disk of 16 MiB."""
    with small_disk(tmp_path / "disk", "16m") as disk:
        yield disk


@pytest.fixture
def database_config(database_config: TestingConfig, folder: Path) -> TestingConfig:
    """Let the storage lie on the small disk, with a reserve of 1 MiB."""
    return TestingConfig(
        INSTANCE=database_config.INSTANCE, DATABASE_URL=database_config.DATABASE_URL, STORAGE=str(folder),
        RESERVE_BYTES=MIB,
    )  # fmt: skip


@pytest.fixture
def guarded(database_app: Flask) -> Iterator[Disk]:
    """Yield the disk of the app's storage, with its guard at work."""
    config = database_app.config["PLAYBACK"]
    disk = next(iter(Disks(config)))
    guard = Guard(database_app, config, disk, lambda: True)
    guard.start()
    wait_for((config.storage_path / places.LIVE).is_dir, "the guard's first look")
    yield disk
    guard.end()
    guard.join(5.0)


def starts(app: Flask) -> list[int]:
    with app.app_context():
        return list(db.session.scalars(select(Segment.start_us).order_by(Segment.start_us)))


def storage_row(app: Flask) -> Storage:
    with app.app_context():
        return db.session.scalars(select(Storage)).one()


def test_the_oldest_goes_before_the_disk_is_full(
    database_app: Flask, guarded: Disk, folder: Path, media: Callable[..., Path]
) -> None:
    source_id = add_source(database_app)
    record(database_app, source_id, media("h264", width=640, height=480, bitrate_bps=4_000_000))
    before = starts(database_app)
    other = folder / "other"
    other.write_bytes(b"x" * (free_bytes(folder) - MIB * 9 // 8 + 50_000))
    assert free_bytes(folder) > MIB  # nothing was refused yet
    wait_for(lambda: len(starts(database_app)) < len(before), "the eviction")
    wait_for(lambda: free_bytes(folder) >= MIB * 9 // 8, "the reserve")
    left = starts(database_app)
    assert left
    assert left == before[-len(left) :]
    with database_app.app_context():
        acts = db.session.scalars(select(Deletion)).all()
        assert {(act.actor, act.rule) for act in acts} == {("recorder", "reserve")}
    assert guarded.state == OK


def test_the_ballast_of_an_earlier_recorder_is_given_up_on_a_disk_that_is_full_at_the_start(
    app: Flask, tmp_path: Path
) -> None:
    with small_disk(tmp_path / "full", "16m") as root:
        config = TestingConfig(INSTANCE=str(tmp_path), STORAGE=str(root), RESERVE_BYTES=MIB)
        disk = next(iter(Disks(config)))
        with app.app_context():
            open_one(disk.settings, 0)
            db.session.rollback()
        (root / places.BALLAST).write_bytes(b"x" * MIB)
        fill(root / "other")
        guard = Guard(app, config, disk, lambda: True)
        guard.start()
        wait_for(lambda: (root / places.BALLAST).stat().st_size < MIB, "the ballast")
        guard.end()
        guard.join(5.0)


def test_a_new_database_evicts_nothing_from_a_disk_of_footage_that_it_does_not_know(
    database_app: Flask, guarded: Disk, folder: Path, media: Callable[..., Path]
) -> None:
    source_id = add_source(database_app)
    record(database_app, source_id, media("h264"))
    for day in range(10, 20):
        (folder / places.CLOSED / "9" / f"202511{day}" / "08").mkdir(parents=True)
    before = starts(database_app)
    fill(folder / "other")
    wait_for(lambda: storage_row(database_app).state == FULL, "the state")
    assert starts(database_app) == before
    with database_app.app_context():
        assert db.session.scalars(select(Deletion)).all() == []
    assert guarded.is_exhausted


def test_what_is_pinned_stays_on_a_full_disk_and_the_operator_is_told(
    database_app: Flask, guarded: Disk, folder: Path, media: Callable[..., Path]
) -> None:
    source_id = add_source(database_app)
    record(database_app, source_id, media("h264"))
    with database_app.app_context(), writing() as session:
        session.add(Pin(source_id=source_id, begin_us=0, end_us=2**60, owner="me", reason="court"))
    before = starts(database_app)
    fill(folder / "other")
    wait_for(lambda: storage_row(database_app).state == FULL, "the state")
    assert starts(database_app) == before
    assert "release pins" in (storage_row(database_app).state_detail or "")
    with database_app.app_context(), pytest.raises(StorageFull):
        check_room(database_app.config["PLAYBACK"])
    (folder / "other").unlink()
    wait_for(lambda: storage_row(database_app).state == OK, "the state")
    row = storage_row(database_app)
    assert (row.total_bytes, row.state_detail) == (16 * MIB, None)
    assert row.write_us is not None
    with database_app.app_context():
        check_room(database_app.config["PLAYBACK"])
        assert [notice.is_bad for notice in db.session.scalars(select(Notice).order_by(Notice.id))] == [True, False]


def test_a_budget_is_kept(database_app: Flask, folder: Path, media: Callable[..., Path]) -> None:
    source_id = add_source(database_app)
    record(database_app, source_id, media("h264"))
    with database_app.app_context():
        sizes = list(db.session.scalars(select(Segment.size_bytes).order_by(Segment.start_us)))
    budget_bytes = sum(sizes) - sizes[0]  # one too many
    disk = Disk(StorageSettings(folder, budget_bytes, 0), 0)
    guard = Guard(database_app, database_app.config["PLAYBACK"], disk, lambda: True)
    guard.start()
    wait_for(lambda: len(starts(database_app)) == len(sizes) - 1, "the eviction")
    guard.end()
    guard.join(5.0)
    with database_app.app_context():
        assert [act.rule for act in db.session.scalars(select(Deletion))] == ["budget"]


def test_a_storage_that_loses_its_marker_is_away_and_nothing_is_written_there(
    database_app: Flask, guarded: Disk, folder: Path
) -> None:
    (folder / places.MARKER).rename(folder / "elsewhere")
    wait_for(lambda: storage_row(database_app).state == AWAY, "the state")
    names = sorted((folder / places.LIVE).iterdir())
    time.sleep(1.0)
    assert sorted((folder / places.LIVE).iterdir()) == names
    (folder / "elsewhere").rename(folder / places.MARKER)
    wait_for(lambda: storage_row(database_app).state == OK, "the state")


def test_the_ballast_is_given_up_in_halves_and_taken_again(folder: Path) -> None:
    ballast = Ballast(folder, 8 * MIB)
    ballast.build(100 * MIB, 1 * MIB)
    assert ballast.size_bytes == 0  # there was no room to spare
    ballast.build(100 * MIB, 10 * MIB)
    assert (folder / places.BALLAST).stat().st_blocks * 512 == ballast.size_bytes == 2 * MIB
    before = free_bytes(folder)
    assert [ballast.release() for _ in range(5)] == [MIB, MIB // 2, MIB // 4, MIB // 4, 0]
    assert free_bytes(folder) >= before + 2 * MIB
    ballast.build(100 * MIB, 10 * MIB)
    assert ballast.size_bytes == 2 * MIB


def test_room_ahead_is_there_when_others_fill_the_disk(folder: Path) -> None:
    path = folder / "open.mp4"
    ahead = RoomAhead()
    with path.open("wb", buffering=0) as file:
        for second in range(4):
            file.write(b"x" * 50_000)
            ahead.keep(path, path.stat().st_size, 16 * MIB, float(second))
        assert path.stat().st_size == 200_000
        fill(folder / "other")
        written = file.write(b"y" * 250_000)
        assert written == 250_000  # five seconds of it
        with pytest.raises(OSError, match="No space"):
            file.write(b"z" * 4 * MIB) and file.write(b"z")
    size_bytes = path.stat().st_size
    (folder / "other").unlink()
    ahead.keep(path, size_bytes, 16 * MIB, 10.0)
    assert path.stat().st_blocks * 512 > size_bytes + MIB // 4
    os.truncate(path, size_bytes)  # as closing does
    assert path.stat().st_blocks * 512 < size_bytes + 8192


def test_the_first_that_works_is_recorded_to_and_a_cold_one_last(tmp_path: Path) -> None:
    texts = f"{tmp_path}/cold?cold=7d, {tmp_path}/third"
    disks = Disks(TestingConfig(STORAGE=f"{tmp_path}/first", STORAGES=texts))
    first, cold, third = disks
    assert disks.choose() is None
    for disk in disks:
        disk.storage_id = disk.root.name
        disk.set_state(OK, "")
    assert disks.choose() is first
    first.set_state(READ_ONLY, "")
    assert disks.choose() is third
    third.looking_s = time.monotonic() - 60
    assert (third.is_stuck, third.seen_state) == (True, "slow")
    assert disks.better(third)
    assert disks.choose() is cold
    cold.set_state(FULL, "")
    third.looking_s = None
    third.set_state("slow", "")
    assert disks.choose() is third  # slow, but better than none
    assert not disks.better(third)


def well(disk: Disk, since_s: float) -> None:
    """Let a storage have been well for so long."""
    disk.storage_id, disk.is_tight = disk.root.name, False
    disk.set_state(OK, "")
    disk.recovered_s = time.monotonic() - since_s


@pytest.mark.parametrize(("used", "goes_back"), [("cold", True), ("second, nearly full", True), ("second", False)])
def test_recording_goes_back_before_footage_has_to_go(tmp_path: Path, used: str, goes_back: bool) -> None:
    texts = f"{tmp_path}/second, {tmp_path}/cold?cold=7d"
    disks = Disks(TestingConfig(STORAGE=f"{tmp_path}/first", STORAGES=texts))
    first, second, cold = disks
    for disk in disks:
        well(disk, 1000)
    first.set_state(READ_ONLY, "")
    disk = cold if used == "cold" else second
    second.is_tight = used != "second"
    assert not disks.better(disk)
    well(first, 1)
    assert not disks.better(disk)  # it may fail again at once
    well(first, 1000)
    assert disks.better(disk) is goes_back
    first.is_tight = True
    assert not disks.better(disk)


def test_a_storage_that_was_just_full_is_not_gone_back_to_at_once(tmp_path: Path) -> None:
    disks = Disks(TestingConfig(STORAGE=f"{tmp_path}/first", STORAGES=f"{tmp_path}/second"))
    first, second = disks
    for disk in disks:
        well(disk, 1000)
    first.set_state(FULL, "")
    assert disks.choose() is second
    first.set_state(OK, "")
    assert disks.choose() is second
    second.set_state(READ_ONLY, "")
    assert disks.choose() is first  # better than none


def test_what_was_just_recorded_stays_while_another_storage_has_room(
    app: Flask, tmp_path: Path, media: Callable[..., Path]
) -> None:
    source_id = add_source(app)
    record(app, source_id, media("h264"), begin_us=now_us() - 60_000_000)
    record(app, source_id, media("h264"), begin_us=now_us() - 3_600_000_000)
    with app.app_context():
        storage_id = db.session.scalars(select(Storage.id)).one()
        evict(storage_id, 2**40, Act("recorder", "reserve"), until_us=now_us() - 600_000_000)
        left = db.session.scalars(select(Segment.start_us)).all()
    assert len(left) == 4
    assert min(left) > now_us() - 600_000_000


def test_a_storage_that_failed_is_tried_again_when_it_is_well(tmp_path: Path) -> None:
    (disk,) = Disks(TestingConfig(STORAGE=str(tmp_path)))
    distrust = Distrust()
    distrust.add(disk)
    assert distrust.of([disk]) == {disk}
    disk.set_state(OK, "")
    assert distrust.of([disk]) == set()


def test_a_storage_takes_no_other_folder_for_its_own(database_app: Flask, tmp_path: Path) -> None:
    with database_app.app_context():
        one = open_one(StorageSettings(tmp_path / "one", None, 0), 0)
        two = open_one(StorageSettings(tmp_path / "two", 10, 5, 60), 1)
        rows = {row.id: row for row in db.session.scalars(select(Storage))}
        assert (rows[one].priority, rows[one].is_cold) == (0, False)
        assert (rows[two].priority, rows[two].is_cold, rows[two].budget_bytes) == (1, True, 10)


def copies(tmp_path: Path) -> list[Path]:
    """Return two folders with the same marker."""
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        folder.mkdir()
        (folder / places.MARKER).write_text("6b1d5b6e-0c41-4a8f-9a51-0e4b8a5f0001\n")
    return folders


@pytest.mark.parametrize("first", [0, 1])
def test_of_two_copies_of_a_storage_one_is_recorded_to(tmp_path: Path, migrated_sqlite: Path, first: int) -> None:
    one, two = copies(tmp_path)
    config = TestingConfig(INSTANCE=str(tmp_path / "instance"), STORAGE=str(one), STORAGES=str(two))
    config.instance_path.mkdir()
    shutil.copy(migrated_sqlite, config.instance_path / "app.db")
    for app in open_app(config):
        with app.app_context():
            for number in (first, 1 - first):
                wanted = (
                    contextlib.nullcontext() if number == 0 else pytest.raises(StorageUnusable, match="is a copy of")
                )
                with wanted:
                    open_one(config.storages[number], number)
            assert db.session.scalar(select(Storage.path)) == str(one)
            (one / places.MARKER).unlink()  # it was moved
            open_one(config.storages[1], 1)
            assert db.session.scalar(select(Storage.path)) == str(two)


def test_a_storage_that_cannot_be_opened_is_logged_and_told_once(
    database_app: Flask, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "file"
    path.write_text("no folder")
    disk = Disk(StorageSettings(path, None, 0), 1)
    guard = Guard(database_app, database_app.config["PLAYBACK"], disk, lambda: True)
    query = select(Notice.is_bad, Notice.text).where(Notice.kind == "storage")
    with database_app.app_context():
        for _ in range(3):
            guard._tend()
        ((is_bad, text),) = db.session.execute(query).all()
        assert is_bad
        assert "Not a directory" in text
        assert [record.getMessage() for record in caplog.records].count(text) == 1
        path.unlink()
        guard._tend()
        assert disk.is_good
        assert [row.is_bad for row in db.session.execute(query)] == [True, False]


def test_a_job_that_fails_on_and_on_is_logged_once(
    app: Flask, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.capture.lane.RETRY_S", 0.01)
    tries: list[int] = []

    def look() -> None:
        tries.append(1)
        if len(tries) < 4:
            os.stat(tmp_path / "away")  # noqa: PTH116  for its error

    lane = Lane(app, Disk(StorageSettings(tmp_path, None, 0), 0), lambda: None)
    lane.start()
    lane.do(look)
    wait_for(lambda: len(tries) == 4, "the job's end")
    lane.end()
    lane.join(5.0)
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == [
        f"the storage {tmp_path}: No such file or directory: what was left there waits; tried every 0 s"
    ]


def test_another_disk_in_place_of_a_storage_is_named(tmp_path: Path, database_app: Flask, guarded: Disk) -> None:
    (guarded.root / places.MARKER).write_text("6b1d5b6e-0c41-4a8f-9a51-0e4b8a5f0001\n")
    wait_for(lambda: storage_row(database_app).state == AWAY, "the state")
    assert "6b1d5b6e-0c41-4a8f-9a51-0e4b8a5f0001" in (storage_row(database_app).state_detail or "")


def test_metric_files_have_their_blocks_or_live_in_memory(folder: Path) -> None:
    kept = AllocatedDict(str(folder / "counter_1.db"))
    assert (folder / "counter_1.db").stat().st_blocks * 512 == MIB
    fill(folder / "other")
    in_memory = AllocatedDict(str(folder / "counter_2.db"))
    for figures in (kept, in_memory):
        for number in range(200):
            figures.write_value(f"key {number}", 1.0, 0.0)
        assert figures.read_value("key 199") == (1.0, 0.0)
        figures.close()
