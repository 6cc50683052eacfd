"""A window of footage is tight: whatever is asked under it, nothing that was recorded outside of it comes out."""

import re
import uuid
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from app.archive.accounts import add_token
from app.archive.spans import Stretch
from app.extensions import writing
from app.models import Account
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


def bounded_token(app: Flask, window: Stretch) -> str:
    """Return a token for a window of footage."""
    with app.app_context(), writing() as session:
        account = Account(name=str(uuid.uuid4()), role="viewer")
        session.add(account)
        session.flush()
        return add_token(session, account, "window", "viewer", "a test", begin_us=window[0], end_us=window[1])


def outside(runs: Sequence[Run], window: Stretch) -> Iterator[Sample]:
    """Yield every packet that was recorded outside of a window."""
    for run in runs:
        for item in (*run.video, *run.sound):
            if not window.begin_us <= run.instant_us(item) < window.end_us:
                yield item


class Looker:
    """A client that may see a window only, and judges each answer."""

    def __init__(self, app: Flask, runs: Sequence[Run], window: Stretch) -> None:
        self.client, self.window = app.test_client(), window
        self.headers = {"Authorization": f"Bearer {bounded_token(app, window)}"}
        self.hidden = list(outside(runs, window))

    def get(self, path: str, **headers: str) -> Any:
        """Return an answer in which nothing is from outside of the window."""
        answer = self.client.get(path, headers={**self.headers, **headers})
        body = answer.get_data()
        if answer.status_code == 403:
            assert answer.json["detail"][0]["type"] == "window"
            return answer
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
        assert answer.status_code in (403, 404), answer.text
        return
    for length, begin, where in BYTERANGE.findall(answer.text):
        if "at=" in where:
            continue  # a gap
        got = looker.get(where, Range=f"bytes={begin}-{int(begin) + int(length) - 1}")
        assert got.status_code == 206
        assert b"moof" in got.data
    for where in {found for found in ADDRESS.findall(answer.text) if "gap" not in found and "at=" not in found}:
        assert looker.get(where).status_code == 200
        looker.get(where, Range="bytes=0-0,200-100000")


@examples(12)
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
    looker = Looker(lasting_app, runs, window)
    for name in ("video.mp4?", "thumbnails?width=32&count=3&"):  # who sees all has just asked: that is remembered
        looker.client.get(f"/playbackapi/source/{source_id}/{name}start={utc(whole.begin_us)}&end={utc(whole.end_us)}")
    drawn_within = [choose(runs, item) for item in ranges]
    within = [Asked(max(one.begin_us, window[0]), min(one.end_us, window[1]), one.gaps) for one in drawn_within]
    for asked in (whole, Asked(*window, "collapse"), *(one for one in within if one.begin_us < one.end_us)):
        ask_everything(looker, source_id, record_id, asked)
    ask_for_files(looker, source_id, runs)


def ask_everything(looker: Looker, source_id: int, record_id: str, asked: Asked) -> None:
    """Ask for a range in every way that there is: 403 where it reaches out of the window, and only there."""
    is_within = looker.window.begin_us <= asked.begin_us and asked.end_us <= looker.window.end_us
    query = f"start={utc(asked.begin_us)}&end={utc(asked.end_us)}&gaps={asked.gaps}"
    for base in (f"/playbackapi/source/{source_id}", f"/playbackapi/record/{record_id}"):
        told, film = looker.get(f"{base}?{query}"), looker.get(f"{base}/video.mp4?{query}")
        assert told.status_code == film.status_code
        assert (told.status_code == 403) is not is_within
        looker.get(f"{base}/thumbnails?{query}&count=3&width=32")
        looker.get(f"{base}/thumbnails.vtt?{query}&count=3&width=32")
        follow(looker, f"{base}/index.m3u8?{query}")
        for at_us in (asked.begin_us, asked.end_us - 1):
            for nearest in ("exact", "key"):
                looker.get(f"{base}/picture.jpg?at={utc(at_us)}&nearest={nearest}&width=32")
    ids = f"source_id={source_id}&{query}"
    assert (looker.get(f"/api/v1/source/{source_id}/gaps?{query}").status_code == 403) is not is_within
    assert (looker.get(f"/playbackapi/timeline?{ids}").status_code == 403) is not is_within
    step = looker.get(f"/playbackapi/sync?{ids}")
    assert (step.status_code == 403) is not is_within
    for one in step.json.get("sources", []):
        follow(looker, one["hls"])


def ask_for_files(looker: Looker, source_id: int, runs: Sequence[Run]) -> None:
    """Ask for every recorded file by its own address, and for the window as it was when each file ended."""
    query = f"start={utc(looker.window.begin_us)}&end={utc(looker.window.end_us)}"
    for run in runs:
        for stored in run.stored:
            looker.get(f"/playbackapi/source/{source_id}/segment/{stored.start_us}.mp4")
            rev = f"{stored.segment_id}:{stored.path.stat().st_size}"
            looker.get(f"/playbackapi/source/{source_id}/video.mp4?{query}&rev={rev}")
