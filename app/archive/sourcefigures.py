"""Figures of each source: what was expected and recorded, what is kept, how fresh the newest footage is."""

import contextlib
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import and_, exists, func, select
from sqlalchemy.orm import aliased

from app.archive import places
from app.extensions import AnySession
from app.models import AttemptCount, KeptFootage, LossMark, Run, Segment, Source, Storage, Wanted
from app.models.segment import CLOSED, OPEN

MAY_HANG = ("away", "slow", "failing")  # storages whose files are not looked at: an answer must not wait for a disk


@dataclass(slots=True)
class SourceFigures:
    """What is known of one source that is not deleted; None for what is not known."""

    id: int
    is_wanted: bool
    expected_s: float = 0.0
    recorded_s: float = 0.0
    lost_s: dict[str, float] = field(default_factory=dict)
    settled_us: int | None = None
    segments: int = 0
    size_bytes: int = 0
    kept_s: float = 0.0
    attempts: dict[str, int] = field(default_factory=dict)
    newest_age_s: float | None = None
    bytes_s: float | None = None
    storage_id: str | None = None
    clock_offset_s: float | None = None


is_wanted = exists().where(Wanted.source_id == Source.id, Wanted.end_us.is_(None))
SOURCES = (
    select(Source.id, is_wanted, LossMark.settled_us, LossMark.expected_us, LossMark.recorded_us, LossMark.lost)
    .outerjoin(LossMark, LossMark.source_id == Source.id)
    .where(Source.deleted_us.is_(None))
    .order_by(Source.id)
)
KEPT = select(
    KeptFootage.source_id,
    func.sum(KeptFootage.segments),
    func.sum(KeptFootage.size_bytes),
    func.sum(KeptFootage.length_us),
).group_by(KeptFootage.source_id)
ATTEMPTS = select(AttemptCount.source_id, AttemptCount.reason, AttemptCount.ended)
_any = aliased(Segment)
# `+ 0` keeps the database from walking all closed segments: the newest of a source is the last row of its key, or so.
_newest = (
    select(_any.start_us)
    .where(_any.source_id == Wanted.source_id, _any.state + 0 == CLOSED)
    .order_by(_any.start_us.desc())
    .limit(1)
    .correlate(Wanted)
    .scalar_subquery()
)
NEWEST = (
    select(
        Segment.source_id, Segment.start_us, Segment.end_us, Segment.size_bytes, Segment.storage_id, Run.clock_offset_us
    )
    .join(Wanted, and_(Wanted.source_id == Segment.source_id, Wanted.end_us.is_(None)))
    .join(Run, Run.id == Segment.run_id)
    .where(Segment.start_us == _newest)
)
GROWING = (
    select(Segment.source_id, Storage.path)
    .join(Storage, Storage.id == Segment.storage_id)
    .where(Segment.state == OPEN, Storage.path != "", Storage.state.not_in(MAY_HANG))
)


def read_sources(session: AnySession, now_us: int) -> list[SourceFigures]:
    """Return the figures of all sources that are not deleted, by id."""
    found: dict[int, SourceFigures] = {}
    for source_id, wanted, settled_us, expected_us, recorded_us, lost in session.execute(SOURCES):
        one = found[source_id] = SourceFigures(source_id, bool(wanted), settled_us=settled_us)
        if settled_us is not None:
            one.expected_s, one.recorded_s = expected_us / 1e6, recorded_us / 1e6
            one.lost_s = {cause: length_us / 1e6 for cause, length_us in json.loads(lost).items()}
    deleted = SourceFigures(0, is_wanted=False)
    for source_id, segments, size_bytes, length_us in session.execute(KEPT):
        one = found.get(source_id, deleted)
        one.segments, one.size_bytes, one.kept_s = int(segments), int(size_bytes), int(length_us) / 1e6
    for source_id, reason, ended in session.execute(ATTEMPTS):
        found.get(source_id, deleted).attempts[reason] = ended
    _look_at_newest(session, found, now_us)
    _look_at_growing(session.execute(GROWING).all(), found, now_us)
    return list(found.values())


def _look_at_newest(session: AnySession, found: dict[int, SourceFigures], now_us: int) -> None:
    """Let the last closed segment of each wanted source tell age and rate."""
    for source_id, start_us, end_us, size_bytes, storage_id, offset_us in session.execute(NEWEST):
        one = found.get(source_id)
        if one is not None:
            one.newest_age_s, one.storage_id = max(now_us - end_us, 0) / 1e6, storage_id
            one.bytes_s = size_bytes * 1e6 / (end_us - start_us) if end_us > start_us else None
            one.clock_offset_s = None if offset_us is None else offset_us / 1e6


def _look_at_growing(rows: Iterable[tuple[int, str]], found: dict[int, SourceFigures], now_us: int) -> None:
    """Let the files that are being written tell how fresh the footage is."""
    for source_id, path in rows:
        one = found.get(source_id)
        if one is None or not one.is_wanted:
            continue
        written_us = _newest_us(places.live_folder(Path(path), source_id))
        if written_us is not None:
            age_s = max(now_us - written_us, 0) / 1e6
            one.newest_age_s = age_s if one.newest_age_s is None else min(one.newest_age_s, age_s)


def _newest_us(folder: Path) -> int | None:
    """Return when a file of footage in a folder was last written; None where there is none."""
    times: list[int] = []
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        times.extend(entry.stat().st_mtime_ns // 1000 for entry in entries if entry.name.endswith(".mp4"))
    return max(times, default=None)
