"""A download key is the credential of a download: no log, metric, row, message or file of the service holds one."""

import os
import socket
import sqlite3
import struct
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.service import Service, wait_for
from tests.test_webhooks import SECRET, Receiver, bodies

SIZE_BYTES = 12 << 20  # more than the kernel holds for a client that takes nothing
MOST = 10


@pytest.fixture
def analysers() -> Iterator[tuple[Receiver, Receiver]]:
    """Yield one that takes what it is told, and one that refuses."""
    taking, refusing = Receiver(), Receiver()
    refusing.status = 500
    yield taking, refusing
    for receiver in (taking, refusing):
        receiver.server.shutdown()
        receiver.server.server_close()


@pytest.fixture
def service(tmp_path: Path, analysers: tuple[Receiver, Receiver]) -> Iterator[Service]:
    """Yield a service that logs all it can, and tells both."""
    taking, refusing = analysers
    urls = f"{taking.url}?secret={SECRET},{refusing.url}"
    with Service(tmp_path / "instance", LOG_LEVEL="DEBUG", ANALYSER_URLS=urls) as found:
        yield found


def stalled(service: Service, path: str) -> socket.socket:
    """Begin a download and take only its begin."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect(("127.0.0.1", service.port))
    client.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    assert client.recv(12) == b"HTTP/1.1 200"
    return client


def use_in_all_ways(service: Service, path: str, key: str) -> Iterator[int]:
    """Use a key, and what looks like one, in good and in bad ways; yield the statuses."""
    foreign = uuid.uuid4()

    def ask(method: str, path: str, **how: Any) -> int:
        return service.session.request(method, service.base + path, timeout=30, **how).status_code

    yield ask("HEAD", path)
    yield ask("GET", path, headers={"Range": "bytes=0-9"})
    yield ask("GET", f"/download/{uuid.UUID(key)}/")
    yield ask("GET", f"/download/{foreign.hex}/")
    yield ask("GET", f"/download/%{ord(key[0]):02x}{key[1:]}/extra")
    yield ask("GET", f"/nowhere?next=/download/{key}/")
    yield ask("POST", f"/download/{key}/", data=b"{", headers={"Content-Type": "application/json"})
    yield ask("POST", "/record/", json={"findings": 7}, headers={"X-Refer-Key": key})
    yield ask("POST", "/comments/", json={"refer_file": key, "comment": ""})
    with socket.create_connection(("127.0.0.1", service.port)) as odd:
        odd.sendall(f"GET {path} HTTP/9.9\r\nX-Refer-Key: {key}\r\n\r\n".encode())
        yield int(odd.recv(12)[9:12])
    with ExitStack() as held:
        clients = [held.enter_context(stalled(service, path)) for _ in range(MOST)]
        yield ask("GET", path)
        for client in clients:  # it breaks off with a reset
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def held_by(service: Service) -> Iterator[tuple[str, bytes]]:
    """Yield what the service holds and says, by name."""
    yield "log", service.log.read_bytes()
    for path in service.instance.rglob("*"):
        if path.is_file() and "files" not in path.parts:
            yield str(path), path.read_bytes()
    with closing(sqlite3.connect(service.instance / "app.db")) as connection:
        yield "database", "\n".join(connection.iterdump()).encode()


def test_no_key_is_in_any_log_metric_message_or_row(service: Service, analysers: tuple[Receiver, Receiver]) -> None:
    taking, _ = analysers
    answer = requests.post(f"{service.base}/files/", files={"upload": ("a.bin", os.urandom(SIZE_BYTES))}, timeout=30)
    assert answer.status_code == 201, answer.text
    told = wait_for(lambda: bodies(taking), "telling")[0]
    key = told["url"].rstrip("/").rpartition("/")[2]
    assert told["refer"] == answer.json()["refer"] != key
    path = f"/download/{key}/"
    assert told["url"] == service.base + path
    statuses = list(use_in_all_ways(service, path, key))
    assert {200, 206, 404, 429} <= set(statuses), statuses
    assert service.session.delete(f"{service.base}/files/{told['id']}/refer/", timeout=30).status_code == 200
    assert service.session.get(service.base + path, timeout=30).status_code == 410
    metrics = service.session.get(f"{service.base}/metrics", timeout=30).text
    audit = service.session.get(f"{service.base}/api/v1/audit", timeout=30).text
    service.stop()
    assert "/download/***" in service.read_log()  # gunicorn writes down each address at this level
    for name, data in [("metrics", metrics.encode()), ("audit", audit.encode()), *held_by(service)]:
        for form in (key, str(uuid.UUID(key)), key.upper(), key[1:]):
            assert form.encode() not in data, name
        assert SECRET.encode() not in data, name
