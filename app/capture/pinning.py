"""Pinning an address while something else goes on: a name server that is away holds a thread for many seconds."""

import threading
import time
from collections import deque
from collections.abc import Iterable
from contextlib import suppress

from app.capture.networks import Networks, PinnedUri, Unresolved, pin, resolve
from app.errors import Invalid

CHECK_S = 3.0  # so long storing an address waits for name servers
CHECKERS = 16


class Pinning:
    """One address being resolved and checked; that of a number is so at once, without a thread."""

    def __init__(self, policy: Networks, uri: str) -> None:
        """Begin. Raises Invalid at once for a number that is forbidden, and for what is no address."""
        self._policy, self._uri = policy, uri
        self._found: PinnedUri | None = None
        self._failure: Exception | None = None
        self._thread: threading.Thread | None = None
        try:
            self._found = pin(policy, uri, is_number=True)
        except Unresolved:
            self._thread = threading.Thread(target=self._run, name="pinning", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        try:
            self._found = pin(self._policy, self._uri)
        except (Invalid, Unresolved) as error:
            self._failure = error

    @property
    def is_over(self) -> bool:
        """Tell whether it is known."""
        return self._thread is None or not self._thread.is_alive()

    def result(self, limit_s: float = 0.0) -> PinnedUri:
        """Return the pinned address, if need be after waiting. Raises Invalid, Unresolved."""
        if self._thread is not None:
            self._thread.join(max(limit_s, 0.0))
        if self._failure is not None:
            raise self._failure
        if self._found is None:
            raise Unresolved("Temporary failure in name resolution")
        return self._found


def pin_soon(policy: Networks, uri: str, limit_s: float) -> PinnedUri:
    """Return the pinned address within a time. Raises Invalid, Unresolved."""
    return Pinning(policy, uri).result(limit_s)


def forbidden(policy: Networks, places: Iterable[tuple[str, int]]) -> dict[tuple[str, int], str]:
    """Return which hosts and ports are forbidden, each with the reason. What is not known of within CHECK_S is not."""
    found: dict[tuple[str, int], str] = {}
    names: deque[tuple[str, int]] = deque()
    for place in dict.fromkeys(places):
        try:
            _note(policy, place, found, is_number=True)
        except Unresolved:
            names.append(place)

    def work() -> None:
        with suppress(IndexError):
            while True:
                with suppress(Unresolved):
                    _note(policy, names.popleft(), found, is_number=False)

    until_s = time.monotonic() + CHECK_S
    threads = [threading.Thread(target=work, name="checking", daemon=True) for _ in range(min(CHECKERS, len(names)))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, until_s - time.monotonic()))
    names.clear()
    return found.copy()


def _note(policy: Networks, place: tuple[str, int], found: dict[tuple[str, int], str], *, is_number: bool) -> None:
    try:
        resolve(policy, *place, is_number=is_number)
    except Invalid as error:
        found[place] = error.message
