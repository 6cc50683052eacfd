"""The head of an MP4 (ISO/IEC 14496-12): of a progressive file around given tables, and of an init segment.

    ftyp
    moov
      mvhd                      version 1, timescale 90,000
      trak                      one a track
        tkhd                    version 1
        edts (elst)             version 1; at most one empty edit and one edit
        mdia
          mdhd hdlr
          minf (vmhd|smhd, dinf (dref), stbl (stsd stts [ctts] [stss] stsc stsz co64))
      [mvex (trex)]             init segment only
      [udta (uuid)]             what the caller adds
    mdat                        header of 16 bytes; the caller sends what lies in it

Every duration and offset has 64 bits: 90 kHz in 32 bits ends after 13.25 hours. Of the rows of the tables only the
size is known before they are sent.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from app.formats.boxes import HEADER_BYTES, LARGE_HEADER_BYTES, box, full_box

MOVIE_TIMESCALE = 90_000
LANGUAGE_UNDETERMINED = 0x55C4  # "und" (§8.4.2.3)
MATRIX = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
STTS_BYTES = CTTS_BYTES = 8
STSC_BYTES = 12
STSZ_BYTES = STSS_BYTES = 4
CO64_BYTES = 8
EMPTY_EDIT = -1
HANDLERS = {"video": b"vide", "audio": b"soun"}
Kind = Literal["video", "audio"]


class Readable(Protocol):
    """Bytes of a known size, made when they are sent."""

    @property
    def size_bytes(self) -> int:
        """Number of bytes."""

    def read(self, begin: int, end: int) -> Iterator[bytes]:
        """Yield the bytes [begin, end) in blocks."""


Part = bytes | Readable


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of one table of `stbl`: how many there are, and their bytes."""

    count: int
    rows: Readable


@dataclass(frozen=True, slots=True)
class Edit:
    """One row of `elst`: duration in the movie's timescale, begin in the track's, or EMPTY_EDIT."""

    duration: int
    media_time: int


@dataclass(frozen=True, slots=True)
class Track:
    """One track of a progressive file; `duration` is in its own timescale."""

    kind: Kind
    timescale: int
    duration: int
    entries: Sequence[bytes]
    edits: Sequence[Edit]
    stts: Table
    stsz: Table
    stsc: Table
    co64: Table
    ctts: Table | None = None
    stss: Table | None = None
    width: int = 0
    height: int = 0

    @property
    def presentation_duration(self) -> int:
        """Duration of its edits, in the movie's timescale."""
        return sum(edit.duration for edit in self.edits)


@dataclass(frozen=True, slots=True)
class InitEntry:
    """One track of an init segment."""

    kind: Kind
    track_id: int
    timescale: int
    entry: bytes
    width: int = 0
    height: int = 0


class _Tree:
    """A box whose size is known before all of its content is. 32 bits suffice: they hold the tables of 30 days."""

    def __init__(self, kind: bytes, *content: bytes | _Tree | Table) -> None:
        """Begin a box of this kind with the content."""
        self._kind = kind
        self._parts: list[Part] = []
        self._body_bytes = 0
        for item in content:
            self.add(item)

    @property
    def size_bytes(self) -> int:
        """Size of the whole box."""
        return HEADER_BYTES + self._body_bytes

    def add(self, item: bytes | _Tree | Table) -> None:
        """Put something behind the content."""
        if isinstance(item, bytes):
            self._parts.append(item)
            self._body_bytes += len(item)
            return
        if isinstance(item, _Tree):
            self._parts += item.flat()
            self._body_bytes += item.size_bytes
        else:
            self._parts.append(item.rows)
            self._body_bytes += item.rows.size_bytes

    def flat(self) -> list[Part]:
        """Return the whole box as parts."""
        return [struct.pack(">I4s", self.size_bytes, self._kind), *self._parts]


def progressive_head(tracks: Sequence[Track], mdat_bytes: int, extra: bytes = b"") -> tuple[list[Part], int]:
    """Return ftyp, moov and the header of an mdat of `mdat_bytes` as parts, and their size.

    `extra` are boxes for the end of moov. The size is the offset of the first byte within mdat, and it depends on
    nothing that the rows of the tables are when they are read.
    """
    duration = max(track.presentation_duration for track in tracks)
    moov = _Tree(b"moov", _mvhd(duration, len(tracks) + 1))
    for number, track in enumerate(tracks, 1):
        moov.add(_trak(track, number))
    moov.add(extra)
    before, after = ftyp(b"isom", b"iso2", b"avc1", b"mp41"), mdat_header(mdat_bytes)
    return [before, *moov.flat(), after], len(before) + moov.size_bytes + len(after)


