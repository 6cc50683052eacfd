"""Comments: each a row, named by any reference of its file, told of in the same transaction, and written down."""

import json
import secrets
import threading
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from app.extensions import db, writing
from app.models import BasisViolation, Comment, File, FileEvent
from app.models.types import now_us
from tests.reviewed import add_file, add_footage_file, add_key, add_violations
from tests.test_paging import flat, walk
from tests.test_record_files import error_of

S = 1_000_000


def comment(client: FlaskClient, refer_file: str, text: str = "Blood", /, **values: Any) -> Any:
    given = {"refer_file": refer_file, "comment": text, "comment_author": "User", **values}
    return client.post("/comments/", json=given)


def events(app: Flask, file_id: int) -> list[dict[str, Any]]:
    with app.app_context():
        rows = db.session.scalars(select(FileEvent).where(FileEvent.file_id == file_id).order_by(FileEvent.id))
        return [{"type": row.type, **json.loads(row.payload)} for row in rows]


def audited(client: FlaskClient) -> list[dict[str, Any]]:
    return client.get("/api/v1/audit?sort=id").json


def test_the_life_of_a_comment(database_app: Flask) -> None:
    client = database_app.test_client()
    file_id, refer = add_file(database_app)
    made = comment(client, refer, "  Blood\r\non the wall ", severity="severe", violation="Blood", start=65, end=70.5)
    assert made.status_code == 200, made.json
    assert made.json == {
        **made.json,
        "id_file": file_id,
        "refer_file": refer,
        "comment": "Blood\non the wall",
        "comment_author": "User",
        "severity": "severe",
        "violation": "Blood",
        "violation_id": None,
        "start": 65.0,
        "end": 70.5,
        "actor": "anyone (testing)",
    }
    path = f"/comments/{made.json['id']}/"
    assert client.get(path).json == client.get(path.rstrip("/")).json == made.json
    assert client.get("/comments/").json == client.get("/comments").json == [made.json]
    changed = client.patch(path, json={"severity": "mild", "start": None}).json
    assert changed == {**made.json, "severity": "mild", "start": None, "changed_utc": changed["changed_utc"]}
    assert changed["changed_utc"] > made.json["changed_utc"]
    assert client.put(path, json=changed).json == changed  # what was read may be sent back
    assert client.put(path, data={"comment": "Paint", "violation": ""}).json == {
        **changed,
        "comment": "Paint",
        "violation": None,
        "changed_utc": client.get(path).json["changed_utc"],
    }
    gone = client.delete(path).json
    assert gone["comment"] == "Paint"
    assert error_of(client.get(path))[0] == error_of(client.delete(path))[0] == 404
    assert client.get("/comments/").json == []
    told = events(database_app, file_id)
    assert [(event["type"], event["act"], event["status"]) for event in told] == [
        ("comment", act, "ready") for act in ("created", "changed", "changed", "deleted")
    ]
    assert told[0]["comment"]["comment"] == "Blood\non the wall"
    assert "comment" not in told[-1]["comment"]
    acts = audited(client)
    assert [(act["action"], act["subject"]) for act in acts] == [
        ("comment.create", path.split("/")[2]),
        ("comment.change", path.split("/")[2]),
        ("comment.change", path.split("/")[2]),
        ("comment.delete", path.split("/")[2]),
    ]
    assert acts[1]["detail"]["before"] == {"severity": "severe", "start_s": 65.0}
    assert acts[3]["detail"]["before"]["comment"] == "Paint"


def test_a_comment_names_its_file_by_any_key_ever_issued_and_shows_none(database_app: Flask) -> None:
    client = database_app.test_client()
    file_id, refer = add_file(database_app)
    keys = [secrets.token_hex(16) for _ in range(2)]
    for generation, key in enumerate(keys):
        add_key(database_app, file_id, key, generation)
    dashed = "-".join((keys[1][:8], keys[1][8:12], keys[1][12:16], keys[1][16:20], keys[1][20:])).upper()
    for given in ({"refer_file": keys[0]}, {"refer": dashed}, {"refer": refer}, {"refer": refer, "refer_file": refer}):
        made = client.post("/comments/", json={"comment": "x", "comment_author": "AI", **given})
        assert (made.status_code, made.json["refer_file"]) == (200, refer)
    for key in (keys[0], dashed, refer):
        listed = client.get("/comments/", query_string={"refer_file": key})
        assert [row["refer_file"] for row in listed.json] == [refer] * 4
    shown = client.get("/comments/").text + json.dumps(events(database_app, file_id))
    assert not any(key in shown.lower() for key in (*keys, dashed.lower()))


def test_a_comment_on_another_file_keeps_its_own(client: FlaskClient, app: Flask) -> None:
    _, first = add_file(app)
    _, second = add_file(app)
    path = f"/comments/{comment(client, first).json['id']}/"
    assert error_of(client.put(path, json={"refer_file": second})) == (422, ["body", "refer_file"], "fixed")
    assert error_of(client.put(path, json={"comment_author": "AI"})) == (422, ["body", "comment_author"], "fixed")
    assert error_of(client.put(path, json={})) == (422, ["body"], "missing")
    assert client.put(path, json={"refer": first}).status_code == 200
    assert [act["action"] for act in audited(client)] == ["comment.create"]


