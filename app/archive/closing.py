"""Closing a segment file: tail to `salvage/`, closing box, fsync, rename, fsync of the folders. Then the row.

Every step may be the last before a crash; done again from the start it ends in the same file.
"""

import contextlib
import hashlib
import logging
import os
import uuid
from dataclasses import dataclass
from pathlib import Path

from app.archive import places
from app.archive.durable import make_folder, sync_folder
from app.formats.boxes import FormatError
from app.formats.closing import CLOSING_BYTES, CLOSING_HEAD, Closing, read_closing

log = logging.getLogger(__name__)
READ_BYTES = 1 << 20
MOVES = 3


@dataclass(frozen=True, slots=True)
class Identity:
    """What a segment says of itself in its closing box, the hash left out."""

    source_id: int
    run_id: str
    sequence: int
    start_us: int
    slew_ppm: int
    clock_offset_us: int | None
    shift_ticks: int


@dataclass(frozen=True, slots=True)
class ClosedFile:
    """A closed file: size with its closing box, and the SHA-256 (hex) of the bytes before that box."""

    path: Path
    size_bytes: int
    mtime_ns: int
    sha256: str


def close_file(root: Path, live: Path, target: Path, identity: Identity, body_end_bytes: int) -> ClosedFile:
    """Close the file `live` behind body_end_bytes and move it to `target`. Raises OSError; then `live` is as before.

    A target that is there already, from a try before a crash, is taken as it is where its closing box is whole.
    """
    path = live if live.exists() or not target.exists() else target
    handle = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        if not _is_closed(handle, body_end_bytes):
            salvage = places.salvage_path(root, identity.source_id, identity.run_id, identity.sequence)
            _save_tail(root, handle, body_end_bytes, salvage)
            _append_closing(handle, identity, body_end_bytes)
        os.fsync(handle)
    finally:
        os.close(handle)
    if path == target:
        make_folder(target.parent, root)  # its names may not have become durable before the crash
    else:
        _move(root, live, target)
    for folder in (target.parent, live.parent):
        with contextlib.suppress(FileNotFoundError):  # the live folder of a source that records no more
            sync_folder(folder)
    return _describe(target)


def _move(root: Path, live: Path, target: Path) -> None:
    """Move a file, making the folders that are missing."""
    for _ in range(MOVES - 1):
        with contextlib.suppress(FileNotFoundError):  # the folder was empty, and whoever deletes footage removed it
            make_folder(target.parent, root)
            live.rename(target)
            return
    make_folder(target.parent, root)
    live.rename(target)


def _is_closed(handle: int, body_end_bytes: int) -> bool:
    if os.fstat(handle).st_size != body_end_bytes + CLOSING_BYTES:
        return False
    try:
        read_closing(handle)
    except FormatError:
        return False
    return True


def _save_tail(root: Path, handle: int, body_end_bytes: int, salvage: Path) -> None:
    """Copy what a crash left incomplete behind the body to `salvage`, durably, and only then cut it off."""
    tail_bytes = os.fstat(handle).st_size - body_end_bytes
    if tail_bytes <= 0:
        return
    # What an earlier try saved must not be replaced by the closing box that it could not write to its end.
    if not _is_torn_closing(os.pread(handle, CLOSING_BYTES + 1, body_end_bytes)):
        make_folder(salvage.parent, root)
        _copy_tail(handle, body_end_bytes, salvage.with_suffix(".part"))
        salvage.with_suffix(".part").replace(salvage)
        sync_folder(salvage.parent)
        log.warning("kept %d bytes of an incomplete fragment in %s", tail_bytes, salvage.name)
    os.ftruncate(handle, body_end_bytes)


def _is_torn_closing(tail: bytes) -> bool:
    """Tell whether what lies behind the body is the begin of a closing box, or nothing but zeros."""
    begun = CLOSING_HEAD[: len(tail)]
    return len(tail) <= CLOSING_BYTES and (tail.startswith(begun) or not any(tail))


def _copy_tail(handle: int, offset: int, target: Path) -> None:
    with target.open("wb") as copy:
        while chunk := os.pread(handle, READ_BYTES, offset):
            copy.write(chunk)
            offset += len(chunk)
        copy.flush()
        os.fsync(copy.fileno())


def _append_closing(handle: int, identity: Identity, body_end_bytes: int) -> None:
    digest = _hash(handle, body_end_bytes)
    closing = Closing(
        identity.source_id,
        uuid.UUID(identity.run_id),
        identity.sequence,
        identity.start_us,
        identity.slew_ppm,
        identity.clock_offset_us,
        identity.shift_ticks,
        digest,
    ).encode()
    try:
        written = os.pwrite(handle, closing, body_end_bytes)
        if written != len(closing):
            raise OSError(28, "No space left on device")
    except OSError:
        os.ftruncate(handle, body_end_bytes)
        raise


def _hash(handle: int, end_bytes: int) -> bytes:
    digest = hashlib.sha256()
    offset = 0
    while offset < end_bytes:
        chunk = os.pread(handle, min(READ_BYTES, end_bytes - offset), offset)
        if not chunk:
            break
        digest.update(chunk)
        offset += len(chunk)
    return digest.digest()


def _describe(path: Path) -> ClosedFile:
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        status = os.fstat(handle)
        return ClosedFile(path, status.st_size, status.st_mtime_ns, read_closing(handle).sha256.hex())
    finally:
        os.close(handle)
