"""The faulty disk that other tests record to: it fails as asked, only where asked, and heals."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.faulty_disk import FaultyDisk
from tests.service import wait_for

WRITE = """
import os, sys
handle = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT, 0o600)
os.write(handle, b"x")
os.fsync(handle)
os.rename(sys.argv[1], sys.argv[1] + ".done")
"""


@pytest.fixture
def disk(tmp_path: Path) -> FaultyDisk:
    (tmp_path / "disk").mkdir()
    return FaultyDisk(tmp_path / "faults", tmp_path / "disk")


def write(disk: FaultyDisk, path: Path) -> str:
    """Write, sync and rename a file; return the last line of what the program says against it."""
    command = [sys.executable, "-c", WRITE, str(path)]
    done = subprocess.run(command, env=disk.environment, capture_output=True, text=True, timeout=30, check=False)
    return done.stderr.strip().splitlines()[-1] if done.returncode else ""


@pytest.mark.parametrize(
    ("calls", "error", "text"),
    [
        ("open", "EROFS", "Read-only file system"),
        ("write", "ENOSPC", "No space"),
        ("read,sync", "EIO", "Input/output"),
        ("name", "EROFS", "Read-only file system"),
        ("all", "EIO", "Input/output"),
    ],
)
def test_each_kind_of_call_fails_as_asked(disk: FaultyDisk, calls: str, error: str, text: str) -> None:
    disk.fail(f"{calls} {error}")
    assert text in write(disk, disk.root / "file")
    assert write(disk, disk.root.parent / "other") == ""
    disk.fail(f"{calls} {error} @/elsewhere")
    assert write(disk, disk.root / "file") == ""
    disk.fail(f"{calls} {error} @/file")
    assert text in write(disk, disk.root / "file")
    disk.heal()
    assert write(disk, disk.root / "file") == ""


def test_a_call_hangs_until_the_disk_is_healed(disk: FaultyDisk) -> None:
    disk.fail("write hang")
    command = [sys.executable, "-c", WRITE, str(disk.root / "file")]
    with subprocess.Popen(command, env=disk.environment) as process:
        wait_for((disk.root / "file").exists, "the file that is open")
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.3)
        disk.heal()
        assert process.wait(10) == 0


def test_ffmpeg_meets_the_faults_too(disk: FaultyDisk) -> None:
    disk.fail("write ENOSPC")
    film = ["-f", "lavfi", "-i", "testsrc=duration=1", "-y", str(disk.root / "film.mp4")]
    done = subprocess.run([disk.ffmpeg(), *film], capture_output=True, text=True, timeout=60, check=False)
    assert "No space left on device" in done.stderr
