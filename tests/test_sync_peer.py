"""Another server of this kind: what it takes, what it refuses, and a copy from one real service to another."""

import hashlib
import io
import json
import os
import random
import sqlite3
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app import create_app
from app.extensions import db
from app.transfer.addresses import Root, parse_roots
from app.transfer.copying import CopyFailed, CopyRefused, Progress, Recording
from app.transfer.peer import copy_to_peer
from app.transfer.targets import told
from instance.config import TestingConfig
from tests.archived import T0_US, add_source, record
from tests.archived import media as media
from tests.archived import no_plans as no_plans
from tests.copy_targets import descendants
from tests.copying import add_record, ask, run_copies, shown, video
from tests.service import Service, wait_for

COPY = "/api/v1/copy"
RECORD = "0b0f4d2e-5c1d-4a7b-9e57-3f1f0a6b7c11"
DATA = random.Random(3).randbytes(100_000)
MD5 = hashlib.md5(DATA).hexdigest()


def announce(client: FlaskClient, status: int = 200, **changed: Any) -> dict[str, Any]:
    values = {"record_id": RECORD, "tag_name": "gate", "size_bytes": len(DATA), "md5": MD5, "description": {"a": "ä"}}
    answer = client.post(COPY, json={**values, **changed})
    assert answer.status_code == status, answer.json
    return answer.json


def put(client: FlaskClient, begin: int, end: int, data: bytes = DATA, total: int = len(DATA)) -> Any:
    headers = {"Content-Range": f"bytes {begin}-{end - 1}/{total}"}
    return client.put(f"{COPY}/{RECORD}/file", data=data[begin:end], headers=headers)


def finish(client: FlaskClient) -> Any:
    return client.put(f"{COPY}/{RECORD}/file", headers={"Content-Range": f"bytes */{len(DATA)}"})


def files(app: Flask) -> list[str]:
    return sorted(path.name for path in (app.config["PLAYBACK"].storage_path / "copies").iterdir())


def test_a_copy_comes_in_pieces_and_is_compared_before_it_has_a_name(
    database_app: Flask, database_client: FlaskClient
) -> None:
    app, client = database_app, database_client
    made = announce(client)
    assert (made["id"], made["received_bytes"], made["completed_utc"]) == (RECORD, 0, None)
    assert made["description"] == {"a": "ä"}
    assert put(client, 0, 40_000).json["received_bytes"] == 40_000
    assert announce(client)["received_bytes"] == 40_000
    assert files(app) == [f"{RECORD}.part"]
    early = finish(client)
    assert (early.status_code, early.json["received_bytes"]) == (409, 40_000)
    assert client.get(f"{COPY}/{RECORD}/video/").json["detail"][0]["type"] == "copy_incomplete"
    assert put(client, 40_000, 100_000).status_code == 200
    assert finish(client).json["completed_utc"]
    assert finish(client).status_code == 200
    assert files(app) == [f"{RECORD}.mp4"]
    whole = client.get(f"{COPY}/{RECORD}/video/")
    assert (whole.status_code, whole.mimetype, whole.data) == (200, "video/mp4", DATA)
    part = client.get(f"{COPY}/{RECORD}/video", headers={"Range": "bytes=5-9"})
    assert (part.status_code, part.data) == (206, DATA[5:10])
    assert announce(client)["completed_utc"]
    assert announce(client, 409, md5="0" * 32)["detail"][0]["type"] == "copy_differs"
    assert [row["id"] for row in client.get(COPY).json] == [RECORD]


def test_a_piece_that_does_not_follow_is_told_where_to_begin(client: FlaskClient) -> None:
    announce(client)
    put(client, 0, 10)
    for begin, end in ((0, 10), (20, 30), (9, 12)):
        answer = put(client, begin, end)
        assert (answer.status_code, answer.json["received_bytes"]) == (409, 10)
        assert answer.json["detail"][0]["type"] == "offset_wrong"


