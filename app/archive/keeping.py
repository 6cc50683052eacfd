"""What is kept, and how well: the rules, groups, records and pins of an instant, held against the segments of days.

A `Keeping` is what was read at one instant. `Days` remembers of each camera-day what its rows came to, as long as
neither they nor what decides over them has changed: a pass reads a row a camera-day (its revision), and the segments of
those days alone in which something is due.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
from sqlalchemy import select

from app.archive import pins as pins_of_archive
from app.archive.holding import FOR_EVER_US, PIECES, Piece
from app.archive.places import DAY_US
from app.archive.ruling import S_US, Boundary, Footage, Held, Ints, Mask, Rule, SourceRules, overlap
from app.extensions import AnySession
from app.models import Coverage, Group, Pin, Record, RetentionRule, Run, Segment, Tag, group_source
from app.models.segment import CLOSED, MAX_SEGMENT_US, OPEN

NEVER_US = FOR_EVER_US
NOWHERE = Boundary(0, 0)  # everything is newer


class PinSpan(NamedTuple):
    """A pin that protects: [begin_us, end_us), until expires_us."""

    begin_us: int
    end_us: int
    expires_us: int


class Rows(NamedTuple):
    """Segments of a source by start, open ones left out."""

    pieces: list[Piece]
    footage: Footage
    sizes: Ints  # bytes on disk: of a missing file 0

    @property
    def edges(self) -> tuple[int, int]:
        """Return within which time they lie."""
        return (int(self.footage.starts[0]), int(self.footage.ends.max())) if self.pieces else (0, 0)


@dataclass
class Keeping:
    """What decides over footage, at the instant `now_us` that ages are counted to."""

    now_us: int
    rules: list[Rule]
    groups: dict[int, frozenset[str]]
    pins: dict[int, list[PinSpan]]
    unset_runs: dict[int, list[str]]
    days: dict[int, dict[int, int]]  # by source, by day: the revision of its rows
    records: dict[int, list[Held]] = field(default_factory=dict)
    _latest: dict[int, list[int]] = field(default_factory=dict)
    _of_source: dict[int, SourceRules] = field(default_factory=dict)

    def rules_of(self, source_id: int) -> SourceRules:
        """Return the rules of a source."""
        if source_id not in self._of_source:
            self._of_source[source_id] = SourceRules(self.rules, source_id, self.groups.get(source_id, frozenset()))
        return self._of_source[source_id]

    def held(self, source_id: int, begin_us: int, end_us: int) -> list[Held]:
        """Return the records of a source that touch a stretch, cut to it; without rules of tags none matters."""
        records = self.records.get(source_id)
        if records is None:
            return []
        if source_id not in self._latest:
            records.sort()
            self._latest[source_id] = list(accumulate((item.end_us for item in records), max))
        first = bisect_right(self._latest[source_id], begin_us)  # all before have ended by then
        last = bisect_left(records, (end_us,))
        found = (item for item in records[first:last] if item.end_us > begin_us)
        return [Held(max(item.begin_us, begin_us), min(item.end_us, end_us), item.tag_id) for item in found]

    def pins_near(self, source_id: int, begin_us: int, end_us: int) -> list[PinSpan]:
        """Return the pins of a source that touch a stretch."""
        return [pin for pin in self.pins.get(source_id, ()) if pin.begin_us < end_us and pin.end_us > begin_us]

    def grade(self, source_id: int, rows: Rows, boundaries: dict[str, Boundary]) -> npt.NDArray[np.int8]:
        """Tell how well segments are protected; `boundaries` are those of the rules with min_bytes."""
        spans = [(pin.begin_us, pin.end_us) for pin in self.pins_near(source_id, *rows.edges)]
        source = (source_id, self.rules_of(source_id))
        return rows.footage.judge(source, self.held(source_id, *rows.edges), spans, boundaries, self.now_us)

    def limits(self, limit: str, source_id: int, rows: Rows) -> list[tuple[Rule, Mask]]:
        """Return the rules whose `limit` holds for any of these segments, each with a mask of which."""
        held = self.held(source_id, *rows.edges)
        return self.rules_of(source_id).judge(limit, rows.footage.starts, rows.footage.ends, held)

    def has(self, limit: str) -> bool:
        """Tell whether any rule has this limit."""
        return any(rule.limit(limit) is not None for rule in self.rules)


def edges_of(day: int) -> tuple[int, int]:
    """Return within which time the segments that start on a day lie."""
    return day * DAY_US, (day + 1) * DAY_US + MAX_SEGMENT_US


def read_keeping(session: AnySession, now_us: int, proposed: Rule | None = None) -> Keeping:
    """Read what decides, for ages counted to an instant; as it would be with the rule that is proposed."""
    rules = read_rules(session, proposed)
    found = Keeping(now_us, rules, {}, {}, {}, {})
    members: dict[int, set[str]] = {}
    for group_id, source_id in session.execute(select(group_source.c.group_id, group_source.c.source_id)):
        members.setdefault(source_id, set()).add(group_id)
    found.groups = {source_id: frozenset(ids) for source_id, ids in members.items()}
    for pin in session.scalars(select(Pin).where(pins_of_archive.is_living(now_us)).order_by(Pin.begin_us)):
        span = PinSpan(pin.begin_us, pin.end_us, NEVER_US if pin.expires_us is None else pin.expires_us)
        found.pins.setdefault(pin.source_id, []).append(span)
    for source_id, run_id in session.execute(select(Run.source_id, Run.id).where(Run.clock == "unset")):
        found.unset_runs.setdefault(source_id, []).append(run_id)
    cells = select(Coverage.source_id, Coverage.cell, Coverage.revision).where(Coverage.level == 0)
    for source_id, day, revision in session.execute(cells.order_by(Coverage.source_id, Coverage.cell)):
        found.days.setdefault(source_id, {})[day] = revision
    if any(rule.scope == "tag" for rule in rules):
        columns = select(Record.source_id, Record.begin_us, Record.end_us, Record.tag_id)
        for source_id, begin_us, end_us, tag_id in session.execute(columns.where(Record.deleted_us.is_(None))):
            item = Held(begin_us, FOR_EVER_US if end_us is None else end_us, tag_id)
            if item.begin_us < item.end_us:
                found.records.setdefault(source_id, []).append(item)
    return found


def read_rules(session: AnySession, proposed: Rule | None = None) -> list[Rule]:
    """Return all rules, with the names of what they are of; last the one that is proposed, in the place of its own."""
    query = (
        select(RetentionRule, Group.name, Tag.name)
        .outerjoin(Group, Group.id == RetentionRule.group_id)
        .outerjoin(Tag, Tag.id == RetentionRule.tag_id)
        .order_by(RetentionRule.created_us, RetentionRule.id)
    )
    rules = [rule_of(row, group or tag) for row, group, tag in session.execute(query)]
    return rules if proposed is None else [*(rule for rule in rules if rule.id != proposed.id), proposed]


def rule_of(row: RetentionRule, name: str | None) -> Rule:
    """Return the row of a rule as what is judged by; `name` is that of its group or tag."""
    target = row.group_id or row.tag_id or row.source_id
    shown = name or ("" if target is None else str(target))
    return Rule(row.id, row.scope, target, shown, row.min_age_s, row.max_age_s, row.min_bytes, row.max_bytes)


ROWS = PIECES.add_columns(Segment.state)


def read_day(session: AnySession, keeping: Keeping, source_id: int, day: int) -> Rows:
    """Return the segments of a source that start on a day."""
    span = (Segment.source_id == source_id, Segment.start_us >= day * DAY_US, Segment.start_us < (day + 1) * DAY_US)
    found = session.execute(ROWS.where(*span, Segment.state != OPEN)).all()
    return as_rows(session, keeping, source_id, found)


def as_rows(session: AnySession, keeping: Keeping, source_id: int, found: Sequence[Any]) -> Rows:
    """Return what a statement of ROWS has found of a source."""
    pieces = [Piece(*row[:5]) for row in found]
    starts = np.array([piece.start_us for piece in pieces], np.int64)
    ends = np.maximum(np.array([piece.end_us for piece in pieces], np.int64), starts + 1)
    sizes = np.array([row.size_bytes if row.state == CLOSED else 0 for row in found], np.int64)
    dated = np.ones(len(pieces), np.bool_)
    if pieces and (unset := keeping.unset_runs.get(source_id)):
        undated = select(Segment.start_us).where(
            Segment.source_id == source_id,
            Segment.start_us >= pieces[0].start_us,
            Segment.start_us <= pieces[-1].start_us,
            Segment.run_id.in_(unset),
        )
        dated = ~np.isin(starts, np.array(session.scalars(undated).all(), np.int64))
    return Rows(pieces, Footage(starts, ends, dated), sizes)


class Day(NamedTuple):
    """What the segments of a camera-day come to: when the first is due by age, and bytes by rule."""

    key: tuple[object, ...]
    due_us: int
    by_rule: dict[tuple[str, str], int]


class Sums(Protocol):
    """Knows what camera-days come to."""

    def of(self, session: AnySession, keeping: Keeping, source_id: int, day: int) -> Day:
        """Return what a camera-day comes to."""

    def rows(self, session: AnySession, keeping: Keeping, source_id: int, day: int) -> Rows:
        """Return the segments of a camera-day."""


class Days:
    """Remembers what camera-days come to. Used by one thread."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, int], Day] = {}

    def of(self, session: AnySession, keeping: Keeping, source_id: int, day: int) -> Day:
        """Return what a camera-day comes to; read where it is not known, or no longer."""
        edges = edges_of(day)
        held, pins = keeping.held(source_id, *edges), keeping.pins_near(source_id, *edges)
        deciding = (tuple(keeping.rules), keeping.groups.get(source_id), tuple(held), tuple(pins))
        key = (keeping.days[source_id][day], hash(deciding), len(keeping.unset_runs.get(source_id, ())))
        known = self._known.get((source_id, day))
        if known is None or known.key != key:
            known = self._known[source_id, day] = sum_up(
                keeping, key, source_id, read_day(session, keeping, source_id, day)
            )
        return known

    def rows(self, session: AnySession, keeping: Keeping, source_id: int, day: int) -> Rows:
        """Return the segments of a camera-day: they are not remembered."""
        return read_day(session, keeping, source_id, day)

    def forget_others(self, keeping: Keeping) -> None:
        """Forget days that are no more."""
        self._known = {key: day for key, day in self._known.items() if key[1] in keeping.days.get(key[0], {})}


