"""Telling others: webhooks of what has changed in the whole service, analysers of download addresses."""

import threading
import time
from collections.abc import Callable
from typing import Any

from celery import shared_task
from celery.signals import worker_shutting_down

from app.archive.watch import look
from app.models.types import now_us
from app.tasks.context import task_app
from app.transfer.analysers import ANALYSERS, clear_marks
from app.transfer.telling import Channel, Teller
from app.transfer.webhooks import WEBHOOKS, clear
from instance.config import WebhookSettings

CLEAR_S = 3600.0
_lock = threading.Lock()
_tellers = threading.Lock()
_cleared_s = [0.0]


@shared_task(name="playback.tell")  # type: ignore[untyped-decorator]
def tell_webhooks() -> None:
    """Note what has changed, and have the webhooks told of it."""
    if not _lock.acquire(blocking=False):
        return
    try:
        app = task_app()
        settings = app.config["PLAYBACK"]
        with app.app_context():
            look(now_us())
            if time.monotonic() - _cleared_s[0] > CLEAR_S:
                _cleared_s[0] = time.monotonic()
                clear({hook.target for hook in settings.webhooks}, now_us())
                clear_marks({hook.target for hook in settings.analysers})
        _wake(app, WEBHOOKS, settings.webhooks)
    finally:
        _lock.release()


@shared_task(name="playback.tell_analysers")  # type: ignore[untyped-decorator]
def tell_analysers() -> None:
    """Have the analysers told of the keys that they do not know yet."""
    wake_analysers(task_app())


def wake_analysers(app: Any) -> None:
    """Let the analysers be told now; returns at once."""
    _wake(app, ANALYSERS, app.config["PLAYBACK"].analysers)


def _wake(app: Any, channel: Channel, hooks: tuple[WebhookSettings, ...]) -> None:
    """Wake the threads of a channel, which are this process's; make them at the first time."""
    name = f"playback_teller_{channel.word}"
    with _tellers:
        teller: Teller | None = app.extensions.get(name)
        if teller is None:
            made = teller = app.extensions[name] = Teller(channel, hooks, _within(app))
            worker_shutting_down.connect(lambda **_: made.stop(), weak=False)
    teller.wake()


def _within(app: Any) -> Callable[[Callable[[], Any]], Any]:
    def run(work: Callable[[], Any]) -> Any:
        with app.app_context():
            return work()

    return run
