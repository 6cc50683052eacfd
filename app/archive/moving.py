"""Moving footage to cold storages, while it is played: a copy that is checked, then the row, later the old file.

1 commit `doomed` for the copy-to-be, due in an hour    4 append its sample index there, durably
2 copy to .SEGMENT.mp4, hashing; fsync                  5 commit: row to the copy, `doomed` to the old file
3 rename, fsync the folder                              6 GRACE_US later the old file is unlinked (archive.unlinking)

Before step 5 the old file counts and the copy is doomed; after it the other way round. So whoever dies where, no
footage is lost and no file stays that nobody knows. Answers that were planned before find the file in the other storage
(archive.elsewhere), the same bytes under the same ETag.
"""

import contextlib
import hashlib
import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import update

from app.archive import places, sidecar
from app.archive.coverage import note_opened
from app.archive.durable import make_folder, sync_folder
from app.archive.elsewhere import know_roots
from app.archive.hashing import BLOCK_BYTES
from app.archive.holding import lock_source
from app.archive.unlinking import mounted_roots
from app.archive.verifying import verify_one
from app.extensions import db, writing
from app.formats.boxes import FormatError
from app.formats.closing import read_closing
from app.models import Doomed, Record, Segment
from app.models.types import now_us

log = logging.getLogger(__name__)

INTENT_US = 3_600_000_000  # the copy of a move that died is removed after this
LEAST_LEFT_US = 60_000_000  # a move that is later than this before that gives up: its copy may just be removed
GRACE_US = 120_000_000  # other processes may have read the row just before


class Broken(Exception):
    """The file is not what was recorded; it stays where it is, and its row says what is wrong."""


class Busy(Exception):
    """A copy of an earlier try, or of another process, is there and is yet to be removed: it is tried again later."""


class Move(NamedTuple):
    """A segment and the storages, as ids with their roots, that it moves from and to."""

    segment: Segment
    source_root: Path
    target_id: str
    target_root: Path


def move(asked: Move, pace: Callable[[int], None]) -> bool:
    """Move one segment; tell whether it was still there to move. Raises Broken, Busy, OSError; and what `pace` does."""
    try:
        return list(steps(asked, pace))[-1] == "moved"
    except Broken:
        _give_up(asked)
        verify_one(asked.segment, mounted_roots(), pace)
        raise
    except OSError:
        _give_up(asked)
        raise


def _give_up(asked: Move) -> None:
    """Let what there is of the copy be removed with the next turn, and not in an hour."""
    with writing() as session:
        key = (Doomed.segment_id == asked.segment.id, Doomed.storage_id == asked.target_id)
        session.execute(update(Doomed).where(*key).values(due_us=0))


def steps(asked: Move, pace: Callable[[int], None]) -> Iterator[str]:
    """Do one step after the other, and tell its name; any of them may be the last before a crash."""
    row = asked.segment
    know_roots((str(asked.source_root), str(asked.target_root)))
    if not _intend(asked):
        yield "gone"
        return
    yield "intended"
    target = places.closed_path(asked.target_root, row.source_id, row.start_us, row.id)
    temporary = target.with_name(places.MOVING.format(row.id))
    make_folder(target.parent, asked.target_root)
    _copy(asked, temporary, pace)
    yield "copied"
    temporary.rename(target)
    sync_folder(target.parent)
    yield "renamed"
    offset, size_bytes = _append_index(asked, target)
    yield "indexed"
    is_moved = _commit(asked, target.stat().st_mtime_ns, offset, size_bytes)
    yield "moved" if is_moved else "gone"


def _is_same(current: Segment | None, row: Segment) -> bool:
    """Tell whether a row is still the one that was chosen."""
    names = ("id", "storage_id", "generation", "state", "size_bytes")
    return current is not None and all(getattr(current, name) == getattr(row, name) for name in names)


def _intend(asked: Move) -> bool:
    """Doom the copy that is to be made; tell whether the segment is still what was chosen.

    Raises Busy where one is doomed already: whoever removes that may have read its row, and would remove this one.
    """
    row, moment_us = asked.segment, now_us()
    with writing() as session:
        if not _is_same(session.get(Segment, (row.source_id, row.start_us)), row):
            return False
        if session.get(Doomed, (row.id, asked.target_id)) is not None:
            raise Busy("a copy of an earlier try is yet to be removed")
        session.add(_doomed(row, asked.target_id, moment_us, INTENT_US))
    return True


