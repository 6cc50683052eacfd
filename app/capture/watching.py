"""Watching cameras: one grabber a camera serves every viewer of every web process; it ends with the last of them.

A `Watch` is a camera that somebody in this process looks at, with a thread of its own. The process that holds the
camera's lock grabs: it runs the generator that the caller gave and hands each picture to its own viewers and, through
a socket (app/capture/relay.py), to the processes that follow. When it dies, the kernel closes the socket and frees
the lock: a process that followed takes over at once. Files in `run/live/`: `SOURCE.lock`, `SOURCE.sock`.
"""

import logging
import os
import threading
import time
from collections.abc import Callable, Generator
from contextlib import closing
from copy import copy
from pathlib import Path

from app.archive.shots import Shot
from app.capture import relay
from app.errors import PlaybackError
from app.locks import hold_lock

log = logging.getLogger(__name__)

LINGER_S = 2.0  # a page that is loaded again, or a picture asked for each second, finds the camera still connected
CURRENT_S = 1.5  # so long after it came, or was confirmed, a picture is what the camera shows now
EARLY = 0.1  # a picture may be sent by so much of the delay too soon: cameras do not keep time exactly
FRESH_S = 0.05
REMEMBER_S = 2.0  # a camera that failed is not asked again before
RETRY_S = 0.05


class Viewer:
    """One who watches: a client, or the viewers of another process. Used by one thread."""

    def __init__(self, watch: "Watch", delay_s: float) -> None:
        self.delay_s = delay_s
        self.seen = 0
        self.due_s = float("-inf")
        self.is_waiting = self.is_timed = False
        self._watch = watch
        self._bell = threading.Lock()
        self._bell.acquire()

    def next(self, timeout_s: float) -> Shot | None:
        """Return the next picture that is due, None where there is none in time. Raises why there will be no more."""
        until_s = time.monotonic() + timeout_s
        while True:
            shot, wake_s = self._watch.look(self)
            left_s = min(until_s, wake_s) - time.monotonic()
            if shot is not None or time.monotonic() >= until_s:
                return shot
            self._bell.acquire(timeout=max(left_s, 0.001))

    def ring(self) -> None:
        """Let the viewer look again. Called with the watch's lock held."""
        if self.is_waiting and self._bell.locked():  # else it was rung, and the wait ended just before
            self.is_waiting = False
            self._bell.release()

    @property
    def is_current(self) -> bool:
        """Tell whether the camera still shows what this viewer has seen last."""
        return self._watch.is_current and self.seen == self._watch.number

    def change(self, delay_s: float) -> None:
        """Ask for another delay from now on."""
        self._watch.change(self, delay_s)

    def leave(self) -> None:
        """Watch no longer. May be called again."""
        self._watch.leave(self)


