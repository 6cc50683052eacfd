"""`flask fsck`: what is wrong between database and files is found, told, and repaired where that is proven right."""

import json
import os
import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import text

from app.archive import places
from app.archive.coverage import recount
from app.extensions import db, writing
from app.formats.closing import CLOSING_BYTES, Closing
from app.locks import hold_lock
from app.models import Attempt, Deletion, Doomed, Run
from app.models.segment import CLOSED, MISSING
from tests.archived import T0_US, add_source, no_plans
from tests.clips import Clip, clips
from tests.synthetic import FileSpec, Growing, RunSpec, Stored, make_run, take_in
from tests.synthetic import Run as Taken
from tests.test_rebuild import body, footage, lose, root_of

__all__ = ["clips", "no_plans"]
Clips = dict[str, Clip]
SPEC = RunSpec((FileSpec("sound", 1), FileSpec("sound", 1), FileSpec("sound", 2)), seed=5)


def fsck(app: Flask, *options: str) -> Result:
    return app.test_cli_runner().invoke(args=["fsck", *options])


def kinds(result: Result) -> list[str]:
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
    return [line.partition(":")[0] for line in result.stdout.splitlines()]


def execute(app: Flask, statement: str, **values: Any) -> None:
    with app.app_context(), writing() as session:
        session.execute(text(statement), values)


@pytest.fixture
def taken(app: Flask, clips: Clips) -> Taken:
    """Return a run of three segments in the archive."""
    return take_in(app, add_source(app), make_run(clips, SPEC), T0_US)


def test_an_archive_in_order_has_nothing_to_tell(app: Flask, taken: Taken) -> None:
    for options in ((), ("--hash",), ("--repair", "--hash")):
        result = fsck(app, *options)
        assert (kinds(result), result.exit_code) == ([], 0)
    with app.app_context():
        assert db.session.scalar(text("SELECT count(*) FROM audit")) == 0


def _lose_the_row(app: Flask, stored: Stored) -> None:
    execute(app, "DELETE FROM segment WHERE id = :id", id=stored.segment_id)
    with app.app_context(), writing() as session:
        recount(session, 1, stored.start_us)


def _say_another_size(app: Flask, stored: Stored) -> None:
    execute(app, "UPDATE segment SET size_bytes = 7 WHERE id = :id", id=stored.segment_id)


def _say_another_mtime(app: Flask, stored: Stored) -> None:
    os.utime(stored.path)
    execute(app, "UPDATE segment SET verified_us = NULL")


def _say_another_end(app: Flask, stored: Stored) -> None:
    execute(app, "UPDATE segment SET end_us = end_us - 1000 WHERE id = :id", id=stored.segment_id)


def _say_a_later_start(app: Flask, stored: Stored) -> None:
    execute(app, "UPDATE segment SET start_us = start_us + 1000 WHERE id = :id", id=stored.segment_id)


def _say_the_start_of_another_hour(app: Flask, stored: Stored) -> None:
    later = "UPDATE segment SET start_us = start_us + 7200000000, end_us = end_us + 7200000000 WHERE id = :id"
    execute(app, later, id=stored.segment_id)


def _say_another_slew(app: Flask, stored: Stored) -> None:
    execute(app, "UPDATE segment SET slew_ppm = 400 WHERE id = :id", id=stored.segment_id)


def _count_other_samples(app: Flask, stored: Stored) -> None:
    execute(app, "UPDATE segment SET v_n = v_n + 1 WHERE id = :id", id=stored.segment_id)


def _end_the_run_too_early(app: Flask, _: Stored) -> None:
    execute(app, "UPDATE run SET end_us = begin_us")


def _never_end_the_run(app: Flask, _: Stored) -> None:
    execute(app, "UPDATE run SET end_us = NULL")


def _forget_coverage(app: Flask, _: Stored) -> None:
    execute(app, "DELETE FROM coverage")


def _claim_coverage(app: Flask, stored: Stored) -> None:
    spans = b"".join(number.to_bytes(8, "little") for number in (stored.start_us, stored.end_us))
    execute(app, "UPDATE coverage SET spans = :spans", spans=spans)


