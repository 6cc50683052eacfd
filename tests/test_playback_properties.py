"""Any range over any footage: every packet of it once, none beside it, at its time; judged through the HTTP API alone.

`PLAYBACK_EXAMPLES` multiplies the number of examples, for a soak.
"""

import hashlib
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from instance.config import TestingConfig
from tests.archived import T0_US, add_source, address, utc
from tests.clips import CLIPS, SWITCHES, Clip
from tests.clips import clips as clips
from tests.conftest import open_app
from tests.judging import MAX_REFERENCES, Asked, Truth, instant, judge_decoded, judge_edges, judge_film
from tests.mp4_reading import read_film
from tests.synthetic import FileSpec, Run, RunSpec, make_run, take_in
from tests.test_playback_requestdata import add_record

MEMORY = Path("/dev/shm")
FACTOR = float(os.environ.get("PLAYBACK_EXAMPLES", "1"))
SUPPRESSED = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture]
# No shrinking: an example is small as drawn, and each costs an archive.
PHASES = (Phase.explicit, Phase.generate)
FIRST_TICKS = (0, -7_000, 180_000, 2**32 - 40_000, 2**33 + 12_345, 2**40)
GAPS_US = (60_000, 200_000, 249_999, 250_001, 700_000, 5_000_000, 3_600_000_000, 30_000_000_000)
NUDGES_US = (-2_000_000, -130_000, -1, 0, 1, 40_000, 333_333, 1_500_000)


def examples(number: int) -> Any:
    """Return settings for so many examples."""
    return settings(
        max_examples=max(round(number * FACTOR), 1), deadline=None, derandomize=FACTOR == 1, print_blob=True,
        suppress_health_check=SUPPRESSED, database=None, phases=PHASES,
    )  # fmt: skip


@pytest.fixture(scope="module")
def lasting_app(tmp_path_factory: pytest.TempPathFactory, migrated_sqlite: Path) -> Iterator[Flask]:
    """Yield one app for the module; each example has a source of its own."""
    # Each archive costs some hundred fsyncs: in memory where there is a place for that.
    folder = Path(tempfile.mkdtemp(dir=MEMORY if MEMORY.is_dir() else tmp_path_factory.getbasetemp()))
    config = TestingConfig(INSTANCE=str(folder / "instance"))
    config.instance_path.mkdir(parents=True)
    shutil.copy(migrated_sqlite, config.instance_path / "app.db")
    yield from open_app(config)
    shutil.rmtree(folder)


# --- what is drawn -----------------------------------------------------------------------------------------


@st.composite
def run_specs(draw: Callable[..., Any], names: tuple[str, ...] = tuple(CLIPS), *, slewed: bool = True) -> RunSpec:
    """Draw one run: 1 to 4 files of 1 to 3 groups, some of which change the size of the picture."""
    clip = draw(st.sampled_from(names))
    files = []
    for groups in draw(st.lists(st.integers(1, 3), min_size=1, max_size=4)):
        if clip in SWITCHES and SWITCHES[clip] in names and draw(st.integers(0, 9)) == 9:
            clip = SWITCHES[clip]
        files.append(FileSpec(clip, groups))
    slews = draw(st.sampled_from((None, None, None, (0, 900_000, -900_000)))) if slewed else None
    return RunSpec(
        tuple(files),
        seed=draw(st.integers(0, 1 << 16)),
        first_ticks=draw(st.sampled_from(FIRST_TICKS)),
        jitter_ticks=draw(st.sampled_from((0, 4, 40))),
        has_ragged_sound=draw(st.booleans()),
        has_tail=draw(st.booleans()),
        slews_us=slews,
    )


@st.composite
def archives(draw: Callable[..., Any], names: tuple[str, ...] = tuple(CLIPS)) -> list[tuple[int, RunSpec]]:
    """Draw runs with the gap before each."""
    return draw(st.lists(st.tuples(st.sampled_from(GAPS_US), run_specs(names)), min_size=1, max_size=3))


