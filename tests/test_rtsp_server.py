"""The test cameras themselves: what they send is what their file and their ledger say, with every client we use."""

import json
import math
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import av
import av.error
import pytest

from tests.conftest import missing
from tests.gst_rtsp_server import GstRtspServer, why_no_gst
from tests.media import Packet, make_video, packets
from tests.recording import FFMPEGS
from tests.rtsp_player import Faults, Sent, SentSession
from tests.rtsp_server import RtspServer
from tests.service import wait_for

TCP, UDP = {"rtsp_transport": "tcp"}, {"rtsp_transport": "udp"}
CLIPS = {
    "h264-aac": {"audio": "aac"},
    "h264-b-frames": {"b_frames": 2},
    "hevc-b-frames-aac": {"codec": "hevc", "b_frames": 2, "audio": "aac"},
    "h264-pcmu": {"audio": "pcm_mulaw"},
    "h264-pcma": {"audio": "pcm_alaw"},
}
CLIP_FRAMES, FPS = 15, 25


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Make clips of little more than half a second, so that every test of a second sees the loop."""
    folder = tmp_path_factory.mktemp("clips")
    return {name: make_video(folder / name, seconds=CLIP_FRAMES / FPS, **how) for name, how in CLIPS.items()}


def hashes(lines: list[Packet] | list[Sent]) -> list[str]:
    return [line.sha256 for line in lines]


def assert_sent(got: dict[str, list[Packet]], session: SentSession) -> None:
    """Every packet read is the one sent, from the first on, in order. The ledger is written after the packet."""
    for kind in ("video", "audio"):
        wait_for(lambda kind=kind: len(session.sent(kind)) >= len(got[kind]), "the ledger")
        assert hashes(got[kind]) == hashes(session.sent(kind))[: len(got[kind])]


@contextmanager
def once_it_plays(server: RtspServer, pause_s: float, do: Callable[[], None]) -> Iterator[None]:
    """Do something so long after the camera's first packet went out, however long a client takes to get there."""

    def wait() -> None:
        wait_for(lambda: server.sessions() and server.sessions()[-1].sent(), "the first packet", 30)
        time.sleep(pause_s)
        do()

    thread = threading.Thread(target=wait)
    thread.start()
    try:
        yield
    finally:
        thread.join()


@pytest.mark.parametrize("name", CLIPS)
@pytest.mark.parametrize("options", [TCP, UDP], ids=["tcp", "udp"])
def test_packets_read_over_rtsp_equal_the_ledger_across_the_loop(
    clips: dict[str, Path], name: str, options: dict[str, str]
) -> None:
    with RtspServer(clips) as server:
        got = packets(server.url(name), options=options, video_count=2 * CLIP_FRAMES)
        (session,) = server.sessions(name)
    assert len(got["video"]) == 2 * CLIP_FRAMES
    assert bool(got["audio"]) == ("audio" in CLIPS[name])
    assert session.transport == options["rtsp_transport"]
    assert_sent(got, session)
    file = hashes(packets(clips[name])["video"])
    assert hashes(got["video"]) == file * 2


