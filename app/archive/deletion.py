"""Deleting footage: rows, coverage, what was done and which files are doomed, in one transaction.

Files go only after the commit (app/archive/unlinking.py): a crash in between leaves files that are listed, never rows
without files. `delete_record` is what a person asks for; what deletes by age or size uses `delete_segments`.
"""

import json
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from sqlalchemy import delete, insert, select

from app.archive import coverage
from app.archive.activityrows import forget
from app.archive.holding import PIECES, Piece, find_robbed, has_footage, held_alone, lock_source
from app.archive.notices import DAMAGE, has_damage, is_bad_now, note
from app.archive.pins import refuse_pinned, unpinned
from app.archive.places import DAY_US, record_location
from app.archive.spans import find_spans
from app.errors import Conflict, Deleted, Invalid, Loc, NotFound
from app.extensions import AnySession
from app.models import Deletion, Doomed, Record, Segment
from app.models.segment import OPEN
from app.models.types import now_us

BATCH = 500  # rows a statement
REQUEST = "request"  # the rule of what a person asks for


class Act(NamedTuple):
    """Who deletes, by which rule, and why in words."""

    actor: str
    rule: str = REQUEST
    reason: str | None = None


def delete_record(session: AnySession, record_id: str, location: str, act: Act, *, loc: Loc) -> Record:
    """Delete the file of a record: the segments that it alone holds. Runs within a write transaction.

    `loc` is the place of `location` in the request. Raises NotFound; Invalid for another location; Deleted; Conflict
    while it records. Segments that are still open follow once they are closed (`delete_rest`).
    """
    row = session.get(Record, record_id)
    if row is None:
        raise NotFound(f"there is no record {record_id}", loc=("path", "record_id"))
    if location != record_location(record_id):
        message = "this is not the location of the record's file; GET the record shows it"
        raise Invalid(message, loc=loc, kind="wrong_location")
    lock_source(session, row.source_id)
    session.refresh(row)
    if row.deleted_us is not None:
        raise Deleted(f"the file of record {record_id} was deleted already")
    if row.end_us is None:
        message = "it is recording: stop its tag first (PUT /api/v1/record)"
        raise Conflict(message, loc=("path", "record_id"), kind="record_is_recording")
    _mark_deleted(row)
    session.flush()
    delete_segments(session, row.source_id, held_alone(session, row), act, (row.begin_us, row.end_us), record_id)
    return row


def delete_rest(session: AnySession, record_id: str) -> bool:
    """Delete what was still open when the file of a record was deleted; tell whether nothing is left.

    Runs within a write transaction. Actor and reason are those of the deletion that was asked for. What somebody has
    pinned meanwhile stays until that is released.
    """
    row = session.get(Record, record_id)
    if row is None or row.end_us is None or row.deleted_us is None:
        return True
    lock_source(session, row.source_id)
    held = held_alone(session, row)
    pieces = unpinned(session, row.source_id, held)
    if pieces:
        query = select(Deletion).where(Deletion.source_id == row.source_id, Deletion.record_id == row.id)
        first = session.scalars(query.order_by(Deletion.id).limit(1)).first()
        act = Act(first.actor, first.rule, first.reason) if first is not None else Act("unknown")
        delete_segments(session, row.source_id, pieces, act, (row.begin_us, row.end_us), row.id)
    return len(pieces) == len(held)


def delete_those(session: AnySession, source_id: int, pieces: Sequence[Piece], act: Act) -> list[Piece]:
    """Delete those of these segments that are still there, where they were, and that nothing pins; return them.

    Runs within a write transaction, and holds the source from here on: what was chosen without that may have changed.
    """
    lock_source(session, source_id)
    meant = {(piece.id, piece.storage_id) for piece in pieces}
    starts = [piece.start_us for piece in pieces]
    there = PIECES.where(Segment.source_id == source_id, Segment.start_us.in_(starts), Segment.state != OPEN)
    found = [piece for row in session.execute(there) if ((piece := Piece(*row)).id, piece.storage_id) in meant]
    found = unpinned(session, source_id, found)
    if found:
        end_us = max(max(piece.end_us for piece in found), found[-1].start_us + 1)
        delete_segments(session, source_id, found, act, (found[0].start_us, end_us))
    return found


