"""How fast the rows of footage come back from the files alone, beside reading as many bytes of them plainly."""

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import func, select, text

from app.archive.filewalk import Odd, walk_closed
from app.archive.rebuilding import Reporter, rebuild
from app.archive.reindexing import reindex
from app.archive.storages import open_storage
from app.extensions import db, writing
from app.models import Segment
from bench.archive import Kind, Wanted, make_archive, open_app
from bench.figures import Figure
from tests.service import Service

LEAST_PER_S = 1_000
HOURS, SOURCES = 6, 4
HEAD_BYTES, TAIL_BYTES = 8192, 512
TABLES = ("segment", "coverage", "run", "sample_entry")


def measure() -> list[Figure]:
    """Make six hours of four cameras in files of a minute, lose the database, and make it anew."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        service = Service(Path(folder), "web")
        wanted = Wanted(hours=HOURS, kind=Kind(fps=25, b_frames=0))
        archive = make_archive(service, wanted, sources=SOURCES)
        app = open_app(service)
        with app.app_context():
            storage = open_storage(app.config["PLAYBACK"])
            roots = {storage.id: Path(storage.path)}
            cold = _timed(roots, _drop_cache)
            warm = [_timed(roots, lambda: False) for _ in range(3)]
            plain_s = _plain_read(roots)
            indexed_s, indexed = _index(roots)
            db.session.remove()
            db.engine.dispose()
    rebuilt_s = sorted(seconds for seconds, _ in warm)[1]
    per_s = archive.files / rebuilt_s
    detail = {
        **archive.describe(),
        "rebuilt_s": [seconds for seconds, _ in warm],
        "without_page_cache_s": cold[0] if cold[1] else "the page cache cannot be dropped here",
        "walk_and_read_of_heads_and_tails_s": plain_s,
        "ratio_to_it": rebuilt_s / plain_s,
        "indexes_from_media_a_second": indexed / indexed_s,
    }
    shown = f"{per_s:.0f} segments/s (of 3 runs; {rebuilt_s / plain_s:.1f} × a plain read of the same bytes)"
    return [Figure("`flask rebuild` of files of 60 s", "≥ 1,000 segments/s", shown, per_s >= LEAST_PER_S, detail)]


def _timed(roots: dict[str, Path], before: Callable[[], bool]) -> tuple[float, bool]:
    """Lose all rows, then take the time of making them anew; and whether `before` did what it should."""
    with writing() as session:
        for table in TABLES:
            session.execute(text(f"DELETE FROM {table}"))  # names from above
    was_done = before()
    odd: list[Odd] = []
    begin_s = time.monotonic()
    done = rebuild(roots, Reporter(odd.append, lambda _: None))
    took_s = time.monotonic() - begin_s
    count = db.session.scalar(select(func.count()).select_from(Segment))
    db.session.rollback()
    assert (count, odd) == (done.files, []), f"{count} rows of {done.files} files, {odd[:3]}"
    return took_s, was_done


def _drop_cache() -> bool:
    os.sync()
    try:
        Path("/proc/sys/vm/drop_caches").write_text("3")
    except OSError:
        return False
    return True


def _plain_read(roots: dict[str, Path]) -> float:
    """Return how long one process takes to find all files and read their heads and tails."""
    begin_s = time.monotonic()
    for root in roots.values():
        for hour in walk_closed(root):
            assert not isinstance(hour, Odd)
            for segment_id in hour.ids:
                handle = os.open(hour.path(segment_id), os.O_RDONLY)
                os.pread(handle, HEAD_BYTES, 0)
                os.pread(handle, TAIL_BYTES, os.fstat(handle).st_size - TAIL_BYTES)
                os.close(handle)
    return time.monotonic() - begin_s


def _index(roots: dict[str, Path]) -> tuple[float, int]:
    """Lose every index of some hours, and make them from the media; return how long it took, and how many."""
    with writing() as session:
        session.execute(text("UPDATE segment SET index_size_bytes = 0 WHERE source_id = 1"))
    begin_s = time.monotonic()
    made = reindex(roots)
    return time.monotonic() - begin_s, made
