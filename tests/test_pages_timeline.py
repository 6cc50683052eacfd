"""The timeline of the page in a real Chromium, over real footage: by mouse, by keyboard alone, and by touch."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Page, Route

from app.extensions import writing
from app.models import Pin, Record, Source, Tag, Wanted
from app.models.attempt import Attempt
from app.models.types import now_us
from tests.archived import T0_US, add_source, record, utc
from tests.archived import media as media
from tests.archived import no_plans as no_plans
from tests.looking import Chromium, Looker
from tests.served import answering

S = 1_000_000
CANVAS = ".timeline-canvas"
CLIP_S, GAP_S = 20, 20
AXIS_PX, LANE_PX = 48, 40
SPAN_S = 120
VIEW = f"/view/timeline?at={utc(T0_US + 30 * S)}&span={SPAN_S}"
# The colour of the canvas at a place in CSS pixels.
PIXEL = """([x, y]) => {
  const canvas = document.querySelector('.timeline-canvas');
  const scale = canvas.width / canvas.clientWidth;
  const context = new OffscreenCanvas(1, 1).getContext('2d', {willReadFrequently: true});
  context.drawImage(canvas, Math.round(x * scale), Math.round(y * scale), 1, 1, 0, 0, 1, 1);
  return [...context.getImageData(0, 0, 1, 1).data];
}"""


@pytest.fixture
def cameras(app: Flask, media: Callable[..., Path]) -> tuple[int, int]:
    """Return two cameras: the first could not be reached for 20 s between two clips, the second has one clip."""
    clip = media("h264", seconds=CLIP_S)
    first, second = add_source(app), add_source(app)
    record(app, first, clip, segment_s=5)
    record(app, first, clip, begin_us=T0_US + (CLIP_S + GAP_S) * S, segment_s=5)
    record(app, second, clip, begin_us=T0_US + 10 * S, segment_s=5)
    with app.app_context(), writing() as session:
        for source_id, name in ((first, "Gate <b>"), (second, "Yard")):
            session.get_one(Source, source_id).description = name
            session.add(Wanted(source_id=source_id, begin_us=T0_US, end_us=T0_US + 60 * S))
        gap = {"begin_us": T0_US + CLIP_S * S, "end_us": T0_US + (CLIP_S + GAP_S) * S, "reason": "camera_unreachable"}
        session.add(Attempt(source_id=first, recorder_id="r", **gap))
        tag = Tag(name="night")
        session.add(tag)
        session.flush()
        session.add(Record(source_id=first, tag_id=tag.id, begin_us=T0_US, end_us=T0_US + 60 * S))
        pin = {"begin_us": T0_US, "end_us": T0_US + 10 * S, "reason": "a theft", "owner": "User"}
        session.add(Pin(source_id=first, **pin))
    return first, second


# What stands above the lanes comes later than they do, and moves them: for a while they have kept their place.
IS_LAID_OUT = """
() => {
  const {top, left, width} = document.querySelector('.timeline-canvas').getBoundingClientRect();
  const place = [top, left, width].join();
  if (place !== window.laidOut) [window.laidOut, window.laidSince] = [place, performance.now()];
  return performance.now() - window.laidSince > 800;
}
"""


class Timeline:
    """What somebody does with the timeline of a page."""

    def __init__(self, page: Page) -> None:
        self.page = page
        page.wait_for_function("() => performance.getEntriesByName('timeline: all is drawn').length > 0")
        page.wait_for_function(IS_LAID_OUT, polling=100)

    @property
    def view_s(self) -> tuple[float, float]:
        """From when to when it shows, Unix time in whole seconds."""
        read = self.page.locator(CANVAS).get_attribute
        return float(read("aria-valuemin") or 0), float(read("aria-valuemax") or 0)

    @property
    def said(self) -> str:
        """What the keys moved to, as it is read out."""
        return self.page.locator(CANVAS).get_attribute("aria-valuetext") or ""

    def place(self, after_s: float, lane: int = 0) -> tuple[float, float]:
        """Return where a moment (seconds after T0) lies on a lane, in the window."""
        self.page.locator(CANVAS).scroll_into_view_if_needed()
        box = self.page.locator(CANVAS).bounding_box()
        assert box is not None
        begin_s, end_s = self.view_s
        x = box["x"] + (T0_US / S + after_s - begin_s) / (end_s - begin_s) * box["width"]
        return x, box["y"] + AXIS_PX + LANE_PX * (lane + 0.5)

    def point(self, after_s: float, lane: int = 0) -> str:
        """Move the mouse to a moment, wherever the page has put it meanwhile; return what the tip says."""
        said = ""

        def is_told() -> bool:
            nonlocal said
            self.page.mouse.move(*self.place(after_s, lane))
            said = self.page.evaluate("document.querySelector('.timeline-tip')?.innerText ?? ''")
            return bool(said)

        wait_for(is_told, "a tip")
        return said

    def tip_says(self, after_s: float, text: str, lane: int = 0) -> None:
        """Move the mouse to a moment and wait until the tip says something."""
        wait_for(lambda: text in self.point(after_s, lane), text)

    @property
    def ruler_y(self) -> float:
        """Where the handles of the marks are, in the window."""
        return self.place(0)[1] - LANE_PX / 2 - AXIS_PX / 4

    def take(self, name: str) -> None:
        """Take hold of a handle with the mouse, at its line."""
        handle = self.page.get_by_role("slider", name=name)
        box = handle.bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= 24
        line_px = {"Moment shown": 0.5, "In mark": 0.9, "Out mark": 0.1}[name] * box["width"]
        self.page.mouse.move(box["x"] + line_px, box["y"] + box["height"] / 2)
        self.page.mouse.down()

    def slider_s(self, name: str) -> float:
        """Return where a handle is, in whole seconds after T0."""
        return float(self.page.get_by_role("slider", name=name).get_attribute("aria-valuenow") or 0) - T0_US / S

    def shows_moment(self, after_s: float, within_s: float = 1.2) -> None:
        """Wait until the player stands at a moment (seconds after T0)."""
        at = self.page.locator(".player-master")

        def is_there() -> bool:
            shown = at.get_attribute("datetime")
            return bool(shown) and abs(datetime.fromisoformat(shown).timestamp() - T0_US / S - after_s) <= within_s

        wait_for(is_there, f"the moment {after_s} s")

    def shows(self, span_s: float) -> None:
        """Wait until so much time is shown."""
        wait_for(lambda: abs(self.view_s[1] - self.view_s[0] - span_s) <= max(span_s * 0.02, 1), f"{span_s} s shown")

    def plays(self, after_s: float, until_s: float) -> None:
        """Wait until the address says that a moment between these (seconds after T0) is played."""

        def at_s() -> float:
            found = re.search(r"[?&]at=([^&]+)", self.page.evaluate("location.href"))
            return datetime.fromisoformat(found[1]).timestamp() - T0_US / S if found else -1.0

        wait_for(lambda: after_s <= at_s() <= until_s, f"playing between {after_s} and {until_s}")


def wait_for(is_so: Callable[[], Any], what: str, limit_s: float = 40) -> None:
    """Look again and again; Playwright's own waits are for what is in the document."""
    until_s = time.monotonic() + limit_s
    while not is_so():
        assert time.monotonic() < until_s, f"not within {limit_s} s: {what}"
        time.sleep(0.05)


