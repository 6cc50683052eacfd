"""Where each portion lies on the timeline of the movie.

Within a run the media time of the files runs on, and so does the movie's. At a seam between runs the movie goes on
where both tracks have ended (`collapse`) or as much later as the wall clock says (`hold`); the last sample of each
track lasts until its next one, so that picture and sound never drift apart.

Portions that simply run on from the one before, nearly all, are placed together; the others one by one.
"""

from itertools import pairwise
from typing import Literal

import numpy as np
import numpy.typing as npt

from app.formats.sampleindex import MAX_U32
from app.playback.footage import Footage
from app.playback.portions import Portions

Gaps = Literal["collapse", "hold", "fail"]


def place_portions(footage: Footage, portions: Portions, gaps: Gaps) -> None:
    """Set shifts and durations of last samples; the first video sample has the decode time 0.

    A duration has 32 bits: 13.25 hours at 90 kHz. Where one does not fit, its track gets a coarser timescale, which
    divides the usual one.
    """
    _place(footage, portions, gaps)
    portions.divisor = _divisor(portions.timescale, int(portions.v_last.max(initial=0)))
    divisor = _divisor(portions.audio_timescale, int(portions.a_last.max(initial=0)))
    if divisor > 1:
        portions.audio_timescale //= divisor
        _place(footage, portions, gaps)


def _place(footage: Footage, portions: Portions, gaps: Gaps) -> None:
    placer = _Placer(footage, portions, gaps)
    for begin, end in pairwise([*np.flatnonzero(~placer.runs_on).tolist(), len(portions)]):
        placer.place(begin)
        placer.run_on(begin, end)


def _divisor(timescale: int, longest: int) -> int:
    """Return the least divisor of a timescale with which a duration fits into 32 bits."""
    least = longest // (MAX_U32 - 1) + 1
    return least if least == 1 else next(number for number in range(least, timescale + 1) if timescale % number == 0)


