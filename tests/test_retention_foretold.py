"""What a rule would delete, told before it is made: what a pass then deletes by it, to the byte."""

import dataclasses
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, event, func, select, update

from app.archive import fates
from app.archive.believing import believed
from app.archive.foretelling import would_delete
from app.archive.ruling import LIMITS, Rule
from app.extensions import db, writing
from app.models import Deletion, KeptDay, RetentionRule, Segment, Storage, Tag
from app.models.types import now_us
from tests.keeping import S, World, add_footage, add_held, put_world
from tests.test_evicting import add_pin, clear, storage_id
from tests.test_retention import DAY, minutes, put_rules, run
from tests.test_retention_api import PATH
from tests.test_retention_rules import worlds

HOUR = 3600 * S


def told(app: Flask, rule: Rule) -> int | None:
    with app.app_context():
        found = would_delete(db.session, rule)
        db.session.rollback()
        return found


def gone_by(app: Flask, rule: Rule) -> int:
    """Return how many bytes were deleted by a rule; rows of deletions stay for ever."""
    with app.app_context():
        query = select(func.sum(Deletion.size_bytes)).where(Deletion.reason == f"retention rule {rule.id}")
        return int(db.session.scalar(query) or 0)


def put_rule(app: Flask, rule: Rule) -> None:
    with app.app_context(), writing() as session:
        target = {f"{rule.scope}_id": rule.target} if rule.scope != "all" else {}
        limits = {limit: rule.limit(limit) for limit in LIMITS}
        session.add(RetentionRule(id=rule.id, scope=rule.scope, actor="test", **target, **limits))


def wide(world: World, moment: int) -> World:
    """Return a world of seconds as one of ten days before a moment, with files of up to ten minutes."""

    def at(us: int) -> int:
        return moment + (us - world.now_us) * 4 * 3600

    parts = []
    for part in world.parts:
        length = min(part.end_us - part.start_us, 10 * S) * 60
        parts.append(dataclasses.replace(part, start_us=at(part.start_us), end_us=at(part.start_us) + length))
    records = [(number, at(begin), at(end), tag) for number, begin, end, tag in world.records]
    pins = [(number, at(begin), at(end)) for number, begin, end in world.pins]
    ages = [
        rule._replace(
            **{
                name: None if rule.limit(name) is None else (rule.limit(name) or 0) * 4 * 3600
                for name in ("min_age_s", "max_age_s")
            }
        )
        for rule in world.rules
    ]
    return World(parts, ages, world.groups, records, pins, moment)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(worlds().filter(lambda world: world.parts and world.rules), st.data())
def test_what_is_told_is_what_a_pass_deletes_by_the_rule(app: Flask, world: World, data: st.DataObject) -> None:
    moment = now_us()
    world = wide(world, moment)
    proposed = data.draw(st.sampled_from(world.rules))
    clear(app)
    add_footage(app, world.parts)
    put_world(app, world)
    with app.app_context(), writing() as session:
        session.execute(delete(RetentionRule).where(RetentionRule.id == proposed.id))
    foretold, before = told(app, proposed), gone_by(app, proposed)
    put_rule(app, proposed)
    assert told(app, proposed) == foretold
    run(app, clock_us=moment)
    assert gone_by(app, proposed) - before == foretold


