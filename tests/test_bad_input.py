"""What every field refuses, what it keeps as it is, and that a password is to be found nowhere."""

import io
import json
import logging
import unicodedata
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.access.rules import RULES, Rule
from app.extensions import db
from app.personalulti import CONTROLS
from app.views.refusals import KINDS
from tests.test_api import API, UNKNOWN, add_group, add_source, locs, start

FORM = "application/x-www-form-urlencoded"
GOOD = {"model": "Source", "uri_rtsp": "rtsp://h/x"}
PICTURE = ("body", "uri_http_picture")
RTL, EMOJI, JOINED = "שלום \u202eabc\u202c", "\U0001f6aa\U0001f3fd", "\U0001f469\u200d\U0001f52c"


BAD_FIELDS: list[tuple[tuple[str, ...], list[Any]]] = [
    (("body", "model"), ["source", "Camera", "", None, "Source ", "Sоurce"]),
    (("body", "description"), ["x" * 4097, "a\x00b", "a\x1bb", "a\x7fb", "a\x85b", "a\ud800b", "a\rb", "\ufeff\x00"]),
    (
        ("body", "uri_rtsp"),
        [
            "http://h/x",
            "https://h/x",
            "file:///etc/passwd",
            "javascript:alert(1)",
            "data:text/plain,x",
            "rtmp://h/x",
            "concat:rtsp://h/x",
            "rtsp:h",
            "rtsp://",
            "//h/x",
            "h",
            "rtsp://h:99999/",
            "rtsp://h/ x",
            "rtsp://h/\nfile:///etc/passwd",
            "rtsp://h/\r\nx",
            "rtsp://h/\x00",
            "rtsp://h/\u2028x",
            "rtsp://h/\ud800",
            "rtsp://h\\@evil/",
            "rtsp://h'/",
            "rtsp://h/" + "x" * 2040,
            "rtsp://[::1",
            "rtsp://u:p@/x",
        ],
    ),
    (
        (*PICTURE, "uri"),
        [
            "rtsp://h/x",
            "file:///etc/passwd",
            "ftp://h/x",
            "gopher://h/x",
            "javascript:alert(1)",
            "http://",
            "http:/h",
            "http://h/\nX: y",
            "http://h/\r\nHost: evil",
            "http://h/ x",
            "http://h/\x00",
            "http://h/\ud800",
            "http://h/" + "x" * 2040,
            5,
            True,
            ["http://h/"],
        ],
    ),
    ((*PICTURE, "auth"), ["ntlm", "Basic", "", 5, True, ["basic"]]),
    ((*PICTURE, "user"), ["x" * 256, "a\nb", "a\x00b", "a\ud800b", 5, True, ["u"]]),
    ((*PICTURE, "password"), ["x" * 256, "a\nb", "a\x00b", "a\ud800b", 5, True, ["p"]]),
    (("body", "ffmpeg_cmd"), ["x" * 2049, "ffmpeg", "ls", "ffmpeg -i {uri}\n{output}", "\ud800", "a\x00"]),
]


@pytest.mark.parametrize(("loc", "values"), BAD_FIELDS, ids=lambda part: part[-1] if isinstance(part, tuple) else "")
def test_what_a_field_of_a_source_cannot_be_is_refused_there(
    client: FlaskClient, loc: tuple[str, ...], values: list[Any]
) -> None:
    add_source(client, uri_http_picture={"uri": "http://h/"})
    for value in values:
        inner = {"uri": "http://h/", loc[-1]: value} if loc[:2] == PICTURE else value
        for answer in (
            client.post(f"{API}/source", json={**GOOD, loc[1]: inner}),
            client.put(f"{API}/source/1/", json={loc[1]: inner}),
        ):
            assert answer.status_code == 422, (value, answer.text)
            assert locs(answer) == [list(loc)], value
    assert len(client.get(f"{API}/source").json) == 1


