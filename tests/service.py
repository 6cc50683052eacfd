"""The whole service as an operator starts it: its own processes, free port and instance folder."""

import atexit
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import requests

from app.capture.processes import LiveFfmpeg, find_ffmpegs
from app.locks import lock_holder
from app.prepared import is_prepared
from instance.config import DevelopmentConfig
from tests.ports import free_port

ROOT = Path(__file__).resolve().parent.parent
T = TypeVar("T")


def wait_for(get: Callable[[], T], what: str, limit_s: float = 15.0, pause_s: float = 0.05) -> T:
    """Return the first true value that `get` gives. Raises AssertionError when none comes in time."""
    until_s = time.monotonic() + limit_s
    while not (value := get()):
        assert time.monotonic() < until_s, f"{what} did not happen within {limit_s:.0f} s"
        time.sleep(pause_s)
    return value


def files_below(folder: Path) -> Iterator[tuple[Path, bytes, int]]:
    """Yield path, content and mode of all files below a folder in use; what is removed meanwhile is left out."""

    def raise_other(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            raise error

    for parent, _, names in os.walk(folder, onerror=raise_other):
        for path in (Path(parent, name) for name in names):
            try:
                found = (path, path.read_bytes(), path.stat().st_mode) if path.is_file() else None
            except FileNotFoundError:
                continue
            if found is not None:
                yield found


@cache
def prepared_database() -> Path:
    """Return an SQLite database as `flask prepare` leaves it, to copy; made once a process, for it takes seconds."""
    folder = Path(tempfile.mkdtemp(prefix="prepared-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    done = Service(folder).run("-m", "flask", "prepare")
    assert done.returncode == 0, done.stderr
    return folder / "app.db"


class Service:
    """`python run.py` with its own instance; `roles` starts single processes instead of the supervisor."""

    def __init__(self, folder: Path, *roles: str, **settings: object) -> None:
        self.instance = folder
        self.port = free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self.roles = roles
        self.log = folder / "service.log"
        self.session = requests.Session()
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("PLAYBACK_", "FLASK_"))},
            "FLASK_CONFIG": "development",
            "PLAYBACK_INSTANCE": str(folder),
            "PLAYBACK_BIND": f"127.0.0.1:{self.port}",
            "PLAYBACK_RESERVE_BYTES": "1000000",
            "PYTHONPATH": str(ROOT),
            "FLASK_APP": "run.py",
            **{f"PLAYBACK_{name}": str(value) for name, value in settings.items()},
        }
        self.environment.update({"FLASK_CONFIG": str(settings["FLASK_CONFIG"])} if "FLASK_CONFIG" in settings else {})
        folder.mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> "Service":
        self.start()
        self.wait_ready()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, *arguments: str) -> None:
        """Start the supervisor, or the roles alone."""
        has_database = self._has_database()
        if self.roles:
            if not has_database:
                self.run("-m", "flask", "prepare")
            for role in self.roles:
                self.spawn(role)
        else:
            self.processes["supervisor"] = self._popen(*arguments)

    def _has_database(self) -> bool:
        """Lay down a prepared database where there is none yet; tell whether there is one. Of development on SQLite."""
        instance, is_other = Path(self.environment["PLAYBACK_INSTANCE"]), self.environment.get("PLAYBACK_DATABASE_URL")
        if self.environment["FLASK_CONFIG"] != "development" or is_other:
            return False
        if not (instance / "app.db").exists():
            shutil.copyfile(prepared_database(), instance / "app.db")
        return is_prepared(DevelopmentConfig(INSTANCE=str(instance)))

    def spawn(self, role: str) -> "subprocess.Popen[bytes]":
        """Start one process alone."""
        self.processes[role] = self._popen(role)
        return self.processes[role]

    def _popen(self, *arguments: str) -> "subprocess.Popen[bytes]":
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "run.py", *arguments], cwd=ROOT, env=self.environment, stdout=log, stderr=log
            )

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run Python with these arguments in the service's environment to its end."""
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def wait_ready(self, limit_s: float = 30.0) -> None:
        """Wait until `/readyz` says yes."""
        try:
            wait_for(self.is_ready, "readiness", limit_s)
        except AssertionError as error:
            self.stop()
            raise AssertionError(f"{error}\n{self.read_log()[-4000:]}") from None

    def is_ready(self) -> bool:
        """Tell what `/readyz` says."""
        return self.answers("/readyz")

    def answers(self, path: str) -> bool:
        """Tell whether a path answers 200."""
        with contextlib.suppress(requests.RequestException):
            return self.session.get(self.base + path, timeout=5).status_code == 200
        return False

    def stop(self, number: signal.Signals = signal.SIGINT) -> None:
        """Send a signal to what was started and wait for its end; afterwards end what it may have left."""
        for process in self.processes.values():
            if process.poll() is None:
                process.send_signal(number)
        for process in self.processes.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(40)
        if number == signal.SIGINT:
            self.end_leftovers()

    def end_leftovers(self) -> None:
        """Kill what a failed test may have left of this instance."""
        for role in ("supervisor", "web", "recorder", "worker", "watchdog"):
            pid = lock_holder(self.instance / "run" / f"{role}.lock")
            if pid is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        for process in self.ffmpegs():
            process.send(signal.SIGKILL)
            process.close()

    @property
    def storage(self) -> Path:
        """Root of the storage."""
        return Path(self.environment.get("PLAYBACK_STORAGE") or self.instance / "storage")

    @property
    def storages(self) -> list[Path]:
        """Roots of all storages."""
        further = self.environment.get("PLAYBACK_STORAGES", "").split(",")
        return [self.storage, *(Path(text.strip().partition("?")[0]) for text in further if text.strip())]

    def ffmpegs(self) -> list[LiveFfmpeg]:
        """Return the living ffmpegs of this instance; the caller closes them."""
        return [process for root in self.storages for process in find_ffmpegs(root / "live")]

    def ffmpeg_pids(self) -> set[int]:
        """Return the pids of the living ffmpegs of this instance."""
        processes = self.ffmpegs()
        for process in processes:
            process.close()
        return {process.pid for process in processes}

    def living_pid(self, role: str) -> int | None:
        """Return the pid of the living process of a role, None where there is none."""
        return lock_holder(self.instance / "run" / f"{role}.lock")

    def pid(self, role: str) -> int:
        """Return the pid of the living process of a role. Raises AssertionError when there is none."""
        pid = self.living_pid(role)
        assert pid is not None, f"no {role} lives"
        return pid

    def read_log(self) -> str:
        """Return what all processes have printed."""
        return self.log.read_text("utf-8", "replace")

    def call(self, method: str, path: str, status: int = 200, **json: Any) -> Any:
        """Call the API and return its JSON (None without a body); fail on any other status."""
        answer = self.session.request(method, self.base + path, json=json or None, timeout=30)
        assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text[:800]}"
        return answer.json() if answer.content else None

    def add_source(self, uri: str, **fields: Any) -> int:
        """Add a camera: an RTSP address, or that of a still picture."""
        if uri.startswith("rtsp:"):
            return int(self.call("POST", "/api/v1/source", model="Source", uri_rtsp=uri, **fields)["id"])
        picture = {"uri": uri, **fields.pop("picture", {})}
        return int(self.call("POST", "/api/v1/source", model="PictureSource", uri_http_picture=picture, **fields)["id"])

    def add_group(self, name: str, source_ids: list[int], model: str = "Source") -> None:
        """Make a group of these sources."""
        group = self.call("POST", "/api/v1/group", model=model, name=name)[0]["id"]
        for source_id in source_ids:
            assert self.call("POST", f"/api/v1/group/{group}/source/{source_id}/") is True

    def record(self, tag: str, group: str, model: str = "Source") -> None:
        """Start recording a group under a tag."""
        self.call("POST", "/api/v1/record", 204, model=model, tag_name=tag, group_name=group)

    def stop_recording(self, tag: str) -> None:
        """Stop a tag's recordings."""
        self.call("PUT", "/api/v1/record", 204, tag_name=tag)

    def status(self, source_id: int) -> str:
        """Return the measured status of a source."""
        return str(self.call("GET", f"/api/v1/source/{source_id}")["status"])
