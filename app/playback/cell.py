"""An entry of a playlist that goes on from one file of a run to the next ones: byte ranges of them as one body."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from app.archive.find import find_segments
from app.archive.segments import Found
from app.errors import Invalid, NotFound
from app.formats.boxes import FormatError
from app.models.segment import MAX_SEGMENT_US
from app.playback.asked import MAX_INSTANT_US
from app.playback.byteranges import ByteRange
from app.playback.delivery import Body
from app.playback.media import segment_body

PLACE = re.compile(r"([0-9]{1,18}):([0-9]{1,18})")
# Files begin with key frames and last at most 600 s: so long is the longest joined cell, one grid more at most.
MAX_CELL_US = 2 * MAX_SEGMENT_US
MAX_FILES = 2048


@dataclass(frozen=True, slots=True)
class Cell:
    """The bytes [begin_bytes of the first file, end_bytes of the last file)."""

    segments: list[Found]
    begin_bytes: int
    end_bytes: int

    @property
    def is_settled(self) -> bool:
        """Tell whether none of the files is still being written."""
        return not any(segment.is_open for segment in self.segments)

    @property
    def etag(self) -> str:
        """What the bytes follow from."""
        facts = [(segment.id, segment.generation, segment.shift_ticks) for segment in self.segments]
        return hashlib.blake2b(repr((facts, self.begin_bytes, self.end_bytes)).encode(), digest_size=16).hexdigest()

    def body(self) -> Body:
        """Return the bytes. Raises FormatError, OSError."""
        last = len(self.segments) - 1
        parts = []
        for number, segment in enumerate(self.segments):
            begin = segment.body_begin_bytes if number else self.begin_bytes
            end = self.end_bytes if number == last else segment.body_end_bytes
            parts.append(_Slice(segment_body(segment), begin, end))
        return Body(parts)


@dataclass(frozen=True, slots=True)
class _Slice:
    """Bytes [begin, end) of a body as a part of another."""

    whole: Body
    begin: int
    end: int

    @property
    def size_bytes(self) -> int:
        """Size of the part."""
        return self.end - self.begin

    def read(self, begin: int, end: int) -> Iterator[bytes]:
        """Yield bytes [begin, end) of the part. Raises ShortFile, OSError."""
        yield from self.whole.read(ByteRange(self.begin + begin, self.begin + end))


def find_cell(source_id: int, begin: str, end: str) -> Cell:
    """Return the cell between two places START_US:OFFSET. Raises Invalid, NotFound where playlists name no such."""
    (first_us, begin_bytes), (last_us, end_bytes) = place_of(begin, "from"), place_of(end, "to")
    if not first_us < last_us <= first_us + MAX_CELL_US:
        raise Invalid("to must be in a later file of the same run", loc=("query", "to"), kind="cell_order")
    found = find_segments(source_id, first_us, last_us + 1)
    starts_us = found.column("start_us")
    ends = [np.flatnonzero(starts_us == instant_us).tolist() for instant_us in (first_us, last_us)]
    for places, name, instant_us in zip(ends, ("from", "to"), (first_us, last_us), strict=True):
        if not places:
            raise NotFound(f"there is no segment that starts at {instant_us}", loc=("query", name))
    run = found.run_ids[ends[0][0]]
    segments = [segment for segment in found[ends[0][0] : ends[1][0] + 1] if segment.run_id == run]
    if len(segments) > MAX_FILES or any(not after.follows(before) for before, after in pairwise(segments)):
        raise NotFound("the files between from and to are not one uninterrupted run", loc=("query", "to"))
    cell = Cell(segments, begin_bytes, end_bytes)
    _check(cell, last_us)
    return cell


def place_of(text: str, name: str) -> tuple[int, int]:
    """Return instant and offset of START:OFFSET. Raises Invalid for another form."""
    match = PLACE.fullmatch(text)
    if match is None or int(match[1]) > MAX_INSTANT_US:
        message = f"{name} must be START:OFFSET, as playlists name it"
        raise Invalid(message, loc=("query", name), kind="cell_place")
    return int(match[1]), int(match[2])


def _check(cell: Cell, last_us: int) -> None:
    """Raise NotFound unless the cell begins with a fragment and ends with one, in files of one run."""
    first, last = cell.segments[0], cell.segments[-1]
    try:
        begins, ends = first.load_column("fragments"), last.load_column("fragments")
    except (FormatError, OSError) as error:
        raise NotFound(f"segment {first.id} or {last.id} cannot be read", loc=("query", "from")) from error
    if cell.begin_bytes not in begins["moof"]:
        raise NotFound(f"no fragment begins at {cell.begin_bytes}", loc=("query", "from"))
    # An open file ended there once, and its next fragment may have boxes before its moof.
    is_end = cell.end_bytes in ends["moof"][1:] or cell.end_bytes in ends["end"]
    if last.start_us != last_us or not is_end:
        raise NotFound(f"no fragment ends at {cell.end_bytes}", loc=("query", "to"))
