"""Comments on handed files, of people and of the AI (transfer-api.md): a row each."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from flask import Blueprint, Response
from flask_restx import Namespace, Resource
from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from app.archive.bounds import is_seen_file
from app.archive.handed import MAX_INDEX, find_by_refer
from app.archive.paging import AnySelect, Order
from app.auth import actor, sight
from app.errors import Invalid
from app.extensions import db, writing
from app.models import Comment
from app.models.types import now_us
from app.personalulti import (
    Parameters,
    check_characters,
    check_lines,
    left_out,
    path_integer,
    read_parameters,
    utc_text,
)
from app.review import comments as review
from app.review.findings import Severity
from app.views import PlaybackApi, document
from app.views.documenting import sends_list
from app.views.listing import ListQuery, answer_bytes, ask_list, cut, query_parameters
from app.views.objects import json_bytes

comments = Blueprint("comments", __name__)
namespace = Namespace("comments", "What people and the AI say of a file", path="/")
MAX_CHARACTERS, MAX_S = 10_000, 1e9
COLUMNS = {"start": "start_s", "end": "end_s"}


def _seconds(value: Any) -> Any:
    """Take an empty field of a form for none given, and true for no number."""
    if isinstance(value, bool):
        raise PydanticCustomError("float_type", "must be a number of seconds")
    return None if value == "" else value


def _one_newline(text: str) -> str:
    """Return a text with one kind of line ends: forms send CR LF."""
    return text.replace("\r\n", "\n")


Refer = Annotated[str, StringConstraints(max_length=64)]
Said = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_CHARACTERS),
    BeforeValidator(check_lines),
    AfterValidator(_one_newline),
]
Violation = Annotated[str, StringConstraints(strip_whitespace=True, max_length=255), BeforeValidator(check_characters)]
Seconds = Annotated[Annotated[float, Field(ge=0, le=MAX_S, allow_inf_nan=False)] | None, BeforeValidator(_seconds)]
Author = Literal["AI", "User"]


class Referring(BaseModel):
    """What names a file: its lasting reference, or any key that was ever given out for it."""

    refer_file: Refer | None = Field(None, description="`refer` of the file, or any key ever issued for it")
    refer: Refer | None = Field(None, description="The same under its other name", examples=[None])

    @property
    def named(self) -> tuple[str, str] | None:
        """Return the parameter that names the file, and its text; None where neither was given."""
        if self.refer_file is not None:
            return "refer_file", self.refer_file
        return None if self.refer is None else ("refer", self.refer)

    @model_validator(mode="after")
    def check_same(self) -> "Referring":
        """Refuse two references that are not the same text."""
        if self.refer_file is not None and self.refer is not None and self.refer != self.refer_file:
            raise PydanticCustomError("refer", "refer_file and refer are two names of one parameter: give one of them")
        return self


class CommentChange(Referring):
    """What of a comment may change; what is left out stays. File and author may be repeated, but not changed."""

    comment: Said = left_out()
    comment_author: Author = left_out()
    severity: Severity = left_out()
    violation: Violation | None = None
    start: Seconds = None
    end: Seconds = None


class NewComment(Referring):
    """What is said of a file, by whom, and how grave it is."""

    comment: Said
    comment_author: Author
    severity: Severity = "----"
    violation: Violation | None = None
    start: Seconds = None
    end: Seconds = None

    @model_validator(mode="after")
    def check_file(self) -> "NewComment":
        """Refuse a comment on nothing."""
        if self.named is None:
            raise PydanticCustomError("missing", "refer_file must be given: `refer` of the file")
        return self


class CommentsQuery(ListQuery):
    """Which comments are listed, and in which order."""

    ORDERS: ClassVar[Mapping[str, Order]] = review.COMMENT_ORDERS

    sort: Literal["id", "-id"] = "id"
    refer_file: Refer | None = Field(None, description="Only those on this file: its `refer`, or any key of it")
    comment_author: Author | None = Field(None, description="Only those of the AI, or of people")
    severity: Severity | None = Field(None, description="Only those of this severity")

    def query(self) -> AnySelect:
        """Return the query of rows. Raises NotFound for an unknown reference, Deleted."""
        seen = sight()
        query = review.COMMENTS.where(is_seen_file(seen))
        if self.refer_file is not None:
            file = find_by_refer(db.session, self.refer_file, ("query", "refer_file"), sight=seen)
            query = query.where(Comment.file_id == file.id)
        if self.comment_author is not None:
            query = query.where(Comment.comment_author == self.comment_author)
        return query if self.severity is None else query.where(Comment.severity == self.severity)


class CommentObject(BaseModel):
    """A comment. Its text is plain: HTML in it is text, to be escaped where it is shown."""

    id: int
    id_file: int
    refer_file: str
    comment: str
    comment_author: Author
    severity: Severity
    violation: str | None
    violation_id: int | None
    start: float | None
    end: float | None
    actor: str
    created_utc: str
    changed_utc: str


answer = document(namespace, CommentObject)


def comment_object(row: Any) -> dict[str, Any]:
    """Return COMMENT; the lasting reference, never a key."""
    return {
        "id": row.id,
        "id_file": row.file_id,
        "refer_file": row.refer,
        "comment": row.comment,
        "comment_author": row.comment_author,
        "severity": row.severity,
        "violation": row.violation,
        "violation_id": row.violation_id,
        "start": row.start_s,
        "end": row.end_s,
        "actor": row.actor,
        "created_utc": utc_text(row.created_us),
        "changed_utc": utc_text(row.changed_us),
    }


def _columns(given: Referring) -> dict[str, Any]:
    """Return what was given, by column; an empty violation is none."""
    values = given.model_dump(exclude_unset=True, exclude={"refer", "refer_file"})
    if "violation" in values:
        values["violation"] = values["violation"] or None
    return {COLUMNS.get(name, name): value for name, value in values.items()}


def _comment_id(text: str) -> int:
    return path_integer("comment_id", text, MAX_INDEX)


@namespace.route("/comments/")
class Comments(Resource):
    """All comments."""

    @namespace.doc(
        description="In the order in which they were written. With `refer_file` this is the export of a file's "
        "comments. A reference that nothing has is 404, that of a deleted file 410."
    )
    @query_parameters(namespace, CommentsQuery)
    @sends_list(namespace)
    @namespace.response(200, "The comments", [answer])
    @namespace.response(404, "There is no file of this reference")
    @namespace.response(410, "The file was deleted")
    def get(self) -> Response:
        """List the comments."""
        asked = ask_list(CommentsQuery)
        rows, next_page = cut(asked, db.session.execute(asked.page.of(asked.query())).all())
        return answer_bytes(json_bytes([comment_object(row) for row in rows]), next_page)

    @namespace.doc(
        description="`start` and `end` are seconds of the footage. They may be given on any file; where the file has "
        "a length they must lie within it. A violation that the list knows by code or name is tied to it, any other "
        "is kept as text. Whoever waits for events of the file is told."
    )
    @namespace.expect(document(namespace, NewComment), validate=False)
    @namespace.response(200, "The new comment", answer)
    @namespace.response(404, "There is no file of this reference")
    @namespace.response(410, "The file was deleted")
    def post(self) -> dict[str, Any]:
        """Comment on a file."""
        given = read_parameters().checked(NewComment)
        who, refer, seen = actor(), given.named, sight()
        assert refer is not None  # checked by NewComment
        with writing() as session:
            row = review.add_comment(session, refer, seen, _columns(given), who, now_us())
        return comment_object(row)


@namespace.route("/comments/<comment_id>/")
@namespace.param("comment_id", "The id of a comment", _in="path")
class OneComment(Resource):
    """One comment."""

    @namespace.doc(description="Also one on a file that was deleted.")
    @namespace.response(200, "The comment", answer)
    def get(self, comment_id: str) -> dict[str, Any]:
        """Get one comment."""
        return comment_object(review.read_comment(db.session, _comment_id(comment_id)))

    @namespace.doc(description="What is left out stays. File and author may be repeated, but not changed. Audited.")
    @namespace.expect(document(namespace, CommentChange), validate=False)
    @namespace.response(200, "The changed comment", answer)
    @namespace.response(410, "Its file was deleted")
    def put(self, comment_id: str) -> dict[str, Any]:
        """Change a comment."""
        return _change(_comment_id(comment_id), read_parameters())

    @namespace.doc(description="As PUT.")
    @namespace.expect(document(namespace, CommentChange), validate=False)
    @namespace.response(200, "The changed comment", answer)
    @namespace.response(410, "Its file was deleted")
    def patch(self, comment_id: str) -> dict[str, Any]:
        """Change a part of a comment."""
        return _change(_comment_id(comment_id), read_parameters())

    @namespace.doc(description="What it said stays in `/api/v1/audit`, with who deleted it.")
    @namespace.response(200, "The comment as it was", answer)
    def delete(self, comment_id: str) -> dict[str, Any]:
        """Delete a comment."""
        row_id, who = _comment_id(comment_id), actor()
        with writing() as session:
            row = review.remove_comment(session, row_id, who, now_us())
        return comment_object(row)


def _change(comment_id: int, parameters: Parameters) -> dict[str, Any]:
    given, who, seen = parameters.checked(CommentChange), actor(), sight()
    values = _columns(given)
    if not values and given.named is None:
        raise Invalid(
            "give what is to change: comment, severity, violation, start or end", loc=("body",), kind="missing"
        )
    with writing() as session:
        row = review.change_comment(session, comment_id, (given.named, seen), values, who, now_us())
    return comment_object(row)


PlaybackApi(comments).add_namespace(namespace)
