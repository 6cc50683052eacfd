"""Clients that go away, stall, or ask for a hundred ranges: what they hold in the web server, and what they leave."""

import random
import socket
import sqlite3
import struct
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import requests

from tests.archived import add_source, address, record
from tests.archived import no_plans as no_plans
from tests.media import Plane, make_video
from tests.served import Served, serving
from tests.service import wait_for
from tests.test_playback_hls import entries_of

THREADS = 3
DATABASE, POOLED = "/app.db", 5  # so many connections SQLAlchemy keeps (QueuePool)
ENOUGH_BYTES = 12 << 20  # more than the kernel keeps for a connection whose client does not read


class Watched(NamedTuple):
    """A web server of few threads, with the addresses of a film and of a recorded file."""

    served: Served
    film: str
    file: str

    @property
    def worker(self) -> Path:
        """The folder of the one worker in /proc."""
        master = self.served.service.pid("web")
        (pid,) = Path(f"/proc/{master}/task/{master}/children").read_text("ascii").split()
        return Path("/proc", pid)

    def open_files(self) -> list[str]:
        """Return what the worker's file descriptors lead to."""
        found = []
        for path in (self.worker / "fd").iterdir():
            try:
                found.append(str(path.readlink()))
            except FileNotFoundError:  # closed meanwhile
                continue
        return found

    def media(self) -> list[str]:
        """Return the media files that the worker has open."""
        return [name for name in self.open_files() if name.endswith(".mp4")]

    def ask(self, path: str, headers: str = "") -> socket.socket:
        """Ask for a path with small buffers and read the first bytes of the answer."""
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(30)
        client.connect(("127.0.0.1", self.served.service.port))
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n".encode())
        assert client.recv(12).startswith(b"HTTP/1.1 20")
        return client


def reset(client: socket.socket) -> None:
    """Close a connection as a killed program does: with a reset."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    folder = tmp_path_factory.mktemp("clients")
    rng = np.random.default_rng(1)

    def draw(luma: Plane, _: int) -> None:
        luma[:] = rng.integers(16, 235, luma.shape, dtype=np.uint8)

    footage = make_video(folder / "noise.mp4", seconds=3, width=640, height=480, bitrate_bps=60_000_000, draw=draw)
    assert footage.stat().st_size > ENOUGH_BYTES
    with serving(folder / "instance", WEB_THREADS=THREADS) as served:
        source_id = add_source(served.app)
        first = record(served.app, source_id, footage, segment_s=60)
        last = record(served.app, source_id, footage, segment_s=60, begin_us=first.end_us + 5_000_000)
        film = address(source_id, first.begin_us, last.end_us)
        playlist = requests.get(served.url(film.replace("video.mp4", "index.m3u8")), timeout=20)
        yield Watched(served, film, entries_of(playlist.text)[0]["uri"])
        said = served.service.read_log()
        assert not [line for line in said.splitlines() if " ERROR " in line or "Traceback" in line], said


@pytest.mark.parametrize("end", [reset, socket.socket.close])
def test_a_client_that_goes_away_frees_its_file_and_its_thread(
    watched: Watched, end: Callable[[socket.socket], None]
) -> None:
    clients = [watched.ask(watched.film) for _ in range(THREADS)]
    wait_for(lambda: len(watched.media()) == THREADS, "one open file for each client")
    health = watched.served.url("/healthz")
    with pytest.raises(requests.Timeout):
        requests.get(health, timeout=1)  # every thread is taken
    for client in clients:
        end(client)
    wait_for(lambda: not watched.media(), "the closing of the files", 5)
    assert requests.get(health, timeout=5).text == "yes\n"


def test_a_client_that_reads_slowly_holds_no_transaction(watched: Watched) -> None:
    """A reader's transaction would keep the write-ahead log from being emptied: it would grow without end."""
    with ExitStack() as held:
        for path in (watched.film, watched.file):
            held.enter_context(closing(watched.ask(path)))
        wait_for(lambda: len(watched.media()) == 2, "an open file for each client")
        with closing(sqlite3.connect(watched.served.service.instance / "app.db", timeout=2)) as other:
            other.execute("UPDATE source SET description = 'changed'")
            other.commit()
            is_busy, left, _ = other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        assert (is_busy, left) == (0, 0)
        assert watched.media()


def handles(watched: Watched) -> Counter[str]:
    """Return how often a process of the server has each file open."""
    return Counter(name for name in watched.open_files() if not name.startswith("socket:"))


def test_ranges_broken_off_leave_nothing_behind(watched: Watched) -> None:
    size = int(requests.head(watched.served.url(watched.film), timeout=20).headers["Content-Length"])
    assert size > ENOUGH_BYTES
    rng = random.Random(7)
    before = handles(watched)
    for _ in range(100):
        client = watched.ask(watched.film, f"Range: bytes={rng.randrange(size)}-\r\n")
        rng.choice((reset, socket.socket.close))(client)
    wait_for(lambda: not watched.media(), "the closing of the files", 5)
    after = handles(watched)
    # The pool of connections may grow meanwhile, when viewings are written down beside a request.
    assert after - before - Counter({name: POOLED for name in after if DATABASE in name}) == Counter()
    assert before - after == Counter()
    whole = requests.get(watched.served.url(watched.film), headers={"Range": "bytes=-1000"}, timeout=20)
    assert (whole.status_code, len(whole.content)) == (206, 1000)
