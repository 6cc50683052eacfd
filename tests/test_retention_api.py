"""Rules over the API and at a terminal: what is refused, what holds for an instant, and what there is room for."""

import threading
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update

from app.archive.retention import Retention
from app.extensions import db, writing
from app.models import Storage
from app.models.types import now_us
from app.personalulti import utc_text
from tests.keeping import Part, S, add_footage, add_held
from tests.test_commands import cells
from tests.test_commands import flask as flask
from tests.test_evicting import add_pin, storage_id
from tests.test_record_files import error_of
from tests.test_retention import DAY, minutes

API = "/api/v1"
PATH = f"{API}/retention"


def add_rule(client: FlaskClient, **values: Any) -> Any:
    return client.post(PATH, json=values)


@pytest.fixture
def footage(app: Flask) -> int:
    """Have an hour of one source, of 1000 bytes a minute, under the tag night; return where it begins."""
    begin_us = now_us() - 2 * 3600 * S
    add_footage(app, minutes(1, begin_us, 60, size=1000))
    add_held(app, 1, "night", begin_us, None)
    return begin_us


def test_the_life_of_a_rule(database_app: Flask) -> None:
    client = database_app.test_client()
    add_footage(database_app, [Part(1, S, 2 * S, 10)])
    made = add_rule(client, scope="source", source_id=1, max_age_s=3600)
    assert made.status_code == 200, made.json
    expected = {
        "scope": "source",
        "source_id": 1,
        "tag_id": None,
        "name": "1",
        "max_age_s": 3600,
        "min_bytes": None,
        "actor": "anyone (testing)",
    }
    assert {name: made.json[name] for name in expected} == expected
    path = f"{PATH}/{made.json['id']}/"
    assert client.get(path).json == made.json
    changed = client.put(path, json={"max_age_s": None, "max_bytes": 7}).json
    assert (changed["max_age_s"], changed["max_bytes"]) == (None, 7)
    assert error_of(client.put(path, json={"max_bytes": None}))[::2] == (422, "no_limit")
    assert client.get(PATH).json == [changed]
    assert client.get(f"{PATH}?scope=tag").json == []
    assert client.delete(path).json == changed
    assert error_of(client.get(path))[:2] == (404, ["path", "rule_id"])
    acts = client.get(f"{API}/audit?action=retention.&sort=id").json
    assert [row["action"] for row in acts] == ["retention.create", "retention.change", "retention.remove"]
    assert acts[1]["detail"]["after"]["max_bytes"] == 7


@pytest.mark.parametrize(
    ("values", "status", "place"),
    [
        ({"scope": "all"}, 422, "body"),
        ({"scope": "all", "min_age_s": 5, "max_age_s": 4}, 422, "min_age_s"),
        ({"scope": "all", "min_bytes": 5, "max_bytes": 4}, 422, "min_bytes"),
        ({"scope": "all", "max_age_s": -1}, 422, "max_age_s"),
        ({"scope": "all", "max_age_s": 0}, 422, "max_age_s"),
        ({"scope": "all", "max_bytes": 0, "max_age_s": 5}, 422, "max_bytes"),
        ({"scope": "all", "max_age_s": True}, 422, "max_age_s"),
        ({"scope": "all", "max_age_s": 10**12}, 422, "max_age_s"),
        ({"scope": "all", "max_bytes": 2**63}, 422, "max_bytes"),
        ({"scope": "all", "max_bytes": "7x"}, 422, "max_bytes"),
        ({"scope": "none", "max_bytes": 7}, 422, "scope"),
        ({"scope": "all", "source_id": 1, "max_bytes": 7}, 422, "source_id"),
        ({"scope": "tag", "max_bytes": 7}, 422, "tag_name"),
        ({"scope": "tag", "tag_name": "none", "max_bytes": 7}, 404, "tag_name"),
        ({"scope": "group", "group_name": "none", "max_bytes": 7}, 404, "group_name"),
        ({"scope": "source", "source_id": 99, "max_bytes": 7}, 404, "source_id"),
    ],
    ids=str,
)
def test_a_rule_that_cannot_be_is_refused(client: FlaskClient, values: dict[str, Any], status: int, place: str) -> None:
    answer = add_rule(client, **values)
    assert answer.status_code == status, answer.json
    assert answer.json["detail"][0]["loc"][-1] == place
    assert client.get(PATH).json == []


def test_a_rule_keeps_its_scope_and_keeps_something(client: FlaskClient) -> None:
    path = f"{PATH}/{add_rule(client, scope='all', max_age_s=3600).json['id']}/"
    assert error_of(client.put(path, json={"scope": "tag"})) == (422, ["body", "scope"], "scope")
    assert error_of(client.put(path, json={"max_age_s": 0})) == (422, ["body", "max_age_s"], "nothing_kept")
    assert client.put(path, json={"scope": "all", "max_age_s": 7}).json["max_age_s"] == 7


