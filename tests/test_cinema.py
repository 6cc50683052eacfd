"""Starting an analysis: the form, the file that it names or brings, and the download key that follows."""

import io
import itertools
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, update

from app.extensions import db, writing
from app.models import File, Rotation
from app.models.types import now_us
from tests.handed import age, rotate
from tests.handing import add_file, audited, events, refer_of
from tests.test_record_files import error_of


def start(client: FlaskClient, **values: Any) -> Any:
    return client.post("/cinema/", json=values)


def rotations(app: Flask, file_id: int) -> int:
    with app.app_context():
        return db.session.scalar(select(func.count()).where(Rotation.file_id == file_id)) or 0


def test_a_form_starts_the_analysis_of_a_file(database_app: Flask) -> None:
    client = database_app.test_client()
    file_id = add_file(database_app)
    answer = start(client, file_id=file_id, target_audience="12+", comment="Фильм\nо войне")
    expected = {
        "id": file_id,
        "id_file": file_id,
        "refer": refer_of(database_app, file_id),
        "status": "ready",
        "target_audience": "12+",
        "comment": "Фильм\nо войне",
    }
    assert (answer.status_code, answer.json) == (200, expected)
    assert rotations(database_app, file_id) == 1
    assert [kind for kind, _ in events(database_app, file_id)] == ["download"]
    assert start(client, id=file_id).json == expected, "what is left out stays"
    assert rotations(database_app, file_id) == 1, "while one goes on none begins"
    assert client.get("/cinema/").json == [expected]
    assert client.get(f"/cinema/{file_id}").json == expected
    assert audited(client) == ["cinema.create", "refer.restart"]


def test_it_restarts_a_key_whose_rotation_has_ended(database_app: Flask) -> None:
    client = database_app.test_client()
    file_id = add_file(database_app)
    rotate(database_app, file_id)
    age(database_app, file_id, 601)
    assert start(client, file_id=file_id).json["target_audience"] == "----"
    assert rotations(database_app, file_id) == 2
    assert client.get(f"/files/{file_id}/refer/").json["rotation"] == "running"


def test_before_a_file_is_complete_the_form_waits(app: Flask, client: FlaskClient) -> None:
    file_id = add_file(app, None, status="processing")
    answer = start(client, id_file=file_id, target_audience="0+")
    assert (answer.status_code, answer.json["status"], answer.json["target_audience"]) == (200, "processing", "0+")
    assert (rotations(app, file_id), events(app, file_id)) == (0, [])


def test_a_file_may_be_named_in_three_ways_wherever_parameters_stand(app: Flask, client: FlaskClient) -> None:
    file_id = add_file(app)
    for name, how in itertools.product(("file_id", "id_file", "id"), ("json", "form", "query", "multipart")):
        values = {name: str(file_id), "target_audience": "18+"}
        if how == "multipart":
            answer = client.post("/cinema", data=values, content_type="multipart/form-data")
        else:
            answer = client.post("/cinema", **{{"form": "data", "query": "query_string"}.get(how, how): values})
        assert answer.status_code == 200, (name, how)
        assert (answer.json["id"], answer.json["target_audience"]) == (file_id, "18+"), (name, how)


def test_two_ids_must_be_the_same(app: Flask, client: FlaskClient) -> None:
    first, second = add_file(app), add_file(app)
    assert start(client, file_id=first, id=first, id_file=first).status_code == 200
    assert error_of(start(client, file_id=first, id=second))[::2] == (422, "ids_differ")


WRONG: list[tuple[dict[str, Any], int, str]] = [
    ({}, 422, "file_id"),
    ({"target_audience": "6+"}, 422, "file_id"),
    ({"file_id": None}, 422, "file_id"),
    ({"file_id": "x"}, 422, "file_id"),
    ({"file_id": 0}, 422, "file_id"),
    ({"id": 1.5}, 422, "id"),
    ({"id": 2**70}, 422, "id"),
    ({"id_file": 99}, 404, "id_file"),
    ({"id": 2**53}, 404, "id"),
    ({"file_id": 1, "target_audience": "7+"}, 422, "target_audience"),
    ({"file_id": 1, "target_audience": None}, 422, "target_audience"),
    ({"file_id": 1, "target_audience": ["6+"]}, 422, "target_audience"),
    ({"file_id": 1, "comment": "a\u0000"}, 422, "comment"),
    ({"file_id": 1, "comment": "c" * 4097}, 422, "comment"),
    ({"file_id": 1, "comment": 5}, 422, "comment"),
]


def test_a_form_that_is_wrong_is_refused(app: Flask, client: FlaskClient) -> None:
    add_file(app)
    for values, status, place in WRONG:
        answer = start(client, **values)
        assert answer.status_code == status, (values, answer.json)
        assert answer.json["detail"][0]["loc"] == ["body", place], values
    assert client.get("/cinema/").json == []


