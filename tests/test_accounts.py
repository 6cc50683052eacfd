"""Accounts by the API, at a terminal and on one's own page."""

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyotp
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, select, update

from app.archive.accountchanges import change_account
from app.archive.attempts import Budget, count_attempt
from app.archive.signingin import take_code
from app.errors import Conflict, TooMany
from app.extensions import db, writing
from app.models import Account, Audit, IdempotentAnswer, RecoveryCode, Source
from app.models.types import now_us
from tests.accounts import PASSWORD, add_account, add_bounded, password_hash, sign_in
from tests.browsing import OwnPages
from tests.conftest import in_production

API = "/api/v1"
DAY_US = 86_400_000_000
NEW = "ein neues langes Wort"
OURS = {"Origin": "http://localhost"}
NOBODY = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def production(tmp_path: Path, migrated_sqlite: Path) -> Iterator[Flask]:
    """Yield an app in production with one account: an admin."""
    with in_production(tmp_path / "production", migrated_sqlite, RATE_LIMITS=False, CAMERA_NETWORKS="") as app:
        app.test_client_class = OwnPages
        with app.app_context(), writing() as session:
            add_account(session, password=password_hash(), token="admins-token")
        yield app


class Admin:
    """A client with the admin's token."""

    def __init__(self, app: Flask, token: str = "admins-token") -> None:
        self._client, self._headers = app.test_client(), {"Authorization": f"Bearer {token}"}

    def __call__(self, method: str, path: str, **how: Any) -> Any:
        """Ask the API."""
        headers = {**self._headers, **how.pop("headers", {})}
        return self._client.open(f"{API}/account{path}", method=method, headers=headers, **how)

    def add(self, name: str = "eve", role: str = "viewer", **values: Any) -> Any:
        """Return an account that was made."""
        answer = self("POST", "", json={"name": name, "role": role, **values})
        assert answer.status_code == 200, answer.json
        return answer.json


@pytest.fixture
def admin(production: Flask) -> Admin:
    """Return a client with the admin's token."""
    return Admin(production)


def kind(answer: Any) -> str:
    return str(answer.json["detail"][0]["type"])


def own_id(app: Flask, name: str = "admin") -> str:
    with app.app_context():
        return str(db.session.scalars(select(Account.id).where(Account.name == name)).one())


def audited(app: Flask, action: str) -> list[tuple[str, dict[str, Any]]]:
    with app.app_context():
        rows = db.session.scalars(select(Audit).where(Audit.action == action).order_by(Audit.id))
        return [(row.actor, {**json.loads(row.detail), "by": None}) for row in rows]


def sign_in_with(app: Flask, name: str, password: str, **more: str) -> Any:
    return app.test_client().post("/login", json={"name": name, "password": password, **more})


def test_an_account_is_made_with_a_password_for_one_sign_in(production: Flask, admin: Admin) -> None:
    made = admin.add("Анна")
    assert (made["role"], made["is_active"], made["is_once"], made["sees_all"]) == ("viewer", True, True, True)
    assert kind(sign_in_with(production, "анна", made["password"])) == "password_change_needed"
    assert sign_in_with(production, "Анна", made["password"], new_password=NEW).status_code == 200
    shown = admin("GET", f"/{made['id']}/").json
    assert "password" not in shown
    assert (shown["is_once"], shown["sessions"]) == (False, 1)
    assert shown["last_sign_in_utc"] is not None
    assert [row["name"] for row in admin("GET", "").json] == ["admin", "Анна"]
    assert [row["name"] for row in admin("GET", "?role=viewer").json] == ["Анна"]
    assert audited(production, "account.create")[0][1]["name"] == "Анна"


def test_a_password_that_was_given_is_for_one_sign_in_too_and_is_shown_to_nobody(
    production: Flask, admin: Admin
) -> None:
    made = admin.add(password=NEW)
    assert made["password"] is None
    assert kind(sign_in_with(production, "eve", NEW)) == "password_change_needed"
    assert NEW not in json.dumps(audited(production, "account.create"))


