"""Sample entries (ISO/IEC 14496-12 §8.5.2): codec strings, picture sizes, the entry a stream really has.

    avc1 | avc3   VisualSampleEntry, avcC     ISO/IEC 14496-15 §5.3.3
    hvc1 | hev1   VisualSampleEntry, hvcC     ISO/IEC 14496-15 §8.3.3
    mp4a          AudioSampleEntry, esds      ISO/IEC 14496-14 §6.7

Camera streams repeat their parameter sets before key frames. When a camera changes its settings during a
connection, ffmpeg goes on writing the old entry into new files; what counts are the sets in the samples.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from app.formats.boxes import HEADER_BYTES, FormatError, box, find_box
from app.formats.initsegment import AUDIO_ENTRY_BYTES, VIDEO_ENTRY_BYTES
from app.formats.parametersets import PictureFormat, h264_format, h265_format, h265_profile, iter_units

AVC = frozenset((b"avc1", b"avc3"))
HEVC = frozenset((b"hvc1", b"hev1"))
H264_SPS, H264_PPS = 7, 8
H265_VPS, H265_SPS, H265_PPS = 32, 33, 34
# Profiles whose avcC ends in the chroma format (ISO/IEC 14496-15 §5.3.3.1.2).
AVCC_EXTENDED_PROFILES = frozenset((100, 110, 122, 144, 244))
ES_DESCRIPTOR, DECODER_CONFIG, DECODER_SPECIFIC = 3, 4, 5
MPEG4_AUDIO = 0x40

Sets = dict[int, list[bytes]]


class Decoder(NamedTuple):
    """libavcodec's name of a codec, its configuration (avcC, hvcC), the size of the lengths before NAL units."""

    name: str
    config: bytes
    length_bytes: int


@dataclass(frozen=True, slots=True)
class _Codec:
    """How one video codec stores its parameter sets."""

    name: str
    config: bytes
    set_kinds: tuple[int, ...]
    sps_kind: int
    kind_of: Callable[[bytes], int]
    read_sets: Callable[[bytes], Sets]
    write_config: Callable[[Sets, bytes], bytes]
    picture_format: Callable[[bytes], PictureFormat]
    length_at: int  # offset in the configuration of the byte with lengthSizeMinusOne


def codec_string(entry: bytes) -> str:
    """Return the RFC 6381 string of a sample entry, as it is served (`avc1`, `hvc1`).

    A codec without a rule here is named by its four characters. Raises FormatError for a broken entry.
    """
    kind = entry[4:8]
    if kind in AVC:
        config = _config(entry, b"avcC")
        return f"avc1.{config[1:4].hex()}"
    if kind in HEVC:
        return _hevc_string(_config(entry, b"hvcC"))
    if kind == b"mp4a":
        return _aac_string(entry)
    return kind.decode("latin-1").strip()


def picture_size(entry: bytes) -> tuple[int, int]:
    """Return width and height of a video entry: those of its first SPS, else those of its header."""
    codec = _codec_of(entry)
    if codec is not None:
        units = codec.read_sets(_config(entry, codec.config)).get(codec.sps_kind)
        if units:
            found = codec.picture_format(units[0])
            return found.width, found.height
    width, height = struct.unpack_from(">HH", entry, 32)
    return width, height


