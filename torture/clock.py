"""The wall clock that the service under torture sees: this machine's, or one that was stepped away from it."""

import time
from bisect import bisect_right


class Clock:
    """Tells the service's wall clock at each instant of this machine's. `step` notes what a fault did to it."""

    def __init__(self) -> None:
        self._since_s: list[float] = [0.0]
        self._offsets_s: list[float] = [0.0]

    def step(self, offset_s: float) -> None:
        """Note that from now on the service's clock is so far ahead of this machine's."""
        self._since_s.append(time.time())
        self._offsets_s.append(offset_s)

    def at(self, instant_s: float) -> float:
        """Return what the service's clock showed at an instant of this machine's (Unix time)."""
        return instant_s + self._offsets_s[bisect_right(self._since_s, instant_s) - 1]

    @property
    def offset_s(self) -> float:
        """How far the service's clock is ahead now."""
        return self._offsets_s[-1]

    @property
    def farthest_s(self) -> tuple[float, float]:
        """The least and the greatest offset of the whole run."""
        return min(self._offsets_s), max(self._offsets_s)
