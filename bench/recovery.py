"""How long a recorder takes for what an earlier one left: until it plays, and until it is closed and hashed."""

import os
import tempfile
import time
from pathlib import Path

from sqlalchemy import func, select

from app.capture import recovery
from app.extensions import db
from app.models import Segment
from bench.archive import Kind, Wanted, open_app
from bench.figures import Figure
from bench.leftfiles import leave
from tests.service import Service

SOURCES, HOURS = 16, 1
BITRATE_BPS = 1_000_000
LIMIT_S = 2.0


def measure() -> list[Figure]:
    """Leave an hour of 16 cameras without any row, and recover it as the recorder does."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        service = Service(Path(folder), "web")
        prepared = service.run("-m", "flask", "prepare")
        assert prepared.returncode == 0, prepared.stderr
        app = open_app(service)
        print(f"  writing {HOURS} h of {SOURCES} cameras", flush=True)
        left = leave(app, Wanted(HOURS, BITRATE_BPS, Kind(fps=25, b_frames=0), runs=1), SOURCES)
        os.sync()
        with app.app_context():
            begin_s, begin_cpu_s = time.monotonic(), time.process_time()
            found = [
                one
                for source_id in left.source_ids
                for one in recovery.find_leftovers(left.root, left.storage_id, source_id, set())
            ]
            for one in found:
                one.publish()
            published_s, cpu_s = time.monotonic() - begin_s, time.process_time() - begin_cpu_s
            assert db.session.scalar(select(func.count()).select_from(Segment)) == left.files
            db.session.rollback()
            for one in found:
                while one.close_next():
                    pass
            closed_s = time.monotonic() - begin_s
            db.session.remove()
            db.engine.dispose()
    detail = {
        "files": left.files,
        "gigabytes": left.size_bytes / 1e9,
        "bitrate_bps": BITRATE_BPS,
        "published_s": published_s,
        "published_cpu_s": cpu_s,
        "closed_s": closed_s,
        "closed_megabytes_a_second": left.size_bytes / 1e6 / closed_s,
    }
    what = f"{SOURCES} cameras × {HOURS} h of unindexed footage until all of it plays"
    shown = f"{published_s:.2f} s; closed and hashed behind what records after {closed_s:.0f} s"
    return [Figure(what, "≤ 2 s", shown, published_s <= LIMIT_S, detail)]
