"""Clips in a real Chromium: what is marked is what is downloaded, shared, pinned and handed over."""

import re
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import pytest
from flask import Flask
from playwright.sync_api import Download, Locator, Page, expect

from app.archive.viewwriter import writer_of
from app.extensions import db, writing
from app.models import Record, Source, Tag
from tests.accounts import add_account, add_bounded, password_hash
from tests.archived import FPS, T0_US, add_source, media, no_plans, record, utc  # noqa: F401
from tests.copying import add_record
from tests.looking import Chromium
from tests.media import read_number
from tests.served import answering

SECOND_US = 1_000_000
BEGIN_US, END_US = T0_US + 2_250_000, T0_US + 6_500_000
FRAMES = list(range(round(2.25 * FPS), round(6.5 * FPS)))
GAP_END_US = T0_US + 12 * SECOND_US  # the first camera records 8 s, and after 4 s again
NOT_NOW = {"detail": [{"loc": [], "msg": "not now", "type": "busy"}]}
MARKED = f"/view/timeline?cameras=1,2&at={utc(BEGIN_US)}&in={utc(BEGIN_US)}&out={utc(END_US)}"


@dataclass
class Place:
    """A service in production with footage of two cameras; accounts by role, and `guard` who sees the first alone."""

    app: Flask
    base: str
    token: str

    def ask(self, method: str, path: str, **given: object) -> object:
        """Ask the service as an admin, past the pages."""
        headers = {"Authorization": f"Bearer {self.token}"}
        answer = self.app.test_client().open(path, method=method, headers=headers, **given)
        assert answer.status_code < 300, answer.text
        return answer.json


@pytest.fixture
def place(production: Flask, media: Callable[..., Path]) -> Iterator[Place]:  # noqa: F811
    film = media("h264")
    for name, begins in (("Gate", (T0_US, GAP_END_US)), ("Yard", (T0_US,))):
        number = add_source(production)
        for begin_us in begins:
            record(production, number, film, begin_us=begin_us)
        with production.app_context(), writing() as session:
            session.get_one(Source, number).description = name
    with production.app_context(), writing() as session:
        for role in ("viewer", "operator"):
            add_account(session, role, role)
        add_bounded(session, "guard", "operator", 1)
        token = add_account(session, "admin", "admin")
        session.execute(db.text("UPDATE account SET password = :hash"), {"hash": password_hash()})
    with answering(production) as base:
        yield Place(production, base, token)


def frames_of(path: Path) -> list[int]:
    """Return the numbers of the pictures that a film shows."""
    with av.open(str(path)) as container:
        return [read_number(frame.to_ndarray(format="gray")) for frame in container.decode(video=0)]


def size_of(option: Locator) -> str:
    """Return how large the dialog says that something will be."""
    found = re.search(r"[\d.]+ kB", option.inner_text())
    assert found
    return found[0]


def saved(place: Place, download: Download, to: Path) -> Path:
    """Keep an export that was downloaded, and have it checked."""
    download.save_as(to)
    result = place.app.test_cli_runner().invoke(args=["verify-export", str(to)])
    assert result.exit_code == 0, result.output
    return to


def held(page: Page, name: str) -> str:
    """Return what the panel says of a camera."""
    return page.locator(".clips-holdings > li", has_text=name).inner_text()


# Whoever is as quick as can be: types a begin and an end as soon as their fields are there, before anything is painted.
TYPE_AT_ONCE = """new MutationObserver((_, own) => {
  const fields = document.querySelectorAll('.clips-mark input.numbers');
  if (fields.length < 2) return;
  own.disconnect();
  ['2026-11-21 08:00:02.25', '8:00:06.5'].forEach((text, at) => {
    fields[at].value = text;
    fields[at].dispatchEvent(new InputEvent('input', {bubbles: true}));
    fields[at].dispatchEvent(new FocusEvent('blur'));
  });
}).observe(document, {childList: true, subtree: true})"""


def test_what_is_typed_at_once_stays(place: Place, chromium: Chromium) -> None:
    with chromium.looking(place.base, account="viewer") as looker:
        looker.page.add_init_script(TYPE_AT_ONCE)
        page = looker.open("/view/timeline?cameras=1")
        page.get_by_role("link", name="Files").wait_for()
        expect(page.locator(".player-cell")).to_have_count(1)
        expect(page.get_by_text("Length 4.3 sec")).to_be_visible()
        expect(page.get_by_label("Begin", exact=True)).to_have_value("2026-11-21 08:00:02.250")
        assert looker.complaints == []


