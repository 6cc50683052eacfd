"""The sample tables of a movie over several segments: sizes from counters, bytes from the sample indexes when sent.

A table is made by groups of portions, each of which reads the one column that it needs of its index: no process keeps
indexes, whatever the length of the movie and the number of those who read.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from app.archive.segments import Ints
from app.formats import moov
from app.formats.boxes import FormatError
from app.formats.moov import Table
from app.playback.portions import Portions

GROUP = 8  # portions whose rows of a table are made at once: some 0.1 MB for each of those who download
Letter = Literal["v", "a"]
Rows = npt.NDArray[Any]
Make = Callable[[Sequence[int]], bytes]


class _Rows:
    """The rows of one table, made by groups of portions when they are sent."""

    def __init__(self, numbers: Ints, sizes_bytes: Ints, make: Make) -> None:
        """Take over the numbers of the portions, at least one, and the size of each one's rows."""
        self._numbers = numbers
        self._make = make
        starts = np.arange(0, len(numbers), GROUP)
        self._ends = np.cumsum(np.add.reduceat(sizes_bytes, starts))
        self.size_bytes = int(self._ends[-1])

    def read(self, begin: int, end: int) -> Iterator[bytes]:
        """Yield the bytes [begin, end). Raises FormatError, OSError where an index cannot be read."""
        group = int(np.searchsorted(self._ends, begin, "right"))
        while begin < end:
            data = self._make(self._numbers[group * GROUP : (group + 1) * GROUP].tolist())
            group_end = int(self._ends[group])
            group_begin = int(self._ends[group - 1]) if group else 0
            if len(data) != group_end - group_begin:
                raise FormatError(f"a table has {len(data)} bytes instead of {group_end - group_begin}")
            yield data[begin - group_begin : end - group_begin]
            begin, group = group_end, group + 1


