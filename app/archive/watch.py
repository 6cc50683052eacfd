"""What the worker notices of the whole service: sources that are wanted and not recorded, machines without a recorder.

What a process sees of itself (a camera that does not answer, a disk that is full) it notes itself.
"""

from typing import NamedTuple

from sqlalchemy import and_, exists, func, or_, select
from sqlalchemy.orm import aliased

from app.archive.notices import note
from app.extensions import AnySession, db, writing
from app.models import Attempt, Lease, Notice, Recorder, Segment, Source, Wanted
from app.models.segment import OPEN

RECORDING, RECORDER = "recording", "recorder"
UNRECORDED_US = 60_000_000  # a connection that is begun anew takes less
DEAD_US = 30_000_000
RECORDER_LOST = "the recorder gave no sign of life for 30 s: look at its machine and its log"


class State(NamedTuple):
    """A subject that is bad in one respect, or good."""

    kind: str
    subject: str
    is_bad: bool
    text: str
    source_id: int | None = None


def look(now_us: int) -> int:
    """Note what has become bad or good again; return how much. Writes only where something has."""
    states = [*_recording(db.session, now_us), *_recorders(db.session, now_us)]
    known = _known(db.session)
    db.session.rollback()
    changed = [state for state in states if known.get((state.kind, state.subject), False) != state.is_bad]
    if changed:
        with writing() as session:
            for kind, subject, is_bad, text, source_id in changed:
                note(session, kind, subject, is_bad=is_bad, text=text, source_id=source_id)
    return len(changed)


def _known(session: AnySession) -> dict[tuple[str, str], bool]:
    """Return what was noted last of each subject."""
    newest = select(func.max(Notice.id)).where(Notice.kind.in_((RECORDING, RECORDER)))
    query = select(Notice.kind, Notice.subject, Notice.is_bad)
    query = query.where(Notice.id.in_(newest.group_by(Notice.kind, Notice.subject)))
    return {(kind, subject): is_bad for kind, subject, is_bad in session.execute(query)}


def _recording(session: AnySession, now_us: int) -> list[State]:
    """Return for each source that has been wanted for a while whether it is recorded."""
    is_open = exists().where(Segment.state == OPEN, Segment.source_id + 0 == Source.id)
    any_one = aliased(Attempt)
    newest = select(any_one.id).where(any_one.source_id == Source.id).order_by(any_one.begin_us.desc()).limit(1)
    query = (
        select(Source.id, Source.description, is_open, Attempt.reason, Attempt.end_us, Wanted.begin_us)
        .join(Wanted, and_(Wanted.source_id == Source.id, Wanted.end_us.is_(None)))
        .outerjoin(Attempt, Attempt.id == newest.correlate(Source).scalar_subquery())
        .where(Wanted.begin_us < now_us - UNRECORDED_US)
    )
    states = []
    for source_id, description, has_open, reason, ended_us, wanted_us in session.execute(query).all():
        name = source_name(source_id, description)
        if has_open:
            states.append(State(RECORDING, str(source_id), False, f"{name} is recorded again", source_id))
            continue
        newest_end = select(Segment.end_us).where(Segment.source_id == source_id).order_by(Segment.start_us.desc())
        last_us = session.scalar(newest_end.limit(1))
        if max(last_us or 0, wanted_us) < now_us - UNRECORDED_US:
            why = reason or ("connecting" if ended_us is None else "unknown")
            text = f"{name} is to be recorded and is not, for a minute or longer: {why.replace('_', ' ')}"
            states.append(State(RECORDING, str(source_id), True, text, source_id))
    return states


def source_name(source_id: int, description: str | None) -> str:
    """Return how a source is named to people: one line."""
    words = " ".join((description or "").split())[:80]
    return f"source {source_id} ({words})" if words else f"source {source_id}"


def _recorders(session: AnySession, now_us: int) -> list[State]:
    """Return for each machine whose recorder did not end by itself whether that lives; it may be another by now."""
    leased = select(Lease.recorder_id)
    query = (
        select(Recorder.host_id, func.max(Recorder.seen_us))
        .where(or_(Recorder.ended_us.is_(None), Recorder.id.in_(leased)))
        .group_by(Recorder.host_id)
    )
    return [
        State(RECORDER, host_id[:64], is_dead, RECORDER_LOST if is_dead else "the recorder lives again")
        for host_id, seen_us in session.execute(query)
        for is_dead in (seen_us < now_us - DEAD_US,)
    ]
