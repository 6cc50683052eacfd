"""Which rule of retention holds for which footage: pure, of numbers, without a database (docs/design/retention.md).

A rule is of all sources, of a group, a tag or a source, and has up to four limits. For each limit on its own the more
specific scope wins: source, then tag, group, all. Of several groups, and of several records that hold one segment, the
rule counts that keeps more. A record under a tag without a limit has that of its source's groups, or of all: so a tag
that is kept for ever is not cut by another one.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

SCOPES = ("source", "tag", "group", "all")  # from the most to the least specific
LIMITS = ("min_age_s", "max_age_s", "min_bytes", "max_bytes")
S_US = 1_000_000
SPARE_SHARE = 100  # of a limit of bytes, this part is freed beyond it: else each pass would delete one file
RULE_LENGTH = 64  # of Deletion.rule
UNITS = (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1))
BYTE_UNITS = (("TB", 10**12), ("GB", 10**9), ("MB", 10**6), ("kB", 1000), ("B", 1))


class Rule(NamedTuple):
    """A rule: its scope, what it is of (None for all), its name for people, and its limits; None for none."""

    id: str
    scope: str
    target: str | int | None = None
    name: str = ""
    min_age_s: int | None = None
    max_age_s: int | None = None
    min_bytes: int | None = None
    max_bytes: int | None = None

    def limit(self, name: str) -> int | None:
        """Return one of its limits."""
        value: int | None = getattr(self, name)
        return value

    def words(self, limit: str) -> str:
        """Return a limit of it as deletions are written down: `max_age of tag night: 7 d`, of 64 characters at most."""
        value = in_units(self.limit(limit) or 0, UNITS if limit.endswith("_s") else BYTE_UNITS)
        before, after = f"{limit.removesuffix('_s')} of {self.scope}", f": {value}"
        room = RULE_LENGTH - len(before) - len(after) - 1
        name = self.name if len(self.name) <= room else f"{self.name[: room - 1]}…"
        return f"{before} {name}{after}" if name else f"{before}{after}"


def in_units(value: int, units: Sequence[tuple[str, int]]) -> str:
    """Return a value in the greatest unit in which it is at least 1, with three figures: `7 d`, `1.5 GB`."""
    name, unit = next((entry for entry in units if value >= entry[1]), units[-1])
    return f"{value / unit:.3g} {name}" if value < 1000 * unit else f"{value // unit} {name}"


class Held(NamedTuple):
    """A record that holds footage of a source: [begin_us, end_us), and its tag."""

    begin_us: int
    end_us: int
    tag_id: str


class SourceRules:
    """The rules of one source."""

    def __init__(self, rules: Sequence[Rule], source_id: int, group_ids: frozenset[str]) -> None:
        self._source = [rule for rule in rules if rule.scope == "source" and rule.target == source_id]
        self._tags = {str(rule.target): rule for rule in rules if rule.scope == "tag"}
        groups = [rule for rule in rules if rule.scope == "group" and rule.target in group_ids]
        self._wide = (groups, [rule for rule in rules if rule.scope == "all"])

    def resolve(self, limit: str, tag_id: str | None) -> Rule | None:
        """Return the rule whose `limit` holds for what is recorded under a tag; None where none has one."""
        tag = self._tags.get(tag_id) if tag_id is not None else None
        for level in (self._source, [tag] if tag is not None else [], *self._wide):
            having = [rule for rule in level if rule.limit(limit) is not None]
            if having:
                return keeping_most(limit, having)
        return None

    def choose(self, limit: str, tag_ids: Sequence[str]) -> Rule | None:
        """Return the rule whose `limit` holds for footage that records under these tags hold."""
        found = [self.resolve(limit, tag_id) for tag_id in tag_ids] or [self.resolve(limit, None)]
        return keeping_most(limit, found)

    def judge(self, limit: str, starts: Ints, ends: Ints, held: Sequence[Held]) -> list[tuple[Rule, Mask]]:
        """Return the rules whose `limit` holds for any of these segments of the source, each with a mask of which."""
        by_rule: dict[Rule | None, list[Held]] = {}
        for item in held:
            by_rule.setdefault(self.resolve(limit, item.tag_id), []).append(item)
        left = np.ones(len(starts), np.bool_)
        found = []
        for rule in sorted(by_rule, key=lambda rule: _keeps(limit, rule), reverse=True):
            mask = left & overlap(starts, ends, [(item.begin_us, item.end_us) for item in by_rule[rule]])
            left &= ~mask
            found.append((rule, mask))
        found.append((self.resolve(limit, None), left))
        joined: dict[Rule, Mask] = {}
        for rule, mask in found:
            if rule is not None and mask.any():
                joined[rule] = joined[rule] | mask if rule in joined else mask
        return list(joined.items())


def keeping_most(limit: str, rules: Sequence[Rule | None]) -> Rule | None:
    """Return the rule, or none, that keeps most by one limit."""
    return max(rules, key=lambda rule: _keeps(limit, rule))


def _keeps(limit: str, rule: Rule | None) -> tuple[float, str]:
    """Return what sorts by how much is kept: without a minimum nothing, without a maximum everything."""
    value = rule.limit(limit) if rule is not None else None
    if rule is None or value is None:
        return (-1.0 if limit.startswith("min") else float("inf")), ""
    return float(value), rule.id


def overlap(starts: Ints, ends: Ints, spans: Sequence[tuple[int, int]]) -> Mask:
    """Tell for each segment [start, end) whether it overlaps any of the spans [begin, end), which come in any order."""
    edges = np.array(sorted(span for span in spans if span[0] < span[1]), np.int64).reshape(-1, 2)
    if not len(edges):
        return np.zeros(len(starts), np.bool_)
    latest = np.maximum.accumulate(edges[:, 1])
    # Of the spans that begin before its end: does the one that ends last end after its begin?
    number = np.searchsorted(edges[:, 0], ends, side="left")
    return (number > 0) & (latest[np.maximum(number - 1, 0)] > starts)


class Boundary(NamedTuple):
    """From here on, by start and then source, footage is among the newest bytes that a rule keeps."""

    start_us: int
    source_id: int


# How well footage is protected, from what goes first to what never goes.
EXPIRED, PLAIN, UNDATED, MINIMAL, PINNED = range(5)


class Footage(NamedTuple):
    """Segments of one source by start; not dated where the clock was not set. A missing file has a length of 1."""

    starts: Ints
    ends: Ints
    dated: Mask

    def judge(
        self,
        source: tuple[int, SourceRules],
        held: Sequence[Held],
        pins: Sequence[tuple[int, int]],
        boundaries: Mapping[str, Boundary],
        now_us: int,
    ) -> npt.NDArray[np.int8]:
        """Return for each segment how well it is protected: EXPIRED to PINNED.

        `source` is its id with its rules; `boundaries` are those of the rules with min_bytes.
        """
        source_id, rules = source
        expired, minimal = (np.zeros(len(self.starts), np.bool_) for _ in range(2))
        for rule, mask in rules.judge("max_age_s", self.starts, self.ends, held):
            expired |= mask & (self.ends <= now_us - (rule.max_age_s or 0) * S_US)
        for rule, mask in rules.judge("min_age_s", self.starts, self.ends, held):
            minimal |= mask & (self.ends > now_us - (rule.min_age_s or 0) * S_US)
        expired, minimal = expired & self.dated, minimal & self.dated
        for rule, mask in rules.judge("min_bytes", self.starts, self.ends, held):
            edge = boundaries.get(rule.id)
            if edge is not None:
                is_beside = source_id >= edge.source_id
                minimal |= mask & ((self.starts > edge.start_us) | ((self.starts == edge.start_us) & is_beside))
        grades = np.where(self.dated, np.where(expired, EXPIRED, PLAIN), UNDATED)
        grades = np.where(minimal, MINIMAL, grades)
        return np.where(overlap(self.starts, self.ends, pins), PINNED, grades).astype(np.int8)
