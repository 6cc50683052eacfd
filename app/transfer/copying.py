"""Copying one file to a target so that nobody ever sees a part of it under its final name.

    size of NAME      there already: its bytes are read and compared, never written over
    .NAME.part        what an earlier try left: its bytes are compared with ours, then gone on from
    write, read back  MD5 of what the target gives back = MD5 of what was read here
    rename            to NAME

A target that cannot append begins a file anew. An object store shows nothing before an upload is complete: there the
file is written under its name at once, and removed where it does not read back as it was sent.
"""

import hashlib
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from app.transfer.naming import part_name

log = logging.getLogger(__name__)
# What is read and sent between two looks at whether to go on.
BLOCK_BYTES = 1 << 18

ReadRange = Callable[[int, int], Iterator[bytes]]


class CopyRefused(Exception):
    """Trying again would not help; the message says why and what would."""


class CopyFailed(Exception):
    """This try failed; another may not."""


class Interrupted(Exception):
    """The copy is to end now: the process stops, or the copy was cancelled or is another's by now."""


@dataclass(frozen=True, slots=True)
class Recording:
    """What is copied: the bytes of a record's file, and what is written down beside them."""

    size_bytes: int
    read: ReadRange
    md5: str | None = None
    description: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Progress:
    """What a copy tells while it goes on, and asks: `check` raises Interrupted where it is to end."""

    check: Callable[[], None]
    bytes_s: int = 0
    copied_bytes: int = 0

    def paced(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        """Yield the blocks no faster than `bytes_s` (0: as fast as they come); check before each."""
        begun_s, sent_bytes = time.monotonic(), 0
        for block in blocks:
            for first in range(0, len(block), BLOCK_BYTES):
                self.check()
                piece = block[first : first + BLOCK_BYTES]
                yield piece
                sent_bytes += len(piece)
                while self.bytes_s and (left_s := begun_s + sent_bytes / self.bytes_s - time.monotonic()) > 0:
                    self.check()
                    time.sleep(min(left_s, 0.2))


class Target(Protocol):
    """A folder somewhere. Names are those of files in it; every method may raise OSError or an error of its library."""

    can_append: bool
    shows_only_whole: bool

    def size(self, name: str) -> int | None:
        """Return the size of a file, None where there is none."""

    def read(self, name: str) -> Iterator[bytes]:
        """Yield the bytes of a file as the target gives them back."""

    def write(self, name: str, begin: int, blocks: Iterator[bytes], size_bytes: int) -> Iterator[int]:
        """Write the blocks from `begin` on, and let nothing follow; yield up to where the file is safe."""

    def publish(self, part: str, name: str) -> None:
        """Rename a file. Raises FileExistsError where the name is taken."""

    def replace(self, name: str, data: bytes) -> None:
        """Make a small file, or one in the place of what was there, whole at once."""

    def remove(self, name: str) -> None:
        """Remove a file; none is fine."""

    def close(self) -> None:
        """End the connection."""


def copy(target: Target, name: str, recording: Recording, progress: Progress) -> str:
    """Copy a recording to `name`; return the MD5, in hex, of what is there.

    Raises CopyRefused, CopyFailed, Interrupted, and what the target raises.
    """
    if (there := target.size(name)) is not None:
        return _compare(target, name, there, recording, progress)
    part = name if target.shows_only_whole else part_name(name)
    begin, digest = _kept_part(target, part, recording, progress)
    progress.copied_bytes = begin
    blocks = _hashed(progress.paced(recording.read(begin, recording.size_bytes)), digest)
    for safe_bytes in target.write(part, begin, blocks, recording.size_bytes):
        progress.copied_bytes = safe_bytes
    md5 = digest.hexdigest()
    _verify(target, part, recording.size_bytes, md5, progress)
    if part != name:
        target.publish(part, name)
    return md5


def copy_description(target: Target, name: str, text: str) -> None:
    """Write the description beside a copy, unless the very same is there."""
    data = text.encode()
    if target.size(name) == len(data) and b"".join(target.read(name)) == data:
        return
    target.replace(name, data)


def md5_of(blocks: Iterator[bytes], progress: Progress) -> str:
    """Return the MD5 of bytes in hex."""
    digest = _digest()
    for block in blocks:
        progress.check()
        digest.update(block)
    return digest.hexdigest()


def _compare(target: Target, name: str, there: int, recording: Recording, progress: Progress) -> str:
    """Return the MD5 of the file that is there already. Raises CopyRefused where it is another."""
    if there == recording.size_bytes:
        md5 = recording.md5 or md5_of(recording.read(0, recording.size_bytes), progress)
        if md5_of(target.read(name), progress) == md5:
            progress.copied_bytes = there
            return md5
    raise CopyRefused(
        f"another file of {there} bytes has this name at the target already, and nothing is written over: move it "
        "away there, or copy to another location"
    )


def _kept_part(target: Target, part: str, recording: Recording, progress: Progress) -> "tuple[int, hashlib._Hash]":
    """Return how much of the part is there and is ours, and the hash so far; remove a part that is not."""
    digest = _digest()
    there = target.size(part)
    if there is None:
        return 0, digest
    if target.can_append and 0 < there <= recording.size_bytes:
        theirs = md5_of(target.read(part), progress)
        for block in recording.read(0, there):
            progress.check()
            digest.update(block)
        if digest.hexdigest() == theirs:
            return there, digest
        log.warning("%s: the part that an earlier try left is not as it was sent; it is copied anew", part)
    target.remove(part)
    return 0, _digest()


def _verify(target: Target, part: str, size_bytes: int, md5: str, progress: Progress) -> None:
    """Raise CopyFailed, and remove the part, where it does not read back as it was sent."""
    there = target.size(part)
    if there == size_bytes and md5_of(target.read(part), progress) == md5:
        return
    target.remove(part)
    raise CopyFailed(f"the target gave back other bytes than it was sent ({there} of {size_bytes}); they were removed")


def _hashed(blocks: Iterator[bytes], digest: "hashlib._Hash") -> Iterator[bytes]:
    for block in blocks:
        digest.update(block)
        yield block


def _digest() -> "hashlib._Hash":
    return hashlib.md5(usedforsecurity=False)
