"""Trying a camera before it is stored: its picture, or the reason why there is none, and what must not happen."""

import base64
import logging
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from flask import Flask
from flask.testing import FlaskClient

from app.capture.ffmpeg import find_ffmpeg
from app.capture.trial import LIMIT_S, MOST_PIXELS
from app.extensions import writing
from tests.accounts import add_account, add_bounded
from tests.archived import add_source
from tests.conftest import in_production
from tests.hostile_rtsp import Hostile
from tests.media import make_video
from tests.picture_server import PictureServer
from tests.ports import free_port
from tests.rtsp_server import RtspServer
from tests.test_api import API
from tests.test_camera_rights import Caller

TEST = f"{API}/source/test"
PASSWORD = "s3cr3t/word"


@pytest.fixture(scope="module")
def footage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("footage") / "cam.mp4"
    make_video(path, seconds=4, fps=12, gop=12, width=320, height=240, audio="pcm_mulaw")
    return path


@pytest.fixture(scope="module")
def camera(footage: Path) -> Iterator[RtspServer]:
    with RtspServer({"cam": footage}, user="admin", password=PASSWORD) as server:
        yield server


def ask(client: FlaskClient, uri: str | None = None, **body: Any) -> dict[str, Any]:
    """Try a camera; return the answer, in which no password may be."""
    if uri is not None:
        body |= {"model": "Source", "uri_rtsp": uri}
    answer = client.post(TEST, json=body)
    assert answer.status_code == 200, answer.text
    assert not any(word in answer.text for word in (PASSWORD, "s3cr3t", "s3cr3t%2Fword"))
    found: dict[str, Any] = answer.json
    assert found["took_s"] < LIMIT_S + 2
    assert (found["picture"] is None) == (found["reason"] is not None) == (found["detail"] is not None)
    return found


def reason(client: FlaskClient, uri: str | None = None, **body: Any) -> tuple[str, str]:
    found = ask(client, uri, **body)
    return found["status"], found["reason"]


def pixels(found: dict[str, Any]) -> tuple[int, ...]:
    """Return height and width of the picture that was answered."""
    data = found["picture"].removeprefix("data:image/jpeg;base64,")
    image = cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return image.shape[:2]


def of_pictures(server: PictureServer, **changed: Any) -> dict[str, Any]:
    address = {"uri": server.url, "auth": "digest", "user": server.user, "password": server.password}
    return {"model": "PictureSource", "uri_http_picture": {**address, **changed}}


def caller_of(app: Flask, name: str, role: str = "admin", *source_ids: int) -> Caller:
    """Return a new account, which sees all cameras or those alone."""
    with app.app_context(), writing() as session:
        bounded = add_bounded(session, name, role, *source_ids) if source_ids else None
        return Caller(app, bounded or add_account(session, name, role))


