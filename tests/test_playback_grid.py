"""The common grid of several sources: where its cells are, and which media each entry has."""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.playback.grid import (
    LEAST_US,
    MOST_US,
    STEP_US,
    Marks,
    choose_cuts,
    choose_edges,
    choose_grid_us,
    longest_group_us,
)

S = 1_000_000
BEGIN_US, END_US = 1000 * S, 1090 * S
Piece = tuple[list[int], int]


def marks_of(pieces: list[Piece]) -> Marks:
    """Return marks of pieces: the instants of key frames, and the end of the last group."""
    keys = [instant for instants, _ in pieces for instant in instants]
    firsts = np.cumsum([0, *(len(instants) for instants, _ in pieces)])
    return Marks(np.array(keys, np.int64), firsts, np.array([end for _, end in pieces], np.int64))


@st.composite
def footage(draw: st.DrawFn, longest_us: int = 20 * S) -> list[Piece]:
    """Return pieces of one source, around the range, with gaps of any length between, also of none."""
    lengths = st.integers(200_000, longest_us)
    position = draw(st.integers(BEGIN_US - 30 * S, BEGIN_US + 30 * S))
    pieces = []
    for _ in range(draw(st.integers(0, 5))):
        groups = draw(st.lists(lengths, min_size=1, max_size=12))
        edges = [position, *(position + np.cumsum(groups)).tolist()]
        pieces.append((edges[:-1], edges[-1]))
        position = edges[-1] + draw(st.sampled_from([0, 1, 40_000]) | st.integers(0, 30 * S))
    touching = [piece for piece in pieces if piece[0][0] < END_US and piece[1] > BEGIN_US]
    return [([key for key in keys if key < END_US], min(end, END_US)) for keys, end in touching]


class Laid(NamedTuple):
    """What the grid made of footage."""

    marks: list[Marks]
    grid_us: int
    edges: list[int]
    cuts: list[tuple[list[int], list[int]]]


def lay(sources: list[list[Piece]], grid_us: int = 0) -> Laid:
    marks = [marks_of(pieces) for pieces in sources]
    grid_us = grid_us or choose_grid_us(marks, BEGIN_US, END_US)
    edges = choose_edges(marks, BEGIN_US, END_US, grid_us)
    cuts = [choose_cuts(each, edges) for each in marks]
    return Laid(marks, grid_us, edges.tolist(), [(begins.tolist(), ends.tolist()) for begins, ends in cuts])


def piece_at(pieces: list[Piece], instant_us: int) -> Piece | None:
    return next((piece for piece in pieces if piece[0][0] <= instant_us < piece[1]), None)


WITHIN_REASON = settings(max_examples=50, deadline=None)
SEVERAL = st.lists(footage(), min_size=1, max_size=4)
SPARSE = [[([BEGIN_US - S, *range(BEGIN_US + 3 * S, END_US, 4 * S)], END_US)], [([BEGIN_US + S], END_US)]]


@WITHIN_REASON
@given(SEVERAL)
def test_a_cell_is_as_long_as_the_longest_group_of_pictures_within_bounds(sources):
    laid = lay(sources)
    longest = max(longest_group_us(marks, BEGIN_US, END_US) for marks in laid.marks)
    assert laid.grid_us >= min(longest, MOST_US)
    assert LEAST_US <= laid.grid_us < max(longest, LEAST_US) + STEP_US
    assert laid.grid_us % STEP_US == 0
    # No group is longer than a cell: none is joined to another.
    assert laid.edges == [*range(BEGIN_US, END_US, laid.grid_us), END_US]


@WITHIN_REASON
@given(SEVERAL, st.sampled_from([2 * S, 5 * S]))
@example(SPARSE, 2 * S)
def test_cells_without_a_key_frame_of_their_own_are_joined_for_all_sources_and_no_others(sources, grid_us):
    laid = lay(sources, grid_us)
    assert (laid.edges[0], laid.edges[-1]) == (BEGIN_US, END_US)
    assert all((edge - BEGIN_US) % grid_us == 0 for edge in laid.edges[:-1])
    kept = laid.edges[:-1]
    last = BEGIN_US
    for edge in range(BEGIN_US + grid_us, END_US, grid_us):
        stuck = False
        for pieces in sources:
            piece = piece_at(pieces, edge)
            if piece and piece[0][0] <= last:
                stuck |= not any(last < key <= edge for key in piece[0])
        assert (edge in kept) is not stuck
        last = last if stuck else edge


@WITHIN_REASON
@given(SEVERAL, st.sampled_from([0, 2 * S, 5 * S]))
@example(SPARSE, 2 * S)
def test_entries_go_on_where_the_last_one_ended_and_begin_at_the_last_key_frame_before_their_cell(sources, grid_us):
    laid = lay(sources, grid_us)
    cells = list(pairwise(laid.edges))
    for pieces, marks, (begins, ends) in zip(sources, laid.marks, laid.cuts, strict=True):
        assert len(begins) == len(ends) == len(cells)
        shown = [(begin, end) for begin, end in zip(begins, ends, strict=True) if begin >= 0]
        for (_, end), (begin, _) in pairwise(shown):
            # Without hole; else whole pieces are left out between, each within one cell.
            assert begin == end or {begin, end} <= set(marks.firsts.tolist())
            for number in range(len(pieces)):
                if end <= marks.firsts[number] < begin:
                    keys, stop = pieces[number]
                    assert any(low <= keys[0] and stop <= high for low, high in cells)
        for (low, _), begin, before in zip(cells, begins, [-1, *begins], strict=False):
            piece = piece_at(pieces, low)
            if begin >= 0 and before >= 0 and piece and marks.instants_us[before] >= piece[0][0]:
                assert marks.instants_us[begin] == max(key for key in piece[0] if key <= low)
            if begin >= 0 and piece:
                assert marks.instants_us[begin] <= low


@WITHIN_REASON
@given(SEVERAL, st.sampled_from([0, 2 * S, 5 * S]))
@example(SPARSE, 2 * S)
def test_an_entry_is_a_gap_where_there_is_no_footage_or_less_than_a_group_of_the_next_entry(sources, grid_us):
    laid = lay(sources, grid_us)
    cells = list(pairwise(laid.edges))
    for pieces, marks, (begins, _) in zip(sources, laid.marks, laid.cuts, strict=True):
        for number, (low, high) in enumerate(cells):
            here = [piece for piece in pieces if piece[0][0] < high and piece[1] > low]
            if begins[number] >= 0:
                assert here
            elif here:
                (piece,) = here
                assert low < piece[0][0] < high < piece[1]
                assert marks.instants_us[begins[number + 1]] == piece[0][0]
                assert not any(piece[0][0] < key <= high for key in piece[0])


def test_a_run_that_follows_within_a_cell_is_in_the_next_entry_from_its_begin_on():
    first = ([BEGIN_US - S, BEGIN_US + S, BEGIN_US + 3 * S], BEGIN_US + 4_500_000)
    second = (list(range(BEGIN_US + 5 * S, END_US, 2 * S)), END_US)
    laid = lay([[first, second]], 3 * S)
    begins, ends = laid.cuts[0]
    instants = laid.marks[0].instants_us
    assert [int(instants[number]) - BEGIN_US for number in begins[:4]] == [-S, 3 * S, 5 * S, 9 * S]
    assert ends[:3] == [2, 3, begins[3]]


def test_no_source_has_more_than_its_own_key_frames_and_none_is_without_end():
    assert lay([[], []]).cuts == [([-1] * 45, [-1] * 45)] * 2
    assert lay([[([BEGIN_US - 300 * S], END_US)]]).edges == [BEGIN_US, END_US]
