"""A part of a sample index: the samples of a range of one file, with what is counted of them."""

import numpy as np
import numpy.typing as npt

from app.formats.boxes import FormatError
from app.formats.sampleindex import COUNTERS, I32, NO_RUNS, U32, Bytes, SampleIndex, run_lengths


def cut_index(index: SampleIndex, v_first: int, v_end: int, a_first: int, a_end: int) -> SampleIndex:
    """Return the index of the samples [v_first, v_end) of video and [a_first, a_end) of audio.

    Fragments of which no sample is left are dropped. Raises FormatError when no sample at all is left.
    """
    v_first, v_end = max(v_first, 0), min(v_end, index.counts["v_n"])
    a_first, a_end = max(a_first, 0), min(a_end, index.counts["a_n"])
    v_end, a_end = max(v_first, v_end), max(a_first, a_end)
    if v_first == v_end and a_first == a_end:
        raise FormatError("no sample")
    table = _cut_table(_cut_table(index.fragments, index, "v", v_first, v_end), index, "a", a_first, a_end)
    table = table[(table["v_count"] > 0) | (table["a_count"] > 0)]
    counts = {**dict.fromkeys(COUNTERS, 0), "n_frag": len(table)}
    columns = _cut_track(index, "v", slice(v_first, v_end), counts) | _cut_track(
        index, "a", slice(a_first, a_end), counts
    )
    for letter in ("v", "a"):
        counts[f"{letter}_chunks"] = int(np.count_nonzero(table[f"{letter}_count"]))
    keys = index.v_stss.astype(np.int64)
    columns["v_stss"] = (keys[(keys > v_first) & (keys <= v_end)] - v_first).astype(U32)
    columns["v_ctts"] = _cut_offsets(index, v_first, v_end, counts)
    counts["v_sync"], counts["v_cruns"] = len(columns["v_stss"]), len(columns["v_ctts"])
    return SampleIndex(counts, **columns, fragments=table)


def clip_index(index: SampleIndex, begin: int, end: int) -> SampleIndex | None:
    """Return the index of those whole fragments that hold nothing from outside of [begin, end); None for none.

    `begin` and `end` are presentation times in ticks of the video, and no sound may lie outside of them either. What
    is left begins with a key frame where anything was dropped before it.
    """
    table, rate = index.fragments, index.counts["v_timescale"]
    early, late = index.a_dts < _sound(index, begin, rate), index.a_dts >= _sound(index, end, rate)
    is_early = _reaching(table, "v", index.v_pts < begin) | _reaching(table, "a", early)
    is_late = _reaching(table, "v", index.v_pts >= end) | _reaching(table, "a", late)
    first, stop = 0, len(table)
    if is_early.any():
        first = int(np.flatnonzero(is_early)[-1]) + 1
        keys = np.flatnonzero(table["is_key"][first:])
        first = first + int(keys[0]) if len(keys) else stop
    if is_late.any():
        stop = int(np.flatnonzero(is_late)[0])
    if first >= stop or not table["v_count"][first:stop].any():
        return None
    return _cut_fragments(index, table[first:stop])


def touching_index(index: SampleIndex, begin: int, end: int) -> SampleIndex | None:
    """Return the index of the whole fragments that are needed to show the pictures of [begin, end); None for none.

    They begin with the last key frame at or before `begin`, as a film and a playlist of this range do.
    """
    table = index.fragments
    pictured = np.flatnonzero(table["v_count"])
    if not len(pictured):
        return None
    firsts = table["v_first"][pictured].astype(np.int64)
    is_before = (table["is_key"][pictured] != 0) & (index.v_pts[firsts] <= begin)
    is_wanted = np.minimum.reduceat(index.v_pts, firsts) < end
    if not is_wanted.any() or index.v_pts.max() + index.v_durations[-1] <= begin:
        return None
    first = int(pictured[np.flatnonzero(is_before)[-1]]) if is_before.any() else 0
    stop = int(pictured[np.flatnonzero(is_wanted)[-1]]) + 1
    if first >= stop:
        return None
    return _cut_fragments(index, table[first:stop])


