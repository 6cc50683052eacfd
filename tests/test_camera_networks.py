"""Where cameras may be: which addresses are refused, when that is asked, and that nothing leads around it."""

import contextlib
import re
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import requests
from flask import Flask
from flask.testing import FlaskClient

from app import create_app
from app.capture.camera import Camera
from app.capture.checkedhttp import checked_session
from app.capture.knocking import Knocker
from app.capture.networks import Networks, Unresolved, connect, networks, pin, resolve
from app.capture.picture import PictureAddress, PictureClient, PictureRefused
from app.capture.pinning import Pinning
from app.capture.probe import probe
from app.errors import Invalid
from instance.config import ConfigurationError, DevelopmentConfig, ProductionConfig, TestingConfig, load_config
from tests.media import make_video
from tests.names import Listener, Names
from tests.picture_server import PictureServer, make_picture
from tests.rtsp_server import RtspServer
from tests.service import wait_for
from tests.test_api import API, locs

KEY = "k" * 48


def policy(allowed: str = "", denied: str = "", bind: str = "127.0.0.1:8000") -> Networks:
    return networks(ProductionConfig(SECRET_KEY=KEY, CAMERA_NETWORKS=allowed, CAMERA_NETWORKS_DENIED=denied, BIND=bind))


def is_refused(given: Networks, host: str, port: int = 554) -> bool:
    try:
        resolve(given, host, port)
    except Invalid:
        return True
    return False


FORBIDDEN = [
    *("127.0.0.1", "127.0.0.9", "127.255.255.255", "::1", "0.0.0.0", "0.1.2.3", "::"),
    *("169.254.169.254", "169.254.170.2", "100.100.100.200", "168.63.129.16", "192.0.0.192"),
    *("169.254.1.1", "fe80::1", "fd00:ec2::254", "fd20:ce::254", "fd00:c1::a9fe:a9fe"),
    *("224.0.0.1", "239.255.255.250", "ff02::1", "255.255.255.255", "240.0.0.1", "fec0::1", "4000::1", "100::1"),
    # The same in other words: mapped, compatible, translated, NAT64, 6to4, Teredo, ISATAP.
    *("::ffff:127.0.0.1", "::ffff:7f00:1", "::127.0.0.1", "::ffff:0:127.0.0.1", "64:ff9b::127.0.0.1"),
    *("64:ff9b::a9fe:a9fe", "2002:7f00:0001::1", "2002:a9fe:a9fe::", "2001:0:c000:201::80ff:fffe"),
    *("2001:0:7f00:1::f5ff:fffe", "2a00::5efe:127.0.0.1", "2a00::200:5efe:169.254.169.254"),
    # Short, octal, hexadecimal and decimal forms, which inet_aton(3) takes.
    *("127.1", "127.0.1", "0x7f.1", "0x7f000001", "2130706433", "0177.0.0.1", "017700000001", "0"),
    *("0xa9fea9fe", "2852039166", "0251.0376.0251.0376", "１２７.0.0.1", "localhost", "LOCALHOST"),
]


@pytest.mark.parametrize("host", FORBIDDEN)
def test_production_lets_no_camera_be_where_only_this_machine_or_its_cloud_is(host: str) -> None:
    assert is_refused(policy(), host)


@pytest.mark.parametrize(
    "host", ["10.0.0.5", "172.16.3.4", "192.168.1.9", "100.64.1.1", "8.8.8.8", "fd12::5", "2a00::5"]
)
def test_cameras_live_in_private_and_public_networks(host: str) -> None:
    assert not is_refused(policy(), host)
    assert not is_refused(policy(), "64:ff9b::192.168.1.9")


