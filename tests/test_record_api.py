"""Starting, stopping and listing recordings, and the wanted intervals that they leave."""

import threading
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from app.archive import recordings
from app.extensions import db, writing
from app.models import Lease, Record, Recorder, Run, Segment, Source, Storage, Tag, Wanted
from app.models.segment import CLOSED, MISSING, OPEN
from app.models.types import new_uuid, now_us
from instance.config import TestingConfig
from tests.test_api import API, add_group, add_picture_source, add_source, locs, start


def wanted(app: Flask) -> list[tuple[int, bool]]:
    """Return source and whether it is still wanted, for each interval, in order."""
    with app.app_context():
        rows = db.session.execute(select(Wanted.source_id, Wanted.end_us).order_by(Wanted.id))
        return [(source_id, end_us is None) for source_id, end_us in rows]


def test_a_source_is_wanted_from_its_first_tag_to_its_last(database_app: Flask) -> None:
    client = database_app.test_client()
    source = add_source(client)
    add_group(client, "g", source)
    for _ in range(2):
        assert start(client, "a", "g").status_code == 204
    assert start(client, "b", "g").status_code == 204
    assert wanted(database_app) == [(source["id"], True)]
    assert sorted(client.get(f"{API}/tag/begin").json) == ["a", "b"]
    assert len(client.get(f"{API}/record?tag_name=a").json) == 1

    for tag, is_wanted in (("a", True), ("b", False), ("b", False)):
        assert client.put(f"{API}/record", json={"tag_name": tag}).status_code == 204
        assert wanted(database_app) == [(source["id"], is_wanted)]
    assert start(client, "a", "g").status_code == 204
    assert wanted(database_app) == [(source["id"], False), (source["id"], True)]
    assert len(client.get(f"{API}/record?tag_name=a").json) == 2


def test_a_second_start_adds_the_sources_that_do_not_record_yet(client: FlaskClient) -> None:
    first, second = add_source(client), add_source(client)
    group_id = add_group(client, "g", first)
    start(client, "t", "g")
    client.post(f"{API}/group/{group_id}/source/{second['id']}/")
    assert start(client, "t", "g").status_code == 204
    assert [record["source"][0]["id"] for record in client.get(f"{API}/record?tag_name=t").json] == [1, 2]


def test_what_goes_on_under_all_tags_is_one_list(client: FlaskClient) -> None:
    first, second = add_source(client), add_source(client)
    add_group(client, "both", first, second)
    add_group(client, "one", second)
    for tag, group in (("night", "both"), ("day", "one"), ("over", "one")):
        start(client, tag, group)
    client.put(f"{API}/record", json={"tag_name": "over"})
    listed = client.get(f"{API}/record/open").json
    assert [(row["tag"], row["source_id"]) for row in listed] == [("day", 2), ("night", 1), ("night", 2)]
    records = [client.get(f"{API}/record/{row['record_id']}/").json for row in listed]
    assert [(row["status"], row["begin_utc"]) for row in listed] == [
        (record["status"], record["begin_utc"]) for record in records
    ]
    assert {row["status"] for row in listed} == {"waiting"}


def test_what_waits_says_whether_a_recorder_runs_that_could_record_it(app: Flask) -> None:
    client = app.test_client()
    add_group(client, "g", add_source(client), add_source(client))
    start(client, "t", "g")

    def said() -> list[tuple[str, bool]]:
        return [(row["status"], row["has_recorder"]) for row in client.get(f"{API}/record/open").json]

    assert said() == [("waiting", False), ("waiting", False)]
    with app.app_context(), writing() as session:
        session.add(Recorder(id="r", host_id="h", boot_id="b", pid=1, started_ticks=1, seen_us=now_us()))
    assert said() == [("waiting", True), ("waiting", True)]
    with app.app_context(), writing() as session:
        session.add(Lease(source_id=2, recorder_id="r", expires_us=now_us() + 10_000_000))
        session.execute(update(Source).where(Source.id == 2).values(status="online"))
        session.execute(update(Recorder).values(seen_us=now_us() - 16_000_000))
    assert said() == [("waiting", False), ("recording", True)]
    with app.app_context(), writing() as session:
        session.execute(update(Recorder).values(seen_us=now_us(), ended_us=now_us()))
    assert said() == [("waiting", False), ("recording", True)]


def test_stopping_one_model_leaves_the_other_going(client: FlaskClient) -> None:
    add_group(client, "rtsp", add_source(client))
    add_group(client, "stills", add_picture_source(client), model="PictureSource")
    start(client, "t", "rtsp")
    start(client, "t", "stills", "PictureSource")
    client.put(f"{API}/record", json={"model": "PictureSource", "tag_name": "t"})
    ends = [record["end_utc"] is None for record in client.get(f"{API}/record?tag_name=t").json]
    assert ends == [True, False]
    assert client.get(f"{API}/record/runing?tag_name=t").json is True
    client.put(f"{API}/record", json={"tag_name": "t"})
    assert client.get(f"{API}/record/runing?tag_name=t").json is False


