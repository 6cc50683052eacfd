"""The threads of a worker that copy. All state is in the database: what they are in the middle of goes on elsewhere.

Each takes items until none is due. One more thread renews what they hold, writes down how far they are, and notices
what was cancelled or lost; a thread learns of that between two blocks.
"""

import hashlib
import json
import logging
import secrets
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

from flask import Flask

from app.extensions import db, writing
from app.models.types import now_us
from app.transfer import jobs
from app.transfer.addresses import Root, find_root
from app.transfer.copying import CopyRefused, Interrupted, Progress, Recording, copy, copy_description
from app.transfer.jobs import HOLD_S, Taken
from app.transfer.naming import description_name, part_name
from app.transfer.targets import open_target, told
from instance.config import Config

log = logging.getLogger(__name__)
RENEW_S = 4.0
NOT_SETTLED_US = 2_000_000
STUCK_S = 4000.0  # longer than any single wait within a copy


class NotSettled(Exception):
    """The last segment of the record is not closed yet: its bytes may still change."""


OpenRecording = Callable[[str], Recording]


class _Copy:
    """One item that a thread is at."""

    def __init__(self, taken: Taken, stopping: threading.Event, bytes_s: int) -> None:
        self.taken = taken
        self.size_bytes: int | None = None
        self.progress = Progress(self._check, bytes_s)
        self.is_lost = False
        self.renewed_s = self.ticked_s = time.monotonic()
        self._stopping = stopping

    def _check(self) -> None:
        self.ticked_s = time.monotonic()
        if self._stopping.is_set() or self.is_lost or self.ticked_s - self.renewed_s > HOLD_S:
            raise Interrupted


