"""Nothing but schedules depends on the zone of the machine: neither paths nor answers nor log lines."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from tests.service import ROOT

ZONES = ["Europe/Berlin", "America/Sao_Paulo", "Asia/Kolkata"]
# Around the begin and the end of summer time in Berlin, and what was the last in Sao Paulo; an hour in steps of 10 min.
CHANGES = [(2026, 3, 29, 1), (2026, 10, 25, 1), (2018, 11, 4, 3), (2019, 2, 17, 2)]
SCRIPT = """
import json, logging, sys, time
from pathlib import Path
from app.archive import places
from app.logs import UtcFormatter
from app.personalulti import utc_text
from app.playback.asked import RangeParameters

told = [time.localtime(1_792_890_000).tm_hour]
for instant_us in json.loads(sys.argv[1]):
    record = logging.LogRecord("a", 20, "b", 1, "c", None, None)
    record.created = instant_us / 1e6
    text = utc_text(instant_us)
    told.append([
        text, RangeParameters(start=text).start, UtcFormatter("%(asctime)s").format(record)[:19],
        str(places.closed_path(Path("/"), 1, instant_us, "x")), str(places.index_path(Path("/"), 1, instant_us)),
    ])
print(json.dumps(told))
"""


def told_in(zone: str, instants: list[int]) -> list[list[object]]:
    """Return what a process in a zone makes of instants; skip where the machine does not know the zone."""
    command = [sys.executable, "-c", SCRIPT, json.dumps(instants)]
    environment = {**os.environ, "TZ": zone, "PYTHONPATH": str(ROOT)}
    found = subprocess.run(command, env=environment, check=True, capture_output=True, text=True, cwd=ROOT)
    hour, *told = json.loads(found.stdout)
    if hour == 1 and zone != "UTC":
        pytest.skip(f"this machine does not know the zone {zone} (apt-get install tzdata)")
    return told


def test_instants_are_written_and_read_the_same_in_every_zone() -> None:
    middles = [round(datetime(*change, tzinfo=UTC).timestamp()) for change in CHANGES]
    instants = [(middle + minutes * 60) * 1_000_000 for middle in middles for minutes in range(-70, 80, 10)]
    wanted = told_in("UTC", instants)
    assert [row[1] for row in wanted] == instants
    assert len({row[0] for row in wanted}) == len(instants)
    for zone in ZONES:
        assert told_in(zone, instants) == wanted
