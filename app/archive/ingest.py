"""Taking a run's files into the archive while ffmpeg writes them.

Order, so that a crash between any two steps loses nothing: file closed and renamed (archive.closing), sample index
appended, row committed. A row is OPEN from the second fragment of a run on; readers look into the open file themselves.

Wall clock: a run's first sample is dated from the arrival of its first fragments; each later segment starts where the
one before ended, at most 500 ppm faster or slower than media time, as the arrival of the segment before suggests. So
no instant already given out ever changes.
"""

import logging
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import select

from app.archive import places, sidecar
from app.archive.closing import Body, ClosedFile, Identity, close_file
from app.archive.coverage import note_closed, note_opened, recount
from app.archive.entries import store_entries
from app.archive.livefile import LiveFile, ticks_us
from app.extensions import AnySession, db, writing
from app.formats.closing import FIRST
from app.formats.sampleindex import SampleIndex
from app.models import Run, Segment
from app.models.segment import CLOSED, MAX_SEGMENT_US, MISSING, OPEN
from app.models.types import new_uuid

log = logging.getLogger(__name__)

MAX_SLEW_PPM = 500
SLEW_DEADBAND_US = 50_000
MAX_SEAM_US = 10_000_000


@dataclass(slots=True)
class Place:
    """Where a run's files are written."""

    root: Path
    storage_id: str
    source_id: int
    run_id: str


@dataclass(slots=True)
class OpenSegment:
    """The segment of a run that is being written: its file and, once published, what its row says."""

    sequence: int
    file: LiveFile
    id: str = field(default_factory=new_uuid)
    start_us: int = 0
    end_us: int = 0  # known once the next has begun
    slew_ppm: int = 0
    shift_ticks: int = 0

    def wall_us(self, ticks: int) -> int:
        """Return the wall clock of a decode time of the file's own timeline."""
        media_us = ticks_us(ticks - self.file.begin_ticks, self.file.timescale)
        return self.start_us + media_us + media_us * self.slew_ppm // 1_000_000


