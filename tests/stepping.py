"""What the player of the pages shows, read from its pictures: the numbers in the frames, and the clocks beside them.

Footage is made by tests.media, whose frames carry their number; `Shown` knows when each frame of a run was recorded.
"""

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from playwright.sync_api import Page

from tests.media import NUMBER_BITS

# Reads all pictures in one go, of each what is seen (its canvas, or its video where that lies open): the first line of
# each, one below the other, then the cells of the numbers. The first picture is read once more at the end: where it has
# changed meanwhile, the others were not read at one moment.
READ = """
const bits = %d;
const canvas = document.createElement('canvas');
const context = canvas.getContext('2d', {willReadFrequently: true});
const listen = (video) => {
  if (video.listened) return;
  video.listened = true;
  const hear = (nowMs) => {
    video.shownMs = nowMs;
    video.requestVideoFrameCallback(hear);
  };
  video.requestVideoFrameCallback(hear);
};
const read = () => {
  const cells = [...document.querySelectorAll('.player-cell')].map((cell) => [cell, cell.querySelector('video')])
    .filter(([, video]) => video !== null);
  const first = cells.findIndex(([cell]) => cell.dataset.condition === 'showing');
  if (first >= 0) cells.push(cells[first]);
  const [width, height] = [960, 8];
  if (canvas.height !== height * cells.length) Object.assign(canvas, {width, height: height * cells.length});
  const atMs = performance.now();
  if (cells.length === 0) return {atMs, master: '', isOneMoment: true, cameras: []};
  cells.forEach(([cell, video], at) => {
    listen(video);
    if (video.videoWidth === 0 || video.readyState < 2) return;
    const easel = cell.querySelector('.player-easel.is-seen');
    const seen = easel ?? video;
    const [wide, tall] = easel ? [easel.width, easel.height] : [video.videoWidth, video.videoHeight];
    const high = Math.max(Math.floor(video.videoHeight / 15), 8) * (tall / video.videoHeight);
    const whole = Math.floor(video.videoWidth / bits) * bits * (wide / video.videoWidth);
    context.drawImage(seen, 0, high / 4, whole, high / 2, 0, at * height, width, height);
  });
  const {data} = context.getImageData(0, 0, width, height * cells.length);
  const master = document.querySelector('.player-master').dateTime;
  const cameras = cells.map(([cell, video], at) => {
    let number = 0;
    for (let bit = 0; bit < bits; bit += 1) {
      const x = Math.floor((bit + 0.5) * width / bits);
      number = number * 2 + (data[((at * height + height / 2) * width + x) * 4] > 125 ? 1 : 0);
    }
    const clock = cell.querySelector('time')?.dateTime ?? '';
    const ageMs = performance.now() - (video.shownMs ?? 0);
    const {id, condition} = cell.dataset;
    return {id: Number(id), condition, number, clock, rate: video.playbackRate, ageMs};
  });
  const again = first >= 0 ? cameras.pop() : null;
  return {atMs, master, isOneMoment: again === null || again.number === cameras[first].number, cameras};
};
"""
WATCH = """
() => {
  %s
  window.seen = [];
  const look = () => {
    if (!window.seen) return;
    window.seen.push(read());
    setTimeout(() => requestAnimationFrame(look), 40);
  };
  look();
}
"""


def seconds_of(text: str) -> float:
    """Return the Unix time of an instant of the page."""
    return datetime.fromisoformat(text).timestamp()


class Picture(NamedTuple):
    """What one camera showed: its state, the number in the frame, and the clock beside it (Unix time, or None).

    `age_ms` is how long ago the browser showed it a new frame.
    """

    source_id: int
    condition: str
    number: int
    clock_s: float | None
    rate: float
    age_ms: float


class Sight(NamedTuple):
    """All pictures at one moment (`at_s`: seconds since the page was opened), and the clock of them all."""

    at_s: float
    master_s: float
    pictures: list[Picture]
    is_one_moment: bool

    def is_fresh(self, most_ms: float) -> bool:
        """Whether each picture got a new frame in that time: a browser that has no time for one shows the old one."""
        return all(one.age_ms <= most_ms for one in self.shown)

    def of(self, source_id: int) -> Picture:
        """Return the picture of a camera."""
        return next(one for one in self.pictures if one.source_id == source_id)

    @property
    def shown(self) -> list[Picture]:
        """Return the pictures that show footage as a video."""
        return [one for one in self.pictures if one.condition == "showing"]


def _sight(read: Any) -> Sight:
    pictures = [
        Picture(
            one["id"],
            one["condition"],
            one["number"],
            seconds_of(one["clock"]) if one["clock"] else None,
            one["rate"],
            one["ageMs"],
        )
        for one in read["cameras"]
    ]
    master_s = seconds_of(read["master"]) if read["master"] else 0.0
    return Sight(read["atMs"] / 1000, master_s, pictures, read["isOneMoment"])


def look(page: Page) -> Sight:
    """Read what is shown now."""
    return _sight(page.evaluate(f"() => {{ {READ % NUMBER_BITS} return read(); }}"))


def wait_until(page: Page, is_so: Callable[[Sight], bool], limit_s: float = 60) -> Sight:
    """Return the first sight of which something is true."""
    until_s = time.monotonic() + limit_s
    while True:
        sight = look(page)
        if is_so(sight):
            return sight
        assert time.monotonic() < until_s, sight
        page.wait_for_timeout(50)


def watch(page: Page) -> None:
    """Begin to read what is shown, about 20 times a second."""
    page.evaluate(WATCH % (READ % NUMBER_BITS))


def seen(page: Page) -> list[Sight]:
    """Return what was read since, and read on."""
    return [_sight(read) for read in page.evaluate("window.seen.splice(0)")]


class Runs(NamedTuple):
    """When the runs of the cameras began (Unix time) and how many frames each has, and frames a second."""

    of: dict[int, Sequence[tuple[float, int]]]
    fps: int

    def instants(self, source_id: int, number: int) -> list[float]:
        """Return when the frame of a number was recorded: in each run that has one."""
        return [begin_s + number / self.fps for begin_s, count in self.of[source_id] if number < count]

    def apart(self, sight: Sight) -> float | None:
        """Return how many frames the pictures are apart at most; None where fewer than two show footage."""
        found = []
        for one in sight.shown:
            instants = self.instants(one.source_id, one.number)
            if not instants:
                return float("inf")
            found.append(min(instants, key=lambda instant: abs(instant - sight.master_s)))
        return (max(found) - min(found)) * self.fps if len(found) > 1 else None

    def late_s(self, sight: Sight, source_id: int) -> float:
        """Return how far the clock beside a picture is from when its frame was recorded."""
        picture = sight.of(source_id)
        assert picture.clock_s is not None, picture
        return min(abs(instant - picture.clock_s) for instant in self.instants(source_id, picture.number))
