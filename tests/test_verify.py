"""Verifying recorded files: every kind of fault is named, what was deleted is none, and nothing is hidden by it."""

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import select

from app.archive import places, scrubbing
from app.archive.deletion import Act, delete_segments
from app.archive.figures import read_figures
from app.archive.find import find_segments
from app.archive.holding import PIECES, Piece, lock_source
from app.archive.scrubbing import LOCK, Pace, Scrubber, Stopped
from app.archive.verifying import Wanted, verify
from app.extensions import db, writing
from app.formats.closing import read_closing
from app.models import Notice, Segment, Storage
from app.models.types import now_us
from instance.config import TestingConfig
from tests.archived import T0_US, Recorded, add_source, record
from tests.archived import media as media
from tests.archived import no_plans as no_plans

S = 1_000_000
Media = Callable[..., Path]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory, migrated_sqlite: Path, media: Media) -> tuple[Path, Recorded]:
    """Return an instance with one source and a run of four files, made once."""
    from tests.conftest import open_app

    folder = tmp_path_factory.mktemp("recorded")
    shutil.copy(migrated_sqlite, folder / "app.db")
    for app in open_app(TestingConfig(INSTANCE=str(folder))):
        run = record(app, add_source(app), media("h264"))
        with app.app_context():
            db.session.connection().exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    return folder, run


@pytest.fixture
def app(config: TestingConfig, recorded: tuple[Path, Recorded]) -> Iterator[Flask]:
    """Yield an app on a copy of that instance."""
    from tests.conftest import open_app

    shutil.copytree(recorded[0], config.instance_path)
    for found in open_app(config):
        with found.app_context(), writing() as session:
            session.scalars(select(Storage)).one().path = str(config.storage_path)
        yield found


@pytest.fixture
def run(recorded: tuple[Path, Recorded]) -> Recorded:
    return recorded[1]


def rows(app: Flask) -> list[Segment]:
    with app.app_context():
        found = list(db.session.scalars(select(Segment).order_by(Segment.start_us)))
        db.session.expunge_all()
    return found


def file_of(app: Flask, row: Segment) -> Path:
    return places.closed_path(app.config["PLAYBACK"].storage_path, row.source_id, row.start_us, row.id)


def verified(app: Flask, wanted: Wanted = Wanted()) -> list[str | None]:  # noqa: B008  a tuple
    """Verify; return the faults of the segments in order."""
    with app.app_context():
        return [judged.fault for judged in verify(wanted)]


def command(app: Flask, *words: object) -> Result:
    return app.test_cli_runner().invoke(args=["verify", *map(str, words)])


def write(path: Path, data: bytes) -> None:
    """Write into a file and leave its date as it was: what rot does, and who hides something."""
    status = path.stat()
    path.write_bytes(data)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def flipped(data: bytes, at: int) -> bytes:
    changed = bytearray(data)
    changed[at] ^= 1
    return bytes(changed)


def delete(app: Flask, row: Segment) -> None:
    """Delete a segment as retention does."""
    with app.app_context(), writing() as session:
        lock_source(session, row.source_id)
        pieces = [Piece(*found) for found in session.execute(PIECES.where(Segment.id == row.id))]
        delete_segments(session, row.source_id, pieces, Act("test", "age"), (row.start_us, row.end_us))


def test_whole_files_have_no_fault_and_the_instant_is_written_down(app: Flask) -> None:
    assert verified(app) == [None] * 4
    assert all(row.verified_us and row.fault is None for row in rows(app))
    result = command(app)
    assert result.exit_code == 0, result.output
    assert "4 files verified, 0 faults" in result.stderr
    assert result.stdout == ""


def test_a_file_on_both_databases_is_verified_and_a_fault_is_told_once_and_cleared(
    database_app: Flask, media: Media
) -> None:
    record(database_app, add_source(database_app), media("h264"))
    path = file_of(database_app, rows(database_app)[1])
    whole = path.read_bytes()
    write(path, flipped(whole, 2000))
    assert verified(database_app) == [None, "wrong_hash", None, None]
    assert verified(database_app) == [None, "wrong_hash", None, None]
    with database_app.app_context():
        assert read_figures(db.session, now_us()).faults == {"wrong_hash": 1}
        (notice,) = db.session.scalars(select(Notice))
        assert (notice.kind, notice.is_bad, notice.source_id) == ("damage", True, 1)
        assert path.name in notice.text
    write(path, whole)
    assert verified(database_app) == [None] * 4
    with database_app.app_context():
        assert read_figures(db.session, now_us()).faults == {}
        assert [notice.is_bad for notice in db.session.scalars(select(Notice).order_by(Notice.id))] == [True, False]


