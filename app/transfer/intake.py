"""Taking the bytes of one request into an upload: written, made durable, then said of in the row, again and again.

A block is written where the last one ended. Every second what came is made durable and the row says so; at the end,
however it ends, once more. A chunk with a checksum counts only when all of it has come and the checksum is right.
"""

import hashlib
import logging
import os
import time
from collections.abc import Callable
from typing import Any

from app.archive.handed import change_status
from app.archive.outbox import emit
from app.archive.storages import unusable
from app.errors import Busy, ChecksumMismatch, Conflict, Locked, TooLarge
from app.extensions import AnySession, writing
from app.formats.tusheaders import Checksum
from app.models import File, FileEvent
from app.models.file import ANNOUNCED, ERROR, FORM, PROCESSING
from app.models.types import now_us
from app.transfer.claiming import Claimed
from app.transfer.completing import WHOLE_US
from app.transfer.digesting import Chaser, Digest, digests
from app.transfer.uploadroom import Room, most_bytes, too_large
from instance.config import Config

log = logging.getLogger(__name__)

FIRST_COMMIT_S, COMMIT_S = 0.25, 1.0
INLINE_BYTES = 8 * 2**20  # of one request; for less a thread is not worth its while
PROGRESS_US = 1_000_000
ROOM_BYTES = 8 * 2**20  # how often the disk is asked for its room


