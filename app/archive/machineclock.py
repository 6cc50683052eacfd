"""This machine's wall clock as a process sees it: whether it was set, and whether it knows the time at all.

CLOCK_REALTIME minus CLOCK_BOOTTIME changes only when somebody sets the clock (or by a leap second): NTP's slewing moves
both, sleeping machines count both. So two readings tell every step, whatever passed between them.
"""

import json
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from app.models.types import now_us

STEP_US = 500_000  # less is slewed away within 17 minutes, and is what an anchor is right to
MOST_ERROR_US = 1_500_000  # a run whose clock is wrong by more gives way to a new one; a leap second is slewed
RELEASED_US = 1_767_225_600_000_000  # 2026-01-01: no clock that is right shows less
SLACK_US = 60_000_000
STATE = "clock.json"
TRIES, CLOSE_NS = 5, 20_000


def boot_offset_us() -> int:
    """Return the wall clock minus the time since boot, in µs: the same until the clock is set."""
    best_ns, offset_ns = 1 << 62, 0
    for _ in range(TRIES):
        before_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        wall_ns = time.clock_gettime_ns(time.CLOCK_REALTIME)
        after_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        if after_ns - before_ns < best_ns:  # else we were put to sleep between two readings
            best_ns, offset_ns = after_ns - before_ns, wall_ns - (before_ns + after_ns) // 2
        if best_ns < CLOSE_NS:
            break
    return offset_ns // 1000


@dataclass
class MachineClock:
    """What a recorder knows of the clock. `is_unset`: the machine cannot know the time yet, as after a boot in 1970."""

    is_unset: bool = False
    offset_us: int = 0
    base_us: int | None = None  # `offset_us` of the recorder before, by which what it left is dated
    known_us: int = 0  # the newest instant that a clock that was set has shown

    def begin(self, state: Path, boot_id: str) -> int | None:
        """Look for the first time; return by how much the clock was set while no recorder ran, None where it was not.

        `state` is what the last recorder of this instance left there. A clock that shows less than it, after a start of
        the machine, is not set; within one boot somebody has set it back, and knows why.
        """
        self.offset_us = boot_offset_us()
        before = _read(state)
        self.known_us = before.known_us if before is not None else 0
        is_same_boot = before is not None and before.boot_id == boot_id
        self.is_unset = self._is_early(is_trusted=before is not None and is_same_boot and not before.is_unset)
        if before is None or not is_same_boot:
            return None
        self.base_us = before.offset_us
        step_us = self.offset_us - before.offset_us
        return step_us if abs(step_us) >= STEP_US else None

    def look(self) -> int | None:
        """Return by how much the clock was set since the last look, in µs; None where it was not."""
        step_us = boot_offset_us() - self.offset_us
        if abs(step_us) < STEP_US:
            return None
        self.offset_us += step_us
        self.is_unset = self._is_early(is_trusted=not self.is_unset)
        return step_us

    def _is_early(self, *, is_trusted: bool) -> bool:
        """Tell whether the clock shows less than a right one can."""
        return now_us() < (RELEASED_US if is_trusted else max(RELEASED_US, self.known_us - SLACK_US))

    def keep(self, state: Path, boot_id: str) -> None:
        """Leave for the next recorder what the clock shows. Raises OSError."""
        if not self.is_unset:
            self.known_us = now_us()
        fresh = state.with_suffix(".new")
        told = _State(boot_id, self.offset_us, self.known_us, self.is_unset)
        fresh.write_text(json.dumps(asdict(told)), "ascii")
        fresh.replace(state)


@dataclass(frozen=True)
class _State:
    """What one recorder leaves for the next, as JSON."""

    boot_id: str
    offset_us: int
    known_us: int
    is_unset: bool


def _read(state: Path) -> _State | None:
    with suppress(OSError, ValueError, TypeError):
        found = _State(**json.loads(state.read_text("ascii")))
        if isinstance(found.offset_us, int) and isinstance(found.known_us, int):
            return found
    return None


def reads_unset(folder: Path) -> bool:
    """Tell whether the recorder of this instance has found that the machine does not know the time."""
    state = _read(folder / STATE)
    return state is not None and state.is_unset and state.boot_id == _boot_id()


def _boot_id() -> str:
    with suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    return ""


machine_clock = MachineClock()  # of this process; looked at by the recorder alone
