"""Why the footage of an instant is kept, until when at least, or by what it went."""

import json
from typing import NamedTuple

import numpy as np
from sqlalchemy import or_, select

from app.archive.believing import believed
from app.archive.holding import FOR_EVER_US
from app.archive.keeping import NEVER_US, ROWS, Days, Keeping, as_rows, find_boundaries, read_keeping
from app.archive.pins import pins_of
from app.archive.ruling import LIMITS, MINIMAL, S_US, Rule
from app.extensions import AnySession
from app.models import Deletion, Pin, Record, Segment, Tag
from app.models.segment import MAX_SEGMENT_US, MISSING, OPEN

HELD, OPEN_NOW, GONE, NOTHING = "kept", "open", "deleted", "none"


class Explanation(NamedTuple):
    """What holds for an instant. `goes_us` is the earliest that its footage can go by age, None for never."""

    state: str
    tags: list[str]
    rules: dict[str, Rule | None]
    pins: list[Pin]
    segment: Segment | None
    goes_us: int | None
    why: str
    deletion: Deletion | None


def explain_instant(session: AnySession, source_id: int, at_us: int) -> Explanation:
    """Explain an instant of a source; cheap, but for rules with min_bytes, which are counted."""
    keeping = read_keeping(session, believed(session))
    segment = _segment_at(session, source_id, at_us)
    begin_us, end_us = (at_us, at_us + 1)
    if segment is not None:
        begin_us, end_us = segment.start_us, max(segment.end_us, segment.start_us + 1)
    tags = _tags(session, source_id, begin_us, end_us)
    of_source = keeping.rules_of(source_id)
    rules = {limit: of_source.choose(limit, sorted(tags)) for limit in LIMITS}
    pins = pins_of(session, source_id, begin_us, end_us, keeping.now_us)
    names = sorted(tags.values())
    if segment is None:
        deletion = _deletion_at(session, source_id, at_us)
        state, why = (
            (NOTHING, _why_nothing(session, source_id, at_us)) if deletion is None else (GONE, _why_gone(deletion))
        )
        return Explanation(state, names, rules, pins, None, None, why, deletion)
    if segment.state == OPEN:
        return Explanation(OPEN_NOW, names, rules, pins, segment, None, "it is being recorded", None)
    goes_us, why = _until(session, keeping, segment, rules, pins)
    return Explanation(HELD, names, rules, pins, segment, goes_us, why, None)


def _segment_at(session: AnySession, source_id: int, at_us: int) -> Segment | None:
    found = select(Segment).where(
        Segment.source_id == source_id,
        Segment.start_us <= at_us,
        Segment.start_us > at_us - MAX_SEGMENT_US,
        Segment.state != MISSING,
        or_(Segment.end_us > at_us, Segment.state == OPEN),
    )
    return session.scalars(found.order_by(Segment.start_us.desc()).limit(1)).first()


def _tags(session: AnySession, source_id: int, begin_us: int, end_us: int) -> dict[str, str]:
    """Return the tags whose records hold a stretch of a source: name by id."""
    held = (
        select(Tag.id, Tag.name)
        .join(Record, Record.tag_id == Tag.id)
        .where(Record.source_id == source_id, Record.deleted_us.is_(None), Record.begin_us < end_us)
        .where(or_(Record.end_us.is_(None), (Record.end_us > begin_us) & (Record.end_us > Record.begin_us)))
    )
    return {row.id: row.name for row in session.execute(held)}


def _deletion_at(session: AnySession, source_id: int, at_us: int) -> Deletion | None:
    """Return the last deletion that took the footage of an instant."""
    near = select(Deletion).where(
        Deletion.source_id == source_id,
        Deletion.begin_us <= at_us + MAX_SEGMENT_US,
        Deletion.end_us >= at_us - MAX_SEGMENT_US,
    )
    for row in session.scalars(near.order_by(Deletion.id.desc())):
        if any(begin <= at_us < end for begin, end in json.loads(row.spans)):
            return row
    return None


def _why_nothing(session: AnySession, source_id: int, at_us: int) -> str:
    lost = select(Segment.id).where(
        Segment.source_id == source_id,
        Segment.start_us <= at_us,
        Segment.start_us > at_us - MAX_SEGMENT_US,
        Segment.state == MISSING,
        Segment.end_us > at_us,
    )
    found = session.scalar(lost.limit(1))
    return "there is no footage" if found is None else f"its file {found}.mp4 is missing: flask fsck looks for it"


def _why_gone(row: Deletion) -> str:
    words = f": {' '.join(row.reason.split())}" if row.reason else ""
    return f"deleted by {row.actor} ({row.rule}){words}"


def _until(
    session: AnySession, keeping: Keeping, segment: Segment, rules: dict[str, Rule | None], pins: list[Pin]
) -> tuple[int | None, str]:
    """Return when closed footage can go at the earliest by its age, and why, in words."""
    found = session.execute(
        ROWS.where(Segment.source_id == segment.source_id, Segment.start_us == segment.start_us)
    ).all()
    rows = as_rows(session, keeping, segment.source_id, found)
    oldest, least, most = rules["max_age_s"], rules["min_age_s"], rules["max_bytes"]
    if pins:
        expiries = [NEVER_US if pin.expires_us is None else pin.expires_us for pin in pins]
        last = pins[int(np.argmax(expiries))]
        until = "it is released" if max(expiries) == NEVER_US else "the last pin runs out"
        return _or_never(max(expiries)), f"pinned by {last.owner} until {until}"
    boundaries = find_boundaries(session, keeping, Days())
    without_age = keeping.grade(segment.source_id, rows, boundaries)
    reasons = []
    goes_us = FOR_EVER_US
    if not bool(rows.footage.dated[0]):
        reasons.append("the clock was not set when it was recorded: rules of age do not apply")
    else:
        if oldest is not None:
            goes_us = segment.end_us + (oldest.max_age_s or 0) * S_US
            reasons.append(oldest.words("max_age_s"))
        if least is not None:
            until_us = segment.end_us + (least.min_age_s or 0) * S_US
            goes_us = max(goes_us, until_us) if oldest is not None else goes_us
            reasons.append(f"{least.words('min_age_s')}, kept until then")
    is_newest = int(without_age[0]) == MINIMAL and not (
        least is not None and segment.end_us > keeping.now_us - (least.min_age_s or 0) * S_US
    )
    if is_newest and rules["min_bytes"] is not None:
        return None, f"{rules['min_bytes'].words('min_bytes')}: it is among the newest that are kept"
    if most is not None:
        reasons.append(f"{most.words('max_bytes')}: sooner where there is more")
    if not reasons:
        reasons.append("no rule: it stays until a budget or a full disk needs the room")
    return _or_never(goes_us), "; ".join(reasons)


def _or_never(instant_us: int) -> int | None:
    return None if instant_us >= FOR_EVER_US else instant_us
