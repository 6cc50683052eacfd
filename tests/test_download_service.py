"""Downloads of a running service: two hundred at once, clients that leave, both databases, the worker's clock."""

import hashlib
import selectors
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
from flask import Flask
from sqlalchemy import select

from app.archive.handed import find_file
from app.errors import TooMany
from app.extensions import db, writing
from app.models import File, FileEvent, ReferKey, Rotation
from app.models.types import now_us
from app.transfer import leasing, rotating
from app.transfer.leasing import Asker, begin_download
from app.transfer.pumping import Gone, Pump, read_blocks
from app.transfer.referkeys import key_of
from tests.handed import age, leases_of, rotate, row_of, store_and_rotate, store_file
from tests.served import Served, serving
from tests.service import wait_for

CONTENT = bytes(range(251)) * 80_000  # 20 MB: more than the kernel holds for clients that read nothing
MANY, MOST = 200, 10


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Yield a web server of two processes."""
    with serving(tmp_path_factory.mktemp("downloads"), WEB_WORKERS=2) as running:
        yield running


def ask(port: int, path: str, headers: str = "") -> socket.socket:
    """Return a connection that has asked for a path and has read nothing; its buffer is small."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 14)
    connection.connect(("127.0.0.1", port))
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n".encode())
    return connection


def heads(connections: list[socket.socket]) -> dict[socket.socket, bytes]:
    """Return what each answer begins with."""
    found: dict[socket.socket, bytes] = {}
    with selectors.DefaultSelector() as selector:
        for connection in connections:
            selector.register(connection, selectors.EVENT_READ)
        while selector.get_map():
            for key, _ in selector.select(30) or pytest.fail("an answer did not come within 30 s"):
                found[key.fileobj] = key.fileobj.recv(2000)
                selector.unregister(key.fileobj)
    return found


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def test_of_two_hundred_at_once_ten_download_and_every_place_comes_back(served: Served) -> None:
    file_id, key = store_and_rotate(served.app, CONTENT)
    for leave in (reset, socket.socket.close, lambda connection: connection.shutdown(socket.SHUT_WR)):
        connections = [ask(served.service.port, f"/download/{key}/") for _ in range(MANY)]
        answers = heads(connections)
        begun = [connection for connection, head in answers.items() if head.startswith(b"HTTP/1.1 200")]
        refused = [head for head in answers.values() if head.startswith(b"HTTP/1.1 429")]
        assert (len(begun), len(refused)) == (MOST, MANY - MOST)
        assert all(b"\r\nRetry-After: " in head for head in refused)
        assert len(leases_of(served.app, file_id)) == MOST
        for connection in begun:
            leave(connection)
        wait_for(lambda: not leases_of(served.app, file_id), "the return of every place")
        for connection in connections:
            connection.close()
    assert row_of(served.app, file_id).downloads == 3 * MOST


def test_the_whole_file_comes_over_one_connection_whatever_was_asked_before(served: Served) -> None:
    file_id, key = store_and_rotate(served.app, CONTENT)
    with requests.Session() as session:
        url = served.url(f"/download/{key}/")
        for _ in range(2):
            assert session.head(url, timeout=30).headers["Content-Length"] == str(len(CONTENT))
            whole = session.get(url, timeout=30)
            assert hashlib.sha256(whole.content).hexdigest() == whole.headers["ETag"].strip('"')
            part = session.get(url, timeout=30, headers={"Range": "bytes=5000000-15000000"})
            assert part.content == CONTENT[5_000_000:15_000_001]
            assert session.get(url, timeout=30, headers={"Range": "bytes=7-9"}).content == CONTENT[7:10]
    wait_for(lambda: not leases_of(served.app, file_id), "the return of every place")
    assert row_of(served.app, file_id).downloads == 2


def test_a_client_that_broke_off_goes_on_where_it_was(served: Served) -> None:
    file_id, key = store_and_rotate(served.app, CONTENT)
    connection = ask(served.service.port, f"/download/{key}/")
    _, _, begun = heads([connection])[connection].partition(b"\r\n\r\n")
    while len(begun) < 1_000_000:
        begun += connection.recv(65536)
    reset(connection)
    age(served.app, file_id, 30)
    with served.app.app_context(), writing() as session:
        began_us = now_us() - 601 * 1_000_000
        session.execute(db.update(Rotation).where(Rotation.file_id == file_id).values(started_us=began_us))
    url = served.url(f"/download/{key}/")
    assert requests.get(url, timeout=30).status_code == 410
    rest = requests.get(url, timeout=30, headers={"Range": f"bytes={len(begun)}-"})
    assert (rest.status_code, begun + rest.content == CONTENT) == (206, True)


