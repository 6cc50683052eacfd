"""Starting and stopping: the wanted state of recording, as rows. The recorder makes it true.

A record is one source under one tag; a source is wanted while any of its records is open, so its interval of
wanted recording opens with its first tag and closes with its last. Whoever starts or stops locks the sources' rows
in the order of their ids: two callers at once wait for each other, lose no interval and meet in no deadlock.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, bindparam, func, or_, select

from app.archive.auditing import audit
from app.archive.bounds import Sources, has_tag, is_within
from app.archive.find import find_open
from app.archive.paging import Order, Page
from app.archive.showing import LONG_US, shows_nothing
from app.extensions import AnySession, insert_missing
from app.models import Lease, Record, Segment, Source, Tag, Wanted
from app.models.segment import MAX_SEGMENT_US, MISSING, OPEN
from app.models.types import new_uuid

RECORDS_BY_BEGIN = Order((Record.begin_us, Record.source_id, Record.id))
OVERTAKEN_US = 5_000_000
BATCH = 500  # ids a statement; PostgreSQL's protocol takes at most 65,535 parameters


def lock_sources(session: AnySession, source_ids: Iterable[int]) -> list[Source]:
    """Lock and return the rows of those of these sources that are not deleted, in the order of their ids."""
    rows = select(Source).where(Source.id.in_(list(source_ids)), Source.deleted_us.is_(None)).order_by(Source.id)
    return list(session.scalars(rows.with_for_update().execution_options(populate_existing=True)))


def find_tag(session: AnySession, name: str, sources: Sources = None) -> Tag | None:
    """Return the tag of this name, or else of this id, under which one of these cameras was recorded."""
    query = select(Tag).where(has_tag(sources))
    by_name = session.scalar(query.where(Tag.name == name))
    return by_name or session.scalar(query.where(Tag.id == name.lower()))


def make_tag(session: AnySession, name: str, now_us: int, sources: Sources = None) -> Tag:
    """Return the tag of this name or id; make it where there is none, though another process does now.

    A tag of other cameras than these is known by its name alone, which whoever gives it knows already.
    """
    tag = find_tag(session, name, sources)
    if tag is None:
        insert_missing(session, Tag, {"id": new_uuid(), "name": name, "created_us": now_us})
        tag = session.scalars(select(Tag).where(Tag.name == name)).one()
    return tag


def start(
    session: AnySession, source_ids: Iterable[int], tag: Tag, now_us: int, *, scheduled_by: str | None = None
) -> list[int]:
    """Open a record under the tag for each source that has none; return the ids of those newly started.

    Runs within a write transaction. Repeating it changes nothing. `scheduled_by`: the group whose schedule does it.
    """
    sources = lock_sources(session, source_ids)
    ids = [source.id for source in sources]
    recording = select(Record.source_id).where(
        Record.tag_id == tag.id, Record.end_us.is_(None), Record.source_id.in_(ids)
    )
    running = set(session.scalars(recording))
    fresh = [source_id for source_id in ids if source_id not in running]
    now_us = _not_before(session, fresh, now_us)
    for source_id in fresh:
        values = {"source_id": source_id, "tag_id": tag.id, "scheduled_by": scheduled_by}
        session.add(Record(**values, created_us=now_us, begin_us=now_us))
        if not _open_wanted(session, source_id):
            session.add(Wanted(source_id=source_id, begin_us=now_us))
    session.flush()
    return fresh


def stop(session: AnySession, tag: Tag, model: str | None, now_us: int, sources: Sources = None) -> list[int]:
    """Close the open records of the tag whose source is of `model` (None: all); return their sources' ids.

    Of these sources alone: those of others go on.

    Runs within a write transaction. A source that records under another tag goes on.
    """
    meant = (Record.tag_id == tag.id) & is_within(Record.source_id, sources)
    if model is not None:
        meant &= Record.source_id.in_(select(Source.id).where(Source.model == model))
    return stop_those(session, meant, now_us)


def stop_those(session: AnySession, meant: ColumnElement[bool], now_us: int) -> list[int]:
    """Close the open records that meet the condition; return their sources' ids. As `stop` otherwise."""
    found = select(Record.source_id).where(meant, Record.end_us.is_(None))
    locked = select(Source.id).where(Source.id.in_(list(session.scalars(found)))).order_by(Source.id).with_for_update()
    ids = list(session.scalars(locked))
    now_us = _not_before(session, ids, now_us)
    open_records = select(Record, meant).where(Record.source_id.in_(ids), Record.end_us.is_(None))
    still_wanted: set[int] = set()
    for record, is_meant in session.execute(open_records):
        if is_meant:
            record.end_us = _end_of(record, now_us)
        else:
            still_wanted.add(record.source_id)
    session.flush()
    for source_id in set(ids) - still_wanted:
        for wanted in _open_wanted(session, source_id):
            wanted.end_us = _end_of(wanted, now_us)
    session.flush()
    return ids


