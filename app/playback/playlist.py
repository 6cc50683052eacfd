"""HLS playlists of a range (RFC 8216): byte ranges of the recorded files themselves, init segments from the database.

An entry is one or more fragments from a key frame on; entries never cross files. Durations follow from decode times,
so that their sum fits the media however long the playlist is. Within a run no discontinuity is marked: its decode
times run on from file to file.

A growing playlist (EVENT) lists an entry once nothing can change it any more: when the next entry has begun, or when
the recording has ended.

The text of a piece of the day whose segments are all taken whole is made once and kept, with its compressed form: it
depends on nothing but the rows of these segments and their neighbours. A playlist of a day is some fifty such texts.
"""

import hashlib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from flask import current_app

from app.archive.segments import Found
from app.formats import playlists
from app.playback.footage import Footage
from app.playback.groups import Fragments, Rules, cut_fragments, gather, ranges_of, read_fragments
from app.playback.kept import Kept
from app.playback.media import build_init

VOD, FAST_VOD = Rules(6.0), Rules(6.0, fast_entries=2)
# 13,000 entries of 6 s, a day, are 216 KB compressed, 5,400 of 15 s 100 KB: who plays a day seeks by minutes.
LONG_VOD = Rules(15.0)
LONG_US = 7_200_000_000
# Players stay three target durations behind the end; a fragment lasts 4 s and a frame at most.
EVENT_TARGET_S = 6
EVENT = Rules(2.0, EVENT_TARGET_S)
# Texts are kept by half hours. A date-time in each five minutes makes them the same, written at once or in parts.
PIECE_US, DATE_US = 1_800_000_000, 300_000_000
CLOCK_SLACK_US = 20_000  # a date-time is given anew where counting durations from the last one is wrong by more
DEFLATE_LEVEL = 9  # 2 ms a camera-hour, once
GZIP_HEAD = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"  # RFC 1952 §2.3: deflate, no name, no time, unknown system
DEFLATE_END = b"\x03\0"  # an empty last block (RFC 1951 §3.2.6)


