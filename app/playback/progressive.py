"""One progressive MP4 of a range over many segment files, planned without touching media (docs/design/playback.md).

    ftyp moov mdat [ slice of file 1 | slice of file 2 | ... ]

Each slice runs from the first needed fragment of a file to its last, with the `moof` boxes between as dead bytes
inside `mdat`. The plan follows from the rows; indexes are read only of the first and last segment before the first
byte is sent.
"""

import hashlib
import json
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from app.formats.boxes import box
from app.formats.codecs import serving_entry
from app.formats.moov import Track, progressive_head
from app.playback.delivery import BodyPart
from app.playback.fileparts import FileParts
from app.playback.footage import Footage
from app.playback.placing import Gaps, place_portions
from app.playback.portions import Portions, take_portions
from app.playback.tables import TableBuilder
from app.playback.timing import MapPiece, Timing

FORMAT_VERSION = 2  # part of every ETag: raised when the same footage gives other bytes
MAP_USERTYPE = uuid.UUID("2b1e0f5a-8c1d-5d7e-9d55-6f2b8f1f3a42")


@dataclass(frozen=True, slots=True)
class Movie:
    """A planned file: its parts, its strong ETag, and how its time maps to the wall clock.

    `media` is the last of the parts: what is taken of the recorded files.
    """

    parts: Sequence[BodyPart]
    etag: str
    modified_us: int
    timing: Timing
    duration_s: float
    size_bytes: int
    media: FileParts

    @property
    def pieces(self) -> Sequence[MapPiece]:
        """The uninterrupted pieces of wall clock."""
        return self.timing.pieces


def plan_movie(footage: Footage, gaps: Gaps, render_utc: Callable[[int], str | None]) -> Movie | None:
    """Plan the movie of a range; None where the range shows no frame.

    Raises Invalid where a gap is too long to be held; FormatError, OSError where an index cannot be read.
    """
    laid_out = _lay_out(footage, gaps)
    if laid_out is None:
        return None
    portions, timing = laid_out
    extra = _map_box(timing.pieces, render_utc)
    tracks, builders = _tracks(footage, portions, timing)
    media = FileParts(portions.segments, portions.begin_bytes, portions.end_bytes)
    head, head_bytes = progressive_head(tracks, media.size_bytes, extra)
    for builder in builders:
        builder.mdat_begin = head_bytes
    return Movie(
        [*head, media],
        _etag(footage, portions, timing, extra),
        int(portions.segments.column("end_us").max()),
        timing,
        (timing.end - timing.begin) / timing.timescale,
        head_bytes + media.size_bytes,
        media,
    )


def plan_map(footage: Footage, gaps: Gaps) -> Sequence[MapPiece] | None:
    """Return the map of the movie of a range without planning its bytes; None where it shows no frame.

    Raises as plan_movie does.
    """
    laid_out = _lay_out(footage, gaps)
    return None if laid_out is None else laid_out[1].pieces


def _lay_out(footage: Footage, gaps: Gaps) -> tuple[Portions, Timing] | None:
    """Return what the movie of a range takes of which file, and when it is shown; None where no frame is."""
    portions = take_portions(footage)
    if portions is None:
        return None
    place_portions(footage, portions, gaps)
    timing = Timing(footage, portions, gaps)
    return (portions, timing) if timing.shows_anything else None


def _video_track(footage: Footage, portions: Portions, timing: Timing, tables: TableBuilder) -> Track:
    entries = [footage.entries[number] for number in portions.video_ids]
    return Track(
        "video",
        timing.timescale // portions.divisor,
        (2 * timing.video_duration + portions.divisor) // (2 * portions.divisor),
        [serving_entry(entry.blob) for entry in entries],
        timing.video_edits(),
        stts=tables.stts(),
        ctts=tables.ctts(),
        stss=tables.stss(),
        stsc=tables.stsc(),
        stsz=tables.stsz(),
        co64=tables.co64(),
        width=max(entry.width for entry in entries),
        height=max(entry.height for entry in entries),
    )


def _tracks(footage: Footage, portions: Portions, timing: Timing) -> tuple[list[Track], list[TableBuilder]]:
    """Return the tracks of the movie and the builders of their tables."""
    video = TableBuilder("v", portions)
    tracks = [_video_track(footage, portions, timing, video)]
    if not timing.has_audio:
        return tracks, [video]
    audio = TableBuilder("a", portions)
    tracks.append(
        Track(
            "audio",
            timing.audio_timescale,
            timing.audio_duration,
            [footage.entries[number].blob for number in portions.audio_ids],
            timing.audio_edits(),
            stts=audio.stts(),
            stsc=audio.stsc(),
            stsz=audio.stsz(),
            co64=audio.co64(),
        )
    )
    return tracks, [video, audio]


def map_json(pieces: Sequence[MapPiece], render_utc: Callable[[int], str | None]) -> list[dict[str, Any]]:
    """Return the map as the contract shows it."""
    return [
        {
            "media_s": round(piece.media_s, 6),
            "start_utc": render_utc(piece.begin_us),
            "end_utc": render_utc(piece.end_us),
        }
        for piece in pieces
    ]


def _map_box(pieces: Sequence[MapPiece], render_utc: Callable[[int], str | None]) -> bytes:
    """Return the map as JSON in a uuid box within udta."""
    text = json.dumps({"map": map_json(pieces, render_utc)}, separators=(",", ":"))
    return box(b"udta", box(b"uuid", MAP_USERTYPE.bytes, text.encode()))


def _etag(footage: Footage, portions: Portions, timing: Timing, extra: bytes) -> str:
    """Return a hash of everything that the bytes of the movie follow from."""
    digest = hashlib.blake2b(f"{FORMAT_VERSION}".encode(), digest_size=16)
    digest.update(portions.identity)
    digest.update(repr((timing.video_edits(), timing.audio_edits() if timing.has_audio else None)).encode())
    for entry_id in (*portions.video_ids, *portions.audio_ids):
        digest.update(footage.entries[entry_id].blob)
    digest.update(extra)
    return digest.hexdigest()