def test_a_copy_with_another_checksum_is_thrown_away(app: Flask, client: FlaskClient) -> None:
    announce(client)
    put(client, 0, len(DATA), data=DATA[:-1] + b"\0" if DATA[-1] else DATA[:-1] + b"\1")
    answer = finish(client)
    assert (answer.status_code, answer.json["detail"][0]["type"]) == (409, "copy_broken")
    assert files(app) == []
    assert put(client, 0, len(DATA)).status_code == 200
    assert finish(client).status_code == 200


def test_another_checksum_begins_an_unfinished_copy_anew(client: FlaskClient) -> None:
    announce(client)
    put(client, 0, 500)
    other = b"x" * 70
    made = announce(client, md5=hashlib.md5(other).hexdigest(), size_bytes=70)
    assert (made["received_bytes"], made["size_bytes"]) == (0, 70)
    assert put(client, 0, 70, data=other, total=70).status_code == 200


def test_what_is_on_the_disk_counts_and_not_what_the_row_says(app: Flask, client: FlaskClient) -> None:
    announce(client)
    put(client, 0, 500)
    part = app.config["PLAYBACK"].storage_path / "copies" / f"{RECORD}.part"
    part.write_bytes(DATA[:500] + b"not accounted for")
    assert put(client, 500, 600).status_code == 200
    assert part.read_bytes() == DATA[:600]
    part.unlink()
    assert put(client, 600, 700).json["received_bytes"] == 0
    put(client, 0, 600)
    part.write_bytes(b"")
    assert announce(client)["received_bytes"] == 0


def test_a_copy_renamed_by_a_process_that_was_killed_then_is_completed(app: Flask, client: FlaskClient) -> None:
    announce(client)
    put(client, 0, len(DATA))
    folder = app.config["PLAYBACK"].storage_path / "copies"
    (folder / f"{RECORD}.part").rename(folder / f"{RECORD}.mp4")
    assert announce(client)["received_bytes"] == len(DATA)
    assert finish(client).json["completed_utc"]
    assert files(app) == [f"{RECORD}.mp4"]


def test_a_body_that_ends_early_adds_nothing(app: Flask, client: FlaskClient) -> None:
    announce(client)
    headers = {"Content-Range": f"bytes 0-99/{len(DATA)}"}
    answer = client.put(f"{COPY}/{RECORD}/file", data=DATA[:99], headers=headers)
    assert (answer.status_code, answer.json["detail"][0]["loc"]) == (422, ["header", "Content-Length"])
    short = client.put(f"{COPY}/{RECORD}/file", input_stream=io.BytesIO(b"short"), content_length=100, headers=headers)
    assert short.status_code in (400, 422)
    assert announce(client)["received_bytes"] == 0


def test_deleting_a_copy_needs_its_checksum(app: Flask, client: FlaskClient) -> None:
    announce(client)
    put(client, 0, len(DATA))
    finish(client)
    assert client.delete(f"{COPY}/{RECORD}").status_code == 422
    assert client.delete(f"{COPY}/{RECORD}", json={"md5": "0" * 32}).json["detail"][0]["type"] == "md5_differs"
    assert client.delete(f"{COPY}/{RECORD}?md5={MD5}").json["md5"] == MD5
    assert files(app) == []
    assert client.get(f"{COPY}/{RECORD}").status_code == 404
    assert client.delete(f"{COPY}/{RECORD}", json={"md5": MD5}).status_code == 404


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("record_id", "7"),
        ("record_id", f"../{RECORD}"),
        ("tag_name", ""),
        ("tag_name", "a\n"),
        ("size_bytes", 0),
        ("size_bytes", 2**60),
        ("size_bytes", "many"),
        ("md5", "xyz"),
        ("md5", None),
        ("description", "[]"),
        ("description", "{"),
        ("description", '{"a": 1e999}'),
        ("description", '{"a": ' + "[" * 3000 + "]" * 3000 + "}"),
        ("description", {"a": "x" * 1_100_000}),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_wrong_announcement_is_refused(client: FlaskClient, field: str, value: Any) -> None:
    answer = announce(client, 422, **{field: value})
    assert answer["detail"][0]["loc"][:2] == ["body", field]
    assert client.get(COPY).json == []


