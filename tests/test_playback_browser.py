"""Films and playlists in a real Chromium: they play, seek to the right frame, and end.

Playlists are played by Chromium itself. It plays no growing ones reliably, whoever serves them: version 156 stops with
DEMUXER_ERROR_COULD_NOT_PARSE; the page plays those by Media Source Extensions (tests/test_pages_player.py).
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import requests

from tests.archived import FPS, Recorded, add_source, address, close, record
from tests.archived import media as media
from tests.archived import no_plans as no_plans
from tests.browser import Browser, why_no_browser
from tests.conftest import missing
from tests.media import NUMBER_BITS
from tests.served import Served, serving
from tests.test_playback_hls import entries_of

# The number that a frame carries in its pixels (tests.media.read_number), of the frame that is shown.
PLAYER = """
window.load = (address) => new Promise((done, fail) => {
  document.body.innerHTML = '';
  const video = Object.assign(document.createElement('video'), {muted: true, preload: 'auto'});
  document.body.append(video);
  Object.assign(window, {video, shown: [], isEnded: false});
  video.addEventListener('ended', () => { window.isEnded = true; });
  video.addEventListener('error', () => fail(new Error(video.error.message)));
  video.addEventListener('canplay', () => done(video.duration), {once: true});
  video.src = address;
});
window.numberShown = () => {
  const [width, high] = [video.videoWidth, Math.max(Math.floor(video.videoHeight / 15), 8)];
  const canvas = Object.assign(document.createElement('canvas'), {width, height: high});
  const context = canvas.getContext('2d', {willReadFrequently: true});
  context.drawImage(video, 0, 0);
  const cell = Math.floor(width / BITS);
  let number = 0;
  for (let bit = 0; bit < BITS; bit += 1) {
    const pixel = context.getImageData(bit * cell + Math.floor(cell / 2), Math.floor(high / 2), 1, 1).data;
    number = number * 2 + (pixel[0] > 125 ? 1 : 0);
  }
  return number;
};
window.watch = () => video.requestVideoFrameCallback((_, frame) => {
  shown.push([numberShown(), frame.mediaTime]);
  watch();
});
window.seek = (time) => new Promise((done) => {
  const isShown = () => requestAnimationFrame(() => requestAnimationFrame(() => done(numberShown())));
  video.addEventListener('seeked', isShown, {once: true});
  video.currentTime = time;
});
""".replace("BITS", str(NUMBER_BITS))


class Shown(NamedTuple):
    """One frame that the player has shown: its number, and its place in the media."""

    number: int
    media_s: float


class Player:
    """A `<video>` in Chromium, on a page of the service."""

    def __init__(self, browser: Browser, served: Served) -> None:
        self.browser, self.served = browser, served
        browser.open_bare(served.url("/healthz"))
        browser.script(PLAYER)

    def load(self, path: str) -> float | None:
        """Load a film or playlist and return how long it is; None where that is not known yet."""
        duration_s: float | None = self.browser.script("return load(arguments[0])", path)
        return duration_s

    def seek(self, time_s: float) -> int:
        """Go to a moment and return the number of the frame that is shown then."""
        return int(self.browser.script("return seek(arguments[0])", time_s))

    def play_to_the_end(self, rate: float = 1) -> list[Shown]:
        """Play on and return the frames that were shown until the end."""
        self.play(rate)
        self.browser.wait(lambda: self.browser.script("return isEnded"), "the end", 40)
        return [Shown(*frame) for frame in self.browser.script("return shown")]

    def play(self, rate: float = 1) -> None:
        """Play on, and note every frame."""
        self.browser.script("watch(); video.playbackRate = arguments[0]; return video.play()", rate)

    def number(self) -> int:
        """Return the number of the frame that is shown now."""
        return int(self.browser.script("return numberShown()"))

    def time_s(self) -> float:
        """Return the place in the media."""
        return float(self.browser.script("return video.currentTime"))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    if reason := why_no_browser():
        missing(reason)
    with serving(tmp_path_factory.mktemp("browser") / "instance") as server:
        yield server


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("profile")) as chromium:
        yield chromium


@pytest.fixture
def player(browser: Browser, served: Served) -> Iterator[Player]:
    """Yield a player; afterwards the console holds no warning and no error."""
    browser.console()
    yield Player(browser, served)
    browser.open("about:blank")
    assert [line for line in browser.console() if "favicon.ico" not in line] == []


class Film(NamedTuple):
    """What is played of some runs: media time and wall clock at which each uninterrupted piece of it begins."""

    path: str
    runs: list[Recorded]
    pieces: list[tuple[float, float]]

    def number_at(self, media_s: float) -> int:
        """Return the number of the frame to be shown at a moment."""
        begin_s, wall_s = max(piece for piece in self.pieces if piece[0] <= media_s)
        wall_s += media_s - begin_s
        run = max((run for run in self.runs if run.begin_us / 1e6 <= wall_s + 0.001), key=lambda run: run.begin_us)
        return int((wall_s - run.begin_us / 1e6) * FPS)

    def assert_shows(self, frame: Shown) -> None:
        """Assert that a frame is where it belongs.

        While it plays, the picture that is drawn may be newer than the one that was told of: on a busy machine, after
        a long still picture, by half a second. Seeks are exact.
        """
        newer = (self.number_at(frame.media_s + (0.5 + more) / FPS) for more in range(2 * FPS))
        assert frame.number in set(newer), frame


def three_runs(served: Served, media: Callable[..., Path], kind: str) -> tuple[int, list[Recorded]]:
    """Record three runs of different footage; return the source's id and the runs."""
    source_id = add_source(served.app)
    runs = [record(served.app, source_id, media(kind))]
    for seed in (2, 3):
        runs.append(record(served.app, source_id, media(kind, seed=seed), begin_us=runs[-1].end_us + 2_300_000))
    return source_id, runs


