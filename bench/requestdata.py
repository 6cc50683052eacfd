"""Request data for one hour out of 16 cameras × 30 days, each time of another camera and another hour.

One hour is generated; its files stand under every other hour and camera as links, each with rows of its own. So each of
the 691,000 rows has a file of its size and time, and the hour that is asked for reaches over two runs.
"""

import random
import tempfile
import time
from pathlib import Path

from flask import Flask

from app.extensions import db
from bench.archive import HOUR_US, Archive, Wanted, make_archive, open_app
from bench.asking import ask, cold_ms
from bench.cameras import SEED
from bench.figures import Figure, median, percentile
from bench.footage import address
from bench.repeat import repeat
from bench.template import Kind
from tests.archive_reading import query
from tests.service import Service
from tests.services import Postgres, why_no_postgres

SOURCES, HOURS = 16, 30 * 24
POSTGRES_HOURS = 3 * 24  # for comparison only, and slower to fill
ASKED, WARMING, COLD, AGAIN = 400, 20, 5, 30
LIMIT_MS = 3.0
# Many rows of small files: 25 fps without B-frames, a low rate.
WANTED = Wanted(hours=1, bitrate_bps=100_000, kind=Kind(25, 0, 16_000), runs=1)


def measure() -> list[Figure]:
    """Make the archive on SQLite, ask, then the same on PostgreSQL where there is one."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        service = Service(Path(name), "web")
        detail, times_ms = _measure_on(service, HOURS)
        detail["rows"] = query(service, "SELECT count(*) FROM segment")[0][0]
    if not why_no_postgres():
        with Postgres() as postgres, tempfile.TemporaryDirectory(prefix="bench-") as name:
            other = Service(Path(name), "web", DATABASE_URL=postgres.database("bench"))
            _, other_ms = _measure_on(other, POSTGRES_HOURS)
        detail["on_postgresql_of_3_days_ms"] = {"p50": median(other_ms), "p99": percentile(other_ms, 99)}
    p50_ms, p99_ms = median(times_ms), percentile(times_ms, 99)
    shown = f"p50 {p50_ms:.2f} ms, p99 {p99_ms:.2f} ms (of {ASKED})"
    if "on_postgresql_of_3_days_ms" in detail:
        shown += f"; of 3 days on PostgreSQL p50 {median(other_ms):.2f} ms"
    what = f"request data for 1 h out of {SOURCES} cameras × 30 days ({detail['rows']:,} segments)"
    return [Figure(what, "p50 ≤ 3 ms", shown, p50_ms <= LIMIT_MS, detail)]


def _measure_on(service: Service, hours: int) -> tuple[dict[str, object], list[float]]:
    """Fill a service's archive and return what it is, and the milliseconds of each answer."""
    archive = make_archive(service, WANTED)
    begin_s = time.monotonic()
    app = open_app(service, with_views=True)
    ids = repeat(app, archive, times=hours, every_us=HOUR_US, sources=SOURCES - 1)
    repeated_s = time.monotonic() - begin_s
    paths = _paths(archive, ids, hours)
    times_ms, cpus_ms = _times_ms(app, paths[:-COLD])
    again_ms, _ = _times_ms(app, paths[-COLD:] * AGAIN)
    cold = [cold_ms(service, path, is_whole=True)[0] for path in paths[-COLD:]]
    with app.app_context():
        db.engine.dispose()
    detail: dict[str, object] = {
        "asked": ASKED,
        "whole_ms": {"p50": median(times_ms), "p95": percentile(times_ms, 95), "p99": percentile(times_ms, 99)},
        "most_ms": max(times_ms),
        "cpu_ms": {"p50": median(cpus_ms), "p99": percentile(cpus_ms, 99)},
        "of_few_hours_again_and_again_ms": {"p50": median(again_ms), "p99": percentile(again_ms, 99)},
        "first_of_a_fresh_process_ms": cold,
        "archive_seed": archive.seed,
        "archive_made_in_s": archive.took_s + repeated_s,
    }
    return detail, times_ms


def _paths(archive: Archive, ids: list[int], hours: int) -> list[str]:
    """Return random hours of random cameras."""
    rng = random.Random(SEED)
    last_us = archive.begin_us + (hours - 1) * HOUR_US
    return [
        address(rng.choice(ids), "", rng.randrange(archive.begin_us, last_us), HOUR_US)
        for _ in range(WARMING + ASKED + COLD)
    ]


def _times_ms(app: Flask, paths: list[str]) -> tuple[list[float], list[float]]:
    """Return the milliseconds of each whole answer, and those of CPU in it; those of the first ones left out."""
    times_ms, cpus_ms = [], []
    for path in paths:
        answer = ask(app, path, is_whole=True)
        assert answer.status == 200, answer.body[:500]
        times_ms.append(answer.whole_s * 1000)
        cpus_ms.append(answer.cpu_s * 1000)
    return times_ms[WARMING:], cpus_ms[WARMING:]
