"""Footage is precious: what falls between the parts, each of which is right by itself."""

import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, select, update
from sqlalchemy.exc import SQLAlchemyError

from app.archive import coverage, evicting, places, rebuildrows, unlinking
from app.archive.checking import Check, Finding
from app.archive.checkrows import check_rows
from app.archive.choosing import Mover
from app.archive.deletion import Act
from app.archive.evicting import evict
from app.archive.forecast import read_forecast
from app.archive.moving import Busy, Move, steps
from app.archive.rebuilding import Reporter, rebuild
from app.archive.retention import Retention
from app.archive.ruling import Rule
from app.archive.storages import open_storages
from app.archive.unlinking import has_doomed, mounted_roots, unlink_doomed
from app.archive.verifying import Wanted, verify
from app.capture import recovery
from app.capture.disks import Disk
from app.capture.guard import Guard
from app.extensions import db, writing
from app.models import Doomed, Notice, Segment, Storage
from app.models.segment import CLOSED, OPEN
from app.models.types import now_us
from tests.archived import add_source, record
from tests.archived import media as media
from tests.archived import no_plans as no_plans
from tests.archived import source_id as source_id
from tests.keeping import Part, S, World, add_footage, put_world
from tests.small_disk import free_bytes, small_disk

Media = Callable[..., Path]
ACT = Act("recorder", "reserve")


def nothing(_: int) -> None:
    """Do not wait."""


def rows(app: Flask) -> list[Segment]:
    with app.app_context():
        found = list(db.session.scalars(select(Segment).order_by(Segment.start_us)))
        db.session.expunge_all()
    return found


def path_of(app: Flask, row: Segment) -> Path:
    root = app.config["PLAYBACK"].storage_path
    return places.closed_path(root, row.source_id, row.start_us, row.id)


# --- room that cannot be made --------------------------------------------------------------------------------


@pytest.fixture
def disk(app: Flask, tmp_path: Path) -> Iterator[Path]:
    """Let the app's storage lie on a small disk."""
    with small_disk(tmp_path / "disk", "16m") as folder:
        app.config["PLAYBACK"] = replace(app.config["PLAYBACK"], STORAGE=str(folder))
        yield folder
        subprocess.run(["mount", "-o", "remount,rw", str(folder)], check=True)


def test_a_disk_that_gives_no_room_back_costs_no_footage_pass_by_pass(app: Flask, disk: Path, media: Media) -> None:
    record(app, add_source(app), media("h264"))
    with app.app_context(), writing() as session:
        session.execute(update(Storage).values(reserve_bytes=free_bytes(disk) + 10_000))
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    with app.app_context():
        for _ in range(4):
            Retention(pause_s=0).run()
    assert len(rows(app)) >= 3
    assert [path_of(app, row).exists() for row in rows(app)] == [True] * len(rows(app))


# --- moved while somebody unlinks ----------------------------------------------------------------------------


@pytest.fixture
def cold(app: Flask, tmp_path: Path) -> Path:
    """Give the app a cold storage; return its root."""
    root = tmp_path / "cold"
    app.config["PLAYBACK"] = replace(app.config["PLAYBACK"], STORAGES=f"{root}?cold=1s&reserve=1K", MOVE_BYTES_S=0)
    with app.app_context():
        open_storages(app.config["PLAYBACK"])
    return root


def id_of(root: Path) -> str:
    return (root / places.MARKER).read_text("ascii").strip()


def plan(app: Flask, row: Segment, cold: Path) -> Move:
    return Move(row, app.config["PLAYBACK"].storage_path, id_of(cold), cold)


