"""Pauses within footage: a picture that lasted far longer than the others, since nothing came while the camera stayed.

Spans hold them, since the film shows that picture all the while; the ledger counts them as lost: nothing was recorded.
Cameras that send a picture only now and then have none: a pause is much longer than what is usual in its file.
"""

import logging
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from app.archive.find import find_segment
from app.archive.segments import Found, Ints
from app.archive.spans import Stretch
from app.formats.boxes import FormatError

log = logging.getLogger(__name__)

PAUSE_US = 2_000_000  # a shorter one is not told from a camera that stumbles
TIMES_USUAL = 5
SILENT = "silent"
PAUSE = "the connection stayed and no picture came: the camera paused, or its packets were lost"
COLUMNS = ("start_us", "end_us", "slew_ppm", "v_longest", "v_dur", "v_last")


def may_pause(columns: Mapping[str, Ints], timescales: Ints) -> npt.NDArray[np.bool_]:
    """Tell of which segments, by COLUMNS, a picture lasted long; a timescale of 0 is not known."""
    hz = np.maximum(timescales, 1)
    is_long = columns["v_longest"] * 1_000_000 // hz >= PAUSE_US
    shown_us = (columns["v_dur"] - columns["v_last"]) * (1_000_000 + columns["slew_ppm"]) // hz
    is_long_at_end = columns["end_us"] - columns["start_us"] - shown_us >= PAUSE_US
    mask: npt.NDArray[np.bool_] = (is_long | is_long_at_end) & (timescales > 0)
    return mask


def pauses_of(segment: Found) -> list[Stretch]:
    """Return the pauses of a segment; none where its sample index cannot be read."""
    try:
        index = segment.load_index()
    except (FormatError, OSError) as error:
        log.warning("pauses of segment %s are not known: %s", segment.id, error)
        return []
    timescale, shown = index.counts["v_timescale"], np.sort(index.v_pts)
    lengths = np.diff(shown)
    if not len(lengths):
        return []
    usual = int(np.sort(lengths)[(len(lengths) - 1) // 2])
    least = max(PAUSE_US * timescale // 1_000_000, usual * TIMES_USUAL)
    found = [
        Stretch(segment.instant_at(int(shown[number]) + usual, timescale), segment.instant_at(int(after), timescale))
        for number in np.flatnonzero(lengths >= least).tolist()
        for after in shown[number + 1 : number + 2]
    ]
    last_us = segment.instant_at(int(shown[-1]), timescale)
    if segment.end_us - last_us >= least * 1_000_000 // timescale:
        found.append(Stretch(segment.instant_at(int(shown[-1]) + usual, timescale), segment.end_us))
    return found


def pauses_at(source_id: int, start_us: int) -> list[Stretch]:
    """Return the pauses of the segment that begins at an instant; none where it cannot be read."""
    segment = find_segment(source_id, start_us)
    return pauses_of(segment) if segment is not None else []