def sum_up(keeping: Keeping, key: tuple[object, ...], source_id: int, rows: Rows) -> Day:
    """Return what the segments of a camera-day come to."""
    by_rule = {
        (limit, rule.id): int(rows.sizes[mask].sum())
        for limit in ("min_bytes", "max_bytes")
        for rule, mask in keeping.limits(limit, source_id, rows)
    }
    return Day(key, _due_us(keeping, source_id, rows), by_rule)


def _due_us(keeping: Keeping, source_id: int, rows: Rows) -> int:
    """Return when the first segment of a day is beyond its maximal age, out of its minimal age, and not pinned."""
    footage = rows.footage
    due = np.full(len(footage.starts), NEVER_US, np.int64)
    for rule, mask in keeping.limits("max_age_s", source_id, rows):
        due = np.where(mask & footage.dated, footage.ends + (rule.max_age_s or 0) * S_US, due)
    for rule, mask in keeping.limits("min_age_s", source_id, rows):
        due = np.where(mask, np.maximum(due, footage.ends + (rule.min_age_s or 0) * S_US), due)
    for pin in keeping.pins_near(source_id, *rows.edges):
        mask = overlap(footage.starts, footage.ends, [(pin.begin_us, pin.end_us)])
        due = np.where(mask, np.maximum(due, pin.expires_us), due)
    return int(due.min()) if len(due) else NEVER_US


