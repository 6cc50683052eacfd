"""The pages in a real Chromium that draws in software: the timeline of 16 cameras over a year, and its thumbnails.

Wheel and mouse are the browser's own, told by its debugger; what is measured is measured within the page: when it is
drawn for the first time, how far apart frames are while it is zoomed and moved (`requestAnimationFrame`), and how long
after the last movement of the mouse a picture of that moment is there. Beside it, in the same run, the same page that
is left alone, and an empty page under the same turns of the wheel.
"""

import random
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from app import create_app
from app.extensions import db
from bench.cameras import SEED, STILLS, describe_clip
from bench.figures import Figure, median, percentile
from bench.firstbyte import is_alive
from bench.hour import BEGIN_US, make_hour
from bench.pageyear import CAMERAS, make_year
from instance.config import DevelopmentConfig
from tests.looking import Chromium, Looker, starting_chromium
from tests.service import Service, wait_for

WIDE, HIGH = 1920, 1080
YEAR_S, LENGTH_S = 31_536_000, 600
SETTLED_S = 4.0
OPENINGS, MOVING_S, NOTCHES, MOVES = 5, 4.0, 24, 30
LEAST_FPS, FIRST_MS, PICTURE_MS = 50.0, 500.0, 100.0
CANVAS = ".timeline-canvas"
WHOLE = "timeline: all is drawn"
BEGUN = "timeline: begun"
FRAMES = """() => {
  const times = window.frameTimes = [];
  const note = (ms) => { times.push(ms); if (times !== window.frameTimes) return; requestAnimationFrame(note); };
  requestAnimationFrame(note);
}"""
TAKE_FRAMES = "() => { const times = window.frameTimes; window.frameTimes = null; return times; }"
# When the tip first shows a picture of the moment that the mouse was moved to last, and when one of the key frame.
WATCH_TIP = """() => {
  window.moved = null;
  document.querySelector('.timeline-canvas').addEventListener('pointermove', (event) => {
    window.moved = {atMs: event.timeStamp, shownMs: null, keyMs: null};
  });
  const look = () => {
    const tip = document.querySelector('.timeline-tip');
    const {moved} = window;
    if (moved && tip?.dataset.picture) {
      const awayMs = Math.abs(Date.parse(tip.dataset.picture) - Date.parse(tip.dataset.at));
      moved.shownMs ??= performance.now() - moved.atMs;
      if (tip.dataset.kind === 'key') moved.keyMs ??= performance.now() - moved.atMs;
      moved.awayMs ??= awayMs;
    }
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}"""


