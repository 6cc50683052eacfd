"""How much the archive keeps beside the footage: sample indexes and rows, of the kind of camera that needs most."""

import tempfile
from pathlib import Path

from bench.archive import Wanted, make_archive
from bench.figures import Figure
from tests.archive_reading import query
from tests.service import Service

LIMIT_PERCENT = 0.2
FOOTAGE_BPS = 4_000_000
HOURS = 4  # enough rows that the database's pages are full


def measure() -> list[Figure]:
    """Weigh indexes and database after a few hours; their size does not depend on the bit rate."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        service = Service(Path(name), "web")
        prepared = service.run("-m", "flask", "prepare")
        assert prepared.returncode == 0, prepared.stderr
        empty_bytes = _database_bytes(service)
        archive = make_archive(service, Wanted(hours=HOURS))
        rows_bytes = _database_bytes(service) - empty_bytes
        index_bytes = sum(path.stat().st_size for path in (service.storage / "idx").rglob("*.sidx"))
        ((segments, length_us, frames),) = query(
            service, "SELECT count(*), sum(end_us - start_us), sum(v_n + a_n) FROM segment"
        )
    footage_bytes = length_us / 1e6 * FOOTAGE_BPS / 8
    percent = (index_bytes + rows_bytes) / footage_bytes * 100
    detail = {
        **archive.describe(),
        "segments": segments,
        "index_bytes_a_segment": index_bytes / segments,
        "database_bytes_a_segment": rows_bytes / segments,
        "index_bytes_a_sample": index_bytes / frames,
    }
    per_minute = f"{index_bytes / segments / 1000:.1f} KB of index and {rows_bytes / segments / 1000:.1f} KB of rows"
    shown = f"{percent:.3f} % ({per_minute} a minute)"
    what = "index and rows over footage of 4 Mbit/s (30 fps, jitter on every frame, B-frames, 48 kHz sound)"
    return [Figure(what, "≤ 0.2 %", shown, percent <= LIMIT_PERCENT, detail)]


def _database_bytes(service: Service) -> int:
    """Return the size of the database without its free pages."""
    ((pages,),) = query(service, "SELECT page_count - freelist_count FROM pragma_page_count, pragma_freelist_count")
    ((size,),) = query(service, "SELECT page_size FROM pragma_page_size")
    return int(pages * size)