def walk(keeping: Keeping, *, is_backwards: bool = False) -> Iterator[tuple[int, list[int]]]:
    """Yield each day with footage, the oldest first, and the sources that have any."""
    by_day: dict[int, list[int]] = {}
    for source_id, days in keeping.days.items():
        for day in days:
            by_day.setdefault(day, []).append(source_id)
    for day in sorted(by_day, reverse=is_backwards):
        yield day, sorted(by_day[day])


def find_boundaries(session: AnySession, keeping: Keeping, days: Sums) -> dict[str, Boundary]:
    """Return for each rule with min_bytes from where on footage is among the newest bytes that it keeps."""
    return {rule.id: _boundary(session, keeping, days, rule) for rule in keeping.rules if rule.min_bytes is not None}


def _boundary(session: AnySession, keeping: Keeping, days: Sums, rule: Rule) -> Boundary:
    newer, least = 0, rule.min_bytes or 0
    if least <= 0:
        return Boundary(NEVER_US, 0)
    for day, source_ids in walk(keeping, is_backwards=True):
        sums = {source_id: days.of(session, keeping, source_id, day).by_rule for source_id in source_ids}
        total = sum(found.get(("min_bytes", rule.id), 0) for found in sums.values())
        if newer + total >= least:
            owners = [source_id for source_id, found in sums.items() if ("min_bytes", rule.id) in found]
            rows = {source_id: days.rows(session, keeping, source_id, day) for source_id in owners}
            return _within(keeping, rule, rows, least - newer)
        newer += total
    return NOWHERE


def _within(keeping: Keeping, rule: Rule, rows: Mapping[int, Rows], least: int) -> Boundary:
    """Return the oldest segment of a day, of the sources given, that is needed for `least` bytes from its end on."""
    newer = 0
    for start_us, source_id, size in sorted(_members(keeping, rule, rows), reverse=True):
        newer += size
        if newer >= least:
            return Boundary(start_us, source_id)
    return NOWHERE


def _members(keeping: Keeping, rule: Rule, rows: Mapping[int, Rows]) -> Iterator[tuple[int, int, int]]:
    """Yield start, source and bytes on disk of the segments that a rule's minimum of bytes holds for."""
    for source_id, found in rows.items():
        for one, mask in keeping.limits("min_bytes", source_id, found):
            if one.id == rule.id:
                for number in np.flatnonzero(mask).tolist():
                    yield found.pieces[number].start_us, source_id, int(found.sizes[number])
