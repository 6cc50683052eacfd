"""The chain over the audit log: what was changed by any hand is found, and where."""

import json
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, select, text

from app import create_app
from app.archive import anchoring
from app.archive.anchoring import anchor, read_anchors
from app.archive.auditing import audit
from app.archive.sealing import BEGIN, Sealer, count_unsealed, fields_of, read_head, sealed
from app.archive.signing import signer
from app.archive.storages import open_storage
from app.extensions import db, writing
from app.formats.auditchain import NO_SHA256, Head, follow, parse_head
from app.models import Audit, AuditSeal
from app.models.types import now_us
from instance.config import TestingConfig
from tests.auditing import LATE_US, check, seal, tampering, words, write_acts
from tests.service import Service, wait_for

ROOT = Path(__file__).resolve().parent.parent
HOUR_US = 3_600_000_000


def head_of(app: Flask) -> Head:
    with app.app_context():
        found = read_head(db.session)
        assert found is not None
        return found


def write_anchor(app: Flask, at_us: int | None = None) -> None:
    with app.app_context():
        anchor(app.config["PLAYBACK"], now_us() if at_us is None else at_us)


def tamper(app: Flask, *statements: str, **values: Any) -> None:
    with tampering(app) as connection:
        for statement in statements:
            assert connection.execute(text(statement), values).rowcount > 0


def reseal(app: Flask) -> None:
    """Work out the whole chain anew, as who has the database can."""
    with tampering(app) as connection:
        seals = connection.execute(select(AuditSeal.__table__).order_by(AuditSeal.position)).all()
        sha256, position = NO_SHA256, 0
        connection.execute(text("DELETE FROM audit_seal"))
        for one in seals:
            row = connection.execute(text(f"SELECT * FROM {one.kind} WHERE id = :id"), {"id": int(one.row_id)}).first()
            if row is not None:
                position += 1
                sha256 = follow(sha256, sealed(position, one.kind, one.sealed_us, fields_of(one.kind, row)))
                values = {"position": position, "kind": one.kind, "row_id": one.row_id, "sha256": sha256}
                connection.execute(AuditSeal.__table__.insert(), {**values, "sealed_us": one.sealed_us})


def test_rows_are_sealed_once_in_one_chain_that_begins_with_those_that_were_there(database_app: Flask) -> None:
    write_acts(database_app, 3, deletions=2)
    assert seal(database_app) == 6  # and the row that says that the chain begins
    assert seal(database_app) == 0
    write_acts(database_app, 1)
    assert seal(database_app) == 1
    assert check(database_app) == []
    with database_app.app_context():
        seals = db.session.scalars(select(AuditSeal).order_by(AuditSeal.position)).all()
        assert [one.position for one in seals] == list(range(1, 8))
        begun = db.session.scalars(select(Audit).where(Audit.action == BEGIN)).one()
        assert json.loads(begun.detail) == {"audit": 3, "deletion": 2}
        assert (seals[5].kind, seals[5].row_id) == ("audit", str(begun.id))
        assert count_unsealed(db.session) == 0


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("UPDATE audit SET detail = '{}' WHERE id = 2", [(2, "changed")]),
        ("UPDATE audit SET actor = 'Alva' WHERE id = 2", [(2, "changed")]),
        ("UPDATE audit SET at_us = at_us + 1 WHERE id = 2", [(2, "changed")]),
        ("UPDATE deletion SET size_bytes = 1 WHERE id = 1", [(4, "changed")]),
        ("UPDATE deletion SET reason = '' WHERE id = 1", [(4, "changed")]),
        ("DELETE FROM audit WHERE id = 2", [(2, "gone")]),
        ("DELETE FROM audit_seal WHERE position = 2", [(3, "seal")]),
        ("UPDATE audit_seal SET sealed_us = sealed_us - 1 WHERE position = 2", [(2, "changed")]),
        ("UPDATE audit_seal SET row_id = '99' WHERE position = 2", [(2, "gone")]),
        ("UPDATE audit_seal SET sha256 = 'x' WHERE position = 2", [(2, "changed"), (3, "changed")]),
        ("UPDATE audit_seal SET position = 77 WHERE position = 2", [(3, "seal"), (77, "seal")]),
        ("UPDATE audit_seal SET position = -5 WHERE position = 1", [(-5, "seal"), (2, "seal")]),
    ],
    ids=range(12),
)
def test_a_changed_or_removed_row_or_seal_is_found(
    database_app: Flask, statement: str, expected: list[tuple[int, str]]
) -> None:
    write_acts(database_app, 3, deletions=1)
    seal(database_app)
    assert check(database_app) == []
    tamper(database_app, statement)
    assert words(check(database_app)) == expected


