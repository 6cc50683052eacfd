"""The operator's page in a real Chromium, against the whole service recording a real stream.

Every frame of the camera carries its number, and the camera's ledger says when it was sent: what the page's clock says
of a frame is compared with that.
"""

import re
import time
from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from flask.testing import FlaskClient

from tests.browser import Browser, why_no_browser
from tests.conftest import missing
from tests.media import NUMBER_BITS, make_video
from tests.rtsp_server import RtspServer
from tests.service import Service, wait_for

PAGE = Path(__file__).resolve().parent.parent / "app" / "static" / "page"
FRAMES, FPS = 750, 25
CLOCK_IS_RIGHT_S = 0.5
# The number in the shown frame (tests.media.read_number), and the page's clock at that very frame.
READ_FRAME = """
const [video, bits] = [document.getElementById('video'), arguments[0]];
return new Promise((done) => video.requestVideoFrameCallback(() => {
  const [width, high] = [video.videoWidth, Math.max(Math.floor(video.videoHeight / 15), 8)];
  const canvas = Object.assign(document.createElement('canvas'), {width, height: high});
  const context = canvas.getContext('2d', {willReadFrequently: true});
  context.drawImage(video, 0, 0);
  const cell = Math.floor(width / bits);
  let number = 0;
  for (let bit = 0; bit < bits; bit += 1) {
    const [x, y] = [bit * cell + Math.floor(cell / 2), Math.floor(high / 2)];
    number = number * 2 + (context.getImageData(x, y, 1, 1).data[0] > 125 ? 1 : 0);
  }
  done({number, clock: document.getElementById('clock').dateTime, mediaS: video.currentTime});
}));
"""
LAMPS = "return [...document.querySelectorAll('.camera .lamp')].map((lamp) => lamp.dataset.lamp)"
LIVE_TILES = "return document.querySelectorAll('.tile.is-live').length"


class Frame(NamedTuple):
    """What the player showed: the frame's number, the clock beside it (Unix time), its place in the media."""

    number: int
    clock_s: float
    media_s: float


class Operator:
    """Somebody who looks at the page of a service with one camera that records and one that cannot be reached."""

    def __init__(self, browser: Browser, service: Service, camera: RtspServer) -> None:
        self.browser, self.service, self.camera = browser, service, camera

    def open(self) -> None:
        """Load the page and wait until the camera's picture moves."""
        self.browser.console()
        self.browser.open(f"{self.service.base}/")
        wait_for(lambda: self.browser.script(LIVE_TILES), "a live picture", 30)

    def place(self, at_s: float) -> tuple[float, float]:
        """Return where a moment lies on the first camera's bar, in CSS pixels of the window."""
        box = "const {left, top, width, height} = document.querySelector('.bar').getBoundingClientRect();"
        left, middle, width = self.browser.script(f"{box} return [left, top + height / 2, width]")
        end_s = time.time() + 900 * 0.03
        return left + (at_s - (end_s - 900)) / 900 * width, middle

    def frame(self) -> Frame:
        """Return what the player shows next."""
        read = self.browser.script(READ_FRAME, NUMBER_BITS)
        return Frame(read["number"], datetime.fromisoformat(read["clock"]).timestamp(), read["mediaS"])

    def wait_for_clock(self, least_s: float, most_s: float) -> None:
        """Wait until the player's clock says a time between these."""
        clock = "return document.getElementById('clock').dateTime"

        def is_between() -> bool:
            text = self.browser.script(clock)
            return bool(text) and least_s <= datetime.fromisoformat(text).timestamp() <= most_s

        wait_for(is_between, "the asked moment in the player", 30)

    def sent_s(self, frame: Frame) -> float:
        """Return when the camera sent the frame; of its repetitions the one nearest to the clock."""
        times = [
            line.sent_s
            for session in self.camera.sessions("cam")
            for number, line in enumerate(session.sent("video"))
            if number % FRAMES == frame.number
        ]
        return min(times, key=lambda sent_s: abs(sent_s - frame.clock_s))

    def assert_plays(self) -> Frame:
        """Read two frames a second apart: the second is later, and the clock tells when each was sent."""
        first = self.frame()
        time.sleep(1)
        second = self.frame()
        assert second.media_s > first.media_s + 0.5
        assert second.number != first.number
        for frame in (first, second):
            assert frame.clock_s == pytest.approx(self.sent_s(frame), abs=CLOCK_IS_RIGHT_S)
        return second


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Service, RtspServer]]:
    """Yield a service that records one camera and waits for another, and the camera."""
    if reason := why_no_browser():
        missing(reason)
    folder = tmp_path_factory.mktemp("page")
    footage = make_video(folder / "cam.mp4", seconds=FRAMES / FPS, fps=FPS, gop=FPS, width=480, height=270)
    with RtspServer({"cam": footage}) as camera, Service(folder / "instance") as service:
        ids = [service.add_source(camera.url("cam"), description="Front door")]
        ids.append(service.add_source("rtsp://127.0.0.1:9/none", description="Back door"))
        service.add_group("doors", ids)
        service.record("day", "doors")
        wait_for(lambda: spans(service), "footage", 30)
        yield service, camera


