"""By which names the service may be asked, whom it believes who a client is, and where development may be bound."""

import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, Response, jsonify, request
from flask.testing import FlaskClient

from app.access.hosts import split_host
from app.extensions import writing
from instance.config import ConfigurationError, load_config
from tests.accounts import add_account
from tests.conftest import in_production
from tests.served import Served, serving

BINDS = [
    "0:8000",
    "0.0.0.0:8000",
    "[::]:8000",
    "::8000",
    "*:8000",
    ":8000",
    "localhost.evil.example:8000",
    "127.evil:80",
]
BINDS += ["10.0.0.5:8000", "127.0.0.1.nip.io:80", "[::ffff:0.0.0.0]:80", "127.0.0.1@0.0.0.0:80", "unix:/tmp/x", "99:80"]
LOCAL = [
    "localhost",
    "localhost:8000",
    "127.0.0.1",
    "127.0.0.1:8000",
    "127.8.9.1",
    "[::1]:8000",
    "LOCALHOST",
    "localhost.",
]
FOREIGN = ["evil.example", "evil.example:8000", "localhost.evil.example", "127.0.0.1.evil.example", "evil.localhost"]
FOREIGN += ["10.0.0.5", "[2001:db8::1]", "0.0.0.0", "127.1", "2130706433", "0x7f000001", "[::ffff:10.0.0.5]"]
BROKEN = ["", "a b", "localhost:", "localhost:x", "localhost:99999", "localhost/x", "user@localhost", "localhost,evil"]
BROKEN += ["[::1", "[::1]x", "-", "localhost\t", "lоcalhost"]


@pytest.mark.parametrize("host", LOCAL)
def test_development_answers_to_the_names_of_this_machine_alone(client: FlaskClient, host: str) -> None:
    assert client.get("/api/v1/source", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("host", FOREIGN + BROKEN)
def test_a_name_that_somebody_made_point_here_opens_nothing(client: FlaskClient, host: str) -> None:
    given = {"HTTP_HOST": host.encode().decode("latin-1")}
    for path in ("/api/v1/source", "/", "/static/plain.css", "/nothing", "/csrftoken/"):
        refused = client.get(path, environ_overrides=given, headers={"Authorization": "Bearer x"})
        assert refused.status_code == 421, path
        assert refused.json["detail"][0]["loc"] == ["header", "Host"]
    assert (
        client.post("/api/v1/group", json={"model": "Source", "name": "g"}, environ_overrides=given).status_code == 421
    )
    assert client.get("/api/v1/group").json == []


def test_whether_it_lives_is_told_to_whoever_asks_by_whatever_name(client: FlaskClient) -> None:
    assert client.get("/healthz", headers={"Host": "balancer.example"}).status_code == 200


def statuses(app: Flask, *hosts: str, **headers: str) -> list[int]:
    """Return what a path that is open to all answers by each of the names."""
    return [app.test_client().get("/csrftoken/", headers={"Host": host, **headers}).status_code for host in hosts]


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        ({}, [200, 200, 200, 200]),
        ({"PUBLIC_URL": "https://video.example.org/x"}, [200, 421, 200, 200]),
        ({"TRUSTED_NETWORKS": "10.0.0.0/8"}, [200, 200, 200, 200]),
        ({"TRUSTED_NETWORKS": "10.0.0.0/8", "PUBLIC_URL": "https://video.example.org"}, [200, 421, 200, 200]),
    ],
)
def test_production_answers_to_its_public_name_and_to_addresses(
    tmp_path: Path, migrated_sqlite: Path, settings: dict[str, Any], wanted: list[int]
) -> None:
    names = ("video.example.org:8443", "evil.example", "10.0.0.5:8000", "localhost")
    with in_production(tmp_path, migrated_sqlite, **settings) as app:
        assert statuses(app, *names) == wanted
        with app.app_context(), writing() as session:
            token = add_account(session)
        by_name = {"Host": "recorder:8000"}
        client = app.test_client()
        assert client.get("/api/v1/source", headers={**by_name, "Authorization": f"Bearer {token}"}).status_code == 200
        inside = {"REMOTE_ADDR": "10.0.0.7"}
        wrong = client.get("/api/v1/source", headers={**by_name, "Authorization": "Bearer x"}, environ_overrides=inside)
        assert wrong.status_code == 401, "a token that is none opens nothing that an address would"
        rebound = client.get("/api/v1/source", headers={"Host": "evil.example"}, environ_overrides=inside)
        assert rebound.status_code in (401, 421), "nor does a name that somebody made point here"


def test_names_are_taken_apart_to_the_letter() -> None:
    assert split_host("[::1]:80") == ("::1", "80")
    assert split_host("Video.Example.org.:443") == ("video.example.org", "443")
    assert split_host("a:0") == ("", "")


# Proxies


def seen_by(app: Flask, **environ: str) -> dict[str, Any]:
    """Return what the app takes a client for."""

    def tell(filename: str) -> Response:
        return jsonify(by=request.remote_addr, tls=request.is_secure, at=request.host)

    app.view_functions["static"] = tell
    answer: dict[str, Any] = app.test_client().get("/static/seen", environ_overrides=environ).json
    return answer


