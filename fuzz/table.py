"""The table of what was fuzzed, as docs/fuzzing.md shows it."""

import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

MARKS = re.compile(r"(<!-- fuzzed -->\n).*(<!-- end of fuzzed -->\n)", re.DOTALL)
Result = dict[str, Any]
NOTHING: Result = {"executions": 0, "seconds": 0.0, "cpu_s": 0.0, "slowest_s": 0.0, "grown_kb": 0, "faults": {}}
HEADER = "| target | inputs | seconds | of CPU | slowest, s of CPU | grown by, MiB | kinds of faults found |"


def line(name: str, found: Result) -> str:
    """Return one run on one line."""
    return (
        f"{name}: {found['executions']:,} inputs in {found['seconds']:.0f} s ({found['cpu_s']:.0f} s of CPU), the "
        f"slowest {found['slowest_s']} s, grown by {found['grown_kb'] >> 10} MiB, {len(found['faults'])} faults"
    )


def text(results: Mapping[str, Sequence[Result]]) -> str:
    """Return all runs as a table, one row a target."""
    sums = {f"`{name}`": _sum(runs) for name, runs in results.items()}
    sums[f"all {len(results)}"] = _sum(sums.values())
    rows = [
        f"| {name} | {one['executions']:,} | {one['seconds']:,.0f} | {one['cpu_s']:,.0f} | {one['slowest_s']:.2f} | "
        f"{one['grown_kb'] >> 10} | {len(one['faults'])} |"
        for name, one in sums.items()
    ]
    runs = [one for of_target in results.values() for one in of_target]
    engines, seeds = ({str(one[name]) for one in runs} for name in ("engine", "seed"))
    told = f"Engine: {', '.join(sorted(engines))}. Seeds: {', '.join(sorted(seeds))}."
    return "\n".join([HEADER, "|---" * 7 + "|", *rows, "", told])


def _sum(runs: Collection[Result]) -> Result:
    """Return several runs as one: counts and times added up, of the slowest and the largest the most."""
    found = {name: sum(one[name] for one in runs) for name in ("executions", "seconds", "cpu_s")}
    found |= {name: max(one[name] for one in runs) for name in ("slowest_s", "grown_kb")}
    return {**found, "faults": {key: value for one in runs for key, value in one["faults"].items()}}


def write(path: Path, results: Mapping[str, Sequence[Result]]) -> None:
    """Put the table between the marks of a Markdown file."""
    told = text(results)
    path.write_text(MARKS.sub(lambda found: f"{found[1]}\n{told}\n\n{found[2]}", path.read_text("utf-8")), "utf-8")
