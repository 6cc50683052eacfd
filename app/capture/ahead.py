"""Room ahead: blocks behind the end of the file that ffmpeg is writing, so that nobody else can take them.

A disk that others fill in one go refuses the next write to a file. What was allocated before is still written: for some
seconds nothing is lost, and in them the guard makes room (app/capture/guard.py). The size of the file is as before
(fallocate(2), FALLOC_FL_KEEP_SIZE); closing the file gives back what is left (app/archive/closing.py).
"""

import contextlib
import ctypes
import errno
import logging
import os
from collections import deque
from pathlib import Path

log = logging.getLogger(__name__)

AHEAD_S = 10.0
LEAST_BYTES = 256 * 1024
MOST_BYTES = 64 * 1024 * 1024
PART_OF_DISK = 16  # a small disk is not taken by one camera
KEEP_SIZE = 1
_REFUSED = (errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL)  # a file system that knows no such thing, as NFS before 4.2

_libc = ctypes.CDLL(None, use_errno=True)


def allocate(handle: int, begin_bytes: int, length_bytes: int) -> None:
    """Allocate blocks of an open file and leave its size. Raises OSError."""
    arguments = (handle, KEEP_SIZE, ctypes.c_int64(begin_bytes), ctypes.c_int64(length_bytes))
    if _libc.fallocate(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


class RoomAhead:
    """Keeps room ahead of one ffmpeg, file after file. Used by one thread."""

    def __init__(self) -> None:
        self._path: Path | None = None
        self._upto_bytes = 0
        self._is_refused = False
        self._grown: deque[tuple[float, int]] = deque(maxlen=120)  # instants (monotonic, s) and bytes so far
        self._before_bytes = 0
        self._last_bytes = 0

    def keep(self, path: Path, size_bytes: int, total_bytes: int, now_s: float) -> None:
        """Let the file have room for the next seconds; total_bytes: of its disk. What the disk refuses it refuses."""
        self._note(path, size_bytes, now_s)
        length_bytes = self._length_bytes(total_bytes)
        if self._is_refused or self._upto_bytes - size_bytes > length_bytes // 2:
            return
        with contextlib.suppress(FileNotFoundError):
            handle = os.open(path, os.O_RDWR | os.O_CLOEXEC)
            try:
                allocate(handle, size_bytes, length_bytes)
                self._upto_bytes = size_bytes + length_bytes
            except OSError as error:
                if error.errno in _REFUSED:
                    log.info("this file system gives no room ahead (%s)", error.strerror)
                    self._is_refused = True
            finally:
                os.close(handle)

    def _note(self, path: Path, size_bytes: int, now_s: float) -> None:
        if path != self._path:
            self._before_bytes += self._last_bytes
            self._path, self._upto_bytes = path, 0
        self._last_bytes = size_bytes
        self._grown.append((now_s, self._before_bytes + size_bytes))

    def _length_bytes(self, total_bytes: int) -> int:
        """Return how much is kept: AHEAD_S at the rate of the last growths."""
        (begin_s, begin_bytes), (end_s, end_bytes) = self._grown[0], self._grown[-1]
        rate_bytes_s = (end_bytes - begin_bytes) / (end_s - begin_s) if end_s - begin_s >= 1.0 else 0.0
        most_bytes = min(MOST_BYTES, total_bytes // PART_OF_DISK)
        return int(min(max(rate_bytes_s * AHEAD_S, LEAST_BYTES), most_bytes))
