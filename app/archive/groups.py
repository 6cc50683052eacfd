"""Groups of cameras: making them, finding them by name or id, and their members."""

from collections.abc import Sequence

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError

from app.archive.auditing import audit
from app.archive.bounds import Sources, has_group
from app.archive.paging import AnySelect, Order
from app.archive.recordings import lock_sources
from app.archive.rulebook import forget_group
from app.errors import Forbidden, Invalid, NameTaken, NotFound
from app.extensions import AnySession, insert_missing
from app.models import AccountRight, Group, RetentionRule, group_source
from app.models.types import new_uuid

GROUP_ORDERS = {
    "created": Order((Group.created_us, Group.id)),
    "name": Order((Group.name, Group.id)),
    "id": Order((Group.id,)),
}


def listed(model: str | None, words: str | None, sources: Sources) -> AnySelect:
    """Return the query of the groups with any of these cameras, of a model or with these words in the name if given."""
    query = select(Group).where(has_group(sources))
    if model is not None:
        query = query.where(Group.model == model)
    return query.where(Group.name.icontains(words, autoescape=True)) if words else query


def find(session: AnySession, group_id: str, *, is_locked: bool = False) -> Group:
    """Return the group of this id; within a write transaction locked against others. Raises NotFound."""
    group = session.get(Group, group_id, with_for_update=is_locked, populate_existing=is_locked)
    if group is None:
        raise NotFound(f"there is no group {group_id}", loc=("path", "group_id"))
    return group


def _named(session: AnySession, name: str, sources: Sources = None) -> Group | None:
    query = select(Group).where(has_group(sources))
    by_name = session.scalar(query.where(Group.name == name))
    return by_name or session.scalar(query.where(Group.id == name.lower()))


def find_or_create(session: AnySession, model: str, name: str, now_us: int, *, who: str) -> Group:
    """Return the group of this name, or else of this id; add one of the model where there is none."""
    group = _named(session, name)
    if group is None:
        made_id = new_uuid()
        insert_missing(session, Group, {"id": made_id, "name": name, "model": model, "created_us": now_us})
        group = session.scalars(select(Group).where(Group.name == name)).one()
        if group.id == made_id:
            _note_created(session, group, who)
    return group


def find_named(session: AnySession, name: str, sources: Sources) -> Group:
    """Return the group of this name, or else of this id, that has one of these cameras.

    Raises NotFound at `group_name` of the body.
    """
    group = _named(session, name, sources)
    if group is None:
        raise NotFound(f"there is no group {name!r}", loc=("body", "group_name"))
    return group


def create(session: AnySession, model: str, name: str, now_us: int, *, who: str) -> Group:
    """Add a group. Raises NameTaken, also when another process adds the same name now."""
    values = {"name": name, "model": model, "created_us": now_us}
    dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    added = dialect.insert(Group).values(**values).on_conflict_do_nothing().returning(Group)
    group: Group | None = session.scalar(added)
    if group is None:
        raise NameTaken(f"there is a group {name!r} already")
    _note_created(session, group, who)
    return group


def _note_created(session: AnySession, group: Group, who: str) -> None:
    audit(session, who, "group.create", group.id, model=group.model, name=group.name)


def rename(session: AnySession, group_id: str, model: str | None, name: str | None, *, who: str) -> Group:
    """Give a group another name. Raises NotFound, NameTaken, and Invalid for another model than it has."""
    group = find(session, group_id, is_locked=True)
    if model is not None and model != group.model:
        message = f"the model of a group cannot change; this one takes {group.model}"
        raise Invalid(message, loc=("body", "model"), kind="model_fixed")
    if name is None or name == group.name:
        return group
    before = group.name
    try:
        group.name = name
        session.flush()
    except IntegrityError:
        raise NameTaken(f"there is a group {name!r} already") from None
    audit(session, who, "group.change", group_id, before={"name": before}, after={"name": name})
    return group


def remove(session: AnySession, group_id: str, *, who: str) -> Group:
    """Delete a group, its memberships and its rule of retention; return what it was. Raises NotFound."""
    group = find(session, group_id, is_locked=True)
    forget_group(session, group_id)
    members = list(session.scalars(select(group_source.c.source_id).where(group_source.c.group_id == group_id)))
    session.expunge(group)
    session.execute(delete(group_source).where(group_source.c.group_id == group_id))
    session.execute(delete(Group).where(Group.id == group_id))
    audit(session, who, "group.delete", group_id, name=group.name, source_ids=sorted(members))
    return group


def add_member(session: AnySession, group_id: str, source_id: int, *, who: str) -> bool:
    """Add a source to a group; return whether it was not in it. Raises NotFound; Invalid for another model."""
    group = find(session, group_id, is_locked=True)
    source = next(iter(lock_sources(session, [source_id])), None)
    if source is None:
        raise NotFound(f"there is no source {source_id}", loc=("path", "source_id"))
    if source.model != group.model:
        raise Invalid(
            f"source {source_id} is a {source.model}, the group takes {group.model} only",
            loc=("path", "source_id"),
            kind="other_model",
        )
    dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    membership = {"group_id": group.id, "source_id": source.id}
    added = dialect.insert(group_source).values(**membership).on_conflict_do_nothing()
    is_new = session.scalar(added.returning(group_source.c.source_id)) is not None
    if is_new:
        audit(session, who, "group.add", group_id, source_id, name=group.name)
    return is_new


def check_free(session: AnySession, group_id: str) -> None:
    """Raise Forbidden for a group that decides who sees a camera, or how long its footage is kept."""
    for model, what in ((AccountRight, "accounts have rights on it"), (RetentionRule, "a retention rule is of it")):
        if session.scalar(select(model.id).where(model.group_id == group_id).limit(1)) is not None:
            raise Forbidden(f"only an admin adds a camera to this group: {what}; make a group of your own", kind="role")


def add_new_members(session: AnySession, members: Sequence[tuple[str, int]], *, who: str) -> None:
    """Add sources that this very transaction has made to groups of their model: (group, source) each.

    Raises NotFound when a group was deleted meanwhile.
    """
    ids = sorted({group_id for group_id, _ in members})
    locked = session.scalars(select(Group.id).where(Group.id.in_(ids)).order_by(Group.id).with_for_update()).all()
    if len(locked) < len(ids):
        raise NotFound("a group was deleted just now: send this again", loc=("body", "group_name"))
    if members:
        session.execute(group_source.insert(), [{"group_id": one, "source_id": other} for one, other in members])
    for group_id, source_id in members:
        audit(session, who, "group.add", group_id, source_id)


def remove_member(session: AnySession, group_id: str, source_id: int, *, who: str) -> bool:
    """Remove a source from a group; return whether it was in it. Raises NotFound."""
    group = find(session, group_id, is_locked=True)
    if not lock_sources(session, [source_id]):
        raise NotFound(f"there is no source {source_id}", loc=("path", "source_id"))
    rows = group_source.c.group_id == group.id, group_source.c.source_id == source_id
    removed = delete(group_source).where(*rows).returning(group_source.c.source_id)
    was_in = session.scalar(removed) is not None
    if was_in:
        audit(session, who, "group.remove", group_id, source_id, name=group.name)
    return was_in
