"""The sample index of one segment file: columns in the byte order of a `moov`, ready to be concatenated.

    magic:4 version:u16 flags:u16 size:u32 crc32:u32         the crc covers everything behind it
    counters                                                 COUNTERS, all i64, little-endian
    v_stsz  >u4[v_n]          sizes                          ISO/IEC 14496-12 §8.7.3
    v_stts  >u4[v_runs][2]    count, delta                   §8.6.1.2
    v_ctts  >i4[v_cruns][2]   count, offset                  §8.6.1.3 version 1; absent when all are 0
    v_stss  >u4[v_sync]       key samples, from 1            §8.6.2
    a_stsz  >u4[a_n]
    a_stts  >u4[a_runs][2]
    fragments                 FRAGMENT[n_frag]               little-endian, for our own use only

The last sample of each track always is a stts run of its own, so that its duration can be changed at a
seam without changing any size. The index can be built again from the media file alone.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from app.formats.boxes import FormatError
from app.formats.fragments import Fragment, Ints, TrackPart
from app.formats.initsegment import Init, InitTrack

MAGIC = b"FPSI"
VERSION = 1
HEADER = struct.Struct("<4sHHII")
CRC_BEGIN_BYTES = HEADER.size
COUNTERS = (
    "v_timescale", "v_t0", "v_dur", "v_n", "v_sync", "v_runs", "v_cruns",
    "a_timescale", "a_t0", "a_dur", "a_n", "a_runs", "n_frag",
)  # fmt: skip
ROW_COUNTERS = tuple(name for name in COUNTERS if not name.endswith("_timescale"))
COUNTER_BYTES = 8 * len(COUNTERS)
MAX_U32 = 0xFFFFFFFF

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

Bytes = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
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
        if not len(v.sizes):
            raise FormatError("no video sample")
        a = _Track.collect(audio, fragments, 0) if audio else None
        counts = dict.fromkeys(COUNTERS, 0)
        counts.update(v_timescale=video.timescale, v_t0=int(v.dts[0]), v_dur=int(v.durations.sum()))
        ctts = _runs(v.composition_offsets) if v.composition_offsets.any() else np.empty((0, 2), np.int64)
        columns = {
            "v_stsz": v.sizes.astype(">u4"),
            "v_stts": _runs(v.durations, is_last_alone=True).astype(">u4"),
            "v_ctts": ctts.astype(">i4"),
            "v_stss": (np.flatnonzero(v.is_key) + 1).astype(">u4"),
            "a_stsz": np.empty(0, ">u4"),
            "a_stts": np.empty((0, 2), ">u4"),
        }
        if audio and a is not None and len(a.sizes):
            counts.update(a_timescale=audio.timescale, a_t0=int(a.dts[0]), a_dur=int(a.durations.sum()))
            columns["a_stsz"] = a.sizes.astype(">u4")
            columns["a_stts"] = _runs(a.durations, is_last_alone=True).astype(">u4")
        table = _fragment_table(fragments, v, a)
        counts.update(
            v_n=len(columns["v_stsz"]),
            v_sync=len(columns["v_stss"]),
            v_runs=len(columns["v_stts"]),
            v_cruns=len(columns["v_ctts"]),
            a_n=len(columns["a_stsz"]),
            a_runs=len(columns["a_stts"]),
            n_frag=len(table),
        )
        return cls(counts, **columns, fragments=table)

    @classmethod
    def from_bytes(cls, data: bytes | memoryview) -> SampleIndex:
        """Return the index over these bytes, uncopied. Raises FormatError for a bad magic, size or crc."""
        view = memoryview(data)
        if len(view) < HEADER.size + COUNTER_BYTES:
            raise FormatError(f"a sample index of {len(view)} bytes")
        magic, version, _, size_bytes, crc = HEADER.unpack_from(view)
        if magic != MAGIC or version != VERSION or size_bytes != len(view):
            raise FormatError("not a sample index of this version and size")
        if zlib.crc32(view[CRC_BEGIN_BYTES:]) != crc:
            raise FormatError("the crc of a sample index is wrong")
        values = struct.unpack_from(f"<{len(COUNTERS)}q", view, HEADER.size)
        counts = dict(zip(COUNTERS, values, strict=True))
        columns, position = {}, HEADER.size + COUNTER_BYTES
        for name, kind, shape in _layout(counts):
            length = int(np.prod(shape)) * np.dtype(kind).itemsize
            if min(shape) < 0 or position + length > len(view):
                raise FormatError(f"the column {name} of a sample index does not fit")
            columns[name] = np.frombuffer(view[position : position + length], kind).reshape(shape)
            position += length
        return cls(counts, **columns)

    def to_bytes(self) -> bytes:
        """Return the index as stored."""
        numbers = struct.pack(f"<{len(COUNTERS)}q", *(self.counts[name] for name in COUNTERS))
        columns = [getattr(self, name).tobytes() for name, _, _ in _layout(self.counts)]
        body = b"".join([numbers, *columns])
        return HEADER.pack(MAGIC, VERSION, 0, HEADER.size + len(body), zlib.crc32(body)) + body

    def counters(self) -> dict[str, int]:
        """Return what the segment's row holds: v_t0, v_dur, v_n, v_sync, v_runs, v_cruns, a_*, n_frag."""
        return {name: self.counts[name] for name in ROW_COUNTERS}

    @property
    def v_durations(self) -> Ints:
        """Duration of each video sample, in ticks."""
        return _expand(self.v_stts)

    @property
    def a_durations(self) -> Ints:
        """Duration of each audio sample, in ticks."""
        return _expand(self.a_stts)

    @property
    def v_dts(self) -> Ints:
        """Decode time of each video sample, in ticks, shift applied."""
        return _times(self.counts["v_t0"], self.v_durations)

    @property
    def a_dts(self) -> Ints:
        """Decode time of each audio sample, in ticks."""
        return _times(self.counts["a_t0"], self.a_durations)

    @property
    def v_pts(self) -> Ints:
        """Presentation time of each video sample in decode order, in ticks."""
        dts = self.v_dts
        return dts + _expand(self.v_ctts) if len(self.v_ctts) else dts

    @property
    def v_offsets(self) -> Ints:
        """Offset in the file of each video sample."""
        return _offsets(self.v_stsz, self.fragments, "v")

    @property
    def a_offsets(self) -> Ints:
        """Offset in the file of each audio sample."""
        return _offsets(self.a_stsz, self.fragments, "a")


