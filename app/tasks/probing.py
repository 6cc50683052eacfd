"""Measuring whether cameras are there: soon after one is made or changed, and on a schedule with jitter.

The tasks only wake the worker's own prober and return at once: a dead camera holds up no other task.
"""

from celery import shared_task

from app.capture.prober import Prober
from app.tasks.context import task_app


@shared_task(name="playback.probe")  # type: ignore[untyped-decorator]
def probe_source(source_id: int) -> None:
    """Have one source measured soon, where that was asked for and not begun."""
    _prober().ask(source_id)


@shared_task(name="playback.probe_due")  # type: ignore[untyped-decorator]
def probe_due() -> None:
    """Have every source measured whose last measurement is old."""
    _prober().look()


def _prober() -> Prober:
    prober = task_app().extensions["playback_prober"]
    assert isinstance(prober, Prober)  # made by app.tasks.worker before the first task
    return prober
