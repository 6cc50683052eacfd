"""Recommendations: comments joined in one row a file, with the severity of most votes."""

import json
import threading
from collections.abc import Sequence
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, insert, select, update

from app.extensions import db, writing
from app.models import Comment, File, Recommendation
from app.models.result import SEVERITIES
from app.models.types import now_us
from app.review.joining import MOST_CHARACTERS, Remark, joined, span_text
from app.review.voting import overall
from tests.memory import tracing
from tests.reviewed import add_file, add_key, add_violations
from tests.test_comments import audited, comment
from tests.test_paging import flat, walk
from tests.test_record_files import error_of


def recommend(client: FlaskClient, refer: str) -> Any:
    return client.post("/recommend/", json={"refer": refer})


def most_votes(votes: Sequence[str]) -> str:
    """Return the overall severity as a person would count: strokes a word, the graver word last."""
    best, most = "----", 0
    for word in ("None", "mild", "moderate", "severe"):
        strokes = len([vote for vote in votes if vote == word])
        if strokes and strokes >= most:
            best, most = word, strokes
    return best


@settings(deadline=None)
@given(st.lists(st.sampled_from(SEVERITIES), max_size=12))
def test_the_severity_is_that_of_a_plain_count(votes: list[str]) -> None:
    assert overall(votes) == most_votes(votes)
    assert overall(votes) == overall(reversed(votes))
    assert overall(["----", *votes]) == overall(votes)


@pytest.mark.parametrize(
    ("votes", "expected"),
    [
        ([], "----"),
        (["----", "----", "mild"], "mild"),
        (["None", "None", "severe"], "None"),
        (["mild", "severe"], "severe"),
        (["None", "mild", "moderate"], "moderate"),
    ],
    ids=str,
)
def test_votes_count_and_a_tie_goes_to_the_graver(votes: list[str], expected: str) -> None:
    assert overall(votes) == expected


@pytest.mark.parametrize(
    ("start_s", "end_s", "expected"),
    [
        (None, None, ""),
        (65.9, None, "01:05"),
        (65.0, 70.5, "01:05–01:10"),
        (65.1, 65.9, "01:05"),
        (None, 70.0, "–01:10"),
        (0.0, 3725.0, "00:00–1:02:05"),
    ],
)
def test_a_span_is_minutes_and_seconds(start_s: float | None, end_s: float | None, expected: str) -> None:
    assert span_text(start_s, end_s) == expected


def test_a_joined_text_is_bounded_and_says_what_it_leaves_out() -> None:
    text = joined([Remark("x" * 400_000)] * 4, 4)
    assert len(text) < MOST_CHARACTERS + 100
    assert text.endswith("\n… and 2 more comments")


def test_the_life_of_a_recommendation(database_app: Flask) -> None:
    client = database_app.test_client()
    file_id, refer = add_file(database_app, violations_quantity=3)
    key = "ab" * 16
    add_key(database_app, file_id, key)
    add_violations(database_app, ("smoking", "Курение", "12+", ""))
    first = recommend(client, key)
    assert first.status_code == 200
    assert first.json == {
        **first.json,
        "id_file": file_id,
        "refer": refer,
        "user": "",
        "ai": "",
        "severity": "----",
        "violations_quantity": 3,
    }
    comment(client, refer, "Smoke", comment_author="AI", severity="mild", violation="SMOKING", start=65, end=70)
    last = comment(client, refer, "I see\nnone", severity="None").json
    comment(client, refer, "Второй", severity="None", violation="Дым")
    path = f"/recommend/{first.json['id']}/"
    now = client.get(path).json
    assert now["ai"] == "[01:05–01:10, Курение] Smoke"
    assert now["user"] == "I see\nnone\n[Дым] Второй"
    assert now["severity"] == "None"
    assert recommend(client, refer).json == now
    assert client.get("/recommend/").json == client.get(f"/recommend/?refer={key}").json == [now]
    client.delete(f"/comments/{last['id']}/")
    assert (client.get(path).json["user"], client.get(path).json["severity"]) == ("[Дым] Второй", "mild")
    client.patch("/comments/1/", json={"severity": "severe", "comment": "Fire"})
    assert (client.get(path).json["ai"], client.get(path).json["severity"]) == ("[01:05–01:10, Курение] Fire", "severe")
    before = client.get(path).json
    assert client.delete(path).json == before
    assert error_of(client.get(path)) == (404, ["path", "recommendation_id"], "not_found")
    assert error_of(client.delete(path))[0] == 404
    assert [act["action"] for act in audited(client)][-1] == "recommendation.delete"
    again = recommend(client, refer).json
    assert again["id"] > before["id"]
    assert {**again, "id": 0, "created_utc": "", "changed_utc": ""} == {
        **before,
        "id": 0,
        "created_utc": "",
        "changed_utc": "",
    }


