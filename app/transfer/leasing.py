"""Who downloads a file now: at most ten users at once, counted in the database (docs/design/refer.md).

A place is taken while an answer is being sent and given back when it ends, however that comes. What a process that died
has left counts for 60 s after its last progress. Who has begun may go on with `Range` as long as that, also after the
key has run out. No transaction is open while bytes are sent.
"""

from dataclasses import dataclass
from typing import NamedTuple, NoReturn

from sqlalchemy import ColumnElement, case, delete, exists, func, select, update
from sqlalchemy.orm import aliased

from app.archive.auditing import audit
from app.archive.handed import find_file, key_hash
from app.errors import Conflict, Gone, NotFound, TooMany
from app.extensions import AnySession
from app.instants import utc_text
from app.models import DownloadLease, File, ReferKey, Rotation
from app.models.refer import DOWNLOADED
from app.models.types import new_uuid
from app.transfer.referkeys import GRACE_US, ends_us, is_open, opens_until_us
from app.transfer.rotating import end_rotation

MOST = 10
STALE_US = 60_000_000
KEPT_US = 7 * 86_400_000_000
BY_KEY = "download key"  # whose act it is where nobody has signed in
PLACE = ("path", "refer")
Found = tuple[ReferKey, Rotation]
AGAIN = "a new address comes with the events of GET /download/ID/, or from POST /files/ID/refer/"


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks with a key: an account or nobody in particular, for a part of the file or for all of it."""

    account: str | None
    is_range: bool


def look_up(session: AnySession, key: str, asker: Asker, at_us: int) -> File:
    """Return the file that a key opens now; nothing is begun or counted, and no place needs to be free.

    Raises NotFound, Gone, Deleted, Conflict before the file is complete.
    """
    found = _find(session, key)
    row = find_file(session, found[0].file_id, loc=PLACE)
    _check(session, found, row, asker, at_us)
    return row


def has_ahead(session: AnySession, file_id: int, at_us: int) -> bool:
    """Tell whether leases made their last progress in what is now the future: the clock was set back since."""
    return session.scalar(select(DownloadLease.id).where(*_ahead(file_id, at_us)).limit(1)) is not None


def settle_ahead(session: AnySession, file_id: int, at_us: int) -> None:
    """Let those be seen now for the last time, in the caller's write transaction: whose process lives beats soon."""
    session.execute(update(DownloadLease).where(*_ahead(file_id, at_us)).values(beat_us=at_us))


def _ahead(file_id: int, at_us: int) -> tuple[ColumnElement[bool], ...]:
    running = (DownloadLease.file_id == file_id, DownloadLease.ended_us.is_(None))
    return (*running, DownloadLease.beat_us > at_us + GRACE_US)


def check_room(session: AnySession, file_id: int, asker: Asker, at_us: int) -> None:
    """Refuse early whom `begin_download` would refuse, without waiting for those who write. Raises TooMany."""
    holders = _holders(session, file_id, at_us)
    if len(holders) >= MOST and asker.account not in holders:
        message = f"{len(holders)} users download this file now, which is the most: ask again when one of them is done"
        raise TooMany(message, loc=PLACE)


def begin_download(session: AnySession, key: str, asker: Asker, at_us: int) -> DownloadLease:
    """Take a place for one answer, in the caller's write transaction. The first start of a key ends its rotation.

    Raises as `look_up`, and TooMany.
    """
    row = find_file(session, _file_id(session, key), loc=PLACE, is_locked=True)
    found = _find(session, key)  # as it is now that nobody else can change it
    is_resumed = _check(session, found, row, asker, at_us)
    _end_stale(session, row.id, at_us)
    check_room(session, row.id, asker, at_us)
    lease_id = new_uuid()
    if not is_resumed:
        _count_start(session, row, found, asker, at_us)
        _write_down(session, row, asker)
    lease = DownloadLease(
        id=lease_id, file_id=row.id, key_id=found[0].id, holder=asker.account or lease_id, begun_us=at_us, beat_us=at_us
    )
    session.add(lease)
    session.flush()
    return lease


def beat(session: AnySession, lease_id: str, sent_bytes: int, moved_us: int) -> bool:
    """Write down the last progress of a lease; False where it was ended by others, and sending must end too."""
    own = (DownloadLease.id == lease_id) & DownloadLease.ended_us.is_(None)
    done = session.execute(update(DownloadLease).where(own).values(beat_us=moved_us, sent_bytes=sent_bytes))
    return bool(done.rowcount)  # type: ignore[attr-defined]


def end_lease(session: AnySession, lease_id: str, sent_bytes: int, moved_us: int, at_us: int) -> None:
    """Give a place back; it may be gone on with by `Range` until 60 s after the last progress."""
    if beat(session, lease_id, sent_bytes, moved_us):
        session.execute(update(DownloadLease).where(DownloadLease.id == lease_id).values(ended_us=at_us))


def count_users(session: AnySession, file_id: int, at_us: int) -> int:
    """Return how many users download a file now."""
    return len(_holders(session, file_id, at_us))


class Downloader(NamedTuple):
    """Who downloads a file: an account, None for who has the key and no account; since when."""

    account: str | None
    since_us: int


def downloaders(session: AnySession, file_id: int, at_us: int) -> list[Downloader]:
    """Return who downloads a file now, who began first at first: as many as `count_users` counts."""
    holder, begun_us = DownloadLease.holder, func.min(DownloadLease.begun_us)
    is_nobodys = func.max(case((holder == DownloadLease.id, 1), else_=0))
    query = select(holder, begun_us, is_nobodys).where(*_running(file_id, at_us)).group_by(holder)
    rows = session.execute(query.order_by(begun_us, holder))
    return [Downloader(None if is_nobody else name, int(since_us)) for name, since_us, is_nobody in rows]


