"""Pictures of a camera from what is just being recorded of it: no second connection to the camera is needed.

The open file is read on as it grows, a fragment at a time, and the next one when that has begun. Where the key frames
come as often as pictures are wanted, only they are decoded; else every frame is, and those wanted are shown at the
pace at which the camera took them, a fragment late.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from app.archive import places
from app.archive.find import find_open
from app.archive.segments import Found
from app.extensions import db
from app.formats.boxes import FormatError
from app.formats.codecs import decoder_of
from app.formats.fragments import Fragment, Init, read_init, scan
from app.playback.decoding import Picture, to_jpeg, to_pixels

if TYPE_CHECKING:
    from av import VideoFrame

Shot = tuple[bytes, int]
QUALITY = 80
LOOK_S, LOOK_AGAIN_S = 0.1, 1.0
LEAST_DELAY_S = 0.04  # at most 25 pictures a second
EARLY = 0.1  # a picture may come by so much of the delay too soon
SLACK_S, LATE_S = 0.25, 2.0  # how far the showing may lag behind what is there; where it begins anew


class Wish(Protocol):
    """What is wanted now."""

    @property
    def delay_s(self) -> float:
        """The smallest delay that is wanted now."""

    @property
    def is_over(self) -> bool:
        """Tell whether nobody watches any more."""

    def wait(self, timeout_s: float) -> None:
        """Sleep, but no longer than until the wish changes."""


class Sample(NamedTuple):
    """One coded frame in the open file."""

    tail: Tail
    offset: int
    size_bytes: int
    pts_s: float
    is_key: bool

    def read(self) -> bytes:
        """Return its bytes. Raises FormatError where they are not there."""
        data = os.pread(self.tail.handle, self.size_bytes, self.offset)
        if len(data) != self.size_bytes or not data:
            raise FormatError("a sample of the open file is not there")
        return data


@dataclass(frozen=True, slots=True)
class _Clock:
    """The wall clock of a run's media times."""

    segment: Found

    def instant_us(self, pts_s: float) -> int:
        """Return the instant of a media time."""
        ticks_a_second = self.segment.load_index().counts["v_timescale"]
        return self.segment.instant_at(round(pts_s * ticks_a_second) + self.segment.shift_ticks, ticks_a_second)


class Tail:
    """An open file that is read as it grows; it stays readable when it is closed and moved."""

    def __init__(self, path: str, other_path: str | None, run_id: str, sequence: int) -> None:
        """Open it. Raises OSError, and FormatError where its head is not whole yet."""
        self.run_id, self.sequence = run_id, sequence
        self.handle = -1
        for name in filter(None, (path, other_path, path)):
            with contextlib.suppress(FileNotFoundError):
                self.handle = os.open(name, os.O_RDONLY | os.O_CLOEXEC)
                break
        if self.handle < 0:
            raise FileNotFoundError(path)
        try:
            self.init: Init = read_init(self.handle)
        except FormatError:
            self.close()
            raise
        self._read_upto = self.init.size_bytes
        self._size_bytes = 0

    def close(self) -> None:
        """Close the file."""
        if self.handle >= 0:
            os.close(self.handle)
            self.handle = -1

    def __del__(self) -> None:
        """Close the file with the last sample that points into it."""
        self.close()

    def read(self) -> list[Sample]:
        """Return the video samples of the fragments that have become whole since, in decode order."""
        size_bytes = os.fstat(self.handle).st_size
        if size_bytes == self._size_bytes:
            return []
        self._size_bytes = size_bytes
        fragments, self._read_upto = scan(self.handle, self._read_upto, self.init)
        return [sample for fragment in fragments for sample in self._samples(fragment)]

    def _samples(self, fragment: Fragment) -> Iterator[Sample]:
        track = self.init.track("video")
        part = fragment.tracks.get(track.track_id) if track is not None else None
        if track is None or part is None or not part.count:
            return
        times = part.tfdt_ticks + np.cumsum(part.durations) - part.durations + part.composition_offsets
        offsets = part.data_offset + np.cumsum(part.sizes) - part.sizes
        columns = (offsets.tolist(), part.sizes.tolist(), times.tolist(), part.is_key.tolist())
        for offset, size, ticks, is_key in zip(*columns, strict=True):
            yield Sample(self, offset, size, ticks / track.timescale, is_key)


