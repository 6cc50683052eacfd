"""`python -m bench.screens NAME=FILE ...`: the pictures of docs/screenshots, taken anew: each page in light and dark.

Each file becomes a camera of that name: half an hour of it lies in the archive, with a gap, and it is looped over RTSP
and recorded on. The last one given is uploaded too, examined by the example analyser and commented. Files with people
or cars in them look best: this writes no video of its own.

    python -m bench.screens "Car park=car.mp4" "Entrance hall=people.mp4"
"""

import argparse
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import requests

from app import create_app
from app.archive import places
from app.archive.ingest import Place, RunWriter
from app.archive.storages import open_storage
from app.capture.ffmpeg import SEGMENT_FORMAT, find_ffmpeg
from app.extensions import db, writing
from app.models import Record, Source, Tag, Wanted
from app.models.types import now_us
from app.personalulti import utc_text
from instance.config import Config, DevelopmentConfig
from tests.looking import Chromium, Looker, Size, Theme, starting_chromium
from tests.rtsp_server import RtspServer
from tests.service import ROOT, Service, wait_for
from tests.uploading import TUS, in_base64

FOLDER = ROOT / "docs" / "screenshots"
S = 1_000_000
PAST_S, GAP_S, PAUSE_S = 1800, 20, 4  # of footage, of the gap in its last third, and until it is recorded on
TAG = "day shift"
THEMES: tuple[Theme, ...] = ("light", "dark")
Shoot = Callable[[Looker], None]


def main() -> None:
    """Make the world, then look at it."""
    parser = argparse.ArgumentParser(prog="python -m bench.screens")
    parser.add_argument("camera", nargs="+", metavar="NAME=FILE")
    files = dict(word.split("=", 1) for word in parser.parse_args().camera)
    paths = {name: Path(path).resolve(strict=True) for name, path in files.items()}
    with (
        tempfile.TemporaryDirectory(prefix="screens-") as folder,
        RtspServer({f"cam{number}": path for number, path in enumerate(paths.values())}) as cameras,
    ):
        service = Service(Path(folder), ACTIVITY_CPU_S=120)
        addresses = {name: cameras.url(f"cam{number}") for number, name in enumerate(paths)}
        moment_us = _add_past(service, paths, addresses)
        with service, starting_chromium() as chromium:
            ids = [row["id"] for row in service.call("GET", "/api/v1/source")]
            service.add_group("Ground floor", ids)
            service.record(TAG, "Ground floor")
            file_id = _add_said(service, ids, moment_us, next(reversed(paths.values())))
            wait_for(lambda: _is_looked_through(service, ids), "the look for movement", 400, 2)
            wait_for(lambda: all(service.status(number) == "online" for number in ids), "the cameras", 60, 0.5)
            _shoot_all(chromium, service.base, ids, moment_us, file_id)


def _add_past(service: Service, paths: dict[str, Path], addresses: dict[str, str]) -> int:
    """Put half an hour of each file into a service that does not run; return an instant at which all have footage."""
    prepared = service.run("-m", "flask", "prepare")
    assert prepared.returncode == 0, prepared.stderr
    config = DevelopmentConfig(INSTANCE=str(service.instance), RESERVE_BYTES=1_000_000)
    app = create_app(config, with_views=False)
    begin_us = now_us() - (PAST_S + GAP_S + PAUSE_S) * S
    first_s = PAST_S * 2 // 3
    with app.app_context():
        with writing() as session:
            tag = Tag(name=TAG)
            session.add(tag)
            session.flush()
            tag_id = tag.id
        for name, path in paths.items():
            with writing() as session:
                source = Source(model="Source", uri_rtsp=addresses[name], description=name)
                session.add(source)
                session.flush()
                source_id = source.id
                session.add(Wanted(source_id=source_id, begin_us=begin_us, end_us=None))
                values = {"begin_us": begin_us, "end_us": begin_us + (PAST_S + GAP_S) * S}
                session.add(Record(id=str(uuid.uuid4()), source_id=source_id, tag_id=tag_id, **values))
            _take_in(config, source_id, path, begin_us, first_s)
            _take_in(config, source_id, path, begin_us + (first_s + GAP_S) * S, PAST_S - first_s)
        db.engine.dispose()
    return begin_us + (first_s - 240) * S


def _take_in(config: Config, source_id: int, path: Path, begin_us: int, length_s: int) -> None:
    """Cut a file in a loop as the recorder's ffmpeg does, and take it in as the recorder does."""
    storage = open_storage(config)
    place = Place(Path(storage.path), storage.id, source_id, str(uuid.uuid4()))
    folder = places.live_folder(place.root, source_id)
    folder.mkdir(parents=True, exist_ok=True)
    options = SEGMENT_FORMAT.format(fragment_us=round(config.FRAGMENT_S * S))
    command = [find_ffmpeg(), "-nostdin", "-loglevel", "error", "-stream_loop", "-1", "-i", str(path)]
    command += ["-t", str(length_s), "-map", "0:v:0", "-map", "0:a:0?", "-c", "copy", "-f", "segment"]
    command += ["-segment_time", str(config.SEGMENT_S), "-segment_format", "mp4", "-segment_format_options", options]
    subprocess.run([*command, str(folder / f"{place.run_id}-%06d.mp4")], check=True, timeout=300)
    writer = RunWriter(place, zero_us=begin_us)
    while writer.poll():
        pass
    assert writer.finish()


