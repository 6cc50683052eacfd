"""API tokens: what programs sign in with (docs/security.md). Beyond the contract."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from flask import Blueprint, Response
from flask_restx import Namespace, Resource
from pydantic import BaseModel, BeforeValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

from app.access.granting import account_for, granted, own_line
from app.access.rules import AREAS
from app.archive import tokens as archive
from app.archive.paging import Order
from app.auth import actor, caller
from app.errors import Forbidden, Invalid
from app.extensions import AnySession, db, writing
from app.models import Account, ApiToken
from app.models.types import now_us
from app.personalulti import MAX_ID, Exactly, Name, left_out, no_truth, path_uuid, read_parameters, utc_text
from app.playback.asked import Moment
from app.views import PlaybackApi, document
from app.views.documenting import sends_list
from app.views.listing import ListQuery, Words, answer_bytes, ask_list, cut, query_parameters
from app.views.objects import json_bytes

tokens = Blueprint("tokens", __name__)
namespace = Namespace("token", "What programs sign in with", path="/")
Role = Literal["viewer", "operator", "admin", "analyser"]
MOST_SOURCES = 1000
AREAS_MEAN = "Areas, words of the table of who may do what; null for all"
SOURCES_MEAN = "The ids of the cameras that it is for; null for all of its account's"
LATER = "2099-11-20T22:44:05Z"
NO_STORE = {"Cache-Control": "no-store"}


def _areas(value: Any) -> Any:
    """Return the areas of a list, or of a text with commas between. Raises PydanticCustomError for one that is none."""
    found = [part.strip() for part in value.split(",")] if isinstance(value, str) else value
    unknown = [area for area in found if area not in AREAS] if isinstance(found, list) else []
    if unknown:
        told = {"area": repr(unknown[0])[:60], "known": ", ".join(AREAS)}
        raise PydanticCustomError("area", "There is no area {area}: {known}", told)
    return found


def _ids(value: Any) -> Any:
    """Return the ids of a list, or of a text with commas between."""
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


Areas = Annotated[list[str], Field(min_length=1, max_length=len(AREAS)), BeforeValidator(_areas)]
SourceId = Annotated[int, Field(ge=1, le=MAX_ID), BeforeValidator(no_truth)]
Ids = Annotated[list[SourceId], Field(max_length=MOST_SOURCES), BeforeValidator(_ids)]


class NewToken(Exactly):
    """What a token may do; of what is left out, all that who makes it may."""

    name: Name = Field(description="What it is for; no other token of the account has it", examples=["nightly backup"])
    role: Role = Field("viewer", description="`analyser`: the service token of one", examples=["viewer"])
    endpoints: Areas | None = Field(None, description=AREAS_MEAN, examples=[["playback", "source"]])
    source_ids: Ids | None = Field(None, description=SOURCES_MEAN, examples=[[1]])
    begin: Moment | None = Field(None, description="Only footage from here on", examples=[None])
    end: Moment | None = Field(None, description="Only footage up to here", examples=[None])
    expires: Moment | None = Field(None, description="When it ends by itself; null for never", examples=[LATER])
    account: Annotated[str, StringConstraints(min_length=1, max_length=255)] | None = Field(
        None, description="The account that it is of, another one's for an admin; left out, one's own", examples=[None]
    )


class TokenChange(Exactly):
    """What of a token may change; what is left out stays."""

    name: Name = left_out(description="What it is for", examples=["nightly backup"])
    expires: Moment = left_out(description="Sooner than before", examples=[LATER])


class TokensQuery(ListQuery):
    """Which tokens are listed, and in which order."""

    ORDERS: ClassVar[Mapping[str, Order]] = archive.TOKEN_ORDERS

    sort: Literal["created", "-created", "name", "-name"] = "created"
    account: Words | None = Field(None, description="Those of this account; * for all. For an admin")


class TokenObject(BaseModel):
    """A token; `is_active`: it is taken now, as far as it is up to itself. A revoked one stays listed."""

    id: str
    name: str = Field(description="What it is for", examples=["nightly backup"])
    account: str = Field(description="The name of the account that it is of", examples=["admin"])
    role: str = Field(description="The most that it has of roles: at most that of its account", examples=["viewer"])
    endpoints: list[str] | None = Field(description=AREAS_MEAN, examples=[["playback", "source"]])
    source_ids: list[int] | None = Field(description=SOURCES_MEAN, examples=[[1]])
    begin_utc: str | None = Field(description="Only footage from here on; null for no bound", examples=[None])
    end_utc: str | None = Field(description="Only footage up to here; null for no bound", examples=[None])
    created_utc: str
    created_by: str = Field(description="Who made it", examples=["admin"])
    expires_utc: str | None
    revoked_utc: str | None = Field(description="When it was revoked; null where it was not", examples=[None])
    revoked_by: str | None = Field(description="Who revoked it; null where nobody did", examples=[None])
    last_used_utc: str | None = Field(description="When it was used last, to a minute; null for never", examples=[None])
    is_active: bool = Field(description="Whether its own row lets it be taken now", examples=[True])


class MadeToken(TokenObject):
    """A new token: `token` is told this once, and stored nowhere."""

    token: str = Field(description="What goes into Authorization: Bearer", examples=["fpt_" + "x" * 43])


answer = document(namespace, TokenObject)


def token_object(row: ApiToken, account: str, at_us: int) -> dict[str, Any]:
    """Return TOKEN; no secret is in it."""
    instants = ("begin", "end", "created", "expires", "revoked", "last_used")
    return {
        **{name: getattr(row, name) for name in ("id", "name", "role", "created_by", "revoked_by")},
        "account": account,
        "endpoints": archive.areas_of(row),
        "source_ids": archive.source_ids_of(row),
        **{f"{name}_utc": utc_text(getattr(row, f"{name}_us")) for name in instants},
        "is_active": archive.is_living(row, at_us),
    }


def _whose(session: AnySession, asked: str | None) -> tuple[str | None, set[str] | None]:
    """Return the account whose tokens are asked for (None: all), and the ids that may be seen of them (None: all)."""
    who = caller()
    line = own_line(session, who)
    if line is not None:
        return None, line
    if asked != "*" and (asked is not None or who.account_id is not None):
        return account_for(session, who, asked, "query").id, None
    if not who.is_admin_of_all:
        raise Forbidden("the tokens of others are an admin's business, who sees all cameras")
    return None, None


def _one(session: AnySession, token_id: str) -> ApiToken:
    """Return a token that the caller may see. Raises NotFound, for one that he may not see too."""
    row = archive.find_token(session, path_uuid("token_id", token_id))
    who = caller()
    line = own_line(session, who)
    is_seen = row.id in line if line is not None else who.is_admin_of_all or row.account_id == who.account_id
    if not is_seen:
        raise archive.not_found(token_id)
    return row


def _shown(session: AnySession, row: ApiToken) -> dict[str, Any]:
    account = session.get(Account, row.account_id)
    return token_object(row, "" if account is None else account.name, now_us())


@namespace.route("/token")
class Tokens(Resource):
    """Tokens."""

    @namespace.doc(
        description="One's own; an admin sees those of others with `account`. Those too that were revoked or have run "
        "out. A token that may do less than its account sees itself alone, and what was made with it."
    )
    @query_parameters(namespace, TokensQuery)
    @sends_list(namespace)
    @namespace.response(200, "The tokens", [answer])
    @namespace.response(404, "There is no such account")
    def get(self) -> Response:
        """List the tokens."""
        asked, at_us = ask_list(TokensQuery), now_us()
        query = archive.tokens_query(*_whose(db.session, asked.account))
        rows = db.session.execute(asked.page.of(query)).all()
        kept, next_page = cut(asked, [row.ApiToken for row in rows])
        names = {row.ApiToken.id: row.account for row in rows}
        return answer_bytes(json_bytes([token_object(row, names[row.id], at_us) for row in kept]), next_page)

    @namespace.doc(
        description="It may do no more than who makes it, now and later: at every use it has at most the role and the "
        "cameras that its account has then. With begin or end it sees footage of that window alone, and may use "
        "nothing else. A token that is made with a token ends with it. `token` is answered this once."
    )
    @namespace.expect(document(namespace, NewToken), validate=False)
    @namespace.response(200, "The new token", document(namespace, MadeToken))
    @namespace.response(403, "It would be more than you may do yourself")
    @namespace.response(404, "There is no such account or camera")
    @namespace.response(409, "The account has a token of this name: `name_exists`, or 1000 of them: `too_many`")
    def post(self) -> Response:
        """Make a token."""
        given, who = read_parameters().checked(NewToken), actor()
        maker, at_us = caller(), now_us()
        with writing() as session:
            account = account_for(session, maker, given.account, "body")
            values = granted(session, maker, account, given.model_dump(), at_us)
            row, secret = archive.make_token(session, account, given.name, given.role, who, at_us, values)
            shown = {**token_object(row, account.name, at_us), "token": secret}
        return Response(json_bytes(shown), mimetype="application/json", headers=NO_STORE)


@namespace.route("/token/<token_id>/")
@namespace.param("token_id", "The id of a token", _in="path")
class OneToken(Resource):
    """One token."""

    @namespace.doc(description="Also one that was revoked or has run out.")
    @namespace.response(200, "The token", answer)
    def get(self, token_id: str) -> dict[str, Any]:
        """Get one token."""
        return _shown(db.session, _one(db.session, token_id))

    @namespace.doc(description="Its name, and when it ends: sooner, never later. What is left out stays.")
    @namespace.expect(document(namespace, TokenChange), validate=False)
    @namespace.response(200, "The changed token", answer)
    @namespace.response(409, "The account has a token of this name: `name_exists`, or it has ended: `token_ended`")
    def patch(self, token_id: str) -> dict[str, Any]:
        """Rename a token, or let it end sooner."""
        given, who = read_parameters().checked(TokenChange).model_dump(exclude_unset=True), actor()
        if not given:
            raise Invalid("give what is to change: name or expires", loc=("body",), kind="missing")
        values = {("expires_us" if name == "expires" else name): value for name, value in given.items()}
        with writing() as session:
            row = _one(session, token_id)
            archive.change_token(session, row, who, values, now_us())
            return _shown(session, row)

    @namespace.doc(
        description="At once and everywhere, with all tokens that were made with it. The row stays, with who revoked "
        "it and when; repeating it changes nothing."
    )
    @namespace.response(200, "The revoked token", answer)
    def delete(self, token_id: str) -> dict[str, Any]:
        """Revoke a token."""
        who = actor()
        with writing() as session:
            row = _one(session, token_id)
            archive.revoke_token(session, row, who, now_us())
            return _shown(session, row)


PlaybackApi(tokens).add_namespace(namespace)
