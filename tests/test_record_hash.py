"""`hash_md5` of a record: of exactly the bytes that `/video/` delivers, whatever is killed meanwhile."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update

from app.extensions import db, writing
from app.models import Attempt, Record
from app.models.types import now_us
from app.playback import filmhash
from app.playback.filmhash import HELD, hash_next
from app.playback.progressive import FORMAT_VERSION
from app.tasks.syncing import open_recording
from tests.archived import T0_US, close, record
from tests.archived import media as media
from tests.archived import no_plans as no_plans
from tests.archived import source_id as source_id
from tests.test_playback_requestdata import add_record
from tests.test_record_deletion import delete_file, row_of
from tests.test_record_files import video

S = 1_000_000
Media = Callable[..., Path]


def hash_all(app: Flask, **keywords: Any) -> int:
    """Hash what is due; return how many records were taken."""
    done = 0
    with app.app_context():
        while hash_next(**keywords):
            done += 1
    return done


def change(app: Flask, record_id: str, **values: Any) -> None:
    with app.app_context(), writing() as session:
        session.execute(update(Record).where(Record.id == record_id).values(**values))


def md5_of(client: FlaskClient, record_id: str) -> str:
    return hashlib.md5(client.get(video(record_id)).data, usedforsecurity=False).hexdigest()


def test_the_hash_is_that_of_the_bytes_delivered(
    app: Flask, client: FlaskClient, source_id: int, media: Media, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filmhash, "WORK_BYTES", 100_000)  # pauses and renewals within so small a film
    monkeypatch.setattr(filmhash, "RENEW_S", 0.0)
    first = record(app, source_id, media("b-frames-audio"))
    second = record(app, source_id, media("b-frames-audio", seed=2), begin_us=first.end_us + 5 * S)
    whole = add_record(app, source_id, "whole", first.begin_us - S, second.end_us + S)
    part = add_record(app, source_id, "part", first.begin_us + 1_234_567, second.begin_us + 2_345_678)
    assert client.get(f"/api/v1/record/{whole}").json["hash_md5"] is None
    assert hash_all(app) == 2
    for record_id in (whole, part):
        assert client.get(f"/api/v1/record/{record_id}").json["hash_md5"] == md5_of(client, record_id)
        row = row_of(app, record_id)
        assert (row.hash_version, row.hash_due_us) == (FORMAT_VERSION, None)
    assert hash_all(app) == 0


def test_what_is_copied_elsewhere_is_what_is_hashed_and_delivered(
    app: Flask, client: FlaskClient, source_id: int, media: Media
) -> None:
    recorded = record(app, source_id, media("b-frames-audio"))
    record_id = add_record(app, source_id, "part", recorded.begin_us + 1_234_567, recorded.end_us - 2_345_678)
    hash_all(app)
    with app.app_context():
        recording = open_recording(record_id)
        copied = b"".join(recording.read(0, recording.size_bytes))
    assert copied == client.get(video(record_id)).data
    assert recording.md5 == hashlib.md5(copied, usedforsecurity=False).hexdigest()


def test_a_record_waits_until_nothing_of_it_is_to_come(
    app: Flask, client: FlaskClient, source_id: int, media: Media
) -> None:
    recorded = record(app, source_id, media("audio"), leave_open=True)
    growing = add_record(app, source_id, "growing", recorded.begin_us, None)
    # What follows within a second may hold sound of its last moments.
    ended = add_record(app, source_id, "ended", recorded.begin_us, recorded.begin_us + 5_500_000)
    early = add_record(app, source_id, "early", recorded.begin_us, recorded.begin_us + 3 * S)
    assert hash_all(app) == 1
    assert row_of(app, early).hash_md5 == md5_of(client, early)
    assert row_of(app, ended).hash_due_us > now_us()
    assert row_of(app, growing).hash_due_us == 0
    close(app, source_id, recorded.run_id)
    change(app, ended, hash_due_us=0)
    change(app, growing, end_us=recorded.end_us)
    assert hash_all(app) == 2
    for record_id in (growing, ended):
        assert row_of(app, record_id).hash_md5 == md5_of(client, record_id)


def test_a_run_that_is_not_published_yet_is_waited_for(app: Flask, source_id: int, media: Media) -> None:
    recorded = record(app, source_id, media("h264"))
    record_id = add_record(app, source_id, "t", recorded.begin_us, recorded.end_us + 3 * S)
    with app.app_context(), writing() as session:
        session.add(Attempt(source_id=source_id, recorder_id="r" * 36, run_id="x" * 36, begin_us=recorded.end_us + S))
    assert hash_all(app) == 0
    assert row_of(app, record_id).hash_md5 is None


def test_records_without_footage_are_not_asked_for_again(app: Flask, source_id: int) -> None:
    record_id = add_record(app, source_id, "t", T0_US, T0_US + S)
    assert hash_all(app) == 0
    row = row_of(app, record_id)
    assert (row.hash_md5, row.hash_due_us) == (None, None)


@pytest.mark.parametrize("leave_open", [False, True], ids=["closed", "open"])
def test_a_record_between_two_frames_has_failed(
    app: Flask, client: FlaskClient, source_id: int, media: Media, leave_open: bool
) -> None:
    recorded = record(app, source_id, media("b-frames"), segment_s=60, leave_open=leave_open)
    frame_us = recorded.begin_us + 2 * S  # one every 50 ms
    between = add_record(app, source_id, "between", frame_us + 5_000, frame_us + 45_000)
    after_last = add_record(app, source_id, "after last", recorded.end_us - 20_000, recorded.end_us + 60 * S)
    one = add_record(app, source_id, "one frame", frame_us - 5_000, frame_us + 35_000)
    shown = {"between": ("failed", 404), "after last": ("done" if leave_open else "failed", 404), "one": ("done", 200)}
    for record_id, told in zip((between, after_last, one), shown.values(), strict=True):
        status = client.get(f"/api/v1/record/{record_id}").json["status"]
        assert (status, client.get(video(record_id)).status_code) == told


def test_a_record_that_shows_no_frame_is_hashed_once_and_alarms_nobody(
    app: Flask, client: FlaskClient, source_id: int, media: Media, caplog: pytest.LogCaptureFixture
) -> None:
    recorded = record(app, source_id, media("h264"))
    frame_us = recorded.begin_us + S
    record_id = add_record(app, source_id, "t", frame_us + 5_000, frame_us + 45_000)
    with caplog.at_level("INFO", "app.playback.filmhash"):
        assert hash_all(app) == 1
    assert [(item.levelname, item.getMessage()) for item in caplog.records] == [
        ("INFO", f"record {record_id} shows no frame")
    ]
    row = row_of(app, record_id)
    assert (row.hash_md5, row.hash_version, row.hash_due_us) == (None, None, None)
    assert client.get(f"/api/v1/record/{record_id}").json["status"] == "failed"


def test_lost_footage_is_tried_again_later(app: Flask, client: FlaskClient, source_id: int, media: Media) -> None:
    recorded = record(app, source_id, media("h264"))
    record_id = add_record(app, source_id, "t", recorded.begin_us, recorded.end_us)
    storage = app.config["PLAYBACK"].storage_path
    storage.rename(storage.parent / "away")
    assert hash_all(app) == 1
    row = row_of(app, record_id)
    assert row.hash_md5 is None
    assert row.hash_due_us > now_us() + 3600 * S
    (storage.parent / "away").rename(storage)
    change(app, record_id, hash_due_us=0)
    assert hash_all(app) == 1
    assert row_of(app, record_id).hash_md5 == md5_of(client, record_id)


def test_deleted_and_cut_records_have_no_hash(app: Flask, client: FlaskClient, source_id: int, media: Media) -> None:
    recorded = record(app, source_id, media("h264"))
    record_id = add_record(app, source_id, "t", recorded.begin_us, recorded.end_us)
    cut = add_record(app, source_id, "cut", recorded.begin_us, recorded.end_us)
    assert hash_all(app) == 2
    change(app, cut, cut_us=1, hash_md5=None, hash_version=None, hash_due_us=0)
    assert delete_file(client, record_id).status_code == 200
    assert hash_all(app) == 0
    for found in (row_of(app, record_id), row_of(app, cut)):
        assert (found.hash_md5, found.hash_version, found.hash_due_us) == (None, None, None)


@pytest.mark.parametrize("version", [0, FORMAT_VERSION - 1, FORMAT_VERSION + 1])
def test_another_version_of_the_format_is_hashed_anew(
    app: Flask, client: FlaskClient, source_id: int, media: Media, version: int
) -> None:
    recorded = record(app, source_id, media("h264"))
    record_id = add_record(app, source_id, "t", recorded.begin_us, recorded.end_us)
    change(app, record_id, hash_md5="0" * 32, hash_version=version, hash_due_us=None)
    assert hash_all(app) == 1
    row = row_of(app, record_id)
    assert (row.hash_md5, row.hash_version) == (md5_of(client, record_id), FORMAT_VERSION)


KILLED = """
import os
from app import create_app
from app.playback import filmhash
filmhash.WORK_BYTES = 1
with create_app(with_views=False).app_context():
    filmhash.hash_next(lambda: os.kill(os.getpid(), 9))
