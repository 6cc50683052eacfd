"""Reading a closed segment to its end: its hashes, and what it says of itself."""

import hashlib
import os
import zlib
from collections.abc import Callable
from typing import NamedTuple

from app.formats.boxes import FormatError
from app.formats.closing import Closing, read_closing

BLOCK_BYTES = 1 << 20


class Hashes(NamedTuple):
    """What reading a file has told.

    `sha256` and `crc32` are of all its bytes, `media_sha256` (hex) is of those before its closing box: of all where it
    has none (`closing` is None).
    """

    size_bytes: int
    crc32: int
    sha256: str
    media_sha256: str
    closing: Closing | None


def nothing(_: int) -> None:
    """Do not wait."""


def hash_file(handle: int, pace: Callable[[int], None] = nothing) -> Hashes:
    """Return the hashes of an open file. `pace` is called with the length of each block read. Raises OSError."""
    size_bytes = os.fstat(handle).st_size
    try:
        closing = read_closing(handle)
    except FormatError:
        closing = None
    body_bytes = size_bytes - (closing.size_bytes if closing is not None else 0)
    digest, crc32, offset, media_sha256 = hashlib.sha256(), 0, 0, ""
    for end in (body_bytes, size_bytes):
        while block := os.pread(handle, min(BLOCK_BYTES, end - offset), offset):
            digest.update(block)
            crc32 = zlib.crc32(block, crc32)
            offset += len(block)
            pace(len(block))
        media_sha256 = media_sha256 or digest.hexdigest()
    return Hashes(offset, crc32, digest.hexdigest(), media_sha256, closing)
