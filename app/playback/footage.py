"""What a range of wall clock holds: read from the database once, then kept without any connection.

A range that reaches into an open segment is pinned by the id of its last segment and the offset at which the last
complete fragment ends there, so that the same answer can be given again after the file has grown or was closed.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import select

from app.archive.find import Found, find_neighbours, find_segments
from app.archive.spans import Stretch, find_gaps, find_spans
from app.errors import Invalid, NoFootage
from app.extensions import db
from app.formats.boxes import FormatError
from app.models import SampleEntry

# How far apart in a file picture and sound of one moment may lie.
INTERLEAVE_US = 1_000_000
# Runs whose clocks overlap by less are laid behind one another whole: an anchor is right to half a second.
OVERLAP_US = 500_000
PIN = re.compile(r"([0-9a-f-]{36}):([0-9]{1,18})")


@dataclass(frozen=True, slots=True)
class Entry:
    """A codec configuration."""

    id: int
    kind: str
    timescale: int
    width: int
    height: int
    rfc6381: str
    blob: bytes


@dataclass(frozen=True, slots=True)
class Footage:
    """The readable segments of a source that touch [begin_us, end_us), and their codec configurations.

    `before` and `after` are the files next to them in the same run, where they are near: the sound of a moment may
    lie in the file before or after its picture.
    """

    source_id: int
    begin_us: int
    end_us: int
    segments: Sequence[Found]
    entries: dict[int, Entry]
    before: Found | None = None
    after: Found | None = None

    @property
    def spans(self) -> list[Stretch]:
        """Uninterrupted stretches of footage within the range."""
        return find_spans(self.segments, self.begin_us, self.end_us)

    @property
    def gaps(self) -> list[Stretch]:
        """What the spans leave of the range."""
        return find_gaps(self.spans, self.begin_us, self.end_us)

    def end_of(self, number: int) -> int:
        """Return the instant up to which a segment is played: the range's end, or where a later run takes over."""
        following = self.segments[number + 1] if number + 1 < len(self.segments) else None
        if following is not None and following.start_us < self.segments[number].end_us - OVERLAP_US:
            return min(self.end_us, following.start_us)
        return self.end_us

    @property
    def pin(self) -> str | None:
        """The revision of an answer that reaches into an open segment, else None."""
        last = self.segments[-1] if self.segments else None
        return f"{last.id}:{last.body_end_bytes}" if last is not None and last.is_open else None

    def video_entry(self, segment: Found) -> Entry:
        """Return the video configuration of a segment."""
        return self.entries[segment.video_entry_id or 0]

    def audio_entry(self, segment: Found) -> Entry | None:
        """Return the audio configuration of a segment with audio samples."""
        return self.entries.get(segment.audio_entry_id or 0) if segment.counts["a_n"] else None


def load_footage(source_id: int, begin_us: int, end_us: int, pin: str | None = None) -> Footage:
    """Read what there is. Raises Invalid for a pin of the wrong form, NoFootage for one that nothing has."""
    near = find_segments(source_id, begin_us - INTERLEAVE_US, end_us + INTERLEAVE_US)
    if pin is not None:
        near = _pinned(near, pin)
    ids = {number for item in near for number in (item.video_entry_id, item.audio_entry_id) if number}
    entries = load_entries(ids)
    usable = [item for item in near if item.video_entry_id in entries]
    segments = without_overlaps([item for item in usable if item.start_us < end_us and item.end_us > begin_us])
    footage = Footage(source_id, begin_us, end_us, segments, entries)
    if not segments:
        return footage
    first, last = segments[0], segments[-1]
    before = next((item for item in usable if first.follows(item)), None)
    after = next((item for item in usable if item.follows(last)), None)
    return replace(footage, before=before, after=after)


def without_overlaps(segments: Sequence[Found]) -> list[Found]:
    """Return the segments without those of a run whose time a run that began later has too."""
    ranks: dict[str, int] = {}
    kept: list[Found] = []
    for segment in segments:
        rank = ranks.setdefault(segment.run_id, len(ranks))
        last = kept[-1] if kept else None
        if last is None or rank >= ranks[last.run_id] or segment.start_us >= last.end_us - OVERLAP_US:
            kept.append(segment)
    return kept


def load_entries(ids: set[int]) -> dict[int, Entry]:
    """Return the codec configurations of these ids."""
    query = select(SampleEntry).where(SampleEntry.id.in_(ids))
    return {
        row.id: Entry(row.id, row.kind, row.timescale, row.width or 0, row.height or 0, row.rfc6381, row.entry)
        for row in db.session.scalars(query)
    }


def no_footage(source_id: int, begin_us: int, end_us: int, render: Callable[[int | None], str | None]) -> NoFootage:
    """Return the error of an empty range, with the nearest footage before and after it."""
    before_us, after_us = find_neighbours(source_id, begin_us, end_us)
    message = "there is no footage in this range; before_utc and after_utc name the nearest"
    return NoFootage(message, before_utc=render(before_us), after_utc=render(after_us))


def _pinned(segments: Sequence[Found], pin: str) -> list[Found]:
    """Return the segments up to the pinned one, and that as it was then."""
    match = PIN.fullmatch(pin)
    if match is None:
        raise Invalid("rev is not one that this server gave out", loc=("query", "rev"), kind="rev_unknown")
    segment_id, end_bytes = match[1], int(match[2])
    kept: list[Found] = []
    for segment in segments:
        if segment.id != segment_id:
            kept.append(segment)
            continue
        try:
            return [*kept, segment.cut_at(end_bytes)]
        except (FormatError, OSError):
            break
    raise NoFootage("the footage that this address was made for is gone", loc=("query", "rev"))
