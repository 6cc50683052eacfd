"""gunicorn's settings, from those of the project: one preloaded app, two processes of many threads."""

import ctypes
import gc
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from app.locks import hold_lock
from instance.config import load_config

# Each thread would get a heap of its own and keep what it once held: 50 downloads took 80 MB more. mallopt(3)
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
_libc = ctypes.CDLL(None)
if hasattr(_libc, "mallopt"):  # glibc has it, musl has not
    _libc.mallopt(M_ARENA_MAX, 1)
    _libc.mallopt(M_MMAP_THRESHOLD, 1 << 20)
    _libc.mallopt(M_TRIM_THRESHOLD, 1 << 20)

_settings = load_config()
_settings.run_path.mkdir(parents=True, exist_ok=True)
_metrics = _settings.run_path / "metrics"
_metrics.mkdir(exist_ok=True)
os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(_metrics)

bind = _settings.BIND
worker_class = "gthread"
workers = _settings.WEB_WORKERS
threads = _settings.WEB_THREADS
preload_app = True
worker_tmp_dir = str(_settings.run_path)
control_socket_disable = True
graceful_timeout = 5
timeout = 60
keepalive = 15
max_requests = 0
accesslog = None
errorlog = "-"
loglevel = _settings.LOG_LEVEL.lower()


def on_starting(server):
    """Hold the instance's web lock; drop the metric files of processes that are gone."""
    if hold_lock(_settings.run_path / "web.lock") is None:
        print("flask-playback: a web server of this instance runs already", file=sys.stderr)
        sys.exit(3)
    for path in _metrics.glob("*.db"):
        pid = path.stem.rpartition("_")[2]
        if not pid.isdigit() or not Path(f"/proc/{pid}").exists():
            path.unlink(missing_ok=True)


def when_ready(server):
    """Keep what is loaded out of the collector, so that the workers go on sharing it."""
    gc.collect()
    gc.freeze()


def post_worker_init(worker):
    """Let streams without end know when their process is asked to end."""
    from app.views import multipart

    multipart.tell_end(lambda: not worker.alive)


def child_exit(server, worker):
    """Forget the gauges of a worker that ended."""
    from prometheus_client import multiprocess

    multiprocess.mark_process_dead(worker.pid)
