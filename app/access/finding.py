"""Finding out who asks: by the request's token, cookie or address."""

import json
import time

from flask import Request, current_app, request, session

from app.access.caller import LADDER, Caller
from app.archive.accounts import account_of_token, sources_of, sources_of_token, token_hash
from app.extensions import AnySession, db
from app.models import Account, ApiToken

# Set by our own code alone: no client can name a key of the environment that does not begin with HTTP_.
CALLER_KEY = "playback.caller"
_NOBODY = object()
_DIGEST_LENGTH = 16


def find_caller() -> Caller | None:
    """Return who asks; looked up once a request. None: nobody that is known here.

    It is kept with the request itself: `g` is that of an outer app context where there is one, as in a command.
    """
    kept = request.environ.get(CALLER_KEY)
    if kept is None:
        kept = request.environ[CALLER_KEY] = _found() or _NOBODY
    return kept if isinstance(kept, Caller) else None


def _found() -> Caller | None:
    token = bearer_token(request)
    try:
        if token is not None:
            return _of_token(db.session, token)
        return _of_cookie(db.session) or _of_anyone()
    finally:
        db.session.expunge_all()
        db.session.rollback()  # nothing that follows inherits this transaction


def bearer_token(asked: Request) -> str | None:
    """Return the token of the request's header."""
    given = asked.authorization
    return given.token if given is not None and given.type == "bearer" else None


def _of_token(database: AnySession, token: str) -> Caller | None:
    found = account_of_token(database, token)
    if found is None:
        return _of_anyone()
    account, row = found
    return Caller(
        name=account.name,
        role=token_role(account, row),
        key=f"token:{row.id}",
        how="token",
        account_id=account.id,
        sources=sources_of_token(database, account, row),
        begin_us=row.begin_us,
        end_us=row.end_us,
        areas=None if row.endpoints is None else frozenset(json.loads(row.endpoints)),
    )


def token_role(account: Account, row: ApiToken) -> str:
    """Return the role of a token now: its own, or that of its account where this is less."""
    if row.role not in LADDER:
        return row.role
    return min(row.role, account.role, key=LADDER.__getitem__)


def of_account(database: AnySession, account: Account, how: str = "cookie") -> Caller:
    """Return the caller that an account is."""
    key = f"account:{account.id}"
    return Caller(account.name, account.role, key, how, account.id, sources_of(database, account))


def _of_cookie(database: AnySession) -> Caller | None:
    account_id = session.get("account")
    lasts_s = current_app.config["PLAYBACK"].SESSION_HOURS * 3600
    if account_id is None or time.time() - session.get("since_s", 0) > lasts_s:
        return None
    account = database.get(Account, account_id)
    if account is None or not account.active or sign_in_word(account) != session.get("sign_in"):
        return None
    return of_account(database, account)


def _of_anyone() -> Caller | None:
    """Return who anybody is outside production; None in it."""
    environment = current_app.config["PLAYBACK"].ENVIRONMENT
    return None if environment == "production" else Caller(f"anyone ({environment})", "admin", "anyone", "open")


def sign_in_word(account: Account) -> str:
    """Return what ties a cookie to the account as it is, so that a new uniquifier ends it."""
    return token_hash(account.fs_uniquifier)[:_DIGEST_LENGTH]
