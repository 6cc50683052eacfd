"""How the reference analyser deals with a server that is slow, breaks off, changes its keys or lies; who may tell it.

The server here answers what a test has written down, one answer after the other, over real sockets.
"""

import hashlib
import hmac
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import requests

from examples.analyser import fetching, listening, service, sse
from examples.analyser.failures import CannotAnalyse, KeyIsOver, NoResult, Refused, ServerAway
from examples.analyser.fetching import Download
from examples.analyser.job import Limits, download_keys, key_of, work_on
from examples.analyser.listening import OLDEST_S, Queue, is_genuine, read_body, signature
from examples.analyser.service import Details, Service, again
from examples.analyser.sse import Event, lines_of, listen, parse
from tests.ports import free_port
from tests.service import wait_for

PROGRAM = Path(__file__).resolve().parent.parent / "examples" / "analyser" / "analyse.py"
BODY = bytes(range(256)) * 4096  # 1 MiB
SHA256 = hashlib.sha256(BODY).hexdigest()
REFER, TOKEN, SECRET = "5f2c41d09b7e4a63a8d1c0e97b64f3d2", "a-token", "a-common-secret"
SCRIPT = "Пётр закуривает сигарету.".encode()


class Said(NamedTuple):
    """One answer; `cut` ends the connection after so many bytes of the body; 206 is what Range asks for."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = {}  # noqa: RUF012 - never changed
    cut: int | None = None


class Asked(NamedTuple):
    """One request."""

    method: str
    path: str
    headers: Any
    body: bytes


class Quiet(ThreadingHTTPServer):
    """A server whose clients may go away in the midst of an answer."""

    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Say nothing."""


