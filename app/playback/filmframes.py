"""Which frames a planned film shows: the first, the last, and how many; players count the same."""

from typing import NamedTuple

import numpy as np

from app.playback.timing import Timing


class Frames(NamedTuple):
    """When the first and the last frame shown were recorded, in µs, and how many there are."""

    first_us: int
    last_us: int
    number: int


def shown_frames(timing: Timing) -> Frames:
    """Return the frames of a film that shows some. Raises FormatError, OSError where an index cannot be read.

    Indexes are read only of the portions at its ends, and of those that are cut: of all others each frame is shown.
    """
    portions, end = timing.portions, min(timing.end, timing.video_end)
    pictured = np.flatnonzero(portions.has_video).tolist()
    looked_at = {pictured[0], pictured[-1], *(set(portions.cuts) & set(pictured))}
    instants_us: list[int] = []
    count = 0
    for number in pictured:
        if number not in looked_at:
            count += int(portions.count("v_n")[number])
            continue
        pts = portions.load_index(number).v_pts
        placed = pts + portions.v_shift[number]
        shown = pts[(placed >= timing.first_shown) & (placed < end)]
        count += len(shown)
        if len(shown):
            segment = portions.segments[number]
            instants_us += [segment.instant_at(int(edge), timing.timescale) for edge in (shown.min(), shown.max())]
    return Frames(instants_us[0], instants_us[-1], count)