def test_times_rise_evenly_where_the_file_loops(clips: dict[str, Path]) -> None:
    with RtspServer(clips) as server:
        got = packets(server.url("h264-aac"), options=TCP, video_count=3 * CLIP_FRAMES)
        (session,) = server.sessions()
    assert {late.pts - early.pts for early, late in pairwise(got["video"][1:])} == {90_000 // FPS}
    assert {late.pts - early.pts for early, late in pairwise(got["audio"])} == {1024}
    late_s = [line.sent_s - number / FPS for number, line in enumerate(session.sent())]
    assert min(late_s[-5:]) == pytest.approx(min(late_s[:5]), abs=0.2)  # the least: a single one may be held up


@pytest.mark.parametrize("auth", ["digest", "basic"])
def test_a_login_is_needed_and_may_hold_any_character(clips: dict[str, Path], auth: str) -> None:
    with RtspServer(clips, user="ad min", password="p@ss:w/rd %é", auth=auth) as server:
        got = packets(server.url("h264-aac"), options=TCP, video_count=5)
        assert_sent(got, server.sessions()[-1])
        for wrong in ({"password": "wrong"}, {"user": ""}):
            with pytest.raises(av.error.HTTPUnauthorizedError):
                packets(server.url("h264-aac", **wrong), options=TCP)


def record(address: str, folder: Path, ffmpeg: str, options: tuple[str, ...] = ()) -> dict[str, list[Packet]]:
    """Record a second without re-encoding, as fragmented MP4."""
    path = folder / "recorded.mp4"
    command = [ffmpeg, "-nostdin", "-loglevel", "error", *options, "-i", address, "-map", "0", "-c", "copy"]
    command += ["-t", "1", "-movflags", "+frag_keyframe+empty_moov", str(path)]
    subprocess.run(command, check=True, timeout=30)
    return packets(path)


@pytest.mark.parametrize("ffmpeg", FFMPEGS)
@pytest.mark.parametrize("name", ["h264-aac", "hevc-b-frames-aac"])
def test_ffmpeg_records_every_packet_sent(clips: dict[str, Path], tmp_path: Path, ffmpeg: str, name: str) -> None:
    with RtspServer(clips, user="admin", password="secret") as server:
        got = record(server.url(name), tmp_path, ffmpeg, ("-rtsp_transport", "tcp"))
        (session,) = server.sessions()
    assert len(got["video"]) > CLIP_FRAMES
    assert_sent(got, session)


@pytest.mark.parametrize("ffmpeg", FFMPEGS)
def test_ffmpeg_records_over_udp(clips: dict[str, Path], tmp_path: Path, ffmpeg: str) -> None:
    with RtspServer(clips, transports={"udp"}) as server:
        got = record(server.url("h264-aac"), tmp_path, ffmpeg, ("-rtsp_transport", "udp"))
        (session,) = server.sessions()
    assert session.transport == "udp"
    assert_sent(got, session)


def test_a_camera_of_udp_only_refuses_tcp_and_takes_what_follows(clips: dict[str, Path]) -> None:
    with RtspServer(clips, transports={"udp"}) as server:
        with pytest.raises(av.error.FFmpegError, match="Protocol not supported"):
            packets(server.url("h264-aac"), options=TCP)
        assert len(packets(server.url("h264-aac"), options=UDP, video_count=5)["video"]) == 5


def test_one_altered_packet_shows_in_the_comparison(clips: dict[str, Path]) -> None:
    with RtspServer(clips) as server:
        got = packets(server.url("h264-aac", alter_unit=7), options=TCP, video_count=20)["video"]
        session = server.sessions()[-1]
        wait_for(lambda: len(session.sent()) >= 20, "the ledger")
        sent = session.sent()[:20]
    differing = [number for number, pair in enumerate(zip(got, sent, strict=True)) if pair[0][2] != pair[1][2]]
    assert differing == [7]


def test_a_camera_hangs_up_after_a_while(clips: dict[str, Path]) -> None:
    with RtspServer(clips) as server:
        got = packets(server.url("h264-aac", close_after_s=1), options=TCP)
        session = server.sessions()[-1]
        assert_sent(got, session)
        wait_for(lambda: session.end_s < math.inf, "the end of the session")
        assert 0.9 < session.end_s - session.begin_s < 3


def test_a_stalled_camera_keeps_its_connection_and_goes_on_when_healed(clips: dict[str, Path]) -> None:
    with RtspServer(clips) as server:
        server.change("h264-aac", stall_after_s=0.4)
        with once_it_plays(server, 1.5, lambda: server.heal("h264-aac")):
            got = packets(server.url("h264-aac"), options=TCP, video_count=20)
        (session,) = server.sessions()
    assert len(got["video"]) == 20
    pauses_s = [late.sent_s - early.sent_s for early, late in pairwise(session.sent())]
    assert max(pauses_s) > 0.8
    assert_sent(got, session)


def test_audio_is_left_out_on_request(clips: dict[str, Path]) -> None:
    with RtspServer(clips) as server, av.open(server.url("h264-aac", has_audio=False), options=TCP) as stream:
        assert [one.type for one in stream.streams] == ["video"]


def test_a_stream_without_key_frames_has_none(clips: dict[str, Path]) -> None:
    with RtspServer(clips) as server:
        hasty = {**TCP, "analyzeduration": "500000"}  # else it looks for a key frame for five seconds
        with av.open(server.url("h264-aac", has_keyframes=False), options=hasty, timeout=20) as stream:
            flags = [packet.is_keyframe for packet, _ in zip(stream.demux(video=0), range(20), strict=False)]
        assert not any(flags)
        assert not any(line.is_key for line in server.sessions()[-1].sent())


def test_garbage_holds_no_packet_of_the_file(clips: dict[str, Path]) -> None:
    with RtspServer(clips) as server:
        got = packets(server.url("h264-aac", is_garbage=True, close_after_s=1), options=TCP)
    file = packets(clips["h264-aac"])
    for kind in ("video", "audio"):
        assert not set(hashes(got[kind])) & set(hashes(file[kind]))


def test_a_camera_without_power_refuses_and_is_back_at_the_same_address(clips: dict[str, Path]) -> None:
    with RtspServer(clips) as server:
        address = server.url("h264-aac")
        with once_it_plays(server, 0.6, server.offline):
            got = packets(address, options=TCP)
        assert_sent(got, server.sessions()[-1])
        with pytest.raises(av.error.ConnectionRefusedError):
            packets(address, options=TCP)
        server.online()
        assert len(packets(address, options=TCP, video_count=5)["video"]) == 5


def test_each_client_has_its_own_timeline_from_the_first_key_frame(clips: dict[str, Path]) -> None:
    with RtspServer(clips) as server:
        address, results = server.url("h264-aac"), {}

        def read(number: int) -> None:
            time.sleep(number * 0.3)
            results[number] = packets(address, options=TCP, video_count=CLIP_FRAMES)

        clients = [threading.Thread(target=read, args=(number,)) for number in range(3)]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
        assert len(server.sessions("h264-aac")) == 3
        assert server.requests["PLAY", "h264-aac"] == 3
    file = hashes(packets(clips["h264-aac"])["video"])
    assert [hashes(results[number]["video"]) for number in range(3)] == [file] * 3


@pytest.mark.parametrize(
    ("path", "error"),
    [("unknown", av.error.HTTPNotFoundError), ("h264-aac?typo=1", av.error.HTTPBadRequestError)],
)
def test_an_unknown_camera_or_fault_is_refused(clips: dict[str, Path], path: str, error: type[Exception]) -> None:
    with RtspServer(clips) as server, pytest.raises(error):
        packets(f"rtsp://127.0.0.1:{server.port}/{path}", options=TCP)


def test_faults_of_an_address_are_read_by_their_kind() -> None:
    faults = Faults.parse({"stall_after_s": "2.5", "has_audio": "0", "alter_unit": "3"})
    assert faults == Faults(stall_after_s=2.5, has_audio=False, alter_unit=3)


def test_the_ledger_forgets_what_is_old() -> None:
    session = SentSession("cam", "tcp", keep_s=60)
    for second in range(0, 200, 10):
        session.add("video", Sent(float(second), second, "", is_key=False))
    assert [line.ticks for line in session.sent()] == [130, 140, 150, 160, 170, 180, 190]


def test_as_a_process_it_tells_its_port_and_leaves_its_ledger(clips: dict[str, Path], tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.json"
    command = [sys.executable, "-m", "tests.rtsp_server", f"cam={clips['h264-aac']}", "--ledger", str(ledger)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1])
    try:
        word, port = process.stdout.readline().split()
        assert word == "ready"
        got = packets(f"rtsp://127.0.0.1:{port}/cam", options=TCP, video_count=5)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=10)
    finally:
        process.kill()
    assert process.returncode == 0
    (session,) = json.loads(ledger.read_text())
    assert [line[2] for line in session["video"]][:5] == hashes(got["video"])