def test_two_rows_that_were_swapped_are_found(database_app: Flask) -> None:
    write_acts(database_app, 4)
    seal(database_app)
    tamper(
        database_app,
        "UPDATE audit_seal SET row_id = 'a' WHERE position = 2",
        "UPDATE audit_seal SET row_id = '2' WHERE position = 3",
        "UPDATE audit_seal SET row_id = '3' WHERE position = 2",
    )
    assert words(check(database_app)) == [(2, "changed"), (3, "changed")]


def test_a_row_that_was_put_in_between_is_found_before_and_after_it_is_sealed(database_app: Flask) -> None:
    write_acts(database_app, 3)
    seal(database_app)
    with database_app.app_context(), writing() as session:
        session.add(Audit(at_us=now_us() - HOUR_US, actor="x", action="pin.create", subject="1", detail="{}"))
    assert words(check(database_app)) == [(None, "unsealed")]
    seal(database_app)
    assert words(check(database_app)) == [(5, "inserted")]


def test_rows_written_after_the_clock_was_set_back_are_no_finding(app: Flask) -> None:
    write_acts(app, 1)
    seal(app)
    with app.app_context(), writing() as session:
        at_us = now_us() - HOUR_US
        session.execute(
            text("INSERT INTO clock_step (host_id, at_us, step_us) VALUES ('h', :at, :step)"),
            {"at": at_us - 1_000_000, "step": -HOUR_US - 2_000_000},
        )
        session.add(Audit(at_us=at_us, actor="x", action="pin.create", subject="1", detail="{}"))
    seal(app)
    assert check(app) == []


def test_a_tail_that_was_cut_off_is_found_by_the_anchors(database_app: Flask) -> None:
    write_acts(database_app, 4)
    seal(database_app)
    write_anchor(database_app)
    tamper(database_app, "DELETE FROM audit_seal WHERE position > 3", "DELETE FROM audit WHERE id > 3")
    assert words(check(database_app)) == [(5, "cut")]
    write_acts(database_app, 4)
    seal(database_app)
    assert (5, "recomputed") in words(check(database_app))  # also once the chain is as long again


def test_a_chain_that_was_worked_out_anew_is_found_by_the_anchors_and_by_what_was_kept(database_app: Flask) -> None:
    write_acts(database_app, 4)
    seal(database_app)
    kept = head_of(database_app)
    tamper(database_app, "UPDATE audit SET actor = 'somebody else' WHERE id = 2")
    reseal(database_app)
    assert check(database_app) == []  # nothing within the database tells
    assert words(check(database_app, kept)) == [(5, "recomputed")]


def test_a_row_that_was_taken_out_of_a_chain_worked_out_anew_is_found(database_app: Flask) -> None:
    write_acts(database_app, 4)
    seal(database_app)
    write_anchor(database_app)
    tamper(database_app, "DELETE FROM audit WHERE id = 2")
    reseal(database_app)
    assert words(check(database_app)) == [(5, "cut")]


def test_seals_that_were_all_taken_away_are_found_when_the_chain_has_begun_anew(database_app: Flask) -> None:
    write_acts(database_app, 2)
    seal(database_app)
    tamper(database_app, "DELETE FROM audit_seal")
    seal(database_app)
    assert words(check(database_app)) == [(4, "begun")]


def test_a_missing_trigger_is_told_of(database_app: Flask) -> None:
    write_acts(database_app, 1)
    seal(database_app)
    with database_app.app_context():
        is_sqlite = db.engine.dialect.name == "sqlite"
        with db.engine.begin() as connection:
            connection.execute(
                text("DROP TRIGGER audit_keep_update" if is_sqlite else "ALTER TABLE audit DISABLE TRIGGER audit_keep")
            )
    assert words(check(database_app)) == [(None, "trigger")]


def test_rows_without_a_seal_are_a_finding_once_they_are_late(database_app: Flask) -> None:
    write_acts(database_app, 2, deletions=1)
    assert check(database_app) == []
    assert words(check(database_app, at_us=now_us() + LATE_US + 1_000_000)) == [(None, "unsealed")] * 3


def test_an_old_chain_without_an_anchor_is_a_finding(app: Flask) -> None:
    write_acts(app, 2)
    seal(app)
    assert words(check(app, at_us=now_us() + 3 * HOUR_US)) == [(3, "anchor")]
    write_anchor(app)
    assert check(app, at_us=now_us() + 3 * HOUR_US) == []


