"""What playback requests have in common: the range of a source or a record, its footage, its documentation."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from flask import Response, redirect, url_for
from flask_restx import Namespace
from sqlalchemy import bindparam, select

from app.access.finding import carried_token
from app.access.media import with_token
from app.access.window import check_window
from app.archive.bounds import sees
from app.auth import sources
from app.errors import Deleted, NotFound
from app.extensions import db
from app.formats.boxes import FormatError
from app.models import Record, Source
from app.models.types import now_us
from app.personalulti import not_found, path_integer, path_uuid, read_query, utc_text
from app.playback import requestdata
from app.playback.asked import Asked, RangeParameters, RecordParameters, check_range
from app.playback.footage import Footage, load_footage, no_footage
from app.playback.plans import find_plan, keep_plan
from app.playback.progressive import Movie, plan_movie

namespace = Namespace("playback", "What was recorded in a span of time, and the video of it", path="/")
MP4, HLS = "video/mp4", "application/vnd.apple.mpegurl"
IMMUTABLE = "private, max-age=31536000, immutable"
RANGE = {
    "start": "ISO 8601 with an offset or Z, or seconds since the epoch",
    "end": "The same; left out: now",
    "duration": "Seconds, instead of end",
    "gaps": "What becomes of missing time: collapse leaves it out, hold shows the last picture, fail refuses",
    "run": "The id of a run: its footage alone, also where one that began later is played",
}
RANGE_TYPES: dict[str, dict[str, Any]] = {
    "duration": {"type": "number"},
    "gaps": {"type": "string", "enum": ["collapse", "hold", "fail"], "default": "collapse"},
    "run": {"type": "string", "format": "uuid"},
}

_source_id = Source.__table__.c.id
KNOWN = select(_source_id).where(_source_id == bindparam("source_id"))  # made once: it takes longer than it runs


class Subject:
    """What a request is about: a source's range, or that of a record within its source."""

    def __init__(self, source_id: int, asked: Asked, path: str) -> None:
        self.source_id = source_id
        self.asked = asked
        self.path = path

    def load(self) -> Footage:
        """Read the footage. Raises NoFootage where there is none."""
        asked = self.asked
        footage = load_footage(self.source_id, asked.begin_us, asked.end_us, asked.rev, asked.run)
        if not footage.spans:
            known_source(self.source_id)  # asked only now: nearly always there is footage, and so a source
            raise self.nothing()
        last = footage.segments[-1]
        if asked.is_open_ended and last.is_open:
            return replace(footage, end_us=last.end_us)
        return footage

    def nothing(self) -> NotFound:
        """Return the error of a range without footage."""
        return no_footage(self.source_id, self.asked.begin_us, self.asked.end_us, utc_text)

    def planned(self) -> tuple[Footage, Movie]:
        """Return footage and movie: those of a moment ago where they are the same."""
        kept = find_plan(self.source_id, self.asked)
        if kept is not None:
            return kept.footage, kept.movie
        footage = self.load()
        movie = self.plan(footage)
        keep_plan(self.source_id, self.asked, footage, movie, now_us())
        return footage, movie

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


def of_source(source_id: str) -> Subject:
    """Return the subject of a request about a source."""
    number = path_integer("source_id", source_id)
    asked = check_range(read_query().checked(RangeParameters), now_us())
    check_window(asked.begin_us, asked.end_us)
    return Subject(number, asked, url_for("playbackapi.source_data", source_id=number).rstrip("/") + "/")


def known_source(source_id: int) -> None:
    """Raise NotFound for an id that no source has."""
    if db.session.execute(KNOWN, {"source_id": source_id}).scalar() is None:
        not_found("source_id", source_id)


def known_sources(source_ids: Sequence[int], name: str) -> None:
    """Raise NotFound for the first id of a parameter that no source has which the caller sees."""
    seen = sources()
    known = set(db.session.scalars(select(Source.id).where(Source.id.in_(source_ids))))
    for source_id in source_ids:
        if source_id not in known or not sees(seen, source_id):
            not_found(name, source_id, "query")


def of_record(record_id: str) -> Subject:
    """Return the subject of a request about a record."""
    key = path_uuid("record_id", record_id)
    parameters = read_query().checked(RecordParameters)
    row = known_record(key)
    asked = check_range(parameters, now_us(), row.begin_us, row.end_us)
    check_window(asked.begin_us, asked.end_us)
    return Subject(row.source_id, asked, url_for("playbackapi.record_data", record_id=key).rstrip("/") + "/")


def known_record(record_id: str) -> Record:
    """Return a record. Raises NotFound for an id that none has, Deleted where its footage is gone."""
    row = db.session.get(Record, record_id)
    if row is None:
        not_found("record_id", record_id)
    if row.deleted_us is not None:
        raise Deleted(f"the file of record {record_id} was deleted")
    return row


def ranged(resource: Callable[..., Any]) -> Any:
    """Document the parameters that all ranges have."""
    for name, text in RANGE.items():
        resource = namespace.param(name, text, **RANGE_TYPES.get(name, {}))(resource)
    return resource


def of_sources(text: str = "Ids with commas between") -> Callable[[Any], Any]:
    """Document which sources are asked for in one request, and from when to when."""

    def decorate(view: Any) -> Any:
        for name in ("duration", "end", "start"):  # a decorator puts its own in front
            view = namespace.param(name, RANGE[name], required=name == "start", **RANGE_TYPES.get(name, {}))(view)
        return namespace.param("source_id", text, required=True)(view)

    return decorate


def see(path: str) -> Response:
    """Return a redirect that keeps the method and is not kept; the token of a signed address goes along."""
    response = redirect(with_token(path, carried_token()), 307, Response=Response)
    response.headers["Cache-Control"] = "no-store"
    response.data = b""  # the address stands in the header; werkzeug would put a page of HTML here
    return response  # type: ignore[return-value]
