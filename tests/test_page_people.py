"""The operator's page in a real Chromium for who is signed in: what it says of him, offers him, and can do for him."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from app.extensions import db, writing
from app.models import Account, AccountSession, Source
from tests.accounts import PASSWORD, add_account, add_bounded, password_hash
from tests.browser import Browser, why_no_browser
from tests.conftest import in_production, missing
from tests.served import answering

SIGN_IN = """
const form = document.querySelector('form');
form.elements.name.value = arguments[0];
form.elements.password.value = arguments[1];
form.submit();
"""
ROWS = "return [...document.querySelectorAll('.camera-name')].map((one) => one.textContent)"
# What can be pressed: of the header, of the first camera's row, and the button that records.
OFFERED = """
document.querySelector('.camera-name').focus();  // some are shown for the chosen row alone
const places = {add: '.top [data-opens]', record: '#record', one: '.camera-record', remove: '.camera-remove'};
return Object.keys(places).filter((name) => document.querySelector(places[name])?.checkVisibility());
"""
LINKS = "return [...document.querySelectorAll('.top a')].map((one) => one.getAttribute('href'))"
ADD = """
document.querySelector('.top [data-opens]').click();
const form = document.querySelector('#add-dialog form');
form.elements.uri_rtsp.value = 'rtsp://127.0.0.1:9/new';
form.elements.description.value = 'New';
form.elements.is_recorded.checked = arguments[0];
form.requestSubmit();
"""


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if reason := why_no_browser():
        missing(reason)
    with Browser(tmp_path_factory.mktemp("browser")) as browser:
        yield browser


@pytest.fixture
def production(tmp_path: Path, migrated_sqlite: Path) -> Iterator[Flask]:
    """Yield an app in production with two cameras and accounts of which one sees the first alone."""
    with in_production(tmp_path, migrated_sqlite) as app:
        with app.app_context(), writing() as session:
            for name in ("Front", "Back"):
                session.add(Source(model="Source", uri_rtsp="rtsp://127.0.0.1:9/none", description=name))
            session.flush()
            for role in ("viewer", "operator", "admin"):
                add_account(session, role, role)
            add_bounded(session, "guard", "viewer", 1)
            session.execute(db.update(Account).values(password=password_hash()))
        yield app


def enter(chromium: Browser, base: str, name: str) -> None:
    """Sign in at the page, and wait until it shows its cameras."""
    chromium.open(f"{base}/")
    assert chromium.script("return location.pathname") == "/login"
    chromium.script(SIGN_IN, name, PASSWORD)
    chromium.wait(lambda: chromium.script(ROWS), "the cameras")


def leave(chromium: Browser) -> None:
    chromium.script("document.querySelector('form[action=\"/logout\"] button').click()")
    chromium.wait(lambda: chromium.script("return location.pathname") == "/login", "signing out")


@pytest.mark.parametrize(
    ("name", "offered", "seen"),
    [
        ("viewer", [], ["Front", "Back"]),
        ("guard", [], ["Front"]),
        ("operator", ["record", "one"], ["Front", "Back"]),
        ("admin", ["add", "record", "one", "remove"], ["Front", "Back"]),
    ],
)
def test_the_page_says_who_is_signed_in_and_offers_what_he_may(
    production: Flask, chromium: Browser, name: str, offered: list[str], seen: list[str]
) -> None:
    with answering(production) as base:
        chromium.console()
        enter(chromium, base, name)
        assert chromium.script("return document.getElementById('who').textContent") == name
        assert chromium.script(OFFERED) == offered
        assert chromium.script(ROWS) == seen
        links = chromium.script(LINKS)
        assert "/account" in links
        assert ("/admin/" in links) is (name == "admin")
        leave(chromium)
        assert [line for line in chromium.console() if "favicon" not in line] == []


def test_an_admin_adds_records_stops_and_removes_a_camera_by_the_buttons(production: Flask, chromium: Browser) -> None:
    with answering(production) as base:
        enter(chromium, base, "admin")
        chromium.script("window.confirm = () => true")
        chromium.script(ADD, True)
        chromium.wait(lambda: "New" in chromium.script(ROWS), "the new camera")
        row = "[...document.querySelectorAll('.camera')].find((one) => one.textContent.includes('New'))"
        is_on = f"return {row}?.querySelector('.camera-record').classList.contains('is-on') ?? null"
        chromium.wait(lambda: chromium.script(is_on) is True, "the recording")
        chromium.script(f"{row}.querySelector('.camera-record').click()")
        chromium.wait(lambda: chromium.script(is_on) is False, "the end of it")
        chromium.script(f"{row}.querySelector('.camera-remove').click()")
        chromium.wait(lambda: "New" not in chromium.script(ROWS), "the removal")
        leave(chromium)


def test_who_signs_out_elsewhere_is_led_to_the_sign_in(production: Flask, chromium: Browser) -> None:
    with answering(production) as base:
        enter(chromium, base, "viewer")
        with production.app_context(), writing() as session:
            session.execute(db.delete(AccountSession))
        chromium.wait(lambda: chromium.script("return location.pathname") == "/login", "the sign-in page")
