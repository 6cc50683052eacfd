"""What the recorder's ffmpeg writes, with each installed ffmpeg: a regression test of its flags (docs/design/time.md).

All cameras are recorded once, side by side, with the recorder's own command; the camera's ledger tells what is true.
"""

import itertools
import math
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from app.archive.livefile import LiveFile
from app.capture.ffmpeg import AUDIO_COPY, rtsp_command, rtsp_input, spawn
from app.capture.template import effective_template, parse_template
from app.formats.firstpackets import STEPS
from app.formats.firsttimes import find_first_times, has_leading_pictures
from app.formats.fragments import TrackPart
from instance.config import TestingConfig
from tests.archive_reading import assert_contiguous
from tests.media import make_video, packets
from tests.recording import FFMPEGS
from tests.rtsp_player import Sent, SentSession
from tests.rtsp_server import RtspServer

CAMERAS = {
    "plain": {"codec": "h264"},
    "plain-audio": {"codec": "h264", "audio": "aac"},
    # Here ffmpeg's guess for the second packet happens to equal its pts, as if there were no B-frames.
    "one-b-frame": {"codec": "h264", "b_frames": 1},
    "b-frames": {"codec": "h264", "b_frames": 2},
    "b-frames-audio": {"codec": "h264", "b_frames": 2, "audio": "aac"},
    "pyramid-audio": {"codec": "h264", "b_frames": 5, "audio": "aac"},
    "h265-audio": {"codec": "hevc", "b_frames": 4, "audio": "aac"},
}
FPS, SEGMENT_S, RECORDED_S = 25, 2, 7.5
VIDEO_HZ, AUDIO_HZ = 90_000, 48_000
# Cameras with audio are dated by their sender reports; those of the test camera read two clocks one after the other.
REPORTED_TICKS = VIDEO_HZ // 1000
TEMPLATE = parse_template("Source", effective_template("Source", None))


class Frame(NamedTuple):
    """One sample as the file's fragments tell of it."""

    dts: int
    pts: int


@dataclass
class Recording:
    """One recorded connection: its files as the recorder leaves them, and what the camera sent."""

    folder: Path
    session: SentSession
    first_ticks: dict[str, int]
    grown: list[tuple[float, float, int]]  # Unix time, that of the last write, bytes of all files
    files: list[LiveFile] = field(default_factory=list)

    def frames(self, kind: str) -> list[Frame]:
        """Return all samples of a track in decode order."""
        return [Frame(*times) for part in self.parts(kind) for times in zip(*times_of(part), strict=True)]

    def parts(self, kind: str, files: slice = slice(None)) -> list[TrackPart]:
        """Return a track's part of each fragment, of all files or some."""
        found = []
        for file in self.files[files]:
            track = file.init.track(kind)
            found += [
                fragment.tracks[track.track_id] for fragment in file.fragments if track.track_id in fragment.tracks
            ]
        return found

    def sent(self, kind: str) -> list[Sent]:
        """Return the ledger of what was recorded."""
        return self.session.sent(kind)[: len(self.frames(kind))]

    def late_ticks(self, kind: str) -> np.ndarray:
        """Return by how much each sample is shown later than the camera's own clock says, but for a constant."""
        sent = self.sent(kind)
        true_ticks = np.array([line.ticks - sent[0].ticks for line in sent]) + self.first_ticks[kind]
        return np.array([frame.pts for frame in self.frames(kind)]) - true_ticks


def times_of(part: TrackPart) -> tuple[list[int], list[int]]:
    dts = part.tfdt_ticks + np.cumsum(part.durations) - part.durations
    return dts.tolist(), (dts + part.composition_offsets).tolist()


@pytest.fixture(scope="module")
def camera(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RtspServer]:
    folder = tmp_path_factory.mktemp("cameras")
    shape = {"seconds": 10, "fps": FPS, "gop": FPS, "width": 192, "height": 120}
    files = {name: make_video(folder / f"{name}.mp4", **shape, **options) for name, options in CAMERAS.items()}
    with RtspServer(files) as server:
        yield server


