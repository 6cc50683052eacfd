"""A camera's picture is judged by what its header says, before a decoder takes memory for it."""

import json
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable

import cv2
import numpy as np
import pytest

from app.capture.picture import MAX_PIXELS, PictureRefused, decode_picture
from app.formats.picturesize import MAX_CHUNKS, MAX_MARKERS, picture_size
from tests.service import ROOT

SIDE = 30_000
SMALL = np.full((5, 7, 3), 90, np.uint8)


def chunk(kind: bytes, body: bytes) -> bytes:
    """Return a chunk of a PNG."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(side: int) -> bytes:
    """Return a whole PNG of one colour, a bit a pixel: 112 MB of zeros, deflated."""
    rows = zlib.compressobj(9)
    row = bytes(1 + -(-side // 8))
    data = b"".join(rows.compress(row) for _ in range(side)) + rows.flush()
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def jpeg(side: int) -> bytes:
    """Return a JPEG whose frame says its size behind a thumbnail's, a comment and bytes that fill up."""
    plain: bytes = cv2.imencode(".jpg", SMALL)[1].tobytes()
    frame = plain.index(b"\xff\xc0")
    thumbnail = b"\xff\xe1" + struct.pack(">H", 2 + len(plain)) + plain
    size = struct.pack(">HH", side, side)
    return b"\xff\xd8" + thumbnail + b"\xff\xff" + plain[2 : frame + 5] + size + plain[frame + 9 :]


def gif(side: int) -> bytes:
    plain: bytes = cv2.imencode(".gif", SMALL)[1].tobytes()
    return plain[:6] + struct.pack("<HH", side, side) + plain[10:]


def bmp(side: int) -> bytes:
    """Return a BMP of runs (BI_RLE8), top row first: a byte ends the picture, whatever its size."""
    head = struct.pack("<IiiHHIIiiII", 40, side, -side, 1, 8, 1, 2, 0, 0, 1, 0)
    return b"BM" + struct.pack("<IHHI", 60, 0, 0, 58) + head + bytes(4) + b"\0\1"


def lossless(side: int) -> bytes:
    """Return a WebP whose pixels take no bit each: of one colour, of any size."""
    plain: bytes = cv2.imencode(".webp", SMALL, [cv2.IMWRITE_WEBP_QUALITY, 101])[1].tobytes()
    at = plain.index(b"VP8L") + 9
    bits = struct.unpack_from("<I", plain, at)[0] >> 28 << 28 | (side - 1) << 14 | side - 1
    return plain[:at] + struct.pack("<I", bits) + plain[at + 4 :]


def lossy(side: int) -> bytes:
    plain: bytes = cv2.imencode(".webp", SMALL, [cv2.IMWRITE_WEBP_QUALITY, 50])[1].tobytes()
    return plain[:26] + struct.pack("<HH", side, side) + plain[30:]


def extended(side: int) -> bytes:
    size = (side - 1).to_bytes(3, "little")
    body = b"WEBPVP8X" + struct.pack("<I", 10) + bytes(4) + 2 * size + lossy(16_383)[12:]
    return b"RIFF" + struct.pack("<I", len(body)) + body


HOSTILE: dict[str, tuple[Callable[[int], bytes], int]] = {
    "png": (png, SIDE),
    "jpeg": (jpeg, SIDE),
    "gif": (gif, SIDE),
    "bmp": (bmp, SIDE),
    "webp lossless": (lossless, 16_384),
    "webp lossy": (lossy, 16_383),
    "webp extended": (extended, SIDE),
}
DECODING = """
import json, struct, sys
import cv2, numpy
from app.capture import picture

def peak():  # of this program alone: getrusage would begin with what forked it
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM")) * 1024

told = []
while length := sys.stdin.buffer.read(4):
    data = sys.stdin.buffer.read(struct.unpack(">I", length)[0])
    before = peak()
    try:
        picture.decode_picture(data, 1)
        detail = ""
    except picture.PictureRefused as error:
        detail = error.verdict.detail
    told.append((detail, peak() - before))
print(json.dumps(told))
"""


