"""The figures, as tables for a page."""

from collections import defaultdict
from collections.abc import Sequence

from torture.judge import FaultVerdict, SourceVerdict
from torture.run import Outcome

FATES = (
    "played",
    "lost",
    "evicted",
    "covered",
    "twice",
    "altered",
    "before a key frame",
    "garbage",
    "unsure",
    "in the last second",
)


def tell(outcome: Outcome) -> str:
    """Return everything: packets by their fate, faults by what they cost, and what is wrong."""
    parts = [packet_table(outcome.sources)]
    if outcome.faults:
        parts.append(fault_table(outcome.faults))
    failures = outcome.failures
    parts.append("\n".join(["Wrong:", *(f"- {text}" for text in failures)]) if failures else "Nothing is wrong.")
    return "\n\n".join(parts)


def packet_table(sources: Sequence[SourceVerdict]) -> str:
    """Return how many packets of each camera have which fate."""
    lines = [f"| packets of | sent | {' | '.join(FATES)} |", f"|---|---|{'---|' * len(FATES)}"]
    for source in sources:
        for kind in ("video", "audio", "pictures"):
            counts = source.count(kind)
            if counts:
                cells = [f"{source.name}, {kind}", str(counts.total()), *(str(counts[fate]) for fate in FATES)]
                lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def fault_table(faults: Sequence[FaultVerdict]) -> str:
    """Return what each kind of fault cost at its worst."""
    kinds: dict[str, list[FaultVerdict]] = defaultdict(list)
    for fault in faults:
        kinds[fault.struck.name].append(fault)
    lines = [
        "| fault | times | sent meanwhile | lost | footage lost, worst | without a picture, longest | lost at most "
        "| causes in the ledger | met |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, each in kinds.items():
        causes = sorted(frozenset().union(*(one.causes for one in each)))
        is_met = not any(one.wrong for one in each)
        cells = [
            name,
            str(len(each)),
            str(sum(one.sent for one in each)),
            str(sum(one.lost for one in each)),
            f"{max(one.lost_s for one in each):.2f} s",
            f"{max(one.hole_s for one in each):.2f} s",
            each[0].struck.fault.limit,
            ", ".join(f"`{cause}`" for cause in causes) or "–",
            "yes" if is_met else "**no**",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)
