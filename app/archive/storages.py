"""Storages: folders that hold media. Each is known by the UUID in its marker file, not by where it is mounted."""

import contextlib
import errno
import logging
import os
import shutil
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path

from flask import current_app
from sqlalchemy import select, update

from app.archive import places
from app.archive.durable import make_root, write_new
from app.errors import PlaybackError, StorageFull, StorageUnusable
from app.extensions import db, writing
from app.models import Storage
from app.models.types import now_us
from instance.config import Config, StorageSettings

log = logging.getLogger(__name__)

ANSWER_S = 2.0  # so long a disk is waited for by who only asks whether it works
FRESH_US = 15_000_000  # what the recorder says of a storage counts as long as it says it


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


def open_one(settings: StorageSettings, priority: int) -> str:
    """Return the id of one storage; make folder, marker and row at the first use. Raises StorageUnusable."""
    return _open(settings, priority).id


def _open(settings: StorageSettings, priority: int) -> Storage:
    root = settings.path
    try:
        storage_id = read_marker(root)
    except OSError as error:
        raise unusable(root, error) from error
    if storage_id is None:
        _check_marker(root)
        storage_id = _make_marker(root)
    storage = db.session.get(Storage, storage_id)
    if storage is None or storage.path != str(root):
        _refuse_copy(root, storage_id, storage)
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


def _refuse_copy(root: Path, storage_id: str, known: Storage | None) -> None:
    """Raise StorageUnusable where another of the settings' folders is this very storage: one is a copy of the other.

    A storage that was moved, or is mounted elsewhere now, is no copy: its former folder is not in the settings, or has
    its marker no more.
    """
    for settings in current_app.config["PLAYBACK"].storages:
        other = settings.path
        if other == root:
            if known is None:
                return  # the first of two copies that nobody knows yet
            continue
        if known is not None and known.path != str(other):
            continue
        with contextlib.suppress(OSError):
            if read_marker(other) == storage_id and not root.samefile(other):
                raise StorageUnusable(
                    f"the storage {root.name!r} is a copy of {str(other)!r}, they have the same {places.MARKER}: what "
                    "is recorded in one would be looked for in the other; leave one out of PLAYBACK_STORAGES"
                )


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
        raise _another(root)


def _another(root: Path) -> StorageUnusable:
    return StorageUnusable(
        f"the storage {root.name!r} is not the one that was recorded to: its file {places.MARKER} is missing or "
        "another's; mount the right disk there, or set PLAYBACK_STORAGE to a new folder"
    )


def check_room(config: Config) -> None:
    """Raise why nothing can be recorded now where no storage takes footage: StorageFull or StorageUnusable.

    A disk that does not answer is given up after ANSWER_S. Below the reserve a storage takes footage as long as the
    recorder says that it makes room there.
    """
    problems = []
    for settings in config.storages:
        try:
            check_storage(settings)
        except PlaybackError as error:
            problems.append(error)
        else:
            return
    raise problems[0]


def check_storage(settings: StorageSettings) -> None:
    """Raise StorageFull below the reserve of free space of one storage, StorageUnusable when no file can be made."""
    root, reserve_bytes = settings.path, settings.reserve_bytes
    row = db.session.scalar(select(Storage).where(Storage.path == str(root)))
    is_kept_free = row is not None and row.state == "ok" and (row.looked_us or 0) > now_us() - FRESH_US
    free_bytes = _answer(root, lambda: _probe(root, None if row is None else row.id))
    if free_bytes < reserve_bytes and not is_kept_free:
        raise StorageFull(
            f"the storage {root.name!r} has {free_bytes // 2**20} MiB left, less than the reserve of "
            f"{reserve_bytes // 2**20} MiB (PLAYBACK_RESERVE_BYTES): free space on its disk, or delete recordings"
        )


def _probe(root: Path, known_id: str | None) -> int:
    """Make a file and remove it; return the bytes free. Raises StorageUnusable, StorageFull."""
    try:
        if known_id is not None and read_marker(root) != known_id:
            raise _another(root)
        probe = root / places.LIVE / f".probe.{os.getpid()}"
        probe.parent.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"x")
        probe.unlink(missing_ok=True)  # another thread of this process may have been here
        return shutil.disk_usage(root).free
    except OSError as error:
        raise unusable(root, error) from error


class _Asking(threading.Thread):
    """Asks a disk something, for all who want to know it meanwhile."""

    def __init__(self, ask: Callable[[], int]) -> None:
        super().__init__(name="probe", daemon=True)
        self._ask = ask
        self._until_s = time.monotonic() + ANSWER_S
        self.found: int | PlaybackError | None = None

    def run(self) -> None:
        try:
            self.found = self._ask()
        except PlaybackError as error:
            self.found = error

    def wait(self) -> None:
        """Wait until ANSWER_S after its begin: who comes later waits no longer."""
        self.join(max(0.0, self._until_s - time.monotonic()))


_asking: dict[Path, _Asking] = {}
_asking_lock = threading.Lock()


def _answer(root: Path, ask: Callable[[], int]) -> int:
    """Return what `ask` finds at a disk, in a thread of its own. Raises what it raises; StorageUnusable when none."""
    with _asking_lock:
        asking = _asking.get(root)
        if asking is None or not asking.is_alive():
            asking = _asking[root] = _Asking(ask)
            asking.start()
    asking.wait()
    if asking.found is None:
        raise StorageUnusable(
            f"the storage {root.name!r} does not answer within {ANSWER_S:.0f} s: check its disk and its network"
        )
    if isinstance(asking.found, PlaybackError):
        raise asking.found
    return asking.found


_writes: dict[str, tuple[int, int]] = {}  # by storage: µs that the last write took to become durable, and the longest


def note_write(storage_id: str, took_us: int) -> None:
    """Note how long a write took to become durable. Called by any thread; kept in memory."""
    _writes[storage_id] = (took_us, max(took_us, _writes.get(storage_id, (0, 0))[1]))


def take_write(storage_id: str) -> tuple[int, int] | None:
    """Return how long the last write took and the longest since the last call, in µs; None for none."""
    return _writes.pop(storage_id, None)