@pytest.mark.parametrize(
    ("login", "options"),
    [
        ({}, TCP),
        ({}, UDP),
        ({"user": "admin", "password": "p@ss wörd", "auth": "digest"}, TCP),
        ({"user": "admin", "password": "p@ss wörd", "auth": "basic"}, TCP),
    ],
    ids=["tcp", "udp", "digest", "basic"],
)
def test_the_gstreamer_camera_sends_the_same_file(
    clips: dict[str, Path], login: dict[str, str], options: dict[str, str]
) -> None:
    if reason := why_no_gst():
        missing(reason)
    file = packets(clips["h264-aac"])
    with GstRtspServer(clips["h264-aac"], **login) as server:
        got = packets(server.url(), options=options, video_count=CLIP_FRAMES + 10)
    assert hashes(got["video"]) == (hashes(file["video"]) * 2)[: CLIP_FRAMES + 10]
    assert set(hashes(got["audio"])) <= set(hashes(file["audio"]))


@pytest.mark.parametrize("name", ["h264-aac", "hevc-b-frames-aac"])
def test_stamped_packets_are_all_different_and_read_as_they_were_sent(clips: dict[str, Path], name: str) -> None:
    with RtspServer(clips, is_stamped=True) as server:
        got = packets(server.url(name), options=TCP, video_count=2 * CLIP_FRAMES)
        (session,) = server.sessions(name)
    assert_sent(got, session)
    assert len(set(hashes(got["video"]) + hashes(got["audio"]))) == len(got["video"]) + len(got["audio"])


