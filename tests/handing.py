"""Files that were handed over, as rows and bytes, without uploading them; what their events say."""

import hashlib
import json
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from app.archive import places
from app.archive.handed import key_hash
from app.archive.storages import open_storage
from app.extensions import db, writing
from app.models import File, FileEvent, ReferKey, Rotation
from app.models.types import now_us


def add_file(app: Flask, data: bytes | None = b"film", **values: Any) -> int:
    """Add a file that is complete, or with None one that is only announced; return its id."""
    with app.app_context():
        storage = open_storage(app.config["PLAYBACK"])
        root, storage_id = Path(storage.path), storage.id
        given: dict[str, Any] = {"name": "a.mp4", "owner": "me", "storage_id": storage_id, "how": "multipart"}
        if data is not None:
            size, sha256 = len(data), hashlib.sha256(data).hexdigest()
            given |= {"status": "ready", "size_bytes": size, "received_bytes": size, "sha256": sha256}
            given |= {"completed_us": now_us(), "media_type": "video/mp4"}
        with writing() as session:
            row = File(**{**given, **values})
            session.add(row)
            session.flush()
            file_id = row.id
        if data is not None:
            path = places.file_path(root, file_id, is_whole=True)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        db.session.remove()
    return file_id


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
