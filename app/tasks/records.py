"""What is done for recordings in the background. Each task finds in the database what is due; any may be lost."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from celery import shared_task
from celery.signals import worker_shutting_down

from app.archive.continuing import continue_records
from app.archive.recordlist import Lister
from app.archive.unlinking import unlink_doomed
from app.playback.filmhash import hash_next
from app.tasks.context import task_app

UNLINKED_A_PASS = 20_000
HASHING_S = 30.0

_is_ending = threading.Event()
_hashing, _listing, _continuing, _unlinking = (threading.Lock() for _ in range(4))
_listers: dict[str, Lister] = {}


@shared_task(name="playback.list_records")  # type: ignore[untyped-decorator]
def list_records() -> None:
    """Write the playlist files of recordings, and end deletions that had to wait for an open segment."""
    app = task_app()
    config = app.config["PLAYBACK"]
    has_changed = False
    with _alone(_listing) as is_alone, app.app_context():
        if is_alone:
            lister = _listers.setdefault(str(config.storage_path), Lister(config))
            has_changed = lister.run() > 0
    if has_changed:
        hash_records.delay()  # what has ended is hashed soon, not with the next turn of the schedule


@shared_task(name="playback.continue_records")  # type: ignore[untyped-decorator]
def continue_long_records() -> None:
    """Close the records that have become long, each continued by a new one."""
    app = task_app()
    with _alone(_continuing) as is_alone, app.app_context():
        if is_alone:
            continue_records(app.config["PLAYBACK"].RECORD_MAX_S * 1_000_000)


@shared_task(name="playback.hash_records")  # type: ignore[untyped-decorator]
def hash_records() -> None:
    """Hash the recordings that have ended, one after the other, for a while."""
    until_s = time.monotonic() + HASHING_S
    with _alone(_hashing) as is_alone, task_app().app_context():
        while is_alone and time.monotonic() < until_s and not _is_ending.is_set() and hash_next(_is_ending.is_set):
            pass


@worker_shutting_down.connect  # type: ignore[untyped-decorator]
def _end(**_: object) -> None:
    """Let what takes long end at once: the worker waits for its tasks."""
    _is_ending.set()


@shared_task(name="playback.unlink_doomed")  # type: ignore[untyped-decorator]
def unlink() -> None:
    """Remove the files of deleted segments that are still there."""
    with _alone(_unlinking) as is_alone, task_app().app_context():
        if is_alone:
            unlink_doomed(UNLINKED_A_PASS)


@contextmanager
def _alone(lock: threading.Lock) -> Iterator[bool]:
    """Tell whether no other thread is at it: on a slow disk the schedule would fill all threads of the worker."""
    is_alone = lock.acquire(blocking=False)
    try:
        yield is_alone
    finally:
        if is_alone:
            lock.release()