def _add_said(service: Service, ids: list[int], moment_us: int, path: Path) -> int:
    """Pin a span, look for movement, and upload a file that is examined and commented; return its id."""
    begin, end = (utc_text(moment_us + offset_s * S) for offset_s in (-120, 60))
    reason = "Insurance case 4711"
    service.call("POST", "/api/v1/pins", source_id=ids[0], start=begin, end=end, reason=reason)
    for source_id in ids:
        setting = f"/api/v1/source/{source_id}/activity/setting"
        service.call("PUT", setting, is_enabled=True, since=utc_text(moment_us - PAST_S * S))
    data = path.read_bytes()
    named = {"Upload-Metadata": f"filename {in_base64(path.name)}", "Upload-Length": str(len(data))}
    made = requests.post(f"{service.base}/files/", headers={**TUS, **named}, timeout=20).json()
    sent = {**TUS, "Content-Type": "application/offset+octet-stream", "Upload-Offset": "0"}
    requests.patch(f"{service.base}/files/{made['id']}/", headers=sent, data=data, timeout=60).raise_for_status()
    requests.post(f"{service.base}/files/{made['id']}/refer/", timeout=20).raise_for_status()
    analyser = [sys.executable, str(ROOT / "examples" / "analyser" / "analyse.py"), "--server", service.base]
    subprocess.run([*analyser, str(made["id"])], check=True, capture_output=True, timeout=120)
    for words in ({"comment": "He waits here", "start": 4, "severity": "mild"},
                  {"comment": "Door is left open", "start": 12, "end": 18, "severity": "severe"}):  # fmt: skip
        said = {"refer_file": made["refer"], "comment_author": "User", **words}
        requests.post(f"{service.base}/comments/", json=said, timeout=20).raise_for_status()
    return int(made["id"])


def _is_looked_through(service: Service, ids: list[int]) -> bool:
    """Tell whether movement was looked for in all footage but the newest."""
    settings = [service.call("GET", f"/api/v1/source/{source_id}/activity/setting") for source_id in ids]
    return all((one["behind_s"] or 0) < 3 * 60 for one in settings)


def _shoot_all(chromium: Chromium, base: str, ids: list[int], moment_us: int, file_id: int) -> None:
    """Open each page as somebody would, wait until it has settled, and keep what is seen."""
    cameras = ",".join(map(str, ids))
    moment = f"/view/timeline?cameras={cameras}&at={utc_text(moment_us)}"
    for theme in THEMES:
        _shoot(chromium, base, theme, "live", "/", _see_pictures)
        _shoot(chromium, base, theme, "recordings", moment, _mark_a_clip)
        _shoot(chromium, base, theme, "cameras", "/view/cameras", _rest)
        _shoot(chromium, base, theme, "files", "/view/files", _rest)
        _shoot(chromium, base, theme, "review", f"/view/files?file={file_id}", _see_video)
        _shoot(chromium, base, theme, "system", "/view/system", _rest)
        _shoot(chromium, base, theme, "phone", moment, _see_video, size="phone")


def _shoot(
    chromium: Chromium, base: str, theme: Theme, name: str, path: str, see: Shoot, *, size: Size = "desk"
) -> None:
    with chromium.looking(base, theme=theme, size=size) as looker:
        looker.open(path)
        see(looker)
        assert looker.complaints == [], looker.complaints
        looker.page.screenshot(path=FOLDER / f"{name}-{theme}.png")


def _rest(looker: Looker) -> None:
    """Give a page that asks again and again the time to have drawn what it asked for first."""
    time.sleep(3)


def _see_pictures(looker: Looker) -> None:
    looker.page.wait_for_function(
        "() => [...document.querySelectorAll('main img')].filter((one) => one.naturalWidth > 0).length > 0"
    )
    _rest(looker)


def _see_video(looker: Looker) -> None:
    looker.page.wait_for_function(
        "() => { const all = [...document.querySelectorAll('video')]; "
        "return all.length > 0 && all.every((one) => one.readyState >= 2); }"
    )
    _rest(looker)


def _mark_a_clip(looker: Looker) -> None:
    """Mark the begin of a clip a little before the moment and its end behind it."""
    _see_video(looker)
    keys = looker.page.keyboard
    for key in ("ArrowLeft", "ArrowLeft", "[", *["ArrowRight"] * 4, "]", "ArrowLeft", "ArrowLeft"):
        keys.press(key)
        time.sleep(0.3)
    _see_video(looker)


if __name__ == "__main__":
    main()
