"""The frame of the operator's pages: what the service writes, where one can go, language, theme, who is signed in."""

import re
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.archived import add_source
from tests.looking import Chromium
from tests.served import answering

PAGES = ["/", "/view/timeline", "/view/cameras", "/view/files", "/view/system"]
SOURCE = Path(__file__).resolve().parent.parent / "web" / "src"


@pytest.mark.parametrize("path", PAGES)
def test_a_page_holds_no_code_and_loads_only_from_here(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    assert not re.search(r"\sstyle=|\son[a-z]+=|<style|<script(?![^>]*\ssrc=)", answer.text)
    loaded = re.findall(r'<(?:link|script|img)[^>]*\s(?:href|src)="([^"]*)"', answer.text)
    assert len(loaded) >= 3  # icon, style, script
    for address in loaded:
        assert address.startswith("/static/")
        with client.get(address) as asset:
            assert asset.status_code == 200, address


def test_what_a_page_shows_is_loaded_beside_its_frame(client: FlaskClient) -> None:
    own = {path: set(re.findall(r'href="(/static/built/[^"]*)"', client.get(path).text)) for path in PAGES}
    shared = set.intersection(*own.values())
    assert any("timelinepage" in address for address in own["/view/timeline"] - shared)
    assert all(addresses - shared for addresses in own.values())


def test_a_page_that_is_not_there_is_404(client: FlaskClient) -> None:
    assert client.get("/view/nothing").status_code == 404


def test_pages_that_were_not_built_say_how_they_are(app: Flask, tmp_path: Path) -> None:
    app.static_folder = str(tmp_path)
    answer = app.test_client().get("/")
    assert answer.status_code == 503
    assert "make pages" in answer.text


def test_no_module_of_the_pages_is_long() -> None:
    sources = [path for path in SOURCE.rglob("*") if path.suffix in {".ts", ".tsx", ".css"}]
    assert sources
    lengths = {path.relative_to(SOURCE).as_posix(): path.read_text("utf-8").count("\n") for path in sources}
    assert {name: lines for name, lines in lengths.items() if lines > 400} == {}


def test_one_goes_from_page_to_page_and_back_by_keyboard(app: Flask, chromium: Chromium) -> None:
    with answering(app) as base, chromium.looking(base) as looker:
        page = looker.open()
        assert page.locator("main").get_attribute("data-page") == "wall"
        page.get_by_role("link", name="Files").focus()
        page.keyboard.press("Enter")
        page.wait_for_url("**/view/files")
        assert page.title() == "Files · flask-playback"
        page.go_back()
        page.wait_for_function("document.querySelector('main').dataset.page === 'wall'")
        assert looker.complaints == []


def test_an_answer_that_breaks_off_is_told_and_asked_for_again(app: Flask, chromium: Chromium) -> None:
    add_source(app)
    with answering(app) as base, chromium.looking(base) as looker:
        page = looker.page
        page.route("**/api/v1/source", lambda route: route.fulfill(content_type="application/json", body='[{"id": 1'))
        looker.open()
        page.get_by_text("The service does not answer").wait_for()
        page.unroute_all()
        page.get_by_text("The service does not answer").wait_for(state="detached")
        assert looker.complaints == []


def test_language_theme_and_zone_are_chosen_and_kept(app: Flask, chromium: Chromium) -> None:
    with answering(app) as base, chromium.looking(base) as looker:
        page = looker.open("/view/files")
        page.get_by_role("button", name="Language, time zone, theme").click()
        page.get_by_label("Language", exact=True).select_option("ru")
        page.get_by_label("Тема", exact=True).select_option("dark")
        page.get_by_label("Часовой пояс", exact=True).select_option("Asia/Ho_Chi_Minh")
        page.reload()
        page.get_by_role("link", name="Файлы").wait_for()
        assert page.evaluate("document.documentElement.lang") == "ru"
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(13, 16, 20)"
        assert page.evaluate("localStorage.zone") == "Asia/Ho_Chi_Minh"
        assert looker.complaints == []
