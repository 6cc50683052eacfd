"""What the storages can keep: measured bytes a second, room, hours until full, days that retention can reach.

A source's rate is that of its closed segments of the last WINDOW_US while it recorded. What is forecast is that those
that record now go on so.
"""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select

from app.archive.believing import believed
from app.archive.keeping import read_rules
from app.archive.pins import is_living
from app.archive.ruling import BYTE_UNITS, UNITS, Rule, SourceRules, in_units
from app.archive.storagefigures import used_bytes
from app.archive.unlinking import mounted_roots
from app.errors import Unreachable
from app.extensions import AnySession
from app.models import Coverage, Pin, Record, Segment, Storage, group_source
from app.models.segment import CLOSED, MAX_SEGMENT_US

WINDOW_US = 86_400_000_000
GROWTH_US = 3_600_000_000
DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Rate:
    """What a source has come to: bytes a second while it recorded, None where it did not in the last day."""

    source_id: int
    bytes_s: float | None
    is_recording: bool
    tag_ids: frozenset[str]


@dataclass(frozen=True, slots=True)
class Room:
    """What a storage holds and can hold. `capacity_bytes` is all that footage may take there; None: it is not there."""

    storage_id: str
    path: str
    used_bytes: int
    pinned_bytes: int
    free_bytes: int | None
    budget_bytes: int | None
    reserve_bytes: int
    capacity_bytes: int | None


@dataclass(frozen=True, slots=True)
class RuleForecast:
    """Whether the minimum of a rule can be kept: the bytes that it needs and how far they reach, as far as known."""

    rule: Rule
    needed_bytes: int | None
    is_met: bool | None


@dataclass(frozen=True, slots=True)
class Forecast:
    """All of it. `bytes_s` is that of the sources that record now."""

    rates: list[Rate]
    rooms: list[Room]
    rules: list[RuleForecast]
    bytes_s: float
    capacity_bytes: int | None
    used_bytes: int
    pinned_bytes: int
    needed_bytes: int

    @property
    def hours_until_full(self) -> float | None:
        """Return how long it takes to fill what is left; None where nothing is known to come."""
        if self.capacity_bytes is None or self.bytes_s <= 0:
            return None
        return max(self.capacity_bytes - self.used_bytes, 0) / self.bytes_s / 3600

    @property
    def reachable_days(self) -> float | None:
        """Return for how many days footage can be kept, pins apart."""
        if self.capacity_bytes is None or self.bytes_s <= 0:
            return None
        return max(self.capacity_bytes - self.pinned_bytes, 0) / self.bytes_s / DAY_S


def growth_by_storage(session: AnySession, now_us: int) -> dict[str, float]:
    """Return how many bytes a second each storage has taken in the last hour."""
    recent = (
        select(Segment.storage_id, func.sum(Segment.size_bytes))
        .where(Segment.start_us >= now_us - GROWTH_US, Segment.start_us < now_us, Segment.state == CLOSED)
        .where(Segment.source_id.in_(_sources(session)))
        .group_by(Segment.storage_id)
    )
    return {storage_id: int(size) / (GROWTH_US / 1e6) for storage_id, size in session.execute(recent)}


def _sources(session: AnySession) -> list[int]:
    return sorted(session.scalars(select(Coverage.source_id).where(Coverage.level == 1).distinct()))


def read_rates(session: AnySession, now_us: int) -> list[Rate]:
    """Measure every source that has footage or records."""
    recording: dict[int, set[str]] = {}
    for source_id, tag_id in session.execute(select(Record.source_id, Record.tag_id).where(Record.end_us.is_(None))):
        recording.setdefault(source_id, set()).add(tag_id)
    found = []
    for source_id in sorted({*_sources(session), *recording}):
        sums = select(func.sum(Segment.size_bytes), func.sum(Segment.end_us - Segment.start_us)).where(
            Segment.source_id == source_id,
            Segment.start_us >= now_us - WINDOW_US,
            Segment.start_us < now_us,
            Segment.state == CLOSED,
        )
        size_bytes, length_us = session.execute(sums).one()
        bytes_s = int(size_bytes) / (int(length_us) / 1e6) if length_us else None
        tags = frozenset(recording.get(source_id, ()))
        found.append(Rate(source_id, bytes_s, source_id in recording, tags))
    return found


def read_rooms(session: AnySession) -> list[Room]:
    """Measure every storage."""
    used = used_bytes(session)
    pinned = _pinned_bytes(session)
    rows = list(session.scalars(select(Storage).where(Storage.path != "").order_by(Storage.priority, Storage.id)))
    session.expunge_all()
    roots = mounted_roots()
    return [_room(row, roots.get(row.id), used.get(row.id, 0), pinned.get(row.id, 0)) for row in rows]


