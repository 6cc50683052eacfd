"""One progressive MP4 of a range over many segment files, planned without touching media (docs/design/playback.md).

    ftyp moov mdat [ slice of file 1 | slice of file 2 | ... ]

Each slice runs from the first needed fragment of a file to its last, with the `moof` boxes between as dead bytes
inside `mdat`. The plan follows from the rows; indexes are read only of the first and last segment before the first
byte is sent.
"""

import hashlib
import json
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from app.formats.boxes import box
from app.formats.codecs import serving_entry
from app.formats.moov import (
    EMPTY_EDIT,
    MOVIE_TIMESCALE,
    Edit,
    Part,
    Track,
    progressive_head,
)
from app.playback.footage import Footage
from app.playback.portions import Gaps, place_portions, take_portions
from app.playback.tables import Indexes, Portion, TableBuilder

FORMAT_VERSION = 1  # part of every ETag: raised when the same footage gives other bytes
MAP_USERTYPE = uuid.UUID("2b1e0f5a-8c1d-5d7e-9d55-6f2b8f1f3a42")
MAP_SLACK_US = 200_000  # a piece of the map is cut where media time and wall clock differ by more


@dataclass(frozen=True, slots=True)
class Slice:
    """Bytes [begin_bytes, end_bytes) of a file; the open file moves to `other_path`, or came from there."""

    path: str
    other_path: str
    begin_bytes: int
    end_bytes: int

    @property
    def size_bytes(self) -> int:
        """Size of the slice."""
        return self.end_bytes - self.begin_bytes


@dataclass(frozen=True, slots=True)
class MapPiece:
    """A piece of uninterrupted wall clock, and where it begins in the movie."""

    media_s: float
    begin_us: int
    end_us: int


@dataclass(frozen=True, slots=True)
class Movie:
    """A planned file: its parts, its strong ETag, and how its time maps to the wall clock."""

    head: Sequence[Part]
    slices: Sequence[Slice]
    etag: str
    pieces: Sequence[MapPiece]
    duration_s: float
    size_bytes: int


def plan_movie(footage: Footage, gaps: Gaps, render_utc: Callable[[int], str | None]) -> Movie | None:
    """Plan the movie of a range; None where the range shows no frame.

    Raises Invalid where a gap is too long to be held; FormatError, OSError where an index cannot be read.
    """
    portions = take_portions(footage)
    if not portions:
        return None
    place_portions(footage, portions, gaps)
    timing = _Timing(footage, portions, gaps)
    if not timing.shows_anything:
        return None
    slices = [Slice(item.segment.path, item.segment.other_path, item.begin_bytes, item.end_bytes) for item in portions]
    extra = _map_box(timing.pieces, render_utc)
    tracks, builders = _tracks(footage, portions, timing)
    mdat_bytes = sum(item.size_bytes for item in slices)
    head, head_bytes = progressive_head(tracks, mdat_bytes, extra)
    for builder in builders:
        builder.mdat_begin = head_bytes
    etag = _etag(footage, portions, timing, extra)
    duration_s = (timing.end - timing.begin) / timing.timescale
    return Movie(head, slices, etag, timing.pieces, duration_s, head_bytes + mdat_bytes)


