"""Cameras that err: each gives one clear line, the right status, and touches nothing that is recorded."""

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.archive_reading import assert_contiguous, query, recorded_runs
from tests.media import make_video
from tests.picture_server import PictureServer
from tests.ports import free_port
from tests.rtsp_server import RtspServer
from tests.service import Service, wait_for


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with Service(tmp_path_factory.mktemp("service"), SEGMENT_S=4, PICTURE_INTERVAL_S=0.5) as running:
        yield running


@pytest.fixture(scope="module")
def footage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("footage") / "cam.mp4"
    make_video(path, seconds=4, fps=12, gop=12, width=320, height=240, audio="pcm_mulaw")
    return path


def start(service: Service, uri: str, name: str, model: str = "Source", **fields: object) -> int:
    source_id = service.add_source(uri, **fields)
    service.add_group(name, [source_id], model)
    service.record(name, name, model)
    return source_id


def attempts(service: Service, source_id: int) -> list[tuple[str, str]]:
    text = "SELECT reason, detail FROM attempt WHERE source_id = ? AND end_us > 0 AND reason <> 'audio' ORDER BY id"
    return query(service, text, source_id)


def reason_of(service: Service, source_id: int, limit_s: float = 15) -> tuple[str, str]:
    return wait_for(lambda: attempts(service, source_id), "the end of an attempt", limit_s)[0]


def is_recorded(service: Service, source_id: int) -> bool:
    """Tell whether footage comes: measured as online is a camera also before the recorder has connected."""
    has_run = query(service, "SELECT 1 FROM run WHERE source_id = ?", source_id)
    return bool(has_run) and service.status(source_id) == "online"


def test_an_address_where_nothing_listens_is_offline(service: Service) -> None:
    source_id = start(service, f"rtsp://127.0.0.1:{free_port()}/cam", "nobody")
    reason, detail = reason_of(service, source_id)
    assert reason == "camera_unreachable"
    assert "nothing listens" in detail
    assert service.status(source_id) == "offline"

    def is_the_cause() -> bool:  # not while it is just being tried again
        gap = service.call("GET", f"/api/v1/source/{source_id}/gaps?start={time.time() - 60:.3f}")["gaps"][-1]
        return (gap["cause"], gap["detail"]) == (reason, detail)

    wait_for(is_the_cause, "a gap with the attempt's cause")
    record = service.call("GET", "/api/v1/record?tag_name=nobody")[0]
    assert record["status"] == "waiting"
    service.stop_recording("nobody")
    assert service.call("GET", "/api/v1/record?tag_name=nobody")[0]["status"] == "failed"


def test_a_camera_that_comes_back_is_recorded_soon_after(service: Service, footage: Path) -> None:
    port = free_port()
    source_id = start(service, f"rtsp://127.0.0.1:{port}/cam", "late")
    wait_for(lambda: len(attempts(service, source_id)) >= 3, "three attempts")
    with RtspServer({"cam": footage}, port=port):
        wait_for(lambda: is_recorded(service, source_id), "footage", 8)
        service.stop_recording("late")
        wait_for(lambda: recorded_runs(service, source_id), "footage on disk")


@pytest.mark.parametrize("auth", ["digest", "basic"])
def test_a_wrong_password_is_unauthorised_and_not_tried_every_second(
    service: Service, footage: Path, auth: str
) -> None:
    with RtspServer({"cam": footage}, user="admin", password="right", auth=auth) as camera:
        source_id = start(service, camera.url("cam", password="wrong"), f"wrong {auth}")
        reason, detail = reason_of(service, source_id)
        assert reason == "wrong_password"
        assert "correct them" in detail
        assert "wrong" not in detail
        assert service.status(source_id) == "unauthorised"
        service.stop_recording(f"wrong {auth}")


def test_an_unknown_path_has_no_video(service: Service, footage: Path) -> None:
    with RtspServer({"cam": footage}) as camera:
        source_id = start(service, camera.url("cam").replace("/cam", "/other"), "other")
        assert reason_of(service, source_id)[0] == "no_video"
        assert service.status(source_id) == "no_video"
        service.stop_recording("other")


