"""Bytes of recorded files as parts of a body: nothing is held but one file descriptor while they are sent."""

import os
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from app.archive.segments import Ints, Segments

BLOCK_BYTES = 1 << 20


class ShortFile(Exception):
    """A file holds fewer bytes than were promised of it: the connection must be closed."""


@dataclass(frozen=True, slots=True)
class FilePart:
    """Bytes [begin_bytes, end_bytes) of a file; the open file moves to `other_path`, or came from there."""

    path: str
    other_path: str
    begin_bytes: int
    end_bytes: int

    @property
    def size_bytes(self) -> int:
        """Size of the part."""
        return self.end_bytes - self.begin_bytes

    def read(self, begin: int, end: int) -> Iterator[bytes]:
        """Yield bytes [begin, end) of the part; its file may just be moving. Raises ShortFile, OSError."""
        try:
            handle = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            handle = os.open(self.other_path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            position, limit = self.begin_bytes + begin, self.begin_bytes + end
            while position < limit:
                block = os.pread(handle, min(BLOCK_BYTES, limit - position), position)
                if not block:
                    raise ShortFile(f"{self.path} ends at {position}, {limit - position} bytes early")
                yield block
                position += len(block)
        finally:
            os.close(handle)


class FileParts:
    """Bytes [begin, end) of each of some segment files, one behind the other."""

    def __init__(self, segments: Segments, begin_bytes: Ints, end_bytes: Ints) -> None:
        """Take over the columns; nothing is opened."""
        self._segments = segments
        self._begins = begin_bytes
        self._ends = np.cumsum(end_bytes - begin_bytes)  # in the body
        self.size_bytes = int(self._ends[-1]) if len(self._ends) else 0

    def read(self, begin: int, end: int) -> Iterator[bytes]:
        """Yield the bytes [begin, end) of the body. Raises ShortFile, OSError."""
        number = int(np.searchsorted(self._ends, begin, "right"))
        while begin < end:
            part_end = int(self._ends[number])
            part_begin = part_end - int(self._size(number))
            stop = min(part_end, end)
            offset = int(self._begins[number]) - part_begin
            part = FilePart(*self._paths(number), begin + offset, stop + offset)
            yield from part.read(0, part.size_bytes)
            begin, number = stop, number + 1

    def _size(self, number: int) -> int:
        return int(self._ends[number]) - (int(self._ends[number - 1]) if number else 0)

    def _paths(self, number: int) -> tuple[str, str]:
        segment = self._segments[number]
        return segment.path, segment.other_path
