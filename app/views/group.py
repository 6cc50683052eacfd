"""Groups: cameras of one model that are started together (record-api.md, "Groups of cameras")."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from flask import Blueprint, Response
from flask_restx import Namespace, Resource
from pydantic import BaseModel, Field

from app.archive import groups
from app.archive.bounds import sees
from app.archive.paging import Order
from app.auth import actor, caller, sources
from app.extensions import db, writing
from app.models.types import now_us
from app.personalulti import Name, left_out, path_integer, path_uuid, read_parameters
from app.views import PlaybackApi, document
from app.views.documenting import sends_list
from app.views.listing import ListQuery, Words, answer_bytes, ask_list, cut, query_parameters
from app.views.objects import GroupObject, GroupWithSourcesObject, group_object, json_bytes, source_object

group = Blueprint("group", __name__)
namespace = Namespace("group", "Groups of cameras of one model", path="/")


Model = Literal["Source", "PictureSource"]


class NewGroup(BaseModel):
    """A group takes sources of one model only."""

    model: Model
    name: Name


class GroupChange(BaseModel):
    """Another name; what is left out stays, and the model cannot change."""

    model: Model = left_out()
    name: Name = left_out()


class GroupsQuery(ListQuery):
    """Which groups are listed, and in which order."""

    ORDERS: ClassVar[Mapping[str, Order]] = groups.GROUP_ORDERS

    sort: Literal["created", "-created", "name", "-name", "id", "-id"] = "created"
    model: Model | None = Field(None, description="Only those of this model")
    q: Words | None = Field(None, description="Only those whose name has this in it, in capitals or not")


answer = document(namespace, GroupObject)


def _change(group_id: str) -> dict[str, Any]:
    row_id = path_uuid("group_id", group_id)
    values, who = read_parameters().checked(GroupChange), actor()
    with writing() as session:
        return group_object(groups.rename(session, row_id, values.model, values.name, who=who))


@namespace.route("/group")
class Groups(Resource):
    """All groups."""

    @namespace.doc(description="In the order in which they were made, without their cameras.")
    @query_parameters(namespace, GroupsQuery)
    @sends_list(namespace)
    @namespace.response(200, "The groups", [answer])
    def get(self) -> Response:
        """List the groups."""
        asked = ask_list(GroupsQuery)
        query = asked.page.of(groups.listed(asked.model, asked.q, sources()))
        rows, next_page = cut(asked, db.session.scalars(query).all())
        return answer_bytes(json_bytes([group_object(row) for row in rows]), next_page)

    @namespace.doc(description="The answer is a list with the one new group. Names are unique.")
    @namespace.expect(document(namespace, NewGroup), validate=False)
    @namespace.response(200, "A list with the new group", [answer])
    @namespace.response(409, "The name is in use")
    def post(self) -> list[dict[str, Any]]:
        """Add a group."""
        values, who = read_parameters().checked(NewGroup), actor()
        with writing() as session:
            return [group_object(groups.create(session, values.model, values.name, now_us(), who=who))]


@namespace.route("/group/<group_id>/")
@namespace.param("group_id", "The id of a group", _in="path")
class OneGroup(Resource):
    """One group."""

    @namespace.doc(description="Here, and only here, `sources` has the cameras of the group.")
    @namespace.response(200, "The group with its cameras", document(namespace, GroupWithSourcesObject))
    def get(self, group_id: str) -> dict[str, Any]:
        """Get one group with its sources."""
        row, seen = groups.find(db.session, path_uuid("group_id", group_id)), sources()
        members = [source_object(member) for member in row.sources if sees(seen, member.id)]
        return {**group_object(row), "sources": members}

    @namespace.doc(description="Names are unique. What is left out stays; the model cannot change.")
    @namespace.expect(document(namespace, GroupChange), validate=False)
    @namespace.response(200, "The changed group", answer)
    @namespace.response(409, "The name is in use")
    def put(self, group_id: str) -> dict[str, Any]:
        """Rename a group."""
        return _change(group_id)

    @namespace.doc(description="The same as PUT.")
    @namespace.expect(document(namespace, GroupChange), validate=False)
    @namespace.response(200, "The changed group", answer)
    @namespace.response(409, "The name is in use")
    def patch(self, group_id: str) -> dict[str, Any]:
        """Rename a group, as PUT does."""
        return _change(group_id)

    @namespace.doc(description="Touches no recording: what records under a tag goes on.")
    @namespace.response(200, "The deleted group", answer)
    def delete(self, group_id: str) -> dict[str, Any]:
        """Delete a group; sources and recordings stay."""
        row_id, who = path_uuid("group_id", group_id), actor()
        with writing() as session:
            return group_object(groups.remove(session, row_id, who=who))


@namespace.route("/group/<group_id>/source/<source_id>/")
@namespace.param("group_id", "The id of a group", _in="path")
@namespace.param("source_id", "The id of a source", _in="path", type="integer")
class Member(Resource):
    """One camera of a group."""

    @namespace.doc(
        description="`false` where it was in the group already; a source of another model is refused. A group that "
        "accounts have rights on, or that a retention rule is of, is changed by an admin alone."
    )
    @namespace.response(200, "Was it added?", bool)
    def post(self, group_id: str, source_id: str) -> bool:
        """Add a source to a group."""
        ids, who = (path_uuid("group_id", group_id), path_integer("source_id", source_id)), actor()
        is_admin = caller().has_role("admin")
        with writing() as session:
            if not is_admin:
                groups.check_free(session, ids[0])
            return groups.add_member(session, *ids, who=who)

    @namespace.doc(description="`false` where it was not in the group. What it records goes on.")
    @namespace.response(200, "Was it removed?", bool)
    def delete(self, group_id: str, source_id: str) -> bool:
        """Remove a source from a group."""
        ids, who = (path_uuid("group_id", group_id), path_integer("source_id", source_id)), actor()
        with writing() as session:
            return groups.remove_member(session, *ids, who=who)


PlaybackApi(group).add_namespace(namespace)
