"""The one thread that serves all listeners of a process: who holds up whom, who is let go, and when it ends."""

import socket
import threading
from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text

from app.archive.handed import find_file
from app.archive.outbox import emit
from app.errors import Busy
from app.extensions import db, writing
from app.models import FileEvent
from app.transfer import serving
from app.transfer.eventhub import Hub
from app.transfer.happenings import State
from app.transfer.listeners import SocketListener
from tests.event_client import EventReader
from tests.outbox import announce, delete, tell, turn
from tests.service import wait_for

MOST = 200


class Party:
    """A hub, and whoever joins it over a connection of their own."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.is_ending = threading.Event()
        self.hub = Hub(app, MOST, self.is_ending.is_set)
        self._readers: list[EventReader] = []

    def join(self, file_id: int, event_id: int = 0, progress_from: int = 0) -> EventReader:
        """Listen to a file behind an event."""
        server, client = socket.socketpair()
        self.hub.take_place()
        listener = SocketListener(file_id, event_id, progress_from, "http://video.test")
        listener.attach(server, serving.STUCK_S)
        self.hub.join(listener)
        self._readers.append(EventReader(client))
        return self._readers[-1]

    def end(self) -> None:
        """End the thread, and close what is left."""
        self.is_ending.set()
        self.hub.wake()
        for reader in self._readers:
            reader.close()
        wait_for(lambda: not is_serving(), "the end of the thread")


@pytest.fixture
def party(app: Flask) -> Iterator[Party]:
    party = Party(app)
    yield party
    party.end()


@pytest.fixture
def database_party(database_app: Flask) -> Iterator[Party]:
    party = Party(database_app)
    yield party
    party.end()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return what shortens the pauses of the loop."""

    def shorten(**seconds: float) -> None:
        for name, value in {"LOOK_S": 0.02, **seconds}.items():
            monkeypatch.setattr(serving, name, value)

    return shorten


def is_serving() -> bool:
    return any(thread.name == "events" for thread in threading.enumerate())


def tell_many(app: Flask, file_id: int, count: int, size: int) -> list[int]:
    """Write many events in one transaction; return their ids."""
    with app.app_context(), writing() as session:
        row = find_file(session, file_id)
        return [emit(session, row, "comment", comment=f"{number:05d}" + "x" * size) for number in range(count)]


def test_who_takes_nothing_holds_up_nobody_and_reads_on_without_loss(party: Party) -> None:
    file_id = announce(party.app)
    with party.join(file_id) as stalled, party.join(file_id) as other:
        first = [reader.take(1)[0].id for reader in (stalled, other)]
        ids = [number for _ in range(4) for number in tell_many(party.app, file_id, 150, 4000)]
        assert [event.id for event in other.take(len(ids))] == ids
        assert [event.id for event in stalled.take(len(ids))] == ids
        last = tell(party.app, file_id, "comment", comment="last")
        assert [reader.take(1)[0].id for reader in (stalled, other)] == [last, last]
    assert first[0] == first[1] < ids[0]


def test_who_takes_nothing_for_too_long_is_let_go_and_resumes(party: Party, quick: Callable[..., None]) -> None:
    quick()
    usual_s = serving.STUCK_S
    file_id = announce(party.app)
    ids = tell_many(party.app, file_id, 300, 4000)
    with party.join(file_id) as other:
        assert len(other.take(301)) == 301
        quick(STUCK_S=0.3)  # while nobody else has anything to take
        stalled = party.join(file_id)
        wait_for(lambda: party.hub.taken == 1, "the end of the one that is stalled")
        quick(STUCK_S=usual_s)
        got = stalled.until_broken()
        assert [event.id for event in got][1:] == ids[: len(got) - 1]
        assert len(got) < 301
        with party.join(file_id, got[-1].id) as again:
            assert [event.id for event in again.take(301 - len(got))] == ids[len(got) - 1 :]
        last = tell(party.app, file_id, "comment", comment="last")
        assert other.take(1)[0].id == last


def test_a_heartbeat_keeps_a_silent_stream_alive(party: Party, quick: Callable[..., None]) -> None:
    quick(HEARTBEAT_S=0.1)
    file_id = announce(party.app)
    with party.join(file_id) as reader:
        reader.take(1)
        reader.read_comments(3)
        told = tell(party.app, file_id, "comment", comment="after silence")
        assert reader.take(1)[0].id == told


