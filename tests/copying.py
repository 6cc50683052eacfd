"""What tests of copying share: records over footage of the archive, jobs, and a worker's copier run to its end."""

from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from app.extensions import writing
from app.models import Record, Tag
from app.tasks.syncing import copier_of

SYNC = "/api/v1/sync"


def add_record(app: Flask, source: int, tag: str, begin_us: int, end_us: int | None) -> str:
    """Make a record of a span under a tag and return its id."""
    with app.app_context(), writing() as session:
        row = session.scalar(select(Tag).where(Tag.name == tag)) or Tag(name=tag)
        session.add(row)
        session.flush()
        made = Record(source_id=source, tag_id=row.id, begin_us=begin_us, end_us=end_us)
        session.add(made)
        session.flush()
        return made.id


def video(client: FlaskClient, record_id: str) -> bytes:
    """Return the bytes of a record's file."""
    answer = client.get(f"/playbackapi/record/{record_id}/video.mp4")
    assert answer.status_code == 200
    return answer.data


def ask(client: FlaskClient, **values: Any) -> str:
    """Ask for a copy and return the id of its job."""
    answer = client.post(SYNC, json=values)
    assert answer.status_code == 200, answer.json
    assert isinstance(answer.json, str)
    return answer.json


def shown(client: FlaskClient, job: str) -> dict[str, Any]:
    """Return a job."""
    answer = client.get(f"{SYNC}/{job}")
    assert answer.status_code == 200, answer.json
    return answer.json


def run_copies(app: Flask, limit_s: float = 30) -> None:
    """Copy what is due now."""
    copier = copier_of(app)
    copier.fill()
    assert copier.wait(limit_s)
