"""Every unsafe route of the app: what changed something left a row in the audit log, in the same transaction."""

import io
import secrets
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from app.extensions import db, writing
from app.models import Account, Audit, Deletion
from tests.archived import T0_US, add_source, record, utc
from tests.archived import media as media
from tests.archived import no_plans as no_plans
from tests.handed import store_and_rotate
from tests.handing import refer_of
from tests.test_page_words import SYSTEM, keys_of, names_in
from tests.test_sync_peer import COPY, DATA, RECORD, announce
from tests.uploading import BYTES, TUS

V1 = "/api/v1"
SAFE = {"GET", "HEAD", "OPTIONS"}
# What writes no row of its own, and why.
EXCEPTED = {
    ("availability.source_availability", "POST"): "has a camera measured; changes nothing of it",
    ("administration.show_administration", "POST"): "asks the routes of the API, or the functions that they call: "
    "tests/test_administration.py",
    # One's own account, which the walk has not: each of these is asked, and its row looked at, by the tests named.
    ("signin.post_login", "POST"): "account.sign_in: tests/test_signing_in.py",
    ("signin.post_logout", "POST"): "account.sign_out: tests/test_signing_in.py",
    ("accountpage.post_account", "POST"): "as me: tests/test_signing_in.py",
    ("me.me_me", "PATCH"): "tests/test_accounts.py",
    ("me.me_own_totp", "POST"): "tests/test_accounts.py",
    ("me.me_own_totp", "PUT"): "tests/test_accounts.py",
    ("me.me_own_totp", "DELETE"): "tests/test_accounts.py",
}
# Steps that write nothing, though their route does otherwise.
PIECES = "a piece of an upload or a copy: it is written down as a whole, when it is announced and when it is complete"


class Walk:
    """A walk through the routes; remembers which were walked."""

    def __init__(self, app: Flask) -> None:
        self.app, self.client = app, app.test_client()
        self.walked: set[tuple[str, str]] = set()

    def __call__(self, method: str, path: str, *actions: str, **how: Any) -> TestResponse:
        """Ask; what succeeds must have left exactly rows of these actions, in order; `deletion` is one of footage."""
        before = self.ids()
        answer = self.client.open(path, method=method, **how)
        assert answer.status_code < 300, f"{method} {path}: {answer.status_code} {answer.text[:300]}"
        assert self.since(before) == [*actions], f"{method} {path}"
        if actions:
            adapter = self.app.url_map.bind("localhost")
            endpoint, _ = adapter.match(path.partition("?")[0], method)
            self.walked.add((endpoint, method))
        return answer

    def ids(self) -> tuple[int, int]:
        """Return the newest id of each table."""
        with self.app.app_context():
            newest = (db.session.scalar(select(func.max(model.id))) or 0 for model in (Audit, Deletion))
            audit_id, deletion_id = newest
            return audit_id, deletion_id

    def since(self, ids: tuple[int, int]) -> list[str]:
        """Return what was written down after these ids."""
        with self.app.app_context():
            acts = db.session.scalars(select(Audit.action).where(Audit.id > ids[0]).order_by(Audit.id)).all()
            deletions = db.session.scalars(select(Deletion.id).where(Deletion.id > ids[1])).all()
            return [*acts, *("deletion" for _ in deletions)]


def walk_sources(walk: Walk) -> None:
    camera = {"model": "Source", "uri_rtsp": "rtsp://u:secret@127.0.0.1:1/x?token=secret", "description": "gate"}
    made = walk("POST", f"{V1}/source", "source.create", json=camera).json
    path = f"{V1}/source/{made['id']}/"
    walk("PUT", path, "source.change", json={"description": "yard"})
    walk("PATCH", path, "source.change", json={"uri_rtsp": "rtsp://u:other@127.0.0.1:1/x"})
    walk("PATCH", path, json={"description": "yard"})  # as it is
    walk("PUT", f"{path}activity/setting", "activity.set", json={"is_enabled": True, "threshold": 0.01})
    walk("PUT", f"{path}activity/setting", json={"threshold": 0.01})  # as it is
    walk("DELETE", path, "source.delete")
    walk("POST", f"{V1}/source/test", "source.test", json=camera)
    walk("POST", f"{V1}/source/discover", "source.discover")
    rows = [{**camera, "group_name": "bulk"}, {**camera, "group_name": "bulk"}]
    made_by_bulk = ["group.create", "source.create", "source.create", "group.add", "group.add"]
    walk("POST", f"{V1}/source/bulk", *made_by_bulk, json=rows)


