"""Pictures from the process that grabs a camera to those that follow it, over a socket in `run/live/`.

    follower → grabber   the smallest delay that its viewers want, 8 bytes, at first and when it changes
    grabber → follower   kind (1 byte), instant in µs (8), size (4), body:
                         SHOT a JPEG · STILL nothing, the one before is still right · FAILED why, as JSON

A closed connection is the sign of the other's end: no heartbeat, no file to look at.
"""

import contextlib
import json
import os
import select
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

from app.archive.shots import Shot, Wish
from app.errors import Busy, CameraSilent, PlaybackError

HEAD, DELAY = struct.Struct("!BQI"), struct.Struct("!d")
STILL, SHOT, FAILED = 0, 1, 2
MAX_BODY_BYTES = 64 << 20
LOOK_S = 0.2
STUCK_S = 10.0


class Watched(Wish, Protocol):
    """The watch of a process that follows."""

    def publish(self, shot: Shot | None) -> None:
        """Take a picture."""


class Joined(Protocol):
    """A viewer in the process that grabs."""

    @property
    def is_current(self) -> bool:
        """Tell whether the picture that was seen last is still right."""

    def next(self, timeout_s: float) -> Shot | None:
        """Return the next picture."""

    def change(self, delay_s: float) -> None:
        """Ask for another delay."""

    def leave(self) -> None:
        """Watch no longer."""


@contextlib.contextmanager
def _address(folder: Path, name: str) -> Iterator[str]:
    """Yield an address of at most 107 bytes (unix(7)), however long the folder's path is."""
    handle = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{handle}/{name}.sock"
    finally:
        os.close(handle)


class Outlet:
    """Serves the processes that follow, each by a thread, while this process grabs a camera."""

    def __init__(self, folder: Path, name: str, join: Callable[[float], Joined]) -> None:
        self._path, self._join = folder / f"{name}.sock", join
        self._path.unlink(missing_ok=True)  # of a process that was killed
        self._listener = socket.socket(socket.AF_UNIX)
        with _address(folder, name) as address:
            self._listener.bind(address)
        self._listener.listen()
        self._is_closing = False
        self._threads: list[threading.Thread] = []
        self._acceptor = threading.Thread(target=self._accept, name="relay", daemon=True)
        self._acceptor.start()

    def __enter__(self) -> "Outlet":
        return self

    def __exit__(self, *_: object) -> None:
        """Let the followers go: they are told of a failure, else one of them takes over."""
        self._is_closing = True
        self._path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes the acceptor
        self._acceptor.join()
        self._listener.close()
        for thread in self._threads:
            thread.join(1.0)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(connection,), name="relay", daemon=True)
            self._threads = [one for one in self._threads if one.is_alive()] + [thread]
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError, EOFError):
            connection.settimeout(STUCK_S)
            viewer = self._join(*DELAY.unpack(_receive(connection, DELAY.size)))
            try:
                while not self._is_closing:
                    shot = viewer.next(LOOK_S)
                    if shot is not None:
                        connection.sendall(HEAD.pack(SHOT, shot[1], len(shot[0])))
                        connection.sendall(shot[0])
                    elif viewer.is_current:
                        connection.sendall(HEAD.pack(STILL, 0, 0))
                    if _is_readable(connection, 0):
                        viewer.change(*DELAY.unpack(_receive(connection, DELAY.size)))
                viewer.next(0)
            except PlaybackError as error:
                text = json.dumps([isinstance(error, Busy), error.message, error.loc, error.extra]).encode()
                connection.sendall(HEAD.pack(FAILED, 0, len(text)) + text)
            finally:
                viewer.leave()


def follow(folder: Path, name: str, watched: Watched) -> None:
    """Hand over what the grabbing process sends, until it ends or nobody watches. Raises the failure it tells."""
    with socket.socket(socket.AF_UNIX) as connection, contextlib.suppress(OSError, EOFError):
        connection.settimeout(STUCK_S)
        with _address(folder, name) as address:
            connection.connect(address)
        told_s = None
        while not watched.is_over:
            delay_s = watched.delay_s
            if delay_s != told_s:
                connection.sendall(DELAY.pack(delay_s))
                told_s = delay_s
            if _is_readable(connection, LOOK_S):
                _take(connection, watched)


def _is_readable(connection: socket.socket, timeout_s: float) -> bool:
    """Wait for data or the end; not by select(2), which knows 1,024 handles at most."""
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    return bool(poll.poll(timeout_s * 1000))


def _take(connection: socket.socket, watched: Watched) -> None:
    """Read one message. Raises PlaybackError where it tells one."""
    kind, taken_us, size_bytes = HEAD.unpack(_receive(connection, HEAD.size))
    body = _receive(connection, size_bytes)
    if kind == FAILED:
        is_busy, message, loc, extra = json.loads(body)
        failure: type[PlaybackError] = Busy if is_busy else CameraSilent
        raise failure(message, loc=tuple(loc), **extra)
    watched.publish((body, taken_us) if kind == SHOT else None)


def _receive(connection: socket.socket, size_bytes: int) -> bytes:
    """Return so many bytes. Raises EOFError at the end of the connection."""
    if size_bytes > MAX_BODY_BYTES:
        raise EOFError
    data = bytearray(size_bytes)
    view: Any = memoryview(data)
    while view:
        count = connection.recv_into(view)
        if not count:
            raise EOFError
        view = view[count:]
    return bytes(data)
