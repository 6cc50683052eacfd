"""Pins: who protects what, until when; that nothing deletes it; and that everything is written down."""

import json
import threading
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from app.archive.deletion import Act, delete_segments, delete_those
from app.archive.evicting import evict
from app.archive.holding import PIECES, Piece, lock_source
from app.archive.pins import make_pin
from app.errors import Pinned
from app.extensions import db, writing
from app.models import Audit, Pin, Segment
from app.models.types import now_us
from app.personalulti import utc_text
from tests.archived import close, record
from tests.archived import media as media
from tests.archived import no_plans as no_plans
from tests.archived import source_id as source_id
from tests.keeping import Part, S, add_footage
from tests.test_commands import cells
from tests.test_commands import flask as flask
from tests.test_evicting import left, storage_id
from tests.test_playback_requestdata import add_record
from tests.test_record_deletion import Media, delete_file, row_of, run_lister, starts
from tests.test_record_files import error_of

API = "/api/v1"


def pin(client: FlaskClient, **values: Any) -> Any:
    return client.post(f"{API}/pins", json={"reason": "theft", **values})


def of_source(client: FlaskClient, source_id: int, begin_us: int, end_us: int, **values: Any) -> Any:
    return pin(client, source_id=source_id, start=utc_text(begin_us), end=utc_text(end_us), **values)


def audited(client: FlaskClient) -> list[tuple[str, str]]:
    return [(row["action"], row["actor"]) for row in client.get(f"{API}/audit?sort=id").json]


def test_the_life_of_a_pin(database_app: Flask) -> None:
    client = database_app.test_client()
    add_footage(database_app, [Part(1, S, 2 * S, 10)])
    expires = utc_text(now_us() + 3600 * S)
    made = of_source(client, 1, S, 5 * S, expires=expires)
    assert made.status_code == 200
    assert (made.json["source_id"], made.json["start_utc"], made.json["is_active"]) == (1, utc_text(S), True)
    assert (made.json["owner"], made.json["reason"]) == ("anyone (testing)", "theft")
    path = f"{API}/pins/{made.json['id']}/"
    assert client.get(path).json == made.json
    assert client.get(f"{API}/pins").json == [made.json]
    changed = client.patch(path, json={"expires": None, "reason": "court"}).json
    assert (changed["expires_utc"], changed["reason"], changed["end_utc"]) == (None, "court", made.json["end_utc"])
    assert client.patch(path, json={"end": utc_text(9 * S)}).json["end_utc"] == utc_text(9 * S)
    released = client.delete(path).json
    assert (released["is_active"], released["released_by"]) == (False, "anyone (testing)")
    assert client.delete(path).json == released
    assert error_of(client.patch(path, json={"reason": "x"})) == (409, ["path", "pin_id"], "pin_ended")
    assert [row[0] for row in audited(client)] == ["pin.create", "pin.change", "pin.change", "pin.release"]
    first = client.get(f"{API}/audit?sort=id&limit=1")
    assert first.json[0]["detail"]["reason"] == "theft"
    assert first.json[0]["detail"]["start_utc"] == made.json["start_utc"]
    assert first.json[0]["source_id"] == 1
    second = client.get(first.headers["Link"].partition(">")[0].removeprefix("<")).json
    assert second[0]["detail"]["after"] == {"expires_utc": None, "reason": "court"}
    assert [row["action"] for row in client.get(f"{API}/audit?action=pin.release").json] == ["pin.release"]
    assert len(client.get(f"{API}/audit?action=pin.&source_id=1").json) == 4
    assert client.get(f"{API}/audit?source_id=2").json == []


