"""Who may use the service in production: the first admin, and accounts found again by the hash of a token."""

import hashlib
import hmac
import json
import secrets
from functools import lru_cache

from sqlalchemy import String, bindparam, cast, func, or_, select

from app.archive.auditing import audit
from app.archive.passwords import hash_password, one_time_password
from app.extensions import AnySession
from app.models import Account, AccountRight, ApiToken, group_source
from app.models.types import now_us

FIRST_ADMIN = "admin"
TOKEN_BYTES = 32
TOKEN_PREFIX = "fpt_"  # noqa: S105  # nosec B105  what a scanner for secrets finds a token by
_SOURCE_ID = func.coalesce(AccountRight.source_id, group_source.c.source_id)
# Made once: making and hashing it takes longer than running it. One row however many cameras: a thousand rows take
# milliseconds to fetch. A group's right covers who is in it now.
RIGHTS = (
    select(func.aggregate_strings(cast(_SOURCE_ID, String), ","))
    .select_from(AccountRight)
    .outerjoin(group_source, group_source.c.group_id == AccountRight.group_id)
    .where(AccountRight.account_id == bindparam("account_id"))
    .where(or_(AccountRight.source_id.is_not(None), group_source.c.source_id.is_not(None)))
)


_TOKENS = select(Account, ApiToken).join(ApiToken, Account.id == ApiToken.account_id)


def token_hash(token: str) -> str:
    """Return the hash that is stored of a token; a random token needs neither salt nor a slow function."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


def make_first_admin(session: AnySession) -> str | None:
    """Make the first admin and return his one-time password, which is stored nowhere; None where there is an account.

    Runs within a write transaction.
    """
    if session.scalar(select(Account.id).limit(1)) is not None:
        return None
    password = one_time_password()
    account = Account(name=FIRST_ADMIN, role="admin", password=hash_password(password), is_once=True)
    session.add(account)
    session.flush()
    audit(session, "terminal", "account.create", account.id, name=account.name, role=account.role)
    return password


def add_token(session: AnySession, account: Account, name: str, role: str, actor: str, **bounds: object) -> str:
    """Add a token of an account and return it; only its hash is stored. Runs within a write transaction."""
    token = TOKEN_PREFIX + secrets.token_urlsafe(TOKEN_BYTES)
    row = ApiToken(account_id=account.id, name=name, role=role, token_sha256=token_hash(token), created_by=actor)
    for column, value in bounds.items():
        setattr(row, column, value)
    session.add(row)
    return token


def account_of_token(session: AnySession, token: str) -> tuple[Account, ApiToken] | None:
    """Return the account that has this token, and the token: one that is neither revoked nor has run out."""
    digest = token_hash(token)
    found = session.execute(_TOKENS.where(ApiToken.token_sha256 == digest)).one_or_none()
    if found is None or not hmac.compare_digest(found[1].token_sha256, digest):
        return None
    return _if_living(*found)


def account_of_token_id(session: AnySession, token_id: str) -> tuple[Account, ApiToken] | None:
    """Return the same of the token of an id, for what was signed in its name."""
    found = session.execute(_TOKENS.where(ApiToken.id == token_id)).one_or_none()
    return None if found is None else _if_living(*found)


def _if_living(account: Account, row: ApiToken) -> tuple[Account, ApiToken] | None:
    has_ended = row.revoked_us is not None or (row.expires_us is not None and row.expires_us <= now_us())
    return None if has_ended or not account.active else (account, row)


@lru_cache(256)
def _ids_of(text: str) -> frozenset[int]:
    """Return the integers of a text that has commas between them."""
    return frozenset(map(int, text.split(","))) if text else frozenset()


def sources_of(session: AnySession, account: Account) -> frozenset[int] | None:
    """Return the ids of the cameras that an account may see; None for all."""
    if account.sees_all:
        return None
    return _ids_of(session.scalar(RIGHTS, {"account_id": account.id}) or "")


def sources_of_token(session: AnySession, account: Account, row: ApiToken) -> frozenset[int] | None:
    """Return the ids of the cameras that a token may see: its own, of those of its account; None for all."""
    seen = sources_of(session, account)
    if row.source_ids is None:
        return seen
    own = frozenset(json.loads(row.source_ids))
    return own if seen is None else own & seen
