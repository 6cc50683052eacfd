"""The recorder: one process that keeps every wanted source recording. Its main thread does all but fetch pictures.

SIGTERM hands over: ffmpeg goes on, the next recorder adopts it. SIGINT shuts down: every ffmpeg ends cleanly.
"""

import contextlib
import logging
import os
import selectors
import signal
import subprocess
import sys
import time
from pathlib import Path

from flask import Flask
from sqlalchemy.exc import OperationalError

from app.archive import places
from app.archive.storages import open_storage
from app.capture import leases, recovery, watchdog
from app.capture.camera import Camera
from app.capture.clockwatch import ClockWatch
from app.capture.keeper import Keeper
from app.capture.syncing import Syncers
from app.capture.wake import open_pipe
from app.capture.wanted import WantedCameras
from app.errors import PlaybackError
from app.extensions import db
from instance.config import Config

log = logging.getLogger(__name__)

TICK_S = 0.25
LINGER_S = 1.0
LOOK_S = 1.0
RETRY_S = 2.0
SHUTDOWN_S = 20.0


class Recorder:
    """The state of the process. Create and run it in the main thread."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._config: Config = app.config["PLAYBACK"]
        self._selector = selectors.DefaultSelector()
        self._keepers: dict[int, Keeper] = {}
        self._watched: dict[int, Keeper] = {}
        self._wanted = WantedCameras()
        self._syncers = Syncers()
        self._retry_s: dict[int, float] = {}
        self._unwanted_s: dict[int, float] = {}
        self._look_s = self._renew_s = 0.0
        self._patient_until_s = 0.0
        self._signal = 0
        self._is_woken = False
        self._storage_id = ""
        self._recorder_id = ""

    def run(self) -> int:
        """Record until a signal comes; return the exit status."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._on_signal)
        reading, writing_end = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(writing_end, warn_on_full_buffer=False)
        self._selector.register(reading, selectors.EVENT_READ)
        self._selector.register(open_pipe(self._config), selectors.EVENT_READ)
        with self._app.app_context():
            self._set_up()
            while not self._signal:
                self._turn()
            self._hand_over() if self._signal == signal.SIGTERM else self._shut_down()
            leases.say_ended(self._recorder_id)
        return 0

    def _on_signal(self, number: int, _frame: object) -> None:
        self._signal = self._signal or number

    def _set_up(self) -> None:
        self._recorder_id = leases.register(os.getpid())
        self._clock = ClockWatch(self._config)
        self._beat()
        start_watchdog(self._config)
        while not self._storage_id and not self._signal:
            try:
                self._storage_id = open_storage(self._config).id
            except PlaybackError as error:
                log.error("%s", error.message)
                self._beat()
                self._wait(RETRY_S)
        db.session.rollback()
        if self._storage_id:
            self._syncers.watch(self._storage_id, self._config.storage_path)
        leftovers = recovery.leftover_sources(self._config.storage_path)
        wanted = set(self._wanted.read())
        for source_id in leases.claim(self._recorder_id, leftovers - wanted):
            self._recover(source_id, None)
            leases.release(self._recorder_id, {source_id})

    def _wait(self, length_s: float) -> None:
        for key, _ in self._selector.select(length_s):
            if key.fd in self._watched:
                keeper = self._watched.pop(key.fd)
                self._selector.unregister(key.fd)
                if keeper.attempt is not None:
                    keeper.attempt.has_exited = True
            else:
                os.read(key.fd, 4096)
                self._is_woken = True

    def _turn(self) -> None:
        """Wait for an event or the next tick, and do what is due."""
        self._wait(TICK_S)
        now_s = time.monotonic()
        try:
            if self._clock.look():  # leases have run out, or last too long: give every recorder time to renew its own
                self._renew_s, self._patient_until_s = 0.0, now_s + leases.LEASE_US / 1e6
            self._clock.write()
            if now_s >= self._renew_s:
                self._renew()
                self._renew_s = now_s + leases.RENEW_S
            if self._is_woken or now_s >= self._look_s:
                self._is_woken = False
                self._look_s = now_s + LOOK_S
                self._beat()
                self._look()
        except OperationalError as error:
            db.session.rollback()
            log.warning("the database cannot be used now (%s); recording goes on", type(error.orig).__name__)
        except OSError as error:
            db.session.rollback()
            log.error("%s: %s; tried again in %.0f s", error.filename, error.strerror, LOOK_S)
        for source_id, keeper in list(self._keepers.items()):
            self._step(source_id, keeper)

    def _step(self, source_id: int, keeper: Keeper) -> None:
        """Let one source do what is due; an error of disk or database is its own and passes."""
        if time.monotonic() < self._retry_s.get(source_id, 0.0):
            return
        try:
            keeper.step()
        except (OSError, OperationalError) as error:
            db.session.rollback()
            self._retry_s[source_id] = time.monotonic() + RETRY_S
            cause = error.strerror if isinstance(error, OSError) else type(error.orig).__name__
            log.error("source %d: %s; tried again in %.0f s, ffmpeg goes on", source_id, cause, RETRY_S)
        except Exception:  # a fault of ours with one source must not end the recording of the others
            db.session.rollback()
            self._retry_s[source_id] = time.monotonic() + RETRY_S
            log.exception("source %d: a fault of the recorder; tried again in %.0f s", source_id, RETRY_S)
        self._watch(keeper)
        if keeper.is_done:
            del self._keepers[source_id]
            self._unwanted_s.pop(source_id, None)
            leases.release(self._recorder_id, {source_id})

    def _watch(self, keeper: Keeper) -> None:
        """Be told when the source's ffmpeg ends."""
        attempt = keeper.attempt
        if attempt is not None and not attempt.has_exited and attempt.process.handle not in self._watched:
            self._watched[attempt.process.handle] = keeper
            self._selector.register(attempt.process.handle, selectors.EVENT_READ)

    def _beat(self) -> None:
        """Give the sign of life that the watchdog and /readyz look at."""
        (self._config.run_path / watchdog.HEARTBEAT).touch()
        with contextlib.suppress(OSError):  # a storage that is away is told by the attempts
            watchdog.shared_heartbeat(self._config.storage_path / places.LIVE).touch()

    def _renew(self) -> None:
        held = leases.renew(self._recorder_id)
        lost = self._keepers.keys() - held  # run out while we slept, or with a step of the clock, and perhaps free yet
        held |= leases.claim(self._recorder_id, lost) if lost else set()
        for source_id, keeper in self._keepers.items():
            if source_id not in held and not keeper.is_ending:
                keeper.end("recorder_stopped", "another recorder took the source over")

    def _look(self) -> None:
        """Compare what is wanted with what is kept: begin, change and end."""
        wanted = self._wanted.read()
        for source_id in wanted:
            self._unwanted_s.pop(source_id, None)
        for source_id, keeper in self._keepers.items():
            if source_id in wanted and not keeper.is_ending:
                keeper.change(wanted[source_id])
            elif not keeper.is_ending and self._is_unwanted_for_long(source_id):
                keeper.end("stopped", "stopped as asked")
        fresh = wanted.keys() - self._keepers.keys()
        if not fresh:
            return
        is_patient = time.monotonic() < self._patient_until_s
        for source_id in sorted(leases.claim(self._recorder_id, fresh, is_patient=is_patient)):
            self._keepers[source_id] = self._recover(source_id, wanted[source_id])

    def _is_unwanted_for_long(self, source_id: int) -> bool:
        """Tell whether a stop has lasted: one that is followed by a start keeps the camera's connection."""
        return time.monotonic() - self._unwanted_s.setdefault(source_id, time.monotonic()) >= LINGER_S

    def _recover(self, source_id: int, camera: Camera | None) -> Keeper:
        """Take in what an earlier recorder left of a source; adopt its ffmpeg when it is still wanted."""
        root = self._config.storage_path
        living = (
            recovery.living_ffmpegs(root).get(source_id, []) if source_id in recovery.leftover_sources(root) else []
        )
        keeper = Keeper(
            self._config,
            camera or Camera(source_id, "Source", None, None, None),
            self._storage_id,
            self._recorder_id,
        )
        if camera is not None and living:
            newest = living.pop()
            keeper.adopt(recovery.adopt(self._config, self._storage_id, newest, self._clock.base_us))
        for surplus in living:
            recovery.end_surplus(surplus)
            _wait_for_end(surplus.pid)
        kept = {keeper.attempt.place.run_id} if keeper.attempt is not None else set()
        recovery.take_in(root, self._storage_id, source_id, kept)
        return keeper

    def _hand_over(self) -> None:
        """Leave ffmpeg running for the next recorder; only pictures, which we feed ourselves, are ended."""
        for keeper in self._keepers.values():
            if keeper.attempt is None or keeper.attempt.feed is not None:
                keeper.end("recorder_stopped", "the recorder was stopped")
        self._finish(SHUTDOWN_S / 2)
        log.info("handed over %d sources", len(self._keepers))

    def _shut_down(self) -> None:
        """End every ffmpeg cleanly and the watchdog with them."""
        for keeper in self._keepers.values():
            keeper.end("recorder_stopped", "the recorder was shut down")
        self._finish(SHUTDOWN_S)
        stop_watchdog(self._config)

    def _finish(self, limit_s: float) -> None:
        """Wait until the sources that are ending have ended."""
        until_s = time.monotonic() + limit_s
        while any(keeper.is_ending for keeper in self._keepers.values()) and time.monotonic() < until_s:
            self._wait(0.1)
            for source_id, keeper in list(self._keepers.items()):
                if keeper.is_ending:
                    self._step(source_id, keeper)


def _wait_for_end(pid: int, limit_s: float = 5.0) -> None:
    until_s = time.monotonic() + limit_s
    while Path(f"/proc/{pid}").exists() and time.monotonic() < until_s:
        time.sleep(0.05)


def start_watchdog(config: Config) -> None:
    """Start the watchdog of this instance; a second one ends by itself."""
    arguments = [str(config.run_path), str(config.storage_path / places.LIVE), str(config.ABANDON_S)]
    subprocess.Popen(
        [sys.executable, "-m", "app.capture.watchdog", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=Path(__file__).resolve().parents[2],
        start_new_session=True,
    )


def stop_watchdog(config: Config) -> None:
    """End the watchdog of this instance."""
    (config.run_path / watchdog.HEARTBEAT).unlink(missing_ok=True)
    watchdog.stop(config.run_path)
