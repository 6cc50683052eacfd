"""The document imports into Postman: by Postman's own converter where it is installed, and by what the converter needs.

PLAYBACK_TEST_POSTMAN names a folder into which npm has installed openapi-to-postmanv2; `.ci/run` does so where there is
npm.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

VARIABLE = "PLAYBACK_TEST_POSTMAN"
CONVERT = """
const {convertV2} = require('openapi-to-postmanv2');
let data = '';
process.stdin.on('data', (part) => { data += part; });
process.stdin.on('end', () => convertV2(
  {type: 'string', data}, {folderStrategy: 'Tags', parametersResolution: 'Example'},
  (error, found) => console.log(JSON.stringify(error ? {reason: String(error)} : found))));
"""


def requests_of(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return all requests of a collection's folders."""
    return [
        request for item in items for request in ([item] if "request" in item else requests_of(item.get("item", [])))
    ]


def test_postmans_own_converter_makes_a_request_of_each_operation(client: FlaskClient) -> None:
    folder = Path(os.environ.get(VARIABLE) or "none")
    if not (folder / "node_modules").is_dir() or shutil.which("node") is None:
        pytest.skip(f"npm has installed openapi-to-postmanv2 nowhere; set {VARIABLE}")
    document = client.get("/swagger.json").get_data(as_text=True)
    done = subprocess.run(
        ["node", "-e", CONVERT],
        input=document,
        env={"PATH": os.environ["PATH"], "NODE_PATH": str(folder / "node_modules")},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    found = json.loads(done.stdout)
    assert found.get("result"), found["reason"]
    [collection] = [part["data"] for part in found["output"] if part["type"] == "collection"]
    requests = requests_of(collection["item"])
    content = json.loads(document)
    operations = {
        (method.upper(), operation["summary"])
        for item in content["paths"].values()
        for method, operation in item.items()
    }
    assert {(made["request"]["method"], made["name"]) for made in requests} == operations
    assert {item["name"] for item in collection["item"]} == {tag["name"] for tag in content["tags"]}
    [added] = [made for made in requests if made["name"] == "Add a source"]
    body = json.loads(added["request"]["body"]["raw"])
    assert client.post("/api/v1/source", json=body).status_code == 200
    assert {answer["code"] for answer in added["response"]} >= {200, 401, 403, 413, 415, 422, 500, 503}


def test_the_document_holds_nothing_that_the_converter_does_not_follow(client: FlaskClient) -> None:
    document = client.get("/swagger.json").json
    summaries = [
        (method, operation["summary"]) for item in document["paths"].values() for method, operation in item.items()
    ]
    assert len(set(summaries)) == len(summaries), "requests of one folder are told apart by method and name"
    text = json.dumps(document)
    assert '"$ref": "http' not in text
    assert '"discriminator"' not in text
    for name, schema in document["components"]["schemas"].items():
        assert f'#/components/schemas/{name}"' not in json.dumps(schema), f"{name} holds itself"
