"""Share links: an address that shows one span of one camera to whoever has it. Beyond the contract (docs/security.md).

Whoever makes one sees his own; an admin sees all. The page that a link leads to is app/views/sharepage.py.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from flask import Blueprint, Response, current_app, request
from flask_restx import Namespace, Resource
from pydantic import Field
from sqlalchemy import select

from app.access.caller import Caller
from app.access.sharing import hash_password
from app.access.window import check_window
from app.archive import shares as archive
from app.archive.paging import AnySelect, Order
from app.auth import caller, check_source
from app.errors import Invalid, NotFound
from app.extensions import db, writing
from app.models import ShareLink
from app.models.types import now_us
from app.personalulti import MAX_ID, path_uuid, read_parameters, utc_text
from app.views import PlaybackApi, document
from app.views.documenting import sends_list
from app.views.listing import ListQuery, answer_bytes, ask_list, cut, query_parameters
from app.views.objects import json_bytes
from app.views.shareobjects import NewShare, NewShareObject, ShareChange, ShareObject
from app.views.signin import refuse_secrets_in_address

shares = Blueprint("shares", __name__)
namespace = Namespace("share", "Links that show a span of a camera to whoever has them", path="/")
COLUMNS = {"expires": "expires_us", "count": "max_uses", "may_download": "may_download", "description": "description"}


class SharesQuery(ListQuery):
    """Which links are listed, and in which order."""

    ORDERS: ClassVar[Mapping[str, Order]] = archive.SHARE_ORDERS

    sort: Literal["created", "-created"] = "created"
    source_id: int | None = Field(None, ge=1, le=MAX_ID, description="Only those of this source")
    is_active: bool | None = Field(None, description="Only those that work now, or only the others")

    def query(self, who: Caller, at_us: int) -> AnySelect:
        """Return the query of the rows that a caller may see."""
        query = select(ShareLink)
        if not who.has_role("admin"):
            query = query.where(ShareLink.account_id == who.account_id, ShareLink.created_by == who.name)
        if who.sources is not None:
            query = query.where(ShareLink.source_id.in_(who.sources))
        if self.source_id is not None:
            query = query.where(ShareLink.source_id == self.source_id)
        if self.is_active is None:
            return query
        openable = archive.is_openable(at_us)
        return query.where(openable if self.is_active else ~openable)


answer, new_answer = document(namespace, ShareObject), document(namespace, NewShareObject)


def share_object(row: ShareLink, *, is_active: bool) -> dict[str, Any]:
    """Return SHARE; never its key, nor its password."""
    return {
        "id": row.id,
        "created_utc": utc_text(row.created_us),
        "created_by": row.created_by,
        "source_id": row.source_id,
        "start_utc": utc_text(row.begin_us),
        "end_utc": utc_text(row.end_us),
        "expires_utc": utc_text(row.expires_us),
        "count": row.max_uses,
        "uses": row.uses,
        "has_password": row.password is not None,
        "may_download": row.may_download,
        "description": row.description,
        "revoked_utc": utc_text(row.revoked_us),
        "revoked_by": row.revoked_by,
        "last_used_utc": utc_text(row.last_used_us),
        "is_active": is_active,
    }


def _shown(rows: list[ShareLink]) -> list[dict[str, Any]]:
    active = archive.openable_ids(db.session, [row.id for row in rows], now_us())
    return [share_object(row, is_active=row.id in active) for row in rows]


def _address(key: str) -> str:
    base = current_app.config["PLAYBACK"].PUBLIC_URL.rstrip("/") or request.host_url.rstrip("/")
    return f"{base}/share/{key}"


def _check_own(row: ShareLink) -> None:
    """Raise NotFound for a link of another, and for one of a camera that the caller may not see."""
    who = caller()
    is_own = row.account_id == who.account_id and row.created_by == who.name
    if not who.may_see(row.source_id) or not (is_own or who.has_role("admin")):
        raise NotFound(f"there is no share link {row.id}", loc=("path", "share_id"))


@namespace.route("/share")
class Shares(Resource):
    """All share links."""

    @namespace.doc(description="An admin sees all, anybody else his own; those too that have ended. Never their keys.")
    @query_parameters(namespace, SharesQuery)
    @sends_list(namespace)
    @namespace.response(200, "The links", [answer])
    def get(self) -> Response:
        """List the share links."""
        asked = ask_list(SharesQuery)
        query = asked.query(caller(), now_us())
        rows, next_page = cut(asked, db.session.scalars(asked.page.of(query)).all())
        return answer_bytes(json_bytes(_shown(list(rows))), next_page)

    @namespace.doc(
        description="`url` is told this once: only a hash of its key is kept. Whoever has it sees this span of this "
        "camera and nothing else, as long as whoever made it may see the camera. Footage is not kept longer for it: "
        "pin it."
    )
    @namespace.expect(document(namespace, NewShare), validate=False)
    @namespace.response(200, "The new link, and its address", new_answer)
    @namespace.response(404, "There is no such source")
    def post(self) -> Response:
        """Make a share link."""
        parameters = read_parameters()
        refuse_secrets_in_address(parameters, ("password",))
        given = parameters.checked(NewShare)
        who, at_us = caller(), now_us()
        check_source(given.source_id, "body")
        if given.start >= given.end:
            raise Invalid("the range is empty: start must be before end", loc=("body", "start"), kind="range_empty")
        check_window(given.start, given.end, ("body", "start"))
        wish = archive.Wish(
            source_id=given.source_id,
            begin_us=given.start,
            end_us=given.end,
            expires_us=given.expires,
            max_uses=given.count,
            password=None if given.password is None else hash_password(given.password),
            may_download=given.may_download,
            description=given.description,
        )
        with writing() as session:
            row, key = archive.make_share(session, wish, archive.Maker(who.name, who.account_id, who.token_id), at_us)
            told = share_object(row, is_active=True)
        body = json_bytes({**told, "url": _address(key)}) + b"\n"
        return Response(body, content_type="application/json", headers={"Cache-Control": "private, no-store"})


@namespace.route("/share/<share_id>/")
@namespace.param("share_id", "The id of a share link", _in="path")
class OneShare(Resource):
    """One share link."""

    @namespace.doc(description="Also one that has ended.")
    @namespace.response(200, "The link", answer)
    def get(self, share_id: str) -> dict[str, Any]:
        """Get one share link."""
        row = archive.find_share(db.session, path_uuid("share_id", share_id))
        _check_own(row)
        return _shown([row])[0]

    @namespace.doc(
        description="What is left out stays. A link can be shortened only: ended sooner, opened fewer times, without "
        "download. Who has opened it sees the end of it with the next piece of media."
    )
    @namespace.expect(document(namespace, ShareChange), validate=False)
    @namespace.response(200, "The changed link", answer)
    @namespace.response(409, "It has ended")
    def patch(self, share_id: str) -> dict[str, Any]:
        """Shorten a share link, revoke it, or change its description."""
        row_id = path_uuid("share_id", share_id)
        given = read_parameters().checked(ShareChange).model_dump(exclude_unset=True)
        if not given:
            raise Invalid(f"give what is to change: {', '.join(COLUMNS)} or revoked", loc=("body",), kind="missing")
        is_revoked = bool(given.pop("revoked", False))
        _check_own(archive.find_share(db.session, row_id))
        actor, at_us = caller().name, now_us()
        with writing() as session:
            values = {COLUMNS[name]: value for name, value in given.items()}
            if values:
                archive.change_share(session, row_id, actor, values, at_us)
            if is_revoked:
                archive.revoke_share(session, row_id, actor, at_us)
        return _shown([archive.find_share(db.session, row_id)])[0]

    @namespace.doc(description="The row stays, with who revoked it and when; repeating it changes nothing.")
    @namespace.response(200, "The revoked link", answer)
    def delete(self, share_id: str) -> dict[str, Any]:
        """Revoke a share link: nobody can open it any more, and running players end with their next request."""
        row_id = path_uuid("share_id", share_id)
        _check_own(archive.find_share(db.session, row_id))
        actor, at_us = caller().name, now_us()
        with writing() as session:
            archive.revoke_share(session, row_id, actor, at_us)
        return _shown([archive.find_share(db.session, row_id)])[0]


PlaybackApi(shares).add_namespace(namespace)
