"""How the service is, for people: its processes, the cameras with their last failures, what is behind, the audit log.

All of it is small: a row a camera, a row a recorder, and sums that are kept anyway.
"""

from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import func, select

from app.archive.anchoring import newest_anchor
from app.archive.sealing import count_unsealed
from app.extensions import AnySession
from app.models import Attempt, AuditSeal, ClockStep, Lease, Recorder, Segment, Source
from app.models.segment import CLOSED
from instance.config import Config

DAY_US = 86_400_000_000  # attempts are counted, and recorders that have ended are told of, for so long


class LastFailure(NamedTuple):
    """The last attempt of a camera that has ended, and how many have within a day."""

    reason: str | None
    detail: str | None
    end_us: int
    ended_day: int


class AuditState(NamedTuple):
    """How far the chain of the audit log has come; `anchored_us` is when that was last written outside the database."""

    position: int
    sealed_us: int | None
    unsealed: int
    anchored_us: int | None


class Step(NamedTuple):
    """The last time that a recorder saw the machine's clock set."""

    at_us: int
    step_us: int


@dataclass(frozen=True, slots=True)
class RecorderState:
    """A recorder that was seen lately, and the cameras that it holds."""

    id: str
    host_id: str
    pid: int
    seen_us: int
    ended_us: int | None
    source_ids: list[int]


def read_recorders(session: AnySession, now_us: int) -> list[RecorderState]:
    """Return the recorders that were seen within a day, the newest sign of life first."""
    held: dict[str, list[int]] = {}
    for source_id, recorder_id in session.execute(
        select(Lease.source_id, Lease.recorder_id).where(Lease.expires_us > now_us).order_by(Lease.source_id)
    ):
        held.setdefault(recorder_id, []).append(source_id)
    rows = session.scalars(select(Recorder).where(Recorder.seen_us > now_us - DAY_US).order_by(Recorder.seen_us.desc()))
    return [
        RecorderState(row.id, row.host_id, row.pid, row.seen_us, row.ended_us, held.get(row.id, [])) for row in rows
    ]


def read_failures(session: AnySession, source_ids: list[int], now_us: int) -> dict[int, LastFailure]:
    """Return why the last attempt of each camera ended; those that never ended one are left out."""
    newest = (
        select(Attempt.id)
        .where(Attempt.source_id == Source.id, Attempt.end_us.is_not(None))
        .order_by(Attempt.begin_us.desc())
        .limit(1)
        .correlate(Source)
        .scalar_subquery()
    )
    lately = (
        select(func.count())
        .where(Attempt.source_id == Source.id, Attempt.begin_us > now_us - DAY_US, Attempt.end_us.is_not(None))
        .correlate(Source)
        .scalar_subquery()
    )
    query = select(Source.id, Attempt.reason, Attempt.detail, Attempt.end_us, lately).join(
        Attempt, Attempt.id == newest
    )
    rows = session.execute(query.where(Source.id.in_(source_ids)))
    return {row[0]: LastFailure(row[1], row[2], row[3] or 0, int(row[4] or 0)) for row in rows}


def read_oldest(session: AnySession) -> dict[int, int]:
    """Return the begin of the oldest closed footage of each camera that has any, in µs since the epoch."""
    # `+ 0` keeps the database from walking all closed segments: the oldest is the first row of a camera's key, or so.
    first = (
        select(Segment.start_us)
        .where(Segment.source_id == Source.id, Segment.state + 0 == CLOSED)
        .order_by(Segment.start_us)
        .limit(1)
        .correlate(Source)
        .scalar_subquery()
    )
    rows = session.execute(select(Source.id, first).where(Source.deleted_us.is_(None)))
    return {source_id: start_us for source_id, start_us in rows if start_us is not None}


def read_audit_state(session: AnySession, config: Config) -> AuditState:
    """Return how far the audit log is sealed, and when its end was last written outside the database."""
    head = session.execute(
        select(AuditSeal.position, AuditSeal.sealed_us).order_by(AuditSeal.position.desc()).limit(1)
    ).first()
    anchor = newest_anchor(config)
    return AuditState(
        0 if head is None else head.position,
        None if head is None else head.sealed_us,
        count_unsealed(session),
        None if anchor is None else anchor.at_us,
    )


def read_last_step(session: AnySession) -> Step | None:
    """Return when a recorder last saw the clock of its machine set, and by how much."""
    row = session.execute(select(ClockStep.at_us, ClockStep.step_us).order_by(ClockStep.id.desc()).limit(1)).first()
    return None if row is None else Step(row.at_us, row.step_us)