def init_segment(entries: Sequence[InitEntry]) -> bytes:
    """Return ftyp and a moov without samples, for fragments of these tracks."""
    traks = [_init_trak(entry) for entry in entries]
    trex = [full_box(b"trex", 0, 0, struct.pack(">5I", entry.track_id, 1, 0, 0, 0)) for entry in entries]
    following = max(entry.track_id for entry in entries) + 1
    moov = box(b"moov", _mvhd(0, following), *traks, box(b"mvex", *trex))
    return ftyp(b"iso6", b"iso5", b"mp41") + moov


def ftyp(major: bytes, *compatible: bytes) -> bytes:
    """Return a FileTypeBox (§4.3)."""
    return box(b"ftyp", major, struct.pack(">I", 512), major, *compatible)


def mdat_header(size_bytes: int) -> bytes:
    """Return the header of an mdat with a 64-bit size."""
    return struct.pack(">I4sQ", 1, b"mdat", LARGE_HEADER_BYTES + size_bytes)


def _mvhd(duration: int, next_track_id: int) -> bytes:
    fields = struct.pack(">QQIQIH10x", 0, 0, MOVIE_TIMESCALE, duration, 0x10000, 0x100)
    return full_box(b"mvhd", 1, 0, fields, MATRIX, bytes(24), struct.pack(">I", next_track_id))


def _tkhd(kind: Kind, track_id: int, duration: int, width: int, height: int) -> bytes:
    """Return a TrackHeaderBox (§8.3.2), enabled and in the movie."""
    volume = 0x100 if kind == "audio" else 0
    fields = struct.pack(">QQIIQ8xHHHH", 0, 0, track_id, 0, duration, 0, 0, volume, 0)
    return full_box(b"tkhd", 1, 3, fields, MATRIX, struct.pack(">II", width << 16, height << 16))


def _mdhd(timescale: int, duration: int) -> bytes:
    return full_box(b"mdhd", 1, 0, struct.pack(">QQIQHH", 0, 0, timescale, duration, LANGUAGE_UNDETERMINED, 0))


def _hdlr(kind: Kind) -> bytes:
    name = b"VideoHandler\0" if kind == "video" else b"SoundHandler\0"
    return full_box(b"hdlr", 0, 0, bytes(4), HANDLERS[kind], bytes(12), name)


def _media_header(kind: Kind) -> bytes:
    return full_box(b"vmhd", 0, 1, bytes(8)) if kind == "video" else full_box(b"smhd", 0, 0, bytes(4))


def _dinf() -> bytes:
    """Return a DataInformationBox that says: the samples are in this file (§8.7.2)."""
    return box(b"dinf", full_box(b"dref", 0, 0, struct.pack(">I", 1), full_box(b"url ", 0, 1)))


def _stsd(entries: Sequence[bytes]) -> bytes:
    return full_box(b"stsd", 0, 0, struct.pack(">I", len(entries)), *entries)


def _elst(edits: Sequence[Edit]) -> bytes:
    """Return an EditBox (§8.6.5)."""
    rows = [struct.pack(">QqHH", edit.duration, edit.media_time, 1, 0) for edit in edits]
    return box(b"edts", full_box(b"elst", 1, 0, struct.pack(">I", len(edits)), *rows))


def _table(kind: bytes, table: Table, *, version: int = 0, before_count: bytes = b"") -> _Tree:
    """Return a table of `stbl`; its header is full box, `before_count` and the number of rows."""
    head = struct.pack(">I", version << 24) + before_count + struct.pack(">I", table.count)
    return _Tree(kind, head, table)


def _trak(track: Track, track_id: int) -> _Tree:
    """Return a TrackBox."""
    stbl = _Tree(b"stbl", _stsd(track.entries), _table(b"stts", track.stts))
    if track.ctts is not None:
        stbl.add(_table(b"ctts", track.ctts, version=1))
    if track.stss is not None:
        stbl.add(_table(b"stss", track.stss))
    stbl.add(_table(b"stsc", track.stsc))
    stbl.add(_table(b"stsz", track.stsz, before_count=bytes(4)))
    stbl.add(_table(b"co64", track.co64))
    minf = _Tree(b"minf", _media_header(track.kind), _dinf(), stbl)
    mdia = _Tree(b"mdia", _mdhd(track.timescale, track.duration), _hdlr(track.kind), minf)
    tkhd = _tkhd(track.kind, track_id, track.presentation_duration, track.width, track.height)
    return _Tree(b"trak", tkhd, _elst(track.edits), mdia)


def _init_trak(entry: InitEntry) -> bytes:
    """Return the TrackBox of an init segment."""
    tables = [full_box(kind, 0, 0, bytes(4)) for kind in (b"stts", b"stsc", b"stco")]
    stbl = box(b"stbl", _stsd([entry.entry]), *tables, full_box(b"stsz", 0, 0, bytes(8)))
    minf = box(b"minf", _media_header(entry.kind), _dinf(), stbl)
    mdia = box(b"mdia", _mdhd(entry.timescale, 0), _hdlr(entry.kind), minf)
    return box(b"trak", _tkhd(entry.kind, entry.track_id, 0, entry.width, entry.height), mdia)