class Watch(threading.Thread):
    """A camera that is watched in this process. To the source of its pictures it is the wish of all viewers.

    Each viewer is told of a failure by a copy: raised again and again, one error would gather the frames of all.
    """

    def __init__(self, hub: "Hub", source_id: int, camera: object, open_shots: "OpenShots") -> None:
        super().__init__(name=f"watch-{source_id}", daemon=True)
        self.camera = camera
        self.number = 0
        self.failure: PlaybackError | None = None
        self.viewers: set[Viewer] = set()
        self._hub, self._source_id, self._open_shots = hub, source_id, open_shots
        self._newest: Shot | None = None
        self._published_s = self._current_s = float("-inf")
        self._left_s = time.monotonic()
        self._lock = threading.Lock()
        self._changed = threading.Event()

    # What the source of the pictures sees.

    @property
    def delay_s(self) -> float:
        """The smallest delay that is wanted now."""
        with self._lock:
            return min((viewer.delay_s for viewer in self.viewers), default=1.0)

    @property
    def is_over(self) -> bool:
        """Tell whether nobody has watched for LINGER_S, or this process ends."""
        with self._lock:
            is_deserted = not self.viewers and time.monotonic() - self._left_s > LINGER_S
            return is_deserted or self._hub.is_ending()

    def wait(self, timeout_s: float) -> None:
        """Sleep, but no longer than until the wish changes."""
        if not self.viewers:
            timeout_s = min(timeout_s, LINGER_S / 4)
        if self._changed.wait(timeout_s):
            self._changed.clear()

    # What viewers do.

    def join_viewer(self, delay_s: float) -> Viewer:
        """Add a viewer."""
        viewer = Viewer(self, delay_s)
        with self._lock:
            self.viewers.add(viewer)
        self._changed.set()
        return viewer

    def change(self, viewer: Viewer, delay_s: float) -> None:
        """Let a viewer have another delay."""
        with self._lock:
            viewer.delay_s, viewer.due_s = delay_s, float("-inf")
        self._changed.set()

    def leave(self, viewer: Viewer) -> None:
        """Take a viewer out."""
        with self._lock:
            if viewer in self.viewers:
                self.viewers.remove(viewer)
                self._left_s = time.monotonic()
        self._changed.set()

    def look(self, viewer: Viewer) -> tuple[Shot | None, float]:
        """Return the picture that is due for a viewer, else None, and when to look again unless it is told sooner."""
        with self._lock:
            now_s = time.monotonic()
            is_new = self.number > viewer.seen and (viewer.seen > 0 or self._is_current(now_s))
            is_fresh = now_s - self._published_s < FRESH_S
            due_s = viewer.due_s - EARLY * viewer.delay_s * is_fresh
            if is_new and now_s >= due_s:
                following_s = self._published_s + (1 - EARLY) * viewer.delay_s
                viewer.due_s = max(viewer.due_s + viewer.delay_s, following_s)
                viewer.seen = self.number
                return self._newest, now_s
            if self.failure is not None:
                raise copy(self.failure)
            viewer.is_waiting, viewer.is_timed = True, is_new
            return None, viewer.due_s if is_new else float("inf")

    @property
    def is_current(self) -> bool:
        """Tell whether the newest picture is what the camera shows now."""
        with self._lock:
            return self._is_current(time.monotonic())

    def _is_current(self, now_s: float) -> bool:
        return now_s - self._current_s <= CURRENT_S

    # What grabbing does.

    def publish(self, shot: Shot | None) -> None:
        """Hand a picture to all for whom it is due; None confirms the one before."""
        with self._lock:
            now_s = self._current_s = time.monotonic()
            if shot is not None:
                self._newest, self._published_s = shot, now_s
                self.number += 1
            for viewer in self.viewers:
                is_due = now_s >= viewer.due_s - EARLY * viewer.delay_s
                if (shot is not None and (is_due or not viewer.is_timed)) or not viewer.seen:
                    viewer.ring()

    def fail(self, error: PlaybackError) -> None:
        """Tell all viewers that there will be no more, and why."""
        with self._lock:
            self.failure = error
            for viewer in self.viewers:
                viewer.ring()

    def run(self) -> None:
        """Grab, or follow the process that grabs, until nobody watches or the camera fails."""
        try:
            while not self._hub.is_finished(self._source_id, self):
                self._turn()
        except PlaybackError as error:
            self.fail(error)
        except Exception:  # a fault of ours must not leave viewers waiting; the next watch begins anew
            log.exception("watching source %d failed", self._source_id)
            self.fail(PlaybackError("the server failed; its log says why"))
        finally:
            self._hub.forget(self._source_id, self)

    def _turn(self) -> None:
        lock = hold_lock(self._hub.folder / f"{self._source_id}.lock")
        if lock is None:
            relay.follow(self._hub.folder, str(self._source_id), self)
            self.wait(RETRY_S)
            return
        try:
            self._grab()
        finally:
            os.close(lock)

    def _grab(self) -> None:
        """Run the source of the pictures. Raises PlaybackError, of which all viewers have been told."""
        with relay.Outlet(self._hub.folder, str(self._source_id), self.join_viewer):
            try:
                with closing(self._open_shots(self)) as shots:
                    for shot in shots:
                        self.publish(shot)
                        if self.is_over:
                            return
            except PlaybackError as error:
                self.fail(error)  # before the outlet is closed: those who follow are told too
                raise


OpenShots = Callable[[Watch], Generator[Shot | None, None, None]]


class Hub:
    """The cameras that are watched in this process."""

    def __init__(self, folder: Path, is_ending: Callable[[], bool]) -> None:
        """Watch nothing yet. `is_ending` tells whether this process is asked to end."""
        self.is_ending = is_ending
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder = folder
        self._watches: dict[int, Watch] = {}
        self._failed: dict[int, tuple[float, object, PlaybackError]] = {}
        self._lock = threading.Lock()

    def join(self, source_id: int, camera: object, open_shots: OpenShots, delay_s: float) -> Viewer:
        """Return a new viewer of a camera; where it is the first, its pictures come from `open_shots`.

        `camera` is all that the pictures depend on. Raises again why such a camera failed a moment ago.
        """
        with self._lock:
            watch = self._watches.get(source_id)
            if watch is not None and watch.failure is None:
                return watch.join_viewer(delay_s)
            if watch is not None and watch.failure is not None and watch.camera == camera:
                raise copy(watch.failure)
            failed = self._failed.get(source_id)
            if failed is not None and failed[1] == camera and time.monotonic() < failed[0]:
                raise copy(failed[2])
            watch = self._watches[source_id] = Watch(self, source_id, camera, open_shots)
            viewer = watch.join_viewer(delay_s)
            watch.start()
            return viewer

    def is_finished(self, source_id: int, watch: Watch) -> bool:
        """Tell whether nobody watches; then nobody can join it any more."""
        with self._lock:
            if not watch.is_over:
                return False
            self._drop(source_id, watch)
            return True

    def forget(self, source_id: int, watch: Watch) -> None:
        """Take out a watch that has ended; a failure is remembered for a moment."""
        with self._lock:
            self._drop(source_id, watch)
            self._failed.pop(source_id, None)
            if watch.failure is not None:
                self._failed[source_id] = (time.monotonic() + REMEMBER_S, watch.camera, watch.failure)

    def _drop(self, source_id: int, watch: Watch) -> None:
        if self._watches.get(source_id) is watch:
            del self._watches[source_id]
