"""Many sources at once, of JSON or CSV: all or none, and every wrong value is named by its row."""

import io
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.test_api import API, add_group, locs
from tests.test_docs import ROOT
from tests.test_source_api import stored

BULK = f"{API}/source/bulk"
ROWS: list[dict[str, Any]] = [
    {"model": "Source", "uri_rtsp": "rtsp://admin:top-secret@127.0.0.1:1/cam", "description": "door, front"},
    {"model": "Source", "uri_rtsp": "rtsp://127.0.0.1:1/b", "group_name": "hall"},
    {
        "model": "PictureSource",
        "uri_http_picture": {"uri": "http://127.0.0.1:1/p", "auth": "digest", "user": "u", "password": "top-secret"},
        "group_name": "stills",
    },
]
TABLE = """model,description,uri_rtsp,uri_http_picture.uri,auth,user,password,group_name
Source,"door, front",rtsp://admin:top-secret@127.0.0.1:1/cam,,,,,
Source,,rtsp://127.0.0.1:1/b,,,,,hall

PictureSource,,,http://127.0.0.1:1/p,digest,u,top-secret,stills
"""


def post_table(client: FlaskClient, text: str | bytes) -> Any:
    return client.post(BULK, data=text, content_type="text/csv; charset=utf-8")


def post_each_way(client: FlaskClient, number: int) -> Any:
    file = (io.BytesIO(("\ufeff" + TABLE.replace("\n", "\r\n")).encode()), "cameras.csv")
    semicolons = TABLE.replace("door, front", "door| front").replace(",", ";").replace("|", ",")
    ways = [
        lambda: client.post(BULK, json={"sources": ROWS}),
        lambda: client.post(BULK, json=ROWS),
        lambda: post_table(client, TABLE),
        lambda: post_table(client, semicolons),
        lambda: client.post(BULK, data={"file": file}, content_type="multipart/form-data"),
    ]
    return ways[number]()


@pytest.mark.parametrize("number", range(5))
def test_sources_come_as_json_or_as_a_table(app: Flask, number: int) -> None:
    client = app.test_client()
    hall = add_group(client, "hall")
    answer = post_each_way(client, number)
    assert answer.status_code == 200, answer.json
    assert answer.json == client.get(f"{API}/source").json
    assert [source["description"] for source in answer.json] == ["door, front", None, None]
    assert answer.json[2]["uri_http_picture"] == {**ROWS[2]["uri_http_picture"], "password": "***"}
    assert "top-secret" not in answer.text
    assert stored(app).uri_rtsp == ROWS[0]["uri_rtsp"]
    groups = {group["name"]: group["id"] for group in client.get(f"{API}/group").json}
    assert groups["hall"] == hall
    members = {name: client.get(f"{API}/group/{group_id}").json["sources"] for name, group_id in groups.items()}
    assert {name: [source["id"] for source in found] for name, found in members.items()} == {"hall": [2], "stills": [3]}


def test_a_wrong_value_anywhere_adds_nothing_and_each_is_named(database_client: FlaskClient) -> None:
    client = database_client
    add_group(client, "hall")
    rows = [
        ROWS[0],
        {"model": "Camera", "uri_rtsp": "http://h/"},
        {"model": "Source", "uri_rtsp": "rtsp://h/", "uri_http_picture": {"uri": "file:///x"}},
        "text",
    ]
    refused = client.post(BULK, json=rows)
    assert refused.status_code == 422
    assert locs(refused) == [
        ["body", 1, "model"],
        ["body", 1, "uri_rtsp"],
        ["body", 2, "uri_http_picture", "uri"],
        ["body", 3],
    ]
    rows = [
        {**ROWS[1], "group_name": "made"},
        {"model": "Source"},
        {"model": "Source", "uri_rtsp": "rtsp://u:***@h/"},
        {"model": "Source", "uri_rtsp": "rtsp://h/", "ffmpeg_cmd": "rm -rf /"},
    ]
    refused = client.post(BULK, json=rows)
    assert refused.status_code == 422
    assert locs(refused) == [["body", 1, "uri_rtsp"], ["body", 2, "uri_rtsp"], ["body", 3, "ffmpeg_cmd"]]
    rows = [{**ROWS[1], "group_name": "made"}, *({**ROWS[2], "group_name": name} for name in ("hall", "made"))]
    refused = client.post(BULK, json=rows)
    assert refused.status_code == 422
    assert locs(refused) == [["body", 1, "group_name"], ["body", 2, "group_name"]]
    messages = [entry["msg"] for entry in refused.json["detail"]]
    assert all("one group takes one model only" in message for message in messages)
    assert client.get(f"{API}/source").json == []
    assert [group["name"] for group in client.get(f"{API}/group").json] == ["hall"]