def test_when_the_last_file_with_a_fault_is_deleted_nobody_is_left_told_of_it(app: Flask) -> None:
    bad, other = rows(app)[:2]
    for row in (bad, other):
        path = file_of(app, row)
        write(path, flipped(path.read_bytes(), 5000))
    verified(app)
    query = select(Notice.is_bad).where(Notice.kind == "damage").order_by(Notice.id)
    for row, told in ((bad, [True]), (other, [True, False])):
        delete(app, row)
        with app.app_context():
            assert list(db.session.scalars(query)) == told


def test_every_kind_of_damage_is_named(app: Flask) -> None:
    whole = rows(app)
    row, path = whole[1], file_of(app, whole[1])
    data = path.read_bytes()
    box = len(data) - row.body_end_bytes
    for expected, changed in (
        ("wrong_hash", flipped(data, 100)),
        ("wrong_hash", flipped(data, row.body_end_bytes - 1)),
        ("wrong_size", data[:-1]),
        ("wrong_size", data + b"x"),
        ("no_box", flipped(data, len(data) - 1)),
        ("no_box", flipped(data, len(data) - box // 2)),
        ("no_box", data[:-box] + bytes(box)),
    ):
        write(path, changed)
        assert verified(app)[1] == expected
    path.unlink()
    assert verified(app) == [None, "missing", None, None]
    path.mkdir()
    assert verified(app)[1] in ("unreadable", "wrong_size")
    path.rmdir()
    path.symlink_to(file_of(app, whole[2]))
    assert verified(app)[1] == "unreadable"


def test_exchanged_files_are_named(app: Flask) -> None:
    first, second = rows(app)[1:3]
    with app.app_context(), writing() as session:  # as large as each other, so that the size does not tell
        found = [session.get(Segment, (row.source_id, row.start_us)) for row in (first, second)]
        found[0].size_bytes, found[1].size_bytes = second.size_bytes, first.size_bytes
    one, other = file_of(app, first), file_of(app, second)
    aside = one.with_suffix(".aside")
    one.rename(aside)
    other.rename(one)
    aside.rename(other)
    faults = verified(app)
    assert faults[0] is faults[3] is None
    assert set(faults[1:3]) == {"wrong_hash"}


def test_a_file_with_its_own_right_box_under_changed_rows_is_named(app: Flask) -> None:
    with app.app_context(), writing() as session:
        row = session.get(Segment, (1, rows(app)[2].start_us))
        row.slew_ppm += 1
    result = command(app)
    assert result.exit_code == 1
    assert "wrong_box" in result.stdout
    assert "slew_ppm" in result.stdout


def forged(app: Flask, row: Segment, **changes: object) -> None:
    """Exchange file and row by another whole one, as who has both the disk and the database can."""
    from dataclasses import replace

    path = file_of(app, row)
    with path.open("rb") as file:
        closing = read_closing(file.fileno())
    box = replace(closing, facts=replace(closing.facts, previous=bytes(32)))
    write(path, path.read_bytes()[: -closing.size_bytes] + box.encode())
    with app.app_context(), writing() as session:
        session.get(Segment, (row.source_id, row.start_us)).chain = box.chain.hex()


def test_a_segment_that_was_exchanged_together_with_its_row_breaks_the_chain(app: Flask) -> None:
    forged(app, rows(app)[1])
    assert verified(app) == [None, "wrong_chain", "wrong_chain", None]
    assert "one of the two was exchanged" in command(app).stdout


def test_a_segment_that_is_missing_with_its_row_is_a_fault_of_the_next(app: Flask) -> None:
    row = rows(app)[1]
    with app.app_context(), writing() as session:
        session.delete(session.get(Segment, (row.source_id, row.start_us)))
    assert verified(app) == [None, "wrong_chain", None]
    assert "no deletion is written down" in command(app).stdout


@pytest.mark.parametrize("number", [0, 1], ids=["first", "second"])
def test_a_segment_that_was_deleted_is_no_fault_but_is_said(app: Flask, number: int) -> None:
    delete(app, rows(app)[number])
    assert verified(app) == [None] * 3
    result = command(app)
    assert result.exit_code == 0
    assert "was deleted" in result.stdout


def test_the_last_segments_of_a_run_that_are_missing_with_their_rows_are_named(app: Flask, run: Recorded) -> None:
    row = rows(app)[3]
    with app.app_context(), writing() as session:
        session.delete(session.get(Segment, (row.source_id, row.start_us)))
    result = command(app)
    assert result.exit_code == 1
    assert f"run {run.run_id}" in result.stdout
    assert "2.0 s early" in result.stdout


def test_the_last_segments_of_a_run_that_were_deleted_are_no_fault(app: Flask) -> None:
    delete(app, rows(app)[3])
    assert command(app).exit_code == 0


def test_segments_that_were_put_into_another_order_are_named(app: Flask) -> None:
    first, second = rows(app)[1:3]
    with app.app_context(), writing() as session:
        for row, sequence in ((first, 90), (second, first.sequence), (first, second.sequence)):
            session.get(Segment, (1, row.start_us)).sequence = sequence
            session.flush()
    faults = verified(app)
    assert faults[1:3] == ["wrong_box", "wrong_box"]


def test_files_that_are_whole_play_whatever_was_found(app: Flask) -> None:
    path = file_of(app, rows(app)[1])
    write(path, flipped(path.read_bytes(), 2000))
    assert "wrong_hash" in verified(app)
    with app.app_context():
        assert len(find_segments(1, T0_US, T0_US + 8 * S)) == 4
    assert path.exists()


def test_only_what_was_asked_for_is_verified(app: Flask) -> None:
    whole = rows(app)
    for words, number in (
        (("--source", 1), 4),
        (("--source", 2), 0),
        (("--start", "2026-11-21T08:00:04Z"), 2),
        (("--start", "2026-11-21T08:00:02Z", "--end", "2026-11-21T08:00:04Z"), 1),
        (("--storage", whole[0].storage_id), 4),
        (("--storage", "another"), 0),
    ):
        assert f"{number} files verified" in command(app, *words).stderr
    assert command(app, "--start", "yesterday").exit_code == 2


def test_files_of_a_storage_that_is_not_mounted_are_not_judged(app: Flask) -> None:
    marker = app.config["PLAYBACK"].storage_path / places.MARKER
    marker.rename(marker.with_suffix(".away"))
    assert verified(app) == []
    assert "4 files were not read" in command(app).stderr
    assert {row.fault for row in rows(app)} == {None}


def test_a_segment_that_goes_while_it_is_read_has_no_fault(app: Flask) -> None:
    whole = rows(app)

    def pace(_: int) -> None:
        if whole:
            delete(app, whole.pop())

    with app.app_context():
        found = [judged.segment.id for judged in verify(Wanted(), pace)]
    assert len(found) < 4
    assert rows(app) == []


# --- the scrub ---------------------------------------------------------------------------------------------


@pytest.fixture
def scrubber(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Scrubber:
    """Return a scrubber that takes files of any age."""
    monkeypatch.setattr(scrubbing, "REST_US", -(10**15))
    return Scrubber(app.config["PLAYBACK"])


def step(app: Flask, scrubber: Scrubber) -> str | None:
    with app.app_context():
        judged = scrubber.step()
        return judged.segment.id if judged is not None else None


def test_the_scrub_takes_what_was_not_verified_for_the_longest(app: Flask, scrubber: Scrubber) -> None:
    order = [row.id for row in rows(app)]
    assert [step(app, scrubber) for _ in range(4)] == order
    with app.app_context(), writing() as session:  # a new scrubber, as after a crash, goes on where that one was
        session.get(Segment, (1, rows(app)[2].start_us)).verified_us = 1
    again = Scrubber(app.config["PLAYBACK"])
    assert [step(app, again) for _ in range(4)] == [order[2], order[0], order[1], order[3]]


def test_the_scrub_leaves_alone_what_was_verified_or_recorded_lately(app: Flask, run: Recorded) -> None:
    with app.app_context(), writing() as session:
        for row in session.scalars(select(Segment)):
            row.verified_us = 2**61
    assert step(app, Scrubber(app.config["PLAYBACK"])) is None


def test_two_machines_never_scrub_at_once(app: Flask, scrubber: Scrubber) -> None:
    import fcntl

    with (app.config["PLAYBACK"].storage_path / LOCK).open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert step(app, scrubber) is None
    assert step(app, scrubber) is not None


def test_a_slow_or_absent_storage_is_not_scrubbed(app: Flask, scrubber: Scrubber) -> None:
    with app.app_context(), writing() as session:
        session.scalars(select(Storage)).one().state = "slow"
    assert step(app, scrubber) is None


def test_a_scrub_that_is_to_end_judges_nothing(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scrubbing, "REST_US", -(10**15))
    ending = threading.Event()
    ending.set()
    with app.app_context(), pytest.raises(Stopped):
        Scrubber(app.config["PLAYBACK"], ending.is_set).step()
    assert {row.verified_us for row in rows(app)} == {None}


def test_the_scrub_asks_no_more_of_a_large_archive(app: Flask) -> None:
    text = "SELECT id FROM segment WHERE state = 1 AND verified_us IS NULL AND start_us < 9 ORDER BY start_us LIMIT 1"
    with app.app_context():
        plan = " ".join(str(row) for row in db.session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {text}"))
    assert "ix_segment_verified_us_start_us" in plan
    assert "TEMP B-TREE" not in plan


def test_a_pace_holds_to_its_bytes_a_second() -> None:
    waited: list[bool] = []
    pace = Pace(1000, lambda: bool(waited.append(True)))
    pace(100)
    asked = len(waited)
    pace(300)
    assert len(waited) > asked
    Pace(0)(10**12)
