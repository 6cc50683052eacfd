"""Changes of state that an operator is told of: sources, recorders, storages, damage."""

from typing import Any

from flask import Blueprint
from flask_restx import Namespace, Resource
from pydantic import BaseModel

from app.auth import sources
from app.models import Notice
from app.personalulti import read_query, utc_text
from app.views import PlaybackApi, document
from app.views.newest import NewestQuery, newest

notices = Blueprint("notices", __name__)
namespace = Namespace("notice", "Changes of state", path="/")


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
        return [notice_object(row) for row in newest(Notice, read_query().checked(NewestQuery), sources())]


PlaybackApi(notices).add_namespace(namespace)
