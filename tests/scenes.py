"""Still scenes in which something moves for a while, as a fixed camera sees them: for what looks for movement."""

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

FPS, WIDTH, HEIGHT = 4, 320, 180
Picture = NDArray[np.float64]
Change = Callable[[Picture, float], Picture]


def make_scene(
    path: Path,
    seconds: int,
    *,
    moving_s: tuple[float, float] = (0, 0),
    noise: float = 6,
    change: Change | None = None,
    gop_s: int = 1,
    codec: str = "libx264",
) -> Path:
    """Write a still scene with a key frame every `gop_s` seconds, in which a square moves from one second to another.

    It is there before and after. `noise` is the deviation of each pixel; `change` may alter each picture, given its
    second.
    """
    rng = np.random.default_rng(1)
    scene = np.kron(rng.integers(50, 190, (HEIGHT // 20, WIDTH // 20)), np.ones((20, 20)))
    with av.open(str(path), "w") as container:
        video = container.add_stream(codec, rate=FPS)
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        gop = gop_s * FPS
        video.codec_context.gop_size, video.codec_context.thread_count = gop, 1
        keys = f"keyint={gop}:min-keyint={gop}:scenecut=0:bframes=0"
        more = {"x265-params": f"{keys}:pools=1:log-level=error"} if codec == "libx265" else {"x264-params": keys}
        video.options = {"preset": "ultrafast", "crf": "26", **more}
        for number in range(seconds * FPS):
            picture = scene.copy()
            _draw_square(picture, min(max(number / FPS, moving_s[0]), moving_s[1]) - moving_s[0])
            picture = change(picture, number / FPS) if change else picture
            picture = np.clip(picture + rng.normal(0, noise, picture.shape), 0, 255).astype(np.uint8)
            planes = np.vstack((picture, np.full((HEIGHT // 2, WIDTH), 128, np.uint8)))
            frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
            frame.pts = number
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
    return path


def _draw_square(picture: Picture, moved_s: float) -> None:
    left = 20 + round(moved_s * 12) % (WIDTH - 60)
    picture[80:104, left : left + 24] = 245
