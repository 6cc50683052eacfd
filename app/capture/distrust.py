"""Storages that a source does not try again now, since they failed under it."""

import time
from collections.abc import Iterable

from app.capture.disks import Disk

FIRST_S, LONGEST_S = 0.5, 30.0


class Distrust:
    """For each storage how long: 0.5 s doubling to 30 s, cut short when the storage is seen to be well again."""

    def __init__(self) -> None:
        self._failed: dict[Disk, tuple[float, float]] = {}  # when (monotonic), and for how long

    def add(self, disk: Disk) -> None:
        """Note that a storage has failed now."""
        _, length_s = self._failed.get(disk, (0.0, 0.0))
        self._failed[disk] = (time.monotonic(), min(LONGEST_S, length_s * 2 or FIRST_S))

    def forget(self, disk: Disk | None) -> None:
        """Note that a storage takes footage."""
        if self._failed and disk is not None:
            self._failed.pop(disk, None)

    def of(self, disks: Iterable[Disk]) -> set[Disk]:
        """Return those of the storages that are not to be tried now."""
        return {disk for disk in disks if self._is_on(disk)}

    def _is_on(self, disk: Disk) -> bool:
        since_s, length_s = self._failed.get(disk, (0.0, 0.0))
        return time.monotonic() < since_s + length_s and disk.recovered_s <= since_s

    def copy(self) -> "Distrust":
        """Return the same for another keeper of the source."""
        fresh = Distrust()
        fresh._failed = dict(self._failed)
        return fresh
