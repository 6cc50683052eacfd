"""Who listens to events in this process: their places, and the one thread that serves them while there are any."""

import logging
import threading
from collections.abc import Callable

from flask import Flask

from app.errors import Busy
from app.transfer.listeners import Listener
from app.transfer.serving import Serving

log = logging.getLogger(__name__)


class Hub:
    """The places of one process; its thread runs only while somebody listens."""

    def __init__(self, app: Flask, most: int, is_ending: Callable[[], bool]) -> None:
        """Start nothing. At most so many listen; `is_ending` tells that the process is asked to end."""
        self._app, self._most, self._is_ending = app, most, is_ending
        self._lock = threading.Lock()
        self._taken = 0
        self._joining: list[Listener] = []
        self._serving: Serving | None = None

    @property
    def taken(self) -> int:
        """How many places are taken."""
        return self._taken

    def take_place(self) -> None:
        """Take a place for a client. Raises Busy where there is none."""
        with self._lock:
            if self._taken >= self._most:
                raise Busy(f"{self._most} clients listen to this process already; ask again in a moment")
            self._taken += 1

    def give_back(self) -> None:
        """Give a place back: of a client that has left, or will not join."""
        with self._lock:
            self._taken -= 1

    def join(self, listener: Listener) -> None:
        """Serve a client that has a place, until it leaves or the stream ends."""
        with self._lock:
            self._joining.append(listener)
            if self._serving is None:
                self._serving = Serving(self._app, self._is_ending, self._joined, self.give_back)
                threading.Thread(target=self._run, args=(self._serving,), name="events", daemon=True).start()
            self._serving.wake()

    def wake(self) -> None:
        """Let the thread look at once."""
        with self._lock:
            if self._serving is not None:
                self._serving.wake()

    def _joined(self) -> list[Listener]:
        """Return who has joined since the last call."""
        with self._lock:
            joined, self._joining = self._joining, []
        return joined

    def _run(self, serving: Serving) -> None:
        """Serve until nobody listens. When serving fails all are let go: they connect again, and resume."""
        while True:
            try:
                serving.run()
            except Exception:
                log.exception("serving events failed; who listens connects again")
                serving.end()
            with self._lock:
                if not self._joining:
                    self._serving = None
                    serving.close()
                    return
