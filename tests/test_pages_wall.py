"""The live wall in a real Chromium: real pictures of real HTTP cameras, starting and stopping, and what is kept."""

import base64
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Locator, Page, Request, expect

from app.archive import recordings
from app.extensions import db, writing
from app.models import Lease, Recorder, Source
from app.models.types import now_us
from tests.accounts import add_account, password_hash
from tests.archived import T0_US, record
from tests.archived import media as media
from tests.looking import Chromium
from tests.picture_server import PictureServer, picture_number
from tests.served import answering

PICTURE = re.compile(r"/api/v1/source/(\d+)/picture$")
MOST_AT_ONCE = 3
GONE = {"detail": [{"loc": ["path", "group_id"], "msg": "there is no such group", "type": "not_found"}]}
BUSY = {"detail": [{"loc": [], "msg": "ask less often", "type": "none"}]}
LEASE_US = 3_600_000_000
# What an <img> shows, as a PNG in base64.
READ_IMAGE = """
(image) => {
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
  canvas.getContext('2d').drawImage(image, 0, 0);
  return canvas.toDataURL('image/png').split(',')[1];
}
"""
# What the pictures of a camera's tiles are.
SOURCES = """
(name) => [...document.querySelectorAll('.wall-tile')]
  .filter((tile) => tile.querySelector('.wall-open').innerText === name)
  .map((tile) => tile.querySelector('img').src)
"""
# Counts what is locked; whether a headless browser has a screen to keep on differs.
COUNT_LOCKS = """
window.locks = [];
Object.defineProperty(Navigator.prototype, 'wakeLock', {
  get: () => ({request: async (kind) => {
    window.locks.push(kind);
    return {release: async () => window.locks.pop()};
  }}),
});
"""


class Stills:
    """What a page asks of cameras: how often each, and the most at once."""

    def __init__(self, page: Page) -> None:
        self.asked: list[int] = []
        self.most = 0
        self._under_way: set[Request] = set()
        page.on("request", self._begin)
        page.on("requestfinished", lambda request: self._under_way.discard(request))
        page.on("requestfailed", lambda request: self._under_way.discard(request))

    def _begin(self, request: Request) -> None:
        if found := PICTURE.search(request.url):
            self.asked.append(int(found[1]))
            self._under_way.add(request)
            self.most = max(self.most, len(self._under_way))


@dataclass
class House:
    """A service with cameras: two doors of which one is also outside, a yard that gives nothing, and a plain stream."""

    app: Flask
    base: str
    door: PictureServer
    yard: PictureServer


@contextmanager
def housing(app: Flask) -> Iterator[House]:
    with PictureServer() as door, PictureServer() as yard, answering(app) as base:
        yard.change(status=500)
        with app.app_context(), writing() as session:
            for name, camera in (("Front door", door), ("Back door", door), ("Yard", yard)):
                session.add(Source(model="PictureSource", picture_uri=camera.url, description=name, status="online"))
            session.add(Source(model="Source", uri_rtsp="rtsp://127.0.0.1:9/none", description="Roof"))
            session.query(Source).filter_by(description="Yard").update({"status": "offline"})
            for role in ("viewer", "operator"):
                add_account(session, role, role)
            session.execute(db.text("UPDATE account SET password = :hash"), {"hash": password_hash()})
        with app.test_client() as client, app.app_context():
            token = {"Authorization": f"Bearer {admin_token(app)}"}
            for name, ids in (("Doors", (1, 2)), ("Outside", (1, 3))):
                body = {"model": "PictureSource", "name": name}
                group = client.post("/api/v1/group", json=body, headers=token).json[0]["id"]
                for number in ids:
                    client.post(f"/api/v1/group/{group}/source/{number}/", headers=token)
        yield House(app, base, door, yard)


def admin_token(app: Flask) -> str:
    with app.app_context(), writing() as session:
        return add_account(session, "admin", "admin")


@pytest.fixture
def house(production: Flask) -> Iterator[House]:
    with housing(production) as built:
        yield built


def hold_cameras(app: Flask, *source_ids: int) -> None:
    """Let a recorder run and hold these cameras, as while it records them."""
    with app.app_context(), writing() as session:
        session.merge(Recorder(id="r", host_id="h", boot_id="b", pid=1, started_ticks=1, seen_us=now_us() + LEASE_US))
        session.flush()
        session.add_all(Lease(source_id=one, recorder_id="r", expires_us=now_us() + LEASE_US) for one in source_ids)


