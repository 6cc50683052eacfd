"""The sample index of one segment file: columns in the byte order of a `moov`, ready to be concatenated.

    magic:4 version:u16 flags:u16 size:u32 crc32:u32         the crc is that of the counters
    counters                                                 COUNTERS, all i64, little-endian
    then each column behind a crc32:u32 of its own, so that one can be read alone:
    v_stsz  >u4[v_n]          sizes                          ISO/IEC 14496-12 §8.7.3
    v_stts  >u4[v_runs][2]    count, delta                   §8.6.1.2
    v_ctts  >i4[v_cruns][2]   count, offset                  §8.6.1.3 version 1; absent when all are 0
    v_stss  >u4[v_sync]       key samples, from 1            §8.6.2
    a_stsz  >u4[a_n]
    a_stts  >u4[a_runs][2]
    fragments                 FRAGMENT[n_frag]               little-endian, for our own use only

A column's crc begins with that of the counters of the segment's row: a column of another segment is noticed too.
The last sample of each track always is a stts run of its own, so that its duration can be changed at a
seam without changing any size. The index can be built again from the media file alone.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from app.formats.boxes import FormatError
from app.formats.fragments import Fragment, Ints, TrackPart
from app.formats.initsegment import Init, InitTrack

MAGIC = b"FPSI"
VERSION = 2
HEADER = struct.Struct("<4sHHII")
COUNTERS = (
    "v_timescale", "v_t0", "v_dur", "v_n", "v_sync", "v_runs", "v_cruns",
    "v_c0", "v_last", "v_longest", "v_chunks",
    "a_timescale", "a_t0", "a_dur", "a_n", "a_runs", "a_last", "a_chunks", "n_frag",
)  # fmt: skip
ROW_COUNTERS = tuple(name for name in COUNTERS if not name.endswith("_timescale"))
COUNTER_BYTES = 8 * len(COUNTERS)
COLUMNS_BEGIN_BYTES = HEADER.size + COUNTER_BYTES
CRC_BYTES = 4
MAX_U32 = 0xFFFFFFFF

U32, I32 = np.dtype(">u4"), np.dtype(">i4")

FRAGMENT = np.dtype(
    [
        ("offset", "<i8"),  # of prft, or of moof
        ("moof", "<i8"),
        ("end", "<i8"),
        ("is_key", "<i4"),  # its first video sample is a key sample
        ("v_first", "<i4"),  # number of samples before it, per track
        ("v_count", "<i4"),
        ("a_first", "<i4"),
        ("a_count", "<i4"),
        ("v_data", "<i8"),  # offset of the track's samples in the file
        ("a_data", "<i8"),
        ("v_tfdt", "<i8"),  # first dts, shift applied
        ("a_tfdt", "<i8"),
        ("v_tfdt_at", "<i8"),  # offset of the 8 bytes of the video tfdt; 0 when it has another form
    ]
)

NO_RUNS = np.empty((0, 2), np.int64)

Bytes = npt.NDArray[Any]
C = TypeVar("C", int, Ints)  # of one index, or of many
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class SampleIndex:
    """The columns of one segment file; see the module's tree. `a_*` are empty without audio."""

    counts: dict[str, int]
    v_stsz: Bytes
    v_stts: Bytes
    v_ctts: Bytes
    v_stss: Bytes
    a_stsz: Bytes
    a_stts: Bytes
    fragments: Bytes

    @classmethod
    def build(cls, init: Init, fragments: Sequence[Fragment], shift_ticks: int = 0) -> SampleIndex:
        """Index the fragments of one file; `shift_ticks` is added to every video dts (design/playback.md).

        Raises FormatError when there is no video track or no video sample.
        """
        video, audio = init.track("video"), init.track("audio")
        if video is None:
            raise FormatError("no video track")
        v = _Track.collect(video, fragments, shift_ticks)
        if not v.count:
            raise FormatError("no video sample")
        a = _Track.collect(audio, fragments, 0)
        return cls._assemble(v, a, _fragment_table(fragments, v, a))

    @classmethod
    def _assemble(cls, v: _Track, a: _Track, table: Bytes) -> SampleIndex:
        """Return the index of two tracks with its columns in byte order and its counters."""
        has_offsets = bool(v.composition_offsets.any())
        columns = {
            "v_stsz": v.sizes.astype(">u4"),
            "v_stts": (run_lengths(v.durations, is_last_alone=True) if v.count else NO_RUNS).astype(">u4"),
            "v_ctts": (run_lengths(v.composition_offsets) if has_offsets else NO_RUNS).astype(">i4"),
            "v_stss": (np.flatnonzero(v.is_key) + 1).astype(">u4"),
            "a_stsz": a.sizes.astype(">u4"),
            "a_stts": (run_lengths(a.durations, is_last_alone=True) if a.count else NO_RUNS).astype(">u4"),
        }
        counts = dict.fromkeys(COUNTERS, 0)
        for letter, track in (("v", v), ("a", a)):
            if not track.count:
                continue
            counts[f"{letter}_timescale"] = track.timescale
            counts[f"{letter}_t0"] = int(track.dts[0])
            counts[f"{letter}_dur"] = int(track.durations.sum())
            counts[f"{letter}_n"] = track.count
            counts[f"{letter}_runs"] = len(columns[f"{letter}_stts"])
            counts[f"{letter}_last"] = int(track.durations[-1])
            counts[f"{letter}_chunks"] = int(np.count_nonzero(table[f"{letter}_count"]))
        counts["v_sync"], counts["v_cruns"] = len(columns["v_stss"]), len(columns["v_ctts"])
        if v.count:  # pictures that lead an open group of pictures are shown before the first one in the file
            counts["v_c0"] = int((v.dts + v.composition_offsets).min() - v.dts[0])
        counts["v_longest"] = int(v.durations[:-1].max(initial=0))
        counts["n_frag"] = len(table)
        return cls(counts, **columns, fragments=table)

    @classmethod
    def from_bytes(cls, data: bytes | memoryview) -> SampleIndex:
        """Return the index over these bytes, uncopied.

        Raises FormatError for a bad magic, size or crc, and for columns that are not those of the counters.
        """
        view = memoryview(data)
        if len(view) < COLUMNS_BEGIN_BYTES:
            raise FormatError(f"a sample index of {len(view)} bytes")
        magic, version, _, size_bytes, crc = HEADER.unpack_from(view)
        if magic != MAGIC or version != VERSION or size_bytes != len(view):
            raise FormatError("not a sample index of this version and size")
        if zlib.crc32(view[HEADER.size : COLUMNS_BEGIN_BYTES]) != crc:
            raise FormatError("the crc of a sample index is wrong")
        values = struct.unpack_from(f"<{len(COUNTERS)}q", view, HEADER.size)
        counts = dict(zip(COUNTERS, values, strict=True))
        if min(counts[column.counter] for column in COLUMNS.values()) < 0:
            raise FormatError("a sample index with a negative count")
        columns, seed = {}, _seed(counts)
        for name, (position, length) in column_places(counts).items():
            rows = counts[COLUMNS[name].counter]
            columns[name] = decode_column(view[position : position + length], name, rows, seed)
        if not _are_of(counts, columns):
            raise FormatError("a sample index whose columns are not those of its counters")
        return cls(counts, **columns)

    def to_bytes(self) -> bytes:
        """Return the index as stored."""
        numbers = struct.pack(f"<{len(COUNTERS)}q", *(self.counts[name] for name in COUNTERS))
        seed = _seed(self.counts)
        parts = [numbers]
        for name in COLUMNS:
            column = getattr(self, name).tobytes()
            parts += [struct.pack("<I", zlib.crc32(column, seed)), column]
        body = b"".join(parts)
        return HEADER.pack(MAGIC, VERSION, 0, HEADER.size + len(body), zlib.crc32(numbers)) + body

    def counters(self) -> dict[str, int]:
        """Return what the columns of the same names of the segment's row hold."""
        return {name: self.counts[name] for name in ROW_COUNTERS}

    @cached_property
    def v_durations(self) -> Ints:
        """Duration of each video sample, in ticks."""
        return _expand(self.v_stts)

    @cached_property
    def a_durations(self) -> Ints:
        """Duration of each audio sample, in ticks."""
        return _expand(self.a_stts)

    @cached_property
    def v_dts(self) -> Ints:
        """Decode time of each video sample, in ticks, shift applied."""
        return _times(self.counts["v_t0"], self.v_durations)

    @cached_property
    def a_dts(self) -> Ints:
        """Decode time of each audio sample, in ticks."""
        return _times(self.counts["a_t0"], self.a_durations)

    @cached_property
    def v_pts(self) -> Ints:
        """Presentation time of each video sample in decode order, in ticks."""
        dts = self.v_dts
        return dts + _expand(self.v_ctts) if len(self.v_ctts) else dts

    @cached_property
    def v_offsets(self) -> Ints:
        """Offset in the file of each video sample."""
        return _offsets(self.v_stsz, self.fragments, "v")

    @cached_property
    def a_offsets(self) -> Ints:
        """Offset in the file of each audio sample."""
        return _offsets(self.a_stsz, self.fragments, "a")