def test_no_key_is_in_the_services_log(served: Served) -> None:
    file_id, key = store_and_rotate(served.app, CONTENT)
    for _ in range(2):
        connection = ask(served.service.port, f"/download/{key}/")
        heads([connection])
        reset(connection)
        age(served.app, file_id, 700)
    assert requests.get(served.url(f"/download/{key}/"), timeout=30).status_code == 410
    metrics = requests.get(served.url("/metrics"), timeout=30).text
    assert 'url_rule="/download/<refer:refer>/"' in metrics
    assert key not in metrics + served.service.read_log()


def test_the_worker_turns_the_keys_and_ends_the_rotation(served: Served) -> None:
    service, app = served.service, served.app
    service.spawn("worker")
    file_id = store_file(app, b"film")
    made = service.call("POST", f"/files/{file_id}/refer/")
    age(app, file_id, 89)
    service.call("POST", f"/files/{file_id}/refer/")
    wait_for(lambda: row_of(app, file_id).generation == 1, "the second key", 30)
    now = service.call("GET", f"/files/{file_id}/refer/")
    assert now["download_url"] not in (None, made["download_url"])
    age(app, file_id, 600)
    wait_for(lambda: _reason(app, file_id), "the end of the rotation")
    assert _reason(app, file_id) == "ran_out"
    for key in (made["download_url"], now["download_url"]):
        assert key.split("/")[2] not in service.read_log()


def _reason(app: Flask, file_id: int) -> str | None:
    with app.app_context():
        return db.session.scalar(select(Rotation.reason).where(Rotation.file_id == file_id))


# --- both databases ---


def at_once(app: Flask, count: int, act: Callable[[], object]) -> list[object]:
    """Return what an act gives in so many threads at the same time, each in a context of its own."""
    gate = threading.Barrier(count)

    def run(_: int) -> object:
        with app.app_context():
            gate.wait()
            return act()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def test_many_threads_make_one_rotation_one_key_and_ten_places(database_app: Flask) -> None:
    file_id = store_file(database_app, b"film")
    begun_us = now_us()

    def restart() -> bool:
        with writing() as session:
            return rotating.restart(session, find_file(session, file_id, is_locked=True), "anna", begun_us)

    def turn() -> bool:
        with writing() as session:
            return rotating.turn(session, file_id, begun_us + 95 * 1_000_000)

    def begin() -> str | None:
        try:
            with writing() as session:
                key = key_of(session.get_one(File, file_id), 1)
                return begin_download(session, key, Asker(None, False), begun_us + 100 * 1_000_000).id
        except TooMany:
            return None

    assert sum(map(bool, at_once(database_app, 8, restart))) == 1
    assert sum(map(bool, at_once(database_app, 8, turn))) == 1
    got = {lease_id for lease_id in at_once(database_app, 24, begin) if lease_id}
    assert len(got) == MOST
    assert {lease.id for lease in leases_of(database_app, file_id)} == got
    row = row_of(database_app, file_id)
    assert (row.downloads, row.users) == (MOST, MOST)
    with database_app.app_context():
        assert db.session.scalars(select(ReferKey.generation).order_by(ReferKey.id)).all() == [0, 1]
        assert db.session.scalars(select(Rotation.reason)).all() == ["downloaded"]
        assert db.session.scalars(select(FileEvent.type)).all() == ["download", "download", "status"]


