"""Taking a run's files into the archive while ffmpeg writes them.

Order, so that a crash between any two steps loses nothing: file closed and renamed (archive.closing), sample index
appended, row committed. A row is OPEN from the second fragment of a run on; readers look into the open file themselves.

Wall clock: a run's first sample is dated from the arrival of its first fragments; each later segment starts where the
one before ended, at most 500 ppm faster or slower than media time, as the arrival of the segment before suggests. So
no instant already given out ever changes. Where that cannot mend it, since the clock was set, a new run begins at the
seam with an anchor of its own, while the same ffmpeg goes on (archive.runs).
"""

import logging
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import select

from app.archive import places, runs, sidecar
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
    """Where an ffmpeg's files are written. `run_id` is in their names: its first run's, and `capture_id` of others."""

    root: Path
    storage_id: str
    source_id: int
    run_id: str


@dataclass(slots=True)
class OpenSegment:
    """The segment of a run that is being written: its file and, once published, what its row says."""

    sequence: int
    file: LiveFile
    run_id: str
    id: str = field(default_factory=new_uuid)
    start_us: int = 0
    slew_ppm: int = 0
    shift_ticks: int = 0

    def wall_us(self, ticks: int) -> int:
        """Return the wall clock of a decode time of the file's own timeline."""
        media_us = ticks_us(ticks - self.file.begin_ticks, self.file.timescale)
        return self.start_us + media_us + media_us * self.slew_ppm // 1_000_000


