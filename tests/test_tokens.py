"""API tokens: told once, kept as a hash, never more than who made them, ended at once."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from app.access import lastuse
from app.access.finding import CALLER_KEY, of_account
from app.extensions import db, writing
from app.models import Account, AccountRight, ApiToken, Audit, Source
from app.models.types import now_us
from instance.config import ProductionConfig
from tests.accounts import add_account, add_bounded
from tests.conftest import open_app

API = "/api/v1"
SECRET = re.compile(r"fpt_[A-Za-z0-9_-]{43}")
DAY_US = 86_400_000_000


class Asker:
    """A client with a token, or in the place of a browser with an account's cookie."""

    def __init__(self, app: Flask, token: str | None = None, account: str | None = None) -> None:
        self.client: FlaskClient = app.test_client()
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}
        self.inside: dict[str, Any] = {}
        if account is not None:
            with app.app_context():
                row = db.session.scalars(select(Account).where(Account.name == account)).one()
                self.inside = {CALLER_KEY: of_account(db.session, row)}

    def ask(self, method: str, path: str, status: int = 200, headers: Any = None, **values: Any) -> Any:
        """Return the JSON of an answer of this status."""
        given = {"json": values} if values else {}
        sent = {**self.headers, **(headers or {})}
        answer = self.client.open(path, method=method, headers=sent, environ_overrides=self.inside, **given)
        assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text[:600]}"
        return answer.get_json(silent=True)

    def make(self, name: str, status: int = 200, **values: Any) -> Any:
        """Make a token."""
        return self.ask("POST", f"{API}/token", status, name=name, **values)


@pytest.fixture(params=["sqlite", "postgresql"])
def both(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Flask]:
    """Yield an app in production on SQLite, then on PostgreSQL, with cameras 1 to 3 and an account of each role."""
    url = ""
    if request.param == "postgresql":
        postgres = request.getfixturevalue("postgres")
        url = postgres.database("tokens_test", request.getfixturevalue("migrated_postgres"))
    config = ProductionConfig(INSTANCE=str(tmp_path / "instance"), SECRET_KEY="k" * 48, DATABASE_URL=url)
    config.instance_path.mkdir(parents=True)
    if not url:
        shutil.copy(request.getfixturevalue("migrated_sqlite"), config.instance_path / "app.db")
    yield from filled(config)


@pytest.fixture
def app(tmp_path: Path, migrated_sqlite: Path) -> Iterator[Flask]:
    """Yield the same on SQLite alone."""
    config = ProductionConfig(INSTANCE=str(tmp_path / "instance"), SECRET_KEY="k" * 48)
    config.instance_path.mkdir(parents=True)
    shutil.copy(migrated_sqlite, config.instance_path / "app.db")
    yield from filled(config)


def filled(config: ProductionConfig) -> Iterator[Flask]:
    for app in open_app(config):
        with app.app_context(), writing() as session:
            session.add_all(Source(model="Source", uri_rtsp="rtsp://127.0.0.1:1/x") for _ in range(3))
            session.flush()
            for role in ("admin", "operator", "viewer"):
                add_account(session, role, role)
            add_bounded(session, "guard", "operator", 1, 2)
        yield app


@pytest.fixture
def admin(app: Flask) -> Asker:
    """Return an admin at a browser."""
    return Asker(app, account="admin")


def kind_of(answer: Any) -> str:
    return str(answer["detail"][0]["type"])


def change(app: Flask, statement: Any) -> None:
    with app.app_context(), writing() as session:
        session.execute(statement)


# --- the secret --------------------------------------------------------------------------------------------


