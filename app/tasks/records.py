"""What is done for recordings in the background. Each task finds in the database what is due; any may be lost."""

import threading

from celery import shared_task

from app.archive.recordlist import Lister
from app.archive.unlinking import unlink_doomed
from app.tasks.context import task_app

UNLINKED_A_PASS = 20_000

_listing = threading.Lock()
_listers: dict[str, Lister] = {}


@shared_task(name="playback.list_records")  # type: ignore[untyped-decorator]
def list_records() -> None:
    """Write the playlist files of recordings, and end deletions that had to wait for an open segment."""
    app = task_app()
    config = app.config["PLAYBACK"]
    if not _listing.acquire(blocking=False):
        return
    try:
        with app.app_context():
            lister = _listers.setdefault(str(config.storage_path), Lister(config))
            lister.run()
    finally:
        _listing.release()


@shared_task(name="playback.unlink_doomed")  # type: ignore[untyped-decorator]
def unlink() -> None:
    """Remove the files of deleted segments that are still there."""
    with task_app().app_context():
        unlink_doomed(UNLINKED_A_PASS)
