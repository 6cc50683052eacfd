"""The attempts that gaps of a range are explained from, by begin; of time that was lived twice those of the later one.

Attempts are dated by this machine's clock, and that may be set. The order in which they were written down (their ids)
tells which came later: one that began, by its date, after a later one began is of the time before the clock was set
back. An ffmpeg that outlives a step goes on with another run; its attempt counts from there too.
"""

from typing import NamedTuple

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import aliased

from app.extensions import db
from app.models import Attempt, ClockStep, Run

NOTED_US = 2_000_000  # so late, at most, a step of the clock is noted
FOOTAGE_US = 600_000_000  # so long after its begin, at most, an attempt has footage


class Try(NamedTuple):
    """What is read of an attempt; `first_us` is where its footage begins, None for none."""

    begin_us: int
    end_us: int | None
    reason: str | None
    detail: str | None
    run_id: str | None
    first_us: int | None
    id: int


# Made once: making them takes longer than running them.
_columns = (Attempt.end_us, Attempt.reason, Attempt.detail, Attempt.run_id, Run.begin_us, Attempt.id)
TRIES = (
    select(Attempt.begin_us, *_columns)
    .outerjoin(Run, Run.id == Attempt.run_id)
    .where(Attempt.source_id == bindparam("source_id"))
)
BEFORE = TRIES.where(Attempt.begin_us <= bindparam("from_us")).order_by(Attempt.begin_us.desc()).limit(1)
WITHIN = TRIES.where(Attempt.begin_us > bindparam("from_us"), Attempt.begin_us < bindparam("to_us"))
# Since the clock was set back from behind the begin of the one before; `+ 0` keeps SQLite from going by the ids of all.
_set_back_us = (
    select(func.min(ClockStep.at_us))
    .where(ClockStep.step_us < 0, ClockStep.at_us <= bindparam("latest_us"))
    .where(ClockStep.at_us - ClockStep.step_us >= bindparam("earliest_us"))
    .scalar_subquery()
)
LATER = (
    TRIES.where(Attempt.begin_us <= bindparam("from_us"), Attempt.begin_us >= _set_back_us - NOTED_US)
    .where(Attempt.id + 0 > bindparam("id"))
    .order_by((Attempt.id + 0).desc())
    .limit(1)
)
# Most archives have none: `> ''` and `+ 0` lead SQLite to those few, and not through all runs of the source.
_first, _other = aliased(Run), aliased(Run)
_last_us = (
    select(func.max(_other.begin_us))
    .where(_other.capture_id > "", _other.source_id + 0 == bindparam("source_id"))
    .where(_other.begin_us <= bindparam("from_us"))
    .scalar_subquery()
)
GONE_ON = (
    select(Run.begin_us, Run.capture_id, _first.begin_us)
    .join(_first, _first.id == Run.capture_id)
    .where(Run.capture_id > "", Run.source_id + 0 == bindparam("source_id"))
    .where(Run.begin_us >= func.coalesce(_last_us, bindparam("from_us")), Run.begin_us < bindparam("to_us"))
)
OF_RUN = TRIES.where(
    Attempt.run_id == bindparam("run_id"),
    Attempt.begin_us.between(bindparam("first_us") - FOOTAGE_US, bindparam("first_us") + FOOTAGE_US),
)


def read_tries(source_id: int, begin_us: int, end_us: int) -> list[Try]:
    """Return the attempts that touch a range, and the last that began before it."""
    values = {"source_id": source_id, "from_us": begin_us, "to_us": end_us}
    found = [Try(*row) for query in (BEFORE, WITHIN) for row in db.session.execute(query, values)]
    for later_us, run_id, first_us in db.session.execute(GONE_ON, values).all():
        rows = db.session.execute(OF_RUN, {"source_id": source_id, "run_id": run_id, "first_us": first_us})
        found += [Try(*row)._replace(begin_us=later_us, first_us=later_us) for row in rows]
    before = next((item for item in found if item.begin_us <= begin_us), None)
    if before is not None:
        near = {"latest_us": before.begin_us + NOTED_US, "earliest_us": before.begin_us - NOTED_US, "id": before.id}
        found += [Try(*row) for row in db.session.execute(LATER, {**values, **near})]
    return last_lived(found)


def last_lived(tries: list[Try]) -> list[Try]:
    """Return attempts by begin, without those that began after one that was written down later."""
    kept: list[Try] = []
    for item in sorted(tries, key=lambda item: (item.begin_us, item.id)):
        if not kept or item.id >= kept[-1].id:
            kept.append(item)
    return kept
