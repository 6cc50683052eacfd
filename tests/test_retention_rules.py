"""Which rule holds for which footage: the numbers against a plain model of the words, for random worlds."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.archive.ruling import PINNED, Boundary, Footage, Held, Rule, SourceRules, in_units
from tests.keeping import Part, S, World

NOW_US = 1_790_000_000 * S  # behind the clock: time is believed to be what it says, at most
GROUPS, TAGS, SOURCES = ("g1", "g2"), ("t1", "t2", "t3"), (1, 2)
AGES = st.one_of(st.none(), st.integers(0, 60))
BYTES = st.one_of(st.none(), st.integers(0, 40))


def ordered(least: int | None, most: int | None) -> tuple[int | None, int | None]:
    """Return a minimum and a maximum that are not above one another."""
    return (most, least) if least is not None and most is not None and least > most else (least, most)


@st.composite
def rules(draw: st.DrawFn) -> list[Rule]:
    """Return rules, at most one of each scope and target."""
    targets = [("all", None), *(("group", name) for name in GROUPS), *(("tag", name) for name in TAGS)]
    chosen = draw(st.lists(st.sampled_from([*targets, *(("source", number) for number in SOURCES)]), unique=True))
    found = []
    for number, (scope, target) in enumerate(chosen):
        limits = [value for each in (AGES, BYTES) for value in ordered(draw(each), draw(each))]
        found.append(Rule(f"r{number}", scope, target, str(target or ""), *limits))
    return found


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Return footage of two sources, with everything that decides over it."""
    parts = []
    for source_id in SOURCES:
        starts = sorted(draw(st.sets(st.integers(0, 60), max_size=8)))
        for number, start in enumerate(starts):
            longest = (starts[number + 1] if number + 1 < len(starts) else 62) - start
            end = start + draw(st.integers(1, max(longest, 1)))
            size, dated = draw(st.integers(1, 9)), draw(st.sampled_from((True, True, True, False)))
            parts.append(Part(source_id, NOW_US + (start - 60) * S, NOW_US + (end - 60) * S, size, dated))
    spans = st.tuples(st.integers(-62, 4), st.integers(0, 20))
    records = [
        (source_id, NOW_US + begin * S, NOW_US + (begin + length) * S, tag)
        for source_id, (begin, length), tag in draw(
            st.lists(st.tuples(st.sampled_from(SOURCES), spans, st.sampled_from(TAGS)), max_size=8)
        )
    ]
    pins = [
        (source_id, NOW_US + begin * S, NOW_US + (begin + length + 1) * S)
        for source_id, (begin, length) in draw(st.lists(st.tuples(st.sampled_from(SOURCES), spans), max_size=2))
    ]
    groups = {source_id: draw(st.sets(st.sampled_from(GROUPS))) for source_id in SOURCES}
    return World(parts, draw(rules()), groups, records, pins, NOW_US)


def arrays(parts: list[Part]) -> Footage:
    """Return segments as the archive judges them."""
    starts, ends = ([getattr(part, name) for part in parts] for name in ("start_us", "end_us"))
    dated = np.array([part.dated for part in parts], np.bool_)
    return Footage(np.array(starts, np.int64), np.array(ends, np.int64), dated)


def of_source(world: World, source_id: int) -> tuple[list[Part], SourceRules, list[Held]]:
    mine = [part for part in world.parts if part.source_id == source_id]
    held = [Held(begin, end, tag) for owner, begin, end, tag in world.records if owner == source_id]
    return mine, SourceRules(world.rules, source_id, frozenset(world.groups[source_id])), held


@settings(max_examples=150, deadline=None)
@given(worlds())
def test_each_limit_has_the_rule_that_the_words_say(world: World) -> None:
    for source_id in SOURCES:
        mine, source_rules, held = of_source(world, source_id)
        footage = arrays(mine)
        for limit in ("min_age_s", "max_age_s", "min_bytes", "max_bytes"):
            found = source_rules.judge(limit, footage.starts, footage.ends, held)
            named = [next((rule for rule, mask in found if mask[number]), None) for number in range(len(mine))]
            assert named == [world.rule_of(part, limit) for part in mine]
            assert all(sum(bool(mask[number]) for _, mask in found) <= 1 for number in range(len(mine)))


@settings(max_examples=150, deadline=None)
@given(worlds())
def test_each_segment_is_as_well_protected_as_the_words_say(world: World) -> None:
    edges = {}
    for rule in world.rules:
        newest = [part for part in world.parts if world.rule_of(part, "min_bytes") == rule and world.newest_bytes(part)]
        first = min(((part.start_us, part.source_id) for part in newest), default=(2**62, 0))
        edges[rule.id] = Boundary(*first)
    for source_id in SOURCES:
        mine, source_rules, held = of_source(world, source_id)
        pins = [(begin, end) for owner, begin, end in world.pins if owner == source_id]
        grades = arrays(mine).judge((source_id, source_rules), held, pins, edges, world.now_us)
        assert grades.tolist() == [world.grade(part) for part in mine]


def test_nothing_but_a_pin_is_above_a_minimum() -> None:
    part = Part(1, NOW_US - 10 * S, NOW_US - 5 * S, 1)
    world = World([part], [Rule("r", "all", min_age_s=60)], {}, [], [], NOW_US)
    assert world.grade(part) == PINNED - 1
    assert dataclasses.replace(world, pins=[(1, NOW_US - 6 * S, NOW_US)]).grade(part) == PINNED


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (Rule("r", "tag", "t", "night", max_age_s=7 * 86_400), "max_age of tag night: 7 d"),
        (Rule("r", "all", max_age_s=90), "max_age of all: 1.5 min"),
        (Rule("r", "tag", "t", "n" * 255, max_age_s=3600), f"max_age of tag {'n' * 43}…: 1 h"),
    ],
    ids=["tag", "all", "long"],
)
def test_a_rule_is_written_down_in_at_most_64_characters(rule: Rule, words: str) -> None:
    assert rule.words("max_age_s") == words
    assert len(words) <= 64


def test_values_are_told_in_units() -> None:
    assert in_units(1_500_000_000, (("GB", 10**9), ("B", 1))) == "1.5 GB"
    assert in_units(0, (("d", 86_400), ("s", 1))) == "0 s"
    assert in_units(10**15, (("GB", 10**9), ("B", 1))) == "1000000 GB"
