"""Stills: the frame that is shown at an instant, as JPEG; made when it is asked for, and kept while there is room."""

import hashlib
import logging
from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from typing import Annotated

from flask import current_app
from pydantic import BaseModel, ConfigDict, Field

from app.archive.find import find_neighbours, find_segments
from app.archive.spans import Stretch
from app.errors import NoFootage, PictureUnreadable
from app.extensions import db
from app.formats.boxes import FormatError
from app.playback.asked import Instant
from app.playback.decoding import decode_frame, to_jpeg, to_pixels
from app.playback.footage import load_footage
from app.playback.frames import Frame, Nearest, find_frame
from app.playback.gate import Gate
from app.playback.kept import Kept

log = logging.getLogger(__name__)

RenderUtc = Callable[[int | None], str | None]
FORMAT_VERSION = 1  # part of every ETag: raised when the same frame gives other bytes
QUALITY = 85
MIN_WIDTH, MAX_WIDTH = 16, 7680
Width = Annotated[int, Field(ge=MIN_WIDTH, le=MAX_WIDTH)]


class RecordPictureParameters(BaseModel):
    """Which picture of a record is asked for; `at` may be left out: its begin."""

    model_config = ConfigDict(extra="ignore")

    at: Instant | None = None
    width: Width | None = None
    nearest: Nearest = "exact"


class PictureParameters(RecordPictureParameters):
    """The same of a source, which has no begin."""

    at: Instant


class Workshop:
    """What the pictures of one app have in common: the room to keep them, and who may decode."""

    def __init__(self, cache_bytes: int, decoders: int) -> None:
        self.jpegs = Kept[bytes](cache_bytes, len)
        self.decoding = Gate(decoders)
        self.sheets = Gate(1)


def workshop() -> Workshop:
    """Return that of the current app; the first request makes it."""
    kept: Workshop | None = current_app.extensions.get("playback_workshop")
    if kept is None:
        config = current_app.config["PLAYBACK"]
        made = Workshop(config.STILL_CACHE_BYTES, config.STILL_DECODERS)
        kept = current_app.extensions.setdefault("playback_workshop", made)
    return kept


def find_still(source_id: int, within: Stretch, at_us: int, nearest: Nearest, render: RenderUtc) -> Frame:
    """Return the frame that is shown at an instant, or the key frame before it.

    Raises NoFootage for an instant in a gap or outside of `within`, PictureUnreadable where its file's index is lost.
    """
    if not within.begin_us <= at_us < within.end_us:
        raise _nothing_at(source_id, within, at_us, render)
    footage = load_footage(source_id, at_us, at_us + 1)
    if not footage.segments:
        raise _nothing_at(source_id, within, at_us, render)
    try:
        return find_frame(footage, at_us, nearest)
    except (FormatError, OSError) as error:
        segment = footage.segments[-1]
        raise unreadable(source_id, Stretch(segment.start_us, segment.end_us), error, render) from error


def picture_etag(frame: Frame, width: int | None) -> str:
    """Return a hash of all that the JPEG follows from."""
    width = min(width or MAX_WIDTH, frame.entry.width or MAX_WIDTH)
    facts = (FORMAT_VERSION, libraries(), frame.name, width, QUALITY)
    return hashlib.blake2b(repr(facts).encode(), digest_size=16).hexdigest()


@cache
def libraries() -> str:
    """Return the versions of the decoder and the encoder: another may give other bytes."""
    return f"{version('av')} {version('opencv-python-headless')}"


def make_still(frame: Frame, width: int | None, render: RenderUtc) -> bytes:
    """Return the JPEG of a frame; holds no database connection while it is made.

    Raises PictureUnreadable where it cannot be read or decoded, Busy where too much is being decoded.
    """
    db.session.remove()
    shop, etag = workshop(), picture_etag(frame, width)
    jpeg = shop.jpegs.find(etag)
    if jpeg is not None:
        return jpeg
    with shop.decoding.passed():
        jpeg = shop.jpegs.find(etag)  # who waited may have waited for just this
        if jpeg is not None:
            return jpeg
        try:
            jpeg = to_jpeg(to_pixels(decode_frame(frame), width), QUALITY)
        except (FormatError, OSError) as error:
            raise unreadable(frame.segment.source_id, frame.group, error, render) from error
    shop.jpegs.keep(etag, jpeg)
    return jpeg


def unreadable(source_id: int, lost: Stretch, error: Exception, render: RenderUtc) -> PictureUnreadable:
    """Return the error of a picture that is lost; what lies around it is named as around a gap."""
    log.warning("a picture of source %s from %s on cannot be made: %s", source_id, render(lost.begin_us), error)
    before_us, after_us = _around(source_id, lost)
    message = "the picture cannot be read; before_utc and after_utc name the nearest footage around"
    return PictureUnreadable(message, before_utc=render(before_us), after_utc=render(after_us))


def _nothing_at(source_id: int, within: Stretch, at_us: int, render: RenderUtc) -> NoFootage:
    """Return the error of an instant without footage, with the nearest before and after it that lies `within`."""
    begin_us = min(max(at_us, within.begin_us), within.end_us)
    end_us = begin_us + (begin_us == at_us)
    before_us, after_us = _around(source_id, Stretch(begin_us, end_us))
    is_before = before_us is not None and before_us > within.begin_us
    is_after = after_us is not None and after_us < within.end_us
    return NoFootage(
        "nothing was recorded at this instant; before_utc and after_utc name the nearest footage",
        loc=("query", "at"),
        before_utc=render(before_us) if is_before else None,
        after_utc=render(after_us) if is_after else None,
    )


def _around(source_id: int, lost: Stretch) -> tuple[int | None, int | None]:
    """Return where the footage before a stretch ends and where that after it begins: it may touch it."""
    before_us, after_us = find_neighbours(source_id, *lost)
    if find_segments(source_id, lost.begin_us - 1, lost.begin_us):
        before_us = lost.begin_us
    if find_segments(source_id, lost.end_us, lost.end_us + 1):
        after_us = lost.end_us
    return before_us, after_us
