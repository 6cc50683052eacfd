"""Answers without end go on no longer than the right to them: of a session, a token, an account, a camera."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.archive.accounts import add_token
from app.extensions import db, writing
from app.models import Account, AccountRight, AccountSession, ApiToken, File, Source
from app.transfer.eventhub import Hub
from tests.accounts import add_account, add_bounded, sign_in
from tests.browsing import changing
from tests.conftest import in_production
from tests.picture_server import PictureServer
from tests.service import wait_for

CAMERA = 1
MANY = 20  # pieces after which a stream counts as one that goes on
Ask = Callable[[str], Any]


@pytest.fixture
def production(tmp_path: Path, migrated_sqlite: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Flask]:
    """Yield an app in production with a camera, an account that sees it alone, and a file of its footage."""
    monkeypatch.setattr("app.access.renewing.AGAIN_S", 0.0)
    with in_production(tmp_path, migrated_sqlite) as app, PictureServer() as camera:
        with app.app_context(), writing() as session:
            session.add(Source(id=CAMERA, model="PictureSource", picture_uri=camera.url))
            session.flush()
            session.add(
                File(id=1, name="film.mp4", owner="anna", kind="footage", source_id=CAMERA, begin_us=1, end_us=2)
            )
            add_account(session, "admin")
            add_bounded(session, "anna", "viewer", CAMERA)
        yield app


def video(ask: Ask) -> Any:
    """Begin to watch the camera, and return the answer."""
    return ask(f"/api/v1/source/{CAMERA}/video?delay=0")


def events(ask: Ask) -> Any:
    """Begin to listen to the file."""
    return ask("/sse/1")


def sign_out(app: Flask, browser: FlaskClient) -> None:
    assert browser.post("/logout", headers=changing(browser)).status_code == 303


def end_all(app: Flask, browser: FlaskClient) -> None:
    """End all sessions but that of another browser, as who has lost this one does."""
    other = sign_in(app, "anna")
    answer = other.post("/account", data={"action": "sessions_end"}, headers=changing(other))
    assert answer.status_code == 303


def run_out(app: Flask, browser: FlaskClient) -> None:
    with app.app_context(), writing() as session:
        session.execute(db.update(AccountSession).values(begun_us=0, expires_us=1))


def reset(app: Flask, browser: FlaskClient) -> None:
    """Give the account a new password, as an admin does."""
    with app.app_context():
        account_id = db.session.scalar(db.select(Account.id).where(Account.name == "anna"))
    admin = sign_in(app, "admin")
    answer = admin.post(f"/api/v1/account/{account_id}/password", json={}, headers=changing(admin))
    assert answer.status_code == 200


def close_account(app: Flask, _browser: FlaskClient) -> None:
    with app.app_context(), writing() as session:
        session.execute(db.update(Account).where(Account.name == "anna").values(active=False))


def end_right(app: Flask, _browser: FlaskClient) -> None:
    with app.app_context(), writing() as session:
        session.execute(db.delete(AccountRight))


def revoke(app: Flask, _browser: FlaskClient) -> None:
    with app.app_context(), writing() as session:
        session.execute(db.update(ApiToken).values(revoked_us=1))


def is_ended(app: Flask, answer: Any, *, is_events: bool, limit_s: float = 10.0) -> bool:
    """Tell whether the answer comes to its end; closes it."""
    try:
        if is_events:
            hub: Hub = app.extensions["playback_events"]
            wait_for(lambda: hub.taken == 0, "the end", limit_s)
            return True
        return len(list(itertools.islice(answer.response, MANY))) < MANY
    except AssertionError:
        return False
    finally:
        answer.close()


@pytest.mark.parametrize("begin", [video, events], ids=lambda begin: begin.__name__)
@pytest.mark.parametrize(
    "end", [sign_out, end_all, run_out, reset, close_account, end_right], ids=lambda end: end.__name__
)
def test_what_a_cookie_began_ends_with_its_session(
    production: Flask, begin: Callable[[Ask], Any], end: Callable[[Flask, FlaskClient], None]
) -> None:
    browser = sign_in(production, "anna")
    answer = begin(lambda path: browser.get(path, buffered=False))
    assert answer.status_code == 200
    next(iter(answer.response))
    end(production, browser)
    assert is_ended(production, answer, is_events=begin is events)


@pytest.mark.parametrize("end", [revoke, close_account, end_right], ids=lambda end: end.__name__)
def test_events_end_with_the_token_that_asked_for_them(
    production: Flask, end: Callable[[Flask, FlaskClient], None]
) -> None:
    with production.app_context(), writing() as session:
        anna = session.query(Account).filter_by(name="anna").one()
        token = add_token(session, anna, "mine", "viewer", "anna")
    client = production.test_client(use_cookies=False)
    answer = client.get("/sse/1", headers={"Authorization": f"Bearer {token}"}, buffered=False)
    assert answer.status_code == 200
    next(iter(answer.response))
    end(production, client)
    assert is_ended(production, answer, is_events=True)


@pytest.mark.parametrize("begin", [video, events], ids=lambda begin: begin.__name__)
def test_what_a_session_began_goes_on_while_it_does(production: Flask, begin: Callable[[Ask], Any]) -> None:
    browser, other = sign_in(production, "anna"), sign_in(production, "anna")
    answer = begin(lambda path: browser.get(path, buffered=False))
    next(iter(answer.response))
    sign_out(production, other)
    assert not is_ended(production, answer, is_events=begin is events, limit_s=2.5)