edges = st.tuples(st.integers(0, 255), st.sampled_from(NUDGES_US))
ranges = st.tuples(edges, edges, st.sampled_from(("collapse", "hold")))


def build(app: Flask, clips: dict[str, Clip], archive: list[tuple[int, RunSpec]]) -> tuple[int, list[Run]]:
    """Put runs into the archive of a new source, one after the other."""
    source_id, runs, at_us = add_source(app), [], T0_US
    for gap_us, spec in archive:
        runs.append(take_in(app, source_id, make_run(clips, spec), at_us + gap_us))
        at_us = runs[-1].end_us
    return source_id, runs


def choose(runs: list[Run], drawn: Any) -> Asked:
    """Return the range of two drawn edges: instants of frames and of files, a little beside them or just there."""
    instants = sorted({int(run.instant_us(item)) for run in runs for item in run.video})
    instants += [instant for run in runs for stored in run.stored for instant in (stored.start_us, stored.end_us)]
    *pair, gaps = drawn
    begin_us, end_us = sorted(instants[number % len(instants)] + nudge for number, nudge in pair)
    return Asked(begin_us, end_us if end_us > begin_us else begin_us + 1, gaps)


def ask(client: FlaskClient, source_id: int, asked: Asked, name: str, **headers: str) -> Any:
    """Ask for the range."""
    where = address(source_id, asked.begin_us, asked.end_us, f"&gaps={asked.gaps}", name=name)
    return client.get(where.replace("/?", "?"), headers=headers, follow_redirects=name == "index.m3u8")


# --- the film ----------------------------------------------------------------------------------------------


@examples(60)
@given(archive=archives(), drawn=st.lists(ranges, min_size=1, max_size=3))
def test_a_film_holds_every_packet_of_the_range_at_its_time(lasting_app, clips, archive, drawn):
    client = lasting_app.test_client()
    source_id, runs = build(lasting_app, clips, archive)
    for item in drawn:
        judge_range(client, source_id, Truth(runs), choose(runs, item))


def judge_range(client: FlaskClient, source_id: int, truth: Truth, asked: Asked) -> None:
    """Judge film and request data of one range."""
    answer = ask(client, source_id, asked, "video.mp4")
    if not truth.wanted("video", asked):
        # Where only the last frame of a run or sound reaches into the range, a film without a frame is no harm.
        assert answer.status_code == 404 or not any(item.shown_s for item in read_film(answer.data).video)
        return
    assert answer.status_code == 200, answer.text
    assert int(answer.headers["Content-Length"]) == len(answer.data)
    film = judge_film(truth, asked, answer.data)
    told = ask(client, source_id, asked, "").json
    judge_request_data(truth, asked, told)
    assert told["map"] == film.map
    assert told["bytes"] == len(answer.data)
    again = client.get(told["urls"]["mp4"])
    assert (again.data, again.headers["ETag"]) == (answer.data, answer.headers["ETag"])


@examples(60)
@given(archive=archives(), drawn=st.lists(ranges, min_size=1, max_size=3))
def test_a_film_begins_and_ends_with_the_range(lasting_app, clips, archive, drawn):
    client = lasting_app.test_client()
    source_id, runs = build(lasting_app, clips, archive)
    truth = Truth(runs)
    for item in drawn:
        asked = choose(runs, item)
        if truth.wanted("video", asked):
            judge_edges(truth, asked, ask(client, source_id, asked, "video.mp4").data)


def judge_request_data(truth: Truth, asked: Asked, told: dict[str, Any]) -> None:
    """Judge that spans are the footage and gaps what they leave of the range."""
    spans = [(instant(span["start_utc"]), instant(span["end_utc"])) for span in told["spans"]]
    assert spans == truth.intervals(asked)
    pieces = [(instant(gap["start_utc"]), instant(gap["end_utc"])) for gap in told["gaps"]]
    at_us = asked.begin_us
    for begin_us, end_us in sorted(spans + pieces):
        assert at_us == begin_us < end_us
        at_us = end_us
    assert at_us == asked.end_us
    assert told["duration"] == pytest.approx(sum(end - begin for begin, end in spans) / 1e6, abs=1e-6)