class _Timing:
    """What of the movie's timeline is shown. Times are video ticks, 0 at the decode time of the first frame."""

    def __init__(self, footage: Footage, portions: Sequence[Portion], gaps: Gaps) -> None:
        audio = [portion for portion in portions if portion.counts["a_n"]]
        portions = [portion for portion in portions if portion.counts["v_n"]]
        first, last = portions[0], portions[-1]
        self.timescale = footage.video_entry(first.segment).timescale
        self.audio = audio
        self.audio_timescale = self.audio[0].audio_scale[0] if self.audio else 0
        self.video_end = max(_pts_end(portion) for portion in portions)
        self.audio_begin, self.audio_end = self._audio_bounds()
        self.first_shown = self._first_shown(footage, portions)
        self.begin = self._begin(footage, first, gaps)
        self.end = max(self.video_end, self.audio_end if self.audio else 0)
        asked = last.segment.ticks_at(footage.end_us, self.timescale) + last.v_shift
        self.end = min(self.end, asked)
        self.pieces = self._pieces(footage, portions)

    @property
    def shows_anything(self) -> bool:
        """Tell whether there is a frame to show."""
        return self.first_shown < self.end

    def _audio_bounds(self) -> tuple[int, int]:
        """Return begin and end of the audio."""
        if not self.audio:
            return 0, 0
        first, last = self.audio[0], self.audio[-1]
        begin = first.a_ticks(first.counts["a_t0"]) + first.a_shift
        end = last.a_ticks(last.counts["a_t0"] + last.counts["a_dur"]) + last.a_shift
        return self.in_video(begin), -self.in_video(-end)

    def in_video(self, ticks: int) -> int:
        """Return audio ticks as video ticks, rounded down."""
        return ticks * self.timescale // self.audio_timescale

    def _first_shown(self, footage: Footage, portions: Sequence[Portion]) -> int:
        """Return the presentation time of the first frame at or after the begin of the range."""
        for portion in portions:
            if portion.cut_index is None:
                return portion.counts["v_t0"] + portion.counts["v_c0"] + portion.v_shift
            pts = portion.cut_index.v_pts
            shown = pts[pts >= portion.segment.ticks_at(footage.begin_us, self.timescale)]
            if len(shown):
                return int(np.min(shown)) + portion.v_shift
        return self.video_end

    def _begin(self, footage: Footage, first: Portion, gaps: Gaps) -> int:
        """Return the time that is the movie's 0 s: the asked instant, or the first sample where that is later."""
        if footage.begin_us > first.segment.start_us:
            return first.segment.ticks_at(footage.begin_us, self.timescale) + first.v_shift
        begin = min(self.first_shown, self.audio_begin) if self.audio else self.first_shown
        if gaps == "hold":
            waited = (first.segment.start_us - footage.begin_us) * self.timescale // 1_000_000
            begin = min(begin, self.first_shown - waited)
        return begin

    def video_edits(self) -> list[Edit]:
        """Return the edit list of the video: nothing until the first frame, then everything up to the end."""
        end = min(self.end, self.video_end)
        return _edits(
            self._in_movie(self.first_shown - self.begin), self._in_movie(end - self.first_shown), self.first_shown
        )

    def audio_edits(self) -> list[Edit]:
        """Return the edit list of the audio, whose media time 0 is its first sample."""
        begin, end = max(self.begin, self.audio_begin), min(self.end, self.audio_end)
        media_time = 0
        if begin > self.audio_begin:
            media_time = (begin - self.audio_begin) * self.audio_timescale // self.timescale
        return _edits(self._in_movie(begin - self.begin), self._in_movie(end - begin), media_time)

    def _in_movie(self, ticks: int) -> int:
        return max(ticks, 0) * MOVIE_TIMESCALE // self.timescale

    def _pieces(self, footage: Footage, portions: Sequence[Portion]) -> list[MapPiece]:
        """Return the uninterrupted pieces of wall clock, anew where it runs away from the media time."""
        pieces: list[MapPiece] = []
        before: Portion | None = None
        for portion in portions:
            segment = portion.segment
            begin_us, end_us = max(segment.start_us, footage.begin_us), min(segment.end_us, footage.end_us)
            if portion.cut_index is not None:
                end_us = min(end_us, segment.instant_at(_pts_end(portion) - portion.v_shift, self.timescale))
            at = segment.ticks_at(begin_us, self.timescale) + portion.v_shift
            media_us = (at - self.begin) * 1_000_000 // self.timescale
            is_new = before is None or not segment.follows(before.segment)
            if pieces and not is_new:
                told_us = pieces[-1].begin_us + media_us - round(pieces[-1].media_s * 1_000_000)
                is_new = abs(told_us - begin_us) > MAP_SLACK_US
            if is_new:
                pieces.append(MapPiece(max(media_us, 0) / 1_000_000, begin_us, end_us))
            else:
                pieces[-1] = MapPiece(pieces[-1].media_s, pieces[-1].begin_us, end_us)
            before = portion
        return [piece for piece in pieces if piece.begin_us < piece.end_us]


