"""The fragments of a recorded file: what each moof+mdat pair holds (ISO/IEC 14496-12 §8.8).

    [prft] moof            the wall clock of the fragment (§8.16.5), then its tables
             mfhd
             traf          one a track: tfhd (defaults), tfdt (first dts), trun (durations, sizes, flags, ...)
           mdat            the samples, each track's in one piece

Times are ticks of the track's timescale.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from app.formats.boxes import Box, FormatError, iter_boxes, iter_boxes_in
from app.formats.initsegment import Init, InitTrack, read_init

__all__ = ["Fragment", "Init", "InitTrack", "TrackPart", "iter_fragments", "read_init", "scan"]

MAX_MOOF_BYTES = 4 << 20
# A fragment lasts 4 s: 1,000 frames a second and an audio packet a sample frame would still fit.
MAX_FRAGMENT_SAMPLES = 1 << 18
NTP_TO_UNIX_S = 2_208_988_800  # from 1900 to 1970 (RFC 5905 §6)

TFHD_BASE_DATA_OFFSET = 0x1
TFHD_DESCRIPTION = 0x2
TFHD_DURATION = 0x8
TFHD_SIZE = 0x10
TFHD_FLAGS = 0x20
TRUN_DATA_OFFSET = 0x1
TRUN_FIRST_FLAGS = 0x4
TRUN_DURATION = 0x100
TRUN_SIZE = 0x200
TRUN_FLAGS = 0x400
TRUN_COMPOSITION = 0x800
SAMPLE_IS_NON_SYNC = 0x10000

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class TrackPart:
    """The samples of one track in one fragment, in decode order; offsets count from the begin of the file.

    `tfdt_offset` is that of the 8 bytes of a version 1 tfdt, 0 where the fragment has another or none.
    """

    tfdt_ticks: int
    tfdt_offset: int
    durations: Ints
    sizes: Ints
    composition_offsets: Ints
    is_key: npt.NDArray[np.bool_]
    data_offset: int

    @property
    def count(self) -> int:
        """Number of samples."""
        return len(self.sizes)


@dataclass(frozen=True, slots=True)
class Fragment:
    """One complete moof+mdat pair; `offset_bytes` is that of its `prft`, or of `moof` where it has none."""

    offset_bytes: int
    moof_offset: int
    end_bytes: int
    ntp_us: int | None
    tracks: dict[int, TrackPart]


@dataclass(slots=True)
class _Defaults:
    """What `tfhd` (or `trex` before it) says of samples about which `trun` is silent."""

    track_id: int
    base: int
    duration: int
    size: int
    flags: int


def scan(fd: int, begin_bytes: int, init: Init, end_bytes: int | None = None) -> tuple[list[Fragment], int]:
    """Return every complete moof+mdat pair from an offset on, and the offset up to which the file was parsed.

    Boxes between the fragments (styp, sidx, uuid, mfra, free) are skipped. Ends without an error at a box
    that is not wholly there and at a moof whose tables contradict each other or its mdat, so that everything
    before the damage stays usable; called again from the returned offset it goes on when the file has grown.
    """
    fragments: list[Fragment] = []
    parsed_upto = begin_bytes
    for fragment, parsed_upto in _walk(fd, begin_bytes, init, end_bytes):  # noqa: B007 (what the last one says counts)
        if fragment is not None:
            fragments.append(fragment)
    return fragments, parsed_upto


def iter_fragments(fd: int, begin_bytes: int, init: Init, end_bytes: int | None = None) -> Iterator[Fragment]:
    """Yield what `scan` returns, one at a time: who needs the first ones only reads no further."""
    return (fragment for fragment, _ in _walk(fd, begin_bytes, init, end_bytes) if fragment is not None)


def _walk(fd: int, begin_bytes: int, init: Init, end_bytes: int | None) -> Iterator[tuple[Fragment | None, int]]:
    """Yield each complete pair, or None for a box between them, with the offset behind it."""
    end = os.fstat(fd).st_size
    if end_bytes is not None:
        end = min(end, end_bytes)
    clock: tuple[int, int] | None = None  # offset and NTP of a prft not followed by its moof yet
    moof: Box | None = None
    for item in iter_boxes(fd, begin_bytes, end):
        if item.kind == b"prft":
            clock = (item.offset, _read_prft(fd, item))
        elif item.kind == b"moof":
            moof = item
        elif item.kind == b"mdat" and moof is not None:
            try:
                tracks = _read_moof(fd, moof, item, init)
            except FormatError:
                return
            offset, ntp_us = clock if clock else (moof.offset, None)
            yield Fragment(offset, moof.offset, item.end, ntp_us, tracks), item.end
            clock, moof = None, None
        elif moof is None and clock is None:
            yield None, item.end


def _read_prft(fd: int, item: Box) -> int:
    """Return the wall clock of a ProducerReferenceTimeBox in microseconds since the epoch."""
    data = os.pread(fd, 16, item.body)
    if len(data) < 16:
        return 0
    seconds: int
    fraction: int
    seconds, fraction = struct.unpack_from(">II", data, 8)
    return (seconds - NTP_TO_UNIX_S) * 1_000_000 + (fraction * 1_000_000 >> 32)


def _read_moof(fd: int, moof: Box, mdat: Box, init: Init) -> dict[int, TrackPart]:
    """Return the parts of the tracks known from the init segment. Raises FormatError."""
    if moof.size_bytes > MAX_MOOF_BYTES:
        raise FormatError(f"a moof of {moof.size_bytes} bytes at {moof.offset}")
    data = os.pread(fd, moof.size_bytes, moof.offset)
    known = {track.track_id: track for track in init.tracks}
    parts: dict[int, TrackPart] = {}
    budget = MAX_FRAGMENT_SAMPLES
    for traf in iter_boxes_in(data, moof.header_bytes):
        if traf.kind != b"traf":
            continue
        try:
            found = _read_traf(data, traf, moof.offset, known, budget)
        except struct.error as error:
            raise FormatError(f"a box of the moof at {moof.offset} is too short: {error}") from error
        if found is None:
            continue
        track_id, part = found
        _check_part(part, mdat, track_id in parts)
        budget -= part.count
        parts[track_id] = part
    return parts


def _check_part(part: TrackPart, mdat: Box, is_known: bool) -> None:
    """Raise FormatError unless a part's bytes lie in its mdat and its track had no part before."""
    if is_known:
        raise FormatError(f"two trafs of one track before the mdat at {mdat.offset}")
    if part.data_offset < mdat.body or part.data_offset + int(part.sizes.sum()) > mdat.end:
        raise FormatError(f"samples outside the mdat at {mdat.offset}")