@pytest.mark.parametrize(
    ("table", "loc"),
    [
        ("", ["body"]),
        ("\n\n", ["body"]),
        ("model,uri_rtps\nSource,rtsp://h/\n", ["body", "uri_rtps"]),
        ("model,model\nSource,Source\n", ["body", "model"]),
        ("model,uri_rtsp\nSource,rtsp://h/,rtsp://i/\n", ["body", 0]),
        ("model,uri_rtsp\nSource\n", ["body", 0, "uri_rtsp"]),
        ('model,uri_rtsp\nSource,"rtsp://h/\n', ["body"]),
        ("model,uri_rtsp\nSource,rtsp://h/\nX,rtsp://h/\n", ["body", 1, "model"]),
        (b"model,description,uri_rtsp\nSource,T\xfcr,rtsp://h/\n", ["body"]),
        ("model,uri_rtsp\nSource,rtsp://h/\x00\n", ["body", 0, "uri_rtsp"]),
        ("model,uri_rtsp,group_name\nSource,rtsp://h/,   \n", ["body", 0, "group_name"]),
    ],
)
def test_a_wrong_table_is_refused(client: FlaskClient, table: str | bytes, loc: list[Any]) -> None:
    answer = post_table(client, table)
    assert (answer.status_code, locs(answer)) == (422, [loc])
    assert client.get(f"{API}/source").json == []


@pytest.mark.parametrize(
    ("how", "status", "loc"),
    [
        ({"json": {}}, 422, ["body"]),
        ({"json": {"sources": {}}}, 422, ["body"]),
        ({"json": 5}, 422, ["body"]),
        ({"data": b"[", "content_type": "application/json"}, 422, ["body"]),
        ({"data": b"", "content_type": "application/json"}, 422, ["body"]),
        ({"data": {"a": "b"}}, 422, ["body", "file"]),
        ({"data": b"x", "content_type": "text/plain"}, 415, ["header", "Content-Type"]),
        ({"json": [{"model": "Source", "uri_rtsp": "rtsp://h/"}] * 1001}, 422, ["body"]),
    ],
)
def test_a_body_that_holds_no_sources_is_refused(
    client: FlaskClient, how: dict[str, Any], status: int, loc: list[Any]
) -> None:
    answer = client.post(BULK, **how)
    assert (answer.status_code, locs(answer)) == (status, [loc])


def test_no_sources_are_none_and_a_thousand_are_a_thousand(client: FlaskClient) -> None:
    assert client.post(BULK, json=[]).json == []
    answer = client.post(f"{BULK}/", json=[{"model": "Source", "uri_rtsp": "rtsp://u:p@h/", "group_name": "g"}] * 1000)
    assert [source["id"] for source in answer.json] == list(range(1, 1001))


def test_sent_again_with_its_key_the_table_is_taken_once(client: FlaskClient) -> None:
    for _ in range(2):
        answer = client.post(BULK, data=TABLE, content_type="text/csv", headers={"Idempotency-Key": "k"})
        assert len(answer.json) == 3
    assert len(client.get(f"{API}/source").json) == 3


def test_the_table_in_the_document_is_taken(client: FlaskClient) -> None:
    text = (ROOT / "docs" / "api.md").read_text("utf-8")
    table = text.partition("$ cat cameras.csv\n")[2].partition("$ curl")[0]
    assert [source["description"] for source in post_table(client, table).json] == ["door", "yard"]


@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "k"}], ids=["plain", "keyed"])
def test_a_table_that_breaks_off_adds_nothing_and_can_be_sent_again(
    client: FlaskClient, headers: dict[str, str]
) -> None:
    """Regression: the rows that had come were taken, the last one cut; and the key stood for the part."""
    part = TABLE.encode()[: TABLE.index("/cam") + 2]
    environ = {"CONTENT_LENGTH": str(len(TABLE)), "wsgi.input_terminated": True}
    answer = client.post(
        BULK, input_stream=io.BytesIO(part), content_type="text/csv", headers=headers, environ_overrides=environ
    )
    assert (answer.status_code, answer.json["detail"][0]["type"]) == (422, "body_incomplete")
    assert client.get(f"{API}/source").json == []
    assert len(client.post(BULK, data=TABLE, content_type="text/csv", headers=headers).json) == 3
