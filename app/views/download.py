"""Downloads by key: `GET` and `HEAD /download/KEY/` (transfer-api.md, "Two keys"). The key is all that is needed."""

from collections.abc import Iterator
from typing import cast

from flask import Blueprint, Response, request
from flask.globals import app_ctx
from flask_restx import Namespace, Resource

from app.access.finding import find_caller
from app.access.headers import STRANGE_POLICY
from app.extensions import db, writing
from app.models import File
from app.models.file import FOOTAGE
from app.models.types import now_us
from app.playback.delivery import check_conditions
from app.transfer.heldlease import HeldLease
from app.transfer.leasing import Asker, begin_download, check_room, has_ahead, look_up, settle_ahead
from app.views import PlaybackApi
from app.views.documenting import sends_bytes
from app.views.downloadbody import ANY_TYPE, answer, describe_upload, wanted_of
from app.views.downloadsending import BlocksSending, FileSending

download = Blueprint("download", __name__)
namespace = Namespace("download", "Handed files, by the keys that are given out", path="/")
# What a stranger named and filled is never shown as a page of ours, and its address goes nowhere.
GUARDS = {
    "Cache-Control": "private, no-store",
    "Content-Security-Policy": STRANGE_POLICY,
    "X-Accel-Buffering": "no",  # nginx would take megabytes for a client that takes nothing
}


@namespace.route("/download/<refer:refer>/", endpoint="by_key")
@namespace.param("refer", "A download key", _in="path")
class Download(Resource):
    """A handed file."""

    @namespace.doc(
        description="The key alone is needed; it comes with the events of the file. At most 10 users download a file "
        "at once; the next is answered 429. A download that was broken off goes on with Range under the same key "
        "within 60 s, or under a newer one: the ETag of a file stays. Several ranges get the whole file.",
        security=[],
    )
    @sends_bytes(namespace, ANY_TYPE, "The file")
    @namespace.response(404, "There is no such download key: `not_found`, or `not_a_download_key`")
    @namespace.response(409, "The file is not complete yet: `not_complete`")
    @namespace.response(410, "The key was rotated out, has run out or was revoked, or the file was deleted")
    @namespace.response(429, "10 users download it now; Retry-After says when to ask again")
    def get(self, refer: str) -> Response:
        """Download a handed file, or a byte range of it."""
        asker = _asker("Range" in request.headers)
        row = look_up(db.session, refer, asker, now_us())
        return _footage(row, refer, asker) if row.kind == FOOTAGE else _upload(row, refer, asker)

    @namespace.hide
    def head(self, refer: str) -> Response:
        """Tell size, name and ETag of a handed file; begins nothing and counts nowhere."""
        row = look_up(db.session, refer, _asker(True), now_us())
        if row.kind == FOOTAGE:
            return _film(row)
        upload = describe_upload(db.session, row)
        return check_conditions(upload.has, upload.headers) or answer(upload, wanted_of(upload))


@download.after_request
def guard(response: Response) -> Response:
    """Set what every answer of these addresses carries."""
    response.headers.update(GUARDS)
    return response


def _asker(is_range: bool) -> Asker:
    found = find_caller()
    return Asker(None if found is None or found.account_id is None else found.name, is_range)


def _upload(row: File, key: str, asker: Asker) -> Response:
    """Return the bytes of an uploaded file."""
    upload = describe_upload(db.session, row)
    if early := check_conditions(upload.has, upload.headers):
        return early
    wanted = wanted_of(upload)
    file = upload.open()
    try:
        lease = _take_place(upload.id, key, Asker(asker.account, wanted.is_part))
    except BaseException:
        file.close()
        raise
    response = answer(upload, wanted)
    response.response = FileSending(lease, file, wanted.range)
    return response


def _footage(row: File, key: str, asker: Asker) -> Response:
    """Return the film of a file that is a span of footage."""
    file_id = row.id
    response = _film(row)
    if response.status_code not in (200, 206):
        return response
    blocks = response.response
    try:
        lease = _take_place(file_id, key, Asker(asker.account, response.status_code == 206))
    except BaseException:
        response.close()
        raise
    close = getattr(blocks, "close", lambda: None)
    response.response = BlocksSending(lease, cast(Iterator[bytes], iter(blocks)), close)
    return response


def _film(row: File) -> Response:
    """Return the film, in blocks that are ours to send."""
    from app.views.footagebody import footage_body  # it loads what playback needs

    return footage_body(row)


def _take_place(file_id: int, key: str, asker: Asker) -> HeldLease:
    """Begin the download. Raises as `begin_download`."""
    at_us = now_us()
    if has_ahead(db.session, file_id, at_us):
        with writing() as session:
            settle_ahead(session, file_id, at_us)
    check_room(db.session, file_id, asker, at_us)
    with writing() as session:
        lease_id = begin_download(session, key, asker, at_us).id
    db.session.remove()
    app = app_ctx.app  # it outlives the request
    return HeldLease(app, lease_id, file_id)


PlaybackApi(download).add_namespace(namespace)
