"""Events of a file over real connections: order, resumption, the end, refusals, and who does not hold up whom."""

import resource
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from app.archive.outbox import prune_progress
from app.extensions import db, writing
from app.models import FileEvent
from app.models.types import now_us
from app.transfer.eventhub import Hub
from bench.processes import children, count_threads
from tests.browser import Browser, why_no_browser
from tests.conftest import missing
from tests.event_client import EventClient
from tests.handed import row_of, store_and_rotate
from tests.nginx_server import Nginx, find_nginx
from tests.outbox import announce, delete, tell, turn
from tests.served import Served, serving
from tests.service import wait_for


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Yield a server with four threads: streams that held one each would be noticed at once.

    It is started with the limit of open files that a login shell has.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, hard))
    try:
        with serving(tmp_path_factory.mktemp("events"), WEB_THREADS=4, EVENT_CLIENTS=40) as served:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            yield served
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def listen(served: Served, file_id: int, **how: object) -> EventClient:
    path = how.pop("path", f"/download/{file_id}/")
    return EventClient(served.service.port, str(path), **how)  # type: ignore[arg-type]


def web_pid(served: Served) -> int:
    """Return the pid of the one web process."""
    (pid,) = children(served.service.pid("web"))
    return pid


@pytest.mark.parametrize("path", ["/download/{}/", "/download/{}", "/sse/{}/", "/sse/{}"])
def test_what_happened_comes_first_and_what_happens_follows(served: Served, path: str) -> None:
    file_id = announce(served.app)
    with listen(served, file_id, path=path.format(file_id)) as client:
        assert client.status == 200
        assert client.headers["content-type"] == "text/event-stream"
        assert (client.headers["cache-control"], client.headers["x-accel-buffering"]) == ("no-store", "no")
        (first,) = client.take(1)
        assert client.retry_ms == 2000
        assert (first.name, first.data["type"], first.data["status"]) == (None, "status", "--------")
        ids = [
            tell(served.app, file_id, "progress", received_bytes=5, size_bytes=9),
            turn(served.app, file_id, "ready"),
        ]
        ids.append(tell(served.app, file_id, "comment", comment="Так нельзя <b>", comment_author="User"))
        progress, ready, comment = client.take(3)
    assert [progress.id, ready.id, comment.id] == ids
    assert first.id < ids[0]
    assert (progress.name, progress.data["type"]) == ("progress", "progress")
    assert (progress.data["received_bytes"], progress.data["size_bytes"]) == (5, 9)
    assert (ready.name, ready.data["type"], ready.data["status"]) == (None, "status", "ready")
    assert (comment.name, comment.data["comment"], comment.data["status"]) == (None, "Так нельзя <b>", "ready")


def test_a_new_client_gets_only_the_newest_progress_and_none_once_the_file_is_complete(served: Served) -> None:
    file_id = announce(served.app)
    ids = [tell(served.app, file_id, "progress", received_bytes=size) for size in (1, 2, 3)]
    with listen(served, file_id) as client:
        assert [event.id for event in client.take(2)][1:] == ids[-1:]
    ready = turn(served.app, file_id, "ready")
    with listen(served, file_id) as client:
        assert [(event.id, event.data["status"]) for event in client.take(2)][1:] == [(ready, "ready")]


@pytest.mark.parametrize("how", ["header", "query", "header wins"])
def test_a_client_resumes_behind_the_event_that_it_names(served: Served, how: str) -> None:
    file_id = announce(served.app)
    ids = [tell(served.app, file_id, "comment", comment=str(number)) for number in range(4)]
    query = {"header": "", "query": f"?last_event_id={ids[1]}", "header wins": f"?last_event_id={ids[3]}"}[how]
    header = None if how == "query" else ids[1]
    with listen(served, file_id, path=f"/sse/{file_id}/{query}", last_id=header) as client:
        assert [event.id for event in client.take(2)] == ids[2:]
        later = tell(served.app, file_id, "comment", comment="later")
        assert client.take(1)[0].id == later


def test_resuming_within_progress_loses_none_of_it(served: Served) -> None:
    file_id = announce(served.app)
    ids = [tell(served.app, file_id, "progress", received_bytes=size) for size in range(4)]
    turn(served.app, file_id, "ready")
    with listen(served, file_id, last_id=ids[0]) as client:
        assert [event.id for event in client.take(3)] == ids[1:]


