"""Share links for tests: an app in production with footage, its accounts, and links to it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.extensions import writing
from app.personalulti import utc_text
from tests.accounts import add_account, add_bounded
from tests.archived import Recorded, add_source, record

API = "/api/v1"
PAGE = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
JSON = {"Accept": "application/json"}
SECRET = "k" * 48
S = 1_000_000


class Filmed(NamedTuple):
    """An app in production with two cameras of 8 s each, an operator who sees the first, and the admin."""

    app: Flask
    first: Recorded
    source_id: int
    other_id: int
    operator: dict[str, str]
    admin: dict[str, str]

    def client(self) -> FlaskClient:
        """Return a client that has nothing yet."""
        return self.app.test_client()

    def link(self, begin_s: float = 2, end_s: float = 6, **values: Any) -> Any:
        """Make a link of the first camera as its operator; return what is answered."""
        span = {"start": utc_text(self.at_us(begin_s)), "end": utc_text(self.at_us(end_s))}
        given = {"source_id": self.source_id, **span, **values}
        answer = self.client().post(f"{API}/share", json=given, headers=self.operator)
        assert answer.status_code == 200, answer.text
        return answer.json

    def at_us(self, seconds: float) -> int:
        """Return an instant so many seconds behind the begin of the footage."""
        return self.first.begin_us + round(seconds * S)

    def uses(self, link: Any) -> int:
        """Return how often a link was opened."""
        return int(self.client().get(f"{API}/share/{link['id']}/", headers=self.admin).json["uses"])

    def change(self, statement: str, **values: Any) -> None:
        """Change rows by SQL: time that passes, accounts that end."""
        from sqlalchemy import text

        with self.app.app_context(), writing() as session:
            session.execute(text(statement), values)


@pytest.fixture
def filmed(production: Flask, media: Callable[..., Path]) -> Filmed:
    """Return the app with footage and accounts."""
    source_id, other_id = add_source(production), add_source(production)
    first = record(production, source_id, media("h264"))
    record(production, other_id, media("h264"))
    with production.app_context(), writing() as session:
        operator = add_bounded(session, "olga", "operator", source_id)
        admin = add_account(session, "ada", "admin")
    return Filmed(production, first, source_id, other_id, bearer(operator), bearer(admin))


def bearer(token: str) -> dict[str, str]:
    """Return the header of a token."""
    return {"Authorization": f"Bearer {token}"}


def path_of(link: Any) -> str:
    """Return the path of a link's address."""
    return urlsplit(link["url"]).path


def opened(client: FlaskClient, link: Any, **values: Any) -> Any:
    """Open a link as a program does; return what is there."""
    answer = client.post(path_of(link), json=values, headers=JSON)
    assert answer.status_code == 200, answer.text
    return answer.json


def changed(address: str, **values: str | None) -> str:
    """Return an address with other values in its query; None takes one out."""
    parts = urlsplit(address)
    query = {**dict(parse_qsl(parts.query)), **values}
    kept = {name: value for name, value in query.items() if value is not None}
    return urlunsplit(parts._replace(query=urlencode(kept, safe=":")))
