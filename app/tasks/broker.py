"""Is the broker there: asked by `/readyz`, without the cost of importing Celery."""

import os
import socket
from urllib.parse import urlsplit

from app.tasks import broker_options
from instance.config import Config

PORTS = {"redis": 6379, "rediss": 6379, "amqp": 5672, "amqps": 5671, "pyamqp": 5672}
LIMIT_S = 2.0


def is_broker_reachable(config: Config) -> bool:
    """Tell whether messages can be left: the embedded broker's folder takes files, any other takes connections."""
    if config.broker_url.startswith("filesystem:"):
        return _takes_files(config)
    address = urlsplit(config.broker_url)
    try:
        port = address.port or PORTS.get(address.scheme.partition("+")[0], 0)
        socket.create_connection((address.hostname or "127.0.0.1", port), timeout=LIMIT_S).close()
    except (OSError, ValueError):
        return False
    return True


def _takes_files(config: Config) -> bool:
    try:
        broker_options(config)
    except OSError:
        return False
    return os.access(config.instance_path / "broker" / "queue", os.W_OK | os.X_OK)
