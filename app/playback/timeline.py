"""Coverage of many sources, aggregated: what a timeline draws.

Read from the coarsest cells (app/archive/coverage.py) that leave out no gap of the resolution asked for; below ten
seconds from the segments' rows. The spans are exactly those that the rows give: where a range begins or ends within a
gap that the cells do not keep, the rows around that edge say where the footage is.
"""

from collections import defaultdict
from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
from sqlalchemy import BindParameter, bindparam, func, select

from app.archive.coverage import DAY, DAYS_32, Level, Spans, from_bytes, join_spans
from app.archive.find import find_open
from app.errors import Invalid
from app.extensions import db
from app.models import Coverage, Segment, Source
from app.models.segment import CLOSED, MAX_SEGMENT_US, OPEN

MAX_SPANS = 10_000
CHUNK = 64  # sources at a time: their rows are in memory

IDS: BindParameter[int] = bindparam("source_ids", expanding=True)
BEGIN: BindParameter[int] = bindparam("begin_us")
END: BindParameter[int] = bindparam("end_us")
SLACK: BindParameter[int] = bindparam("slack_us")
CELLS = (
    select(Coverage.source_id, Coverage.spans)
    .where(Coverage.source_id.in_(IDS), Coverage.level == bindparam("level"))
    .where(Coverage.cell.between(bindparam("first"), bindparam("last")))
    .order_by(Coverage.source_id, Coverage.cell)
)
# `+ 0`: SQLite would find all closed rows of the archive by the index of the states, not those of the range by the
# key (500 in place of 50 ms for a day of 16 sources in 30 days of them).
IS_FOOTAGE = (Segment.state + 0 == CLOSED, Segment.end_us > Segment.start_us)
ROWS = (
    select(Segment.source_id, Segment.start_us, Segment.end_us)
    .where(Segment.source_id.in_(IDS), *IS_FOOTAGE, Segment.end_us > BEGIN)
    .where(Segment.start_us > BEGIN - MAX_SEGMENT_US, Segment.start_us < END)
    .order_by(Segment.source_id, Segment.start_us)
)
_before_begin = (
    select(func.max(Segment.end_us))
    .where(Segment.source_id == Source.id, *IS_FOOTAGE)
    .where(Segment.start_us < BEGIN, Segment.start_us > BEGIN - MAX_SEGMENT_US)
)
_after_begin = (
    select(Segment.start_us)
    .where(Segment.source_id == Source.id, *IS_FOOTAGE)
    .where(Segment.start_us >= BEGIN, Segment.start_us < BEGIN + SLACK)
    .order_by(Segment.start_us)
    .limit(1)
)
_before_end = (
    select(func.max(Segment.end_us))
    .where(Segment.source_id == Source.id, *IS_FOOTAGE)
    .where(Segment.start_us < END, Segment.start_us > END - SLACK - MAX_SEGMENT_US, Segment.end_us > END - SLACK)
)
EDGES = select(
    Source.id, _before_begin.scalar_subquery(), _after_begin.scalar_subquery(), _before_end.scalar_subquery()
).where(Source.id.in_(IDS))
WRITTEN = select(Segment.source_id).where(Segment.source_id.in_(IDS), Segment.state == OPEN, Segment.start_us < END)

# Every span has the same length as text, so that many are written at once; utc_text one by one takes ten times longer.
TEXT = b'{"start_utc": "0000-00-00T00:00:00.000000Z", "end_utc": "0000-00-00T00:00:00.000000Z"}, '
TEXT_BYTES = len("0000-00-00T00:00:00.000000")
START_AT, END_AT = TEXT.index(b"0000"), TEXT.rindex(b"0000-")


