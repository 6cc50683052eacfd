"""How soon a timeline comes: 16 cameras over 30 days of real rows, 100 cameras over a year of coverage.

In process, through the WSGI app: the whole request without a network. Beside it, in turn, what was done before there
was coverage: the segments' rows gathered by the database, without the request around it.
"""

import random
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from flask import Flask
from flask_migrate import upgrade
from sqlalchemy import func, insert, select, text

from app import create_app
from app.archive.coverage import DAY, Spans, note_closed, recount
from app.extensions import db, prepare_migrations, writing
from app.models import Run, Segment, Source, Storage
from app.models.segment import CLOSED
from bench.cameras import SEED
from bench.figures import Figure, median, percentile
from bench.longcoverage import add_cells, make_spans
from instance.config import TestingConfig

S = 1_000_000
BEGIN_US = 20_730 * DAY.cell_us
SEGMENT_US = 60 * S
CAMERAS, DAYS, YEAR_CAMERAS, YEAR_DAYS = 16, 30, 100, 365
PIXELS = 1920
REQUESTS = 40
LIMIT_MS, YEAR_LIMIT_MS, CLOSE_LIMIT_MS = 50.0, 150.0, 5.0
YEAR_RANGES = 6  # around their edges there are segments too


def measure() -> list[Figure]:
    """Make the rows, then ask for random ranges of them."""
    chance = random.Random(SEED)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        app = create_app(TestingConfig(INSTANCE=folder))
        prepare_migrations(app)
        with app.app_context():
            upgrade()
            begin_s = time.monotonic()
            year_ranges = [_range(chance, YEAR_DAYS, 300) for _ in range(YEAR_RANGES)]
            made = {"seed": SEED, **_make_month(), **_make_year(year_ranges)}
            made["making_s"] = time.monotonic() - begin_s
            db.session.remove()
            figures = [_month(app, chance, made), _year(app, chance, year_ranges), *_fine(app, chance), _close(app)]
            db.session.remove()
            db.engine.dispose()
    return figures


def _month(app: Flask, chance: random.Random, made: dict[str, Any]) -> Figure:
    ids = range(1, CAMERAS + 1)
    ranges = [_range(chance, DAYS, 15) for _ in range(REQUESTS)]
    whole = (BEGIN_US, BEGIN_US + DAYS * DAY.cell_us)
    detail = {
        **made,
        "whole": _asked(app, ids, [whole] * REQUESTS),
        "random": _asked(app, ids, ranges),
        "rows_grouped_whole": _shown(_times_ms(lambda _: _group_rows(ids, *whole), range(5))),
    }
    ratio = detail["rows_grouped_whole"]["p50_ms"] / detail["whole"]["p50_ms"]
    shown = (
        f"{_short(detail['whole'])}; {ratio:.0f} times sooner than by rows; random ranges {_short(detail['random'])}"
    )
    what = f"timeline: {CAMERAS} cameras, {DAYS} days ({made['segments']} segments), {PIXELS} pixels"
    return Figure(what, f"≤ {LIMIT_MS:.0f} ms", shown, detail["whole"]["p50_ms"] <= LIMIT_MS, detail)


def _year(app: Flask, chance: random.Random, ranges: list[tuple[int, int]]) -> Figure:
    ids = range(CAMERAS + 1, CAMERAS + YEAR_CAMERAS + 1)
    whole = (BEGIN_US, BEGIN_US + YEAR_DAYS * DAY.cell_us)
    detail = {
        "whole": _asked(app, ids, [whole] * REQUESTS),
        "random": _asked(app, ids, chance.choices(ranges, k=REQUESTS)),
        "finest": _asked(app, ids, [whole] * 5, pixels=10_000),
    }
    shown = f"{_short(detail['whole'])}; random ranges {_short(detail['random'])}; finest {_short(detail['finest'])}"
    what = f"timeline: {YEAR_CAMERAS} cameras, a year of coverage, {PIXELS} pixels"
    return Figure(what, f"≤ {YEAR_LIMIT_MS:.0f} ms", shown, detail["whole"]["p50_ms"] <= YEAR_LIMIT_MS, detail)