def test_a_listener_connects_anew_after_a_while(party: Party, quick: Callable[..., None]) -> None:
    quick(LIFE_S=0.1)
    file_id = announce(party.app)
    with party.join(file_id) as reader:
        assert len(reader.rest()) == 1


def test_a_deletion_ends_the_stream(party: Party, quick: Callable[..., None]) -> None:
    quick(DELETED_S=0.05)
    file_id, other_id = announce(party.app), announce(party.app)
    with party.join(file_id) as reader, party.join(other_id) as other:
        reader.take(1)
        delete(party.app, file_id)
        assert reader.rest() == []
        told = tell(party.app, other_id, "comment", comment="of the other")
        assert other.take(2)[1].id == told


def test_who_leaves_gives_the_place_back_and_the_thread_ends_with_the_last(party: Party) -> None:
    file_id = announce(party.app)
    readers = [party.join(file_id) for _ in range(5)]
    assert [reader.take(1)[0].data["status"] for reader in readers] == ["--------"] * 5
    assert is_serving()
    for left, reader in enumerate(readers, 1):
        reader.close()
        wait_for(lambda left=left: party.hub.taken == 5 - left, "the place")  # type: ignore[misc]
    wait_for(lambda: not is_serving(), "the end of the thread")
    with party.join(file_id) as again:
        assert again.take(1)[0].data["status"] == "--------"


def test_no_more_than_the_setting_says_have_a_place(app: Flask) -> None:
    hub = Hub(app, 2, lambda: False)
    hub.take_place()
    hub.take_place()
    with pytest.raises(Busy):
        hub.take_place()
    hub.give_back()
    hub.take_place()


def test_all_are_let_go_at_once_when_the_process_is_asked_to_end(party: Party) -> None:
    file_id = announce(party.app)
    readers = [party.join(file_id) for _ in range(5)]
    assert all(reader.take(1) for reader in readers)
    party.is_ending.set()
    assert [reader.rest() for reader in readers] == [[]] * 5
    wait_for(lambda: not is_serving(), "the end of the thread")
    assert party.hub.taken == 0


def test_a_client_that_is_gone_before_it_is_served_leaves_nothing(party: Party) -> None:
    file_id = announce(party.app)
    server, client = socket.socketpair()
    client.close()
    server.close()
    party.hub.take_place()
    listener = SocketListener(file_id, 0, 0, "")
    listener.attach(server, serving.STUCK_S)
    party.hub.join(listener)
    wait_for(lambda: party.hub.taken == 0, "the place")


def test_what_a_client_sends_is_read_away(party: Party) -> None:
    file_id = announce(party.app)
    with party.join(file_id) as reader:
        reader.take(1)
        reader.connection.sendall(b"GET / HTTP/1.1\r\n\r\n" * 100)
        told = tell(party.app, file_id, "comment", comment="still here")
        assert reader.take(1)[0].id == told


def test_listeners_of_more_files_than_are_read_for_at_once_all_get_theirs(party: Party) -> None:
    file_ids = [announce(party.app) for _ in range(serving.GROUPS * 2 + 3)]
    readers = {file_id: party.join(file_id) for file_id in file_ids}
    told = {file_id: tell(party.app, file_id, "comment", comment=str(file_id)) for file_id in file_ids}
    for file_id, reader in readers.items():
        first, second = reader.take(2)
        assert (first.data["type"], second.id) == ("status", told[file_id])
        assert second.data["comment"] == str(file_id)
        reader.close()


def test_a_past_of_several_portions_comes_whole_and_in_order_and_then_the_end(party: Party) -> None:
    file_id = announce(party.app)
    ids = tell_many(party.app, file_id, serving.PORTION * 2 + 50, 10)
    ids.append(turn(party.app, file_id, "db_ready"))
    with party.join(file_id) as reader:
        assert [event.id for event in reader.rest()][1:] == ids