@pytest.mark.parametrize("end", ["db_ready", "error"])
def test_the_stream_ends_with_the_last_event_and_is_204_until_more_happens(served: Served, end: str) -> None:
    file_id = announce(served.app)
    with listen(served, file_id) as client:
        client.take(1)
        ended = turn(served.app, file_id, end)
        (last,) = client.rest()
    assert (last.id, last.data["status"]) == (ended, end)
    for path in ("/sse/{}/", "/download/{}"):
        with listen(served, file_id, path=path.format(file_id), last_id=ended) as client:
            assert client.status == 204
            assert "content-type" not in client.headers
    with listen(served, file_id) as client:  # one that knows nothing gets all, and then the end
        assert [event.id for event in client.rest()][-1] == ended
    comment = tell(served.app, file_id, "comment", comment="still")
    with listen(served, file_id, last_id=ended) as client:
        assert client.status == 200
        assert [event.id for event in client.rest()] == [comment]
    with listen(served, file_id, last_id=comment) as client:
        assert client.status == 204


def test_a_file_that_goes_on_after_its_end_is_told_of_again(served: Served) -> None:
    file_id = announce(served.app)
    turn(served.app, file_id, "error")
    again = turn(served.app, file_id, "processing")
    with listen(served, file_id, last_id=again) as client:
        assert client.status == 200
        ready = turn(served.app, file_id, "ready")
        assert client.take(1)[0].id == ready


@pytest.mark.parametrize("path", ["/download/0/", "/sse/0", "/download/999999999999999999/", "/sse/7000000"])
def test_an_unknown_file_is_404_before_anything_is_sent(served: Served, path: str) -> None:
    with listen(served, 0, path=path) as client:
        assert client.status == 404
        assert client.body()["detail"][0] | {"msg": ""} == {"loc": ["path", "index"], "msg": "", "type": "not_found"}


@pytest.mark.parametrize("path", ["/sse/1000000000000000000/", "/sse/-1/", "/sse/1x/", "/sse/%D9%A1/"])
def test_what_is_no_index_is_404_in_the_shape_of_all_errors(served: Served, path: str) -> None:
    with listen(served, 0, path=path) as client:
        assert client.status == 404
        assert client.body()["detail"][0]["type"] == "not_found"


def test_a_deleted_file_is_410(served: Served) -> None:
    file_id = announce(served.app)
    delete(served.app, file_id)
    with listen(served, file_id) as client:
        assert (client.status, client.body()["detail"][0]["type"]) == (410, "deleted")


@pytest.mark.parametrize("text", ["x", "-1", "1.5", "0x10", "1e3", "9" * 19, "1;2", "\u0661", "null", "1,2"])
@pytest.mark.parametrize("place", ["header", "query"])
def test_an_id_that_is_no_number_is_refused(served: Served, text: str, place: str) -> None:
    file_id = announce(served.app)
    if place == "header":
        answer = requests.get(served.url(f"/sse/{file_id}"), headers={"Last-Event-ID": text.encode()}, timeout=10)
    else:
        answer = requests.get(served.url(f"/sse/{file_id}"), params={"last_event_id": text}, timeout=10)
    assert answer.status_code == 422
    name = {"header": "Last-Event-ID", "query": "last_event_id"}[place]
    assert answer.json()["detail"][0]["loc"] == [place, name]


def test_an_id_that_no_event_has_yet_begins_anew(served: Served) -> None:
    """As after a backup was restored: the browser remembers what this database has never told."""
    file_id = announce(served.app)
    with listen(served, file_id, last_id=10**17) as client:
        assert client.take(1)[0].data["status"] == "--------"


def test_an_id_of_a_newer_event_of_another_file_repeats_nothing(served: Served) -> None:
    file_id, other_id = announce(served.app), announce(served.app)
    seen = tell(served.app, other_id, "comment", comment="of the other")
    with listen(served, file_id, last_id=seen) as client:
        assert client.status == 200
        later = tell(served.app, file_id, "comment", comment="own")
        assert client.take(1)[0].id == later


