"""What is missing of a stretch of wanted time: worked out from footage, attempts and deletions, cell by cell."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import bindparam, func, select

from app.archive.coverage import join_spans
from app.archive.ledger import NOT_RECORDING, PENDING, RECORDER_STOPPED, STARTING, Gap, read_facts, read_wanted
from app.archive.pauses import COLUMNS, PAUSE, SILENT, may_pause, pauses_at
from app.archive.spans import LEDGER_SEAM_US, SEAM_US, Stretch, find_gaps, find_spans
from app.extensions import db
from app.models import Run, SampleEntry, Segment
from app.models.segment import CLOSED, MAX_SEGMENT_US, OPEN

CELL_US = 3_600_000_000
FOOTAGE = (
    select(
        *(getattr(Segment, name) for name in COLUMNS),
        Segment.state,
        func.coalesce(SampleEntry.timescale, 0),
        Run.is_picture,
    )
    .outerjoin(SampleEntry, SampleEntry.id == Segment.video_entry_id)
    .join(Run, Run.id == Segment.run_id)
    .where(Segment.source_id == bindparam("source_id"), Segment.state != OPEN)
    .where(Segment.start_us >= bindparam("from_us"), Segment.start_us < bindparam("to_us"))
    .order_by(Segment.start_us)
)


class Missing(NamedTuple):
    """The wanted stretches of a range, and what is missing of them, each gap within one cell; both by begin."""

    wanted: list[Stretch]
    losses: list[Gap]


def find_missing(source_id: int, begin_us: int, end_us: int, doubtful_us: int | None = None) -> Missing:
    """Work out what is missing of [begin_us, end_us), which begins with a cell; ends the transaction.

    What has been open for too long since `doubtful_us` is not awaited any more: its recorder is not there.
    """
    wanted = union_of(read_wanted(source_id, begin_us, end_us))
    if not wanted:
        return Missing([], [])
    footage = _read(source_id, begin_us, end_us)
    held = footage["state"] == CLOSED
    begins, ends = (footage[name][held] for name in ("start_us", "end_us"))
    limits = (np.maximum(begins, begin_us - SEAM_US), np.minimum(ends, end_us + SEAM_US))
    spans = find_spans(*limits, LEDGER_SEAM_US)
    cells = [Stretch(at_us, min(at_us + CELL_US, end_us)) for at_us in range(begin_us, end_us, CELL_US)]
    gaps = [gap for cell in cells for gap in find_gaps(within(spans, cell), *cell)]
    found: list[Gap] = []
    if any(overlap_us(wanted, *gap) for gap in gaps):
        lost = [(begin, end) for begin, end in zip(*(footage[n][~held].tolist() for n in COLUMNS[:2]), strict=True)]
        explained = read_facts(source_id, begin_us, end_us).explain(gaps, lost)
        found = [_no_longer_awaited(gap, doubtful_us) for gap in explained if gap.cause != NOT_RECORDING]
    is_paused = held & may_pause(footage, footage["timescale"]) & (footage["is_picture"] == 0)
    pauses = union_of(
        pause for at_us in footage["start_us"][is_paused].tolist() for pause in pauses_at(source_id, at_us)
    )
    db.session.rollback()
    for cell in cells if pauses else ():
        seen = [piece for stretch in within(wanted, cell) for piece in within(pauses, stretch)]
        found += [Gap(*part, SILENT, PAUSE) for piece in seen for part in find_gaps(within(gaps, piece), *piece)]
    return Missing(wanted, sorted(found, key=lambda gap: gap.begin_us))


def _no_longer_awaited(gap: Gap, doubtful_us: int | None) -> Gap:
    """Return a gap in which a recorder that has long been dead seems to be at work, with the cause that it is not."""
    if doubtful_us is None or gap.cause not in (STARTING, PENDING) or gap.begin_us < doubtful_us:
        return gap
    return gap._replace(cause=RECORDER_STOPPED, detail="its recorder has said nothing since")


def _read(source_id: int, begin_us: int, end_us: int) -> dict[str, Any]:
    values = {"source_id": source_id, "from_us": begin_us - MAX_SEGMENT_US, "to_us": end_us + SEAM_US}
    rows = [tuple(row) for row in db.session.execute(FOOTAGE, values)]
    names = (*COLUMNS, "state", "timescale", "is_picture")
    return dict(zip(names, np.array(rows, np.int64).reshape(-1, len(names)).T, strict=True))


def within(stretches: Iterable[Stretch], limits: Stretch) -> list[Stretch]:
    """Return what of some stretches lies within one."""
    begin_us, end_us = limits
    return [
        Stretch(max(begin, begin_us), min(end, end_us))
        for begin, end in stretches
        if max(begin, begin_us) < min(end, end_us)
    ]


def overlap_us(stretches: Iterable[Stretch], begin_us: int, end_us: int) -> int:
    """Return how much of [begin_us, end_us) lies within some stretches that do not overlap."""
    return sum(end - begin for begin, end in within(stretches, Stretch(begin_us, end_us)))


def union_of(stretches: Iterable[Stretch]) -> list[Stretch]:
    """Return the union of some stretches, in order."""
    edges = join_spans(np.array(sorted(stretches), np.int64).reshape(-1, 2), 1)
    return [Stretch(begin, end) for begin, end in edges.tolist()]
