"""The test camera for still pictures: what it serves is what its ledger says, and its faults are those asked for."""

import hashlib

import pytest
import requests
from requests.auth import AuthBase, HTTPBasicAuth, HTTPDigestAuth

from tests.picture_server import PictureServer, make_picture, picture_number

LOGINS = {"none": None, "basic": HTTPBasicAuth("admin", "p@ss"), "digest": HTTPDigestAuth("admin", "p@ss")}


@pytest.mark.parametrize("auth", LOGINS)
def test_pictures_carry_their_number_and_are_written_down(auth: str) -> None:
    with PictureServer(auth=auth, password="p@ss") as camera, requests.Session() as client:
        pictures = [client.get(camera.url, auth=LOGINS[auth], timeout=5).content for _ in range(3)]
        served = camera.served()
    assert [picture_number(picture) for picture in pictures] == [line.number for line in served] == [1, 2, 3]
    assert [hashlib.sha256(picture).hexdigest() for picture in pictures] == [line.sha256 for line in served]


@pytest.mark.parametrize(
    ("auth", "login"),
    [
        ("basic", None),
        ("basic", HTTPBasicAuth("admin", "wrong")),
        ("digest", None),
        ("digest", HTTPDigestAuth("admin", "wrong")),
    ],
)
def test_a_wrong_login_is_refused(auth: str, login: AuthBase | None) -> None:
    with PictureServer(auth=auth, password="p@ss") as camera:
        assert requests.get(camera.url, auth=login, timeout=5).status_code == 401
        assert camera.served() == []


def test_a_frozen_camera_serves_the_same_bytes_until_healed() -> None:
    with PictureServer() as camera, requests.Session() as client:
        first = client.get(camera.url, timeout=5).content
        camera.change(is_frozen=True)
        assert client.get(camera.url, timeout=5).content == first
        camera.change(is_frozen=False)
        assert picture_number(client.get(camera.url, timeout=5).content) == 2


def test_pictures_change_their_size_on_request() -> None:
    with PictureServer() as camera:
        requests.get(camera.url, timeout=5)
        camera.resize(320, 240)
        assert picture_number(requests.get(camera.url, timeout=5).content) == 2
        assert [(line.width, line.height) for line in camera.served()] == [(640, 360), (320, 240)]


@pytest.mark.parametrize("status", [401, 404, 500])
def test_a_status_is_answered_on_request(status: int) -> None:
    with PictureServer() as camera:
        camera.change(status=status)
        assert requests.get(camera.url, timeout=5).status_code == status


def test_a_truncated_picture_breaks_off() -> None:
    with PictureServer() as camera:
        camera.change(is_truncated=True)
        with pytest.raises(requests.exceptions.ChunkedEncodingError):
            requests.get(camera.url, timeout=5)
        assert camera.served() == []


def test_a_page_may_pose_as_a_picture() -> None:
    with PictureServer() as camera:
        camera.change(is_no_image=True)
        answer = requests.get(camera.url, timeout=5)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/jpeg")
    with pytest.raises(ValueError, match="no picture"):
        picture_number(answer.content)


def test_a_hanging_camera_answers_nothing_and_its_server_still_ends() -> None:
    with PictureServer() as camera:
        camera.change(is_hanging=True)
        with pytest.raises(requests.exceptions.ReadTimeout):
            requests.get(camera.url, timeout=0.3)


def test_a_redirect_leads_to_another_host() -> None:
    with PictureServer() as other, PictureServer() as camera:
        camera.change(redirect_to=other.url)
        assert picture_number(requests.get(camera.url, timeout=5).content) == 1
        assert (len(camera.served()), len(other.served())) == (0, 1)


@pytest.mark.parametrize(("width", "height"), [(1920, 1080), (640, 360), (320, 240), (177, 145)])
@pytest.mark.parametrize("number", [1, 4095, 2**24 - 1])
def test_numbers_survive_jpeg_at_every_size(width: int, height: int, number: int) -> None:
    assert picture_number(make_picture(number, width, height)) == number
