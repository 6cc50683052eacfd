"""Guards the disk of one storage: looks at it, makes room on it before it is full, tells the operator how it is.

Two threads a storage, so that neither a disk that hangs nor a database that is locked holds up the others:

- the look asks the disk alone: is it there, how much is free, how long does a small write take;
- the tending uses the database: opens the storage, evicts, writes the row and the notices.
"""

import contextlib
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable

from flask import Flask
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from app.archive import places
from app.archive.deletion import Act
from app.archive.evicting import evict
from app.archive.guards import why_not_there
from app.archive.notices import note
from app.archive.storagefigures import used_bytes
from app.archive.storages import open_one, read_marker, take_write
from app.archive.unlinking import has_doomed, unlink_doomed
from app.capture.ballast import Ballast
from app.capture.disks import AWAY, FULL, OK, READ_ONLY, SLOW, SLOW_S, WAYS_OUT, Disk, away_detail, state_of
from app.capture.watchdog import shared_heartbeat
from app.errors import PlaybackError
from app.extensions import AnySession, db, writing
from app.models import Storage
from app.models.types import now_us
from instance.config import Config

log = logging.getLogger(__name__)

LOOK_S = 0.25
WRITE_S = 5.0  # between two measured writes; of a disk that is not well:
RETRY_S = 0.5
TELL_S = 10.0
OPEN_S = 2.0
BALLAST_S = 10.0
WORST_S = 300.0
BUDGET_S, BUDGET_SHARE = 10.0, 50  # between two sums over a storage's footage, and so many times their own cost
KNOWN_S, UNKNOWN_S = 600.0, 10.0  # between two comparisons of the database with the folders of a disk
GOOD_WRITES = 3  # quick ones in a row end the state `slow`
DOOMED_LIMIT = 2000
HEARTBEAT_S = 1.0
RECENT_US = 600_000_000
SUBJECT_CHARACTERS = 64


