"""Sample indexes on disk: one file a source and UTC day, to which each closed segment appends its index once.

A segment's row says where its index lies. Nothing is lost with such a file: an index that is missing or whose
crc is wrong is read from the media file again.
"""

import fcntl
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy.typing as npt

from app.archive import places
from app.archive.durable import make_folder, sync_folder
from app.archive.elsewhere import open_media
from app.formats.fragments import read_init, scan
from app.formats.sampleindex import SampleIndex, column_places, read_column

log = logging.getLogger(__name__)


def append_index(root: Path, source_id: int, start_us: int, data: bytes) -> tuple[int, int]:
    """Append an index, durably; return its offset and size. Raises OSError: then the file is as before."""
    path = places.index_path(root, source_id, start_us)
    is_new = not path.exists()
    make_folder(path.parent, root)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        offset = os.fstat(handle).st_size
        _write_all(handle, data, offset)
        os.fdatasync(handle)
    finally:
        os.close(handle)
    if is_new:
        sync_folder(path.parent)
    return offset, len(data)


def read_index(root: Path, source_id: int, start_us: int, offset: int, size_bytes: int) -> SampleIndex:
    """Return the index that was appended at this place. Raises FormatError, OSError."""
    handle = os.open(places.index_path(root, source_id, start_us), os.O_RDONLY | os.O_CLOEXEC)
    try:
        return SampleIndex.from_bytes(os.pread(handle, size_bytes, offset))
    finally:
        os.close(handle)


def read_index_bytes(root: Path, source_id: int, start_us: int, offset: int, size_bytes: int) -> bytes:
    """Return the bytes of the index at this place, whole and of a known version. Raises FormatError, OSError."""
    handle = os.open(places.index_path(root, source_id, start_us), os.O_RDONLY | os.O_CLOEXEC)
    try:
        data = os.pread(handle, size_bytes, offset)
    finally:
        os.close(handle)
    SampleIndex.from_bytes(data)
    return data


def read_index_column(
    root: Path, source_id: int, start_us: int, offset: int, counts: Mapping[str, int], name: str
) -> npt.NDArray[Any]:
    """Return one column of the index at this place. Raises FormatError, OSError."""
    place, length = column_places(counts)[name]
    handle = os.open(places.index_path(root, source_id, start_us), os.O_RDONLY | os.O_CLOEXEC)
    try:
        return read_column(os.pread(handle, length, offset + place), counts, name)
    finally:
        os.close(handle)


def index_media(path: str, shift_ticks: int, end_bytes: int | None = None) -> SampleIndex:
    """Return the index of a media file from itself, up to `end_bytes`. Raises FormatError, OSError."""
    handle = open_media(path)
    try:
        init = read_init(handle)
        fragments, _ = scan(handle, init.size_bytes, init, end_bytes)
        return SampleIndex.build(init, fragments, shift_ticks)
    finally:
        os.close(handle)


def _write_all(handle: int, data: bytes, offset: int) -> None:
    """Write data at an offset; where the disk refuses, cut off what was written and raise OSError."""
    written = 0
    try:
        while written < len(data):
            written += os.pwrite(handle, memoryview(data)[written:], offset + written)
    except OSError:
        os.ftruncate(handle, offset)
        raise
