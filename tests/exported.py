"""Exports as tests look at them: asked for, unpacked, packed anew, and judged by both checks."""

import json
import runpy
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

from click.testing import Result
from flask import Flask
from sqlalchemy import select

from app.archive import places
from app.archive.signing import read_public_key
from app.extensions import db
from app.formats.exports import NoExport, check_export
from app.models import Segment
from tests.archived import utc

SCRIPT = Path(__file__).resolve().parent.parent / "docs" / "verify_export.py"
SCRIPTED = runpy.run_path(str(SCRIPT))["faults"]


def path_of(source_id: int, begin_us: int, end_us: int, content: str = "") -> str:
    """Return the address of an export."""
    more = f"&content={content}" if content else ""
    return f"/api/v1/source/{source_id}/export?start={utc(begin_us)}&end={utc(end_us)}{more}"


def manifest_of(path: Path) -> dict[str, Any]:
    with zipfile.ZipFile(path) as archive:
        return json.loads(archive.read("manifest.json"))


def script(path: Path, *key: Path) -> subprocess.CompletedProcess[str]:
    """Run the script that has none of our code."""
    line = [sys.executable, "-I", str(SCRIPT), str(path), *map(str, key)]
    return subprocess.run(line, capture_output=True, text=True, check=False, cwd="/")


def command(app: Flask, *words: object) -> Result:
    return app.test_cli_runner().invoke(args=[str(word) for word in words])


def rows(app: Flask, source_id: int) -> list[Segment]:
    with app.app_context():
        found = list(
            db.session.scalars(select(Segment).where(Segment.source_id == source_id).order_by(Segment.start_us))
        )
        db.session.expunge_all()
    return found


def file_of(app: Flask, row: Segment) -> Path:
    return places.closed_path(app.config["PLAYBACK"].storage_path, row.source_id, row.start_us, row.id)


def is_refused(path: Path, trusted: Path | None = None) -> None:
    """Let both checks refuse an export."""
    try:
        found = list(SCRIPTED(path, *([trusted] if trusted else [])))
    except Exception as error:  # noqa: BLE001  of whatever kind: it does not say that all is well
        found = [error]
    assert found
    try:
        found = list(check_export(path, read_public_key(trusted.read_text()) if trusted else None).faults)
    except NoExport as error:
        found = [str(error)]
    assert found
    assert all(found)


def pack(path: Path, files: dict[str, bytes], *more: tuple[str, bytes]) -> None:
    """Write an archive of these files with right checksums."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in (*files.items(), *more):
            archive.writestr(name, data)


def contents(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as opened:
        return {name: opened.read(name) for name in opened.namelist()}
