"""Playback of several sources in step: playlists that are cut on one grid of wall clock."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from flask import Response, request, url_for
from flask_restx import Resource
from pydantic import field_validator

from app.access.finding import carried_token
from app.access.media import query_of
from app.access.window import check_file, check_window
from app.archive.find import find_neighbours
from app.errors import Invalid, NoFootage, NotFound
from app.extensions import db
from app.formats.boxes import FormatError
from app.formats.playlists import with_query
from app.models.types import now_us
from app.personalulti import path_integer, read_query, utc_text
from app.playback import syncplaylist
from app.playback.asked import Asked, RangeParameters, check_media_length, check_range, split_ids
from app.playback.cell import find_cell, place_of
from app.playback.delivery import respond
from app.playback.footage import Footage
from app.playback.syncplaylist import MAX_SOURCES, Plan
from app.views import document
from app.views.documenting import sends_bytes
from app.views.playbackobjects import Sync
from app.views.playbackrange import HLS, IMMUTABLE, MP4, known_source, known_sources, namespace, of_sources
from app.views.playbacksigning import signed_urls
from app.views.watching import saw


class SyncParameters(RangeParameters):
    """Which sources, from when to when."""

    source_id: list[int]

    @field_validator("source_id", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        """Read `1,2,3`."""
        return split_ids(value, MAX_SOURCES)


class GridParameters(RangeParameters):
    """Which sources the grid is for, from when to when."""

    grid: list[int]

    @field_validator("grid", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        """Read `1,2,3`."""
        return split_ids(value, MAX_SOURCES)


@namespace.route("/sync")
class SyncOfSources(Resource):
    """Several sources in step."""

    @namespace.doc(
        description="The playlists have the same cells at the same instants, so that players that show the same "
        "cell show the same moment."
    )
    @of_sources("Up to 16 ids with commas between")
    @namespace.response(200, "Where the playlists are", document(namespace, Sync))
    @namespace.response(404, "No footage of any source; before_utc and after_utc name the nearest")
    def get(self) -> dict[str, Any]:
        """Get playlists of several cameras, cut on one grid of wall clock, to play them in step."""
        given = read_query().checked(SyncParameters)
        ids, asked = given.source_id, _checked_range(given, given.source_id)
        known_sources(ids, "source_id")
        now = now_us()
        footages = syncplaylist.load_all(ids, asked.begin_us, asked.end_us, None)
        end_us = syncplaylist.settled_end_us(footages, now)
        if end_us <= asked.begin_us:
            raise _nothing(ids, asked)
        rev = syncplaylist.pin_all(footages, end_us, now)
        if rev is not None:  # as the playlists will see it
            footages = syncplaylist.load_all(ids, asked.begin_us, end_us, rev)
        plan = _plan(ids, asked, footages)
        grid = {"start": utc_text(asked.begin_us), "end": utc_text(end_us), "grid": ",".join(map(str, ids))}
        query = urlencode(grid | ({} if rev is None else {"rev": rev}), safe=":,")
        urls = {str(number): f"{_prefix(number)}index.m3u8?{query}" for number in ids}
        urls = signed_urls(urls, ids, asked)
        return {
            "start_utc": utc_text(asked.begin_us),
            "end_utc": utc_text(end_us),
            "grid_s": plan.grid_us / 1_000_000,
            "sources": [{"source_id": number, "hls": urls[str(number)]} for number in ids],
        }


def playlist_in_step(source_id: str) -> Response:
    """Return the playlist of a source on the grid of several."""
    number = path_integer("source_id", source_id)
    given = read_query().checked(GridParameters)
    asked = _checked_range(given, given.grid)
    if asked.is_open_ended:
        raise Invalid("a playlist on a grid needs end or duration", loc=("query", "end"), kind="missing")
    if number not in given.grid:
        raise Invalid(f"grid must name source {number} too", loc=("query", "grid"), kind="grid_without_source")
    known_source(number)
    known_sources(given.grid, "grid")
    return _playlist(given.grid, asked, given.grid.index(number))


def _playlist(ids: Sequence[int], asked: Asked, place: int) -> Response:
    plan = _plan(ids, asked, syncplaylist.load_all(ids, asked.begin_us, asked.end_us, asked.rev))
    text = syncplaylist.write_playlist(plan, place, _prefix(ids[place])).encode()
    token = carried_token()
    if token is not None:
        text = with_query(text, query_of(token))
    response = Response(text, content_type=HLS, headers={"Cache-Control": "private, no-cache"})
    return saw(response, "playlist", ids[place], None)


def _checked_range(given: RangeParameters, ids: Sequence[int]) -> Asked:
    """Return the range. Raises Invalid for one that is too long for so many sources."""
    asked = check_range(given, now_us())
    check_window(asked.begin_us, asked.end_us)
    check_media_length(asked)
    syncplaylist.check_size(len(ids), asked.begin_us, asked.end_us)
    return asked


def _plan(ids: Sequence[int], asked: Asked, footages: Sequence[Footage]) -> Plan:
    """Work out the grid. Raises NoFootage where no source has any."""
    db.session.remove()
    plan = syncplaylist.plan_grid(footages)
    if not plan.has_media:
        raise _nothing(ids, asked)
    return plan


def _nothing(ids: Sequence[int], asked: Asked) -> NoFootage:
    """Return the error of a range without footage of any source, with the nearest of all before and after it."""
    neighbours = [find_neighbours(number, asked.begin_us, asked.end_us) for number in ids]
    befores = [before for before, _ in neighbours if before is not None]
    afters = [after for _, after in neighbours if after is not None]
    message = "no source has footage in this range; before_utc and after_utc name the nearest"
    return NoFootage(
        message,
        before_utc=utc_text(max(befores, default=None)),
        after_utc=utc_text(min(afters, default=None)),
    )


def _prefix(source_id: int) -> str:
    """Return the path below which a source's media are."""
    return url_for("playbackapi.source_data", source_id=source_id).rstrip("/") + "/"


@namespace.route("/source/<source_id>/cell.mp4")
@namespace.param("source_id", "The id of a source", _in="path")
class CellMedia(Resource):
    """An entry of a playlist that reaches over several recorded files."""

    @namespace.doc(description="Playlists lead here.")
    @sends_bytes(namespace, MP4, "The bytes")
    @namespace.param("from", "Where it begins: START:OFFSET, as playlists name it", required=True)
    @namespace.param("to", "Where it ends, in a later file of the same run", required=True)
    def get(self, source_id: str) -> Response:
        """Get bytes of several recorded files in one, as a playlist names them."""
        return _cell(source_id)

    @namespace.hide
    def head(self, source_id: str) -> Response:
        """Tell the size of such bytes."""
        return _cell(source_id)


def _cell(source_id: str) -> Response:
    number = path_integer("source_id", source_id)
    places = [request.args.get(name, "") for name in ("from", "to")]
    for text, name in zip(places, ("from", "to"), strict=True):
        check_file(place_of(text, name)[0], ("query", name))
    cell = find_cell(number, *places)
    db.session.remove()
    try:
        body = cell.body()
    except (FormatError, OSError) as error:
        raise NotFound("a file between from and to cannot be read", loc=("query", "from")) from error
    caching = {"Cache-Control": IMMUTABLE if cell.is_settled else "private, no-cache"}
    response = respond(body, content_type=MP4, etag=cell.etag, headers=caching)
    return saw(response, "cell", number, (cell.segments[0].start_us, cell.segments[-1].end_us))
