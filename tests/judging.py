"""What playback gives out, judged by the packets that were recorded (see `tests.synthetic`): the film and its map."""

import io
from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from itertools import pairwise
from typing import Any

import av

from tests.clips import CLIPS, MARK
from tests.mp4_reading import Film, FilmSample, read_film
from tests.synthetic import Run, Sample

EDGE_US = 100  # a tick of sound at 16 kHz and rounding: whether a packet this near to an edge is taken is not judged
MAX_REFERENCES = 4  # pictures after the end that those before it need
MAX_SOUND_LEAD_IN = 2  # the packet that sounds at the begin, and the one that a decoder needs before it
SKEW_S = Fraction(1, 1000)
MAP_SLACK_S = Fraction(2, 10)


@dataclass
class Asked:
    """A range, and how gaps are treated."""

    begin_us: int
    end_us: int
    gaps: str = "collapse"

    def holds(self, instant_us: Fraction, margin_us: int = 0) -> bool:
        """Tell whether an instant lies within, `margin_us` away from its edges."""
        return self.begin_us + margin_us <= instant_us < self.end_us - margin_us


@dataclass(eq=False)
class Placed:
    """One packet of a film and what was recorded.

    `shown_s` is its time in the film, edits applied; `tick_s` the coarser tick of the camera's and the film's time.
    """

    run: Run
    truth: Sample
    film: FilmSample
    shown_s: Fraction
    tick_s: Fraction

    @property
    def offset_s(self) -> Fraction:
        """What the film adds to the camera's time of this packet, edits applied, in the film's seconds."""
        return self.shown_s - self.truth.media_s


class Truth:
    """All packets of some runs, which do not overlap, in the order in which they must be played."""

    def __init__(self, runs: list[Run]) -> None:
        self.runs = runs
        self.known = {item.sha256: (run, item) for run in runs for kind in run.samples for item in run.samples[kind]}
        pairs = [(run, item) for run in runs for kind in ("video", "audio") for item in run.samples[kind]]
        assert len(self.known) == len(pairs), "two packets are equal"
        self.order = {item.sha256: number for number, (_, item) in enumerate(pairs)}

    def wanted(self, kind: str, asked: Asked, margin_us: int = 0) -> list[tuple[Run, Sample]]:
        """Return the packets that the range asks for."""
        return [
            (run, item)
            for run in self.runs
            for item in run.samples[kind]
            if item.file not in run.lost and asked.holds(run.instant_us(item), margin_us) and run.has_picture_at(item)
        ]

    def intervals(self, asked: Asked) -> list[tuple[int, int]]:
        """Return the footage within the range; runs that meet within 0.25 s are joined (docs/glossary.md, span)."""
        found: list[tuple[int, int]] = []
        pieces = [(s.start_us, s.end_us) for run in self.runs for n, s in enumerate(run.stored) if n not in run.lost]
        for start, stop in sorted(pieces):
            begin, end = max(start, asked.begin_us), min(stop, asked.end_us)
            if begin >= end:
                continue
            if found and begin - found[-1][1] <= 250_000:
                found[-1] = (found[-1][0], max(found[-1][1], end))
            else:
                found.append((begin, end))
        return found


def judge_film(truth: Truth, asked: Asked, data: bytes) -> Film:
    """Judge a film of runs that do not overlap: its packets, frames, times, entries and map; return it."""
    film = read_film(data)
    placed = {kind: place(truth, film, kind) for kind in ("video", "audio")}
    for kind in placed:
        _judge_packets(truth, asked, kind, placed[kind])
    _judge_shown(truth, asked, placed)
    _judge_entries(placed["video"], film)
    _judge_times(placed)
    _judge_seams(placed)
    _judge_map(asked, film.map, placed["video"])
    return film


def judge_edges(truth: Truth, asked: Asked, data: bytes) -> None:
    """Judge that media time 0 is the begin of the range, that nothing is heard outside it, and what `hold` promises."""
    film = read_film(data)
    placed = {kind: place(truth, film, kind) for kind in ("video", "audio")}
    _judge_begin(asked, placed["video"])
    if placed["audio"]:
        _judge_sound_edges(asked, film, placed["audio"])
    if asked.gaps == "hold":
        _judge_held(truth, asked, _judge_times(placed))


def place(truth: Truth, film: Film, kind: str) -> list[Placed]:
    """Return the packets of one kind; each must be one that was recorded, at most once, in order."""
    if kind not in film.tracks:
        return []
    track = film.tracks[kind]
    found = []
    for sample in track.samples:
        assert sample.sha256 in truth.known, f"a packet of {kind} that nobody recorded"
        run, item = truth.known[sample.sha256]
        assert (item.kind, item.is_key) == (sample.kind, sample.is_key)
        shown_s = Fraction(sample.pts, track.timescale) + track.delay_s
        found.append(Placed(run, item, sample, shown_s, Fraction(1, min(item.rate, track.timescale))))
    numbers = [truth.order[item.truth.sha256] for item in found]
    assert all(a < b for a, b in pairwise(numbers)), f"packets of {kind} out of order, or twice"
    return found