def test_an_allow_list_is_all_there_is_and_opens_what_it_names_expressly() -> None:
    only = policy("192.168.1.0/24, fd12::/64")
    assert not is_refused(only, "192.168.1.9")
    assert not is_refused(only, "::ffff:192.168.1.9")
    assert is_refused(only, "192.168.2.9")
    assert is_refused(only, "fd13::1")
    assert not is_refused(policy("127.0.0.1/32"), "127.0.0.1")
    assert is_refused(policy("127.0.0.1/32"), "127.0.0.2")
    everything = policy("0.0.0.0/0, ::/0")
    assert all(is_refused(everything, host) for host in FORBIDDEN)  # wide is not express
    link_local = policy("169.254.0.0/16, fe80::/10")
    assert not is_refused(link_local, "169.254.7.7")
    assert not is_refused(link_local, "fe80::7")
    assert is_refused(link_local, "169.254.169.254")  # has an entry of its own
    assert not is_refused(policy("169.254.169.254/32"), "169.254.169.254")
    assert not is_refused(policy("::1/128"), "::1")


@pytest.mark.parametrize("host", ["2a00::5efe:10.0.0.1", "2a00::200:5efe:10.0.0.1", "2002:0a00:0001::1"])
def test_an_address_anywhere_that_holds_an_allowed_one_in_its_digits_is_not_allowed(host: str) -> None:
    """Whoever has a network of IPv6 chooses the last half of its addresses: they are reached there, not in ours."""
    assert is_refused(policy("10.0.0.0/8"), host)
    assert not is_refused(policy(f"{host}/128"), host)


@pytest.mark.parametrize("before", ["", "10.0.0.0/8"])
def test_who_follows_the_advice_of_a_refusal_shuts_out_no_other_camera(before: str) -> None:
    with pytest.raises(Invalid) as refused:
        resolve(policy(before), "127.0.0.1", 8554)
    found = re.search(r"(adding |PLAYBACK_CAMERA_NETWORKS=)([0-9a-f.:/,]+)", refused.value.message)
    assert found is not None
    after = policy(f"{before},{found[2]}" if found[1] == "adding " else found[2])
    assert not is_refused(after, "127.0.0.1", 8554)
    assert not is_refused(after, "10.0.0.5")
    assert is_refused(after, "192.168.1.5") == is_refused(policy(before), "192.168.1.5")
    assert is_refused(after, "169.254.169.254")


def test_what_the_operator_denies_is_denied_beside_the_defaults() -> None:
    given = policy("10.0.0.0/8", "10.9.0.0/16")
    assert not is_refused(given, "10.8.0.1")
    assert is_refused(given, "10.9.0.1")
    assert is_refused(policy(denied="10.9.0.0/16"), "2002:0a09:0001::1")
    assert is_refused(policy(denied="10.9.0.0/16"), "127.0.0.1")


def test_development_allows_loopback_and_nothing_else_of_that() -> None:
    given = networks(DevelopmentConfig())
    assert not any(is_refused(given, host) for host in ("127.0.0.1", "::1", "localhost", "::ffff:127.0.0.1"))
    assert all(is_refused(given, host) for host in ("169.254.169.254", "0.0.0.0", "224.0.0.1", "fe80::1"))


