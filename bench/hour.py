"""An hour of footage in seconds: a clip in a loop, cut as the recorder's ffmpeg cuts, taken in as the recorder does."""

import subprocess
import time
import uuid
from pathlib import Path

from app import create_app
from app.archive import places
from app.archive.ingest import Place, RunWriter
from app.archive.storages import open_storage
from app.capture.ffmpeg import SEGMENT_FORMAT, find_ffmpeg
from app.extensions import db, writing
from app.models import Source
from bench.cameras import FULL_HD, Clip, clip_path
from instance.config import Config, DevelopmentConfig
from tests.service import Service

HOUR_S = 3600
BEGIN_US = 1_795_248_000_000_000  # 2026-11-21T08:00:00Z


def make_hour(service: Service, clip: Clip = FULL_HD, length_s: int = HOUR_S) -> tuple[int, dict[str, float]]:
    """Put footage from BEGIN_US on into a service that does not run; return the source's id and what it took."""
    prepared = service.run("-m", "flask", "prepare")
    assert prepared.returncode == 0, prepared.stderr
    config = DevelopmentConfig(INSTANCE=str(service.instance), RESERVE_BYTES=1_000_000)
    app = create_app(config, with_views=False)
    with app.app_context():
        with writing() as session:
            source = Source(model="Source", uri_rtsp="rtsp://127.0.0.1:1/none")
            session.add(source)
            session.flush()
            source_id = source.id
        storage = open_storage(config)
        place = Place(Path(storage.path), storage.id, source_id, str(uuid.uuid4()))
        begin_s = time.monotonic()
        _cut(config, place, clip, length_s)
        cut_s = time.monotonic()
        writer = RunWriter(place, zero_us=BEGIN_US)
        while writer.poll():
            pass
        assert writer.finish()
        db.engine.dispose()
    return source_id, {"cut_s": cut_s - begin_s, "taken_in_s": time.monotonic() - cut_s}


def _cut(config: Config, place: Place, clip: Clip, length_s: int) -> None:
    """Write the run's segments with the recorder's muxer options."""
    folder = places.live_folder(place.root, place.source_id)
    folder.mkdir(parents=True, exist_ok=True)
    options = SEGMENT_FORMAT.format(fragment_us=round(config.FRAGMENT_S * 1_000_000))
    command = [find_ffmpeg(), "-nostdin", "-loglevel", "error", "-stream_loop", "-1", "-i", str(clip_path(clip))]
    command += ["-t", str(length_s), "-map", "0:v:0", "-map", "0:a:0", "-c", "copy", "-f", "segment"]
    command += ["-segment_time", str(config.SEGMENT_S), "-segment_format", "mp4", "-segment_format_options", options]
    subprocess.run([*command, str(folder / f"{place.run_id}-%06d.mp4")], check=True, timeout=300)