class Column(NamedTuple):
    """What a column consists of: the type of its numbers, the counter of its rows, how many numbers a row has."""

    kind: np.dtype[Any]
    counter: str
    width: int


COLUMNS = {
    "v_stsz": Column(U32, "v_n", 1),
    "v_stts": Column(U32, "v_runs", 2),
    "v_ctts": Column(I32, "v_cruns", 2),
    "v_stss": Column(U32, "v_sync", 1),
    "a_stsz": Column(U32, "a_n", 1),
    "a_stts": Column(U32, "a_runs", 2),
    "fragments": Column(FRAGMENT, "n_frag", 1),
}


def column_places(counts: Mapping[str, C]) -> dict[str, tuple[C, C]]:
    """Return offset and size in bytes of each column in the index that has these counters, its crc included.

    Of many indexes at once where the counters are arrays.
    """
    places: dict[str, tuple[C, C]] = {}
    position = counts["v_n"] * 0 + COLUMNS_BEGIN_BYTES
    for name, column in COLUMNS.items():
        length = counts[column.counter] * (column.width * column.kind.itemsize) + CRC_BYTES
        places[name] = (position, length)
        position = position + length
    return places


def read_column(data: bytes | memoryview, counts: Mapping[str, int], name: str) -> Bytes:
    """Return a column from its place in the index. Raises FormatError when it is not the one of these counters."""
    return decode_column(data, name, counts[COLUMNS[name].counter], _seed(counts))


