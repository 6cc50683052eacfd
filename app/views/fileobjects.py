"""FILE: what is answered about a handed file; and what names one where it is made or used."""

from typing import Any, Literal

from pydantic import BaseModel

from app.models import File
from app.personalulti import utc_text

FileStatus = Literal["--------", "processing", "ready", "error", "db_ready"]


class FileObject(BaseModel):
    """A file: an uploaded one, or a span of recorded footage."""

    id: int
    id_file: int
    refer: str
    name: str
    kind: Literal["upload", "footage"]
    status: FileStatus
    size_bytes: int | None
    received_bytes: int
    sha256: str | None
    media_type: str | None
    duration_s: float | None
    owner: str
    created_utc: str
    completed_utc: str | None
    expires_utc: str | None
    downloads: int
    users: int
    violations_quantity: int
    source_id: int | None
    record_id: str | None
    start_utc: str | None
    end_utc: str | None
    error: str | None


class MadeFile(BaseModel):
    """What a new file is known by: `id` and `id_file` are the same."""

    id: int
    id_file: int
    refer: str
    status: FileStatus


def made_file(row: File) -> dict[str, Any]:
    """Return what POST /files/ answers."""
    return {"id": row.id, "id_file": row.id, "refer": row.refer, "status": row.status}


def file_object(row: File) -> dict[str, Any]:
    """Return FILE."""
    return {
        **made_file(row),
        "name": row.name,
        "kind": row.kind,
        "size_bytes": row.size_bytes,
        "received_bytes": row.received_bytes,
        "sha256": row.sha256,
        "media_type": row.media_type,
        "duration_s": row.duration_s,
        "owner": row.owner,
        "created_utc": utc_text(row.created_us),
        "completed_utc": utc_text(row.completed_us),
        "expires_utc": utc_text(row.expires_us),
        "downloads": row.downloads,
        "users": row.users,
        "violations_quantity": row.violations_quantity,
        "source_id": row.source_id,
        "record_id": row.record_id,
        "start_utc": utc_text(row.begin_us),
        "end_utc": utc_text(row.end_us),
        "error": row.error,
    }