@pytest.mark.parametrize(
    ("values", "loc", "kind"),
    [
        ({"comment": None}, ["body", "comment"], "string_type"),
        ({"comment": "  "}, ["body", "comment"], "string_too_short"),
        ({"comment": "x" * 10_001}, ["body", "comment"], "string_too_long"),
        ({"comment": "a\x00"}, ["body", "comment"], "control_character"),
        ({"comment_author": "Robot"}, ["body", "comment_author"], "literal_error"),
        ({"comment_author": None}, ["body", "comment_author"], "literal_error"),
        ({"severity": None}, ["body", "severity"], "literal_error"),
        ({"severity": "none"}, ["body", "severity"], "literal_error"),
        ({"violation": "x" * 256}, ["body", "violation"], "string_too_long"),
        ({"start": -0.1}, ["body", "start"], "greater_than_equal"),
        ({"start": "nan"}, ["body", "start"], "finite_number"),
        ({"end": "inf"}, ["body", "end"], "finite_number"),
        ({"end": True}, ["body", "end"], "float_type"),
        ({"end": 1e300}, ["body", "end"], "less_than_equal"),
        ({"start": 5, "end": 4.9}, ["body", "end"], "span"),
        ({"start": 9}, ["body", "start"], "span"),
        ({"start": 7, "end": 9}, ["body", "end"], "span"),
        ({"refer": 7}, ["body", "refer"], "string_type"),
        ({"refer_file": None}, ["body"], "missing"),
        ({"refer_file": 7}, ["body", "refer_file"], "string_type"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_comment_that_cannot_be_is_refused(
    app: Flask, client: FlaskClient, values: dict[str, Any], loc: list[str], kind: str
) -> None:
    _, refer = add_footage_file(app, S, 9 * S)
    answer = comment(client, refer, **values)
    assert error_of(answer) == (422, loc, kind), answer.json
    assert client.get("/comments/").json == []


def test_two_references_must_be_the_same(app: Flask, client: FlaskClient) -> None:
    _, first = add_file(app)
    given = {"comment": "x", "comment_author": "AI", "refer_file": first, "refer": add_file(app)[1]}
    assert error_of(client.post("/comments/", json=given)) == (422, ["body"], "refer")


def test_only_a_file_with_a_length_bounds_the_span(app: Flask, client: FlaskClient) -> None:
    _, script = add_file(app, name="сценарий.pdf")
    _, film = add_footage_file(app, S, 9 * S)
    assert comment(client, script, start=4000, end=4000).status_code == 200
    assert comment(client, film, start=0, end=8).status_code == 200
    assert comment(client, film, start=8.04).status_code == 200  # a player's last frame
    path = f"/comments/{comment(client, film, start=5).json['id']}/"
    assert error_of(client.patch(path, json={"end": 4})) == (422, ["body", "end"], "span")
    assert error_of(client.patch(path, json={"end": 99})) == (422, ["body", "end"], "span")


def test_a_length_that_is_found_later_hinders_no_change_of_anything_else(app: Flask, client: FlaskClient) -> None:
    file_id, refer = add_file(app)
    path = f"/comments/{comment(client, refer, start=100.0).json['id']}/"
    with app.app_context(), writing() as session:
        session.get_one(File, file_id).duration_s = 10.0
    assert client.patch(path, json={"severity": "mild", "comment": "Less"}).status_code == 200
    assert error_of(client.patch(path, json={"start": 99.0}))[0] == 422
    assert client.patch(path, json={"start": None}).json["start"] is None


@pytest.mark.parametrize("refer", ["0" * 32, "x", "", "⅕" * 32, "0" * 40])
def test_a_comment_on_no_file_is_not_found(client: FlaskClient, refer: str) -> None:
    assert error_of(comment(client, refer)) == (404, ["body", "refer_file"], "not_found")
    listed = client.get("/comments/", query_string={"refer_file": refer})
    assert error_of(listed) == (404, ["query", "refer_file"], "not_found")


def test_comments_on_a_deleted_file_are_read_and_removed_but_no_more_written(app: Flask, client: FlaskClient) -> None:
    file_id, refer = add_file(app)
    made = comment(client, refer).json
    with app.app_context(), writing() as session:
        session.execute(update(File).values(deleted_us=now_us()))
    path = f"/comments/{made['id']}/"
    assert client.get(path).json == made
    for answer in (comment(client, refer), client.patch(path, json={"comment": "x"})):
        assert error_of(answer)[::2] == (410, "deleted")
    assert client.delete(path).json == made
    assert len(events(app, file_id)) == 1


def test_a_violation_is_found_by_code_and_name_whatever_its_spelling(app: Flask, client: FlaskClient) -> None:
    _, refer = add_file(app)
    first, second, third, *_ = add_violations(
        app,
        ("smoking", "Курение табака", "12+", ""),
        ("V-2", "Мёртвое  тело", "16+", ""),
        ("Курение табака", "Code like a name", "6+", ""),
        ("twin1", "Twin", "6+", ""),
        ("twin2", "Twin", "6+", ""),
    )
    for text, expected in (
        ("SMOKING", first),
        ("v.2", second),
        (" мертвое тело. ", second),
        ("КУРЕНИЕ\u00a0ТАБАКА", third),  # a code wins over a name
        ("Twin", None),
        ("Ｓｍｏｋｉｎｇ", first),
        ("unknown <b>", None),
        ("!", None),
    ):
        made = comment(client, refer, violation=text).json
        assert (made["violation_id"], made["violation"]) == (expected, text.strip()), text
    path = f"/comments/{made['id']}/"
    with app.app_context(), writing() as session:
        session.execute(update(BasisViolation).where(BasisViolation.id == first).values(removed_us=1))
    assert comment(client, refer, violation="smoking").json["violation_id"] is None
    assert client.patch(path, json={"violation": "V-2"}).json["violation_id"] == second
    assert client.patch(path, json={"comment": "y"}).json["violation_id"] == second
    assert client.patch(path, json={"violation": None}).json["violation_id"] is None


def test_comments_are_filtered_and_come_in_pages(app: Flask, client: FlaskClient) -> None:
    _, first = add_file(app)
    _, second = add_file(app)
    for number in range(6):
        author, severity = ("AI", "None") if number % 2 else ("User", "mild")
        comment(client, first if number < 4 else second, comment_author=author, severity=severity)
    for query, ids in (
        ("", [1, 2, 3, 4, 5, 6]),
        (f"refer_file={first}", [1, 2, 3, 4]),
        (f"refer_file={first}&comment_author=AI", [2, 4]),
        ("severity=None&sort=-id", [6, 4, 2]),
        ("severity=severe", []),
    ):
        assert flat([client.get(f"/comments/?{query}").json]) == ids, query
        assert flat(walk(client, f"/comments/?{query}&limit=2")) == ids, query
    again = client.get("/comments/")
    assert client.get("/comments/", headers={"If-None-Match": again.headers["ETag"]}).status_code == 304
    assert error_of(client.get("/comments/?severity=grave"))[:2] == (422, ["query", "severity"])


def test_a_form_and_a_query_comment_too(app: Flask, client: FlaskClient) -> None:
    _, refer = add_file(app)
    given = {"refer_file": refer, "comment": "Кровь", "comment_author": "User", "start": "1.5", "end": ""}
    for made in (client.post("/comments/", data=given), client.post("/comments", query_string=given)):
        assert (made.json["comment"], made.json["start"], made.json["end"]) == ("Кровь", 1.5, None)
        assert made.json["severity"] == "----"


def test_html_in_a_comment_is_kept_as_text_and_sent_as_json(app: Flask, client: FlaskClient) -> None:
    _, refer = add_file(app)
    text = "<script>alert(1)</script>&amp;\"'"
    made = comment(client, refer, text, violation="<img src=x onerror=alert(1)>")
    assert (made.json["comment"], made.mimetype) == (text, "application/json")
    for path in ("/comments/", f"/comments/{made.json['id']}/"):
        assert client.get(path, headers={"Accept": "text/html"}).mimetype == "application/json"


def test_comments_that_come_at_once_are_all_kept_in_the_order_of_their_events(database_app: Flask) -> None:
    app = database_app
    file_id, refer = add_file(app)
    begin = threading.Barrier(4)

    def write(number: int) -> None:
        client = app.test_client()
        begin.wait()
        for turn in range(5):
            assert comment(client, refer, f"{number}/{turn}", comment_author="AI").status_code == 200

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with app.app_context():
        rows = db.session.scalars(select(Comment).order_by(Comment.id)).all()
        newest = db.session.scalar(select(File.event_id))
        assert newest == max(db.session.scalars(select(FileEvent.id)))
    assert [event["comment"]["id"] for event in events(app, file_id)] == [row.id for row in rows]
    assert sorted(row.comment for row in rows) == sorted(f"{n}/{t}" for n in range(4) for t in range(5))


def test_a_comment_that_is_changed_and_deleted_at_once_is_gone_once(database_app: Flask) -> None:
    app = database_app
    _, refer = add_file(app)
    path = f"/comments/{comment(app.test_client(), refer).json['id']}/"
    begin, statuses = threading.Barrier(4), []

    def act(number: int) -> None:
        client = app.test_client()
        begin.wait()
        answer = client.delete(path) if number % 2 else client.patch(path, json={"comment": f"c{number}"})
        statuses.append((number % 2, answer.status_code))

    threads = [threading.Thread(target=act, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(status for is_deletion, status in statuses if is_deletion) == [200, 404]
    assert {status for is_deletion, status in statuses if not is_deletion} <= {200, 404}
