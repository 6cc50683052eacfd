"""What a measurement comes to: a figure with its target, and the tables that they are shown in."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table. `detail` holds every number behind it, its units in the names."""

    what: str
    target: str
    measured: str
    is_met: bool
    detail: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the figure as plain values."""
        return asdict(self)


def median(values: Iterable[float]) -> float:
    """Return the middle of the values."""
    return statistics.median(values)


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the least value that at least so many percent of the values do not exceed (nearest rank)."""
    ordered = sorted(values)
    rank = -(-len(ordered) * percent // 100)
    return ordered[max(0, int(rank) - 1)]


def table(figures: Iterable[Figure]) -> str:
    """Return the figures as a Markdown table."""
    lines = ["| what | target | measured | met |", "|---|---|---|---|"]
    lines += [
        f"| {one.what} | {one.target} | {one.measured} | {'yes' if one.is_met else '**no**'} |" for one in figures
    ]
    return "\n".join(lines)


def listing(detail: dict[str, Any]) -> str:
    """Return the numbers behind a figure, one a line."""
    return "\n".join(f"  {name}: {_shown(value)}" for name, value in detail.items())


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1000 else f"{value:.0f}"
    if isinstance(value, list | tuple):
        return ", ".join(_shown(item) for item in value)
    if isinstance(value, dict):
        return ", ".join(f"{name} {_shown(item)}" for name, item in value.items())
    return str(value)
