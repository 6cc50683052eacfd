"""Uploads to the real server that go wrong: killed, taken over, half open, stalled, of lying lengths."""

import contextlib
import hashlib
import json
import os
import signal
import socket
from collections.abc import Iterator

import pytest
import requests

from bench.processes import children
from tests.service import Service, wait_for
from tests.uploading import BYTES, TUS, begin_patch, checksum

DATA = os.urandom(3_000_000)
STALLED = 4


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Yield a web server of two processes."""
    found = Service(tmp_path_factory.mktemp("uploads"), "web", WEB_WORKERS=2, WEB_THREADS=32)
    try:
        found.start()
        wait_for(lambda: found.answers("/healthz"), "the web server's start", 30)
        yield found
    finally:
        found.stop()


@pytest.fixture(scope="module", autouse=True)
def stalled(service: Service) -> Iterator[list[tuple[int, socket.socket]]]:
    """Yield uploads whose peers have sent a part and then nothing: they are open while the other tests run."""
    found = [stall(service) for _ in range(STALLED)]
    yield found
    for _, connection in found:
        connection.close()


def stall(service: Service) -> tuple[int, socket.socket]:
    """Begin an upload whose peer sends a part, which is written, and then nothing."""
    file_id = create(service, len(DATA))
    connection = begin_patch(service.port, file_id, 0, len(DATA))
    connection.sendall(DATA[:100_001])
    part = service.storage / "files" / f"{file_id}.part"
    wait_for(lambda: part.exists() and part.stat().st_size == 100_001, "the part")
    return file_id, connection


def create(service: Service, size: int) -> int:
    """Announce an upload."""
    answer = requests.post(f"{service.base}/files/", headers={**TUS, "Upload-Length": str(size)}, timeout=20)
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])


def head(service: Service, file_id: int) -> int:
    """Return what has come, as a client asks that goes on."""
    answer = requests.head(f"{service.base}/files/{file_id}/", headers=TUS, timeout=20)
    assert answer.status_code == 200
    return int(answer.headers["Upload-Offset"])


def received(service: Service, file_id: int) -> int:
    """Return what has come, without asking anybody to let go."""
    return int(service.call("GET", f"/files/{file_id}/")["received_bytes"])


def send(service: Service, file_id: int, offset: int, data: bytes = DATA, **headers: str) -> requests.Response:
    """Send a file from an offset on."""
    return requests.patch(
        f"{service.base}/files/{file_id}/",
        headers={**BYTES, "Upload-Offset": str(offset), **headers},
        data=data[offset:],
        timeout=30,
    )


def check(service: Service, file_id: int, data: bytes = DATA) -> None:
    """Check that a file is complete and right."""
    shown = service.call("GET", f"/files/{file_id}/")
    assert (shown["status"], shown["sha256"]) == ("ready", hashlib.sha256(data).hexdigest())
    assert (service.storage / "files" / str(file_id)).read_bytes() == data


def answer_of(connection: socket.socket) -> tuple[int, bytes]:
    """Return status and body of the answer; 0 where the connection was ended without one."""
    got = b""
    with contextlib.suppress(ConnectionError):
        while block := connection.recv(65536):
            got += block
            if b"\r\n\r\n" in got and b'"type"' in got:
                break
    return (int(got.split()[1]) if got else 0), got.partition(b"\r\n\r\n")[2]


def test_others_are_served_while_uploads_stall(service: Service) -> None:
    for _ in range(20):
        assert requests.get(f"{service.base}/healthz", timeout=5).status_code == 200
    file_id = create(service, len(DATA))
    assert send(service, file_id, 0).status_code == 204
    check(service, file_id)


def test_who_goes_on_takes_over_from_a_stale_connection(service: Service) -> None:
    """Whichever of the two processes has the one that waits for a peer that is gone; what had come is kept.

    Each is begun here: after 10 s, by gunicorn/config.py, there would be none to take over from.
    """
    for _ in range(2):
        file_id, connection = stall(service)
        with connection:
            assert head(service, file_id) == 100_001
            assert send(service, file_id, 100_001).status_code == 204
            check(service, file_id)
            status, body = answer_of(connection)
        assert (status, json.loads(body)["detail"][0]["type"]) == (409, "taken_over")


def test_deleting_takes_over_too(service: Service) -> None:
    file_id, connection = stall(service)
    with connection:
        assert requests.delete(f"{service.base}/files/{file_id}/", headers=TUS, timeout=20).status_code == 204
        assert answer_of(connection)[0] in (409, 410, 423)
    assert not list((service.storage / "files").glob(f"{file_id}*"))
    assert requests.head(f"{service.base}/files/{file_id}/", headers=TUS, timeout=20).status_code == 410


@pytest.mark.parametrize("how", ["closed", "reset"])
def test_a_connection_that_breaks_loses_nothing_that_came(service: Service, how: str) -> None:
    file_id = create(service, len(DATA))
    connection = begin_patch(service.port, file_id, 0, len(DATA))
    connection.sendall(DATA[:500_123])
    wait_for(lambda: received(service, file_id) > 400_000, "the bytes")
    if how == "reset":
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    connection.close()
    wait_for(lambda: received(service, file_id) == 500_123, "all of the bytes")
    assert send(service, file_id, 500_123).status_code == 204
    check(service, file_id)


def test_a_body_shorter_than_it_says_is_told_apart(service: Service) -> None:
    file_id = create(service, len(DATA))
    with begin_patch(service.port, file_id, 0, len(DATA)) as connection:
        connection.sendall(DATA[:50_000])
        connection.shutdown(socket.SHUT_WR)
        status, body = answer_of(connection)
    assert (status, json.loads(body)["detail"][0]["type"]) == (422, "body_incomplete")
    assert head(service, file_id) == 50_000


def test_a_chunk_with_a_checksum_that_breaks_off_is_not_taken(service: Service) -> None:
    file_id = create(service, len(DATA))
    line = f"Upload-Checksum: {checksum('sha1', DATA)}"
    with begin_patch(service.port, file_id, 0, len(DATA), line) as connection:
        connection.sendall(DATA[:2_000_000])
        connection.shutdown(socket.SHUT_WR)
        assert answer_of(connection)[0] == 422
    assert head(service, file_id) == 0
    assert send(service, file_id, 0, **{"Upload-Checksum": checksum("sha1", DATA)}).status_code == 204
    check(service, file_id)


def chunks(*sizes: int) -> Iterator[bytes]:
    begin = 0
    for size in sizes:
        yield DATA[begin : begin + size]
        begin += size


def test_bodies_in_chunks_without_a_length_are_taken(service: Service) -> None:
    address = f"{service.base}/files/"
    file_id = create(service, len(DATA))
    headers = {**BYTES, "Upload-Offset": "0"}
    answer = requests.patch(f"{address}{file_id}/", headers=headers, data=chunks(1_000_000, 500_000), timeout=20)
    assert (answer.status_code, answer.headers["Upload-Offset"]) == (204, "1500000")
    assert send(service, file_id, 1_500_000).status_code == 204
    check(service, file_id)
    # Longer than the upload: nothing of it is kept, what was there before is.
    file_id = create(service, 1_000_000)
    assert send(service, file_id, 0, DATA[:10]).status_code == 204
    headers["Upload-Offset"] = "10"
    answer = requests.patch(f"{address}{file_id}/", headers=headers, data=chunks(999_990, 1), timeout=20)
    assert (answer.status_code, answer.json()["detail"][0]["type"]) == (413, "size_exceeded")
    assert head(service, file_id) == 10


def test_files_larger_than_other_bodies_may_be_are_taken(service: Service) -> None:
    """Regression: MAX_CONTENT_LENGTH, 16 MiB for all other addresses, refused them."""
    data = DATA * 6
    answer = requests.post(f"{service.base}/files/", files={"upload": ("large.bin", data)}, timeout=30)
    assert answer.status_code == 201, answer.text
    check(service, answer.json()["id_file"], data)
    file_id = create(service, len(data))
    assert send(service, file_id, 0, data).status_code == 204
    check(service, file_id, data)
    large = {"Content-Type": "application/json"}
    assert requests.post(f"{service.base}/files/", headers=large, data=data, timeout=30).status_code == 413


def test_a_form_in_chunks_and_one_that_breaks_off(service: Service) -> None:
    begin = b'--b\r\nContent-Disposition: form-data; name="upload"; filename="a.bin"\r\n\r\n'
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    body = iter([begin, DATA[:1_000_000], DATA[1_000_000:], b"\r\n--b--\r\n"])
    answer = requests.post(f"{service.base}/files/", headers=headers, data=body, timeout=20)
    assert answer.status_code == 201, answer.text
    check(service, answer.json()["id_file"])
    with socket.create_connection(("127.0.0.1", service.port), timeout=20) as connection:
        head_ = f"POST /files/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(DATA)}\r\nContent-Type: "
        connection.sendall(head_.encode() + headers["Content-Type"].encode() + b"\r\n\r\n" + begin + DATA[:700_000])
        connection.shutdown(socket.SHUT_WR)
        status, answered = answer_of(connection)
    told = json.loads(answered)
    assert (status, told["detail"][0]["type"]) == (422, "body_incomplete")
    shown = service.call("GET", f"/files/{told['id_file']}/")
    assert shown["status"] == "error"
    assert 700_000 - 8 < shown["received_bytes"] <= 700_000


def test_malformed_chunks_are_refused_and_keep_what_came(service: Service) -> None:
    file_id = create(service, len(DATA))
    with socket.create_connection(("127.0.0.1", service.port), timeout=20) as connection:
        lines = [
            f"PATCH /files/{file_id}/ HTTP/1.1",
            "Host: localhost",
            "Transfer-Encoding: chunked",
            "Upload-Offset: 0",
        ]
        lines += [f"{name}: {value}" for name, value in BYTES.items()]
        connection.sendall("\r\n".join([*lines, "", ""]).encode() + b"10000\r\n" + DATA[:65536] + b"\r\nnonsense\r\n")
        status, _ = answer_of(connection)
    assert status in (400, 422)
    assert head(service, file_id) == 65536
    assert send(service, file_id, 65536).status_code == 204
    check(service, file_id)


def test_a_half_open_connection_frees_its_thread_and_keeps_what_came(
    service: Service, stalled: list[tuple[int, socket.socket]]
) -> None:
    """Late among the tests: by now the peer has sent nothing for as long as gunicorn/config.py allows, or soon has."""
    file_id, connection = stalled[-1]
    status, _ = answer_of(connection)
    assert status in (0, 422)
    assert received(service, file_id) == 100_001
    assert send(service, file_id, 100_001).status_code == 204
    check(service, file_id)
    assert "Traceback" not in service.read_log()


def test_an_upload_goes_on_after_its_server_was_killed(service: Service) -> None:
    file_id = create(service, len(DATA))
    with begin_patch(service.port, file_id, 0, len(DATA)) as connection:
        connection.sendall(DATA[:1_500_000])
        wait_for(lambda: received(service, file_id), "the first durable bytes")
        master = service.processes["web"].pid
        for pid in children(master):
            os.kill(pid, signal.SIGKILL)
        wait_for(lambda: service.answers("/healthz"), "new processes", 30)
    offset = head(service, file_id)
    assert 0 < offset <= 1_500_000
    assert send(service, file_id, offset).headers["Upload-Offset"] == str(len(DATA))
    check(service, file_id)
