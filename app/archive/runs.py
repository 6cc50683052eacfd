"""Runs of one ffmpeg: when its footage goes on under another anchor, and what is written down then.

One ffmpeg fills several runs where this machine's clock is set meanwhile. Its files keep their names, which hold the
`capture_id`, and their numbers go on; each run has an anchor, and a chain of hashes, of its own. Up to the seam
everything keeps the old clock, so no instant that was given out changes and no frame is lost (docs/design/time.md).
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from statistics import median

from flask import current_app
from sqlalchemy import select

from app.archive.holding import lock_source
from app.archive.livefile import LiveFile, ticks_us
from app.archive.machineclock import MOST_ERROR_US, STEP_US, boot_offset_us, machine_clock
from app.archive.unclosed import OpenSegment, Place
from app.extensions import AnySession, db
from app.formats.closing import FIRST
from app.models import Record, Run, Segment, Wanted
from app.models.segment import OPEN

log = logging.getLogger(__name__)
OFFSET_STEP_US = 1_000_000  # the camera's clock was set
OFFSET_NOISE_US = 100_000


def capture_of(run_id: str) -> str:
    """Return the UUID in the names of a run's open files. Remembered: it never changes."""
    known: dict[str, str] = current_app.extensions.setdefault("playback_captures", {})
    if run_id not in known:
        row = db.session.execute(select(Run.capture_id).where(Run.id == run_id)).first()
        if row is None:
            return run_id
        if len(known) > 10_000:
            known.clear()
        known[run_id] = row[0] or run_id
    return known[run_id]


@dataclass(slots=True)
class RunClock:
    """How far a run's clock is from this machine's. `base_us` is what `boot_offset_us` was when it was anchored."""

    base_us: int = field(default_factory=boot_offset_us)
    seen_us: int = field(default_factory=boot_offset_us)

    @property
    def moved_us(self) -> int:
        """By how much the machine's clock was set since the run was anchored."""
        return self.seen_us - self.base_us

    def look(self, files: Iterable[LiveFile]) -> None:
        """See whether the clock was set; then what these files' arrival told before says nothing any more."""
        seen_us = boot_offset_us()
        if abs(seen_us - self.seen_us) >= STEP_US:
            for file in files:
                file.distrust()
        self.seen_us = seen_us

    def set_anchor(self) -> None:
        """Take the clock as it is now for that by which the run was anchored."""
        self.base_us = self.seen_us

    def begin_anew(self, following: LiveFile, end_us: int, error_us: int | None) -> int | None:
        """Return where a new run is to begin with the following file; None where the old one is to go on.

        end_us: where it would begin by the old run's clock. error_us: by how much the arrival of the whole file before
        says that the run is late (negative: early), None where it says nothing. One file that came late does not count.
        """
        if abs(self.moved_us) >= MOST_ERROR_US:
            return end_us + self.moved_us  # exact, where one fragment's arrival may be late
        if following.zero_us is None or following.is_stale or error_us is None:
            return None
        begin_us = following.zero_us + ticks_us(following.begin_ticks, following.timescale)
        wrong_us = begin_us - end_us
        is_wrong = min(abs(wrong_us), abs(error_us)) >= MOST_ERROR_US and (error_us > 0) == (wrong_us > 0)
        return begin_us if is_wrong else None

    def begin_pictures_anew(self, end_us: int) -> int | None:
        """Return the same for pictures: their times are ours, so only the clock itself can be wrong."""
        return end_us + self.moved_us if abs(self.moved_us) >= MOST_ERROR_US else None


def open_segments(capture_id: str) -> list[Segment]:
    """Return the open segments of an ffmpeg's runs, by number."""
    query = (
        select(Segment)
        .join(Run, Run.id == Segment.run_id)
        .where((Run.id == capture_id) | (Run.capture_id == capture_id), Segment.state == OPEN)
    )
    return list(db.session.scalars(query.order_by(Segment.sequence)))


def last_segment(capture_id: str) -> Segment | None:
    """Return the last segment of an ffmpeg's runs, whatever its state."""
    query = select(Segment).join(Run, Run.id == Segment.run_id)
    query = query.where((Run.id == capture_id) | (Run.capture_id == capture_id))
    return db.session.scalar(query.order_by(Segment.sequence.desc()).limit(1))


def is_unset(run_id: str) -> bool:
    """Tell whether the machine did not know the time when a run began."""
    clock = db.session.scalar(select(Run.clock).where(Run.id == run_id))
    db.session.rollback()
    return clock == "unset"


