"""The machine and the programs that the figures were taken with: without them a figure says nothing."""

import os
import platform
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from app.capture.ffmpeg import find_ffmpeg


def describe() -> dict[str, str]:
    """Return what tells this machine from others, and when it was asked."""
    cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text("utf-8"))
    memory = re.search(r"MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text("ascii"))
    return {
        "taken": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "cpu": f"{len(os.sched_getaffinity(0))} cores, {cpu[1] if cpu else platform.machine()}",
        "memory": f"{int(memory[1]) / 2**20:.1f} GiB" if memory else "unknown",
        "kernel": platform.release(),
        "python": platform.python_version(),
        "ffmpeg": _ffmpeg_version(),
        "load": " ".join(f"{load:.2f}" for load in os.getloadavg()) + " (1, 5, 15 min, before)",
    }


def _ffmpeg_version() -> str:
    shown = subprocess.run([find_ffmpeg(), "-version"], capture_output=True, text=True, timeout=20, check=True).stdout
    return shown.split(" Copyright", 1)[0].removeprefix("ffmpeg version ")
