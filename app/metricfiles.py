"""Files of the HTTP metrics that have all their blocks: they are mapped into memory, one a process and kind.

prometheus_client makes them with holes, and the kernel ends a process (SIGBUS) that writes into the hole of a mapped
file on a full disk: one new address asked for, and the web server was gone.
"""

import os
from typing import Any

from prometheus_client import values
from prometheus_client.mmap_dict import MmapedDict

FILE_BYTES = 1 << 20
ENTRY_BYTES = 64  # of an entry beside its key, at most


class AllocatedDict(MmapedDict):
    """As its parent; where the disk has no room the figures are kept in memory, and are not seen by other processes."""

    def __init__(self, filename: str, read_mode: bool = False) -> None:
        super().__init__(filename if read_mode else _allocated(filename), read_mode)  # type: ignore[no-untyped-call]

    def _init_value(self, key: str) -> None:
        if self._used + len(key.encode()) + ENTRY_BYTES > self._capacity:
            os.posix_fallocate(self._f.fileno(), 0, 2 * self._capacity)  # OSError: this figure is not kept
        super()._init_value(key)  # type: ignore[no-untyped-call]


def _allocated(filename: str) -> str:
    handle = os.open(filename, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        os.posix_fallocate(handle, 0, FILE_BYTES)
    except OSError:
        return f"/proc/self/fd/{os.memfd_create('metrics', os.MFD_CLOEXEC)}"
    finally:
        os.close(handle)
    return filename


def use() -> None:
    """Let prometheus_client make its files so, in this process and those forked from it."""
    names: Any = values
    names.MmapedDict = AllocatedDict