def test_an_empty_id_begins_anew(served: Served) -> None:
    file_id = announce(served.app)
    with listen(served, file_id, last_id="", path=f"/sse/{file_id}?last_event_id=") as client:
        assert client.take(1)[0].data["status"] == "--------"


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_the_end_of_the_stream_is_that_of_the_connection(served: Served, version: str) -> None:
    file_id = announce(served.app)
    turn(served.app, file_id, "db_ready")
    with listen(served, file_id, version=version, Connection="keep-alive") as client:
        assert client.headers["connection"] == "close"
        assert not {"transfer-encoding", "content-length", "content-encoding"} & client.headers.keys()
        assert len(client.rest()) == 2


def test_head_answers_as_get_without_a_place(served: Served) -> None:
    file_id = announce(served.app)
    answer = requests.head(served.url(f"/download/{file_id}/"), timeout=10)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/event-stream")
    last = turn(served.app, file_id, "error")
    answer = requests.head(served.url(f"/sse/{file_id}"), headers={"Last-Event-ID": str(last)}, timeout=10)
    assert answer.status_code == 204
    assert requests.head(served.url("/sse/999999999"), timeout=10).status_code == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_other_methods_are_refused(served: Served, method: str) -> None:
    answer = requests.request(method, served.url(f"/sse/{announce(served.app)}/"), timeout=10)
    assert (answer.status_code, answer.json()["detail"][0]["type"]) == (405, "method_not_allowed")


def test_more_clients_than_threads_listen_and_the_rest_is_refused_until_one_leaves(served: Served) -> None:
    file_id = announce(served.app)
    clients: list[EventClient] = []

    def fill() -> bool:
        client = listen(served, file_id)
        if client.status == 200:
            clients.append(client)
        else:
            client.close()
        return len(clients) == 40

    wait_for(fill, "room for 40, which those before have left", pause_s=0.01)
    try:
        with listen(served, file_id) as refused:
            assert (refused.status, refused.body()["detail"][0]["type"]) == (503, "busy")
            assert int(refused.headers["retry-after"]) > 0
        assert served.service.answers("/healthz")
        assert count_threads(web_pid(served)) < 40
        told = tell(served.app, file_id, "comment", comment="to all")
        assert {client.take(2)[1].id for client in clients} == {told}
        clients.pop().close()

        def has_room() -> bool:
            with requests.get(served.url(f"/sse/{file_id}"), stream=True, timeout=5) as answer:
                return answer.status_code == 200

        wait_for(has_room, "room")
    finally:
        for client in clients:
            client.close()


def test_a_web_process_may_open_as_many_files_as_is_permitted(served: Served) -> None:
    soft, hard = resource.prlimit(web_pid(served), resource.RLIMIT_NOFILE)
    assert soft == (65_536 if hard == resource.RLIM_INFINITY else min(hard, 65_536))


def test_the_download_address_is_told_while_a_key_is_valid(served: Served) -> None:
    file_id, key = store_and_rotate(served.app, b"film")
    with listen(served, file_id) as client:
        (issued,) = client.take(1)
        assert (issued.data["type"], issued.data["generation"]) == ("download", 0)
        assert issued.data["download_url"] == f"http://localhost/download/{key}/"
        answer = requests.get(issued.data["download_url"].replace("http://localhost", served.service.base), timeout=10)
        assert (answer.status_code, answer.content) == (200, b"film")
        used = client.take(1)[0]
        assert (used.data["rotation"], used.data["download_url"]) == ("downloaded", issued.data["download_url"])
        assert requests.delete(served.url(f"/files/{file_id}/refer/"), timeout=10).status_code == 200
        tell(served.app, file_id, "comment", comment="later")
        later = client.take(1)[0]
    assert "download_url" not in later.data
    with listen(served, file_id) as client:  # what was told before is told without what no longer opens anything
        assert not any("download_url" in event.data for event in client.take(3))


def test_no_key_is_in_the_outbox(served: Served) -> None:
    file_id, key = store_and_rotate(served.app, b"film")
    with served.app.app_context():
        payloads = db.session.scalars(select(FileEvent.payload).where(FileEvent.file_id == file_id)).all()
    assert payloads
    assert key not in "".join(payloads)