def delete_segments(
    session: AnySession,
    source_id: int,
    pieces: Sequence[Piece],
    act: Act,
    asked_us: tuple[int, int],
    record_id: str | None = None,
) -> Deletion:
    """Remove the rows of segments that come by start and are not open, doom their files, write down the act.

    Runs within a write transaction that holds the source (`lock_source`). Records that lose footage are marked as cut,
    those of them that have ended and none left as deleted. `asked_us` is the stretch [begin, end) that was asked for.
    Raises Pinned, and changes nothing, where any of the segments is pinned.
    """
    refuse_pinned(session, source_id, pieces)
    edges = np.array([(piece.start_us, piece.end_us) for piece in pieces], np.int64).reshape(-1, 2)
    spans = find_spans(edges[:, 0], edges[:, 1])
    robbed = find_robbed(session, source_id, pieces, spans)
    _remove_rows(session, source_id, pieces)
    forget(session, source_id, edges, sorted({piece.start_us // DAY_US for piece in pieces}))
    for row in robbed:
        _mark_cut(session, row)
    deletion = Deletion(
        actor=act.actor,
        rule=act.rule,
        reason=act.reason,
        source_id=source_id,
        record_id=record_id,
        begin_us=asked_us[0],
        end_us=asked_us[1],
        segments=len(pieces),
        size_bytes=sum(piece.size_bytes for piece in pieces),
        spans=json.dumps(spans, separators=(",", ":")),
    )
    session.add(deletion)
    session.flush()
    _forget_damage(session, source_id)
    return deletion


def _forget_damage(session: AnySession, source_id: int) -> None:
    """Note that a source has no file with a fault any more, where the last of them was deleted."""
    if is_bad_now(session, DAMAGE, str(source_id)) and not has_damage(session, source_id):
        text = f"the files of source {source_id} that were not what was recorded are deleted"
        note(session, DAMAGE, str(source_id), is_bad=False, text=text, source_id=source_id)


def _remove_rows(session: AnySession, source_id: int, pieces: Sequence[Piece]) -> None:
    since_us = now_us()
    for first in range(0, len(pieces), BATCH):
        batch = pieces[first : first + BATCH]
        starts = [piece.start_us for piece in batch]
        session.execute(delete(Segment).where(Segment.source_id == source_id, Segment.start_us.in_(starts)))
        for storage_id in {piece.storage_id for piece in batch}:  # whatever left one there, it must not hinder
            ids = [piece.id for piece in batch if piece.storage_id == storage_id]
            session.execute(delete(Doomed).where(Doomed.storage_id == storage_id, Doomed.segment_id.in_(ids)))
        columns = ("segment_id", "start_us", "storage_id", "source_id", "since_us")
        rows = [(piece.id, piece.start_us, piece.storage_id, source_id, since_us) for piece in batch]
        session.execute(insert(Doomed), [dict(zip(columns, row, strict=True)) for row in rows])
    days = sorted({piece.start_us // DAY_US for piece in pieces})
    # All days first, then what sums them up: the recorder too holds a day before its 32 days, so none waits in a ring.
    for day in days:
        coverage.note_opened(session, source_id, day * DAY_US)
    for day in days:
        coverage.recount(session, source_id, day * DAY_US)


def _mark_cut(session: AnySession, row: Record) -> None:
    """Note that a part of a record's footage is gone; an ended record without any is deleted."""
    row.cut_us = now_us()
    _forget_hash(row)
    if row.end_us is not None and not has_footage(session, row):
        _mark_deleted(row)


def _mark_deleted(row: Record) -> None:
    row.deleted_us = now_us()
    _forget_hash(row)


def _forget_hash(row: Record) -> None:
    """Let a record have no hash, and its playlist be written anew, or removed."""
    row.hash_md5, row.hash_version, row.hash_due_us = None, None, None
    row.is_listed = False
