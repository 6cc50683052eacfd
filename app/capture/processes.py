"""Processes of this machine: who we are, which ffmpegs record into a folder, and being told when one ends.

An ffmpeg is known by the path of its segments, which holds the UUID of its run and stands on its command line: nothing
has to be written down before or after it is started, so no crash can lose one. Standard library only: the watchdog
and the supervisor use it too.
"""

import contextlib
import os
import re
import signal
import socket
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

MARK = "PLAYBACK_MARK"
_SEGMENTS = re.compile(rb"^(?P<folder>/.*)/(?P<source>\d+)/(?P<run>[0-9a-f-]{36})-%06d\.mp4$")


@lru_cache(maxsize=1)
def host_id() -> str:
    """Return what tells this machine from others: its machine id, else its name."""
    for path in (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id")):
        with contextlib.suppress(OSError):
            text = path.read_text("ascii").strip()
            if text:
                return f"{text}:{socket.gethostname()}"[:64]
    return socket.gethostname()[:64]


@lru_cache(maxsize=1)
def boot_id() -> str:
    """Return the kernel's id of this boot."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        return ""


def started_ticks(pid: int) -> int | None:
    """Return when the process was started, in clock ticks since boot; None when it is gone or a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b") ")[2].split()
    except OSError:
        return None
    return None if fields[0] in (b"Z", b"X") else int(fields[19])


def is_alive(host: str, boot: str, pid: int, ticks: int) -> bool | None:
    """Tell whether that process lives; None when it belongs to another machine."""
    if host != host_id():
        return None
    return boot == boot_id() and started_ticks(pid) == ticks


@dataclass(frozen=True, slots=True)
class LiveFfmpeg:
    """An ffmpeg that records now. `handle` is its pidfd: readable when it has ended; the owner closes it."""

    pid: int
    handle: int
    source_id: int
    run_id: str

    def send(self, number: signal.Signals) -> None:
        """Send a signal to exactly this process, never to one that has its pid later."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.handle, number)

    def close(self) -> None:
        """Close the handle."""
        os.close(self.handle)


def open_ffmpeg(pid: int, live_root: Path) -> LiveFfmpeg | None:
    """Return the ffmpeg with this pid if it records into a folder of live_root, else None."""
    try:
        handle = os.pidfd_open(pid)
    except OSError:
        return None
    # Read after the handle is held: a pid given to another process in between shows another command line.
    found = _segments_of(pid, live_root)
    if found is None:
        os.close(handle)
        return None
    return LiveFfmpeg(pid, handle, int(found["source"]), found["run"].decode())


def mark_of(pid: int) -> str:
    """Return the mark of the camera's settings with which an ffmpeg was started; empty where it tells none."""
    try:
        words = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return ""
    begin = f"{MARK}=".encode()
    return next((word[len(begin) :].decode("ascii", "replace") for word in words if word.startswith(begin)), "")


def find_ffmpegs(live_root: Path) -> list[LiveFfmpeg]:
    """Return every ffmpeg of this machine that records into a folder of live_root."""
    pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    found = (open_ffmpeg(pid, live_root) for pid in pids if _segments_of(pid, live_root))
    return [process for process in found if process]


def _segments_of(pid: int, live_root: Path) -> "re.Match[bytes] | None":
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").split(b"\0")
    except OSError:
        return None
    found = _SEGMENTS.match(words[-1]) if len(words) > 1 else None
    return found if found and found["folder"] == os.fsencode(live_root) else None
