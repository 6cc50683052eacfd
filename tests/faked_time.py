"""A service whose machine's wall clock can be set while it runs: NTP steps, and a boot in 1970.

    clock = FakedClock(folder)
    service = Service(folder / "instance", "web", "recorder")
    service.environment.update(clock.environment)
    with service:
        clock.step(3600)
        clock.at(sent_s)   # what the faked clock showed at an instant of the real one

Only processes started with `environment` see it; ffmpeg does not, and asks no clock for what we use: its files' mtimes
do follow the faked clock when the service looks at them. Monotonic clocks are not touched.
"""

import shutil
import struct
import subprocess
import time
from pathlib import Path

import pytest

SOURCE = Path(__file__).with_name("clock_shim.c")
STEPS = 512
PAIR = struct.Struct("=qq")
SECOND_NS = 1_000_000_000


class FakedClock:
    """The wall clock of one faked machine; used by the test's own process. Skips the test without a C compiler."""

    def __init__(self, folder: Path, offset_s: float = 0.0) -> None:
        compiler = shutil.which("cc") or shutil.which("gcc")
        if compiler is None:
            pytest.skip("no C compiler: the library that fakes the clock cannot be built (apt-get install gcc)")
        folder.mkdir(parents=True, exist_ok=True)
        self._library, self._file = folder / "clock_shim.so", folder / "clock"
        command = [compiler, "-shared", "-fPIC", "-O1", "-Wall", "-o", str(self._library), str(SOURCE), "-ldl"]
        subprocess.run(command, check=True, capture_output=True, timeout=60)
        self._file.write_bytes(bytes(8 + STEPS * PAIR.size))
        self._steps: list[tuple[int, int]] = []
        self._append(round(offset_s * SECOND_NS))

    @property
    def environment(self) -> dict[str, str]:
        """What a process is to be started with, so that it sees this clock."""
        return {"LD_PRELOAD": str(self._library), "CLOCK_SHIM": str(self._file)}

    def step(self, seconds: float) -> None:
        """Set the clock forward by so much, or back, in all processes at once."""
        self._append(self._steps[-1][1] + round(seconds * SECOND_NS))

    def set(self, unix_s: float) -> None:
        """Set the clock to an instant."""
        self._append(round(unix_s * SECOND_NS) - time.time_ns())

    def _append(self, offset_ns: int) -> None:
        step = (time.time_ns(), offset_ns)
        with self._file.open("r+b") as file:
            file.seek(8 + len(self._steps) * PAIR.size)
            file.write(PAIR.pack(*step))
            file.flush()
            self._steps.append(step)
            file.seek(0)
            file.write(struct.pack("=q", len(self._steps)))

    @property
    def now_s(self) -> float:
        """The faked clock now, seconds since the epoch."""
        return self.at(time.time())

    def at(self, real_s: float) -> float:
        """Return what the faked clock showed at an instant of the real one."""
        offset_ns = next((offset for real, offset in reversed(self._steps) if real <= real_s * SECOND_NS), 0)
        return real_s + offset_ns / SECOND_NS
