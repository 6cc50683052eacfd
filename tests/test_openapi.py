"""The OpenAPI document is whole: every operation, parameter, shape and error is described, and every example valid.

A new endpoint fails here until it says what it does (`@namespace.doc(description=...)`), what it answers
(`@namespace.response(...)`), and what its fields and parameters mean (app/views/fields.py).
"""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from openapi_schema_validator import OAS30Validator
from openapi_spec_validator import OpenAPIV30SpecValidator

from app.errors import PlaybackError
from app.views.refusals import KINDS
from app.views.schemas import UNKNOWN, example_of, schema_of

JSON = "application/json"
STREAMED = "multipart/x-mixed-replace"


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return the document, which needs no database."""
    from app import create_app
    from app.views.openapi import openapi_document
    from instance.config import TestingConfig

    app = create_app(TestingConfig(INSTANCE=str(tmp_path_factory.mktemp("document"))))
    with app.app_context():
        return json.loads(json.dumps(openapi_document()))


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield f"{method} {path}", operation


def resolved(document: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    """Return what a reference points at, or the part itself."""
    while "$ref" in part:
        part, reference = document, part["$ref"]
        for key in reference.removeprefix("#/").split("/"):
            part = part[key]
    return part


def contents(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each content of a body or an answer, with a word for where it stands."""
    for name, operation in operations(document):
        for kind, content in operation.get("requestBody", {"content": {}})["content"].items():
            yield f"{name}: body {kind}", content
        for code, answer in operation["responses"].items():
            for kind, content in resolved(document, answer).get("content", {}).items():
                yield f"{name}: {code} {kind}", content


def faults(document: dict[str, Any], schema: dict[str, Any], value: Any) -> list[str]:
    """Return what is wrong with a value by a schema of OpenAPI 3.0."""
    whole = {**schema, "components": document["components"]}
    validator = OAS30Validator(whole, format_checker=OAS30Validator.FORMAT_CHECKER)
    return [error.message for error in validator.iter_errors(value)]


def test_the_document_is_openapi_3_0_by_the_specifications_own_schema(document: dict[str, Any]) -> None:
    assert [error.message for error in OpenAPIV30SpecValidator(document).iter_errors()] == []


