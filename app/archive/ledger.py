"""Why there is no footage: causes of gaps, from the intervals of wanted recording and the attempts to record.

A moment whose footage was deleted has the cause `deleted`, and who did it and when as detail. A moment in which nothing
was to be recorded has the cause `not_recording`. Else it is the reason of the attempt that covers the moment, or ended
last before it (of a moment that was lived twice, the later time: app/archive/tries.py); a wanted moment before any
attempt is the recorder's fault.
"""

import json
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

import numpy as np
from sqlalchemy import bindparam, or_, select

from app.archive.leaps import CLOCK_STEP, find_leaps
from app.archive.spans import Stretch, find_spans
from app.archive.tries import Try, read_tries
from app.extensions import db
from app.models import Deletion, Segment, Storage, Wanted
from app.models.segment import MAX_SEGMENT_US, MISSING

NOT_RECORDING, RECORDER_STOPPED, UNKNOWN = "not_recording", "recorder_stopped", "unknown"
STARTING, PENDING = "starting", "pending"  # an attempt before its first fragment, and after its last complete one
UNREADABLE = "unreadable"
LOST = "a recorded file is missing, was altered, or its storage is away: flask verify and flask storage list name it"
DELETED = "deleted"
# A shorter piece of a gap takes the cause of its neighbour: the recorder needs a moment to begin an attempt.
SLIVER_US = 2_000_000
BEGINNING_US = 10_000_000  # a busy machine takes so long to begin the first attempt
FOR_EVER_US = 2**62
_begin_of = attrgetter("begin_us")


class Gap(NamedTuple):
    """[begin_us, end_us) without footage, its cause, and a line about it or None."""

    begin_us: int
    end_us: int
    cause: str
    detail: str | None


class Facts(NamedTuple):
    """What a range is explained from: each list by begin, and all instants at which a cause may change, rising."""

    wanted: list[Stretch]
    tries: list[Try]
    deleted: list[Gap]
    edges: list[int]
    leaps: Sequence[Gap] = ()  # what the clock passed over

    def explain(self, gaps: Sequence[Stretch], lost: Sequence[tuple[int, int]] = ()) -> list[Gap]:
        """Return gaps of the range, cut where their cause changes; `lost` is what was recorded and cannot be read."""
        unreadable = _unreadable(lost)
        edges = sorted({*self.edges, *(edge for item in unreadable for edge in item[:2])}) if unreadable else self.edges
        known = (self.deleted, unreadable, self.leaps)
        return [piece for gap in gaps for piece in _explain(gap, edges, self.wanted, self.tries, known)]


def explain(source_id: int, gaps: Sequence[Stretch], lost: Sequence[tuple[int, int]] = ()) -> list[Gap]:
    """Return the gaps, cut where their cause changes; `lost` is what was found just now that cannot be read.

    What is known to be missing is not found by those who look for footage, and is lost too.
    """
    if not gaps:
        return []
    begin_us, end_us = gaps[0].begin_us, gaps[-1].end_us
    return read_facts(source_id, begin_us, end_us).explain(
        gaps, sorted({*lost, *_missing(source_id, begin_us, end_us)})
    )


def read_facts(source_id: int, begin_us: int, end_us: int) -> Facts:
    """Read what gaps within [begin_us, end_us) are explained from."""
    wanted = read_wanted(source_id, begin_us, end_us)
    tries = read_tries(source_id, begin_us, end_us)
    deleted = _deleted(source_id, begin_us, end_us)
    leaps = [Gap(begin, end, CLOCK_STEP, detail) for begin, end, detail in find_leaps(source_id, begin_us, end_us)]
    known = (*deleted, *leaps)
    edges = {edge for stretch in wanted for edge in stretch} | {edge for item in known for edge in item[:2]}
    edges |= {edge for item in tries for edge in (item.begin_us, item.first_us, item.end_us) if edge is not None}
    return Facts(wanted, tries, deleted, sorted(edges), leaps)


