"""What processes cost, from `/proc`: CPU seconds and memory (proc(5))."""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def _stat(pid: int) -> list[bytes]:
    """Return the fields of /proc/PID/stat behind the name: field 3 of proc(5) is the first."""
    return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b") ")[2].split()


def cpu_s(pids: Iterable[int]) -> float:
    """Return the CPU seconds that processes have used in user and kernel mode, their waited-for children included."""
    return sum(sum(map(int, _stat(pid)[11:15])) for pid in pids) / TICKS_PER_S


def pss_bytes(pid: int) -> int:
    """Return a process's proportional set size: its own pages, and its share of those it shares."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text("ascii").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    raise ValueError(f"process {pid} has no Pss")


def parents() -> dict[int, int]:
    """Return the parent of every process of this machine."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                found[int(entry.name)] = int(_stat(int(entry.name))[1])
            except OSError:
                continue  # it has just ended
    return found


def children(pid: int) -> list[int]:
    """Return the children of a process."""
    return sorted(child for child, parent in parents().items() if parent == pid)


def arguments(pid: int) -> list[str]:
    """Return the command line of a process; empty when it has just ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text("utf-8", "replace").rstrip("\0").split("\0")
    except OSError:
        return []


def rss_anon_bytes(pid: int) -> int:
    """Return a process's resident anonymous memory: what is its own and of no file."""
    for line in Path(f"/proc/{pid}/status").read_text("ascii").splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    raise ValueError(f"process {pid} has no RssAnon")


def open_files(pid: int) -> list[str]:
    """Return what a process has open: paths, and `socket:[N]` and the like."""
    found = []
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # it was closed meanwhile
            found.append(str(entry.readlink()))
    return found


def count_threads(pid: int) -> int:
    """Return the number of a process's threads."""
    return len(list(Path(f"/proc/{pid}/task").iterdir()))
