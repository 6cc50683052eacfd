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

from sqlalchemy import and_, delete, or_, select

from app.archive import places
from app.archive.places import DAY_US
from app.archive.storages import read_marker
from app.extensions import db, writing
from app.models import Doomed, Segment, Storage

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


def unlink_doomed(limit: int, since_us: int = 0) -> int:
    """Remove up to `limit` doomed files, the oldest first, of those doomed at `since_us` or later; return how many.

    Needs an app context without a transaction. What cannot be removed is told in the log and stays doomed; so does what
    lies in a storage that is not mounted.
    """
    roots = mounted_roots()
    done, after = 0, (since_us, "")
    while done < limit:
        rows = _next_rows(roots, after, min(limit - done, BATCH))
        if not rows:
            break
        after = (rows[-1].since_us, rows[-1].segment_id)
        gone = _remove_files(rows, roots)
        with writing() as session:
            session.execute(delete(Doomed).where(Doomed.segment_id.in_(gone)))
        done += len(gone)
    return done


def mounted_roots() -> dict[str, Path]:
    """Return the roots of the storages that are where they are said to be, by id."""
    found = {row.id: Path(row.path) for row in db.session.scalars(select(Storage)) if row.path}
    db.session.rollback()
    return {storage_id: root for storage_id, root in found.items() if read_marker(root) == storage_id}


def _next_rows(roots: dict[str, Path], after: tuple[int, str], limit: int) -> list[Doomed]:
    since_us, segment_id = after
    query = select(Doomed).where(
        Doomed.storage_id.in_(roots),
        or_(Doomed.since_us > since_us, and_(Doomed.since_us == since_us, Doomed.segment_id > segment_id)),
    )
    rows = list(db.session.scalars(query.order_by(Doomed.since_us, Doomed.segment_id).limit(limit)))
    db.session.expunge_all()
    db.session.rollback()
    return rows


def _remove_files(rows: Sequence[Doomed], roots: dict[str, Path]) -> list[str]:
    """Remove the files of these rows, indexes of which no segment is left, and empty folders; return whose are gone."""
    folders: dict[tuple[str, Path], list[Doomed]] = {}
    for row in rows:
        path = places.closed_path(roots[row.storage_id], row.source_id, row.start_us, row.segment_id)
        folders.setdefault((row.storage_id, path.parent), []).append(row)
    gone: list[str] = []
    for (storage_id, folder), held in folders.items():
        try:
            _remove_from(roots[storage_id], folder, [f"{row.segment_id}.mp4" for row in held])
            _remove_index(roots[storage_id], held[0])
        except OSError as error:
            log.error("%d files of deleted footage stay for now: %s: %s", len(held), error.filename, error.strerror)
        else:
            gone += [row.segment_id for row in held]
    return gone


def _remove_from(root: Path, folder: Path, names: Sequence[str]) -> None:
    """Remove files of one folder, durably, then the folders above that are empty by that, up to that of the source."""
    with contextlib.suppress(FileNotFoundError), _opened(root, folder) as handle:
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name, dir_fd=handle)
        os.fsync(handle)
    _remove_empty(root, folder, above=3)


def _remove_index(root: Path, row: Doomed) -> None:
    """Remove the sample indexes of a day of which no segment is left."""
    day_us = row.start_us // DAY_US * DAY_US
    left = select(Segment.id).where(
        Segment.source_id == row.source_id, Segment.start_us >= day_us, Segment.start_us < day_us + DAY_US
    )
    is_left = db.session.scalar(left.limit(1)) is not None
    db.session.rollback()
    if not is_left:
        path = places.index_path(root, row.source_id, row.start_us)
        remove_file(root, path)
        _remove_empty(root, path.parent, above=1)


def _remove_empty(root: Path, folder: Path, above: int) -> None:
    """Remove a folder and those above it, `above` at most, as long as they are empty."""
    for path in (folder, *folder.parents)[:above]:
        try:
            with _opened(root, path.parent) as handle:
                os.rmdir(path.name, dir_fd=handle)
        except FileNotFoundError:
            continue
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
            return