def test_anchors_are_appended_to_each_storage_and_judged_by_their_signature(app: Flask, tmp_path: Path) -> None:
    config = app.config["PLAYBACK"]
    with app.app_context():
        open_storage(config)
    write_acts(app, 1)
    seal(app)
    write_anchor(app)
    write_acts(app, 1)
    seal(app)
    write_anchor(app)
    paths = [config.instance_path / anchoring.NAME, config.storage_path / anchoring.NAME]
    assert [len(path.read_bytes().splitlines()) for path in paths] == [2, 2]
    assert check(app) == []
    lines = paths[0].read_bytes().splitlines(keepends=True)
    forged = json.loads(lines[1])
    forged["sha256"] = "1" * 64
    paths[0].write_bytes(lines[0] + json.dumps(forged).encode() + b"\n" + lines[1][:50])
    found = check(app)
    assert words(found) == [(None, "anchor")] * 2
    assert "not signed" in found[0].text
    assert "no anchor" in found[1].text
    with app.app_context():  # what a crash has cut off is ended by the next
        write_acts(app, 1)
        seal(app)
        write_anchor(app)
        assert [one.anchor is not None for one in read_anchors(config)] == [True, False, False, True, True, True, True]


def test_anchors_of_a_key_that_was_given_up_are_no_finding_and_prove_nothing(app: Flask) -> None:
    """A head proves all that is before it: the newest anchor, under the key of now, is enough."""
    write_acts(app, 2)
    seal(app)
    write_anchor(app)
    later = create_app(replace(app.config["PLAYBACK"], SECRET_KEY="another key " * 3), with_views=False)
    old = now_us() + 3 * HOUR_US
    assert words(check(later, at_us=old)) == [(3, "anchor")]  # the chain has none that proves it
    write_anchor(later)
    assert check(later, at_us=old) == []
    tamper(later, "UPDATE audit SET actor = 'somebody else' WHERE id = 2")
    reseal(later)
    assert words(check(later, at_us=old)) == [(3, "recomputed"), (3, "anchor")]
    tamper(later, "DELETE FROM audit_seal WHERE position = 3")
    assert (3, "anchor") in words(check(later, at_us=old))


