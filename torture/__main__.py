"""`python -m torture [--seconds N] [--seed N] [--faults NAME,…]`: torture a running service, print what it cost."""

import argparse
import random
import sys
from functools import partial

from bench import machine
from bench.figures import listing
from torture import schedule
from torture.cameras import CLIPS
from torture.report import tell
from torture.rig import open_rig
from torture.run import Manner, finish, strike_at_once, strike_in_turn

DISK_BYTES_S = 400_000  # what the cameras need and as much again
LEAST_DISK_BYTES = 64_000_000
QUIET_S = (2.5, 5.0)
CLOSE_S = (0.2, 4.0)


def main(words: list[str]) -> int:
    """Run what the command line asks for; 1 when anything was lost that must not be."""
    parser = argparse.ArgumentParser(prog="python -m torture", description="Faults, and what they cost")
    parser.add_argument("--seconds", type=float, default=600, help="how long, about; each fault strikes at least once")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1_000_000))
    parser.add_argument("--least", type=int, default=1, help="how often each fault strikes at least")
    parser.add_argument("--faults", default="", help=f"with commas between: {', '.join(schedule.KINDS)}")
    parser.add_argument("--cameras", default=",".join(CLIPS), help=f"with commas between: {', '.join(CLIPS)}")
    parser.add_argument("--overlapping", action="store_true", help="several faults at once, which are not told apart")
    parser.add_argument("--no-pictures", action="store_true", help="without the picture camera")
    parser.add_argument("--log", action="store_true", help="print the service's log at the end")
    asked = parser.parse_args(words)
    names = [name.strip() for name in asked.faults.split(",") if name.strip()]
    if unknown := set(names) - schedule.KINDS.keys():
        parser.error(f"no such fault: {', '.join(sorted(unknown))}; there are {', '.join(schedule.KINDS)}")
    print(
        listing({**machine.describe(), "seed": asked.seed, "command": f"python -m torture {' '.join(words)}"}),
        flush=True,
    )
    return _torture(asked, names)


def _torture(asked: argparse.Namespace, names: list[str]) -> int:
    draw, say = random.Random(asked.seed), partial(print, flush=True)
    disk_bytes = max(LEAST_DISK_BYTES, int(DISK_BYTES_S * asked.seconds))
    with open_rig(asked.cameras.split(","), disk_bytes, has_pictures=not asked.no_pictures) as rig:
        kinds, left_out = schedule.possible(rig, names)
        for name, reason in left_out.items():
            say(f"  left out: {name}: {reason}")
        rig.start_recording()
        strike = strike_at_once if asked.overlapping else strike_in_turn
        faults = schedule.plan(rig, kinds, draw, asked.seconds, asked.least)
        struck = strike(rig, faults, draw, CLOSE_S if asked.overlapping else QUIET_S, say)
        outcome = finish(rig, struck, Manner(is_in_turn=not asked.overlapping, is_long=True), say)
        if asked.log:
            say(rig.service.read_log())
    say(f"\n{tell(outcome)}")
    return 1 if outcome.failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