def test_events_go_on_where_the_database_could_not_be_read_for_a_while(
    party: Party, quick: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    quick(FAILED_S=0.05)
    file_id = announce(party.app)
    with party.join(file_id) as reader:
        reader.take(1)
        rename(party.app, "file_event", "away")
        wait_for(lambda: "events cannot be read now" in caplog.text, "a line in the log")
        rename(party.app, "away", "file_event")
        told = tell(party.app, file_id, "comment", comment="after it")
        assert reader.take(1)[0].id == told


def rename(app: Flask, old: str, new: str) -> None:
    with app.app_context(), writing() as session:
        session.execute(text(f"ALTER TABLE {old} RENAME TO {new}"))


def test_a_writer_that_commits_late_is_not_passed_over(database_party: Party) -> None:
    """Who wrote first, into another file, is read first though the other could end sooner: it waits its turn."""
    party, app = database_party, database_party.app
    file_id, other_id = announce(app), announce(app)
    has_written, may_commit = threading.Event(), threading.Event()

    def write_slowly() -> None:
        with app.app_context(), writing() as session:
            emit(session, find_file(session, file_id), "comment", comment="slow")
            has_written.set()
            may_commit.wait(10)

    slow = threading.Thread(target=write_slowly)
    quick = threading.Thread(target=tell, args=(app, other_id, "comment"), kwargs={"comment": "quick"})
    with party.join(file_id) as reader, party.join(other_id) as other:
        assert [len(one.take(1)) for one in (reader, other)] == [1, 1]
        slow.start()
        assert has_written.wait(10)
        quick.start()
        quick.join(0.5)  # time to overtake, if it could
        early = [] if quick.is_alive() else other.take(1)  # so it was read, and what it has overtaken is never told
        may_commit.set()
        first, second = reader.take(1)[0], (early or other.take(1))[0]
        slow.join()
        quick.join()
    assert (first.data["comment"], second.data["comment"]) == ("slow", "quick")
    assert first.id < second.id


def test_only_who_has_seen_the_newest_event_of_a_file_that_is_over_has_seen_all() -> None:
    """An event may come between the reading of events and of the file's state: the stream ends behind it."""
    assert [State(5, is_over, None).is_seen(event_id) for is_over in (True, False) for event_id in (4, 5)] == [
        *(False, True, False, False)
    ]


Scripts = st.lists(st.lists(st.tuples(st.integers(0, 1), st.integers(1, 4)), max_size=6), min_size=1, max_size=3)
Reads = st.lists(st.lists(st.integers(0, 7), max_size=4), min_size=1, max_size=4)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(scripts=Scripts, reads=Reads)
def test_every_reader_sees_every_event_once_and_in_order(
    database_party: Party, scripts: list[list[tuple[int, int]]], reads: list[list[int]]
) -> None:
    """Writers of two files write transactions of several events each; readers leave after so many, and resume."""
    party, app = database_party, database_party.app
    file_ids = [announce(app), announce(app)]
    expected = [1 + sum(count for script in scripts for file, count in script if file == which) for which in (0, 1)]
    seen: list[list[int]] = [[] for _ in reads]

    def write(script: list[tuple[int, int]]) -> None:
        for which, count in script:
            with app.app_context(), writing() as session:
                row = find_file(session, file_ids[which], is_locked=True)
                for _ in range(count):
                    emit(session, row, "comment", comment="…")

    def read(number: int) -> None:
        which, wanted = number % 2, seen[number]
        for count in [*reads[number], expected[which]]:
            with party.join(file_ids[which], wanted[-1] if wanted else 0) as reader:
                left = expected[which] - len(wanted)
                wanted += [event.id for event in reader.take(min(count, left))]

    run_all(
        [threading.Thread(target=write, args=(script,)) for script in scripts]
        + [threading.Thread(target=read, args=(number,)) for number in range(len(reads))]
    )
    for number, got in enumerate(seen):
        assert got == stored_ids(app, file_ids[number % 2])
    assert party.hub.taken == 0


def run_all(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    wait_for(lambda: not is_serving(), "the end of the thread")


def stored_ids(app: Flask, file_id: int) -> list[int]:
    with app.app_context():
        ids = select(FileEvent.id).where(FileEvent.file_id == file_id).order_by(FileEvent.id)
        return list(db.session.scalars(ids))
