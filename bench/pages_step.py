"""Whether four cameras stay in step in the player of the pages, in ten minutes of playing at 1× and over a gap of one.

Every frame carries its number; Chromium's pictures are read some ten times a second, all at one moment. Beside it four
`<video>` elements that are begun together and left to themselves for two minutes, each with one MP4 in which gaps last
as long as they did (`gaps=hold`).
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from app import create_app
from bench.cameras import SEED
from bench.figures import Figure, median, percentile
from instance.config import DevelopmentConfig
from tests.archived import T0_US, add_source, record, utc
from tests.looking import starting_chromium
from tests.media import make_video
from tests.service import Service, wait_for
from tests.stepping import Runs, Sight, look, seen, watch

FPS, S = 25, 1_000_000
PLAY_S, ALONE_S = 600, 120  # PLAY_S is set by `--step-s`
GAP_LENGTH_S = 20
LEAD_S = 5
WORST = 10
WITHIN_FRAMES = 1.01
EACH_S = 15
# The same elements that the player has, so that both are read alike.
ALONE = """
async (films) => {
  document.body.replaceChildren();
  const clock = Object.assign(document.createElement('time'), {className: 'player-master', dateTime: ''});
  document.body.append(clock);
  const videos = films.map(([id, address]) => {
    const cell = Object.assign(document.createElement('div'), {className: 'player-cell'});
    Object.assign(cell.dataset, {id, condition: 'showing'});
    const video = Object.assign(document.createElement('video'), {muted: true, src: address, width: 480});
    cell.append(video);
    document.body.append(cell);
    return video;
  });
  await Promise.all(videos.map((video) => new Promise((done) => video.addEventListener('canplaythrough', done))));
  for (const video of videos) video.play();
}
"""


def measure() -> list[Figure]:
    """Make the footage, then let the player play it, and four elements by themselves."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        service = Service(Path(folder) / "instance", "web")
        service.run("-m", "flask", "prepare")
        runs = _make_footage(service)
        service.start()
        try:
            wait_for(lambda: service.answers("/healthz"), "the web server", 30)
            together = _taken(service, runs, _play, PLAY_S)
            alone = _taken(service, runs, _play_alone, ALONE_S)
        finally:
            service.stop()
    is_met = together["worst_frames"] <= WITHIN_FRAMES
    what = f"player: 4 cameras in step, {PLAY_S / 60:g} min at 1×, one of them with a gap of {GAP_LENGTH_S} s"
    shown = f"{_short(together)}; elements left to themselves for {ALONE_S // 60} min {_short(alone)}"
    return [Figure(what, "≤ 1 frame apart", shown, is_met, {"seed": SEED, "player": together, "alone": alone})]


def _gap_s() -> tuple[int, int]:
    """Return when the gap of the second camera begins and ends: in the middle."""
    return PLAY_S // 2, PLAY_S // 2 + GAP_LENGTH_S


def _make_footage(service: Service) -> Runs:
    """Put four cameras into the archive, whose frames begin at the same instants."""
    app = create_app(DevelopmentConfig(INSTANCE=str(service.instance), RESERVE_BYTES=S), with_views=False)
    length_s = PLAY_S + 4 * LEAD_S
    found: dict[int, list[tuple[float, int]]] = {}
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        begin_s, end_s = _gap_s()
        plans = [[(0, length_s)], [(0, begin_s), (end_s, length_s - end_s)], [(0, length_s)], [(0, length_s)]]
        for number, plan in enumerate(plans):
            source_id = add_source(app)
            found[source_id] = []
            for begin_s, seconds in plan:
                path = Path(folder) / f"{seconds}-{number % 2}.mp4"
                size: dict[str, Any] = {"width": 480, "height": 270, "seed": SEED + number}
                if not path.exists():
                    make_video(path, seconds=seconds, fps=FPS, gop=FPS * (1 + number % 2), **size)
                begin_us = T0_US + begin_s * S
                record(app, source_id, path, begin_us=begin_us, segment_s=60)
                found[source_id].append((begin_us / S, seconds * FPS))
    return Runs(found, FPS)


def _taken(service: Service, runs: Runs, play: Callable[[Page, str], None], seconds: float) -> dict[str, Any]:
    """Let pictures play for so long and read them; return how many frames they were apart."""
    apart: list[tuple[float, float]] = []
    sights: list[Sight] = []
    with starting_chromium() as chromium, chromium.looking(service.base) as looker:
        play(looker.page, service.base)
        time.sleep(LEAD_S)
        watch(looker.page)
        until_s = time.monotonic() + seconds
        while time.monotonic() < until_s:
            time.sleep(EACH_S)
            sights += seen(looker.page)
    for sight in sights:
        frames = _apart(runs, sight, _now_s(runs, sight)) if sight.is_one_moment else None
        if frames is not None:
            apart.append((frames, _now_s(runs, sight) - T0_US / S))
    found = [frames for frames, _ in apart]
    return {
        "sights": len(found),
        "worst_frames": max(found),
        "p99_frames": percentile(found, 99),
        "median_frames": median(found),
        "share_within_a_frame": sum(frames <= WITHIN_FRAMES for frames in found) / len(found),
        "worst_frames_at_s": [pair for pair in sorted(apart, reverse=True)[:WORST] if pair[0] > WITHIN_FRAMES],
    }


def _now_s(runs: Runs, sight: Sight) -> float:
    """Return the instant that the first picture shows; elements left to themselves have no clock."""
    first = sight.pictures[0]
    return runs.instants(first.source_id, first.number)[0]


def _apart(runs: Runs, sight: Sight, now_s: float) -> float | None:
    """Return how many frames the pictures are apart; a picture that is held in a gap is left out."""
    begin_s = T0_US / S
    gap_begin_s, gap_end_s = _gap_s()
    is_gap = gap_begin_s - 1 < now_s - begin_s < gap_end_s + 1 and sight.master_s == 0
    shown = [one for one in sight.shown if not (is_gap and one.source_id == 2)]
    return runs.apart(Sight(sight.at_s, now_s, shown, sight.is_one_moment))


def _play(page: Page, base: str) -> None:
    page.goto(f"{base}/view/timeline?cameras=1,2,3,4&at={utc(T0_US + LEAD_S * S)}")
    wait_for(lambda: len(look(page).shown) == 4, "four pictures", 30)
    page.keyboard.press("Space")


def _play_alone(page: Page, base: str) -> None:
    page.goto(f"{base}/view/timeline?cameras=1&at={utc(T0_US)}")
    span = f"start={utc(T0_US + LEAD_S * S)}&end={utc(T0_US + (PLAY_S + 4 * LEAD_S) * S)}&gaps=hold"
    page.evaluate(ALONE, [[number, f"/playbackapi/source/{number}/video.mp4?{span}"] for number in (1, 2, 3, 4)])


def _short(taken: dict[str, Any]) -> str:
    within = f"{taken['share_within_a_frame']:.1%} of {taken['sights']:.0f} readings within one"
    return f"worst {taken['worst_frames']:.1f}, p99 {taken['p99_frames']:.1f} frames, {within}"
