"""Share links: one span of one camera for whoever has the address, until it is used up, runs out or is revoked.

The key in the address is random and stands nowhere here; its SHA-256 leads to the row. An opening is counted in one
statement with all its conditions, so that however many come at once no more pass than were allowed.
"""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, or_, select, update

from app.archive.auditing import audit
from app.archive.paging import Order
from app.errors import Conflict, Invalid, NotFound
from app.extensions import AnySession
from app.instants import utc_text
from app.models import Account, AccountRight, ApiToken, ShareLink, Source
from app.models.group import group_source

DAY_US = 86_400_000_000
DEFAULT_US, LONGEST_US = 7 * DAY_US, 366 * DAY_US
MAX_SPAN_US = 31 * DAY_US  # as much as one film may have (app/playback/asked.py)
KEY_BYTES = 16
BATCH = 500  # ids a statement
SHARE_ORDERS = {"created": Order((ShareLink.created_us, ShareLink.id))}
WORDS = {"begin_us": "start_utc", "end_us": "end_utc", "expires_us": "expires_utc"}


@dataclass(frozen=True, slots=True)
class Wish:
    """What a new link is to be; its instants are in µs, `password` is a hash."""

    source_id: int
    begin_us: int
    end_us: int
    expires_us: int | None = None
    max_uses: int | None = None
    password: str | None = field(default=None, repr=False)
    may_download: bool = False
    description: str | None = None


@dataclass(frozen=True, slots=True)
class Maker:
    """Who makes a link: what is written down of him, and his account and token where he has one."""

    name: str
    account_id: str | None = None
    token_id: str | None = None


def key_hash(key: str) -> str:
    """Return the hash that is stored of a key; a random key needs neither salt nor a slow function."""
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()


def make_share(session: AnySession, wish: Wish, maker: Maker, at_us: int) -> tuple[ShareLink, str]:
    """Make a link; return its row and its key, which is stored nowhere. Runs within a write transaction.

    Raises NotFound where there is no such source, Invalid for an expiry that is past or more than a year ahead.
    """
    source = session.get(Source, wish.source_id)
    if source is None or source.deleted_us is not None:
        raise NotFound(f"there is no source {wish.source_id}", loc=("body", "source_id"))
    if wish.end_us - wish.begin_us > MAX_SPAN_US:
        raise Invalid("a link may show at most 31 days", loc=("body", "end"), kind="range_too_long")
    expires_us = at_us + DEFAULT_US if wish.expires_us is None else wish.expires_us
    _check_expiry(expires_us, at_us)
    key = secrets.token_hex(KEY_BYTES)
    row = ShareLink(
        key_sha256=key_hash(key),
        account_id=maker.account_id,
        token_id=maker.token_id,
        created_by=maker.name,
        created_us=at_us,
        source_id=wish.source_id,
        begin_us=wish.begin_us,
        end_us=wish.end_us,
        expires_us=expires_us,
        max_uses=wish.max_uses,
        password=wish.password,
        may_download=wish.may_download,
        description=wish.description,
    )
    session.add(row)
    session.flush()
    facts = {"begin_us": row.begin_us, "end_us": row.end_us, "expires_us": expires_us, "count": row.max_uses}
    more = {"may_download": row.may_download, "has_password": row.password is not None}
    _write_down(session, row, maker.name, "share.create", **facts, **more, description=row.description)
    return row, key


def find_share(session: AnySession, share_id: str, *, is_locked: bool = False) -> ShareLink:
    """Return a link. Raises NotFound for an id that none has."""
    row = session.get(ShareLink, share_id, populate_existing=True, with_for_update=is_locked or None)
    if row is None:
        raise NotFound(f"there is no share link {share_id}", loc=("path", "share_id"))
    return row


def share_of_key(session: AnySession, key: str) -> ShareLink | None:
    """Return the link of a key, whether it works still or not."""
    return session.scalar(select(ShareLink).where(ShareLink.key_sha256 == key_hash(key)))


def living_share(session: AnySession, share_id: str, at_us: int) -> ShareLink | None:
    """Return a link that works still for who has opened it: neither revoked nor run out, its maker in his rights."""
    return session.scalar(select(ShareLink).where(ShareLink.id == share_id, is_living(at_us)))


def openable_ids(session: AnySession, ids: Sequence[str], at_us: int) -> set[str]:
    """Return the ids of those of these links that may be opened once more."""
    found: set[str] = set()
    for first in range(0, len(ids), BATCH):
        part = ids[first : first + BATCH]
        found.update(session.scalars(select(ShareLink.id).where(ShareLink.id.in_(part), is_openable(at_us))))
    return found


