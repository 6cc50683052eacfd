"""Verifying recorded files again and again, slowly: rot on a disk is found before somebody needs the file.

The file that was not verified for the longest comes first; one that never was counts from when it was recorded, since
it was read then for its hash. So the rows say where to go on after a crash. One process of all machines does it at a
time.
"""

import contextlib
import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from sqlalchemy import select

from app.archive.alone import alone_with
from app.archive.storages import read_marker
from app.archive.unlinking import mounted_roots
from app.archive.verifying import Judged, verify_one
from app.extensions import db
from app.models import Segment, Storage
from app.models.segment import CLOSED
from app.models.types import now_us
from instance.config import Config

log = logging.getLogger(__name__)

REST_US = 7 * 86_400_000_000  # what was verified, or recorded, less than this ago is left alone
LOCK = ".scrub.lock"
SLEEP_S = 0.2  # the longest that a stop has to wait


class Stopped(Exception):
    """The process is to end: what is half read is not judged."""


class Pace:
    """Lets at most so many bytes a second pass; 0 is no limit."""

    def __init__(self, bytes_s: int, is_stopping: Callable[[], bool] = lambda: False) -> None:
        self._bytes_s, self._is_stopping = bytes_s, is_stopping
        self._due_s = time.monotonic()

    def __call__(self, length: int) -> None:
        """Wait until these bytes may have been read. Raises Stopped."""
        if self._bytes_s:
            # What was not used before is not made up for: a disk that was slow is not hurried.
            self._due_s = max(self._due_s, time.monotonic() - SLEEP_S) + length / self._bytes_s
        while not self._is_stopping():
            left_s = self._due_s - time.monotonic() if self._bytes_s else 0
            if left_s <= 0:
                return
            time.sleep(min(left_s, SLEEP_S))
        raise Stopped


class Scrubber:
    """Verifies one file after the other. Used by one thread of the worker, within app contexts of its own."""

    def __init__(self, config: Config, is_stopping: Callable[[], bool] = lambda: False) -> None:
        self._root = config.storage_path
        self._pace = Pace(config.SCRUB_BYTES_S, is_stopping)

    def step(self) -> Judged | None:
        """Verify the file that was not verified for the longest; None where there is none to do, or another is at it.

        Raises Stopped.
        """
        with _alone(self._root / LOCK) as is_alone:
            if not is_alone:
                return None
            roots = {key: root for key, root in mounted_roots().items() if key in _healthy()}
            row = find_due(list(roots), now_us() - REST_US)
            if row is None:
                return None
            judged = verify_one(row, roots, self._pace)
        if judged is not None and judged.fault is not None:
            log.error("%s: %s (%s)", judged.path, judged.text, judged.fault)
        return judged


def find_due(storage_ids: list[str], before_us: int) -> Segment | None:
    """Return the closed segment in these storages that was not verified for the longest, if before an instant."""
    here = (Segment.state == CLOSED, Segment.storage_id.in_(storage_ids))
    known = select(Segment).where(*here, Segment.verified_us.is_not(None), Segment.verified_us < before_us)
    fresh = select(Segment).where(*here, Segment.verified_us.is_(None), Segment.start_us < before_us)
    found = [
        db.session.scalars(query.limit(1)).first()
        for query in (known.order_by(Segment.verified_us, Segment.start_us), fresh.order_by(Segment.start_us))
    ]
    db.session.expunge_all()
    db.session.rollback()
    rows = [row for row in found if row is not None]
    return min(rows, key=lambda row: row.start_us if row.verified_us is None else row.verified_us, default=None)


def _healthy() -> set[str]:
    """Return the storages that may be read besides: a slow or failing disk has enough to do."""
    states = ("ok", "full", "read_only")
    found = set(db.session.scalars(select(Storage.id).where(Storage.state.in_(states))))
    db.session.rollback()
    return found


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[bool]:
    """Tell whether no other process is at it; it is so where nothing can be held, as in a folder that is no storage."""
    with contextlib.ExitStack() as stack:
        is_alone = True
        with contextlib.suppress(OSError):
            if read_marker(path.parent) is not None:  # else it is not mounted: nothing is written to the folder
                is_alone = stack.enter_context(alone_with(path))
        yield is_alone