def test_a_token_is_told_once_and_only_its_hash_is_kept(both: Flask) -> None:
    operator = Asker(both, account="operator")
    made = operator.make("backup", role="operator")
    assert SECRET.fullmatch(made["token"])
    assert Asker(both, made["token"]).ask("GET", f"{API}/source") != []
    told = [operator.ask("GET", f"{API}/token"), operator.ask("GET", f"{API}/token/{made['id']}")]
    assert made["token"] not in json.dumps(told)
    with both.app_context():
        rows = [*db.session.scalars(select(ApiToken)), *db.session.scalars(select(Audit))]
        stored = repr([{one.key: getattr(row, one.key) for one in row.__table__.columns} for row in rows])
    assert made["id"] in stored
    assert made["token"] not in stored


def test_a_repeated_request_is_not_told_the_token_again(both: Flask) -> None:
    operator = Asker(both, account="operator")
    key = {"Idempotency-Key": "once"}
    made = operator.ask("POST", f"{API}/token", name="backup", headers=key)
    assert kind_of(operator.ask("POST", f"{API}/token", 409, name="backup", headers=key)) == "told_once"
    with both.app_context():
        kept = db.session.connection().exec_driver_sql("SELECT body FROM idempotent_answer").scalars().all()
    assert kept
    assert not any(made["token"].encode() in bytes(body) for body in kept)


def test_another_token_of_the_account_gets_no_answer_that_was_kept_for_this_one(app: Flask, admin: Asker) -> None:
    wide, narrow = (
        admin.make(name, role="admin", endpoints=areas)["token"] for name, areas in (("w", None), ("n", ["group"]))
    )
    group, key = {"model": "Source", "name": "g"}, {"Idempotency-Key": "same"}
    first = Asker(app, wide).ask("POST", f"{API}/group", headers=key, **group)
    answer = Asker(app, narrow).client.post(
        f"{API}/group", json=group, headers={"Authorization": f"Bearer {narrow}", **key}
    )
    assert "Idempotency-Replayed" not in answer.headers
    assert answer.json != first


# --- what it may do ----------------------------------------------------------------------------------------


def test_a_token_opens_its_areas_and_cameras_alone(both: Flask) -> None:
    token = Asker(both, account="admin").make("cams", role="admin", endpoints=["source"], source_ids=[1, 2])["token"]
    bounded = Asker(both, token)
    bounded.ask("GET", f"{API}/source/1")
    bounded.ask("GET", f"{API}/source/3", 404)
    refused = bounded.ask("GET", f"{API}/group", 403)
    assert kind_of(refused) == "scope"
    assert "source" in refused["detail"][0]["msg"]


def test_a_form_and_a_query_name_areas_and_cameras_with_commas(app: Flask) -> None:
    asker = Asker(app, account="operator")
    form = {"name": "n", "endpoints": "live, playback", "source_ids": "1,2", "expires": "2099-01-01T00:00:00Z"}
    made = asker.client.post(f"{API}/token", data=form, environ_overrides=asker.inside).json
    assert (made["endpoints"], made["source_ids"], made["role"]) == (["live", "playback"], [1, 2], "viewer")
    assert made["expires_utc"] == "2099-01-01T00:00:00.000000Z"


@pytest.mark.parametrize(
    ("values", "place"),
    [
        ({"role": "root"}, "role"),
        ({"endpoints": ["everything"]}, "endpoints"),
        ({"endpoints": []}, "endpoints"),
        ({"endpoints": "open"}, "endpoints"),
        ({"source_ids": [0]}, "source_ids"),
        ({"source_ids": [True]}, "source_ids"),
        ({"begin": "2026-01-01"}, "begin"),
        ({"begin": 200, "end": 100}, "end"),
        ({"expires": "2020-01-01T00:00:00Z"}, "expires"),
        ({"name": " "}, "name"),
        ({"name": "a\nb"}, "name"),
    ],
    ids=str,
)
def test_what_is_wrong_of_a_new_token_is_named(admin: Asker, values: dict[str, Any], place: str) -> None:
    refused = admin.ask("POST", f"{API}/token", 422, **{"name": "n", **values})
    assert refused["detail"][0]["loc"][1] == place