def _read_traf(
    data: bytes, traf: Box, moof_offset: int, known: dict[int, InitTrack], budget: int
) -> tuple[int, TrackPart] | None:
    """Return the track's id and samples; None for a track that is not known or a traf without samples."""
    defaults: _Defaults | None = None
    tfdt_ticks = tfdt_offset = 0
    runs: list[_Trun] = []
    for item in iter_boxes_in(data, traf.body, traf.end):
        if item.kind == b"tfhd":
            defaults = _read_tfhd(data, item, moof_offset, known)
            if defaults is None:
                return None
        elif item.kind == b"tfdt":
            tfdt_ticks = struct.unpack_from(">q" if data[item.body] else ">I", data, item.body + 4)[0]
            tfdt_offset = moof_offset + item.body + 4 if data[item.body] else 0
        elif item.kind == b"trun":
            if defaults is None:
                raise FormatError(f"a trun before its tfhd in the moof at {moof_offset}")
            runs.append(_read_trun(data, item, defaults, budget))
            budget -= runs[-1].count
    runs = [run for run in runs if run.count]
    if defaults is None or not runs:
        return None
    return defaults.track_id, _join(tfdt_ticks, tfdt_offset, runs, moof_offset)


def _read_tfhd(data: bytes, item: Box, moof_offset: int, known: dict[int, InitTrack]) -> _Defaults | None:
    """Return the defaults of a track fragment, or None for a track that the init segment does not name."""
    flags, track_id = struct.unpack_from(">II", data, item.body)
    track = known.get(track_id)
    if track is None:
        return None
    found = _Defaults(track_id, moof_offset, track.default_duration, track.default_size, track.default_flags)
    position = item.body + 8
    if flags & TFHD_BASE_DATA_OFFSET:
        found.base = struct.unpack_from(">Q", data, position)[0]
        position += 8
    if flags & TFHD_DESCRIPTION:
        position += 4
    for bit, name in ((TFHD_DURATION, "duration"), (TFHD_SIZE, "size"), (TFHD_FLAGS, "flags")):
        if flags & bit:
            setattr(found, name, struct.unpack_from(">I", data, position)[0])
            position += 4
    return found


