"""JPEGs that were made a moment ago: a bounded number of bytes, those not asked for the longest leave first."""

import threading
from collections import OrderedDict


class JpegCache:
    """JPEGs by what they follow from. Used by several threads."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._lock = threading.Lock()
        self.size_bytes = 0

    def find(self, key: str) -> bytes | None:
        """Return a JPEG, or None."""
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
            return found

    def keep(self, key: str, jpeg: bytes) -> None:
        """Keep a JPEG; one that is larger than all that may be kept is not."""
        if len(jpeg) > self._max_bytes:
            return
        with self._lock:
            self.size_bytes += len(jpeg) - len(self._kept.get(key, b""))
            self._kept[key] = jpeg
            self._kept.move_to_end(key)
            while self.size_bytes > self._max_bytes:
                _, oldest = self._kept.popitem(last=False)
                self.size_bytes -= len(oldest)
