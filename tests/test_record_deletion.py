"""Deleting the file of a recording: what goes, what stays for others, and what is written down of it."""

import os
import sqlite3
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import delete, event, func, insert, orm, select, update
from sqlalchemy.exc import DBAPIError

from app import extensions
from app.archive import places, recordings
from app.archive.coverage import from_bytes
from app.archive.deletion import Act, delete_segments
from app.archive.holding import PIECES, Piece, held_alone, lock_source
from app.archive.recordlist import Lister
from app.archive.unlinking import BATCH, unlink_doomed
from app.extensions import db, writing
from app.models import Coverage, Deletion, Doomed, Record, Segment, Storage
from app.tasks import make_celery
from app.tasks.records import unlink
from tests.archived import T0_US, close, record, utc
from tests.archived import add_source as add_plain_source
from tests.archived import media as media
from tests.archived import no_plans as no_plans
from tests.archived import source_id as source_id
from tests.service import wait_for
from tests.test_playback_requestdata import add_ledger, add_record
from tests.test_record_files import error_of, video

API = "/api/v1"
S = 1_000_000
Media = Callable[..., Path]


def location(record_id: str) -> str:
    return f"records/{record_id}.m3u8"


def delete_file(client: FlaskClient, record_id: str, **values: Any) -> Any:
    given = {"location": location(record_id), **values}
    return client.delete(f"{API}/record/{record_id}/file/", json=given)


def root_of(app: Flask) -> Path:
    return app.config["PLAYBACK"].storage_path


def files(app: Flask) -> list[str]:
    """Return what lies in the storage, its marker and locks left out."""
    found = (path for path in root_of(app).rglob("*") if path.is_file() and not path.name.startswith("."))
    return sorted(str(path.relative_to(root_of(app))) for path in found if path.name != places.MARKER)


def starts(app: Flask) -> list[int]:
    with app.app_context():
        return list(db.session.scalars(select(Segment.start_us).order_by(Segment.start_us)))


def count(app: Flask, model: Any) -> int:
    with app.app_context():
        return db.session.scalar(select(func.count()).select_from(model))


def row_of(app: Flask, record_id: str) -> Record:
    with app.app_context():
        row = db.session.get(Record, record_id)
        db.session.expunge(row)
        return row


def run_lister(app: Flask) -> None:
    with app.app_context():
        Lister(app.config["PLAYBACK"]).run()


def test_deleting_the_file_removes_the_footage_and_keeps_the_record(
    app: Flask, client: FlaskClient, source_id: int, media: Media
) -> None:
    recorded = record(app, source_id, media("audio"))
    record_id = add_record(app, source_id, "t", recorded.begin_us, recorded.end_us)
    run_lister(app)
    assert len(files(app)) == 4 + 1 + 1  # segments, their index, the playlist
    answer = delete_file(client, record_id, reason="at the\nrequest of the visitor")
    assert answer.status_code == 200
    assert answer.json["status"] == "deleted"
    assert answer.json["location"] == location(record_id)
    assert answer.json["hash_md5"] is None
    assert files(app) == []
    assert not any(root_of(app).glob("rec/*"))
    assert (starts(app), count(app, Doomed)) == ([], 0)
    with app.app_context():
        assert all(len(from_bytes(spans)) == 0 for spans in db.session.scalars(select(Coverage.spans)))
    assert client.get(f"{API}/record/{record_id}").json == answer.json
    assert client.get(f"{API}/record?tag_name=t").json[0]["status"] == "deleted"
    assert error_of(client.get(video(record_id)))[0] == 410
    assert client.get(f"/playbackapi/record/{record_id}").status_code == 410
    assert error_of(delete_file(client, record_id)) == (410, ["path", "record_id"], "deleted")
    run_lister(app)
    assert row_of(app, record_id).is_listed  # nothing is left to do
    assert files(app) == []


