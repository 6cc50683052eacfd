"""Lists: all of 100 cameras, against a view of nothing but the same bytes; and a page out of 100,000 records."""

import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flask import Flask
from sqlalchemy import insert

from app.extensions import db, writing
from app.models import Record, Run, Segment, Source, Storage, Tag
from app.models.segment import CLOSED
from app.models.types import new_uuid
from bench.archive import open_app
from bench.asking import ask
from bench.cameras import SEED
from bench.figures import Figure, median, percentile
from bench.load import Load, load
from bench.processes import children, cpu_s
from tests.ports import free_port
from tests.service import ROOT, Service, wait_for

SOURCES, ROUNDS, ROUND_S, CONNECTIONS = 100, 7, 2.0, 8
LEAST_RATIO = 0.4
RECORDS, CAMERAS, PAGE, ASKED, WARMING = 100_000, 16, 100, 60, 5
LIMIT_MS = 30.0
T0_US, MINUTE_US = 1_795_248_000_000_000, 60_000_000
BARE = """
from pathlib import Path
from flask import Flask, Response

app = Flask("bare")
body = Path("body.json").read_bytes()


@app.get("/list")
def get_list():
    return Response(body, content_type="application/json")
"""


def sources() -> list[Figure]:
    """Ask both servers in turn, under the same settings of gunicorn, for the same bytes."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        with _service(folder / "ours") as service:
            body = load(service.port, "/api/v1/source", connections=1, seconds=0.2).body
            with _bare(folder / "bare", body) as (port, pid):
                servers = {
                    "ours": (service.port, "/api/v1/source", service.pid("web")),
                    "bare": (port, "/list", pid),
                }
                taken = _in_turn(servers)
    return [_ratio_figure(taken, body)]


@contextmanager
def _service(folder: Path) -> Iterator[Service]:
    service = Service(folder, "web")
    service.run("-m", "flask", "prepare")
    app = open_app(service)
    with app.app_context(), writing() as session:
        session.add_all(_source(number) for number in range(SOURCES))
    with app.app_context():
        db.engine.dispose()
    try:
        service.spawn("web")
        wait_for(lambda: service.answers("/healthz"), "the web server's start", 30)
        yield service
    finally:
        service.stop()


def _source(number: int) -> Source:
    """Return a camera as an operator has them: a stream with a password, every second with a picture address too."""
    source = Source(
        model="Source",
        uri_rtsp=f"rtsp://admin:password{number}@192.168.1.{number + 1}:554/Streaming/Channels/101",
        description=f"Building {number // 10}, camera {number}: entrance from the yard",
        status="online",
    )
    if number % 2:
        source.picture_uri, source.picture_auth = f"http://192.168.1.{number + 1}/ISAPI/picture", "digest"
        source.picture_user, source.picture_password = "admin", f"password{number}"
    return source


@contextmanager
def _bare(folder: Path, body: bytes) -> Iterator[tuple[int, int]]:
    """Serve the bytes by a bare Flask view; yield port and pid."""
    folder.mkdir()
    (folder / "bare.py").write_text(BARE)
    (folder / "body.json").write_bytes(body)
    port = free_port()
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("PLAYBACK_", "FLASK_"))},
        "PLAYBACK_INSTANCE": str(folder / "instance"),
        "PLAYBACK_BIND": f"127.0.0.1:{port}",
    }
    command = [sys.executable, "-m", "gunicorn", "-c", str(ROOT / "gunicorn" / "config.py"), "bare:app"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
    try:
        wait_for(lambda: _answers(port), "the bare server's start", 30)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait(20)


def _answers(port: int) -> bool:
    try:
        return bool(load(port, "/list", connections=1, seconds=0.01).body)
    except OSError:
        return False


def _in_turn(servers: dict[str, tuple[int, str, int]]) -> dict[str, list[tuple[Load, float]]]:
    """Return what each server answered in each round, and its CPU seconds."""
    for port, path, _ in servers.values():
        load(port, path, connections=CONNECTIONS, seconds=1)
    taken: dict[str, list[tuple[Load, float]]] = {name: [] for name in servers}
    for _ in range(ROUNDS):
        for name, (port, path, pid) in servers.items():
            pids = [pid, *children(pid)]
            before_s = cpu_s(pids)
            got = load(port, path, connections=CONNECTIONS, seconds=ROUND_S)
            taken[name].append((got, cpu_s(pids) - before_s))
    assert len({got.body for each in taken.values() for got, _ in each}) == 1, "not the same bytes"
    return taken


def _ratio_figure(taken: dict[str, list[tuple[Load, float]]], body: bytes) -> Figure:
    speeds = {name: [got.per_s for got, _ in each] for name, each in taken.items()}
    costs_ms = {
        name: sum(cost_s for _, cost_s in each) / sum(got.answers for got, _ in each) * 1000
        for name, each in taken.items()
    }
    ratio = median(speeds["ours"]) / median(speeds["bare"])
    detail = {
        "requests_per_s": speeds,
        "server_cpu_ms_per_request": costs_ms,
        "body_bytes": len(body),
        "connections": CONNECTIONS,
    }
    shown = (
        f"{ratio:.2f} ({median(speeds['ours']):.0f} to {median(speeds['bare']):.0f} requests/s; "
        f"CPU {costs_ms['ours']:.2f} to {costs_ms['bare']:.2f} ms each)"
    )
    what = f"list of {SOURCES} sources over a bare Flask view of the same bytes, requests/s"
    return Figure(what, "≥ 0.4", shown, ratio >= LEAST_RATIO, detail)


def records() -> list[Figure]:
    """Ask for the first page, and for pages from the middle on, of the records of one tag."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        service = Service(Path(name), "web")
        service.run("-m", "flask", "prepare")
        app = open_app(service, with_views=True)
        _add_records(app)
        path = f"/api/v1/record?tag_name=all&limit={PAGE}"
        times_ms = {
            "first": _times_ms(app, [path] * ASKED),
            "last_first": _times_ms(app, [f"{path}&sort=-begin"] * ASKED),
            "middle": _times_ms(app, _middle(app, path)),
            "of_one_source": _times_ms(app, [f"{path}&source_id={CAMERAS}"] * ASKED),
            "first_of_1000": _times_ms(app, [path.replace(str(PAGE), "1000")] * ASKED),
        }
        with app.app_context():
            db.engine.dispose()
    p95_ms = percentile(times_ms["first"], 95)
    detail = {name: {"p50": median(each), "p95": percentile(each, 95)} for name, each in times_ms.items()}
    shown = (
        f"p50 {median(times_ms['first']):.1f} ms (p95 {p95_ms:.1f}); from the middle "
        f"{median(times_ms['middle']):.1f} ms (p95 {percentile(times_ms['middle'], 95):.1f})"
    )
    what = f"first page of {PAGE} of {RECORDS:,} records under one tag"
    return [Figure(what, "≤ 30 ms", shown, p95_ms <= LIMIT_MS, {"ms": detail})]