def _judge_packets(truth: Truth, asked: Asked, kind: str, placed: list[Placed]) -> None:
    """Judge that every packet of the range is there and no others but lead-in and references."""
    held = {item.truth.sha256 for item in placed}
    margin_us = EDGE_US if kind == "audio" else 0
    missing = [item for _, item in truth.wanted(kind, asked, margin_us) if item.sha256 not in held]
    assert not missing, f"{len(missing)} packets of {kind} are missing, the first of file {missing[0].file}"
    early = [item for item in placed if item.run.instant_us(item.truth) < asked.begin_us - margin_us]
    late = [item for item in placed if item.run.instant_us(item.truth) >= asked.end_us + margin_us]
    if kind == "audio":
        # What comes with its file, beside no picture of the range, must not be heard (`judge_edges`).
        early = [item for item in early if item.run.has_picture_at(item.truth)]
        early = [item for item in early if item.truth.file == early[0].truth.file or item.film.shown_s is not None]
        assert len(early) <= MAX_SOUND_LEAD_IN, f"{len(early)} packets of sound before the begin"
        assert not [item for item in late if item.film.shown_s is not None], "sound after the end is heard"
        return
    assert len(late) <= MAX_REFERENCES, f"{len(late)} pictures after the end"
    if early:
        _judge_lead_in(asked, early)


def _judge_lead_in(asked: Asked, early: list[Placed]) -> None:
    """Judge that pictures before the begin are those from the last key frame on."""
    run = early[0].run
    assert all(item.run is run for item in early)
    pictures = run.video
    keys = [n for n, item in enumerate(pictures) if item.is_key and run.instant_us(item) <= asked.begin_us]
    assert pictures.index(early[0].truth) >= keys[-1], "the lead-in begins before the last key frame"


def _judge_shown(truth: Truth, asked: Asked, placed: dict[str, list[Placed]]) -> None:
    """Judge that exactly the frames of the range are shown, and all its sound is heard."""
    shown = {item.truth.sha256 for item in placed["video"] if item.film.shown_s is not None}
    wanted = {item.sha256 for _, item in truth.wanted("video", asked)}
    assert shown == wanted, f"{len(wanted - shown)} frames are not shown, {len(shown - wanted)} are shown wrongly"
    heard = {item.truth.sha256 for item in placed["audio"] if item.film.shown_s is not None}
    missing = [item for _, item in truth.wanted("audio", asked, 1000) if item.sha256 not in heard]
    assert not missing, f"{len(missing)} packets of sound are not heard"


def _judge_entries(placed: list[Placed], film: Film) -> None:
    """Judge that each picture has the sample entry of its clip: codec and size."""
    for item in placed:
        entry = film.tracks["video"].entries[item.film.entry - 1]
        options = CLIPS[item.run.spec.files[item.truth.file].clip]
        size = (options.get("width", 96), options.get("height", 64))
        assert entry[4:8] == (b"avc1" if options["codec"] == "h264" else b"hvc1")
        assert (int.from_bytes(entry[32:34], "big"), int.from_bytes(entry[34:36], "big")) == size


def _judge_times(placed: dict[str, list[Placed]]) -> dict[tuple[str, str], Fraction]:
    """Judge times within runs and the skew of picture and sound; return what the film adds, by run and kind."""
    found: dict[tuple[str, str], list[Placed]] = defaultdict(list)
    for kind, items in placed.items():
        for item in items:
            found[item.run.run_id, kind].append(item)
    offsets = {}
    for (run_id, kind), items in found.items():
        values = [item.offset_s for item in items]
        is_coarse = kind == "audio" or items[0].tick_s > Fraction(1, 90_000)  # a gap of more than 13.25 h is held
        tick_s = items[0].tick_s if is_coarse else 0
        assert max(values) - min(values) <= tick_s, f"times of {kind} within a run are off by more than a tick"
        offsets[run_id, kind] = values[0]
    for run_id, kind in offsets:
        if kind == "audio" and (run_id, "video") in offsets:
            skew_s = offsets[run_id, "audio"] - offsets[run_id, "video"]
            assert abs(skew_s) <= SKEW_S, f"picture and sound are {float(skew_s) * 1000:.1f} ms apart"
    return offsets


def _judge_seams(placed: dict[str, list[Placed]]) -> None:
    """Judge that shown frames follow one another as they were recorded, also over seams."""
    shown = [item for item in placed["video"] if item.film.shown_s is not None]
    by_film = sorted(shown, key=lambda item: item.shown_s)
    by_clock = sorted(shown, key=lambda item: item.run.instant_us(item.truth))
    assert [item.truth.mark for item in by_film] == [item.truth.mark for item in by_clock]
    for before, after in pairwise(by_film):
        if before.run is not after.run:
            lasting_s = Fraction(before.truth.duration, before.truth.rate) - SKEW_S
            assert after.shown_s - before.shown_s >= min(lasting_s, Fraction(1, 40)), "a frame is cut short at a seam"


