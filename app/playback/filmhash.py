"""The MD5 of what `/video/` delivers of a record, computed in the background after its end.

What is due stands in the record's row, so nothing is lost with a process: `hash_due_us` is the instant of the next try,
null where there is nothing to do. Whoever hashes holds the record by `hash_version` -1 and puts the next try off while
it reads; after a crash that instant passes and another takes it. Only one record is hashed at a time.
"""

import hashlib
import logging
import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import Select, and_, or_, select, update

from app.archive.holding import BESIDE_US, has_footage, is_settled
from app.archive.showing import shows_nothing
from app.errors import NoFootage
from app.extensions import db, writing
from app.formats.boxes import FormatError
from app.instants import utc_text
from app.models import Record, Storage
from app.models.types import now_us
from app.playback.byteranges import ByteRange
from app.playback.delivery import Body
from app.playback.fileparts import ShortFile
from app.playback.progressive import FORMAT_VERSION
from app.playback.recordfilm import Span, plan_film

log = logging.getLogger(__name__)

HELD = -1
HOLD_US, RENEW_S = 120_000_000, 30.0
LEAST_PAUSE_US, MOST_PAUSE_US = 2_000_000, 3_600_000_000
AGAIN_US = 6 * 3_600_000_000  # a film that cannot be read: its storage may be mounted again, or never
LOOKED_AT, OUTDATED_A_PASS = 20, 500
WORK_BYTES = 1 << 22  # after so much, as long a pause as it took: whoever records and plays goes first


class _Held:
    """A record that this process holds until `until_us`."""

    def __init__(self, row: Record, until_us: int) -> None:
        assert row.end_us is not None  # only what has ended is held
        self.record_id = row.id
        self.end_us = row.end_us
        self.span = Span(row.source_id, row.begin_us, row.end_us)
        self._until_us = until_us
        self._renewed_s = time.monotonic()

    def renew(self) -> bool:
        """Hold the record for longer where it is time; tell whether it is still held and worth hashing."""
        if time.monotonic() - self._renewed_s < RENEW_S:
            return True
        self._renewed_s = time.monotonic()
        until_us = now_us() + HOLD_US
        is_held = self._change({"hash_due_us": until_us})
        self._until_us = until_us
        return is_held

    def keep(self, md5: str) -> None:
        """Write down the hash."""
        self._change({"hash_md5": md5, "hash_version": FORMAT_VERSION, "hash_due_us": None})

    def give_up(self) -> None:
        """Let the record go, of which no frame was found: for good where it lies between two frames."""
        db.session.rollback()
        is_empty = shows_nothing(db.session, self.span.source_id, self.span.begin_us, self.end_us)
        db.session.rollback()
        if is_empty:
            log.info("record %s shows no frame", self.record_id)
            self.let_go(None)
        else:
            log.warning("record %s has no hash for now: none of its footage can be read", self.record_id)
            self.let_go(now_us() + AGAIN_US)

    def let_go(self, due_us: int | None) -> None:
        """Let the record be hashed at another time, or never."""
        self._change({"hash_version": None, "hash_due_us": due_us})

    def _change(self, values: dict[str, Any]) -> bool:
        """Change the row unless another has taken it, or its footage was deleted; tell whether it was."""
        with writing() as session:
            held = update(Record).where(
                Record.id == self.record_id,
                Record.hash_version == HELD,
                Record.hash_due_us == self._until_us,
                Record.deleted_us.is_(None),
                Record.cut_us.is_(None),
            )
            return session.scalar(held.values(**values).returning(Record.id)) is not None


def hash_next(is_ending: Callable[[], bool] = lambda: False) -> bool:
    """Hash one record that is due; tell whether there was one. `is_ending` is asked often: then the record is let go.

    Needs an app context without a transaction; none is open while files are read.
    """
    _forget_outdated()
    held = _take()
    if held is None:
        return False
    try:
        md5 = _hash(held, is_ending)
    except NoFootage:
        held.give_up()
        return True
    except (FormatError, ShortFile, OSError) as error:
        db.session.rollback()
        log.warning("record %s has no hash for now: %s", held.record_id, error)
        held.let_go(now_us() + AGAIN_US)
        return True
    if md5 is None:
        held.let_go(now_us() + LEAST_PAUSE_US)
    else:
        held.keep(md5)
    return True


def _forget_outdated() -> None:
    """Let the records be hashed anew whose hash is that of another version of the format."""
    is_other = or_(
        and_(Record.hash_version > HELD, Record.hash_version < FORMAT_VERSION), Record.hash_version > FORMAT_VERSION
    )
    found = db.session.scalars(select(Record.id).where(is_other).limit(OUTDATED_A_PASS)).all()
    db.session.rollback()
    if found:
        with writing() as session:
            values = {"hash_md5": None, "hash_version": None, "hash_due_us": 0}
            session.execute(update(Record).where(Record.id.in_(found), is_other).values(**values))


def _due(now: int) -> Select[Any]:
    """Return the query of the ended records that are due."""
    due = select(Record).where(Record.hash_due_us <= now, Record.end_us.is_not(None))
    return due.order_by(Record.hash_due_us).limit(LOOKED_AT)


def _take() -> _Held | None:
    """Hold the next record that is due and whose footage is complete; None for none, or while another is held."""
    is_any = db.session.scalar(_due(now_us()).with_only_columns(Record.id).limit(1)) is not None
    db.session.rollback()
    if not is_any:
        return None
    now = now_us()
    with writing() as session:
        session.execute(select(Storage.id).order_by(Storage.id).limit(1).with_for_update())  # one takes at a time
        # A later one was held before the clock was set back, by a process that has died.
        held_until = Record.hash_due_us.between(now + 1, now + 2 * HOLD_US)
        being = select(Record.id).where(Record.hash_version == HELD, held_until)
        if session.scalar(being.limit(1)) is not None:
            return None
        for row in session.scalars(_due(now)).all():
            if row.deleted_us is not None or row.cut_us is not None or row.end_us is None:
                row.hash_version, row.hash_due_us = None, None
            elif not is_settled(session, row.source_id, row.end_us + BESIDE_US):
                pause_us = min(max((now - row.end_us) // 8, LEAST_PAUSE_US), MOST_PAUSE_US)
                row.hash_version, row.hash_due_us = None, now + pause_us
            elif not has_footage(session, row):
                row.hash_version, row.hash_due_us = None, None  # it failed: there will be nothing
            else:
                row.hash_version, row.hash_due_us = HELD, now + HOLD_US
                return _Held(row, now + HOLD_US)
    return None


def _hash(held: _Held, is_ending: Callable[[], bool]) -> str | None:
    """Return the MD5 of the film of a record; None where that has to be done at another time.

    Raises NoFootage, FormatError, ShortFile, OSError where it cannot be read.
    """
    film = plan_film(held.span, now_us(), utc_text)
    db.session.remove()
    if film.pin is not None:
        return None
    digest = hashlib.md5(usedforsecurity=False)
    begun_s, done_bytes = time.monotonic(), 0
    for block in Body(film.movie.parts).read(ByteRange(0, film.movie.size_bytes)):
        digest.update(block)
        done_bytes += len(block)
        if done_bytes >= WORK_BYTES:
            if is_ending() or not held.renew():
                return None
            time.sleep(time.monotonic() - begun_s)
            begun_s, done_bytes = time.monotonic(), 0
    return digest.hexdigest()
