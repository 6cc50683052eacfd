"""Uploaded files in an app's archive without an upload, their keys, and rows made older."""

import hashlib
from pathlib import Path
from typing import Any

from flask import Flask

from app.archive import places
from app.archive.storages import open_storage
from app.extensions import db, writing
from app.models import DownloadLease, File, ReferKey, Rotation
from app.models.file import READY
from app.models.types import now_us
from app.transfer.referkeys import key_of
from app.transfer.rotating import begin_rotation

T0_US = 1_795_248_000_000_000
SECOND_US = 1_000_000


def store_file(app: Flask, content: bytes, *, name: str = "film.mp4", **columns: Any) -> int:
    """Lay down a complete file as an upload does, and return its id; it has no key yet."""
    with app.app_context():
        storage = open_storage(app.config["PLAYBACK"])
        storage_id, root = storage.id, Path(storage.path)
        with writing() as session:
            values: dict[str, Any] = {
                "name": name,
                "status": READY,
                "owner": "admin",
                "how": "multipart",
                "size_bytes": len(content),
                "received_bytes": len(content),
                "sha256": hashlib.sha256(content).hexdigest(),
                "media_type": "video/mp4",
                "storage_id": storage_id,
                "completed_us": now_us(),
            }
            row = File(**{**values, **columns})
            session.add(row)
            session.flush()
            file_id = row.id
        path = places.file_path(root, file_id, is_whole=True)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    return file_id


def rotate(app: Flask, file_id: int, at_us: int | None = None) -> str:
    """Begin a file's rotation and return its first key."""
    with app.app_context(), writing() as session:
        row = session.get_one(File, file_id)
        assert begin_rotation(session, row, now_us() if at_us is None else at_us) is not None
        return key_of(row, row.generation)


def store_and_rotate(app: Flask, content: bytes, **columns: Any) -> tuple[int, str]:
    """Lay down a file whose rotation has begun just now; return its id and its first key."""
    file_id = store_file(app, content, **columns)
    return file_id, rotate(app, file_id)


def key_at(app: Flask, file_id: int, generation: int) -> str:
    """Return a key of a file, whether or not it was given out."""
    with app.app_context():
        return key_of(db.session.get_one(File, file_id), generation)


def age(app: Flask, file_id: int, seconds: float) -> None:
    """Let everything about a file's keys and leases have happened so much earlier."""
    back_us = int(seconds * SECOND_US)
    columns = {
        Rotation: ("started_us", "ended_us"),
        ReferKey: ("issued_us", "superseded_us", "first_used_us", "revoked_us"),
        DownloadLease: ("begun_us", "beat_us", "ended_us"),
    }
    with app.app_context(), writing() as session:
        for model, names in columns.items():
            earlier = {name: getattr(model, name) - back_us for name in names}
            session.execute(db.update(model).where(model.file_id == file_id).values(**earlier))


def row_of(app: Flask, file_id: int) -> File:
    """Return a file's row, as it is now."""
    with app.app_context():
        row = db.session.get_one(File, file_id)
        db.session.expunge(row)
        return row


def leases_of(app: Flask, file_id: int, *, is_running: bool = True) -> list[DownloadLease]:
    """Return the leases of a file that go on, or all."""
    query = db.select(DownloadLease).where(DownloadLease.file_id == file_id)
    if is_running:
        query = query.where(DownloadLease.ended_us.is_(None))
    with app.app_context():
        rows = list(db.session.scalars(query.order_by(DownloadLease.begun_us)))
        db.session.expunge_all()
        return rows
