"""`/download/KEY/` and `/files/ID/refer/` over HTTP: bytes, ranges, conditions, headers, refusals, who may."""

import hashlib
import json
import logging
from urllib.parse import unquote

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from app import create_app
from app.archive import places
from app.extensions import db, writing
from app.models import Account, ApiToken, Audit, Cinema, File, FileEvent, Rotation
from app.transfer.rotating import turn
from instance.config import TestingConfig
from tests.accounts import add_account, add_bounded
from tests.handed import age, key_at, leases_of, row_of, store_and_rotate, store_file

CONTENT = bytes(range(256)) * 4000  # 1 MB: more than goes out with the headers
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def handed(app: Flask) -> tuple[int, str]:
    """Return the id of a file, and its key."""
    return store_and_rotate(app, CONTENT)


def kind_of(answer) -> tuple[int, str]:
    return answer.status_code, answer.json["detail"][0]["type"]


def test_a_key_downloads_the_file(app: Flask, client: FlaskClient, handed: tuple[int, str]) -> None:
    file_id, key = handed
    answer = client.get(f"/download/{key}/")
    assert (answer.status_code, answer.data == CONTENT) == (200, True)
    assert answer.headers["ETag"] == f'"{SHA256}"'
    assert answer.headers["Content-Length"] == str(len(CONTENT))
    assert answer.headers["Content-Type"] == "video/mp4"
    assert answer.headers["X-Refer-Key"] == row_of(app, file_id).refer != key
    assert answer.headers["X-File-Target-Audience"] == "----"
    assert leases_of(app, file_id) == []
    row = row_of(app, file_id)
    assert (row.downloads, row.users) == (1, 1)
    [lease] = leases_of(app, file_id, is_running=False)
    assert lease.sent_bytes == len(CONTENT)


def test_each_spelling_of_a_key_is_the_same_key(client: FlaskClient, handed: tuple[int, str]) -> None:
    _, key = handed
    dashed = f"{key[:8]}-{key[8:12]}-{key[12:16]}-{key[16:20]}-{key[20:]}"
    for text in (key, key.upper(), dashed, dashed.upper()):
        for slash in ("", "/"):
            assert client.head(f"/download/{text}{slash}").status_code == 200


def test_what_cannot_be_a_key_is_not_found(client: FlaskClient) -> None:
    for text in ("0" * 31, "g" * 32, "0" * 33, "-" * 36, "%00" * 32, "..%2f" * 8, "١" * 32):
        assert kind_of(client.get(f"/download/{text}/")) == (404, "not_found"), text


def test_head_tells_everything_and_begins_nothing(app: Flask, client: FlaskClient, handed: tuple[int, str]) -> None:
    file_id, key = handed
    answer = client.head(f"/download/{key}/", headers={"Range": "bytes=0-9"})
    assert (answer.status_code, answer.data) == (200, b"")
    assert answer.headers["Content-Length"] == str(len(CONTENT))
    assert leases_of(app, file_id, is_running=False) == []
    row = row_of(app, file_id)
    assert (row.downloads, row.users) == (0, 0)
    assert client.get(f"/files/{file_id}/refer/").json["rotation"] == "running"


def test_a_range_is_sent_as_206(client: FlaskClient, handed: tuple[int, str]) -> None:
    wanted = {"bytes=0-9": (0, 10), "bytes=1000000-": (1_000_000, 1_024_000), "bytes=-5": (1_023_995, 1_024_000)}
    for header, (begin, end) in wanted.items():
        answer = client.get(f"/download/{handed[1]}/", headers={"Range": header})
        assert (answer.status_code, answer.data == CONTENT[begin:end]) == (206, True)
        assert answer.headers["Content-Range"] == f"bytes {begin}-{end - 1}/{len(CONTENT)}"


def test_several_ranges_and_none_get_the_whole_file(client: FlaskClient, handed: tuple[int, str]) -> None:
    for header in ("bytes=0-1,5-6", "lines=1-2", "bytes=9-1", "bytes=x"):
        answer = client.get(f"/download/{handed[1]}/", headers={"Range": header})
        assert (answer.status_code, answer.data == CONTENT) == (200, True), header


