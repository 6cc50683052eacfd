"""The supervisor: starts web, worker and recorder of one machine as siblings and starts a dead one again at once.

Standard library only, so that it is small and starts in no time. Ctrl-C (SIGINT) ends everything, every ffmpeg too;
SIGTERM hands over: the recorder leaves ffmpeg running for the next one to adopt.
"""

import contextlib
import errno
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable

from app.hardening import harden
from app.heaps import share_heap
from app.locks import hold_lock, lock_holder
from app.prepared import is_prepared
from instance.config import ROOT, Config, ConfigurationError, load_config

ROLES = ("recorder", "web", "worker")
SHORT_LIFE_S = 5.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 10.0
STOP_S = {"recorder": 25.0, "web": 8.0, "worker": 6.0, "demo": 4.0}
ALREADY_RUNNING = 3


class Child:
    """One process: started by us, or found living and adopted."""

    def __init__(self, role: str, instance: Config, arguments: list[str]) -> None:
        self.role = role
        self.pid = 0
        self.handle = -1
        self._arguments = arguments
        self._lock = instance.run_path / f"{role}.lock"
        self._process: subprocess.Popen[bytes] | None = None
        self._started_s = 0.0
        self._pause_s = 0.0
        self.due_s = 0.0

    def start(self) -> None:
        """Adopt the living process of this role, else start one."""
        living = lock_holder(self._lock)
        if living is not None:
            with contextlib.suppress(ProcessLookupError):
                self.pid, self.handle, self._process = living, os.pidfd_open(living), None
                say(f"{self.role}: process {living} is running already and is kept")
        if self.handle < 0:
            self._process = subprocess.Popen(self._arguments, cwd=ROOT, start_new_session=True)
            self.pid, self.handle = self._process.pid, os.pidfd_open(self._process.pid)
        self._started_s = time.monotonic()

    def ended(self) -> None:
        """Note that the process has ended and when the next is due: at once, later if it keeps dying young."""
        code = self._process.wait() if self._process else None
        os.close(self.handle)
        self.handle, self._process = -1, None
        lived_s = time.monotonic() - self._started_s
        self._pause_s = 0.0 if lived_s > SHORT_LIFE_S else min(LONGEST_PAUSE_S, self._pause_s * 2 or FIRST_PAUSE_S)
        self.due_s = time.monotonic() + self._pause_s
        say(f"{self.role}: process {self.pid} ended ({_ending(code)}); it is started again")

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the process if it lives."""
        if self.handle >= 0:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self.handle, number)

    def wait(self, limit_s: float) -> bool:
        """Wait for its end; tell whether it has ended."""
        if self.handle < 0:
            return True
        if not select.select([self.handle], [], [], max(0.0, limit_s))[0]:
            return False
        if self._process:
            self._process.wait()
        os.close(self.handle)
        self.handle = -1
        return True


def _ending(code: int | None) -> str:
    if code is None:
        return "adopted, so its exit status is not known"
    return f"signal {-code}" if code < 0 else f"exit status {code}"


def say(text: str) -> None:
    """Tell the operator one line."""
    print(f"flask-playback: {text}", flush=True)


def main(arguments: list[str]) -> int:
    """Run what the command line asks for; return the exit status."""
    harden()
    try:
        config = load_config()
        roles: dict[str, Callable[[Config], int]] = {
            "web": run_web,
            "worker": run_worker,
            "recorder": run_recorder,
            "prepare": run_prepare,
        }
        if arguments and arguments[0] in roles:
            return roles[arguments[0]](config)
        if arguments not in ([], ["--demo"]):
            print("usage: python run.py [--demo | web | worker | recorder | prepare]", file=sys.stderr)
            return 2
        return supervise(config, is_demo=bool(arguments))
    except ConfigurationError as error:
        print(f"flask-playback: {error}", file=sys.stderr)
        return 2


def supervise(config: Config, *, is_demo: bool) -> int:
    """Run all processes until a signal comes."""
    _make_instance(config)
    lock = hold_lock(config.run_path / "supervisor.lock")
    if lock is None:
        holder = lock_holder(config.run_path / "supervisor.lock")
        print(
            f"flask-playback: this instance runs already (process {holder}); stop it with Ctrl-C there, or set "
            "PLAYBACK_INSTANCE to another folder",
            file=sys.stderr,
        )
        return ALREADY_RUNNING
    if lock_holder(config.run_path / "web.lock") is None:
        _check_port(config)
    if config.FFMPEG:
        from app.capture.ffmpeg import find_ffmpeg

        find_ffmpeg(config.FFMPEG)
    _prepare(config)
    return _Supervision(config, is_demo=is_demo).run()


def _make_instance(config: Config) -> None:
    """Make the instance folder. Raises ConfigurationError when it cannot be written."""
    try:
        config.run_path.mkdir(parents=True, exist_ok=True)
        (config.run_path / "supervisor.lock").touch()
    except OSError as error:
        raise ConfigurationError(
            f"the instance folder {config.instance_path} cannot be written ({error.strerror}); "
            "set PLAYBACK_INSTANCE to a folder of the service's user"
        ) from None


def _check_port(config: Config) -> None:
    """Raise ConfigurationError when the port cannot be bound: gunicorn would try again and again."""
    host, port = config.host_port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except (OSError, OverflowError) as error:
            reason = (
                "is in use by another program"
                if getattr(error, "errno", 0) == errno.EADDRINUSE
                else f"cannot be bound ({error})"
            )
            raise ConfigurationError(
                f"{config.BIND} {reason}; stop that program, or set PLAYBACK_BIND to another address"
            ) from None


def _prepare(config: Config) -> None:
    """Bring the database up to date, in a process of its own, where a look at it does not show that it is."""
    if is_prepared(config):
        return
    # Not by the flask command: it takes the root's own name for a package, and fails where that is `app`.
    done = subprocess.run([sys.executable, str(ROOT / "run.py"), "prepare"], cwd=ROOT, check=False)
    if done.returncode != 0:
        raise ConfigurationError("the database cannot be prepared; the lines above say why")


def _flask_environment() -> dict[str, str]:
    return {**os.environ, "FLASK_APP": "run.py", "PYTHONPATH": str(ROOT)}


class _Supervision:
    """The loop over the children."""

    def __init__(self, config: Config, *, is_demo: bool) -> None:
        self._config = config
        program = [sys.executable, str(ROOT / "run.py")]
        self._children = {role: Child(role, config, [*program, role]) for role in ROLES}
        self._late = ["worker"]
        if is_demo:
            self._children["demo"] = Child("demo", config, [sys.executable, str(ROOT / "examples" / "demo.py")])
            self._late.append("demo")
        self._signal = 0

    def run(self) -> int:
        reading, writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_signal)
        signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        for role, child in self._children.items():
            if role not in self._late:
                child.start()
        # What the answer to the first page does not need comes once that page can be had.
        self._wait_for_web()
        for role in self._late:
            if not self._signal:
                self._children[role].start()
        while not self._signal:
            self._turn(reading)
        return self._stop()

    def _on_signal(self, number: int, _frame: object) -> None:
        self._signal = self._signal or (signal.SIGTERM if number == signal.SIGHUP else number)

    def _wait_for_web(self) -> None:
        host, port = self._config.host_port
        until_s = time.monotonic() + 30
        while not self._signal and time.monotonic() < until_s:
            with contextlib.suppress(OSError):
                socket.create_connection((host, port), timeout=1).close()
                say(f"open http://{self._config.BIND}/ (Ctrl-C stops it)")
                return
            if select.select([self._children["web"].handle], [], [], 0.05)[0]:
                return

    def _turn(self, reading: int) -> None:
        living = {child.handle: child for child in self._children.values() if child.handle >= 0}
        dead = [child for child in self._children.values() if child.handle < 0]
        pause_s = min((child.due_s - time.monotonic() for child in dead), default=3600.0)
        ready, _, _ = select.select([reading, *living], [], [], max(0.0, pause_s))
        for handle in ready:
            if handle == reading:
                os.read(reading, 512)
            else:
                living[handle].ended()
        for child in self._children.values():
            if child.handle < 0 and time.monotonic() >= child.due_s and not self._signal:
                child.start()

    def _stop(self) -> int:
        """End the children: politely, then surely. Nothing is left behind but, after SIGTERM, recording ffmpegs."""
        is_shutdown = self._signal == signal.SIGINT
        say("stopping; recordings end cleanly" if is_shutdown else "handing over; recordings go on")
        for role, child in self._children.items():
            child.send(signal.SIGINT if is_shutdown and role != "worker" else signal.SIGTERM)
        until_s = {role: time.monotonic() + STOP_S[role] for role in self._children}
        for role, child in self._children.items():
            if not child.wait(until_s[role] - time.monotonic()):
                say(f"{role}: process {child.pid} does not end and is killed")
                child.send(signal.SIGKILL)
                child.wait(5.0)
        return 0


def run_web(config: Config) -> int:
    """Become gunicorn."""
    environment = _flask_environment()
    os.execve(  # noqa: S606  # nosec B606  our own interpreter and arguments
        sys.executable,
        [sys.executable, "-m", "gunicorn", "-c", str(ROOT / "gunicorn" / "config.py"), "run:app"],
        environment,
    )


def run_worker(config: Config) -> int:
    """Become the Celery worker, with its schedule."""
    if hold_lock(config.run_path / "worker.lock") is None:
        print("flask-playback: a worker of this instance runs already", file=sys.stderr)
        return ALREADY_RUNNING
    share_heap()
    from app.tasks.worker import run

    return run(config)


def run_recorder(config: Config) -> int:
    """Become the recorder."""
    if hold_lock(config.run_path / "recorder.lock") is None:
        print("flask-playback: a recorder of this instance runs already", file=sys.stderr)
        return ALREADY_RUNNING
    from app import create_app

    share_heap()
    from app.capture.recorder import Recorder

    return Recorder(create_app(config, with_views=False)).run()


def run_prepare(config: Config) -> int:
    """Bring the database up to date and, in production, make the first admin."""
    from app import create_app
    from app.cli import prepare

    with create_app(config, with_views=False).app_context():
        prepare()
    return 0
