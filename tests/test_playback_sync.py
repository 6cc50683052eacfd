"""`sync`: playlists of several sources whose entries are cut on one grid of wall clock."""

import itertools
import re
import subprocess
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.archive.find import find_segment
from app.models.types import now_us
from app.playback.cuts import Fragments
from app.playback.kept import Kept
from tests.archived import FPS, T0_US, Recorded, add_source, close, record, utc
from tests.archived import media as media
from tests.archived import no_plans as no_plans
from tests.browser import Browser, why_no_browser
from tests.conftest import missing
from tests.media import NUMBER_BITS
from tests.recording import FFMPEGS
from tests.served import Served, serving
from tests.test_playback_hls import entries_of, packets_of, parts_of

S = 1_000_000
Media = Callable[..., Path]


class Entry(NamedTuple):
    """One entry: when its first frame is shown, how long it lasts, whether it is a gap; the rest as `entries_of`."""

    at_us: int
    duration_us: int
    is_gap: bool
    said: dict


class Synced(NamedTuple):
    """An answer of sync, and the playlists that it names by source."""

    begin_us: int
    end_us: int
    grid_us: int
    texts: dict[int, str]
    entries: dict[int, list[Entry]]

    @property
    def edges(self) -> list[int]:
        """Return the grid where nothing is joined."""
        return [*range(self.begin_us, self.end_us, self.grid_us), self.end_us]


def us(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1_000_000)


def sync(client: FlaskClient, source_ids: list[int], begin_us: int, end_us: int) -> Synced:
    ids = ",".join(map(str, source_ids))
    answer = client.get(f"/playbackapi/sync?source_id={ids}&start={utc(begin_us)}&end={utc(end_us)}")
    assert answer.status_code == 200, answer.text
    assert set(answer.json) == {"start_utc", "end_utc", "grid_s", "sources"}
    assert [source["source_id"] for source in answer.json["sources"]] == source_ids
    texts = {}
    for source in answer.json["sources"]:
        playlist = client.get(source["hls"])
        assert playlist.status_code == 200, playlist.text
        assert playlist.content_type == "application/vnd.apple.mpegurl"
        texts[source["source_id"]] = playlist.text
    entries = {source_id: read_entries(text) for source_id, text in texts.items()}
    edges = us(answer.json["start_utc"]), us(answer.json["end_utc"])
    return Synced(*edges, round(answer.json["grid_s"] * S), texts, entries)


def read_entries(text: str) -> list[Entry]:
    """Return the entries of a playlist that is complete and keeps to RFC 8216 as far as players care."""
    assert "#EXT-X-PLAYLIST-TYPE:VOD" in text
    assert text.endswith("#EXT-X-ENDLIST\n")
    entries = entries_of(text)
    blocks = re.split(r"(?<=\n)(?=/)", text)
    found = [
        Entry(us(said["utc"]), round(said["duration"] * S), "#EXT-X-GAP" in block, said)
        for said, block in zip(entries, blocks, strict=False)
    ]
    target_s = int(re.search(r"TARGETDURATION:(\d+)", text)[1])
    assert max(entry.duration_us for entry in found) <= target_s * S
    return found


def shown(client: FlaskClient, entries: list[Entry]) -> dict[str, list[str]]:
    """Return the hashes of all packets, as a player reads them: a part begins where something was cut."""
    return packets_of(parts_of(client, [entry.said for entry in entries if not entry.is_gap]))


def hashes(*runs: Recorded) -> list[str]:
    return [taken.sha256 for run in runs for taken in run.packets["video"]]


def keys(*runs: Recorded) -> list[int]:
    return [taken.instant_us for run in runs for taken in run.packets["video"] if taken.is_key]


class Cameras(NamedTuple):
    """Cameras of different kinds, and what they recorded within the range."""

    begin_us: int
    end_us: int
    runs: dict[int, list[Recorded]]


