"""Groups and tags as an operator expects them, with the service's own processes and real cameras."""

import math
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests

from tests.archive_reading import assert_contiguous, query, recorded_runs
from tests.conftest import DATABASES
from tests.media import make_video
from tests.picture_server import PictureServer
from tests.ports import free_port
from tests.rtsp_server import RtspServer
from tests.service import Service, wait_for

API = "/api/v1"
FLIPS, CLIENTS = 50, 4


@pytest.fixture(scope="module")
def camera(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RtspServer]:
    """Yield a server of two cameras with a key frame a second."""
    path = tmp_path_factory.mktemp("footage") / "cam.mp4"
    make_video(path, seconds=6, fps=12, gop=12, width=320, height=240)
    with RtspServer({"first": path, "second": path}) as server:
        yield server


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Yield a service without a worker: each session that a camera counts is a recording's."""
    with Service(tmp_path_factory.mktemp("service"), "web", "recorder", PICTURE_INTERVAL_S=0.5) as running:
        yield running


def group(service: Service, name: str, source_ids: list[int], model: str = "Source") -> str:
    """Make a group of these sources; return its id."""
    service.add_group(name, source_ids, model)
    return str(next(one["id"] for one in service.call("GET", f"{API}/group") if one["name"] == name))


def words(service: Service, tag: str) -> dict[int, str]:
    """Return the status of each record of a tag, by its source."""
    return {one["source"][0]["id"]: one["status"] for one in service.call("GET", f"{API}/record?tag_name={tag}")}


def open_sessions(camera: RtspServer, name: str) -> int:
    return len([one for one in camera.sessions(name) if one.end_s == math.inf])


def wait_for_words(service: Service, tag: str, wanted: dict[int, str]) -> None:
    wait_for(lambda: words(service, tag) == wanted, f"{wanted} under {tag}", 20)


def test_tags_add_and_end_without_touching_what_records(service: Service, camera: RtspServer) -> None:
    first, second = service.add_source(camera.url("first")), service.add_source(camera.url("second"))
    away = service.add_source(f"rtsp://127.0.0.1:{free_port()}/cam")
    members = group(service, "gates", [first])
    service.record("day", "gates")
    wait_for_words(service, "day", {first: "recording"})

    service.call("POST", f"{API}/group/{members}/source/{second}/")
    service.record("day", "gates")  # adds the second, leaves the first
    wait_for_words(service, "day", {first: "recording", second: "recording"})

    service.call("POST", f"{API}/group/{members}/source/{away}/")
    service.record("night", "gates")  # a second tag; one camera is not there
    wait_for_words(service, "night", {first: "recording", second: "recording", away: "waiting"})
    assert [open_sessions(camera, name) for name in ("first", "second")] == [1, 1]
    assert service.call("GET", f"{API}/tag/begin") == ["day", "night"]

    service.call("DELETE", f"{API}/group/{members}/source/{second}/")
    service.call("DELETE", f"{API}/group/{members}/")
    time.sleep(1.5)  # longer than a stop lingers
    assert words(service, "night") == {first: "recording", second: "recording", away: "waiting"}

    service.stop_recording("day")
    time.sleep(1.5)
    assert words(service, "night") == {first: "recording", second: "recording", away: "waiting"}
    assert service.call("GET", f"{API}/tag/begin") == ["night"]
    service.stop_recording("night")
    stopped_s = time.time()
    wait_for(lambda: not query(service, "SELECT 1 FROM lease"), "the end of recording", 20)
    for source_id, name in ((first, "first"), (second, "second")):
        (session,) = camera.sessions(name)  # one connection for both tags
        (run,) = recorded_runs(service, source_id)  # one copy on disk
        assert_contiguous(run.video, session.sent("video"), stopped_s - 1, begin=0)
    assert words(service, "night") == {first: "done", second: "done", away: "failed"}