def test_groups_and_tags_are_found_by_name_or_else_by_id(client: FlaskClient) -> None:
    group_id = add_group(client, "g", add_source(client))
    assert start(client, "t", group_id).status_code == 204
    tag_id = client.get(f"{API}/tag?name=t").json["id"]
    assert client.get(f"{API}/tag?name={tag_id}").json["name"] == "t"
    assert client.get(f"{API}/record/runing?tag_name={tag_id}").json is True
    assert start(client, tag_id, group_id).status_code == 204
    assert len(client.get(f"{API}/record?tag_name={tag_id}").json) == 1
    assert client.put(f"{API}/record?tag_name={tag_id}").status_code == 204
    assert client.get(f"{API}/tag/begin").json == []


def test_what_cannot_be_started_is_said_and_makes_no_tag(client: FlaskClient) -> None:
    add_group(client, "empty")
    add_group(client, "full", add_source(client))
    refused = start(client, "t", "empty")
    assert (refused.status_code, locs(refused)) == (409, [["body", "group_name"]])
    refused = start(client, "t", "full", "PictureSource")
    assert (refused.status_code, locs(refused)) == (422, [["body", "model"]])
    assert start(client, "t", "none").status_code == 404
    assert client.get(f"{API}/tag?name=t").status_code == 404


def test_a_source_that_cannot_be_started_is_named_and_the_others_start(app: Flask) -> None:
    client = app.test_client()
    good, bad = add_source(client), add_source(client)
    add_group(client, "g", good, bad)
    with app.app_context(), writing() as session:
        session.execute(
            update(Source).where(Source.id == bad["id"]).values(ffmpeg_cmd="ffmpeg -evil -i {uri} {output}")
        )
    answer = start(client, "t", "g")
    assert answer.status_code == 422
    assert locs(answer) == [["body", "group_name", str(bad["id"])]]
    assert "-evil" in answer.json["detail"][0]["msg"]
    assert [record["source"][0]["id"] for record in client.get(f"{API}/record?tag_name=t").json] == [good["id"]]


def test_a_storage_that_is_full_or_cannot_be_written_starts_nothing(app: Flask, config: TestingConfig) -> None:
    client = app.test_client()
    add_group(client, "g", add_source(client))
    full = TestingConfig(INSTANCE=config.INSTANCE, RESERVE_BYTES=10**17)
    app.config["PLAYBACK"] = full
    refused = start(client, "t", "g")
    assert (refused.status_code, refused.json["detail"][0]["type"]) == (507, "storage_full")
    (config.instance_path / "file").write_bytes(b"")
    app.config["PLAYBACK"] = TestingConfig(INSTANCE=config.INSTANCE, STORAGE=str(config.instance_path / "file"))
    refused = start(client, "t", "g")
    assert (refused.status_code, refused.json["detail"][0]["type"]) == (503, "storage_unusable")
    assert wanted(app) == []


