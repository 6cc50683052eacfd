"""tus 1.0.0 at /files/: resumable uploads (https://tus.io/protocols/resumable-upload); what is told of it in HTTP.

OPTIONS  version, extensions, largest size, checksums
POST     Upload-Length or Upload-Defer-Length, Upload-Metadata, perhaps the first bytes -> 201, Location
HEAD     -> Upload-Offset, Upload-Length
PATCH    Upload-Offset, bytes, perhaps Upload-Checksum -> 204, Upload-Offset
DELETE   -> 204
"""

from collections.abc import Callable, Mapping
from email.utils import formatdate
from typing import Any

from flask import Response, current_app, g, jsonify, request
from werkzeug.exceptions import MethodNotAllowed

from app.archive.handed import find_file
from app.auth import actor
from app.errors import BadHeader, OffsetConflict, PreconditionFailed, TooLarge, UnsupportedBody
from app.extensions import db
from app.formats.filenames import clean_name
from app.formats.tusheaders import ALGORITHMS, VERSION, Checksum, parse_checksum, parse_integer, parse_metadata
from app.models import File
from app.models.types import now_us
from app.tasks import ask_files, ask_rotation
from app.transfer.claiming import Claimed, claim
from app.transfer.completing import complete, give_length
from app.transfer.intake import Intake
from app.transfer.uploading import Announced, announce
from app.transfer.uploadroom import measure_room, most_bytes
from app.views.fileobjects import made_file
from app.views.incoming import Incoming

HEADER = "Tus-Resumable"
CONTENT_TYPE = "application/offset+octet-stream"
EXTENSIONS = "creation,creation-with-upload,creation-defer-length,expiration,checksum,termination"
LONGEST_METADATA = 8000


def is_tus() -> bool:
    """Tell whether the current request speaks tus. Raises PreconditionFailed for another version."""
    version = request.headers.get(HEADER)
    if version is None:
        return False
    if version != VERSION:
        raise PreconditionFailed(f"tus {VERSION} is understood, not {version[:20]!r}", loc=("header", HEADER))
    return True


def overridden(work: Mapping[str, Callable[[str], Any]]) -> Callable[[str], Any]:
    """Return the view of the method that X-HTTP-Method-Override names. Raises MethodNotAllowed."""
    method = request.headers.get("X-HTTP-Method-Override", "").upper()
    if method not in work:
        raise MethodNotAllowed(["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST"])
    return work[method]


def add_headers(response: Response) -> Response:
    """Say in each answer to tus which version it is of, and that it is not to be kept."""
    if HEADER in request.headers or request.method == "OPTIONS":
        response.headers[HEADER] = VERSION
        response.headers["Cache-Control"] = "no-store"
    if "playback_location" in g:
        response.headers["Location"] = g.pop("playback_location")
    if response.status_code == 412:
        response.headers["Tus-Version"] = VERSION
    if response.status_code == 413:
        response.headers["Tus-Max-Size"] = str(current_app.config["PLAYBACK"].UPLOAD_MAX_BYTES)
    return response


def options(allowed: str) -> Response:
    """Tell what of tus is understood."""
    response = Response(status=204)
    response.headers.update(
        {
            "Allow": allowed,
            "Tus-Version": VERSION,
            "Tus-Extension": EXTENSIONS,
            "Tus-Max-Size": str(current_app.config["PLAYBACK"].UPLOAD_MAX_BYTES),
            "Tus-Checksum-Algorithm": ",".join(ALGORITHMS),
        }
    )
    return response


def create() -> Response:
    """Announce an upload; take its first bytes where they come with it."""
    config = current_app.config["PLAYBACK"]
    size_bytes, metadata = _length(), request.headers.get("Upload-Metadata", "")
    values = parse_metadata(metadata)
    if values is None or len(metadata) > LONGEST_METADATA or not metadata.isprintable() or not metadata.isascii():
        raise _bad("Upload-Metadata", f"pairs of a key and base64, at most {LONGEST_METADATA} characters")
    if "Upload-Concat" in request.headers:
        raise _bad("Upload-Concat", "left out: uploads are not joined here")
    has_body = request.mimetype == CONTENT_TYPE
    if not has_body and request.content_length:
        raise _wrong_type()
    name = clean_name(values.get("filename") or values.get("name"))
    given = Announced(name, "tus", actor(), size_bytes, request.content_length or 0, metadata or None)
    checksum = _checksum()
    if size_bytes is not None and has_body and (request.content_length or 0) > size_bytes:
        raise _too_long(size_bytes, 0)
    file_id = announce(config, given, now_us())
    try:
        _take(file_id, 0, has_body=has_body, checksum=checksum)
        row = find_file(db.session, file_id)
        response = jsonify(made_file(row))
        response.status_code = 201
        _tell(response, row, has_offset=has_body)
    finally:
        g.playback_location = f"{request.script_root}/files/{file_id}/"  # also of an error: there it goes on
    return response


