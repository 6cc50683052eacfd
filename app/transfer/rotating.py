"""Rotation of download keys: a new one every 90 s for ten minutes, or until one is used (docs/design/refer.md).

Everything here happens in the caller's write transaction, with the file's row locked. Any process may turn a rotation,
late or twice: the key that is due follows from when the rotation began.
"""

from sqlalchemy import select, update

from app.archive.auditing import audit
from app.archive.handed import key_hash
from app.archive.outbox import emit
from app.errors import Conflict
from app.extensions import AnySession
from app.models import DownloadLease, File, ReferKey, Rotation
from app.models.refer import DELETED, RAN_OUT, REVOKED
from app.transfer.referkeys import KEY_US, ends_us, is_ahead, key_number, key_of


def begin_rotation(session: AnySession, row: File, at_us: int) -> Rotation | None:
    """Begin to give out keys of a complete file, in the caller's write transaction; None where one goes on."""
    if row.completed_us is None or row.deleted_us is not None:
        return None
    going = open_rotation(session, row.id)
    if going is not None and not _close_overdue(session, row, going, at_us):
        return None
    rotation = Rotation(file_id=row.id, started_us=at_us, first_generation=row.generation + 1)
    session.add(rotation)
    session.flush()
    _issue(session, row, rotation, 0)
    return rotation


def open_rotation(session: AnySession, file_id: int) -> Rotation | None:
    """Return the rotation of a file that has not ended."""
    query = select(Rotation).where(Rotation.file_id == file_id, Rotation.ended_us.is_(None))
    return session.scalar(query.execution_options(populate_existing=True))


def turn(session: AnySession, file_id: int, at_us: int) -> bool:
    """Give a file the key that is due, or end its rotation; tell whether anything was.

    Keys that were due while nobody turned are left out: nobody was told of them.
    """
    row = session.scalar(
        select(File).where(File.id == file_id).with_for_update().execution_options(populate_existing=True)
    )
    return row is not None and turn_row(session, row, at_us)


def turn_row(session: AnySession, row: File, at_us: int) -> bool:
    """Do as `turn` with a file that is locked already."""
    rotation = open_rotation(session, row.id)
    if rotation is None:
        return False
    if row.deleted_us is not None:
        end_of_file(session, row, at_us)
        return True
    if _close_overdue(session, row, rotation, at_us):
        return True
    number = key_number(rotation, at_us)
    if rotation.first_generation + number <= row.generation:
        return False
    _issue(session, row, rotation, number)
    return True


def next_turn_us(rotation: Rotation, generation: int) -> int:
    """Return when the next key is due, or the end; `generation` is of the last key."""
    number = generation - rotation.first_generation + 1
    return min(rotation.started_us + number * KEY_US, ends_us(rotation))


def due(session: AnySession, at_us: int) -> list[int]:
    """Return the ids of the files whose rotation is to be turned or ended. Few rotations are open at a time."""
    query = select(Rotation, File.generation).join(File, File.id == Rotation.file_id)
    found = session.execute(query.where(Rotation.ended_us.is_(None)).order_by(Rotation.file_id)).all()
    return [
        rotation.file_id
        for rotation, generation in found
        if at_us >= next_turn_us(rotation, generation) or is_ahead(rotation.started_us, at_us)
    ]


def end_rotation(session: AnySession, row: File, rotation: Rotation, reason: str, at_us: int) -> None:
    """End a rotation and tell of it."""
    rotation.ended_us, rotation.reason = at_us, reason
    emit(session, row, "status", rotation=reason)


def restart(session: AnySession, row: File, actor: str, at_us: int) -> bool:
    """Give out keys anew; where a rotation goes on, only the key that is due. Tell whether one began.

    Raises Conflict before the file is complete.
    """
    if row.completed_us is None:
        message = f"file {row.id} is not complete: its key comes by itself when its last byte is stored"
        raise Conflict(message, loc=("path", "file_id"), kind="not_complete")
    if begin_rotation(session, row, at_us) is None:
        turn_row(session, row, at_us)
        return False
    audit(session, actor, "refer.restart", str(row.id), generation=row.generation)
    return True


def revoke(session: AnySession, row: File, actor: str, at_us: int) -> None:
    """Let no key of a file open it any more, and cut off who downloads. Changes nothing where none opens it."""
    keys = session.execute(
        update(ReferKey).where(ReferKey.file_id == row.id, ReferKey.revoked_us.is_(None)).values(revoked_us=at_us)
    )
    if keys.rowcount:  # type: ignore[attr-defined]
        if open_rotation(session, row.id) is None:
            emit(session, row, "status", rotation=REVOKED)  # who listens still has the address of a used key
        cut = _withdraw(session, row, REVOKED, at_us)
        audit(session, actor, "refer.revoke", str(row.id), generation=row.generation, cut=cut)


def end_of_file(session: AnySession, row: File, at_us: int) -> None:
    """End what gives out a file that is being deleted; who downloads it is cut off within seconds."""
    _withdraw(session, row, DELETED, at_us)


def _withdraw(session: AnySession, row: File, reason: str, at_us: int) -> int:
    """End the rotation and every lease of a file; return how many leases. Who sends notices at the next beat."""
    rotation = open_rotation(session, row.id)
    if rotation is not None:
        end_rotation(session, row, rotation, reason, at_us)
    running = (DownloadLease.file_id == row.id) & DownloadLease.ended_us.is_(None)
    ended = session.execute(update(DownloadLease).where(running).values(ended_us=at_us))
    return int(ended.rowcount)  # type: ignore[attr-defined]


def _close_overdue(session: AnySession, row: File, rotation: Rotation, at_us: int) -> bool:
    """End a rotation whose ten minutes are over, or that lies in the future since the clock was set back."""
    if is_ahead(rotation.started_us, at_us):
        end_rotation(session, row, rotation, RAN_OUT, at_us)
    elif at_us >= ends_us(rotation):
        end_rotation(session, row, rotation, RAN_OUT, ends_us(rotation))
    return rotation.ended_us is not None


def _issue(session: AnySession, row: File, rotation: Rotation, number: int) -> None:
    """Give out the key of a number, as from the instant it was due."""
    issued_us = rotation.started_us + number * KEY_US
    before = (ReferKey.rotation_id == rotation.id) & ReferKey.superseded_us.is_(None)
    session.execute(update(ReferKey).where(before).values(superseded_us=ReferKey.issued_us + KEY_US))
    row.generation = rotation.first_generation + number
    key = ReferKey(
        file_id=row.id,
        rotation_id=rotation.id,
        generation=row.generation,
        key_sha256=key_hash(key_of(row, row.generation)),
        issued_us=issued_us,
    )
    session.add(key)
    session.flush()
    emit(session, row, "download", generation=row.generation)