@pytest.fixture(scope="module", params=FFMPEGS, ids=lambda path: "system" if path.startswith("/usr") else "wheel")
def recordings(
    request: pytest.FixtureRequest, camera: RtspServer, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Recording]:
    """Record every camera for some seconds with one ffmpeg."""
    root = tmp_path_factory.mktemp("recorded")
    config = TestingConfig(FFMPEG=request.param, SEGMENT_S=SEGMENT_S)
    processes, grown = {}, {name: [] for name in CAMERAS}
    for name in CAMERAS:
        command = rtsp_command(config, root / name, "run", TEMPLATE, AUDIO_COPY, camera.port)
        processes[name] = spawn(command, "run", rtsp_input(camera.url(name), TEMPLATE))
    watch(root, grown)
    for process in processes.values():
        process.send_signal(signal.SIGINT)
    for process in processes.values():
        process.wait(20)
    recorded = {}
    for name in CAMERAS:
        first_ticks = {track.kind: track.units[0].ticks for track in camera.tracks(name)}
        recorded[name] = Recording(root / name, camera.sessions(name)[-1], first_ticks, grown[name])
        recorded[name].files = read(root / name)
    return recorded


def watch(root: Path, grown: dict[str, list[tuple[float, float, int]]]) -> None:
    """Note how the files grow, until RECORDED_S after there is one of every camera."""
    limit_s, end_s = time.monotonic() + 60, math.inf
    while time.monotonic() < end_s:
        time.sleep(0.02)
        for name, found in grown.items():
            states = [path.stat() for path in (root / name).glob("*.mp4")]
            written_s = max((state.st_mtime for state in states), default=0.0)
            found.append((time.time(), written_s, sum(state.st_size for state in states)))
        if end_s == math.inf:
            assert time.monotonic() < limit_s, "not every camera is recorded"
            end_s = time.monotonic() + RECORDED_S if all(found[-1][-1] for found in grown.values()) else math.inf


def read(folder: Path) -> list[LiveFile]:
    files = [LiveFile(path) for path in sorted(folder.glob("*.mp4"))]
    for file in files:
        file.poll()
    files[0].set_first_times()
    return files


@pytest.fixture(params=CAMERAS)
def recording(request: pytest.FixtureRequest, recordings: dict[str, Recording]) -> Recording:
    return recordings[request.param]


def kinds_of(recording: Recording) -> list[str]:
    return [track.kind for track in recording.files[0].init.tracks]


def test_every_packet_is_in_the_files_once_and_unaltered(recording: Recording) -> None:
    assert len(recording.files) >= 3
    for kind in kinds_of(recording):
        found = [packet for file in recording.files for packet in packets(file.path)[kind]]
        until_s = recording.grown[-1][0] - 0.5
        assert_contiguous(found, recording.session.sent(kind), until_s, begin=0)


def test_frames_are_decoded_in_order_and_not_after_they_are_shown(recording: Recording) -> None:
    for kind in kinds_of(recording):
        frames = recording.frames(kind)
        assert frames[0].dts >= 0
        assert all(before.dts < frame.dts for before, frame in itertools.pairwise(frames))
        assert all(frame.dts <= frame.pts for frame in frames)


def test_decode_times_run_on_over_every_seam(recording: Recording) -> None:
    for kind in kinds_of(recording):
        for number in range(1, len(recording.files)):
            before = recording.parts(kind, slice(number - 1, number))[-1]
            following = recording.parts(kind, slice(number, number + 1))[0]
            end_ticks = before.tfdt_ticks + int(before.durations.sum())
            assert abs(following.tfdt_ticks - end_ticks) <= 2


@pytest.mark.parametrize("name", [name for name in CAMERAS if name.startswith("plain")])
def test_a_camera_without_b_frames_is_dated_as_ffmpeg_dates_it(recordings: dict[str, Recording], name: str) -> None:
    recording = recordings[name]
    frames = recording.frames("video")
    assert frames[0] == (0, 0)
    assert all(frame.dts == frame.pts for frame in frames)
    late_ticks = recording.late_ticks("video")[1:]
    assert np.ptp(late_ticks) <= (REPORTED_TICKS if "audio" in kinds_of(recording) else 1)


@pytest.mark.parametrize("name", [name for name in CAMERAS if not name.startswith("plain")])
def test_every_frame_of_a_camera_with_b_frames_has_its_time(recordings: dict[str, Recording], name: str) -> None:
    """Regression: the first packet came without a time, and guesses moved the next ones by up to 0.2 s."""
    recording = recordings[name]
    late_ticks = recording.late_ticks("video")
    has_audio = "audio" in kinds_of(recording)
    assert np.ptp(late_ticks) <= (REPORTED_TICKS if has_audio else 1)
    assert np.ptp(late_ticks[:FPS]) <= 1
    if has_audio:
        sound_late_ticks = recording.late_ticks("audio")
        assert np.ptp(sound_late_ticks) <= AUDIO_HZ // 1000
        assert abs(late_ticks[0] / VIDEO_HZ - sound_late_ticks[0] / AUDIO_HZ) < 0.001


