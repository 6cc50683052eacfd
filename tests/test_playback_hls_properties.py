"""Any range as HLS: read as players read it, its entries are the footage; judged through the HTTP API alone."""

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from app.extensions import writing
from app.models import Wanted
from app.models.types import now_us
from tests.archived import add_source
from tests.clips import clips as clips
from tests.hls_judging import fetch, first_of, judge_entries, read_playlist
from tests.judging import Truth
from tests.synthetic import FileSpec, Growing, RunSpec, make_run
from tests.test_playback_properties import archives, ask, build, choose, examples, ranges, run_specs
from tests.test_playback_properties import lasting_app as lasting_app


@examples(50)
@given(archive=archives(), drawn=st.lists(ranges, min_size=1, max_size=3))
def test_a_playlist_holds_every_packet_of_the_range(lasting_app, clips, archive, drawn):
    client = lasting_app.test_client()
    source_id, runs = build(lasting_app, clips, archive)
    truth = Truth(runs)
    for item in drawn:
        asked = choose(runs, item)
        answer = ask(client, source_id, asked, "index.m3u8")
        if not truth.wanted("video", asked):
            assert answer.status_code in (200, 404)
            continue
        assert answer.status_code == 200, answer.text
        assert answer.text.endswith("#EXT-X-ENDLIST\n")
        judge_entries(client, truth, asked, answer.text)


def test_a_fragment_of_which_only_b_frames_lie_in_the_range_is_in_the_playlist(lasting_app, clips):
    files = tuple(FileSpec("h265", groups) for groups in (2, 3, 3, 3))
    first = RunSpec((FileSpec("large-plain", 3),), seed=37467, first_ticks=-7_000, jitter_ticks=4)
    second = RunSpec(files, 2724, 8_589_946_937, 4, has_tail=True, slews_us=(0, 900_000, -900_000))
    source_id, runs = build(lasting_app, clips, [(200_000, first), (60_000, second)])
    asked = choose(runs, ((47, 40_000), (61, 40_000), "hold"))
    client = lasting_app.test_client()
    judge_entries(client, Truth(runs), asked, ask(client, source_id, asked, "index.m3u8").text)


@examples(12)
@given(specs=st.lists(run_specs(("sound", "sound-b", "large")), min_size=1, max_size=2), gap_us=st.sampled_from((0, 9)))
def test_a_growing_playlist_never_changes_what_it_said(lasting_app, clips, specs, gap_us):
    client, source_id = lasting_app.test_client(), add_source(lasting_app)
    with lasting_app.app_context(), writing() as session:
        wanted = Wanted(source_id=source_id, begin_us=0)
        session.add(wanted)
        session.flush()
        wanted_id = wanted.id
    at_us = now_us() - 3_600_000_000
    where = f"/playbackapi/source/{source_id}/index.m3u8?start={at_us // 1_000_000 - 5}"
    runs, said = [], ""
    for spec in specs:
        run = make_run(clips, replace(spec, has_ragged_sound=False, slews_us=None))
        growing = Growing(lasting_app, source_id, run, at_us + gap_us * 1_000_000)
        for number, data in enumerate(run.files):
            for begin, end in steps(data):
                growing.write(number, data[begin:end])
                said = said_now(client, where, said)
        growing.finish()
        runs.append(growing.look())
        at_us = runs[-1].end_us
        said = said_now(client, where, said)
    with lasting_app.app_context(), writing() as session:
        session.get(Wanted, wanted_id).end_us = at_us
    text = client.get(where).text
    assert text.startswith(said)
    assert text.endswith("#EXT-X-ENDLIST\n")
    judge_growth(client, Truth(runs), text)


def steps(data: bytes) -> list[tuple[int, int]]:
    """Return the cuts of a file as it grows: its head, then each fragment in two pieces."""
    cuts, at = [0], data.find(b"moof") - 4
    while at > 3:
        cuts += [at, at + 100]
        at = data.find(b"moof", at + 8) - 4
    cuts.append(len(data))
    return [(begin, min(end, len(data))) for begin, end in pairwise(cuts) if begin < end]


def said_now(client, where, said):
    """Return what the playlist says now, which must be what it said before and more."""
    answer = client.get(where)
    if answer.status_code == 404:
        assert not said, answer.text
        return ""
    assert answer.status_code == 200, answer.text
    assert answer.text.startswith(said)
    assert "#EXT-X-ENDLIST" not in answer.text
    return answer.text


def judge_growth(client, truth, text):
    """Judge an ended EVENT playlist: all that was recorded, in order, on one timeline over the seams."""
    tags, entries = read_playlist(text)
    assert tags["#EXT-X-PLAYLIST-TYPE"] == "EVENT"
    fetch(client, entries)
    for kind in ("video", "audio"):
        got = [item.sha256 for entry in entries for item in entry.samples if item.kind == kind]
        assert got == [item.sha256 for run in truth.runs for item in run.samples[kind]]
    for before, after in pairwise(entries):
        assert round(before.duration_s) <= int(tags["#EXT-X-TARGETDURATION"])
        run, first = first_of(truth, before)
        following, second = first_of(truth, after)
        if run is following and not after.is_cut:
            assert abs(before.duration_s - Fraction(second.dts - first.dts, 90_000)) < Fraction(1, 10)
