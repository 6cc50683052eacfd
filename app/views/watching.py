"""Who looks at what: what each answer with footage in it tells the audit log (app/archive/viewings.py).

Nothing here asks the database: a request that is answered is noted in memory, and a thread writes it down.
"""

import time
from collections.abc import Callable

from flask import Flask, Response, request
from flask.globals import app_ctx

from app.access.origin import origin
from app.archive.auditing import tell_origin
from app.archive.viewings import Look
from app.archive.viewwriter import ViewWriter, writer_of
from app.auth import actor
from app.models.types import now_us

WATCH, LIVE, DOWNLOAD, EXPORT = "watch", "watch.live", "download", "export"
SHOWN = (200, 206, 304)  # who is answered 304 has it already, and looks at it again
BEAT_S = 1.0


def begin(app: Flask) -> None:
    """Let the audit log know who asks, and how he came."""
    tell_origin(app, origin)


def saw(
    response: Response,
    what: str,
    source_id: int | None,
    span: tuple[int, int] | None,
    *,
    action: str = WATCH,
    subject: str | None = None,
) -> Response:
    """Note that the answer shows [begin, end) of a source, None where it has no time; return it."""
    if request.method == "GET" and response.status_code in SHOWN:
        _writer().note(_look(what, source_id, action, subject), span)
    return response


def sending(what: str, source_id: int, within: tuple[int, int]) -> Callable[[int, int], None] | None:
    """Return what is to be told of each file of footage, [begin, end), when its sending begins; None for HEAD.

    What lies outside of `within` is not counted: a film shows only that of its files.
    """
    if request.method != "GET":
        return None
    look, writer = _look(what, source_id, WATCH, None), _writer()

    def note(begin_us: int, end_us: int) -> None:
        span = max(begin_us, within[0]), min(end_us, within[1])
        if span[0] < span[1]:
            writer.note(look, span)

    return note


def took(response: Response, source_id: int, span: tuple[int, int], size_bytes: int) -> Response:
    """Note that the film of [begin, end) of a source is sent as a file, an export; return the answer.

    Only where its first byte is sent: what follows is asked for by whoever goes on with the same download.
    """
    is_begun = response.status_code == 200 or (response.status_code == 206 and response.content_range.start == 0)
    if request.method == "GET" and is_begun:
        _writer().note_download(_look("", source_id, EXPORT, None), span, size_bytes)
    return response


def living(source_id: int, what: str) -> Callable[[], None]:
    """Return what is to be called for each picture of a camera that is shown live."""
    look, writer = _look(what, source_id, LIVE, None), _writer()
    told_s, told_us = 0.0, 0

    def note() -> None:
        nonlocal told_s, told_us
        now_s = time.monotonic()
        if now_s - told_s >= BEAT_S:
            at_us = now_us()
            begin_us = told_us if told_us and at_us - told_us < 10_000_000 else at_us
            writer.note(look, (min(begin_us, at_us), at_us + 1), at_us)
            told_s, told_us = now_s, at_us

    return note


def _look(what: str, source_id: int | None, action: str, subject: str | None) -> Look:
    by = tuple(sorted((origin() or {}).items()))
    return Look(actor(), by, action, str(source_id) if subject is None else subject, source_id, what)


def _writer() -> ViewWriter:
    app = app_ctx.app  # the writer outlives the request
    return writer_of(app)
