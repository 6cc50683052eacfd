"""Sealing what is written down of people's acts, and anchoring how far the chain has come."""

import threading
import time

from celery import shared_task
from celery.signals import worker_shutting_down
from flask import Flask

from app.archive.anchoring import anchor
from app.archive.sealing import Sealer
from app.archive.viewwriter import end_left
from app.formats.auditchain import Head
from app.models.types import now_us
from app.tasks.context import task_app

ANCHOR_S = 3600.0
LEFT_S = 30.0
_lock = threading.Lock()


class _State:
    """What one worker knows of one database."""

    def __init__(self) -> None:
        self.sealer = Sealer()
        self.anchored: Head | None = None
        self.anchor_at_s = 0.0  # at the begin, too
        self.left_at_s = 0.0


_states: dict[str, _State] = {}


@shared_task(name="playback.seal_audit")  # type: ignore[untyped-decorator]
def seal_audit() -> None:
    """Seal new rows of the audit log; each hour write down where its chain ends."""
    if not _lock.acquire(blocking=False):
        return
    try:
        seal(task_app())
    finally:
        _lock.release()


def seal(app: Flask, *, is_end: bool = False) -> None:
    """Do what is due; at the end of the process the anchor, too."""
    config = app.config["PLAYBACK"]
    state = _states.setdefault(config.database_url, _State())
    now_s = time.monotonic()
    with app.app_context():
        if now_s >= state.left_at_s:
            state.left_at_s = now_s + LEFT_S
            end_left(now_us())
        state.sealer.run()
        if is_end or now_s >= state.anchor_at_s:
            state.anchor_at_s = now_s + ANCHOR_S
            state.anchored = anchor(config, now_us(), state.anchored)


@worker_shutting_down.connect  # type: ignore[untyped-decorator]
def _end(**_: object) -> None:
    """Let the end of the chain be known before the process ends; the signal itself must not wait."""
    threading.Thread(target=_seal_last, name="last anchor").start()


def _seal_last() -> None:
    with _lock:
        seal(task_app(), is_end=True)
