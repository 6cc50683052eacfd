"""ffmpeg within its walls: what a recording one is given, and what a hostile camera gets out of it."""

import os
import resource
import signal
import socket
import subprocess
import time
from contextlib import nullcontext
from pathlib import Path

import pytest

from app.capture import ffmpeg
from app.capture.camera import Camera
from app.capture.confining import Confinement, Limits, can_be_walled
from app.capture.ffmpeg import INPUT, environment, is_led_away, rtsp_command, rtsp_input, spawn
from app.capture.networks import PinnedUri
from app.capture.probe import probe
from app.capture.template import effective_template, parse_template
from app.errors import Invalid
from instance.config import DevelopmentConfig, TestingConfig
from tests.archive_reading import query
from tests.conftest import missing
from tests.hostile_rtsp import Hostile
from tests.media import make_video
from tests.names import Listener
from tests.recording import FFMPEGS
from tests.rtsp_server import RtspServer
from tests.service import Service, wait_for

TEMPLATE = parse_template("Source", effective_template("Source", None))
each_ffmpeg = pytest.mark.parametrize("program", FFMPEGS, ids=lambda path: "system" if path[:4] == "/usr" else "wheel")


def needs_walls(program: str) -> None:
    """Skip, where that is allowed, on a kernel without Landlock."""
    if not can_be_walled(program):
        missing("this kernel has no Landlock")


@pytest.fixture(scope="module")
def footage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("camera") / "cam.mp4"
    make_video(path, seconds=4, fps=12, gop=12, width=160, height=120)
    return path


def proc(pid: int, name: str) -> str:
    return (Path("/proc") / str(pid) / name).read_text("utf-8", "replace")


def start(program: str, folder: Path, url: str, port: int) -> "subprocess.Popen[bytes]":
    command = rtsp_command(TestingConfig(FFMPEG=program), folder, "run", TEMPLATE, "copy", port)
    return spawn(command, "run", rtsp_input(PinnedUri(url), TEMPLATE), "mark")


@each_ffmpeg
def test_a_recording_ffmpeg_has_few_rights_and_nothing_of_ours(
    program: str, footage: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLAYBACK_SECRET_KEY", "a-key-that-nobody-else-knows")
    folder = tmp_path / "live" / "1"
    inherited = os.open("/etc/passwd", os.O_RDONLY)
    os.set_inheritable(inherited, True)
    with RtspServer({"cam": footage}, user="admin", password="marked-password") as camera:
        process = start(program, folder, camera.url("cam"), camera.port)
        try:
            wait_for(lambda: any(path.stat().st_size for path in folder.glob("*.mp4")), "footage")
            status = dict(line.split(":\t", 1) for line in proc(process.pid, "status").splitlines() if ":\t" in line)
            assert status["NoNewPrivs"] == "1"
            limits = {line[:26].strip(): line[26:].split()[:2] for line in proc(process.pid, "limits").splitlines()}
            assert limits["Max core file size"] == ["1", "1"]  # less than a page: none, not through a pipe either
            assert limits["Max open files"] == ["256", "256"]
            assert limits["Max file size"] == [str(64 << 30)] * 2
            assert limits["Max address space"] == [str(8 << 30)] * 2
            names = {entry.partition("=")[0] for entry in proc(process.pid, "environ").split("\0") if entry}
            assert names == {"PATH", "TZ", "LANG", "GLIBC_TUNABLES", "PLAYBACK_MARK"}
            assert "marked-password" not in proc(process.pid, "cmdline") + proc(process.pid, "environ")
            assert Path(f"/proc/{process.pid}/cwd").readlink() == folder
            assert folder.stat().st_mode & 0o777 == 0o700
            opened = {str(path.readlink()) for path in (Path("/proc") / str(process.pid) / "fd").iterdir()}
            assert "/etc/passwd" not in opened
            files = {path for path in opened if path.startswith("/") and not path.startswith("/dev/")}
            assert all(Path(path).parent == folder for path in files), files
            assert os.getsid(process.pid) == process.pid
        finally:
            os.close(inherited)
            process.send_signal(signal.SIGINT)
            process.wait(20)


@each_ffmpeg
def test_within_the_walls_no_file_can_be_read_and_no_other_port_be_reached(program: str, tmp_path: Path) -> None:
    needs_walls(program)
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "own").mkdir()
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}

    def says(*arguments: str, is_writing: bool = False, port: int | None = None) -> str:
        confinement = Confinement(tmp_path / "own", port, is_writing=is_writing)
        process = confinement.start([program, "-nostdin", "-loglevel", "error", *arguments], environment(), **quiet)
        return process.communicate(timeout=30)[1].decode()

    pattern = ("-f", "lavfi", "-i", "color=s=64x64:d=0.2", "-c:v", "libx264", "-y")
    with Listener("127.0.0.1") as allowed, Listener("127.0.0.1") as other:
        for target in ("/etc/passwd", str(tmp_path / "secret.txt"), "/proc/1/environ", f"/proc/{os.getpid()}/environ"):
            assert "ermission denied" in says("-f", "rawvideo", "-s", "2x2", "-i", target, "-f", "null", "-")
        assert "ermission denied" in says("-i", f"tcp://127.0.0.1:{other.port}", "-f", "null", "-", port=allowed.port)
        assert "ermission denied" in says("-i", f"tcp://127.0.0.1:{allowed.port}", "-f", "null", "-")
        assert (allowed.connections(), other.connections()) == (0, 0)
    assert "ermission denied" in says(*pattern, str(tmp_path / "elsewhere.mp4"), is_writing=True)
    assert "ermission denied" in says(*pattern, str(tmp_path / "own" / "film.mp4"))
    assert says(*pattern, str(tmp_path / "own" / "film.mp4"), is_writing=True) == ""
    assert (tmp_path / "own" / "film.mp4").stat().st_size > 500


