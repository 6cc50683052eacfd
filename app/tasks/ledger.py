"""Settling the ledger of missing seconds. What is due is found in the database; any message may be lost."""

import threading
import time

from celery import shared_task
from celery.signals import worker_shutting_down

from app.archive.losses import Settler
from app.models.types import now_us
from app.tasks.context import task_app

TURN_S = 5.0  # what is left is done in the next turn: other tasks have their share of the threads
_lock = threading.Lock()
_is_ending = threading.Event()
_settlers: dict[str, Settler] = {}


@shared_task(name="playback.settle_losses")  # type: ignore[untyped-decorator]
def settle_losses() -> None:
    """Write down the causes of what is missing, up to a minute ago."""
    if not _lock.acquire(blocking=False):
        return
    try:
        app, until_s = task_app(), time.monotonic() + TURN_S
        settler = _settlers.setdefault(app.config["PLAYBACK"].database_url, Settler())
        with app.app_context():
            settler.run(now_us(), lambda: _is_ending.is_set() or time.monotonic() > until_s)
    finally:
        _lock.release()


@worker_shutting_down.connect  # type: ignore[untyped-decorator]
def _end(**_: object) -> None:
    """Let a turn end at once: the worker waits for its tasks."""
    _is_ending.set()
