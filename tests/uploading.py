"""What the tests of uploads share: requests of tus, rows, and a real web server."""

import base64
import hashlib
import io
import json
import socket
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from app.extensions import db, writing
from app.models import Audit, File, FileEvent

TUS = {"Tus-Resumable": "1.0.0"}
BYTES = {**TUS, "Content-Type": "application/offset+octet-stream"}


def upload(client: FlaskClient, data: bytes, name: str = "a.txt", **fields: Any) -> Any:
    """Send a file as a form."""
    return client.post("/files/", data={**fields, "upload": (io.BytesIO(data), name)})


def create(client: FlaskClient, size: int | None, **headers: str) -> Any:
    """Announce a file by tus."""
    length = {"Upload-Defer-Length": "1"} if size is None else {"Upload-Length": str(size)}
    return client.post("/files/", headers={**TUS, **length, **headers})


def patch(client: FlaskClient, file_id: int, offset: int, data: bytes, **headers: str) -> Any:
    """Send a piece by tus."""
    return client.patch(f"/files/{file_id}/", headers={**BYTES, "Upload-Offset": str(offset), **headers}, data=data)


def offset_of(client: FlaskClient, file_id: int) -> int:
    """Return what tus says has come."""
    answer = client.head(f"/files/{file_id}/", headers=TUS)
    assert answer.status_code == 200
    return int(answer.headers["Upload-Offset"])


def in_base64(text: str | bytes) -> str:
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


def checksum(algorithm: str, data: bytes) -> str:
    """Return an Upload-Checksum."""
    return f"{algorithm} {in_base64(hashlib.new(algorithm, data).digest())}"


def refusal(answer: Any) -> tuple[int, list[Any], str]:
    """Return status, place and kind of an error."""
    [entry] = answer.json["detail"]
    assert set(entry) == {"loc", "msg", "type"}
    return answer.status_code, entry["loc"], entry["type"]


def row_of(app: Flask, file_id: int = 1) -> File:
    """Return the row of a file."""
    with app.app_context():
        row = db.session.get(File, file_id)
        assert row is not None
        db.session.expunge(row)
    return row


def set_row(app: Flask, file_id: int = 1, **values: Any) -> None:
    """Set columns of a file's row."""
    with app.app_context(), writing() as session:
        session.execute(update(File).where(File.id == file_id).values(**values))


def events(app: Flask, file_id: int = 1) -> list[str]:
    """Return the types and statuses of a file's events, in order."""
    with app.app_context():
        rows = db.session.execute(select(FileEvent.type, FileEvent.payload).where(FileEvent.file_id == file_id))
        return [f"{kind} {json.loads(payload)['status']}" for kind, payload in rows]


def acts(app: Flask) -> list[tuple[str, str, str]]:
    """Return who did what to which file."""
    with app.app_context():
        rows = db.session.execute(select(Audit.actor, Audit.action, Audit.subject).where(Audit.action.like("file.%")))
        return [tuple(row) for row in rows]


def folder_of(app: Flask) -> Path:
    """Return the folder of uploaded files."""
    path: Path = app.config["PLAYBACK"].storage_path / "files"
    return path


def names(app: Flask) -> list[str]:
    """Return the names of the files in it."""
    return sorted(path.name for path in folder_of(app).iterdir())


def begin_patch(port: int, file_id: int, offset: int, length: int, *lines: str) -> socket.socket:
    """Return a connection whose request to go on with an upload has begun; `length` bytes are announced."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=20)
    head = [
        f"PATCH /files/{file_id}/ HTTP/1.1",
        "Host: 127.0.0.1",
        *(f"{name}: {value}" for name, value in BYTES.items()),
        f"Upload-Offset: {offset}",
        f"Content-Length: {length}",
        *lines,
    ]
    connection.sendall(("\r\n".join([*head, "", ""])).encode())
    return connection
