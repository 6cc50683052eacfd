"""Looking for activity in what was recorded: a while of each half minute; what decodes yields to all others."""

import logging
import threading
import time

from celery import shared_task
from celery.signals import worker_shutting_down
from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from app.archive.alone import alone_with
from app.extensions import db
from app.tasks.context import task_app

log = logging.getLogger(__name__)

LOCK = "activity.lock"

_is_ending = threading.Event()
_at_it = threading.Lock()


@shared_task(name="playback.find_activity")  # type: ignore[untyped-decorator]
def find_activity() -> None:
    """Look at key frames of cameras for which that is switched on, until nothing is left or the time is up."""
    app = task_app()
    if not app.config["PLAYBACK"].ACTIVITY_CPU_S or not _at_it.acquire(blocking=False):
        return
    try:
        _look(app)
    finally:
        _at_it.release()


@worker_shutting_down.connect  # type: ignore[untyped-decorator]
def _end(**_: object) -> None:
    """Let a pass end after the segment that it is at: the worker waits for its tasks."""
    _is_ending.set()


def _look(app: Flask) -> None:
    config = app.config["PLAYBACK"]
    with app.app_context():
        try:
            with alone_with(config.run_path / LOCK) as is_alone:
                if is_alone and _is_wanted():
                    run_pass(config.ACTIVITY_CPU_S)
        except (SQLAlchemyError, OSError) as error:
            log.warning("looking for activity pauses: %s", type(error).__name__)
        finally:
            db.session.remove()


def run_pass(budget_s: float) -> None:
    """Run one pass of so many CPU seconds, and log what it did. Needs an app context."""
    from app.playback.activitypass import ActivityPass

    begun_s = time.monotonic()
    done = ActivityPass(budget_s, _is_ending.is_set).run()
    if done.segments:
        figures = done.segments, done.decoded, done.cpu_s, time.monotonic() - begun_s
        log.debug("activity: %d segments, %d key frames, %.1f s of CPU in %.1f s", *figures)


def _is_wanted() -> bool:
    """Tell whether any camera is switched on: most have none, and load neither the decoder nor OpenCV."""
    from app.archive.activitysettings import enabled_ids

    found = enabled_ids(db.session)
    db.session.rollback()
    return bool(found)
