"""Reading one column of the sample indexes of many segments, without making anything for each but the column itself.

The tables of a day's film are 14,000 columns: one by one, by way of `Found`, each took 0.1 ms.
"""

import os
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Any

import numpy.typing as npt

from app.archive import places
from app.archive.segments import COUNTERS_AT, Segments
from app.formats.boxes import FormatError
from app.formats.sampleindex import COLUMNS, ROW_COUNTERS, column_places, decode_column


class ColumnReader:
    """Columns of the indexes of some segments, by their numbers. Used by several threads."""

    def __init__(self, segments: Segments) -> None:
        """Work out where each column lies; nothing is read yet."""
        self._segments = segments
        self._counts = {name: segments.column(name) for name in ROW_COUNTERS}
        self._places = column_places(self._counts)
        self._offsets = segments.column("index_offset_bytes")
        self._is_stored = (segments.column("index_size_bytes") > 0) & ~segments.is_changed

    def read(self, numbers: Sequence[int], name: str) -> Iterator[npt.NDArray[Any]]:
        """Yield the column of each of these segments, from its media file where it is not stored as it should be.

        Raises FormatError, OSError.
        """
        positions, lengths = self._places[name]
        rows = self._counts[COLUMNS[name].counter]
        with ExitStack() as stack:
            handles: dict[str, int] = {}
            for number in numbers:
                if self._is_stored[number]:
                    path = self._path(number)
                    try:
                        if path not in handles:
                            handles[path] = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
                            stack.callback(os.close, handles[path])
                        at = int(self._offsets[number] + positions[number])
                        data = os.pread(handles[path], int(lengths[number]), at)
                        yield decode_column(data, name, int(rows[number]), self._seed(number))
                        continue
                    except (FormatError, OSError):
                        pass  # told, and read in another way, by the segment itself
                yield self._segments[number].load_column(name)

    def _path(self, number: int) -> str:
        segments = self._segments
        return str(
            places.index_path(segments.root(number), segments.source_id, int(segments.column("start_us")[number]))
        )

    def _seed(self, number: int) -> int:
        """Return what the crc of each column of a segment begins with."""
        return zlib.crc32(self._segments.rows[number, COUNTERS_AT].tobytes())
