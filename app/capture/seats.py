"""Seats: how many may do something at once on this machine, whichever process they ask, each seat a lock of a file.

A lock is let go by the kernel when the process that holds it dies: no seat is ever lost.
"""

import os
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from app.errors import TooMany
from app.locks import hold_lock


def take_seats(folder: Path, wanted: dict[str, int], what: str) -> Callable[[], None]:
    """Take one seat of each name, of which there are so many; return what frees them, from any thread, called once.

    what: what they do already who have them, after the number. Raises TooMany where one has none left; then none is
    taken.
    """
    with ExitStack() as taken:
        for name, count in wanted.items():
            handle = next(filter(None, (hold_lock(folder / f"{name}.{number}.lock") for number in range(count))), None)
            if handle is None:
                raise TooMany(f"{count} {what} already: ask again in a moment", loc=())
            taken.callback(os.close, handle)
        return taken.pop_all().close
