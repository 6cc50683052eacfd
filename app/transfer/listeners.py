"""The clients of event streams: how far each has got, and how it is sent what follows.

Only the hub's thread (app/transfer/eventhub.py) calls these, but for what is said to be another's.
"""

import contextlib
import socket
import threading
from collections.abc import Callable

SEND_BUFFER_BYTES = 64 * 1024  # of the kernel, for each client; it doubles it
RECEIVED_BYTES = 4096


class Listener:
    """One client of one file. Its place is taken when it is made, and given back by `close`."""

    __slots__ = (
        "base",
        "event_id",
        "file_id",
        "is_finishing",
        "is_waiting",
        "may_go_on",
        "moved_s",
        "progress_from",
        "until_s",
    )

    def __init__(self, file_id: int, event_id: int, progress_from: int, base: str) -> None:
        """Begin behind `event_id`, without progress below `progress_from`; `base` is what addresses begin with."""
        self.file_id, self.event_id, self.progress_from, self.base = file_id, event_id, progress_from, base
        self.is_finishing = False  # it is let go as soon as all is sent
        self.is_waiting = False  # something waits to be taken
        self.may_go_on: Callable[[], bool] = lambda: True  # asked each second
        self.moved_s = self.until_s = 0.0

    @property
    def waiting_bytes(self) -> int:
        """How much of what was put has not been taken yet."""
        raise NotImplementedError

    @property
    def is_closed(self) -> bool:
        """Whether the client is known to have left."""
        return False

    def put(self, data: bytes, now_s: float) -> None:
        """Send, or keep what cannot be sent at once. Raises OSError where the client is gone."""
        raise NotImplementedError

    def close(self) -> None:
        """End the stream; never waits."""
        raise NotImplementedError


class SocketListener(Listener):
    """A client whose connection was taken out of the server's hands: no thread is held for it."""

    __slots__ = ("_rest", "connection", "handle")

    def __init__(self, file_id: int, event_id: int, progress_from: int, base: str) -> None:
        super().__init__(file_id, event_id, progress_from, base)
        self.connection: socket.socket | None = None
        self.handle = -1
        self._rest = b""

    def attach(self, connection: socket.socket, stuck_s: float) -> None:
        """Take over the connection, from the server's thread. A peer that is not there for `stuck_s` is given up."""
        self.connection, self.handle = connection, connection.fileno()
        with contextlib.suppress(OSError):  # it may be gone already: the first thing that is sent shows it
            connection.setblocking(False)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
            if connection.family != socket.AF_UNIX:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(stuck_s * 1000))

    @property
    def waiting_bytes(self) -> int:
        """How much the kernel has not taken yet."""
        return len(self._rest)

    def put(self, data: bytes, now_s: float) -> None:
        """Send what the kernel takes, keep the rest. Raises OSError where the client is gone."""
        assert self.connection is not None
        data = self._rest + data if self._rest else data
        if not data:
            return
        try:
            sent = self.connection.send(data)
        except BlockingIOError:
            sent = 0
        if sent or not self._rest:
            self.moved_s = now_s
        self._rest = data[sent:]

    def is_gone(self) -> bool:
        """Read away what the client sends, which nobody asked for; tell whether it has left."""
        assert self.connection is not None
        try:
            return not self.connection.recv(RECEIVED_BYTES)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def close(self) -> None:
        """Close the connection; what the kernel has is sent by it."""
        if self.connection is not None:
            self.connection.close()


class ThreadListener(Listener):
    """A client that a thread of the server writes to, where the server keeps the connection."""

    __slots__ = ("_condition", "_is_closed", "_parts", "_wake")

    def __init__(self, file_id: int, event_id: int, progress_from: int, base: str, wake: Callable[[], None]) -> None:
        super().__init__(file_id, event_id, progress_from, base)
        self._condition = threading.Condition()
        self._parts: list[bytes] = []
        self._is_closed = False
        self._wake = wake

    @property
    def waiting_bytes(self) -> int:
        """How much the thread has not fetched yet."""
        return sum(map(len, self._parts))

    def put(self, data: bytes, now_s: float) -> None:
        """Keep it for the thread. Raises OSError where that has left."""
        with self._condition:
            if self._is_closed:
                raise OSError("the client has left")
            if data and not self._parts:
                self.moved_s = now_s
            if data:
                self._parts.append(data)
            self._condition.notify()

    def close(self) -> None:
        """Let the thread end the answer; also called by the thread when its client has left."""
        with self._condition:
            self._is_closed = True
            self._condition.notify()

    @property
    def is_closed(self) -> bool:
        """Whether nothing more comes."""
        return self._is_closed

    def fetch(self, limit_s: float) -> bytes | None:
        """Return what is to be sent, b"" where nothing came in time, None after the end. Called by the thread."""
        with self._condition:
            self._condition.wait_for(lambda: self._parts or self._is_closed, limit_s)
            data, is_closed = b"".join(self._parts), self._is_closed
            self._parts.clear()
        if data:
            self._wake()  # it may be behind, and this was all that it had
        return None if is_closed and not data else data
