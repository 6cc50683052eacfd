"""What is tortured: cameras, the service as an operator starts it, and small disks of its own."""

import contextlib
import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from app.capture.processes import LiveFfmpeg, find_ffmpegs
from tests.archive_reading import query
from tests.faked_time import FakedClock
from tests.faulty_disk import FaultyDisk, compiler
from tests.rtsp_server import RtspServer
from tests.service import Service, wait_for
from torture.cameras import Camera, open_cameras
from torture.clock import Clock
from torture.pictures import PictureCamera, open_picture_camera

TAG = GROUP = "torture"
PICTURES = "pictures"
SEGMENT_S = 4
RESERVE_BYTES = 1_000_000
FLOWING_S = 1.0  # a camera whose last picture is younger sends
SETTLED_S = 1.5  # and has done so for so long: a key frame is among it
TIMED_S = 120.0


@dataclass
class Rig:
    """Everything that faults work on. `lock` is held by who starts or ends the service as a whole."""

    folder: Path
    service: Service
    server: RtspServer
    cameras: list[Camera]
    disks: list[Path]
    faulty: FaultyDisk | None = None
    pictures: PictureCamera | None = None
    clock: Clock = field(default_factory=Clock)
    lock: threading.Lock = field(default_factory=threading.Lock)
    begin_s: float = 0.0
    end_s: float = 0.0

    @property
    def has_disks(self) -> bool:
        """Tell whether the storages are small disks of their own: without root they are folders."""
        return bool(self.disks)

    @property
    def storages(self) -> list[Path]:
        """Both storages, disks or not, in order."""
        return [self.folder / "first", self.folder / "second"]

    def start_recording(self) -> None:
        """Make the sources, let each be measured, and record them."""
        for camera in self.cameras:
            camera.source_id = self.service.add_source(camera.url)
        for camera in self.cameras:
            wait_for(partial(self._is_measured, camera), "the measurement", TIMED_S)
        self.service.add_group(GROUP, [camera.source_id for camera in self.cameras])
        for camera in self.cameras:  # the measurements had connections of their own
            camera.sessions_before = len(self.server.sessions(camera.name))
        self.begin_s = time.time()
        self.service.record(TAG, GROUP)
        if self.pictures is not None:
            self._start_pictures(self.pictures)
        self.wait_settled(self.begin_s)

    def _start_pictures(self, camera: PictureCamera) -> None:
        """Record the picture camera under the same tag."""
        camera.source_id = self.service.add_source(camera.server.url)
        wait_for(lambda: self.service.status(camera.source_id) == "online", "the measurement of pictures", TIMED_S)
        self.service.add_group(PICTURES, [camera.source_id], "PictureSource")
        camera.begin_s = time.time()
        self.service.record(TAG, PICTURES, "PictureSource")

    def stop_recording(self) -> None:
        """Stop, and wait until every file is closed."""
        self.service.stop_recording(TAG)
        self.end_s = time.time()
        wait_for(
            lambda: not query(self.service, "SELECT 1 FROM segment WHERE state = 0 UNION SELECT 1 FROM lease"),
            "the end of recording",
            TIMED_S,
            0.2,
        )

    def wait_settled(self, since_s: float, limit_s: float = TIMED_S) -> None:
        """Wait until the service is ready, and every camera has sent since then. Raises AssertionError when not."""
        wait_for(self.service.is_ready, "readiness after the fault", limit_s, 0.1)
        for camera in self.cameras:
            wait_for(partial(self.is_flowing, camera, since_s), f"footage of {camera.name}", limit_s)

    def _is_measured(self, camera: Camera) -> bool:
        return self.service.status(camera.source_id) == "online"

    def is_flowing(self, camera: Camera, since_s: float) -> bool:
        """Tell whether a camera's newest connection has sent pictures for a while, up to now."""
        sessions, last = camera.sessions(), camera.last_sent()
        if last is None or time.time() - last.sent_s > FLOWING_S or last.is_garbage:
            return False
        return last.sent_s - max(sessions[-1].sent("video")[0].sent_s, since_s) >= SETTLED_S

    def ffmpegs(self) -> list[LiveFfmpeg]:
        """Return the living ffmpegs of the service in every storage; the caller closes them."""
        return [process for root in self.storages for process in find_ffmpegs(root / "live")]

    def shut_down(self) -> list[str]:
        """End the service as Ctrl-C does; return the command lines of the processes that are left."""
        self.service.session.close()
        supervisor = self.service.processes["supervisor"]
        if supervisor.poll() is None:
            supervisor.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            supervisor.wait(40)
        with contextlib.suppress(AssertionError):
            wait_for(lambda: not self._living(), "the end of all processes", 5, 0.2)
        return self._living()

    def _living(self) -> list[str]:
        """Return the command lines of this instance's processes."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != os.getpid():
                with contextlib.suppress(OSError):
                    words = (entry / "cmdline").read_bytes()
                    if str(self.folder).encode() in words + (entry / "environ").read_bytes():
                        found.append(f"{entry.name}: {words.replace(bytes(1), b' ').decode('utf-8', 'replace')[:200]}")
        return found


@contextlib.contextmanager
def open_rig(
    names: list[str], disk_bytes: int, folder: Path | None = None, *, has_pictures: bool = False
) -> Iterator[Rig]:
    """Yield a rig whose service is running; each of its two storages is a small disk where this user may mount one."""
    with contextlib.ExitStack() as stack:
        if folder is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="torture-")))
        disks = [stack.enter_context(small_disk(folder / name, disk_bytes)) for name in ("first", "second")]
        settings: dict[str, object] = {"STORAGE": folder / "first", "STORAGES": folder / "second"}
        server, cameras = open_cameras(names)
        faulty = clock = None
        if compiler() is not None:
            faulty, clock = FaultyDisk(folder / "faulty", folder / "first"), FakedClock(folder / "clock")
            settings["FFMPEG"] = faulty.ffmpeg()
        service = Service(
            folder / "service",
            SEGMENT_S=SEGMENT_S,
            PROBE_INTERVAL_S=3600,
            RESERVE_BYTES=RESERVE_BYTES,
            **settings,
        )
        if faulty and clock:
            both = f"{faulty.environment['LD_PRELOAD']}:{clock.environment['LD_PRELOAD']}"
            service.environment |= {**faulty.environment, **clock.environment, "LD_PRELOAD": both}
        there = [disk for disk in disks if disk is not None]
        rig = Rig(folder, service, stack.enter_context(server), cameras, there, faulty)
        rig.clock = Clock(clock)
        if has_pictures:
            rig.pictures = open_picture_camera()
            stack.enter_context(rig.pictures.server)
        stack.callback(_end, rig)
        service.start()
        service.wait_ready(TIMED_S)
        yield rig


def _end(rig: Rig) -> None:
    """End what may be left, surely."""
    rig.service.stop()
    for process in rig.ffmpegs():
        process.send(signal.SIGKILL)
        process.close()


@contextlib.contextmanager
def small_disk(folder: Path, size_bytes: int) -> Iterator[Path | None]:
    """Mount a file system in memory at a folder; yield None where this user may not, the folder being a plain one."""
    folder.mkdir(parents=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={size_bytes}", "tmpfs", str(folder)]
    is_mounted = os.geteuid() == 0 and subprocess.run(command, capture_output=True, check=False).returncode == 0
    try:
        yield folder if is_mounted else None
    finally:
        if is_mounted:
            subprocess.run(["umount", "-l", str(folder)], check=False)
