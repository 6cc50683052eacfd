"""Writing viewings down: a thread of each process that serves media.

No request waits for it, and none takes SQLite's write lock. What is being looked at is stored in `viewing` each
FLUSH_S, so that a process that is killed loses at most that; what has ended becomes a row of `audit` in the same
transaction that removes it there. Downloads (app/archive/downloads.py) are rows of `audit` at once.
"""

import logging
import os
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from typing import Any

from flask import Flask
from sqlalchemy import delete, insert, select
from sqlalchemy.exc import SQLAlchemyError

from app.archive.auditing import encode
from app.archive.downloads import Download, Downloads
from app.archive.viewings import FURTHER, SEVERAL, Due, Look, Viewings, further_detail
from app.archive.viewings import Viewing as Open
from app.extensions import AnySession, db, writing
from app.models import Audit, Viewing
from app.models.types import now_us

log = logging.getLogger(__name__)

FLUSH_S = 2.0
EXTENSION = "playback_viewings"
BATCH = 500  # rows a transaction: others want the write lock of SQLite, too
LEFT_US = 5 * 60_000_000  # a living process ends a viewing sooner, or changes it


_writers: "weakref.WeakSet[ViewWriter]" = weakref.WeakSet()


class ViewWriter:
    """The viewings of a process and the thread that writes them; the thread begins with the first look."""

    def __init__(self, app: Flask) -> None:
        """Begin nothing yet: processes may be forked from this one."""
        self._app = app
        self._pid = 0
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._is_ending = threading.Event()
        self._thread: threading.Thread | None = None
        self._fault = ""  # what writing fails with, as was told
        self.viewings, self.downloads = Viewings(), Downloads()
        _writers.add(self)

    def note(self, look: Look, span: tuple[int, int] | None = None, at_us: int | None = None) -> None:
        """Take in a look; returns at once, whatever the database does."""
        self._begin()
        self.viewings.note(look, span, now_us() if at_us is None else at_us)

    def note_download(self, look: Look, span: tuple[int, int], size_bytes: int) -> None:
        """Take in a download; returns at once, too."""
        self._begin()
        self.downloads.note(look, span, size_bytes, now_us())

    def _begin(self) -> None:
        if self._pid == os.getpid() and self._thread is not None and self._thread.is_alive():
            return
        with self._lock:
            if self._pid != os.getpid():
                self._pid, self._is_ending = os.getpid(), threading.Event()
                self.viewings, self.downloads = Viewings(), Downloads()
                self._thread, self._writing = None, threading.Lock()
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="viewings", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while not self._is_ending.wait(FLUSH_S):
            self.flush()

    def flush(self, at_us: int | None = None, *, is_end: bool = False) -> bool:
        """Write what is due; tell whether all was written. What was not is tried again."""
        with self._writing:
            is_idle = self.viewings.is_idle and self.downloads.is_idle
            return is_idle or self._flush(now_us() if at_us is None else at_us, is_end=is_end)

    def _flush(self, at_us: int, *, is_end: bool) -> bool:
        due, downloads = self.viewings.take(at_us, is_end=is_end), self.downloads.take(at_us)
        is_written = self._try(lambda: write(due), lambda: self.viewings.give_back(due))
        is_written &= self._try(lambda: write_downloads(downloads), lambda: self.downloads.give_back(downloads))
        if is_written:
            self._fault = ""
        return is_written

    def _try(self, act: Callable[[], None], give_back: Callable[[], None]) -> bool:
        """Write one kind of what is due; what it fails with keeps no other from being written, or written once."""
        try:
            with self._app.app_context():
                act()
        except Exception as error:  # noqa: BLE001  the thread goes on, and nothing that was seen is lost
            give_back()
            self._tell(error)
            return False
        return True

    def _tell(self, error: Exception) -> None:
        """Tell of a fault once, not each FLUSH_S that it lasts."""
        fault, self._fault = self._fault, type(error).__name__
        if fault == self._fault:
            return
        if isinstance(error, SQLAlchemyError):
            log.warning("who looks at what cannot be written down now: %s", self._fault)
        else:
            log.error("who looks at what cannot be written down now", exc_info=error)

    def end(self, limit_s: float = 3.0) -> None:
        """Write all that there is: the process is asked to end."""
        self._is_ending.set()
        until_s = time.monotonic() + limit_s
        while not self.flush(is_end=True) and time.monotonic() < until_s:
            time.sleep(0.1)


