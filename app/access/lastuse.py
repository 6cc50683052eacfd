"""When a token was last used: remembered in the process that was asked, and written down behind the requests.

A GET never asks for SQLite's write lock, so it cannot write this itself. The first use of a token is written FLUSH_S
later by a thread that then ends, together with all others that were used meanwhile; each token at most once a minute.
A process that is killed loses FLUSH_S of it. Revoking and expiry do not wait for this: they are read at every use.
"""

import logging
import threading

from flask import Flask
from flask.globals import app_ctx
from sqlalchemy import or_, update
from sqlalchemy.exc import SQLAlchemyError

from app.extensions import writing
from app.models import ApiToken
from app.models.types import now_us

log = logging.getLogger(__name__)
FLUSH_S = 10.0
MINUTE_US = 60_000_000
MOST_REMEMBERED = 10_000
EXTENSION = "playback_token_uses"


class Uses:
    """What one process has still to write, and what it wrote within the last minute. Used by several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[str, int] = {}
        self._written: dict[str, int] = {}
        self._is_due = False
        self._timer: threading.Timer | None = None

    def start(self, app: Flask) -> None:
        """Let another thread write what is remembered, soon."""
        with self._lock:
            self._timer = threading.Timer(FLUSH_S, flush, (app,))
            self._timer.name, self._timer.daemon = "token-uses", True
            self._timer.start()

    def stop(self) -> None:
        """Let nothing be written any more by a thread that waits."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()

    def note(self, token_id: str, at_us: int) -> bool:
        """Remember a use; tell whether a flush is to be started for it."""
        with self._lock:
            if at_us - self._written.get(token_id, -MINUTE_US) < MINUTE_US:
                return False
            self._waiting[token_id] = at_us
            is_first, self._is_due = not self._is_due, True
            return is_first

    def take(self) -> dict[str, int]:
        """Return what is to be written, which then counts as written."""
        with self._lock:
            found, self._waiting, self._is_due = self._waiting, {}, False
            if len(self._written) > MOST_REMEMBERED:
                self._written.clear()
            self._written |= found
            return found

    def give_back(self, uses: dict[str, int]) -> None:
        """Let uses that could not be written be tried again with the next ones."""
        with self._lock:
            for token_id, at_us in uses.items():
                self._written.pop(token_id, None)
                self._waiting.setdefault(token_id, at_us)


def note_use(token_id: str) -> None:
    """Remember that the current request used a token; it is written down soon, by another thread."""
    app = app_ctx.app
    if _uses(app).note(token_id, now_us()):
        _uses(app).start(app)


def stop(app: Flask) -> None:
    """Let no thread of an app that ends write any more."""
    _uses(app).stop()


def flush(app: Flask) -> None:
    """Write down the uses that this process remembers."""
    uses = _uses(app).take()
    if not uses:
        return
    try:
        with app.app_context(), writing() as session:
            for token_id, at_us in uses.items():
                older = or_(ApiToken.last_used_us.is_(None), ApiToken.last_used_us <= at_us - MINUTE_US)
                session.execute(update(ApiToken).where(ApiToken.id == token_id, older).values(last_used_us=at_us))
    except SQLAlchemyError as error:
        log.warning("the last use of %d tokens is written later: %s", len(uses), type(error).__name__)
        _uses(app).give_back(uses)


def _uses(app: Flask) -> Uses:
    found: Uses = app.extensions.setdefault(EXTENSION, Uses())
    return found
