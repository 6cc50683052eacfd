"""Clients of event streams in a process of their own: `python -m bench.listening PORT PATH CLIENTS STALLED`.

Prints `ready` when all have their answer; at the end of its input one JSON object: for each event's id how many clients
got it, and the monotonic instants at which the first and the last of them did. Stalled clients ask and never read.
"""

import json
import re
import resource
import select
import sys
import time
from socket import SO_RCVBUF, SOL_SOCKET, create_connection, socket

IDS = re.compile(rb"id: (\d+)\n")


def main(port: int, path: str, clients: int, stalled: int) -> None:
    """Listen until nothing more is wanted."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    kept = [_asked(port, request, is_small=True) for _ in range(stalled)]
    poll = select.epoll()
    by_handle: dict[int, socket] = {}
    rest: dict[int, bytes] = {}
    for _ in range(clients - stalled):
        client = _asked(port, request)
        head = client.recv(65_536)
        assert head.startswith(b"HTTP/1.1 200"), head
        by_handle[client.fileno()], rest[client.fileno()] = client, head
        poll.register(client, select.EPOLLIN)
    poll.register(sys.stdin, select.EPOLLIN)
    print("ready", flush=True)
    print(json.dumps(_listen(poll, by_handle, rest)), flush=True)
    del kept


def _asked(port: int, request: bytes, *, is_small: bool = False) -> socket:
    client = create_connection(("127.0.0.1", port), timeout=60)
    if is_small:
        client.setsockopt(SOL_SOCKET, SO_RCVBUF, 4096)
    client.sendall(request)
    return client


def _listen(poll: select.epoll, by_handle: dict[int, socket], rest: dict[int, bytes]) -> dict[str, list[float]]:
    """Count what comes until the input ends."""
    found: dict[str, list[float]] = {}
    while True:
        for handle, _ in poll.poll():
            if handle == sys.stdin.fileno():
                return found
            data = by_handle[handle].recv(65_536)
            assert data, "the server closed a connection"
            now_s = time.clock_gettime(time.CLOCK_MONOTONIC)  # all processes share it
            whole, end, begun = (rest[handle] + data).rpartition(b"\n\n")
            rest[handle] = begun
            for name in IDS.findall(whole + end):
                seen = found.setdefault(name.decode(), [0, now_s, now_s])
                seen[0] += 1
                seen[2] = now_s


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
