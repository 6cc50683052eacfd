"""Whether a short stretch of time shows any frame: it may lie between two of them."""

from app.archive.find import find_segments
from app.archive.holding import is_settled
from app.extensions import AnySession
from app.formats.boxes import FormatError

LONG_US = 10_000_000  # so much footage surely shows a frame: cameras without any for 10 s are begun anew


def shows_nothing(session: AnySession, source_id: int, begin_us: int, end_us: int) -> bool:
    """Tell whether footage of [begin_us, end_us) is there, can be read, and shows no frame; nor will.

    Reads the sample index of each file that touches it: ask for stretches of seconds. The session is the app's.
    """
    segments = find_segments(source_id, begin_us, end_us)
    if not len(segments) or segments.lost:
        return False
    if int(segments.column("end_us").max()) < end_us and not is_settled(session, source_id, end_us):
        return False
    for segment in segments:
        try:
            index = segment.load_index()
        except (FormatError, OSError):
            return False
        pts, timescale = index.v_pts, index.counts["v_timescale"]
        first, after = segment.ticks_at(begin_us, timescale), segment.ticks_at(end_us, timescale)
        if ((pts >= first) & (pts < after)).any():
            return False
    return True
