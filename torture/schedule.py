"""Which faults strike in which order: at random from a seed, each kind at least so often."""

import random
import re
import time
from collections.abc import Iterator, Sequence

from torture.camerafaults import CAMERA_FAULTS
from torture.clockfaults import CLOCK_FAULTS
from torture.diskfaults import DISK_FAULTS
from torture.faults import Fault
from torture.processfaults import PROCESS_FAULTS
from torture.rig import Rig

ALL = (*PROCESS_FAULTS, *CAMERA_FAULTS, *DISK_FAULTS, *CLOCK_FAULTS)
# By what they are called on the command line: FfmpegKill is ffmpeg-kill.
KINDS: dict[str, type[Fault]] = {re.sub(r"(?<=[a-z])(?=[A-Z])", "-", kind.__name__).lower(): kind for kind in ALL}


def possible(rig: Rig, names: Sequence[str]) -> tuple[list[type[Fault]], dict[str, str]]:
    """Return the kinds of these names (none: all) that can be done here, and why others cannot."""
    kinds = [KINDS[name] for name in names or KINDS]
    reasons = {kind.name: kind.why_not(rig) for kind in kinds}
    return [kind for kind in kinds if not reasons[kind.name]], {name: why for name, why in reasons.items() if why}


def plan(rig: Rig, kinds: Sequence[type[Fault]], draw: random.Random, seconds: float, least: int) -> Iterator[Fault]:
    """Yield faults in rounds of all kinds, each in another order, until the time is over and each had its turns."""
    until_s, rounds = time.monotonic() + seconds, 0
    while True:
        for kind in draw.sample(kinds, len(kinds)):
            if rounds >= least and time.monotonic() >= until_s:
                return
            yield kind(rig, draw)
        rounds += 1
