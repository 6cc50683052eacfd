"""When to try a camera again: 0.5 s doubling to 30 s with jitter, cut short when the camera answers again."""

import random
import time
from urllib.parse import urlsplit

from app.capture.knocking import Door, knocker
from app.capture.networks import Networks

FIRST_S, LONGEST_S = 0.5, 30.0
GOOD_CONNECTION_S = 2.0
DEFAULT_PORTS = {"rtsp": 554, "rtsps": 322, "http": 80, "https": 443}
# After these the camera was away: that it accepts a connection again is news. A wrong password is not mended by it.
PROBED_REASONS = frozenset({"camera_unreachable", "stream_ended", "silent"})
# After these it is the next connection that records, and the camera is there.
AT_ONCE_REASONS = frozenset({"crashed", "clock_jump"})


def host_port(uri: str) -> tuple[str, int] | None:
    """Return host and port of a camera's address, None when it has no host."""
    parts = urlsplit(uri)
    try:
        port = parts.port or DEFAULT_PORTS.get(parts.scheme, 554)
    except ValueError:
        return None
    return (parts.hostname, port) if parts.hostname else None


class Backoff:
    """The waiting time of one source. Used by the recorder's main thread."""

    def __init__(self, policy: Networks) -> None:
        self._policy = policy
        self._length_s = 0.0
        self._until_s = self._soonest_s = 0.0
        self._is_probed = False
        self._door: Door | None = None

    def failed(self, reason: str, lasted_s: float) -> None:
        """Begin to wait after an attempt that lasted so long."""
        was_good = lasted_s >= GOOD_CONNECTION_S
        if was_good and reason in PROBED_REASONS | AT_ONCE_REASONS:
            self._length_s = 0.0
        self._close_door()
        self._is_probed = reason in PROBED_REASONS
        # One that was there until now answers at once, whatever ails it.
        self._soonest_s = time.monotonic() + (0.0 if reason == "camera_unreachable" else FIRST_S)
        if was_good and reason in AT_ONCE_REASONS:
            self._until_s = 0.0
            return
        self._length_s = min(LONGEST_S, self._length_s * 2 or FIRST_S)
        self._until_s = time.monotonic() + self._length_s * random.SystemRandom().uniform(0.8, 1.2)

    @property
    def pause_s(self) -> float:
        """Seconds until the next attempt, when no probe cuts them short."""
        return max(0.0, self._until_s - time.monotonic())

    def skip(self) -> None:
        """Let the next attempt begin at once."""
        self._until_s = 0.0
        self._close_door()

    def is_over(self, uri: str | None) -> bool:
        """Tell whether the next attempt may begin; let the camera be knocked at meanwhile."""
        now_s = time.monotonic()
        if self._door is not None and self._door.answered.is_set() and now_s >= self._soonest_s:
            # It is back: should it not be ready yet, it is tried again soon, not as seldom as one that is away.
            self._length_s, self._until_s = 0.0, 0.0
        if now_s >= self._until_s:
            self._close_door()
            return True
        if uri and self._is_probed and self._door is None:
            address = host_port(uri)
            self._is_probed = address is not None
            self._door = knocker.ask(self._policy, *address) if address is not None else None
        return False

    def _close_door(self) -> None:
        if self._door is not None:
            self._door.close()
            self._door = None
