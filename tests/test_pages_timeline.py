"""The timeline of the page in a real Chromium, over real footage: by mouse, by keyboard alone, and by touch."""

import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Route, expect

from app.models.types import now_us
from tests.archived import T0_US, add_source, record, utc
from tests.archived import media as media
from tests.archived import no_plans as no_plans
from tests.looking import Chromium
from tests.served import answering
from tests.timelining import (
    AXIS_PX,
    CANVAS,
    LANE_PX,
    SPAN_S,
    VIEW,
    S,
    opened,
    wait_for,
)
from tests.timelining import cameras as cameras

NOT_NOW = {"detail": [{"loc": [], "msg": "not now", "type": "busy"}]}
# The colour of the canvas at a place in CSS pixels.
DRAWN = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
PIXEL = """([x, y]) => {
  const canvas = document.querySelector('.timeline-canvas');
  const scale = canvas.width / canvas.clientWidth;
  const context = new OffscreenCanvas(1, 1).getContext('2d', {willReadFrequently: true});
  context.drawImage(canvas, Math.round(x * scale), Math.round(y * scale), 1, 1, 0, 0, 1, 1);
  return [...context.getImageData(0, 0, 1, 1).data];
}"""


def test_a_moment_is_found_and_played_with_the_mouse(
    app: Flask,
    cameras: tuple[int, int],
    chromium: Chromium,
) -> None:
    with opened(app, chromium) as (looker, timeline):
        page = looker.page
        timeline.tip_says(5, "Recorded as “night”")
        tip = timeline.point(5)
        assert re.search(r"08:00:0[456]", tip)
        assert "Gate <b>" in tip
        assert "Pinned by User: a theft" in tip
        page.locator(".timeline-tip[data-kind=key]").wait_for()
        shown = page.locator(".timeline-tip").get_attribute("data-picture") or ""
        assert abs(datetime.fromisoformat(shown).timestamp() - T0_US / S - 5) <= 1.1  # the key frame at or before it
        timeline.tip_says(30, "The camera could not be reached · 20 sec")
        assert page.locator(".timeline-tip canvas").count() == 0
        assert "Pinned" not in timeline.point(15)
        timeline.tip_says(5, "10 sec", lane=1)
        page.mouse.click(*timeline.place(45))
        timeline.plays(44, 61)
        assert looker.axe() == []


def test_the_mouse_zooms_about_the_pointer_and_moves_the_time(
    app: Flask,
    cameras: tuple[int, int],
    chromium: Chromium,
) -> None:
    marks = f"&in={utc(T0_US)}&out={utc(T0_US + 50 * S)}"
    with opened(app, chromium, VIEW + marks) as (looker, timeline):
        page = looker.page
        timeline.point(10)
        at = timeline.place(10)
        page.keyboard.down("Control")
        page.mouse.wheel(0, -240)
        page.keyboard.up("Control")
        wait_for(lambda: timeline.view_s[1] - timeline.view_s[0] < 100, "a shorter time")
        assert timeline.place(10)[0] == pytest.approx(at[0], abs=15)  # aria values are whole seconds
        before_s = timeline.view_s[0]
        page.mouse.wheel(0, 200)
        wait_for(lambda: timeline.view_s[0] > before_s, "a later time")
        page.mouse.move(*timeline.place(30))
        page.mouse.down()
        page.mouse.move(timeline.place(30)[0] + 300, at[1], steps=4)
        page.mouse.up()
        wait_for(lambda: timeline.view_s[0] < before_s, "an earlier time")
        page.get_by_role("button", name="1 h", exact=True).click()
        timeline.shows(3600)
        expect(page.get_by_role("button", name="1 h", exact=True)).to_have_attribute("aria-pressed", "true")
        page.get_by_role("button", name="1 year", exact=True).click()
        timeline.shows(31_536_000)
        page.get_by_role("button", name="Now", exact=True).click()
        page.locator(".timeline[data-following=true]").wait_for()


