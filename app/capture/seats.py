"""Seats: how many may do something at once on this machine, whichever process they ask, each seat a lock of a file.

A lock is let go by the kernel when the process that holds it dies: no seat is ever lost.
"""

import os
import threading
from collections.abc import Callable
from pathlib import Path

from app.errors import TooMany
from app.locks import hold_lock


def take_seats(folder: Path, wanted: dict[str, int], what: str) -> Callable[[], None]:
    """Take one seat of each name, of which there are so many; return what frees them, from any thread.

    what: what they do already who have them, after the number. Raises TooMany where one has none left; then none is
    taken.
    """
    held: list[int] = []
    for name, count in wanted.items():
        handle = next(filter(None, (hold_lock(folder / f"{name}.{number}.lock") for number in range(count))), None)
        if handle is None:
            _close(held)
            raise TooMany(f"{count} {what} already: ask again in a moment", loc=())
        held.append(handle)
    lock = threading.Lock()

    def free() -> None:
        with lock:
            _close(held)

    return free


def _close(handles: list[int]) -> None:
    while handles:
        os.close(handles.pop())