def walk_groups(walk: Walk, source_id: int) -> None:
    group = walk("POST", f"{V1}/group", "group.create", json={"model": "Source", "name": "all"}).json[0]["id"]
    path = f"{V1}/group/{group}/"
    walk("PUT", path, "group.change", json={"name": "one"})
    walk("PATCH", path, "group.change", json={"name": "two"})
    walk("PATCH", path, json={"name": "two"})
    walk("POST", f"{path}source/{source_id}/", "group.add")
    walk("POST", f"{path}source/{source_id}/")  # it is in it
    window = {"day": "monday", "begin": "08:00", "end": "09:00"}
    schedule = {"tag_name": "s", "time_zone": "UTC", "windows": [window], "is_enabled": False}
    walk("PUT", f"{path}schedule", "schedule.create", json=schedule)
    walk("PUT", f"{path}schedule", json=schedule)
    walk("PUT", f"{path}schedule", "schedule.change", json={**schedule, "tag_name": "t"})
    walk("DELETE", f"{path}schedule", "schedule.delete")
    start = {"model": "Source", "tag_name": "tag", "group_name": "two"}
    walk("POST", f"{V1}/record", "tag.create", "record.start", json=start)
    walk("POST", f"{V1}/record", json=start)  # it goes on
    walk("PUT", f"{V1}/record", "record.stop", json={"tag_name": "tag"})
    walk("PUT", f"{V1}/record", json={"tag_name": "tag"})
    walk("DELETE", f"{path}source/{source_id}/", "group.remove")
    walk("DELETE", f"{path}source/{source_id}/")
    walk("DELETE", path, "group.delete")


def walk_kept(walk: Walk, source_id: int) -> None:
    pin = {"source_id": source_id, "start": utc(T0_US), "end": utc(T0_US + 1_000_000), "reason": "why"}
    path = f"{V1}/pins/{walk('POST', f'{V1}/pins', 'pin.create', json=pin).json['id']}/"
    walk("PATCH", path, "pin.change", json={"reason": "because"})
    walk("DELETE", path, "pin.release")
    rule = {"scope": "source", "source_id": source_id, "max_age_s": 864_000}
    path = f"{V1}/retention/{walk('POST', f'{V1}/retention', 'retention.create', json=rule).json['id']}/"
    walk("PUT", path, "retention.change", json={"max_age_s": 1_728_000})
    walk("DELETE", path, "retention.remove")
    job = walk("POST", f"{V1}/sync", "sync.create", json={"tag_name": "tag", "location": "weekend"}).json
    walk("DELETE", f"{V1}/sync/{job}/", "sync.cancel")
    walk("DELETE", f"{V1}/sync/{job}/")
    [listed] = walk.client.get(f"{V1}/record?tag_name=tag").json
    walk("DELETE", f"{V1}/record/{listed['id']}/file/", "deletion", json={"location": listed["location"]})
    walk("POST", f"{V1}/example", "example.create", json={"text": "x"})


def walk_copies(walk: Walk) -> None:
    values = {"record_id": RECORD, "tag_name": "gate", "size_bytes": len(DATA), "md5": announce.__globals__["MD5"]}
    walk("POST", COPY, "copy.announce", json=values)
    walk("POST", COPY, json=values)
    piece, whole = ({"Content-Range": f"bytes {text}/{len(DATA)}"} for text in (f"0-{len(DATA) - 1}", "*"))
    walk("PUT", f"{COPY}/{RECORD}/file", headers=piece, data=DATA)  # PIECES
    walk("PUT", f"{COPY}/{RECORD}/file", "copy.complete", headers=whole)
    walk("DELETE", f"{COPY}/{RECORD}/", "copy.delete", json={"md5": values["md5"]})


def walk_files(walk: Walk, source_id: int) -> None:
    form = {"upload": (io.BytesIO(b"words"), "a.txt")}
    walk("POST", "/files/", "file.announce", "file.complete", data=form)
    tus = walk("POST", "/files/", "file.announce", headers={**TUS, "Upload-Length": "6"}).json["id"]
    override = {**BYTES, "Upload-Offset": "0", "X-HTTP-Method-Override": "PATCH"}
    walk("POST", f"/files/{tus}/", headers=override, data=b"abc")  # PIECES
    walk("PATCH", f"/files/{tus}/", "file.complete", headers={**BYTES, "Upload-Offset": "3"}, data=b"def")
    walk("POST", f"/files/{tus}/", "file.delete", headers={"X-HTTP-Method-Override": "DELETE"})
    span = {"source_id": source_id, "start": utc(T0_US), "end": utc(T0_US + 4_000_000), "name": "film.mp4"}
    made = walk("POST", "/files/", "pin.create", "file.create", json=span).json
    walk("DELETE", f"/files/{made['id']}/", "pin.release", "file.delete")


