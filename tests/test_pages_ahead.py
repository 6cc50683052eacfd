"""The first drawing of the pages: what it needs is asked for beside the scripts, once, and by the rules of the API.

No test has a bound of time: scripts are held back until what is to be asked for before them has been asked for, and a
list for longer than anything waits for it.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import Page, Route, expect

from app.extensions import db, writing
from app.models import AccountSession
from tests.archived import media as media
from tests.looking import Chromium, Looker
from tests.served import answering
from tests.test_page_people import production as production
from tests.timelining import VIEW, Timeline, wait_for
from tests.timelining import cameras as cameras

LISTS = ["/api/v1/source", "/api/v1/record/open", "/api/v1/group"]
COVERAGE = "/playbackapi/timeline?"
YEAR_S = 31_536_000
SCRIPTS = "**/static/built/assets/*.js"
WHOLE = "() => performance.getEntriesByName('timeline: all is drawn').length > 0"
# What was asked for until all was drawn, in order, by the browser's own record; not that the lists are looked at again
# 2.5 s later, where drawing takes as long.
ASKED = """() => {
  const [whole] = performance.getEntriesByName('timeline: all is drawn');
  const lists = performance.getEntriesByType('resource').filter(({name}) => name.includes('/api/v1/'));
  const againMs = Math.min(...lists.map((entry) => entry.responseEnd)) + 2400;
  return performance.getEntriesByType('resource')
    .filter((entry) => entry.initiatorType === 'fetch' && entry.startTime < whole.startTime)
    .filter((entry) => !lists.includes(entry) || entry.startTime < againMs)
    .map(({name}) => name.replace(location.origin, ''));
}"""


@contextmanager
def scripts_held(page: Page) -> Iterator[list[str]]:
    """Keep all scripts of the page back but the one that asks ahead, until the end; yields what is asked of the API."""
    held: list[Route] = []
    asked: list[str] = []

    def hold(route: Route) -> None:
        if "/ahead-" in route.request.url:
            route.continue_()
        else:
            held.append(route)

    def note(request: Any) -> None:
        path = "/" + request.url.split("/", 3)[3]
        if path.startswith(("/api/", "/playbackapi/")):
            asked.append(path)

    page.route(SCRIPTS, hold)
    page.on("request", note)
    yield asked
    wait_for(lambda: any("/main-" in route.request.url for route in held) or page.wait_for_timeout(20), "scripts")
    for route in held:
        route.continue_()
    page.unroute(SCRIPTS)
    page.remove_listener("request", note)


def waited(looker: Looker, path: str, is_so: Callable[[list[str]], bool], what: str) -> list[str]:
    """Open a page whose scripts come only when something has been asked for; return what was asked until then."""
    with scripts_held(looker.page) as asked:
        looker.page.goto(looker.base + path, wait_until="commit")
        wait_for(lambda: is_so(asked) or looker.page.wait_for_timeout(20), what)
        return list(asked)


def is_coverage(path: str) -> bool:
    return path.startswith(COVERAGE)


@pytest.mark.parametrize("span_s", [120, 86_400, YEAR_S])
def test_coverage_and_lists_are_asked_for_while_the_scripts_are_still_to_come(
    app: Flask,
    cameras: tuple[int, int],
    chromium: Chromium,
    span_s: int,
) -> None:
    named = ",".join(map(str, cameras))
    path = VIEW.replace("span=120", f"span={span_s}") + f"&cameras={named}"
    with answering(app) as base, chromium.looking(base) as looker:
        early = waited(looker, path, lambda asked: len(asked) >= 4, "coverage and three lists")
        assert sorted(early)[:3] == sorted(LISTS)
        assert [one for one in early if is_coverage(one)] == early[:1]  # what takes longest goes first
        assert f"source_id={named}&" in early[0]
        looker.page.wait_for_function(WHOLE)
        # Nothing of it was asked for again.
        asked = looker.page.evaluate(ASKED)
        assert [asked.count(one) for one in early] == [1] * len(early)
        Timeline(looker.page).tip_says(5, "Recorded as") if span_s < YEAR_S else None
        assert looker.complaints == []


def test_without_cameras_in_the_address_those_that_there_are_are_asked_for_ahead(
    app: Flask,
    cameras: tuple[int, int],
    chromium: Chromium,
) -> None:
    with answering(app) as base, chromium.looking(base) as looker:
        early = waited(looker, VIEW, lambda asked: any(map(is_coverage, asked)), "coverage of the cameras of the list")
        assert sorted(early)[:3] == sorted(LISTS)
        assert f"source_id={cameras[0]},{cameras[1]}&" in early[-1]
        looker.page.wait_for_function(WHOLE)
        asked = looker.page.evaluate(ASKED)
        assert [asked.count(one) for one in early] == [1] * len(early)
        Timeline(looker.page).tip_says(5, "Recorded as")
        assert looker.complaints == []


def test_a_view_that_reaches_into_the_present_is_one_request_too(
    app: Flask,
    cameras: tuple[int, int],
    chromium: Chromium,
) -> None:
    path = f"/view/timeline?cameras={cameras[0]}&span={YEAR_S}"
    with answering(app) as base, chromium.looking(base) as looker:
        waited(looker, path, lambda asked: len(asked) >= 4, "coverage and three lists")
        looker.page.wait_for_function(WHOLE)
        coverage = next(one for one in looker.page.evaluate(ASKED) if is_coverage(one))
        assert "&end=" not in coverage  # by the service's clock, and so the same whoever asks
        assert looker.complaints == []


@pytest.mark.parametrize("path", ["/", "/view/cameras", "/view/files", "/view/system"])
def test_other_pages_ask_for_their_lists_ahead_and_for_no_footage(
    app: Flask,
    cameras: tuple[int, int],
    chromium: Chromium,
    path: str,
) -> None:
    with answering(app) as base, chromium.looking(base) as looker:
        early = waited(looker, path, lambda asked: len(asked) >= 3, "three lists")
        assert sorted(early) == sorted(LISTS)
        looker.page.locator("main[data-page] > *").first.wait_for(state="attached")
        assert looker.complaints == []


def test_who_may_not_see_a_camera_is_told_nothing_of_it_ahead(production: Flask, chromium: Chromium) -> None:
    with answering(production) as base, chromium.looking(base, account="guard") as looker:
        answers: list[tuple[str, int]] = []
        looker.page.on(
            "response",
            lambda answer: answers.append((answer.url, answer.status)) if COVERAGE in answer.url else None,
        )

        def statuses(source_id: int) -> set[int]:
            return {status for url, status in answers if f"source_id={source_id}&" in url}

        waited(looker, "/view/timeline?span=3600", lambda asked: any(map(is_coverage, asked)), "coverage")
        looker.page.wait_for_function(WHOLE)
        assert [status for _, status in answers][:1] == [200]
        assert all("source_id=1&" in url for url, _ in answers)
        held: list[Route] = []
        looker.page.route("**/api/v1/source", lambda route: held.append(route))  # with the list it is no more asked for
        looker.open("/view/timeline?cameras=2&span=3600")
        wait_for(lambda: statuses(2) or looker.page.wait_for_timeout(20), "the refusal")
        for route in held:
            route.continue_()
        looker.page.unroute("**/api/v1/source")
        expect(looker.page.locator(".timelinepage-missing")).to_be_visible()
        assert statuses(2) == {404}


@pytest.mark.parametrize("named", ["1,2", "2", "1,2,97,98,99"])
def test_nothing_more_is_asked_of_cameras_of_a_link_that_one_may_not_see(
    production: Flask,
    chromium: Chromium,
    named: str,
) -> None:
    """But for the coverage that is asked for ahead: who asks it does not know yet which cameras there are."""
    hidden = [one for one in named.split(",") if one != "1"]
    with answering(production) as base, chromium.looking(base, account="guard") as looker:
        page, refused, held = looker.page, [], []
        page.on("response", lambda answer: refused.append(answer.url) if answer.status in (403, 404) else None)
        page.route(f"**{LISTS[0]}", lambda route: held.append(route), times=1)
        looker.open(f"/view/timeline?cameras={named}&span=3600&in=2026-11-21T08:00:00Z&out=2026-11-21T08:00:05Z")
        missing = page.locator(".timelinepage-missing")
        page.wait_for_function("() => performance.now() > 2000")  # a list that comes late: nothing is asked meanwhile
        for route in held:
            route.continue_()
        for one in hidden:
            expect(missing).to_contain_text(one)
        expect(page.locator(".timeline-names > li")).to_have_text(["Front"] if "1" in named.split(",") else [])
        for _ in range(3):  # so long the page has asked for whatever it asks
            page.wait_for_event("requestfinished", lambda request: request.url.endswith(LISTS[1]))
        expect(page.locator(".timeline .error-text")).to_have_count(0)  # the page says which are not there, and no more
        asked = [url.removeprefix(base).split("?")[0] for url in refused]
        asked = [path for path in asked if path != "/playbackapi/source/1"]  # of the clip, in which it has no footage
        assert asked in ([], ["/playbackapi/timeline"])


def test_a_session_that_ends_before_the_first_answer_is_told_as_at_any_time(
    production: Flask,
    chromium: Chromium,
) -> None:
    with answering(production) as base, chromium.looking(base, account="viewer") as looker:
        page, held = looker.page, []
        page.route("**/api/v1/**", lambda route: held.append(route))
        page.goto(f"{base}/view/timeline?cameras=1&span=60", wait_until="commit")
        wait_for(lambda: len(held) >= len(LISTS) or page.wait_for_timeout(20), "the lists")
        with production.app_context(), writing() as session:
            session.execute(db.delete(AccountSession))
        for route in held:
            route.continue_()
        page.unroute("**/api/v1/**")
        expect(page.get_by_role("dialog", name="You are signed out")).to_be_visible()


def test_the_script_that_asks_ahead_is_small_and_comes_first_on_each_page(client: FlaskClient) -> None:
    for path in ("/", "/view/timeline", "/view/cameras", "/view/files", "/view/system"):
        loaded = [line for line in client.get(path).text.splitlines() if "/static/built/" in line]
        assert '<script type="module" async src="/static/built/assets/ahead-' in loaded[0]
        assert sum("/ahead-" in line for line in loaded) == 1
        with client.get(loaded[0].split('src="')[1].split('"')[0]) as script:
            assert len(script.data) < 8192
            assert b"import" not in script.data  # it waits for nothing
            assert "immutable" in script.headers["Cache-Control"]


def test_what_is_asked_for_ahead_is_kept_by_nobody_else(production: Flask) -> None:
    """A browser may keep the lists if it asks whether they are still right; what was recorded when, not at all."""
    with production.test_client() as client:
        for path in (*LISTS, f"{COVERAGE}source_id=1&start=0"):
            kept = client.get(path).headers["Cache-Control"]
            assert kept == "no-store" or "private" in kept, path


def test_the_page_itself_says_nothing_of_what_was_recorded(production: Flask, chromium: Chromium) -> None:
    with answering(production) as base, chromium.looking(base, account="guard") as looker:
        answer = looker.page.goto(f"{base}/view/timeline?cameras=1,2&span=3600", wait_until="commit")
        assert answer is not None
        assert "Front" not in answer.text()
        assert answer.headers["cache-control"] == "private, no-cache"


# What stands in the frame of the pages when it is first there: the first element of `main`.
FIRST_THERE = """new Promise((tell) => {
  const look = () => {
    const first = document.querySelector('main')?.firstElementChild;
    if (first) tell(first.className);
  };
  new MutationObserver(look).observe(document, {childList: true, subtree: true});
})"""


@pytest.mark.parametrize(("path", "begin"), [("/view/timeline", "timelinepage"), ("/view/system", "system")])
def test_a_page_is_drawn_together_with_its_frame(app: Flask, chromium: Chromium, path: str, begin: str) -> None:
    with answering(app) as base, chromium.looking(base) as looker:
        looker.page.add_init_script(f"window.firstThere = {FIRST_THERE}")
        looker.page.goto(base + path)
        assert looker.page.evaluate("firstThere") == begin