@pytest.fixture
def cameras(app: Flask, media: Media) -> Cameras:
    """Return sources with groups of 1, 2 and 0.6 s, starts apart, a gap, a change of codec, and one with nothing."""
    runs = {add_source(app): [] for _ in range(4)}
    first, second, third, _ = runs
    runs[first] = [record(app, first, media("audio"), segment_s=2)]
    runs[second] = [record(app, second, media("b-frames", gop=2 * FPS), begin_us=T0_US + 450_000, segment_s=2)]
    runs[second].append(record(app, second, media("h265"), begin_us=T0_US + 13_150_000))
    runs[third] = [record(app, third, media("h264", gop=12), begin_us=T0_US - 3_270_000)]
    runs[third].append(record(app, third, media("h264", gop=12, seed=2), begin_us=T0_US + 5_000_000))
    return Cameras(T0_US, T0_US + 22 * S, runs)


def begin_of(runs: list[Recorded], low: int, high: int) -> int | None:
    """Return when the entry of a cell should begin, None for a gap."""
    run = next((run for run in runs if run.begin_us < high and run.end_us > low), None)
    if run is None:
        return None
    own = keys(run)
    if run.begin_us > low:
        # Less than a group of pictures before the next cell is in that one's entry.
        return run.begin_us if any(run.begin_us < key <= high for key in own) or run.end_us <= high else None
    is_second = any(low - 2 * S < other.end_us <= run.begin_us for other in runs)  # in the cell where it began
    return run.begin_us if is_second and run.begin_us > low - 2 * S else max(key for key in own if key <= low)


def test_entry_k_of_every_playlist_covers_cell_k_from_the_last_key_frame_before_it_on(client, cameras):
    synced = sync(client, list(cameras.runs), cameras.begin_us, cameras.end_us)
    assert (synced.begin_us, synced.end_us, synced.grid_us) == (cameras.begin_us, cameras.end_us, 2 * S)
    cells = list(itertools.pairwise(synced.edges))
    for source_id, entries in synced.entries.items():
        assert len(entries) == len(cells) == 11
        for (low, high), entry in zip(cells, entries, strict=True):
            expected = begin_of(cameras.runs[source_id], low, high)
            if expected is None:
                assert (entry.is_gap, entry.at_us, entry.duration_us) == (True, low, high - low)
            else:
                assert not entry.is_gap
                assert abs(entry.at_us - expected) <= 1000


def test_the_playlists_are_never_apart_by_more_than_a_group_of_pictures(client, cameras):
    synced = sync(client, list(cameras.runs), cameras.begin_us, cameras.end_us)
    compared = 0
    for number, entries in enumerate(zip(*synced.entries.values(), strict=True)):
        begun = [entry.at_us for entry in entries if not entry.is_gap and entry.at_us <= synced.edges[number] + 1000]
        assert max(begun, default=0) - min(begun, default=0) <= 2 * S
        compared += len(begun) > 1
    assert compared == 5


def test_every_packet_of_the_range_is_in_exactly_one_entry(client, cameras):
    synced = sync(client, list(cameras.runs), cameras.begin_us, cameras.end_us)
    for source_id, runs in cameras.runs.items():
        found = shown(client, synced.entries[source_id])["video"]
        everything = hashes(*runs)
        skipped = 0
        if runs and runs[0].begin_us < cameras.begin_us:
            first = max(key for key in keys(*runs) if key <= cameras.begin_us)
            skipped = next(n for n, taken in enumerate(runs[0].packets["video"]) if taken.instant_us == first)
            assert 0 < skipped < len(everything)
        assert found == everything[skipped:]
    with_sound = next(iter(cameras.runs))
    found = shown(client, synced.entries[with_sound])["audio"]
    assert found == [taken.sha256 for taken in cameras.runs[with_sound][0].packets["audio"]]


