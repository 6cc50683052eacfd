"""Copying a tag's recordings (record-api.md, "Copying to another video server"): asking, a folder, telling."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient

from app.extensions import writing
from app.models import Record, Tag
from app.tasks.syncing import copier_of
from tests.archived import T0_US, media, no_plans, record, source_id

__all__ = ["media", "no_plans", "source_id"]
SYNC = "/api/v1/sync"


def add_record(app: Flask, source: int, tag: str, begin_us: int, end_us: int | None) -> str:
    """Make a record of a span under a tag and return its id."""
    from sqlalchemy import select

    with app.app_context(), writing() as session:
        row = session.scalar(select(Tag).where(Tag.name == tag)) or Tag(name=tag)
        session.add(row)
        session.flush()
        made = Record(source_id=source, tag_id=row.id, begin_us=begin_us, end_us=end_us)
        session.add(made)
        session.flush()
        return made.id


def video(client: FlaskClient, record_id: str) -> bytes:
    answer = client.get(f"/playbackapi/record/{record_id}/video.mp4")
    assert answer.status_code == 200
    return answer.data


def run_copies(app: Flask, limit_s: float = 30) -> None:
    copier = copier_of(app)
    copier.fill()
    assert copier.wait(limit_s)


def ask(client: FlaskClient, **values: Any) -> str:
    answer = client.post(SYNC, json=values)
    assert answer.status_code == 200, answer.json
    assert isinstance(answer.json, str)
    return answer.json


def test_the_recordings_of_a_tag_are_copied_to_a_folder(
    app: Flask, client: FlaskClient, source_id: int, media: Callable[..., Path]
) -> None:
    run = record(app, source_id, media("audio"))
    record_id = add_record(app, source_id, "gate/1", T0_US + 1_000_000, run.end_us)
    job = ask(client, tag_name="gate/1", location="weekend")
    sync_root = app.config["PLAYBACK"].instance_path / "sync"
    target = sync_root / "weekend" / "gate_1" / f"20261121T080001Z-source{source_id}-{record_id}.mp4"
    assert client.get(f"/api/v1/record/{record_id}").json["sync_location"] == str(target)
    assert client.get(f"{SYNC}/{job}").json["state"] == "waiting"
    run_copies(app)
    told = client.get(f"{SYNC}/{job}").json
    data = video(client, record_id)
    assert target.read_bytes() == data
    md5 = hashlib.md5(data).hexdigest()
    assert told["state"] == "done", told
    assert told["ended_utc"]
    assert told["records"] == [
        {
            "record_id": record_id,
            "state": "done",
            "target": str(target),
            "size": len(data),
            "copied_bytes": len(data),
            "md5": md5,
            "error": None,
            "tries": 1,
        }
    ]
    beside = json.loads(target.with_suffix(".json").read_text("utf-8"))
    assert (beside["record_id"], beside["tag"], beside["md5"]) == (record_id, "gate/1", md5)
    assert sorted(path.name for path in target.parent.iterdir()) == sorted([target.name, target.stem + ".json"])