def test_a_clip_says_what_it_holds_and_is_downloaded_to_the_frame(
    place: Place,
    chromium: Chromium,
    tmp_path: Path,
) -> None:
    with chromium.looking(place.base, account="viewer") as looker:
        page = looker.open("/view/timeline?cameras=1,2")
        expect(page.get_by_text("Mark where it begins with [")).to_be_visible()
        page.get_by_label("Begin", exact=True).fill("2026-11-21 08:00:02.25")
        page.get_by_label("End", exact=True).fill("8:00:14.5")
        page.get_by_label("End", exact=True).press("Enter")
        expect(page.get_by_text("Length 12 sec")).to_be_visible()
        gate = page.locator(".clips-holdings > li", has_text="Gate")
        expect(gate).to_contain_text("8.3 sec")
        expect(gate).to_contain_text("1 gap")
        gate.locator("summary").press("Enter")
        expect(gate).to_contain_text("08:00:08 – 08:00:12 (4 sec): ")
        assert looker.axe() == []
        page.get_by_label("End", exact=True).fill("2026-11-21T15:00:06.5+07:00")
        page.get_by_label("End", exact=True).blur()
        expect(gate).to_contain_text("complete")
        assert re.search(r"4\.3 sec · [\d.]+ kB", held(page, "Yard"))
        for name in ("Evidence", "Pin", "Share", "Analyse"):
            expect(page.get_by_role("button", name=name)).to_have_count(0)
        page.get_by_role("button", name="Preview").click()
        preview = page.get_by_role("dialog", name="Preview")
        page.wait_for_function("() => document.querySelector('dialog video').currentTime > 0.2")
        assert page.evaluate("document.querySelector('dialog video').duration") == pytest.approx(4.25, abs=0.01)
        preview.get_by_label("Camera").select_option("Yard")
        page.wait_for_function("() => document.querySelector('dialog video').src.includes('/source/2/')")
        assert looker.axe() == []
        page.keyboard.press("Escape")
        page.get_by_role("checkbox", name="Yard").uncheck()
        with page.expect_download() as coming:
            page.get_by_role("button", name="Download MP4").click()
        coming.value.save_as(tmp_path / "clip.mp4")
        assert coming.value.suggested_filename.startswith("source-1-")
        assert coming.value.suggested_filename == "source-1-Gate 2026-11-21 08.00.02-08.00.06.mp4"
        assert frames_of(tmp_path / "clip.mp4") == FRAMES
        expect(page.get_by_role("region", name="Downloads")).to_contain_text("saved · ")
        page.get_by_role("button", name=re.compile("out of the list")).press("Enter")
        expect(page.get_by_role("region", name="Downloads")).to_have_count(0)
        assert looker.complaints == []


def test_keys_mark_what_the_player_shows_and_it_plays_in_a_loop(place: Place, chromium: Chromium) -> None:
    with chromium.looking(place.base, account="viewer") as looker:
        page = looker.open(f"/view/timeline?cameras=1,2&at={utc(T0_US + 2 * SECOND_US)}")
        shown = page.locator(".player-master")
        expect(shown).to_have_attribute("datetime", "2026-11-21T08:00:02.000Z")
        page.keyboard.press("[")
        for _ in range(FPS):
            page.keyboard.press(".")
        expect(shown).to_have_attribute("datetime", "2026-11-21T08:00:03.000Z")
        page.keyboard.press("]")
        expect(page.get_by_label("Begin", exact=True)).to_have_value("2026-11-21 08:00:02.000")
        expect(page.get_by_label("End", exact=True)).to_have_value("2026-11-21 08:00:03.000")
        expect(page.get_by_text("Length 1 sec")).to_be_visible()
        page.get_by_role("button", name="Loop in the player").press("Enter")
        for second in ("2.[4-9]", "2.[0-3]", "2.[4-9]"):  # on, back, and on again
            expect(shown).to_have_attribute("datetime", re.compile(f"T08:00:0{second}"), timeout=15_000)
        page.get_by_role("button", name="Loop in the player").press("Enter")
        page.get_by_role("heading", name="Clip", exact=True).click()
        page.keyboard.press("k")
        page.keyboard.press("}")
        expect(shown).to_have_attribute("datetime", "2026-11-21T08:00:03.000Z")
        page.keyboard.press("{")
        expect(shown).to_have_attribute("datetime", "2026-11-21T08:00:02.000Z")
        page.keyboard.press("]")  # at the begin: the clip would be empty
        expect(page.get_by_label("Begin", exact=True)).to_have_value("")
        page.get_by_role("button", name="30 s around this moment").click()
        expect(page.get_by_text("Length 30 sec")).to_be_visible()
        page.keyboard.press("\\")
        expect(page.get_by_label("End", exact=True)).to_have_value("")
        assert looker.complaints == []


