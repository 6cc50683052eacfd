"""The media that playlists point to: recorded files by their segment's id, init segments by their entries' ids."""

import struct
from typing import cast

from app.archive.segments import Found
from app.formats.codecs import serving_entry
from app.formats.moov import InitEntry, Kind, init_segment
from app.playback.delivery import Body, BodyPart
from app.playback.fileparts import Blank, FilePart
from app.playback.footage import Entry

TRACK_IDS = {"video": 1, "audio": 2}  # as ffmpeg numbers them: video is mapped first


def segment_body(segment: Found) -> Body:
    """Return the file of a segment up to its last complete fragment.

    Where the segment is shifted (the first of a run with B-frames), so are its decode times: the 8 bytes of each tfdt.
    Zeros stand for what was clipped off before, so that every offset stays. Raises FormatError, OSError.
    """
    position = segment.hidden_bytes
    parts: list[BodyPart] = [Blank(position)] if position else []
    if not segment.shift_ticks:
        return Body([*parts, FilePart(segment.path, segment.other_path, position, segment.body_end_bytes)])
    for fragment in segment.load_index().fragments:
        at = int(fragment["v_tfdt_at"])
        if at:
            parts.append(FilePart(segment.path, segment.other_path, position, at))
            parts.append(struct.pack(">q", int(fragment["v_tfdt"])))
            position = at + 8
    parts.append(FilePart(segment.path, segment.other_path, position, segment.body_end_bytes))
    return Body(parts)


def build_init(video: Entry, audio: Entry | None) -> bytes:
    """Return the init segment of a codec configuration."""
    entries = [_init_entry(entry) for entry in (video, audio) if entry is not None]
    return init_segment(entries)


def _init_entry(entry: Entry) -> InitEntry:
    kind = cast("Kind", entry.kind)
    blob = serving_entry(entry.blob)
    return InitEntry(kind, TRACK_IDS[kind], entry.timescale, blob, entry.width, entry.height)
