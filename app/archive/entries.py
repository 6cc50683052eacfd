"""Codec configurations of recorded files, each stored once."""

import hashlib
import logging
from typing import Literal, NamedTuple

from sqlalchemy import select

from app.archive.livefile import LiveFile
from app.extensions import AnySession
from app.formats.boxes import FormatError
from app.formats.codecs import codec_string, entry_from_parameter_sets, picture_size
from app.formats.fragments import InitTrack
from app.models import SampleEntry

log = logging.getLogger(__name__)


class Configuration(NamedTuple):
    """What a row of `sample_entry` is made of; `width`, `height` and `fourcc` are those of the head of the file."""

    kind: Literal["video", "audio"]
    timescale: int
    entry: bytes
    width: int
    height: int
    fourcc: str


def configurations(file: LiveFile) -> tuple[Configuration | None, Configuration | None]:
    """Return the video and audio configuration of a file that holds at least one fragment with video."""
    assert file.init is not None  # there are fragments
    video, audio = file.init.track("video"), file.init.track("audio")
    return (
        None if video is None else _configuration(video, _true_entry(video, file)),
        None if audio is None else _configuration(audio, audio.entry),
    )


def store_entries(session: AnySession, file: LiveFile) -> tuple[int | None, int | None]:
    """Return the ids of the file's video and audio configuration; make the rows that are missing."""
    video, audio = configurations(file)
    return (
        None if video is None else store_configuration(session, video),
        None if audio is None else store_configuration(session, audio),
    )


def describe_video(file: LiveFile) -> tuple[str, int | None, int | None] | None:
    """Return codec string, width and height of an open file's video; None where it has none."""
    track = file.init.track("video") if file.init is not None else None
    if track is None or not file.pictured:
        return None
    (width, height), name = _describe(_configuration(track, _true_entry(track, file)))
    return name, width, height


def _configuration(track: InitTrack, entry: bytes) -> Configuration:
    return Configuration(track.kind, track.timescale, entry, track.width, track.height, track.fourcc)


def _true_entry(track: InitTrack, file: LiveFile) -> bytes:
    """Return the entry by the parameter sets in the stream: after a change the head of the next file lies."""
    try:
        return entry_from_parameter_sets(track.entry, file.first_key_sample())
    except FormatError:
        return track.entry


def store_configuration(session: AnySession, found: Configuration) -> int:
    """Return the id of a configuration; make its row where it is missing. Runs within a write transaction."""
    digest = hashlib.sha256(f"{found.kind} {found.timescale} ".encode() + found.entry).hexdigest()
    known = session.scalar(select(SampleEntry.id).where(SampleEntry.sha256 == digest))
    if known is not None:
        return known
    size, name = _describe(found)
    row = SampleEntry(
        sha256=digest,
        kind=found.kind,
        fourcc=found.entry[4:8].decode("latin-1"),
        timescale=found.timescale,
        width=size[0],
        height=size[1],
        rfc6381=name,
        entry=found.entry,
    )
    session.add(row)
    session.flush()
    return row.id


def _describe(found: Configuration) -> tuple[tuple[int | None, int | None], str]:
    """Return size and codec string; of an odd entry those of its head: footage is kept, whatever it calls itself."""
    try:
        return (picture_size(found.entry) if found.kind == "video" else (None, None)), codec_string(found.entry)
    except FormatError as error:
        log.warning("a %s configuration is odd: %s", found.kind, error)
        return (found.width or None, found.height or None), found.fourcc