def _believe_it_missing(app: Flask, stored: Stored) -> None:
    execute(app, f"UPDATE segment SET state = {MISSING} WHERE id = :id", id=stored.segment_id)
    with app.app_context(), writing() as session:
        recount(session, 1, stored.start_us)


# What is done to the database, and what fsck calls it; the row is to be as it was after the repair.
REPAIRED: tuple[tuple[Callable[[Flask, Stored], None], set[str]], ...] = (
    (_lose_the_row, {"file_without_row"}),
    (_say_another_size, {"wrong_size"}),
    (_say_another_mtime, {"wrong_row"}),
    (_say_another_end, {"wrong_times", "wrong_coverage"}),
    (_say_a_later_start, {"wrong_times", "wrong_coverage"}),
    (_say_the_start_of_another_hour, {"wrong_times", "row_without_file", "wrong_coverage"}),
    (_say_another_slew, {"wrong_times"}),
    (_count_other_samples, {"wrong_row", "bad_index"}),
    (_end_the_run_too_early, {"wrong_times"}),
    (_never_end_the_run, {"wrong_times"}),
    (_forget_coverage, {"wrong_coverage"}),
    (_claim_coverage, {"wrong_coverage"}),
    (_believe_it_missing, {"back"}),
)


@pytest.mark.parametrize(("damage", "names"), REPAIRED, ids=[damage.__name__ for damage, _ in REPAIRED])
def test_a_wrong_row_is_put_right_from_its_file(
    app: Flask, taken: Taken, damage: Callable[[Flask, Stored], None], names: set[str]
) -> None:
    before, played = footage(app), body(app, 1, taken.begin_us, taken.end_us)
    damage(app, taken.stored[1])
    wrong = footage(app)
    told = fsck(app)
    assert told.exit_code == 1
    assert kinds(told)
    assert set(kinds(told)) <= names
    assert footage(app) == wrong  # only told of
    repaired = fsck(app, "--repair")
    assert repaired.exit_code == 0, repaired.output
    with app.app_context():
        audited = db.session.execute(text("SELECT detail FROM audit WHERE action = 'fsck.repair'")).scalars().all()
        db.session.rollback()
    assert [json.loads(detail)["kind"] for detail in audited] == kinds(repaired)
    assert kinds(fsck(app)) == []
    after = footage(app)
    for rows in (before["segment"], after["segment"]):
        for row in rows:
            del row["verified_us"]
            if damage is _say_another_mtime:
                del row["mtime_ns"]
    assert after == before
    assert body(app, 1, taken.begin_us, taken.end_us) == played


def _lose_the_file(path: Path) -> None:
    path.unlink()


def _cut_the_file(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 300)


def _flip_a_byte(path: Path) -> None:
    status, data = path.stat(), bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def _exchange_the_file(path: Path) -> None:
    """Write other footage with a closing box that is right by itself."""
    data = path.read_bytes()
    closing = replace(Closing.decode(data[-CLOSING_BYTES:]), sha256=bytes(32))
    path.write_bytes(data[:-CLOSING_BYTES] + closing.encode())


@pytest.mark.parametrize(
    ("damage", "options", "fault"),
    [
        (_cut_the_file, (), "wrong_size"),
        (_flip_a_byte, ("--hash",), "wrong_hash"),
        (_exchange_the_file, (), "wrong_hash"),
    ],
)
def test_a_file_that_is_not_what_was_recorded_gets_a_fault_and_stays(
    app: Flask, taken: Taken, damage: Callable[[Path], None], options: tuple[str, ...], fault: str
) -> None:
    path = taken.stored[1].path
    damage(path)
    content = path.read_bytes()
    assert kinds(fsck(app, *options)) == [fault]
    assert kinds(fsck(app, "--repair", *options)) == [fault]
    assert [row["fault"] for row in footage(app)["segment"]] == [None, fault, None]
    assert path.read_bytes() == content
    assert fsck(app, *options).exit_code == 1  # it is still so


def test_a_flipped_byte_is_found_by_hashing_alone(app: Flask, taken: Taken) -> None:
    _flip_a_byte(taken.stored[1].path)
    assert fsck(app).exit_code == 0


