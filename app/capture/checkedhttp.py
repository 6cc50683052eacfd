"""HTTP to picture cameras: the policy is asked at the socket, so that no redirect or name server leads around it.

Host, SNI and certificate are those of the address as it was given; only the connection goes to a checked number.

An answer, head and body, has ANSWER_TIMES as long as its connection may be silent: who sends a byte now and then is
never silent, and would hold whoever waits for ever.
"""

import io
import socket
import time
from http.client import HTTPResponse
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

from app.capture.networks import Networks, Unresolved, connect

ANSWER_TIMES = 2


def checked_session(policy: Networks) -> requests.Session:
    """Return a session that connects where the policy lets it, knows no proxy, and follows no redirect by itself.

    A request to a forbidden address raises Invalid.
    """
    session = requests.Session()
    session.trust_env = False
    adapter = _Adapter(_connections(policy))
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session


class _Adapter(HTTPAdapter):
    """Makes its connections of the given classes, by scheme."""

    def __init__(self, pools: dict[str, type[HTTPConnectionPool]]) -> None:
        self._pools = pools
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **keywords: Any) -> None:
        super().init_poolmanager(*arguments, **keywords)
        self.poolmanager.pool_classes_by_scheme = self._pools


class _TimedResponse(HTTPResponse):
    """An answer that must have come whole within a time; TimeoutError where it has not."""

    def __init__(self, sock: socket.socket, *arguments: Any, **keywords: Any) -> None:
        super().__init__(sock, *arguments, **keywords)
        silent_s = sock.gettimeout()
        if silent_s is not None:
            self.fp = io.BufferedReader(_TimedReader(sock, self.fp, silent_s))


class _TimedReader(io.RawIOBase):
    """Reads a socket until a time is over: no wait for bytes lasts longer than what is left."""

    def __init__(self, sock: socket.socket, file: io.BufferedIOBase, silent_s: float) -> None:
        self._sock, self._file, self._silent_s = sock, file, silent_s
        self._until_s = time.monotonic() + ANSWER_TIMES * silent_s

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        left_s = self._until_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("the answer does not come to an end")
        self._sock.settimeout(min(left_s, self._silent_s))
        try:
            return self._file.readinto1(buffer)
        finally:
            self._sock.settimeout(self._silent_s)

    def close(self) -> None:
        self._file.close()
        super().close()


def _connections(policy: Networks) -> dict[str, type[HTTPConnectionPool]]:
    def open_socket(connection: HTTPConnection) -> Any:
        limit_s = connection.timeout if isinstance(connection.timeout, int | float) else None
        try:
            opened = connect(policy, connection.host, connection.port or connection.default_port, limit_s or 10.0)
        except Unresolved as error:
            raise NameResolutionError(connection.host, connection, error) from error
        except TimeoutError as error:
            raise ConnectTimeoutError(connection, "the camera does not answer in time") from error
        except OSError as error:
            raise NewConnectionError(connection, str(error)) from error
        opened.settimeout(limit_s)
        for option in connection.socket_options or ():
            opened.setsockopt(*option)
        return opened

    class Plain(HTTPConnection):
        _new_conn = open_socket
        response_class = _TimedResponse

    class Secure(HTTPSConnection):
        _new_conn = open_socket
        response_class = _TimedResponse

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}
