"""Making, changing and removing rules of retention; each change is written down, and refused where it cannot be met."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app.archive.auditing import audit
from app.archive.keeping import rule_of
from app.archive.recordings import find_tag
from app.archive.ruling import LIMITS, Rule
from app.errors import Conflict, Invalid, NotFound
from app.extensions import AnySession
from app.models import Group, RetentionRule, Source, Tag
from app.models.types import new_uuid

ONE_OF_ALL = "all"
MAX_AGE_S = 100 * 366 * 86_400
MAX_BYTES = 2**60


def find_rule(session: AnySession, rule_id: str, *, is_locked: bool = False) -> RetentionRule:
    """Return a rule. Raises NotFound."""
    row = session.get(RetentionRule, rule_id, populate_existing=True, with_for_update=is_locked or None)
    if row is None:
        raise NotFound(f"there is no retention rule {rule_id}", loc=("path", "rule_id"))
    return row


def check_limits(values: dict[str, Any]) -> None:
    """Raise Invalid for a rule without limits, or whose minimum is above its maximum, or that keeps nothing at all.

    A maximum of 0 is refused: elsewhere 0 means no limit, and who means that would lose everything at the next pass.
    """
    if all(values.get(limit) is None for limit in LIMITS):
        message = f"a rule needs at least one of {', '.join(LIMITS)}"
        raise Invalid(message, loc=("body",), kind="no_limit")
    for limit in ("max_age_s", "max_bytes"):
        if values.get(limit) == 0:
            message = f"{limit} is 0, and would delete everything: null sets no limit, 1 is the least"
            raise Invalid(message, loc=("body", limit), kind="nothing_kept")
    for low, high in (("min_age_s", "max_age_s"), ("min_bytes", "max_bytes")):
        least, most = values.get(low), values.get(high)
        if least is not None and most is not None and least > most:
            message = f"{low} is {least}, above {high} of {most}: what is to be kept would have to be deleted"
            raise Invalid(message, loc=("body", low), kind="min_above_max")


def propose(session: AnySession, scope: str, target: str | int | None, values: dict[str, Any]) -> Rule:
    """Return a rule as it would be, with an id of its own. Raises NotFound for a target that is not there; Invalid."""
    check_limits(values)
    target_id, name = find_target(session, scope, target)
    return Rule(new_uuid(), scope, target_id, name, *(values.get(limit) for limit in LIMITS))


def find_target(session: AnySession, scope: str, target: str | int | None) -> tuple[str | int | None, str]:
    """Return id and name of what a rule is of; a group or a tag by name or id. Raises NotFound."""
    if scope == ONE_OF_ALL:
        return None, ""
    if scope == "source":
        row = session.get(Source, target)
        if row is None or row.deleted_us is not None:
            raise NotFound(f"there is no source {target}", loc=("body", "source_id"))
        return row.id, str(row.id)
    found = find_tag(session, str(target)) if scope == "tag" else _find_group(session, str(target))
    if found is None:
        raise NotFound(f"there is no {scope} {target}", loc=("body", f"{scope}_name"))
    return found.id, found.name


def _find_group(session: AnySession, name: str) -> Group | None:
    """Return the group of this name, or else of this id."""
    by_name = session.scalar(select(Group).where(Group.name == name))
    return by_name or session.scalar(select(Group).where(Group.id == name.lower()))


def add_rule(session: AnySession, proposed: Rule, actor: str, now_us: int) -> RetentionRule:
    """Store a rule. Runs within a write transaction. Raises Conflict where the scope has one."""
    column = f"{proposed.scope}_id"
    known = session.scalars(select(RetentionRule).where(RetentionRule.scope == proposed.scope)).all()
    same = [row.id for row in known if getattr(row, column, None) == proposed.target]
    if same:
        raise _exists(proposed, same[0])
    values = {limit: proposed.limit(limit) for limit in LIMITS}
    row = RetentionRule(
        id=proposed.id, scope=proposed.scope, actor=actor, created_us=now_us, changed_us=now_us, **values
    )
    if proposed.scope != ONE_OF_ALL:
        setattr(row, column, proposed.target)
    session.add(row)
    try:
        session.flush()
    except IntegrityError:  # somebody else was quicker
        raise _exists(proposed, "ID") from None
    audit(session, actor, "retention.create", row.id, row.source_id, scope=row.scope, of=proposed.name, **values)
    return row


def _exists(proposed: Rule, rule_id: str) -> Conflict:
    what = f"{proposed.scope} {proposed.name}".rstrip()
    message = f"there is a rule of {what} already: change that one (PUT /api/v1/retention/{rule_id}/)"
    return Conflict(message, loc=("body", "scope"), kind="rule_exists")


def change_rule(session: AnySession, proposed: Rule, actor: str, now_us: int) -> RetentionRule:
    """Give a rule other limits. Runs within a write transaction. Raises NotFound."""
    row = find_rule(session, proposed.id, is_locked=True)
    before = {limit: getattr(row, limit) for limit in LIMITS}
    after = {limit: proposed.limit(limit) for limit in LIMITS}
    for limit, value in after.items():
        setattr(row, limit, value)
    row.changed_us, row.actor = now_us, actor
    session.flush()
    audit(session, actor, "retention.change", row.id, row.source_id, before=before, after=after)
    return row


def remove_rule(session: AnySession, rule_id: str, actor: str) -> RetentionRule:
    """Remove a rule. Runs within a write transaction. Raises NotFound."""
    row = find_rule(session, rule_id, is_locked=True)
    values = {limit: getattr(row, limit) for limit in LIMITS}
    session.delete(row)
    session.flush()
    audit(session, actor, "retention.remove", row.id, row.source_id, scope=row.scope, **values)
    return row


def forget_group(session: AnySession, group_id: str) -> None:
    """Remove the rule of a group that is about to be deleted, and write that down."""
    rule_id = session.scalar(select(RetentionRule.id).where(RetentionRule.group_id == group_id))
    if rule_id is not None:
        remove_rule(session, rule_id, "deletion of its group")


def as_rule(session: AnySession, row: RetentionRule) -> Rule:
    """Return a row as what is judged by, with the name of its group or tag."""
    name = None
    if row.group_id is not None:
        name = session.scalar(select(Group.name).where(Group.id == row.group_id))
    elif row.tag_id is not None:
        name = session.scalar(select(Tag.name).where(Tag.id == row.tag_id))
    return rule_of(row, name)
