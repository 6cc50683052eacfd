"""The box that closes a segment file: with it the file describes itself, and the database can be rebuilt.

    uuid   usertype:16 version:u8 flags:u24 source_id:u64 run_id:16 sequence:u32 start_us:i64 slew_ppm:i32
           clock_offset_us:i64 shift_ticks:i64 sha256:32 crc32:u32

It is the last box of the file and of fixed length. `sha256` is that of every byte before it, `crc32`
that of the fields between the usertype and itself.
"""

from __future__ import annotations

import os
import struct
import uuid
import zlib
from dataclasses import dataclass

from app.formats.boxes import HEADER_BYTES, FormatError, box

USERTYPE = uuid.UUID("7d0b5f4c-6c0e-5a55-9a3f-2f1d6f0c8e11")
VERSION = 1
NO_CLOCK = -(1 << 63)  # stands for a camera that told no clock
FIELDS = struct.Struct(">IQ16sIqiqq32s")
CRC = struct.Struct(">I")
CLOSING_BYTES = HEADER_BYTES + 16 + FIELDS.size + CRC.size
CLOSING_HEAD = struct.pack(">I4s", CLOSING_BYTES, b"uuid") + USERTYPE.bytes


@dataclass(frozen=True, slots=True)
class Closing:
    """What a closed segment says of itself.

    `clock_offset_us` is the camera's clock minus ours, None if it told none.
    """

    source_id: int
    run_id: uuid.UUID
    sequence: int
    start_us: int
    slew_ppm: int
    clock_offset_us: int | None
    shift_ticks: int
    sha256: bytes

    def encode(self) -> bytes:
        """Return the box."""
        fields = FIELDS.pack(
            VERSION << 24,
            self.source_id,
            self.run_id.bytes,
            self.sequence,
            self.start_us,
            self.slew_ppm,
            NO_CLOCK if self.clock_offset_us is None else self.clock_offset_us,
            self.shift_ticks,
            self.sha256,
        )
        return box(b"uuid", USERTYPE.bytes, fields, CRC.pack(zlib.crc32(fields)))

    @classmethod
    def decode(cls, data: bytes) -> Closing:
        """Return the closing in these bytes. Raises FormatError when they are no such box, or damaged."""
        if len(data) != CLOSING_BYTES or not data.startswith(CLOSING_HEAD):
            raise FormatError("no closing box")
        fields = data[HEADER_BYTES + 16 : -CRC.size]
        if CRC.unpack(data[-CRC.size :])[0] != zlib.crc32(fields):
            raise FormatError("the closing box is damaged")
        version, source_id, run, sequence, start_us, slew_ppm, clock, shift, sha256 = FIELDS.unpack(fields)
        if version >> 24 != VERSION:
            raise FormatError(f"a closing box of version {version >> 24}")
        clock_us = None if clock == NO_CLOCK else clock
        return cls(source_id, uuid.UUID(bytes=run), sequence, start_us, slew_ppm, clock_us, shift, sha256)


def read_closing(fd: int) -> Closing:
    """Return the closing at the end of a file. Raises FormatError when the file does not end in one."""
    size_bytes = os.fstat(fd).st_size
    return Closing.decode(os.pread(fd, CLOSING_BYTES, max(size_bytes - CLOSING_BYTES, 0)))
