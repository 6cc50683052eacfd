"""Files that were handed over, as rows: found by id, reference or key; their status. Shared by transfer and review."""

import hashlib
import re
from typing import Any

from sqlalchemy import select

from app.archive.bounds import Sight, is_seen_file
from app.archive.outbox import emit
from app.errors import Conflict, Deleted, Loc, NotFound
from app.extensions import AnySession
from app.models import File, ReferKey
from app.models.file import ANNOUNCED, DB_READY, ERROR, PROCESSING, READY

REFER = re.compile(r"[0-9a-f]{32}")
MAX_INDEX = 2**63 - 1  # what the database can hold
# What may follow each status (docs/design/refer.md, "Status"); each may also be said again.
TRANSITIONS = {
    ANNOUNCED: (PROCESSING, READY, ERROR),
    PROCESSING: (READY, ERROR),
    READY: (ERROR, DB_READY),
    ERROR: (PROCESSING, READY, DB_READY),
    DB_READY: (),
}


def find_file(
    session: AnySession,
    file_id: int,
    *,
    loc: Loc = ("path", "file_id"),
    sight: Sight | None = None,
    is_locked: bool = False,
) -> File:
    """Return a file that is seen; locked, within a write transaction, for the rest of it. Raises NotFound, Deleted."""
    query = select(File).where(File.id == file_id, is_seen_file(sight))
    if is_locked:
        query = query.with_for_update().execution_options(populate_existing=True)
    row = session.scalar(query) if 0 < file_id <= MAX_INDEX else None
    if row is None:
        raise NotFound(f"there is no file {file_id}", loc=loc)
    return _present(row, loc)


def find_by_refer(
    session: AnySession,
    text: str,
    loc: Loc = ("path", "refer"),
    *,
    sight: Sight | None = None,
    is_locked: bool = False,
) -> File:
    """Return the file of a lasting reference, or of any key that was ever given out for it, if it is seen.

    Takes 32 hex digits or a UUID with dashes. Raises NotFound, which repeats nothing of it, and Deleted.
    """
    refer = plain_refer(text)
    file_id = session.scalar(select(File.id).where(File.refer == refer)) if refer else None
    if file_id is None and refer:
        file_id = session.scalar(select(ReferKey.file_id).where(ReferKey.key_sha256 == key_hash(refer)))
    if file_id is None or not is_seen(session, file_id, sight):
        raise NotFound("there is no file of this reference: it is `refer` of what POST /files/ answered", loc=loc)
    return find_file(session, file_id, loc=loc, is_locked=is_locked)


def is_seen(session: AnySession, file_id: int, sight: Sight | None) -> bool:
    """Tell whether there is a file of this id, deleted or not, that is seen."""
    if not 0 < file_id <= MAX_INDEX:
        return False
    return session.scalar(select(File.id).where(File.id == file_id, is_seen_file(sight))) is not None


def plain_refer(text: str) -> str | None:
    """Return 32 lower-case hex digits of a reference or key, with or without dashes; None for what can be none."""
    plain = text.strip().lower()
    if len(plain) == 36:
        plain = plain.replace("-", "") if [plain[i] for i in (8, 13, 18, 23)] == ["-"] * 4 else ""
    return plain if REFER.fullmatch(plain) else None


def key_hash(key: str) -> str:
    """Return what is stored of a download key: it is random, so it needs neither salt nor a slow function."""
    return hashlib.sha256(key.encode()).hexdigest()


def change_status(session: AnySession, row: File, status: str, **payload: Any) -> None:
    """Set the status of a file and tell of it, in the caller's write transaction.

    Raises Conflict for one that does not follow the present one (TRANSITIONS).
    """
    if status != row.status and status not in TRANSITIONS[row.status]:
        message = f"file {row.id} is {row.status}: it cannot become {status}"
        raise Conflict(message, loc=("path", "file_id"), kind="status")
    row.status = status
    emit(session, row, "status", **payload)


def _present(row: File, loc: Loc) -> File:
    if row.deleted_us is not None:
        raise Deleted(f"file {row.id} was deleted", loc=loc)
    return row
