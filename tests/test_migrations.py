"""Migrations: up, down and up again, and the models say what the migrated database has; on SQLite and PostgreSQL."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask
from flask_migrate import downgrade, upgrade
from sqlalchemy import insert, inspect, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from app import create_app
from app.archive.coverage import from_bytes, recount
from app.extensions import db, prepare_migrations, writing
from app.models import Account, ApiToken, Coverage, Deletion, Run, Segment, Source, Storage
from app.prepared import head_revision, is_prepared
from app.review.loading import load_at_start
from instance.config import ROOT, TestingConfig

TABLES = {
    "account", "account_right", "account_session", "activity", "activity_day", "activity_setting", "analyser_mark",
    "api_token", "attempt", "attempt_count", "audit", "audit_seal", "basis_violation", "cinema", "clock_step",
    "comment", "coverage", "deletion", "doomed", "download_lease", "example", "file", "file_event", "finding", "group",
    "group_source", "idempotent_answer", "kept_day", "kept_footage", "lease", "loaded_list", "loss", "loss_due",
    "loss_mark", "notice", "pin", "received_copy", "recommendation", "record", "recorder", "recovery_code", "refer_key",
    "result", "retention_mark", "retention_rule", "rotation", "run", "sample_entry", "schedule", "segment",
    "share_link", "sign_in_failure", "source", "storage", "sync_item", "sync_job", "tag", "viewing", "wanted",
    "webhook_mark",
}  # fmt: skip
REVISIONS = ScriptDirectory(str(ROOT / "migrations"))
EXAMPLES = ROOT / "example.sql"
EXAMPLE_ROWS = {
    "source": 3,
    "group": 2,
    "group_source": 3,
    "tag": 3,
    "record": 3,
    "wanted": 2,
    "attempt": 2,
    "example": 1,
}


@pytest.fixture
def empty(database_config: TestingConfig):
    """Yield an app whose database is empty: SQLite, then PostgreSQL; its context is pushed."""
    app = create_app(database_config, with_views=False)
    prepare_migrations(app)
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()


def tables() -> set[str]:
    return set(inspect(db.engine).get_table_names()) - {"alembic_version"}


def shape() -> dict[str, object]:
    """Return what the database says of its own tables: columns, keys, indexes, constraints."""
    inspector = inspect(db.engine)
    return {
        table: (
            [(column["name"], str(column["type"]), column["nullable"]) for column in inspector.get_columns(table)],
            inspector.get_pk_constraint(table)["constrained_columns"],
            sorted(key["name"] or "" for key in inspector.get_foreign_keys(table)),
            sorted(index["name"] or "" for index in inspector.get_indexes(table)),
            sorted(check["name"] or "" for check in inspector.get_check_constraints(table)),
        )
        for table in sorted(tables())
    }


def differences() -> list[object]:
    with db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, db.metadata))


def test_up_down_and_up_again(empty: Flask) -> None:
    upgrade()
    first = shape()
    assert set(first) == TABLES
    assert differences() == []
    downgrade(revision="base")
    assert tables() == set()
    upgrade()
    assert shape() == first


def test_each_step_goes_down_and_up_again_with_rows_in_it(empty: Flask) -> None:
    upgrade()
    run_script(empty, EXAMPLES.read_text("utf-8"))
    for revision in list(REVISIONS.walk_revisions()):
        if revision.down_revision is None:
            break
        downgrade(revision=revision.down_revision)
        upgrade(revision=revision.revision)
    assert rows() == EXAMPLE_ROWS


def test_programs_are_let_in_with_the_token_that_they_had(empty: Flask) -> None:
    """SQLite makes the table of accounts anew for a new column; that the old one is dropped must take nothing along."""
    upgrade(revision="e51b90d7a246")
    with db.engine.begin() as connection:
        for name in ("admin", "Admin"):
            values = {"id": name, "name": name, "digest": name * 8}
            connection.execute(
                text("INSERT INTO account (id, created_us, name, role, token_sha256) "
                     "VALUES (:id, 1, :name, 'admin', :digest)"), values
            )  # fmt: skip
    upgrade()
    with db.engine.connect() as connection:
        kept = connection.execute(select(ApiToken.account_id, ApiToken.token_sha256, ApiToken.role)).all()
        assert sorted(kept) == [("Admin", "Admin" * 8, "admin"), ("admin", "admin" * 8, "admin")]
        if connection.dialect.name == "sqlite":
            assert connection.scalar(text("PRAGMA foreign_keys")) == 1
    downgrade(revision="e51b90d7a246")
    with db.engine.connect() as connection:
        digests = connection.execute(text("SELECT token_sha256 FROM account ORDER BY id")).scalars().all()
        assert digests == ["Admin" * 8, "admin" * 8]


def test_who_goes_back_gives_no_token_more_than_it_had(empty: Flask) -> None:
    """Before there were scopes an account had one token, which was as good as the account."""
    upgrade()
    add_tokens()
    downgrade(revision="e51b90d7a246")
    with db.engine.connect() as connection:
        kept = dict(connection.execute(text("SELECT name, token_sha256 FROM account")).all())
    assert kept.pop("whole") == "whole"
    assert kept.pop("two") == "two, the newer"
    assert [len(digest) for digest in kept.values()] == [64] * len(kept), kept


def add_tokens() -> None:
    """Add an account for each way in which a token may be less than its account, and two whose token is as much."""
    lesser: dict[str, dict[str, object]] = {
        "whole": {"expires_us": 2**60},
        "role": {"role": "viewer"},
        "areas": {"endpoints": '["playback"]'},
        "cameras": {"source_ids": "[1]"},
        "begin": {"begin_us": 1},
        "end": {"end_us": 1},
        "expired": {"expires_us": 1},
        "revoked": {"revoked_us": 1},
        "inactive": {},
        "bounded": {},
    }
    with writing() as session:
        for name, values in lesser.items():
            account = Account(name=name, role="admin", active=name != "inactive", sees_all=name != "bounded")
            session.add(account)
            session.flush()
            session.add(token_of(account, name, **values))
        account = Account(name="two", role="operator")
        session.add(account)
        session.flush()
        session.add(token_of(account, "analyser", role="analyser", created_us=1))
        session.add(token_of(account, "two, the newer", created_us=2))


def token_of(account: Account, word: str, **values: object) -> ApiToken:
    fixed = {"role": account.role, "token_sha256": word, "created_by": "terminal"}
    return ApiToken(account_id=account.id, name=word, **{**fixed, **values})


def test_rows_of_deletion_are_never_changed_or_removed(empty: Flask) -> None:
    upgrade()
    span = {"actor": "a", "rule": "request", "source_id": 1, "begin_us": 0, "end_us": 1}
    with db.engine.begin() as connection:
        connection.execute(insert(Source), {"id": 1, "model": "Source"})
        connection.execute(insert(Deletion), {**span, "segments": 0, "size_bytes": 0, "spans": "[]"})
    columns = "(id, at_us, actor, rule, source_id, begin_us, end_us, segments, size_bytes, spans)"
    other = f"INTO deletion {columns} SELECT 1, 1, 'b', rule, source_id, 0, 1, 0, 0, '[]' FROM deletion"
    is_sqlite = db.engine.dialect.name == "sqlite"
    again = f"INSERT OR REPLACE {other}" if is_sqlite else f"INSERT {other} ON CONFLICT (id) DO UPDATE SET actor = 'b'"
    for statement in ("UPDATE deletion SET actor = 'b'", "DELETE FROM deletion", again):
        with pytest.raises(DBAPIError, match="never changed or removed"), db.engine.begin() as connection:
            connection.execute(text(statement))
    with db.engine.connect() as connection:
        assert connection.execute(select(Deletion.actor)).all() == [("a",)]
    with db.engine.begin() as connection:
        connection.execute(insert(Deletion), {**span, "segments": 0, "size_bytes": 0, "spans": "[]"})
    downgrade(revision="4c1d7e52a9f0")


def test_up_twice_changes_nothing(empty: Flask) -> None:
    upgrade()
    first = shape()
    upgrade()
    assert shape() == first


def test_flask_db_check_is_clean(empty: Flask, tmp_path: Path) -> None:
    upgrade()
    config = empty.config["PLAYBACK"]
    environment = {"PATH": "/usr/bin:/bin", "FLASK_APP": "run.py", "FLASK_CONFIG": "testing"}
    environment |= {"PLAYBACK_INSTANCE": config.INSTANCE, "PLAYBACK_DATABASE_URL": config.DATABASE_URL}
    command = [sys.executable, "-m", "flask", "db", "check"]
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "No new upgrade operations detected" in ended.stdout + ended.stderr


def test_there_is_one_newest_migration_and_the_supervisor_finds_it(empty: Flask) -> None:
    assert REVISIONS.get_heads() == [head_revision()]
    assert not is_prepared(empty.config["PLAYBACK"])
    upgrade()
    assert not is_prepared(empty.config["PLAYBACK"]), "the list of violations is not loaded yet"
    load_at_start()
    assert is_prepared(empty.config["PLAYBACK"]) is (db.engine.dialect.name == "sqlite")


def test_sqlite_is_in_wal_and_checks_foreign_keys(app: Flask) -> None:
    with app.app_context(), db.engine.connect() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert connection.execute(text("PRAGMA foreign_keys")).scalar() == 1


def run_script(app: Flask, script: str) -> None:
    """Run the SQL as its first lines say: with sqlite3, or psql in one transaction."""
    url = make_url(app.config["PLAYBACK"].database_url)
    if url.get_backend_name() == "sqlite":
        connection = sqlite3.connect(str(url.database))
        connection.executescript(script)
        connection.close()
    else:
        plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(plain) as connection:
            connection.execute(script)


def rows() -> dict[str, int]:
    with db.engine.connect() as connection:
        return {name: connection.execute(text(f'SELECT count(*) FROM "{name}"')).scalar() for name in EXAMPLE_ROWS}


def test_the_example_data_loads_and_is_served(database_app: Flask) -> None:
    run_script(database_app, EXAMPLES.read_text("utf-8"))
    with database_app.app_context():
        assert rows() == EXAMPLE_ROWS
        db.session.remove()
    client = database_app.test_client()
    sources = client.get("/api/v1/source").json
    assert [source["status"] for source in sources] == ["online", "offline", "unknown"]
    groups = client.get("/api/v1/group").json
    outdoors = next(group for group in groups if group["name"] == "example outdoors")
    assert len(client.get(f"/api/v1/group/{outdoors['id']}/").json["sources"]) == 2
    records = client.get("/api/v1/record?tag_name=example night").json
    assert [record["status"] for record in records] == ["failed", "failed"]
    assert records[0]["begin_utc"] == "2026-11-20T21:00:00.000000Z"
    assert client.get("/api/v1/tag?name=example weather").json["records"] == []
    given = {"uri_rtsp": "rtsp://127.0.0.1:1/entrance"}
    assert client.put(f"/api/v1/source/{sources[0]['id']}", json=given).json["uri_rtsp"] == given["uri_rtsp"]
    more = client.post("/api/v1/source", json={"model": "Source", "uri_rtsp": "rtsp://127.0.0.1:1/next"})
    assert more.json["id"] == max(source["id"] for source in sources) + 1


BEFORE_COVERAGE = "bf5615f32aba"
DAY_US = 86_400_000_000


def insert_segments(rows: list[tuple[int, int, int, int]]) -> None:
    """Insert segments: source, start, end, state; they have no files."""
    with db.engine.begin() as connection:
        connection.execute(insert(Storage), {"id": "storage", "path": "/nowhere"})
        for source_id in sorted({row[0] for row in rows}):
            connection.execute(insert(Source), {"id": source_id, "model": "Source"})
            run = {"id": f"run {source_id}", "source_id": source_id, "anchor_us": 0, "begin_us": 0}
            connection.execute(insert(Run), run)
        for number, (source_id, start_us, end_us, state) in enumerate(rows):
            keys = {"id": f"segment {number}", "run_id": f"run {source_id}", "storage_id": "storage"}
            values = {"source_id": source_id, "start_us": start_us, "end_us": end_us, "state": state}
            connection.execute(insert(Segment), {**keys, **values, "sequence": number})


def covered() -> dict[tuple[int, int, int], list[list[int]]]:
    """Return the spans of all cells by source, level and cell."""
    with db.engine.connect() as connection:
        rows = connection.execute(select(Coverage.__table__)).all()
    return {(row.source_id, row.level, row.cell): from_bytes(row.spans).tolist() for row in rows}


def revisions() -> dict[tuple[int, int, int], int]:
    with db.engine.connect() as connection:
        rows = connection.execute(select(Coverage.__table__)).all()
    return {(row.source_id, row.level, row.cell): row.revision for row in rows}


def test_the_coverage_of_the_segments_that_are_there_is_summed_up(empty: Flask) -> None:
    upgrade()
    first, far, s = 19_999, 20_400, 1_000_000  # the first is the last day of a cell of 32 days
    assert first % 32 == 31
    zero, other = first * DAY_US, far * DAY_US
    insert_segments(
        [
            (1, zero + 1 * s, zero + 61 * s, 1),
            (1, zero + 71 * s - 1, zero + 180 * s, 1),  # after a gap that is not kept
            (1, zero + 190 * s, zero + 300 * s, 1),  # after one that is
            (1, zero + 250 * s, zero + 260 * s, 1),
            (1, zero + DAY_US - 30 * s, zero + DAY_US + 30 * s, 1),
            (1, zero + DAY_US + 20 * s, zero + DAY_US + 90 * s, 1),
            (1, zero + DAY_US + 90 * s, zero + DAY_US + 90 * s, 0),
            (1, other, other + 60 * s, 2),
            (2, other, other, 0),
        ]
    )
    downgrade(revision=BEFORE_COVERAGE)
    assert "coverage" not in tables()
    upgrade()
    assert covered() == {
        (1, 0, first): [
            [zero + 1 * s, zero + 180 * s],
            [zero + 190 * s, zero + 300 * s],
            [zero + DAY_US - 30 * s, zero + DAY_US + 30 * s],
        ],
        (1, 0, first + 1): [[zero + DAY_US + 20 * s, zero + DAY_US + 90 * s]],
        (1, 0, far): [],
        (1, 1, first // 32): [
            [zero + 1 * s, zero + 300 * s],
            [zero + DAY_US - 30 * s, zero + DAY_US + 30 * s],
        ],
        (1, 1, first // 32 + 1): [[zero + DAY_US + 20 * s, zero + DAY_US + 90 * s]],
        (1, 1, far // 32): [],
        (2, 0, far): [],
        (2, 1, far // 32): [],
    }
    made, before = covered(), revisions()
    with writing() as session:
        for source_id, day_us in ((1, zero), (1, zero + DAY_US), (1, other), (2, other)):
            recount(session, source_id, day_us)
    assert covered() == made  # the code of today sums up as the migration did
    assert all(number > before[cell] for cell, number in revisions().items())
    later = revisions()
    downgrade(revision=BEFORE_COVERAGE)
    upgrade()
    assert all(number > later[cell] for cell, number in revisions().items())
    assert differences() == []
