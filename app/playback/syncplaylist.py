"""HLS playlists of several sources, cut on one grid of wall clock: entry n of each covers cell n.

Nothing is remembered between the answers: whoever makes the playlist of one source works out the grid of all from the
same footage. Where the footage may still grow, the addresses pin what there was (`pin_all`).

An entry within one file is a byte range of that file; one that goes on in the next files of its run is a resource of
its own (`cell.mp4`, app/playback/cell.py), which consists of byte ranges of these files.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from app.archive.segments import ENTRIES_AT, Found, Ints
from app.errors import Invalid
from app.formats import playlists
from app.playback.cuts import Cuts, read_cuts, timescales, without_footage
from app.playback.footage import Footage, load_footage
from app.playback.grid import choose_cuts, choose_edges, choose_grid_us
from app.playback.media import build_init

MAX_SOURCES = 16
MAX_TOTAL_US = 64 * 86_400_000_000  # of all sources together: what is held at once, 0.2 GB at a key frame a second
# A range that ended longer ago has no footage that is not in the database yet, once nothing of it is being written.
SETTLED_US = 60_000_000
# An open segment that has not grown for longer than this holds nobody back: its camera is silent.
LIVE_US = 30_000_000


def check_size(count: int, begin_us: int, end_us: int) -> None:
    """Raise Invalid for a range that is too long for so many sources."""
    if count * (end_us - begin_us) > MAX_TOTAL_US:
        message = "the ranges of all sources together may be at most 64 days long"
        raise Invalid(message, loc=("query", "end"), kind="range_too_long")


def settled_end_us(footages: Sequence[Footage], now_us: int) -> int:
    """Return the end of the range, or where the last frame begins that all of the recording sources have."""
    end_us = min(footages[0].end_us, now_us)
    for footage in footages:
        last = footage.segments[-1] if len(footage.segments) else None
        if last is not None and last.is_open and last.end_us > now_us - LIVE_US:
            counts, timescale = last.counts, footage.video_entry(last).timescale
            # What comes next begins after the last frame's begin: nothing more can come before that.
            last_ticks = counts["v_t0"] + counts["v_c0"] + counts["v_dur"] - counts["v_last"]
            end_us = min(end_us, last.instant_at(last_ticks, timescale))
    return end_us


def pin_all(footages: Sequence[Footage], end_us: int, now_us: int) -> str | None:
    """Return what pins the footage of all sources, in their order; None where it cannot grow any more."""
    is_open = any(footage.segments.is_open.any() for footage in footages)
    if not is_open and end_us < now_us - SETTLED_US:
        return None
    return ",".join(_pin(footage.segments[-1]) if len(footage.segments) else "" for footage in footages)


def _pin(last: Found) -> str:
    return f"{last.id}:{last.body_end_bytes}"


def load_all(source_ids: Sequence[int], begin_us: int, end_us: int, rev: str | None) -> list[Footage]:
    """Read what there is, or what there was when `rev` was given out. Raises Invalid, NoFootage for a wrong one."""
    pins = [None] * len(source_ids) if rev is None else rev.split(",")
    if len(pins) != len(source_ids):
        raise Invalid("rev is not one that this server gave out", loc=("query", "rev"), kind="rev_unknown")
    footages = []
    for source_id, pin in zip(source_ids, pins, strict=True):
        footage = load_footage(source_id, begin_us, end_us, pin or None)
        footages.append(without_footage(footage) if pin == "" else footage)
    return footages


@dataclass(frozen=True, slots=True)
class Plan:
    """The grid of a range, and the media of each source."""

    grid_us: int
    edges: Ints
    footages: Sequence[Footage]
    cuts: list[Cuts]

    @property
    def has_media(self) -> bool:
        """Tell whether any source has footage."""
        return any(len(cuts.begins.files) for cuts in self.cuts)


def plan_grid(footages: Sequence[Footage]) -> Plan:
    """Work out the grid of sources with the same range. Needs no database."""
    begin_us, end_us = footages[0].begin_us, footages[0].end_us
    cuts = [read_cuts(footage) for footage in footages]
    marks = [found.marks for found in cuts]
    grid_us = choose_grid_us(marks, begin_us, end_us)
    return Plan(grid_us, choose_edges(marks, begin_us, end_us, grid_us), footages, cuts)


def write_playlist(plan: Plan, number: int, prefix: str) -> str:
    """Return the playlist of the source with this number; below the path `prefix` its media are served."""
    writer = _Writer(plan.edges, plan.cuts[number], plan.footages[number], prefix)
    entries = "".join(writer.entries())
    head = playlists.playlist_head(
        kind="VOD",
        target_duration_s=-(-int(writer.durations_ms.max()) // 1000),
        start_offset_s=writer.start_offset_s(),
        is_independent=writer.is_independent(),
    )
    return head + entries + playlists.END


class _Writer:
    """Writes the entries of one source. `_begins` and `_ends` are the numbers of places among its cuts, -1 for gaps."""

    def __init__(self, edges: Ints, cuts: Cuts, footage: Footage, prefix: str) -> None:
        self._edges, self._cuts, self._footage, self._prefix = edges, cuts, footage, prefix
        self._segments = cuts.segments
        self._begins, stops = choose_cuts(cuts.marks, edges)
        self._ends = stops - 1
        self._held = self._begins >= 0
        self.durations_ms = self._find_durations_ms()

    def _find_durations_ms(self) -> Ints:
        """Return how long each entry lasts: by decode times, rounded so that their sum is right; a gap its cell."""
        found: Ints = np.diff(self._edges // 1000)
        begins, ends = self._begins[self._held], self._ends[self._held]
        timescale = timescales(self._footage, self._segments)[self._cuts.begins.files[begins]]
        begins_ms = self._cuts.begins.dts[begins] * 1000 // timescale
        found[self._held] = self._cuts.ends.dts[ends] * 1000 // timescale - begins_ms
        return np.maximum(found, 1)

    def start_offset_s(self) -> float | None:
        """Return where in the first entry the range begins; None where it begins with it or later."""
        if not self._held[0]:
            return None
        lead_us = int(self._edges[0] - self._cuts.marks.instants_us[self._begins[0]])
        return lead_us / 1_000_000 if lead_us > 0 else None

    def is_independent(self) -> bool:
        """Tell whether every entry begins with a key frame."""
        return bool(self._cuts.is_key[self._begins[self._held]].all())

    def entries(self) -> Iterator[str]:
        """Yield the entries; the first init segment stands before the gaps that may come first."""
        cuts, held = self._cuts, self._held
        configs = self._segments.rows[:, ENTRIES_AT].tolist()
        files = np.where(held, cuts.begins.files[self._begins], -1) if held.any() else self._begins
        pieces = np.where(held, cuts.pieces[self._begins], -1) if held.any() else self._begins
        config: list[int] = []
        if held.any():
            config = configs[files[held][0]]
            yield playlists.init_map(*self._init(*config))
        before = None
        columns = (files.tolist(), pieces.tolist(), self._dates(), self.durations_ms.tolist())
        for number, (file, piece, date, ms) in enumerate(zip(*columns, strict=True)):
            if piece >= 0 and before not in (None, piece):
                yield playlists.DISCONTINUITY
                if configs[file] != config:
                    config = configs[file]
                    yield playlists.init_map(*self._init(*config))
            yield f"#EXT-X-PROGRAM-DATE-TIME:{date}Z\n"
            yield self._gap(number, ms, config) if piece < 0 else self._media(number, ms)
            before = piece

    def _dates(self) -> list[str]:
        """Return the date-time of each entry in milliseconds: of its first frame; of a gap, where its cell begins."""
        instants_us = self._edges[:-1].copy()
        instants_us[self._held] = self._cuts.marks.instants_us[self._begins[self._held]]
        dates: list[str] = np.datetime_as_string((instants_us // 1000).view("M8[ms]"), unit="ms").tolist()
        return dates

    def _gap(self, number: int, ms: int, config: list[int]) -> str:
        """Return an entry without media.

        What does not know EXT-X-GAP (ffmpeg 5.1) asks for it nevertheless: it gets the init segment that it has.
        """
        if not config:
            return playlists.GAP + playlists.entry(f"{self._prefix}gap.mp4?at={self._edges[number]}", ms)
        uri, size_bytes = self._init(*config)
        return playlists.GAP + playlists.whole_entry(f"{uri}?at={self._edges[number]}", ms, size_bytes)

    def _media(self, number: int, ms: int) -> str:
        """Return an entry with media: a part of one file, or of one and the next ones."""
        begin, end = int(self._begins[number]), int(self._ends[number])
        begins, ends, starts_us = self._cuts.begins, self._cuts.ends, self._segments.column("start_us")
        first, last = int(begins.files[begin]), int(ends.files[end])
        begin_bytes, end_bytes = int(begins.offsets[begin]), int(ends.offsets[end])
        if first == last:
            uri = f"{self._prefix}segment/{starts_us[first]}.mp4"
            return playlists.file_entries(uri, [(ms, begin_bytes, end_bytes)])
        heads, tails = self._segments.column("body_begin_bytes"), self._segments.column("body_end_bytes")
        size_bytes = int((tails[first:last] - heads[first:last]).sum()) + end_bytes - begin_bytes
        size_bytes += int(heads[first] - heads[last])
        span = f"from={starts_us[first]}:{begin_bytes}&to={starts_us[last]}:{end_bytes}"
        return playlists.whole_entry(f"{self._prefix}cell.mp4?{span}", ms, size_bytes)

    def _init(self, video_id: int, audio_id: int) -> tuple[str, int]:
        """Return address and size of an init segment."""
        known = self._footage.entries
        size_bytes = len(build_init(known[video_id], known.get(audio_id)))
        return f"{self._prefix}init/{video_id}-{audio_id}.mp4", size_bytes