def tile(page: Page, name: str, section: str) -> Locator:
    return page.get_by_role("region", name=section).locator(".wall-tile", has=page.get_by_role("link", name=name))


def ask_again(door: Locator) -> None:
    """Press the button; the picture that comes by itself, live where the pointer is, would take it away."""
    door.get_by_role("button", name="Ask Front door again").dispatch_event("click")


def shown_number(picture: Locator) -> int:
    """Return the number of the camera's picture that an image shows."""
    return picture_number(base64.b64decode(picture.evaluate(READ_IMAGE)))


def names(page: Page, section: str) -> list[str]:
    return page.get_by_role("region", name=section).locator(".wall-open").all_inner_texts()


def test_cameras_show_their_pictures_by_group_and_say_when_they_give_none(house: House, chromium: Chromium) -> None:
    with chromium.looking(house.base, account="viewer") as looker:
        page = looker.page
        stills = Stills(page)
        looker.open("/")
        door, again = tile(page, "Front door", "Doors"), tile(page, "Front door", "Outside")
        door.get_by_role("img").wait_for()
        first = shown_number(door.get_by_role("img"))
        again.get_by_role("img").wait_for()
        before, beside = page.evaluate(SOURCES, "Front door")
        assert before == beside
        assert names(page, "Doors") == ["Back door", "Front door"]
        assert names(page, "In no group") == ["Roof"]
        expect(page.get_by_role("status").filter(has_text="4 cameras")).to_contain_text("2 without a picture")
        yard = tile(page, "Yard", "Outside")
        expect(yard).to_contain_text("No picture since")
        expect(yard).to_contain_text("offline")
        expect(door.get_by_role("img")).not_to_have_attribute("src", before or "")
        assert shown_number(door.get_by_role("img")) > first
        assert 1 <= stills.most <= MOST_AT_ONCE
        expect(page.get_by_role("button", name=re.compile("^(Record|Stop)"))).to_have_count(0)  # of a viewer
        # What a camera gave last stays, greyed, when it gives nothing any more.
        house.door.change(status=503)
        expect(door).to_contain_text("No picture since", timeout=25_000)
        expect(door.get_by_role("img")).to_be_visible()
        house.door.change(status=200)
        ask_again(door)
        expect(door).not_to_contain_text("No picture since")
        assert looker.axe() == []
        assert looker.complaints == []


def test_since_when_there_is_no_picture_is_told_by_what_was_recorded_or_not_at_all(
    house: House,
    chromium: Chromium,
    media: Callable[..., Path],
) -> None:
    house.door.change(status=503)
    for number in (1, 2):  # of which the first is recorded still, and gives nothing since
        record(house.app, number, media("h264"), begin_us=T0_US)
    with house.app.app_context(), writing() as session:
        recordings.start(session, (1,), recordings.make_tag(session, "day", T0_US), T0_US)
    with chromium.looking(house.base, account="viewer") as looker:
        page = looker.open("/")
        door, back, yard = (
            tile(page, *where) for where in (("Front door", "Doors"), ("Back door", "Doors"), ("Yard", "Outside"))
        )
        expect(door).to_contain_text(re.compile("No picture since Nov 21, 2026, 08:00:08, .* ago"))
        expect(back).to_contain_text("No picture; the last one that was recorded is of Nov 21, 2026, 08:00:08")
        expect(yard).to_contain_text("No picture since this page was opened; how long before is not known")
        house.door.change(status=200)
        ask_again(door)
        expect(door.get_by_role("img")).to_be_visible()
        house.door.change(status=503)
        # Of what came meanwhile the last counts.
        expect(door).to_contain_text("No picture since")
        expect(door.locator(".wall-silent")).not_to_contain_text("Nov 21")
        assert looker.axe() == []
        assert looker.complaints == []


