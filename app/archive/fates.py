"""What becomes of the footage of camera-days, by sums, without reading a year of footage file by file.

Triggers keep the bytes of each camera, storage and day (`kept_day`). They are taken as one where all files of a day
have one fate: the same rules hold for them, and they are protected alike. That is tried on files that never were: one
at each end of the day, and at each edge of a record or a pin one on each side, where there is footage, and one over it
that is as long and as young as a file there can be. Days that an age, a pin, an unset clock, a limit of bytes or
records of other rules cut are read, at most MOST_DAYS of them.
"""

import itertools
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from sqlalchemy import func, select

from app.archive.coverage import DAY, from_bytes
from app.archive.keeping import Day, Keeping, Rows, edges_of, read_day, sum_up
from app.archive.places import DAY_US
from app.archive.ruling import Boundary, Footage, Ints, Mask, Rule
from app.extensions import AnySession
from app.models import Coverage, KeptDay, Run, Segment
from app.models.segment import MAX_SEGMENT_US

MOST_DAYS = 512  # read for one answer
MOST_EDGES = 64  # of records and pins within a day: one with more is read
TRIED = ("max_age_s", "max_bytes", "min_bytes")
CameraDay = tuple[int, int]  # source and day


class TooDear(Exception):
    """To tell it, too many days would have to be read."""


class Sum(NamedTuple):
    """The bytes of a camera-day: all, and those in storages that are there."""

    all_bytes: int
    there_bytes: int


class _Tried(NamedTuple):
    """Files of one source that never were, by day, each day with two at least.

    `rules` has for each limit the place of the rule that holds, -1 for none; `is_whole` tells of days that were tried
    at all their edges.
    """

    days: list[int]
    firsts: Ints  # of each day the place of its first file
    footage: Footage
    rules: dict[str, Ints]
    is_whole: list[bool]

    def has(self, limit: str, place: int, number: int) -> bool:
        """Tell whether a rule holds for any file of the day of this number."""
        first, after = self.span(number)
        return bool((self.rules[limit][first:after] == place).any())

    def span(self, number: int) -> tuple[int, int]:
        """Return where the files of the day of this number lie."""
        after = self.firsts[number + 1] if number + 1 < len(self.firsts) else len(self.footage.starts)
        return int(self.firsts[number]), int(after)


def alike(values: Ints, firsts: Ints) -> Mask:
    """Tell of each day whether all its files have the same value."""
    same: Mask = np.minimum.reduceat(values, firsts) == np.maximum.reduceat(values, firsts)
    return same


