"""Watches this machine's clock for the recorder: steps are written down, and what they mean is told."""

import contextlib
import logging
import socket
import time
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import func, select, update

from app.archive.machineclock import STATE, machine_clock
from app.archive.notices import note
from app.capture.processes import boot_id, host_id
from app.extensions import AnySession, writing
from app.models import Attempt, ClockStep, Recorder, Run
from app.models.types import now_us
from instance.config import Config

log = logging.getLogger(__name__)
KEEP_S = 30.0
RETRY_S = 1.0


@dataclass(frozen=True, slots=True)
class _Step:
    """A step that is not written down yet."""

    at_us: int
    step_us: int
    was_unset: bool
    is_unset: bool

    def __str__(self) -> str:
        way = "forward" if self.step_us > 0 else "back"
        return f"this machine's clock was set {way} by {abs(self.step_us) / 1e6:.1f} s at {_shown(self.at_us)}"


class ClockWatch:
    """Used by the recorder's main thread, within an app context."""

    def __init__(self, config: Config) -> None:
        """Look for the first time, and compare with what the recorder before saw."""
        self._state = config.run_path / STATE
        self._keep_s = self._write_s = 0.0
        self._unwritten: list[_Step] = []
        step_us = machine_clock.begin(self._state, boot_id())
        self._is_told = False
        if step_us is not None:
            self._note(step_us, was_unset=machine_clock.is_unset)

    def look(self) -> bool:
        """Tell whether the clock was set since the last look."""
        was_unset = machine_clock.is_unset
        step_us = machine_clock.look()
        if step_us is not None:
            self._note(step_us, was_unset=was_unset)
            self._keep_s = 0.0
        return step_us is not None

    def _note(self, step_us: int, *, was_unset: bool) -> None:
        step = _Step(now_us(), step_us, was_unset, machine_clock.is_unset)
        self._unwritten.append(step)
        log.warning("%s; recording goes on", step)

    def write(self) -> None:
        """Write down what is not yet. Raises OperationalError: call again."""
        now_s = time.monotonic()
        if (self._unwritten or not self._is_told) and now_s >= self._write_s:
            self._write_s = now_s + RETRY_S
            with writing() as session:
                for step in self._unwritten:
                    _write_step(session, step)
                _tell_state(session)
            self._unwritten.clear()
            self._is_told, self._write_s = True, 0.0
        if now_s >= self._keep_s:
            self._keep_s = now_s + KEEP_S
            with contextlib.suppress(OSError):  # a full disk: the next recorder only knows less
                machine_clock.keep(self._state, boot_id())


def _write_step(session: AnySession, step: _Step) -> None:
    session.add(ClockStep(host_id=host_id(), at_us=step.at_us, step_us=step.step_us, detail=str(step)))
    name = socket.gethostname()
    note(session, "clock_step", name, is_bad=True, text=f"{step}; recording goes on")
    note(session, "clock_step", name, is_bad=False, text="recordings take the new time at their next segment")
    if step.was_unset:
        _tell_true_time(session, step.step_us)


def _tell_true_time(session: AnySession, step_us: int) -> None:
    """Note for what this boot recorded without a clock by how much it is dated wrongly."""
    capture = func.coalesce(Run.capture_id, Run.id)
    of_this_boot = (
        select(Attempt.run_id)
        .join(Recorder, Recorder.id == Attempt.recorder_id)
        .where(Recorder.host_id == host_id(), Recorder.boot_id == boot_id(), Attempt.run_id.is_not(None))
    )
    query = update(Run).where(Run.clock == "unset", capture.in_(of_this_boot))
    session.execute(query.values(true_shift_us=func.coalesce(Run.true_shift_us, 0) + step_us))


def _tell_state(session: AnySession) -> None:
    """Tell whether the machine knows the time."""
    if machine_clock.is_unset:
        text = f"this machine's clock shows {_shown(now_us())}, which is past: set it; recording goes on by it"
    else:
        text = "this machine's clock is set"
    note(session, "clock", socket.gethostname(), is_bad=machine_clock.is_unset, text=text)


def _shown(instant_us: int) -> str:
    return f"{datetime.fromtimestamp(instant_us // 1_000_000, UTC):%Y-%m-%dT%H:%M:%SZ}"