def test_a_scope_has_one_rule_also_where_two_add_it_at_once(database_app: Flask) -> None:
    statuses = []

    def add() -> None:
        statuses.append(add_rule(database_app.test_client(), scope="all", max_bytes=7).status_code)

    threads = [threading.Thread(target=add) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200, 409, 409]
    answer = add_rule(database_app.test_client(), scope="all", max_bytes=7)
    assert error_of(answer) == (409, ["body", "scope"], "rule_exists")
    assert "PUT /api/v1/retention/" in answer.json["detail"][0]["msg"]


def test_each_limit_of_an_instant_names_its_rule(app: Flask, client: FlaskClient, footage: int) -> None:
    tag = add_rule(client, scope="tag", tag_name="night", max_age_s=7 * 86_400).json
    wide = add_rule(client, scope="all", max_age_s=86_400, max_bytes=10**9).json
    found = client.get(f"{API}/source/1/retention?at={utc_text(footage + 90 * S)}").json
    assert found["limits"]["max_age_s"] == {
        "value": 7 * 86_400,
        "rule_id": tag["id"],
        "scope": "tag",
        "name": "night",
    }
    assert found["limits"]["max_bytes"]["rule_id"] == wide["id"]
    assert (found["limits"]["min_age_s"], found["is_pinned"], found["tags"]) == (None, False, ["night"])
    assert (found["state"], found["file"]["start_utc"]) == ("kept", utc_text(footage + 60 * S))
    assert found["earliest_utc"] == utc_text(footage + 120 * S + 7 * DAY)
    assert found["why"].startswith("max_age of tag night: 7 d")
    pin_id = add_pin(app, 1, footage, footage + DAY)
    found = client.get(f"{API}/source/1/retention?at={utc_text(footage + 90 * S)}").json
    assert (found["is_pinned"], found["earliest_utc"], found["pins"][0]["id"]) == (True, None, pin_id)
    assert found["why"] == "pinned by me until it is released"


def test_an_instant_whose_footage_went_tells_by_what(app: Flask, client: FlaskClient, footage: int) -> None:
    add_rule(client, scope="all", max_age_s=3600)
    with app.app_context():
        Retention(pause_s=0).run(is_eager=True)
        db.session.remove()
    found = client.get(f"{API}/source/1/retention?at={utc_text(footage + 90 * S)}").json
    assert (found["state"], found["file"]) == ("deleted", None)
    assert found["why"].startswith("deleted by retention (max_age of all: 1 h)")
    assert found["deletion"]["actor"] == "retention"
    nothing = client.get(f"{API}/source/1/retention?at=5").json
    assert (nothing["state"], nothing["deletion"]) == ("none", None)
    assert error_of(client.get(f"{API}/source/9/retention"))[:2] == (404, ["path", "source_id"])
    assert error_of(client.get(f"{API}/source/1/retention?at=x"))[:2] == (422, ["query", "at"])


def test_a_minimum_without_room_is_refused_with_a_forecast(app: Flask, client: FlaskClient, footage: int) -> None:
    storage_id(app)
    with app.app_context(), writing() as session:
        session.execute(update(Storage).values(budget_bytes=1_000_000))
    ok = add_rule(client, scope="all", min_age_s=30_000)
    assert ok.status_code == 200, ok.json
    for answer in (
        add_rule(client, scope="tag", tag_name="night", min_age_s=86_400),
        add_rule(client, scope="source", source_id=1, min_bytes=1_000_001),
        client.put(f"{PATH}/{ok.json['id']}/", json={"min_age_s": 86_400}),
    ):
        assert error_of(answer)[::2] == (409, "unreachable")
        assert "there is room for 1 MB" in answer.json["detail"][0]["msg"]
        assert "PLAYBACK_STORAGES" in answer.json["detail"][0]["msg"]
        told = answer.json["forecast"]
        assert told["capacity_bytes"] == 1_000_000
        assert not all(rule["is_met"] for rule in told["rules"])
    assert client.get(f"{PATH}/{ok.json['id']}/").json["min_age_s"] == 30_000
    add_pin(app, 1, footage, footage + 3600 * S)
    assert client.get(f"{PATH}/forecast").json["pinned_bytes"] == 60_000


def test_the_forecast_follows_from_what_was_measured(app: Flask, client: FlaskClient, footage: int) -> None:
    storage_id(app)
    with app.app_context(), writing() as session:
        session.execute(update(Storage).values(budget_bytes=1_500_000))
    found = client.get(f"{PATH}/forecast").json
    rate = 1000 / 60
    assert found["sources"] == [{"source_id": 1, "bytes_s": pytest.approx(rate), "is_recording": True}]
    assert (found["used_bytes"], found["capacity_bytes"]) == (60_000, 1_500_000)
    assert found["bytes_s"] == pytest.approx(rate)
    assert found["hours_until_full"] == pytest.approx(1_440_000 / rate / 3600)
    assert found["reachable_days"] == pytest.approx(1_500_000 / rate / 86_400)
    [room] = found["storages"]
    assert (room["used_bytes"], room["budget_bytes"]) == (60_000, 1_500_000)


