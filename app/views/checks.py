"""`/test/img` and `/test/video`: a generated picture with the server's clock, to see that pictures work end to end.

They need no camera, and so serve as a demonstration camera in development (record-api.md, "Checks").
"""

import time
from collections.abc import Iterator
from datetime import UTC, datetime

from flask import Blueprint, Response, render_template, request, url_for

checks = Blueprint("checks", __name__, url_prefix="/test")
WIDTH, HEIGHT = 640, 360
JPEG_QUALITY = 80
FRAME_S = 0.2
PLAIN_S = 5.0
BOUNDARY = "frame"
BARS_BGR = ((192, 192, 192), (0, 192, 192), (192, 192, 0), (0, 192, 0), (192, 0, 192), (0, 0, 192), (192, 0, 0))
STREAMED = "multipart/x-mixed-replace"


@checks.get("/img")
def get_img() -> Response | str:
    """Get the test picture as JPEG, or a page that shows it."""
    if _wants_page("image/jpeg"):
        return render_template("check.html", title="Test picture", image=url_for("checks.get_img"))
    return Response(_picture(), mimetype="image/jpeg", headers={"Cache-Control": "no-store"})


@checks.get("/video")
def get_video() -> Response | str:
    """Get the test picture as mJPEG, or a page that shows it; it ends by itself where nobody asked for a stream."""
    if _wants_page(STREAMED):
        return render_template("check.html", title="Test video", image=url_for("checks.get_video"))
    limit_s = None if _asks_for_stream() else PLAIN_S
    frames = iter(()) if request.method == "HEAD" else _frames(limit_s)
    return Response(frames, content_type=f"{STREAMED}; boundary={BOUNDARY}", headers={"Cache-Control": "no-store"})


def _wants_page(kind: str) -> bool:
    return request.accept_mimetypes.best_match([kind, "text/html"]) == "text/html"


def _asks_for_stream() -> bool:
    return any(kind.lower() in (STREAMED, "image/*") for kind, quality in request.accept_mimetypes if quality > 0)


def _frames(limit_s: float | None) -> Iterator[bytes]:
    """Yield parts of the mJPEG stream until the limit, or until the client is gone."""
    begun_s = time.monotonic()
    while limit_s is None or time.monotonic() - begun_s < limit_s:
        picture = _picture()
        head = f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n"
        yield head.encode("ascii") + picture + b"\r\n"
        time.sleep(FRAME_S)
    yield f"--{BOUNDARY}--\r\n".encode("ascii")


def _picture() -> bytes:
    """Return a JPEG of colour bars, the clock in UTC, and a line that crosses the picture once a second."""
    import cv2  # 30 MB that a web process without viewers of this picture does not need
    import numpy as np

    now_utc = datetime.now(UTC)
    picture = np.empty((HEIGHT, WIDTH, 3), np.uint8)
    for column, colour in enumerate(BARS_BGR):
        picture[:, column * WIDTH // len(BARS_BGR) : (column + 1) * WIDTH // len(BARS_BGR)] = colour
    position = now_utc.microsecond * WIDTH // 1_000_000
    cv2.line(picture, (position, 0), (position, HEIGHT), (255, 255, 255), 3)
    picture[HEIGHT - 110 : HEIGHT - 20] = 0
    font, white = cv2.FONT_HERSHEY_SIMPLEX, (255, 255, 255)
    cv2.putText(
        picture, f"{now_utc:%H:%M:%S}.{now_utc.microsecond // 100_000}", (150, HEIGHT - 60), font, 1.8, white, 3
    )
    cv2.putText(picture, f"{now_utc:%Y-%m-%d} UTC", (230, HEIGHT - 30), font, 0.8, white, 2)
    _, encoded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return encoded.tobytes()