def writer_of(app: Flask) -> ViewWriter:
    """Return the writer of an app."""
    found = app.extensions.get(EXTENSION)
    if found is None:
        found = app.extensions.setdefault(EXTENSION, ViewWriter(app))
    assert isinstance(found, ViewWriter)
    return found


def end_all() -> None:
    """Write all that there is in this process: it is asked to end."""
    for writer in list(_writers):
        writer.end()


def write(due: Due) -> None:
    """Write what is due, in transactions of bounded length. What is written is not written again. Raises."""
    at_us = now_us()
    due.changed.sort(key=_place)
    due.ended.sort(key=_place)
    for first in range(0, len(due.changed), BATCH):
        some = due.changed[first : first + BATCH]
        with writing() as session:
            _store(session, some, at_us)
    while due.ended:
        some = due.ended[:BATCH]
        with writing() as session:
            _end(session, some, at_us)
        del due.ended[: len(some)]
    if due.further:
        with writing() as session:
            session.add(_row(at_us, SEVERAL, FURTHER, "", None, encode(further_detail(due.further))))


def write_downloads(due: list[Download]) -> None:
    """Write downloads, as `write` does. Raises."""
    at_us = now_us()  # not that of the download: a row that says to be older than those before it counts as put in
    while due:
        some = due[:BATCH]
        with writing() as session:
            for one in some:
                look, text = one.look, encode(one.detail())
                session.add(_row(at_us, look.actor, look.action, look.subject, look.source_id, text))
        del due[: len(some)]


def _store(session: AnySession, viewings: Sequence[Open], at_us: int) -> None:
    """Put rows in the place of those that are there, if any: the worker may have ended one, a commit gone astray."""
    _remove(session, viewings)
    session.execute(insert(Viewing), [_stored(one, at_us) for one in viewings])


def _remove(session: AnySession, viewings: Sequence[Open]) -> None:
    session.execute(delete(Viewing).where(Viewing.id.in_([one.id for one in viewings])))


def _place(one: Open) -> int:
    """Return in which order rows are written: that in which others lock the sources that they name."""
    return one.look.source_id or 0


def _stored(one: Open, at_us: int) -> dict[str, Any]:
    look = one.look
    about = {"actor": look.actor, "action": look.action, "subject": look.subject, "source_id": look.source_id}
    return {"id": one.id, "updated_us": at_us, **about, "detail": encode(one.detail())}


def _end(session: AnySession, viewings: Sequence[Open], at_us: int) -> None:
    _remove(session, viewings)
    for one in viewings:
        look = one.look
        session.add(_row(at_us, look.actor, look.action, look.subject, look.source_id, encode(one.detail())))


def _row(at_us: int, actor: str, action: str, subject: str, source_id: int | None, detail: str) -> Audit:
    return Audit(at_us=at_us, actor=actor, action=action, subject=subject, source_id=source_id, detail=detail)


def end_left(at_us: int) -> int:
    """Write down what processes that are gone have left; return how many viewings. For the worker."""
    query = select(Viewing).where(Viewing.updated_us < at_us - LEFT_US).limit(BATCH)
    has_some = bool(db.session.scalars(query.limit(1)).all())
    db.session.rollback()
    if not has_some:
        return 0
    with writing() as session:
        rows = session.scalars(query.with_for_update(skip_locked=True)).all()
        for row in rows:
            session.add(_row(at_us, row.actor, row.action, row.subject, row.source_id, row.detail))
            session.delete(row)
        return len(rows)