def test_more_comments_than_fit_are_counted_and_not_read(database_app: Flask) -> None:
    client = database_app.test_client()
    file_id, refer = add_file(database_app)
    common = {"file_id": file_id, "comment_author": "User", "actor": "anna", "severity": "mild"}
    with database_app.app_context(), writing() as session:
        session.execute(insert(Comment), [{**common, "comment": f"{n} {'ж' * 9_990}"} for n in range(2_000)])
    assert comment(client, refer, "AI's own", comment_author="AI").status_code == 200
    with tracing() as traced:
        found = recommend(client, refer).json
    assert 0 < traced.peak_bytes < 24_000_000
    assert (found["ai"], found["severity"]) == ("AI's own", "mild")
    lines = found["user"].splitlines()
    assert [line.partition(" ")[0] for line in lines[:100]] == [str(n) for n in range(100)]
    assert lines[100:] == ["… and 1900 more comments"]


def test_without_a_recommendation_comments_make_none(app: Flask, client: FlaskClient) -> None:
    _, refer = add_file(app)
    comment(client, refer)
    assert client.get("/recommend/").json == []


def test_recommendations_asked_for_at_once_are_one_row(database_app: Flask) -> None:
    app = database_app
    _, refer = add_file(app)
    for number in range(3):
        comment(app.test_client(), refer, f"c{number}", severity="mild")
    begin, answers = threading.Barrier(6), []

    def ask(number: int) -> None:
        client = app.test_client()
        begin.wait()
        answers.append(recommend(client, refer))
        comment(client, refer, f"later {number}", comment_author="AI", severity="severe")

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer.status_code for answer in answers] == [200] * 6
    with app.app_context():
        assert db.session.scalar(select(func.count()).select_from(Recommendation)) == 1
    [row] = app.test_client().get("/recommend/").json
    said = [line["comment"] for line in app.test_client().get("/comments/?comment_author=AI").json]
    assert row["ai"].splitlines() == said
    assert (row["user"], row["severity"]) == ("c0\nc1\nc2", "severe")


def test_the_number_of_findings_is_that_of_the_result_which_came_later(app: Flask, client: FlaskClient) -> None:
    _, refer = add_file(app)
    recommend(client, refer)
    with app.app_context(), writing() as session:
        session.execute(update(File).values(violations_quantity=7))
    assert client.get("/recommend/").json[0]["violations_quantity"] == 7


def test_a_recommendation_of_no_file_is_refused(app: Flask, client: FlaskClient) -> None:
    assert error_of(recommend(client, "0" * 32)) == (404, ["body", "refer"], "not_found")
    assert error_of(client.post("/recommend/", json={})) == (422, ["body", "refer"], "missing")
    assert error_of(client.get("/recommend/x/"))[0] == 422
    assert error_of(client.get(f"/recommend/{10**30}/"))[0] == 404
    _, refer = add_file(app)
    with app.app_context(), writing() as session:
        session.execute(update(File).values(deleted_us=now_us()))
    assert error_of(recommend(client, refer))[::2] == (410, "deleted")


def test_recommendations_are_filtered_and_come_in_pages(app: Flask, client: FlaskClient) -> None:
    for number in range(5):
        _, refer = add_file(app)
        comment(client, refer, severity="mild" if number % 2 else "severe")
        assert client.post("/recommend/", data={"refer_file": refer}).status_code == 200
    assert flat(walk(client, "/recommend/?limit=2")) == [1, 2, 3, 4, 5]
    assert flat(walk(client, "/recommend/?limit=1&severity=severe&sort=-id")) == [5, 3, 1]
    assert "ab" * 16 not in json.dumps(client.get("/recommend/").json)
