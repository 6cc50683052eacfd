"""A folder of this machine as a target: every step below the root is opened without following symbolic links."""

import contextlib
import errno
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from app.transfer.addresses import Root
from app.transfer.copying import BLOCK_BYTES, CopyFailed, CopyRefused
from app.transfer.naming import part_name

SAFE_BYTES = 1 << 24  # how often what was written is made durable
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
FILE = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK  # a pipe in the place of a file would wait for a writer for ever
FOLDER_MODE, FILE_MODE = 0o750, 0o640
NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)


class FolderTarget:
    """Files in a folder below a root. What is written is durable before it is renamed."""

    can_append = True
    shows_only_whole = False

    def __init__(self, root: Root, below: Sequence[str], reserve_bytes: int = 0) -> None:
        """Open the folder, which is made where it is missing. Raises CopyFailed without the root.

        reserve_bytes: so much of its disk is left free, for what is recorded.
        """
        self._reserve_bytes = reserve_bytes
        try:
            self._folder = os.open(root.text, FOLDER)
        except FileNotFoundError:
            raise CopyFailed(f"the folder {root.text} does not exist: mount it or make it") from None
        for part in below:
            self._descend(part)

    def _descend(self, part: str) -> None:
        above = self._folder
        try:
            with contextlib.suppress(FileExistsError):
                os.mkdir(part, FOLDER_MODE, dir_fd=above)
                os.fsync(above)
            self._folder = os.open(part, FOLDER | os.O_NOFOLLOW, dir_fd=above)
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.ENOTDIR):
                raise CopyRefused(
                    f"{part!r} below the root is a symbolic link or no folder: it is not followed"
                ) from None
            raise
        finally:
            os.close(above)

    def size(self, name: str) -> int | None:
        """Return the size of a file, None where there is none. Raises CopyRefused where it is something else."""
        try:
            found = os.stat(name, dir_fd=self._folder, follow_symlinks=False)
        except FileNotFoundError:
            return None
        if not stat.S_ISREG(found.st_mode):
            raise CopyRefused(f"{name} at the target is no plain file: it is neither followed nor written over")
        return found.st_size

    def read(self, name: str) -> Iterator[bytes]:
        """Yield the bytes of a file, from the disk where the system lets us."""
        handle = os.open(name, os.O_RDONLY | FILE, dir_fd=self._folder)
        try:
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
            while block := os.read(handle, BLOCK_BYTES):
                yield block
        finally:
            os.close(handle)

    def write(self, name: str, begin: int, blocks: Iterator[bytes], size_bytes: int) -> Iterator[int]:
        """Write the blocks from `begin` on; yield up to where the file is on the disk. Raises CopyFailed: no room."""
        self._check_room(size_bytes - begin)
        handle = os.open(name, os.O_WRONLY | os.O_CREAT | FILE, FILE_MODE, dir_fd=self._folder)
        try:
            os.ftruncate(handle, begin)
            position = safe = os.lseek(handle, begin, os.SEEK_SET)
            for block in blocks:
                write_all(handle, block)
                position += len(block)
                if position - safe >= SAFE_BYTES:
                    os.fsync(handle)
                    safe = position
                    yield safe
                    self._check_room(0)
            os.fsync(handle)
            yield position
        finally:
            os.close(handle)

    def _check_room(self, size_bytes: int) -> None:
        """Raise CopyFailed where less than the reserve would be left; the disk may be that of the recordings."""
        found = os.fstatvfs(self._folder)
        free_bytes = found.f_bavail * found.f_frsize
        if free_bytes - size_bytes < self._reserve_bytes:
            raise CopyFailed(
                f"the disk has {free_bytes // 2**20} MiB left: too little for {size_bytes // 2**20} MiB more and the "
                f"reserve of {self._reserve_bytes // 2**20} MiB (PLAYBACK_RESERVE_BYTES); free space on it"
            )

    def publish(self, part: str, name: str) -> None:
        """Rename a file and make that durable. Raises FileExistsError where the name is taken."""
        try:
            os.link(part, name, src_dir_fd=self._folder, dst_dir_fd=self._folder, follow_symlinks=False)
            os.unlink(part, dir_fd=self._folder)
        except OSError as error:
            if error.errno not in NO_LINKS:
                raise
            if self.size(name) is not None:  # a file system without hard links: FAT, some shares
                raise FileExistsError(errno.EEXIST, "the name is taken", name) from None
            os.rename(part, name, src_dir_fd=self._folder, dst_dir_fd=self._folder)
        os.fsync(self._folder)

    def replace(self, name: str, data: bytes) -> None:
        """Make a small file, or one in the place of what was there, whole at once."""
        temporary = part_name(name)
        for _ in self.write(temporary, 0, iter((data,)), len(data)):
            pass
        os.replace(temporary, name, src_dir_fd=self._folder, dst_dir_fd=self._folder)
        os.fsync(self._folder)

    def remove(self, name: str) -> None:
        """Remove a file; none is fine."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name, dir_fd=self._folder)

    def close(self) -> None:
        """Close the folder."""
        os.close(self._folder)


def has_link(root: Root, below: Sequence[str]) -> bool:
    """Tell whether a step below the root is a symbolic link, or no folder."""
    place = Path(root.text)
    for part in below:
        place = place / part
        if place.is_symlink() or (place.exists() and not place.is_dir()):
            return True
    return False


def write_all(handle: int, block: bytes) -> None:
    """Write the whole block to an open file. Raises OSError: also where the system takes nothing without an error."""
    view = memoryview(block)
    while view:
        written = os.write(handle, view)
        if not written:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        view = view[written:]
