"""Bytes of recorded files as parts of a body, without an object for each file."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from app.archive.segments import Ints, Segments


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


class FileParts:
    """Bytes [begin, end) of each of some segment files, one behind the other."""

    def __init__(self, segments: Segments, begin_bytes: Ints, end_bytes: Ints) -> None:
        """Take over the columns; nothing is opened."""
        self._segments = segments
        self._begins = begin_bytes
        self._ends = np.cumsum(end_bytes - begin_bytes)  # in the body
        self.size_bytes = int(self._ends[-1]) if len(self._ends) else 0

    def within(self, begin: int, end: int) -> Iterator[FilePart]:
        """Yield the parts of files that make up the bytes [begin, end) of the body."""
        number = int(np.searchsorted(self._ends, begin, "right"))
        while begin < end:
            part_end = int(self._ends[number])
            part_begin = part_end - int(self._size(number))
            stop = min(part_end, end)
            offset = int(self._begins[number]) - part_begin
            yield FilePart(*self._paths(number), begin + offset, stop + offset)
            begin, number = stop, number + 1

    def _size(self, number: int) -> int:
        return int(self._ends[number]) - (int(self._ends[number - 1]) if number else 0)

    def _paths(self, number: int) -> tuple[str, str]:
        segment = self._segments[number]
        return segment.path, segment.other_path
