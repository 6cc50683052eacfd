"""One thread reads the outbox for all who listen to events in a process, and writes to their connections.

What it writes to never blocks. A client that takes nothing is left behind: it reads on from the database when it takes
something again, and is given up after STUCK_S. A client begins behind, too: what it has missed is in the database, and
comes in portions, each when the one before has been taken.

A portion is read after the newest events were, so it has all of them that are of its file; what is visible later has
higher ids (app/archive/outbox.py). So who has read all goes on with what comes, and misses and repeats nothing.
"""

import contextlib
import logging
import os
import random
import select
import time
from collections import defaultdict
from collections.abc import Callable, Iterable

from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from app.extensions import db
from app.formats import eventstream
from app.models.types import now_us
from app.transfer import happenings
from app.transfer.happenings import Happening, State
from app.transfer.listeners import Listener, SocketListener

log = logging.getLogger(__name__)

POLL_S = 0.1
HEARTBEAT_S = 14.0  # looked at each second, so that 15 s is never exceeded
STUCK_S = 30.0  # who takes nothing for so long is given up, and resumes by the id that it has
LIFE_S = 600.0  # then a client connects anew: whether it still may listen is asked again
WAITING_BYTES = 64 * 1024  # who has more than that waiting is left behind
PORTION, GROUPS = 200, 32  # events of a portion; portions between two looks at the newest
ROWS = 500
LOOK_S, DELETED_S, FAILED_S = 1.0, 15.0, 1.0
READABLE = select.EPOLLIN | select.EPOLLRDHUP
GONE = select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR


