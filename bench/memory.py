"""How much memory the service takes while 16 sources record: PSS of every process of it but ffmpeg."""

import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.cameras import CAMERAS, FULL_HD, add_cameras, serve
from bench.figures import Figure
from bench.processes import arguments, children, pss_bytes
from tests.service import Service, wait_for

LIMIT_BYTES = 350_000_000
RECORDED_S = 20.0
REQUESTS = 40


def measure() -> list[Figure]:
    """Record 16 sources, use the pages and the API of all, then count."""
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as name,
        serve(FULL_HD) as cameras,
        Service(Path(name)) as service,
    ):
        ids = add_cameras(service, cameras, "all")
        service.record("all", "all")
        wait_for(lambda: len(service.ffmpeg_pids()) == CAMERAS, "recording", 30)
        time.sleep(RECORDED_S)
        fresh = service_pss(service)
        _use(service, ids)
        used = service_pss(service)
    counted = {name: size for name, size in used.items() if name != "watchdog"}
    total_bytes = sum(counted.values())
    detail = {
        "pss_mb": {name: size / 1e6 for name, size in used.items()},
        "total_mb": total_bytes / 1e6,
        "with_watchdog_mb": sum(used.values()) / 1e6,
        "before_use_total_mb": sum(size for name, size in fresh.items() if name != "watchdog") / 1e6,
    }
    shown = f"{total_bytes / 1e6:.0f} MB ({sum(used.values()) / 1e6:.0f} MB with the watchdog)"
    what = f"memory (PSS) of supervisor, 2 web workers and master, Celery worker and recorder, {CAMERAS} sources"
    return [Figure(what, "≤ 350 MB", shown, total_bytes <= LIMIT_BYTES, detail)]


def service_pss(service: Service) -> dict[str, int]:
    """Return the PSS of each process of the service."""
    supervisor, master = service.processes["supervisor"].pid, service.pid("web")
    (worker,) = [pid for pid in children(supervisor) if arguments(pid)[-1:] == ["worker"]]
    webs = children(master)
    assert len(webs) == 2, f"{len(webs)} web workers"
    named = {"supervisor": supervisor, "web master": master, "web worker 1": webs[0], "web worker 2": webs[1]}
    named |= {"celery worker": worker, "recorder": service.pid("recorder"), "watchdog": service.pid("watchdog")}
    return {name: pss_bytes(pid) for name, pid in named.items()}


def _use(service: Service, ids: list[int]) -> None:
    """Ask for the page, request data, video and playlist again and again, so that both web workers have loaded all."""
    begin = (datetime.now(UTC) - timedelta(seconds=RECORDED_S / 2)).strftime("%Y-%m-%dT%H:%M:%SZ")
    for number in range(REQUESTS):
        source = f"/playbackapi/source/{ids[number % len(ids)]}"
        paths = ["/", "/api/v1/source", f"{source}?start={begin}", f"{source}/index.m3u8?start={begin}"]
        paths += [f"{source}/video.mp4?start={begin}&duration=4", "/metrics", "/readyz"]
        service.session.close()  # a new connection may meet the other web worker
        for path in paths:
            answer = service.session.get(service.base + path, timeout=20)
            assert answer.status_code == 200, f"{path}: {answer.status_code}"
