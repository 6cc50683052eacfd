"""The disks that storages lie on, as this recorder knows them: which can be recorded to now, and to which one next.

A disk's guard (app/capture/guard.py) writes what it measures, all threads read it: nobody waits for a disk to ask
whether it works. What is measured and when a state changes stands in docs/design/capture.md.
"""

import errno
import time
from collections.abc import Collection, Iterator
from pathlib import Path

from app.errors import PlaybackError, StorageFull, StorageUnusable
from instance.config import Config, StorageSettings

OK, FULL, READ_ONLY, AWAY, SLOW, FAILING = "ok", "full", "read_only", "away", "slow", "failing"
SLOW_S = 3.0  # one small write takes so long, or has not ended after it: what a camera and the kernel hold meanwhile
STEADY_S = 30.0  # so long one that was full, or away, has to be well before anything goes back to it
WAYS_OUT = {
    READ_ONLY: "it is read-only: look at the kernel's log, repair its file system and mount it writable",
    AWAY: "it is not there: mount it; its marker file is storage.id",
    FULL: "it is full and nothing on it may be evicted: free space on its disk, release pins, or delete recordings",
    FAILING: "it cannot be written: check its disk, and that the service's user owns it",
    SLOW: f"one small write takes more than {SLOW_S:.0f} s: check its disk, its network and what else writes to it",
}


def away_detail(found_id: str | None, known_id: str) -> str:
    """Return why a storage is away where this marker, or none, is in its folder."""
    if found_id is None:
        return WAYS_OUT[AWAY]
    return f"another storage is mounted there: its marker file says {found_id}, this one is {known_id}; mount that one"


def state_of(error: OSError) -> str:
    """Return the state that an error of the file system means."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return FULL
    if error.errno == errno.EROFS:
        return READ_ONLY
    if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ENOTCONN, errno.ESTALE, errno.ENODEV):
        return AWAY
    return FAILING


class Disk:
    """One storage. Its guard writes it, all threads read it; each attribute is set in one go."""

    def __init__(self, settings: StorageSettings, priority: int) -> None:
        self.settings = settings
        self.root = settings.path
        self.priority = priority
        self.is_cold = settings.cold_after_s is not None
        self.storage_id = ""  # until its marker and row are known
        self.is_settled = False  # one try to open it has ended, well or not
        self.state, self.detail = AWAY, "it was not looked at yet"
        self.total_bytes = self.free_bytes = 0
        self.is_exhausted = False  # below its reserve, and nothing can be evicted
        self.is_tight = False  # little of its room is left
        self.recovered_s = 0.0  # when it last became usable, by the monotonic clock
        self.freed_s = -STEADY_S  # when it was last full no more
        self.looking_s: float | None = None  # since when a look at it has been under way
        self.suspected = False  # an attempt found it failing: look at once

    @property
    def name(self) -> str:
        """How it is named to an operator: its folder."""
        return str(self.root)

    @property
    def is_stuck(self) -> bool:
        """Tell whether it does not answer: whoever asks it anything now waits too."""
        since_s = self.looking_s
        return since_s is not None and time.monotonic() - since_s > SLOW_S

    @property
    def seen_state(self) -> str:
        """Its state, where one that does not answer is slow."""
        return SLOW if self.is_stuck and self.state in (OK, FULL, SLOW) else self.state

    @property
    def is_good(self) -> bool:
        """Tell whether it can be recorded to."""
        return self.storage_id != "" and self.seen_state == OK

    @property
    def was_just_full(self) -> bool:
        """Tell whether it may fill again at once."""
        return time.monotonic() - self.freed_s < STEADY_S

    @property
    def has_lasted(self) -> bool:
        """Tell whether it has been well, and has had room, for a while."""
        return self.is_good and not self.is_tight and time.monotonic() - self.recovered_s >= STEADY_S

    def set_state(self, state: str, detail: str) -> None:
        """Note what the last look found."""
        if state == OK and self.state != OK:
            self.recovered_s = time.monotonic()
            self.freed_s = self.recovered_s if self.state == FULL else self.freed_s
        self.state, self.detail = state, detail

    def problem(self) -> PlaybackError:
        """Return the error that names why it is not recorded to."""
        state = self.seen_state
        kind = StorageFull if state == FULL else StorageUnusable
        told = WAYS_OUT.get(state, "a write to it failed") if self.storage_id else self.detail
        return kind(f"the storage {self.root.name!r} cannot be recorded to: {told}")


class Disks:
    """All storages in the order in which they are recorded to."""

    def __init__(self, config: Config) -> None:
        self._all = [Disk(settings, number) for number, settings in enumerate(config.storages)]

    def __iter__(self) -> Iterator[Disk]:
        return iter(self._all)

    def open(self) -> list[Disk]:
        """Return those whose marker and row are known."""
        return [disk for disk in self._all if disk.storage_id]

    def choose(self, avoided: Collection[Disk] = ()) -> Disk | None:
        """Return the one to record to: the first that works, a cold one only where no other does.

        One that was full until now is the last of its kind: it may fill again at once. A slow one is better
        than none, as long as it answers at all. `avoided` are left out.
        """
        disks = sorted((disk for disk in self.open() if disk not in avoided), key=lambda disk: disk.was_just_full)
        disks.sort(key=lambda disk: disk.is_cold)
        for disk in disks:
            if disk.is_good:
                return disk
        return next((disk for disk in disks if disk.state == SLOW and not disk.is_stuck), None)

    def better(self, disk: Disk) -> bool:
        """Tell whether what records to this one should go on at another.

        So it is also where old footage is to go, or will have to go to make room, while an earlier one has had room
        for a while. What does not work at all ends ffmpeg by itself.
        """
        if disk.seen_state in (SLOW, FULL) or disk.is_stuck:  # where what fails hangs after that nobody hears of it
            other = self.choose((disk,))
            return other is not None and other.is_good
        if not (disk.is_cold or disk.is_tight):
            return False
        return any(
            other.has_lasted and not other.is_cold
            for other in self.open()
            if other is not disk and (disk.is_cold or other.priority < disk.priority)
        )

    def has_room_beside(self, disk: Disk) -> bool:
        """Tell whether another storage can be recorded to and has room."""
        return any(other.is_good and not other.is_tight for other in self.open() if other is not disk)

    def problem(self) -> PlaybackError:
        """Return why none can be recorded to: the cause at the first."""
        return self._all[0].problem()

    def at(self, live_root: Path) -> Disk | None:
        """Return the disk with this live folder."""
        return next((disk for disk in self._all if disk.root == live_root.parent), None)
