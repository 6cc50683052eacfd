"""What a playlist says and what lies behind it, judged by the packets that were recorded (see `tests.synthetic`)."""

import re
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise

from flask.testing import FlaskClient

from tests.clips import CLIPS
from tests.judging import Asked, Truth, instant
from tests.mp4_reading import FragmentSample, read_fragments
from tests.synthetic import VIDEO_HZ, Run, Sample

TICK_S = Fraction(1, VIDEO_HZ) + Fraction(1, 100_000)  # a tick, and the rounding of EXTINF to five decimals
SUM_S = Fraction(1, 10)


@dataclass
class Entry:
    """One entry of a playlist, and the samples that its bytes hold."""

    uri: str
    duration_s: Fraction
    byte_range: tuple[int, int]
    map_uri: str
    is_cut: bool
    utc_us: int | None
    samples: list[FragmentSample] = field(default_factory=list)


def read_playlist(text: str) -> tuple[dict[str, str], list[Entry]]:
    """Return the tags of a playlist and its entries; every line must be one that we know (RFC 8216 §4.3)."""
    tags: dict[str, str] = {}
    entries: list[Entry] = []
    said: dict[str, str] = {}
    current_map = ""
    lines = text.splitlines()
    assert lines[0] == "#EXTM3U"
    for line in lines[1:]:
        name, _, value = line.partition(":")
        if name in ("#EXTINF", "#EXT-X-BYTERANGE", "#EXT-X-PROGRAM-DATE-TIME", "#EXT-X-DISCONTINUITY"):
            assert name not in said
            said[name] = value
        elif name == "#EXT-X-MAP":
            current_map = re.fullmatch(r'URI="([^"]+)",BYTERANGE="\d+@0"', value)[1]
        elif line.startswith("#"):
            assert name not in tags
            tags[name] = value
        else:
            length, offset = said["#EXT-X-BYTERANGE"].split("@")
            utc = said.get("#EXT-X-PROGRAM-DATE-TIME")
            entries.append(
                Entry(line, Fraction(said["#EXTINF"].rstrip(",")), (int(length), int(offset)), current_map,
                      "#EXT-X-DISCONTINUITY" in said, instant(utc) if utc else None)
            )  # fmt: skip
            said = {}
    assert set(said) == set()
    return tags, entries


def fetch(client: FlaskClient, entries: list[Entry]) -> None:
    """Read the bytes of each entry, as players do."""
    for entry in entries:
        length, offset = entry.byte_range
        answer = client.get(entry.uri, headers={"Range": f"bytes={offset}-{offset + length - 1}"})
        assert (answer.status_code, len(answer.data)) == (206, length)
        entry.samples = read_fragments(answer.data)


def judge_entries(client: FlaskClient, truth: Truth, asked: Asked, text: str) -> list[Entry]:
    """Judge all entries of a playlist of runs that do not overlap; return them."""
    tags, entries = read_playlist(text)
    fetch(client, entries)
    _judge_packets(truth, asked, entries)
    _judge_durations(truth, tags, entries)
    _judge_marks(truth, entries)
    _judge_maps(client, truth, entries)
    _judge_start(truth, asked, tags, entries)
    return entries


def first_of(truth: Truth, entry: Entry) -> tuple[Run, Sample]:
    """Return the first picture of an entry as it was recorded."""
    return truth.known[next(item for item in entry.samples if item.kind == "video").sha256]


