"""Asking the networks of this machine for cameras: WS-Discovery over UDP, as ONVIF devices answer it.

A Probe goes by multicast from a port of its own out of each interface, and devices answer to that port: nothing is
listened to that was not asked for, no group is joined, and 3702 is not bound. What answers is a stranger: an answer
must name the question (122 random bits), sizes and numbers are bounded, and a device is known by the address that its
answer came from, never by one that it names. Nothing is connected to. Why no library: docs/design/pages.md.
"""

import contextlib
import selectors
import socket
import struct
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from app.capture.networks import Networks, Unresolved, resolve
from app.errors import CameraSilent, Invalid
from app.formats import wsdiscovery

GROUP, PORT = "239.255.255.250", 3702
WAIT_S = 3.0
AGAIN_S = 0.25  # SOAP-over-UDP §3.4: a message is sent twice, for UDP loses some
MOST_DEVICES, MOST_DATAGRAMS, MOST_BYTES = 256, 2048, 65_535
RTSP_PORT = 554


@dataclass(frozen=True, slots=True)
class Device:
    """What answered. `address`: where its answer came from; `problem`: why the network policy refuses it, if it does.

    `xaddrs` are the addresses of its ONVIF service that lie at `address`. The texts are the device's own words.
    """

    address: str
    endpoint: str
    name: str
    hardware: str
    location: str
    xaddrs: tuple[str, ...]
    problem: str | None


def discover(policy: Networks, wait_s: float = WAIT_S, port: int = PORT) -> list[Device]:
    """Return the devices that answer within wait_s, by address. Raises CameraSilent where no network takes a Probe."""
    found: dict[tuple[str, str], Device] = {}
    probes = {f"urn:uuid:{uuid.uuid4()}": name for name in wsdiscovery.TYPES}
    with contextlib.ExitStack() as stack, selectors.DefaultSelector() as selector:
        outlets = [stack.enter_context(outlet) for outlet in _outlets()]
        for outlet in outlets:
            selector.register(outlet, selectors.EVENT_READ)
        for data, address in _answers(selector, outlets, probes, wait_s, port):
            for match in wsdiscovery.matches(data, probes):
                device = _device(policy, match, address)
                if len(found) < MOST_DEVICES:
                    found.setdefault((device.address, device.endpoint), device)
    return sorted(found.values(), key=lambda one: (socket.inet_aton(one.address), one.endpoint))


def _outlets() -> Iterator[socket.socket]:
    """Yield a socket for each interface, by its number: it may have any number of addresses, or none."""
    for index, _ in socket.if_nameindex():
        outlet = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        outlet.setblocking(False)
        try:
            outlet.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, struct.pack("4s4si", b"", b"", index))
        except OSError:  # it went away since
            outlet.close()
        else:
            yield outlet


def _answers(
    selector: selectors.BaseSelector, outlets: list[socket.socket], probes: dict[str, str], wait_s: float, port: int
) -> Iterator[tuple[bytes, str]]:
    """Send the Probes twice; yield what comes until wait_s is over, with the address that it came from."""
    begun_s, due = time.monotonic(), [0.0, AGAIN_S]
    count = 0
    while (past_s := time.monotonic() - begun_s) < wait_s and count < MOST_DATAGRAMS:
        if due and past_s >= due[0]:
            due.pop(0)
            _send(outlets, probes, port)
        for key, _ in selector.select(max(min([wait_s, *due]) - past_s, 0.0)):
            assert isinstance(key.fileobj, socket.socket)  # as registered
            with contextlib.suppress(OSError):  # an ICMP error of one that is not there
                data, (host, _) = key.fileobj.recvfrom(MOST_BYTES)
                count += 1
                yield data, host


def _send(outlets: list[socket.socket], probes: dict[str, str], port: int) -> None:
    """Send each Probe out of each interface. Raises CameraSilent where none takes it."""
    sent = 0
    for outlet in outlets:
        with contextlib.suppress(OSError):  # it is down, or has no address
            for message_id, name in probes.items():
                outlet.sendto(wsdiscovery.probe(message_id, name), (GROUP, port))
            sent += 1
    if not sent:
        way = f"connect one, or let the service send to {GROUP} (of systemd: IPAddressAllow={GROUP})"
        raise CameraSilent(f"no network of this machine takes multicast: {way}", loc=(), kind="no_multicast")


def _device(policy: Networks, match: wsdiscovery.Match, host: str) -> Device:
    problem = None
    try:
        resolve(policy, host, RTSP_PORT, is_number=True)
    except (Invalid, Unresolved) as error:
        problem = str(error)
    xaddrs = tuple(address for address in match.xaddrs if _is_at(address, host))
    return Device(host, match.endpoint, match.name, match.hardware, match.location, xaddrs, problem)


def _is_at(address: str, host: str) -> bool:
    """Tell whether an address of a service is plain and lies at the host: another may be anybody's."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and parts.hostname == host and parts.username is None