def test_another_server_sends_the_same_from_a_thread_of_its_own(app: Flask, client: FlaskClient) -> None:
    file_id = announce(app)
    tell(app, file_id, "progress", received_bytes=1)
    last = turn(app, file_id, "db_ready")
    answer = client.get(f"/sse/{file_id}", buffered=False)
    assert (answer.status_code, answer.mimetype) == (200, "text/event-stream")
    lines = answer.get_data(as_text=True).split("\n")  # up to the end of the stream
    assert [line for line in lines if line.startswith(("retry:", "id:"))] == ["retry: 2000", "id: 1", f"id: {last}"]
    answer.close()
    assert client.get(f"/sse/{file_id}", headers={"Last-Event-ID": str(last)}).status_code == 204
    hub: Hub = app.extensions["playback_events"]
    wait_for(lambda: hub.taken == 0, "the place")


def test_a_client_of_another_server_that_leaves_gives_its_place_back(app: Flask, client: FlaskClient) -> None:
    file_id = announce(app)
    answer = client.get(f"/sse/{file_id}", buffered=False)
    parts = iter(answer.iter_encoded())
    assert next(parts).startswith(b"retry:")
    hub: Hub = app.extensions["playback_events"]
    assert hub.taken == 1
    answer.close()
    wait_for(lambda: hub.taken == 0, "the place")


def test_progress_of_what_is_complete_is_pruned_and_nothing_else(database_app: Flask) -> None:
    whole, going, gone = (announce(database_app) for _ in range(3))
    told = {
        file_id: [tell(database_app, file_id, "progress", received_bytes=size) for size in (1, 2)]
        for file_id in (whole, going, gone)
    }
    comment = tell(database_app, whole, "comment", comment="stays")
    turn(database_app, whole, "ready")
    delete(database_app, gone)
    with database_app.app_context(), writing() as session:
        assert prune_progress(session, now_us() - 3_600_000_000) == 0
    with database_app.app_context(), writing() as session:
        assert prune_progress(session, now_us() + 1) == 3  # the newest event of the one that is gone stays
        left = set(session.scalars(select(FileEvent.id)))
    assert not left & set(told[whole])
    assert {comment, *told[going], told[gone][1]} <= left


def test_events_come_through_nginx_as_they_happen(served: Served, tmp_path: Path) -> None:
    if find_nginx() is None:
        missing("no nginx in PATH or /usr/sbin; install nginx-light")
    file_id = announce(served.app)
    with (
        Nginx(tmp_path / "nginx", served.service.port, served.service.storage / "rec") as nginx,
        requests.get(f"{nginx.base}/download/{file_id}/", stream=True, timeout=10) as answer,
    ):
        lines = answer.iter_lines()
        assert answer.headers["Content-Type"] == "text/event-stream"
        assert next(line for line in lines if line.startswith(b"id:"))
        told = tell(served.app, file_id, "comment", comment="at once")
        assert next(line for line in lines if line.startswith(b"id:")) == f"id: {told}".encode()
        last = turn(served.app, file_id, "error")
        assert f"id: {last}".encode() in list(lines)  # up to the end


LISTEN = """
window.got = [];
window.source = new EventSource(arguments[0]);
window.source.onmessage = event => window.got.push(Number(event.lastEventId));
window.source.addEventListener("progress", event => window.got.push(Number(event.lastEventId)));
"""


@pytest.mark.skipif(bool(why_no_browser()), reason=why_no_browser())
def test_a_browser_resumes_after_a_restart_without_loss_and_stops_at_the_end(served: Served, tmp_path: Path) -> None:
    with Browser(tmp_path) as browser:
        file_id = announce(served.app)
        ids = [row_of(served.app, file_id).event_id, tell(served.app, file_id, "progress", received_bytes=1)]
        browser.open_bare(served.url("/healthz"))
        browser.script(LISTEN, f"/sse/{file_id}/")
        browser.wait(lambda: browser.script("return window.got") == ids, "the events so far")
        process = served.service.processes["web"]
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0  # who listens does not hold it up
        ids += [tell(served.app, file_id, "comment", comment="while it is away") for _ in range(3)]
        served.service.spawn("web")
        browser.wait(lambda: browser.script("return window.got") == ids, "what happened meanwhile")
        ids.append(turn(served.app, file_id, "db_ready"))
        browser.wait(lambda: browser.script("return window.got") == ids, "the end")
        browser.wait(lambda: browser.script("return window.source.readyState") == 2, "the browser's giving up")
