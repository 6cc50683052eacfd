"""What an export of files holds: the closed segments that touch a range, and all that is known of them, read once.

Only closed segments: their bytes never change, and their hashes are known. What is being recorded now is a gap with
the cause `pending`; `complete_until_us` says how far the footage goes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import select

from app.archive.find import find_segments
from app.archive.ledger import Gap, explain
from app.archive.sealing import read_head
from app.archive.segments import Segments
from app.archive.spans import Stretch, find_gaps, find_spans
from app.extensions import db
from app.formats.auditchain import Head
from app.models import Deletion, Run, Segment, Source
from app.models.segment import MAX_SEGMENT_US

BATCH = 500  # values a statement


class Known(NamedTuple):
    """What the database knows of a segment beside what playback needs."""

    start_us: int
    id: str
    sha256: str | None
    chain: str | None
    fault: str | None


@dataclass(frozen=True)
class Plan:
    """What is exported. No connection is needed any more. `exported_by` is the account that asked."""

    source_id: int
    model: str
    description: str | None
    begin_us: int
    end_us: int
    complete_until_us: int
    exported_us: int
    exported_by: str
    software: str
    segments: Segments
    known: Sequence[Known]
    spans: Sequence[Stretch]
    gaps: Sequence[Gap]
    runs: Sequence[Run]
    deletions: Sequence[Deletion]
    audit_head: Head | None = None

    @property
    def media_bytes(self) -> int:
        """How many bytes of footage are exported."""
        return int(self.segments.column("size_bytes").sum())


class Told(NamedTuple):
    """What a plan says of its range: until when it is complete, its footage, and what of it cannot be read."""

    complete_until_us: int
    spans: Sequence[Stretch]
    lost: Sequence[tuple[int, int]]


@dataclass(frozen=True)
class Order:
    """Who wants what: [begin_us, end_us) of a source, at an instant, from which software."""

    source: Source
    begin_us: int
    end_us: int
    exported_us: int
    exported_by: str
    software: str


def plan_export(order: Order) -> Plan | None:
    """Return the plan of the files of a range; None where no closed segment touches it."""
    source, begin_us, end_us = order.source, order.begin_us, order.end_us
    found = find_segments(source.id, begin_us, end_us, is_fresh=True)
    segments = found.select(~found.is_open)
    if not len(segments):
        return None
    begins_us = np.maximum(segments.column("start_us"), begin_us)
    spans = find_spans(begins_us, np.minimum(segments.column("end_us"), end_us))
    until_us = spans[-1].end_us if found.is_open.any() else end_us
    plan = Plan(**facts_of(order, segments, Told(until_us, spans, found.lost)))
    db.session.expunge_all()
    return plan


def facts_of(order: Order, segments: Segments, told: Told) -> dict[str, Any]:
    """Return the values of a plan that holds these segments, by their names; the rows of the database are read."""
    source, begin_us, end_us = order.source, order.begin_us, order.end_us
    return {
        "source_id": source.id,
        "model": source.model,
        "description": source.description,
        "begin_us": begin_us,
        "end_us": end_us,
        "complete_until_us": told.complete_until_us,
        "exported_us": order.exported_us,
        "exported_by": order.exported_by,
        "software": order.software,
        "segments": segments,
        "known": _known(segments),
        "spans": told.spans,
        "gaps": explain(source.id, find_gaps(told.spans, begin_us, end_us), told.lost),
        "runs": _runs(segments),
        "deletions": _deletions(source.id, begin_us, end_us),
        "audit_head": read_head(db.session),
    }


def _known(segments: Segments) -> list[Known]:
    """Return what is known of each of the segments, in their order."""
    starts = segments.column("start_us")
    query = select(*(getattr(Segment, name) for name in Known._fields)).where(
        Segment.source_id == segments.source_id, Segment.start_us >= int(starts[0]), Segment.start_us <= int(starts[-1])
    )
    rows = {row.id: Known(*row) for row in db.session.execute(query)}
    nothing = (None, None, None)  # deleted since they were found: reading them will tell
    return [
        rows.get(segment_id) or Known(start_us, segment_id, *nothing)
        for segment_id, start_us in zip(segments.ids, starts.tolist(), strict=True)
    ]


def _runs(segments: Segments) -> list[Run]:
    """Return the runs of the segments, by begin."""
    ids = sorted(set(segments.run_ids))
    found: list[Any] = []
    for first in range(0, len(ids), BATCH):
        found += db.session.scalars(select(Run).where(Run.id.in_(ids[first : first + BATCH])))
    return sorted(found, key=lambda run: (run.begin_us, run.id))


def _deletions(source_id: int, begin_us: int, end_us: int) -> list[Deletion]:
    """Return the deletions of footage that may have been in the range, oldest first."""
    query = select(Deletion).where(
        Deletion.source_id == source_id,
        Deletion.segments > 0,
        Deletion.begin_us < end_us + MAX_SEGMENT_US,
        Deletion.end_us > begin_us - MAX_SEGMENT_US,
    )
    return list(db.session.scalars(query.order_by(Deletion.id)))
