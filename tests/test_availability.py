"""The measured availability of cameras that do not record: words, what they send, and when they are measured."""

import contextlib
import math
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.capture import looking, picture, probe, sources
from app.capture.facts import audio_facts, logged_facts
from app.capture.ffmpeg import audio_codec, is_audio_fault
from app.capture.prober import Prober, due_us
from app.extensions import db, writing
from app.models import Lease, Recorder, Source
from app.models.types import now_us
from tests.media import make_video
from tests.picture_server import PictureServer
from tests.ports import free_port
from tests.recording import FFMPEGS
from tests.rtsp_server import RtspServer
from tests.service import Service, wait_for

SECOND = 1_000_000
ENCODING = "ffmpeg -i {uri} -c:v libx264 -preset ultrafast -vf scale=160:120 -an {output}"


@pytest.fixture(scope="module")
def footage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("footage") / "cam.mp4"
    make_video(path, seconds=4, fps=12, gop=12, width=320, height=240, audio="pcm_mulaw")
    return path


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory, footage: Path) -> Path:
    """Return a file with audio alone."""
    import av

    path = tmp_path_factory.mktemp("sound") / "sound.mp4"
    with av.open(str(path), "w") as target:
        stream = target.add_stream("aac", rate=16000)
        for number in range(60):
            frame = av.AudioFrame(format="fltp", layout="mono", samples=1024)
            frame.planes[0].update(bytes(4096))
            frame.sample_rate, frame.pts = 16000, number * 1024
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))
    return path


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process wait less for cameras that say nothing; the service's own processes wait as ever."""
    monkeypatch.setattr(looking, "ANSWER_TIMEOUT_S", 1.5)
    monkeypatch.setattr(probe, "PROBE_TIMEOUT_S", 5.0)
    monkeypatch.setattr(picture, "READ_TIMEOUT_S", 2.0)


@pytest.fixture
def prober(app: Flask) -> Iterator[Prober]:
    """Yield a prober of a fresh app, as the worker has one."""
    prober = Prober(app)
    yield prober
    prober.close()


def add(app: Flask, uri: str, **columns: object) -> int:
    """Add a source as the API does, without a message to a worker."""
    with app.app_context(), writing() as session:
        field = "uri_rtsp" if uri.startswith("rtsp") else "picture_uri"
        row = Source(model="Source" if field == "uri_rtsp" else "PictureSource", **{field: uri}, **columns)
        session.add(row)
        session.flush()
        return row.id


def row_of(app: Flask, source_id: int) -> Source:
    with app.app_context():
        row = db.session.get_one(Source, source_id)
        db.session.expunge(row)
        return row


def measured(app: Flask, prober: Prober, source_id: int, limit_s: float = 20) -> Source:
    """Have a source measured; return its row."""
    prober.ask(source_id)
    wait_for(lambda: row_of(app, source_id).status_us, "the measurement", limit_s)
    return row_of(app, source_id)


def test_what_a_camera_sends_is_measured(app: Flask, prober: Prober, footage: Path) -> None:
    with RtspServer({"cam": footage}) as camera:
        row = measured(app, prober, add(app, camera.url("cam")))
    assert (row.status, row.status_detail) == ("online", None)
    assert (row.video_codec, row.width, row.height) == ("avc1.42c014", 320, 240)
    assert row.frame_rate == pytest.approx(12, abs=0.3)
    assert (row.audio_codec, row.audio_rate_hz, row.audio_channels) == ("pcm_mulaw", 8000, 1)


def test_what_a_picture_camera_sends_is_measured(app: Flask, prober: Prober) -> None:
    with PictureServer(width=320, height=200) as camera:
        row = measured(app, prober, add(app, camera.url))
    assert (row.status, row.video_codec, row.width, row.height) == ("online", "jpeg", 320, 200)
    assert (row.frame_rate, row.audio_codec) == (None, None)


