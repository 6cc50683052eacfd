"""Finding out who asks: by the request's token, signed address or cookie."""

import json

from flask import Request, current_app, request

from app.access import media
from app.access.caller import LADDER, Caller
from app.access.lastuse import note_use
from app.access.networks import trusted_caller
from app.access.sharing import of_share
from app.access.signedin import account_of_cookie, session_id
from app.archive.accounts import account_of_token, account_of_token_id, sources_of, sources_of_token
from app.extensions import AnySession, db
from app.models import Account, ApiToken
from app.models.types import now_us

# Set by our own code alone: no client can name a key of the environment that does not begin with HTTP_.
CALLER_KEY = "playback.caller"
_NOBODY = object()


def find_caller() -> Caller | None:
    """Return who asks; looked up once a request. None: nobody that is known here.

    It is kept with the request itself: `g` is that of an outer app context where there is one, as in a command.
    """
    kept = request.environ.get(CALLER_KEY)
    if kept is None:
        kept = request.environ[CALLER_KEY] = _found() or _NOBODY
    return kept if isinstance(kept, Caller) else None


def known_caller() -> Caller | None:
    """Return who asks if that was found out already; never asks the database, which may be what has failed."""
    kept = request.environ.get(CALLER_KEY)
    return kept if isinstance(kept, Caller) else None


def _found() -> Caller | None:
    token = bearer_token(request)
    try:
        if token is not None:
            return _of_token(db.session, token)
        signed = signed_token(request)
        if signed is not None:
            return of_signed_address(db.session, signed, now_us())
        return _of_cookie(db.session) or _of_anyone() or trusted_caller()
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
    return of_token_row(database, *found)


def of_token_row(database: AnySession, account: Account, row: ApiToken) -> Caller:
    """Return the caller that a living token is."""
    note_use(row.id)
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


def signed_token(asked: Request) -> str | None:
    """Return the token in an address of media; anywhere else such a token means nothing."""
    if asked.endpoint not in media.ENDPOINTS or asked.method not in ("GET", "HEAD"):
        return None
    try:
        return asked.args.get(media.PARAMETER)
    except UnicodeDecodeError:  # the view says what is wrong with it
        return None


def carried_token() -> str | None:
    """Return the token that brought the caller here, for the addresses that the answer leads to; None without one."""
    found = find_caller()
    return signed_token(request) if found is not None and found.how in ("share", "media") else None


def of_signed_address(database: AnySession, text: str, at_us: int) -> Caller | None:
    """Return who a signed address stands for, with no more than it says; None where it or its caller has ended.

    An address that is no longer good is never served for another reason, as for a cookie: who plays it is to notice.
    """
    signed = media.read(text, at_us)
    if signed is None:
        return None
    kind, _, row_id = signed.key.partition(":")
    if kind == "share":
        found, how = of_share(database, row_id, at_us), "share"
    else:
        living = account_of_token_id(database, row_id)
        found, how = (None if living is None else of_token_row(database, *living)), "media"
    return None if found is None else media.narrowed(found, signed, how)


def token_role(account: Account, row: ApiToken) -> str:
    """Return the role of a token now: its own, or that of its account where this is less."""
    if row.role == "analyser":  # it posts results, as an operator does: a viewer's is left with looking at nothing
        return row.role if LADDER[account.role] >= LADDER["operator"] else "none"
    return min(row.role, account.role, key=LADDER.__getitem__)


def is_narrower(account: Account, row: ApiToken) -> bool:
    """Tell whether a token may do less than its account."""
    bounds = (row.endpoints, row.source_ids, row.begin_us, row.end_us)
    return row.role != account.role or any(bound is not None for bound in bounds)


def of_account(database: AnySession, account: Account, session_id: str | None = None) -> Caller:
    """Return the caller that an account is, signed in by a session."""
    sources = sources_of(database, account)
    key = f"account:{account.id}"
    return Caller(account.name, account.role, key, "cookie", account.id, sources, session_id=session_id)


def _of_cookie(database: AnySession) -> Caller | None:
    account = account_of_cookie()
    return None if account is None else of_account(database, account, session_id())


def _of_anyone() -> Caller | None:
    """Return who anybody is outside production; None in it."""
    environment = current_app.config["PLAYBACK"].ENVIRONMENT
    return None if environment == "production" else Caller(f"anyone ({environment})", "admin", "anyone", "open")
