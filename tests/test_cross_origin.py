"""Pages of other sites (CORS): those of the list, with a token and never with a cookie; nobody else."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.extensions import writing
from tests.accounts import add_account
from tests.browsing import changing, signed_in
from tests.conftest import in_production

WATCH, ADDRESS = "https://watch.example", "http://[::1]:3000"
FOREIGN = [
    "https://evil.example",
    "http://watch.example",
    "https://watch.example:8443",
    "https://sub.watch.example",
    "https://watch.example.evil.example",
    "https://watchxexample",
    "https://user@watch.example",
    "http://:3000",
    "http://1:3000",
    "null",
    "",
    f"{WATCH}, https://evil.example",
]
PREFLIGHT = {"Access-Control-Request-Method": "PATCH", "Access-Control-Request-Headers": "authorization, tus-resumable"}
NEW = {"model": "Source", "name": "g"}


@pytest.fixture
def production(tmp_path: Path, migrated_sqlite: Path) -> Iterator[Flask]:
    """Yield an app in production that two other sites may ask."""
    with in_production(tmp_path, migrated_sqlite, CORS_ORIGINS=f"{WATCH}, {ADDRESS}", RATE_LIMITS=False) as app:
        yield app


@pytest.fixture
def secret(production: Flask) -> str:
    """Return the token of an admin."""
    with production.app_context(), writing() as session:
        return add_account(session)


def allowed(headers: object) -> set[str]:
    """Return the names of all headers that let a page of another site do something."""
    return {name for name in dict(headers) if name.startswith("Access-Control-")}  # type: ignore[call-overload]


@pytest.mark.parametrize("origin", [WATCH, ADDRESS])
def test_a_browser_that_asks_first_is_answered_without_a_token(production: Flask, origin: str) -> None:
    for path in ("/api/v1/source", "/files/1", "/api/v1/nothing"):
        answer = production.test_client().options(path, headers={"Origin": origin, **PREFLIGHT})
        assert answer.status_code == 204
        assert answer.headers["Access-Control-Allow-Origin"] == origin
        assert "PATCH" in answer.headers["Access-Control-Allow-Methods"]
        assert answer.headers["Access-Control-Allow-Headers"] == "authorization, tus-resumable"
        assert "Access-Control-Allow-Credentials" not in answer.headers
        assert "Origin" in answer.vary
        assert not answer.data


@pytest.mark.parametrize("origin", FOREIGN)
def test_no_other_origin_may_ask_anything(production: Flask, secret: str, origin: str) -> None:
    client, program = production.test_client(), {"Authorization": f"Bearer {secret}", "Origin": origin}
    asked = client.options("/api/v1/source", headers={"Origin": origin, **PREFLIGHT})
    assert (asked.status_code, allowed(asked.headers)) == (401, set())
    for method, path in (("GET", "/api/v1/source"), ("POST", "/api/v1/group"), ("GET", "/nothing"), ("GET", "/login")):
        assert allowed(client.open(path, method=method, headers=program, json=NEW).headers) == set()


def test_a_page_of_the_list_asks_with_a_token_and_reads_what_tus_says(production: Flask, secret: str) -> None:
    client, asked = production.test_client(), {"Origin": WATCH, "Authorization": f"Bearer {secret}"}
    assert client.get("/api/v1/source", headers=asked).headers["Access-Control-Allow-Origin"] == WATCH
    assert client.post("/api/v1/group", json=NEW, headers=asked).status_code == 200
    announced = client.post("/files/", headers={**asked, "Tus-Resumable": "1.0.0", "Upload-Length": "5"})
    assert announced.status_code == 201
    readable = {name.strip() for name in announced.headers["Access-Control-Expose-Headers"].split(",")}
    assert {"Location", "Upload-Offset", "Upload-Length", "Tus-Resumable", "Upload-Expires", "Tus-Version"} <= readable
    assert "X-Refer-Key" in readable
    assert all(len(name) > 1 for name in readable)
    wrong = client.get("/api/v1/source/x", headers=asked)
    assert (wrong.status_code, wrong.headers["Access-Control-Allow-Origin"]) == (422, WATCH), "errors can be read, too"


def test_a_page_of_the_list_never_uses_the_cookie(production: Flask, secret: str) -> None:
    browser = signed_in(production)
    asked = {"Origin": WATCH, "Sec-Fetch-Site": "cross-site", **changing(browser)}
    assert browser.post("/api/v1/group", json=NEW, headers=asked).status_code == 403
    assert "Access-Control-Allow-Credentials" not in browser.get("/api/v1/source", headers=asked).headers
    assert browser.get("/api/v1/group").json == []


def test_a_cache_tells_origins_apart(production: Flask) -> None:
    client = production.test_client()
    for headers in ({}, {"Origin": WATCH}, {"Origin": "https://evil.example"}):
        for path in ("/static/plain.css", "/api/v1/source", "/login"):
            answer = client.get(path, headers=headers)
            assert "Origin" in answer.vary
            answer.close()


def test_without_a_list_nothing_is_said_of_origins(client: FlaskClient) -> None:
    answer = client.get("/api/v1/source", headers={"Origin": WATCH})
    assert allowed(answer.headers) == set()
    assert allowed(client.options("/api/v1/source", headers={"Origin": WATCH, **PREFLIGHT}).headers) == set()


def test_what_is_asked_of_tus_itself_reaches_its_view(production: Flask, secret: str) -> None:
    asked = {"Origin": WATCH, "Authorization": f"Bearer {secret}"}
    answer = production.test_client().options("/files/", headers=asked)
    assert answer.headers["Tus-Version"] == "1.0.0"
    assert answer.headers["Access-Control-Allow-Origin"] == WATCH
