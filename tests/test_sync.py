"""Copying a tag's recordings (record-api.md, "Copying to another video server"): asking, a folder, telling."""

import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update

from app import create_app
from app.extensions import db, writing
from app.models import Attempt, Record, SyncItem, SyncJob
from app.models.types import now_us
from app.transfer import jobs
from app.transfer.copier import Copier, holder_prefix
from app.transfer.copying import Recording
from instance.config import TestingConfig
from tests.archived import T0_US, add_source, record
from tests.archived import media as media
from tests.archived import no_plans as no_plans
from tests.copying import SYNC, add_record, ask, run_copies, shown, video
from tests.ports import free_port

MINUTE_US = 60_000_000


def sync_folder(app: Flask) -> Path:
    return app.config["PLAYBACK"].instance_path / "sync"


@pytest.fixture
def recorded(app: Flask, media: Callable[..., Path]) -> str:
    """Return the id of a record of 8 s under the tag `gate`."""
    source_id = add_source(app)
    run = record(app, source_id, media("h264"))
    return add_record(app, source_id, "gate", T0_US, run.end_us)


def test_the_recordings_of_a_tag_are_copied_to_a_folder(
    database_app: Flask, database_client: FlaskClient, media: Callable[..., Path]
) -> None:
    app, client = database_app, database_client
    source_id = add_source(app)
    run = record(app, source_id, media("audio"))
    record_id = add_record(app, source_id, "gate/1", T0_US + 1_000_000, run.end_us)
    job = ask(client, tag_name="gate/1", location="weekend")
    target = sync_folder(app) / "weekend" / "gate_1" / f"20261121T080001Z-source{source_id}-{record_id}.mp4"
    assert client.get(f"/api/v1/record/{record_id}").json["sync_location"] == str(target)
    assert shown(client, job)["state"] == "waiting"
    run_copies(app)
    told = shown(client, job)
    data = video(client, record_id)
    assert target.read_bytes() == data
    md5 = hashlib.md5(data).hexdigest()
    assert told["ended_utc"] > told["created_utc"]
    assert {name: told[name] for name in ("state", "tag", "location", "counts", "bytes_total", "bytes_copied")} == {
        "state": "done",
        "tag": "gate/1",
        "location": "weekend",
        "counts": {"waiting": 0, "running": 0, "done": 1, "failed": 0},
        "bytes_total": len(data),
        "bytes_copied": len(data),
    }
    assert told["records"] == [
        {
            "record_id": record_id,
            "state": "done",
            "target": str(target),
            "size": len(data),
            "copied_bytes": len(data),
            "md5": md5,
            "error": None,
            "tries": 1,
        }
    ]
    beside = json.loads(target.with_suffix(".json").read_text("utf-8"))
    assert (beside["record_id"], beside["tag"], beside["md5"], beside["gaps"]) == (record_id, "gate/1", md5, [])
    assert sorted(path.name for path in target.parent.iterdir()) == sorted([target.name, target.stem + ".json"])


def test_asking_again_copies_nothing_and_is_done(app: Flask, client: FlaskClient, recorded: str) -> None:
    run_copies_of(app, client)
    (target,) = sync_folder(app).rglob("*.mp4")
    before = target.stat()
    job = run_copies_of(app, client)
    assert (shown(client, job)["state"], shown(client, job)["bytes_copied"]) == ("done", before.st_size)
    after = target.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def run_copies_of(app: Flask, client: FlaskClient, **values: Any) -> str:
    job = ask(client, **{"tag_name": "gate", "location": "x", **values})
    run_copies(app)
    return job


def test_another_file_under_the_name_is_never_written_over(app: Flask, client: FlaskClient, recorded: str) -> None:
    run_copies_of(app, client)
    (target,) = sync_folder(app).rglob("*.mp4")
    for other in (b"theirs", b"\0" * target.stat().st_size):
        target.write_bytes(other)
        told = shown(client, run_copies_of(app, client))
        assert told["state"] == "failed"
        assert "another file" in told["records"][0]["error"]
        assert told["records"][0]["tries"] == 1
        assert target.read_bytes() == other


