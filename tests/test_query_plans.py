"""How SQLite reads: what walks an archive goes along a key, and does not collect and sort all of it for each batch."""

import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import event, select

from app.archive import bounds, ledger, recordings, watch
from app.archive.accounts import sources_of
from app.archive.checking import Check
from app.archive.checkrows import check_rows
from app.archive.notices import has_damage
from app.archive.pins import in_use
from app.archive.reindexing import _unindexed
from app.archive.spans import Stretch
from app.archive.tries import read_tries
from app.archive.verifying import Wanted, verify
from app.extensions import db
from app.models import Account, Attempt, Source, Storage, SyncJob, Tag
from app.models import Wanted as WantedRow
from app.transfer.rotating import due
from app.transfer.uploadroom import pending_bytes
from app.transfer.uploadsweep import sweep

NOW_US = 1_800_000_000_000_000
STORAGE_ID = str(uuid.UUID(int=1))
WALKS: dict[str, Callable[[], object]] = {
    "verify all": lambda: list(verify(Wanted())),
    "verify a source": lambda: list(verify(Wanted(source_id=1, begin_us=5, end_us=9))),
    "verify a storage": lambda: list(verify(Wanted(storage_id=STORAGE_ID))),
    "fsck": lambda: check_rows(Check({STORAGE_ID: Path("/nowhere")}, lambda _: None), STORAGE_ID),
    "reindex": lambda: list(_unindexed([STORAGE_ID])),
    "damage": lambda: has_damage(db.session, 1),
    "watch": lambda: watch.look(NOW_US),
    "explain a gap": lambda: ledger.explain(1, [Stretch(NOW_US - 9, NOW_US)]),
}


def plans_of(act: Callable[[], object]) -> list[str]:
    """Return how each SELECT that an act runs reads its tables."""
    asked: list[tuple[str, object]] = []

    def note(_connection: object, _cursor: object, statement: str, values: object, *_: object) -> None:
        asked.append((statement, values))

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        act()
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
    db.session.rollback()
    plans = []
    with db.engine.connect() as connection:
        for statement, values in asked:
            if statement.startswith("SELECT"):
                rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
                plans.append("; ".join(str(row[3]) for row in rows))
    return plans


@pytest.mark.parametrize("name", sorted(WALKS))
def test_what_walks_the_archive_goes_along_an_index(app: Flask, name: str) -> None:
    with app.app_context():
        db.session.add_all([Source(id=1, model="Source"), Storage(id=STORAGE_ID, path="/nowhere")])
        db.session.add(WantedRow(source_id=1, begin_us=1))
        db.session.commit()
        plans = plans_of(WALKS[name])
    assert plans
    of_segments = [plan for plan in plans if "segment" in plan]
    assert not [plan for plan in of_segments if "SCAN segment" in plan or "TEMP B-TREE" in plan]
    # Of one source only: within a stretch, from a row on, or the last one.
    assert not [plan for plan in plans if "SEARCH run USING INDEX ix_run_source_id_anchor_us" in plan]


def test_a_source_is_verified_from_where_the_batch_before_ended(app: Flask) -> None:
    with app.app_context():
        (plan,) = plans_of(WALKS["verify a source"])
    assert "source_id=? AND start_us>?" in plan


def test_damage_of_a_source_is_found_among_what_has_a_fault(app: Flask) -> None:
    with app.app_context():
        (plan,) = plans_of(WALKS["damage"])
    assert "ix_segment_fault" in plan


HANDED: dict[str, Callable[[], object]] = {
    "room": lambda: pending_bytes(db.session, 5),
    "sweep": lambda: sweep(NOW_US),
    "turn keys": lambda: due(db.session, NOW_US),
    "release a pin": lambda: db.session.scalar(in_use("a pin")),
}


@pytest.mark.parametrize("name", sorted(HANDED))
def test_what_is_looked_for_among_handed_files_is_found_by_an_index(app: Flask, name: str) -> None:
    """Rows of files and rotations stay for ever."""
    with app.app_context():
        plans = plans_of(HANDED[name])
    assert plans
    assert not [plan for plan in plans if "SCAN" in plan and "USING INDEX" not in plan]
    assert not [plan for plan in plans if "TEMP B-TREE" in plan]


def test_attempts_are_found_from_the_range_on_and_not_by_the_ids_of_all_sources(app: Flask) -> None:
    with app.app_context():
        db.session.add(Source(id=1, model="Source"))
        db.session.flush()
        db.session.add(Attempt(source_id=1, recorder_id="r", begin_us=1))
        db.session.commit()
        plans = plans_of(lambda: read_tries(1, NOW_US - 9, NOW_US))
        plans = [plan for plan in plans if "attempt" in plan]
    assert len(plans) == 3
    assert all("SEARCH attempt USING INDEX ix_attempt_source_id_begin_us (source_id=? AND begin_us" in p for p in plans)


SOME = frozenset(range(1, 1000))
BOUNDED: dict[str, Callable[[], object]] = {
    "tags": lambda: db.session.scalars(select(Tag.id).where(bounds.has_tag(SOME))).all(),
    "one tag": lambda: recordings.find_tag(db.session, "name", SOME),
    "tags that record": lambda: recordings.running_tags(db.session, SOME),
    "records that go on": lambda: recordings.open_records(db.session, SOME),
    "jobs": lambda: db.session.scalars(select(SyncJob.id).where(bounds.has_job(SOME))).all(),
    "rights": lambda: sources_of(db.session, Account(id="a", sees_all=False)),
}


@pytest.mark.parametrize("name", sorted(BOUNDED))
def test_what_some_cameras_hold_is_found_by_an_index(app: Flask, name: str) -> None:
    with app.app_context():
        plans = plans_of(BOUNDED[name])
    assert plans
    for plan in plans:
        scanned = [step for step in plan.split("; ") if step.startswith("SCAN") and "USING" not in step]
        assert {step.split()[1] for step in scanned} <= {"json_each", "sync_job", "tag"}, plan


def test_many_cameras_are_one_parameter(app: Flask) -> None:
    """SQLite takes 32,766 of them."""
    many = frozenset(range(40_000))
    with app.app_context():
        query = select(Source.id).where(bounds.is_within(Source.id, many), bounds.is_within(Source.id, many))
        assert db.session.scalars(query).all() == []
