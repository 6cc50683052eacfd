"""Sheets of thumbnails: pictures of a range in even steps of its media time, in one JPEG, with an index in WebVTT.

Media time is that of `video.mp4` with the same parameters, so that a player finds the picture for a place on its
seek bar. Each cell shows the key frame nearest to the middle of its stretch, and none from outside of the range.
With `gaps=collapse` there is no gap in media time; with `hold` a cell in a gap shows what the movie holds there: the
last picture before it.
"""

import hashlib
import logging
import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from app.archive.spans import Stretch
from app.errors import Invalid
from app.extensions import db
from app.formats.boxes import FormatError
from app.formats.webvtt import Cell
from app.playback.decoding import Pixels, decode_frame, to_jpeg, to_pixels
from app.playback.footage import Footage
from app.playback.frames import Frame, key_near
from app.playback.progressive import Movie
from app.playback.stills import FORMAT_VERSION, MIN_WIDTH, RenderUtc, libraries, unreadable, workshop
from app.playback.timing import MapPiece

log = logging.getLogger(__name__)

QUALITY = 80
MAX_COUNT, MAX_CELL_WIDTH = 400, 640
MAX_SHEET_PIXELS = 1 << 24  # 48 MiB while it is put together


class SheetParameters(BaseModel):
    """How many thumbnails, and how wide each is."""

    model_config = ConfigDict(extra="ignore")

    count: Annotated[int, Field(ge=1, le=MAX_COUNT)] = 100
    width: Annotated[int, Field(ge=MIN_WIDTH, le=MAX_CELL_WIDTH)] = 160


@dataclass(frozen=True, slots=True)
class Sheet:
    """A planned sheet; `height` is that of a cell, `etag` a hash of all that its bytes follow from."""

    footage: Footage
    movie: Movie
    count: int
    width: int
    height: int
    columns: int
    etag: str

    @property
    def cells(self) -> list[Cell]:
        """Return the cells with the media time that each stands for, row by row."""
        step_s = self.movie.duration_s / self.count
        return [
            Cell(
                number * step_s,
                (number + 1) * step_s,
                number % self.columns * self.width,
                number // self.columns * self.height,
                self.width,
                self.height,
            )
            for number in range(self.count)
        ]


def plan_sheet(footage: Footage, movie: Movie, asked: SheetParameters) -> Sheet:
    """Lay out a sheet; its cells have the shape of the range's first picture. Raises Invalid where it is too large."""
    entry = footage.video_entry(footage.segments[0])
    height = max(round(asked.width * entry.height / entry.width), 1) if entry.width else asked.width
    columns = math.ceil(math.sqrt(asked.count))
    pixels = columns * math.ceil(asked.count / columns) * asked.width * height
    if pixels > MAX_SHEET_PIXELS:
        message = f"the sheet would have {pixels} pixels, more than {MAX_SHEET_PIXELS}: ask for fewer or narrower ones"
        raise Invalid(message, loc=("query", "count"), kind="sheet_too_large")
    facts = (FORMAT_VERSION, libraries(), movie.etag, asked.count, asked.width, height, QUALITY)
    etag = hashlib.blake2b(repr(facts).encode(), digest_size=16).hexdigest()
    return Sheet(footage, movie, asked.count, asked.width, height, columns, etag)


def make_sheet(sheet: Sheet, render: RenderUtc) -> bytes:
    """Return the JPEG of a sheet; holds no database connection while it is made.

    Raises PictureUnreadable where not one picture can be made, Busy where too much is being decoded.
    """
    db.session.remove()
    shop = workshop()
    jpeg = shop.jpegs.find(sheet.etag)
    if jpeg is not None:
        return jpeg
    with shop.sheets.passed():
        jpeg = shop.jpegs.find(sheet.etag)  # who waited may have waited for just this
        return jpeg or _Maker(sheet).make(render)


class _Maker:
    """Puts one sheet together; cells that show the same key frame share it."""

    def __init__(self, sheet: Sheet) -> None:
        self._sheet = sheet
        self._made: dict[str, Pixels] = {}

    def make(self, render: RenderUtc) -> bytes:
        """Return the JPEG; it is kept where no picture is missing."""
        sheet, error = self._sheet, None
        rows = math.ceil(sheet.count / sheet.columns)
        canvas = np.zeros((rows * sheet.height, sheet.columns * sheet.width, 3), np.uint8)
        shown = 0
        for cell in sheet.cells:
            try:
                pixels = self._pixels(cell)
            except (FormatError, OSError) as failure:
                error = failure
                continue
            high, wide = pixels.shape[:2]
            top, left = cell.top + (cell.height - high) // 2, cell.left + (cell.width - wide) // 2
            canvas[top : top + high, left : left + wide] = pixels
            shown += 1
        footage = sheet.footage
        if error is not None and not shown:
            raise unreadable(footage.source_id, Stretch(footage.begin_us, footage.end_us), error, render) from error
        jpeg = to_jpeg(canvas, QUALITY)
        if error is None:
            workshop().jpegs.keep(sheet.etag, jpeg)
        else:
            log.warning("%s of %s thumbnails are missing: %s", sheet.count - shown, sheet.count, error)
        return jpeg

    def _pixels(self, cell: Cell) -> Pixels:
        """Return the picture of a cell. Raises FormatError, OSError."""
        frame = frame_of(self._sheet, cell)
        if frame.name not in self._made:
            with workshop().decoding.passed():  # one picture each time: a still need not wait for the whole sheet
                self._made[frame.name] = to_pixels(decode_frame(frame, is_rough=True), cell.width, cell.height)
        return self._made[frame.name]


def frame_of(sheet: Sheet, cell: Cell) -> Frame:
    """Return the key frame that a cell shows. Raises FormatError, OSError."""
    footage = sheet.footage
    at_us = instant_of(sheet.movie.pieces, (cell.begin_s + cell.end_s) / 2)
    number = max(int(np.searchsorted(footage.begins_us, at_us, "right")) - 1, 0)
    frame = _key_of(footage, number, at_us)
    is_last = number + 1 == len(footage.segments)
    if not is_last and footage.begins_us[number + 1] - at_us < abs(frame.instant_us - at_us):
        return _key_of(footage, number + 1, at_us)
    return frame


def _key_of(footage: Footage, number: int, at_us: int) -> Frame:
    """Return the key frame nearest to an instant of what is played of a segment, by its number."""
    begin_us = max(footage.begin_us, int(footage.begins_us[number]))
    within = Stretch(begin_us, min(footage.end_us, int(footage.ends_us[number])))
    return key_near(footage, footage.segments[number], at_us, within)


def instant_of(pieces: Sequence[MapPiece], media_s: float) -> int:
    """Return the wall clock at a media time: within a piece of the map, or at the end of the piece before."""
    piece = pieces[max(bisect_right(pieces, media_s, key=lambda item: item.media_s) - 1, 0)]
    instant_us = piece.begin_us + round((media_s - piece.media_s) * 1_000_000)
    return min(max(instant_us, piece.begin_us), piece.end_us - 1)
