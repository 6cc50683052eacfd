"""The contract of record-api.md, row by row: paths, shapes, statuses, and what bad input gets."""

import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.access.rules import RULES, Rule

UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
UNKNOWN = "00000000-0000-4000-8000-000000000000"
API = "/api/v1"
SOURCE_KEYS = {"id", "created_utc", "status", "uri_rtsp", "uri_http_picture", "description", "ffmpeg_cmd"}
RECORD_KEYS = {"id", "created_utc", "status", "begin_utc", "end_utc", "source", "hash_md5", "location", "sync_location"}


def add_source(client: FlaskClient, **values: Any) -> dict[str, Any]:
    """Add a source that no camera answers for."""
    answer = client.post(f"{API}/source", json={"model": "Source", "uri_rtsp": "rtsp://127.0.0.1:1/cam", **values})
    assert answer.status_code == 200, answer.json
    return answer.json


def add_picture_source(client: FlaskClient, **values: Any) -> dict[str, Any]:
    """Add a picture source that no camera answers for."""
    picture = {"uri": "http://127.0.0.1:1/picture"}
    answer = client.post(f"{API}/source", json={"model": "PictureSource", "uri_http_picture": picture, **values})
    assert answer.status_code == 200, answer.json
    return answer.json


def add_group(client: FlaskClient, name: str, *sources: dict[str, Any], model: str = "Source") -> str:
    """Add a group of these sources; return its id."""
    answer = client.post(f"{API}/group", json={"model": model, "name": name})
    assert answer.status_code == 200, answer.json
    group_id: str = answer.json[0]["id"]
    for source in sources:
        assert client.post(f"{API}/group/{group_id}/source/{source['id']}/").json is True
    return group_id


def start(client: FlaskClient, tag: str, group: str, model: str = "Source") -> Any:
    return client.post(f"{API}/record", json={"model": model, "tag_name": tag, "group_name": group})


def locs(answer: Any) -> list[list[str]]:
    """Return the places that a 4xx answer names, having checked the shape of each entry."""
    for entry in answer.json["detail"]:
        assert set(entry) == {"loc", "msg", "type"}
        assert entry["msg"]
        assert re.fullmatch(r"[a-z_0-9]+", entry["type"])
    return [entry["loc"] for entry in answer.json["detail"]]


def test_the_life_of_a_recording(database_client: FlaskClient) -> None:
    client = database_client
    first, second = add_source(client, description="door"), add_source(client)
    group_id = add_group(client, "entrance", first, second)
    assert client.get(f"{API}/record/runing?tag_name=night").json is False
    assert client.get(f"{API}/record?tag_name=night").json == []

    answer = start(client, "night", "entrance")
    assert (answer.status_code, answer.data) == (204, b"")
    assert client.get(f"{API}/record/runing?tag_name=night").json is True
    assert client.get(f"{API}/tag/begin").json == ["night"]
    records = client.get(f"{API}/record?tag_name=night").json
    assert [record["source"][0]["id"] for record in records] == [first["id"], second["id"]]
    for record in records:
        assert set(record) == RECORD_KEYS
        assert record["status"] == "waiting"
        assert record["end_utc"] is None
        assert record["hash_md5"] is None
        assert record["location"] == f"records/{record['id']}.m3u8"
        assert UTC.fullmatch(record["begin_utc"])
        one = client.get(f"{API}/record/{record['id']}/").json
        assert one == {**record, "source": record["source"][0]}
    tag = client.get(f"{API}/tag?name=night").json
    assert set(tag) == {"id", "created_utc", "name", "records"}
    assert [record["source"]["id"] for record in tag["records"]] == [first["id"], second["id"]]

    assert client.delete(f"{API}/source/{first['id']}/").status_code == 409
    answer = client.put(f"{API}/record", json={"model": "Source", "tag_name": "night"})
    assert (answer.status_code, answer.data) == (204, b"")
    assert client.get(f"{API}/record/runing?tag_name=night").json is False
    assert client.get(f"{API}/tag/begin").json == []
    ended = client.get(f"{API}/record?tag_name=night").json
    assert [record["status"] for record in ended] == ["failed", "failed"]
    assert all(record["end_utc"] >= record["begin_utc"] for record in ended)

    deleted = client.delete(f"{API}/source/{first['id']}/")
    assert deleted.json == first
    assert client.get(f"{API}/source/{first['id']}/").status_code == 404
    assert [source["id"] for source in client.get(f"{API}/source").json] == [second["id"]]
    assert [source["id"] for source in client.get(f"{API}/group/{group_id}/").json["sources"]] == [second["id"]]
    assert len(client.get(f"{API}/record?tag_name=night").json) == 2
    assert add_source(client)["id"] > second["id"]


