"""Removing the files of deleted segments, after the commit that doomed them; again by the worker after a crash.

Paths follow from ids. Each folder on the way is opened by its name alone and never through a symbolic link, so nothing
outside of the storage can be reached, whoever has put what into it. A download that is running keeps its open file.
"""

import contextlib
import errno
import logging
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from sqlalchemy import ColumnElement, delete, exists, func, literal, select, tuple_

from app.archive import places
from app.archive.places import DAY_US
from app.archive.storages import read_marker
from app.extensions import AnySession, db, writing
from app.models import Doomed, Segment, Storage
from app.models.types import now_us

log = logging.getLogger(__name__)

BATCH = 500
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class OutsideStorage(OSError):
    """A folder on the way to a file is a symbolic link: what lies behind it is not ours to delete."""


@contextlib.contextmanager
def _opened(root: Path, folder: Path) -> Iterator[int]:
    """Open a folder below a storage's root, step by step. Raises FileNotFoundError; OutsideStorage at a link."""
    handle = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for name in folder.relative_to(root).parts:
            try:
                below = os.open(name, FOLDER, dir_fd=handle)
            except NotADirectoryError as error:  # what O_NOFOLLOW gives for a link, with O_DIRECTORY
                raise OutsideStorage(
                    error.errno, "is no folder of the storage, or a symbolic link", str(folder)
                ) from error
            os.close(handle)
            handle = below
        yield handle
    finally:
        os.close(handle)


def remove_file(root: Path, path: Path) -> None:
    """Remove a file below a storage's root, durably; one that is not there is no error. Raises OSError."""
    with contextlib.suppress(FileNotFoundError), _opened(root, path.parent) as folder:
        os.unlink(path.name, dir_fd=folder)
        os.fsync(folder)


def remove_playlist(root: Path, record_id: str) -> bool:
    """Remove the file at a record's `location`; tell whether it is gone. What hinders is told in the log."""
    try:
        remove_file(root, root / places.record_location(record_id))
    except OSError as error:
        log.error("the playlist of record %s stays for now: %s: %s", record_id, error.filename, error.strerror)
        return False
    return True


def unlink_doomed(limit: int, since_us: int = 0, storage_id: str | None = None) -> int:
    """Remove up to `limit` doomed files, the oldest first, of those doomed at `since_us` or later; return how many.

    Needs an app context without a transaction. What cannot be removed is told in the log and stays doomed; so does what
    lies in a storage that is not mounted. With a storage_id no other storage is touched, so that none is waited for.
    """
    roots = mounted_roots(storage_id)
    done, after = 0, (since_us, -1, "", "")
    while done < limit:
        rows = _next_rows(roots, after, min(limit - done, BATCH))
        if not rows:
            break
        after = (rows[-1].since_us, rows[-1].start_us, rows[-1].segment_id, rows[-1].storage_id)
        gone = _remove_files(rows, roots)
        # A disk that was unmounted meanwhile has left an empty folder, in which every file is gone.
        roots = mounted_roots(storage_id)
        gone = {key for key in gone if key[1] in roots}
        with writing() as session:
            for place in {place for _, place in gone}:
                ids = [segment_id for segment_id, where in gone if where == place]
                session.execute(delete(Doomed).where(Doomed.storage_id == place, Doomed.segment_id.in_(ids)))
        done += len(gone)
    return done


def has_doomed(storage_id: str) -> bool:
    """Tell whether files that could be removed now are still there."""
    query = select(Doomed.segment_id).where(Doomed.storage_id == storage_id, *_is_due())
    found = db.session.scalar(query.limit(1)) is not None
    db.session.rollback()
    return found


def _is_due() -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Return the conditions that a file is to be removed now: it is due, and no segment's row points to it."""
    is_held = exists().where(Segment.id == Doomed.segment_id, Segment.storage_id == Doomed.storage_id)
    return Doomed.due_us <= now_us(), ~is_held


def leaving_bytes(session: AnySession, storage_id: str) -> int:
    """Return how many bytes of files that have moved elsewhere are about to be removed from a storage."""
    query = select(Doomed.segment_id).where(Doomed.storage_id == storage_id, Doomed.due_us > now_us())
    ids = session.scalars(query.limit(BATCH)).all()
    moved = select(func.sum(Segment.size_bytes)).where(Segment.id.in_(ids), Segment.storage_id != storage_id)
    return int(session.scalar(moved) or 0) if ids else 0


def mounted_roots(storage_id: str | None = None) -> dict[str, Path]:
    """Return the roots of the storages that are where they are said to be, by id; of one alone where it is named."""
    query = select(Storage) if storage_id is None else select(Storage).where(Storage.id == storage_id)
    found = {row.id: Path(row.path) for row in db.session.scalars(query) if row.path}
    db.session.rollback()
    return {storage_id: root for storage_id, root in found.items() if is_mounted(root, storage_id)}


