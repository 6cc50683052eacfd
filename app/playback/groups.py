"""Fragments of a recorded file gathered into the entries of a playlist."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app.archive.segments import Found


@dataclass(frozen=True, slots=True)
class Rules:
    """How fragments are gathered: an entry begins at a key frame when the one before lasts `least_s`.

    Where `longest_s` is not 0 an entry ends before it would last longer, key frame or not. So many first entries of
    the playlist as `fast_entries` says have one group of pictures each: the first frame comes sooner.
    """

    least_s: float
    longest_s: float = 0.0
    fast_entries: int = 0


@dataclass(frozen=True, slots=True)
class Fragments:
    """The fragments with video of one file, or some of them: where each begins, decode time of its first sample.

    `begins` and `dts` have one element more: where the last one ends, and when.
    """

    begins: list[int]
    dts: list[int]
    is_key: list[bool]


def read_fragments(segment: Found, end_dts: int) -> Fragments:
    """Return the fragments of a segment that lasts until `end_dts`. Raises FormatError, OSError."""
    table = segment.load_column("fragments")
    pictured = table[table["v_count"] > 0]
    begins = pictured["moof"].tolist()
    begins[0] = int(table["moof"][0])  # a fragment without video belongs to the one before it, the first ones to ours
    dts = np.maximum.accumulate(pictured["v_tfdt"]).tolist()
    return Fragments([*begins, segment.body_end_bytes], [*dts, end_dts], (pictured["is_key"] != 0).tolist())


def cut_fragments(
    segment: Found, fragments: Fragments, begin_ticks: int | None, end_ticks: int | None
) -> tuple[Fragments, int]:
    """Return the fragments that show [begin_ticks, end_ticks), from the last key frame before on; None is no limit.

    With them the presentation time of their first sample. Raises FormatError, OSError.
    """
    index = segment.load_index()
    table = index.fragments[index.fragments["v_count"] > 0]
    pts = index.v_pts[table["v_first"]]
    first, end = 0, len(pts)
    if begin_ticks is not None:
        before = np.flatnonzero(np.array(fragments.is_key) & (pts <= begin_ticks))
        first = int(before[-1]) if len(before) else 0
    if end_ticks is not None:  # also a fragment that begins behind the end may hold pictures that are shown before it
        earliest = np.minimum.reduceat(index.v_pts, table["v_first"])
        end = int(np.flatnonzero(earliest < end_ticks)[-1]) + 1 if (earliest < end_ticks).any() else 0
    if first >= end:
        return Fragments([0], [0], []), 0
    kept = slice(first, end + 1)
    cut = Fragments(fragments.begins[kept], fragments.dts[kept], fragments.is_key[first:end])
    return cut, int(pts[first])


def gather(fragments: Fragments, timescale: int, rules: Rules) -> list[int]:
    """Return the numbers of the fragments with which an entry begins."""
    least, longest = int(rules.least_s * timescale), int(rules.longest_s * timescale)
    if not fragments.is_key:
        return []
    if longest or rules.fast_entries:
        return _gather_slowly(fragments, least, longest, rules.fast_entries)
    keys = [number for number, is_key in enumerate(fragments.is_key) if is_key]
    times = [fragments.dts[number] for number in keys]
    starts, place = [0], bisect_left(times, fragments.dts[0] + least)
    while place < len(keys):
        starts.append(keys[place])
        place = bisect_left(times, times[place] + least, place + 1)
    return starts


def _gather_slowly(fragments: Fragments, least: int, longest: int, fast_entries: int) -> list[int]:
    """Do the same with all of the rules."""
    times, starts = fragments.dts, [0]
    for number in range(1, len(fragments.is_key)):
        length = times[number] - times[starts[-1]]
        is_due = length >= least or len(starts) <= fast_entries
        is_too_long = bool(longest) and times[number + 1] - times[starts[-1]] > longest
        if (fragments.is_key[number] and is_due) or is_too_long:
            starts.append(number)
    return starts


def ranges_of(fragments: Fragments, starts: Sequence[int], timescale: int) -> list[tuple[int, int, int]]:
    """Return (duration in ms, first byte, byte after the last) of each entry.

    Rounded from the run's own time line, so that however many there are their sum is right to 1 ms.
    """
    edges = [*starts, len(fragments.is_key)]
    at_ms = [fragments.dts[number] * 1000 // timescale for number in edges]
    at_bytes = [fragments.begins[number] for number in edges]
    return [
        (max(at_ms[place + 1] - at_ms[place], 1), at_bytes[place], at_bytes[place + 1]) for place in range(len(starts))
    ]
