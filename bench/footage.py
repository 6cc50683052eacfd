"""The generated archives that several measurements share, made once a process and removed at its end."""

import random
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlencode

from bench.archive import HOUR_US, Archive, Wanted, make_archive, open_app
from bench.repeat import DAY_US, repeat
from tests.service import Service, wait_for

HOURS_24 = 24 * HOUR_US


@dataclass(frozen=True, slots=True)
class Footage:
    """An archive in an instance's folder, which is removed with it."""

    folder: "tempfile.TemporaryDirectory[str]"
    service: Service
    archive: Archive
    source_ids: list[int]
    begin_us: int
    end_us: int

    def serve(self, **settings: object) -> Service:
        """Return a web server on it with other settings, to be started."""
        return Service(self.service.instance, "web", **settings)


@lru_cache(maxsize=1)
def long_footage() -> Footage:
    """Return 72 h of one camera of the worst kind: a day, and its files twice more.

    Its bit rate is low: what is measured with it are tables, which do not grow with it.
    """
    folder = tempfile.TemporaryDirectory(prefix="bench-")
    service = Service(Path(folder.name), "web")
    archive = make_archive(service, Wanted(hours=24))
    ids = repeat(open_app(service), archive, times=3)
    return Footage(folder, service, archive, ids, archive.begin_us, archive.end_us + 2 * DAY_US)


@lru_cache(maxsize=1)
def dense_footage() -> Footage:
    """Return one hour of one run of 2.1 GB: every byte its own."""
    folder = tempfile.TemporaryDirectory(prefix="bench-")
    service = Service(Path(folder.name), "web")
    archive = make_archive(service, Wanted(hours=1, bitrate_bps=4_700_000, runs=1))
    return Footage(folder, service, archive, archive.source_ids, archive.begin_us, archive.end_us)


def spans_24h(footage: Footage, count: int, seed: int) -> list[int]:
    """Return random begins of so many spans of 24 h, all different."""
    rng = random.Random(seed)
    return [rng.randrange(footage.begin_us, footage.end_us - HOURS_24) for _ in range(count)]


def address(source_id: int, name: str, begin_us: int, length_us: int) -> str:
    """Return the path of a span: `name` is `/video.mp4`, `/index.m3u8` or nothing for the request data."""
    words = {"start": f"{begin_us // 1_000_000}.{begin_us % 1_000_000:06d}", "duration": f"{length_us / 1e6:.6f}"}
    return f"/playbackapi/source/{source_id}{name}?{urlencode(words)}"


@contextmanager
def running(service: Service) -> Iterator[Service]:
    """Run a web server until the end of the block."""
    service.spawn("web")
    try:
        wait_for(lambda: service.answers("/healthz"), "the web server", 30)
        yield service
    finally:
        service.stop()
