"""What holds for every page: nobody is shut out, nothing runs over the edge, no word stays in another language."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from app.extensions import db, writing
from app.models import Group, RetentionRule, Source
from tests.accounts import add_account
from tests.archived import T0_US, add_source, media, no_plans, record  # noqa: F401
from tests.handed import store_file
from tests.looking import SIZES, Chromium, Looker, Size, Theme
from tests.reviewed import add_footage_file
from tests.served import answering

AT = "2026-11-21T08:00:05Z"
PATHS = {
    "wall": "/",
    "timeline": f"/view/timeline?at={AT}&span=60",
    "cameras": "/view/cameras",
    "files": "/view/files",
    "system": "/view/system",
    "health": "/view/system?tab=health",
}
# Every text that somebody reads, and every name that is read out; addresses are the same in every language.
WORDS = r"""
() => {
  const words = new Set();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    if (!walker.currentNode.parentElement.closest('[translate=no], [lang=en], noscript'))
      words.add(walker.currentNode.textContent.trim());
  }
  for (const node of document.querySelectorAll('[aria-label], [title], [placeholder], [alt]'))
    for (const name of ['aria-label', 'title', 'placeholder', 'alt']) words.add((node.getAttribute(name) ?? '').trim());
  return [...words].filter((word) => /\p{L}{3}/u.test(word));
}
"""
# Nothing turns, and for half a second the page has not changed in what it holds.
IS_STILL = """
() => {
  const now = `${document.querySelector('main .spinner') !== null} ${document.querySelectorAll('*').length}`;
  if (now !== globalThis.shownLast) [globalThis.shownLast, globalThis.shownSince] = [now, performance.now()];
  return now.startsWith('false') && performance.now() - globalThis.shownSince > 500;
}
"""
OVER = "box => box.scrollWidth - box.clientWidth"
OVER_PAGE = "document.documentElement.scrollWidth - innerWidth"
SAME = {"flask-playback", "API", "anyone (testing)", "English", "Русский", "Tiếng Việt", "UTC"}  # in every language


@pytest.fixture(scope="module")
def film(media: Callable[..., Path]) -> Path:  # noqa: F811
    return media("h264", seconds=20)


@contextmanager
def filled(app: Flask, film: Path) -> Iterator[str]:
    """Yield the address of a service with two cameras with footage, a group, and a file of that footage."""
    for name in ("Двор", "Cổng chính"):
        number = add_source(app)
        record(app, number, film)
        with app.app_context(), writing() as session:
            source = session.get_one(Source, number)
            source.description = name
            if number == 1:
                session.add(Group(model="Source", name="Ворота", sources=[source]))
    add_footage_file(app, T0_US, T0_US + 10_000_000)
    with answering(app) as base:
        yield base
    with app.app_context():
        db.session.remove()


def settle(looker: Looker) -> None:
    """Wait until nothing is loaded any more, so that what is judged is what people see."""
    looker.page.wait_for_function(IS_STILL, polling=100)


@pytest.mark.parametrize("page", PATHS)
@pytest.mark.parametrize(("size", "theme"), [("phone", "dark"), ("desk", "light"), ("wall", "dark")])
def test_a_page_shuts_nobody_out_and_keeps_within_its_width(
    app: Flask,
    film: Path,
    chromium: Chromium,
    page: str,
    size: Size,
    theme: Theme,
) -> None:
    with filled(app, film) as base, chromium.looking(base, theme=theme, size=size) as looker:
        looker.open(PATHS[page])
        settle(looker)
        looker.shot(f"{page}-{size}-{theme}")
        assert looker.axe() == []
        assert looker.page.evaluate(OVER_PAGE) <= 0
        assert size == "wall" or looker.lost_stops() == []
        assert looker.complaints == []


def look_at_hostile_table(looker: Looker) -> None:
    """Paste a table with words without end: all that is said of each line stays within the dialog."""
    page = looker.open("/view/cameras?open=import")
    heads, long = "name,address,group,tag,user,password", "L" * 5000
    lines = [f"{long},rtsp://10.0.0.1/{long},{long},{long},{long},x", f"={long},rtsp://10.0.0.2/a,{long[:99]},,,"]
    page.locator("textarea").fill("\n".join([f"{heads},{'H' * 900}", *lines]))
    page.get_by_role("button", name="Прочитать вставленное").click()
    expect(page.get_by_text("Слишком длинно: сократите.").first).to_be_visible()
    assert page.locator(".cameras-preview").evaluate(OVER) <= 0
    assert page.get_by_role("dialog").evaluate(OVER) <= 0
    assert page.locator(".cameras-preview tbody tr").first.bounding_box()["height"] < 1300
    looker.shot("import-hostile")


def look_at_hostile_findings(app: Flask, film: Path, looker: Looker) -> None:
    """Find a violation without end in what an analyser sent: the time of each finding is still there to press."""
    file_id = store_file(app, film.read_bytes())
    refer = app.test_client().get(f"/files/{file_id}/").json["refer"]
    findings = [{"violation": name, "severity": "mild", "start": 1.5, "end": 2} for name in ("V" * 255, "Сцена")]
    answer = app.test_client().post(f"/download/{refer}/", json={"findings": findings})
    assert answer.status_code == 200, answer.text
    page = looker.open(f"/view/files?file={file_id}")
    page.locator(".files-mark", has_text="VVVV").wait_for()
    page.locator(".files-panels", has_text="VVVV").wait_for()
    for place in page.locator(".files-jump").all():
        assert place.evaluate(
            "jump => jump.getBoundingClientRect().right <= jump.closest('ol').getBoundingClientRect().right"
        )
    assert page.locator(".files-marks").evaluate(OVER) <= 0
    assert page.evaluate(OVER_PAGE) <= 0


@pytest.mark.parametrize("size", ["phone", "desk"])
def test_names_without_end_push_nothing_out_of_the_page(
    app: Flask,
    film: Path,
    chromium: Chromium,
    size: Size,
) -> None:
    with filled(app, film) as base, chromium.looking(base, language="ru", size=size) as looker:
        with app.app_context(), writing() as session:
            source, group = session.get_one(Source, 1), session.query(Group).one()
            source.description, group.name = "L" * 4096, "<script>alert(1)</script>" + "G" * 200
            add_account(session, "L" * 255, "operator")
            session.add(RetentionRule(scope="source", source_id=1, max_age_s=86_400, actor="L" * 255))
        app.test_client().patch("/api/v1/source/2", json={"description": "L" * 4096})
        marked = "&in=2026-11-21T08:00:01Z&out=2026-11-21T08:00:04Z&cameras=1,2"
        for path in ("/", PATHS["timeline"] + marked, "/view/cameras"):
            looker.open(path)
            looker.page.get_by_text("LLLL").first.wait_for()
            settle(looker)
            assert looker.page.evaluate(OVER_PAGE) <= 0, path
        for tab in ("losses", "health", "retention", "users", "audit"):
            looker.open(f"/view/system?tab={tab}")
            looker.page.get_by_role("cell", name=re.compile("L{40}")).first.wait_for()
            for table in looker.page.locator(".table-box").all():
                assert table.evaluate(OVER) <= 0, tab
            assert looker.page.evaluate(OVER_PAGE) <= 0, tab
        look_at_hostile_table(looker)
        look_at_hostile_findings(app, film, looker)
        looker.open("/view/timeline?cameras=1,2")
        looker.page.get_by_role("button", name="Камеры: 2 из").click()
        looker.page.get_by_role("button", name=re.compile("G{200}")).wait_for()
        assert looker.page.get_by_role("dialog").evaluate(OVER) <= 0
        looker.open("/")
        looker.page.get_by_role("button", name="Запись…", exact=True).click()
        dialog = looker.page.get_by_role("dialog")
        assert dialog.evaluate(OVER) <= 0
        widths = "dialog => [...dialog.querySelectorAll('[type=checkbox]')].map((box) => box.clientWidth)"
        assert min(dialog.evaluate(widths)) >= 12
        assert looker.complaints == []


def test_four_lanes_are_seen_without_scrolling(
    app: Flask,
    film: Path,
    chromium: Chromium,
) -> None:
    with filled(app, film) as base:
        add_source(app)
        for language in ("en", "ru", "vi"):
            with chromium.looking(base, language=language) as looker:
                looker.open(PATHS["timeline"])
                settle(looker)
                lanes = looker.page.locator(".timeline-names li")
                assert lanes.count() == 4
                bottom = lanes.last.evaluate("lane => lane.getBoundingClientRect().bottom")
                assert bottom <= SIZES["desk"][1], language
                last = looker.page.locator(".player-controls > *").last
                assert last.evaluate("it => it.getBoundingClientRect().right") < SIZES["desk"][0]


@pytest.mark.parametrize("language", ["en", "ru", "vi"])
def test_a_telephone_shows_picture_clock_ruler_and_first_lanes_without_scrolling(
    app: Flask,
    film: Path,
    chromium: Chromium,
    language: str,
) -> None:
    with filled(app, film) as base:
        add_source(app)
        for cameras in ("", "&cameras=1"):
            with chromium.looking(base, size="phone", language=language) as looker:
                page = looker.open(PATHS["timeline"] + cameras)
                settle(looker)
                fold = page.locator(".shell-pages").evaluate("bar => bar.getBoundingClientRect().top")
                seen = [".player-grid", ".player-master", ".timeline-canvas", ".timeline-names li:last-child"]
                bottoms = [page.locator(one).evaluate("it => it.getBoundingClientRect().bottom") for one in seen]
                assert max(bottoms) <= fold, dict(zip(seen, bottoms, strict=True))
                assert page.evaluate("scrollY") == 0
                # The buttons come behind, for the keyboard too; whoever turns the telephone finds them above.
                order = "([one, other]) => one.compareDocumentPosition(other) === Node.DOCUMENT_POSITION_FOLLOWING"
                pair = "[document.querySelector('.timeline-canvas'), document.querySelector('.timeline-bar')]"
                assert page.evaluate(f"({order})({pair})")
                page.set_viewport_size({"width": 844, "height": 390})
                page.wait_for_function(f"() => !({order})({pair})")
                assert looker.axe() == []
                assert looker.complaints == []


@pytest.mark.parametrize("page", PATHS)
def test_no_word_of_a_page_stays_in_english(
    app: Flask,
    film: Path,
    chromium: Chromium,
    page: str,
) -> None:
    said: dict[str, set[str]] = {}
    with filled(app, film) as base:
        for language in ("en", "ru", "vi"):
            with chromium.looking(base, language=language) as looker:
                looker.open(PATHS[page])
                settle(looker)
                said[language] = set(looker.page.evaluate(WORDS))
                looker.shot(f"{page}-{language}")
    names = {"Двор", "Cổng chính", "Ворота"}
    for language in ("ru", "vi"):
        assert len(said[language]) > 5
        assert (said["en"] & said[language]) - SAME - names == set()


def silent_tile(page: Page) -> None:
    """Wait until the wall says why the cameras, which are not there, give no picture."""
    expect(page.locator(".wall-silent small").nth(1)).to_be_visible()


def taken_name(page: Page) -> None:
    page.get_by_role("dialog").locator("form input").first.fill("Ворота")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog").get_by_role("alert")).to_be_visible()


def wrong_command(page: Page) -> None:
    dialog = page.get_by_role("dialog")
    dialog.locator("details").evaluate("more => { more.open = true; }")
    dialog.locator("details input").fill("rm -rf /")
    dialog.locator("details input").press("Enter")
    expect(dialog.locator(".field-error")).to_be_visible()


def impossible_rule(page: Page) -> None:
    page.locator("section").first.get_by_role("button").first.click()
    fields = page.get_by_role("dialog").locator(".system-form input")
    fields.nth(0).fill("9999999")
    fields.nth(0).press("Enter")
    expect(page.get_by_role("dialog").locator(".field-error")).to_be_visible()


REFUSALS: dict[str, tuple[str, Callable[[Page], None]]] = {
    "camera": ("/", silent_tile),
    "group": ("/view/cameras?open=groups", taken_name),
    "command": ("/view/cameras?camera=1&do=edit", wrong_command),
    "rule": ("/view/system?tab=retention", impossible_rule),
}
# What stands beside where the service tells more than the words for all errors of a kind do.
BESIDE = "() => [...document.querySelectorAll('.refused small[lang=en]')].map((told) => told.textContent)"


def test_what_the_service_refuses_is_said_in_the_language_of_the_page(
    app: Flask,
    film: Path,
    chromium: Chromium,
) -> None:
    said: dict[tuple[str, str], set[str]] = {}
    beside: dict[tuple[str, str], bool] = {}
    with filled(app, film) as base:
        for language in ("en", "ru", "vi"):
            with chromium.looking(base, language=language) as looker:
                for what, (path, provoke) in REFUSALS.items():
                    provoke(looker.open(path))
                    said[what, language] = set(looker.page.evaluate(WORDS))
                    beside[what, language] = bool(looker.page.evaluate(BESIDE))
                    looker.shot(f"refusal-{what}-{language}")
                assert looker.axe() == []
    names = {"Двор", "Cổng chính", "Ворота"}
    for what in REFUSALS:
        for language in ("ru", "vi"):
            assert (said[what, "en"] & said[what, language]) - SAME - names == set(), what
            assert beside[what, language] is (what == "command")
        assert not beside[what, "en"]  # it is the sentence itself
