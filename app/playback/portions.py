"""Which samples of which segments a range takes: all of most segments, a part of those at its ends."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from app.archive.columns import ColumnReader
from app.archive.segments import COUNTERS_AT, Ints, Segments
from app.formats.indexcut import cut_index
from app.formats.sampleindex import ROW_COUNTERS, SampleIndex
from app.playback.footage import Footage

AUDIO_LEAD_IN = 1  # packets that a decoder of AAC needs before the first it is to be right about


@dataclass(frozen=True, slots=True)
class Cut:
    """A part of a segment: the index of its samples, and the bytes of the file in which they lie."""

    index: SampleIndex
    begin_bytes: int
    end_bytes: int


class Portions:
    """What a movie takes of each segment and where it puts it, as columns with an element a portion.

    `shift` of a track is what is added to the segment's ticks to give those of the movie; `last` is the duration of
    its last sample, up to the next portion. `cuts` has what is known of portions that are not whole segments, by
    number. `begins_us` is the wall clock from which a portion is played. `a_scale` is the segment's audio timescale,
    `audio_timescale` that of the movie. The movie's video timescale is `timescale` divided by `divisor`.
    """

    def __init__(self, footage: Footage, segments: Segments, begins_us: Ints, cuts: dict[int, Cut]) -> None:
        """Lay out the columns; nothing is placed yet."""
        self.segments = segments
        self.begins_us = begins_us
        self.cuts = cuts
        count = len(segments)
        self._counts: Ints = segments.rows[:, COUNTERS_AT].copy()
        self.begin_bytes, self.end_bytes = segments.column("body_begin_bytes").copy(), segments.column("body_end_bytes")
        self.end_bytes = self.end_bytes.copy()
        for number, cut in cuts.items():
            self._counts[number] = [cut.index.counts[name] for name in ROW_COUNTERS]
            self.begin_bytes[number], self.end_bytes[number] = cut.begin_bytes, cut.end_bytes
        self.v_shift, self.v_last, self.a_shift, self.a_last = (np.zeros(count, np.int64) for _ in range(4))
        self.v_last[:] = self.count("v_last")
        self.divisor = 1
        self.timescale, self.video_ids, self.video_entry = 0, list[int](), np.zeros(count, np.int64)
        self.audio_timescale, self.audio_ids, self.audio_entry = 0, list[int](), np.zeros(count, np.int64)
        self.a_scale = np.ones(count, np.int64)
        self._number_entries(footage)

    def __len__(self) -> int:
        return len(self.segments)

    def count(self, name: str) -> Ints:
        """Return one of ROW_COUNTERS for all portions."""
        column: Ints = self._counts[:, ROW_COUNTERS.index(name)]
        return column

    def _number_entries(self, footage: Footage) -> None:
        """Give each portion the numbers of its sample entries in the movie, and the scale of its audio."""
        scales = {number: entry.timescale for number, entry in footage.entries.items()}
        audio, video = self.segments.column("audio_entry_id"), self.segments.column("video_entry_id")
        is_known = np.isin(audio, list(scales))
        for name in ("a_n", "a_chunks", "a_runs"):
            self.count(name)[~is_known] = 0
        self.video_ids = _numbered(video, self.has_video, self.video_entry)
        self.audio_ids = _numbered(audio, self.has_audio, self.audio_entry)
        if self.video_ids:
            self.timescale = scales[self.video_ids[0]]
        if self.audio_ids:
            self.audio_timescale = scales[self.audio_ids[0]]
            self.a_scale[:] = self.audio_timescale
            for number in self.audio_ids:
                self.a_scale[self.has_audio & (audio == number)] = scales[number]

    @property
    def has_video(self) -> npt.NDArray[np.bool_]:
        """Tell which portions have pictures."""
        return self.count("v_n") > 0

    @property
    def has_audio(self) -> npt.NDArray[np.bool_]:
        """Tell which portions have sound."""
        return self.count("a_n") > 0

    @property
    def identity(self) -> bytes:
        """Return everything about the portions that the bytes of the movie follow from, but its codecs and edits.

        A segment is told by its run and its begin; what the counters of a whole one say, and where it lies in the movie
        once the first ones lie somewhere, follows from that.
        """
        cut, segments = sorted(self.cuts), self.segments
        columns = [segments.column(name) for name in ("run_key", "start_us", "generation")]
        columns += [self.v_shift, self._counts[cut].ravel(), self.begin_bytes[cut], self.end_bytes[cut]]
        return b"".join([column.tobytes() for column in columns])

    @property
    def sizes_bytes(self) -> Ints:
        """Bytes of each file that go into the movie."""
        return self.end_bytes - self.begin_bytes

    def a_ticks(self, ticks: Ints) -> Ints:
        """Return audio ticks of each portion's segment in those of the movie's audio track, without the shift."""
        if (self.a_scale == self.audio_timescale).all():
            return ticks
        return (2 * ticks * self.audio_timescale + self.a_scale) // (2 * self.a_scale)

    def load_index(self, number: int) -> SampleIndex:
        """Return the sample index of a portion. Raises FormatError, OSError."""
        cut = self.cuts.get(number)
        return cut.index if cut is not None else self.segments[number].load_index()

    def load_columns(self, numbers: Sequence[int], name: str) -> Iterator[npt.NDArray[Any]]:
        """Yield one column of the sample index of each of these portions. Raises FormatError, OSError."""
        whole = self._columns.read([number for number in numbers if number not in self.cuts], name)
        for number in numbers:
            cut = self.cuts.get(number)
            yield next(whole) if cut is None else getattr(cut.index, name)

    @cached_property
    def _columns(self) -> ColumnReader:
        return ColumnReader(self.segments)


def _numbered(ids: Ints, is_held: npt.NDArray[np.bool_], numbers: Ints) -> list[int]:
    """Give the entries numbers from 1 in the order in which they come first; return their ids in that order."""
    held = ids[is_held]
    if len(held) and (held == held[0]).all():  # nearly always, and finding unique ones costs 0.1 ms
        numbers[is_held] = 1
        return [int(held[0])]
    unique, first = np.unique(held, return_index=True)
    ordered: list[int] = unique[np.argsort(first)].tolist()
    for number, entry_id in enumerate(ordered, 1):
        numbers[is_held & (ids == entry_id)] = number
    return ordered


def take_portions(footage: Footage) -> Portions | None:
    """Return what the range takes of each segment, in order; None where it takes no picture.

    Raises FormatError, OSError where the index of a segment that is not taken whole cannot be read.
    """
    segments, ends_us = footage.segments, footage.ends_us
    first, part = _first_portion(footage)
    if first is None:
        return None
    cuts = {first: part} if part is not None else {}
    is_taken = np.arange(len(segments)) >= first
    is_cut = (ends_us < segments.column("end_us")) | (footage.begins_us > segments.column("start_us"))
    is_cut[: first + 1] = False
    for number in {min(first + 1, len(segments) - 1), len(segments) - 1} - {first}:
        is_cut[number] |= _has_sound_outside(footage, number)
    for number in np.flatnonzero(is_cut).tolist():
        part = _cut(footage, number, int(footage.begins_us[number]), is_last=number == len(segments) - 1)
        if part is None:
            is_taken[number] = False
        else:
            cuts[number] = part
    before, after = _sound_beside(footage, footage.before), _sound_beside(footage, footage.after)
    places = np.cumsum(is_taken) - 1 + len(before)
    known = {int(places[number]): cut for number, cut in cuts.items()}
    known |= {place: cut for place, (_, cut) in enumerate(before)}
    known |= {int(places[-1]) + 1 + place: cut for place, (_, cut) in enumerate(after)}
    beside = [[item for item, _ in some] for some in (before, after)]
    around = [*beside[0], segments.select(is_taken), *beside[1]]
    begins = [*(item.column("start_us") for item in beside[0]), footage.begins_us[is_taken]]
    begins += [item.column("start_us") for item in beside[1]]
    return Portions(footage, Segments.joined(around), np.concatenate(begins), known)


def _first_portion(footage: Footage) -> tuple[int | None, Cut | None]:
    """Return the number of the first segment that shows anything, and the part of it, None for the whole."""
    for number, segment in enumerate(footage.segments):
        begin_us = max(footage.begin_us, int(footage.begins_us[number]))
        is_whole = begin_us <= segment.start_us and footage.ends_us[number] >= segment.end_us
        if is_whole and not _has_sound_outside(footage, number):
            return number, None
        part = _cut(footage, number, begin_us, is_last=number == len(footage.segments) - 1)
        if part is not None:
            return number, part
    return None, None


def _sound_beside(footage: Footage, beside: Segments | None) -> list[tuple[Segments, Cut]]:
    """Return the sound of the range that lies in a file next to those of the range; none of its pictures."""
    segment = beside[0] if beside is not None else None
    entry = footage.audio_entry(segment) if segment is not None else None
    if beside is None or segment is None or entry is None:
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
    cut = cut_index(index, 0, 0, first, stop)
    end_bytes = int(cut.a_offsets[-1]) + int(cut.a_stsz[-1])
    return [(beside, Cut(cut, int(cut.fragments["a_data"].min()), end_bytes))]


def _cut(footage: Footage, number: int, begin_us: int, *, is_last: bool) -> Cut | None:
    """Return the part of a segment that is played from an instant on, with the lead-in that it needs, or None."""
    segment = footage.segments[number]
    index = segment.load_index()
    video = _wanted_pictures(footage, number, index, begin_us, is_last=is_last)
    audio, has_sound = _wanted_sound(footage, number, index, begin_us)
    if video is None or not (has_sound or video[2]):
        return None
    cut = cut_index(index, *video[:2], *audio)
    return Cut(cut, int(cut.fragments["offset"][0]), int(cut.fragments["end"][-1]))


def _wanted_pictures(
    footage: Footage, number: int, index: SampleIndex, begin_us: int, *, is_last: bool
) -> tuple[int, int, bool] | None:
    """Return the first picture and the end of those that are needed, and whether one of them is shown; None for none.

    They begin with the key frame at or before begin_us; they end, in decode order, with the last one shown, which takes
    in the few later ones that it refers to. Within a movie nothing hides these: there they end before the first.
    """
    segment = footage.segments[number]
    timescale = footage.video_entry(segment).timescale
    begin = segment.ticks_at(begin_us, timescale)
    end = segment.ticks_at(int(footage.ends_us[number]), timescale)
    pts = index.v_pts
    is_early = pts < end
    shown = np.flatnonzero(is_early)
    if not len(shown):
        return None
    keys = index.v_stss.astype(np.int64) - 1
    before = keys[pts[keys] <= begin]
    first = int(before[-1]) if len(before) and begin_us > segment.start_us else 0
    stop = int(shown[-1]) + 1
    if not is_last and not is_early[first:].all():
        stop = first + int(np.argmin(is_early[first:]))
    return (first, stop, bool((pts[shown] >= begin).any())) if first < stop else None


def _wanted_sound(footage: Footage, number: int, index: SampleIndex, begin_us: int) -> tuple[tuple[int, int], bool]:
    """Return the first packet and the end of those that are needed, and whether one of them is heard."""
    segment = footage.segments[number]
    entry = footage.audio_entry(segment)
    if entry is None:
        return (0, 0), False
    # Played again after another run: nothing would hide what comes before. Else what the range has, and a lead-in.
    is_again = begin_us > max(segment.start_us, footage.begin_us)
    instants_us = (begin_us if is_again else footage.begin_us, int(footage.ends_us[number]))
    begin, end = (_sound_ticks(footage, number, instant_us) for instant_us in instants_us)
    first, stop = np.searchsorted(index.a_dts, (begin, end)).tolist()
    if number == 0 and first > 0:
        first = max(int(np.searchsorted(index.a_dts, begin, "right")) - 1 - AUDIO_LEAD_IN, 0)
    return (min(first, stop), stop), first < stop


def _has_sound_outside(footage: Footage, number: int) -> bool:
    """Tell whether a segment has sound before the range or after it beside pictures that are within."""
    segment = footage.segments[number]
    if footage.audio_entry(segment) is None:
        return False
    begin, end = (_sound_ticks(footage, number, instant_us) for instant_us in (footage.begin_us, footage.end_us))
    return segment.counts["a_t0"] < begin or segment.counts["a_t0"] + segment.counts["a_dur"] > end


def _sound_ticks(footage: Footage, number: int, instant_us: int) -> int:
    """Return an instant in audio ticks of a segment, rounded up."""
    segment = footage.segments[number]
    entry, timescale = footage.audio_entry(segment), footage.video_entry(segment).timescale
    rate = entry.timescale if entry is not None else timescale
    return -(-segment.ticks_at(instant_us, timescale) * rate // timescale)


def vector_ticks_at(segments: Segments, instants_us: Ints, timescale: int) -> Ints:
    """Return the media time of each segment at an instant of its own, in ticks, rounded up (`Found.ticks_at`)."""
    media = (instants_us - segments.column("start_us")) * timescale
    first_pts = segments.column("v_t0") + segments.column("v_c0")
    return first_pts - (-media // (1_000_000 + segments.column("slew_ppm")))