# --- never more than who makes it --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("account", "values", "status"),
    [
        ("viewer", {"role": "operator"}, 403),
        ("viewer", {"role": "analyser"}, 403),
        ("operator", {"role": "admin"}, 403),
        ("operator", {"role": "analyser"}, 200),
        ("operator", {"account": "admin"}, 403),
        ("operator", {"account": "viewer"}, 403),
        ("guard", {"source_ids": [1, 3]}, 404),
        ("guard", {"source_ids": [2]}, 200),
        ("admin", {"account": "viewer", "role": "operator"}, 403),
        ("admin", {"account": "operator", "role": "operator"}, 200),
        ("admin", {"account": "nobody"}, 404),
    ],
    ids=str,
)
def test_an_account_makes_no_token_with_more_than_itself(
    app: Flask, account: str, values: dict[str, Any], status: int
) -> None:
    Asker(app, account=account).make("n", status, **values)


NARROW = {"endpoints": ["token", "source"], "source_ids": [1, 2], "expires": "2098-01-01T00:00:00Z", "role": "operator"}


@pytest.mark.parametrize(
    "more",
    [
        {"role": "admin"},
        {"endpoints": ["source", "audit"]},
        {"endpoints": ["live"]},
        {"source_ids": [1, 3]},
        {"expires": "2099-01-01T00:00:00Z"},
        {"account": "operator"},
        {"account": "viewer"},
    ],
    ids=str,
)
def test_a_token_makes_no_token_with_more_than_itself(app: Flask, admin: Asker, more: dict[str, Any]) -> None:
    narrow = Asker(app, admin.make("narrow", **NARROW)["token"])
    narrow.make("child", 404 if "source_ids" in more else 403, **more)
    assert len(admin.ask("GET", f"{API}/token")) == 2


def test_what_is_left_out_of_a_token_made_with_a_token_is_that_tokens_own(app: Flask, admin: Asker) -> None:
    made = admin.make("narrow", **NARROW)
    child = Asker(app, made["token"]).make("child", role="operator")
    for name in ("endpoints", "source_ids", "expires_utc", "role"):
        assert child[name] == sorted(made[name]) if isinstance(made[name], list) else child[name] == made[name]


def test_a_token_with_all_cameras_of_its_account_gives_no_camera_that_the_account_gets_later(app: Flask) -> None:
    narrow = Asker(app, account="guard").make("n", source_ids=[1, 2])["token"]
    child = Asker(app, narrow).make("child")["token"]
    with app.app_context(), writing() as session:
        guard = session.scalars(select(Account).where(Account.name == "guard")).one()
        session.add(AccountRight(account_id=guard.id, source_id=3))
    Asker(app, child).ask("GET", f"{API}/source/2")
    Asker(app, child).ask("GET", f"{API}/source/3", 404)


def test_a_token_for_a_window_of_footage_makes_none(app: Flask, admin: Asker) -> None:
    windowed = Asker(app, admin.make("w", role="admin", begin=0, end=100)["token"])
    for method, path in (("POST", f"{API}/token"), ("GET", f"{API}/token"), ("GET", f"{API}/source")):
        assert kind_of(windowed.ask(method, path, 403)) == "scope"


def test_a_token_that_may_do_less_sees_and_ends_no_other_token(app: Flask, admin: Asker) -> None:
    other = admin.make("other", role="admin")["id"]
    narrow = Asker(app, admin.make("narrow", **NARROW)["token"])
    child = narrow.make("child")["id"]
    assert {row["name"] for row in narrow.ask("GET", f"{API}/token?account=*")} == {"narrow", "child"}
    for method, values in (("GET", {}), ("PATCH", {"name": "x"}), ("DELETE", {})):
        narrow.ask(method, f"{API}/token/{other}", 404, **values)
    narrow.ask("DELETE", f"{API}/token/{child}")


