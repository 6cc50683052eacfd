"""Playback: what was recorded in a span of time, and the video of it (playback-api.md)."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from flask import Blueprint, Response, redirect, url_for
from flask_restx import Namespace, Resource
from pydantic import BaseModel, ConfigDict, field_validator
from pydantic_core import PydanticCustomError
from sqlalchemy import select

from app.archive.find import find_open, find_segment
from app.errors import Deleted, Invalid, NotFound
from app.extensions import db
from app.formats.boxes import FormatError
from app.models import Record, Source, Wanted
from app.models.types import now_us
from app.personalulti import not_found, path_integer, path_uuid, read_query, utc_text
from app.playback import requestdata
from app.playback.asked import (
    Asked,
    Instant,
    Length,
    RangeParameters,
    RecordParameters,
    check_media_length,
    check_range,
)
from app.playback.delivery import Body, respond
from app.playback.footage import Footage, load_entries, load_footage, no_footage
from app.playback.media import build_init, segment_body
from app.playback.plans import find_plan, keep_plan
from app.playback.playlist import build_playlist
from app.playback.progressive import Movie, plan_movie
from app.playback.timeline import check_resolution, find_coverage
from app.views import PlaybackApi, document
from app.views.playbackobjects import RequestData, Timeline

playbackapi = Blueprint("playbackapi", __name__)
namespace = Namespace("playback", "What was recorded in a span of time, and the video of it", path="/")
MP4, HLS = "video/mp4", "application/vnd.apple.mpegurl"
IMMUTABLE = "private, max-age=31536000, immutable"
MAX_SOURCES = 256
RANGE = {
    "start": "ISO 8601 with an offset or Z, or seconds since the epoch",
    "end": "The same; left out: now",
    "duration": "Seconds, instead of end",
    "gaps": "collapse (default), hold or fail",
}


class TimelineParameters(BaseModel):
    """Which sources, from when to when, how fine."""

    model_config = ConfigDict(extra="ignore")

    source_id: list[int]
    start: Instant
    end: Instant | None = None
    duration: Length | None = None
    resolution: Length | None = None

    @field_validator("source_id", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        """Read `1,2,3`."""
        parts = [part.strip() for part in str(value).split(",")]
        if len(parts) > MAX_SOURCES or not all(re.fullmatch(r"[0-9]{1,9}", part) for part in parts):
            raise PydanticCustomError("source_ids", "Input should be up to 256 source ids with commas between")
        return list(dict.fromkeys(int(part) for part in parts))


class _Subject:
    """What a request is about: a source's range, or that of a record within its source."""

    def __init__(self, source_id: int, asked: Asked, path: str) -> None:
        self.source_id = source_id
        self.asked = asked
        self.path = path

    def load(self) -> Footage:
        """Read the footage. Raises NoFootage where there is none."""
        asked = self.asked
        footage = load_footage(self.source_id, asked.begin_us, asked.end_us, asked.rev)
        if not footage.spans:
            raise self.nothing()
        last = footage.segments[-1]
        if asked.is_open_ended and last.is_open:
            return replace(footage, end_us=last.end_us)
        return footage

    def nothing(self) -> NotFound:
        """Return the error of a range without footage."""
        return no_footage(self.source_id, self.asked.begin_us, self.asked.end_us, utc_text)

    def plan(self, footage: Footage) -> Movie:
        """Plan the movie. Raises NoFootage where no frame falls into the range."""
        requestdata.check_gaps(footage, self.asked.gaps, utc_text)
        try:
            movie = plan_movie(footage, self.asked.gaps, utc_text)
        except (FormatError, OSError) as error:
            raise self.nothing() from error
        if movie is None:
            raise self.nothing()
        return movie


def _of_source(source_id: str) -> _Subject:
    """Return the subject of a request about a source."""
    number = path_integer("source_id", source_id)
    asked = check_range(read_query().checked(RangeParameters), now_us())
    if db.session.scalar(select(Source.id).where(Source.id == number)) is None:
        not_found("source_id", source_id)
    return _Subject(number, asked, url_for("playbackapi.source_data", source_id=number).rstrip("/") + "/")


def _of_record(record_id: str) -> _Subject:
    """Return the subject of a request about a record."""
    key = path_uuid("record_id", record_id)
    parameters = read_query().checked(RecordParameters)
    row = db.session.get(Record, key)
    if row is None:
        not_found("record_id", record_id)
    if row.deleted_us is not None:
        raise Deleted(f"the file of record {key} was deleted")
    asked = check_range(parameters, now_us(), row.begin_us, row.end_us)
    return _Subject(row.source_id, asked, url_for("playbackapi.record_data", record_id=key).rstrip("/") + "/")


def _data(subject: _Subject) -> dict[str, Any]:
    """Return request data."""
    footage = subject.load()
    movie = subject.plan(footage)
    return requestdata.describe(footage, movie, subject.asked, subject.path, utc_text)


