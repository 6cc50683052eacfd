"""Recommendations: the comments of people and of the AI on one file, joined in one row (transfer-api.md)."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from flask import Blueprint, Response
from flask_restx import Namespace, Resource
from pydantic import BaseModel, Field

from app.archive.bounds import is_seen_file
from app.archive.handed import MAX_INDEX, find_by_refer
from app.archive.paging import AnySelect, Order
from app.auth import actor, sight
from app.errors import Invalid
from app.extensions import db, writing
from app.models import Recommendation
from app.models.types import now_us
from app.personalulti import path_integer, read_parameters, utc_text
from app.review import recommending as review
from app.review.findings import Severity
from app.views import PlaybackApi, document
from app.views.comments import Refer, Referring
from app.views.documenting import sends_list
from app.views.listing import ListQuery, answer_bytes, ask_list, cut, query_parameters
from app.views.objects import json_bytes

recommend = Blueprint("recommend", __name__)
namespace = Namespace("recommend", "Comments of people and of the AI, joined", path="/")


class NewRecommendation(Referring):
    """The file whose comments are to be joined."""


class RecommendationsQuery(ListQuery):
    """Which recommendations are listed, and in which order."""

    ORDERS: ClassVar[Mapping[str, Order]] = review.RECOMMENDATION_ORDERS

    sort: Literal["id", "-id"] = "id"
    refer: Refer | None = Field(None, description="Only that of this file: its `refer`, or any key of it")
    severity: Severity | None = Field(None, description="Only those of this severity")

    def query(self) -> AnySelect:
        """Return the query of rows. Raises NotFound for an unknown reference, Deleted."""
        seen = sight()
        query = review.RECOMMENDATIONS.where(is_seen_file(seen))
        if self.refer is not None:
            file = find_by_refer(db.session, self.refer, ("query", "refer"), sight=seen)
            query = query.where(Recommendation.file_id == file.id)
        return query if self.severity is None else query.where(Recommendation.severity == self.severity)


class RecommendationObject(BaseModel):
    """A recommendation. `user` and `ai` are plain text, a comment a line or more; severity by most votes."""

    id: int
    id_file: int
    refer: str
    user: str
    ai: str
    severity: Severity
    violations_quantity: int
    created_utc: str
    changed_utc: str


answer = document(namespace, RecommendationObject)


def recommendation_object(row: Any) -> dict[str, Any]:
    """Return RECOMMENDATION; the lasting reference, never a key."""
    return {
        "id": row.id,
        "id_file": row.file_id,
        "refer": row.refer,
        "user": row.user_text,
        "ai": row.ai_text,
        "severity": row.severity,
        "violations_quantity": row.violations_quantity,
        "created_utc": utc_text(row.created_us),
        "changed_utc": utc_text(row.changed_us),
    }


def _recommendation_id(text: str) -> int:
    return path_integer("recommendation_id", text, MAX_INDEX)


@namespace.route("/recommend/")
class Recommendations(Resource):
    """All recommendations."""

    @namespace.doc(description="In the order in which they were first asked for.")
    @query_parameters(namespace, RecommendationsQuery)
    @sends_list(namespace)
    @namespace.response(200, "The recommendations", [answer])
    @namespace.response(404, "There is no file of this reference")
    @namespace.response(410, "The file was deleted")
    def get(self) -> Response:
        """List the recommendations."""
        asked = ask_list(RecommendationsQuery)
        rows, next_page = cut(asked, db.session.execute(asked.page.of(asked.query())).all())
        return answer_bytes(json_bytes([recommendation_object(row) for row in rows]), next_page)

    @namespace.doc(
        description="Joins the comments of people and of the AI in the order in which they were written, each with its "
        "span and violation. The severity is the one with most votes of all comments; `----` does not vote, a tie "
        "goes to the graver. A file has one; once made, it follows each change of the comments by itself."
    )
    @namespace.expect(document(namespace, NewRecommendation), validate=False)
    @namespace.response(200, "The recommendation", answer)
    @namespace.response(404, "There is no file of this reference")
    @namespace.response(410, "The file was deleted")
    def post(self) -> dict[str, Any]:
        """Join the comments on a file."""
        refer = read_parameters().checked(NewRecommendation).named
        if refer is None:
            raise Invalid("refer must be given: `refer` of the file", loc=("body", "refer"), kind="missing")
        who, seen = actor(), sight()
        with writing() as session:
            file = find_by_refer(session, refer[1], ("body", refer[0]), sight=seen, is_locked=True)
            made = review.bring_up_to_date(session, file, now_us(), made_by=who)
            assert made is not None  # it was asked for
            row = review.read_recommendation(session, made.id)
        return recommendation_object(row)


@namespace.route("/recommend/<recommendation_id>/")
@namespace.param("recommendation_id", "The id of a recommendation", _in="path")
class OneRecommendation(Resource):
    """One recommendation."""

    @namespace.doc(description="As the comments are now.")
    @namespace.response(200, "The recommendation", answer)
    def get(self, recommendation_id: str) -> dict[str, Any]:
        """Get one recommendation."""
        return recommendation_object(review.read_recommendation(db.session, _recommendation_id(recommendation_id)))

    @namespace.doc(description="The comments stay; POST joins them again, in a new row. Audited.")
    @namespace.response(200, "The recommendation as it was", answer)
    def delete(self, recommendation_id: str) -> dict[str, Any]:
        """Delete a recommendation."""
        row_id, who = _recommendation_id(recommendation_id), actor()
        with writing() as session:
            row = review.remove_recommendation(session, row_id, who)
        return recommendation_object(row)


PlaybackApi(recommend).add_namespace(namespace)
