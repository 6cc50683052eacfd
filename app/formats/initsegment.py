"""The head of a fragmented MP4 (an init segment): which tracks there are and how their samples are coded.

    ftyp
    moov
      mvhd
      trak (tkhd, mdia (mdhd, hdlr, minf (stbl (stsd))))   one a track
      mvex (trex)                                          defaults of the track's fragments

Only video and audio tracks count, and of each its first sample entry.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from app.formats.boxes import Box, FormatError, find_box, iter_boxes, iter_boxes_in

# A moov without samples has 1-2 KiB; this bounds what a hostile file costs.
MAX_MOOV_BYTES = 1 << 20
MAX_TRACKS = 16
VIDEO_ENTRY_BYTES = 86  # VisualSampleEntry up to its child boxes (§12.1.3.2), header included
AUDIO_ENTRY_BYTES = 36  # the same of AudioSampleEntry (§12.2.3.2)
KINDS: dict[bytes, Literal["video", "audio"]] = {b"vide": "video", b"soun": "audio"}


@dataclass(frozen=True, slots=True)
class InitTrack:
    """One track: `entry` is its whole sample entry box, `default_*` are the values of `trex` (§8.8.3)."""

    track_id: int
    kind: Literal["video", "audio"]
    timescale: int
    entry: bytes
    fourcc: str
    width: int
    height: int
    channels: int
    sample_rate: int
    default_duration: int = 0
    default_size: int = 0
    default_flags: int = 0


@dataclass(frozen=True, slots=True)
class Init:
    """The head of a file: `size_bytes` is the offset of the first byte behind `moov`."""

    size_bytes: int
    tracks: tuple[InitTrack, ...]

    def track(self, kind: Literal["video", "audio"]) -> InitTrack | None:
        """Return the first track of a kind, or None."""
        return next((track for track in self.tracks if track.kind == kind), None)


def read_init(fd: int) -> Init:
    """Read the head of a file.

    Raises FormatError when there is no complete `moov` yet, or none with a video or audio track.
    """
    for found in iter_boxes(fd, 0, os.fstat(fd).st_size):
        if found.kind == b"moov":
            if found.size_bytes > MAX_MOOV_BYTES:
                raise FormatError(f"a moov of {found.size_bytes} bytes is not that of an init segment")
            data = os.pread(fd, found.size_bytes, found.offset)
            return Init(found.end, parse_moov(data))
        if found.kind in (b"moof", b"mdat"):
            break
    raise FormatError("no complete moov before the first fragment")


@lru_cache(maxsize=16)  # the files of a camera have the same one
def parse_moov(data: bytes) -> tuple[InitTrack, ...]:
    """Return the video and audio tracks of a `moov` box. Raises FormatError when a needed box is missing."""
    moov = find_box(data, (b"moov",))
    try:
        defaults = _parse_trex(data, moov)
        traks = [item for item in iter_boxes_in(data, moov.body, moov.end) if item.kind == b"trak"]
        tracks = [_parse_trak(data, trak, defaults) for trak in traks[:MAX_TRACKS]]
    except struct.error as error:
        raise FormatError(f"a box of moov is too short: {error}") from error
    known = tuple(track for track in tracks if track is not None)
    if not known:
        raise FormatError("moov has neither a video nor an audio track")
    return known


def _parse_trex(data: bytes, moov: Box) -> dict[int, tuple[int, int, int]]:
    """Return duration, size and flags of each track's samples where a fragment says nothing."""
    defaults = {}
    for mvex in iter_boxes_in(data, moov.body, moov.end):
        if mvex.kind != b"mvex":
            continue
        for trex in iter_boxes_in(data, mvex.body, mvex.end):
            if trex.kind == b"trex":
                track_id, _, duration, size, flags = struct.unpack_from(">5I", data, trex.body + 4)
                defaults[track_id] = (duration, size, flags)
    return defaults


def _parse_trak(data: bytes, trak: Box, defaults: dict[int, tuple[int, int, int]]) -> InitTrack | None:
    """Return one track, or None where it is neither video nor audio."""
    mdia = find_box(data, (b"mdia",), trak.body, trak.end)
    hdlr = find_box(data, (b"hdlr",), mdia.body, mdia.end)
    kind = KINDS.get(data[hdlr.body + 8 : hdlr.body + 12])
    if kind is None:
        return None
    tkhd = find_box(data, (b"tkhd",), trak.body, trak.end)
    track_id = struct.unpack_from(">I", data, tkhd.body + (20 if data[tkhd.body] == 1 else 12))[0]
    mdhd = find_box(data, (b"mdhd",), mdia.body, mdia.end)
    timescale = struct.unpack_from(">I", data, mdhd.body + (20 if data[mdhd.body] == 1 else 12))[0]
    if not timescale:
        raise FormatError(f"track {track_id} has the timescale 0")
    stsd = find_box(data, (b"minf", b"stbl", b"stsd"), mdia.body, mdia.end)
    entry = next(iter_boxes_in(data, stsd.body + 8, stsd.end), None)
    if entry is None:
        raise FormatError(f"track {track_id} has no sample entry")
    blob = data[entry.offset : entry.end]
    width, height, channels, sample_rate = _parse_entry(kind, blob)
    fourcc = entry.kind.decode("latin-1")
    values = defaults.get(track_id, (0, 0, 0))
    return InitTrack(track_id, kind, timescale, blob, fourcc, width, height, channels, sample_rate, *values)


def _parse_entry(kind: str, entry: bytes) -> tuple[int, int, int, int]:
    """Return width, height, channels and sample rate of a sample entry; 0 where the kind has none."""
    if kind == "video":
        if len(entry) < VIDEO_ENTRY_BYTES:
            raise FormatError("a video sample entry is too short")
        width, height = struct.unpack_from(">HH", entry, 32)
        return width, height, 0, 0
    if len(entry) < AUDIO_ENTRY_BYTES:
        raise FormatError("an audio sample entry is too short")
    channels = struct.unpack_from(">H", entry, 24)[0]
    sample_rate = struct.unpack_from(">I", entry, 32)[0] >> 16
    return 0, 0, channels, sample_rate