def test_a_camera_switched_to_another_file_goes_on_in_its_connection(clips: dict[str, Path], tmp_path: Path) -> None:
    large = make_video(tmp_path / "large.mp4", seconds=1, width=480, height=272)
    with RtspServer({"cam": clips["h264-b-frames"]}) as server:
        with av.open(server.url("cam"), options=TCP, timeout=(20, 20)) as container:
            frames = container.decode(video=0)
            assert next(frames).width == 320
            server.switch("cam", large)
            assert any(frame.width == 480 for frame, _ in zip(frames, range(3 * CLIP_FRAMES), strict=False))
        assert len(server.sessions("cam")) == 1


def test_one_camera_is_cut_and_the_others_go_on(clips: dict[str, Path]) -> None:
    with (
        RtspServer({"one": clips["h264-b-frames"], "other": clips["h264-b-frames"]}) as server,
        av.open(server.url("one"), options=TCP, timeout=(20, 20)) as one,
        av.open(server.url("other"), options=TCP, timeout=(20, 20)) as other,
    ):
        server.cut("one")
        assert sum(packet.size > 0 for packet in one.demux(video=0)) < 3 * FPS
        assert len([packet for packet, _ in zip(other.demux(video=0), range(FPS), strict=False)]) == FPS


def test_a_camera_that_hangs_takes_the_connection_and_answers_nothing(clips: dict[str, Path]) -> None:
    with RtspServer(clips) as server:
        server.change("h264-aac", is_hanging=True)
        with pytest.raises(av.error.FFmpegError):
            av.open(server.url("h264-aac"), options={**TCP, "timeout": "300000"}, timeout=(2, 2))
        wait_for(lambda: server.requests["OPTIONS", "h264-aac"], "the request")
        assert not server.requests["DESCRIBE", "h264-aac"]


def test_noise_is_sent_in_place_of_packets_and_told_apart(clips: dict[str, Path]) -> None:
    with RtspServer(clips) as server:
        with av.open(server.url("h264-aac"), options=TCP, timeout=(20, 20)) as container:
            next(container.demux(video=0))
            server.change("h264-aac", is_noise=True)
            (session,) = server.sessions("h264-aac")
            wait_for(lambda: any(line.is_garbage for line in session.sent()), "the noise")
        assert session.sent()[-1].is_garbage
        assert not session.sent()[0].is_garbage
