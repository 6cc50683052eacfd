"""Coverage of many cameras, aggregated: what a timeline draws.

The database gathers the segments of each cell of the resolution, so that what leaves it is bounded by the answer.
"""

from collections.abc import Sequence

from sqlalchemy import func, select

from app.archive.find import find_open
from app.archive.spans import Stretch
from app.errors import Invalid
from app.extensions import db
from app.models import Segment
from app.models.segment import CLOSED, MAX_SEGMENT_US

MAX_SPANS = 10_000


def check_resolution(begin_us: int, end_us: int, resolution_us: int) -> None:
    """Raise Invalid for a resolution that would give more than 10,000 spans a source."""
    if -(-(end_us - begin_us) // resolution_us) > MAX_SPANS:
        least_s = (end_us - begin_us) / MAX_SPANS / 1_000_000
        message = f"this resolution would give more than {MAX_SPANS} spans a source; ask for {least_s:.3g} s or more"
        raise Invalid(message, loc=("query", "resolution"), kind="resolution_too_fine")


def find_coverage(source_id: int, begin_us: int, end_us: int, resolution_us: int) -> list[Stretch]:
    """Return the spans of a source; gaps shorter than the resolution are not shown."""
    cell = Segment.start_us // resolution_us
    query = (
        select(func.min(Segment.start_us), func.max(Segment.end_us))
        .where(Segment.source_id == source_id, Segment.state == CLOSED, Segment.end_us > begin_us)
        .where(Segment.start_us > begin_us - MAX_SEGMENT_US, Segment.start_us < end_us)
        .group_by(cell)
        .order_by(func.min(Segment.start_us))
    )
    stretches = [Stretch(begin, end) for begin, end in db.session.execute(query)]
    stretches += [Stretch(item.start_us, item.end_us) for item in find_open(source_id)]
    return _merged(sorted(stretches), begin_us, end_us, resolution_us)


def _merged(stretches: Sequence[Stretch], begin_us: int, end_us: int, slack_us: int) -> list[Stretch]:
    """Return stretches within the range, those that are less than slack_us apart joined."""
    merged: list[Stretch] = []
    for stretch in stretches:
        begin, end = max(stretch.begin_us, begin_us), min(stretch.end_us, end_us)
        if begin >= end:
            continue
        if merged and begin - merged[-1].end_us < slack_us:
            merged[-1] = Stretch(merged[-1].begin_us, max(merged[-1].end_us, end))
        else:
            merged.append(Stretch(begin, end))
    return merged
