"""One OpenAPI 3.0 document of all endpoints, made of the Swagger 2.0 documents that Flask-RESTX writes.

Flask-RESTX writes one for each blueprint, and Swagger 2.0 can say neither that a body may also be a form nor that a
value may be null. Schemas and their examples come from app/views/schemas.py, errors from app/views/refusals.py.

openapi, info, servers, tags, security
paths       path -> method -> operation
components  schemas, securitySchemes, responses
"""

import copy
import json
from dataclasses import dataclass
from typing import Any

from flask import current_app

from app.views import API_PREFIX
from app.views.fields import meaning
from app.views.refusals import JSON, SCHEMAS, add_refusals_of_key, components, refusals
from app.views.schemas import example_of, explained, schema_of

VERSION = "0.1.0"
DESCRIPTION = """Records cameras and plays back any span of what was recorded.

Parameters of POST, PUT, PATCH and DELETE come as JSON, as a form or in the query, by the same names; a body wins over
the query. Every path answers with and without its trailing slash. Times end in `_utc` and are ISO 8601 in UTC. Every
error is `{"detail": [{"loc", "msg", "type"}]}`: where, what, and a word for programs. A stored password is never sent
back; it is shown as `***`. In production send `Authorization: Bearer TOKEN`; development is open.

The document imports into Postman: set the variable `baseUrl` of the collection to the address of this server."""
BODY_TYPES = (JSON, "application/x-www-form-urlencoded", "multipart/form-data")
METHODS = ("get", "put", "post", "delete", "options", "head", "patch")
SCHEMA_KEYS = ("type", "format", "enum", "default", "minimum", "maximum", "minLength", "maxLength", "items", "pattern")
INTEGER_ID = {"type": "integer", "minimum": 1}
UUID = {"type": "string", "format": "uuid"}
IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$"},
    "description": "Sent again with the same key, the request is done once and gets the first one's answer",
}
ID_SCHEMAS: dict[str, dict[str, Any]] = {
    "source_id": INTEGER_ID,
    "file_id": INTEGER_ID,
    "comment_id": INTEGER_ID,
    "recommendation_id": INTEGER_ID,
    "violation_id": INTEGER_ID,
    "start_us": INTEGER_ID,
    "entries": {"type": "string", "pattern": "^[0-9]{1,9}-[0-9]{1,9}$"},
}
# Answers that are no JSON: text, or bytes.
TEXTS = {
    "application/vnd.apple.mpegurl": "#EXTM3U\n#EXT-X-VERSION:7\n…",
    "text/vtt": "WEBVTT\n\n00:00:00.000 --> 00:00:36.000\nthumbnails?…#xywh=0,0,160,90\n",
    "text/plain": "yes\n",
    "text/html": "<!doctype html>…",
}
BINARY = {"type": "string", "format": "binary"}
FORM = "multipart/form-data"
FORM_WITH_FILE = {
    "schema": {
        "type": "object",
        "required": ["upload"],
        "properties": {
            "upload": {**BINARY, "description": "The file"},
            "name": {"type": "string", "description": "What it is called; left out: as it is named in the form"},
        },
    },
    "example": {"upload": "bytes", "name": "scene.mp4"},
}


@dataclass(frozen=True, slots=True)
class Document:
    """The document as an object and as JSON."""

    content: dict[str, Any]
    text: bytes


def openapi_document() -> dict[str, Any]:
    """Return the document of the current app."""
    return kept_document().content


def kept_document() -> Document:
    """Return the document of the current app with its JSON; it is made once."""
    extensions = current_app.extensions
    if "playback_openapi" not in extensions:
        content = _merged([api.__schema__ for api in extensions["playback_apis"]])
        text = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
        extensions["playback_openapi"] = Document(content, text)
    document: Document = extensions["playback_openapi"]
    return document


def _merged(documents: list[dict[str, Any]]) -> dict[str, Any]:
    schemas = dict(SCHEMAS)
    for document in documents:
        for name, schema in document.get("definitions", {}).items():
            for inner_name, inner in schema.get("$defs", {}).items():
                _put_schema(schemas, inner_name, inner)
            _put_schema(schemas, name, {key: value for key, value in schema.items() if key != "$defs"})
    paths: dict[str, dict[str, Any]] = {}
    for document in documents:
        for path, item in document["paths"].items():  # one path may have methods of several blueprints
            methods = paths.setdefault(document["basePath"].rstrip("/") + path, {})
            methods.update(_path_item(item, document["produces"], schemas))
    for path, item in paths.items():
        if path.startswith(API_PREFIX) and "post" in item:
            item["post"]["parameters"].append(IDEMPOTENCY_KEY)
            add_refusals_of_key(item["post"]["responses"])
    tags = {tag["name"]: tag for document in documents for tag in document["tags"]}
    return {
        "openapi": "3.0.3",
        "info": {"title": "flask-playback", "version": VERSION, "description": DESCRIPTION},
        "servers": [{"url": "/"}],
        "tags": [tags[name] for name in sorted(tags)],
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "responses": components(),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"token": []}],
    }


