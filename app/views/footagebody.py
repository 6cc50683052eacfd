"""The bytes of a file that is a span of footage: what /download/KEY/ and /files/ID/content answer."""

from collections.abc import Callable

from flask import Response, current_app

from app.extensions import db
from app.models import File
from app.models.types import now_us
from app.personalulti import utc_text
from app.playback.delivery import Body, respond
from app.playback.handedfilm import HandedSpan, plan_handed
from app.playback.plans import on_loss
from app.views.downloadbody import naming_headers
from app.views.playbackrange import MP4

LOC = ("path", "refer")


def footage_body(row: File, on_file: Callable[[int, int], None] | None = None) -> Response:
    """Return the film of a file's span, as playback gives it: 200, 206, 304, 412 or 416 to the current request.

    All bytes pass through the response's iterable: whoever sends them counts. `on_file` is told of each file of the
    archive before it is sent. Gives the database connection back. Raises NoFootage where nothing is left, FootageLost.
    """
    assert row.source_id is not None  # of footage: a constraint of the table
    assert row.begin_us is not None
    assert row.end_us is not None
    span = HandedSpan(row.source_id, row.begin_us, row.end_us, row.rev)
    headers = {"Cache-Control": "private, no-cache", **naming_headers(db.session, row)}
    movie = plan_handed(span, now_us(), utc_text, LOC)
    db.session.remove()
    return respond(
        Body(movie.parts, current_app.config["PLAYBACK"].READ_AHEAD_BYTES, on_loss(span.source_id), on_file),
        content_type=MP4,
        etag=movie.etag,
        headers=headers,
        modified_us=movie.modified_us,
        is_yielded=True,
    )