# Made once: making them takes longer than running them.
WANTED = (
    select(Wanted.begin_us, Wanted.end_us)
    .where(Wanted.source_id == bindparam("source_id"), Wanted.begin_us < bindparam("to_us"))
    .where(or_(Wanted.end_us.is_(None), Wanted.end_us > bindparam("from_us")))
    .order_by(Wanted.begin_us)
)
AWAY = select(Storage.path).where(Storage.state != "ok", Storage.state != "full", Storage.path != "")
DELETIONS = (
    select(Deletion.at_us, Deletion.actor, Deletion.rule, Deletion.reason, Deletion.spans)
    .where(Deletion.source_id == bindparam("source_id"), Deletion.segments > 0)
    .where(Deletion.begin_us < bindparam("to_us"), Deletion.end_us > bindparam("from_us"))
    .order_by(Deletion.id)
)

NOT_THERE = (
    select(Segment.start_us, Segment.end_us)
    .where(Segment.state == MISSING, Segment.end_us > bindparam("from_us"), Segment.end_us > Segment.start_us)
    .where(Segment.start_us > bindparam("from_us") - MAX_SEGMENT_US, Segment.start_us < bindparam("to_us"))
)
# Few are missing: in a long range they are found by their state. `+ 0` keeps SQLite from walking all its segments.
MISSING_OF_A_DAY = NOT_THERE.where(Segment.source_id == bindparam("source_id"))
MISSING_OF_MANY = NOT_THERE.where(Segment.source_id + 0 == bindparam("source_id"))
DAY_US = 86_400_000_000


def read_wanted(source_id: int, begin_us: int, end_us: int) -> list[Stretch]:
    """Return the wanted intervals that touch a range; one that is still open ends never."""
    values = {"source_id": source_id, "from_us": begin_us, "to_us": end_us}
    return [Stretch(begin, FOR_EVER_US if end is None else end) for begin, end in db.session.execute(WANTED, values)]


