"""The pages in a real Chromium while answers fail or are late: they claim nothing untrue, and lose nothing."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import Flask
from playwright.sync_api import Page, Route, expect

from app.extensions import writing
from app.models import Source
from app.models.types import now_us
from tests.archived import T0_US, add_source, record, utc
from tests.archived import media as media
from tests.archived import no_plans as no_plans
from tests.handed import store_file
from tests.looking import Chromium
from tests.served import answering
from tests.service import wait_for
from tests.test_pages_clips import MARKED, Place
from tests.test_pages_clips import place as place

S = 1_000_000


def fail(route: Route) -> None:
    """Answer as a proxy does whose service is just starting anew."""
    route.fulfill(status=503, content_type="text/html", body="<h1>Service Unavailable</h1>")


class Slow:
    """Lets requests wait until they are let go, and counts how many wait at once."""

    def __init__(self, page: Page, address: Any) -> None:
        self.page, self.held, self.most = page, list[Route](), 0
        self.passed = 0
        self.is_over = False
        page.route(address, self._hold)

    def _hold(self, route: Route) -> None:
        if self.is_over:
            route.continue_()
        else:
            self.held.append(route)
            self.most = max(self.most, len(self.held))

    def wait(self, count: int) -> None:
        """Return once so many wait."""
        wait_for(lambda: len(self.held) >= count or self.page.wait_for_timeout(50), f"{count} that wait", 40)

    def go(self, route: Route | None = None) -> None:
        """Let the one go on that has waited for the longest."""
        (route or self.held.pop(0)).continue_()
        self.passed += 1

    def end(self) -> None:
        """Let all go on that wait, and hold none from now on."""
        self.is_over = True
        while self.held:
            self.go()


def test_what_a_dialog_is_about_stays_though_the_service_answers_no_more(place: Place, chromium: Chromium) -> None:
    with chromium.looking(place.base, account="operator") as looker:
        page = looker.open(MARKED)
        failed: list[Route] = []

        def refuse(route: Route) -> None:
            fail(route)
            failed.append(route)

        page.get_by_role("button", name="Pin…").click()
        dialog = page.get_by_role("dialog", name="Pin footage")
        expect(dialog).to_contain_text("Gate, Yard")
        address = re.compile(r"/playbackapi/(?!.*mp4)")
        page.route(address, refuse)
        wait_for(lambda: len(failed) >= 2 or page.wait_for_timeout(100), "a look at what both hold", 90)
        page.wait_for_function("() => document.querySelectorAll('.clips-holdings .error-text').length === 2")
        expect(dialog).to_contain_text("Gate, Yard")
        for line in page.locator(".clips-holdings > li").all():
            expect(line).to_contain_text("4.3 sec")  # what was known is known still
            expect(line.get_by_role("checkbox", include_hidden=True)).to_be_checked()
        page.unroute(address)
        dialog.get_by_label("Reason").fill("theft")
        dialog.get_by_role("button", name="Pin", exact=True).press("Enter")
        expect(dialog).to_have_count(0)
        expect(page.get_by_text("Pinned for 2 cameras")).to_be_visible()
        assert [pin["source_id"] for pin in place.ask("GET", "/api/v1/pins?is_active=true")] == [1, 2]


def test_a_size_that_is_not_told_is_no_footage_that_is_not_there(place: Place, chromium: Chromium) -> None:
    """Any refusal said "no finished recording yet", and the exports could not be chosen."""
    with chromium.looking(place.base, account="operator") as looker:
        page = looker.open(MARKED)
        page.route("**/export?**", lambda route: fail(route) if route.request.method == "HEAD" else route.continue_())
        page.get_by_role("button", name="Download…").click()
        dialog = page.get_by_role("dialog", name="Download")
        evidence = dialog.locator("label", has_text="Evidence")
        expect(evidence.get_by_role("alert")).to_contain_text("503")
        expect(dialog).not_to_contain_text("no finished recording yet")
        evidence.get_by_role("radio").check()
        with page.expect_download() as coming:
            dialog.get_by_role("button", name="Download", exact=True).click()
        assert coming.value.suggested_filename.endswith(".zip")


def test_downloads_and_questions_of_their_sizes_go_two_at_a_time(
    place: Place, media: Callable[..., Path], chromium: Chromium
) -> None:
    """They took all six connections of the browser: pictures and lists stood still."""
    film = media("h264")
    for _ in range(2):
        record(place.app, add_source(place.app), film, begin_us=T0_US)
    with chromium.looking(place.base, account="operator") as looker:
        page = looker.open(MARKED.replace("cameras=1,2", "cameras=1,2,3,4"))
        sizes = Slow(page, "**/export?**")
        page.get_by_role("button", name="Download…").click()
        dialog = page.get_by_role("dialog", name="Download")
        while sizes.passed < 8:
            sizes.wait(min(2, 8 - sizes.passed))
            sizes.go()
        assert sizes.most == 2
        page.unroute("**/export?**")
        films = Slow(page, re.compile(r"\.mp4\?.*download|/mp4\?"))
        dialog.get_by_role("radio", name="MP4", exact=True).check()
        dialog.get_by_role("button", name="Download", exact=True).click()
        region = page.get_by_role("region", name="Downloads")
        films.wait(2)
        expect(region.get_by_text("waits for its turn")).to_have_count(2)
        expect(region.get_by_role("listitem")).to_have_count(4)
        assert looker.axe() == []
        while films.passed < 4:
            films.wait(min(2, 4 - films.passed))
            films.go()
        expect(region.get_by_text("saved · ")).to_have_count(4)
        assert films.most == 2


def test_links_that_are_told_once_are_told_though_one_would_close_the_dialog(place: Place, chromium: Chromium) -> None:
    with chromium.looking(place.base, account="operator") as looker:
        page = looker.open(MARKED)
        page.get_by_role("button", name="Share…").click()
        dialog = page.get_by_role("dialog", name="Share by link")
        making = Slow(page, re.compile(r"/api/v1/share$"))
        dialog.get_by_role("button", name="Make links").click()
        making.wait(1)
        dialog.get_by_role("button", name="Close").click()
        page.keyboard.press("Escape")
        making.go()
        making.wait(1)
        making.go()
        told = page.get_by_role("dialog", name="Links, shown this once")
        expect(told.get_by_role("textbox")).to_have_count(2)


def test_a_gap_tells_nothing_of_another_gap(place: Place, chromium: Chromium) -> None:
    with chromium.looking(place.base, account="viewer") as looker:
        at_us = T0_US + 10 * S
        page = looker.open(f"/view/timeline?cameras=1&at={utc(at_us)}&play=0")
        note = page.locator(".player-gap")
        expect(note).to_contain_text("until Nov 21, 2026, 08:00:12")
        expect(note.locator("p")).to_have_count(4)  # with the cause
        questions = Slow(page, "**/gaps?**")
        page.keyboard.press("g")
        field = page.get_by_role("dialog").locator("input").first
        field.fill("2026-11-21 08:00:40")
        field.press("Enter")
        page.wait_for_function("() => new URL(location).searchParams.get('at')?.includes('08:00:40')")
        expect(note).to_be_visible()
        expect(note).not_to_contain_text("until")
        expect(note.locator("p")).to_have_count(2)  # its own cause is not known yet
        questions.wait(1)
        questions.end()  # the timeline asks for gaps, too
        expect(note.locator("p")).to_have_count(3)


def test_older_files_stay_though_a_look_was_under_way(app: Flask, chromium: Chromium) -> None:
    """A look of before took back the rows that somebody had asked for."""
    for number in range(60):
        store_file(app, b"x", name=f"script {number}.txt", media_type="text/plain; charset=utf-8")
    with answering(app) as base, chromium.looking(base) as looker:
        page = looker.open("/view/files")
        rows = page.get_by_role("row")
        expect(rows).to_have_count(51)
        looks = Slow(page, re.compile(r"/files/\?(?!.*cursor).*limit=50"))
        looks.wait(1)
        page.get_by_role("button", name="Show older files").press("Enter")
        page.wait_for_timeout(500)  # what does not wait for the look has been answered
        with page.expect_response(re.compile(r"/files/\?(?!.*cursor).*limit=50")):
            looks.go()
        page.unroute(re.compile(r"/files/\?(?!.*cursor).*limit=50"))
        with page.expect_response(re.compile(r"/files/\?(?!.*cursor).*limit=")):  # the next look
            pass
        expect(rows).to_have_count(61)


def test_a_file_whose_report_fails_says_so_and_shows_it_later(app: Flask, chromium: Chromium) -> None:
    file_id = store_file(app, b"x", name="script.txt", media_type="text/plain; charset=utf-8")
    with answering(app) as base, chromium.looking(base) as looker:
        looker.page.route("**/report?**", fail)
        page = looker.open(f"/view/files?file={file_id}")
        page.get_by_role("heading", name="script.txt").wait_for()
        expect(page.locator(".files-file .error-text")).to_contain_text("503")
        expect(page.get_by_role("progressbar")).to_have_count(0)
        expect(page.locator(".files-head .lamp")).to_have_attribute("data-lamp", "waiting")
        page.unroute("**/report?**")
        expect(page.locator("#files-cinema")).to_be_visible()
        expect(page.locator(".files-head .lamp")).to_have_attribute("data-lamp", "online")


def test_a_table_is_read_again_once_it_is_corrected(app: Flask, chromium: Chromium, tmp_path: Path) -> None:
    """A browser tells of a choice only where it is another: the same name, corrected, was not read."""
    path = tmp_path / "cameras.csv"
    path.write_text("name\nGate\n")
    with answering(app) as base, chromium.looking(base) as looker:
        page = looker.open("/view/cameras?open=import")
        chosen = page.locator("input[type=file]")
        chosen.set_input_files(path)
        expect(page.get_by_role("dialog").get_by_role("alert")).to_be_visible()
        assert chosen.evaluate("input => input.files.length") == 0
        path.write_text("name;address\nGate;rtsp://10.0.0.1/cam\n")
        chosen.set_input_files(path)
        expect(page.get_by_role("row", name="Gate")).to_be_visible()


def test_what_was_measured_is_asked_for_again_after_a_failure(app: Flask, chromium: Chromium) -> None:
    source_id = add_source(app)
    with app.app_context(), writing() as session:
        row = session.get_one(Source, source_id)
        row.status, row.status_us, row.video_codec, row.description = "online", now_us(), "avc1.42c014", "Gate"
        row.width, row.height, row.frame_rate = 640, 480, 12.0
    failures: list[Route] = []

    def fail_once(route: Route) -> None:
        failures.append(route)
        fail(route) if len(failures) == 1 else route.continue_()

    with answering(app) as base, chromium.looking(base) as looker:
        looker.page.route("**/api/v1/source/*/status", fail_once)
        page = looker.open("/view/cameras")
        expect(page.get_by_role("row", name="Gate")).to_contain_text("H.264 · 640×480 · 12 fps")
        assert len(failures) > 1
