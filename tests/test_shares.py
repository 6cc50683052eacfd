"""Share links: who makes, sees and ends them, what is kept of their keys, and how often each opens."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, text

from app.archive.shares import key_hash
from app.extensions import db, writing
from app.models import ShareLink
from app.models.types import now_us
from app.personalulti import utc_text
from tests.accounts import add_account, add_bounded
from tests.archived import add_source
from tests.archived import media as media
from tests.archived import no_plans as no_plans
from tests.shared import API, JSON, PAGE, Filmed, S, bearer, opened, path_of
from tests.shared import filmed as filmed
from tests.test_commands import cells
from tests.test_commands import flask as flask
from tests.test_record_files import error_of

DAY_US = 86_400 * S
Media = Callable[..., Path]


def make(client: FlaskClient, camera: int, **values: Any) -> Any:
    """Make a link by someone of an app that is open to all."""
    given = {"start": utc_text(S), "end": utc_text(61 * S), "source_id": camera, **values}
    return client.post(f"{API}/share", json=given)


def test_the_life_of_a_link(database_app: Flask) -> None:
    client, source_id = database_app.test_client(), add_source(database_app)
    answer = make(client, source_id, description="the parcel", count=3, password="correct horse", may_download=True)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "private, no-store"
    link = answer.json
    key = path_of(link).removeprefix("/share/")
    assert len(bytes.fromhex(key)) == 16
    assert link["url"] == f"http://localhost/share/{key}"
    told = {name: value for name, value in link.items() if name != "url"}
    assert (told["count"], told["uses"], told["has_password"], told["may_download"]) == (3, 0, True, True)
    assert (told["created_by"], told["is_active"], told["source_id"]) == ("anyone (testing)", True, source_id)
    path = f"{API}/share/{link['id']}/"
    assert client.get(path).json == told
    assert client.get(f"{API}/share").json == [told]
    opened(database_app.test_client(), link, password="correct horse")
    used = client.get(path).json
    assert used["uses"] == 1
    assert used["last_used_utc"] is not None
    assert client.patch(path, json={"description": None, "count": 2}).json["count"] == 2
    ended = client.delete(path).json
    assert (ended["is_active"], ended["revoked_by"]) == (False, "anyone (testing)")
    assert client.delete(path).json == ended
    assert error_of(client.patch(path, json={"description": "x"})) == (409, ["path", "share_id"], "share_ended")
    acts = client.get(f"{API}/audit?action=share.&sort=id").json
    assert [act["action"] for act in acts] == ["share.create", "share.open", "share.change", "share.revoke"]
    assert acts[1]["actor"] == f"share link {link['id']}"
    assert acts[1]["detail"] == {"address": "127.0.0.1"}
    assert acts[2]["detail"]["after"] == {"description": None, "count": 2}


def test_a_link_ends_in_seven_days_where_nothing_is_said_and_in_a_year_at_most(app: Flask, client: FlaskClient) -> None:
    source_id, at_us = add_source(app), now_us()
    made = make(client, source_id).json
    with app.app_context():
        row = db.session.get(ShareLink, made["id"])
        assert row is not None
        assert 0 <= row.expires_us - at_us - 7 * DAY_US < 60 * S
    late, past = utc_text(at_us + 367 * DAY_US), utc_text(at_us - S)
    assert error_of(make(client, source_id, expires=late)) == (422, ["body", "expires"], "expires_late")
    assert error_of(make(client, source_id, expires=past)) == (422, ["body", "expires"], "expires_past")
    assert make(client, source_id, expires=utc_text(at_us + 365 * DAY_US)).status_code == 200


@pytest.mark.parametrize(
    ("values", "place"),
    [
        ({"count": 0}, "count"),
        ({"count": True}, "count"),
        ({"password": "short"}, "password"),
        ({"password": "x" * 129}, "password"),
        ({"password": "eight\x00eight"}, "password"),
        ({"description": "x" * 4097}, "description"),
        ({"end": utc_text(S)}, "start"),
        ({"end": utc_text(32 * DAY_US)}, "end"),
        ({"source_id": 2**31}, "source_id"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else value,
)
def test_a_link_that_makes_no_sense_is_refused(
    app: Flask, client: FlaskClient, values: dict[str, Any], place: str
) -> None:
    assert error_of(make(client, add_source(app), **values))[:2] == (422, ["body", place])


def test_only_hashes_are_kept_and_a_repeated_request_is_told_no_key(app: Flask, client: FlaskClient) -> None:
    given = {"source_id": add_source(app), "start": utc_text(S), "end": utc_text(2 * S), "password": "correct horse"}
    answers = [client.post(f"{API}/share", json=given, headers={"Idempotency-Key": "once"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 409]
    assert error_of(answers[1]) == (409, ["header", "Idempotency-Key"], "told_once")
    key = path_of(answers[0].json).removeprefix("/share/")
    with app.app_context():
        row = db.session.scalars(select(ShareLink)).one()
        assert row.key_sha256 == key_hash(key)
        assert (row.password or "").startswith("$argon2id$")
        with db.engine.connect() as connection:
            dump = "\n".join(connection.connection.iterdump())  # type: ignore[attr-defined]
    assert key not in dump
    assert "correct horse" not in dump


def test_an_operator_makes_links_of_his_cameras_alone_and_sees_his_own(filmed: Filmed) -> None:
    client = filmed.client()
    mine = filmed.link()
    span = {"start": utc_text(S), "end": utc_text(2 * S)}
    hidden = client.post(f"{API}/share", json={"source_id": filmed.other_id, **span}, headers=filmed.operator)
    absent = client.post(f"{API}/share", json={"source_id": 99, **span}, headers=filmed.operator)
    assert error_of(hidden) == error_of(absent) == (404, ["body", "source_id"], "not_found")
    theirs = client.post(f"{API}/share", json={"source_id": filmed.source_id, **span}, headers=filmed.admin).json
    assert [row["id"] for row in client.get(f"{API}/share", headers=filmed.operator).json] == [mine["id"]]
    listed = client.get(f"{API}/share", headers=filmed.admin).json
    assert {row["id"] for row in listed} == {mine["id"], theirs["id"]}
    for method in ("GET", "PATCH", "DELETE"):
        path = f"{API}/share/{theirs['id']}/"
        assert client.open(path, method=method, json={"description": "x"}, headers=filmed.operator).status_code == 404
    assert client.delete(f"{API}/share/{mine['id']}/", headers=filmed.admin).json["revoked_by"] == "ada"


def test_a_viewer_makes_no_links(filmed: Filmed) -> None:
    with filmed.app.app_context(), writing() as session:
        viewer = bearer(add_account(session, "vera", "viewer"))
    client = filmed.client()
    given = {"source_id": filmed.source_id, "start": utc_text(S), "end": utc_text(2 * S)}
    assert client.post(f"{API}/share", json=given, headers=viewer).status_code == 403
    assert client.get(f"{API}/share", headers=viewer).status_code == 403
    assert client.get(f"{API}/share").status_code == 401


def test_a_token_with_a_span_makes_links_within_it_alone(filmed: Filmed) -> None:
    filmed.change("UPDATE api_token SET begin_us = :begin, end_us = :end", begin=filmed.at_us(1), end=filmed.at_us(5))
    client = filmed.client()

    def made(begin_s: float, end_s: float) -> int:
        span = {"start": utc_text(filmed.at_us(begin_s)), "end": utc_text(filmed.at_us(end_s))}
        given = {"source_id": filmed.source_id, **span}
        return client.post(f"{API}/share", json=given, headers=filmed.operator).status_code

    assert [made(1, 5), made(0.9, 5), made(1, 5.1), made(2, 3)] == [200, 403, 403, 200]


def test_a_link_can_be_made_shorter_but_not_longer(filmed: Filmed) -> None:
    at_us = now_us()
    link = filmed.link(expires=utc_text(at_us + 1000 * S), count=5)
    client, path = filmed.client(), f"{API}/share/{link['id']}/"

    def patch(**values: Any) -> Any:
        return client.patch(path, json=values, headers=filmed.operator)

    assert error_of(patch(expires=utc_text(at_us + 2000 * S))) == (422, ["body", "expires"], "share_longer")
    assert error_of(patch(count=6)) == (422, ["body", "count"], "share_longer")
    assert error_of(patch(may_download=True)) == (422, ["body", "may_download"], "share_longer")
    assert error_of(patch()) == (422, ["body"], "missing")
    assert error_of(patch(count=None))[:2] == (422, ["body", "count"])
    assert error_of(patch(revoked=False))[:2] == (422, ["body", "revoked"])
    assert patch(expires=utc_text(at_us + 500 * S), count=4).status_code == 200
    assert patch(revoked=True, description="over").json["is_active"] is False


def test_a_link_is_opened_exactly_as_often_as_it_may_however_many_come_at_once(database_app: Flask) -> None:
    link = make(database_app.test_client(), add_source(database_app), count=3).json
    statuses: list[int] = []
    start = threading.Barrier(8)

    def open_it() -> None:
        client = database_app.test_client()
        start.wait()
        statuses.append(client.post(path_of(link), headers=JSON).status_code)

    threads = [threading.Thread(target=open_it) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200] * 3 + [410] * 5
    with database_app.app_context():
        assert db.session.scalars(select(ShareLink.uses)).one() == 3
        opens = db.session.scalar(text("SELECT count(*) FROM audit WHERE action = 'share.open'"))
        assert opens == 3


ENDS = {
    "revoked": "UPDATE share_link SET revoked_us = 1",
    "of-a-token-that-was-revoked": "UPDATE api_token SET revoked_us = 1 WHERE id = (SELECT token_id FROM share_link)",
    "run-out": "UPDATE share_link SET expires_us = 1",
    "of-a-maker-who-was-deactivated": "UPDATE account SET active = false WHERE name = 'olga'",
    "of-a-maker-who-is-a-viewer-now": "UPDATE account SET role = 'viewer' WHERE name = 'olga'",
    "of-a-maker-who-lost-the-camera": "DELETE FROM account_right",
    "of-a-camera-that-was-deleted": "UPDATE source SET deleted_us = 1",
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS.keys())
def test_a_link_that_has_ended_opens_nothing_and_ends_running_players(filmed: Filmed, end: str) -> None:
    link, client = filmed.link(), filmed.client()
    film = opened(client, link)["urls"]["mp4"]
    piece = {"Range": "bytes=0-99"}
    assert client.get(film, headers=piece).status_code == 206
    filmed.change(end)
    assert client.get(film, headers=piece).status_code == 401
    for method, path in (
        ("GET", ""),
        ("POST", ""),
        ("GET", "/video.mp4"),
        ("GET", "/index.m3u8"),
        ("HEAD", "/video.mp4"),
    ):
        assert client.open(f"{path_of(link)}{path}", method=method, headers=JSON).status_code == 410
    assert error_of(client.get(path_of(link), headers=JSON)) == (410, ["path", "key"], "gone")


def test_a_right_by_a_group_is_as_good(filmed: Filmed) -> None:
    filmed.change("DELETE FROM account_right")
    filmed.change("""INSERT INTO "group" (id, created_us, name, model) VALUES ('g', 1, 'g', 'Source')""")
    filmed.change("INSERT INTO group_source (group_id, source_id) VALUES ('g', :id)", id=filmed.source_id)
    grouped = "INSERT INTO account_right (account_id, group_id) SELECT id, 'g' FROM account WHERE name = 'olga'"
    filmed.change(grouped)
    link = filmed.link()
    assert filmed.client().get(path_of(link), headers=PAGE).status_code == 200
    filmed.change("DELETE FROM group_source")
    assert filmed.client().get(path_of(link), headers=PAGE).status_code == 410


@pytest.mark.parametrize("right", ["camera", "group"])
def test_a_maker_who_lost_the_camera_is_not_let_off_by_a_right_on_one_that_another_link_shows(
    filmed: Filmed, right: str
) -> None:
    """Regression: a right on any camera that any link showed kept all links of its maker open."""
    link = filmed.link()
    span = {"start": utc_text(filmed.at_us(2)), "end": utc_text(filmed.at_us(6))}
    made = filmed.client().post(f"{API}/share", json={"source_id": filmed.other_id, **span}, headers=filmed.admin)
    assert made.status_code == 200
    if right == "camera":
        filmed.change("UPDATE account_right SET source_id = :id", id=filmed.other_id)
    else:
        filmed.change("""INSERT INTO "group" (id, created_us, name, model) VALUES ('g', 1, 'g', 'Source')""")
        filmed.change("INSERT INTO group_source (group_id, source_id) VALUES ('g', :id)", id=filmed.other_id)
        filmed.change("UPDATE account_right SET source_id = NULL, group_id = 'g'")
    assert filmed.client().get(path_of(link), headers=PAGE).status_code == 410


def test_what_is_used_up_plays_on_for_who_has_opened_it(filmed: Filmed) -> None:
    link, client = filmed.link(count=1), filmed.client()
    shown = opened(client, link)
    assert filmed.client().post(path_of(link), headers=JSON).status_code == 410
    assert client.get(shown["urls"]["mp4"]).status_code == 200
    assert opened(client, link)["urls"] is not None
    assert filmed.uses(link) == 1


def test_links_are_listed_and_revoked_at_a_terminal(app: Flask, client: FlaskClient, flask: Any) -> None:
    source_id = add_source(app)
    first, second = make(client, source_id, description="one").json, make(client, source_id, count=2).json
    assert [row[0] for row in cells(flask("share list"))] == [first["id"], second["id"]]
    flask(f"share revoke {first['id']}")
    assert [row[0] for row in cells(flask("share list"))] == [second["id"]]
    rows = cells(flask(f"share list --all --source {source_id}"))
    assert [(row[0], row[5], row[6], row[8]) for row in rows] == [
        (first["id"], "0", "-", "one"),
        (second["id"], "0", "2", "-"),
    ]
    assert client.get(f"{API}/share/{first['id']}/").json["revoked_by"] == "terminal"


def test_a_bounded_admin_sees_the_links_of_his_cameras(filmed: Filmed) -> None:
    link = filmed.link()
    with filmed.app.app_context(), writing() as session:
        elsewhere = bearer(add_bounded(session, "abel", "admin", filmed.other_id))
    client = filmed.client()
    assert client.get(f"{API}/share", headers=elsewhere).json == []
    assert client.get(f"{API}/share/{link['id']}/", headers=elsewhere).status_code == 404
