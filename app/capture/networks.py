"""Where cameras may be: the network policy, names resolved once, and connections to what was checked.

Whoever may add a camera lets this machine connect to an address of his choice. So each is checked when it is stored
and again at every connection: a name is resolved, all that it stands for is checked, and the connection goes to a
checked number. Who asked a name server twice could be told two things.
"""

import socket
import time
from dataclasses import dataclass, replace
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import NewType

from app.capture.addresses import RTSP_SCHEMES, Address, AddressError, parse
from app.errors import Invalid
from instance.config import Config, parse_networks

KIND = "address_forbidden"
LOC = ("body", "uri_rtsp")
EVERYWHERE = "0.0.0.0/0,::/0"  # opens nothing that is denied by default
TRIAL_S = 1.0  # of each number of a name that has several, to find the one that answers
MOST_TRIALS = 4  # which do not answer: a name may stand for thousands
IpAddress = IPv4Address | IPv6Address
IpNetwork = IPv4Network | IPv6Network
# An address whose host is a number that was checked: the only kind that is given to ffmpeg.
PinnedUri = NewType("PinnedUri", str)

LOOPBACK = "loopback, this machine itself"
METADATA = "where clouds tell machines their credentials"
_DEFAULTS = {
    LOOPBACK: ("127.0.0.0/8", "::1"),
    METADATA: (
        *("169.254.169.254", "169.254.170.2", "fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254", "fd00:c1::a9fe:a9fe"),
        *("100.100.100.200", "168.63.129.16", "192.0.0.192"),  # Alibaba, Azure, Oracle
    ),
    "link-local": ("169.254.0.0/16", "fe80::/10"),
    "the unspecified address": ("0.0.0.0/8", "::"),
    "multicast": ("224.0.0.0/4", "ff00::/8"),
    "broadcast": ("255.255.255.255",),
    # IPv6 is given out in 2000::/3 and fc00::/7 alone (RFC 4291 §2.4, RFC 4193); 64:ff9b::/96 is judged as IPv4.
    "reserved": (
        *("192.0.0.0/24", "240.0.0.0/4"),
        *("::/8", "100::/8", "200::/7", "400::/6", "800::/5", "1000::/4", "4000::/2", "8000::/1"),
    ),
}
_GIVEN_OUT = tuple(ip_network(text) for text in ("fc00::/7", "fe80::/10", "ff00::/8"))
_DENIED = tuple((word, ip_network(text)) for word, texts in _DEFAULTS.items() for text in texts)
# Prefixes whose last four bytes are the IPv4 address that is met: mapped, translated (RFC 2765), NAT64 (RFC 6052).
_SAME_AS_IPV4 = tuple(IPv6Network(text) for text in ("::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96"))
_ISATAP = (0x0000_5EFE, 0x0200_5EFE)


class Unresolved(socket.gaierror):
    """A name that nothing is known of now."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a connection goes to: family and address as `socket` wants them."""

    family: int
    sockaddr: tuple[object, ...]

    @property
    def host(self) -> str:
        """The number alone, with the zone of a link-local one."""
        return str(self.sockaddr[0])


@dataclass(frozen=True, slots=True)
class Networks:
    """The policy: what may be connected to. `own_port`: where this service listens; 0: no port is refused."""

    allowed: tuple[IpNetwork, ...] = ()
    denied: tuple[IpNetwork, ...] = ()
    has_loopback: bool = False
    own_port: int = 0

    def problem(self, host: str, port: int) -> str | None:
        """Return what is wrong with a number: a word of the defaults, else a sentence's end; None where it may be."""
        address = ip_address(host.partition("%")[0])
        forms = _forms(address)
        named = forms if isinstance(forms[0], IPv4Address) else forms[:1]  # whose digits hold an IPv4 is elsewhere
        if self.allowed and not any(form in network for form in named for network in self.allowed):
            return "outside of PLAYBACK_CAMERA_NETWORKS"
        if any(form in network for form in forms for network in self.denied):
            return "in PLAYBACK_CAMERA_NETWORKS_DENIED"
        for form in _judged(forms):
            word = self._denied_by_default(form)
            if word is not None:
                return word
        if port == self.own_port and any(_is_of_this_machine(form) for form in forms):
            return "this service itself"
        return None

    def _denied_by_default(self, address: IpAddress) -> str | None:
        if self.has_loopback and address.is_loopback:
            return None
        for word, network in _DENIED:
            if address not in network:
                continue
            if word == "reserved" and any(address in other for other in _GIVEN_OUT):
                continue
            if not any(address in named and _is_within(named, network) for named in self.allowed):
                return word
        return None


def _is_within(named: IpNetwork, network: IpNetwork) -> bool:
    """Tell whether an entry names a denied network expressly: as large, or a part of it."""
    return named.version == network.version and named.subnet_of(network)  # type: ignore[arg-type]


def _forms(address: IpAddress) -> tuple[IpAddress, ...]:
    """Return an address and the IPv4 addresses that lie in it: what is sent to it may reach those."""
    if isinstance(address, IPv4Address):
        return (address,)
    number = int(address)
    last = IPv4Address(number & 0xFFFF_FFFF)
    if any(address in network for network in _SAME_AS_IPV4):
        return (last, address)
    inner = list(address.teredo or ())
    if address.sixtofour is not None:
        inner.append(address.sixtofour)
    if (number >> 32) & 0xFFFF_FFFF in _ISATAP or 1 < number <= 0xFFFF_FFFF:
        inner.append(last)
    return (address, *inner)


