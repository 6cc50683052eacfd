"""Asking the app in this process, without a server: `python -m bench.asking PATH PART` does it in a fresh one."""

import json
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from flask import Flask
from werkzeug.test import EnvironBuilder

from app import create_app
from instance.config import load_config
from tests.service import Service


@dataclass(frozen=True, slots=True)
class Answer:
    """What the app gave: the seconds until the first bytes of the body and until all that was taken of it.

    The CPU seconds of this thread tell how long it would take where nobody else wants the cores.
    """

    status: int
    headers: dict[str, str]
    body: bytes
    first_s: float
    whole_s: float
    cpu_s: float


def ask(app: Flask, path: str, *, is_whole: bool, **headers: str) -> Answer:
    """Call the WSGI app; take its whole body, or the first bytes of it."""
    told: list[Any] = []

    def start_response(status: str, given: list[tuple[str, str]], _error: object = None) -> Callable[[bytes], object]:
        told[:] = [status, given]
        return told.append

    environ = EnvironBuilder(path=path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    asked = environ.get_environ()
    begin_s, begin_cpu_s = time.perf_counter(), time.thread_time()
    chunks: Iterable[bytes] = app(asked, start_response)
    waiting = iter(chunks)
    taken = [next((chunk for chunk in waiting if chunk), b"")]
    first_s = time.perf_counter() - begin_s
    if is_whole:
        taken += waiting
    whole_s, cpu_s = time.perf_counter() - begin_s, time.thread_time() - begin_cpu_s
    if hasattr(chunks, "close"):
        chunks.close()
    status, given = told[:2]
    return Answer(int(status.split()[0]), dict(given), b"".join(taken), first_s, whole_s, cpu_s)


def cold_ms(service: Service, path: str, *, is_whole: bool) -> list[float]:
    """Return the milliseconds of the first two answers of a fresh process."""
    done = service.run("-m", "bench.asking", path, "whole" if is_whole else "first")
    assert done.returncode == 0, done.stderr
    times: list[float] = json.loads(done.stdout)
    return times


def main(path: str, part: str) -> None:
    """Print the milliseconds of two equal requests to the instance that the environment names, as JSON."""
    app = create_app(load_config())
    is_whole = part == "whole"
    answers = [ask(app, path, is_whole=is_whole, Accept_Encoding="gzip") for _ in range(2)]
    assert all(answer.status == 200 for answer in answers), answers[0].body[:500]
    print(json.dumps([(answer.whole_s if is_whole else answer.first_s) * 1000 for answer in answers]))


if __name__ == "__main__":
    main(*sys.argv[1:])
