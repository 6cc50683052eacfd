"""Who may use the service in production: the first admin, found again by the hash of its token."""

import hashlib
import hmac
import secrets

from sqlalchemy import select

from app.extensions import AnySession
from app.models import Account

FIRST_ADMIN = "admin"
TOKEN_BYTES = 32


def token_hash(token: str) -> str:
    """Return the hash that is stored of a token; a random token needs neither salt nor a slow function."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


def make_first_admin(session: AnySession) -> str | None:
    """Make the first admin and return its token, which is stored nowhere; None where there is an account already.

    Runs within a write transaction.
    """
    if session.scalar(select(Account.id).limit(1)) is not None:
        return None
    token = secrets.token_urlsafe(TOKEN_BYTES)
    session.add(Account(name=FIRST_ADMIN, role="admin", token_sha256=token_hash(token)))
    return token


def account_of_token(session: AnySession, token: str) -> Account | None:
    """Return the account that has this token."""
    digest = token_hash(token)
    account = session.scalar(select(Account).where(Account.token_sha256 == digest))
    if account is None or not hmac.compare_digest(account.token_sha256, digest):
        return None
    return account
