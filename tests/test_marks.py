"""What lies on a timeline beside footage: each kind at its time, no more of it than is drawn, to who may list it."""

import random
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, insert, select, update

from app.extensions import db, writing
from app.models import Account, ApiToken, Coverage, File, Pin, Record, Segment, ShareLink, Source, Tag
from app.models.file import FOOTAGE
from app.models.segment import MISSING
from app.models.types import new_uuid
from app.playback import filmclock
from app.playback.filmclock import FilmClock
from app.playback.marks import MAX_MARKS, Wanted, find_comments, find_pins, find_records, find_shares
from app.playback.unbroken import find_unbroken
from tests.accounts import add_account, add_bounded
from tests.archived import T0_US, add_source, record, utc
from tests.archived import media as media
from tests.archived import no_plans as no_plans
from tests.keeping import add_held
from tests.test_query_plans import plans_of

S = 1_000_000
TICK_US = 100  # of a film's time
Media = Callable[..., Path]


def marks(client: FlaskClient, *ids: int, begin_s: float = -60, end_s: float = 600, **asked: Any) -> Any:
    span = {"start": utc(T0_US + round(begin_s * S)), "end": utc(T0_US + round(end_s * S))}
    query = {"source_id": ",".join(map(str, ids)), **span, **asked}
    answer = client.get("/playbackapi/marks", query_string=query)
    assert answer.status_code == 200, answer.text
    return answer.json


def spans(found: Any) -> list[tuple[int, float, float | None]]:
    """Return of each item its camera and its seconds after T0."""
    return [
        (item["source_id"], after(item["start_utc"]), None if item["end_utc"] is None else after(item["end_utc"]))
        for item in found["items"]
    ]


def after(moment: str) -> float:
    return round(datetime.fromisoformat(moment).timestamp() - T0_US / S, 3)


def test_recordings_pins_and_links_of_many_cameras_that_touch_the_range(database_app: Flask) -> None:
    app, client = database_app, database_app.test_client()
    one, other, third = (add_source(app) for _ in range(3))
    add_held(app, one, "night", T0_US - 100 * S, T0_US - 70 * S)  # before the range
    add_held(app, one, "night", T0_US - 100 * S, T0_US + 10 * S)
    add_held(app, other, "day", T0_US + 20 * S, None)
    add_held(app, third, "day", T0_US, None)  # not asked for
    with app.app_context(), writing() as session:
        pin = {"owner": "anna", "reason": "theft", "source_id": one}
        session.add(Pin(begin_us=T0_US + S, end_us=T0_US + 5 * S, **pin))
        session.add(Pin(begin_us=T0_US + 2 * S, end_us=T0_US + 5 * S, released_us=1, **pin))
        link = {"source_id": other, "created_by": "anna", "description": "for Bob"}
        session.add(ShareLink(key_sha256="a" * 64, begin_us=T0_US, end_us=T0_US + S, expires_us=2**62, **link))
        session.add(ShareLink(key_sha256="b" * 64, begin_us=T0_US, end_us=T0_US + S, expires_us=1, **link))
    found = marks(client, one, other)
    assert spans(found["record"]) == [(one, -100, 10), (other, 20, None)]
    assert [item["tag"] for item in found["record"]["items"]] == ["night", "day"]
    assert spans(found["pin"]) == [(one, 1, 5)]
    assert (found["pin"]["items"][0]["reason"], found["pin"]["items"][0]["owner"]) == ("theft", "anna")
    assert spans(found["share"]) == [(other, 0, 1)]
    assert found["share"]["items"][0]["description"] == "for Bob"
    assert found["comment"] == {"truncated": False, "items": [], "counts": None}
    assert set(marks(client, one, kinds="pin,record")) == {"start_utc", "end_utc", "resolution", "pin", "record"}