def test_a_deletion_is_written_down_and_explains_the_gap(
    app: Flask, client: FlaskClient, source_id: int, media: Media
) -> None:
    first = record(app, source_id, media("h264"))
    second = record(app, source_id, media("h264", seed=2), begin_us=first.end_us + 20 * S)
    add_ledger(app, source_id, [(first.begin_us, second.end_us)], [])
    record_id = add_record(app, source_id, "t", first.begin_us, first.end_us)
    delete_file(client, record_id, reason="at the\nrequest of the visitor")
    (told,) = client.get(f"{API}/deletions").json
    assert told["actor"] == "anyone (testing)"
    assert (told["rule"], told["reason"]) == ("request", "at the\nrequest of the visitor")
    assert (told["source_id"], told["record_id"]) == (source_id, record_id)
    assert (told["begin_utc"], told["end_utc"]) == (utc(first.begin_us), utc(first.end_us))
    assert told["segments"] == 4
    assert told["size_bytes"] > 10_000
    assert told["spans"] == [{"start_utc": utc(first.begin_us), "end_utc": utc(first.end_us)}]
    query = f"start={utc(first.begin_us)}&end={utc(second.end_us)}"
    gaps = client.get(f"{API}/source/{source_id}/gaps?{query}").json["gaps"]
    assert [gap["cause"] for gap in gaps] == ["deleted", "recorder_stopped"]
    assert gaps[0]["end_utc"] == utc(first.end_us)
    line = "by anyone (testing) (request): at the request of the visitor"
    assert gaps[0]["detail"] == f"deleted on {told['at_utc'][:19]}Z {line}"
    data = client.get(f"/playbackapi/source/{source_id}?{query}").json
    assert [gap["cause"] for gap in data["gaps"]] == ["deleted", "recorder_stopped"]


def test_footage_that_another_tag_holds_stays_whole_for_it(
    app: Flask, client: FlaskClient, source_id: int, media: Media
) -> None:
    recorded = record(app, source_id, media("audio"))
    one = add_record(app, source_id, "one", recorded.begin_us, recorded.begin_us + 5 * S)
    two = add_record(app, source_id, "two", recorded.begin_us + 3 * S, recorded.end_us)
    before = client.get(video(two)).data
    assert delete_file(client, one).status_code == 200
    assert [start - recorded.begin_us for start in starts(app)] == [2 * S, 4 * S, 6 * S]
    assert client.get(video(two)).data == before
    assert row_of(app, two).cut_us is None
    assert [item["segments"] for item in client.get(f"{API}/deletions").json] == [1]
    assert delete_file(client, two).status_code == 200
    assert (starts(app), [path for path in files(app) if path.startswith(("rec/", "idx/"))]) == ([], [])


def test_footage_outside_of_the_record_and_of_other_cameras_stays(
    app: Flask, client: FlaskClient, source_id: int, media: Media
) -> None:
    recorded = record(app, source_id, media("h264"))
    other = add_plain_source(app)
    record(app, other, media("h264"))
    record_id = add_record(app, source_id, "t", recorded.begin_us + 2 * S, recorded.begin_us + 4 * S)
    assert delete_file(client, record_id).status_code == 200
    with app.app_context():
        kept = db.session.execute(select(Segment.source_id, Segment.start_us)).all()
        cells = db.session.scalars(select(Coverage.spans).where(Coverage.source_id == source_id, Coverage.level == 0))
        assert [len(from_bytes(spans)) for spans in cells] == [1]  # its slack closes so short a gap
    offsets = [(source, start - recorded.begin_us) for source, start in kept]
    assert sorted(offsets) == [(source_id, 0), (source_id, 4 * S), (source_id, 6 * S)] + [
        (other, number * 2 * S) for number in range(4)
    ]


def test_a_record_that_only_touches_is_cut_where_its_sound_lies_in_the_file_before(
    app: Flask, client: FlaskClient, source_id: int, media: Media
) -> None:
    recorded = record(app, source_id, media("audio"))
    one = add_record(app, source_id, "one", recorded.begin_us, recorded.begin_us + 4 * S)
    two = add_record(app, source_id, "two", recorded.begin_us + 4 * S, recorded.end_us)
    late = add_record(app, source_id, "late", recorded.begin_us + 5 * S, recorded.end_us)
    before = {record_id: client.get(video(record_id)).data for record_id in (two, late)}
    delete_file(client, one)
    assert [start - recorded.begin_us for start in starts(app)] == [4 * S, 6 * S]
    for record_id, data in before.items():
        is_same = client.get(video(record_id)).data == data
        assert (row_of(app, record_id).cut_us is None) == is_same


