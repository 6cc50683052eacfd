"""Jobs of copying as rows: asked for, taken by workers one record at a time, ended.

An item is taken by a transaction that no other runs beside, so that no two workers copy the same record, nor two jobs
to the same name, and at most `SYNC_AT_ONCE` go on over all workers. Who holds an item renews that while it copies; what
a killed worker held is free again after `HOLD_S`, or when the worker of the same instance starts.
"""

from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import ColumnElement, Select, Table, exists, select, update
from sqlalchemy.engine import CursorResult
from sqlalchemy.orm import aliased

from app.archive.auditing import audit
from app.archive.bounds import Sources, is_within, within
from app.extensions import AnySession
from app.models import Record, SyncItem, SyncJob, Tag
from app.models.types import new_uuid
from app.transfer.addresses import Location
from app.transfer.naming import copy_location, file_name, safe_name

HOLD_S = 20.0
LONGEST_PAUSE_US = 3_600_000_000
TAKING_LOCK = 7_216_002  # any number that nothing else in this database locks
GOING = ("waiting", "running")
CANCELLED = "cancelled by "  # how the error of an item begins that was given up because somebody asked for it
_table = cast(Table, SyncItem.__table__)
Items = list[dict[str, Any]]


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


def ask(
    session: AnySession, tag: Tag, given: str, location: Location, now_us: int, sources: Sources
) -> tuple[dict[str, Any], Items]:
    """Return the rows of a job of all records of these sources that a tag has now, to be stored by `store`."""
    root = location.root.text
    job: dict[str, Any] = {"id": new_uuid(), "created_us": now_us, "tag_id": tag.id, "location": given}
    job |= {"root": root, "path": "/".join(location.below)}
    columns = select(Record.id, Record.begin_us, Record.source_id, Record.deleted_us).where(Record.tag_id == tag.id)
    rows = session.execute(within(columns, Record.source_id, sources).order_by(Record.begin_us, Record.source_id))
    folder = safe_name(tag.name)
    items = [_item(job["id"], row, now_us + number, location, folder) for number, row in enumerate(rows)]
    return job, items


def store(session: AnySession, job: dict[str, Any], items: Items) -> None:
    """Store a job; say in each record where it is to be copied. Runs within a write transaction, and is quick."""
    has_work = any(item["state"] == "waiting" for item in items)
    session.add(SyncJob(**job, ended_us=None if has_work else job["created_us"]))
    session.flush()
    audit(session, job["actor"], "sync.create", job["id"], location=job["location"], records=len(items))
    if items:
        session.connection().execute(_table.insert(), items)
    target = select(SyncItem.target).where(SyncItem.job_id == job["id"], SyncItem.record_id == Record.id)
    waiting = select(SyncItem.record_id).where(SyncItem.job_id == job["id"], SyncItem.state == "waiting")
    query = update(Record).where(Record.id.in_(waiting)).values(sync_location=target.scalar_subquery())
    session.execute(query, execution_options={"synchronize_session": False})


def _item(job_id: str, row: Any, due_us: int, location: Location, folder: str) -> dict[str, Any]:
    """Return an item; that of a deleted file has failed. `due_us` is also the order: an index keeps it."""
    is_gone = row.deleted_us is not None
    name = file_name(row.begin_us, row.source_id, row.id)
    is_peer = location.root.is_peer
    return {
        "job_id": job_id,
        "record_id": row.id,
        "state": "failed" if is_gone else "waiting",
        "due_us": due_us,
        "held_until_us": 0,
        "tries": 0,
        "copied_bytes": 0,
        "target": copy_location(location.root, row.id)
        if is_peer
        else location.root.address([*location.below, folder, name]),
        "error": "the file of the record was deleted before it was copied" if is_gone else None,
        "ended_us": due_us if is_gone else None,
    }


def has_due(session: AnySession, now_us: int) -> bool:
    """Tell whether anything may be taken now; asked often, and cheap."""
    queries = [_due(state, now_us).with_only_columns(SyncItem.record_id).limit(1) for state in GOING]
    return any(session.scalar(query) is not None for query in queries)


def take(session: AnySession, holder: str, at_once: int, now_us: int) -> Taken | None:
    """Take the item that is due first; None where there is none or enough go on. Runs within a write transaction."""
    if session.get_bind().dialect.name == "postgresql":
        session.connection().exec_driver_sql(f"SELECT pg_advisory_xact_lock({TAKING_LOCK})")
    held = select(SyncItem.target).where(SyncItem.state == "running", SyncItem.held_until_us > now_us)
    busy = set(session.scalars(held))
    if len(busy) >= at_once:
        return None
    # State by state: then the index has the order, and the first row is found at once however many there are.
    # What another transaction is just changing, cancelling as it may be, is left to the next look.
    queries = [
        _due(state, now_us).where(SyncItem.target.not_in(busy)).limit(1).with_for_update(of=SyncItem, skip_locked=True)
        for state in GOING[::-1]
    ]
    found = next((row for query in queries if (row := session.execute(query).first()) is not None), None)
    if found is None:
        return None
    item, job, tag_name = found
    item.state, item.held_by, item.held_until_us = "running", holder, _hold_until(now_us)
    item.tries += 1
    return Taken(job.id, item.record_id, holder, item.tries, job.root, job.path, tag_name, item.target or "")


