"""A real web server (gunicorn) over an archive that tests put footage into; and a plain one over an app."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from flask import Flask
from werkzeug.serving import make_server

from app import create_app
from app.extensions import db
from instance.config import DevelopmentConfig
from tests.service import Service, wait_for

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


@dataclass
class Served:
    """The running web server, and an app on the same instance to put footage in with tests.archived."""

    service: Service
    app: Flask

    def url(self, path: str) -> str:
        """Return the address of a path."""
        return self.service.base + path


@contextmanager
def serving(folder: Path, **settings: object) -> Iterator[Served]:
    """Yield a web server of its own instance in `folder`: one process, so that tests can look into it."""
    service = Service(folder, "web", **{"WEB_WORKERS": 1, **settings})
    app = create_app(DevelopmentConfig(INSTANCE=str(folder), RESERVE_BYTES=1_000_000), with_views=False)
    try:
        service.start()
        wait_for(lambda: service.answers("/healthz"), "the web server's start", 30)
        yield Served(service, app)
    finally:
        service.stop()
        with app.app_context():
            db.engine.dispose()


def _closed(app: Flask) -> "WSGIApplication":
    """Return the app with answers that close themselves when they end.

    werkzeug's own server leaves that out when the browser has gone before it was told the whole answer: a static file
    then stays open until it is collected, and pytest takes that for a fault of ours.
    """

    def closing(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterator[bytes]:
        answer = app(environ, start_response)
        try:
            yield from answer
        finally:
            getattr(answer, "close", lambda: None)()

    return closing


@contextmanager
def answering(app: Flask) -> Iterator[str]:
    """Yield the address of a plain server of threads over an app: for pages, whoever serves them."""
    server = make_server("127.0.0.1", 0, _closed(app), threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