def test_the_keyboard_alone_finds_and_plays_a_moment(
    app: Flask,
    cameras: tuple[int, int],
    chromium: Chromium,
) -> None:
    with opened(app, chromium) as (looker, timeline):
        page = looker.page
        page.locator(CANVAS).focus()
        page.keyboard.press("ArrowLeft")
        assert "Gate <b>" in timeline.said
        page.keyboard.press("Control+ArrowLeft")
        wait_for(lambda: "08:00:20" in timeline.said, "where footage ends")
        wait_for(lambda: "The camera could not be reached" in timeline.said, "the cause of the gap")
        page.keyboard.press("ArrowDown")
        wait_for(lambda: "Yard, Footage" in timeline.said, "the other camera")
        page.keyboard.press("Enter")
        timeline.plays(19, 29)
        page.keyboard.press("-")
        timeline.shows(2 * SPAN_S)
        page.keyboard.press("+")
        timeline.shows(SPAN_S)
        begin_s = timeline.view_s[0]
        page.keyboard.press("PageUp")
        wait_for(lambda: timeline.view_s[0] == pytest.approx(begin_s - SPAN_S / 2, abs=2), "the time before")
        page.keyboard.press("End")
        page.locator(".timeline[data-following=true]").wait_for()
        page.keyboard.press("Home")
        wait_for(lambda: timeline.view_s[0] < T0_US / S < timeline.view_s[1], "the oldest footage")
        page.keyboard.press("Escape")
        assert timeline.said == ""


def test_what_the_lanes_show_stands_in_a_list_too_in_each_language(
    app: Flask,
    cameras: tuple[int, int],
    chromium: Chromium,
) -> None:
    said = {"ru": ("Записи и пропуски списком", "Камера была недоступна"), "vi": ("Danh sách", "Không kết nối được")}
    for language, (title, cause) in said.items():
        with opened(app, chromium, language=language, zone="Asia/Ho_Chi_Minh") as (looker, timeline):
            page = looker.page
            page.get_by_text(title).press("Enter")
            row = page.locator(".timeline-list tr", has_text=cause)
            row.wait_for()
            assert "15:00:20" in row.inner_text()
            row.get_by_role("button").press("Enter")
            timeline.plays(17, 29)


def test_what_was_not_answered_is_not_said_to_be_missing(
    app: Flask,
    cameras: tuple[int, int],
    chromium: Chromium,
) -> None:
    with answering(app) as base, chromium.looking(base) as looker:
        page = looker.page
        page.route("**/playbackapi/timeline?*", lambda route: route.fulfill(status=503, json=NOT_NOW))
        looker.open(VIEW)
        page.get_by_text("Footage and gaps as a list").press("Enter")
        listed = page.locator(".timeline-list")
        listed.get_by_text("Not known yet").first.wait_for()
        for words in ("% recorded", "Nothing was recorded", "No footage"):
            assert listed.get_by_text(words).count() == 0
        page.unroute("**/playbackapi/timeline?*")
        listed.get_by_text("% recorded").wait_for()
        assert listed.get_by_text("Not known yet").count() == 0


def test_what_is_switched_off_is_neither_drawn_nor_told_and_stays_so(
    app: Flask,
    cameras: tuple[int, int],
    chromium: Chromium,
) -> None:
    with opened(app, chromium) as (looker, timeline):
        page = looker.page
        timeline.tip_says(30, "The camera could not be reached")
        canvas = page.locator(CANVAS).bounding_box()
        assert canvas is not None
        spots = [(timeline.place(30)[0] - canvas["x"] + step, AXIS_PX + LANE_PX / 2) for step in range(12)]

        def colours() -> int:
            return len({tuple(page.evaluate(PIXEL, list(spot))) for spot in spots})

        wait_for(lambda: colours() > 1, "a pattern")
        page.get_by_role("button", name="What is drawn").click()
        page.get_by_label("Causes of gaps").uncheck()
        page.keyboard.press("Escape")
        timeline.tip_says(30, "Gap of 20 sec")
        assert "could not be reached" not in timeline.point(30)
        wait_for(lambda: colours() == 1, "one plain colour")
        page.reload()
        timeline.tip_says(30, "Gap of 20 sec")
        assert "could not be reached" not in timeline.point(30)


