"""What views share: reading parameters from body, form and query, checking them, instants as text, who takes pages."""

import json
import re
import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, NoReturn, TypeVar
from urllib.parse import unquote_to_bytes

from flask import request
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)
from pydantic_core import PydanticCustomError
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import RequestEntityTooLarge

from app.errors import Invalid, NotFound, UnsupportedBody
from app.instants import utc_text as utc_text
from app.wording import wrong_values

FORM_TOKEN = "csrf_token"  # noqa: S105  # nosec B105  the name of a form's field
FORM_TYPES = ("application/x-www-form-urlencoded", "multipart/form-data")
MAX_ID = 2**31 - 1
CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")  # the categories Cc and Cs of Unicode
ESCAPES = re.compile(rb"(?:%[89a-fA-F][0-9a-fA-F])+")  # of bytes beyond ASCII
Checked = TypeVar("Checked", bound=BaseModel)


def path_integer(name: str, text: str, largest: int = MAX_ID) -> int:
    """Return an integer of the path. Raises Invalid when it is none, NotFound when no row can have it."""
    if not re.fullmatch(r"-?[0-9]{1,40}", text):
        raise Invalid(f"{name} must be an integer, not {text[:60]!r}", loc=("path", name), kind="int_parsing")
    value = int(text)
    if not 0 < value <= largest:
        not_found(name, text)
    return value


def path_uuid(name: str, text: str) -> str:
    """Return a UUID of the path in lower case. Raises Invalid when it is none."""
    if not re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", text):
        raise Invalid(f"{name} must be a UUID, not {text[:60]!r}", loc=("path", name), kind="uuid_parsing")
    return str(uuid.UUID(text))


def not_found(name: str, text: object, place: str = "path") -> NoReturn:
    """Raise NotFound for an id or a name that nothing has."""
    raise NotFound(f"there is no {name.removesuffix('_id').removesuffix('_name')} {text}", loc=(place, name))


def is_page_wanted() -> bool:
    """Tell whether the current request takes a page rather than JSON, as browsers do that open an address."""
    return request.accept_mimetypes.best_match(["application/json", "text/html"]) == "text/html"


def check_characters(value: Any, allowed: str = "") -> Any:
    """Refuse control characters and lone surrogates, which not every database takes; pass the rest."""
    found = CONTROLS.finditer(value) if isinstance(value, str) else ()
    for match in found:
        if match[0] not in allowed:
            raise PydanticCustomError(
                "control_character",
                "Control characters are not allowed: {code} at position {position}",
                {"code": f"U+{ord(match[0]):04X}", "position": match.start()},
            )
    return value


def no_truth(value: object) -> object:
    """Refuse `true`, which would else be read as 1."""
    if isinstance(value, bool):
        raise PydanticCustomError("int_type", "must be an integer")
    return value


def check_lines(value: Any) -> Any:
    """As `check_characters`, but newlines (a form's CR LF too) and tabs pass."""
    check_characters(value.replace("\r\n", "\n") if isinstance(value, str) else value, allowed="\n\t")
    return value


# A validator stands behind the constraints that it comes before: pydantic applies annotations from the inside out.
# The length is judged first where nothing is trimmed: a text of megabytes is refused unread.
Name = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=255), BeforeValidator(check_characters)
]
Description = Annotated[str, StringConstraints(max_length=4096), AfterValidator(check_lines)]


class Exactly(BaseModel):
    """Parameters of which each must be known: of what bounds a right, a slip of the pen must not be passed over."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _leave_out_form_token(cls, given: Any) -> Any:
        return (
            {name: value for name, value in given.items() if name != FORM_TOKEN} if isinstance(given, dict) else given
        )


@dataclass(frozen=True, slots=True, repr=False)
class Parameters:
    """The parameters of a request by name, and where each stood: in the body or in the query."""

    values: dict[str, Any]
    places: dict[str, str] = field(default_factory=dict)
    default_place: str = "query"

    def checked(self, model: type[Checked]) -> Checked:
        """Return the parameters as `model`. Raises Invalid with an entry for each wrong value."""
        try:
            return model.model_validate(self.values)
        except ValidationError as error:
            details = [self._placed(entry) for entry in wrong_values(error, model)]
            raise Invalid("parameters are wrong", details=details) from None

    def _placed(self, entry: dict[str, Any]) -> dict[str, Any]:
        loc = entry["loc"]
        place = self.places.get(str(loc[0]), self.default_place) if loc else self.default_place
        return {**entry, "loc": [place, *loc]}


def left_out(**said: Any) -> Any:
    """Return the default of a field that may be left out, but is never null where it is given; `said`: of `Field`.

    The models of changes have such fields: they are read by what was set (`exclude_unset`), so that this default is
    never looked at. Typed as anything, since it is no value of the field.
    """
    return Field(None, **said)


def read_query(nested: Mapping[str, tuple[str, ...]] | None = None) -> Parameters:
    """Return the parameters of the query alone: those of GET."""
    values = unfolded(_each_once(_query(), "query"), nested or {}, "query")
    return Parameters(values, dict.fromkeys(values, "query"))


def read_parameters(nested: Mapping[str, tuple[str, ...]] | None = None) -> Parameters:
    """Return the parameters of body and query; the body wins.

    `nested` names object parameters with their keys: in forms and queries such an object is JSON text, or comes
    as `name.key`, or flat as `key`. Raises Invalid for a body that is no JSON object, UnsupportedBody for one of
    another type.
    """
    query = read_query(nested).values
    body = _body(nested or {})
    places = {**dict.fromkeys(query, "query"), **dict.fromkeys(body, "body")}
    return Parameters({**query, **body}, places, "body")


def _query() -> MultiDict[str, str]:
    """Return the query. Raises Invalid where it holds bytes that are not UTF-8, percent-encoded or not."""
    _check_escapes(request.query_string, "query")
    try:
        return request.args
    except UnicodeDecodeError:
        raise Invalid("the query is not UTF-8: percent-encode it", loc=("query",), kind="unicode") from None


def _check_escapes(encoded: bytes, place: str) -> None:
    """Raise Invalid for escapes that are not UTF-8: werkzeug would take the text `%FF` for what was meant."""
    if _are_utf8(encoded):
        return
    pair = next(pair for pair in encoded.split(b"&") if not _are_utf8(pair))
    name = unquote_to_bytes(pair.partition(b"=")[0][:60]).decode(errors="replace")
    message = "the percent-encoded bytes are not UTF-8: encode the text as UTF-8 first"
    raise Invalid(message, loc=(place, name), kind="unicode")


def _are_utf8(encoded: bytes) -> bool:
    """Tell whether the escapes beyond ASCII make up characters; all at once, for a body may be of megabytes."""
    runs = b"00".join(ESCAPES.findall(encoded)).replace(b"%", b"").decode()
    try:
        bytes.fromhex(runs).decode()
    except UnicodeDecodeError:
        return False
    return True


def _check_parts(data: bytes) -> None:
    """Raise Invalid for a form's parts that are not UTF-8: werkzeug puts U+FFFD in the place of what it cannot read."""
    replaced = [(name, text.count("\ufffd")) for name, text in request.form.items(multi=True) if "\ufffd" in text]
    if sum(count for _, count in replaced) > data.count("\ufffd".encode()):
        raise Invalid("this part of the form is not UTF-8", loc=("body", replaced[0][0]), kind="unicode")