def test_a_stop_by_model_ends_that_model_only(service: Service, camera: RtspServer) -> None:
    with PictureServer() as pictures:
        stream, still = service.add_source(camera.url("first")), service.add_source(pictures.url)
        group(service, "streams", [stream])
        group(service, "stills", [still], "PictureSource")
        service.record("both", "streams")
        service.record("both", "stills", "PictureSource")
        wait_for_words(service, "both", {stream: "recording", still: "recording"})
        service.call("PUT", f"{API}/record", 204, tag_name="both", model="PictureSource")
        wait_for(lambda: len(query(service, "SELECT 1 FROM lease")) == 1, "the end of the pictures")
        assert words(service, "both") == {stream: "recording", still: "done"}
        assert service.call("GET", f"{API}/record/runing?tag_name=both") is True
        service.stop_recording("both")
        wait_for(lambda: not query(service, "SELECT 1 FROM lease"), "the end of the stream")
        assert service.call("GET", f"{API}/record/runing?tag_name=both") is False


@pytest.fixture(params=DATABASES)
def two_webs(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Service]:
    """Yield a web server of two processes: on SQLite, then on PostgreSQL."""
    settings: dict[str, Any] = {"WEB_WORKERS": 2}
    if request.param == "postgresql":
        settings["DATABASE_URL"] = request.getfixturevalue("postgres").database("tags_test")
    service = Service(tmp_path, "web", **settings)
    try:
        service.start()
        wait_for(lambda: service.answers("/healthz"), "life", 30)
        yield service
    finally:
        service.stop()


def rows(service: Service, text: str) -> list[tuple[Any, ...]]:
    """Return rows of the service's database, whichever it is."""
    url = service.environment.get("PLAYBACK_DATABASE_URL")
    if url is None:
        with closing(sqlite3.connect(f"file:{service.instance / 'app.db'}?mode=ro", uri=True)) as connection:
            return connection.execute(text).fetchall()
    with psycopg.connect(url.replace("+psycopg", "")) as postgres:
        return postgres.execute(text).fetchall()


def test_starting_and_stopping_one_tag_at_once_leaves_records_and_intervals_in_step(two_webs: Service) -> None:
    ids = [two_webs.add_source(f"rtsp://127.0.0.1:9/cam{number}") for number in range(3)]
    two_webs.add_group("forth", ids)
    two_webs.add_group("back", ids[::-1])
    statuses: list[int] = []

    def flip(number: int) -> None:
        for step in range(number, FLIPS, CLIENTS):
            given = {"model": "Source", "tag_name": f"t{step % 2}", "group_name": ("forth", "back")[number % 2]}
            statuses.append(requests.post(f"{two_webs.base}{API}/record", json=given, timeout=60).status_code)
            del given["group_name"]
            statuses.append(requests.put(f"{two_webs.base}{API}/record", json=given, timeout=60).status_code)

    threads = [threading.Thread(target=flip, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [204] * (2 * FLIPS)
    assert_in_step(two_webs, ids)
    two_webs.record("t0", "forth")
    assert_in_step(two_webs, ids)
    two_webs.stop_recording("t0")
    two_webs.stop_recording("t1")
    assert not rows(two_webs, "SELECT 1 FROM record WHERE end_us IS NULL")
    assert not rows(two_webs, "SELECT 1 FROM wanted WHERE end_us IS NULL")


def assert_in_step(service: Service, source_ids: list[int]) -> None:
    """Assert that a source is wanted exactly while it has records, in intervals that do not overlap."""
    forever = 2**62
    for source_id in source_ids:
        where = f"WHERE source_id = {source_id} ORDER BY begin_us, end_us"
        spans = rows(service, f"SELECT begin_us, COALESCE(end_us, {forever}) FROM wanted {where}")
        records = rows(service, f"SELECT begin_us, COALESCE(end_us, {forever}), tag_id FROM record {where}")
        assert all(before[1] <= after[0] for before, after in pairwise(spans))
        assert all(any(span[0] <= one[0] and one[1] <= span[1] for span in spans) for one in records)
        for tag in {one[2] for one in records}:
            own = [one for one in records if one[2] == tag]
            assert all(before[1] <= after[0] for before, after in pairwise(own))