@contextmanager
def opened(
    app: Flask,
    chromium: Chromium,
    path: str = VIEW,
    **window: Any,
) -> Iterator[tuple[Looker, Timeline]]:
    """Open the page; afterwards the browser has complained of nothing."""
    with answering(app) as base, chromium.looking(base, **window) as looker:
        page = looker.open(path)
        yield looker, Timeline(page)
        assert looker.complaints == []


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
        assert page.get_by_role("button", name="1 h", exact=True).get_attribute("aria-pressed") == "true"
        page.get_by_role("button", name="1 year", exact=True).click()
        timeline.shows(31_536_000)
        page.get_by_role("button", name="Now", exact=True).click()
        page.locator(".timeline[data-following=true]").wait_for()


def test_the_moment_shown_is_dragged_put_back_and_moved_by_arrows(
    app: Flask,
    cameras: tuple[int, int],
    chromium: Chromium,
) -> None:
    with opened(app, chromium) as (looker, timeline):
        page, tip = looker.page, looker.page.locator(".timeline-tip")
        timeline.shows_moment(30)
        timeline.take("Moment shown")
        page.mouse.move(timeline.place(5)[0], timeline.ruler_y, steps=4)
        timeline.shows_moment(5)
        page.locator(".timeline-tip[data-picture]").wait_for()  # the tip follows, too
        page.mouse.move(*timeline.place(12, lane=1))  # onto a lane: the picture is that camera's
        wait_for(lambda: "Yard" in tip.inner_text(), "the lane under the hand")
        page.keyboard.press("Escape")
        page.mouse.up()
        timeline.shows_moment(30)
        assert tip.count() == 0
        playhead = page.get_by_role("slider", name="Moment shown")
        playhead.press("Shift+ArrowRight")
        timeline.shows_moment(30 + 0.02 * SPAN_S)
        assert "08:00:3" in (playhead.get_attribute("aria-valuetext") or "")
        page.keyboard.press("PageDown")
        timeline.shows_moment(30 + 0.12 * SPAN_S)
        # Held at the edge the view moves on to earlier times.
        begin_s = timeline.view_s[0]
        timeline.take("Moment shown")
        page.mouse.move(timeline.place(-29)[0], timeline.ruler_y, steps=4)
        wait_for(lambda: timeline.view_s[0] < begin_s - 20, "earlier times")
        canvas = page.locator(CANVAS).bounding_box()
        assert canvas is not None
        page.mouse.move(canvas["x"] + canvas["width"] / 2, timeline.ruler_y)
        page.mouse.up()
        timeline.shows_moment(sum(timeline.view_s) / 2 - T0_US / S)
        assert looker.axe() == []