def _video(subject: _Subject) -> Response:
    """Return the MP4 of a range, or send on to the pinned address where the range reaches into an open segment."""
    check_media_length(subject.asked)
    planned = find_plan(subject.source_id, subject.asked)
    if planned is not None:
        footage, movie = planned.footage, planned.movie
    else:
        footage = subject.load()
        movie = subject.plan(footage)
        keep_plan(subject.source_id, subject.asked, footage, movie, now_us())
    if footage.pin is not None and subject.asked.rev is None:
        query = requestdata.media_query(subject.asked, utc_text, footage.pin, end_us=footage.end_us)
        return _see(f"{subject.path}video.mp4?{query}")
    db.session.remove()
    headers = {"Cache-Control": "private, no-cache"}
    if subject.asked.download:
        headers["Content-Disposition"] = f'attachment; filename="{_file_name(footage)}"'
    return respond(Body([*movie.head, *movie.slices]), content_type=MP4, etag=movie.etag, headers=headers)


def _see(path: str) -> Response:
    """Return a redirect that keeps the method and is not kept."""
    response = redirect(path, 307, Response=Response)
    response.headers["Cache-Control"] = "no-store"
    return response  # type: ignore[return-value]


def _file_name(footage: Footage) -> str:
    """Return the name of a downloaded range: source and begin in UTC."""
    begin = utc_text(footage.begin_us) or ""
    return f"source-{footage.source_id}-{begin[:19].replace(':', '').replace('-', '')}Z.mp4"


def _playlist(subject: _Subject) -> Response:
    """Return the playlist of a range; with the end left out it grows while the source records."""
    check_media_length(subject.asked)
    footage = subject.load()
    is_event = subject.asked.is_open_ended
    is_ended = not is_event or _is_ended(subject.source_id)
    media = url_for("playbackapi.source_data", source_id=subject.source_id).rstrip("/") + "/"
    try:
        text = build_playlist(footage, media, is_event=is_event, is_ended=is_ended)
    except (FormatError, OSError) as error:
        raise subject.nothing() from error
    if "#EXTINF" not in text:
        raise subject.nothing()
    return Response(text, content_type=HLS, headers={"Cache-Control": "no-cache" if is_ended else "no-store"})


def _is_ended(source_id: int) -> bool:
    """Tell whether nothing more will come: the source is not wanted and nothing is being written."""
    open_wanted = select(Wanted.id).where(Wanted.source_id == source_id, Wanted.end_us.is_(None)).limit(1)
    return db.session.scalar(open_wanted) is None and not find_open(source_id)


def _ranged(resource: Callable[..., Any]) -> Any:
    """Document the parameters that all ranges have."""
    for name, text in RANGE.items():
        resource = namespace.param(name, text)(resource)
    return resource


@namespace.route("/source/<source_id>", endpoint="source_data")
@namespace.param("source_id", "The id of a source", _in="path")
class SourceData(Resource):
    """Request data of a source."""

    @_ranged
    @namespace.response(200, "What there is", document(namespace, RequestData))
    @namespace.response(404, "No footage in the range; before_utc and after_utc name the nearest")
    @namespace.response(409, "gaps=fail and there are gaps")
    def get(self, source_id: str) -> dict[str, Any]:
        """Tell what there is of a camera between two instants."""
        return _data(_of_source(source_id))


@namespace.route("/source/<source_id>/video.mp4")
@namespace.param("source_id", "The id of a source", _in="path")
class SourceVideo(Resource):
    """A range of a source as MP4."""

    @_ranged
    @namespace.param("download", "1 names the file")
    @namespace.param("rev", "Given by a redirect: pins what was recorded by then")
    @namespace.produces([MP4])
    def get(self, source_id: str) -> Response:
        """Get one MP4 of exactly this range of a camera."""
        return _video(_of_source(source_id))

    @namespace.hide
    def head(self, source_id: str) -> Response:
        """Tell size and ETag of the MP4."""
        return _video(_of_source(source_id))


@namespace.route("/source/<source_id>/index.m3u8")
@namespace.param("source_id", "The id of a source", _in="path")
class SourcePlaylist(Resource):
    """A range of a source as HLS."""

    @_ranged
    @namespace.produces([HLS])
    def get(self, source_id: str) -> Response:
        """Get an HLS playlist of this range of a camera; without end it grows while the camera records."""
        return _playlist(_of_source(source_id))


@namespace.route("/record/<record_id>", endpoint="record_data")
@namespace.param("record_id", "The id of a record", _in="path")
class RecordData(Resource):
    """Request data of a record."""

    @_ranged
    @namespace.response(200, "What there is", document(namespace, RequestData))
    def get(self, record_id: str) -> dict[str, Any]:
        """Tell what there is of a recording."""
        return _data(_of_record(record_id))


@namespace.route("/record/<record_id>/video.mp4")
@namespace.param("record_id", "The id of a record", _in="path")
class RecordVideo(Resource):
    """A record as MP4."""

    @_ranged
    @namespace.param("download", "1 names the file")
    @namespace.produces([MP4])
    def get(self, record_id: str) -> Response:
        """Get one MP4 of a recording, or of a range of it."""
        return _video(_of_record(record_id))

    @namespace.hide
    def head(self, record_id: str) -> Response:
        """Tell size and ETag of the MP4."""
        return _video(_of_record(record_id))