@pytest.mark.parametrize(
    ("values", "place"),
    [
        ({"name": "ADMIN"}, "name"),
        ({"name": "\uff21dmin"}, "name"),
        ({"name": "\u0430dmin"}, "name"),
        ({"name": "a\x00b"}, "name"),
        ({"name": "terminal"}, "name"),
        ({"name": "x" * 300}, "name"),
        ({"role": "root"}, "role"),
        ({"role": "analyser"}, "role"),
        ({"password": "short"}, "password"),
        ({"password": "eve-eve-eve-1"}, "password"),
        ({"password": "x" * (1 << 20)}, "password"),
        ({"source_ids": [77]}, "source_ids"),
        ({"source_ids": ["x"]}, "source_ids"),
        ({"group_ids": [NOBODY]}, "group_ids"),
    ],
)
def test_what_is_wrong_with_a_new_account_is_told_by_name(admin: Admin, values: dict[str, Any], place: str) -> None:
    answer = admin("POST", "", json={"name": "eve", "role": "viewer", **values})
    assert answer.status_code in (409, 422)
    assert answer.json["detail"][0]["loc"][:2] == ["body", place]
    assert len(admin("GET", "").json) == 1


def test_a_password_in_the_address_is_refused(admin: Admin) -> None:
    answer = admin("POST", f"?name=eve&role=viewer&password={NEW}")
    assert (answer.status_code, kind(answer)) == (422, "secret")


def test_a_repeated_request_does_not_keep_the_password_that_was_made(production: Flask, admin: Admin) -> None:
    keyed = {"Idempotency-Key": "once"}
    made = admin("POST", "", json={"name": "eve", "role": "viewer"}, headers=keyed)
    assert made.headers["Cache-Control"] == "no-store"
    with production.app_context():
        assert made.json["password"].encode() not in db.session.scalars(select(IdempotentAnswer)).one().body
    again = admin("POST", "", json={"name": "eve", "role": "viewer"}, headers=keyed)
    assert (again.status_code, kind(again)) == (409, "told_once")


def test_rights_on_cameras_and_groups_stand_in_the_account(production: Flask, admin: Admin) -> None:
    client, bearer = production.test_client(), {"Authorization": "Bearer admins-token"}
    for number in (1, 2, 3):
        camera = {"model": "Source", "uri_rtsp": f"rtsp://192.0.2.{number}/x"}
        assert client.post(f"{API}/source", json=camera, headers=bearer).status_code == 200
    group = client.post(f"{API}/group", json={"model": "Source", "name": "hall"}, headers=bearer).json[0]["id"]
    client.post(f"{API}/group/{group}/source/3", headers=bearer)
    made = admin.add(source_ids=[1], group_ids=[group])
    assert (made["sees_all"], made["source_ids"], made["group_ids"]) == (False, [1], [group])
    with production.app_context(), writing() as session:
        add_account(session, "x", "admin", token="other")
    browser = sign_in(production, "eve")
    assert browser.get(f"{API}/account/me").json["source_ids"] == [1, 3]
    changed = admin("PATCH", f"/{made['id']}/", json={"source_ids": [2], "group_ids": []}).json
    assert (changed["source_ids"], changed["group_ids"]) == ([2], [])
    assert browser.get(f"{API}/account/me").json["source_ids"] == [2]
    assert admin("PATCH", f"/{made['id']}/", json={"sees_all": True}).json["source_ids"] == [2]
    me = browser.get(f"{API}/account/me").json
    assert (me["sees_all"], me["source_ids"]) == (True, [])
    told = audited(production, "account.change")
    assert told[0] == ("admin", {"name": "eve", "source_ids": [[1], [2]], "group_ids": [[group], []], "by": None})
    assert told[1][1]["sees_all"] == [False, True]


