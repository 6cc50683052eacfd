"""Completing an upload, and removing one: each step can be done again after the process was killed at it.

complete   durable bytes -> name without .part -> durable name -> row, status and rotation in one transaction
remove     row -> bytes; what is left of them the worker removes
"""

import os
from contextlib import suppress
from pathlib import Path

from flask import current_app
from sqlalchemy import update

from app.archive import places
from app.archive.auditing import audit
from app.archive.durable import sync_folder
from app.archive.handed import change_status, find_file
from app.archive.pins import release_pin
from app.archive.storages import unusable
from app.errors import Conflict, Invalid, PlaybackError
from app.extensions import AnySession, db, writing
from app.models import File
from app.models.file import FOOTAGE, READY, UPLOAD
from app.models.types import now_us
from app.transfer.claiming import Claimed, claim, root_of
from app.transfer.digesting import Digest
from app.transfer.rotating import begin_rotation, end_of_file
from app.transfer.uploadroom import most_bytes, too_large
from instance.config import Config

LENGTH = ("header", "Upload-Length")
WHOLE_US = 60_000_000  # so long after it is whole the worker completes it, where no request has
EXPIRED = "expiry"  # who deletes an upload that nobody went on with


def complete(claimed: Claimed, digest: Digest) -> None:
    """Give an upload that is whole its name and say so. Raises StorageUnusable."""
    size_bytes, sha256 = claimed.received_bytes, digest.hex
    assert digest.offset == size_bytes
    try:
        os.fsync(claimed.handle)
        _rename(claimed)
    except OSError as error:
        raise unusable(claimed.part.parent.parent, error) from error
    with writing() as session:
        row = find_file(session, claimed.file_id, is_locked=True)
        if row.completed_us is not None:
            return
        at_us = now_us()
        row.size_bytes, row.received_bytes, row.sha256 = size_bytes, size_bytes, sha256
        row.completed_us, row.expires_us, row.error = at_us, None, None
        row.next_us, row.tries = at_us, 0
        audit(
            session, row.owner, "file.complete", str(row.id), None, name=row.name, size_bytes=size_bytes, sha256=sha256
        )
        change_status(session, row, READY, received_bytes=size_bytes, size_bytes=size_bytes)
        begin_rotation(session, row, at_us)


def _rename(claimed: Claimed) -> None:
    """Take the name without .part, unless it has it; never that of another file."""
    if claimed.part.exists():
        if not (claimed.whole.exists() and claimed.whole.samefile(claimed.part)):
            os.link(claimed.part, claimed.whole)  # fails where there is one; a rename would replace it
        sync_folder(claimed.whole.parent)
        claimed.part.unlink()
    sync_folder(claimed.whole.parent)


def remove(file_id: int, who: str, at_us: int) -> None:
    """Delete a file: an upload with its bytes, complete or not, or a view of footage. The row stays.

    Who writes to it is asked to let go. Raises NotFound, Deleted, Locked. A download that goes on reads what it has
    opened to its end.
    """
    row = find_file(db.session, file_id)
    is_unfinished = row.kind == UPLOAD and row.completed_us is None
    db.session.rollback()
    if not is_unfinished:
        _remove_row(file_id, who, at_us)
    else:
        with claim(file_id):
            _remove_row(file_id, who, at_us)
    with suppress(PlaybackError):  # the row says that it is deleted; the worker tries again
        remove_bytes(file_id)


def expire(file_id: int, at_us: int) -> bool:
    """Give up an upload that nobody went on with; tell whether it was due. Raises Locked while it is written to."""
    with claim(file_id, patience_s=0.0) as claimed:
        row = db.session.get(File, file_id, populate_existing=True)
        is_due = claimed is not None and row is not None and row.expires_us is not None and row.expires_us <= at_us
        db.session.rollback()
        if is_due:
            _remove_row(file_id, EXPIRED, at_us)
    if is_due:
        remove_bytes(file_id)
    return is_due


def _remove_row(file_id: int, who: str, at_us: int) -> None:
    with writing() as session:
        row = find_file(session, file_id, is_locked=True)
        row.deleted_us, row.deleted_by, row.expires_us, row.next_us = at_us, who, None, at_us
        end_of_file(session, row, at_us)
        if row.pin_id is not None:
            session.flush()  # a pin of a file that is there is not released
            release_pin(session, row.pin_id, who, at_us)
        _write_down(session, row, who)
        change_status(session, row, row.status, deleted=True)


def _write_down(session: AnySession, row: File, who: str) -> None:
    audit(
        session,
        who,
        "file.expire" if who == EXPIRED else "file.delete",
        str(row.id),
        row.source_id,
        name=row.name,
        kind=row.kind,
        sha256=row.sha256,
        size_bytes=row.size_bytes,
        received_bytes=row.received_bytes,
    )


def remove_bytes(file_id: int) -> None:
    """Remove what is left of the bytes of a file whose row is deleted. Raises StorageUnusable."""
    row = db.session.get(File, file_id, populate_existing=True)
    assert row is not None
    assert row.deleted_us is not None
    root = root_of(db.session, row) if row.storage_id is not None else current_app.config["PLAYBACK"].storage_path
    values = {"next_us": None} if row.kind == FOOTAGE else {"next_us": None, "received_bytes": 0}
    db.session.rollback()
    _unlink(root, file_id)
    with writing() as session:
        session.execute(update(File).where(File.id == file_id).values(**values))


def _unlink(root: Path, file_id: int) -> None:
    paths = [places.file_path(root, file_id, is_whole=is_whole) for is_whole in (False, True)]
    try:
        for path in (*paths, places.result_path(root, file_id)):
            path.unlink(missing_ok=True)
        if (root / places.FILES).exists():  # of footage alone there may be none
            sync_folder(root / places.FILES)
    except OSError as error:
        raise unusable(root, error) from error


def give_length(config: Config, file_id: int, size_bytes: int) -> None:
    """Say how long an upload will be that was announced without it.

    Raises Conflict where another length is known, Invalid where more has come, TooLarge.
    """
    with writing() as session:
        row = find_file(session, file_id, is_locked=True)
        if row.size_bytes not in (None, size_bytes):
            message = f"file {file_id} has {row.size_bytes} bytes: its length does not change"
            raise Conflict(message, loc=LENGTH, kind="length_differs")
        if size_bytes < row.received_bytes:
            message = f"{row.received_bytes} bytes have come of file {file_id}: it cannot have fewer"
            raise Invalid(message, loc=LENGTH, kind="length_differs")
        most = most_bytes(session, config, row.owner, file_id)
        if size_bytes > most:
            raise too_large(config, most)
        row.size_bytes = size_bytes
        if size_bytes == row.received_bytes and row.completed_us is None:
            row.next_us = now_us() + WHOLE_US
