"""How long a later `make run` takes until `/readyz` says yes, and what the time goes into."""

import http.client
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.figures import Figure, median
from tests.service import ROOT, Service

RUNS = 3
LIMIT_S = 3.0


def measure() -> list[Figure]:
    """Start an instance that has been started before, three times."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        service = Service(Path(folder))
        _start(service)  # makes the database
        runs = [_start(service) for _ in range(RUNS)]
        import_ms = _slowest_imports(service)
    ready_s = [run["ready_s"] for run in runs]
    detail = {
        "ready_s": ready_s,
        "accepting_s": [run["accepting_s"] for run in runs],
        "import_ms": import_ms,
    }
    shown = f"{median(ready_s):.2f} s (of {RUNS}: {min(ready_s):.2f}–{max(ready_s):.2f})"
    return [Figure("a later `make run` until `/readyz` is 200", "< 3 s", shown, median(ready_s) < LIMIT_S, detail)]


def _start(service: Service) -> dict[str, float]:
    """Run `make run` until it is ready, then end it as Ctrl-C in a terminal does."""
    begin_s = time.monotonic()
    with service.log.open("ab") as log:
        process = subprocess.Popen(
            ["make", "--silent", "run"],
            cwd=ROOT,
            env=service.environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        accepting_s = _wait_for_status(service.port, "/healthz", process) - begin_s
        ready_s = _wait_for_status(service.port, "/readyz", process) - begin_s
    finally:
        os.killpg(process.pid, signal.SIGINT)
        process.wait(40)
        service.end_leftovers()
    return {"accepting_s": accepting_s, "ready_s": ready_s}


def _wait_for_status(port: int, path: str, process: "subprocess.Popen[bytes]") -> float:
    """Return the moment (monotonic) at which the address first answers 200."""
    until_s = time.monotonic() + 60
    while time.monotonic() < until_s and process.poll() is None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", path)
            if connection.getresponse().status == 200:
                return time.monotonic()
        except OSError:
            pass
        finally:
            connection.close()
        time.sleep(0.01)
    raise TimeoutError(f"{path} was never 200")


def _slowest_imports(service: Service) -> dict[str, float]:
    """Return what the web process imports, by package, in milliseconds of `python -X importtime`."""
    done = service.run("-X", "importtime", "-c", "import run; run.app")
    own: dict[str, float] = {}
    for match in re.finditer(r"import time:\s*(\d+) \|\s*\d+ \| *(\S+)", done.stderr):
        package = match[2].partition(".")[0]
        package = package if package not in sys.stdlib_module_names else "standard library"
        own[package] = own.get(package, 0.0) + int(match[1]) / 1000
    slowest = sorted(own.items(), key=lambda item: -item[1])[:10]
    return {"all": sum(own.values()), **dict(slowest)}
