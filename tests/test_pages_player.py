"""The player of the timeline page in a real Chromium: cameras in step, frame by frame, over gaps, and on into live.

Every frame carries its number, and when it was recorded is known: the pictures are compared with each other and with
the clocks beside them.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from tests.archived import T0_US, add_source, record, utc
from tests.archived import no_plans as no_plans
from tests.looking import Chromium, Looker
from tests.media import make_video
from tests.served import answering
from tests.service import wait_for
from tests.stepping import Runs, Sight, look, seen, wait_until, watch

FPS = 25
T0_S = T0_US / 1_000_000
CLOCK_IS_RIGHT_S = 0.04
FRESH_FRAMES = 1.6
LIVE_CLOCK_IS_RIGHT_S = 0.5
# When the runs of each camera begin (seconds after T0) and how long they are; all begin on a frame of the others.
PLAN = {
    1: [(0.0, 104)],
    2: [(0.0, 8), (13.0, 91)],
    3: [(0.32, 104)],
    4: [(-1.48, 104)],
}
GOPS = {1: 25, 2: 25, 3: 50, 4: 12}


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int, float, int], Path]:
    """Return a maker of footage with numbers, each made once."""
    folder, made = tmp_path_factory.mktemp("player"), {}

    def make(seed: int, seconds: float, gop: int) -> Path:
        if (seed, seconds) not in made:
            path = folder / f"{seed}-{seconds}.mp4"
            size = {"width": 288, "height": 160, "bitrate_bps": 200_000}
            sound = "aac" if seed == 1 else None
            made[seed, seconds] = make_video(path, seconds=seconds, fps=FPS, gop=gop, seed=seed, audio=sound, **size)
        return made[seed, seconds]

    return make


@pytest.fixture
def runs(app: Flask, clips: Callable[[int, float, int], Path]) -> Runs:
    """Put the footage of four cameras into the archive."""
    found: dict[int, list[tuple[float, int]]] = {}
    for number, plan in PLAN.items():
        assert add_source(app) == number
        found[number] = []
        for begin_s, seconds in plan:
            begin_us = T0_US + round(begin_s * 1_000_000)
            record(app, number, clips(number, seconds, GOPS[number]), begin_us=begin_us, segment_s=20)
            found[number].append((begin_us / 1_000_000, round(seconds * FPS)))
    return Runs(found, FPS)


@contextmanager
def opened(app: Flask, chromium: Chromium, after_s: float, **window: str) -> Iterator[Looker]:
    """Yield somebody who looks at all four cameras at a moment, paused."""
    with answering(app) as base, chromium.looking(base, **window) as looker:
        looker.open(f"/view/timeline?cameras=1,2,3,4&at={utc(T0_US + round(after_s * 1_000_000))}")
        wait_until(looker.page, lambda sight: len(sight.shown) >= 3)
        yield looker


def stands(page: Page, runs: Runs, at_s: float, count: int = 4) -> Sight:
    """Wait until so many pictures stand at a moment, each at its frame of it, and the clocks say so."""

    def is_frame_of(instants: list[float]) -> bool:
        # A frame counts from 1 ms before it begins on; the clock is told in whole milliseconds.
        return any(-0.0015 <= at_s - instant < 1 / FPS - 0.0015 for instant in instants)

    def is_there(sight: Sight) -> bool:
        frames = [is_frame_of(runs.instants(one.source_id, one.number)) for one in sight.shown]
        clocks = [runs.late_s(sight, one.source_id) <= CLOCK_IS_RIGHT_S for one in sight.shown]
        return abs(sight.master_s - at_s) < 0.002 and len(frames) == count and all(frames + clocks)

    return wait_until(page, is_there)


def plays_in_step(page: Page, runs: Runs, seconds: float, rate: float = 1) -> list[Sight]:
    """Let the pictures play; they stay within a frame of each other in each sight, and the clock goes at its rate.

    A machine with much else to do drops frames: then too few sights are left in which each picture got one in time.
    """
    seen(page)
    page.wait_for_timeout(round(seconds * 1000))
    sights = seen(page)
    in_time = [sight for sight in sights if sight.is_one_moment and sight.is_fresh(FRESH_FRAMES * 1000 / FPS / rate)]
    apart = [frames for sight in in_time if (frames := runs.apart(sight)) is not None]
    assert len(apart) > 2 * seconds
    # At 2× a frame lasts 20 ms, little more than the screen's 17: two frames then are as long as one at 1×.
    within = [frames for frames in apart if frames <= max(1, rate) + 0.01]
    assert len(within) >= 0.9 * len(apart), sorted(apart)
    assert max(apart) <= 3.01, sorted(apart)
    anywhere = [frames for sight in sights if (frames := runs.apart(sight)) is not None]
    assert max(anywhere) <= max(1, rate) + 0.01, sorted(anywhere)
    went_s = sights[-1].master_s - sights[0].master_s
    assert went_s > 0.5 * rate * seconds
    return sights


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def test_cameras_stay_in_step_over_a_gap_at_other_speeds_and_after_seeks(
    app: Flask,
    runs: Runs,
    chromium: Chromium,
) -> None:
    with opened(app, chromium, 4.0) as looker:
        page = looker.page
        stands(page, runs, T0_S + 4)
        watch(page)
        press(page, "Space")
        wait_until(page, lambda sight: sight.master_s > T0_S + 5.5)
        plays_in_step(page, runs, 2)
        # Camera 2 has nothing from 8 to 13 s: it says so, the others go on, and it is in step at once afterwards.
        wait_until(page, lambda sight: sight.of(2).condition == "gap" and len(sight.shown) == 3)
        gap = page.locator(".player-cell[data-id='2'] .player-gap")
        assert "Nothing recorded" in gap.inner_text()
        assert "08:00:13" in gap.inner_text()
        seen(page)
        wait_until(page, lambda sight: sight.of(2).condition == "showing" and sight.master_s > T0_S + 13)
        wait_until(page, lambda sight: len(sight.shown) == 4)
        plays_in_step(page, runs, 2)
        page.get_by_label("Speed").select_option("0.25")
        page.wait_for_timeout(800)
        plays_in_step(page, runs, 1.5, 0.25)
        page.get_by_label("Speed").select_option("2")
        page.wait_for_timeout(1500)
        sights = plays_in_step(page, runs, 2, 2)
        rate = (sights[-1].master_s - sights[0].master_s) / (sights[-1].at_s - sights[0].at_s)
        assert rate == pytest.approx(2, abs=0.5)
        page.get_by_label("Speed").select_option("1")
        press(page, "ArrowRight")
        wait_until(page, lambda sight: sight.master_s > sights[-1].master_s + 10 and len(sight.shown) == 4)
        page.wait_for_timeout(1000)  # they come into step by their speed
        plays_in_step(page, runs, 1.5)
        page.get_by_role("button", name="10 seconds back").click()
        wait_until(page, lambda sight: sight.master_s < sights[-1].master_s + 8 and len(sight.shown) == 4)
        page.wait_for_timeout(1000)
        plays_in_step(page, runs, 1.5)
        page.get_by_role("button", name="Pause").click()
        paused = look(page)
        page.wait_for_timeout(300)
        assert look(page).master_s == pytest.approx(paused.master_s, abs=0.2)
        assert looker.complaints == []


PLAY_LATE = """(lateMs) => {
  const video = document.querySelector('.player-cell[data-id="2"] video');
  const play = video.play.bind(video);
  video.play = () => new Promise((done) => setTimeout(() => done(play()), lateMs));
}"""


@pytest.mark.parametrize("late_ms", [100, 350])
def test_a_camera_that_comes_late_out_of_a_gap_is_seen_when_it_is_in_step(
    app: Flask,
    runs: Runs,
    chromium: Chromium,
    late_ms: int,
) -> None:
    with opened(app, chromium, 6.0) as looker:
        page = looker.page
        stands(page, runs, T0_S + 6)
        press(page, "Space")
        wait_until(page, lambda sight: sight.of(2).condition == "gap")
        page.evaluate(PLAY_LATE, late_ms)
        watch(page)
        wait_until(page, lambda sight: sight.of(2).condition == "showing" and sight.master_s > T0_S + 14.5)
        sights = [sight for sight in seen(page) if sight.is_one_moment]
        assert sights[0].of(2).condition == "gap"
        apart = [(sight.of(2), frames) for sight in sights if (frames := runs.apart(sight)) is not None]
        assert max(frames for _, frames in apart) <= 1.01, apart
        assert any(picture.condition == "showing" for picture, _ in apart)


def test_a_picture_that_seeks_where_nothing_is_loaded_comes_back(app: Flask, runs: Runs, chromium: Chromium) -> None:
    # The service was restarted while cameras played: one of them had been sent to where nothing was loaded. What came
    # later was loaded where the clock had gone meanwhile, and the video sought its old place for ever.
    with opened(app, chromium, 14.0) as looker:
        page = looker.page
        stands(page, runs, T0_S + 14)
        press(page, "Space")
        wait_until(page, lambda sight: sight.master_s > T0_S + 15 and len(sight.shown) == 4)
        away = "() => { const video = document.querySelector('.player-cell[data-id=\"3\"] video'); "
        assert page.evaluate(away + "video.currentTime -= 600; return video.seeking; }")
        gone_s = look(page).master_s  # whether it says so first depends on how soon it is brought back
        wait_until(page, lambda late: late.of(3).condition == "showing" and late.master_s > gone_s + 3, 20)
        wait_until(page, lambda late: runs.late_s(late, 3) <= CLOCK_IS_RIGHT_S and len(late.shown) == 4, 20)


@pytest.mark.parametrize(("after_s", "shown_s"), [(7.038, 7.0), (7.039, 7.04), (7.04, 7.04), (7.041, 7.04)])
def test_beside_the_edge_of_a_frame_a_link_and_a_step_lead_to_what_is_told(
    app: Flask,
    runs: Runs,
    chromium: Chromium,
    after_s: float,
    shown_s: float,
) -> None:
    with opened(app, chromium, after_s) as looker:
        stood = stands(looker.page, runs, T0_S + after_s)
        assert stood.of(1).number == round(shown_s * FPS)
        press(looker.page, ".")
        stands(looker.page, runs, T0_S + shown_s + 1 / FPS)
        press(looker.page, ",")
        stands(looker.page, runs, T0_S + shown_s)
        assert looker.complaints == []


def test_a_step_is_exactly_one_frame_for_all_cameras(app: Flask, runs: Runs, chromium: Chromium) -> None:
    with opened(app, chromium, 7.92) as looker:
        page, at_s = looker.page, T0_S + 7.92
        first = stands(page, runs, at_s)
        press(page, ".")
        second = stands(page, runs, at_s + 1 / FPS)
        assert [one.number for one in second.shown] == [one.number + 1 for one in first.shown]
        press(page, ",", ",", ",")
        stands(page, runs, at_s - 2 / FPS)
        page.get_by_role("button", name="One frame on").click()
        stands(page, runs, at_s - 1 / FPS)
        press(page, *"...")  # into the gap of camera 2: the leading camera has frames there
        inside = stands(page, runs, at_s + 2 / FPS, 3)
        assert inside.of(2).condition == "gap"
        # Led by camera 2 a step goes over its gap.
        page.locator(".player-cell[data-id='2'] .player-press").focus()
        press(page, ",")
        stands(page, runs, T0_S + 8 - 1 / FPS)
        press(page, ".")
        stands(page, runs, T0_S + 13)
        assert looker.complaints == []


def test_fast_and_backwards_single_pictures_are_true_to_the_clock(
    app: Flask,
    runs: Runs,
    chromium: Chromium,
) -> None:
    with opened(app, chromium, 22.0) as looker:  # at 8× the footage ends within ten seconds
        page = looker.page
        page.get_by_label("Speed").select_option("8")
        press(page, "l")  # at 8× already: twice as fast
        assert page.get_by_label("Speed").input_value() in {"1", "16"}
        page.get_by_label("Speed").select_option("8")
        expect(page.locator(".player-cell[data-scanning='true']")).to_have_count(4)
        begun = look(page)
        sight = wait_until(page, lambda sight: sight.master_s > begun.master_s + 5)
        for one in sight.pictures:
            assert one.clock_s is not None
            assert abs(one.clock_s - sight.master_s) < 8  # a key frame before it, and half a second of waiting
        press(page, "j")
        back = look(page)
        wait_until(page, lambda sight: sight.master_s < back.master_s - 1)
        press(page, "k")
        page.get_by_role("button", name="Play", exact=True).wait_for()
        paused = look(page)
        is_in_gap = T0_S + 8 <= paused.master_s < T0_S + 13
        stands(page, runs, paused.master_s, 3 if is_in_gap else 4)
        assert look(page).master_s == paused.master_s
        assert looker.complaints == []


def is_at_begin(sight: Sight) -> bool:
    return sight.of(1).condition == "showing" and sight.master_s < T0_S + 5


def test_where_no_camera_has_anything_the_clock_jumps_or_offers_what_is_near(
    app: Flask,
    clips: Callable[[int, float, int], Path],
    chromium: Chromium,
) -> None:
    assert add_source(app) == 1
    for begin_s in (0, 60):
        record(app, 1, clips(2, 8, 25), begin_us=T0_US + begin_s * 1_000_000)
    with answering(app) as base, chromium.looking(base) as looker:
        page = looker.open(f"/view/timeline?cameras=1&at={utc(T0_US + 30_000_000)}")
        notice = page.locator(".player-notice")
        assert "Nothing is recorded at" in notice.inner_text()
        watch(page)
        page.get_by_role("button", name=re.compile("The last before it: .*08:00:08")).click()
        page.get_by_text(re.compile("No camera has anything recorded from .*08:00:08")).wait_for()
        led_to = [sight for sight in seen(page) if sight.of(1).condition == "showing"]
        assert any(T0_S + 7 < sight.master_s < T0_S + 8 for sight in led_to)
        wait_until(page, lambda sight: sight.master_s > T0_S + 60.5 and sight.of(1).condition == "showing")
        press(page, "j")
        seen(page)
        press(page, "Home")
        wait_for(lambda: any(map(is_at_begin, seen(page))) or page.wait_for_timeout(50), "the begin")
        assert page.get_by_label("Speed").input_value() == "1"
        # Backwards the beginning is the end; and the timeline looks where the player goes.
        press(page, "j")
        page.get_by_text("The recordings begin here.").wait_for()
        press(page, "k")
        page.get_by_role("button", name="1 min", exact=True).click()
        press(page, "End")
        expect(page.locator(".timeline-shown")).to_contain_text(re.compile("08:00:3.* – .*08:01:3"))
        wait_until(page, lambda sight: sight.of(1).condition == "showing" and sight.master_s > T0_S + 62)
        page.get_by_text("The recordings end here.").wait_for()
        assert page.get_by_role("button", name="Play", exact=True).is_visible()
        # Without jumping the clock goes through the gap.
        page.get_by_role("button", name="Options of the player").click()
        page.get_by_label("Jump over time in which no camera recorded").uncheck()
        press(page, "Escape", "Home")
        wait_until(page, is_at_begin)
        press(page, "ArrowRight")
        page.get_by_role("button", name="Play", exact=True).click()
        wait_until(page, lambda sight: T0_S + 12 < sight.master_s < T0_S + 40 and sight.of(1).condition == "gap")
        assert looker.complaints == []


def test_a_picture_is_made_large_and_the_player_can_be_used_by_all(
    app: Flask,
    runs: Runs,
    chromium: Chromium,
) -> None:
    with opened(app, chromium, 6.0, theme="dark") as looker:
        page = looker.page
        cell = page.locator(".player-cell[data-id='3']")
        cell.locator(".player-press").focus()
        press(page, "Enter")
        wide = cell.bounding_box()
        small = page.locator(".player-cell[data-id='1']").bounding_box()
        assert wide is not None
        assert small is not None
        assert wide["width"] > 3 * small["width"]
        press(page, "Enter")
        assert page.locator(".player-cell.is-large").count() == 0
        cell.locator(".player-press").dblclick()
        assert page.locator(".player-cell.is-large").get_attribute("data-id") == "3"
        cell.locator(".player-press").dblclick()
        # Sound is that of the leading picture: camera 1 has some.
        assert page.get_by_role("button", name="This camera has no sound").is_disabled()
        page.locator(".player-cell[data-id='1'] .player-press").click()
        page.get_by_role("button", name="Sound on").click()
        muted = "() => [...document.querySelectorAll('.player-cell video')].map((video) => video.muted)"
        wait_for(lambda: page.evaluate(muted) == [False, True, True, True], "the sound of camera 1 alone", 5)
        assert looker.axe() == []
        # Everything is given back when the page is left, and not only some time after.
        page.evaluate(
            """() => {
                const videos = [...document.querySelectorAll('video')];
                const left = () => videos.map((video) => [video.paused, video.buffered.length, video.src]);
                window.left = new Promise((tell) => {
                    const look = () => document.querySelector('.player') ?? tell(left());
                    new MutationObserver(look).observe(document.body, {childList: true, subtree: true});
                });
            }"""
        )
        page.get_by_role("link", name="Files").click()
        page.locator("main[data-page=files]").wait_for()
        assert page.evaluate("left") == [[True, 0, ""]] * 4
        assert looker.complaints == []


def test_what_the_browser_cannot_play_is_shown_in_single_pictures(
    app: Flask,
    clips: Callable[[int, float, int], Path],
    chromium: Chromium,
) -> None:
    assert add_source(app) == 1
    record(app, 1, clips(2, 91, 25))
    with answering(app) as base, chromium.looking(base) as looker:
        looker.page.add_init_script("MediaSource.isTypeSupported = () => false")  # as of H.265 in many browsers
        page = looker.open(f"/view/timeline?cameras=1&at={utc(T0_US + 5_000_000)}")
        page.get_by_text("This browser cannot play H.264.").wait_for()
        assert page.locator(".player-cell a[download]").get_attribute("href").startswith("/playbackapi/source/1/video")
        sight = wait_until(page, lambda sight: sight.of(1).clock_s is not None)
        assert sight.of(1).clock_s == pytest.approx(T0_S + 5, abs=1.01)
        press(page, "Space")
        wait_until(page, lambda later: (later.of(1).clock_s or 0) >= T0_S + 6.9)
        assert looker.complaints == []