def test_days_of_one_fate_are_told_by_their_sums_and_only_those_that_are_cut_are_read(app: Flask) -> None:
    """Three cameras of forty days; what is asked of the database does not grow with the days."""
    today_us = now_us() // DAY * DAY
    begin_us = today_us - 40 * DAY
    # An age that cuts a day within its footage, at whatever time of the day this runs.
    age_s = (now_us() - (today_us - 30 * DAY + HOUR // 4)) // S
    parts = [part for source_id in (1, 2, 3) for n in range(40) for part in minutes(source_id, begin_us + n * DAY, 24)]
    add_footage(app, parts)
    for source_id in (1, 2, 3):
        add_held(app, source_id, "base", begin_us, None)
        for n in range(40):  # a record a day, whose edges have footage on one side alone
            add_held(app, source_id, "day", begin_us + n * DAY, begin_us + n * DAY + HOUR)
    add_pin(app, 1, begin_us, begin_us + 10 * 60 * S)
    tags = ids(app)
    put_rules(app, Rule("d", "tag", tags["day"], "", max_age_s=20 * 86_400))
    asked: list[str] = []
    with app.app_context():
        moment = believed(db.session)  # no pass moves it on
        event.listen(db.engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
        for rule, kept_us in (
            (Rule("r", "all", max_age_s=age_s), age_s * S),
            (Rule("r", "tag", tags["base"], "base", max_age_s=age_s), age_s * S),
            (Rule("d", "tag", tags["day"], "day", max_age_s=86_400), 50 * DAY),  # the other tag keeps them for ever
            (Rule("r", "source", 2, "2", max_age_s=age_s), age_s * S),
            (Rule("r", "all", max_bytes=3 * 39 * 24 * 100), None),
        ):
            asked.clear()
            found, until_us = told(app, rule), moment - (kept_us or 0)
            if kept_us is not None:  # what is pinned is left out
                mine = [part for part in parts if rule.target != 2 or part.source_id == 2]
                gone = [part for part in mine if part.end_us <= until_us and part not in parts[:10]]
                assert found == len(gone) * 100
            read = [line for line in asked if "FROM segment" in line]
            assert len(read) <= 6, f"{rule}: {len(read)} camera-days were read"
            assert len(asked) <= 18 + len(read)


def ids(app: Flask) -> dict[str, str]:
    with app.app_context():
        return {name: key for key, name in db.session.execute(select(Tag.id, Tag.name))}


def test_what_would_take_too_long_is_not_told(app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two tags with rules of their own take turns each quarter of an hour: each day would have to be read."""
    begin_us = (now_us() // DAY - 10) * DAY
    add_footage(app, [part for n in range(9) for part in minutes(1, begin_us + n * DAY, 60)])
    for n in range(9):
        for quarter in range(4):
            at = begin_us + n * DAY + quarter * HOUR // 4
            add_held(app, 1, "night" if quarter % 2 else "day", at, at + HOUR // 4)
    put_rules(app, Rule("r", "tag", ids(app)["night"], "", max_age_s=30 * 86_400))
    query = "scope=tag&tag_name=day&max_age_s=86400"
    found = client.get(f"{PATH}/forecast?{query}").json["deletes_bytes"]
    assert found == 9 * 30 * 100
    monkeypatch.setattr(fates, "MOST_DAYS", 3)
    assert client.get(f"{PATH}/forecast?{query}").json["deletes_bytes"] is None
    by_bytes = "scope=tag&tag_name=day&max_bytes="
    assert client.get(f"{PATH}/forecast?{by_bytes}1000").json["deletes_bytes"] is None
    assert client.get(f"{PATH}/forecast?{by_bytes}{9 * 60 * 100}").json["deletes_bytes"] == 0  # more than there is


def test_the_forecast_tells_bytes_with_a_rule_alone_and_leaves_out_what_is_away(
    app: Flask, client: FlaskClient
) -> None:
    home = storage_id(app)
    with app.app_context(), writing() as session:
        session.add(Storage(id="away", path="/nowhere/at/all"))
    old = now_us() - 9 * DAY
    add_footage(app, minutes(1, old, 10), home)
    add_footage(app, minutes(2, old, 10), "away")
    put_rules(app)
    assert client.get(f"{PATH}/forecast").json["deletes_bytes"] is None
    assert client.get(f"{PATH}/forecast?scope=all&max_age_s=86400").json["deletes_bytes"] == 1000
    assert client.get(f"{PATH}/forecast?scope=all&max_bytes=1000").json["deletes_bytes"] == 1000
    assert client.get(f"{PATH}/forecast?scope=all&min_bytes=1000").json["deletes_bytes"] == 0
    made = client.post(PATH, json={"scope": "all", "max_age_s": 30 * 86_400}).json
    assert client.get(f"{PATH}/forecast?rule_id={made['id']}&max_age_s=864000").json["deletes_bytes"] == 0
    assert client.get(f"{PATH}/forecast?rule_id={made['id']}&max_age_s=86400").json["deletes_bytes"] == 1000


def test_sums_of_days_follow_every_change_of_a_segment(database_app: Flask) -> None:
    begin_us = (now_us() // DAY - 3) * DAY
    add_footage(database_app, [part for n in range(3) for part in minutes(1, begin_us + n * DAY + 23 * HOUR, 90)])
    assert_sums(database_app)
    with database_app.app_context(), writing() as session:
        session.add(Storage(id="other", path="/elsewhere"))
        session.flush()
        moved = update(Segment).where(Segment.start_us > begin_us + DAY + 23 * HOUR)
        session.execute(moved.values(storage_id="other", size_bytes=7))
        session.execute(update(Segment).where(Segment.start_us == begin_us + 23 * HOUR).values(state=2))
        session.execute(delete(Segment).where(Segment.start_us >= begin_us + 2 * DAY))
    assert_sums(database_app)
    with database_app.app_context(), writing() as session:
        session.execute(delete(Segment))
    assert assert_sums(database_app) == {}


def assert_sums(app: Flask) -> dict[Any, Any]:
    """Compare the sums that triggers keep with counting; return them."""
    with app.app_context():
        day = Segment.start_us / DAY if db.engine.name == "postgresql" else Segment.start_us // DAY
        place = (Segment.source_id, Segment.storage_id, func.floor(day))
        counted = select(*place, func.count(), func.sum(Segment.size_bytes)).where(Segment.state == 1).group_by(*place)
        kept = select(KeptDay.source_id, KeptDay.storage_id, KeptDay.day, KeptDay.segments, KeptDay.size_bytes)
        found = [
            {(row[0], row[1], int(row[2])): (row[3], int(row[4])) for row in db.session.execute(query)}
            for query in (kept, counted)
        ]
        assert found[0] == found[1]
        return found[0]