def decode_column(data: bytes | memoryview, name: str, rows: int, seed: int) -> Bytes:
    """Return a column of so many rows. Raises FormatError when its bytes are too few or its crc is wrong.

    `seed` is the crc of the counters of the segment's row: what the crc of each column begins with.
    """
    kind, _, width = COLUMNS[name]
    if len(data) != CRC_BYTES + rows * width * kind.itemsize:
        raise FormatError(f"the column {name} of a sample index is cut off")
    if zlib.crc32(memoryview(data)[CRC_BYTES:], seed) != int.from_bytes(data[:CRC_BYTES], "little"):
        raise FormatError(f"the crc of the column {name} of a sample index is wrong")
    column = np.frombuffer(data, kind, offset=CRC_BYTES)
    return column if width == 1 else column.reshape(rows, width)


def _are_of(counts: Mapping[str, int], columns: Mapping[str, Bytes]) -> bool:
    """Tell whether each column is of as many samples as there are: what is read by them would take any memory else."""
    table, keys = columns["fragments"], columns["v_stss"]
    for letter in ("v", "a"):
        samples, held = counts[f"{letter}_n"], table[f"{letter}_count"].astype(np.int64)
        if int(columns[f"{letter}_stts"][:, 0].astype(np.int64).sum()) != samples:
            return False
        if (held < 0).any() or int(held.sum()) != samples:
            return False
        if (table[f"{letter}_first"] != np.cumsum(held) - held).any():
            return False
    runs = columns["v_ctts"][:, 0].astype(np.int64)
    has_all = not len(runs) or (bool((runs > 0).all()) and int(runs.sum()) == counts["v_n"])
    return has_all and (not len(keys) or 0 < int(keys.min()) <= int(keys.max()) <= counts["v_n"])


def _seed(counts: Mapping[str, int]) -> int:
    """Return what the crc of each column begins with: the crc of the counters that a row has."""
    return zlib.crc32(struct.pack(f"<{len(ROW_COUNTERS)}q", *(counts[name] for name in ROW_COUNTERS)))