KEPT: list[tuple[str, Any]] = [
    ("description", RTL),
    ("description", EMOJI + JOINED),
    ("description", "a\nb\tc"),
    ("description", "é" + "e\u0301"),  # not normalised: what was given comes back
    ("description", "<script>alert(1)</script>"),
    ("description", "'; DROP TABLE source; --"),
    ("description", "x" * 4096),
    ("description", EMOJI[0] * 4096),
    ("uri_rtsp", "rtsp://h/" + "x" * 2039),
    ("uri_rtsp", "rtsp://127.0.0.1/loopback/is/allowed"),
    ("uri_rtsp", "rtsp://h/it's%0afile%20x"),
    ("uri_rtsp", f"rtsp://h/{RTL[:4]}{EMOJI}"),
    ("uri_rtsp", "RTSP://H:554/x?a=1#f"),
]


@pytest.mark.parametrize(("name", "value"), KEPT, ids=[f"{name} {number}" for number, (name, _) in enumerate(KEPT)])
def test_what_is_unusual_but_allowed_comes_back_as_it_was_given(client: FlaskClient, name: str, value: Any) -> None:
    source = add_source(client, **{name: value})
    assert source[name] == value
    assert client.get(f"{API}/source/{source['id']}/").json[name] == value
    form = client.post(f"{API}/source", data={**GOOD, name: value})
    assert form.json[name] == value


def test_numbers_are_no_texts_in_json_and_texts_are_all_there_is_in_forms(client: FlaskClient) -> None:
    assert locs(client.post(f"{API}/group", json={"model": "Source", "name": 5})) == [["body", "name"]]
    assert client.post(f"{API}/group", data={"model": "Source", "name": "5"}).json[0]["name"] == "5"
    assert client.post(f"{API}/group?model=Source&name=true").json[0]["name"] == "true"
    for value in ("1.0", "1e0", "+1", " 1", "1 ", "0x1", "１", "1_0"):
        assert client.get(f"{API}/source/{quote(value)}/").status_code == 422, value


def test_nothing_is_read_of_a_file_in_a_form(client: FlaskClient) -> None:
    upload = {"model": "Source", "name": (io.BytesIO(b"x"), "name.txt")}
    assert locs(client.post(f"{API}/group", data=upload)) == [["body", "name"]]


def test_a_value_that_is_nested_without_end_is_refused(client: FlaskClient) -> None:
    for depth in (50, 900, 5000):
        deep: str = "[" * depth + "]" * depth
        body = f'{{"model": "Source", "name": {deep}}}'
        answer = client.post(f"{API}/group", data=body, content_type="application/json")
        assert answer.status_code == 422
        assert locs(answer) in ([["body", "name"]], [["body"]])
        answer = client.post(f"{API}/source", data={**GOOD, "uri_http_picture": deep})
        assert (answer.status_code, locs(answer)) == (422, [["body", "uri_http_picture"]])


def test_a_number_without_end_is_refused(client: FlaskClient) -> None:
    for number in ("9" * 40, "9" * 5000, "1e400", "-" + "9" * 400):
        body = f'{{"model": "Source", "name": {number}}}'
        answer = client.post(f"{API}/group", data=body, content_type="application/json")
        assert answer.status_code == 422, number[:9]


def test_bytes_that_are_not_utf_8_are_refused(client: FlaskClient) -> None:
    """A query of raw bytes: gunicorn refuses it, another server may hand it on."""
    answer = client.get(f"{API}/tag", environ_overrides={"QUERY_STRING": "name=\xff"})
    assert (answer.status_code, locs(answer)) == (422, [["query"]])
    answer = client.post(
        f"{API}/group", data=b"model=Source&name=\xff", content_type="application/x-www-form-urlencoded"
    )
    assert (answer.status_code, locs(answer)) == (422, [["body"]])
    for charset in ("latin-1", "utf-16", "nonsense"):
        kind = f"application/json; charset={charset}"
        answer = client.post(f"{API}/group", data=b'{"model": "Source", "name": "\xfc"}', content_type=kind)
        assert (answer.status_code, locs(answer)) == (422, [["body"]])


