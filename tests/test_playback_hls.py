"""`index.m3u8`: a playlist whose init segments and byte ranges, read one after the other, are the footage."""

import hashlib
import io
import itertools
import re
from datetime import datetime

import av
import pytest

from app.extensions import writing
from app.models import Wanted
from tests.archived import FPS, KINDS, address, close, record, utc
from tests.archived import media as media
from tests.archived import no_plans as no_plans
from tests.archived import source_id as source_id


def entries_of(text: str) -> list[dict]:
    """Return the entries of a playlist with what was said before each."""
    entries, said, current_map = [], {}, None
    for line in text.splitlines():
        if line.startswith("#EXT-X-MAP"):
            current_map = re.search(r'URI="([^"]+)"', line)[1]
        elif line.startswith("#EXTINF"):
            said["duration"] = float(line[8:].rstrip(","))
        elif line.startswith("#EXT-X-BYTERANGE"):
            length, offset = line[17:].split("@")
            said["range"] = (int(length), int(offset))
        elif line.startswith("#EXT-X-PROGRAM-DATE-TIME"):
            said["utc"] = line[25:]
        elif line == "#EXT-X-DISCONTINUITY":
            said["cut"] = True
        elif not line.startswith("#"):
            entries.append({**said, "uri": line, "map": current_map})
            said = {}
    return entries


def parts_of(client, entries: list[dict]) -> list[bytes]:
    """Return what a player reads: one MP4 for each stretch without discontinuity."""
    parts = []
    for entry in entries:
        if not parts or entry.get("cut"):
            parts.append(client.get(entry["map"]).data)
        length, offset = entry["range"]
        answer = client.get(entry["uri"], headers={"Range": f"bytes={offset}-{offset + length - 1}"})
        assert answer.status_code == 206
        assert len(answer.data) == length
        parts[-1] += answer.data
    return parts


