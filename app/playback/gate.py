"""Work that fills a core, let in a few at a time: the answers that need none of it must not wait for it."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from app.errors import Busy

PATIENCE_S = 5.0
MAX_WAITING = 8  # each waits in a thread of the server; the others serve what needs no decoding


class Gate:
    """Lets `at_once` threads in; up to `max_waiting` more wait for up to `patience_s`, in no particular order."""

    def __init__(self, at_once: int, max_waiting: int = MAX_WAITING, patience_s: float = PATIENCE_S) -> None:
        self._free = at_once
        self._max_waiting, self._patience_s = max_waiting, patience_s
        self._waiting = 0
        self._changed = threading.Condition()

    @contextmanager
    def passed(self) -> Iterator[None]:
        """Wait for a place and hold it. Raises Busy where there is none in time, or too many wait already."""
        self._enter()
        try:
            yield
        finally:
            with self._changed:
                self._free += 1
                self._changed.notify()

    def _enter(self) -> None:
        with self._changed:
            if not self._free:
                self._wait()
            self._free -= 1

    def _wait(self) -> None:
        if self._waiting >= self._max_waiting:
            raise Busy(f"{self._waiting} other requests for pictures wait already; ask again in a moment")
        self._waiting += 1
        until_s = time.monotonic() + self._patience_s
        try:
            while not self._free:
                left_s = until_s - time.monotonic()
                if left_s <= 0:
                    raise Busy("the decoder was busy with other pictures all the time; ask again in a moment")
                self._changed.wait(left_s)
        finally:
            self._waiting -= 1
