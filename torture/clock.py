"""The wall clock that the service under torture sees: this machine's, or one that was stepped away from it."""

from itertools import pairwise

from tests.faked_time import FakedClock


class Clock:
    """Tells the service's wall clock at each instant of this machine's, and steps it where it can be faked."""

    def __init__(self, faked: FakedClock | None = None) -> None:
        self._faked = faked
        self._offsets_s = [0.0]
        self.least_s = self.most_s = 0.0

    @property
    def can_step(self) -> bool:
        """Tell whether the clock can be set: it needs a C compiler, for the library that fakes it."""
        return self._faked is not None

    def step(self, seconds: float) -> None:
        """Set the service's clock forward by so much, or back."""
        assert self._faked is not None  # why_not was asked
        self._faked.step(seconds)
        self._offsets_s.append(self._offsets_s[-1] + seconds)
        self.least_s, self.most_s = min(self._offsets_s), max(self._offsets_s)

    @property
    def was_set_back(self) -> bool:
        """Tell whether the clock ever went backwards: then footage covers earlier footage."""
        return any(after < before for before, after in pairwise(self._offsets_s))

    def at(self, instant_s: float) -> float:
        """Return what the service's clock showed at an instant of this machine's (Unix time)."""
        return instant_s if self._faked is None else self._faked.at(instant_s)
