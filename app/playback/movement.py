"""How much of the picture has moved between two key frames: measured on small grey pictures. Pure functions.

What is compared are pictures of 160 pixels' width, blurred: so noise and the coder's traces are nearly gone. From their
difference its median is taken, which is what the light has done to all of it; moved is what still differs by more than
six deviations of the noise of just these two pictures, in a patch of at least 3 × 3. Measured on footage with and
without movement, noise and changes of light: docs/design/activity.md.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from app.formats.boxes import FormatError

if TYPE_CHECKING:
    from av import VideoFrame

Grey = npt.NDArray[np.uint8]
WIDTH = 160
LOWEST, HIGHEST = 9, 640  # of its height, whatever a stream says of its pixels: they may be 1:65535
BLUR = (5, 5)
LEAST, MOST = 10.0, 40.0  # levels of grey: less is not looked at, more always counts
DEVIATIONS, NORMAL = 6.0, 1.4826  # the median of absolute differences × 1.4826 is a normal deviation
PATCH = np.ones((3, 3), np.uint8)
# Formats whose first plane is the brightness, a byte a pixel.
PLANAR = {"yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p", "yuv440p", "yuvj440p", "nv12", "gray"}


def to_grey(frame: VideoFrame, pixel_aspect: Fraction) -> Grey:
    """Return the small grey picture of a frame. Raises FormatError for pixels that cannot be read."""
    import cv2

    height = round(WIDTH * frame.height / (frame.width * float(pixel_aspect)))
    shape = WIDTH, min(max(height, LOWEST), HIGHEST)
    small = cv2.resize(_brightness(frame), shape, interpolation=cv2.INTER_AREA)
    blurred: Any = cv2.GaussianBlur(small, BLUR, 0)
    return np.asarray(blurred, np.uint8)


def _brightness(frame: VideoFrame) -> Grey:
    """Return the brightness of each pixel, where it can be without copying."""
    import av

    if frame.format.name not in PLANAR:
        try:
            return np.asarray(frame.reformat(format="gray", threads=1).to_ndarray(), np.uint8)
        except av.FFmpegError as error:
            raise FormatError(f"a picture of {frame.format.name} cannot be converted: {error.strerror}") from error
    plane = frame.planes[0]
    pixels = np.frombuffer(memoryview(plane), np.uint8, plane.line_size * frame.height)
    return pixels.reshape(frame.height, plane.line_size)[:, : frame.width]


def score(before: Grey, after: Grey) -> float:
    """Return the share of the picture that moved, 0 to 1; all of it where the pictures have not one shape."""
    import cv2

    if before.shape != after.shape:
        return 1.0
    change = after.astype(np.float32) - before
    change -= np.median(change)
    size = np.abs(change)
    least = min(max(LEAST, DEVIATIONS * NORMAL * float(np.median(size))), MOST)
    moved: Any = cv2.morphologyEx((size > least).astype(np.uint8), cv2.MORPH_OPEN, PATCH)
    return float(np.mean(moved))
