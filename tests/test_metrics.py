"""The figures of a recorder: of each source, of storages and of what is still to be done; they never run backwards."""

import uuid
from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import event, func, select, update

from app.archive import places
from app.archive.deletion import Act
from app.archive.notices import note
from app.extensions import db, writing
from app.models import Attempt, AttemptCount, KeptFootage, Run, Segment, Source, Storage, WebhookMark
from app.models.segment import CLOSED
from app.models.types import now_us
from instance.config import TestingConfig
from tests.archived import T0_US
from tests.test_health import samples
from tests.test_losses import HOUR_US, MINUTE_US, World


@pytest.fixture
def world(database_app: Flask) -> Iterator[World]:
    """Yield a source on SQLite, then on PostgreSQL."""
    with database_app.app_context():
        yield World()


def sums() -> tuple[dict[str, tuple[int, ...]], dict[str, tuple[int, ...]]]:
    """Return the sums of footage by storage, as triggers keep them and as counting the rows has them."""
    kept = select(KeptFootage.storage_id, KeptFootage.segments, KeptFootage.size_bytes, KeptFootage.length_us)
    counted = select(
        Segment.storage_id, func.count(), func.sum(Segment.size_bytes), func.sum(Segment.end_us - Segment.start_us)
    ).where(Segment.state == CLOSED)
    found = [db.session.execute(query).all() for query in (kept, counted.group_by(Segment.storage_id))]
    db.session.rollback()
    one, other = ({row[0]: tuple(int(number) for number in row[1:]) for row in rows if row[1]} for rows in found)
    return one, other


def test_sums_follow_every_change_of_a_segment(world: World) -> None:
    world.record(T0_US, T0_US + 10 * MINUTE_US)
    world.open(world.run(T0_US + 20 * MINUTE_US), 0, T0_US + 20 * MINUTE_US)
    kept, counted = sums()
    assert kept == counted == {world.storage_id: (10, 10_000, 10 * MINUTE_US)}
    world.lose(T0_US)
    world.close(T0_US + 20 * MINUTE_US, T0_US + 21 * MINUTE_US)
    world.delete(T0_US + 2 * MINUTE_US, T0_US + 5 * MINUTE_US, Act("retention"))
    with writing() as session:  # moved elsewhere, and written anew
        session.add(Storage(id=str(uuid.uuid4()), path="/elsewhere"))
        session.flush()
        other = session.scalar(select(Storage.id).where(Storage.path == "/elsewhere"))
        values = {"storage_id": other, "size_bytes": 500}
        session.execute(update(Segment).where(Segment.start_us > T0_US + 6 * MINUTE_US).values(values))
    kept, counted = sums()
    assert kept == counted
    assert len(kept) == 2


def test_attempts_are_counted_once_they_have_ended(world: World) -> None:
    world.attempt(T0_US, T0_US + 1, "silent")
    living = world.attempt(T0_US + 2, None, None)
    world.end_attempt(living, T0_US + 3, "crashed")
    world.end_attempt(living, T0_US + 4, "crashed")  # corrected later
    counted = db.session.execute(select(AttemptCount.reason, AttemptCount.ended).order_by(AttemptCount.reason)).all()
    assert counted == [("crashed", 1), ("silent", 1)]


def test_figures_of_a_source(database_app: Flask, world: World) -> None:
    at_us = now_us() // 10_000_000 * 10_000_000
    begin_us = at_us - 2 * HOUR_US
    world.want(begin_us)
    world.attempt(begin_us, begin_us + 30 * MINUTE_US, "camera_unreachable")
    world.record(begin_us + 30 * MINUTE_US, at_us)
    with writing() as session:
        session.execute(update(Run).values(clock_offset_us=-2_500_000))
        session.add(Source(id=99, model="Source", deleted_us=1))
    world.settle(at_us)
    found = samples(database_app.test_client())
    mine = f'{{source="{world.source_id}"}}'
    assert found[f"playback_source_expected_seconds_total{mine}"] == 119 * 60
    assert found[f"playback_source_recorded_seconds_total{mine}"] == 89 * 60
    lost = f'playback_source_lost_seconds{{cause="camera_unreachable",source="{world.source_id}"}}'
    assert found[lost] == 30 * 60
    assert found[f"playback_source_settled_timestamp_seconds{mine}"] == (at_us - MINUTE_US) / 1e6
    assert found[f"playback_source_kept_bytes{mine}"] == 90 * 1000
    assert found[f"playback_source_kept_seconds{mine}"] == 90 * 60
    assert found[f"playback_source_wanted{mine}"] == 1
    assert 0 <= found[f"playback_source_newest_footage_age_seconds{mine}"] < 600
    assert found[f"playback_source_bytes_per_second{mine}"] == pytest.approx(1000 / 60)
    assert found[f"playback_source_clock_offset_seconds{mine}"] == -2.5
    attempts = f'playback_source_attempts_total{{reason="camera_unreachable",source="{world.source_id}"}}'
    assert found[attempts] == 1
    assert found["playback_segments"] == 90
    assert not any('source="99"' in name for name in found)
    world.delete(begin_us, at_us - 10 * MINUTE_US, Act("retention", "max_age"))
    world.settle(at_us)
    database_app.extensions.pop("playback_figures", None)
    after = samples(database_app.test_client())
    for name in ("expected", "recorded"):  # counters never run backwards
        assert (
            after[f"playback_source_{name}_seconds_total{mine}"] == found[f"playback_source_{name}_seconds_total{mine}"]
        )
    assert after[lost.replace("camera_unreachable", "deleted")] == 80 * 60