def walk_review(walk: Walk) -> None:
    file_id, key = store_and_rotate(walk.app, b"film")
    refer = refer_of(walk.app, file_id)
    walk("DELETE", f"/files/{file_id}/refer/", "refer.revoke")
    walk("POST", f"/files/{file_id}/refer/", "refer.restart")
    walk("POST", f"/files/{file_id}/refer/")
    cinema = {"file_id": file_id, "target_audience": "6+"}
    walk("POST", "/cinema/", "cinema.create", json=cinema)
    walk("PUT", f"/cinema/{file_id}/", "cinema.change", json={"target_audience": "12+"})
    walk("PATCH", f"/cinema/{file_id}/", "cinema.change", json={"target_audience": "16+"})
    walk("DELETE", f"/cinema/{file_id}/", "cinema.delete")
    said = {"refer_file": refer, "comment": "x", "comment_author": "User"}
    comment = walk("POST", "/comments/", "comment.create", json=said).json["id"]
    walk("PUT", f"/comments/{comment}/", "comment.change", json={"comment": "y"})
    walk("PATCH", f"/comments/{comment}/", "comment.change", json={"comment": "z"})
    row = walk("POST", "/recommend/", "recommendation.create", json={"refer": refer}).json["id"]
    walk("POST", "/recommend/", json={"refer": refer})
    walk("DELETE", f"/recommend/{row}/", "recommendation.delete")
    walk("DELETE", f"/comments/{comment}/", "comment.delete")
    found = {"findings": [{"violation": "x", "severity": "mild"}]}
    walk("POST", f"/download/{refer}/", "result.post", json=found)
    walk("POST", f"/download/{refer}/", json=found)  # as before
    other_id, _ = store_and_rotate(walk.app, b"other film")
    headers = {"X-Refer-Key": refer_of(walk.app, other_id)}
    walk("POST", "/record/", "result.post", json=found, headers=headers)
    assert key not in str(walk.client.get(f"{V1}/audit").json)


def walk_access(walk: Walk, source_id: int) -> None:
    walk("POST", f"{V1}/account", "account.create", json={"name": "root", "role": "admin"})
    made = walk("POST", f"{V1}/account", "account.create", json={"name": "vera", "role": "viewer"}).json
    path = f"{V1}/account/{made['id']}/"
    walk("PATCH", path, "account.change", json={"role": "operator"})
    walk("PATCH", path, json={"role": "operator"})
    secrets_told = [made["password"], walk("POST", f"{path}password", "account.password_reset").json["password"]]
    walk("DELETE", f"{path}session", "account.sessions_end")
    with walk.app.app_context(), writing() as session:
        row = session.get_one(Account, made["id"])
        row.tf_primary_method, row.tf_totp_secret = "authenticator", "secret"
    walk("DELETE", f"{path}totp", "account.totp_off")
    token = walk("POST", f"{V1}/token", "token.create", json={"name": "wall", "account": "vera"}).json
    walk("PATCH", f"{V1}/token/{token['id']}/", "token.change", json={"name": "hall"})
    walk("DELETE", f"{V1}/token/{token['id']}/", "token.revoke")
    span = {"source_id": source_id, "start": utc(T0_US), "end": utc(T0_US + 4_000_000), "password": "12345678"}
    share = walk("POST", f"{V1}/share", "share.create", json=span).json
    key = share["url"].rsplit("/", 1)[1]
    walk("POST", f"/share/{key}", "share.open", json={"password": span["password"]})
    walk("PATCH", f"{V1}/share/{share['id']}/", "share.change", json={"count": 1})
    walk("DELETE", f"{V1}/share/{share['id']}/", "share.revoke")
    walk("DELETE", path, "account.change")  # it is made inactive
    acts = walk.client.get(f"{V1}/audit").json
    assert {name for act in acts for name in names_in(act["detail"])} <= keys_of(SYSTEM / "auditnames.ts")
    told = str(acts)
    assert not any(one in told for one in (*secrets_told, token["token"], key, span["password"]))


def unsafe(app: Flask) -> Iterator[tuple[str, str]]:
    for rule in app.url_map.iter_rules():
        for method in (rule.methods or set()) - SAFE:
            yield rule.endpoint, method


