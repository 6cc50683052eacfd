"""Stills: the picture at an instant, and sheets of thumbnails with their index."""

from collections.abc import Callable
from typing import Any

from flask import Response, request
from flask_restx import Resource

from app.access.finding import carried_token
from app.access.media import with_token
from app.access.window import check_instant
from app.archive.spans import Stretch
from app.formats.webvtt import sheet_index
from app.personalulti import path_integer, path_uuid, read_query, utc_text
from app.playback import requestdata
from app.playback.asked import MAX_INSTANT_US, check_media_length
from app.playback.conditions import Validators, is_unchanged
from app.playback.delivery import Body, respond
from app.playback.sheets import MAX_COUNT, Sheet, SheetParameters, make_sheet, plan_sheet
from app.playback.stills import PictureParameters, RecordPictureParameters, find_still, make_still, picture_etag
from app.views.documenting import sends_bytes, sends_on
from app.views.playbackrange import (
    IMMUTABLE,
    Subject,
    known_record,
    known_source,
    namespace,
    of_record,
    of_source,
    ranged,
    see,
)
from app.views.watching import saw

JPEG, VTT = "image/jpeg", "text/vtt; charset=utf-8"


def _picture(source_id: int, within: Stretch, at_us: int, asked: RecordPictureParameters) -> Response:
    """Return the picture at an instant."""
    check_instant(at_us)
    frame = find_still(source_id, within, at_us, asked.nearest, utc_text)
    etag = picture_etag(frame, asked.width)
    is_known = is_unchanged(request.headers, Validators(etag))
    jpeg = b"" if is_known else make_still(frame, asked.width, utc_text)
    headers = {
        "X-Picture-Utc": utc_text(frame.instant_us) or "",
        "Cache-Control": "private, no-cache" if frame.segment.is_open else IMMUTABLE,
    }
    response = respond(Body([jpeg]), content_type=JPEG, etag=etag, headers=headers)
    return saw(response, "picture", source_id, (frame.instant_us, frame.instant_us + 1))


def _of_sheet(subject: Subject, answer: Callable[[Subject, Sheet], Response], name: str) -> Response:
    """Answer about the sheet of a range; a range that reaches into an open segment is pinned first."""
    check_media_length(subject.asked)
    parameters = read_query().checked(SheetParameters)
    footage, movie = subject.planned()
    if footage.pin is not None and subject.asked.rev is None:
        address = requestdata.sheet_address(footage, subject.asked, subject.path, utc_text, **parameters.model_dump())
        return see(address.replace("/thumbnails?", f"/{name}?", 1))
    return answer(subject, plan_sheet(footage, movie, parameters))


def _sheet(subject: Subject, sheet: Sheet) -> Response:
    """Return the JPEG of a sheet."""
    is_known = is_unchanged(request.headers, Validators(sheet.etag))
    jpeg = b"" if is_known else make_sheet(sheet, utc_text)
    headers = {"Cache-Control": "private, no-cache", "X-Media-Seconds": f"{sheet.movie.duration_s:.6f}"}
    response = respond(Body([jpeg]), content_type=JPEG, etag=sheet.etag, headers=headers)
    return saw(response, "thumbnails", subject.source_id, (subject.asked.begin_us, subject.asked.end_us))


def _index(subject: Subject, sheet: Sheet) -> Response:
    """Return the index of a sheet; it names the sheet by an address that is pinned to the same range."""
    more = {"count": sheet.count, "width": sheet.width}
    address = requestdata.sheet_address(sheet.footage, subject.asked, subject.path, utc_text, **more)
    body = Body([sheet_index(with_token(address, carried_token()), sheet.cells).encode()])
    etag = f"{sheet.etag}-vtt"
    return respond(body, content_type=VTT, etag=etag, headers={"Cache-Control": "private, no-cache"})


def _pictured(resource: Callable[..., Any]) -> Any:
    """Document the parameters and answers of a picture."""
    width = "Of the picture, in pixels; never wider than it was recorded"
    nearest = "exact: the frame shown then; key: the key frame at or before it, which is sooner there"
    resource = namespace.param("width", width, type="integer", minimum=16, maximum=7680)(resource)
    resource = namespace.param("nearest", nearest, enum=["exact", "key"], default="exact", type="string")(resource)
    resource = namespace.response(404, "Nothing was recorded then; before_utc and after_utc name the nearest")(resource)
    resource = namespace.response(503, "Too much is being decoded; Retry-After says when to ask again")(resource)
    return sends_bytes(namespace, JPEG, "The picture; X-Picture-Utc is the instant from which on it is shown")(resource)


