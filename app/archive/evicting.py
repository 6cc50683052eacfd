"""Making room: the oldest closed footage of a storage goes, pinned footage never. Usable from any process or thread."""

from typing import NamedTuple

from sqlalchemy import and_, exists, or_

from app.archive.deletion import Act, delete_segments
from app.archive.holding import PIECES, Piece, lock_source
from app.archive.unlinking import unlink_doomed
from app.extensions import AnySession, writing
from app.models import Pin, Segment
from app.models.segment import CLOSED
from app.models.types import now_us

BATCH = 64  # segments a transaction


class Evicted(NamedTuple):
    """What has gone."""

    segments: int
    size_bytes: int


def evict(storage_id: str, need_bytes: int, act: Act) -> Evicted:
    """Delete the oldest footage of a storage until `need_bytes` are free, files included; return what has gone.

    Needs an app context without a transaction. Fewer are freed where all that is left is pinned.
    """
    gone = Evicted(0, 0)
    while gone.size_bytes < need_bytes:
        begun_us = now_us()
        with writing() as session:
            pieces = _oldest(session, storage_id, need_bytes - gone.size_bytes)
            for source_id in sorted({source_id for source_id, _ in pieces}):
                mine = [piece for owner, piece in pieces if owner == source_id]
                lock_source(session, source_id)
                delete_segments(session, source_id, mine, act, (mine[0].start_us, mine[-1].end_us))
        if not pieces:
            break
        unlink_doomed(len(pieces) + BATCH, begun_us, storage_id)
        gone = Evicted(gone.segments + len(pieces), gone.size_bytes + sum(piece.size_bytes for _, piece in pieces))
    return gone


def _oldest(session: AnySession, storage_id: str, need_bytes: int) -> list[tuple[int, Piece]]:
    """Return the oldest segments that nothing pins, with their sources, up to need_bytes and BATCH of them."""
    moment_us = now_us()
    is_pinned = exists().where(
        Pin.source_id == Segment.source_id,
        Pin.released_us.is_(None),
        or_(Pin.expires_us.is_(None), Pin.expires_us > moment_us),
        and_(Pin.begin_us < Segment.end_us, Pin.end_us > Segment.start_us),
    )
    query = (
        PIECES.order_by(None)
        .add_columns(Segment.source_id)
        .where(Segment.storage_id == storage_id, Segment.state == CLOSED, ~is_pinned)
        .order_by(Segment.start_us)
        .limit(BATCH)
    )
    chosen: list[tuple[int, Piece]] = []
    size_bytes = 0
    for *columns, source_id in session.execute(query):
        if size_bytes >= need_bytes:
            break
        piece = Piece(*columns)
        chosen.append((source_id, piece))
        size_bytes += piece.size_bytes
    return chosen
