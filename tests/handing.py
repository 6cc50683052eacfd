"""Files that were handed over, as rows and bytes, without uploading them; what their events say."""

import json
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from app.archive.handed import key_hash
from app.extensions import db, writing
from app.models import File, FileEvent, ReferKey, Rotation
from app.models.types import now_us
from tests.handed import store_file


def add_file(app: Flask, data: bytes | None = b"film", **values: Any) -> int:
    """Add a file that is complete, or with None one that is only announced; return its id."""
    if data is not None:
        return store_file(app, data, **values)
    with app.app_context(), writing() as session:
        row = File(**{"name": "a.mp4", "owner": "me", "how": "multipart", **values})
        session.add(row)
        session.flush()
        return row.id


def refer_of(app: Flask, file_id: int) -> str:
    """Return the lasting reference of a file."""
    with app.app_context():
        return db.session.scalars(select(File.refer).where(File.id == file_id)).one()


def add_key(app: Flask, file_id: int, key: str, *, issued_us: int, generation: int = 0) -> None:
    """Add a key in a rotation that began when it was issued, and has run out where that is ten minutes ago."""
    ended_us = issued_us + 600_000_000
    is_over = ended_us <= now_us()
    with app.app_context(), writing() as session:
        times = {"started_us": issued_us, "ended_us": ended_us if is_over else None}
        reason = "ran_out" if is_over else None
        rotation = Rotation(file_id=file_id, first_generation=generation, reason=reason, **times)
        session.add(rotation)
        session.flush()
        values = {"file_id": file_id, "rotation_id": rotation.id, "generation": generation}
        session.add(ReferKey(key_sha256=key_hash(key), issued_us=issued_us, **values))


def events(app: Flask, file_id: int) -> list[tuple[str, dict[str, Any]]]:
    """Return type and payload of each event of a file, in order."""
    with app.app_context():
        rows = db.session.scalars(select(FileEvent).where(FileEvent.file_id == file_id).order_by(FileEvent.id))
        return [(row.type, json.loads(row.payload)) for row in rows]


def audited(client: FlaskClient) -> list[str]:
    """Return what was written down, in order."""
    return [row["action"] for row in client.get("/api/v1/audit?sort=id").json]
