"""Many machines in small: PostgreSQL, Redis, and web, worker and recorders started alone."""

import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.conftest import missing
from tests.media import make_video, packets
from tests.rtsp_server import RtspServer
from tests.service import Service, wait_for
from tests.services import Postgres, Redis, why_no_redis


@pytest.fixture
def redis() -> Iterator[Redis]:
    """Yield a running Redis."""
    if reason := why_no_redis():
        missing(reason)
    with Redis() as server:
        yield server


@pytest.fixture
def camera(tmp_path: Path) -> Iterator[RtspServer]:
    """Yield a camera with a key frame a second."""
    make_video(tmp_path / "cam.mp4", seconds=4, fps=12, gop=12, width=320, height=240, audio="aac")
    with RtspServer({"cam": tmp_path / "cam.mp4"}, user="admin", password="secret") as server:
        yield server


def rows(url: str, text: str) -> list[tuple]:
    """Return rows of the PostgreSQL database."""
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        return connection.execute(text).fetchall()


def test_two_recorders_share_the_cameras_and_one_takes_over(
    tmp_path: Path, camera: RtspServer, postgres: Postgres, redis: Redis
) -> None:
    url = postgres.database("scale_out")
    shared = {
        "DATABASE_URL": url,
        "BROKER_URL": redis.database(),
        "SEGMENT_S": 4,
        "ABANDON_S": 3,
        "SECRET_KEY": "k" * 40,
    }
    with (
        Service(tmp_path / "one", "web", "worker", "recorder", STORAGE=tmp_path / "storage", **shared) as first,
        Service(tmp_path / "two", "web", "recorder", STORAGE=tmp_path / "storage", **shared) as second,
    ):
        source_id = first.add_source(camera.url("cam"))
        wait_for(lambda: first.status(source_id) == "online", "the worker's probe")
        probes = len(camera.sessions("cam"))
        first.add_group("all", [source_id])
        second.record("tag", "all")  # said to one machine, done by whichever recorder is first
        wait_for(lambda: rows(url, "SELECT 1 FROM run"), "footage")
        time.sleep(3)
        assert len(camera.sessions("cam")) == probes + 1, "the camera has more than one connection"
        ((holder,),) = rows(url, "SELECT recorder.pid FROM lease JOIN recorder ON recorder.id = lease.recorder_id")
        services = {service.processes["recorder"].pid: service for service in (first, second)}
        lost = services[holder]
        lost.processes["recorder"].kill()
        lost.processes["recorder"].wait()
        # The same machine, so the dead process is noticed at once; ffmpeg is adopted by the other recorder.
        wait_for(
            lambda: rows(url, f"SELECT 1 FROM lease JOIN recorder ON recorder.id = recorder_id WHERE pid <> {holder}"),
            "the other recorder's lease",
            20,
        )
        time.sleep(6)  # longer than the watchdog of the lost recorder waits
        assert len(camera.sessions("cam")) == probes + 1, "the ffmpeg was not adopted"
        first.stop_recording("tag")
        ((begin, end),) = wait_for(
            lambda: rows(url, "SELECT begin_us, end_us FROM run WHERE end_us IS NOT NULL"), "the end of the run"
        )
        path = f"/playbackapi/source/{source_id}/video.mp4?start={begin / 1e6:.6f}&end={end / 1e6:.6f}"
        answer = second.session.get(second.base + path, timeout=10)
        assert answer.status_code == 200, answer.text[:300]
        (tmp_path / "span.mp4").write_bytes(answer.content)
        found = [packet.sha256 for packet in packets(tmp_path / "span.mp4")["video"]]
        sent = [line.sha256 for line in camera.sessions("cam")[-1].sent("video")]
        assert found == sent[: len(found)]
        assert len(found) > 60
