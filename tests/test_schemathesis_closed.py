"""The API asked by its own document without a token, and with one that may look only: nothing gets further."""

import pytest
from flask import Flask

from app.access.rules import rule_of
from app.extensions import writing
from tests.accounts import add_account
from tests.schema_asking import production as production
from tests.schema_asking import statuses_of

# Asked by who has no token: what the contract opens, and what a key is the credential of.
OPEN = {
    "GET /healthz", "GET /readyz", "GET /csrftoken/", "GET /download/{refer}/", "HEAD /download/{refer}/",
    "GET /share/{key}", "POST /share/{key}", "GET /share/{key}/video.mp4", "GET /share/{key}/index.m3u8",
}  # fmt: skip
# A viewer may ask for tokens, but not for those of somebody else.
OWN_ONLY = {"GET /api/v1/token"}


def rows_of(app: Flask) -> dict[str, str]:
    """Return the least role of each operation, by its name in the document."""
    found = {}
    for route in app.url_map.iter_rules():
        path = route.rule.replace("<index:", "{").replace("<refer:", "{").replace("<", "{").replace(">", "}")
        for method in route.methods or ():
            rule = rule_of(route.endpoint, method)
            if rule is not None:
                found[f"{method} {path}"] = rule.role
    return found


@pytest.mark.no_cover  # the tracer would double the time that generating requests takes
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore:unclosed file:ResourceWarning")
def test_without_a_token_every_operation_is_refused(production: Flask) -> None:
    asked = statuses_of(production, None)
    assert len(asked) > 100
    let_in = {name for name, statuses in asked.items() if statuses != {401}}
    assert let_in <= OPEN
    assert {"GET /healthz", "GET /csrftoken/"} <= let_in


@pytest.mark.no_cover  # the tracer would double the time that generating requests takes
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore:unclosed file:ResourceWarning")
def test_with_a_viewers_token_nothing_can_be_changed(production: Flask) -> None:
    with production.app_context(), writing() as session:
        token = add_account(session, "viewer", "viewer")
    roles = rows_of(production)
    asked = statuses_of(production, token)
    beyond = {name for name in asked if roles.get(name) in ("operator", "admin")}
    # An id that is none is no address at all: 404 to everybody.
    assert {name: asked[name] for name in beyond if not asked[name] <= {403, 404}} == {}
    refused = {name for name, statuses in asked.items() if 403 in statuses}
    assert refused - OWN_ONLY <= beyond
    assert len(refused) > 50
