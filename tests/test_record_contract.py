"""The tables of record-api.md, row by row: each request with its parameters, what it answers, and what it refuses.

tests/test_api.py, test_source_api.py and test_record_api.py say what the answers mean; here are their forms alone.
"""

import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.extensions import writing
from app.models import Record, Source, Tag
from instance.config import TestingConfig
from tests.archived import media as media
from tests.archived import record as archive
from tests.conftest import open_app
from tests.test_api import API, UNKNOWN, UTC, UUID, add_group, add_picture_source, add_source, start

RECORDING, FREE, PICTURES = 1, 2, 3
TYPE = re.compile(r"[a-z][a-z0-9_]*")
Shape = Callable[[Any], bool]


# --- The objects ------------------------------------------------------------------------------------------------------


def is_text(value: Any) -> bool:
    return isinstance(value, str)


def is_instant(value: Any) -> bool:
    return is_text(value) and bool(UTC.fullmatch(value))


def is_uuid(value: Any) -> bool:
    return is_text(value) and bool(UUID.fullmatch(value))


def is_bool(value: Any) -> bool:
    return isinstance(value, bool)


def or_null(shape: Shape) -> Shape:
    return lambda value: value is None or shape(value)


def one_of(*words: str) -> Shape:
    return lambda value: value in words


def listed(shape: Shape, *, count: int | None = None) -> Shape:
    return lambda value: (
        isinstance(value, list) and count in (None, len(value)) and all(shape(entry) for entry in value)
    )


def having(**fields: Shape) -> Shape:
    """Return the shape of an object with exactly these fields."""
    return lambda value: set(value) == set(fields) and all(fields[name](value[name]) for name in fields)


PICTURE_FIELDS = {
    "uri": or_null(is_text),
    "auth": or_null(one_of("basic", "digest")),
    "user": or_null(is_text),
    "password": or_null(one_of("***")),
}
SOURCE_FIELDS: dict[str, Shape] = {
    "id": lambda value: isinstance(value, int) and not is_bool(value),
    "created_utc": is_instant,
    "status": one_of("online", "offline", "unauthorised", "no_video", "unknown"),
    "uri_rtsp": or_null(is_text),
    "uri_http_picture": having(**PICTURE_FIELDS),
    "description": or_null(is_text),
    "ffmpeg_cmd": is_text,
}
SOURCE = having(**SOURCE_FIELDS)
RECORD_FIELDS: dict[str, Shape] = {
    "id": is_uuid,
    "created_utc": is_instant,
    "status": one_of("recording", "waiting", "done", "failed", "deleted"),
    "begin_utc": is_instant,
    "end_utc": or_null(is_instant),
    "source": SOURCE,
    "hash_md5": or_null(lambda value: bool(re.fullmatch(r"[0-9a-f]{32}", value))),
    "location": is_text,
    "sync_location": or_null(is_text),
}
RECORD = having(**RECORD_FIELDS)
LISTED_RECORD = having(**{**RECORD_FIELDS, "source": listed(SOURCE, count=1)})
GROUP_FIELDS: dict[str, Shape] = {"id": is_uuid, "created_utc": is_instant, "name": is_text}
GROUP = having(**GROUP_FIELDS)
GROUP_WITH_SOURCES = having(**GROUP_FIELDS, sources=listed(SOURCE))
TAG = having(**GROUP_FIELDS, records=listed(RECORD))


# --- The tables -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """A row: request, parameters (those that are required first), shape of the answer, None for no data."""

    method: str
    path: str
    answer: Shape | None
    parameters: dict[str, Any] = field(default_factory=dict)
    required: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        """Where a missing parameter is missing: GET has no body."""
        return "query" if self.method == "GET" else "body"

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