def entry_from_parameter_sets(entry: bytes, sample: bytes) -> bytes:
    """Return the entry that fits the parameter sets at the begin of a key sample.

    That is the same entry where the sample carries none, or none that the entry does not have; else a new
    one with the sets of the sample, their size, and no other child box: aspect and colour were the old
    stream's. Raises FormatError.
    """
    codec = _codec_of(entry)
    if codec is None:
        return entry
    config = _config(entry, codec.config)
    known = codec.read_sets(config)
    found: Sets = {}
    for unit in iter_units(sample, (config[codec.length_at] & 3) + 1):
        kind = codec.kind_of(unit)
        if kind in codec.set_kinds and unit not in found.setdefault(kind, []):
            found[kind].append(unit)
    if all(unit in known.get(kind, ()) for kind, units in found.items() for unit in units):
        return entry
    merged = {kind: found.get(kind) or known.get(kind, []) for kind in codec.set_kinds}
    if not merged[codec.sps_kind]:
        return entry
    size = codec.picture_format(merged[codec.sps_kind][0])
    header = bytearray(entry[HEADER_BYTES:VIDEO_ENTRY_BYTES])
    struct.pack_into(">HH", header, 32 - HEADER_BYTES, size.width, size.height)
    return box(entry[4:8], bytes(header), box(codec.config, codec.write_config(merged, config)))


def serving_entry(entry: bytes) -> bytes:
    """Return the entry as it is given out: `hvc1` for `hev1`, which Safari refuses, and `avc1` for `avc3`."""
    served = {b"hev1": b"hvc1", b"avc3": b"avc1"}.get(entry[4:8])
    return entry if served is None else entry[:4] + served + entry[8:]


def decoder_of(entry: bytes) -> Decoder:
    """Return what decodes the samples of a video entry. Raises FormatError where nothing here does."""
    codec = _codec_of(entry)
    if codec is None:
        raise FormatError(f"pictures of the codec {entry[4:8].decode('latin-1')} are not decoded here")
    config = _config(entry, codec.config)
    return Decoder(codec.name, config, (config[codec.length_at] & 3) + 1)


def _codec_of(entry: bytes) -> _Codec | None:
    if entry[4:8] in AVC:
        return _H264
    return _H265 if entry[4:8] in HEVC else None


def _config(entry: bytes, kind: bytes) -> bytes:
    """Return the body of an entry's configuration box. Raises FormatError when it is missing or too short."""
    found = find_box(entry, (kind,), VIDEO_ENTRY_BYTES)
    config = entry[found.body : found.end]
    if len(config) < (23 if kind == b"hvcC" else 7):
        raise FormatError(f"the {kind.decode()} of a sample entry is too short")
    return config


def _read_units(data: bytes, position: int, count: int) -> tuple[list[bytes], int]:
    """Return NAL units that have a 16-bit length each, and the offset behind them."""
    units = []
    for _ in range(count):
        size = int.from_bytes(data[position : position + 2], "big")
        position += 2
        if position + size > len(data):
            raise FormatError("a parameter set of a sample entry does not fit")
        units.append(data[position : position + size])
        position += size
    return units, position


def _write_units(units: list[bytes]) -> bytes:
    return b"".join(struct.pack(">H", len(unit)) + unit for unit in units)


def _read_avcc(config: bytes) -> Sets:
    sps, position = _read_units(config, 6, config[5] & 31)
    count = config[position] if position < len(config) else 0
    pps, _ = _read_units(config, position + 1, count)
    return {H264_SPS: sps, H264_PPS: pps}


def _write_avcc(sets: Sets, config: bytes) -> bytes:
    """Return an avcC (ISO/IEC 14496-15 §5.3.3.1) with these sets and the length size of the old one."""
    sps, pps = sets[H264_SPS][:31], sets[H264_PPS][:255]
    head = bytes([1]) + sps[0][1:4] + bytes([config[4], 0xE0 | len(sps)])
    data = head + _write_units(sps) + bytes([len(pps)]) + _write_units(pps)
    if sps[0][1] in AVCC_EXTENDED_PROFILES:
        found = h264_format(sps[0])
        depth = (0xF8 | (found.luma_bits - 8), 0xF8 | (found.chroma_bits - 8))
        data += bytes([0xFC | found.chroma_format, *depth, 0])
    return data


def _read_hvcc(config: bytes) -> Sets:
    sets: Sets = {}
    position = 23
    for _ in range(config[22]):
        if position + 3 > len(config):
            raise FormatError("an array of hvcC does not fit")
        kind = config[position] & 0x3F
        count = int.from_bytes(config[position + 1 : position + 3], "big")
        units, position = _read_units(config, position + 3, count)
        sets.setdefault(kind, []).extend(units)
    return sets


