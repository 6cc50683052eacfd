"""Moments are found: by handles that are dragged, by what people type, by gaps and their edges, by any keyboard."""

from datetime import datetime

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from tests.archived import T0_US, add_source, utc
from tests.archived import media as media
from tests.archived import no_plans as no_plans
from tests.looking import Chromium
from tests.served import answering
from tests.timelining import (
    CANVAS,
    CLIP_S,
    GAP_S,
    IS_LAID_OUT,
    LANE_PX,
    SPAN_S,
    VIEW,
    S,
    opened,
    wait_for,
)
from tests.timelining import cameras as cameras


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


def test_an_outage_is_seen_whole_and_its_last_and_first_frames_are_found_by_mouse_and_by_keys(
    app: Flask,
    cameras: tuple[int, int],
    chromium: Chromium,
) -> None:
    last_s = CLIP_S - 0.008
    with opened(app, chromium) as (looker, timeline):
        page = looker.page
        timeline.tip_says(30, "08:00:20 – 08:00:40")
        page.mouse.dblclick(*timeline.place(30))
        timeline.shows(GAP_S * 1.6)
        x, y = timeline.place(CLIP_S)
        page.mouse.click(x + 2, y)  # a little within the gap
        timeline.shows_moment(last_s, 0.03)
        page.wait_for_function("() => document.querySelector('.player-clock')?.dateTime.includes('08:00:19.9')")
        page.mouse.click(*timeline.place(30))
        page.get_by_role("button", name="First picture after").first.click()
        timeline.shows_moment(CLIP_S + GAP_S, 0.03)
        page.locator(CANVAS).focus()
        page.keyboard.press("Control+ArrowLeft")
        wait_for(lambda: "08:00:20" in timeline.said, "where footage ends")
        page.keyboard.press("Enter")
        timeline.shows_moment(last_s, 0.03)
        page.get_by_role("button", name="1 h", exact=True).click()
        timeline.shows(3600)
        page.locator(CANVAS).focus()
        page.keyboard.press("Control+ArrowRight")
        wait_for(lambda: "08:00:20" in timeline.said, "the gap's begin")
        page.keyboard.press("z")
        timeline.shows(GAP_S * 1.6)
        assert looker.axe() == []


def test_a_moment_is_typed_as_people_write_it_or_chosen_and_back_leads_to_the_one_before(
    app: Flask,
    cameras: tuple[int, int],
    chromium: Chromium,
) -> None:
    with opened(app, chromium, VIEW.replace("span=120", "span=604800"), language="ru") as (_, timeline):
        page = timeline.page
        timeline.shows_moment(30)
        press_russian(page, "п", "KeyG")
        expect(page.get_by_label("Дата и время (UTC)")).to_be_focused()
        page.keyboard.type("21.11.2026 в 8:00:45")
        page.get_by_text("суббота, 21 ноября 2026 г., 08:00:45").wait_for()
        page.keyboard.press("Enter")
        timeline.shows_moment(45)
        timeline.shows(3600)  # near enough to be seen
        page.go_back()
        timeline.shows_moment(30)
        timeline.shows(604_800)
        page.get_by_role("button", name="Перейти…").click()
        page.get_by_role("button", name="пятница, 20 ноября 2026").click()
        page.get_by_role("button", name="суббота, 21 ноября 2026 г., есть запись").click()
        page.get_by_label("Часы").select_option("8")
        page.get_by_label("Минуты").select_option("1")
        page.get_by_role("button", name="суббота, 21 ноября 2026 г., есть запись").press("ArrowLeft")
        page.keyboard.press("ArrowRight")
        page.get_by_role("dialog").get_by_role("button", name="Перейти", exact=True).click()
        timeline.shows_moment(60)


def press_russian(page: Page, key: str, code: str, *, shift: bool = False) -> None:
    """Press a key of a keyboard with Russian letters, where the focus is."""
    init = {"key": key, "code": code, "shiftKey": shift, "bubbles": True, "cancelable": True}
    page.evaluate("init => document.activeElement.dispatchEvent(new KeyboardEvent('keydown', init))", init)


def test_keys_are_told_of_and_are_meant_by_place_on_a_russian_keyboard(
    app: Flask,
    cameras: tuple[int, int],
    chromium: Chromium,
) -> None:
    with opened(app, chromium, language="ru") as (looker, timeline):
        page = looker.page
        timeline.shows_moment(30)
        press_russian(page, "х", "BracketLeft")
        assert timeline.slider_s("Начало фрагмента") == 30
        field = page.get_by_label("Конец", exact=True)
        field.focus()
        press_russian(page, "ъ", "BracketRight")  # somebody types
        press_russian(page, "п", "KeyG")
        assert page.get_by_role("slider", name="Конец фрагмента").count() == 0
        assert page.get_by_role("dialog").count() == 0
        page.locator(CANVAS).focus()
        press_russian(page, "ArrowLeft", "ArrowLeft")
        press_russian(page, "ъ", "BracketRight")  # the cursor lies before the begin: that is taken away
        page.get_by_role("slider", name="Конец фрагмента").wait_for()
        press_russian(page, "?", "Digit7", shift=True)
        help_ = page.get_by_role("dialog", name="Клавиши")
        told = help_.inner_text()
        for text in (
            "Пробел",
            "На дорожках",
            "Показать пропуск целиком",
            "Ссылка на этот момент",
            "Следующее движение",
        ):
            assert text in told
        assert looker.axe() == []


def test_many_lanes_are_thin_unless_somebody_wants_them_tall(app: Flask, chromium: Chromium) -> None:
    for _ in range(16):
        add_source(app)
    with answering(app) as base, chromium.looking(base) as looker:
        page = looker.open(VIEW)
        lanes = page.locator(".timeline-names li")
        wait_for(lambda: lanes.count() == 16, "the lanes")
        page.wait_for_function(IS_LAID_OUT, polling=100)
        boxes = [lane.bounding_box() for lane in lanes.all()]
        assert sum(box is not None and box["y"] + box["height"] <= 800 for box in boxes) >= 9
        assert min(box["height"] for box in boxes if box is not None) >= 18
        page.get_by_role("button", name="What is drawn").click()
        page.get_by_label("Height of the lanes").select_option("tall")
        page.reload()
        wait_for(lambda: lanes.count() == 16, "the lanes again")
        tall = lanes.first.bounding_box()
        assert tall is not None
        assert tall["height"] == LANE_PX
        assert looker.complaints == []
