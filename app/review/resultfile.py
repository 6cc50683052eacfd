"""The file that an analyser sends as its result: received under a temporary name, then put in its place.

files/ID.result            the result
files/.ID.result.UUID      one that is still coming, or that a killed process has left
"""

import hashlib
import os
import re
import time
import uuid
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from app.archive import places
from app.archive.durable import make_folder, sync_folder
from app.archive.storages import unusable
from app.errors import TooLarge

COMING = re.compile(r"\.[0-9]+\.result\.[0-9a-f-]{36}")
LEFT_S = 86_400.0  # nobody takes a day to send a result
HEAD_BYTES = 1 << 16
NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW


class Target(NamedTuple):
    """Where the result of a file goes, if it is one, and how large it may be."""

    storage_id: str
    root: Path
    file_id: int
    max_bytes: int


class Arriving:
    """A result on its way to the disk. Whoever makes one drops it in the end, which does nothing to one that was kept.

    `head` are its first bytes, `size_bytes` and `sha256` (hex) those of what has come so far.
    """

    def __init__(self, target: Target) -> None:
        """Make the temporary file. Raises StorageUnusable, StorageFull."""
        self.target = target
        self._final = places.result_path(target.root, target.file_id)
        self._path = self._final.with_name(f".{self._final.name}.{uuid.uuid4()}")
        self._hash = hashlib.sha256()
        self._is_kept = False
        self.head, self.size_bytes = b"", 0
        try:
            make_folder(self._path.parent, target.root)
            self._handle = os.open(self._path, NEW, 0o640)
        except OSError as error:
            raise unusable(target.root, error) from error

    @property
    def sha256(self) -> str:
        """Return the checksum of what has come."""
        return self._hash.hexdigest()

    def write(self, block: bytes) -> None:
        """Take a block. Raises TooLarge, StorageFull, StorageUnusable."""
        self.size_bytes += len(block)
        if self.size_bytes > self.target.max_bytes:
            raise TooLarge(f"a result has at most {self.target.max_bytes} bytes (PLAYBACK_RESULT_MAX_BYTES)")
        if len(self.head) < HEAD_BYTES:
            self.head += block[: HEAD_BYTES - len(self.head)]
        self._hash.update(block)
        left = memoryview(block)
        try:
            while left:
                left = left[os.write(self._handle, left) :]
        except OSError as error:
            raise unusable(self.target.root, error) from error

    def sync(self) -> None:
        """Make what has come durable; before a transaction begins, for it may take a while."""
        try:
            os.fsync(self._handle)
        except OSError as error:
            raise unusable(self.target.root, error) from error

    def read(self, begin: int = 0) -> bytes:
        """Return what has come, from a position on."""
        with open(self._handle, "rb", closefd=False) as file:
            file.seek(begin)
            return file.read()

    def keep(self) -> None:
        """Put the durable file in its place; the caller's transaction is the one that may."""
        try:
            self._path.rename(self._final)
            self._is_kept = True
            sync_folder(self._final.parent)
        except OSError as error:
            raise unusable(self.target.root, error) from error

    def drop(self) -> None:
        """Close the file, and remove it unless it was kept."""
        os.close(self._handle)
        if not self._is_kept:
            self._path.unlink(missing_ok=True)


def remove_left(root: Path) -> int:
    """Remove what killed processes have left of results that never came whole; return how many."""
    folder, before_s = root / places.FILES, time.time() - LEFT_S
    if not folder.is_dir():
        return 0
    removed = 0
    for path in folder.iterdir():
        with suppress(FileNotFoundError):  # its request has ended meanwhile
            if COMING.fullmatch(path.name) and path.stat().st_mtime < before_s:
                path.unlink()
                removed += 1
    return removed
