"""Jobs of copying as rows: asked for, taken by workers one record at a time, ended.

An item is taken by a transaction that no other runs beside, so that no two workers copy the same record, nor two jobs
to the same name, and at most `SYNC_AT_ONCE` go on over all workers. Who holds an item renews that while it copies; what
a killed worker held is free again after `HOLD_S`, or when the worker of the same instance starts.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, exists, insert, select, update
from sqlalchemy.engine import CursorResult
from sqlalchemy.orm import aliased

from app.extensions import AnySession
from app.models import Record, SyncItem, SyncJob, Tag
from app.models.types import new_uuid
from app.transfer.addresses import Location
from app.transfer.naming import copy_location, file_name, safe_name

HOLD_S = 20.0
LONGEST_PAUSE_US = 3_600_000_000
TAKING_LOCK = 7_216_002  # any number that nothing else in this database locks
GOING = ("waiting", "running")


@dataclass(frozen=True, slots=True)
class Taken:
    """An item that this process holds."""

    job_id: str
    record_id: str
    holder: str
    tries: int
    root: str
    path: str
    tag_name: str
    target: str

    @property
    def is_mine(self) -> ColumnElement[bool]:
        """Return the condition that the item is still held by us."""
        return (
            (SyncItem.job_id == self.job_id)
            & (SyncItem.record_id == self.record_id)
            & (SyncItem.held_by == self.holder)
            & (SyncItem.state == "running")
        )


def ask(session: AnySession, tag: Tag, given: str, location: Location, actor: str, now_us: int) -> str:
    """Make a job of all records of a tag and return its id; say in each record where it is to be copied.

    Runs within a write transaction. A record whose file was deleted is failed at once.
    """
    path = "/".join(location.below)
    job = SyncJob(id=new_uuid(), created_us=now_us, actor=actor, tag_id=tag.id, location=given)
    job.root, job.path = location.root.text, path
    session.add(job)
    session.flush()
    columns = select(Record.id, Record.begin_us, Record.source_id, Record.deleted_us)
    rows = session.execute(columns.where(Record.tag_id == tag.id).order_by(Record.begin_us, Record.source_id)).all()
    targets = {row.id: _target(location, tag.name, row) for row in rows}
    items = [
        {
            "job_id": job.id,
            "record_id": row.id,
            "due_us": now_us + number,  # also the order: an index keeps it
            "target": targets[row.id],
            "state": "waiting" if row.deleted_us is None else "failed",
            "error": None if row.deleted_us is None else "the file of the record was deleted before it was copied",
            "ended_us": None if row.deleted_us is None else now_us,
        }
        for number, row in enumerate(rows)
    ]
    if items:
        session.execute(insert(SyncItem), items)
    wanted = [{"id": row.id, "sync_location": targets[row.id]} for row in rows if row.deleted_us is None]
    if wanted:
        session.execute(update(Record), wanted)
    else:
        job.ended_us = now_us
    return job.id


def _target(location: Location, tag_name: str, row: Any) -> str:
    if location.root.is_peer:
        return copy_location(location.root, row.id)
    name = file_name(row.begin_us, row.source_id, row.id)
    return location.root.address([*location.below, safe_name(tag_name), name])


def has_due(session: AnySession, now_us: int) -> bool:
    """Tell whether anything may be taken now; asked often, and cheap."""
    return session.scalar(_due(now_us).with_only_columns(SyncItem.record_id).limit(1)) is not None


def take(session: AnySession, holder: str, at_once: int, now_us: int) -> Taken | None:
    """Take the item that is due first; None where there is none or enough go on. Runs within a write transaction."""
    if session.get_bind().dialect.name == "postgresql":
        session.connection().exec_driver_sql(f"SELECT pg_advisory_xact_lock({TAKING_LOCK})")
    held = select(SyncItem.target).where(SyncItem.state == "running", SyncItem.held_until_us > now_us)
    busy = set(session.scalars(held))
    if len(busy) >= at_once:
        return None
    query = _due(now_us).where(SyncItem.target.not_in(busy)).order_by(SyncItem.due_us).limit(1)
    found = session.execute(query).first()
    if found is None:
        return None
    item, job, tag_name = found
    item.state, item.held_by, item.held_until_us = "running", holder, _hold_until(now_us)
    item.tries += 1
    return Taken(job.id, item.record_id, holder, item.tries, job.root, job.path, tag_name, item.target or "")


def _due(now_us: int) -> Select[SyncItem, SyncJob, str]:
    """Return what may be taken: its record has ended, and nobody holds it."""
    return (
        select(SyncItem, SyncJob, Tag.name)
        .join(SyncJob, SyncJob.id == SyncItem.job_id)
        .join(Tag, Tag.id == SyncJob.tag_id)
        .join(Record, Record.id == SyncItem.record_id)
        .where(SyncItem.state.in_(GOING), SyncItem.due_us <= now_us, SyncItem.held_until_us <= now_us)
        .where(Record.end_us.is_not(None))
    )


def renew(session: AnySession, taken: Taken, copied_bytes: int, size_bytes: int | None, now_us: int) -> bool:
    """Hold the item on and write down how far it is; False where it is ours no more."""
    values = {"held_until_us": _hold_until(now_us), "copied_bytes": copied_bytes, "size_bytes": size_bytes}
    return _change(session, taken, values)


def finish(session: AnySession, taken: Taken, size_bytes: int, md5: str, now_us: int) -> None:
    """Write down that the record is copied."""
    values = {"state": "done", "size_bytes": size_bytes, "copied_bytes": size_bytes, "md5": md5, "error": None}
    if _change(session, taken, {**values, "held_by": None, "held_until_us": 0, "ended_us": now_us}):
        _end_jobs(session, [taken.job_id], now_us)


def fail(session: AnySession, taken: Taken, error: str, now_us: int) -> None:
    """Give the item up."""
    values = {"state": "failed", "error": error, "held_by": None, "held_until_us": 0, "ended_us": now_us}
    if _change(session, taken, values):
        _end_jobs(session, [taken.job_id], now_us)


def put_back(session: AnySession, taken: Taken, *, due_us: int, tries: int, error: str | None = None) -> None:
    """Let the item be taken again from an instant on; with an error, that is told meanwhile."""
    values: dict[str, Any] = {"state": "waiting", "held_by": None, "held_until_us": 0, "due_us": due_us, "tries": tries}
    _change(session, taken, {**values, **({"error": error} if error is not None else {})})


def free_held(session: AnySession, holder_prefix: str) -> None:
    """Free what a process that is dead for sure held."""
    held = SyncItem.held_by.startswith(holder_prefix, autoescape=True) & (SyncItem.state == "running")
    session.execute(update(SyncItem).where(held).values(state="waiting", held_by=None, held_until_us=0))


def is_cancelled(session: AnySession, taken: Taken) -> bool:
    """Tell whether the item was given up by somebody else: nobody goes on with it."""
    place = (SyncItem.job_id == taken.job_id) & (SyncItem.record_id == taken.record_id)
    return session.scalar(select(SyncItem.state).where(place)) == "failed"


def cancel(session: AnySession, job: SyncJob, actor: str, now_us: int) -> None:
    """Give up what has not been copied yet; what is copied stays. Runs within a write transaction."""
    going = (SyncItem.job_id == job.id) & SyncItem.state.in_(GOING)
    other = aliased(SyncItem)
    is_there = exists().where(other.record_id == SyncItem.record_id, other.target == SyncItem.target)
    is_still_wanted = is_there.where(other.job_id != job.id, other.state != "failed")
    gone = select(SyncItem.record_id).where(going, SyncItem.target == Record.sync_location, ~is_still_wanted)
    clear = update(Record).where(Record.id.in_(gone.where(SyncItem.record_id == Record.id))).values(sync_location=None)
    session.execute(clear, execution_options={"synchronize_session": False})
    values = {"state": "failed", "error": f"cancelled by {actor}", "held_by": None, "held_until_us": 0}
    given_up = update(SyncItem).where(going).values(**values, ended_us=now_us)
    session.execute(given_up, execution_options={"synchronize_session": False})
    _end_jobs(session, [job.id], now_us)


def pause_us(tries: int, first_us: int) -> int:
    """Return the pause after so many tries: doubled each time, an hour at most."""
    return min(first_us << min(tries - 1, 20), LONGEST_PAUSE_US)


def _hold_until(now_us: int) -> int:
    return now_us + int(HOLD_S * 1_000_000)


def _change(session: AnySession, taken: Taken, values: dict[str, Any]) -> bool:
    result = session.execute(update(SyncItem).where(taken.is_mine).values(**values))
    assert isinstance(result, CursorResult)
    return bool(result.rowcount)


def _end_jobs(session: AnySession, job_ids: Iterable[str], now_us: int) -> None:
    """Write down the end of jobs that have nothing left to do."""
    left = exists().where(SyncItem.job_id == SyncJob.id, SyncItem.state.in_(GOING))
    ended: Sequence[str] = list(job_ids)
    query = update(SyncJob).where(SyncJob.id.in_(ended), SyncJob.ended_us.is_(None), ~left).values(ended_us=now_us)
    session.execute(query, execution_options={"synchronize_session": False})
