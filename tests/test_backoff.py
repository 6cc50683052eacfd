"""When a camera is tried again."""

import socket
import threading
import time
from dataclasses import replace

import pytest
from flask import Flask

from app.capture.backoff import FIRST_S, LONGEST_S, Backoff, host_port
from app.capture.camera import Camera
from app.capture.disks import Disks
from app.capture.keeper import Keeper
from app.capture.knocking import Knocker
from app.capture.networks import Networks
from tests.service import wait_for

HERE = Networks(has_loopback=True)


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no time pass: a pause is told by what is left of it."""
    now_s = time.monotonic()
    monkeypatch.setattr("app.capture.backoff.time.monotonic", lambda: now_s)


def pauses(backoff: Backoff, count: int, reason: str = "wrong_password", lasted_s: float = 0.0) -> list[float]:
    found = []
    for _ in range(count):
        backoff.failed(reason, lasted_s)
        found.append(backoff.pause_s)
    return found


@pytest.mark.usefixtures("held")
def test_pauses_double_from_half_a_second_to_thirty_with_jitter() -> None:
    found = pauses(Backoff(HERE), 9)
    want = [0.5, 1, 2, 4, 8, 16, 30, 30, 30]
    assert all(0.75 * length <= pause <= 1.25 * length for pause, length in zip(found, want, strict=True))
    assert len({round(pause / length, 6) for pause, length in zip(found, want, strict=True)}) > 1  # jitter
    assert (FIRST_S, LONGEST_S) == (0.5, 30.0)


@pytest.mark.usefixtures("held")
def test_a_connection_of_two_seconds_resets_the_pause() -> None:
    backoff = Backoff(HERE)
    pauses(backoff, 6)
    assert pauses(backoff, 1, "stream_ended", lasted_s=2.5)[0] < 1
    pauses(backoff, 6)
    assert pauses(backoff, 1, "stream_ended", lasted_s=1.0)[0] > 8


@pytest.mark.usefixtures("held")
@pytest.mark.parametrize("reason", ["crashed", "clock_jump"])
def test_after_a_crash_a_connection_that_lasted_is_made_again_at_once(reason: str) -> None:
    backoff = Backoff(HERE)
    pauses(backoff, 6)
    assert pauses(backoff, 1, reason, lasted_s=2.5) == [0.0]
    assert backoff.is_over("rtsp://127.0.0.1:1/cam")
    first_s, second_s = pauses(backoff, 2, reason, lasted_s=0.5)  # one that keeps dying
    assert 0.35 < first_s < 0.65 < 0.75 < second_s < 1.25


def test_a_camera_that_answers_ends_the_pause() -> None:
    backoff = Backoff(HERE)
    pauses(backoff, 8, "camera_unreachable")
    with socket.socket() as camera:
        camera.bind(("127.0.0.1", 0))
        uri = f"rtsp://user:pw@127.0.0.1:{camera.getsockname()[1]}/cam"
        assert not backoff.is_over(uri)
        time.sleep(0.6)
        assert not backoff.is_over(uri)  # knocks, and is refused
        camera.listen()
        wait_for(lambda: backoff.is_over(uri), "the answer")
        assert pauses(backoff, 1, "no_video")[0] < 1  # one that is not ready yet is tried again soon


def test_a_hundred_cameras_that_are_away_are_asked_by_one_thread() -> None:
    before = threading.active_count()
    knocker = Knocker()
    with socket.socket() as camera:
        camera.bind(("127.0.0.1", 0))
        camera.listen()
        doors = [knocker.ask(HERE, "127.0.0.1", 1) for _ in range(50)]  # refuse
        doors += [knocker.ask(HERE, "192.0.2.1", 554) for _ in range(50)]  # never answer (RFC 5737)
        here = knocker.ask(HERE, "127.0.0.1", camera.getsockname()[1])
        named = knocker.ask(HERE, "localhost", camera.getsockname()[1])
        nowhere = knocker.ask(HERE, "no.such.host.invalid", 554)
        wait_for(lambda: here.answered.is_set() and named.answered.is_set(), "the answers")
        assert threading.active_count() <= before + 3  # it, and those that look names up
        assert not any(door.answered.is_set() for door in [*doors, nowhere])
    for door in [*doors, nowhere]:
        door.close()
    wait_for(lambda: knocker._thread is None, "the end of the thread")


def test_an_address_that_was_mended_is_tried_at_once(app: Flask) -> None:
    config = app.config["PLAYBACK"]
    disks = Disks(config)
    (disk,) = disks
    disk.storage_id = "known"
    disk.set_state("ok", "")
    wrong = Camera(1, "Source", "rtsp://admin:wrong@127.0.0.1:9/cam", None, None)
    keeper = Keeper(config, wrong, "recorder")
    pauses(keeper._backoff, 8, "wrong_password")
    keeper.change(wrong)
    assert keeper.next_disk(disks) is None
    keeper.change(replace(wrong, uri_rtsp="rtsp://admin:right@127.0.0.1:9/cam"))
    assert keeper.next_disk(disks) is disk
    assert "right" in (keeper.camera.uri or "")


def test_a_wrong_password_is_not_probed_away() -> None:
    backoff = Backoff(HERE)
    pauses(backoff, 8, "wrong_password")
    with socket.socket() as camera:
        camera.bind(("127.0.0.1", 0))
        camera.listen()
        time.sleep(1.1)
        uri = f"rtsp://127.0.0.1:{camera.getsockname()[1]}/cam"
        assert not backoff.is_over(uri)
        time.sleep(0.3)
        assert not backoff.is_over(uri)


@pytest.mark.parametrize(
    ("uri", "want"),
    [
        ("rtsp://a:b@host/x", ("host", 554)),
        ("rtsp://host:8554/x", ("host", 8554)),
        ("http://host/x", ("host", 80)),
        ("rtsp://[::1]:99/x", ("::1", 99)),
        ("rtsp:///x", None),
        ("rtsp://host:99999999/x", None),
    ],
)
def test_host_and_port_of_an_address(uri: str, want: tuple[str, int] | None) -> None:
    assert host_port(uri) == want