class Intake:
    """What one request adds to an upload."""

    def __init__(
        self, config: Config, claimed: Claimed, room: Room, most_bytes: int, checksum: Checksum | None = None
    ) -> None:
        """`most_bytes` is what the upload may come to. Raises StorageUnusable."""
        self._config, self._claimed, self._room = config, claimed, room
        self._handle, self._most = claimed.handle, most_bytes
        self._begin = self._written = self._committed = claimed.received_bytes
        self._checksum = checksum
        self._chunk_hash: Any = None
        if checksum is not None:
            self._chunk_hash = hashlib.new(checksum.algorithm, usedforsecurity=False)
        self._digest = digests.take(claimed.file_id, self._begin)
        self._chaser: Chaser | None = None
        self._room_due = self._written
        self._due_s = time.monotonic() + FIRST_COMMIT_S
        try:
            os.ftruncate(self._handle, self._begin)  # what a killed process wrote and did not say
        except OSError as error:
            raise unusable(room.root, error) from error

    @property
    def written_bytes(self) -> int:
        """What has come of the upload, with all requests before."""
        return self._written

    def receive(self, read: Callable[[], bytes], check: Callable[[], None] = lambda: None) -> None:
        """Take all that `read` gives, until it gives nothing; then `check` raises where that was not the end.

        Raises TooLarge, StorageFull, StorageUnusable, ChecksumMismatch, Conflict when another goes on with it. What had
        come until then stays, but for a body that is longer than it may be, and for a chunk with a checksum.
        """
        try:
            while block := read():
                self._check_writer()
                self.take(block)
            self._check_writer()
            check()
            self.verify()
        except Exception:
            self._check_writer()  # then the body broke off because it was told to
            raise
        finally:
            self.end()

    def _check_writer(self) -> None:
        """Raise Conflict, or Busy, where this request is to write no more."""
        writer = self._claimed.writer
        if writer.why is not None:
            if writer.is_ending:
                raise Busy(f"{writer.why}: {self._written} bytes have come, go on in a moment")
            raise Conflict(f"{writer.why}: what came is kept", kind="taken_over", loc=("path", "file_id"))

    def take(self, block: bytes) -> None:
        """Take a block. Raises as `receive`."""
        if self._written + len(block) > self._most:
            self._take_back()
            if self._claimed.size_bytes is None:
                raise too_large(self._config, self._most)
            raise TooLarge(
                f"more than {self._most} bytes came, which is all that there may be: what this request brought is not "
                f"kept, the {self._begin} bytes before are",
                kind="size_exceeded",
            )
        if self._written >= self._room_due:
            self._room.check(len(block))
            self._room_due = self._written + ROOM_BYTES
        self._write(block)
        self._claimed.writer.moved(len(block))
        if time.monotonic() >= self._due_s:
            self.save()

    def _write(self, block: bytes) -> None:
        left = memoryview(block)
        try:
            while left:
                count = os.pwrite(self._handle, left, self._written)
                if self._chunk_hash is None:
                    self._hash(block if count == len(block) else bytes(left[:count]))
                else:
                    self._chunk_hash.update(left[:count])
                self._written += count
                left = left[count:]
        except OSError as error:
            raise unusable(self._room.root, error) from error

    def _hash(self, block: bytes) -> None:
        """Have a block hashed that was written just now: here as long as few have come, then by another thread."""
        if self._chaser is None and self._written - self._begin < INLINE_BYTES:
            self._digest.feed(self._handle, self._written, block)
            return
        if self._chaser is None:
            self._chaser = Chaser(self._digest, self._handle)
            self._chaser.start()
        self._chaser.tell(self._written + len(block))

    def _end_hashing(self) -> None:
        """Have nothing more hashed by the other thread. Raises StorageUnusable."""
        chaser, self._chaser = self._chaser, None
        if chaser is not None:
            try:
                chaser.stop()
            except OSError as error:
                self._digest = Digest()
                raise unusable(self._room.root, error) from error

    def save(self) -> None:
        """Make durable what came until now, where it counts already."""
        if self._checksum is None:
            self.commit()
        self._due_s = time.monotonic() + COMMIT_S

    def verify(self) -> None:
        """Take a chunk with a checksum as come, now that all of it has. Raises ChecksumMismatch."""
        if self._checksum is None:
            return
        if self._chunk_hash.digest() != self._checksum.digest:
            raise ChecksumMismatch(
                f"the chunk has another {self._checksum.algorithm} than Upload-Checksum says: it is not kept, send it "
                f"again from {self._begin} on"
            )
        self._checksum = None

    def end(self) -> None:
        """Say of all that came; of a chunk that was not verified, nothing."""
        if self._checksum is not None:
            self._written = self._begin
        try:
            self.commit()  # while it is made durable the other thread goes on hashing
            if self._chunk_hash is not None:
                self._chase(min(self._committed, self._digest.offset + 2 * (self._committed - self._begin)))
        finally:
            self._end_hashing()
            self._cut()
            if self._digest.offset <= self._committed:
                digests.keep(self._claimed.file_id, self._digest)

    def _cut(self) -> None:
        """Give back the room of what was written and does not count: nothing would count it."""
        try:
            if os.fstat(self._handle).st_size > self._committed:
                os.ftruncate(self._handle, self._committed)
        except OSError as error:
            log.warning("file %d holds bytes that do not count: %s", self._claimed.file_id, error.strerror)

    def digest(self) -> Digest:
        """Return the hash of all that has come. Raises StorageUnusable."""
        self._chase(self._committed)
        return self._digest

    def _chase(self, end: int) -> None:
        """Have hashed up to `end` what is on the disk: all of a chunk whose checksum had to be seen first."""
        try:
            self._digest.chase(self._handle, end)
        except OSError as error:
            raise unusable(self._room.root, error) from error

    def commit(self) -> None:
        """Make durable what was written, then say so in the row. Raises StorageUnusable, StorageFull, Locked."""
        if self._written == self._committed:
            return
        try:
            if self._written > self._committed:
                os.fdatasync(self._handle)
        except OSError as error:
            raise unusable(self._room.root, error) from error
        at_us = now_us()
        with writing() as session:
            row = session.get(File, self._claimed.file_id, with_for_update=True, populate_existing=True)
            self._check(row)
            assert row is not None
            if row.size_bytes is None:  # others of its owner may have come meanwhile
                self._most = most_bytes(session, self._config, row.owner, row.id)
            row.received_bytes = self._written
            row.expires_us = at_us + self._config.UPLOAD_EXPIRE_S * 1_000_000
            if row.size_bytes == self._written or row.how == FORM:
                row.next_us = at_us + WHOLE_US
            _tell(session, row, at_us)
        self._committed = self._claimed.received_bytes = self._written

    def _check(self, row: File | None) -> None:
        """Raise Locked where the row is no longer as this request left it: the lock on the file did not hold."""
        is_mine = row is not None and row.deleted_us is None and row.completed_us is None
        if row is None or not is_mine or row.received_bytes != self._committed:
            raise Locked(f"file {self._claimed.file_id} was written by another request meanwhile: ask where it stands")

    def _take_back(self) -> None:
        """Forget what this request brought."""
        self._end_hashing()
        self._written = self._begin
        self._digest = Digest()


def _tell(session: AnySession, row: File, at_us: int) -> None:
    """Tell of the first bytes, and of those that follow at most once a second."""
    if row.status in (ANNOUNCED, ERROR):
        row.error = None
        change_status(session, row, PROCESSING, received_bytes=row.received_bytes, size_bytes=row.size_bytes)
        return
    last = session.get(FileEvent, row.event_id)
    if last is None or last.type != "progress" or last.at_us <= at_us - PROGRESS_US:
        emit(session, row, "progress", received_bytes=row.received_bytes, size_bytes=row.size_bytes)


def say_error(file_id: int, text: str) -> None:
    """Write down why an upload that its sender cannot go on with is not complete. What came stays until it expires."""
    with writing() as session:
        row = session.get(File, file_id, with_for_update=True, populate_existing=True)
        if row is not None and row.deleted_us is None and row.completed_us is None:
            row.error = text[:500]
            change_status(session, row, ERROR, error=row.error)