def clear(session: AnySession, at_us: int) -> int:
    """Remove leases that ended 7 days ago; the first of each account stays, for it says who was counted."""
    is_nobodys = DownloadLease.holder == DownloadLease.id
    first = aliased(DownloadLease)
    is_before = (first.begun_us < DownloadLease.begun_us) | (
        (first.begun_us == DownloadLease.begun_us) & (first.id < DownloadLease.id)
    )
    one_before = (first.file_id == DownloadLease.file_id) & (first.holder == DownloadLease.holder) & is_before
    old = is_nobodys | exists(select(first.id).where(one_before))
    old &= func.coalesce(DownloadLease.ended_us, DownloadLease.beat_us) < at_us - KEPT_US
    return int(session.execute(delete(DownloadLease).where(old)).rowcount)  # type: ignore[attr-defined]


def _find(session: AnySession, key: str) -> Found:
    """Return the rows of a key and of its rotation. Raises NotFound."""
    query = select(ReferKey, Rotation).join(Rotation, Rotation.id == ReferKey.rotation_id)
    query = query.where(ReferKey.key_sha256 == key_hash(key)).execution_options(populate_existing=True)
    found = session.execute(query).first()
    return (found[0], found[1]) if found is not None else _refuse_unknown(session, key)


def _file_id(session: AnySession, key: str) -> int:
    """Return the id of the file that a key is of. Raises NotFound."""
    file_id = session.scalar(select(ReferKey.file_id).where(ReferKey.key_sha256 == key_hash(key)))
    return file_id if file_id is not None else _refuse_unknown(session, key)


def _refuse_unknown(session: AnySession, text: str) -> NoReturn:
    """Raise NotFound, which repeats nothing of the text."""
    if session.scalar(select(File.id).where(File.refer == text)) is not None:
        message = f"this is the lasting reference of a file and opens no download: {AGAIN}"
        raise NotFound(message, loc=PLACE, kind="not_a_download_key")
    raise NotFound(f"there is no such download key: {AGAIN}", loc=PLACE)


def _check(session: AnySession, found: Found, row: File, asker: Asker, at_us: int) -> bool:
    """Tell whether the request goes on with a download that lives. Raises Gone, Conflict."""
    key, rotation = found
    if key.revoked_us is not None:
        raise Gone(f"this download key was revoked: {AGAIN}", loc=PLACE, kind="key_revoked")
    if row.completed_us is None:
        message = f"file {row.id} is not complete yet: {AGAIN}"
        raise Conflict(message, loc=PLACE, kind="not_complete")
    if asker.is_range and _is_living(session, key, asker, at_us):
        return True
    if is_open(key, rotation, at_us):
        return False
    if opens_until_us(key, rotation) < ends_us(rotation):
        raise Gone(f"this download key was rotated out before it was used: {AGAIN}", loc=PLACE, kind="key_rotated_out")
    raise Gone(f"this download key has run out: {AGAIN}", loc=PLACE, kind="key_expired")


def _is_living(session: AnySession, key: ReferKey, asker: Asker, at_us: int) -> bool:
    """Tell whether a download of the same user under this key has made progress within 60 s."""
    own = DownloadLease.id if asker.account is None else asker.account
    query = select(DownloadLease.id).where(DownloadLease.key_id == key.id, DownloadLease.holder == own)
    recent = (DownloadLease.beat_us > at_us - STALE_US) & (DownloadLease.beat_us <= at_us + GRACE_US)
    return session.scalar(query.where(recent).limit(1)) is not None


def _holders(session: AnySession, file_id: int, at_us: int) -> set[str]:
    """Return who downloads a file now."""
    return set(session.scalars(select(DownloadLease.holder).where(*_running(file_id, at_us))))


def _running(file_id: int, at_us: int) -> tuple[ColumnElement[bool], ...]:
    running = (DownloadLease.file_id == file_id, DownloadLease.ended_us.is_(None))
    return (*running, DownloadLease.beat_us > at_us - STALE_US)


def _end_stale(session: AnySession, file_id: int, at_us: int) -> None:
    """End what has made no progress for 60 s: whoever still sends it learns of it, and does not count beside others."""
    stale = (DownloadLease.file_id == file_id) & DownloadLease.ended_us.is_(None)
    stale &= DownloadLease.beat_us <= at_us - STALE_US
    session.execute(update(DownloadLease).where(stale).values(ended_us=at_us))


def _write_down(session: AnySession, row: File, asker: Asker) -> None:
    """Write down that a download began; what goes on with it by `Range` is the same."""
    span = {"begin_utc": utc_text(row.begin_us), "end_utc": utc_text(row.end_us)} if row.source_id is not None else {}
    audit(session, asker.account or BY_KEY, "download", str(row.id), row.source_id, name=row.name, **span)


def _count_start(session: AnySession, row: File, found: Found, asker: Asker, at_us: int) -> None:
    """Count a start, and end the rotation that the key is of."""
    key, rotation = found
    known = select(DownloadLease.id).where(DownloadLease.file_id == row.id, DownloadLease.holder == asker.account)
    row.downloads += 1
    row.users += asker.account is None or session.scalar(known.limit(1)) is None
    if key.first_used_us is None:
        key.first_used_us = at_us
    if rotation.ended_us is None:
        end_rotation(session, row, rotation, DOWNLOADED, at_us)