def test_a_second_mark_at_the_moment_of_the_first_is_told_and_the_first_stays(
    place: Place,
    chromium: Chromium,
) -> None:
    at = utc(T0_US + 2 * SECOND_US)
    with chromium.looking(place.base, account="viewer") as looker:
        page = looker.open(f"/view/timeline?cameras=1,2&at={at}")
        begin, end = page.get_by_label("Begin", exact=True), page.get_by_label("End", exact=True)
        told, shown = page.locator(".toast"), page.locator(".player-master")
        expect(shown).to_have_attribute("datetime", "2026-11-21T08:00:02.000Z")
        page.keyboard.press("[")
        page.keyboard.press("]")
        expect(told).to_contain_text(
            ["The begin is marked at this very moment: go on to a later one, and mark the end"]
        )
        expect(begin).to_have_value("2026-11-21 08:00:02.000")
        expect(end).to_have_value("")
        page.keyboard.press(".")
        expect(shown).to_have_attribute("datetime", "2026-11-21T08:00:02.050Z")
        page.keyboard.press("]")
        expect(end).to_have_value("2026-11-21 08:00:02.050")
        expect(begin).to_have_value("2026-11-21 08:00:02.000")
        page.keyboard.press("\\")
        page.keyboard.press("]")
        page.get_by_role("button", name="Mark the begin here").click()
        expect(told.last).to_contain_text("The end is marked at this very moment")
        expect(end).to_have_value("2026-11-21 08:00:02.050")
        expect(begin).to_have_value("")
        page.keyboard.press("\\")
        page.locator(".timeline-canvas").focus()
        page.keyboard.press("Control+ArrowLeft")  # the cursor of the lanes: at it the same is said
        page.keyboard.press("[")
        expect(begin).to_have_value("2026-11-21 08:00:00.000")
        page.keyboard.press("]")
        expect(told).to_have_count(3)
        expect(begin).to_have_value("2026-11-21 08:00:00.000")
        expect(end).to_have_value("")
        assert looker.axe() == []
        assert looker.complaints == []


def test_a_clip_in_a_gap_says_where_footage_is_nearest(place: Place, chromium: Chromium) -> None:
    begin, end = utc(T0_US + 9 * SECOND_US), utc(T0_US + 10 * SECOND_US)
    with chromium.looking(place.base, account="operator") as looker:
        page = looker.open(f"/view/timeline?cameras=1&in={begin}&out={end}")
        expect(page.get_by_role("button", name=re.compile("Last before: .*08:00:0"))).to_be_visible()
        expect(page.get_by_role("button", name=re.compile("First after: .*08:00:12"))).to_be_visible()
        expect(page.get_by_role("button", name="Download…")).to_be_disabled()
        page.get_by_label("Begin", exact=True).fill("yesterday")
        page.get_by_label("Begin", exact=True).press("Enter")
        expect(page.get_by_text("This is no time")).to_be_visible()
        page.get_by_role("button", name="Clear the marks").press("Enter")
        expect(page.get_by_label("End", exact=True)).to_have_value("")


