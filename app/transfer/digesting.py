"""SHA-256 of uploads on the way. A hash cannot be stored half done: each process keeps those of its uploads.

What another process wrote, or this one before it was started anew, is read from the disk while more comes, twice as
much as comes: no request reads it all, and none of it is read twice by one process.
"""

import hashlib
import os
import threading
from collections import OrderedDict
from typing import Any

MOST_KEPT = 256  # hashes a process; some 500 bytes each
BLOCK_BYTES = 1 << 18


class Digest:
    """The SHA-256 of the first `offset` bytes of a file."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._hash: Any = hashlib.sha256()
        self.offset = 0

    def feed(self, handle: int, offset: int, block: bytes) -> None:
        """Take a block that was written at `offset`; or catch up a piece from the disk."""
        if offset == self.offset:
            self._hash.update(block)
            self.offset += len(block)
        else:
            self.chase(handle, min(offset + len(block), self.offset + 2 * len(block)))

    def chase(self, handle: int, end: int) -> None:
        """Read from the disk what is missing up to `end`."""
        while self.offset < end:
            block = os.pread(handle, min(BLOCK_BYTES, end - self.offset), self.offset)
            if not block:
                raise OSError("the file is shorter than what was written to it")
            self._hash.update(block)
            self.offset += len(block)

    @property
    def hex(self) -> str:
        """The hash so far."""
        return str(self._hash.hexdigest())


class Chaser(threading.Thread):
    """Hashes what was written, in a thread of its own: a processor hashes more slowly than it takes in and writes.

    It reads from the file what the kernel has just got, so that however far it falls behind no memory is needed.
    """

    def __init__(self, digest: Digest, handle: int) -> None:
        """`handle` must stay open until `stop` has returned."""
        super().__init__(name="hash", daemon=True)
        self._digest, self._handle = digest, handle
        self._end = digest.offset
        self._is_stopping = False
        self._news = threading.Condition()
        self._error: OSError | None = None

    def tell(self, end: int) -> None:
        """Say up to where the file was written."""
        with self._news:
            self._end = end
            self._news.notify()

    def stop(self) -> None:
        """End it after the block that it is at; the hash says how far it has come. Raises OSError."""
        with self._news:
            self._is_stopping = True
            self._news.notify()
        self.join()
        if self._error is not None:
            raise self._error

    def run(self) -> None:
        """Hash until told to stop."""
        try:
            while self._wait():
                self._digest.chase(self._handle, min(self._end, self._digest.offset + BLOCK_BYTES))
        except OSError as error:
            self._error = error

    def _wait(self) -> bool:
        with self._news:
            self._news.wait_for(lambda: self._is_stopping or self._digest.offset < self._end)
            return not self._is_stopping


class Digests:
    """The hashes that this process keeps between requests: those used last."""

    def __init__(self) -> None:
        """Begin with none."""
        self._kept: OrderedDict[int, Digest] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, file_id: int, received_bytes: int) -> Digest:
        """Return the hash of a file; it is the caller's alone until it is kept again."""
        with self._lock:
            found = self._kept.pop(file_id, None)
        return found if found is not None and found.offset <= received_bytes else Digest()

    def keep(self, file_id: int, digest: Digest) -> None:
        """Keep a hash for the next request."""
        with self._lock:
            self._kept[file_id] = digest
            while len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)


digests = Digests()