@examples(20)
@given(archive=archives(("sound", "sound-b", "plain", "large")), drawn=ranges)
def test_a_player_shows_exactly_the_frames_of_the_range(lasting_app, clips, archive, drawn):
    client = lasting_app.test_client()
    source_id, runs = build(lasting_app, clips, archive)
    truth, asked = Truth(runs), choose(runs, drawn)
    answer = ask(client, source_id, asked, "video.mp4")
    if truth.wanted("video", asked):
        judge_decoded(truth, asked, answer.data)


# --- overlaps ----------------------------------------------------------------------------------------------


@st.composite
def overlapping(draw: Callable[..., Any]) -> list[tuple[int, RunSpec]]:
    """Draw runs that begin where another one still goes on, as after a step of the clock."""
    back_us = st.integers(-6_000_000, -50_000)
    specs = run_specs(("plain", "sound", "sound-b"), slewed=False)
    return draw(st.lists(st.tuples(back_us, specs), min_size=2, max_size=3))


def judge_overlap(truth: Truth, asked: Asked, data: bytes) -> set[str]:
    """Judge what holds for overlapping runs too; return the frames shown.

    Runs one after the other or cut into pieces, but each packet at most once, each piece in order, and no instant
    with footage is without a picture. Where clocks overlap by up to 0.5 s both runs are played whole: of the second one
    also what lies before a begin within the overlap.
    """
    film = read_film(data)
    video = [truth.known[item.sha256] for item in film.video]
    shown = [(run, item) for (run, item), got in zip(video, film.video, strict=True) if got.shown_s is not None]
    assert len({item.mark for _, item in video}) == len(video), "a packet twice"
    for run in truth.runs:
        marks = [item.mark for of, item in video if of is run]
        assert marks == sorted(marks), "packets out of order"
    assert all(asked.begin_us - 500_000 <= run.instant_us(item) < asked.end_us for run, item in shown)
    shown = [(run, item) for run, item in shown if asked.holds(run.instant_us(item))]
    instants = sorted(run.instant_us(item) for run, item in shown)
    for run, item in truth.wanted("video", asked):
        instant_us = run.instant_us(item)
        if any(abs(instant_us - at) <= 600_000 for at in instants):
            continue
        # Behind a later run an earlier one is played again from its next key frame on: where none comes until the
        # range ends, the frame that is near to this instant lies beyond it.
        last_us = max((at for at in instants if at <= asked.end_us), default=asked.begin_us)
        keys_us = [of.instant_us(key) for of, key in truth.wanted("video", asked) if of is run and key.is_key]
        is_awaited = instant_us > last_us and not any(key_us > last_us for key_us in keys_us)
        assert is_awaited, "an instant with footage shows no frame"
        assert asked.end_us - instant_us <= 600_000, "an instant with footage shows no frame"
    return {item.sha256 for _, item in shown}


@examples(60)
@given(archive=overlapping(), drawn=ranges)
def test_of_overlapping_runs_the_same_frames_are_shown_whatever_the_range(lasting_app, clips, archive, drawn):
    client = lasting_app.test_client()
    source_id, runs = build(lasting_app, clips, archive)
    truth = Truth(sorted(runs, key=lambda run: run.begin_us))
    begin_us, end_us = min(run.begin_us for run in runs), max(run.end_us for run in runs)
    everything = Asked(begin_us, end_us)
    whole = judge_overlap(truth, everything, ask(client, source_id, everything, "video.mp4").data)
    asked = choose(runs, (*drawn[:2], "collapse"))
    wanted = [item for item in truth.wanted("video", asked) if item[1].sha256 in whole]
    answer = ask(client, source_id, asked, "video.mp4")
    if answer.status_code == 404:
        assert len(wanted) < 3
        return
    part = judge_overlap(truth, asked, answer.data)
    # Where the range ends within an overlap, B-frames that refer to a picture behind the cut are left out.
    assert len(part ^ {item.sha256 for _, item in wanted}) <= MAX_REFERENCES


