"""A pass over recorded footage in search of activity: the newest of each camera first, for a bounded time.

What is left to look at stands in the database, and so does what was found, segment by segment: a process that dies
loses one. A file that it dies of is tried TRIES times. Used by one thread, of the worker or of a command.

Pictures are decoded in a thread of their own that yields to all others. The database is written by the thread that
runs the pass: a writer that gets no CPU would hold up every other one, the recorder's among them.
"""

import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from typing import NamedTuple

from app.archive import activityrows as rows
from app.archive.activitysettings import enabled_ids, find_setting, note_looked, note_try
from app.archive.unlinking import mounted_roots
from app.extensions import db, writing
from app.playback.segmentlook import Ref, SegmentLook

log = logging.getLogger(__name__)

NICEST = 19
BATCH, BATCH_S = 16, 1.0  # segments, and CPU seconds, after which it is another camera's turn
TRIES = 3


class Task(NamedTuple):
    """Segments of one camera and one day that are to be looked at, by start."""

    source_id: int
    refs: Sequence[Ref]


@dataclass(slots=True)
class Done:
    """What a pass did: cameras that it came to, segments, key frames, CPU seconds; and whether more is left."""

    sources: int = 0
    segments: int = 0
    decoded: int = 0
    cpu_s: float = 0.0
    is_more: bool = False


class ActivityPass:
    """One pass. Needs an app context; `source_ids` instead of all cameras that are switched on."""

    def __init__(
        self,
        budget_s: float,
        is_stopping: Callable[[], bool] = lambda: False,
        source_ids: Sequence[int] | None = None,
    ) -> None:
        self._budget_s, self._begun_s, self._decoding_s = budget_s, time.thread_time(), 0.0
        self._is_stopping, self._source_ids = is_stopping, source_ids
        self._roots = set(mounted_roots())
        self.done = Done()

    def run(self) -> Done:
        """Look at one batch of each camera in turn, until nothing is left or the time is up."""
        with ThreadPoolExecutor(1, "activity", _yield_to_all) as decoding:
            self._decoding = decoding
            return self._run()

    def _run(self) -> Done:
        left = list(self._source_ids) if self._source_ids is not None else enabled_ids(db.session)
        db.session.rollback()
        self.done.sources = len(left)
        while left and not self._is_over():
            for source_id in list(left):
                if self._is_over():
                    break
                task = self._next(source_id)
                if task is None:
                    left.remove(source_id)
                    continue
                self._look_at(task)
        self.done.is_more, self.done.cpu_s = bool(left), self._spent_s()
        return self.done

    def _spent_s(self) -> float:
        """Return the CPU seconds of this pass, those of decoding among them."""
        return time.thread_time() - self._begun_s + self._decoding_s

    def _is_over(self) -> bool:
        return self._is_stopping() or self._spent_s() >= self._budget_s

    def _next(self, source_id: int) -> Task | None:
        """Return the newest that is left of a camera; write down which days have nothing left."""
        setting = find_setting(db.session, source_id)
        since_us = setting.since_us if setting is not None and setting.is_enabled else None
        if since_us is None:
            return None
        finished: list[tuple[int, int]] = []
        task = None
        for day, revision in rows.due_days(db.session, source_id):
            refs = rows.find_undone(db.session, source_id, since_us, day)
            usable = [ref for ref in refs if ref[3] in self._roots]
            if usable:
                task = Task(source_id, usable[-BATCH:])
                break
            if not refs:  # what lies on a disk that is not mounted is still to come
                finished.append((day, revision))
        db.session.rollback()
        if finished:
            with writing() as session:
                for day, revision in finished:
                    rows.finish_day(session, source_id, day, revision)
                note_looked(session, source_id)
        return task

    def _look_at(self, task: Task) -> None:
        """Look at the segments of a task, the newest first and at one at least; write down what is found of each."""
        look = SegmentLook(task.source_id, task.refs, self._is_stopping)
        begun_s = self._spent_s()
        is_over, left = False, list(task.refs)
        tries = self._begin(task.source_id, left[-1])
        while left and not is_over:
            ref, from_s = left.pop(), self._spent_s()
            if tries > TRIES:
                log.error("segment %s is left out of activity: the process died of it %d times", ref[0], TRIES)
            seen = look.skip(ref) if tries > TRIES else self._decode(look, ref)
            if seen is None:  # the process is to end, and has not died of it
                with writing() as session:
                    note_looked(session, task.source_id, look.take_decoded())
                return
            is_over = self._is_over() or self._spent_s() - begun_s > BATCH_S
            self._store(task.source_id, seen, look.take_decoded(), self._spent_s() - from_s)
            if left and not is_over:
                tries = self._begin(task.source_id, left[-1])

    def _decode(self, look: SegmentLook, ref: Ref) -> rows.Seen | None:
        """Look at a segment in the thread that yields; no transaction is open meanwhile."""

        def timed() -> tuple[rows.Seen | None, float]:
            from_s = time.thread_time()
            return look.look_at(ref), time.thread_time() - from_s

        seen, spent_s = self._decoding.submit(copy_context().run, timed).result()
        self._decoding_s += spent_s
        return seen

    def _begin(self, source_id: int, ref: Ref) -> int:
        """Write down that a segment is looked at; return which try of it this is."""
        with writing() as session:
            return note_try(session, source_id, ref[1])

    def _store(self, source_id: int, seen: rows.Seen, decoded: int, spent_s: float) -> None:
        with writing() as session:
            kept = rows.store(session, source_id, [seen])
            note_looked(session, source_id, decoded, round(spent_s * 1_000_000))
        self.done.segments += len(kept)
        self.done.decoded += decoded


def _yield_to_all() -> None:
    """Lower the priority of this thread, for good: it is a thread of a pass, and ends with it."""
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICEST)
