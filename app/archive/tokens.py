"""API tokens: made, changed and revoked; each act is audited, no row is ever removed.

A token is bounded by its account at every use (app/access/finding.py), so what stands in its row is the most that it
may ever do. One that was made with another token ends with it, at the latest: who has found a token could else keep a
second one for the day that the first is revoked.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select

from app.archive.accounts import add_token
from app.archive.auditing import audit
from app.archive.paging import AnySelect, Order
from app.errors import Conflict, Invalid, NotFound
from app.extensions import AnySession
from app.instants import utc_text
from app.models import Account, ApiToken

TOKEN_ORDERS = {"created": Order((ApiToken.created_us, ApiToken.id)), "name": Order((ApiToken.name, ApiToken.id))}
MOST_LIVING = 1000  # of one account: whoever may make tokens fills no disk with them


def is_living(row: ApiToken, at_us: int) -> bool:
    """Tell whether a token's own row lets it be used; its account may not."""
    return row.revoked_us is None and (row.expires_us is None or row.expires_us > at_us)


def find_token(session: AnySession, token_id: str, *, is_locked: bool = False) -> ApiToken:
    """Return a token; locked, nobody makes another with it meanwhile, or revokes it. Raises NotFound."""
    row = session.get(ApiToken, token_id, populate_existing=True, with_for_update=is_locked or None)
    if row is None:
        raise not_found(token_id)
    return row


def not_found(token_id: str) -> NotFound:
    """Return the error of an id that no token has, or none that the caller may know of."""
    return NotFound(f"there is no token {token_id}", loc=("path", "token_id"))


def find_account(session: AnySession, name: str, place: str) -> Account:
    """Return the account of this name or id. Raises NotFound."""
    row = session.scalar(select(Account).where(or_(Account.name == name, Account.id == name)).limit(1))
    if row is None:
        raise NotFound(f"there is no account {name!r}", loc=(place, "account"))
    return row


def make_token(
    session: AnySession, account: Account, name: str, role: str, actor: str, at_us: int, values: Mapping[str, Any]
) -> tuple[ApiToken, str]:
    """Make a token of an account; return its row and the token, of which only a hash is kept.

    `values` are columns: endpoints, source_ids, begin_us, end_us, expires_us, parent_id. Runs within a write
    transaction. Raises Conflict for a name that another of the account's has, or where there are too many; Invalid for
    an expiry that is past.
    """
    _check_name(session, account.id, name)
    check_expiry(values.get("expires_us"), at_us)
    has_ended = or_(ApiToken.revoked_us.is_not(None), func.coalesce(ApiToken.expires_us, at_us + 1) <= at_us)
    living = select(func.count()).where(ApiToken.account_id == account.id, ~has_ended)
    if (session.scalar(living) or 0) >= MOST_LIVING:
        raise Conflict(f"{account.name} has {MOST_LIVING} tokens: revoke some first", kind="too_many")
    secret = add_token(session, account, name, role, actor, created_us=at_us, **values)
    session.flush()
    row = session.scalars(select(ApiToken).where(ApiToken.account_id == account.id, ApiToken.name == name)).one()
    audit(session, actor, "token.create", row.id, **in_words(row, account.name))
    return row, secret


def change_token(session: AnySession, row: ApiToken, actor: str, values: Mapping[str, Any], at_us: int) -> None:
    """Change a token's name, or let it end sooner. Runs within a write transaction. Raises Conflict, Invalid."""
    if "name" in values and values["name"] != row.name:
        _check_name(session, row.account_id, values["name"])
    if "expires_us" in values:
        _check_sooner(row, values["expires_us"], at_us)
    before = {name: getattr(row, name) for name in values}
    for name, value in values.items():
        setattr(row, name, value)
    if "expires_us" in values:
        _end_with(session, row, values["expires_us"])
    session.flush()
    audit(session, actor, "token.change", row.id, before=_told(before), after=_told(dict(values)))


def _end_with(session: AnySession, row: ApiToken, expires_us: int) -> None:
    """Let what was made with a token end no later than it."""
    is_later = or_(ApiToken.expires_us.is_(None), ApiToken.expires_us > expires_us)
    while late := _line(session, row.id, is_later):
        for child in late:
            child.expires_us = expires_us
        session.flush()


