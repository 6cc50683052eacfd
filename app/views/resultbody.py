"""What an analyser posts, read: JSON, a form, the query, or a file under `upload` that goes to the disk as it comes."""

import contextlib
from collections.abc import Iterator

from flask import current_app, request

from app.errors import Invalid, TooLarge
from app.extensions import db
from app.formats.filenames import clean_name
from app.formats.formdata import FormError, FormReader, Part
from app.models.types import now_us
from app.personalulti import Parameters, read_json, read_parameters, read_query
from app.review.findings import NewFinding, NewResult, distinct
from app.review.resultfile import Arriving, Target
from app.review.results import Posted
from app.transfer.filetypes import HEAD_BYTES, type_of
from app.transfer.uploadroom import Room, measure_room
from app.views.incoming import Incoming

MULTIPART = "multipart/form-data"
AROUND_BYTES = 1 << 20  # so much a form may be larger than its file: delimiters, headers, fields
JSON_BYTES = 16 << 20  # of findings: they are held in memory
SHOWN_FAULTS = 100  # of an answer: ten thousand findings may all be wrong
LOC = ("body", "upload")


@contextlib.contextmanager
def reading(target: Target) -> Iterator[Posted]:
    """Yield what was posted for a file; what comes and is not kept meanwhile is removed. Raises Invalid, TooLarge."""
    if request.mimetype == MULTIPART:
        with contextlib.ExitStack() as stack:
            yield _form(target, stack)
    else:
        _limit(min(target.max_bytes, JSON_BYTES), "findings have", target.max_bytes)
        yield _without_file(read_parameters())


def _limit(most_bytes: int, words: str, max_bytes: int) -> None:
    """Bound what is read of the body, and refuse at once what says that it is larger."""
    request.max_content_length = most_bytes
    if (request.content_length or 0) > most_bytes:
        message = f"{words} at most {min(most_bytes, max_bytes)} bytes: {request.content_length} are announced"
        raise TooLarge(message)


def _form(target: Target, stack: contextlib.ExitStack) -> Posted:
    _limit(target.max_bytes + AROUND_BYTES, "a result has", target.max_bytes)
    room = _room()
    room.check(request.content_length or 0)
    body = Incoming()
    try:
        reader = FormReader(request.mimetype_params.get("boundary", ""), body.read)
        fields, file, name = _parts(reader, target, room, stack)
    except FormError as error:
        raise Invalid(f"this is not a form that can be read: {error}", loc=("body",), kind="form_invalid") from None
    finally:
        body.close()
    query = read_query().values
    places = {**dict.fromkeys(query, "query"), **dict.fromkeys(fields, "body")}
    parameters = Parameters({**query, **fields}, places, "body")
    if file is None:
        return _without_file(parameters)
    if parameters.values.keys() & {"findings", "error"}:
        raise Invalid("give findings or a file under upload, not both", loc=LOC, kind="either")
    return _with_file(file, name)


def _parts(
    reader: FormReader, target: Target, room: Room, stack: contextlib.ExitStack
) -> tuple[dict[str, str], Arriving | None, str | None]:
    """Return the fields of a form, and its file with the name; without one where a browser's field was left empty."""
    fields: dict[str, str] = {}
    file, name = None, None
    for part in reader.parts():
        if part.filename is None:
            _add_field(fields, part, reader.text())
            continue
        _check_file(part, is_first=file is None)
        file, name = Arriving(target), clean_name(part.filename)
        stack.callback(file.drop)
        for block in reader.data():
            room.check(len(block))  # what comes in chunks says no length, and others write meanwhile
            file.write(block)
        if not part.filename and not file.size_bytes:
            file, name = None, None
    return fields, file, name


def _room() -> Room:
    """Return the room that recording leaves to what comes."""
    room = measure_room(db.session, current_app.config["PLAYBACK"], now_us())
    db.session.remove()
    return room


def _check_file(part: Part, *, is_first: bool) -> None:
    if part.name != "upload":
        raise Invalid(f"a file must come under upload, not {part.name!r:.60}", loc=("body",), kind="unknown")
    if not is_first:
        raise Invalid("this parameter was given more than once", loc=LOC, kind="duplicate")


def _add_field(fields: dict[str, str], part: Part, data: bytes) -> None:
    if part.name is None or part.name in fields:
        raise Invalid("a field has no name, or one that was given before", loc=("body",), kind="duplicate")
    try:
        fields[part.name] = data.decode()
    except UnicodeDecodeError:
        raise Invalid("this part of the form is not UTF-8", loc=("body", part.name), kind="unicode") from None


def _without_file(parameters: Parameters) -> Posted:
    given = _checked(parameters)
    return Posted(error=given.error) if given.findings is None or given.error else Posted(distinct(given.findings))


def _with_file(file: Arriving, name: str | None) -> Posted:
    """Return the file as findings where it holds some, else as a file. Raises Invalid for an empty one."""
    if not file.size_bytes:
        raise Invalid("the file under upload is empty", loc=LOC, kind="empty")
    file.sync()
    given = _held_findings(file)
    media_type = type_of(file.head, file.read(max(file.size_bytes - HEAD_BYTES, 0)))
    return Posted(None if given is None else distinct(given), file=file, name=name, media_type=media_type)


def _held_findings(file: Arriving) -> list[NewFinding] | None:
    """Return the findings that a file of JSON holds; None where it is something else.

    What begins as an object and speaks of "findings" is meant to hold some: what is wrong in it is told.
    """
    begin = file.head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not begin.startswith(b"{") or b'"findings"' not in begin:
        return None
    if file.size_bytes > JSON_BYTES:
        raise TooLarge(f"findings have at most {JSON_BYTES} bytes: this file has {file.size_bytes}", loc=LOC)
    value = read_json(file.read().removeprefix(b"\xef\xbb\xbf"), LOC)
    if not isinstance(value, dict) or "findings" not in value:
        return None
    return _checked(Parameters(value, default_place="body")).findings


def _checked(parameters: Parameters) -> NewResult:
    try:
        return parameters.checked(NewResult)
    except Invalid as error:
        raise Invalid(error.message, details=error.detail[:SHOWN_FAULTS]) from None
