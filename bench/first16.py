"""How long it takes from POST start until the first fragment is on disk, for one camera and for 16 together."""

import tempfile
import time
from pathlib import Path

from app.formats.boxes import iter_boxes
from bench.cameras import CAMERAS, FULL_HD, add_cameras, serve
from bench.figures import Figure, median
from tests.archive_reading import query
from tests.service import Service, wait_for

ONE_RUNS, ALL_RUNS = 5, 3
ONE_LIMIT_S, ALL_LIMIT_S = 2.0, 5.0
LOOK_S = 0.01


def measure() -> list[Figure]:
    """Start one source five times, then 16 sources three times."""
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as name,
        serve(FULL_HD) as cameras,
        Service(Path(name)) as service,
    ):
        ids = add_cameras(service, cameras, "all")
        service.add_group("one", ids[:1])
        one_s = [first_fragments_s(service, "one", ids[:1])[0] for _ in range(ONE_RUNS)]
        runs = [first_fragments_s(service, "all", ids) for _ in range(ALL_RUNS)]
    slowest_s = [max(run) for run in runs]
    one = f"{median(one_s):.2f} s (of {ONE_RUNS}: {min(one_s):.2f}–{max(one_s):.2f})"
    together = f"{median(slowest_s):.2f} s for the slowest (of {ALL_RUNS}: {min(slowest_s):.2f}–{max(slowest_s):.2f})"
    return [
        Figure(
            "POST start until the first fragment is on disk",
            "< 2 s",
            one,
            max(one_s) < ONE_LIMIT_S,
            {"first_fragment_s": one_s},
        ),
        Figure(
            f"the same, {CAMERAS} sources together",
            "< 5 s",
            together,
            max(slowest_s) < ALL_LIMIT_S,
            {"slowest_s": slowest_s, "median_s": [median(run) for run in runs], "first_s": [min(run) for run in runs]},
        ),
    ]


def first_fragments_s(service: Service, group: str, ids: list[int]) -> list[float]:
    """Record a group under a tag of its name until each source has a fragment on disk; return after how long."""
    known = {path for number in ids for path in _live_files(service, number)}
    begin_s = time.monotonic()
    service.record(group, group)
    found: dict[int, float] = {}

    def look() -> bool:
        for number in ids:
            if number not in found and any(has_fragment(path) for path in _live_files(service, number) - known):
                found[number] = time.monotonic() - begin_s
        return len(found) == len(ids)

    wait_for(look, "the first fragment of each source", 60, LOOK_S)
    service.stop_recording(group)
    wait_for(lambda: not query(service, "SELECT 1 FROM lease"), "the end of recording", 30)
    return list(found.values())


def _live_files(service: Service, source_id: int) -> set[Path]:
    return set((service.storage / "live" / str(source_id)).glob("*.mp4"))


def has_fragment(path: Path) -> bool:
    """Tell whether a file holds a complete moof and mdat."""
    try:
        with path.open("rb") as file:
            kinds = [box.kind for box in iter_boxes(file.fileno(), 0, path.stat().st_size)]
    except FileNotFoundError:
        return False
    return b"moof" in kinds and b"mdat" in kinds[kinds.index(b"moof") :]