@dataclass(slots=True)
class Piece:
    """Some entries: their text, the longest duration, whether all begin with a key frame, and how many there are."""

    text: bytes
    longest_ms: int = 0
    is_independent: bool = True
    count: int = 0
    deflated: bytes = b""

    @property
    def size_bytes(self) -> int:
        """Size of the text and its compressed form."""
        return len(self.text) + len(self.compress())

    def compress(self) -> bytes:
        """Return the text as deflate blocks that end on a byte and refer to nothing before them."""
        if not self.deflated:
            packer = zlib.compressobj(DEFLATE_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
            self.deflated = packer.compress(self.text) + packer.flush(zlib.Z_FULL_FLUSH)
        return self.deflated


@dataclass(slots=True)
class Playlist:
    """A playlist in pieces."""

    pieces: list[Piece] = field(default_factory=list)
    count: int = 0

    @property
    def size_bytes(self) -> int:
        """Size of the text."""
        return sum([len(piece.text) for piece in self.pieces])

    def text(self) -> bytes:
        """Return the playlist."""
        return b"".join([piece.text for piece in self.pieces])

    def gzip(self) -> bytes:
        """Return the playlist compressed (RFC 1952); pieces that are kept are not compressed again."""
        crc, size = 0, 0
        for piece in self.pieces:
            crc = zlib.crc32(piece.text, crc)
            size += len(piece.text)
        blocks = [piece.compress() for piece in self.pieces]
        tail = crc.to_bytes(4, "little") + (size & 0xFFFFFFFF).to_bytes(4, "little")
        return b"".join([GZIP_HEAD, *blocks, DEFLATE_END, tail])


def build_playlist(footage: Footage, prefix: str, *, is_event: bool, is_ended: bool) -> Playlist:
    """Return the playlist of a range; below the path `prefix` media and init segments are served.

    Raises FormatError, OSError where an index cannot be read.
    """
    writer = _Writer(footage, prefix, is_event=is_event, is_ended=is_ended)
    pieces = list(writer.pieces())
    longest_ms = max((piece.longest_ms for piece in pieces), default=0)
    head = playlists.playlist_head(
        kind="EVENT" if is_event else "VOD",
        target_duration_s=EVENT_TARGET_S if is_event else -(-longest_ms // 1000),
        start_offset_s=writer.start_offset_s,
        is_independent=not is_event and all(piece.is_independent for piece in pieces),
    )
    tail = [Piece(playlists.END.encode())] if is_ended else []
    return Playlist([Piece(head.encode()), *pieces, *tail], sum(piece.count for piece in pieces))


class _Writer:
    """Writes the entries of one playlist."""

    def __init__(self, footage: Footage, prefix: str, *, is_event: bool, is_ended: bool) -> None:
        self._footage = footage
        self._segments = footage.segments
        self._prefix = prefix
        self._is_event = is_event
        self._is_ended = is_ended
        is_long = footage.end_us - footage.begin_us > LONG_US
        self._rules = EVENT if is_event else LONG_VOD if is_long else VOD
        self._kept = kept_pieces()
        self._context = f"{prefix} {self._rules} ".encode()
        # The first segment whose last entry may still grow: nothing after it is listed.
        growing = [*np.flatnonzero(footage.segments.is_open).tolist(), len(footage.segments) - 1]
        self._unsettled = growing[0] if is_event and not is_ended else -1
        self.start_offset_s: float | None = None

    def pieces(self) -> Iterator[Piece]:
        """Yield the entries in pieces; those of which every segment is taken whole are kept."""
        footage, segments = self._footage, self._segments
        is_cut = (footage.ends_us < segments.column("end_us")) | (footage.begins_us > segments.column("start_us"))
        is_own = is_cut | segments.is_open  # of this playlist alone
        for begin, end in pairwise(self._edges()):
            is_within = begin > 1 and end < len(segments)
            yield self._kept_piece(begin, end) if is_within and not is_own[begin:end].any() else self._write(begin, end)

    def _edges(self) -> list[int]:
        """Return the numbers of the segments with which pieces begin, and the end.

        First comes the first segment alone, then pieces of five minutes up to a half hour of the clock, half hours, and
        five minutes again: so no more than some minutes at both ends are written for this playlist alone.
        """
        starts_us = self._segments.column("start_us")[: self._unsettled + 1 or None]
        changes = 2 + np.flatnonzero(np.diff(starts_us[1:] // DATE_US))
        halves = changes[starts_us[changes] // PIECE_US != starts_us[changes - 1] // PIECE_US].tolist()
        first, last = (halves[0], halves[-1]) if halves else (len(starts_us), 0)
        fine = [number for number in changes.tolist() if number <= first or number >= last]
        return sorted({0, min(1, len(starts_us)), *fine, *halves, len(starts_us)})

    def _kept_piece(self, begin: int, end: int) -> Piece:
        """Return the piece of segments that are all taken whole: written once for all who ask."""
        rows = self._segments.rows[begin - 1 : end + 1]
        key = hashlib.blake2b(self._context + rows.tobytes(), digest_size=16).hexdigest()
        piece = self._kept.find(key)
        if piece is None:
            piece = self._write(begin, end)
            self._kept.keep(key, piece)
        return piece

    def _write(self, begin: int, end: int) -> Piece:
        """Write the entries of the segments [begin, end)."""
        parts: list[str] = []
        piece = Piece(b"")
        clock, date = None, 0  # wall clock in µs at a decode time of the run; its five minutes
        for number in range(begin, end):
            segment = self._segments[number]
            fragments, first_pts = self._fragments(number, segment)
            timescale = self._footage.video_entry(segment).timescale
            rules = FAST_VOD if number == 0 and not self._is_event else self._rules
            ranges = ranges_of(fragments, gather(fragments, timescale, rules), timescale)
            if number == self._unsettled:
                ranges = ranges[:-1]
            if not ranges:
                continue
            is_cut = self._is_cut(number)
            instant_us = segment.instant_at(first_pts, timescale)
            is_due = is_cut or segment.start_us // DATE_US != date
            if is_due or not _is_on_time(clock, instant_us, fragments, timescale):
                clock, date = (instant_us, fragments.dts[0]), segment.start_us // DATE_US
                parts.append(self._tags(number, segment, instant_us, is_cut=is_cut))
            else:
                parts.append(self._tags(number, segment, None, is_cut=False))
            parts.append(playlists.file_entries(f"{self._prefix}segment/{segment.start_us}.mp4", ranges))
            piece.longest_ms = max(piece.longest_ms, *(ms for ms, _, _ in ranges))
            piece.is_independent &= fragments.is_key[0]
            piece.count += len(ranges)
        piece.text = "".join(parts).encode()
        return piece

    def _fragments(self, number: int, segment: Found) -> tuple[Fragments, int]:
        """Return the fragments of a segment that the range takes, and the presentation time of their first sample."""
        footage, counts = self._footage, segment.counts
        end_us = int(footage.ends_us[number])
        fragments = read_fragments(segment, self._end_dts(number, counts["v_t0"] + counts["v_dur"]))
        timescale = footage.video_entry(segment).timescale
        begin_us = max(int(footage.begins_us[number]), footage.begin_us)
        begin_ticks = segment.ticks_at(begin_us, timescale) if begin_us > segment.start_us else None
        end_ticks = segment.ticks_at(end_us, timescale) if end_us < segment.end_us else None
        if begin_ticks is None and end_ticks is None:
            return fragments, segment.v_first_pts
        cut, first_pts = cut_fragments(segment, fragments, begin_ticks, end_ticks)
        if number == 0 and begin_ticks is not None and cut.is_key and begin_ticks > first_pts:
            self.start_offset_s = (begin_ticks - first_pts) / timescale
        return cut, first_pts

    def _end_dts(self, number: int, own_end_dts: int) -> int:
        """Return when a segment ends: where the next file of the run begins, which ffmpeg only guesses before."""
        segments = self._segments
        following = number + 1
        if following < len(segments) and bool(segments.follows[following]):
            return int(segments.column("v_t0")[following])
        return own_end_dts

    def _is_cut(self, number: int) -> bool:
        """Tell whether a segment does not go on where the one before ended, with the same codec configuration."""
        if number == 0:
            return False
        return bool(~self._segments.follows[number] | self._segments.changes_entries[number])

    def _tags(self, number: int, segment: Found, instant_us: int | None, *, is_cut: bool) -> str:
        """Return what stands before the first entry of a segment."""
        cut = playlists.DISCONTINUITY if is_cut else ""
        init = self._init_map(segment) if self._segments.changes_entries[number] else ""
        return cut + init + (playlists.program_date_time(instant_us) if instant_us is not None else "")

    def _init_map(self, segment: Found) -> str:
        """Return a segment's init segment; its size follows from its name alone, also where no sound was recorded."""
        footage = self._footage
        data = build_init(footage.video_entry(segment), footage.entries.get(segment.audio_entry_id))
        name = f"{segment.video_entry_id}-{segment.audio_entry_id}"
        return playlists.init_map(f"{self._prefix}init/{name}.mp4", len(data))


def _is_on_time(clock: tuple[int, int] | None, instant_us: int, fragments: Fragments, timescale: int) -> bool:
    """Tell whether counting durations from the last date-time gives a file's instant."""
    if clock is None:
        return False
    told_us = clock[0] + (fragments.dts[0] - clock[1]) * 1_000_000 // timescale
    return abs(told_us - instant_us) <= CLOCK_SLACK_US


def kept_pieces() -> Kept[Piece]:
    """Return the pieces that the current app keeps."""
    kept: Kept[Piece] | None = current_app.extensions.get("playback_playlists")
    if kept is None:
        made = Kept[Piece](current_app.config["PLAYBACK"].PLAYLIST_BYTES, lambda piece: piece.size_bytes)
        kept = current_app.extensions.setdefault("playback_playlists", made)
    return kept
