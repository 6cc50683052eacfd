"""The analysis in a process of its own: whatever a hostile file does to it, its time, memory and output are bounded."""

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

from .failures import CannotAnalyse

MOST_MEMORY_BYTES = 2 << 30
MOST_OUTPUT_BYTES, BLOCK_BYTES = 16 << 20, 1 << 16
GRACE_S = 15.0  # for what does not look at the clock by itself
STARTER = Path(__file__).with_name("analyse.py")


def analyse_apart(path: Path, budget_s: float, command: Sequence[str] = ()) -> dict[str, Any]:
    """Run the own analysis, or a command with the path behind it, and return the JSON object that it prints.

    Raises CannotAnalyse where it takes too long, dies, or prints no result.
    """
    own = [sys.executable, str(STARTER), "--seconds", f"{budget_s:g}", "--print"]
    status, text = _output([*(command or own), str(path)], budget_s + GRACE_S)
    result = _result(text)
    if status and (result is None or not result.get("error")):
        raise CannotAnalyse(f"the analysis ended with {_word(status)}")
    if result is None:
        raise CannotAnalyse('the analysis printed no JSON object with a list of "findings"')
    return result


def _result(text: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(text)
        return dict(found) if isinstance(found["findings"], list) else None
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _output(command: Sequence[str], limit_s: float) -> tuple[int, bytes]:
    """Return a command's status and what it prints; it and what it has started in its session end with the time."""
    try:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, start_new_session=True, env=_environment()
        )
    except OSError as error:
        raise CannotAnalyse(f"the analysis cannot be started: {error.strerror}") from None
    ends_s = time.monotonic() + limit_s
    timer = threading.Timer(limit_s, _kill, [process])
    timer.start()
    assert process.stdout
    try:
        data = _read(process.stdout, ends_s)
        if len(data) > MOST_OUTPUT_BYTES:
            raise CannotAnalyse(f"the analysis printed more than {MOST_OUTPUT_BYTES} bytes")
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # not reaped: its group's number stays its own
    finally:
        timer.cancel()
        _kill(process)
        status = process.wait()
        process.stdout.close()
    if time.monotonic() >= ends_s:
        raise CannotAnalyse(f"the analysis took more than {limit_s:.0f} s")
    return status, data


def _read(pipe: IO[bytes], ends_s: float) -> bytes:
    """Return what comes until an instant: a daemon that a command left may hold the other end for ever."""
    poll, data = select.poll(), bytearray()
    poll.register(pipe, select.POLLIN)
    while len(data) <= MOST_OUTPUT_BYTES and (left_s := ends_s - time.monotonic()) > 0:
        if poll.poll(left_s * 1000):
            block = os.read(pipe.fileno(), BLOCK_BYTES)
            if not block:
                break
            data += block
    return bytes(data)


def bound_memory(most_bytes: int = MOST_MEMORY_BYTES) -> None:
    """Let this process ask in vain for more memory than that."""
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (most_bytes, most_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _kill(process: "subprocess.Popen[bytes]") -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _environment() -> dict[str, str]:
    """Return the environment without what only this program is to know."""
    return {name: value for name, value in os.environ.items() if name not in ("ANALYSER_TOKEN", "ANALYSER_SECRET")}


def _word(status: int) -> str:
    if status < 0:
        with contextlib.suppress(ValueError):
            return f"signal {signal.Signals(-status).name}"
    return f"status {status}"