@dataclass(frozen=True, slots=True)
class _Track:
    """All samples of one track of a file, and its part in each fragment (None where it has none)."""

    timescale: int
    parts: list[TrackPart | None]
    first_dts: list[int]
    dts: Ints
    durations: Ints
    sizes: Ints
    composition_offsets: Ints
    is_key: Flags

    @property
    def count(self) -> int:
        """Number of samples."""
        return len(self.sizes)

    @classmethod
    def collect(cls, track: InitTrack | None, fragments: Sequence[Fragment], shift_ticks: int) -> _Track:
        """Join the parts of a track; durations follow from the dts: a fragment only guesses its last one.

        A dts that runs backwards at a fragment's begin (streams with B-frames over RTSP) is raised to the one
        before, and the composition offset lowered, so that no presentation time changes.
        """
        parts = [fragment.tracks.get(track.track_id) if track else None for fragment in fragments]
        present = [part for part in parts if part is not None]
        if track is None or not present:
            empty = np.empty(0, np.int64)
            return cls(0, parts, [0] * len(parts), empty, empty, empty, empty, np.empty(0, np.bool_))
        told = np.concatenate([_times(part.tfdt_ticks + shift_ticks, part.durations) for part in present])
        dts = np.maximum.accumulate(told)
        last = present[-1].durations[-1]
        durations = np.minimum(np.append(np.diff(dts), last), MAX_U32)
        composition_offsets = np.concatenate([part.composition_offsets for part in present]) + (told - dts)
        first_dts = [0 if part is None else part.tfdt_ticks + shift_ticks for part in parts]
        sizes = np.concatenate([part.sizes for part in present])
        is_key = np.concatenate([part.is_key for part in present])
        return cls(track.timescale, parts, first_dts, dts, durations, sizes, composition_offsets, is_key)


def _fragment_table(fragments: Sequence[Fragment], video: _Track, audio: _Track) -> Bytes:
    """Return the fragment table."""
    table = np.zeros(len(fragments), FRAGMENT)
    table["offset"] = [fragment.offset_bytes for fragment in fragments]
    table["moof"] = [fragment.moof_offset for fragment in fragments]
    table["end"] = [fragment.end_bytes for fragment in fragments]
    table["is_key"] = [part is not None and bool(part.is_key[0]) for part in video.parts]
    table["v_tfdt_at"] = [0 if part is None else part.tfdt_offset for part in video.parts]
    for letter, track in (("v", video), ("a", audio)):
        count = np.array([0 if part is None else part.count for part in track.parts], np.int64)
        table[f"{letter}_count"] = count
        table[f"{letter}_first"] = np.cumsum(count) - count
        table[f"{letter}_data"] = [0 if part is None else part.data_offset for part in track.parts]
        table[f"{letter}_tfdt"] = track.first_dts
    return table


def run_lengths(values: Ints, *, is_last_alone: bool = False) -> Ints:
    """Return run lengths as rows of (count, value)."""
    starts = np.flatnonzero(np.diff(values)) + 1
    starts = np.concatenate(([0], starts))
    if is_last_alone and starts[-1] != len(values) - 1:
        starts = np.append(starts, len(values) - 1)
    counts = np.diff(np.append(starts, len(values)))
    return np.stack([counts, values[starts]], axis=1)


def _expand(runs: Bytes) -> Ints:
    """Return the value of each sample from rows of (count, value)."""
    native = runs.astype(np.int64)
    return np.repeat(native[:, 1], native[:, 0])


def _times(first_ticks: int, durations: Ints) -> Ints:
    """Return the time of each sample from the first one's and the durations."""
    times: Ints = np.cumsum(durations) - durations + first_ticks
    return times


def _offsets(sizes: Bytes, fragments: Bytes, letter: str) -> Ints:
    """Return the offset in the file of each sample of a track."""
    native = sizes.astype(np.int64)
    inside = np.cumsum(native) - native
    held = fragments[fragments[f"{letter}_count"] > 0]
    first = held[f"{letter}_first"]
    offsets: Ints = inside + np.repeat(held[f"{letter}_data"] - inside[first], held[f"{letter}_count"])
    return offsets