def test_an_anchor_that_a_full_disk_cuts_off_is_taken_back_and_told_of(
    app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    """Half a line would be a finding at every check from then on."""
    write_acts(app, 1)
    seal(app)
    write_anchor(app)
    path = app.config["PLAYBACK"].instance_path / anchoring.NAME
    whole = path.read_bytes()
    write_acts(app, 1)
    seal(app)
    with file_limit(len(whole) + 40):
        write_anchor(app)
    assert path.read_bytes() == whole
    assert "cannot be written" in caplog.text
    assert check(app) == []


@contextmanager
def file_limit(size_bytes: int) -> Iterator[None]:
    """Let no file of this process grow beyond a size: a write is cut off there, as by a disk that is full."""
    kept = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, kept[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, kept)
        signal.signal(signal.SIGXFSZ, before)


def test_nothing_is_anchored_twice(app: Flask) -> None:
    write_acts(app, 1)
    seal(app)
    with app.app_context():
        config = app.config["PLAYBACK"]
        head = anchor(config, 1)
        assert anchor(config, 2, head) == head
    assert len((config.instance_path / anchoring.NAME).read_bytes().splitlines()) == 1


@pytest.mark.parametrize("database_config", ["postgresql"], indirect=True)
def test_a_row_that_becomes_visible_after_later_ones_is_sealed_too(database_app: Flask) -> None:
    """On PostgreSQL ids are given out before the commit; SQLite lets nobody else write meanwhile."""
    sealer = Sealer()
    with database_app.app_context():
        with db.engine.connect() as slow:
            late = {"at_us": now_us(), "actor": "slow", "action": "x", "subject": "1", "detail": "{}"}
            slow.execute(Audit.__table__.insert(), late)
            write_acts(database_app, 3)
            assert sealer.run() == 4
            assert sealer.run() == 0
            slow.commit()
        assert sealer.run() == 1
        newest = db.session.scalars(select(AuditSeal).order_by(AuditSeal.position.desc()).limit(1)).one()
        assert newest.row_id == "1"
    assert check(database_app) == []


def test_a_row_far_below_the_newest_is_found_when_all_are_looked_at(
    database_app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.archive.sealing.LATE_IDS", 2)
    write_acts(database_app, 8)
    sealer = Sealer()
    with database_app.app_context():
        sealer.run()
        with writing() as session:
            session.execute(text("UPDATE lease SET expires_us = 0"))  # nothing: a transaction as any other
    tamper(database_app, "DELETE FROM audit_seal WHERE position = 9", "DELETE FROM audit_seal WHERE position = 1")
    with database_app.app_context():
        assert sealer.run() == 1
        assert sealer.run(is_whole=True) == 1


def test_others_write_while_rows_without_a_seal_are_looked_for(app: Flask) -> None:
    """All of a long log is looked at each hour: SQLite's one writer would be held up for as many seconds."""
    write_acts(app, 3)
    path, looked = app.config["PLAYBACK"].instance_path / "app.db", []

    def write_beside(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if "EXISTS" in statement:
            with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                other.execute("ROLLBACK")
            looked.append(statement)

    with app.app_context():
        event.listen(db.engine, "before_cursor_execute", write_beside)
        assert Sealer().run(is_whole=True) == 4
    assert looked


def test_sealers_at_once_seal_each_row_once_and_hold_up_no_writer(database_app: Flask) -> None:
    done = threading.Event()
    failures: list[BaseException] = []

    def sealing() -> None:
        try:
            while not done.is_set():
                with database_app.app_context():
                    Sealer().run()
        except BaseException as error:  # noqa: BLE001  told below
            failures.append(error)

    threads = [threading.Thread(target=sealing) for _ in range(2)]
    for thread in threads:
        thread.start()
    write_acts(database_app, 25)
    done.set()
    for thread in threads:
        thread.join()
    seal(database_app)
    assert failures == []
    assert check(database_app) == []
    with database_app.app_context():
        assert db.session.scalar(select(db.func.count()).select_from(AuditSeal)) == 26


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory, migrated_sqlite: Path) -> Flask:
    """Return an app whose log is sealed."""
    folder = tmp_path_factory.mktemp("chain")
    shutil.copy(migrated_sqlite, folder / "app.db")
    app = create_app(TestingConfig(INSTANCE=str(folder)), with_views=False)
    write_acts(app, 4, deletions=2)
    seal(app)
    write_anchor(app)
    return app


EDITED = {
    "audit": ("id", "at_us", "actor", "action", "subject", "source_id", "detail"),
    "deletion": ("id", "at_us", "actor", "rule", "reason", "source_id", "record_id", "begin_us", "end_us", "segments",
                 "size_bytes", "spans"),
    "audit_seal": ("position", "kind", "row_id", "sha256", "sealed_us"),
}  # fmt: skip
VALUES = st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1), st.text(max_size=8), st.binary(max_size=4), st.floats())


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_single_edit_of_any_row_or_seal_is_found(chain: Flask, data: st.DataObject) -> None:
    """SQLite takes values of any kind in any column, once its checks are off: none may pass, and none may end it."""
    table = data.draw(st.sampled_from(sorted(EDITED)))
    column, value = data.draw(st.sampled_from(EDITED[table])), data.draw(VALUES)
    path = chain.config["PLAYBACK"].instance_path / "app.db"
    with closing(sqlite3.connect(":memory:")) as kept, closing(sqlite3.connect(path, isolation_level=None)) as hand:
        hand.backup(kept)
        number = data.draw(st.sampled_from([number for (number,) in hand.execute(f"SELECT rowid FROM {table}")]))
        before = _state(hand)
        _edit(hand, f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (value, number))
        is_other = _state(hand) != before
        try:
            assert bool(check(chain)) == is_other
        finally:
            kept.backup(hand)


def _state(hand: sqlite3.Connection) -> str:
    return repr([hand.execute(f"SELECT * FROM {table} ORDER BY rowid").fetchall() for table in sorted(EDITED)])


def _edit(hand: sqlite3.Connection, statement: str, values: tuple[object, ...]) -> None:
    """Change what the table itself does not refuse; the triggers are put back."""
    hand.execute("PRAGMA ignore_check_constraints = ON")
    hand.execute("BEGIN IMMEDIATE")
    triggers = hand.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
    for name, _ in triggers:
        hand.execute(f"DROP TRIGGER {name}")
    with suppress(sqlite3.IntegrityError, OverflowError, UnicodeEncodeError):
        hand.execute(statement, values)
    for _, sql in triggers:
        hand.execute(sql)
    hand.execute("COMMIT")


def run(app: Flask, *arguments: str) -> Any:
    return app.test_cli_runner().invoke(args=["audit", *arguments])


