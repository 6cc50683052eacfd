"""A span of recorded footage as a file: a view of the archive. Nothing is copied; a pin keeps the footage.

The pin is made with the row, in one transaction that holds the source, and released when the file is deleted
(app/transfer/completing.py): nothing else ends it, since nobody knows for how long a finding will be looked at. It
reaches a second beyond the span: the sound of its first and last moment may lie in the files beside it.
"""

from typing import NamedTuple

from sqlalchemy import func, select

from app.archive.auditing import audit
from app.archive.handed import change_status
from app.archive.holding import BESIDE_US, lock_source
from app.archive.outbox import take_turn
from app.archive.pins import make_pin
from app.errors import Busy
from app.extensions import AnySession
from app.instants import utc_text
from app.models import Deletion, File
from app.models.file import FOOTAGE, READY
from app.transfer.rotating import begin_rotation

MEDIA_TYPE = "video/mp4"


class NewFile(NamedTuple):
    """What a file is made of: a span whose film has been planned; `deletion_id` was read before that."""

    name: str
    source_id: int
    record_id: str | None
    begin_us: int
    end_us: int
    rev: str | None
    size_bytes: int
    duration_s: float
    deletion_id: int


def last_deletion(session: AnySession, source_id: int) -> int:
    """Return the id of the last deletion of footage of a source; 0 for none."""
    return session.scalar(select(func.max(Deletion.id)).where(Deletion.source_id == source_id)) or 0


def make_file(session: AnySession, new: NewFile, owner: str, at_us: int) -> File:
    """Make a file of a span, pin its footage, and begin to give out keys. Runs within a write transaction.

    Raises NotFound for a source that is none; Busy where footage of it was deleted since the film was planned.
    """
    take_turn(session)  # before the source: what happens to other files of it takes both in this order
    lock_source(session, new.source_id)
    if last_deletion(session, new.source_id) != new.deletion_id:
        raise Busy("footage of this source was deleted just now: ask again")
    values = {name: value for name, value in new._asdict().items() if name != "deletion_id"}
    row = File(kind=FOOTAGE, owner=owner, created_us=at_us, completed_us=at_us, media_type=MEDIA_TYPE, **values)
    row.received_bytes = new.size_bytes
    session.add(row)
    session.flush()
    span = (max(new.begin_us - BESIDE_US, 0), new.end_us + BESIDE_US)
    row.pin_id = make_pin(session, new.source_id, span, owner, f"file {row.id}", None, at_us).id
    named = {"record_id": new.record_id, "start_utc": utc_text(new.begin_us), "end_utc": utc_text(new.end_us)}
    audit(session, owner, "file.create", str(row.id), new.source_id, name=new.name, kind=FOOTAGE, **named)
    change_status(session, row, READY)
    begin_rotation(session, row, at_us)
    return row