def test_a_body_that_breaks_off_changes_nothing(client: FlaskClient) -> None:
    """Regression: of a form that broke off, what had come was taken."""
    short = b"model=Source&name=half a na"
    environ = {"CONTENT_LENGTH": "60", "wsgi.input_terminated": True}
    answer = client.post(
        f"{API}/group",
        input_stream=io.BytesIO(short),
        content_type=FORM,
        environ_overrides=environ,
    )
    assert answer.status_code in (400, 422)
    assert answer.json["detail"]
    assert client.get(f"{API}/group").json == []


def test_too_many_requests_is_told_in_the_same_shape(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RULES, "often", {"GET": Rule("viewer", "docs")})
    from werkzeug.exceptions import TooManyRequests

    @app.get("/often")
    def often() -> str:
        raise TooManyRequests(retry_after=7)

    answer = app.test_client().get("/often")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "7")
    assert (locs(answer), answer.json["detail"][0]["type"]) == ([[]], "too_many_requests")


def test_a_range_outside_a_file_is_told_in_the_word_that_the_document_names(client: FlaskClient) -> None:
    """Regression: files of our own pages had another word for it than films."""
    answer = client.get("/static/plain.css", headers={"Range": "bytes=999999-"})
    assert (answer.status_code, locs(answer)) == (416, [["header", "Range"]])
    assert answer.json["detail"][0]["type"] == KINDS[416] == "range_unsatisfiable"


# --- A password is to be found nowhere --------------------------------------------------------------------------------

SECRET = "xY7-distinctive-horse"
ADDRESSES = [
    f"rtsp://admin:{SECRET}@127.0.0.1:1/cam",
    f"rtsp://127.0.0.1:1/cam?user=admin&password={SECRET}",
    f"rtsp://127.0.0.1:1/user=admin&password={SECRET}&channel=1",
    f"rtsp://127.0.0.1:1/user=admin_pwd={SECRET}_channel=1",
    f"RTSP://admin:{SECRET}@[::1]:1/cam",
]
MISUSED = [
    f"http://admin:{SECRET}@h/",
    f"rtsp://admin:{SECRET}@h:99999/",
    f"rtsp://admin:{SECRET}/x@h/",
    f"rtsp://admin:{SECRET} @h/",
    f"rtsp://admin:{SECRET}@h/\n",
]


def misuse(client: FlaskClient) -> list[Any]:
    """Return answers to requests that hold the password where it is refused."""
    answers = []
    for text in MISUSED:
        command = f"ffmpeg -i {{uri}} {text.strip()} {{output}}"
        for body in ({**GOOD, "uri_rtsp": text}, {**GOOD, "uri_http_picture": text}, {**GOOD, "ffmpeg_cmd": command}):
            answers += [client.post(f"{API}/source", json=body), client.put(f"{API}/source/1/", json=body)]
    for picture in (
        {"uri": "rtsp://h/", "password": SECRET},
        {"password": [SECRET]},
        {"password": SECRET, "auth": "x"},
    ):
        answers.append(client.put(f"{API}/source/1/", json={"uri_http_picture": picture}))
    body = json.dumps({**GOOD, "uri_rtsp": ADDRESSES[0]})
    answers.append(client.post(f"{API}/source", data=body[:-1], content_type="application/json"))
    answers.append(client.post(f"{API}/source", data=body, content_type="text/plain"))
    twice = [("uri_rtsp", ADDRESSES[0]), ("uri_rtsp", ADDRESSES[1])]
    answers.append(client.post(f"{API}/source", query_string=twice))
    for path in (f"/source/rtsp:%2F%2Fadmin:{SECRET}@h", f"/record/http:%2F%2Fadmin:{SECRET}@h"):
        answers.append(client.get(API + path))
    for query in (f"/tag?name=rtsp://admin:{SECRET}@h/", f"/record/runing?tag_name=x&password={SECRET}"):
        answers.append(client.get(API + query))
    answers.append(client.post(f"{API}/record", json={"model": "Source", "tag_name": "t", "group_name": ADDRESSES[0]}))
    return answers