def film_of(served: Served, media: Callable[..., Path], kind: str, more: str = "") -> Film:
    """Return a film of three runs, from within a group of pictures on, as the map in request data has it."""
    source_id, runs = three_runs(served, media, kind)
    path = address(source_id, runs[0].begin_us + 3_300_000, runs[-1].end_us, more)
    told = requests.get(served.url(path.replace("/video.mp4", "")), timeout=20).json()
    pieces = [(piece["media_s"], datetime.fromisoformat(piece["start_utc"]).timestamp()) for piece in told["map"]]
    return Film(path, runs, pieces)


def playlist_of(served: Served, media: Callable[..., Path], kind: str) -> Film:
    """Return a playlist of three runs; its dates and durations say what is to be seen when."""
    source_id, runs = three_runs(served, media, kind)
    path = address(source_id, runs[0].begin_us + 3_300_000, runs[-1].end_us, name="index.m3u8")
    entries = entries_of(requests.get(served.url(path), timeout=20).text)
    begins_s = [0.0, *accumulate(entry["duration"] for entry in entries)]
    pieces = [
        (begin_s, datetime.fromisoformat(entry["utc"]).timestamp())
        for begin_s, entry in zip(begins_s, entries, strict=False)
        if "utc" in entry
    ]
    return Film(path, runs, pieces)


@pytest.mark.parametrize(
    ("make", "kind", "more"),
    [
        (film_of, "b-frames-audio", []),
        (film_of, "h264", ["&gaps=hold"]),
        (playlist_of, "b-frames-audio", []),
        (playlist_of, "h264", []),
    ],
)
def test_it_seeks_to_the_right_frame_plays_over_gaps_and_ends(
    player: Player, media: Callable[..., Path], make: Callable[..., Film], kind: str, more: list[str]
) -> None:
    film = make(player.served, media, kind, *more)
    duration_s = player.load(film.path)
    last_s = next(piece_s for piece_s, wall_s in film.pieces if wall_s > film.runs[-1].begin_us / 1e6 - 0.01)
    for piece_s in (last_s, 0.0, film.pieces[1][0]):
        for second in (0, 0.75, 1.25):
            time_s = piece_s + second + 0.5 / FPS
            assert player.seek(time_s) == film.number_at(time_s), time_s
    player.seek(last_s - 1)
    shown = player.play_to_the_end(2)
    assert player.time_s() == player.browser.script("return video.duration") == pytest.approx(duration_s, abs=0.001)
    assert player.number() == 8 * FPS - 1
    assert len(shown) > FPS
    for frame in shown:
        film.assert_shows(frame)


def test_a_playlist_plays_over_the_seam_to_an_open_file_and_its_addresses_outlive_the_closing(
    player: Player, media: Callable[..., Path]
) -> None:
    served, source_id = player.served, add_source(player.served.app)
    recorded = record(served.app, source_id, media("b-frames-audio"), leave_open=True)
    path = address(source_id, recorded.begin_us, recorded.end_us, name="index.m3u8")
    entries = entries_of(requests.get(served.url(path), timeout=20).text)
    film = Film(path, [recorded], [(0.0, recorded.begin_us / 1e6)])

    def listed() -> list[bytes]:
        return [part_of(served, entry) for entry in entries]

    before = listed()
    assert len({entry["uri"].partition("?")[0] for entry in entries}) == 4
    assert player.load(path) == pytest.approx(8, abs=0.05)
    assert player.seek(4 + 0.5 / FPS) == 4 * FPS
    shown = player.play_to_the_end(2)  # the open file begins at 6 s
    assert player.number() == 8 * FPS - 1
    assert len(shown) > FPS
    for frame in shown:
        film.assert_shows(frame)
    close(served.app, source_id, recorded.run_id)
    assert listed() == before
    player.load(path)
    assert player.seek(7 + 0.5 / FPS) == 7 * FPS


def part_of(served: Served, entry: dict[str, Any]) -> bytes:
    """Return the bytes of an entry of a playlist."""
    length, offset = entry["range"]
    headers = {"Range": f"bytes={offset}-{offset + length - 1}"}
    answer = requests.get(served.url(entry["uri"]), headers=headers, timeout=20)
    assert (answer.status_code, len(answer.content)) == (206, length)
    return answer.content
