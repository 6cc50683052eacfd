"""A window of footage is tight: whatever is asked under it, nothing that was recorded outside of it comes out."""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from app.archive.limits import KEY
from app.archive.spans import Stretch
from tests.archived import utc
from tests.clips import clips as clips
from tests.judging import Asked
from tests.synthetic import Run, Sample
from tests.test_playback_properties import archives, build, choose, edges, examples
from tests.test_playback_properties import lasting_app as lasting_app
from tests.test_playback_requestdata import add_record

INSTANT = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z")
ADDRESS = re.compile(r'(?:URI=")?(/playbackapi/[^\s"]+)')
BYTERANGE = re.compile(r"#EXT-X-BYTERANGE:(\d+)@(\d+)\n(\S+)")
SLACK_US = 1000  # date-times of playlists are in milliseconds


def outside(runs: Sequence[Run], window: Stretch) -> Iterator[Sample]:
    """Yield every packet that was recorded outside of a window."""
    for run in runs:
        for item in (*run.video, *run.sound):
            if not window.begin_us <= run.instant_us(item) < window.end_us:
                yield item


class Looker:
    """A client that may see a window only, and judges each answer."""

    def __init__(self, client: FlaskClient, runs: Sequence[Run], window: Stretch) -> None:
        self.client, self.window = client, window
        self.hidden = list(outside(runs, window))
        self.bytes = 0

    def get(self, path: str, **headers: str) -> Any:
        """Return an answer in which nothing is from outside of the window."""
        answer = self.client.get(path, headers=headers, environ_overrides={KEY: self.window})
        body = answer.get_data()
        self.bytes += len(body)
        leaked = [item.mark for item in self.hidden if item.data in body]
        assert not leaked, f"{path}: {len(leaked)} packets from outside"
        told = [*INSTANT.findall(body), *INSTANT.findall(str(answer.headers.get("X-Picture-Utc", "")).encode())]
        for text in told if answer.mimetype != "video/mp4" else ():
            moment = datetime.fromisoformat(text.decode())
            instant_us = round(moment.timestamp() * 1_000_000)
            low_us, high_us = self.window.begin_us - SLACK_US, self.window.end_us + SLACK_US
            assert low_us <= instant_us <= high_us, f"{path}: {text!r} lies outside"
        return answer


def follow(looker: Looker, path: str) -> None:
    """Ask for a playlist and for all that it names: as it says, whole, and around."""
    answer = looker.get(path)
    if answer.status_code == 307:
        answer = looker.get(answer.location)
    if answer.status_code != 200:
        assert answer.status_code == 404, answer.text
        return
    for length, begin, where in BYTERANGE.findall(answer.text):
        got = looker.get(where, Range=f"bytes={begin}-{int(begin) + int(length) - 1}")
        assert got.status_code == 206
        assert b"moof" in got.data
    for where in {found for found in ADDRESS.findall(answer.text) if "gap" not in found and "at=" not in found}:
        assert looker.get(where).status_code == 200
        looker.get(where, Range="bytes=0-0,200-100000")


@examples(30)
@given(
    archive=archives(("plain", "sound", "sound-b", "h265-sound")),
    drawn=st.tuples(edges, edges, st.just("collapse")),
    ranges=st.lists(st.tuples(edges, edges, st.sampled_from(("collapse", "hold"))), min_size=1, max_size=2),
)
def test_nothing_from_outside_of_a_window_comes_out(lasting_app: Flask, clips, archive, drawn, ranges):
    source_id, runs = build(lasting_app, clips, archive)
    held = choose(runs, drawn)
    window = Stretch(held.begin_us, held.end_us)
    whole = choose(runs, ((0, -2_000_000), (255, 2_000_000), "collapse"))
    record_id = add_record(lasting_app, source_id, f"tag {source_id}", whole.begin_us, whole.end_us)
    looker = Looker(lasting_app.test_client(), runs, window)
    looker.client.get(f"/playbackapi/source/{source_id}/thumbnails?start=0&end={utc(whole.end_us)}")  # keeps its plan
    for item in [*ranges, ((0, -2_000_000), (255, 2_000_000), "collapse")]:
        ask_everything(looker, source_id, record_id, choose(runs, item), runs)


def ask_everything(looker: Looker, source_id: int, record_id: str, asked: Asked, runs: Sequence[Run]) -> None:
    """Ask for a range in every way that there is."""
    query = f"start={utc(asked.begin_us)}&end={utc(asked.end_us)}&gaps={asked.gaps}"
    for base in (f"/playbackapi/source/{source_id}", f"/playbackapi/record/{record_id}"):
        told = looker.get(f"{base}?{query}")
        film = looker.get(f"{base}/video.mp4?{query}")
        assert told.status_code == film.status_code
        looker.get(f"{base}/thumbnails?{query}&count=3&width=32")
        looker.get(f"{base}/thumbnails.vtt?{query}&count=3&width=32")
        follow(looker, f"{base}/index.m3u8?{query}")
        for at_us in (asked.begin_us, asked.end_us, looker.window.begin_us):
            for nearest in ("exact", "key"):
                looker.get(f"{base}/picture.jpg?at={utc(at_us)}&nearest={nearest}")
    looker.get(f"/api/v1/source/{source_id}/gaps?{query.partition('&gaps')[0]}")
    step = looker.get(f"/playbackapi/sync?source_id={source_id}&{query}")
    for one in step.json.get("sources", []):
        follow(looker, one["hls"])
    for run in runs:
        for stored in run.stored:
            looker.get(f"/playbackapi/source/{source_id}/segment/{stored.start_us}.mp4")
            rev = f"{stored.segment_id}:{stored.path.stat().st_size}"
            looker.get(f"/playbackapi/source/{source_id}/video.mp4?{query}&rev={rev}")
