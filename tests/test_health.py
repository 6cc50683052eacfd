"""Health, metrics and the test pictures: what is watched from outside."""

import re
import time
from pathlib import Path

import av
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, select

from app import create_app
from app.archive.storages import open_storage
from app.capture import leases
from app.extensions import db, writing
from app.models import Attempt, Recorder, Source
from app.models.types import now_us
from instance.config import TestingConfig
from tests.mjpeg_client import boundary
from tests.services import Redis, why_no_redis

JSON = {"Accept": "application/json"}


@pytest.fixture
def recorder_id(app: Flask) -> str:
    """Return the id of a recorder that lives: the process of this test."""
    import os

    with app.app_context():
        open_storage(app.config["PLAYBACK"])
        return leases.register(os.getpid())


def missing(client: FlaskClient) -> set[str]:
    """Return what `/readyz` names as missing, having checked that the bare answer agrees."""
    answer = client.get("/readyz", headers=JSON)
    absent = {name for name, is_there in answer.json.items() if not is_there} - {"ready"}
    bare = client.get("/readyz")
    assert (bare.status_code, bare.text) == ((503, "no\n") if absent else (200, "yes\n"))
    assert answer.status_code == bare.status_code
    assert answer.json["ready"] is not bool(absent)
    return absent


def change_recorder(app: Flask, **values: int | str) -> None:
    with app.app_context(), writing() as session:
        row = session.scalars(select(Recorder)).one()
        for name, value in values.items():
            setattr(row, name, value)


def test_a_process_without_anything_else_is_alive(tmp_path: Path) -> None:
    client = create_app(TestingConfig(INSTANCE=str(tmp_path))).test_client()
    assert client.get("/healthz").text == "yes\n"
    assert missing(client) == {"database", "recorder", "storage"}


def test_ready_when_database_broker_storage_and_recorder_are_there(client: FlaskClient, recorder_id: str) -> None:
    assert missing(client) == set()


def test_not_ready_without_a_recorder(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        open_storage(app.config["PLAYBACK"])
    assert missing(client) == {"recorder"}


def test_not_ready_when_the_recorder_was_not_seen_for_long(app: Flask, client: FlaskClient, recorder_id: str) -> None:
    change_recorder(app, seen_us=now_us() - 16_000_000)
    assert missing(client) == {"recorder"}


def test_not_ready_when_the_recorder_said_that_it_ends(app: Flask, client: FlaskClient, recorder_id: str) -> None:
    change_recorder(app, ended_us=now_us())
    assert missing(client) == {"recorder"}


def test_not_ready_when_the_recorders_process_is_dead(app: Flask, client: FlaskClient, recorder_id: str) -> None:
    change_recorder(app, started_ticks=1)
    assert missing(client) == {"recorder"}


def test_a_recorder_of_another_machine_counts_by_its_signs_of_life(
    app: Flask, client: FlaskClient, recorder_id: str
) -> None:
    change_recorder(app, host_id="another", started_ticks=1)
    assert missing(client) == set()


def test_not_ready_when_the_storage_is_not_the_one_that_was_marked(
    config: TestingConfig, client: FlaskClient, recorder_id: str
) -> None:
    (config.storage_path / "storage.id").unlink()  # as when nothing is mounted there
    assert missing(client) == {"storage"}
    assert not (config.storage_path / "storage.id").exists()


def test_not_ready_when_the_storage_is_full(client: FlaskClient, app: Flask, recorder_id: str) -> None:
    full = TestingConfig(INSTANCE=app.config["PLAYBACK"].INSTANCE, RESERVE_BYTES=10**18)
    assert missing(create_app(full).test_client()) == {"storage"}


def test_not_ready_when_the_broker_does_not_answer(app: Flask, recorder_id: str) -> None:
    lonely = TestingConfig(INSTANCE=app.config["PLAYBACK"].INSTANCE, BROKER_URL="redis://127.0.0.1:1/0")
    assert missing(create_app(lonely).test_client()) == {"broker"}


@pytest.mark.skipif(bool(why_no_redis()), reason=why_no_redis() or "there is one")
def test_ready_with_redis(app: Flask, recorder_id: str) -> None:
    with Redis() as redis:
        other = TestingConfig(INSTANCE=app.config["PLAYBACK"].INSTANCE, BROKER_URL=redis.database())
        assert missing(create_app(other).test_client()) == set()


def samples(client: FlaskClient) -> dict[str, float]:
    """Return the samples of `/metrics` by name and labels."""
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer.content_type.startswith("text/plain")
    lines = [line.rpartition(" ") for line in answer.text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in lines}


def test_metrics_count_requests_by_rule_and_not_by_address(client: FlaskClient) -> None:
    for number in range(1, 4):
        client.get(f"/api/v1/source/{number}")
    client.open("/healthz", method="BREW")
    found = samples(client)
    labels = 'method="GET",status="404",url_rule="/api/v1/source/<source_id>/"'
    assert found[f"flask_http_request_duration_seconds_count{{{labels}}}"] == 3
    assert found['flask_http_request_total{method="GET",status="404"}'] == 3
    assert not any("BREW" in name or "/source/1" in name for name in found)


def test_metrics_show_the_state_of_recording(database_app: Flask) -> None:
    client = database_app.test_client()
    assert samples(client)["playback_sources_wanted"] == 0
    with database_app.app_context(), writing() as session:
        source = Source(model="Source", status="offline")
        session.add_all([source, Source(model="Source", status="online"), Source(model="Source", deleted_us=1)])
        session.flush()
        for reason in ("silent", "silent", "crashed", None):
            end_us = None if reason is None else 2
            session.add(Attempt(source_id=source.id, recorder_id="r", begin_us=1, end_us=end_us, reason=reason))
    database_app.extensions.pop("playback_figures", None)  # kept where the machine is slow now
    found = samples(client)
    assert found['playback_sources{status="offline"}'] == 1
    assert found['playback_sources{status="online"}'] == 1
    assert found['playback_sources{status="unknown"}'] == 0
    assert found['playback_attempts_total{reason="silent"}'] == 2
    assert found['playback_attempts_total{reason="crashed"}'] == 1
    assert found["playback_attempts_living"] == 1
    assert found["playback_segments"] == 0
    assert found["playback_database_up"] == 1


def test_metrics_say_that_the_database_is_gone(tmp_path: Path) -> None:
    client = create_app(TestingConfig(INSTANCE=str(tmp_path))).test_client()
    found = samples(client)
    assert found["playback_database_up"] == 0
    assert "playback_segments" not in found


def test_metrics_read_a_slow_database_seldom(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        engine = db.engine

    @event.listens_for(engine, "before_cursor_execute")
    def _slow(*_: object) -> None:
        counted.append(1)
        time.sleep(0.05)

    counted: list[int] = []
    samples(client)
    first = len(counted)
    samples(client)
    assert first > 0
    assert len(counted) == first


def clock_picture(data: bytes) -> av.VideoFrame:
    """Return the decoded JPEG."""
    decoder = av.CodecContext.create("mjpeg", "r")
    frames = [*decoder.decode(av.Packet(data)), *decoder.decode(None)]
    assert len(frames) == 1
    return frames[0]


@pytest.mark.parametrize("path", ["/test/img", "/test/img/"])
def test_the_test_picture_is_a_jpeg_that_moves(client: FlaskClient, path: str) -> None:
    first = client.get(path)
    assert (first.status_code, first.mimetype) == (200, "image/jpeg")
    assert "no-store" in first.headers["Cache-Control"]
    picture = clock_picture(first.data)
    assert (picture.width, picture.height) == (640, 360)
    time.sleep(0.11)
    assert client.get(path).data != first.data


@pytest.mark.parametrize("path", ["/test/img", "/test/video"])
def test_a_browser_gets_a_page_that_shows_the_picture(client: FlaskClient, path: str) -> None:
    answer = client.get(path, headers={"Accept": "text/html,application/xhtml+xml,image/avif,*/*;q=0.8"})
    assert answer.mimetype == "text/html"
    assert f'<img src="{path}' in answer.text


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("text/html", "text/html"),
        ("text/html;q=0.5, image/*;q=0.9", "image/jpeg"),
        ("image/jpeg;q=0.5, text/*", "text/html"),
        ("*/*", "image/jpeg"),
        ("application/json", "image/jpeg"),
    ],
)
def test_the_test_picture_is_a_page_only_where_that_is_preferred(client: FlaskClient, accept: str, kind: str) -> None:
    assert client.get("/test/img", headers={"Accept": accept}).mimetype == kind
    head = client.head("/test/video", headers={"Accept": accept})
    assert head.mimetype == kind.replace("image/jpeg", "multipart/x-mixed-replace")