def _due(state: str, now_us: int) -> Select[SyncItem, SyncJob, str]:
    """Return what may be taken, what is due first at first: its record has ended, and nobody holds it."""
    is_over = exists().where(Record.id == SyncItem.record_id, Record.end_us.is_not(None))
    return (
        select(SyncItem, SyncJob, Tag.name)
        .join(SyncJob, SyncJob.id == SyncItem.job_id)
        .join(Tag, Tag.id == SyncJob.tag_id)
        .where(SyncItem.state == state, SyncItem.due_us <= now_us, SyncItem.held_until_us <= now_us, is_over)
        .order_by(SyncItem.due_us)
    )


def renew(session: AnySession, taken: Taken, copied_bytes: int, size_bytes: int | None, now_us: int) -> bool:
    """Hold the item on and write down how far it is; False where it is ours no more."""
    values = {"held_until_us": _hold_until(now_us), "copied_bytes": copied_bytes, "size_bytes": size_bytes}
    return _change(session, taken, values)


def finish(session: AnySession, taken: Taken, size_bytes: int, md5: str, now_us: int) -> None:
    """Write down that the record is copied."""
    values = {"state": "done", "size_bytes": size_bytes, "copied_bytes": size_bytes, "md5": md5, "error": None}
    if _change(session, taken, {**values, "held_by": None, "held_until_us": 0, "ended_us": now_us}):
        _end_job(session, taken.job_id, now_us)


def fail(session: AnySession, taken: Taken, error: str, now_us: int) -> None:
    """Give the item up."""
    values = {"state": "failed", "error": error, "held_by": None, "held_until_us": 0, "ended_us": now_us}
    if _change(session, taken, values):
        _end_job(session, taken.job_id, now_us)


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


def cancel(session: AnySession, job: SyncJob, actor: str, now_us: int, sources: Sources = None) -> None:
    """Give up what has not been copied yet of these sources; what is copied stays. Runs within a write transaction."""
    going = (SyncItem.job_id == job.id) & SyncItem.state.in_(GOING)
    if sources is not None:
        theirs = aliased(Record)
        going &= exists().where(theirs.id == SyncItem.record_id, is_within(theirs.source_id, sources))
    other = aliased(SyncItem)
    is_wanted = exists().where(other.record_id == SyncItem.record_id, other.target == SyncItem.target)
    is_wanted = is_wanted.where(other.job_id != job.id, other.state != "failed")
    gone = select(SyncItem.record_id).join(Record).where(going, SyncItem.target == Record.sync_location, ~is_wanted)
    clear = update(Record).where(Record.id.in_(gone.correlate(None))).values(sync_location=None)
    session.execute(clear, execution_options={"synchronize_session": False})
    values = {"state": "failed", "error": f"{CANCELLED}{actor}", "held_by": None, "held_until_us": 0}
    given_up = update(SyncItem).where(going).values(**values, ended_us=now_us)
    done = session.execute(given_up, execution_options={"synchronize_session": False})
    if done.rowcount:  # type: ignore[attr-defined]
        audit(session, actor, "sync.cancel", job.id, records=done.rowcount)  # type: ignore[attr-defined]
    _end_job(session, job.id, now_us)


def pause_us(tries: int, first_us: int) -> int:
    """Return the pause after so many tries: doubled each time, an hour at most."""
    return min(first_us << min(tries - 1, 20), LONGEST_PAUSE_US)


def _hold_until(now_us: int) -> int:
    return now_us + int(HOLD_S * 1_000_000)


def _change(session: AnySession, taken: Taken, values: dict[str, Any]) -> bool:
    result = session.execute(update(SyncItem).where(taken.is_mine).values(**values))
    assert isinstance(result, CursorResult)
    return bool(result.rowcount)


def _end_job(session: AnySession, job_id: str, now_us: int) -> None:
    """Write down the end of a job that has nothing left to do. Of two last items one waits: it sees both ended."""
    session.execute(select(SyncJob.id).where(SyncJob.id == job_id).with_for_update())
    left = exists().where(SyncItem.job_id == SyncJob.id, SyncItem.state.in_(GOING))
    query = update(SyncJob).where(SyncJob.id == job_id, SyncJob.ended_us.is_(None), ~left).values(ended_us=now_us)
    session.execute(query, execution_options={"synchronize_session": False})
