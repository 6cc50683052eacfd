"""Secrets stay where they belong: a whole service at DEBUG with a marked one wherever one can be, and a search for it.

The service is production on PostgreSQL and Redis, with a camera that records, one of pictures, one with a wrong one
and one of an unknown name, and a webhook; each marked text is unlike all others, so that a find tells which leaked.
"""

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import redis

from tests.conftest import missing
from tests.media import make_video
from tests.picture_server import PictureServer
from tests.rtsp_server import RtspServer
from tests.service import Service, files_below, wait_for
from tests.services import REDIS_VARIABLE, Postgres, Redis, why_no_redis

MARKS = {
    "userinfo": "Mark0userinfo",
    "wrong": "Mark1wrong",
    "query": "Mark2query",
    "path": "Mark3path",
    "picture": "Mark4picture",
    "secret key": "Mark5key" * 5,
    "old key": "Mark6oldkey" * 4,
    "webhook": "Mark7webhook",
    "database": "Mark8database",
    "broker": "Mark9broker",
}
STORED = ("userinfo", "wrong", "query", "path", "picture")
OWN = ("supervisor", "web", "worker", "recorder")


class _Sink(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(500)  # so that it is told of in logs
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, postgres: Postgres) -> Iterator[Service]:
    """Yield a service in which everything that has a secret has used it."""
    if os.environ.get(REDIS_VARIABLE):
        pytest.skip("needs a Redis of its own, to give it a password")
    if reason := why_no_redis():
        missing(reason)
    folder = tmp_path_factory.mktemp("marked")
    make_video(folder / "cam.mp4", seconds=4, fps=12, gop=12, width=160, height=120)
    sink = ThreadingHTTPServer(("127.0.0.1", 0), _Sink)
    threading.Thread(target=sink.serve_forever, daemon=True).start()
    with Redis() as broker, RtspServer({"cam": folder / "cam.mp4"}, "admin", MARKS["userinfo"]) as camera:
        broker_url = broker.database(3)
        with redis.Redis.from_url(broker_url) as client:
            client.config_set("requirepass", MARKS["broker"])
        hook = f"http://127.0.0.1:{sink.server_port}/hook?secret={MARKS['webhook']}"
        settings = {
            "FLASK_CONFIG": "production",
            "SECRET_KEY": MARKS["secret key"],
            "SECRET_KEYS_OLD": MARKS["old key"],
            "LOG_LEVEL": "DEBUG",
            "DATABASE_URL": postgres.database("secrecy").replace("postgres@", f"postgres:{MARKS['database']}@"),
            "BROKER_URL": broker_url.replace("redis://", f"redis://:{MARKS['broker']}@"),
            "WEBHOOKS": hook,
            "CAMERA_NETWORKS": "127.0.0.0/8",
            "TRUSTED_NETWORKS": "127.0.0.0/8",
            "TRUSTED_ROLE": "admin",
        }
        with PictureServer(auth="digest", user="admin", password=MARKS["picture"]) as picture:
            marked = Service(folder / "service", **settings)
            try:
                marked.start()
                marked.wait_ready(90)
                _use(marked, camera, picture)
                yield marked
            finally:
                marked.stop()
    sink.shutdown()
    sink.server_close()


def _use(service: Service, camera: RtspServer, picture: PictureServer) -> None:
    good = service.add_source(camera.url("cam"))
    wrong = service.add_source(camera.url("cam", password=MARKS["wrong"]))
    port = camera.port
    service.add_source(f"rtsp://127.0.0.1:{port}/none?user=a&password={MARKS['query']}")
    service.add_source(f"rtsp://no.such.host.invalid/user=a_password={MARKS['path']}_channel=1")
    pictured = service.add_source(
        picture.url, picture={"auth": "digest", "user": "admin", "password": MARKS["picture"]}
    )
    service.call("POST", "/api/v1/source", 422, model="Source", uri_rtsp=f"rtsp://a:{MARKS['wrong']}@0.0.0.0/x")
    service.call("POST", "/api/v1/source", 422, model="Source", uri_rtsp=f"rtsp://a:{MARKS['wrong']}/@c/x")
    service.add_group("gate", [good, wrong])
    service.add_group("yard", [pictured], model="PictureSource")
    service.record("night", "gate")
    service.record("day", "yard", model="PictureSource")
    wait_for(lambda: service.status(good) == service.status(pictured) == "online", "footage", 30)
    wait_for(lambda: service.status(wrong) == "unauthorised", "a refusal", 30)


def marks_in(data: str | bytes, *names: str) -> list[str]:
    text = data if isinstance(data, bytes) else data.encode("utf-8", "surrogateescape")
    return [name for name in names or MARKS if MARKS[name].encode() in text]


class Process(NamedTuple):
    """What the machine shows of a process; `environ` is empty of our own, which root alone may look into."""

    command: str
    parent: int
    limits: str
    environ: bytes
    is_own: bool