def test_the_commands_tell_where_the_chain_ends_and_what_is_wrong(database_app: Flask, tmp_path: Path) -> None:
    assert run(database_app, "head").exit_code == 1
    write_acts(database_app, 3)
    done = run(database_app, "verify")
    assert (done.exit_code, done.stdout) == (0, ""), done.output
    head = run(database_app, "head").stdout.split("\t")[0]
    assert parse_head(head) == head_of(database_app)
    assert run(database_app, "verify", "--head", head).exit_code == 0
    assert run(database_app, "verify", "--head", "7").exit_code == 2
    dump = tmp_path / "audit.jsonl"
    dump.write_bytes(run(database_app, "export").stdout_bytes)
    with database_app.app_context():
        key = tmp_path / "key.pem"
        key.write_bytes(signer().pem)
    assert alone(dump, key, head).returncode == 0
    tamper(database_app, "UPDATE audit SET actor = 'somebody' WHERE id = 2")
    done = run(database_app, "verify")
    assert done.exit_code == 1
    assert done.stdout.startswith("2\tchanged\taudit 2")
    dump.write_bytes(run(database_app, "export").stdout_bytes)
    assert "seal 2: the row" in alone(dump, key).stderr
    reseal(database_app)
    dump.write_bytes(run(database_app, "export").stdout_bytes)
    assert alone(dump, key).returncode == 0
    assert "another than the one kept" in alone(dump, key, head).stderr
    assert "recomputed" in run(database_app, "verify", "--head", head).stdout


def alone(*arguments: object) -> "subprocess.CompletedProcess[str]":
    """Run the script that anybody can read."""
    command = [sys.executable, "docs/verify_audit.py", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=30)


def test_who_checks_alone_is_told_in_one_line_of_what_he_cannot_read(app: Flask, tmp_path: Path) -> None:
    with app.app_context(), writing() as session:
        audit(session, "anna", "x", "1", None)
    assert run(app, "verify").exit_code == 0
    whole = run(app, "export").stdout_bytes
    dump, key = tmp_path / "dump.jsonl", tmp_path / "key.pem"
    other = Ed25519PrivateKey.generate().public_key()
    key.write_bytes(other.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    dump.write_bytes(whole)
    answers = [alone(dump, key)]
    dump.write_bytes(whole[:-20])
    answers += [alone(dump), alone(dump, dump)]
    assert [(answer.returncode, answer.stderr.count("\n")) for answer in answers] == [(1, 1)] * 3
    assert "not signed with this key" in answers[0].stderr
    assert all("no whole dump" in answer.stderr for answer in answers[1:])


def test_a_detail_cannot_hide_what_it_stands_beside(app: Flask) -> None:
    """The canonical form has one reading: texts are escaped, and no value of one column can be that of two."""
    with app.app_context():
        with writing() as session:
            audit(session, 'a","action":"b', "x", "1", None)
        row = db.session.scalars(select(Audit)).one()
        one = follow(NO_SHA256, sealed(1, "audit", 1, fields_of("audit", row)))
        other = follow(NO_SHA256, sealed(1, "audit", 1, {**fields_of("audit", row), "actor": "a", "action": "b"}))
        assert one != other


def test_the_worker_seals_within_seconds_and_anchors_when_it_ends(tmp_path: Path) -> None:
    service = Service(tmp_path / "instance", "web", "worker")
    anchors = service.instance / anchoring.NAME
    with service_ended(service):
        service.start()
        wait_for(lambda: service.answers("/healthz"), "the web server's start", 30)
        source_id = service.add_source("rtsp://127.0.0.1:1/x")
        wait_for(lambda: _sealed(service.instance) >= 2, "a seal", 20)
        wait_for(anchors.exists, "the first anchor", 20)
        service.call("PATCH", f"/api/v1/source/{source_id}/", description="gate")
        service.stop(signal.SIGTERM)
    newest = json.loads(anchors.read_bytes().splitlines()[-1])
    assert newest["position"] == _sealed(service.instance) == 4  # the list of violations, the begin, and both acts
    done = service.run("-m", "flask", "audit", "verify")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


@contextmanager
def service_ended(service: Service) -> Iterator[None]:
    try:
        yield
    finally:
        service.stop()


def _sealed(instance: Path) -> int:
    with closing(sqlite3.connect(f"file:{instance / 'app.db'}?mode=ro", uri=True)) as connection:
        return int(connection.execute("SELECT count(*) FROM audit_seal").fetchone()[0])
