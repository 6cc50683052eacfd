"""Server-Sent Events (HTML standard §9.2) over requests: parsing, and a stream that reconnects where it stopped."""

import random
import time
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import requests

from .failures import NoResult, ServerAway
from .service import CONNECT_S, Service, check, named

SILENCE_S = 50.0  # three heartbeats: a connection that says nothing for so long is dead
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 30.0
LONGEST_LINE_BYTES = 1 << 20


class Event(NamedTuple):
    """One event; `retry_ms` and no data: the server's wish how soon to come back."""

    id: str | None = None
    name: str = "message"
    data: str = ""
    retry_ms: int | None = None


def lines_of(chunks: Iterable[bytes]) -> Iterator[str]:
    """Yield the lines of a stream: they end with CR LF, LF or CR. Raises ServerAway where one is endless."""
    rest, is_after_cr = b"", False
    for chunk in chunks:
        if is_after_cr and chunk.startswith(b"\n"):
            chunk = chunk[1:]
        is_after_cr = chunk.endswith(b"\r") or (is_after_cr and not chunk)
        *whole, rest = (rest + chunk).replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        if len(rest) > LONGEST_LINE_BYTES:
            raise ServerAway(f"a line of more than {LONGEST_LINE_BYTES} bytes came where events were expected")
        for line in whole:
            yield line.decode("utf-8", "replace")


def parse(lines: Iterable[str]) -> Iterator[Event]:
    """Yield the events of a stream's lines; what the end cuts off is none (§9.2.6)."""
    last_id, name, data = None, "", list[str]()
    for line in lines:
        key, _, value = line.removeprefix("\ufeff").partition(":")
        value = value.removeprefix(" ")
        if not line:
            if data:
                yield Event(last_id, name or "message", "\n".join(data))
            name, data = "", []
        elif key == "data":
            data.append(value)
        elif key == "event":
            name = value
        elif key == "id" and "\0" not in value:
            last_id = value
        elif key == "retry" and value.isascii() and value.isdigit():
            yield Event(retry_ms=int(value))


def listen(service: Service, path: str, until_s: float) -> Iterator[Event]:
    """Yield the events of an address until the server says that it is over (204), across drops and restarts of it.

    `until_s` is an instant of the monotonic clock; Raises NoResult when it passes, Refused.
    """
    last_id, pause_s, failed = None, FIRST_PAUSE_S, 0
    while time.monotonic() < until_s:
        asked_s: float | None = None
        try:
            with _open(service, path, last_id) as answer:
                if answer.status_code == 204:
                    return
                for event in parse(lines_of(_chunks(answer, until_s))):
                    failed = 0
                    if event.retry_ms is not None:
                        pause_s = min(event.retry_ms / 1000, LONGEST_PAUSE_S)
                        continue
                    last_id = event.id if event.id is not None else last_id
                    yield event
        except ServerAway as error:
            failed, asked_s = failed + 1, error.after_s
        pause = asked_s or min(pause_s * 2**failed, LONGEST_PAUSE_S)
        time.sleep(max(min(pause * random.uniform(0.8, 1.2), until_s - time.monotonic()), 0))  # nosec B311  jitter
    raise NoResult(f"no event of {path} ended the waiting")


def _open(service: Service, path: str, last_id: str | None) -> requests.Response:
    headers = {"Accept": "text/event-stream", "Cache-Control": "no-store"}
    if last_id:
        headers["Last-Event-ID"] = last_id
    answer = service.ask("GET", path, headers=headers, stream=True, timeout=(CONNECT_S, SILENCE_S))
    try:
        check(answer)
        if answer.status_code == 200 and not answer.headers.get("Content-Type", "").startswith("text/event-stream"):
            raise ServerAway(f"{path} answers {answer.headers.get('Content-Type')}, no events")
    except BaseException:
        answer.close()
        raise
    return answer


def _chunks(answer: requests.Response, until_s: float) -> Iterator[bytes]:
    """Yield what has come as soon as it comes. Raises ServerAway when the connection fails; NoResult: time is over."""
    try:
        # One byte at a time is the only way of requests that never waits for more than there is.
        for chunk in answer.iter_content(1):
            yield chunk
            if time.monotonic() > until_s:
                return
    except requests.RequestException as error:
        raise ServerAway(f"events broke off: {named(error)}") from None
