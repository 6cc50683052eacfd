"""Copying recordings elsewhere: what the copies are of. Threads of the worker do it; the task only wakes them."""

import threading
from collections.abc import Iterator
from typing import Any

from celery import shared_task
from flask import Flask

from app.archive.holding import BESIDE_US, has_footage, is_settled
from app.archive.ledger import explain
from app.archive.showing import shows_nothing
from app.capture.addresses import masked
from app.errors import NoFootage
from app.extensions import db
from app.instants import utc_text
from app.models import Record
from app.models.types import now_us
from app.playback.byteranges import ByteRange
from app.playback.delivery import Body
from app.playback.footage import Footage
from app.playback.plans import on_loss
from app.playback.progressive import FORMAT_VERSION
from app.playback.recordfilm import Film, Span, plan_film
from app.tasks.context import task_app
from app.transfer.copier import Copier, NotSettled
from app.transfer.copying import CopyFailed, CopyRefused, Recording

SETTLED_US = 5_000_000  # after the stop of a record its last segment is taken in within this
# What a recorder that died has left is taken in by the next one; a machine that never comes back is not waited for.
LEFT_US = 24 * 3_600_000_000
COPIER = "playback_copier"
_lock = threading.Lock()


@shared_task(name="playback.sync")  # type: ignore[untyped-decorator]
def sync_due() -> None:
    """Copy what is due."""
    copier_of(task_app()).fill()


def copier_of(app: Flask) -> Copier:
    """Return the copier of the worker's app; made once, when what the worker before left is freed."""
    with _lock:
        copier = app.extensions.get(COPIER)
        if copier is None:
            copier = app.extensions[COPIER] = Copier(app, open_recording)
            copier.begin()
        assert isinstance(copier, Copier)
        return copier


def stop_copying(app: Flask) -> None:
    """Let every copy end after its block; what is missing is copied after the next start."""
    copier = app.extensions.get(COPIER)
    if copier is not None:
        copier.stop()


def open_recording(record_id: str) -> Recording:
    """Return the bytes that `/api/v1/record/ID/video/` delivers. Raises CopyRefused, CopyFailed, NotSettled."""
    record = db.session.get(Record, record_id)
    if record is None or record.deleted_us is not None:
        raise CopyRefused("the file of the record was deleted before it was copied")
    if record.end_us is None or now_us() < record.end_us + SETTLED_US:
        raise NotSettled
    is_complete = is_settled(db.session, record.source_id, record.end_us + BESIDE_US)
    if not is_complete and now_us() < record.end_us + LEFT_US:
        raise NotSettled
    film = _film(record, record.end_us)
    if film.pin is not None:
        raise NotSettled
    body = Body(film.movie.parts, on_loss=on_loss(record.source_id))

    def read(begin: int, end: int) -> Iterator[bytes]:
        return body.read(ByteRange(begin, end)) if begin < end else iter(())

    is_hashed = record.hash_version == FORMAT_VERSION
    return Recording(body.size_bytes, read, record.hash_md5 if is_hashed else None, _description(record, film.footage))


def _film(record: Record, end_us: int) -> Film:
    """Plan the film of a settled record. Raises CopyRefused where there is none, CopyFailed where it cannot be read."""
    span = Span(record.source_id, record.begin_us, end_us)
    try:
        return plan_film(span, now_us(), utc_text)
    except NoFootage as error:
        if not has_footage(db.session, record) or shows_nothing(db.session, span.source_id, span.begin_us, end_us):
            raise CopyRefused("the record has no footage") from error
        raise CopyFailed("none of its footage can be read") from error


def _description(record: Record, footage: Footage) -> dict[str, Any]:
    """Return what is written down beside the copy: nothing that changes later, and no password."""
    source = record.source
    gaps = explain(footage.source_id, footage.gaps, footage.lost)
    return {
        "record_id": record.id,
        "tag": record.tag.name,
        "begin_utc": utc_text(record.begin_us),
        "end_utc": utc_text(record.end_us),
        "source": {
            "id": source.id,
            "model": source.model,
            "uri_rtsp": masked(source.uri_rtsp),
            "uri_http_picture": masked(source.picture_uri),
            "description": source.description,
        },
        "gaps": [
            {"start_utc": utc_text(gap.begin_us), "end_utc": utc_text(gap.end_us), "cause": gap.cause} for gap in gaps
        ],
    }
