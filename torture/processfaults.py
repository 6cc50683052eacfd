"""Faults of our own processes, the database and the broker: all but one cost nothing."""

import contextlib
import os
import shutil
import signal
import sqlite3
from collections.abc import Iterable

from bench.processes import children
from tests.service import wait_for
from torture.faults import FRAGMENT_S, RECONNECT_S, Fault

ANEW_S = 60.0


def kill(pids: Iterable[int], number: signal.Signals = signal.SIGKILL) -> None:
    """Send a signal to processes; one that has just ended is no error."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


class RoleKill(Fault):
    """Kills a process of the supervisor's with all its children and waits for another in its place."""

    role = ""

    def inject(self) -> None:
        """Kill it."""
        pid = wait_for(self.living, f"a living {self.role}", ANEW_S)
        kill([pid, *children(pid)] if self.role == "web" else [pid])
        self._gone = pid

    def undo(self) -> None:
        """Wait until the supervisor has started another."""
        wait_for(lambda: self.living() not in (0, self._gone), f"another {self.role}", ANEW_S)

    def living(self) -> int:
        """Return the pid of the role's process, 0 while there is none."""
        with contextlib.suppress(AssertionError):  # others may have killed it too
            return self.rig.service.pid(self.role)
        return 0


class WebKill(RoleKill):
    """Kills the web server and its processes."""

    name, role = "web kill -9", "web"


class WorkerKill(RoleKill):
    """Kills the Celery worker."""

    name, role = "worker kill -9", "worker"


class RecorderKill(RoleKill):
    """Kills the recorder; ffmpeg lives on and is adopted by the next one."""

    name, role = "recorder kill -9", "recorder"


class RecorderRestart(RoleKill):
    """Restarts the recorder, which hands over."""

    name, role = "recorder restart", "recorder"

    def inject(self) -> None:
        """Terminate it."""
        self._gone = wait_for(self.living, "a living recorder", ANEW_S)
        kill([self._gone], signal.SIGTERM)


class SupervisorKill(Fault):
    """Kills the supervisor; its children live on and are kept by the next one."""

    name = "supervisor kill -9"
    lasts_s = (0.5, 5.0)
    short_s = 0.5
    number = signal.SIGKILL

    def inject(self) -> None:
        """Kill it and wait for its end."""
        with self.rig.lock:
            supervisor = self.rig.service.processes["supervisor"]
            supervisor.send_signal(self.number)
            supervisor.wait(60)

    def undo(self) -> None:
        """Start another."""
        with self.rig.lock:
            if self.rig.service.processes["supervisor"].poll() is not None:
                self.rig.service.start()
                wait_for(self.rig.service.is_ready, "readiness after the start", ANEW_S)


class ServiceRestart(SupervisorKill):
    """Restarts everything, as `systemctl restart` and an upgrade do."""

    name = "service restart"
    number = signal.SIGTERM


class FfmpegKill(Fault):
    """Kills the ffmpeg of one camera."""

    name = "ffmpeg kill -9"
    is_of_one_camera = True
    lost_s = FRAGMENT_S
    hole_s = FRAGMENT_S + RECONNECT_S
    causes = frozenset({"crashed", "starting"})
    limit = "one fragment + reconnect ≤ 2 s"

    def inject(self) -> None:
        """Kill it."""
        for process in self.rig.ffmpegs():
            if process.source_id == self.camera.source_id:
                process.send(signal.SIGKILL)
            process.close()


class DatabaseLocked(Fault):
    """Holds the database against every writer, as a backup or another program may."""

    name = "database locked"
    lasts_s = (10.0, 10.0)
    short_s = 3.0

    def inject(self) -> None:
        """Take the lock of writers."""
        path = self.rig.service.instance / "app.db"
        self._connection = sqlite3.connect(path, isolation_level=None, timeout=30, check_same_thread=False)
        self._connection.execute("BEGIN EXCLUSIVE")

    def undo(self) -> None:
        """Let go."""
        self._connection.execute("ROLLBACK")
        self._connection.close()


class BrokerLost(Fault):
    """Deletes the broker's folder with every message in it."""

    name = "broker folder deleted"

    def inject(self) -> None:
        """Delete it."""
        shutil.rmtree(self.rig.service.instance / "broker", ignore_errors=True)


PROCESS_FAULTS: tuple[type[Fault], ...] = (
    WebKill,
    WorkerKill,
    RecorderKill,
    RecorderRestart,
    SupervisorKill,
    ServiceRestart,
    FfmpegKill,
    DatabaseLocked,
    BrokerLost,
)
