"""The box that closes a segment file: with it the file describes itself, and the database can be rebuilt.

    uuid   usertype:16 version:u8 flags:u24 source_id:u64 run_id:16 sequence:u32 start_us:i64 slew_ppm:i32
           clock_offset_us:i64 shift_ticks:i64 sha256:32
           (version 2:) previous:32 end_us:i64 body_begin:i64 body_end:i64 counters:i64[17]
           crc32:u32

It is the last box of the file and of a length that follows from its version. `sha256` is that of every byte before
it, `crc32` that of the fields between the usertype and itself. Flags: 1 made of polled pictures, 2 the machine did not
know the time. `counters` are those of the segment's row, in the order of `sampleindex.ROW_COUNTERS`.

The chain: SHA-256 of the fields, sha256 and previous among them, is the segment's `chain`, and `previous` that of the
segment before it in its run: who has the last chain of a run can tell that no file before it was exchanged.
"""

from __future__ import annotations

import hashlib
import os
import struct
import uuid
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from app.formats.boxes import HEADER_BYTES, FormatError, box
from app.formats.sampleindex import ROW_COUNTERS

USERTYPE = uuid.UUID("7d0b5f4c-6c0e-5a55-9a3f-2f1d6f0c8e11")
NO_CLOCK = -(1 << 63)  # stands for a camera that told no clock
FIRST = bytes(32)  # `previous` of the first segment of a run
IS_PICTURE, IS_CLOCK_UNSET = 1, 2
FIELDS_1 = struct.Struct(">IQ16sIqiqq32s")
FIELDS_2 = struct.Struct(f">32sqqq{len(ROW_COUNTERS)}q")
CRC = struct.Struct(">I")
KIND = b"uuid" + USERTYPE.bytes  # behind the box's size
_HEAD_BYTES = HEADER_BYTES + 16
CLOSING_1_BYTES = _HEAD_BYTES + FIELDS_1.size + CRC.size
CLOSING_BYTES = CLOSING_1_BYTES + FIELDS_2.size
SIZES = {2: CLOSING_BYTES, 1: CLOSING_1_BYTES}  # by version, the usual one first


@dataclass(frozen=True, slots=True)
class Facts:
    """What version 2 adds: enough for the segment's row without reading its samples.

    Offsets are those of the first fragment and of the end of the last one.
    """

    previous: bytes
    end_us: int
    body_begin_bytes: int
    body_end_bytes: int
    counters: Mapping[str, int] = field(hash=False)


@dataclass(frozen=True, slots=True)
class Closing:
    """What a closed segment says of itself.

    `clock_offset_us` is the camera's clock minus ours, None if it told none. `facts` is None in files of version 1.
    """

    source_id: int
    run_id: uuid.UUID
    sequence: int
    start_us: int
    slew_ppm: int
    clock_offset_us: int | None
    shift_ticks: int
    sha256: bytes
    is_picture: bool = False
    is_clock_unset: bool = False
    facts: Facts | None = None

    @property
    def version(self) -> int:
        """Version of the box."""
        return 1 if self.facts is None else 2

    @property
    def size_bytes(self) -> int:
        """Length of the box."""
        return SIZES[self.version]

    @property
    def chain(self) -> bytes | None:
        """The hash by which the next segment of the run names this one; None in version 1."""
        return None if self.facts is None else hashlib.sha256(self._fields()).digest()

    def _fields(self) -> bytes:
        flags = (IS_PICTURE if self.is_picture else 0) | (IS_CLOCK_UNSET if self.is_clock_unset else 0)
        fields = FIELDS_1.pack(
            self.version << 24 | flags,
            self.source_id,
            self.run_id.bytes,
            self.sequence,
            self.start_us,
            self.slew_ppm,
            NO_CLOCK if self.clock_offset_us is None else self.clock_offset_us,
            self.shift_ticks,
            self.sha256,
        )
        if self.facts is None:
            return fields
        facts = self.facts
        counters = (facts.counters[name] for name in ROW_COUNTERS)
        places = (facts.previous, facts.end_us, facts.body_begin_bytes, facts.body_end_bytes)
        return fields + FIELDS_2.pack(*places, *counters)

    def encode(self) -> bytes:
        """Return the box."""
        fields = self._fields()
        return box(b"uuid", USERTYPE.bytes, fields, CRC.pack(zlib.crc32(fields)))

    @classmethod
    def decode(cls, data: bytes) -> Closing:
        """Return the closing in these bytes. Raises FormatError when they are no such box, or damaged."""
        head = struct.pack(">I", len(data)) + KIND
        if len(data) not in SIZES.values() or not data.startswith(head):
            raise FormatError("no closing box")
        fields = data[_HEAD_BYTES : -CRC.size]
        if CRC.unpack(data[-CRC.size :])[0] != zlib.crc32(fields):
            raise FormatError("the closing box is damaged")
        first, *rest = FIELDS_1.unpack(fields[: FIELDS_1.size])
        source_id, run, sequence, start_us, slew_ppm, clock, shift, sha256 = rest
        version, flags = first >> 24, first & 0xFFFFFF
        if SIZES.get(version) != len(data):
            raise FormatError(f"a closing box of version {version}")
        return cls(
            source_id,
            uuid.UUID(bytes=run),
            sequence,
            start_us,
            slew_ppm,
            None if clock == NO_CLOCK else clock,
            shift,
            sha256,
            bool(flags & IS_PICTURE),
            bool(flags & IS_CLOCK_UNSET),
            _read_facts(fields[FIELDS_1.size :]) if version == 2 else None,
        )


def _read_facts(fields: bytes) -> Facts:
    previous, end_us, begin, end, *counters = FIELDS_2.unpack(fields)
    return Facts(previous, end_us, begin, end, dict(zip(ROW_COUNTERS, counters, strict=True)))


def read_closing(fd: int) -> Closing:
    """Return the closing at the end of a file. Raises FormatError when the file does not end in one."""
    size_bytes = os.fstat(fd).st_size
    tail = os.pread(fd, CLOSING_BYTES, max(size_bytes - CLOSING_BYTES, 0))
    for length in SIZES.values():
        if len(tail) >= length and tail[-length + 4 : -length + _HEAD_BYTES] == KIND:
            return Closing.decode(tail[-length:])
    raise FormatError("no closing box")
