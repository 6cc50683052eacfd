"""Handed files as rows, for tests of what is said of them: no bytes are needed for that."""

from typing import Any

from flask import Flask

from app.archive.handed import key_hash
from app.extensions import writing
from app.models import BasisViolation, File, ReferKey, Rotation, Source


def add_file(app: Flask, **values: Any) -> tuple[int, str]:
    """Add a file; return its id and its lasting reference."""
    given = {"name": "film.mp4", "owner": "anyone (testing)", "status": "ready", **values}
    with app.app_context(), writing() as session:
        row = File(**given)
        session.add(row)
        session.flush()
        return row.id, row.refer


def add_footage_file(app: Flask, begin_us: int, end_us: int, **values: Any) -> tuple[int, str]:
    """Add a file that is a view of a source's footage, and the source."""
    with app.app_context(), writing() as session:
        source = Source(model="Source", uri_rtsp="rtsp://127.0.0.1:1/x")
        session.add(source)
        session.flush()
        source_id = source.id
    span = {"begin_us": begin_us, "end_us": end_us, "duration_s": (end_us - begin_us) / 1_000_000}
    return add_file(app, kind="footage", source_id=source_id, **span, **values)


def add_key(app: Flask, file_id: int, key: str, generation: int = 0) -> None:
    """Add a download key that was given out once, of a rotation that is over."""
    with app.app_context(), writing() as session:
        rotation = Rotation(file_id=file_id, started_us=1, first_generation=generation, ended_us=2, reason="ran_out")
        session.add(rotation)
        session.flush()
        values = {"rotation_id": rotation.id, "generation": generation, "issued_us": 1, "superseded_us": 2}
        session.add(ReferKey(file_id=file_id, key_sha256=key_hash(key), **values))


def add_violations(app: Flask, *rows: tuple[str, str, str, str]) -> list[int]:
    """Add rows (code, name, age, mark) of the list of violations; return their ids."""
    with app.app_context(), writing() as session:
        found = [BasisViolation(code=code, violations=name, age=age, mark=mark) for code, name, age, mark in rows]
        session.add_all(found)
        session.flush()
        return [row.id for row in found]