def test_what_is_deleted_or_forbidden_meanwhile_is_told_without_a_reload(place: Place, chromium: Chromium) -> None:
    with place.app.app_context(), writing() as session:
        tag = Tag(name="day")
        session.add(tag)
        session.flush()
        kept = Record(source_id=1, tag_id=tag.id, begin_us=GAP_END_US, end_us=GAP_END_US + 8 * SECOND_US)
        session.add(kept)
        session.flush()
        path = f"/api/v1/record/{kept.id}/file/"
    at, begin, end = (utc(T0_US + second * SECOND_US) for second in (10, 13, 14))
    with chromium.looking(place.base, account="guard") as looker:
        page = looker.open(f"/view/timeline?cameras=1&at={at}&in={begin}&out={end}")
        note = page.locator(".player-gap")
        expect(note).to_contain_text(re.compile("until .*08:00:12"))
        holding = page.locator(".clips-holdings > li")
        expect(holding).to_contain_text("complete")
        place.ask("DELETE", path, json={"location": f"records/{path.split('/')[4]}.m3u8"})
        expect(note).not_to_contain_text("08:00:12")
        expect(holding).not_to_contain_text("complete")
        page.goto(f"{place.base}/view/timeline?cameras=1&at={utc(T0_US)}")
        expect(page.locator("[data-condition=showing]")).to_have_count(1)
        page.get_by_role("button", name="Play", exact=True).click()
        accounts = place.ask("GET", "/api/v1/account")
        [guard] = [one["id"] for one in accounts if one["name"] == "guard"]
        place.ask("PATCH", f"/api/v1/account/{guard}", json={"source_ids": []})
        expect(page.get_by_text("There is no camera that you may see")).to_be_visible()
        expect(page.get_by_role("button", name="Play", exact=True)).to_be_visible()
        for _ in range(2):  # what was under way has been answered then
            page.wait_for_event("requestfinished", lambda request: request.url.endswith("/record/open"))
        expect(page.locator(".player-notice")).to_have_count(0)


def test_times_that_cannot_be_marked_are_told_and_what_was_typed_stays(place: Place, chromium: Chromium) -> None:
    with chromium.looking(place.base, account="viewer", zone="Europe/Berlin") as looker:
        page = looker.open("/view/timeline?cameras=1,2")
        begin, end = page.get_by_label("Begin", exact=True), page.get_by_label("End", exact=True)
        told = page.locator(".clips [role=alert]")

        def type_in(field: Locator, text: str) -> None:
            field.fill(text)
            field.press("Enter")

        type_in(begin, "2026-11-21 09:00:05")
        type_in(end, "9:00:03")
        expect(told).to_have_text(["The begin must lie before the end."])
        expect(begin).to_have_value("2026-11-21 09:00:05.000")
        expect(end).to_have_value("9:00:03")
        expect(page.get_by_text("what was typed is not marked")).to_be_visible()
        type_in(begin, "9:00:01")  # with which the end that waits is right
        expect(end).to_have_value("2026-11-21 09:00:03.000")
        expect(page.get_by_text("Length 2 sec")).to_be_visible()
        type_in(end, "99999-01-01 00:00")
        expect(told).to_have_text(["Only times from 1970 to 2199 can be marked."])
        expect(page.get_by_text("Length 2 sec")).to_have_count(0)
        type_in(begin, "2026-02-30 10:00:00")
        expect(page.get_by_text("This is no time")).to_be_visible()
        page.get_by_role("button", name="Clear the marks").press("Enter")
        expect(begin).to_have_value("")
        expect(told).to_have_count(0)
        type_in(begin, "2026-03-29 02:30")
        expect(page.get_by_text("this time did not exist")).to_be_visible()
        expect(begin).to_have_value("2026-03-29 03:30:00.000")
        type_in(begin, "2026-10-25 02:30")
        expect(page.get_by_text("this time did not exist")).to_have_count(0)
        expect(page.get_by_label("The first time (GMT+2)")).to_be_checked()
        page.get_by_label("The second time (GMT+1)").check()
        type_in(end, "2026-10-25 02:45")
        expect(page.get_by_label("The second time (GMT+1)")).to_have_count(2)
        expect(page.get_by_text("Length 15 min")).to_be_visible()
        assert looker.axe() == []


