"""Playback: what was recorded in a span of time, and the video of it (playback-api.md).

Here the ranges of one source or one record; beside it `playbackmedia` (what playlists point to), `playbackmany`
(several sources), `playbacksync` (several in step), `playbackstills` (pictures and sheets), `playbackrange` (what they
share).
"""

from typing import Any

from flask import Blueprint, Response, current_app, request, url_for
from flask_restx import Resource
from sqlalchemy import select

from app.access.finding import carried_token
from app.access.media import query_of
from app.archive.find import find_open
from app.extensions import db
from app.formats.boxes import FormatError
from app.formats.filenames import attachment, download_name
from app.formats.playlists import with_query
from app.models import Wanted
from app.personalulti import utc_text
from app.playback import requestdata
from app.playback.asked import check_media_length
from app.playback.delivery import Body, respond
from app.playback.footage import Footage
from app.playback.plans import on_loss
from app.playback.playlist import build_playlist
from app.views import (
    PlaybackApi,
    document,
    playbackactivity,
    playbackmany,
    playbackmarks,
    playbackmedia,
    playbackstills,
    playbacksync,
)
from app.views.compression import compress, is_gzip_wanted
from app.views.documenting import sends_bytes, sends_on
from app.views.playbackobjects import RequestData
from app.views.playbackrange import HLS, MP4, Subject, namespace, of_record, of_source, ranged, see
from app.views.playbacksigning import keep_from_caches, signed_urls
from app.views.watching import saw, sending, took

playbackapi = Blueprint("playbackapi", __name__)
playbackapi.after_request(compress)
playbackapi.after_request(keep_from_caches)
# Importing them has put their endpoints into the namespace.
PARTS = (playbackactivity, playbackmany, playbackmarks, playbackmedia, playbackstills, playbacksync)


def _data(subject: Subject) -> dict[str, Any]:
    """Return request data."""
    footage = subject.load()
    movie = subject.plan(footage)
    told = requestdata.describe(footage, movie, subject.asked, subject.path, utc_text)
    return {**told, "urls": signed_urls(told["urls"], [subject.source_id], subject.asked)}


def _video(subject: Subject) -> Response:
    """Return the MP4 of a range, or send on to the pinned address where the range reaches into an open segment."""
    check_media_length(subject.asked)
    footage, movie = subject.planned()
    if footage.pin is not None and subject.asked.rev is None:
        query = requestdata.media_query(subject.asked, utc_text, footage.pin, end_us=footage.end_us)
        return see(f"{subject.path}video.mp4?{query}")
    db.session.remove()
    headers = {"Cache-Control": "private, no-cache"}
    if subject.asked.download:
        wished = None if subject.asked.name is None else download_name(subject.asked.name, ".mp4")
        headers["Content-Disposition"] = attachment(wished or _file_name(footage))
    span = subject.asked.begin_us, subject.asked.end_us
    body = Body(
        movie.parts,
        current_app.config["PLAYBACK"].READ_AHEAD_BYTES,
        on_loss(subject.source_id),
        sending("video", subject.source_id, span),
    )
    # Not a strong date: a file that is lost makes the film another one, and none of its files newer.
    answer = respond(body, content_type=MP4, etag=movie.etag, headers=headers, modified_us=movie.modified_us)
    return took(answer, subject.source_id, span, body.size_bytes) if subject.asked.download else answer


def _file_name(footage: Footage) -> str:
    """Return the name of a downloaded range: source and begin in UTC."""
    begin = utc_text(footage.begin_us) or ""
    return f"source-{footage.source_id}-{begin[:19].replace(':', '').replace('-', '')}Z.mp4"


def _playlist(subject: Subject) -> Response:
    """Return the playlist of a range; with the end left out it grows while the source records.

    One that ends within an open segment is sent on to the pinned address: a complete playlist never changes.
    """
    check_media_length(subject.asked)
    footage = subject.load()
    is_event = subject.asked.is_open_ended
    if footage.pin is not None and subject.asked.rev is None and not is_event:
        query = requestdata.media_query(subject.asked, utc_text, footage.pin, end_us=footage.end_us)
        return see(f"{subject.path}index.m3u8?{query}")
    is_ended = not is_event or _is_ended(subject.source_id)
    media = url_for("playbackapi.source_data", source_id=subject.source_id).rstrip("/") + "/"
    try:
        playlist = build_playlist(footage, media, is_event=is_event, is_ended=is_ended)
    except (FormatError, OSError) as error:
        raise subject.nothing() from error
    if not playlist.count:
        raise subject.nothing()
    headers = {"Cache-Control": "private, no-cache" if is_ended else "no-store"}
    token = carried_token()
    if token is not None:
        response = Response(with_query(playlist.text(), query_of(token)), content_type=HLS, headers=headers)
    elif is_gzip_wanted(playlist.size_bytes):
        response = Response(playlist.gzip(), content_type=HLS, headers={**headers, "Content-Encoding": "gzip"})
    else:
        response = Response(playlist.text(), content_type=HLS, headers=headers)
    return saw(response, "playlist", subject.source_id, None)


def _is_ended(source_id: int) -> bool:
    """Tell whether nothing more will come: the source is not wanted and nothing is being written."""
    open_wanted = select(Wanted.id).where(Wanted.source_id == source_id, Wanted.end_us.is_(None)).limit(1)
    return db.session.scalar(open_wanted) is None and not find_open(source_id)


