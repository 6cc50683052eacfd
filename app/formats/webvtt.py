"""WebVTT as an index of a sheet of pictures: which part of the sheet belongs to which stretch of media time.

WEBVTT

00:00:00.000 --> 00:00:36.000
SHEET#xywh=0,0,160,90            a spatial media fragment in pixels (W3C Media Fragments URI 1.0 §4.2.2)
"""

from collections.abc import Iterable
from typing import NamedTuple


class Cell(NamedTuple):
    """A stretch of media time and the rectangle of the sheet that shows it."""

    begin_s: float
    end_s: float
    left: int
    top: int
    width: int
    height: int


def sheet_index(sheet: str, cells: Iterable[Cell]) -> str:
    """Return the index of a sheet at this address. A cell of less than a millisecond would be no cue: left out."""
    cues = [_cue(sheet, cell) for cell in cells if round(cell.begin_s * 1000) < round(cell.end_s * 1000)]
    return "\n".join(["WEBVTT\n", *cues])


def _cue(sheet: str, cell: Cell) -> str:
    times = f"{timestamp(cell.begin_s)} --> {timestamp(cell.end_s)}"
    return f"{times}\n{sheet}#xywh={cell.left},{cell.top},{cell.width},{cell.height}\n"


def timestamp(seconds: float) -> str:
    """Return a WebVTT timestamp (W3C WebVTT §4.1): hours of two digits or more, milliseconds."""
    whole, milliseconds = divmod(round(seconds * 1000), 1000)
    minutes, second = divmod(whole, 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{second:02d}.{milliseconds:03d}"
