"""How often a file's findings, and its comments, name each violation and how grave: for answers, events and reports."""

from typing import NamedTuple

from sqlalchemy import func, select

from app.extensions import AnySession
from app.models import BasisViolation, Comment, Finding
from app.models.result import SEVERITIES
from app.review.naming import normalised

LISTED = (BasisViolation.violations, BasisViolation.code, BasisViolation.age, BasisViolation.mark)


class Named(NamedTuple):
    """A violation: a row of the list, or a text that is none of it; then code, age and mark are empty."""

    violation: str
    violation_id: int | None
    code: str = ""
    age: str = ""
    mark: str = ""


class Tally(NamedTuple):
    """How often a violation was named with one severity."""

    named: Named
    severity: str
    quantity: int


class Counts(NamedTuple):
    """How many findings a file has, and of each violation and severity that occurs; the most frequent come first."""

    quantity: int
    by_violation: dict[str, int]
    by_severity: dict[str, int]


def tallies(
    session: AnySession, model: type[Finding] | type[Comment], file_id: int, spellings: dict[str, str]
) -> list[Tally]:
    """Return how often each violation was named, in the order in which they were first; of comments those with one.

    One of the list is called as it is there; of others, spellings that differ in capitals or signs are one, the first,
    which `spellings` remembers.
    """
    columns = (model.violation, model.violation_id, *LISTED, model.severity)
    query = select(*columns, func.count()).outerjoin(BasisViolation, BasisViolation.id == model.violation_id)
    query = query.where(model.file_id == file_id, model.violation.is_not(None)).group_by(*columns)
    sums: dict[tuple[Named, str], int] = {}
    for text, violation_id, name, code, age, mark, severity, quantity in session.execute(
        query.order_by(func.min(model.id))
    ):
        if name is None:
            named = Named(spellings.setdefault(normalised(text), text), None)
        else:
            named = Named(name, violation_id, code, age, mark)
        sums[named, severity] = sums.get((named, severity), 0) + quantity
    return [Tally(*key, quantity) for key, quantity in sums.items()]


def counts(session: AnySession, file_id: int) -> Counts:
    """Return how many different findings a file's result has; none without a result."""
    by_violation: dict[str, int] = {}
    by_severity: dict[str, int] = {}
    for named, severity, quantity in tallies(session, Finding, file_id, {}):
        by_violation[named.violation] = by_violation.get(named.violation, 0) + quantity
        by_severity[severity] = by_severity.get(severity, 0) + quantity
    frequent = sorted(by_violation.items(), key=lambda entry: -entry[1])
    grave = {word: by_severity[word] for word in reversed(SEVERITIES) if word in by_severity}
    return Counts(sum(by_severity.values()), dict(frequent), grave)
