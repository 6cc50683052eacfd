"""HTTP to picture cameras: the policy is asked at the socket, so that no redirect or name server leads around it.

Host, SNI and certificate are those of the address as it was given; only the connection goes to a checked number.
"""

from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

from app.capture.networks import Networks, Unresolved, connect


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

    class Secure(HTTPSConnection):
        _new_conn = open_socket

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}