def test_who_looks_closer_sees_a_live_picture_by_mouse_and_by_keyboard(house: House, chromium: Chromium) -> None:
    with chromium.looking(house.base, account="viewer") as looker:
        page = looker.open("/")
        door = tile(page, "Front door", "Doors")
        picture = door.get_by_role("img")
        picture.wait_for()
        with page.expect_request("**/api/v1/source/1/video?delay=0.2"):
            door.hover()
        expect(door).to_contain_text("live")
        first = shown_number(picture)
        expect(picture).not_to_have_attribute("src", picture.get_attribute("src") or "")
        assert shown_number(picture) > first
        with page.expect_event(
            "requestfailed", lambda request: "/video" in request.url
        ):  # its connection is free again
            page.mouse.move(0, 0)
        expect(door).not_to_contain_text("live")
        page.get_by_role("link", name="Back door").focus()
        expect(tile(page, "Back door", "Doors")).to_contain_text("live")
        page.keyboard.press("Tab")
        expect(page.get_by_role("button", name="Enlarge Back door")).to_be_focused()
        page.keyboard.press("Enter")
        large = page.get_by_role("dialog", name="Back door")
        expect(large.get_by_text("live", exact=True)).to_be_visible()
        assert looker.axe() == []
        page.keyboard.press("ArrowRight")
        expect(page.get_by_role("dialog", name="Front door").get_by_text("live", exact=True)).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
        page.get_by_role("link", name="Front door").first.press("Enter")
        page.wait_for_url("**/view/timeline?cameras=1*")


def test_an_operator_records_a_group_by_mouse_and_stops_the_tag_by_keyboard(house: House, chromium: Chromium) -> None:
    hold_cameras(house.app)
    with chromium.looking(house.base, account="operator") as looker:
        page = looker.open("/")
        page.get_by_role("button", name="Record the group Doors").click()
        dialog = page.get_by_role("dialog", name="Record cameras")
        expect(dialog.get_by_label("Tag")).to_have_value("Doors")
        expect(dialog.get_by_label("Front door").first).to_be_checked()
        expect(dialog.get_by_label("Yard")).not_to_be_checked()
        dialog.get_by_label("Tag").fill("night")
        assert looker.axe() == []
        dialog.get_by_role("button", name="Start recording").click()
        expect(dialog).to_have_count(0)
        chip = page.get_by_role("list", name="Recording now").get_by_role("listitem")
        expect(chip).to_contain_text(re.compile(r"night since \d\d:\d\d:\d\d.*2 cameras", re.DOTALL))
        door = tile(page, "Front door", "Doors")
        expect(door).to_contain_text("night since")
        # Nothing records before a recorder holds the cameras, though they are there.
        summary = page.get_by_role("status").filter(has_text="4 cameras")
        expect(door).to_contain_text("waiting for the camera")
        expect(summary).to_contain_text("2 waiting")
        expect(summary).not_to_contain_text("recording")
        expect(chip.locator(".lamp")).to_have_attribute("data-lamp", "waiting")
        hold_cameras(house.app, 1, 2)
        expect(door).to_contain_text("recording")
        expect(summary).to_contain_text("2 recording")
        expect(chip.locator(".lamp")).to_have_attribute("data-lamp", "recording")
        assert looker.ask("/api/v1/tag/begin") == ["night"]
        assert [group["name"] for group in looker.ask("/api/v1/group")] == ["Doors", "Outside"]  # none was made for it
        # Stopping one camera says for whom the tag ends besides.
        door.hover()
        door.get_by_role("button", name="Stop recording Front door").click()
        stop = page.get_by_role("dialog", name="Stop recording")
        expect(stop.get_by_role("listitem").filter(has_text="Back door")).to_contain_text("too")
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Stop everything recorded as night").press("Enter")
        expect(stop.get_by_role("listitem")).to_have_text(["Front door", "Back door"])
        stop.get_by_role("button", name="Stop recording").press("Enter")
        expect(page.get_by_role("list", name="Recording now")).to_have_count(0)
        expect(page.get_by_role("status").filter(has_text="has stopped")).to_be_visible()
        assert looker.ask("/api/v1/tag/begin") == []


def test_a_camera_that_no_recorder_could_record_says_so(house: House, chromium: Chromium) -> None:
    with house.app.app_context(), writing() as session:
        recordings.start(session, (1,), recordings.make_tag(session, "day", now_us()), now_us())
    with chromium.looking(house.base, account="viewer") as looker:
        page = looker.open("/")
        door = tile(page, "Front door", "Doors")
        summary = page.get_by_role("status").filter(has_text="4 cameras")
        expect(door).to_contain_text("no recorder is running")
        expect(summary).to_contain_text("no recorder is running: nothing is recorded")
        page.goto(f"{house.base}/view/cameras")
        expect(page.get_by_role("row").filter(has_text="Front door")).to_contain_text("no recorder is running")
        page.goto(house.base)
        hold_cameras(house.app)
        expect(door).to_contain_text("waiting for the camera")
        expect(door).not_to_contain_text("no recorder is running")
        expect(summary).not_to_contain_text("no recorder is running")
        assert looker.axe() == []
        assert looker.complaints == []