def test_one_request_uploads_a_file_and_starts_its_analysis(app: Flask, client: FlaskClient) -> None:
    film = b"film" * 1000
    values = {"target_audience": "16+", "upload": (io.BytesIO(film), "../Фильм.mp4"), "comment": "after the file"}
    answer = client.post("/cinema/", data=values)
    assert answer.status_code == 200, answer.json
    assert (answer.json["status"], answer.json["target_audience"]) == ("ready", "16+")
    assert answer.json["comment"] == "after the file"
    shown = client.get(f"/files/{answer.json['id']}/").json
    assert (shown["name"], shown["size_bytes"], shown["refer"]) == ("Фильм.mp4", len(film), answer.json["refer"])
    assert rotations(app, answer.json["id"]) == 1


def test_what_was_uploaded_stays_where_its_form_is_wrong(app: Flask, client: FlaskClient) -> None:
    add_file(app)
    for fields in ({"target_audience": "7+"}, {"file_id": "1"}):
        answer = client.post("/cinema/", data={"upload": (io.BytesIO(b"film"), "a.mp4"), **fields})
        assert answer.status_code == 422
        assert answer.json["detail"][0]["loc"] == ["body", *fields]
        assert answer.json["id"] == answer.json["id_file"]
        assert client.get(f"/files/{answer.json['id']}/").json["status"] == "ready"
        assert client.get("/cinema/").json == []
    assert start(client, file_id=answer.json["id"]).status_code == 200


def test_a_form_is_changed_replaced_and_deleted(database_app: Flask) -> None:
    client = database_app.test_client()
    file_id = add_file(database_app)
    path = f"/cinema/{file_id}/"
    for refused in (client.get(path), client.patch(path, json={"comment": "x"}), client.put(path), client.delete(path)):
        assert error_of(refused) == (404, ["path", "file_id"], "not_found")
    first = start(client, file_id=file_id, target_audience="6+", comment="one").json
    assert client.patch(path, json={"comment": "two"}).json == {**first, "comment": "two"}
    assert client.put(path, json={"target_audience": "18+"}).json == {**first, "target_audience": "18+", "comment": ""}
    assert error_of(client.patch(path, json={}))[::2] == (422, "missing")
    assert error_of(client.put(path, json={"target_audience": "19+"}))[::2] == (422, "literal_error")
    assert start(client, id=file_id, target_audience="18+").json["comment"] == ""
    last = client.get(path).json
    assert client.delete(path).json == last
    assert client.get(path).status_code == 404
    assert client.get("/cinema/").json == []
    assert client.get(f"/files/{file_id}/").status_code == 200
    changes = ["cinema.create", "refer.restart", "cinema.change", "cinema.change", "cinema.delete"]
    assert audited(client) == changes
    detail = client.get("/api/v1/audit?action=cinema.change&sort=id").json[1]["detail"]
    assert detail == {
        "before": {"target_audience": "6+", "comment": "two"},
        "after": {"target_audience": "18+", "comment": ""},
    }


def test_forms_are_listed_in_pages_and_by_audience(app: Flask, client: FlaskClient) -> None:
    ids = [add_file(app) for _ in range(3)]
    for number, file_id in enumerate(reversed(ids)):
        start(client, file_id=file_id, target_audience=("0+", "6+")[number % 2])
    assert [row["id"] for row in client.get("/cinema/").json] == ids[::-1]
    assert [row["id"] for row in client.get("/cinema/?sort=id").json] == ids
    assert [row["id"] for row in client.get("/cinema/?target_audience=6%2B").json] == [ids[1]]
    page = client.get("/cinema/?limit=2&sort=-created")
    assert [row["id"] for row in page.json] == ids[:2]
    rest = client.get(page.headers["Link"].partition(">")[0].removeprefix("<"))
    assert [row["id"] for row in rest.json] == ids[2:]


def test_nothing_is_asked_of_a_file_that_was_deleted(app: Flask, client: FlaskClient) -> None:
    file_id = add_file(app)
    start(client, file_id=file_id)
    with app.app_context(), writing() as session:
        session.execute(update(File).values(deleted_us=now_us(), deleted_by="me"))
    path = f"/cinema/{file_id}/"
    for answer in (start(client, id=file_id), client.get(path), client.put(path), client.delete(path)):
        assert error_of(answer)[::2] == (410, "deleted")
    assert client.get("/cinema/").json == []


def test_an_id_that_is_none_is_refused(client: FlaskClient) -> None:
    for text, status in (("x", 422), ("0", 404), ("-1", 404), ("9" * 30, 404), ("1.5", 422)):
        assert client.get(f"/cinema/{text}/").status_code == status, text


def test_true_is_no_id(client: FlaskClient) -> None:
    """Regression: `true` was taken for the file 1."""
    answer = client.post("/cinema/", json={"file_id": True})
    assert (answer.status_code, answer.json["detail"][0]["loc"]) == (422, ["body", "file_id"])