def test_the_test_video_ends_by_itself_for_a_client_that_did_not_ask_for_a_stream(client: FlaskClient) -> None:
    for _ in range(3):  # this process itself may be held up
        begun_s = time.monotonic()
        answer = client.get("/test/video")
        body = answer.data
        taken_s = time.monotonic() - begun_s
        begin_of_part = boundary(answer.content_type)
        parts = re.findall(begin_of_part + rb"\r\nContent-Type: image/jpeg\r\nContent-Length: (\d+)\r\n\r\n", body)
        if taken_s < 8 and len(parts) >= 10:
            break
    assert 4.5 < taken_s < 8
    assert answer.status_code == 200
    assert len(parts) >= 10
    begin = body.index(b"\r\n\r\n") + 4
    assert clock_picture(body[begin : begin + int(parts[0])]).width == 640
    assert body.endswith(begin_of_part + b"--\r\n")


def test_the_test_video_goes_on_for_a_client_that_asked_for_it(client: FlaskClient) -> None:
    asked = [
        ("", {"Accept": "multipart/x-mixed-replace"}),
        ("", {"Accept": "image/avif,image/webp,image/*,*/*;q=0.8"}),
        ("?shown=page", {"Accept": "image/webp,*/*"}),  # as our page asks, which sends no referrer
    ]
    answers = [client.get(f"/test/video{query}", headers=headers, buffered=False) for query, headers in asked]
    streams = [answer.iter_encoded() for answer in answers]
    begun_s = time.monotonic()
    while time.monotonic() - begun_s < 6:
        for stream in streams:
            assert next(stream, b"--\r\n") != b"--\r\n"
    for answer in answers:
        answer.close()


def test_head_of_the_test_video_answers_at_once(client: FlaskClient) -> None:
    taken_s = []
    for _ in range(3):  # this process itself may be held up
        begun_s = time.monotonic()
        answer = client.head("/test/video", headers={"Accept": "image/*"})
        assert answer.status_code == 200
        assert answer.data == b""
        taken_s.append(time.monotonic() - begun_s)
    assert min(taken_s) < 0.5
