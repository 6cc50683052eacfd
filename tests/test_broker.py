"""The embedded broker: messages in folders."""

import contextlib
import shutil
import threading
from pathlib import Path
from queue import Empty

import pytest
from flask import Flask
from kombu import Connection

from app.tasks import broker_options, folderbroker, make_celery, send
from app.tasks.context import task_app
from app.tasks.sending import sender
from instance.config import TestingConfig


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


def test_a_folder_that_was_removed_ends_nobody_who_waits(config: TestingConfig) -> None:
    """Regression: a worker that looked just then ended, with a traceback."""
    folderbroker.register()
    options = broker_options(config)["broker_transport_options"]
    queue = Path(config.instance_path / "broker" / "queue")
    with Connection("filesystem://", transport_options=options) as connection, connection.SimpleQueue("r") as messages:
        shutil.rmtree(queue)
        with pytest.raises(Empty):
            messages.get(timeout=0.2)
        messages.put({"number": 1})
        message = messages.get(timeout=5)
        message.ack()
        assert message.payload == {"number": 1}


def test_a_task_that_sends_leaves_the_tasks_of_its_process_their_app(app: Flask) -> None:
    """Regression: after the first message that a task sent, every task of the worker failed."""
    config = app.config["PLAYBACK"]
    make_celery(config).flask_app = app
    found: list[Flask] = []
    send(config, "playback.nothing")
    sender.flush()
    assert list(Path(config.instance_path / "broker" / "queue").glob("*.msg"))
    task = threading.Thread(target=lambda: found.append(task_app()))
    task.start()
    task.join()
    assert found == [app]
