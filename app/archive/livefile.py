"""Files that ffmpeg is still writing: what is whole in them, and what their growth says about the wall clock.

A fragment is written when the sample after it has come, and ffmpeg passes a sample on when two more have begun to come.
So the file's mtime, less the media time at the end of the last whole fragment and those two frames, is when media time
0 arrived, plus what the network and we delayed it. The least of these over a stretch of footage is the best estimate of
the wall clock of media time 0 (docs/design/time.md).

A fragment's `prft` holds the camera's clock at its first frame, from the camera's sender reports; before the first
report, and for cameras that send none, ffmpeg puts the moment of writing there.
"""

import logging
import os
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from app.formats.boxes import FormatError, moof_offsets
from app.formats.firsttimes import find_first_times, has_leading_pictures, has_unset_times, write_first_times
from app.formats.fragments import Fragment, Init, TrackPart, iter_fragments, read_init, scan
from app.formats.unwritten import count_written
from app.models.types import now_us

log = logging.getLogger(__name__)

STALE_US = 2_000_000  # a file that was written longer ago, by the clock as it was set meanwhile, was written before
OWN_CLOCK_US = 100_000  # a fragment that tells the moment of its writing, to so much, tells no camera's clock
HELD_FRAMES = 2  # one by the parser, which ends a frame where the next begins; one by `setts` (capture.ffmpeg)


def ticks_us(ticks: int, timescale: int) -> int:
    """Return ticks in microseconds, rounded to the nearest."""
    return (2 * ticks * 1_000_000 + timescale) // (2 * timescale)


