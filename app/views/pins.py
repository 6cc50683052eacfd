"""Pins: stretches of footage that nothing deletes, with owner, reason and expiry. Beyond the contract (docs/api.md)."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from flask import Blueprint, Response
from flask_restx import Namespace, Resource
from pydantic import BaseModel, BeforeValidator, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError
from sqlalchemy import select

from app.archive import pins as archive
from app.archive.believing import believed
from app.archive.bounds import Sources, sees, within
from app.archive.paging import AnySelect, Order
from app.auth import actor, sources
from app.errors import Invalid, NotFound
from app.extensions import AnySession, db, writing
from app.models import Pin
from app.models.types import now_us
from app.personalulti import MAX_ID, Parameters, check_lines, left_out, path_uuid, read_parameters, utc_text
from app.playback.asked import Moment
from app.views import PlaybackApi, document
from app.views.documenting import sends_list
from app.views.listing import ListQuery, answer_bytes, ask_list, cut, query_parameters
from app.views.objects import json_bytes
from app.wording import Shape

pins = Blueprint("pins", __name__)
namespace = Namespace("pin", "Stretches of footage that nothing deletes", path="/")
Reason = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4096), BeforeValidator(check_lines)
]
RecordId = Annotated[
    str, Shape("[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", "must be a UUID, that of a record")
]
TIMES = {"expires": "expires_us", "end": "end_us", "reason": "reason"}


class NewPin(BaseModel):
    """What is to be protected, and why: a stretch of a source, or what a record holds now."""

    source_id: int | None = Field(None, ge=1, le=MAX_ID, description="The source, with start and end")
    record_id: RecordId | None = Field(
        None, examples=[None], description="Or a record: its span, until now if it goes on"
    )
    start: Moment | None = Field(None, description="Where it begins; of a record: left out, its begin")
    end: Moment | None = Field(None, description="Where it ends; of a record: left out, its end or now")
    reason: Reason
    expires: Moment | None = Field(None, description="When the pin ends by itself; null for never")

    @model_validator(mode="after")
    def check_one(self) -> "NewPin":
        """Refuse both or none, and a source without a range."""
        if (self.source_id is None) == (self.record_id is None):
            raise PydanticCustomError("pin_of", "give either source_id or record_id")
        if self.source_id is not None and (self.start is None or self.end is None):
            raise PydanticCustomError("missing", "a pin of a source needs start and end")
        return self


class PinChange(BaseModel):
    """What of a pin may change; what is left out stays."""

    reason: Reason = left_out()
    expires: Moment | None = Field(None, description="When the pin ends by itself; null for never")
    end: Moment = left_out()


class PinsQuery(ListQuery):
    """Which pins are listed, and in which order."""

    ORDERS: ClassVar[Mapping[str, Order]] = archive.PIN_ORDERS

    sort: Literal["created", "-created", "begin", "-begin"] = "created"
    source_id: int | None = Field(None, ge=1, le=MAX_ID, description="Only those of this source")
    is_active: bool | None = Field(None, description="Only those that protect now, or only the others")
    start: Moment | None = Field(None, description="Only those that end later; ISO 8601, or seconds since the epoch")
    end: Moment | None = Field(None, description="Only those that begin earlier; the same")

    def query(self, at_us: int) -> AnySelect:
        """Return the query of rows. Raises Invalid for an empty range."""
        if self.start is not None and self.end is not None and self.start >= self.end:
            raise Invalid("the range is empty: start must be before end", loc=("query", "start"), kind="range_empty")
        query = within(select(Pin), Pin.source_id, sources())
        if self.source_id is not None:
            query = query.where(Pin.source_id == self.source_id)
        if self.is_active is not None:
            living = archive.is_living(at_us)
            query = query.where(living if self.is_active else ~living)
        if self.start is not None:
            query = query.where(Pin.end_us > self.start)
        return query if self.end is None else query.where(Pin.begin_us < self.end)


class PinObject(BaseModel):
    """A pin; `is_active`: it protects now. One that was released or has run out stays listed."""

    id: str
    created_utc: str
    source_id: int
    start_utc: str
    end_utc: str
    owner: str
    reason: str
    expires_utc: str | None
    released_utc: str | None
    released_by: str | None
    is_active: bool


answer = document(namespace, PinObject)


def pin_object(row: Pin, at_us: int) -> dict[str, Any]:
    """Return PIN."""
    return {
        "id": row.id,
        "created_utc": utc_text(row.created_us),
        "source_id": row.source_id,
        "start_utc": utc_text(row.begin_us),
        "end_utc": utc_text(row.end_us),
        "owner": row.owner,
        "reason": row.reason,
        "expires_utc": utc_text(row.expires_us),
        "released_utc": utc_text(row.released_us),
        "released_by": row.released_by,
        "is_active": row.released_us is None and (row.expires_us is None or row.expires_us > at_us),
    }


def _asked_span(session: AnySession, given: NewPin, at_us: int, seen: Sources) -> tuple[int, tuple[int, int]]:
    """Return source and stretch. Raises Invalid for an empty one, NotFound for a source or record outside."""
    source_id, begin_us, end_us = given.source_id, given.start, given.end
    if given.record_id is not None:
        source_id, span = archive.span_of_record(session, given.record_id.lower(), at_us, seen)
        begin_us, end_us = begin_us or span[0], end_us or span[1]
    assert source_id is not None  # checked by NewPin
    assert begin_us is not None
    assert end_us is not None
    _check_span(begin_us, end_us)
    if not sees(seen, source_id):
        raise NotFound(f"there is no source {source_id}", loc=("body", "source_id"))
    return source_id, (begin_us, end_us)


def _check_span(begin_us: int, end_us: int) -> None:
    if begin_us >= end_us:
        raise Invalid("the range is empty: start must be before end", loc=("body", "end"), kind="range_empty")


def _changes(parameters: Parameters) -> dict[str, Any]:
    """Return what is to change, by column."""
    given = parameters.checked(PinChange).model_dump(exclude_unset=True)
    if not given:
        raise Invalid("give what is to change: reason, expires or end", loc=("body",), kind="missing")
    return {TIMES[name]: value for name, value in given.items()}


@namespace.route("/pins")
class Pins(Resource):
    """All pins."""

    @namespace.doc(description="Those too that were released or have run out.")
    @query_parameters(namespace, PinsQuery)
    @sends_list(namespace)
    @namespace.response(200, "The pins", [answer])
    def get(self) -> Response:
        """List the pins."""
        asked = ask_list(PinsQuery)
        at_us = believed(db.session)
        rows, next_page = cut(asked, db.session.scalars(asked.page.of(asked.query(at_us))).all())
        return answer_bytes(json_bytes([pin_object(row, at_us) for row in rows]), next_page)

    @namespace.doc(
        description="Whole files are protected: every one that holds a part of the stretch, also those yet to be "
        "recorded. No rule, budget, full disk or request deletes them until the pin is released or runs out."
    )
    @namespace.expect(document(namespace, NewPin), validate=False)
    @namespace.response(200, "The new pin", answer)
    @namespace.response(404, "There is no such source or record")
    def post(self) -> dict[str, Any]:
        """Protect a stretch of footage."""
        given = read_parameters().checked(NewPin)
        at_us, who, seen = now_us(), actor(), sources()
        with writing() as session:
            source_id, span = _asked_span(session, given, at_us, seen)
            row = archive.make_pin(session, source_id, span, who, given.reason, given.expires, at_us)
        return pin_object(row, at_us)


@namespace.route("/pins/<pin_id>/")
@namespace.param("pin_id", "The id of a pin", _in="path")
class OnePin(Resource):
    """One pin."""

    @namespace.doc(description="Also one that was released or has run out.")
    @namespace.response(200, "The pin", answer)
    def get(self, pin_id: str) -> dict[str, Any]:
        """Get one pin."""
        row = archive.find_pin(db.session, path_uuid("pin_id", pin_id))
        return pin_object(row, believed(db.session))

    @namespace.doc(description="What is left out stays. A pin that was released or has run out cannot be changed.")
    @namespace.expect(document(namespace, PinChange), validate=False)
    @namespace.response(200, "The changed pin", answer)
    @namespace.response(409, "It was released, or has run out")
    def patch(self, pin_id: str) -> dict[str, Any]:
        """Change reason, expiry or end of a pin."""
        row_id, values, who = path_uuid("pin_id", pin_id), _changes(read_parameters()), actor()
        with writing() as session:
            row = archive.find_pin(session, row_id, is_locked=True)
            _check_span(row.begin_us, values.get("end_us", row.end_us))
            row = archive.change_pin(session, row_id, who, values, now_us())
        return pin_object(row, believed(db.session))

    @namespace.doc(description="The row stays, with who released it and when; repeating it changes nothing.")
    @namespace.response(200, "The released pin", answer)
    def delete(self, pin_id: str) -> dict[str, Any]:
        """Release a pin: what it protected may be deleted again."""
        row_id, who = path_uuid("pin_id", pin_id), actor()
        with writing() as session:
            row = archive.release_pin(session, row_id, who, now_us())
        return pin_object(row, believed(db.session))


PlaybackApi(pins).add_namespace(namespace)
