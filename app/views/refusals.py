"""Which errors an operation can give, with an example of each: what follows from its form, and what its view declares.

A view declares what is its own alone: `@namespace.response(409, "It is recording")`. The rest follows:

    401 403   everything that is not open to everybody (`security=[]`)
    429       the same: wrong tokens are counted
    404       ids in the path
    413 415   a body
    409       `Idempotency-Key`, which every POST below /api/v1 takes
    422       any parameter
    500 503   a fault; the database cannot be used
"""

from collections.abc import Iterator
from typing import Any

from app.views import failures

JSON = "application/json"
ENTRY = {
    "type": "object",
    "description": "One thing that is wrong.",
    "required": ["loc", "msg", "type"],
    "properties": {
        "loc": {
            "type": "array",
            "description": "The path to the wrong value: `body`, `query`, `path` or `header`, then names and indices",
            "items": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
        },
        "msg": {"type": "string", "description": "What happened, and the way out"},
        "type": {"type": "string", "description": "A stable word for programs"},
    },
}
ERROR = {
    "type": "object",
    "description": "What every error answers. Some have more beside `detail`, as `before_utc` of playback.",
    "required": ["detail"],
    "properties": {
        "detail": {
            "type": "array",
            "description": "One entry for each thing that is wrong",
            "minItems": 1,
            "items": {"$ref": "#/components/schemas/ErrorEntry"},
        }
    },
}
SCHEMAS = {"Error": ERROR, "ErrorEntry": ENTRY}
KINDS = {
    **failures.KINDS,
    401: "unauthorised",
    403: "forbidden",
    409: "conflict",
    410: "deleted",
    412: "changed",
    421: "wrong_host",
    422: "value_error",
    423: "locked",
    429: "too_many",
    460: "checksum_mismatch",
    503: "database_unavailable",
    504: "camera_silent",
    507: "storage_full",
}
# The same for all operations: name of the component, loc, text.
SHARED: dict[int, tuple[str, list[str], str]] = {
    401: ("Unauthorised", ["header", "Authorization"], "Nobody signed in"),
    403: ("Forbidden", ["header", "Origin"], "Signed in, but not permitted; or a page of another site asks"),
    413: ("TooLarge", ["body"], "The body is larger than 16 MiB"),
    415: ("UnsupportedBody", ["header", "Content-Type"], "The body is neither JSON nor a form"),
    429: ("TooMany", ["header", "Authorization"], "Too many attempts failed; ask again as Retry-After says"),
    500: ("Failure", [], "The server failed; its log says why"),
    503: ("Unavailable", [], "The database cannot be used now"),
}

OF_KEY = {
    "409": ("The first request with this Idempotency-Key is still being answered: `still_running`", "still_running"),
    "422": ("The Idempotency-Key is malformed, or was sent with another request", "idempotency_key"),
}


def components() -> dict[str, Any]:
    """Return the errors that are the same for all operations, by name."""
    return {name: refusal(status, text, loc) for status, (name, loc, text) in SHARED.items()}


def refusal(status: int, text: str, loc: list[str], kind: str | None = None) -> dict[str, Any]:
    """Return the description of an error answer."""
    entry = {"loc": loc, "msg": text, "type": kind or KINDS.get(status, "http_error")}
    example = {"detail": [entry]}
    schema = {"$ref": "#/components/schemas/Error"}
    return {"description": text, "content": {JSON: {"schema": schema, "example": example}}}


def refusals(operation: dict[str, Any], declared: dict[str, str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield status and description of each error of an operation; `declared` are those that its view names."""
    parameters, body = operation["parameters"], "requestBody" in operation
    in_path = [parameter["name"] for parameter in parameters if parameter["in"] == "path"]
    loc = _wrong_place(operation)
    own = {404: ("Nothing has this id", ["path", *in_path[-1:]])} if in_path else {}
    if loc:
        own[422] = ("A parameter is wrong; an entry for each", loc)
    for code, text in declared.items():
        place = ["path", *in_path[-1:]] if in_path and code not in ("412", "416", "422") else loc
        own[int(code)] = (text, {"412": ["header", "If-Match"], "416": ["header", "Range"]}.get(code, place))
    general = {500} if operation.get("security") == [] else {401, 403, 429, 500, 503}
    for status in sorted({*own, *general, *({413, 415} if body else ())}):
        if status in own:
            yield str(status), refusal(status, *own[status])
        else:
            yield str(status), {"$ref": f"#/components/responses/{SHARED[status][0]}"}


def add_refusals_of_key(responses: dict[str, Any]) -> None:
    """Add what `Idempotency-Key` can be answered to the answers of a POST; beside its own errors of these statuses."""
    for code, (text, kind) in OF_KEY.items():
        if code in responses:
            own = responses[code]
            responses[code] = {**own, "description": f"{own['description']}. Or: {text}"}
        else:
            responses[code] = refusal(int(code), text, ["header", "Idempotency-Key"], kind)


def _wrong_place(operation: dict[str, Any]) -> list[str]:
    """Return where a value could be wrong: in the body first, then the query, then the path."""
    if "requestBody" in operation:
        example = next(iter(operation["requestBody"]["content"].values())).get("example", {})
        return ["body", *list(example)[:1]]
    places = [[parameter["in"], parameter["name"]] for parameter in operation["parameters"]]
    return next((place for kind in ("query", "path") for place in places if place[0] == kind), [])