# --- the same again ----------------------------------------------------------------------------------------

AGAIN = """
import hashlib, sys
from app import create_app
from instance.config import TestingConfig
client = create_app(TestingConfig(INSTANCE=sys.argv[1])).test_client()
for where in sys.argv[2:]:
    answer = client.get(where)
    print(answer.headers["ETag"], hashlib.sha256(answer.data).hexdigest())
"""


def test_another_process_gives_the_same_bytes_and_another_range_has_another_etag(lasting_app, clips):
    client = lasting_app.test_client()
    clip_names = (("sound-b", "sound-b"), ("plain", "large-plain"), ("slow-sound",), ("h265-sound", "h265-sound"))
    specs = [
        RunSpec(tuple(FileSpec(name, 2) for name in names), seed, FIRST_TICKS[seed], 4, has_ragged_sound=True)
        for seed, names in enumerate(clip_names)
    ]
    source_id, runs = build(lasting_app, clips, list(zip(GAPS_US, specs, strict=False)))
    rng = random.Random(7)
    drawn = [((rng.randrange(256), 0), (rng.randrange(256), 1), rng.choice(("collapse", "hold"))) for _ in range(8)]
    asked = [item for item in (choose(runs, item) for item in drawn) if Truth(runs).wanted("video", item)]
    asked += [Asked(item.begin_us - 1, item.end_us, item.gaps) for item in asked]
    paths = {address(source_id, item.begin_us, item.end_us, f"&gaps={item.gaps}"): item for item in asked}
    answers = {path: client.get(path) for path in paths}
    told = [f"{item.headers['ETag']} {hashlib.sha256(item.data).hexdigest()}" for item in answers.values()]
    command = [sys.executable, "-c", AGAIN, lasting_app.config["PLAYBACK"].INSTANCE, *answers]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines() == told
    by_etag: dict[str, bytes] = {}
    for item in answers.values():
        assert by_etag.setdefault(item.headers["ETag"], item.data) == item.data, "one ETag for two films"


# --- records -----------------------------------------------------------------------------------------------


@examples(25)
@given(archive=archives(), span=ranges, drawn=ranges)
def test_a_record_is_the_part_of_the_range_that_lies_in_its_span(lasting_app, clips, archive, span, drawn):
    client = lasting_app.test_client()
    source_id, runs = build(lasting_app, clips, archive)
    held, asked = choose(runs, span), choose(runs, drawn)
    record_id = add_record(lasting_app, source_id, f"tag {source_id}", held.begin_us, held.end_us)
    both = Asked(max(held.begin_us, asked.begin_us), min(held.end_us, asked.end_us), asked.gaps)
    query = f"start={utc(asked.begin_us)}&end={utc(asked.end_us)}&gaps={asked.gaps}"
    mine = {
        name: client.get(f"/playbackapi/record/{record_id}{name}?{query}") for name in ("", "/video.mp4", "/index.m3u8")
    }
    if both.begin_us >= both.end_us:
        assert {answer.status_code for answer in mine.values()} == {404}
        return
    theirs = {name: ask(client, source_id, both, name[1:]) for name in mine}
    for name, answer in mine.items():
        assert answer.status_code == theirs[name].status_code
    assert mine["/index.m3u8"].data == theirs["/index.m3u8"].data
    if mine[""].status_code == 200:
        assert mine["/video.mp4"].data == theirs["/video.mp4"].data
        told, same = mine[""].json, theirs[""].json
        assert told.pop("urls") != same.pop("urls")
        assert told == same