PICTURE = {"uri": "http://127.0.0.1:1/p", "auth": "digest", "user": "u", "password": "p"}
NEW_SOURCE = {
    "model": "Source",
    "uri_rtsp": "rtsp://u:p@127.0.0.1:1/x",
    "description": "door",
    "uri_http_picture": PICTURE,
    "ffmpeg_cmd": "ffmpeg -i {uri} -c copy {output}",
}
ROWS = [
    # Sources (incoming streams)
    Row("GET", "/source", listed(SOURCE, count=3)),
    Row("POST", "/source", SOURCE, NEW_SOURCE, ("model", "uri_rtsp")),
    Row("GET", "/source/{source_id}/", SOURCE),
    Row("PUT", "/source/{source_id}/", SOURCE, NEW_SOURCE),
    Row("PATCH", "/source/{source_id}/", SOURCE, NEW_SOURCE),
    Row("DELETE", "/source/{source_id}/", SOURCE),
    # Recording
    Row("GET", "/record", listed(LISTED_RECORD, count=1), {"tag_name": "t"}, ("tag_name",)),
    Row(
        "POST",
        "/record",
        None,
        {"model": "Source", "tag_name": "new", "group_name": "idle"},
        ("model", "tag_name", "group_name"),
    ),
    Row("PUT", "/record", None, {"tag_name": "t", "model": "Source"}, ("tag_name",)),
    Row("GET", "/record/runing", is_bool, {"tag_name": "t"}, ("tag_name",)),
    Row("GET", "/record/{record_id}/", RECORD),
    # Groups of cameras
    Row("GET", "/group", listed(GROUP, count=3)),
    Row("POST", "/group", listed(GROUP, count=1), {"model": "PictureSource", "name": "new"}, ("model", "name")),
    Row("GET", "/group/{group_id}/", GROUP_WITH_SOURCES),
    Row("DELETE", "/group/{group_id}/", GROUP),
    Row("POST", "/group/{group_id}/source/{source_id}/", is_bool),
    Row("DELETE", "/group/{group_id}/source/{source_id}/", is_bool),
    # Tags of recordings
    Row("GET", "/tag", TAG, {"name": "t"}, ("name",)),
    Row("GET", "/tag/begin", listed(is_text)),
    # What touches the file of a record, and copying: these rows need a film
    Row("DELETE", "/record/{footage_id}/file/", RECORD, {"location": "records/{footage_id}.m3u8"}, ("location",)),
    Row("POST", "/sync", is_text, {"tag_name": "film", "location": "nightly"}, ("tag_name", "location")),
]
DELETE_FILE, SYNC = ROWS[-2:]
WITH_PARAMETERS = [row for row in ROWS if row.parameters]
WITH_BODY = [row for row in WITH_PARAMETERS if row.method != "GET"]
WITH_IDS = [row for row in ROWS if "{" in row.path]


@dataclass
class World:
    """An app with a recording source, a free one and pictures, two groups, a tag, and a record that has footage."""

    app: Flask
    client: FlaskClient
    ids: dict[str, Any]

    def fill(self, text: str) -> str:
        """Return a text with the ids that it names."""
        return re.sub(r"\{(\w+_id)\}", lambda match: str(self.ids[match[1]]), text)

    def ask(self, row: Row, how: str = "json", *, slash: bool | None = None, **changes: Any) -> Any:
        """Send a row's request: its parameters as `json`, `form` or `query`, changed as said; ... takes one away."""
        path = self.fill(API + row.path)
        if slash is not None:
            path = path.rstrip("/") + ("/" if slash else "")
        filled = {name: self.fill(value) if is_text(value) else value for name, value in row.parameters.items()}
        values = {name: value for name, value in {**filled, **changes}.items() if value is not ...}
        if not row.parameters:
            return self.client.open(path, method=row.method)
        if how == "json":
            return self.client.open(path, method=row.method, json=values)
        flat = {
            f"{name}.{key}": text
            for name, value in values.items()
            if isinstance(value, dict)
            for key, text in value.items()
        }
        flat |= {name: value for name, value in values.items() if not isinstance(value, dict)}
        return self.client.open(path, method=row.method, **{"data" if how == "form" else "query_string": flat})


def make_world(app: Flask) -> World:
    client = app.test_client()
    for add in (add_source, add_source, add_picture_source):
        add(client)
    add_group(client, "busy", {"id": RECORDING})
    group_id = add_group(client, "idle", {"id": FREE})
    add_group(client, "empty")
    assert start(client, "t", "busy").status_code == 204
    [record] = client.get(f"{API}/record?tag_name=t").json
    return World(app, client, {"source_id": FREE, "group_id": group_id, "record_id": record["id"]})


def add_film(world: World, film: Path) -> World:
    """Add a record that has ended and has footage, under the tag `film`."""
    found = archive(world.app, FREE, film)
    with world.app.app_context(), writing() as session:
        tag = Tag(name="film")
        session.add(tag)
        session.flush()
        row = Record(source_id=FREE, tag_id=tag.id, begin_us=found.begin_us, end_us=found.end_us)
        session.add(row)
        session.flush()
        world.ids["footage_id"] = row.id
    return world


@pytest.fixture
def world(app: Flask) -> World:
    """Return a world of the test's own."""
    return make_world(app)


@pytest.fixture
def filmed(world: World, media: Callable[..., Path]) -> World:
    """Return a world of the test's own with a film."""
    return add_film(world, media("h264"))


