"""A common grid of wall clock for several sources, and where each one's media is cut for it: pure functions.

    edge      0        1        2        3        4
    wall      |        |        |        |        |
    keys    k    k    k    k    k                k    k
    entry   [--- 0 ---)[-- 1 --)[ 2 )     gap    [-- 4 ...
                                                 (cell 3 has not a whole group: it is in entry 4)

Entry n begins at the last key frame at or before edge n, so that it covers its cell; a piece of media that begins
within a cell begins its entry there. Edges at which one source has no key frame of its own since the edge before are
left out for all sources.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from app.archive.segments import Ints

STEP_US = 100_000
LEAST_US = 2_000_000
MANY_CELLS = 20_000  # longer ranges have longer cells instead of more, also where nearly all are gaps: 3 MB a source
# Longer groups of pictures do not make the grid coarser for the whole range: their cells are joined.
MOST_US = 60_000_000


@dataclass(frozen=True, slots=True)
class Marks:
    """Where the media of one source can be cut: at key frames, and where an uninterrupted piece begins.

    `instants_us` say when each mark's first frame is shown, rising within a piece. `firsts` are the numbers of the
    first mark of each piece, and the number of marks; `ends_us` say until when each piece is shown.
    """

    instants_us: Ints
    firsts: Ints
    ends_us: Ints


def longest_group_us(marks: Marks, begin_us: int, end_us: int) -> int:
    """Return how long the longest group of pictures lasts of those that touch the range."""
    if not len(marks.instants_us):
        return 0
    following = np.append(marks.instants_us[1:], 0)
    following[marks.firsts[1:] - 1] = marks.ends_us
    touching = (following > begin_us) & (marks.instants_us < end_us)
    return int((following - marks.instants_us)[touching].max(initial=0))


def choose_grid_us(sources: Sequence[Marks], begin_us: int, end_us: int) -> int:
    """Return the length of a cell: that of the longest group of pictures, within bounds, in steps of 0.1 s."""
    least_us = max((end_us - begin_us) // MANY_CELLS, LEAST_US)
    longest_us = max((longest_group_us(marks, begin_us, end_us) for marks in sources), default=0)
    return -(-max(min(longest_us, MOST_US), least_us) // STEP_US) * STEP_US


def choose_edges(sources: Sequence[Marks], begin_us: int, end_us: int, grid_us: int) -> Ints:
    """Return where the cells of the grid begin, and where the last one ends.

    An edge is kept only where every source that goes on across it has had a key frame since the last one kept.
    """
    edges = np.arange(begin_us, end_us, grid_us)
    marks_at = np.array([_marks_at(marks, edges) for marks in sources]).reshape(len(sources), len(edges))
    is_same = (marks_at[:, 1:] == marks_at[:, :-1]) & (marks_at[:, 1:] >= 0)
    is_kept = np.ones(len(edges), np.bool_)
    last = 0
    for number in (np.flatnonzero(is_same.any(axis=0)) + 1).tolist():
        last = number - 1 if is_kept[number - 1] else last
        is_kept[number] = not ((marks_at[:, number] == marks_at[:, last]) & (marks_at[:, number] >= 0)).any()
    return np.append(edges[is_kept], end_us)


def _marks_at(marks: Marks, edges: Ints) -> Ints:
    """Return the number of the last mark at or before each edge in a piece that goes on across it, else -1."""
    found = np.full(len(edges), -1)
    for (first, end), end_us in zip(pairwise(marks.firsts.tolist()), marks.ends_us.tolist(), strict=True):
        instants_us = marks.instants_us[first:end]
        begin, stop = np.searchsorted(edges, (instants_us[0], end_us)).tolist()
        inside = found[begin:stop]
        numbers = first + np.searchsorted(instants_us, edges[begin:stop], "right") - 1
        inside[:] = np.where(inside < 0, numbers, inside)  # where clocks of runs overlap, the earlier one's
    return found


def choose_cuts(marks: Marks, edges: Ints) -> tuple[Ints, Ints]:
    """Return for each cell the mark at which its entry begins and the one at which it ends; -1 for a gap.

    Where a cell has the end of a piece and the begin of another, the later one is in the next entry from its begin
    on; a piece that lies wholly in a cell with the end of an earlier one is not shown. A piece that begins less than
    a group of pictures before an edge is in the entry of that edge.
    """
    cells = len(edges) - 1
    begins, ends = np.full(cells, -1), np.full(cells, -1)
    for (first, end), end_us in zip(pairwise(marks.firsts.tolist()), marks.ends_us.tolist(), strict=True):
        instants_us = marks.instants_us[first:end]
        cell = max(int(np.searchsorted(edges, instants_us[0], "right")) - 1, 0)
        last = min(int(np.searchsorted(edges, end_us)), cells) - 1
        while cell <= last and begins[cell] >= 0:
            cell += 1
        if cell > last:
            continue
        cuts = first + np.searchsorted(instants_us, edges[cell : last + 1], "right") - 1
        cuts[0] = first + max(int(np.searchsorted(instants_us, edges[0], "right")) - 1, 0)
        stops = np.append(cuts[1:], end)
        is_media = cuts < stops
        begins[cell : last + 1] = np.where(is_media, cuts, -1)
        ends[cell : last + 1] = np.where(is_media, stops, -1)
    return begins, ends
