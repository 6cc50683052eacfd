"""gunicorn's settings, from those of the project: one preloaded app, two processes of many threads."""

import gc
import json
import logging
import os
import resource
import socket
import struct
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from gunicorn.http import errors
from gunicorn.http.wsgi import Response
from gunicorn.workers.gthread import ThreadWorker

from app.access.headers import refusal_headers
from app.heaps import share_heap
from app.locks import hold_lock
from gunicorn import util
from instance.config import load_config

share_heap()

# Each who listens to events is an open file; the limit of a login shell is 1024, while more are permitted.
OPEN_FILES = 65_536
_soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
_wanted = OPEN_FILES if _hard == resource.RLIM_INFINITY else min(OPEN_FILES, _hard)
if resource.RLIM_INFINITY != _soft < _wanted:
    resource.setrlimit(resource.RLIMIT_NOFILE, (_wanted, _hard))

_settings = load_config()
_settings.run_path.mkdir(parents=True, exist_ok=True)
_metrics = _settings.run_path / "metrics"
_metrics.mkdir(exist_ok=True)
os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(_metrics)

from app import metricfiles  # noqa: E402  prometheus_client looks at the variable when it is imported

metricfiles.use()

# What gunicorn refuses itself: status, reason, where the fault lies, its kind. The first that fits counts.
REFUSALS = (
    (errors.InvalidResponseHeader, 500, "Internal Server Error", [], "internal_error"),
    (errors.InvalidResponseHeaderName, 500, "Internal Server Error", [], "internal_error"),
    (errors.InvalidRequestMethod, 400, "Bad Request", ["method"], "bad_request"),
    (errors.LimitRequestLine, 414, "URI Too Long", ["path"], "uri_too_long"),
    (errors.LimitRequestHeaders, 431, "Request Header Fields Too Large", ["header"], "headers_too_large"),
    (errors.ExpectationFailed, 417, "Expectation Failed", ["header", "Expect"], "expectation_failed"),
    (errors.UnsupportedTransferCoding, 501, "Not Implemented", ["header", "Transfer-Encoding"], "not_implemented"),
    (errors.InvalidRequestLine, 400, "Bad Request", ["path"], "bad_request"),
    (errors.InvalidHTTPVersion, 400, "Bad Request", ["version"], "bad_request"),
    (errors.InvalidHeader, 400, "Bad Request", ["header"], "bad_request"),
    (errors.InvalidHeaderName, 400, "Bad Request", ["header"], "bad_request"),
    (errors.ObsoleteFolding, 400, "Bad Request", ["header"], "bad_request"),
    (errors.ParseException, 400, "Bad Request", [], "bad_request"),
    (Exception, 500, "Internal Server Error", [], "internal_error"),
)
MESSAGES = {
    400: "this is not an HTTP request that can be read",
    414: "the address is longer than is taken here: send the parameters in the body",
    417: "only the expectation 100-continue is understood",
    431: "the headers are larger or more than are taken here",
    500: "the server failed; its log says why",
    501: "this transfer coding is not understood; chunked is",
}


STALLED_S = 10  # as long a client may pause within a request; for the answer it may take its time


def _is_worth_a_line(record):
    """Keep a client that paused for too long out of the log: gunicorn takes it for a fault, with a traceback."""
    return not (record.exc_info and isinstance(record.exc_info[1], BlockingIOError))


def _is_closed(graceful=False):
    """Do nothing: the connection is closed already."""


class JsonErrors(ThreadWorker):
    """gunicorn's threads; what they refuse before the app sees it is answered as the app answers its errors.

    A stream of events gets the connection itself (app/views/fileevents.py): no thread is held while it waits.
    """

    def load_wsgi(self):
        """Load the app, and let its views ask for the connection."""
        super().load_wsgi()
        self.handovers = {}
        app = self.wsgi

        def answer(environ, start_response):
            response = getattr(start_response, "__self__", None)
            connection = environ["gunicorn.socket"]
            if type(response) is not Response or type(connection) is not socket.socket:
                return app(environ, start_response)  # HTTP/2 or TLS: the bytes of the connection are not the answer's
            environ["playback.gives_socket"] = handovers = []
            parts = app(environ, start_response)
            for handover in handovers:
                if response.status_code != 200:
                    handover.abandon()
                    continue
                # Its end is that of the connection (RFC 9112 §6.3): no length, no chunks, HTTP/1.0 or 1.1.
                response.chunked = False
                response.force_close()
                self.handovers[connection] = handover
            return parts

        self.wsgi = answer

    def handle(self, conn):
        """Handle a request; one that stops coming does not hold the thread for ever.

        A connection that ends is closed here: it lingers for up to 2 s until the client has closed it too, and
        gunicorn would linger in the thread that accepts connections, so that nobody else was served meanwhile.
        """
        conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", STALLED_S, 0))
        is_kept = super().handle(conn)
        handover = self.handovers.pop(conn.sock, None)
        if handover is not None:
            handover.attach(conn.sock)
            conn.close = _is_closed
            return False  # it counts no longer: neither as a connection of this worker, nor when it ends
        if not is_kept:
            conn.close(graceful=True)
            conn.close = _is_closed
        return is_kept

    def handle_error(self, req, client, addr, exc):
        """Answer with JSON, then let the connection be closed. The client's own words are in neither answer nor log."""
        found = next(refusal for refusal in REFUSALS if isinstance(exc, refusal[0]))
        _, status, reason, loc, kind = found
        if status == 500:
            self.log.error("gunicorn failed", exc_info=exc)
        else:
            self.log.info("a request that cannot be read: %s", type(exc).__name__)
        body = json.dumps({"detail": [{"loc": loc, "msg": MESSAGES[status], "type": kind}]})
        headers = {
            "Connection": "close",
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            **refusal_headers(),
        }
        lines = [f"HTTP/1.1 {status} {reason}", *(f"{name}: {value}" for name, value in headers.items())]
        head = "\r\n".join([*lines, "", ""])
        try:
            util.write_nonblock(client, (head + body).encode("ascii"))
        except OSError as error:
            self.log.debug("the client is gone: %s", error)


logging.getLogger("gunicorn.error").addFilter(_is_worth_a_line)
# What proxies say is read in one place, by a fixed count of them (app/access/proxies.py); gunicorn believes nobody.
forwarded_allow_ips = ""
secure_scheme_headers = {}
forwarder_headers = ""
bind = _settings.BIND
worker_class = JsonErrors
limit_request_line = 8190  # the most that there is: a description of 4,096 characters fits into a query
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


def worker_exit(server, worker):
    """Write down what is being looked at: nothing of it is lost when the service is stopped."""
    from app.archive import viewwriter

    viewwriter.end_all()


def child_exit(server, worker):
    """Forget the gauges of a worker that ended."""
    from prometheus_client import multiprocess

    multiprocess.mark_process_dead(worker.pid)