def test_cameras_that_are_no_group_are_recorded_by_keyboard_and_refusals_are_told(
    house: House,
    chromium: Chromium,
) -> None:
    with house.app.app_context(), writing() as session:
        session.query(Source).filter_by(description="Yard").update({"picture_uri": None, "ffmpeg_cmd": "nonsense"})
    hold_cameras(house.app)
    with chromium.looking(house.base, account="operator") as looker:
        page = looker.open("/")
        page.get_by_role("link", name="Yard").wait_for()
        page.keyboard.press("r")
        dialog = page.get_by_role("dialog", name="Record cameras")
        expect(dialog.get_by_label("Tag")).to_be_focused()
        expect(dialog.get_by_label("Tag")).to_have_value("all cameras")
        page.keyboard.type("day")
        dialog.get_by_label("Back door").press("Space")
        page.keyboard.press("Enter")
        refusals = dialog.get_by_role("alert").filter(has_text="These were not started")
        expect(refusals.get_by_role("listitem")).to_contain_text(["Yard: "])
        expect(tile(page, "Roof", "In no group")).to_contain_text("waiting for the camera")
        assert looker.ask("/api/v1/tag/begin") == ["day"]
        assert {group["name"] for group in looker.ask("/api/v1/group")} == {"Doors", "Outside", "Roof"}


def test_a_key_that_is_pressed_at_once_means_the_cameras_that_are_shown(house: House, chromium: Chromium) -> None:
    with chromium.looking(house.base, account="operator") as looker:
        looker.paint_slowly()
        page = looker.open("/")
        page.get_by_role("link", name="Yard").wait_for()
        page.keyboard.press("r")
        dialog = page.get_by_role("dialog", name="Record cameras")
        expect(dialog.get_by_label("Tag")).to_have_value("all cameras")
        page.keyboard.press("Escape")
        dialog.wait_for(state="detached")
        page.get_by_role("button", name="Wall mode").click()
        expect(page.locator(".wall-open")).to_have_count(4)
        heights = "[...document.querySelectorAll('.wall-tile')].map((tile) => tile.getBoundingClientRect().bottom)"
        assert max(page.evaluate(heights)) <= page.evaluate("innerHeight")
        assert looker.complaints == []


def test_all_tags_are_asked_for_at_once_and_a_refusal_is_told_as_it_is(house: House, chromium: Chromium) -> None:
    with house.app.app_context(), writing() as session:
        for name in ("day", "night", "week"):
            recordings.start(session, (1, 2), recordings.make_tag(session, name, now_us()), now_us())
    with chromium.looking(house.base, account="viewer") as looker:
        page = looker.page
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url.removeprefix(house.base)))
        looker.open("/")
        expect(page.get_by_role("list", name="Recording now").get_by_role("listitem")).to_have_count(3)
        page.wait_for_event("requestfinished", lambda request: request.url.endswith("/api/v1/record/open"))
        assert [path for path in asked if re.search("/api/v1/(record|tag)", path) and "/record/open" not in path] == []
        # A group that was deleted after it was listed is none, and no silence of the service.
        page.route(re.compile("/api/v1/group/[^/]+/$"), lambda route: route.fulfill(status=404, json=GONE))
        page.reload()
        expect(page.locator(".wall-open")).to_have_count(4)
        banner = page.locator(".shell-lost")
        expect(banner).to_have_count(0)
        page.route("**/api/v1/source", lambda route: route.fulfill(status=429, json=BUSY))
        expect(banner).to_contain_text("The service says: ask less often")
        page.unroute("**/api/v1/source")
        expect(banner).to_have_count(0)
        page.route("**/api/v1/source", lambda route: route.abort())
        expect(banner).to_contain_text("The service does not answer")


