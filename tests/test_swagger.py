"""The API's documentation: one document that names every address of the contract, and what the app really serves."""

import json
import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from jsonschema import Draft4Validator

from app.views.yamltext import yaml_text

# The contract's addresses (record-api.md, playback-api.md, operations.md) that this version serves.
API, PLAYBACK = "/api/v1", "/playbackapi"
CONTRACT = {
    ("get", f"{API}/source"),
    ("post", f"{API}/source"),
    ("get", f"{API}/source/{{source_id}}/"),
    ("put", f"{API}/source/{{source_id}}/"),
    ("patch", f"{API}/source/{{source_id}}/"),
    ("delete", f"{API}/source/{{source_id}}/"),
    ("get", f"{API}/source/{{source_id}}/gaps"),
    ("get", f"{API}/source/{{source_id}}/status"),
    ("post", f"{API}/source/{{source_id}}/status"),
    ("get", f"{API}/source/{{source_id}}/picture"),
    ("get", f"{API}/source/{{source_id}}/video"),
    ("get", f"{API}/record"),
    ("post", f"{API}/record"),
    ("put", f"{API}/record"),
    ("get", f"{API}/record/runing"),
    ("get", f"{API}/record/{{record_id}}/"),
    ("get", f"{API}/record/{{record_id}}/video/"),
    ("delete", f"{API}/record/{{record_id}}/file/"),
    ("get", f"{API}/group"),
    ("post", f"{API}/group"),
    ("get", f"{API}/group/{{group_id}}/"),
    ("delete", f"{API}/group/{{group_id}}/"),
    ("post", f"{API}/group/{{group_id}}/source/{{source_id}}/"),
    ("delete", f"{API}/group/{{group_id}}/source/{{source_id}}/"),
    ("get", f"{API}/tag"),
    ("get", f"{API}/tag/begin"),
    ("get", f"{API}/sync"),
    ("post", f"{API}/sync"),
    ("get", f"{API}/sync/{{sync_id}}/"),
    ("delete", f"{API}/sync/{{sync_id}}/"),
    ("get", f"{PLAYBACK}/source/{{source_id}}"),
    ("get", f"{PLAYBACK}/source/{{source_id}}/video.mp4"),
    ("get", f"{PLAYBACK}/source/{{source_id}}/index.m3u8"),
    ("get", f"{PLAYBACK}/source/{{source_id}}/picture.jpg"),
    ("get", f"{PLAYBACK}/source/{{source_id}}/thumbnails"),
    ("get", f"{PLAYBACK}/source/{{source_id}}/thumbnails.vtt"),
    ("get", f"{PLAYBACK}/record/{{record_id}}/picture.jpg"),
    ("get", f"{PLAYBACK}/record/{{record_id}}/thumbnails"),
    ("get", f"{PLAYBACK}/record/{{record_id}}/thumbnails.vtt"),
    ("get", f"{PLAYBACK}/record/{{record_id}}"),
    ("get", f"{PLAYBACK}/record/{{record_id}}/video.mp4"),
    ("get", f"{PLAYBACK}/record/{{record_id}}/index.m3u8"),
    ("get", f"{PLAYBACK}/timeline"),
    ("get", f"{PLAYBACK}/sync"),
    ("get", "/download/{refer}/"),
    ("post", "/files/{file_id}/refer/"),
    ("delete", "/files/{file_id}/refer/"),
    ("get", "/download/{index}/"),
    ("get", "/sse/{index}/"),
    ("post", "/download/{refer}/"),
    ("post", "/record/"),
    ("post", "/cinema/"),
    ("get", "/comments/"),
    ("post", "/comments/"),
    ("get", "/recommend/"),
    ("post", "/recommend/"),
    ("get", "/files/{file_id}/report"),
    ("get", "/files/"),
    ("post", "/files/"),
    ("get", "/files/{file_id}/"),
    ("patch", "/files/{file_id}/"),
    ("delete", "/files/{file_id}/"),
    ("get", "/test/img"),
    ("get", "/test/video"),
    ("get", "/healthz"),
    ("get", "/readyz"),
    ("get", "/metrics"),
    ("get", "/csrftoken/"),
}
# What the playlists lead to, conveniences, and the pattern to copy: documented, but no part of the contract.
BESIDE = {
    ("get", "/files/{file_id}/content"),
    ("get", "/files/{file_id}/result"),
    ("get", "/files/{file_id}/result/file"),
    ("get", "/cinema/"),
    ("get", "/cinema/{file_id}/"),
    ("put", "/cinema/{file_id}/"),
    ("patch", "/cinema/{file_id}/"),
    ("delete", "/cinema/{file_id}/"),
    ("get", "/comments/{comment_id}/"),
    ("put", "/comments/{comment_id}/"),
    ("patch", "/comments/{comment_id}/"),
    ("delete", "/comments/{comment_id}/"),
    ("get", "/recommend/{recommendation_id}/"),
    ("delete", "/recommend/{recommendation_id}/"),
    ("get", f"{API}/source/{{source_id}}/export"),
    ("get", f"{API}/export/key"),
    ("get", f"{API}/account"),
    ("post", f"{API}/account"),
    ("get", f"{API}/account/{{account_id}}/"),
    ("patch", f"{API}/account/{{account_id}}/"),
    ("delete", f"{API}/account/{{account_id}}/"),
    ("post", f"{API}/account/{{account_id}}/password"),
    ("delete", f"{API}/account/{{account_id}}/totp"),
    ("delete", f"{API}/account/{{account_id}}/session"),
    ("get", f"{API}/account/me"),
    ("patch", f"{API}/account/me"),
    ("post", f"{API}/account/me/totp"),
    ("put", f"{API}/account/me/totp"),
    ("delete", f"{API}/account/me/totp"),
    ("get", f"{API}/source/{{source_id}}/activity"),
    ("get", f"{API}/source/{{source_id}}/activity/next"),
    ("get", f"{API}/source/{{source_id}}/activity/setting"),
    ("put", f"{API}/source/{{source_id}}/activity/setting"),
    ("get", f"{PLAYBACK}/activity"),
    ("get", f"{PLAYBACK}/marks"),
    ("get", f"{API}/deletions"),
    ("get", f"{API}/audit"),
    ("get", f"{API}/token"),
    ("post", f"{API}/token"),
    ("get", f"{API}/token/{{token_id}}/"),
    ("patch", f"{API}/token/{{token_id}}/"),
    ("delete", f"{API}/token/{{token_id}}/"),
    ("get", f"{API}/pins"),
    ("post", f"{API}/pins"),
    ("get", f"{API}/pins/{{pin_id}}/"),
    ("patch", f"{API}/pins/{{pin_id}}/"),
    ("delete", f"{API}/pins/{{pin_id}}/"),
    ("get", f"{API}/share"),
    ("post", f"{API}/share"),
    ("get", f"{API}/share/{{share_id}}/"),
    ("patch", f"{API}/share/{{share_id}}/"),
    ("delete", f"{API}/share/{{share_id}}/"),
    ("get", "/share/{key}"),
    ("post", "/share/{key}"),
    ("get", "/share/{key}/video.mp4"),
    ("get", "/share/{key}/index.m3u8"),
    ("get", f"{API}/retention"),
    ("post", f"{API}/retention"),
    ("get", f"{API}/retention/forecast"),
    ("get", f"{API}/retention/{{rule_id}}/"),
    ("put", f"{API}/retention/{{rule_id}}/"),
    ("delete", f"{API}/retention/{{rule_id}}/"),
    ("get", f"{API}/source/{{source_id}}/retention"),
    ("get", f"{API}/notices"),
    ("get", f"{API}/copy"),
    ("post", f"{API}/copy"),
    ("get", f"{API}/copy/{{copy_id}}/"),
    ("delete", f"{API}/copy/{{copy_id}}/"),
    ("put", f"{API}/copy/{{copy_id}}/file"),
    ("get", f"{API}/copy/{{copy_id}}/video/"),
    ("get", f"{PLAYBACK}/source/{{source_id}}/segment/{{start_us}}.mp4"),
    ("get", f"{PLAYBACK}/source/{{source_id}}/init/{{entries}}.mp4"),
    ("get", f"{PLAYBACK}/source/{{source_id}}/cell.mp4"),
    ("get", f"{API}/tags"),
    ("get", f"{API}/record/open"),
    ("get", f"{API}/storage"),
    ("post", f"{API}/source/bulk"),
    ("post", f"{API}/source/test"),
    ("post", f"{API}/source/discover"),
    ("put", f"{API}/group/{{group_id}}/"),
    ("patch", f"{API}/group/{{group_id}}/"),
    ("get", f"{API}/health"),
    ("get", f"{API}/losses"),
    ("get", f"{API}/group/{{group_id}}/schedule"),
    ("put", f"{API}/group/{{group_id}}/schedule"),
    ("delete", f"{API}/group/{{group_id}}/schedule"),
    ("get", "/files/{file_id}/refer/"),
    ("get", "/violations/"),
    ("get", "/violations/{violation_id}/"),
    ("post", "/files/{file_id}/"),
    ("get", f"{API}/example"),
    ("post", f"{API}/example"),
    ("get", f"{API}/example/{{example_id}}/"),
}
PAGES = {"/", "/view/{page}", "/login", "/logout", "/account", "/swagger/", "/redoc/", "/swagger.json", "/swagger.yaml"}
PAGES |= {f"/{place}/{path}" for place in ("admin", "cms") for path in ("", "{path}")}