def count_opening(session: AnySession, share_id: str, source_id: int, address: str, at_us: int) -> bool:
    """Count an opening, and write down from where; False where the link may not be opened any more.

    Runs within a write transaction.
    """
    counted = update(ShareLink).where(ShareLink.id == share_id, is_openable(at_us))
    done: Any = session.execute(counted.values(uses=ShareLink.uses + 1, last_used_us=at_us))
    if done.rowcount != 1:
        return False
    audit(session, actor_of(share_id), "share.open", share_id, source_id, address=address)
    return True


def actor_of(share_id: str) -> str:
    """Return what audit rows name who came by a link."""
    return f"share link {share_id}"


def change_share(session: AnySession, share_id: str, actor: str, values: dict[str, Any], at_us: int) -> ShareLink:
    """Change the description of a link, or shorten it: an earlier expiry, a lower count, no download any more.

    Runs within a write transaction. Raises NotFound, Conflict for a link that has ended, Invalid for one made longer.
    """
    row = find_share(session, share_id, is_locked=True)
    if row.revoked_us is not None or row.expires_us <= at_us:
        raise Conflict("the link has ended: make a new one", loc=("path", "share_id"), kind="share_ended")
    _check_shorter(row, values, at_us)
    before = {name: getattr(row, name) for name in values}
    for name, value in values.items():
        setattr(row, name, value)
    session.flush()
    _write_down(session, row, actor, "share.change", before=_in_words(before), after=_in_words(values))
    return row


def revoke_share(session: AnySession, share_id: str, actor: str, at_us: int) -> ShareLink:
    """End a link; the row stays. One that was revoked stays as it is. Runs within a write transaction."""
    row = find_share(session, share_id, is_locked=True)
    if row.revoked_us is None:
        row.revoked_us, row.revoked_by = at_us, actor
        session.flush()
        _write_down(session, row, actor, "share.revoke", uses=row.uses)
    return row


def is_living(at_us: int) -> ColumnElement[bool]:
    """Return the condition of a link that works for who has opened it."""
    rights = AccountRight.account_id == Account.id
    # Correlated by name: of itself each is with the query around it alone, and would be of any link whatever.
    of_group = exists().where(
        group_source.c.group_id == AccountRight.group_id, group_source.c.source_id == ShareLink.source_id
    )
    of_group = of_group.correlate(AccountRight, ShareLink)
    sees = exists().where(rights, or_(AccountRight.source_id == ShareLink.source_id, of_group))
    sees = sees.correlate(Account, ShareLink)
    may = and_(Account.active, Account.role.in_(("operator", "admin")), or_(Account.sees_all, sees))
    maker = exists().where(Account.id == ShareLink.account_id, may)
    # Who has found a token could else keep a link for the day that the token is revoked.
    is_revoked = exists().where(ApiToken.id == ShareLink.token_id, ApiToken.revoked_us.is_not(None))
    is_there = exists().where(Source.id == ShareLink.source_id, Source.deleted_us.is_(None))
    in_time = and_(ShareLink.revoked_us.is_(None), ShareLink.expires_us > at_us)
    return and_(in_time, or_(ShareLink.account_id.is_(None), maker), is_there, ~is_revoked)


def is_openable(at_us: int) -> ColumnElement[bool]:
    """Return the condition of a link that may be opened once more."""
    return and_(is_living(at_us), or_(ShareLink.max_uses.is_(None), ShareLink.uses < ShareLink.max_uses))


def _check_expiry(expires_us: int, at_us: int) -> None:
    if expires_us <= at_us:
        raise Invalid("this instant is past: a link ends in the future", loc=("body", "expires"), kind="expires_past")
    if expires_us > at_us + LONGEST_US:
        raise Invalid("a link lasts a year at most", loc=("body", "expires"), kind="expires_late")


def _check_shorter(row: ShareLink, values: dict[str, Any], at_us: int) -> None:
    """Raise Invalid for what would let in more than before: that needs a new link."""
    expires_us = values.get("expires_us", row.expires_us)
    _check_expiry(expires_us, at_us)
    if expires_us > row.expires_us:
        message = f"a link can be shortened only: it ends at {utc_text(row.expires_us)}; make a new one"
        raise Invalid(message, loc=("body", "expires"), kind="share_longer")
    most = values.get("max_uses", row.max_uses)
    if row.max_uses is not None and (most is None or most > row.max_uses):
        message = f"a link can be shortened only: it opens {row.max_uses} times; make a new one"
        raise Invalid(message, loc=("body", "count"), kind="share_longer")
    if values.get("may_download", False) and not row.may_download:
        message = "the link offers no download: make a new one that does"
        raise Invalid(message, loc=("body", "may_download"), kind="share_longer")


def _write_down(session: AnySession, row: ShareLink, actor: str, action: str, **detail: Any) -> None:
    audit(session, actor, action, row.id, row.source_id, **_in_words(detail))


def _in_words(values: dict[str, Any]) -> dict[str, Any]:
    """Return values with instants as they are on the wire."""
    words = {"max_uses": "count", **WORDS}
    return {words.get(name, name): utc_text(value) if name in WORDS else value for name, value in values.items()}
