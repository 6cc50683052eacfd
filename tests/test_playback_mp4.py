"""`video.mp4`: exactly the range, every packet, any byte range; read back with PyAV."""

import hashlib
import io
import json
import random
import subprocess
from datetime import datetime
from urllib.parse import urlencode

import av
import pytest
from werkzeug.http import parse_options_header

from app.playback.byteranges import ByteRange, Unsatisfiable, parse_ranges
from app.playback.plans import forget_plans
from tests.archived import FPS, KINDS, T0_US, address, close, record, utc
from tests.archived import media as media
from tests.archived import no_plans as no_plans
from tests.archived import source_id as source_id
from tests.media import read_number
from tests.recording import FFMPEGS


def fetch(client, *args, **keywords) -> bytes:
    answer = client.get(address(*args, **keywords), follow_redirects=True)
    assert answer.status_code == 200, answer.text
    assert int(answer.headers["Content-Length"]) == len(answer.data)
    return answer.data


def hashes(data: bytes) -> dict[str, list[str]]:
    """Return the packets of an MP4 by kind, in order. The edit list does not hide any of them."""
    found: dict[str, list[str]] = {"video": [], "audio": []}
    with av.open(io.BytesIO(data), options={"ignore_editlist": "1"}) as container:
        for packet in container.demux():
            if packet.size:
                found[packet.stream.type].append(hashlib.sha256(bytes(packet)).hexdigest())
    return found


def shown(data: bytes) -> list[tuple[int, float]]:
    """Return number and time of every frame that a player shows."""
    with av.open(io.BytesIO(data)) as container:
        return [
            (read_number(frame.to_ndarray(format="gray")), float(frame.time)) for frame in container.decode(video=0)
        ]


def expected_frames(recorded, begin_us: int, end_us: int) -> list[int]:
    instants = sorted(taken.instant_us for taken in recorded.packets["video"])
    return [number for number, instant in enumerate(instants) if begin_us <= instant < end_us]


@pytest.mark.parametrize("kind", KINDS)
def test_a_range_over_everything_holds_every_packet_in_order(app, client, source_id, media, kind):
    recorded = record(app, source_id, media(kind))
    data = fetch(client, source_id, recorded.begin_us - 1_000_000, recorded.end_us + 1_000_000)
    found = hashes(data)
    for track in ("video", "audio"):
        assert found[track] == [taken.sha256 for taken in recorded.packets[track]]
    frames = shown(data)
    assert [number for number, _ in frames] == list(range(8 * FPS))
    audio_lead_s = (
        max((recorded.begin_us - taken.instant_us for taken in recorded.packets["audio"][:1]), default=0) / 1e6
    )
    for number, time_s in frames:
        assert abs(time_s - max(audio_lead_s, 0) - number / FPS) < 0.002


@pytest.mark.parametrize("kind", KINDS)
def test_any_range_shows_exactly_its_frames_and_holds_all_its_sound(app, client, source_id, media, kind):
    recorded = record(app, source_id, media(kind))
    rng = random.Random(kind)
    for _ in range(12):
        begin_us = recorded.begin_us + rng.randrange(7_900_000)
        end_us = min(begin_us + rng.choice((60_000, 500_000, 3_000_000, 9_000_000)), recorded.end_us)
        expected = expected_frames(recorded, begin_us, end_us)
        data = fetch(client, source_id, begin_us, end_us)
        frames = shown(data)
        assert [number for number, _ in frames] == expected
        for number, time_s in frames:
            instant_us = recorded.begin_us + number * 1_000_000 / FPS
            assert abs(time_s - (instant_us - begin_us) / 1_000_000) < 0.002
        found = hashes(data)
        after = [t for t in recorded.packets["video"] if t.sha256 in found["video"] and t.instant_us >= end_us]
        assert len(after) <= 4
        sound = [taken.sha256 for taken in recorded.packets["audio"] if begin_us <= taken.instant_us < end_us]
        assert [item for item in found["audio"] if item in set(sound)] == sound
        assert len(found["audio"]) - len(sound) <= 3