def test_comments_stand_where_the_film_shows_it_also_behind_gaps(database_app: Flask, media: Media) -> None:
    app, client = database_app, database_app.test_client()
    source_id = add_source(app)
    record(app, source_id, media("h264"))  # 0 s to 8 s
    record(app, source_id, media("h264", seed=2), begin_us=T0_US + 20 * S)  # 20 s to 28 s
    record(app, source_id, media("h264", seed=3), begin_us=T0_US + 60 * S)  # 60 s to 68 s
    asked = {"source_id": source_id, "start": utc(T0_US + 2 * S), "end": utc(T0_US + 64 * S)}
    made = client.post("/files/", json=asked).json  # a film of 6 + 8 + 4 seconds
    assert made["duration_s"] == pytest.approx(18, abs=0.1)

    def say(text: str, **values: Any) -> None:
        body = {"refer_file": made["refer"], "comment": text, "comment_author": "User", "severity": "mild", **values}
        assert client.post("/comments/", json=body).status_code == 200

    say("in the first piece", start=1, end=3)
    say("over a gap", start=5, end=7)
    say("in the last piece", start=15)
    say("all of it")
    found = marks(client, source_id, begin_s=0, end_s=100, kinds="comment")["comment"]
    told = {item["text"]: span[1:] for item, span in zip(found["items"], spans(found), strict=True)}
    near = {"in the first piece": (3, 5), "over a gap": (7, 21), "in the last piece": (61, None), "all of it": (2, 64)}
    assert told.keys() == near.keys()
    for text, (begin_s, end_s) in near.items():
        assert told[text][0] == pytest.approx(begin_s, abs=0.2), text
        assert told[text][1] == (end_s if end_s is None else pytest.approx(end_s, abs=0.2)), text
    first = found["items"][1]
    assert (first["file_id"], first["refer_file"], first["author"]) == (made["id"], made["refer"], "User")
    assert first["severity"] == "mild"
    within = marks(client, source_id, begin_s=30, end_s=100, kinds="comment")["comment"]
    assert sorted(item["text"] for item in within["items"]) == ["all of it", "in the last piece"]
    client.delete(f"/files/{made['id']}/")
    assert marks(client, source_id, kinds="comment")["comment"]["items"] == []


def test_of_too_many_it_is_counted_how_many_begin_in_each_cell(database_app: Flask) -> None:
    app, client = database_app, database_app.test_client()
    one, other = add_source(app), add_source(app)
    add_held(app, other, "early", T0_US - 7200 * S, None)
    with app.app_context(), writing() as session:
        tag_id = session.scalars(select(Tag.id)).one()
        values = {"source_id": one, "tag_id": tag_id, "deleted_us": None, "is_listed": True}
        rows = [
            {**values, "id": new_uuid(), "begin_us": T0_US + number * S, "end_us": T0_US + number * S + 1}
            for number in range(MAX_MARKS)
        ]
        session.execute(insert(Record), rows)
        session.execute(update(Source).values(description="x"))
    asked = {"begin_s": 0, "end_s": MAX_MARKS, "resolution": 500, "kinds": "record"}
    found = marks(client, one, other, **asked)["record"]
    assert (found["truncated"], found["items"]) == (True, [])
    assert found["counts"] == [
        {"source_id": one, "values": [500] * 4},
        {"source_id": other, "values": [1, 0, 0, 0]},
    ]
    assert len(marks(client, one, **asked)["record"]["items"]) == MAX_MARKS


def test_marks_are_found_by_an_index(app: Flask) -> None:
    wanted = Wanted([1, 2], T0_US, T0_US + S, S)
    with app.app_context():
        session = db.session
        session.add(Source(id=1, model="Source"))
        session.commit()
        for find, index in (
            (find_records, "ix_record_source_id_begin_us"),
            (find_pins, "ix_pin_source_id_begin_us"),
            (find_comments, "ix_file_source_id_begin_us"),
            (find_shares, "ix_share_link_source_id"),
        ):
            plans = plans_of(lambda find=find: find(wanted))
            assert any(index in plan for plan in plans), (find.__name__, plans)
            of_rows = [plan for plan in plans if "retention_mark" not in plan]
            assert not [plan for plan in of_rows if "SCAN" in plan and "json_each" not in plan], plans
        [plan] = plans_of(lambda: find_unbroken([1, 2]))
        assert "SCAN" not in plan
        assert "segment USING INDEX sqlite_autoindex_segment_1 (source_id=? AND start_us>? AND start_us<?)" in plan


