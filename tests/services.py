"""A real PostgreSQL and a real Redis for the tests, each in a temporary folder of its own.

Where the environment names running ones (PLAYBACK_TEST_POSTGRES_URL, PLAYBACK_TEST_REDIS_URL) those are used,
and their databases of the names asked for are emptied. `why_no_postgres()` and `why_no_redis()` say why a
test cannot run here, and are empty where it can.

    with Postgres() as postgres:
        url = postgres.database("migrations")
"""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import redis
from psycopg import sql
from sqlalchemy.engine import make_url

from tests.ports import free_port

POSTGRES_VARIABLE = "PLAYBACK_TEST_POSTGRES_URL"
REDIS_VARIABLE = "PLAYBACK_TEST_REDIS_URL"
START_S = 30
# Speed over safety: the data lives as long as the tests.
POSTGRES_SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "32MB",
    "max_connections": "100",
}


class ServiceError(RuntimeError):
    """A service is on the machine and did not start; the message holds what it said."""


def why_no_postgres() -> str:
    """Return why no PostgreSQL can be had, empty where one can."""
    if os.environ.get(POSTGRES_VARIABLE) or (_postgres_program("initdb") and _postgres_program("postgres")):
        return ""
    return f"no initdb and postgres in PATH or /usr/lib/postgresql: install them or set {POSTGRES_VARIABLE}"


def why_no_redis() -> str:
    """Return why no Redis can be had, empty where one can."""
    if os.environ.get(REDIS_VARIABLE) or shutil.which("redis-server"):
        return ""
    return f"no redis-server in PATH; install redis-server or set {REDIS_VARIABLE}"


class Postgres:
    """A PostgreSQL server reached through a socket in its folder, or the one that the environment names."""

    def __init__(self) -> None:
        self._url = os.environ.get(POSTGRES_VARIABLE, "")
        self._folder: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> "Postgres":
        """Start the server and wait until it answers. Raises ServiceError where it does not."""
        if not self._url:
            # Below /tmp: the path of a socket has at most 107 bytes, and TMPDIR may be long.
            self._folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
            try:
                self._start(self._folder, _account())
            except BaseException:
                self.stop()
                raise
        return self

    def _start(self, folder: Path, account: dict[str, Any]) -> None:
        if account:
            os.chown(folder, account["user"], account["group"])
        data, log = folder / "data", folder / "log"
        with log.open("wb") as output:
            streams = {"stdout": output, "stderr": output, "cwd": folder, "start_new_session": True}
            how = ["-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--lc-ctype=C.UTF-8"]
            how.append("--no-sync")
            made = subprocess.run([_postgres_program("initdb"), *how], check=False, **streams, **account)
            if made.returncode:
                raise ServiceError(f"initdb failed: {log.read_text(errors='replace')}")
            settings = [f"-c{name}={value}" for name, value in POSTGRES_SETTINGS.items()]
            command = [_postgres_program("postgres"), "-D", data, "-k", folder, *settings]
            self._process = subprocess.Popen(command, **streams, **account)
        self._url = f"postgresql+psycopg://postgres@/postgres?host={folder}"
        _wait_for(self._is_up, self._process, log)

    def stop(self) -> None:
        """Stop the server, clients or not, and remove its folder; one of the environment is left alone."""
        if self._process:
            self._process.send_signal(signal.SIGINT)  # "fast": clients are disconnected
            self._process.wait(START_S)
            self._process, self._url = None, ""
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> "Postgres":
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def database(self, name: str, template: str = "template1") -> str:
        """Make a database, dropping one of that name, and return its address for SQLAlchemy.

        It is empty, or a copy of another one that nobody is connected to.
        """
        with self._connect() as connection:
            database, source = sql.Identifier(name), sql.Identifier(template)
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(database))
            connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(database, source))
        return make_url(self._url).set(database=name).render_as_string(hide_password=False)

    def _connect(self) -> "psycopg.Connection[Any]":
        url = make_url(self._url).set(drivername="postgresql").render_as_string(hide_password=False)
        return psycopg.connect(url, autocommit=True, connect_timeout=5)

    def _is_up(self) -> bool:
        try:
            self._connect().close()
        except psycopg.OperationalError:
            return False
        return True


class Redis:
    """A Redis server on a free port that keeps nothing, or the one that the environment names."""

    def __init__(self) -> None:
        self._url = os.environ.get(REDIS_VARIABLE, "")
        self._folder: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> "Redis":
        """Start the server and wait until it answers. Raises ServiceError where it does not."""
        if not self._url:
            self._folder = Path(tempfile.mkdtemp(prefix="redis-"))
            try:
                self._start(self._folder)
            except BaseException:
                self.stop()
                raise
        return self

    def _start(self, folder: Path) -> None:
        port, log = free_port(), folder / "log"
        command = ["redis-server", "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--dir", folder]
        with log.open("wb") as output:
            self._process = subprocess.Popen(command, stdout=output, stderr=output, start_new_session=True)
        self._url = f"redis://127.0.0.1:{port}/0"
        _wait_for(self._is_up, self._process, log)

    def stop(self) -> None:
        """Stop the server and remove its folder; one of the environment is left alone."""
        if self._process:
            self._process.terminate()
            self._process.wait(START_S)
            self._process, self._url = None, ""
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> "Redis":
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def database(self, number: int = 0) -> str:
        """Empty one of the databases 0 to 15 and return its address."""
        url = f"{self._url.rsplit('/', 1)[0]}/{number}"
        with redis.Redis.from_url(url) as client:
            client.flushdb()
        return url

    def _is_up(self) -> bool:
        try:
            with redis.Redis.from_url(self._url) as client:
                return bool(client.ping())
        except redis.ConnectionError:
            return False


def _postgres_program(name: str) -> str:
    """Return the path of a program of PostgreSQL, empty where there is none. Debian hides them from PATH."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return shutil.which(name) or next((str(folder / name) for folder in folders if (folder / name).exists()), "")


def _account() -> dict[str, Any]:
    """Name the account that subprocess runs PostgreSQL as: it refuses root, so postgres or nobody then."""
    if os.geteuid() != 0:
        return {}
    accounts = {entry.pw_name: entry for entry in pwd.getpwall()}
    entry = accounts.get("postgres") or accounts["nobody"]
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def _wait_for(is_up: Callable[[], bool], process: "subprocess.Popen[bytes]", log: Path) -> None:
    """Return once the service answers. Raises ServiceError with its log where it ends or takes too long."""
    end_s = time.monotonic() + START_S
    while not is_up():
        if process.poll() is not None or time.monotonic() > end_s:
            process.kill()
            process.wait()
            raise ServiceError(f"{process.args!r} did not start: {log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.05)
