"""Sending a body so that it is known how far the client took it: what is handed to the kernel is not yet received.

The kernel may hold megabytes for a slow client. What it holds still is asked of it (SIOCOUTQ, tcp(7)), so that a client
which takes 10 KB/s is seen to make progress, and one that takes nothing is not.
"""

import errno
import fcntl
import os
import select
import socket
import struct
import termios
import time
from collections.abc import Callable, Iterator

TICK_S = 1.0
STALL_S = 60.0
PIECE_BYTES = 1 << 20
# A client that closes its side of the connection in the middle of an answer has left; so see it front servers too.
LEFT = select.POLLERR | select.POLLHUP | select.POLLNVAL | select.POLLRDHUP
Tell = Callable[[int], None]


class Gone(ConnectionResetError):
    """The client has left, or took nothing for STALL_S; ECONNRESET, which servers take for what it is."""

    def __init__(self, message: str) -> None:
        super().__init__(errno.ECONNRESET, message)


class Pump:
    """Writes to one client's socket from one thread. `tell` is called with the bytes taken so far, when they are more.

    The socket is blocking again after `close`. Raises Gone, and what `tell` raises.
    """

    def __init__(
        self, connection: socket.socket, tell: Tell, *, stall_s: float = STALL_S, tick_s: float = TICK_S
    ) -> None:
        self._connection, self._tell = connection, tell
        self._stall_s, self._tick_s = stall_s, tick_s
        self._handed_bytes = self._taken_bytes = 0
        self._looked_s = self._moved_s = time.monotonic()
        self._poll = select.poll()
        self._poll.register(connection.fileno(), select.POLLOUT | select.POLLRDHUP)
        connection.setblocking(False)

    def close(self) -> None:
        """Let the socket wait again, as the server expects."""
        self._connection.setblocking(True)

    def send_file(self, handle: int, begin: int, end: int) -> None:
        """Let the kernel send bytes of a file. Raises OSError where the file is shorter."""
        position = begin
        while position < end:
            try:
                sent = os.sendfile(self._connection.fileno(), handle, position, min(PIECE_BYTES, end - position))
            except BlockingIOError:
                self._wait()
                continue
            if not sent:
                raise OSError(errno.EIO, f"the file ends {end - position} bytes early")
            position += sent
            self._handed(sent)

    def send_block(self, block: bytes) -> None:
        """Send bytes."""
        view = memoryview(block)
        while view:
            try:
                sent = self._connection.send(view)
            except BlockingIOError:
                self._wait()
                continue
            view = view[sent:]
            self._handed(sent)

    def _handed(self, sent_bytes: int) -> None:
        self._handed_bytes += sent_bytes
        if time.monotonic() - self._looked_s >= self._tick_s:
            self._look()

    def _wait(self) -> None:
        """Wait until there is room, for a tick at most."""
        events = self._poll.poll(self._tick_s * 1000)
        if any(event & LEFT for _, event in events):
            raise Gone("the client has left")
        if time.monotonic() - self._looked_s >= self._tick_s:
            self._look()

    def _look(self) -> None:
        """See how much was taken since the last look."""
        self._looked_s = time.monotonic()
        taken_bytes = self._handed_bytes - unsent_bytes(self._connection)
        if taken_bytes > self._taken_bytes:
            self._taken_bytes, self._moved_s = taken_bytes, self._looked_s
            self._tell(taken_bytes)
        elif self._looked_s - self._moved_s >= self._stall_s:
            raise Gone(f"the client took nothing for {self._stall_s:.0f} s")


def unsent_bytes(connection: socket.socket) -> int:
    """Return how many bytes handed to the kernel the other side has not confirmed."""
    found = fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, struct.pack("i", 0))
    return int(struct.unpack("i", found)[0])


def read_blocks(handle: int, begin: int, end: int, block_bytes: int) -> Iterator[bytes]:
    """Yield bytes of a file in blocks. Raises OSError where it is shorter."""
    position = begin
    while position < end:
        block = os.pread(handle, min(block_bytes, end - position), position)
        if not block:
            raise OSError(errno.EIO, f"the file ends {end - position} bytes early")
        yield block
        position += len(block)
