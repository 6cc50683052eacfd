"""Closing a segment file: tail to `salvage/`, closing box, fsync, rename, fsync of the folders. Then the row.

Every step may be the last before a crash; done again from the start it ends in the same file.
"""

import contextlib
import hashlib
import logging
import os
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from app.archive import places
from app.archive.durable import make_folder, sync_folder
from app.formats.boxes import FormatError
from app.formats.closing import CLOSING_BYTES, FIRST, KIND, Closing, Facts, read_closing

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
    is_picture: bool = False
    is_clock_unset: bool = False


@dataclass(frozen=True, slots=True)
class Body:
    """What a segment's fragments come to: where they lie, when they end, the counters of their samples."""

    begin_bytes: int
    end_bytes: int
    end_us: int
    counters: Mapping[str, int]
    previous: bytes = FIRST


@dataclass(frozen=True, slots=True)
class ClosedFile:
    """A closed file: size with its closing box, the SHA-256 (hex) of the bytes before that box, and its chain (hex).

    `end_us` is that of the box, which an earlier try may have written with less known; None in boxes of version 1.
    """

    path: Path
    size_bytes: int
    mtime_ns: int
    sha256: str
    chain: str | None
    end_us: int | None = None


def close_file(root: Path, live: Path, target: Path, identity: Identity, body: Body) -> ClosedFile:
    """Close the file `live` behind its body and move it to `target`. Raises OSError; then `live` is as before.

    A target that is there already, from a try before a crash, is taken as it is where its closing box is whole.
    """
    path = live if live.exists() or not target.exists() else target
    handle = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        if not _is_closed(handle, body.end_bytes):
            salvage = places.salvage_path(root, identity.source_id, identity.run_id, identity.sequence)
            _save_tail(root, handle, body.end_bytes, salvage)
            _append_closing(handle, identity, body)
        os.ftruncate(handle, os.fstat(handle).st_size)  # gives back the blocks that were kept ahead (capture.ahead)
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
    try:
        closing = read_closing(handle)
    except FormatError:
        return False
    return os.fstat(handle).st_size == body_end_bytes + closing.size_bytes


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
    begun = tail[4 : 4 + len(KIND)]  # behind the size
    return len(tail) <= CLOSING_BYTES and (KIND.startswith(begun) or not any(tail))


def _copy_tail(handle: int, offset: int, target: Path) -> None:
    with target.open("wb") as copy:
        while chunk := os.pread(handle, READ_BYTES, offset):
            copy.write(chunk)
            offset += len(chunk)
        copy.flush()
        os.fsync(copy.fileno())


def _append_closing(handle: int, identity: Identity, body: Body) -> None:
    digest = _hash(handle, body.end_bytes)
    closing = Closing(
        identity.source_id,
        uuid.UUID(identity.run_id),
        identity.sequence,
        identity.start_us,
        identity.slew_ppm,
        identity.clock_offset_us,
        identity.shift_ticks,
        digest,
        identity.is_picture,
        identity.is_clock_unset,
        Facts(body.previous, body.end_us, body.begin_bytes, body.end_bytes, body.counters),
    ).encode()
    try:
        written = os.pwrite(handle, closing, body.end_bytes)
        if written != len(closing):
            raise OSError(28, "No space left on device")
    except OSError:
        os.ftruncate(handle, body.end_bytes)
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
        closing = read_closing(handle)
        chain = closing.chain.hex() if closing.chain is not None else None
        end_us = closing.facts.end_us if closing.facts is not None else None
        return ClosedFile(path, status.st_size, status.st_mtime_ns, closing.sha256.hex(), chain, end_us)
    finally:
        os.close(handle)
