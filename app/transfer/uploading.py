"""Announcing an upload: its row first, and a file of its own that nothing can have been before."""

import os
import re
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import text

from app.archive import places
from app.archive.auditing import audit
from app.archive.durable import make_folder, sync_folder
from app.archive.handed import change_status
from app.archive.outbox import take_turn
from app.archive.storages import open_storage, unusable
from app.extensions import AnySession, db, writing
from app.models import File
from app.models.file import ANNOUNCED, FORM, UPLOAD
from app.transfer.completing import WHOLE_US
from app.transfer.uploadroom import measure_room, most_bytes, pending_bytes, too_large
from instance.config import Config

NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
SLACK_BYTES = 1 << 16  # what a body may have beside the file
SKIP = text("SELECT setval(pg_get_serial_sequence('file', 'id'), :id)")
ID = re.compile(r"([0-9]{1,18})(?:\.(?:part|result))?")


class Announced(NamedTuple):
    """What is said of a file before its bytes come; `expected_bytes` is the length of the body."""

    name: str
    how: str
    owner: str
    size_bytes: int | None = None
    expected_bytes: int = 0
    metadata: str | None = None


def announce(config: Config, given: Announced, at_us: int) -> int:
    """Make row and empty file of an upload; return its id.

    Raises TooLarge, StorageFull, StorageUnusable. Nothing is left behind then.
    """
    size_bytes = given.size_bytes or 0
    if max(size_bytes, given.expected_bytes - SLACK_BYTES) > config.UPLOAD_MAX_BYTES:
        raise too_large(config, config.UPLOAD_MAX_BYTES)
    storage_id, root = open_storage(config).id, config.storage_path
    room = measure_room(db.session, config, at_us)
    folder = root / places.FILES
    try:
        make_folder(folder, root)
    except OSError as error:
        raise unusable(root, error) from error
    made: list[Path] = []
    try:
        with writing() as session:
            take_turn(session)
            row = _place(session, given, storage_id, root, made)
            row.created_us, row.expires_us = at_us, at_us + config.UPLOAD_EXPIRE_S * 1_000_000
            most = most_bytes(session, config, given.owner, row.id)
            if max(size_bytes, given.expected_bytes - SLACK_BYTES) > most:
                raise too_large(config, most)
            room.check(pending_bytes(session, row.id) + max(size_bytes, given.expected_bytes))
            if given.size_bytes == 0 or given.how == FORM:
                row.next_us = at_us + WHOLE_US
            change_status(session, row, ANNOUNCED)
            _note(session, row)
            sync_folder(folder)
            return row.id
    except BaseException as error:
        for path in made:
            with suppress(OSError):
                path.unlink()
        if isinstance(error, OSError):
            raise unusable(root, error) from error
        raise


def _note(session: AnySession, row: File) -> None:
    about = {"name": row.name, "how": row.how, "size_bytes": row.size_bytes}
    audit(session, row.owner, "file.announce", str(row.id), None, **about)


def _place(session: AnySession, given: Announced, storage_id: str, root: Path, made: list[Path]) -> File:
    """Return a new row whose file did not exist. After a lost database, ids that files have already are passed over."""
    row = _insert(session, given, storage_id, None)
    while not _make(root, row.id, made):
        session.delete(row)
        session.flush()
        row = _insert(session, given, storage_id, _highest(root) + 1)
        if session.get_bind().dialect.name == "postgresql":
            session.execute(SKIP, {"id": row.id})
    return row


def _insert(session: AnySession, given: Announced, storage_id: str, file_id: int | None) -> File:
    row = File(
        id=file_id,
        name=given.name,
        kind=UPLOAD,
        how=given.how,
        size_bytes=given.size_bytes,
        upload_metadata=given.metadata,
        owner=given.owner,
        storage_id=storage_id,
    )
    session.add(row)
    session.flush()
    return row


def _make(root: Path, file_id: int, made: list[Path]) -> bool:
    """Make the file of an upload; False where there is one of that id already."""
    part, whole = (places.file_path(root, file_id, is_whole=is_whole) for is_whole in (False, True))
    if os.path.lexists(whole) or os.path.lexists(places.result_path(root, file_id)):
        return False
    try:
        os.close(os.open(part, NEW, 0o640))
    except FileExistsError:
        return False
    made.append(part)
    return True


def _highest(root: Path) -> int:
    """Return the highest id that a file has."""
    found = (ID.fullmatch(path.name) for path in (root / places.FILES).iterdir())
    return max((int(match[1]) for match in found if match), default=0)