def packets_of(parts: list[bytes]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {"video": [], "audio": []}
    for part in parts:
        with av.open(io.BytesIO(part)) as container:
            for packet in container.demux():
                if packet.size:
                    found[packet.stream.type].append(hashlib.sha256(bytes(packet)).hexdigest())
    return found


def playlist(client, *args, **keywords) -> str:
    answer = client.get(address(*args, name="index.m3u8", **keywords), follow_redirects=True)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "application/vnd.apple.mpegurl"
    return answer.text


@pytest.mark.parametrize("kind", KINDS)
def test_a_playlist_of_everything_holds_every_packet_and_its_durations_fit(app, client, source_id, media, kind):
    recorded = record(app, source_id, media(kind))
    text = playlist(client, source_id, recorded.begin_us - 1_000_000, recorded.end_us + 1_000_000)
    assert "#EXT-X-PLAYLIST-TYPE:VOD" in text
    assert "#EXT-X-INDEPENDENT-SEGMENTS" in text
    assert text.endswith("#EXT-X-ENDLIST\n")
    entries = entries_of(text)
    assert "#EXT-X-DISCONTINUITY" not in text
    (data,) = parts_of(client, entries)
    assert packets_of([data]) == {
        track: [taken.sha256 for taken in recorded.packets[track]] for track in ("video", "audio")
    }
    assert abs(sum(entry["duration"] for entry in entries) - 8) < 0.001
    target = int(re.search(r"TARGETDURATION:(\d+)", text)[1])
    assert max(entry["duration"] for entry in entries) <= target
    assert entries[0]["utc"] == utc(recorded.begin_us)[:-4] + "Z"
    dts = []
    with av.open(io.BytesIO(data)) as container:
        for packet in container.demux(video=0):
            if packet.size:
                dts.append(packet.dts)
    assert {after - before for before, after in itertools.pairwise(dts)} == {90_000 // FPS}


def test_a_playlist_starts_exactly_at_the_asked_instant(app, client, source_id, media):
    recorded = record(app, source_id, media("audio"))
    text = playlist(client, source_id, recorded.begin_us + 3_300_000, recorded.begin_us + 5_500_000)
    assert "#EXT-X-START:TIME-OFFSET=0.30000,PRECISE=YES" in text
    entries = entries_of(text)
    assert abs(sum(entry["duration"] for entry in entries) - 3) < 0.001
    assert datetime.fromisoformat(entries[0]["utc"]).timestamp() == pytest.approx(
        recorded.begin_us / 1e6 + 3, abs=0.002
    )


def test_gaps_and_changes_of_codec_are_discontinuities_with_their_own_init_segment(app, client, source_id, media):
    first = record(app, source_id, media("h264"))
    second = record(app, source_id, media("audio"), begin_us=first.end_us + 60_000_000)
    third = record(app, source_id, media("h265"), begin_us=second.end_us + 100_000)
    entries = entries_of(playlist(client, source_id, first.begin_us, third.end_us))
    cuts = [entry for entry in entries if entry.get("cut")]
    assert [entry["utc"] for entry in cuts] == [utc(run.begin_us)[:-4] + "Z" for run in (second, third)]
    assert len({entry["map"] for entry in entries}) == 3
    parts = parts_of(client, entries)
    assert len(parts) == 3
    assert packets_of(parts)["video"] == [t.sha256 for run in (first, second, third) for t in run.packets["video"]]
    codecs = []
    for part in parts:
        with av.open(io.BytesIO(part)) as container:
            codecs.append((container.streams.video[0].codec_context.name, len(container.streams.audio)))
            assert next(container.decode(video=0)).width == 192
    assert codecs == [("h264", 0), ("h264", 1), ("hevc", 0)]


def test_a_growing_playlist_only_ever_gains_entries_and_ends_with_the_recording(app, client, source_id, media):
    with app.app_context(), writing() as session:
        session.add(Wanted(source_id=source_id, begin_us=0))
    recorded = record(app, source_id, media("audio", seconds=7), leave_open=True)
    where = f"/playbackapi/source/{source_id}/index.m3u8?start={utc(recorded.begin_us)}"
    growing = client.get(where)
    assert "#EXT-X-PLAYLIST-TYPE:EVENT" in growing.text
    assert "#EXT-X-ENDLIST" not in growing.text
    assert growing.headers["Cache-Control"] == "no-store"
    close(app, source_id, recorded.run_id)
    later = client.get(where).text
    assert later.startswith(growing.text)
    with app.app_context(), writing() as session:
        session.query(Wanted).one().end_us = recorded.end_us
    ended = client.get(where).text
    assert ended.startswith(later)
    assert ended.endswith("#EXT-X-ENDLIST\n")
    found = packets_of(parts_of(client, entries_of(ended)))
    assert found["video"] == [taken.sha256 for taken in recorded.packets["video"]]
    assert found["audio"] == [taken.sha256 for taken in recorded.packets["audio"]]


@pytest.mark.parametrize("more", ["", "&end={end}"])
def test_every_map_names_the_bytes_of_its_init_segment(app, client, source_id, media, more):
    with app.app_context(), writing() as session:
        session.add(Wanted(source_id=source_id, begin_us=0))
    first = record(app, source_id, media("audio"))
    second = record(app, source_id, media("h264"), begin_us=first.end_us + 10_000_000)
    third = record(app, source_id, media("h265"), begin_us=second.end_us + 10_000_000, leave_open=True)
    query = f"start={utc(first.begin_us)}" + more.format(end=utc(third.end_us))
    text = client.get(f"/playbackapi/source/{source_id}/index.m3u8?{query}", follow_redirects=True).text
    assert ("#EXT-X-PLAYLIST-TYPE:EVENT" in text) is (not more)
    maps = re.findall(r'^#EXT-X-MAP:URI="([^"]+)",BYTERANGE="(\d+)@0"$', text, re.MULTILINE)
    assert len(maps) == text.count("#EXT-X-MAP") == 3
    for uri, size in maps:
        whole = client.get(uri)
        assert (whole.status_code, len(whole.data)) == (200, int(size))
        ranged = client.get(uri, headers={"Range": f"bytes=0-{int(size) - 1}"})
        assert (ranged.status_code, ranged.data) == (206, whole.data)


def test_every_address_of_a_playlist_is_a_path_of_ours_and_no_path_of_the_disk(app, client, source_id, media):
    recorded = record(app, source_id, media("h264"))
    for entry in entries_of(playlist(client, source_id, recorded.begin_us, recorded.end_us)):
        assert re.fullmatch(rf"/playbackapi/source/{source_id}/segment/[0-9]{{16}}\.mp4\?at=\d+", entry["uri"])
        assert re.fullmatch(rf"/playbackapi/source/{source_id}/init/\d+-\d+\.mp4", entry["map"])
    assert client.get(f"/playbackapi/source/{source_id}/segment/../../x.mp4").status_code == 404
    assert client.get(f"/playbackapi/source/{source_id}/segment/nothing.mp4").status_code == 422
    assert client.get(f"/playbackapi/source/{source_id + 1}/segment/{entry['uri'][-40:-4]}.mp4").status_code == 404
    assert client.get(f"/playbackapi/source/{source_id}/init/77-0.mp4").status_code == 404
    assert client.get(f"/playbackapi/source/{source_id}/init/x.mp4").status_code == 422


def test_pyav_opens_the_playlist_as_any_player_does(app, client, source_id, media, tmp_path):
    recorded = record(app, source_id, media("b-frames-audio"))
    text = playlist(client, source_id, recorded.begin_us, recorded.end_us)
    for entry in entries_of(text):
        for key in ("uri", "map"):
            path, _, at = entry[key].partition("?at=")
            name = at + path.replace("/", "_")
            (tmp_path / name).write_bytes(client.get(entry[key]).data)
            text = text.replace(entry[key], name)
    (tmp_path / "index.m3u8").write_text(text)
    with av.open(str(tmp_path / "index.m3u8")) as container:
        assert sum(1 for packet in container.demux(video=0) if packet.size) == 8 * FPS


def test_a_complete_playlist_into_the_open_segment_is_pinned_and_never_changes(app, client, source_id, media):
    recorded = record(app, source_id, media("audio"), leave_open=True)
    where = address(source_id, recorded.begin_us, recorded.end_us + 60_000_000, name="index.m3u8")
    answer = client.get(where)
    assert (answer.status_code, answer.data, answer.headers["Cache-Control"]) == (307, b"", "no-store")
    pinned = answer.headers["Location"]
    assert "rev=" in pinned
    before = client.get(pinned)
    assert before.text.endswith("#EXT-X-ENDLIST\n")
    close(app, source_id, recorded.run_id)
    record(app, source_id, media("h264"), begin_us=recorded.end_us + 2_000_000)
    assert client.get(pinned).data == before.data
    found = packets_of(parts_of(client, entries_of(before.text)))
    assert found["video"] == [taken.sha256 for taken in recorded.packets["video"]]