def test_what_is_known_is_drawn_while_the_finer_is_still_to_come(
    app: Flask,
    cameras: tuple[int, int],
    chromium: Chromium,
) -> None:
    held: list[Route] = []
    with opened(app, chromium, VIEW.replace("span=120", "span=7200")) as (looker, timeline):
        page = looker.page
        timeline.tip_says(10, "Recorded")
        ended: list[Any] = []
        for event in ("requestfinished", "requestfailed"):
            page.on(event, lambda request: ended.append(request) if "/playbackapi/timeline?" in request.url else None)
        page.route("**/playbackapi/timeline?**", lambda route: held.append(route))
        page.keyboard.down("Control")
        for _ in range(20):
            page.mouse.wheel(0, -120)
        page.keyboard.up("Control")
        wait_for(lambda: timeline.view_s[1] - timeline.view_s[0] < 300, "a near look")
        wait_for(lambda: held or page.wait_for_timeout(50), "something finer to be asked for")
        page.evaluate(DRAWN)
        canvas = page.locator(CANVAS).bounding_box()
        assert canvas is not None
        at = [timeline.place(10)[0] - canvas["x"], AXIS_PX + LANE_PX / 2]
        before = page.evaluate(PIXEL, at)
        for route in held:
            route.continue_()
        page.unroute("**/playbackapi/timeline?**")
        wait_for(lambda: {one.request for one in held} <= set(ended) or page.wait_for_timeout(50), "the finer look")
        page.evaluate(DRAWN)
        assert page.evaluate(PIXEL, at) == before


def is_footage(said: str) -> bool:
    """Tell whether a tip says of a moment that there is footage: it says nothing else."""
    return not any(text in said for text in ("Nothing", "Gap", "No footage", "Loading", "Not yet"))


def test_footage_that_comes_is_drawn_by_itself(app: Flask, media: Callable[..., Path], chromium: Chromium) -> None:
    clip, source_id, begin_us = media("h264", seconds=8), add_source(app), now_us() - 30 * S
    record(app, source_id, clip, begin_us=begin_us)
    path = f"/view/timeline?at={utc(begin_us + 2 * S)}&span=120"
    with opened(app, chromium, path) as (_, timeline):
        after_s = (begin_us - T0_US) / S
        wait_for(lambda: is_footage(timeline.point(after_s + 4)), "the first clip")
        wait_for(lambda: "Nothing was to be recorded" in timeline.point(after_s + 24), "nothing after it")
        record(app, source_id, clip, begin_us=begin_us + 20 * S)
        # Within seconds; where a tile of the timeline has ended a minute before, within three minutes.
        wait_for(lambda: is_footage(timeline.point(after_s + 24)), "the second clip", 240)
        wait_for(lambda: "Nothing was to be recorded · 12 sec" in timeline.point(after_s + 14), "the gap between")


def test_fingers_pinch_and_tap(app: Flask, cameras: tuple[int, int], chromium: Chromium) -> None:
    with opened(app, chromium, size="phone") as (looker, timeline):
        page = looker.page
        timeline.point(10)
        x, y = timeline.place(10)
        touch = page.context.new_cdp_session(page)
        for kind, away in (("touchStart", 20), ("touchMove", 40), ("touchMove", 80), ("touchEnd", None)):
            points = [] if away is None else [{"x": x - away, "y": y, "id": 1}, {"x": x + away, "y": y, "id": 2}]
            touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        wait_for(lambda: timeline.view_s[1] - timeline.view_s[0] < SPAN_S / 2, "a shorter time")
        page.touchscreen.tap(*timeline.place(12))
        timeline.plays(11, 29)
        handle = page.get_by_role("slider", name="Moment shown").bounding_box()
        assert handle is not None
        x, y = handle["x"] + handle["width"] / 2, handle["y"] + handle["height"] / 2
        for kind, to in (
            ("touchStart", x),
            ("touchMove", x + 4),
            ("touchMove", timeline.place(5)[0]),
            ("touchEnd", None),
        ):
            points = [] if to is None else [{"x": to, "y": y, "id": 1}]
            touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        timeline.shows_moment(5)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