@contextlib.contextmanager
def listening(answer: Callable[[socket.socket], None] | None = None, backlog: int = 128) -> Iterator[int]:
    """Yield the port of something that takes connections and does with them what `answer` does; None: nothing."""
    kept: list[socket.socket] = []

    def serve(listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                kept.append(listener.accept()[0])
                if answer is not None:
                    answer(kept[-1])

    with socket.create_server(("127.0.0.1", 0), backlog=backlog) as listener:
        thread = threading.Thread(target=serve, args=(listener,), daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()
            for connection in kept:
                connection.close()


@contextlib.contextmanager
def dropping() -> Iterator[int]:
    """Yield the port of something that lets the packets of new connections drop: its queue of them is full."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


def hang_after_describe(connection: socket.socket) -> None:
    """Answer OPTIONS and DESCRIBE, then nothing more."""
    sdp = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=x\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"

    def serve() -> None:
        with contextlib.suppress(OSError):
            while text := connection.recv(4096).decode():
                number = text.split("CSeq: ")[1].split("\r")[0]
                head = f"RTSP/1.0 200 OK\r\nCSeq: {number}\r\n"
                if text.startswith("DESCRIBE"):
                    length = f"Content-Type: application/sdp\r\nContent-Length: {len(sdp)}\r\n\r\n"
                    connection.sendall((head + length + sdp).encode())
                elif text.startswith("OPTIONS"):
                    connection.sendall((head + "Public: DESCRIBE, SETUP, PLAY\r\n\r\n").encode())

    threading.Thread(target=serve, daemon=True).start()


def refuse(status: str) -> Callable[[socket.socket], None]:
    """Return what answers OPTIONS well and all else with an RTSP status."""

    def serve(connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while text := connection.recv(4096).decode():
                number = text.split("CSeq: ")[1].split("\r")[0]
                word = "200 OK" if text.startswith("OPTIONS") else status
                connection.sendall(f"RTSP/1.0 {word}\r\nCSeq: {number}\r\n\r\n".encode())

    return lambda connection: threading.Thread(target=serve, args=(connection,), daemon=True).start()


def greet_as_ssh(connection: socket.socket) -> None:
    connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")


def test_an_rtsp_camera_that_is_not_there_says_why(app: Flask, prober: Prober, footage: Path, sound: Path) -> None:
    with contextlib.ExitStack() as stack:
        digest = stack.enter_context(RtspServer({"cam": footage}, user="admin", password="right"))
        basic = stack.enter_context(RtspServer({"cam": footage}, user="admin", password="right", auth="basic"))
        plain = stack.enter_context(RtspServer({"cam": footage, "sound": sound}))
        wanted = {
            f"rtsp://127.0.0.1:{free_port()}/cam": ("offline", "nothing listens"),
            f"rtsp://127.0.0.1:{stack.enter_context(dropping())}/cam": ("offline", "does not answer in time"),
            f"rtsp://127.0.0.1:{stack.enter_context(listening())}/cam": ("offline", "takes the connection"),
            "rtsp://no-such-host.invalid/cam": ("offline", "cannot be reached"),
            digest.url("cam", password="wr0ng"): ("unauthorised", "correct them"),
            basic.url("cam", password="wr0ng"): ("unauthorised", "correct them"),
            f"rtsp://127.0.0.1:{stack.enter_context(listening(refuse('403 Forbidden')))}/": ("unauthorised", "forbids"),
            plain.url("cam").replace("/cam", "/other"): ("no_video", "no stream at this path"),
            f"rtsp://127.0.0.1:{stack.enter_context(listening(greet_as_ssh))}/": ("no_video", "not an RTSP"),
            plain.url("sound"): ("no_video", "holds no video"),
            plain.url("cam", has_keyframes=0): ("no_video", "key frame"),
            f"rtsp://127.0.0.1:{stack.enter_context(listening(hang_after_describe))}/": (
                "no_video",
                "announces a stream",
            ),
        }
        ids = [add(app, uri) for uri in wanted]
        for source_id in ids:
            prober.ask(source_id)
        rows = [wait_for(lambda i=source_id: measured_row(app, i), "a measurement", 30) for source_id in ids]
    for row, (status, words) in zip(rows, wanted.values(), strict=True):
        assert row.status == status, row.status_detail
        assert words in row.status_detail
        assert "wr0ng" not in row.status_detail


def measured_row(app: Flask, source_id: int) -> Source | None:
    """Return the row of a source once it has been measured."""
    row = row_of(app, source_id)
    return row if row.status_us else None


def test_measuring_gives_ffmpeg_nothing_of_our_environment(
    app: Flask, footage: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It read the service's whole environment, with its key in it."""
    monkeypatch.setenv("PLAYBACK_SECRET_KEY", "k" * 48)
    program, told = tmp_path / "ffmpeg", tmp_path / "environment"
    program.write_text(f'#!/bin/sh\nenv > "{told}"\nexec "{FFMPEGS[-1]}" "$@"\n')
    program.chmod(0o755)
    app.config["PLAYBACK"] = replace(app.config["PLAYBACK"], FFMPEG=str(program))
    with RtspServer({"cam": footage}) as camera, contextlib.closing(Prober(app)) as prober:
        assert measured(app, prober, add(app, camera.url("cam"))).status == "online"
    assert not [line for line in told.read_text().splitlines() if line.startswith("PLAYBACK_")]


def test_a_picture_camera_that_gives_no_picture_says_why(app: Flask, prober: Prober) -> None:
    with contextlib.ExitStack() as stack:

        def camera(**faults: object) -> str:
            server = stack.enter_context(PictureServer())
            server.change(**faults)
            return server.url

        locked = stack.enter_context(PictureServer("digest", "viewer", "right")).url
        wanted: dict[tuple[str, str | None], tuple[str, str]] = {
            (locked, None): ("unauthorised", "refuses user or password (401)"),
            (locked, "wr0ng"): ("unauthorised", "refuses user or password (401)"),
            (camera(status=403), None): ("unauthorised", "(403)"),
            (camera(status=404), None): ("no_video", "answers 404"),
            (camera(status=500), None): ("no_video", "answers 500"),
            (camera(is_no_image=True), None): ("no_video", "not a whole picture"),
            (camera(is_truncated=True), None): ("offline", "cannot be reached"),
            (camera(redirect_to="http://192.0.2.1/picture.jpg"), None): ("no_video", "redirects to another host"),
            (f"http://127.0.0.1:{free_port()}/picture.jpg", None): ("offline", "cannot be reached"),
            (camera(is_hanging=True), None): ("offline", "does not answer in time"),
        }
        ids = []
        for uri, password in wanted:
            login = {"picture_auth": "digest", "picture_user": "viewer", "picture_password": password}
            ids.append(add(app, uri, **(login if password else {})))
        for source_id in ids:
            prober.ask(source_id)
        rows = [wait_for(lambda i=source_id: measured_row(app, i), "a measurement", 30) for source_id in ids]
    for row, (status, words) in zip(rows, wanted.values(), strict=True):
        assert row.status == status, row.status_detail
        assert words in row.status_detail
        assert "wr0ng" not in row.status_detail


def test_cameras_that_hang_hold_up_no_others(
    app: Flask, prober: Prober, footage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    short_s = looking.ANSWER_TIMEOUT_S
    monkeypatch.setattr(looking, "ANSWER_TIMEOUT_S", 6.0)  # else those behind them begin before anybody can overtake
    with listening() as port, RtspServer({"cam": footage}) as camera:
        dead = [add(app, f"rtsp://127.0.0.1:{port}/cam{number}") for number in range(30)]
        living = [add(app, camera.url("cam")) for _ in range(3)]
        for _ in range(5):  # the schedule looks again and again
            prober.look()
        fresh = measured(app, prober, add(app, camera.url("cam")), 10)
        monkeypatch.setattr(looking, "ANSWER_TIMEOUT_S", short_s)
        assert fresh.status == "online"
        begun_us = [row_of(app, source_id).probe_asked_us for source_id in dead]
        assert sum(at_us is None or at_us > fresh.probe_asked_us for at_us in begun_us) >= 18  # it overtook them
        assert len(prober) <= 34
        wait_for(lambda: all(measured_row(app, i) for i in (*dead, *living)), "all measurements", 40)
        assert {row_of(app, source_id).status for source_id in dead} == {"offline"}
        assert {row_of(app, source_id).status for source_id in living} == {"online"}
        prober.look()  # nothing is due any more
        wait_for(lambda: len(prober) == 0, "an empty queue")


def test_a_camera_that_comes_back_is_seen_by_the_schedule_soon(footage: Path, tmp_path: Path) -> None:
    port = free_port()
    with Service(tmp_path, PROBE_INTERVAL_S=8) as service:
        source_id = service.add_source(f"rtsp://127.0.0.1:{port}/cam")
        path = f"/api/v1/source/{source_id}/status"
        away = wait_for(lambda: told(service, path, "offline"), "notice that it is away")
        assert "nothing listens" in away["detail"]
        assert (away["video"], away["audio"], away["is_recording"]) == (None, None, False)
        with RtspServer({"cam": footage}, port=port):
            back = wait_for(lambda: told(service, path, "online"), "notice that it is back", 12)
        assert back["video"] == {
            "codec": "avc1.42c014",
            "width": 320,
            "height": 240,
            "frame_rate": pytest.approx(12, abs=0.3),
        }
        assert back["audio"] == {"codec": "pcm_mulaw", "rate_hz": 8000, "channels": 1}
        assert back["measured_utc"] > away["measured_utc"]
        service.call("POST", path, 202)
        wait_for(lambda: told(service, path, "offline"), "the measurement that was asked for", 4)


def told(service: Service, path: str, word: str) -> Any:
    """Return what a source's status says once it has this word."""
    found = service.call("GET", path)
    return found if found["status"] == word else None


def test_a_camera_that_records_is_measured_by_its_recording(footage: Path, tmp_path: Path) -> None:
    with (
        RtspServer({"cam": footage}) as camera,
        PictureServer(width=320, height=200) as pictures,
        Service(tmp_path, "web", "recorder") as service,  # no worker: nothing else measures
    ):
        plain = service.add_source(camera.url("cam"))
        encoded = service.add_source(camera.url("cam"), ffmpeg_cmd=ENCODING)
        still = service.add_source(pictures.url)
        service.add_group("streams", [plain, encoded])
        service.add_group("stills", [still], "PictureSource")
        service.record("day", "streams")
        service.record("day", "stills", "PictureSource")

        def status(source_id: int) -> Any:
            found = service.call("GET", f"/api/v1/source/{source_id}/status")
            return found if found["video"] else None

        shown = [wait_for(lambda i=i: status(i), "facts", 25) for i in (plain, encoded, still)]
        assert len([one for one in camera.sessions("cam") if one.end_s == math.inf]) == 2  # no second connection
    assert [one["status"] for one in shown] == ["online"] * 3
    assert [one["is_recording"] for one in shown] == [True] * 3
    rate = pytest.approx(12, abs=0.3)
    assert shown[0]["video"] == {"codec": "avc1.42c014", "width": 320, "height": 240, "frame_rate": rate}
    assert shown[1]["video"] == {"codec": "avc1", "width": 320, "height": 240, "frame_rate": rate}
    assert shown[2]["video"] == {"codec": "jpeg", "width": 320, "height": 200, "frame_rate": None}
    assert shown[0]["audio"] == {"codec": "pcm_mulaw", "rate_hz": 8000, "channels": 1}
    assert shown[2]["audio"] is None


def test_a_connection_gives_way_to_a_recording_that_starts(app: Flask, prober: Prober, footage: Path) -> None:
    with RtspServer({"cam": footage}) as camera:
        source_id = add(app, camera.url("cam", has_keyframes=0))  # holds the connection for 12 s
        prober.ask(source_id)
        wait_for(lambda: camera.sessions("cam"), "the connection")
        lease(app, source_id)
        wait_for(lambda: len(prober) == 0, "the end of the connection", 3)
        prober.look()
        assert len(prober) == 0
    assert row_of(app, source_id).status_us is None


def lease(app: Flask, source_id: int) -> None:
    """Give a source to a recorder."""
    with app.app_context(), writing() as session:
        session.add(Recorder(id="r", host_id="h", boot_id="b", pid=1, started_ticks=1, seen_us=1))
        session.flush()
        session.add(Lease(source_id=source_id, recorder_id="r", expires_us=2**60))


def test_a_clock_that_was_set_back_stops_no_measuring(app: Flask, prober: Prober) -> None:
    ahead_us = now_us() + 86_400 * SECOND
    source_id = add(app, "rtsp://127.0.0.1:9/cam", probe_asked_us=ahead_us, status="online")
    prober.look()
    wait_for(lambda: row_of(app, source_id).status == "offline", "the measurement")
    assert (row_of(app, source_id).probe_asked_us or ahead_us) < ahead_us


def test_two_workers_measure_a_camera_once(database_app: Flask, footage: Path) -> None:
    with RtspServer({"cam": footage}) as camera:
        source_id = add(database_app, camera.url("cam"))
        workers = [Prober(database_app) for _ in range(2)]
        for worker in workers:
            worker.ask(source_id)
            worker.look()
        wait_for(lambda: measured_row(database_app, source_id), "the measurement")
        for worker in workers:
            wait_for(lambda w=worker: len(w) == 0, "an empty queue")
            worker.close()
        assert len(camera.sessions("cam")) == 1


def test_a_measurement_of_an_address_that_was_changed_meanwhile_does_not_count(
    app: Flask, prober: Prober, footage: Path
) -> None:
    with listening() as port, RtspServer({"cam": footage}) as camera:
        source_id = add(app, f"rtsp://127.0.0.1:{port}/cam")
        prober.ask(source_id)
        wait_for(lambda: row_of(app, source_id).probe_asked_us, "the claim")
        with app.app_context(), writing() as session:
            sources.change(session, source_id, {"uri_rtsp": camera.url("cam")}, who="test")
        prober.ask(source_id)
        time.sleep(0.2)
        wait_for(lambda: len(prober) == 0, "an empty queue", 20)
        prober.look()
        row = wait_for(lambda: measured_row(app, source_id), "the measurement of the new address")
    assert row.status == "online"


def test_the_schedule_is_spread_and_sees_the_dead_sooner() -> None:
    interval_us, start_us = 60 * SECOND, 1_000 * SECOND
    times = [due_us(number, start_us + 7 * number, "online", interval_us, 0) for number in range(1, 200)]
    pauses_s = [(at_us - start_us) / SECOND for at_us in times]
    assert 54 <= min(pauses_s) < 56
    assert 64 < max(pauses_s) <= 66.1
    assert due_us(1, None, "unknown", interval_us, 0) == 0
    assert due_us(1, start_us, "offline", interval_us, 0) - start_us <= 16.5 * SECOND
    assert due_us(1, start_us, "unauthorised", interval_us, 0) - start_us >= 270 * SECOND
    after = [due_us(number, 1, "online", interval_us, start_us) for number in range(1, 200)]
    assert all(start_us <= at_us <= start_us + 30 * SECOND for at_us in after)  # a start is no burst
    assert len({at_us // SECOND for at_us in after}) > 20


def test_a_measurement_is_asked_for_again_only_when_none_is_under_way(app: Flask, client: FlaskClient) -> None:
    source_id = add(app, "rtsp://127.0.0.1:9/cam", probe_asked_us=now_us(), status_us=1)
    assert client.post(f"/api/v1/source/{source_id}/status").status_code == 202
    assert row_of(app, source_id).probe_asked_us is not None
    with app.app_context(), writing() as session:
        session.get_one(Source, source_id).status_us = now_us()
    assert client.post(f"/api/v1/source/{source_id}/status").status_code == 202
    assert row_of(app, source_id).probe_asked_us is None
    assert client.get("/api/v1/source/999/status").status_code == 404
    assert client.post("/api/v1/source/999/status").status_code == 404


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("Audio: aac (LC), 16000 Hz, mono, fltp", ("mp4a.40.2", 16000, 1)),
        ("Audio: aac (HE-AAC), 48000 Hz, stereo, fltp", ("mp4a.40.5", 48000, 2)),
        ("Audio: pcm_alaw, 8000 Hz, 1 channels, s16, 64 kb/s", ("pcm_alaw", 8000, 1)),
        ("Audio: opus, 48000 Hz, 5.1(side), fltp", ("opus", 48000, 6)),
        ("Data: none", (None, None, None)),
    ],
)
def test_the_log_tells_the_audio(line: str, wanted: tuple[object, ...]) -> None:
    facts = audio_facts(f"  Stream #0:0: Video: h264, 320x240\n  Stream #0:1: {line}\nOutput\n")
    assert (facts.audio_codec, facts.audio_rate_hz, facts.audio_channels) == wanted


def test_the_log_tells_the_video_that_is_encoded_anew() -> None:
    line = (
        "Stream #0:0: Video: hevc (Main), 1 reference frame, yuv420p(tv), 3840x2160 [SAR 1:1 DAR 16:9], 20 fps, 20 tbr"
    )
    facts = logged_facts(line + "\nOutput\nStream #0:0: Video: h264, yuv420p, 640x360, 5 fps")
    assert (facts.video_codec, facts.width, facts.height, facts.frame_rate) == ("hvc1", 3840, 2160, 20)


@pytest.mark.parametrize("claim", ["Audio: x ", "Video: x ", "Video: x, 10x10 "])
@pytest.mark.parametrize("begin", ["", "  "])
def test_a_log_full_of_what_the_camera_says_is_read_at_once(begin: str, claim: str) -> None:
    """Its words (SDP) stand in the log. Each took hours, in the thread that records all cameras."""
    said = f"SDP:\n{begin}" + f"Stream #0:0: {claim}" * 5000
    facts = logged_facts(
        f"{said}\n  Stream #0:0: Video: h264, 320x240, 5 fps\n  Stream #0:1: Audio: opus, 48000 Hz, mono"
    )
    assert facts.height in (240, 10)
    assert (facts.audio_codec, facts.audio_channels) == ("opus", 1)
    assert audio_codec(said) in (None, "x")
    assert not is_audio_fault("Decoder stream " * 5000)


def test_pictures_that_cannot_be_read_are_not_blamed_on_the_sound() -> None:
    text = "Could not write header for output file #0 (incorrect codec parameters ?): Invalid argument\n"
    text += "Error initializing output stream 0:1 -- \n"
    assert is_audio_fault(text)
    assert not is_audio_fault(f"[segment @ 0x55e10f959ac0] dimensions not set\n{text}")
