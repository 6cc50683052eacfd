"""What is missing of a range, with causes: the answer of `/api/v1/source/ID/gaps`.

A range of up to a day is worked out from footage whose files are looked at now. A longer one comes from the stored
ledger (app/archive/losses.py) as far as it is settled, so that a year costs its gaps and not its segments; what was not
wanted is then what the coverage leaves, of which gaps shorter than ten seconds are not told.
"""

from collections.abc import Iterable

import numpy as np
from sqlalchemy import func, select

from app.archive.coverage import DAY, from_bytes
from app.archive.ledger import DELETED, NOT_RECORDING, Gap, explain, read_wanted
from app.archive.missing import union_of, within
from app.archive.pauses import COLUMNS, PAUSE, SILENT, may_pause, pauses_of
from app.archive.spans import LEDGER_SEAM_US, Stretch, find_gaps
from app.extensions import db
from app.models import Coverage, Loss, LossMark, Run
from app.playback.footage import Footage, load_footage

LIVE_US = 86_400_000_000


def find_gap_list(source_id: int, begin_us: int, end_us: int) -> list[Gap]:
    """Return what is missing of [begin_us, end_us), by begin, pauses within footage too."""
    settled_us = db.session.scalar(select(LossMark.settled_us).where(LossMark.source_id == source_id))
    split_us = min(max(settled_us or begin_us, begin_us), end_us)
    if end_us - begin_us <= LIVE_US:
        split_us = begin_us
    stored = _stored(source_id, Stretch(begin_us, split_us)) if begin_us < split_us else []
    live = live_gaps(load_footage(source_id, split_us, end_us)) if split_us < end_us else []
    return joined([*stored, *live])


def live_gaps(footage: Footage) -> list[Gap]:
    """Return the gaps of footage with their causes, and the pauses within it."""
    missing = find_gaps(footage.find_spans(LEDGER_SEAM_US), footage.begin_us, footage.end_us)
    gaps = explain(footage.source_id, missing, footage.lost)
    pauses = find_pauses(footage)
    return sorted([*gaps, *pauses], key=lambda gap: gap.begin_us) if pauses else gaps


def find_pauses(footage: Footage) -> list[Gap]:
    """Return the pauses within footage that was to be recorded."""
    segments = footage.segments
    if not len(segments):
        return []
    hz = {number: entry.timescale for number, entry in footage.entries.items()}
    timescales = np.array([hz.get(number, 0) for number in segments.column("video_entry_id").tolist()], np.int64)
    numbers = np.flatnonzero(may_pause({name: segments.column(name) for name in COLUMNS}, timescales)).tolist()
    polled = _polled({segments.run_ids[number] for number in numbers})
    chosen = [number for number in numbers if segments.run_ids[number] not in polled]
    pauses = union_of(pause for number in chosen for pause in pauses_of(segments[number]))
    if not pauses:
        return []
    wanted = union_of(read_wanted(footage.source_id, footage.begin_us, footage.end_us))
    seen = [piece for stretch in wanted for span in within(footage.spans, stretch) for piece in within(pauses, span)]
    return [Gap(*piece, SILENT, PAUSE) for piece in seen]


def _polled(run_ids: set[str]) -> set[str]:
    """Return those runs that are made of polled pictures, which come as seldom as they are asked for."""
    return set(db.session.scalars(select(Run.id).where(Run.id.in_(run_ids), Run.is_picture))) if run_ids else set()


def _stored(source_id: int, limits: Stretch) -> list[Gap]:
    """Return what the ledger has of a settled range, and what was not to be recorded."""
    begin_us, end_us = limits
    before = select(func.max(Loss.begin_us)).where(Loss.source_id == source_id, Loss.begin_us <= begin_us)
    query = (
        select(Loss.begin_us, Loss.end_us, Loss.cause, Loss.detail)
        .where(Loss.source_id == source_id, Loss.begin_us < end_us, Loss.end_us > begin_us)
        .where(Loss.begin_us >= func.coalesce(before.scalar_subquery(), begin_us))
        .order_by(Loss.begin_us)
    )
    losses = [Gap(max(row[0], begin_us), min(row[1], end_us), *row[2:]) for row in db.session.execute(query)]
    cells = select(Coverage.spans).where(
        Coverage.source_id == source_id,
        Coverage.level == DAY.number,
        Coverage.cell >= begin_us // DAY.cell_us - 1,
        Coverage.cell <= end_us // DAY.cell_us,
    )
    held = from_bytes(b"".join(db.session.scalars(cells))).tolist()
    wanted = read_wanted(source_id, begin_us, end_us)
    known = union_of(within([*(Stretch(*span) for span in held), *wanted], limits))
    idle = [Gap(*gap, NOT_RECORDING, None) for gap in find_gaps(known, *limits)]
    return sorted([*losses, *idle], key=lambda gap: gap.begin_us)


def joined(gaps: Iterable[Gap]) -> list[Gap]:
    """Return gaps by begin, those that meet and have one cause as one: the ledger cuts them at each hour."""
    found: list[Gap] = []
    for gap in gaps:
        last = found[-1] if found else None
        is_same = last is not None and last.end_us == gap.begin_us and last.cause == gap.cause
        if last is not None and is_same and (gap.cause not in (DELETED, SILENT) or last.detail == gap.detail):
            found[-1] = last._replace(end_us=gap.end_us)
        else:
            found.append(gap)
    return found


def seconds_by_cause(gaps: Iterable[Gap]) -> dict[str, float]:
    """Return the sum of the lengths of gaps by cause, in seconds, the longest first."""
    sums: dict[str, int] = {}
    for gap in gaps:
        sums[gap.cause] = sums.get(gap.cause, 0) + gap.end_us - gap.begin_us
    return {cause: length / 1_000_000 for cause, length in sorted(sums.items(), key=lambda item: -item[1])}
