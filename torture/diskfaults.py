"""Faults of the first storage; recording has to go on, by making room or in the second one."""

import contextlib
from typing import ClassVar

from torture.faults import FRAGMENT_S, RECONNECT_S, Fault
from torture.rig import Rig

NOTICED_S = 3.0  # a small write that takes longer tells of a disk that hangs


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
    evicts = True

    def inject(self) -> None:
        """Write to a file until the disk refuses."""
        self._filler = self.rig.disks[0] / "of-others"
        with contextlib.suppress(OSError), self._filler.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(1 << 16))

    def undo(self) -> None:
        """Remove the file."""
        self._filler.unlink(missing_ok=True)


class FailingDisk(DiskFault):
    """Lets calls on files of the disk fail, for every process of the service and for ffmpeg."""

    fails: ClassVar[str] = ""

    @classmethod
    def why_not(cls, rig: Rig) -> str:
        """Return why this machine cannot do it."""
        return "" if rig.faulty is not None else "a disk that fails needs a C compiler (gcc)"

    def inject(self) -> None:
        """Let them fail."""
        assert self.rig.faulty is not None  # why_not was asked
        self.rig.faulty.fail(self.fails)

    def undo(self) -> None:
        """Let them work again."""
        assert self.rig.faulty is not None
        self.rig.faulty.heal()


class DiskReadOnly(FailingDisk):
    """Turns the disk read-only under the open files, as the kernel does after an error."""

    name = "disk turns read-only"
    fails = "write,sync,name EROFS"


class DiskErrors(FailingDisk):
    """Lets every write fail."""

    name = "disk returns errors (EIO)"
    fails = "write,sync,name EIO"


class DiskAway(FailingDisk):
    """Takes the disk away: nothing of it can be read, written or found."""

    name = "disk away"
    fails = "all EIO"


class DiskSlow(FailingDisk):
    """Lets each write and sync take long."""

    name = "disk slow"
    fails = "write,sync sleep 0.7"
    limit = "one fragment; what ffmpeg holds back is written later"


class DiskHangs(FailingDisk):
    """Lets every call wait until the disk is well again, as a network share does."""

    name = "disk hangs"
    lasts_s = (6.0, 12.0)
    fails = "all hang"
    # What was given to a disk that takes it and writes nothing is lost until that is noticed.
    lost_s = NOTICED_S + FRAGMENT_S
    hole_s = NOTICED_S + FRAGMENT_S + RECONNECT_S
    limit = "3 s until it is noticed + one fragment"


DISK_FAULTS: tuple[type[Fault], ...] = (DiskFull, DiskReadOnly, DiskErrors, DiskAway, DiskSlow, DiskHangs)
