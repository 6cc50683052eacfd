"""JSON schemas of pydantic and of Swagger 2.0 in the words of OpenAPI 3.0, and an example of each schema.

OpenAPI 3.0 is the newest version that the bundled Swagger UI shows; pydantic writes JSON Schema 2020-12.
"""

from typing import Any

from app.views.fields import meaning
from app.views.meanings import END, OTHER_ID

UNKNOWN = "…"  # stands for an example that nobody has given; a test finds it
_PLAIN = {"integer": 1, "number": 1.0, "boolean": True}
_FORMATS = {"date-time": END, "uuid": OTHER_ID}


def schema_of(schema: Any) -> Any:
    """Return a JSON schema of pydantic or Swagger 2.0 in the words of OpenAPI 3.0."""
    if isinstance(schema, list):
        return [schema_of(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    result = {key: _literally(key, value) for key, value in schema.items()}
    if isinstance(result.get("$ref"), str):
        return {"$ref": result["$ref"].replace("#/definitions/", "#/components/schemas/")}
    if "const" in result:
        result["enum"] = [result.pop("const")]
    if isinstance(result.get("examples"), list):
        result["example"] = result.pop("examples")[0]
    for key, flag in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if isinstance(result.get(key), int | float) and not isinstance(result[key], bool):
            result[flag], result[key] = result[key], True
    return _nullable(result)


def _literally(key: str, value: Any) -> Any:
    """Translate what is a schema or holds some; leave values as they are, whatever their keys are called."""
    return value if key in ("enum", "default", "example", "examples", "const", "required") else schema_of(value)


def _nullable(schema: dict[str, Any]) -> dict[str, Any]:
    """Say `nullable` where one of the alternatives is null."""
    alternatives = schema.get("anyOf")
    if not isinstance(alternatives, list) or {"type": "null"} not in alternatives:
        return schema
    rest = [part for part in alternatives if part != {"type": "null"}]
    others = {key: value for key, value in schema.items() if key != "anyOf"}
    if len(rest) == 1:
        merged = {**others, **({"allOf": rest} if "$ref" in rest[0] else rest[0]), "nullable": True}
        return {**merged, "enum": [*merged["enum"], None]} if "enum" in merged else merged
    return {**others, "anyOf": rest, "nullable": True}


def explained(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a model whose properties say what they mean; times are marked as such by their names."""
    properties = schema.get("properties")
    return schema if properties is None else {**schema, "properties": {key: _property(name, key, properties[key])
                                                                        for key in properties}}  # fmt: skip


def _property(owner: str, name: str, schema: dict[str, Any]) -> dict[str, Any]:
    known = meaning(name, owner)
    if "$ref" in schema:  # in 3.0 nothing can stand beside a reference
        return {"allOf": [schema], "description": known.text} if known else schema
    # A default of null only says that the field may be left out, which `required` says already.
    result = {key: value for key, value in schema.items() if key != "title" and (key, value) != ("default", None)}
    if name.endswith("_utc") and schema.get("type") == "string":
        result["format"] = "date-time"
    if known and "description" not in result:
        result["description"] = known.text
    return result


def example_of(schema: dict[str, Any], schemas: dict[str, Any], name: str = "", owner: str = "") -> Any:
    """Return an example of a schema: its own, else that of its field's name, else one composed of its parts."""
    if "example" in schema:
        return schema["example"]
    for key in ("allOf", "anyOf", "oneOf"):
        if key in schema:
            return example_of(schema[key][0], schemas, name, owner)
    if "$ref" in schema:
        model = schema["$ref"].rsplit("/", 1)[1]
        return example_of(schemas[model], schemas, owner=model)
    if schema.get("type") == "object":
        return {key: example_of(part, schemas, key, owner) for key, part in schema.get("properties", {}).items()}
    known = meaning(name, owner)
    given = known.example if known else None
    if schema.get("type") == "array":
        return given if isinstance(given, list) else [example_of(schema.get("items", {}), schemas, name, owner)]
    return _simple(schema, given)


def _simple(schema: dict[str, Any], given: Any) -> Any:
    """Return the example given where it fits; else a value of the schema's type."""
    kind = str(schema.get("type", "string"))
    if kind == "string" and isinstance(given, int | float):
        return str(given)  # an id in a query, where everything is text
    if given is not None and _fits(given, schema):
        return given
    if "enum" in schema:
        return schema["enum"][0]
    return _PLAIN.get(kind) or _FORMATS.get(schema.get("format", ""), UNKNOWN)


def _fits(value: Any, schema: dict[str, Any]) -> bool:
    """Tell whether an example has the type of the schema, and is among its values: one name may be used for two."""
    types: dict[str, Any] = {"string": str, "integer": int, "number": (int, float), "boolean": bool}
    kind = types.get(schema.get("type", "string"), object)
    return isinstance(value, kind) and ("enum" not in schema or value in schema["enum"])
