"""What the ledger has lost, camera by camera, for a range: sums by cause, coverage, the longest gaps.

The database adds up: a year of a camera costs one walk over its losses, whatever it has recorded.
"""

from dataclasses import dataclass

from sqlalchemy import case, func, select

from app.archive.causes import RECORDED_ONCE
from app.archive.ledger import Gap, read_wanted
from app.archive.missing import overlap_us, union_of
from app.extensions import AnySession
from app.models import Loss, LossMark, Source


@dataclass(frozen=True, slots=True)
class LossSum:
    """The losses of one camera within a range, as far as the ledger is settled (`settled_us`; None: not begun).

    `expected_us` was to be recorded until then. `recorded_us` was: what was deleted since, too.
    """

    source_id: int
    description: str | None
    settled_us: int | None
    expected_us: int
    recorded_us: int
    lost_us: dict[str, int]
    worst: list[Gap]

    @property
    def coverage(self) -> float | None:
        """Return the part of what was to be recorded that was, 0 to 1; None where nothing was."""
        return self.recorded_us / self.expected_us if self.expected_us else None


def sum_losses(
    session: AnySession, source_ids: frozenset[int] | None, begin_us: int, end_us: int, worst: int
) -> list[LossSum]:
    """Return the losses of these cameras (None: all), by id; of each the `worst` longest gaps, the longest first."""
    query = select(Source.id, Source.description, LossMark.settled_us).outerjoin(
        LossMark, LossMark.source_id == Source.id
    )
    query = query.where(Source.deleted_us.is_(None)).order_by(Source.id)
    if source_ids is not None:
        query = query.where(Source.id.in_(sorted(source_ids)))
    rows = session.execute(query).all()
    return [_sum(session, *row, begin_us, end_us, worst) for row in rows]


def _sum(
    session: AnySession, source_id: int, description: str | None, settled_us: int | None, begin_us: int, end_us: int,
    worst: int,
) -> LossSum:  # fmt: skip
    until_us = min(end_us, settled_us or begin_us)
    if until_us <= begin_us:
        return LossSum(source_id, description, settled_us, 0, 0, {}, [])
    wanted = union_of(read_wanted(source_id, begin_us, until_us))
    expected_us = overlap_us(wanted, begin_us, until_us)
    before = select(func.max(Loss.begin_us)).where(Loss.source_id == source_id, Loss.begin_us <= begin_us)
    first_us = func.coalesce(before.scalar_subquery(), begin_us)  # that one may reach into the range
    held = (Loss.source_id == source_id, Loss.begin_us >= first_us, Loss.begin_us < until_us, Loss.end_us > begin_us)
    begins = case((Loss.begin_us > begin_us, Loss.begin_us), else_=begin_us)
    ends = case((Loss.end_us < until_us, Loss.end_us), else_=until_us)
    sums = session.execute(select(Loss.cause, func.sum(ends - begins)).where(*held).group_by(Loss.cause)).all()
    lost = {cause: int(length) for cause, length in sorted(sums, key=lambda one: (-int(one[1]), one[0]))}
    longest = select(begins, ends, Loss.cause, Loss.detail).where(*held).order_by((ends - begins).desc(), Loss.begin_us)
    gaps = [Gap(*row) for row in session.execute(longest.limit(worst))] if worst else []
    never_us = sum(length for cause, length in lost.items() if cause not in RECORDED_ONCE)
    return LossSum(source_id, description, settled_us, expected_us, max(expected_us - never_us, 0), lost, gaps)
