"""What a closed file says of itself: the row of its segment, without the database.

The closing box of version 2 has everything but the codec configurations, so the tail of the file and its head are read:
`moov`, and the first key sample, where parameter sets stand. Files with a box of version 1 are read as a whole.
"""

import os
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Integer

from app.archive.entries import Configuration, configurations
from app.archive.indexwalk import Key
from app.archive.livefile import LiveFile, ticks_us
from app.formats.boxes import FormatError
from app.formats.closing import FIRST, Closing, Facts, read_closing
from app.formats.fragments import iter_fragments, read_init
from app.formats.sampleindex import ROW_COUNTERS, SampleIndex
from app.models import Segment
from app.models.segment import CLOSED, MAX_SEGMENT_US

MAX_BIG, MAX_INT = 2**63 - 1, 2**31 - 1
LIMITS = {
    column.name: MAX_BIG if isinstance(column.type, BigInteger) else MAX_INT
    for column in Segment.__table__.columns
    if isinstance(column.type, Integer)
}
MAY_BE_NEGATIVE = ("v_t0", "a_t0", "v_c0", "slew_ppm", "shift_ticks")
LAST_US = 253_402_300_800_000_000  # the year 10000: what calendars here end at


class FileFacts(NamedTuple):
    """A closed file: the columns of its segment's row, but for codec configurations, index and storage.

    `end_us` of a file of version 1 is what its own samples tell: the next of its run may say more.
    """

    path: str
    row: dict[str, Any]
    version: int
    anchor_us: int
    is_picture: bool
    is_clock_unset: bool
    clock_offset_us: int | None
    video: Configuration | None
    audio: Configuration | None

    @property
    def key(self) -> Key:
        """What the sample index of the file says of it."""
        return (*(self.row[name] for name in (*ROW_COUNTERS, "body_begin_bytes", "body_end_bytes")),)


def read_facts(path: str, source_id: int, segment_id: str) -> FileFacts:
    """Return what a file says. Raises FormatError where it contradicts itself or its name; OSError.

    The SHA-256 of its bytes is taken as it is told: computing it reads everything.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        status = os.fstat(handle)
        if not status.st_size:
            raise FormatError("is empty")
        closing = read_closing(handle)
        if closing.source_id != source_id:
            raise FormatError(f"says that it is of source {closing.source_id}")
        is_whole = closing.facts is None
        file = _read_head(path, handle, status.st_size - closing.size_bytes, is_whole=is_whole)
        facts = closing.facts or _counted(file, closing)
        row = _row(closing, facts, segment_id)
        row |= {"size_bytes": status.st_size, "mtime_ns": status.st_mtime_ns}
        _check(row, facts, file, status.st_size - closing.size_bytes)
        begin_us = ticks_us(file.begin_ticks, file.timescale)
        told = (closing.is_picture, closing.is_clock_unset, closing.clock_offset_us)
        return FileFacts(path, row, closing.version, closing.start_us - begin_us, *told, *configurations(file))
    finally:
        os.close(handle)


def _read_head(path: str, handle: int, end_bytes: int, *, is_whole: bool) -> LiveFile:
    """Return a file with its fragments up to the first one with video, or with all. Raises FormatError without one."""
    init = read_init(handle)
    file = LiveFile(Path(path), init, body_end_bytes=init.size_bytes)
    for fragment in iter_fragments(handle, init.size_bytes, init, end_bytes):
        if file.take([fragment]) and not is_whole:
            break
    if not file.pictured:
        raise FormatError("holds no whole fragment with video")
    return file


def _counted(file: LiveFile, closing: Closing) -> Facts:
    """Return what version 2 would say of a file of version 1."""
    assert file.init is not None  # there are fragments
    counters = SampleIndex.build(file.init, file.fragments, closing.shift_ticks).counters()
    media_us = ticks_us(file.end_ticks - file.begin_ticks, file.timescale)
    end_us = closing.start_us + media_us + media_us * closing.slew_ppm // 1_000_000
    end_us = min(max(end_us, closing.start_us + 1), closing.start_us + MAX_SEGMENT_US)
    return Facts(FIRST, end_us, file.fragments[0].offset_bytes, file.fragments[-1].end_bytes, counters)


def _row(closing: Closing, facts: Facts, segment_id: str) -> dict[str, Any]:
    chain = closing.chain
    return {
        "source_id": closing.source_id,
        "start_us": closing.start_us,
        "id": segment_id,
        "end_us": facts.end_us,
        "run_id": str(closing.run_id),
        "sequence": closing.sequence,
        "state": CLOSED,
        "slew_ppm": closing.slew_ppm,
        "shift_ticks": closing.shift_ticks,
        "generation": 0,
        "body_begin_bytes": facts.body_begin_bytes,
        "body_end_bytes": facts.body_end_bytes,
        "sha256": closing.sha256.hex(),
        "chain": None if chain is None else chain.hex(),
        "verified_us": None,
        "fault": None,
        **facts.counters,
    }


def _check(row: dict[str, Any], facts: Facts, file: LiveFile, body_end_bytes: int) -> None:
    """Raise FormatError unless the database can hold the row and it fits the file."""
    for name, most in LIMITS.items():
        value = row.get(name, 0) or 0
        if not (-most if name in MAY_BE_NEGATIVE else 0) <= value <= most:
            raise FormatError(f"says an impossible {name}: {value}")
    if not row["start_us"] < row["end_us"] <= min(row["start_us"] + MAX_SEGMENT_US, LAST_US):
        raise FormatError("says an impossible begin and end")
    if facts.body_end_bytes != body_end_bytes:
        raise FormatError(f"has {body_end_bytes} bytes before its closing box, which says {facts.body_end_bytes}")
    assert file.init is not None  # there are fragments
    if facts.body_begin_bytes != file.fragments[0].offset_bytes or not facts.counters["v_n"]:
        raise FormatError("is not what its closing box says: its first fragment lies elsewhere")
    if file.begin_ticks + row["shift_ticks"] != row["v_t0"]:
        raise FormatError("is not what its closing box says: its first sample has another time")