def test_what_sends_no_bytes_takes_no_place_and_counts_nowhere(
    app: Flask, client: FlaskClient, handed: tuple[int, str]
) -> None:
    file_id, key = handed
    beyond = client.get(f"/download/{key}/", headers={"Range": f"bytes={len(CONTENT)}-"})
    assert kind_of(beyond) == (416, "range_unsatisfiable")
    assert beyond.headers["Content-Range"] == f"bytes */{len(CONTENT)}"
    assert client.get(f"/download/{key}/", headers={"If-None-Match": f'"{SHA256}"'}).status_code == 304
    assert kind_of(client.get(f"/download/{key}/", headers={"If-Match": '"other"'}))[0] == 412
    assert leases_of(app, file_id, is_running=False) == []
    assert row_of(app, file_id).downloads == 0


def test_a_download_goes_on_at_the_same_byte_under_a_fresh_key(
    app: Flask, client: FlaskClient, handed: tuple[int, str]
) -> None:
    file_id, key = handed
    first = client.get(f"/download/{key}/", buffered=False)
    begun = next(first.iter_encoded())
    first.close()
    assert leases_of(app, file_id) == [], "a place is given back when the answer ends"
    assert client.delete(f"/files/{file_id}/refer/").status_code == 200
    assert kind_of(client.get(f"/download/{key}/", headers={"Range": "bytes=9-"})) == (410, "key_revoked")
    fresh = client.post(f"/files/{file_id}/refer/").json["download_url"]
    assert key not in fresh
    same = {"Range": f"bytes={len(begun)}-", "If-Range": first.headers["ETag"]}
    rest = client.get(fresh, headers=same)
    assert (rest.status_code, begun + rest.data == CONTENT) == (206, True)
    changed = client.get(fresh, headers={"Range": "bytes=9-", "If-Range": '"other"'})
    assert (changed.status_code, changed.data == CONTENT) == (200, True)


def test_a_player_that_seeks_uses_up_no_place_and_is_one_download(
    app: Flask, client: FlaskClient, handed: tuple[int, str]
) -> None:
    file_id, key = handed
    for number in range(25):
        answer = client.get(f"/download/{key}/", headers={"Range": f"bytes={number * 1000}-"}, buffered=False)
        assert answer.status_code == 206
        next(answer.iter_encoded())
        answer.close()
    assert leases_of(app, file_id) == []
    row = row_of(app, file_id)
    assert (row.downloads, row.users) == (1, 1)


def test_the_eleventh_is_refused_until_one_of_ten_has_left(
    app: Flask, client: FlaskClient, handed: tuple[int, str]
) -> None:
    file_id, key = handed
    held = [client.get(f"/download/{key}/", buffered=False) for _ in range(10)]
    assert {answer.status_code for answer in held} == {200}
    refused = client.get(f"/download/{key}/")
    assert kind_of(refused) == (429, "too_many")
    assert int(refused.headers["Retry-After"]) > 0
    assert client.head(f"/download/{key}/").status_code == 200, "it needs no place"
    assert client.get(f"/files/{file_id}/refer/").json["downloading"] == 10
    held.pop().close()
    held.append(client.get(f"/download/{key}/", buffered=False))
    assert held[-1].status_code == 200
    for answer in held:
        answer.close()
    assert leases_of(app, file_id) == []
    assert row_of(app, file_id).downloads == 11


def test_the_lasting_reference_opens_no_download(app: Flask, client: FlaskClient, handed: tuple[int, str]) -> None:
    answer = client.get(f"/download/{row_of(app, handed[0]).refer}/")
    assert kind_of(answer) == (404, "not_a_download_key")
    assert "GET /download/ID/" in answer.json["detail"][0]["msg"]


