"""The sample tables of a movie over several segments: sizes from counters, bytes from the sample indexes when sent."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from app.archive.find import Found
from app.formats import moov
from app.formats.moov import Piece, Table
from app.formats.sampleindex import SampleIndex

# Each table asks for every index again; this many stay in memory, some 25 KB each.
KEPT_INDEXES = 128
GROUP = 32  # portions whose rows of a table are made at once
Letter = Literal["v", "a"]
Rows = npt.NDArray[Any]


@dataclass(slots=True)
class Portion:
    """What a movie takes of one segment, and where it puts it.

    `cut_index` is set where not all of the segment is taken. `shift` of a track is what is added to the segment's
    ticks to give those of the movie; `last` is the duration of its last sample, up to the next portion.
    """

    segment: Found
    counts: dict[str, int]
    begin_bytes: int
    end_bytes: int
    v_shift: int = 0
    v_last: int = 0
    a_shift: int = 0
    a_last: int = 0
    video_entry: int = 1
    audio_entry: int = 1
    audio_scale: tuple[int, int] = (1, 1)
    cut_index: SampleIndex | None = None

    @property
    def size_bytes(self) -> int:
        """Bytes of the file that go into the movie."""
        return self.end_bytes - self.begin_bytes

    @property
    def is_rescaled(self) -> bool:
        """Tell whether the audio has another timescale than the movie's audio track."""
        return self.audio_scale[0] != self.audio_scale[1]

    def a_ticks(self, ticks: int) -> int:
        """Return audio ticks of the segment in those of the movie's audio track, without the shift."""
        multiplier, divisor = self.audio_scale
        return (2 * ticks * multiplier + divisor) // (2 * divisor)


class Indexes:
    """The sample indexes of a movie's portions; those used last stay in memory. Used by several threads."""

    def __init__(self, portions: Sequence[Portion]) -> None:
        self._portions = portions
        self._kept: OrderedDict[int, SampleIndex] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, number: int) -> SampleIndex:
        """Return the index of a portion. Raises FormatError, OSError."""
        portion = self._portions[number]
        if portion.cut_index is not None:
            return portion.cut_index
        with self._lock:
            index = self._kept.pop(number, None)
        index = index or portion.segment.load_index()
        with self._lock:
            self._kept[number] = index
            while len(self._kept) > KEPT_INDEXES:
                self._kept.popitem(last=False)
        return index


@dataclass(slots=True)
class TableBuilder:
    """Makes the tables of one track. `mdat_begin` must be set before chunk offsets are asked for."""

    letter: Letter
    portions: Sequence[Portion]
    indexes: Indexes
    mdat_begin: int = 0

    @property
    def _numbers(self) -> list[int]:
        name = f"{self.letter}_n"
        return [number for number, portion in enumerate(self.portions) if portion.counts[name]]

    def _table(self, row_bytes: int, count: Callable[[Portion], int], rows: Callable[[int], Rows]) -> Table:
        """Return a table in pieces of some portions each; `rows` gives the rows of a portion by its number."""
        numbers = self._numbers
        parts = []
        for begin in range(0, len(numbers), GROUP):
            group = numbers[begin : begin + GROUP]
            size_bytes = row_bytes * sum([count(self.portions[number]) for number in group])
            parts.append(Piece(size_bytes, partial(_bytes_of, rows, group)))
        total = sum(part.size_bytes for part in parts)
        return Table(total // row_bytes, total, parts)

    def stts(self) -> Table:
        """Durations; the last of each portion reaches up to the next portion."""
        return self._table(moov.STTS_BYTES, self._stts_count, self._stts_rows)

    def _stts_count(self, portion: Portion) -> int:
        if self.letter == "a" and portion.is_rescaled:
            return portion.counts["a_n"]
        return portion.counts[f"{self.letter}_runs"]

    def _stts_rows(self, number: int) -> Rows:
        portion, index = self.portions[number], self.indexes.get(number)
        if self.letter == "a" and portion.is_rescaled:
            return _rescaled(index, portion)
        rows: Rows = getattr(index, f"{self.letter}_stts").copy()
        rows[-1, 1] = portion.v_last if self.letter == "v" else portion.a_last
        return rows

    def ctts(self) -> Table | None:
        """Composition offsets, or None where no portion has any."""
        if not any(portion.counts["v_cruns"] for portion in self.portions):
            return None
        return self._table(moov.CTTS_BYTES, lambda portion: portion.counts["v_cruns"] or 1, self._ctts_rows)

    def _ctts_rows(self, number: int) -> Rows:
        if self.portions[number].counts["v_cruns"]:
            return self.indexes.get(number).v_ctts
        return np.array([[self.portions[number].counts["v_n"], 0]], ">i4")

    def stss(self) -> Table:
        """Numbers of the key samples."""
        first = self._firsts(f"{self.letter}_n")
        return self._table(
            moov.STSS_BYTES,
            lambda portion: portion.counts["v_sync"],
            lambda number: (self.indexes.get(number).v_stss.astype(np.int64) + first[number]).astype(">u4"),
        )

    def stsz(self) -> Table:
        """Sizes."""
        return self._table(
            moov.STSZ_BYTES,
            lambda portion: portion.counts[f"{self.letter}_n"],
            lambda number: getattr(self.indexes.get(number), f"{self.letter}_stsz"),
        )

    def stsc(self) -> Table:
        """One row a chunk, so that the number of rows is known beforehand; a chunk is a track's part of a fragment."""
        first = self._firsts(f"{self.letter}_chunks")

        def rows(number: int) -> Rows:
            held = self._chunks(number)
            table = np.empty((len(held), 3), np.int64)
            table[:, 0] = first[number] + 1 + np.arange(len(held))
            table[:, 1] = held[f"{self.letter}_count"]
            portion = self.portions[number]
            table[:, 2] = portion.video_entry if self.letter == "v" else portion.audio_entry
            return table.astype(">u4")

        return self._table(moov.STSC_BYTES, self._chunk_count, rows)

    def co64(self) -> Table:
        """Offsets of the chunks in the movie."""
        sizes = [portion.size_bytes for portion in self.portions]
        begins = np.cumsum([0, *sizes])

        def rows(number: int) -> Rows:
            moved = self.mdat_begin + int(begins[number]) - self.portions[number].begin_bytes
            return (self._chunks(number)[f"{self.letter}_data"] + moved).astype(">u8")

        return self._table(moov.CO64_BYTES, self._chunk_count, rows)

    def _chunk_count(self, portion: Portion) -> int:
        return portion.counts[f"{self.letter}_chunks"]

    def _chunks(self, number: int) -> Rows:
        fragments = self.indexes.get(number).fragments
        held: Rows = fragments[fragments[f"{self.letter}_count"] > 0]
        return held

    def _firsts(self, name: str) -> list[int]:
        """Return for each portion how many of something all portions before it have."""
        counts = [portion.counts[name] for portion in self.portions]
        return [int(total) for total in np.cumsum([0, *counts])]


def _bytes_of(rows: Callable[[int], Rows], numbers: Sequence[int]) -> bytes:
    """Return the rows of some portions as bytes."""
    return b"".join([rows(number).tobytes() for number in numbers])


def _rescaled(index: SampleIndex, portion: Portion) -> Rows:
    """Return the audio durations in the movie's timescale, a row a sample; rounding errors do not add up."""
    multiplier, divisor = portion.audio_scale
    ticks = index.a_dts
    moved = (2 * ticks * multiplier + divisor) // (2 * divisor)
    durations = np.append(np.diff(moved), portion.a_last)
    return np.stack([np.ones_like(durations), durations], axis=1).astype(">u4")
