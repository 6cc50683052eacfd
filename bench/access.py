"""What it costs to know who asks: a request of an open server and of a closed one, by token and by cookie, in turn."""

import http.client
import tempfile
import time
from pathlib import Path

from flask import Flask

from app.extensions import writing
from app.models import Source
from bench.archive import open_app
from bench.figures import Figure, median, percentile
from tests.accounts import PASSWORD, add_account, add_bounded, password_hash
from tests.service import Service, wait_for

CAMERAS, SEEN, ASKED, WARMING = 16, 8, 600, 30
PATH, LIMIT_MS = "/api/v1/source/1/", 2.0
KEY = "k" * 48


def measure() -> list[Figure]:
    """Ask both servers in turn for one camera, and say what each way of being known adds."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        opened = Service(Path(name) / "open", "web", WEB_WORKERS=1)
        closed = Service(
            Path(name) / "closed", "web", WEB_WORKERS=1, FLASK_CONFIG="production", SECRET_KEY=KEY, PLAIN_HTTP=True
        )
        try:
            callers = {"open": (opened, _fill(opened)["nobody"])}
            callers |= {kind: (closed, headers) for kind, headers in _fill(closed).items() if kind != "nobody"}
            for service in (opened, closed):
                service.start()
                wait_for(lambda one=service: one.answers("/healthz"), "the web server", 60)
            callers["cookie"] = (closed, _sign_in(closed))
            times_ms = _in_turn(callers)
        finally:
            opened.stop()
            closed.stop()
    return [_figure(times_ms)]


def _fill(service: Service) -> dict[str, dict[str, str]]:
    """Give a service cameras and accounts; return the headers of each kind of caller."""
    service.run("-m", "flask", "prepare")
    app: Flask = open_app(service)
    with app.app_context(), writing() as session:
        session.add_all(Source(model="Source", uri_rtsp=f"rtsp://10.0.0.{number}/") for number in range(1, CAMERAS + 1))
        session.flush()
        all_seen = add_account(session, "whole", "viewer", password=password_hash())
        some_seen = add_bounded(session, "bounded", "viewer", *range(1, SEEN + 1))
    return {"nobody": {}, "token": _bearer(all_seen), "token of some cameras": _bearer(some_seen)}


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _sign_in(service: Service) -> dict[str, str]:
    """Sign in as a program does, and return the cookie as a header."""
    answer = service.session.post(service.base + "/login", json={"name": "whole", "password": PASSWORD}, timeout=30)
    answer.raise_for_status()
    return {"Cookie": "; ".join(f"{name}={value}" for name, value in service.session.cookies.items())}


def _in_turn(callers: dict[str, tuple[Service, dict[str, str]]]) -> dict[str, list[float]]:
    """Return the milliseconds of each answer by kind of caller; each has a connection of its own, which is kept."""
    ports = {kind: http.client.HTTPConnection("127.0.0.1", one.port, timeout=30) for kind, (one, _) in callers.items()}
    times_ms: dict[str, list[float]] = {kind: [] for kind in callers}
    for turn in range(WARMING + ASKED):
        for kind, (_, headers) in callers.items():
            begin_s = time.perf_counter()
            ports[kind].request("GET", PATH, headers=headers)
            answer = ports[kind].getresponse()
            body = answer.read()
            took_ms = (time.perf_counter() - begin_s) * 1000
            if answer.status != 200:
                raise RuntimeError(f"{kind}: {answer.status} {body[:200]!r}")
            if turn >= WARMING:
                times_ms[kind].append(took_ms)
    for connection in ports.values():
        connection.close()
    return times_ms


def _figure(times_ms: dict[str, list[float]]) -> Figure:
    base_ms = median(times_ms["open"])
    added_ms = {kind: median(times) - base_ms for kind, times in times_ms.items() if kind != "open"}
    detail = {
        f"{kind}_ms": {"p50": median(times), "p95": percentile(times, 95), "p99": percentile(times, 99)}
        for kind, times in times_ms.items()
    }
    shown = ", ".join(f"{kind} +{added:.2f} ms" for kind, added in added_ms.items())
    what = "what knowing who asks adds to a request (p50)"
    is_met = max(added_ms.values()) <= LIMIT_MS
    return Figure(what, f"≤ {LIMIT_MS:g} ms", f"{shown} to {base_ms:.2f} ms", is_met, detail)
