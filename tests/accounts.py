"""Accounts and their tokens for tests, and browsers that are signed in."""

from functools import cache

from flask import Flask
from flask.testing import FlaskClient

from app.archive.accounts import add_token, token_hash
from app.archive.passwords import hash_password
from app.extensions import AnySession, writing
from app.models import Account, AccountRight, ApiToken


def add_account(
    session: AnySession,
    name: str = "admin",
    role: str = "admin",
    *,
    token: str | None = None,
    token_role: str | None = None,
    **values: object,
) -> str:
    """Add an account with a token, of its role where none is given, and return it. Runs within a write transaction."""
    account = Account(name=name, role=role, **values)
    session.add(account)
    session.flush()
    made = add_token(session, account, "test", token_role or role, "test")
    if token is not None:
        session.flush()
        session.query(ApiToken).filter_by(account_id=account.id).one().token_sha256 = token_hash(token)
    return token or made


def add_bounded(session: AnySession, name: str, role: str, *source_ids: int) -> str:
    """Add an account that may see these cameras alone, and return its token. Runs within a write transaction."""
    token = add_account(session, name, role, sees_all=False)
    account = session.query(Account).filter_by(name=name).one()
    session.add_all(AccountRight(account_id=account.id, source_id=source_id) for source_id in source_ids)
    return token


PASSWORD = "grün ist die Heide"


@cache
def password_hash() -> str:
    """Return the hash of PASSWORD; made once, for it takes its time."""
    return hash_password(PASSWORD)


def sign_in(app: Flask, name: str = "admin") -> FlaskClient:
    """Return a browser that is signed in to an account, which is given PASSWORD."""
    with app.app_context(), writing() as session:
        account = session.query(Account).filter_by(name=name).one()
        account.password, account.is_once = password_hash(), False
    browser = app.test_client()
    token = browser.get("/csrftoken/").json["csrfToken"]
    answer = browser.post("/login", data={"name": name, "password": PASSWORD}, headers={"X-CSRFToken": token})
    assert answer.status_code == 303, answer.text
    return browser