def test_durations_are_those_of_the_media_and_cuts_are_marked(client, cameras):
    synced = sync(client, list(cameras.runs), cameras.begin_us, cameras.end_us)
    for source_id, entries in synced.entries.items():
        for before, entry in itertools.pairwise(entries):
            is_apart = before.is_gap or abs(before.at_us + before.duration_us - entry.at_us) > 5000
            assert bool(entry.said.get("cut")) is (not entry.is_gap and is_apart)
        media_us = sum(entry.duration_us for entry in entries if not entry.is_gap)
        runs = cameras.runs[source_id]
        begin_us = min((entry.at_us for entry in entries if not entry.is_gap), default=0)
        recorded_us = sum(run.end_us - max(run.begin_us, begin_us) for run in runs)
        assert abs(media_us - recorded_us) <= 2000
    second, third = list(cameras.runs)[1:3]
    assert len({entry.said["map"] for entry in synced.entries[second]}) == 2
    assert synced.texts[second].count("#EXT-X-MAP") == 2
    lead_s = re.search(r"#EXT-X-START:TIME-OFFSET=([0-9.]+),PRECISE=YES", synced.texts[third])[1]
    assert float(lead_s) == pytest.approx((T0_US - synced.entries[third][0].at_us) / S, abs=0.002)
    assert "#EXT-X-START" not in synced.texts[second]


def test_a_group_of_pictures_longer_than_others_makes_the_cells_longer(app, client, media):
    first, second = add_source(app), add_source(app)
    record(app, first, media("h264"), segment_s=8)
    record(app, second, media("h264", gop=3 * FPS), segment_s=8)
    synced = sync(client, [first, second], T0_US + S, T0_US + 8 * S)
    assert synced.grid_us == 3 * S
    assert [entry.at_us - T0_US for entry in synced.entries[second]] == [0, 3 * S, 6 * S]
    assert [entry.at_us - T0_US for entry in synced.entries[first]] == [S, 4 * S, 7 * S]


def test_an_entry_over_several_files_is_their_bytes_in_one(app, client, media):
    long_groups, short_files = add_source(app), add_source(app)
    record(app, long_groups, media("h264", gop=5 * FPS), segment_s=8)
    recorded = record(app, short_files, media("b-frames-audio"), segment_s=1)
    entries = sync(client, [long_groups, short_files], T0_US, T0_US + 8 * S).entries[short_files]
    assert [entry.at_us - T0_US for entry in entries] == [0, 5 * S]
    uri = entries[0].said["uri"]
    assert re.fullmatch(rf"/playbackapi/source/{short_files}/cell\.mp4\?from=\d{{16}}:\d+&to=\d{{16}}:\d+", uri)
    whole = client.get(uri)
    assert whole.status_code == 200
    assert whole.headers["Cache-Control"] == "private, max-age=31536000, immutable"
    assert entries[0].said["range"] == (len(whole.data), 0)
    assert client.head(uri).headers["Content-Length"] == str(len(whole.data))
    part = client.get(uri, headers={"Range": "bytes=1000-20000"})
    assert (part.status_code, part.data) == (206, whole.data[1000:20001])
    assert client.get(uri, headers={"If-None-Match": whole.headers["ETag"]}).status_code == 304
    assert shown(client, entries) == {
        kind: [taken.sha256 for taken in recorded.packets[kind]] for kind in ("video", "audio")
    }


