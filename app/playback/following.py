"""Pictures of a camera from what is just being recorded of it: no second connection to the camera is needed.

The open file is read on as it grows, a fragment at a time, and the next one when that has begun. Where the key frames
come as often as pictures are wanted, only they are decoded; else every frame is, and those wanted are shown at the
pace at which the camera took them, a fragment late.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Generator, Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from app.archive.find import find_open
from app.archive.segments import Found
from app.archive.shots import LEAST_DELAY_S, Shot, Wish
from app.extensions import db
from app.formats.boxes import FormatError
from app.formats.codecs import decoder_of
from app.playback.decoding import Picture, to_jpeg, to_pixels
from app.playback.growing import EARLY, Film, Sample, Tail

if TYPE_CHECKING:
    from av import VideoFrame

QUALITY = 80
LOOK_S, LOOK_AGAIN_S = 0.1, 1.0
ROUNDING_S = 0.001
SLACK_S, LATE_S = 0.25, 2.0  # how far the showing may lag behind what is there; where it begins anew


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
    known = found.sequence
    while not wish.is_over:
        fresh = film.grow()
        now_s = time.monotonic()
        grown_s = now_s if fresh else grown_s
        yield from follower.take(fresh)
        is_unknown = film.sequence > known  # of the next file its row tells whether it goes on with the run
        if now_s - (looked_s if is_unknown else max(grown_s, looked_s)) > LOOK_AGAIN_S:
            looked_s = now_s
            newest = find_again()
            if newest is None or newest.run_id != film.run_id:
                return
            known = newest.sequence
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

    def _target_s(self) -> float:
        """Return from which media time on a frame is to be shown: that of a key frame nearby, which needs no other."""
        delay_s = self._wanted_s()
        near_s = EARLY * delay_s
        keys_s = (key_s for key_s in self._film.keys_s() if abs(key_s - self._due_s) <= near_s)
        return next(keys_s, self._due_s) - ROUNDING_S

    def _note(self, pts_s: float) -> None:
        self._shown_s = pts_s
        is_first = self._due_s == float("-inf")
        following_s = pts_s + self._delay_s if is_first else self._due_s + self._delay_s
        self._due_s = max(following_s, pts_s + (1 - EARLY) * self._delay_s)

    def _take_keys(self) -> Iterator[Shot | None]:
        key = self._film.newest_key
        if key is None:
            return
        if key.pts_s <= self._shown_s:
            yield None
        elif key.pts_s >= self._due_s - EARLY * self._wanted_s():
            yield from self._show_key(key)

    def _show_key(self, key: Sample) -> Iterator[Shot]:
        decoder = _open_decoder(key.tail)
        with contextlib.suppress(FormatError):
            for frame in [*_decode(decoder, key), *_flush(decoder)][:1]:
                yield self._shot(decoder, frame, key.pts_s)
                self._note(key.pts_s)

    def _take_frames(self, frames: _Frames) -> Iterator[Shot]:
        """Yield the due frames at the camera's pace until all that has come is shown."""
        for pts_s, decoder, frame in frames.decoded(self._target_s):
            if pts_s <= self._shown_s or pts_s < self._target_s():
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
        self._fed_s = float("-inf")  # media time of the latest frame that was given to the decoder
        self._lead_s = time.monotonic() - group[0].pts_s

    def add(self, fresh: list[Sample]) -> None:
        """Append what has come: it may be shown from now on, and not much later."""
        if fresh:
            least_s = time.monotonic() - fresh[0].pts_s
            self._lead_s = max(min(self._lead_s, least_s + SLACK_S), least_s)
            self._waiting += fresh

    def skip(self, group: list[Sample]) -> None:
        """Go on with the newest group: decoding is slower than the camera."""
        self._waiting, self._decoder, self._fed_s = list(group), None, float("-inf")
        self._lead_s = time.monotonic() - group[0].pts_s

    def show_at_s(self, pts_s: float) -> float:
        """Return when a frame is to be shown, by the monotonic clock."""
        return self._lead_s + pts_s

    def decoded(self, due_s: Callable[[], float]) -> Iterator[tuple[float, Any, VideoFrame]]:
        """Decode what waits, and what is added meanwhile; yield the frames in the order of showing.

        Nothing is decoded that no frame from due_s (media time) on needs: with a key frame every two seconds and a
        picture a second, that is more than half.
        """
        while self._is_worth(due_s()):
            sample = self._waiting.pop(0)
            if self._decoder is None or (sample.is_key and sample.tail is not self._tail):
                if not sample.is_key:
                    continue
                yield from self._rest()
                self._decoder, self._tail = _open_decoder(sample.tail), sample.tail
            self._fed_s = max(self._fed_s, sample.pts_s)
            with contextlib.suppress(FormatError):
                for frame in _decode(self._decoder, sample):
                    yield (frame.pts or 0) / 1e6, self._decoder, frame

    def _is_worth(self, due_s: float) -> bool:
        """Tell whether the next sample is to be decoded; pass over the groups before the one that is due."""
        if self._fed_s >= due_s:  # the frame is in the decoder, which gives it out a few samples later
            return bool(self._waiting)
        due = next((number for number, sample in enumerate(self._waiting) if sample.pts_s >= due_s), None)
        if due is None:
            return False
        keys = [number for number in range(due + 1) if self._waiting[number].is_key]
        if keys:
            del self._waiting[: keys[-1]]
        return True

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