def _room(row: Storage, root: Path | None, used: int, pinned: int) -> Room:
    free = None
    if root is not None:
        try:
            free = shutil.disk_usage(root).free
        except OSError:
            free = None
    capacity = None
    if free is not None:
        capacity = max(used + free - row.reserve_bytes, 0)
        if row.budget_bytes is not None:
            capacity = min(capacity, row.budget_bytes)
    return Room(row.id, row.path, used, pinned, free, row.budget_bytes, row.reserve_bytes, capacity)


def _pinned_bytes(session: AnySession) -> dict[str, int]:
    """Return how many bytes are pinned in each storage; what two pins hold counts once."""
    found: dict[str, dict[str, int]] = {}
    for pin in session.scalars(select(Pin).where(is_living(believed(session)))).all():
        held = select(Segment.id, Segment.storage_id, Segment.size_bytes).where(
            Segment.source_id == pin.source_id,
            Segment.start_us > pin.begin_us - MAX_SEGMENT_US,
            Segment.start_us < pin.end_us,
            Segment.end_us > pin.begin_us,
            Segment.state == CLOSED,
        )
        for segment_id, storage_id, size_bytes in session.execute(held):
            found.setdefault(storage_id, {})[segment_id] = size_bytes
    return {storage_id: sum(sizes.values()) for storage_id, sizes in found.items()}


def read_forecast(session: AnySession, now_us: int, proposed: Rule | None = None) -> Forecast:
    """Return the forecast; with the rule that is proposed instead of the one that it replaces. Ends the transaction."""
    rules = read_rules(session, proposed)
    groups: dict[int, set[str]] = {}
    for group_id, source_id in session.execute(select(group_source.c.group_id, group_source.c.source_id)):
        groups.setdefault(source_id, set()).add(group_id)
    rates = read_rates(session, now_us)
    rooms = read_rooms(session)
    known = [room.capacity_bytes for room in rooms if room.capacity_bytes is not None]
    capacity = sum(known) if known and len(known) == len(rooms) else None
    pinned = sum(room.pinned_bytes for room in rooms)
    needs = _needs(rules, rates, groups)
    needed = sum(need or 0 for need in needs.values())
    room = None if capacity is None else capacity - pinned
    told = [RuleForecast(rule, needs[rule], _is_met(needs[rule], needed, room)) for rule in rules]
    growing = sum(rate.bytes_s or 0.0 for rate in rates if rate.is_recording)
    used = sum(room.used_bytes for room in rooms)
    return Forecast(rates, rooms, told, growing, capacity, used, pinned, needed)


def _is_met(need: int | None, needed: int, room: int | None) -> bool | None:
    """Tell whether there is room for all minima together; None where it is not known or nothing is asked."""
    return None if need is None or room is None else needed <= room


def _needs(rules: Sequence[Rule], rates: Sequence[Rate], groups: dict[int, set[str]]) -> dict[Rule, int | None]:
    """Return how many bytes the minimum of each rule takes; None where it has none, or no rate is known."""
    needs: dict[Rule, int | None] = {rule: rule.min_bytes for rule in rules}
    by_age: dict[Rule, float] = {}
    for rate in rates:
        of_source = SourceRules(rules, rate.source_id, frozenset(groups.get(rate.source_id, ())))
        rule = of_source.choose("min_age_s", sorted(rate.tag_ids))
        if rule is not None and rate.bytes_s is not None:
            by_age[rule] = by_age.get(rule, 0.0) + rate.bytes_s * (rule.min_age_s or 0)
    for rule, size in by_age.items():
        needs[rule] = max(needs[rule] or 0, int(size))
    return needs


def refuse_unreachable(session: AnySession, proposed: Rule, now_us: int) -> Forecast:
    """Return the forecast with a rule. Raises Unreachable where its minimum cannot be kept beside all others."""
    forecast = read_forecast(session, now_us, proposed)
    own = next(told for told in forecast.rules if told.rule is proposed)
    if own.is_met is not False or not own.needed_bytes:
        return forecast
    room = max((forecast.capacity_bytes or 0) - forecast.pinned_bytes, 0)
    others = forecast.needed_bytes - own.needed_bytes
    reachable = forecast.reachable_days
    days = f" Recording as now, {in_units(int(reachable * DAY_S), UNITS)} can be kept in all." if reachable else ""
    raise Unreachable(
        f"its minimum needs {in_units(own.needed_bytes, BYTE_UNITS)} beside {in_units(others, BYTE_UNITS)} of other "
        f"rules, and there is room for {in_units(room, BYTE_UNITS)}.{days} Lower the minimum, release pins, raise the "
        "budget, or add a storage (PLAYBACK_STORAGES)",
        forecast=forecast,
    )