def decoded_elsewhere(pictures: list[bytes]) -> list[tuple[str, int]]:
    """Decode pictures in another process; return of each why it was refused, and by how much the most memory rose."""
    given = b"".join(struct.pack(">I", len(data)) + data for data in pictures)
    done = subprocess.run([sys.executable, "-c", DECODING], input=given, cwd=ROOT, capture_output=True, check=True)
    return [(detail, size) for detail, size in json.loads(done.stdout)]


def test_pictures_of_thousands_of_millions_of_pixels_are_refused_by_their_header() -> None:
    """A camera could end the recorder of all others by one of some KB."""
    pictures = [make(side) for make, side in HOSTILE.values()]
    assert max(map(len, pictures)) < 150_000
    *found, (taken, least_bytes) = decoded_elsewhere([*pictures, png(6000)])
    for (name, (_, side)), (detail, rose_bytes) in zip(HOSTILE.items(), found, strict=True):
        said = (
            f"the camera's picture has {side} × {side} pixels, {side * side:,} in all; at most {MAX_PIXELS:,} are taken"
        )
        assert detail.startswith(said), name
        assert rose_bytes < 5_000_000, name
    assert taken == ""
    assert least_bytes > 3 * 6000 * 6000 - 5_000_000  # one that is taken is seen to take memory


@pytest.mark.parametrize("kind", [".jpg", ".png", ".gif", ".bmp", ".webp"])
@pytest.mark.parametrize("size", [(7, 5), (640, 361)], ids=["small", "larger"])
def test_the_size_of_a_header_is_that_of_the_picture(kind: str, size: tuple[int, int]) -> None:
    data = cv2.imencode(kind, np.full((size[1], size[0], 3), 90, np.uint8))[1].tobytes()
    assert picture_size(data) == size
    picture = decode_picture(data, 1)
    assert (picture.width, picture.height) == size


@pytest.mark.parametrize("name", [*HOSTILE])
def test_a_header_that_ends_early_says_nothing(name: str) -> None:
    data = HOSTILE[name][0](300)
    assert picture_size(data) == (300, 300)
    lengths = [number for number in range(len(data)) if picture_size(data[:number]) is not None]
    assert lengths[0] > 8
    # Once it is said it stays so; of PNG whole chunks are wanted.
    assert name == "png" or lengths == list(range(lengths[0], len(data)))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xd8",
        b"\xff\xd8\xff\xda\0\4\0\0\xff\xc0\0\x11\x08\0\x10\0\x10",  # a scan before its frame
        b"\xff\xd8" + b"\xff\xe0\0\2" * MAX_MARKERS + b"\xff\xc0\0\x11\x08\0\x10\0\x10",
        b"\x89PNG\r\n\x1a\n" + chunk(b"tEXt", bytes(20)),
        png(64)[:33] + struct.pack(">I", 1 << 28) + b"IDAT",
        png(64)[:33] + struct.pack(">I", 1 << 28) + b"IEND",
        png(64)[:33] + MAX_CHUNKS * chunk(b"tEXt", b"") + png(64)[33:],
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 32_767, 0, 8, 2, 0, 0, 0)),
        cv2.imencode(".tiff", SMALL)[1].tobytes(),
        cv2.imencode(".jp2", np.zeros((64, 64, 3), np.uint8))[1].tobytes(),
        cv2.imencode(".ppm", SMALL)[1].tobytes(),
    ],
    ids=[
        "nothing",
        "a begin",
        "a scan first",
        "markers without end",
        "no IHDR",
        "a chunk of 256 MB",
        "an end of 256 MB",
        "chunks without end",
        "no height",
        "tiff",
        "jpeg 2000",
        "ppm",
    ],
)
def test_what_does_not_say_its_size_is_no_picture(data: bytes) -> None:
    assert picture_size(data) in (None, (32_767, 0))
    with pytest.raises(PictureRefused, match="not a whole picture in JPEG, PNG, GIF, BMP or WebP"):
        decode_picture(data, 1)
