"""Ports for servers that a test starts, and for those that must not be there.

A port that the kernel gave out, closed again to be bound later, may be anybody's in between: it gives such ports to
whoever binds port 0, and to each connection that goes out, of other tests' processes too. Ours are none of those.
"""

import itertools
import os
import socket
from functools import cache
from pathlib import Path

FIRST = 10_240  # above those that Chromium refuses to open
_STEP = 997  # processes begin so far apart, more than one of them needs
_given = itertools.count()


@cache
def own_ports() -> range:
    """Return the ports that the kernel gives nobody by itself: those below its range, or above.

    Where a machine has set that so wide that too few are left, all: then one may be another's for a moment.
    """
    low, high = map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text("ascii").split())
    return outside(low, high)


def outside(low: int, high: int) -> range:
    """Return the ports outside of those from `low` to `high`, or all."""
    found = max(range(FIRST, low), range(high + 1, 65_536), key=len)
    return found if len(found) >= _STEP else range(FIRST, 65_536)


def begin_of(pid: int) -> int:
    """Return which of the ports a process tries first."""
    return pid * _STEP % len(own_ports())


def free_port() -> int:
    """Return a port of 127.0.0.1 that nothing listens at now, and that nobody else is given for a long time.

    Each process begins elsewhere, by its id: the processes of one run of the tests, and two runs at once.
    """
    ports, begin = own_ports(), begin_of(os.getpid())
    for number in itertools.islice(_given, len(ports)):
        port = ports[(begin + number) % len(ports)]
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
    raise OSError(f"no free port from {ports[0]} to {ports[-1]}; see what holds them with ss -lt")
