"""What a browser sends: the cookie of a sign-in, the token that goes with a change."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.datastructures import Headers

from tests.accounts import sign_in

VALUES = {"refer:refer": "0" * 32, "path:filename": "none", "path:path": "violation/new/", "page": "files"}
CSRF_HEADER = "X-CSRFToken"
UNSAFE = ("POST", "PUT", "PATCH", "DELETE")


def token_of(client: FlaskClient) -> str:
    """Return the CSRF token that a client has now."""
    return str(client.get("/csrftoken/").json["csrfToken"])


def changing(client: FlaskClient) -> dict[str, str]:
    """Return the header of a change by a script of our pages."""
    return {"X-CSRFToken": token_of(client)}


class OwnPages(FlaskClient):
    """A browser that shows pages of ours: their scripts and forms send the token with every change."""

    def open(self, *args: Any, **kwargs: Any) -> Any:
        """Ask, with the token where something is to be changed; one that is given stays."""
        headers = Headers(kwargs.get("headers") or {})
        is_program = "Authorization" in headers or CSRF_HEADER in headers or self._cookies is None
        if kwargs.get("method") in UNSAFE and not is_program:
            how = {name: kwargs[name] for name in ("base_url", "environ_overrides", "environ_base") if name in kwargs}
            headers[CSRF_HEADER] = super().open("/csrftoken/", method="GET", **how).json["csrfToken"]
            kwargs["headers"] = headers
        return super().open(*args, **kwargs)


def signed_in(app: Flask, name: str = "admin") -> FlaskClient:
    """Return a browser that is signed in to an account and sends no token by itself."""
    browser: FlaskClient = FlaskClient(app, app.response_class, use_cookies=True)
    pages = sign_in(app, name)
    browser._cookies = dict(pages._cookies or {})
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
