"""Taking copies from another server of this kind: announced, sent in pieces, compared, renamed (docs/design/sync.md).

What the row says has come is on the disk; bytes behind that are cut off before the next piece. A lock on the partial
file keeps two senders apart. No transaction is open while bytes are read or compared.
"""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import select, update
from sqlalchemy.engine import CursorResult

from app.archive import places
from app.archive.auditing import audit
from app.archive.durable import sync_folder
from app.archive.storages import check_storage, open_storage, unusable
from app.errors import Busy, Conflict, CopyBroken, Invalid, NotFound, OffsetWrong, StorageFull, StorageUnusable
from app.extensions import AnySession, db, insert_missing, writing
from app.models import ReceivedCopy, Storage
from app.models.types import now_us
from app.transfer.folder import write_all
from instance.config import Config

BLOCK_BYTES = 1 << 18
CLAIMED = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW


class Announced(NamedTuple):
    """What a sender says of a copy before it sends it; `description` is JSON."""

    record_id: str
    tag_name: str
    size_bytes: int
    md5: str
    description: str | None


class _Place(NamedTuple):
    """A copy's files and what its row says."""

    id: str
    part: Path
    whole: Path
    size_bytes: int
    md5: str
    received_bytes: int
    is_complete: bool

    @property
    def is_named(self) -> bool:
        """Tell whether it has its name, though a process that was killed then may not have written that down."""
        return self.received_bytes == self.size_bytes and not self.part.exists() and self.whole.exists()


def announce(config: Config, given: Announced, who: str) -> str:
    """Make the copy ready to be sent, or to be gone on with; return its id, which is the record's.

    Raises Conflict where a whole copy with another checksum is there, StorageFull, StorageUnusable.
    """
    known = db.session.get(ReceivedCopy, given.record_id)
    is_same = known is not None and (known.md5, known.size_bytes) == (given.md5, given.size_bytes)
    if known is not None and known.completed_us is not None:
        if is_same:
            return known.id
        message = f"record {given.record_id} was copied here with another checksum: delete that copy first"
        raise Conflict(message, loc=("body", "md5"), kind="copy_differs")
    _check_room(config, given.size_bytes)
    storage_id = open_storage(config).id
    with writing() as session:
        values = {"id": given.record_id, "created_us": now_us(), "received_bytes": 0, "storage_id": storage_id}
        is_new = session.get(ReceivedCopy, given.record_id) is None
        insert_missing(session, ReceivedCopy, {**given._asdict(), **values})
        if is_new or (known is not None and not is_same):
            _note(session, who, "copy.announce", given.record_id, given.size_bytes, given.md5)
        if known is not None and not is_same:
            new = {**given._asdict(), "received_bytes": 0}
            going = (ReceivedCopy.id == given.record_id) & ReceivedCopy.completed_us.is_(None)
            session.execute(update(ReceivedCopy).where(going).values(**new))
    _forget_lost(_place(given.record_id))
    return given.record_id


def append(config: Config, copy_id: str, begin: int, end: int, total: int, read: Callable[[int], bytes]) -> None:
    """Add the piece [begin, end) of a body to what has come.

    Raises OffsetWrong where it does not follow, Invalid where the body is shorter, StorageFull, Busy, NotFound.
    """
    with _claimed(copy_id) as (place, handle):
        _check_offset(place, begin, total)
        if os.fstat(handle).st_size < begin:
            _received(place, 0)
            raise OffsetWrong("the part of this copy is gone: send it from its begin", received_bytes=0)
        # Since it was announced others may have come, and cameras have recorded.
        _check_free(config, place.part.parent, end - begin)
        try:
            _write(handle, begin, end, read)
        except OSError as error:
            raise unusable(place.part.parent.parent, error) from error
        _received(place, end)


def complete(copy_id: str, total: int, who: str) -> None:
    """Compare what has come with its checksum and give it its name. Raises CopyBroken, OffsetWrong, Busy, NotFound."""
    with _claimed(copy_id) as (place, _):
        if place.is_complete:
            return
        if place.is_named:
            _compare(place, place.whole)
        else:
            _check_offset(place, place.size_bytes, total)
            _compare(place, place.part)
            place.part.rename(place.whole)
        sync_folder(place.whole.parent)
        with writing() as session:
            session.execute(update(ReceivedCopy).where(ReceivedCopy.id == copy_id).values(completed_us=now_us()))
            _note(session, who, "copy.complete", copy_id, place.size_bytes, place.md5)


def _note(session: AnySession, who: str, action: str, copy_id: str, size_bytes: int, md5: str) -> None:
    audit(session, who, action, copy_id, size_bytes=size_bytes, md5=md5)


def remove(copy_id: str, who: str) -> None:
    """Delete a copy's files and its row. Raises NotFound, Busy."""
    with _claimed(copy_id) as (place, _):
        for path in (place.whole, place.part):
            path.unlink(missing_ok=True)
        with writing() as session:
            row = session.get(ReceivedCopy, copy_id)
            if row is not None:
                session.delete(row)
                _note(session, who, "copy.delete", copy_id, place.size_bytes, place.md5)