def test_accounts_see_their_own_tokens_and_admins_see_all(app: Flask, admin: Asker) -> None:
    mine = Asker(app, account="operator").make("mine")["id"]
    viewer = Asker(app, account="viewer")
    assert {row["account"] for row in viewer.ask("GET", f"{API}/token")} == {"viewer"}
    for path in ("?account=operator", "?account=*"):
        viewer.ask("GET", f"{API}/token{path}", 403)
    viewer.ask("GET", f"{API}/token/{mine}", 404)
    viewer.ask("DELETE", f"{API}/token/{mine}", 404)
    assert mine in {row["id"] for row in admin.ask("GET", f"{API}/token?account=operator")}
    assert len(admin.ask("GET", f"{API}/token?account=*")) == 5


def test_the_sign_in_page_makes_no_cookie_of_a_token_that_would_be_more_than_it(app: Flask, admin: Asker) -> None:
    token = admin.make("narrow", **NARROW)["token"]
    browser = app.test_client()
    browser.post("/login", data={"token": token, "name": "admin", "password": token})
    assert browser.get(f"{API}/group").status_code in (401, 403)


def test_a_token_changes_accounts_only_where_its_area_is_theirs(app: Flask, admin: Asker) -> None:
    narrow = Asker(app, admin.make("narrow", role="admin", endpoints=["source", "token", "audit"])["token"])
    account_id = next(row["id"] for row in admin.ask("GET", f"{API}/account") if row["name"] == "admin")
    for method, path in (
        ("POST", f"{API}/account"),
        ("PATCH", f"{API}/account/{account_id}/"),
        ("POST", f"{API}/account/{account_id}/password"),
        ("DELETE", f"{API}/account/{account_id}/totp"),
        ("PATCH", f"{API}/account/me"),
        ("GET", "/admin/"),
        ("POST", f"{API}/share"),
    ):
        assert kind_of(narrow.ask(method, path, 403)) == "scope", path
    few = Asker(app, admin.make("few", role="admin", source_ids=[1])["token"])
    assert kind_of(few.ask("POST", f"{API}/account", 403)) == "scope"


# --- as its account is now ---------------------------------------------------------------------------------


def test_a_demoted_account_bounds_its_tokens_at_once(both: Flask) -> None:
    admin = Asker(both, account="admin")
    tokens = {role: admin.make(role, role=role)["token"] for role in ("admin", "operator", "analyser")}
    Asker(both, tokens["admin"]).ask("GET", f"{API}/audit")
    change(both, update(Account).where(Account.name == "admin").values(role="viewer"))
    Asker(both, tokens["admin"]).ask("GET", f"{API}/audit", 403)
    Asker(both, tokens["operator"]).ask("POST", f"{API}/pins", 403, source_id=1, start=1, end=2, reason="x")
    Asker(both, tokens["operator"]).ask("GET", f"{API}/source")
    Asker(both, tokens["analyser"]).ask("GET", "/files/", 403)


def test_a_camera_taken_from_the_account_is_taken_from_its_tokens(both: Flask) -> None:
    token = Asker(both, account="guard").make("n", source_ids=[1, 2])["token"]
    Asker(both, token).ask("GET", f"{API}/source/2")
    with both.app_context(), writing() as session:
        session.execute(AccountRight.__table__.delete().where(AccountRight.source_id == 2))
    Asker(both, token).ask("GET", f"{API}/source/2", 404)


def test_a_deactivated_account_is_the_end_of_its_tokens(both: Flask) -> None:
    token = Asker(both, account="operator").make("n")["token"]
    Asker(both, token).ask("GET", f"{API}/source")
    change(both, update(Account).where(Account.name == "operator").values(active=False))
    Asker(both, token).ask("GET", f"{API}/source", 401)


# --- its end -----------------------------------------------------------------------------------------------


def test_a_revoked_token_is_dead_at_once_and_stays_listed(both: Flask) -> None:
    operator = Asker(both, account="operator")
    made = operator.make("n")
    Asker(both, made["token"]).ask("GET", f"{API}/source")
    ended = operator.ask("DELETE", f"{API}/token/{made['id']}")
    assert (ended["is_active"], ended["revoked_by"]) == (False, "operator")
    Asker(both, made["token"]).ask("GET", f"{API}/source", 401)
    assert operator.ask("DELETE", f"{API}/token/{made['id']}") == ended
    assert made["id"] in {row["id"] for row in operator.ask("GET", f"{API}/token")}


