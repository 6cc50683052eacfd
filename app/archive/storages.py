"""Storages: folders that hold media. Each is known by the UUID in its marker file, not by where it is mounted."""

import errno
import logging
import os
import shutil
import uuid
from pathlib import Path

from sqlalchemy import select, update

from app.archive import places
from app.archive.durable import make_root, write_new
from app.errors import PlaybackError, StorageFull, StorageUnusable
from app.extensions import db, writing
from app.models import Storage
from instance.config import Config, StorageSettings

log = logging.getLogger(__name__)


def read_marker(root: Path) -> str | None:
    """Return the id in the storage's marker file, or None where there is none."""
    try:
        return str(uuid.UUID((root / places.MARKER).read_text("ascii").strip()))
    except (FileNotFoundError, ValueError):
        return None


def open_storages(config: Config) -> list[Storage]:
    """Return the rows of the storages that can be used, in the order in which they are recorded to."""
    found = []
    for number, settings in enumerate(config.storages):
        try:
            found.append(_open(settings, number))
        except PlaybackError as error:
            log.error("%s", error.message)
    return found


def open_storage(config: Config) -> Storage:
    """Return the row of the first storage; make folder, marker and row at the first use.

    Raises StorageUnusable when the folder cannot be made or written.
    """
    return _open(config.storages[0], 0)


def _open(settings: StorageSettings, priority: int) -> Storage:
    root = settings.path
    if read_marker(root) is None:
        _check_marker(root)
    storage_id = read_marker(root) or _make_marker(root)
    storage = db.session.get(Storage, storage_id)
    told = {
        "path": str(root),
        "priority": priority,
        "is_cold": settings.cold_after_s is not None,
        "budget_bytes": settings.budget_bytes,
        "reserve_bytes": settings.reserve_bytes,
    }
    if storage is None or any(getattr(storage, name) != value for name, value in told.items()):
        with writing() as session:
            storage = session.get(Storage, storage_id) or Storage(id=storage_id)
            session.execute(  # it was another's place
                update(Storage).where(Storage.path == str(root), Storage.id != storage_id).values(path="")
            )
            for name, value in told.items():
                setattr(storage, name, value)
            session.add(storage)
    return storage


def _make_marker(root: Path) -> str:
    try:
        make_root(root)
        fresh = str(uuid.uuid4())
        write_new(root / places.MARKER, f"{fresh}\n".encode("ascii"))
        return read_marker(root) or fresh
    except OSError as error:
        raise unusable(root, error) from error


def unusable(root: Path, error: OSError) -> StorageUnusable | StorageFull:
    """Translate an error of the file system into one that names the storage and the way out."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageFull(f"the storage {root.name!r} is full: free space on its disk, or delete recordings")
    return StorageUnusable(
        f"the storage {root.name!r} cannot be written ({error.strerror}): check that it is mounted, not read-only, "
        "and owned by the user of the service"
    )


def _check_marker(root: Path) -> None:
    """Raise StorageUnusable when another storage, or none, is where footage was recorded to before."""
    known = db.session.scalar(select(Storage.id).where(Storage.path == str(root)))
    if known is not None and read_marker(root) != known:
        raise StorageUnusable(
            f"the storage {root.name!r} is not the one that was recorded to: its file {places.MARKER} is missing or "
            "another's; mount the right disk there, or set PLAYBACK_STORAGE to a new folder"
        )


def check_room(config: Config) -> None:
    """Raise StorageFull below the reserve of free space, StorageUnusable when a file cannot be made."""
    root = config.storage_path
    _check_marker(root)
    probe = root / places.LIVE / f".probe.{os.getpid()}"
    try:
        probe.parent.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"x")
        probe.unlink(missing_ok=True)  # another thread of this process may have been here
        free_bytes = shutil.disk_usage(root).free
    except OSError as error:
        raise unusable(root, error) from error
    if free_bytes < config.RESERVE_BYTES:
        raise StorageFull(
            f"the storage {root.name!r} has {free_bytes // 2**20} MiB left, less than the reserve of "
            f"{config.RESERVE_BYTES // 2**20} MiB (PLAYBACK_RESERVE_BYTES): free space on its disk, or delete "
            "recordings"
        )


_writes: dict[str, tuple[int, int]] = {}  # by storage: µs that the last write took to become durable, and the longest


def note_write(storage_id: str, took_us: int) -> None:
    """Note how long a write took to become durable. Called by any thread; kept in memory."""
    _writes[storage_id] = (took_us, max(took_us, _writes.get(storage_id, (0, 0))[1]))


def take_writes() -> dict[str, tuple[int, int]]:
    """Return by storage how long the last write took and the longest since the last call, in µs."""
    taken = dict(_writes)
    _writes.clear()
    return taken
