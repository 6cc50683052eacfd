"""Whatever of the service is killed, stopped or started anew: recording goes on, or is back within a second or two."""

import os
import signal
import time
from collections.abc import Iterator

import pytest

from tests.archive_reading import assert_contiguous, query, recorded_runs
from tests.media import make_video
from tests.picture_server import PictureServer
from tests.rtsp_server import RtspServer
from tests.service import Service, wait_for


@pytest.fixture(scope="module")
def camera(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RtspServer]:
    """Yield a camera with a key frame a second."""
    path = tmp_path_factory.mktemp("footage") / "cam.mp4"
    make_video(path, seconds=6, fps=12, gop=12, width=192, height=128)
    with RtspServer({"cam": path}) as server:
        yield server


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Yield a running service; no schedule measures the sources of earlier tests meanwhile."""
    with Service(tmp_path_factory.mktemp("service"), SEGMENT_S=4, PROBE_INTERVAL_S=3600) as running:
        yield running


def start(service: Service, uri: str, name: str, model: str = "Source") -> int:
    """Record a new source under a tag of this name; return its id once its first run is published."""
    source_id = service.add_source(uri)
    service.add_group(name, [source_id], model)
    wait_for(lambda: service.status(source_id) == "online", "the measurement", 30)  # no connection but the recording's
    service.record(name, name, model)
    wait_for(lambda: run_count(service, source_id), "footage", 30)
    return source_id


def run_count(service: Service, source_id: int) -> int:
    return query(service, "SELECT count(*) FROM run WHERE source_id = ?", source_id)[0][0]


def stop(service: Service, source_id: int, name: str) -> float:
    """Stop recording; return when (Unix time), once all is closed."""
    service.stop_recording(name)
    at_s = time.time()
    lease = "SELECT 1 FROM lease WHERE source_id = ?"
    wait_for(lambda: not query(service, lease, source_id), "the end of recording", 30)
    return at_s


def wait_for_new(service: Service, role: str, before: int) -> None:
    """Wait for another process of a role."""
    wait_for(lambda: service.living_pid(role) not in (None, before), f"a new {role}", 30)


def test_pictures_are_lost_only_while_no_recorder_runs(service: Service) -> None:
    with PictureServer() as pictures:
        source_id = start(service, pictures.url, "pictures", "PictureSource")
        time.sleep(2)
        before = service.pid("recorder")
        os.kill(before, signal.SIGKILL)
        wait_for_new(service, "recorder", before)
        wait_for(lambda: run_count(service, source_id) == 2, "the second run", 30)
        stop(service, source_id, "pictures")
    runs = "SELECT begin_us, end_us FROM run WHERE source_id = ? ORDER BY begin_us"
    first, second = query(service, runs, source_id)
    lost_s = (second[0] - first[1]) / 1e6
    print(f"\nrecorder killed: {lost_s:.2f} s of a picture source are missing")
    assert 0 <= lost_s < 30  # what a start of the recorder takes: 1 to 2 s on a quiet machine


def test_a_killed_ffmpeg_is_replaced_and_a_camera_that_is_back_is_recorded_at_once(
    service: Service, camera: RtspServer
) -> None:
    source_id = start(service, camera.url("cam"), "back")
    time.sleep(2)  # a connection that has lasted
    (process,) = service.ffmpegs()
    process.send(signal.SIGKILL)
    killed_s = time.time()
    wait_for(lambda: service.ffmpeg_pids() - {process.pid}, "the next ffmpeg", pause_s=0.01)
    replaced_s = time.time() - killed_s
    process.close()
    wait_for(lambda: run_count(service, source_id) == 2, "the second run")
    time.sleep(1)
    camera.offline()
    wait_for(lambda: not service.ffmpeg_pids(), "the end of the connection", 30)
    time.sleep(2.5)  # the pause would be one of two seconds now
    count = len(camera.sessions("cam"))
    camera.online()
    back_s = time.time()
    wait_for(lambda: len(camera.sessions("cam")) > count and camera.sessions("cam")[-1].sent("video"), "packets")
    wait_for(lambda: run_count(service, source_id) == 3, "the third run")
    answered_s = stop(service, source_id, "back")
    sent = camera.sessions("cam")[-1].sent("video")
    assert_contiguous(recorded_runs(service, source_id)[-1].video, sent, answered_s - 1, begin=0)
    recorded_s = sent[0].sent_s - back_s
    print(f"\nffmpeg killed: the next one after {replaced_s:.2f} s; camera back: recorded after {recorded_s:.2f} s")
    assert replaced_s < 3  # 0.1 to 0.4 s on a quiet machine
    assert recorded_s < 5  # 0.3 to 0.7 s on a quiet machine


def test_no_packet_is_lost_whatever_is_killed_or_started_anew(service: Service, camera: RtspServer) -> None:
    source_id = start(service, camera.url("cam"), "lasting")
    session, ffmpegs = camera.sessions("cam")[-1], service.ffmpeg_pids()
    for role in ("web", "worker", "recorder"):
        before = service.pid(role)
        os.kill(before, signal.SIGKILL)
        wait_for_new(service, role, before)
    # The supervisor is killed: the others go on, and the next one keeps them.
    kept = {role: service.pid(role) for role in ("web", "worker", "recorder")}
    service.processes["supervisor"].kill()
    service.processes["supervisor"].wait()
    service.start()
    wait_for(lambda: service.read_log().count("is running already and is kept") == 3, "the next supervisor", 30)
    assert {role: service.pid(role) for role in kept} == kept
    # `systemctl restart`: SIGTERM to the supervisor alone, then a new one.
    service.processes["supervisor"].send_signal(signal.SIGTERM)
    assert service.processes["supervisor"].wait(30) == 0
    assert service.ffmpeg_pids() == ffmpegs
    service.start()
    wait_for(service.is_ready, "readiness", 30)
    wait_for_new(service, "recorder", kept["recorder"])
    time.sleep(1)
    assert service.ffmpeg_pids() == ffmpegs
    answered_s = stop(service, source_id, "lasting")
    (run,) = recorded_runs(service, source_id)
    assert_contiguous(run.video, session.sent("video"), answered_s - 1, begin=0)
