"""Another secret key than the one that addresses were stored with: it costs those cameras, and no other thing."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from app import create_app
from app.capture.prober import Prober
from app.extensions import db
from instance.config import TestingConfig
from tests.archive_reading import query
from tests.media import make_video
from tests.rtsp_server import RtspServer
from tests.service import Service, wait_for
from tests.test_api import API, add_group, add_picture_source, add_source, locs, start

RTSP = "rtsp://admin:correct-horse@127.0.0.1:1/cam"
PICTURE = {"uri": "http://127.0.0.1:1/picture", "auth": "digest", "user": "admin", "password": "correct-horse"}
ONE = f"{API}/source/1/"


@pytest.fixture
def changed(app: Flask) -> Iterator[Flask]:
    """Yield an app with another key over an RTSP camera (1) and a picture camera (2) in groups of their own."""
    client = app.test_client()
    add_group(client, "streams", add_source(client, uri_rtsp=RTSP, uri_http_picture=PICTURE))
    add_group(client, "pictures", add_picture_source(client, uri_http_picture=PICTURE), model="PictureSource")
    config: TestingConfig = app.config["PLAYBACK"]
    (config.instance_path / "secret_key").write_text("another key than before\n")
    later = create_app(config)
    yield later
    with later.app_context():
        db.engine.dispose()


@pytest.fixture
def client(changed: Flask) -> FlaskClient:
    return changed.test_client()


def cells(app: Flask) -> Any:
    """Return what the database holds of source 1."""
    with app.app_context():
        return db.session.execute(text("SELECT uri_rtsp, picture_uri, picture_password FROM source WHERE id = 1")).one()


def test_lists_stay_usable_and_show_no_address(client: FlaskClient) -> None:
    listed = client.get(f"{API}/source").json
    assert [one["status"] for one in listed] == ["unknown", "unknown"]
    assert [one["uri_rtsp"] for one in listed] == [None, None]
    assert listed[0]["uri_http_picture"] == {"uri": None, "auth": "digest", "user": "admin", "password": None}
    told = client.get(f"{API}/source/1/status").json
    assert "PLAYBACK_SECRET_KEY is not the one" in told["detail"]
    for path in ("/source/2/", "/group", "/source/2/status", "/tag/begin"):
        assert client.get(API + path).status_code == 200


def test_what_does_not_touch_the_address_may_be_changed_and_keeps_it(changed: Flask, client: FlaskClient) -> None:
    before = cells(changed)
    assert client.patch(ONE, json={"description": "gate"}).json["description"] == "gate"
    assert cells(changed) == before
    shown = client.get(ONE).json
    assert client.put(ONE, json=shown).status_code == 422  # a null would clear what another key could still read
    assert cells(changed) == before


def test_a_mask_cannot_stand_for_what_cannot_be_read(client: FlaskClient) -> None:
    answer = client.put(ONE, json={"uri_rtsp": "rtsp://admin:***@127.0.0.1:1/cam"})
    assert (answer.status_code, locs(answer)) == (422, [["body", "uri_rtsp"]])
    assert "give address and password" in answer.json["detail"][0]["msg"]
    for given in ({"uri": "http://127.0.0.1:1/other"}, {"uri": "http://127.0.0.1:1/picture", "password": "***"}):
        answer = client.put(f"{API}/source/2/", json={"uri_http_picture": given})
        assert (answer.status_code, locs(answer)) == (422, [["body", "uri_http_picture", "password"]])
    answer = client.put(f"{API}/source/2/", json={"uri_http_picture": {"user": "other"}})
    assert (answer.status_code, locs(answer)) == (422, [["body", "uri_http_picture", "uri"]])


def test_the_address_given_anew_mends_a_source(client: FlaskClient) -> None:
    mended = client.put(ONE, json={"uri_rtsp": RTSP})
    assert (mended.status_code, mended.json["uri_rtsp"]) == (200, "rtsp://admin:***@127.0.0.1:1/cam")
    assert start(client, "night", "streams").status_code == 204
    mended = client.patch(f"{API}/source/2/", json={"uri_http_picture": PICTURE})
    assert (mended.status_code, mended.json["uri_http_picture"]) == (200, {**PICTURE, "password": "***"})


def test_a_source_that_cannot_be_read_is_not_started_and_may_be_deleted(client: FlaskClient) -> None:
    answer = start(client, "night", "streams")
    assert (answer.status_code, locs(answer)) == (422, [["body", "group_name", "1"]])
    assert "PLAYBACK_SECRET_KEY" in answer.json["detail"][0]["msg"]
    assert client.delete(ONE).status_code == 200
    assert [one["id"] for one in client.get(f"{API}/source").json] == [2]


def test_the_worker_says_unknown_and_why(changed: Flask) -> None:
    prober = Prober(changed)
    prober.look()
    status = "SELECT status, status_detail FROM source WHERE status_us > 0"

    def rows() -> list[Any]:
        with changed.app_context():
            return list(db.session.execute(text(status)))

    wait_for(lambda: len(rows()) == 2, "two measurements")
    prober.close()
    assert {row.status for row in rows()} == {"unknown"}
    assert all("PLAYBACK_SECRET_KEY" in row.status_detail for row in rows())


def test_the_recorder_records_what_it_can_and_takes_up_what_is_mended(tmp_path: Path) -> None:
    footage = tmp_path / "cam.mp4"
    make_video(footage, seconds=4, fps=12, gop=12, width=320, height=240)
    with (
        RtspServer({"cam": footage}, user="admin", password="correct-horse") as camera,
        Service(tmp_path / "service", "web", "recorder") as service,
    ):
        lost = service.add_source(camera.url("cam"))
        service.add_group("gate", [lost])
        service.record("night", "gate")
        runs = "SELECT 1 FROM run WHERE source_id = ?"
        wait_for(lambda: query(service, runs, lost), "footage")
        service.stop()
        (service.instance / "secret_key").write_text("another key than before\n")
        begin = len(service.read_log())
        for role in service.roles:
            service.spawn(role)
        service.wait_ready()
        known = service.add_source(camera.url("cam"))
        service.add_group("yard", [known])
        service.record("night", "yard")
        wait_for(lambda: service.status(known) == "online", "footage of the one that can be read")
        found = service.call("GET", f"/api/v1/source/{lost}/status")
        assert (found["status"], found["is_recording"]) == ("unknown", False)
        words = {one["source"][0]["id"]: one["status"] for one in service.call("GET", "/api/v1/record?tag_name=night")}
        assert words == {lost: "waiting", known: "recording"}
        service.call("PUT", f"/api/v1/source/{lost}", uri_rtsp=camera.url("cam"))
        wait_for(lambda: service.status(lost) == "online", "footage of the one that was mended")
        said = service.read_log()[begin:]
    assert "Traceback" not in said
    assert said.count("PLAYBACK_SECRET_KEY is not the one") == 1