def in_threads(count: int, work: Any) -> list[Any]:
    """Run `work(0)` ... at once, each in a thread; return what each returned or raised."""
    results: list[Any] = [None] * count
    barrier = threading.Barrier(count)

    def one(number: int) -> None:
        barrier.wait()
        try:
            results[number] = work(number)
        except Exception as error:  # noqa: BLE001  the test compares it
            results[number] = error

    threads = [threading.Thread(target=one, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return results


def test_starts_at_once_make_one_tag_one_record_and_one_interval(database_app: Flask) -> None:
    client = database_app.test_client()
    sources = [add_source(client) for _ in range(4)]
    add_group(client, "forth", *sources)
    add_group(client, "back", *reversed(sources))
    groups = ("forth", "back")
    statuses = in_threads(6, lambda n: start(database_app.test_client(), "t", groups[n % 2]).status_code)
    assert statuses == [204] * 6
    assert len(client.get(f"{API}/record?tag_name=t").json) == 4
    assert sorted(wanted(database_app)) == [(source["id"], True) for source in sources]


def test_starts_and_stops_at_once_keep_records_and_intervals_in_step(database_app: Flask) -> None:
    client = database_app.test_client()
    source = add_source(client)
    add_group(client, "g", source)
    for number in range(3):
        start(client, f"t{number}", "g")

    def flip(number: int) -> list[int]:
        own, tag = database_app.test_client(), f"t{number}"
        steps = [own.put(f"{API}/record", json={"tag_name": tag}), start(own, tag, "g")]
        steps.append(own.put(f"{API}/record", json={"tag_name": tag}))
        return [step.status_code for step in steps]

    assert in_threads(3, flip) == [[204] * 3] * 3
    assert client.get(f"{API}/tag/begin").json == []
    assert {is_wanted for _, is_wanted in wanted(database_app)} == {False}
    with database_app.app_context():
        last_end = db.session.scalar(select(Record.end_us).order_by(Record.end_us.desc()).limit(1))
        assert db.session.scalar(select(Wanted.end_us).order_by(Wanted.end_us.desc()).limit(1)) == last_end


def test_a_stop_that_waited_for_another_ends_the_interval_with_the_last_record(app: Flask) -> None:
    add_source(app.test_client())
    with app.app_context(), writing() as session:
        first, second = (recordings.make_tag(session, name, 0) for name in ("first", "second"))
        for tag in (first, second):
            recordings.start(session, [1], tag, 10)
        recordings.stop(session, first, None, 101)
        recordings.stop(session, second, None, 100)  # its clock was read before it waited
        assert session.scalars(select(Record.end_us).order_by(Record.end_us)).all() == [101, 101]
        assert session.scalars(select(Wanted.end_us)).all() == [101]


def test_groups_of_one_name_made_at_once_are_one(database_app: Flask) -> None:
    values = {"model": "Source", "name": "g"}
    statuses = in_threads(5, lambda _: database_app.test_client().post(f"{API}/group", json=values).status_code)
    assert sorted(statuses) == [200, 409, 409, 409, 409]


def test_stopping_before_the_start_by_a_clock_set_back_ends_at_the_start(app: Flask) -> None:
    client = app.test_client()
    add_group(client, "g", add_source(client))
    start(client, "t", "g")
    with app.app_context(), writing() as session:
        tag = session.scalars(select(Tag)).one()
        recordings.stop(session, tag, None, 1)
        record = session.scalars(select(Record)).one()
        assert record.end_us == record.begin_us


@pytest.mark.parametrize(
    ("has_lease", "source_status", "word"),
    [(True, "online", "recording"), (True, "offline", "waiting"), (False, "online", "waiting")],
)
def test_a_record_is_recording_while_a_recorder_holds_an_online_source(
    app: Flask, has_lease: bool, source_status: str, word: str
) -> None:
    client = app.test_client()
    add_group(client, "g", add_source(client))
    start(client, "t", "g")
    with app.app_context(), writing() as session:
        session.execute(update(Source).values(status=source_status))
        session.add(Recorder(id="r", host_id="h", boot_id="b", pid=1, started_ticks=1, seen_us=now_us()))
        session.flush()
        shift_us = 10_000_000 if has_lease else -1
        session.add(Lease(source_id=1, recorder_id="r", expires_us=now_us() + shift_us))
    [record] = client.get(f"{API}/record?tag_name=t").json
    assert record["status"] == word
    assert [row["status"] for row in client.get(f"{API}/record/open").json] == [word]


@pytest.mark.parametrize(
    ("state", "begin_s", "end_s", "word"),
    [
        (CLOSED, 1, 2, "done"),
        (CLOSED, -5, 1, "done"),
        (CLOSED, -5, 0, "failed"),
        (CLOSED, 10, 12, "failed"),
        (MISSING, 1, 2, "failed"),
        (OPEN, 1, 1, "done"),
        (OPEN, 11, 11, "failed"),
    ],
)
def test_an_ended_record_is_done_where_it_has_footage(
    database_app: Flask, state: int, begin_s: int, end_s: int, word: str
) -> None:
    """The record spans 10 s; the segment lies as said, relative to its begin."""
    begin_us, run_id = now_us(), new_uuid()
    with database_app.app_context(), writing() as session:
        for row in (
            Source(id=1, model="Source", uri_rtsp="rtsp://h/"),
            Tag(id="t", name="t"),
            Storage(id="s", path="s"),
            Run(id=run_id, source_id=1, anchor_us=0, begin_us=0),
        ):
            session.add(row)
            session.flush()
        record = Record(id=new_uuid(), source_id=1, tag_id="t", begin_us=begin_us, end_us=begin_us + 10_000_000)
        segment = {"id": new_uuid(), "run_id": run_id, "sequence": 0, "storage_id": "s", "state": state}
        times = {"start_us": begin_us + begin_s * 1_000_000, "end_us": begin_us + end_s * 1_000_000}
        session.add_all([record, Segment(source_id=1, **segment, **times)])
    client = database_app.test_client()
    assert client.get(f"{API}/record?tag_name=t").json[0]["status"] == word
    with database_app.app_context(), writing() as session:
        session.execute(update(Record).values(deleted_us=now_us()))
    assert client.get(f"{API}/record?tag_name=t").json[0]["status"] == "deleted"
