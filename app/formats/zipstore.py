"""ZIP archives without compression, made while they are sent: their size is known before the first byte.

    (local header, name, [zip64 sizes], bytes, [descriptor])*  (central header, name, [zip64 sizes and offset])*
    [zip64 end, zip64 locator] end

Fields as in PKWARE's APPNOTE 6.3.10 §4.3. Size and CRC of a member stand before its bytes, so that also readers that
do not seek understand it; where the CRC is not known by then, both stand in a descriptor behind them (§4.3.9). Zip64 is
used where a number needs it and nowhere else.
"""

import struct
from collections.abc import Container, Iterable
from datetime import UTC, datetime
from typing import NamedTuple

LOCAL = struct.Struct("<4sHHHHHIIIHH")
CENTRAL = struct.Struct("<4sHHHHHHIIIHHHHHII")
END64 = struct.Struct("<4sQHHIIQQQQ")
LOCATOR64 = struct.Struct("<4sIQI")
END = struct.Struct("<4sHHHHIIH")
DESCRIPTOR, DESCRIPTOR64 = struct.Struct("<4sIII"), struct.Struct("<4sIQQ")
MOST_32, MOST_16 = 0xFFFFFFFF, 0xFFFF
PLAIN, ZIP64 = 20, 45  # versions needed to read
DESCRIBED = 1 << 3  # the flag of a member with a descriptor (§4.4.4)
UNIX_FILE = 0o100644 << 16


class Member(NamedTuple):
    """A file of the archive: its ASCII name, size, CRC-32, and the instant that it is dated with, in µs.

    One that `is_described` has its CRC behind its bytes: 0 until then.
    """

    name: str
    size_bytes: int
    crc32: int
    dated_us: int
    is_described: bool = False


def local_header(member: Member) -> bytes:
    """Return what stands before the bytes of a member."""
    name, is_large = member.name.encode("ascii"), member.size_bytes >= MOST_32
    size_bytes = 0 if member.is_described else member.size_bytes
    extra = struct.pack("<HHQQ", 1, 16, size_bytes, size_bytes) if is_large else b""
    size = MOST_32 if is_large else size_bytes
    time, date = _stamp(member.dated_us)
    version, crc32 = ZIP64 if is_large else PLAIN, 0 if member.is_described else member.crc32
    fields = (version, _flags(member), 0, time, date, crc32, size, size, len(name), len(extra))
    return LOCAL.pack(b"PK\x03\x04", *fields) + name + extra


def descriptor(member: Member) -> bytes:
    """Return what stands behind the bytes of a member: nothing unless it is described."""
    if not member.is_described:
        return b""
    form = DESCRIPTOR64 if member.size_bytes >= MOST_32 else DESCRIPTOR
    return form.pack(b"PK\x07\x08", member.crc32, member.size_bytes, member.size_bytes)


def central_header(member: Member, offset: int) -> bytes:
    """Return the entry of a member, whose local header is at an offset, in the central directory."""
    name, size = member.name.encode("ascii"), member.size_bytes
    large = [size, size] if size >= MOST_32 else []
    large += [offset] if offset >= MOST_32 else []
    extra = struct.pack(f"<HH{len(large)}Q", 1, 8 * len(large), *large) if large else b""
    size = min(size, MOST_32)
    version = ZIP64 if large else PLAIN
    time, date = _stamp(member.dated_us)
    flags = _flags(member)
    fields = (3 << 8 | version, version, flags, 0, time, date, member.crc32, size, size, len(name), len(extra))
    return CENTRAL.pack(b"PK\x01\x02", *fields, 0, 0, 0, UNIX_FILE, min(offset, MOST_32)) + name + extra


def _flags(member: Member) -> int:
    return DESCRIBED if member.is_described else 0


def end_records(count: int, directory_offset: int, directory_bytes: int) -> bytes:
    """Return what stands behind the central directory."""
    large = b""
    if count >= MOST_16 or directory_offset >= MOST_32 or directory_bytes >= MOST_32:
        sizes = (count, count, directory_bytes, directory_offset)
        large = END64.pack(b"PK\x06\x06", END64.size - 12, 3 << 8 | ZIP64, ZIP64, 0, 0, *sizes)
        large += LOCATOR64.pack(b"PK\x06\x07", 0, directory_offset + directory_bytes, 1)
    few = min(count, MOST_16)
    return large + END.pack(
        b"PK\x05\x06", 0, 0, few, few, min(directory_bytes, MOST_32), min(directory_offset, MOST_32), 0
    )


class Directory:
    """The central directory of an archive that is being sent: whose headers went out, and where."""

    def __init__(self) -> None:
        self.offset = 0
        self._entries: list[tuple[Member, int]] = []

    def add(self, member: Member) -> bytes:
        """Note that a member comes next; return its local header. Its bytes must follow, all of them."""
        header = local_header(member)
        self._entries.append((member, self.offset))
        self.offset += len(header) + member.size_bytes
        return header

    def describe(self, crc32: int) -> bytes:
        """Say what the bytes of the member before were; return its descriptor, which must follow them."""
        member, offset = self._entries[-1]
        self._entries[-1] = member._replace(crc32=crc32), offset
        described = descriptor(self._entries[-1][0])
        self.offset += len(described)
        return described

    def end(self) -> bytes:
        """Return what ends the archive."""
        directory = b"".join(central_header(member, offset) for member, offset in self._entries)
        return directory + end_records(len(self._entries), self.offset, len(directory))


def archive_bytes(members: Iterable[tuple[str, int]], described: Container[str] = ()) -> int:
    """Return the size of an archive of members of these names and sizes; some have a descriptor."""
    offset = directory = count = 0
    for name, size_bytes in members:
        member = Member(name, size_bytes, 0, 0, name in described)
        directory += len(central_header(member, offset))
        offset += len(local_header(member)) + size_bytes + len(descriptor(member))
        count += 1
    return offset + directory + len(end_records(count, offset, directory))


def _stamp(instant_us: int) -> tuple[int, int]:
    """Return time and date as MS-DOS wrote them, here in UTC: from 1980 on, in steps of 2 s."""
    moment = datetime.fromtimestamp(instant_us // 1_000_000, UTC)
    if not 1980 <= moment.year <= 2107:
        return 0, 1 << 5 | 1
    time = moment.hour << 11 | moment.minute << 5 | moment.second // 2
    return time, (moment.year - 1980) << 9 | moment.month << 5 | moment.day
