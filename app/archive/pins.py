"""Pins: stretches of footage that nothing deletes, until somebody releases them or they run out.

Made, changed and looked at under the lock of their source (`lock_source`), which every deletion holds: either the
deletion is committed before the pin, or it sees it.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, Select, and_, or_, select

from app.archive.auditing import audit
from app.archive.believing import believed
from app.archive.bounds import Sources, sees
from app.archive.holding import Piece, lock_source
from app.archive.paging import Order
from app.archive.ruling import overlap
from app.errors import Conflict, Invalid, NotFound, Pinned
from app.extensions import AnySession
from app.instants import utc_text
from app.models import File, Pin, Record, Source

PIN_ORDERS = {"created": Order((Pin.created_us, Pin.id)), "begin": Order((Pin.begin_us, Pin.id))}


def is_living(at_us: int) -> ColumnElement[bool]:
    """Return the condition that a pin protects at an instant."""
    return and_(Pin.released_us.is_(None), or_(Pin.expires_us.is_(None), Pin.expires_us > at_us))


def find_pin(session: AnySession, pin_id: str, *, is_locked: bool = False) -> Pin:
    """Return a pin. Raises NotFound."""
    row = session.get(Pin, pin_id, populate_existing=True)
    if row is None:
        raise NotFound(f"there is no pin {pin_id}", loc=("path", "pin_id"))
    if is_locked:
        lock_source(session, row.source_id)
        session.refresh(row)
    return row


def make_pin(
    session: AnySession,
    source_id: int,
    span: tuple[int, int],
    actor: str,
    reason: str,
    expires_us: int | None,
    at_us: int,
) -> Pin:
    """Protect [begin, end) of a source. Runs within a write transaction. Raises NotFound, Invalid."""
    lock_source(session, source_id)
    if session.get(Source, source_id) is None:
        raise NotFound(f"there is no source {source_id}", loc=("body", "source_id"))
    _check_expiry(expires_us, at_us)
    row = Pin(
        source_id=source_id,
        begin_us=span[0],
        end_us=span[1],
        owner=actor,
        reason=reason,
        expires_us=expires_us,
        created_us=at_us,
    )
    session.add(row)
    session.flush()
    _write_down(
        session, row, actor, "pin.create", begin_us=span[0], end_us=span[1], reason=reason, expires_us=expires_us
    )
    return row


def span_of_record(session: AnySession, record_id: str, at_us: int, sources: Sources) -> tuple[int, tuple[int, int]]:
    """Return the source and the span of a record; of one that goes on, until now.

    Raises Invalid; NotFound, for one of another source than these too.
    """
    row = session.get(Record, record_id)
    if row is None or not sees(sources, row.source_id):
        raise NotFound(f"there is no record {record_id}", loc=("body", "record_id"))
    end_us = at_us if row.end_us is None else row.end_us
    if end_us <= row.begin_us:
        raise Invalid(f"the record {record_id} has no length", loc=("body", "record_id"))
    return row.source_id, (row.begin_us, end_us)


def change_pin(session: AnySession, pin_id: str, actor: str, values: dict[str, Any], at_us: int) -> Pin:
    """Change reason, expires_us or end of a pin that protects. Runs within a write transaction.

    Raises NotFound; Conflict for one that was released or has run out: make a new one.
    """
    row = find_pin(session, pin_id, is_locked=True)
    _check_changeable(session, row)
    if {"expires_us", "end_us"} & values.keys():
        _check_unused(session, row)
    if "expires_us" in values:
        _check_expiry(values["expires_us"], at_us)
    before = {name: getattr(row, name) for name in values}
    for name, value in values.items():
        setattr(row, name, value)
    session.flush()
    _write_down(session, row, actor, "pin.change", before=_in_words(before), after=_in_words(values))
    return row


def release_pin(session: AnySession, pin_id: str, actor: str, at_us: int) -> Pin:
    """End the protection; the row stays. One that was released already stays as it is.

    Raises Conflict for one that keeps the footage of a file.
    """
    row = find_pin(session, pin_id, is_locked=True)
    if row.released_us is None:
        _check_unused(session, row)
        row.released_us, row.released_by = at_us, actor
        session.flush()
        _write_down(session, row, actor, "pin.release", begin_us=row.begin_us, end_us=row.end_us)
    return row


def pins_of(session: AnySession, source_id: int, begin_us: int, end_us: int, at_us: int | None = None) -> list[Pin]:
    """Return the pins that protect now and touch a stretch of a source's time, by begin."""
    found = select(Pin).where(Pin.source_id == source_id, Pin.begin_us < end_us, Pin.end_us > begin_us)
    living = is_living(believed(session) if at_us is None else at_us)
    return list(session.scalars(found.where(living).order_by(Pin.begin_us, Pin.id)))


