"""What is being recorded, in the player of the timeline page: live after a gap, from long ago, paused, and as films.

Every frame carries its number, and when the camera sent it is known.
"""

import re
import time
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Request, Route, expect

from tests.archived import utc
from tests.looking import Chromium
from tests.media import make_video
from tests.rtsp_server import RtspServer
from tests.service import Service, wait_for
from tests.stepping import Sight, look, seconds_of, seen, wait_until, watch

FPS = 25
LIVE_CLOCK_IS_RIGHT_S = 0.5


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Service, RtspServer]]:
    """Yield a service that records two cameras, and the server that they are; a third cannot be reached."""
    folder = tmp_path_factory.mktemp("live")
    size = {"width": 288, "height": 160, "bitrate_bps": 200_000}
    films = {
        name: make_video(folder / f"{name}.mp4", seconds=30, fps=FPS, gop=gop, seed=gop, audio=sound, **size)
        for name, gop, sound in (("front", 25, "aac"), ("yard", 50, None))
    }
    with RtspServer(films) as cameras, Service(folder / "instance") as service:
        ids = [service.add_source(cameras.url(name), description=name.title()) for name in films]
        ids.append(service.add_source("rtsp://127.0.0.1:9/none", description="Back door"))
        service.add_group("doors", ids)
        service.record("day", "doors")
        for source_id in ids[:2]:
            wait_for(lambda source_id=source_id: footage_s(service, source_id) > 6, "footage to begin with", 60)
        yield service, cameras


def is_right(sight: Sight, cameras: RtspServer, source_id: int, name: str) -> bool:
    """Tell whether the clock beside a picture says when the camera sent its frame; of repetitions the nearest."""
    picture = sight.of(source_id)
    if picture.condition != "showing" or picture.clock_s is None:
        return False
    sent = [
        line.sent_s
        for session in cameras.sessions(name)
        for number, line in enumerate(session.sent("video"))
        if number % (30 * FPS) == picture.number
    ]
    return any(abs(sent_s - picture.clock_s) < LIVE_CLOCK_IS_RIGHT_S for sent_s in sent)


def plays_live(page: Page, cameras: RtspServer, most_late_s: float) -> Sight:
    """Wait until both cameras show what happens now, with the right clocks."""

    def is_live(sight: Sight) -> bool:
        is_late = time.time() - sight.master_s > most_late_s
        return not is_late and is_right(sight, cameras, 1, "front") and is_right(sight, cameras, 2, "yard")

    return wait_until(page, is_live, 40)


def test_live_goes_on_after_a_gap_and_from_the_past_without_a_seam(
    recording: tuple[Service, RtspServer],
    chromium: Chromium,
) -> None:
    service, cameras = recording
    with chromium.looking(service.base) as looker:
        page = looker.open("/view/timeline")
        live = page.locator(".player-live")
        plays_live(page, cameras, 15)
        assert live.get_attribute("aria-pressed") == "true"
        assert re.search(r"\d+ s\w* late", live.inner_text())
        wait_until(page, lambda sight: sight.of(3).condition == "gap")
        wait_for(lambda: time.time() - first_footage_s(service) > 14, "footage to go back to", 20)
        page.get_by_role("button", name="10 seconds back").click()
        wait_until(page, lambda sight: time.time() - sight.master_s > 8 and is_right(sight, cameras, 1, "front"))
        assert live.get_attribute("aria-pressed") == "false"
        # Twice as fast it comes up to what is being recorded, in the same video: nothing is loaded anew.
        page.evaluate("window.sources = [...document.querySelectorAll('video')].map((video) => video.src)")
        page.get_by_label("Speed").select_option("2")
        watch(page)
        page.locator(".player-live[aria-pressed=true]").wait_for()
        assert page.get_by_label("Speed").input_value() == "1"
        plays_live(page, cameras, 15)
        sights = seen(page)
        assert [sight.master_s for sight in sights if sight.of(1).condition != "showing"] == [], coverage(service)
        # Never back, never far on: by no more than is played between two sights, where they are far apart.
        for a, b in pairwise(sights):
            assert (b.of(1).number - a.of(1).number) % (30 * FPS) < max(FPS, 2 * FPS * (b.at_s - a.at_s) + 2)
        assert page.evaluate("[...document.querySelectorAll('video')].map((video) => video.src)") == page.evaluate(
            "window.sources"
        )
        # The camera goes away: the others would go on; what comes afterwards is shown by itself.
        cameras.stop()
        page.get_by_text("Waiting for footage").wait_for()
        cameras.start()
        back_s = time.time()
        wait_for(lambda: seconds_of(coverage(service)[-1]["end_utc"]) > back_s + 1, "footage of after it", 60)
        plays_live(page, cameras, 20)
        wait_until(page, lambda sight: sight.master_s > back_s + 1 and is_right(sight, cameras, 1, "front"), 30)
        assert looker.complaints == []