def test_a_source_has_every_field(client: FlaskClient) -> None:
    source = add_source(client)
    assert set(source) == SOURCE_KEYS
    assert isinstance(source["id"], int)
    assert UTC.fullmatch(source["created_utc"])
    assert source["status"] == "unknown"
    assert source["description"] is None
    assert source["uri_http_picture"] == {"uri": None, "auth": None, "user": None, "password": None}
    assert source["ffmpeg_cmd"].split()[0] == "ffmpeg"
    assert client.get(f"{API}/source/{source['id']}/").json == source
    assert client.get(f"{API}/source").json == [source]


def test_a_group_and_its_members(database_client: FlaskClient) -> None:
    client = database_client
    source, other = add_source(client), add_picture_source(client)
    created = client.post(f"{API}/group", json={"model": "Source", "name": "  hall  "})
    assert created.status_code == 200
    [group] = created.json
    assert set(group) == {"id", "created_utc", "name"}
    assert UUID.fullmatch(group["id"])
    assert group["name"] == "hall"
    assert client.get(f"{API}/group").json == [group]

    member = f"{API}/group/{group['id']}/source/{source['id']}/"
    assert [client.post(member).json, client.post(member).json] == [True, False]
    assert client.get(f"{API}/group/{group['id']}/").json == {**group, "sources": [source]}
    assert [client.delete(member).json, client.delete(member).json] == [True, False]
    refused = client.post(f"{API}/group/{group['id']}/source/{other['id']}/")
    assert refused.status_code == 422
    assert locs(refused) == [["path", "source_id"]]

    taken = client.post(f"{API}/group", json={"model": "PictureSource", "name": "hall"})
    assert taken.status_code == 409
    assert locs(taken) == [["body", "name"]]
    client.post(member)
    assert client.delete(f"{API}/group/{group['id']}/").json == group
    assert client.get(f"{API}/group/{group['id']}/").status_code == 404
    assert client.get(f"{API}/group").json == []
    assert client.get(f"{API}/source/{source['id']}/").status_code == 200


def test_deleting_a_group_touches_no_recording(client: FlaskClient) -> None:
    group_id = add_group(client, "g", add_source(client))
    assert start(client, "t", "g").status_code == 204
    assert client.delete(f"{API}/group/{group_id}/").status_code == 200
    assert client.get(f"{API}/record/runing?tag_name=t").json is True