def _fine(app: Flask, chance: random.Random) -> list[Figure]:
    """Return the figures of a day, and of what is too fine for coverage: rows are read."""
    figures = []
    for name, days in (("a day", 1.0), ("3 hours (by rows)", 0.125)):
        times = _asked(app, range(1, CAMERAS + 1), [_range(chance, DAYS, days, longest=days) for _ in range(REQUESTS)])
        what = f"timeline: {CAMERAS} cameras, {name}, {PIXELS} pixels"
        figures.append(Figure(what, f"≤ {LIMIT_MS:.0f} ms", _short(times), times["p50_ms"] <= LIMIT_MS, times))
    return figures


def _close(app: Flask) -> Figure:
    """Return what coverage adds to closing a segment of a camera with a year of it."""
    last_us = BEGIN_US + YEAR_DAYS * DAY.cell_us

    def close(number: int) -> None:
        with writing() as session:
            note_closed(session, CAMERAS + 1, last_us + number * SEGMENT_US, last_us + (number + 1) * SEGMENT_US)

    def nothing(number: int) -> None:
        with writing() as session:
            session.execute(text("UPDATE source SET status_us = :number WHERE id = 1"), {"number": number})

    detail = {"with": _shown(_times_ms(close, range(200))), "one_update": _shown(_times_ms(nothing, range(200)))}
    shown = f"{_short(detail['with'])}; a transaction of one update {_short(detail['one_update'])}"
    is_met = detail["with"]["p50_ms"] <= CLOSE_LIMIT_MS
    what = "coverage of a closed segment, its transaction included"
    return Figure(what, f"≤ {CLOSE_LIMIT_MS:.0f} ms", shown, is_met, detail)


def _range(chance: random.Random, days: int, least: float, longest: float | None = None) -> tuple[int, int]:
    """Return a random range within the first days, at least so many days long."""
    length_us = round(chance.uniform(least, longest or days) * DAY.cell_us)
    begin_us = BEGIN_US + chance.randrange(days * DAY.cell_us - length_us + 1)
    return begin_us, begin_us + length_us