def test_live_is_reached_from_long_ago_however_slow_its_lists_come(
    recording: tuple[Service, RtspServer],
    chromium: Chromium,
) -> None:
    def late(route: Route) -> None:
        page.wait_for_timeout(500)
        route.continue_()

    service, cameras = recording
    with chromium.looking(service.base) as looker:
        page = looker.open(f"/view/timeline?cameras=1,2&at={utc(round(time.time() - 86_400) * 1_000_000)}&span=60")
        page.get_by_text("Nothing recorded").first.wait_for()
        expect(page.locator(".player-gap", has_text="Nothing was to be recorded")).to_have_count(2)
        # Its gap is longer than what is asked for at once: nothing is said of when it ends.
        assert page.locator(".player-gap", has_text="until").count() == 0
        page.route("**/index.m3u8?*", late)
        page.locator(".player-live").click()
        plays_live(page, cameras, 25)
        assert page.locator(".player-live").get_attribute("aria-pressed") == "true"
        expect(page.locator(".timeline")).to_have_attribute("data-following", "true")
        # The link to the page that is open begins anew, and back leads to the moment before.
        page.get_by_role("button", name="1 day", exact=True).click()
        before_s = look(page).master_s
        page.get_by_role("button", name="10 seconds back").click()
        wait_until(page, lambda later: later.master_s < before_s - 5)
        page.get_by_role("link", name="Recordings").click()
        plays_live(page, cameras, 25)
        page.unroute_all(behavior="ignoreErrors")
        assert looker.complaints == []


def test_without_media_source_extensions_live_goes_on_in_films(
    recording: tuple[Service, RtspServer],
    chromium: Chromium,
) -> None:
    service, cameras = recording
    with chromium.looking(service.base) as looker:
        looker.page.add_init_script("delete window.MediaSource; delete window.ManagedMediaSource;")
        page = looker.open("/view/timeline?cameras=1,2")
        first = plays_live(page, cameras, 20)
        page.wait_for_timeout(9000)  # longer than the first film
        last = plays_live(page, cameras, 25)
        assert last.master_s - first.master_s > 5
        assert looker.complaints == []


def is_at_clock(sight: Sight, source_id: int) -> bool:
    """Tell whether the picture of a camera is the one of the moment that the clock shows."""
    clock_s = sight.of(source_id).clock_s
    return bool(sight.shown) and clock_s is not None and abs(clock_s - sight.master_s) <= 1 / FPS


def test_live_of_long_groups_is_paused_on_a_picture_and_fetched_once(
    recording: tuple[Service, RtspServer], chromium: Chromium, tmp_path: Path
) -> None:
    service, cameras = recording
    size: dict[str, Any] = {"width": 288, "height": 160, "bitrate_bps": 200_000}
    # Key frames 8 s apart and reordered frames: what is being recorded comes in pieces that begin within a group.
    cameras.add("gate", make_video(tmp_path / "gate.mp4", seconds=32, fps=FPS, gop=8 * FPS, b_frames=2, seed=3, **size))
    gate = service.add_source(cameras.url("gate"), description="Gate")
    service.add_group("gates", [gate])
    service.record("night", "gates")
    wait_for(lambda: footage_s(service, gate) > 6, "footage to begin with", 60)
    asked: list[tuple[str, str]] = []

    def note(request: Request) -> None:
        if f"/source/{gate}/segment/" in request.url:
            asked.append((request.url, request.headers.get("range", "")))

    with chromium.looking(service.base) as looker:
        page = looker.open(f"/view/timeline?cameras={gate}")
        page.on("request", note)
        for number in range(2):
            wait_until(page, lambda sight: bool(sight.shown) and time.time() - sight.master_s < 25)
            page.wait_for_timeout(4000 + 2000 * number)
            page.keyboard.press("k")
            expect(page.locator(".player-live[aria-pressed=false]")).to_be_visible()
            wait_until(page, lambda sight: is_at_clock(sight, gate))  # on a busy machine it has to be sought
            page.wait_for_timeout(5000)  # what comes next is fetched, each piece once, or twice on the way into a group
            stood = look(page)
            assert is_at_clock(stood, gate), stood
            assert max(Counter(asked).values()) <= 2
            page.locator(".player-live").click()
        assert looker.complaints == []


def coverage(service: Service, source_id: int = 1) -> list[dict[str, str]]:
    """Return what is recorded of a camera in the last ten minutes."""
    query = f"source_id={source_id}&start={time.time() - 600:.0f}&resolution=0.1"
    answer = service.call("GET", f"/playbackapi/timeline?{query}")
    return list(answer["sources"][0]["spans"])


def footage_s(service: Service, source_id: int) -> float:
    """Return how long the last footage of a camera is, seconds; 0: there is none."""
    spans = coverage(service, source_id)
    return seconds_of(spans[-1]["end_utc"]) - seconds_of(spans[-1]["start_utc"]) if spans else 0.0


def first_footage_s(service: Service) -> float:
    """Return when the first camera's footage begins (Unix time)."""
    spans = coverage(service)
    return seconds_of(spans[0]["start_utc"]) if spans else time.time()
