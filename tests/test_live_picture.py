"""`/api/v1/source/{source_id}/picture`: from the picture address, else from the stream; or why there is none."""

import logging
import os
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient

from bench.processes import arguments, children
from tests.media import make_video
from tests.mjpeg_client import frame_number
from tests.picture_server import PictureServer, picture_number
from tests.rtsp_server import RtspServer
from tests.service import wait_for
from tests.test_api import API, add_picture_source, add_source
from tests.test_picture_size import bmp

PASSWORD = "p@ss w:rd/1%"


@pytest.fixture(scope="module")
def footage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return 6 s of H.264 with a key frame a second, and AAC."""
    return make_video(
        tmp_path_factory.mktemp("live") / "cam.mp4", seconds=6, fps=12, gop=12, width=320, height=240, audio="aac"
    )


@pytest.fixture(scope="module")
def stream(footage: Path) -> Iterator[RtspServer]:
    """Yield a camera that wants a password."""
    with RtspServer({"cam": footage}, user="admin", password=PASSWORD) as server:
        yield server


@pytest.fixture
def pictures() -> Iterator[PictureServer]:
    """Yield a camera of still pictures."""
    with PictureServer() as server:
        yield server


def ask(client: FlaskClient, source: dict[str, Any]) -> Any:
    return client.get(f"{API}/source/{source['id']}/picture")


def why_not(answer: Any) -> str:
    """Return the message of a 504."""
    assert answer.status_code == 504, answer.status_code
    [entry] = answer.json["detail"]
    assert (entry["loc"], entry["type"]) == (["path", "source_id"], "camera_silent")
    return str(entry["msg"])


@pytest.mark.parametrize("auth", ["none", "basic", "digest"])
def test_the_picture_is_what_the_camera_serves(client: FlaskClient, auth: str) -> None:
    with PictureServer(auth=auth, password=PASSWORD) as camera:
        login = {"auth": auth, "user": "admin", "password": PASSWORD} if auth != "none" else {}
        source = add_picture_source(client, uri_http_picture={"uri": camera.url, **login})
        answer = ask(client, source)
        assert (answer.status_code, answer.mimetype) == (200, "image/jpeg")
        assert picture_number(answer.data) == camera.served()[-1].number
    assert answer.headers["Cache-Control"] == "no-store"
    taken_utc = datetime.fromisoformat(answer.headers["X-Picture-Utc"])
    assert abs(datetime.now(UTC) - taken_utc) < timedelta(seconds=10)


def test_a_camera_that_sends_png_is_answered_as_jpeg(client: FlaskClient, pictures: PictureServer) -> None:
    pictures.change(is_png=True)
    answer = ask(client, add_picture_source(client, uri_http_picture={"uri": pictures.url}))
    assert (answer.mimetype, answer.data[:2], answer.data[-2:]) == ("image/jpeg", b"\xff\xd8", b"\xff\xd9")
    assert picture_number(answer.data) == 1


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"status": 500}, "the camera failed: it answers 500 instead of a picture"),
        ({"status": 403}, "refuses user or password"),
        ({"is_truncated": True}, "cannot be reached"),
        ({"is_no_image": True}, "not a whole picture"),
        ({"body": bmp(30_000)}, "30000 × 30000 pixels, 900,000,000 in all; at most 67,108,864 are taken"),
        ({"redirect_to": "http://127.0.0.2:1/x"}, "redirects to another host"),
    ],
    ids=["failed", "forbidden", "truncated", "no image", "too large", "elsewhere"],
)
def test_a_camera_without_a_picture_is_504_with_the_cause(
    client: FlaskClient, pictures: PictureServer, fault: dict[str, Any], words: str
) -> None:
    pictures.change(**fault)
    assert words in why_not(ask(client, add_picture_source(client, uri_http_picture={"uri": pictures.url})))


def test_a_wrong_password_is_asked_for_once_and_right_at_once_when_corrected(client: FlaskClient) -> None:
    with PictureServer(auth="basic", password=PASSWORD) as camera:
        picture = {"uri": camera.url, "auth": "basic", "user": "admin", "password": "wrong"}
        source = add_picture_source(client, uri_http_picture=picture)
        for _ in range(3):
            assert "correct them in the source" in why_not(ask(client, source))
        picture["password"] = PASSWORD
        client.put(f"{API}/source/{source['id']}", json={"uri_http_picture": picture})
        assert ask(client, source).status_code == 200


def test_a_silent_camera_is_504(client: FlaskClient, pictures: PictureServer) -> None:
    pictures.change(is_hanging=True)
    source = add_picture_source(client, uri_http_picture={"uri": pictures.url})
    assert "does not answer in time" in why_not(ask(client, source))


@pytest.mark.parametrize("fault", [{"status": 404}, {"is_hanging": True}], ids=["refused", "hanging"])
def test_a_stream_is_decoded_where_the_picture_address_fails(
    client: FlaskClient, pictures: PictureServer, stream: RtspServer, fault: dict[str, Any]
) -> None:
    pictures.change(**fault)
    source = add_source(client, uri_rtsp=stream.url("cam"), uri_http_picture={"uri": pictures.url})
    answer = ask(client, source)
    assert answer.status_code == 200, answer.data
    assert frame_number(answer.data) < 24  # of the first two seconds
    image = cv2.imdecode(np.frombuffer(answer.data, np.uint8), cv2.IMREAD_COLOR)
    assert image.shape == (240, 320, 3)


def test_a_source_with_a_picture_address_is_not_connected_to(
    client: FlaskClient, pictures: PictureServer, stream: RtspServer
) -> None:
    before = stream.requests.total()
    source = add_source(client, uri_rtsp=stream.url("cam"), uri_http_picture={"uri": pictures.url})
    assert picture_number(ask(client, source).data) == 1
    assert stream.requests.total() == before


@pytest.mark.parametrize(
    ("uri", "words", "reason"),
    [
        ("{wrong}", "refuses user or password", "wrong_password"),
        ("{nothing}", "no stream at this path", "path_unknown"),
        ("rtsp://127.0.0.1:1/cam", "nothing listens", "refused"),
        ("{silent}", "sends key frames too seldom", "no_key_frame"),
    ],
    ids=["password", "path", "port", "silent"],
)
def test_a_stream_without_a_picture_is_504_with_the_cause(
    client: FlaskClient, stream: RtspServer, uri: str, words: str, reason: str
) -> None:
    addresses = {
        "wrong": stream.url("cam", password="no"),
        "nothing": stream.url("nothing"),
        "silent": stream.url("cam", stall_after_s=0),
    }
    answer = ask(client, add_source(client, uri_rtsp=uri.format(**addresses)))
    assert words in why_not(answer)
    assert answer.json["reason"] == reason


@pytest.mark.parametrize("kind", ["stream", "picture"])
def test_100_requests_at_once_are_one_connection(
    app: Flask, stream: RtspServer, pictures: PictureServer, kind: str
) -> None:
    client = app.test_client()
    if kind == "stream":
        source = add_source(client, uri_rtsp=stream.url("cam"))
    else:
        pictures.change(delay_s=1.5)  # a fourth comes after 6 s: on a busy machine 100 take some
        source = add_picture_source(client, uri_http_picture={"uri": pictures.url})
    before = len(stream.sessions())
    answers: list[Any] = []
    threads = [
        threading.Thread(target=lambda: answers.append(ask(app.test_client(), source).status_code)) for _ in range(100)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [200] * 100
    assert len(stream.sessions()) - before == (kind == "stream")
    assert pictures.requests <= 3  # while nobody has left yet one more may be fetched each second


def test_no_password_is_seen_anywhere_and_nothing_stays_behind(
    client: FlaskClient, footage: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with RtspServer({"cam": footage}, user="admin", password="visible") as camera:
        wrong = add_source(client, uri_rtsp=camera.url("cam", password="secretive"))
        answers, seen = [], []
        for source in (add_source(client, uri_rtsp=camera.url("cam")), wrong):
            answers.append(ask(client, source))
            seen += [arguments(pid) for pid in children(os.getpid())]  # each lingers for a moment only
        assert [answer.status_code for answer in answers] == [200, 504]
        assert any("mpjpeg" in words for words in seen), "no ffmpeg was there to look at"
        texts = f"{seen} {caplog.text} {answers[1].text}"
        assert not any(word in texts for word in ("visible", "secretive"))
        wait_for(lambda: not any("mpjpeg" in arguments(pid) for pid in children(os.getpid())), "the end of ffmpeg")


def test_ids_are_checked(client: FlaskClient) -> None:
    for name in ("picture", "video"):
        unknown, wrong = client.get(f"{API}/source/7/{name}"), client.get(f"{API}/source/x/{name}/")
        assert (unknown.status_code, unknown.json["detail"][0]["loc"]) == (404, ["path", "source_id"])
        assert (wrong.status_code, wrong.json["detail"][0]["loc"]) == (422, ["path", "source_id"])
