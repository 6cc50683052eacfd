"""What pages of other sites cannot make a browser do, and what its cookies are."""

import io
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.extensions import writing
from tests.accounts import PASSWORD, add_account, password_hash
from tests.browsing import UNSAFE, changing, dump, routes, signed_in, token_of
from tests.conftest import in_production

GROUP = "/api/v1/group"
NEW = {"model": "Source", "name": "вход"}
FORM = {"name": "admin", "password": PASSWORD}
OWN = "http://localhost"
PAGE = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.fixture
def secret(production: Flask) -> str:
    """Return the token of an admin."""
    with production.app_context(), writing() as session:
        return add_account(session, password=password_hash())


@pytest.fixture
def browser(production: Flask, secret: str) -> FlaskClient:
    """Return a browser in which he has signed in."""
    return signed_in(production)


def kind(answer: object) -> str:
    """Return the word of the first thing that an answer says is wrong; "" for what is no error."""
    body = getattr(answer, "json", None)
    return body["detail"][0]["type"] if isinstance(body, dict) and "detail" in body else ""


def unsafe(app: Flask) -> list[tuple[str, str]]:
    """Return method and path of all that may change something; signing out comes last."""
    found = {(method, path) for _, method, path in routes(app) if method in UNSAFE}
    return sorted(found, key=lambda pair: (pair[1] == "/logout", pair))


def test_no_unsafe_route_takes_a_cookie_without_the_token(production: Flask, browser: FlaskClient) -> None:
    before = dump(production)
    asked = unsafe(production)
    for method, path in asked:
        for headers in ({}, {"Origin": OWN, "Sec-Fetch-Site": "same-origin"}):
            for given in ({"json": NEW}, {"data": NEW}, {"data": b"", "content_type": "text/plain"}):
                refused = browser.open(path, method=method, headers=headers, **given)
                assert (refused.status_code, kind(refused)) == (403, "csrf_token"), (method, path, given, headers)
    assert dump(production) == before
    assert browser.get("/api/v1/source").status_code == 200, "not even signed out"
    assert len(asked) > 40


def test_every_unsafe_route_takes_a_cookie_with_the_token_and_a_bearer_without(
    production: Flask, browser: FlaskClient, secret: str
) -> None:
    token = changing(browser)
    program = {"Authorization": f"Bearer {secret}"}
    for method, path in unsafe(production):
        for headers in (program, token):
            client = browser if headers is token else production.test_client(use_cookies=False)
            answer = client.open(path, method=method, headers=headers, json={})
            assert kind(answer) not in ("csrf_token", "cross_site"), (method, path, headers)
            answer.close()


@pytest.mark.parametrize(
    ("headers", "is_ours"),
    [
        ({}, True),
        ({"Origin": OWN}, True),
        ({"Origin": OWN, "Sec-Fetch-Site": "same-origin"}, True),
        ({"Origin": "null", "Sec-Fetch-Site": "same-origin"}, True),
        ({"Origin": "null"}, True),  # a form of ours over plain HTTP: the token alone tells
        ({"Sec-Fetch-Site": "none"}, True),
        ({"Referer": f"{OWN}/swagger/"}, True),
        ({"Origin": "https://localhost"}, False),
        ({"Origin": "http://localhost:81"}, False),
        ({"Origin": "http://evil.localhost"}, False),
        ({"Origin": "http://localhost.evil.example"}, False),
        ({"Origin": "http://user@localhost"}, False),
        ({"Origin": "https://evil.example"}, False),
        ({"Origin": ""}, False),
        ({"Origin": f"{OWN}, https://evil.example"}, False),
        ({"Origin": "null", "Sec-Fetch-Site": "cross-site"}, False),
        ({"Origin": OWN, "Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Referer": "https://evil.example/"}, False),
    ],
)
def test_even_with_the_token_a_change_comes_from_our_own_pages(
    browser: FlaskClient, headers: dict[str, str], is_ours: bool
) -> None:
    answer = browser.post(GROUP, json=NEW, headers={**changing(browser), **headers})
    assert (answer.status_code, kind(answer)) == ((200, "") if is_ours else (403, "cross_site"))
    assert len(browser.get(GROUP).json) == int(is_ours)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Origin": OWN}, 200),
        ({"Origin": "null"}, 403),  # without the token nothing tells whose form it is
        ({"Origin": "null", "Sec-Fetch-Site": "same-origin"}, 200),
        ({"Origin": "null", "Sec-Fetch-Site": "none"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Referer": "https://evil.example/"}, 403),
    ],
)
@pytest.mark.parametrize("way", ["json", "form", "plain"])
def test_where_nobody_signs_in_a_browser_must_come_from_our_pages(
    client: FlaskClient, headers: dict[str, str], status: int, way: str
) -> None:
    given = {"json": {"json": NEW}, "form": {"data": NEW}, "plain": {"query_string": NEW}}[way]
    assert client.post(GROUP, headers=headers, **given).status_code == status
    assert len(client.get(GROUP).json) == (status == 200)


