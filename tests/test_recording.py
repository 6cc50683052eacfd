"""The recorder against real cameras: what was sent is what is on disk, whatever is killed meanwhile."""

import os
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import imageio_ffmpeg
import pytest

from tests.archive_reading import assert_contiguous, query, recorded_runs
from tests.conftest import missing
from tests.gst_rtsp_server import GstRtspServer, why_no_gst
from tests.media import make_video, packets
from tests.rtsp_server import RtspServer
from tests.service import Service, files_below, wait_for

PASSWORD = "p@ss w:rd/1%"  # every character that an address may trip over


@pytest.fixture(scope="module")
def footage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return 6 s of H.264 with a key frame a second, and AAC in which no two packets are alike."""
    path = tmp_path_factory.mktemp("footage") / "cam.mp4"
    make_video(path, seconds=6, fps=12, gop=12, width=320, height=240, audio="aac")
    return path


@pytest.fixture(scope="module")
def camera(footage: Path) -> Iterator[RtspServer]:
    """Yield a camera that wants a password."""
    with RtspServer({"cam": footage}, user="admin", password=PASSWORD) as server:
        yield server


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Yield a running service with segments of 4 s; no schedule measures the sources of earlier tests meanwhile."""
    with Service(tmp_path_factory.mktemp("service"), SEGMENT_S=4, PROBE_INTERVAL_S=3600) as running:
        yield running


def start(service: Service, camera: RtspServer, name: str, **faults: object) -> int:
    """Add the camera under a group and a tag of this name, and start recording; return the source's id."""
    source_id = service.add_source(camera.url("cam", **faults))
    service.add_group(name, [source_id])
    if not service.roles:  # the worker's measurement has a session of its own, not to be taken for the recording's
        wait_for(lambda: service.status(source_id) != "unknown", "the camera's measurement")
    service.record(name, name)
    return source_id


def run_count(service: Service, source_id: int) -> int:
    """Return how many runs of a source are published."""
    return query(service, "SELECT count(*) FROM run WHERE source_id = ?", source_id)[0][0]


def stop(service: Service, source_id: int, name: str) -> float:
    """Stop the tag, wait until everything is closed; return when the stop was answered (Unix time)."""
    service.stop_recording(name)
    answered_s = time.time()
    closed = "SELECT 1 FROM segment WHERE source_id = ? AND state = 0"
    lease = "SELECT 1 FROM lease WHERE source_id = ?"
    wait_for(
        lambda: not query(service, closed, source_id) and not query(service, lease, source_id), "the end of recording"
    )
    return answered_s


def session_of(camera: RtspServer, count_before: int, number: int = 0):
    """Return the number-th session that the camera served since."""
    return camera.sessions("cam")[count_before + number]


def test_every_packet_sent_is_recorded_once_and_in_order(service: Service, camera: RtspServer) -> None:
    before = len(camera.sessions("cam"))
    source_id = start(service, camera, "whole")
    time.sleep(11)
    answered_s = stop(service, source_id, "whole")
    (run,) = recorded_runs(service, source_id)
    session = camera.sessions("cam")[-1]
    assert len(camera.sessions("cam")) - before <= 2  # a probe may have connected too
    assert_contiguous(run.video, session.sent("video"), answered_s - 1, begin=0)
    assert_contiguous(run.audio, session.sent("audio"), answered_s - 1)
    assert len(query(service, "SELECT 1 FROM segment WHERE source_id = ?", source_id)) >= 2  # seams are in it


def test_an_altered_packet_is_noticed(service: Service, camera: RtspServer) -> None:
    source_id = start(service, camera, "altered", alter_unit=20)
    time.sleep(5)
    answered_s = stop(service, source_id, "altered")
    (run,) = recorded_runs(service, source_id)
    with pytest.raises(AssertionError, match="packet 20 differs"):
        assert_contiguous(run.video, camera.sessions("cam")[-1].sent("video"), answered_s - 1, begin=0)


