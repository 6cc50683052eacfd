"""What the real web server answers to bytes that are no proper request: JSON in the contract's shape."""

import contextlib
import json
import re
import socket
from collections.abc import Iterator

import pytest
from sqlalchemy import text

from app.extensions import db, writing
from tests.accounts import add_account
from tests.served import Served, serving

SECRET = "correct-horse-battery"
FORM = "application/x-www-form-urlencoded"
HOST = b"Host: 127.0.0.1\r\n"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Yield a web server in production."""
    folder = tmp_path_factory.mktemp("raw")
    with serving(folder, FLASK_CONFIG="production", SECRET_KEY="k" * 48) as found:
        yield found


@pytest.fixture(scope="module")
def token(served: Served) -> str:
    """Return the token of an admin."""
    with served.app.app_context(), writing() as session:
        session.execute(text("DELETE FROM account"))
        made = add_account(session)
    assert made is not None
    return made


@pytest.fixture(scope="module", autouse=True)
def stalled(served: Served, token: str) -> Iterator[dict[str, socket.socket]]:
    """Yield connections whose client has paused within a request: they are open while the other tests run."""
    paused = {
        "head": b"GET /healthz HTTP/1.1\r\nHost:",
        "body": request(token, "POST", "/api/v1/group", "Content-Type: application/json", "Content-Length: 9") + b"{",
        "chunk": request(token, "POST", "/api/v1/group", *CHUNKED) + b"5\r\nab",
        "form": request("", "POST", "/login", f"Content-Type: {FORM}", "Content-Length: 9") + b"token",
    }
    found = {name: socket.create_connection(("127.0.0.1", served.service.port), timeout=30) for name in paused}
    for name, connection in found.items():
        connection.sendall(paused[name])
    yield found
    for connection in found.values():
        connection.close()


def ask(served: Served, *pieces: bytes) -> tuple[int, dict[str, str], bytes]:
    """Send bytes, read up to the end of the connection; return status, headers and body of the last answer."""
    with socket.create_connection(("127.0.0.1", served.service.port), timeout=15) as connection:
        for piece in pieces:
            connection.sendall(piece)
        received = b""
        while block := connection.recv(65536):
            received += block
    head, _, body = received.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n").partition(b"\r\n\r\n")
    lines = head.decode("ascii").split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines[1:])
    return int(lines[0].split()[1]), headers, body


def refusal(answer: tuple[int, dict[str, str], bytes]) -> tuple[int, list[str], str]:
    """Return status, place and kind of an error, having checked its shape."""
    status, headers, body = answer
    assert headers["content-type"] == "application/json"
    [entry] = json.loads(body)["detail"]
    assert set(entry) == {"loc", "msg", "type"}
    assert entry["msg"]
    assert SECRET not in body.decode()
    return status, entry["loc"], entry["type"]


REFUSED: dict[str, tuple[bytes, tuple[int, list[str], str]]] = {
    "no words": (b"\x16\x03\x01\x02\x00\r\n\r\n", (400, ["path"], "bad_request")),
    "no version": (b"GET /\r\n\r\n", (400, ["path"], "bad_request")),
    "another version": (b"GET / HTTP/9.9\r\n\r\n", (400, ["version"], "bad_request")),
    "a method in small letters": (b"get / HTTP/1.1\r\n\r\n", (400, ["method"], "bad_request")),
    "a space in the address": (b"GET /a b HTTP/1.1\r\n\r\n", (400, ["version"], "bad_request")),
    "bytes that are no ASCII": (b"GET /?a=\xff HTTP/1.1\r\n\r\n", (400, ["path"], "bad_request")),
    "NUL in the address": (b"GET /\x00 HTTP/1.1\r\n\r\n", (400, ["path"], "bad_request")),
    "bare line feeds": (b"GET / HTTP/1.1\nHost: a\n\n", (400, ["path"], "bad_request")),
    "an address that is too long": (
        b"GET /?uri_rtsp=rtsp://u:" + SECRET.encode() + b"@h/" + b"x" * 9000 + b" HTTP/1.1\r\n\r\n",
        (414, ["path"], "uri_too_long"),
    ),
    "a header without a colon": (b"GET / HTTP/1.1\r\nHost\r\n\r\n", (400, ["header"], "bad_request")),
    "a folded header": (b"GET / HTTP/1.1\r\n" + HOST + b"X: a\r\n b\r\n\r\n", (400, ["header"], "bad_request")),
    "NUL in a header": (b"GET / HTTP/1.1\r\nX: \x00\r\n\r\n", (400, ["header"], "bad_request")),
    "two hosts": (b"GET / HTTP/1.1\r\n" + HOST * 2 + b"\r\n", (400, ["header"], "bad_request")),
    "a header that is too long": (
        b"GET / HTTP/1.1\r\nX: " + b"x" * 9000 + b"\r\n\r\n",
        (431, ["header"], "headers_too_large"),
    ),
    "too many headers": (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 200 + b"\r\n", (431, ["header"], "headers_too_large")),
    "an unknown expectation": (
        b"POST /login HTTP/1.1\r\nExpect: a-miracle\r\n\r\n",
        (417, ["header", "Expect"], "expectation_failed"),
    ),
    "two lengths": (
        b"POST /login HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        (400, ["header"], "bad_request"),
    ),
    "a length below nothing": (
        b"POST /login HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        (400, ["header"], "bad_request"),
    ),
    "a length beside chunks": (
        b"POST /login HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        (400, ["header"], "bad_request"),
    ),
    "chunks and then more": (
        b"POST /login HTTP/1.1\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        (400, ["header"], "bad_request"),
    ),
    "gzip without chunks": (
        b"POST /login HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n",
        (400, ["header"], "bad_request"),
    ),
    "an unknown transfer coding": (
        b"POST /login HTTP/1.1\r\nTransfer-Encoding: xchunked\r\n\r\n",
        (501, ["header", "Transfer-Encoding"], "not_implemented"),
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_request_is_refused_in_json(served: Served, case: str) -> None:
    sent, expected = REFUSED[case]
    assert refusal(ask(served, sent)) == expected


def request(token: str, method: str, path: str, *headers: str, body: bytes = b"") -> bytes:
    """Return a request after which the connection is closed."""
    lines = [f"{method} {path} HTTP/1.1", "Host: a", f"Authorization: Bearer {token}", "Connection: close", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


CHUNKED = ("Content-Type: application/json", "Transfer-Encoding: chunked")


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def test_a_body_in_chunks_is_read(served: Served, token: str) -> None:
    sent = [chunk(b'{"model": "Source", '), chunk(b'"name": "chunks"}'), b"0\r\n\r\n"]
    status, _, body = ask(served, request(token, "POST", "/api/v1/group", *CHUNKED), *sent)
    assert (status, json.loads(body)[0]["name"]) == (200, "chunks")


@pytest.mark.parametrize(
    "broken",
    [b"zz\r\n", b"5\r\nabcdeXX", b"-1\r\n\r\n", b"5;a=\x01\r\nabcde\r\n0\r\n\r\n", b"0\r\nHost: b\r\n\r\n"],
    ids=["size", "end", "below nothing", "extension", "trailer"],
)
def test_broken_chunks_are_refused(served: Served, token: str, broken: bytes) -> None:
    answer = ask(served, request(token, "POST", "/api/v1/group", *CHUNKED), broken)
    assert refusal(answer) == (400, ["body"], "bad_request")


def test_a_body_that_is_too_large_is_refused_however_its_length_is_told(served: Served, token: str) -> None:
    length = 17 * 1024 * 1024
    told = request(token, "POST", "/api/v1/source", "Content-Type: application/json", f"Content-Length: {length}")
    assert refusal(ask(served, told)) == (413, ["body"], "too_large")
    expecting = told.replace(b"Connection", b"Expect: 100-continue\r\nConnection")
    assert refusal(ask(served, expecting)) == (413, ["body"], "too_large")
    block = chunk(b" " * 1024 * 1024)
    in_chunks = ask(served, request(token, "POST", "/api/v1/source", *CHUNKED), *[block] * 17, b"0\r\n\r\n")
    assert refusal(in_chunks) == (413, ["body"], "too_large")


def test_who_waits_for_the_answer_100_gets_it(served: Served, token: str) -> None:
    body = b'{"model": "Source", "name": "waited"}'
    headers = ("Content-Type: application/json", f"Content-Length: {len(body)}", "Expect: 100-continue")
    with socket.create_connection(("127.0.0.1", served.service.port), timeout=15) as connection:
        connection.sendall(request(token, "POST", "/api/v1/group", *headers))
        assert connection.recv(100).startswith(b"HTTP/1.1 100 ")
        connection.sendall(body)
        assert connection.recv(100).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "PROPFIND", "X-ODD"])
def test_odd_methods_are_not_allowed(served: Served, token: str, method: str) -> None:
    status, headers, body = ask(served, request(token, method, "/api/v1/source"))
    assert refusal((status, headers, body)) == (405, ["method"], "method_not_allowed")
    assert {"get", "post"} <= set(headers["allow"].split(", "))
    assert b"Bearer" not in body


def test_the_errors_of_production_are_json_too(served: Served, token: str) -> None:
    stranger = request("wrong", "GET", "/api/v1/source")
    assert refusal(ask(served, stranger)) == (401, ["header", "Authorization"], "unauthorised")
    assert refusal(ask(served, request(token, "GET", "/nothing"))) == (404, ["path"], "not_found")
    for path in ("/static/%00", "/static/..%2f..%2frun.py", "/swaggerui/%ff", "/%ff%fe", "/api/v1/%00", "/%"):
        assert refusal(ask(served, request(token, "GET", path)))[0] == 404, path
    for path in ("/api/v1/source/%00/", "/api/v1/source/%ff/", "/api/v1/source/%zz/", "/api/v1/source/1%0a/"):
        assert refusal(ask(served, request(token, "GET", path))) == (422, ["path", "source_id"], "int_parsing"), path


def test_a_fault_nobody_foresaw_in_production_is_a_500_without_a_trace(served: Served, token: str) -> None:
    with served.app.app_context(), writing() as session:
        session.execute(
            text(
                "INSERT INTO source (id, model, created_us, status, uri_rtsp) "
                "VALUES (77, 'Source', 9000000000000000000, 'unknown', NULL)"
            )
        )
    status, headers, body = ask(served, request(token, "GET", "/api/v1/source/77/?pwd=" + SECRET))
    assert refusal((status, headers, body)) == (500, [], "internal_error")
    assert not re.search(rb"Traceback|Error:|\.py|Overflow", body)
    assert "OverflowError" in served.service.read_log()
    with served.app.app_context():
        db.session.execute(text("DELETE FROM source WHERE id = 77"))
        db.session.commit()


def test_a_client_that_pauses_within_a_request_does_not_hold_a_thread(
    served: Served, stalled: dict[str, socket.socket]
) -> None:
    received = {name: connection.recv(65536) for name, connection in stalled.items()}
    assert received["head"] == b""
    for name in ("body", "chunk"):
        assert received[name].startswith(b"HTTP/1.1 400 "), received
        assert b"application/json" in received[name]
    assert received["form"]
    assert "Traceback" not in served.service.read_log().partition("OverflowError")[2].replace("OverflowError", "")


def test_clients_that_do_not_close_their_ended_connection_hold_up_nobody(served: Served) -> None:
    """Regression: gunicorn lingers 2 s for each, in the very thread that accepts connections."""
    with contextlib.ExitStack() as stack:
        for _ in range(10):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", served.service.port), timeout=15))
            connection.sendall(request("", "GET", "/healthz"))
            assert connection.recv(100).startswith(b"HTTP/1.1 200 ")
        assert served.service.answers("/healthz")


def test_the_server_goes_on_and_its_log_holds_no_secret(served: Served) -> None:
    assert served.service.answers("/healthz")
    assert SECRET not in served.service.read_log()
