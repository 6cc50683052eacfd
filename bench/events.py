"""1,000 clients that listen to events while 16 cameras record: how late the last of them learns of one.

And what the API's answers take meanwhile, and what memory the web processes need. A tenth of the clients never reads.

A polite client over one kept connection asks, RATE_HZ requests a second, what pages ask most; the same before there is
any listener, to compare with.
"""

import http.client
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flask import Flask

from app import create_app
from bench.cameras import CAMERAS, FULL_HD, add_cameras, serve
from bench.figures import Figure, median, percentile
from bench.memory import service_pss
from instance.config import DevelopmentConfig
from tests.outbox import announce, tell
from tests.service import ROOT, Service, wait_for

CLIENTS = int(os.environ.get("BENCH_EVENT_CLIENTS", "1000"))  # fewer for a quick look
EVENTS = int(os.environ.get("BENCH_EVENTS", "100"))
STALLED = CLIENTS // 10
SETTLE_S, PAUSE_S = 5.0, 0.6
RATE_HZ = 20.0
ASKED_S = EVENTS * PAUSE_S
LATE_LIMIT_S, API_LIMIT_MS, LIMIT_BYTES = 0.3, 20.0, 300_000_000
Listeners = subprocess.Popen[str]


def measure() -> list[Figure]:
    """Record, listen, tell and ask."""
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as name,
        serve(FULL_HD) as cameras,
        Service(Path(name)) as service,
    ):
        ids = add_cameras(service, cameras, "all")
        service.record("day", "all")
        wait_for(lambda: all(service.status(number) == "online" for number in ids), "footage", 60, 0.5)
        time.sleep(SETTLE_S)
        app = create_app(DevelopmentConfig(INSTANCE=name), with_views=False)
        file_id = announce(app)
        before_ms = _ask(service, ids, ASKED_S / 2)
        fresh = service_pss(service)
        with _listening(service.port, f"/download/{file_id}/") as listeners:
            opened_s = time.monotonic()
            told: dict[str, list[float]] = {}
            telling = threading.Thread(target=_tell, args=(app, file_id, told))
            telling.start()
            meanwhile_ms = _ask(service, ids, ASKED_S)
            telling.join()
            time.sleep(SETTLE_S)  # the last event is yet to reach the last client
            pss = service_pss(service)
            listened_s = time.monotonic() - opened_s
            found = _results(listeners)
        service.stop_recording("day")
    return _figures(told, found, before_ms, meanwhile_ms, fresh, pss, listened_s)


@contextmanager
def _listening(port: int, path: str) -> Iterator[Listeners]:
    """Run the clients in a process of their own; it is ready when all have their answer."""
    command = [sys.executable, "-m", "bench.listening", str(port), path, str(CLIENTS), str(STALLED)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None  # it is a pipe
        try:
            word = process.stdout.readline().strip()
            assert word == "ready", f"the clients are not ready: {word}"
            yield process
        finally:
            process.terminate()


def _results(process: Listeners) -> dict[str, list[float]]:
    """End the clients; return for each event how many got it, and when the first and the last did."""
    output, _ = process.communicate("", timeout=30)
    found: dict[str, list[float]] = json.loads(output)
    return found


def _tell(app: Flask, file_id: int, told: dict[str, list[float]]) -> None:
    """Write an event every PAUSE_S; keep the instants before and after it was written."""
    for number in range(EVENTS):
        time.sleep(PAUSE_S)
        begun_s = time.clock_gettime(time.CLOCK_MONOTONIC)
        event_id = tell(app, file_id, "comment", comment=f"Наблюдение {number}", comment_author="AI")
        told[str(event_id)] = [begun_s, time.clock_gettime(time.CLOCK_MONOTONIC)]


def _ask(service: Service, ids: list[int], seconds: float) -> list[float]:
    """Ask in turn what pages ask most, for so long; return the milliseconds of each answer."""
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=60)
    times_ms: list[float] = []
    due_s = until_s = time.monotonic()
    until_s += seconds
    number = 0
    while due_s < until_s:
        source_id, now = ids[number % len(ids)], int(time.time())
        last = f"start={now - 60}&end={now}"
        api, playback = "/api/v1", "/playbackapi"
        paths = (
            f"{api}/source",
            f"{api}/source/{source_id}/status",
            f"{api}/record?tag_name=day",
            f"{api}/tag/begin",
            f"{playback}/timeline?source_id={source_id}&{last}&resolution=1",
            f"{playback}/source/{source_id}?{last}",
            "/healthz",
        )
        due_s = max(due_s + 1 / RATE_HZ, time.monotonic() - 1)
        time.sleep(max(0.0, due_s - time.monotonic()))
        path = paths[number % len(paths)]
        begin_s = time.perf_counter()
        connection.request("GET", path)
        answer = connection.getresponse()
        content = answer.read()
        times_ms.append((time.perf_counter() - begin_s) * 1000)
        assert answer.status == 200, f"{path}: {answer.status} {content[:300]!r}"
        number += 1
    return times_ms


def _figures(
    told: dict[str, list[float]],
    found: dict[str, list[float]],
    before_ms: list[float],
    meanwhile_ms: list[float],
    fresh: dict[str, int],
    pss: dict[str, int],
    listened_s: float,
) -> list[Figure]:
    """Return the three figures."""
    reading = CLIENTS - STALLED
    for event_id in told:
        count = found.get(event_id, [0])[0]
        assert count == reading, f"event {event_id} reached {count:.0f} of {reading} clients"
    late_s = [found[event_id][2] - written_s for event_id, (_, written_s) in told.items()]
    first_s = [found[event_id][1] - written_s for event_id, (_, written_s) in told.items()]
    webs = {name: size for name, size in pss.items() if name.startswith("web")}
    total_bytes = sum(webs.values())
    who = f"{CLIENTS} SSE clients, {STALLED} of them stalled, {CAMERAS} cameras recording"
    return [
        Figure(
            f"event written until the last client has it: {who}",
            "≤ 0.3 s",
            f"p50 {median(late_s):.3f} s, most {max(late_s):.3f} s (of {len(late_s)} events)",
            max(late_s) <= LATE_LIMIT_S,
            {
                "last client (s: p50, p99, most)": [median(late_s), percentile(late_s, 99), max(late_s)],
                "first client (s: p50, most)": [median(first_s), max(first_s)],
                "writing (s: p50, most)": [
                    median(after - before for before, after in told.values()),
                    max(after - before for before, after in told.values()),
                ],
                "listened (s)": listened_s,
            },
        ),
        Figure(
            "p99 of the API meanwhile",
            "≤ 20 ms",
            f"{percentile(meanwhile_ms, 99):.1f} ms, p50 {median(meanwhile_ms):.1f} ms (without listeners p99 "
            f"{percentile(before_ms, 99):.1f} ms, p50 {median(before_ms):.1f} ms)",
            percentile(meanwhile_ms, 99) <= API_LIMIT_MS,
            {"asked": len(meanwhile_ms), "most (ms)": max(meanwhile_ms), "before, most (ms)": max(before_ms)},
        ),
        Figure(
            "memory (PSS) of the web processes then",
            "≤ 300 MB",
            f"{total_bytes / 1e6:.0f} MB; the whole service {sum(pss.values()) / 1e6:.0f} MB",
            total_bytes <= LIMIT_BYTES,
            {
                "pss_mb": {name: size / 1e6 for name, size in pss.items()},
                "without_listeners_mb": {name: size / 1e6 for name, size in fresh.items()},
            },
        ),
    ]
