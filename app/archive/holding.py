"""Which records hold which footage: a record holds every segment that overlaps it.

Segments are never cut, so one that two records share goes with the last of them. The sound of a moment may lie in the
file next to that of its picture: a record that only touches a file can need a little of its sound.
"""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

from sqlalchemy import and_, exists, or_, select
from sqlalchemy.orm import aliased

from app.archive.spans import Stretch
from app.extensions import AnySession
from app.models import Attempt, Record, Run, SampleEntry, Segment, Source
from app.models.segment import MAX_SEGMENT_US, MISSING, OPEN

FOR_EVER_US = 2**62
BESIDE_US = 1_000_000  # how far from its picture sound may lie, as playback looks for it


class Piece(NamedTuple):
    """What is needed of a segment that goes."""

    id: str
    start_us: int
    end_us: int
    storage_id: str
    size_bytes: int


PIECES = select(Segment.id, Segment.start_us, Segment.end_us, Segment.storage_id, Segment.size_bytes).order_by(
    Segment.start_us
)


def lock_source(session: AnySession, source_id: int) -> None:
    """Hold a source's row, deleted or not, so that nobody starts, stops or deletes its recordings meanwhile."""
    session.execute(select(Source.id).where(Source.id == source_id).with_for_update())


def is_settled(session: AnySession, source_id: int, until_us: int) -> bool:
    """Tell whether no footage of before an instant is still to come: none is open, and none about to be published."""
    growing = select(Segment.id).where(
        Segment.state == OPEN, Segment.source_id + 0 == source_id, Segment.start_us < until_us
    )
    if session.scalar(growing.limit(1)) is not None:
        return False
    # One attempt of a source lives at most: it is among the last.
    last = (
        select(Attempt.end_us, Run.id)
        .outerjoin(Run, Run.id == Attempt.run_id)
        .where(Attempt.source_id == source_id, Attempt.begin_us < until_us)
        .order_by(Attempt.begin_us.desc())
        .limit(4)
    )
    return not any(end_us is None and run_id is None for end_us, run_id in session.execute(last))


def held_alone(session: AnySession, row: Record) -> list[Piece]:
    """Return the segments, open ones left out, that an ended record holds and no other record that is not deleted."""
    assert row.end_us is not None  # whoever asks has looked
    if row.end_us <= row.begin_us:
        return []
    found = PIECES.where(
        Segment.source_id == row.source_id,
        Segment.start_us > row.begin_us - MAX_SEGMENT_US,
        Segment.start_us < row.end_us,
        or_(Segment.end_us > row.begin_us, Segment.start_us >= row.begin_us),  # a missing one has no length
        Segment.state != OPEN,
    )
    pieces = [Piece(*piece) for piece in session.execute(found)]
    if not pieces:
        return []
    near = (pieces[0].start_us, pieces[-1].start_us + MAX_SEGMENT_US)
    others = [_span_of(other) for other in records_near(session, row.source_id, *near) if other.id != row.id]
    return [piece for piece in pieces if not any(_overlaps(piece, begin, end) for begin, end in others)]


def records_near(session: AnySession, source_id: int, begin_us: int, end_us: int) -> list[Record]:
    """Return the records of a source, not deleted ones, that overlap or touch a stretch of time."""
    found = select(Record).where(
        Record.source_id == source_id,
        Record.deleted_us.is_(None),
        Record.begin_us <= end_us,
        or_(Record.end_us.is_(None), and_(Record.end_us >= begin_us, Record.end_us > Record.begin_us)),
    )
    return list(session.scalars(found))


def has_footage(session: AnySession, row: Record) -> bool:
    """Tell whether a record holds any segment that is there."""
    found = select(Segment.id).where(
        Segment.source_id == row.source_id,
        Segment.start_us > row.begin_us - MAX_SEGMENT_US,
        Segment.start_us < (FOR_EVER_US if row.end_us is None else row.end_us),
        or_(Segment.end_us > row.begin_us, Segment.state == OPEN),
        Segment.state != MISSING,
    )
    return session.scalar(found.limit(1)) is not None


def find_robbed(session: AnySession, source_id: int, pieces: Sequence[Piece], spans: Sequence[Stretch]) -> list[Record]:
    """Return the records, not deleted ones, that lose footage when these segments go; both come by begin."""
    if not spans:
        return []
    near = records_near(session, source_id, spans[0].begin_us - BESIDE_US, spans[-1].end_us + BESIDE_US)
    starts = [piece.start_us for piece in pieces]
    latest = list(accumulate((piece.end_us for piece in pieces), max))
    robbed = []
    for record in near:
        begin_us, end_us = _span_of(record)
        first, after = bisect_left(starts, begin_us), bisect_left(starts, end_us)
        beside = [*pieces[max(first - 1, 0) : first], *pieces[after : after + 1]]
        has_lost = after > 0 and latest[after - 1] > begin_us
        if has_lost or any(_sounds_in(session, source_id, piece, begin_us, end_us) for piece in beside):
            robbed.append(record)
    return robbed


def _sounds_in(session: AnySession, source_id: int, piece: Piece, begin_us: int, end_us: int) -> bool:
    """Tell whether a segment that a record only touches has sound of it."""
    is_before = piece.end_us <= begin_us
    if (begin_us - piece.end_us if is_before else piece.start_us - end_us) >= BESIDE_US:
        return False
    sound = _sound_us(session, source_id, piece, is_before=is_before)
    return sound is not None and (sound[1] >= begin_us if is_before else sound[0] < end_us)


def _sound_us(session: AnySession, source_id: int, piece: Piece, *, is_before: bool) -> tuple[int, int] | None:
    """Return when the first and the last packet of sound of a segment begin; None where no file next to it needs it."""
    video, audio, next_file = aliased(SampleEntry), aliased(SampleEntry), aliased(Segment)
    sequence = next_file.sequence + (-1 if is_before else 1)
    query = (
        select(Segment, video.timescale, audio.timescale)
        .join(video, video.id == Segment.video_entry_id)
        .join(audio, audio.id == Segment.audio_entry_id)
        .where(Segment.source_id == source_id, Segment.start_us == piece.start_us, Segment.a_n > 0)
        .where(exists().where(next_file.run_id == Segment.run_id, sequence == Segment.sequence))
    )
    found = session.execute(query).first()
    if found is None:
        return None
    row, video_hz, audio_hz = found
    shown_us = (row.v_t0 + row.v_c0) * 1_000_000 // video_hz

    def instant_us(ticks: int) -> int:
        media_us = ticks * 1_000_000 // audio_hz - shown_us
        return int(row.start_us + media_us * (1_000_000 + row.slew_ppm) // 1_000_000)

    return instant_us(row.a_t0), instant_us(row.a_t0 + row.a_dur - row.a_last)


def _span_of(row: Record) -> tuple[int, int]:
    return row.begin_us, FOR_EVER_US if row.end_us is None else row.end_us


def _overlaps(piece: Piece, begin_us: int, end_us: int) -> bool:
    return begin_us < max(piece.end_us, piece.start_us + 1) and end_us > piece.start_us