def test_old_keys_are_gone(app: Flask, client: FlaskClient, handed: tuple[int, str]) -> None:
    file_id, key = handed
    age(app, file_id, 106)
    assert kind_of(client.get(f"/download/{key}/")) == (410, "key_rotated_out")
    assert client.head(f"/download/{key}/").status_code == 410
    with app.app_context(), writing() as session:
        session.get_one(File, file_id).deleted_us = 1
    assert kind_of(client.get(f"/download/{key}/")) == (410, "deleted")


def test_a_file_that_is_not_complete_is_a_conflict(app: Flask, client: FlaskClient, handed: tuple[int, str]) -> None:
    file_id, key = handed
    with app.app_context(), writing() as session:
        session.get_one(File, file_id).completed_us = None
    assert kind_of(client.get(f"/download/{key}/")) == (409, "not_complete")
    with app.app_context(), writing() as session:
        row = session.get_one(File, file_id)
        db.session.execute(db.text("UPDATE rotation SET ended_us = 1, reason = 'ran_out'"))
        assert row.completed_us is None
    assert kind_of(client.post(f"/files/{file_id}/refer/")) == (409, "not_complete")


def test_a_file_that_is_lost_or_altered_is_told_before_any_byte(
    app: Flask, client: FlaskClient, handed: tuple[int, str]
) -> None:
    file_id, key = handed
    path = places.file_path(app.config["PLAYBACK"].storage_path, file_id, is_whole=True)
    path.write_bytes(CONTENT[:-1])
    assert kind_of(client.get(f"/download/{key}/")) == (503, "storage_unusable")
    path.unlink()
    assert kind_of(client.get(f"/download/{key}/")) == (503, "storage_unusable")
    path.symlink_to("/etc/passwd")
    assert client.get(f"/download/{key}/").status_code == 503
    assert row_of(app, file_id).downloads == 0


def test_an_empty_file_is_downloaded_too(app: Flask, client: FlaskClient) -> None:
    _, key = store_and_rotate(app, b"")
    answer = client.get(f"/download/{key}/")
    assert (answer.status_code, answer.data) == (200, b"")
    assert client.get(f"/download/{key}/", headers={"Range": "bytes=0-"}).status_code == 416


NAMES = {
    "сценарий №5.docx": "сценарий №5.docx",
    "../../etc/passwd": "passwd",
    "C:\\temp\\a.mp4": "a.mp4",
    'a"; filename=b.exe': 'a"; filename=b.exe',
    "a\r\nSet-Cookie: x=1": "a\r\nSet-Cookie: x=1",
    "\x00": "\x00",
    "/": "file",
    "é" * 255: "é" * 255,
    "100%41.txt": "100%41.txt",
}


def test_a_hostile_name_stays_within_its_header(app: Flask, client: FlaskClient) -> None:
    file_id, key = store_and_rotate(app, b"film")
    for name, saved in NAMES.items():
        with app.app_context(), writing() as session:
            session.get_one(File, file_id).name = name
        answer = client.head(f"/download/{key}/")
        header = answer.headers["Content-Disposition"]
        head, _, encoded = header.partition("; filename*=UTF-8''")
        assert head.startswith('attachment; filename="')
        assert head.count('"') == 2
        assert header.isascii()
        assert header.isprintable()
        assert unquote(encoded) == saved
        assert "Set-Cookie" not in answer.headers


def test_what_a_stranger_sent_is_never_shown_as_a_page_of_ours(app: Flask, client: FlaskClient) -> None:
    _, key = store_and_rotate(app, b"<script>", name="a.html", media_type="text/html")
    for answer in (client.get(f"/download/{key}/"), client.get(f"/download/{'0' * 32}/")):
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Content-Security-Policy"].startswith("sandbox")
        assert "no-store" in answer.headers["Cache-Control"]


def test_the_audience_that_was_asked_for_comes_with_the_file(app: Flask, client: FlaskClient) -> None:
    file_id, key = store_and_rotate(app, b"film")
    with app.app_context(), writing() as session:
        session.add(Cinema(file_id=file_id, target_audience="12+", actor="anna"))
    assert client.head(f"/download/{key}/").headers["X-File-Target-Audience"] == "12+"