def _sheeted(resource: Callable[..., Any]) -> Any:
    """Document the parameters and answers of a sheet and its index."""
    integer: dict[str, Any] = {"type": "integer"}
    resource = namespace.param("count", "Of the thumbnails", **integer, minimum=1, maximum=MAX_COUNT)(resource)
    resource = namespace.param(
        "width", "Of each, in pixels; 160 where left out", **integer, minimum=16, maximum=640, example=160
    )(resource)
    resource = namespace.param("rev", "Given by a redirect: pins what was recorded by then")(resource)
    resource = namespace.response(503, "Too much is being decoded; Retry-After says when to ask again")(resource)
    resource = sends_on(namespace)(resource)
    return namespace.response(404, "No footage in the range; before_utc and after_utc name the nearest")(
        ranged(resource)
    )


@namespace.route("/source/<source_id>/picture.jpg")
@namespace.param("source_id", "The id of a source", _in="path")
class SourcePicture(Resource):
    """A picture of a source."""

    @namespace.doc(
        description="Whatever was recorded then, decoded; X-Picture-Utc tells from when on this frame was shown."
    )
    @namespace.param("at", "ISO 8601 with an offset or Z, or seconds since the epoch", required=True)
    @_pictured
    def get(self, source_id: str) -> Response:
        """Get the picture that a camera showed at an instant."""
        number = path_integer("source_id", source_id)
        asked = read_query().checked(PictureParameters)
        known_source(number)
        return _picture(number, Stretch(0, MAX_INSTANT_US + 1), asked.at, asked)


@namespace.route("/record/<record_id>/picture.jpg")
@namespace.param("record_id", "The id of a record", _in="path")
class RecordPicture(Resource):
    """A picture of a record."""

    @namespace.doc(description="As of a source, within the record.")
    @namespace.response(410, "The file of the record was deleted")
    @namespace.param("at", "ISO 8601 with an offset or Z, or seconds since the epoch; left out: the record's begin")
    @_pictured
    def get(self, record_id: str) -> Response:
        """Get the picture of a recording at an instant."""
        key = path_uuid("record_id", record_id)
        asked = read_query().checked(RecordPictureParameters)
        row = known_record(key)
        within = Stretch(row.begin_us, row.end_us if row.end_us is not None else MAX_INSTANT_US + 1)
        return _picture(row.source_id, within, row.begin_us if asked.at is None else asked.at, asked)


@namespace.route("/source/<source_id>/thumbnails")
@namespace.param("source_id", "The id of a source", _in="path")
class SourceThumbnails(Resource):
    """A sheet of thumbnails of a source."""

    @namespace.doc(
        description="`count` pictures in even steps, left to right and down, with black where there is none. The "
        "index says which is which."
    )
    @sends_bytes(namespace, JPEG, "The sheet; X-Media-Seconds is the media time that its pictures share evenly")
    @_sheeted
    def get(self, source_id: str) -> Response:
        """Get pictures of a range of a camera in even steps, on one sheet."""
        return _of_sheet(of_source(source_id), _sheet, "thumbnails")


@namespace.route("/source/<source_id>/thumbnails.vtt")
@namespace.param("source_id", "The id of a source", _in="path")
class SourceThumbnailIndex(Resource):
    """The index of a sheet of a source."""

    @namespace.doc(description="For players that show a picture while seeking.")
    @sends_bytes(namespace, "text/vtt", "The index")
    @_sheeted
    def get(self, source_id: str) -> Response:
        """Get the WebVTT index of a camera's sheet: which part shows which seconds of the MP4."""
        return _of_sheet(of_source(source_id), _index, "thumbnails.vtt")


@namespace.route("/record/<record_id>/thumbnails")
@namespace.param("record_id", "The id of a record", _in="path")
class RecordThumbnails(Resource):
    """A sheet of thumbnails of a record."""

    @namespace.doc(description="As of a source, within the record.")
    @sends_bytes(namespace, JPEG, "The sheet; X-Media-Seconds is the media time that its pictures share evenly")
    @namespace.response(410, "The file of the record was deleted")
    @_sheeted
    def get(self, record_id: str) -> Response:
        """Get pictures of a recording in even steps, on one sheet."""
        return _of_sheet(of_record(record_id), _sheet, "thumbnails")


@namespace.route("/record/<record_id>/thumbnails.vtt")
@namespace.param("record_id", "The id of a record", _in="path")
class RecordThumbnailIndex(Resource):
    """The index of a sheet of a record."""

    @namespace.doc(description="As of a source, within the record.")
    @sends_bytes(namespace, "text/vtt", "The index")
    @namespace.response(410, "The file of the record was deleted")
    @_sheeted
    def get(self, record_id: str) -> Response:
        """Get the WebVTT index of a recording's sheet."""
        return _of_sheet(of_record(record_id), _index, "thumbnails.vtt")
