"""The embedded broker: messages in folders."""

import contextlib
import threading
from pathlib import Path

from celery import current_app
from kombu import Connection

from app.tasks import broker_options, folderbroker, make_celery, send
from instance.config import TestingConfig
from tests.service import wait_for


def test_a_message_is_never_seen_before_it_is_whole(config: TestingConfig) -> None:
    """Regression: a worker that took the empty file of a message just being written ended."""
    folderbroker.register()
    options = broker_options(config)["broker_transport_options"]
    queue = Path(config.instance_path / "broker" / "queue")
    done = threading.Event()
    seen: set[bool] = set()

    def look() -> None:
        while not done.is_set():
            for path in queue.glob("*.msg"):
                with contextlib.suppress(FileNotFoundError):  # taken meanwhile
                    seen.add(path.stat().st_size > 0)

    looking = threading.Thread(target=look)
    looking.start()
    with Connection("filesystem://", transport_options=options) as connection:
        assert type(connection.transport) is folderbroker.Transport
        with connection.SimpleQueue("q") as messages:
            for number in range(200):
                messages.put({"number": number})
            taken = []
            for _ in range(200):
                message = messages.get(timeout=5)
                message.ack()
                taken.append(message.payload["number"])
    done.set()
    looking.join()
    assert sorted(taken) == list(range(200))
    assert seen == {True}
    assert list(queue.iterdir()) == []


def test_a_worker_that_sends_a_task_goes_on_with_its_own_app(config: TestingConfig) -> None:
    """Regression: once a task of the worker had sent a message, each task of all its threads failed."""
    celery = make_celery(config)
    send(config, "playback.tend_files")
    seen = []
    queue = Path(config.instance_path / "broker" / "queue")
    wait_for(lambda: list(queue.glob("*")), "the message")
    thread = threading.Thread(target=lambda: seen.append(current_app._get_current_object()))
    thread.start()
    thread.join()
    assert seen == [celery]
