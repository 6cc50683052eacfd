"""Looking for cameras by WS-Discovery: a device that answers as cameras do, and ones that answer as they should not."""

import gc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.capture.discovery import MOST_DEVICES, PORT, Device, discover
from app.capture.networks import networks
from app.capture.seats import take_seats
from app.errors import TooMany
from app.formats import wsdiscovery
from instance.config import DevelopmentConfig, ProductionConfig
from tests.memory import tracing
from tests.onvif_responder import Answers, OnvifResponder
from tests.test_api import API

POLICY = networks(DevelopmentConfig())
WAIT_S = 0.4
DISCOVER = f"{API}/source/discover/"


def found_of(answers: Answers) -> list[Device]:
    with OnvifResponder(answers=answers, name="Door", hardware="X1") as device:
        return discover(POLICY, WAIT_S, device.port)


def test_a_device_is_found_once_with_what_it_says_of_itself() -> None:
    with OnvifResponder(name="Front door", hardware="DS-2CD", location="Lobby") as device:
        [found] = discover(POLICY, WAIT_S, device.port)
    assert found == Device(
        address="127.0.0.1",
        endpoint=device.endpoint,
        name="Front door",
        hardware="DS-2CD",
        location="Lobby",
        xaddrs=("http://127.0.0.1/onvif/device_service",),
        problem=None,
    )
    # Each question goes out twice, for UDP loses some, with the same name.
    assert len(device.probes) == 4
    assert len(set(device.probes)) == 2
    assert {name in probe for probe in device.probes for name in ("t:NetworkVideoTransmitter", "t:Device")} == {
        True,
        False,
    }


def test_what_answers_where_no_camera_may_be_is_shown_with_the_reason() -> None:
    policy = networks(ProductionConfig(SECRET_KEY="k" * 48))
    with OnvifResponder(name="Front door") as device:
        [found] = discover(policy, WAIT_S, device.port)
    assert found.problem is not None
    assert "PLAYBACK_CAMERA_NETWORKS" in found.problem


def to_another_question(device: OnvifResponder, _asked_id: str) -> Iterator[bytes]:
    yield device.answer("urn:uuid:00000000-0000-4000-8000-000000000000")


def with_entities(device: OnvifResponder, asked_id: str) -> Iterator[bytes]:
    letters = "".join(f'<!ENTITY {one} "{f"&{other};" * 50}">' for one, other in zip("bcdez", "abcde", strict=True))
    dtd = f'<!DOCTYPE b [<!ENTITY a "{"A" * 10}">{letters}]>'
    yield from repeat(device.answer(asked_id, dtd=dtd, scopes="&z;"), 3)


def with_one_long_entity(device: OnvifResponder, asked_id: str) -> Iterator[bytes]:
    yield device.answer(asked_id, dtd=f'<!DOCTYPE b [<!ENTITY a "{"A" * 30_000}">]>', scopes="&a;" * 8_000)


def with_an_outer_file(device: OnvifResponder, asked_id: str) -> Iterator[bytes]:
    yield device.answer(asked_id, dtd='<!DOCTYPE b [<!ENTITY a SYSTEM "file:///etc/passwd">]>', scopes="&a;")


def with_what_is_no_xml(device: OnvifResponder, asked_id: str) -> Iterator[bytes]:
    yield from (b"", b"\x00" * 60_000, b"<" * 60_000, device.answer(asked_id)[:-20], b"<a>" * 20_000)
    yield device.answer(asked_id).replace(b"UTF-8", b"klingon")


@pytest.mark.parametrize(
    "answers",
    [to_another_question, with_entities, with_one_long_entity, with_an_outer_file, with_what_is_no_xml],
    ids=lambda answers: answers.__name__,
)
def test_a_hostile_answer_is_passed_over_and_costs_little(answers: Answers) -> None:
    with tracing() as traced:
        assert found_of(answers) == []
    assert 0 < traced.peak_bytes < 16_000_000  # expanded, the letters alone are 3 GB


def test_a_device_is_where_its_answer_came_from_whatever_it_names() -> None:
    def named(device: OnvifResponder, asked_id: str) -> Iterator[bytes]:
        others = "http://169.254.169.254/latest http://10.0.0.1/onvif http://u:p@127.0.0.1/x ftp://127.0.0.1/x http://["
        yield device.answer(asked_id, xaddrs=f"{others} http://127.0.0.1:8080/onvif")

    [found] = found_of(named)
    assert (found.address, found.xaddrs) == ("127.0.0.1", ("http://127.0.0.1:8080/onvif",))


def test_the_words_of_a_device_can_be_shown() -> None:
    def odd(device: OnvifResponder, asked_id: str) -> Iterator[bytes]:
        name = "onvif://www.onvif.org/name/%3Cb%3E%00%E2%80%AE%0A" + "x" * 5000
        yield device.answer(asked_id, scopes=f"{name} onvif://www.onvif.org/hardware/%D0%94%D0%B2%D0%B5%D1%80%D1%8C")

    [found] = found_of(odd)
    assert found.name == "<b>" + "x" * (wsdiscovery.MOST_TEXT - 3)
    assert found.hardware == "Дверь"


def test_a_flood_of_devices_is_cut() -> None:
    def flood(device: OnvifResponder, asked_id: str) -> Iterator[bytes]:
        for number in range(600):
            yield device.answer(asked_id, endpoint=f"urn:uuid:{number}")

    gc.collect()  # handles of tests before, which nothing but this would close meanwhile
    handles = len(list(Path("/proc/self/fd").iterdir()))
    assert 0 < len(found_of(flood)) <= MOST_DEVICES
    assert len(list(Path("/proc/self/fd").iterdir())) == handles


def test_an_admin_is_told_what_is_there_and_one_search_goes_on_at_a_time(app: Flask, client: FlaskClient) -> None:
    body = {"model": "Source", "uri_rtsp": "rtsp://admin:secret@127.0.0.1:8554/cam"}
    source_id = client.post(f"{API}/source", json=body).json["id"]
    with OnvifResponder(PORT, name="Front door", hardware="X1") as device, ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda path: app.test_client().post(path), [f"{API}/source/discover", DISCOVER]))
    answer, refused = sorted(answers, key=lambda one: one.status_code)
    assert (answer.status_code, refused.status_code) == (200, 429)
    assert refused.headers["Retry-After"]
    [found] = [one for one in answer.json if one["endpoint"] == device.endpoint]
    assert (found["name"], found["hardware"], found["address"]) == ("Front door", "X1", "127.0.0.1")
    assert found["source_ids"] == [source_id]
    assert "secret" not in answer.text
    [told] = client.get(f"{API}/audit?action=source.discover").json
    assert told["detail"]["found"] == len(answer.json)


def test_a_seat_is_free_again_for_whoever_comes_next(config: DevelopmentConfig) -> None:
    free = take_seats(config.run_path / "trials", {"mine": 1, "all": 2}, "cameras are being tried")
    with pytest.raises(TooMany):
        take_seats(config.run_path / "trials", {"all": 2, "mine": 1}, "cameras are being tried")
    other = take_seats(config.run_path / "trials", {"all": 2}, "cameras are being tried")  # the refused one let it go
    free()
    free()
    take_seats(config.run_path / "trials", {"mine": 1, "all": 2}, "cameras are being tried")()
    other()
