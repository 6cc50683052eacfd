"""Copies that another server of this kind sends to this one (docs/design/sync.md, "Another server of this kind")."""

import json
import logging
import re
from typing import Annotated, Any

from flask import Blueprint, Response, current_app, request
from flask_restx import Namespace, Resource
from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError
from sqlalchemy import select

from app.auth import actor
from app.errors import Invalid
from app.extensions import db
from app.models import ReceivedCopy
from app.personalulti import Name, not_found, path_uuid, read_parameters, read_query, utc_text
from app.playback.delivery import Body, respond
from app.playback.fileparts import FilePart
from app.transfer import receiving
from app.views import PlaybackApi, document
from app.views.documenting import sends_bytes
from app.views.watching import saw
from app.wording import Shape

log = logging.getLogger(__name__)
copies = Blueprint("copies", __name__)
namespace = Namespace("copy", "Recordings that other servers of this kind have copied to this one", path="/")
MAX_DESCRIPTION, MAX_SIZE_BYTES, LIST_LIMIT = 1_048_576, 2**53, 1000
PIECE = re.compile(r"bytes (?P<first>[0-9]{1,16})-(?P<last>[0-9]{1,16})/(?P<total>[0-9]{1,16})")
END = re.compile(r"bytes \*/(?P<total>[0-9]{1,16})")
EXAMPLE = "bytes 0-8388607/73400320"


def _object(value: Any) -> Any:
    """Return the object that JSON text is."""
    if isinstance(value, str):
        try:
            return json.loads(value[: MAX_DESCRIPTION + 1])
        except (ValueError, RecursionError):
            raise PydanticCustomError("json_invalid", "must be a JSON object, or its text") from None
    return value


def _not_large(value: dict[str, Any] | None) -> dict[str, Any] | None:
    try:
        size = len(json.dumps(value, allow_nan=False))
    except (ValueError, RecursionError):
        raise PydanticCustomError("json_invalid", "must be JSON: no infinite numbers, nothing endless") from None
    if size > MAX_DESCRIPTION:
        raise PydanticCustomError("too_long", "must be at most 1 MiB of JSON")
    return value


UUID_SHAPE = Shape("[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", "must be a UUID, as that of a record")
MD5_SHAPE = Shape("[0-9a-fA-F]{32}", "must be an MD5 checksum: 32 hexadecimal digits")
Uuid = Annotated[str, StringConstraints(to_lower=True), UUID_SHAPE]
Md5 = Annotated[str, StringConstraints(to_lower=True), MD5_SHAPE]


class Announce(BaseModel):
    """What a sender says of a copy before it sends it."""

    record_id: Uuid
    tag_name: Name
    size_bytes: Annotated[int, Field(ge=1, le=MAX_SIZE_BYTES)]
    md5: Md5
    description: Annotated[dict[str, Any] | None, BeforeValidator(_object), AfterValidator(_not_large)] = None


class RemoveCopy(BaseModel):
    """The checksum of the copy to be deleted: nobody deletes another than he means."""

    md5: Md5


class CopyQuery(BaseModel):
    """How many copies are listed."""

    limit: Annotated[int, Field(ge=1, le=LIST_LIMIT)] = 100


class CopyObject(BaseModel):
    """A recording of another server. Its id is the record's id there; `completed_utc` is null until it is whole."""

    id: str
    created_utc: str
    record_id: str
    tag_name: str
    description: dict[str, Any] | None
    size_bytes: int
    received_bytes: int
    md5: str
    completed_utc: str | None


@namespace.route("/copy")
class Copies(Resource):
    """All copies."""

    @namespace.doc(description="Recordings that other servers of this kind have sent here.")
    @namespace.param("limit", f"How many, 1 to {LIST_LIMIT}; 100 if left out", type="integer")
    @namespace.response(200, "The copies, the newest first", [document(namespace, CopyObject)])
    def get(self) -> list[dict[str, Any]]:
        """List the copies that this server holds, the newest first."""
        limit = read_query().checked(CopyQuery).limit
        order = (ReceivedCopy.created_us.desc(), ReceivedCopy.id)
        return [_object_of(row) for row in db.session.scalars(select(ReceivedCopy).order_by(*order).limit(limit))]

    @namespace.doc(
        description="For other servers of this kind: says size and checksum, and learns from `received_bytes` where "
        "to go on."
    )
    @namespace.expect(document(namespace, Announce), validate=False)
    @namespace.response(200, "The copy; send it from `received_bytes` on", document(namespace, CopyObject))
    @namespace.response(409, "A whole copy of the record with another checksum is there")
    @namespace.response(507, "The storage has no room for it")
    def post(self) -> dict[str, Any]:
        """Announce a copy before it is sent; repeating it changes nothing."""
        values = read_parameters().checked(Announce)
        description = None if values.description is None else json.dumps(values.description)
        given = receiving.Announced(values.record_id, values.tag_name, values.size_bytes, values.md5, description)
        return _object_of(_known(receiving.announce(current_app.config["PLAYBACK"], given, actor())))


