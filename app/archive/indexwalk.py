"""The sample indexes of a day, found again without their rows: each says its size, and what its segment holds."""

import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from app.formats.sampleindex import (
    COLUMNS_BEGIN_BYTES,
    COUNTERS,
    CRC_BYTES,
    FRAGMENT,
    HEADER,
    MAGIC,
    ROW_COUNTERS,
    VERSION,
    column_places,
)

READ_BYTES = 1 << 20
_COUNTED = struct.Struct(f"<{len(COUNTERS)}q")
_IN_ROW = [COUNTERS.index(name) for name in ROW_COUNTERS]

# What tells the segments of a day apart: ROW_COUNTERS, and where its first fragment begins and its last one ends.
Key = tuple[int, ...]


class IndexPlace(NamedTuple):
    """Where an index lies in the file of its day."""

    offset: int
    size_bytes: int


NO_INDEX = IndexPlace(0, 0)


def find_indexes(path: Path) -> dict[Key, IndexPlace]:
    """Return where each index of a day lies, by what it says of its segment; nothing where the file cannot be read.

    One that was appended twice, since a crash came before its row, is the last one. Of several that say the same and
    are different none is told: readers use the media files.
    """
    found: dict[Key, IndexPlace] = {}
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return found
    try:
        for key, place in _walk(handle):
            before = found.get(key, place)
            is_same = before is place or (before != NO_INDEX and _read(handle, before) == _read(handle, place))
            found[key] = place if is_same else NO_INDEX
    except OSError:
        pass  # what was found is right
    finally:
        os.close(handle)
    return found


def _walk(handle: int) -> Iterator[tuple[Key, IndexPlace]]:
    """Yield every whole index of a file; what lies between them is passed over: a crash can leave a part of one.

    Only their heads and ends are read: readers notice a damaged column themselves.
    """
    end, offset = os.fstat(handle).st_size, 0
    while offset + COLUMNS_BEGIN_BYTES <= end:
        found = _read_key(handle, offset, end)
        if found is None:
            offset = _next_magic(handle, offset + 1)
            continue
        yield found
        offset += found[1].size_bytes


def _read(handle: int, place: IndexPlace) -> bytes:
    return os.pread(handle, place.size_bytes, place.offset)


def _read_key(handle: int, offset: int, end: int) -> tuple[Key, IndexPlace] | None:
    """Return key and place of the index at an offset; None where there is none."""
    data = os.pread(handle, COLUMNS_BEGIN_BYTES, offset)
    magic, version, _, size_bytes, crc = HEADER.unpack_from(data)
    if magic != MAGIC or version != VERSION or offset + size_bytes > end:
        return None
    if zlib.crc32(memoryview(data)[HEADER.size :]) != crc:
        return None
    values = _COUNTED.unpack_from(data, HEADER.size)
    at, length = column_places(dict(zip(COUNTERS, values, strict=True)))["fragments"]
    if min(values[COUNTERS.index("n_frag")], length) <= 0 or at + length != size_bytes:
        return None
    begin = os.pread(handle, FRAGMENT.itemsize, offset + at + CRC_BYTES)
    last = os.pread(handle, FRAGMENT.itemsize, offset + size_bytes - FRAGMENT.itemsize)
    first_row, last_row = np.frombuffer(begin + last, FRAGMENT)
    edges = (int(first_row["offset"]), int(last_row["end"]))
    return (*(values[number] for number in _IN_ROW), *edges), IndexPlace(offset, size_bytes)


def _next_magic(handle: int, offset: int) -> int:
    """Return the offset of the next MAGIC from an offset on, or that of the end of the file."""
    while data := os.pread(handle, READ_BYTES, offset):
        at = data.find(MAGIC)
        if at >= 0:
            return offset + at
        if len(data) < len(MAGIC):
            return offset + len(data)
        offset += len(data) - len(MAGIC) + 1
    return offset
