"""Trying a camera before it is stored: its picture, or why there is none. Beyond the contract (docs/api.md)."""

import base64
import hashlib
from typing import Any

from flask import Blueprint, current_app
from flask_restx import Namespace, Resource
from pydantic import BaseModel, Field

from app.archive.auditing import audit
from app.auth import actor, caller, check_source
from app.capture import sources
from app.capture.addresses import HTTP_SCHEMES, RTSP_SCHEMES, parse
from app.capture.camera import Camera
from app.capture.seats import take_seats
from app.capture.trial import Reason, Trial, begin_trial
from app.errors import Forbidden, Invalid
from app.extensions import db, writing
from app.models import Source
from app.personalulti import MAX_ID, read_parameters
from app.views import PlaybackApi, document
from app.views.objects import SourceStatus
from app.views.source import NESTED, SourceChange

sourcetest = Blueprint("sourcetest", __name__)
namespace = Namespace("source", "Cameras and their addresses", path="/")
MOST_OF_ONE, MOST = 2, 4


class TestedSource(SourceChange):
    """A source as it would be added; with `source_id`, as this one would be after the change."""

    __test__ = False

    source_id: int | None = Field(
        None, ge=1, le=MAX_ID, description="The source whose change is tried; left out: a new one", examples=[None]
    )


class TrialObject(BaseModel):
    """What a camera gave. `picture` is a data URL; the others are null where they are not known."""

    status: SourceStatus
    reason: Reason | None = Field(description="Why there is no picture; null where there is", examples=[None])
    detail: str | None = Field(description="The same in words, with the way out", examples=[None])
    picture: str | None = Field(
        description="The picture, up to 1280 pixels wide: a data URL of a JPEG; null where there is none",
        examples=["data:image/jpeg;base64,/9j/4AAQSkZJRg=="],
    )
    codec: str | None
    width: int | None
    height: int | None
    fps: float | None = Field(description="Frames a second", examples=[25.0])
    has_audio: bool | None = Field(description="Whether it offers sound", examples=[True])
    took_s: float = Field(description="How long it took, in seconds", examples=[2.8])


def trial_object(found: Trial) -> dict[str, Any]:
    """Return what a trial has found as it is answered."""
    facts = found.facts
    rate = facts.frame_rate if facts else None
    return {
        "status": found.status,
        "reason": found.reason,
        "detail": found.detail,
        "picture": f"data:image/jpeg;base64,{base64.b64encode(found.picture).decode()}" if found.picture else None,
        "codec": facts.video_codec if facts else None,
        "width": facts.width if facts else None,
        "height": facts.height if facts else None,
        "fps": None if rate is None else round(rate, 3),
        "has_audio": found.has_audio,
        "took_s": round(found.took_s, 3),
    }


def _asked() -> Source:
    """Return the source that is to be tried, in no session. Raises Invalid, NotFound, Forbidden."""
    given = read_parameters(NESTED).checked(TestedSource)
    values = given.model_dump(exclude_unset=True)
    source_id = values.pop("source_id", None)
    stored = None
    if source_id is not None:
        check_source(source_id, "body")
        stored = sources.find(db.session, source_id)
    elif caller().sources is not None:
        raise Forbidden("a new camera is of all cameras, and you may see some of them only", kind="scope")
    model = values.get("model") or (stored.model if stored else None)
    if model is None:
        raise Invalid("give the model, Source or PictureSource", loc=("body", "model"), kind="missing")
    return sources.tried(stored, model, values)


def _place(row: Source) -> str:
    """Return host and port of the address that is tried, for the audit; no user, password or path."""
    schemes, uri = (RTSP_SCHEMES, row.uri_rtsp) if row.model == "Source" else (HTTP_SCHEMES, row.picture_uri)
    if not uri or row.is_unreadable:
        return ""
    address = parse(uri, schemes)
    return f"{address.host}:{address.port}"


@namespace.route("/source/test")
class Test(Resource):
    """A camera that is tried."""

    @namespace.doc(
        description="Nothing of it is stored. With `source_id` it is tried as that source would be after the change: "
        "what is left out keeps its value, and `***` stands for its password while scheme, host, port and user stay "
        "the same. It takes up to 11 s; two of one account, four in all, are tried at once."
    )
    @namespace.expect(document(namespace, TestedSource), validate=False)
    @namespace.response(200, "Its picture, or the reason why there is none", document(namespace, TrialObject))
    @namespace.response(404, "No source has the id that the body names")
    @namespace.response(429, "As many are being tried already; Retry-After says when to ask again")
    def post(self) -> dict[str, Any]:
        """Try a camera: connect to it and get a picture, or the reason why there is none."""
        config, who, asking = current_app.config["PLAYBACK"], actor(), caller()
        row = _asked()
        camera = Camera.of(row)
        db.session.remove()  # nothing of the database is held while a camera is waited for
        mine = hashlib.sha256((asking.account_id or asking.key).encode()).hexdigest()[:16]
        free = take_seats(config.run_path / "trials", {mine: MOST_OF_ONE, "all": MOST}, "cameras are being tried")
        found = begin_trial(config, camera, free).result()
        with writing() as session:
            about = {"model": row.model, "place": _place(row), "status": found.status, "reason": found.reason}
            audit(session, who, "source.test", str(row.id or ""), row.id or None, **about)
        return trial_object(found)


PlaybackApi(sourcetest).add_namespace(namespace)
