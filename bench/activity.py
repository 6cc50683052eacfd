"""What looking for activity costs, and how soon it is answered: two minutes of 1080p, and 16 cameras over a year.

The pass runs in this process on footage as the recorder writes it; in the same run every frame of the same files is
decoded by the same decoder in one thread. The year is made of rows as the pass writes them, quiet nights and busy days.
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
from flask import Flask
from flask_migrate import upgrade
from sqlalchemy import func, insert, select

from app import create_app
from app.archive.activitycells import DAYS, DAYS_32, HOURS, Codes, highest, pack
from app.archive.activitysettings import put_setting
from app.extensions import db, prepare_migrations, writing
from app.models import Activity, ActivitySetting, Source
from app.playback.activitypass import ActivityPass
from bench.cameras import SEED, STILLS, describe_clip
from bench.figures import Figure, median, percentile
from bench.hour import make_hour
from instance.config import DevelopmentConfig, TestingConfig
from tests.archive_reading import segment_files
from tests.service import Service

LENGTH_S, HOUR_S = 120, 3600
CAMERAS, DAYS_A_YEAR = 16, 365
YEAR_US = DAYS_A_YEAR * DAYS.row_us
FIRST_US = 20_000 * DAYS.row_us // DAYS_32.row_us * DAYS_32.row_us
ASKS = 20
LEAST_RATIO, LIMIT_MS, LIMIT_MB = 10.0, 50.0, 100.0


def measure() -> list[Figure]:
    """Take the figures of looking, then those of answering."""
    return [*_looking(), *_answering()]


def _looking() -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        service = Service(Path(folder), "web")
        source_id, _ = make_hour(service, STILLS, LENGTH_S)
        app = create_app(DevelopmentConfig(INSTANCE=str(service.instance), RESERVE_BYTES=1_000_000), with_views=False)
        with app.app_context():
            with writing() as session:
                put_setting(session, source_id, {"is_enabled": True, "since_us": 0}, "bench")
            done = ActivityPass(float(HOUR_S)).run()
            setting = db.session.get_one(ActivitySetting, source_id)
            decoding_s = setting.decoding_us / 1e6
            db.session.remove()
            db.engine.dispose()
        all_s, frames = _decode_all([path for *_, path in segment_files(service, source_id)])
    per_hour, all_per_hour = done.cpu_s * HOUR_S / LENGTH_S, all_s * HOUR_S / LENGTH_S
    detail = {
        "camera": describe_clip(STILLS),
        "key_frames": done.decoded,
        "pass_cpu_s": done.cpu_s,
        "without_database_s": decoding_s,
        "ms_a_key_frame": done.cpu_s * 1000 / done.decoded,
        "all_frames": frames,
        "all_cpu_s": all_s,
    }
    shown = (
        f"{per_hour:.1f} s, {done.cpu_s * 1000 / done.decoded:.1f} ms a key frame; "
        f"{all_s / done.cpu_s:.0f} times less than decoding all frames ({all_per_hour:.0f} s)"
    )
    target = f"≥ {LEAST_RATIO:.0f} times less than all frames"
    what = "activity: CPU for an hour of a camera of 1080p, a key frame every 2 s"
    return [Figure(what, target, shown, all_s / done.cpu_s >= LEAST_RATIO, detail)]


def _decode_all(paths: list[Path]) -> tuple[float, int]:
    """Decode all frames of files in this thread; return CPU seconds and frames."""
    begun_s, frames = time.thread_time(), 0
    for path in paths:
        with av.open(str(path)) as container:
            container.streams.video[0].thread_count = 1
            frames += sum(1 for _ in container.decode(video=0))
    return time.thread_time() - begun_s, frames


def _answering() -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        app = create_app(TestingConfig(INSTANCE=folder))
        prepare_migrations(app)
        with app.app_context():
            upgrade()
            _make_year()
            size_bytes = db.session.scalar(select(func.sum(func.length(Activity.codes)))) or 0
            rows = db.session.scalar(select(func.count()).select_from(Activity)) or 0
            db.session.remove()
        times = _times(app)
        with app.app_context():
            db.engine.dispose()
        file_mb = (Path(folder) / "app.db").stat().st_size / 1e6
    detail = {"seed": SEED, "rows": rows, "codes_mb": size_bytes / 1e6, "database_mb": file_mb, **times}
    shown = ", ".join(f"{name} {taken['p50_ms']:.1f} ms (p95 {taken['p95_ms']:.1f})" for name, taken in times.items())
    is_met = all(taken["p50_ms"] <= LIMIT_MS for taken in times.values())
    what = f"activity of {CAMERAS} cameras, a year of it, 1000 cells"
    figures = [Figure(what, f"≤ {LIMIT_MS:.0f} ms each", shown, is_met, detail)]
    size = f"{size_bytes / 1e6:.0f} MB in {rows} rows; the database {file_mb:.0f} MB"
    return [*figures, Figure(f"{what}: stored", f"≤ {LIMIT_MB:.0f} MB", size, size_bytes / 1e6 <= LIMIT_MB, detail)]


def _make_year() -> None:
    chance = np.random.default_rng(SEED)
    with writing() as session:
        session.add_all(Source(id=number + 1, model="Source") for number in range(CAMERAS))
        session.flush()
    for number in range(CAMERAS):
        hours = _year_of(chance, busyness=number / CAMERAS)
        days = highest(hours.ravel(), HOURS, DAYS).reshape(-1, DAYS.cells)
        months = np.zeros((-(-len(days) // 32), DAYS_32.cells), np.uint8)
        months.ravel()[: days.size // 30] = highest(days.ravel(), DAYS, DAYS_32)
        levels = ((HOURS, hours), (DAYS, days), (DAYS_32, months))
        values = [
            {
                "source_id": number + 1,
                "level": level.number,
                "number": FIRST_US // level.row_us + at,
                "codes": pack(row),
            }
            for level, rows in levels
            for at, row in enumerate(rows)
        ]
        with writing() as session:
            session.execute(insert(Activity), values)


def _year_of(chance: np.random.Generator, busyness: float) -> Codes:
    """Return a year by hours: at night hardly anything moves, by day stretches of seconds to minutes."""
    count = DAYS_A_YEAR * 24
    hours = np.full((count, HOURS.cells), 2, np.uint8)
    for hour in range(count):
        is_day = 7 <= hour % 24 < 20
        for _ in range(chance.poisson(busyness * 60 if is_day else 0.5)):
            begin, length = int(chance.integers(HOURS.cells)), int(chance.geometric(0.15))
            part = hours[hour, begin : begin + length]
            part[:] = chance.integers(10, 90, len(part))
    return hours


def _times(app: Flask) -> dict[str, dict[str, float]]:
    client, ids = app.test_client(), ",".join(str(number + 1) for number in range(CAMERAS))
    spans = {"year": YEAR_US, "month": 30 * DAYS.row_us, "day": DAYS.row_us, "hour": HOURS.row_us}
    chance = np.random.default_rng(SEED)
    found = {}
    for name, length_us in spans.items():
        begins = chance.integers(0, YEAR_US - length_us + 1, ASKS)
        paths = [
            f"/playbackapi/activity?source_id={ids}&start={(FIRST_US + int(at)) // 1_000_000}"
            f"&duration={length_us / 1e6}"
            f"&resolution={length_us / 1e9}"
            for at in begins
        ]
        found[name] = _shown(client, paths)
    at_s = [(FIRST_US + int(at)) // 1_000_000 for at in chance.integers(0, YEAR_US, ASKS)]
    found["next"] = _shown(client, [f"/api/v1/source/9/activity/next?after={at}&threshold=0.01" for at in at_s])
    rare = [f"/api/v1/source/9/activity/next?after={FIRST_US // 1_000_000}&threshold=0.9"] * ASKS
    found["next, of which there is none"] = _shown(client, rare)
    return found


def _shown(client: Any, paths: list[str]) -> dict[str, float]:
    def ask(path: str) -> None:
        answer = client.get(path)
        assert answer.status_code == 200, answer.text[:300]

    ask(paths[0])
    taken = [_timed_ms(lambda path=path: ask(path)) for path in paths]
    return {"p50_ms": median(taken), "p95_ms": percentile(taken, 95)}


def _timed_ms(work: Callable[[], None]) -> float:
    begun_s = time.perf_counter()
    work()
    return (time.perf_counter() - begun_s) * 1000
