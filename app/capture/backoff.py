"""When to try a camera again: 0.5 s doubling to 30 s with jitter, cut short when the camera answers again."""

import random
import socket
import threading
import time
from urllib.parse import urlsplit

FIRST_S, LONGEST_S = 0.5, 30.0
GOOD_CONNECTION_S = 2.0
PROBE_INTERVAL_S, PROBE_TIMEOUT_S = 1.0, 1.0
DEFAULT_PORTS = {"rtsp": 554, "rtsps": 322, "http": 80, "https": 443}
# After these the camera was away: that it accepts a connection again is news. A wrong password is not mended by it.
PROBED_REASONS = frozenset({"camera_unreachable", "stream_ended", "silent"})


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

    def __init__(self) -> None:
        self._length_s = 0.0
        self._until_s = 0.0
        self._probe_at_s: float | None = None
        self._answered = threading.Event()

    def failed(self, reason: str, lasted_s: float) -> None:
        """Begin to wait after an attempt that lasted so long."""
        if lasted_s >= GOOD_CONNECTION_S and reason in PROBED_REASONS | {"crashed", "clock_jump"}:
            self._length_s = 0.0
        self._length_s = min(LONGEST_S, self._length_s * 2 or FIRST_S)
        now_s = time.monotonic()
        self._until_s = now_s + self._length_s * random.uniform(0.8, 1.2)  # noqa: S311  jitter, no secret
        self._probe_at_s = now_s + PROBE_INTERVAL_S if reason in PROBED_REASONS else None
        self._answered = threading.Event()

    @property
    def pause_s(self) -> float:
        """Seconds until the next attempt, when no probe cuts them short."""
        return max(0.0, self._until_s - time.monotonic())

    def skip(self) -> None:
        """Let the next attempt begin at once."""
        self._until_s = 0.0

    def is_over(self, uri: str | None) -> bool:
        """Tell whether the next attempt may begin; probe the camera meanwhile, once a second."""
        now_s = time.monotonic()
        if now_s >= self._until_s or self._answered.is_set():
            return True
        if uri and self._probe_at_s is not None and now_s >= self._probe_at_s:
            self._probe_at_s = now_s + PROBE_INTERVAL_S
            threading.Thread(target=_probe, args=(uri, self._answered), daemon=True).start()
        return False


def _probe(uri: str, answered: threading.Event) -> None:
    """Set the event when a TCP connection is accepted. Runs in a thread: a host name may take long to resolve."""
    address = host_port(uri)
    if address is None:
        return
    try:
        socket.create_connection(address, timeout=PROBE_TIMEOUT_S).close()
    except OSError:
        return
    answered.set()