def _put_schema(schemas: dict[str, Any], name: str, given: dict[str, Any]) -> None:
    """Add a schema. Raises ValueError where another blueprint gave the name to another shape."""
    schema = explained(name, schema_of(given))
    if schemas.setdefault(name, schema) != schema:
        raise ValueError(f"two schemas are called {name}")


def _path_item(item: dict[str, Any], produces: list[str], schemas: dict[str, Any]) -> dict[str, Any]:
    shared = [parameter for parameter in item.get("parameters", []) if parameter["in"] == "path"]
    return {method: _operation(item[method], shared, produces, schemas) for method in METHODS if method in item}


def _operation(
    operation: dict[str, Any], shared: list[dict[str, Any]], produces: list[str], schemas: dict[str, Any]
) -> dict[str, Any]:
    given = [*shared, *operation.get("parameters", [])]
    result: dict[str, Any] = {
        "operationId": operation["operationId"],
        "summary": operation.get("summary", ""),
        "description": operation.get("description", ""),
        "tags": operation.get("tags", []),
        "parameters": [_parameter(parameter) for parameter in given if parameter["in"] in ("path", "query", "header")],
        **({"security": operation["security"]} if "security" in operation else {}),
    }
    for parameter in given:
        if parameter["in"] == "body":
            in_query = {other["name"] for other in result["parameters"] if other["in"] == "query"}
            result["requestBody"] = _body(parameter, schemas, in_query)
    if "x-upload" in operation:
        multipart = result["requestBody"]["content"]["multipart/form-data"]
        multipart["schema"] = {"anyOf": [multipart["schema"], _upload(operation["x-upload"])]}
    if "x-body" in operation:
        kind = operation["x-body"]
        content = result.setdefault("requestBody", {"content": {}})["content"]
        content[kind] = copy.deepcopy(FORM_WITH_FILE) if kind == FORM else {"schema": dict(BINARY)}
    kinds = operation.get("produces", produces)
    declared = operation["responses"].items()
    errors = {code: answer["description"] for code, answer in declared if code >= "400" and "schema" not in answer}
    answers = {
        code: _response(code, answer, kinds, schemas, operation.get("x-example"))
        for code, answer in declared
        if code not in errors
    }
    result["responses"] = dict(sorted({**dict(refusals(result, errors)), **answers}.items()))
    return result


def _upload(text: str) -> dict[str, Any]:
    """Return the schema of a form with a file; fields may stand beside it."""
    return {"type": "object", "required": ["upload"], "properties": {"upload": {**BINARY, "description": text}}}


def _parameter(parameter: dict[str, Any]) -> dict[str, Any]:
    name = parameter["name"]
    given = {key: parameter.get(key) for key in SCHEMA_KEYS}
    schema = {key: value for key, value in given.items() if value is not None} or {"type": "string"}
    if parameter["in"] == "path" and schema == {"type": "string"}:
        schema = dict(ID_SCHEMAS.get(name, UUID if name.endswith("_id") else schema))
    known = meaning(name)
    result: dict[str, Any] = {
        "name": name,
        "in": parameter["in"],
        "required": parameter.get("required", False),
        "schema": schema,
        "description": parameter.get("description") or (known.text if known else ""),
    }
    example = parameter.get("example", example_of(schema, {}, name))
    # Without an example an optional parameter is left out by who tries the documentation: it must not be made up.
    is_made_up = known is not None and known.example is None and "example" not in parameter
    return result if is_made_up else {**result, "example": example}


def _body(parameter: dict[str, Any], schemas: dict[str, Any], in_query: set[str]) -> dict[str, Any]:
    schema = schema_of(parameter["schema"])
    content = {kind: {"schema": schema, "example": example_of(schema, schemas)} for kind in BODY_TYPES}
    model = schemas.get(schema.get("$ref", "").rpartition("/")[2], {})
    return {
        "required": not in_query.issuperset(model.get("required", [])),
        "content": content,
        "description": "Or the same names in the query; the body wins",
    }


def _response(
    code: str, answer: dict[str, Any], kinds: list[str], schemas: dict[str, Any], example: Any
) -> dict[str, Any]:
    result: dict[str, Any] = {"description": answer["description"]}
    if "headers" in answer:
        result["headers"] = {
            name: {"description": header.get("description", ""), "schema": {"type": header["type"]}}
            for name, header in answer["headers"].items()
        }
    if "schema" in answer:
        schema = schema_of(answer["schema"])
        shown = example if example is not None else example_of(schema, schemas)
        result["content"] = {
            kind: {"schema": schema, "example": shown} if kind == JSON else _plain(kind) for kind in kinds
        }
    elif code in ("200", "206"):
        result["content"] = {kind: _plain(kind) for kind in kinds if kind != JSON}
    return result


def _plain(kind: str) -> dict[str, Any]:
    """Return the content of an answer that is no JSON."""
    return {"schema": {"type": "string"}, "example": TEXTS[kind]} if kind in TEXTS else {"schema": dict(BINARY)}
