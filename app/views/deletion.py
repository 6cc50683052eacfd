"""What was deleted of the footage, by whom and why: the list that only grows."""

import json
from typing import Any

from flask import Blueprint
from flask_restx import Namespace, Resource
from pydantic import BaseModel

from app.auth import sources
from app.models import Deletion
from app.personalulti import read_query, utc_text
from app.views import PlaybackApi, document
from app.views.newest import NewestQuery, newest

deletion = Blueprint("deletion", __name__)
namespace = Namespace("deletion", "What was deleted of the footage", path="/")


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
        return [deletion_object(row) for row in newest(Deletion, read_query().checked(NewestQuery), sources())]


PlaybackApi(deletion).add_namespace(namespace)
