"""Recorded footage in an app's archive without a camera: files as ffmpeg cuts them, taken in as the recorder does."""

import hashlib
import shutil
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import av
import pytest
from flask import Flask

from app.archive import places
from app.archive.ingest import Place, RunWriter
from app.archive.storages import open_storage
from app.extensions import writing
from app.models import Source
from app.playback.plans import forget_plans
from tests.media import make_video
from tests.recording import segment

T0_US = 1_795_248_000_000_000  # 2026-11-21T08:00:00Z


KINDS = {
    "h264": {"codec": "h264"},
    "b-frames": {"codec": "h264", "b_frames": 2},
    "h265": {"codec": "hevc", "b_frames": 2},
    "audio": {"codec": "h264", "audio": "aac"},
    "b-frames-audio": {"codec": "h264", "b_frames": 2, "audio": "aac"},
}
FPS = 20


class Taken(NamedTuple):
    """One recorded packet: presentation time on the wall clock, duration, hash of its bytes."""

    instant_us: int
    duration_us: int
    sha256: str
    is_key: bool


@dataclass
class Recorded:
    """One run in the archive, and its packets in decode order by kind of track."""

    run_id: str
    begin_us: int
    end_us: int
    packets: dict[str, list[Taken]]


def add_source(app: Flask) -> int:
    """Make a source and return its id."""
    with app.app_context(), writing() as session:
        source = Source(model="Source", uri_rtsp="rtsp://127.0.0.1:1/none")
        session.add(source)
        session.flush()
        return source.id


def record(
    app: Flask, source_id: int, media: Path, *, begin_us: int = T0_US, segment_s: float = 2, leave_open: bool = False
) -> Recorded:
    """Take a file into the archive as one run whose first frame is shown at begin_us.

    With `leave_open` the last segment stays as ffmpeg has left it: still open.
    """
    run_id = str(uuid.uuid4())
    cut = segment(media, media.parent / run_id, segment_s=segment_s)
    packets = _packets(cut, begin_us)
    first_dts_us = _first_dts_us(cut[0])
    with app.app_context():
        storage = open_storage(app.config["PLAYBACK"])
        root, storage_id = Path(storage.path), storage.id
        places.live_folder(root, source_id).mkdir(parents=True, exist_ok=True)
        for number, path in enumerate(cut):
            shutil.move(path, places.live_path(root, source_id, run_id, number))
        writer = RunWriter(Place(root, storage_id, source_id, run_id), zero_us=begin_us - first_dts_us)
        while writer.poll():
            pass
        if not leave_open:
            assert writer.finish()
    end_us = max(taken.instant_us + taken.duration_us for taken in packets["video"])
    return Recorded(run_id, begin_us, end_us, packets)


def close(app: Flask, source_id: int, run_id: str) -> None:
    """Close what `record(..., leave_open=True)` left open, as the recorder does when ffmpeg has ended."""
    with app.app_context():
        storage = open_storage(app.config["PLAYBACK"])
        assert RunWriter(Place(Path(storage.path), storage.id, source_id, run_id)).finish()


def _first_dts_us(path: Path) -> int:
    with av.open(str(path)) as container:
        packet = next(container.demux(video=0))
        return round(packet.dts * packet.time_base * 1_000_000)


def _packets(paths: list[Path], begin_us: int) -> dict[str, list[Taken]]:
    """Return the packets of files by kind; the first video frame in them is shown at begin_us."""
    found: dict[str, list[Taken]] = {"video": [], "audio": []}
    zero = None
    for path in paths:
        with av.open(str(path)) as container:
            for packet in container.demux():
                if not packet.size:
                    continue
                seconds = packet.pts * packet.time_base
                if zero is None and packet.stream.type == "video":
                    zero = seconds
                found[packet.stream.type].append((seconds, packet))
    return {
        kind: [
            Taken(
                begin_us + round((seconds - zero) * 1_000_000),
                round(packet.duration * packet.time_base * 1_000_000),
                hashlib.sha256(bytes(packet)).hexdigest(),
                packet.is_keyframe,
            )
            for seconds, packet in taken
        ]
        for kind, taken in found.items()
    }


@pytest.fixture(scope="session")
def media(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Return a maker of files of 8 s that are made once."""
    folder = tmp_path_factory.mktemp("media")
    made = {}

    def make(name: str, **options):
        key = name + repr(sorted(options.items()))
        if key not in made:
            path = folder / f"{len(made)}.mp4"
            given = {"seconds": 8, "fps": FPS, "gop": FPS, "width": 192, "height": 120, **KINDS[name], **options}
            made[key] = make_video(path, **given)
        return made[key]

    return make


@pytest.fixture(autouse=True)
def no_plans(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget the plans of the test before, and look at every file anew at each request."""
    forget_plans()
    monkeypatch.setattr("app.archive.find.LOOK_S", 0.0)


@pytest.fixture
def source_id(app: Flask) -> int:
    """Return the id of a new source."""
    return add_source(app)


def utc(instant_us: int) -> str:
    return datetime.fromtimestamp(instant_us // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%S") + (
        f".{instant_us % 1_000_000:06d}Z"
    )


def address(source_id: int, begin_us: int, end_us: int, more: str = "", name: str = "video.mp4") -> str:
    return f"/playbackapi/source/{source_id}/{name}?start={utc(begin_us)}&end={utc(end_us)}{more}"
