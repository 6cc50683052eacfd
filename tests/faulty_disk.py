"""A disk that fails on request: calls on files below one folder fail, are slow or hang (`faulty_disk.c`, preloaded).

    disk = FaultyDisk(tmp_path / "faults", storage)
    with Service(folder, STORAGE=storage, FFMPEG=disk.ffmpeg(), environment=…) as service:
        service.environment |= disk.environment   # before its start
        disk.fail("write,sync EIO")               # also: `all ENOSPC`, `open,write EROFS`, `sync sleep 5`, `all hang`
        disk.fail("all EIO @/second/")            # only where the path holds this text
        disk.heal()

Programs of ours get none of the environment when they start ffmpeg, so ffmpeg is wrapped in a script.
"""

import shutil
import subprocess
from functools import lru_cache
from pathlib import Path

import pytest

from app.capture.ffmpeg import find_ffmpeg

CODE = Path(__file__).with_suffix(".c")


@lru_cache(maxsize=1)
def compiler() -> str | None:
    """Return a C compiler, or None."""
    return shutil.which("gcc") or shutil.which("cc")


class FaultyDisk:
    """Faults of the files below `root`, for processes that are started with its environment."""

    def __init__(self, folder: Path, root: Path) -> None:
        """Compile the library into `folder`, which must not lie below `root`; skip the test without a compiler."""
        if compiler() is None:
            pytest.skip("a faulty disk needs a C compiler (gcc)")
        folder.mkdir(parents=True, exist_ok=True)
        self.root = root.resolve()
        self._folder = folder
        self._control = folder / "faults"
        library = folder / "faulty_disk.so"
        command = [str(compiler()), "-shared", "-fPIC", "-O2", "-o", str(library), str(CODE), "-ldl"]
        subprocess.run(command, check=True, timeout=60)
        self.environment = {
            "LD_PRELOAD": str(library),
            "FAULTY_DISK_ROOT": str(self.root),
            "FAULTY_DISK_CONTROL": str(self._control),
        }

    def fail(self, line: str) -> None:
        """Let calls fail from now on: `CALLS DOES`, as the head of `faulty_disk.c` says."""
        fresh = self._folder / "faults.new"
        fresh.write_text(line + "\n", "ascii")
        fresh.replace(self._control)

    def heal(self) -> None:
        """Let all calls work again; those that hang return."""
        self._control.unlink(missing_ok=True)

    def ffmpeg(self, program: str = "") -> Path:
        """Return a program that runs ffmpeg with these faults."""
        wrapper = self._folder / "ffmpeg"
        settings = " ".join(f"{name}='{value}'" for name, value in self.environment.items())
        wrapper.write_text(f"#!/bin/sh\nexec env {settings} '{program or find_ffmpeg()}' \"$@\"\n", "ascii")
        wrapper.chmod(0o755)
        return wrapper
