"""How large a still picture says it is, read from its first bytes: a decoder takes memory by what they say.

JPEG   ITU-T T.81 §B.2.2: SOFn  ff c0-cf  length:u16 precision:u8 height:u16 width:u16
PNG    W3C PNG §11.2.1: signature, length:u32 "IHDR" width:u32 height:u32
GIF    GIF89a §18: "GIF87a" or "GIF89a", width:u16 height:u16, little-endian
BMP    "BM", at 14 the size of its header: 12 has width:u16 height:u16, others width:i32 height:i32
WebP   RFC 9649: "RIFF" size "WEBP", then a chunk `VP8 ` (RFC 6386 §9.1), `VP8L` (§3.4) or `VP8X` (§2.7)
"""

import struct
from typing import NamedTuple

MAX_MARKERS = 1000  # before a JPEG says its size; each may have 64 KB, a hostile one has millions of nothing
MAX_CHUNKS = 10_000  # of a PNG; encoders write 8 KB into each and more
FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}  # SOFn: the others of this row are DHT, JPG and DAC
BARE = {0x01, *range(0xD0, 0xD9)}  # TEM, RSTn, SOI: markers without a length
SCAN, END = 0xDA, 0xD9


class PictureSize(NamedTuple):
    """Width and height in pixels, as the header says."""

    width: int
    height: int


def picture_size(data: bytes) -> PictureSize | None:
    """Return what a picture says of its size; None where it is of another format, or does not come to say it."""
    try:
        if data.startswith(b"\xff\xd8"):
            return _jpeg(data)
        if data.startswith(b"\x89PNG\r\n\x1a\n"):
            return _png(data)
        if data.startswith((b"GIF87a", b"GIF89a")):
            return PictureSize(*struct.unpack_from("<HH", data, 6))
        if data.startswith(b"BM"):
            return _bmp(data)
        if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
            return _webp(data)
    except struct.error:  # it ends before
        pass
    return None


def _jpeg(data: bytes) -> PictureSize | None:
    """Go from marker to marker as libjpeg does, passing over what lies between them."""
    at = 2
    for _ in range(MAX_MARKERS):
        at = data.find(b"\xff", at)
        if at < 0:
            return None
        while data[at : at + 1] == b"\xff":  # any number of them may fill up
            at += 1
        marker = data[at] if at < len(data) else END
        at += 1
        if marker in FRAMES:
            height, width = struct.unpack_from(">HH", data, at + 3)
            return PictureSize(width, height)
        if marker in (SCAN, END):
            return None
        if marker != 0 and marker not in BARE:
            at += int(struct.unpack_from(">H", data, at)[0])
    return None


def _png(data: bytes) -> PictureSize | None:
    """Go over the chunks too: for one that says it has 270 MB OpenCV takes a GB before it finds that it has not."""
    at, kind = 8, b""
    for _ in range(MAX_CHUNKS):
        if at == len(data) or kind == b"IEND":
            return PictureSize(*struct.unpack_from(">II", data, 16)) if data[12:16] == b"IHDR" else None
        kind = data[at + 4 : at + 8]
        at += 12 + int(struct.unpack_from(">I", data, at)[0])
        if at > len(data):
            return None
    return None


def _bmp(data: bytes) -> PictureSize:
    (header_bytes,) = struct.unpack_from("<I", data, 14)
    width, height = struct.unpack_from("<HH" if header_bytes == 12 else "<ii", data, 18)
    return PictureSize(abs(width), abs(height))  # a negative height: its first row is the top one


def _webp(data: bytes) -> PictureSize | None:
    kind = data[12:16]
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return PictureSize(width & 0x3FFF, height & 0x3FFF)  # the upper two bits scale it for showing
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return PictureSize((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    if kind == b"VP8X":
        width, more, height, highest = struct.unpack_from("<HBHB", data, 24)  # of 24 bits each
        return PictureSize((width | more << 16) + 1, (height | highest << 16) + 1)
    return None