def whole_path(copy_id: str) -> Path:
    """Return the path of a complete copy. Raises NotFound, Conflict before it is complete."""
    place = _place(copy_id)
    if not place.is_complete:
        message = f"{place.received_bytes} of {place.size_bytes} bytes of this copy have come"
        raise Conflict(message, loc=("path", "copy_id"), kind="copy_incomplete")
    return place.whole


def _check_room(config: Config, size_bytes: int) -> None:
    """Raise StorageFull where the copy would leave less than the reserve."""
    check_storage(config.storages[0])  # where copies go
    _check_free(config, config.storage_path, size_bytes)


def _check_free(config: Config, folder: Path, size_bytes: int) -> None:
    free_bytes = shutil.disk_usage(folder).free
    if free_bytes - size_bytes < config.RESERVE_BYTES:
        raise StorageFull(
            f"the copy has {size_bytes // 2**20} MiB, and the storage {free_bytes // 2**20} MiB left, of which "
            f"{config.RESERVE_BYTES // 2**20} MiB are reserved (PLAYBACK_RESERVE_BYTES): free space on its disk"
        )


def _place(copy_id: str) -> _Place:
    query = select(ReceivedCopy, Storage.path).join(Storage, Storage.id == ReceivedCopy.storage_id)
    found = db.session.execute(
        query.where(ReceivedCopy.id == copy_id).execution_options(populate_existing=True)
    ).first()
    if found is None:
        db.session.rollback()
        raise NotFound(f"there is no copy {copy_id}", loc=("path", "copy_id"))
    row, root = found
    part, whole = (places.copy_path(Path(root), row.id, is_whole=is_whole) for is_whole in (False, True))
    place = _Place(row.id, part, whole, row.size_bytes, row.md5, row.received_bytes, row.completed_us is not None)
    db.session.rollback()
    if not root:
        raise StorageUnusable("the storage that holds this copy is not mounted")
    return place


@contextmanager
def _claimed(copy_id: str) -> Iterator[tuple[_Place, int]]:
    """Yield a copy whose file is locked by us, and that file; what the row says is read under the lock."""
    place = _place(copy_id)
    try:
        place.part.parent.mkdir(exist_ok=True)
        handle = os.open(place.whole if place.is_named else place.part, CLAIMED, 0o640)
    except OSError as error:
        raise unusable(place.part.parent.parent, error) from error
    try:
        if not _lock(handle):
            raise Busy(f"another request sends to the copy {copy_id} now; ask again in a moment")
        yield _place(copy_id), handle
    finally:
        os.close(handle)


def _lock(handle: int) -> bool:
    """Lock a file; False where another has it, or has removed it meanwhile."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return os.fstat(handle).st_nlink > 0


def _check_offset(place: _Place, begin: int, total: int) -> None:
    if total != place.size_bytes:
        message = f"the copy was announced with {place.size_bytes} bytes, not {total}"
        raise Invalid(message, loc=("header", "Content-Range"), kind="size_differs")
    if begin != place.received_bytes or place.is_complete:
        message = f"{place.received_bytes} bytes have come: the next piece must begin there"
        raise OffsetWrong(message, received_bytes=place.received_bytes)


def _received(place: _Place, received_bytes: int) -> None:
    with writing() as session:
        as_read = (ReceivedCopy.id == place.id) & (ReceivedCopy.received_bytes == place.received_bytes)
        as_read &= ReceivedCopy.md5 == place.md5
        done = session.execute(update(ReceivedCopy).where(as_read).values(received_bytes=received_bytes))
        assert isinstance(done, CursorResult)
        if not done.rowcount:
            raise OffsetWrong("the copy was announced anew meanwhile: announce it again", received_bytes=0)


def _forget_lost(place: _Place) -> None:
    """Let the copy begin anew where less of it is on the disk than its row says."""
    paths = [path for path in (place.part, place.whole) if path.exists()]
    if place.received_bytes > max((path.stat().st_size for path in paths), default=0):
        _received(place, 0)


def _compare(place: _Place, path: Path) -> None:
    """Raise CopyBroken, and remove the file, where its checksum is another than announced."""
    with path.open("rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        md5 = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    if md5 != place.md5:
        path.unlink()
        _received(place, 0)
        message = f"what came has the checksum {md5}, not {place.md5}: send it from its begin"
        raise CopyBroken(message, received_bytes=0)


def _write(handle: int, begin: int, end: int, read: Callable[[int], bytes]) -> None:
    """Write a piece behind what has come and make it durable. Raises Invalid where the body is shorter."""
    os.ftruncate(handle, begin)
    os.lseek(handle, begin, os.SEEK_SET)
    left = end - begin
    while left:
        block = read(min(BLOCK_BYTES, left))
        if not block:
            raise Invalid(f"the body ended {left} bytes early", loc=("body",), kind="body_short")
        left -= len(block)
        write_all(handle, block)
    os.fsync(handle)
