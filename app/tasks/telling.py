"""Notices: looking for what has changed in the whole service, and telling the webhooks."""

import threading
import time
from collections.abc import Callable
from typing import Any

from celery import shared_task
from celery.signals import worker_shutting_down

from app.archive.watch import look
from app.models.types import now_us
from app.tasks.context import task_app
from app.transfer.webhooks import Teller, clear

CLEAR_S = 3600.0
TELLER = "playback_teller"
_lock = threading.Lock()
_cleared_s = [0.0]


@shared_task(name="playback.tell")  # type: ignore[untyped-decorator]
def tell_webhooks() -> None:
    """Note what has changed, and have the webhooks told of it."""
    if not _lock.acquire(blocking=False):
        return
    try:
        app = task_app()
        hooks = app.config["PLAYBACK"].webhooks
        with app.app_context():
            look(now_us())
            if time.monotonic() - _cleared_s[0] > CLEAR_S:
                _cleared_s[0] = time.monotonic()
                clear({hook.target for hook in hooks}, now_us())
        teller = app.extensions.get(TELLER)
        if teller is None:
            teller = app.extensions[TELLER] = Teller(hooks, _within(app))
            worker_shutting_down.connect(lambda **_: teller.stop(), weak=False)
        teller.wake()
    finally:
        _lock.release()


def _within(app: Any) -> Callable[[Callable[[], Any]], Any]:
    def run(work: Callable[[], Any]) -> Any:
        with app.app_context():
            return work()

    return run