def test_a_file_that_grows_says_how_fresh_the_footage_is(database_app: Flask, world: World, tmp_path) -> None:
    world.want(now_us() - HOUR_US)
    world.open(world.run(now_us() - HOUR_US), 0, now_us() - HOUR_US)
    with writing() as session:
        session.execute(update(Storage).values(path=str(tmp_path)))
    folder = places.live_folder(tmp_path, world.source_id)
    folder.mkdir(parents=True)
    (folder / "a-00000.mp4").write_bytes(b"x")
    name = f'playback_source_newest_footage_age_seconds{{source="{world.source_id}"}}'
    assert samples(database_app.test_client())[name] < 600
    with writing() as session:
        session.execute(update(Storage).values(state="away"))
    database_app.extensions.pop("playback_figures", None)
    assert name not in samples(database_app.test_client())  # a disk that hangs would hold up the answer


def test_figures_of_a_storage(database_app: Flask, world: World) -> None:
    begin_us = now_us() - HOUR_US
    world.want(begin_us)
    world.record(begin_us, begin_us + 10 * MINUTE_US)
    values = {
        "state": "slow", "free_bytes": 70_000, "total_bytes": 100_000, "reserve_bytes": 10_000, "budget_bytes": 16_000,
        "looked_us": 5_000_000, "write_us": 20_000, "write_worst_us": 3_000_000,
    }  # fmt: skip
    with writing() as session:
        session.execute(update(Storage).values(values))
        session.add(Storage(id=str(uuid.uuid4()), path=""))  # of earlier settings
    found = samples(database_app.test_client())
    label = f'path="/nowhere",storage="{world.storage_id}"'

    def value(name: str) -> float:
        return found[f"playback_storage_{name}{{{label}}}"]

    assert (value("free_bytes"), value("total_bytes"), value("used_bytes")) == (70_000, 100_000, 10_000)
    assert (value("budget_bytes"), value("reserve_bytes")) == (16_000, 10_000)
    assert (value("write_seconds"), value("write_worst_seconds")) == (0.02, 3)
    assert value("hours_until_full") == pytest.approx(6_000 / (1000 / 60) / 3600)
    states = {name: number for name, number in found.items() if name.startswith("playback_storage_state{")}
    assert sum(states.values()) == 1
    assert states[f'playback_storage_state{{path="/nowhere",state="slow",storage="{world.storage_id}"}}'] == 1


def test_figures_of_what_is_still_to_be_done(database_app: Flask, world: World) -> None:
    hooks = "https://one.example/?secret=x,https://other.example/"
    config = TestingConfig(INSTANCE=database_app.config["PLAYBACK"].INSTANCE, WEBHOOKS=hooks)
    database_app.config["PLAYBACK"] = config
    world.record(T0_US, T0_US + 3 * MINUTE_US)
    world.delete(T0_US, T0_US + MINUTE_US, Act("me"))
    with writing() as session:
        note(session, "storage", "a", is_bad=True, text="t")
        session.execute(update(Segment).where(Segment.start_us == T0_US + MINUTE_US).values(fault="wrong_hash"))
        session.add(WebhookMark(target=config.webhooks[0].target, last_id=0))
    found = samples(database_app.test_client())
    assert found["playback_files_doomed"] == 1
    assert found["playback_records_unhashed"] == 0
    assert found['playback_sync_items{state="waiting"}'] == 0
    assert found['playback_segments_faulty{fault="wrong_hash"}'] == 1
    assert found['playback_notices_untold{webhook="one.example"}'] == 1
    assert found['playback_notices_untold{webhook="other.example"}'] == 0
    assert found["playback_recorders"] == 0
    assert found["playback_clock_steps_total"] == 0


def test_a_scrape_reads_as_many_rows_with_a_large_archive_as_with_a_small_one(app: Flask) -> None:
    with app.app_context():
        world = World()
        world.want(T0_US)
        world.record(T0_US, T0_US + 5 * MINUTE_US)
        engine, asked = db.engine, []
        listen = event.listens_for(engine, "before_cursor_execute")
        listen(lambda _connection, _cursor, statement, values, *_: asked.append((statement, values)))
        client = app.test_client()
        samples(client)
        plans = []
        for statement, values in asked:
            if statement.startswith("SELECT"):
                with engine.connect() as connection:
                    plans += [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)]
    scanned = {plan.split()[1] for plan in plans if plan.startswith("SCAN") and " USING " not in plan}
    assert scanned & {"segment", "attempt", "record", "loss", "deletion"} == set()


def test_an_attempt_that_lives_is_found_by_an_index(app: Flask) -> None:
    with app.app_context():
        query = select(func.count()).where(Attempt.end_us.is_(None))
        statement = str(query.compile(db.engine))
        with db.engine.connect() as connection:
            plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}")]
    assert "ix_attempt_living" in " ".join(plan)