def test_a_clip_that_is_too_long_is_told_to_be_and_one_that_was_deleted_says_so(
    place: Place,
    chromium: Chromium,
) -> None:
    add_record(place.app, 2, "yard", T0_US, T0_US + 8 * SECOND_US)
    begin, end = utc(BEGIN_US - 38 * 86_400 * SECOND_US), utc(END_US)
    with chromium.looking(place.base, account="operator") as looker:
        page = looker.open(f"/view/timeline?cameras=2&in={begin}&out={end}")
        expect(page.get_by_text("Longer than 31 days")).to_be_visible()
        for name in ("Preview", "Download…", "Share…", "Analyse…"):
            expect(page.get_by_role("button", name=name)).to_be_disabled()
        page.get_by_role("button", name="Pin…").press("Enter")
        expect(page.get_by_role("dialog")).to_contain_text("Oct 14, 2026, 08:00:02 – Nov 21, 2026, 08:00:06")
        page.keyboard.press("Escape")
        page.get_by_label("Begin", exact=True).fill("2026-11-21 08:00:02")
        page.get_by_label("Begin", exact=True).press("Enter")
        expect(page.get_by_text("Longer than 31 days")).to_have_count(0)
        expect(page.get_by_role("button", name="Preview")).to_be_enabled()
        [listed] = place.ask("GET", "/api/v1/record?tag_name=yard")
        place.ask("DELETE", f"/api/v1/record/{listed['id']}/file/", json={"location": listed["location"]})
        page.get_by_role("button", name="Preview").click()
        expect(page.get_by_role("dialog").get_by_role("alert")).to_have_text("There is no footage here.")
        page.keyboard.press("Escape")
        page.reload()
        expect(page.locator(".clips-holdings")).to_contain_text("It was deleted")


def test_a_clip_is_pinned_and_released(place: Place, chromium: Chromium) -> None:
    with chromium.looking(place.base, account="operator") as looker:
        page = looker.open(MARKED)
        page.get_by_role("button", name="Pin…").click()
        dialog = page.get_by_role("dialog", name="Pin footage")
        expect(dialog).to_contain_text("Gate, Yard")
        dialog.get_by_role("button", name="Pin", exact=True).click()
        expect(dialog.get_by_text("Say why it is kept.")).to_be_visible()
        dialog.get_by_label("Reason").fill("<b>theft</b> at the gate")
        dialog.get_by_label("Ends", exact=True).select_option("in 30 days")
        assert looker.axe() == []
        dialog.get_by_role("button", name="Pin", exact=True).press("Enter")
        expect(dialog).to_have_count(0)
        pins = place.ask("GET", "/api/v1/pins?is_active=true")
        assert [(pin["source_id"], pin["start_utc"], pin["reason"]) for pin in pins] == [
            (number, utc(BEGIN_US), "<b>theft</b> at the gate") for number in (1, 2)
        ]
        page.get_by_text("Pins (2)").press("Enter")
        line = page.get_by_role("listitem").filter(has_text="<b>theft</b> at the gate").filter(has_text="Yard")
        expect(line).to_contain_text("by operator · until ")
        line.get_by_role("button", name="Release the pin").click()
        page.get_by_role("dialog").get_by_role("button", name="Release").press("Enter")
        expect(page.get_by_text("Pins (1)")).to_be_visible()
        assert [pin["source_id"] for pin in place.ask("GET", "/api/v1/pins?is_active=true")] == [1]
        assert looker.complaints == []