def revoke_token(session: AnySession, row: ApiToken, actor: str, at_us: int) -> None:
    """End a token now, and those that were made with it. Runs within a write transaction. Repeated, it does nothing."""
    while living := _line(session, row.id, ApiToken.revoked_us.is_(None)):
        for one in living:
            one.revoked_us, one.revoked_by = at_us, actor
            audit(session, actor, "token.revoke", one.id, name=one.name)
        session.flush()


def _line(session: AnySession, token_id: str, condition: ColumnElement[bool]) -> Sequence[ApiToken]:
    """Return those of a token's line that a condition holds for, locked.

    Whoever was making a token with one of them has made it when the lock is had: so it is asked again until there is
    none. Whoever begins later waits for what is being done here, and then has no living token to make one with.
    """
    query = select(ApiToken).where(ApiToken.id.in_(descendants(session, token_id)), condition)
    ordered = query.order_by(ApiToken.created_us, ApiToken.id).with_for_update()
    return session.scalars(ordered, execution_options={"populate_existing": True}).all()


def descendants(session: AnySession, token_id: str) -> set[str]:
    """Return the ids of a token and of all that were made with it, or with one of those."""
    found, fresh = {token_id}, [token_id]
    while fresh:
        children = session.scalars(select(ApiToken.id).where(ApiToken.parent_id.in_(fresh)))
        fresh = [child for child in children if child not in found]
        found |= set(fresh)
    return found


def tokens_query(account_id: str | None, only: set[str] | None) -> AnySelect:
    """Return the query of tokens with the names of their accounts; of one account, or of these ids alone."""
    query: AnySelect = select(ApiToken, Account.name.label("account")).join(Account, Account.id == ApiToken.account_id)
    if account_id is not None:
        query = query.where(ApiToken.account_id == account_id)
    return query if only is None else query.where(ApiToken.id.in_(only))


def areas_of(row: ApiToken) -> list[str] | None:
    """Return the areas of a token; None for all."""
    found: list[str] | None = None if row.endpoints is None else json.loads(row.endpoints)
    return found


def source_ids_of(row: ApiToken) -> list[int] | None:
    """Return the cameras of a token; None for all of its account's."""
    found: list[int] | None = None if row.source_ids is None else json.loads(row.source_ids)
    return found


def in_words(row: ApiToken, account: str) -> dict[str, Any]:
    """Return what a token is, for the audit; no secret."""
    found: dict[str, Any] = {"name": row.name, "account": account, "role": row.role}
    found |= {"endpoints": areas_of(row), "source_ids": source_ids_of(row), "start_utc": utc_text(row.begin_us)}
    return found | {"end_utc": utc_text(row.end_us), "expires_utc": utc_text(row.expires_us), "parent": row.parent_id}


def check_expiry(expires_us: int | None, at_us: int) -> None:
    """Raise Invalid for an expiry that is past."""
    if expires_us is not None and expires_us <= at_us:
        message = "this instant is past: a token ends in the future; to end it now, revoke it"
        raise Invalid(message, loc=("body", "expires"), kind="expires_past")


def _check_sooner(row: ApiToken, expires_us: int | None, at_us: int) -> None:
    """Raise Conflict for one that has ended, Invalid for an expiry that is not sooner."""
    if not is_living(row, at_us):
        raise Conflict("the token has ended: make a new one", loc=("path", "token_id"), kind="token_ended")
    check_expiry(expires_us, at_us)
    if expires_us is None or (row.expires_us is not None and expires_us > row.expires_us):
        message = f"a token may only end sooner than now ({utc_text(row.expires_us) or 'never'}): make a new one"
        raise Invalid(message, loc=("body", "expires"), kind="expires_later")


def _check_name(session: AnySession, account_id: str, name: str) -> None:
    taken = select(ApiToken.id).where(ApiToken.account_id == account_id, ApiToken.name == name)
    if session.scalar(taken) is not None:
        message = f"the account has a token {name!r} already, perhaps a revoked one: rename that, or take another name"
        raise Conflict(message, loc=("body", "name"), kind="name_exists")


def _told(values: dict[str, Any]) -> dict[str, Any]:
    """Return values with instants as they are on the wire."""
    return {
        ("expires_utc" if name == "expires_us" else name): utc_text(value) if name == "expires_us" else value
        for name, value in values.items()
    }