FORGED = {
    "HTTP_X_FORWARDED_FOR": "6.6.6.6, 10.9.9.9",
    "HTTP_X_FORWARDED_PROTO": "https",
    "HTTP_X_FORWARDED_HOST": "evil.example",
    "HTTP_X_FORWARDED_PORT": "666",
    "HTTP_X_FORWARDED_PREFIX": "/evil",
    "HTTP_X_REAL_IP": "6.6.6.6",
    "HTTP_FORWARDED": "for=6.6.6.6;proto=https;host=evil.example",
    "HTTP_X_FORWARDED_SSL": "on",
    "HTTP_FRONT_END_HTTPS": "on",
}


@pytest.mark.parametrize(
    ("hops", "by", "tls"),
    [(0, "127.0.0.1", False), (1, "10.9.9.9", True), (2, "6.6.6.6", False), (3, "127.0.0.1", False)],
)
def test_as_many_proxies_are_believed_as_there_are_and_never_of_the_host(
    tmp_path: Path, migrated_sqlite: Path, hops: int, by: str, tls: bool
) -> None:
    with in_production(tmp_path, migrated_sqlite, PROXY_HOPS=hops) as app:
        assert seen_by(app, **FORGED) == {"by": by, "tls": tls, "at": "localhost"}


# A real server


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Yield a web server in development."""
    with serving(tmp_path_factory.mktemp("hosts")) as found:
        yield found


def ask(served: Served, *lines: str) -> tuple[int, dict[str, str], str]:
    """Send a request's lines as they are; return status, headers and body."""
    with socket.create_connection(("127.0.0.1", served.service.port), timeout=15) as connection:
        connection.sendall("\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1"))
        received = b""
        while block := connection.recv(65536):
            received += block
    head, _, body = received.decode("utf-8", "replace").partition("\r\n\r\n")
    first, *rest = head.split("\r\n")
    return int(first.split()[1]), dict(line.lower().split(": ", 1) for line in rest), body


@pytest.mark.parametrize(
    "lines",
    [
        ["GET /api/v1/source HTTP/1.1", "Host: evil.example"],
        ["GET http://localhost/api/v1/source HTTP/1.1", "Host: evil.example"],
        ["GET /api/v1/source HTTP/1.1", "Host: localhost", "Host: evil.example"],
        ["GET /api/v1/source HTTP/1.1", "Host: evil.example", "X-Forwarded-Host: localhost"],
        ["GET /api/v1/source HTTP/1.1", "Host : localhost"],
        ["GET /api/v1/source HTTP/1.1", "Host: localhost:8000@evil.example"],
        ["GET /api/v1/source HTTP/1.1"],
    ],
    ids=["another", "absolute", "twice", "forwarded", "space", "user", "none"],
)
def test_no_bytes_make_a_foreign_name_ours(served: Served, lines: list[str]) -> None:
    status, headers, body = ask(served, *lines)
    assert status in (400, 421) or (lines[1:] == [] and status == 200), body
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "line",
    [
        "GET /healthz HTTP/9",
        "GET",
        "GET /" + "x" * 9000 + " HTTP/1.1",
        "G@T /healthz HTTP/1.1",
        "POST /login HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip",
        "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: " + "y" * 70_000,
    ],
    ids=["version", "short", "long", "method", "coding", "headers"],
)
def test_what_the_server_refuses_itself_carries_the_headers_too(served: Served, line: str) -> None:
    status, headers, body = ask(served, line)
    assert status >= 400
    assert json.loads(body)["detail"]
    wanted = {"x-content-type-options": "nosniff", "referrer-policy": "no-referrer", "cache-control": "no-store"}
    assert wanted.items() <= headers.items()
    assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert not re.search(r"\d", headers.get("server", ""))


def test_the_server_believes_no_header_of_who_a_client_is(served: Served) -> None:
    """Gunicorn's own default believes X-Forwarded-Proto, SCRIPT_NAME and PATH_INFO of 127.0.0.1."""
    forged = ["X-Forwarded-Proto: https", "X-Forwarded-Ssl: on", "Script-Name: /x", "SCRIPT_NAME: /x", "PATH_INFO: /"]
    status, headers, body = ask(served, "GET /csrftoken/ HTTP/1.1", "Host: localhost", *forged)
    assert (status, "csrfToken" in body) == (200, True)
    assert "strict-transport-security" not in headers
    assert "secure" not in headers["set-cookie"].split("; ")


@pytest.mark.parametrize(
    "bind",
    BINDS,
)
def test_development_is_bound_to_this_machine_alone(monkeypatch: pytest.MonkeyPatch, bind: str) -> None:
    for name in ("FLASK_CONFIG", "PLAYBACK_PUBLIC_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PLAYBACK_BIND", bind)
    monkeypatch.setenv("PLAYBACK_ENVIRONMENT", "production")  # no such setting: the configuration alone says it
    with pytest.raises(ConfigurationError, match="PLAYBACK_BIND"):
        load_config("development")
