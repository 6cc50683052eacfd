"""Where ranges and runs meet: begins beside sound or within a last frame, runs that overlap, cameras that jitter."""

import pytest

from tests.archived import T0_US, add_source, utc
from tests.clips import clips as clips
from tests.judging import Asked, Truth, instant, judge_edges
from tests.mp4_reading import read_film
from tests.synthetic import FileSpec, Growing, RunSpec, make_run, take_in
from tests.test_playback_properties import ask
from tests.test_playback_properties import lasting_app as lasting_app

# Its sound begins 0.15 s before its picture and outlasts it by 0.09 s.
EARLY_SOUND = RunSpec((FileSpec("sound", 2), FileSpec("sound", 2)), seed=18, has_ragged_sound=True)


def early_sound(app, clips):
    source_id = add_source(app)
    run = take_in(app, source_id, make_run(clips, EARLY_SOUND), T0_US)
    lead_us = run.begin_us - run.instant_us(run.sound[0])
    last, picture = run.sound[-1], run.video[-1]
    assert lead_us > 100_000
    assert run.instant_us(last) > run.end_us
    return source_id, run, picture


@pytest.mark.parametrize("early_us", [0, 1, 90_000])
@pytest.mark.parametrize("gaps", ["collapse", "hold"])
def test_no_sound_is_heard_from_before_the_range(lasting_app, clips, gaps, early_us):
    source_id, run, _ = early_sound(lasting_app, clips)
    asked = Asked(run.begin_us - early_us, run.end_us, gaps)
    judge_edges(Truth([run]), asked, ask(lasting_app.test_client(), source_id, asked, "video.mp4").data)


def test_a_range_that_begins_within_the_last_frame_of_a_file_begins_there(lasting_app, clips):
    source_id = add_source(lasting_app)
    run = take_in(lasting_app, source_id, make_run(clips, RunSpec((FileSpec("plain", 1),) * 2, seed=2)), T0_US)
    asked = Asked(run.stored[0].end_us - 10_000, run.end_us)
    judge_edges(Truth([run]), asked, ask(lasting_app.test_client(), source_id, asked, "video.mp4").data)


def test_a_range_in_which_no_frame_begins_is_no_film(lasting_app, clips):
    source_id, run, picture = early_sound(lasting_app, clips)
    asked = Asked(int(run.instant_us(picture)) + 1_000, run.end_us + 50_000)
    assert ask(lasting_app.test_client(), source_id, asked, "video.mp4").status_code == 404


def test_a_short_run_over_a_long_file_hides_nothing_beyond_its_own_time(lasting_app, clips):
    client, source_id = lasting_app.test_client(), add_source(lasting_app)
    long = take_in(lasting_app, source_id, make_run(clips, RunSpec((FileSpec("plain", 12),), seed=1)), T0_US)
    short = make_run(clips, RunSpec((FileSpec("large-plain", 1),), seed=2))
    short = take_in(lasting_app, source_id, short, long.begin_us + 1_200_000)
    asked = Asked(long.begin_us, long.end_us)
    film = read_film(ask(client, source_id, asked, "video.mp4").data)
    shown = {item.sha256 for item in film.video if item.shown_s is not None}
    told = ask(client, source_id, asked, "").json
    gaps = [(instant(gap["start_utc"]), instant(gap["end_utc"])) for gap in told["gaps"]]
    group_us = 1_100_000  # the earlier run can go on at a key frame only
    for item in long.video:
        at_us = long.instant_us(item)
        if short.begin_us - 500_000 <= at_us < short.end_us + group_us:
            continue
        is_gap = any(begin_us <= at_us < end_us for begin_us, end_us in gaps)
        assert item.sha256 in shown or is_gap, f"{utc(int(at_us))} is neither shown nor a gap"


def test_a_run_goes_on_over_a_seam_however_much_its_frames_jitter(lasting_app, clips):
    source_id, jumps = add_source(lasting_app), []
    for seed in range(8):
        run = make_run(clips, RunSpec((FileSpec("plain", 1),) * 3, seed=seed, jitter_ticks=900))
        growing = Growing(lasting_app, source_id, run, T0_US + seed * 60_000_000)
        for number, data in enumerate(run.files):
            growing.write(number, data)
            jumps.append(growing.writer.has_jumped)
        growing.finish()
        growing.look()
        for item in run.video:
            off_us = (
                run.instant_us(item) - T0_US - seed * 60_000_000 - (item.media_s - run.video[0].media_s) * 1_000_000
            )
            assert abs(off_us) < 100, "the wall clock of a later file is not the camera's"
    assert not any(jumps)
