"""The file of a recording: its bytes as one MP4, deleting it, and what was deleted (record-api.md, "Recording").

A recording that still grows is answered with what there is now, and names in `Content-Location` the address under
which exactly these bytes stay. Only the media element of a browser is sent there: it asks for one address in many
ranges, which would not fit together, while plain clients of an API do not follow redirects.
"""

import logging
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, current_app, request, url_for
from flask_restx import Namespace, Resource
from pydantic import BaseModel, ConfigDict
from sqlalchemy.exc import OperationalError

from app.archive.deletion import Act, delete_record
from app.archive.unlinking import remove_playlist, unlink_doomed
from app.auth import actor
from app.extensions import db, writing
from app.models import Record
from app.models.types import now_us
from app.personalulti import Description, path_uuid, read_parameters, read_query, utc_text
from app.playback.asked import Instant
from app.playback.delivery import Body, respond
from app.playback.plans import forget_plans, on_loss
from app.playback.recordfilm import Span, plan_film, plan_pinned
from app.tasks import ask_deleted
from app.views import PlaybackApi, document
from app.views.documenting import sends_bytes, sends_on
from app.views.objects import RecordObject, record_objects
from app.views.playbackrange import known_record, see
from app.views.watching import sending

log = logging.getLogger(__name__)

recordfile = Blueprint("recordfile", __name__)
namespace = Namespace("record file", "The files of recordings", path="/")
MP4 = "video/mp4"
UNLINKED_AT_ONCE = 2000  # files; of more, the worker removes the rest
MEDIA_ELEMENTS = ("video", "audio")


class Pin(BaseModel):
    """What the address of a state of a growing recording carries; given out by us."""

    model_config = ConfigDict(extra="ignore")

    rev: str | None = None
    end: Instant | None = None


@namespace.route("/record/<record_id>/video/", endpoint="record_video")
@namespace.param("record_id", "The id of a record", _in="path")
class WholeRecord(Resource):
    """A recording as one file."""

    @namespace.doc(
        description="One seekable film of exactly its footage, while `location` lists whole files and may show seconds "
        "before and after. While it records, Content-Location is the address that pins what there is, so that later "
        "ranges fit. Right after a stop the last seconds are still being closed: as long as `hash_md5` is null the "
        "film may grow; the list at `location` gets its EXT-X-ENDLIST once the last file is closed."
    )
    @namespace.param("rev", "Given by Content-Location: pins what was recorded by then", _in="query")
    @namespace.param("end", "Given with rev", _in="query")
    @namespace.param("Range", "As bytes=0-499; the unit may be left out", _in="header")
    @sends_bytes(namespace, MP4, "The recording")
    @sends_on(namespace)
    @namespace.response(404, "There is no such record, or it has no footage")
    @namespace.response(410, "Its file was deleted")
    def get(self, record_id: str) -> Response:
        """Get the recording as one MP4, also while it records."""
        return _video(record_id)

    @namespace.hide
    def head(self, record_id: str) -> Response:
        """Tell size and ETag of the recording."""
        return _video(record_id)


def _video(record_id: str) -> Response:
    """Return the film of a record: 200, 206, 304, 412, 416, or 307 to its pinned address."""
    key = path_uuid("record_id", record_id)
    pin = read_query().checked(Pin)
    row = known_record(key)
    span = Span(row.source_id, row.begin_us, row.end_us)
    if pin.rev is None:
        film = plan_film(span, now_us(), utc_text)
    else:
        film = plan_pinned(span, pin.end, pin.rev, now_us(), utc_text)
    headers = {"Cache-Control": "private, no-cache"}
    if film.pin is not None:
        query = urlencode({"rev": film.pin, "end": utc_text(film.end_us)}, safe=":")
        pinned = f"{url_for('recordfile.record_video', record_id=key)}?{query}"
        headers["Vary"] = "Sec-Fetch-Dest"
        if request.headers.get("Sec-Fetch-Dest") in MEDIA_ELEMENTS:
            redirect = see(pinned)
            redirect.headers["Vary"] = headers["Vary"]
            return redirect
        headers["Content-Location"] = pinned
    db.session.remove()
    return respond(
        Body(
            film.movie.parts,
            current_app.config["PLAYBACK"].READ_AHEAD_BYTES,
            on_loss(span.source_id),
            sending("video", span.source_id, (span.begin_us, film.end_us)),
        ),
        content_type=MP4,
        etag=film.movie.etag,
        headers=headers,
        modified_us=film.movie.modified_us,
        is_unit_optional=True,
    )


class FileToDelete(BaseModel):
    """Which file; `location` is that of the record, to the byte."""

    location: str
    reason: Description | None = None


@namespace.route("/record/<record_id>/file/")
@namespace.param("record_id", "The id of a record", _in="path")
class RecordFile(Resource):
    """The file of a recording."""

    @namespace.doc(
        description="The record stays, with the status `deleted`; its `/video/` is then 410. Whole files go, of 60 s "
        "by default: one that another recording holds a part of stays whole, until that recording goes too. The "
        "deletion is written down with who and why. While a pin protects any of these files, nothing is deleted: the "
        "answer is 409 `pinned`, with `pin_id`."
    )
    @namespace.expect(document(namespace, FileToDelete), validate=False)
    @namespace.param("location", "The location of the record; may also stand in the body", _in="query")
    @namespace.param("reason", "Why, in words: kept with the deletion", _in="query")
    @namespace.response(200, "The record, deleted", document(namespace, RecordObject))
    @namespace.response(409, "It is recording, or a part of it is pinned")
    @namespace.response(410, "It was deleted already")
    @namespace.response(422, "The location is another, or missing")
    def delete(self, record_id: str) -> dict[str, Any]:
        """Delete the file of a recording; files that another one holds a part of stay."""
        key = path_uuid("record_id", record_id)
        parameters = read_parameters()
        values = parameters.checked(FileToDelete)
        act = Act(actor(), reason=values.reason)
        place = parameters.places.get("location", "body")
        begun_us = now_us()
        with writing() as session:
            delete_record(session, key, values.location, act, loc=(place, "location"))
        forget_plans()
        _remove_now(key, begun_us)
        ask_deleted()
        row = db.session.get(Record, key)
        assert row is not None  # records are never removed
        return record_objects(db.session, [row])[0]


def _remove_now(record_id: str, begun_us: int) -> None:
    """Remove the files of what was deleted; a database that is too busy for it leaves them to the worker."""
    try:
        unlink_doomed(UNLINKED_AT_ONCE, begun_us)
    except OperationalError as error:
        db.session.rollback()
        log.warning("files of record %s are removed by the worker: %s", record_id, type(error.orig).__name__)
    remove_playlist(current_app.config["PLAYBACK"].storage_path, record_id)


PlaybackApi(recordfile).add_namespace(namespace)