def test_byte_ranges_are_parts_of_the_whole(app, client, source_id, media):
    recorded = record(app, source_id, media("audio"))
    where = address(source_id, recorded.begin_us + 300_000, recorded.end_us - 300_000)
    whole = client.get(where)
    data, size = whole.data, len(whole.data)
    assert whole.headers["Accept-Ranges"] == "bytes"
    etag = whole.headers["ETag"]
    assert not etag.startswith("W/")
    rng = random.Random(5)
    for _ in range(60):
        begin = rng.randrange(size)
        end = min(begin + rng.choice((1, 7, 1000, 70_000, size)), size)
        answer = client.get(where, headers={"Range": f"bytes={begin}-{end - 1}", "If-Range": etag})
        assert answer.status_code == 206
        assert answer.headers["Content-Range"] == f"bytes {begin}-{end - 1}/{size}"
        assert answer.data == data[begin:end]
    assert client.get(where, headers={"Range": "bytes=-10"}).data == data[-10:]
    assert client.get(where, headers={"Range": f"bytes={size - 5}-"}).data == data[-5:]
    several = client.get(where, headers={"Range": "bytes=0-9,100-199"})
    assert several.status_code == 206
    assert several.headers["Content-Type"].startswith("multipart/byteranges")
    assert int(several.headers["Content-Length"]) == len(several.data)
    assert data[:10] in several.data
    assert data[100:200] in several.data


def test_conditions_and_bad_ranges_are_answered_as_the_contract_says(app, client, source_id, media):
    recorded = record(app, source_id, media("h264"))
    where = address(source_id, recorded.begin_us, recorded.end_us)
    whole = client.get(where)
    size, etag = len(whole.data), whole.headers["ETag"]
    head = client.head(where, headers={"Range": "bytes=0-9"})
    assert (head.status_code, head.data, head.headers["Content-Length"]) == (200, b"", str(size))
    for header in ("bytes=9-3", "bytes=a-b", "lines=1-2", "bytes=", "bytes=-", "bytes=0-9,5-20", "bytes=0-1," * 20):
        answer = client.get(where, headers={"Range": header})
        assert (answer.status_code, len(answer.data)) == (200, size), header
    outside = client.get(where, headers={"Range": f"bytes={size}-"})
    assert (outside.status_code, outside.headers["Content-Range"]) == (416, f"bytes */{size}")
    assert (outside.content_type, outside.json["detail"][0]["loc"]) == ("application/json", ["header", "Range"])
    assert client.get(where, headers={"If-None-Match": etag}).status_code == 304
    failed = client.get(where, headers={"If-Match": '"other"'})
    assert (failed.status_code, failed.json["detail"][0]["loc"]) == (412, ["header", "If-Match"])
    failed_head = client.head(where, headers={"If-Match": '"other"'})
    assert (failed_head.status_code, failed_head.data) == (412, b"")
    assert failed_head.headers["Content-Length"] == str(len(failed.data))
    changed = client.get(where, headers={"Range": "bytes=0-9", "If-Range": '"other"'})
    assert (changed.status_code, len(changed.data)) == (200, size)
    named = client.get(where + "&download=1")
    assert named.headers["Content-Disposition"].startswith(f'attachment; filename="source-{source_id}-20261121T0800')


@pytest.mark.parametrize(
    ("wished", "given"),
    [
        ("Gate 2026-11-21 15.00.02", "Gate 2026-11-21 15.00.02.mp4"),
        ("Двор.mp4", "Двор.mp4"),
        ("../../etc/passwd", "_.._etc_passwd.mp4"),
        ("..\\.\\boot.ini . ", "_._boot.ini.mp4"),
        ("gpj.\u202eexe\u200b", "gpj.exe.mp4"),
        ('a"; filename="b.exe', "a_; filename=_b.exe.mp4"),
        ("a\r\nSet-Cookie: b", "aSet-Cookie_ b.mp4"),
        ("nul", "_nul.mp4"),
        ("invoice.pdf" + 30 * "\u3000" + "\u00a0a", "invoice.pdf a.mp4"),
        ("COM1.backup", "_COM1.backup.mp4"),
        ("я" * 400, "я" * 100 + ".mp4"),
        (" . ", "source-1-20261121T080000Z.mp4"),
        ("", "source-1-20261121T080000Z.mp4"),
    ],
)
def test_a_film_is_called_as_is_wished_and_as_any_system_takes(app, client, source_id, media, wished, given):
    recorded = record(app, source_id, media("h264"), leave_open=True)  # sent on to where it is pinned
    where = address(source_id, recorded.begin_us, recorded.begin_us + 4_000_000)
    answer = client.get(f"{where}&{urlencode({'download': 1, 'name': wished})}", follow_redirects=True)
    assert answer.status_code == 200, answer.text
    header = answer.headers["Content-Disposition"]
    assert header.isascii()
    how, said = parse_options_header(header)
    assert (how, said["filename"]) == ("attachment", given)
    assert "Content-Disposition" not in client.get(f"{where}&name=a", follow_redirects=True).headers