def test_json_in_a_form_of_plain_text_is_no_json(browser: FlaskClient) -> None:
    body = '{"model":"Source","name":"x","ignored":"="}'
    for headers in ({}, changing(browser)):
        assert browser.post(GROUP, data=body, content_type="text/plain", headers=headers).status_code in (403, 415)
    assert browser.get(GROUP).json == []


def test_a_method_in_a_header_needs_the_token_as_the_method_itself(browser: FlaskClient) -> None:
    sent = browser.post("/files/", data={"upload": (io.BytesIO(b"x"), "a.txt")}, headers=changing(browser))
    path = f"/files/{sent.json['id']}"
    override = {"X-HTTP-Method-Override": "DELETE", "Tus-Resumable": "1.0.0"}
    assert kind(browser.post(path, headers=override)) == "csrf_token"
    assert browser.get(path, headers=override).status_code == 200, "a GET is no other method, whatever it says"
    assert browser.get(path).json["status"] != "deleted"
    assert browser.get(f"{path}?_method=DELETE").status_code == 200
    assert browser.get(path).status_code == 200


def test_the_token_of_another_sign_in_is_none(production: Flask, secret: str, browser: FlaskClient) -> None:
    stranger = production.test_client()
    lent = token_of(stranger)
    browser.set_cookie("csrftoken", lent)  # as a name above ours could
    assert kind(browser.post(GROUP, json=NEW, headers={"X-CSRFToken": lent})) == "csrf_token"
    assert browser.post(GROUP, json=NEW, headers=changing(browser)).status_code == 200


def test_the_token_may_be_a_field_of_a_form(browser: FlaskClient) -> None:
    answer = browser.post(GROUP, data={**NEW, "csrf_token": token_of(browser)})
    assert answer.status_code == 200
    wrong = browser.post(GROUP, data={**NEW, "csrf_token": "x"})
    assert (wrong.status_code, wrong.json["detail"][0]["loc"]) == (403, ["body", "csrf_token"])


def test_a_form_without_its_token_is_answered_with_a_page_to_a_browser(browser: FlaskClient) -> None:
    for path in ("/login", "/logout", "/admin/violation/new/", "/cms/violation/delete/"):
        page = browser.post(path, data={"violations": "x"}, headers=PAGE)
        assert (page.status_code, page.mimetype) == (403, "text/html")
        assert "Nothing was changed" in page.text
        told = browser.post(path, data={"violations": "x"}, headers={"Accept": "application/json"})
        assert (told.status_code, kind(told)) == (403, "csrf_token")


def test_nobody_is_signed_in_by_a_form_of_another_site(production: Flask, secret: str) -> None:
    """Else an attacker lets others work in his own account, and sees what they upload."""
    victim = production.test_client()
    attackers = token_of(production.test_client())
    for form in ({}, {"csrf_token": attackers}, {"csrf_token": ""}):
        assert victim.post("/login", data={**FORM, **form}).status_code == 403
    assert "__Host-playback_session" not in {cookie.key for cookie in victim._cookies.values()}


def test_no_get_changes_anything(production: Flask, secret: str) -> None:
    program = {"Authorization": f"Bearer {secret}"}
    client = production.test_client(use_cookies=False)
    picture = {"model": "PictureSource", "uri_http_picture": {"uri": "http://127.0.0.1:9/"}}
    assert client.post("/api/v1/source", json=picture, headers=program).status_code == 200
    group = client.post(GROUP, json={**NEW, "model": "PictureSource"}, headers=program).json[0]["id"]
    client.post(f"{GROUP}/{group}/source/1", headers=program)
    sent = client.post("/files/", data={"upload": (io.BytesIO(b"x"), "a.txt")}, headers=program)
    said = {"refer_file": sent.json["refer"], "comment": "c", "comment_author": "User"}
    assert client.post("/comments/", json=said, headers=program).status_code == 200
    browser = signed_in(production)
    token_of(browser)
    client.get("/api/v1/source", headers=program)
    before = dump(production)
    for _, method, path in routes(production):
        if method in ("GET", "HEAD"):
            for address in {path, path.replace("/group/1", f"/group/{group}")}:
                browser.open(address, method=method, query_string={**NEW, "id": 1, "delete": 1}).close()
    assert without_watching(dump(production)) == without_watching(before)


