"""The main job: record a camera for 20 s and play back any span of it, every packet there, in order, without a gap."""

import re
import shutil
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import pytest
import requests

from tests.archive_reading import query
from tests.conftest import missing
from tests.media import Packet, make_video, packets
from tests.rtsp_player import Sent
from tests.rtsp_server import RtspServer
from tests.service import Service, wait_for

RECORDED_S = 20


@pytest.fixture(scope="module", params=["system", "wheel"])
def service(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Yield a running service: with the system's ffmpeg where there is one, then with that of the wheel."""
    system = shutil.which("ffmpeg")
    if request.param == "system" and system is None:
        missing("no ffmpeg of the system's own")
    program = system if request.param == "system" else imageio_ffmpeg.get_ffmpeg_exe()
    with Service(tmp_path_factory.mktemp("service"), SEGMENT_S=6, FFMPEG=program) as running:
        yield running


@pytest.fixture(scope="module")
def camera(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RtspServer]:
    path = tmp_path_factory.mktemp("footage") / "cam.mp4"
    make_video(path, seconds=7, fps=25, gop=25, width=640, height=360, audio="aac")
    with RtspServer({"cam": path}, user="admin", password="secret") as server:
        yield server


def instant(us: int) -> str:
    """Return an instant as the API takes it."""
    return datetime.fromtimestamp(us / 1e6, UTC).isoformat().replace("+00:00", "Z")


def download_hls(service: Service, path: str, target: Path) -> tuple[Path, str]:
    """Fetch a playlist and all it names into one file; return the file and the playlist."""
    text = service.session.get(service.base + path, timeout=10).text
    base = service.base + path
    with target.open("wb") as file:
        length, offset = 0, 0
        for line in text.splitlines():
            if match := re.match(r'#EXT-X-MAP:URI="([^"]+)"(?:,BYTERANGE="(\d+)@(\d+)")?', line):
                headers = {}
                if match[2]:
                    first = int(match[3])
                    headers = {"Range": f"bytes={first}-{first + int(match[2]) - 1}"}
                file.write(get(service, requests.compat.urljoin(base, match[1]), headers))
            elif match := re.match(r"#EXT-X-BYTERANGE:(\d+)(?:@(\d+))?", line):
                offset = int(match[2]) if match[2] else offset + length
                length = int(match[1])
            elif line and not line.startswith("#"):
                headers = {"Range": f"bytes={offset}-{offset + length - 1}"} if length else {}
                body = get(service, requests.compat.urljoin(base, line), headers)
                assert not length or len(body) == length
                file.write(body)
    return target, text


def get(service: Service, address: str, headers: dict[str, str]) -> bytes:
    """Fetch an address, by range where headers say one."""
    answer = service.session.get(address, headers=headers, timeout=10)
    assert answer.status_code == (206 if headers else 200), f"{address}: {answer.status_code} {answer.text[:300]}"
    return answer.content


def assert_all_there(found: Sequence[Packet], sent: Sequence[Sent], count: int) -> None:
    """Assert that exactly the first `count` packets sent were found, in order."""
    assert [packet.sha256 for packet in found] == [line.sha256 for line in sent[:count]]


def test_the_main_job_record_a_camera_and_play_back_every_packet(
    service: Service, camera: RtspServer, tmp_path: Path
) -> None:
    before = len(camera.sessions("cam"))
    source_id = service.add_source(camera.url("cam"))
    service.add_group("yard", [source_id])
    service.record("first", "yard")
    run = "SELECT 1 FROM run WHERE source_id = ?"
    wait_for(lambda: query(service, run, source_id), "footage", 60)
    time.sleep(RECORDED_S)
    service.stop_recording("first")
    answered_s = time.time()
    closed = "SELECT begin_us, end_us FROM run WHERE source_id = ? AND end_us IS NOT NULL"
    ((begin_us, end_us),) = wait_for(lambda: query(service, closed, source_id), "the end of the run")
    assert (end_us - begin_us) / 1e6 > RECORDED_S - 3
    session = max(camera.sessions("cam")[before:], key=lambda one: len(one.sent("video")))
    video, audio = session.sent("video"), session.sent("audio")
    due = sum(line.sent_s <= answered_s - 1 for line in video)

    asked = f"/playbackapi/source/{source_id}?start={instant(begin_us)}&end={instant(end_us)}"
    data = service.call("GET", asked)
    assert len(data["spans"]) == 1
    assert not data["gaps"]
    assert data["spans"][0]["tag"] == "first"

    mp4 = tmp_path / "span.mp4"
    answer = service.session.get(service.base + data["urls"]["mp4"], timeout=10)
    assert answer.status_code == 200
    assert len(answer.content) == int(answer.headers["Content-Length"])
    mp4.write_bytes(answer.content)
    in_mp4 = packets(mp4)
    assert len(in_mp4["video"]) >= due
    assert_all_there(in_mp4["video"], video, len(in_mp4["video"]))
    audio_hashes, sent_hashes = [p.sha256 for p in in_mp4["audio"]], [line.sha256 for line in audio]
    first = sent_hashes.index(audio_hashes[0])
    assert first <= 2  # ffmpeg waits for the first key frame
    assert audio_hashes == sent_hashes[first : first + len(audio_hashes)]
    assert sum(line.sent_s <= answered_s - 1 for line in audio) <= first + len(audio_hashes)

    hls, playlist = download_hls(service, data["urls"]["hls"], tmp_path / "hls.mp4")
    in_hls = packets(hls)
    assert [p.sha256 for p in in_hls["video"]] == [p.sha256 for p in in_mp4["video"]]
    hls_hashes = [p.sha256 for p in in_hls["audio"]]
    assert hls_hashes[: len(audio_hashes)] == audio_hashes
    assert len(hls_hashes) - len(audio_hashes) <= 4  # HLS gives whole fragments, whose sound may reach over the end
    assert "#EXT-X-ENDLIST" in playlist
    assert "#EXT-X-DISCONTINUITY" not in playlist
    steps = {after.dts - before.dts for before, after in zip(in_hls["video"], in_hls["video"][1:], strict=False)}
    assert max(steps) < 2 * 90_000 / 25  # no gap at any seam


def test_the_open_segment_plays_up_to_its_last_whole_fragment(
    service: Service, camera: RtspServer, tmp_path: Path
) -> None:
    source_id = service.add_source(camera.url("cam"))
    service.add_group("now", [source_id])
    before_us = time.time_ns() // 1000
    service.record("now", "now")
    run = "SELECT run.begin_us FROM run WHERE source_id = ?"
    begin_us = wait_for(lambda: query(service, run, source_id), "footage")[0][0]
    assert before_us < begin_us < time.time_ns() // 1000
    time.sleep(3)

    def young() -> Any:
        data = service.call("GET", f"/playbackapi/source/{source_id}?start={instant(begin_us)}")
        age_s = time.time() - datetime.fromisoformat(data["spans"][-1]["end_utc"]).timestamp()
        return data if age_s < 3.5 else None  # a fragment of 1 s, when the next has come, and the clock to 0.5 s

    data = wait_for(young, "footage up to now")
    answer = service.session.get(service.base + data["urls"]["mp4"], timeout=10)
    assert answer.status_code == 200
    (tmp_path / "now.mp4").write_bytes(answer.content)
    found = packets(tmp_path / "now.mp4")
    session = max(camera.sessions("cam"), key=lambda one: len(one.sent("video")))  # others look at the camera, too
    assert len(found["video"]) >= 25
    assert_all_there(found["video"], session.sent("video"), len(found["video"]))
    playlist = service.session.get(service.base + data["urls"]["hls"], timeout=10).text
    assert "#EXT-X-PLAYLIST-TYPE:EVENT" in playlist
    assert "#EXT-X-ENDLIST" not in playlist

    def later() -> str:
        text = service.session.get(service.base + data["urls"]["hls"], timeout=10).text
        assert text.startswith(playlist)
        return text if len(text) > len(playlist) else ""

    wait_for(later, "the next fragment")
    service.stop_recording("now")
    wait_for(
        lambda: "#EXT-X-ENDLIST" in service.session.get(service.base + data["urls"]["hls"], timeout=10).text,
        "the end of the playlist",
    )
