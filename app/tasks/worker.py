"""The worker process: Celery with threads, and its schedule in a thread of the same process."""

import os
from typing import Any

from app.tasks import make_celery
from instance.config import Config


def run(config: Config) -> int:
    """Run the worker until it is told to end."""
    from celery.beat import EmbeddedService
    from celery.signals import worker_ready, worker_shutting_down

    from app import create_app

    os.environ["TMPDIR"] = str(config.run_path)
    app = create_app(config, with_views=False)
    celery = make_celery(config)
    celery.flask_app = app
    schedule = EmbeddedService(celery, thread=True, schedule_filename=str(config.run_path / "schedule"))

    def begin(**_: Any) -> None:
        schedule.start()

    def end(**_: Any) -> None:
        schedule.stop()

    worker_ready.connect(begin, weak=False)
    worker_shutting_down.connect(end, weak=False)
    flags = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    celery.worker_main(["worker", "--pool=threads", "--concurrency=4", f"--loglevel={config.LOG_LEVEL}", *flags])
    return 0
