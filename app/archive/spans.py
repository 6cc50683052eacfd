"""Spans of footage and the gaps between them, within a range of wall clock."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from app.archive.segments import Ints

# Two runs that meet within this are one span: less than what the wall clock is right to.
SEAM_US = 250_000
# What the ledger tells all the same: a frame lost between two runs lies there.
LEDGER_SEAM_US = 40_000


class Stretch(NamedTuple):
    """[begin_us, end_us) of wall clock."""

    begin_us: int
    end_us: int


def find_spans(begins: Ints, ends: Ints, seam_us: int = SEAM_US) -> list[Stretch]:
    """Return the uninterrupted stretches of intervals by begin; those that end before they begin do not count."""
    held = begins < ends
    begins, ends = begins[held], np.maximum.accumulate(ends[held])
    if not len(begins):
        return []
    seams = np.flatnonzero(begins[1:] - ends[:-1] > seam_us)
    firsts = begins[np.append(0, seams + 1)].tolist()
    lasts = ends[np.append(seams, len(ends) - 1)].tolist()
    return [Stretch(first, last) for first, last in zip(firsts, lasts, strict=True)]


def find_gaps(spans: Sequence[Stretch], begin_us: int, end_us: int) -> list[Stretch]:
    """Return what the spans leave of [begin_us, end_us)."""
    edges = [begin_us, *(edge for span in spans for edge in span), end_us]
    pairs = zip(edges[::2], edges[1::2], strict=True)
    return [Stretch(begin, end) for begin, end in pairs if begin < end]