@namespace.route("/copy/<copy_id>/")
@namespace.param("copy_id", "The id of a copy: that of the record at its own server", _in="path")
class OneCopy(Resource):
    """One copy."""

    @namespace.doc(description="`received_bytes` tells how much has come.")
    @namespace.response(200, "The copy", document(namespace, CopyObject))
    def get(self, copy_id: str) -> dict[str, Any]:
        """Get one copy."""
        return _object_of(_known(path_uuid("copy_id", copy_id)))

    @namespace.doc(description="The record at its own server is not touched.")
    @namespace.expect(document(namespace, RemoveCopy), validate=False)
    @namespace.response(200, "The copy that was deleted", document(namespace, CopyObject))
    def delete(self, copy_id: str) -> dict[str, Any]:
        """Delete a copy and its file; its checksum must be given."""
        key = path_uuid("copy_id", copy_id)
        md5 = read_parameters().checked(RemoveCopy).md5
        row = _known(key)
        if row.md5 != md5:
            raise Invalid("this is not the checksum of the copy", loc=("body", "md5"), kind="md5_differs")
        shown = _object_of(row)
        asker = actor()
        db.session.rollback()
        receiving.remove(key, asker)
        log.warning("copy %s (%s, %d bytes) was deleted by %s", key, md5, shown["size_bytes"], asker)
        return shown


@namespace.route("/copy/<copy_id>/file")
@namespace.param("copy_id", "The id of a copy", _in="path")
class CopyFile(Resource):
    """The bytes of a copy as they come."""

    @namespace.doc(
        description="Pieces come in order. The last request, without a body, has the whole checked against its "
        "checksum and put in its place.",
        vendor={"body": "application/octet-stream"},
    )
    @namespace.param("Content-Range", f"`{EXAMPLE}`; `bytes */total` without a body ends the copy", _in="header")
    @namespace.response(200, "What has come now", document(namespace, CopyObject))
    @namespace.response(409, "The piece does not follow what has come, or the whole has another checksum")
    @namespace.response(507, "The storage is full")
    def put(self, copy_id: str) -> dict[str, Any]:
        """Send a piece of a copy as application/octet-stream, or end the copy."""
        key = path_uuid("copy_id", copy_id)
        given = request.headers.get("Content-Range", "")
        if (end := END.fullmatch(given)) is not None:
            receiving.complete(key, int(end["total"]), actor())
        else:
            begin, stop, total = _piece(given)
            receiving.append(current_app.config["PLAYBACK"], key, begin, stop, total, request.stream.read)
        return _object_of(_known(key))


@namespace.route("/copy/<copy_id>/video/")
@namespace.param("copy_id", "The id of a copy", _in="path")
class CopyVideo(Resource):
    """The video of a copy."""

    @namespace.doc(description="Only once it is whole.")
    @sends_bytes(namespace, "video/mp4", "The video")
    @namespace.response(409, "It is not whole yet")
    def get(self, copy_id: str) -> Response:
        """Get the video of a copy, or byte ranges of it."""
        key = path_uuid("copy_id", copy_id)
        row = _known(key)
        size_bytes, md5, completed_us = row.size_bytes, row.md5, row.completed_us
        path = str(receiving.whole_path(key))
        db.session.remove()
        body = Body([FilePart(path, path, 0, size_bytes)])
        response = respond(body, content_type="video/mp4", etag=md5, headers={}, modified_us=completed_us)
        return saw(response, "copy", None, None, subject=key)


def _piece(given: str) -> tuple[int, int, int]:
    """Return [begin, end) of a piece and the size of the whole. Raises Invalid."""
    found = PIECE.fullmatch(given)
    loc = ("header", "Content-Range")
    if found is None:
        raise Invalid(f"Content-Range must be as {EXAMPLE!r}, or 'bytes */total' for the end", loc=loc)
    begin, end, total = int(found["first"]), int(found["last"]) + 1, int(found["total"])
    if not begin < end <= total:
        raise Invalid("Content-Range must name at least one byte, and none behind the total", loc=loc)
    if request.content_length != end - begin:
        message = f"the body must have the {end - begin} bytes that Content-Range names"
        raise Invalid(message, loc=("header", "Content-Length"))
    return begin, end, total


def _known(copy_id: str) -> ReceivedCopy:
    row = db.session.get(ReceivedCopy, copy_id, populate_existing=True)
    if row is None:
        not_found("copy_id", copy_id)
    return row


def _object_of(row: ReceivedCopy) -> dict[str, Any]:
    return {
        "id": row.id,
        "created_utc": utc_text(row.created_us),
        "record_id": row.record_id,
        "tag_name": row.tag_name,
        "description": None if row.description is None else json.loads(row.description),
        "size_bytes": row.size_bytes,
        "received_bytes": row.received_bytes,
        "md5": row.md5,
        "completed_utc": utc_text(row.completed_us),
    }


PlaybackApi(copies).add_namespace(namespace)
