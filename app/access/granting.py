"""What a new token may get of who makes it: never more than the maker has, whoever's token it is.

role     at most the maker's, and its account's; an analyser's counts as an operator's
cameras  some of the maker's; left out: all of the maker's
areas    some of the maker's; left out: all of the maker's
expiry   at most that of the token that it is made with; left out: just that
window   as given: with a window nobody makes tokens, for no row of `/api/v1/token` has `has_window`
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select

from app.access.caller import LADDER, Caller
from app.access.finding import is_narrower
from app.archive.tokens import descendants, find_account, find_token, is_living
from app.errors import Forbidden, Invalid, Loc, NotFound, Unauthorised
from app.extensions import AnySession
from app.instants import utc_text
from app.models import Account, ApiToken, Source

ANALYSER = "analyser"
NEEDED = {**LADDER, ANALYSER: LADDER["operator"]}


def own_line(session: AnySession, caller: Caller) -> set[str] | None:
    """Return the ids of the tokens that a token sees which may do less than its account; None for any other caller."""
    row, account = token_of(session, caller), own_account(session, caller)
    if row is None or account is None or not (caller.role != account.role or is_narrower(account, row)):
        return None
    return descendants(session, row.id)


def own_account(session: AnySession, caller: Caller) -> Account | None:
    """Return the account of the caller; None for who has none."""
    return session.get(Account, caller.account_id) if caller.account_id is not None else None


def token_of(session: AnySession, caller: Caller, *, is_locked: bool = False) -> ApiToken | None:
    """Return the token that the caller is, None for who is none."""
    token_id = caller.token_id
    return None if token_id is None else find_token(session, token_id, is_locked=is_locked)


def account_for(session: AnySession, caller: Caller, name: str | None, place: str) -> Account:
    """Return the account that is named, or else the caller's own. Raises Forbidden, Invalid, NotFound."""
    own = own_account(session, caller)
    if name is None:
        if own is None:
            message = "name the account that the token is to be of: nobody is signed in"
            raise Invalid(message, loc=(place, "account"), kind="missing")
        return own
    if own is not None and name in (own.name, own.id):
        return own
    if not caller.is_admin_of_all:
        raise Forbidden("the tokens of another account are an admin's business, who sees all cameras")
    return find_account(session, name, place)


def granted(
    session: AnySession, caller: Caller, account: Account, given: Mapping[str, Any], at_us: int
) -> dict[str, Any]:
    """Return the columns of a new token: what was asked for, and the maker's bounds where nothing was.

    `given` has role, endpoints, source_ids, begin, end, expires. Raises Forbidden for more than the maker has, or more
    than the account; NotFound for a camera that the maker may not see; Invalid for an empty window; Unauthorised for a
    token that has ended since it was looked at.
    """
    maker = _maker(session, caller, at_us)
    _check_role(caller, account, given["role"])
    begin_us, end_us = given.get("begin"), given.get("end")
    if begin_us is not None and end_us is not None and begin_us >= end_us:
        raise Invalid("the window is empty: begin must be before end", loc=("body", "end"), kind="range_empty")
    return {
        "endpoints": _json(_areas(caller, given.get("endpoints"))),
        "source_ids": _json(_sources(session, caller, maker, given.get("source_ids"))),
        "begin_us": begin_us,
        "end_us": end_us,
        "expires_us": _expiry(maker, given.get("expires")),
        "parent_id": None if maker is None else maker.id,
    }


def _maker(session: AnySession, caller: Caller, at_us: int) -> ApiToken | None:
    """Return the token that the caller is, locked: one that is being revoked makes none that would outlive it."""
    row = token_of(session, caller, is_locked=True)
    if row is not None and not is_living(row, at_us):
        raise Unauthorised("the token has ended")
    return row


def _check_role(caller: Caller, account: Account, role: str) -> None:
    for name, has in (("you have", caller.role), (f"{account.name} has", account.role)):
        if NEEDED[role] > LADDER.get(has, 0):
            least = "operator" if role == ANALYSER else role
            raise _too_much(f"a token of the role {role} needs an account of the role {least}; {name} {has}", "role")


def _areas(caller: Caller, asked: Sequence[str] | None) -> Sequence[str] | None:
    if asked is None:
        return None if caller.areas is None else sorted(caller.areas)
    if caller.areas is not None and not caller.areas.issuperset(asked):
        raise _too_much(f"you have the areas {', '.join(sorted(caller.areas))} alone", "endpoints")
    return sorted(set(asked))


def _sources(
    session: AnySession, caller: Caller, maker: ApiToken | None, asked: Sequence[int] | None
) -> Sequence[int] | None:
    if asked is None:
        # What an account sees may change, and its tokens follow; what a narrower token sees is written down.
        return None if maker is None or maker.source_ids is None else sorted(caller.sources or ())
    there = set(session.scalars(select(Source.id).where(Source.id.in_(asked), Source.deleted_us.is_(None))))
    for source_id in asked:
        if source_id not in there or not caller.may_see(source_id):
            raise NotFound(f"there is no source {source_id}", loc=("body", "source_ids"))
    return sorted(set(asked))


def _expiry(maker: ApiToken | None, asked_us: int | None) -> int | None:
    if maker is None or maker.expires_us is None:
        return asked_us
    if asked_us is not None and asked_us > maker.expires_us:
        raise _too_much(f"the token that you make it with ends on {utc_text(maker.expires_us)}", "expires")
    return maker.expires_us if asked_us is None else asked_us


def _json(values: Sequence[Any] | None) -> str | None:
    return None if values is None else json.dumps(list(values), separators=(",", ":"))


def _too_much(message: str, name: str) -> Forbidden:
    loc: Loc = ("body", name)
    return Forbidden(f"a token may do no more than who makes it: {message}", loc=loc, kind="scope")