class Scripted:
    """A server that gives the answers written down for a path, the last of them again and again."""

    def __init__(self) -> None:
        self.answers: dict[str, list[Said]] = {}
        self.asked: list[Asked] = []
        scripted = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                scripted.asked.append(Asked(self.command, self.path, self.headers, body))
                waiting = scripted.answers.get(f"{self.command} {self.path.partition('?')[0]}", [Said(404)])
                said = waiting.pop(0) if len(waiting) > 1 else waiting[0]
                asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
                if asked and said.status == 206:
                    said = part(int(asked[1]))
                self.send_response(said.status)
                for name, value in {"Content-Length": str(len(said.body)), **said.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(said.body[: said.cut])
                self.close_connection = self.close_connection or said.cut is not None

            do_GET = do_POST = answer  # noqa: N815 - named so by the library

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = Quiet(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        self.base = f"http://127.0.0.1:{self.server.server_port}"

    def says(self, what: str, *answers: Said) -> None:
        """Write down the answers to a method and path."""
        self.answers[what] = list(answers)

    def of(self, what: str) -> list[Asked]:
        """Return what was asked so."""
        return [one for one in self.asked if f"{one.method} {one.path.partition('?')[0]}" == what]


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Scripted]:
    """Yield a server, for which the analyser's pauses are short."""
    for module in (fetching, service, sse):
        monkeypatch.setattr(module, "FIRST_PAUSE_S", 0.01)
        monkeypatch.setattr(module, "LONGEST_PAUSE_S", 0.02)
    found = Scripted()
    yield found
    found.server.shutdown()
    found.server.server_close()


def details(size_bytes: int | None = len(BODY), sha256: str | None = SHA256) -> Details:
    return Details(7, REFER, "a film", "ready", size_bytes, sha256)


def soon() -> float:
    return time.monotonic() + 20


def whole(etag: str = '"a"', cut: int | None = None, body: bytes = BODY) -> Said:
    return Said(200, body, {"ETag": etag}, cut)


def part(first: int, etag: str = '"a"') -> Said:
    return Said(206, BODY[first:], {"ETag": etag, "Content-Range": f"bytes {first}-{len(BODY) - 1}/{len(BODY)}"})


def fetch(scripted: Scripted, tmp_path: Path, *keys: str, most: int = 1 << 30, known: Details | None = None) -> Path:
    path = tmp_path / "file"
    Download(Service(scripted.base), known or details(), path, most).run(iter(keys or ("k1",)))
    return path


# --- events ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["lf", "crlf", "cr"])
@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_events_are_read_whatever_the_pieces_they_come_in(end: str, size: int) -> None:
    lines = [
        "\ufeff: a comment",
        "retry: 2000",
        "",
        "id: 3",
        "event: progress",
        "data: a",
        "data:b",
        "data",
        "",
        "id",
        "data: ё",
        "",
    ]
    lines += ["event: none", "id: 9", "", "id: no\0", "unknown: x", "data: last", "", "data: cut off"]
    raw = (end.join(lines) + end).encode()
    pieces = [raw[at : at + size] for at in range(0, len(raw), size)]
    assert list(parse(lines_of(pieces))) == [
        Event(retry_ms=2000),
        Event("3", "progress", "a\nb\n"),
        Event("", "message", "ё"),
        Event("9", "message", "last"),
    ]


def test_an_endless_line_is_no_event() -> None:
    with pytest.raises(ServerAway, match="a line of more than"):
        list(lines_of([b"x" * (2 << 20)]))


def stream(text: str, cut: int | None = None) -> Said:
    length = {"Content-Length": str(len(text.encode()) + (100 if cut is not None else 0))}
    return Said(200, text.encode(), {"Content-Type": "text/event-stream; charset=utf-8", **length}, cut)


def test_a_stream_that_breaks_off_goes_on_where_it_was(scripted: Scripted) -> None:
    scripted.says(
        "GET /download/7/",
        Said(503, headers={"Retry-After": "0"}),
        stream("retry: 5\n\nid: 1\ndata: a\n\nid: 2\nda", cut=1000),
        Said(200, b"<html>", {"Content-Type": "text/html"}),
        stream("id: 2\ndata: b\n\n"),
        Said(204),
    )
    assert [one.data for one in listen(Service(scripted.base), "/download/7/", soon())] == ["a", "b"]
    assert [one.headers.get("Last-Event-ID") for one in scripted.asked] == [None, None, "1", "1", "2"]


def test_waiting_ends_when_its_time_is_over(scripted: Scripted) -> None:
    scripted.says("GET /download/7/", Said(500))
    with pytest.raises(NoResult, match="no event"):
        list(listen(Service(scripted.base), "/download/7/", time.monotonic() + 0.1))


@pytest.mark.parametrize("status", [302, 401, 403, 404])
def test_a_refusal_ends_the_waiting_at_once(scripted: Scripted, status: int) -> None:
    scripted.says("GET /download/7/", Said(status, b'{"detail": [{"msg": "sign in first"}]}', {"Location": "/x"}))
    with pytest.raises(Refused, match=f"{status} sign in first"):
        list(listen(Service(scripted.base), "/download/7/", soon()))
    assert len(scripted.asked) == 1


def test_each_key_is_told_once(scripted: Scripted) -> None:
    events = [
        {"status": "processing"},
        {"download_url": f"{scripted.base}/download/k1/"},
        {"download_url": "/download/k2/"},
    ]
    text = "".join(f"data: {json.dumps(one)}\n\n" for one in events) + "data: no JSON\n\ndata: []\n\n"
    scripted.says("GET /download/7/", stream(text), stream(text), stream(text), Said(204))
    keys = download_keys(Service(scripted.base), 7, Limits(wait_s=20))
    assert [next(keys), next(keys)] == ["k1", "k2"]
    with pytest.raises(NoResult, match="gets no address any more"):
        next(keys)


# --- downloads ---------------------------------------------------------------------------------------------


def test_a_download_goes_on_at_the_byte_where_it_broke_off(scripted: Scripted, tmp_path: Path) -> None:
    scripted.says("GET /download/k1/", whole(cut=500_000), Said(206))
    assert fetch(scripted, tmp_path).read_bytes() == BODY
    second = scripted.asked[1].headers
    assert 0 < int(re.fullmatch(r"bytes=(\d+)-", second["Range"])[1]) <= 500_000
    assert second["If-Range"] == '"a"'
    assert len(scripted.asked) == 2


def test_a_fresh_key_goes_on_with_the_same_byte(scripted: Scripted, tmp_path: Path) -> None:
    scripted.says("GET /download/k1/", whole(cut=500_000), Said(410))
    scripted.says("GET /download/k2/", Said(206))
    assert fetch(scripted, tmp_path, "k1", "k2").read_bytes() == BODY
    [last] = scripted.of("GET /download/k2/")
    assert last.headers["Range"] == scripted.of("GET /download/k1/")[1].headers["Range"] != "bytes=0-"


def test_a_file_that_has_changed_is_fetched_from_its_begin(scripted: Scripted, tmp_path: Path) -> None:
    other = bytes(len(BODY) - 9)
    scripted.says("GET /download/k1/", whole('"old"', cut=300_000, body=other), whole('"new"'))
    assert fetch(scripted, tmp_path).read_bytes() == BODY


def test_busy_and_incomplete_are_waited_out(scripted: Scripted, tmp_path: Path) -> None:
    scripted.says("GET /download/k1/", Said(429, headers={"Retry-After": "0"}), Said(409), Said(500), whole())
    assert fetch(scripted, tmp_path).read_bytes() == BODY
    assert len(scripted.asked) == 4


def test_a_part_that_was_not_asked_for_is_not_written(scripted: Scripted, tmp_path: Path) -> None:
    other = Said(200, BODY[9:], {"Content-Range": f"bytes 9-{len(BODY) - 1}/{len(BODY)}"})
    scripted.says("GET /download/k1/", whole(cut=500_000), other._replace(status=207), whole())
    assert fetch(scripted, tmp_path).read_bytes() == BODY


def test_a_file_that_has_become_shorter_is_fetched_from_its_begin(scripted: Scripted, tmp_path: Path) -> None:
    scripted.says("GET /download/k1/", whole(cut=500_000), Said(416, headers={"Content-Range": "bytes */9"}), whole())
    assert fetch(scripted, tmp_path).read_bytes() == BODY


@pytest.mark.parametrize("known", [details(sha256="0" * 64), details(len(BODY) - 1)], ids=["hash", "length"])
def test_other_bytes_than_those_of_the_file_are_refused(scripted: Scripted, tmp_path: Path, known: Details) -> None:
    scripted.says("GET /download/k1/", whole())
    with pytest.raises(Refused, match="are not those of the file"):
        fetch(scripted, tmp_path, known=known)


def test_a_download_that_never_gets_on_is_given_up(scripted: Scripted, tmp_path: Path) -> None:
    scripted.says("GET /download/k1/", Said(500))
    with pytest.raises(NoResult, match="given up after 8 tries at byte 0"):
        fetch(scripted, tmp_path)
    with pytest.raises(NoResult, match="keys opened nothing"):
        fetch(scripted, tmp_path, *(f"never{number}" for number in range(20)))


@pytest.mark.parametrize("known", [details(), details(None)], ids=["told", "found"])
def test_a_file_that_is_too_large_is_not_fetched(scripted: Scripted, tmp_path: Path, known: Details) -> None:
    scripted.says("GET /download/k1/", whole())
    with pytest.raises(CannotAnalyse, match="more than the 1000"):
        fetch(scripted, tmp_path, most=1000, known=known)
    assert (tmp_path / "file").stat().st_size == 0


def test_a_disk_without_room_is_left_alone(scripted: Scripted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "KEPT_FREE_BYTES", 1 << 60)
    scripted.says("GET /download/k1/", whole())
    with pytest.raises(NoResult, match="0 are free"):
        fetch(scripted, tmp_path)


def test_what_a_server_that_is_away_says_holds_no_key() -> None:
    away = Service(f"http://127.0.0.1:{free_port()}", TOKEN)
    with pytest.raises(ServerAway) as caught:
        away.ask("GET", f"/download/{REFER}/")
    assert REFER not in str(caught.value)
    assert TOKEN not in str(caught.value)


def test_a_thing_is_tried_again_while_the_server_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "FIRST_PAUSE_S", 0.0)
    tries = []

    def do() -> int:
        tries.append(1)
        if len(tries) < 3:
            raise ServerAway("away")
        return 5

    assert again(do) == 5
    with pytest.raises(ServerAway):
        again(lambda: (_ for _ in ()).throw(ServerAway("away")), 3)


