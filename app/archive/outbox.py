"""The outbox of events: written with what they tell of, read by whoever tells it on."""

import json
from typing import Any

from sqlalchemy import delete, or_, select, text

from app.extensions import AnySession
from app.models import File, FileEvent

# Whoever writes an event holds this until its transaction ends: else a higher id could be seen before a lower one,
# and a reader who goes on from the highest would miss the lower. SQLite has one writer at a time anyway.
PRUNED = 1000  # events of one transaction: others wait for it
IN_ORDER = text("SELECT pg_advisory_xact_lock(7090312)")


def take_turn(session: AnySession) -> None:
    """Be the only one who writes events until the end of the caller's write transaction."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(IN_ORDER)


def emit(session: AnySession, row: File, kind: str, **payload: Any) -> int:
    """Write an event of a file in the caller's write transaction and return its id.

    `payload` is what is told beside type and status; no key is ever among it: a download event has `generation`.
    """
    take_turn(session)
    body = json.dumps({"status": row.status, **payload}, ensure_ascii=False, separators=(",", ":"))
    event = FileEvent(file_id=row.id, type=kind, payload=body)
    session.add(event)
    session.flush()
    row.event_id = event.id
    return event.id


def prune_progress(session: AnySession, before_us: int) -> int:
    """Delete some events of progress from before an instant, of files that are complete or deleted; return how many.

    In the caller's write transaction, at most PRUNED. The newest event of a file stays, whatever it tells.
    """
    is_done = or_(File.completed_us.is_not(None), File.deleted_us.is_not(None))
    old = select(FileEvent.id).join(File, File.id == FileEvent.file_id)
    old = old.where(FileEvent.type == "progress", FileEvent.at_us < before_us, FileEvent.id < File.event_id, is_done)
    ids = list(session.scalars(old.order_by(FileEvent.id).limit(PRUNED)))
    if ids:
        session.execute(delete(FileEvent).where(FileEvent.id.in_(ids)))
    return len(ids)