def test_marks_are_dragged_and_moved_by_arrows(
    app: Flask,
    cameras: tuple[int, int],
    chromium: Chromium,
) -> None:
    marks = f"&in={utc(T0_US)}&out={utc(T0_US + 50 * S)}"
    with opened(app, chromium, VIEW + marks) as (looker, timeline):
        page = looker.page
        timeline.take("In mark")
        page.mouse.move(timeline.place(40)[0], timeline.ruler_y, steps=3)
        timeline.shows_moment(40)  # the player shows where the mark is now,
        page.keyboard.press("Escape")
        timeline.shows_moment(30)  # and goes back
        page.mouse.up()
        assert timeline.slider_s("In mark") == 0
        timeline.take("In mark")
        page.mouse.move(timeline.place(15)[0], timeline.ruler_y, steps=3)
        page.mouse.up()
        timeline.shows_moment(30)
        out = page.get_by_role("slider", name="Out mark")
        out.focus()
        for _ in range(5):
            page.keyboard.press("Shift+ArrowLeft")
        assert timeline.slider_s("In mark") == pytest.approx(15, abs=2)
        assert timeline.slider_s("Out mark") == pytest.approx(50 - 12, abs=1)
        page.keyboard.press("Escape")
        assert timeline.slider_s("Out mark") == 50
        timeline.page.locator(CANVAS).focus()
        page.keyboard.press("Control+ArrowRight")
        page.keyboard.press("]")  # at the cursor
        said = page.get_by_role("slider", name="Out mark").get_attribute("aria-valuetext")
        assert said is not None
        assert said in timeline.said


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


def test_a_day_and_time_is_gone_to_also_where_it_came_twice(
    app: Flask,
    cameras: tuple[int, int],
    chromium: Chromium,
) -> None:
    with opened(app, chromium, zone="Europe/Berlin") as (looker, timeline):
        page = looker.page
        page.locator(CANVAS).focus()
        page.keyboard.press("g")
        field = page.get_by_label("Day and time (Europe/Berlin)")
        field.fill("2025-03-30T02:30:00")
        page.get_by_text("this time did not exist").wait_for()
        field.fill("2025-10-26T02:30:00")
        page.get_by_label("The second time (GMT+1)").check()
        assert looker.axe() == []
        page.keyboard.press("Enter")
        middle_s = datetime.fromisoformat("2025-10-26T01:30:00Z").timestamp()
        wait_for(lambda: sum(timeline.view_s) / 2 == pytest.approx(middle_s, abs=2), "the second half past two")
        page.get_by_role("button", name="Go to…").click()
        field.fill("2999-01-01T00:00:00")
        page.get_by_role("button", name="Go", exact=True).click()
        page.get_by_text("This moment has not come yet.").wait_for()
        page.keyboard.press("Escape")
        assert page.get_by_role("button", name="Go to…").evaluate("node => node === document.activeElement")


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
        drawn = [page.evaluate(PIXEL, list(spot)) for spot in spots]
        page.get_by_role("button", name="What is drawn").click()
        page.get_by_label("Causes of gaps").uncheck()
        page.keyboard.press("Escape")
        timeline.tip_says(30, "Gap of 20 sec")
        assert "could not be reached" not in timeline.point(30)
        plain = [page.evaluate(PIXEL, list(spot)) for spot in spots]
        assert len({tuple(colour) for colour in drawn}) > 1  # a pattern
        assert len({tuple(colour) for colour in plain}) == 1
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
        page.wait_for_timeout(300)
        canvas = page.locator(CANVAS).bounding_box()
        assert canvas is not None
        at = [timeline.place(10)[0] - canvas["x"], AXIS_PX + LANE_PX / 2]
        before = page.evaluate(PIXEL, at)
        assert held, "nothing finer was asked for"
        for route in held:
            route.continue_()
        page.unroute("**/playbackapi/timeline?**")
        wait_for(lambda: {one.request for one in held} <= set(ended) or page.wait_for_timeout(50), "the finer look")
        page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        assert page.evaluate(PIXEL, at) == before


def test_footage_that_comes_is_drawn_by_itself(app: Flask, media: Callable[..., Path], chromium: Chromium) -> None:
    clip, source_id, begin_us = media("h264", seconds=8), add_source(app), now_us() - 30 * S
    record(app, source_id, clip, begin_us=begin_us)
    path = f"/view/timeline?at={utc(begin_us + 2 * S)}&span=120"
    with opened(app, chromium, path) as (_, timeline):
        after_s = (begin_us - T0_US) / S
        wait_for(lambda: "Gap" not in timeline.point(after_s + 4), "the first clip")
        wait_for(lambda: "Nothing was to be recorded" in timeline.point(after_s + 24), "nothing after it")
        record(app, source_id, clip, begin_us=begin_us + 20 * S)
        # Within seconds; where a tile of the timeline has ended a minute before, within three minutes.
        wait_for(lambda: "Nothing" not in timeline.point(after_s + 24), "the second clip", 240)
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
