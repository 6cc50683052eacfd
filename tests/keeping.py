"""Rows of footage without files, fast, for tests of what is kept; and a plain model of the rules to judge by."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from flask import Flask

from app.archive import coverage
from app.archive.believing import this_host
from app.archive.places import DAY_US
from app.archive.ruling import LIMITS, Rule
from app.archive.storages import open_storage
from app.extensions import AnySession, writing
from app.models import Group, Pin, Record, RetentionMark, RetentionRule, Run, Segment, Source, Tag
from app.models.segment import CLOSED

S = 1_000_000


@dataclass(frozen=True)
class Part:
    """One segment of the model."""

    source_id: int
    start_us: int
    end_us: int
    size_bytes: int
    dated: bool = True


def add_footage(app: Flask, parts: Sequence[Part], storage_id: str | None = None) -> None:
    """Put closed segments in the database, each source's in one run; those not dated in a run of an unset clock."""
    with app.app_context():
        place = storage_id or open_storage(app.config["PLAYBACK"]).id
        with writing() as session:
            runs: dict[tuple[int, bool], str] = {}
            for number, part in enumerate(parts):
                if session.get(Source, part.source_id) is None:
                    session.add(Source(id=part.source_id, model="Source", uri_rtsp="rtsp://127.0.0.1:1/none"))
                    session.flush()
                key = (part.source_id, part.dated)
                if key not in runs:
                    runs[key] = str(uuid.uuid4())
                    clock = "ok" if part.dated else "unset"
                    run = Run(id=runs[key], source_id=part.source_id, anchor_us=0, begin_us=part.start_us, clock=clock)
                    session.add(run)
                    session.flush()
                columns = {"source_id": part.source_id, "start_us": part.start_us, "end_us": part.end_us}
                session.add(
                    Segment(
                        **columns,
                        id=str(uuid.uuid4()),
                        run_id=runs[key],
                        sequence=number,
                        storage_id=place,
                        state=CLOSED,
                        size_bytes=part.size_bytes,
                    )
                )
            session.flush()
            for source_id, day in {(part.source_id, part.start_us // DAY_US) for part in parts}:
                coverage.recount(session, source_id, day * DAY_US)


def add_held(app: Flask, source_id: int, tag: str, begin_us: int, end_us: int | None) -> str:
    """Add a record under a tag; return its id."""
    with app.app_context(), writing() as session:
        row = session.query(Tag).filter_by(name=tag).one_or_none() or Tag(name=tag)
        session.add(row)
        session.flush()
        record = Record(source_id=source_id, tag_id=row.id, begin_us=begin_us, end_us=end_us)
        session.add(record)
        session.flush()
        return record.id


# --- the model: the words of docs/design/retention.md, segment by segment ----------------------------------


@dataclass
class World:
    """Everything that decides, as plain lists."""

    parts: list[Part]
    rules: list[Rule]
    groups: dict[int, set[str]]
    records: list[tuple[int, int, int, str]]  # source, begin, end, tag
    pins: list[tuple[int, int, int]]  # source, begin, end
    now_us: int

    def rule_of(self, part: Part, limit: str) -> Rule | None:
        """Return the rule whose limit holds for a segment."""
        assert limit in LIMITS
        tags = [
            tag
            for source_id, begin, end, tag in self.records
            if source_id == part.source_id and begin < end and begin < part.end_us and end > part.start_us
        ]
        candidates = [self._resolve(part.source_id, limit, tag) for tag in tags]
        return self._most(limit, candidates or [self._resolve(part.source_id, limit, None)])

    def _resolve(self, source_id: int, limit: str, tag: str | None) -> Rule | None:
        for scope in ("source", "tag", "group", "all"):
            found = [
                rule
                for rule in self.rules
                if rule.scope == scope
                and rule.limit(limit) is not None
                and (
                    scope == "all"
                    or (scope == "source" and rule.target == source_id)
                    or (scope == "tag" and rule.target == tag)
                    or (scope == "group" and rule.target in self.groups.get(source_id, ()))
                )
            ]
            if found:
                return self._most(limit, found)
        return None

    def _most(self, limit: str, rules: Sequence[Rule | None]) -> Rule | None:
        if limit.startswith("max") and None in rules:
            return None
        named = [rule for rule in rules if rule is not None]
        return max(named, key=lambda rule: (rule.limit(limit), rule.id)) if named else None

    def newest_bytes(self, part: Part) -> bool:
        """Tell whether a segment is among the newest bytes that its rule keeps."""
        rule = self.rule_of(part, "min_bytes")
        if rule is None:
            return False
        key = (part.start_us, part.source_id)
        newer = sum(
            other.size_bytes
            for other in self.parts
            if (other.start_us, other.source_id) > key and self.rule_of(other, "min_bytes") == rule
        )
        return newer < (rule.min_bytes or 0)

    def is_pinned(self, part: Part) -> bool:
        """Tell whether a pin touches a segment."""
        return any(
            source_id == part.source_id and begin < part.end_us and end > part.start_us
            for source_id, begin, end in self.pins
        )

    def grade(self, part: Part) -> int:
        """Return 0 expired, 1 plain, 2 of an unset clock, 3 within a minimum, 4 pinned."""
        if self.is_pinned(part):
            return 4
        age_s = (self.now_us - part.end_us) / S
        least, most = self.rule_of(part, "min_age_s"), self.rule_of(part, "max_age_s")
        if self.newest_bytes(part) or (part.dated and least is not None and age_s < (least.min_age_s or 0)):
            return 3
        if not part.dated:
            return 2
        return 0 if most is not None and age_s >= (most.max_age_s or 0) else 1


def put_world(app: Flask, world: World) -> None:
    """Put the rules, groups, records and pins of a world into the database, and believe in its time."""
    with app.app_context(), writing() as session:
        _put_targets(session, world)
        for rule in world.rules:
            target = {f"{rule.scope}_id": rule.target} if rule.scope != "all" else {}
            limits = {limit: rule.limit(limit) for limit in LIMITS}
            session.add(RetentionRule(id=rule.id, scope=rule.scope, actor="test", **target, **limits))
        for source_id, begin_us, end_us, tag in world.records:
            session.add(Record(source_id=source_id, tag_id=tag, begin_us=begin_us, end_us=end_us))
        for source_id, begin_us, end_us in world.pins:
            session.add(Pin(source_id=source_id, begin_us=begin_us, end_us=end_us, owner="me", reason="why"))
        if world.now_us:
            host = this_host()
            mark = session.get(RetentionMark, host.id) or RetentionMark(host_id=host.id)
            mark.boot_id, mark.booted_us, mark.believed_us = host.boot_id, host.booted_us, world.now_us
            session.add(mark)


def _put_targets(session: AnySession, world: World) -> None:
    """Make the sources, tags and groups that a world speaks of."""

    def named(scope: str) -> set[str]:
        return {str(rule.target) for rule in world.rules if rule.scope == scope}

    numbers = {int(name) for name in named("source")} | {row[0] for row in (*world.records, *world.pins)}
    for number in sorted(numbers):
        if session.get(Source, number) is None:
            session.add(Source(id=number, model="Source", uri_rtsp="rtsp://127.0.0.1:1/none"))
            session.flush()
    for name in sorted(named("tag") | {row[3] for row in world.records}):
        if session.get(Tag, name) is None:
            session.add(Tag(id=name, name=name))
    for name in sorted(named("group").union(*world.groups.values())):
        members = [session.get(Source, number) for number, groups in world.groups.items() if name in groups]
        session.add(Group(id=name, name=name, model="Source", sources=[one for one in members if one is not None]))
    session.flush()
