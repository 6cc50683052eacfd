"""Scores of activity as bytes: how they are laid out in rows, and how a score is a byte. Pure functions.

    level 0   a row an hour,    1,800 cells of 2 s        the finest that is kept: about a group of pictures
    level 1   a row a day,      1,440 cells of a minute
    level 2   a row 32 days,    1,536 cells of half an hour: a year of a camera is 12 rows

A cell is a byte: 0 not looked at, 1 looked at and nothing known, 2 to 255 the root of a score. By the root, since what
matters is small: a person far away is a thousandth of the picture, and a step there is then 2 in 10,000. The higher
byte says more, so the highest of many cells is the highest byte.
"""

import math
import zlib
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Codes = npt.NDArray[np.uint8]
UNKNOWN, LOOKED, FIRST_SCORE = 0, 1, 2
STEPS = 255 - FIRST_SCORE
DEFLATE = 6


class ActivityLevel(NamedTuple):
    """Rows of cells of one length."""

    number: int
    row_us: int
    cell_us: int

    @property
    def cells(self) -> int:
        """Cells a row."""
        return self.row_us // self.cell_us


HOURS = ActivityLevel(0, 3_600_000_000, 2_000_000)
DAYS = ActivityLevel(1, 86_400_000_000, 60_000_000)
DAYS_32 = ActivityLevel(2, 32 * 86_400_000_000, 1_800_000_000)
LEVELS = (HOURS, DAYS, DAYS_32)


def code_of(score: float) -> int:
    """Return the byte of a score of 0 to 1."""
    return FIRST_SCORE + round(STEPS * math.sqrt(min(max(score, 0.0), 1.0)))


def score_of(code: int) -> float | None:
    """Return the score of a byte; None where nothing is known."""
    return None if code < FIRST_SCORE else ((code - FIRST_SCORE) / STEPS) ** 2


def pack(codes: Codes) -> bytes:
    """Return a row as it is stored."""
    return zlib.compress(codes.tobytes(), DEFLATE)


def unpack(stored: bytes, level: ActivityLevel) -> Codes:
    """Return the cells of a stored row."""
    return np.frombuffer(zlib.decompress(stored), np.uint8, level.cells)


def nothing(level: ActivityLevel, rows: int = 1) -> Codes:
    """Return the cells of rows of which nothing is known."""
    return np.zeros(level.cells * rows, np.uint8)


def highest(codes: Codes, level: ActivityLevel, coarser: ActivityLevel) -> Codes:
    """Return the cells of the coarser level that whole rows of a level are in."""
    found: Codes = codes.reshape(-1, coarser.cell_us // level.cell_us).max(axis=1)
    return found


def cells_of(begin_us: int, end_us: int, cell_us: int) -> tuple[int, int]:
    """Return the first cell that a stretch touches and the one after the last, counted from the epoch."""
    return begin_us // cell_us, -(-end_us // cell_us)
