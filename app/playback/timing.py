"""What of a movie's timeline is shown, and how it maps to the wall clock."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from app.archive.segments import Found, Ints
from app.formats.moov import EMPTY_EDIT, MOVIE_TIMESCALE, Edit
from app.playback.footage import Footage
from app.playback.placing import Gaps
from app.playback.portions import Portions, vector_ticks_at

MAP_SLACK_US = 200_000  # a piece of the map is cut where media time and wall clock differ by more


@dataclass(frozen=True, slots=True)
class MapPiece:
    """A piece of uninterrupted wall clock, and where it begins in the movie."""

    media_s: float
    begin_us: int
    end_us: int


class Timing:
    """What is shown of placed portions. Times are video ticks, 0 at the decode time of the first frame."""

    def __init__(self, footage: Footage, portions: Portions, gaps: Gaps) -> None:
        """Work out begin and end; `portions` have at least one with pictures."""
        self.portions = portions
        self.timescale = portions.timescale
        self.audio_timescale = portions.audio_timescale
        pictured = np.flatnonzero(portions.has_video)
        first, last = int(pictured[0]), int(pictured[-1])
        ends = self._picture_ends()
        self.video_end = int(ends[pictured].max())
        self.video_duration = int((portions.count("v_t0") + portions.count("v_dur") + portions.v_shift)[last])
        self.has_audio = bool(portions.has_audio.any())
        self.audio_duration = 0  # in its own ticks
        self.audio_begin, self.audio_end = self._audio_bounds()
        self.first_shown = self._first_shown(footage, pictured.tolist())
        self.begin = self._begin(footage, first, gaps)
        end = max(self.video_end, self.audio_end if self.has_audio else 0)
        asked = portions.segments[last].ticks_at(footage.end_us, self.timescale) + int(portions.v_shift[last])
        self.end = min(end, asked)
        self.pieces = self._pieces(footage, pictured, ends)

    @property
    def shows_anything(self) -> bool:
        """Tell whether there is a frame to show."""
        return self.first_shown < min(self.end, self.video_end)

    def _picture_ends(self) -> Ints:
        """Return the presentation time after the last frame of each portion."""
        portions = self.portions
        ends = portions.count("v_t0") + portions.count("v_c0") + portions.count("v_dur") + portions.v_shift
        ends += portions.v_last - portions.count("v_last")
        for number, cut in portions.cuts.items():
            if cut.index.counts["v_n"]:
                pts = cut.index.v_pts
                latest = int(np.argmax(pts))
                ends[number] = pts[latest] + cut.index.v_durations[latest] + portions.v_shift[number]
        return ends

    def _audio_bounds(self) -> tuple[int, int]:
        """Return begin and end of the audio."""
        portions = self.portions
        if not self.has_audio:
            return 0, 0
        sounding = np.flatnonzero(portions.has_audio)
        begins = portions.a_ticks(portions.count("a_t0")) + portions.a_shift
        ends = portions.a_ticks(portions.count("a_t0") + portions.count("a_dur")) + portions.a_shift
        begin, end = int(begins[sounding[0]]), int(ends[sounding[-1]])
        self.audio_duration = end - begin
        return self._in_video(begin), -self._in_video(-end)

    def _in_video(self, ticks: int) -> int:
        """Return audio ticks as video ticks, rounded down."""
        return ticks * self.timescale // self.audio_timescale

    def _first_shown(self, footage: Footage, pictured: Sequence[int]) -> int:
        """Return the presentation time of the first frame at or after the begin of the range."""
        portions = self.portions
        for number in pictured:
            shift, cut = int(portions.v_shift[number]), portions.cuts.get(number)
            segment = portions.segments[number]
            if cut is None:
                return segment.v_first_pts + shift
            pts = cut.index.v_pts
            shown = pts[pts >= segment.ticks_at(footage.begin_us, self.timescale)]
            if len(shown):
                return int(np.min(shown)) + shift
        return self.video_end

    def _begin(self, footage: Footage, first: int, gaps: Gaps) -> int:
        """Return the time that is the movie's 0 s: the asked instant, or the first sample where that is later."""
        segment, shift = self.portions.segments[first], int(self.portions.v_shift[first])
        if footage.begin_us >= self.portions.begins_us[first]:
            return segment.ticks_at(footage.begin_us, self.timescale) + shift
        begin_us = int(self.portions.begins_us[first])
        waited = (begin_us - footage.begin_us) * self.timescale // 1_000_000
        asked = segment.ticks_at(begin_us, self.timescale) + shift - waited
        # The file before may be left out since nothing but a part of its last frame is asked for.
        if gaps == "hold" or _has_begun(footage, segment):
            return asked
        begin = min(self.first_shown, self.audio_begin) if self.has_audio else self.first_shown
        return max(begin, asked)

    def video_edits(self) -> list[Edit]:
        """Return the edit list of the video: nothing until the first frame, then everything up to the end."""
        end = min(self.end, self.video_end)
        media_time = (2 * self.first_shown + self.portions.divisor) // (2 * self.portions.divisor)
        return _edits(self._in_movie(self.first_shown - self.begin), self._in_movie(end - self.first_shown), media_time)

    def audio_edits(self) -> list[Edit]:
        """Return the edit list of the audio, whose media time 0 is its first sample."""
        begin, end = max(self.begin, self.audio_begin), min(self.end, self.audio_end)
        media_time = 0
        if begin > self.audio_begin:
            media_time = (begin - self.audio_begin) * self.audio_timescale // self.timescale
        return _edits(self._in_movie(begin - self.begin), self._in_movie(end - begin), media_time)

    def _in_movie(self, ticks: int) -> int:
        return max(ticks, 0) * MOVIE_TIMESCALE // self.timescale

    def _pieces(self, footage: Footage, pictured: Ints, ends: Ints) -> list[MapPiece]:
        """Return the uninterrupted pieces of wall clock, anew where it runs away from the media time."""
        portions = self.portions
        segments = portions.segments
        begins_us = np.maximum(portions.begins_us, footage.begin_us)
        ends_us = np.minimum(segments.column("end_us"), footage.end_us)
        for number in portions.cuts:
            shown_end = int(ends[number] - portions.v_shift[number])
            ends_us[number] = min(int(ends_us[number]), segments[number].instant_at(shown_end, self.timescale))
        at = vector_ticks_at(segments, begins_us, self.timescale) + portions.v_shift
        media_us = (at - self.begin) * 1_000_000 // self.timescale
        return _gathered(begins_us[pictured], ends_us[pictured], media_us[pictured], segments.follows[pictured])


