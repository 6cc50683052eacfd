"""The recorder: one process that keeps every wanted source recording.

Its main thread compares what is wanted with what is kept, and chooses the storages; the lane of each storage does what
touches files (app/capture/lane.py), its guard looks after the disk (app/capture/guard.py). So no disk that hangs, and
no camera, holds up the recording of others.

SIGTERM hands over: ffmpeg goes on, the next recorder adopts it. SIGINT shuts down: every ffmpeg ends cleanly.
"""

import contextlib
import logging
import os
import selectors
import signal
import time

from flask import Flask
from sqlalchemy.exc import OperationalError

from app.archive import places
from app.capture import leases, watchdog
from app.capture.camera import Camera
from app.capture.clockwatch import ClockWatch
from app.capture.disks import FULL, SLOW, Disk, Disks
from app.capture.ffmpeg import Verdict
from app.capture.guard import Guard
from app.capture.keeper import Keeper
from app.capture.lane import Lane
from app.capture.leftovers import Leftovers, Living, find_living
from app.capture.syncing import Syncers
from app.capture.wake import open_pipe
from app.capture.wanted import WantedCameras
from app.extensions import db
from app.models.types import new_uuid
from instance.config import Config

log = logging.getLogger(__name__)

TICK_S = 0.25
LINGER_S = 1.0
LOOK_S = 1.0
SHUTDOWN_S = 20.0
SETTLE_S = 4.0  # so long a start waits for storages that do not answer
ALIVE_S = 10.0
LANE_END_S = 3.0