def _judge_packets(truth: Truth, asked: Asked, entries: list[Entry]) -> None:
    """Judge that the entries hold every packet of the range once, in order, and others in whole fragments only."""
    for kind in ("video", "audio"):
        got = [item for entry in entries for item in entry.samples if item.kind == kind]
        numbers = [truth.order[item.sha256] for item in got]
        assert all(a < b for a, b in pairwise(numbers)), f"packets of {kind} out of order, or twice"
        assert all(truth.known[item.sha256][1].pts == item.pts for item in got)
        held = {item.sha256 for item in got}
        beyond_us = 1_000_000 if kind == "audio" else 0  # sound may lie in the fragment before or behind the range
        missing = [item for _, item in truth.wanted(kind, asked, beyond_us) if item.sha256 not in held]
        assert not missing, f"{len(missing)} packets of {kind} are missing"
    first_run, first = first_of(truth, entries[0])
    if first_run.begin_us < asked.begin_us:
        assert first.is_key, "the playlist begins within a group"
        keys = [item for item in first_run.video if item.is_key and first_run.instant_us(item) <= asked.begin_us]
        assert truth.order[first.sha256] >= truth.order[keys[-1].sha256], "it begins earlier than needed"
    last = entries[-1].samples[-1].fragment
    tail = [truth.known[s.sha256] for s in entries[-1].samples if s.kind == "video" and s.fragment == last]
    begins = [run.instant_us(item) for run, item in tail]
    assert not begins or min(begins) < asked.end_us, "the last fragment lies behind the range"


def _judge_durations(truth: Truth, tags: dict[str, str], entries: list[Entry]) -> None:
    """Judge that durations follow from decode times, each and in sum, and TARGETDURATION bounds them."""
    assert all(round(entry.duration_s) <= int(tags["#EXT-X-TARGETDURATION"]) for entry in entries)
    sum_s = real_s = Fraction(0)
    for before, after in pairwise(entries):
        if after.is_cut or first_of(truth, before)[0] is not first_of(truth, after)[0]:
            continue
        length_s = Fraction(first_of(truth, after)[1].dts - first_of(truth, before)[1].dts, VIDEO_HZ)
        assert abs(before.duration_s - length_s) <= TICK_S, "EXTINF is not what decode times say"
        sum_s, real_s = sum_s + before.duration_s, real_s + length_s
    assert abs(sum_s - real_s) <= SUM_S


def _judge_marks(truth: Truth, entries: list[Entry]) -> None:
    """Judge discontinuities (just where they are) and dates (right, and one at each begin)."""
    assert not entries[0].is_cut
    assert entries[0].utc_us is not None
    for before, after in pairwise(entries):
        (run_before, a), (run_after, b) = first_of(truth, before), first_of(truth, after)
        is_same_clip = run_before.spec.files[a.file].clip == run_after.spec.files[b.file].clip
        has_hole = run_before is run_after and bool(set(range(a.file + 1, b.file)) & run_after.lost)
        assert after.is_cut == (run_before is not run_after or not is_same_clip or has_hole), "discontinuity"
        assert after.utc_us is not None or not after.is_cut
    for entry in entries:
        if entry.utc_us is not None:
            run, first = first_of(truth, entry)
            off_us = entry.utc_us - run.instant_us(first)
            assert abs(off_us) <= 1000, f"a date is {float(off_us)} µs off"


def _judge_maps(client: FlaskClient, truth: Truth, entries: list[Entry]) -> None:
    """Judge that each entry has an init segment of its codec and size."""
    inits = {uri: client.get(uri).data for uri in {entry.map_uri for entry in entries}}
    for entry in entries:
        run, first = first_of(truth, entry)
        options = CLIPS[run.spec.files[first.file].clip]
        init = inits[entry.map_uri]
        at = init.find(b"avc1" if options["codec"] == "h264" else b"hvc1", init.find(b"stsd"))
        assert at > 0
        size = (options.get("width", 96), options.get("height", 64))
        assert (int.from_bytes(init[at + 28 : at + 30], "big"), int.from_bytes(init[at + 30 : at + 32], "big")) == size
        has_sound = any(item.kind == "audio" for item in entry.samples)
        assert not has_sound or b"mp4a" in init


def _judge_start(truth: Truth, asked: Asked, tags: dict[str, str], entries: list[Entry]) -> None:
    """Judge the exact start, for players of fragments ignore edit lists."""
    run, first = first_of(truth, entries[0])
    late_s = Fraction(asked.begin_us - run.instant_us(first)) / 1_000_000
    if late_s < TICK_S:
        return
    told = re.fullmatch(r"TIME-OFFSET=([0-9.]+),PRECISE=YES", tags["#EXT-X-START"])[1]
    slewed_s = late_s * Fraction(500, 1_000_000)  # by so much a clock may run fast or slow
    assert abs(Fraction(told) - late_s) <= 2 * TICK_S + slewed_s