@pytest.fixture
def document(client: FlaskClient) -> dict[str, Any]:
    """Return the document as a client reads it."""
    answer = client.get("/swagger.json")
    assert (answer.status_code, answer.mimetype) == (200, "application/json")
    return answer.json


def operations(document: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {(method, path): value for path, item in document["paths"].items() for method, value in item.items()}


def test_the_document_names_the_contract_and_nothing_unknown(document: dict[str, Any]) -> None:
    assert set(operations(document)) == CONTRACT | BESIDE


def test_the_document_names_what_is_served_and_the_other_way_round(app: Flask, document: dict[str, Any]) -> None:
    served = {
        (method.lower(), re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule))
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if not rule.endpoint.endswith("static")
    }
    assert {entry for entry in served if entry[1] not in PAGES} == set(operations(document))


def walk(value: Any) -> list[dict[str, Any]]:
    """Return all objects within a JSON value."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return ([value] if isinstance(value, dict) else []) + [found for part in inner for found in walk(part)]


def test_the_document_is_openapi_3_0_in_form(document: dict[str, Any]) -> None:
    assert document["openapi"] == "3.0.3"
    schemas = document["components"]["schemas"]
    for node in walk(document):
        if isinstance(node.get("$ref"), str):
            assert set(node) == {"$ref"}
            _, kind, name = node["$ref"].removeprefix("#/").split("/")
            assert name in document["components"][kind]
        assert node.get("type") != "null", "3.0 says nullable"
        assert not set(node) & {"$defs", "const", "prefixItems", "definitions"}
    for schema in schemas.values():
        Draft4Validator.check_schema(schema)


def test_every_operation_is_described(document: dict[str, Any]) -> None:
    names = [operation["operationId"] for operation in operations(document).values()]
    assert len(set(names)) == len(names)
    tags = {tag["name"]: tag["description"] for tag in document["tags"]}
    for (method, path), operation in operations(document).items():
        assert operation["summary"], (method, path)
        assert all(tags[tag] for tag in operation["tags"]), (method, path)
        declared = {p["name"] for p in operation["parameters"] if p["in"] == "path" and p["required"]}
        assert declared == set(re.findall(r"{(\w+)}", path)), (method, path)
        if method == "get":
            assert "requestBody" not in operation, (method, path)


def test_a_body_may_be_json_or_a_form(document: dict[str, Any]) -> None:
    body = operations(document)["post", f"{API}/source"]["requestBody"]
    assert set(body["content"]) == {"application/json", "application/x-www-form-urlencoded", "multipart/form-data"}


def as_json_schema(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """Return an OpenAPI 3.0 schema as a JSON schema that a validator reads."""
    definitions = json.loads(json.dumps(document["components"]["schemas"]))
    whole = {**json.loads(json.dumps(schema)), "components": {"schemas": definitions}}
    for node in walk(whole):
        if node.get("nullable"):
            node.pop("nullable")
            plain = dict(node)
            node.clear()
            node["anyOf"] = [plain, {"type": "null"}]
    return whole


def test_answers_have_the_shape_that_the_document_says(client: FlaskClient, document: dict[str, Any]) -> None:
    uri = {"model": "Source", "uri_rtsp": "rtsp://u:p@127.0.0.1:1/x", "uri_http_picture": {"uri": "http://h/p"}}
    answers = {("post", f"{API}/source"): client.post(f"{API}/source", json=uri)}
    answers["post", f"{API}/group"] = client.post(f"{API}/group", json={"model": "Source", "name": "g"})
    group = f"{API}/group/{answers['post', f'{API}/group'].json[0]['id']}"
    client.post(f"{group}/source/1")
    client.post(f"{API}/record", json={"model": "Source", "tag_name": "t", "group_name": "g"})
    for path in ("/source", "/group", "/tag/begin", "/record/open"):
        answers["get", API + path] = client.get(API + path)
    answers["get", f"{API}/source/{{source_id}}/"] = client.get(f"{API}/source/1")
    answers["put", f"{API}/source/{{source_id}}/"] = client.put(f"{API}/source/1", json={"description": "d"})
    answers["get", f"{API}/group/{{group_id}}/"] = client.get(group)
    answers["get", f"{API}/record"] = client.get(f"{API}/record?tag_name=t")
    answers["get", f"{API}/record/runing"] = client.get(f"{API}/record/runing?tag_name=t")
    answers["get", f"{API}/tag"] = client.get(f"{API}/tag?name=t")
    answers["get", f"{PLAYBACK}/timeline"] = client.get(f"{PLAYBACK}/timeline?source_id=1&start=0&end=10&resolution=1")
    for name in ("activity", "marks"):
        answers["get", f"{PLAYBACK}/{name}"] = client.get(f"{PLAYBACK}/{name}?source_id=1&start=0&end=10&resolution=1")
    for name, query in (("", "?start=0&end=10"), ("/next", "?after=0"), ("/setting", "")):
        path = f"{API}/source/{{source_id}}/activity{name}"
        answers["get", path] = client.get(path.format(source_id=1) + query)
    for (method, path), answer in answers.items():
        assert answer.status_code == 200, (method, path, answer.json)
        content = operations(document)[method, path]["responses"]["200"].get("content")
        if content:
            schema = as_json_schema(document, content["application/json"]["schema"])
            Draft4Validator(schema).validate(answer.json)


def test_errors_have_the_shape_that_the_document_says(client: FlaskClient, document: dict[str, Any]) -> None:
    schema = as_json_schema(document, {"$ref": "#/components/schemas/Error"})
    for answer in (client.get(f"{API}/source/x"), client.get("/nothing"), client.post(f"{API}/group", json=[])):
        assert answer.status_code >= 400
        Draft4Validator(schema).validate(answer.json)


def test_the_same_document_comes_as_yaml(client: FlaskClient, document: dict[str, Any]) -> None:
    answer = client.get("/swagger.yaml")
    assert answer.mimetype == "application/yaml"
    assert read_yaml(answer.text) == document


def read_yaml(text: str) -> Any:
    """Read the YAML that we write: every text in double quotes, two spaces a level."""
    lines = [(len(line) - len(line.lstrip()), line.strip()) for line in text.splitlines()]

    def block(index: int, indent: int) -> tuple[Any, int]:
        is_list = lines[index][1].startswith("-")
        found: Any = [] if is_list else {}
        while index < len(lines) and lines[index][0] == indent:
            line = lines[index][1]
            key, rest = (
                (None, line[1:].strip()) if is_list else re.fullmatch(r'("(?:[^"\\]|\\.)*"):(.*)', line).groups()
            )
            if rest.strip():
                value, index = json.loads(rest), index + 1
            else:
                value, index = block(index + 1, indent + 2)
            if is_list:
                found.append(value)
            else:
                found[json.loads(key)] = value
        return found, index

    return block(0, 0)[0]


@pytest.mark.parametrize("value", [{}, [], {"a: b": ["- x", {"#": None}, [], {}, [[1.5, True]]], "ü\n": "'\"\\"}])
def test_yaml_holds_awkward_values(value: Any) -> None:
    text = yaml_text(value)
    assert (read_yaml(text) if value else json.loads(text)) == value


@pytest.mark.parametrize("path", ["/swagger/", "/swagger", "/redoc/", "/redoc"])
def test_the_pages_need_no_internet_and_no_inline_script(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 200
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy or "<script" not in answer.text
    assert not re.findall(r"<script(?![^>]* src=)", answer.text)
    assert not re.findall(r"<style|style=|\son\w+=", answer.text)
    for link in re.findall(r'(?:src|href)="([^"#]+)"', answer.text):
        assert link.startswith("/"), link
        with client.get(link) as linked:
            assert linked.status_code == 200, link


def test_the_reference_names_every_address(client: FlaskClient, document: dict[str, Any]) -> None:
    text = client.get("/redoc/").text
    for method, path in operations(document):
        assert f"<code>{method.upper()} {path}</code>" in text