def check_resolution(begin_us: int, end_us: int, resolution_us: int) -> None:
    """Raise Invalid for a resolution that would give more than 10,000 spans a source."""
    if -(-(end_us - begin_us) // resolution_us) > MAX_SPANS:
        least_s = (end_us - begin_us) / MAX_SPANS / 1_000_000
        message = f"this resolution would give more than {MAX_SPANS} spans a source; ask for {least_s:.3g} s or more"
        raise Invalid(message, loc=("query", "resolution"), kind="resolution_too_fine")


def find_coverage(source_ids: Sequence[int], begin_us: int, end_us: int, resolution_us: int) -> dict[int, Spans]:
    """Return the spans of each source within a range; gaps shorter than the resolution are not shown."""
    level = next((level for level in (DAYS_32, DAY) if level.slack_us <= resolution_us), None)
    spans: dict[int, Spans] = dict.fromkeys(source_ids, from_bytes(b""))
    for first in range(0, len(source_ids), CHUNK):
        asked = {"source_ids": source_ids[first : first + CHUNK], "begin_us": begin_us, "end_us": end_us}
        spans |= _from_rows(asked) if level is None else _from_cells(level, asked)
    written = {"source_ids": source_ids, "end_us": end_us}
    for source_id in set(db.session.scalars(WRITTEN, written)):
        spans[source_id] = _with_open(spans[source_id], source_id, begin_us, end_us)
    return {source_id: join_spans(found, resolution_us) for source_id, found in spans.items()}


def render_sources(found: dict[int, Spans]) -> bytes:
    """Return the JSON array of the sources of a timeline."""
    return b"[%b]" % b", ".join(
        b'{"source_id": %d, "spans": [%b]}' % (source_id, _render(spans)) for source_id, spans in found.items()
    )


def _render(spans: Spans) -> bytes:
    """Return the JSON of spans with commas between."""
    texts = np.datetime_as_string(np.ascontiguousarray(spans).view("M8[us]"), unit="us")
    letters = texts.view(np.uint32).reshape(len(spans), 2, texts.itemsize // 4)  # numpy takes twice as long to bytes
    written = np.tile(np.frombuffer(TEXT, np.uint8), (len(spans), 1))
    for column, at in enumerate((START_AT, END_AT)):
        written[:, at : at + TEXT_BYTES] = letters[:, column, :TEXT_BYTES]
    return written.tobytes()[: -len(", ")]


def _from_rows(asked: dict[str, Any]) -> dict[int, Spans]:
    """Return the closed footage of each source by the segments' rows."""
    found = chain.from_iterable(db.session.execute(ROWS, asked))
    rows = np.fromiter(found, np.int64).reshape(-1, 3)
    source_ids, firsts = np.unique(rows[:, 0], return_index=True)
    parts = np.split(rows[:, 1:], firsts[1:])
    return {
        int(source_id): _clipped(part, asked["begin_us"], asked["end_us"])
        for source_id, part in zip(source_ids, parts, strict=False)
    }


def _from_cells(level: Level, asked: dict[str, Any]) -> dict[int, Spans]:
    """Return the closed footage of each source by the cells of a level."""
    cells = {
        "level": level.number,
        "first": (asked["begin_us"] - MAX_SEGMENT_US) // level.cell_us,
        "last": (asked["end_us"] - 1) // level.cell_us,
        "source_ids": asked["source_ids"],
    }
    stored: dict[int, list[bytes]] = defaultdict(list)
    for source_id, spans in db.session.execute(CELLS, cells):
        stored[source_id].append(spans)
    edges = _find_edges(level, asked)
    return {source_id: _clipped(from_bytes(b"".join(parts)), *edges[source_id]) for source_id, parts in stored.items()}


def _find_edges(level: Level, asked: dict[str, Any]) -> dict[int, tuple[int, int]]:
    """Return the range of each source without the gap that it begins or ends in, if the level would not keep it."""
    begin_us, end_us = asked["begin_us"], asked["end_us"]
    edges = {}
    for source_id, before, after, last in db.session.execute(EDGES, {**asked, "slack_us": level.slack_us}):
        is_within = after is None or (before is not None and before > begin_us)
        edges[source_id] = (begin_us if is_within else after, end_us if last is None else min(last, end_us))
    return edges


def _with_open(spans: Spans, source_id: int, begin_us: int, end_us: int) -> Spans:
    """Return spans by begin together with what is being written."""
    found = np.array([(item.start_us, item.end_us) for item in find_open(source_id)], np.int64).reshape(-1, 2)
    both = np.vstack((spans, _clipped(found, begin_us, end_us)))
    return both[np.argsort(both[:, 0], kind="stable")]


def _clipped(spans: Spans, begin_us: int, end_us: int) -> Spans:
    """Return the parts of spans within a range; they stay in order."""
    within = np.clip(spans, begin_us, end_us)
    return within[within[:, 0] < within[:, 1]]
