"""Signing in and out: the steps, what a cookie is worth, and what an attacker tries."""

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyotp
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from app.archive.accounts import make_first_admin
from app.extensions import db, writing
from app.models import Account, AccountSession, Audit, SignInFailure
from tests.accounts import PASSWORD, add_account, password_hash, sign_in
from tests.browsing import OwnPages
from tests.conftest import in_production

API = "/api/v1"
NEW = "ein neues langes Wort"
PAGE = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
OURS = {"Origin": "http://localhost"}
NAMES = ("admin", "Jürgen Groß", "Анна Каренина")


@pytest.fixture
def production(tmp_path: Path, migrated_sqlite: Path) -> Iterator[Flask]:
    """Yield an app in production with an account of each of NAMES, all of PASSWORD."""
    with in_production(tmp_path, migrated_sqlite, RATE_LIMITS=False) as app:
        app.test_client_class = OwnPages
        with app.app_context(), writing() as session:
            for name in NAMES:
                add_account(session, name, "admin" if name == "admin" else "viewer", password=password_hash())
        yield app


@pytest.fixture
def browser(production: Flask) -> FlaskClient:
    """Return a browser that is not signed in."""
    return production.test_client()


def change(app: Flask, name: str = "admin", **values: Any) -> None:
    with app.app_context(), writing() as session:
        session.execute(update(Account).where(Account.name == name).values(**values))


def try_to(browser: FlaskClient, name: str = "admin", password: str = PASSWORD, **more: Any) -> Any:
    """Return what a program is answered that signs in."""
    how = {key: more.pop(key) for key in ("environ_base",) if key in more}
    return browser.post("/login", json={"name": name, "password": password, **more}, headers=OURS, **how)


def kind(answer: Any) -> str:
    return str(answer.json["detail"][0]["type"])


def is_in(browser: FlaskClient) -> bool:
    return bool(browser.get(f"{API}/account/me").status_code == 200)


def audited(app: Flask) -> list[tuple[str, str, dict[str, Any]]]:
    with app.app_context():
        return [(row.actor, row.action, json.loads(row.detail)) for row in db.session.scalars(select(Audit))]


def with_totp(app: Flask, name: str = "admin") -> str:
    """Let codes be asked for, and return the secret."""
    secret = pyotp.random_base32()
    with app.app_context(), writing() as session:
        row = session.scalars(select(Account).where(Account.name == name)).one()
        row.tf_totp_secret, row.tf_primary_method = secret, "authenticator"
    return secret


@pytest.mark.parametrize("name", NAMES)
def test_people_of_any_name_sign_in_by_the_page_and_out_again(browser: FlaskClient, name: str) -> None:
    form = browser.get("/login?next=/swagger/", headers=PAGE)
    assert "<script" not in form.text
    assert not re.search(r"style=|onclick=", form.text)
    answer = browser.post("/login", data={"name": name, "password": PASSWORD, "next": "/swagger/"}, headers=OURS)
    assert (answer.status_code, answer.location) == (303, "/swagger/")
    assert browser.get(f"{API}/account/me").json["name"] == name
    assert browser.post("/logout", headers={**OURS, **PAGE}).location == "/login"
    assert not is_in(browser)


def test_a_program_signs_in_with_json(browser: FlaskClient) -> None:
    answer = try_to(browser)
    assert (answer.status_code, answer.json["name"], answer.json["role"]) == (200, "admin", "admin")
    assert answer.headers["Cache-Control"] == "no-store"
    assert is_in(browser)
    assert browser.post("/logout", headers={**OURS, "Accept": "application/json"}).status_code == 204
    assert not is_in(browser)


@pytest.mark.parametrize("spelt", ["ADMIN", " admin ", "\uff41\uff44\uff4d\uff49\uff4e"])
def test_a_name_is_the_same_however_it_is_spelt(browser: FlaskClient, spelt: str) -> None:
    assert try_to(browser, spelt).json["name"] == "admin"