@dataclass(frozen=True, slots=True)
class _Trun:
    """One trun: its samples, and where they begin (None: behind those of the trun before)."""

    data_offset: int | None
    durations: Ints
    sizes: Ints
    composition_offsets: Ints
    is_key: npt.NDArray[np.bool_]

    @property
    def count(self) -> int:
        return len(self.sizes)


def _read_trun(data: bytes, item: Box, defaults: _Defaults, budget: int) -> _Trun:
    """Return one trun. Raises FormatError when it claims more samples than it holds or the budget allows."""
    bits, count = struct.unpack_from(">II", data, item.body)
    version, flags = bits >> 24, bits & 0xFFFFFF
    if count > budget:
        raise FormatError(f"a trun of {count} samples")
    position = item.body + 8
    data_offset = None
    if flags & TRUN_DATA_OFFSET:
        data_offset = defaults.base + struct.unpack_from(">i", data, position)[0]
        position += 4
    first_flags = None
    if flags & TRUN_FIRST_FLAGS:
        first_flags = struct.unpack_from(">I", data, position)[0]
        position += 4
    columns = [bit for bit in (TRUN_DURATION, TRUN_SIZE, TRUN_FLAGS, TRUN_COMPOSITION) if flags & bit]
    if position + count * 4 * len(columns) > item.end:
        raise FormatError(f"a trun of {item.size_bytes} bytes claims {count} samples")
    table = np.frombuffer(data, ">u4", count * len(columns), position).reshape(count, len(columns))

    def column(bit: int, default: int) -> Any:
        if flags & bit:
            return table[:, columns.index(bit)]
        return np.full(count, default, ">u4")

    sample_flags = column(TRUN_FLAGS, defaults.flags)
    is_key = (sample_flags & SAMPLE_IS_NON_SYNC) == 0
    if first_flags is not None and count:
        is_key[0] = not first_flags & SAMPLE_IS_NON_SYNC
    composition = column(TRUN_COMPOSITION, 0)
    composition = composition.astype(np.uint32).view(np.int32) if version else composition
    return _Trun(
        data_offset,
        column(TRUN_DURATION, defaults.duration).astype(np.int64),
        column(TRUN_SIZE, defaults.size).astype(np.int64),
        composition.astype(np.int64),
        is_key,
    )


def _join(tfdt_ticks: int, tfdt_offset: int, runs: list[_Trun], moof_offset: int) -> TrackPart:
    """Return several truns as one part. Raises FormatError unless their samples lie behind one another."""
    first = runs[0]
    if first.data_offset is None:
        raise FormatError(f"the moof at {moof_offset} does not say where its samples begin")
    position = first.data_offset
    for run in runs:
        if run.data_offset not in (None, position):
            raise FormatError(f"the moof at {moof_offset} interleaves its tracks")
        position += int(run.sizes.sum())
    return TrackPart(
        tfdt_ticks,
        tfdt_offset,
        _concatenate(run.durations for run in runs),
        _concatenate(run.sizes for run in runs),
        _concatenate(run.composition_offsets for run in runs),
        np.concatenate([run.is_key for run in runs]),
        first.data_offset,
    )


def _concatenate(columns: Iterator[Ints]) -> Ints:
    """Return the columns behind one another; one alone is not copied."""
    parts = list(columns)
    return parts[0] if len(parts) == 1 else np.concatenate(parts)