def _doomed(row: Segment, storage_id: str, moment_us: int, after_us: int) -> Doomed:
    """Return what lets a segment's file in one storage be removed after a while."""
    return Doomed(
        segment_id=row.id,
        storage_id=storage_id,
        source_id=row.source_id,
        start_us=row.start_us,
        since_us=moment_us,
        due_us=moment_us + after_us,
    )


def _copy(asked: Move, temporary: Path, pace: Callable[[int], None]) -> None:
    """Copy the file, durably and with its date. Raises Broken where it is not what was recorded, OSError."""
    row = asked.segment
    path = places.closed_path(asked.source_root, row.source_id, row.start_us, row.id)
    with _opened(path, os.O_RDONLY | os.O_NONBLOCK) as reading:
        status = os.fstat(reading)
        try:
            closing = read_closing(reading)
        except FormatError as error:
            raise Broken(str(error)) from error
        with _opened(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC) as copying:
            digest, done = _copy_blocks(reading, copying, status.st_size - closing.size_bytes, pace)
            os.utime(copying, ns=(status.st_atime_ns, status.st_mtime_ns))
            os.fsync(copying)
            for handle in (reading, copying):
                os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
    if done != row.size_bytes or digest != closing.sha256 or row.sha256 not in (None, digest.hex()):
        raise Broken("its bytes are not those that were recorded")


def _copy_blocks(reading: int, copying: int, body_bytes: int, pace: Callable[[int], None]) -> tuple[bytes, int]:
    """Copy all bytes; return the SHA-256 of the first body_bytes of them, and how many there were."""
    digest, done = hashlib.sha256(), 0
    while block := os.pread(reading, BLOCK_BYTES, done):
        written = os.pwrite(copying, block, done)  # less than all of it on a disk that is just full
        digest.update(block[: min(written, max(body_bytes - done, 0))])
        done += written
        pace(written)
    return digest.digest(), done


@contextlib.contextmanager
def _opened(path: Path, flags: int) -> Iterator[int]:
    handle = os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
    try:
        yield handle
    finally:
        os.close(handle)


def _append_index(asked: Move, target: Path) -> tuple[int, int]:
    """Put the sample index of the segment beside its copy; return its place, that of none where there cannot be one."""
    row = asked.segment
    place = (asked.source_root, row.source_id, row.start_us, row.index_offset_bytes, row.index_size_bytes)
    try:
        try:
            data = sidecar.read_index_bytes(*place)
        except (FormatError, OSError):
            data = sidecar.index_media(str(target), row.shift_ticks).to_bytes()
        return sidecar.append_index(asked.target_root, row.source_id, row.start_us, data)
    except (FormatError, OSError) as error:
        log.warning("the index of segment %s could not be moved (%s); readers use the media file", row.id, error)
        return 0, 0


def _commit(asked: Move, mtime_ns: int, offset_bytes: int, size_bytes: int) -> bool:
    """Let the row point to the copy, and doom the old file instead of it; tell whether it was not too late."""
    row, moment_us = asked.segment, now_us()
    with writing() as session:
        lock_source(session, row.source_id)  # deletions hold it from the reading of rows to their end
        intent = session.get(Doomed, (row.id, asked.target_id))
        current = session.get(Segment, (row.source_id, row.start_us))
        is_late = intent is None or intent.due_us < moment_us + LEAST_LEFT_US
        if intent is not None:
            intent.due_us = 0
        if is_late or current is None or not _is_same(current, row):
            return False
        session.delete(intent)
        current.storage_id, current.mtime_ns = asked.target_id, mtime_ns
        current.index_offset_bytes, current.index_size_bytes = offset_bytes, size_bytes
        current.verified_us = None  # the copy was not read back yet
        session.merge(_doomed(row, row.storage_id, moment_us, GRACE_US))
        _list_anew(row)
        note_opened(session, row.source_id, row.start_us)
    return True


def _list_anew(row: Segment) -> None:
    """Let the playlists of the ended records that hold the segment be written anew: they name its path."""
    db.session.execute(
        update(Record)
        .where(Record.source_id == row.source_id, Record.is_listed, Record.deleted_us.is_(None))
        .where(Record.begin_us < row.end_us, Record.end_us > row.start_us)
        .values(is_listed=False)
    )
