"""`/api/v1/source/{source_id}/video`: one grabber for all viewers of all web processes, whatever happens to it."""

import itertools
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from flask.testing import FlaskClient

from app.capture.processes import started_ticks
from app.views import livesources
from bench.processes import arguments, children, open_files
from tests.media import make_video
from tests.mjpeg_client import MjpegClient, Part, boundary, frame_number
from tests.picture_server import PictureServer, picture_number
from tests.rtsp_server import RtspServer
from tests.served import serving
from tests.service import Service, wait_for
from tests.test_api import API, add_source

PASSWORD = "secretive"
VIEWERS = 12
ESTABLISHED = "01"  # in /proc/net/tcp


@pytest.fixture(scope="module")
def footage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return 6 s of H.264 with a key frame a second."""
    return make_video(tmp_path_factory.mktemp("live") / "cam.mp4", seconds=6, fps=12, gop=12, width=320, height=240)


@pytest.fixture(scope="module")
def long_groups(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return 8 s of H.265 with B-frames and a key frame every two seconds."""
    path = tmp_path_factory.mktemp("live") / "long.mp4"
    return make_video(path, codec="hevc", seconds=8, fps=12, gop=24, width=320, height=240, b_frames=2)


@pytest.fixture(scope="module")
def reordered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return 6 s of H.264 with B-frames."""
    path = tmp_path_factory.mktemp("live") / "reordered.mp4"
    return make_video(path, seconds=6, fps=25, gop=25, width=320, height=240, b_frames=2)


@pytest.fixture(scope="module")
def camera(footage: Path, long_groups: Path, reordered: Path) -> Iterator[RtspServer]:
    """Yield cameras that want a password."""
    files = {"cam": footage, "other": footage, "long": long_groups, "reordered": reordered}
    with RtspServer(files, user="admin", password=PASSWORD) as server:
        yield server


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Yield a running service with two web processes; no schedule measures its sources."""
    folder = tmp_path_factory.mktemp("service")
    with Service(folder, WEB_WORKERS=2, SEGMENT_S=4, PROBE_INTERVAL_S=3600) as running:
        yield running


def added(service: Service, uri: str, **fields: object) -> int:
    """Add a camera and wait until it was measured: that is a connection of its own."""
    source_id = service.add_source(uri, **fields)
    wait_for(lambda: service.status(source_id) != "unknown", "the camera's measurement")
    return source_id


def watch(service: Service, source_id: int, delay: float = 0) -> MjpegClient:
    return MjpegClient(f"{service.base}{API}/source/{source_id}/video?delay={delay}")


def web_pids(service: Service) -> list[int]:
    return children(service.pid("web"))


def grabbing(service: Service) -> list[int]:
    """Return the web processes that have an ffmpeg connected to a camera, once for each."""
    return [pid for pid in web_pids(service) for child in children(pid) if "mpjpeg" in arguments(child)]


def viewers_in(service: Service, pids: list[int]) -> dict[int, int]:
    """Return how many connections of clients each web process has; it has others, to the other one among them."""
    connections = set()
    for line in Path("/proc/net/tcp").read_text("ascii").splitlines()[1:]:
        _, local, _, state, *_, inode = line.split()[:10]
        if state == ESTABLISHED and int(local.rpartition(":")[2], 16) == service.port:
            connections.add(f"socket:[{inode}]")
    return {pid: len(connections & {*open_files(pid)}) for pid in pids}


def spread(service: Service, source_id: int) -> list[MjpegClient]:
    """Return viewers in both web processes."""
    pids = web_pids(service)
    before = viewers_in(service, pids)
    viewers = [watch(service, source_id) for _ in range(VIEWERS)]
    for _ in range(10):
        more = viewers_in(service, pids)
        if all(more[pid] - before[pid] >= 2 for pid in pids):
            return viewers
        viewers += [watch(service, source_id) for _ in range(VIEWERS)]
    raise AssertionError("all viewers met the same web process")


