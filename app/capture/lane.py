"""The lane of one storage: the thread that does all that touches the files of open runs there.

A disk that does not answer holds up its own lane and no other; the recorder's main thread never asks a disk anything.
"""

import contextlib
import logging
import os
import selectors
import threading
import time
from collections import deque
from collections.abc import Callable

from flask import Flask
from sqlalchemy.exc import OperationalError

from app.capture.disks import Disk
from app.capture.keeper import Keeper
from app.extensions import db

log = logging.getLogger(__name__)

TICK_S = 0.25
RETRY_S = 2.0


class Lane(threading.Thread):
    """Steps the keepers whose runs lie in one storage, and does the jobs that it is given."""

    def __init__(self, app: Flask, disk: Disk, let_go: Callable[[], None]) -> None:
        """`let_go` is called in the thread, after a keeper was given back."""
        super().__init__(name=f"lane {disk.priority}", daemon=True)
        self._app = app
        self._disk = disk
        self._let_go = let_go
        self._fresh: deque[Keeper] = deque()
        self._jobs: deque[tuple[float, Callable[[], None]]] = deque()
        self._keepers: list[Keeper] = []
        self._retry_s: dict[Keeper, float] = {}
        self._told: dict[Keeper | None, str] = {}  # what was logged of a keeper, or of the jobs, and is so still
        self._watched: dict[int, Keeper] = {}
        self._selector = selectors.DefaultSelector()
        self._reading, self._writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._selector.register(self._reading, selectors.EVENT_READ)
        self._has_ended = False

    def add(self, keeper: Keeper) -> None:
        """Take a keeper; from here on only the lane uses it, until `is_held` is False again."""
        keeper.is_held = True
        self._fresh.append(keeper)
        self.wake()

    def do(self, job: Callable[[], None]) -> None:
        """Do this once, before keepers that are added later; again after a while where disk or database refuse."""
        self._jobs.append((0.0, job))
        self.wake()

    def runs_of(self, source_id: int) -> set[str]:
        """Return the runs of a source that are open here. For jobs."""
        mine = (*self._keepers, *self._fresh)
        return {run for keeper in mine if keeper.camera.source_id == source_id for run in keeper.run_ids}

    def wake(self) -> None:
        """Let the lane look at once."""
        with contextlib.suppress(BlockingIOError):  # it is woken already
            os.write(self._writing, b"w")

    def end(self) -> None:
        """Let the thread end; keepers and their ffmpegs are left as they are."""
        self._has_ended = True
        self.wake()

    def run(self) -> None:
        """Turn until told to end."""
        with self._app.app_context():
            while not self._has_ended:
                self._wait()
                for _ in range(len(self._jobs)):
                    self._do(*self._jobs.popleft())
                while self._fresh:
                    self._keepers.append(self._fresh.popleft())
                for keeper in list(self._keepers):
                    self._step(keeper)
            db.session.remove()

    def _wait(self) -> None:
        for key, _ in self._selector.select(TICK_S):
            if key.fd == self._reading:
                os.read(self._reading, 4096)
                continue
            keeper = self._watched.pop(key.fd)
            self._selector.unregister(key.fd)
            if keeper.attempt is not None:
                keeper.attempt.has_exited = True

    def _do(self, due_s: float, job: Callable[[], None]) -> None:
        if time.monotonic() < due_s:
            self._jobs.append((due_s, job))
            return
        try:
            job()
            self._told.pop(None, None)
        except (OSError, OperationalError) as error:
            self._log(None, "what was left there waits", error)
            self._jobs.append((time.monotonic() + RETRY_S, job))
        except Exception:  # a fault of ours with one run must not end the recording of the others
            db.session.rollback()
            log.exception("the storage %s: a fault of the recorder", self._disk.name)

    def _step(self, keeper: Keeper) -> None:
        """Let one source do what is due; an error of disk or database is its own and passes."""
        if time.monotonic() < self._retry_s.get(keeper, 0.0):
            return
        source_id = keeper.camera.source_id
        try:
            keeper.step()
            self._retry_s.pop(keeper, None)
            self._told.pop(keeper, None)
        except (OSError, OperationalError) as error:
            self._retry_s[keeper] = time.monotonic() + RETRY_S
            self._log(keeper, f"what source {source_id} has recorded there waits", error)
        except Exception:  # a fault of ours with one source must not end the recording of the others
            db.session.rollback()
            self._retry_s[keeper] = time.monotonic() + RETRY_S
            log.exception("source %d: a fault of the recorder; tried again in %.0f s", source_id, RETRY_S)
            if keeper.attempt is not None and keeper.attempt.has_exited:  # nothing records the source now
                keeper.needs_successor = not keeper.is_left and not keeper.is_ending
        self._watch(keeper)
        if keeper.is_idle:
            self._keepers.remove(keeper)
            self._retry_s.pop(keeper, None)
            self._told.pop(keeper, None)
            keeper.is_held = False
            self._let_go()
        elif keeper.needs_successor:
            self._let_go()

    def _log(self, keeper: Keeper | None, what: str, error: OSError | OperationalError) -> None:
        """Log what cannot be done, once as long as its cause is the same: a disk may be away for weeks."""
        db.session.rollback()
        cause = _cause(error)
        level = logging.ERROR if self._told.get(keeper) != cause else logging.DEBUG
        self._told[keeper] = cause
        log.log(level, "the storage %s: %s: %s; tried every %.0f s", self._disk.name, cause, what, RETRY_S)

    def _watch(self, keeper: Keeper) -> None:
        """Be told when the source's ffmpeg ends."""
        attempt = keeper.attempt
        if attempt is not None and not attempt.has_exited and attempt.process.handle not in self._watched:
            self._watched[attempt.process.handle] = keeper
            self._selector.register(attempt.process.handle, selectors.EVENT_READ)


def _cause(error: OSError | OperationalError) -> str:
    return str(error.strerror) if isinstance(error, OSError) else type(error.orig).__name__