@pytest.mark.parametrize("name", ["nobody", "", "a\x00b", "x" * 1000, "' OR 1=1 --", "\u0430dmin"])
def test_a_wrong_name_is_answered_as_a_wrong_password(browser: FlaskClient, name: str) -> None:
    wrong = try_to(browser, password="falsch falsch falsch")
    other = try_to(browser, name)
    assert wrong.status_code == other.status_code == 401
    assert wrong.json == other.json
    assert dict(wrong.headers) | {"Content-Length": ""} == dict(other.headers) | {"Content-Length": ""}
    pages = [
        browser.post("/login", data={"name": one, "password": "falsch falsch falsch"}, headers=PAGE).text
        for one in ("admin", "nobody")
    ]
    assert pages[0].replace('value="admin"', 'value="nobody"') == pages[1]


def test_an_unknown_name_takes_as_long_as_a_known_one(browser: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many hashes are verified, of the same cost; the time itself is looked at loosely, for machines are busy."""
    from argon2 import PasswordHasher

    verified: list[str] = []
    real = PasswordHasher.verify

    def noted(self: PasswordHasher, stored: Any, given: Any) -> bool:
        verified.append(str(stored).rpartition("p=1$")[0])
        return bool(real(self, stored, given))

    monkeypatch.setattr(PasswordHasher, "verify", noted)
    for name in ("admin", "nobody", "a\x00b"):
        assert try_to(browser, name, "falsch falsch falsch").status_code == 401
    assert len(verified) == 3
    assert len(set(verified)) == 1


@pytest.mark.parametrize("values", [{"active": False}, {"password": None}], ids=["inactive", "without a password"])
def test_who_may_not_sign_in_is_told_nothing_more(production: Flask, browser: FlaskClient, values: Any) -> None:
    wrong = try_to(browser, password="falsch falsch falsch").json
    change(production, **values)
    answer = try_to(browser)
    assert (answer.status_code, answer.json) == (401, wrong)


def test_a_password_of_megabytes_is_refused_before_it_is_hashed(
    browser: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    from argon2 import PasswordHasher

    monkeypatch.setattr(PasswordHasher, "verify", None)
    monkeypatch.setattr(PasswordHasher, "hash", None)
    assert try_to(browser, password="x" * (1 << 20)).status_code == 422
    assert browser.post("/login", data={"name": "admin", "password": "x" * (1 << 18)}, headers=OURS).status_code == 422


def test_secrets_in_the_address_are_refused(browser: FlaskClient) -> None:
    answer = browser.post(f"/login?name=admin&password={PASSWORD}", headers={"Accept": "application/json"})
    assert (answer.status_code, kind(answer)) == (422, "secret")
    assert PASSWORD not in answer.text
    assert not is_in(browser)


def test_a_session_that_an_attacker_planted_is_not_the_one_after_signing_in(production: Flask) -> None:
    victim, attacker = production.test_client(), production.test_client()
    assert try_to(attacker, "Анна Каренина").status_code == 200
    planted = attacker.get_cookie("__Host-playback_session")
    assert planted is not None
    victim.set_cookie("__Host-playback_session", planted.value)
    assert try_to(victim).status_code == 200
    assert attacker.get(f"{API}/account/me").json["name"] == "Анна Каренина"
    fresh = victim.get_cookie("__Host-playback_session")
    assert fresh is not None
    assert fresh.value != planted.value
    with production.app_context():
        assert len(db.session.scalars(select(AccountSession)).all()) == 2


def test_each_sign_in_is_a_session_of_its_own_and_signing_out_ends_all_copies_of_its_cookie(production: Flask) -> None:
    first, second, thief = sign_in(production), sign_in(production), production.test_client()
    stolen = first.get_cookie("__Host-playback_session")
    assert stolen is not None
    thief.set_cookie("__Host-playback_session", stolen.value)
    assert is_in(thief)
    first.post("/logout", headers=OURS)
    assert not is_in(thief)
    assert is_in(second)


@pytest.mark.parametrize(
    "values", [{"active": False}, {"fs_uniquifier": "another"}, {"is_once": True}], ids=["inactive", "ended", "once"]
)
def test_a_cookie_ends_at_once_with_what_it_stood_for(production: Flask, values: dict[str, Any]) -> None:
    browser = sign_in(production)
    assert is_in(browser)
    change(production, **values)
    assert not is_in(browser)


def test_the_first_admin_changes_his_password_before_anything_else(production: Flask) -> None:
    with production.app_context():
        with writing() as session:
            session.query(Account).delete()
        with writing() as session:
            once = make_first_admin(session)
            assert make_first_admin(session) is None
    assert once is not None
    browser = production.test_client()
    answer = try_to(browser, password=once)
    assert (answer.status_code, kind(answer)) == (403, "password_change_needed")
    assert not is_in(browser)
    form = browser.get("/login", headers=PAGE)
    assert 'name="new_password"' in form.text
    for bad, word in (("short", "12 to 256"), ("adminadminadmin", "little more than the name"), (once, "old password")):
        answer = browser.post("/login", data={"new_password": bad, "again": bad}, headers=OURS)
        assert answer.status_code == 422
        assert word in answer.text
        assert not is_in(browser)
    answer = browser.post("/login", data={"new_password": NEW, "again": NEW + "x"}, headers=OURS)
    assert "two ways" in answer.text
    answer = browser.post("/login", data={"new_password": NEW, "again": NEW, "next": "/redoc/"}, headers=OURS)
    assert (answer.status_code, answer.location) == (303, "/redoc/")
    assert is_in(browser)
    assert try_to(production.test_client(), password=once).status_code == 401
    assert try_to(production.test_client(), password=NEW).status_code == 200


def test_a_program_gives_the_new_password_beside_the_old_one(production: Flask, browser: FlaskClient) -> None:
    change(production, is_once=True)
    assert try_to(browser, new_password=NEW).status_code == 200
    assert is_in(browser)
    with production.app_context():
        assert not db.session.scalars(select(Account).where(Account.name == "admin")).one().is_once


def test_a_step_half_done_is_worth_nothing_after_the_password_was_changed(production: Flask) -> None:
    change(production, is_once=True)
    slow, quick = production.test_client(), production.test_client()
    assert kind(try_to(slow)) == "password_change_needed"
    assert try_to(quick, new_password=NEW).status_code == 200
    answer = slow.post("/login", json={"new_password": "noch ein langes Wort"})
    assert (answer.status_code, kind(answer)) == (401, "wrong_sign_in")
    assert try_to(production.test_client(), password=NEW).status_code == 200


def test_a_step_half_done_is_worth_nothing_after_five_minutes(production: Flask, browser: FlaskClient) -> None:
    with_totp(production)
    assert kind(try_to(browser)) == "code_needed"
    with browser.session_transaction() as session:
        session["step"] = {**session["step"], "at": int(time.time()) - 301}
    assert "password" in browser.get("/login", headers=PAGE).text.partition("<form")[2]
    assert browser.post("/login", json={"code": "000000"}).status_code == 401


def test_a_code_is_asked_for_after_the_password_and_taken_once(production: Flask, browser: FlaskClient) -> None:
    secret = with_totp(production)
    code = pyotp.TOTP(secret).now()
    wanted = browser.post("/login", data={"name": "admin", "password": PASSWORD, "next": "/redoc/"}, headers=OURS)
    assert (wanted.status_code, wanted.location) == (303, "/login?next=/redoc/")
    assert not is_in(browser)
    form = browser.get(wanted.location, headers=PAGE)
    assert 'autocomplete="one-time-code"' in form.text
    assert 'name="password"' not in form.text
    wrong = browser.post("/login", data={"code": "000000" if code != "000000" else "000001"}, headers=OURS)
    assert wrong.status_code == 401
    answer = browser.post("/login", data={"code": code, "next": "/redoc/"}, headers=OURS)
    assert (answer.status_code, answer.location) == (303, "/redoc/")
    assert is_in(browser)
    replayed = try_to(production.test_client(), code=code)
    assert (replayed.status_code, kind(replayed)) == (401, "wrong_sign_in")


def test_a_code_before_one_that_was_used_is_worth_nothing(production: Flask, browser: FlaskClient) -> None:
    secret, now_s = with_totp(production), int(time.time())
    later, earlier = (pyotp.TOTP(secret).at(now_s + off) for off in (30, 0))
    assert try_to(browser, code=later).status_code == 200
    assert try_to(production.test_client(), code=earlier).status_code == 401


def test_begin_again_leads_back_to_name_and_password(production: Flask, browser: FlaskClient) -> None:
    with_totp(production)
    try_to(browser)
    assert 'name="code"' in browser.get("/login").text
    assert 'name="password"' in browser.get("/login?again=1").text
    assert 'name="password"' in browser.get("/login").text


@pytest.mark.usefixtures("held_clock")
def test_guessing_is_slowed_down_and_a_hundred_at_once_are_a_hundred(production: Flask, browser: FlaskClient) -> None:
    for _ in range(5):
        assert try_to(browser, password="falsch falsch falsch").status_code == 401
    held = try_to(browser)  # even the right password is not looked at
    assert (held.status_code, kind(held), held.headers["Retry-After"]) == (429, "too_many_attempts", "2")
    page = browser.post("/login", data={"name": "admin", "password": PASSWORD}, headers={**OURS, **PAGE})
    assert (page.status_code, page.headers["Retry-After"]) == (429, "2")
    assert "try again in 2 s" in page.text
    age(production, 2)
    assert try_to(browser, password="falsch falsch falsch").status_code == 401
    assert try_to(browser).headers["Retry-After"] == "4"
    age(production, 4)
    assert try_to(browser).status_code == 200
    assert try_to(production.test_client(), password="falsch falsch falsch").status_code == 401  # all forgiven


@pytest.mark.usefixtures("held_clock")
def test_a_new_password_from_the_terminal_is_not_held_back_by_who_guessed_at_the_old(production: Flask) -> None:
    for _ in range(5):
        try_to(production.test_client(), password="falsch falsch falsch")
    assert try_to(production.test_client()).status_code == 429
    made = production.test_cli_runner().invoke(args=["account", "password", "admin"])
    answer = try_to(production.test_client(), password=made.output.split()[-1], new_password=NEW)
    assert answer.status_code == 200


@pytest.mark.usefixtures("held_clock")
def test_a_wait_is_the_same_for_a_name_that_nobody_has(browser: FlaskClient) -> None:
    for _ in range(5):
        assert try_to(browser, "nobody").status_code == 401
    assert try_to(browser, "NOBODY").status_code == 429


@pytest.mark.usefixtures("held_clock")
def test_who_guesses_locks_out_neither_other_places_nor_a_browser_that_is_known(production: Flask) -> None:
    known = sign_in(production)
    known.post("/logout", headers=OURS)
    here, there, near = ({"REMOTE_ADDR": address} for address in ("2001:db8::1", "192.0.2.7", "2001:db8::ffff"))
    stranger = production.test_client()
    for _ in range(5):
        assert try_to(stranger, password="falsch falsch falsch", environ_base=here).status_code == 401
    assert try_to(stranger, environ_base=near).status_code == 429  # one's own /64 is one place
    assert try_to(production.test_client(), environ_base=there).status_code == 200
    assert try_to(known, environ_base=here).status_code == 200
    foreign = try_to(known, "Анна Каренина", "falsch falsch falsch", environ_base=here)
    assert foreign.status_code == 401
    assert failures(production) == sorted([5, 5, 1, 1])  # what is known is known for one account alone


@pytest.mark.usefixtures("held_clock")
def test_many_places_together_are_held_back_but_not_a_browser_that_is_known(production: Flask) -> None:
    known = sign_in(production)
    known.post("/logout", headers=OURS)
    stranger = production.test_client()
    assert try_to(stranger, password="falsch falsch falsch").status_code == 401
    with production.app_context(), writing() as session:
        session.execute(update(SignInFailure).values(failures=SignInFailure.failures + 105))
        rows = session.scalars(select(SignInFailure)).all()
        assert [row.failures for row in rows] == [106, 106]
    elsewhere = {"REMOTE_ADDR": "198.51.100.1"}
    held = try_to(stranger, environ_base=elsewhere)
    assert (held.status_code, held.headers["Retry-After"]) == (429, "60")
    assert try_to(known, environ_base=elsewhere).status_code == 200
    age(production, 61)
    assert try_to(production.test_client(), environ_base=elsewhere).status_code == 200
    age(production, 86_401)
    try_to(production.test_client(), "nobody")
    assert failures(production) == [1, 1]


@pytest.mark.usefixtures("held_clock")
def test_codes_cannot_be_guessed_either(production: Flask) -> None:
    secret = with_totp(production)
    codes = {pyotp.TOTP(secret).at(int(time.time()) + off) for off in range(-60, 90, 30)}
    wrong = [f"{number:06}" for number in range(20) if f"{number:06}" not in codes][:5]
    for number, code in enumerate(wrong):
        place = {"REMOTE_ADDR": f"192.0.2.{number}"}
        assert try_to(production.test_client(), code=code, environ_base=place).status_code == 401
    held = try_to(production.test_client(), code=pyotp.TOTP(secret).now(), environ_base={"REMOTE_ADDR": "192.0.2.99"})
    assert (held.status_code, kind(held)) == (429, "too_many_attempts")


@pytest.mark.parametrize(
    "value",
    ["", "x", "[]", "eyJhIjoxfQ.aaaa.bbbb", "W10.aaaa.bbbb"],
    ids=["empty", "letter", "list", "json", "signed by nobody"],
)
def test_a_cookie_that_was_made_up_opens_nothing(browser: FlaskClient, value: str) -> None:
    for name in ("__Host-playback_session", "playback_device", "remember_token", "session"):
        browser.set_cookie(name, value)
    assert not is_in(browser)
    assert try_to(browser, password="falsch falsch falsch").status_code == 401
    assert try_to(browser).status_code == 200


def test_flask_securitys_own_addresses_and_tokens_open_nothing(production: Flask) -> None:
    browser = sign_in(production)  # it is loaded now
    security = production.extensions["security"]
    with production.app_context():
        account = db.session.scalars(select(Account).where(Account.name == "admin")).one()
        forged = security.remember_token_serializer.dumps({"ver": "5", "uid": account.fs_uniquifier, "exp": 0})
    stranger = production.test_client()
    for how in (
        {"headers": {"Authentication-Token": forged}},
        {"query_string": {"auth_token": forged}},
        {"json": {"auth_token": forged}},
    ):
        assert stranger.get(f"{API}/account/me", **how).status_code == 401
    paths = {rule.rule for rule in production.url_map.iter_rules()}
    assert not paths & {"/register", "/reset", "/change", "/verify", "/tf-setup", "/us-signin", "/wan-signin"}
    assert not {"users", "roles"} & set(production.cli.commands)
    assert is_in(browser)


def test_what_is_done_is_written_down_and_a_name_that_nobody_has_is_not(production: Flask) -> None:
    secret = "mein Passwort im falschen Feld"
    browser = production.test_client()
    try_to(browser, secret, "x")
    try_to(browser, password="falsch falsch falsch")
    try_to(browser)
    browser.post("/logout", headers=OURS)
    rows = audited(production)
    assert [(actor, action) for actor, action, _ in rows] == [
        ("anyone (production)", "account.sign_in_failed"),
        ("anyone (production)", "account.sign_in_failed"),
        ("admin", "account.sign_in"),
        ("admin", "account.sign_out"),
    ]
    assert [detail.get("name") for _, _, detail in rows[:2]] == ["unknown name", "admin"]
    assert rows[2][2]["address"] == "127.0.0.1"
    kept = production.config["PLAYBACK"].instance_path / "app.db"
    for path in (kept, kept.with_name("app.db-wal")):
        assert secret.encode() not in path.read_bytes()
        assert PASSWORD.encode() not in path.read_bytes()


def test_names_and_passwords_are_in_no_log(
    production: Flask, browser: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    try_to(browser, "ein geheimer Name", "ein geheimes Wort")
    try_to(browser)
    assert "geheim" not in caplog.text
    assert PASSWORD not in caplog.text


def test_the_right_password_that_was_hashed_weakly_is_hashed_anew(production: Flask, browser: FlaskClient) -> None:
    from argon2 import PasswordHasher

    weak = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    change(production, password=weak)
    assert try_to(browser).status_code == 200
    with production.app_context():
        stored = db.session.scalars(select(Account.password).where(Account.name == "admin")).one()
    assert "$m=19456,t=2,p=1$" in str(stored)
    assert try_to(browser).status_code == 200


def age(app: Flask, seconds: int) -> None:
    """Let the last failures have been so much earlier."""
    with app.app_context(), writing() as session:
        session.execute(update(SignInFailure).values(last_us=SignInFailure.last_us - seconds * 1_000_000))


def failures(app: Flask) -> list[int]:
    with app.app_context():
        return sorted(db.session.scalars(select(SignInFailure.failures)))
