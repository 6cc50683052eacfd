"""Learns at once when cameras that are away answer again: one thread tries to connect to all, four times a second.

An accepted connection is closed at once: it says only that another attempt is worth its ffmpeg. None is waited for, so
a hundred cameras behind a dead switch cost four hundred small packets a second and one thread.
"""

import errno
import selectors
import socket
import threading
import time

from app.capture.networks import Networks, Place, Unresolved, resolve
from app.errors import Invalid

KNOCK_S = 0.25
MOST_A_SECOND = 400  # with more than a hundred cameras away each is asked less often
GIVEN_UP_S = 1.0  # so long an answer may take; others are begun meanwhile, since a lost packet is repeated late
RESOLVED_S = 30.0  # so long the address of a name is kept
_UNDER_WAY = (errno.EINPROGRESS, errno.EAGAIN)


class Door:
    """A camera that is away. `answered` is set when it accepts a connection; nobody asks after `close`."""

    def __init__(self, policy: Networks, host: str, port: int) -> None:
        self._policy = policy
        self.host = host
        self.port = port
        self.answered = threading.Event()
        self.is_closed = False
        self._address: Place | None = None
        self._resolved_s = 0.0
        self._resolver: threading.Thread | None = None

    def close(self) -> None:
        """Ask no more."""
        self.is_closed = True

    def address(self) -> Place | None:
        """Return where to connect to; None while the name is looked up, or where it cannot be."""
        if self._resolver is not None and self._resolver.is_alive():
            return self._address
        if time.monotonic() >= self._resolved_s:
            self._resolved_s = time.monotonic() + RESOLVED_S
            self._look_up(is_number=True)
            if self._address is None:  # a name: a server that is away holds a thread for seconds
                self._resolver = threading.Thread(target=self._look_up, kwargs={"is_number": False}, daemon=True)
                self._resolver.start()
        return self._address

    def _look_up(self, *, is_number: bool) -> None:
        try:
            self._address = resolve(self._policy, self.host, self.port, is_number=is_number)[0]
        except Unresolved:
            return
        except Invalid:  # it was elsewhere when the address was checked
            self._address = None


class Knocker:
    """Asks at all doors; its thread lives as long as there are any."""

    def __init__(self) -> None:
        self._doors: list[Door] = []
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._begun: dict[socket.socket, tuple[Door, float]] = {}

    def ask(self, policy: Networks, host: str, port: int) -> Door:
        """Begin to ask, at once and every KNOCK_S, where the policy lets it."""
        door = Door(policy, host, port)
        with self._lock:
            self._doors.append(door)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="knocking", daemon=True)
                self._thread.start()
        return door

    def _run(self) -> None:
        with selectors.DefaultSelector() as selector:
            while doors := self._waiting():
                next_s = time.monotonic() + max(KNOCK_S, len(doors) / MOST_A_SECOND)
                for door in doors:
                    self._knock(door, selector)
                while (left_s := next_s - time.monotonic()) > 0:
                    for key, _ in selector.select(left_s):
                        self._end(key.data, selector)
                old_s = time.monotonic() - GIVEN_UP_S
                for connection in [known for known, (_, begun_s) in self._begun.items() if begun_s < old_s]:
                    self._end(connection, selector)

    def _waiting(self) -> list[Door]:
        with self._lock:
            self._doors = [door for door in self._doors if not (door.is_closed or door.answered.is_set())]
            if not self._doors:
                self._thread = None
                for connection in self._begun:
                    connection.close()
                self._begun = {}
            return list(self._doors)

    def _knock(self, door: Door, selector: selectors.BaseSelector) -> None:
        address = door.address()
        if address is None:
            return
        try:
            connection = socket.socket(address.family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        except OSError:  # no handle is free
            return
        refusal = connection.connect_ex(address.sockaddr)
        if refusal in _UNDER_WAY:
            self._begun[connection] = (door, time.monotonic())
            selector.register(connection, selectors.EVENT_WRITE, connection)
            return
        connection.close()
        if refusal == 0:
            door.answered.set()

    def _end(self, connection: socket.socket, selector: selectors.BaseSelector) -> None:
        """Look what became of a connection, and close it."""
        door, _ = self._begun.pop(connection)
        selector.unregister(connection)
        try:
            connection.getpeername()
            door.answered.set()
        except OSError:
            pass  # refused, or nothing has come
        finally:
            connection.close()


knocker = Knocker()