@pytest.fixture
def ready(request: pytest.FixtureRequest, world: World, row: Row) -> World:
    """Return the world that a row needs."""
    return request.getfixturevalue("filmed") if row in (DELETE_FILE, SYNC) else world


@pytest.fixture(scope="module")
def shared(
    tmp_path_factory: pytest.TempPathFactory, migrated_sqlite: Path, media: Callable[..., Path]
) -> Iterator[World]:
    """Yield one world for all tests in which everything is refused, so that nothing changes."""
    config = TestingConfig(INSTANCE=str(tmp_path_factory.mktemp("contract")))
    shutil.copy(migrated_sqlite, config.instance_path / "app.db")
    for app in open_app(config):
        yield add_film(make_world(app), media("h264"))


def refusal(answer: Any) -> list[tuple[list[str], str]]:
    """Return place and kind of each entry of an error, having checked its shape."""
    assert answer.content_type == "application/json"
    for entry in answer.json["detail"]:
        assert set(entry) == {"loc", "msg", "type"}
        assert entry["msg"]
        assert TYPE.fullmatch(entry["type"])
    return [(entry["loc"], entry["type"]) for entry in answer.json["detail"]]


# --- Each row answers -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("slash", [False, True], ids=["bare", "slash"])
@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_row_answers_with_its_shape(ready: World, row: Row, slash: bool) -> None:
    answer = ready.ask(row, "query" if row.method == "GET" else "json", slash=slash)
    assert "Location" not in answer.headers
    if row.answer is None:
        assert (answer.status_code, answer.data, answer.headers.get("Content-Type")) == (204, b"", None)
    else:
        assert (answer.status_code, answer.content_type) == (200, "application/json"), answer.text
        assert row.answer(answer.json), answer.json


@pytest.mark.parametrize("how", ["form", "query"])
@pytest.mark.parametrize("row", WITH_BODY, ids=str)
def test_a_row_takes_its_parameters_as_form_and_query(ready: World, row: Row, how: str) -> None:
    answer = ready.ask(row, how)
    assert answer.status_code == (204 if row.answer is None else 200), answer.text
    assert row.answer is None or row.answer(answer.json)


MISSING = [pytest.param(row, name, id=f"{row} without {name}") for row in ROWS for name in row.required]


@pytest.mark.parametrize(("row", "name"), MISSING)
def test_a_required_parameter_that_is_missing_is_named(shared: World, row: Row, name: str) -> None:
    for how in ("query",) if row.method == "GET" else ("json", "form", "query"):
        answer = shared.ask(row, how, **{name: ...})
        assert answer.status_code == 422
        assert refusal(answer) == [([row.place, name], "missing")], how


# --- Each row refuses -------------------------------------------------------------------------------------------------

WRONG = [5, True, [], ["x"], {"x": "y"}, 1.5, 10**40]


VALUES = [pytest.param(row, name, id=f"{row} {name}") for row in WITH_BODY for name in row.parameters]


@pytest.mark.parametrize(("row", "name"), VALUES)
def test_a_value_of_another_type_is_refused_where_it_stands(shared: World, row: Row, name: str) -> None:
    for value in WRONG:
        if name == "uri_http_picture" and isinstance(value, dict):
            continue
        answer = shared.ask(row, **{name: value})
        assert answer.status_code == 422, (value, answer.text)
        assert [loc for loc, _ in refusal(answer)] == [["body", name]], value


@pytest.mark.parametrize("row", WITH_IDS, ids=str)
def test_an_id_of_the_wrong_form_is_422_and_an_unknown_one_404(shared: World, row: Row) -> None:
    for name in re.findall(r"\{(\w+)\}", row.path):
        spelt, kept = name.replace("footage", "record"), shared.ids[name]
        is_integer = name == "source_id"
        for value in ("x", "1.0", "٣", "0x1", "'", "%00", "1 OR 1=1", "null", "…" * 90):
            shared.ids[name] = value
            answer = shared.ask(row)
            kind = "int_parsing" if is_integer else "uuid_parsing"
            assert (answer.status_code, refusal(answer)) == (422, [(["path", spelt], kind)]), value
        for value in ("0", "-1", "99", "9" * 30) if is_integer else (UNKNOWN, UNKNOWN.upper()):
            shared.ids[name] = value
            answer = shared.ask(row)
            assert (answer.status_code, refusal(answer)) == (404, [(["path", spelt], "not_found")]), value
        shared.ids[name] = kept


BODIES = [b"{", b"[]", b"null", b"1", b'"text"', b'{"a": NaN}', b'{"a": 1, "a": 2}', b"\xff\xfe", b"[" * 100_000]


