"""Tokens that are made and revoked at the same time: none outlives what it was made with."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.access.caller import Caller
from app.access.finding import CALLER_KEY, of_token_row
from app.access.granting import granted
from app.archive.accounts import account_of_token
from app.archive.tokens import change_token, find_account, find_token, make_token, revoke_token
from app.extensions import AnySession, db, writing
from app.models import ApiToken
from app.models.types import now_us
from tests.accounts import add_account

HOUR_US = 3_600_000_000
WISH = {"role": "viewer", "endpoints": None, "source_ids": None, "begin": None, "end": None, "expires": None}


@pytest.fixture
def thief(database_app: Flask) -> Caller:
    """Return who has found a token, as he was let in a moment ago."""
    with database_app.app_context():
        with writing() as session:
            token = add_account(session, "anna", "operator")
        found = account_of_token(db.session, token)
        assert found is not None
        return of_token_row(db.session, *found)


def made(session: AnySession, who: Caller, name: str) -> ApiToken:
    account = find_account(session, "anna", "body")
    values = granted(session, who, account, WISH, now_us())
    return make_token(session, account, name, "viewer", "anna", now_us(), values)[0]


def revoke(session: AnySession, token_id: str) -> None:
    revoke_token(session, find_token(session, token_id), "admin", now_us())


def shorten(session: AnySession, token_id: str) -> None:
    values = {"expires_us": now_us() + HOUR_US}
    change_token(session, find_token(session, token_id), "admin", values, now_us())


def test_who_was_let_in_before_the_revocation_makes_no_token_after_it(database_app: Flask, thief: Caller) -> None:
    with database_app.app_context(), writing() as session:
        revoke(session, thief.key.partition(":")[2])
    given: dict[str, Any] = {CALLER_KEY: thief}
    answer = database_app.test_client().post("/api/v1/token", json={"name": "kept"}, environ_overrides=given)
    assert answer.status_code == 401
    with database_app.app_context():
        assert db.session.scalar(select(ApiToken).where(ApiToken.name == "kept")) is None


@pytest.mark.parametrize("end", [revoke, shorten], ids=lambda end: end.__name__)
def test_a_token_that_is_made_during_the_end_of_another_ends_with_it(
    database_app: Flask, thief: Caller, end: Callable[[AnySession, str], None]
) -> None:
    token_id, is_made = thief.key.partition(":")[2], threading.Event()
    ended = threading.Event()

    def make() -> None:
        with database_app.app_context(), writing() as session:
            made(session, thief, "kept")
            is_made.set()
            ended.wait(1.0)  # it cannot come before this commits, but without a lock it does

    maker = threading.Thread(target=make)
    maker.start()
    assert is_made.wait(20)
    with database_app.app_context(), writing() as session:
        end(session, token_id)
    ended.set()
    maker.join(20)
    with database_app.app_context():
        kept = db.session.scalars(select(ApiToken).where(ApiToken.name == "kept")).one()
        assert kept.revoked_us is not None or kept.expires_us is not None
