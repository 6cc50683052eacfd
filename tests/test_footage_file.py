"""A span of recorded footage as a file: a view of the archive, whose bytes a pin keeps as they are."""

import json
import socket
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, text, update

from app.archive.deletion import Act, delete_segments
from app.archive.handed import find_file
from app.archive.holding import PIECES, Piece, lock_source
from app.archive.outbox import emit
from app.archive.retention import Retention
from app.errors import Busy, Pinned
from app.extensions import db, writing
from app.models import Audit, File, FileEvent, Pin, Record, RetentionRule, Segment
from app.models.types import now_us
from app.playback.plans import forget_plans
from app.transfer import footagefile
from app.transfer.completing import remove
from app.views.footagebody import footage_body
from tests.archived import T0_US, add_source, address, close, record, utc
from tests.archived import media as media
from tests.archived import no_plans as no_plans
from tests.archived import source_id as source_id
from tests.handed import key_at, leases_of
from tests.keeping import Part, add_footage
from tests.served import serving
from tests.service import wait_for
from tests.test_playback_mp4 import hashes
from tests.test_playback_requestdata import add_record
from tests.test_record_files import error_of, whole

S = 1_000_000
Media = Callable[..., Path]


def make(client: FlaskClient, **values: Any) -> Any:
    return client.post("/files/", json=values)


def make_span(client: FlaskClient, source_id: int, begin_us: int, end_us: int, **values: Any) -> Any:
    return make(client, source_id=source_id, start=utc(begin_us), end=utc(end_us), **values)


def body_of(app: Flask, file_id: int, method: str = "GET", **headers: str) -> Any:
    """Return the answer that the download of a file begins, read to its end."""
    with app.test_request_context("/", method=method, headers={k.replace("_", "-"): v for k, v in headers.items()}):
        answer = footage_body(find_file(db.session, file_id))
        answer.get_data()
        return answer


def pin_of(app: Flask, file_id: int) -> Pin:
    with app.app_context():
        return db.session.get_one(Pin, db.session.get_one(File, file_id).pin_id)


def delete_all(app: Flask, source_id: int) -> None:
    with app.app_context(), writing() as session:
        lock_source(session, source_id)
        pieces = [Piece(*row) for row in session.execute(PIECES.where(Segment.source_id == source_id))]
        delete_segments(session, source_id, pieces, Act("test"), (pieces[0].start_us, pieces[-1].end_us))


def test_a_span_becomes_a_file_that_is_ready_at_once(database_app: Flask, media: Media) -> None:
    source_id = add_source(database_app)
    recorded = record(database_app, source_id, media("b-frames-audio"))
    client = database_app.test_client()
    begin_us, end_us = recorded.begin_us + S, recorded.end_us - S
    made = make_span(client, source_id, begin_us, end_us, name="Ворота, ночь.mp4")
    assert made.status_code == 200, made.json
    played = client.get(address(source_id, begin_us, end_us))
    assert made.json["id"] == made.json["id_file"]
    assert (made.json["status"], made.json["size_bytes"]) == ("ready", len(played.data))
    assert (made.json["start_utc"], made.json["end_utc"]) == (utc(begin_us), utc(end_us))
    assert made.json["duration_s"] == pytest.approx(6, abs=0.2)
    with database_app.app_context():
        row = find_file(db.session, made.json["id"])
        assert (row.kind, row.refer, row.sha256, row.media_type) == ("footage", made.json["refer"], None, "video/mp4")
        assert (row.source_id, row.begin_us, row.end_us, row.rev) == (source_id, begin_us, end_us, None)
        assert (row.completed_us is not None, row.received_bytes, row.name) == (
            True,
            row.size_bytes,
            "Ворота, ночь.mp4",
        )
        events = db.session.execute(select(FileEvent.type, FileEvent.payload).order_by(FileEvent.id)).all()
        assert [(kind, json.loads(body)["status"]) for kind, body in events] == [
            ("status", "ready"),
            ("download", "ready"),
        ]
        pin = db.session.get_one(Pin, row.pin_id)
        assert (pin.owner, pin.reason, pin.expires_us) == (row.owner, f"file {row.id}", None)
        assert pin.begin_us <= begin_us
        assert pin.end_us >= end_us
        acts = db.session.scalars(select(Audit.action).order_by(Audit.id)).all()
        assert acts == ["pin.create", "file.create"]
    assert client.get(f"/files/{made.json['id']}/").json == made.json
    assert client.get("/files/?kind=footage").json == [made.json]


