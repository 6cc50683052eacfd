"""Figures of the recording as a whole, read from the database when the metrics are asked for.

None of them costs more when the archive grows: sums are kept by triggers (app/models/sums.py) and by the ledger.
"""

from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, Executable, ScalarSelect, func, select

from app.archive.activitysettings import Behind, all_behind
from app.archive.sealing import count_unsealed
from app.archive.sourcefigures import SourceFigures, read_sources
from app.archive.storagefigures import StorageFigures, read_storages
from app.archive.vitals import SEEN_US
from app.extensions import AnySession
from app.models import (
    Attempt,
    AttemptCount,
    ClockStep,
    Doomed,
    KeptFootage,
    Lease,
    Notice,
    Record,
    Recorder,
    Segment,
    Source,
    SyncItem,
    Wanted,
    WebhookMark,
)
from app.models.attempt import REASONS
from app.models.segment import MISSING
from app.models.source import STATUSES
from app.models.syncjob import STATES


@dataclass(frozen=True, slots=True)
class Figures:
    """What the database knows of recording now, and of all that is kept."""

    sources: dict[str, int]
    wanted_sources: int
    leased_sources: int
    open_records: int
    living_attempts: int
    missing_segments: int
    unhashed_records: int
    doomed_files: int
    recorders: int
    clock_steps: int
    ended_attempts: dict[str, int]
    segments: int
    segment_bytes: int
    recorded_s: float
    faults: dict[str, int]
    sync_items: dict[str, int]
    verified_age_s: float | None
    unsealed_rows: int = 0
    untold: dict[str, int] = field(default_factory=dict)  # notices by the target of a webhook
    by_source: list[SourceFigures] = field(default_factory=list)
    storages: list[StorageFigures] = field(default_factory=list)
    activity: list[Behind] = field(default_factory=list)


def _count(condition: ColumnElement[bool]) -> ScalarSelect[int]:
    return select(func.count()).where(condition).scalar_subquery()


# Made once: making them takes longer than running them.
SUMS = select(func.sum(KeptFootage.segments), func.sum(KeptFootage.size_bytes), func.sum(KeptFootage.length_us))
BY_STATUS = select(Source.status, func.count()).where(Source.deleted_us.is_(None)).group_by(Source.status)
BY_REASON = select(AttemptCount.reason, func.sum(AttemptCount.ended)).group_by(AttemptCount.reason)
FAULTS = select(Segment.fault, func.count()).where(Segment.fault.is_not(None)).group_by(Segment.fault)
SYNC_ITEMS = select(SyncItem.state, func.count()).group_by(SyncItem.state)
VERIFIED = select(func.min(Segment.verified_us)).where(Segment.verified_us.is_not(None))


def read_figures(session: AnySession, now_us: int) -> Figures:
    """Read the figures."""
    segments, size_bytes, length_us = session.execute(SUMS).one()
    counts = {
        "wanted_sources": Wanted.end_us.is_(None),
        "leased_sources": Lease.expires_us > now_us,
        "open_records": Record.end_us.is_(None),
        "living_attempts": Attempt.end_us.is_(None),
        "missing_segments": Segment.state == MISSING,
        "unhashed_records": Record.hash_due_us.is_not(None) & Record.end_us.is_not(None),
        "doomed_files": Doomed.since_us >= 0,
        "recorders": Recorder.ended_us.is_(None) & (Recorder.seen_us > now_us - SEEN_US),
        "clock_steps": ClockStep.id > 0,
    }
    found = session.execute(select(*(_count(condition) for condition in counts.values()))).one()
    verified_us = session.scalar(VERIFIED)
    by_source = read_sources(session, now_us)
    return Figures(
        sources={**dict.fromkeys(STATUSES, 0), **_by_word(session, BY_STATUS)},
        ended_attempts={**dict.fromkeys(REASONS, 0), **_by_word(session, BY_REASON)},
        segments=int(segments or 0),
        segment_bytes=int(size_bytes or 0),
        recorded_s=int(length_us or 0) / 1_000_000,
        faults=_by_word(session, FAULTS),
        sync_items={**dict.fromkeys(STATES, 0), **_by_word(session, SYNC_ITEMS)},
        verified_age_s=None if verified_us is None else (now_us - verified_us) / 1_000_000,
        unsealed_rows=count_unsealed(session),
        untold=_untold(session),
        by_source=by_source,
        storages=read_storages(session, by_source),
        activity=all_behind(session),
        **dict(zip(counts, found, strict=True)),
    )


def _by_word(session: AnySession, query: Executable) -> dict[str, int]:
    return {word or "unknown": int(count) for word, count in session.execute(query)}


def _untold(session: AnySession) -> dict[str, int]:
    """Return how many notices each webhook does not know yet."""
    marks = session.execute(select(WebhookMark.target, WebhookMark.last_id)).all()
    return {target: session.scalar(select(func.count()).where(Notice.id > last_id)) or 0 for target, last_id in marks}
