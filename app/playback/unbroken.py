"""Films whose footage one run recorded without a break: their time is the wall clock's, which rows alone can tell.

One statement for any number of films, where planning each reads its rows, looks at its files and opens the first and
the last: 2,000 films at once are an answer of a tenth of a second instead of one of eight.
"""

from collections.abc import Sequence

from sqlalchemy import func, select

from app.extensions import db
from app.models import File, SampleEntry, Segment
from app.models.segment import CLOSED, MAX_SEGMENT_US
from app.playback.timing import MAP_SLACK_US

S = 1_000_000
DRIFT_US = MAP_SLACK_US * 3 // 4  # below what cuts a map: within its first file it may be some more


def find_unbroken(file_ids: Sequence[int]) -> set[int]:
    """Return which of these files of footage are of one run, no file missing from begin to end, no clock run away."""
    ticks, timescale = Segment.v_t0 + Segment.v_c0, SampleEntry.timescale
    # Ticks of a camera that counts since years do not fit into 64 bits once they are multiplied.
    offset_us = Segment.start_us - ticks // timescale * S - ticks % timescale * S // timescale
    query = (
        select(File.id)
        .join(Segment, Segment.source_id == File.source_id)
        .join(SampleEntry, SampleEntry.id == Segment.video_entry_id)
        .where(
            File.id.in_(file_ids),
            Segment.start_us > File.begin_us - MAX_SEGMENT_US,
            Segment.start_us < File.end_us,
            Segment.end_us > File.begin_us,
            Segment.state == CLOSED,
        )
        .group_by(File.id, File.begin_us, File.end_us)
        .having(
            func.min(Segment.run_id) == func.max(Segment.run_id),
            func.max(Segment.sequence) - func.min(Segment.sequence) + 1 == func.count(),
            func.min(Segment.start_us) <= File.begin_us,
            func.max(Segment.end_us) >= File.end_us,
            func.min(timescale) == func.max(timescale),
            func.max(offset_us) - func.min(offset_us) <= DRIFT_US,
        )
    )
    return set(db.session.scalars(query))