def test_a_list_of_accounts_asks_no_query_for_each_of_them(production: Flask, admin: Admin) -> None:
    with production.app_context(), writing() as session:
        session.add_all(
            Source(id=number, model="Source", uri_rtsp=f"rtsp://192.0.2.{number}/x") for number in (1, 2, 3)
        )
        session.flush()
        for number in range(20):
            add_bounded(session, f"viewer {number:02}", "viewer", number % 3 + 1)
    for _ in range(2):
        sign_in(production, "viewer 04").get(f"{API}/account/me")
    asked: list[str] = []
    with production.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    listed = admin("GET", "?sort=name").json
    assert [each["source_ids"] for each in listed] == [[], *([number % 3 + 1] for number in range(20))]
    assert [each["sessions"] for each in listed] == [0, 0, 0, 0, 0, 2, *([0] * 15)]
    counts = [len([one for one in asked if table in one]) for table in ("FROM account_right", "FROM account_session")]
    assert counts == [1, 1]
    assert [admin("GET", f"/{each['id']}/").json for each in listed] == listed


def test_a_role_holds_from_the_next_request_on(production: Flask, admin: Admin) -> None:
    made = admin.add(role="operator")
    browser = sign_in(production, "eve")
    group = {"model": "Source", "name": "g"}
    assert browser.get(f"{API}/account").status_code == 403
    admin("PATCH", f"/{made['id']}/", json={"role": "admin"})
    assert browser.get(f"{API}/account").status_code == 200
    assert browser.post(f"{API}/group", json=group, headers=OURS).status_code == 200
    admin("PATCH", f"/{made['id']}/", json={"role": "viewer"})
    assert browser.get(f"{API}/account").status_code == 403


@pytest.mark.parametrize("how", ["patch", "delete"])
def test_a_deactivated_account_is_out_at_once_and_keeps_its_name(production: Flask, admin: Admin, how: str) -> None:
    made = admin.add()
    browser = sign_in(production, "eve")
    path = f"/{made['id']}/"
    for _ in range(2):
        gone = admin("DELETE", path) if how == "delete" else admin("PATCH", path, json={"is_active": False})
        assert (gone.status_code, gone.json["is_active"], gone.json["sessions"]) == (200, False, 0)
    assert browser.get(f"{API}/account/me").status_code == 401
    assert sign_in_with(production, "eve", PASSWORD).status_code == 401
    assert kind(admin("POST", "", json={"name": "Eve", "role": "viewer"})) == "name_taken"
    assert len(audited(production, "account.change")) == 1
    assert admin("PATCH", path, json={"is_active": True}).json["is_active"]
    assert browser.get(f"{API}/account/me").status_code == 401  # the old cookie stays dead
    assert sign_in_with(production, "eve", PASSWORD).status_code == 200


@pytest.mark.parametrize(
    "values", [{"role": "operator"}, {"is_active": False}, {"sees_all": False}, {"source_ids": []}, None]
)
def test_the_last_admin_can_not_be_taken_away(production: Flask, admin: Admin, values: dict[str, Any] | None) -> None:
    admin.add("second", "admin", sees_all=False)
    third = admin.add("third", "admin")
    admin("DELETE", f"/{third['id']}/")
    path = f"/{own_id(production)}/"
    answer = admin("DELETE", path) if values is None else admin("PATCH", path, json=values)
    if values == {"source_ids": []}:
        assert answer.status_code == 200  # nothing is taken from who sees all
    else:
        assert (answer.status_code, kind(answer)) == (409, "last_admin")
    shown = admin("GET", path).json
    assert (shown["role"], shown["is_active"], shown["sees_all"]) == ("admin", True, True)
    admin("PATCH", f"/{third['id']}/", json={"is_active": True})
    assert admin("DELETE", path).status_code == 200


