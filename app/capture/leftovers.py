"""What earlier recorders left in the storages: published as soon as a storage is open, by the lane of that storage.

Published footage plays, and what records goes on; its files are closed, and hashed for that, one after the other.

Used by the recorder's main thread but for what says otherwise.
"""

import logging
from collections import deque
from collections.abc import Callable, Collection, Iterable
from functools import partial

from sqlalchemy.exc import OperationalError

from app.capture import leases, recovery
from app.capture.disks import Disk
from app.capture.lane import Lane
from app.capture.processes import LiveFfmpeg
from app.extensions import db

log = logging.getLogger(__name__)

Surplus = list[tuple[Disk, LiveFfmpeg]]
Living = dict[int, Surplus]


def find_living(disks: Iterable[Disk]) -> Living:
    """Return this machine's recording ffmpegs by source, of all storages, newest last. Asks no disk."""
    found: Living = {}
    for disk in disks:
        for source_id, processes in recovery.living_ffmpegs(disk.root).items():
            found.setdefault(source_id, []).extend((disk, process) for process in processes)
    for pairs in found.values():
        pairs.sort(key=lambda pair: pair[1].pid)
    return found


class Leftovers:
    """Has the lanes take in what was left, holding the sources' leases meanwhile."""

    def __init__(self, recorder_id: str, lanes: dict[Disk, Lane], woken: Callable[[], None]) -> None:
        self._recorder_id = recorder_id
        self._lanes = lanes
        self._woken = woken
        self._found: deque[tuple[Disk, set[int]]] = deque()
        self._done: deque[int] = deque()
        self._running: dict[int, int] = {}  # jobs by source
        self._living: dict[int, set[str]] = {}  # runs by source that go on
        # What is published and yet to be closed, by source: used by the lane of its storage alone.
        self._unclosed: dict[Disk, deque[tuple[int, deque[recovery.Leftover]]]] = {disk: deque() for disk in lanes}

    def look(self, disk: Disk) -> None:
        """Look which sources left something in a storage that is open now. For any thread."""
        self._lanes[disk].do(partial(self._look, disk))

    def _look(self, disk: Disk) -> None:
        self._found.append((disk, recovery.leftover_sources(disk.root) | recovery.open_sources(disk.storage_id)))
        self._woken()

    def claim(self, kept: Collection[int], wanted: Collection[int]) -> None:
        """Take in what was found of sources that are kept, and of those that nobody wants."""
        while self._found:
            disk, source_ids = self._found[0]
            free = source_ids - set(kept) - set(wanted)
            held = leases.claim(self._recorder_id, free) if free else set()
            self._found.popleft()
            for source_id in sorted(held | (source_ids & set(kept))):
                self._take_in([disk], source_id, [])

    def recover(self, disks: list[Disk], source_id: int, surplus: Surplus, kept: set[str]) -> None:
        """Take in what was left of a source that is kept from now on; end the ffmpegs that are too many.

        kept: the run that is adopted.
        """
        self._living[source_id] = kept
        self._take_in(disks, source_id, surplus)

    def _take_in(self, disks: list[Disk], source_id: int, surplus: Surplus) -> None:
        if disks:  # else nothing would ever end it, and give back the lease
            self._running[source_id] = self._running.get(source_id, 0) + len(disks)
        for disk in disks:
            mine = [process for where, process in surplus if where is disk]
            self._lanes[disk].do(partial(self._job, disk, source_id, mine))

    def _job(self, disk: Disk, source_id: int, surplus: list[LiveFfmpeg]) -> None:
        """Do one storage's part, in its lane."""
        try:
            left = self._publish(disk, source_id, surplus)
        except (OSError, OperationalError):
            raise  # the lane tries again
        except Exception:  # the source's lease must not wait for it
            db.session.rollback()
            log.exception("source %d: what was left of it cannot be taken in now", source_id)
            left = []
        self._unclosed[disk].append((source_id, deque(left)))
        if len(self._unclosed[disk]) == 1:
            self._lanes[disk].do(partial(self._close, disk))

    def _publish(self, disk: Disk, source_id: int, surplus: list[LiveFfmpeg]) -> list[recovery.Leftover]:
        """Make the rows of what was left in one storage; return that. Ends the ffmpegs that are too many."""
        while surplus:
            recovery.end_surplus(surplus.pop())
        living = self._lanes[disk].runs_of(source_id) | self._living.get(source_id, set())
        found = recovery.living_ffmpegs(disk.root).get(source_id, [])
        for process in found:
            if process.run_id not in living:
                recovery.end_surplus(process)
            else:
                process.close()
        left = recovery.find_leftovers(disk.root, disk.storage_id, source_id, living)
        for one in left:
            try:
                one.publish()
            except Exception:  # closing it tries again; nothing else is to wait for it
                db.session.rollback()
                log.exception("source %d: run %s cannot be played yet", source_id, one.place.run_id)
        return left

    def _close(self, disk: Disk) -> None:
        """Close one file of what was left in a storage; the lane steps what records between two of them."""
        waiting = self._unclosed[disk]
        source_id, left = waiting[0]
        try:
            if left and not left[0].close_next():
                left.popleft()
        except (OSError, OperationalError):
            left.rotate(-1)
            waiting.rotate(-1)  # it must not keep the others from being closed
            raise  # the lane tries again
        except Exception:  # one file that cannot be read must hold up neither the source nor its lease
            db.session.rollback()
            run_id = left.popleft().place.run_id
            log.exception("source %d: run %s cannot be taken in; its files stay where they are", source_id, run_id)
        if not left:
            waiting.popleft()
            self._done.append(source_id)
            self._woken()
        if waiting:
            self._lanes[disk].do(partial(self._close, disk))

    def finish(self, kept: Collection[int], runs_of: Callable[[int], set[str]]) -> None:
        """Close what is left of the attempts of sources whose files are taken in; give back leases of unwanted ones.

        runs_of: the runs of a source that go on.
        """
        while self._done:
            source_id = self._done[0]
            if self._running.get(source_id, 0) <= 1:
                living = self._living.pop(source_id, set()) | runs_of(source_id)
                recovery.close_attempts(source_id, self._recorder_id, living)
                if source_id not in kept:
                    leases.release(self._recorder_id, {source_id})
            self._done.popleft()
            self._running[source_id] -= 1
            if not self._running[source_id]:
                del self._running[source_id]

    def is_busy(self, source_id: int) -> bool:
        """Tell whether something of the source is being taken in."""
        return source_id in self._running