def test_every_path_answers_with_and_without_its_trailing_slash(client: FlaskClient) -> None:
    source = add_source(client)
    group_id = add_group(client, "g", source)
    start(client, "t", "g")
    [record] = client.get(f"{API}/record?tag_name=t").json
    for path, query in (
        ("/source", ""),
        (f"/source/{source['id']}", ""),
        ("/group", ""),
        (f"/group/{group_id}", ""),
        ("/record", "?tag_name=t"),
        ("/record/runing", "?tag_name=t"),
        (f"/record/{record['id']}", ""),
        ("/tag", "?name=t"),
        ("/tag/begin", ""),
    ):
        bare, slashed = (client.get(f"{API}{path}{slash}{query}") for slash in ("", "/"))
        assert (bare.status_code, slashed.status_code) == (200, 200), path
        assert bare.json == slashed.json
        assert client.head(f"{API}{path}{query}").status_code == 200
    for method, path in (("post", f"/group/{group_id}/source/{source['id']}"), ("put", f"/source/{source['id']}")):
        for slash in ("", "/"):
            assert getattr(client, method)(f"{API}{path}{slash}").status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status", "loc"),
    [
        ("get", "/source/one/", 422, ["path", "source_id"]),
        ("get", "/source/1.0/", 422, ["path", "source_id"]),
        ("get", "/source/٣/", 422, ["path", "source_id"]),
        ("get", "/source/1/", 404, ["path", "source_id"]),
        ("get", "/source/0/", 404, ["path", "source_id"]),
        ("get", "/source/-1/", 404, ["path", "source_id"]),
        ("get", "/source/99999999999999999999999/", 404, ["path", "source_id"]),
        ("put", "/source/9/", 404, ["path", "source_id"]),
        ("patch", "/source/9/", 404, ["path", "source_id"]),
        ("delete", "/source/9/", 404, ["path", "source_id"]),
        ("delete", "/source/x/", 422, ["path", "source_id"]),
        ("get", "/group/x/", 422, ["path", "group_id"]),
        ("get", f"/group/{UNKNOWN}/", 404, ["path", "group_id"]),
        ("delete", f"/group/{UNKNOWN}/", 404, ["path", "group_id"]),
        ("post", f"/group/{UNKNOWN}/source/1/", 404, ["path", "group_id"]),
        ("delete", f"/group/{UNKNOWN}/source/1/", 404, ["path", "group_id"]),
        ("post", f"/group/{UNKNOWN}/source/x/", 422, ["path", "source_id"]),
        ("get", "/record/x/", 422, ["path", "record_id"]),
        ("get", f"/record/{UNKNOWN}/", 404, ["path", "record_id"]),
        ("get", "/tag", 422, ["query", "name"]),
        ("get", "/tag?name=", 422, ["query", "name"]),
        ("get", "/tag?name=none", 404, ["query", "name"]),
        ("get", "/record", 422, ["query", "tag_name"]),
        ("get", "/record/runing", 422, ["query", "tag_name"]),
        ("post", "/source", 422, ["body", "model"]),
        ("post", "/source?model=Camera", 422, ["query", "model"]),
        ("post", "/source?model=Source", 422, ["body", "uri_rtsp"]),
        ("post", "/source?model=PictureSource", 422, ["body", "uri_http_picture", "uri"]),
        ("post", "/group?model=Source", 422, ["body", "name"]),
        ("post", "/group?name=g", 422, ["body", "model"]),
        ("post", "/record?model=Source&tag_name=t", 422, ["body", "group_name"]),
        ("post", "/record?model=Source&group_name=g", 422, ["body", "tag_name"]),
        ("post", "/record?tag_name=t&group_name=g", 422, ["body", "model"]),
        ("post", "/record?model=Source&tag_name=t&group_name=none", 404, ["body", "group_name"]),
        ("put", "/record", 422, ["body", "tag_name"]),
        ("put", "/record?tag_name=none", 404, ["body", "tag_name"]),
        ("put", "/record?tag_name=t&model=Camera", 422, ["query", "model"]),
        ("get", "/nothing", 404, ["path"]),
        ("delete", "/source", 405, ["method"]),
        ("put", "/tag/begin", 405, ["method"]),
    ],
)
def test_what_cannot_be_done_says_where(
    client: FlaskClient, method: str, path: str, status: int, loc: list[str]
) -> None:
    answer = getattr(client, method)(API + path)
    assert answer.status_code == status
    assert answer.content_type == "application/json"
    assert loc in locs(answer)


def test_a_method_that_is_not_allowed_names_those_that_are(client: FlaskClient) -> None:
    allowed = client.delete(f"{API}/source").headers["Allow"]
    assert {"GET", "POST"} <= set(allowed.split(", "))


@pytest.mark.parametrize(
    "body",
    [b"{", b"[]", b"null", b"1", b'"text"', b'{"model": NaN}', b"\xff\xfe", b"[" * 100_000, b'{"a": ' * 50_000],
)
def test_a_body_that_is_no_json_object_is_refused(client: FlaskClient, body: bytes) -> None:
    for method, path in ((client.post, "/source"), (client.put, "/record"), (client.post, "/group")):
        answer = method(API + path, data=body, content_type="application/json")
        assert answer.status_code == 422
        [entry] = answer.json["detail"]
        assert (entry["loc"], entry["type"]) == (["body"], "json_invalid")


def test_a_body_of_another_content_type_is_refused_unless_empty(client: FlaskClient) -> None:
    query = f"{API}/group?model=Source&name="
    assert client.post(query + "a", data=b"<x/>", content_type="text/xml").status_code == 415
    assert client.post(query + "b", data=b"{}").status_code == 415
    assert client.post(query + "c", data=b"", content_type="text/xml").status_code == 200
    assert client.post(query + "d", data=b"{}", content_type="application/vnd.x+json; charset=utf-8").status_code == 200


