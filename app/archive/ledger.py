"""Why there is no footage: causes of gaps, from the intervals of wanted recording and the attempts to record.

A moment in which nothing was to be recorded has the cause `not_recording`. Else it is the reason of the attempt
that covers the moment, or ended last before it; a wanted moment before any attempt is the recorder's fault.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from sqlalchemy import or_, select

from app.archive.spans import Stretch
from app.extensions import db
from app.models import Attempt, Wanted

NOT_RECORDING, RECORDER_STOPPED, UNKNOWN = "not_recording", "recorder_stopped", "unknown"
STARTING, PENDING = "starting", "pending"  # an attempt before its first fragment, and after its last complete one
# A shorter piece of a gap takes the cause of its neighbour: the recorder needs a moment to begin an attempt.
SLIVER_US = 2_000_000


class Gap(NamedTuple):
    """[begin_us, end_us) without footage, its cause, and a line about it or None."""

    begin_us: int
    end_us: int
    cause: str
    detail: str | None


class _Try(NamedTuple):
    """What the ledger reads of an attempt."""

    begin_us: int
    end_us: int | None
    reason: str | None
    detail: str | None
    run_id: str | None


def explain(source_id: int, gaps: Sequence[Stretch]) -> list[Gap]:
    """Return the gaps, cut where their cause changes."""
    if not gaps:
        return []
    begin_us, end_us = gaps[0].begin_us, gaps[-1].end_us
    wanted = _wanted(source_id, begin_us, end_us)
    tries = _tries(source_id, begin_us, end_us)
    return [piece for gap in gaps for piece in _explain(gap, wanted, tries)]


def _wanted(source_id: int, begin_us: int, end_us: int) -> list[Stretch]:
    """Return the wanted intervals that touch a range; one that is still open ends after it."""
    query = (
        select(Wanted.begin_us, Wanted.end_us)
        .where(Wanted.source_id == source_id, Wanted.begin_us < end_us)
        .where(or_(Wanted.end_us.is_(None), Wanted.end_us > begin_us))
        .order_by(Wanted.begin_us)
    )
    return [Stretch(begin, end_us + 1 if end is None else end) for begin, end in db.session.execute(query)]


def _tries(source_id: int, begin_us: int, end_us: int) -> list[_Try]:
    """Return the attempts that touch a range, and the last that began before it."""
    columns = (Attempt.begin_us, Attempt.end_us, Attempt.reason, Attempt.detail, Attempt.run_id)
    ours = select(*columns).where(Attempt.source_id == source_id)
    before = ours.where(Attempt.begin_us <= begin_us).order_by(Attempt.begin_us.desc()).limit(1)
    within = ours.where(Attempt.begin_us > begin_us, Attempt.begin_us < end_us).order_by(Attempt.begin_us)
    return [_Try(*row) for query in (before, within) for row in db.session.execute(query)]


def _explain(gap: Stretch, wanted: Sequence[Stretch], tries: Sequence[_Try]) -> list[Gap]:
    """Return one gap, cut where its cause changes; equal neighbours and slivers are joined."""
    edges = {gap.begin_us, gap.end_us}
    edges |= {edge for stretch in wanted for edge in stretch}
    edges |= {edge for item in tries for edge in (item.begin_us, item.end_us) if edge is not None}
    inner = sorted(edge for edge in edges if gap.begin_us <= edge <= gap.end_us)
    pieces: list[Gap] = []
    for begin, end in pairwise(inner):
        cause, detail = _cause(begin, wanted, tries)
        pieces.append(Gap(begin, end, cause, detail))
    return _joined(pieces)


def _cause(instant_us: int, wanted: Sequence[Stretch], tries: Sequence[_Try]) -> tuple[str, str | None]:
    """Return cause and detail of a moment without footage."""
    if not any(stretch.begin_us <= instant_us < stretch.end_us for stretch in wanted):
        return NOT_RECORDING, None
    last = next((item for item in reversed(tries) if item.begin_us <= instant_us), None)
    if last is None:
        return RECORDER_STOPPED, None
    is_living = last.end_us is None or instant_us < last.end_us
    if is_living and last.run_id is not None and last.begin_us == instant_us:
        return STARTING, None
    if last.end_us is None and last.run_id is not None:
        return PENDING, None
    if not is_living and last.reason in (None, "stopped"):
        return RECORDER_STOPPED, None
    return last.reason or UNKNOWN, last.detail


def _joined(pieces: Sequence[Gap]) -> list[Gap]:
    """Join neighbours of one cause, and slivers with the piece after them, or before at the end."""
    joined: list[Gap] = []
    for piece in pieces:
        if joined and (joined[-1].cause == piece.cause or _is_sliver(joined[-1], piece)):
            joined[-1] = piece._replace(begin_us=joined[-1].begin_us)
        elif joined and _is_sliver(piece, joined[-1]):
            joined[-1] = joined[-1]._replace(end_us=piece.end_us)
        else:
            joined.append(piece)
    return joined


def _is_sliver(piece: Gap, neighbour: Gap) -> bool:
    is_wanted = NOT_RECORDING not in (piece.cause, neighbour.cause)
    return is_wanted and piece.end_us - piece.begin_us < SLIVER_US
