"""Boxes of the ISO base media file format (ISO/IEC 14496-12 §4.2): made from bytes, found by their headers.

A box is `size:u32 kind:4 [largesize:u64] body`; a full box adds `version:u8 flags:u24` before its body.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass

HEADER_BYTES = 8
LARGE_HEADER_BYTES = 16


class FormatError(ValueError):
    """Bytes that are not what their format says; the message names what was wrong and where."""


@dataclass(frozen=True, slots=True)
class Box:
    """Where a box lies: `offset` and `size_bytes` include the header of `header_bytes`."""

    kind: bytes
    offset: int
    header_bytes: int
    size_bytes: int

    @property
    def body(self) -> int:
        """Offset of the first byte behind the header."""
        return self.offset + self.header_bytes

    @property
    def end(self) -> int:
        """Offset of the first byte behind the box."""
        return self.offset + self.size_bytes


def box(kind: bytes, *payload: bytes) -> bytes:
    """Return one box of at most 4 GiB that holds the payload."""
    body = b"".join(payload)
    return struct.pack(">I4s", HEADER_BYTES + len(body), kind) + body


def full_box(kind: bytes, version: int, flags: int, *payload: bytes) -> bytes:
    """Return one full box: a box whose body begins with a version and 24 bits of flags."""
    return box(kind, struct.pack(">I", version << 24 | flags), *payload)


def iter_boxes(fd: int, begin: int, end: int) -> Iterator[Box]:
    """Yield the complete boxes of [begin, end) of a file; only headers are read.

    Ends without an error at the first box that is not wholly there, that has an impossible size, or that has
    the size 0 ("to the end of the file", ISO/IEC 14496-12 §4.2.2): a file cut by a power loss ends in zeros.
    """
    while begin + HEADER_BYTES <= end:
        found = parse_header(os.pread(fd, LARGE_HEADER_BYTES, begin), begin)
        if found is None or found.end > end:
            return
        yield found
        begin = found.end


def moof_offsets(fd: int, begin: int, end: int) -> list[int]:
    """Return where the complete `moof` boxes of [begin, end) of a file begin; as `iter_boxes`, without making boxes."""
    found = []
    while begin + HEADER_BYTES <= end:
        header = os.pread(fd, LARGE_HEADER_BYTES, begin)
        if len(header) < HEADER_BYTES:
            break
        size_bytes, header_bytes = int.from_bytes(header[:4], "big"), HEADER_BYTES
        if size_bytes == 1:
            size_bytes = int.from_bytes(header[HEADER_BYTES:], "big") if len(header) == LARGE_HEADER_BYTES else 0
            header_bytes = LARGE_HEADER_BYTES
        if size_bytes < header_bytes or begin + size_bytes > end:
            break
        if header[4:HEADER_BYTES] == b"moof":
            found.append(begin)
        begin += size_bytes
    return found


def iter_boxes_in(data: bytes | memoryview, begin: int = 0, end: int | None = None) -> Iterator[Box]:
    """Yield the boxes within [begin, end) of bytes in memory, as `iter_boxes` does for a file."""
    limit = len(data) if end is None else min(end, len(data))
    while begin + HEADER_BYTES <= limit:
        found = parse_header(bytes(data[begin : begin + LARGE_HEADER_BYTES]), begin)
        if found is None or found.end > limit:
            return
        yield found
        begin = found.end


def find_box(data: bytes | memoryview, path: tuple[bytes, ...], begin: int = 0, end: int | None = None) -> Box:
    """Return the first box at a path of kinds, each inside the one before.

    Raises FormatError when there is none.
    """
    found = None
    for kind in path:
        found = next((item for item in iter_boxes_in(data, begin, end) if item.kind == kind), None)
        if found is None:
            raise FormatError(f"no {kind.decode('latin-1')} box")
        begin, end = found.body, found.end
    if found is None:
        raise FormatError("an empty path of boxes")
    return found


def parse_header(header: bytes, offset: int) -> Box | None:
    """Return the box that begins with these bytes, or None where they cannot be a header."""
    if len(header) < HEADER_BYTES:
        return None
    size_bytes, kind = struct.unpack_from(">I4s", header)
    header_bytes = HEADER_BYTES
    if size_bytes == 1:
        if len(header) < LARGE_HEADER_BYTES:
            return None
        header_bytes = LARGE_HEADER_BYTES
        size_bytes = struct.unpack_from(">Q", header, HEADER_BYTES)[0]
    if size_bytes < header_bytes:
        return None
    return Box(kind, offset, header_bytes, size_bytes)