def begin_run(session: AnySession, place: Place, first: OpenSegment, *, is_picture: bool) -> None:
    """Write down the run that a segment begins, where it is new, in the transaction that opens the segment."""
    if session.get(Run, first.run_id) is not None:
        return
    while session.get(Segment, (place.source_id, first.start_us)) is not None:
        first.start_us += 1  # two segments of a source never start at the same instant
    run = Run(
        id=first.run_id,
        source_id=place.source_id,
        anchor_us=first.start_us - ticks_us(first.file.begin_ticks, first.file.timescale),
        begin_us=first.start_us,
        clock_offset_us=camera_offset(first, is_picture=is_picture),
        capture_id=place.run_id if first.run_id != place.run_id else None,
        clock="unset" if machine_clock.is_unset else "ok",
        is_picture=is_picture,
    )
    session.add(run)
    session.flush()


def end_run(session: AnySession, run_id: str, end_us: int, next_us: int) -> None:
    """Write down that the next run of the same ffmpeg begins at next_us, by the clock as it is now.

    Where the clock was set back what is wanted, and each record that goes on, ends with the old run and begins again
    with the new one: an interval has one clock.
    """
    run = session.get(Run, run_id)
    if run is None:
        return
    run.end_us = end_us
    if next_us >= end_us:
        return
    lock_source(session, run.source_id)
    open_records = session.scalars(select(Record).where(Record.source_id == run.source_id, Record.end_us.is_(None)))
    for record in open_records.all():
        record.end_us = max(end_us, record.begin_us)
        session.flush()  # a source has at most one open record under a tag
        values = {"source_id": record.source_id, "tag_id": record.tag_id, "scheduled_by": record.scheduled_by}
        session.add(Record(**values, begin_us=next_us))
    for wanted in session.scalars(select(Wanted).where(Wanted.source_id == run.source_id, Wanted.end_us.is_(None))):
        wanted.end_us = max(end_us, wanted.begin_us)
        session.flush()
        session.add(Wanted(source_id=run.source_id, begin_us=next_us))
    session.flush()


def chain_before(segment: OpenSegment) -> bytes:
    """Return the chain of the segment before this one in its run; that of none where there is none, or no chain."""
    query = (
        select(Segment.chain)
        .where(Segment.run_id == segment.run_id, Segment.sequence < segment.sequence, Segment.state != OPEN)
        .order_by(Segment.sequence.desc())
        .limit(1)
    )
    chain = db.session.scalar(query)
    db.session.rollback()
    return bytes.fromhex(chain) if chain is not None else FIRST


def camera_offset(segment: OpenSegment, *, is_picture: bool = False) -> int | None:
    """Return by how much the camera's clock is ahead of a segment's, in µs; None where it told nothing."""
    if is_picture:
        return None
    return median_offset((segment.wall_us(ticks), told_us) for ticks, told_us in segment.file.camera_us)


def median_offset(told: Iterable[tuple[int, int | None]]) -> int | None:
    """Return the same of fragments: the wall clock of the first frame of each, and what the camera's showed then."""
    pairs = list(told)
    offsets = [camera_us - wall_us for wall_us, camera_us in pairs if camera_us is not None]
    return round(median(offsets)) if 2 * len(offsets) > len(pairs) else None


def newest_offset_s(session: AnySession, source_id: int) -> float | None:
    """Return how far ahead the camera's clock was when it was last told, in seconds; None where it never was."""
    offset = select(Run.clock_offset_us)
    # `+ 0` keeps SQLite from walking all rows of the source: the index on the state leads to the few open ones.
    growing = offset.join(Segment, Segment.run_id == Run.id).where(
        Segment.state == OPEN, Segment.source_id + 0 == source_id
    )
    last = offset.where(Run.source_id == source_id).order_by(Run.anchor_us.desc())
    found = session.execute(growing.limit(1)).first() or session.execute(last.limit(1)).first()
    return found[0] / 1_000_000 if found is not None and found[0] is not None else None


def note_offset(session: AnySession, run_id: str, offset_us: int | None) -> None:
    """Write down the camera's clock as it was last told, in the transaction that closes a segment."""
    run = session.get(Run, run_id)
    if run is None or offset_us is None:
        return
    known_us = run.clock_offset_us
    if known_us is not None and abs(offset_us - known_us) >= OFFSET_STEP_US:
        change_s = (offset_us - known_us) / 1e6
        log.warning("source %d: the camera's clock was set: by %+.1f s against ours", run.source_id, change_s)
    if known_us is None or abs(offset_us - known_us) >= OFFSET_NOISE_US:
        run.clock_offset_us = offset_us