@namespace.route("/record/<record_id>/index.m3u8")
@namespace.param("record_id", "The id of a record", _in="path")
class RecordPlaylist(Resource):
    """A record as HLS."""

    @_ranged
    @namespace.produces([HLS])
    def get(self, record_id: str) -> Response:
        """Get an HLS playlist of a recording, or of a range of it."""
        return _playlist(_of_record(record_id))


@namespace.route("/source/<source_id>/segment/<segment_id>.mp4")
@namespace.param("source_id", "The id of a source", _in="path")
@namespace.param("segment_id", "The id of a segment, as playlists name it", _in="path")
class SegmentMedia(Resource):
    """One recorded file, for playlists."""

    @namespace.produces([MP4])
    def get(self, source_id: str, segment_id: str) -> Response:
        """Get bytes of a recorded file that a playlist names."""
        return _segment(source_id, segment_id)

    @namespace.hide
    def head(self, source_id: str, segment_id: str) -> Response:
        """Tell the size of a recorded file."""
        return _segment(source_id, segment_id)


def _segment(source_id: str, segment_id: str) -> Response:
    """Return the file of a segment; what an open one holds already never changes."""
    segment = find_segment(path_integer("source_id", source_id), path_uuid("segment_id", segment_id))
    if segment is None:
        not_found("segment_id", segment_id)
    db.session.remove()
    try:
        body = segment_body(segment)
    except (FormatError, OSError) as error:
        raise NotFound(f"segment {segment.id} cannot be read", loc=("path", "segment_id")) from error
    etag = f"{segment.id}-{segment.generation}-{segment.shift_ticks}-{segment.body_end_bytes}"
    caching = "private, no-cache" if segment.is_open else IMMUTABLE
    return respond(body, content_type=MP4, etag=etag, headers={"Cache-Control": caching})


@namespace.route("/source/<source_id>/init/<entries>.mp4")
@namespace.param("source_id", "The id of a source", _in="path")
@namespace.param("entries", "The ids of a video and an audio configuration, as playlists name them", _in="path")
class InitMedia(Resource):
    """An init segment, for playlists."""

    @namespace.produces([MP4])
    def get(self, source_id: str, entries: str) -> Response:
        """Get the init segment that a playlist names."""
        path_integer("source_id", source_id)
        match = re.fullmatch(r"([0-9]{1,9})-([0-9]{1,9})", entries)
        if match is None:
            raise Invalid("this is not an init segment's name", loc=("path", "entries"), kind="init_name")
        video_id, audio_id = int(match[1]), int(match[2])
        known = load_entries({video_id, audio_id})
        video, audio = known.get(video_id), known.get(audio_id)
        if video is None or video.kind != "video" or (audio_id and (audio is None or audio.kind != "audio")):
            not_found("entries", entries)
        db.session.remove()
        body = Body([build_init(video, audio)])
        return respond(body, content_type=MP4, etag=f"init-{entries}", headers={"Cache-Control": IMMUTABLE})


@namespace.route("/timeline")
class TimelineOfSources(Resource):
    """Coverage of many sources."""

    @namespace.param("source_id", "Ids with commas between", required=True)
    @namespace.param("start", RANGE["start"], required=True)
    @namespace.param("end", RANGE["end"])
    @namespace.param("resolution", "Seconds; gaps shorter than this are not shown. Default: a thousandth of the range")
    @namespace.response(200, "The coverage", document(namespace, Timeline))
    def get(self) -> dict[str, Any]:
        """Tell the coverage of many cameras for drawing a timeline."""
        given = read_query().checked(TimelineParameters)
        parameters = RangeParameters(start=0, gaps="collapse")
        parameters.start, parameters.end, parameters.duration = given.start, given.end, given.duration
        asked = check_range(parameters, now_us())
        resolution_us = given.resolution or max((asked.end_us - asked.begin_us) // 1000, 1_000_000)
        check_resolution(asked.begin_us, asked.end_us, resolution_us)
        known = set(db.session.scalars(select(Source.id).where(Source.id.in_(given.source_id))))
        for source_id in given.source_id:
            if source_id not in known:
                not_found("source_id", source_id, "query")
        sources = [
            {
                "source_id": source_id,
                "spans": [
                    {"start_utc": utc_text(span.begin_us), "end_utc": utc_text(span.end_us)}
                    for span in find_coverage(source_id, asked.begin_us, asked.end_us, resolution_us)
                ],
            }
            for source_id in given.source_id
        ]
        return {
            "start_utc": utc_text(asked.begin_us),
            "end_utc": utc_text(asked.end_us),
            "resolution": resolution_us / 1_000_000,
            "sources": sources,
        }


PlaybackApi(playbackapi).add_namespace(namespace)