def spans(service: Service) -> list[dict[str, str]]:
    """Return what is recorded of the first camera in the last ten minutes."""
    answer = service.call("GET", f"/playbackapi/timeline?source_id=1&start={time.time() - 600:.0f}&resolution=1")
    return list(answer["sources"][0]["spans"])


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("browser"), 1280, 900) as chromium:
        chromium.resize(1280, 900)
        yield chromium


@pytest.fixture
def operator(recording: tuple[Service, RtspServer], browser: Browser) -> Iterator[Operator]:
    """Yield somebody before the loaded page; afterwards the console holds no warning and no error."""
    somebody = Operator(browser, *recording)
    somebody.open()
    yield somebody
    assert browser.console() == []


def test_the_page_shows_which_camera_records_and_which_is_waited_for(operator: Operator) -> None:
    wait_for(lambda: operator.browser.script(LAMPS) == ["recording", "waiting"], "both lamps", 15)
    said = operator.browser.script("return [...document.querySelectorAll('.camera-status')].map((e) => e.textContent)")
    assert said == ["Recording", "Waiting · offline"]


def test_a_click_on_the_bar_plays_that_moment_with_the_right_clock(operator: Operator) -> None:
    begin_s = datetime.fromisoformat(spans(operator.service)[0]["start_utc"]).timestamp()
    wait_for(lambda: time.time() - begin_s > 12, "some seconds of footage", 15)
    at_s = begin_s + 3
    operator.browser.click_at(*operator.place(at_s))
    operator.wait_for_clock(at_s - 2, at_s + 6)
    frame = operator.assert_plays()
    assert frame.clock_s < at_s + 12


def test_the_keyboard_alone_plays_a_moment(operator: Operator) -> None:
    bar = '.camera[data-id="1"] .bar'
    operator.browser.type(bar, "\ue012" * 2)  # arrow left
    said = operator.browser.script(f"return document.querySelector('{bar}').getAttribute('aria-valuetext')")
    assert re.match(r"\d\d:\d\d:\d\d", said)
    operator.browser.type(bar, "p\ue007")  # to where footage began, then Enter
    operator.wait_for_clock(time.time() - 600, time.time())
    operator.assert_plays()


WAYS = {
    "media source extensions": "",
    "mp4": "delete window.MediaSource; delete window.ManagedMediaSource;",
}


@pytest.mark.parametrize("way", WAYS)
def test_live_goes_on_with_the_right_clock(recording: tuple[Service, RtspServer], browser: Browser, way: str) -> None:
    script = browser.devtools("Page.addScriptToEvaluateOnNewDocument", source=WAYS[way])
    try:
        operator = Operator(browser, *recording)
        operator.open()
        browser.click(".tile")
        operator.wait_for_clock(time.time() - 20, time.time() + 60)
        first = operator.assert_plays()
        time.sleep(9)  # longer than what was there when it began
        last = operator.assert_plays()
        assert last.clock_s - first.clock_s > 5
        assert time.time() - last.clock_s < 25
    finally:
        browser.devtools("Page.removeScriptToEvaluateOnNewDocument", identifier=script["identifier"])
        browser.open("about:blank")
    assert browser.console() == []


