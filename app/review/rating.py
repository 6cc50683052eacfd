"""The age rating that what was found needs, and whether the wanted audience has that age.

A row of the list names one or several ratings (`12+ / 16+`). How grave a finding is says which of them holds: mild the
first, severe the last, moderate the middle one, of two middle ones the higher. The file needs the highest of all.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

RATINGS = ("0+", "6+", "12+", "16+", "18+")
NO_RATING = "----"
NO_AGE, NOT_JUDGED = "None", "----"  # severities: nothing to object to; nobody has judged
FITS, TOO_YOUNG, UNKNOWN = "fits", "does_not_fit", "unknown"
RATING = re.compile(r"(?<!\d)(0|6|12|16|18)\s*\+")


@dataclass(frozen=True, slots=True)
class Judged:
    """One finding or comment: what it names and how grave it is; age and mark are those of its row of the list."""

    violation: str
    severity: str
    age: str | None = None
    mark: str | None = None
    is_known: bool = True


@dataclass(slots=True)
class Rating:
    """What is needed, and why. `unsure` are reasons that more may be needed than is known."""

    needed: str | None = None
    because: list[Judged] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    unsure: list[str] = field(default_factory=list)


def ratings_of(age: str | None) -> list[str]:
    """Return the ratings that a cell of the list names, the lowest first."""
    found = {f"{number}+" for number in RATING.findall(age or "")}
    return sorted(found, key=RATINGS.index)


def needed_for(severity: str, age: str | None) -> str | None:
    """Return the rating that one finding needs; None where its row names none, or nobody has judged it."""
    if severity == NO_AGE:
        return RATINGS[0]
    found = ratings_of(age)
    if not found or severity == NOT_JUDGED:
        return None
    return found[{"mild": 0, "moderate": len(found) // 2, "severe": -1}[severity]]


def rate(judged: Iterable[Judged]) -> Rating:
    """Return the highest rating that any of these needs, what must be labelled, and what is not known."""
    rating = Rating()
    unknown, unjudged, ageless = set(), set(), set()
    for one in judged:
        needed = needed_for(one.severity, one.age)
        if one.severity != NO_AGE and one.mark and one.mark not in rating.labels:
            rating.labels.append(one.mark)
        if needed is not None:
            _add(rating, needed, one)
        elif not one.is_known:
            unknown.add(one.violation)
        elif one.severity == NOT_JUDGED:
            unjudged.add(one.violation)
        elif not one.mark:
            ageless.add(one.violation)
    rating.unsure = [
        f"{words}: {_listed(names)}"
        for words, names in (
            ("not in the list of violations", unknown),
            ("nobody has judged how grave", unjudged),
            ("the list names no age for", ageless),
        )
        if names
    ]
    return rating


def _add(rating: Rating, needed: str, one: Judged) -> None:
    if rating.needed is None or RATINGS.index(needed) > RATINGS.index(rating.needed):
        rating.needed, rating.because = needed, []
    if needed == rating.needed and needed != RATINGS[0] and one not in rating.because:
        rating.because.append(one)


def _because(rating: Rating) -> str:
    return _listed({one.violation for one in rating.because})


def _listed(names: Iterable[str], most: int = 5) -> str:
    found = sorted(names)
    rest = f" (+{len(found) - most})" if len(found) > most else ""
    return ", ".join(found[:most]) + rest


def judge(rating: Rating, target: str, missing: Sequence[str] = ()) -> tuple[str, str]:
    """Return the verdict and its reason; `missing` are further reasons that not all is known, as no result yet.

    What is needed at least decides that an audience is too young, whatever is not known; only all of it that it fits.
    """
    needed = rating.needed or RATINGS[0]
    if target == NO_RATING:
        return UNKNOWN, "no target audience is set (POST /cinema/ sets it)"
    if RATINGS.index(needed) > RATINGS.index(target):
        return (
            TOO_YOUNG,
            f"{needed} is needed, for {_because(rating)}; {target} is wanted",
        )
    unsure = [*missing, *rating.unsure]
    if unsure:
        return UNKNOWN, "; ".join(unsure)
    return FITS, f"{needed} is needed, {target} is wanted"
