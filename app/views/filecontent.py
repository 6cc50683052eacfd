"""The bytes of a handed file for who is signed in and may see it: `GET /files/ID/content` (docs/transfer.md).

No download by a key: it needs none, ends no rotation, takes no place and is counted nowhere but in the audit. What a
stranger filled is shown as what its first bytes say, and that only where it is film, sound or picture; anything else
is an attachment of no type, and none of it is ever a page of ours.
"""

import os

from flask import Blueprint, Response
from flask_restx import Namespace, Resource
from pydantic import BaseModel, Field

from app.access.headers import STRANGE_POLICY
from app.archive.handed import find_file
from app.errors import Conflict
from app.extensions import db
from app.formats.filenames import attachment, inline
from app.models import File
from app.models.file import FOOTAGE
from app.personalulti import read_query
from app.playback.delivery import Body, respond
from app.playback.fileparts import FilePart
from app.transfer.filetypes import HEAD_BYTES, type_of
from app.views import PlaybackApi
from app.views.documenting import sends_bytes
from app.views.downloadbody import ANY_TYPE, Upload, describe_upload
from app.views.footagebody import footage_body
from app.views.listing import query_parameters
from app.views.watching import DOWNLOAD, WATCH, saw, sending

filecontent = Blueprint("filecontent", __name__)
namespace = Namespace("file content", "The bytes of a handed file, for who is signed in", path="/")
FILMS = {"mp4", "webm", "quicktime", "x-matroska", "mpeg", "x-msvideo", "mp2t", "3gpp", "ogg"}
SOUNDS = {"mp4", "mpeg", "ogg", "wav", "x-wav", "wave", "flac", "x-flac", "aac", "webm"}
PICTURES = {"png", "jpeg", "gif", "webp", "avif", "bmp"}
# What a browser may show; SVG, which is a page with scripts, is no picture here.
SHOWN_TYPES = {
    "application/ogg",
    *(f"video/{one}" for one in FILMS),
    *(f"audio/{one}" for one in SOUNDS),
    *(f"image/{one}" for one in PICTURES),
}


class ContentQuery(BaseModel):
    """As what the bytes come."""

    download: bool = Field(False, description="Send an attachment, also of what a browser can show", examples=[False])


@namespace.route("/files/<index:file_id>/content")
@namespace.param("file_id", "The id of a file", _in="path", type="integer")
class FileContent(Resource):
    """The bytes of a file."""

    @namespace.doc(
        description="Needs no download key and counts as no download by one: it is for people who look at a file "
        "where they may see it. A film, sound or picture comes with the type that its first bytes tell, anything "
        "else as an attachment. Of recorded footage it is the MP4 of the span."
    )
    @query_parameters(namespace, ContentQuery)
    @namespace.produces(sorted({ANY_TYPE, *SHOWN_TYPES}))
    @sends_bytes(namespace, ANY_TYPE, "The file")
    @namespace.response(404, "There is no such file, or nothing is left of its footage")
    @namespace.response(409, "The file is not complete yet: `not_complete`")
    @namespace.response(410, "The file was deleted")
    @namespace.response(503, "Its storage is not there, or the file is not what was stored")
    def get(self, file_id: int) -> Response:
        """Get the bytes of a file, or a range of them."""
        return _content(file_id)

    @namespace.hide
    def head(self, file_id: int) -> Response:
        """Tell size, type and ETag of a file."""
        return _content(file_id)


def _content(file_id: int) -> Response:
    """Return the bytes of a file. Raises NotFound, Deleted, Conflict, StorageUnusable."""
    is_download = read_query().checked(ContentQuery).download
    row = find_file(db.session, file_id)
    if row.completed_us is None:
        message = f"{row.received_bytes} bytes have come of file {file_id}: it can be looked at when it is complete"
        raise Conflict(message, loc=("path", "file_id"), kind="not_complete")
    response = (_footage if row.kind == FOOTAGE else _upload)(row, is_download)
    response.headers["Content-Security-Policy"] = STRANGE_POLICY
    return response


def _named(name: str, is_shown: bool) -> str:
    return inline(name) if is_shown else attachment(name)


def _footage(row: File, is_download: bool) -> Response:
    """Return the film of a span of footage; what is sent of it is watched as the camera's."""
    name = row.name
    assert row.source_id is not None  # of footage: a constraint of the table
    assert row.begin_us is not None
    assert row.end_us is not None
    note = sending("file", row.source_id, (row.begin_us, row.end_us))
    response = footage_body(row, on_file=note)
    response.headers["Content-Disposition"] = _named(name, not is_download)
    return response


def _upload(row: File, is_download: bool) -> Response:
    """Return the bytes of an uploaded file."""
    name, etag, modified_us = row.name, row.sha256 or f"file-{row.id}", row.completed_us
    upload = describe_upload(db.session, row)
    db.session.remove()
    kind = _type_of(upload)
    is_shown = kind in SHOWN_TYPES and not is_download
    headers = {"Cache-Control": "private, no-cache", "Content-Disposition": _named(name, is_shown)}
    path = str(upload.path)
    response = respond(
        Body([FilePart(path, path, 0, upload.size_bytes)]),
        content_type=kind if kind in SHOWN_TYPES else ANY_TYPE,
        etag=etag,
        headers=headers,
        modified_us=modified_us,
    )
    return saw(response, "file", None, None, action=WATCH if is_shown else DOWNLOAD, subject=str(upload.id))


def _type_of(upload: Upload) -> str:
    """Return the media type that the first bytes tell. Raises StorageUnusable."""
    with upload.open() as file:
        return type_of(os.pread(file.fileno(), HEAD_BYTES, 0))


PlaybackApi(filecontent).add_namespace(namespace)