def test_a_lost_file_is_marked_and_comes_back_with_its_file(app: Flask, taken: Taken) -> None:
    before, path = footage(app), taken.stored[1].path
    path.rename(path.with_suffix(".away"))
    assert kinds(fsck(app)) == ["odd_file", "row_without_file"]
    assert [row["state"] for row in footage(app)["segment"]] == [CLOSED] * 3
    fsck(app, "--repair")
    assert [row["state"] for row in footage(app)["segment"]] == [CLOSED, MISSING, CLOSED]
    path.with_suffix(".away").rename(path)
    assert kinds(fsck(app, "--repair")) == ["back"]
    assert footage(app) == before


def test_a_bad_index_is_made_anew(app: Flask, taken: Taken) -> None:
    (path,) = (root_of(app) / places.INDEX).rglob("*.sidx")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    assert kinds(fsck(app)) == ["bad_index"]
    assert fsck(app, "--repair").exit_code == 0
    assert kinds(fsck(app)) == []
    assert all(row["index_size_bytes"] for row in footage(app)["segment"])


def test_an_overlap_within_a_run_is_cut_where_the_next_begins(app: Flask, taken: Taken) -> None:
    path = taken.stored[0].path
    data = path.read_bytes()
    closing = Closing.decode(data[-CLOSING_BYTES:])
    assert closing.facts is not None
    late = replace(closing, facts=replace(closing.facts, end_us=closing.facts.end_us + 100_000))
    path.write_bytes(data[:-CLOSING_BYTES] + late.encode())
    execute(app, "UPDATE segment SET end_us = end_us + 100000 WHERE sequence = 0")
    assert "wrong_times" in kinds(fsck(app))


def test_what_was_deleted_is_left_to_unlinking(app: Flask, taken: Taken) -> None:
    first, second, _ = taken.stored
    with app.app_context(), writing() as session:
        storage_id = session.scalar(text("SELECT id FROM storage"))
        session.execute(text("DELETE FROM segment WHERE sequence < 2"))
        doomed = {"segment_id": first.segment_id, "start_us": first.start_us}
        session.add(Doomed(source_id=1, storage_id=storage_id, **doomed))
        spans = json.dumps([[second.start_us, second.end_us]])
        told = {"begin_us": second.start_us, "end_us": second.end_us, "segments": 1, "size_bytes": 1, "spans": spans}
        session.add(Deletion(actor="ann", rule="request", source_id=1, **told))
        recount(session, 1, taken.begin_us)
    result = fsck(app, "--repair")
    assert kinds(result) == ["odd_file", "odd_file"]
    assert "was deleted" in result.stdout
    assert first.path.exists()
    assert second.path.exists()


def test_leftovers_are_taken_in_unless_a_recorder_is_there(app: Flask, clips: Clips) -> None:
    source_id = add_source(app)
    growing = Growing(app, source_id, make_run(clips, replace(SPEC, slews_us=(0,))), T0_US)
    for number, data in enumerate(growing.run.files):
        growing.write(number, data)
    lock = hold_lock(app.config["PLAYBACK"].run_path / "recorder.lock")
    assert lock is not None
    try:
        assert kinds(fsck(app, "--repair")) == []
        assert [row["state"] for row in footage(app)["segment"]] == [1, 1, 0]
    finally:
        os.close(lock)
    assert kinds(fsck(app)) == ["leftover"]
    assert kinds(fsck(app, "--repair")) == ["leftover"]
    assert [row["state"] for row in footage(app)["segment"]] == [1, 1, 1]
    assert kinds(fsck(app)) == []


@pytest.mark.parametrize("is_renamed", [False, True], ids=["gone", "renamed"])
def test_an_open_row_without_an_open_file_is_closed_or_missing(app: Flask, clips: Clips, is_renamed: bool) -> None:
    source_id = add_source(app)
    run = make_run(clips, SPEC)
    take_in(app, source_id, run, T0_US, leave_open=True)
    live = places.live_path(root_of(app), source_id, run.run_id, 2)
    if is_renamed:  # a crash came between rename and commit
        live.rename(run.stored[2].path)
    else:
        live.unlink()
    assert "open_row" in kinds(fsck(app))
    fsck(app, "--repair")
    assert [row["state"] for row in footage(app)["segment"]] == [1, 1, CLOSED if is_renamed else MISSING]
    assert kinds(fsck(app)) == []


