"""Many sources at once, of a JSON list or a CSV table: all of them, or none where one is wrong."""

import csv
import io
from collections.abc import Mapping
from typing import Any

from flask import Blueprint, current_app, request
from flask_restx import Namespace, Resource
from pydantic import BaseModel, Field, ValidationError

from app.archive import groups
from app.auth import actor
from app.capture import sources
from app.capture.networks import KIND, networks
from app.errors import Invalid, UnsupportedBody
from app.extensions import AnySession, db, writing
from app.models import Group, Source
from app.models.types import now_us
from app.personalulti import FORM_TYPES, Name, read_json, unfolded, whole_body
from app.tasks import send
from app.views import PlaybackApi, document
from app.views.objects import SourceObject, source_object
from app.views.source import NESTED, NewSource
from app.wording import wrong_values

sourcebulk = Blueprint("sourcebulk", __name__)
namespace = Namespace("source", "Cameras and their addresses", path="/")
MOST_ROWS = 1000
PICTURE_KEYS = sources.PICTURE_KEYS
COLUMNS = {
    *("model", "description", "uri_rtsp", "uri_http_picture", "ffmpeg_cmd", "group_name"),
    *PICTURE_KEYS,
    *(f"uri_http_picture.{key}" for key in PICTURE_KEYS),
}


class BulkSource(NewSource):
    """A source, and a group that it joins; the group is made where there is none of this name."""

    group_name: Name | None = None


class BulkSources(BaseModel):
    """Up to 1000 sources; a bare list is taken too, and a table as text/csv or as the file of a form."""

    sources: list[BulkSource] = Field(max_length=MOST_ROWS)


@namespace.route("/source/bulk")
class Bulk(Resource):
    """Many cameras."""

    @namespace.doc(
        description="As JSON, as a table in text/csv whose first line names the columns, or as the file of a form. "
        "Groups that are named and not there are made."
    )
    @namespace.expect(document(namespace, BulkSources), validate=False)
    @namespace.response(200, "The new cameras, in the order given", [document(namespace, SourceObject)])
    @namespace.response(422, "An entry for each wrong value: `body`, number of the row from 0, name; nothing is added")
    def post(self) -> list[dict[str, Any]]:
        """Add many sources: all of them, or none."""
        built, who = _checked(_rows()), actor()
        with writing() as session:
            _add(session, built, who)
        send(current_app.config["PLAYBACK"], "playback.probe_due")
        return [source_object(source) for source, _ in built]


def _rows() -> list[Any]:
    """Return the rows of the body, unchecked. Raises Invalid, UnsupportedBody."""
    if request.mimetype in FORM_TYPES:
        return _rows_of_form()
    if request.mimetype == "text/csv":
        return _rows_of_table(whole_body())
    if request.mimetype != "application/json" and not request.mimetype.endswith("+json"):
        raise UnsupportedBody("send application/json, text/csv, or multipart/form-data with a CSV file")
    body = read_json(whole_body(), ("body",))
    found = body.get("sources") if isinstance(body, dict) else body
    if not isinstance(found, list):
        raise Invalid("this must be a list of sources, or an object with the list in `sources`", kind="list_type")
    return found


def _rows_of_form() -> list[Any]:
    file = next(iter(request.files.values()), None)
    if file is None:
        raise Invalid("the form has no file: send the table as its field `file`", loc=("body", "file"), kind="missing")
    return _rows_of_table(file.stream.read())


def _rows_of_table(data: bytes) -> list[Any]:
    """Return the rows of a CSV table in UTF-8 (RFC 4180) by its header; empty cells are left out.

    Raises Invalid. Office programs of some countries put semicolons between the cells.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Invalid("the table is not UTF-8: save it as CSV UTF-8", kind="encoding") from None
    header_line = text.lstrip().partition("\n")[0]
    delimiter = ";" if header_line.count(";") > header_line.count(",") else ","
    try:
        lines = [line for line in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True) if line]
    except csv.Error as error:
        raise Invalid(f"this is not a CSV table: {error}", kind="csv_invalid") from None
    header = [name.strip() for name in lines[0]] if lines else []
    unknown = sorted({name for name in header if name not in COLUMNS or header.count(name) > 1})
    if unknown or not header:
        message = f"the first line must name the columns, each once, of: {', '.join(sorted(COLUMNS))}"
        raise Invalid(message, loc=("body", *unknown[:1]), kind="csv_header")
    for number, line in enumerate(lines[1:]):
        if len(line) > len(header):
            message = (
                f"the row has {len(line)} cells, the header {len(header)}: put quotes around a cell with {delimiter}"
            )
            raise Invalid(message, loc=("body", number), kind="csv_cells")
    return [_row({name: cell for name, cell in zip(header, line, strict=False) if cell}) for line in lines[1:]]


def _row(cells: dict[str, str]) -> dict[str, Any]:
    """Return a row with the object that its flat cells make up."""
    return unfolded(cells, NESTED, "body")


def _checked(rows: list[Any]) -> list[tuple[Source, str | None]]:
    """Return the sources, not added yet, each with its group. Raises Invalid with an entry for each wrong value."""
    if len(rows) > MOST_ROWS:
        raise Invalid(f"there are {len(rows)} sources; send at most {MOST_ROWS} at once", kind="too_many")
    built: list[tuple[Source, str | None]] = []
    checked: list[dict[str, Any]] = []
    details: list[dict[str, Any]] = []
    for number, row in enumerate(rows):
        try:
            values = BulkSource.model_validate(row).model_dump(exclude_unset=True)
            checked.append(values)
            built.append((sources.build(values["model"], values, now_us()), values.get("group_name")))
        except ValidationError as error:
            details += [_of_row(number, entry) for entry in wrong_values(error, BulkSource)]
        except Invalid as error:
            details += [_of_row(number, {**entry, "loc": entry["loc"][1:]}) for entry in error.detail]
    details = details or _misplaced(checked)
    if details:
        raise Invalid("some sources are wrong", details=details)
    return built


def _misplaced(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return an entry for each address that no camera may have. Waits for name servers without a connection."""
    db.session.rollback()
    found = sources.misplaced(networks(current_app.config["PLAYBACK"]), rows)
    return [_of_row(number, {"loc": loc, "msg": text, "type": KIND}) for number, loc, text in found]


def _add(session: AnySession, built: list[tuple[Source, str | None]], who: str) -> None:
    """Add the sources, let them join their groups, and make these where there are none. Raises Invalid.

    The sources leave the session: what the answer shows of them is not read again.
    """
    session.add_all(source for source, _ in built)
    session.flush()
    found: dict[str, Group] = {}
    details: list[dict[str, Any]] = []
    for number, (source, name) in enumerate(built):
        if name and name not in found:
            found[name] = groups.find_or_create(session, source.model, name, now_us(), who=who)
        if name and found[name].model != source.model:
            message = f"one group takes one model only: {name!r} has {found[name].model}, from a row above or before"
            details.append(_of_row(number, {"loc": ["group_name"], "msg": message, "type": "other_model"}))
    if details:
        raise Invalid("some groups take other sources", details=details)
    for source, _ in built:
        sources.note_created(session, source, who)
    groups.add_new_members(session, [(found[name].id, source.id) for source, name in built if name], who=who)
    session.flush()
    for source, _ in built:
        session.expunge(source)


def _of_row(number: int, entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return an entry of `detail` for a value of a row."""
    return {"loc": ["body", number, *entry["loc"]], "msg": entry["msg"], "type": entry["type"]}


PlaybackApi(sourcebulk).add_namespace(namespace)