def test_every_unsafe_route_leaves_a_row_of_each_change_and_of_nothing_else(app: Flask, media: Any) -> None:
    source_id = add_source(app)
    record(app, source_id, media("h264"))
    walk = Walk(app)
    walk_sources(walk)
    walk_groups(walk, source_id)
    walk_kept(walk, source_id)
    walk_copies(walk)
    walk_files(walk, source_id)
    walk_review(walk)
    walk_access(walk, source_id)
    missing = {*unsafe(app)} - walk.walked - EXCEPTED.keys()
    assert not missing, "walk each of these, or except it with a reason"
    assert not EXCEPTED.keys() & walk.walked
    assert EXCEPTED.keys() <= {*unsafe(app)}, "no such route any more"
    acts = walk.client.get(f"{V1}/audit").json
    assert {name for act in acts for name in names_in(act["detail"])} <= keys_of(SYSTEM / "auditnames.ts")
    told = str(acts)
    assert "secret" not in told
    assert "rtsp:" not in told


def test_a_replayed_request_and_one_that_fails_add_no_row(client: FlaskClient, app: Flask) -> None:
    walk = Walk(app)
    headers = {"Idempotency-Key": secrets.token_hex(8)}
    camera = {"model": "Source", "uri_rtsp": "rtsp://127.0.0.1:1/x"}
    first = walk("POST", f"{V1}/source", "source.create", json=camera, headers=headers).json
    assert walk("POST", f"{V1}/source", json=camera, headers=headers).json == first
    before = walk.ids()
    assert client.post(f"{V1}/source", json={"model": "Source"}).status_code == 422
    assert client.delete(f"{V1}/source/77/").status_code == 404
    assert client.patch(f"{V1}/source/{first['id']}/", json={"uri_rtsp": None}).status_code == 422
    assert walk.since(before) == []


def test_the_fields_that_changed_are_told_and_no_secret(client: FlaskClient) -> None:
    camera = {
        "model": "PictureSource",
        "uri_http_picture": {"uri": "http://127.0.0.1:1/a", "user": "u", "password": "p4ss"},
    }
    source_id = client.post(f"{V1}/source", json=camera).json["id"]
    client.patch(f"{V1}/source/{source_id}/", json={"uri_http_picture": {"password": "0ther"}, "description": "x"})
    change, made = client.get(f"{V1}/audit?source_id={source_id}").json
    assert made["detail"]["fields"] == ["picture_uri", "picture_user", "picture_password"]
    assert change["detail"] == {"fields": ["description", "picture_password"]}
    assert (change["actor"], change["how"], change["address"]) == ("anyone (testing)", "open", "127.0.0.1")


def test_the_row_and_the_change_are_one_transaction(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """A change whose row cannot be written is not done."""
    walk = Walk(app)
    with app.app_context(), db.engine.begin() as connection:
        connection.exec_driver_sql("CREATE TRIGGER no BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'no'); END")
    answer = walk.client.post(f"{V1}/source", json={"model": "Source", "uri_rtsp": "rtsp://127.0.0.1:1/x"})
    assert answer.status_code >= 500
    assert walk.client.get(f"{V1}/source").json == []


def test_acts_of_the_terminal_say_so(app: Flask) -> None:
    app.test_cli_runner().invoke(args=["source", "add", "--rtsp", "rtsp://127.0.0.1:1/x"])
    [act] = app.test_client().get(f"{V1}/audit").json
    assert (act["actor"], act["how"], act["address"]) == ("terminal", "terminal", None)
    assert act["detail"]["user"]


def test_acts_are_found_by_who_what_and_when(client: FlaskClient, app: Flask) -> None:
    for number in range(3):
        client.post(f"{V1}/group", json={"model": "Source", "name": str(number)})
    acts = client.get(f"{V1}/audit?sort=id").json
    assert len(acts) == 3
    at = acts[1]["at_utc"]
    assert client.get(f"{V1}/audit", query_string={"begin": at, "sort": "id"}).json == acts[1:]
    assert client.get(f"{V1}/audit", query_string={"end": at}).json == acts[:1]
    assert client.get(f"{V1}/audit?actor=nobody").json == []
    assert len(client.get(f"{V1}/audit", query_string={"actor": "anyone (testing)", "limit": 2}).json) == 2
    done = app.test_cli_runner().invoke(args=["audit", "list", "--action", "group.", "--limit", "2"])
    assert done.exit_code == 0, done.output
    assert [line.split("\t")[0] for line in done.stdout.splitlines()] == ["3", "2"]