@namespace.route("/source/<source_id>", endpoint="source_data")
@namespace.param("source_id", "The id of a source", _in="path")
class SourceData(Resource):
    """Request data of a source."""

    @namespace.doc(
        description="Spans and gaps with their causes, size, codecs, and the addresses of the media of this range. "
        "A span is named after the record begun last of those that touch it, which may hold only a part of it: "
        "`records` lists all of them with begin and end."
    )
    @ranged
    @namespace.response(200, "What there is", document(namespace, RequestData))
    @namespace.response(404, "No footage in the range; before_utc and after_utc name the nearest")
    @namespace.response(409, "gaps=fail and there are gaps")
    def get(self, source_id: str) -> dict[str, Any]:
        """Tell what there is of a camera between two instants."""
        return _data(of_source(source_id))


@namespace.route("/source/<source_id>/video.mp4")
@namespace.param("source_id", "The id of a source", _in="path")
class SourceVideo(Resource):
    """A range of a source as MP4."""

    @namespace.doc(
        description="Cut exactly, to the frame and the sample, and seekable at once. `gaps` tells what becomes of "
        "missing time: collapse leaves it out, hold shows the last picture, fail refuses."
    )
    @sends_bytes(namespace, MP4, "The MP4")
    @sends_on(namespace)
    @namespace.response(404, "No footage in the range; before_utc and after_utc name the nearest")
    @namespace.response(409, "gaps=fail and there are gaps")
    @ranged
    @namespace.param("download", "1 names the file")
    @namespace.param("name", "With download: what the file is called, without its ending")
    @namespace.param("rev", "Given by a redirect: pins what was recorded by then")
    def get(self, source_id: str) -> Response:
        """Get one MP4 of exactly this range of a camera."""
        return _video(of_source(source_id))

    @namespace.hide
    def head(self, source_id: str) -> Response:
        """Tell size and ETag of the MP4."""
        return _video(of_source(source_id))


@namespace.route("/source/<source_id>/index.m3u8")
@namespace.param("source_id", "The id of a source", _in="path")
class SourcePlaylist(Resource):
    """A range of a source as HLS."""

    @namespace.doc(description="With an end it is complete and never changes.")
    @namespace.response(200, "The playlist")
    @sends_on(namespace)
    @namespace.response(404, "No footage in the range; before_utc and after_utc name the nearest")
    @ranged
    @namespace.param("grid", "Source ids with commas between, as sync names them: cut on one grid with these")
    @namespace.param("rev", "With grid: pins what was recorded when sync was asked")
    @namespace.produces([HLS])
    def get(self, source_id: str) -> Response:
        """Get an HLS playlist of this range of a camera; without end it grows while the camera records."""
        if "grid" in request.args:
            return playbacksync.playlist_in_step(source_id)
        return _playlist(of_source(source_id))


@namespace.route("/record/<record_id>", endpoint="record_data")
@namespace.param("record_id", "The id of a record", _in="path")
class RecordData(Resource):
    """Request data of a record."""

    @namespace.doc(description="As of a source, within the record: without start and end, all of it.")
    @namespace.response(404, "No footage in the range; before_utc and after_utc name the nearest")
    @namespace.response(410, "The file of the record was deleted")
    @namespace.response(409, "gaps=fail and there are gaps")
    @ranged
    @namespace.response(200, "What there is", document(namespace, RequestData))
    def get(self, record_id: str) -> dict[str, Any]:
        """Tell what there is of a recording."""
        return _data(of_record(record_id))


@namespace.route("/record/<record_id>/video.mp4")
@namespace.param("record_id", "The id of a record", _in="path")
class RecordVideo(Resource):
    """A record as MP4."""

    @namespace.doc(
        description="As of a source, within the record: without start and end, all of it, also while it is recording."
    )
    @sends_bytes(namespace, MP4, "The MP4")
    @sends_on(namespace)
    @namespace.response(404, "No footage in the range; before_utc and after_utc name the nearest")
    @namespace.response(410, "The file of the record was deleted")
    @namespace.response(409, "gaps=fail and there are gaps")
    @ranged
    @namespace.param("download", "1 names the file")
    @namespace.param("name", "With download: what the file is called, without its ending")
    def get(self, record_id: str) -> Response:
        """Get one MP4 of a recording, or of a range of it."""
        return _video(of_record(record_id))

    @namespace.hide
    def head(self, record_id: str) -> Response:
        """Tell size and ETag of the MP4."""
        return _video(of_record(record_id))


@namespace.route("/record/<record_id>/index.m3u8")
@namespace.param("record_id", "The id of a record", _in="path")
class RecordPlaylist(Resource):
    """A record as HLS."""

    @namespace.doc(description="As of a source, within the record: without start and end, all of it.")
    @namespace.response(200, "The playlist")
    @sends_on(namespace)
    @namespace.response(404, "No footage in the range; before_utc and after_utc name the nearest")
    @namespace.response(410, "The file of the record was deleted")
    @ranged
    @namespace.produces([HLS])
    def get(self, record_id: str) -> Response:
        """Get an HLS playlist of a recording, or of a range of it."""
        return _playlist(of_record(record_id))


PlaybackApi(playbackapi).add_namespace(namespace)