def test_a_key_that_is_over_is_told_from_a_refusal(scripted: Scripted) -> None:
    scripted.says("GET /files/7/", Said(410, b'{"detail": [{"msg": "it was deleted"}]}'), Said(200, b"{}"))
    with pytest.raises(KeyIsOver, match="410 it was deleted"):
        Service(scripted.base).details(7)
    with pytest.raises(Refused, match="otherwise than this program knows"):
        Service(scripted.base).details(7)


# --- one file from end to end ------------------------------------------------------------------------------


def prepare(scripted: Scripted, content: bytes, *statuses: str) -> None:
    """Write down a file that is there, whose address comes by an event."""
    described = [
        Said(
            200,
            json.dumps(
                {
                    "refer": REFER,
                    "name": "x",
                    "status": status,
                    "size_bytes": len(content),
                    "sha256": hashlib.sha256(content).hexdigest(),
                }
            ).encode(),
        )
        for status in statuses or ("ready",)
    ]
    scripted.says("GET /files/7/", *described)
    scripted.says("GET /download/7/", stream(f'id: 1\ndata: {{"download_url": "/download/{REFER}/"}}\n\n'))
    scripted.says(f"GET /download/{REFER}/", Said(200, content))
    scripted.says(f"POST /download/{REFER}/", Said(200, b"{}"))
    scripted.says("GET /comments/", Said(200, b"[]"))
    scripted.says("POST /comments/", Said(200, b"{}"))


