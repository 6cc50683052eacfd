"""Which samples of which segments a range takes, and where each lies on the timeline of the movie.

Within a run the media time of the files runs on, and so does the movie's. At a seam between runs the movie goes on
where both tracks have ended (`collapse`) or as much later as the wall clock says (`hold`); the last sample of each
track lasts until its next one, so that picture and sound never drift apart.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from app.archive.find import Found
from app.errors import Invalid
from app.formats.sampleindex import MAX_U32, SampleIndex
from app.playback.footage import Footage
from app.playback.tables import Portion

Gaps = Literal["collapse", "hold", "fail"]
AUDIO_LEAD_IN = 1  # packets that a decoder of AAC needs before the first it is to be right about


def take_portions(footage: Footage) -> list[Portion]:
    """Return what the range takes of each segment, in order; segments of which it takes nothing are left out.

    Raises FormatError, OSError where the index of the first or last segment cannot be read.
    """
    portions = _sound_beside(footage, footage.before)
    is_first = True
    for number, segment in enumerate(footage.segments):
        portion = _take(footage, segment, footage.end_of(number), is_first=is_first)
        if portion is not None:
            portions.append(portion)
            is_first = False
    if is_first:
        return []
    portions += _sound_beside(footage, footage.after)
    _number_entries(footage, portions)
    return portions


def _sound_beside(footage: Footage, segment: Found | None) -> list[Portion]:
    """Return the sound of the range that lies in a file next to those of the range; none of its pictures."""
    entry = footage.audio_entry(segment) if segment is not None else None
    if segment is None or entry is None:
        return []
    index = segment.load_index()
    timescale = footage.video_entry(segment).timescale
    begin, end = (
        -(-segment.ticks_at(instant_us, timescale) * entry.timescale // timescale)
        for instant_us in (footage.begin_us, footage.end_us)
    )
    first, stop = (int(number) for number in np.searchsorted(index.a_dts, (begin, end)))
    if first >= stop:
        return []
    cut = index.cut(0, 0, first, stop)
    begin_bytes = int(cut.fragments["a_data"].min())
    end_bytes = int(cut.a_offsets[-1]) + int(cut.a_stsz[-1])
    return [Portion(segment, cut.counters(), begin_bytes, end_bytes, cut_index=cut)]


def _take(footage: Footage, segment: Found, end_us: int, *, is_first: bool) -> Portion | None:
    """Return the part of a segment before end_us, with the lead-in that the first one needs, or None."""
    begin_us = footage.begin_us if is_first else segment.start_us
    if begin_us <= segment.start_us and end_us >= segment.end_us:
        return Portion(segment, segment.counts, segment.body_begin_bytes, segment.body_end_bytes)
    index = segment.load_index()
    wanted = _wanted_samples(footage, segment, index, begin_us, end_us)
    if wanted is None:
        return None
    cut = index.cut(*wanted)
    begin_bytes = int(cut.fragments["offset"][0])
    return Portion(segment, cut.counters(), begin_bytes, int(cut.fragments["end"][-1]), cut_index=cut)


def _wanted_samples(
    footage: Footage, segment: Found, index: SampleIndex, begin_us: int, end_us: int
) -> tuple[int, int, int, int] | None:
    """Return the sample ranges (video from, to, audio from, to) that show [begin_us, end_us); None for none.

    Video begins at the key frame at or before begin_us; it ends, in decode order, with the last frame shown, which
    takes in the few later frames that it refers to.
    """
    timescale = footage.video_entry(segment).timescale
    begin, end = segment.ticks_at(begin_us, timescale), segment.ticks_at(end_us, timescale)
    pts = index.v_pts
    is_whole_head = begin_us <= segment.start_us
    shown = np.flatnonzero(pts < end)
    audio_first, audio_end, has_audio = 0, 0, False
    entry = footage.audio_entry(segment)
    if entry is not None:
        dts = index.a_dts
        begin_a, end_a = (-(-ticks * entry.timescale // timescale) for ticks in (begin, end))
        audio_end = int(np.searchsorted(dts, end_a)) if end_us < segment.end_us else len(dts)
        first = 0 if is_whole_head else int(np.searchsorted(dts, begin_a, "right")) - 1
        audio_first = max(first - (0 if is_whole_head else AUDIO_LEAD_IN), 0)
        has_audio = bool(first < audio_end)
    if not len(shown) or not (has_audio or bool((pts[shown] >= begin).any())):
        return None
    keys = index.v_stss.astype(np.int64) - 1
    before = keys[pts[keys] <= begin]
    v_first = int(before[-1]) if len(before) and not is_whole_head else 0
    v_end = int(shown[-1]) + 1
    return (v_first, v_end, audio_first, audio_end) if v_first < v_end else None


def _number_entries(footage: Footage, portions: Sequence[Portion]) -> None:
    """Give each portion the numbers of its sample entries in the movie, and the scale of its audio."""
    video: list[int] = []
    audio: list[int] = []
    timescale = 0
    for portion in portions:
        if portion.counts["v_n"]:
            portion.video_entry = _number(video, footage.video_entry(portion.segment).id)
        entry = footage.audio_entry(portion.segment)
        if entry is not None:
            timescale = timescale or entry.timescale
            portion.audio_entry = _number(audio, entry.id)
            portion.audio_scale = (timescale, entry.timescale)


def _number(known: list[int], entry_id: int) -> int:
    if entry_id not in known:
        known.append(entry_id)
    return known.index(entry_id) + 1


def place_portions(footage: Footage, portions: Sequence[Portion], gaps: Gaps) -> None:
    """Set the shift of each portion and the durations of last samples; the first video sample has the time 0."""
    first = next(portion for portion in portions if portion.counts["v_n"])
    timescale = footage.video_entry(first.segment).timescale
    audio_timescale = next((p.audio_scale[0] for p in portions if p.counts["a_n"]), 0)
    placer = _Placer(timescale, audio_timescale, gaps, footage.begin_us, -first.counts["v_t0"])
    for portion in portions:
        placer.place(portion)


class _Placer:
    """The state of laying portions behind one another."""

    def __init__(self, timescale: int, audio_timescale: int, gaps: Gaps, begin_us: int, first_shift: int) -> None:
        self._timescale = timescale
        self._audio_timescale = audio_timescale
        self._gaps = gaps
        self._begin_us = begin_us
        self._first_shift = first_shift
        self._video: Portion | None = None  # the last portion with video
        self._audio: Portion | None = None  # the last portion with audio
        self._origin = 0  # movie time of begin_us, for `hold`

    def place(self, portion: Portion) -> None:
        """Place one portion behind those before."""
        before, counts = self._video, portion.counts
        if not counts["v_n"]:
            portion.v_shift = before.v_shift if before is not None else self._first_shift
            self._join_audio(portion)
            return
        if before is None:
            portion.v_shift = self._first_shift
            at_begin = portion.segment.ticks_at(max(self._begin_us, portion.segment.start_us), self._timescale)
            waited_us = max(portion.segment.start_us - self._begin_us, 0)
            self._origin = at_begin + portion.v_shift - waited_us * self._timescale // 1_000_000
        elif portion.segment.follows(before.segment) and not _is_cut_short(before):
            portion.v_shift = before.v_shift
        else:
            portion.v_shift = self._seam(portion, before)
        if before is not None:
            self._join_video(portion, before)
        self._video = portion
        portion.v_last = counts["v_last"]
        if counts["a_n"]:
            self._join_audio(portion)

    def _seam(self, portion: Portion, before: Portion) -> int:
        """Return the shift of a portion that is another run, or follows a hole."""
        counts = portion.counts
        first_pts = counts["v_t0"] + counts["v_c0"]
        begin = before.counts["v_t0"] + before.counts["v_c0"] + before.counts["v_dur"] + before.v_shift
        if self._audio is not None and counts["a_n"]:
            lead = first_pts - self._in_video(portion.a_ticks(counts["a_t0"]))
            begin = max(begin, self._in_video(_audio_end(self._audio)) + lead)
        if self._gaps == "hold":
            waited_us = portion.segment.start_us - self._begin_us
            begin = max(begin, self._origin + waited_us * self._timescale // 1_000_000)
        return begin - first_pts

    def _join_video(self, portion: Portion, before: Portion) -> None:
        """Let the last frame before last until the first of this portion; move the portion where it is too early."""
        last = before.counts["v_t0"] + before.counts["v_dur"] - before.counts["v_last"] + before.v_shift
        lasting = portion.counts["v_t0"] + portion.v_shift - last
        if lasting < 0:
            portion.v_shift -= lasting
        before.v_last = _checked(max(lasting, 0))

    def _join_audio(self, portion: Portion) -> None:
        """Do the same for audio, whose shift follows from that of the video."""
        portion.a_shift = self._in_audio(portion.v_shift)
        before = self._audio
        if before is not None:
            last = _audio_end(before) - before.a_ticks(before.counts["a_last"])
            lasting = portion.a_ticks(portion.counts["a_t0"]) + portion.a_shift - last
            if lasting < 0:
                portion.a_shift -= lasting
            before.a_last = _checked(max(lasting, 0))
        portion.a_last = portion.a_ticks(portion.counts["a_last"])
        self._audio = portion

    def _in_video(self, ticks: int) -> int:
        """Return audio ticks as video ticks, rounded up."""
        return -(-ticks * self._timescale // self._audio_timescale)

    def _in_audio(self, ticks: int) -> int:
        """Return video ticks as audio ticks, rounded to the nearest."""
        return (2 * ticks * self._audio_timescale + self._timescale) // (2 * self._timescale)


def _is_cut_short(portion: Portion) -> bool:
    """Tell whether samples at the end of the portion's segment were left out."""
    return portion.end_bytes < portion.segment.body_end_bytes


def _audio_end(portion: Portion) -> int:
    """Return the movie's audio time after the last audio sample of a portion."""
    return portion.a_ticks(portion.counts["a_t0"] + portion.counts["a_dur"]) + portion.a_shift


def _checked(duration: int) -> int:
    """Return a duration. Raises Invalid where it does not fit into 32 bits: 13.25 hours at 90 kHz."""
    if duration > MAX_U32:
        message = "a gap of the range is longer than 13 hours and cannot be held: ask with gaps=collapse"
        raise Invalid(message, loc=("query", "gaps"), kind="gap_too_long")
    return duration
