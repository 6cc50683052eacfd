"""The open file of a camera, read on as it grows: coded frames as soon as their fragment is whole.

Unlike app/archive/opensegment.py, which answers a question at a time, this follows one run from file to file.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from app.archive import places
from app.archive.runs import capture_of
from app.archive.segments import Found
from app.formats.boxes import FormatError
from app.formats.fragments import Fragment, Init, read_init, scan

EARLY = 0.1  # a key frame may come by so much of the delay too soon


class Sample(NamedTuple):
    """One coded frame in the open file."""

    tail: Tail
    offset: int
    size_bytes: int
    pts_s: float
    is_key: bool

    def read(self) -> bytes:
        """Return its bytes. Raises FormatError where they are not there."""
        data = os.pread(self.tail.handle, self.size_bytes, self.offset)
        if len(data) != self.size_bytes or not data:
            raise FormatError("a sample of the open file is not there")
        return data


@dataclass(frozen=True, slots=True)
class _Clock:
    """The wall clock of a run's media times."""

    segment: Found

    def instant_us(self, pts_s: float) -> int:
        """Return the instant of a media time."""
        ticks_a_second = self.segment.load_index().counts["v_timescale"]
        return self.segment.instant_at(round(pts_s * ticks_a_second) + self.segment.shift_ticks, ticks_a_second)


class Tail:
    """An open file that is read as it grows; it stays readable when it is closed and moved."""

    def __init__(self, path: str, other_path: str | None, run_id: str, sequence: int) -> None:
        """Open it. Raises OSError, and FormatError where its head is not whole yet."""
        self.run_id, self.sequence = run_id, sequence
        self.handle = -1
        for name in filter(None, (path, other_path, path)):
            with contextlib.suppress(FileNotFoundError):
                self.handle = os.open(name, os.O_RDONLY | os.O_CLOEXEC)
                break
        if self.handle < 0:
            raise FileNotFoundError(path)
        try:
            self.init: Init = read_init(self.handle)
        except FormatError:
            self.close()
            raise
        self._read_upto = self.init.size_bytes
        self._size_bytes = 0

    def close(self) -> None:
        """Close the file."""
        if self.handle >= 0:
            os.close(self.handle)
            self.handle = -1

    def __del__(self) -> None:
        """Close the file with the last sample that points into it."""
        self.close()

    def read(self) -> list[Sample]:
        """Return the video samples of the fragments that have become whole since, in decode order."""
        size_bytes = os.fstat(self.handle).st_size
        if size_bytes == self._size_bytes:
            return []
        self._size_bytes = size_bytes
        fragments, self._read_upto = scan(self.handle, self._read_upto, self.init)
        return [sample for fragment in fragments for sample in self._samples(fragment)]

    def _samples(self, fragment: Fragment) -> Iterator[Sample]:
        track = self.init.track("video")
        part = fragment.tracks.get(track.track_id) if track is not None else None
        if track is None or part is None or not part.count:
            return
        times = part.tfdt_ticks + np.cumsum(part.durations) - part.durations + part.composition_offsets
        offsets = part.data_offset + np.cumsum(part.sizes) - part.sizes
        columns = (offsets.tolist(), part.sizes.tolist(), times.tolist(), part.is_key.tolist())
        for offset, size, ticks, is_key in zip(*columns, strict=True):
            yield Sample(self, offset, size, ticks / track.timescale, is_key)


class Film:
    """What has been read of a run: the group of pictures that is growing, and how far its key frames are apart."""

    def __init__(self, found: Found) -> None:
        """Begin with the newest group of an open segment. Raises OSError, FormatError."""
        self.clock = _Clock(found)
        self.group: list[Sample] = []
        self.key_distance_s = 0.0
        self._root, self._source_id, self._capture_id = found.root, found.source_id, capture_of(found.run_id)
        self._tail = Tail(found.path, found.other_path, found.run_id, found.sequence)
        self.grow()

    @property
    def run_id(self) -> str:
        """The run that is read."""
        return self._tail.run_id

    @property
    def sequence(self) -> int:
        """The number of the file that grows."""
        return self._tail.sequence

    @property
    def newest_key(self) -> Sample | None:
        """The newest key frame."""
        return self.group[0] if self.group else None

    def keys_s(self) -> tuple[float, ...]:
        """Return the media times of the newest key frame and of that which is to be expected next."""
        return (self.group[0].pts_s, self.group[0].pts_s + self.key_distance_s) if self.group else ()

    def grow(self) -> list[Sample]:
        """Read what is new, also of the next file; return it."""
        fresh = self._tail.read()
        path = places.live_path(self._root, self._source_id, self._capture_id, self._tail.sequence + 1)
        if path.exists():
            with contextlib.suppress(FormatError, OSError):
                following = Tail(str(path), None, self._tail.run_id, self._tail.sequence + 1)
                fresh += self._tail.read()  # it has ended: nothing more will come
                self._tail = following
                fresh += following.read()
        for sample in fresh:
            if sample.is_key:
                if self.group:
                    self.key_distance_s = sample.pts_s - self.group[0].pts_s
                self.group = [sample]
            elif self.group:
                self.group.append(sample)
        return fresh

    def has_keys_enough(self, delay_s: float) -> bool:
        """Tell whether key frames alone come as often as pictures are wanted."""
        growing_s = self.group[-1].pts_s - self.group[0].pts_s if self.group else 0.0
        return max(self.key_distance_s, growing_s) * (1 - EARLY / 2) <= delay_s
