"""Making open files durable: what ffmpeg has written is on the disk after SYNC_S, not only in the kernel's memory.

A reset of the machine loses what the kernel has not written yet: up to 30 s and more by itself. So each storage has
a thread in the recorder that calls fdatasync on every open file that has grown, every SYNC_S, and syncs the folder of
one that is new. Nothing but the file system can hold it up: it asks neither the database nor the recorder's main
thread, and one for each storage, so that a disk that hangs holds up no other.
"""

import ctypes
import logging
import os
import threading
import time
from pathlib import Path

from app.archive import places
from app.archive.durable import sync_folder
from app.archive.storages import note_write

log = logging.getLogger(__name__)

SYNC_S = 4.0  # from begin to begin of a pass: 5 s are promised, and a pass takes its time
_START_WRITING = 2  # SYNC_FILE_RANGE_WRITE of sync_file_range(2)
_libc = ctypes.CDLL(None)


class Syncer:
    """Syncs the open files of one storage. `run` is its thread's; the rest may be asked by any thread."""

    def __init__(self, root: Path, storage_id: str) -> None:
        self.root = root
        self.storage_id = storage_id
        self._begun_s: float | None = None
        self._end = threading.Event()
        self._files: dict[str, tuple[int, int, int]] = {}  # as synced: inode, size, mtime
        self._folders: dict[str, int] = {}  # inodes of folders whose own name is durable
        self._is_refused = False
        self._refusals: list[OSError] = []

    def start(self) -> None:
        """Begin."""
        threading.Thread(target=self.run, name=f"sync {self.root.name}", daemon=True).start()

    def stop(self) -> None:
        """End after the pass that is running."""
        self._end.set()

    @property
    def busy_s(self) -> float:
        """Tell for how long the pass that is running has lasted: what hangs never gets to say so itself."""
        begun_s = self._begun_s
        return 0.0 if begun_s is None else time.monotonic() - begun_s

    def run(self) -> None:
        """Sync every SYNC_S until the end."""
        while not self._end.is_set():
            begun_s = time.monotonic()
            try:
                self.sync()
                self._is_refused = False
            except OSError as error:
                log.log(
                    logging.DEBUG if self._is_refused else logging.ERROR,
                    "open files of the storage %r cannot be synced: %s: %s",
                    self.root.name, error.filename, error.strerror,
                )  # fmt: skip
                self._is_refused = True
            self._end.wait(max(0.0, begun_s + SYNC_S - time.monotonic()))

    def sync(self) -> None:
        """Make every open file durable as it is now. Raises the first OSError when it has tried all."""
        self._begun_s = time.monotonic()
        opened: list[tuple[str, int]] = []
        self._refusals = []
        try:
            self._open_grown(opened)
            # All begin to be written before one is waited for: 100 files take half as long (docs/design/storage.md).
            for _, handle in opened:
                _libc.sync_file_range(handle, ctypes.c_int64(0), ctypes.c_int64(0), _START_WRITING)
            new = {os.path.dirname(path) for path, handle in opened if self._sync_file(path, handle)}  # noqa: PTH120
            for folder in sorted(new):
                self._sync_names(folder)
        finally:
            for _, handle in opened:
                os.close(handle)
            self._begun_s = None
        if self._refusals:
            raise self._refusals[0]

    def _open_grown(self, opened: list[tuple[str, int]]) -> None:
        for path in self._grown():
            try:
                opened.append((path, os.open(path, os.O_RDONLY | os.O_CLOEXEC)))
            except FileNotFoundError:
                pass  # closed meanwhile, and synced by that
            except OSError as error:
                self._refusals.append(error)

    def _grown(self) -> list[str]:
        """Return the paths of open files that are not what they were when they were synced."""
        found: dict[str, tuple[int, int, int]] = {}
        for folder in _folders(self.root / places.LIVE):
            try:
                with os.scandir(folder) as entries:
                    for entry in entries:
                        if entry.name.endswith(".mp4"):
                            status = entry.stat(follow_symlinks=False)
                            found[entry.path] = (status.st_ino, status.st_size, status.st_mtime_ns)
            except FileNotFoundError:
                continue  # a file that was renamed, or a folder that is gone
        self._files = {path: known for path, known in self._files.items() if path in found}
        return [path for path, seen in found.items() if self._files.get(path) != seen]

    def _sync_file(self, path: str, handle: int) -> bool:
        """Sync a file; tell whether its name is new."""
        status = os.fstat(handle)
        begun_ns = time.monotonic_ns()
        try:
            os.fdatasync(handle)
        except OSError as error:
            error.filename = path
            self._refusals.append(error)
            return False
        note_write(self.storage_id, (time.monotonic_ns() - begun_ns) // 1000)
        before = self._files.get(path)
        self._files[path] = (status.st_ino, status.st_size, status.st_mtime_ns)
        return before is None or before[0] != status.st_ino

    def _sync_names(self, folder: str) -> None:
        """Sync a folder in which a file is new, and those above it where the folder is new itself."""
        try:
            sync_folder(Path(folder))
            self._sync_above(Path(folder))
        except OSError as error:
            self._refusals.append(error)
            self._files = {path: seen for path, seen in self._files.items() if os.path.dirname(path) != folder}  # noqa: PTH120

    def _sync_above(self, folder: Path) -> None:
        while folder != self.root:
            inode = folder.stat().st_ino
            if self._folders.get(str(folder)) == inode:
                return
            sync_folder(folder.parent)
            self._folders[str(folder)] = inode
            folder = folder.parent


def _folders(live: Path) -> list[str]:
    """Return the folders of the sources."""
    try:
        with os.scandir(live) as entries:
            return [entry.path for entry in entries if entry.name.isdigit() and entry.is_dir(follow_symlinks=False)]
    except FileNotFoundError:
        return []


class Syncers:
    """The threads of all storages that are recorded to. Used by the recorder's main thread."""

    def __init__(self) -> None:
        self._syncers: dict[str, Syncer] = {}

    def watch(self, storage_id: str, root: Path) -> None:
        """Sync the open files of a storage from now on; does nothing where that is done already."""
        known = self._syncers.get(storage_id)
        if known is not None and known.root == root:
            return
        if known is not None:
            known.stop()
        self._syncers[storage_id] = Syncer(root, storage_id)
        self._syncers[storage_id].start()

    def busy_s(self, storage_id: str) -> float:
        """Tell for how long the storage has held up the pass that is running; 0.0 where none runs."""
        known = self._syncers.get(storage_id)
        return known.busy_s if known is not None else 0.0

    def stop(self) -> None:
        """End all threads; what hangs is not waited for."""
        for syncer in self._syncers.values():
            syncer.stop()
