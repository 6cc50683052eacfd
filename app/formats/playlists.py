"""HLS media playlists as text (RFC 8216): pure functions of what is in them.

#EXTM3U
#EXT-X-VERSION #EXT-X-TARGETDURATION #EXT-X-PLAYLIST-TYPE #EXT-X-MEDIA-SEQUENCE
[#EXT-X-INDEPENDENT-SEGMENTS] [#EXT-X-START]
[#EXT-X-DISCONTINUITY] [#EXT-X-MAP] [#EXT-X-PROGRAM-DATE-TIME] [#EXT-X-GAP] #EXTINF [#EXT-X-BYTERANGE] address
...
[#EXT-X-ENDLIST]
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Literal

VERSION = 7  # EXT-X-MAP outside of I-frame playlists, fMP4
DISCONTINUITY = "#EXT-X-DISCONTINUITY\n"
GAP = "#EXT-X-GAP\n"
END = "#EXT-X-ENDLIST\n"
ADDRESS = re.compile(rb'(?m)(?<=URI=")[^"\n]+|^[^#\n][^\n]*')


def playlist_head(
    *,
    kind: Literal["VOD", "EVENT"],
    target_duration_s: int,
    start_offset_s: float | None = None,
    is_independent: bool = False,
) -> str:
    """Return what stands before the entries.

    `is_independent` says that every entry begins with a key frame (EXT-X-INDEPENDENT-SEGMENTS).
    """
    lines = ["#EXTM3U", f"#EXT-X-VERSION:{VERSION}", f"#EXT-X-TARGETDURATION:{max(target_duration_s, 1)}"]
    lines += [f"#EXT-X-PLAYLIST-TYPE:{kind}", "#EXT-X-MEDIA-SEQUENCE:0"]
    if is_independent:
        lines.append("#EXT-X-INDEPENDENT-SEGMENTS")
    if start_offset_s is not None:
        lines.append(f"#EXT-X-START:TIME-OFFSET={start_offset_s:.5f},PRECISE=YES")
    return "\n".join(lines) + "\n"


def init_map(uri: str, size_bytes: int) -> str:
    """Return the tag that names the init segment of the entries after it (RFC 8216 §4.3.2.5).

    With its byte range: without, ffmpeg 5.1 asks over its persistent connection for no more than the end of the media
    read before, and stalls 15 s at each discontinuity.
    """
    return f'#EXT-X-MAP:URI="{uri}",BYTERANGE="{size_bytes}@0"\n'


def program_date_time(instant_us: int) -> str:
    """Return the tag with the wall clock of the first frame of the entry after it, in milliseconds, as players read."""
    moment = datetime.fromtimestamp(instant_us // 1_000_000, UTC)
    return f"#EXT-X-PROGRAM-DATE-TIME:{moment:%Y-%m-%dT%H:%M:%S}.{instant_us // 1000 % 1000:03d}Z\n"


def file_entries(uri: str, ranges: Iterable[tuple[int, int, int]]) -> str:
    """Return entries that are byte ranges of one file: (duration in ms, first byte, byte after the last) of each.

    The byte range follows EXTINF: Safari wants that order. Each entry has an address of its own (`?at=`): ffmpeg 9
    joins adjacent ranges of one address and loses what follows, and Chromium keeps the length that a file had when it
    first asked for its address, so that it never plays what was added since.
    """
    return "".join(
        [
            f"#EXTINF:{ms // 1000}.{ms % 1000:03d},\n#EXT-X-BYTERANGE:{end - begin}@{begin}\n{uri}?at={begin}\n"
            for ms, begin, end in ranges
        ]
    )


def entry(uri: str, duration_ms: int) -> str:
    """Return one entry that is a whole resource."""
    return f"#EXTINF:{duration_ms // 1000}.{duration_ms % 1000:03d},\n{uri}\n"


def whole_entry(uri: str, duration_ms: int, size_bytes: int) -> str:
    """Return one entry that is a whole resource; with its byte range for the sake of what `init_map` says."""
    return f"#EXTINF:{duration_ms // 1000}.{duration_ms % 1000:03d},\n#EXT-X-BYTERANGE:{size_bytes}@0\n{uri}\n"


def with_query(text: bytes, pair: str) -> bytes:
    """Return a playlist of ours with this `name=value` in the query of each address, those of tags too."""
    given = pair.encode()

    def add(match: re.Match[bytes]) -> bytes:
        address = match[0]
        return address + (b"&" if b"?" in address else b"?") + given

    return ADDRESS.sub(add, text)


def part_entry(uri: str, duration_ms: int, begin_bytes: int, end_bytes: int) -> str:
    """Return one entry that is a part of a resource, and the only one of it: what stands before is its init segment."""
    length = f"#EXTINF:{duration_ms // 1000}.{duration_ms % 1000:03d},\n"
    return f"{length}#EXT-X-BYTERANGE:{end_bytes - begin_bytes}@{begin_bytes}\n{uri}\n"
