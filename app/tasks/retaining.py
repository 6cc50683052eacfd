"""The pass of retention, in the background: what is due is found in the database, so any pass may be lost."""

import threading

from celery import shared_task

from app.archive.retention import Retention
from app.tasks.context import task_app

_retaining = threading.Lock()
_passes: dict[str, Retention] = {}


@shared_task(name="playback.retain")  # type: ignore[untyped-decorator]
def retain() -> None:
    """Delete what is no longer kept, and make room on storages that come near their limits."""
    if not _retaining.acquire(blocking=False):
        return
    try:
        app = task_app()
        with app.app_context():
            _passes.setdefault(str(app.config["PLAYBACK"].INSTANCE), Retention()).run()
    finally:
        _retaining.release()