class RunWriter:
    """Takes the files of one ffmpeg into the archive. Used by one thread, within an app context."""

    def __init__(
        self, place: Place, *, zero_us: int | None = None, base_us: int | None = None, is_live: bool = True
    ) -> None:
        """Begin, or go on with what an earlier process left. zero_us: the wall clock of media time 0, where known.

        base_us: `boot_offset_us` as that process saw it last. Not is_live: ffmpeg is gone, and the files may have been
        copied since, so their mtimes begin no new run.
        """
        self.place = place
        self._is_live = is_live
        self._clock = runs.RunClock()
        if base_us is not None:
            self._clock.base_us = base_us
        self.zero_us = zero_us
        self.is_published = False
        self._is_picture = zero_us is not None
        self.is_finished = False
        self.has_jumped = False
        self.unclosed: list[OpenSegment] = []
        self.current = OpenSegment(0, self._live_file(0), place.run_id)
        self._load()
        self._following = self._at(self.current.sequence + 1)  # there or not yet

    def _load(self) -> None:
        run = db.session.get(Run, self.place.run_id)
        if run is None:
            return
        self.is_published = True
        self._is_picture = run.is_picture
        segments = [self._from_row(row) for row in runs.open_segments(run.id)]
        self.is_finished = not segments
        if segments:
            *self.unclosed, self.current = segments
        db.session.rollback()

    def _from_row(self, row: Segment) -> OpenSegment:
        ids = (self._live_file(row.sequence), row.run_id, row.id)
        segment = OpenSegment(row.sequence, *ids, row.start_us, row.slew_ppm, row.shift_ticks)
        if not segment.file.path.exists():  # a crash came between rename and commit
            segment.file.path = self._closed_path(segment)
        segment.file.poll()
        return segment

    def _at(self, sequence: int) -> OpenSegment:
        return OpenSegment(sequence, self._live_file(sequence), self.run_id)

    @property
    def run_id(self) -> str:
        """The run that is being written."""
        return self.current.run_id

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
        self._clock.look((self.current.file, self._following.file))
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

    def finish(self) -> bool:
        """Take in the rest after ffmpeg has ended; tell whether the run holds any footage.

        Fragments that ended up incomplete are kept in `salvage/`. May be called again after an error.
        """
        if self.is_finished:
            return True
        while self.poll():
            pass
        if not self.is_published and self.current.file.pictured:
            self._publish()
        if not self.is_published:
            return False
        self._retry_unclosed()
        end_us = self._end_us(self.current, None)
        self._close(self.current, end_us)
        with writing() as session:
            run = session.get(Run, self.run_id)
            if run is not None:
                run.end_us = end_us
        self.is_finished = True
        return True

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
        with writing() as session:
            self._add_run(session, first)
            self._add_open(session, first)
        self.is_published = True
        if self.zero_us is None:
            self._clock.set_anchor()

    def _add_run(self, session: AnySession, first: OpenSegment) -> None:
        """Write down the run that a segment begins."""
        first.start_us = runs.free_start(session, self.place.source_id, first.start_us)
        run = Run(
            id=first.run_id,
            source_id=self.place.source_id,
            anchor_us=first.start_us - ticks_us(first.file.begin_ticks, first.file.timescale),
            begin_us=first.start_us,
            clock_offset_us=self._camera_offset(first),
            capture_id=self.place.run_id if first.run_id != self.place.run_id else None,
            is_picture=self._is_picture,
        )
        runs.add_run(session, run)

    def _camera_offset(self, segment: OpenSegment) -> int | None:
        """Return by how much the camera's clock is ahead of a segment's, in µs; None where it told nothing."""
        if self._is_picture:
            return None
        return runs.camera_offset((segment.wall_us(ticks), told_us) for ticks, told_us in segment.file.camera_us)

    def _add_open(self, session: AnySession, segment: OpenSegment) -> None:
        video_id, audio_id = store_entries(db.session, segment.file)
        row = Segment(
            source_id=self.place.source_id,
            start_us=segment.start_us,
            end_us=segment.start_us,
            id=segment.id,
            run_id=segment.run_id,
            sequence=segment.sequence,
            storage_id=self.place.storage_id,
            state=OPEN,
            slew_ppm=segment.slew_ppm,
            shift_ticks=segment.shift_ticks,
            video_entry_id=video_id,
            audio_entry_id=audio_id,
        )
        session.add(row)
        note_opened(session, row.source_id, row.start_us)

    def _roll(self) -> None:
        """Open the row of the following file, then close the current one."""
        before, following = self.current, self._following
        if not before.file.pictured:  # ffmpeg opened a file and never filled it
            self._go_on_with(following)
            return
        end_us = self._end_us(before, following.file)
        following.start_us, following.slew_ppm, following.run_id = end_us, self._slew_ppm(before), before.run_id
        anew_us = None if self.has_jumped else self._begin_anew(before, following, end_us)
        with writing() as session:
            if anew_us is not None:
                following.start_us, following.slew_ppm, following.run_id = anew_us, 0, new_uuid()
                self._add_run(session, following)
                runs.end_run(session, before.run_id, end_us, following.start_us)
            self._add_open(session, following)
        if anew_us is not None:
            self._clock.set_anchor()
            wrong_s = (anew_us - end_us) / 1_000_000
            log.warning("source %d: a new run begins, %+.1f s from the old clock", self.place.source_id, wrong_s)
        self._go_on_with(following)
        self.unclosed.append(before)
        self._retry_unclosed(end_us)

    def _begin_anew(self, before: OpenSegment, following: OpenSegment, end_us: int) -> int | None:
        """Return where a new run begins with the following file, None where the old one goes on."""
        if not self._is_live:
            return None
        if self._is_picture:
            return self._clock.begin_pictures_anew(end_us)
        return self._clock.begin_anew(following.file, end_us, self._error_us(before))

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
        error_us = self._error_us(before)
        length_us = ticks_us(before.file.end_ticks - before.file.begin_ticks, before.file.timescale)
        if error_us is None or abs(error_us) < SLEW_DEADBAND_US or length_us <= 0:
            return 0
        return max(-MAX_SLEW_PPM, min(MAX_SLEW_PPM, error_us * 1_000_000 // length_us))

    def _error_us(self, segment: OpenSegment) -> int | None:
        """Return how much later a segment began than it says, by its arrival; None where that says nothing."""
        file = segment.file
        if self._is_picture or file.zero_us is None or file.is_stale:
            return None
        return file.zero_us + ticks_us(file.begin_ticks, file.timescale) - segment.start_us

    def _retry_unclosed(self, end_us: int | None = None) -> None:
        for segment in list(self.unclosed):
            known = end_us if segment is self.unclosed[-1] else None
            self._close(segment, known if known is not None else self._end_us(segment, None))
            self.unclosed.remove(segment)

    def _close(self, segment: OpenSegment, end_us: int) -> None:
        """Close the file and its row. Raises OSError when the disk refuses: the row stays open, nothing is lost."""
        file = segment.file
        if not file.pictured:
            self._mark_missing(segment)
            return
        identity = Identity(
            self.place.source_id,
            segment.run_id,
            segment.sequence,
            segment.start_us,
            segment.slew_ppm,
            self._camera_offset(segment),
            segment.shift_ticks,
            self._is_picture,
            is_clock_unset=runs.is_unset(segment.run_id),
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
            row.end_us = end_us
            row.index_offset_bytes, row.index_size_bytes = offset, size
            _fill(row, file, closed, index)
            note_closed(session, row.source_id, row.start_us, row.end_us)
            runs.note_offset(session, segment.run_id, identity.clock_offset_us)

    def _chain_before(self, segment: OpenSegment) -> bytes:
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
