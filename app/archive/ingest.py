"""Taking a run's files into the archive while ffmpeg writes them.

Order, so that a crash between any two steps loses nothing: file closed and renamed (archive.closing), sample index
appended, row committed. A row is OPEN from the second fragment of a run on; readers look into the open file themselves.

Wall clock: a run's first sample is dated from the arrival of its first fragments; each later segment starts where the
one before ended, at most 500 ppm faster or slower than media time, as the arrival of the segment before suggests. So
no instant already given out ever changes. Where that cannot mend it, since the clock was set, a new run begins at the
seam with an anchor of its own, while the same ffmpeg goes on (archive.runs).
"""

import errno
import logging
from pathlib import Path

from app.archive import places, runs, sidecar
from app.archive.closing import Body, ClosedFile, Identity, close_file
from app.archive.coverage import note_closed, note_opened, recount
from app.archive.entries import store_entries
from app.archive.livefile import LiveFile, ticks_us
from app.archive.storages import read_marker
from app.archive.unclosed import OpenSegment, Place
from app.extensions import AnySession, db, writing
from app.formats.sampleindex import SampleIndex
from app.models import Run, Segment
from app.models.segment import CLOSED, MAX_SEGMENT_US, MISSING, OPEN
from app.models.types import new_uuid

__all__ = ["OpenSegment", "Place", "RunWriter"]

log = logging.getLogger(__name__)

MAX_SLEW_PPM = 500
SLEW_DEADBAND_US = 50_000
MAX_SEAM_US = 10_000_000
LEAST_ARRIVALS = 3