def test_a_clip_is_downloaded_with_its_manifest_or_as_evidence(
    place: Place,
    chromium: Chromium,
    tmp_path: Path,
    media: Callable[..., Path],  # noqa: F811
) -> None:
    door = add_source(place.app)
    record(place.app, door, media("h264"), leave_open=True)
    with chromium.looking(place.base, account="operator") as looker:
        page = looker.open(MARKED)
        page.get_by_role("checkbox", name="Yard").uncheck()
        page.get_by_role("button", name="Download…").click()
        dialog = page.get_by_role("dialog", name="Download")
        kinds = dialog.get_by_role("radio")
        expect(kinds).to_have_count(3)
        expect(dialog.get_by_role("radio", name="MP4", exact=True)).to_be_checked()
        expect(dialog.locator("label", has_text=re.compile("The same film with a signed list.*"))).to_contain_text("kB")
        assert looker.axe() == []
        dialog.get_by_text("The same film with a signed list").click()
        told = size_of(dialog.locator("label", has_text="MP4 with manifest (ZIP)"))
        with page.expect_download() as coming:
            dialog.get_by_role("button", name="Download").click()
        film = saved(place, coming.value, tmp_path / "film.zip")
        assert coming.value.suggested_filename == "source-1-20261121T080002Z-film.zip"
        expect(page.get_by_role("region", name="Downloads")).to_contain_text(f"saved · {told}")
        with zipfile.ZipFile(film) as opened:
            opened.extract("film.mp4", tmp_path)
        assert frames_of(tmp_path / "film.mp4") == FRAMES
        expect(page.get_by_role("button", name="Download…")).to_be_focused()
        page.keyboard.press("Enter")
        expect(dialog.get_by_role("radio", name="MP4 with manifest (ZIP)")).to_be_focused()  # as the last time
        page.keyboard.press("ArrowDown")
        expect(dialog.get_by_role("radio", name="Evidence (ZIP)")).to_be_checked()
        expect(dialog.locator("label", has_text="Evidence (ZIP)")).to_contain_text("kB")
        with page.expect_download() as coming:
            page.keyboard.press("Enter")
        with zipfile.ZipFile(saved(place, coming.value, tmp_path / "evidence.zip")) as opened:
            assert len([name for name in opened.namelist() if name.startswith("media/")]) == 3
        assert looker.complaints == []
        looker.open(f"/view/timeline?cameras={door}&in={utc(T0_US + 6 * SECOND_US)}&out={utc(T0_US + 7 * SECOND_US)}")
        page.get_by_role("button", name="Download…").press("Enter")
        for name in ("MP4 with manifest (ZIP)", "Evidence (ZIP)"):
            expect(dialog.locator("label", has_text=name)).to_contain_text("no finished recording yet")
            expect(dialog.get_by_role("radio", name=name)).to_be_disabled()
        with page.expect_download() as coming:
            dialog.get_by_role("button", name="Download").press("Enter")
        coming.value.save_as(tmp_path / "open.mp4")
        assert frames_of(tmp_path / "open.mp4") == list(range(6 * FPS, 7 * FPS))
        assert [line for line in looker.complaints if "404" not in line] == []


def test_what_was_exported_says_as_what_also_to_others_and_in_their_language(place: Place, chromium: Chromium) -> None:
    alone = MARKED.replace("cameras=1,2", "cameras=1")
    kinds = ("MP4", "MP4 with manifest (ZIP)", "Evidence (ZIP)")
    with chromium.looking(place.base, account="admin") as looker:
        page = looker.open(alone)
        dialog = page.get_by_role("dialog", name="Download")
        for kind in kinds:
            page.get_by_role("button", name="Download…").click()
            dialog.get_by_role("radio", name=kind, exact=True).check()
            with page.expect_download() as coming:
                dialog.get_by_role("button", name="Download").click()
            assert coming.value.path().stat().st_size > 0
        exports = page.locator(".clips-kind", has_text="Exports (3)")
        exports.locator("summary").click()  # without a reload
        expect(exports.locator("li b")).to_have_text([*reversed(kinds)])
        expect(exports.locator("li").first).to_contain_text("08:00:02 – 08:00:06")
        expect(exports.locator("li").first).to_contain_text("by admin")
        page.reload()
        page.get_by_text("Exports (3)").click()
        expect(exports.locator("li b")).to_have_text([*reversed(kinds)])
        assert looker.axe() == []
        assert looker.complaints == []
    with chromium.looking(place.base, account="viewer") as looker:
        page = looker.open(alone)
        with page.expect_download() as coming:
            page.get_by_role("button", name="Download MP4").click()
        assert coming.value.path().stat().st_size > 0
    writer_of(place.app).flush()
    for language, words in (
        ("ru", ["MP4", "Доказательство (ZIP)", "MP4 с описью (ZIP)", "MP4"]),
        ("vi", ["MP4", "Bằng chứng (ZIP)", "MP4 kèm bản kê (ZIP)", "MP4"]),
    ):
        with chromium.looking(place.base, account="admin", language=language) as looker:
            page = looker.open(alone)
            listed = page.locator(".clips-kind").last
            listed.locator("summary").click()
            expect(listed.locator("li b")).to_have_text(words)
            expect(listed.locator("li").first).to_contain_text("viewer")
            assert looker.complaints == []