class _Placer:
    """The state of laying portions behind one another; `v` and `a` hold counters by name."""

    def __init__(self, footage: Footage, portions: Portions, gaps: Gaps) -> None:
        self._footage = footage
        self._portions = portions
        self._gaps = gaps
        self._timescale = portions.timescale
        self._audio_timescale = portions.audio_timescale
        self._t0, self._c0 = portions.count("v_t0"), portions.count("v_c0")
        self._v_end = self._t0 + portions.count("v_dur")  # decode time after the last sample
        self._v_last_begin = self._v_end - portions.count("v_last")
        self._a_t0 = portions.a_ticks(portions.count("a_t0"))
        self._a_end = portions.a_ticks(portions.count("a_t0") + portions.count("a_dur"))
        # Not the last duration rescaled: rounded apart from the times around it, it would drift by a tick a portion.
        last_begin = portions.a_ticks(portions.count("a_t0") + portions.count("a_dur") - portions.count("a_last"))
        self._a_last = self._a_end - last_begin
        self._has_video, self._has_audio = portions.has_video, portions.has_audio
        self._first_shift = -int(self._t0[int(np.argmax(self._has_video))])
        self._video: int | None = None  # the last portion with video
        self._audio: int | None = None  # the last portion with audio
        self._origin = 0  # movie time of the begin of the range, for `hold`
        self.runs_on = self._find_what_runs_on()

    def _find_what_runs_on(self) -> npt.NDArray[np.bool_]:
        """Tell which portions simply go on where the one before ended, in both tracks."""
        portions = self._portions
        runs_on = portions.segments.follows & self._has_video & np.roll(self._has_video, 1)
        runs_on[1:] &= portions.end_bytes[:-1] >= portions.segments.column("body_end_bytes")[:-1]
        runs_on[1:] &= self._t0[1:] >= self._v_last_begin[:-1]
        runs_on[1:] &= self._has_audio[1:] == self._has_audio[:-1]
        is_forward = self._a_t0[1:] >= (self._a_end - self._a_last)[:-1]
        runs_on[1:] &= is_forward | ~self._has_audio[1:]
        return runs_on

    def place(self, number: int) -> None:
        """Place one portion behind those before."""
        portions, before = self._portions, self._video
        if not self._has_video[number]:
            portions.v_shift[number] = self._first_shift if before is None else portions.v_shift[before]
            self._join_audio(number)
            return
        if before is None:
            portions.v_shift[number] = self._first_shift
            self._origin = self._movie_time_of_begin(number)
        elif self._goes_on(number, before):
            portions.v_shift[number] = portions.v_shift[before]
        else:
            portions.v_shift[number] = self._seam(number, before)
        if before is not None:
            self._join_video(number, before)
        self._video = number
        if self._has_audio[number]:
            self._join_audio(number)

    def run_on(self, begin: int, end: int) -> None:
        """Place the portions (begin, end), each of which runs on from the one before, behind `begin`."""
        if end - begin < 2:
            return
        portions, inner = self._portions, slice(begin + 1, end)
        portions.v_shift[inner] = portions.v_shift[begin]
        portions.v_last[begin : end - 1] = self._t0[inner] - self._v_last_begin[begin : end - 1]
        self._video = end - 1
        if self._has_audio[begin]:
            self._run_on_with_sound(begin, end)

    def _run_on_with_sound(self, begin: int, end: int) -> None:
        """Do the same for the sound; where the seam at `begin` moved it, the first portions take that up."""
        portions, number = self._portions, begin
        shift = self._in_audio(int(portions.v_shift[begin]))
        while number + 1 < end and (number == begin or portions.a_shift[number] != shift):
            number += 1
            self._join_audio(number)
        if number + 1 == end:
            return
        rest = slice(number + 1, end)
        portions.a_shift[rest] = shift
        portions.a_last[number : end - 1] = self._a_t0[rest] - (self._a_end - self._a_last)[number : end - 1]
        portions.a_last[end - 1] = self._a_last[end - 1]
        self._audio = end - 1

    def _movie_time_of_begin(self, number: int) -> int:
        """Return the movie's time at the begin of the range."""
        segment = self._portions.segments[number]
        at_begin = segment.ticks_at(max(self._footage.begin_us, segment.start_us), self._timescale)
        waited_us = max(segment.start_us - self._footage.begin_us, 0)
        shift = int(self._portions.v_shift[number])
        return at_begin + shift - waited_us * self._timescale // 1_000_000

    def _goes_on(self, number: int, before: int) -> bool:
        """Tell whether a portion is the next file of the run, and nothing at the end of the one before was left out."""
        portions = self._portions
        if portions.end_bytes[before] < portions.segments.column("body_end_bytes")[before]:
            return False
        return portions.segments[number].follows(portions.segments[before])

    def _seam(self, number: int, before: int) -> int:
        """Return the shift of a portion that is another run, or follows a hole."""
        portions = self._portions
        first_pts = int(self._t0[number] + self._c0[number])
        begin = int(self._c0[before] + self._v_end[before] + portions.v_shift[before])
        if self._audio is not None and self._has_audio[number]:
            lead = first_pts - self._in_video(int(self._a_t0[number]))
            audio_end = int(self._a_end[self._audio] + portions.a_shift[self._audio])
            begin = max(begin, self._in_video(audio_end) + lead)
        if self._gaps == "hold":
            waited_us = int(portions.begins_us[number]) - self._footage.begin_us
            begin = max(begin, self._origin + waited_us * self._timescale // 1_000_000)
        return begin - first_pts

    def _join_video(self, number: int, before: int) -> None:
        """Let the last frame before last until the first of this portion; move the portion where it is too early."""
        portions = self._portions
        last_begin = int(self._v_last_begin[before] + portions.v_shift[before])
        lasting = int(self._t0[number] + portions.v_shift[number]) - last_begin
        if lasting < 0:
            portions.v_shift[number] -= lasting
        portions.v_last[before] = max(lasting, 0)

    def _join_audio(self, number: int) -> None:
        """Do the same for audio, whose shift follows from that of the video."""
        portions, before = self._portions, self._audio
        portions.a_shift[number] = self._in_audio(int(portions.v_shift[number]))
        if before is not None:
            last_begin = int(self._a_end[before] - self._a_last[before] + portions.a_shift[before])
            lasting = int(self._a_t0[number] + portions.a_shift[number]) - last_begin
            if lasting < 0:
                portions.a_shift[number] -= lasting
            portions.a_last[before] = max(lasting, 0)
        portions.a_last[number] = self._a_last[number]
        self._audio = number

    def _in_video(self, ticks: int) -> int:
        """Return audio ticks as video ticks, rounded up."""
        return -(-ticks * self._timescale // self._audio_timescale)

    def _in_audio(self, ticks: int) -> int:
        """Return video ticks as audio ticks, rounded to the nearest."""
        return (2 * ticks * self._audio_timescale + self._timescale) // (2 * self._timescale)
