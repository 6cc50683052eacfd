"""`files/` in the eyes of fsck, rebuild and retention: told of, never touched."""

import hashlib
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from app.archive import places
from app.archive.deletion import Act
from app.archive.evicting import evict
from app.archive.retention import Retention
from app.archive.storages import open_storage
from app.extensions import db, writing
from app.models import File, Result, RetentionRule
from app.models.types import now_us
from tests.keeping import Part, S, add_footage
from tests.test_evicting import storage_id
from tests.test_fsck import fsck, kinds

WHOLE = b"what was uploaded"


def root_of(app: Flask) -> Path:
    with app.app_context():
        root = Path(open_storage(app.config["PLAYBACK"]).path)
    (root / places.FILES).mkdir(exist_ok=True)
    return root


@pytest.fixture
def root(app: Flask) -> Path:
    """Return a storage with a whole file, one with a result, and one that is still coming."""
    root = root_of(app)
    with app.app_context(), writing() as session:
        place = open_storage(app.config["PLAYBACK"]).id
        for file_id in (1, 2, 3):
            row = File(id=file_id, name="a", owner="me", storage_id=place, size_bytes=len(WHOLE))
            row.received_bytes, row.status = (5, "processing") if file_id == 3 else (len(WHOLE), "ready")
            if file_id != 3:
                row.completed_us, row.sha256 = now_us(), hashlib.sha256(WHOLE).hexdigest()
            session.add(row)
        session.flush()
        session.add(Result(file_id=2, content_sha256="0" * 64, kind="file", size_bytes=4, actor="me"))
    for name, data in (("1", WHOLE), ("2", WHOLE), ("2.result", b"1234"), ("3.part", WHOLE[:7])):
        (root / places.FILES / name).write_bytes(data)
    return root


def everything(root: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted((root / places.FILES).rglob("*")) if path.is_file()}


def test_files_that_are_as_their_rows_say_have_nothing_to_tell(app: Flask, root: Path) -> None:
    for options in ((), ("--hash",), ("--repair", "--hash")):
        assert kinds(fsck(app, *options)) == []


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        ("1", None, "missing_file"),
        ("1", WHOLE + b"x", "damaged_file"),
        ("1", WHOLE[:-1] + b"D", "damaged_file"),
        ("2.result", b"123", "damaged_file"),
        ("2.result", None, "missing_file"),
        ("3.part", WHOLE[:4], "damaged_file"),
        ("3.part", None, "missing_file"),
        ("9", b"of before", "unknown_file"),
        ("9.part", b"of before", "unknown_file"),
        ("9.result", b"of before", "unknown_file"),
        ("notes.txt", b"of somebody", "odd_file"),
        (".notes", b"on its way", None),
    ],
)
def test_what_differs_is_told_and_left(app: Flask, root: Path, name: str, data: bytes | None, told: str | None) -> None:
    path = root / places.FILES / name
    path.unlink(missing_ok=True)
    if data is not None:
        path.write_bytes(data)
    before = everything(root)
    result = fsck(app, "--repair", "--hash")
    assert kinds(result) == ([told] if told else [])
    assert result.exit_code == (1 if told else 0)
    assert everything(root) == before


def test_neither_rebuild_nor_retention_nor_a_full_disk_touches_what_was_handed_over(app: Flask) -> None:
    """A database that is new knows of none of them."""
    root = root_of(app)
    for name in ("1", "2.part", "1.result"):
        (root / places.FILES / name).write_bytes(WHOLE)
    before = everything(root)
    add_footage(app, [Part(1, S, 2 * S, 10)])
    place = storage_id(app)
    assert app.test_cli_runner().invoke(args=["rebuild", "--index"]).exit_code == 0
    with app.app_context():
        with writing() as session:
            session.add(RetentionRule(scope="all", max_age_s=0, actor="test"))
        assert Retention(pause_s=0).run(is_eager=True).segments == 1
        evict(place, 10**12, Act("test"))
    assert kinds(fsck(app, "--repair")).count("unknown_file") == 3
    assert everything(root) == before
    with app.app_context():
        assert db.session.scalar(select(File.id)) is None
