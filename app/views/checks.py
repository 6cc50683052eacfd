"""`/test/img` and `/test/video`: a generated picture with the server's clock, to see that pictures work end to end.

They need no camera, and so serve as a demonstration camera in development (record-api.md, "Checks"). A picture that
was just drawn serves all who ask in its process.
"""

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime

from flask import Blueprint, Response, make_response, render_template, request, url_for
from flask_restx import Namespace, Resource

from app.access.headers import page_policy
from app.views import PlaybackApi
from app.views.multipart import STREAMED, bare_stream, stream, take_seat

checks = Blueprint("checks", __name__, url_prefix="/test")
namespace = Namespace("checks", "Do pictures work end to end", path="/")
WIDTH, HEIGHT = 640, 360
JPEG_QUALITY = 80
FRAME_S = 0.2
DRAWN_FOR_S = 0.03
PLAIN_S = 5.0
BARS_BGR = ((192, 192, 192), (0, 192, 192), (192, 192, 0), (0, 192, 0), (192, 0, 192), (0, 0, 192), (192, 0, 0))
PAGE_HEADERS = {"Content-Security-Policy": page_policy(form_action="'none'"), "Vary": "Accept"}


@namespace.route("/img", endpoint="img")
class Picture(Resource):
    """The test picture."""

    @namespace.doc(
        description="Needs no camera. A page that shows it is answered where text/html is preferred. Serves as a "
        "demonstration camera."
    )
    @namespace.produces(["image/jpeg", "text/html"])
    @namespace.response(200, "The picture, or a page that shows it")
    def get(self) -> Response:
        """Get a generated picture with the server's clock."""
        if _wants_page("image/jpeg"):
            return _page("Test picture", "checks.img")
        return Response(shared_picture(DRAWN_FOR_S), mimetype="image/jpeg", headers={"Cache-Control": "no-store"})


@namespace.route("/video", endpoint="video")
class Video(Resource):
    """The test picture as a stream."""

    @namespace.doc(
        description="Endless only where Accept names multipart/x-mixed-replace or image/*; any other client gets 5 "
        "s of it."
    )
    @namespace.produces([STREAMED, "text/html"])
    @namespace.response(200, "The stream, or a page that shows it")
    @namespace.response(503, "Too many streams are being watched; Retry-After says when to ask again")
    def get(self) -> Response:
        """Get the picture as mJPEG, without end where Accept names the stream; else for 5 s."""
        if _wants_page(STREAMED):
            return _page("Test video", "checks.video")
        if request.method == "HEAD":
            return bare_stream(iter(()))
        return stream(_frames(None if _asks_for_stream() else PLAIN_S), take_seat())


def _page(title: str, endpoint: str) -> Response:
    response = make_response(render_template("check.html", title=title, image=url_for(endpoint, shown="page")))
    response.headers.update(PAGE_HEADERS)
    return response


def _wants_page(kind: str) -> bool:
    """Tell whether the client would rather have a page than the picture or stream."""
    accepted = request.accept_mimetypes
    named = max((quality for name, quality in accepted if name.lower() == "image/*"), default=0)
    return bool(accepted.quality("text/html") > max(accepted.quality(kind), named))


def _asks_for_stream() -> bool:
    """Tell whether the client names the stream, or an image of any kind, or is our page: browsers differ in Accept."""
    if any(kind.lower() in (STREAMED, "image/*") for kind, quality in request.accept_mimetypes if quality > 0):
        return True
    return request.args.get("shown") == "page"  # browsers differ in what they accept


def _frames(limit_s: float | None) -> Iterator[tuple[bytes, dict[str, str]]]:
    """Yield pictures, five a second, until the limit."""
    begun_s = time.monotonic()
    while limit_s is None or time.monotonic() - begun_s < limit_s:
        yield shared_picture(FRAME_S), {}
        time.sleep(FRAME_S)


class _Drawn:
    """The picture that this process has drawn last."""

    lock = threading.Lock()
    at_s = float("-inf")
    jpeg = b""


def shared_picture(for_s: float) -> bytes:
    """Return a picture that was drawn less than for_s ago."""
    with _Drawn.lock:
        if time.monotonic() - _Drawn.at_s >= for_s:
            _Drawn.jpeg = draw_picture()
            _Drawn.at_s = time.monotonic()
        return _Drawn.jpeg


def draw_picture() -> bytes:
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


PlaybackApi(checks).add_namespace(namespace)