def head(file_id: int) -> Response:
    """Tell how much has come; who writes to the upload is asked to let go first, so that it stays so."""
    with claim(file_id):
        pass
    row = find_file(db.session, file_id)
    response = Response(status=200)
    response.headers.pop("Content-Type")  # there is nothing to be of a type
    _tell(response, row, has_offset=True)
    if row.size_bytes is None:
        response.headers["Upload-Defer-Length"] = "1"
    else:
        response.headers["Upload-Length"] = str(row.size_bytes)
    if row.upload_metadata:
        response.headers["Upload-Metadata"] = row.upload_metadata
    return response


def patch(file_id: int) -> Response:
    """Take a piece."""
    if not is_tus():
        raise PreconditionFailed(f"send {HEADER}: {VERSION}", loc=("header", HEADER))
    if request.mimetype != CONTENT_TYPE:
        raise _wrong_type()
    offset = parse_integer(request.headers.get("Upload-Offset"))
    if offset is None:
        raise _bad("Upload-Offset", "a number of bytes")
    length, checksum = _given_length(), _checksum()
    _take(file_id, offset, has_body=True, checksum=checksum, length=length)
    row = find_file(db.session, file_id)
    response = Response(status=204)
    _tell(response, row, has_offset=True)
    return response


def _take(file_id: int, offset: int, *, has_body: bool, checksum: Checksum | None, length: int | None = None) -> None:
    """Take the body of the request behind what has come, and complete the upload where that is all of it."""
    body = Incoming() if has_body else None
    try:
        with claim(file_id, body.wake if body is not None else lambda: None) as claimed:
            received_bytes = _received(file_id) if claimed is None else claimed.received_bytes
            if offset != received_bytes:
                raise OffsetConflict(
                    f"{received_bytes} bytes have come of file {file_id}: the next piece begins there, not at {offset}",
                    received_bytes=received_bytes,
                )
            if length is not None:
                give_length(current_app.config["PLAYBACK"], file_id, length)
                if claimed is not None:
                    claimed.size_bytes = length
            if claimed is not None:
                _receive(claimed, body, checksum)
            elif body is not None and body.read(1):
                raise _too_long(received_bytes, received_bytes)
    finally:
        if body is not None:
            body.close()


def _receive(claimed: Claimed, body: Incoming | None, checksum: Checksum | None) -> None:
    config = current_app.config["PLAYBACK"]
    room, most = measure_room(db.session, config, now_us()), claimed.size_bytes
    if most is None:
        most = most_bytes(db.session, config, claimed.owner, claimed.file_id)
    db.session.rollback()
    if body is not None and body.length is not None and claimed.received_bytes + body.length > most:
        raise _too_long(most, claimed.received_bytes)
    intake = Intake(config, claimed, room, most, checksum)
    if body is not None:
        body.on_idle = intake.save
        intake.receive(body.read, body.check)
    if intake.written_bytes == claimed.size_bytes:
        complete(claimed, intake.digest())
        ask_rotation(claimed.file_id)
        ask_files()


def _received(file_id: int) -> int:
    row = find_file(db.session, file_id)
    received_bytes = row.received_bytes
    db.session.rollback()
    return received_bytes


def _tell(response: Response, row: File, *, has_offset: bool) -> None:
    if has_offset:
        response.headers["Upload-Offset"] = str(row.received_bytes)
    if row.completed_us is None and row.expires_us is not None:
        response.headers["Upload-Expires"] = formatdate(row.expires_us / 1e6, usegmt=True)


def _length() -> int | None:
    """Return the length of a new upload; None where it is said later. Raises BadHeader."""
    length, defers = _given_length(), request.headers.get("Upload-Defer-Length")
    if defers not in (None, "1"):
        raise _bad("Upload-Defer-Length", "1")
    if (length is None) == (defers is None):
        raise BadHeader(
            "an upload has either Upload-Length, or Upload-Defer-Length: 1", loc=("header", "Upload-Length")
        )
    return length


def _given_length() -> int | None:
    text = request.headers.get("Upload-Length")
    length = parse_integer(text)
    if text is not None and length is None:
        raise _bad("Upload-Length", "a number of bytes")
    return length


def _checksum() -> Checksum | None:
    text = request.headers.get("Upload-Checksum")
    if text is None:
        return None
    checksum = parse_checksum(text)
    if checksum is None or not checksum.digest:
        raise _bad("Upload-Checksum", f"an algorithm of {', '.join(ALGORITHMS)}, a space, and the digest in base64")
    return checksum


def _bad(name: str, what: str) -> BadHeader:
    return BadHeader(f"{name} must be {what}", loc=("header", name))


def _wrong_type() -> UnsupportedBody:
    return UnsupportedBody(f"tus sends bytes as {CONTENT_TYPE}")


def _too_long(most: int, received_bytes: int) -> TooLarge:
    return TooLarge(
        f"the body would go beyond the {most} bytes that the file may have: nothing of it is taken, the "
        f"{received_bytes} bytes before stay",
        kind="size_exceeded",
    )