class Serving:
    """The loop and all that it holds; used by its thread alone, but for `wake`."""

    def __init__(
        self,
        app: Flask,
        is_ending: Callable[[], bool],
        joined: Callable[[], list[Listener]],
        give_back: Callable[[], None],
    ) -> None:
        """Serve whom `joined` gives, all who came since it was last called; `give_back` is called for each who goes."""
        self._app, self._is_ending, self._joined, self._give_back = app, is_ending, joined, give_back
        self._epoll = select.epoll()
        self._woken = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._epoll.register(self._woken, select.EPOLLIN)
        self._all: set[Listener] = set()
        self._behind: set[Listener] = set()
        self._by_file: defaultdict[int, set[Listener]] = defaultdict(set)
        self._by_socket: dict[int, SocketListener] = {}
        self._position: int | None = None  # of the newest event that was read
        self._read_at_s = 0.0

    def wake(self) -> None:
        """Let the loop look at once; from any thread."""
        os.eventfd_write(self._woken, 1)

    def close(self) -> None:
        """Give back what the loop itself holds."""
        self._epoll.close()
        os.close(self._woken)

    def end(self) -> None:
        """Let everybody go."""
        self._all.update(self._joined())
        for listener in list(self._all):
            self._drop(listener)

    def run(self) -> None:
        """Serve until nobody listens or the process is asked to end."""
        self._position, looked_s, deleted_s = None, time.monotonic(), time.monotonic()
        while True:
            now_s = time.monotonic()
            self._take_in(now_s)
            if self._is_ending():
                self.end()
            if not self._all:
                return
            if now_s >= self._read_at_s:
                self._read(now_s)
            if now_s >= looked_s + LOOK_S:
                looked_s = now_s
                self._look(now_s)
            if now_s >= deleted_s + DELETED_S:
                deleted_s = now_s
                self._let_go_of_deleted(now_s)
            for handle, mask in self._epoll.poll(max(0.0, self._read_at_s - time.monotonic())):
                self._hear(handle, mask)

    def _take_in(self, now_s: float) -> None:
        for listener in self._joined():
            self._all.add(listener)
            self._behind.add(listener)
            self._by_file[listener.file_id].add(listener)
            listener.moved_s, listener.until_s = now_s, now_s + LIFE_S * random.SystemRandom().uniform(1.0, 1.1)
            if isinstance(listener, SocketListener):
                try:
                    self._epoll.register(listener.handle, READABLE)
                except (OSError, ValueError):
                    self._drop(listener)
                    continue
                self._by_socket[listener.handle] = listener
            self._read_at_s = now_s

    def _drop(self, listener: Listener) -> None:
        """Let a client go; one that has gone already is none."""
        if listener not in self._all:
            return
        if isinstance(listener, SocketListener) and self._by_socket.get(listener.handle) is listener:
            del self._by_socket[listener.handle]
            self._epoll.unregister(listener.handle)
        self._all.discard(listener)
        self._behind.discard(listener)
        fellows = self._by_file[listener.file_id]
        fellows.discard(listener)
        if not fellows:
            del self._by_file[listener.file_id]
        listener.close()
        self._give_back()

    def _hear(self, handle: int, mask: int) -> None:
        """Do what a connection calls for; who has left is let go at once."""
        if handle == self._woken:
            with contextlib.suppress(BlockingIOError):
                os.eventfd_read(self._woken)
            self._read_at_s = 0.0 if self._behind else self._read_at_s
            return
        listener = self._by_socket.get(handle)
        if listener is None:
            return
        if mask & GONE or (mask & select.EPOLLIN and listener.is_gone()):
            self._drop(listener)
        elif mask & select.EPOLLOUT:
            self._put(listener, b"", time.monotonic())

    def _put(self, listener: Listener, data: bytes, now_s: float) -> None:
        """Send, and do what follows: wait until the rest can be sent, or let go of who has got all."""
        had_waiting = listener.is_waiting
        try:
            listener.put(data, now_s)
        except OSError:
            self._drop(listener)
            return
        is_waiting = isinstance(listener, SocketListener) and bool(listener.waiting_bytes)
        if isinstance(listener, SocketListener) and is_waiting != had_waiting:
            self._epoll.modify(listener.handle, READABLE | (select.EPOLLOUT if is_waiting else 0))
        listener.is_waiting = is_waiting
        if not is_waiting and listener.is_finishing:
            self._drop(listener)
        elif not is_waiting and listener in self._behind:
            self._read_at_s = now_s

    def _read(self, now_s: float) -> None:
        """Read what is new, and what is due to those who are behind."""
        self._read_at_s = now_s + POLL_S
        try:
            with self._app.app_context():
                if self._position is None:
                    self._position = happenings.newest_id(db.session)
                found = happenings.read_after(db.session, self._position, ROWS)
                self._spread(found, now_s)
                self._position = found[-1].id if found else self._position
                self._catch_up(now_s)
                if len(found) == ROWS:
                    self._read_at_s = now_s
        except SQLAlchemyError as error:
            log.warning("events cannot be read now: %s", type(error).__name__)
            self._read_at_s = now_s + FAILED_S

    def _spread(self, found: list[Happening], now_s: float) -> None:
        """Tell what is new to those who have got all before it."""
        by_file: defaultdict[int, list[Happening]] = defaultdict(list)
        for happening in found:
            if happening.file_id in self._by_file:
                by_file[happening.file_id].append(happening)
        if by_file:
            states = happenings.read_states(db.session, by_file, now_us())
            for file_id, rows in by_file.items():
                fellows = [one for one in self._by_file[file_id] if one not in self._behind]
                self._tell(fellows, rows, states.get(file_id), now_s)

    def _catch_up(self, now_s: float) -> None:
        """Tell a portion to those who are behind and have taken the one before; those of one place together."""
        places: defaultdict[tuple[int, int, int], list[Listener]] = defaultdict(list)
        for listener in self._behind:
            if not listener.waiting_bytes:
                places[listener.file_id, listener.event_id, listener.progress_from].append(listener)
        if not places:
            return
        some = list(places)[:GROUPS]
        portions = {place: happenings.read_of_file(db.session, *place, PORTION) for place in some}
        states = happenings.read_states(db.session, {place[0] for place in some}, now_us())  # not before the events
        for place, rows in portions.items():
            if len(rows) < PORTION:
                self._behind.difference_update(places[place])
            self._tell(places[place], rows, states.get(place[0]), now_s)
        if len(places) > GROUPS:
            self._read_at_s = now_s

    def _tell(self, listeners: Iterable[Listener], rows: list[Happening], state: State | None, now_s: float) -> None:
        """Send events to clients of their file, each to those who have not had it."""
        texts: dict[str, list[tuple[int, bytes]]] = {}
        for listener in listeners:
            if listener.waiting_bytes > WAITING_BYTES:
                self._behind.add(listener)
                continue
            told = texts.get(listener.base)
            if told is None:
                address = listener.base + state.path if state is not None and state.path is not None else None
                told = texts[listener.base] = [(row.id, happenings.told(row, address)) for row in rows]
            data = b"".join(text for event_id, text in told if event_id > listener.event_id)
            if rows:
                listener.event_id = max(listener.event_id, rows[-1].id)
            is_seen = state is None or state.is_seen(listener.event_id)
            listener.is_finishing = listener.is_finishing or (is_seen and listener not in self._behind)
            self._put(listener, data, now_s)

    def _look(self, now_s: float) -> None:
        """Keep connections alive on which nothing happens; let go of who takes nothing, is due, or may not."""
        for listener in list(self._all):
            is_stuck = bool(listener.waiting_bytes) and now_s - listener.moved_s > STUCK_S
            if is_stuck or listener.is_closed or now_s > listener.until_s or not listener.may_go_on():
                self._drop(listener)
            elif now_s - listener.moved_s >= HEARTBEAT_S:
                self._put(listener, eventstream.HEARTBEAT, now_s)

    def _let_go_of_deleted(self, now_s: float) -> None:
        """End the streams of files that were deleted; a client that comes again is told so."""
        try:
            with self._app.app_context():
                deleted = happenings.read_deleted(db.session, list(self._by_file))
        except SQLAlchemyError:
            return  # it is tried again
        for file_id in deleted:
            for listener in list(self._by_file[file_id]):
                listener.is_finishing = True
                self._put(listener, b"", now_s)