def _each_once(given: MultiDict[str, str], place: str) -> dict[str, str]:
    """Return each parameter's text. Raises Invalid for one that was given twice: which was meant is unknown."""
    message = "this parameter was given more than once"
    twice = [name for name, texts in given.lists() if len(texts) > 1]
    if twice:
        details = [{"loc": [place, name], "msg": message, "type": "duplicate"} for name in twice]
        raise Invalid(message, details=details)
    return given.to_dict()


def _body(nested: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
    data = whole_body()
    if not data:
        return {}
    if request.mimetype in FORM_TYPES:
        is_nameless = any(name is None for name in request.form)  # a part of a form may have no name
        if is_nameless or (not request.form and not request.files):
            raise Invalid("this is not a form that can be read", loc=("body",), kind="form_invalid")
        if request.mimetype == FORM_TYPES[0]:
            _check_escapes(data, "body")
        else:
            _check_parts(data)
        return unfolded(_each_once(request.form, "body"), nested, "body")
    if request.mimetype == "application/json" or request.mimetype.endswith("+json"):
        return _json_object(data, ("body",))
    raise UnsupportedBody(
        f"a body of type {request.mimetype[:60] or 'unknown'!r} is not read: send application/json, "
        "application/x-www-form-urlencoded or multipart/form-data"
    )


def whole_body() -> bytes:
    """Return the body, which werkzeug would cut silently where it breaks off or is too large.

    Raises Invalid when it is shorter than it was said to be, RequestEntityTooLarge when it comes in chunks without end.
    """
    data = request.get_data()
    if request.content_length is None:
        if request.max_content_length is not None and len(data) >= request.max_content_length:
            raise RequestEntityTooLarge
    elif len(data) < request.content_length:
        raise Invalid("the body is shorter than Content-Length says", loc=("body",), kind="body_incomplete")
    return data


def read_json(data: bytes | str, loc: tuple[str, ...]) -> Any:
    """Return the JSON value of `data`. Raises Invalid with type `json_invalid`, also for a name that comes twice."""
    try:
        return json.loads(data, parse_constant=_refuse_constant, object_pairs_hook=_unique)
    except _GivenTwiceError as error:
        message = f"the name {str(error)[:60]!r} stands twice in one object"
        raise Invalid(message, loc=loc, kind="json_invalid") from None
    except (ValueError, RecursionError):
        raise Invalid("this is not valid JSON", loc=loc, kind="json_invalid") from None


def _json_object(data: bytes | str, loc: tuple[str, ...]) -> dict[str, Any]:
    value = read_json(data, loc)
    if not isinstance(value, dict):
        raise Invalid("this must be a JSON object: {...}", loc=loc, kind="json_invalid")
    return value


class _GivenTwiceError(ValueError):
    """A name stands twice in one JSON object."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _GivenTwiceError(Counter(name for name, _ in pairs).most_common(1)[0][0])
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def unfolded(flat: dict[str, str], nested: Mapping[str, tuple[str, ...]], place: str) -> dict[str, Any]:
    """Gather the keys of object parameters; an empty text among them is null, as a form cannot say null."""
    values: dict[str, Any] = dict(flat)
    for name, keys in nested.items():
        text = values.pop(name, None)
        inner: dict[str, Any] = _json_object(text, (place, name)) if text and text != "null" else {}
        is_null = text in ("", "null")
        for key in keys:
            for spelling in (key, f"{name}.{key}"):
                if spelling in values:
                    inner[key] = values.pop(spelling) or None
        if inner or text is not None:
            values[name] = None if is_null and not inner else inner
    return values