def test_a_part_that_was_left_is_compared_and_gone_on_from(app: Flask, client: FlaskClient, recorded: str) -> None:
    run_copies_of(app, client)
    (target,) = sync_folder(app).rglob("*.mp4")
    data = target.read_bytes()
    part = target.with_name(f".{target.name}.part")
    for kept in (data[:10_000], b"altered" + data[7:10_000], data + b"longer", b""):
        target.unlink()
        part.write_bytes(kept)
        assert shown(client, run_copies_of(app, client))["state"] == "done"
        assert target.read_bytes() == data
        assert not part.exists()


def test_a_part_of_footage_that_was_deleted_meanwhile_does_not_stay(
    app: Flask, client: FlaskClient, recorded: str
) -> None:
    run_copies_of(app, client)
    (target,) = sync_folder(app).rglob("*.mp4")
    part = target.with_name(f".{target.name}.part")
    target.rename(part)
    job = ask(client, tag_name="gate", location="x")
    with app.app_context(), writing() as session:
        session.get(Record, recorded).deleted_us = now_us()
    run_copies(app)
    (item,) = shown(client, job)["records"]
    assert (item["state"], item["error"]) == ("failed", "the file of the record was deleted before it was copied")
    assert not part.exists()


def test_symbolic_links_lead_nowhere(app: Flask, client: FlaskClient, recorded: str, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    root = sync_folder(app)
    root.mkdir()
    (root / "link").symlink_to(outside)
    for location in ("link", "link/x", str(root / "link")):
        answer = client.post(SYNC, json={"tag_name": "gate", "location": location})
        assert answer.status_code == 403
        assert answer.json["detail"][0]["loc"] == ["body", "location"]
    job = ask(client, tag_name="gate", location="later")
    (root / "later").symlink_to(outside)  # made after it was asked for
    run_copies(app)
    assert "symbolic link" in shown(client, job)["records"][0]["error"]
    job = ask(client, tag_name="gate", location="file")
    name = Path(shown(client, job)["records"][0]["target"]).name
    (root / "file" / "gate").mkdir(parents=True)
    (root / "file" / "gate" / f".{name}.part").symlink_to(outside / "written")
    run_copies(app)
    assert "plain file" in shown(client, job)["records"][0]["error"]
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize("how", ["json", "data", "query_string"])
def test_parameters_come_as_json_form_and_query(client: FlaskClient, recorded: str, how: str) -> None:
    answer = client.post(f"{SYNC}/", **{how: {"tag_name": "gate", "location": "x"}})
    assert answer.status_code == 200
    assert shown(client, answer.json)["counts"]["waiting"] == 1


@pytest.mark.parametrize(
    ("values", "status", "loc", "kind"),
    [
        ({"location": "x"}, 422, ["body", "tag_name"], "missing"),
        ({"tag_name": "gate"}, 422, ["body", "location"], "missing"),
        ({"tag_name": "gate", "location": " "}, 422, ["body", "location"], "string_too_short"),
        ({"tag_name": "gate", "location": 7}, 422, ["body", "location"], "string_type"),
        ({"tag_name": "gate", "location": "x" * 2049}, 422, ["body", "location"], "string_too_long"),
        ({"tag_name": "gate", "location": "a" * 256}, 422, ["body", "location"], "string_too_long"),
        ({"tag_name": "gate", "location": "b/" + "é" * 128}, 422, ["body", "location"], "string_too_long"),
        ({"tag_name": "gate", "location": "€" * 60 + "/€" * 900}, 422, ["body", "location"], "string_too_long"),
        ({"tag_name": "gate", "location": "a\u0000"}, 422, ["body", "location"], "control_character"),
        ({"tag_name": "gate", "location": "a/../../b"}, 422, ["body", "location"], "path_traversal"),
        ({"tag_name": "gate", "location": "a\\b"}, 422, ["body", "location"], "value_error"),
        ({"tag_name": "gate", "location": "sftp://u:secret@h/x"}, 422, ["body", "location"], "credentials"),
        ({"tag_name": "gate", "location": "/etc"}, 403, ["body", "location"], "target_not_allowed"),
        ({"tag_name": "gate", "location": "sftp://h/x"}, 403, ["body", "location"], "target_not_allowed"),
        ({"tag_name": "none", "location": "x"}, 404, ["body", "tag_name"], "not_found"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_bad_input_is_refused(
    client: FlaskClient, recorded: str, values: dict[str, Any], status: int, loc: list[str], kind: str
) -> None:
    answer = client.post(SYNC, json=values)
    (detail,) = answer.json["detail"]
    assert (answer.status_code, detail["loc"], detail["type"]) == (status, loc, kind)
    assert "secret" not in answer.text
    assert ("PLAYBACK_SYNC_TARGETS" in detail["msg"]) == (status == 403)
    assert client.get(SYNC).json == []


def test_the_longest_folder_is_copied_to(app: Flask, client: FlaskClient, recorded: str) -> None:
    parts = ["é" * 127 + "e", *["x" * 255] * 6]
    job = ask(client, tag_name="gate", location="/".join(parts))
    run_copies(app)
    assert shown(client, job)["state"] == "done"
    assert len(list(sync_folder(app).joinpath(*parts).rglob("*.mp4"))) == 1


def test_what_is_wrong_with_a_location_of_the_query_is_told_there(client: FlaskClient) -> None:
    for location, status in (("a" * 300, 422), ("/etc", 403)):
        answer = client.post(SYNC, query_string={"tag_name": "gate", "location": location})
        assert (answer.status_code, answer.json["detail"][0]["loc"]) == (status, ["query", "location"])


def test_a_folder_that_cannot_be_looked_at_is_refused(tmp_path: Path) -> None:
    # A root whose name is too long stands for all that a disk may answer.
    app = create_app(TestingConfig(INSTANCE=str(tmp_path / "instance"), SYNC_TARGETS="/" + "x" * 300))
    answer = app.test_client().post(SYNC, json={"tag_name": "gate", "location": "weekend"})
    [entry] = answer.json["detail"]
    assert (answer.status_code, entry["loc"]) == (422, ["body", "location"])
    assert "cannot be looked at: File name too long" in entry["msg"]


def test_an_unknown_tag_of_the_query_is_told_where_it_stood(client: FlaskClient) -> None:
    answer = client.post(f"{SYNC}?tag_name=none&location=x")
    assert (answer.status_code, answer.json["detail"][0]["loc"]) == (404, ["query", "tag_name"])


def test_unknown_and_malformed_jobs(client: FlaskClient) -> None:
    for method in (client.get, client.delete):
        assert method(f"{SYNC}/00000000-0000-4000-8000-000000000000").status_code == 404
        answer = method(f"{SYNC}/7")
        assert (answer.status_code, answer.json["detail"][0]["loc"]) == (422, ["path", "sync_id"])


def test_jobs_are_listed_newest_first(client: FlaskClient, recorded: str) -> None:
    made = [ask(client, tag_name="gate", location=f"x{number}") for number in range(3)]
    assert [job["id"] for job in client.get(SYNC).json] == made[::-1]
    assert [job["id"] for job in client.get(f"{SYNC}/?limit=1").json] == made[2:]
    assert client.get(f"{SYNC}?limit=0").status_code == 422


def test_what_cannot_be_copied_fails_with_its_cause(app: Flask, client: FlaskClient, recorded: str) -> None:
    source_id = add_source(app)
    empty = add_record(app, source_id, "gate", T0_US, T0_US + MINUTE_US)
    gone = add_record(app, source_id, "gate", T0_US + MINUTE_US, T0_US + 2 * MINUTE_US)
    with app.app_context(), writing() as session:
        session.get(Record, gone).deleted_us = now_us()
    told = shown(client, run_copies_of(app, client))
    assert told["state"] == "failed"
    assert told["counts"] == {"waiting": 0, "running": 0, "done": 1, "failed": 2}
    found = {item["record_id"]: (item["state"], item["error"]) for item in told["records"]}
    assert found == {
        recorded: ("done", None),
        empty: ("failed", "the record has no footage"),
        gone: ("failed", "the file of the record was deleted before it was copied"),
    }
    assert client.get(f"/api/v1/record/{gone}").json["sync_location"] is None


def test_a_record_that_goes_on_is_copied_once_it_has_ended(app: Flask, client: FlaskClient, recorded: str) -> None:
    with app.app_context(), writing() as session:
        row = session.get(Record, recorded)
        end_us, row.end_us = row.end_us, None
    other = add_record(app, add_source(app), "gate", T0_US - MINUTE_US, T0_US - MINUTE_US // 2)
    job = run_copies_of(app, client)
    told = shown(client, job)
    assert (told["state"], told["ended_utc"]) == ("running", None)
    assert {item["record_id"]: item["state"] for item in told["records"]} == {recorded: "waiting", other: "failed"}
    with app.app_context(), writing() as session:
        session.get(Record, recorded).end_us = end_us
    run_copies(app)
    assert shown(client, job)["counts"]["done"] == 1


def test_an_open_segment_is_waited_for(app: Flask, client: FlaskClient, media: Callable[..., Path]) -> None:
    source_id = add_source(app)
    run = record(app, source_id, media("h264"), leave_open=True)
    add_record(app, source_id, "gate", T0_US, run.end_us)
    job = run_copies_of(app, client)
    (item,) = shown(client, job)["records"]
    assert (item["state"], item["error"], item["tries"]) == ("waiting", None, 0)


def test_what_a_recorder_that_died_has_left_is_waited_for(
    app: Flask, client: FlaskClient, media: Callable[..., Path]
) -> None:
    source_id, begin_us = add_source(app), now_us() - MINUTE_US
    run = record(app, source_id, media("h264"), begin_us=begin_us)
    record_id = add_record(app, source_id, "gate", begin_us, run.end_us + MINUTE_US // 2)
    with app.app_context(), writing() as session:
        row = Attempt(source_id=source_id, recorder_id=record_id, run_id=record_id, begin_us=run.end_us)
        session.add(row)
        session.flush()
        number = row.id
    job = run_copies_of(app, client)
    assert shown(client, job)["records"][0]["state"] == "waiting"
    with app.app_context(), writing() as session:
        session.get_one(Attempt, number).end_us = run.end_us + 1
        session.execute(update(SyncItem).values(due_us=0))
    run_copies(app)
    assert shown(client, job)["state"] == "done"


def test_what_was_not_copied_can_be_cancelled(
    database_app: Flask, database_client: FlaskClient, media: Callable[..., Path]
) -> None:
    app, client = database_app, database_client
    source_id = add_source(app)
    run = record(app, source_id, media("h264"))
    recorded = add_record(app, source_id, "gate", T0_US, run.end_us)
    job = run_copies_of(app, client)
    again = ask(client, tag_name="gate", location="elsewhere")
    told = client.delete(f"{SYNC}/{again}").json
    assert (told["state"], told["counts"]["failed"], bool(told["ended_utc"])) == ("cancelled", 1, True)
    assert shown(client, again)["records"][0]["state"] == "failed"
    assert shown(client, again)["records"][0]["error"] == "cancelled by anyone (testing)"
    assert client.get(f"/api/v1/record/{recorded}").json["sync_location"] is None
    run_copies(app)
    assert not (sync_folder(app) / "elsewhere").exists()
    assert client.delete(f"{SYNC}/{job}").json["state"] == "done"
    assert len(list(sync_folder(app).rglob("*.mp4"))) == 1


def test_a_job_that_is_cancelled_where_a_record_failed_by_itself_has_failed(
    database_app: Flask, database_client: FlaskClient
) -> None:
    app, client = database_app, database_client
    source_id = add_source(app)
    add_record(app, source_id, "gate", T0_US, T0_US + MINUTE_US)  # without footage: it fails
    job = run_copies_of(app, client)
    add_record(app, source_id, "gate", T0_US + MINUTE_US, None)
    other = run_copies_of(app, client)
    assert client.delete(f"{SYNC}/{other}").json["state"] == "failed"
    assert client.delete(f"{SYNC}/{job}").json["state"] == "failed"
    errors = [item["error"] for item in shown(client, other)["records"]]
    assert sorted(errors) == ["cancelled by anyone (testing)", "the record has no footage"]
    assert {row["id"]: row["state"] for row in client.get(SYNC).json} == {job: "failed", other: "failed"}


def test_a_tag_without_records_is_done_at_once(app: Flask, client: FlaskClient, recorded: str) -> None:
    from app.models import Tag

    with app.app_context(), writing() as session:
        session.add(Tag(name="new"))
    told = shown(client, ask(client, tag_name="new", location="x"))
    assert (told["state"], told["records"], bool(told["ended_utc"])) == ("done", [], True)


def test_a_target_that_fails_is_tried_again_and_given_up(
    config: TestingConfig, migrated_sqlite: Path, media: Callable[..., Path]
) -> None:
    config.instance_path.mkdir(parents=True)
    (config.instance_path / "app.db").write_bytes(migrated_sqlite.read_bytes())
    root = config.instance_path / "unmounted"
    app = create_app(TestingConfig(INSTANCE=config.INSTANCE, SYNC_TARGETS=str(root), SYNC_TRIES=2, SYNC_PAUSE_S=0.01))
    client = app.test_client()
    source_id = add_source(app)
    run = record(app, source_id, media("h264"))
    add_record(app, source_id, "gate", T0_US, run.end_us)
    job = run_copies_of(app, client)
    while not shown(client, job)["ended_utc"]:
        run_copies(app)
    (item,) = shown(client, job)["records"]
    assert (item["state"], item["tries"]) == ("failed", 2)
    assert item["error"] == f"the folder {root} does not exist: mount it or make it (given up after 2 tries)"
    root.mkdir()
    assert shown(client, run_copies_of(app, client))["state"] == "done"
    assert [path.name for path in root.iterdir()] == ["x"]
    with app.app_context():
        db.engine.dispose()


def test_no_target_that_fails_tells_a_secret(
    config: TestingConfig, migrated_sqlite: Path, media: Callable[..., Path], capfd: pytest.CaptureFixture[str]
) -> None:
    secret, port = "hidden%2Bfrom-all", free_port()
    roots = {
        f"sftp://u:{secret}@127.0.0.1:{port}/x": f"sftp://127.0.0.1:{port}/x",
        f"s3://{secret}KEY:{secret}@bucket/x?endpoint_url=http://127.0.0.1:{port}": "s3://bucket/x",
        f"smb://u:{secret}@127.0.0.1:{port}/x": f"smb://127.0.0.1:{port}/x",
        f"webdav://u:{secret}@127.0.0.1:{port}/x": f"webdav://127.0.0.1:{port}/x",
        f"http://:{secret}@127.0.0.1:{port}/": f"http://127.0.0.1:{port}",
    }
    config.instance_path.mkdir(parents=True)
    (config.instance_path / "app.db").write_bytes(migrated_sqlite.read_bytes())
    app = create_app(
        TestingConfig(INSTANCE=config.INSTANCE, SYNC_TARGETS=",".join(roots), SYNC_TRIES=1, SYNC_AT_ONCE=9)
    )
    client = app.test_client()
    source_id = add_source(app)
    run = record(app, source_id, media("h264"))
    add_record(app, source_id, "gate", T0_US, run.end_us)
    made = [ask(client, tag_name="gate", location=location) for location in roots.values()]
    run_copies(app, 60)
    told = [shown(client, job) for job in made]
    for job in told:
        assert job["state"] == "failed", job
        assert "given up after 1 tries" in job["records"][0]["error"]
    with app.app_context():
        db.engine.dispose()
    everything = json.dumps([told, client.get(SYNC).json, client.get("/api/v1/record?tag_name=gate").json])
    everything += "".join(capfd.readouterr())
    assert "hidden" not in everything
    for path in config.instance_path.rglob("*"):
        assert not path.is_file() or b"hidden" not in path.read_bytes(), path


def test_no_two_workers_copy_the_same_and_at_most_n_go_on(database_app: Flask) -> None:
    app, client = database_app, database_app.test_client()
    source_id = add_source(app)
    for number in range(4):
        add_record(app, source_id, "gate", T0_US + number * MINUTE_US, T0_US + (number + 1) * MINUTE_US)
    ask(client, tag_name="gate", location="x")
    ask(client, tag_name="gate", location="./x/")  # the same names
    now = now_us() + MINUTE_US

    def take(at_once: int, at_us: int = now) -> jobs.Taken | None:
        with app.app_context(), writing() as session:
            return jobs.take(session, f"h-{number}-{at_us}", at_once, at_us)

    taken = [take(9) for _ in range(5)]
    targets = [item.target for item in taken[:4]]
    assert taken[4] is None, "the second job wants the same names"
    assert len(set(targets)) == 4
    with app.app_context(), writing() as session:
        assert jobs.renew(session, taken[0], 1, 2, now + MINUTE_US)
    late = now + MINUTE_US + 1
    assert take(1, late) is None, "one is still held"
    again = take(2, late)
    assert again is not None
    assert again.target in targets[1:], "a killed worker's item is free when its time is over"
    with app.app_context(), writing() as session:
        before = next(item for item in taken if (item.job_id, item.record_id) == (again.job_id, again.record_id))
        assert not jobs.renew(session, before, 5, 5, late), "who lost it learns of it"
        jobs.finish(session, before, 5, "0" * 32, late)
        assert session.get(SyncItem, (again.job_id, again.record_id)).state == "running"


def overlap(app: Flask, first: Callable[[Any], object], second: Callable[[Any], object]) -> None:
    """Begin a second transaction before the first one is committed; where it waits for that, it goes on then."""

    def later() -> None:
        with app.app_context(), writing() as session:
            second(session)

    thread = threading.Thread(target=later)
    with app.app_context(), writing() as session:
        first(session)
        thread.start()
        thread.join(0.3)
    thread.join()


def test_a_job_ends_though_its_last_two_records_end_at_the_same_moment(database_app: Flask) -> None:
    """Regression: on PostgreSQL neither saw that the other one was done."""
    app, client = database_app, database_app.test_client()
    source_id = add_source(app)
    for number in range(2):
        add_record(app, source_id, "gate", T0_US + number * MINUTE_US, T0_US + (number + 1) * MINUTE_US)
    job = ask(client, tag_name="gate", location="x")
    now = now_us() + MINUTE_US
    with app.app_context(), writing() as session:
        one = jobs.take(session, "one", 2, now)
    with app.app_context(), writing() as session:
        other = jobs.take(session, "other", 2, now)
    assert one is not None
    assert other is not None
    overlap(
        app,
        lambda session: jobs.finish(session, one, 5, "0" * 32, now),
        lambda session: jobs.fail(session, other, "the disk is full", now),
    )
    found = shown(client, job)
    assert [item["state"] for item in found["records"]] == ["done", "failed"]
    assert found["ended_utc"] is not None


def test_what_is_being_cancelled_is_not_taken(database_app: Flask) -> None:
    """Regression: on PostgreSQL a worker took it in the same moment, and copied it."""
    app, client = database_app, database_app.test_client()
    add_record(app, add_source(app), "gate", T0_US, T0_US + MINUTE_US)
    job = ask(client, tag_name="gate", location="x")
    now = now_us() + MINUTE_US
    taken = []
    overlap(
        app,
        lambda session: jobs.cancel(session, session.get(SyncJob, job), "anyone", now),
        lambda session: taken.append(jobs.take(session, "one", 2, now)),
    )
    assert taken == [None]
    found = shown(client, job)
    assert (found["state"], found["records"][0]["state"]) == ("cancelled", "failed")


def test_a_new_worker_of_the_instance_takes_at_once_what_the_dead_one_held(
    app: Flask, client: FlaskClient, recorded: str
) -> None:
    job = ask(client, tag_name="gate", location="x")
    with app.app_context(), writing() as session:
        assert jobs.take(session, holder_prefix(app.config["PLAYBACK"]) + "dead", 2, now_us())
    assert shown(client, job)["state"] == "running"
    run_copies(app)
    assert shown(client, job)["state"] == "done"


def endless(act: Callable[[], object]) -> Callable[[str], Recording]:
    """Return a recording that goes on and on; `act` happens after its first block."""

    def read(begin: int, end: int) -> Iterator[bytes]:
        yield b"first"
        threading.Thread(target=act).start()
        while True:
            time.sleep(0.005)
            yield b"more"

    return lambda record_id: Recording(1 << 30, read)


def test_what_is_stopped_in_the_middle_is_put_back(app: Flask, client: FlaskClient, recorded: str) -> None:
    job = ask(client, tag_name="gate", location="x")
    copier = Copier(app, endless(lambda: copier.stop()))
    copier.fill()
    assert copier.wait(20)
    (item,) = shown(client, job)["records"]
    assert (item["state"], item["tries"], item["error"]) == ("waiting", 0, None)
    assert list(sync_folder(app).rglob(".*.part")), "what was written is gone on from"
    run_copies(app)
    assert shown(client, job)["state"] == "done"


def test_a_copy_that_is_cancelled_in_the_middle_ends_and_leaves_nothing(
    app: Flask, client: FlaskClient, recorded: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.transfer.copier.RENEW_S", 0.05)
    job = ask(client, tag_name="gate", location="x")
    copier = Copier(app, endless(lambda: app.test_client().delete(f"{SYNC}/{job}")))
    copier.fill()
    assert copier.wait(20)
    copier.stop()
    (item,) = shown(client, job)["records"]
    assert (item["state"], item["error"]) == ("failed", "cancelled by anyone (testing)")
    assert [path for path in sync_folder(app).rglob("*") if path.is_file()] == []


def test_terminal_commands_start_show_and_list(app: Flask, client: FlaskClient, recorded: str) -> None:
    runner = app.test_cli_runner()
    done = runner.invoke(args=["sync", "start", "--tag", "gate", "--location", "x"])
    assert done.exit_code == 0, done.output
    job = done.output.strip()
    run_copies(app)
    told = runner.invoke(args=["sync", "show", job]).output
    assert told.splitlines()[0].split("\t")[:3] == ["done", "gate", "x"]
    assert f"{recorded}\tdone\t" in told
    assert runner.invoke(args=["sync", "list"]).output.startswith(f"{job}\tdone\t")
    assert runner.invoke(args=["sync", "cancel", job]).exit_code == 0
    refused = runner.invoke(args=["sync", "start", "--tag", "gate", "--location", "/etc"])
    assert refused.exit_code == 1
    assert "PLAYBACK_SYNC_TARGETS" in refused.output
