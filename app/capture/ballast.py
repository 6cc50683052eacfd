"""The ballast of a storage: a file of allocated blocks that is given up when the disk is full.

Deleting footage needs room itself where the database lies on the same disk: SQLite writes before it deletes. So a full
disk is given some of the ballast first, then footage is evicted, then the ballast is taken again.
"""

import contextlib
import os
from pathlib import Path

from app.archive.places import BALLAST

LEAST_BYTES = 256 * 1024
PART_OF_DISK = 50
BLOCK = b"\xa5" * (1 << 20)


class Ballast:
    """The ballast of one storage. Used by the thread that looks at its disk."""

    def __init__(self, root: Path, wanted_bytes: int) -> None:
        self._path = root / BALLAST
        self._wanted_bytes = wanted_bytes
        self.size_bytes = 0

    def find(self) -> None:
        """Look how much an earlier recorder has left. Raises OSError."""
        with contextlib.suppress(FileNotFoundError):
            self.size_bytes = self._path.lstat().st_size

    def release(self) -> int:
        """Give up half of what there is, all of the last piece; return how many bytes. Raises OSError."""
        try:
            handle = os.open(self._path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            self.size_bytes = 0
            return 0
        try:
            before_bytes = os.fstat(handle).st_size
            self.size_bytes = before_bytes // 2 if before_bytes > LEAST_BYTES else 0
            os.ftruncate(handle, self.size_bytes)
            return before_bytes - self.size_bytes
        finally:
            os.close(handle)

    def build(self, total_bytes: int, spare_bytes: int) -> None:
        """Take the ballast where it is missing and spare_bytes are more than it needs. Raises OSError.

        Written, not allocated: what a file system promises without writing it may count otherwise (compression).
        """
        wanted_bytes = min(self._wanted_bytes, total_bytes // PART_OF_DISK)
        if self.size_bytes >= wanted_bytes or spare_bytes < 2 * wanted_bytes:
            return
        handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            at = min(os.fstat(handle).st_size, wanted_bytes)
            while at < wanted_bytes:
                at += os.pwrite(handle, BLOCK[: wanted_bytes - at], at)
            os.ftruncate(handle, wanted_bytes)
            self.size_bytes = wanted_bytes
        finally:
            os.close(handle)
