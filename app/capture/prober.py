"""When cameras are measured, in threads of the worker that hold up no other task.

What is due stands in the database (`source.probe_asked_us`; null: at once) and is claimed there, so that two workers
measure no camera twice. A camera that records is measured by its recording: one with a lease is left alone, and a
connection gives way when a lease comes.
"""

import logging
import threading
from collections import deque

from flask import Flask
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from app.capture.camera import Camera
from app.capture.probe import Measurement, probe
from app.extensions import db, writing
from app.models import Lease, Source
from app.models.types import now_us

log = logging.getLogger(__name__)

THREADS = 16  # a dead camera holds one for up to 6 s, one of pictures for up to 11 s
SCHEDULED = 12  # of them: the others are for cameras that were just made or changed
FFMPEGS = 4
# Of the interval: a camera that comes back is seen soon, and a wrong password locks no account.
PAUSES = {"offline": 0.25, "unauthorised": 5.0}
SPREAD = 0.5  # of the interval: what has become due while no worker ran
JITTER = 0.1
LONGEST_US = 30_000_000  # a measurement that was claimed before that was lost with its worker


def due_us(source_id: int, asked_us: int | None, status: str, interval_us: int, started_us: int) -> int:
    """Return when a source is to be measured next. The jitter is the same each time it is asked for."""
    if asked_us is None:
        return 0
    share = (source_id * 2_654_435_761 + asked_us) % 1000 / 1000
    pause_us = interval_us * PAUSES.get(status, 1.0) * (1 - JITTER + 2 * JITTER * share)
    return int(max(asked_us + pause_us, started_us + interval_us * SPREAD * share if asked_us < started_us else 0))


def ask_again(row: Source, at_us: int) -> bool:
    """Let a source be measured at once; tell whether it was not being measured already. Within a transaction."""
    claimed_us = row.probe_asked_us
    if claimed_us is not None and (row.status_us or 0) < claimed_us and at_us - claimed_us < LONGEST_US:
        return False
    row.probe_asked_us = None
    return True


