"""Weekly schedules: which windows are open when, and what is started and stopped by itself."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from app.archive.schedules import DAYS, Window, open_since
from app.capture.following import follow
from app.extensions import db, writing
from app.models import Record, Source, Tag
from app.models.types import new_uuid
from instance.config import TestingConfig
from tests.test_api import API, add_group, add_picture_source, add_source, locs
from tests.test_record_api import in_threads, wanted

BERLIN = ZoneInfo("Europe/Berlin")
MONDAY, SATURDAY, SUNDAY = 0, 5, 6
H = 60


def at(text: str, zone: ZoneInfo = BERLIN, fold: int = 0) -> int:
    """Return the instant of `2026-03-29 01:30` in µs."""
    return int(datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold).timestamp()) * 1_000_000


def utc(text: str) -> int:
    return at(text, ZoneInfo("UTC"))


# The clock is put forward on 2026-03-29 at 01:00Z (02:00 becomes 03:00), back on 2026-10-25 at 01:00Z; both Sundays.
SPRING, AUTUMN, USUAL = "2026-03-29", "2026-10-25", "2026-11-22"


@pytest.mark.parametrize(
    ("window", "begin", "end"),
    [
        (Window(SUNDAY, 8 * H, 9 * H), f"{USUAL} 07:00", f"{USUAL} 08:00"),
        (Window(SUNDAY, 0, 24 * H), "2026-11-21 23:00", f"{USUAL} 23:00"),
        (Window(SATURDAY, 22 * H, 6 * H), "2026-11-21 21:00", f"{USUAL} 05:00"),
        (Window(SUNDAY, 0, 24 * H), "2026-03-28 23:00", f"{SPRING} 22:00"),  # 23 hours
        (Window(SUNDAY, 0, 24 * H), "2026-10-24 22:00", f"{AUTUMN} 23:00"),  # 25 hours
        (Window(SATURDAY, 22 * H, 6 * H), "2026-03-28 21:00", f"{SPRING} 04:00"),
        (Window(SATURDAY, 22 * H, 6 * H), "2026-10-24 20:00", f"{AUTUMN} 05:00"),
        (Window(SUNDAY, 2 * H + 30, 5 * H), f"{SPRING} 01:00", f"{SPRING} 03:00"),  # begins in what is left out
        (Window(SUNDAY, 1 * H, 2 * H + 30), f"{SPRING} 00:00", f"{SPRING} 01:00"),  # ends in it
        (Window(SUNDAY, 2 * H + 15, 2 * H + 45), f"{AUTUMN} 00:15", f"{AUTUMN} 01:45"),  # comes twice
        (Window(SUNDAY, 2 * H, 3 * H), f"{AUTUMN} 00:00", f"{AUTUMN} 02:00"),
        (Window(SUNDAY, 1 * H, 2 * H + 30), f"{AUTUMN} 23:00".replace("25", "24"), f"{AUTUMN} 01:30"),
    ],
)
def test_a_window_opens_and_closes_by_the_clock_on_the_wall(window: Window, begin: str, end: str) -> None:
    begin_us, end_us = utc(begin), utc(end)
    for now_us, since_us in ((begin_us - 1, None), (begin_us, begin_us), (end_us - 1, begin_us), (end_us, None)):
        assert open_since([window], BERLIN, now_us) == since_us


def test_a_window_that_is_left_out_whole_does_not_open() -> None:
    window = Window(SUNDAY, 2 * H + 10, 2 * H + 50)
    for minute in range(300):
        assert open_since([window], BERLIN, utc(f"{SPRING} 00:00") + minute * 60_000_000) is None
    assert open_since([window], BERLIN, at("2026-04-05 02:20")) == at("2026-04-05 02:10")


@pytest.mark.parametrize(
    "windows",
    [
        [Window(SUNDAY, 8 * H, 12 * H), Window(SUNDAY, 12 * H, 18 * H)],
        [Window(SUNDAY, 8 * H, 18 * H), Window(SUNDAY, 8 * H, 18 * H)],
        [Window(SUNDAY, 8 * H, 17 * H), Window(SUNDAY, 9 * H, 10 * H), Window(SUNDAY, 16 * H, 18 * H)],
    ],
)
def test_windows_that_touch_overlap_or_are_equal_are_one(windows: list[Window]) -> None:
    for order in (windows, windows[::-1]):
        for hour in (8, 12, 17):
            assert open_since(order, BERLIN, at(f"{USUAL} {hour:02}:30")) == at(f"{USUAL} 08:00")
        assert open_since(order, BERLIN, at(f"{USUAL} 18:00")) is None


def test_windows_reach_over_the_end_of_the_week_and_a_full_week_never_closes() -> None:
    night = [Window(SUNDAY, 20 * H, 24 * H), Window(MONDAY, 0, 6 * H)]
    assert open_since(night, BERLIN, at("2026-11-23 05:59")) == at(f"{USUAL} 20:00")
    assert open_since(night, BERLIN, at("2026-11-23 06:00")) is None
    whole = [Window(day, 0, 24 * H) for day in range(7)]
    for day in (SPRING, "2026-03-30", AUTUMN, "2026-11-02", USUAL):
        assert open_since(whole, BERLIN, at(f"{day} 00:00")) == 0
        assert open_since(whole, BERLIN, at(f"{day} 23:59")) == 0
    assert open_since([], BERLIN, at(f"{USUAL} 12:00")) is None


DAY = {
    "tag_name": "day",
    "time_zone": "Europe/Berlin",
    "windows": [{"day": "sunday", "begin": "08:00", "end": "18:00"}],
}
BEFORE, OPEN, LATER, AFTER = (at(f"{USUAL} {hour:02}:00") for hour in (7, 8, 12, 18))
WEEK_US = 7 * 86_400_000_000
Follower = Callable[[int], list[tuple[int, bool]]]


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    client = app.test_client()
    add_group(client, "g", add_source(client), add_source(client))
    put_schedule(client)
    return client


@pytest.fixture
def following(app: Flask) -> Follower:
    """Return what follows the schedules at an instant, and returns source and whether it goes on, for each record."""

    def run(now_us: int) -> list[tuple[int, bool]]:
        with app.app_context():
            follow(app.config["PLAYBACK"], now_us)
            rows = db.session.execute(
                select(Record.source_id, Record.end_us).order_by(Record.begin_us, Record.source_id)
            )
            return [(source_id, end_us is None) for source_id, end_us in rows]

    return run


def group_path(client: FlaskClient, name: str = "g") -> str:
    [found] = [group["id"] for group in client.get(f"{API}/group").json if group["name"] == name]
    return f"{API}/group/{found}"


def put_schedule(client: FlaskClient, name: str = "g", **values: Any) -> dict[str, Any]:
    answer = client.put(f"{group_path(client, name)}/schedule", json={**DAY, **values})
    assert answer.status_code == 200, answer.json
    return answer.json


def put_by_hand(app: Flask, now_us: int, source_ids: list[int], *, is_start: bool, tag: str = "day") -> None:
    """Start or stop at an instant as the API does now."""
    from app.archive import recordings

    with app.app_context(), writing() as session:
        row = recordings.make_tag(session, tag, now_us)
        if is_start:
            recordings.start(session, source_ids, row, now_us)
        else:
            recordings.stop_those(session, (Record.tag_id == row.id) & Record.source_id.in_(source_ids), now_us)


def test_a_schedule_starts_its_group_and_stops_it_again(client: FlaskClient, following: Follower) -> None:
    assert following(BEFORE) == []
    assert following(OPEN) == [(1, True), (2, True)]
    assert following(LATER) == [(1, True), (2, True)]
    assert client.get(f"{API}/tag/begin").json == ["day"]
    assert client.get(f"{group_path(client)}/schedule").json["begun_utc"] == f"{USUAL}T07:00:00.000000Z"
    assert following(AFTER) == [(1, False), (2, False)]
    assert client.get(f"{group_path(client)}/schedule").json["begun_utc"] is None
    assert following(OPEN + WEEK_US) == [(1, False), (2, False), (1, True), (2, True)]


def test_a_worker_that_was_away_starts_late_and_stops_late(client: FlaskClient, following: Follower) -> None:
    assert following(LATER) == [(1, True), (2, True)]
    assert following(AFTER + WEEK_US // 3) == [(1, False), (2, False)]


def test_what_was_started_by_hand_is_not_stopped(app: Flask, client: FlaskClient, following: Follower) -> None:
    put_by_hand(app, BEFORE, [1], is_start=True)
    add_group(client, "other", add_source(client))
    assert following(OPEN) == [(1, True), (2, True)]
    put_by_hand(app, LATER, [3], is_start=True)
    assert following(AFTER) == [(1, True), (2, False), (3, True)]


def test_what_was_stopped_by_hand_waits_for_the_next_window(
    app: Flask, client: FlaskClient, following: Follower
) -> None:
    following(OPEN)
    put_by_hand(app, LATER, [1], is_start=False)
    assert following(LATER + 1) == [(1, False), (2, True)]
    put_by_hand(app, LATER + 2, [1], is_start=True)  # by hand again: not the schedule's
    assert following(AFTER) == [(1, False), (2, False), (1, True)]
    put_by_hand(app, AFTER + 1, [1], is_start=False)
    assert following(OPEN + WEEK_US)[3:] == [(1, True), (2, True)]


def test_a_tag_that_was_stopped_stays_so_though_the_worker_missed_the_time_between_two_windows(
    app: Flask, client: FlaskClient, following: Follower
) -> None:
    following(OPEN)
    put_by_hand(app, LATER, [1, 2], is_start=False)
    third = add_source(client)
    assert client.post(f"{group_path(client)}/source/{third['id']}/").json is True
    assert following(LATER + 1) == [(1, False), (2, False)]
    assert following(LATER + WEEK_US) == [(1, False), (2, False), (1, True), (2, True), (3, True)]


def test_who_joins_in_a_window_is_started_and_who_leaves_is_stopped_at_its_end(
    client: FlaskClient, following: Follower
) -> None:
    following(OPEN)
    third = add_source(client)
    client.post(f"{group_path(client)}/source/{third['id']}/")
    client.delete(f"{group_path(client)}/source/1/")
    assert following(LATER) == [(1, True), (2, True), (3, True)]
    assert following(AFTER) == [(1, False), (2, False), (3, False)]


def test_a_group_that_is_empty_when_the_window_opens_starts_who_joins(client: FlaskClient, following: Follower) -> None:
    add_group(client, "empty", model="PictureSource")
    put_schedule(client, "empty", tag_name="stills")
    client.delete(f"{group_path(client)}/schedule")
    assert following(OPEN) == []
    picture = add_picture_source(client)
    client.post(f"{group_path(client, 'empty')}/source/{picture['id']}/")
    assert following(LATER) == [(3, True)]


@pytest.mark.parametrize("change", [{"is_enabled": False}, {"windows": []}, None])
def test_a_schedule_that_ends_stops_what_it_has_begun(
    app: Flask, client: FlaskClient, following: Follower, change: dict[str, Any] | None
) -> None:
    put_by_hand(app, BEFORE, [1], is_start=True)
    following(OPEN)
    if change is None:
        removed = client.delete(f"{group_path(client)}/schedule")
        assert removed.json["tag_name"] == "day"
        assert client.get(f"{group_path(client)}/schedule").status_code == 404
    else:
        put_schedule(client, **change)
    assert following(LATER) == [(1, True), (2, False)]


def test_another_tag_takes_over_within_the_window(client: FlaskClient, following: Follower) -> None:
    following(OPEN)
    put_schedule(client, tag_name="other")
    assert following(LATER) == [(1, False), (2, False), (1, True), (2, True)]
    assert client.get(f"{API}/tag/begin").json == ["other"]


def test_deleting_the_group_takes_its_schedule_and_touches_no_recording(
    client: FlaskClient, following: Follower
) -> None:
    following(OPEN)
    client.delete(f"{group_path(client)}/")
    assert following(AFTER) == [(1, True), (2, True)]


def test_a_source_that_cannot_be_started_and_a_full_storage_are_logged_once(
    app: Flask, client: FlaskClient, following: Follower, caplog: pytest.LogCaptureFixture
) -> None:
    with app.app_context(), writing() as session:
        session.execute(update(Source).where(Source.id == 1).values(ffmpeg_cmd="ffmpeg -evil -i {uri} {output}"))
    usual = app.config["PLAYBACK"]
    app.config["PLAYBACK"] = TestingConfig(INSTANCE=usual.INSTANCE, RESERVE_BYTES=10**17)
    assert [following(OPEN + number) for number in range(3)] == [[], [], []]
    assert caplog.text.count("PLAYBACK_RESERVE_BYTES") == 1
    app.config["PLAYBACK"] = usual
    assert [following(LATER + number) for number in range(3)] == [[(2, True)]] * 3
    assert caplog.text.count("-evil") == 1
    assert following(AFTER) == [(2, False)]


def test_two_workers_at_once_start_and_stop_each_source_once(database_app: Flask) -> None:
    client = database_app.test_client()
    for name in ("one", "two"):
        add_group(client, name, *[add_source(client) for _ in range(3)])
        put_schedule(client, name)

    def work(now_us: int) -> Callable[[int], None]:
        def one(_: int) -> None:
            with database_app.app_context():
                follow(database_app.config["PLAYBACK"], now_us)

        return one

    assert in_threads(4, work(OPEN)) == [None] * 4
    assert wanted(database_app) == [(number, True) for number in sorted(range(1, 7))]
    assert in_threads(4, work(AFTER)) == [None] * 4
    assert [is_open for _, is_open in wanted(database_app)] == [False] * 6
    with database_app.app_context():
        assert len(list(db.session.scalars(select(Tag)))) == 1
        assert len(list(db.session.scalars(select(Record)))) == 6


def test_a_schedule_is_put_got_and_deleted(database_client: FlaskClient) -> None:
    client = database_client
    group_id = add_group(client, "g")
    path = f"{API}/group/{group_id}/schedule"
    assert (client.get(path).status_code, client.delete(path).status_code) == (404, 404)
    windows = [{"day": day, "begin": "22:00", "end": "06:00"} for day in DAYS] + [
        {"day": "sunday", "begin": "00:00", "end": "24:00"}
    ]
    made = client.put(path, json={**DAY, "windows": windows, "is_enabled": False}).json
    assert set(made) == {
        *("group_id", "created_utc", "tag_name", "time_zone", "windows", "is_enabled", "is_open", "begun_utc")
    }
    assert (made["group_id"], made["windows"], made["is_enabled"]) == (group_id, windows, False)
    assert client.get(f"{path}/").json == made
    again = client.put(
        path,
        data={"tag_name": "t", "time_zone": "UTC", "windows": '[{"day": "friday", "begin": "01:00", "end": "02:00"}]'},
    )
    assert (again.json["tag_name"], again.json["is_enabled"]) == ("t", True)
    assert client.delete(path).json["tag_name"] == "t"
    assert client.get(path).status_code == 404
    client.put(path, json=DAY)
    client.delete(f"{API}/group/{group_id}/")
    assert client.get(path).status_code == 404


@pytest.mark.parametrize(
    ("change", "loc"),
    [
        ({"tag_name": ""}, ["body", "tag_name"]),
        ({"time_zone": "Europe/Atlantis"}, ["body", "time_zone"]),
        ({"time_zone": "Europe"}, ["body", "time_zone"]),
        ({"time_zone": "../../etc/passwd"}, ["body", "time_zone"]),
        ({"time_zone": "/etc/localtime"}, ["body", "time_zone"]),
        ({"time_zone": None}, ["body", "time_zone"]),
        ({"windows": None}, ["body", "windows"]),
        ({"windows": "nonsense"}, ["body", "windows"]),
        ({"windows": [{"day": "sunday", "begin": "08:00", "end": "08:00"}]}, ["body", "windows", 0]),
        ({"windows": [{"day": "Sonntag", "begin": "08:00", "end": "09:00"}]}, ["body", "windows", 0, "day"]),
        ({"windows": [{"day": "sunday", "begin": "24:00", "end": "09:00"}]}, ["body", "windows", 0, "begin"]),
        ({"windows": [{"day": "sunday", "begin": "8:00", "end": "09:00"}]}, ["body", "windows", 0, "begin"]),
        ({"windows": [{"day": "sunday", "begin": "08:00", "end": "24:01"}]}, ["body", "windows", 0, "end"]),
        ({"windows": [{"day": "sunday", "begin": "08:00", "end": "09:00\n"}]}, ["body", "windows", 0, "end"]),
        ({"windows": [{"day": "sunday", "begin": "08:00", "end": "09:00"}] * 101}, ["body", "windows"]),
        ({"is_enabled": "perhaps"}, ["body", "is_enabled"]),
    ],
)
def test_a_wrong_schedule_is_refused(app: Flask, change: dict[str, Any], loc: list[Any]) -> None:
    client = app.test_client()
    group_id = add_group(client, "g")
    answer = client.put(f"{API}/group/{group_id}/schedule", json={**DAY, **change})
    assert (answer.status_code, locs(answer)) == (422, [loc])
    assert client.get(f"{API}/group/{group_id}/schedule").status_code == 404


def test_a_schedule_of_no_group_is_not_found(client: FlaskClient) -> None:
    assert client.put(f"{API}/group/{new_uuid()}/schedule", json=DAY).status_code == 404
    assert client.put(f"{API}/group/x/schedule", json=DAY).status_code == 422