def test_a_cell_is_refused_unless_it_is_one_that_playlists_name(app, client, media):
    source_id, other = add_source(app), add_source(app)
    record(app, source_id, media("h264"), segment_s=1)
    record(app, source_id, media("h264", seed=2), segment_s=1, begin_us=T0_US + 20 * S)
    record(app, other, media("h264", gop=5 * FPS), segment_s=8)
    uri = sync(client, [source_id, other], T0_US, T0_US + 28 * S).entries[source_id][0].said["uri"]
    assert client.get(uri).status_code == 200
    start_us, begin, last_us, end = re.findall(r"\d+", uri.partition("?")[2])
    path = f"/playbackapi/source/{source_id}/cell.mp4"
    wrong = {
        f"{path}?from={start_us}:{int(begin) + 1}&to={last_us}:{end}": 404,
        f"{path}?from={start_us}:{begin}&to={last_us}:{int(end) - 1}": 404,
        f"{path}?from={int(start_us) + 1}:{begin}&to={last_us}:{end}": 404,
        f"{path}?from={start_us}:{begin}&to={T0_US + 20 * S}:{end}": 404,
        f"/playbackapi/source/{other}/cell.mp4?from={start_us}:{begin}&to={last_us}:{end}": 404,
        f"/playbackapi/source/999/cell.mp4?from={start_us}:{begin}&to={last_us}:{end}": 404,
        f"{path}?from={last_us}:{end}&to={start_us}:{begin}": 422,
        f"{path}?from={start_us}:{begin}&to={int(start_us) + 3600 * S}:{end}": 422,
        f"{path}?from={start_us}&to={last_us}:{end}": 422,
        f"{path}?from=../x:1&to={last_us}:{end}": 422,
        f"{path}?from={'9' * 18}:1&to={last_us}:{end}": 422,
        f"{path}?from={start_us}:{begin}": 422,
        f"{path}?from={start_us}:-1&to={last_us}:{end}": 422,
    }
    answers = {address: client.get(address) for address in wrong}
    assert {address: answer.status_code for address, answer in answers.items()} == wrong
    assert all(set(answer.json["detail"][0]) == {"loc", "msg", "type"} for answer in answers.values())


def test_a_lost_file_is_a_gap_in_one_playlist_and_the_others_stay(app, client, media):
    first, second = add_source(app), add_source(app)
    runs = {source_id: record(app, source_id, media("h264")) for source_id in (first, second)}
    whole = sync(client, [first, second], T0_US, T0_US + 8 * S)
    assert not any(entry.is_gap for entries in whole.entries.values() for entry in entries)
    with app.app_context():
        lost = find_segment(first, T0_US + 2 * S)
    Path(lost.path).unlink()
    synced = sync(client, [first, second], T0_US, T0_US + 8 * S)
    assert [entry.is_gap for entry in synced.entries[first]] == [False, True, False, False]
    assert synced.texts[second] == whole.texts[second]
    held = hashes(runs[first])
    assert shown(client, synced.entries[first])["video"] == held[: 2 * FPS] + held[4 * FPS :]


def test_what_is_being_recorded_is_pinned_so_that_all_playlists_see_the_same(app, client, media):
    done, growing, later = (add_source(app) for _ in range(3))
    begin_us = now_us() - 9 * S
    record(app, done, media("h264"), begin_us=begin_us)
    recorded = record(app, growing, media("audio"), begin_us=begin_us, leave_open=True)
    answer = client.get(f"/playbackapi/sync?source_id={done},{growing},{later}&start={utc(begin_us)}")
    assert answer.status_code == 200
    paths = [source["hls"] for source in answer.json["sources"]]
    before = [client.get(path).text for path in paths]
    assert us(answer.json["end_utc"]) < recorded.end_us
    assert not any(entry.is_gap for entry in read_entries(before[1]))
    close(app, growing, recorded.run_id)
    record(app, later, media("h264"), begin_us=begin_us + 3 * S)
    after = [client.get(path).text for path in paths]
    assert after == before
    assert all(entry.is_gap for entry in read_entries(after[2]))
    now = sync(client, [done, growing, later], begin_us, begin_us + 9 * S)
    assert not all(entry.is_gap for entry in now.entries[later])


def test_what_is_kept_of_indexes_is_bounded_and_forgotten_by_use():
    def fragments(count: int) -> Fragments:
        numbers = np.arange(count)
        return Fragments(numbers, numbers, numbers, numbers == 0)

    kept = Kept(fragments(100).size_bytes, lambda item: item.size_bytes)
    for key, count in (("a", 40), ("b", 40), ("huge", 101)):
        kept.keep(key, fragments(count))
    assert len(kept.find("a").dts) == 40
    kept.keep("c", fragments(40))
    assert [kept.find(key) is None for key in ("a", "b", "c", "huge")] == [False, True, False, True]


