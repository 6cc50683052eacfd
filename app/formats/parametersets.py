"""Parameter sets of H.264 (ITU-T H.264 §7.3.2.1) and H.265 (ITU-T H.265 §7.3.2.2): what the pictures are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from app.formats.boxes import FormatError

# Profiles whose SPS carries the chroma format (ITU-T H.264 §7.3.2.1.1).
H264_HIGH_PROFILES = frozenset((100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135))
MAX_DIMENSION = 65_535


@dataclass(frozen=True, slots=True)
class PictureFormat:
    """What an SPS says of the pictures; `chroma_format` 0 monochrome, 1 4:2:0, 2 4:2:2, 3 4:4:4."""

    width: int
    height: int
    chroma_format: int
    luma_bits: int
    chroma_bits: int


class BitReader:
    """Bits of a NAL unit, most significant first, emulation prevention bytes removed (ITU-T H.264 §7.4.1)."""

    def __init__(self, unit: bytes) -> None:
        self.data = unit.replace(b"\0\0\3", b"\0\0")
        self._position = 0

    def bits(self, count: int) -> int:
        """Return the next bits as a number. Raises FormatError behind the end."""
        end = self._position + count
        if end > len(self.data) * 8:
            raise FormatError("a parameter set ends early")
        first, last = self._position // 8, (end + 7) // 8
        value = int.from_bytes(self.data[first:last], "big") >> (last * 8 - end)
        self._position = end
        return value & ((1 << count) - 1)

    def unsigned(self) -> int:
        """Return the next Exp-Golomb number, ue(v) (§9.1)."""
        zeros = 0
        while not self.bits(1):
            zeros += 1
            if zeros > 32:
                raise FormatError("a number in a parameter set is too long")
        return (1 << zeros) - 1 + self.bits(zeros)

    def signed(self) -> int:
        """Return the next signed Exp-Golomb number, se(v) (§9.1.1)."""
        value = self.unsigned()
        return (value + 1) // 2 if value % 2 else -(value // 2)


def h264_format(sps: bytes) -> PictureFormat:
    """Return what an H.264 SPS (with its NAL header) says. Raises FormatError."""
    reader = BitReader(sps[1:])
    profile = reader.bits(8)
    reader.bits(16)
    reader.unsigned()
    chroma, luma_bits, chroma_bits, is_separate = 1, 8, 8, 0
    if profile in H264_HIGH_PROFILES:
        chroma = reader.unsigned()
        is_separate = reader.bits(1) if chroma == 3 else 0
        luma_bits, chroma_bits = reader.unsigned() + 8, reader.unsigned() + 8
        reader.bits(1)
        if reader.bits(1):
            _skip_scaling_lists(reader, 12 if chroma == 3 else 8)
    reader.unsigned()
    _skip_picture_order(reader)
    reader.unsigned()
    reader.bits(1)
    width = (reader.unsigned() + 1) * 16
    map_units = reader.unsigned() + 1
    frame_only = reader.bits(1)
    if not frame_only:
        reader.bits(1)
    reader.bits(1)
    height = map_units * 16 * (2 - frame_only)
    left, right, top, bottom = _cropping(reader)
    array = 0 if is_separate else chroma
    unit_x = 2 if array in (1, 2) else 1
    unit_y = (2 if array == 1 else 1) * (2 - frame_only)
    return _checked(width - unit_x * (left + right), height - unit_y * (top + bottom), chroma, luma_bits, chroma_bits)


def h265_format(sps: bytes) -> PictureFormat:
    """Return what an H.265 SPS (with its NAL header) says. Raises FormatError."""
    reader = BitReader(sps[2:])
    reader.bits(4)
    sub_layers = reader.bits(3)
    reader.bits(1)
    _skip_profile_tier_level(reader, sub_layers)
    reader.unsigned()
    chroma = reader.unsigned()
    is_separate = reader.bits(1) if chroma == 3 else 0
    width, height = reader.unsigned(), reader.unsigned()
    left, right, top, bottom = _cropping(reader)
    luma_bits, chroma_bits = reader.unsigned() + 8, reader.unsigned() + 8
    array = 0 if is_separate else chroma
    unit_x, unit_y = 2 if array in (1, 2) else 1, 2 if array == 1 else 1
    return _checked(width - unit_x * (left + right), height - unit_y * (top + bottom), chroma, luma_bits, chroma_bits)


def h265_profile(sps: bytes) -> bytes:
    """Return the 12 bytes of general profile, tier, compatibility, constraints and level of an H.265 SPS."""
    data = BitReader(sps[2:]).data
    if len(data) < 13:
        raise FormatError("a parameter set ends early")
    return data[1:13]


def iter_units(sample: bytes, length_bytes: int) -> Iterator[bytes]:
    """Yield the NAL units of a sample (ISO/IEC 14496-15 §5.3.4) that are wholly within these bytes."""
    position = 0
    while position + length_bytes <= len(sample):
        size = int.from_bytes(sample[position : position + length_bytes], "big")
        position += length_bytes
        if not size or position + size > len(sample):
            return
        yield sample[position : position + size]
        position += size


def _checked(width: int, height: int, chroma: int, luma_bits: int, chroma_bits: int) -> PictureFormat:
    """Return the format. Raises FormatError when it is impossible."""
    if not (0 < width <= MAX_DIMENSION and 0 < height <= MAX_DIMENSION and chroma <= 3):
        raise FormatError(f"a parameter set says {width}x{height}, chroma format {chroma}")
    if max(luma_bits, chroma_bits) > 16:
        raise FormatError(f"a parameter set says {luma_bits} and {chroma_bits} bits a sample")
    return PictureFormat(width, height, chroma, luma_bits, chroma_bits)


def _cropping(reader: BitReader) -> tuple[int, int, int, int]:
    """Return the cropping (left, right, top, bottom) in its own units."""
    if not reader.bits(1):
        return 0, 0, 0, 0
    return reader.unsigned(), reader.unsigned(), reader.unsigned(), reader.unsigned()


def _skip_picture_order(reader: BitReader) -> None:
    """Skip pic_order_cnt_type and what follows from it."""
    kind = reader.unsigned()
    if kind == 0:
        reader.unsigned()
    elif kind == 1:
        reader.bits(1)
        reader.signed()
        reader.signed()
        for _ in range(min(reader.unsigned(), 255)):
            reader.signed()


def _skip_scaling_lists(reader: BitReader, count: int) -> None:
    """Skip the scaling lists (ITU-T H.264 §7.3.2.1.1.1)."""
    for number in range(count):
        if not reader.bits(1):
            continue
        last = following = 8
        for _ in range(16 if number < 6 else 64):
            if following:
                following = (last + reader.signed()) % 256
            last = following or last


def _skip_profile_tier_level(reader: BitReader, sub_layers: int) -> None:
    """Skip profile_tier_level (ITU-T H.265 §7.3.3)."""
    reader.bits(96)
    present = [(reader.bits(1), reader.bits(1)) for _ in range(sub_layers)]
    if sub_layers:
        reader.bits(2 * (8 - sub_layers))
    for has_profile, has_level in present:
        reader.bits(88 * has_profile + 8 * has_level)
