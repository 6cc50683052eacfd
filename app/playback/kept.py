"""What was made a moment ago, by what it follows from: a bounded number of bytes; the longest unasked leaves first."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

V = TypeVar("V")


class Kept(Generic[V]):
    """Values by a hash of all that they follow from, so that none is ever wrong. Used by several threads."""

    def __init__(self, max_bytes: int, size_of: Callable[[V], int]) -> None:
        """Begin with none."""
        self._max_bytes = max_bytes
        self._size_of = size_of
        self._values: OrderedDict[str, V] = OrderedDict()
        self._lock = threading.Lock()
        self.size_bytes = 0

    def find(self, key: str) -> V | None:
        """Return a value, or None."""
        with self._lock:
            found = self._values.get(key)
            if found is not None:
                self._values.move_to_end(key)
            return found

    def keep(self, key: str, value: V) -> None:
        """Keep a value; one that is larger than all that may be kept is not."""
        size_bytes = self._size_of(value)
        with self._lock:
            if size_bytes > self._max_bytes:
                return
            before = self._values.pop(key, None)
            self.size_bytes -= self._size_of(before) if before is not None else 0
            self._values[key] = value
            self.size_bytes += size_bytes
            while self.size_bytes > self._max_bytes:
                _, oldest = self._values.popitem(last=False)
                self.size_bytes -= self._size_of(oldest)
