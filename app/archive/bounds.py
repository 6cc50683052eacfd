"""What a caller sees of the archive: all cameras, or some. What is outside is as if it were not there.

The queries of lists take the ids of the cameras (`Sources`, None for all); those of handed files a `Sight`, since an
upload belongs to no camera: of these there are only the caller's own. Tags, groups and jobs of copying are there for
whoever sees a camera of theirs, and show of themselves only that camera's part.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Boolean, ColumnElement, String, and_, literal, or_, select, true
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql.functions import FunctionElement

from app.archive.paging import AnySelect
from app.extensions import AnySession
from app.models import File, Group, Record, SyncItem, SyncJob, Tag, group_source
from app.models.file import FOOTAGE, UPLOAD

Sources = frozenset[int] | None


class Sight(NamedTuple):
    """What a bounded caller sees of handed files: those of these cameras, and uploads of this owner."""

    sources: frozenset[int]
    owner: str


def sees(sources: Sources, source_id: int) -> bool:
    """Tell whether a camera is within."""
    return sources is None or source_id in sources


class IsAmong(FunctionElement[bool]):
    """A column's value is one of the integers in a text, which has commas between them.

    One parameter however many they are: SQLite takes 32,766, and a list of a thousand takes milliseconds to write into
    a statement each time.
    """

    name = "is_among"
    type = Boolean()
    inherit_cache = True


@compiles(IsAmong, "sqlite")
def _in_sqlite(element: IsAmong, compiler: Any, **given: Any) -> str:
    column, ids = (compiler.process(clause, **given) for clause in element.clauses)
    return f"{column} IN (SELECT value FROM json_each('[' || {ids} || ']'))"  # noqa: S608  # nosec B608  compiled clauses


@compiles(IsAmong, "postgresql")
def _in_postgresql(element: IsAmong, compiler: Any, **given: Any) -> str:
    column, ids = (compiler.process(clause, **given) for clause in element.clauses)
    return f"{column} = ANY (CAST(string_to_array({ids}, ',') AS integer[]))"


@lru_cache(256)
def _text_of(sources: frozenset[int]) -> str:
    return ",".join(map(str, sorted(sources)))


def is_within(column: ColumnElement[Any] | InstrumentedAttribute[Any], sources: Sources) -> ColumnElement[bool]:
    """Return the condition that a camera's id is one of these."""
    return true() if sources is None else IsAmong(column, literal(_text_of(sources), String()))


def within(query: AnySelect, column: InstrumentedAttribute[Any], sources: Sources) -> AnySelect:
    """Return the query, of rows of these cameras only; of all cameras as it was."""
    return query if sources is None else query.where(is_within(column, sources))


def has_tag(sources: Sources) -> ColumnElement[bool]:
    """Return the condition on tags that one of these cameras was recorded under it."""
    if sources is None:
        return true()
    return select(Record.id).where(Record.tag_id == Tag.id, is_within(Record.source_id, sources)).exists()


def has_group(sources: Sources) -> ColumnElement[bool]:
    """Return the condition on groups that one of these cameras is in it."""
    if sources is None:
        return true()
    members = select(group_source.c.group_id).where(is_within(group_source.c.source_id, sources))
    return Group.id.in_(members)


def has_job(sources: Sources) -> ColumnElement[bool]:
    """Return the condition on jobs of copying that a record of one of these cameras is among what is copied."""
    if sources is None:
        return true()
    items = select(SyncItem.record_id).join(Record, Record.id == SyncItem.record_id)
    return items.where(SyncItem.job_id == SyncJob.id, is_within(Record.source_id, sources)).exists()


def is_seen_file(sight: Sight | None) -> ColumnElement[bool]:
    """Return the condition on handed files that they are seen."""
    if sight is None:
        return true()
    of_camera = and_(File.kind == FOOTAGE, is_within(File.source_id, sight.sources))
    return or_(of_camera, and_(File.kind == UPLOAD, File.owner == sight.owner))


def has_others(session: AnySession, group_id: str, sources: Sources) -> bool:
    """Tell whether a group has a camera outside, or its schedule records one that was in it."""
    if sources is None:
        return False
    members = select(group_source.c.source_id).where(group_source.c.group_id == group_id)
    recording = select(Record.source_id).where(Record.scheduled_by == group_id, Record.end_us.is_(None))
    found: Sequence[int] = session.scalars(members.union(recording)).all()
    return not sources.issuperset(found)
