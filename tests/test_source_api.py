"""Sources: addresses, passwords that never come back, templates, and what a change changes."""

import logging
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, text

from app.extensions import db
from app.models import Source
from tests.test_api import API, add_group, add_picture_source, add_source, locs, start

PASSWORD = "correct-horse"
RTSP = f"rtsp://admin:{PASSWORD}@127.0.0.1:1/cam?x=1"
HIDDEN_RTSP = "rtsp://admin:***@127.0.0.1:1/cam?x=1"
PICTURE = {"uri": "http://127.0.0.1:1/picture", "auth": "digest", "user": "admin", "password": PASSWORD}
ONE = f"{API}/source/1/"


def stored(app: Flask) -> Source:
    """Return the row of source 1."""
    with app.app_context():
        return db.session.scalars(select(Source).where(Source.id == 1)).one()


def test_a_password_is_in_no_answer_no_log_no_repr_and_not_in_clear_in_the_database(
    app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    client = app.test_client()
    answers = [client.post(f"{API}/source", json={"model": "Source", "uri_rtsp": RTSP, "uri_http_picture": PICTURE})]
    add_group(client, "g", answers[0].json)
    answers += [client.get(f"{API}/source"), client.get(ONE), client.put(ONE, json={"description": "d"})]
    answers += [start(client, "t", "g"), client.get(f"{API}/tag?name=t"), client.get(f"{API}/record?tag_name=t")]
    answers += [client.put(ONE, json={"uri_rtsp": f"rtsp://admin:{PASSWORD}/x@host/"})]
    answers += [client.put(ONE, json={"uri_rtsp": {"x": PASSWORD}, "uri_http_picture": {"password": [PASSWORD]}})]
    answers += [client.put(f"{API}/record?tag_name=t"), client.delete(ONE)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 200, 204, 200, 200, 422, 422, 204, 200]
    assert not any(PASSWORD in answer.get_data(as_text=True) for answer in answers)
    assert answers[0].json["uri_rtsp"] == HIDDEN_RTSP
    assert answers[0].json["uri_http_picture"] == {**PICTURE, "password": "***"}
    assert PASSWORD not in caplog.text
    row = stored(app)
    assert row.uri_rtsp == RTSP
    assert row.picture_password == PASSWORD
    assert PASSWORD not in repr(row)
    with app.app_context():
        cells = db.session.execute(text("SELECT * FROM source")).one()
    assert PASSWORD not in str(cells)


def test_a_put_of_the_answer_itself_changes_nothing(app: Flask) -> None:
    client = app.test_client()
    template = "ffmpeg -rtsp_transport udp -i {uri} -c:v libx264 -c:a copy {output}"
    source = add_source(client, uri_rtsp=RTSP, uri_http_picture=PICTURE, description="d", ffmpeg_cmd=template)
    for method in (client.put, client.patch):
        assert method(ONE, json=source).json == source
        assert method(ONE, json={}).json == source
        assert method(ONE).json == source
    row = stored(app)
    assert (row.uri_rtsp, row.picture_password, row.ffmpeg_cmd) == (RTSP, PASSWORD, template)


@pytest.mark.parametrize(
    ("change", "loc"),
    [
        ({"uri_rtsp": "rtsp://admin:***@127.0.0.2:1/cam"}, ["body", "uri_rtsp"]),
        ({"uri_rtsp": "rtsp://admin:***@127.0.0.1:2/cam"}, ["body", "uri_rtsp"]),
        ({"uri_rtsp": "rtsp://root:***@127.0.0.1:1/cam"}, ["body", "uri_rtsp"]),
        ({"uri_rtsp": "rtsps://admin:***@127.0.0.1:1/cam"}, ["body", "uri_rtsp"]),
        *[
            ({"uri_http_picture": {**keep, **change}}, ["body", "uri_http_picture", "password"])
            for keep in ({}, {"password": "***"}, {**PICTURE, "password": "***"})
            for change in ({"uri": "http://127.0.0.2:1/picture"}, {"uri": "https://127.0.0.1:1/"}, {"user": "root"})
        ],
    ],
)
def test_a_changed_host_or_user_never_receives_the_stored_password(
    app: Flask, change: dict[str, Any], loc: list[str]
) -> None:
    client = app.test_client()
    add_source(client, uri_rtsp=RTSP, uri_http_picture=PICTURE)
    answer = client.put(ONE, json=change)
    assert answer.status_code == 422
    assert locs(answer) == [loc]
    assert answer.json["detail"][0]["type"] == "masked_password"
    assert stored(app).uri_rtsp == RTSP
    assert stored(app).picture_uri == PICTURE["uri"]


def test_a_mask_keeps_the_password_while_the_path_changes(app: Flask) -> None:
    client = app.test_client()
    add_source(client, uri_rtsp=RTSP, uri_http_picture=PICTURE)
    picture = {"uri": "http://127.0.0.1:1/other", "password": "***", "auth": "basic"}
    answer = client.put(ONE, json={"uri_rtsp": "rtsp://admin:***@127.0.0.1:1/other", "uri_http_picture": picture})
    assert answer.status_code == 200
    row = stored(app)
    assert row.uri_rtsp == f"rtsp://admin:{PASSWORD}@127.0.0.1:1/other"
    assert (row.picture_uri, row.picture_auth) == ("http://127.0.0.1:1/other", "basic")
    assert (row.picture_user, row.picture_password) == ("admin", PASSWORD)


@pytest.mark.parametrize(
    ("values", "loc"),
    [
        ({"uri_rtsp": HIDDEN_RTSP}, ["body", "uri_rtsp"]),
        ({"uri_http_picture": {**PICTURE, "password": "***"}}, ["body", "uri_http_picture", "password"]),
        ({"uri_http_picture": {"uri": "http://u:***@h/"}}, ["body", "uri_http_picture", "password"]),
        ({"uri_http_picture": {"uri": "http://h/?pwd=***"}}, ["body", "uri_http_picture", "uri"]),
    ],
)
def test_a_new_source_takes_no_mask_for_a_password(client: FlaskClient, values: dict[str, Any], loc: list[str]) -> None:
    answer = client.post(f"{API}/source", json={"model": "Source", "uri_rtsp": "rtsp://h/", **values})
    assert answer.status_code == 422
    [entry] = answer.json["detail"]
    assert (entry["loc"], entry["type"]) == (loc, "masked_password")
    assert "shown instead of a password" in entry["msg"]
    assert "give the password itself" in entry["msg"]
    assert "changed" not in entry["msg"]


def test_null_clears_what_may_be_empty_and_the_rest_is_required(client: FlaskClient) -> None:
    source = add_source(
        client, uri_http_picture=PICTURE, description="d", ffmpeg_cmd="ffmpeg -i {uri} -an -c:v copy {output}"
    )
    empty = {"uri": None, "auth": None, "user": None, "password": None}
    cleared = client.put(ONE, json={"description": None, "uri_http_picture": None, "ffmpeg_cmd": None}).json
    assert (cleared["description"], cleared["uri_http_picture"]) == (None, empty)
    assert cleared["ffmpeg_cmd"] != source["ffmpeg_cmd"]
    assert locs(client.put(ONE, json={"uri_rtsp": None})) == [["body", "uri_rtsp"]]
    assert locs(client.put(ONE, json={"model": None})) == [["body", "model"]]
    assert locs(client.put(ONE, json={"model": "PictureSource"})) == [["body", "model"]]
    assert locs(client.put(ONE, json={"uri_http_picture": {"user": "u"}})) == [["body", "uri_http_picture", "uri"]]
    add_picture_source(client, uri_rtsp="rtsp://h/")
    other = f"{API}/source/2/"
    assert client.put(other, json={"uri_rtsp": None}).json["uri_rtsp"] is None
    for nothing in (None, {"uri": None}, {"uri": ""}):
        refused = client.put(other, json={"uri_http_picture": nothing})
        assert locs(refused) == [["body", "uri_http_picture", "uri"]]


@pytest.mark.parametrize(
    "how",
    [
        {"data": {"uri_http_picture": '{"uri": "http://h/p", "auth": "basic", "user": "u", "password": "p"}'}},
        {
            "data": {
                f"uri_http_picture.{key}": value
                for key, value in zip(
                    ("uri", "auth", "user", "password"), ("http://h/p", "basic", "u", "p"), strict=True
                )
            }
        },
        {"data": {"uri": "http://h/p", "auth": "basic", "user": "u", "password": "p"}},
        {"query_string": {"uri": "http://h/p", "auth": "basic", "user": "u", "password": "p"}},
        {"query_string": {"uri_http_picture": '{"uri": "http://h/p", "user": "u"}', "auth": "basic", "password": "p"}},
        {"json": {"uri_http_picture": {"uri": "http://h/p", "auth": "basic", "user": "u", "password": "p"}}},
        {"json": {"uri_http_picture": {"uri": "http://u:p@h/p", "auth": "basic", "user": None}}},
    ],
)
def test_a_picture_address_comes_as_object_text_dotted_or_flat(app: Flask, how: dict[str, Any]) -> None:
    for part in how.values():
        part["model"] = "PictureSource"
    answer = app.test_client().post(f"{API}/source", **how)
    assert answer.status_code == 200, answer.json
    expected = {"uri": "http://h/p", "auth": "basic", "user": "u", "password": "***"}
    assert answer.json["uri_http_picture"] == expected
    assert stored(app).picture_password == "p"


@pytest.mark.parametrize(
    ("values", "loc"),
    [
        ({"uri_rtsp": "http://h/"}, ["body", "uri_rtsp"]),
        ({"uri_rtsp": "rtsp://h/" + "x" * 2040}, ["body", "uri_rtsp"]),
        ({"uri_rtsp": "rtsp://h/\x00"}, ["body", "uri_rtsp"]),
        ({"uri_rtsp": 5}, ["body", "uri_rtsp"]),
        ({"uri_http_picture": {"uri": "rtsp://h/"}}, ["body", "uri_http_picture", "uri"]),
        ({"uri_http_picture": {"uri": "http://h/", "auth": "ntlm"}}, ["body", "uri_http_picture", "auth"]),
        ({"uri_http_picture": {"uri": "http://h/", "user": "a\nb"}}, ["body", "uri_http_picture", "user"]),
        ({"uri_http_picture": "http://h/"}, ["body", "uri_http_picture"]),
        ({"description": "x" * 4097}, ["body", "description"]),
        ({"description": "\x1b[31m"}, ["body", "description"]),
        ({"description": "\ud800"}, ["body", "description"]),
        ({"description": 5}, ["body", "description"]),
        ({"ffmpeg_cmd": "ffmpeg -i {uri} -evil 1 {output}"}, ["body", "ffmpeg_cmd"]),
        ({"ffmpeg_cmd": "rm -rf /"}, ["body", "ffmpeg_cmd"]),
        ({"ffmpeg_cmd": 5}, ["body", "ffmpeg_cmd"]),
    ],
)
def test_a_wrong_value_is_named_and_nothing_is_added(
    client: FlaskClient, values: dict[str, Any], loc: list[str]
) -> None:
    answer = client.post(f"{API}/source", json={"model": "Source", "uri_rtsp": "rtsp://h/", **values})
    assert answer.status_code == 422
    assert locs(answer) == [loc]
    assert client.get(f"{API}/source").json == []


def test_every_wrong_value_has_an_entry(client: FlaskClient) -> None:
    answer = client.post(f"{API}/source?uri_rtsp=nonsense", json={"model": "X", "description": 1})
    assert sorted(locs(answer)) == [["body", "description"], ["body", "model"], ["query", "uri_rtsp"]]


@pytest.mark.parametrize("words", ["", "a\nb\tc", "a\r\nb", "x" * 4096, "Tür \u200d \U0001f6aa ‮", "  spaces  "])
def test_a_description_is_kept_as_given(client: FlaskClient, words: str) -> None:
    assert add_source(client, description=words)["description"] == words
    assert client.get(ONE).json["description"] == words


@pytest.mark.parametrize("given", [None, "", "  ", "left out"])
def test_the_default_template_is_shown_and_accepted_back(app: Flask, given: str | None) -> None:
    client = app.test_client()
    values = {} if given == "left out" else {"ffmpeg_cmd": given}
    for source in (add_source(client, **values), add_picture_source(client, **values)):
        assert "{uri}" in source["ffmpeg_cmd"]
        assert "{output}" in source["ffmpeg_cmd"]
        again = client.put(f"{API}/source/{source['id']}/", json={"ffmpeg_cmd": source["ffmpeg_cmd"]})
        assert again.json == source


def test_a_changed_address_is_of_unknown_status_until_measured(app: Flask) -> None:
    client = app.test_client()
    add_source(client)
    with app.app_context():
        db.session.execute(text("UPDATE source SET status = 'online'"))
        db.session.commit()
    assert client.put(ONE, json={"description": "d"}).json["status"] == "online"
    assert client.put(ONE, json={"uri_http_picture": PICTURE}).json["status"] == "online"
    assert client.put(ONE, json={"uri_rtsp": "rtsp://127.0.0.1:2/"}).json["status"] == "unknown"
