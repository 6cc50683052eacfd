"""What a fault is: how it is done and undone, how long it lasts, and how much footage it may cost."""

import random
import time
from dataclasses import dataclass
from typing import ClassVar

from torture.cameras import FPS, GOP_S, Camera
from torture.rig import Rig

# One fragment, the two pictures that ffmpeg holds back, and what is on its way to it.
FRAGMENT_S = GOP_S + 2 / FPS + 0.33
RECONNECT_S = 2.0
NONE: frozenset[str] = frozenset()


class Fault:
    """One kind of fault. A new one is made for each time that it strikes.

    `lost_s` is how much of what a camera sent may be lost, `hole_s` how long there may be no picture, in which the
    fault's own length counts where the camera gives nothing meanwhile (`is_outage`). `causes` are the words of the
    ledger that tell of this fault.
    """

    name: ClassVar[str] = ""
    lasts_s: ClassVar[tuple[float, float]] = (0.0, 0.0)
    short_s: ClassVar[float] = 0.0  # in the short form
    lost_s: ClassVar[float] = 0.0
    hole_s: ClassVar[float] = 0.0
    is_outage: ClassVar[bool] = False
    is_of_one_camera: ClassVar[bool] = False
    causes: ClassVar[frozenset[str]] = NONE
    limit: ClassVar[str] = "none"
    evicts: ClassVar[bool] = False  # makes the recorder delete the oldest footage, to go on

    def __init__(self, rig: Rig, draw: random.Random, *, is_short: bool = False) -> None:
        self.rig, self.draw = rig, draw
        self.camera: Camera = draw.choice(rig.cameras)
        length_s = draw.uniform(*self.lasts_s)
        self.length_s = min(length_s, self.short_s) if is_short else length_s

    @classmethod
    def why_not(cls, rig: Rig) -> str:
        """Return why this machine cannot do it, empty where it can."""
        return ""

    def inject(self) -> None:
        """Do it."""

    def undo(self) -> None:
        """Take it back."""

    def strike(self) -> "Struck":
        """Do it, let it last, and take it back; return what was done when."""
        struck = Struck(self, time.time())
        self.inject()
        try:
            time.sleep(self.length_s)
        finally:
            self.undo()
            struck.undone_s = time.time()
        return struck


@dataclass
class Struck:
    """A fault that struck, in this machine's Unix time; settled when all cameras are recorded again."""

    fault: Fault
    begin_s: float
    undone_s: float = 0.0
    settled_s: float = 0.0
    trouble: str = ""

    @property
    def name(self) -> str:
        """The name of the fault."""
        return self.fault.name

    @property
    def longest_hole_s(self) -> float:
        """How long there may be no picture."""
        outage_s = self.undone_s - self.begin_s if self.fault.is_outage else 0.0
        return outage_s + self.fault.hole_s
