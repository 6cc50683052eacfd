"""Share links in real players: Chromium plays the page, ffmpeg the addresses, without any cookie of ours before."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.archived import FPS
from tests.archived import media as media
from tests.archived import no_plans as no_plans
from tests.browser import Browser, why_no_browser
from tests.conftest import missing
from tests.served import answering
from tests.shared import API, Filmed, path_of
from tests.shared import filmed as filmed
from tests.test_playback_players import need

Media = Callable[..., Path]


@pytest.fixture
def base(filmed: Filmed) -> Iterator[str]:
    """Yield the address of a server over the app."""
    with answering(filmed.app) as found:
        yield found


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    """Yield a Chromium that has never been here."""
    if reason := why_no_browser():
        missing(reason)
    with Browser(tmp_path) as found:
        yield found


def frames(*arguments: str) -> int:
    """Return how many pictures ffmpeg decodes of an address."""
    need("ffmpeg")
    command = ["ffmpeg", "-nostdin", "-v", "error", "-xerror", *arguments, "-map", "0:v", "-f", "framemd5", "-"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    return sum(not line.startswith("#") for line in done.stdout.splitlines())


def test_ffmpeg_plays_exactly_the_span_and_counts_once_though_it_seeks(filmed: Filmed, base: str) -> None:
    link = filmed.link(2.5, 6.25, count=1)
    assert frames("-i", f"{base}{path_of(link)}/video.mp4") == round(3.75 * FPS)
    assert filmed.uses(link) == 1
    sought = filmed.link(0, 8, count=1)
    assert frames("-ss", "5", "-i", f"{base}{path_of(sought)}/video.mp4") == 3 * FPS
    assert filmed.uses(sought) == 1


def test_ffmpeg_plays_the_playlist_to_its_last_piece_and_counts_once(filmed: Filmed, base: str) -> None:
    link = filmed.link(2, 6, count=1, password="correct horse")
    address = f"{base}{path_of(link)}/index.m3u8".replace("://", "://any:correct%20horse@")
    assert frames("-i", address) >= 4 * FPS
    assert filmed.uses(link) == 1


def test_chromium_opens_a_link_plays_it_and_stops_when_it_is_revoked(
    filmed: Filmed, base: str, browser: Browser
) -> None:
    link = filmed.link(2.5, 6.5, password="correct horse", may_download=True, description="the parcel")
    browser.open(f"{base}{path_of(link)}")
    assert filmed.uses(link) == 0
    browser.type("#password", "correct horse")
    browser.click("button")
    browser.wait(lambda: browser.script("return document.querySelector('video')?.readyState >= 3"), "loading")
    length = browser.script("return document.querySelector('video').duration")
    assert length == pytest.approx(4, abs=0.06)
    browser.script("const video = document.querySelector('video'); video.muted = true; return video.play()")
    browser.wait(lambda: browser.script("return document.querySelector('video').ended"), "playing to the end")
    times = browser.script("return [...document.querySelectorAll('time')].map((time) => time.textContent)")
    assert all("UTC)" in text for text in times)
    assert browser.script("return document.querySelector('a[download]') !== null")
    assert browser.script("return document.getElementById('trouble').hidden")
    assert browser.console() == []
    assert filmed.uses(link) == 1
    revoked = filmed.client().delete(f"{API}/share/{link['id']}/", headers=filmed.operator)
    assert revoked.status_code == 200
    # As a player that goes on behind what it holds: Chromium keeps a short film in memory.
    browser.script("document.querySelectorAll('source').forEach((source) => { source.src += '&again=1'; })")
    browser.script("document.querySelector('video').load()")
    browser.wait(lambda: not browser.script("return document.getElementById('trouble').hidden"), "the end being told")
    browser.open(f"{base}{path_of(link)}")
    assert "does not work any more" in browser.script("return document.body.textContent")
