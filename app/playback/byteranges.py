"""Which bytes a request asks for (RFC 9110 §14)."""

import re
from dataclasses import dataclass
from itertools import pairwise

MAX_RANGES = 16
BEYOND_BYTES = 10**18  # stands for every larger number: no body is as long
ONE = re.compile(r"([0-9]+)?-([0-9]+)?")


class Unsatisfiable(Exception):
    """No range of the header lies within the body: 416."""


@dataclass(frozen=True, slots=True)
class ByteRange:
    """[begin, end) of a body."""

    begin: int
    end: int

    @property
    def size_bytes(self) -> int:
        """Number of bytes."""
        return self.end - self.begin


def parse_ranges(header: str | None, size_bytes: int, *, is_unit_optional: bool = False) -> list[ByteRange]:
    """Return the ranges of a Range header within a body of this size; [] for the whole body.

    A header of the wrong form is ignored, and so are more than 16 ranges, or overlapping ones, which cost more than
    they are worth. With `is_unit_optional` also `0-499` is read, as `bytes=0-499`. Raises Unsatisfiable when none of
    the ranges lies within the body.
    """
    header = header or ""
    if is_unit_optional and "=" not in header:
        header = f"bytes={header}"
    unit, sign, text = header.partition("=")
    if not sign or unit.lower() != "bytes":
        return []
    items = [item.strip(" \t") for item in text.split(",")]  # only these may stand there (§5.6.1, §5.6.3)
    matches = [ONE.fullmatch(item) for item in items if item]
    if not matches or any(match is None or _is_reversed(match) for match in matches):
        return []
    found = [_clipped(match, size_bytes) for match in matches if match is not None]
    ranges = [item for item in found if item is not None]
    if not ranges:
        raise Unsatisfiable
    ordered = sorted(ranges, key=lambda item: item.begin)
    overlap = any(before.end > after.begin for before, after in pairwise(ordered))
    return [] if overlap or len(ranges) > MAX_RANGES else ranges


def _is_reversed(match: re.Match[str]) -> bool:
    """Tell whether a range has neither end, or ends before it begins."""
    first, last = match[1], match[2]
    if first is None or last is None:
        return first is None and last is None
    return _order(last) < _order(first)


def _order(digits: str) -> tuple[int, str]:
    """Return what sorts numbers of any length: `int` refuses more than 4300 digits."""
    significant = digits.lstrip("0")
    return len(significant), significant


def _number(digits: str) -> int:
    """Return a number of bytes, at most BEYOND_BYTES."""
    length, significant = _order(digits)
    return int(significant or "0") if length <= 18 else BEYOND_BYTES


def _clipped(match: re.Match[str], size_bytes: int) -> ByteRange | None:
    """Return a range as far as it lies within the body, or None."""
    if match[1] is None:
        length = min(_number(match[2]), size_bytes)
        return ByteRange(size_bytes - length, size_bytes) if length else None
    begin = _number(match[1])
    end = size_bytes if match[2] is None else min(_number(match[2]) + 1, size_bytes)
    return ByteRange(begin, end) if begin < size_bytes else None
