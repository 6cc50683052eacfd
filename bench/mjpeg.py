"""What 200 viewers of one mJPEG stream cost: CPU of the web processes, while the camera records.

One picture a second, 1080p. The viewers are one process that reads 200 connections and counts what comes; its own CPU,
the recorder's and the camera's do not count. Twice: a camera with a key frame a second, of which only these are
decoded, and one with a key frame every two seconds, of which every frame is.
"""

import selectors
import socket
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from bench.cameras import FULL_HD, STILLS, Clip, add_cameras, describe_clip, serve
from bench.figures import Figure
from bench.processes import children, cpu_s, open_files
from tests.service import Service, wait_for

VIEWERS = 200
SETTLE_S, STEADY_S = 6.0, 30.0
LIMIT = 0.15
MARK = b"Content-Length"


class Viewers:
    """Connections that read one stream; used by one thread."""

    def __init__(self, port: int, path: str, count: int) -> None:
        self.frames, self.total_bytes = [0] * count, 0
        self._selector = selectors.DefaultSelector()
        self._stack = ExitStack()
        self._ends = [b""] * count
        for number in range(count):
            connection = self._stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=30))
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            self._selector.register(connection, selectors.EVENT_READ, number)

    def read(self, seconds: float) -> None:
        """Read whatever comes for so long. Raises AssertionError when a connection ends."""
        buffer = bytearray(1 << 18)
        until_s = time.monotonic() + seconds
        while (left_s := until_s - time.monotonic()) > 0:
            for key, _ in self._selector.select(left_s):
                size = key.fileobj.recv_into(buffer)  # type: ignore[union-attr]
                assert size, "a stream ended"
                # A mark may lie across two reads; it is counted with the later one.
                text = self._ends[key.data] + buffer[:size]
                self.frames[key.data] += text.count(MARK)
                self._ends[key.data] = bytes(text[-len(MARK) + 1 :])
                self.total_bytes += size

    def close(self) -> None:
        """Go away."""
        self._selector.close()
        self._stack.close()


def measure() -> list[Figure]:
    """Measure both cameras."""
    return [_measure(FULL_HD), _measure(STILLS)]


def _measure(clip: Clip) -> Figure:
    folder = tempfile.TemporaryDirectory(prefix="bench-")
    with folder as name, serve(clip, 1) as cameras, Service(Path(name)) as service:
        (source_id,) = add_cameras(service, cameras, "all")
        service.record("all", "all")
        wait_for(lambda: service.ffmpeg_pids(), "recording", 30)
        time.sleep(SETTLE_S)
        webs = children(service.pid("web"))
        idle_s = _used_s(webs, None)
        viewers = Viewers(service.port, f"/api/v1/source/{source_id}/video", VIEWERS)
        try:
            viewers.read(SETTLE_S)
            before, before_bytes = list(viewers.frames), viewers.total_bytes
            used_s = _used_s(webs, viewers)
        finally:
            grabbers = [_grabs(pid) for pid in webs]
            viewers.close()
        got = [after - begin for after, begin in zip(viewers.frames, before, strict=True)]
        wait_for(lambda: not any(_grabs(pid) for pid in webs), "the end of the grabber", 15)
    share = used_s / STEADY_S
    detail = {
        "camera": describe_clip(clip),
        "idle_share": idle_s / STEADY_S,
        "frames_a_second": {"least": min(got) / STEADY_S, "most": max(got) / STEADY_S},
        "mbyte_a_second": (viewers.total_bytes - before_bytes) / STEADY_S / 1e6,
        "grabbers": grabbers,
        "window_s": STEADY_S,
    }
    assert sum(grabbers) == 1, f"{grabbers} grabbers"
    what = f"{VIEWERS} viewers of one mJPEG stream, 1 frame a second, 1080p, a key frame every {clip.gop / 25:g} s"
    shown = f"{100 * share:.1f} % of one core, one grabber; {min(got) / STEADY_S:.2f} frames a second at least"
    return Figure(what, f"≤ {100 * LIMIT:.0f} %", shown, share <= LIMIT and min(got) >= 0.95 * STEADY_S, detail)


def _used_s(pids: list[int], viewers: Viewers | None) -> float:
    """Return the CPU seconds that processes use in STEADY_S."""
    before_s = cpu_s(pids)
    if viewers is None:
        time.sleep(STEADY_S)
    else:
        viewers.read(STEADY_S)
    return cpu_s(pids) - before_s


def _grabs(pid: int) -> int:
    """Return of how many cameras a process reads the open file, or holds the lock with an ffmpeg of its own."""
    return sum("/storage/live/" in path for path in open_files(pid))
