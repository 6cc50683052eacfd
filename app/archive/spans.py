"""Spans of footage and the gaps between them, within a range of wall clock."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from app.archive.find import Found

# Two runs that meet within this are one span: less than what the wall clock is right to.
SEAM_US = 250_000


class Stretch(NamedTuple):
    """[begin_us, end_us) of wall clock."""

    begin_us: int
    end_us: int


def find_spans(segments: Iterable[Found], begin_us: int, end_us: int) -> list[Stretch]:
    """Return the uninterrupted stretches of footage within [begin_us, end_us)."""
    spans: list[Stretch] = []
    for segment in segments:
        begin, end = max(segment.start_us, begin_us), min(segment.end_us, end_us)
        if begin >= end:
            continue
        if spans and begin - spans[-1].end_us <= SEAM_US:
            spans[-1] = Stretch(spans[-1].begin_us, max(spans[-1].end_us, end))
        else:
            spans.append(Stretch(begin, end))
    return spans


def find_gaps(spans: Sequence[Stretch], begin_us: int, end_us: int) -> list[Stretch]:
    """Return what the spans leave of [begin_us, end_us)."""
    edges = [begin_us, *(edge for span in spans for edge in span), end_us]
    pairs = zip(edges[::2], edges[1::2], strict=True)
    return [Stretch(begin, end) for begin, end in pairs if begin < end]