def _has_begun(footage: Footage, segment: Found) -> bool:
    """Tell whether there is footage at the begin of a range, of the file before this one in its run."""
    before = footage.segments[0]
    return before.start_us <= footage.begin_us and segment.follows(before)


def _gathered(begins_us: Ints, ends_us: Ints, media_us: Ints, follows: npt.NDArray[np.bool_]) -> list[MapPiece]:
    """Return pieces of portions that follow one another, cut where media time and wall clock run apart."""
    pieces = []
    offsets_us = begins_us - media_us
    starts = [*np.flatnonzero(~follows).tolist(), len(begins_us)]
    if starts[0] != 0:
        starts.insert(0, 0)
    for start, limit in pairwise(starts):
        number = start
        while number < limit:
            apart = np.flatnonzero(np.abs(offsets_us[number:limit] - offsets_us[number]) > MAP_SLACK_US)
            end = number + int(apart[0]) if len(apart) else limit
            piece = MapPiece(max(int(media_us[number]), 0) / 1_000_000, int(begins_us[number]), int(ends_us[end - 1]))
            if piece.begin_us < piece.end_us:
                pieces.append(piece)
            number = end
    return pieces


def _edits(empty: int, duration: int, media_time: int) -> list[Edit]:
    """Return at most one empty edit and one edit: players read no more."""
    edits = [Edit(empty, EMPTY_EDIT)] if empty > 0 else []
    return [*edits, Edit(duration, media_time)]
