"""How many findings a file has, of which violation and how grave: for answers, events, recommendations and reports."""

from typing import NamedTuple

from sqlalchemy import func, select

from app.extensions import AnySession
from app.models import BasisViolation, Finding
from app.models.result import SEVERITIES
from app.review.naming import normalised


class Tally(NamedTuple):
    """How many findings there are of one violation and severity. `violation_id` is null for one not in the list."""

    violation: str
    violation_id: int | None
    severity: str
    quantity: int


class Counts(NamedTuple):
    """How many findings a file has, and of each violation and severity that occurs; the most frequent come first."""

    quantity: int
    by_violation: dict[str, int]
    by_severity: dict[str, int]


def tallies(session: AnySession, file_id: int) -> list[Tally]:
    """Return the findings of a file by violation and severity, in the order in which violations first occur.

    One of the base list is called as it is there; of others, spellings that differ in capitals or signs are one.
    """
    first = func.min(Finding.position)
    columns = (Finding.violation, Finding.violation_id, BasisViolation.violations, Finding.severity, func.count())
    query = select(*columns).outerjoin(BasisViolation, BasisViolation.id == Finding.violation_id)
    query = query.where(Finding.file_id == file_id).group_by(*columns[:-1]).order_by(first)
    names: dict[str, str] = {}
    sums: dict[tuple[str, int | None, str], int] = {}
    for text, violation_id, listed, severity, quantity in session.execute(query):
        name = listed if violation_id is not None else names.setdefault(normalised(text), text)
        key = (name, violation_id, severity)
        sums[key] = sums.get(key, 0) + quantity
    return [Tally(*key, quantity) for key, quantity in sums.items()]


def counts(session: AnySession, file_id: int) -> Counts:
    """Return how many different findings a file's result has; none without a result."""
    by_violation: dict[str, int] = {}
    by_severity: dict[str, int] = {}
    for tally in tallies(session, file_id):
        by_violation[tally.violation] = by_violation.get(tally.violation, 0) + tally.quantity
        by_severity[tally.severity] = by_severity.get(tally.severity, 0) + tally.quantity
    frequent = sorted(by_violation.items(), key=lambda entry: -entry[1])
    grave = {word: by_severity[word] for word in reversed(SEVERITIES) if word in by_severity}
    return Counts(sum(by_severity.values()), dict(frequent), grave)