def test_pins_are_listed_by_source_time_and_whether_they_protect(app: Flask, client: FlaskClient) -> None:
    add_footage(app, [Part(1, S, 2 * S, 10), Part(2, S, 2 * S, 10)])
    ids = [of_source(client, 1 + n % 2, n * 10 * S, n * 10 * S + 5 * S).json["id"] for n in range(4)]
    client.delete(f"{API}/pins/{ids[0]}/")

    def listed(query: str) -> list[int]:
        return [ids.index(row["id"]) for row in client.get(f"{API}/pins?{query}").json]

    assert listed("") == [0, 1, 2, 3]
    assert listed("source_id=1&sort=-begin") == [2, 0]
    assert listed("is_active=true") == [1, 2, 3]
    assert listed("is_active=false") == [0]
    assert listed("start=12&end=21") == [1, 2]
    assert listed("limit=2") == [0, 1]


@pytest.mark.parametrize(
    ("values", "status", "place"),
    [
        ({}, 422, "body"),
        ({"source_id": 1}, 422, "body"),
        ({"source_id": 1, "start": 5, "end": 5}, 422, "end"),
        ({"source_id": 1, "start": 5, "end": "x"}, 422, "end"),
        ({"source_id": 99, "start": 5, "end": 6}, 404, "source_id"),
        ({"source_id": True, "start": 5, "end": 6, "record_id": "x"}, 422, "record_id"),
        ({"record_id": "7a9f3c52-6d1e-4b7b-9a53-0c8f1c3b2d10"}, 404, "record_id"),
        ({"source_id": 1, "start": 5, "end": 6, "expires": 7}, 422, "expires"),
        ({"source_id": 1, "start": 5, "end": 6, "reason": "  "}, 422, "reason"),
        ({"source_id": 1, "start": 5, "end": 6, "reason": "a\x00"}, 422, "reason"),
    ],
    ids=str,
)
def test_a_pin_that_cannot_be_is_refused(
    app: Flask, client: FlaskClient, values: dict[str, Any], status: int, place: str
) -> None:
    add_footage(app, [Part(1, S, 2 * S, 10)])
    answer = pin(client, **values)
    assert answer.status_code == status, answer.json
    assert answer.json["detail"][0]["loc"][-1] == place
    assert client.get(f"{API}/pins").json == []


def test_a_pin_of_a_record_protects_what_it_holds(app: Flask, client: FlaskClient) -> None:
    moment = now_us()
    add_footage(app, [Part(1, moment - 60 * S, moment - 50 * S, 10)])
    record_id = add_record(app, 1, "t", moment - 60 * S, moment - 50 * S)
    made = pin(client, record_id=record_id.upper()).json
    assert (made["start_utc"], made["end_utc"]) == (utc_text(moment - 60 * S), utc_text(moment - 50 * S))


def test_a_record_whose_file_is_pinned_keeps_all_of_it(
    app: Flask, client: FlaskClient, source_id: int, media: Media
) -> None:
    recorded = record(app, source_id, media("h264"))
    record_id = add_record(app, source_id, "t", recorded.begin_us, recorded.end_us)
    made = of_source(client, source_id, recorded.end_us - S, recorded.end_us + S).json
    answer = delete_file(client, record_id)
    assert error_of(answer)[::2] == (409, "pinned")
    assert answer.json["pin_id"] == made["id"]
    message = answer.json["detail"][0]["msg"]
    assert f"1 of 4 files are pinned by anyone (testing) (pin {made['id']}" in message
    assert f"DELETE /api/v1/pins/{made['id']}/" in message
    assert (len(starts(app)), row_of(app, record_id).deleted_us) == (4, None)
    client.delete(f"{API}/pins/{made['id']}/")
    assert delete_file(client, record_id).status_code == 200
    assert starts(app) == []


def test_what_was_open_when_its_record_was_deleted_stays_while_it_is_pinned(
    app: Flask, client: FlaskClient, source_id: int, media: Media
) -> None:
    recorded = record(app, source_id, media("h264"), leave_open=True)
    record_id = add_record(app, source_id, "t", recorded.begin_us, recorded.end_us - S)
    assert delete_file(client, record_id).status_code == 200
    made = of_source(client, source_id, recorded.end_us - 2 * S, recorded.end_us).json
    close(app, source_id, recorded.run_id)
    run_lister(app)
    assert (len(starts(app)), row_of(app, record_id).is_listed) == (1, False)
    client.delete(f"{API}/pins/{made['id']}/")
    run_lister(app)
    assert (starts(app), row_of(app, record_id).is_listed) == ([], True)