def test_two_that_take_away_the_last_two_admins_at_once_leave_one(database_app: Flask) -> None:
    """On SQLite writers wait for one another; on PostgreSQL the rows of the admins are locked."""
    with database_app.app_context(), writing() as session:
        add_account(session, "first", "admin")
        add_account(session, "second", "admin")
    ids = [own_id(database_app, name) for name in ("first", "second")]
    inside, outcomes = threading.Barrier(2), []

    def demote(account_id: str) -> None:
        with database_app.app_context():
            try:
                inside.wait(20)
                with writing() as session:
                    change_account(session, "test", account_id, {"role": "viewer"})
                    time.sleep(0.2)  # let the other one come as far
                outcomes.append("done")
            except Conflict as error:
                outcomes.append(error.kind)
            finally:
                db.session.remove()

    threads = [threading.Thread(target=demote, args=(account_id,)) for account_id in ids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(outcomes) == ["done", "last_admin"]
    with database_app.app_context():
        assert sorted(db.session.scalars(select(Account.role))) == ["admin", "viewer"]


def test_one_code_that_comes_twice_at_once_is_taken_once(database_app: Flask) -> None:
    from app.archive.signingin import take_code
    from app.models.types import now_us

    secret, inside, taken = pyotp.random_base32(), threading.Barrier(2), []
    with database_app.app_context(), writing() as session:
        add_account(session, tf_totp_secret=secret, tf_primary_method="authenticator")
    code, at_us = pyotp.TOTP(secret).now(), now_us()

    def use() -> None:
        with database_app.app_context():
            account = db.session.scalars(select(Account)).one()
            db.session.expunge_all()
            db.session.rollback()
            inside.wait(20)
            with writing() as session:
                taken.append(take_code(session, account, code, at_us))
                time.sleep(0.1)
            db.session.remove()

    threads = [threading.Thread(target=use) for _ in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(taken) == [False, True]


@pytest.mark.usefixtures("held_clock")
def test_attempts_that_come_at_once_are_all_counted(database_app: Flask) -> None:
    """A hundred guesses at the same instant are a hundred: none is looked at before it is counted."""
    inside, answers = threading.Barrier(12), []

    def guess() -> None:
        inside.wait(20)
        answers.append(sign_in_with(database_app, "nobody", "falsch falsch falsch").status_code)

    threads = [threading.Thread(target=guess) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert (answers.count(401), answers.count(429)) == (5, 7)


def test_only_an_admin_of_all_cameras_sees_accounts(production: Flask, admin: Admin) -> None:
    with production.app_context(), writing() as session:
        tokens = {role: add_account(session, role, role, token=f"{role}-token") for role in ("viewer", "operator")}
        tokens["bounded"] = add_bounded(session, "bounded", "admin")
        tokens["service"] = add_account(session, "service", "admin", token_role="analyser")
    for token in tokens.values():
        client = Admin(production, token)
        for method, path in (
            ("GET", ""),
            ("POST", ""),
            ("GET", f"/{own_id(production)}/"),
            ("PATCH", f"/{own_id(production)}/"),
            ("DELETE", f"/{own_id(production)}/"),
            ("POST", f"/{own_id(production)}/password"),
            ("DELETE", f"/{own_id(production)}/totp"),
            ("DELETE", f"/{own_id(production)}/session"),
        ):
            body = {"json": {"name": "x", "role": "admin"}} if method in ("POST", "PATCH") else {}
            assert client(method, path, **body).status_code == 403, (method, path)


def test_unknown_and_unreadable_ids_are_told_apart(admin: Admin) -> None:
    for method, path in (("GET", "/"), ("PATCH", "/"), ("DELETE", "/"), ("POST", "/password"), ("DELETE", "/totp")):
        body = {"json": {"role": "viewer"}} if method == "PATCH" else {}
        assert admin(method, f"/{NOBODY}{path}", **body).status_code == 404
        assert admin(method, f"/nonsense{path}", **body).status_code == 422


def test_who_am_i(production: Flask, admin: Admin, client: FlaskClient) -> None:
    me = admin("GET", "/me").json
    assert (me["name"], me["role"], me["how"], me["sees_all"]) == ("admin", "admin", "token", True)
    assert sign_in(production).get(f"{API}/account/me").json["how"] == "cookie"
    anyone = client.get(f"{API}/account/me").json
    assert (anyone["id"], anyone["how"], anyone["role"]) == (None, "open", "admin")
    refused = client.patch(f"{API}/account/me", json={"password": "x", "new_password": NEW})
    assert (refused.status_code, kind(refused)) == (409, "no_account")


def test_a_password_is_changed_with_the_old_one_and_all_other_sessions_end(production: Flask) -> None:
    browser, other = sign_in(production), sign_in(production)
    for old, new, wanted in (
        ("falsch falsch falsch", NEW, ("wrong_password", "password")),
        (PASSWORD, "short", ("password", "new_password")),
        (PASSWORD, PASSWORD, ("password", "new_password")),
    ):
        answer = browser.patch(f"{API}/account/me", json={"password": old, "new_password": new}, headers=OURS)
        assert (answer.status_code, kind(answer), answer.json["detail"][0]["loc"][1]) == (422, *wanted)
    answer = browser.patch(f"{API}/account/me", json={"password": PASSWORD, "new_password": NEW}, headers=OURS)
    assert answer.status_code == 200
    assert browser.get(f"{API}/account/me").status_code == 200
    assert other.get(f"{API}/account/me").status_code == 401
    assert sign_in_with(production, "admin", PASSWORD).status_code == 401
    assert sign_in_with(production, "admin", NEW).status_code == 200
    assert [actor for actor, _ in audited(production, "account.password_change")] == ["admin"]


@pytest.mark.usefixtures("held_clock")
def test_a_session_that_was_stolen_cannot_guess_the_password(production: Flask) -> None:
    browser = sign_in(production)
    wrong = {"password": "falsch falsch falsch", "new_password": NEW}
    for _ in range(5):
        assert browser.patch(f"{API}/account/me", json=wrong, headers=OURS).status_code == 422
    right = {"password": PASSWORD, "new_password": NEW}
    answer = browser.patch(f"{API}/account/me", json=right, headers=OURS)
    assert (answer.status_code, kind(answer)) == (429, "too_many_attempts")


def test_an_authenticator_is_set_up_used_and_taken_away(production: Flask) -> None:
    browser = sign_in(production)
    assert browser.post(f"{API}/account/me/totp", json={"password": "x"}, headers=OURS).status_code == 422
    made = browser.post(f"{API}/account/me/totp", json={"password": PASSWORD}, headers=OURS).json
    assert made["uri_otpauth"].startswith("otpauth://totp/flask-playback:admin?secret=" + made["key"])
    assert sign_in_with(production, "admin", PASSWORD).status_code == 200  # nothing is asked for yet
    code = pyotp.TOTP(made["key"]).now()
    wrong = browser.put(f"{API}/account/me/totp", json={"code": "12345"}, headers=OURS)
    assert (wrong.status_code, kind(wrong)) == (422, "wrong_code")
    codes = browser.put(f"{API}/account/me/totp", json={"code": code}, headers=OURS).json["recovery_codes"]
    assert len(codes) == 10
    assert kind(sign_in_with(production, "admin", PASSWORD)) == "code_needed"
    assert sign_in_with(production, "admin", PASSWORD, code=code).status_code == 401  # used to confirm
    assert kind(browser.post(f"{API}/account/me/totp", json={"password": PASSWORD}, headers=OURS)) == "totp_on"
    assert sign_in_with(production, "admin", PASSWORD, code=codes[3].upper()).status_code == 200
    assert sign_in_with(production, "admin", PASSWORD, code=codes[3]).status_code == 401
    with production.app_context():
        assert len(db.session.scalars(select(RecoveryCode)).all()) == 9
    off = browser.delete(f"{API}/account/me/totp", json={"password": PASSWORD}, headers=OURS)
    assert (off.status_code, off.json["has_totp"]) == (200, False)
    assert sign_in_with(production, "admin", PASSWORD).status_code == 200
    assert [len(audited(production, f"account.totp_{word}")) for word in ("on", "off")] == [1, 1]
    path = production.config["PLAYBACK"].instance_path / "app.db"
    for kept in (path, path.with_name("app.db-wal")):
        assert made["key"].encode() not in kept.read_bytes()
        assert codes[0].encode() not in kept.read_bytes()


def test_an_admin_takes_an_authenticator_away_and_ends_sessions(production: Flask, admin: Admin) -> None:
    made = admin.add()
    with production.app_context(), writing() as session:
        session.execute(
            update(Account).where(Account.name == "eve").values(tf_totp_secret="x", tf_primary_method="authenticator")
        )
    assert admin("GET", f"/{made['id']}/").json["has_totp"]
    assert not admin("DELETE", f"/{made['id']}/totp").json["has_totp"]
    browser = sign_in(production, "eve")
    ended = admin("DELETE", f"/{made['id']}/session").json
    assert ended["sessions"] == 0
    assert browser.get(f"{API}/account/me").status_code == 401
    assert audited(production, "account.sessions_end")[0][1]["sessions"] == 1


def test_a_password_that_was_reset_ends_sessions_and_holds_once(production: Flask, admin: Admin) -> None:
    made = admin.add()
    browser = sign_in(production, "eve")
    reset = admin("POST", f"/{made['id']}/password").json
    assert browser.get(f"{API}/account/me").status_code == 401
    assert sign_in_with(production, "eve", PASSWORD).status_code == 401
    assert kind(sign_in_with(production, "eve", reset["password"])) == "password_change_needed"
    assert reset["password"] not in json.dumps(audited(production, "account.password_reset"))


def test_the_account_page_changes_password_authenticator_and_sessions(production: Flask) -> None:
    browser, other = sign_in(production), sign_in(production)
    page = browser.get("/account")
    assert "<script" not in page.text
    assert "style=" not in page.text
    assert page.headers["Cache-Control"] == "no-store"
    assert page.text.count('name="action" value="session_end"') == 1
    assert "test" in page.text.partition("Tokens of programs")[2]

    def send(**form: str) -> Any:
        return browser.post("/account", data=form, headers=OURS)

    wrong = send(action="password", password="falsch", new_password=NEW, again=NEW)
    assert wrong.status_code == 422
    assert "this is not your password" in wrong.text
    assert "two ways" in send(action="password", password=PASSWORD, new_password=NEW, again="x").text
    done = send(action="password", password=PASSWORD, new_password=NEW, again=NEW)
    assert (done.status_code, done.location) == (303, "/account?done=password")
    assert "Your password is changed" in browser.get(done.location).text
    assert other.get(f"{API}/account/me").status_code == 401
    secret = send(action="totp_begin", password=NEW).text.partition("<pre>")[2].partition("</pre>")[0]
    assert secret not in browser.get("/account").text
    codes = send(action="totp_confirm", code=pyotp.TOTP(secret).now())
    assert codes.text.partition("<pre>")[2].partition("</pre>")[0].count("\n") == 9
    assert send(action="totp_off", password=NEW).location == "/account?done=totp_off"
    third = production.test_client()
    assert third.post("/login", json={"name": "admin", "password": NEW}).status_code == 200
    assert send(action="sessions_end").location == "/account?done=sessions"
    assert third.get(f"{API}/account/me").status_code == 401
    assert browser.get(f"{API}/account/me").status_code == 200
    assert send(action="nonsense").status_code == 422


def test_one_session_is_ended_and_never_that_of_another_account(production: Flask, admin: Admin) -> None:
    admin.add()
    mine, other, eve = sign_in(production), sign_in(production), sign_in(production, "eve")
    with other.session_transaction() as session:
        ended = session["sign_in"]
    eve.post("/account", data={"action": "session_end", "session": ended}, headers=OURS)
    assert other.get(f"{API}/account/me").status_code == 200
    mine.post("/account", data={"action": "session_end", "session": ended}, headers=OURS)
    assert other.get(f"{API}/account/me").status_code == 401


def test_what_others_gave_as_names_is_text_on_the_page(production: Flask, admin: Admin) -> None:
    admin.add("Tom & Jerry")
    browser = production.test_client()
    agent = {"User-Agent": "<script>alert(1)</script>"}
    sign_in(production, "Tom & Jerry")
    browser.post("/login", json={"name": "Tom & Jerry", "password": PASSWORD}, headers=agent)
    page = browser.get("/account").text
    assert "Tom &amp; Jerry" in page
    assert "<script" not in page


def test_the_account_page_says_when_nobody_is_signed_in(client: FlaskClient, production: Flask) -> None:
    assert "Nobody is signed in" in client.get("/account").text
    sent = production.test_client().get("/account", headers={"Accept": "text/html"})
    assert (sent.status_code, sent.location) == (303, "/login?next=/account")


def test_accounts_are_kept_at_a_terminal(production: Flask) -> None:
    runner = production.test_cli_runner()

    def run(*words: str, typed: str = "") -> str:
        done = runner.invoke(args=["account", *words], input=typed)
        assert done.exit_code == 0, done.output
        return done.output

    made = run("add", "Jürgen", "--role", "operator")
    assert made.startswith("Jürgen one-time password: ")
    once = made.split()[-1]
    assert kind(sign_in_with(production, "jürgen", once)) == "password_change_needed"
    listed = [line.split("\t") for line in run("list").splitlines()]
    assert [line[1:6] for line in listed] == [
        ["admin", "admin", "active", "-", "all"],
        ["Jürgen", "operator", "active", "-", "all"],
    ]
    run("role", "JÜRGEN", "viewer")
    run("cameras", "Jürgen")
    run("deactivate", "Jürgen")
    assert run("list").splitlines()[1].split("\t")[2:6] == ["viewer", "inactive", "-", "none"]
    run("activate", "Jürgen")
    run("cameras", "Jürgen", "--all")
    run("totp-off", "Jürgen")
    run("sessions-end", "Jürgen")
    assert run("password", "Jürgen", "--password", typed=f"{NEW}\n") == ""
    assert kind(sign_in_with(production, "Jürgen", NEW)) == "password_change_needed"
    again = run("password", "Jürgen").split()[-1]
    assert again not in (once, NEW)
    unknown = runner.invoke(args=["account", "role", "nobody", "viewer"])
    assert (unknown.exit_code, unknown.output) == (1, "Error: there is no account 'nobody': flask account list\n")
    last = runner.invoke(args=["account", "deactivate", "admin"])
    assert last.exit_code == 1
    assert "the last active admin" in last.output
    with production.app_context():
        actors = set(db.session.scalars(select(Audit.actor).where(Audit.action != "account.sign_in_failed")))
    assert actors == {"terminal"}


# --- a clock that was wrong ---------------------------------------------------------------------------------


def test_failures_of_a_clock_that_ran_ahead_hold_nobody_out_once_it_is_set_back(database_app: Flask) -> None:
    budget, now = Budget("0" * 64, 1, 900), now_us()
    with database_app.app_context():
        with writing() as session:
            count_attempt(session, [budget], now + 30 * DAY_US)
        with writing() as session:
            count_attempt(session, [budget], now)
        with pytest.raises(TooMany), writing() as session:
            count_attempt(session, [budget], now)


def test_a_code_of_a_clock_that_ran_ahead_holds_nobody_out_once_it_is_set_back(database_app: Flask) -> None:
    now, secret = now_us(), pyotp.random_base32()
    with database_app.app_context(), writing() as session:
        add_account(session, "anna", "viewer", tf_totp_secret=secret, tf_primary_method="authenticator")
        row = session.scalars(select(Account)).one()
        taken = [take_code(session, row, code_at(secret, at_us), at_us) for at_us in (now + 30 * DAY_US, now, now)]
    assert taken == [True, True, False]


def code_at(secret: str, at_us: int) -> str:
    return pyotp.TOTP(secret).at(at_us // 1_000_000)
