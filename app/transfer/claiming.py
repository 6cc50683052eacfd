"""The right to write an upload: a lock on its partial file, and a token in its row that asks who has it to let go.

The lock is what keeps two writers apart, on one machine and on several that share the storage: the row is read again
under it. The token only tells the one that holds it, wherever it runs.
"""

import fcntl
import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select, update

from app.archive import places
from app.archive.handed import find_file
from app.archive.storages import unusable
from app.errors import Conflict, Deleted, Locked, StorageUnusable
from app.extensions import AnySession, db, writing
from app.models import File, Storage
from app.models.file import UPLOAD
from app.models.types import new_uuid, now_us
from app.transfer.writers import Writer, writers

log = logging.getLogger(__name__)

OPENED = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
PATIENCE_S = 3.0  # so long it is waited for the one that writes
PAUSE_S = 0.02
TAKEN_OVER = "another request goes on with this upload"


@dataclass(slots=True)
class Claimed:
    """An upload that nobody else writes to; `handle` is its partial file. What its row says was read under the lock."""

    file_id: int
    handle: int
    part: Path
    whole: Path
    owner: str
    status: str
    size_bytes: int | None
    received_bytes: int
    writer: Writer


def root_of(session: AnySession, row: File) -> Path:
    """Return the root of the storage that holds a file. Raises StorageUnusable."""
    path = session.scalar(select(Storage.path).where(Storage.id == row.storage_id))
    if not path:
        raise StorageUnusable(f"the storage that holds file {row.id} is not mounted")
    return Path(path)


@contextmanager
def claim(
    file_id: int, wake: Callable[[], None] = lambda: None, patience_s: float = PATIENCE_S
) -> Iterator[Claimed | None]:
    """Yield an upload that is not complete, for this request alone; None for one that is complete.

    Who writes to it is asked to let go; `wake` is called when the same is asked of this one. Raises NotFound, Deleted,
    Conflict for footage, Locked where the other does not let go within `patience_s`.
    """
    row = find_file(db.session, file_id)
    if row.kind != UPLOAD:
        db.session.rollback()
        raise Conflict(
            f"file {file_id} is a view of recorded footage: nothing is uploaded to it", loc=("path", "file_id")
        )
    if row.completed_us is not None:
        db.session.rollback()
        yield None
        return
    root = root_of(db.session, row)
    part, whole = (places.file_path(root, file_id, is_whole=is_whole) for is_whole in (False, True))
    writer = Writer(file_id, row.writer, wake)
    db.session.rollback()
    handle = _lock(part, whole, writer, patience_s)
    try:
        claimed = _read(handle, part, whole, writer)
        if claimed is not None:
            writers().enter(writer)
        yield claimed
    except Deleted:
        part.unlink(missing_ok=True)  # ours, where it was made anew after the other had removed it
        raise
    finally:
        os.close(handle)  # and the lock with it, whatever else fails
        writers().leave(writer)


def _lock(part: Path, whole: Path, writer: Writer, patience_s: float) -> int:
    """Return the handle of the partial file, locked."""
    until_s, has_asked = time.monotonic() + patience_s, False
    while True:
        handle = _open(part, whole, writer.file_id)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
        except BaseException:
            os.close(handle)
            raise
        else:
            return handle
        if time.monotonic() >= until_s:
            raise Locked(f"another request writes to file {writer.file_id} and does not let go: ask again in a moment")
        if not has_asked:
            has_asked = True
            _ask(writer)
        time.sleep(PAUSE_S)


def _open(part: Path, whole: Path, file_id: int) -> int:
    """Open what there is of an upload: under its own name already where a process was killed before it said so."""
    for path, flags in ((part, OPENED), (whole, OPENED), (part, OPENED | os.O_CREAT)):
        try:
            return os.open(path, flags, 0o640)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise unusable(part.parent.parent, error) from error
    raise StorageUnusable(f"the folder of file {file_id} is missing in its storage")


def _ask(writer: Writer) -> None:
    """Ask whoever writes to let go."""
    writer.token = new_uuid()
    with writing() as session:
        session.execute(update(File).where(File.id == writer.file_id).values(writer=writer.token, writer_us=now_us()))
    writers().stop(writer.file_id, TAKEN_OVER)


def _read(handle: int, part: Path, whole: Path, writer: Writer) -> Claimed | None:
    """Return what the row says now that nobody else writes."""
    row = find_file(db.session, writer.file_id)
    try:
        if row.completed_us is not None:
            return None
        found = os.fstat(handle)
        if not any(path.exists() and os.path.samestat(path.stat(), found) for path in (part, whole)):
            raise Locked(f"file {row.id} is being completed or deleted: ask again in a moment")
        received_bytes = row.received_bytes
        claimed = Claimed(row.id, handle, part, whole, row.owner, row.status, row.size_bytes, received_bytes, writer)
    finally:
        db.session.rollback()
    if found.st_size < received_bytes:
        log.error("file %d has %d bytes less than were durable: its sender is asked for them again",
                  claimed.file_id, received_bytes - found.st_size)  # fmt: skip
        claimed.received_bytes = found.st_size
        with writing() as session:
            session.execute(update(File).where(File.id == claimed.file_id).values(received_bytes=found.st_size))
    return claimed
