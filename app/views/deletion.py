"""What was deleted of the footage, by whom and why: the list that only grows."""

import json
from typing import Annotated, Any

from flask import Blueprint
from flask_restx import Namespace, Resource
from pydantic import BaseModel, Field
from sqlalchemy import select

from app.extensions import db
from app.models import Deletion
from app.personalulti import MAX_ID, read_query, utc_text
from app.views import PlaybackApi, document

deletion = Blueprint("deletion", __name__)
namespace = Namespace("deletion", "What was deleted of the footage", path="/")
Id = Annotated[int, Field(gt=0, le=MAX_ID)]


class DeletionQuery(BaseModel):
    """Which deletions: of one camera, or of all; `before` is the id of the last one seen."""

    source_id: Id | None = None
    before: Id | None = None
    limit: Annotated[int, Field(ge=1, le=1000)] = 100


class DeletedSpan(BaseModel):
    """A stretch of footage that was deleted."""

    start_utc: str
    end_utc: str


class DeletionObject(BaseModel):
    """One act of deletion. `begin_utc` and `end_utc` are what was asked for, `spans` what was deleted."""

    id: int
    at_utc: str
    actor: str
    rule: str
    reason: str | None
    source_id: int
    record_id: str | None
    begin_utc: str
    end_utc: str
    segments: int
    size_bytes: int
    spans: list[DeletedSpan]


def deletion_object(row: Deletion) -> dict[str, Any]:
    """Return DELETION."""
    spans = [{"start_utc": utc_text(begin), "end_utc": utc_text(end)} for begin, end in json.loads(row.spans)]
    return {
        "id": row.id,
        "at_utc": utc_text(row.at_us),
        "actor": row.actor,
        "rule": row.rule,
        "reason": row.reason,
        "source_id": row.source_id,
        "record_id": row.record_id,
        "begin_utc": utc_text(row.begin_us),
        "end_utc": utc_text(row.end_us),
        "segments": row.segments,
        "size_bytes": row.size_bytes,
        "spans": spans,
    }


@namespace.route("/deletions")
class Deletions(Resource):
    """All deletions."""

    @namespace.doc(description="Append-only: who deleted what, when and why; nothing in it is ever changed or removed.")
    @namespace.param("source_id", "Only those of this camera", _in="query", type="integer")
    @namespace.param("before", "Only those older than the one with this id", _in="query", type="integer")
    @namespace.param("limit", "At most so many, 1 to 1000", _in="query", type="integer", default=100)
    @namespace.response(200, "The deletions, newest first", [document(namespace, DeletionObject)])
    def get(self) -> list[dict[str, Any]]:
        """List what was deleted, by whom and why."""
        asked = read_query().checked(DeletionQuery)
        query = select(Deletion).order_by(Deletion.id.desc()).limit(asked.limit)
        if asked.source_id is not None:
            query = query.where(Deletion.source_id == asked.source_id)
        if asked.before is not None:
            query = query.where(Deletion.id < asked.before)
        return [deletion_object(row) for row in db.session.scalars(query)]


PlaybackApi(deletion).add_namespace(namespace)
