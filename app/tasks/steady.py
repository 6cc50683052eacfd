"""Periodic tasks by the time that passes: celery's own stand still for an hour where a clock is set back by one.

Both count: whether a task is due, and the order in which tasks are looked at.
"""

import time
from typing import Any

from celery.beat import ScheduleEntry, Scheduler
from celery.schedules import schedstate, schedule


class Every(schedule):  # type: ignore[misc]
    """Due each so many seconds, by the monotonic clock, from a whole period after it was made."""

    def __init__(self, seconds: float, app: Any = None) -> None:
        super().__init__(seconds, app=app)
        self._seconds = seconds
        self._last_s = time.monotonic()

    def is_due(self, last_run_at: Any) -> schedstate:
        """Tell whether it is due, and in how many seconds it is to be asked again; whoever is told yes runs it."""
        left_s = self._last_s + self._seconds - time.monotonic()
        if left_s > 0:
            return schedstate(False, left_s)
        self._last_s = time.monotonic()
        return schedstate(True, self._seconds)


class SteadyEntry(ScheduleEntry):  # type: ignore[misc]
    """An entry whose schedule, where it is a number of seconds, is counted by the monotonic clock."""

    schedule: Any

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        if type(self.schedule) is schedule:
            self.schedule = Every(self.schedule.seconds, app=self.app)


class SteadyScheduler(Scheduler):  # type: ignore[misc]
    """Orders its entries by the monotonic clock."""

    Entry = SteadyEntry

    def _when(self, entry: ScheduleEntry, next_time_to_run: float | None, *_: Any) -> float:
        return time.monotonic() + (self.adjust(next_time_to_run) or 0.0)
