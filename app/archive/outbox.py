"""The outbox of events: written with what they tell of, read by whoever tells it on."""

import json
from typing import Any

from sqlalchemy import text

from app.extensions import AnySession
from app.models import File, FileEvent

# Whoever writes an event holds this until its transaction ends: else a higher id could be seen before a lower one,
# and a reader who goes on from the highest would miss the lower. SQLite has one writer at a time anyway.
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
