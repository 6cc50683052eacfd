"""What an analysis says: findings, as `POST /download/{key}/` takes them, and perhaps what it could not look at."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

SEVERITIES = ("None", "mild", "moderate", "severe")  # rising
LONGEST_QUOTATION = 300
MOST_FINDINGS = 1_000


@dataclass(frozen=True)
class Finding:
    """One finding: within a video by `start` and `end` (seconds of the footage), within a script by `page` (from 1)."""

    violation: str
    severity: str
    start: float | None = None
    end: float | None = None
    page: int | None = None
    quotation: str | None = None
    confidence: float | None = None

    def body(self) -> dict[str, Any]:
        """Return the JSON of the contract, without what is not known."""
        return {name: value for name, value in vars(self).items() if value is not None}


@dataclass
class Analysis:
    """All findings of a file in its order; `note` says what was not looked at."""

    findings: list[Finding] = field(default_factory=list)
    note: str | None = None

    def body(self) -> dict[str, Any]:
        """Return the JSON that an analysis prints: `findings`, and `note` where there is one."""
        kept, notes = bounded(self.findings), [self.note] if self.note else []
        if len(kept) < len(self.findings):
            notes.append(f"of {len(self.findings)} findings the {len(kept)} gravest ones are told")
        return {"findings": [one.body() for one in kept], **({"note": "; ".join(notes)} if notes else {})}


def bounded(found: Sequence[Finding], most: int = MOST_FINDINGS) -> list[Finding]:
    """Return at most so many findings, the gravest and surest ones, in the order in which they were."""
    if len(found) <= most:
        return list(found)
    ranked = sorted(found, key=lambda one: (-SEVERITIES.index(one.severity), -(one.confidence or 0)))
    kept = {id(one) for one in ranked[:most]}
    return [one for one in found if id(one) in kept]
