"""Bytes of recorded files as parts of a body: nothing is held but one file descriptor while they are sent.

Read in blocks of 256 KiB where somebody else writes to the socket, else sent by the kernel: then they never are in our
memory, and a gigabyte costs a fifth of the CPU (docs/benchmarks.md).
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from app.archive.elsewhere import open_media
from app.archive.segments import Ints, Segments

BLOCK_BYTES = 1 << 18
SENDFILE_BYTES = 1 << 30  # at most 2 GiB less a page (sendfile(2))


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

    def within(self, begin: int, end: int) -> Iterator[FilePart]:
        """Yield the bytes [begin, end) of the part."""
        yield FilePart(self.path, self.other_path, self.begin_bytes + begin, self.begin_bytes + end)

    def split(self, first_bytes: int) -> tuple[FilePart, FilePart]:
        """Return the first bytes, or all where there are no more, and the rest."""
        middle = min(self.begin_bytes + first_bytes, self.end_bytes)
        return replace(self, end_bytes=middle), replace(self, begin_bytes=middle)

    def read(self) -> Iterator[bytes]:
        """Yield the bytes in blocks. Raises ShortFile, OSError."""
        handle = self._open()
        try:
            position = self.begin_bytes
            while position < self.end_bytes:
                block = os.pread(handle, min(BLOCK_BYTES, self.end_bytes - position), position)
                if not block:
                    raise self._short(position)
                yield block
                position += len(block)
        finally:
            os.close(handle)

    def send(self, socket: int) -> None:
        """Let the kernel send the bytes to a blocking socket. Raises ShortFile, OSError."""
        handle = self._open()
        try:
            position = self.begin_bytes
            while position < self.end_bytes:
                sent = os.sendfile(socket, handle, position, min(SENDFILE_BYTES, self.end_bytes - position))
                if not sent:
                    raise self._short(position)
                position += sent
        finally:
            os.close(handle)

    def read_ahead(self, most_bytes: int) -> None:
        """Ask the disk for the first bytes, so that they are in memory when they are to be sent."""
        with contextlib.suppress(OSError):  # the send will say what is wrong
            handle = self._open()
            try:
                length = min(most_bytes, self.size_bytes)
                os.posix_fadvise(handle, self.begin_bytes, length, os.POSIX_FADV_WILLNEED)
            finally:
                os.close(handle)

    def _open(self) -> int:
        return open_media(self.path, self.other_path)

    def _short(self, position: int) -> ShortFile:
        return ShortFile(f"{self.path} ends at {position}, {self.end_bytes - position} bytes early")


@dataclass(frozen=True, slots=True)
class Blank:
    """Zeros."""

    size_bytes: int

    def read(self, begin: int, end: int) -> Iterator[bytes]:
        """Yield zeros for the bytes [begin, end)."""
        while begin < end:
            yield bytes(min(BLOCK_BYTES, end - begin))
            begin += BLOCK_BYTES


class FileParts:
    """Bytes [begin, end) of each of some segment files, one behind the other."""

    def __init__(self, segments: Segments, begin_bytes: Ints, end_bytes: Ints) -> None:
        """Take over the columns; nothing is opened."""
        self.segments = segments
        self._begins = begin_bytes
        self._ends = np.cumsum(end_bytes - begin_bytes)  # in the body
        self.size_bytes = int(self._ends[-1]) if len(self._ends) else 0

    def within(self, begin: int, end: int) -> Iterator[FilePart]:
        """Yield the parts of files that make up the bytes [begin, end) of the body."""
        number = int(np.searchsorted(self._ends, begin, "right"))
        while begin < end:
            part_end = int(self._ends[number])
            stop = min(part_end, end)
            offset = int(self._begins[number]) - (part_end - self._size(number))
            yield FilePart(*self._paths(number), begin + offset, stop + offset)
            begin, number = stop, number + 1

    def edges_us(self, at: int) -> tuple[int, int]:
        """Return begin and end of the footage of the file that the byte `at` of the body is of."""
        number = int(np.searchsorted(self._ends, at, "right"))
        starts, ends = (self.segments.column(name) for name in ("start_us", "end_us"))
        return int(starts[number]), int(ends[number])

    def bounds_bytes(self, number: int) -> tuple[int, int]:
        """Return which bytes are taken of the file of a segment: [begin, end)."""
        begin_bytes = int(self._begins[number])
        return begin_bytes, begin_bytes + self._size(number)

    def _size(self, number: int) -> int:
        return int(self._ends[number]) - (int(self._ends[number - 1]) if number else 0)

    def _paths(self, number: int) -> tuple[str, str]:
        segment = self.segments[number]
        return segment.path, segment.other_path
