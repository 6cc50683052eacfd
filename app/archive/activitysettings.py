"""Which cameras are looked at for activity, from when on, and how far behind that is."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import select, update

from app.archive.activityrows import due_stretches
from app.archive.auditing import audit
from app.archive.coverage import DAY, from_bytes, join_spans
from app.archive.holding import lock_source
from app.errors import NotFound
from app.extensions import AnySession
from app.models import ActivityDay, ActivitySetting, Source
from app.models.segment import MAX_SEGMENT_US
from app.models.types import now_us

THRESHOLD = 0.002  # a person at the far end of a room (docs/design/activity.md)


class Behind(NamedTuple):
    """How much footage of a camera is yet to be looked at, in µs, and what was decoded so far."""

    source_id: int
    behind_us: int
    decoded: int
    decoding_us: int
    looked_us: int | None


def find_setting(session: AnySession, source_id: int) -> ActivitySetting | None:
    """Return the setting of a camera; None where it was never set."""
    return session.get(ActivitySetting, source_id)


def settings_of(session: AnySession, source_ids: Iterable[int]) -> dict[int, tuple[bool, float]]:
    """Return of each camera whether it is looked at, and its threshold."""
    query = select(ActivitySetting.source_id, ActivitySetting.is_enabled, ActivitySetting.threshold)
    rows = session.execute(query.where(ActivitySetting.source_id.in_(source_ids)))
    return {row[0]: (row[1], row[2]) for row in rows}


def put_setting(session: AnySession, source_id: int, values: Mapping[str, Any], actor: str) -> ActivitySetting:
    """Set what is given of `is_enabled`, `threshold` and `since_us`; runs within a write transaction.

    Without any other, footage is looked at from the instant on at which it is switched on. Raises NotFound.
    """
    lock_source(session, source_id)
    source = session.get(Source, source_id)
    if source is None or source.deleted_us is not None:
        raise NotFound(f"there is no source {source_id}", loc=("path", "source_id"))
    row = session.get(ActivitySetting, source_id, populate_existing=True)
    if row is None:
        row = ActivitySetting(source_id=source_id, is_enabled=False, threshold=THRESHOLD, actor=actor)
        session.add(row)
    after = {**{name: getattr(row, name) for name in ("is_enabled", "threshold", "since_us")}, **values}
    if after["is_enabled"] and after["since_us"] is None:
        after["since_us"] = now_us()
    before = {name: getattr(row, name) for name, value in after.items() if getattr(row, name) != value}
    if before:
        _look_again(session, source_id, row.since_us, after["since_us"])
        for name in before:
            setattr(row, name, after[name])
        row.actor, row.changed_us = actor, now_us()
        changed = {name: after[name] for name in before}
        audit(session, actor, "activity.set", str(source_id), source_id, before=before, after=changed)
    session.flush()
    return row


def _look_again(session: AnySession, source_id: int, was_us: int | None, since_us: int | None) -> None:
    """Let the days be looked at again in which footage was left out for being older than was asked for."""
    if was_us is not None and since_us is not None and since_us < was_us:
        days = ActivityDay.day.between((was_us - MAX_SEGMENT_US) // DAY.cell_us, was_us // DAY.cell_us)
        session.execute(update(ActivityDay).where(ActivityDay.source_id == source_id, days).values(revision=0))


def enabled_ids(session: AnySession) -> list[int]:
    """Return the cameras that are looked at, the one that was not for the longest first."""
    query = (
        select(ActivitySetting.source_id)
        .join(Source, Source.id == ActivitySetting.source_id)
        .where(ActivitySetting.is_enabled, Source.deleted_us.is_(None))
        .order_by(ActivitySetting.looked_us.is_not(None), ActivitySetting.looked_us, ActivitySetting.source_id)
    )
    return list(session.scalars(query))


def note_looked(session: AnySession, source_id: int, decoded: int = 0, decoding_us: int = 0) -> None:
    """Count what was decoded, and that nothing is being tried any more; runs within a write transaction."""
    values = {
        "looked_us": now_us(),
        "decoded": ActivitySetting.decoded + decoded,
        "decoding_us": ActivitySetting.decoding_us + decoding_us,
        "trying_us": None,
        "tries": 0,
    }
    session.execute(update(ActivitySetting).where(ActivitySetting.source_id == source_id).values(values))


def note_try(session: AnySession, source_id: int, start_us: int) -> int:
    """Write down that a segment is about to be looked at; return the how manieth try of it in a row this is.

    Runs within a write transaction. A try that came to an end leaves nothing of itself.
    """
    row = session.get(ActivitySetting, source_id, populate_existing=True)
    if row is None:
        return 1
    row.tries = row.tries + 1 if row.trying_us == start_us else 1
    row.trying_us = start_us
    return row.tries


def how_far_behind(session: AnySession, row: ActivitySetting) -> Behind:
    """Return how much closed footage of a camera is yet to be looked at; nothing where it is switched off."""
    [behind] = _behind(session, [row])
    return behind


def all_behind(session: AnySession) -> list[Behind]:
    """Return the same of all cameras that were ever set."""
    return _behind(session, session.scalars(select(ActivitySetting).order_by(ActivitySetting.source_id)).all())


def _behind(session: AnySession, rows: Sequence[ActivitySetting]) -> list[Behind]:
    """Return it of any number of cameras by one query."""
    since_us = {row.source_id: row.since_us for row in rows if row.is_enabled and row.since_us is not None}
    left_us = dict.fromkeys(since_us, 0)
    for source_id, spans, done in due_stretches(session, list(since_us)) if since_us else ():
        first_us = since_us[source_id]
        left_us[source_id] += max(_length_us(spans, first_us) - _length_us(done, first_us), 0)
    return [
        Behind(row.source_id, left_us.get(row.source_id, 0), row.decoded, row.decoding_us, row.looked_us)
        for row in rows
    ]


def _length_us(stored: bytes, since_us: int) -> int:
    """Return the length of stored spans from an instant on; as coverage has it, gaps below 10 s count as footage."""
    spans = np.maximum(join_spans(from_bytes(stored), DAY.slack_us), since_us)
    return int((spans[:, 1] - spans[:, 0]).sum())
