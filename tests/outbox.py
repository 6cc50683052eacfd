"""Files without content, and their events."""

from typing import Any

from flask import Flask

from app.archive.handed import find_file
from app.archive.outbox import emit
from app.extensions import writing
from app.models import File
from app.models.types import now_us


def announce(app: Flask, name: str = "film.mp4") -> int:
    """Announce a file; return its id."""
    with app.app_context(), writing() as session:
        row = File(name=name, owner="anyone (testing)")
        session.add(row)
        session.flush()
        emit(session, row, "status")
        return row.id


def tell(app: Flask, file_id: int, kind: str, **payload: Any) -> int:
    """Write an event of a file; return the event's id."""
    with app.app_context(), writing() as session:
        return emit(session, find_file(session, file_id, is_locked=True), kind, **payload)


def turn(app: Flask, file_id: int, status: str) -> int:
    """Give a file a status, whatever it had; return the id of the event that tells so."""
    with app.app_context(), writing() as session:
        row = find_file(session, file_id, is_locked=True)
        if status == "ready":
            row.completed_us = now_us()
        row.status = status
        return emit(session, row, "status")


def delete(app: Flask, file_id: int) -> None:
    """Mark a file as deleted."""
    with app.app_context(), writing() as session:
        find_file(session, file_id, is_locked=True).deleted_us = now_us()
