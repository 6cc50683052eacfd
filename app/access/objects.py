"""What stands in an address and is of a camera: for a caller who does not see that camera it is not there.

Looked up once for all views, before them and for bounded callers alone; what is outside and what does not exist are
answered by the same lines here. An id of the wrong form is left to the view, which says what is wrong with it.
"""

import re
import uuid
from collections.abc import Callable
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, select

from app.access.caller import Caller
from app.archive.bounds import Sight, has_group, has_job, is_seen_file, is_within
from app.errors import NotFound
from app.extensions import AnySession
from app.models import Comment, File, Group, Pin, Recommendation, Record, ShareLink, SyncJob

INTEGER = re.compile("[0-9]{1,40}")
UUID = re.compile("[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
LARGEST = 2**63 - 1  # what the database can hold
Condition = Callable[[Sight], ColumnElement[bool]]


class Kind(NamedTuple):
    """What a name in an address stands for: how it is called, the column of its id, and when a row of it is seen."""

    noun: str
    column: Any
    is_seen: Condition
    over: Any = None  # the table that the condition is on, where it is another


KINDS: dict[str, Kind] = {
    "record_id": Kind("record", Record.id, lambda sight: is_within(Record.source_id, sight.sources)),
    "group_id": Kind("group", Group.id, lambda sight: has_group(sight.sources)),
    "pin_id": Kind("pin", Pin.id, lambda sight: is_within(Pin.source_id, sight.sources)),
    "share_id": Kind("share link", ShareLink.id, lambda sight: is_within(ShareLink.source_id, sight.sources)),
    "sync_id": Kind("sync", SyncJob.id, lambda sight: has_job(sight.sources)),
    "file_id": Kind("file", File.id, is_seen_file),
    "index": Kind("file", File.id, is_seen_file),
    "comment_id": Kind("comment", Comment.id, is_seen_file, (File, File.id == Comment.file_id)),
    "recommendation_id": Kind(
        "recommendation", Recommendation.id, is_seen_file, (File, File.id == Recommendation.file_id)
    ),
}
SOURCE = "source_id"


def sight_of(caller: Caller | None) -> Sight | None:
    """Return what a caller sees of handed files; None for all, and for who has a key alone."""
    return None if caller is None or caller.sources is None else Sight(caller.sources, caller.name)


def check_objects(session: AnySession, sight: Sight, path: dict[str, Any]) -> None:
    """Raise NotFound for what an address names and these bounds leave out, or what is not there at all."""
    for name, given in path.items():
        text = str(given)
        if name == SOURCE and INTEGER.fullmatch(text) and int(text) not in sight.sources:
            raise NotFound(f"there is no source {int(text)}", loc=("path", name))
        kind = KINDS.get(name)
        key = None if kind is None else _key(kind, text)
        if kind is not None and key is not None and not _is_seen(session, kind, key, sight):
            raise NotFound(f"there is no {kind.noun} {key}", loc=("path", name))


def _key(kind: Kind, text: str) -> int | str | None:
    """Return the id that a text is; None for what can be none."""
    if kind.column.type.python_type is int:
        return int(text) if INTEGER.fullmatch(text) else None
    return str(uuid.UUID(text)) if UUID.fullmatch(text) else None


def _is_seen(session: AnySession, kind: Kind, key: int | str, sight: Sight) -> bool:
    if isinstance(key, int) and not 0 < key <= LARGEST:
        return False
    query = select(kind.column).where(kind.column == key, kind.is_seen(sight))
    if kind.over is not None:
        query = query.join(*kind.over)
    return session.scalar(query) is not None
