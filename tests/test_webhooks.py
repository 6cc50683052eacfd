"""Notices of changes of state, and webhooks that are told of them: in order, signed, again until they take them."""

import hashlib
import hmac
import json
import logging
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from app.archive.notices import note
from app.archive.watch import DEAD_US, UNRECORDED_US, look
from app.capture import steadiness
from app.capture.steadiness import Steadiness
from app.extensions import db, writing
from app.models import Lease, Notice, Recorder, Source, Wanted, WebhookMark
from app.models.types import now_us
from app.transfer.telling import Teller
from app.transfer.webhooks import GAP_US, KEPT_US, UNTOLD_US, WEBHOOKS, clear, tell
from instance.config import ConfigurationError, TestingConfig, WebhookSettings

SECRET = "a-secret-of-receivers"


class Receiver:
    """A real HTTP server that takes down what it is sent, and answers as it is told."""

    def __init__(self) -> None:
        self.status = 200
        self.got: list[tuple[dict[str, str], bytes]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if receiver.status == 200:
                    receiver.got.append((dict(self.headers), body))
                self.send_response(receiver.status)
                if receiver.status == 302:
                    self.send_header("Location", "http://127.0.0.1:9/stolen")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://user:{SECRET}@127.0.0.1:{self.server.server_port}/hook"

    @property
    def ids(self) -> list[int]:
        """The ids of what was taken, in order."""
        return [json.loads(body)["id"] for _, body in self.got]


def bodies(receiver: Receiver) -> list[dict[str, Any]]:
    """Return what was taken, in order."""
    return [json.loads(body) for _, body in receiver.got]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Yield a receiver."""
    found = Receiver()
    yield found
    found.server.shutdown()
    found.server.server_close()


def hook_to(receiver: Receiver) -> WebhookSettings:
    return WebhookSettings(receiver.url, SECRET, f"127.0.0.1:{receiver.server.server_port}")


def note_many(count: int, kind: str = "storage") -> None:
    for number in range(count):
        with writing() as session:
            note(session, kind, f"subject {number}", is_bad=True, text=f"text {number}")


def make_due() -> None:
    with writing() as session:
        session.execute(update(WebhookMark).values(next_us=0))


def test_notices_come_in_order_and_are_signed(database_app: Flask, receiver: Receiver) -> None:
    with database_app.app_context():
        hook = hook_to(receiver)
        note_many(1, "of before")
        assert tell(hook) == 0  # it begins with what comes now
        note_many(3)
        assert tell(hook) == 3
        assert tell(hook) == 0
    assert receiver.ids == [2, 3, 4]
    headers, body = receiver.got[0]
    stamp = headers["X-Playback-Timestamp"]
    signature = hmac.new(SECRET.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    assert headers["X-Playback-Signature"] == f"sha256={signature}"
    assert headers["X-Playback-Notice"] == "2"
    said = json.loads(body)
    assert (said["kind"], said["subject"], said["is_bad"], said["text"]) == ("storage", "subject 0", True, "text 0")


@pytest.mark.parametrize("status", [500, 302, 404])
def test_a_receiver_that_refuses_gets_all_of_it_later(
    app: Flask, receiver: Receiver, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with app.app_context():
        hook = hook_to(receiver)
        tell(hook)
        note_many(3)
        receiver.status = status
        assert tell(hook) == 0
        assert tell(hook) == 0  # not yet time
        mark = db.session.get(WebhookMark, hook.target)
        assert (mark.tries, mark.last_id) == (1, 0)
        assert mark.error == f"{hook.host} answered {status}"
        first_us = mark.next_us
        make_due()
        tell(hook)
        db.session.expire_all()
        assert mark.tries == 2
        assert mark.next_us > first_us  # the pauses grow
        make_due()
        receiver.status = 200
        assert tell(hook) == 3
    assert receiver.ids == [1, 2, 3]
    assert SECRET not in caplog.text
    assert "/hook" not in caplog.text


def test_a_receiver_that_is_not_there_is_told_later_and_nothing_names_its_address(
    app: Flask, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    gone = WebhookSettings(f"http://user:{SECRET}@127.0.0.1:9/hook?token={SECRET}", SECRET, "127.0.0.1:9")
    with app.app_context():
        tell(gone)
        note_many(1)
        assert tell(gone) == 0
        mark = db.session.get(WebhookMark, gone.target)
        assert mark.error == "127.0.0.1:9 cannot be told: ConnectionError"
    assert SECRET not in caplog.text
    assert SECRET not in repr(gone)


def test_what_a_receiver_did_not_take_for_a_week_is_given_up(
    app: Flask, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    with app.app_context():
        hook = hook_to(receiver)
        tell(hook)
        note_many(3)
        with writing() as session:
            session.execute(update(Notice).where(Notice.id < 3).values(at_us=now_us() - UNTOLD_US - 1))
        assert tell(hook) == 1
    assert receiver.ids == [3]
    assert "2 notices are older than 7 days" in caplog.text


def test_two_workers_do_not_send_the_same_notice_at_once(app: Flask, receiver: Receiver) -> None:
    with app.app_context():
        hook = hook_to(receiver)
        tell(hook)
        note_many(1)
        with writing() as session:
            session.execute(update(WebhookMark).values(next_us=now_us() + 60_000_000))  # another has just claimed it
        assert tell(hook) == 0
    assert receiver.ids == []


def test_one_webhook_that_hangs_holds_up_no_other(app: Flask, receiver: Receiver) -> None:
    import socket

    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        hanging = WebhookSettings(f"http://127.0.0.1:{silent.getsockname()[1]}/", "", "hanging")
        with app.app_context():
            for hook in (hanging, hook_to(receiver)):
                tell(hook)
            note_many(1)

        def run(work):
            with app.app_context():
                return work()

        teller = Teller(WEBHOOKS, (hanging, hook_to(receiver)), run)
        teller.wake()
        for thread in list(teller._threads.values())[1:]:
            thread.join(20)
        assert receiver.ids == [1]
        teller.stop()


def test_old_notices_go_but_the_last_of_each_subject_stays(app: Flask) -> None:
    with app.app_context():
        for is_bad in (True, False, True):
            with writing() as session:
                note(session, "storage", "a", is_bad=is_bad, text="t")
        with writing() as session:
            session.execute(update(Notice).values(at_us=now_us() - KEPT_US - 1))
            session.add(WebhookMark(target="of one that is no more"))
        assert clear(set(), now_us()) == 2
        assert db.session.scalars(select(Notice.is_bad)).all() == [True]
        assert db.session.scalar(select(WebhookMark.target)) is None
        db.session.rollback()
        with writing() as session:
            assert not note(session, "storage", "a", is_bad=True, text="t")  # it is known to be bad still


@pytest.mark.parametrize(
    "text",
    ["ftp://host/", "https://", "no address", "http://[::1", f"http://host:99999/?secret={SECRET}", "http://a b/"],
)
def test_a_wrong_address_ends_the_start_and_is_not_repeated(text: str) -> None:
    with pytest.raises(ConfigurationError, match="PLAYBACK_WEBHOOKS: number 2") as raised:
        _ = TestingConfig(WEBHOOKS=f"https://good.example/,{text}").webhooks
    assert SECRET not in str(raised.value)


def test_a_secret_in_the_address_is_taken_out_of_it() -> None:
    one, other = TestingConfig(
        WEBHOOKS="https://a.example/x?b=1&secret=own, http://b.example:8080", WEBHOOK_SECRET="shared"
    ).webhooks
    assert (one.url, one.secret, one.host) == ("https://a.example/x?b=1", "own", "a.example")
    assert (other.url, other.secret, other.host) == ("http://b.example:8080/", "shared", "b.example:8080")


def test_the_api_and_the_command_list_notices(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        note_many(3)
    found = client.get("/api/v1/notices?limit=2").json
    assert [(one["id"], one["text"], one["is_bad"]) for one in found] == [(3, "text 2", True), (2, "text 1", True)]
    assert [one["id"] for one in client.get("/api/v1/notices?before=2").json] == [1]
    assert client.get("/api/v1/notices?source_id=1").json == []
    assert client.get("/api/v1/notices?limit=0").status_code == 422
    answer = app.test_cli_runner().invoke(args=["notice", "list"])
    assert answer.exit_code == 0
    assert answer.output.splitlines()[0].split("\t")[2:] == ["bad", "storage", "subject 2", "text 2"]


def test_the_command_tests_each_webhook(config: TestingConfig, app: Flask, receiver: Receiver) -> None:
    runner = app.test_cli_runner()
    assert "there is none" in runner.invoke(args=["webhook", "test"]).output
    app.config["PLAYBACK"] = TestingConfig(INSTANCE=config.INSTANCE, WEBHOOKS=f"{receiver.url},http://127.0.0.1:9/")
    answer = runner.invoke(args=["webhook", "test"])
    assert answer.exit_code == 1
    assert [line.split("\t")[1] for line in answer.output.splitlines()] == [
        "took it",
        "127.0.0.1:9 cannot be told: ConnectionError",
    ]
    assert json.loads(receiver.got[0][1])["kind"] == "test"


def notices() -> list[tuple[str, bool, str]]:
    found = [tuple(row) for row in db.session.execute(select(Notice.kind, Notice.is_bad, Notice.text))]
    db.session.rollback()
    return found


def test_a_camera_is_noted_once_it_is_away_for_a_while(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr(steadiness.time, "monotonic", lambda: clock[0])
    with app.app_context():
        with writing() as session:
            session.add(Source(id=7, model="Source", description="Front\ndoor"))
        steady = Steadiness(7)

        def measure(status: str, for_s: float) -> None:
            steady.measured(status, "nothing listens" if status != "online" else None)
            for _ in range(int(for_s * 2)):
                steady.note()
                clock[0] += 0.5

        measure("online", 10)
        for _ in range(4):  # it flaps, and is mostly there
            measure("offline", 0.5)
            measure("online", 7)
        assert notices() == []
        for _ in range(4):  # it flaps, and is never there for long
            measure("offline", 1)
            measure("online", 1)
        measure("offline", 1)
        measure("online", 10)
        measure("offline", 10)
    with app.app_context():
        assert notices() == [
            ("source", True, "source 7 (Front door) is offline: nothing listens"),
            ("source", False, "source 7 (Front door) is online again"),
            ("source", True, "source 7 (Front door) is offline: nothing listens"),
        ]


def test_what_is_wanted_and_not_recorded_and_a_recorder_that_died_are_noted(database_app: Flask) -> None:
    at_us = now_us()
    with database_app.app_context():
        with writing() as session:
            session.add(Source(id=1, model="Source"))
            session.flush()
            session.add(Wanted(source_id=1, begin_us=at_us))
            session.add(
                Recorder(id="r", host_id="host", boot_id="b", pid=1, started_ticks=1, seen_us=at_us)
            )  # fmt: skip
            session.flush()
            session.add(Lease(source_id=1, recorder_id="r", expires_us=at_us))
        assert look(at_us + 1) == 0
        late_us = at_us + max(UNRECORDED_US, DEAD_US) + 1
        assert look(late_us) == 2
        assert look(late_us) == 0
        with writing() as session:
            session.execute(update(Recorder).values(seen_us=late_us))
        assert look(late_us) == 1
        assert [(kind, is_bad) for kind, is_bad, _ in notices()] == [
            ("recording", True), ("recorder", True), ("recorder", False),
        ]  # fmt: skip


def test_no_webhook_is_told_where_a_camera_is(app: Flask) -> None:
    text = "source 1 is no video: ffmpeg's last word: rtsp://viewer:s3@10.0.0.5/live?token=t0k3n: Server returned 5XX"
    with app.app_context():
        with writing() as session:
            note(session, "source", "1", is_bad=True, text=text)
        told = db.session.scalars(select(Notice.text)).one()
    assert told == "source 1 is no video: ffmpeg's last word: (an address): Server returned 5XX"


def test_a_notice_that_is_committed_after_a_later_one_is_told_too(database_app: Flask, receiver: Receiver) -> None:
    """PostgreSQL gives ids out before the commit: the later was seen first, and the earlier was never told."""

    def add(notice_id: int) -> None:
        with writing() as session:
            session.add(Notice(id=notice_id, kind="storage", subject=str(notice_id), is_bad=True, text="full"))

    with database_app.app_context():
        hook = hook_to(receiver)
        tell(hook)
        for notice_id, told in ((1, 1), (3, 0), (2, 2), (5, 0)):
            add(notice_id)
            assert tell(hook) == told
        with writing() as session:
            session.execute(update(Notice).values(at_us=Notice.at_us - GAP_US))
        assert tell(hook) == 1  # the transaction that was given the id 4 has not ended well
    assert receiver.ids == [1, 2, 3, 5]