def test_the_wall_is_narrowed_sorted_and_sized_and_keeps_how_it_was_left(house: House, chromium: Chromium) -> None:
    with chromium.looking(house.base, account="viewer") as looker:
        page = looker.open("/")
        page.get_by_role("link", name="Roof").wait_for()
        page.keyboard.press("/")
        page.keyboard.type("door")
        expect(page.locator(".wall-open")).to_have_text(["Back door", "Front door", "Front door"])
        page.get_by_label("Show", exact=True).select_option("trouble")
        page.wait_for_url("**/?find=door&show=trouble")  # it can be sent to somebody
        expect(page.get_by_role("heading", name="No camera fits")).to_be_visible()
        page.get_by_role("button", name="Show all cameras").click()
        expect(page.locator(".wall-open")).to_have_count(5)
        page.get_by_label("Order").select_option("own")
        tile(page, "Front door", "Doors").drag_to(tile(page, "Back door", "Doors"))
        expect(page.get_by_role("region", name="Doors").locator(".wall-open")).to_have_text(["Back door", "Front door"])
        page.get_by_role("button", name="Move Front door forward").first.press("Enter")
        page.get_by_role("button", name="Fold In no group").press("Enter")
        page.get_by_role("button", name="Groups shown").click()
        page.get_by_role("checkbox", name="Outside").click()
        page.get_by_label("Size of the pictures").press("End")
        page.reload()
        expect(page.locator(".wall-open")).to_have_text(["Front door", "Back door"])
        assert page.locator(".wall-tile").first.evaluate("(tile) => tile.offsetWidth") >= 900
        page.get_by_role("link", name="Front door").focus()
        page.keyboard.press("ArrowDown")
        expect(page.get_by_role("link", name="Back door")).to_be_focused()


def test_wall_mode_hides_all_else_and_keeps_the_screen_on(house: House, chromium: Chromium) -> None:
    with chromium.looking(house.base, account="viewer") as looker:
        looker.page.add_init_script(COUNT_LOCKS)
        page = looker.open("/")
        page.get_by_role("link", name="Roof").wait_for()
        page.get_by_role("button", name="Wall mode").click()
        expect(page.get_by_role("navigation")).to_be_hidden()
        page.wait_for_function("() => document.fullscreenElement !== null && window.locks.length === 1")
        expect(page.locator(".wall-open")).to_have_count(4)  # each camera once
        heights = "[...document.querySelectorAll('.wall-tile')].map((tile) => tile.getBoundingClientRect().bottom)"
        assert max(page.evaluate(heights)) <= page.evaluate("innerHeight")
        assert looker.axe() == []
        page.keyboard.press("f")
        expect(page.get_by_role("navigation")).to_be_visible()
        page.wait_for_function("() => document.fullscreenElement === null && window.locks.length === 0")
        page.keyboard.press("f")
        page.get_by_role("button", name="Leave wall mode").press("Enter")
        expect(page.get_by_role("navigation")).to_be_visible()


def test_wall_mode_that_is_entered_again_at_once_stays(house: House, chromium: Chromium) -> None:
    """The browser tells that the screen was left only with its next frame, when it may be on its way back."""
    again = """() => {
      document.body.dispatchEvent(new KeyboardEvent('keydown', {key: 'f', code: 'KeyF', bubbles: true}));
      document.dispatchEvent(new Event('fullscreenchange'));
    }"""
    with chromium.looking(house.base, account="viewer") as looker:
        page = looker.open("/")
        page.get_by_role("link", name="Roof").wait_for()
        page.evaluate(again)
        expect(page.locator(".wall-open")).to_have_count(4)
        expect(page.get_by_role("navigation")).to_be_hidden()
        page.get_by_role("button", name="Leave wall mode").press("Enter")
        expect(page.get_by_role("navigation")).to_be_visible()
        assert looker.complaints == []


def test_wall_mode_that_is_left_before_the_screen_is_filled_is_left(house: House, chromium: Chromium) -> None:
    twice = """() => {
      const element = document.documentElement;
      const fill = element.requestFullscreen.bind(element);
      window.filled = new Promise((tell) => {
        element.requestFullscreen = () => { tell(fill()); return window.filled; };
      });
      for (let time = 0; time < 2; time += 1)
        document.body.dispatchEvent(new KeyboardEvent('keydown', {key: 'f', code: 'KeyF', bubbles: true}));
      return window.filled;
    }"""
    with chromium.looking(house.base, account="viewer") as looker:
        page = looker.open("/")
        page.get_by_role("link", name="Roof").wait_for()
        page.evaluate(twice)
        page.wait_for_function("() => document.fullscreenElement === null")
        expect(page.get_by_role("navigation")).to_be_visible()
        assert looker.complaints == []
