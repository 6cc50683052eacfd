"""A link to a moment: copied on one person's page, opened by another, it shows exactly that frame of those cameras."""

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import expect

from app.extensions import writing
from app.models import Group, Source
from tests.archived import FPS, T0_US, add_source, media, no_plans, record, utc  # noqa: F401
from tests.looking import Chromium, Looker, Size
from tests.served import answering

FRAME_MS = 1000 // FPS
SHOWN = """
[...document.querySelectorAll('.player-cell')]
  .map((cell) => [cell.dataset.id, cell.querySelector('.player-clock')?.dateTime])
"""


def clocks(after_ms: int) -> list[list[str]]:
    """Return what is shown where both cameras are at a moment after T0."""
    told = utc(T0_US + after_ms * 1000).removesuffix("000Z") + "Z"
    return [["2", told], ["3", told]]


def shows(looker: Looker, clocks: list[list[str]]) -> None:
    """Wait until each camera's picture is the frame of this clock."""
    looker.page.wait_for_function(f"(clocks) => JSON.stringify({SHOWN}) === JSON.stringify(clocks)", arg=clocks)


def shows_cameras(looker: Looker, ids: list[str]) -> None:
    """Wait until there are pictures of these cameras, each with its clock, and of no others."""
    told = f"{SHOWN}.map(([id, clock]) => clock && id)"
    looker.page.wait_for_function(f"(ids) => JSON.stringify({told}) === JSON.stringify(ids)", arg=ids)


@pytest.mark.parametrize("how", ["mouse", "keyboard"])
def test_a_copied_link_opens_the_frame_that_was_shown(
    app: Flask,
    media: Callable[..., Path],  # noqa: F811
    chromium: Chromium,
    how: str,
) -> None:
    for _ in range(3):
        record(app, add_source(app), media("h264"))
    with answering(app) as base:
        with chromium.looking(base, permissions=["clipboard-read", "clipboard-write"]) as looker:
            page = looker.open(f"/view/timeline?cameras=2,3&at={utc(T0_US + 3_000_000)}")
            shows(looker, clocks(3_000))
            page.keyboard.press(".")
            page.keyboard.press(".")
            shows(looker, clocks(3_000 + 2 * FRAME_MS))
            if how == "mouse":
                page.get_by_role("button", name="Link to this moment").click()
            else:
                page.keyboard.press("c")
            page.get_by_text("Copied: the link that opens").wait_for()
            link = page.evaluate("navigator.clipboard.readText()")
        with chromium.looking(base) as other:
            other.open(link.removeprefix(base))
            shows(other, clocks(3_000 + 2 * FRAME_MS))
            assert other.complaints == []


def test_a_link_to_cameras_that_are_not_there_shows_no_others_until_one_wants_them(
    app: Flask,
    media: Callable[..., Path],  # noqa: F811
    chromium: Chromium,
) -> None:
    record(app, add_source(app), media("h264"))
    with answering(app) as base, chromium.looking(base) as looker:
        page = looker.open(f"/view/timeline?cameras=7,8&at={utc(T0_US + 3_000_000)}")
        told = page.get_by_text("The cameras 7 and 8 are not there, or you may not see them.")
        told.wait_for()
        page.wait_for_function("() => !document.querySelector('.player-cell')")
        assert looker.axe() == []
        page.get_by_role("button", name="Show the cameras that you may see").press("Enter")
        shows_cameras(looker, ["1"])
        assert told.count() == 0


def test_cameras_are_chosen_by_keyboard_and_by_group_and_stand_in_the_address(
    app: Flask,
    media: Callable[..., Path],  # noqa: F811
    chromium: Chromium,
) -> None:
    for number in range(1, 19):
        source_id = add_source(app)
        if number > 16:
            record(app, source_id, media("h264"))
    with app.app_context(), writing() as session:
        sources = session.query(Source).order_by(Source.id).all()
        for source in sources:
            source.description = f"Camera {source.id}"
        session.add(Group(model="Source", name="Gate", sources=sources[16:]))
    with answering(app) as base, chromium.looking(base) as looker:
        page = looker.open(f"/view/timeline?at={utc(T0_US + 3_000_000)}")
        page.get_by_role("button", name="Cameras: 16 of 18").click()
        dialog = page.get_by_role("dialog")
        expect(dialog.get_by_role("checkbox", disabled=True)).to_have_count(2)
        assert looker.axe() == []
        dialog.get_by_role("button", name="Gate").click()
        dialog.get_by_role("button", name="Show").click()
        shows_cameras(looker, ["17", "18"])
        page.wait_for_url("**cameras=17,18**")
        page.get_by_role("button", name="Cameras: 2 of 18").focus()
        page.keyboard.press("Enter")
        dialog.get_by_label("Find by name or number").fill("camera 17")
        dialog.get_by_role("checkbox", name="Camera 17").focus()
        page.keyboard.press("Space")
        page.keyboard.press("Enter")
        dialog.wait_for(state="detached")
        shows_cameras(looker, ["18"])
        assert looker.complaints == []


def test_a_link_to_a_span_that_cannot_be_shows_what_can(
    app: Flask,
    media: Callable[..., Path],  # noqa: F811
    chromium: Chromium,
) -> None:
    # A span of 1e30 seconds left the page empty: no calendar has such a day.
    record(app, add_source(app), media("h264"))
    with answering(app) as base, chromium.looking(base) as looker:
        for span in ("1e30", "1e999", "-5", "x"):
            looker.open(f"/view/timeline?cameras=1&at={utc(T0_US + 3_000_000)}&span={span}")
            shows_cameras(looker, ["1"])
            assert looker.page.get_by_role("button", name="Go to…").is_visible()
        assert looker.complaints == []


# What is said of a gap that can be read, the ways out of it and the camera's name: which of them lie over another.
OVERLAID = """
[...document.querySelectorAll('.player-cell')].flatMap((cell) => {
  const boxes = [...cell.querySelectorAll('.player-gap p, .player-name')]
    .filter((one) => one.checkVisibility({opacityProperty: true}))
    .map((one) => {
      const range = document.createRange();
      range.selectNodeContents(one);
      const {top, bottom, left, right} = range.getBoundingClientRect();
      return {name: one.textContent, top, bottom, left, right};
    });
  const isOver = (a, b) => a.top < b.bottom - 1 && b.top < a.bottom - 1 && a.left < b.right && b.left < a.right;
  return boxes.flatMap((a, at) => boxes.slice(at + 1).filter((b) => isOver(a, b)).map((b) => `${a.name} × ${b.name}`));
})
"""


@pytest.mark.parametrize(("size", "count"), [("desk", 5), ("desk", 15), ("phone", 4), ("phone", 15), ("wall", 2)])
def test_what_is_said_of_a_gap_lies_below_nothing_else(
    app: Flask,
    media: Callable[..., Path],  # noqa: F811
    chromium: Chromium,
    size: Size,
    count: int,
) -> None:
    # With five cameras on a laptop the ways out of a gap lay over why it is there.
    record(app, add_source(app), media("h264"))
    for _ in range(count - 1):
        add_source(app)
    with answering(app) as base, chromium.looking(base, size=size, language="ru") as looker:
        page = looker.open(f"/view/timeline?at={utc(T0_US + 3_000_000)}")
        page.wait_for_function(f"() => document.querySelectorAll('.player-gap').length === {count - 1}")
        expect(page.locator(".player-gap", has_text="Запись не требовалась")).to_have_count(count - 1)
        assert page.evaluate(OVERLAID) == []
        assert looker.complaints == []
