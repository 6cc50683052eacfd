"""One process at a time: a file of a storage that a process holds while it is at something."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def alone_with(path: Path) -> Iterator[bool]:
    """Tell whether no other process holds this file; hold it meanwhile. Raises OSError where it cannot be made.

    On a storage that takes no locks it is taken so.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            is_alone = True
        except BlockingIOError:
            is_alone = False
        except OSError:
            is_alone = True
        yield is_alone
    finally:
        os.close(handle)