"""


def test_a_worker_that_is_killed_while_it_hashes_is_followed_by_another(
    app: Flask, client: FlaskClient, source_id: int, media: Media
) -> None:
    recorded = record(app, source_id, media("h264"))
    record_id = add_record(app, source_id, "t", recorded.begin_us, recorded.end_us)
    other = add_record(app, source_id, "other", recorded.begin_us + S, recorded.end_us)
    instance = str(app.config["PLAYBACK"].INSTANCE)
    environment = {**os.environ, "FLASK_CONFIG": "testing", "PLAYBACK_INSTANCE": instance}
    root = Path(__file__).parent.parent
    done = subprocess.run([sys.executable, "-c", KILLED], env=environment, cwd=root, check=False)
    assert done.returncode == -9
    assert row_of(app, record_id).hash_version == HELD
    assert hash_all(app) == 0  # one at a time: it may still be at it
    change(app, record_id, hash_due_us=now_us() - 1)
    assert hash_all(app) == 2
    for found in (record_id, other):
        assert row_of(app, found).hash_md5 == md5_of(client, found)


def test_one_that_was_held_before_the_clock_was_set_back_holds_up_no_other(
    app: Flask, client: FlaskClient, source_id: int, media: Media
) -> None:
    recorded = record(app, source_id, media("h264"))
    record_id = add_record(app, source_id, "t", recorded.begin_us, recorded.end_us)
    other = add_record(app, source_id, "other", recorded.begin_us + S, recorded.end_us)
    change(app, record_id, hash_version=HELD, hash_due_us=now_us() + 86_400 * S)
    assert hash_all(app) == 1
    assert row_of(app, other).hash_md5 == md5_of(client, other)


def test_a_worker_that_ends_lets_the_record_go(
    app: Flask, source_id: int, media: Media, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filmhash, "WORK_BYTES", 1)
    recorded = record(app, source_id, media("h264"))
    record_id = add_record(app, source_id, "t", recorded.begin_us, recorded.end_us)
    assert hash_all(app, is_ending=lambda: True) == 1
    row = row_of(app, record_id)
    assert (row.hash_md5, row.hash_version) == (None, None)
    assert row.hash_due_us is not None


def test_footage_deleted_while_it_is_hashed_gives_no_hash(
    app: Flask, client: FlaskClient, source_id: int, media: Media, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filmhash, "WORK_BYTES", 1)
    recorded = record(app, source_id, media("h264"))
    record_id = add_record(app, source_id, "t", recorded.begin_us, recorded.end_us)

    def delete_once() -> bool:
        delete_file(client, record_id)
        return False

    hash_all(app, is_ending=delete_once)
    row = row_of(app, record_id)
    assert (row.hash_md5, row.hash_due_us) == (None, None)
    with app.app_context():
        assert db.session.get(Record, record_id).deleted_us is not None


def test_hashing_works_on_postgresql_too(database_app: Flask, media: Media) -> None:
    from tests.archived import add_source

    source_id = add_source(database_app)
    recorded = record(database_app, source_id, media("h264"))
    record_id = add_record(database_app, source_id, "t", recorded.begin_us, recorded.end_us)
    assert hash_all(database_app) == 1
    assert row_of(database_app, record_id).hash_md5 == md5_of(database_app.test_client(), record_id)