def walk_all(app: Flask, client: FlaskClient) -> list[Any]:
    """Return the answers of every GET of the app, with ids that exist and ids that do not."""
    answers = []
    record_id = client.get(f"{API}/record?tag_name=t").json[0]["id"]
    group_id = client.get(f"{API}/group").json[0]["id"]
    known = {"source_id": 1, "record_id": record_id, "group_id": group_id, "start_us": 1, "entries": "1-0"}
    for rule in app.url_map.iter_rules():
        if "GET" not in (rule.methods or ()) or rule.endpoint.endswith("static") or rule.rule.endswith("/video"):
            continue
        for ids in (known, dict.fromkeys(rule.arguments, UNKNOWN)):
            values = {name: ids.get(name, UNKNOWN) for name in rule.arguments}
            path = rule.rule
            for name, value in values.items():
                path = path.replace(f"<{name}>", str(value))
            query = {"tag_name": "t", "name": "t", "start": "0", "end": "9", "source_id": "1", "at": "1"}
            answers.append(client.get(path, query_string=query))
    return answers


def test_a_password_is_in_no_answer_log_metric_document_or_file(
    app: Flask, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    caplog.set_level(logging.DEBUG)
    client = app.test_client()
    picture = {"uri": f"http://h/p?pwd={SECRET}", "auth": "digest", "user": "u", "password": SECRET}
    answers = [
        client.post(f"{API}/source", json={"model": "Source", "uri_rtsp": uri, "uri_http_picture": picture})
        for uri in ADDRESSES
    ]
    assert {answer.status_code for answer in answers} == {200}
    moved = client.post(f"{API}/source", json={**GOOD, "uri_http_picture": {"uri": f"http://u:{SECRET}@h/p"}})
    add_group(client, "g", *(answer.json for answer in [*answers, moved]))
    answers += [moved, start(client, "t", "g")]
    refused = misuse(client)
    assert not [answer.status_code for answer in refused if answer.status_code not in (200, 404, 415, 422)]
    answers += refused + walk_all(app, client)
    answers += [
        client.delete(f"{API}/source/1/"),
        client.put(f"{API}/record?tag_name=t"),
        client.delete(f"{API}/source/1/"),
    ]
    for answer in answers:
        assert SECRET.encode() not in answer.data, answer.request.url
        assert SECRET not in str(answer.headers), answer.request.url
    assert SECRET not in caplog.text
    printed = capfd.readouterr()
    assert SECRET not in printed.out + printed.err
    with app.app_context():
        db.engine.dispose()  # what is still in memory is written
    for path in sorted(tmp_path.rglob("*")):
        if path.is_file():
            assert SECRET.encode() not in path.read_bytes(), path


def test_what_is_no_character_is_what_unicode_says() -> None:
    found = {chr(code) for code in range(0x110000) if CONTROLS.match(chr(code))}
    assert found == {chr(code) for code in range(0x110000) if unicodedata.category(chr(code)) in ("Cc", "Cs")}


@pytest.mark.parametrize(
    ("text", "kind", "said"),
    [
        ("a" * 15_000_000 + "\x00", "string_too_long", "4096"),
        ("é" * 4095 + "\x1b", "control_character", "U+001B at position 4095"),
        ("a\ud800b", "string_unicode", ""),
    ],
    ids=["endless", "at the end", "half a character"],
)
def test_a_text_is_measured_before_it_is_read(client: FlaskClient, text: str, kind: str, said: str) -> None:
    for path, body in (("source", {**GOOD, "description": text}), ("source/bulk", [{**GOOD, "description": text}])):
        answer = client.post(f"{API}/{path}", json=body)
        [entry] = answer.get_json()["detail"]
        assert (answer.status_code, entry["type"], entry["loc"][-1]) == (422, kind, "description")
        assert said in entry["msg"]


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("source", {**GOOD, "uri_http_picture": [1]}, "must be an object with uri, auth, user, password"),
        (
            "source/bulk",
            ["x"],
            "must be an object with model, description, uri_rtsp, uri_http_picture, ffmpeg_cmd, group_name",
        ),
        ("source/bulk", [{**GOOD, "uri_http_picture": 1}], "must be an object with uri, auth, user, password"),
        ("source", {**GOOD, "description": 1}, "must be a text"),
        ("source", {**GOOD, "description": "x" * 4097}, "must have at most 4096 characters"),
        ("source", {**GOOD, "model": "x"}, "must be 'Source' or 'PictureSource'"),
        ("group", {"model": "Source"}, "must be given"),
        ("group", {"model": "Source", "name": " "}, "must not be empty"),
        ("copy", {"record_id": "x"}, "must be a UUID, as that of a record"),
    ],
)
def test_what_is_wrong_is_told_in_the_words_of_the_api(client: FlaskClient, path: str, body: Any, said: str) -> None:
    answer = client.post(f"{API}/{path}", json=body)
    assert (answer.status_code, answer.json["detail"][0]["msg"]) == (422, said)