def _layout(counts: dict[str, int]) -> list[tuple[str, Any, tuple[int, ...]]]:
    """Return name, type and shape of the columns in their order."""
    return [
        ("v_stsz", ">u4", (counts["v_n"],)),
        ("v_stts", ">u4", (counts["v_runs"], 2)),
        ("v_ctts", ">i4", (counts["v_cruns"], 2)),
        ("v_stss", ">u4", (counts["v_sync"],)),
        ("a_stsz", ">u4", (counts["a_n"],)),
        ("a_stts", ">u4", (counts["a_runs"], 2)),
        ("fragments", FRAGMENT, (counts["n_frag"],)),
    ]


@dataclass(frozen=True, slots=True)
class _Track:
    """All samples of one track of a file, and its part in each fragment (None where it has none)."""

    parts: list[TrackPart | None]
    first_dts: list[int]
    dts: Ints
    durations: Ints
    sizes: Ints
    composition_offsets: Ints
    is_key: npt.NDArray[np.bool_]

    @classmethod
    def collect(cls, track: InitTrack, fragments: Sequence[Fragment], shift_ticks: int) -> _Track:
        """Join the parts of a track; durations follow from the dts: a fragment only guesses its last one.

        A dts that runs backwards at a fragment's begin (streams with B-frames over RTSP) is raised to the one
        before, and the composition offset lowered, so that no presentation time changes.
        """
        parts = [fragment.tracks.get(track.track_id) for fragment in fragments]
        present = [part for part in parts if part is not None]
        if not present:
            empty = np.empty(0, np.int64)
            return cls(parts, [0] * len(parts), empty, empty, empty, empty, np.empty(0, np.bool_))
        told = np.concatenate([_times(part.tfdt_ticks + shift_ticks, part.durations) for part in present])
        dts = np.maximum.accumulate(told)
        last = present[-1].durations[-1]
        durations = np.minimum(np.append(np.diff(dts), last), MAX_U32)
        composition_offsets = np.concatenate([part.composition_offsets for part in present]) + (told - dts)
        first_dts = [0 if part is None else part.tfdt_ticks + shift_ticks for part in parts]
        sizes = np.concatenate([part.sizes for part in present])
        is_key = np.concatenate([part.is_key for part in present])
        return cls(parts, first_dts, dts, durations, sizes, composition_offsets, is_key)


def _fragment_table(fragments: Sequence[Fragment], video: _Track, audio: _Track | None) -> Bytes:
    """Return the fragment table."""
    table = np.zeros(len(fragments), FRAGMENT)
    table["offset"] = [fragment.offset_bytes for fragment in fragments]
    table["moof"] = [fragment.moof_offset for fragment in fragments]
    table["end"] = [fragment.end_bytes for fragment in fragments]
    table["is_key"] = [part is not None and bool(part.is_key[0]) for part in video.parts]
    table["v_tfdt_at"] = [0 if part is None else part.tfdt_offset for part in video.parts]
    for letter, track in (("v", video), ("a", audio)):
        if track is None:
            continue
        count = np.array([0 if part is None else part.count for part in track.parts], np.int64)
        table[f"{letter}_count"] = count
        table[f"{letter}_first"] = np.cumsum(count) - count
        table[f"{letter}_data"] = [0 if part is None else part.data_offset for part in track.parts]
        table[f"{letter}_tfdt"] = track.first_dts
    return table


def _runs(values: Ints, *, is_last_alone: bool = False) -> Ints:
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