def test_the_walls_are_those_of_ffmpeg_alone(tmp_path: Path) -> None:
    process = Confinement(tmp_path).start([FFMPEGS[0], "-version"], {}, stdout=subprocess.DEVNULL)
    assert process.wait(20) == 0
    assert Path("/etc/passwd").read_text()
    (tmp_path / "ours").write_text("written")
    assert "NoNewPrivs:\t0" in Path("/proc/thread-self/status").read_text() or os.environ.get("CONTAINER")
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY
    with pytest.raises(FileNotFoundError):
        Confinement(tmp_path).start(["/no/such/ffmpeg"], {})


def test_a_program_that_does_not_run_within_the_walls_is_run_without(tmp_path: Path) -> None:
    program = tmp_path / "ffmpeg"
    program.write_text(f"#!/bin/sh\nexec cat {tmp_path.parent}/needed >&2\n")
    program.chmod(0o755)
    (tmp_path.parent / "needed").write_text("a library in an unusual place")
    assert not can_be_walled(str(program))
    process = Confinement(tmp_path).start([str(program)], {"PATH": "/usr/bin:/bin"}, stderr=subprocess.PIPE)
    assert process.communicate()[1] == b"a library in an unusual place"


def test_a_file_cannot_grow_beyond_its_limit(tmp_path: Path) -> None:
    command = [FFMPEGS[0], "-loglevel", "quiet", "-f", "lavfi", "-i", "testsrc2=s=320x240:d=9", "-c:v", "rawvideo"]
    confinement = Confinement(tmp_path, is_writing=True, limits=Limits(file_bytes=1 << 20))
    process = confinement.start([*command, "-y", str(tmp_path / "film.avi")], environment(), stdin=subprocess.DEVNULL)
    assert process.wait(20) != 0
    assert (tmp_path / "film.avi").stat().st_size <= 1 << 20


# What a hostile camera tries.


@each_ffmpeg
@pytest.mark.parametrize("trick", ["redirect", "base", "control", "file", "http", "connection"])
def test_whatever_a_camera_names_ffmpeg_connects_to_it_alone(program: str, trick: str, tmp_path: Path) -> None:
    needs_walls(program)
    with Listener("127.0.0.9") as target:
        there = f"rtsp://127.0.0.9:{target.port}/x"
        tricks = {
            "redirect": {"redirect": there},
            "base": {"base": there},
            "control": {"control": there, "track": f"{there}/track1"},
            "file": {"control": "file:///etc/passwd", "track": "file:///etc/passwd"},
            "http": {"track": f"http://127.0.0.9:{target.port}/x"},
            "connection": {"connection_address": "127.0.0.9"},
        }
        with Hostile(**tricks[trick]) as camera:
            process = start(program, tmp_path / "1", camera.url, camera.port)
            wait_for(lambda: process.poll() is not None or any("PLAY" in one for one in camera.requests), "the attack")
            time.sleep(0.2)
            process.kill()
            process.wait()
            assert any("DESCRIBE" in one for one in camera.requests)
        assert target.connections() == 0
    written = b"".join(path.read_bytes() for path in (tmp_path / "1").iterdir())
    assert b"root:" not in written


