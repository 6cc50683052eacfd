"""What the worker does to the archive all the time, slowly: verifying files, moving them. A thread for each.

Threads and not tasks: a task that waits for a disk would hold one of the worker's few places all day.
"""

import logging
import threading
from collections.abc import Callable

from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from app.archive.choosing import Mover
from app.archive.scrubbing import Scrubber, Stopped
from app.extensions import db

log = logging.getLogger(__name__)

PAUSE_S = 30.0  # after there was nothing to do, or an error


class Tender(threading.Thread):
    """Calls what does one step as long as it has something to do, then looks again every PAUSE_S."""

    def __init__(self, app: Flask, name: str, make: Callable[[Callable[[], bool]], Callable[[], object]]) -> None:
        """`make` gets what tells that the process is to end, and gives what does one step: true if it did something."""
        super().__init__(name=name, daemon=True)
        self._app = app
        self._is_ending = threading.Event()
        self._step = make(self._is_ending.is_set)

    def run(self) -> None:
        """Tend until told to end."""
        while not self._is_ending.is_set():
            if not self._try():
                self._is_ending.wait(PAUSE_S)

    def _try(self) -> bool:
        try:
            with self._app.app_context():
                return bool(self._step())
        except Stopped:
            return False
        except (SQLAlchemyError, OSError) as error:
            log.warning("%s pauses: %s", self.name, type(error).__name__)
        except Exception:
            log.exception("%s failed and is tried again", self.name)
        with self._app.app_context():
            db.session.remove()
        return False

    def end(self) -> None:
        """Let it end after the block that it is at."""
        self._is_ending.set()


class Tending:
    """What a worker tends to: what the settings ask for."""

    def __init__(self, app: Flask) -> None:
        """Begin nothing yet."""
        config = app.config["PLAYBACK"]
        self._tenders = []
        if config.SCRUB_BYTES_S:
            self._tenders.append(Tender(app, "scrub", lambda is_ending: Scrubber(config, is_ending).step))
        if any(storage.cold_after_s is not None for storage in config.storages):
            self._tenders.append(Tender(app, "move", lambda is_ending: Mover(config, is_ending).step))

    def begin(self) -> None:
        """Start the threads."""
        for tender in self._tenders:
            tender.start()

    def end(self) -> None:
        """Let each end after the block that it is at; nobody waits for it."""
        for tender in self._tenders:
            tender.end()
