"""Records that have become long: each is closed and continued by a new one of the same tag.

The old one ends where the new one begins, at the first key frame at or after its greatest age. That instant is found
in the footage afterwards, so it does not matter how late anybody looks: the same records come of it. Where the camera
gives nothing then, the record goes on until the first key frame after it gives again. The source stays wanted.
"""

import logging

from sqlalchemy import or_, select

from app.archive.find import find_segment
from app.archive.holding import lock_source
from app.archive.keyframes import next_key_us
from app.extensions import db, writing
from app.formats.boxes import FormatError
from app.models import Record, SampleEntry, Segment
from app.models.segment import CLOSED, MAX_SEGMENT_US, MISSING, OPEN
from app.models.types import now_us

log = logging.getLogger(__name__)

MOST = 200  # records a pass
LOOKED_AT = 4  # segments: the one that the instant lies in, or its like of an overlapping run, and those after it


def continue_records(max_us: int) -> int:
    """Continue every open record that is older than max_us, as far as there is footage; return how many were.

    Needs an app context without a transaction. Reads indexes outside of any transaction that writes.
    """
    due = select(Record.id, Record.source_id, Record.begin_us).where(
        Record.end_us.is_(None), Record.begin_us <= now_us() - max_us
    )
    rows = db.session.execute(due.order_by(Record.begin_us)).all()
    db.session.rollback()
    done = 0
    for record_id, source_id, begin_us in rows:
        next_id: str | None = record_id
        while next_id is not None and done < MOST:  # more than once where nobody looked for days
            key_us = _find_key(source_id, begin_us + max_us)
            next_id = _continue(next_id, source_id, key_us) if key_us is not None else None
            begin_us = key_us or begin_us
            done += next_id is not None
    return done


def _find_key(source_id: int, instant_us: int) -> int | None:
    """Return the instant of the first key frame at or after an instant, as far as that is past; None for none yet.

    A segment begins with a key frame: of one that cannot be read its row still tells that.
    """
    latest_us = now_us()
    rows = select(Segment.start_us, Segment.state).where(
        Segment.source_id == source_id,
        Segment.start_us > instant_us - MAX_SEGMENT_US,
        Segment.start_us <= latest_us,
        or_(Segment.end_us > instant_us, Segment.state == OPEN),
        Segment.state != MISSING,
    )
    try:
        for start_us, state in db.session.execute(rows.order_by(Segment.start_us).limit(LOOKED_AT)).all():
            key_us = _key_within(source_id, start_us, instant_us)
            if key_us is None and state == CLOSED and start_us >= instant_us:
                key_us = start_us
            if key_us is not None:
                return key_us if key_us <= latest_us else None
    finally:
        db.session.rollback()
    return None


def _key_within(source_id: int, start_us: int, instant_us: int) -> int | None:
    """Return the first key frame of a segment from an instant on; None for none, and where it cannot be read."""
    segment = find_segment(source_id, start_us)
    if segment is None:
        return None
    timescale = db.session.scalar(select(SampleEntry.timescale).where(SampleEntry.id == segment.video_entry_id))
    try:
        return next_key_us(segment, instant_us, timescale) if timescale else None
    except (FormatError, OSError) as error:
        log.warning("segment %s cannot be read: %s", segment.id, error)
        return None


def _continue(record_id: str, source_id: int, key_us: int) -> str | None:
    """Close a record at a key frame and open the next; return its id, None where somebody has stopped it meanwhile."""
    with writing() as session:
        lock_source(session, source_id)
        row = session.get(Record, record_id, populate_existing=True)
        if row is None or row.end_us is not None or key_us <= row.begin_us:
            return None
        row.end_us = key_us
        session.flush()  # a source has at most one open record under a tag
        values = {"source_id": source_id, "tag_id": row.tag_id, "scheduled_by": row.scheduled_by}
        following = Record(**values, begin_us=key_us)
        session.add(following)
        session.flush()
        log.info("source %d: record %s goes on as %s", source_id, record_id, following.id)
        return following.id
