"""The base list of violations, for those who classify by it (docs/transfer.md); edited in the administration pages."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from flask import Blueprint, Response
from flask_restx import Namespace, Resource
from pydantic import BaseModel, Field

from app.archive.paging import Order
from app.extensions import db
from app.models import BasisViolation
from app.personalulti import path_integer, utc_text
from app.review import violationlist
from app.views import PlaybackApi, document
from app.views.documenting import sends_list
from app.views.listing import ListQuery, Words, answer_bytes, ask_list, cut, query_parameters
from app.views.objects import json_bytes

violations = Blueprint("violations", __name__)
namespace = Namespace("violation", "The base list of violations", path="/")


class ViolationsQuery(ListQuery):
    """Which violations are listed, and in which order."""

    ORDERS: ClassVar[Mapping[str, Order]] = violationlist.VIOLATION_ORDERS

    sort: Literal["id", "-id", "violations", "-violations"] = "id"
    age: Literal["0+", "6+", "12+", "16+", "18+"] | None = Field(None, description="Only those with this rating")
    q: Words | None = Field(None, description="Only those with this in one of their texts, in capitals or not")


class ViolationObject(BaseModel):
    """One violation of the list."""

    id: int
    created_utc: str
    changed_utc: str
    code: str
    violations: str
    context: str
    age: str
    mark: str
    is_edited: bool


answer = document(namespace, ViolationObject)


def violation_object(row: BasisViolation) -> dict[str, Any]:
    """Return VIOLATION."""
    times = {"created_utc": utc_text(row.created_us), "changed_utc": utc_text(row.changed_us)}
    texts = {name: getattr(row, name) for name in ("code", *violationlist.TEXTS)}
    return {"id": row.id, **times, **texts, "is_edited": row.is_edited}


@namespace.route("/violations/")
class Violations(Resource):
    """The whole list."""

    @namespace.doc(description="The fixed names with which findings and comments are classified.")
    @query_parameters(namespace, ViolationsQuery)
    @sends_list(namespace)
    @namespace.response(200, "The violations", [answer])
    def get(self) -> Response:
        """List the violations."""
        asked = ask_list(ViolationsQuery)
        query = asked.page.of(violationlist.listed(asked.q, asked.age))
        rows, next_page = cut(asked, db.session.scalars(query).all())
        return answer_bytes(json_bytes([violation_object(row) for row in rows]), next_page)


@namespace.route("/violations/<violation_id>/")
@namespace.param("violation_id", "The id of a violation", _in="path", type="integer", example=1)
class OneViolation(Resource):
    """One violation."""

    @namespace.doc(description="As it stands in the list now.")
    @namespace.response(200, "The violation", answer)
    def get(self, violation_id: str) -> dict[str, Any]:
        """Get one violation."""
        return violation_object(violationlist.find(db.session, path_integer("violation_id", violation_id)))


PlaybackApi(violations).add_namespace(namespace)