def _judged(forms: tuple[IpAddress, ...]) -> tuple[IpAddress, ...]:
    """Return the forms that the defaults are asked of: of another way to write an IPv4 address that alone."""
    return forms[:1] if isinstance(forms[0], IPv4Address) else forms


def _is_of_this_machine(address: IpAddress) -> bool:
    """Tell whether this machine has the address: only such a one can be bound to."""
    with socket.socket(socket.AF_INET if address.version == 4 else socket.AF_INET6, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((str(address), 0))
        except OSError:
            return False
    return True


def networks(config: Config) -> Networks:
    """Return the policy of these settings."""
    is_open = config.ENVIRONMENT != "production"
    own_port = 0 if is_open else config.host_port[1]
    return _networks(config.CAMERA_NETWORKS, config.CAMERA_NETWORKS_DENIED, is_open, own_port)


@lru_cache(maxsize=8)
def _networks(allowed: str, denied: str, has_loopback: bool, own_port: int) -> Networks:
    return Networks(
        tuple(parse_networks("CAMERA_NETWORKS", allowed)),
        tuple(parse_networks("CAMERA_NETWORKS_DENIED", denied)),
        has_loopback,
        own_port,
    )


def resolve(policy: Networks, host: str, port: int, *, is_number: bool = False) -> list[Place]:
    """Return where a host of an address is, all of it checked. Waits for name servers, but with `is_number` never.

    Raises Invalid where any of it is forbidden, Unresolved where nothing is known of it.
    """
    flags = socket.AI_NUMERICHOST if is_number else 0
    try:
        found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM, flags=flags)
    except (OSError, UnicodeError) as error:
        raise Unresolved("Name or service not known") from error
    places = [Place(family, sockaddr) for family, _, _, _, sockaddr in found]
    for place in places:
        word = policy.problem(place.host, port)
        if word is not None:
            raise Invalid(_text(policy, host, place, port, word), loc=LOC, kind=KIND)
    return places


def _text(policy: Networks, host: str, place: Place, port: int, word: str) -> str:
    bare = place.host.partition("%")[0]
    meant = bare if host.strip("[]") == place.host else f"{host}, which is {bare},"
    own = ": give the address of the camera itself"
    if word.startswith("this service"):
        return f"the address leads to {meant} port {port}, {word}{own}"
    length = 32 if ip_address(bare).version == 4 else 128
    # Without a list all networks are open; one that named this place alone would shut out all other cameras.
    named = f"adding {bare}/{length} to PLAYBACK_CAMERA_NETWORKS"
    if not policy.allowed:
        named = f"PLAYBACK_CAMERA_NETWORKS={EVERYWHERE},{bare}/{length}"
    way = f"{own}, or let the administrator allow it by {named}"
    if word.startswith("in "):
        way = own
    return f"the address leads to {meant} where no camera may be ({word}){way}"


def connect(policy: Networks, host: str, port: int, timeout_s: float) -> socket.socket:
    """Return a connection to a host, of whose numbers the first that answers is taken.

    Raises Invalid, OSError; TimeoutError after timeout_s for each number, and MOST_TRIALS times that at the latest.
    """
    return _first_open(resolve(policy, host, port), timeout_s)


def _first_open(places: list[Place], timeout_s: float) -> socket.socket:
    failure: OSError = Unresolved("Name or service not known")
    until_s = time.monotonic() + MOST_TRIALS * timeout_s
    for place in places:
        if time.monotonic() >= until_s:
            break
        connection = socket.socket(place.family, socket.SOCK_STREAM)
        try:
            connection.settimeout(timeout_s)
            connection.connect(place.sockaddr)
        except OSError as error:
            connection.close()
            failure = error
        else:
            return connection
    raise failure


def pin(policy: Networks, uri: str, *, is_number: bool = False) -> PinnedUri:
    """Return an RTSP address with its host as a checked number. Waits for name servers, but with `is_number` never.

    Raises Invalid, Unresolved as `resolve`, and Invalid for what is no address.
    """
    try:
        address = parse(uri, RTSP_SCHEMES)
    except AddressError as error:
        raise Invalid(str(error), loc=LOC) from None
    places = resolve(policy, address.host, address.port, is_number=is_number)
    place = places[0] if len(places) == 1 else _answering(places)
    if "%" in place.host:
        raise Invalid("the camera's name leads to a link-local address with a zone: give another", loc=LOC)
    host = f"[{place.host}]" if place.family == socket.AF_INET6 else place.host
    _, colon, port = address.host_port.rpartition(":")
    port_text = f":{port}" if colon and port.isdigit() else ""
    return PinnedUri(replace(address, host_port=host + port_text).text())


def _answering(places: list[Place]) -> Place:
    """Return the first place that takes a connection, else the first: many names stand for IPv6 and IPv4."""
    until_s = time.monotonic() + MOST_TRIALS * TRIAL_S
    for place in places:
        if time.monotonic() > until_s:
            break
        try:
            _first_open([place], TRIAL_S).close()
        except OSError:
            continue
        return place
    return places[0]


def port_of(uri: PinnedUri) -> int:
    """Return the port of a pinned address."""
    return parse(uri, RTSP_SCHEMES).port


def is_same_place(pinned: PinnedUri, other: str) -> bool:
    """Tell whether an address that a camera named leads to where it is itself: as number and port alone."""
    try:
        first, second = parse(pinned, RTSP_SCHEMES), parse(other, RTSP_SCHEMES)
    except AddressError:
        return False
    return _number(first) == _number(second) is not None and first.port == second.port


def _number(address: Address) -> IpAddress | None:
    try:
        return ip_address(address.host.strip("[]"))
    except ValueError:
        return None
