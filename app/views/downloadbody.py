"""What a download key is answered with: headers and range of an uploaded file (RFC 9110 §13, §14).

Its entity tag is the file's SHA-256, whichever key is used: what was begun under one key goes on under the next.
"""

import io
import logging
import os
from dataclasses import dataclass
from pathlib import Path

from flask import Response, request
from sqlalchemy import select
from werkzeug.exceptions import RequestedRangeNotSatisfiable

from app.archive import places
from app.errors import StorageUnusable
from app.extensions import AnySession
from app.formats.filenames import attachment
from app.models import Cinema, File, Storage
from app.playback.byteranges import ByteRange, Unsatisfiable, parse_ranges
from app.playback.conditions import Validators, is_same_for_ranges

log = logging.getLogger(__name__)

ANY_TYPE = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Upload:
    """An uploaded file, as far as its answer needs it."""

    id: int
    path: Path
    size_bytes: int
    has: Validators
    media_type: str
    headers: dict[str, str]

    def open(self) -> io.FileIO:
        """Open the file. Raises StorageUnusable where it is not there, or is not what was stored."""
        try:
            file = io.FileIO(os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW))
        except OSError as error:
            log.error("file %d cannot be read: %s", self.id, error.strerror)
            raise StorageUnusable(f"file {self.id} cannot be read now: {error.strerror}") from error
        if os.fstat(file.fileno()).st_size != self.size_bytes:
            file.close()
            log.error("file %d has another size than was stored", self.id)
            raise StorageUnusable(f"file {self.id} has another size than was stored")
        return file


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be sent of a body: all of it, or one range."""

    range: ByteRange
    is_part: bool


def describe_upload(session: AnySession, row: File) -> Upload:
    """Read what the answer needs of a complete file. Raises StorageUnusable where its storage is not mounted."""
    root = session.scalar(select(Storage.path).where(Storage.id == row.storage_id))
    if not root or row.size_bytes is None:
        raise StorageUnusable(f"the storage that holds file {row.id} is not mounted")
    has = Validators(row.sha256 or f"file-{row.id}")
    headers = {
        **has.headers,
        "Accept-Ranges": "bytes",
        **naming_headers(session, row),
    }
    path = places.file_path(Path(root), row.id, is_whole=True)
    return Upload(row.id, path, row.size_bytes, has, row.media_type or ANY_TYPE, headers)


def naming_headers(session: AnySession, row: File) -> dict[str, str]:
    """Return the headers that say what is downloaded: its name, its lasting reference, and for whom it is meant."""
    audience = session.scalar(select(Cinema.target_audience).where(Cinema.file_id == row.id))
    return {
        "Content-Disposition": attachment(row.name),
        "X-Refer-Key": row.refer,
        "X-File-Target-Audience": audience or "----",
    }


def wanted_of(upload: Upload) -> Wanted:
    """Return what the current request asks for; of several ranges everything. Raises RequestedRangeNotSatisfiable."""
    whole = Wanted(ByteRange(0, upload.size_bytes), False)
    if request.method == "HEAD" or not is_same_for_ranges(request.headers, upload.has):
        return whole
    try:
        ranges = parse_ranges(request.headers.get("Range"), upload.size_bytes)
    except Unsatisfiable:
        message = f"no range lies within the {upload.size_bytes} bytes of the file"
        raise RequestedRangeNotSatisfiable(upload.size_bytes, description=message) from None
    return Wanted(ranges[0], True) if len(ranges) == 1 else whole


def answer(upload: Upload, wanted: Wanted) -> Response:
    """Return 200 or 206 without its content."""
    headers = {**upload.headers, "Content-Length": str(wanted.range.size_bytes)}
    if wanted.is_part:
        headers["Content-Range"] = f"bytes {wanted.range.begin}-{wanted.range.end - 1}/{upload.size_bytes}"
    return Response((), 206 if wanted.is_part else 200, headers, content_type=upload.media_type)
