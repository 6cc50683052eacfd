"""Movement on the page of recordings: switched on, looked for, and gone to, by mouse and by keyboard."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flask import Flask
from playwright.sync_api import Page, Request, Route, expect

from app.extensions import db, writing
from app.models import Source
from app.playback.activitypass import ActivityPass
from tests.archived import T0_US, add_source, record, utc
from tests.archived import no_plans as no_plans
from tests.looking import Chromium
from tests.scenes import make_scene
from tests.served import answering
from tests.service import wait_for

S = 1_000_000
NOT_NOW = {"detail": [{"loc": [], "msg": "not now", "type": "busy"}]}
# Counts the sliders that come from now on into the dialog.
WATCH_SLIDERS = """() => {
  window.sliders = 0;
  const look = () => { window.sliders += document.querySelectorAll('dialog [type=range]').length; };
  new MutationObserver(look).observe(document.body, {childList: true, subtree: true});
}"""


@contextmanager
def two_cameras(app: Flask, folder: Path) -> Iterator[tuple[str, int, int]]:
    """Yield a server over two cameras: before the gate something moves at 10 s and at 40 s, in the yard at 24 s."""
    gate, yard = add_source(app), add_source(app)
    with app.app_context(), writing() as session:
        for source_id, name in ((gate, "Gate"), (yard, "Yard <b>")):
            session.get_one(Source, source_id).description = name
    early = make_scene(folder / "early.mp4", 20, moving_s=(10, 14))
    late = make_scene(folder / "late.mp4", 20, moving_s=(4, 8))
    record(app, gate, early, segment_s=4)
    record(app, gate, early, begin_us=T0_US + 30 * S, segment_s=4)
    record(app, yard, late, begin_us=T0_US + 20 * S, segment_s=4)
    with answering(app) as base:
        yield base, gate, yard


def look(app: Flask) -> None:
    """Do what the worker does every half minute."""
    with app.app_context():
        assert ActivityPass(1000.0).run().segments
        db.session.remove()


def status(page: Page, text: str) -> None:
    expect(page.get_by_role("region", name="Movement").get_by_role("status").first).to_contain_text(text)


def is_question(request: Request) -> bool:
    return request.url.endswith("/activity/setting") and request.method == "GET"


def test_movement_is_switched_on_and_gone_to(app: Flask, tmp_path: Path, chromium: Chromium) -> None:
    with two_cameras(app, tmp_path) as (base, gate, yard), chromium.looking(base) as looker:
        page = looker.open(f"/view/timeline?cameras={gate},{yard}&at={utc(T0_US + 2 * S)}&span=120")
        bar = page.get_by_role("region", name="Movement")
        expect(bar).to_contain_text("Movement is not looked for before these cameras")
        bar.get_by_role("button", name="Search for movement").click()
        dialog = page.get_by_role("dialog", name="Search for movement")
        for name in ("Gate", "Yard <b>"):
            dialog.get_by_label(f"Look for movement: {name}").check()
            expect(dialog.get_by_label("Look at recordings")).to_have_count(1 if name == "Gate" else 2)
        for one in dialog.get_by_label("Look at recordings").all():
            one.select_option("sinceAll")
        expect(dialog.get_by_text("still to be looked at")).to_have_count(2)
        assert looker.axe() == []
        look(app)
        expect(dialog.get_by_text("All looked at")).to_have_count(2)
        looker.shot("activity-switch")
        page.keyboard.press("Escape")
        expect(dialog).to_have_count(0)
        expect(bar.get_by_role("button", name="Search for movement")).to_be_focused()

        page.keyboard.press("n")
        status(page, "Gate: Nov 21, 2026, 08:00:10, for 4 sec")
        page.wait_for_url(re.compile(r"at=2026-11-21T08:00:1[01]"))
        bar.get_by_role("button", name="Next movement").click()
        status(page, "Yard <b>: Nov 21, 2026, 08:00:24")
        page.keyboard.press("n")
        status(page, "Gate: Nov 21, 2026, 08:00:40")
        page.keyboard.press("n")
        status(page, "No movement after this")
        page.keyboard.press("Shift+N")
        status(page, "08:00:24")
        bar.get_by_role("button", name="Previous movement").click()
        status(page, "08:00:10")

        slider = bar.get_by_role("slider")
        slider.focus()
        slider.press("End")
        expect(slider).to_have_attribute("aria-valuetext", "50% of the picture")
        slider.press("n")
        status(page, "No movement after this")
        bar.get_by_role("button", name="As set for each camera again").click()
        page.keyboard.press("n")
        status(page, "08:00:24")
        assert looker.axe() == []
        assert looker.complaints == []
        looker.shot("activity-bar")


def test_no_earlier_answer_takes_back_what_is_set(app: Flask, tmp_path: Path, chromium: Chromium) -> None:
    setting = "**/activity/setting"
    with two_cameras(app, tmp_path) as (base, gate, _), chromium.looking(base) as looker:
        page = looker.open(f"/view/timeline?cameras={gate}&at={utc(T0_US + 2 * S)}&span=120")
        page.get_by_role("region", name="Movement").get_by_role("button", name="Search for movement").click()
        dialog = page.get_by_role("dialog", name="Search for movement")
        switch, slider = dialog.get_by_label("Look for movement: Gate"), dialog.get_by_role("slider")
        with page.expect_response(lambda answer: answer.request.method == "PUT"):
            switch.check()
        expect(slider).to_be_enabled()
        before = slider.get_attribute("aria-valuetext") or ""
        told = {**looker.ask(f"/api/v1/source/{gate}/activity/setting"), "behind_s": 5000}
        # An answer that comes in the middle of a drag is shown, and the thumb stays in the hand.
        slider.evaluate("(it) => { it.value = 60; it.dispatchEvent(new Event('input', {bubbles: true})); }")
        expect(slider).to_have_attribute("aria-valuetext", "50% of the picture")
        page.route(setting, lambda route: route.fulfill(json=told))
        expect(dialog.get_by_text("1 hr 23 min")).to_be_visible()
        assert slider.get_attribute("aria-valuetext") == "50% of the picture"
        page.unroute(setting)
        # Refused, it goes back to where it is stored.
        page.route(setting, lambda route: route.fulfill(status=503, json=NOT_NOW))
        slider.evaluate("(it) => it.dispatchEvent(new Event('change', {bubbles: true}))")
        expect(slider).to_have_attribute("aria-valuetext", before)
        page.unroute(setting)
        # What was asked before the switch was turned is answered after it.
        held: list[Route] = []

        def hold_first(route: Route) -> None:
            if route.request.method == "GET" and not held:
                held.append(route)
            else:
                route.continue_()

        page.route(setting, hold_first)
        wait_for(lambda: held or page.wait_for_timeout(20), "a question to be held")
        with page.expect_response(lambda answer: answer.request.method == "PUT"):
            switch.uncheck()
        expect(slider).to_have_count(0)
        page.evaluate(WATCH_SLIDERS)
        held[0].fulfill(json=told)
        page.wait_for_event("requestfinished", is_question)
        page.wait_for_event("requestfinished", is_question)
        assert page.evaluate("window.sliders") == 0
        expect(switch).not_to_be_checked()


def test_nothing_is_said_of_what_is_set_before_it_is_known(app: Flask, tmp_path: Path, chromium: Chromium) -> None:
    with two_cameras(app, tmp_path) as (base, gate, _):
        app.test_client().put(f"/api/v1/source/{gate}/activity/setting", json={"is_enabled": True, "since": "0"})
        with chromium.looking(base) as looker:
            refused: list[Route] = []

            def refuse_first(route: Route) -> None:
                if refused:
                    route.continue_()
                else:
                    refused.append(route)
                    route.fulfill(status=503, json=NOT_NOW)

            looker.page.route(re.compile(r"/playbackapi/activity\?.*resolution=2$"), refuse_first)
            page = looker.open(f"/view/timeline?cameras={gate}&at={utc(T0_US + 2 * S)}&span=120")
            bar = page.get_by_role("region", name="Movement")
            wait_for(lambda: refused or page.wait_for_timeout(20), "a question that is refused")
            page.keyboard.press("n")
            expect(bar).not_to_contain_text("No movement")
            expect(bar).not_to_contain_text("not looked for")
            expect(bar.get_by_role("button", name="Next movement")).to_be_visible()  # it was asked for again


def test_how_far_it_has_come_is_said_in_other_languages_and_on_a_phone(
    app: Flask, tmp_path: Path, chromium: Chromium
) -> None:
    with two_cameras(app, tmp_path) as (base, gate, _):
        app.test_client().put(f"/api/v1/source/{gate}/activity/setting", json={"is_enabled": True, "since": "0"})
        with chromium.looking(base, language="ru", theme="dark", size="phone") as looker:
            page = looker.open(f"/view/timeline?cameras={gate}&at={utc(T0_US)}&span=120")
            page.get_by_role("button", name="Поиск движения").tap()
            expect(page.get_by_role("dialog")).to_contain_text("Осталось просмотреть: 40")
            looker.shot("activity-phone-dark", is_whole=False)
            assert looker.axe() == []
            assert looker.complaints == []
