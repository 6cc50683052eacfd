"""Analysers are told of download addresses: in order, signed, again until they take them, and only while these hold."""

import logging
import re
import socket
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from app.archive.handed import key_hash
from app.extensions import db, writing
from app.models import AnalyserMark, File, ReferKey, Rotation
from app.models.types import now_us
from app.transfer.analysers import ANALYSERS, clear_marks
from app.transfer.rotating import begin_rotation, turn
from app.transfer.telling import Teller, tell
from instance.config import WebhookSettings
from tests.service import ROOT, wait_for
from tests.test_webhooks import SECRET, Receiver, bodies
from tests.test_webhooks import receiver as receiver

KEY_S = 90


def hook_to(receiver: Receiver) -> WebhookSettings:
    return WebhookSettings(receiver.url, SECRET, f"127.0.0.1:{receiver.server.server_port}")


def add_file(at_us: int | None = None) -> int:
    """Put a complete file into the database, whose rotation began at an instant."""
    at_us = at_us or now_us()
    with writing() as session:
        row = File(name="a", status="ready", owner="me", size_bytes=1, received_bytes=1, completed_us=at_us)
        session.add(row)
        session.flush()
        begin_rotation(session, row, at_us)
        return row.id


def age(seconds: int) -> None:
    """Let all rotations and keys have begun earlier."""
    with writing() as session:
        session.execute(update(Rotation).values(started_us=Rotation.started_us - seconds * 1_000_000))
        session.execute(update(ReferKey).values(issued_us=ReferKey.issued_us - seconds * 1_000_000))


def turn_all(*file_ids: int) -> None:
    for file_id in file_ids:
        with writing() as session:
            turn(session, file_id, now_us())


def make_due() -> None:
    with writing() as session:
        session.execute(update(AnalyserMark).values(next_us=0))


def key_in(body: dict[str, Any]) -> str:
    return re.fullmatch(r"http://127\.0\.0\.1:8000/download/([0-9a-f]{32})/", body["url"])[1]


def documented(name: str) -> Callable[..., Any]:
    """Return a function of the example code that the documentation has for analysers."""
    text = (ROOT / "docs" / "transfer.md").read_text("utf-8")
    code = next(block for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if f"def {name}(" in block)
    found: dict[str, Any] = {}
    exec(code, found)
    return found[name]


def row_of(key: str) -> ReferKey:
    return db.session.scalars(select(ReferKey).where(ReferKey.key_sha256 == key_hash(key))).one()


def test_each_key_is_told_in_order_with_its_address_and_signed(database_app: Flask, receiver: Receiver) -> None:
    with database_app.app_context():
        hook = hook_to(receiver)
        ids = [add_file() for _ in range(3)]
        assert tell(ANALYSERS, hook) == 3  # a new address hears of every key that is valid
        assert tell(ANALYSERS, hook) == 0
        rows = [db.session.get_one(File, file_id) for file_id in ids]
        told = bodies(receiver)
        assert [(one["id"], one["refer"]) for one in told] == [(row.id, row.refer) for row in rows]
        known = [row_of(key_in(one)) for one in told]
        assert [(key.file_id, key.generation) for key in known] == [(file_id, 0) for file_id in ids]
        until_us = [datetime.fromisoformat(one["expires_utc"]).timestamp() * 1_000_000 for one in told]
        assert until_us == [key.issued_us + KEY_S * 1_000_000 for key in known]
    assert set(told[0]) == {"id", "refer", "url", "expires_utc"}
    headers, body = receiver.got[0]
    is_genuine = documented("is_genuine")
    assert is_genuine(SECRET, headers, body)
    assert not is_genuine("another", headers, body)
    assert not is_genuine(SECRET, headers, body + b" ")
    assert not is_genuine(SECRET, {**headers, "X-Playback-Timestamp": "1795214645"}, body)
    assert not is_genuine(SECRET, {}, body)
    ids = [int(headers["X-Playback-Event"]) for headers, _ in receiver.got]
    assert ids == sorted(set(ids))


