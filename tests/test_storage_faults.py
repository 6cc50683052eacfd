"""A disk that fills up or turns read-only: recording goes on where it can, pinned footage stays, one clear line."""

import shutil
import sqlite3
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.archive_reading import assert_contiguous, query, recorded_runs, segment_files
from tests.media import make_video
from tests.rtsp_server import RtspServer
from tests.service import Service, wait_for
from tests.small_disk import fill, small_disk


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Yield a disk of 24 MB of its own, mounted below the test's folder."""
    with small_disk(tmp_path / "disk", "24m") as folder:
        yield folder


@pytest.fixture
def camera(tmp_path: Path) -> Iterator[RtspServer]:
    """Yield a camera of about 4 Mbit/s."""
    make_video(tmp_path / "cam.mp4", seconds=4, fps=FPS, gop=12, width=640, height=480, bitrate_bps=4_000_000)
    with RtspServer({"cam": tmp_path / "cam.mp4"}) as server:
        yield server


FPS = 12


def pin_for_ever(service: Service, source_id: int) -> None:
    """Protect all footage of a source."""
    values = (str(uuid.uuid4()), source_id, 0, 2**62, "tester", "test", 1)
    with closing(sqlite3.connect(service.instance / "app.db", timeout=30)) as connection, connection:
        names = "id, source_id, begin_us, end_us, owner, reason, created_us"
        connection.execute(f"INSERT INTO pin ({names}) VALUES (?, ?, ?, ?, ?, ?, ?)", values)


def reasons(service: Service, source_id: int) -> list[str]:
    """Return why the attempts ended."""
    text = "SELECT reason FROM attempt WHERE source_id = ? AND end_us > 0 ORDER BY id"
    return [row[0] for row in query(service, text, source_id)]


def test_a_disk_that_others_fill_costs_old_footage_and_nothing_new(
    tmp_path: Path, disk: Path, camera: RtspServer
) -> None:
    # The database lies on the same disk: deleting rows needs room too.
    settings = {"STORAGE": disk / "storage", "SEGMENT_S": 1, "RESERVE_BYTES": 400_000}
    with Service(disk / "service", **settings) as service:
        source_id = service.add_source(camera.url("cam"))
        service.add_group("all", [source_id])
        service.record("tag", "all")
        wait_for(lambda: len(segment_files(service, source_id)) >= 8, "eight closed segments", 40)
        before = segment_files(service, source_id)
        fill(disk / "other")
        wait_for(lambda: not before[0][3].exists(), "the end of the oldest footage", 20)
        newest = "SELECT max(start_us) FROM segment WHERE state = 1"
        wait_for(lambda: (query(service, newest)[0][0] or 0) > before[-1][1] + 3_000_000, "new footage", 20)
        assert service.is_ready()
        assert service.call("GET", "/api/v1/storage")[0]["state"] == "ok"
        service.record("more", "all")
        service.stop_recording("more")
        asked_s = time.time()
        service.stop_recording("tag")
        wait_for(lambda: not query(service, "SELECT 1 FROM segment WHERE state = 0"), "closed segments", 30)
        (run,) = recorded_runs(service, source_id)
        sent = camera.sessions("cam")[-1].sent("video")
        first = run.video[0].sha256  # the camera repeats itself: the last place from which all fits
        begin = max(number for number in range(len(sent) - len(run.video) + 1) if sent[number].sha256 == first)
        assert_contiguous(run.video, sent, asked_s, begin)
        assert abs((run.end_us - run.start_us) / 1e6 - len(run.video) / FPS) < 0.5  # nothing is missing in between
        rules = {row[0] for row in query(service, "SELECT rule FROM deletion")}
        assert rules == {"reserve"}


def test_pinned_footage_survives_a_full_disk(tmp_path: Path, disk: Path, camera: RtspServer) -> None:
    with Service(tmp_path / "service", STORAGE=disk, SEGMENT_S=2, RESERVE_BYTES=2_000_000) as service:
        source_id = service.add_source(camera.url("cam"))
        service.add_group("all", [source_id])
        service.record("tag", "all")
        wait_for(lambda: len(segment_files(service, source_id)) >= 2, "two closed segments", 30)
        pin_for_ever(service, source_id)
        before = {path: path.read_bytes() for *_, path in segment_files(service, source_id)}
        fill(disk / "other")
        wait_for(lambda: "disk_full" in reasons(service, source_id), "notice of the full disk", 40)
        told = "SELECT is_bad FROM notice WHERE kind = 'storage'"
        wait_for(lambda: query(service, told), "word of the full disk")  # an attempt may end before the guard looks
        wait_for(lambda: service.call("GET", "/api/v1/storage")[0]["state"] == "full", "a storage that is full")
        detail = query(service, "SELECT status_detail FROM source WHERE id = ?", source_id)[0][0]
        assert "full" in detail
        assert "free space" in detail
        answer = service.call("POST", "/api/v1/record", 507, model="Source", tag_name="more", group_name="all")
        assert answer["detail"][0]["type"] == "storage_full"
        assert not service.is_ready()
        assert {path: path.read_bytes() for path in before} == before
        (storage,) = service.call("GET", "/api/v1/storage")
        assert storage["state"] == "full"
        assert query(service, told) == [(1,)]
        count = query(service, "SELECT count(*) FROM run")[0][0]
        (disk / "other").unlink()
        wait_for(lambda: query(service, "SELECT count(*) FROM run")[0][0] > count, "recording after the room came", 15)
        service.stop_recording("tag")
        wait_for(lambda: not query(service, "SELECT 1 FROM segment WHERE state = 0"), "closed segments", 20)
        assert all(run.video for run in recorded_runs(service, source_id))


def test_an_empty_folder_in_place_of_the_storage_is_not_recorded_to(tmp_path: Path, camera: RtspServer) -> None:
    storage = tmp_path / "storage"
    with Service(tmp_path / "service", STORAGE=storage, SEGMENT_S=3) as service:
        source_id = service.add_source(camera.url("cam"))
        service.add_group("all", [source_id])
        storage.rename(tmp_path / "unmounted")
        storage.mkdir()
        answer = service.call("POST", "/api/v1/record", 503, model="Source", tag_name="tag", group_name="all")
        assert "mount the right disk" in answer["detail"][0]["msg"]
        assert not list(storage.rglob("*.mp4"))
        shutil.rmtree(storage)
        (tmp_path / "unmounted").rename(storage)
        service.record("tag", "all")
        wait_for(lambda: segment_files(service, source_id), "footage", 30)


def test_a_read_only_disk_is_told_and_recording_goes_on_when_it_can_be_written(
    tmp_path: Path, disk: Path, camera: RtspServer
) -> None:
    with Service(tmp_path / "service", STORAGE=disk, SEGMENT_S=3, RESERVE_BYTES=1_000_000) as service:
        source_id = service.add_source(camera.url("cam"))
        service.add_group("all", [source_id])
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        answer = service.call("POST", "/api/v1/record", 503, model="Source", tag_name="tag", group_name="all")
        assert answer["detail"][0]["type"] == "storage_unusable"
        assert "read-only" in answer["detail"][0]["msg"]
        assert service.session.get(f"{service.base}/readyz", timeout=5).status_code == 503
        subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
        service.record("tag", "all")
        wait_for(lambda: segment_files(service, source_id), "footage", 30)
        service.stop_recording("tag")
