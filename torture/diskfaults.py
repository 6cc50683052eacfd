"""Faults of the first storage; recording has to go on, by making room or in the second one."""

import contextlib

from torture.faults import FRAGMENT_S, RECONNECT_S, Fault
from torture.rig import Rig


class DiskFault(Fault):
    """A fault of the first disk."""

    lasts_s = (5.0, 12.0)
    short_s = 3.0
    lost_s = FRAGMENT_S
    hole_s = FRAGMENT_S + RECONNECT_S
    causes = frozenset({"disk_full", "storage_unusable", "throttled", "deleted", "starting"})
    limit = "one fragment"

    @classmethod
    def why_not(cls, rig: Rig) -> str:
        """Return why this machine cannot do it."""
        return "" if rig.has_disks else "a disk of its own needs root, to mount it"


class DiskFull(DiskFault):
    """Fills the disk as others' files may, faster than anybody can make room."""

    name = "disk full by others"

    def inject(self) -> None:
        """Write to a file until the disk refuses."""
        self._filler = self.rig.disks[0] / "of-others"
        with contextlib.suppress(OSError), self._filler.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(1 << 16))

    def undo(self) -> None:
        """Remove the file."""
        self._filler.unlink(missing_ok=True)


DISK_FAULTS: tuple[type[Fault], ...] = (DiskFull,)