def test_a_key_that_was_rotated_out_is_not_told_but_the_newest_one_is(
    database_app: Flask, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with database_app.app_context():
        hook = hook_to(receiver)
        first = add_file()
        receiver.status = 500
        assert tell(ANALYSERS, hook) == 0
        assert tell(ANALYSERS, hook) == 0  # not yet time
        mark = db.session.get_one(AnalyserMark, hook.target)
        assert (mark.tries, mark.error) == (1, f"{hook.host} answered 500")
        make_due()
        assert tell(ANALYSERS, hook) == 0
        db.session.expire_all()
        assert mark.tries == 2
        age(KEY_S + 1)
        second = add_file()
        turn_all(first)
        make_due()
        receiver.status = 200
        assert tell(ANALYSERS, hook) == 2
        known = [row_of(key_in(one)) for one in bodies(receiver)]
        assert [(key.file_id, key.generation) for key in known] == [(second, 0), (first, 1)]
        assert mark.error is None
    assert SECRET not in caplog.text
    assert "/hook" not in caplog.text
    assert not any(key_in(one) in caplog.text for one in bodies(receiver))


def test_nothing_is_told_of_keys_that_are_no_longer_valid(app: Flask, receiver: Receiver) -> None:
    with app.app_context():
        hook = hook_to(receiver)
        add_file()
        age(601)
        assert tell(ANALYSERS, hook) == 0
        deleted = add_file()
        with writing() as session:
            session.execute(update(File).where(File.id == deleted).values(deleted_us=now_us()))
        assert tell(ANALYSERS, hook) == 0
        revoked = add_file()
        with writing() as session:
            session.execute(update(ReferKey).where(ReferKey.file_id == revoked).values(revoked_us=now_us()))
        assert tell(ANALYSERS, hook) == 0
        mark = db.session.get_one(AnalyserMark, hook.target)
        assert mark.last_id == db.session.get_one(File, revoked).event_id  # they are not looked at again
    assert receiver.got == []


def test_an_address_that_hangs_or_is_away_holds_up_no_other(
    app: Flask, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        hanging = WebhookSettings(f"http://u:{SECRET}@127.0.0.1:{silent.getsockname()[1]}/", SECRET, "hanging")
        away = WebhookSettings(f"http://u:{SECRET}@127.0.0.1:9/?token={SECRET}", SECRET, "away")
        with app.app_context():
            add_file()

        def run(work):
            with app.app_context():
                return work()

        teller = Teller(ANALYSERS, (hanging, away, hook_to(receiver)), run)
        teller.wake()
        before = dict(teller._threads)
        teller.wake()
        wait_for(lambda: receiver.got, "telling the third")
        assert teller._threads[hanging.target] is before[hanging.target]  # never two threads of one address
        teller.stop()
    before[hanging.target].join(20)  # nobody listens any more
    assert len(receiver.got) == 1
    for secret in (SECRET, key_in(bodies(receiver)[0])):
        assert secret not in caplog.text


def test_a_wake_that_comes_while_the_last_look_ends_is_not_lost(app: Flask) -> None:
    looks = []
    teller: Teller

    def run(work):
        looks.append(work)
        if len(looks) == 1:
            teller.wake()

    teller = Teller(ANALYSERS, (WebhookSettings("http://127.0.0.1:9/", "", "away"),), run)
    teller.wake()
    for thread in list(teller._threads.values()):
        thread.join(20)
    assert len(looks) == 2
    assert teller._threads == {}


def test_an_address_that_is_no_more_is_forgotten(app: Flask, receiver: Receiver) -> None:
    with app.app_context():
        hook = hook_to(receiver)
        tell(ANALYSERS, hook)
        clear_marks({hook.target})
        assert db.session.scalar(select(AnalyserMark.target)) == hook.target
        clear_marks(set())
        assert db.session.scalar(select(AnalyserMark.target)) is None


def test_a_clock_that_was_set_back_does_not_silence_an_address(app: Flask, receiver: Receiver) -> None:
    with app.app_context():
        hook = hook_to(receiver)
        tell(ANALYSERS, hook)
        with writing() as session:
            session.execute(update(AnalyserMark).values(next_us=now_us() + 3600 * 1_000_000, tries=3))
        add_file()
        assert tell(ANALYSERS, hook) == 1
