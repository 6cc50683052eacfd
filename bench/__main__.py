"""`python -m bench [NAME ...] [--json FILE] [--write FILE]`: take the figures, all or those named, and show them.

`--write` puts the table and the machine between the two marks of a Markdown file.
"""

import argparse
import json
import os
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path

from bench import (
    access,
    activity,
    api16,
    cpu,
    downloads,
    events,
    first16,
    firstbyte,
    indexsize,
    keys,
    lists,
    longspan,
    machine,
    memory,
    mjpeg,
    packets,
    pages,
    pages_step,
    rebuild,
    recovery,
    requestdata,
    startup,
    stills,
    throughput,
    timeline,
    upload,
    whole,
)
from bench.cameras import FULL_HD, LONG, SEED, STILLS, clip_path
from bench.figures import Figure, listing, table

MEASUREMENTS: dict[str, Callable[[], list[Figure]]] = {
    "startup": startup.measure,
    "access": access.measure,
    "first16": first16.measure,
    "api16": api16.measure,
    "cpu": cpu.measure,
    "memory": memory.measure,
    "packets": packets.measure,
    "firstbyte": firstbyte.measure,
    "firstbyte24": longspan.first_byte,
    "playlist24": longspan.playlist,
    "memory50": downloads.measure,
    "whole1h": whole.measure,
    "throughput": throughput.measure,
    "requestdata": requestdata.measure,
    "indexsize": indexsize.measure,
    "timeline": timeline.measure,
    "stills": stills.measure,
    "activity": activity.measure,
    "pages": pages.measure,
    "mjpeg": mjpeg.measure,
    "events": events.measure,
    "keys": keys.measure,
    "sources100": lists.sources,
    "records100k": lists.records,
    "rebuild": rebuild.measure,
    "recovery": recovery.measure,
    "upload": upload.measure,
    "pages-step": pages_step.measure,
}
MARKS = re.compile(r"(<!-- figures -->\n).*(<!-- end of figures -->\n)", re.DOTALL)


def main(words: list[str]) -> int:
    """Run what the command line asks for; 1 when a target is missed."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="The figures of docs/benchmarks.md")
    parser.add_argument("names", nargs="*", metavar="NAME", help=" ".join(MEASUREMENTS))
    parser.add_argument("--upload-mb", type=int, help="send so many MB in `upload` instead of 2000")
    parser.add_argument("--step-s", type=int, help="play so long in `pages-step` instead of 600 s")
    parser.add_argument("--json", type=Path, help="write everything measured to this file")
    parser.add_argument("--write", type=Path, help="write machine and table into this Markdown file")
    asked = parser.parse_args(words)
    upload.SIZE_BYTES = asked.upload_mb * 10**6 if asked.upload_mb else upload.SIZE_BYTES
    pages_step.PLAY_S = asked.step_s or pages_step.PLAY_S
    unknown = set(asked.names) - MEASUREMENTS.keys()
    if unknown:
        parser.error(f"no such measurement: {', '.join(sorted(unknown))}; there are {', '.join(MEASUREMENTS)}")
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # a user's second start finds all modules compiled
    about = {**machine.describe(), "seed": str(SEED)}
    print(listing(about), flush=True)
    for clip in (FULL_HD, LONG, STILLS):
        clip_path(clip)
    figures = [figure for name in asked.names or MEASUREMENTS for figure in _taken(name)]
    print(f"\n{table(figures)}")
    if asked.json:
        asked.json.write_text(json.dumps({"machine": about, "figures": [one.to_json() for one in figures]}, indent=1))
    if asked.write:
        _write(asked.write, about, figures)
    return 0 if all(figure.is_met for figure in figures) else 1


def _taken(name: str) -> list[Figure]:
    """Take one measurement and show it."""
    begin_s = time.monotonic()
    try:
        figures = MEASUREMENTS[name]()
    except (AssertionError, OSError) as error:  # the others are still worth taking
        figures = [Figure(name, "a figure", f"could not be taken: {error}".splitlines()[0], False)]
    print(f"\n{name} (took {time.monotonic() - begin_s:.0f} s)")
    for figure in figures:
        print(f"{figure.what}: {figure.measured}\n{listing(figure.detail)}", flush=True)
    return figures


def _write(path: Path, about: dict[str, str], figures: list[Figure]) -> None:
    """Put the results between the marks."""
    told = "\n".join(f"- {name}: {value}" for name, value in about.items())
    text = path.read_text("utf-8")
    path.write_text(MARKS.sub(lambda found: f"{found[1]}\n{told}\n\n{table(figures)}\n\n{found[2]}", text), "utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
