"""Codec configurations of recorded files, each stored once."""

import hashlib
import logging

from flask_sqlalchemy.session import Session
from sqlalchemy import select
from sqlalchemy.orm import scoped_session

from app.archive.livefile import LiveFile
from app.formats.boxes import FormatError
from app.formats.codecs import codec_string, entry_from_parameter_sets, picture_size
from app.formats.fragments import InitTrack
from app.models import SampleEntry

log = logging.getLogger(__name__)


def store_entries(session: scoped_session[Session], file: LiveFile) -> tuple[int | None, int | None]:
    """Return the ids of the file's video and audio configuration; make the rows that are missing."""
    assert file.init is not None  # only files with fragments are stored
    video, audio = file.init.track("video"), file.init.track("audio")
    video_id = None
    if video is not None:
        video_id = _store(session, video, _true_entry(video, file))
    return video_id, _store(session, audio, audio.entry) if audio is not None else None


def describe_video(file: LiveFile) -> tuple[str, int | None, int | None] | None:
    """Return codec string, width and height of an open file's video; None where it has none."""
    track = file.init.track("video") if file.init is not None else None
    if track is None or not file.pictured:
        return None
    (width, height), name = _describe(track, _true_entry(track, file))
    return name, width, height


def _true_entry(track: InitTrack, file: LiveFile) -> bytes:
    """Return the entry by the parameter sets in the stream: after a change the head of the next file lies."""
    try:
        return entry_from_parameter_sets(track.entry, file.first_key_sample())
    except FormatError:
        return track.entry


def _store(session: scoped_session[Session], track: InitTrack, entry: bytes) -> int:
    digest = hashlib.sha256(f"{track.kind} {track.timescale} ".encode() + entry).hexdigest()
    found = session.scalar(select(SampleEntry.id).where(SampleEntry.sha256 == digest))
    if found is not None:
        return found
    size, name = _describe(track, entry)
    row = SampleEntry(
        sha256=digest,
        kind=track.kind,
        fourcc=entry[4:8].decode("latin-1"),
        timescale=track.timescale,
        width=size[0],
        height=size[1],
        rfc6381=name,
        entry=entry,
    )
    session.add(row)
    session.flush()
    return row.id


def _describe(track: InitTrack, entry: bytes) -> tuple[tuple[int | None, int | None], str]:
    """Return size and codec string; of an odd entry those of its head: footage is kept, whatever it calls itself."""
    try:
        return (picture_size(entry) if track.kind == "video" else (None, None)), codec_string(entry)
    except FormatError as error:
        log.warning("a %s configuration is odd: %s", track.kind, error)
        return (track.width or None, track.height or None), track.fourcc