def test_its_bytes_are_those_of_playback_with_ranges_and_a_strong_etag(
    app: Flask, client: FlaskClient, source_id: int, media: Media
) -> None:
    recorded = record(app, source_id, media("b-frames-audio"))
    begin_us, end_us = recorded.begin_us + S, recorded.end_us - S
    file_id = make_span(client, source_id, begin_us, end_us).json["id"]
    played = client.get(address(source_id, begin_us, end_us))
    got = body_of(app, file_id)
    assert (got.status_code, got.data, got.headers["ETag"]) == (200, played.data, played.headers["ETag"])
    assert got.headers["Content-Disposition"].startswith(f'attachment; filename="source-{source_id}-20261121T080001Z')
    part = body_of(app, file_id, Range="bytes=100-499", If_Range=got.headers["ETag"])
    assert (part.status_code, part.data) == (206, played.data[100:500])
    head = body_of(app, file_id, "HEAD")
    assert (head.data, head.headers["Content-Length"], head.headers["ETag"]) == (
        b"",
        str(len(played.data)),
        got.headers["ETag"],
    )
    assert body_of(app, file_id, If_None_Match=got.headers["ETag"]).status_code == 304
    assert body_of(app, file_id, Range="bytes=99999999-").status_code == 416


def test_its_key_downloads_it_and_a_download_goes_on_where_it_ended(
    app: Flask, client: FlaskClient, source_id: int, media: Media
) -> None:
    recorded = record(app, source_id, media("h264"))
    made = make_span(client, source_id, recorded.begin_us, recorded.end_us).json
    path = f"/download/{key_at(app, made['id'], 0)}/"
    assert client.head(path).headers["Content-Length"] == str(made["size_bytes"])
    with client.get(path) as got:
        assert got.data == client.get(address(source_id, recorded.begin_us, recorded.end_us)).data
        assert got.headers["X-Refer-Key"] == made["refer"]
    with client.get(path, headers={"Range": "bytes=100-", "If-Range": got.headers["ETag"]}) as rest:
        assert (rest.status_code, rest.data) == (206, got.data[100:])
    assert client.get(f"/files/{made['id']}/").json["downloads"] == 1  # it went on
    assert leases_of(app, made["id"]) == []
    client.delete(f"/files/{made['id']}/")
    assert client.get(path).status_code == 410


@pytest.mark.parametrize("form", ["query", "urlencoded", "multipart"])
def test_a_span_may_come_in_a_form_or_the_query(
    app: Flask, client: FlaskClient, source_id: int, media: Media, form: str
) -> None:
    recorded = record(app, source_id, media("h264"))
    values = {"source_id": str(source_id), "start": utc(recorded.begin_us), "end": utc(recorded.end_us)}
    how: dict[str, Any] = {"query_string": values} if form == "query" else {"data": values}
    if form == "multipart":
        how["content_type"] = "multipart/form-data"
    answer = client.post("/files/", **how)
    assert (answer.status_code, answer.json["kind"]) == (200, "footage"), answer.json


def test_a_record_is_a_file_of_its_span_gaps_and_runs_in_one(
    app: Flask, client: FlaskClient, source_id: int, media: Media
) -> None:
    first = record(app, source_id, media("h264"))
    second = record(app, source_id, media("h264"), begin_us=first.end_us + 5 * S)
    record_id = add_record(app, source_id, "t", first.begin_us, second.end_us)
    made = make(client, record_id=record_id.upper()).json
    got = body_of(app, made["id"])
    assert got.data == client.get(f"/api/v1/record/{record_id}/video/").data
    assert hashes(got.data)["video"] == whole(first)["video"] + whole(second)["video"]
    assert made["duration_s"] == pytest.approx(16, abs=0.2)
    part = make(client, record_id=record_id, start=utc(second.begin_us)).json
    assert part["duration_s"] == pytest.approx(8, abs=0.2)
    with app.app_context():
        assert find_file(db.session, part["id"]).record_id == record_id