def test_a_limit_of_age_cuts_records_and_ends_those_without_footage(
    app: Flask, client: FlaskClient, source_id: int, media: Media
) -> None:
    recorded = record(app, source_id, media("h264"))
    ends = {"whole": (0, 8), "early": (0, 3), "late": (5, 8)}
    ids = {
        name: add_record(app, source_id, name, recorded.begin_us + begin * S, recorded.begin_us + end * S)
        for name, (begin, end) in ends.items()
    }
    growing = add_record(app, source_id, "growing", recorded.begin_us, None)
    run_lister(app)
    with app.app_context(), writing() as session:
        session.execute(update(Record).values(hash_md5="0" * 32, hash_version=2, hash_due_us=None))
        lock_source(session, source_id)
        pieces = [Piece(*row) for row in session.execute(PIECES.where(Segment.end_us <= recorded.begin_us + 4 * S))]
        act = Act("retention", "age", None)
        delete_segments(session, source_id, pieces, act, (recorded.begin_us, recorded.begin_us + 4 * S))
    rows = {name: row_of(app, record_id) for name, record_id in ids.items()}
    assert {name: row.cut_us is not None for name, row in rows.items()} == {"whole": True, "early": True, "late": False}
    assert [name for name, row in rows.items() if row.deleted_us is not None] == ["early"]
    assert {name for name, row in rows.items() if row.hash_md5} == {"late"}
    assert (row_of(app, growing).cut_us is None, row_of(app, growing).deleted_us) == (False, None)
    run_lister(app)
    playlists = [path for path in files(app) if path.startswith("records/")]
    assert playlists == sorted(location(record_id) for record_id in (ids["whole"], ids["late"], growing))
    assert (root_of(app) / location(ids["whole"])).read_text().count("#EXTINF") == 2
    assert client.get(f"{API}/deletions").json[0]["rule"] == "age"
    assert client.get(f"{API}/record/{ids['early']}").json["status"] == "deleted"


@pytest.mark.parametrize(
    "wrong",
    ["", "records", "/records/{id}.m3u8", "./records/{id}.m3u8", "records/../records/{id}.m3u8", "records/{ID}.m3u8",
     "../../etc/passwd", "records/{id}.m3u8 ", "records/{id}.m3u8\n", "records/{id}.m3u8\0", "rec/1", "é\ud800"],
    ids=range(12),
)  # fmt: skip
def test_another_location_is_refused(client: FlaskClient, app: Flask, source_id: int, wrong: str) -> None:
    record_id = add_record(app, source_id, "t", T0_US, T0_US + S)
    given = wrong.replace("{id}", record_id).replace("{ID}", record_id.upper() + "x")
    answer = client.delete(f"{API}/record/{record_id}/file/", json={"location": given})
    assert error_of(answer)[:2] == (422, ["body", "location"])
    assert row_of(app, record_id).deleted_us is None


def test_location_may_stand_in_body_form_or_query(app: Flask, client: FlaskClient, source_id: int) -> None:
    ids = [
        add_record(app, source_id, f"t{number}", T0_US + number * S, T0_US + (number + 1) * S) for number in range(4)
    ]
    path = f"{API}/record/{ids[0]}/file/"
    assert error_of(client.delete(path))[:2] == (422, ["body", "location"])
    assert error_of(client.delete(f"{path}?location=x"))[:2] == (422, ["query", "location"])
    assert error_of(client.delete(path, json={"location": 7}))[:2] == (422, ["body", "location"])
    assert error_of(client.delete(path, json={"location": None}))[:2] == (422, ["body", "location"])
    assert client.delete(f"{path}?location={location(ids[0])}").status_code == 200
    assert client.delete(f"{API}/record/{ids[1]}/file", data={"location": location(ids[1])}).status_code == 200
    assert delete_file(client, ids[2]).status_code == 200
    wins = client.delete(f"{API}/record/{ids[3]}/file?location={location(ids[3])}", json={"location": "x"})
    assert error_of(wins)[:2] == (422, ["body", "location"])
    unknown = str(uuid.uuid4())
    assert error_of(delete_file(client, unknown))[:2] == (404, ["path", "record_id"])
    assert error_of(client.delete(f"{API}/record/7/file/", json={"location": "x"}))[:2] == (422, ["path", "record_id"])