class Fates:
    """What camera-days come to, by sums where that can be. For one answer, in one transaction."""

    def __init__(self, session: AnySession, keeping: Keeping, storage_ids: Collection[str]) -> None:
        self.keeping = keeping
        self._rows: dict[CameraDay, Rows] = {}
        self.sums = _read_sums(session, storage_ids)
        self._undated = _undated_days(session, keeping)
        days: dict[int, list[int]] = {}
        for source_id, day in sorted(self.sums):
            days.setdefault(source_id, []).append(day)
        edges = {key: self._edges(*key) for key in self.sums}
        spans = _read_spans(session) if any(edges.values()) else {}
        self._tried = {source_id: self._try(source_id, mine, edges, spans) for source_id, mine in days.items()}
        self._numbers = {(source_id, day): n for source_id, mine in days.items() for n, day in enumerate(mine)}

    def _edges(self, source_id: int, day: int) -> list[int]:
        """Return where within a day, and the longest file behind it, records and pins begin or end."""
        begin, end = edges_of(day)
        found = {at for one in self.keeping.held(source_id, begin, end) for at in (one.begin_us, one.end_us)}
        found |= {at for pin in self.keeping.pins_near(source_id, begin, end) for at in (pin.begin_us, pin.end_us)}
        return sorted(at for at in found if begin < at < end)

    def _try(
        self,
        source_id: int,
        days: list[int],
        edges: Mapping[CameraDay, Sequence[int]],
        spans: Mapping[CameraDay, bytes],
    ) -> _Tried:
        firsts: list[int] = []
        files: list[tuple[int, int]] = []
        is_whole = [len(edges[source_id, day]) <= MOST_EDGES for day in days]
        for day, is_tried in zip(days, is_whole, strict=True):
            firsts.append(len(files))
            inner = edges[source_id, day] if is_tried else ()
            files += _to_try(day, inner, spans.get((source_id, day), b""))
        starts, ends = np.array(files, np.int64).T
        footage = Footage(starts, ends, np.ones(len(starts), np.bool_))
        return _Tried(days, np.array(firsts, np.int64), footage, self._rules(source_id, footage), is_whole)

    def _rules(self, source_id: int, footage: Footage) -> dict[str, Ints]:
        """Return for each limit the places of the rules that hold."""
        places = {rule.id: number for number, rule in enumerate(self.keeping.rules)}
        held = self.keeping.held(source_id, int(footage.starts.min()), int(footage.ends.max()))
        found = {}
        for limit in TRIED:
            found[limit] = np.full(len(footage.starts), -1, np.int64)
            for rule, mask in self.keeping.rules_of(source_id).judge(limit, footage.starts, footage.ends, held):
                found[limit][mask] = places[rule.id]
        return found

    def rows(self, session: AnySession, keeping: Keeping, source_id: int, day: int) -> Rows:
        """Return the files of a camera-day; each is read once. Raises TooDear."""
        if (source_id, day) not in self._rows:
            if len(self._rows) >= MOST_DAYS:
                raise TooDear
            self._rows[source_id, day] = read_day(session, keeping, source_id, day)
        return self._rows[source_id, day]

    def of(self, session: AnySession, keeping: Keeping, source_id: int, day: int) -> Day:
        """Return how many bytes of each rule a camera-day has; when it is due is not asked here. Raises TooDear."""
        number = self._numbers.get((source_id, day))
        if number is None:  # nothing closed
            return Day((), 0, {})
        tried = self._tried[source_id]
        first, after = tried.span(number)
        places = np.unique(tried.rules["min_bytes"][first:after]).tolist()
        if len(places) > 1 or not tried.is_whole[number]:
            return sum_up(keeping, (), source_id, self.rows(session, keeping, source_id, day))
        rule = keeping.rules[places[0]] if places[0] >= 0 else None
        return Day((), 0, {} if rule is None else {("min_bytes", rule.id): self.sums[source_id, day].all_bytes})

    def judged(self, limit: str, rule: Rule, boundaries: dict[str, Boundary]) -> Iterator[tuple[CameraDay, int | None]]:
        """Yield the days that have footage for which a rule's limit holds, and how well it is protected.

        None: it differs within the day, or other rules hold for some of it, so that its files are to be read.
        """
        place = self.keeping.rules.index(rule)
        for source_id, tried in self._tried.items():
            grades = self._grades(source_id, tried, boundaries)
            is_one = alike(grades, tried.firsts) & alike(tried.rules[limit], tried.firsts)
            for number, day in enumerate(tried.days):
                if tried.is_whole[number] and not tried.has(limit, place, number):
                    continue
                is_plain = tried.is_whole[number] and is_one[number] and (source_id, day) not in self._undated
                yield (source_id, day), int(grades[tried.firsts[number]]) if is_plain else None

    def _grades(self, source_id: int, tried: _Tried, boundaries: dict[str, Boundary]) -> Ints:
        begin, end = int(tried.footage.starts.min()), int(tried.footage.ends.max())
        pins = [(pin.begin_us, pin.end_us) for pin in self.keeping.pins_near(source_id, begin, end)]
        source, held = (source_id, self.keeping.rules_of(source_id)), self.keeping.held(source_id, begin, end)
        return tried.footage.judge(source, held, pins, boundaries, self.keeping.now_us).astype(np.int64)


def _to_try(day: int, edges: Sequence[int], stored: bytes) -> list[tuple[int, int]]:
    """Return files [start, end) to try on a day, by its edges and the spans of its footage, if they are known."""
    begin, end = edges_of(day)
    cuts, spans = [begin, *edges, end], from_bytes(stored)
    found = [(edge - 1, min(edge + MAX_SEGMENT_US, end)) for edge in edges]
    for first, last in itertools.pairwise(cuts):
        if not edges or not len(spans) or ((spans[:, 0] < last) & (spans[:, 1] > first)).any():
            found += [(first, first + 1), (last - 1, last)]
    return found


def _read_sums(session: AnySession, storage_ids: Collection[str]) -> dict[CameraDay, Sum]:
    columns = select(KeptDay.source_id, KeptDay.storage_id, KeptDay.day, KeptDay.size_bytes)
    found: dict[CameraDay, Sum] = {}
    for source_id, storage_id, day, size in session.execute(columns):
        known = found.get((source_id, day), Sum(0, 0))
        there = size if storage_id in storage_ids else 0
        found[source_id, day] = Sum(known.all_bytes + size, known.there_bytes + there)
    return found


def _read_spans(session: AnySession) -> dict[CameraDay, bytes]:
    query = select(Coverage.source_id, Coverage.cell, Coverage.spans).where(Coverage.level == DAY.number)
    return {(source_id, day): spans for source_id, day, spans in session.execute(query)}


def _undated_days(session: AnySession, keeping: Keeping) -> set[CameraDay]:
    """Return the days that may have footage of an unset clock."""
    if not keeping.unset_runs:
        return set()
    ends = func.min(Segment.start_us), func.max(Segment.start_us)
    query = select(Segment.source_id, *ends).join(Run, Run.id == Segment.run_id).where(Run.clock == "unset")
    found = session.execute(query.group_by(Segment.source_id, Segment.run_id))
    return {(source_id, day) for source_id, first, last in found for day in range(first // DAY_US, last // DAY_US + 1)}
