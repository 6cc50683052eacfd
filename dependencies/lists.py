"""The lists of what is installed, and the list of what is known to be wrong with it, as they stand in files."""

import datetime
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
LOCKED = FOLDER.parent / "requirement.txt"
LISTS = (LOCKED, *(FOLDER / f"{name}.txt" for name in ("build", "fuzz", "lock")))
PIN = re.compile(r"(?P<name>[a-z0-9-]+)(?:\[[a-z0-9,-]+\])?==(?P<version>[\w.]+)(?: ; [^\\]+)?(?: \\)?")


@dataclass(frozen=True, slots=True)
class Known:
    """What advisories.toml says: why no version below one may be installed, and which advisories are accepted."""

    looked_at: datetime.date
    below: Mapping[str, tuple[str, str]]
    accepted: Mapping[str, datetime.date]
    none_known: frozenset[str]

    def faults(self, pins: Mapping[str, str]) -> list[str]:
        """Return a line for each pin that is known to be bad."""
        return [
            f"{name} {pins[name]} is below {least}: {why}"
            for name, (least, why) in self.below.items()
            if name in pins and order(pins[name]) < order(least)
        ]

    def run_out(self, today: datetime.date) -> list[tuple[str, datetime.date]]:
        """Return what was accepted for a time that is over."""
        return [(name, until) for name, until in self.accepted.items() if until < today]


def read_known(path: Path = FOLDER / "advisories.toml") -> Known:
    """Return the committed list."""
    told = tomllib.loads(path.read_text("utf-8"))
    return Known(
        told["looked_at"],
        {name: (one["version"], one["why"]) for name, one in told["below"].items()},
        {one["id"]: one["until"] for one in told.get("accepted", ())},
        frozenset(told["none_known"]["names"]),
    )


def pins(path: Path) -> dict[str, str]:
    """Return the version of each name in a list. Raises ValueError for a line that pins nothing."""
    found = {}
    for line in path.read_text("utf-8").splitlines():
        if not line or line.startswith((" ", "#")):
            continue
        match = PIN.fullmatch(line)
        if match is None:
            raise ValueError(f"{path.name}: {line!r} is not pinned")
        found[match["name"]] = match["version"]
    return found


def order(version: str) -> tuple[int, ...]:
    """Return what sorts released versions: their numbers, without zeros at the end."""
    numbers = [int(part) for part in re.findall(r"[0-9]+", version)]
    while numbers and not numbers[-1]:
        numbers.pop()
    return tuple(numbers)
