"""Coverage of months and years without the segments that it sums up."""

import numpy as np
from sqlalchemy import insert

from app.archive.coverage import DAY, DAYS_32, Spans, join_spans, to_bytes
from app.extensions import writing
from app.models import Coverage

S = 1_000_000


def make_spans(dice: np.random.Generator, begin_us: int, days: int, gaps_a_day: float, longest_s: float) -> Spans:
    """Return footage with gaps of 1 s to longest_s at random instants, short ones more often than long ones."""
    count = int(days * gaps_a_day)
    begins = np.sort(dice.integers(0, days * DAY.cell_us, count)) + begin_us
    lengths = (np.exp(dice.uniform(0, np.log(longest_s), count)) * S).astype(np.int64)
    gaps = join_spans(np.column_stack((begins, begins + lengths)), 1)
    edges = np.concatenate(([begin_us], gaps.ravel(), [begin_us + days * DAY.cell_us])).reshape(-1, 2)
    return edges[edges[:, 0] < edges[:, 1]]


def add_cells(dice: np.random.Generator, source_id: int, spans: Spans, begin_us: int, days: int) -> int:
    """Store the spans of a source in cells of both levels; return how many."""
    midnights = begin_us + np.arange(1, days) * DAY.cell_us + dice.integers(0, 60_000_000, days - 1)
    cut = midnights[[bool(((spans[:, 0] < at) & (at < spans[:, 1])).any()) for at in midnights]]
    edges = np.sort(np.concatenate((spans.ravel(), cut, cut))).reshape(-1, 2)
    values = []
    for level in (DAY, DAYS_32):
        numbers = edges[:, 0] // level.cell_us
        for cell in np.unique(numbers).tolist():
            stored = to_bytes(join_spans(edges[numbers == cell], level.slack_us))
            key = {"source_id": source_id, "level": level.number, "cell": cell}
            values.append({**key, "revision": 1, "spans": stored})
    with writing() as session:
        session.execute(insert(Coverage), values)
    return len(values)