def without_watching(text: str) -> list[str]:
    """Return the rows of a dump without those that say who has looked at what."""
    tables = ("audit", "viewing", "sqlite_sequence", "api_token", "account_session")
    seen = tuple(f'INSERT INTO "{table}' for table in tables)
    return [line for line in text.splitlines() if not line.startswith(seen)]


# Cookies


def session_cookie(answer: TestResponse, name: str) -> tuple[str, list[str]]:
    """Return what sets the session's cookie, and what sets others."""
    found = answer.headers.getlist("Set-Cookie")
    [ours] = [text for text in found if text.startswith(f"{name}=")]
    return ours, [text for text in found if text != ours]


def flags(set_cookie: str) -> set[str]:
    return set(set_cookie.split("; ")[1:])


def test_in_production_both_cookies_go_over_tls_alone_and_to_this_name_alone(production: Flask, secret: str) -> None:
    browser = production.test_client()
    token = browser.get("/csrftoken/")
    assert {"Secure", "SameSite=Strict", "Path=/"} <= flags(token.headers["Set-Cookie"])
    answer = browser.post("/login", data={**FORM, "csrf_token": token.json["csrfToken"]})
    cookie, others = session_cookie(answer, "__Host-playback_session")
    assert {"Secure", "HttpOnly", "SameSite=Strict", "Path=/"} <= flags(cookie)
    assert all({"Secure", "HttpOnly", "SameSite=Strict"} <= flags(other) for other in others)
    assert not any(flag.startswith("Domain") for flag in flags(cookie))


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_plain_http_gives_up_what_only_tls_can_keep(tmp_path: Path, migrated_sqlite: Path, scheme: str) -> None:
    with in_production(tmp_path, migrated_sqlite, PLAIN_HTTP=True) as app:
        with app.app_context(), writing() as session:
            add_account(session, password=password_hash())
        browser, base = app.test_client(), f"{scheme}://localhost"
        token = browser.get("/csrftoken/", base_url=base).json["csrfToken"]
        answer = browser.post("/login", data={**FORM, "csrf_token": token}, base_url=base)
        cookie, _ = session_cookie(answer, "playback_session")
        assert {"HttpOnly", "SameSite=Strict"} <= flags(cookie)
        assert ("Secure" in flags(cookie)) is (scheme == "https")
        assert "plain HTTP" not in app.test_client().get("/login", base_url=base).text


def test_over_plain_http_the_page_says_why_nobody_can_sign_in(production: Flask, secret: str) -> None:
    stranger = production.test_client()
    assert "PLAYBACK_PLAIN_HTTP" in stranger.get("/login", headers=PAGE).text
    token = token_of(stranger)
    lost = production.test_client(use_cookies=False)  # a browser keeps no Secure cookie of plain HTTP
    refused = lost.post("/login", data={**FORM, "csrf_token": token}, headers=PAGE)
    assert refused.status_code == 403
    assert "PLAYBACK_PLAIN_HTTP" in refused.text
    assert "PLAYBACK_PLAIN_HTTP" not in stranger.get("/login", base_url="https://localhost").text
    loopback = {"Sec-Fetch-Site": "none"}  # a browser that names it keeps Secure cookies of this address
    assert "PLAYBACK_PLAIN_HTTP" not in stranger.get("/login", headers=loopback).text


def test_after_signing_out_a_browser_keeps_nothing(browser: FlaskClient) -> None:
    answer = browser.post("/logout", headers=changing(browser))
    assert answer.status_code == 303
    assert answer.headers["Clear-Site-Data"] == '"cache", "storage"'
    assert answer.headers["Cache-Control"] == "no-store"
    gone = [cookie for cookie in answer.headers.getlist("Set-Cookie") if "Max-Age=0" in cookie or "1970" in cookie]
    assert {cookie.partition("=")[0] for cookie in gone} == {"__Host-playback_session", "csrftoken"}
    assert all("Secure" in flags(cookie) for cookie in gone), "else a browser would not take them for the same"
    assert browser.get("/api/v1/source").status_code == 401


@pytest.mark.parametrize("as_json", [False, True])
def test_over_plain_http_no_sign_in_is_used_up(production: Flask, secret: str, as_json: bool) -> None:
    browser, base = production.test_client(use_cookies=False), "http://video.example.org"
    given = {"name": "admin", "password": PASSWORD}
    sent = {"json": given} if as_json else {"data": given, "headers": {"X-CSRFToken": "none"}}
    answer = browser.post("/login", base_url=base, **sent)  # type: ignore[arg-type]
    assert answer.status_code == 403
    assert "PLAYBACK_PLAIN_HTTP" in answer.text
    assert not any(name == "Set-Cookie" and "session" in value for name, value in answer.headers)
    assert browser.post("/login", base_url=base.replace("http", "https"), json=given).status_code == 200
