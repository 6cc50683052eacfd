"""Figures of the recording as a whole, read from the database when the metrics are asked for."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Executable, ScalarSelect, func, select

from app.extensions import AnySession
from app.models import Attempt, Lease, Record, Segment, Source, Wanted
from app.models.attempt import REASONS
from app.models.segment import CLOSED, MISSING
from app.models.source import STATUSES


@dataclass(frozen=True, slots=True)
class Figures:
    """What the database knows of recording now, and of all that is kept."""

    sources: dict[str, int]
    wanted_sources: int
    leased_sources: int
    open_records: int
    living_attempts: int
    ended_attempts: dict[str, int]
    segments: int
    missing_segments: int
    segment_bytes: int
    recorded_s: float


def read_figures(session: AnySession, now_us: int) -> Figures:
    """Count the rows. The segments are the dear part: 0.2 s a million of them on SQLite."""
    sums = select(func.count(), func.sum(Segment.size_bytes), func.sum(Segment.end_us - Segment.start_us))
    closed, size_bytes, length_us = session.execute(sums.where(Segment.state == CLOSED)).one()
    by_status = select(Source.status, func.count()).where(Source.deleted_us.is_(None)).group_by(Source.status)
    by_reason = select(Attempt.reason, func.count()).where(Attempt.end_us.is_not(None)).group_by(Attempt.reason)
    counts = {
        "wanted_sources": Wanted.end_us.is_(None),
        "leased_sources": Lease.expires_us > now_us,
        "open_records": Record.end_us.is_(None),
        "living_attempts": Attempt.end_us.is_(None),
        "missing_segments": Segment.state == MISSING,
    }
    found = session.execute(select(*(_count(condition) for condition in counts.values()))).one()
    return Figures(
        sources={**dict.fromkeys(STATUSES, 0), **_by_word(session, by_status)},
        ended_attempts={**dict.fromkeys(REASONS, 0), **_by_word(session, by_reason)},
        segments=closed,
        segment_bytes=int(size_bytes or 0),
        recorded_s=int(length_us or 0) / 1_000_000,
        **dict(zip(counts, found, strict=True)),
    )


def _count(condition: ColumnElement[bool]) -> ScalarSelect[int]:
    return select(func.count()).where(condition).scalar_subquery()


def _by_word(session: AnySession, query: Executable) -> dict[str, int]:
    return {word or "unknown": count for word, count in session.execute(query)}