def test_restart_answers_the_address_and_until_when(app: Flask, client: FlaskClient) -> None:
    file_id = store_file(app, CONTENT)
    before = client.get(f"/files/{file_id}/refer/").json
    assert (before["download_url"], before["rotation"], before["generation"]) == (None, None, -1)
    made = client.post(f"/files/{file_id}/refer").json
    assert made["id"] == file_id
    assert made["refer"] == row_of(app, file_id).refer
    assert made["status"] == "ready"
    assert made["download_url"] == f"/download/{key_at(app, file_id, 0)}/"
    assert made["expires_utc"] < made["rotation_ends_utc"]
    assert client.post(f"/files/{file_id}/refer/").json == made, "once only"
    assert client.get(f"/files/{file_id}/refer/").json == made
    assert client.get(made["download_url"]).data == CONTENT
    used = client.get(f"/files/{file_id}/refer/").json
    assert (used["rotation"], used["downloads"], used["expires_utc"]) == ("downloaded", 1, made["rotation_ends_utc"])
    assert client.post(f"/files/{file_id}/refer/").json["generation"] == 1
    gone = client.delete(f"/files/{file_id}/refer/").json
    assert (gone["download_url"], gone["expires_utc"], gone["rotation"]) == (None, None, "revoked")
    assert client.get(made["download_url"]).status_code == 410
    with app.app_context():
        acts = db.session.scalars(select(Audit.action).order_by(Audit.id)).all()
        assert acts == ["refer.restart", "download", "refer.restart", "refer.revoke"]


def test_deleting_a_file_ends_its_rotation_and_its_downloads(
    app: Flask, client: FlaskClient, handed: tuple[int, str]
) -> None:
    file_id, key = handed
    other_id, _ = store_and_rotate(app, CONTENT)
    with client.get(f"/download/{key}/", buffered=False) as answer:
        assert answer.status_code == 200
        assert len(leases_of(app, file_id)) == 1
        assert client.delete(f"/files/{file_id}/").status_code == 200
        assert leases_of(app, file_id) == []
    assert client.delete(f"/files/{other_id}/").status_code == 200
    with app.app_context():
        assert db.session.scalars(select(Rotation.reason).order_by(Rotation.id)).all() == ["downloaded", "deleted"]


def test_the_key_of_no_file_and_of_a_deleted_one(app: Flask, client: FlaskClient) -> None:
    file_id = store_file(app, b"film", deleted_us=1)
    for method in ("get", "post", "delete"):
        assert kind_of(client.open("/files/77/refer/", method=method)) == (404, "not_found")
        assert kind_of(client.open(f"/files/{file_id}/refer/", method=method)) == (410, "deleted")


# --- production ---


@pytest.fixture
def production(app: Flask, config: TestingConfig) -> Flask:
    """Return an app in production on the same instance; the account anna has the token anna, and is a viewer."""
    app.config["PLAYBACK"] = TestingConfig(INSTANCE=config.INSTANCE, ENVIRONMENT="production")
    with app.app_context(), writing() as session:
        for name, role in (("anna", "viewer"), ("root", "admin")):
            add_account(session, name, role, token=name)
    return app


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_in_production_the_key_alone_opens_the_download_and_nothing_else(production: Flask) -> None:
    file_id, key = store_and_rotate(production, CONTENT)
    client = production.test_client()
    assert client.head(f"/download/{key}/").status_code == 200
    assert client.get(f"/download/{key}/").data == CONTENT
    assert kind_of(client.get(f"/download/{'0' * 32}/")) == (404, "not_found")
    page = client.get(f"/download/{'0' * 32}/", headers={"Accept": "text/html"})
    assert page.status_code == 404, "no redirect to the sign-in: whoever has a key has no account"
    for method in ("get", "post", "delete"):
        assert kind_of(client.open(f"/files/{file_id}/refer/", method=method)) == (401, "unauthorised")
        asked = client.open(f"/files/{file_id}/refer/", method=method, headers=bearer("anna"))
        assert kind_of(asked) == (403, "forbidden")
    assert client.post(f"/files/{file_id}/refer/", headers=bearer("root")).status_code == 200
    for path in (f"/files/{file_id}", f"/download/{file_id}/", f"/download/{key}/x", f"/download/{key}"):
        for method in ("post", "put", "patch", "delete"):
            assert client.open(path, method=method).status_code in (401, 403, 404, 405), (method, path)