@dataclass(slots=True)
class TableBuilder:
    """Makes the tables of one track. `mdat_begin` must be set before chunk offsets are asked for."""

    letter: Letter
    portions: Portions
    mdat_begin: int = 0

    def _table(self, row_bytes: int, counts: Ints, make: Make) -> Table:
        """Return a table; `make` gives the rows of some portions by their numbers."""
        numbers = np.flatnonzero(self.portions.count(f"{self.letter}_n"))
        rows = _Rows(numbers, row_bytes * counts[numbers], make)
        return Table(rows.size_bytes // row_bytes, rows)

    @property
    def _is_rescaled(self) -> npt.NDArray[np.bool_]:
        """Tell which portions have another timescale than the track: their times have a row a sample."""
        portions = self.portions
        if self.letter == "v":
            return np.full(len(portions), portions.divisor > 1)
        is_rescaled: npt.NDArray[np.bool_] = portions.a_scale != portions.audio_timescale
        return is_rescaled

    def stts(self) -> Table:
        """Durations; the last of each portion reaches up to the next portion."""
        counts = self.portions.count(f"{self.letter}_runs")
        counts = np.where(self._is_rescaled, self.portions.count(f"{self.letter}_n"), counts)
        return self._table(moov.STTS_BYTES, counts, self._stts)

    def _stts(self, numbers: Sequence[int]) -> bytes:
        portions = self.portions
        lasts = (portions.v_last if self.letter == "v" else portions.a_last)[list(numbers)].tolist()
        is_rescaled = self._is_rescaled
        name = f"{self.letter}_stts"
        plain = portions.load_columns([number for number in numbers if not is_rescaled[number]], name)
        rows = []
        for number, last in zip(numbers, lasts, strict=True):
            if is_rescaled[number]:
                rows.append(_rescaled(portions, number, last, self.letter))
                continue
            durations = next(plain).copy()
            durations[-1, 1] = last
            rows.append(durations)
        return _bytes(rows)

    def ctts(self) -> Table | None:
        """Composition offsets, or None where no portion has any."""
        counts = self.portions.count("v_cruns")
        if not counts.any():
            return None
        rows = np.where(self._is_rescaled, self.portions.count("v_n"), np.maximum(counts, 1))
        return self._table(moov.CTTS_BYTES, rows, self._ctts)

    def _ctts(self, numbers: Sequence[int]) -> bytes:
        portions = self.portions
        has_offsets, samples = portions.count("v_cruns"), portions.count("v_n")
        if portions.divisor > 1:
            return _bytes([_coarse_offsets(portions, number) for number in numbers])
        known = portions.load_columns([number for number in numbers if has_offsets[number]], "v_ctts")
        none = [np.array([[samples[number], 0]], ">i4") for number in numbers]
        return _bytes([next(known) if has_offsets[number] else row for number, row in zip(numbers, none, strict=True)])

    def stss(self) -> Table:
        """Numbers of the key samples."""
        first = _firsts(self.portions.count("v_n"))

        def rows(numbers: Sequence[int]) -> bytes:
            keys = zip(self.portions.load_columns(numbers, "v_stss"), first[list(numbers)], strict=True)
            return np.concatenate([column + before for column, before in keys]).astype(">u4").tobytes()

        return self._table(moov.STSS_BYTES, self.portions.count("v_sync"), rows)

    def stsz(self) -> Table:
        """Sizes."""
        name = f"{self.letter}_stsz"

        def rows(numbers: Sequence[int]) -> bytes:
            return _bytes(list(self.portions.load_columns(numbers, name)))

        return self._table(moov.STSZ_BYTES, self.portions.count(f"{self.letter}_n"), rows)

    def stsc(self) -> Table:
        """One row a chunk, so that the number of rows is known beforehand; a chunk is a track's part of a fragment."""
        counts = self.portions.count(f"{self.letter}_chunks")
        first = _firsts(counts)
        entries = self.portions.video_entry if self.letter == "v" else self.portions.audio_entry

        def rows(numbers: Sequence[int]) -> bytes:
            held = self._chunks(numbers, "count")
            table = np.empty((sum(map(len, held)), 3), ">u4")
            table[:, 0] = np.arange(1, len(table) + 1) + first[numbers[0]]
            table[:, 1] = np.concatenate(held)
            table[:, 2] = np.repeat(entries[list(numbers)], [len(item) for item in held])
            return table.tobytes()

        return self._table(moov.STSC_BYTES, counts, rows)

    def co64(self) -> Table:
        """Offsets of the chunks in the movie."""
        moved = _firsts(self.portions.sizes_bytes) - self.portions.begin_bytes

        def rows(numbers: Sequence[int]) -> bytes:
            held = zip(self._chunks(numbers, "data"), moved[list(numbers)] + self.mdat_begin, strict=True)
            return np.concatenate([offsets + by for offsets, by in held]).astype(">u8").tobytes()

        return self._table(moov.CO64_BYTES, self.portions.count(f"{self.letter}_chunks"), rows)

    def _chunks(self, numbers: Sequence[int], name: str) -> list[Rows]:
        """Return one field of those fragments of each portion that hold something of the track."""
        counts, field = f"{self.letter}_count", f"{self.letter}_{name}"
        return [table[field][table[counts] > 0] for table in self.portions.load_columns(numbers, "fragments")]


def _firsts(counts: Ints) -> Ints:
    """Return for each portion how many of something all portions before it have."""
    return np.cumsum(counts) - counts


def _bytes(rows: Sequence[Rows]) -> bytes:
    """Return rows of the file's byte order behind one another: `np.concatenate` would give the machine's."""
    return b"".join([row.tobytes() for row in rows])


def _rescaled(portions: Portions, number: int, last: int, letter: Letter) -> Rows:
    """Return the durations in the timescale of the track, a row a sample; rounding errors do not add up."""
    index = portions.load_index(number)
    if letter == "v":
        moved = _coarse(index.v_dts + portions.v_shift[number], portions.divisor)
        end = _coarse(index.v_dts[-1:] + portions.v_shift[number] + last, portions.divisor)
        durations = np.diff(np.concatenate((moved, end)))
    else:
        multiplier, divisor = portions.audio_timescale, int(portions.a_scale[number])
        moved = (2 * index.a_dts * multiplier + divisor) // (2 * divisor)
        durations = np.append(np.diff(moved), last)
    return np.stack([np.ones_like(durations), durations], axis=1).astype(">u4")


def _coarse_offsets(portions: Portions, number: int) -> Rows:
    """Return the composition offsets in the timescale of a divided track, a row a sample."""
    index, shift = portions.load_index(number), portions.v_shift[number]
    times = [_coarse(ticks + shift, portions.divisor) for ticks in (index.v_pts, index.v_dts)]
    return np.stack([np.ones_like(times[0]), times[0] - times[1]], axis=1).astype(">i4")


def _coarse(ticks: Ints, divisor: int) -> Ints:
    """Return times in ticks that are so many times longer, rounded to the nearest."""
    return (2 * ticks + divisor) // (2 * divisor)