@pytest.mark.parametrize("row", WITH_BODY, ids=str)
def test_a_body_that_cannot_be_read_is_refused(shared: World, row: Row) -> None:
    path = shared.fill(API + row.path)
    for body in BODIES:
        answer = shared.client.open(path, method=row.method, data=body, content_type="application/json")
        assert (answer.status_code, refusal(answer)) == (422, [(["body"], "json_invalid")]), body[:20]
    for kind in ("text/xml", "text/plain", "application/octet-stream", "application/jsonp"):
        answer = shared.client.open(path, method=row.method, data=b"{}", content_type=kind)
        assert (answer.status_code, refusal(answer)) == (415, [(["header", "Content-Type"], "unsupported_media_type")])
    for kind in ("multipart/form-data", "multipart/form-data; boundary=b", "application/x-www-form-urlencoded"):
        nameless = b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--\r\n\xff"
        answer = shared.client.open(path, method=row.method, data=nameless, content_type=kind)
        assert (answer.status_code, refusal(answer)) == (422, [(["body"], "form_invalid")])


@pytest.mark.parametrize("row", WITH_PARAMETERS, ids=str)
def test_a_parameter_that_comes_twice_is_refused(shared: World, row: Row) -> None:
    name = next(iter(row.parameters))
    answer = shared.client.open(shared.fill(API + row.path), method=row.method, query_string=[(name, "a"), (name, "b")])
    assert (answer.status_code, refusal(answer)) == (422, [(["query", name], "duplicate")])


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_method_that_the_row_has_not_is_refused(shared: World, row: Row) -> None:
    path = row.path.split("{")[0]
    methods = {method for other in ROWS if other.path == row.path for method in (other.method,)}
    for method in {"DELETE", "PUT", "TRACE", "PROPFIND"} - methods:
        answer = shared.client.open(shared.fill(API + row.path), method=method)
        if answer.status_code == 200:
            continue  # an endpoint beyond the contract, as PATCH
        assert (answer.status_code, refusal(answer)) == (405, [(["method"], "method_not_allowed")]), (path, method)
        assert methods <= set(answer.headers["Allow"].split(", "))


Conflict = tuple[str, Row, dict[str, Any], int, list[str], str]
CONFLICTS: list[Conflict] = [
    ("delete what records", ROWS[5], {"source_id": RECORDING}, 409, ["path", "source_id"], "source_is_recording"),
    ("start an empty group", ROWS[7], {"group_name": "empty"}, 409, ["body", "group_name"], "group_empty"),
    ("start another model", ROWS[7], {"model": "PictureSource"}, 422, ["body", "model"], "other_model"),
    ("start an unknown group", ROWS[7], {"group_name": "none"}, 404, ["body", "group_name"], "not_found"),
    ("stop an unknown tag", ROWS[8], {"tag_name": "none"}, 404, ["body", "tag_name"], "not_found"),
    ("a tag nobody knows", ROWS[17], {"name": "none"}, 404, ["query", "name"], "not_found"),
    ("a name that is in use", ROWS[12], {"name": "idle"}, 409, ["body", "name"], "name_taken"),
    ("another model's group", ROWS[15], {"source_id": PICTURES}, 422, ["path", "source_id"], "other_model"),
    ("change the model", ROWS[3], {"model": "PictureSource"}, 422, ["body", "model"], "model_fixed"),
]


@pytest.mark.parametrize("case", CONFLICTS, ids=lambda case: case[0])
def test_what_is_not_allowed_now_says_so(shared: World, case: Conflict) -> None:
    _, row, changes, status, loc, kind = case
    ids = shared.ids | {name: changes[name] for name in changes if name in shared.ids}
    answer = World(shared.app, shared.client, ids).ask(row, "query" if row.method == "GET" else "json", **changes)
    assert (answer.status_code, refusal(answer)) == (status, [(loc, kind)])


def test_a_page_of_another_site_may_change_nothing(shared: World) -> None:
    for row in ROWS:
        if row.method != "GET":
            origin = {"Origin": "http://elsewhere.example"}
            path = API + row.path.replace("{", "").replace("}", "")
            answer = shared.client.open(path, method=row.method, headers=origin)
            assert (answer.status_code, refusal(answer)) == (403, [(["header", "Origin"], "cross_site")])


# --- Bytes, and what comes with the file of a record ------------------------------------------------------------------


def test_a_still_of_a_camera_that_gives_nothing_is_504(world: World) -> None:
    for slash in ("", "/"):
        answer = world.client.get(f"{API}/source/{FREE}/picture{slash}")
        assert answer.status_code == 504
        assert refusal(answer)