def test_what_is_wrong_is_refused(app, client, media):
    source_id, other = add_source(app), add_source(app)
    recorded = record(app, source_id, media("h264"))
    span = f"start={utc(T0_US)}&end={utc(T0_US + 8 * S)}"
    where, hls = "/playbackapi/sync", f"/playbackapi/source/{source_id}/index.m3u8"
    many = ",".join(map(str, range(1, 18)))
    week, month = f"start={utc(T0_US)}&duration={7 * 86400}", f"start={utc(T0_US)}&duration={32 * 86400}"
    wrong = {
        f"{where}?{span}": 422,
        f"{where}?source_id={source_id},x&{span}": 422,
        f"{where}?source_id=&{span}": 422,
        f"{where}?source_id={many}&{span}": 422,
        f"{where}?source_id={source_id}": 422,
        f"{where}?source_id={source_id}&{month}": 422,
        f"{where}?source_id={','.join(map(str, range(1, 11)))}&{week}": 422,
        f"{where}?source_id={source_id},77&{span}": 404,
        f"{hls}?grid={source_id}&start={utc(T0_US)}": 422,
        f"{hls}?grid={other}&{span}": 422,
        f"{hls}?grid=x&{span}": 422,
        f"{hls}?grid={source_id},77&{span}": 404,
        f"{hls}?grid={source_id}&{span}&rev=x": 422,
        f"{hls}?grid={source_id},{other}&{span}&rev={recorded.run_id}:5": 422,
        f"{hls}?grid={source_id}&{span}&rev={recorded.run_id}:5": 404,
    }
    answers = {address: client.get(address) for address in wrong}
    assert {address: answer.status_code for address, answer in answers.items()} == wrong
    assert all(set(answer.json["detail"][0]) == {"loc", "msg", "type"} for answer in answers.values())


def test_a_range_without_footage_of_any_source_names_the_nearest(app, client, media):
    first, second, empty = (add_source(app) for _ in range(3))
    one = record(app, first, media("h264"))
    two = record(app, second, media("h264"), begin_us=T0_US + 60 * S)
    span = f"start={utc(T0_US + 20 * S)}&end={utc(T0_US + 30 * S)}"
    nothing = client.get(f"/playbackapi/sync?source_id={first},{second},{empty}&{span}")
    assert nothing.status_code == 404
    assert nothing.json["before_utc"] == utc(one.end_us)
    assert nothing.json["after_utc"] == utc(two.begin_us)
    nothing = client.get(f"/playbackapi/sync?source_id={empty}&{span}")
    assert (nothing.status_code, nothing.json["before_utc"], nothing.json["after_utc"]) == (404, None, None)
    future = client.get(f"/playbackapi/sync?source_id={first}&start={utc(now_us() + 60 * S)}&duration=60")
    assert (future.status_code, future.json["after_utc"]) == (404, None)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """Yield a running web server."""
    with serving(tmp_path / "instance") as running:
        yield running


def two_cameras(served: Served, media: Media, from_s: int, to_s: int) -> tuple[list[str], list[list[Recorded]]]:
    """Return the addresses of two playlists in step, with gaps and entries over several files, and what is in them."""
    first, second = add_source(served.app), add_source(served.app)
    kinds = {first: {"segment_s": 2}, second: {"segment_s": 8}}
    made = {first: media("h264"), second: media("h264", gop=3 * FPS, seed=2)}
    begins_us = {first: (T0_US, T0_US + 14 * S), second: (T0_US + 4 * S, T0_US + 14 * S)}
    runs = [
        [record(served.app, source, made[source], begin_us=begin_us, **kinds[source]) for begin_us in begins_us[source]]
        for source in (first, second)
    ]
    span = f"start={utc(T0_US + from_s * S)}&end={utc(T0_US + to_s * S)}"
    answer = served.service.session.get(served.url(f"/playbackapi/sync?source_id={first},{second}&{span}"))
    return [served.url(source["hls"]) for source in answer.json()["sources"]], runs


