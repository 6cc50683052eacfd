"""The chain of a run: each segment names the one before it, so that none can be left out, exchanged or put elsewhere.

What was deleted by us is no fault: every deletion is written down (`deletion`).
"""

import json
from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import select

from app.extensions import db
from app.formats.closing import FIRST, Closing
from app.models import Deletion, Run, Segment
from app.models.segment import MAX_SEGMENT_US, OPEN

WRONG_CHAIN = "wrong_chain"
Found = tuple[str | None, str | None]  # a fault or None, and a line about it, or about what is no fault
# How far before its last segment's end the end of a run may lie without anything missing between.
SLACK_US = 1_000_000


class Cut(NamedTuple):
    """An ended run whose last files are missing: where its footage ends, and how much is missing behind, in µs."""

    run_id: str
    source_id: int
    ends_us: int
    missing_us: int


def judge_chain(row: Segment, closing: Closing | None) -> Found:
    """Tell whether a segment follows the one that its box names. Files of the first version name none."""
    if closing is None or closing.facts is None:
        return None, None
    previous = closing.facts.previous
    query = (
        select(Segment.sequence, Segment.chain, Segment.start_us, Segment.end_us)
        .where(Segment.run_id == row.run_id, Segment.sequence < row.sequence, Segment.state != OPEN)
        .order_by(Segment.sequence.desc())
        .limit(1)
    )
    before = db.session.execute(query).first()
    db.session.rollback()
    if before is not None and before.start_us >= row.start_us:
        return WRONG_CHAIN, f"it begins before segment {before.sequence} of its run, which was recorded before it"
    expected = bytes.fromhex(before.chain) if before is not None and before.chain is not None else FIRST
    if previous == expected:
        return None, None
    begin_us = before.end_us if before is not None else _begin_of(row.run_id)
    if _is_deleted(row.source_id, begin_us, row.start_us):
        db.session.rollback()
        return None, "what was recorded before it was deleted: GET /api/v1/deletions says by whom"
    db.session.rollback()
    if before is not None and before.sequence == row.sequence - 1:
        return WRONG_CHAIN, f"it does not follow segment {before.sequence} of its run: one of the two was exchanged"
    return WRONG_CHAIN, "the segment that it follows is missing, and no deletion is written down: flask fsck"


def find_cut_runs(source_ids: Sequence[int], begin_us: int | None, end_us: int | None) -> list[Cut]:
    """Return the ended runs of sources, in a range, whose last segments are missing without a deletion.

    The chain does not show those: nothing follows that would name them.
    """
    query = select(Run).where(Run.source_id.in_(source_ids), Run.end_us.is_not(None)).order_by(Run.begin_us)
    if end_us is not None:
        query = query.where(Run.begin_us < end_us)
    if begin_us is not None:
        query = query.where(Run.end_us > begin_us)
    cut: list[Cut] = []
    for run in list(db.session.scalars(query)):
        last = select(Segment.end_us, Segment.state).where(Segment.run_id == run.id).order_by(Segment.sequence.desc())
        found = db.session.execute(last.limit(1)).first()
        ends_us = found.end_us if found is not None else run.begin_us
        assert run.end_us is not None  # by the query
        is_whole = run.end_us - ends_us <= SLACK_US or (found is not None and found.state == OPEN)
        if not is_whole and not _is_deleted(run.source_id, ends_us, run.end_us):
            cut.append(Cut(run.id, run.source_id, ends_us, run.end_us - ends_us))
    db.session.expunge_all()
    db.session.rollback()
    return cut


def _begin_of(run_id: str) -> int:
    return db.session.scalar(select(Run.begin_us).where(Run.id == run_id)) or 0


def _is_deleted(source_id: int, begin_us: int, end_us: int) -> bool:
    """Tell whether any footage that a source had between two instants was deleted by us."""
    query = select(Deletion.spans).where(
        Deletion.source_id == source_id,
        Deletion.segments > 0,
        Deletion.begin_us < end_us + MAX_SEGMENT_US,  # segments reach over the ends of what was asked for
        Deletion.end_us > begin_us - MAX_SEGMENT_US,
    )
    found = (json.loads(spans) for spans in db.session.scalars(query))
    return any(begin < end_us and end > begin_us for spans in found for begin, end in spans)