def measure() -> list[Figure]:
    """Make the archive, then look at it."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        service = Service(Path(folder), "web")
        real_id, _ = make_hour(service, STILLS, LENGTH_S)
        app = create_app(DevelopmentConfig(INSTANCE=folder, RESERVE_BYTES=1_000_000), with_views=False)
        made: dict[str, Any] = {"pixels": f"{WIDE}x{HIGH}", **make_year(app)}
        with app.app_context():
            db.engine.dispose()
        ids = ",".join(str(real_id + number) for number in range(1, CAMERAS + 1))
        service.spawn("web")
        try:
            wait_for(lambda: is_alive(service), "the web server", 30)
            with starting_chromium() as chromium:
                return [
                    _first_draw(chromium, service.base, ids, made),
                    *_moving(chromium, service.base, ids, made),
                    _pictures(chromium, service.base, real_id),
                ]
        finally:
            service.stop()


def _opened(looker: Looker, path: str) -> Page:
    """Open a page, and wait until its timeline is drawn whole."""
    looker.page.set_viewport_size({"width": WIDE, "height": HIGH})
    page = looker.open(path)
    page.wait_for_function("name => performance.getEntriesByName(name).length > 0", arg=WHOLE)
    return page


def _first_draw(chromium: Chromium, base: str, ids: str, made: dict[str, Any]) -> Figure:
    """Open the year again and again, each time in a window that has kept nothing."""
    mark = "name => performance.getEntriesByName(name)[0].startTime"
    since_page, since_begin = [], []
    for _ in range(OPENINGS + 1):
        with chromium.looking(base) as looker:
            page = looker.page
            page.set_viewport_size({"width": WIDE, "height": HIGH})
            page.goto(f"{base}/healthz")  # the browser has a process for this address, as that of an operator has
            page.goto(f"{base}/view/timeline?cameras={ids}&span={YEAR_S}", wait_until="commit")
            time.sleep(SETTLED_S)  # nothing is asked of the page meanwhile: that alone takes 50 ms
            whole_ms = float(page.evaluate(mark, WHOLE))
            since_page.append(whole_ms)
            since_begin.append(whole_ms - float(page.evaluate(mark, BEGUN)))
    since_page, since_begin = since_page[1:], since_begin[1:]  # the first one warms up the service
    middle = median(since_page)
    shown = f"{middle:.0f} ms after the page was asked for, {median(since_begin):.0f} ms after the timeline was begun"
    what = f"pages: the timeline of {CAMERAS} cameras × 1 year is drawn whole"
    detail = {**made, "since_the_page_ms": since_page, "since_the_timeline_ms": since_begin}
    return Figure(what, f"≤ {FIRST_MS:.0f} ms", shown, middle <= FIRST_MS, detail)


def _moving(chromium: Chromium, base: str, ids: str, made: dict[str, Any]) -> list[Figure]:
    """Zoom from a year to minutes and back, then drag to and fro; each beside what moves nothing."""
    with chromium.looking(base) as looker:
        page = _opened(looker, f"/view/timeline?cameras={ids}&span={YEAR_S}")
        page.wait_for_timeout(3000)  # causes, tags and activity have come
        box = page.locator(CANVAS).bounding_box()
        assert box is not None
        x, y = box["x"] + box["width"] * 0.7, box["y"] + 150
        page.mouse.move(x, y)
        idle = _frames(page, lambda: page.wait_for_timeout(MOVING_S * 500))
        zoom = _frames(page, lambda: _turn(page))
        drag = _frames(page, lambda: _drag(page, x, y))
    with chromium.looking(base) as looker:
        looker.page.set_viewport_size({"width": WIDE, "height": HIGH})
        looker.page.goto(f"{base}/healthz")
        looker.page.mouse.move(x, y)
        empty = _frames(looker.page, lambda: _turn(looker.page))
    beside = {"same_page_left_alone": _summed(idle), "empty_page_under_the_wheel": _summed(empty)}
    return [
        _frame_figure(name, gaps, {**made, **beside, "frames": _summed(gaps)})
        for name, gaps in (("zoomed from a year to minutes and back", zoom), ("dragged", drag))
    ]


def _frame_figure(name: str, gaps_ms: list[float], detail: dict[str, Any]) -> Figure:
    summed = _summed(gaps_ms)
    shown = f"{summed['fps']:.1f} frames a second (p95 of a frame {summed['p95_ms']:.1f} ms); "
    shown += f"left alone {detail['same_page_left_alone']['fps']:.1f}, "
    shown += f"an empty page {detail['empty_page_under_the_wheel']['fps']:.1f}"
    what = f"pages: {CAMERAS} cameras × 1 year, {name}, drawn in software"
    return Figure(what, f"≥ {LEAST_FPS:.0f} frames a second", shown, summed["fps"] >= LEAST_FPS, detail)


def _frames(page: Page, act: Callable[[], None]) -> list[float]:
    """Return the milliseconds between the frames while something is done."""
    page.evaluate(FRAMES)
    act()
    times = [float(ms) for ms in page.evaluate(TAKE_FRAMES)]
    return [after - before for before, after in pairwise(times)]


def _summed(gaps_ms: list[float]) -> dict[str, float]:
    return {
        "fps": 1000 * len(gaps_ms) / sum(gaps_ms),
        "p50_ms": median(gaps_ms),
        "p95_ms": percentile(gaps_ms, 95),
        "worst_ms": max(gaps_ms),
    }


def _turn(page: Page) -> None:
    """Turn the wheel with Ctrl for some seconds: in, and out again."""
    until_s, number = time.monotonic() + MOVING_S, 0
    page.keyboard.down("Control")
    while time.monotonic() < until_s:
        page.mouse.wheel(0, -120 if number // NOTCHES % 2 == 0 else 120)
        number += 1
    page.keyboard.up("Control")


def _drag(page: Page, x: float, y: float) -> None:
    """Hold the mouse and move it to and fro for some seconds."""
    until_s, number = time.monotonic() + MOVING_S, 0
    page.mouse.down()
    while time.monotonic() < until_s:
        page.mouse.move(x - 400 + abs(number % 100 - 50) * 16, y)
        number += 1
    page.mouse.up()


def _pictures(chromium: Chromium, base: str, source_id: int) -> Figure:
    """Move the mouse to random moments of ten minutes of real footage, and wait for their pictures."""
    rng = random.Random(SEED)
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(BEGIN_US // 1_000_000 + LENGTH_S // 2))
    with chromium.looking(base) as looker:
        page = _opened(looker, f"/view/timeline?cameras={source_id}&at={at}&span={LENGTH_S}")
        box = page.locator(CANVAS).bounding_box()
        assert box is not None
        y = box["y"] + 60
        page.evaluate(WATCH_TIP)
        page.mouse.move(box["x"] + box["width"] / 2, y)
        page.wait_for_timeout(5000)  # the sheets of what is shown
        found = [_wait_for_picture(page, box["x"] + box["width"] * rng.uniform(0.02, 0.98), y) for _ in range(MOVES)]
    shown_ms, key_ms = [one["shownMs"] for one in found], [one["keyMs"] for one in found]
    detail = {
        "camera": describe_clip(STILLS),
        "thumbnail_ms": {"p50": median(shown_ms), "p95": percentile(shown_ms, 95), "worst": max(shown_ms)},
        "key_picture_ms": {"p50": median(key_ms), "p95": percentile(key_ms, 95), "worst": max(key_ms)},
        "thumbnail_away_s": median([one["awayMs"] / 1000 for one in found]),
    }
    worst = percentile(shown_ms, 95)
    shown = f"{median(shown_ms):.0f} ms (p95 {worst:.0f}); the key picture itself {median(key_ms):.0f} ms"
    shown += f" (p95 {percentile(key_ms, 95):.0f})"
    what = "pages: a thumbnail of where the mouse stopped, 1080p"
    return Figure(what, f"p95 ≤ {PICTURE_MS:.0f} ms", shown, worst <= PICTURE_MS, detail)


def _wait_for_picture(page: Page, x: float, y: float) -> dict[str, float]:
    """Move the mouse and return when which picture was there."""
    page.mouse.move(x, y)
    page.wait_for_function("() => window.moved?.keyMs !== null")
    page.wait_for_timeout(100)
    return dict(page.evaluate("() => window.moved"))
