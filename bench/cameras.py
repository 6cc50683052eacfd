"""The cameras of the measurements: seeded clips, kept in the temporary folder, served by a process of its own."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import av

from tests.media import make_video
from tests.service import ROOT, Service, wait_for

SEED = 1
CAMERAS = 16


@dataclass(frozen=True, slots=True)
class Clip:
    """What a camera sends, again and again."""

    name: str
    width: int
    height: int
    seconds: int
    bitrate_bps: int
    gop: int = 25
    preset: str = "ultrafast"


# 25 frames a second, a key frame each second, AAC: the camera of the targets.
FULL_HD = Clip("full-hd", 1920, 1080, 20, 3_000_000)
# Longer than what is recorded of it, so that no two of its packets are equal.
# A key frame every two seconds, entropy coding and loop filter as cameras have them: what decoding costs.
STILLS = Clip("stills", 1920, 1080, 20, 4_000_000, gop=50, preset="veryfast")
LONG = Clip("long", 640, 360, 90, 600_000)


def clip_path(clip: Clip) -> Path:
    """Return the clip's file; make it where it is not there yet."""
    folder = Path(tempfile.gettempdir()) / f"flask-playback-bench-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / f"{clip.name}-{clip.width}x{clip.height}-{clip.seconds}s-{clip.bitrate_bps}-{SEED}.mp4"
    if not path.exists():
        part = path.with_suffix(".part.mp4")
        make_video(
            part,
            seconds=clip.seconds,
            fps=25,
            gop=clip.gop,
            width=clip.width,
            height=clip.height,
            audio="aac",
            bitrate_bps=clip.bitrate_bps,
            seed=SEED,
            preset=clip.preset,
        )
        part.rename(path)
    return path


def describe_clip(clip: Clip) -> str:
    """Return size, rate and length of a clip in words."""
    with av.open(str(clip_path(clip))) as container:
        mbit_s = container.bit_rate / 1e6
    rate = f"25 fps, key frame every {clip.gop / 25:g} s, {mbit_s:.2f} Mbit/s"
    return f"{clip.width}x{clip.height}, {rate} with AAC, {clip.seconds} s"


@dataclass(frozen=True, slots=True)
class Cameras:
    """Running cameras, all with the same clip."""

    port: int
    count: int
    process: "subprocess.Popen[str]"

    def urls(self) -> list[str]:
        """Return the address of each."""
        return [f"rtsp://127.0.0.1:{self.port}/cam{number:02d}" for number in range(self.count)]


@contextmanager
def serve(clip: Clip, count: int = CAMERAS, ledger: Path | None = None) -> Iterator[Cameras]:
    """Serve so many cameras from one process; with `ledger` it writes there at its end what it has sent."""
    files = [f"cam{number:02d}={clip_path(clip)}" for number in range(count)]
    options = ["--ledger", str(ledger)] if ledger else []
    command = [sys.executable, "-m", "tests.rtsp_server", *options, *files]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None  # it is a pipe
        try:
            word, port = process.stdout.readline().split()
            assert word == "ready"
            yield Cameras(int(port), count, process)
        finally:
            process.terminate()
            process.wait(30)


def add_cameras(service: Service, cameras: Cameras, group: str) -> list[int]:
    """Make sources of the cameras, in one group, and wait until each has been measured; return their ids."""
    ids = [service.add_source(url) for url in cameras.urls()]
    service.add_group(group, ids)
    wait_for(lambda: all(service.status(number) == "online" for number in ids), "the cameras' measurement", 60, 0.5)
    return ids
