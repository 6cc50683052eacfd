"""Files that were handed over, against their rows: a part of fsck. It only tells: none of them is removed or changed.

A database that was lost, or came from a backup, knows nothing of files that were uploaded since. They stay where they
are, and what is uploaded afterwards gets other numbers.
"""

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Select, select

from app.archive import places
from app.archive.checking import Check
from app.extensions import db
from app.models import File, Result
from app.models.file import UPLOAD

NAME = re.compile(r"([1-9][0-9]{0,17})(\.part|\.result)?")
BATCH = 500
BLOCK_BYTES = 1 << 20


def check_handed(check: Check, storage_id: str, root: Path) -> None:
    """Find uploaded files without a row, and rows without the bytes that they tell of."""
    _find_unknown(check, root / places.FILES)
    if check.is_away(storage_id):
        return
    last_id = 0
    while rows := _rows(storage_id, last_id):
        for row in rows:
            last_id = row.id
            # Uploads go on meanwhile: what seems wrong is looked at again, by its row of now.
            if _wrong(check, root, row) is not None and (again := _row(row.id)) is not None:
                found = _wrong(check, root, again)
                if found is not None:
                    check.say(*found)


def _find_unknown(check: Check, folder: Path) -> None:
    for batch in _batches(check, folder):
        known = set(db.session.scalars(select(File.id).where(File.id.in_([number for number, _ in batch]))))
        db.session.rollback()
        for number, path in batch:
            if number not in known:
                check.say("unknown_file", path, "has no row: the database knows of no file of this number")


def _batches(check: Check, folder: Path) -> Iterator[list[tuple[int, str]]]:
    """Yield numbers and paths of what is in the folder, some at a time; tell of what is not named after a file."""
    batch = []
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.name.startswith("."):
            continue  # on its way in
        match = NAME.fullmatch(path.name)
        if match is None or not path.is_file() or path.is_symlink():
            check.say("odd_file", path, "is not named after a file that was handed over")
            continue
        batch.append((int(match[1]), str(path)))
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


class Handed(NamedTuple):
    """What is to be on disk of an upload; `result_bytes` is None where its result is no file."""

    id: int
    is_whole: bool
    received_bytes: int
    sha256: str | None
    result_bytes: int | None


def _rows(storage_id: str, last_id: int) -> list[Handed]:
    """Return the next uploads of a storage that are to have bytes."""
    query = _query().where(File.id > last_id, File.storage_id == storage_id)
    found = [Handed(*row) for row in db.session.execute(query.order_by(File.id).limit(BATCH))]
    db.session.rollback()
    return found


def _row(file_id: int) -> Handed | None:
    """Return one of them as it is now."""
    row = db.session.execute(_query().where(File.id == file_id)).first()
    db.session.rollback()
    return None if row is None else Handed(*row)


def _query() -> Select[Any]:
    is_file = (Result.kind == "file") | Result.name.is_not(None)  # findings may have come in one, too
    size = select(Result.size_bytes).where(Result.file_id == File.id, is_file).scalar_subquery()
    columns = (File.id, File.completed_us.is_not(None), File.received_bytes, File.sha256, size)
    return select(*columns).where(File.kind == UPLOAD, File.deleted_us.is_(None))


def _wrong(check: Check, root: Path, row: Handed) -> tuple[str, Path, str] | None:
    """Return what is wrong with the bytes of an upload, or of its result."""
    path = places.file_path(root, row.id, is_whole=row.is_whole)
    found = _wrong_size(path, row.received_bytes, is_least=not row.is_whole)
    if found is None and row.is_whole and check.is_hashing and row.sha256 != _sha256(path):
        found = ("damaged_file", path, f"is not what was uploaded as file {row.id}: its SHA-256 is another")
    if found is None and row.result_bytes is not None:
        found = _wrong_size(places.result_path(root, row.id), row.result_bytes)
    return found


def _wrong_size(path: Path, size_bytes: int, *, is_least: bool = False) -> tuple[str, Path, str] | None:
    """Return what is wrong with a file that is to have so many bytes; of an upload more may have come."""
    try:
        there = path.stat().st_size
    except OSError as error:
        is_needed = size_bytes > 0 or not is_least
        return ("missing_file", path, f"cannot be read: {error.strerror}") if is_needed else None
    if there < size_bytes or (there > size_bytes and not is_least):
        return "damaged_file", path, f"has {there} bytes, its row says {size_bytes}"
    return None


def _sha256(path: Path) -> str | None:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(BLOCK_BYTES):
                digest.update(block)
    except OSError:
        return None
    return digest.hexdigest()