def test_another_process_takes_a_revoked_token_no_more(app: Flask, admin: Asker) -> None:
    made = admin.make("n")
    for other in open_app(app.config["PLAYBACK"]):
        Asker(other, made["token"]).ask("GET", f"{API}/source")
        admin.ask("DELETE", f"{API}/token/{made['id']}")
        Asker(other, made["token"]).ask("GET", f"{API}/source", 401)


def test_with_a_token_all_end_that_were_made_with_it(both: Flask) -> None:
    admin = Asker(both, account="admin")
    made = admin.make("n", role="admin")
    child = Asker(both, made["token"]).make("child", role="admin")
    grandchild = Asker(both, child["token"]).make("grandchild", role="admin")
    Asker(both, grandchild["token"]).ask("GET", f"{API}/source")
    admin.ask("DELETE", f"{API}/token/{made['id']}")
    for one in (made, child, grandchild):
        Asker(both, one["token"]).ask("GET", f"{API}/source", 401)


def test_a_token_ends_by_itself(both: Flask) -> None:
    made = Asker(both, account="operator").make("n", expires="2099-01-01T00:00:00Z")
    Asker(both, made["token"]).ask("GET", f"{API}/source")
    change(both, update(ApiToken).where(ApiToken.id == made["id"]).values(expires_us=now_us() - 1))
    Asker(both, made["token"]).ask("GET", f"{API}/source", 401)


def test_a_token_may_be_renamed_and_end_sooner_never_later(app: Flask, admin: Asker) -> None:
    made = admin.make("n", role="admin", expires="2098-01-01T00:00:00Z")
    child = Asker(app, made["token"]).make("child")
    path = f"{API}/token/{made['id']}"
    for later in ("2099-01-01T00:00:00Z", None, "2020-01-01T00:00:00Z"):
        admin.ask("PATCH", path, 422, expires=later)
    assert admin.ask("PATCH", path, expires="2097-01-01T00:00:00Z", name="m")["name"] == "m"
    assert admin.ask("GET", f"{API}/token/{child['id']}")["expires_utc"] == "2097-01-01T00:00:00.000000Z"
    for wrong in ({}, {"role": "admin"}, {"source_ids": None}):
        admin.ask("PATCH", path, 422, **wrong)
    assert kind_of(admin.make("m", 409)) == "name_exists"
    admin.ask("DELETE", path)
    assert kind_of(admin.ask("PATCH", path, 409, expires="2096-01-01T00:00:00Z")) == "token_ended"


def test_making_changing_and_revoking_is_written_down(both: Flask) -> None:
    admin = Asker(both, account="admin")
    made = admin.make("n", source_ids=[1], endpoints=["live"])
    admin.ask("PATCH", f"{API}/token/{made['id']}", name="m")
    admin.ask("DELETE", f"{API}/token/{made['id']}")
    rows = admin.ask("GET", f"{API}/audit?action=token.&subject={made['id']}")
    assert [row["action"] for row in rows] == ["token.revoke", "token.change", "token.create"]
    assert {row["actor"] for row in rows} == {"admin"}
    assert rows[2]["detail"]["source_ids"] == [1]
    assert rows[1]["detail"] == {"before": {"name": "n"}, "after": {"name": "m"}}


# --- its last use ------------------------------------------------------------------------------------------


def last_used_us(app: Flask, token_id: str) -> int | None:
    with app.app_context():
        return db.session.scalar(select(ApiToken.last_used_us).where(ApiToken.id == token_id))