def note_acts(
    session: AnySession, who: str, action: str, tag_id: str, source_ids: Iterable[int], **detail: object
) -> None:
    """Write down that these sources were started or stopped under a tag: a row each."""
    for source_id in sorted(source_ids):
        audit(session, who, action, tag_id, source_id, **detail)


def _end_of(interval: Record | Wanted, now_us: int) -> int:
    """Return where an interval ends now: not before its begin, where the clock was set back since.

    The footage that grows then keeps the old clock, and is the interval's (archive.runs).
    """
    if now_us >= interval.begin_us:
        return now_us
    return max([interval.begin_us, *(segment.end_us for segment in find_open(interval.source_id))])


def is_recording(session: AnySession, source_id: int) -> bool:
    """Tell whether the source records under any tag."""
    found = select(Record.id).where(Record.source_id == source_id, Record.end_us.is_(None)).limit(1)
    return session.scalar(found) is not None


def is_running(session: AnySession, tag: Tag, sources: Sources) -> bool:
    """Tell whether any of these sources records under the tag."""
    found = select(Record.id).where(Record.tag_id == tag.id, Record.end_us.is_(None))
    return session.scalar(found.where(is_within(Record.source_id, sources)).limit(1)) is not None


def running_tags(session: AnySession, sources: Sources) -> list[str]:
    """Return the names of the tags under which any of these sources records now, sorted."""
    open_tags = select(Record.tag_id).where(Record.end_us.is_(None), is_within(Record.source_id, sources))
    return list(session.scalars(select(Tag.name).where(Tag.id.in_(open_tags)).order_by(Tag.name)))


def open_records(session: AnySession, sources: Sources = None) -> list[tuple[str, Record]]:
    """Return the records of these sources that go on, each with its tag's name: by tag, in order of begin."""
    query = select(Tag.name, Record).join(Tag, Tag.id == Record.tag_id).where(Record.end_us.is_(None))
    ordered = query.where(is_within(Record.source_id, sources)).order_by(Tag.name, *RECORDS_BY_BEGIN.columns)
    return [(name, record) for name, record in session.execute(ordered)]


def is_open_tag(sources: Sources = None) -> ColumnElement[bool]:
    """Return the condition that one of these sources records under a tag, for queries of tags."""
    recording = select(Record.id).where(Record.tag_id == Tag.id, Record.end_us.is_(None))
    # `+ 0` leaves the index to the few that go on.
    return recording.where(is_within(Record.source_id + 0, sources)).exists()


def records_of(session: AnySession, tag: Tag, page: Page, *conditions: ColumnElement[bool]) -> list[Record]:
    """Return a page of the records of a tag that meet the conditions; one more than its limit where there are more."""
    return list(session.scalars(page.of(select(Record).where(Record.tag_id == tag.id, *conditions))))


