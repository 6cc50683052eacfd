"""One OpenAPI 3.0 document of all endpoints, made of the Swagger 2.0 documents that Flask-RESTX writes.

Flask-RESTX writes one for each blueprint, and Swagger 2.0 can say neither that a body may also be a form nor that a
value may be null. The schemas are pydantic's, whose JSON Schema 2020-12 is put into the words of OpenAPI 3.0: that is
the newest version that the bundled Swagger UI shows.

openapi, info, servers, tags, security
paths       path -> method -> operation
components  schemas, securitySchemes, responses
"""

from typing import Any

from flask import current_app

VERSION = "0.1.0"
BODY_TYPES = ("application/json", "application/x-www-form-urlencoded", "multipart/form-data")
JSON = "application/json"
METHODS = ("get", "put", "post", "delete", "options", "head", "patch")
SCHEMA_KEYS = ("type", "format", "enum", "default", "minimum", "maximum", "items", "pattern")
ERROR = {
    "type": "object",
    "required": ["detail"],
    "properties": {
        "detail": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["loc", "msg", "type"],
                "properties": {
                    "loc": {"type": "array", "items": {"anyOf": [{"type": "string"}, {"type": "integer"}]}},
                    "msg": {"type": "string"},
                    "type": {"type": "string"},
                },
            },
        }
    },
}
ID_SCHEMAS: dict[str, dict[str, Any]] = {
    "source_id": {"type": "integer", "minimum": 1},
    "record_id": {"type": "string", "format": "uuid"},
    "group_id": {"type": "string", "format": "uuid"},
    "sync_id": {"type": "string", "format": "uuid"},
    "copy_id": {"type": "string", "format": "uuid"},
}


def openapi_document() -> dict[str, Any]:
    """Return the document of the current app; it is made once."""
    extensions = current_app.extensions
    if "playback_openapi" not in extensions:
        extensions["playback_openapi"] = _merged([api.__schema__ for api in extensions["playback_apis"]])
    document: dict[str, Any] = extensions["playback_openapi"]
    return document


def _merged(documents: list[dict[str, Any]]) -> dict[str, Any]:
    paths: dict[str, Any] = {}
    schemas: dict[str, Any] = {"Error": ERROR}
    tags: dict[str, Any] = {}
    for document in documents:
        for path, item in document["paths"].items():
            full_path = document["basePath"].rstrip("/") + path
            paths[full_path] = _path_item(item, document["produces"])
        for name, schema in document.get("definitions", {}).items():
            for inner_name, inner in schema.get("$defs", {}).items():
                _put_schema(schemas, inner_name, schema_of(inner))
            outer = {key: value for key, value in schema.items() if key != "$defs"}
            _put_schema(schemas, name, schema_of(outer))
        tags.update({tag["name"]: tag for tag in document["tags"]})
    return {
        "openapi": "3.0.3",
        "info": {
            "title": "flask-playback",
            "version": VERSION,
            "description": "Records cameras and plays back any span of what was recorded.",
        },
        "servers": [{"url": "/"}],
        "tags": [tags[name] for name in sorted(tags)],
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"token": []}],
    }


def _put_schema(schemas: dict[str, Any], name: str, schema: dict[str, Any]) -> None:
    """Add a schema. Raises ValueError where another blueprint gave the name to another shape."""
    if schemas.setdefault(name, schema) != schema:
        raise ValueError(f"two schemas are called {name}")


def _path_item(item: dict[str, Any], produces: list[str]) -> dict[str, Any]:
    shared = [parameter for parameter in item.get("parameters", []) if parameter["in"] == "path"]
    return {method: _operation(item[method], shared, produces) for method in METHODS if method in item}


def _operation(operation: dict[str, Any], shared: list[dict[str, Any]], produces: list[str]) -> dict[str, Any]:
    given = [*shared, *operation.get("parameters", [])]
    kinds = operation.get("produces", produces)
    answers = {code: _response(answer, kinds) for code, answer in operation["responses"].items()}
    result: dict[str, Any] = {
        "operationId": operation["operationId"],
        "summary": operation.get("summary", ""),
        "tags": operation.get("tags", []),
        "parameters": [_parameter(parameter) for parameter in given if parameter["in"] in ("path", "query", "header")],
        "responses": {**dict(sorted(answers.items())), "default": _error("Any error")},
    }
    if "description" in operation:
        result["description"] = operation["description"]
    for parameter in given:
        if parameter["in"] == "body":
            schema = schema_of(parameter["schema"])
            result["requestBody"] = {"required": True, "content": {kind: {"schema": schema} for kind in BODY_TYPES}}
    return result


def _parameter(parameter: dict[str, Any]) -> dict[str, Any]:
    name = parameter["name"]
    schema = {key: parameter[key] for key in SCHEMA_KEYS if key in parameter} or {"type": "string"}
    if parameter["in"] == "path":
        schema = dict(ID_SCHEMAS.get(name, schema))
    result: dict[str, Any] = {
        "name": name,
        "in": parameter["in"],
        "required": parameter.get("required", False),
        "schema": schema,
    }
    return {**result, "description": parameter["description"]} if "description" in parameter else result


def _response(answer: dict[str, Any], kinds: list[str]) -> dict[str, Any]:
    if "schema" not in answer:
        return {"description": answer["description"]}
    schema = schema_of(answer["schema"])
    return {"description": answer["description"], "content": {kind: {"schema": schema} for kind in kinds}}


def _error(text: str) -> dict[str, Any]:
    return {"description": text, "content": {JSON: {"schema": {"$ref": "#/components/schemas/Error"}}}}


def schema_of(schema: Any) -> Any:
    """Return a JSON schema of pydantic or Swagger 2.0 in the words of OpenAPI 3.0."""
    if isinstance(schema, list):
        return [schema_of(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    result = {key: schema_of(value) for key, value in schema.items()}
    if isinstance(result.get("$ref"), str):
        return {"$ref": result["$ref"].replace("#/definitions/", "#/components/schemas/")}
    if "const" in result:
        result["enum"] = [result.pop("const")]
    for key, flag in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if isinstance(result.get(key), int | float) and not isinstance(result[key], bool):
            result[flag], result[key] = result[key], True
    return _nullable(result)


def _nullable(schema: dict[str, Any]) -> dict[str, Any]:
    """Say `nullable` where one of the alternatives is null."""
    alternatives = schema.get("anyOf")
    if not isinstance(alternatives, list) or {"type": "null"} not in alternatives:
        return schema
    rest = [part for part in alternatives if part != {"type": "null"}]
    others = {key: value for key, value in schema.items() if key != "anyOf"}
    if len(rest) == 1:
        return {**others, **({"allOf": rest} if "$ref" in rest[0] else rest[0]), "nullable": True}
    return {**others, "anyOf": rest, "nullable": True}