@contextmanager
def https(folder: Path) -> Iterator[int]:
    """Yield the port of a server whose certificate nobody has signed."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "camera")])
    begin = datetime.now(UTC) - timedelta(days=1)
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, begin, begin + timedelta(days=9))
    encoding, kind = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    pem = made.sign(key, hashes.SHA256()).public_bytes(encoding)
    (folder / "pem").write_bytes(key.private_bytes(encoding, kind, serialization.NoEncryption()) + pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "pem")
    server = HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


def test_a_stream_is_shown_and_nothing_of_it_is_stored(
    client: FlaskClient, camera: RtspServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    found = ask(client, camera.url("cam"), description="Gate")
    assert (found["status"], found["reason"]) == ("online", None)
    assert pixels(found) == (240, 320)
    assert found["codec"].startswith("avc1.")
    assert (found["width"], found["height"], found["has_audio"]) == (320, 240, True)
    assert found["fps"] == pytest.approx(12, abs=0.5)
    assert client.get(f"{API}/source").json == []
    [told] = client.get(f"{API}/audit?action=source.test").json
    place = f"127.0.0.1:{camera.port}"
    expected = {"model": "Source", "place": place, "status": "online", "reason": None}
    assert {name: told["detail"][name] for name in expected} == expected
    assert "s3cr3t" not in caplog.text


def test_a_stream_is_refused_with_the_reason(client: FlaskClient, camera: RtspServer, footage: Path) -> None:
    assert reason(client, camera.url("cam", password="other")) == ("unauthorised", "wrong_password")
    assert reason(client, camera.url("other")) == ("no_video", "path_unknown")
    assert reason(client, camera.url("cam").replace("rtsp:", "rtsps:")) == ("offline", "tls")
    assert reason(client, f"rtsp://127.0.0.1:{free_port()}/cam") == ("offline", "refused")
    assert reason(client, "rtsp://camera.invalid/cam") == ("offline", "name_unknown")
    with PictureServer() as web:
        assert reason(client, f"rtsp://127.0.0.1:{web.port}/cam")[1] == "not_a_camera"
    with Hostile(redirect="rtsp://127.0.0.1:1/elsewhere") as led:
        assert reason(client, led.url) == ("no_video", "redirected")


def test_a_stream_that_cannot_be_recorded_says_what_it_is(client: FlaskClient, tmp_path: Path) -> None:
    make = [find_ffmpeg(), "-v", "error", "-f", "lavfi", "-i", "testsrc=s=320x240:r=10:d=3"]
    subprocess.run([*make, "-c:v", "libvpx", "-g", "10", str(tmp_path / "vp8.webm")], check=True)
    sound = ["-i", "sine=d=3", "-c:a", "pcm_mulaw", "-ar", "8000"]
    subprocess.run([*make[:5], *sound, str(tmp_path / "a.mov")], check=True)
    with RtspServer({"vp8": tmp_path / "vp8.webm", "sound": tmp_path / "a.mov"}) as server:
        found = ask(client, server.url("vp8"))
        assert reason(client, server.url("sound")) == ("no_video", "no_video")
    assert (found["status"], found["reason"]) == ("no_video", "codec_unknown")
    assert "vp8" in found["detail"]


def test_a_camera_that_hangs_is_given_up_in_time(app: Flask, client: FlaskClient, camera: RtspServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, ThreadPoolExecutor(2) as pool, PictureServer() as web:
        uris = (camera.url("cam", stall_after_s=0.01), f"rtsp://127.0.0.1:{silent.getsockname()[1]}/cam")
        found = pool.map(lambda uri: reason(app.test_client(), uri), uris)
        assert list(found) == [("no_video", "no_key_frame"), ("offline", "no_answer")]
        web.change(is_hanging=True)
        assert reason(client, **of_pictures(web)) == ("offline", "no_answer")


@pytest.mark.parametrize("auth", ["none", "basic", "digest"])
def test_a_picture_is_shown_no_larger_than_a_page_needs(client: FlaskClient, auth: str) -> None:
    with PictureServer(auth=auth, password=PASSWORD, width=2560, height=1440) as web:
        found = ask(client, **of_pictures(web, auth=None if auth == "none" else auth))
    assert (found["status"], found["codec"], found["has_audio"]) == ("online", "jpeg", False)
    assert (found["width"], found["height"]) == (2560, 1440)
    assert pixels(found) == (720, MOST_PIXELS)


def test_a_picture_is_refused_with_the_reason(client: FlaskClient, camera: RtspServer) -> None:
    with PictureServer(auth="digest", password=PASSWORD) as web:
        assert reason(client, **of_pictures(web, password="other")) == ("unauthorised", "wrong_password")
        assert reason(client, **of_pictures(web, uri=web.url.replace("picture", "nothing")))[1] == "path_unknown"
        web.change(is_no_image=True)
        assert reason(client, **of_pictures(web))[1] == "not_a_camera"
        web.change(is_no_image=False, status=500)
        assert reason(client, **of_pictures(web))[1] == "camera_error"
        web.change(status=200, redirect_to="http://127.0.0.1:1/elsewhere")
        assert reason(client, **of_pictures(web))[1] == "redirected"
        assert reason(client, **of_pictures(web, uri=web.url.replace("http:", "https:")))[1] == "tls"
    assert reason(client, **of_pictures(web))[1] == "refused"
    assert reason(client, **of_pictures(web, uri="http://camera.invalid/still.jpg"))[1] == "name_unknown"
    assert reason(client, **of_pictures(web, uri=f"http://127.0.0.1:{camera.port}/still.jpg"))[1] == "not_a_camera"


def test_a_picture_behind_a_certificate_that_nobody_signed_is_refused(client: FlaskClient, tmp_path: Path) -> None:
    with https(tmp_path) as port:
        found = ask(client, model="PictureSource", uri_http_picture={"uri": f"https://127.0.0.1:{port}/still.jpg"})
    assert (found["status"], found["reason"]) == ("offline", "tls")


@pytest.fixture
def strict(tmp_path: Path, migrated_sqlite: Path) -> Iterator[Flask]:
    """Yield an app in production where no camera may be on this machine."""
    with in_production(tmp_path, migrated_sqlite, CAMERA_NETWORKS="") as app:
        yield app


def test_an_address_where_no_camera_may_be_is_refused_and_never_connected_to(strict: Flask) -> None:
    admin = caller_of(strict, "boss")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        uri = f"//127.0.0.1:{listener.getsockname()[1]}/cam"
        listener.setblocking(False)
        pictures = {"model": "PictureSource", "uri_http_picture": {"uri": f"http:{uri}"}}
        for body in ({"model": "Source", "uri_rtsp": f"rtsp:{uri}"}, pictures):
            found = admin.ask("POST", TEST, json=body).json
            assert (found["status"], found["reason"], found["picture"]) == ("unknown", "address_forbidden", None)
            assert "PLAYBACK_CAMERA_NETWORKS" in found["detail"]
        with pytest.raises(BlockingIOError):
            listener.accept()


def test_an_edit_is_tried_with_the_kept_password_while_it_goes_to_the_same_place(
    client: FlaskClient, camera: RtspServer
) -> None:
    stored = client.post(f"{API}/source", json={"model": "Source", "uri_rtsp": camera.url("cam")}).json
    assert "***" in stored["uri_rtsp"]
    edit = {"source_id": stored["id"], "uri_rtsp": stored["uri_rtsp"]}
    assert ask(client, **edit)["status"] == "online"
    other = stored["uri_rtsp"].replace("/cam", "/other")
    assert reason(client, source_id=stored["id"], uri_rtsp=other) == ("no_video", "path_unknown")
    for elsewhere in (f":{camera.port}/", "127.0.0.1", "admin:"):
        there = {f":{camera.port}/": ":8554/", "127.0.0.1": "127.0.0.2", "admin:": "root:"}[elsewhere]
        refused = client.post(TEST, json={**edit, "uri_rtsp": stored["uri_rtsp"].replace(elsewhere, there)})
        assert refused.status_code == 422
        assert refused.json["detail"][0]["type"] == "masked_password"
    assert client.get(f"{API}/source/{stored['id']}/").json["uri_rtsp"] == stored["uri_rtsp"]


@pytest.mark.parametrize(
    ("body", "loc", "kind"),
    [
        ({"model": "Source"}, ["body", "uri_rtsp"], "missing"),
        ({"uri_rtsp": "rtsp://127.0.0.1/x"}, ["body", "model"], "missing"),
        ({"model": "Source", "uri_rtsp": "ftp://127.0.0.1/x"}, ["body", "uri_rtsp"], "address"),
        ({"model": "Source", "uri_rtsp": "rtsp://u:***@127.0.0.1/x"}, ["body", "uri_rtsp"], "masked_password"),
        ({"model": "Source", "uri_rtsp": "rtsp://127.0.0.1/x", "ffmpeg_cmd": "rm -rf /"}, ["body", "ffmpeg_cmd"], None),
        ({"source_id": 7}, ["path", "source_id"], "not_found"),
    ],
    ids=["no address", "no model", "scheme", "mask", "template", "no source"],
)
def test_what_could_not_be_stored_is_not_tried(
    client: FlaskClient, body: dict[str, Any], loc: list[str], kind: str | None
) -> None:
    answer = client.post(TEST, json=body)
    assert answer.status_code in (404, 422)
    assert answer.json["detail"][0]["loc"] == loc
    assert kind in (None, answer.json["detail"][0]["type"])


def test_an_account_tries_two_cameras_at_once_and_is_free_again_after(app: Flask, client: FlaskClient) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, ThreadPoolExecutor(4) as pool:
        body = {"model": "Source", "uri_rtsp": f"rtsp://127.0.0.1:{silent.getsockname()[1]}/cam"}
        answers = list(pool.map(lambda _: app.test_client().post(TEST, json=body), range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 200, 429, 429]
    assert next(answer for answer in answers if answer.status_code == 429).headers["Retry-After"]
    assert ask(client, f"rtsp://127.0.0.1:{free_port()}/cam")["reason"] == "refused"


def test_who_sees_some_cameras_tries_those_alone(strict: Flask) -> None:
    source_id = add_source(strict)
    other_id = add_source(strict)
    anna = caller_of(strict, "anna", "admin", source_id)
    assert anna.ask("POST", TEST, json={"source_id": source_id}).json["reason"] == "address_forbidden"
    assert anna.ask("POST", TEST, json={"source_id": other_id}).status_code == 404
    assert anna.ask("POST", TEST, json={"model": "Source", "uri_rtsp": "rtsp://127.0.0.1/x"}).status_code == 403
    otto = caller_of(strict, "otto", "operator")
    assert otto.ask("POST", TEST, json={"source_id": source_id}).status_code == 403
