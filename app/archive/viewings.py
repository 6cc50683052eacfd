"""Who looks at what: requests, of which a player makes many, joined into viewings.

A viewing is one caller and one camera without a pause of PAUSE_US, of at most LONGEST_US; then a new one begins. It has
the spans of footage that were asked for. Spans that touch are one; of more than MOST_SPANS the two nearest are told as
one, so that nothing that was seen is ever left out. All of it lies in memory, of bounded size, and is written by a
thread of its own (app/archive/viewwriter.py).
"""

import itertools
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from app.archive.auditing import BY
from app.instants import utc_text
from app.models.types import new_uuid

PAUSE_US = 60_000_000
LONGEST_US = 15 * 60_000_000
TOUCH_US = 1_000_000
MOST_SPANS = 32
MOST_OPEN = 10_000  # viewings of a process; what comes beyond is counted
FURTHER = "watch.further"
SEVERAL = "several"


class Look(NamedTuple):
    """One look: who, in which way and from where, and what at. `what` is a word for the kind of media."""

    actor: str
    by: tuple[tuple[str, str], ...]
    action: str
    subject: str
    source_id: int | None
    what: str


@dataclass(slots=True)
class Viewing:
    """What one caller looks at; `spans` of footage rise, and do not touch."""

    id: str
    look: Look
    begun_us: int
    seen_us: int
    spans: list[tuple[int, int]] = field(default_factory=list)
    whats: Counter[str] = field(default_factory=Counter)
    is_changed: bool = True

    def add(self, what: str, span: tuple[int, int] | None, at_us: int) -> None:
        """Take in a look."""
        self.whats[what] += 1
        self.seen_us, self.is_changed = max(self.seen_us, at_us), True
        if span is not None:
            self.spans = joined(self.spans, span)

    def detail(self) -> dict[str, object]:
        """Return what is written down of it: the footage, and when it was looked at."""
        told: dict[str, object] = {
            "from_utc": utc_text(self.begun_us),
            "until_utc": utc_text(self.seen_us),
            "requests": dict(sorted(self.whats.items())),
            BY: dict(self.look.by),
        }
        if self.spans:
            told["begin_utc"], told["end_utc"] = utc_text(self.spans[0][0]), utc_text(self.spans[-1][1])
        if len(self.spans) > 1:
            told["spans"] = [[utc_text(begin), utc_text(end)] for begin, end in self.spans]
        return told


class Due(NamedTuple):
    """What is to be written: viewings that are new or have changed, those that have ended, looks that had no room."""

    changed: list[Viewing]
    ended: list[Viewing]
    further: int


class Viewings:
    """The viewings of one process; used by its threads."""

    def __init__(self, most: int = MOST_OPEN) -> None:
        """Hold nothing yet."""
        self._most = most
        self._open: dict[Look, Viewing] = {}
        self._ended: list[Viewing] = []
        self._further = 0
        self._lock = threading.Lock()

    def note(self, look: Look, span: tuple[int, int] | None, at_us: int) -> None:
        """Take in a look at footage of [begin, end), None where it has no time."""
        key = look._replace(what="")
        with self._lock:
            found = self._open.get(key)
            if found is not None and _is_over(found, at_us):
                self._ended.append(self._open.pop(key))
                found = None
            if found is None:
                if len(self._open) + len(self._ended) >= self._most:
                    self._further += 1
                    return
                found = self._open[key] = Viewing(new_uuid(), key, at_us, at_us)
            found.add(look.what, span, at_us)

    def take(self, at_us: int, *, is_end: bool = False) -> Due:
        """Return what is to be written now. What could not be written is given back by `give_back`."""
        with self._lock:
            over = [key for key, viewing in self._open.items() if is_end or _is_over(viewing, at_us)]
            ended = [*self._ended, *(self._open.pop(key) for key in over)]
            changed = [viewing for viewing in self._open.values() if viewing.is_changed]
            for viewing in changed:
                viewing.is_changed = False
            further, self._ended, self._further = self._further, [], 0
        return Due(changed, ended, further)

    def give_back(self, due: Due) -> None:
        """Take back what could not be written: it is due again."""
        with self._lock:
            self._ended[:0] = due.ended
            self._further += due.further
            for viewing in due.changed:
                viewing.is_changed = True

    @property
    def is_idle(self) -> bool:
        """Tell whether there is nothing that will ever have to be written."""
        with self._lock:
            return not (self._open or self._ended or self._further)


def _is_over(viewing: Viewing, at_us: int) -> bool:
    return at_us - viewing.seen_us > PAUSE_US or at_us - viewing.begun_us > LONGEST_US or at_us < viewing.begun_us


def joined(spans: list[tuple[int, int]], new: tuple[int, int]) -> list[tuple[int, int]]:
    """Return the spans with a new one: those that touch it are one with it."""
    begin, end = new
    if spans and spans[-1][0] <= begin and end <= spans[-1][1]:
        return spans
    apart = [span for span in spans if span[1] + TOUCH_US < begin or end + TOUCH_US < span[0]]
    touching = [span for span in spans if span not in apart]
    whole = (min([begin, *(span[0] for span in touching)]), max([end, *(span[1] for span in touching)]))
    found = sorted([*apart, whole])
    while len(found) > MOST_SPANS:
        gaps = [after[0] - before[1] for before, after in itertools.pairwise(found)]
        at = gaps.index(min(gaps))
        found[at : at + 2] = [(found[at][0], found[at + 1][1])]
    return found


def further_detail(count: int) -> Mapping[str, Any]:
    """Return what is written down of looks for which there was no room."""
    return {"further": count}
