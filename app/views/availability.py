"""Whether a camera is there and what it sends: what is measured beside the SOURCE of the contract."""

from typing import Any

from flask import Blueprint
from flask_restx import Namespace, Resource
from pydantic import BaseModel

from app.archive.runs import newest_offset_s
from app.capture import sources
from app.capture.prober import ask_again
from app.extensions import db, writing
from app.models import Source
from app.models.types import now_us
from app.personalulti import path_integer, utc_text
from app.tasks import ask_probe
from app.views import PlaybackApi, document
from app.views.objects import SourceStatus, shown_status

availability = Blueprint("availability", __name__)
namespace = Namespace("source", "Cameras and their addresses", path="/")


class MeasuredVideo(BaseModel):
    """The video that a camera sends: the codec in words of RFC 6381, pixels, frames a second."""

    codec: str
    width: int | None
    height: int | None
    frame_rate: float | None


class MeasuredAudio(BaseModel):
    """The audio that a camera sends, before it is transcoded."""

    codec: str
    rate_hz: int | None
    channels: int | None


class StatusObject(BaseModel):
    """A camera's availability; video and audio are null where they were never measured, or there is none."""

    status: SourceStatus
    detail: str | None
    measured_utc: str | None
    video: MeasuredVideo | None
    audio: MeasuredAudio | None
    is_recording: bool
    clock_offset_s: float | None


answer = document(namespace, StatusObject)


def _status_object(row: Source) -> dict[str, Any]:
    word, detail = shown_status(row)
    video = {"codec": row.video_codec, "width": row.width, "height": row.height, "frame_rate": row.frame_rate}
    audio = {"codec": row.audio_codec, "rate_hz": row.audio_rate_hz, "channels": row.audio_channels}
    return {
        "status": word,
        "detail": detail,
        "measured_utc": utc_text(row.status_us),
        "video": video if row.video_codec else None,
        "audio": audio if row.audio_codec else None,
        "is_recording": row.status == "online" and sources.is_held(db.session, row.id, now_us()),
        "clock_offset_s": newest_offset_s(db.session, row.id),
    }


@namespace.route("/source/<source_id>/status")
@namespace.param("source_id", "The id of a source", _in="path", type="integer")
class Availability(Resource):
    """The measured availability of one camera."""

    @namespace.doc(description="Measured in the background; `detail` says why a camera is not there.")
    @namespace.response(200, "What was measured last", answer)
    def get(self, source_id: str) -> dict[str, Any]:
        """Tell whether a source is there, what it sends and why it does not."""
        return _status_object(sources.find(db.session, path_integer("source_id", source_id)))

    @namespace.doc(description="Does not wait: ask for the status again after a moment.")
    @namespace.response(202, "It is measured now; this was measured last", answer)
    def post(self, source_id: str) -> tuple[dict[str, Any], int]:
        """Have a source measured now; its recording measures one that records."""
        row_id = path_integer("source_id", source_id)
        with writing() as session:
            row = sources.find(session, row_id)
            is_asked = ask_again(row, now_us())
            found = _status_object(row)
        if is_asked:
            ask_probe(row_id)
        return found, 202


PlaybackApi(availability).add_namespace(namespace)