@pytest.mark.parametrize("digits", [19, 40, 5000])
def test_numbers_of_any_length_are_byte_positions(digits):
    huge = "9" * digits
    for first in (f"bytes={huge}-", f"bytes={huge}-{huge}"):
        with pytest.raises(Unsatisfiable):
            parse_ranges(first, 100)
    assert parse_ranges(f"bytes=10-{huge}", 100) == [ByteRange(10, 100)]
    assert parse_ranges(f"bytes=-{huge}", 100) == [ByteRange(0, 100)]
    assert parse_ranges(f"bytes={'0' * digits}7-{'0' * digits}8", 100) == [ByteRange(7, 9)]
    assert parse_ranges(f"bytes={huge}1-{huge}0", 100) == []  # ends before it begins
    assert parse_ranges("bytes=\u0661-\u0662", 100) == []


@pytest.mark.parametrize("kind", ["audio", "b-frames-audio", "h264"])
def test_gaps_are_closed_held_or_refused(app, client, source_id, media, kind):
    first = record(app, source_id, media(kind))
    second = record(app, source_id, media(kind, seed=2), begin_us=first.end_us + 30_000_000)
    begin_us, end_us = first.begin_us, second.end_us
    closed = fetch(client, source_id, begin_us, end_us)
    assert hashes(closed)["video"] == [t.sha256 for run in (first, second) for t in run.packets["video"]]
    assert hashes(closed)["audio"] == [t.sha256 for run in (first, second) for t in run.packets["audio"]]
    frames = shown(closed)
    assert [number for number, _ in frames] == [*range(160), *range(160)]
    assert 7.9 < frames[160][1] - frames[0][1] < 8.2
    told = client.get(address(source_id, begin_us, end_us, name="").replace("/?", "?")).json
    assert abs(told["map"][1]["media_s"] - (frames[160][1])) < 0.01
    assert told["map"][1]["start_utc"] == utc(second.begin_us)
    held = shown(fetch(client, source_id, begin_us, end_us, "&gaps=hold"))
    assert abs(held[160][1] - held[0][1] - (second.begin_us - first.begin_us) / 1e6) < 0.1
    refused = client.get(address(source_id, begin_us, end_us, "&gaps=fail"))
    assert refused.status_code == 409
    assert refused.json["gaps"] == [{"start_utc": utc(first.end_us), "end_utc": utc(second.begin_us)}]
    assert refused.json["detail"][0]["type"] == "has_gaps"


def test_sound_and_picture_keep_their_relation_at_every_seam(app, client, source_id, media):
    runs = []
    begin_us = T0_US
    for seed in range(5):
        runs.append(record(app, source_id, media("b-frames-audio", seed=seed), begin_us=begin_us))
        begin_us = runs[-1].end_us + 1_000_000
    data = fetch(client, source_id, runs[0].begin_us, runs[-1].end_us)
    times = {"video": {}, "audio": {}}
    with av.open(io.BytesIO(data)) as container:
        for packet in container.demux():
            if packet.size:
                times[packet.stream.type][hashlib.sha256(bytes(packet)).hexdigest()] = packet.pts * packet.time_base
    for run in runs:
        video, audio = run.packets["video"][0], run.packets["audio"][10]
        skew_s = float(times["audio"][audio.sha256] - times["video"][video.sha256])
        assert abs(skew_s - (audio.instant_us - video.instant_us) / 1e6) < 0.002


def test_a_change_of_codec_and_size_gives_one_file_with_two_sample_entries(app, client, source_id, media):
    first = record(app, source_id, media("h264"))
    second = record(app, source_id, media("h264", width=320, height=240), begin_us=first.end_us + 5_000_000)
    data = fetch(client, source_id, first.begin_us, second.end_us)
    assert hashes(data)["video"] == [t.sha256 for run in (first, second) for t in run.packets["video"]]
    with av.open(io.BytesIO(data)) as container:
        sizes = [(frame.width, frame.height) for frame in container.decode(video=0)]
    assert sizes == [(192, 120)] * 160 + [(320, 240)] * 160


