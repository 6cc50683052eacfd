"""Which frame is shown at an instant, and which samples must be decoded to get it.

A frame is shown until the next one in order of presentation. With open groups of pictures the frames shown last
before a key frame follow it in the file, which may be the next file; they depend on the group before.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from app.archive.segments import Found
from app.archive.spans import Stretch
from app.formats.boxes import FormatError
from app.formats.fragments import Ints
from app.formats.sampleindex import SampleIndex
from app.playback.footage import Entry, Footage, load_footage

Nearest = Literal["exact", "key"]


class Part(NamedTuple):
    """The samples [first, end) of a segment, in decode order."""

    segment: Found
    first: int
    end: int


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame: the last sample of `parts`, which begin with the key frame that it depends on.

    `instant_us` is the wall clock from which on it is shown; `group` is the wall clock of its group of pictures.
    """

    segment: Found
    number: int
    instant_us: int
    entry: Entry
    parts: tuple[Part, ...]
    group: Stretch

    @property
    def name(self) -> str:
        """What tells the frame from all others, also when its file was rewritten."""
        return f"{self.segment.id} {self.segment.generation} {self.number}"


def find_frame(footage: Footage, at_us: int, nearest: Nearest = "exact") -> Frame:
    """Return the frame shown at an instant, or the key frame at or before it, of footage loaded for that instant.

    Reads the database where the group of pictures begins in another file. Raises FormatError, OSError.
    """
    segment = _played_at(footage, at_us)
    strip = _Strip(footage, segment)
    number = strip.last_shown(at_us, strip.keys if nearest == "key" else None)
    if nearest == "exact":
        following = _leading(footage, segment, at_us, strip.instants[number] if number is not None else 0)
        if following is not None:
            strip, number = following
    elif number is None and (before := _file_before(footage, segment)) is not None:
        strip = _Strip(footage, before)
        number = strip.last_shown(at_us, strip.keys)
    if number is None:
        raise FormatError(f"segment {segment.id} has no frame that can be shown then")
    return strip.frame(number)


def key_near(footage: Footage, segment: Found, at_us: int, within: Stretch) -> Frame:
    """Return the key frame of a segment within a range that is nearest to an instant, else its first frame there.

    Raises FormatError, OSError.
    """
    strip = _Strip(footage, segment)
    instants = strip.instants[strip.keys]
    inside = strip.keys[(instants >= within.begin_us) & (instants < within.end_us)]
    if len(inside):
        return strip.frame(int(inside[np.argmin(np.abs(strip.instants[inside] - at_us))]))
    number = strip.last_shown(max(within.begin_us, segment.start_us))
    if number is None:
        raise FormatError(f"segment {segment.id} has no frame that can be shown then")
    return strip.frame(number)


def _played_at(footage: Footage, at_us: int) -> Found:
    """Return the segment that is played at an instant: of overlapping runs the one that began last."""
    ends_us = np.minimum(footage.ends_us, footage.segments.column("end_us"))
    played = np.flatnonzero((footage.begins_us <= at_us) & (at_us < ends_us))
    return footage.segments[int(played[-1]) if len(played) else -1]


class _Strip:
    """The frames of one segment, in decode order: when each is shown, and which are key frames."""

    def __init__(self, footage: Footage, segment: Found) -> None:
        self._footage, self._segment = footage, segment
        index = segment.load_index()
        self.entry = footage.video_entry(segment)
        self.instants = instants_of(segment, index, self.entry.timescale)
        self.keys: Ints = index.v_stss.astype(np.int64) - 1

    def last_shown(self, at_us: int, among: Ints | None = None) -> int | None:
        """Return the number of the frame that began last at or before an instant, None where none did."""
        numbers = np.arange(len(self.instants)) if among is None else among
        begun = numbers[self.instants[numbers] <= at_us]
        return int(begun[np.argmax(self.instants[begun])]) if len(begun) else None

    def frame(self, number: int) -> Frame:
        """Return a frame with what it depends on."""
        segment, instant_us = self._segment, int(self.instants[number])
        later = self.instants[self.keys[self.keys > number]]
        end_us = int(later[0]) if len(later) else max(segment.end_us, instant_us + 1)
        begins = self.keys[(self.keys <= number) & (self.instants[self.keys] <= instant_us)]
        parts: tuple[Part, ...]
        if len(begins):
            begin_us, parts = int(self.instants[begins[-1]]), (Part(segment, int(begins[-1]), number + 1),)
        else:
            begin_us, parts = self._from_file_before(number)
        return Frame(segment, number, instant_us, self.entry, parts, Stretch(min(begin_us, instant_us), end_us))

    def _from_file_before(self, number: int) -> tuple[int, tuple[Part, ...]]:
        """Return where the group of a frame begins that depends on the file before, and its samples.

        Where there is no such file it is tried from the begin of this one: a frame before a closed group's key frame
        needs no other. Raises FormatError, OSError.
        """
        own = Part(self._segment, 0, number + 1)
        before = _file_before(self._footage, self._segment)
        if before is None or before.video_entry_id != self._segment.video_entry_id:
            return int(self.instants[0]), (own,)
        strip = _Strip(self._footage, before)
        if not len(strip.keys):
            return int(self.instants[0]), (own,)
        key = int(strip.keys[-1])
        return int(strip.instants[key]), (Part(before, key, len(strip.instants)), own)


def instants_of(segment: Found, index: SampleIndex, timescale: int) -> Ints:
    """Return the wall clock of each frame, as `Found.instant_at` does for one."""
    media: Ints = (index.v_pts - segment.v_first_pts) * (1_000_000 + segment.slew_ppm)
    return media // timescale + segment.start_us


def _leading(footage: Footage, segment: Found, at_us: int, after_us: int) -> tuple[_Strip, int] | None:
    """Return a frame of the next file that is shown at an instant in this one, if later than after_us; else None."""
    following = footage.after[0] if footage.after is not None else None
    if following is None or not following.follows(segment) or not following.counts["v_cruns"]:
        return None
    if following.video_entry_id != segment.video_entry_id:
        return None
    strip = _Strip(footage, following)
    number = strip.last_shown(at_us)
    return None if number is None or strip.instants[number] <= after_us else (strip, number)


def _file_before(footage: Footage, segment: Found) -> Found | None:
    """Return the file before a segment in its run, where it can be read."""
    near = footage.before
    if near is None or not segment.follows(near[0]):
        near = load_footage(footage.source_id, segment.start_us, segment.start_us + 1).before
    return near[0] if near is not None and segment.follows(near[0]) else None
