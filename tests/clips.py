"""Clips of real coded pictures and sound, encoded once a session, from which footage of any shape is made.

Every picture that is taken gets a mark in an SEI, so that no two are equal and a decoder tells which one it shows.
"""

import struct
import subprocess
import uuid
from dataclasses import dataclass, field
from pathlib import Path

import av
import pytest

from tests.media import length_bytes, make_video
from tests.recording import FFMPEGS, segment

MARK = uuid.UUID("5f0b6a1e-7a63-4d5b-9a4e-6b1d2c3f4a5b").bytes
CLIPS = {
    "plain": {"codec": "h264"},
    "sound": {"codec": "h264", "audio": "aac"},
    "sound-b": {"codec": "h264", "audio": "aac", "b_frames": 2},
    "large": {"codec": "h264", "audio": "aac", "width": 160, "height": 96},
    "large-plain": {"codec": "h264", "width": 160, "height": 96},
    "slow-sound": {"codec": "h264", "audio": "aac", "rate_hz": 16_000},
    "h265": {"codec": "hevc", "b_frames": 2},
    "h265-sound": {"codec": "hevc", "audio": "aac", "b_frames": 1},
}
# Clips that differ in the pictures' parameter sets alone: a camera may change from one to another within a run.
SWITCHES = {"sound": "large", "large": "sound", "plain": "large-plain", "large-plain": "plain"}
FPS, GOP = 20, 10


@dataclass(frozen=True)
class Coded:
    """One coded picture; `slot` is its place within its group in the order of showing."""

    data: bytes
    is_key: bool
    slot: int


@dataclass(frozen=True)
class Clip:
    """Closed groups of pictures and packets of sound; `init` is the head that ffmpeg's segment muxer writes."""

    codec: str
    init: bytes = field(repr=False)
    groups: list[list[Coded]] = field(repr=False)
    sound: list[bytes] = field(repr=False)
    rate_hz: int
    reorder: int
    parameter_sets: bytes = field(repr=False)


def make_clip(folder: Path, codec: str, audio: str | None = None, rate_hz: int = 48_000, **options: int) -> Clip:
    """Encode a clip of eight groups of pictures."""
    given = {"width": 96, "height": 64, "b_frames": 0, **options}
    name = folder / f"{uuid.uuid4()}.mp4"
    make_video(name, codec=codec, audio=audio, seconds=8 * GOP / FPS, fps=FPS, gop=GOP, bitrate_bps=60_000, **given)
    if rate_hz != 48_000:
        name = _resampled(name, rate_hz)
    first = segment(name, folder / name.stem, segment_s=1)[0].read_bytes()
    init = first[: min(at for box in (b"prft", b"moof") if (at := first.find(box)) > 0) - 4]
    with av.open(str(name)) as container:
        extradata = bytes(container.streams.video[0].codec_context.extradata)
        assert length_bytes(codec, extradata) == 4
        packets = [
            (item.stream.type, item.pts, item.is_keyframe, bytes(item)) for item in container.demux() if item.size
        ]
    pictures = [item[1:] for item in packets if item[0] == "video"]
    sound = [item[3] for item in packets if item[0] == "audio"]
    order = sorted(range(len(pictures)), key=lambda number: pictures[number][0])
    slots = {number: slot for slot, number in enumerate(order)}
    coded = [Coded(data, is_key, slots[number] % GOP) for number, (_, is_key, data) in enumerate(pictures)]
    groups = [coded[begin : begin + GOP] for begin in range(0, len(coded), GOP)]
    assert all(group[0].is_key and not any(p.is_key for p in group[1:]) for group in groups)
    assert all(sorted(p.slot for p in group) == list(range(GOP)) for group in groups)
    reorder = max(number - picture.slot for group in groups for number, picture in enumerate(group))
    return Clip(codec, init, groups, sound, rate_hz if sound else 0, max(reorder, 0), _parameter_sets(codec, extradata))


def _resampled(path: Path, rate_hz: int) -> Path:
    """Encode the sound anew at another rate, beside the same pictures."""
    target = path.with_suffix(".resampled.mp4")
    command = [FFMPEGS[-1], "-nostdin", "-loglevel", "error", "-i", str(path), "-c:v", "copy", "-ar", str(rate_hz)]
    subprocess.run([*command, str(target)], check=True, timeout=60)
    return target


def _parameter_sets(codec: str, extradata: bytes) -> bytes:
    """Return the parameter sets of avcC or hvcC, each behind its length in four bytes (ISO/IEC 14496-15)."""
    units, position = [], 5 if codec == "h264" else 23
    for array in range(2 if codec == "h264" else extradata[22]):
        if codec == "h264":
            count, position = extradata[position] & (0xFF if array else 0x1F), position + 1
        else:
            count, position = struct.unpack_from(">H", extradata, position + 1)[0], position + 3
        for _ in range(count):
            size = struct.unpack_from(">H", extradata, position)[0]
            units.append(extradata[position + 2 : position + 2 + size])
            position += 2 + size
    return b"".join(struct.pack(">I", len(unit)) + unit for unit in units)


class Clips(dict[str, Clip]):
    """All clips by name; their representation is short, since hypothesis prints what a test was given."""

    def __repr__(self) -> str:
        return f"<{len(self)} clips>"


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Clips:
    """Return all clips, encoded once."""
    folder = tmp_path_factory.mktemp("clips")
    return Clips({name: make_clip(folder, **options) for name, options in CLIPS.items()})


def marked(clip: Clip, picture: Coded, mark: int) -> bytes:
    """Return a picture with parameter sets before it where it is a key frame, as cameras send, and its mark in an SEI.

    user_data_unregistered: ITU-T H.264 §D.1.7, ITU-T H.265 §D.2.7. The mark is written in hexadecimal digits, so
    that no emulation prevention is needed.
    """
    message = bytes((5, 24)) + MARK + f"{mark:08x}".encode() + b"\x80"
    unit = (b"\x06" if clip.codec == "h264" else b"\x4e\x01") + message
    sets = clip.parameter_sets if picture.is_key else b""
    return sets + struct.pack(">I", len(unit)) + unit + picture.data