def kinds_of(client: FlaskClient, headers: dict[str, str], source_id: int, **asked: Any) -> set[str] | int:
    query = {"source_id": source_id, "start": utc(T0_US), "end": utc(T0_US + 60 * S), **asked}
    answer = client.get("/playbackapi/marks", query_string=query, headers=headers)
    return (
        set(answer.json) - {"start_utc", "end_utc", "resolution"} if answer.status_code == 200 else answer.status_code
    )


def test_each_kind_is_shown_to_who_may_list_it(production: Flask) -> None:
    app, source_id, hidden = production, add_source(production), add_source(production)
    add_held(app, source_id, "night", T0_US - 100 * S, T0_US + 30 * S)
    with app.app_context(), writing() as session:
        tokens = {"viewer": add_bounded(session, "viewer", "viewer", source_id)}
        tokens |= {name: add_account(session, name, "operator") for name in ("operator", "area", "window")}
        for name, values in (
            ("area", {"endpoints": '["playback","record"]'}),
            ("window", {"begin_us": T0_US, "end_us": T0_US + 60 * S}),
        ):
            of = select(Account.id).where(Account.name == name).scalar_subquery()
            session.execute(update(ApiToken).where(ApiToken.account_id == of).values(**values))
    client = app.test_client(use_cookies=False)
    headers = {name: {"Authorization": f"Bearer {token}"} for name, token in tokens.items()}
    assert kinds_of(client, headers["viewer"], source_id) == {"record", "pin", "comment"}
    assert kinds_of(client, headers["viewer"], source_id, kinds="share") == 403
    assert kinds_of(client, headers["viewer"], hidden) == 404
    assert kinds_of(client, headers["operator"], source_id) == {"record", "pin", "comment", "share"}
    assert kinds_of(client, headers["area"], source_id) == {"record"}
    assert kinds_of(client, headers["area"], source_id, kinds="comment") == 403
    assert kinds_of(client, headers["window"], source_id) == {"record"}
    assert kinds_of(client, headers["window"], source_id, kinds="pin") == 403
    assert kinds_of(client, headers["window"], source_id, start=utc(T0_US - S)) == 403
    query = {"source_id": source_id, "start": utc(T0_US), "end": utc(T0_US + 60 * S)}
    seen = client.get("/playbackapi/marks", query_string=query, headers=headers["window"]).json
    assert spans(seen["record"]) == [(source_id, 0, 30)]


def test_wrong_questions_are_refused(app: Flask) -> None:
    client, source_id = app.test_client(), add_source(app)
    query = {"source_id": source_id, "start": utc(T0_US), "end": utc(T0_US + S)}
    for wrong in ({"kinds": "records"}, {"kinds": ""}, {"source_id": "x"}, {"end": utc(T0_US)}, {"resolution": "0"}):
        assert client.get("/playbackapi/marks", query_string={**query, **wrong}).status_code == 422, wrong
    assert client.get("/playbackapi/marks", query_string={**query, "source_id": 99}).status_code == 404


