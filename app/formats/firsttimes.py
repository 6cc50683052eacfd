"""The first frame times of an RTSP connection, in the first fragment of its first file (docs/design/time.md).

ffmpeg loses the time of a connection's first packet, and guesses the first decode times of a stream with B-frames so
high that it then moves frames away from their presentation times. The recorder's ffmpeg therefore gives the first
packets of such a stream decode times that are low enough (formats.firstpackets); all presentation times but the first
frame's are then right. Here the fragment's moof gets what is missing:

    tfdt   first dts
    trun   duration and composition offset of the first STEPS + 1 samples (ISO/IEC 14496-12 §8.8.8)
"""

from __future__ import annotations

import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app.formats.boxes import FormatError, find_box, iter_boxes_in
from app.formats.firstpackets import STEP_TICKS, STEPS
from app.formats.fragments import (
    TRUN_COMPOSITION,
    TRUN_DATA_OFFSET,
    TRUN_DURATION,
    TRUN_FIRST_FLAGS,
    TRUN_FLAGS,
    TRUN_SIZE,
    Fragment,
    Ints,
    TrackPart,
)

MAX_REORDER = 16  # ITU-T H.264 §A.3.1, H.265 §A.4.1: MaxDpbFrames
LENGTH_BYTES = 4  # before each NAL unit, as ffmpeg writes them
H264_IDR = 5
HEVC_IDR = frozenset((19, 20))


@dataclass(frozen=True, slots=True)
class FirstTimes:
    """Decode times and presentation times of the first samples, and the decode time of the one after them."""

    dts: Ints
    pts: Ints
    next_dts: int


def has_unset_times(part: TrackPart) -> bool:
    """Tell whether the first samples of a video track still have the times that ffmpeg was told to put in."""
    return bool(
        part.count > STEPS
        and part.composition_offsets[0] == 0
        and part.composition_offsets[1 : STEPS + 1].all()
        and (part.durations[:STEPS] == STEP_TICKS).all()
    )


def find_first_times(parts: Sequence[TrackPart], *, has_leading: bool) -> FirstTimes | None:
    """Return the true times of the first samples from those of all; None where these do not tell them.

    The first frame is shown one frame interval before all others. `has_leading` says that frames coded after it may
    be shown before it: then it belongs where the others leave room for one.
    """
    dts = np.concatenate([part.tfdt_ticks + np.cumsum(part.durations) - part.durations for part in parts])
    pts = dts + np.concatenate([part.composition_offsets for part in parts])
    if len(dts) <= STEPS + 1:
        return None
    shown = np.sort(pts[1:])
    interval_ticks = round(float(np.median(np.diff(shown))))
    first_pts = int(shown[0]) - interval_ticks
    holes = np.flatnonzero(np.diff(shown[:MAX_REORDER]) > 1.5 * interval_ticks)
    if has_leading and len(holes):
        first_pts = int(shown[holes[0]]) + interval_ticks
    pts[0] = first_pts
    count = STEPS + 1
    before = count - np.arange(count)  # samples up to the first whose decode time is ffmpeg's own
    needed = -(-(dts[count] - pts[:count]) // before)  # steps so small that no sample is decoded after it is shown
    step_ticks = max(interval_ticks, int(needed.max()))
    found = dts[count] - before * step_ticks
    if interval_ticks <= 0 or found[0] < dts[0]:
        return None
    return FirstTimes(found, pts[:count], int(dts[count]))


def has_leading_pictures(fourcc: str, sample: bytes) -> bool:
    """Tell whether the first picture allows others to be shown before it: it is a key frame, but no IDR picture.

    sample: the begin of the sample, NAL units behind their lengths.
    """
    position = 0
    while position + LENGTH_BYTES < len(sample):
        first = sample[position + LENGTH_BYTES]
        kind = first & 0x1F if fourcc.startswith("avc") else first >> 1 & 0x3F
        is_slice = 1 <= kind <= H264_IDR if fourcc.startswith("avc") else kind < 32
        if is_slice:
            return kind != H264_IDR if fourcc.startswith("avc") else kind not in HEVC_IDR
        position += LENGTH_BYTES + int.from_bytes(sample[position : position + LENGTH_BYTES], "big")
    return False


def write_first_times(handle: int, fragment: Fragment, track_id: int, times: FirstTimes) -> None:
    """Put the times into the fragment's moof, by one write, so that a killed process leaves all or nothing.

    Raises FormatError where the moof has no place for them, OSError.
    """
    head = os.pread(handle, 8, fragment.moof_offset)
    data = memoryview(bytearray(os.pread(handle, struct.unpack_from(">I", head)[0], fragment.moof_offset)))
    traf = _find_traf(data, track_id)
    tfdt = find_box(data, (b"tfdt",), *traf)
    trun = find_box(data, (b"trun",), *traf)
    if data[tfdt.body] != 1:
        raise FormatError("a tfdt of 32 bits")
    rows, row_bytes, duration_at, composition_at = _trun_rows(data, trun.body)
    durations = np.diff(np.append(times.dts, times.next_dts))
    struct.pack_into(">q", data, tfdt.body + 4, int(times.dts[0]))
    for number, (duration, offset) in enumerate(zip(durations, times.pts - times.dts, strict=True)):
        row = rows + number * row_bytes
        struct.pack_into(">I", data, row + duration_at, int(duration))
        struct.pack_into(">i", data, row + composition_at, int(offset))
    os.pwrite(handle, data, fragment.moof_offset)


def _find_traf(data: memoryview, track_id: int) -> tuple[int, int]:
    """Return begin and end of the body of a track's traf. Raises FormatError."""
    moof = find_box(data, (b"moof",))
    for item in iter_boxes_in(data, moof.body, moof.end):
        if item.kind == b"traf":
            tfhd = find_box(data, (b"tfhd",), item.body, item.end)
            if struct.unpack_from(">I", data, tfhd.body + 4)[0] == track_id:
                return item.body, item.end
    raise FormatError(f"no traf of track {track_id}")


def _trun_rows(data: memoryview, body: int) -> tuple[int, int, int, int]:
    """Return where the rows of a trun begin, their size, and where in one duration and composition offset stand.

    Raises FormatError where it has no column of either.
    """
    flags = struct.unpack_from(">I", data, body)[0] & 0xFFFFFF
    columns = [bit for bit in (TRUN_DURATION, TRUN_SIZE, TRUN_FLAGS, TRUN_COMPOSITION) if flags & bit]
    if TRUN_DURATION not in columns or TRUN_COMPOSITION not in columns:
        raise FormatError("a trun without durations or composition offsets")
    rows = body + 8 + 4 * bool(flags & TRUN_DATA_OFFSET) + 4 * bool(flags & TRUN_FIRST_FLAGS)
    return rows, 4 * len(columns), 4 * columns.index(TRUN_DURATION), 4 * columns.index(TRUN_COMPOSITION)