def test_a_body_that_is_too_large_is_refused(client: FlaskClient) -> None:
    answer = client.post(f"{API}/source", data=b" " * (17 * 1024 * 1024), content_type="application/json")
    assert answer.status_code == 413
    assert locs(answer) == [["body"]]


def test_parameters_come_as_json_form_or_query_and_the_body_wins(client: FlaskClient) -> None:
    answers = [
        client.post(f"{API}/group", json={"model": "Source", "name": "json"}),
        client.post(f"{API}/group", data={"model": "Source", "name": "form"}),
        client.post(f"{API}/group", data={"model": "Source", "name": "parts"}, content_type="multipart/form-data"),
        client.post(f"{API}/group?model=Source&name=query"),
        client.post(f"{API}/group?model=Source&name=lost", json={"name": "body"}),
    ]
    assert [answer.json[0]["name"] for answer in answers] == ["json", "form", "parts", "query", "body"]


@pytest.mark.parametrize(
    ("name", "is_taken"),
    [
        ("n" * 255, True),
        ("n" * 256, False),
        (" " * 300 + "n", True),
        (" \t ", False),
        ("\u00e9\u4e2d\U0001f3a5 a/b?c", True),
        ("a\x00b", False),
        ("a\nb", False),
        ("a\x7fb", False),
        ("a\x85b", False),
        ("a\ud800b", False),
        (5, False),
        (None, False),
        ([], False),
    ],
)
def test_names_have_1_to_255_characters_and_no_control_characters(
    client: FlaskClient, name: Any, is_taken: bool
) -> None:
    answer = client.post(f"{API}/group", json={"model": "Source", "name": name})
    if is_taken:
        assert answer.json[0]["name"] == name.strip()
    else:
        assert answer.status_code == 422
        assert locs(answer) == [["body", "name"]]


def test_a_fault_nobody_foresaw_is_a_500_without_a_trace(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RULES, "fault", {"GET": Rule("viewer", "docs")})

    @app.get("/fault")
    def fault() -> str:
        raise RuntimeError("secret in the message")

    answer = app.test_client().get("/fault")
    assert answer.status_code == 500
    assert answer.json["detail"][0]["type"] == "internal_error"
    assert b"secret" not in answer.data


def test_a_database_that_is_not_there_is_told(config: Any) -> None:
    from app import create_app

    answer = create_app(config).test_client().get(f"{API}/source")
    assert answer.status_code == 503
    assert answer.json["detail"][0]["type"] == "database_unavailable"
    assert b"SELECT" not in answer.data


def objects(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Return objects whose keys are mostly names of the contract."""
    names = ["model", "name", "tag_name", "group_name", "uri_rtsp", "uri_http_picture", "uri", "user", "password"]
    keys = st.sampled_from([*names, "auth", "description", "ffmpeg_cmd"]) | st.text(max_size=5)
    return st.dictionaries(keys, inner, max_size=6)


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=()))
words = st.sampled_from(["Source", "PictureSource", "g", "rtsp://h/", "http://u:***@h/?pwd=x", "***", "", UNKNOWN])
values = st.recursive(scalars | words, lambda inner: st.lists(inner, max_size=3) | objects(inner), max_leaves=8)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=objects(words | values), path=st.sampled_from(["source", "source/1", "group", "record"]), is_put=st.booleans()
)
def test_no_body_whatever_makes_the_server_fail(client: FlaskClient, body: Any, path: str, is_put: bool) -> None:
    method = client.put if is_put else client.post
    assert method(f"{API}/{path}", json=body).status_code < 500
    flat = {key: value for key, value in body.items() if isinstance(value, str)}
    form = {key: value for key, value in flat.items() if (key + value).isprintable()}
    assert method(f"{API}/{path}", data=form).status_code < 500


@pytest.mark.parametrize("path", ["/api/v1/group", "/api/v1/record", "/playbackapi/timeline", "/healthz", "/"])
def test_options_names_the_methods_and_no_type_of_nothing(client: FlaskClient, path: str) -> None:
    answer = client.options(path)
    assert (answer.status_code, answer.data) == (200, b"")
    assert {"GET", "HEAD", "OPTIONS"} <= set(answer.headers["Allow"].split(", "))
    assert "Content-Type" not in answer.headers
    assert client.options("/api/v1/nothing").headers["Content-Type"] == "application/json"
