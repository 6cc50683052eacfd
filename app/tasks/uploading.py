"""What is left to do for uploads. What is due is found in the database; any message may be lost."""

import threading
from pathlib import Path

from celery import shared_task
from celery.signals import worker_shutting_down

from app.models.types import now_us
from app.review.resultfile import remove_left
from app.tasks.context import task_app
from app.transfer.uploadsweep import sweep

_lock = threading.Lock()
_is_ending = threading.Event()


@shared_task(name="playback.tend_files")  # type: ignore[untyped-decorator]
def tend_files() -> None:
    """Give up what nobody goes on with, complete what is whole, find types and lengths, remove deleted bytes."""
    if not _lock.acquire(blocking=False):
        return
    try:
        with task_app().app_context():
            sweep(now_us(), _is_ending.is_set)
    finally:
        _lock.release()


@shared_task(name="playback.remove_left")  # type: ignore[untyped-decorator]
def remove_left_results() -> None:
    """Remove what killed processes have left of results that never came whole."""
    for storage in task_app().config["PLAYBACK"].storages:
        remove_left(Path(storage.path))


@worker_shutting_down.connect  # type: ignore[untyped-decorator]
def _end(**_: object) -> None:
    """Let it end after the file that it is at."""
    _is_ending.set()
