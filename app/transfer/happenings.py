"""What happened to handed files, read from the outbox, and as the text that listeners are sent.

Ids become visible in rising order (app/archive/outbox.py): whoever has seen an id has seen, of what was readable at
that moment, everything below it, and goes on from there.
"""

import json
from collections.abc import Collection, Sequence
from typing import NamedTuple

from sqlalchemy import Select, func, or_, select

from app.extensions import AnySession
from app.formats import eventstream
from app.instants import utc_text
from app.models import File, FileEvent
from app.models.file import DB_READY, ERROR
from app.transfer.referkeys import current_key, download_path

PROGRESS = "progress"
SOME = 500  # ids of one query
ENDS = (DB_READY, ERROR)  # nothing more is expected then
_FIELDS = (FileEvent.id, FileEvent.file_id, FileEvent.at_us, FileEvent.type, FileEvent.payload)


class Happening(NamedTuple):
    """One event as it is stored; `payload` is a JSON object that has `status`."""

    id: int
    file_id: int
    at_us: int
    type: str
    payload: str


class State(NamedTuple):
    """A file as it is now: its newest event, whether nothing more is expected, and where it is downloaded.

    `path` is None while no key is valid.
    """

    event_id: int
    is_over: bool
    path: str | None

    def is_seen(self, event_id: int) -> bool:
        """Tell whether who has seen this event has nothing more to expect."""
        return self.is_over and event_id >= self.event_id


def newest_id(session: AnySession) -> int:
    """Return the highest id of all events, 0 where there is none."""
    return session.scalar(select(func.max(FileEvent.id))) or 0


def read_after(session: AnySession, event_id: int, limit: int) -> list[Happening]:
    """Return the first events of all files behind an id, in order."""
    return _read(session, select(*_FIELDS).where(FileEvent.id > event_id), limit)


def read_of_file(session: AnySession, file_id: int, event_id: int, progress_from: int, limit: int) -> list[Happening]:
    """Return the first events of a file behind an id, in order, without progress of an id below `progress_from`."""
    wanted = or_(FileEvent.type != PROGRESS, FileEvent.id >= progress_from)
    return _read(session, select(*_FIELDS).where(FileEvent.file_id == file_id, FileEvent.id > event_id, wanted), limit)


def _read(session: AnySession, query: "Select[int, int, int, str, str]", limit: int) -> list[Happening]:
    return [Happening._make(row) for row in session.execute(query.order_by(FileEvent.id).limit(limit))]


def current_progress(session: AnySession, row: File) -> int:
    """Return from which id on progress of a file still says something: older progress is superseded."""
    if row.completed_us is not None or row.status in ENDS:
        return row.event_id + 1
    newest = select(func.max(FileEvent.id)).where(FileEvent.file_id == row.id, FileEvent.type == PROGRESS)
    return session.scalar(newest) or 0


def read_states(session: AnySession, file_ids: Collection[int], at_us: int) -> dict[int, State]:
    """Return what files are at an instant, by their ids. Keys are read in the session of the context."""
    rows = session.scalars(select(File).where(File.id.in_(file_ids)))
    return {row.id: _state(row, at_us) for row in rows}


def _state(row: File, at_us: int) -> State:
    if row.deleted_us is not None:
        return State(row.event_id, True, None)
    key = current_key(row, at_us)
    return State(row.event_id, row.status in ENDS, None if key is None else download_path(key.text))


def read_deleted(session: AnySession, file_ids: Sequence[int]) -> set[int]:
    """Return which of these files were deleted."""
    deleted: set[int] = set()
    for begin in range(0, len(file_ids), SOME):
        some = File.id.in_(file_ids[begin : begin + SOME])
        deleted.update(session.scalars(select(File.id).where(some, File.deleted_us.is_not(None))))
    return deleted


def told(happening: Happening, address: str | None) -> bytes:
    """Return an event as listeners are sent it, with the address of the download where there is one now."""
    values = json.loads(happening.payload)
    data = {"type": happening.type, "status": values.pop("status", None), "at_utc": utc_text(happening.at_us), **values}
    if address is not None:
        data["download_url"] = address
    name = PROGRESS if happening.type == PROGRESS else None
    return eventstream.event(happening.id, json.dumps(data, ensure_ascii=False, separators=(",", ":")), name)