def test_the_forecast_is_told_as_it_would_be_with_a_rule_of_any_scope(
    app: Flask, client: FlaskClient, footage: int
) -> None:
    storage_id(app)
    with app.app_context(), writing() as session:
        session.execute(update(Storage).values(budget_bytes=1_000_000))
    [group] = client.post(f"{API}/group", json={"model": "Source", "name": "entrance"}).json
    assert client.post(f"{API}/group/{group['id']}/source/1/").status_code == 200
    for of, tag in (("all", None), ("group&group_name=entrance", None), ("source&source_id=1", None), ("tag", "night")):
        query = f"scope={of}{f'&tag_name={tag}' if tag else ''}&min_age_s=30000"
        found = client.get(f"{PATH}/forecast?{query}").json
        last = found["rules"][-1]
        assert (last["needed_bytes"], last["is_met"]) == (500_000, True), of
        assert found["needed_bytes"] == 500_000
    assert client.get(f"{PATH}/forecast?scope=all&min_age_s=86400").json["rules"][-1]["is_met"] is False
    assert client.get(PATH).json == [], "nothing was stored"
    made = add_rule(client, scope="all", min_age_s=30_000).json
    beside = client.get(f"{PATH}/forecast?scope=group&group_name=entrance&min_bytes=700000").json
    assert [rule["needed_bytes"] for rule in beside["rules"]] == [500_000, 700_000]
    assert [rule["is_met"] for rule in beside["rules"]] == [False, False]
    changed = client.get(f"{PATH}/forecast?rule_id={made['id']}&min_age_s=60000").json
    assert [(rule["rule_id"], rule["needed_bytes"]) for rule in changed["rules"]] == [(made["id"], 1_000_000)]
    for query, loc, kind in (
        ("scope=group&min_age_s=5", ["query", "group_name"], "missing"),
        ("scope=tag&tag_name=no&min_age_s=5", ["query", "tag_name"], "not_found"),
        ("scope=all", ["query"], "no_limit"),
        (f"rule_id={group['id']}&min_age_s=5", ["query", "rule_id"], "not_found"),
        ("rule_id=x", ["query", "rule_id"], "uuid_parsing"),
    ):
        assert error_of(client.get(f"{PATH}/forecast?{query}"))[1:] == (loc, kind), query


def test_the_rule_of_a_group_goes_with_it_and_that_is_written_down(client: FlaskClient) -> None:
    [group] = client.post(f"{API}/group", json={"model": "Source", "name": "entrance"}).json
    made = add_rule(client, scope="group", group_name="entrance", min_age_s=5).json
    assert (made["name"], made["group_id"]) == ("entrance", group["id"])
    assert client.delete(f"{API}/group/{group['id']}/").status_code == 200
    assert client.get(PATH).json == []
    [last] = client.get(f"{API}/audit?action=retention.remove").json
    assert (last["subject"], last["actor"]) == (made["id"], "deletion of its group")


def test_without_footage_nothing_is_forecast_and_no_minimum_refused(client: FlaskClient) -> None:
    assert add_rule(client, scope="all", min_age_s=86_400).status_code == 200
    found = client.get(f"{PATH}/forecast").json
    assert (found["hours_until_full"], found["reachable_days"], found["rules"][0]["is_met"]) == (None, None, None)


def test_the_commands_of_retention(app: Flask, flask: Any, footage: int) -> None:
    [made] = cells(flask("retention set --tag night --max-age 1h --min-bytes 1k"))
    assert made[1:] == ["tag", "night", "-", "3600", "1000", "-"]
    [changed] = cells(flask("retention set --tag night --min-bytes none"))
    assert changed == [*made[:5], "-", "-"]
    assert cells(flask("retention set --max-bytes 5T"))[0][1:3] == ["all", "-"]
    assert [row[1] for row in cells(flask("retention list"))] == ["tag", "all"]
    assert "is no number with one of the units" in flask("retention set --max-age 7x").output
    assert "there is no tag none" in flask("retention set --tag none --max-age 7d").output
    assert cells(flask(f"retention explain 1 --at {utc_text(footage)}"))[0][0] == "kept"
    assert cells(flask("retention forecast"))[1][:3] == ["source", "1", "17"]
    gone = cells(flask("retention run"))
    assert gone[0] == ["60", "60000"] or int(gone[0][0]) >= 59
    assert cells(flask(f"retention remove {made[0]}")) == []
    assert len(cells(flask("retention list"))) == 1
