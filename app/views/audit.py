"""What was done and looked at, by whom: the list that only grows."""

import json
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from flask import Blueprint, Response
from flask_restx import Namespace, Resource
from pydantic import BaseModel, Field
from sqlalchemy import select

from app.archive.auditing import BY
from app.archive.paging import AnySelect, Order
from app.extensions import db
from app.models import Audit
from app.personalulti import MAX_ID, utc_text
from app.playback.asked import Moment
from app.views import PlaybackApi, document
from app.views.documenting import sends_list
from app.views.listing import ListQuery, Words, answer_bytes, ask_list, cut, query_parameters
from app.views.objects import json_bytes

audit = Blueprint("audit", __name__)
namespace = Namespace("audit", "What was done and looked at, and by whom", path="/")
MOST = 1000  # rows of an answer without limit


class AuditQuery(ListQuery):
    """Which acts are listed, and in which order."""

    ORDERS: ClassVar[Mapping[str, Order]] = {"id": Order((Audit.id,))}

    sort: Literal["id", "-id"] = "-id"
    action: Words | None = Field(None, description="Only these acts, as `pin.create`; `pin.` for all of pins")
    subject: Words | None = Field(None, description="Only those done to what has this id")
    source_id: int | None = Field(None, ge=1, le=MAX_ID, description="Only those of this source")
    actor: Words | None = Field(None, description="Only the acts of who has this name")
    begin: Moment | None = Field(None, description="Only those written down at or after this instant")
    end: Moment | None = Field(None, description="Only those written down before this instant")

    def query(self) -> AnySelect:
        """Return the query of rows."""
        query = select(Audit)
        if self.action is not None:
            is_prefix = self.action.endswith(".")
            query = query.where(
                Audit.action.startswith(self.action, autoescape=True) if is_prefix else Audit.action == self.action
            )
        if self.subject is not None:
            query = query.where(Audit.subject == self.subject)
        if self.actor is not None:
            query = query.where(Audit.actor == self.actor)
        if self.begin is not None:
            query = query.where(Audit.at_us >= self.begin)
        if self.end is not None:
            query = query.where(Audit.at_us < self.end)
        return query if self.source_id is None else query.where(Audit.source_id == self.source_id)


class AuditObject(BaseModel):
    """One act. `detail` has its values, which depend on the act.

    `how` the caller came: cookie, token, share, media, network, terminal, key, open; null for a part of the service.
    `key` is the id of the account, token or share link.
    """

    id: int
    at_utc: str
    actor: str
    action: str
    subject: str
    source_id: int | None
    how: str | None = Field(description="How the caller came; null for a part of the service", examples=["cookie"])
    address: str | None = Field(description="Where he came from", examples=["192.0.2.7"])
    key: str | None = Field(
        description="The account, token or share link by which he came",
        examples=["account:f2b1d0c4-3e5a-4f6b-8c7d-9e0f1a2b3c4d"],
    )
    detail: dict[str, Any]


def audit_object(row: Audit) -> dict[str, Any]:
    """Return AUDIT."""
    detail = json.loads(row.detail)
    by = detail.pop(BY, {})
    return {
        "id": row.id,
        "at_utc": utc_text(row.at_us),
        "actor": row.actor,
        "action": row.action,
        "subject": row.subject,
        "source_id": row.source_id,
        **{name: by.get(name) for name in ("how", "address", "key")},
        "detail": detail if "user" not in by else {**detail, "user": by["user"]},
    }


@namespace.route("/audit")
class Audits(Resource):
    """All acts."""

    @namespace.doc(
        description="Append-only: nothing in it is ever changed or removed. Deletions of footage have a list of their "
        "own (`/api/v1/deletions`). `watch` is what somebody looked at, written when he "
        "stopped. Newest first; without `limit` the last 1000."
    )
    @query_parameters(namespace, AuditQuery)
    @sends_list(namespace)
    @namespace.response(200, "The acts, newest first", [document(namespace, AuditObject)])
    def get(self) -> Response:
        """List what was done and looked at, and by whom."""
        asked = ask_list(AuditQuery)
        query = asked.page.of(asked.query())
        rows, next_page = cut(asked, db.session.scalars(query if asked.limit else query.limit(MOST)).all())
        return answer_bytes(json_bytes([audit_object(row) for row in rows]), next_page)


PlaybackApi(audit).add_namespace(namespace)
