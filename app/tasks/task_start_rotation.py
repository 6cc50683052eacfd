"""The clock of download keys. It wakes only: which key is due, and which still opens its file, the database knows.

A task turns one file's rotation and has itself called again when the next key is due. Where that message is lost, the
look of every 5 s finds the file. Whoever turned re-arms, so that a file never has two chains of messages.
"""

import threading
import time

from celery import shared_task

from app.extensions import db, writing
from app.models import File
from app.models.types import now_us
from app.tasks import send
from app.tasks.context import task_app
from app.tasks.telling import wake_analysers
from app.transfer.leasing import clear
from app.transfer.rotating import due, next_turn_us, open_rotation, turn

NAME = "playback.start_rotation"
CLEAR_S = 3600.0
_lock = threading.Lock()
_cleared_s = [0.0]


@shared_task(name=NAME)  # type: ignore[untyped-decorator]
def start_rotation(file_id: int, generation: int | None = None) -> None:
    """Give a file the key that is due, and look again when the next one is.

    `generation` is the last key that the sender knew of: where another has been given out meanwhile, whoever did that
    has re-armed.
    """
    with task_app().app_context():
        if _turn(file_id) or generation in (None, _generation(file_id)):
            _arm(file_id)
    wake_analysers(task_app())


@shared_task(name="playback.turn_keys")  # type: ignore[untyped-decorator]
def turn_keys() -> None:
    """Turn every rotation that is due, whatever became of its messages; now and then remove old leases."""
    if not _lock.acquire(blocking=False):
        return
    try:
        with task_app().app_context():
            found = due(db.session, now_us())
            db.session.rollback()
            for file_id in found:
                if _turn(file_id):
                    _arm(file_id)
            if found:
                wake_analysers(task_app())
            if time.monotonic() - _cleared_s[0] > CLEAR_S:
                _cleared_s[0] = time.monotonic()
                with writing() as session:
                    clear(session, now_us())
    finally:
        _lock.release()


def _turn(file_id: int) -> bool:
    with writing() as session:
        return turn(session, file_id, now_us())


def _generation(file_id: int) -> int | None:
    row = db.session.get(File, file_id, populate_existing=True)
    return None if row is None else row.generation


def _arm(file_id: int) -> None:
    """Have the task called when the next key of a file is due; not where its rotation has ended."""
    rotation, generation = open_rotation(db.session, file_id), _generation(file_id)
    if rotation is not None and generation is not None:
        wait_s = max(0.0, (next_turn_us(rotation, generation) - now_us()) / 1_000_000)
        send(task_app().config["PLAYBACK"], NAME, file_id, generation, wait_s=wait_s)
    db.session.rollback()
