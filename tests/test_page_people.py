"""The pages for who is signed in: what they say of him and offer him, what he can do, and how a session ends."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Page, Route, expect

from app.extensions import db, writing
from app.models import Account, AccountSession, Group, Source
from tests.accounts import PASSWORD, add_account, add_bounded, password_hash
from tests.conftest import in_production
from tests.looking import Chromium
from tests.served import answering

# What is offered of acting: on the wall, and beside the player for a clip.
WALL = ["Record…", "Record the group Doors", "Record Front"]
CLIP = ["Download…", "Pin…", "Share…", "Analyse…"]
MARKED = "/view/timeline?in=2026-11-21T08:00:00Z&out=2026-11-21T08:00:05Z"


@pytest.fixture
def production(tmp_path: Path, migrated_sqlite: Path) -> Iterator[Flask]:
    """Yield an app in production with two cameras in a group, and accounts of which two see the first alone."""
    with in_production(tmp_path, migrated_sqlite) as app:
        with app.app_context(), writing() as session:
            sources = [
                Source(model="Source", uri_rtsp="rtsp://127.0.0.1:9/none", description=name, status="offline")
                for name in ("Front", "Back")
            ]
            session.add_all(sources)
            session.add(Group(model="Source", name="Doors", sources=sources))
            session.flush()
            for role in ("viewer", "operator", "admin"):
                add_account(session, role, role)
            add_bounded(session, "guard", "viewer", 1)
            add_bounded(session, "porter", "operator", 1)
            session.execute(db.update(Account).values(password=password_hash()))
        yield app


def offered(page: Page, names: list[str]) -> list[str]:
    """Return which buttons of these names can be seen."""
    return [name for name in names if page.get_by_role("button", name=name, exact=True).first.is_visible()]


@pytest.mark.parametrize(
    ("name", "may_act", "seen"),
    [
        ("guard", False, ["Front"]),
        ("operator", True, ["Back", "Front"]),
        ("admin", True, ["Back", "Front"]),
    ],
)
def test_the_pages_say_who_is_signed_in_and_offer_what_he_may(
    production: Flask,
    chromium: Chromium,
    name: str,
    may_act: bool,
    seen: list[str],
) -> None:
    with answering(production) as base, chromium.looking(base, account=name) as looker:
        page = looker.open("/")
        expect(page.locator(".wall-open")).to_have_text(seen)
        page.get_by_role("link", name="Front").hover()  # some are shown for the picture that is pointed at
        assert offered(page, WALL) == (WALL if may_act else [])
        looker.open(MARKED)
        expect(page.locator(".clips-holdings > li")).to_have_count(len(seen))
        assert offered(page, CLIP) == (CLIP if may_act else [])
        assert offered(page, ["Preview", "Download MP4"]) == ["Preview", *([] if may_act else ["Download MP4"])]
        page.wait_for_load_state("networkidle")  # else the browser notes what was still asked for when he signed out
        page.get_by_role("button", name=name, exact=True).click()
        expect(page.get_by_role("link", name=name, exact=True)).to_have_attribute("href", "/account")
        page.get_by_role("button", name="Sign out").click()
        page.wait_for_url("**/login*")
        assert [line for line in looker.complaints if "404" not in line] == []  # there is no footage to make a clip of


def test_who_signs_out_is_not_told_that_he_was(production: Flask, chromium: Chromium) -> None:
    """However long the answer takes: the page asks again and again, and all that would be refused."""

    def hold(route: Route) -> None:
        answer = route.fetch(max_redirects=0)
        time.sleep(4)  # longer than the page leaves the list of cameras alone
        route.fulfill(response=answer)

    with answering(production) as base, chromium.looking(base, account="viewer") as looker:
        page, told = looker.open("/view/cameras"), []
        page.get_by_role("heading", name="Cameras").wait_for()
        page.expose_function("tell", lambda text: told.append(text))
        page.evaluate(
            """() => new MutationObserver(() => {
                const dialog = document.querySelector('dialog');
                if (dialog) tell(dialog.textContent);
            }).observe(document.body, {childList: true, subtree: true})"""
        )
        page.route("**/logout", hold)
        page.get_by_role("button", name="viewer", exact=True).click()
        page.get_by_role("button", name="Sign out").click()
        page.wait_for_url("**/login*")
        assert (told, looker.complaints) == ([], [])
        page.go_back()
        page.wait_for_url(lambda address: "/login?next=" in address)


@pytest.mark.parametrize(("name", "may_act"), [("viewer", False), ("porter", False), ("operator", True)])
def test_who_may_do_nothing_finds_no_place_for_it(
    production: Flask,
    chromium: Chromium,
    name: str,
    may_act: bool,
) -> None:
    with answering(production) as base, chromium.looking(base, account=name, size="phone") as looker:
        page = looker.open("/view/cameras")
        expect(page.get_by_role("link", name="Front")).to_be_visible()
        assert (page.locator("td[data-label=Actions]").count() > 0) is may_act
        page.goto(f"{base}/view/files")
        expect(page.get_by_role("heading", name="No files yet")).to_be_visible()
        offers = page.get_by_text("Upload a video or a script")
        expect(offers).to_have_count(int(name != "viewer"))
        expect(page.get_by_text("What operators upload")).to_have_count(int(name == "viewer"))
        assert (looker.axe(), looker.complaints) == ([], [])


def test_who_sees_one_camera_of_a_group_records_that_one(production: Flask, chromium: Chromium) -> None:
    with answering(production) as base:
        with chromium.looking(base, account="porter") as looker:
            page = looker.open("/")
            page.get_by_role("button", name="Record the group Doors").press("Enter")
            dialog = page.get_by_role("dialog", name="Record cameras")
            dialog.get_by_label("Tag").fill("night")
            dialog.get_by_role("button", name="Start recording").press("Enter")
            expect(page.get_by_role("list", name="Recording now")).to_contain_text("1 camera")
        with chromium.looking(base, account="operator") as looker:
            page = looker.open("/")
            recorded = page.locator(".wall-tile", has_text="night since")
            expect(recorded.get_by_role("link")).to_have_text(["Front"])


def test_who_signs_out_elsewhere_is_told_and_led_to_the_sign_in_and_back(production: Flask, chromium: Chromium) -> None:
    with answering(production) as base, chromium.looking(base, account="viewer") as looker:
        page = looker.open("/view/timeline?cameras=1&span=60")
        with production.app_context(), writing() as session:
            session.execute(db.delete(AccountSession))
        notice = page.get_by_role("dialog", name="You are signed out")
        notice.get_by_role("link", name="Leave this page and sign in").press("Enter")
        page.wait_for_url("**/login?next=*")
        page.locator("input[name=name]").fill("viewer")
        page.locator("input[name=password]").fill(PASSWORD)
        page.locator("input[name=password]").press("Enter")
        page.wait_for_url("**/view/timeline?cameras=1&span=60")