class Guard:
    """The guard of one disk."""

    def __init__(
        self,
        app: Flask,
        config: Config,
        disk: Disk,
        recorder_is_alive: Callable[[], bool],
        has_room_beside: Callable[[Disk], bool] = lambda _: False,
    ) -> None:
        self._app = app
        self._has_room_beside = has_room_beside
        self._disk = disk
        self._recorder_is_alive = recorder_is_alive
        self._ballast = Ballast(disk.root, config.BALLAST_BYTES)
        runs = {"look": self._look_for_ever, "tend": self._tend_for_ever}
        self._threads = [
            threading.Thread(target=run, name=f"{name} {disk.priority}", daemon=True) for name, run in runs.items()
        ]
        self._ended = threading.Event()
        self._needed = threading.Event()  # there is something to tend at once
        self._writes: deque[tuple[float, int]] = deque(maxlen=1000)  # instants and lengths (us) of measured writes
        self._quick = 0
        self._write_due_s = self._ballast_due_s = self._beat_due_s = 0.0
        self._budget_due_s = 0.0
        self._over_bytes = 0
        self._is_told_doomed = False
        self._unknown: str | None = None
        self._known_due_s = 0.0
        self._fault = ""
        self._told: tuple[str, str | None] | None = None
        self._tell_due_s = 0.0
        self.opened: Callable[[Disk], None] = lambda _: None  # called once, when marker and row are known

    def start(self) -> None:
        """Start both threads."""
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        """Let both threads end; one that hangs is left."""
        self._ended.set()
        self._needed.set()

    def join(self, limit_s: float) -> None:
        """Wait for the end of both."""
        until_s = time.monotonic() + limit_s
        for thread in self._threads:
            thread.join(max(0.0, until_s - time.monotonic()))

    # The look: no database.

    def _look_for_ever(self) -> None:
        while not self._ended.is_set():
            if self._disk.storage_id:
                self._disk.looking_s = time.monotonic()
                try:
                    self._look()
                except Exception:  # a fault of ours must not leave the disk without a guard
                    log.exception("the storage %s: a fault of its guard", self._disk.name)
                finally:
                    self._disk.looking_s = None
            self._ended.wait(LOOK_S)

    def _look(self) -> None:
        disk = self._disk
        before = disk.seen_state
        try:
            state, detail = self._measure()
        except OSError as error:
            state = state_of(error)
            detail = f"{WAYS_OUT[state]} ({error.strerror})"
        if disk.suspected and state == OK:
            disk.suspected = False
        disk.set_state(state, detail)
        disk.is_tight = self._is_tight
        if state != before or (self._is_short and not disk.is_exhausted) or self._over_bytes > 0:
            self._needed.set()

    def _measure(self) -> tuple[str, str]:
        """Look at the disk; return its state. Raises OSError."""
        disk, now_s = self._disk, time.monotonic()
        found_id = read_marker(disk.root)
        if found_id != disk.storage_id:
            return AWAY, away_detail(found_id, disk.storage_id)
        found = os.statvfs(disk.root)
        disk.total_bytes, disk.free_bytes = found.f_blocks * found.f_frsize, found.f_bavail * found.f_frsize
        if found.f_flag & os.ST_RDONLY:
            return READ_ONLY, WAYS_OUT[READ_ONLY]
        self._keep_ballast(now_s)
        if now_s >= self._write_due_s or disk.suspected:
            self._write()
            self._write_due_s = now_s + (WRITE_S if disk.state == OK else RETRY_S)
        if now_s >= self._beat_due_s and self._recorder_is_alive():
            shared_heartbeat(disk.root / places.LIVE).touch()
            self._beat_due_s = now_s + HEARTBEAT_S
        if self._quick < GOOD_WRITES:
            return SLOW, WAYS_OUT[SLOW]
        if not self._is_short:
            disk.is_exhausted = False
        return (FULL, WAYS_OUT[FULL]) if disk.is_exhausted else (OK, "")

    def _write(self) -> None:
        """Measure a small write that lasts. Raises OSError."""
        path = self._disk.root / places.LIVE / f".probe.{os.getpid()}"
        begun_s = time.monotonic()
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.pwrite(handle, b"x" * 512, 0)
            os.fdatasync(handle)
        finally:
            os.close(handle)
            path.unlink(missing_ok=True)
        took_s = time.monotonic() - begun_s
        is_first = not self._writes
        self._writes.append((begun_s, round(took_s * 1e6)))
        if took_s > SLOW_S:
            self._quick = 0
        elif took_s < SLOW_S / 3:
            self._quick = GOOD_WRITES if is_first else self._quick + 1

    def _keep_ballast(self, now_s: float) -> None:
        disk = self._disk
        if not self._writes:
            self._ballast.find()
        floor_bytes = self._ballast.size_bytes // 4
        if self._ballast.size_bytes and disk.free_bytes < floor_bytes:
            log.warning("the disk of the storage %s is full: %d bytes of the ballast are given up", disk.name,
                        self._ballast.release())  # fmt: skip
            self._ballast_due_s = now_s + BALLAST_S
        elif now_s >= self._ballast_due_s:
            self._ballast_due_s = now_s + BALLAST_S
            spare_bytes = disk.free_bytes - disk.settings.reserve_bytes
            with contextlib.suppress(OSError):  # it is tried again
                self._ballast.build(disk.total_bytes, spare_bytes)

    @property
    def _is_short(self) -> bool:
        """Tell whether less is free than is to be: an eighth more than the reserve, so that the reserve stays free."""
        return self._disk.free_bytes < self._disk.settings.reserve_bytes * 9 // 8

    @property
    def _is_tight(self) -> bool:
        """Tell whether little is left of the room, so that something will have to go soon."""
        disk = self._disk
        budget_bytes = disk.settings.budget_bytes or 0
        left_bytes = disk.free_bytes - disk.settings.reserve_bytes
        return left_bytes < disk.total_bytes // 10 or self._over_bytes > -budget_bytes // 10 < 0

    # The tending: within an app context.

    def _tend_for_ever(self) -> None:
        with self._app.app_context():
            while not self._ended.is_set():
                self._needed.wait(self._try_to_tend())
                self._needed.clear()
                if self._disk.is_settled:
                    self._ended.wait(0.05)

    def _try_to_tend(self) -> float:
        """Do what is due; return how long nothing is. What fails is logged when it begins to."""
        try:
            pause_s = self._tend()
            self._fault = ""
            return pause_s
        except SQLAlchemyError as error:
            cause = type(getattr(error, "orig", error)).__name__
            if self._is_news(f"the database cannot be used now ({cause})"):
                log.warning("the storage %s: %s", self._disk.name, self._fault)
        except OSError as error:
            if self._is_news(str(error.strerror)):
                log.error("the storage %s: %s", self._disk.name, self._fault)
        except Exception as error:  # a fault of ours must not leave the disk without a guard
            if self._is_news(f"a fault of its guard ({type(error).__name__})"):
                log.exception("the storage %s: %s", self._disk.name, self._fault)
            return OPEN_S
        return LOOK_S if self._disk.is_settled else 0.1

    def _is_news(self, fault: str) -> bool:
        """Undo what was begun; tell whether it failed otherwise the last time: it is tried again and again."""
        db.session.rollback()
        before, self._fault = self._fault, fault
        return fault != before

    def _tend(self) -> float:
        """Do what is due; return how long nothing is."""
        if not self._disk.storage_id:
            return self._open()
        self._sum_up()
        if self._disk.state in (OK, FULL, SLOW) and (self._is_short or self._over_bytes > 0):
            self._make_room()
        self._tell()
        return LOOK_S if self._is_short and not self._disk.is_exhausted else 1.0

    def _open(self) -> float:
        disk = self._disk
        try:
            disk.storage_id = open_one(disk.settings, disk.priority)
        except PlaybackError as error:
            if disk.detail != error.message:
                log.error("%s", error.message)
            disk.set_state(AWAY, error.message)
            disk.is_settled = True
            self._tell_unopened()
            return OPEN_S
        finally:
            db.session.rollback()
        disk.set_state(OK, "")
        disk.is_settled = True
        with writing() as session:
            self._note_opening(session, is_bad=False, text=f"the storage {disk.name} is there")
        self.opened(disk)
        return 0.0

    def _sum_up(self) -> None:
        """Find how much more than its budget the storage holds."""
        budget_bytes, now_s = self._disk.settings.budget_bytes, time.monotonic()
        if budget_bytes is None or now_s < self._budget_due_s:
            return
        self._over_bytes = used_bytes(db.session).get(self._disk.storage_id, 0) - budget_bytes
        db.session.rollback()
        took_s = time.monotonic() - now_s
        self._budget_due_s = now_s + max(BUDGET_S, BUDGET_SHARE * took_s)

    def _make_room(self) -> None:
        """Evict what the reserve and the budget ask for; find out whether nothing more can be."""
        disk, reserve_bytes = self._disk, self._disk.settings.reserve_bytes
        # What is deleted already comes first; where that cannot be removed, deleting more would give no room.
        while unlink_doomed(DOOMED_LIMIT, storage_id=disk.storage_id) == DOOMED_LIMIT:
            pass
        if has_doomed(disk.storage_id):
            disk.is_exhausted = self._is_short
            if not self._is_told_doomed:
                log.error("the storage %s: files of deleted footage cannot be removed: nothing is evicted", disk.name)
            self._is_told_doomed = True
            return
        self._is_told_doomed = False
        found = os.statvfs(disk.root)
        disk.free_bytes = found.f_bavail * found.f_frsize
        short_bytes = reserve_bytes * 5 // 4 - disk.free_bytes if self._is_short else 0
        need_bytes = max(short_bytes, self._over_bytes)
        if need_bytes <= 0:
            return
        if self._is_unknown():
            disk.is_exhausted = self._is_short
            return
        rule, reason = ("reserve", "the disk had less free than its reserve") if short_bytes > 0 else (
            "budget", "the storage held more than its budget")  # fmt: skip
        act = Act("recorder", rule, reason)
        # What was just recorded stays while recording can go on elsewhere.
        until_us = now_us() - RECENT_US if short_bytes > 0 and self._has_room_beside(disk) else None
        gone = evict(disk.storage_id, need_bytes, act, keeps_minima=short_bytes <= 0, until_us=until_us)
        if gone.segments:
            log.info("the storage %s: %s: evicted %d segments, %d MiB", disk.name, reason, gone.segments,
                     gone.size_bytes >> 20)  # fmt: skip
        self._over_bytes = max(0, self._over_bytes - gone.size_bytes) if gone.segments else 0
        self._budget_due_s = min(self._budget_due_s, time.monotonic() + BUDGET_S)
        found = os.statvfs(disk.root)
        disk.free_bytes = found.f_bavail * found.f_frsize
        # Once it is, until the reserve is free: what is recorded now and goes at once is no room.
        disk.is_exhausted = disk.free_bytes < reserve_bytes and (disk.is_exhausted or not gone.segments)

    def _is_unknown(self) -> bool:
        """Tell whether the database does not know the footage of the disk: it is new or was restored."""
        disk, now_s = self._disk, time.monotonic()
        if now_s >= self._known_due_s:
            was, self._unknown = self._unknown, why_not_there(db.session, disk.storage_id, disk.root)
            db.session.rollback()
            self._known_due_s = now_s + (UNKNOWN_S if self._unknown else KNOWN_S)
            if self._unknown is not None and was is None:
                log.error("the storage %s: nothing is evicted: %s", disk.name, self._unknown)
        return self._unknown is not None

    def _tell(self) -> None:
        """Write the row, when the state has changed or from time to time, and the notice of a change."""
        disk, now_s = self._disk, time.monotonic()
        state = disk.seen_state
        detail = (WAYS_OUT[SLOW] if state != disk.state else disk.detail) or None
        if self._told == (state, detail) and now_s < self._tell_due_s:
            return
        if state == OK and not disk.total_bytes:
            return  # it was opened just now, and is measured in a moment
        with writing() as session:
            row = session.get(Storage, disk.storage_id)
            if row is None:
                return
            if row.state != state or row.state_us is None:
                row.state, row.state_us = state, now_us()
            row.state_detail = detail
            row.total_bytes, row.free_bytes, row.looked_us = disk.total_bytes, disk.free_bytes, now_us()
            lengths = [length_us for at_s, length_us in list(self._writes) if at_s > now_s - WORST_S]
            synced = take_write(disk.storage_id)
            row.write_us = synced[0] if synced is not None else self._writes[-1][1] if self._writes else None
            row.write_worst_us = max([*lengths, *(synced or ())[1:]], default=None)
            self._note(session, state, detail)
        self._told, self._tell_due_s = (state, detail), now_s + TELL_S

    def _note(self, session: AnySession, state: str, detail: str | None) -> None:
        disk = self._disk
        text = f"the storage {disk.name} works again" if state == OK else f"the storage {disk.name}: {detail}"
        if note(session, "storage", disk.storage_id, is_bad=state != OK, text=text, storage_id=disk.storage_id):
            log.log(logging.INFO if state == OK else logging.ERROR, "%s", text)

    def _note_opening(self, session: AnySession, *, is_bad: bool, text: str) -> None:
        """Note whether a storage could be opened that has no id yet: it is told by the end of its path."""
        note(session, "storage", str(self._disk.root)[-SUBJECT_CHARACTERS:], is_bad=is_bad, text=text)

    def _tell_unopened(self) -> None:
        """Write into the row of a storage that is not mounted that it is away; where there is none, tell of it."""
        disk = self._disk
        row = db.session.scalar(select(Storage).where(Storage.path == str(disk.root)))
        if row is None:
            with writing() as session:
                self._note_opening(session, is_bad=True, text=disk.detail)
            return
        if row.state == AWAY and row.state_detail == disk.detail:
            return
        storage_id = row.id
        with writing() as session:
            row = session.get(Storage, storage_id)
            if row is not None:
                row.state, row.state_us, row.state_detail = AWAY, now_us(), disk.detail
                text = f"the storage {disk.name}: {disk.detail}"
                note(session, "storage", storage_id, is_bad=True, text=text, storage_id=storage_id)