def test_a_range_into_the_open_segment_is_pinned_and_its_bytes_never_change(app, client, source_id, media):
    recorded = record(app, source_id, media("audio"), leave_open=True)
    where = address(source_id, recorded.begin_us + 500_000, recorded.end_us + 60_000_000)
    answer = client.get(where)
    assert answer.status_code == 307
    assert "rev=" in answer.headers["Location"]
    assert client.head(where).status_code == 307
    pinned = answer.headers["Location"]
    before = client.get(pinned)
    assert before.status_code == 200
    close(app, source_id, recorded.run_id)
    record(app, source_id, media("h264"), begin_us=recorded.end_us + 2_000_000)
    after = client.get(pinned)
    assert after.headers["ETag"] == before.headers["ETag"]
    assert after.data == before.data
    assert [number for number, _ in shown(after.data)] == list(range(10, 160))


def test_the_map_stands_in_the_file(app, client, source_id, media):
    recorded = record(app, source_id, media("h264"))
    begin_us = recorded.begin_us + 1_234_567
    data = fetch(client, source_id, begin_us, recorded.end_us)
    at = data.index(b'{"map":')
    told = json.loads(data[at : data.index(b"]}", at) + 2])
    assert told["map"][0]["media_s"] == 0
    assert abs(datetime.fromisoformat(told["map"][0]["start_utc"]).timestamp() - begin_us / 1e6) < 0.001


def test_a_missing_or_altered_file_counts_as_a_gap(app, client, source_id, media):
    recorded = record(app, source_id, media("audio"))
    folder = app.config["PLAYBACK"].storage_path / "rec"
    files = sorted(folder.rglob("*.mp4"), key=lambda path: path.stat().st_mtime_ns)
    assert len(files) == 4
    middle = [path for path in files if path.read_bytes()][1]
    middle.write_bytes(middle.read_bytes()[:-100])
    told = client.get(address(source_id, recorded.begin_us, recorded.end_us, name="").replace("/?", "?")).json
    assert len(told["gaps"]) == 1
    data = fetch(client, source_id, recorded.begin_us, recorded.end_us)
    assert len(shown(data)) == 120
    middle.unlink()
    forget_plans()
    assert fetch(client, source_id, recorded.begin_us, recorded.end_us) == data


def test_a_lost_or_damaged_index_is_read_from_the_media(app, client, source_id, media):
    recorded = record(app, source_id, media("b-frames-audio"))
    data = fetch(client, source_id, recorded.begin_us, recorded.end_us)
    (index,) = (app.config["PLAYBACK"].storage_path / "idx").rglob("*.sidx")
    broken = bytearray(index.read_bytes())
    broken[500] ^= 1
    index.write_bytes(broken)
    forget_plans()
    assert fetch(client, source_id, recorded.begin_us, recorded.end_us) == data
    index.unlink()
    forget_plans()
    assert fetch(client, source_id, recorded.begin_us, recorded.end_us) == data


def test_a_plan_is_kept_only_for_a_moment_and_never_where_the_range_may_grow(
    app, client, source_id, media, monkeypatch
):
    recorded = record(app, source_id, media("h264"))
    monkeypatch.setattr("app.views.playbackrange.now_us", lambda: recorded.end_us + 30_000_000)
    where = address(source_id, recorded.begin_us, recorded.end_us + 20_000_000)
    before = client.get(where).data
    record(app, source_id, media("h264", seed=2), begin_us=recorded.end_us + 1_000_000)
    assert client.get(where).data != before  # the range ended less than a minute ago
    past = address(source_id, recorded.begin_us, recorded.begin_us + 4_000_000)
    monkeypatch.setattr("app.views.playbackrange.now_us", lambda: recorded.end_us + 600_000_000)
    kept = client.get(past)
    for path in (app.config["PLAYBACK"].storage_path / "rec").rglob("*.mp4"):
        path.rename(path.with_suffix(".away"))
    assert client.get(past).headers["ETag"] == kept.headers["ETag"]
    monkeypatch.setattr("app.playback.plans.KEPT_S", -1.0)
    forget_plans()
    assert client.get(past).status_code == 404


def test_a_range_that_begins_in_a_gap_is_held_from_its_begin(app, client, source_id, media):
    recorded = record(app, source_id, media("audio"))
    begin_us = recorded.begin_us - 12_000_000
    held = shown(fetch(client, source_id, begin_us, recorded.end_us, "&gaps=hold"))
    assert abs(held[0][1] - 12) < 0.002
    closed = shown(fetch(client, source_id, begin_us, recorded.end_us))
    assert closed[0][1] < 0.1
    told = client.get(address(source_id, begin_us, recorded.end_us, "&gaps=hold", name="").replace("/?", "?")).json
    assert abs(told["map"][0]["media_s"] - 12) < 0.002
    assert "gaps=hold" in told["urls"]["mp4"]