def drained(viewers: list[MjpegClient]) -> list[list[Part]]:
    """Read all viewers at once, so that none holds up the others; return three pictures of each."""
    parts: dict[int, list[Part]] = {}

    def read(number: int) -> None:
        parts[number] = viewers[number].take(3)

    threads = [threading.Thread(target=read, args=(number,)) for number in range(len(viewers))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(parts) == len(viewers), "some streams ended"
    return list(parts.values())


def test_viewers_of_both_web_processes_cost_one_connection_which_ends_with_them(
    service: Service, camera: RtspServer
) -> None:
    source_id = added(service, camera.url("cam"))
    before = len(camera.sessions("cam"))
    viewers = spread(service, source_id)
    for parts in drained(viewers):
        numbers = [frame_number(part.jpeg) for part in parts]
        assert len(set(numbers)) == 3
    # The first viewers wanted as many as the last ones: the camera was connected to once.
    (session,) = camera.sessions("cam")[before:]
    assert len(grabbing(service)) == 1
    for viewer in viewers:
        viewer.close()
    wait_for(lambda: not grabbing(service), "the end of ffmpeg")
    wait_for(lambda: session.end_s < time.time(), "the end of the connection")
    assert len(camera.sessions("cam")) == before + 1


@pytest.mark.parametrize(("path", "delay", "count"), [("reordered", 0, 40), ("reordered", 0.5, 5), ("long", 0, 30)])
def test_a_stream_with_b_frames_costs_one_connection(
    service: Service, camera: RtspServer, path: str, delay: float, count: int
) -> None:
    """Its first frames come with times that run backwards, which ended ffmpeg's encoder: one connection a second."""
    source_id = added(service, camera.url(path))
    before = len(camera.sessions(path))
    viewer = watch(service, source_id, delay)
    assert len(viewer.take(count)) == count
    viewer.close()
    assert len(camera.sessions(path)) == before + 1


def test_viewers_go_on_when_the_grabbing_process_is_killed(service: Service, camera: RtspServer) -> None:
    source_id = added(service, camera.url("cam"))
    viewers = spread(service, source_id)
    drained(viewers)
    (killed,) = grabbing(service)
    os.kill(killed, signal.SIGKILL)
    wait_for(lambda: started_ticks(killed) is None, "the process's end")
    alive = []
    for viewer in viewers:
        try:
            alive.append(viewer)
            viewer.take(30)
        except (AssertionError, requests.RequestException):
            alive.remove(viewer)
    assert len(alive) >= 2
    wait_for(lambda: len(grabbing(service)) == 1, "the next grabber")
    assert grabbing(service) != [killed]
    for viewer in viewers:
        viewer.close()


@pytest.fixture(scope="module")
def recorded(service: Service, camera: RtspServer) -> dict[str, int]:
    """Return the ids of two cameras that record; for both the recorder has the only connection."""
    ids = {name: added(service, camera.url(name)) for name in ("other", "long")}
    service.add_group("live", list(ids.values()))
    service.record("live", "live")
    for source_id in ids.values():
        wait_for(lambda source_id=source_id: service.answers(f"{API}/source/{source_id}/picture"), "the first picture")
    return ids


@pytest.mark.parametrize("name", ["other", "long"])
def test_a_camera_that_records_is_watched_without_a_second_connection(
    service: Service, camera: RtspServer, recorded: dict[str, int], name: str
) -> None:
    before = len(camera.sessions(name))
    with watch(service, recorded[name]) as every, watch(service, recorded[name], 1) as few:
        parts = every.take(60)  # across seams of files
        some = few.take(4)
    times = [part.headers["X-Picture-Utc"] for part in parts]
    assert times == sorted(set(times))
    numbers = [frame_number(part.jpeg) for part in parts]
    steps = [(after - number) % 72 for number, after in itertools.pairwise(numbers[2:])]
    assert sum(step in (1, 25) for step in steps) >= 0.8 * len(steps), f"frames are missing: {numbers}"
    assert len({part.headers["X-Picture-Utc"] for part in some}) == 4
    picture = requests.get(f"{service.base}{API}/source/{recorded[name]}/picture", timeout=10)
    frame_number(picture.content)
    assert len(camera.sessions(name)) == before
    assert camera.sessions(name)[-1].end_s > time.time()


def test_a_recording_camera_answers_though_its_picture_address_is_silent(
    service: Service, camera: RtspServer, recorded: dict[str, int]
) -> None:
    before = len(camera.sessions("other"))
    with PictureServer() as pictures:
        change = {"uri_http_picture": {"uri": pictures.url}}
        source = f"/api/v1/source/{recorded['other']}"
        service.call("PUT", source, **change)
        # Who watched before lingers for a moment, and under load 0.6 s may be too little.
        wait_for(lambda: service.answers(f"{source}/picture") and pictures.served(), "a picture of the address")
        pictures.change(is_hanging=True)
        wait_for(lambda: not list((service.instance / "run" / "live").glob("*.sock")), "the end of watching")
        second = requests.get(f"{service.base}{source}/picture", timeout=10)
        assert frame_number(second.content) < 72
    service.call("PUT", source, uri_http_picture=None)
    assert len(camera.sessions("other")) == before


def test_a_stream_that_is_watched_goes_over_to_the_recording(service: Service, camera: RtspServer) -> None:
    source_id = added(service, camera.url("cam"))
    service.add_group("later", [source_id])
    with watch(service, source_id) as viewer:
        viewer.take(1)
        own = camera.sessions("cam")[-1]
        service.record("later", "later")
        wait_for(lambda: viewer.take(1) and own.end_s < time.time(), "the end of the second connection", pause_s=0)
        viewer.take(12)
        service.stop_recording("later")
        count = len(camera.sessions("cam"))
        wait_for(lambda: viewer.take(1) and len(camera.sessions("cam")) > count, "the stream's return", pause_s=0)
        viewer.take(2)


def test_no_password_is_seen_anywhere(service: Service, camera: RtspServer) -> None:
    source_id = added(service, camera.url("cam"))
    with watch(service, source_id) as viewer:
        viewer.take(1)
        seen = [arguments(child) for pid in web_pids(service) for child in children(pid)]
    assert any("mpjpeg" in words for words in seen)
    assert PASSWORD not in f"{seen} {service.read_log()}"


def test_who_leaves_is_noticed_though_no_picture_is_due(service: Service) -> None:
    with PictureServer() as pictures:
        source_id = added(service, pictures.url)
        viewer = watch(service, source_id, 60)
        viewer.take(1)
        assert list((service.instance / "run" / "live").glob("*.sock"))
        viewer.close()
        wait_for(lambda: not list((service.instance / "run" / "live").glob("*.sock")), "the end of watching")


def test_an_identical_picture_is_not_sent_again(service: Service) -> None:
    with PictureServer() as pictures:
        pictures.change(is_frozen=True)
        source_id = added(service, pictures.url)
        with watch(service, source_id) as viewer:
            first = viewer.take(1)[0]
            asked = pictures.requests
            wait_for(lambda: pictures.requests > asked + 5, "more requests")
            pictures.step()
            second = viewer.take(1)[0]
        assert picture_number(second.jpeg) == picture_number(first.jpeg) + 1


def test_streams_leave_room_for_other_requests_and_end_with_the_service(tmp_path: Path, footage: Path) -> None:
    with RtspServer({"cam": footage}) as camera, serving(tmp_path, WEB_THREADS=4) as served:
        source_id = served.service.add_source(camera.url("cam"))
        viewers = [watch(served.service, source_id), MjpegClient(served.url("/test/video"))]
        refused = requests.get(served.url(f"{API}/source/{source_id}/video"), timeout=10)
        assert (refused.status_code, refused.json()["detail"][0]["type"]) == (503, "busy")
        assert refused.headers["Retry-After"]
        assert served.service.answers("/healthz")
        viewers.pop().close()
        (viewer,) = viewers
        wait_for(lambda: served.service.answers("/test/img"), "an answer")
        viewer.take(1)
        (web,) = web_pids(served.service)
        (ffmpeg,) = children(web)
        served.service.processes["web"].send_signal(signal.SIGTERM)
        while viewer.next() is not None:  # up to the closing boundary
            pass
        assert served.service.processes["web"].wait(20) == 0
        assert started_ticks(ffmpeg) is None


@pytest.mark.parametrize("delay", ["-1", "60.001", "61", "nan", "inf", "-inf", "", "x", "1,5", "1e99", "0x1", "null"])
def test_a_delay_that_is_not_0_to_60_is_refused(client: FlaskClient, delay: str) -> None:
    source = add_source(client)
    answer = client.get(f"{API}/source/{source['id']}/video", query_string={"delay": delay})
    assert answer.status_code == 422
    assert answer.json["detail"][0]["loc"] == ["query", "delay"]


@pytest.mark.parametrize("query", ["", "?delay=0", "?delay=60", "?delay=0.5", "?delay=1e1", "?delay=1&other=x"])
def test_head_answers_without_asking_the_camera(client: FlaskClient, query: str) -> None:
    source = add_source(client)
    answer = client.head(f"{API}/source/{source['id']}/video{query}")
    assert (answer.status_code, answer.data) == (200, b"")
    assert boundary(answer.content_type)


def test_a_camera_that_gives_nothing_is_504_before_any_picture(client: FlaskClient) -> None:
    answer = client.get(f"{API}/source/{add_source(client)['id']}/video")
    assert (answer.status_code, answer.mimetype) == (504, "application/json")
    assert "nothing listens" in answer.json["detail"][0]["msg"]


def test_a_stream_waits_for_a_camera_that_is_away_and_ends_where_it_does_not_come_back(
    client: FlaskClient, footage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with RtspServer({"cam": footage}) as camera:
        source = add_source(client, uri_rtsp=camera.url("cam"))
        answer = client.get(f"{API}/source/{source['id']}/video?delay=0", buffered=False)
        assert answer.status_code == 200
        parts = answer.iter_encoded()
        assert next(parts).startswith(boundary(answer.content_type) + b"\r\n")
        camera.offline()
        time.sleep(0.5)
        camera.online()
        wait_for(lambda: next(parts) and len(camera.sessions()) > 1, "the next connection", pause_s=0)
        assert b"image/jpeg" in next(parts)
        monkeypatch.setattr(livesources, "PATIENCE_S", 3.0)  # for good this time: let it be over sooner
        camera.offline()
        last = list(parts)[-1]
    assert last == b"--\r\n"