def processes(service: Service) -> dict[int, Process]:
    """Return all living processes of the service by pid, each read in one go: a moment later it may be gone."""
    found = {}
    roles = {*filter(None, (service.living_pid(role) for role in OWN))}
    ours = {*roles, *filter(None, (service.living_pid("watchdog"),)), *service.ffmpeg_pids()}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        pid = int(entry.name)
        try:
            status = (entry / "status").read_text()
            parent = int(status.partition("PPid:")[2].split()[0])
            if re.search(r"State:\s+Z", status) or not {pid, parent} & ours:
                continue
            command = (entry / "cmdline").read_bytes().decode("utf-8", "replace").replace("\0", " ")
            is_own = pid in roles or "gunicorn" in command
            environ = b"" if is_own else (entry / "environ").read_bytes()
            found[pid] = Process(command, parent, (entry / "limits").read_text(), environ, is_own)
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def begun(service: Service) -> dict[int, Process]:
    """Return all processes once there are enough of them, and none that is on its way from fork to exec.

    Such a one shows what its parent was started with, the parent's secrets among it.
    """
    found = processes(service)
    commands = {pid: one.command for pid, one in found.items()}
    on_its_way = [one for one in found.values() if not one.is_own and one.command == commands.get(one.parent)]
    is_enough = len(found) >= len(OWN) + 3  # two ffmpegs, the watchdog, a web process
    return found if is_enough and not on_its_way else {}


def test_no_log_line_has_one(service: Service) -> None:
    log = service.read_log()
    assert " DEBUG " in log
    assert marks_in(log) == []


def test_no_answer_has_one(service: Service) -> None:
    routes = [path for path, methods in service.call("GET", "/swagger.json")["paths"].items() if "get" in methods]
    assert len(routes) > 20
    base = str(service.call("GET", "/swagger.json").get("basePath", "")).rstrip("/")
    paths = ["/", "/healthz", "/readyz", "/metrics", "/swagger.json", "/admin/", *(base + path for path in routes)]
    asked = 0
    for path in paths:
        for number in ("1", "2", "3") if "{" in path else ("",):
            address = service.base + re.sub(r"\{[^}]+\}", number, path)
            if "/video" in path or "/event" in path or "/watch" in path:
                continue  # endless, and bytes of a camera
            answer = service.session.get(address, timeout=30, stream=True)
            asked += 1
            assert marks_in(answer.raw.read(4 << 20, decode_content=True) or b"") == [], path
            assert marks_in(str(answer.headers)) == [], path
            answer.close()
    assert asked > 30


def test_no_process_shows_one(service: Service) -> None:
    found = wait_for(lambda: begun(service), "every process of the service")
    assert {service.pid(role) for role in OWN} <= {pid for pid, one in found.items() if one.is_own}
    for pid, one in found.items():
        assert marks_in(one.command) == [], one.command
        core = re.search(r"Max core file size +(\d+) +(\d+)", one.limits)
        assert core is not None
        assert max(int(core[1]), int(core[2])) <= 1, one.command
        if not one.is_own:
            assert marks_in(one.environ) == [], one.command
        else:  # root alone may read what it was started with
            assert (Path("/proc") / str(pid) / "environ").stat().st_uid == 0
            assert is_undumpable(pid), one.command


def is_undumpable(pid: int) -> bool:
    """Tell whether another process of the same user is refused: asked as that user without the rights of root."""
    program = f"open('/proc/{pid}/environ','rb').read()"
    drop = ["setpriv", "--inh-caps=-all", "--bounding-set=-all"] if os.getuid() == 0 else []
    done = subprocess.run([*drop, sys.executable, "-c", program], capture_output=True, check=False)
    return b"Permission" in done.stderr


def test_no_file_has_one_in_clear(service: Service) -> None:
    logs = 0
    for path, data, mode in files_below(service.instance):
        if path == service.log:
            continue
        # ffmpeg's own log of a run that is being recorded may hold the address: of mode 0600, removed with the run.
        if path.suffix == ".log" and "live" in path.parts:
            logs += 1
            assert mode & 0o077 == 0
            assert marks_in(data, *(set(MARKS) - set(STORED))) == []
            continue
        assert marks_in(data) == [], path
    assert logs
    assert not (service.instance / "secret_key").exists()


def test_the_database_has_none_in_clear(service: Service) -> None:
    import psycopg

    url = service.environment["PLAYBACK_DATABASE_URL"].replace("+psycopg", "")
    with psycopg.connect(url) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        assert len(tables) > 20
        for (name,) in tables:
            rows: list[Any] = connection.execute(f'SELECT t::text FROM "{name}" t').fetchall()
            assert marks_in("\n".join(row[0] for row in rows)) == [], name
        assert connection.execute("SELECT count(*) FROM source WHERE uri_rtsp LIKE 'gAAAA%'").fetchone() == (4,)
