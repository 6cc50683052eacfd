"""Keeping the outbox small: progress that nobody needs any more."""

import time

from celery import shared_task

from app.archive.outbox import PRUNED, prune_progress
from app.extensions import writing
from app.models.types import now_us
from app.tasks.context import task_app

KEPT_US = 3_600_000_000  # a client that was away for less resumes without missing one
PAUSE_S = 0.2  # between two transactions: who writes footage has the database meanwhile


@shared_task(name="playback.prune_events")  # type: ignore[untyped-decorator]
def prune_events() -> None:
    """Delete progress of finished uploads; all other events stay with their file."""
    with task_app().app_context():
        while True:
            with writing() as session:
                count = prune_progress(session, now_us() - KEPT_US)
            if count < PRUNED:
                return
            time.sleep(PAUSE_S)