class Film:
    """What has been read of a run: the group of pictures that is growing, and how far its key frames are apart."""

    def __init__(self, found: Found) -> None:
        """Begin with the newest group of an open segment. Raises OSError, FormatError."""
        self.clock = _Clock(found)
        self.group: list[Sample] = []
        self.key_distance_s = 0.0
        self._root, self._source_id = found.root, found.source_id
        self._tail = Tail(found.path, found.other_path, found.run_id, found.sequence)
        self.grow()

    @property
    def run_id(self) -> str:
        """The run that is read."""
        return self._tail.run_id

    @property
    def newest_key(self) -> Sample | None:
        """The newest key frame."""
        return self.group[0] if self.group else None

    def grow(self) -> list[Sample]:
        """Read what is new, also of the next file; return it."""
        fresh = self._tail.read()
        path = places.live_path(self._root, self._source_id, self._tail.run_id, self._tail.sequence + 1)
        if path.exists():
            with contextlib.suppress(FormatError, OSError):
                following = Tail(str(path), None, self._tail.run_id, self._tail.sequence + 1)
                fresh += self._tail.read()  # it has ended: nothing more will come
                self._tail = following
                fresh += following.read()
        for sample in fresh:
            if sample.is_key:
                if self.group:
                    self.key_distance_s = sample.pts_s - self.group[0].pts_s
                self.group = [sample]
            elif self.group:
                self.group.append(sample)
        return fresh

    def has_keys_enough(self, delay_s: float) -> bool:
        """Tell whether key frames alone come as often as pictures are wanted."""
        growing_s = self.group[-1].pts_s - self.group[0].pts_s if self.group else 0.0
        return max(self.key_distance_s, growing_s) * (1 - EARLY / 2) <= delay_s


def find_recording(source_id: int, fresh_us: int) -> Found | None:
    """Return the open segment of a source that was still growing fresh_us ago, or None."""
    segments = find_open(source_id)
    found = segments[-1] if len(segments) else None
    db.session.rollback()
    return found if found is not None and found.end_us > time.time_ns() // 1000 - fresh_us else None


def recorded_shots(
    found: Found, wish: Wish, fresh_us: int, find_again: Callable[[], Found | None]
) -> Generator[Shot | None, None, None]:
    """Yield pictures of a recording as it grows, None where the newest is still right; end with the recording.

    A key frame older than fresh_us is not shown. `find_again` tells which file is open now.
    """
    film = Film(found)
    follower = _Follower(film, wish)
    yield from follower.first(fresh_us)
    looked_s = grown_s = time.monotonic()
    while not wish.is_over:
        fresh = film.grow()
        now_s = time.monotonic()
        grown_s = now_s if fresh else grown_s
        yield from follower.take(fresh)
        if now_s - max(grown_s, looked_s) > LOOK_AGAIN_S:
            looked_s = now_s
            newest = find_again()
            if newest is None or newest.run_id != film.run_id:
                return
        wish.wait(LOOK_S)


class _Follower:
    """Chooses and decodes the pictures of a film."""

    def __init__(self, film: Film, wish: Wish) -> None:
        self._film, self._wish = film, wish
        self._shown_s = float("-inf")  # media time of the newest picture shown
        self._due_s = float("-inf")
        self._delay_s = wish.delay_s
        self._frames: _Frames | None = None

    def first(self, fresh_us: int) -> Iterator[Shot]:
        """Yield the newest key frame."""
        key = self._film.newest_key
        if key is None:
            return
        if self._film.clock.instant_us(key.pts_s) > time.time_ns() // 1000 - fresh_us:
            yield from self._show_key(key)

    def take(self, fresh: list[Sample]) -> Iterator[Shot | None]:
        """Yield what is due of what has come."""
        if self._film.has_keys_enough(self._wanted_s()):
            self._frames = None
            yield from self._take_keys()
            return
        if self._frames is None and self._film.group:
            self._frames = _Frames(self._film.group)
        elif self._frames is not None:
            self._frames.add(fresh)
        if self._frames is not None:
            yield from self._take_frames(self._frames)

    def _wanted_s(self) -> float:
        delay_s = max(self._wish.delay_s, LEAST_DELAY_S)
        if delay_s != self._delay_s:
            self._delay_s, self._due_s = delay_s, self._shown_s + delay_s
        return delay_s

    def _is_due(self, pts_s: float) -> bool:
        return pts_s >= self._due_s - EARLY * self._wanted_s()

    def _note(self, pts_s: float) -> None:
        self._shown_s = pts_s
        self._due_s = max(self._due_s + self._delay_s, pts_s + (1 - EARLY) * self._delay_s)

    def _take_keys(self) -> Iterator[Shot | None]:
        key = self._film.newest_key
        if key is None:
            return
        if key.pts_s <= self._shown_s:
            yield None
        elif self._is_due(key.pts_s):
            yield from self._show_key(key)

    def _show_key(self, key: Sample) -> Iterator[Shot]:
        decoder = _open_decoder(key.tail)
        with contextlib.suppress(FormatError):
            for frame in [*_decode(decoder, key), *_flush(decoder)][:1]:
                yield self._shot(decoder, frame, key.pts_s)
                self._note(key.pts_s)

    def _take_frames(self, frames: _Frames) -> Iterator[Shot]:
        """Yield the due frames at the camera's pace until all that has come is shown."""
        for pts_s, decoder, frame in frames.decoded():
            if pts_s <= self._shown_s or not self._is_due(pts_s):
                continue
            before_s = self._wanted_s()
            while (left_s := frames.show_at_s(pts_s) - time.monotonic()) > 0:
                if self._wish.is_over:
                    return
                if self._wanted_s() < before_s:
                    break  # who has come now waits for a picture: this is the newest
                self._wish.wait(left_s)
                frames.add(self._film.grow())
            if left_s < -LATE_S:
                frames.skip(self._film.group)
            yield self._shot(decoder, frame, pts_s)
            self._note(pts_s)
            frames.add(self._film.grow())
            if self._film.has_keys_enough(self._wanted_s()):
                return

    def _shot(self, decoder: Any, frame: VideoFrame, pts_s: float) -> Shot:
        picture = Picture(frame, decoder.sample_aspect_ratio or Fraction(1))
        return to_jpeg(to_pixels(picture, None), QUALITY), self._film.clock.instant_us(pts_s)


