"""`python -m dependencies`: is anything that we install known to be bad? A part of `make lint`.

Our own list is always compared. Then an advisory service is asked, by pip-audit, if one answers: first about a release
whose faults everybody knows. pip-audit says "no known vulnerabilities" of packages that it could not ask about, so only
a service that knows those is believed. PLAYBACK_ADVISORIES is the address of another service that speaks OSV's API.
"""

import datetime
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dependencies.lists import LISTS, LOCKED, Known, pins, read_known

KNOWN_BAD = "jinja2==2.4.1"  # of 2010
CANARY_S, ALL_S = 20.0, 180.0
SERVICE = "PLAYBACK_ADVISORIES"


def main(lists: Sequence[Path] = LISTS) -> int:
    """Compare and ask; 1 when something is known to be bad."""
    known = read_known()
    bad = [f"{path.name}: {fault}" for path in lists for fault in known.faults(pins(path))]
    today = datetime.datetime.now(datetime.UTC).date()
    bad += [f"advisories.toml: {name} was accepted until {until}" for name, until in known.run_out(today)]
    is_fine = not bad
    asked = ask(LOCKED, known)
    for line in bad + (asked or []):
        print(line, file=sys.stderr)
    told = "NOT CHECKED by an advisory service: none could be reached, or it does not know them all"
    if asked is not None:
        told = f"an advisory service names {len(asked) or 'none'}"
    print(f"dependencies: our list of {known.looked_at} forbids {'none' if is_fine else 'some'}; {told}")
    return int(not is_fine or bool(asked))


def ask(path: Path, known: Known) -> list[str] | None:
    """Return a line for each advisory about what a list names; None where no service can tell."""
    with tempfile.TemporaryDirectory() as folder:
        canary = Path(folder) / "canary.txt"
        canary.write_text(KNOWN_BAD)
        if not _advisories(_audit(canary, folder, "--no-deps", wait_s=CANARY_S)):
            return None
        answer = _audit(path, folder, "--require-hashes", wait_s=ALL_S)
    found = [line for name, line in _advisories(answer) if name not in known.accepted]
    is_whole = bool(answer) and not any("skip_reason" in one for one in answer or ())
    return found if found or is_whole else None


def _audit(path: Path, cache: str, *options: str, wait_s: float) -> list[dict[str, Any]] | None:
    """Return what pip-audit says of each name in a list; None where it says nothing in time."""
    service = os.environ.get(SERVICE)
    command = [
        *(sys.executable, "-m", "pip_audit", "--requirement", str(path), "--disable-pip", "--format", "json"),
        *("--progress-spinner", "off", "--timeout", "5", "--cache-dir", cache, *options),
        *(("--vulnerability-service", "osv", "--osv-url", service) if service else ()),
    ]
    try:
        ran = subprocess.run(command, capture_output=True, text=True, timeout=wait_s, check=False)
        found: list[dict[str, Any]] = json.loads(ran.stdout)["dependencies"]
    except (subprocess.TimeoutExpired, ValueError, KeyError):
        return None
    return found


def _advisories(answer: list[dict[str, Any]] | None) -> list[tuple[str, str]]:
    """Return the id of each advisory, and a line that says what to do."""
    return [
        (fault["id"], f"{one['name']} {one['version']}: {fault['id']}, put right in {', '.join(fault['fix_versions'])}")
        for one in answer or ()
        for fault in one.get("vulns", ())
    ]


if __name__ == "__main__":
    sys.exit(main())
