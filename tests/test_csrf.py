"""The CSRF token: given out to everybody, and a wrong one refused wherever something is to be changed."""

import time

import pytest
from flask import Flask
from flask.testing import FlaskClient
from itsdangerous import TimestampSigner

from app.extensions import writing
from app.models import Account
from tests.accounts import PASSWORD, add_account, password_hash
from tests.browsing import token_of

GROUP = "/api/v1/group"
NEW = {"model": "Source", "name": "вход"}


def test_the_token_comes_in_the_answer_and_as_a_cookie_that_scripts_can_read(client: FlaskClient) -> None:
    answer = client.get("/csrftoken", base_url="https://localhost")
    assert set(answer.json) == {"csrfToken"}
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith(f"csrftoken={answer.json['csrfToken']};")
    assert {"Secure", "Path=/", "SameSite=Strict", "Max-Age=2592000"} <= set(cookie.split("; "))
    assert "HttpOnly" not in cookie
    assert answer.headers["Cache-Control"] == "no-store"


def test_over_plain_http_the_cookie_is_not_secure(client: FlaskClient) -> None:
    assert "Secure" not in client.get("/csrftoken/").headers["Set-Cookie"]


def test_asked_again_with_the_cookie_the_token_is_the_same_and_without_it_another(app: Flask) -> None:
    browser = app.test_client()
    assert token_of(browser) == token_of(browser)
    assert token_of(browser) != token_of(app.test_client())


def test_a_change_with_the_token_or_without_any_passes(client: FlaskClient) -> None:
    assert client.post(GROUP, json=NEW, headers={"X-CSRFToken": token_of(client)}).status_code == 200
    assert client.post(GROUP, json={**NEW, "name": "other"}).status_code == 200


@pytest.mark.parametrize("wrong", ["", "x", "another's", "cut", "no cookie", "не ASCII"])
def test_a_change_with_a_wrong_token_is_refused(app: Flask, wrong: str) -> None:
    client = app.test_client()
    token = token_of(client)
    given = {"another's": token_of(app.test_client()), "cut": token[:-1], "no cookie": token}.get(wrong, wrong)
    sender = app.test_client() if wrong == "no cookie" else client
    answer = sender.post(GROUP, json=NEW, headers={"X-CSRFToken": given.encode().decode("latin-1")})
    assert answer.status_code == 403
    [entry] = answer.json["detail"]
    assert (entry["loc"], entry["type"]) == (["header", "X-CSRFToken"], "csrf_token")
    assert token not in entry["msg"]
    assert client.get(GROUP, headers={"X-CSRFToken": "x"}).json == [], "what changes nothing needs none"


def test_a_text_that_somebody_made_up_is_no_token_even_with_the_same_cookie(client: FlaskClient) -> None:
    client.set_cookie("csrftoken", "made-up")
    assert client.post(GROUP, json=NEW, headers={"X-CSRFToken": "made-up"}).status_code == 403
    assert token_of(client) != "made-up"


def test_a_token_has_run_out_after_30_days_and_is_given_out_anew(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def token_from(days: float) -> str:
        client.delete_cookie("csrftoken")
        with monkeypatch.context() as clock:
            clock.setattr(TimestampSigner, "get_timestamp", lambda _: int(time.time() - days * 86_400))
            return token_of(client)

    young = token_from(29.9)
    assert client.post(GROUP, json=NEW, headers={"X-CSRFToken": young}).status_code == 200
    old = token_from(30.1)
    assert client.post(GROUP, json=NEW, headers={"X-CSRFToken": old}).status_code == 403
    assert token_of(client) != old


def test_in_production_everybody_gets_a_token_and_signing_in_needs_a_new_one(production: Flask) -> None:
    with production.app_context(), writing() as session:
        secret = add_account(session)
        session.query(Account).one().password = password_hash()
    browser = production.test_client()
    before = token_of(browser)
    form = {"name": "admin", "password": PASSWORD, "csrf_token": before}
    assert browser.post("/login", data=form).status_code == 303
    headers = {"Origin": "http://localhost", "X-CSRFToken": before}
    assert browser.post(GROUP, json=NEW, headers=headers).json["detail"][0]["type"] == "csrf_token"
    after = token_of(browser)
    assert after != before
    assert browser.post(GROUP, json=NEW, headers={**headers, "X-CSRFToken": after}).status_code == 200
    stranger = {"Authorization": f"Bearer {secret}", "X-CSRFToken": after}
    assert production.test_client().post(GROUP, json=NEW, headers=stranger).status_code == 403
