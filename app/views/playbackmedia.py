"""What playlists point to: recorded files and init segments."""

import re

from flask import Response
from flask_restx import Resource

from app.access.window import check_file, check_timeless
from app.archive.find import find_segment
from app.auth import sources
from app.errors import Invalid, NotFound
from app.extensions import db
from app.formats.boxes import FormatError
from app.personalulti import not_found, path_integer
from app.playback.asked import MAX_INSTANT_US
from app.playback.delivery import Body, respond
from app.playback.footage import find_entries, has_entries
from app.playback.handover import hand_over
from app.playback.media import build_init, segment_body
from app.views.documenting import sends_bytes
from app.views.playbackrange import IMMUTABLE, MP4, namespace
from app.views.watching import saw


@namespace.route("/source/<source_id>/segment/<start_us>.mp4")
@namespace.param("source_id", "The id of a source", _in="path")
@namespace.param("start_us", "The start of a segment in microseconds since the epoch, as playlists name it", _in="path")
class SegmentMedia(Resource):
    """One recorded file, for playlists."""

    @namespace.doc(description="Playlists lead here. A front server may send the file itself (docs/operations.md).")
    @sends_bytes(namespace, MP4, "The file")
    def get(self, source_id: str, start_us: str) -> Response:
        """Get bytes of a recorded file that a playlist names."""
        return _segment(source_id, start_us)

    @namespace.hide
    def head(self, source_id: str, start_us: str) -> Response:
        """Tell the size of a recorded file."""
        return _segment(source_id, start_us)


def _segment(source_id: str, start_us: str) -> Response:
    """Return the file of a segment; what an open one holds already never changes."""
    number, begin_us = path_integer("source_id", source_id), path_integer("start_us", start_us, MAX_INSTANT_US)
    check_file(begin_us, ("path", "start_us"))
    segment = find_segment(number, begin_us)
    if segment is None:
        not_found("start_us", start_us)
    db.session.remove()
    caching = {"Cache-Control": "private, no-cache" if segment.is_open else IMMUTABLE}
    span = segment.start_us, segment.end_us
    if handed := hand_over(segment, MP4, caching):
        return saw(handed, "segment", segment.source_id, span)
    try:
        body = segment_body(segment)
    except (FormatError, OSError) as error:
        raise NotFound(f"segment {segment.id} cannot be read", loc=("path", "start_us")) from error
    etag = f"{segment.id}-{segment.generation}-{segment.shift_ticks}-{segment.body_end_bytes}"
    response = respond(
        body,
        content_type=MP4,
        etag=etag,
        headers=caching,
        modified_us=segment.end_us,
        is_date_strong=not segment.is_open,
    )
    return saw(response, "segment", segment.source_id, span)


@namespace.route("/source/<source_id>/init/<entries>.mp4")
@namespace.param("source_id", "The id of a source", _in="path")
@namespace.param("entries", "The ids of a video and an audio configuration, as playlists name them", _in="path")
class InitMedia(Resource):
    """An init segment, for playlists."""

    @namespace.doc(description="Playlists lead here. It never changes.")
    @sends_bytes(namespace, MP4, "The init segment")
    def get(self, source_id: str, entries: str) -> Response:
        """Get the init segment that a playlist names."""
        number = path_integer("source_id", source_id)
        check_timeless()
        match = re.fullmatch(r"([0-9]{1,9})-([0-9]{1,9})", entries)
        if match is None:
            raise Invalid("this is not an init segment's name", loc=("path", "entries"), kind="init_name")
        video_id, audio_id = int(match[1]), int(match[2])
        known = find_entries({video_id, audio_id})
        if sources() is not None and not has_entries(number, video_id, audio_id):
            not_found("entries", entries)  # of another camera, as far as anybody can tell
        video, audio = known.get(video_id), known.get(audio_id)
        if video is None or video.kind != "video" or (audio_id and (audio is None or audio.kind != "audio")):
            not_found("entries", entries)
        db.session.remove()
        body = Body([build_init(video, audio)])
        return respond(body, content_type=MP4, etag=f"init-{entries}", headers={"Cache-Control": IMMUTABLE})
