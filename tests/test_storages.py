"""Several storages: recording goes on at the next one, and what a failing one holds is taken in when it is back."""

from collections.abc import Iterator

import pytest

from tests.archive_reading import query, recorded_runs, segment_files
from tests.faulty_disk import FaultyDisk
from tests.media import make_video
from tests.rtsp_server import RtspServer
from tests.service import Service, wait_for


@pytest.fixture(scope="module")
def camera(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RtspServer]:
    path = make_video(tmp_path_factory.mktemp("camera") / "cam.mp4", seconds=4, fps=12, gop=12)
    with RtspServer({"cam": path}) as server:
        yield server


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> FaultyDisk:
    """Return the disk that both storages lie on, whose faults can be kept to one of them."""
    folder = tmp_path_factory.mktemp("storages")
    (folder / "disks").mkdir()
    return FaultyDisk(folder / "faults", folder / "disks")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, disk: FaultyDisk, camera: RtspServer) -> Iterator[Service]:
    """Yield a service with two storages and a group `all` of two cameras."""
    storages = {"STORAGE": disk.root / "one", "STORAGES": f"{disk.root}/two"}
    service = Service(tmp_path_factory.mktemp("service"), SEGMENT_S=2, FFMPEG=disk.ffmpeg(), **storages)
    service.environment |= disk.environment
    with service:
        service.add_group("all", [service.add_source(camera.url("cam")) for _ in range(2)])
        yield service
        disk.heal()


def runs_in(service: Service, name: str, state: int) -> set[int]:
    """Return the sources that have segments of a state in the storage whose folder has this name."""
    text = (
        "SELECT source_id FROM segment JOIN storage ON storage.id = storage_id WHERE segment.state = ? AND path LIKE ?"
    )
    return {row[0] for row in query(service, text, state, f"%/{name}")}


def storage_states(service: Service) -> list[str]:
    return [storage["state"] for storage in service.call("GET", "/api/v1/storage")]


def reasons(service: Service) -> list[str]:
    """Return why attempts ended, newest last."""
    return [row[0] for row in query(service, "SELECT reason FROM attempt WHERE end_us > 0 ORDER BY end_us")]


def begin(service: Service, tag: str) -> int:
    """Record both cameras and wait for footage; return how many attempts there were before."""
    before = query(service, "SELECT count(*) FROM attempt")[0][0]
    service.record(tag, "all")
    wait_for(lambda: runs_in(service, "one", 0) == {1, 2}, "footage of both in the first storage", 30)
    return before


def end(service: Service, tag: str) -> None:
    service.stop_recording(tag)
    wait_for(lambda: not query(service, "SELECT 1 FROM attempt WHERE end_us IS NULL"), "the end of all attempts", 30)
    wait_for(lambda: not query(service, "SELECT 1 FROM segment WHERE state = 0"), "closed segments", 30)
    assert all(path.exists() for source_id in (1, 2) for *_, path in segment_files(service, source_id))
    assert all(run.video for source_id in (1, 2) for run in recorded_runs(service, source_id))


def test_recording_goes_on_at_the_next_storage_when_one_gives_errors(service: Service, disk: FaultyDisk) -> None:
    begin(service, "errors")
    assert not runs_in(service, "two", 0)
    disk.fail("open,write,sync,name EIO @/one")
    wait_for(lambda: runs_in(service, "two", 0) == {1, 2}, "footage of both in the second storage", 30)
    wait_for(lambda: storage_states(service) == ["failing", "ok"], "the states", 15)
    assert set(reasons(service)) == {"storage_unusable"}
    assert service.is_ready()
    service.record("more", "all")
    service.stop_recording("more")
    assert query(service, "SELECT is_bad FROM notice WHERE kind = 'storage'") == [(1,)]
    assert runs_in(service, "one", 0) == {1, 2}
    disk.heal()
    wait_for(lambda: not runs_in(service, "one", 0), "the footage in the storage that is back", 20)
    wait_for(lambda: storage_states(service) == ["ok", "ok"], "the states", 15)
    listed = service.run("-m", "flask", "storage", "list").stdout.splitlines()
    assert [line.split("\t")[1] for line in listed] == ["ok", "ok"]
    assert service.read_log().count("what source 1 has recorded there waits") == 1  # not once a try
    end(service, "errors")


def test_a_storage_that_hangs_holds_up_neither_recording_nor_the_api(service: Service, disk: FaultyDisk) -> None:
    begin(service, "hangs")
    before = len(reasons(service))
    disk.fail("all hang @/one")
    wait_for(lambda: runs_in(service, "two", 0) == {1, 2}, "footage of both in the second storage", 40)
    assert set(reasons(service)[before:]) == {"throttled"}
    wait_for(lambda: storage_states(service) == ["slow", "ok"], "the states", 15)
    service.record("more", "all")
    service.stop_recording("more")
    assert service.is_ready()
    disk.heal()
    wait_for(lambda: not runs_in(service, "one", 0), "the footage in the storage that answers again", 30)
    end(service, "hangs")


def test_recording_resumes_as_soon_as_any_storage_can_be_written(service: Service, disk: FaultyDisk) -> None:
    begin(service, "none")
    disk.fail("open,write,sync,name EROFS")
    wait_for(lambda: storage_states(service) == ["read_only", "read_only"], "the states", 30)
    wait_for(lambda: not service.is_ready(), "the refusal of /readyz", 15)
    answer = service.call("POST", "/api/v1/record", 503, model="Source", tag_name="more", group_name="all")
    assert answer["detail"][0]["type"] == "storage_unusable"
    wait_for(lambda: not query(service, "SELECT 1 FROM attempt WHERE end_us IS NULL"), "the end of both attempts", 30)
    assert reasons(service)[-1] == "storage_unusable"
    runs = query(service, "SELECT count(*) FROM run")[0][0]
    disk.heal()
    wait_for(lambda: query(service, "SELECT count(*) FROM run")[0][0] >= runs + 2, "recording", 20)
    end(service, "none")


def test_a_storage_that_is_not_mounted_at_the_start_is_left_alone(service: Service, disk: FaultyDisk) -> None:
    service.stop()
    one, away = disk.root / "one", disk.root / "away"
    one.rename(away)
    one.mkdir()
    service.start()
    service.wait_ready()
    service.record("away", "all")
    wait_for(lambda: runs_in(service, "two", 0) == {1, 2}, "footage of both in the second storage", 30)
    assert not list(one.iterdir())
    assert storage_states(service) == ["away", "ok"]
    one.rmdir()
    away.rename(one)
    wait_for(lambda: storage_states(service) == ["ok", "ok"], "the storage that is back", 20)
    end(service, "away")
