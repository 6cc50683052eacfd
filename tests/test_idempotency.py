"""`Idempotency-Key`: what is sent twice is done once, and what failed for a while can be sent again."""

import base64
import io
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from app.access.rules import RULES, Rule
from app.archive.repeats import KEPT_US, LONGEST_REQUEST_US
from app.extensions import db, writing
from app.models import IdempotentAnswer
from instance.config import ProductionConfig, TestingConfig
from tests.accounts import add_account
from tests.conftest import migrated, open_app
from tests.test_api import API, add_group, add_source, locs
from tests.test_record_api import in_threads

CAMERA = {"model": "Source", "uri_rtsp": "rtsp://admin:top-secret@127.0.0.1:1/cam"}


def post(client: FlaskClient, path: str, key: str = "key", **how: Any) -> Any:
    headers = {"Idempotency-Key": key, **how.pop("headers", {})}
    return client.post(API + path, headers=headers, **how)


def is_replayed(answer: Any) -> bool:
    return answer.headers.get("Idempotency-Replayed") == "true"


def rows(app: Flask) -> list[IdempotentAnswer]:
    with app.app_context():
        return list(db.session.scalars(select(IdempotentAnswer)))


def age(app: Flask, by_us: int, **values: Any) -> None:
    """Let the kept answers be older."""
    with app.app_context(), writing() as session:
        session.execute(update(IdempotentAnswer).values(created_us=IdempotentAnswer.created_us - by_us, **values))


def test_a_request_sent_again_is_done_once_and_gets_the_same_answer(database_app: Flask) -> None:
    client = database_app.test_client()
    first, again = (post(client, "/source", json=CAMERA) for _ in range(2))
    assert (first.status_code, again.status_code) == (200, 200)
    assert (first.data, first.content_type) == (again.data, again.content_type)
    assert [is_replayed(first), is_replayed(again)] == [False, True]
    assert len(client.get(f"{API}/source").json) == 1
    assert post(client, "/source", "other key", json=CAMERA).json["id"] == 2
    assert client.post(f"{API}/source", json=CAMERA).json["id"] == 3
    [row, _] = rows(database_app)
    assert "top-secret" not in str(vars(row))
    assert base64.b64encode(b"top-secret").decode() not in str(vars(row))


def test_an_answer_without_a_body_and_a_refusal_are_repeated_too(client: FlaskClient) -> None:
    add_group(client, "g", add_source(client))
    record = {"model": "Source", "tag_name": "t", "group_name": "g"}
    answers = [post(client, "/record", json=record) for _ in range(2)]
    assert [(answer.status_code, answer.data, is_replayed(answer)) for answer in answers] == [
        (204, b"", False),
        (204, b"", True),
    ]
    refused = [post(client, "/group", "two", json={"model": "Source", "name": "g"}) for _ in range(2)]
    assert [(answer.status_code, answer.json, is_replayed(answer)) for answer in refused] == [
        (409, refused[0].json, False),
        (409, refused[0].json, True),
    ]
    member = [post(client, f"/group/{client.get(f'{API}/group').json[0]['id']}/source/1{end}") for end in ("", "/")]
    assert locs(member[0]) == [["header", "Idempotency-Key"]]  # the key was used before
    member = [post(client, member[0].request.path.removeprefix(API) + end, "three") for end in ("", "/")]
    assert [is_replayed(answer) for answer in member] == [False, True]  # with and without its slash


@pytest.mark.parametrize(
    ("path", "how"),
    [
        ("/source", {"json": {**CAMERA, "description": "other"}}),
        ("/source?description=other", {"json": CAMERA}),
        ("/source", {"data": CAMERA}),
        ("/group", {"json": CAMERA}),
    ],
)
def test_another_request_with_the_same_key_is_refused(client: FlaskClient, path: str, how: dict[str, Any]) -> None:
    post(client, "/source", json=CAMERA)
    answer = post(client, path, **how)
    assert (answer.status_code, locs(answer)) == (422, [["header", "Idempotency-Key"]])
    assert len(client.get(f"{API}/source").json) == 1


def test_a_form_sent_again_with_another_boundary_is_the_same_request(client: FlaskClient) -> None:
    def form() -> dict[str, Any]:
        return {**CAMERA, "file": (io.BytesIO(b"x"), "x.txt")}

    answers = [post(client, "/source", data=form(), content_type=None) for _ in range(2)]
    assert [(answer.status_code, is_replayed(answer)) for answer in answers] == [(200, False), (200, True)]