@pytest.mark.parametrize(
    ("window", "said"),
    [
        ({"begin": "8:30"}, "must be a time as 08:30, 00:00 to 23:59"),
        ({"end": "24:01"}, "must be a time as 08:30, 00:00 to 24:00"),
        ({"end": "08:30\n"}, "must be a time as 08:30, 00:00 to 24:00"),
        ({"day": "Monday"}, "must be 'monday', 'tuesday',"),
    ],
)
def test_a_time_that_is_none_is_told_as_such(client: FlaskClient, window: dict[str, Any], said: str) -> None:
    group_id = add_group(client, "g")
    given = {"day": "monday", "begin": "08:30", "end": "24:00", **window}
    values = {"tag_name": "t", "time_zone": "Europe/Berlin", "windows": [given]}
    answer = client.put(f"{API}/group/{group_id}/schedule", json=values)
    assert answer.status_code == 422
    assert answer.json["detail"][0]["msg"].startswith(said)


PART = b'--b\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'
PARTS = "multipart/form-data; boundary=b"


@pytest.mark.parametrize("text", ["%ff%fe", "a%C3", "%ED%A0%80", "%c0%80"])
def test_escapes_that_are_not_utf_8_are_refused_in_forms_and_queries(client: FlaskClient, text: str) -> None:
    pairs = f"model=Source&name={text}"
    asked = {
        "body": client.post(f"{API}/group", data=pairs, content_type=FORM),
        "query": client.post(f"{API}/group?{pairs}"),
    }
    for place, answer in asked.items():
        [entry] = answer.json["detail"]
        assert (answer.status_code, entry["loc"], entry["type"]) == (422, [place, "name"], "unicode")
    assert client.get(f"{API}/tags?q={text}").status_code == 422
    assert client.get(f"{API}/group").json == []


def test_a_part_of_a_form_that_is_not_utf_8_is_refused(client: FlaskClient) -> None:
    model, end = PART % (b"model", b"Source"), b"--b--\r\n"
    refused = client.post(f"{API}/group", data=model + PART % (b"name", b"a\xffb") + end, content_type=PARTS)
    assert (refused.status_code, locs(refused)) == (422, [["body", "name"]])
    for name in ("\ufffd", "é%ff", "100 %"):
        made = client.post(f"{API}/group", data=model + PART % (b"name", name.encode()) + end, content_type=PARTS)
        assert (made.status_code, made.json[0]["name"]) == (200, name)


def test_what_is_encoded_as_it_should_be_is_taken(client: FlaskClient) -> None:
    for name in ("é", "100 %", "%FF%FE", "a&b=c", "\U0001f6aa"):
        made = client.post(f"{API}/group", data={"model": "Source", "name": name}, content_type=FORM)
        assert (made.status_code, made.json[0]["name"]) == (200, name)