def _judge_begin(asked: Asked, placed: list[Placed]) -> None:
    """Judge that the film begins at the begin of the range, where there is footage then."""
    first = min((item for item in placed if item.film.shown_s is not None), key=lambda item: item.shown_s)
    if first.run.begin_us <= asked.begin_us:
        late_s = first.shown_s - (first.run.instant_us(first.truth) - asked.begin_us) / 1_000_000
        assert abs(late_s) <= SKEW_S, f"the film does not begin at start but {float(late_s):.4f} s off"


def _judge_sound_edges(asked: Asked, film: Film, placed: list[Placed]) -> None:
    """Judge that no sound outside the range is heard."""
    begin_s, end_s = film.tracks["audio"].edit_s
    head, tail = placed[0], placed[-1]
    begin_us = head.run.instant_us(head.truth) + (begin_s - head.shown_s) * 1_000_000
    end_us = tail.run.instant_us(tail.truth) + (end_s - tail.shown_s) * 1_000_000
    assert begin_us >= asked.begin_us - 1000, f"sound is heard {float(asked.begin_us - begin_us):.0f} µs before start"
    assert end_us <= asked.end_us + 1000, f"sound is heard {float(end_us - asked.end_us):.0f} µs after end"


def _judge_held(truth: Truth, asked: Asked, offsets: dict[tuple[str, str], Fraction]) -> None:
    """Judge that media time equals wall time, later by what tracks that outlast their gap leave no room for.

    A frame is decoded after all of the run before: where frames are reordered, decoding begins before the gap is over.
    """
    late_s = Fraction(0)
    ends: dict[str, Fraction] = {}
    decoded_s: Fraction | None = None  # when the last frame of the run before is decoded
    for run in truth.runs:
        if (run.run_id, "video") not in offsets:
            continue
        wall_s = Fraction(run.begin_us - asked.begin_us, 1_000_000) - Fraction(run.stored[0].first_pts, 90_000)
        for kind, samples in run.samples.items():
            if samples and kind in ends:
                late_s = max(late_s, ends[kind] - wall_s - min(item.media_s for item in samples))
        if decoded_s is not None:
            late_s = max(late_s, decoded_s - wall_s - min(_decoded_s(item) for item in run.samples["video"]))
        late_s = late_s if ends else Fraction(0)
        got_s = offsets[run.run_id, "video"] - wall_s
        drift_s = Fraction(run.end_us - run.begin_us, 1_000_000) * Fraction(500, 1_000_000)
        slack_s = SKEW_S * 2 + (drift_s if run.spec.slews_us else 0)
        assert -slack_s <= got_s <= late_s + slack_s, f"media time is off the wall clock by {float(got_s):.4f} s"
        for kind, samples in run.samples.items():
            if samples:
                last = max(samples, key=lambda item: item.pts)
                ends[kind] = wall_s + got_s + last.media_s + Fraction(last.duration, last.rate)
        decoded_s = wall_s + got_s + max(_decoded_s(item) for item in run.samples["video"])
        late_s = Fraction(0)


def _decoded_s(sample: Sample) -> Fraction:
    return Fraction(sample.dts, sample.rate)


def _judge_map(asked: Asked, pieces: list[dict[str, Any]], placed: list[Placed]) -> None:
    """Judge that the map gives each shown frame its wall clock."""
    assert pieces
    begins = [Fraction(str(piece["media_s"])) for piece in pieces]
    assert begins == sorted(begins)
    for piece in pieces:
        begin_us, end_us = instant(piece["start_utc"]), instant(piece["end_utc"])
        assert asked.begin_us <= begin_us < end_us <= asked.end_us
    for item in placed:
        if item.film.shown_s is None:
            continue
        number = bisect_right(begins, item.shown_s + Fraction(30, 1_000_000)) - 1
        assert number >= 0, "a frame before the map's begin"
        wall_us = instant(pieces[number]["start_utc"]) + (item.shown_s - begins[number]) * 1_000_000
        slack_s = MAP_SLACK_S + SKEW_S if item.run.spec.slews_us else SKEW_S
        off_s = (wall_us - item.run.instant_us(item.truth)) / 1_000_000
        assert abs(off_s) <= slack_s, f"the map is {float(off_s):.4f} s off"


def instant(text: str) -> int:
    """Return µs since the epoch of an instant as we write them."""
    since = datetime.fromisoformat(text) - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def judge_decoded(truth: Truth, asked: Asked, data: bytes) -> None:
    """Judge by a player's eye: libavformat with the edit list, every frame decoded, told by the mark in its SEI."""
    marks = []
    with av.open(io.BytesIO(data)) as container:
        for frame in container.decode(video=0):
            told = [bytes(item) for item in frame.side_data if item.type.name == "SEI_UNREGISTERED"]
            marks += [int(item[16:24], 16) for item in told if item[:16] == MARK]
    wanted = sorted(truth.wanted("video", asked), key=lambda pair: pair[0].instant_us(pair[1]))
    assert marks == [item.mark for _, item in wanted]