def test_the_last_use_is_written_behind_the_request_and_once_a_minute(both: Flask) -> None:
    made = Asker(both, account="operator").make("n")
    user = Asker(both, made["token"])
    user.ask("GET", f"{API}/source")
    assert last_used_us(both, made["id"]) is None
    lastuse.flush(both)
    first_us = last_used_us(both, made["id"])
    assert first_us is not None
    user.ask("GET", f"{API}/source")
    lastuse.flush(both)
    assert last_used_us(both, made["id"]) == first_us
    uses = lastuse.Uses()
    assert [uses.note("t", at_us) for at_us in (0, 1, 2)] == [True, False, False]
    assert uses.take() == {"t": 2}
    assert (uses.note("t", 60_000_001), uses.take()) == (False, {})
    assert (uses.note("t", 60_000_002), uses.take()) == (True, {"t": 60_000_002})


def test_reading_with_a_token_needs_no_lock_of_a_database_that_somebody_writes(app: Flask, admin: Asker) -> None:
    made = admin.make("n")
    with app.app_context(), writing():
        user = Asker(app, made["token"])
        user.ask("GET", f"{API}/source")
        user.ask("GET", f"{API}/token")


def test_a_last_use_that_cannot_be_written_is_written_later(app: Flask, admin: Asker) -> None:
    made = admin.make("n")
    Asker(app, made["token"]).ask("GET", f"{API}/source")
    with app.app_context(), writing() as session:
        session.connection().exec_driver_sql("ALTER TABLE api_token RENAME TO away")
    lastuse.flush(app)
    with app.app_context(), writing() as session:
        session.connection().exec_driver_sql("ALTER TABLE away RENAME TO api_token")
    lastuse.flush(app)
    assert last_used_us(app, made["id"]) is not None


# --- at a terminal -----------------------------------------------------------------------------------------


def test_tokens_are_made_listed_and_revoked_at_a_terminal(app: Flask) -> None:
    terminal = app.test_cli_runner()
    arguments = ["token", "add", "nightly", "--account", "operator", "--role", "analyser", "--sources", "1,2"]
    made = terminal.invoke(args=arguments)
    assert made.exit_code == 0, made.output
    token_id, secret = made.output.split()
    assert SECRET.fullmatch(secret)
    listed = terminal.invoke(args=["token", "list", "--account", "operator"]).output
    assert f"{token_id}\toperator\tnightly\tanalyser\tactive\t-\t-\t-\t1,2\t-\t-\n" in listed
    assert secret not in listed
    assert terminal.invoke(args=["token", "revoke", token_id]).exit_code == 0
    Asker(app, secret).ask("GET", "/files/", 401)
    refused = terminal.invoke(args=["token", "add", "x", "--account", "viewer", "--role", "admin"])
    assert refused.exit_code == 1
    assert "no more than who makes it" in refused.output


@pytest.mark.parametrize("path", ["token", "account", "share"])
def test_a_slip_of_the_pen_gives_no_more_than_was_meant(app: Flask, admin: Asker, path: str) -> None:
    meant = {"name": "gate", "role": "viewer", "source_id": 1, "start": 0, "end": 1, "expire": "2026-12-01T00:00:00Z"}
    answer = admin.ask("POST", f"{API}/{path}", 422, **meant)
    assert {entry["type"] for entry in answer["detail"]} >= {"extra_forbidden"}
    assert "expire" in {entry["loc"][-1] for entry in answer["detail"]}


def test_a_camera_that_is_not_there_is_in_no_token(app: Flask, admin: Asker) -> None:
    answer = admin.make("gate", 404, source_ids=[1, 99])
    assert answer["detail"][0]["loc"] == ["body", "source_ids"]


def test_a_token_that_has_ended_is_told_so(app: Flask, admin: Asker) -> None:
    made = admin.make("gate")
    admin.ask("DELETE", f"{API}/token/{made['id']}/")
    answer = app.test_client().get(f"{API}/source", headers={"Authorization": f"Bearer {made['token']}"})
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, 'Bearer error="invalid_token"')
    assert "revoked" in answer.json["detail"][0]["msg"]
    assert app.test_client().get(f"{API}/source").headers["WWW-Authenticate"] == "Bearer"