def test_what_is_not_rtsp_has_no_video(service: Service) -> None:
    class Plain(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def handle(self) -> None:
            with contextlib.suppress(ConnectionError):
                super().handle()

    with ThreadingHTTPServer(("127.0.0.1", 0), Plain) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        source_id = start(service, f"rtsp://127.0.0.1:{server.server_port}/", "plain")
        reason, _ = reason_of(service, source_id, 20)
        assert reason in ("no_video", "camera_unreachable")
        assert service.status(source_id) in ("no_video", "offline")
        service.stop_recording("plain")
        server.shutdown()


def test_a_stream_without_a_key_frame_says_so(service: Service, footage: Path) -> None:
    with RtspServer({"cam": footage}) as camera:
        source_id = start(service, camera.url("cam", has_keyframes=0), "no key")
        reason, detail = reason_of(service, source_id, 25)
        assert (reason, service.status(source_id)) == ("no_key_frame", "no_video")
        assert "key frame" in detail
        service.stop_recording("no key")
        live = service.storage / "live" / str(source_id)
        wait_for(lambda: not list(live.glob("*.mp4")), "a live folder without leftovers", 25)
        assert len(list((service.storage / "salvage").glob(f"{source_id}/*"))) <= 1


def test_a_camera_that_knows_udp_only_is_recorded(service: Service, footage: Path) -> None:
    with RtspServer({"cam": footage}, transports={"udp"}) as camera:
        source_id = start(service, camera.url("cam"), "udp")
        wait_for(lambda: is_recorded(service, source_id), "footage")
        service.stop_recording("udp")
        wait_for(lambda: recorded_runs(service, source_id), "footage on disk")
        assert {session.transport for session in camera.sessions("cam")} == {"udp"}


def test_g711_audio_becomes_aac_and_no_video_is_lost(service: Service, footage: Path) -> None:
    with RtspServer({"cam": footage}) as camera:
        source_id = start(service, camera.url("cam"), "g711")
        wait_for(lambda: is_recorded(service, source_id), "footage")
        service.stop_recording("g711")
        wait_for(lambda: query(service, "SELECT 1 FROM run WHERE source_id = ? AND end_us > 0", source_id), "the end")
        run = recorded_runs(service, source_id)[-1]
        sent = [session for session in camera.sessions("cam") if session.sent("video")][-1]
        assert_contiguous(run.video, sent.sent("video"), 0, begin=0)
        assert run.audio
        codecs = query(service, "SELECT rfc6381 FROM sample_entry WHERE kind = 'audio'")
        assert codecs == [("mp4a.40.2",)]


def test_an_unknown_option_of_the_template_is_refused_by_name(service: Service) -> None:
    answer = service.call(
        "POST",
        "/api/v1/source",
        422,
        model="Source",
        uri_rtsp="rtsp://127.0.0.1/cam",
        ffmpeg_cmd="ffmpeg -i {uri} -c copy -filter_script /etc/passwd {output}",
    )
    assert answer["detail"][0]["loc"] == ["body", "ffmpeg_cmd"]
    assert "'-filter_script'" in answer["detail"][0]["msg"]


def test_a_template_that_encodes_anew_is_followed(service: Service, footage: Path) -> None:
    with RtspServer({"cam": footage}) as camera:
        template = (
            "ffmpeg -rtsp_transport tcp -i {uri} -c:v libx264 -preset ultrafast -g 12 -vf scale=160:120 -an {output}"
        )
        source_id = start(service, camera.url("cam"), "encoded", ffmpeg_cmd=template)
        wait_for(lambda: is_recorded(service, source_id), "footage")
        service.stop_recording("encoded")
        wait_for(lambda: recorded_runs(service, source_id), "footage on disk")
        assert query(service, "SELECT width, height FROM sample_entry WHERE width = 160") == [(160, 120)]
        assert not recorded_runs(service, source_id)[-1].audio


@pytest.mark.parametrize(("auth", "user"), [(None, None), ("basic", "viewer"), ("digest", "viewer")])
def test_a_picture_camera_is_recorded_with_true_times(service: Service, auth: str | None, user: str | None) -> None:
    with PictureServer(auth or "none", user or "", "geheim") as camera:
        picture = {"auth": auth, "user": user, "password": "geheim"} if auth else {}
        source_id = start(service, camera.url, f"stills {auth}", "PictureSource", picture=picture)
        wait_for(lambda: is_recorded(service, source_id), "footage", 20)
        enough = len(camera.served()) + 10
        wait_for(lambda: len(camera.served()) >= enough, "pictures enough to judge their pace by", 20)
        service.stop_recording(f"stills {auth}")
        (run,) = wait_for(lambda: recorded_runs(service, source_id), "footage on disk")
        served = [one.sent_s for one in camera.served()]
        gaps_s = [(after.pts - before.pts) / 90_000 for before, after in zip(run.video, run.video[1:], strict=False)]
        assert 0.3 < sum(gaps_s) / len(gaps_s) < 0.7
        assert min(abs(run.start_us / 1e6 - sent_s) for sent_s in served) < 0.5


def test_a_view_that_does_not_change_is_recorded_without_a_gap(service: Service) -> None:
    """Its pictures were so far apart that each new file looked like a jump of the clock: 11 s in 73 were lost."""
    with PictureServer() as camera:
        source_id = start(service, camera.url, "still", "PictureSource")
        wait_for(camera.served, "a picture")
        camera.change(is_frozen=True)
        closed = "SELECT start_us, end_us FROM segment WHERE source_id = ? AND state = 1 ORDER BY start_us"
        wait_for(lambda: len(query(service, closed, source_id)) >= 2, "the second file", 25)
        assert attempts(service, source_id) == []
        service.stop_recording("still")
        (run,) = wait_for(lambda: recorded_runs(service, source_id), "footage on disk")
        (first_begin_us, first_end_us), (second_begin_us, _), *_ = query(service, closed, source_id)
        assert run.start_us == first_begin_us
        assert first_end_us == second_begin_us


def test_a_picture_camera_that_refuses_says_so(service: Service) -> None:
    with PictureServer("basic", "viewer", "right") as camera:
        picture = {"auth": "basic", "user": "viewer", "password": "other"}
        source_id = start(service, camera.url, "refused", "PictureSource", picture=picture)
        reason, detail = reason_of(service, source_id)
        assert reason == "wrong_password"
        assert "other" not in detail
        assert service.status(source_id) == "unauthorised"
        service.stop_recording("refused")


def test_a_full_storage_is_told_to_the_caller(tmp_path: Path) -> None:
    service = Service(tmp_path / "service", RESERVE_BYTES=10**15)
    service.start()
    try:
        wait_for(lambda: service.answers("/healthz"), "life", 30)
        assert not service.is_ready()
        source_id = service.add_source("rtsp://127.0.0.1/cam")
        service.add_group("full", [source_id])
        answer = service.call("POST", "/api/v1/record", 507, model="Source", tag_name="full", group_name="full")
        assert "free space" in answer["detail"][0]["msg"]
        assert json.dumps(answer).count("detail") == 1
    finally:
        service.stop()