class Copier:
    """Copies what is due. `open_recording` gives the bytes of a record; it raises CopyRefused, NotSettled."""

    def __init__(self, app: Flask, open_recording: OpenRecording) -> None:
        self._app = app
        self._config: Config = app.config["PLAYBACK"]
        self._open_recording = open_recording
        self._threads: set[threading.Thread] = set()
        self._copies: set[_Copy] = set()
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._keeper: threading.Thread | None = None
        self._prefix = holder_prefix(self._config)

    def begin(self) -> None:
        """Free what an earlier worker of this instance held: it is dead, for each instance has one worker."""
        with self._app.app_context(), writing() as session:
            jobs.free_held(session, self._prefix)

    def fill(self) -> None:
        """Start a thread for each item that is due, up to SYNC_AT_ONCE; return at once."""
        while not self._stopping.is_set() and (taken := self._take()) is not None:
            thread = threading.Thread(target=self._work, args=(taken,), name="copier", daemon=True)
            with self._lock:
                self._threads.add(thread)
                if self._keeper is None:
                    self._keeper = threading.Thread(target=self._keep, name="copies", daemon=True)
                    self._keeper.start()
            thread.start()

    def stop(self, limit_s: float = 4.0) -> None:
        """Let every thread end after its block and put its item back; wait for that, but not for ever."""
        self._stopping.set()
        until_s = time.monotonic() + limit_s
        for thread in list(self._threads):
            thread.join(max(0.0, until_s - time.monotonic()))

    def wait(self, limit_s: float) -> bool:
        """Wait until no thread copies; tell whether that came in time."""
        until_s = time.monotonic() + limit_s
        for thread in list(self._threads):
            thread.join(max(0.0, until_s - time.monotonic()))
        return not self._threads

    def _take(self) -> Taken | None:
        with self._app.app_context():
            has_due = jobs.has_due(db.session, now_us())
            db.session.rollback()
            if not has_due:
                return None
            with writing() as session:
                holder = self._prefix + secrets.token_hex(8)
                return jobs.take(session, holder, self._config.SYNC_AT_ONCE, now_us())

    def _work(self, taken: Taken | None) -> None:
        try:
            while taken is not None:
                self._copy(taken)
                taken = None if self._stopping.is_set() else self._take()
        except Exception:
            log.exception("a copier ended; what it held is taken again")
        finally:
            with self._lock:
                self._threads.discard(threading.current_thread())

    def _copy(self, taken: Taken) -> None:
        entry = _Copy(taken, self._stopping, self._config.SYNC_BYTES_S)
        with self._lock:
            self._copies.add(entry)
        with self._app.app_context():
            root = find_root(taken.root, self._config.sync_roots)
            try:
                self._ended(entry, root)
            finally:
                with self._lock:
                    self._copies.discard(entry)

    def _ended(self, entry: _Copy, root: Root | None) -> None:
        """Copy, and write down how it ended."""
        taken = entry.taken
        try:
            if root is None:
                raise CopyRefused(f"{taken.root} does not stand in PLAYBACK_SYNC_TARGETS any more")
            md5 = self._copied(entry, root)
            with writing() as session:
                jobs.finish(session, taken, entry.size_bytes or 0, md5, now_us())
            log.info("record %s is copied to %s", taken.record_id, taken.target)
        except NotSettled:
            with writing() as session:
                jobs.put_back(session, taken, due_us=now_us() + NOT_SETTLED_US, tries=taken.tries - 1)
        except Interrupted:
            self._interrupted(entry, root)
        except CopyRefused as error:
            self._give_up(taken, str(error))
            self._remove_part(taken, root)
        except Exception as error:  # noqa: BLE001  each kind of target has errors of its own: all mean another try
            assert root is not None
            self._failed(entry, told(error, root))

    def _copied(self, entry: _Copy, root: Root) -> str:
        """Copy the record and its description; return the MD5."""
        taken = entry.taken
        recording = self._open_recording(taken.record_id)
        db.session.remove()  # no connection is held while bytes are read and sent
        if taken.tries > 1:  # a hash that is of other bytes than are there now must not fail every try
            recording = Recording(recording.size_bytes, recording.read, None, recording.description)
        entry.size_bytes = recording.size_bytes
        if root.is_peer:
            from app.transfer.peer import copy_to_peer  # and requests, which no other copy needs

            return copy_to_peer(root, taken.record_id, taken.tag_name, recording, entry.progress)
        below, name = target_place(taken, root)
        target = open_target(root, below, self._config)
        try:
            md5 = copy(target, name, recording, entry.progress)
            copy_description(target, description_name(name), _description(name, recording, md5))
        finally:
            target.close()
        return md5

    def _failed(self, entry: _Copy, error: str) -> None:
        """Put the item back for another try, or give it up after the last."""
        taken = entry.taken
        if taken.tries >= self._config.SYNC_TRIES:
            self._give_up(taken, f"{error} (given up after {taken.tries} tries)")
            return
        pause_us = jobs.pause_us(taken.tries, int(self._config.SYNC_PAUSE_S * 1e6))
        log.warning("record %s to %s: %s; tried again in %d s", taken.record_id, taken.target, error, pause_us // 10**6)
        with writing() as session:
            jobs.renew(session, taken, entry.progress.copied_bytes, entry.size_bytes, now_us())
            jobs.put_back(session, taken, due_us=now_us() + pause_us, tries=taken.tries, error=error)

    def _give_up(self, taken: Taken, error: str) -> None:
        log.error("record %s is not copied to %s: %s", taken.record_id, taken.target, error)
        with writing() as session:
            jobs.fail(session, taken, error, now_us())

    def _interrupted(self, entry: _Copy, root: Root | None) -> None:
        """Put the item back, unless it was cancelled."""
        taken = entry.taken
        with writing() as session:
            jobs.put_back(session, taken, due_us=now_us(), tries=taken.tries - 1)
            is_cancelled = jobs.is_cancelled(session, taken)
        if is_cancelled:
            self._remove_part(taken, root)

    def _remove_part(self, taken: Taken, root: Root | None) -> None:
        """Remove what was written of a copy that nobody goes on with: it may be of footage that was deleted."""
        if root is None or root.is_peer:
            return
        try:
            below, name = target_place(taken, root)
            target = open_target(root, below, self._config)
            try:
                target.remove(part_name(name))
            finally:
                target.close()
        except Exception as error:  # noqa: BLE001  each kind of target has errors of its own; the part's name is told
            log.warning("a part of %s was left: %s", taken.target, told(error, root))

    def _keep(self) -> None:
        while not self._stopping.wait(RENEW_S):
            with self._lock:
                copies = [entry for entry in self._copies if time.monotonic() - entry.ticked_s < STUCK_S]
            if copies:
                try:
                    self._renew(copies)
                except Exception:
                    log.exception("copies could not be renewed; they end where that goes on")

    def _renew(self, copies: list[_Copy]) -> None:
        begun_s = time.monotonic()
        with self._app.app_context(), writing() as session:
            held = [
                jobs.renew(session, entry.taken, entry.progress.copied_bytes, entry.size_bytes, now_us())
                for entry in copies
            ]
        for entry, is_held in zip(copies, held, strict=True):
            entry.is_lost = not is_held
            entry.renewed_s = begun_s


def target_place(taken: Taken, root: Root) -> tuple[list[str], str]:
    """Return folder below the root and name of an item's copy."""
    from urllib.parse import unquote

    below = [part for part in taken.path.split("/") if part]
    *_, folder, name = taken.target.split("/")
    if root.scheme != "file":
        folder, name = unquote(folder), unquote(name)
    return [*below, folder], name


def holder_prefix(config: Config) -> str:
    """Return what begins the holder of every item that the worker of this instance takes."""
    place = f"{socket.gethostname()}|{config.instance_path}"
    return hashlib.blake2b(place.encode(), digest_size=8).hexdigest() + "-"


def _description(name: str, recording: Recording, md5: str) -> str:
    values: dict[str, Any] = {**recording.description, "file": name, "size_bytes": recording.size_bytes, "md5": md5}
    return json.dumps(values, indent=2, ensure_ascii=False) + "\n"