def posted(scripted: Scripted, path: str) -> list[Any]:
    return [json.loads(one.body) for one in scripted.of(f"POST {path}")]


def test_findings_and_comments_are_posted_and_nothing_is_left(scripted: Scripted, tmp_path: Path) -> None:
    prepare(scripted, SCRIPT)
    assert work_on(Service(scripted.base, TOKEN), 7, Limits(folder=tmp_path)) is True
    [result] = posted(scripted, f"/download/{REFER}/")
    assert [one["violation"] for one in result["findings"]] == ["Курение", "Табак в кадре"]
    comments = posted(scripted, "/comments/")
    assert [(one["refer_file"], one["comment_author"], one["severity"]) for one in comments] == [
        (REFER, "AI", "moderate"),
        (REFER, "AI", "mild"),
    ]
    assert {one.headers["Authorization"] for one in scripted.asked} == {f"Bearer {TOKEN}"}
    assert list(tmp_path.iterdir()) == []


def test_comments_that_are_there_are_not_written_twice(scripted: Scripted, tmp_path: Path) -> None:
    prepare(scripted, SCRIPT)
    scripted.says(f"POST /download/{REFER}/", Said(500), Said(200, b"{}"))
    known = "Курение: 1 × (page 1) «Пётр закуривает сигарету.»"
    scripted.says("GET /comments/", Said(200, json.dumps([{"comment": known}]).encode()))
    assert work_on(Service(scripted.base), 7, Limits(folder=tmp_path)) is True
    assert [one["violation"] for one in posted(scripted, "/comments/")] == ["Табак в кадре"]


def test_a_comment_whose_answer_was_lost_is_not_written_twice(scripted: Scripted, tmp_path: Path) -> None:
    prepare(scripted, SCRIPT)
    known = [{"comment": "Курение: 1 × (page 1) «Пётр закуривает сигарету.»"}]
    scripted.says("GET /comments/", Said(200, b"[]"), Said(200, json.dumps(known).encode()))
    scripted.says("POST /comments/", Said(502), Said(200, b"{}"))
    assert work_on(Service(scripted.base), 7, Limits(folder=tmp_path)) is True
    assert [one["violation"] for one in posted(scripted, "/comments/")] == ["Курение", "Табак в кадре"]


def test_a_file_that_cannot_be_analysed_gets_its_error_as_a_result(scripted: Scripted, tmp_path: Path) -> None:
    prepare(scripted, bytes(100))
    assert work_on(Service(scripted.base), 7, Limits(folder=tmp_path)) is False
    [result] = posted(scripted, f"/download/{REFER}/")
    assert result == {"findings": [], "error": "the file is no video, text, PDF or DOCX by its content"}
    assert posted(scripted, "/comments/") == []
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_has_its_result_is_left_alone(scripted: Scripted) -> None:
    prepare(scripted, SCRIPT, "db_ready")
    assert work_on(Service(scripted.base), 7, Limits()) is True
    assert [one.path for one in scripted.asked] == ["/files/7/"]


def test_keys_are_restarted_where_it_is_wished(scripted: Scripted, tmp_path: Path) -> None:
    prepare(scripted, SCRIPT)
    scripted.says("POST /files/7/refer/", Said(200, b"{}"))
    assert work_on(Service(scripted.base), 7, Limits(folder=tmp_path, may_restart=True)) is True
    assert len(scripted.of("POST /files/7/refer/")) == 1


# --- being told --------------------------------------------------------------------------------------------