class Prober:
    """The threads of one worker; they end when nothing is due. Its methods may be called from any thread."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._config = app.config["PLAYBACK"]
        self._interval_us = int(self._config.PROBE_INTERVAL_S * 1e6)
        self._started_us = now_us()
        self._lock = threading.Lock()
        self._asked: deque[int] = deque()
        self._due: deque[tuple[int, int | None]] = deque()
        self._busy: set[int] = set()
        self._threads = self._scheduled = 0
        self._slots = threading.BoundedSemaphore(FFMPEGS)
        self._is_closed = threading.Event()

    def ask(self, source_id: int) -> None:
        """Measure a source soon, unless it was claimed since it was asked for."""
        with self._lock:
            if source_id not in self._asked:
                self._asked.append(source_id)
                self._start()

    def look(self) -> None:
        """Find what is due, and see that threads work on it. What was found before and not begun is found again."""
        found = self._find_due()
        with self._lock:
            self._due = deque(entry for entry in found if entry[0] not in self._busy)
            for _ in range(min(len(self._due), SCHEDULED - self._scheduled)):
                self._start()

    def __len__(self) -> int:
        """Return how many sources are being measured or wait for it."""
        with self._lock:
            return len(self._asked) + len(self._due) + len(self._busy)

    def close(self) -> None:
        """Begin nothing more and end what runs, so that no ffmpeg outlives the worker. Waits for a second at most."""
        self._is_closed.set()
        for _ in range(FFMPEGS):
            self._slots.acquire(timeout=1.0 / FFMPEGS)

    def _find_due(self) -> list[tuple[int, int | None]]:
        """Return id and claim of the sources that are due, the longest due first."""
        query = select(Source.id, Source.probe_asked_us, Source.status).where(
            Source.deleted_us.is_(None), Source.id.not_in(select(Lease.source_id))
        )
        with self._app.app_context():
            rows = db.session.execute(query).all()
            db.session.rollback()
        dated = [(due_us(*row, self._interval_us, self._started_us), row[0], row[1]) for row in rows]
        return [
            (number, asked_us)
            for at_us, number, asked_us in sorted(dated, key=lambda one: one[:2])
            if at_us <= now_us()
        ]

    def _start(self) -> None:
        if self._threads < THREADS:
            self._threads += 1
            threading.Thread(target=self._work, name="probe", daemon=True).start()

    def _work(self) -> None:
        with self._app.app_context():
            while (taken := self._take()) is not None:
                source_id, asked_us, is_scheduled = taken
                try:
                    self._measure(source_id, asked_us)
                except OperationalError as error:
                    log.warning("source %d could not be measured (%s)", source_id, type(error.orig).__name__)
                except Exception:  # a fault with one source must not end the measuring of the others
                    log.exception("source %d: a fault of the measurement", source_id)
                finally:
                    db.session.remove()
                    with self._lock:
                        self._busy.discard(source_id)
                        self._scheduled -= is_scheduled

    def _take(self) -> tuple[int, int | None, bool] | None:
        """Return the next source; None, and one thread less, where there is none for this one."""
        with self._lock:
            if self._is_closed.is_set():
                self._asked.clear()
                self._due.clear()
            for _ in range(len(self._asked)):
                source_id = self._asked.popleft()
                if source_id in self._busy:  # its address changed meanwhile: measured again after
                    self._asked.append(source_id)
                    continue
                self._busy.add(source_id)
                return source_id, None, False
            while self._due and self._scheduled < SCHEDULED:
                source_id, asked_us = self._due.popleft()
                if source_id not in self._busy:
                    self._busy.add(source_id)
                    self._scheduled += 1
                    return source_id, asked_us, True
            self._threads -= 1
            return None

    def _measure(self, source_id: int, asked_us: int | None) -> None:
        """Claim, measure and write down; nothing where another claimed it, or it changed or records meanwhile."""
        claimed = _claim(source_id, asked_us)
        if claimed is None:
            return
        camera, has_rate = claimed

        def is_given_up() -> bool:
            return self._is_closed.is_set() or _has_lease(source_id)

        found = probe(self._config, camera, is_given_up, self._slots, has_rate=has_rate)
        if found is not None:
            _store(camera, found)


def _claim(source_id: int, asked_us: int | None) -> tuple[Camera, bool] | None:
    """Take a source that is still as it was found; return its camera, and whether its frame rate is to be measured."""
    with writing():
        row = _locked(source_id)
        if row is None or row.probe_asked_us != asked_us or _is_leased(source_id):
            return None
        row.probe_asked_us = now_us()
        return Camera.of(row), asked_us is None or row.frame_rate is None


def _store(camera: Camera, found: Measurement) -> None:
    """Write down a measurement, unless the source is another one by now or records."""
    with writing():
        row = _locked(camera.source_id)
        if row is None or _is_leased(camera.source_id) or Camera.of(row) != camera:
            return
        if row.status != found.status:
            log.info("source %d: %s%s", row.id, found.status, f": {found.detail}" if found.detail else "")
        row.status, row.status_detail, row.status_us = found.status, found.detail, now_us()
        if found.facts is not None:
            found.facts.store(row)


def _locked(source_id: int) -> Source | None:
    query = select(Source).where(Source.id == source_id, Source.deleted_us.is_(None))
    return db.session.scalar(query.with_for_update().execution_options(populate_existing=True))


def _is_leased(source_id: int) -> bool:
    return db.session.scalar(select(Lease.source_id).where(Lease.source_id == source_id)) is not None


def _has_lease(source_id: int) -> bool:
    """Tell whether a recorder has taken the source; outside of a transaction."""
    try:
        return _is_leased(source_id)
    except OperationalError:
        return False
    finally:
        db.session.rollback()