def test_a_gap_is_seen_on_the_bar_and_live_goes_on_after_it(operator: Operator) -> None:
    browser, camera = operator.browser, operator.camera
    browser.click(".tile")
    operator.wait_for_clock(time.time() - 20, time.time() + 60)
    camera.stop()
    time.sleep(5)
    camera.start()
    begin_s = time.time()
    operator.wait_for_clock(begin_s + 2, begin_s + 60)
    operator.assert_plays()
    wait_for(lambda: longest_gap(spans(operator.service)).length_s > 3, "the gap in the timeline", 10)
    gap = longest_gap(spans(operator.service))
    middle_s = gap.begin_s + gap.length_s / 2
    wait_for(lambda: "gap of" in tip_at(operator, middle_s), "the gap on the bar", 10)
    wait_for(lambda: "The camera" in tip_at(operator, middle_s), "its cause in words", 10)
    browser.click("#gaps summary")
    lines = "return [...document.querySelectorAll('#gaps-list li')].map((line) => line.textContent)"
    wait_for(lambda: any("The camera" in line for line in browser.script(lines)), "the gap in the list", 10)
    browser.click_at(*operator.place(middle_s))
    notice = "return document.getElementById('notice').textContent"
    wait_for(lambda: "Nothing recorded at" in browser.script(notice), "what is said of the gap", 10)
    operator.wait_for_clock(gap.begin_s + gap.length_s - 1, time.time())
    operator.assert_plays()


class Gap(NamedTuple):
    """Where footage is missing, in Unix time."""

    begin_s: float
    length_s: float


def longest_gap(found: list[dict[str, str]]) -> Gap:
    """Return the longest gap between spans; of length 0 where there is none."""
    edges = [[datetime.fromisoformat(span[name]).timestamp() for name in ("start_utc", "end_utc")] for span in found]
    gaps = [Gap(one[1], other[0] - one[1]) for one, other in pairwise(edges)]
    return max(gaps, key=lambda gap: gap.length_s, default=Gap(0, 0))


def tip_at(operator: Operator, at_s: float) -> str:
    """Return what the page says where the mouse points at a moment of the bar."""
    operator.browser.move_to(*operator.place(at_s))
    return str(operator.browser.script("return document.getElementById('tip').textContent"))


def test_what_is_wrong_with_a_new_camera_is_said_beside_the_field(operator: Operator) -> None:
    browser = operator.browser
    browser.click(".top [data-opens]")
    browser.type("[name=uri_rtsp]", "ftp://nowhere")
    browser.script("document.querySelector('#add-dialog form').requestSubmit()")
    wrong = wait_for(lambda: browser.script("return document.querySelector('label .wrong')?.textContent"), "a reason")
    assert "rtsp" in wrong
    # The refused request is an answer of 422, which Chromium notes in the console.
    assert [line for line in browser.console() if "422" not in line] == []


def test_a_camera_is_added_recorded_stopped_and_removed_on_the_page(operator: Operator) -> None:
    browser = operator.browser
    browser.click(".top [data-opens]")
    browser.type("#add-dialog [name=uri_rtsp]", operator.camera.url("cam"))
    browser.type("#add-dialog [name=description]", "Side door")
    browser.script("document.querySelector('#add-dialog form').requestSubmit()")
    wait_for(lambda: browser.script(LAMPS)[2:] == ["recording"], "the third lamp", 20)
    assert operator.service.call("GET", "/api/v1/tag/begin") == ["Side door", "day"]
    browser.click('.camera[data-id="3"] .camera-record')
    wait_for(lambda: browser.script(LAMPS)[2:] == ["online"], "its end", 10)
    assert operator.service.call("GET", "/api/v1/tag/begin") == ["day"]
    browser.script("window.confirm = () => true")
    browser.click('.camera[data-id="3"] .camera-remove')
    wait_for(lambda: len(browser.script(LAMPS)) == 2, "its removal", 10)


def test_the_page_asks_nobody_else_and_holds_no_code(client: FlaskClient) -> None:
    answer = client.get("/")
    assert answer.content_type.startswith("text/html")
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none';")
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    html = answer.text
    assert not re.search(r"\sstyle=|\son[a-z]+=|<style|<script(?![^>]*\ssrc=)", html)
    for address in re.findall(r'<(?:link|script|img)[^>]*\s(?:href|src)="([^"]*)"', html):
        with client.get(address) as asset:
            assert asset.status_code == 200, address
    for path in PAGE.iterdir():
        text = path.read_text("utf-8")
        assert re.findall(r"https?://(?!www\.w3\.org/)[^\s'\"]+", text) == [], path.name
        assert text.count("\n") <= 250, f"{path.name} is long"


def test_every_script_is_named_in_the_page(client: FlaskClient) -> None:
    html: Any = client.get("/").text
    assert {path.name for path in PAGE.glob("*.js")} == set(re.findall(r"/static/page/(\w+\.js)", html))