@pytest.mark.parametrize("key", ["", "x" * 256, "é", "a\tb"])
def test_a_key_that_is_none_is_refused(client: FlaskClient, key: str) -> None:
    answer = post(client, "/source", key, json=CAMERA)
    assert (answer.status_code, locs(answer)) == (422, [["header", "Idempotency-Key"]])
    assert client.get(f"{API}/source").json == []


def test_the_longest_key_with_every_character_is_taken(client: FlaskClient) -> None:
    key = ("".join(map(chr, range(0x21, 0x7F))) * 3)[:255]
    assert [is_replayed(post(client, "/source", key, json=CAMERA)) for _ in range(2)] == [False, True]


def test_requests_at_once_are_done_once(database_app: Flask) -> None:
    answers = in_threads(8, lambda _: post(database_app.test_client(), "/source", json=CAMERA))
    done = [answer for answer in answers if answer.status_code == 200]
    assert len({answer.data for answer in done}) == 1
    assert sum(not is_replayed(answer) for answer in done) == 1
    for answer in answers:
        if answer.status_code != 200:
            assert (answer.status_code, answer.headers["Retry-After"]) == (409, "1")
            assert locs(answer) == [["header", "Idempotency-Key"]]
    assert len(database_app.test_client().get(f"{API}/source").json) == 1


def test_a_process_that_died_holds_the_key_for_a_minute_only(app: Flask) -> None:
    client = app.test_client()
    post(client, "/source", json=CAMERA)
    age(app, 0, status=None, body=None)
    running = post(client, "/source", json=CAMERA)
    assert (running.status_code, running.json["detail"][0]["type"]) == (409, "still_running")
    age(app, LONGEST_REQUEST_US)
    assert not is_replayed(post(client, "/source", json=CAMERA))
    assert is_replayed(post(client, "/source", json=CAMERA))


def test_an_answer_is_kept_for_a_day_and_then_purged(app: Flask) -> None:
    client = app.test_client()
    post(client, "/source", json=CAMERA)
    age(app, KEPT_US - 60_000_000)
    assert is_replayed(post(client, "/source", json=CAMERA))
    age(app, 60_000_000)
    post(client, "/group", "other", json={"model": "Source", "name": "g"})
    assert [row.key for row in rows(app)] == ["other"]
    assert not is_replayed(post(client, "/source", json=CAMERA))


def test_a_failure_of_the_server_can_be_sent_again(app: Flask, config: TestingConfig) -> None:
    client = app.test_client()
    add_group(client, "g", add_source(client))
    record = {"model": "Source", "tag_name": "t", "group_name": "g"}
    app.config["PLAYBACK"] = TestingConfig(INSTANCE=config.INSTANCE, RESERVE_BYTES=10**17)
    assert post(client, "/record", json=record).status_code == 507
    assert rows(app) == []
    app.config["PLAYBACK"] = config
    answer = post(client, "/record", json=record)
    assert (answer.status_code, is_replayed(answer)) == (204, False)


def test_a_fault_nobody_foresaw_frees_the_key(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RULES, "fault", {"POST": Rule("viewer", "docs")})

    @app.post(f"{API}/fault")
    def fault() -> str:
        raise RuntimeError("broken")

    client = app.test_client()
    assert [post(client, "/fault").status_code for _ in range(2)] == [500, 500]
    assert rows(app) == []


def test_a_body_that_is_no_parameters_and_an_unknown_address_keep_nothing(app: Flask) -> None:
    client = app.test_client()
    for _ in range(2):
        assert post(client, "/source", data=b"x", content_type="application/octet-stream").status_code == 415
        assert post(client, "/nothing", json={}).status_code == 404
    assert client.put(f"{API}/record?tag_name=t", headers={"Idempotency-Key": "é"}).status_code == 404
    assert rows(app) == []


def test_each_account_has_keys_of_its_own(tmp_path: Any) -> None:
    instance = str(tmp_path / "instance")
    config = ProductionConfig(INSTANCE=instance, SECRET_KEY="s" * 32, CAMERA_NETWORKS="127.0.0.1/32")
    migrated(config)
    for app in open_app(config):
        with app.app_context(), writing() as session:
            for name in ("one", "two"):
                add_account(session, name, token=name)
        client = app.test_client()
        assert post(client, "/source", json=CAMERA).status_code == 401
        answers = [
            post(client, "/source", json=CAMERA, headers={"Authorization": f"Bearer {name}"})
            for name in ("one", "two", "one")
        ]
        assert [(answer.json["id"], is_replayed(answer)) for answer in answers] == [(1, False), (2, False), (1, True)]