def is_mounted(root: Path, storage_id: str) -> bool:
    """Tell whether a storage is at this root, by its marker."""
    try:
        return read_marker(root) == storage_id
    except OSError as error:  # a share whose server is away must not keep the files of the others
        log.error("the storage %s cannot be read: %s", root, error.strerror)
        return False


def _next_rows(roots: dict[str, Path], after: tuple[int, int, str, str], limit: int) -> list[Doomed]:
    """Return the next rows that are due, and whose file is not the one that a segment's row points to."""
    # In an order in which files of one folder come together.
    order = (Doomed.since_us, Doomed.start_us, Doomed.segment_id, Doomed.storage_id)
    query = select(Doomed).where(
        Doomed.storage_id.in_(roots),
        *_is_due(),
        Doomed.since_us >= after[0],  # for the index
        tuple_(*order) > tuple_(*(literal(value) for value in after)),
    )
    rows = list(db.session.scalars(query.order_by(*order).limit(limit)))
    db.session.expunge_all()
    db.session.rollback()
    return rows


def _remove_files(rows: Sequence[Doomed], roots: dict[str, Path]) -> set[tuple[str, str]]:
    """Remove the files of these rows, indexes of which no segment is left, and empty folders.

    Returns whose are gone: ids of segment and storage.
    """
    folders: dict[tuple[str, Path], list[Doomed]] = {}
    for row in rows:
        path = places.closed_path(roots[row.storage_id], row.source_id, row.start_us, row.segment_id)
        folders.setdefault((row.storage_id, path.parent), []).append(row)
    gone: set[tuple[str, str]] = set()
    changed: set[tuple[Path, Path]] = set()  # root, and a folder below it in which names are gone
    for (storage_id, folder), held in folders.items():
        root = roots[storage_id]
        try:
            changed.add((root, _remove_from(root, folder, [name for row in held for name in _names(row)])))
        except OSError as error:
            log.error("%d files of deleted footage stay for now: %s: %s", len(held), error.filename, error.strerror)
        else:
            gone.update((row.segment_id, row.storage_id) for row in held)
    removed = [row for row in rows if (row.segment_id, row.storage_id) in gone]
    days = {(row.storage_id, row.source_id, row.start_us // DAY_US) for row in removed}
    try:
        for storage_id, source_id, day in days:
            changed.add((roots[storage_id], _remove_index(roots[storage_id], storage_id, source_id, day * DAY_US)))
        for root, folder in changed:
            with contextlib.suppress(FileNotFoundError), _opened(root, folder) as handle:
                os.fsync(handle)
    except OSError as error:
        log.error("a deletion is tried again: %s: %s", error.filename, error.strerror)
        return set()
    return gone


def _names(row: Doomed) -> tuple[str, str]:
    """Return the names of a file, and of what a move that a crash broke off has left of its copy."""
    return f"{row.segment_id}.mp4", places.MOVING.format(row.segment_id)


def _remove_from(root: Path, folder: Path, names: Sequence[str]) -> Path:
    """Remove files of one folder, and it where it is empty by that; return the folder in which names are gone now."""
    with contextlib.suppress(FileNotFoundError), _opened(root, folder) as handle:
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name, dir_fd=handle)
    return _remove_empty(root, folder, above=3)


def _remove_index(root: Path, storage_id: str, source_id: int, day_us: int) -> Path:
    """Remove the sample indexes of a day of which a storage has no segment left, nor one that moves to or from it.

    Returns the folder in which names are gone now.
    """
    here = select(Segment.id).where(
        Segment.source_id == source_id, Segment.start_us >= day_us, Segment.start_us < day_us + DAY_US
    )
    moving = select(Doomed.segment_id).where(
        Doomed.source_id == source_id, Doomed.start_us >= day_us, Doomed.start_us < day_us + DAY_US
    )
    lefts = (
        here.where(Segment.storage_id == storage_id),
        moving.where(Doomed.storage_id == storage_id, Doomed.due_us > now_us()),
    )
    is_left = any(db.session.scalar(query.limit(1)) is not None for query in lefts)
    db.session.rollback()
    path = places.index_path(root, source_id, day_us)
    if not is_left:
        with contextlib.suppress(FileNotFoundError), _opened(root, path.parent) as handle:
            os.unlink(path.name, dir_fd=handle)
        return _remove_empty(root, path.parent, above=1)
    return path.parent


def _remove_empty(root: Path, folder: Path, above: int) -> Path:
    """Remove a folder and those above it, `above` at most, as long as they are empty; return the first that stays."""
    for path in (folder, *folder.parents)[:above]:
        try:
            with _opened(root, path.parent) as handle:
                os.rmdir(path.name, dir_fd=handle)
        except FileNotFoundError:
            pass  # an earlier try has removed it
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
            return path
    return (folder, *folder.parents)[above]