def test_true_times_are_put_into_the_file_once(recording: Recording) -> None:
    first = recording.files[0]
    content = first.path.read_bytes()
    first.set_first_times()
    assert first.path.read_bytes() == content
    again = LiveFile(first.path)
    again.poll()
    assert times_of(again.fragments[0].tracks[1]) == times_of(first.fragments[0].tracks[1])


def test_a_fragment_is_on_disk_soon_after_the_next_key_frame(recording: Recording) -> None:
    """Without `flush_packets=1` among the inner options a file grows by 256 KiB only."""
    keys_s = [line.sent_s for line in recording.session.sent("video") if line.is_key]
    end_bytes = 0
    for number, fragment in enumerate(recording.files[0].fragments):
        end_bytes = fragment.end_bytes
        # By the file's own time: who looks here may be held up.
        written_s = next(at_s for _, at_s, size_bytes in recording.grown if size_bytes >= end_bytes)
        # ffmpeg reads for a second before it writes; a frame is known to be whole when the next begins.
        due_s = max(keys_s[number + 1], recording.session.begin_s + 1)
        assert written_s - due_s < 0.6
    assert end_bytes


def test_files_hold_nothing_but_init_segment_and_dated_fragments(recording: Recording) -> None:
    for file in recording.files:
        head = file.path.read_bytes()[: file.init.size_bytes]
        assert b"edts" not in head
        assert file.init.track("video").timescale == VIDEO_HZ
        size_bytes = file.init.size_bytes
        for fragment in file.fragments:
            assert fragment.offset_bytes == size_bytes  # no sidx before it
            assert fragment.ntp_us is not None
            assert abs(fragment.ntp_us / 1_000_000 - recording.grown[0][0]) < RECORDED_S + 60
            assert fragment.tracks[1].is_key[0]
            size_bytes = fragment.end_bytes
        assert file.path.stat().st_size == size_bytes  # no mfra behind the last


def part_of(pts: list[int], frame_ticks: int) -> TrackPart:
    """Return a fragment as the recorder's ffmpeg leaves it: the first sample has no time of its own."""
    steps = [number * 11_250 for number in range(STEPS + 1)]
    real = [(number + 30) * frame_ticks for number in range(len(pts) - len(steps))]
    dts = np.array([*steps, *real])
    durations = np.append(np.diff(dts), frame_ticks)
    offsets = np.array([0, *pts[1:]]) + 35 * frame_ticks - dts
    offsets[0] = 0
    return TrackPart(0, 0, durations, np.ones_like(dts), offsets, np.ones(len(dts), bool), 0)


def test_a_first_frame_that_others_are_shown_before_fills_the_hole_they_leave() -> None:
    order = [3, 1, 0, 2, 7, 5, 4, 6, 11, 9, 8, 10]
    part = part_of([number * 6000 for number in order], 6000)
    led = find_first_times([part], has_leading=True)
    alone = find_first_times([part], has_leading=False)
    assert led is not None
    assert alone is not None
    assert led.pts[0] == (35 + 3) * 6000
    assert alone.pts[0] == (35 - 1) * 6000
    assert all(led.dts <= led.pts)
    assert find_first_times([part_of([0, 6000, 12000, 18000, 24000], 6000)], has_leading=False) is None


@pytest.mark.parametrize(
    ("fourcc", "header", "expected"),
    [("avc1", 0x65, False), ("avc1", 0x41, True), ("hvc1", 19 << 1, False), ("hvc1", 21 << 1, True)],
)
def test_only_an_idr_picture_lets_none_be_shown_before_it(fourcc: str, header: int, expected: bool) -> None:
    parameter_set = bytes([0, 0, 0, 2, 0x67 if fourcc == "avc1" else 33 << 1, 0])
    assert has_leading_pictures(fourcc, parameter_set + bytes([0, 0, 0, 9, header, 1, 2])) is expected
    assert not has_leading_pictures(fourcc, parameter_set)
