"""Starting an analysis: the form of the web page, with a file's id or the file itself (transfer-api.md)."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from flask import Blueprint, Response, request
from flask_restx import Namespace, Resource
from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from app.archive.bounds import is_seen_file
from app.archive.handed import find_file
from app.archive.paging import AnySelect, Order
from app.auth import actor, sight
from app.errors import Invalid, PlaybackError
from app.extensions import db, writing
from app.models import Cinema
from app.models.types import now_us
from app.personalulti import Parameters, check_lines, left_out, no_truth, path_integer, read_parameters, read_query
from app.review import cinema as review
from app.tasks import ask_rotation
from app.transfer.rotating import restart
from app.views import PlaybackApi, document
from app.views.documenting import sends_list
from app.views.fileform import UPLOAD, receive_form
from app.views.fileobjects import MadeFile
from app.views.listing import ListQuery, answer_bytes, ask_list, cut, query_parameters
from app.views.objects import json_bytes

cinema = Blueprint("cinema", __name__)
namespace = Namespace("cinema", "What is asked of the analysis of a file", path="/")
MAX_FILE_ID = 2**53
IDS = ("file_id", "id_file", "id")
Audience = Literal["----", "0+", "6+", "12+", "16+", "18+"]
Remark = Annotated[str, StringConstraints(max_length=4096), AfterValidator(check_lines)]
FileId = Annotated[int, Field(ge=1, le=MAX_FILE_ID), BeforeValidator(no_truth)]


class CinemaChange(BaseModel):
    """What of the form may change; what is left out stays."""

    target_audience: Audience = left_out()
    comment: Remark = left_out()


class CinemaValues(BaseModel):
    """The form; what is left out is as in an empty one."""

    target_audience: Audience = "----"
    comment: Remark = ""


class NewCinema(CinemaChange):
    """Which file is to be analysed, and the form. `file_id`, `id_file` and `id` are three names of one parameter."""

    file_id: FileId | None = None
    id_file: FileId | None = Field(None, description="The same under its other name", examples=[None])
    id: FileId | None = Field(None, description="The same under its other name", examples=[None])

    @property
    def named(self) -> tuple[str, int] | None:
        """Return the parameter that names the file, and its id; None where none does."""
        return next(((name, getattr(self, name)) for name in IDS if getattr(self, name) is not None), None)

    @property
    def values(self) -> dict[str, Any]:
        """Return what of the form was given."""
        return self.model_dump(include={"target_audience", "comment"}, exclude_unset=True)

    @model_validator(mode="after")
    def check_same(self) -> "NewCinema":
        """Refuse ids of different files."""
        if len({getattr(self, name) for name in IDS} - {None}) > 1:
            raise PydanticCustomError("ids_differ", "file_id, id_file and id are one parameter: give one of them")
        return self


class CinemaQuery(ListQuery):
    """Which forms are listed, and in which order."""

    ORDERS: ClassVar[Mapping[str, Order]] = review.CINEMA_ORDERS

    sort: Literal["created", "-created", "id", "-id"] = "created"
    target_audience: Audience | None = Field(None, description="Only those for this audience")

    def query(self) -> AnySelect:
        """Return the query of rows."""
        query = review.FORMS.where(is_seen_file(sight()))
        return query if self.target_audience is None else query.where(Cinema.target_audience == self.target_audience)


class CinemaObject(MadeFile):
    """What was asked of the analysis of a file; `id` and `id_file` are that of the file."""

    target_audience: Audience
    comment: str


answer = document(namespace, CinemaObject)
change = document(namespace, CinemaChange)


def cinema_object(form: Any) -> dict[str, Any]:
    """Return CINEMA."""
    return {
        "id": form.file_id,
        "id_file": form.file_id,
        "refer": form.refer,
        "status": form.status,
        "target_audience": form.target_audience,
        "comment": form.comment,
    }


def index_of(text: str) -> int:
    """Return the id that stands in a path. Raises Invalid, NotFound."""
    return path_integer("file_id", text, MAX_FILE_ID)


@namespace.route("/cinema/")
class Cinemas(Resource):
    """All forms."""

    @namespace.doc(description="Those of files that were deleted are left out.")
    @query_parameters(namespace, CinemaQuery)
    @sends_list(namespace)
    @namespace.response(200, "The forms", [answer])
    def get(self) -> Response:
        """List what was asked of analyses."""
        asked = ask_list(CinemaQuery)
        rows, next_page = cut(asked, db.session.execute(asked.page.of(asked.query())).all())
        return answer_bytes(json_bytes([cinema_object(row) for row in rows]), next_page)

    @namespace.doc(
        description="With the id of a file; or as multipart with the file itself under `upload`, which is then "
        "uploaded as by `POST /files/`. Of a file that is not complete the analysis begins when it is; of one whose "
        "keys have run out it begins anew. Posted again it changes the form; what is left out stays.",
        vendor={"upload": "The file, instead of its id"},
    )
    @namespace.expect(document(namespace, NewCinema), validate=False)
    @namespace.response(200, "The form, and how far the file is", answer)
    @namespace.response(404, "There is no such file")
    @namespace.response(410, "The file was deleted")
    @namespace.response(507, "The storage has no room for the file")
    def post(self) -> dict[str, Any]:
        """Start the analysis of a file."""
        file_id, values, place = _given()
        who, at_us, seen = actor(), now_us(), sight()
        with writing() as session:
            find_file(session, file_id, loc=("body", place), sight=seen)
            row = review.store_form(session, file_id, values, who, at_us, ("body", place))
            if is_complete := row.completed_us is not None:
                restart(session, row, who, at_us)
        if is_complete:
            ask_rotation(file_id)
        return cinema_object(review.find_form(db.session, file_id))


@namespace.route("/cinema/<file_id>/")
@namespace.param("file_id", "The id of a file", _in="path", type="integer")
@namespace.response(404, "There is no such file, or no analysis of it was asked for")
@namespace.response(410, "The file was deleted")
class OneCinema(Resource):
    """The form of one file."""

    @namespace.doc(description="With how far the file is.")
    @namespace.response(200, "The form", answer)
    def get(self, file_id: str) -> dict[str, Any]:
        """Get what was asked of an analysis."""
        return cinema_object(review.find_form(db.session, index_of(file_id)))

    @namespace.doc(description="What is left out is emptied. It starts nothing: `POST /cinema/` does.")
    @namespace.expect(document(namespace, CinemaValues), validate=False)
    @namespace.response(200, "The changed form", answer)
    def put(self, file_id: str) -> dict[str, Any]:
        """Replace what was asked of an analysis."""
        return _change(index_of(file_id), read_parameters().checked(CinemaValues).model_dump())

    @namespace.doc(description="What is left out stays. It starts nothing: `POST /cinema/` does.")
    @namespace.expect(change, validate=False)
    @namespace.response(200, "The changed form", answer)
    def patch(self, file_id: str) -> dict[str, Any]:
        """Change what was asked of an analysis."""
        values = read_parameters().checked(CinemaChange).model_dump(exclude_unset=True)
        if not values:
            raise Invalid("give what is to change: target_audience or comment", loc=("body",), kind="missing")
        return _change(index_of(file_id), values)

    @namespace.doc(description="The file and its result stay.")
    @namespace.response(200, "The form that was deleted", answer)
    def delete(self, file_id: str) -> dict[str, Any]:
        """Delete what was asked of an analysis."""
        index, who = index_of(file_id), actor()
        shown = cinema_object(review.find_form(db.session, index))
        with writing() as session:
            review.delete_form(session, index, who)
        return shown


def _change(file_id: int, values: dict[str, Any]) -> dict[str, Any]:
    who = actor()
    with writing() as session:
        review.change_form(session, file_id, values, who, now_us())
    return cinema_object(review.find_form(db.session, file_id))


def _given() -> tuple[int, dict[str, Any], str]:
    """Return the id of the file, what of the form was given, and the parameter that named the file.

    A file that comes with the form is uploaded first; what is wrong with the form is told with the id of that file.
    """
    if request.mimetype != "multipart/form-data":
        return _named(read_parameters().checked(NewCinema))
    uploaded_id, fields = receive_form()
    query = read_query().values
    places = {**dict.fromkeys(query, "query"), **dict.fromkeys(fields, "body")}
    try:
        given = Parameters({**query, **fields}, places, "body").checked(NewCinema)
        if uploaded_id is None:
            return _named(given)
        if given.named is not None:
            raise Invalid("give the id of a file or a file, not both", loc=("body", given.named[0]), kind="either")
    except PlaybackError as error:
        if uploaded_id is not None:
            error.extra.update(id=uploaded_id, id_file=uploaded_id)
        raise
    return uploaded_id, given.values, UPLOAD


def _named(given: NewCinema) -> tuple[int, dict[str, Any], str]:
    if given.named is None:
        raise Invalid("must be given: the id of a file, or the file as upload", loc=("body", IDS[0]), kind="missing")
    name, file_id = given.named
    return file_id, given.values, name


PlaybackApi(cinema).add_namespace(namespace)