class RunWriter:
    """Takes the files of one ffmpeg into the archive. Used by one thread, within an app context."""

    _is_live = True  # else files may have been copied since they were written: no mtime begins a run

    def __init__(
        self, place: Place, *, zero_us: int | None = None, base_us: int | None = None, is_new: bool = False
    ) -> None:
        """Begin, or go on with what an earlier process left. zero_us: the wall clock of media time 0, where known.

        base_us: `boot_offset_us` as that process saw it last. is_new: there was none; the database is not asked.
        """
        self.place = place
        self._clock = runs.RunClock()
        if base_us is not None:
            self._clock.base_us = base_us
        self.zero_us = zero_us
        self.is_published = False
        self._is_picture = zero_us is not None
        self.is_finished = False
        self.has_jumped = False
        self.unclosed: list[OpenSegment] = []
        first = self._first_sequence()
        self.current = OpenSegment(first, self._live_file(first), place.run_id)
        if not is_new:
            self._load()
        self._following = self._at(self.current.sequence + 1)  # there or not yet

    def _first_sequence(self) -> int:
        return 0

    def _load(self) -> None:
        run = db.session.get(Run, self.place.run_id)
        if run is None:
            return
        self.is_published = True
        self._is_picture = run.is_picture
        segments = [self._from_row(row) for row in runs.open_segments(run.id)]
        self.is_finished = not segments
        if segments:
            *self.unclosed, self.current = segments  # those are read when they are closed: there may be many
            self.current.file.poll()
        db.session.rollback()

    def _from_row(self, row: Segment) -> OpenSegment:
        clock = (row.start_us, 0, row.slew_ppm, row.shift_ticks)
        segment = OpenSegment(row.sequence, self._live_file(row.sequence), row.run_id, row.id, *clock)
        if not segment.file.path.exists():  # a crash came between rename and commit
            segment.file.path = self._closed_path(segment)
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
            run = session.get(Run, self.run_id)
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
            runs.begin_run(session, self.place, first, is_picture=self._is_picture)
            self._add_open(session, first)
        self.is_published = True
        if self.zero_us is None:
            self._clock.set_anchor()

    def _add_open(self, session: AnySession, segment: OpenSegment) -> None:
        self._add_row(session, segment, store_entries(session, segment.file))
        note_opened(session, self.place.source_id, segment.start_us)

    def _add_row(self, session: AnySession, segment: OpenSegment, entry_ids: tuple[int | None, int | None]) -> None:
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
        following.slew_ppm, following.run_id = self._slew_ppm(before), before.run_id
        anew_us = self._begin_anew(before, following, end_us)
        if anew_us is None:
            self._open(following)
        else:
            following.start_us, following.slew_ppm, following.run_id = anew_us, 0, new_uuid()
            self._open_anew(before, following, end_us)
        before.end_us = end_us
        self._go_on_with(following)
        self.unclosed.append(before)
        self._retry_unclosed()

    def _open(self, following: OpenSegment) -> None:
        """Make the row of the file that goes on."""
        following.file.first_key_sample()  # not within the transaction
        with writing() as session:
            self._add_open(session, following)

    def _begin_anew(self, before: OpenSegment, following: OpenSegment, end_us: int) -> int | None:
        """Return where a new run begins with the following file, None where the old one goes on."""
        if not self._is_live or self.has_jumped:
            return None
        if self._is_picture:
            return self._clock.begin_pictures_anew(end_us)
        # What was read at once, as after a copy, says nothing of the time in between.
        error_us = self._error_us(before) if before.file.arrivals >= LEAST_ARRIVALS else None
        return self._clock.begin_anew(following.file, end_us, error_us)

    def _open_anew(self, before: OpenSegment, following: OpenSegment, end_us: int) -> None:
        """Make the rows of a run that goes on with the same ffmpeg by another clock."""
        following.file.first_key_sample()  # not within the transaction
        with writing() as session:
            runs.begin_run(session, self.place, following, is_picture=self._is_picture)
            runs.end_run(session, before.run_id, end_us, following.start_us)
            self._add_open(session, following)
        self._clock.set_anchor()
        wrong_s = (following.start_us - end_us) / 1_000_000
        log.warning("source %d: a new run begins, %+.1f s from the old clock", self.place.source_id, wrong_s)

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
        error_us = self._error_us(before)
        if error_us is None or abs(error_us) < SLEW_DEADBAND_US:
            return 0
        length_us = ticks_us(before.file.end_ticks - before.file.begin_ticks, before.file.timescale)
        if length_us <= 0:
            return 0
        return max(-MAX_SLEW_PPM, min(MAX_SLEW_PPM, error_us * 1_000_000 // length_us))

    def _error_us(self, segment: OpenSegment) -> int | None:
        """Return how much later a segment began than it says, by its arrival; None where that says nothing."""
        file = segment.file
        if self._is_picture or file.zero_us is None or file.is_stale or not file.pictured:
            return None
        return file.zero_us + ticks_us(file.begin_ticks, file.timescale) - segment.start_us

    def _retry_unclosed(self) -> None:
        while self.unclosed:
            self.close_oldest()

    def close_oldest(self) -> bool:
        """Close the oldest file that waits for it; tell whether there was one. Raises OSError, OperationalError."""
        if not self.unclosed:
            return False
        segment, following = [*self.unclosed, self.current][:2]
        for one in (segment, following):
            one.file.poll()
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
            segment.run_id,
            segment.sequence,
            segment.start_us,
            segment.slew_ppm,
            runs.camera_offset(segment, is_picture=self._is_picture),
            segment.shift_ticks,
            self._is_picture,
            is_clock_unset=runs.is_unset(segment.run_id),
        )
        assert file.init is not None  # there are fragments
        index = SampleIndex.build(file.init, file.fragments, segment.shift_ticks)
        previous = runs.chain_before(segment)
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
            runs.note_offset(session, segment.run_id, identity.clock_offset_us)

    def _append_index(self, start_us: int, index: SampleIndex) -> tuple[int, int]:
        try:
            return sidecar.append_index(self.place.root, self.place.source_id, start_us, index.to_bytes())
        except OSError as error:
            log.warning("the sample index could not be written (%s); readers use the media file", error.strerror)
            return 0, 0

    def _mark_missing(self, segment: OpenSegment) -> None:
        """Note that a file is nowhere. Raises OSError where its storage is: then nothing is known of it."""
        if read_marker(self.place.root) != self.place.storage_id:
            raise OSError(errno.ENODEV, "the storage has gone away", str(self.place.root))
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
