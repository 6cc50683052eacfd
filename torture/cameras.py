"""The cameras of the torture: small seeded clips, served by one RTSP server that stamps and notes every packet."""

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.media import make_video
from tests.rtsp_player import Sent, SentSession
from tests.rtsp_server import RtspServer

FPS, GOP = 12, 12
GOP_S = GOP / FPS  # ffmpeg begins a fragment at each key frame: so much is lost with it
SMALL, LARGE = (320, 240), (480, 272)
CLIPS: dict[str, dict[str, Any]] = {
    "plain": {"audio": "aac"},
    "b-frames": {"b_frames": 2, "audio": "aac"},
    "hevc": {"codec": "hevc"},
}
SECONDS, BITRATE_BPS = 12, 200_000


@dataclass
class Camera:
    """One camera of the rig; `source_id` once the service knows it."""

    name: str
    server: RtspServer
    source_id: int = 0
    sessions_before: int = 0
    is_large: bool = False

    @property
    def url(self) -> str:
        """The address."""
        return self.server.url(self.name)

    def sessions(self) -> list[SentSession]:
        """Return the sessions since recording was started."""
        return self.server.sessions(self.name)[self.sessions_before :]

    def last_sent(self) -> Sent | None:
        """Return the last picture that went out on the newest connection, None before the first."""
        sessions = self.sessions()
        lines = sessions[-1].sent("video") if sessions else []
        return lines[-1] if lines else None

    def resize(self, *, is_switch: bool) -> None:
        """Send the other size: from now on within each connection, or from the next connection on."""
        self.is_large = not self.is_large
        path = clip_path(self.name, LARGE if self.is_large else SMALL)
        if is_switch:
            self.server.switch(self.name, path)
        else:
            self.server.add(self.name, path)


def clip_path(name: str, size: tuple[int, int]) -> Path:
    """Return a clip's file; make it where it is not there yet."""
    folder = Path(tempfile.gettempdir()) / f"flask-playback-torture-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    width, height = size
    path = folder / f"{name}-{width}x{height}-{SECONDS}s-{FPS}fps.mp4"
    if not path.exists():
        part = path.with_name(f".{os.getpid()}-{path.name}")
        how: dict[str, Any] = {"fps": FPS, "gop": GOP, "width": width, "height": height, "bitrate_bps": BITRATE_BPS}
        make_video(part, seconds=SECONDS, **how, **CLIPS[name])
        part.rename(path)
    return path


def open_cameras(names: list[str]) -> tuple[RtspServer, list[Camera]]:
    """Return a server that is not started yet, and its cameras."""
    server = RtspServer({name: clip_path(name, SMALL) for name in names}, is_stamped=True)
    for name in names:
        clip_path(name, LARGE)
    return server, [Camera(name, server) for name in names]