def _cut_fragments(index: SampleIndex, table: Bytes) -> SampleIndex:
    """Return the index of some of its fragments, which follow one another."""
    return cut_index(index, *_samples(table, "v"), *_samples(table, "a"))


def _reaching(table: Bytes, letter: str, is_outside: Bytes) -> npt.NDArray[np.bool_]:
    """Tell for each fragment whether any of its samples of a track is outside."""
    before = np.append(0, np.cumsum(is_outside))
    firsts = table[f"{letter}_first"].astype(np.int64)
    found: npt.NDArray[np.bool_] = before[firsts + table[f"{letter}_count"]] > before[firsts]
    return found


def _sound(index: SampleIndex, ticks: int, rate: int) -> int:
    """Return ticks of the video as those of the sound, rounded up."""
    return -(-ticks * index.counts["a_timescale"] // rate)


def _samples(table: Bytes, letter: str) -> tuple[int, int]:
    """Return the first sample of a track in some fragments, and the end."""
    first = int(table[f"{letter}_first"][0])
    return first, first + int(table[f"{letter}_count"].sum())


def _cut_track(index: SampleIndex, letter: str, part: slice, counts: dict[str, int]) -> dict[str, Bytes]:
    """Return the sizes and durations of some samples of a track, and count them."""
    durations, dts = getattr(index, f"{letter}_durations")[part], getattr(index, f"{letter}_dts")
    columns = {f"{letter}_stsz": getattr(index, f"{letter}_stsz")[part], f"{letter}_stts": NO_RUNS.astype(U32)}
    if not len(durations):
        return columns
    columns[f"{letter}_stts"] = run_lengths(durations, is_last_alone=True).astype(U32)
    found = {
        "timescale": index.counts[f"{letter}_timescale"],
        "t0": int(dts[part.start]),
        "dur": int(dts[part.stop - 1] - dts[part.start] + durations[-1]),
        "n": len(durations),
        "runs": len(columns[f"{letter}_stts"]),
        "last": int(durations[-1]),
    }
    counts |= {f"{letter}_{name}": value for name, value in found.items()}
    if letter == "v":
        counts["v_longest"] = int(durations[:-1].max(initial=0))
    return columns


def _cut_offsets(index: SampleIndex, first: int, end: int, counts: dict[str, int]) -> Bytes:
    """Return the composition offsets of some pictures, and count that of the first one shown."""
    if not len(index.v_ctts) or first == end:
        return NO_RUNS.astype(I32)
    pts, dts = index.v_pts[first:end], index.v_dts[first:end]
    counts["v_c0"] = int(pts.min() - dts[0])
    offsets = pts - dts
    return (run_lengths(offsets) if offsets.any() else NO_RUNS).astype(I32)


def _cut_table(table: Bytes, index: SampleIndex, letter: str, first: int, end: int) -> Bytes:
    """Return the table narrowed to the samples [first, end) of one track, which then count from 0 on."""
    table = table.copy()
    firsts = table[f"{letter}_first"].astype(np.int64)
    begins = np.maximum(firsts, first)
    count = np.maximum(np.minimum(firsts + table[f"{letter}_count"], end) - begins, 0)
    sizes, dts = getattr(index, f"{letter}_stsz"), getattr(index, f"{letter}_dts")
    for number in np.flatnonzero((begins > firsts) & (count > 0)).tolist():  # one at most: the fragment cut into
        begin = int(begins[number])
        table[f"{letter}_data"][number] += int(sizes[firsts[number] : begin].astype(np.int64).sum())
        table[f"{letter}_tfdt"][number] = dts[begin]
    if letter == "v":
        table["is_key"][begins != firsts] = False
    table[f"{letter}_count"], table[f"{letter}_first"] = count, np.cumsum(count) - count
    return table
