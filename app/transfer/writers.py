"""Requests of this process that write uploads, and a look now and then whether they are still to.

Another request for the same upload comes when the sender has lost its connection: it puts its token into file.writer.
The one that writes is woken then, also where it waits for a peer that is gone: its connection is shut for reading. The
same wakes one whose peer all but stopped sending, and all of them when the process is asked to end.
"""

import logging
import threading
import time
from collections.abc import Callable

from flask import Flask
from flask.globals import app_ctx
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from app.extensions import db
from app.models import File

log = logging.getLogger(__name__)

LOOK_S = 0.5
STALLED_S, LEAST_BYTES = 60.0, 1 << 14  # a peer that sends less in this time has stopped, though it drips
EXTENSION = "playback_writers"


class Writer:
    """A request that writes; `wake` lets a read that waits return. `why` is set when it is to stop."""

    def __init__(self, file_id: int, token: str | None, wake: Callable[[], None]) -> None:
        """`token` is that of file.writer while nobody else wants to write."""
        self.file_id, self.token = file_id, token
        self._wake = wake
        self.progress_s = time.monotonic()  # when LEAST_BYTES had come since it was set last
        self._new_bytes = 0
        self.why: str | None = None
        self.is_ending = False

    def moved(self, count: int) -> None:
        """Take note of bytes that came."""
        self._new_bytes += count
        if self._new_bytes >= LEAST_BYTES:
            self.progress_s, self._new_bytes = time.monotonic(), 0

    def stop(self, why: str, *, is_ending: bool = False) -> None:
        """Have it stop, for a reason that its sender is told; with `is_ending` it may go on at once elsewhere."""
        if self.why is None:
            self.why, self.is_ending = why, is_ending
            self._wake()


class Writers:
    """Those of one process."""

    def __init__(self, app: Flask, is_ending: Callable[[], bool]) -> None:
        """Begin with none; the thread that looks at them runs only while there are some."""
        self._app, self._is_ending = app, is_ending
        self._writers: set[Writer] = set()
        self._lock = threading.Lock()
        self._is_watched = False

    def enter(self, writer: Writer) -> None:
        """Have a writer watched until it leaves."""
        with self._lock:
            self._writers.add(writer)
            if not self._is_watched:
                self._is_watched = True
                threading.Thread(target=self._watch, name="uploads", daemon=True).start()

    def leave(self, writer: Writer) -> None:
        """Watch it no longer."""
        with self._lock:
            self._writers.discard(writer)

    def stop(self, file_id: int, why: str) -> None:
        """Have those of this process that write an upload stop at once."""
        with self._lock:
            found = [writer for writer in self._writers if writer.file_id == file_id]
        for writer in found:
            writer.stop(why)

    def _watch(self) -> None:
        while True:
            time.sleep(LOOK_S)
            with self._lock:
                writers = list(self._writers)
                if not writers:
                    self._is_watched = False
                    return
            try:
                self._look(writers)
            except SQLAlchemyError as error:
                log.warning("uploads are not looked at: %s", type(error).__name__)
            except Exception:
                log.exception("uploads are not looked at")

    def _look(self, writers: list[Writer]) -> None:
        now_s = time.monotonic()
        with self._app.app_context():
            query = select(File.id, File.writer).where(File.id.in_({writer.file_id for writer in writers}))
            tokens: dict[int, str | None] = {row.id: row.writer for row in db.session.execute(query)}
            db.session.remove()
        for writer in writers:
            if tokens.get(writer.file_id) != writer.token:
                writer.stop("another request goes on with this upload")
            elif now_s - writer.progress_s > STALLED_S:
                writer.stop(f"next to nothing came for {STALLED_S:.0f} s")
            elif self._is_ending():
                writer.stop("the server is being stopped", is_ending=True)


def writers() -> Writers:
    """Return those of this process and app; the worker's sweep writes too, without views."""
    app = app_ctx.app
    found: Writers = app.extensions.setdefault(EXTENSION, Writers(app, lambda: False))
    return found
