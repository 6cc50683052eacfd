"""The base list of violations: what may stand in a row, looking rows up, and changes by hand."""

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from sqlalchemy import or_, select

from app.archive.auditing import audit
from app.archive.paging import AnySelect, Order
from app.errors import Invalid, NotFound
from app.extensions import AnySession
from app.models import BasisViolation
from app.models.cinema import AUDIENCES
from app.models.types import new_uuid

RATINGS = AUDIENCES[1:]  # the first stands for none
TEXTS = ("violations", "context", "age", "mark")
LONGEST = {"code": 64, "violations": 255, "context": 4096, "age": 64, "mark": 255}
VIOLATION_ORDERS = {
    "id": Order((BasisViolation.id,)),
    "violations": Order((BasisViolation.violations, BasisViolation.id)),
}
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


def listed(words: str | None = None, age: str | None = None) -> AnySelect:
    """Return the query of the rows of the list: with these words in one of its texts, with this rating."""
    query = select(BasisViolation).where(BasisViolation.removed_us.is_(None))
    if words:
        texts = [getattr(BasisViolation, name) for name in ("code", *TEXTS)]
        query = query.where(or_(*(text.icontains(words, autoescape=True) for text in texts)))
    if age:
        # Ratings stand between blanks: 6+ is no part of 16+.
        query = query.where((" " + BasisViolation.age + " ").contains(f" {age} "))
    return query


def find(session: AnySession, violation_id: int, *, is_locked: bool = False) -> BasisViolation:
    """Return a row of the list; locked, within a write transaction, for the rest of it. Raises NotFound."""
    query = select(BasisViolation).where(BasisViolation.id == violation_id, BasisViolation.removed_us.is_(None))
    if is_locked:
        query = query.with_for_update().execution_options(populate_existing=True)
    row = session.scalar(query)
    if row is None:
        raise NotFound(f"there is no violation {violation_id}", loc=("path", "violation_id"))
    return row


def checked(given: Mapping[str, str | None]) -> dict[str, str]:
    """Return the four texts of a row as they are stored. Raises Invalid with one line and the name of the wrong one."""
    values = {name: (given.get(name) or "").strip() for name in TEXTS}
    for name, text in values.items():
        if len(text) > LONGEST[name]:
            raise _wrong(name, f"{name} has {len(text)} characters; at most {LONGEST[name]} are taken")
        if _CONTROLS.search(text):
            raise _wrong(name, f"{name} holds a control character")
    if not values["violations"]:
        raise _wrong("violations", "violations is empty (a formula without a stored value counts as empty)")
    values["age"] = _ratings(values["age"])
    if not values["age"] and not values["mark"]:
        raise _wrong("age", "neither age nor mark: give a rating, or the duty to label")
    return values


def row_hash(values: Mapping[str, str]) -> str:
    """Return the hash of the four texts: by it is known whether the row of a file has changed."""
    return hashlib.sha256("\x1f".join(values[name] for name in TEXTS).encode()).hexdigest()


def add(session: AnySession, actor: str, given: Mapping[str, str | None], at_us: int) -> BasisViolation:
    """Add a row by hand, in the caller's write transaction. Raises Invalid."""
    values = checked(given)
    row = BasisViolation(code=f"own-{new_uuid()[:13]}", is_edited=True, created_us=at_us, changed_us=at_us, **values)
    session.add(row)
    session.flush()
    audit(session, actor, "violation.create", str(row.id), None, **values)
    return row


def change(
    session: AnySession, actor: str, violation_id: int, given: Mapping[str, str | None], at_us: int
) -> BasisViolation:
    """Change the texts of a row; from then on no file overwrites it. Raises NotFound, Invalid."""
    row = find(session, violation_id, is_locked=True)
    values = checked({**{name: getattr(row, name) for name in TEXTS}, **given})
    before = {name: getattr(row, name) for name in TEXTS if getattr(row, name) != values[name]}
    if before:
        put(row, values, at_us)
        row.is_edited = True
        after = {name: values[name] for name in before}
        audit(session, actor, "violation.change", str(row.id), before=before, after=after)
    return row


def remove(session: AnySession, actor: str, violation_id: int, at_us: int) -> None:
    """Take a row out of the list. It stays stored: findings name it, and no file may bring it back. Raises NotFound."""
    row = find(session, violation_id, is_locked=True)
    row.removed_us, row.changed_us, row.is_edited = at_us, at_us, True
    audit(session, actor, "violation.delete", str(row.id), code=row.code, violations=row.violations)


def put(row: BasisViolation, values: Mapping[str, Any], at_us: int) -> None:
    """Give a row these texts."""
    for name in TEXTS:
        setattr(row, name, values[name])
    row.changed_us = at_us


def _ratings(text: str) -> str:
    """Return ratings in order, as `12+ / 16+`. Raises Invalid for anything else."""
    found = [part if part.endswith("+") else f"{part}+" for part in re.split(r"[\s/,;]+", text) if part]
    unknown = [part for part in found if part not in RATINGS]
    known = ", ".join(RATINGS)
    if unknown:
        raise _wrong("age", f"age is {text[:60]!r}; it must be one or several of {known}: a duty is a mark")
    return " / ".join(rating for rating in RATINGS if rating in found)


def _wrong(name: str, message: str) -> Invalid:
    return Invalid(message, loc=("body", name))