def pinned_by(session: AnySession, source_id: int, pieces: Sequence[Piece]) -> list[tuple[Piece, Pin]]:
    """Return those of these segments that are pinned, each with its first pin."""
    if not pieces:
        return []
    ends = [max(piece.end_us, piece.start_us + 1) for piece in pieces]  # a missing one has no length
    pins = pins_of(session, source_id, min(piece.start_us for piece in pieces), max(ends))
    if not pins:
        return []
    starts = np.array([piece.start_us for piece in pieces], np.int64)
    mask = overlap(starts, np.array(ends, np.int64), [(pin.begin_us, pin.end_us) for pin in pins])
    found = []
    for number in np.flatnonzero(mask).tolist():
        piece, end_us = pieces[number], ends[number]
        found.append((piece, next(pin for pin in pins if pin.begin_us < end_us and pin.end_us > piece.start_us)))
    return found


def unpinned(session: AnySession, source_id: int, pieces: Sequence[Piece]) -> list[Piece]:
    """Return those of these segments that nothing pins."""
    pinned = {piece.id for piece, _ in pinned_by(session, source_id, pieces)}
    return [piece for piece in pieces if piece.id not in pinned]


def refuse_pinned(session: AnySession, source_id: int, pieces: Sequence[Piece]) -> None:
    """Raise Pinned where any of these segments is pinned; the caller holds the source."""
    found = pinned_by(session, source_id, pieces)
    if found:
        pin = found[0][1]
        file_id = session.scalar(select(File.id).where(File.pin_id == pin.id))
        way_out = f"DELETE /api/v1/pins/{pin.id}/" if file_id is None else f"DELETE /files/{file_id}/"
        raise Pinned(
            f"{len(found)} of {len(pieces)} files are pinned by {pin.owner} (pin {pin.id}, {utc_text(pin.begin_us)} to "
            f"{utc_text(pin.end_us)}: {' '.join(pin.reason.split())[:200]}): release it first "
            f"({way_out})",
            pin_id=pin.id,
        )


def _check_expiry(expires_us: int | None, at_us: int) -> None:
    if expires_us is not None and expires_us <= at_us:
        message = "this instant is past: a pin ends in the future; null for never"
        raise Invalid(message, loc=("body", "expires"), kind="expires_past")


def _check_changeable(session: AnySession, row: Pin) -> None:
    if row.released_us is not None:
        message = f"the pin was released at {utc_text(row.released_us)} by {row.released_by}: make a new one"
    elif row.expires_us is not None and row.expires_us <= believed(session):
        message = f"the pin has run out at {utc_text(row.expires_us)}: make a new one"
    else:
        return
    raise Conflict(message, loc=("path", "pin_id"), kind="pin_ended")


def _check_unused(session: AnySession, row: Pin) -> None:
    file_id = session.scalar(in_use(row.id))
    if file_id is not None:
        message = f"the pin keeps the footage of file {file_id}: delete that file (DELETE /files/{file_id}/)"
        raise Conflict(message, loc=("path", "pin_id"), kind="pin_of_file")


def in_use(pin_id: str) -> Select[Any]:
    """Return the query of the file whose footage a pin keeps."""
    return select(File.id).where(File.pin_id == pin_id, File.deleted_us.is_(None)).limit(1)


def _write_down(session: AnySession, row: Pin, actor: str, action: str, **detail: Any) -> None:
    audit(session, actor, action, row.id, row.source_id, **_in_words(detail))


def _in_words(values: dict[str, Any]) -> dict[str, Any]:
    """Return values with instants as they are on the wire: `begin_us` is `start_utc`, `end_us` `end_utc`."""
    names = {"begin_us": "start_utc", "end_us": "end_utc", "expires_us": "expires_utc"}
    return {names.get(name, name): utc_text(value) if name in names else value for name, value in values.items()}
