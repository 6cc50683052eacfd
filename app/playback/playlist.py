"""HLS playlists of a range (RFC 8216): byte ranges of the recorded files themselves, init segments from the database.

An entry is one or more fragments from a key frame on; entries never cross files. Durations follow from decode times,
so that their sum fits the media however long the playlist is. Within a run no discontinuity is marked: its decode
times run on from file to file.

A growing playlist (EVENT) lists an entry once nothing can change it any more: when the next entry has begun, or when
the recording has ended.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from app.archive.segments import Found
from app.formats.playlists import Entry, InitMap, media_playlist
from app.formats.sampleindex import SampleIndex
from app.playback.footage import Footage
from app.playback.media import build_init

ENTRY_S = 6.0
FAST_ENTRIES = 2  # so many entries at the begin have one group of pictures each: the first frame comes sooner
EVENT_ENTRY_S = 2.0
# Players stay three target durations behind the end; a fragment lasts 4 s and a frame at most.
EVENT_TARGET_S = 6


@dataclass(frozen=True, slots=True)
class Group:
    """Consecutive fragments of one file that make one entry; times in ticks."""

    segment: Found
    begin_bytes: int
    end_bytes: int
    pts: int
    duration: int
    is_key: bool


@dataclass(frozen=True, slots=True)
class _Rules:
    """How fragments are gathered into entries, in ticks; `longest` 0 stands for no limit."""

    least: int
    longest: int
    fast_entries: int


def build_playlist(footage: Footage, prefix: str, *, is_event: bool, is_ended: bool) -> str:
    """Return the playlist of a range; below the path `prefix` media and init segments are served.

    Raises FormatError, OSError where an index cannot be read.
    """
    groups = list(_all_groups(footage, is_event=is_event, is_ended=is_ended))
    return media_playlist(
        _entries(footage, groups, prefix, is_event=is_event),
        kind="EVENT" if is_event else "VOD",
        is_ended=is_ended,
        target_duration_s=EVENT_TARGET_S if is_event else None,
        start_offset_s=_start_offset_s(footage, groups),
        is_independent=not is_event and all(group.is_key for group in groups),
    )


def _all_groups(footage: Footage, *, is_event: bool, is_ended: bool) -> Iterator[Group]:
    """Yield the groups of the range; of a growing playlist only those that are settled."""
    segments = footage.segments
    for number, segment in enumerate(segments):
        timescale = footage.video_entry(segment).timescale
        if is_event:
            rules = _Rules(int(EVENT_ENTRY_S * timescale), EVENT_TARGET_S * timescale, 0)
        else:
            rules = _Rules(int(ENTRY_S * timescale), 0, 0 if number else FAST_ENTRIES)
        following = segments[number + 1] if number + 1 < len(segments) else None
        groups = _groups(footage, number, following, rules)
        if is_event and not is_ended and (following is None or segment.is_open):
            yield from groups[:-1]
            return
        yield from groups


def _groups(footage: Footage, number: int, following: Found | None, rules: _Rules) -> list[Group]:
    """Return the groups of one segment that touch the range."""
    segment, end_us = footage.segments[number], int(footage.ends_us[number])
    timescale = footage.video_entry(segment).timescale
    index = segment.load_index()
    table = index.fragments[index.fragments["v_count"] > 0]
    first_samples = table["v_first"]
    dts, pts = index.v_dts[first_samples], index.v_pts[first_samples]
    keys = table["is_key"].astype(bool)
    first, end = 0, len(table)
    if number == 0 and footage.begin_us > segment.start_us:
        before = np.flatnonzero(keys & (pts <= segment.ticks_at(footage.begin_us, timescale)))
        first = int(before[-1]) if len(before) else 0
    if end_us < segment.end_us:
        end = int(np.searchsorted(pts, segment.ticks_at(end_us, timescale)))
    if following is not None and following.follows(segment):
        last_dts = following.counts["v_t0"]
    else:
        last_dts = index.counts["v_t0"] + index.counts["v_dur"]
    times = [*dts.tolist(), last_dts]
    starts = _gather(times, keys.tolist(), first, end, rules)
    begins = _begins(index, table)
    return [
        Group(segment, begins[a], begins[b] if b < len(table) else segment.body_end_bytes, int(pts[a]),
              max(times[b] - times[a], 1), bool(keys[a]))
        for a, b in zip(starts, [*starts[1:], end], strict=True)
    ]  # fmt: skip


def _begins(index: SampleIndex, table: np.ndarray) -> list[int]:
    """Return where each fragment with video begins; one without belongs to the fragment before it."""
    begins: list[int] = table["moof"].tolist()
    if begins:
        begins[0] = int(index.fragments["moof"][0])
    return begins


def _gather(times: list[int], keys: list[bool], first: int, end: int, rules: _Rules) -> list[int]:
    """Return the numbers of the fragments, of [first, end), with which a group begins."""
    starts: list[int] = []
    for number in range(first, end):
        if not starts:
            starts.append(number)
            continue
        length = times[number] - times[starts[-1]]
        is_due = length >= rules.least or len(starts) <= rules.fast_entries
        is_too_long = bool(rules.longest) and times[number + 1] - times[starts[-1]] > rules.longest
        if (keys[number] and is_due) or is_too_long:
            starts.append(number)
    return starts


def _entries(footage: Footage, groups: list[Group], prefix: str, *, is_event: bool) -> list[Entry]:
    """Return the playlist's entries.

    Chromium's player keeps the length that a file had when it first asked for its address, and never plays what was
    added since: where a file may grow, each entry has an address of its own.
    """
    entries: list[Entry] = []
    before: Found | None = None
    for group in groups:
        segment = group.segment
        is_new_file = before is None or before.id != segment.id
        is_cut = before is not None and is_new_file and not _runs_on(before, segment)
        is_new_map = before is None or _map_of(before) != _map_of(segment)
        timescale = footage.video_entry(segment).timescale
        own = f"?at={group.begin_bytes}" if is_event or segment.is_open else ""
        entries.append(
            Entry(
                f"{prefix}segment/{segment.start_us}.mp4{own}",
                group.duration / timescale,
                (group.end_bytes - group.begin_bytes, group.begin_bytes),
                segment.instant_at(group.pts, timescale) if is_new_file else None,
                _init_map(footage, segment, prefix) if is_new_map or is_cut else None,
                is_discontinuity=is_cut,
            )
        )
        before = segment
    return entries


def _init_map(footage: Footage, segment: Found, prefix: str) -> InitMap:
    """Return a segment's init segment; its size follows from its name alone, also where no sound was recorded."""
    data = build_init(footage.video_entry(segment), footage.entries.get(segment.audio_entry_id))
    return InitMap(f"{prefix}init/{_map_of(segment)}.mp4", len(data))


def _runs_on(before: Found, segment: Found) -> bool:
    """Tell whether a segment goes on where another ended, with the same codec configuration."""
    return segment.follows(before) and _map_of(before) == _map_of(segment)


def _map_of(segment: Found) -> str:
    """Return the name of a segment's init segment."""
    return f"{segment.video_entry_id}-{segment.audio_entry_id}"


def _start_offset_s(footage: Footage, groups: list[Group]) -> float | None:
    """Return how far behind the begin of the playlist the range begins; None where they are the same."""
    if not groups or footage.begin_us <= groups[0].segment.start_us:
        return None
    segment = groups[0].segment
    timescale = footage.video_entry(segment).timescale
    offset = segment.ticks_at(footage.begin_us, timescale) - groups[0].pts
    return offset / timescale if offset > 0 else None