@pytest.mark.skipif(not Path(FFMPEGS[0]).exists(), reason="no ffmpeg of the system")
@pytest.mark.parametrize("ffmpeg", FFMPEGS)
def test_ffmpeg_plays_every_frame_and_asks_for_nothing_that_is_missing(served, media, ffmpeg):
    playlists, runs = two_cameras(served, media, 0, 13)
    for playlist, (run, _) in zip(playlists, runs, strict=True):
        command = [ffmpeg, "-nostdin", "-loglevel", "error", "-i", playlist, "-map", "0:v", "-f", "framemd5", "-"]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
        frames = [line for line in done.stdout.splitlines() if not line.startswith("#")]
        assert len(frames) == len(run.packets["video"])
        assert "error" not in done.stderr.lower()


# Two players, each brought to an instant of the wall clock by its playlist's date-times alone; the number that stands
# in the frame that each then shows (tests.media.read_number).
IN_STEP = """
const [playlists, wallS, bits] = arguments;
const once = (video, name) => new Promise((done, fail) => {
  video.addEventListener(name, done, {once: true});
  video.addEventListener('error', () => fail(new Error(video.error.message)), {once: true});
});
const placeOf = async (url) => {
  let [mediaS, atS, isGap] = [0, 0, false];
  for (const line of (await (await fetch(url)).text()).split('\\n')) {
    if (line.startsWith('#EXT-X-PROGRAM-DATE-TIME:')) [atS, isGap] = [Date.parse(line.slice(25)) / 1000, false];
    if (line === '#EXT-X-GAP') isGap = true;
    if (line.startsWith('#EXTINF:')) {
      const durationS = parseFloat(line.slice(8));
      if (!isGap && atS <= wallS && wallS < atS + durationS) return mediaS + wallS - atS;
      mediaS += durationS;
    }
  }
  throw new Error('no entry has this instant');
};
const read = (video) => {
  const [width, height] = [video.videoWidth, Math.max(Math.floor(video.videoHeight / 15), 8)];
  const context = Object.assign(document.createElement('canvas'), {width, height}).getContext('2d');
  context.drawImage(video, 0, 0);
  const cell = Math.floor(width / bits);
  let number = 0;
  for (let bit = 0; bit < bits; bit += 1) {
    const [x, y] = [bit * cell + Math.floor(cell / 2), Math.floor(height / 2)];
    number = number * 2 + (context.getImageData(x, y, 1, 1).data[0] > 125 ? 1 : 0);
  }
  return number;
};
return Promise.all(playlists.map(async (url) => {
  const video = Object.assign(document.createElement('video'), {muted: true});
  const loaded = once(video, 'loadedmetadata');
  video.src = url;
  document.body.append(video);
  const [mediaS] = await Promise.all([placeOf(url), loaded]);
  const number = await new Promise((done) => {
    const look = (now, frame) => Math.abs(frame.mediaTime - mediaS) < 0.1 ? done(read(video)) : wait();
    const wait = () => video.requestVideoFrameCallback(look);
    wait();
    video.currentTime = mediaS;
  });
  video.remove();
  return number;
}));
"""


def test_two_players_of_a_browser_show_the_same_instant(served, media, tmp_path):
    if reason := why_no_browser():
        missing(reason)
    # Chromium's own player takes no account of gaps at the begin: the range begins where both have footage.
    playlists, runs = two_cameras(served, media, 4, 22)
    with Browser(tmp_path) as browser:
        browser.open(served.url("/"))
        for after_s in (4.52, 6.52, 7.72, 15.52, 18.02):
            numbers = browser.script(IN_STEP, playlists, T0_US / S + after_s, NUMBER_BITS)
            begins_us = [max(run.begin_us for run in own if run.begin_us <= T0_US + after_s * S) for own in runs]
            shown_us = [begin_us + number * S // FPS for begin_us, number in zip(begins_us, numbers, strict=True)]
            assert [instant - T0_US for instant in shown_us] == [int(after_s * FPS) * S // FPS] * 2