def test_a_late_beat_and_a_newcomer_never_make_eleven(database_app: Flask) -> None:
    """A lease that is 60 s old is either taken back or beats: never both."""
    file_id, key = store_and_rotate(database_app, b"film")
    with database_app.app_context():
        with writing() as session:
            old = [begin_download(session, key, Asker(None, False), now_us()).id for _ in range(MOST)]
        with writing() as session:
            stale_us = now_us() - leasing.STALE_US - 1
            session.execute(db.update(leasing.DownloadLease).values(beat_us=stale_us))
    turns = iter([*old, *[None] * MOST])
    lock = threading.Lock()

    def act() -> bool:
        with lock:
            lease_id = next(turns)
        try:
            with writing() as session:
                if lease_id is not None:
                    return leasing.beat(session, lease_id, 1, now_us())
                return bool(begin_download(session, key, Asker(None, False), now_us()))
        except TooMany:
            return False

    done = at_once(database_app, 2 * MOST, act)
    assert sum(map(bool, done)) == MOST
    assert len(leases_of(database_app, file_id)) == MOST


# --- the pump ---


def pair() -> tuple[socket.socket, socket.socket]:
    """Return both ends of a TCP connection: ours, and a client's with a small buffer."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 12)
        client.connect(server.getsockname())
        ours, _ = server.accept()
    return ours, client


@pytest.mark.parametrize("way", ["file", "block"])
def test_a_client_that_takes_nothing_is_given_up_and_what_the_kernel_holds_is_no_progress(
    tmp_path: Path, way: str
) -> None:
    path = tmp_path / "film"
    path.write_bytes(CONTENT)
    ours, client = pair()
    told: list[int] = []
    with ours, client, path.open("rb") as file:
        pump = Pump(ours, told.append, stall_s=0.5, tick_s=0.1)
        with pytest.raises(Gone):
            pump.send_file(file.fileno(), 0, len(CONTENT)) if way == "file" else pump.send_block(CONTENT)
        pump.close()
        assert ours.gettimeout() is None
        assert told == sorted(told)
        assert max(told, default=0) < 1 << 17, "megabytes were handed to the kernel"


def test_a_slow_client_is_seen_to_make_progress_and_gets_everything(tmp_path: Path) -> None:
    path = tmp_path / "film"
    path.write_bytes(CONTENT)
    ours, client = pair()
    told: list[int] = []
    got = hashlib.sha256()

    def read() -> None:
        while block := client.recv(1 << 18):
            got.update(block)

    reader = threading.Thread(target=read)
    reader.start()
    with ours, path.open("rb") as file:
        pump = Pump(ours, told.append, tick_s=0.0)
        pump.send_file(file.fileno(), 0, 10_000_000)
        pump.send_block(CONTENT[10_000_000:])
        pump.close()
    reader.join(30)
    client.close()
    assert got.digest() == hashlib.sha256(CONTENT).digest()
    assert told == sorted(set(told))
    assert len(told) > 10


@pytest.mark.parametrize("leave", [reset, socket.socket.close])
def test_a_client_that_leaves_is_noticed(leave: Callable[[socket.socket], None]) -> None:
    ours, client = pair()
    with ours:
        pump = Pump(ours, lambda _: None)
        threading.Timer(0.2, leave, (client,)).start()
        with pytest.raises(ConnectionError):
            pump.send_block(CONTENT)


def test_a_file_that_is_shorter_than_was_promised_ends_the_answer(tmp_path: Path) -> None:
    path = tmp_path / "film"
    path.write_bytes(b"film")
    ours, client = pair()
    with ours, client, path.open("rb") as file:
        with pytest.raises(OSError, match="3 bytes early"):
            Pump(ours, lambda _: None).send_file(file.fileno(), 0, 7)
        with pytest.raises(OSError, match="3 bytes early"):
            list(read_blocks(file.fileno(), 0, 7, 2))


@pytest.mark.parametrize("how", ["revoked", "deleted"])
def test_who_downloads_is_cut_off_when_the_key_is_withdrawn(
    app: Flask, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr("app.transfer.heldlease.BEAT_S", 0.0)
    file_id = store_file(app, CONTENT)
    answer = app.test_client().get(f"/download/{rotate(app, file_id)}/", buffered=False)
    blocks = answer.iter_encoded()
    next(blocks)
    next(blocks)
    with app.app_context(), writing() as session:
        row = session.get_one(File, file_id)
        if how == "revoked":
            rotating.revoke(session, row, "anna", now_us())
        else:
            rotating.end_of_file(session, row, now_us())
    with pytest.raises(Gone):
        list(blocks)
    assert leases_of(app, file_id) == []
