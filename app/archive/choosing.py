"""Which footage moves to a cold storage next: what is old enough, and the oldest of a hot one that is nearly full."""

import logging
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import select

from app.archive.moving import Broken, Busy, Move, move
from app.archive.scrubbing import Pace
from app.archive.storagefigures import used_bytes
from app.archive.storages import open_storages
from app.archive.unlinking import mounted_roots
from app.extensions import db
from app.models import Segment, Storage
from app.models.segment import CLOSED
from app.models.types import now_us
from instance.config import Config

log = logging.getLogger(__name__)

NEAR = 0.9  # of its budget: so much that moving begins before anything has to be deleted
SUMMED_S = 60.0  # a sum over all rows of a storage is not made more often
CANDIDATES = 64
AGAIN_S = 600.0  # what could not be moved is left alone for so long


class Mover:
    """Moves one segment after the other. Used by one thread of the worker, within app contexts of its own."""

    def __init__(self, config: Config, is_stopping: Callable[[], bool] = lambda: False) -> None:
        self._config = config
        self._pace = Pace(config.MOVE_BYTES_S, is_stopping)
        self._sums: dict[str, tuple[float, int]] = {}  # by storage: when, and how many bytes
        self._failed: dict[str, float] = {}  # by segment: until when it is left alone

    def step(self) -> bool:
        """Move one segment that is due; tell whether there was one. Raises Stopped."""
        asked = self._choose()
        if asked is None:
            return False
        row = asked.segment
        try:
            if move(asked, self._pace):
                self._count(row.storage_id, -row.size_bytes)
                self._count(asked.target_id, row.size_bytes)
            return True
        except Broken as error:
            log.error("segment %s does not move: %s: flask verify", row.id, error)
            return True
        except Busy:
            self._failed[row.id] = time.monotonic() + AGAIN_S
            return True
        except OSError as error:  # of a whole disk, most often: the worker pauses
            log.error("segment %s could not be moved and is tried again later: %s", row.id, error.strerror)
            self._failed[row.id] = time.monotonic() + AGAIN_S
            return False

    def _choose(self) -> Move | None:
        """Return what moves next, and where to; None where nothing has to, or nothing can."""
        ages = {str(item.path): item.cold_after_s for item in self._config.storages}
        storages = self._storages(len(ages))
        roots = mounted_roots()
        colds = [row for row in storages if row.is_cold and row.state == "ok" and row.id in roots]
        hots = [row for row in storages if not row.is_cold and row.id in roots]
        for cold in colds:
            age_s = ages.get(cold.path)
            for hot in hots if age_s is not None else ():
                before_us = now_us() - (age_s or 0) * 1_000_000
                row = self._oldest(hot, None if self._is_near(hot) else before_us)
                if row is not None and self._has_room(cold, roots[cold.id], row.size_bytes):
                    return Move(row, roots[hot.id], cold.id, roots[cold.id])
        return None

    def _storages(self, wanted: int) -> list[Storage]:
        """Return all storages that are known, by priority; those of the settings are made known."""
        query = select(Storage).where(Storage.path != "").order_by(Storage.priority, Storage.id)
        found = list(db.session.scalars(query))
        if len(found) < wanted:
            open_storages(self._config)
            found = list(db.session.scalars(query))
        db.session.expunge_all()
        db.session.rollback()
        return found

    def _oldest(self, hot: Storage, before_us: int | None) -> Segment | None:
        """Return the oldest segment of a storage that is whole, before an instant where one is given."""
        moment_s = time.monotonic()
        self._failed = {key: until_s for key, until_s in self._failed.items() if until_s > moment_s}
        query = select(Segment).where(
            Segment.storage_id == hot.id, Segment.state == CLOSED, Segment.fault.is_(None), Segment.size_bytes > 0
        )
        if before_us is not None:
            query = query.where(Segment.start_us < before_us, Segment.end_us < before_us)
        query = query.order_by(Segment.start_us).limit(CANDIDATES + len(self._failed))
        rows = [row for row in db.session.scalars(query) if row.id not in self._failed]
        db.session.expunge_all()
        db.session.rollback()
        return rows[0] if rows else None

    def _is_near(self, hot: Storage) -> bool:
        return hot.budget_bytes is not None and self._held_bytes(hot.id) > hot.budget_bytes * NEAR

    def _has_room(self, cold: Storage, root: Path, size_bytes: int) -> bool:
        """Tell whether a file fits into budget and reserve of a storage."""
        if cold.budget_bytes is not None and self._held_bytes(cold.id) + size_bytes > cold.budget_bytes:
            return False
        try:
            return shutil.disk_usage(root).free - size_bytes > cold.reserve_bytes
        except OSError:
            return False

    def _count(self, storage_id: str, size_bytes: int) -> None:
        """Note what has come or gone since the sum was made."""
        if storage_id in self._sums:
            at_s, held = self._sums[storage_id]
            self._sums[storage_id] = (at_s, held + size_bytes)

    def _held_bytes(self, storage_id: str) -> int:
        """Return how many bytes the segments of a storage have, as summed up within SUMMED_S."""
        at_s, held = self._sums.get(storage_id, (-SUMMED_S, 0))
        if time.monotonic() - at_s >= SUMMED_S:
            held = used_bytes(db.session).get(storage_id, 0)
            db.session.rollback()
            self._sums[storage_id] = (time.monotonic(), held)
        return held