def test_a_camera_that_asks_for_udp_gets_one_empty_packet_sent_elsewhere(tmp_path: Path) -> None:
    """What cannot be closed in ffmpeg: it opens a path for packets to the `source` that SETUP's answer names."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as target:
        target.bind(("127.0.0.9", 0))
        target.settimeout(10)
        port = target.getsockname()[1]
        with Hostile(udp=f"source=127.0.0.9;server_port={port}-{port + 1}") as camera:
            process = start(FFMPEGS[0], tmp_path / "1", camera.url, camera.port)
            packet = target.recv(2000)
            process.kill()
            process.wait()
    assert packet == b"\x80" + bytes(11)  # an RTP header (RFC 3550 §5.1) of zeros: nothing that the camera chooses


def test_where_a_camera_leads_to_is_told_from_itself() -> None:
    here = PinnedUri("rtsp://u:p@192.168.1.9:554/x")
    line = "[rtsp @ 0x55] Status 302: Redirecting to {}\n"
    assert not is_led_away("Input #0, rtsp", here)
    assert not is_led_away(line.format("rtsp://192.168.1.9/other"), here)
    assert is_led_away(line.format("rtsp://192.168.1.9/other") + line.format("rtsp://192.168.1.8/other"), here)
    for text in ("rtsp://192.168.1.9:555/x", "rtsp://camera/x", "http://192.168.1.9:554/x", "file:///x", "192.168.1.9"):
        assert is_led_away(line.format(text), here)


def test_nothing_is_recorded_or_shown_of_where_a_camera_leads_to(footage: Path, tmp_path: Path) -> None:
    with RtspServer({"cam": footage}) as private, Hostile("127.0.0.3", private.port) as camera:
        camera.redirect = private.url("cam")
        config = DevelopmentConfig(INSTANCE=str(tmp_path / "probing"))
        found = probe(config, Camera(1, "Source", camera.url, None, None), lambda: False, nullcontext(), has_rate=False)
        assert found is not None
        assert (found.status, found.detail) == ("no_video", ffmpeg.REDIRECT.detail)
        with Service(tmp_path / "service", "web", "recorder") as service:
            source_id = service.add_source(camera.url)
            shown = service.session.get(f"{service.base}/api/v1/source/{source_id}/picture", timeout=20)
            assert (shown.status_code, shown.json()["detail"][0]["msg"]) == (504, ffmpeg.REDIRECT.detail)
            service.add_group("gate", [source_id])
            service.record("night", "gate")
            attempts = "SELECT reason, detail FROM attempt WHERE source_id = ? AND end_us > 0"
            wait_for(lambda: len(query(service, attempts, source_id)) >= 1, "an attempt")
            assert {tuple(row) for row in query(service, attempts, source_id)} == {("no_video", ffmpeg.REDIRECT.detail)}
            assert query(service, "SELECT 1 FROM run") == []
            assert "not taken in" not in service.read_log()


ADDRESSES = [
    "rtsp://127.0.0.1:1/x\nfile '/etc/passwd'",
    "rtsp://127.0.0.1:1/x'\nfile '/etc/passwd",
    "rtsp://127.0.0.1:1/x\r\nfile /etc/passwd",
    "rtsp://127.0.0.1:1/x'\0file:///etc/passwd",
]


@pytest.mark.parametrize("uri", ADDRESSES, ids=range(len(ADDRESSES)))
def test_an_address_cannot_end_its_line(uri: str) -> None:
    with pytest.raises(Invalid, match="control character"):
        rtsp_input(PinnedUri(uri), TEMPLATE)


@each_ffmpeg
@pytest.mark.parametrize(
    "path", ["x'y", "x''y", "x\\'y", "x' option protocol_whitelist 'file,rtsp", "%0afile /etc/passwd"]
)
def test_a_quote_in_an_address_stays_a_part_of_it(program: str, path: str, tmp_path: Path) -> None:
    with Hostile(redirect="rtsp://127.0.0.9:1/") as camera:
        uri = f"rtsp://127.0.0.1:{camera.port}/{path}"
        process = start(program, tmp_path / "1", uri, camera.port)
        process.wait(20)
        assert camera.requests[0].splitlines()[0] == f"OPTIONS {uri} RTSP/1.0"


@each_ffmpeg
@pytest.mark.parametrize(
    "target", ["file:/etc/passwd", "file:///etc/passwd", "subfile,,start,0,end,0,,:/etc/passwd", "data:,x"]
)
def test_the_input_reads_streams_alone(program: str, target: str) -> None:
    """The whitelists hold without the walls too, which an old kernel has not."""
    command = [program, "-hide_banner", "-loglevel", "error", *INPUT, "-i", "pipe:0", "-f", "null", "-"]
    text = f"ffconcat version 1.0\nfile '{target}'\n".encode()
    done = subprocess.run(command, input=text, capture_output=True, timeout=20, check=False)
    assert done.returncode != 0
    assert b"whitelist" in done.stderr
