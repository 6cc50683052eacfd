"""What the page of the system asks for: how the service is, and what is missing of all cameras, added up."""

import csv
import io
import os
import re
from pathlib import Path

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, update

from app.archive import coverage
from app.archive.anchoring import anchor
from app.archive.auditing import audit
from app.archive.sealing import Sealer
from app.archive.storages import open_storage
from app.capture import leases
from app.extensions import db, writing
from app.models import ActivitySetting, Attempt, Coverage, Lease, Loss, LossMark, Source, Wanted
from app.models.types import now_us
from tests.accounts import add_account, add_bounded, sign_in
from tests.archived import utc

API = "/api/v1"
S, HOUR_US, DAY_US = 1_000_000, 3_600_000_000, 86_400_000_000


@pytest.fixture
def cameras(database_app: Flask) -> list[int]:
    """Return three cameras: lost for 90 s of two hours, lost for a day and a half, never wanted."""
    end_us = now_us() - HOUR_US
    with database_app.app_context(), writing() as session:
        rows = [Source(model="Source", description=name) for name in ("Door\nback", "=1+1", "Yard")]
        session.add_all(rows)
        session.flush()
        first, second, third = (row.id for row in rows)
        for source_id, begin_us in ((first, end_us - 2 * HOUR_US), (second, end_us - 4 * DAY_US)):
            session.add(Wanted(source_id=source_id, begin_us=begin_us, end_us=end_us))
            session.add(LossMark(source_id=source_id, settled_us=end_us))
        for source_id, begin_us, length_us, cause in (
            (first, end_us - HOUR_US, 60 * S, "camera_unreachable"),
            (first, end_us - HOUR_US + 100 * S, 20 * S, "silent"),
            (first, end_us - HOUR_US + 200 * S, 10 * S, "deleted"),
            (second, end_us - 3 * DAY_US, DAY_US + DAY_US // 2, "wrong_password"),
        ):
            session.add(Loss(source_id=source_id, begin_us=begin_us, end_us=begin_us + length_us, cause=cause))
    return [first, second, third]


def losses(client: FlaskClient, begin_us: int, more: str = "") -> dict[int, dict]:
    answer = client.get(f"{API}/losses?start={utc(begin_us)}{more}")
    assert answer.status_code == 200, answer.json
    return {one["source_id"]: one for one in answer.json["sources"]}


def test_losses_are_added_up_by_cause_with_the_longest_gaps_first(
    database_app: Flask, database_client: FlaskClient, cameras: list[int]
) -> None:
    first, second, third = cameras
    found = losses(database_client, now_us() - 7 * DAY_US, "&worst=2")
    door, other, idle = (found[source_id] for source_id in (first, second, third))
    assert {one["cause"]: one["seconds"] for one in door["seconds"]} == {
        "camera_unreachable": 60, "silent": 20, "deleted": 10,
    }  # fmt: skip
    assert [one["cause"] for one in door["seconds"]] == ["camera_unreachable", "silent", "deleted"]
    assert door["expected_s"] == 7200
    assert door["recorded_s"] == 7200 - 80  # what was deleted was recorded once
    assert door["coverage"] == pytest.approx(7120 / 7200)
    assert [gap["cause"] for gap in door["worst"]] == ["camera_unreachable", "silent"]
    assert other["coverage"] == pytest.approx(2.5 / 4)
    assert (idle["coverage"], idle["settled_utc"], idle["seconds"], idle["worst"]) == (None, None, [], [])


def test_a_loss_that_reaches_into_a_range_counts_for_its_part_of_it(
    database_client: FlaskClient, cameras: list[int]
) -> None:
    second = cameras[1]
    begin_us = now_us() - HOUR_US - 2 * DAY_US
    found = losses(database_client, begin_us)[second]
    assert found["seconds"][0]["seconds"] == pytest.approx(DAY_US / 2 / S, abs=60)
    assert found["worst"][0]["start_utc"] == utc(begin_us)
    assert found["expected_s"] == pytest.approx(2 * 86_400, abs=60)
    assert found["coverage"] == pytest.approx(0.75, abs=0.001)
    before = losses(database_client, begin_us - 30 * DAY_US, f"&end={utc(begin_us - 20 * DAY_US)}")[second]
    assert (before["expected_s"], before["coverage"], before["seconds"]) == (0, None, [])


def test_the_table_has_the_same_sums_and_no_formula(database_client: FlaskClient, cameras: list[int]) -> None:
    begin_us = now_us() - 7 * DAY_US
    answer = database_client.get(f"{API}/losses?start={utc(begin_us)}&format=csv")
    assert answer.mimetype == "text/csv"
    rows = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    told = losses(database_client, begin_us)
    assert [int(row["source_id"]) for row in rows] == cameras
    assert [row["description"] for row in rows] == ["Door back", "'=1+1", "Yard"]
    for row in rows:
        one = told[int(row["source_id"])]
        assert float(row["expected_s"]) == one["expected_s"]
        for sum_ in one["seconds"]:
            assert float(row[sum_["cause"]]) == sum_["seconds"]


@pytest.mark.parametrize(
    ("query", "loc"),
    [
        ("start=2020-01-01T00:00:00Z", "end"),
        ("start=2020-01-01T00:00:00Z&end=2020-02-01T00:00:00Z&worst=101", "worst"),
        ("start=2020-01-01T00:00:00Z&end=2020-02-01T00:00:00Z&format=xml", "format"),
        ("", "start"),
    ],
    ids=["long", "worst", "format", "none"],
)
def test_a_range_that_is_too_long_and_wrong_values_are_refused(client: FlaskClient, query: str, loc: str) -> None:
    answer = client.get(f"{API}/losses?{query}")
    assert answer.status_code == 422
    assert answer.json["detail"][0]["loc"] == ["query", loc]


def test_health_tells_of_recorders_their_cameras_and_why_the_last_attempt_ended(
    database_app: Flask, database_client: FlaskClient, cameras: list[int]
) -> None:
    first, second, third = cameras
    with database_app.app_context():
        open_storage(database_app.config["PLAYBACK"])
        recorder_id = leases.register(os.getpid())
        at_us = now_us()
        with writing() as session:
            session.add(Lease(source_id=first, recorder_id=recorder_id, expires_us=at_us + HOUR_US))
            session.add(Lease(source_id=second, recorder_id=recorder_id, expires_us=at_us - S))
            session.execute(update(Wanted).where(Wanted.source_id == first).values(end_us=None))
            for begin_us, end_us, reason in (
                (at_us - 2 * DAY_US, at_us - 2 * DAY_US + S, "silent"),
                (at_us - 60 * S, at_us - 50 * S, "stream_ended"),
                (at_us - 40 * S, at_us - 30 * S, "wrong_password"),
                (at_us - 20 * S, None, None),
            ):
                session.add(
                    Attempt(source_id=first, recorder_id=recorder_id, begin_us=begin_us, end_us=end_us, reason=reason,
                            detail=None if reason is None else f"said {reason}")
                )  # fmt: skip
            audit(session, "olga", "pin.create", "x")
        Sealer().run(is_whole=True, must=True)
        anchor(database_app.config["PLAYBACK"], at_us)
    database_app.extensions.pop("playback_figures", None)
    told = database_client.get(f"{API}/health").json
    sources = {one["source_id"]: one for one in told["sources"]}
    door = sources[first]
    assert (door["is_wanted"], door["recorder_id"], door["reconnects_day"]) == (True, recorder_id, 2)
    assert (door["last_reason"], door["last_detail"]) == ("wrong_password", "said wrong_password")
    assert door["last_utc"] == utc(at_us - 30 * S)
    assert (sources[third]["recorder_id"], sources[third]["last_reason"], sources[third]["reconnects_day"]) == (
        None,
        None,
        0,
    )
    service = told["service"]
    assert service["parts"]["recorder"] is True
    assert [(one["id"], one["is_seen"], one["source_ids"]) for one in service["recorders"]] == [
        (recorder_id, True, [first])
    ]
    assert service["behind"]["ledger_s"] == pytest.approx(3600, abs=120)
    assert service["audit"]["unsealed"] == 0
    assert service["audit"]["position"] >= 1
    assert service["audit"]["anchored_utc"] == utc(at_us)
    assert {one["role"]: one["pid"] for one in service["processes"]} == {"recorder": None, "worker": None, "web": None}
    assert service["database"].startswith(database_app.config["PLAYBACK"].database_url.split(":")[0].split("+")[0])


def test_health_tells_each_caller_what_is_his(production: Flask) -> None:
    with production.app_context(), writing() as session:
        session.add_all([Source(model="Source", description=name) for name in ("Front", "Back")])
        session.flush()
        for role in ("viewer", "operator", "admin"):
            add_account(session, role, role)
        add_bounded(session, "guard", "operator", 1)
    told = {name: sign_in(production, name).get(f"{API}/health", base_url="https://localhost").json
            for name in ("viewer", "operator", "admin", "guard")}  # fmt: skip
    assert {name: answer["service"] is not None for name, answer in told.items()} == {
        "viewer": False, "operator": True, "admin": True, "guard": False,
    }  # fmt: skip
    assert told["operator"]["service"]["audit"] is None
    assert told["admin"]["service"]["audit"] is not None
    assert [one["description"] for one in told["guard"]["sources"]] == ["Front"]
    assert [one["description"] for one in told["viewer"]["sources"]] == ["Front", "Back"]


def test_an_anchor_that_was_cut_off_or_is_none_is_not_told_of(app: Flask, client: FlaskClient) -> None:
    path = Path(app.config["PLAYBACK"].instance_path) / "audit.anchors"
    path.write_bytes(b"nonsense\n")
    assert client.get(f"{API}/health").json["service"]["audit"]["anchored_utc"] is None
    path.unlink()
    assert client.get(f"{API}/health").json["service"]["audit"]["anchored_utc"] is None


def test_many_cameras_take_no_more_queries_of_health_than_few_and_three_each_of_losses(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.views.metrics.DEAR_S", 60.0)  # or a busy machine answers what it has read before
    asked = {f"{API}/health": 0, "/metrics": 0, f"{API}/losses?start={utc(now_us() - 7 * DAY_US)}": 3}
    add_watched(app, 2)
    for path in asked:
        statements(app, client, path)  # the first asks what never changes
    few = {path: statements(app, client, path) for path in asked}
    add_watched(app, 30)
    many = {path: statements(app, client, path) for path in asked}
    assert {path: (many[path] - few[path]) / 30 for path in asked} == asked
    told = client.get("/metrics").text
    assert re.findall(r'activity_behind_seconds{source="(\d+)"} ([0-9.]+)', told) == [
        (str(number), "3600.0") for number in range(1, 33)
    ]


def add_watched(app: Flask, count: int) -> None:
    """Add cameras with an hour of footage that is yet to be looked at, and whose losses are settled."""
    at_us = now_us() - DAY_US
    day = at_us // DAY_US
    with app.app_context(), writing() as session:
        for _ in range(count):
            source = Source(model="Source", uri_rtsp="rtsp://127.0.0.1:9/0")
            session.add(source)
            session.flush()
            of = {"source_id": source.id}
            session.add(ActivitySetting(**of, is_enabled=True, threshold=0.002, since_us=0, actor="anna"))
            spans = coverage.to_bytes(np.array([(at_us, at_us + HOUR_US)]))
            session.add(Coverage(**of, level=0, cell=day, revision=1, spans=spans))
            session.add(Wanted(**of, begin_us=at_us, end_us=at_us + HOUR_US))
            session.add(LossMark(**of, settled_us=at_us + HOUR_US))
            session.add(Loss(**of, begin_us=at_us, end_us=at_us + S, cause="silent"))


def statements(app: Flask, client: FlaskClient, path: str) -> int:
    """Return how many statements an answer takes, with all figures asked for anew."""
    seen: list[str] = []
    with app.app_context():
        engine = db.engine

    def listen(*arguments: object) -> None:
        seen.append(str(arguments[2]))

    event.listen(engine, "before_cursor_execute", listen)
    try:
        assert client.get(path).status_code == 200
    finally:
        event.remove(engine, "before_cursor_execute", listen)
    return len(seen)
