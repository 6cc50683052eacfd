"""What a range of wall clock holds: read from the database once, then kept without any connection.

A range that reaches into an open segment is pinned by the id of its last segment and the offset at which the last
complete fragment ends there, so that the same answer can be given again after the file has grown or was closed.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from flask import current_app
from sqlalchemy import select

from app.archive.find import find_neighbours, find_segments
from app.archive.segments import ENTRIES_AT, Found, Ints, Segments
from app.archive.spans import SEAM_US, Stretch, find_gaps, find_spans
from app.errors import Invalid, NoFootage
from app.extensions import db
from app.formats.boxes import FormatError
from app.models import SampleEntry, Segment
from app.playback.overlaps import resolve_overlaps

# How far apart in a file picture and sound of one moment may lie.
INTERLEAVE_US = 1_000_000
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


@dataclass(frozen=True)
class Footage:
    """The readable segments of a source that touch [begin_us, end_us), and their codec configurations.

    `begins_us` and `ends_us` say from when to when each is played (`overlaps.Played`). `before` and `after` are the
    files next to them in the same run, where they are near: the sound of a moment may lie in the file before or after
    its picture. `lost` is what was recorded and cannot be read, [begin, end) in µs.
    """

    source_id: int
    begin_us: int
    end_us: int
    segments: Segments
    begins_us: Ints
    ends_us: Ints
    entries: dict[int, Entry]
    lost: Sequence[tuple[int, int]] = ()
    before: Segments | None = None
    after: Segments | None = None

    @cached_property
    def spans(self) -> list[Stretch]:
        """Uninterrupted stretches of footage within the range."""
        return self.find_spans(SEAM_US)

    def find_spans(self, seam_us: int) -> list[Stretch]:
        """Return the stretches of footage within the range between which more than seam_us lies."""
        begins_us = np.maximum(self.begins_us, self.begin_us)
        return find_spans(begins_us, np.minimum(self.ends_us, self.segments.column("end_us")), seam_us)

    @property
    def gaps(self) -> list[Stretch]:
        """What the spans leave of the range."""
        return find_gaps(self.spans, self.begin_us, self.end_us)

    @property
    def pin(self) -> str | None:
        """The revision of an answer that reaches into an open segment, else None."""
        if not len(self.segments) or not self.segments.is_open[-1]:
            return None
        last = self.segments[-1]
        return f"{last.id}:{last.body_end_bytes}"

    def video_entry(self, segment: Found) -> Entry:
        """Return the video configuration of a segment."""
        return self.entries[segment.video_entry_id]

    def audio_entry(self, segment: Found) -> Entry | None:
        """Return the audio configuration of a segment with audio samples."""
        return self.entries.get(segment.audio_entry_id) if segment.counts["a_n"] else None


def load_footage(
    source_id: int,
    begin_us: int,
    end_us: int,
    pin: str | None = None,
    run_id: str | None = None,
    *,
    is_fresh: bool = False,
) -> Footage:
    """Read what there is, or what one run has. Raises Invalid for a pin of the wrong form, NoFootage for an unknown.

    With `is_fresh` each file was looked at just now.
    """
    near = find_segments(source_id, begin_us - INTERLEAVE_US, end_us + INTERLEAVE_US, is_fresh=is_fresh)
    if run_id is not None:
        near = _of_run(near, run_id)
    if pin is not None:
        near = _pinned(near, pin)
    usable, entries = _usable(near)
    timescales = {number: entry.timescale for number, entry in entries.items()}
    played = resolve_overlaps(usable, end_us, timescales)
    ends_us = np.minimum(played.ends_us, played.segments.column("end_us"))
    is_inside = (played.begins_us < end_us) & (ends_us > begin_us)
    segments = played.segments.select(is_inside)
    footage = Footage(
        source_id,
        begin_us,
        end_us,
        segments,
        played.begins_us[is_inside],
        played.ends_us[is_inside],
        entries,
        near.lost,
    )
    if not len(segments):
        return footage
    before = _next_to(usable, segments[0], is_before=True)
    after = _next_to(usable, segments[-1], is_before=False)
    return replace(footage, before=before, after=after)


def _usable(segments: Segments) -> tuple[Segments, dict[int, Entry]]:
    """Return the segments whose pictures have a known codec configuration, and the configurations by their ids."""
    ids = set(np.unique(segments.rows[:, ENTRIES_AT]).tolist())
    entries = find_entries(ids - {0})
    unknown = ids - entries.keys()
    if not unknown - {0}:
        return segments, entries
    return segments.select(~np.isin(segments.column("video_entry_id"), list(unknown))), entries


def _of_run(segments: Segments, run_id: str) -> Segments:
    """Return the segments of one run; what is lost may have been of any."""
    own = segments.select(segments.run_ids == run_id)
    own.lost = segments.lost
    return own


def _next_to(segments: Segments, segment: Found, *, is_before: bool) -> Segments | None:
    """Return the file of the same run next to a segment, where it is among those near."""
    step = -1 if is_before else 1
    wanted = np.flatnonzero(segments.column("sequence") == segment.sequence + step).tolist()
    found = [number for number in wanted if segments.run_ids[number] == segment.run_id]
    return segments[found[0] : found[0] + 1] if found else None


def find_entries(ids: set[int]) -> dict[int, Entry]:
    """Return the codec configurations of these ids. A row never changes: each is read once a process."""
    kept: dict[int, Entry] = current_app.extensions.setdefault("playback_entries", {})
    missing = ids - kept.keys()
    if missing:
        for row in db.session.scalars(select(SampleEntry).where(SampleEntry.id.in_(missing))):
            entry = Entry(row.id, row.kind, row.timescale, row.width or 0, row.height or 0, row.rfc6381, row.entry)
            kept[row.id] = entry
    return {number: kept[number] for number in ids if number in kept}


def has_entries(source_id: int, video_id: int, audio_id: int) -> bool:
    """Tell whether a segment of a source has these codec configurations; 0 for no sound."""
    audio = Segment.audio_entry_id.is_(None) if audio_id == 0 else Segment.audio_entry_id == audio_id
    query = select(Segment.id).where(Segment.source_id == source_id, Segment.video_entry_id == video_id, audio)
    return db.session.scalar(query.order_by(Segment.start_us.desc()).limit(1)) is not None


def no_footage(source_id: int, begin_us: int, end_us: int, render: Callable[[int | None], str | None]) -> NoFootage:
    """Return the error of an empty range, with the nearest footage before and after it."""
    before_us, after_us = find_neighbours(source_id, begin_us, end_us)
    message = "there is no footage in this range; before_utc and after_utc name the nearest"
    return NoFootage(message, before_utc=render(before_us), after_utc=render(after_us))


def _pinned(segments: Segments, pin: str) -> Segments:
    """Return the segments up to the pinned one, and that as it was then."""
    match = PIN.fullmatch(pin)
    if match is None:
        raise Invalid("rev is not one that this server gave out", loc=("query", "rev"), kind="rev_unknown")
    segment_id, end_bytes = match[1], int(match[2])
    number = next((number for number, known in enumerate(segments.ids) if known == segment_id), None)
    if number is not None:
        try:
            return segments[: number + 1].changed({number: segments[number].cut_at(end_bytes)})
        except (FormatError, OSError):
            pass
    raise NoFootage("the footage that this address was made for is gone", loc=("query", "rev"))
