"""Faults of the machine's clock, as the service sees it; cameras and judge have another. Steps are not taken back."""

from typing import ClassVar

from torture.faults import Fault
from torture.rig import Rig


class ClockForward(Fault):
    """Sets the clock forward: the time that is left out is a gap of its own, in which nothing happened."""

    name = "clock set forward"
    steps_s: ClassVar[tuple[float, float]] = (2.0, 3600.0)
    causes = frozenset({"clock_step", "starting"})

    @classmethod
    def why_not(cls, rig: Rig) -> str:
        """Return why this machine cannot do it."""
        return "" if rig.clock.can_step else "faking the clock needs a C compiler (gcc)"

    def inject(self) -> None:
        """Set it."""
        self.rig.clock.step(self.draw.uniform(*self.steps_s))


class ClockBack(ClockForward):
    """Sets the clock back: what is recorded then covers what was recorded before."""

    name = "clock set back"
    steps_s: ClassVar = (-60.0, -2.0)


CLOCK_FAULTS: tuple[type[Fault], ...] = (ClockForward, ClockBack)
