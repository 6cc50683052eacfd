"""Comments joined into one text: one after another, each with its span of the footage and the violation it names."""

from collections.abc import Iterable
from typing import NamedTuple

MOST_CHARACTERS = 1_000_000  # of a joined text; what is beyond is counted, not quoted


class Remark(NamedTuple):
    """What a joined text shows of a comment."""

    comment: str
    violation: str | None = None
    start_s: float | None = None
    end_s: float | None = None


def clock_text(at_s: float) -> str:
    """Return seconds as `mm:ss`; from an hour on as `h:mm:ss`. Parts of a second are left out."""
    minutes, seconds = divmod(int(at_s), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes:02d}:{seconds:02d}"


def span_text(start_s: float | None, end_s: float | None) -> str:
    """Return `01:05–01:10`, one of them where the other is not given or the same, empty where neither is."""
    texts = ["" if at_s is None else clock_text(at_s) for at_s in (start_s, end_s)]
    if texts[0] == texts[1] or not texts[1]:
        return texts[0]
    return "–".join(texts)


def line_of(remark: Remark) -> str:
    """Return `[01:05–01:10, Smoking] text`; without brackets where neither is given."""
    place = ", ".join(part for part in (span_text(remark.start_s, remark.end_s), remark.violation) if part)
    return f"[{place}] {remark.comment}" if place else remark.comment


def joined(remarks: Iterable[Remark], quantity: int) -> str:
    """Return all remarks, each beginning on a line of its own; of a `quantity` no more are read than there is room."""
    lines: list[str] = []
    room = MOST_CHARACTERS
    for remark in remarks:
        line = line_of(remark)
        room -= len(line) + 1
        if room < 0:
            break
        lines.append(line)
    left_out = quantity - len(lines)
    return "\n".join([*lines, f"… and {left_out} more comments"] if left_out else lines)
