"""What the analyser says to people: a comment for each violation that it found."""

from collections.abc import Sequence
from typing import Any

from .findings import SEVERITIES

MOST_COMMENTS = 20
MOST_PLACES = 3


def comments_on(findings: Sequence[dict[str, Any]], note: str | None = None) -> list[dict[str, Any]]:
    """Return a comment for each violation, the gravest first, and one for what was not looked at."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for finding in findings:
        groups.setdefault(str(finding.get("violation")), []).append(finding)
    said = [_comment(violation, found) for violation, found in groups.items()]
    said.sort(key=lambda one: -SEVERITIES.index(one["severity"]))
    if note:
        said.insert(0, {"comment": f"Not all was looked at: {note}"[:1000], "severity": "----"})
    return said[:MOST_COMMENTS]


def _comment(violation: str, found: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return one comment: how often, where first, the gravest severity; `start` and `end` of the first place."""
    severities = [one["severity"] for one in found if one.get("severity") in SEVERITIES]
    gravest = max(severities, key=SEVERITIES.index, default="None")
    places = ", ".join(_place(one) for one in found[:MOST_PLACES]) + (", …" if len(found) > MOST_PLACES else "")
    quotation = next((f" «{one['quotation'][:200]}»" for one in found if one.get("quotation")), "")
    comment = {"comment": f"{violation}: {len(found)} × ({places}){quotation}", "severity": gravest}
    spans = {name: found[0][name] for name in ("start", "end") if found[0].get(name) is not None}
    return {**comment, "violation": violation, **spans}


def _place(finding: dict[str, Any]) -> str:
    if finding.get("page") is not None:
        return f"page {finding['page']}"
    if finding.get("start") is not None:
        minutes, seconds = divmod(round(float(finding["start"]), 1), 60)
        return f"{minutes:.0f}:{seconds:04.1f}"
    return "somewhere"
