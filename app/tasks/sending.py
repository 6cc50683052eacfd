"""Leaving messages from a thread: neither the broker's absence nor the import of Celery holds up a request."""

import atexit
import logging
import os
import queue
import threading
import time
from collections.abc import Callable

log = logging.getLogger(__name__)

LONGEST = 100  # messages that wait; what does not fit is found by the schedule
LEAVE_S = 3.0  # a command that ends waits so long for its messages


class Sender:
    """One daemon thread and what it has to do; made anew in each process that was forked."""

    def __init__(self) -> None:
        self._jobs: queue.Queue[Callable[[], None]] = queue.Queue(LONGEST)
        self._lock = threading.Lock()
        self._pid = 0

    def put(self, job: Callable[[], None]) -> None:
        """Have a job done soon, in the order of asking; dropped when too many wait."""
        with self._lock:
            if self._pid != os.getpid():
                self._pid, self._jobs = os.getpid(), queue.Queue(LONGEST)
                threading.Thread(target=self._work, args=(self._jobs,), name="messages", daemon=True).start()
                atexit.register(self.flush)
        try:
            self._jobs.put_nowait(job)
        except queue.Full:
            log.warning("too many messages wait for the broker; the schedule will do it")

    def _work(self, jobs: "queue.Queue[Callable[[], None]]") -> None:
        while True:
            job = jobs.get()
            try:
                job()
            finally:
                jobs.task_done()

    def flush(self) -> None:
        """Wait until everything is sent, for LEAVE_S at most."""
        until_s = time.monotonic() + LEAVE_S
        while self._jobs.unfinished_tasks and time.monotonic() < until_s:
            time.sleep(0.01)


sender = Sender()