def test_a_copy_that_is_made_anew_while_the_one_before_is_removed_stays(
    app: Flask, cold: Path, source_id: int, media: Media, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seen: the remover had read the row of a copy that was given up; then its file was the segment's own."""
    record(app, source_id, media("h264"))
    row = rows(app)[0]
    asked = plan(app, row, cold)
    with app.app_context():
        begun = steps(asked, nothing)
        assert [next(begun) for _ in range(3)] == ["intended", "copied", "renamed"]
        begun.close()
        with writing() as session:
            session.execute(update(Doomed).values(due_us=0))
        remove = unlinking._remove_files

        def slowly(found: Any, roots: Any) -> Any:
            with pytest.raises(Busy):  # another thread is quicker
                list(steps(asked, nothing))
            return remove(found, roots)

        monkeypatch.setattr(unlinking, "_remove_files", slowly)
        unlink_doomed(10)
    for found in rows(app):
        with app.app_context():
            root = mounted_roots()[found.storage_id]
        assert places.closed_path(root, found.source_id, found.start_us, found.id).exists()


# --- a disk that goes away meanwhile -------------------------------------------------------------------------


def go_away(root: Path) -> None:
    """Leave an empty folder behind, as an unmounted disk does."""
    if (root / places.MARKER).exists():
        shutil.move(root, root.with_name("unmounted"))
        root.mkdir()


def test_what_is_verified_while_its_disk_goes_away_gets_no_fault(app: Flask, source_id: int, media: Media) -> None:
    record(app, source_id, media("h264"))
    root = app.config["PLAYBACK"].storage_path
    with app.app_context():
        list(verify(Wanted(), lambda _: go_away(root)))
        assert db.session.scalars(select(Notice)).all() == []
    assert [row.fault for row in rows(app)] == [None] * len(rows(app))


def test_what_is_checked_while_its_disk_goes_away_is_not_marked_as_missing(
    app: Flask, source_id: int, media: Media
) -> None:
    record(app, source_id, media("h264"))
    root = app.config["PLAYBACK"].storage_path
    before = rows(app)
    path_of(app, before[0]).unlink()

    def tell(_: Finding) -> None:
        go_away(root)

    with app.app_context():
        check_rows(Check({id_of(root): root}, tell, is_repairing=True), id_of(root))
    assert [row.state for row in rows(app)][1:] == [CLOSED] * (len(before) - 1)


def test_what_was_being_recorded_when_its_disk_went_away_is_not_marked_as_missing(
    app: Flask, source_id: int, media: Media
) -> None:
    """Its row is closed when the disk is back: of a missing one the file in the live folder was never taken in."""
    run_id = record(app, source_id, media("h264"), leave_open=True).run_id
    root = app.config["PLAYBACK"].storage_path
    storage_id = id_of(root)
    go_away(root)
    with app.app_context(), pytest.raises(OSError, match="gone away"):
        recovery.take_in(root, storage_id, source_id, set())
    assert [row.state for row in rows(app)][-1] == OPEN
    root.rmdir()
    shutil.move(root.with_name("unmounted"), root)
    with app.app_context():
        recovery.take_in(root, storage_id, source_id, set())
    assert {row.state for row in rows(app) if row.run_id == run_id} == {CLOSED}


def test_a_file_that_fsck_takes_back_is_no_longer_about_to_be_removed(
    app: Flask, cold: Path, source_id: int, media: Media
) -> None:
    """A doomed row that nobody may act on held up evictions for ever, and the deletion of its segment failed."""
    record(app, source_id, media("h264"))
    row = rows(app)[0]
    with app.app_context():
        begun = steps(plan(app, row, cold), nothing)
        assert [next(begun) for _ in range(3)] == ["intended", "copied", "renamed"]
        begun.close()
        with writing() as session:
            session.execute(update(Doomed).values(due_us=0))
        path_of(app, row).unlink()  # what a disk has lost
        roots = mounted_roots()
        check = Check(roots, lambda _: None, is_repairing=True)
        for storage_id in roots:
            check_rows(check, storage_id)
    taken = rows(app)[0]
    assert (taken.storage_id, taken.state) == (id_of(cold), CLOSED)
    with app.app_context():
        assert unlink_doomed(10) == 0
        assert not has_doomed(id_of(cold))
        assert evict(id_of(cold), 1, ACT).segments == 1
        assert now_us() > 0


# --- markers -------------------------------------------------------------------------------------------------


def test_a_storage_that_is_a_copy_of_another_is_not_used(app: Flask, tmp_path: Path, caplog: Any) -> None:
    root = app.config["PLAYBACK"].storage_path
    with app.app_context():
        open_storages(app.config["PLAYBACK"])
    twin = tmp_path / "twin"
    twin.mkdir()
    shutil.copy(root / places.MARKER, twin)
    app.config["PLAYBACK"] = replace(app.config["PLAYBACK"], STORAGES=str(twin))
    with app.app_context():
        assert [row.path for row in open_storages(app.config["PLAYBACK"])] == [str(root)]
        assert db.session.scalars(select(Storage.path)).all() == [str(root)]
    assert "copy" in caplog.text


# --- what it costs -------------------------------------------------------------------------------------------


def test_nothing_that_is_done_again_and_again_adds_up_all_segments(
    app: Flask, cold: Path, source_id: int, media: Media
) -> None:
    """At 100 cameras and a year of minutes there are 50 million of them."""
    record(app, source_id, media("h264"))
    asked = []
    with app.app_context():
        listen = event.listens_for(db.engine, "before_cursor_execute")
        listen(lambda _connection, _cursor, statement, *_: asked.append(statement))
        config = app.config["PLAYBACK"]
        read_forecast(db.session, now_us())
        Mover(replace(config, BUDGET_BYTES=10**9)).step()
        Retention(pause_s=0).run()
        guard = Guard(app, config, Disk(config.storages[0], 0), lambda: True)
        guard._tend()
        guard._disk.settings = config.storages[0]._replace(budget_bytes=10**9)
        guard._tend()
    sums = [statement for statement in asked if "sum(segment.size_bytes)" in statement]
    of_few = ("WHERE segment.source_id", "WHERE segment.id IN", "segment.source_id IN")
    assert [statement for statement in sums if not any(words in statement for words in of_few)] == []
    assert any("kept_footage" in statement for statement in asked)


def test_a_rebuild_and_a_recorder_at_one_day_meet_in_no_deadlock(
    database_app: Flask, media: Media, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both change the sums of a source, then its coverage; the rebuild held its coverage first."""
    app = database_app
    number = add_source(app)
    record(app, number, media("h264"))
    with app.app_context(), writing() as session:
        row = session.scalars(select(Segment).order_by(Segment.start_us)).first()
        lost = row.start_us
        session.delete(row)
    waiting, going = threading.Event(), threading.Event()
    failed: list[SQLAlchemyError] = []

    def close() -> None:
        with app.app_context():
            try:
                with writing() as session:
                    if session.get_bind().dialect.name == "sqlite":
                        return  # one writes at a time
                    last = session.scalars(select(Segment).order_by(Segment.start_us.desc())).first()
                    last.size_bytes += 1
                    session.flush()
                    waiting.set()
                    going.wait(5)
                    coverage.note_closed(session, number, last.start_us, last.end_us)
            except SQLAlchemyError as error:
                failed.append(error)

    fitting = rebuildrows._fitting

    def slowly(*given: Any) -> Any:
        going.set()
        time.sleep(0.2)
        return fitting(*given)

    monkeypatch.setattr(rebuildrows, "_fitting", slowly)
    thread = threading.Thread(target=close)
    thread.start()
    waiting.wait(1)
    with app.app_context():
        reporter = Reporter(lambda _: None, lambda _: None)
        assert rebuild(mounted_roots(), reporter, processes=1).segments == 1
    thread.join()
    assert failed == []
    assert rows(app)[0].start_us == lost


def test_an_eviction_does_not_look_through_all_footage_for_what_one_rule_lets_expire(app: Flask) -> None:
    """With a rule of an hour for one camera 50 million segments were judged before anything was deleted."""
    begin_us = now_us() - 10 * 86_400_000_000
    parts = [Part(2, begin_us + n * 60 * S, begin_us + (n + 1) * 60 * S, 100) for n in range(3_000)]
    add_footage(app, [*parts, Part(1, now_us() - 60 * S, now_us(), 100)])
    rules = [Rule("a", "all", max_age_s=365 * 86_400), Rule("b", "source", 1, max_age_s=3600)]
    put_world(app, World([], rules, {}, [], [], now_us()))
    read = []
    with app.app_context():
        as_rows = evicting.as_rows

        def counted(session: Any, keeping: Any, source_id: int, found: Any) -> Any:
            read.append(len(found))
            return as_rows(session, keeping, source_id, found)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(evicting, "as_rows", counted)
            gone = evict(db.session.scalar(select(Storage.id)), 100, ACT)
    assert gone.segments == 1
    assert sum(read) < 1_500
    assert min(row.start_us for row in rows(app)) == begin_us + 60 * S
