"""What a camera shows now: a still picture, and an mJPEG stream (record-api.md, "Sources")."""

import threading
from collections.abc import Callable, Generator
from typing import Annotated

from flask import Blueprint, Flask, Response, current_app, request
from flask.globals import app_ctx
from flask_restx import Namespace, Resource
from pydantic import BaseModel, ConfigDict, Field

from app.access.renewing import StillMay
from app.archive.shots import Shot
from app.auth import caller
from app.capture.watching import Hub, Viewer
from app.errors import CameraSilent
from app.extensions import db
from app.personalulti import path_integer, read_query, utc_text
from app.views import PlaybackApi
from app.views.livesources import LIMIT_S, LiveCamera, LiveSource
from app.views.multipart import STREAMED, bare_stream, is_ending, stream, take_seat
from app.views.watching import living

live = Blueprint("live", __name__)
namespace = Namespace("live", "What a camera shows now", path="/")
LOC = ("path", "source_id")
PICTURE_DELAY_S = 1.0
LOOK_S = 1.0  # how soon a stream in which nothing happens notices that its client is gone


class VideoParameters(BaseModel):
    """How often a picture is sent."""

    model_config = ConfigDict(extra="ignore")

    delay: Annotated[float, Field(ge=0, le=60, allow_inf_nan=False)] = 1.0


def begin(app: Flask) -> None:
    """Prepare what the viewers of this process share; nothing is started."""
    config = app.config["PLAYBACK"]
    app.extensions["playback_live_streams"] = threading.BoundedSemaphore(config.LIVE_STREAMS)
    app.extensions["playback_hub"] = Hub(config.run_path / "live", is_ending)


def _watched(source_id: str) -> LiveCamera:
    """Return the camera. Raises Invalid, NotFound."""
    return LiveCamera.load(path_integer("source_id", source_id))


def _join(camera: LiveCamera, delay_s: float) -> tuple[Viewer, Shot]:
    """Watch a camera; return the viewer and its first picture. Raises CameraSilent, Busy."""
    hub: Hub = current_app.extensions["playback_hub"]
    app = app_ctx.app
    db.session.remove()
    try:
        viewer = hub.join(camera.source_id, camera, LiveSource(app, camera).shots, delay_s)
    except CameraSilent as error:
        raise CameraSilent(error.message, loc=LOC, **error.extra) from None
    try:
        shot = viewer.next(LIMIT_S)
        if shot is None:
            raise CameraSilent("the camera sent no picture in time: check its address and that it sends video")
    except CameraSilent as error:
        viewer.leave()
        raise CameraSilent(error.message, loc=LOC, **error.extra) from None
    except BaseException:
        viewer.leave()
        raise
    return viewer, shot


@namespace.route("/source/<source_id>/picture")
@namespace.param("source_id", "The id of a source", _in="path", type="integer")
class LivePicture(Resource):
    """A still picture."""

    @namespace.doc(
        description="From its picture address where it has one, else from its stream or its newest recorded key frame."
    )
    @namespace.produces(["image/jpeg"])
    @namespace.response(200, "The picture; X-Picture-Utc is the instant that it shows")
    @namespace.response(503, "Too many streams are being watched; Retry-After says when to ask again")
    @namespace.response(504, "The camera gives nothing; the message says why, and the way out")
    def get(self, source_id: str) -> Response:
        """Get a picture of what a camera shows now."""
        camera = _watched(source_id)
        seat = take_seat()
        try:
            viewer, (jpeg, taken_us) = _join(camera, PICTURE_DELAY_S)
            viewer.leave()
        finally:
            seat.release()
        headers = {"Cache-Control": "no-store", "X-Picture-Utc": utc_text(taken_us) or ""}
        living(camera.source_id, "picture")()
        return Response(jpeg, mimetype="image/jpeg", headers=headers)


@namespace.route("/source/<source_id>/video")
@namespace.param("source_id", "The id of a source", _in="path", type="integer")
class LiveVideo(Resource):
    """An mJPEG stream."""

    @namespace.doc(description="Endless. One grabber serves all viewers of a camera and stops with the last of them.")
    @namespace.param("delay", "Seconds between frames, 0 to 60; 0: every new frame, at most 25 a second", type="number")
    @namespace.produces([STREAMED])
    @namespace.response(200, "The stream; X-Picture-Utc of each part is the instant that it shows")
    @namespace.response(503, "Too many streams are being watched; Retry-After says when to ask again")
    @namespace.response(504, "The camera gives nothing; the message says why, and the way out")
    def get(self, source_id: str) -> Response:
        """Watch a camera as mJPEG."""
        parameters = read_query().checked(VideoParameters)
        camera = _watched(source_id)
        if request.method == "HEAD":
            return bare_stream(iter(()))
        seat = take_seat()
        try:
            viewer, first = _join(camera, parameters.delay)
        except BaseException:
            seat.release()
            raise
        app = app_ctx.app  # it outlives the request
        still_sees = StillMay(app, caller(), lambda who: who.has_role("viewer") and who.may_see(camera.source_id))
        response = stream(_pictures(viewer, first, living(camera.source_id, "video"), still_sees), seat)
        response.call_on_close(viewer.leave)
        return response


def _pictures(
    viewer: Viewer, first: Shot, note: Callable[[], None], still_sees: StillMay
) -> Generator[tuple[bytes, dict[str, str]] | None, None, None]:
    """Yield the first picture and those that follow; None now and then where none comes.

    Ends where who watches may no longer see the camera.
    """
    shot: Shot | None = first
    try:
        while still_sees():
            if shot is not None:
                note()
            yield None if shot is None else (shot[0], {"X-Picture-Utc": utc_text(shot[1]) or ""})
            shot = viewer.next(LOOK_S)
    finally:
        viewer.leave()


PlaybackApi(live).add_namespace(namespace)