@pytest.mark.parametrize(
    ("values", "status", "place", "kind"),
    [
        ({}, 422, None, "file_of"),
        ({"source_id": 1, "record_id": str(uuid.UUID(int=7))}, 422, None, "file_of"),
        ({"source_id": 1}, 422, None, "missing"),
        ({"source_id": 1, "start": 5, "end": 5}, 422, "end", "range_empty"),
        ({"source_id": 1, "start": 5, "end": "tomorrow"}, 422, "end", "instant_parsing"),
        ({"source_id": 1, "start": 5, "end": 9e9}, 422, "end", "range_future"),
        ({"source_id": 1, "start": 5, "end": 5 + 31 * 86_400 + 1}, 422, "end", "range_too_long"),
        ({"source_id": 1, "start": 5, "end": 6, "name": "a\x00b"}, 422, "name", "control_character"),
        ({"source_id": 1, "start": 5, "end": 6, "name": "x" * 256}, 422, "name", "string_too_long"),
        ({"source_id": 99, "start": 5, "end": 6}, 404, "source_id", "not_found"),
        ({"record_id": "nonsense"}, 422, "record_id", "string_pattern_mismatch"),
        ({"record_id": str(uuid.UUID(int=7))}, 404, "record_id", "not_found"),
        ({"source_id": 1, "start": 5, "end": 6}, 404, "start", "no_footage"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_what_cannot_be_a_file_is_refused_and_leaves_nothing(
    app: Flask, client: FlaskClient, values: dict[str, Any], status: int, place: str | None, kind: str
) -> None:
    add_footage(app, [Part(1, 20 * S, 30 * S, 10)])
    answer = make(client, **values)
    detail = answer.json["detail"][0]
    assert (answer.status_code, detail["type"]) == (status, kind), answer.json
    assert detail["loc"] == (["body", place] if place else ["body"])
    with app.app_context():
        assert db.session.scalar(select(File.id)) is None
        assert db.session.scalar(select(Pin.id)) is None


def test_an_empty_span_names_the_footage_nearest_to_it(
    app: Flask, client: FlaskClient, source_id: int, media: Media
) -> None:
    recorded = record(app, source_id, media("h264"))
    answer = make_span(client, source_id, recorded.end_us + 5 * S, recorded.end_us + 9 * S)
    assert error_of(answer) == (404, ["body", "start"], "no_footage")
    assert (answer.json["before_utc"], answer.json["after_utc"]) == (utc(recorded.end_us), None)


def test_a_record_whose_file_was_deleted_is_gone(app: Flask, client: FlaskClient, source_id: int) -> None:
    record_id = add_record(app, source_id, "t", T0_US, T0_US + S)
    with app.app_context(), writing() as session:
        session.execute(update(Record).values(deleted_us=now_us()))
    assert error_of(make(client, record_id=record_id)) == (410, ["body", "record_id"], "deleted")


def test_what_ends_within_a_file_being_written_stays_the_same_when_that_grows_and_is_closed(
    app: Flask, client: FlaskClient, source_id: int, media: Media
) -> None:
    recorded = record(app, source_id, media("b-frames-audio"), leave_open=True)
    end_us = recorded.end_us - S // 2
    made = make_span(client, source_id, recorded.begin_us, end_us).json
    before = body_of(app, made["id"])
    assert made["size_bytes"] == len(before.data)
    close(app, source_id, recorded.run_id)
    forget_plans()
    after = body_of(app, made["id"])
    assert (after.headers["ETag"], after.data) == (before.headers["ETag"], before.data)


def test_what_ends_beside_a_file_being_written_stays_the_same_when_that_is_closed(
    app: Flask, client: FlaskClient, source_id: int, media: Media
) -> None:
    """The sound of its last moment lies in the next file."""
    recorded = record(app, source_id, media("b-frames-audio"), leave_open=True)
    with app.app_context():
        last_us = db.session.scalars(select(Segment.start_us).order_by(Segment.start_us)).all()[-1]
    made = make_span(client, source_id, recorded.begin_us, last_us).json
    before = body_of(app, made["id"])
    close(app, source_id, recorded.run_id)
    forget_plans()
    after = body_of(app, made["id"])
    assert (after.headers["ETag"], after.data) == (before.headers["ETag"], before.data)


def test_an_end_that_is_yet_to_be_written_is_refused_with_the_way_out(
    app: Flask, client: FlaskClient, source_id: int, media: Media
) -> None:
    recorded = record(app, source_id, media("h264"), leave_open=True)
    answer = make_span(client, source_id, recorded.begin_us, recorded.end_us + 3 * S)
    assert error_of(answer) == (409, ["body", "end"], "still_recording")
    until = answer.json["recorded_until_utc"]
    assert answer.headers["Retry-After"] == "5"
    assert until in answer.json["detail"][0]["msg"]
    assert make(client, source_id=source_id, start=utc(recorded.begin_us), end=until).status_code == 200
    close(app, source_id, recorded.run_id)
    assert make_span(client, source_id, recorded.begin_us, recorded.end_us + 3 * S).status_code == 200


def test_a_record_that_goes_on_is_a_file_of_what_is_recorded_now(
    app: Flask, client: FlaskClient, source_id: int, media: Media
) -> None:
    recorded = record(app, source_id, media("h264"), leave_open=True)
    record_id = add_record(app, source_id, "t", recorded.begin_us, None)
    made = make(client, record_id=record_id)
    assert made.status_code == 200, made.json
    assert recorded.end_us - 3 * S < T0_US + made.json["duration_s"] * S <= recorded.end_us
    before = body_of(app, made.json["id"])
    close(app, source_id, recorded.run_id)
    forget_plans()
    assert body_of(app, made.json["id"]).data == before.data


def test_nothing_deletes_the_footage_of_a_file_until_the_file_is_deleted(
    app: Flask, client: FlaskClient, source_id: int, media: Media
) -> None:
    recorded = record(app, source_id, media("h264"))
    file_id = make_span(client, source_id, recorded.begin_us, recorded.end_us).json["id"]
    with app.app_context(), writing() as session:
        session.add(RetentionRule(scope="all", max_age_s=0, actor="test"))
    with pytest.raises(Pinned, match=f"file {file_id}"):
        delete_all(app, source_id)
    with app.app_context():
        assert Retention(pause_s=0).run(is_eager=True).segments == 0
    pin = pin_of(app, file_id)
    refused = client.delete(f"/api/v1/pins/{pin.id}/")
    assert error_of(refused) == (409, ["path", "pin_id"], "pin_of_file")
    assert error_of(client.patch(f"/api/v1/pins/{pin.id}/", json={"expires": utc(now_us() + S)}))[2] == "pin_of_file"
    assert len(body_of(app, file_id).data) > 0
    assert client.delete(f"/files/{file_id}/").status_code == 200
    assert pin_of(app, file_id).released_by == "anyone (testing)"
    assert client.get("/api/v1/audit?action=pin.release").json[0]["actor"] == "anyone (testing)"
    with app.app_context():
        assert Retention(pause_s=0).run(is_eager=True).segments == 4


def test_a_file_is_deleted_while_another_is_made_of_the_same_source(database_app: Flask, media: Media) -> None:
    """Both hold the source and write events: in one order, or each would wait for the other."""
    client = database_app.test_client()
    source_id = add_source(database_app)
    recorded = record(database_app, source_id, media("h264"))
    file_id = make_span(client, source_id, recorded.begin_us, recorded.end_us).json["id"]
    other_id = make_span(client, source_id, recorded.begin_us, recorded.end_us).json["id"]

    def delete() -> None:
        with database_app.app_context():
            remove(file_id, "test", now_us())

    with ThreadPoolExecutor(1) as pool, database_app.app_context():
        with writing() as session:
            lock_source(session, source_id)
            deletion = pool.submit(delete)
            if session.get_bind().dialect.name == "postgresql":
                waits = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
                wait_for(lambda: session.scalar(waits), "the deletion that waits for the source")
            emit(session, find_file(session, other_id), "status")
        deletion.result()
    assert [row["id"] for row in client.get("/files/").json] == [other_id]


def test_what_is_lost_all_the_same_is_told_by_another_etag(
    app: Flask, client: FlaskClient, source_id: int, media: Media
) -> None:
    recorded = record(app, source_id, media("h264"), leave_open=True)
    file_id = make_span(client, source_id, recorded.begin_us, recorded.end_us - S // 2).json["id"]
    before = body_of(app, file_id)
    with app.app_context():
        paths = sorted(Path(app.config["PLAYBACK"].storage_path).rglob("*.mp4"))
        assert len(paths) == 4
    for path in paths:
        if "live" in path.parts:  # the file that it ends in
            path.unlink()
    forget_plans()
    after = body_of(app, file_id, Range="bytes=0-9", If_Range=before.headers["ETag"])
    assert after.status_code == 200
    assert after.headers["ETag"] != before.headers["ETag"]
    assert before.data != after.data
    assert hashes(after.data)["video"] == hashes(before.data)["video"][: len(hashes(after.data)["video"])]


def test_footage_that_is_deleted_while_a_file_is_made_of_it_is_noticed(
    app: Flask, source_id: int, media: Media
) -> None:
    recorded = record(app, source_id, media("h264"))
    with app.app_context():
        seen = footagefile.last_deletion(db.session, source_id)
    delete_all(app, source_id)
    new = footagefile.NewFile("n", source_id, None, recorded.begin_us, recorded.end_us, None, 5, 1.0, seen)
    with app.app_context(), pytest.raises(Busy), writing() as session:
        footagefile.make_file(session, new, "me", now_us())


def test_all_its_bytes_pass_through_the_answer_where_the_kernel_could_send_them(
    app: Flask, client: FlaskClient, source_id: int, media: Media, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever sends them counts them: a lease is told of its progress."""
    monkeypatch.setattr("app.playback.delivery.LEAST_SENDFILE_BYTES", 0)
    recorded = record(app, source_id, media("h264"))
    made = make_span(client, source_id, recorded.begin_us, recorded.end_us).json
    server, browser = socket.socketpair()
    with server, browser:
        environ = {"gunicorn.socket": server, "SERVER_PROTOCOL": "HTTP/1.1"}
        with app.test_request_context("/", environ_overrides=environ):
            answer = footage_body(find_file(db.session, made["id"]))
            assert sum(len(block) for block in answer.response) == made["size_bytes"]
        browser.setblocking(False)
        with pytest.raises(BlockingIOError):
            browser.recv(1)


def test_a_real_server_gives_all_of_it_by_its_key(tmp_path: Path, media: Media) -> None:
    with serving(tmp_path / "instance") as served:
        source_id = add_source(served.app)
        recorded = record(served.app, source_id, media("b-frames-audio", width=640, height=360))
        span = {"source_id": source_id, "start": utc(recorded.begin_us), "end": utc(recorded.end_us)}
        made = served.service.call("POST", "/files/", **span)
        path = f"/download/{key_at(served.app, made['id'], 0)}/"
        ask = served.service.session
        played = ask.get(served.url(address(source_id, recorded.begin_us, recorded.end_us)), timeout=30)
        got = ask.get(served.url(path), timeout=30)
        assert (got.status_code, got.content) == (200, played.content)
        assert len(got.content) == made["size_bytes"] > 400_000
        half = made["size_bytes"] // 2
        conditions = {"Range": f"bytes={half}-", "If-Range": played.headers["ETag"]}
        assert ask.get(served.url(path), headers=conditions, timeout=30).content == played.content[half:]
        assert ask.head(served.url(path), timeout=30).headers["Content-Length"] == str(made["size_bytes"])
        wait_for(lambda: leases_of(served.app, made["id"]) == [], "giving the places back")