def test_a_recording_that_goes_on_keeps_its_file(app: Flask, client: FlaskClient, source_id: int) -> None:
    record_id = add_record(app, source_id, "t", T0_US, None)
    assert error_of(delete_file(client, record_id)) == (409, ["path", "record_id"], "record_is_recording")
    assert count(app, Deletion) == 0


def test_a_segment_that_is_still_open_goes_once_it_is_closed(
    app: Flask, client: FlaskClient, source_id: int, media: Media
) -> None:
    recorded = record(app, source_id, media("h264"), leave_open=True)
    record_id = add_record(app, source_id, "t", recorded.begin_us, recorded.end_us - S)
    assert delete_file(client, record_id).status_code == 200
    assert [start - recorded.begin_us for start in starts(app)] == [6 * S]
    run_lister(app)
    assert not row_of(app, record_id).is_listed
    close(app, source_id, recorded.run_id)
    run_lister(app)
    assert row_of(app, record_id).is_listed
    assert starts(app) == []
    with app.app_context():
        assert unlink_doomed(10) == 1
    assert files(app) == []
    told = client.get(f"{API}/deletions").json
    assert [(item["segments"], item["record_id"]) for item in told] == [(1, record_id), (3, record_id)]


def test_an_open_segment_that_another_tag_records_into_stays(
    app: Flask, client: FlaskClient, source_id: int, media: Media
) -> None:
    recorded = record(app, source_id, media("h264"), leave_open=True)
    record_id = add_record(app, source_id, "t", recorded.begin_us, recorded.end_us - S)
    other = add_record(app, source_id, "other", recorded.end_us - S // 2, None)
    delete_file(client, record_id)
    close(app, source_id, recorded.run_id)
    run_lister(app)
    assert [start - recorded.begin_us for start in starts(app)] == [6 * S]
    assert client.get(video(other)).status_code == 200
    assert row_of(app, other).cut_us is None


def test_a_database_that_is_busy_after_the_deletion_leaves_the_files_to_the_worker(
    app: Flask, client: FlaskClient, source_id: int, media: Media, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded = record(app, source_id, media("h264"))
    record_id = add_record(app, source_id, "t", recorded.begin_us, recorded.end_us)
    patient = [pragma for pragma in extensions.SQLITE_PRAGMAS if "busy_timeout" not in pragma]
    monkeypatch.setattr(extensions, "SQLITE_PRAGMAS", (*patient, "PRAGMA busy_timeout=50"))
    with app.app_context():
        db.engine.dispose()
    other = sqlite3.connect(app.config["PLAYBACK"].instance_path / "app.db", isolation_level=None)

    def lock(_session: Any) -> None:
        if not other.in_transaction:
            other.execute("BEGIN IMMEDIATE")

    event.listen(orm.Session, "after_commit", lock)
    try:
        assert delete_file(client, record_id).json["status"] == "deleted"
    finally:
        event.remove(orm.Session, "after_commit", lock)
        other.close()
    left = count(app, Doomed)
    assert left > 0
    with app.app_context():
        assert unlink_doomed(100) == left
    assert (files(app), count(app, Doomed)) == ([], 0)


def test_a_month_goes_beside_thousands_of_short_recordings(app: Flask, source_id: int, media: Media) -> None:
    """Nobody can write meanwhile: comparing each segment with each recording took minutes."""
    recorded = record(app, source_id, media("h264"))
    length_us, count_of = 60 * S, 20_000
    with app.app_context(), writing() as session:
        like = dict(session.execute(select(Segment.__table__)).mappings().first() or {})
        begin_us = recorded.end_us + S
        edges = [(begin_us + number * length_us, number) for number in range(count_of)]
        rows = [
            {**like, "id": str(uuid.uuid4()), "start_us": at_us, "end_us": at_us + length_us, "sequence": 100 + number}
            for at_us, number in edges
        ]
        session.execute(insert(Segment.__table__), rows)
        tags = [recordings.make_tag(session, name, T0_US).id for name in ("month", "short")]
        spans = [(begin_us + number * 2 * length_us, S) for number in range(5000)]
        for tag_id, parts in ((tags[0], [(begin_us, count_of * length_us)]), (tags[1], spans)):
            session.add_all(
                Record(source_id=source_id, tag_id=tag_id, begin_us=at_us, end_us=at_us + long_us)
                for at_us, long_us in parts
            )
        session.flush()
        month = session.scalars(select(Record).where(Record.tag_id == tags[0])).one()
        assert [piece.start_us for piece in held_alone(session, month)] == [
            at_us for at_us, number in edges if number % 2 or number >= 10_000
        ]


def test_files_that_are_gone_already_do_not_hinder(
    app: Flask, client: FlaskClient, source_id: int, media: Media
) -> None:
    recorded = record(app, source_id, media("h264"))
    record_id = add_record(app, source_id, "t", recorded.begin_us, recorded.end_us)
    for path in root_of(app).glob("rec/*/*/*/*.mp4"):
        path.unlink()
    assert delete_file(client, record_id).status_code == 200
    assert (files(app), count(app, Doomed), starts(app)) == ([], 0, [])


def test_a_download_that_runs_goes_on_to_its_end(app: Flask, client: FlaskClient, source_id: int, media: Media) -> None:
    recorded = record(app, source_id, media("h264", bitrate_bps=3_000_000), segment_s=8)
    record_id = add_record(app, source_id, "t", recorded.begin_us, recorded.end_us)
    whole = client.get(video(record_id)).data
    answer = client.get(video(record_id), buffered=False)
    blocks = iter(answer.response)
    first = [next(blocks), next(blocks)]
    assert delete_file(client, record_id).status_code == 200
    assert b"".join([*first, *blocks]) == whole


# --- crashes, links, many at once --------------------------------------------------------------------------

KILLED = """
import os, sys
from app import create_app
from app.archive.deletion import Act, delete_record
from app.extensions import writing
app = create_app(with_views=False)
with app.app_context():
    with writing() as session:
        delete_record(session, sys.argv[1], sys.argv[2], Act("t"), loc=("body", "location"))
        if sys.argv[3] == "before":
            os.kill(os.getpid(), 9)
    os.kill(os.getpid(), 9)
"""


def run_killed(app: Flask, record_id: str, when: str) -> None:
    """Delete in a process that is killed before its commit, or after it and before any file is removed."""
    instance = str(app.config["PLAYBACK"].INSTANCE)
    environment = {**os.environ, "FLASK_CONFIG": "testing", "PLAYBACK_INSTANCE": instance}
    command = [sys.executable, "-c", KILLED, record_id, location(record_id), when]
    done = subprocess.run(command, env=environment, cwd=Path(__file__).parent.parent, check=False)
    assert done.returncode == -9


def test_a_process_that_is_killed_loses_neither_files_nor_deletions(
    app: Flask, client: FlaskClient, source_id: int, media: Media
) -> None:
    recorded = record(app, source_id, media("h264"))
    record_id = add_record(app, source_id, "t", recorded.begin_us, recorded.end_us)
    whole = client.get(video(record_id)).data
    run_killed(app, record_id, "before")
    assert client.get(video(record_id)).data == whole
    run_killed(app, record_id, "after")
    assert client.get(video(record_id)).status_code == 410
    assert (len(files(app)), count(app, Doomed)) == (5, 4)
    with app.app_context():
        assert unlink_doomed(3) == 3
        assert unlink_doomed(3) == 1
        assert unlink_doomed(3) == 0
    assert (files(app), count(app, Doomed)) == ([], 0)


def test_nothing_is_removed_through_a_symbolic_link(
    app: Flask, client: FlaskClient, source_id: int, media: Media, tmp_path: Path
) -> None:
    recorded = record(app, source_id, media("h264"))
    record_id = add_record(app, source_id, "t", recorded.begin_us, recorded.end_us)
    run_lister(app)
    root, outside = root_of(app), tmp_path / "outside"
    names = files(app)
    (root / "rec" / str(source_id)).rename(outside)
    (root / "rec" / str(source_id)).symlink_to(outside)
    (root / "idx").rename(tmp_path / "idx")
    (root / "idx").symlink_to(tmp_path / "idx")
    assert delete_file(client, record_id).status_code == 200
    assert len(list(outside.rglob("*.mp4"))) == 4
    assert len(list((tmp_path / "idx").rglob("*.sidx"))) == 1
    assert count(app, Doomed) == 4
    (root / "rec" / str(source_id)).unlink()
    (root / "idx").unlink()
    outside.rename(root / "rec" / str(source_id))
    (tmp_path / "idx").rename(root / "idx")
    assert names[-1] == location(record_id)
    assert files(app) == names[:-1]
    with app.app_context():
        assert unlink_doomed(10) == 4
    assert files(app) == []


def test_a_storage_that_is_not_mounted_keeps_its_files_doomed(
    app: Flask, client: FlaskClient, source_id: int, media: Media, tmp_path: Path
) -> None:
    recorded = record(app, source_id, media("h264"))
    record_id = add_record(app, source_id, "t", recorded.begin_us, recorded.end_us)
    root_of(app).rename(tmp_path / "elsewhere")
    root_of(app).mkdir()
    assert delete_file(client, record_id).status_code == 200
    assert count(app, Doomed) == 4
    root_of(app).rmdir()
    (tmp_path / "elsewhere").rename(root_of(app))
    with app.app_context():
        assert unlink_doomed(10) == 4
    assert files(app) == []


def test_a_storage_that_is_unmounted_meanwhile_keeps_its_files_doomed(
    app: Flask, source_id: int, media: Media, tmp_path: Path
) -> None:
    recorded = record(app, source_id, media("h264"))
    root = root_of(app)
    with app.app_context(), writing() as session:
        rows = list(session.scalars(select(Segment).order_by(Segment.start_us)))
        [first, last] = (
            {"segment_id": row.id, "start_us": row.start_us, "storage_id": row.storage_id, "source_id": source_id}
            for row in (rows[0], rows[-1])
        )
        session.execute(delete(Segment).where(Segment.start_us.in_((rows[0].start_us, rows[-1].start_us))))
        gone = [{**first, "segment_id": str(uuid.uuid4()), "since_us": 2} for _ in range(BATCH)]
        session.execute(insert(Doomed), [{**first, "since_us": 1}, *gone, {**last, "since_us": 3}])
        first_path, last_path = (
            places.closed_path(root, source_id, row["start_us"], row["segment_id"]) for row in (first, last)
        )

    def unlink() -> None:
        with app.app_context():
            unlink_doomed(2 * BATCH)

    thread = threading.Thread(target=unlink)
    with app.app_context(), writing():  # so that it waits after its first files
        thread.start()
        wait_for(lambda: not first_path.exists(), "the first file to go", 10)
        root.rename(tmp_path / "elsewhere")
        root.mkdir()
    thread.join()
    root.rmdir()
    (tmp_path / "elsewhere").rename(root)
    assert recorded.begin_us
    assert last_path.exists()
    with app.app_context():
        assert db.session.get(Doomed, (last["segment_id"], last["storage_id"])) is not None
        unlink_doomed(2 * BATCH)
    assert not last_path.exists()
    assert count(app, Doomed) == 0


def test_a_storage_that_cannot_be_read_hinders_no_other(
    app: Flask, client: FlaskClient, source_id: int, media: Media, tmp_path: Path
) -> None:
    recorded = record(app, source_id, media("h264"))
    record_id = add_record(app, source_id, "t", recorded.begin_us, recorded.end_us)
    (tmp_path / "a file").touch()
    with app.app_context(), writing() as session:
        session.add(Storage(id=str(uuid.uuid4()), path=str(tmp_path / "a file")))
    assert delete_file(client, record_id).status_code == 200
    assert (files(app), count(app, Doomed)) == ([], 0)


def test_the_schedule_removes_files_in_one_thread_of_the_worker_alone(app: Flask, source_id: int, media: Media) -> None:
    recorded = record(app, source_id, media("h264"))
    record_id = add_record(app, source_id, "t", recorded.begin_us, recorded.end_us)
    run_killed(app, record_id, "after")
    make_celery(app.config["PLAYBACK"]).flask_app = app
    thread = threading.Thread(target=unlink)
    with app.app_context(), writing():  # as slow as this
        thread.start()
        wait_for(lambda: len(files(app)) < 5, "the first file to go", 10)
        unlink()
        assert thread.is_alive()
    thread.join()
    assert (files(app), count(app, Doomed)) == ([], 0)


def test_two_at_once_delete_once(database_app: Flask, media: Media) -> None:
    source_id = add_plain_source(database_app)
    recorded = record(database_app, source_id, media("h264"))
    record_id = add_record(database_app, source_id, "t", recorded.begin_us, recorded.end_us)
    codes = at_once(*[lambda: delete_file(database_app.test_client(), record_id).status_code] * 4)
    assert sorted(codes) == [200, 410, 410, 410]
    assert count(database_app, Deletion) == 1
    assert (count(database_app, Doomed), files(database_app)) == (0, [])


def test_a_deletion_and_a_start_at_once_leave_nothing_half_done(database_app: Flask, media: Media) -> None:
    source_id = add_plain_source(database_app)
    recorded = record(database_app, source_id, media("h264"), leave_open=True)
    record_id = add_record(database_app, source_id, "t", recorded.begin_us, recorded.end_us - S)

    def start() -> int:
        with database_app.app_context(), writing() as session:
            tag = recordings.make_tag(session, "other", T0_US)
            return len(recordings.start(session, [source_id], tag, recorded.end_us - S))

    assert at_once(lambda: delete_file(database_app.test_client(), record_id).status_code, start) == [200, 1]
    close(database_app, source_id, recorded.run_id)
    run_lister(database_app)
    assert [start - recorded.begin_us for start in starts(database_app)] == [6 * S]


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """Return what calls give that begin together, each in a thread."""
    barrier, found = threading.Barrier(len(calls)), {}

    def run(number: int, call: Callable[[], Any]) -> None:
        barrier.wait()
        found[number] = call()

    threads = [threading.Thread(target=run, args=item) for item in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [found[number] for number in range(len(calls))]


def test_the_list_of_deletions_only_grows(database_app: Flask) -> None:
    client, ids = database_app.test_client(), []
    for number in range(3):
        source_id = add_plain_source(database_app)
        record_id = add_record(database_app, source_id, f"t{number}", T0_US, T0_US + S)
        assert delete_file(client, record_id).status_code == 200
        ids.append((source_id, record_id))
    with database_app.app_context():
        for change in (delete(Deletion), update(Deletion).values(actor="nobody")):
            with pytest.raises(DBAPIError, match="never changed"):
                db.session.execute(change)
            db.session.rollback()
    told = client.get(f"{API}/deletions").json
    assert [item["record_id"] for item in told] == [record_id for _, record_id in reversed(ids)]
    assert client.get(f"{API}/deletions?limit=1").json == told[:1]
    assert client.get(f"{API}/deletions?before={told[0]['id']}").json == told[1:]
    assert client.get(f"{API}/deletions?source_id={ids[0][0]}").json == told[2:]
    for wrong in ("limit=0", "limit=1001", "limit=x", "source_id=x", "before=0"):
        answer = client.get(f"{API}/deletions?{wrong}")
        assert error_of(answer)[:2] == (422, ["query", wrong.partition("=")[0]])


def test_who_deleted_is_the_account_or_the_terminal(app: Flask, client: FlaskClient, source_id: int) -> None:
    from tests.accounts import add_account

    with app.app_context(), writing() as session:
        token = add_account(session)
    ids = [add_record(app, source_id, f"t{number}", T0_US, T0_US + S) for number in range(2)]
    given = {"json": {"location": location(ids[0])}, "headers": {"Authorization": f"Bearer {token}"}}
    assert client.delete(f"{API}/record/{ids[0]}/file/", **given).status_code == 200
    command = ["record", "delete-file", ids[1], "--location", location(ids[1]), "--reason", "old"]
    done = app.test_cli_runner().invoke(args=command)
    assert done.exit_code == 0, done.output
    told = client.get(f"{API}/deletions").json
    assert [(item["actor"], item["reason"]) for item in told] == [("terminal", "old"), ("admin", None)]
    again = app.test_cli_runner().invoke(args=command)
    assert (again.exit_code, "deleted already" in again.output) == (1, True)
