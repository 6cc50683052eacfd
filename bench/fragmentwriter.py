"""Writes fragments as the recorder's ffmpeg does, of given samples: faster than any muxer, and with any times.

prft                          wall clock and first dts of the fragment
moof
  mfhd
  traf (tfhd, tfdt, trun)     one a track; trun holds durations, sizes and, of video, composition offsets
mdat                          all video samples, then all audio samples
"""

import struct
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from app.formats.boxes import HEADER_BYTES, box, full_box
from app.formats.fragments import (
    NTP_TO_UNIX_S,
    TFHD_DURATION,
    TFHD_FLAGS,
    TFHD_SIZE,
    TRUN_COMPOSITION,
    TRUN_DATA_OFFSET,
    TRUN_DURATION,
    TRUN_FIRST_FLAGS,
    TRUN_SIZE,
)

VIDEO_TRACK, AUDIO_TRACK = 1, 2
NO_KEY_FLAGS, KEY_FLAGS, AUDIO_FLAGS = 0x1010000, 0x2000000, 0x2000000  # sample_depends_on, is_non_sync_sample
TFHD_BASE_IS_MOOF = 0x20000
TRUN_OFFSET_AT = 12  # of data_offset, from the box's kind on
PRFT_FLAGS = 24  # the clock is that of the moment of writing

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Part:
    """The samples of one track in a fragment: first dts and durations in ticks, sizes, composition offsets."""

    begin_ticks: int
    durations: Ints
    sizes: Ints
    composition_offsets: Ints | None = None


def fragment_head(number: int, wall_us: int, video: Part, audio: Part | None) -> bytes:
    """Return all of a fragment up to the first byte of its samples."""
    video_bytes = int(video.sizes.sum())
    mfhd = full_box(b"mfhd", 0, 0, struct.pack(">I", number))
    tables = [_traf(VIDEO_TRACK, video)] + ([_traf(AUDIO_TRACK, audio)] if audio else [])
    begin = HEADER_BYTES + len(mfhd) + sum(map(len, tables)) + HEADER_BYTES  # of the samples, from that of the moof
    for table, offset in zip(tables, (begin, begin + video_bytes), strict=False):
        struct.pack_into(">i", table, table.index(b"trun") + TRUN_OFFSET_AT, offset)
    samples_bytes = video_bytes + (int(audio.sizes.sum()) if audio else 0)
    mdat = struct.pack(">I4s", HEADER_BYTES + samples_bytes, b"mdat")
    return _prft(wall_us, video.begin_ticks) + box(b"moof", mfhd, *tables) + mdat


def _prft(wall_us: int, ticks: int) -> bytes:
    """Return a producer reference time (ISO/IEC 14496-12 §8.16.5)."""
    seconds, us = divmod(wall_us, 1_000_000)
    ntp = (seconds + NTP_TO_UNIX_S) << 32 | (us << 32) // 1_000_000
    return full_box(b"prft", 1, PRFT_FLAGS, struct.pack(">IQQ", VIDEO_TRACK, ntp, ticks))


def _traf(track_id: int, part: Part) -> bytearray:
    """Return the tables of one track, the offset of its samples left 0."""
    default = NO_KEY_FLAGS if track_id == VIDEO_TRACK else AUDIO_FLAGS
    flags = TFHD_BASE_IS_MOOF | TFHD_DURATION | TFHD_SIZE | TFHD_FLAGS
    usual = struct.pack(">4I", track_id, int(part.durations[0]), int(part.sizes[0]), default)
    tfdt = full_box(b"tfdt", 1, 0, struct.pack(">Q", part.begin_ticks))
    return bytearray(box(b"traf", full_box(b"tfhd", 0, flags, usual), tfdt, _trun(track_id, part)))


def _trun(track_id: int, part: Part) -> bytes:
    flags, columns = TRUN_DATA_OFFSET | TRUN_DURATION | TRUN_SIZE, [part.durations, part.sizes]
    head = struct.pack(">Ii", len(part.sizes), 0)
    if track_id == VIDEO_TRACK:
        flags |= TRUN_FIRST_FLAGS
        head += struct.pack(">I", KEY_FLAGS)
    if part.composition_offsets is not None:
        flags |= TRUN_COMPOSITION
        columns.append(part.composition_offsets)
    return full_box(b"trun", 0, flags, head, np.stack(columns, axis=1).astype(">u4").tobytes())