def test_the_map_of_a_film_is_planned_once(app: Flask, media: Media, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two thousand comments on a film of a month must not plan it two thousand times."""
    client, source_id = app.test_client(), add_source(app)
    record(app, source_id, media("h264"))
    made = [hand_over(client, source_id, T0_US, T0_US + 6 * S)]
    for second in (3, 4, 5):
        say(client, made[0], second)
    planned = count_plans(monkeypatch)
    for _ in range(2):
        assert len(marks(client, source_id, kinds="comment")["comment"]["items"]) == 3
    assert len(planned) == 1
    with app.app_context():
        assert db.session.scalars(select(File.id)).all() == [made[0]["id"]]


def hand_over(client: FlaskClient, source_id: int, begin_us: int, end_us: int) -> Any:
    made = client.post("/files/", json={"source_id": source_id, "start": utc(begin_us), "end": utc(end_us)})
    assert made.status_code == 200, made.text
    return made.json


def say(client: FlaskClient, made: Any, start_s: float) -> None:
    body = {"refer_file": made["refer"], "comment": "x", "comment_author": "AI", "start": start_s, "end": start_s}
    assert client.post("/comments/", json=body).status_code == 200


def count_plans(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Return a list to which each film that is planned for its map adds something."""
    planned: list[object] = []
    whole = filmclock.map_handed
    monkeypatch.setattr(filmclock, "map_handed", lambda *given: planned.append(given) or whole(*given))
    return planned


def test_many_films_of_unbroken_footage_take_as_many_queries_as_one(
    database_app: Flask, media: Media, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, client = database_app, database_app.test_client()
    one, many = add_source(app), add_source(app)
    for source_id, films in ((one, 1), (many, 12)):
        record(app, source_id, media("audio"))
        for number in range(films):
            say(client, hand_over(client, source_id, T0_US + number * S // 5, T0_US + 6 * S), 1.5)
    planned, asked = count_plans(monkeypatch), []
    for source_id, films in ((one, 1), (many, 12)):
        wanted = Wanted([source_id], T0_US, T0_US + 60 * S, S)
        with app.app_context():
            asked.append(len(statements_of(lambda wanted=wanted: find_comments(wanted))))
        found = marks(client, source_id, kinds="comment")["comment"]
        assert [begin_s for _, begin_s, _ in spans(found)] == [pytest.approx(0.2 * at + 1.5) for at in range(films)]
    assert (planned, asked[0]) == ([], asked[1])


def statements_of(act: Callable[[], object]) -> list[str]:
    """Return the statements that an act runs."""
    found: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        found.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        act()
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
    return found


def make_footage(app: Flask, media: Media, shape: str) -> tuple[int, int]:
    """Record footage of a shape from T0 on; return its camera and its length."""
    source_id, long = add_source(app), media("b-frames-audio")
    if shape == "one run":
        return source_id, record(app, source_id, long).end_us - T0_US
    if shape == "a gap":
        record(app, source_id, long)
        return source_id, record(app, source_id, media("h264", seed=2), begin_us=T0_US + 13 * S).end_us - T0_US
    if shape == "another run at once":
        first = record(app, source_id, long)
        return source_id, record(app, source_id, long, begin_us=first.end_us + 40_000).end_us - T0_US
    if shape == "two runs at a time":
        record(app, source_id, long)
        return source_id, record(app, source_id, media("h264", seed=2), begin_us=T0_US + 3 * S).end_us - T0_US
    length_us = record(app, source_id, long).end_us - T0_US
    with app.app_context(), writing() as session:
        of_source = select(Segment).where(Segment.source_id == source_id).order_by(Segment.start_us)
        rows = session.scalars(of_source).all()
        if shape == "a lost file":
            rows[1].state = MISSING
        else:  # the clock is corrected while it goes on
            for row in reversed(rows[1:]):
                row.start_us, row.end_us = row.start_us + 300_000, row.end_us + 300_000
                session.flush()
        session.execute(update(Coverage).values(revision=Coverage.revision + 1))
    return source_id, length_us


@pytest.mark.parametrize(
    "shape", ["one run", "a gap", "another run at once", "two runs at a time", "a lost file", "a corrected clock"]
)
def test_the_clock_of_films_asked_for_together_is_that_of_their_plans(app: Flask, media: Media, shape: str) -> None:
    rng = random.Random(shape)
    source_id, length_us = make_footage(app, media, shape)
    films = []
    for number in range(20):
        begin_us = T0_US + rng.randrange(-S, length_us - S)
        end_us = begin_us + rng.randrange(S // 2, length_us)
        films.append(File(id=number + 1, source_id=source_id, begin_us=begin_us, end_us=end_us, name="f", kind=FOOTAGE))
    with app.app_context():
        with writing() as session:
            session.add_all([File(**{**values_of(film), "owner": "x"}) for film in films])
        together, planned = FilmClock(), FilmClock()
        together.learn(films)
        for film in films:
            for at_s in (0.0, *(rng.uniform(0, (film.end_us - film.begin_us) / S) for _ in range(6))):
                apart_us = together.instant_us(film, at_s) - planned.instant_us(film, at_s)
                assert abs(apart_us) <= TICK_US, (film.begin_us - T0_US, film.end_us - T0_US, at_s)
        is_known = [together.is_unbroken(film.id) for film in films]
        assert any(is_known)  # both ways were compared
        assert not all(is_known)


def values_of(film: File) -> dict[str, Any]:
    return {name: getattr(film, name) for name in ("id", "source_id", "begin_us", "end_us", "name", "kind")}