def test_the_delay_of_a_stream_is_0_to_60_seconds(world: World) -> None:
    for delay in ("-1", "60.1", "x", "nan", "inf", "1e9", ""):
        answer = world.client.get(f"{API}/source/{FREE}/video", query_string={"delay": delay})
        assert answer.status_code == 422
        assert [loc for loc, _ in refusal(answer)] == [["query", "delay"]]


def test_the_bytes_of_a_record_come_whole_and_in_ranges(filmed: World) -> None:
    for slash in ("", "/"):
        path = filmed.fill(f"{API}/record/{{footage_id}}/video{slash}")
        whole = filmed.client.get(path)
        assert (whole.status_code, whole.mimetype) == (200, "video/mp4")
        for header in ("bytes=4-7", "4-7"):
            part = filmed.client.get(path, headers={"Range": header})
            assert (part.status_code, part.data) == (206, b"ftyp")
            assert part.headers["Content-Range"] == f"bytes 4-7/{len(whole.data)}"
        beyond = filmed.client.get(path, headers={"Range": f"bytes={len(whole.data)}-"})
        assert beyond.status_code == 416
        assert [loc for loc, _ in refusal(beyond)] == [["header", "Range"]]


def test_the_file_of_a_record_is_deleted_by_its_right_location_alone(filmed: World) -> None:
    row = DELETE_FILE
    right = filmed.client.get(filmed.fill(f"{API}/record/{{footage_id}}/")).json["location"]
    for wrong_one in (
        right + "/",
        "/" + right,
        "./" + right,
        right.upper(),
        f"x/../{right}",
        "/etc/passwd",
        right + " ",
    ):
        answer = filmed.ask(row, location=wrong_one)
        assert answer.status_code == 422, wrong_one
        assert [loc for loc, _ in refusal(answer)] == [["body", "location"]]
    recording = filmed.client.get(f"{API}/record?tag_name=t").json[0]
    path = f"{API}/record/{recording['id']}/file/"
    assert filmed.client.delete(path, json={"location": recording["location"]}).status_code == 409
    deleted = filmed.ask(row, location=right)
    assert (deleted.status_code, deleted.json["status"]) == (200, "deleted")
    assert filmed.client.get(filmed.fill(f"{API}/record/{{footage_id}}/video/")).status_code == 410


def test_a_copy_goes_to_an_allowed_target_alone(filmed: World) -> None:
    assert refusal(filmed.ask(SYNC, tag_name="none")) == [(["body", "tag_name"], "not_found")]
    for target in ("sftp://elsewhere.example/x", "/etc", "file:///etc"):
        answer = filmed.ask(SYNC, location=target)
        assert answer.status_code == 403, (target, answer.text)
        assert [loc for loc, _ in refusal(answer)] == [["body", "location"]]
        assert "PLAYBACK_SYNC_TARGETS" in answer.json["detail"][0]["msg"]
    for target in ("jar:x://y", "../outside", "nightly/../../x", "a\nb", "a\x00b", "x" * 4000):
        answer = filmed.ask(SYNC, location=target)
        assert answer.status_code == 422, (target[:30], answer.text)
        assert [loc for loc, _ in refusal(answer)] == [["body", "location"]]


def test_a_copy_does_not_follow_a_link_out_of_its_target(filmed: World, tmp_path: Path) -> None:
    outside, target = tmp_path / "outside", filmed.app.config["PLAYBACK"].instance_path / "sync"
    for folder in (outside, target):
        folder.mkdir()
    (target / "link").symlink_to(outside)
    for location in ("link", "link/deeper"):
        answer = filmed.ask(SYNC, location=location)
        assert answer.status_code == 403, answer.text
        assert [loc for loc, _ in refusal(answer)] == [["body", "location"]]
    assert not list(outside.iterdir())


def test_a_source_whose_record_has_ended_can_be_deleted_and_its_record_stays(filmed: World) -> None:
    assert filmed.ask(ROWS[5]).status_code == 200
    record = filmed.client.get(filmed.fill(f"{API}/record/{{footage_id}}/"))
    assert RECORD(record.json)
    with filmed.app.app_context(), writing() as session:
        assert session.get(Source, FREE).deleted_us is not None


# --- The table is the contract's --------------------------------------------------------------------------------------


def test_every_address_of_the_table_stands_in_the_document(app: Flask) -> None:
    document = app.test_client().get("/swagger.json").json["paths"]
    for row in ROWS:
        path = row.path.replace("{footage_id}", "{record_id}")
        assert row.method.lower() in document[API + path], str(row)