def test_a_pin_that_has_run_out_protects_nothing_and_stays_listed(app: Flask, client: FlaskClient) -> None:
    moment = now_us()
    add_footage(app, [Part(1, moment - 60 * S, moment - 50 * S, 10)])
    with app.app_context(), writing() as session:
        values = {"owner": "me", "reason": "was", "expires_us": moment - S}
        session.add(Pin(source_id=1, begin_us=moment - 60 * S, end_us=moment, **values))
    [listed] = client.get(f"{API}/pins").json
    assert listed["is_active"] is False
    assert error_of(client.patch(f"{API}/pins/{listed['id']}/", json={"reason": "x"}))[0] == 409
    with app.app_context():
        assert evict(storage_id(app), 1, Act("t")).segments == 1


def test_no_caller_can_delete_what_is_pinned(app: Flask, client: FlaskClient) -> None:
    add_footage(app, [Part(1, n * 10 * S, (n + 1) * 10 * S, 10) for n in range(4)])
    of_source(client, 1, 15 * S, 16 * S)
    with app.app_context():
        pieces = [Piece(*row) for row in db.session.execute(PIECES)]
        with writing() as session:
            lock_source(session, 1)
            with pytest.raises(Pinned):
                delete_segments(session, 1, pieces, Act("t"), (0, 40 * S))
        assert len(left(app)) == 4
        with writing() as session:
            assert [piece.start_us for piece in delete_those(session, 1, pieces, Act("t"))] == [0, 20 * S, 30 * S]
        db.session.remove()


def test_a_pin_made_while_footage_goes_finds_it_or_saves_it(database_app: Flask) -> None:
    """Either the deletion is committed before the pin is made, or it sees the pin: never a pin whose footage goes."""
    app = database_app
    count = 30
    add_footage(app, [Part(1, n * 10 * S, (n + 1) * 10 * S, 10) for n in range(count)])
    place = storage_id(app)
    found: list[tuple[int, bool]] = []
    begin = threading.Barrier(2)

    def make_pins() -> None:
        with app.app_context():
            begin.wait()
            for number in reversed(range(0, count, 3)):
                with writing() as session:
                    make_pin(session, 1, (number * 10 * S, (number + 1) * 10 * S), "me", "why", None, now_us())
                    there = session.scalar(select(Segment.id).where(Segment.start_us == number * 10 * S))
                found.append((number * 10 * S, there is not None))
            db.session.remove()

    def make_room() -> None:
        with app.app_context():
            begin.wait()
            for _ in range(count):
                evict(place, 10, Act("t"))
            db.session.remove()

    threads = [threading.Thread(target=make_pins), threading.Thread(target=make_room)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == count // 3
    remaining = {start_us for start_us, _ in left(app)}
    assert remaining == {start_us for start_us, was_there in found if was_there}


def test_the_commands_of_pins(app: Flask, flask: Any) -> None:
    add_footage(app, [Part(1, S, 2 * S, 10)])
    line = "pin add --source 1 --start 1970-01-01T00:00:01Z --end 1970-01-01T00:00:02Z --reason theft"
    [[pin_id]] = cells(flask(line))
    [listed] = cells(flask("pin list --active"))
    assert (listed[0], listed[1], listed[2], listed[5], listed[8]) == (pin_id, "active", "1", "terminal", "theft")
    assert cells(flask(f"pin release {pin_id}")) == []
    assert cells(flask("pin list --active")) == []
    assert cells(flask("pin list --source 1"))[0][1] == "-"
    with app.app_context():
        rows = db.session.scalars(select(Audit).order_by(Audit.id)).all()
        assert [(row.action, row.actor, row.subject) for row in rows] == [
            ("pin.create", "terminal", pin_id),
            ("pin.release", "terminal", pin_id),
        ]
        assert json.loads(rows[0].detail)["reason"] == "theft"