class _Frames:
    """Samples that wait to be decoded one after the other, and when their frames are to be shown."""

    def __init__(self, group: list[Sample]) -> None:
        """Begin with a group of pictures, the last fragment of which has just come."""
        self._waiting = list(group)
        self._decoder: Any = None
        self._tail: Tail | None = None
        self._lead_s = time.monotonic() - group[0].pts_s

    def add(self, fresh: list[Sample]) -> None:
        """Append what has come: it may be shown from now on, and not much later."""
        if fresh:
            least_s = time.monotonic() - fresh[0].pts_s
            self._lead_s = max(min(self._lead_s, least_s + SLACK_S), least_s)
            self._waiting += fresh

    def skip(self, group: list[Sample]) -> None:
        """Go on with the newest group: decoding is slower than the camera."""
        self._waiting, self._decoder = list(group), None
        self._lead_s = time.monotonic() - group[0].pts_s

    def show_at_s(self, pts_s: float) -> float:
        """Return when a frame is to be shown, by the monotonic clock."""
        return self._lead_s + pts_s

    def decoded(self) -> Iterator[tuple[float, Any, VideoFrame]]:
        """Decode what waits, and what is added meanwhile; yield the frames in the order of showing."""
        while self._waiting:
            sample = self._waiting.pop(0)
            if self._decoder is None or (sample.is_key and sample.tail is not self._tail):
                if not sample.is_key:
                    continue
                yield from self._rest()
                self._decoder, self._tail = _open_decoder(sample.tail), sample.tail
            with contextlib.suppress(FormatError):
                for frame in _decode(self._decoder, sample):
                    yield (frame.pts or 0) / 1e6, self._decoder, frame

    def _rest(self) -> Iterator[tuple[float, Any, VideoFrame]]:
        if self._decoder is not None:
            for frame in _flush(self._decoder):
                yield (frame.pts or 0) / 1e6, self._decoder, frame


def _open_decoder(tail: Tail) -> Any:
    """Return a decoder of a file's video. Raises FormatError where nothing here decodes it."""
    import av

    track = tail.init.track("video")
    if track is None:
        raise FormatError("the open file has no video")
    decoder = decoder_of(track.entry)
    context: Any = av.CodecContext.create(decoder.name, "r")
    context.extradata = decoder.config
    context.thread_count = 1  # more would hold frames back
    return context


def _decode(decoder: Any, sample: Sample) -> list[VideoFrame]:
    """Return the frames that come out for a sample; none for a broken one, as players do."""
    import av

    packet = av.Packet(sample.read())
    packet.pts = round(sample.pts_s * 1e6)
    with contextlib.suppress(av.error.InvalidDataError):
        return list(decoder.decode(packet))
    return []


def _flush(decoder: Any) -> list[VideoFrame]:
    import av

    with contextlib.suppress(av.error.InvalidDataError):
        return list(decoder.decode(None))
    return []
