"""Tags: the names under which sources record together (record-api.md, "Tags of recordings")."""

from typing import Any

from flask import Blueprint
from flask_restx import Namespace, Resource
from pydantic import BaseModel

from app.archive import recordings
from app.errors import NotFound
from app.extensions import db
from app.personalulti import Name, read_query, utc_text
from app.views import PlaybackApi, document
from app.views.objects import TagObject, record_objects

tag = Blueprint("tag", __name__)
namespace = Namespace("tag", "The names under which sources record together", path="/")


class TagQuery(BaseModel):
    """The name of a tag, or else its id."""

    name: Name


@namespace.route("/tag")
class OneTag(Resource):
    """One tag."""

    @namespace.doc(description="All records that were ever begun under it, in order.")
    @namespace.param("name", "The name of the tag, or else its id", required=True)
    @namespace.response(200, "The tag with its records", document(namespace, TagObject))
    @namespace.response(404, "There is no such tag")
    def get(self) -> dict[str, Any]:
        """Get one tag with its records."""
        name = read_query().checked(TagQuery).name
        row = recordings.find_tag(db.session, name)
        if row is None:
            raise NotFound(f"there is no tag {name!r}", loc=("query", "name"))
        records = record_objects(db.session, recordings.records_of(db.session, row))
        return {"id": row.id, "created_utc": utc_text(row.created_us), "name": row.name, "records": records}


@namespace.route("/tag/begin")
class RunningTags(Resource):
    """The tags that record."""

    @namespace.doc(description="Names alone, in order of their making.")
    @namespace.doc(vendor={"example": ["night"]})
    @namespace.response(200, "Names of tags", [str])
    def get(self) -> list[str]:
        """List the tags that are recording now."""
        return recordings.running_tags(db.session)


PlaybackApi(tag).add_namespace(namespace)