def own_address() -> str:
    """Return an address of this machine that is not loopback; connects to nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe_socket:
        try:
            probe_socket.connect(("192.0.2.1", 9))
        except OSError:
            return ""
        return str(probe_socket.getsockname()[0])


def test_the_service_is_no_camera_at_any_address_of_this_machine() -> None:
    host = own_address()
    if not host or host.startswith("127."):
        pytest.skip("this machine has no address but loopback")
    assert is_refused(policy(bind="0.0.0.0:8000"), host, 8000)
    assert not is_refused(policy(bind="0.0.0.0:8000"), host, 8554)
    assert is_refused(policy(f"{host}/32", bind="0.0.0.0:8000"), host, 8000)


@pytest.mark.parametrize("text", ["10.0.0.1/8", "camera", "10.0.0.0/33", "10.0.0.0-10.0.0.9"])
@pytest.mark.parametrize("name", ["CAMERA_NETWORKS", "CAMERA_NETWORKS_DENIED"])
def test_a_network_that_is_none_stops_the_start(name: str, text: str) -> None:
    with pytest.raises(ConfigurationError, match=f"PLAYBACK_{name}: "):
        load_config("development", **{name: text})


# When a source is stored.


@pytest.fixture
def strict(app: Flask) -> Iterator[FlaskClient]:
    """Yield a client of an app whose policy is narrow: 127.0.0.1 alone of loopback."""
    config: TestingConfig = app.config["PLAYBACK"]
    narrow = create_app(replace(config, CAMERA_NETWORKS_DENIED="127.0.0.2/31, 10.9.0.0/16"))
    yield narrow.test_client()
    with narrow.app_context():
        from app.extensions import db

        db.engine.dispose()


def test_a_forbidden_address_is_refused_at_its_field_with_the_way_out(strict: FlaskClient) -> None:
    answer = strict.post(f"{API}/source", json={"model": "Source", "uri_rtsp": "rtsp://u:secret@169.254.169.254/x"})
    assert (answer.status_code, locs(answer)) == (422, [["body", "uri_rtsp"]])
    entry = answer.json["detail"][0]
    assert entry["type"] == "address_forbidden"
    assert "169.254.169.254" in entry["msg"]
    assert "PLAYBACK_CAMERA_NETWORKS=0.0.0.0/0,::/0,169.254.169.254/32" in entry["msg"]
    assert "secret" not in answer.text
    picture = {"uri": "http://0xa9fea9fe/latest/meta-data/", "user": "u", "password": "secret"}
    both = {"model": "Source", "uri_rtsp": "rtsp://127.0.0.3/x", "uri_http_picture": picture}
    answer = strict.post(f"{API}/source", json=both)
    assert (answer.status_code, locs(answer)) == (422, [["body", "uri_rtsp"], ["body", "uri_http_picture", "uri"]])
    assert strict.get(f"{API}/source").json == []


def test_a_change_and_a_table_are_checked_too(strict: FlaskClient) -> None:
    made = strict.post(f"{API}/source", json={"model": "Source", "uri_rtsp": "rtsp://127.0.0.1:1/x"})
    assert made.status_code == 200
    for method in (strict.put, strict.patch):
        answer = method(f"{API}/source/{made.json['id']}/", json={"uri_rtsp": "rtsp://10.9.1.1/x"})
        assert (answer.status_code, locs(answer)) == (422, [["body", "uri_rtsp"]])
    assert strict.get(f"{API}/source/{made.json['id']}/").json["uri_rtsp"] == "rtsp://127.0.0.1:1/x"
    table = "model,uri_rtsp\nSource,rtsp://10.8.1.1/x\nSource,rtsp://10.9.1.1/x\n"
    answer = strict.post(f"{API}/source/bulk", data=table, content_type="text/csv")
    assert (answer.status_code, locs(answer)) == (422, [["body", 1, "uri_rtsp"]])


def test_a_name_is_checked_by_all_that_it_stands_for_now(strict: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    Names(monkeypatch, {"two.test": [["192.168.1.9", "10.9.0.1"]], "later.test": [[]], "good.test": [["10.8.0.1"]]})

    def added(host: str) -> int:
        return strict.post(f"{API}/source", json={"model": "Source", "uri_rtsp": f"rtsp://{host}/x"}).status_code

    assert [added(host) for host in ("two.test", "later.test", "good.test")] == [422, 200, 200]


def test_storing_does_not_wait_for_a_name_server_that_is_away(
    strict: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = threading.Event()
    ask = socket.getaddrinfo

    def hang(host: str, *arguments: object, **keywords: object) -> object:
        if host == "slow.test" and not keywords.get("flags"):
            gate.wait(30)
        return ask(host, *arguments, **keywords)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    monkeypatch.setattr("app.capture.pinning.CHECK_S", 0.2)
    answer = strict.post(f"{API}/source", json={"model": "Source", "uri_rtsp": "rtsp://slow.test/x"})
    gate.set()
    assert answer.status_code == 200


# At every connection.

ONE = Networks(allowed=policy("127.0.0.1/32").allowed)  # of this machine the first address alone


@pytest.fixture
def forbidden() -> Iterator[Listener]:
    with Listener("127.0.0.9") as listener:
        yield listener


@pytest.fixture(params=["named", "number"])
def trap(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, forbidden: Listener) -> str:
    """Return host and port of the forbidden server: as a name that was harmless when it was stored, and as a number."""
    names = Names(monkeypatch, {"camera.test": [["127.0.0.1"], ["127.0.0.9"]]})
    resolve(ONE, "camera.test", forbidden.port)  # when it was stored
    assert names.asked == {"camera.test": 1}
    return f"{'camera.test' if request.param == 'named' else '127.0.0.9'}:{forbidden.port}"


def config_of(folder: Path) -> ProductionConfig:
    return ProductionConfig(SECRET_KEY=KEY, INSTANCE=str(folder), CAMERA_NETWORKS="127.0.0.1/32")


def test_no_picture_is_fetched_from_there(trap: str, forbidden: Listener) -> None:
    client = PictureClient(ONE, PictureAddress(f"http://{trap}/x.jpg", "basic", "user", "secret"))
    with pytest.raises(PictureRefused) as refused:
        client.fetch()
    assert "127.0.0.9" in str(refused.value)
    assert forbidden.connections() == 0


@pytest.mark.parametrize("kind", ["Source", "PictureSource"])
def test_no_probe_goes_there(trap: str, forbidden: Listener, tmp_path: Path, kind: str) -> None:
    picture = PictureAddress(f"http://{trap}/x.jpg", None, None, None) if kind == "PictureSource" else None
    camera = Camera(1, kind, None if picture else f"rtsp://user:secret@{trap}/x", picture, None)
    found = probe(config_of(tmp_path), camera, lambda: False, contextlib.nullcontext(), has_rate=False)
    assert found is not None
    assert (found.status, "127.0.0.9" in (found.detail or "")) == ("unknown", True)
    assert forbidden.connections() == 0


def test_neither_recorder_nor_live_picture_gets_an_address_of_there(trap: str, forbidden: Listener) -> None:
    with pytest.raises(Invalid, match=r"127\.0\.0\.9"):
        Pinning(ONE, f"rtsp://user:secret@{trap}/x").result(5)
    assert forbidden.connections() == 0


def test_nobody_knocks_there(trap: str, forbidden: Listener) -> None:
    host, _, port = trap.rpartition(":")
    knocker = Knocker()
    door = knocker.ask(ONE, host, int(port))
    with Listener("127.0.0.1") as here:
        beside = knocker.ask(ONE, "127.0.0.1", here.port)
        wait_for(beside.answered.is_set, "the answer at another door")
        time.sleep(0.3)
    assert not door.answered.is_set()
    door.close()
    assert forbidden.connections() == 0


def test_a_name_that_changes_between_check_and_connection_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with Listener("127.0.0.1") as good, Listener("127.0.0.9", good.port) as bad:
        names = Names(monkeypatch, {"camera.test": [["127.0.0.1"], ["127.0.0.9"]]})
        connect(ONE, "camera.test", good.port, 2.0).close()
        assert (good.connections(), bad.connections(), names.asked["camera.test"]) == (1, 0, 1)
        names.asked["camera.test"] = 0
        uri = pin(ONE, f"rtsp://us%40er:p%3Aw@camera.test:{good.port}/a?b=c")
        assert uri == f"rtsp://us%40er:p%3Aw@127.0.0.1:{good.port}/a?b=c"
        assert names.asked["camera.test"] == 1


def test_of_several_numbers_the_one_that_answers_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    here = Networks(has_loopback=True)
    with Listener("127.0.0.4") as camera:
        Names(monkeypatch, {"camera.test": [["127.0.0.3", "127.0.0.4"]], "v6.test": [["::1"]]})
        assert pin(here, f"rtsp://camera.test:{camera.port}/x") == f"rtsp://127.0.0.4:{camera.port}/x"
        assert pin(here, "rtsps://v6.test/x") == "rtsps://[::1]/x"
        with pytest.raises(Unresolved):
            pin(here, "rtsp://no.such.host.invalid/x")


def test_a_picture_camera_sees_its_own_name(monkeypatch: pytest.MonkeyPatch) -> None:
    Names(monkeypatch, {"camera.test": [["127.0.0.1"]]})
    heads: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                heads.append(connection.recv(4096))
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

        thread = threading.Thread(target=serve)
        thread.start()
        with checked_session(ONE) as session:
            assert session.get(f"http://camera.test:{port}/x", timeout=5).text == "ok"
        thread.join()
    assert f"Host: camera.test:{port}".encode() in heads[0]


def test_a_picture_camera_leads_nowhere_else(forbidden: Listener) -> None:
    with PictureServer() as camera:
        camera.change(redirect_to=f"http://127.0.0.9:{forbidden.port}/x.jpg")
        with pytest.raises(PictureRefused, match="redirects to another host"):
            PictureClient(ONE, PictureAddress(camera.url, None, None, None)).fetch()
        with checked_session(ONE) as session, pytest.raises(Invalid):  # each hop is asked for at the socket too
            session.get(camera.url, timeout=5)
    assert forbidden.connections() == 0


def test_a_name_of_many_numbers_that_do_not_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    with Listener("127.0.0.4") as camera, socket.socket() as full, contextlib.ExitStack() as stack:
        full.bind(("127.0.0.3", camera.port))
        full.listen(0)
        for _ in range(4):  # more than it queues: who comes after them gets no answer
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        Names(monkeypatch, {"camera.test": [["127.0.0.3"] * 50 + ["127.0.0.4"]]})
        with pytest.raises(TimeoutError):
            connect(Networks(has_loopback=True), "camera.test", camera.port, 0.05)
        assert camera.connections() == 0


@pytest.mark.parametrize("part", ["head", "body"])
def test_a_camera_that_sends_byte_by_byte_is_given_up(part: str) -> None:
    jpeg = make_picture(1, 320, 180)
    head = b"HTTP/1.1 200 OK\r\nX-Filler: %s\r\nContent-Length: %d\r\n\r\n" % (b"x" * 40, len(jpeg))
    slow = head[30:60] if part == "head" else jpeg[:30]
    before, _, after = (head + jpeg).partition(slow)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection, contextlib.suppress(OSError):
                connection.recv(4096)
                connection.sendall(before)
                for number in range(len(slow)):
                    connection.sendall(slow[number : number + 1])
                    time.sleep(0.1)
                connection.sendall(after)

        thread = threading.Thread(target=serve)
        thread.start()
        uri = f"http://127.0.0.1:{server.getsockname()[1]}/"
        client = PictureClient(Networks(has_loopback=True), PictureAddress(uri, None, None, None), 0.5)
        with pytest.raises(PictureRefused) as refused:
            client.fetch()
        client.close()
        thread.join()
    assert refused.value.verdict.kind == "no_answer"


def test_a_session_says_what_requests_would() -> None:
    with checked_session(Networks(has_loopback=True)) as session:
        with pytest.raises(requests.ConnectionError):
            session.get("http://127.0.0.1:1/", timeout=2)
        with pytest.raises(requests.ConnectionError):
            session.get("http://no.such.host.invalid/", timeout=2)
        with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(requests.ReadTimeout):
            session.get(f"http://127.0.0.1:{silent.getsockname()[1]}/", timeout=(1, 0.2))


@pytest.mark.parametrize("auth", ["digest", "basic"])
def test_a_camera_with_a_name_is_measured_by_its_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, auth: str
) -> None:
    make_video(tmp_path / "cam.mp4", seconds=3, fps=12, gop=12, width=160, height=120)
    Names(monkeypatch, {"camera.test": [["127.0.0.1"], ["127.0.0.9"]]})
    with RtspServer({"cam": tmp_path / "cam.mp4"}, user="admin", password="secret", auth=auth) as server:
        uri = server.url("cam").replace("127.0.0.1", "camera.test")
        camera = Camera(1, "Source", uri, None, None)
        found = probe(config_of(tmp_path), camera, lambda: False, contextlib.nullcontext(), has_rate=False)
    assert found is not None
    assert (found.status, found.detail) == ("online", None)