def _add_records(app: Flask) -> None:
    """Add one tag with records of a minute each of 16 cameras, all but the last ended, with a segment each."""
    with app.app_context(), writing() as session:
        session.add(Tag(id=new_uuid(), name="all"))
        session.add(Storage(id="storage", path="/nowhere"))
        session.add_all(_source(number) for number in range(CAMERAS))
        session.flush()
        tag_id = session.scalars(db.select(Tag.id)).one()
        session.execute(
            insert(Run),
            [{"id": f"run {one}", "source_id": one, "anchor_us": 0, "begin_us": 0} for one in range(1, CAMERAS + 1)],
        )
        session.execute(insert(Record), [_record(number, tag_id) for number in range(RECORDS)])
        session.execute(insert(Segment), [_segment(number) for number in range(RECORDS)])


def _record(number: int, tag_id: str) -> dict[str, object]:
    begin_us = T0_US + number // CAMERAS * MINUTE_US
    end_us = begin_us + MINUTE_US if number < RECORDS - CAMERAS else None
    keys = {"id": new_uuid(), "tag_id": tag_id, "source_id": number % CAMERAS + 1}
    return {**keys, "begin_us": begin_us, "end_us": end_us, "created_us": begin_us}


def _segment(number: int) -> dict[str, object]:
    source_id, sequence = number % CAMERAS + 1, number // CAMERAS
    keys = {"id": new_uuid(), "run_id": f"run {source_id}", "storage_id": "storage", "source_id": source_id}
    start_us = T0_US + sequence * MINUTE_US
    return {**keys, "sequence": sequence, "start_us": start_us, "end_us": start_us + MINUTE_US, "state": CLOSED}


def _middle(app: Flask, path: str) -> list[str]:
    """Return the addresses of pages at random places, each that follows a page found by its begin."""
    rng = random.Random(SEED)
    found = []
    for _ in range(ASKED):
        begin_s = (T0_US + rng.randrange(RECORDS // CAMERAS - 100) * MINUTE_US) // 1_000_000
        answer = ask(app, f"{path}&start={begin_s}", is_whole=True)
        found.append(answer.headers["Link"].partition(">")[0][1:])
    return found


def _times_ms(app: Flask, paths: list[str]) -> list[float]:
    """Return the milliseconds of each whole answer; those of the first ones left out."""
    times_ms = []
    for path in paths[:WARMING] + paths:
        answer = ask(app, path, is_whole=True)
        assert answer.status == 200, answer.body[:500]
        times_ms.append(answer.whole_s * 1000)
    return times_ms[WARMING:]
