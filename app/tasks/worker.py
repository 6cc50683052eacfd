"""The worker process: Celery with threads, and its schedule in a thread of the same process."""

import os
import threading
import warnings
from typing import Any

from app.tasks import make_celery
from instance.config import Config

LEFT_OUT = {"without_gossip": True, "without_mingle": True, "without_heartbeat": True}  # there is one worker alone


def run(config: Config) -> int:
    """Run the worker until it is told to end."""
    from celery.beat import EmbeddedService
    from celery.platforms import SecurityWarning
    from celery.signals import worker_ready, worker_shutting_down

    from app import create_app
    from app.capture.prober import Prober
    from app.tasks.syncing import stop_copying
    from app.tasks.tending import Tending

    # Celery warns root of pickled messages; ours are JSON, and containers run as root.
    warnings.filterwarnings("ignore", message=".*superuser privileges", category=SecurityWarning)
    os.environ["TMPDIR"] = str(config.run_path)
    app = create_app(config, with_views=False)
    celery = make_celery(config)
    celery.flask_app = app
    prober = app.extensions["playback_prober"] = Prober(app)
    # In memory and in a daemon thread: every task finds in the database what is due, so nothing is lost with it.
    schedule = EmbeddedService(celery, thread=True, scheduler_cls="app.tasks.steady:SteadyScheduler")
    tending = Tending(app)

    def begin(**_: Any) -> None:
        schedule.start()
        tending.begin()

    def end(**_: Any) -> None:
        tending.end()
        # Not within the signal: waiting for the copies would hold up everything else that is to end.
        threading.Thread(target=stop_copying, args=(app,), name="end of copies").start()

    worker_ready.connect(begin, weak=False)
    worker_shutting_down.connect(end, weak=False)
    try:
        # The worker itself, not its command line, which loads a shell and a terminal: 12 MB.
        worker = celery.Worker(loglevel=config.LOG_LEVEL, quiet=True, pool_cls="threads", concurrency=4, **LEFT_OUT)
        worker.start()
    finally:
        prober.close()
    return int(worker.exitcode or 0)
