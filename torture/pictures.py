"""The picture camera of the torture. The recorder feeds its pictures to ffmpeg itself and encodes them anew.

So the death of the recorder ends their recording until the next one comes (docs/design/capture.md).
"""

from dataclasses import dataclass

from tests.picture_server import PictureServer
from tests.rtsp_player import Sent

SIZE = (320, 240)


@dataclass
class PictureCamera:
    """A camera that is asked for a picture each second; `source_id` once the service knows it."""

    server: PictureServer
    name: str = "pictures"
    source_id: int = 0
    begin_s: float = 0.0

    def served(self) -> list[Sent]:
        """Return what was handed out since recording was started; the RTP time is the picture's number."""
        lines = [Sent(one.sent_s, one.number, one.sha256, is_key=True) for one in self.server.served()]
        return [line for line in lines if line.sent_s >= self.begin_s]


def open_picture_camera() -> PictureCamera:
    """Return a camera whose server is not started yet."""
    return PictureCamera(PictureServer(width=SIZE[0], height=SIZE[1]))