def statuses(session: AnySession, records: Sequence[Record], now_us: int) -> dict[str, str]:
    """Return the status word of each record by its id (record-api.md, "Status words")."""
    ended = [record for record in records if record.end_us is not None and record.deleted_us is None]
    with_footage = _with_footage(session, ended)
    online = select(Lease.source_id).join(Source).where(Lease.expires_us > now_us, Source.status == "online")
    living = set(session.scalars(online)) if any(record.end_us is None for record in records) else set()

    def word(record: Record) -> str:
        if record.deleted_us is not None:
            return "deleted"
        if record.end_us is not None:
            return "done" if record.id in with_footage else "failed"
        return "recording" if record.source_id in living else "waiting"

    return {record.id: word(record) for record in records}


_touches = and_(
    Segment.source_id == Record.source_id,
    Segment.start_us > Record.begin_us - MAX_SEGMENT_US,
    Segment.start_us < Record.end_us,
    (Segment.end_us > Record.begin_us) | (Segment.state == OPEN),
    Segment.state != MISSING,
    Record.end_us > Record.begin_us,
)
# A segment begins with a frame; what is hashed has been read.
_shows = or_(
    Segment.start_us >= Record.begin_us,
    and_(Segment.end_us >= Record.begin_us + LONG_US, Record.end_us >= Record.begin_us + LONG_US),
    Record.hash_md5.is_not(None),
)
# Made once: making it took longer than finding a hundred records by it.
_ids = select(Record.id).where(Record.id.in_(bindparam("ids", expanding=True)))
_FOOTAGE = _ids.where(select(Segment.id).where(_touches, _shows).exists())
_ANY_FOOTAGE = _ids.where(select(Segment.id).where(_touches).exists())


def _with_footage(session: AnySession, records: Sequence[Record]) -> set[str]:
    """Return which of these ended records have footage; an open segment has no end yet.

    The sample indexes are read of those few that hold only a moment of a file, which may lie between two frames. What
    cannot be read counts as footage.
    """
    found = _among(session, _FOOTAGE, [record.id for record in records])
    others = [record for record in records if record.id not in found]
    touching = _among(session, _ANY_FOOTAGE, [record.id for record in others])
    return found | {record.id for record in others if record.id in touching and not _shows_nothing(session, record)}


def _among(session: AnySession, query: Select[Any], record_ids: Sequence[str]) -> set[str]:
    found: set[str] = set()
    for first in range(0, len(record_ids), BATCH):
        found.update(session.scalars(query, {"ids": record_ids[first : first + BATCH]}))
    return found


def _shows_nothing(session: AnySession, record: Record) -> bool:
    assert record.end_us is not None  # only ended ones are asked about
    if record.hash_due_us is None and record.cut_us is None:  # the hasher has looked, and found nothing to hash
        return True
    return shows_nothing(session, record.source_id, record.begin_us, record.end_us)


def _not_before(session: AnySession, source_ids: Sequence[int], now_us: int) -> int:
    """Return now, or the instant that a call gave these sources that was asked later and had their rows sooner.

    So intervals do not overlap, and hold their records. What lies farther ahead is of a clock that was set back.
    """
    last = select(Wanted.id).where(Wanted.source_id == Source.id).order_by(Wanted.begin_us.desc()).limit(1)
    last_change = (
        select(func.max(func.coalesce(Record.end_us, Record.begin_us)))
        .where(Record.source_id == Source.id, Record.begin_us >= Wanted.begin_us)
        .correlate(Source, Wanted)
    )
    query = (
        select(Wanted.begin_us, Wanted.end_us, last_change.scalar_subquery())
        .select_from(Source)
        .join(Wanted, Wanted.id == last.correlate(Source).scalar_subquery())
        .where(Source.id.in_(source_ids))
    )
    known: list[int] = [instant_us for row in session.execute(query) for instant_us in row if instant_us is not None]
    return max([now_us, *(instant_us for instant_us in known if instant_us <= now_us + OVERTAKEN_US)])


def _open_wanted(session: AnySession, source_id: int) -> list[Wanted]:
    return list(session.scalars(select(Wanted).where(Wanted.source_id == source_id, Wanted.end_us.is_(None))))
