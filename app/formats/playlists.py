"""HLS media playlists as text (RFC 8216): pure functions of what is in them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

VERSION = 7  # EXT-X-MAP outside of I-frame playlists, fMP4


@dataclass(frozen=True, slots=True)
class InitMap:
    """The init segment that entries need (RFC 8216 §4.3.2.5): a resource of `size_bytes`."""

    uri: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One media segment of a playlist.

    `byte_range` is (length, offset). `program_us` is the wall clock of its first frame, given where it does
    not follow from the entry before. `init_map` is given where the init segment changes.
    """

    uri: str
    duration_s: float
    byte_range: tuple[int, int] | None = None
    program_us: int | None = None
    init_map: InitMap | None = None
    is_discontinuity: bool = False
    is_gap: bool = False


def media_playlist(
    entries: Sequence[Entry],
    *,
    kind: Literal["VOD", "EVENT"],
    is_ended: bool,
    target_duration_s: int | None = None,
    start_offset_s: float | None = None,
    is_independent: bool = False,
) -> str:
    """Return the playlist; without `target_duration_s` that of the longest entry.

    `is_independent` says that every entry begins with a key frame (EXT-X-INDEPENDENT-SEGMENTS).
    """
    longest_s = max((entry.duration_s for entry in entries), default=1)
    lines = ["#EXTM3U", f"#EXT-X-VERSION:{VERSION}"]
    lines.append(f"#EXT-X-TARGETDURATION:{target_duration_s or max(math.ceil(longest_s), 1)}")
    lines += [f"#EXT-X-PLAYLIST-TYPE:{kind}", "#EXT-X-MEDIA-SEQUENCE:0"]
    if is_independent:
        lines.append("#EXT-X-INDEPENDENT-SEGMENTS")
    if start_offset_s is not None:
        lines.append(f"#EXT-X-START:TIME-OFFSET={start_offset_s:.5f},PRECISE=YES")
    lines += entry_lines(entries)
    if is_ended:
        lines.append("#EXT-X-ENDLIST")
    return "\n".join(lines) + "\n"


def entry_lines(entries: Iterable[Entry]) -> list[str]:
    """Return the lines of entries. The byte range follows EXTINF: Safari wants that order.

    An init segment has its byte range too: without, ffmpeg 5.1 asks over its persistent connection for no more than
    the end of the media read before, and stalls 15 s at each discontinuity.
    """
    lines = []
    for entry in entries:
        if entry.is_discontinuity:
            lines.append("#EXT-X-DISCONTINUITY")
        if entry.init_map is not None:
            lines.append(f'#EXT-X-MAP:URI="{entry.init_map.uri}",BYTERANGE="{entry.init_map.size_bytes}@0"')
        if entry.program_us is not None:
            lines.append(f"#EXT-X-PROGRAM-DATE-TIME:{date_time(entry.program_us)}")
        if entry.is_gap:
            lines.append("#EXT-X-GAP")
        lines.append(f"#EXTINF:{entry.duration_s:.5f},")
        if entry.byte_range is not None:
            length, offset = entry.byte_range
            lines.append(f"#EXT-X-BYTERANGE:{length}@{offset}")
        lines.append(entry.uri)
    return lines


def date_time(instant_us: int) -> str:
    """Return an instant as ISO 8601 in UTC with milliseconds, the precision that players read."""
    moment = datetime.fromtimestamp(instant_us // 1_000_000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{instant_us // 1000 % 1000:03d}Z"