def test_a_killed_recorder_is_started_again_and_loses_nothing(service: Service, camera: RtspServer) -> None:
    source_id = start(service, camera, "killed")
    wait_for(lambda: run_count(service, source_id), "footage")
    ffmpegs, recorder = service.ffmpeg_pids(), service.pid("recorder")
    os.kill(recorder, signal.SIGKILL)
    killed_s = time.monotonic()
    wait_for(lambda: service.instance.joinpath("run/recorder.lock").read_text().strip() != str(recorder), "a new one")
    assert time.monotonic() - killed_s < 5  # 1 s on a quiet machine: see docs/benchmarks.md
    wait_for(service.is_ready, "readiness")
    time.sleep(5)
    assert service.ffmpeg_pids() == ffmpegs
    answered_s = stop(service, source_id, "killed")
    (run,) = recorded_runs(service, source_id)
    assert_contiguous(run.video, camera.sessions("cam")[-1].sent("video"), answered_s - 1, begin=0)


def test_a_recorder_that_is_terminated_hands_over(service: Service, camera: RtspServer) -> None:
    source_id = start(service, camera, "handed")
    wait_for(lambda: run_count(service, source_id), "footage")
    ffmpegs, recorder = service.ffmpeg_pids(), service.pid("recorder")
    os.kill(recorder, signal.SIGTERM)
    wait_for(lambda: service.instance.joinpath("run/recorder.lock").read_text().strip() != str(recorder), "a new one")
    time.sleep(5)
    assert service.ffmpeg_pids() == ffmpegs
    answered_s = stop(service, source_id, "handed")
    (run,) = recorded_runs(service, source_id)
    assert_contiguous(run.video, camera.sessions("cam")[-1].sent("video"), answered_s - 1, begin=0)


def test_a_killed_ffmpeg_loses_only_the_fragment_in_flight(service: Service, camera: RtspServer) -> None:
    source_id = start(service, camera, "crash")
    wait_for(lambda: run_count(service, source_id), "footage")
    time.sleep(2)
    (process,) = [process for process in service.ffmpegs() if process.source_id == source_id]
    session = camera.sessions("cam")[-1]
    process.send(signal.SIGKILL)
    killed_s = time.time()
    process.close()
    wait_for(lambda: run_count(service, source_id) == 2, "the next run")
    answered_s = stop(service, source_id, "crash")
    first, second = recorded_runs(service, source_id)
    assert_contiguous(first.video, session.sent("video"), killed_s - 1.5, begin=0)
    assert_contiguous(second.video, camera.sessions("cam")[-1].sent("video"), answered_s - 1, begin=0)
    attempts = "SELECT reason FROM attempt WHERE source_id = ? ORDER BY id"
    assert [row[0] for row in query(service, attempts, source_id)] == ["crashed", "stopped"]


def test_a_camera_that_hangs_up_is_connected_to_again(service: Service, camera: RtspServer) -> None:
    source_id = start(service, camera, "hangup", close_after_s=4)
    wait_for(lambda: run_count(service, source_id) >= 2, "the second run", 30)
    stop(service, source_id, "hangup")
    attempts = "SELECT reason FROM attempt WHERE source_id = ? ORDER BY id"
    assert query(service, attempts, source_id)[0][0] == "stream_ended"
    assert recorded_runs(service, source_id)[0].video


def test_a_silent_camera_is_noticed_in_ten_seconds(service: Service, camera: RtspServer) -> None:
    source_id = start(service, camera, "silent", stall_after_s=3)
    wait_for(lambda: run_count(service, source_id), "footage")
    begun_s = time.monotonic()
    wait_for(lambda: service.status(source_id) == "offline", "notice of the silence", 20)
    assert time.monotonic() - begun_s < 14  # footage is known about 1 s before the stall
    stop(service, source_id, "silent")
    reasons = [
        row[0] for row in query(service, "SELECT reason FROM attempt WHERE source_id = ? ORDER BY id", source_id)
    ]
    assert reasons[0] == "silent"


