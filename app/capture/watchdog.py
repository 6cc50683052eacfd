"""The watchdog: ends every ffmpeg of the live folders when no recorder has given a sign of life for a while.

A process of its own, detached, started by the recorder and outliving it, since an ffmpeg outlives the recorder too.
It ends by itself when there is neither a recorder nor an ffmpeg. Standard library only: it stays small.

usage: python -m app.capture.watchdog RUN_FOLDER ABANDON_S LIVE_FOLDER ... [--left LIVE_FOLDER ...]
"""

import contextlib
import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from threading import Thread

from app.capture.processes import find_ffmpegs, host_id
from app.hardening import bare_environment
from app.locks import hold_lock, lock_holder

HEARTBEAT = "recorder.heartbeat"
LOCK = "watchdog.lock"
LEFT = "--left"  # before the folders that are recorded to no more
SIGN_S = 3.0  # within this a living recorder gives a sign of life


def watch(run_folder: Path, abandon_s: float, live_roots: list[Path], left_roots: list[Path]) -> None:
    """Watch until nothing is left to watch. Returns at once when another watchdog of the instance lives.

    A thread each live folder: one whose disk does not answer holds up none of the others. In left_roots, which are
    recorded to no more, ffmpegs are ended: nobody adopts them.
    """
    if hold_lock(run_folder / LOCK) is None:
        return
    threads = [Thread(target=_watch_one, args=(run_folder, abandon_s, root)) for root in live_roots]
    threads += [Thread(target=_end_abandoned, args=(root,)) for root in left_roots]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _watch_one(run_folder: Path, abandon_s: float, live_root: Path) -> None:
    """Watch one live folder until neither a recorder nor an ffmpeg is left."""
    own, shared = Beat(run_folder / HEARTBEAT), Beat(shared_heartbeat(live_root))
    while True:
        # As long as our own recorder lives the disk of the other's sign of life is not asked.
        is_silent = own.silence_s() > abandon_s
        if is_silent and shared.silence_s() > abandon_s and _end_all(live_root) == 0:
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


def start(run_folder: Path, abandon_s: float, live_roots: list[Path]) -> None:
    """Start the watchdog of this instance; one that watches the same goes on, one that watches others is replaced.

    The folders that the replaced one had and this one has not are left to the new one, which ends their ffmpegs also
    when this recorder ends at once.
    """
    words = [sys.executable, "-m", "app.capture.watchdog", str(run_folder), str(abandon_s), *map(str, live_roots)]
    left: list[str] = []
    pid = lock_holder(run_folder / LOCK)
    if pid is not None:
        before: list[str] = []
        with contextlib.suppress(OSError):
            before = os.fsdecode(Path(f"/proc/{pid}/cmdline").read_bytes()).rstrip("\0").split("\0")
        if _watched(before[1:]) == words[1:]:
            return
        stop(run_folder)
        left = sorted(set(before[len(words) - len(live_roots) :]) - {*words, LEFT})
        until_s = time.monotonic() + 2.0
        while lock_holder(run_folder / LOCK) == pid and time.monotonic() < until_s:
            time.sleep(0.02)
    subprocess.Popen(
        [*words, LEFT, *left],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=bare_environment(),
        cwd=Path(__file__).resolve().parents[2],
        start_new_session=True,
    )


def _watched(words: list[str]) -> list[str]:
    """Return the words of a command line before the folders that are left."""
    return words[: words.index(LEFT)] if LEFT in words else words


class Beat:
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


def _end_abandoned(live_root: Path) -> None:
    """End the ffmpegs of a live folder unless another recorder of this machine gives signs of life there."""
    beat = Beat(shared_heartbeat(live_root))
    beat.silence_s()
    time.sleep(SIGN_S)
    if beat.silence_s() >= SIGN_S:
        _end_all(live_root)


def _end_all(live_root: Path) -> int:
    processes = find_ffmpegs(live_root)
    for process in processes:
        process.send(signal.SIGINT)
        process.close()
    return len(processes)


if __name__ == "__main__":
    known = _watched(sys.argv)
    left_ones = sys.argv[len(known) + 1 :]
    watch(Path(known[1]), float(known[2]), [Path(text) for text in known[3:]], [Path(text) for text in left_ones])