class Recorder:
    """The state of the process. Create and run it in the main thread."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._config: Config = app.config["PLAYBACK"]
        self._selector = selectors.DefaultSelector()
        self._keepers: dict[int, Keeper] = {}
        self._left: list[Keeper] = []
        self._given_up: set[int] = set()  # sources whose leases are to be given back
        self._wanted = WantedCameras()
        self._syncers = Syncers()
        self._unwanted_s: dict[int, float] = {}
        self._look_s = self._renew_s = 0.0
        self._patient_until_s = 0.0
        self._beaten_s = time.monotonic()
        self._beat_due_s = 0.0
        self._signal = 0
        self._is_woken = False
        self._waking = -1
        self._recorder_id = ""
        self._disks = Disks(self._config)
        self._lanes = {disk: Lane(app, disk, self._wake) for disk in self._disks}
        self._guards = {
            disk: Guard(app, self._config, disk, self._is_alive, self._disks.has_room_beside) for disk in self._disks
        }

    def run(self) -> int:
        """Record until a signal comes; return the exit status."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._on_signal)
        reading, self._waking = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(self._waking, warn_on_full_buffer=False)
        self._selector.register(reading, selectors.EVENT_READ)
        self._wake_pipe = open_pipe(self._config)
        self._selector.register(self._wake_pipe, selectors.EVENT_READ)
        with self._app.app_context():
            self._set_up()
            while not self._signal:
                self._turn()
            self._hand_over() if self._signal == signal.SIGTERM else self._shut_down()
            self._end_threads()
            with contextlib.suppress(OperationalError):  # a dead process holds no lease either
                leases.say_ended(self._recorder_id)
        return 0

    def _on_signal(self, number: int, _frame: object) -> None:
        self._signal = self._signal or number

    def _wake(self) -> None:
        """Let the main thread look at its keepers. For any thread."""
        with contextlib.suppress(BlockingIOError):
            os.write(self._waking, b"w")

    def _is_alive(self) -> bool:
        """Tell whether the main thread still turns: only then other machines' recorders are told so."""
        return time.monotonic() - self._beaten_s < ALIVE_S

    def _set_up(self) -> None:
        self._recorder_id = new_uuid()
        self._clock = ClockWatch(self._config)
        self._leftovers = Leftovers(self._recorder_id, self._lanes, self._wake)
        self._beat()
        watchdog.start(self._config.run_path, self._config.ABANDON_S, [disk.root / places.LIVE for disk in self._disks])
        for disk in self._disks:
            self._lanes[disk].start()
            self._guards[disk].opened = self._opened
            self._guards[disk].start()
        self._register()
        until_s = time.monotonic() + SETTLE_S
        while not all(disk.is_settled for disk in self._disks) and time.monotonic() < until_s and not self._signal:
            self._wait(0.02)

    def _register(self) -> None:
        """Write down this recorder, as soon as the database can be used: a guard may have to make room for that."""
        while not self._signal:
            try:
                leases.register(os.getpid(), self._recorder_id)
                return
            except OperationalError as error:
                db.session.rollback()
                log.warning("the database cannot be used now (%s); what records goes on", type(error.orig).__name__)
            self._beat()
            self._wait(LOOK_S)

    def _opened(self, disk: Disk) -> None:
        """Begin to sync a storage's open files, and to take in what was left in it. For its guard's thread."""
        self._syncers.watch(disk.storage_id, disk.root)
        self._leftovers.look(disk)

    def _wait(self, length_s: float) -> None:
        for key, _ in self._selector.select(length_s):
            os.read(key.fd, 4096)
            self._is_woken = self._is_woken or key.fd == self._wake_pipe

    def _turn(self) -> None:
        """Wait for an event or the next tick, and do what is due."""
        self._wait(TICK_S)
        now_s = time.monotonic()
        try:
            if now_s >= self._beat_due_s:  # first: without it the watchdog ends every ffmpeg
                self._beat()
            if self._clock.look():  # leases have run out, or last too long: give every recorder time to renew its own
                self._renew_s, self._patient_until_s = 0.0, now_s + leases.LEASE_US / 1e6
            if now_s >= self._renew_s:
                self._renew_s = now_s + LOOK_S  # where the database refuses the rest has its turns all the same
                self._renew()
                self._renew_s = now_s + leases.RENEW_S
            if self._is_woken or now_s >= self._look_s:
                self._is_woken = False
                self._look_s = now_s + LOOK_S
                self._look()
            self._collect()
            self._clock.write()
        except OperationalError as error:
            db.session.rollback()
            self._patient_until_s = time.monotonic() + leases.LEASE_US / 1e6  # nobody could renew
            log.warning("the database cannot be used now (%s); recording goes on", type(error.orig).__name__)
        except OSError as error:
            db.session.rollback()
            log.error("%s: %s; tried again in %.0f s", error.filename, error.strerror, LOOK_S)

    def _collect(self) -> None:
        """Go on with the sources that no lane has, and elsewhere with those whose storage fails."""
        self._leftovers.finish(self._keepers, self._runs_of)
        for source_id, keeper in list(self._keepers.items()):
            try:
                self._go_on(source_id, keeper)
            except OperationalError:
                raise
            except Exception:  # a fault of ours with one source must not end the recording of the others
                db.session.rollback()
                log.exception("source %d: a fault of the recorder", source_id)
        for keeper in [keeper for keeper in self._left if keeper.is_done]:
            self._left.remove(keeper)
            self._given_up.add(keeper.camera.source_id)
        self._release()

    def _go_on(self, source_id: int, keeper: Keeper) -> None:
        disk = keeper.disk
        if keeper.is_held and not keeper.is_ending and disk is not None:
            if keeper.needs_successor or self._disks.better(disk):
                self._leave(source_id, keeper, disk)
        elif keeper.is_done:
            del self._keepers[source_id]
            self._unwanted_s.pop(source_id, None)
            self._given_up.add(source_id)
        elif not keeper.is_held and not keeper.is_ending:
            chosen = keeper.next_disk(self._disks)
            if chosen is not None:
                keeper.begin_at(chosen)
                self._lanes[chosen].add(keeper)

    def _leave(self, source_id: int, keeper: Keeper, disk: Disk) -> None:
        """Let a source go on at another storage; its keeper stays with the run that lies in this one."""
        reason = {SLOW: "throttled", FULL: "disk_full"}.get(disk.seen_state, "storage_unusable")
        verdict = Verdict(reason, disk.problem().message, None)
        if disk.is_good and not keeper.needs_successor:
            verdict = Verdict("stopped", "recording goes back to an earlier storage", None)
        self._left.append(keeper)
        self._keepers[source_id] = keeper.leave(verdict)
        self._lanes[disk].wake()

    def _runs_of(self, source_id: int) -> set[str]:
        keepers = (*self._keepers.values(), *self._left)
        return {run for keeper in keepers if keeper.camera.source_id == source_id for run in keeper.run_ids}

    def _release(self) -> None:
        """Give back the leases of sources that nothing here has to do with any more."""
        kept = self._keepers.keys() | {keeper.camera.source_id for keeper in self._left}
        free = {number for number in self._given_up if number not in kept and not self._leftovers.is_busy(number)}
        leases.release(self._recorder_id, free)
        self._given_up.clear()

    def _beat(self) -> None:
        """Give the sign of life that the watchdog looks at; the guards give that in the storages."""
        self._beaten_s = time.monotonic()
        self._beat_due_s = self._beaten_s + LOOK_S
        (self._config.run_path / watchdog.HEARTBEAT).touch()

    def _renew(self) -> None:
        held = leases.renew(self._recorder_id)
        lost = self._keepers.keys() - held  # run out while we slept, or with a step of the clock, and perhaps free yet
        held |= leases.claim(self._recorder_id, lost) if lost else set()
        for source_id, keeper in self._keepers.items():
            if source_id not in held and not keeper.is_ending:
                self._end(keeper, "recorder_stopped", "another recorder took the source over")

    def _end(self, keeper: Keeper, reason: str, detail: str) -> None:
        keeper.end(reason, detail)
        if keeper.disk is not None:
            self._lanes[keeper.disk].wake()

    def _look(self) -> None:
        """Compare what is wanted with what is kept: begin, change and end."""
        wanted = self._wanted.read()
        self._compare(wanted)
        dead = [lane.name for lane in self._lanes.values() if not lane.is_alive()]
        if dead:  # by a fault of ours: the next recorder adopts what it had
            raise RuntimeError(f"threads of the recorder have ended: {', '.join(dead)}")
        self._leftovers.claim(self._keepers, wanted)
        fresh = wanted.keys() - self._keepers.keys()
        if not fresh:
            return
        is_patient = time.monotonic() < self._patient_until_s
        claimed = sorted(leases.claim(self._recorder_id, fresh, is_patient=is_patient))
        living = find_living(self._disks.open()) if claimed else {}
        for source_id in claimed:
            self._keepers[source_id] = self._recover(wanted[source_id], living)
        for _, process in (pair for pairs in living.values() for pair in pairs):
            process.close()

    def _compare(self, wanted: dict[int, Camera]) -> None:
        """Change and end what is kept."""
        for source_id in wanted:
            self._unwanted_s.pop(source_id, None)
        for source_id, keeper in list(self._keepers.items()):
            if source_id in wanted and not keeper.is_ending:
                keeper.change(wanted[source_id])
            elif source_id in wanted:
                self._start_again(source_id, keeper)
            elif not keeper.is_ending and self._is_unwanted_for_long(source_id):
                self._end(keeper, "stopped", "stopped as asked")

    def _start_again(self, source_id: int, keeper: Keeper) -> None:
        """Let a source that is wanted again not wait for a run that cannot be closed, since its storage fails."""
        if keeper.disk is not None and not _is_hopeful(keeper) and leases.claim(self._recorder_id, {source_id}):
            self._leave(source_id, keeper, keeper.disk)

    def _is_unwanted_for_long(self, source_id: int) -> bool:
        """Tell whether a stop has lasted: one that is followed by a start keeps the camera's connection."""
        return time.monotonic() - self._unwanted_s.setdefault(source_id, time.monotonic()) >= LINGER_S

    def _recover(self, camera: Camera, living: Living) -> Keeper:
        """Let be taken in what an earlier recorder left of a source, and its ffmpeg be adopted."""
        keeper = Keeper(self._config, camera, self._recorder_id)
        surplus = living.pop(camera.source_id, [])
        kept: set[str] = set()
        if surplus:
            disk, process = surplus.pop()
            keeper.adopt_at(disk, process)
            kept = {process.run_id}
            self._lanes[disk].add(keeper)
        self._leftovers.recover(self._disks.open(), camera.source_id, surplus, kept)
        return keeper

    def _hand_over(self) -> None:
        """Leave ffmpeg running for the next recorder; only pictures, which we feed ourselves, are ended."""
        for keeper in self._keepers.values():
            if not keeper.is_lasting:
                self._end(keeper, "recorder_stopped", "the recorder was stopped")
        self._finish(SHUTDOWN_S / 2)
        log.info("handed over %d sources", len(self._keepers))

    def _shut_down(self) -> None:
        """End every ffmpeg cleanly and the watchdog with them."""
        for keeper in self._keepers.values():
            self._end(keeper, "recorder_stopped", "the recorder was shut down")
        self._finish(SHUTDOWN_S)
        (self._config.run_path / watchdog.HEARTBEAT).unlink(missing_ok=True)
        living = find_living(self._disks)  # on a disk that hangs, or not adopted yet: the watchdog ends those
        if not living:
            watchdog.stop(self._config.run_path)
        for _, process in (pair for pairs in living.values() for pair in pairs):
            process.close()

    def _finish(self, limit_s: float) -> None:
        """Wait until the sources that are ending have ended, but for those whose storage does not work."""
        until_s = time.monotonic() + limit_s
        while time.monotonic() < until_s:
            keepers = (*self._keepers.values(), *self._left)
            if not any(keeper.is_ending and not keeper.is_done and _is_hopeful(keeper) for keeper in keepers):
                break
            self._wait(0.1)
        with contextlib.suppress(OperationalError):
            self._collect()

    def _end_threads(self) -> None:
        for disk in self._disks:
            self._guards[disk].end()
            self._lanes[disk].end()
        until_s = time.monotonic() + LANE_END_S
        for lane in self._lanes.values():
            lane.join(max(0.0, until_s - time.monotonic()))


def _is_hopeful(keeper: Keeper) -> bool:
    """Tell whether it can be expected to end soon: its storage works."""
    return keeper.disk is None or keeper.disk.is_good or not keeper.is_held or keeper.disk.seen_state == FULL