@dataclass(slots=True)
class LiveFile:
    """One segment file while it is open: its whole fragments so far."""

    path: Path
    init: Init | None = None
    fragments: list[Fragment] = field(default_factory=list)
    pictured: list[Fragment] = field(default_factory=list)  # those of them that hold video
    body_end_bytes: int = 0
    size_bytes: int = 0
    zero_us: int | None = None  # estimate of the wall clock of media time 0
    arrivals: int = 0  # how often it was seen to grow
    is_stale: bool = False  # the clock was set since: what arrived before says nothing
    camera_us: list[tuple[int, int | None]] = field(default_factory=list)  # dts and the camera's clock, by fragment
    _first_sample: bytes = b""
    is_doubtful: bool = False  # a power loss may have left blocks in it that were never written

    def poll(self) -> bool:
        """Read what is new; tell whether the file grew. A file that is not there has not grown."""
        try:
            if self.path.stat().st_size == self.size_bytes:
                return False
            handle = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            status = os.fstat(handle)
            self.size_bytes = status.st_size
            self._read(handle, status)
        finally:
            os.close(handle)
        return True

    def _read(self, handle: int, status: os.stat_result) -> None:
        if self.init is None:
            try:
                self.init = read_init(handle)
            except FormatError:
                return
            self.body_end_bytes = self.init.size_bytes
        fresh = self._fresh(handle, self.init, status.st_size)
        if not fresh:
            return
        if not self.take(fresh):
            return
        arrived_ticks = self.end_ticks + HELD_FRAMES * self._frame_ticks
        zero_us = status.st_mtime_ns // 1000 - ticks_us(arrived_ticks, self.timescale)
        self.arrivals += 1
        self._estimate(zero_us, status.st_mtime_ns // 1000)
        self._read_camera(fresh, zero_us)

    def _estimate(self, zero_us: int, written_us: int) -> None:
        """Take in what the file said of media time 0 when it was written at an instant."""
        if self.is_stale and abs(now_us() - written_us) < STALE_US:
            self.zero_us, self.is_stale = zero_us, False
        elif self.zero_us is None:
            self.zero_us = zero_us
        elif not self.is_stale:
            self.zero_us = min(self.zero_us, zero_us)

    def distrust(self) -> None:
        """Let the estimate begin anew: the clock was set."""
        self.is_stale = True

    def _read_camera(self, fresh: list[Fragment], zero_us: int) -> None:
        """Note what each fragment tells of the camera's clock; None for what was ffmpeg's own."""
        for fragment in fresh:
            part = self._video(fragment)
            if part is None:
                continue
            end_ticks = part.tfdt_ticks + int(part.durations.sum()) + HELD_FRAMES * self._frame_ticks
            written_us = zero_us + ticks_us(end_ticks, self.timescale)
            # Before 1970 it is no clock: a camera without one counts from 0 or from its start (RFC 3550 §6.4.1).
            is_told = (fragment.ntp_us or 0) > 0 and abs((fragment.ntp_us or 0) - written_us) > OWN_CLOCK_US
            self.camera_us.append((part.tfdt_ticks, fragment.ntp_us if is_told else None))

    def take(self, fresh: list[Fragment]) -> bool:
        """Add whole fragments that follow those known; tell whether any of them holds video."""
        self.fragments += fresh
        self.body_end_bytes = fresh[-1].end_bytes
        pictured = [fragment for fragment in fresh if self._video(fragment)]
        self.pictured += pictured
        return bool(pictured)

    def _fresh(self, handle: int, init: Init, size_bytes: int) -> list[Fragment]:
        fresh = scan(handle, self.body_end_bytes, init, size_bytes)[0]
        return fresh[: count_written(handle, fresh)] if self.is_doubtful else fresh

    def _video(self, fragment: Fragment) -> TrackPart | None:
        track = self.init.track("video") if self.init else None
        part = fragment.tracks.get(track.track_id) if track else None
        return part if part is not None and part.count else None

    @property
    def timescale(self) -> int:
        """Ticks a second of the video track."""
        track = self.init.track("video") if self.init else None
        return track.timescale if track else 90_000

    @property
    def begin_ticks(self) -> int:
        """Decode time of the first video sample."""
        part = self._video(self.pictured[0])
        assert part is not None
        return part.tfdt_ticks

    @property
    def end_ticks(self) -> int:
        """Decode time after the last whole fragment."""
        part = self._video(self.pictured[-1])
        assert part is not None
        return part.tfdt_ticks + int(part.durations.sum())

    @property
    def last_ticks(self) -> int:
        """Decode time of the last sample. How long that lasts a muxer can only guess."""
        part = self._video(self.pictured[-1])
        assert part is not None
        return part.tfdt_ticks + int(part.durations[:-1].sum())

    @property
    def _frame_ticks(self) -> int:
        """The usual duration of a frame in the last whole fragment."""
        part = self._video(self.pictured[-1])
        assert part is not None
        return int(np.median(part.durations))

    @property
    def frame_rate(self) -> float | None:
        """Frames a second by the times of the whole fragments' frames; None for less than a second of them.

        Odd distances do not count: ffmpeg guesses those of the first frames, and that of the very last.
        """
        parts = [part for fragment in self.pictured if (part := self._video(fragment)) is not None]
        ticks = np.concatenate([part.durations for part in parts])[:-1] if parts else np.zeros(0)
        if not ticks.size:
            return None
        usual = float(np.median(ticks))
        ticks = ticks[(ticks > usual / 4) & (ticks < usual * 4)]
        if int(ticks.sum()) < self.timescale:
            return None
        return round(float(self.timescale / ticks.mean()), 3)

    def first_key_sample(self) -> bytes:
        """Return the first video sample, at most 4 KiB of it: where parameter sets stand. Read from the disk once.

        Call it before a transaction that needs it: on a disk that does not answer it would hold the database.
        """
        if not self._first_sample:
            self._first_sample = self._read_first_sample()
        return self._first_sample

    def _read_first_sample(self) -> bytes:
        part = self._video(self.pictured[0])
        assert part is not None
        handle = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            return os.pread(handle, min(int(part.sizes[0]), 4096), part.data_offset)
        finally:
            os.close(handle)

    def set_first_times(self) -> None:
        """Give the first frames of a connection with B-frames their true times, in the file itself.

        Does nothing where they have them already, so it may be called again. What goes wrong is logged: then the
        first frame of the connection is dated too early, all others are right.
        """
        part, track = self._video(self.pictured[0]), self.init.track("video") if self.init else None
        if part is None or track is None or not has_unset_times(part):
            return
        has_leading = has_leading_pictures(track.fourcc, self.first_key_sample())
        parts = [found for fragment in self.pictured if (found := self._video(fragment)) is not None]
        times = find_first_times(parts, has_leading=has_leading)
        if times is None:
            log.warning("%s: the time of the first frame cannot be told", self.path.name)
            return
        try:
            handle = os.open(self.path, os.O_RDWR | os.O_CLOEXEC)
            try:
                write_first_times(handle, self.pictured[0], track.track_id, times)
                os.fdatasync(handle)  # before the row that says when they are: it never gives them another time
                assert self.init is not None  # there is a track
                self.fragments, _ = scan(handle, self.init.size_bytes, self.init, self.body_end_bytes)
                self.pictured = [fragment for fragment in self.fragments if self._video(fragment)]
            finally:
                os.close(handle)
        except (OSError, FormatError) as error:
            log.warning("%s: the times of the first frames could not be written: %s", self.path.name, error)


class GlancedFile(LiveFile):
    """A file that nobody writes any more, of which only the first and the last fragment with video are read.

    That tells when it began and ended: a twentieth of the work. `body_end_bytes` and `fragments` are no use.
    """

    def _fresh(self, handle: int, init: Init, size_bytes: int) -> list[Fragment]:
        first = self._first_pictured(handle, init, self.body_end_bytes, size_bytes)
        if first is None:
            return []
        for begin in reversed(moof_offsets(handle, first.end_bytes, size_bytes)):
            last = self._first_pictured(handle, init, begin, size_bytes)
            if last is not None:
                return [first, last]
        return [first]

    def _first_pictured(self, handle: int, init: Init, begin: int, size_bytes: int) -> Fragment | None:
        """Return the first whole fragment with video from an offset on."""
        return next((one for one in iter_fragments(handle, begin, init, size_bytes) if self._video(one)), None)
