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
WAYS_OUT = {
    READ_ONLY: "it is read-only: look at the kernel's log, repair its file system and mount it writable",
    AWAY: "it is not there: mount it; its marker file is storage.id",
    FULL: "it is full and nothing on it may be evicted: free space on its disk, release pins, or delete recordings",
    FAILING: "it cannot be written: check its disk, and that the service's user owns it",
    SLOW: f"one small write takes more than {SLOW_S:.0f} s: check its disk, its network and what else writes to it",
}


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
        self.recovered_s = 0.0  # when it last became usable, by the monotonic clock
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

    def set_state(self, state: str, detail: str) -> None:
        """Note what the last look found."""
        if state == OK and self.state != OK:
            self.recovered_s = time.monotonic()
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

        A slow one is better than none, as long as it answers at all. `avoided` are left out.
        """
        disks = sorted((disk for disk in self.open() if disk not in avoided), key=lambda disk: disk.is_cold)
        for disk in disks:
            if disk.is_good:
                return disk
        return next((disk for disk in disks if disk.state == SLOW and not disk.is_stuck), None)

    def better(self, disk: Disk) -> bool:
        """Tell whether what records to this one should go on at another."""
        if disk.seen_state not in (SLOW, FULL) and not disk.is_stuck:
            return False  # what fails at once ends ffmpeg by itself; where it hangs after that nobody hears of it
        other = self.choose((disk,))
        return other is not None and other.is_good

    def problem(self) -> PlaybackError:
        """Return why none can be recorded to: the cause at the first."""
        return self._all[0].problem()

    def at(self, live_root: Path) -> Disk | None:
        """Return the disk with this live folder."""
        return next((disk for disk in self._all if disk.root == live_root.parent), None)
