"""A client of event streams over a plain socket, strict about the format (HTML Living Standard §9.2.6)."""

import json
import socket
import time
from dataclasses import dataclass
from typing import Any, Self

LIMIT_S = 20.0


@dataclass(frozen=True, slots=True)
class Event:
    """One event; `name` is None for those that `onmessage` gets."""

    id: int
    name: str | None
    data: dict[str, Any]


class EventReader:
    """Reads the events of a connection."""

    def __init__(self, connection: socket.socket) -> None:
        connection.settimeout(LIMIT_S)
        self.connection = connection
        self._buffer = b""
        self.comments = 0
        self.retry_ms: int | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Hang up."""
        self.connection.close()

    def _until(self, mark: bytes) -> bytes | None:
        while mark not in self._buffer:
            data = self.connection.recv(65_536)
            if not data:
                return None
            self._buffer += data
        found, _, self._buffer = self._buffer.partition(mark)
        return found

    def next(self) -> Event | None:
        """Return the next event, None at the end. Raises TimeoutError when none comes, whether or not comments do."""
        until_s = time.monotonic() + LIMIT_S
        while (block := self._until(b"\n\n")) is not None:
            event = self._parsed(block.decode("utf-8"))
            if event is not None:
                return event
            if time.monotonic() > until_s:
                raise TimeoutError("comments alone came")
        assert self._buffer == b"", f"the stream ends within an event: {self._buffer[:200]!r}"
        return None

    def _parsed(self, block: str) -> Event | None:
        fields: dict[str, str] = {}
        for line in block.split("\n"):
            name, colon, value = line.partition(":")
            assert colon, line
            assert name in ("id", "event", "data", "retry", ""), line
            assert name not in fields, f"twice: {line}"
            fields[name] = value.removeprefix(" ")
        if "" in fields:
            self.comments += 1
        if "retry" in fields:
            self.retry_ms = int(fields["retry"])
        if "data" not in fields:
            return None
        return Event(int(fields["id"]), fields.get("event"), json.loads(fields["data"]))

    def take(self, count: int) -> list[Event]:
        """Return the next events. Raises AssertionError when the stream ends before."""
        events = []
        while len(events) < count:
            event = self.next()
            assert event is not None, f"the end after {len(events)} of {count}"
            events.append(event)
        return events

    def rest(self) -> list[Event]:
        """Return all events up to the end of the stream."""
        return list(iter(self.next, None))

    def until_broken(self) -> list[Event]:
        """Return all whole events up to the end, which may come within one."""
        events = []
        while (block := self._until(b"\n\n")) is not None:
            event = self._parsed(block.decode("utf-8"))
            events += [] if event is None else [event]
        return events

    def read_comments(self, count: int) -> None:
        """Read comments until there were so many; no event may come between."""
        while self.comments < count:
            block = self._until(b"\n\n")
            assert block is not None, "the end of the stream"
            assert self._parsed(block.decode("utf-8")) is None


class EventClient(EventReader):
    """One request and its answer. `status` and `headers` (lower case) are there when it is made."""

    def __init__(
        self, port: int, path: str, *, last_id: int | str | None = None, version: str = "1.1", **headers: str
    ) -> None:
        super().__init__(socket.create_connection(("127.0.0.1", port), timeout=LIMIT_S))
        lines = [f"GET {path} HTTP/{version}", "Host: localhost", "Accept: text/event-stream"]
        lines += [] if last_id is None else [f"Last-Event-ID: {last_id}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self.connection.sendall("\r\n".join([*lines, "", ""]).encode())
        head = self._until(b"\r\n\r\n")
        assert head is not None, "closed before an answer"
        first, *rest = head.decode("latin-1").split("\r\n")
        self.status = int(first.split()[1])
        self.headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in rest)}

    def body(self) -> Any:
        """Return the JSON of an answer of another kind."""
        size = int(self.headers["content-length"])
        while len(self._buffer) < size:
            self._buffer += self.connection.recv(65_536)
        return json.loads(self._buffer[:size])
