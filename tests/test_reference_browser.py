"""The documentation's pages in a real browser: what they show, from this server alone, and that no policy is broken."""

from collections.abc import Iterator

import pytest

from tests.browser import Browser, why_no_browser
from tests.conftest import missing
from tests.served import Served, serving


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("reference")) as found:
        yield found


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if reason := why_no_browser():
        missing(reason)
    with Browser(tmp_path_factory.mktemp("browser")) as found:
        yield found


FITS = "root.scrollWidth <= root.clientWidth"
LOADED = "return performance.getEntriesByType('resource').map((entry) => entry.name)"


def text_of(browser: Browser, selector: str) -> str:
    return str(browser.script("return document.querySelector(arguments[0])?.innerText ?? ''", selector))


def test_the_reference_shows_parameters_shapes_errors_and_examples(served: Served, browser: Browser) -> None:
    browser.open(served.url("/redoc/"))
    section = "section:has(> #post_sources)"
    shown = text_of(browser, section)
    for words in (
        "POST /api/v1/source",
        "Add a source",
        "NewSource",
        "uri_rtsp",
        "415",
        "neither JSON nor a form",
        "422",
    ):
        assert words in shown, words
    assert "source_id" in text_of(browser, "section:has(> #get_one_source)")
    assert "at most 4096 characters" in text_of(browser, "section:has(> #NewSource)")
    browser.script("document.querySelector(arguments[0]).open = true", f"{section} details")
    assert "rtsp://viewer:***@" in text_of(browser, section)
    for width in (1280, 390):
        browser.resize(width, 800)
        assert browser.script("return document.documentElement.scrollWidth <= document.documentElement.clientWidth"), (
            width
        )
    assert all(name.startswith(served.service.base) for name in browser.script(LOADED))
    assert browser.console() == []


def test_swagger_ui_draws_every_operation_without_the_internet(served: Served, browser: Browser) -> None:
    browser.open(served.url("/swagger/"))
    count = "return document.querySelectorAll('.opblock').length"
    browser.wait(lambda: browser.script(count), "the drawing of the operations")
    document = served.service.call("GET", "/swagger.json")
    assert browser.script(count) == sum(len(item) for item in document["paths"].values())
    assert all(name.startswith((served.service.base, "data:")) for name in browser.script(LOADED))
    assert browser.console() == []
