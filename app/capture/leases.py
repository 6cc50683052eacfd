"""Leases: at most one recorder connects to a source. Lost or repeated messages and a second recorder change nothing."""

from collections.abc import Collection

from sqlalchemy import delete, select, update

from app.capture.processes import boot_id, host_id, is_alive, started_ticks
from app.extensions import db, insert_missing, writing
from app.models import Lease, Recorder
from app.models.types import new_uuid, now_us

LEASE_US = 20_000_000
RENEW_S = 5.0
DEAD_AFTER_US = 60_000_000


def register(pid: int, recorder_id: str | None = None) -> str:
    """Write down this recorder; return its id."""
    recorder = Recorder(
        id=recorder_id or new_uuid(),
        host_id=host_id(),
        boot_id=boot_id(),
        pid=pid,
        started_ticks=started_ticks(pid) or 0,
        seen_us=now_us(),
    )
    recorder_id = recorder.id
    with writing() as session:
        session.add(recorder)
    return recorder_id


def claim(recorder_id: str, source_ids: Collection[int], *, is_patient: bool = False) -> set[int]:
    """Take the lease of every source that no living recorder holds; return those held now.

    A lease whose process on this host is dead is taken at once; another once it has run out, but not by one who is
    patient, since our clock was just set.
    """
    free = _free(recorder_id, source_ids, is_patient=is_patient)
    db.session.rollback()
    if not free:  # an idle recorder looks each second, and must not write for it
        return set()
    with writing() as session:
        for source_id in free:
            insert_missing(session, Lease, {"source_id": source_id, "recorder_id": recorder_id, "expires_us": 0})
        query = select(Lease).where(Lease.source_id.in_(free)).order_by(Lease.source_id).with_for_update()
        leases = session.scalars(query.execution_options(populate_existing=True)).all()
        held = _free(recorder_id, free, is_patient=is_patient)
        for lease in leases:
            if lease.source_id in held:
                lease.recorder_id, lease.expires_us = recorder_id, now_us() + LEASE_US
    return held


def _free(recorder_id: str, source_ids: Collection[int], *, is_patient: bool) -> set[int]:
    """Return those sources whose lease this recorder may take, or has."""
    query = select(Lease, Recorder).join(Recorder).where(Lease.source_id.in_(source_ids))
    taken = {
        lease.source_id
        for lease, owner in db.session.execute(query)
        if lease.recorder_id != recorder_id and not _is_free(lease, owner, is_patient=is_patient)
    }
    return set(source_ids) - taken


def _is_free(lease: Lease, owner: Recorder, *, is_patient: bool) -> bool:
    if owner.ended_us is not None or (lease.expires_us < now_us() and not is_patient):
        return True
    return is_alive(owner.host_id, owner.boot_id, owner.pid, owner.started_ticks) is False


def renew(recorder_id: str) -> set[int]:
    """Prolong every lease of this recorder and its own heartbeat; return the sources it still holds."""
    with writing() as session:
        session.execute(update(Recorder).where(Recorder.id == recorder_id).values(seen_us=now_us()))
        session.execute(update(Lease).where(Lease.recorder_id == recorder_id).values(expires_us=now_us() + LEASE_US))
        return set(session.scalars(select(Lease.source_id).where(Lease.recorder_id == recorder_id)))


def release(recorder_id: str, source_ids: Collection[int]) -> None:
    """Give these leases back."""
    if not source_ids:
        return
    with writing() as session:
        session.execute(delete(Lease).where(Lease.recorder_id == recorder_id, Lease.source_id.in_(source_ids)))


def say_ended(recorder_id: str) -> None:
    """Write down that this recorder ends, and forget recorders that are long gone and hold nothing."""
    with writing() as session:
        session.execute(update(Recorder).where(Recorder.id == recorder_id).values(ended_us=now_us()))
        session.execute(
            delete(Recorder).where(
                Recorder.seen_us < now_us() - DEAD_AFTER_US,
                Recorder.id != recorder_id,
                Recorder.id.not_in(select(Lease.recorder_id)),
            )
        )
    db.session.remove()