def test_attempts_of_a_recorder_that_never_came_back_end(app: Flask, taken: Taken) -> None:
    with app.app_context(), writing() as session:
        session.add(Attempt(source_id=1, run_id=taken.run_id, recorder_id=str(uuid.uuid4()), begin_us=taken.begin_us))
    assert kinds(fsck(app)) == ["open_attempt"]
    assert kinds(fsck(app, "--repair")) == ["open_attempt"]
    with app.app_context():
        row = db.session.execute(text("SELECT end_us, reason FROM attempt")).one()
    assert tuple(row) == (taken.end_us, "recorder_stopped")


def test_a_run_of_nothing_is_removed_unless_it_was_deleted(app: Flask, taken: Taken) -> None:
    with app.app_context(), writing() as session:
        for begin_us in (T0_US, 5):
            told = {"anchor_us": begin_us, "begin_us": begin_us, "end_us": begin_us + 1}
            session.add(Run(id=str(uuid.uuid4()), source_id=1, **told))
        told = {"begin_us": 0, "end_us": 10, "segments": 1, "size_bytes": 1, "spans": "[[0,10]]"}
        session.add(Deletion(actor="ann", rule="request", source_id=1, **told))
    assert kinds(fsck(app, "--repair")) == ["empty_run"]
    assert len(footage(app)["run"]) == 2


def test_files_that_a_killed_process_never_renamed_are_removed_once_they_are_old(app: Flask, taken: Taken) -> None:
    folder = root_of(app) / places.RECORDS
    folder.mkdir(exist_ok=True)
    old, young = folder / f".{uuid.uuid4()}.m3u8.1", folder / f".{uuid.uuid4()}.m3u8.2"
    for path in (old, young):
        path.write_bytes(b"x")
    os.utime(old, (time.time() - 7200,) * 2)
    assert kinds(fsck(app, "--repair")) == ["temporary"]
    assert (old.exists(), young.exists()) == (False, True)


def test_with_a_new_database_no_row_is_marked_and_rebuilding_is_advised(app: Flask, clips: Clips) -> None:
    for _ in range(4):
        source_id = add_source(app)
        run = take_in(app, source_id, make_run(clips, SPEC), T0_US)
    lose(app)
    with app.app_context(), writing() as session:
        session.execute(
            text("INSERT INTO source (id, model, created_us, status, revision) VALUES (1, 'Source', 1, 'unknown', 1)")
        )
        session.add(Run(id=str(uuid.uuid4()), source_id=1, anchor_us=1, begin_us=1, end_us=2))
    del run
    result = fsck(app, "--repair")
    assert "refused" in kinds(result)
    assert "flask rebuild" in result.stdout
    assert "empty_run: " in result.stdout
    with app.app_context():
        assert db.session.scalar(text("SELECT count(*) FROM run WHERE begin_us = 1")) == 1


def test_half_of_an_archive_that_is_gone_is_not_believed_until_told(app: Flask, clips: Clips) -> None:
    for _ in range(4):
        run = take_in(app, add_source(app), make_run(clips, SPEC), T0_US)
        for stored in run.stored:
            stored.path.unlink()
    result = fsck(app, "--repair")
    assert kinds(result).count("refused") == 1
    assert [row["state"] for row in footage(app)["segment"]] == [CLOSED] * 12
    fsck(app, "--repair", "--gone")
    assert [row["state"] for row in footage(app)["segment"]] == [MISSING] * 12


@pytest.mark.parametrize("marker", [None, "another"])
def test_a_storage_that_is_not_the_one_it_was_is_not_judged(app: Flask, taken: Taken, marker: str | None) -> None:
    (root_of(app) / places.MARKER).unlink()
    if marker is not None:
        (root_of(app) / places.MARKER).write_text(f"{uuid.uuid4()}\n")
    taken.stored[0].path.unlink()
    before = footage(app)
    result = fsck(app, "--repair")
    assert kinds(result) == ["storage"]
    assert result.exit_code == 1
    assert footage(app) == before