class RunWriter:
    """Takes the files of one run into the archive. Used by one thread, within an app context."""

    def __init__(self, place: Place, *, zero_us: int | None = None) -> None:
        """Begin, or go on with what an earlier process left. zero_us: the wall clock of media time 0, where known."""
        self.place = place
        self.zero_us = zero_us
        self.is_published = False
        self._is_picture = zero_us is not None
        self.is_finished = False
        self.has_jumped = False
        self.unclosed: list[OpenSegment] = []
        self.current = self._at(self._first_sequence())
        self._load()
        self._following = self._at(self.current.sequence + 1)  # there or not yet

    def _first_sequence(self) -> int:
        return 0

    def _load(self) -> None:
        run = db.session.get(Run, self.place.run_id)
        if run is None:
            return
        query = select(Segment).where(Segment.run_id == run.id, Segment.state == OPEN).order_by(Segment.sequence)
        rows = db.session.scalars(query).all()
        self.is_published = True
        self._is_picture = run.is_picture
        segments = [self._from_row(row) for row in rows]
        self.is_finished = not segments
        if segments:
            *self.unclosed, self.current = segments
        db.session.rollback()

    def _from_row(self, row: Segment) -> OpenSegment:
        segment = OpenSegment(
            row.sequence, self._live_file(row.sequence), row.id, row.start_us, row.slew_ppm, row.shift_ticks
        )
        if not segment.file.path.exists():  # a crash came between rename and commit
            segment.file.path = self._closed_path(segment)
        segment.file.poll()
        return segment

    def _at(self, sequence: int) -> OpenSegment:
        return OpenSegment(sequence, self._live_file(sequence))

    def _live_file(self, sequence: int) -> LiveFile:
        return LiveFile(places.live_path(self.place.root, self.place.source_id, self.place.run_id, sequence))

    def _closed_path(self, segment: OpenSegment) -> Path:
        return places.closed_path(self.place.root, self.place.source_id, segment.start_us, segment.id)

    def poll(self) -> bool:
        """Take in what is new; tell whether anything was.

        Raises sqlalchemy.exc.OperationalError when the database cannot be written: call again, nothing is lost.
        """
        if self.is_finished:
            return False
        grew = self.current.file.poll()
        if self._following.file.poll():
            self.current.file.poll()
            grew = True
        if not self.is_published and self._fragments() >= 2:
            self._publish()
        if self._following.file.pictured:
            self._roll()
            return True  # one more may follow it
        return self._skip_damaged() or grew

    def _fragments(self) -> int:
        return len(self.current.file.pictured) + len(self._following.file.pictured)

    def _skip_damaged(self) -> bool:
        """Go past a following file without a whole fragment when there is one after it; tell whether it was."""
        later = self._at(self._following.sequence + 1)
        if not later.file.path.exists():
            return False
        self._following.file.poll()  # it is complete, now that the next has begun
        if not self._following.file.pictured:
            log.error("%s holds no whole fragment and is passed over", self._following.file.path.name)
            self._following = later
        return True

    def _skip_hole(self) -> bool:
        """Go on with a later file where the following one will never come; tell whether there was one."""
        return False

    def finish(self) -> bool:
        """Take in the rest after ffmpeg has ended; tell whether the run holds any footage.

        Fragments that ended up incomplete are kept in `salvage/`. May be called again after an error.
        """
        if self.is_finished:
            return True
        while self.poll() or self._skip_hole():
            pass
        if not self.is_published and self.current.file.pictured:
            self._publish()
        if not self.is_published:
            return False
        self._retry_unclosed()
        end_us = self._end_us(self.current, None)
        self._close(self.current, end_us)
        with writing() as session:
            run = session.get(Run, self.place.run_id)
            if run is not None:
                run.end_us = end_us
        self.is_finished = True
        return True

    @property
    def newest(self) -> LiveFile:
        """The file that ffmpeg writes to now."""
        return self._following.file if self._following.file.size_bytes else self.current.file

    @property
    def media_us(self) -> int:
        """Media time in the open file: it grows without bound when the camera sends no key frame."""
        file = self.current.file
        return ticks_us(file.end_ticks - file.begin_ticks, file.timescale) if file.pictured else 0

    def _publish(self) -> None:
        """Date the run's first sample and make its rows: from here on it can be played."""
        first = self.current
        if not first.file.pictured:
            return
        if first.sequence == 0 and self.zero_us is None:
            first.file.set_first_times()
        zero_us = self.zero_us if self.zero_us is not None else first.file.zero_us
        assert zero_us is not None  # there is a fragment, so there is an estimate
        first.start_us = zero_us + ticks_us(first.file.begin_ticks, first.file.timescale)
        first.file.first_key_sample()  # not within the transaction
        with writing() as session:
            if session.get(Run, self.place.run_id) is None:
                run = Run(
                    id=self.place.run_id,
                    source_id=self.place.source_id,
                    anchor_us=zero_us,
                    begin_us=first.start_us,
                    is_picture=self.zero_us is not None,
                )
                session.add(run)
            session.flush()
            self._add_open(session, first)
        self.is_published = True

    def _add_open(self, session: AnySession, segment: OpenSegment) -> None:
        self._add_row(session, segment, store_entries(session, segment.file))
        note_opened(session, self.place.source_id, segment.start_us)

    def _add_row(self, session: AnySession, segment: OpenSegment, entry_ids: tuple[int | None, int | None]) -> None:
        row = Segment(
            source_id=self.place.source_id,
            start_us=segment.start_us,
            end_us=segment.start_us,
            id=segment.id,
            run_id=self.place.run_id,
            sequence=segment.sequence,
            storage_id=self.place.storage_id,
            state=OPEN,
            slew_ppm=segment.slew_ppm,
            shift_ticks=segment.shift_ticks,
            video_entry_id=entry_ids[0],
            audio_entry_id=entry_ids[1],
        )
        session.add(row)

    def _roll(self) -> None:
        """Open the row of the following file, then close the current one."""
        before, following = self.current, self._following
        if not before.file.pictured and not self.is_published:  # ffmpeg opened a file and never filled it
            self._go_on_with(following)
            return
        end_us, following.start_us = self._seam_us(before, following)
        following.slew_ppm = self._slew_ppm(before)
        self._open(following)
        before.end_us = end_us
        self._go_on_with(following)
        self.unclosed.append(before)
        self._retry_unclosed()

    def _open(self, following: OpenSegment) -> None:
        """Make the row of the file that goes on."""
        following.file.first_key_sample()  # not within the transaction
        with writing() as session:
            self._add_open(session, following)

    def _seam_us(self, before: OpenSegment, following: OpenSegment) -> tuple[int, int]:
        """Return the instants at which a segment ends and the following one begins."""
        end_us = self._end_us(before, following.file)
        return end_us, end_us

    def _go_on_with(self, segment: OpenSegment) -> None:
        self.current, self._following = segment, self._at(segment.sequence + 1)

    def _end_us(self, segment: OpenSegment, following: LiveFile | None) -> int:
        """Return the wall clock after a segment: that of the following one's first sample, where there is one."""
        if not segment.file.pictured:  # it is gone from the disk: closing it marks it missing
            return segment.start_us
        end_ticks = segment.file.end_ticks
        if following is not None:
            begin_ticks = following.begin_ticks - segment.shift_ticks
            seam_us = ticks_us(begin_ticks - end_ticks, following.timescale)
            # Times of pictures are ours: however seldom they come, they do not jump ahead.
            is_far = seam_us > MAX_SEAM_US and self.zero_us is None
            self.has_jumped = begin_ticks <= segment.file.last_ticks or is_far
            if not self.has_jumped:
                end_ticks = begin_ticks
        end_us = max(segment.wall_us(end_ticks), segment.start_us + 1)
        if end_us - segment.start_us > MAX_SEGMENT_US:
            log.error(
                "a segment of source %d lasts longer than %d s",
                self.place.source_id,
                MAX_SEGMENT_US // 1_000_000,
            )
            end_us = segment.start_us + MAX_SEGMENT_US
        return end_us

    def _slew_ppm(self, before: OpenSegment) -> int:
        """Return by how much the next segment's clock is to run fast or slow, from the arrival of the one before."""
        if self.zero_us is not None or before.file.zero_us is None or not before.file.pictured:
            return 0
        arrived_us = before.file.zero_us + ticks_us(before.file.begin_ticks, before.file.timescale)
        error_us = arrived_us - before.start_us
        length_us = ticks_us(before.file.end_ticks - before.file.begin_ticks, before.file.timescale)
        if abs(error_us) < SLEW_DEADBAND_US or length_us <= 0:
            return 0
        return max(-MAX_SLEW_PPM, min(MAX_SLEW_PPM, error_us * 1_000_000 // length_us))

    def _retry_unclosed(self) -> None:
        while self.unclosed:
            self.close_oldest()

    def close_oldest(self) -> bool:
        """Close the oldest file that waits for it; tell whether there was one. Raises OSError, OperationalError."""
        if not self.unclosed:
            return False
        segment, following = [*self.unclosed, self.current][:2]
        self._close(segment, segment.end_us or self._told_end_us(segment, following))
        self.unclosed.remove(segment)
        return True

    def _told_end_us(self, segment: OpenSegment, following: OpenSegment) -> int:
        """Return the wall clock after a segment that an earlier process has left unclosed."""
        is_there = segment.file.pictured and following.file.pictured
        return self._seam_us(segment, following)[0] if is_there else self._end_us(segment, None)

    def _close(self, segment: OpenSegment, end_us: int) -> None:
        """Close the file and its row. Raises OSError when the disk refuses: the row stays open, nothing is lost."""
        file = segment.file
        if not file.pictured:
            self._mark_missing(segment)
            return
        identity = Identity(
            self.place.source_id,
            self.place.run_id,
            segment.sequence,
            segment.start_us,
            segment.slew_ppm,
            None,
            segment.shift_ticks,
            self._is_picture,
        )
        assert file.init is not None  # there are fragments
        index = SampleIndex.build(file.init, file.fragments, segment.shift_ticks)
        previous = self._chain_before(segment)
        body = Body(file.fragments[0].offset_bytes, file.body_end_bytes, end_us, index.counters(), previous)
        closed = close_file(self.place.root, file.path, self._closed_path(segment), identity, body)
        file.path = closed.path
        offset, size = self._append_index(segment.start_us, index)
        with writing() as session:
            row = session.get(Segment, (self.place.source_id, segment.start_us))
            if row is None:
                log.error("the row of segment %s is gone; its file stays where it is", segment.id)
                return
            row.shift_ticks = segment.shift_ticks
            row.end_us = closed.end_us or end_us
            row.index_offset_bytes, row.index_size_bytes = offset, size
            _fill(row, file, closed, index)
            note_closed(session, row.source_id, row.start_us, row.end_us)

    def _chain_before(self, segment: OpenSegment) -> bytes:
        """Return the chain of the segment before this one in its run; that of none where there is none, or no chain."""
        query = (
            select(Segment.chain)
            .where(Segment.run_id == self.place.run_id, Segment.sequence < segment.sequence, Segment.state != OPEN)
            .order_by(Segment.sequence.desc())
            .limit(1)
        )
        chain = db.session.scalar(query)
        db.session.rollback()
        return bytes.fromhex(chain) if chain is not None else FIRST

    def _append_index(self, start_us: int, index: SampleIndex) -> tuple[int, int]:
        try:
            return sidecar.append_index(self.place.root, self.place.source_id, start_us, index.to_bytes())
        except OSError as error:
            log.warning("the sample index could not be written (%s); readers use the media file", error.strerror)
            return 0, 0

    def _mark_missing(self, segment: OpenSegment) -> None:
        log.error("segment %s of source %d is not on disk", segment.id, self.place.source_id)
        with writing() as session:
            row = session.get(Segment, (self.place.source_id, segment.start_us))
            if row is not None:
                row.state = MISSING
                recount(session, row.source_id, row.start_us)


def _fill(row: Segment, file: LiveFile, closed: ClosedFile, index: SampleIndex) -> None:
    row.state = CLOSED
    row.size_bytes, row.mtime_ns, row.sha256 = closed.size_bytes, closed.mtime_ns, closed.sha256
    row.chain = closed.chain
    row.body_begin_bytes, row.body_end_bytes = file.fragments[0].offset_bytes, file.body_end_bytes
    for name, value in index.counters().items():
        setattr(row, name, value)
