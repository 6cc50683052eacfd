"""Changes of state that an operator is told of: sources, recorders, storages, damage."""

from typing import Annotated, Any

from flask import Blueprint
from flask_restx import Namespace, Resource
from pydantic import BaseModel, Field
from sqlalchemy import select

from app.extensions import db
from app.models import Notice
from app.personalulti import MAX_ID, read_query, utc_text
from app.views import PlaybackApi, document

notices = Blueprint("notices", __name__)
namespace = Namespace("notice", "Changes of state", path="/")
Id = Annotated[int, Field(gt=0, le=MAX_ID)]


class NoticeQuery(BaseModel):
    """Which notices: of one camera, or of all; `before` is the id of the last one seen."""

    source_id: Id | None = None
    before: Id | None = None
    limit: Annotated[int, Field(ge=1, le=1000)] = 100


class NoticeObject(BaseModel):
    """A subject has become bad, or good again, in one respect."""

    id: int
    at_utc: str
    kind: str
    subject: str
    is_bad: bool
    text: str
    source_id: int | None
    storage_id: str | None


def notice_object(row: Notice) -> dict[str, Any]:
    """Return NOTICE."""
    named = {name: getattr(row, name) for name in ("kind", "subject", "is_bad", "text", "source_id", "storage_id")}
    return {"id": row.id, "at_utc": utc_text(row.at_us), **named}


@namespace.route("/notices")
class Notices(Resource):
    """All notices."""

    @namespace.doc(
        description="What a webhook is told (PLAYBACK_WEBHOOKS): one entry for each change, kept for 90 days."
    )
    @namespace.param("source_id", "Only those of this camera", _in="query", type="integer")
    @namespace.param("before", "Only those older than the one with this id", _in="query", type="integer")
    @namespace.param("limit", "At most so many, 1 to 1000", _in="query", type="integer", default=100)
    @namespace.response(200, "The notices, newest first", [document(namespace, NoticeObject)])
    def get(self) -> list[dict[str, Any]]:
        """List what became bad, and good again."""
        asked = read_query().checked(NoticeQuery)
        query = select(Notice).order_by(Notice.id.desc()).limit(asked.limit)
        if asked.source_id is not None:
            query = query.where(Notice.source_id == asked.source_id)
        if asked.before is not None:
            query = query.where(Notice.id < asked.before)
        return [notice_object(row) for row in db.session.scalars(query)]


PlaybackApi(notices).add_namespace(namespace)