def _deleted(source_id: int, begin_us: int, end_us: int) -> list[Gap]:
    """Return what was deleted of a range, by begin, each with a line that says when, by whom and why."""
    # Segments reach over the ends of what was asked for.
    values = {"source_id": source_id, "from_us": begin_us - MAX_SEGMENT_US, "to_us": end_us + MAX_SEGMENT_US}
    found = []
    for at_us, actor, rule, reason, spans in db.session.execute(DELETIONS, values):
        moment = datetime.fromtimestamp(at_us // 1_000_000, UTC)
        words = f": {' '.join(reason.split())}" if reason else ""
        detail = f"deleted on {moment:%Y-%m-%dT%H:%M:%SZ} by {actor} ({rule}){words}"
        found += [Gap(begin, end, DELETED, detail) for begin, end in json.loads(spans)]
    return sorted(item for item in found if item.begin_us < end_us and item.end_us > begin_us)


def _missing(source_id: int, begin_us: int, end_us: int) -> list[tuple[int, int]]:
    """Return the segments of a range that are known to be missing, [begin, end)."""
    values = {"source_id": source_id, "from_us": begin_us, "to_us": end_us}
    query = MISSING_OF_A_DAY if end_us - begin_us <= DAY_US else MISSING_OF_MANY
    return [(start, end) for start, end in db.session.execute(query, values)]


def _unreadable(lost: Sequence[tuple[int, int]]) -> list[Gap]:
    """Return what cannot be read, files that follow one another as one: of a disk that failed there are thousands."""
    if not lost:
        return []
    edges = np.array(lost, np.int64).reshape(-1, 2)
    names = sorted(repr(Path(path).name) for path in db.session.scalars(AWAY))
    detail = f"{LOST}; of the storages these do not work now: {', '.join(names)}" if names else LOST
    return [Gap(*span, UNREADABLE, detail) for span in find_spans(edges[:, 0], edges[:, 1])]


def _at(instant_us: int, known: Sequence[Gap]) -> Gap | None:
    """Return which of these holds an instant; they come by begin and do not overlap: nothing is deleted twice."""
    number = bisect_right(known, instant_us, key=_begin_of) - 1
    return known[number] if number >= 0 and instant_us < known[number].end_us else None


def _explain(
    gap: Stretch,
    edges: Sequence[int],
    wanted: Sequence[Stretch],
    tries: Sequence[Try],
    known: Sequence[Sequence[Gap]],
) -> list[Gap]:
    """Return one gap, cut where its cause changes; equal neighbours and slivers are joined.

    `edges` are all instants, rising, at which a cause may change; of what is known the first that fits counts.
    """
    within = edges[bisect_right(edges, gap.begin_us) : bisect_left(edges, gap.end_us)]
    pieces: list[Gap] = []
    for begin, end in pairwise((gap.begin_us, *within, gap.end_us)):
        found = next((item for items in known if (item := _at(begin, items)) is not None), None)
        cause, detail = (found.cause, found.detail) if found is not None else _cause(begin, wanted, tries)
        pieces.append(Gap(begin, end, cause, detail))
    return _joined(pieces)


def _cause(instant_us: int, wanted: Sequence[Stretch], tries: Sequence[Try]) -> tuple[str, str | None]:
    """Return cause and detail of a moment without footage."""
    if not any(stretch.begin_us <= instant_us < stretch.end_us for stretch in wanted):
        return NOT_RECORDING, None
    number = bisect_right(tries, instant_us, key=_begin_of) - 1
    if number < 0:
        is_about_to = bool(tries) and tries[0].begin_us - instant_us < BEGINNING_US
        return (STARTING if is_about_to else RECORDER_STOPPED), None
    last = tries[number]
    is_living = last.end_us is None or instant_us < last.end_us
    if is_living:
        return _cause_within(last, instant_us)
    if last.reason == "stopped":  # and yet wanted: the next attempt is about to begin
        return STARTING, None
    return (last.reason, last.detail) if last.reason is not None else (RECORDER_STOPPED, None)


def _cause_within(item: Try, instant_us: int) -> tuple[str, str | None]:
    """Return cause and detail of a moment without footage during an attempt."""
    is_open = item.end_us is None and item.run_id is not None
    if item.first_us is not None and instant_us < item.first_us:
        return STARTING, None
    if is_open:
        return (STARTING if item.first_us is None else PENDING), None
    return item.reason or UNKNOWN, item.detail


def _joined(pieces: Sequence[Gap]) -> list[Gap]:
    """Join neighbours of one cause, and slivers with the piece after them, or before at the end.

    A sliver with a reason keeps it against `starting`: what ended the attempt before is why another had to start.
    """
    joined: list[Gap] = []
    for piece in pieces:
        last = joined[-1] if joined else None
        if last is not None and _is_sliver(last, piece) and _has_reason(last) and piece.cause == STARTING:
            joined[-1] = last._replace(end_us=piece.end_us)
        elif last is not None and (_is_same(last, piece) or _is_sliver(last, piece)):
            joined[-1] = piece._replace(begin_us=last.begin_us)
        elif last is not None and _is_sliver(piece, last) and not (_has_reason(piece) and last.cause == STARTING):
            joined[-1] = last._replace(end_us=piece.end_us)
        else:
            joined.append(piece)
    return joined


def _is_same(piece: Gap, neighbour: Gap) -> bool:
    """Tell whether two neighbours have one cause; two deletions are two causes."""
    return piece.cause == neighbour.cause and (piece.cause != DELETED or piece.detail == neighbour.detail)


def _has_reason(piece: Gap) -> bool:
    """Tell whether an attempt gave the cause; that no attempt was yet has no detail."""
    return piece.cause not in (STARTING, PENDING, UNKNOWN) and piece[2:] != (RECORDER_STOPPED, None)


def _is_sliver(piece: Gap, neighbour: Gap) -> bool:
    is_wanted = not {NOT_RECORDING, DELETED} & {piece.cause, neighbour.cause}
    return is_wanted and piece.end_us - piece.begin_us < SLIVER_US
