"""Tags: the names under which sources record together (record-api.md, "Tags of recordings")."""

from collections.abc import Mapping
from typing import ClassVar, Literal

from flask import Blueprint, Response
from flask_restx import Namespace, Resource
from pydantic import Field
from sqlalchemy import select

from app.archive import recordings
from app.archive.bounds import has_tag
from app.archive.paging import AnySelect, Order
from app.auth import sources
from app.errors import NotFound
from app.extensions import db
from app.models import Tag
from app.personalulti import Name, utc_text
from app.views import PlaybackApi, document
from app.views.documenting import sends_list
from app.views.listing import ListQuery, Words, answer_bytes, ask_list, cut, query_parameters
from app.views.objects import ListedTagObject, TagObject, json_bytes
from app.views.recordlist import RecordFilters, listed_records

tag = Blueprint("tag", __name__)
namespace = Namespace("tag", "The names under which sources record together", path="/")


class TagQuery(RecordFilters):
    """Which tag, and which of its records in which order."""

    name: Name = Field(description="The name of the tag, or else its id")


class TagsQuery(ListQuery):
    """Which tags are listed, and in which order."""

    ORDERS: ClassVar[Mapping[str, Order]] = {
        "name": Order((Tag.name, Tag.id)),
        "created": Order((Tag.created_us, Tag.id)),
    }

    sort: Literal["name", "-name", "created", "-created"] = "name"
    is_recording: bool | None = Field(None, description="Only those that record now, or only the others")
    q: Words | None = Field(None, description="Only those whose name has this in it, in capitals or not")

    def query(self) -> AnySelect:
        """Return the query of the tags, each with whether it records now."""
        is_running = recordings.is_open_tag(sources())
        query = select(Tag.id, Tag.created_us, Tag.name, is_running).where(has_tag(sources()))
        if self.is_recording is not None:
            query = query.where(is_running if self.is_recording else ~is_running)
        return query.where(Tag.name.icontains(self.q, autoescape=True)) if self.q else query


@namespace.route("/tag")
class OneTag(Resource):
    """One tag."""

    @namespace.doc(description="All records that were ever begun under it, in order.")
    @query_parameters(namespace, TagQuery)
    @namespace.response(200, "The tag with its records", document(namespace, TagObject))
    @sends_list(namespace)
    @namespace.response(404, "There is no such tag")
    def get(self) -> Response:
        """Get one tag with its records."""
        asked = ask_list(TagQuery)
        row = recordings.find_tag(db.session, asked.name, sources())
        if row is None:
            raise NotFound(f"there is no tag {asked.name!r}", loc=("query", "name"))
        about = {"id": row.id, "created_utc": utc_text(row.created_us), "name": row.name}
        records, next_page = listed_records(row, asked)
        return answer_bytes(json_bytes({**about, "records": records}), next_page)


@namespace.route("/tags")
class Tags(Resource):
    """All tags."""

    @namespace.doc(description="Each with whether it records now.")
    @query_parameters(namespace, TagsQuery)
    @sends_list(namespace)
    @namespace.response(200, "The tags without their records", [document(namespace, ListedTagObject)])
    def get(self) -> Response:
        """List the tags."""
        asked = ask_list(TagsQuery)
        rows, next_page = cut(asked, db.session.execute(asked.page.of(asked.query())).all())
        tags = [
            {"id": row.id, "created_utc": utc_text(row.created_us), "name": row.name, "is_recording": bool(row[3])}
            for row in rows
        ]
        return answer_bytes(json_bytes(tags), next_page)


@namespace.route("/tag/begin")
class RunningTags(Resource):
    """The tags that record."""

    @namespace.doc(description="Names alone, in order of their making.")
    @namespace.doc(vendor={"example": ["night"]})
    @sends_list(namespace)
    @namespace.response(200, "Names of tags", [str])
    def get(self) -> Response:
        """List the tags that are recording now."""
        return answer_bytes(json_bytes(recordings.running_tags(db.session, sources())))


PlaybackApi(tag).add_namespace(namespace)
