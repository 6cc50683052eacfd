"""Time that never was: what the wall clock passed over when it was set forward while a source recorded."""

from datetime import UTC, datetime

from sqlalchemy import func, select

from app.extensions import db
from app.models import ClockStep, Run, Segment
from app.models.segment import MAX_SEGMENT_US

CLOCK_STEP = "clock_step"
MOST = 32  # runs looked at


def find_leaps(source_id: int, begin_us: int, end_us: int) -> list[tuple[int, int, str]]:
    """Return [begin, end) of each stretch between two runs of one ffmpeg that touches a range, and a line about it.

    They come by begin and do not overlap: where the clock was set back into one, and forward again, the later counts.
    """
    # Most archives have none: `> ''` and `+ 0` lead SQLite to those few, and not through all runs of the source.
    split = select(Run.id, Run.begin_us, Run.capture_id).where(
        Run.capture_id > "", Run.source_id + 0 == source_id, Run.begin_us > begin_us
    )
    found = []
    for run_id, next_us, capture_id in db.session.execute(split.order_by(Run.begin_us).limit(MOST)).all():
        first = select(func.min(Segment.sequence)).where(Segment.run_id == run_id).scalar_subquery()
        before = (
            select(Segment.end_us)
            .join(Run, Run.id == Segment.run_id)
            .where((Run.id == capture_id) | (Run.capture_id == capture_id), Segment.sequence < first)
        )
        last_us = db.session.scalar(before.order_by(Segment.sequence.desc()).limit(1))
        if last_us is not None and last_us < min(next_us, end_us):
            found.append((last_us, next_us, _detail(last_us, next_us)))
    return _apart(found)


def _apart(leaps: list[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    """Return stretches that are by begin, each cut by those that begin within it."""
    pieces: list[tuple[int, int, str]] = []
    for begin, end, detail in sorted(leaps):
        if pieces and pieces[-1][1] > begin:
            first, last, other = pieces.pop()
            cut = ((first, begin, other), (begin, min(end, last), detail))
            pieces += [piece for piece in cut if piece[0] < piece[1]]
            begin, end, detail = min(end, last), max(end, last), other if last > end else detail
        if begin < end:
            pieces.append((begin, end, detail))
    return pieces


def _detail(last_us: int, next_us: int) -> str:
    """Return who set the clock: it was noted then, and the new run began at the next seam."""
    steps = select(ClockStep.at_us, ClockStep.step_us).where(
        ClockStep.at_us > next_us - MAX_SEGMENT_US, ClockStep.at_us <= next_us, ClockStep.step_us > 0
    )
    step = db.session.execute(steps.order_by(ClockStep.at_us.desc()).limit(1)).first()
    if step is None:
        return f"the clocks of the camera and of this machine had moved apart by {(next_us - last_us) / 1e6:.1f} s"
    moment = datetime.fromtimestamp(step.at_us // 1_000_000, UTC)
    return f"this machine's clock was set forward by {step.step_us / 1e6:.1f} s at {moment:%Y-%m-%dT%H:%M:%SZ}"