def _write_hvcc(sets: Sets, config: bytes) -> bytes:
    """Return a hvcC (ISO/IEC 14496-15 §8.3.3.1) with these sets; what they do not say stays as it was."""
    sps = sets[H265_SPS][0]
    found = h265_format(sps)
    depth = bytes([0xFC | found.chroma_format, 0xF8 | (found.luma_bits - 8), 0xF8 | (found.chroma_bits - 8)])
    data = bytes([1]) + h265_profile(sps) + config[13:16] + depth + config[19:22]
    kinds = [kind for kind in (H265_VPS, H265_SPS, H265_PPS) if sets.get(kind)]
    data += bytes([len(kinds)])
    for kind in kinds:
        data += struct.pack(">BH", 0x80 | kind, len(sets[kind])) + _write_units(sets[kind])
    return data


def _hevc_string(config: bytes) -> str:
    """Return the string of ISO/IEC 14496-15 annex E.3."""
    profile, flags = config[1], int.from_bytes(config[2:6], "big")
    space = ("", "A", "B", "C")[profile >> 6]
    compatibility = int(f"{flags:032b}"[::-1], 2)
    tier = "H" if profile & 0x20 else "L"
    constraints = config[6:12].rstrip(b"\0")
    parts = [f"hvc1.{space}{profile & 31}", f"{compatibility:X}", f"{tier}{config[12]}"]
    return ".".join(parts + [f"{byte:X}" for byte in constraints])


def _aac_string(entry: bytes) -> str:
    """Return the string of RFC 6381 §3.3: object type and, for MPEG-4 audio, audio object type."""
    found = find_box(entry, (b"esds",), AUDIO_ENTRY_BYTES)
    body = _descriptor(entry[found.body + 4 : found.end], ES_DESCRIPTOR)
    if len(body) < 3:
        raise FormatError("an ES descriptor is too short")
    skip = 3 + (2 if body[2] & 0x80 else 0) + (2 if body[2] & 0x20 else 0)
    decoder = _descriptor(body[skip:], DECODER_CONFIG)
    if not decoder:
        raise FormatError("a decoder configuration is empty")
    if decoder[0] != MPEG4_AUDIO:
        return f"mp4a.{decoder[0]:02X}"
    if decoder[13:14] != bytes([DECODER_SPECIFIC]):
        return "mp4a.40"  # a stream that never told its configuration
    specific = _descriptor(decoder[13:], DECODER_SPECIFIC)
    if len(specific) < 2:
        raise FormatError("an audio configuration is too short")
    kind = specific[0] >> 3
    if kind == 31:
        kind = 32 + ((specific[0] & 7) << 3 | specific[1] >> 5)
    return f"mp4a.40.{kind}"


def _descriptor(data: bytes, tag: int) -> bytes:
    """Return the body of a descriptor (ISO/IEC 14496-1 §8.3.3). Raises FormatError when it is another."""
    if not data or data[0] != tag:
        raise FormatError(f"no descriptor {tag} where it must be")
    size, position = 0, 1
    for byte in data[1:5]:
        size, position = size << 7 | byte & 0x7F, position + 1
        if not byte & 0x80:
            break
    return data[position : position + size]


_H264 = _Codec(
    "h264",
    b"avcC",
    (H264_SPS, H264_PPS),
    H264_SPS,
    lambda unit: unit[0] & 31,
    _read_avcc,
    _write_avcc,
    h264_format,
    4,
)
_H265 = _Codec(
    "hevc",
    b"hvcC",
    (H265_VPS, H265_SPS, H265_PPS),
    H265_SPS,
    lambda unit: unit[0] >> 1 & 63,
    _read_hvcc,
    _write_hvcc,
    h265_format,
    21,
)
