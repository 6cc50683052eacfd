"""Notices: changes of state that an operator is told of. Written where the state changes, delivered by the worker."""

from sqlalchemy import select

from app.extensions import AnySession
from app.logs import without_addresses
from app.models import Notice, Segment

DAMAGE = "damage"  # a source has recorded files that are not what was recorded


def note(
    session: AnySession,
    kind: str,
    subject: str,
    *,
    is_bad: bool,
    text: str,
    source_id: int | None = None,
    storage_id: str | None = None,
) -> bool:
    """Write a notice, in a write transaction, where the state differs from the last one noted; tell whether it did.

    What was never noted counts as good. `text` is one line, without secrets; addresses are left out of it: webhooks
    tell it to others.
    """
    if is_bad_now(session, kind, subject) == is_bad:
        return False
    text = without_addresses(text)
    session.add(
        Notice(kind=kind, subject=subject, is_bad=is_bad, text=text, source_id=source_id, storage_id=storage_id)
    )
    return True


def is_bad_now(session: AnySession, kind: str, subject: str) -> bool:
    """Tell whether the last notice of this kind and subject was a bad one."""
    query = select(Notice.is_bad).where(Notice.kind == kind, Notice.subject == subject)
    return session.scalar(query.order_by(Notice.id.desc()).limit(1)) or False


def has_damage(session: AnySession, source_id: int) -> bool:
    """Tell whether any recorded file of a source is known not to be what was recorded."""
    # `+ 0` keeps SQLite from walking all rows of the source: the few with a fault have an index.
    faulty = select(Segment.id).where(Segment.fault.is_not(None), Segment.source_id + 0 == source_id)
    return session.scalar(faulty.limit(1)) is not None
