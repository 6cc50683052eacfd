"""The inputs that are kept: one archive a target under fuzz/corpus, the same bytes for the same inputs.

An input is named by its SHA-256. What is kept of a run are as few inputs as reach every branch of app/ that the run
reached, the shortest first; and each input that once was a fault, whose name begins with `was-`.
"""

import hashlib
import sys
import zipfile
from collections.abc import Callable, Iterable, Mapping
from types import CodeType, FrameType
from typing import Any

from fuzz.target import ROOT, Target, judge

FOLDER = ROOT / "fuzz" / "corpus"
MOST_BYTES = 1_000_000  # of all archives
WAS = "was-"
DATED = (2026, 1, 1, 0, 0, 0)
Branch = tuple[CodeType, int, int]


def read(name: str) -> dict[str, bytes]:
    """Return the inputs of a target by name; none where nothing is kept yet."""
    path = FOLDER / f"{name}.zip"
    if not path.exists():
        return {}
    with zipfile.ZipFile(path) as archive:
        return {item: archive.read(item) for item in archive.namelist()}


def write(name: str, inputs: Mapping[str, bytes]) -> None:
    """Keep these inputs of a target, and no others."""
    FOLDER.mkdir(exist_ok=True)
    with zipfile.ZipFile(FOLDER / f"{name}.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for item, data in sorted(inputs.items()):
            archive.writestr(zipfile.ZipInfo(item, DATED), data, zipfile.ZIP_DEFLATED)


def named(data: bytes) -> str:
    """Return the name of an input."""
    return hashlib.sha256(data).hexdigest()[:16]


def minimised(target: Target, inputs: Iterable[bytes]) -> dict[str, bytes]:
    """Return as few of the inputs as reach every branch that all of them reach."""
    kept: dict[str, bytes] = {}
    known: set[Branch] = set()
    for data in sorted(set(inputs), key=lambda one: (len(one), one)):
        reached = branches(target, data)
        if reached - known:
            known |= reached
            kept[named(data)] = data
    return kept


def branches(target: Target, data: bytes) -> set[Branch]:
    """Return the steps from line to line within app/ that an input takes."""
    found: set[Branch] = set()
    last: dict[FrameType, int] = {}

    def within(frame: FrameType, event: str, _: object) -> Any:
        if event == "line":
            found.add((frame.f_code, last.get(frame, 0), frame.f_lineno))
            last[frame] = frame.f_lineno
        elif event == "return":
            last.pop(frame, None)
        return within

    def called(frame: FrameType, event: str, _: object) -> Any:
        return within if "/app/" in frame.f_code.co_filename else None

    sys.settrace(called)
    try:
        judge(target, data)
    finally:
        sys.settrace(None)
    return found


def shortened(data: bytes, is_kept: Callable[[bytes], bool]) -> bytes:
    """Return the input with all left out, piece by piece, that is not needed for `is_kept`."""
    size = len(data) // 2
    while size:
        at = 0
        while at < len(data):
            shorter = data[:at] + data[at + size :]
            data, at = (shorter, at) if is_kept(shorter) else (data, at + size)
        size //= 2
    return data


def shortened_fault(target: Target, data: bytes) -> bytes:
    """Return the shortest input found that is at fault for the same cause; as it is where nothing is wrong with it."""
    fault = judge(target, data)
    if fault is None:
        return data

    def is_same(shorter: bytes) -> bool:
        found = judge(target, shorter)
        return found is not None and found.key == fault.key

    return shortened(data, is_same)


def all_bytes() -> int:
    """Return how large the kept archives are together."""
    return sum(path.stat().st_size for path in FOLDER.glob("*.zip"))