@pytest.mark.parametrize("given", ["", "bytes 5-4/10", "bytes 0-10/10", "bytes a-b/c", "0-1/2", "bytes 0-1/*"])
def test_a_wrong_content_range_is_refused(client: FlaskClient, given: str) -> None:
    announce(client)
    answer = client.put(f"{COPY}/{RECORD}/file", data=b"xx", headers={"Content-Range": given})
    assert (answer.status_code, answer.json["detail"][0]["loc"]) == (422, ["header", "Content-Range"])


def test_a_full_storage_takes_no_copy(config: TestingConfig, migrated_sqlite: Path) -> None:
    config.instance_path.mkdir(parents=True)
    (config.instance_path / "app.db").write_bytes(migrated_sqlite.read_bytes())
    full = create_app(TestingConfig(INSTANCE=config.INSTANCE, RESERVE_BYTES=1 << 59))
    announce(full.test_client(), 507)
    with full.app_context():
        db.engine.dispose()


def test_a_copy_that_comes_while_the_disk_fills_leaves_the_reserve_to_the_recordings(
    app: Flask, client: FlaskClient
) -> None:
    announce(client)
    assert put(client, 0, 10_000).status_code == 200
    app.config["PLAYBACK"] = TestingConfig(INSTANCE=app.config["PLAYBACK"].INSTANCE, RESERVE_BYTES=1 << 59)
    refused = put(client, 10_000, 20_000)
    assert (refused.status_code, "PLAYBACK_RESERVE_BYTES" in refused.json["detail"][0]["msg"]) == (507, True)
    assert client.get(f"{COPY}/{RECORD}/").json["received_bytes"] == 10_000


def test_a_copy_that_does_not_fit_is_refused_before_it_is_sent(client: FlaskClient) -> None:
    announce(client, 507, size_bytes=2**52)
    assert client.get(COPY).json == []


def test_unknown_copies(client: FlaskClient) -> None:
    for path in ("", "/video/"):
        assert client.get(f"{COPY}/{RECORD}{path}").status_code == 404
        assert client.get(f"{COPY}/7{path}").status_code == 422
    assert put(client, 0, 1).status_code == 404