def test_only_what_was_signed_lately_is_genuine() -> None:
    body, stamp = b'{"id": 7}', "1795214645"
    signed = signature(SECRET, stamp, body)
    assert signed == "sha256=" + hmac.new(SECRET.encode(), b'1795214645.{"id": 7}', hashlib.sha256).hexdigest()
    at_s = float(stamp)
    assert is_genuine(SECRET, stamp, signed, body, at_s)
    assert not is_genuine(SECRET, stamp, signed, body, at_s + OLDEST_S + 1)
    assert not is_genuine(SECRET, stamp, signed, body, at_s - OLDEST_S - 1)
    assert not is_genuine("another", stamp, signed, body, at_s)
    assert not is_genuine(SECRET, stamp, signed, body + b" ", at_s)
    for wrong in ("", "now", "-1", "१२", "9" * 40):
        assert not is_genuine(SECRET, wrong, signature(SECRET, wrong, body), body, at_s)
    assert not is_genuine(SECRET, stamp, "sha256=ё", body, at_s)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "7", '{"id": 7}', '{"id": "7", "url": "/download/aa/"}', '{"id": true, "url": "/download/aa/"}',
     '{"id": 7, "url": "/download/a b/"}', '{"id": 7, "url": ["x"]}', "[" * 10_000],
    ids=["empty", "list", "number", "no-url", "text-id", "true-id", "odd-key", "list-url", "deep"],
)  # fmt: skip
def test_what_is_no_address_is_not_taken(text: str) -> None:
    assert read_body(text.encode()) is None


def test_of_an_address_the_key_alone_is_used() -> None:
    assert key_of(f"https://elsewhere.example/prefix/download/{REFER}/?x=1") == REFER
    assert read_body(json.dumps({"id": 7, "url": f"http://0.0.0.0:1/download/{REFER}"}).encode()) == (7, REFER)


def test_a_file_waits_once_with_its_newest_key() -> None:
    queue = Queue()
    assert [queue.put(7, "a"), queue.put(8, "b"), queue.put(7, "c")] == [True] * 3
    assert queue.take() == (7, "c")
    assert queue.put(7, "d")  # it is at work: it finds newer keys itself
    assert queue.take() == (8, "b")
    queue.put(9, "e")
    queue.close()
    assert queue.take() is None


def test_a_full_queue_takes_no_other_file() -> None:
    queue = Queue()
    assert all(queue.put(number, "a") for number in range(1000))
    assert (queue.put(1000, "a"), queue.put(5, "b")) == (False, True)


class Listening:
    """The program with `--listen`, as a process."""

    def __init__(self, base: str, folder: Path, *arguments: str) -> None:
        self.port = free_port()
        environment = {**os.environ, "ANALYSER_TOKEN": TOKEN, "ANALYSER_SECRET": SECRET}
        command = [sys.executable, str(PROGRAM), "--server", base, "--listen", str(self.port)]
        command += ["--folder", str(folder), *arguments]
        self.process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
        self.said = self.process.stderr.readline()

    def post(self, body: bytes, secret: str = SECRET, age_s: float = 0) -> int:
        """POST a body and return the status."""
        stamp = str(int(time.time() - age_s))
        headers = {"X-Playback-Timestamp": stamp, "X-Playback-Signature": signature(secret, stamp, body)}
        return requests.post(f"http://127.0.0.1:{self.port}/any", data=body, headers=headers, timeout=10).status_code

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """End it and return its exit status."""
        self.process.send_signal(number)
        self.said += self.process.communicate(timeout=40)[1]
        return self.process.returncode


@pytest.fixture
def listener(scripted: Scripted, tmp_path: Path) -> Iterator[Listening]:
    """Yield the program that waits to be told."""
    found = Listening(scripted.base, tmp_path)
    yield found
    found.process.kill()
    found.process.communicate()


def address(file_id: int = 7) -> bytes:
    url = f"http://0.0.0.0:8000/download/{REFER}/"
    return json.dumps({"id": file_id, "refer": "x", "url": url, "expires_utc": "x"}).encode()


@pytest.fixture
def server() -> Iterator[listening.Server]:
    """Yield what takes POSTs, within this process."""
    with listening.Server(("127.0.0.1", 0), SECRET, Queue()) as found:
        threading.Thread(target=found.serve_forever, args=(0.05,), daemon=True).start()
        yield found
        found.shutdown()