def _pts_end(portion: Portion) -> int:
    """Return the presentation time after the last frame of a portion."""
    if portion.cut_index is None:
        counts = portion.counts
        return counts["v_t0"] + counts["v_c0"] + counts["v_dur"] - counts["v_last"] + portion.v_last + portion.v_shift
    index = portion.cut_index
    pts = index.v_pts
    latest = int(np.argmax(pts))
    return int(pts[latest] + index.v_durations[latest]) + portion.v_shift


def _edits(empty: int, duration: int, media_time: int) -> list[Edit]:
    """Return at most one empty edit and one edit: players read no more."""
    edits = [Edit(empty, EMPTY_EDIT)] if empty > 0 else []
    return [*edits, Edit(duration, media_time)]


def _video_track(footage: Footage, portions: Sequence[Portion], timing: _Timing, tables: TableBuilder) -> Track:
    pictures = [portion for portion in portions if portion.counts["v_n"]]
    entries = {portion.video_entry: footage.video_entry(portion.segment) for portion in pictures}
    last = pictures[-1]
    return Track(
        "video",
        timing.timescale,
        last.counts["v_t0"] + last.counts["v_dur"] + last.v_shift,
        [serving_entry(entries[number].blob) for number in sorted(entries)],
        timing.video_edits(),
        stts=tables.stts(),
        ctts=tables.ctts(),
        stss=tables.stss(),
        stsc=tables.stsc(),
        stsz=tables.stsz(),
        co64=tables.co64(),
        width=max(entry.width for entry in entries.values()),
        height=max(entry.height for entry in entries.values()),
    )


def _tracks(footage: Footage, portions: Sequence[Portion], timing: _Timing) -> tuple[list[Track], list[TableBuilder]]:
    """Return the tracks of the movie and the builders of their tables."""
    indexes = Indexes(portions)
    video = TableBuilder("v", portions, indexes)
    tracks = [_video_track(footage, portions, timing, video)]
    if not timing.audio:
        return tracks, [video]
    audio = TableBuilder("a", portions, indexes)
    blobs = {portion.audio_entry: footage.audio_entry(portion.segment) for portion in timing.audio}
    tracks.append(
        Track(
            "audio",
            timing.audio_timescale,
            (timing.audio_end - timing.audio_begin) * timing.audio_timescale // timing.timescale,
            [entry.blob for _, entry in sorted(blobs.items()) if entry is not None],
            timing.audio_edits(),
            stts=audio.stts(),
            stsc=audio.stsc(),
            stsz=audio.stsz(),
            co64=audio.co64(),
        )
    )
    return tracks, [video, audio]


def map_json(pieces: Sequence[MapPiece], render_utc: Callable[[int], str | None]) -> list[dict[str, Any]]:
    """Return the map as the contract shows it."""
    return [
        {
            "media_s": round(piece.media_s, 6),
            "start_utc": render_utc(piece.begin_us),
            "end_utc": render_utc(piece.end_us),
        }
        for piece in pieces
    ]


def _map_box(pieces: Sequence[MapPiece], render_utc: Callable[[int], str | None]) -> bytes:
    """Return the map as JSON in a uuid box within udta."""
    text = json.dumps({"map": map_json(pieces, render_utc)}, separators=(",", ":"))
    return box(b"udta", box(b"uuid", MAP_USERTYPE.bytes, text.encode()))


def _etag(footage: Footage, portions: Sequence[Portion], timing: _Timing, extra: bytes) -> str:
    """Return a hash of everything that the bytes of the movie follow from."""
    digest = hashlib.blake2b(f"{FORMAT_VERSION}".encode(), digest_size=16)
    for portion in portions:
        segment, counts = portion.segment, portion.counts
        facts = (segment.id, segment.generation, portion.begin_bytes, portion.end_bytes, counts, portion.v_shift)
        more = (portion.v_last, portion.a_shift, portion.a_last, portion.video_entry, portion.audio_entry)
        digest.update(repr((*facts, *more)).encode())
    digest.update(repr((timing.video_edits(), timing.audio_edits() if timing.audio else None)).encode())
    for entry_id in sorted(footage.entries):
        digest.update(footage.entries[entry_id].blob)
    digest.update(extra)
    return digest.hexdigest()
