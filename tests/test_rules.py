"""The table of who may do what: every route has its row, and every role gets on every route what the row says."""

import re
from collections.abc import Iterator

import pytest
from flask import Flask

from app.access import table
from app.access.caller import LADDER
from app.access.rules import AREAS, RULES, Rule, rule_of
from app.extensions import writing
from instance.config import ROOT
from tests.accounts import add_account

CALLERS = ("nobody", "analyser", "viewer", "operator", "admin")
OWN = {"/login", "/logout", "/account", "/api/v1/account/me", "/api/v1/account/me/totp"}  # one's own account
CAMERAS = {"none", "path", "asked", "object", "list", "all"}
# The contract's own words (operations.md), and the key of a share link, which is its credential.
OPEN = {
    "/healthz", "/readyz", "/csrftoken/", "/login", "/static/<path:filename>", "/swaggerui/<path:filename>",
    "/download/<refer:refer>/", "/share/<key>", "/share/<key>/video.mp4", "/share/<key>/index.m3u8",
}  # fmt: skip
OWN = {"token"}  # what everybody may change, of his own
# What an operator may do with a changing method; all else that changes something is an admin's.
VALUES = {"index:index": "1", "index:file_id": "1", "refer:refer": "0" * 32, "path:filename": "none", "path:path": "x"}


@pytest.fixture
def tokens(production: Flask) -> dict[str, str | None]:
    """Return the token of each caller."""
    with production.app_context(), writing() as session:
        found: dict[str, str | None] = {role: add_account(session, role, role) for role in LADDER}
        found["analyser"] = add_account(session, "service", "operator", token_role="analyser")
    return found | {"nobody": None}


def routes(app: Flask) -> Iterator[tuple[str, str, str]]:
    """Yield endpoint, method and path of every route, with a value in place of each variable."""
    for route in app.url_map.iter_rules():
        path = re.sub(r"<([^>]+)>", lambda match: VALUES.get(match[1], "1"), route.rule)
        for method in sorted((route.methods or set()) - {"OPTIONS"}):
            yield route.endpoint, method, path


def wanted(rule: Rule, caller: str) -> int | None:
    """Return the status of the refusal that a caller gets by a row; None where he gets in. A model of its own."""
    if rule.role == "open":
        return None
    if caller == "nobody":
        return 401
    if caller == "analyser":
        return None if rule.is_analyser else 403
    return None if ["viewer", "operator", "admin"].index(caller) >= LADDER[rule.role] - 1 else 403


def test_every_route_has_a_row_and_every_row_a_route(production: Flask) -> None:
    there = {(endpoint, method) for endpoint, method, _ in routes(production) if method != "HEAD"}
    examples = {row for row in RULES if row.startswith("restplusexampleapi.")}  # outside production only
    rows = {(endpoint, method) for endpoint, methods in RULES.items() for method in methods if endpoint not in examples}
    assert there - rows == set(), "routes without a row"
    assert rows - there == set(), "rows without a route"


def test_each_row_says_known_words() -> None:
    for endpoint, methods in RULES.items():
        for method, rule in methods.items():
            assert rule.role in ("open", *LADDER), endpoint
            assert rule.cameras in CAMERAS, endpoint
            assert rule.limit in (None, "sign_in", "keys", "tokens", "stills"), endpoint
            is_bounded = rule.cameras in ("path", "asked", "none")
            assert not rule.has_window or ((method == "GET" or rule.area == "share") and is_bounded), (
                f"{endpoint} cannot be bounded by a span"
            )
    assert len(AREAS) > 10


def test_only_what_the_contract_opens_is_open(production: Flask) -> None:
    paths = {route.endpoint: route.rule for route in production.url_map.iter_rules()}
    found = {
        paths[endpoint]
        for endpoint, methods in RULES.items()
        for rule in methods.values()
        if rule.role == "open" and endpoint in paths
    }
    assert found == OPEN


def test_who_changes_something_is_no_viewer(production: Flask) -> None:
    for endpoint, method, path in routes(production):
        rule = rule_of(endpoint, method)
        if method in ("GET", "HEAD") or rule is None or "/account" in path or rule.area in OWN:
            continue
        if path not in ("/login", "/logout", "/share/1"):
            assert LADDER[rule.role] >= 2, f"{method} {path}"


@pytest.mark.parametrize("caller", CALLERS)
def test_each_role_gets_on_each_route_what_the_row_says(
    production: Flask, tokens: dict[str, str | None], caller: str
) -> None:
    client, token = production.test_client(), tokens[caller]
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    asked = 0
    for endpoint, method, path in routes(production):
        rule = rule_of(endpoint, method)
        assert rule is not None, endpoint
        with client.open(path, method=method, headers=headers) as answer:
            refusal = wanted(rule, caller)
            if (method, path) == ("POST", "/login"):
                assert "sign in first" not in answer.text  # it is open: what it refuses is the empty form
            elif refusal is None:
                assert answer.status_code not in (401, 403), (caller, method, path, answer.status_code)
            else:
                assert answer.status_code == refusal, (caller, method, path, answer.status_code)
            asked += 1
    assert asked > 150


def test_an_address_that_is_not_there_tells_only_who_is_known(production: Flask, tokens: dict[str, str | None]) -> None:
    client = production.test_client()
    assert client.get("/nothing").status_code == 401
    for caller in CALLERS[1:]:
        answer = client.get("/nothing", headers={"Authorization": f"Bearer {tokens[caller]}"})
        assert answer.status_code == 404, caller


def test_a_route_without_a_row_is_open_to_nobody(production: Flask, tokens: dict[str, str | None]) -> None:
    @production.get("/forgotten")
    def forgotten() -> str:
        return "secret"

    client = production.test_client()
    for caller, token in tokens.items():
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        assert client.get("/forgotten", headers=headers).status_code == 404, caller


def test_the_document_shows_the_table(production: Flask) -> None:
    text = (ROOT / "docs" / "security.md").read_text("utf-8")
    shown = text.partition("## Who may do what\n")[2]
    assert list(table.lines(production)) == [line for line in shown.splitlines() if line.startswith("|")]