def test_runs_that_overlap_play_one_after_the_other(app, client, source_id, media):
    first = record(app, source_id, media("b-frames-audio"))
    second = record(app, source_id, media("b-frames-audio", seed=2), begin_us=first.end_us - 3_000_000)
    data = fetch(client, source_id, first.begin_us, second.end_us)
    numbers = [number for number, _ in shown(data)]
    cut = len(numbers) - 160
    assert numbers == [*range(cut), *range(160)]
    assert 95 <= cut <= 100
    told = client.get(address(source_id, first.begin_us, second.end_us, name="").replace("/?", "?")).json
    assert [piece["start_utc"] for piece in told["map"]] == [utc(first.begin_us), utc(second.begin_us)]
    assert told["map"][0]["end_utc"] <= utc(second.begin_us + 100_000)
    assert client.get(told["urls"]["hls"]).text.count("#EXT-X-DISCONTINUITY") == 1
    a_little = record(app, source_id, media("h264", seed=3), begin_us=second.end_us - 200_000)
    whole = hashes(fetch(client, source_id, second.begin_us, a_little.end_us))
    assert [t.sha256 for t in second.packets["video"]] + [t.sha256 for t in a_little.packets["video"]] == whole["video"]


def test_sound_that_comes_goes_and_changes_its_rate_stays_in_step(app, client, source_id, media, tmp_path):
    slower = tmp_path / "slower.mp4"
    command = [FFMPEGS[-1], "-loglevel", "error", "-i", str(media("audio", seed=5)), "-c:v", "copy", "-ar", "32000"]
    subprocess.run([*command, str(slower)], check=True)
    runs = []
    begin_us = T0_US
    for path in (media("h264"), media("audio"), media("h264", seed=4), slower):
        runs.append(record(app, source_id, path, begin_us=begin_us))
        begin_us = runs[-1].end_us + 2_000_000
    data = fetch(client, source_id, runs[0].begin_us, runs[-1].end_us)
    times = {"video": {}, "audio": {}}
    with av.open(io.BytesIO(data), options={"ignore_editlist": "1"}) as container:
        for packet in container.demux():
            if packet.size:
                times[packet.stream.type][hashlib.sha256(bytes(packet)).hexdigest()] = packet.pts * packet.time_base
    first_audio = runs[1].packets["audio"][0]
    offset_s = float(times["video"][runs[1].packets["video"][0].sha256]) - float(times["audio"][first_audio.sha256])
    offset_s -= (runs[1].begin_us - first_audio.instant_us) / 1e6
    for run in (runs[1], runs[3]):
        assert len(run.packets["audio"]) > 200
        for taken in run.packets["audio"][::17]:
            skew_s = float(times["audio"][taken.sha256] - times["video"][run.packets["video"][0].sha256]) + offset_s
            assert abs(skew_s - (taken.instant_us - run.begin_us) / 1e6) < 0.002


def test_a_file_lost_since_the_last_look_is_told_before_a_byte_is_sent(app, client, source_id, media, monkeypatch):
    monkeypatch.setattr("app.archive.find.LOOK_S", 60.0)
    recorded = record(app, source_id, media("h264"))
    where = address(source_id, recorded.begin_us, recorded.end_us)
    whole = client.get(where).data
    playlist = client.get(address(source_id, recorded.begin_us, recorded.end_us, name="index.m3u8")).text
    lost, *_ = sorted(
        (app.config["PLAYBACK"].storage_path / "rec").rglob("*.mp4"), key=lambda path: path.stat().st_mtime_ns
    )
    at = whole.index(lost.read_bytes()[-3000:-2000])  # within the body of that file
    lost.unlink()
    answer = client.get(where, headers={"Range": f"bytes={at}-{at + 99}"})
    assert (answer.status_code, answer.json["detail"][0]["type"]) == (503, "footage_lost")
    assert int(answer.headers["Retry-After"]) > 0
    again = client.get(where)  # known now
    assert again.status_code == 200
    assert len(shown(again.data)) == 120
    told = client.get(address(source_id, recorded.begin_us, recorded.end_us, name="").replace("/?", "?")).json
    assert [gap["cause"] for gap in told["gaps"]] == ["unreadable"]
    first = next(line for line in playlist.splitlines() if not line.startswith("#"))
    gone = client.get(first)
    assert (gone.status_code, gone.json["detail"][0]["type"]) == (404, "not_found")
