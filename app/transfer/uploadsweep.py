"""What is left to do for uploads, found in the database: any message and any process may be lost.

Unfinished ones that nobody went on with are given up; whole ones are completed where a process was killed at it;
type and length of complete ones are found; bytes of deleted ones are removed. What fails is tried again, ever later,
and never needs the upload again.
"""

import logging
from collections.abc import Callable

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import InstrumentedAttribute

from app.archive import places
from app.archive.believing import believed
from app.archive.handed import change_status
from app.errors import Deleted, Locked, PlaybackError
from app.extensions import db, writing
from app.models import File
from app.models.file import ANNOUNCED, ERROR, FORM, PROCESSING, UPLOAD
from app.transfer.claiming import claim, root_of
from app.transfer.completing import complete, expire, remove_bytes
from app.transfer.digesting import digests
from app.transfer.filelength import LengthUnknown, find_length
from app.transfer.filetypes import find_type

log = logging.getLogger(__name__)

BATCH = 50
PAUSE_US, LONGEST_PAUSE_US = 60_000_000, 86_400_000_000
MOST_TRIES = 8  # for type and length; what a deletion or a completion needs is tried for ever


def sweep(at_us: int, is_ending: Callable[[], bool] = lambda: False) -> int:
    """Do what is due, a batch at a time; return how much was done. Needs an app context without a transaction.

    A clock that leaps ahead makes no upload old (app/archive/believing.py).
    """
    seen_us = believed(db.session, at_us)
    is_unfinished = (File.kind == UPLOAD) & File.completed_us.is_(None) & File.deleted_us.is_(None)
    is_old = is_unfinished & (File.expires_us <= seen_us) & or_(File.next_us.is_(None), File.next_us <= at_us)
    due = dict.fromkeys(_ids(is_old, File.expires_us), (_expire, seen_us))
    due = {**dict.fromkeys(_ids(File.next_us <= at_us, File.next_us), (_go_on, at_us)), **due}
    done = 0
    for file_id, (work, instant_us) in due.items():
        if is_ending():
            break
        done += _try(file_id, work, instant_us)
    return done


def _ids(condition: ColumnElement[bool], due_us: InstrumentedAttribute[int | None]) -> list[int]:
    """Return the ids of those that have been due for longest: along an index, and what fails goes to the end."""
    found = list(db.session.scalars(select(File.id).where(condition).order_by(due_us, File.id).limit(BATCH)))
    db.session.rollback()
    return found


def _try(file_id: int, work: Callable[[int, int], None], at_us: int) -> int:
    try:
        work(file_id, at_us)
    except (Locked, Deleted):  # somebody is at it
        db.session.rollback()
        return 0
    except (PlaybackError, LengthUnknown, OSError) as error:
        db.session.rollback()
        _postpone(file_id, str(error), at_us)
        return 0
    return 1


def _expire(file_id: int, at_us: int) -> None:
    """Give up an upload that is due."""
    if expire(file_id, at_us):
        log.info("the upload of file %d was given up: nobody went on with it", file_id)


def _go_on(file_id: int, at_us: int) -> None:
    row = db.session.get(File, file_id, populate_existing=True)
    assert row is not None
    is_deleted, is_complete = row.deleted_us is not None, row.completed_us is not None
    db.session.rollback()
    if is_deleted:
        remove_bytes(file_id)
    elif is_complete:
        describe(file_id)
    else:
        _finish(file_id)


def _finish(file_id: int) -> None:
    """Complete an upload that is whole; say of a form that nobody sends any more that it broke off."""
    with claim(file_id, patience_s=0.0) as claimed:
        if claimed is not None and claimed.received_bytes == claimed.size_bytes:
            digest = digests.take(file_id, claimed.received_bytes)
            digest.chase(claimed.handle, claimed.received_bytes)
            complete(claimed, digest)
            log.info("the upload of file %d was whole and is complete now", file_id)
            return
    with writing() as session:
        row = session.get(File, file_id, with_for_update=True, populate_existing=True)
        if row is None or row.completed_us is not None or row.deleted_us is not None:
            return
        row.next_us = None  # it has come to be less: its sender goes on
        if row.how == FORM and row.status in (ANNOUNCED, PROCESSING):
            row.error = "the form broke off: send the file again, or go on with it by tus"
            change_status(session, row, ERROR, error=row.error)


def describe(file_id: int) -> None:
    """Find type and length of a complete file. Raises OSError, LengthUnknown; what was found until then stays."""
    row = db.session.get(File, file_id, populate_existing=True)
    assert row is not None
    path = places.file_path(root_of(db.session, row), file_id, is_whole=True)
    db.session.rollback()
    found: dict[str, object] = {"media_type": find_type(path)}
    try:
        if str(found["media_type"]).startswith(("video/", "audio/", "application/ogg")):
            found["duration_s"] = find_length(path)
        found |= {"next_us": None, "tries": 0, "error": None}
    finally:
        with writing() as session:
            row = session.get(File, file_id, with_for_update=True, populate_existing=True)
            if row is not None and row.deleted_us is None:
                if row.status == ERROR:
                    found.pop("error", None)  # what an analyser said stays
                for name, value in found.items():
                    setattr(row, name, value)


def _postpone(file_id: int, why: str, at_us: int) -> None:
    with writing() as session:
        row = session.get(File, file_id, with_for_update=True, populate_existing=True)
        if row is None:
            return
        pause_us = min(PAUSE_US * 4**row.tries, LONGEST_PAUSE_US)
        row.tries = min(row.tries + 1, MOST_TRIES)
        is_described = row.completed_us is not None and row.deleted_us is None
        if is_described and row.status != ERROR:
            row.error = why.splitlines()[0][:500] if why else "unknown"
        row.next_us = None if is_described and row.tries >= MOST_TRIES else at_us + pause_us
        log.warning("what is left to do for file %d is tried again: %s", file_id, why)