TOKEN = "a-token-of-43-characters-that-nobody-may-read"


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Yield the web server of another service, in production, whose admin has TOKEN.

    Without a recorder it is never ready, but it serves.
    """
    service = Service(tmp_path_factory.mktemp("there"), "web", FLASK_CONFIG="production", SECRET_KEY="k" * 48)
    try:
        service.start()
        with closing(sqlite3.connect(service.instance / "app.db")) as connection, connection:
            digest = hashlib.sha256(TOKEN.encode()).hexdigest()
            add = (
                "INSERT INTO api_token (id, account_id, name, role, token_sha256, created_us, created_by) "
                "SELECT 'peer', id, 'peer', 'admin', ?, 0, 'test' FROM account"
            )
            assert connection.execute(add, (digest,)).rowcount == 1
        wait_for(lambda: service.answers("/healthz"), "the web server", 30)
        yield service
    finally:
        service.stop()


def kill(process: "subprocess.Popen[bytes]") -> None:
    """Kill gunicorn and its workers at once, as a machine that loses power."""
    for pid in [process.pid, *descendants(process.pid)]:
        os.kill(pid, 9)
    process.wait()


def test_a_tag_is_copied_from_one_service_to_another(
    there: Service, config: TestingConfig, migrated_sqlite: Path, media: Callable[..., Path]
) -> None:
    """The sender has the token in its setting, and neither tells it to anybody."""
    assert there.session.get(f"{there.base}{COPY}").status_code == 401
    config.instance_path.mkdir(parents=True)
    (config.instance_path / "app.db").write_bytes(migrated_sqlite.read_bytes())
    here = create_app(TestingConfig(INSTANCE=config.INSTANCE, SYNC_TARGETS=f"http://:{TOKEN}@127.0.0.1:{there.port}/"))
    client = here.test_client()
    source_id = add_source(here)
    run = record(here, source_id, media("audio"))
    record_id = add_record(here, source_id, "gate", T0_US, run.end_us)
    job = ask(client, tag_name="gate", location=there.base)
    run_copies(here)
    copied = shown(client, job)
    assert copied["state"] == "done", copied
    location = f"{there.base}/api/v1/copy/{record_id}/video/"
    assert client.get(f"/api/v1/record/{record_id}").json["sync_location"] == location
    signed_in = {"Authorization": f"Bearer {TOKEN}"}
    answer = there.session.get(location, headers={"Range": "bytes=0-", **signed_in})
    assert answer.content == video(client, record_id)
    (row,) = there.session.get(f"{there.base}{COPY}", headers=signed_in).json()
    assert (row["tag_name"], row["md5"]) == ("gate", copied["records"][0]["md5"])
    assert row["description"]["source"]["id"] == source_id
    again = ask(client, tag_name="gate", location=f"{there.base}/")
    run_copies(here)
    assert shown(client, again)["state"] == "done"
    with here.app_context():
        db.engine.dispose()
    for folder in (config.instance_path, there.instance):
        for path in folder.rglob("*"):
            if path.is_file():
                assert TOKEN.encode() not in path.read_bytes(), path
    assert TOKEN not in json.dumps([copied, client.get("/api/v1/sync").json])


def test_a_cut_between_servers_loses_one_piece(there: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.transfer.peer.CHUNK_BYTES", 1 << 19)
    data = random.Random(5).randbytes(3_000_000)
    asked: list[tuple[int, int]] = []

    def read(begin: int, end: int, cut_at: int | None = None) -> Iterator[bytes]:
        asked.append((begin, end))
        for position in range(begin, end, 1 << 18):
            if cut_at is not None and position > cut_at:
                kill(there.processes["web"])
            yield data[position : min(position + (1 << 18), end)]

    root = peer(f"http://:{TOKEN}@127.0.0.1:{there.port}/")
    cut = Recording(len(data), lambda begin, end: read(begin, end, 1_500_000), hashlib.md5(data).hexdigest())
    with pytest.raises(OSError) as error:
        copy_to_peer(root, RECORD, "gate", cut, Progress(lambda: None))
    assert "Connection" in told(error.value, root)
    there.spawn("web")
    wait_for(lambda: there.answers("/healthz"), "the web server", 30)
    progress = Progress(lambda: None)
    assert copy_to_peer(root, RECORD, "gate", Recording(len(data), read, cut.md5), progress) == cut.md5
    assert 1_000_000 < asked[-1][0] < 1_600_000
    assert progress.copied_bytes == len(data)
    wrong = Recording(len(data), read, "0" * 32)
    with pytest.raises(CopyRefused, match="delete that copy first"):
        copy_to_peer(root, RECORD, "gate", wrong, Progress(lambda: None))
    for address, why in (
        (f"http://:{TOKEN}@127.0.0.1:{there.port}/nothing/", "answered 404"),
        (f"http://:wrong@127.0.0.1:{there.port}/", "answered 401: this token opens nothing"),
    ):
        with pytest.raises(CopyFailed, match=why):
            copy_to_peer(peer(address), RECORD, "gate", wrong, Progress(lambda: None))


def peer(address: str) -> Root:
    (root,) = parse_roots(address, Path("/"), Path("/"))
    return root


def test_a_redirect_is_not_followed() -> None:
    seen: list[tuple[int, str | None]] = []

    class Elsewhere(BaseHTTPRequestHandler):
        """Sends everybody to the other port."""

        def do_POST(self) -> None:
            """Redirect."""
            seen.append((self.server.server_address[1], self.headers["Authorization"]))
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(307)
            self.send_header("Location", f"http://127.0.0.1:{servers[1].server_address[1]}/")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    servers = [ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere) for _ in range(2)]
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        root = peer(f"http://:{TOKEN}@127.0.0.1:{servers[0].server_address[1]}/")
        recording = Recording(len(DATA), lambda begin, end: iter([DATA[begin:end]]), MD5)
        with pytest.raises(CopyFailed, match="answered 307"):
            copy_to_peer(root, RECORD, "gate", recording, Progress(lambda: None))
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()
    assert seen == [(servers[0].server_address[1], f"Bearer {TOKEN}")]
