"""Sources: cameras and their addresses (record-api.md, "Sources")."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

from flask import Blueprint, Response, current_app, request
from flask_restx import Namespace, Resource
from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

from app.archive.bounds import within
from app.archive.keptsources import revisions, state_of_all
from app.archive.paging import AnySelect, Order
from app.auth import actor
from app.auth import sources as seen_sources
from app.capture import sources
from app.capture.addresses import HTTP_SCHEMES, RTSP_SCHEMES, AddressError, parse
from app.capture.networks import networks
from app.capture.wake import wake
from app.extensions import db, writing
from app.models import Source
from app.models.types import now_us
from app.personalulti import (
    Description,
    Parameters,
    check_characters,
    path_integer,
    read_parameters,
)
from app.tasks import ask_probe
from app.views import PlaybackApi, document
from app.views.documenting import sends_list
from app.views.listing import Listed, ListQuery, Words, ask_list, cut, query_parameters
from app.views.objects import SourceObject, SourceStatus, shown_sources, source_object

source = Blueprint("source", __name__)
namespace = Namespace("source", "Cameras and their addresses", path="/")
NESTED = {"uri_http_picture": sources.PICTURE_KEYS}


def _blank_to_none(value: Any) -> Any:
    """Take an empty address for none: a form cannot say null."""
    value = value.strip(" ") if isinstance(value, str) else value
    return None if value == "" else check_characters(value)


def _checked_address(schemes: tuple[str, ...]) -> AfterValidator:
    def check(text: str) -> str:
        try:
            parse(text, schemes)
        except AddressError as error:
            raise PydanticCustomError("address", "{reason}", {"reason": str(error)}) from None
        return text

    return AfterValidator(check)


Text = Annotated[str, StringConstraints(max_length=255), BeforeValidator(check_characters)]
RtspAddress = Annotated[str, StringConstraints(max_length=2048), _checked_address(RTSP_SCHEMES)]
HttpAddress = Annotated[str, StringConstraints(max_length=2048), _checked_address(HTTP_SCHEMES)]
Model = Literal["Source", "PictureSource"]


class PictureParameters(BaseModel):
    """Where still pictures of the camera are."""

    uri: Annotated[HttpAddress | None, BeforeValidator(_blank_to_none)] = None
    auth: Literal["basic", "digest"] | None = None
    user: Text | None = None
    password: Text | None = None


class SourceChange(BaseModel):
    """What may be changed of a source; what is left out stays, null clears."""

    model: Model | None = None
    description: Description | None = None
    uri_rtsp: Annotated[RtspAddress | None, BeforeValidator(_blank_to_none)] = None
    uri_http_picture: PictureParameters | None = None
    ffmpeg_cmd: Annotated[str, StringConstraints(max_length=2048)] | None = None


class NewSource(SourceChange):
    """A source and the address that its model records from."""

    model: Model


class SourcesQuery(ListQuery):
    """Which sources are listed, and in which order."""

    ORDERS: ClassVar[Mapping[str, Order]] = {
        "id": Order((Source.id,)),
        "created": Order((Source.created_us, Source.id)),
    }

    sort: Literal["id", "-id", "created", "-created"] = "id"
    model: Model | None = Field(None, description="Only those of this model")
    status: SourceStatus | None = Field(None, description="Only those of this status")
    q: Words | None = Field(None, description="Only those whose description has this in it, in capitals or not")

    def query(self) -> AnySelect:
        """Return the query of ids and revisions."""
        query = within(revisions(), Source.id, seen_sources()).where(Source.deleted_us.is_(None))
        if self.model is not None:
            query = query.where(Source.model == self.model)
        if self.status is not None:
            query = query.where(Source.status == self.status)
        return query.where(Source.description.icontains(self.q, autoescape=True)) if self.q else query


answer = document(namespace, SourceObject)


def _given(parameters: Parameters, model: type[SourceChange]) -> dict[str, Any]:
    """Return the checked values that were given, by name."""
    return parameters.checked(model).model_dump(exclude_unset=True)


def check_places(values: Mapping[str, Any]) -> None:
    """Raise Invalid for an address that no camera may have. Name servers are waited for without a connection."""
    db.session.rollback()
    sources.check_places(networks(current_app.config["PLAYBACK"]), values)


def _change(source_id: str) -> dict[str, Any]:
    row_id = path_integer("source_id", source_id)
    values, who = _given(read_parameters(NESTED), SourceChange), actor()
    check_places(values)
    with writing() as session:
        row, is_other = sources.change(session, row_id, values, who=who)
    if is_other:
        wake(current_app.config["PLAYBACK"])
        ask_probe(row.id)
    return source_object(row)


def _all_sources() -> Listed:
    """Return the whole list, as it was sent before where no source has changed: every page asks every few seconds."""
    state = state_of_all()
    kept: tuple[object, Listed] | None = current_app.extensions.get("playback_source_list")
    if kept is None or kept[0] != state:
        rows = db.session.execute(SourcesQuery().query().order_by(Source.id)).all()  # at least as new as the state
        kept = current_app.extensions["playback_source_list"] = (state, Listed.of(_list_body(rows)))
    return kept[1]


def _list_body(rows: Sequence[Any]) -> bytes:
    shown = shown_sources().of_rows(db.session, [(row.id, row.revision) for row in rows])
    return b"[" + b",".join([one.json for one in shown.values()]) + b"]"


@namespace.route("/source")
class Sources(Resource):
    """All cameras."""

    @namespace.doc(
        description="All that were not deleted, by id. `status` is measured in the background, never while you wait."
    )
    @query_parameters(namespace, SourcesQuery)
    @sends_list(namespace)
    @namespace.response(200, "The cameras", [answer])
    def get(self) -> Response:
        """List the sources."""
        if not request.args and seen_sources() is None:
            return _all_sources().answer()
        asked = ask_list(SourcesQuery)
        rows, next_page = cut(asked, db.session.execute(asked.page.of(asked.query())).all())
        return Listed.of(_list_body(rows), next_page).answer()

    @namespace.doc(
        description="`model` and the address that this model records from are required; a source may have both "
        "addresses. It is probed at once in the background; until then its status is `unknown`."
    )
    @namespace.expect(document(namespace, NewSource), validate=False)
    @namespace.response(200, "The new camera", answer)
    def post(self) -> dict[str, Any]:
        """Add a source."""
        values, who = _given(read_parameters(NESTED), NewSource), actor()
        check_places(values)
        with writing() as session:
            row = sources.create(session, values["model"], values, now_us(), who=who)
        ask_probe(row.id)
        return source_object(row)


@namespace.route("/source/<source_id>/")
@namespace.param("source_id", "The id of a source", _in="path", type="integer")
class OneSource(Resource):
    """One camera."""

    @namespace.doc(description="Its password is masked; the answer can be sent back in PUT as it is.")
    @namespace.response(200, "The camera", answer)
    def get(self, source_id: str) -> dict[str, Any]:
        """Get one source."""
        return source_object(sources.find(db.session, path_integer("source_id", source_id)))

    @namespace.doc(
        description="What is left out keeps its value, null clears what may be empty, `model` cannot change. `***` "
        "keeps the stored password while scheme, host, port and user stay the same. A source that "
        "records is connected to anew."
    )
    @namespace.expect(document(namespace, SourceChange), validate=False)
    @namespace.response(200, "The changed camera", answer)
    def put(self, source_id: str) -> dict[str, Any]:
        """Change a source."""
        return _change(source_id)

    @namespace.doc(description="The same as PUT: what is left out keeps its value.")
    @namespace.expect(document(namespace, SourceChange), validate=False)
    @namespace.response(200, "The changed camera", answer)
    def patch(self, source_id: str) -> dict[str, Any]:
        """Change a source, as PUT does."""
        return _change(source_id)

    @namespace.doc(
        description="Refused while it records. It leaves the lists and its groups, its id is never used again; its "
        "records and footage stay until they are deleted themselves."
    )
    @namespace.response(200, "The deleted camera", answer)
    @namespace.response(409, "It is recording")
    def delete(self, source_id: str) -> dict[str, Any]:
        """Delete a source; its recordings stay."""
        row_id, who = path_integer("source_id", source_id), actor()
        with writing() as session:
            return source_object(sources.remove(session, row_id, now_us(), who=who))


PlaybackApi(source).add_namespace(namespace)
