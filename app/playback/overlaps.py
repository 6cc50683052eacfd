"""Which run is played where the clocks of two overlap: the one that began later, as far as it has footage.

After a step of the clock two runs claim the same time. The later one is what the clock says since; the earlier one can
still be asked for by its id. Where the later ends while
the earlier one goes on, that is played again from its first key frame on. Overlaps of up to half a second are within
what an anchor is right to: then both are played whole, one behind the other.
"""

import logging
from dataclasses import dataclass

import numpy as np
from sqlalchemy import func, select

from app.archive.keyframes import next_key_us
from app.archive.segments import Found, Ints, Segments
from app.extensions import db
from app.formats.boxes import FormatError
from app.models import Attempt, Run

log = logging.getLogger(__name__)
OVERLAP_US = 500_000
Interval = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Played:
    """Segments in the order in which they are played, and the wall clock of each that is played.

    Nearly always [start, end of the range): `begins_us` is later than a segment's start, and at a key frame, where
    another run was played before; `ends_us` is earlier than its end where another one takes over.
    """

    segments: Segments
    begins_us: Ints
    ends_us: Ints


def resolve_overlaps(segments: Segments, end_us: int, timescales: dict[int, int]) -> Played:
    """Return what is played of segments by start; `timescales` are those of video entries by their ids."""
    starts, ends = segments.column("start_us"), segments.column("end_us")
    latest = np.maximum.accumulate(ends)[:-1]
    if not ((starts[1:] < latest - OVERLAP_US) | (ends[1:] <= latest)).any():
        return Played(segments, starts, np.full(len(starts), end_us))
    ranks = _ranks(segments)
    rows = list(zip(starts.tolist(), ends.tolist(), ranks, strict=True))
    found = []
    for number, (begin, end, rank) in enumerate(rows):
        covers = _union([(low, high) for low, high, other in rows if other > rank and low < end and high > begin])
        for piece in _left_of((begin, end), covers):
            from_us = begin if piece[0] == begin else _next_key_us(segments[number], piece[0], timescales)
            if from_us is not None and from_us < piece[1]:
                found.append((from_us, number, end_us if piece[1] == end else min(piece[1], end_us)))
    found.sort()
    numbers = np.array([number for _, number, _ in found], np.int64)
    begins, lasts = (np.array([item[place] for item in found], np.int64) for place in (0, 2))
    return Played(segments.select(numbers), begins, lasts)


def _ranks(segments: Segments) -> list[int]:
    """Return the rank of each segment's run: the later a run began, the higher.

    Which began later is told by the order of the attempts, and of one ffmpeg's files, where all are known: instants
    cannot tell it once the clock was set back. A run of a machine that did not know the time is below all others.
    """
    ids = segments.run_ids.tolist()
    files = dict(zip(ids, segments.column("sequence").tolist(), strict=True))
    query = (
        select(Run.id, Run.clock == "ok", func.max(Attempt.id), Run.begin_us, Run.anchor_us)
        .outerjoin(Attempt, Attempt.run_id == func.coalesce(Run.capture_id, Run.id))
        .where(Run.id.in_(set(ids)))
        .group_by(Run.id, Run.clock, Run.begin_us, Run.anchor_us)
    )
    found = db.session.execute(query).all()
    if all(attempt is not None for _, _, attempt, *_ in found):
        keys = {run_id: (is_set, attempt, files[run_id]) for run_id, is_set, attempt, *_ in found}
    else:
        keys = {run_id: (is_set, begin_us, anchor_us) for run_id, is_set, _, begin_us, anchor_us in found}
    order = {run_id: rank for rank, run_id in enumerate(sorted(keys, key=lambda run_id: (keys[run_id], run_id)))}
    return [order.get(run_id, -1) for run_id in ids]


def _union(intervals: list[Interval]) -> list[Interval]:
    """Return intervals by begin, those that touch joined."""
    joined: list[Interval] = []
    for low, high in sorted(intervals):
        if joined and low <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], high))
        else:
            joined.append((low, high))
    return joined


def _left_of(interval: Interval, covers: list[Interval]) -> list[Interval]:
    """Return the pieces of an interval that others, which are in order, leave of it."""
    begin, end = interval
    pieces = []
    for low, high in covers:
        is_within = begin - low > OVERLAP_US and high >= end  # also a file shorter than the slack
        if min(high, end) - max(low, begin) <= OVERLAP_US and not is_within:
            continue
        if low > begin:
            pieces.append((begin, low))
        begin = max(begin, high)
    return [*pieces, (begin, end)] if begin < end else pieces


def _next_key_us(segment: Found, instant_us: int, timescales: dict[int, int]) -> int | None:
    """Return the wall clock of the first key frame of a segment from an instant on, or None for none."""
    try:
        return next_key_us(segment, instant_us, timescales[segment.video_entry_id])
    except (FormatError, OSError) as error:
        log.warning("segment %s is not played again after another run: %s", segment.id, error)
        return None
