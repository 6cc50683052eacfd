"""What somebody does with the timeline of the page, over the footage of two cameras."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Page

from app.extensions import writing
from app.models import Pin, Record, Source, Tag, Wanted
from app.models.attempt import Attempt
from tests.archived import T0_US, add_source, record, utc
from tests.looking import Chromium, Looker
from tests.served import answering

S = 1_000_000
CANVAS = ".timeline-canvas"
CLIP_S, GAP_S = 20, 20
AXIS_PX, LANE_PX = 48, 40
SPAN_S = 120
VIEW = f"/view/timeline?at={utc(T0_US + 30 * S)}&span={SPAN_S}"


@pytest.fixture
def cameras(app: Flask, media: Callable[..., Path]) -> tuple[int, int]:
    """Return two cameras: the first could not be reached for 20 s between two clips, the second has one clip."""
    clip = media("h264", seconds=CLIP_S)
    first, second = add_source(app), add_source(app)
    record(app, first, clip, segment_s=5)
    record(app, first, clip, begin_us=T0_US + (CLIP_S + GAP_S) * S, segment_s=5)
    record(app, second, clip, begin_us=T0_US + 10 * S, segment_s=5)
    with app.app_context(), writing() as session:
        for source_id, name in ((first, "Gate <b>"), (second, "Yard")):
            session.get_one(Source, source_id).description = name
            session.add(Wanted(source_id=source_id, begin_us=T0_US, end_us=T0_US + 60 * S))
        gap = {"begin_us": T0_US + CLIP_S * S, "end_us": T0_US + (CLIP_S + GAP_S) * S, "reason": "camera_unreachable"}
        session.add(Attempt(source_id=first, recorder_id="r", **gap))
        tag = Tag(name="night")
        session.add(tag)
        session.flush()
        session.add(Record(source_id=first, tag_id=tag.id, begin_us=T0_US, end_us=T0_US + 60 * S))
        pin = {"begin_us": T0_US, "end_us": T0_US + 10 * S, "reason": "a theft", "owner": "User"}
        session.add(Pin(source_id=first, **pin))
    return first, second


# What stands above the lanes comes later than they do, and moves them: for a while they have kept their place.
IS_LAID_OUT = """
() => {
  const {top, left, width} = document.querySelector('.timeline-canvas').getBoundingClientRect();
  const place = [top, left, width].join();
  if (place !== window.laidOut) [window.laidOut, window.laidSince] = [place, performance.now()];
  return performance.now() - window.laidSince > 800;
}
"""


class Timeline:
    """What somebody does with the timeline of a page."""

    def __init__(self, page: Page) -> None:
        self.page = page
        page.wait_for_function("() => performance.getEntriesByName('timeline: all is drawn').length > 0")
        page.wait_for_function(IS_LAID_OUT, polling=100)

    @property
    def view_s(self) -> tuple[float, float]:
        """From when to when it shows, Unix time in whole seconds."""
        read = self.page.locator(CANVAS).get_attribute
        return float(read("aria-valuemin") or 0), float(read("aria-valuemax") or 0)

    @property
    def said(self) -> str:
        """What the keys moved to, as it is read out."""
        return self.page.locator(CANVAS).get_attribute("aria-valuetext") or ""

    def place(self, after_s: float, lane: int = 0) -> tuple[float, float]:
        """Return where a moment (seconds after T0) lies on a lane, in the window."""
        self.page.locator(CANVAS).scroll_into_view_if_needed()
        box = self.page.locator(CANVAS).bounding_box()
        assert box is not None
        begin_s, end_s = self.view_s
        x = box["x"] + (T0_US / S + after_s - begin_s) / (end_s - begin_s) * box["width"]
        return x, box["y"] + AXIS_PX + LANE_PX * (lane + 0.5)

    def point(self, after_s: float, lane: int = 0) -> str:
        """Move the mouse to a moment, wherever the page has put it meanwhile; return what the tip says."""
        said = ""

        def is_told() -> bool:
            nonlocal said
            self.page.mouse.move(*self.place(after_s, lane))
            said = self.page.evaluate("document.querySelector('.timeline-tip')?.innerText ?? ''")
            return bool(said)

        wait_for(is_told, "a tip")
        return said

    def tip_says(self, after_s: float, text: str, lane: int = 0) -> None:
        """Move the mouse to a moment and wait until the tip says something."""
        wait_for(lambda: text in self.point(after_s, lane), text)

    @property
    def ruler_y(self) -> float:
        """Where the handles of the marks are, in the window."""
        return self.place(0)[1] - LANE_PX / 2 - AXIS_PX / 4

    def take(self, name: str) -> None:
        """Take hold of a handle with the mouse, at its line."""
        handle = self.page.get_by_role("slider", name=name)
        box = handle.bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= 24
        line_px = {"Moment shown": 0.5, "In mark": 0.9, "Out mark": 0.1}[name] * box["width"]
        self.page.mouse.move(box["x"] + line_px, box["y"] + box["height"] / 2)
        self.page.mouse.down()

    def slider_s(self, name: str) -> float:
        """Return where a handle is, in whole seconds after T0."""
        return float(self.page.get_by_role("slider", name=name).get_attribute("aria-valuenow") or 0) - T0_US / S

    def shows_moment(self, after_s: float, within_s: float = 1.2) -> None:
        """Wait until the player stands at a moment (seconds after T0)."""
        at = self.page.locator(".player-master")

        def is_there() -> bool:
            shown = at.get_attribute("datetime") or ""
            return shown != "" and abs(datetime.fromisoformat(shown).timestamp() - T0_US / S - after_s) <= within_s

        wait_for(is_there, f"the moment {after_s} s")

    def shows(self, span_s: float) -> None:
        """Wait until so much time is shown."""
        wait_for(lambda: abs(self.view_s[1] - self.view_s[0] - span_s) <= max(span_s * 0.02, 1), f"{span_s} s shown")

    def plays(self, after_s: float, until_s: float) -> None:
        """Wait until the address says that a moment between these (seconds after T0) is played."""

        def at_s() -> float:
            found = re.search(r"[?&]at=([^&]+)", self.page.evaluate("location.href"))
            return datetime.fromisoformat(found[1]).timestamp() - T0_US / S if found else -1.0

        wait_for(lambda: after_s <= at_s() <= until_s, f"playing between {after_s} and {until_s}")


def wait_for(is_so: Callable[[], Any], what: str, limit_s: float = 40) -> None:
    """Look again and again; Playwright's own waits are for what is in the document."""
    until_s = time.monotonic() + limit_s
    while not is_so():
        assert time.monotonic() < until_s, f"not within {limit_s} s: {what}"
        time.sleep(0.05)


@contextmanager
def opened(
    app: Flask,
    chromium: Chromium,
    path: str = VIEW,
    **window: Any,
) -> Iterator[tuple[Looker, Timeline]]:
    """Open the page; afterwards the browser has complained of nothing."""
    with answering(app) as base, chromium.looking(base, **window) as looker:
        page = looker.open(path)
        yield looker, Timeline(page)
        assert looker.complaints == []