def test_a_share_link_is_shown_once_opens_elsewhere_and_is_revoked(place: Place, chromium: Chromium) -> None:
    with chromium.looking(place.base, account="guard", permissions=["clipboard-read", "clipboard-write"]) as looker:
        page = looker.open(MARKED)
        expect(page.locator(".clips-holdings > li")).to_have_count(1)
        expect(page.get_by_text("Camera 2 is not there, or you may not see it.")).to_be_visible()
        page.get_by_role("button", name="Share…").click()
        dialog = page.get_by_role("dialog", name="Share by link")
        dialog.get_by_label("How often it may be opened").fill("none")
        dialog.get_by_label("Password").fill("short")
        dialog.get_by_role("button", name="Make links").click()
        expect(dialog.get_by_role("alert")).to_have_text([re.compile("whole number"), re.compile("At least 8")])
        dialog.get_by_label("How often it may be opened").fill("2")
        dialog.get_by_label("Password").fill("correct horse")
        dialog.get_by_label("Note").fill("The parcel")
        dialog.get_by_label("Offer it for download").check()
        dialog.get_by_role("button", name="Make links").press("Enter")
        links = page.get_by_role("dialog", name="Links, shown this once")
        links.get_by_role("button", name="Copy the link for Gate").click()
        expect(links.get_by_role("status")).to_contain_text("Copied")  # what lies outside of the dialog is not heard
        url = page.evaluate("navigator.clipboard.readText()")
        assert url == links.get_by_label("Link for Gate", exact=True).input_value()
        links.get_by_role("button", name="Done").press("Enter")
        with chromium.looking(place.base) as stranger:
            stranger.page.goto(url)
            stranger.page.get_by_label("Password of this link").fill("correct horse")
            stranger.page.get_by_role("button", name="Open").click()
            expect(stranger.page.get_by_text("The parcel")).to_be_visible()
            stranger.page.wait_for_function("() => document.querySelector('video').readyState >= 2")
        page.reload()
        page.get_by_text("Share links (1)").click()
        line = page.get_by_role("listitem").filter(has_text="The parcel")
        expect(line).to_contain_text("opened 1 of 2 times · with a password · with download")
        line.get_by_role("button", name="Revoke the link").press("Enter")
        page.get_by_role("dialog").get_by_role("button", name="Revoke").press("Enter")
        expect(page.get_by_text("Share links (1)")).to_have_count(0)
        with chromium.looking(place.base) as stranger:
            assert stranger.page.goto(url).status == 410
        # The address names a camera that he may not see: it is asked for until the page knows which he may.
        assert [line for line in looker.complaints if "404" not in line] == []


def test_an_analysis_begins_and_its_result_is_told_while_one_looks(place: Place, chromium: Chromium) -> None:
    with chromium.looking(place.base, account="operator") as looker:
        page = looker.open(MARKED)
        page.get_by_role("checkbox", name="Yard").uncheck()
        page.get_by_role("button", name="Analyse…").click()
        dialog = page.get_by_role("dialog", name="Hand over for analysis")
        dialog.get_by_label("Name of the file").fill("gate.mp4")
        dialog.get_by_label("Audience").select_option("12+")
        dialog.get_by_label("Comment").fill("Who is it?")
        # Where the analysis is refused the file is there already; the second try makes no other one.
        page.route("**/cinema/", lambda route: route.fulfill(status=503, json=NOT_NOW))
        dialog.get_by_role("button", name="Start the analysis").press("Enter")
        dialog.get_by_role("alert").wait_for()
        page.unroute("**/cinema/")
        [refused] = looker.complaints
        assert "503" in refused
        looker.complaints.clear()
        dialog.get_by_role("button", name="Start the analysis").press("Enter")
        begun = page.get_by_role("region", name="Analyses begun")
        expect(begun).to_contain_text("waits for an analyser")
        [file] = place.ask("GET", "/files/")
        assert (file["name"], file["source_id"], file["duration_s"]) == ("gate.mp4", 1, 4.25)
        form = place.ask("GET", f"/cinema/{file['id']}/")
        assert (form["target_audience"], form["comment"]) == ("12+", "Who is it?")
        place.ask("POST", f"/download/{file['refer']}/", json={"findings": []})
        expect(begun).to_contain_text("the result is there")
        page.get_by_text("For analysis (1)").click()
        page.get_by_role("button", name="Delete the file gate.mp4").click()
        page.get_by_role("dialog").get_by_role("button", name="Delete").press("Enter")
        expect(page.get_by_text("For analysis (1)")).to_have_count(0)
        assert looker.complaints == []
        begun.get_by_role("link", name="Open gate.mp4").press("Enter")
        page.wait_for_url("**/view/files?file=*")
