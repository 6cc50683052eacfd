"""Requests that may come twice: the answer to the first one is kept under the key that the caller chose.

    claim     nobody has the key: a row without status; the request is done
    keep      the answer is written into the row
    release   the row goes, since the request failed for a reason that may pass

A row without status for longer than a request lasts is that of a process that died: the next request takes it over.
What the dead one did before it died is done again.
"""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, delete, select, update

from app.errors import Invalid, StillRunning
from app.extensions import AnySession, insert_missing
from app.models import IdempotentAnswer

KEPT_US = 24 * 3600 * 1_000_000
LONGEST_REQUEST_US = 60 * 1_000_000
HEADER = ("header", "Idempotency-Key")


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to answer the request of a key, from this instant on."""

    account: str
    key: str
    created_us: int


def claim(session: AnySession, key: Claim, request_sha256: str) -> IdempotentAnswer | None:
    """Return the answer that was given already; None when the request is to be done, by this caller alone.

    Runs within a write transaction. Raises Invalid when the key was used for another request, StillRunning while the
    first one is being answered.
    """
    now_us = key.created_us
    session.execute(delete(IdempotentAnswer).where(IdempotentAnswer.created_us < now_us - KEPT_US))
    ids = {"account": key.account, "key": key.key}
    insert_missing(session, IdempotentAnswer, {**ids, "created_us": now_us, "request_sha256": request_sha256})
    row = session.scalars(select(IdempotentAnswer).filter_by(**ids).with_for_update()).one()
    if row.request_sha256 != request_sha256:
        raise Invalid(
            "this key was sent with another request, or other rights, within the last 24 hours: choose a new one "
            "for each request",
            loc=HEADER,
            kind="idempotency_key_reused",
        )
    if row.status is not None:
        session.expunge(row)
        return row
    if row.created_us != now_us and row.created_us > now_us - LONGEST_REQUEST_US:
        raise StillRunning("the first request with this key is still being answered: ask again in a moment")
    row.created_us = now_us
    return None


def keep(session: AnySession, claimed: Claim, status: int, content_type: str | None, body: bytes) -> None:
    """Write the answer down, unless another request has taken the key over. Runs within a write transaction."""
    values = {"status": status, "content_type": content_type, "body": body}
    session.execute(update(IdempotentAnswer).where(*_is_own(claimed)).values(**values))


def release(session: AnySession, claimed: Claim) -> None:
    """Let the request be done again. Runs within a write transaction."""
    session.execute(delete(IdempotentAnswer).where(*_is_own(claimed)))


def _is_own(claimed: Claim) -> tuple[ColumnElement[bool], ...]:
    return (
        IdempotentAnswer.account == claimed.account,
        IdempotentAnswer.key == claimed.key,
        IdempotentAnswer.created_us == claimed.created_us,
        IdempotentAnswer.status.is_(None),
    )