def test_an_account_is_one_user_whatever_its_connections(production: Flask) -> None:
    file_id, key = store_and_rotate(production, CONTENT)
    client = production.test_client()
    held = [client.get(f"/download/{key}/", headers=bearer("anna"), buffered=False) for _ in range(12)]
    held += [client.get(f"/download/{key}/", headers=bearer("wrong"), buffered=False) for _ in range(9)]
    assert {answer.status_code for answer in held} == {200}
    assert client.get(f"/download/{key}/").status_code == 429
    assert client.get(f"/download/{key}/", headers=bearer("anna"), buffered=False).status_code == 200
    row = row_of(production, file_id)
    assert (row.downloads, row.users) == (22, 10)
    for answer in held:
        answer.close()


def test_who_downloads_is_told_by_name_to_those_who_read_the_audit_log_alone(production: Flask) -> None:
    file_id, key = store_and_rotate(production, CONTENT)
    with production.app_context(), writing() as session:
        add_account(session, "otto", "operator", token="otto")
        add_account(session, "tool", "admin", token="tool")
        its = ApiToken.account_id == select(Account.id).where(Account.name == "tool").scalar_subquery()
        session.execute(db.update(ApiToken).where(its).values(endpoints='["files"]'))
        narrow = add_bounded(session, "guard", "admin")
    client = production.test_client()
    held = [client.get(f"/download/{key}/", headers=bearer(who), buffered=False) for who in ("anna", "anna", "nobody")]
    names = {}
    for who in ("root", "otto", "tool"):
        shown = client.get(f"/files/{file_id}/refer/", headers=bearer(who)).json
        assert shown["downloading"] == 2
        names[who] = shown["downloaders"]
    assert not client.get(f"/files/{file_id}/refer/", headers=bearer(narrow)).json.get("downloaders")
    assert [one["account"] for one in names["root"]] == ["anna", None]
    assert all(one["since_utc"].endswith("Z") for one in names["root"])
    assert (names["otto"], names["tool"]) == (None, None)
    for answer in held:
        answer.close()
    assert client.get(f"/files/{file_id}/refer/", headers=bearer("root")).json["downloaders"] == []


def test_no_key_is_in_a_log_a_metric_an_event_or_an_error(
    app: Flask, client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    file_id, key = store_and_rotate(app, CONTENT)
    age(app, file_id, 91)
    with app.app_context(), writing() as session:
        assert turn(session, file_id, row_of(app, file_id).created_us + 1)
    keys = [key, key_at(app, file_id, 1)]
    bodies = []
    for text in keys:
        assert client.get(f"/download/{text}/").status_code == 200
    age(app, file_id, 600)
    for text in (*keys, "0" * 32):
        bodies.append(client.get(f"/download/{text}/").get_data(as_text=True))
        bodies.append(client.post(f"/download/{text}/").get_data(as_text=True))
        bodies.append(client.get(f"/download/{text}/%").get_data(as_text=True))
    bodies.append(client.get("/metrics").get_data(as_text=True))
    assert "/download/<refer:refer>/" in bodies[-1], "by the rule"
    with app.app_context():
        bodies += db.session.scalars(select(FileEvent.payload)).all()
        assert [json.loads(text).get("generation") for text in bodies[-3:]] == [0, 1, None]
    for text in keys:
        assert not any(text in body for body in bodies)
        assert text not in caplog.text


def test_the_worker_has_the_clock_of_the_keys(config: TestingConfig) -> None:
    from app.tasks import make_celery
    from app.tasks.task_start_rotation import start_rotation

    celery = make_celery(config)
    celery.loader.import_default_modules()
    assert start_rotation.name in celery.tasks
    assert celery.conf.beat_schedule["turn_keys"]["task"] in celery.tasks
    assert create_app(config, with_views=False) is not None
