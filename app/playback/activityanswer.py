"""Activity as it is answered: the highest of each cell of a range, and the next stretch with movement.

Read from the coarsest level whose cells are not longer than those that are asked for: so a year costs as little as an
hour. Where the request may see a window of footage only, a stored cell that lies partly outside says nothing.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from app.archive.activitycells import (
    DAYS_32,
    FIRST_SCORE,
    HOURS,
    LEVELS,
    ActivityLevel,
    Codes,
    cells_of,
    code_of,
    nothing,
    score_of,
)
from app.archive.activityrows import read_codes
from app.archive.limits import limits
from app.errors import Invalid
from app.extensions import db

MAX_CELLS = 10_000
CHUNK = 16  # cameras at a time: their rows are in memory
JOIN_CELLS = 3  # stretches less than 6 s apart are one
MAX_HOURS = 2_000  # looked into for one answer: a fifth of a second
HOURS_AT_ONCE = 32
TEXTS = np.array(["null" if code < FIRST_SCORE else f"{score_of(code):.5g}" for code in range(256)], object)


class Moving(NamedTuple):
    """A stretch with movement, and the highest byte in it."""

    begin_us: int
    end_us: int
    code: int


class Search(NamedTuple):
    """What was found, None for nothing; `searched_us`: how far was searched, where that was not to the end."""

    found: Moving | None
    searched_us: int | None = None


def check_cells(begin_us: int, end_us: int, resolution_us: int) -> None:
    """Raise Invalid for a resolution that would give more than 10,000 cells."""
    if -(-(end_us - begin_us) // resolution_us) > MAX_CELLS:
        least_s = (end_us - begin_us) / MAX_CELLS / 1_000_000
        message = f"this resolution would give more than {MAX_CELLS} cells; ask for {least_s:.3g} s or more"
        raise Invalid(message, loc=("query", "resolution"), kind="resolution_too_fine")


def find_values(
    source_ids: Sequence[int], begin_us: int, end_us: int, resolution_us: int
) -> Iterator[tuple[int, Codes]]:
    """Yield of each camera the highest byte in each cell of a range; a stored cell counts in each that it touches."""
    level = next((level for level in reversed(LEVELS) if level.cell_us <= resolution_us), HOURS)
    first, end = cells_of(begin_us, end_us, level.cell_us)
    rows = first // level.cells, (end - 1) // level.cells
    edges = np.append(np.arange(begin_us, end_us, resolution_us), end_us)
    begins = edges[:-1] // level.cell_us - rows[0] * level.cells
    ends = -(-edges[1:] // level.cell_us) - rows[0] * level.cells
    pairs = np.column_stack((begins, ends)).ravel()
    places: dict[tuple[int, int], npt.NDArray[np.int64]] = {}
    for start in range(0, len(source_ids), CHUNK):
        chunk = source_ids[start : start + CHUNK]
        stored = read_codes(db.session, chunk, level, *rows)
        for source_id in chunk:
            known = stored.get(source_id)
            if known is None:
                yield source_id, np.zeros(len(begins), np.uint8)
                continue
            low = min(known)  # a range may last for thousands of years; what is laid out is where something is known
            codes = _within(_laid_out(known, level, low, max(known)), level, low)
            if (low, len(codes)) not in places:  # nearly always the same of all cameras
                at = np.maximum(pairs - (low - rows[0]) * level.cells, -1)
                places[low, len(codes)] = np.minimum(at, len(codes)) + 1
            around = np.zeros(len(codes) + 2, np.uint8)  # UNKNOWN before and behind
            around[1:-1] = codes
            yield source_id, np.maximum.reduceat(around, places[low, len(codes)])[::2]


def render(codes: Codes) -> bytes:
    """Return the JSON array of scores."""
    return ("[" + ",".join(TEXTS[codes]) + "]").encode()


def find_after(source_id: int, after_us: int, until_us: int, threshold: float, least_us: int) -> Search:
    """Return the first stretch that begins after an instant, and before another."""
    return _search(_Walk(source_id, threshold, is_back=False), after_us, until_us, least_us)


def find_before(source_id: int, before_us: int, from_us: int, threshold: float, least_us: int) -> Search:
    """Return the last stretch that begins before an instant, and not before another."""
    return _search(_Walk(source_id, threshold, is_back=True), before_us, from_us, least_us)


def _search(walk: "_Walk", at_us: int, until_us: int, least_us: int) -> Search:
    for moving in walk.stretches(at_us, until_us):
        is_there = moving.begin_us < at_us if walk.is_back else moving.begin_us > at_us
        if not is_there:
            continue
        whole = walk.to_its_end(moving) if walk.is_back and moving.end_us > at_us else moving
        if whole.end_us - whole.begin_us >= least_us:
            return Search(whole)
    return Search(None, walk.stopped_us)


class _Walk:
    """Goes over the stretches of a camera, forward or back; what has nothing is passed over by its half hours."""

    def __init__(self, source_id: int, threshold: float, *, is_back: bool) -> None:
        self._source_id, self._threshold, self.is_back = source_id, threshold, is_back
        self._least = max(code_of(threshold), FIRST_SCORE + 1)
        self.stopped_us: int | None = None

    def stretches(self, at_us: int, until_us: int) -> Iterator[Moving]:
        """Yield stretches from an hour before an instant, in the direction of the walk, to another instant."""
        pending: list[tuple[int, int, int]] = []  # one stretch in cells: first, end, highest byte
        for first, end, code in self._pieces(at_us, until_us):
            if pending and self._apart(pending[-1], (first, end)) < JOIN_CELLS:
                last = pending.pop()
                pending.append((min(last[0], first), max(last[1], end), max(last[2], code)))
                continue
            yield from (_moving(*one) for one in pending)
            pending = [(first, end, code)]
        yield from (_moving(*one) for one in pending)

    def to_its_end(self, moving: Moving) -> Moving:
        """Return a stretch with what follows of it: a walk back begins but an hour after its instant."""
        on = _Walk(self._source_id, self._threshold, is_back=False)
        for other in on.stretches(moving.end_us, moving.end_us + MAX_HOURS * HOURS.row_us):
            if other.begin_us - moving.end_us >= JOIN_CELLS * HOURS.cell_us:
                break
            if other.end_us > moving.end_us:
                return Moving(moving.begin_us, other.end_us, max(moving.code, other.code))
        return moving

    def _apart(self, one: tuple[int, int, int], other: tuple[int, int]) -> int:
        return one[0] - other[1] if self.is_back else other[0] - one[1]

    def _pieces(self, at_us: int, until_us: int) -> Iterator[tuple[int, int, int]]:
        """Yield uninterrupted pieces of cells above the threshold: first, end, highest byte."""
        hours = list(self._hours(at_us, until_us))
        if len(hours) > MAX_HOURS:
            last = hours[MAX_HOURS - 1]
            self.stopped_us = last * HOURS.row_us if self.is_back else (last + 1) * HOURS.row_us - 1
            hours = hours[:MAX_HOURS]
        for start in range(0, len(hours), HOURS_AT_ONCE):
            part = hours[start : start + HOURS_AT_ONCE]
            stored = read_codes(db.session, [self._source_id], HOURS, min(part), max(part)).get(self._source_id, {})
            for hour in part:
                if hour in stored:
                    yield from self._of_hour(hour, _within(stored[hour], HOURS, hour))

    def _of_hour(self, hour: int, codes: Codes) -> Iterator[tuple[int, int, int]]:
        is_moving = np.concatenate(([False], codes >= self._least, [False])).astype(np.int8)
        firsts, ends = np.flatnonzero(np.diff(is_moving) == 1), np.flatnonzero(np.diff(is_moving) == -1)
        pieces = list(zip(firsts.tolist(), ends.tolist(), strict=True))
        for first, end in reversed(pieces) if self.is_back else pieces:
            yield hour * HOURS.cells + first, hour * HOURS.cells + end, int(codes[first:end].max())

    def _hours(self, at_us: int, until_us: int) -> Iterator[int]:
        """Yield the hours that have something above the threshold, in the direction of the walk."""
        low, high = (until_us, at_us + HOURS.row_us) if self.is_back else (at_us - HOURS.row_us, until_us)
        low, high = max(low, 0), max(high, 1)
        rows = low // DAYS_32.row_us, (high - 1) // DAYS_32.row_us
        stored = read_codes(db.session, [self._source_id], DAYS_32, *rows).get(self._source_id, {})
        per_hour = HOURS.row_us // DAYS_32.cell_us
        for number in sorted(stored, reverse=self.is_back):
            cells = np.flatnonzero(stored[number] >= self._least) + number * DAYS_32.cells
            hours = np.unique(cells // per_hour)
            hours = hours[(hours >= low // HOURS.row_us) & (hours <= (high - 1) // HOURS.row_us)]
            yield from (hours[::-1] if self.is_back else hours).tolist()


def _moving(first: int, end: int, code: int) -> Moving:
    return Moving(first * HOURS.cell_us, end * HOURS.cell_us, code)


def _laid_out(known: dict[int, Codes], level: ActivityLevel, first: int, last: int) -> Codes:
    """Return rows one after the other, those of which nothing is known too."""
    codes = nothing(level, last - first + 1)
    for number, row in known.items():
        codes[(number - first) * level.cells : (number - first + 1) * level.cells] = row
    return codes


def _within(codes: Codes, level: ActivityLevel, row: int) -> Codes:
    """Return cells from the begin of a row on without those that lie partly outside of the request's window."""
    window = limits()
    if window is None:
        return codes
    begin = row * level.cells
    inside = np.zeros_like(codes)
    first, end = -(-window.begin_us // level.cell_us) - begin, window.end_us // level.cell_us - begin
    first, end = max(first, 0), max(end, 0)
    inside[first:end] = codes[first:end]
    return inside
