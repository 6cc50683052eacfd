"""An app in production, and what a browser sends to it: the cookie of a sign-in, the token that goes with a change."""

import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient

from instance.config import ProductionConfig
from tests.conftest import open_app

VALUES = {"refer:refer": "0" * 32, "path:filename": "none", "path:path": "violation/new/"}
UNSAFE = ("POST", "PUT", "PATCH", "DELETE")


@contextmanager
def in_production(folder: Path, migrated_sqlite: Path, **settings: Any) -> Iterator[Flask]:
    """Yield an app in production, without an account."""
    config = ProductionConfig(INSTANCE=str(folder / "instance"), SECRET_KEY="k" * 48, **settings)
    config.instance_path.mkdir(parents=True)
    shutil.copy(migrated_sqlite, config.instance_path / "app.db")
    yield from open_app(config)


def token_of(client: FlaskClient) -> str:
    """Return the CSRF token that a client has now."""
    return str(client.get("/csrftoken/").json["csrfToken"])


def changing(client: FlaskClient) -> dict[str, str]:
    """Return the header of a change by a script of our pages."""
    return {"X-CSRFToken": token_of(client)}


def signed_in(app: Flask, **form: str) -> FlaskClient:
    """Return a browser that has sent the form of the sign-in page."""
    browser = app.test_client()
    answer = browser.post("/login", data={**form, "csrf_token": token_of(browser)})
    assert answer.status_code == 303, answer.text
    return browser


def routes(app: Flask) -> Iterator[tuple[str, str, str]]:
    """Yield endpoint, method and path of every route but of OPTIONS, with a value for each variable."""
    for route in app.url_map.iter_rules():
        path = re.sub(r"<([^>]+)>", lambda match: VALUES.get(match[1], "1"), route.rule)
        for method in sorted((route.methods or set()) - {"OPTIONS"}):
            yield route.endpoint, method, path


def dump(app: Flask) -> str:
    """Return all that is in the database."""
    path = app.config["PLAYBACK"].instance_path / "app.db"
    with closing(sqlite3.connect(path)) as database:
        return "\n".join(database.iterdump())
