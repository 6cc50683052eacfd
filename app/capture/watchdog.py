"""The watchdog: ends every ffmpeg of a live folder when no recorder has given a sign of life for a while.

A process of its own, detached, started by the recorder and outliving it, since an ffmpeg outlives the recorder too.
It ends by itself when there is neither a recorder nor an ffmpeg. Standard library only: it stays small.

usage: python -m app.capture.watchdog RUN_FOLDER LIVE_FOLDER ABANDON_S
"""

import contextlib
import hashlib
import os
import signal
import sys
import time
from pathlib import Path

from app.capture.processes import find_ffmpegs, host_id
from app.locks import hold_lock, lock_holder

HEARTBEAT = "recorder.heartbeat"
LOCK = "watchdog.lock"


def watch(run_folder: Path, live_root: Path, abandon_s: float) -> None:
    """Watch until nothing is left to watch. Returns at once when another watchdog of the instance lives."""
    if hold_lock(run_folder / LOCK) is None:
        return
    beats = [_Beat(run_folder / HEARTBEAT), _Beat(shared_heartbeat(live_root))]
    while True:
        silence_s = min([beat.silence_s() for beat in beats])
        if silence_s > abandon_s and _end_all(live_root) == 0:
            return
        time.sleep(min(5.0, max(0.5, abandon_s / 10)))


def shared_heartbeat(live_root: Path) -> Path:
    """Return the sign of life of all of this machine's recorders on one storage: each may adopt the other's ffmpeg."""
    return live_root / f".heartbeat-{hashlib.sha256(host_id().encode()).hexdigest()[:16]}"


def stop(run_folder: Path) -> None:
    """End the watchdog of an instance, if one lives."""
    pid = lock_holder(run_folder / LOCK)
    if pid is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)


class _Beat:
    """A sign of life: when it last changed, by the monotonic clock. The wall clock may be set by hours meanwhile."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._mtime_ns = 0
        self._changed_s = time.monotonic()

    def silence_s(self) -> float:
        """Return the seconds since the last sign of life was seen; infinity where there is none."""
        try:
            mtime_ns = self._path.stat().st_mtime_ns
        except OSError:
            return float("inf")
        if mtime_ns != self._mtime_ns:
            self._mtime_ns, self._changed_s = mtime_ns, time.monotonic()
        return time.monotonic() - self._changed_s


def _end_all(live_root: Path) -> int:
    processes = find_ffmpegs(live_root)
    for process in processes:
        process.send(signal.SIGINT)
        process.close()
    return len(processes)


if __name__ == "__main__":
    watch(Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3]))