def test_every_operation_says_what_it_does_and_answers(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        assert operation["summary"], f"{name}: the view has no docstring"
        assert operation["description"], f"{name}: say @namespace.doc(description=...)"
        codes = operation["responses"]
        assert any(code < "400" for code in codes), name
        assert "default" not in codes, name
        for code in ("200", "206"):
            assert code not in codes or codes[code].get("content"), f"{name}: {code} has no shape"
        for code, answer in codes.items():
            assert resolved(document, answer)["description"] not in ("", "Success"), f"{name}: {code}"


def test_every_parameter_has_a_meaning_a_type_and_an_example(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        for parameter in operation["parameters"]:
            assert parameter["description"], f"{name}: {parameter['name']}; see app/views/fields.py"
            assert parameter["schema"]["type"], name
            if "example" in parameter:
                assert parameter["example"] != UNKNOWN, f"{name}: {parameter['name']}; see app/views/fields.py"
                assert faults(document, parameter["schema"], parameter["example"]) == [], (name, parameter["name"])
            else:
                assert not parameter["required"], (name, parameter["name"])


def test_every_body_and_answer_has_an_example_that_fits_its_schema(document: dict[str, Any]) -> None:
    for where, content in contents(document):
        schema = content["schema"]
        if schema == {"type": "string", "format": "binary"}:
            continue
        assert f'"{UNKNOWN}"' not in json.dumps(content["example"], ensure_ascii=False), (where, content["example"])
        assert faults(document, schema, content["example"]) == [], where


def test_every_field_says_what_it_means(document: dict[str, Any]) -> None:
    for model, schema in document["components"]["schemas"].items():
        assert schema["description"], model
        for name, field in schema.get("properties", {}).items():
            assert field.get("description") or "$ref" in field, f"{model}.{name}; see app/views/fields.py"


def test_every_error_has_the_one_shape(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        for code, answer in operation["responses"].items():
            content = resolved(document, answer).get("content", {})
            if code >= "400" and set(content) != {"text/plain"}:
                assert content[JSON]["schema"] == {"$ref": "#/components/schemas/Error"}, (name, code)
                [entry] = content[JSON]["example"]["detail"]
                assert entry["type"] != "http_error", f"{code} has no kind in app/views/refusals.py"


def test_an_operation_names_the_errors_that_follow_from_its_form(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        codes = set(operation["responses"])
        places = {parameter["in"] for parameter in operation["parameters"]}
        assert "500" in codes, name
        if operation.get("security") != []:
            assert {"401", "403", "503"} <= codes, name
        if "path" in places:
            assert {"404", "422"} <= codes, name
        if "requestBody" in operation:
            assert {"413", "415", "422"} <= codes, name
        if "query" in places:
            assert "422" in codes, name


def test_only_what_is_open_to_everybody_is_said_to_be(app: Flask, document: dict[str, Any]) -> None:
    from app.access.rules import rule_of

    is_open = {name for name, operation in operations(document) if operation.get("security") == []}
    served = {
        f"{method.lower()} " + re.sub(r"<(?:[a-z]+:)?([a-z_]+)>", r"{\1}", rule.rule)
        for rule in app.url_map.iter_rules()
        for method in rule.methods or ()
        if getattr(rule_of(rule.endpoint, method), "role", "") == "open"
    }
    assert is_open == served & {name for name, _ in operations(document)}


def test_each_kind_of_error_is_that_of_its_class() -> None:
    kinds: dict[int, set[str]] = {}
    waiting = [PlaybackError]
    while waiting:
        error = waiting.pop()
        kinds.setdefault(error.status, set()).add(error.kind)
        waiting += error.__subclasses__()
    for status, known in kinds.items():
        assert KINDS[status] in known | {"database_unavailable"}, status


def test_a_password_is_in_no_example_of_an_answer(document: dict[str, Any]) -> None:
    for where, content in contents(document):
        if ": body" not in where:
            assert "secret" not in json.dumps(content.get("example")), where


def test_the_document_is_sent_once_and_then_only_told_to_be_the_same(client: FlaskClient) -> None:
    for path in ("/swagger.json", "/swagger.yaml"):
        answer = client.get(path, headers={"Accept-Encoding": "identity"})
        assert answer.status_code == 200
        assert answer.headers["Cache-Control"] == "private, no-cache"
        again = client.get(path, headers={"If-None-Match": answer.headers["ETag"]})
        assert (again.status_code, again.data) == (304, b"")
    packed = client.get("/swagger.json", headers={"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert len(packed.data) < 64 * 1024
    again = client.get("/swagger.json", headers={"Accept-Encoding": "gzip", "If-None-Match": packed.headers["ETag"]})
    assert again.status_code == 304


def test_operation_ids_are_words_for_programs(document: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, operation in operations(document)]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", name) for name in names)


def test_an_example_without_a_source_is_seen() -> None:
    schema = schema_of({"type": "object", "properties": {"nobody_knows": {"type": "string"}}})
    assert example_of(schema, {}) == {"nobody_knows": UNKNOWN}


def test_every_post_of_the_api_tells_what_its_key_can_be_answered(document: dict[str, Any]) -> None:
    posts = {name: operation for name, operation in operations(document) if name.startswith("post /api/v1/")}
    for name, operation in posts.items():
        for code in ("409", "422"):
            assert "Idempotency-Key" in operation["responses"][code]["description"], (name, code)
    example = posts["post /api/v1/source"]["responses"]["409"]["content"][JSON]["example"]["detail"][0]
    assert (example["loc"], example["type"]) == (["header", "Idempotency-Key"], "still_running")


@pytest.mark.parametrize("path", ["source", "group", "record", "tag", "tags", "tag/begin"])
def test_a_list_with_an_etag_says_so(document: dict[str, Any], path: str) -> None:
    operation = document["paths"][f"/api/v1/{path}"]["get"]
    assert "304" in operation["responses"]
    assert ("header", "If-None-Match") in {(one["in"], one["name"]) for one in operation["parameters"]}


@pytest.mark.parametrize("path", ["record/{record_id}/video/", "copy/{copy_id}/video/"])
def test_an_answer_of_bytes_names_ranges_and_conditions(document: dict[str, Any], path: str) -> None:
    operation = document["paths"][f"/api/v1/{path}"]["get"]
    assert {"200", "206", "304", "412", "416"} <= set(operation["responses"])
    names = {one["name"] for one in operation["parameters"] if one["in"] == "header"}
    assert names == {"Range", "If-Range", "If-None-Match", "If-Match"}
