"""Names as a name server tells them, which may tell each question something else: `rebind`.

Only what Python asks the system is answered here (`socket.getaddrinfo`); our own code is as it is. A name that is not
in the table is asked for as usual.

    names = Names(monkeypatch, {"camera.test": [["127.0.0.1"], ["127.0.0.9"]]})   # the second question: elsewhere
"""

import socket
from collections.abc import Mapping, Sequence
from typing import Any

import pytest


class Names:
    """A table of names, each with the answers to the first, second … question; the last is given from then on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, table: Mapping[str, Sequence[Sequence[str]]]) -> None:
        self.table, self.asked = dict(table), dict.fromkeys(table, 0)
        self._ask = socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", self._answer)

    def _answer(self, host: Any, port: Any, *arguments: Any, flags: int = 0, **keywords: Any) -> list[Any]:
        if host not in self.table or flags & socket.AI_NUMERICHOST:
            return self._ask(host, port, *arguments, flags=flags, **keywords)
        answers = self.table[host]
        numbers = answers[min(self.asked[host], len(answers) - 1)]
        self.asked[host] += 1
        if not numbers:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [entry for number in numbers for entry in self._ask(number, port, *arguments, flags=flags, **keywords)]


class Listener:
    """A server at one of this machine's addresses that counts who connects, and says nothing."""

    def __init__(self, host: str, port: int = 0) -> None:
        self._socket = socket.create_server((host, port), backlog=64)
        self._socket.setblocking(False)
        self.host, self.port = host, int(self._socket.getsockname()[1])

    def __enter__(self) -> "Listener":
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def connections(self) -> int:
        """Return how many have connected since this was asked last."""
        count = 0
        while True:
            try:
                self._socket.accept()[0].close()
            except BlockingIOError:
                return count
            count += 1
