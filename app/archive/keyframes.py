"""Instants of key frames, from the sample indexes of recorded files."""

import numpy as np

from app.archive.segments import Found


def next_key_us(segment: Found, instant_us: int, timescale: int) -> int | None:
    """Return the wall clock of the first key frame of a segment from an instant on, or None for none.

    `timescale` is that of its video. Raises FormatError, OSError where neither index nor file can be read.
    """
    index = segment.load_index()
    pts = np.sort(index.v_pts[index.v_stss.astype(np.int64) - 1])
    later = pts[pts >= segment.ticks_at(instant_us, timescale)]
    return segment.instant_at(int(later[0]), timescale) if len(later) else None
