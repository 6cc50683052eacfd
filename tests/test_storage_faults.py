"""A disk that fills up or turns read-only: one clear line, and nothing recorded before is touched."""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.archive_reading import query, recorded_runs, segment_files
from tests.media import make_video
from tests.rtsp_server import RtspServer
from tests.service import Service, wait_for


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Yield a disk of 12 MB of its own, mounted below the test's folder."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if done.returncode != 0:
        pytest.skip(f"a small disk cannot be mounted here: {done.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture
def camera(tmp_path: Path) -> Iterator[RtspServer]:
    """Yield a camera of about 4 Mbit/s."""
    make_video(tmp_path / "cam.mp4", seconds=4, fps=12, gop=12, width=640, height=480, bitrate_bps=4_000_000)
    with RtspServer({"cam": tmp_path / "cam.mp4"}) as server:
        yield server


def fill(path: Path) -> None:
    """Write to a file until the disk refuses."""
    with path.open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 4096)


def hashes(service: Service, source_id: int) -> dict[str, str]:
    """Return the SHA-256 of every closed segment file."""
    files = [path for _, _, _, path in segment_files(service, source_id)]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def reasons(service: Service, source_id: int) -> list[str]:
    """Return why the attempts ended."""
    text = "SELECT reason FROM attempt WHERE source_id = ? AND end_us > 0 ORDER BY id"
    return [row[0] for row in query(service, text, source_id)]


def test_a_disk_that_fills_up_stops_recording_with_a_clear_line_and_touches_nothing(
    tmp_path: Path, disk: Path, camera: RtspServer
) -> None:
    with Service(tmp_path / "service", STORAGE=disk, SEGMENT_S=3, RESERVE_BYTES=2_000_000) as service:
        source_id = service.add_source(camera.url("cam"))
        service.add_group("all", [source_id])
        service.record("tag", "all")
        wait_for(lambda: len(segment_files(service, source_id)) >= 2, "two closed segments", 30)
        before = hashes(service, source_id)
        filler = disk / "other"
        with pytest.raises(OSError, match="No space"):
            fill(filler)
        wait_for(lambda: "disk_full" in reasons(service, source_id), "notice of the full disk", 30)
        detail = query(service, "SELECT status_detail FROM source WHERE id = ?", source_id)[0][0]
        assert "full" in detail
        assert "free space" in detail
        answer = service.call("POST", "/api/v1/record", 507, model="Source", tag_name="more", group_name="all")
        assert answer["detail"][0]["type"] == "storage_full"
        kept = hashes(service, source_id)
        assert before.items() <= kept.items()
        filler.unlink()
        count = query(service, "SELECT count(*) FROM run")[0][0]
        wait_for(lambda: query(service, "SELECT count(*) FROM run")[0][0] > count, "recording after the room came", 45)
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
