"""What is left is left at once: not only some time after what follows is painted, when the next key may be pressed."""

from collections.abc import Iterator

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from app.extensions import writing
from app.models import Source
from tests.archived import add_source
from tests.looking import Chromium
from tests.served import answering


@pytest.fixture
def base(app: Flask) -> Iterator[str]:
    number = add_source(app)
    with app.app_context(), writing() as session:
        session.get_one(Source, number).description = "Yard"
    with answering(app) as address:
        yield address


def when_gone(page: Page, selector: str, told: str) -> None:
    """Find out something at the moment at which an element is out of the page, before anything is painted."""
    page.evaluate(
        f"""() => {{
            window.left = new Promise((tell) => {{
                const look = (_, own) => {{
                    if (document.querySelector('{selector}')) return;
                    own.disconnect();
                    tell({told});
                }};
                new MutationObserver(look).observe(document.body, {{childList: true, subtree: true}});
            }});
        }}"""
    )


def test_a_page_that_was_left_hears_no_key(base: str, chromium: Chromium) -> None:
    with chromium.looking(base) as looker:
        page = looker.open("/view/cameras")
        page.get_by_role("heading", name="Cameras").wait_for()
        press = "new KeyboardEvent('keydown', {key: 'n', code: 'KeyN', bubbles: true})"
        when_gone(page, ".cameras-page", f"[document.body.dispatchEvent({press}), location.search]")
        page.get_by_role("link", name="Files").click()
        assert page.evaluate("left") == [True, ""]  # nobody took it: no camera is added on the page of files


def test_what_follows_wall_mode_is_not_painted_as_a_wall(base: str, chromium: Chromium) -> None:
    with chromium.looking(base) as looker:
        page = looker.open("/view/cameras")
        page.get_by_role("link", name="Live").click()
        page.get_by_role("button", name="Wall mode").click()
        expect(page.get_by_role("navigation")).to_be_hidden()
        when_gone(page, ".wall", "document.documentElement.hasAttribute('data-wall')")
        page.evaluate("history.back()")
        assert page.evaluate("left") is False
        expect(page.get_by_role("navigation")).to_be_visible()


def test_the_focus_is_back_once_a_dialog_is_closed(base: str, chromium: Chromium) -> None:
    with chromium.looking(base) as looker:
        page = looker.open("/")
        enlarge = page.get_by_role("button", name="Enlarge Yard")
        for key, dialog in (("Enter", ".wall-large"), ("?", "dialog")):
            enlarge.focus()
            page.keyboard.press(key)
            expect(page.locator(dialog)).to_be_visible()
            when_gone(page, dialog, "document.activeElement.ariaLabel")
            page.keyboard.press("Escape")
            assert page.evaluate("left") == "Enlarge Yard"
