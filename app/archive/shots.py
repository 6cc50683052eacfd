"""Live pictures as capture and playback both see them: what comes, and what viewers want of it."""

from typing import Protocol

Shot = tuple[bytes, int]  # a JPEG, and the instant it shows in µs
LEAST_DELAY_S = 0.04  # at most 25 pictures a second


class Wish(Protocol):
    """What is wanted now."""

    @property
    def delay_s(self) -> float:
        """The smallest delay that is wanted now."""

    @property
    def is_over(self) -> bool:
        """Tell whether nobody watches any more."""

    def wait(self, timeout_s: float) -> None:
        """Sleep, but no longer than until the wish changes."""