def _asked(app: Flask, ids: range, ranges: list[tuple[int, int]], pixels: int = PIXELS) -> dict[str, float]:
    """Return the times of whole requests."""
    client, spans = app.test_client(), []
    listed = ",".join(map(str, ids))

    def ask(asked: tuple[int, int]) -> None:
        begin_us, end_us = asked
        resolution_s = -(-(end_us - begin_us) // pixels) / S
        query = f"source_id={listed}&start={begin_us / S:.6f}&end={end_us / S:.6f}&resolution={resolution_s:.6f}"
        answer = client.get(f"/playbackapi/timeline?{query}")
        assert answer.status_code == 200, answer.text
        spans.append(answer.data.count(b"end_utc") - 1)

    ask(ranges[0])
    times_ms = _times_ms(ask, ranges)
    return {**_shown(times_ms), "spans": median(spans)}


def _times_ms(call: Callable[[Any], None], arguments: Any) -> list[float]:
    times_ms = []
    for argument in arguments:
        begin_s = time.perf_counter()
        call(argument)
        times_ms.append((time.perf_counter() - begin_s) * 1000)
    return times_ms


def _shown(times_ms: list[float]) -> dict[str, float]:
    return {"p50_ms": median(times_ms), "p95_ms": percentile(times_ms, 95), "least_ms": min(times_ms)}


def _short(times: dict[str, float]) -> str:
    return f"{times['p50_ms']:.1f} ms (p95 {times['p95_ms']:.1f})"


def _group_rows(ids: range, begin_us: int, end_us: int) -> None:
    """Gather the rows of each cell of the resolution, as timelines were made before there was coverage."""
    cell = Segment.start_us // ((end_us - begin_us) // PIXELS)
    for source_id in ids:
        query = (
            select(func.min(Segment.start_us), func.max(Segment.end_us))
            .where(Segment.source_id == source_id, Segment.state == CLOSED, Segment.end_us > begin_us)
            .where(Segment.start_us > begin_us - 600 * S, Segment.start_us < end_us)
            .group_by(cell)
            .order_by(func.min(Segment.start_us))
        )
        assert db.session.execute(query).all()
    db.session.rollback()


def _cut(dice: np.random.Generator, spans: Spans) -> Iterator[tuple[int, int]]:
    """Yield segments of about 60 s that make up spans."""
    for begin, end in spans.tolist():
        jitter = dice.integers(-2 * S, 2 * S, (end - begin) // (58 * S) + 1).tolist()
        while begin < end:
            stop = min(begin + SEGMENT_US + jitter.pop(), end)
            yield begin, stop
            begin = stop


def _add_source(source_id: int) -> None:
    with writing() as session:
        if source_id == 1:
            session.execute(insert(Storage), {"id": "storage", "path": "/nowhere"})
        session.execute(insert(Source), {"id": source_id, "model": "Source"})
        run = {"id": f"run {source_id}", "source_id": source_id, "anchor_us": 0, "begin_us": 0}
        session.execute(insert(Run), run)


def _add_rows(source_id: int, rows: list[tuple[int, int]]) -> None:
    """Insert closed segments in bulk: all counters 0, which no timeline reads."""
    given = {"run_id": f"'run {source_id}'", "storage_id": "'storage'", "state": str(CLOSED)}
    given |= {"source_id": str(source_id), "start_us": "?", "end_us": "?", "id": "?", "sequence": "?"}
    columns = [column for column in Segment.__table__.columns if not column.nullable]
    names, values = ", ".join(c.name for c in columns), ", ".join(given.get(c.name, "0") for c in columns)
    order = [c.name for c in columns if given.get(c.name) == "?"]
    parts = (
        {"start_us": start, "end_us": end, "id": f"{source_id:04d}-{number:031d}", "sequence": number}
        for number, (start, end) in enumerate(rows)
    )
    with writing() as session:
        statement = f"INSERT INTO segment ({names}) VALUES ({values})"
        session.connection().exec_driver_sql(statement, [tuple(part[name] for name in order) for part in parts])


def _make_month() -> dict[str, Any]:
    """Make the segments of 16 cameras and their coverage."""
    total, dice = 0, np.random.default_rng(SEED)
    for source_id in range(1, CAMERAS + 1):
        _add_source(source_id)
        rows = list(_cut(dice, make_spans(dice, BEGIN_US, DAYS, 4, 2 * 3600)))
        _add_rows(source_id, rows)
        total += len(rows)
        with writing() as session:
            for day in range(DAYS):
                recount(session, source_id, BEGIN_US + day * DAY.cell_us)
    return {"segments": total}


def _make_year(ranges: list[tuple[int, int]]) -> dict[str, Any]:
    """Make the coverage of 100 cameras, and segments around the edges that are asked for."""
    dice, cells = np.random.default_rng(SEED + 1), 0
    edges = sorted(edge for asked in ranges for edge in asked)
    for source_id in range(CAMERAS + 1, CAMERAS + YEAR_CAMERAS + 1):
        _add_source(source_id)
        spans = make_spans(dice, BEGIN_US, YEAR_DAYS, 6, 4 * 3600)
        rows = {
            start: start + SEGMENT_US
            for edge in edges
            for start in range(edge - 2700 * S, edge + 2700 * S, SEGMENT_US)
            if spans[np.searchsorted(spans[:, 0], start, "right") - 1, 1] >= start + SEGMENT_US
        }
        _add_rows(source_id, sorted(rows.items()))
        cells += add_cells(dice, source_id, spans, BEGIN_US, YEAR_DAYS)
    return {"cells_of_the_year": cells}