def test_one_source_under_two_tags_has_one_connection_and_one_copy(service: Service, camera: RtspServer) -> None:
    source_id = start(service, camera, "both")
    wait_for(lambda: run_count(service, source_id), "footage")
    sessions = len(camera.sessions("cam"))
    service.record("second", "both")
    time.sleep(2)
    assert len(camera.sessions("cam")) == sessions
    service.stop_recording("both")
    time.sleep(2)
    assert len([process for process in service.ffmpegs() if process.source_id == source_id]) == 1
    assert service.call("GET", "/api/v1/record/runing?tag_name=both") is False
    assert service.call("GET", "/api/v1/record/runing?tag_name=second") is True
    stop(service, source_id, "second")
    assert run_count(service, source_id) == 1


def test_no_password_is_on_a_command_line_or_in_a_file(service: Service, camera: RtspServer) -> None:
    secrets = [PASSWORD.encode(), b"p%40ss"]
    source_id = start(service, camera, "secret")
    wait_for(lambda: run_count(service, source_id), "footage")
    for process in service.ffmpegs():
        words = Path(f"/proc/{process.pid}/cmdline").read_bytes() + Path(f"/proc/{process.pid}/environ").read_bytes()
        assert not any(secret in words for secret in secrets)
        process.close()
    wrong = service.add_source(camera.url("cam", password="p%40ss-wrong"))
    service.add_group("wrong", [wrong])
    service.record("wrong", "wrong")
    wait_for(lambda: service.status(wrong) == "unauthorised", "the refusal")
    service.stop_recording("wrong")
    stop(service, source_id, "secret")
    for path, content, _ in files_below(service.instance):
        assert not any(secret in content for secret in secrets), path.name


def test_a_gstreamer_camera_is_recorded_whole_by_every_ffmpeg(tmp_path: Path, footage: Path) -> None:
    if reason := why_no_gst():
        missing(reason)
    clip = [packet.sha256 for packet in packets(footage)["video"]]
    programs = [imageio_ffmpeg.get_ffmpeg_exe(), *filter(None, [shutil.which("ffmpeg")])]
    with GstRtspServer(footage, user="admin", password="secret") as gst:
        for number, program in enumerate(programs):
            with Service(tmp_path / f"service{number}", SEGMENT_S=4, FFMPEG=program) as service:
                source_id = service.add_source(gst.url())
                service.add_group("gst", [source_id])
                service.record("gst", "gst")
                time.sleep(10)
                stop(service, source_id, "gst")
                run = recorded_runs(service, source_id)[-1]
                hashes = [packet.sha256 for packet in run.video]
                first = clip.index(hashes[0])
                assert hashes == [clip[(first + number) % len(clip)] for number in range(len(hashes))]
                assert len(hashes) > 6 * 12


def test_shutting_down_leaves_no_process(tmp_path: Path, camera: RtspServer) -> None:
    with Service(tmp_path / "service", SEGMENT_S=4) as service:
        source_id = start(service, camera, "end")
        wait_for(lambda: run_count(service, source_id), "footage")
        session = camera.sessions("cam")[-1]
        supervisor = service.processes["supervisor"]
        asked_s = time.time()
        supervisor.send_signal(signal.SIGINT)
        assert supervisor.wait(30) == 0
        assert not service.ffmpeg_pids()
        (run,) = recorded_runs(service, source_id)
        assert_contiguous(run.video, session.sent("video"), asked_s - 0.3, begin=0)
        assert not [pid for pid in living_pids() if str(service.instance).encode() in command_line(pid)]


def test_an_abandoned_ffmpeg_ends_by_itself(tmp_path: Path, camera: RtspServer) -> None:
    with Service(tmp_path / "service", "web", "recorder", ABANDON_S=3) as service:
        source_id = start(service, camera, "left")
        wait_for(lambda: run_count(service, source_id), "footage")
        service.processes["recorder"].kill()
        service.processes["recorder"].wait()
        assert service.ffmpeg_pids()
        wait_for(lambda: not service.ffmpeg_pids(), "the end of the abandoned ffmpeg", 15)
        service.spawn("recorder")
        wait_for(lambda: run_count(service, source_id) == 2, "the next run")
        first = "SELECT reason FROM attempt WHERE source_id = ? ORDER BY id"
        assert query(service, first, source_id)[0][0] == "recorder_stopped"


def living_pids() -> list[int]:
    """Return the pids of this machine."""
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def command_line(pid: int) -> bytes:
    """Return a process's command line, empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