def connected(server: listening.Server, head: bytes) -> socket.socket:
    """Return a connection that has sent the begin of a request."""
    found = socket.create_connection(("127.0.0.1", server.server_address[1]), timeout=10)
    found.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\n" + head)
    return found


@pytest.mark.parametrize("length", ["70000", "0" * 12 + "70000", "9" * 5000])
def test_a_body_that_says_it_is_large_is_not_waited_for(server: listening.Server, length: str) -> None:
    with connected(server, f"Content-Length: {length}\r\n\r\n".encode()) as client:
        assert client.recv(100).startswith(b"HTTP/1.0 413 ")


def test_a_client_that_sends_a_byte_now_and_then_is_left_too(
    server: listening.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "REQUEST_S", 0.3)
    with connected(server, b"Content-Length: 60000\r\n\r\n") as client:
        assert drip(client) < 200


def drip(client: socket.socket) -> int:
    """Send a byte now and then; return how many were taken, 200 at most."""
    for sent in range(200):
        try:
            client.sendall(b"x")
        except OSError:
            return sent
        time.sleep(0.05)
    return 200


def test_what_it_is_told_is_analysed_and_strangers_are_not_heard(
    scripted: Scripted, listener: Listening, tmp_path: Path
) -> None:
    prepare(scripted, SCRIPT)
    assert listener.post(address(), secret="another") == 401
    assert listener.post(address(), age_s=OLDEST_S + 60) == 401
    assert listener.post(b"[]") == 400
    assert listener.post(bytes(70_000)) == 413
    assert scripted.asked == []
    assert listener.post(address()) == 202
    wait_for(lambda: len(posted(scripted, "/comments/")) == 2, "comments")
    assert listener.end() == 143
    assert REFER not in listener.said
    assert TOKEN not in listener.said
    assert list(tmp_path.iterdir()) == []


def test_a_signal_leaves_neither_file_nor_process(scripted: Scripted, tmp_path: Path) -> None:
    program = "import pathlib, sys, time; pathlib.Path(sys.argv[1]).with_name('begun').touch(); time.sleep(60)"
    found = Listening(scripted.base, tmp_path, "--command", f'{sys.executable} -c "{program}"')
    try:
        prepare(scripted, SCRIPT)
        assert found.post(address()) == 202
        wait_for(lambda: list(tmp_path.glob("*/begun")), "the analysis")
        children = Path(f"/proc/{found.process.pid}/task/{found.process.pid}/children").read_text().split()
        assert len(children) == 1
        assert found.end(signal.SIGINT) == 130
        assert not Path(f"/proc/{children[0]}").exists()
        assert list(tmp_path.iterdir()) == []
    finally:
        found.process.kill()
        found.process.communicate()


# --- the command -------------------------------------------------------------------------------------------


def run(*arguments: object, **environment: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, str(PROGRAM), *map(str, arguments)]
    known = {**os.environ, **environment}
    return subprocess.run(command, env=known, capture_output=True, text=True, timeout=30, check=False)


def test_the_exit_status_tells_what_became_of_the_worst_file(scripted: Scripted, tmp_path: Path) -> None:
    prepare(scripted, bytes(100))
    token = tmp_path / "token"
    token.write_text(f"{TOKEN}\n")
    done = run("--server", scripted.base, "--token-file", token, 7)
    assert (done.returncode, len(posted(scripted, f"/download/{REFER}/"))) == (1, 1), done.stderr
    assert scripted.asked[0].headers["Authorization"] == f"Bearer {TOKEN}"
    done = run("--server", scripted.base, 8, 7)
    assert (done.returncode, "file 8: the server answers 404" in done.stderr) == (3, True)


@pytest.mark.parametrize(
    "arguments",
    [(), ("7",), ("--server", "http://127.0.0.1:1"), ("--server", "http://127.0.0.1:1", "--listen", "1", "7"),
     ("--server", "http://127.0.0.1:1", "seven"), ("--server", "http://127.0.0.1:1", "--listen", "x"),
     ("--server", "http://127.0.0.1:1", "--listen", "1"),
     ("--server", "http://127.0.0.1:1", "--token-file", "/no", "7")],
    ids=["nothing", "no-server", "no-file", "both", "a-word", "no-port", "no-secret", "no-token"],
)  # fmt: skip
def test_wrong_options_are_told_with_status_2(arguments: tuple[str, ...]) -> None:
    assert run(*arguments, ANALYSER_SECRET="").returncode == 2
