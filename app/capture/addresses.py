"""Addresses of cameras: checking them, hiding their passwords, and putting a hidden password back.

    scheme://user:password@host:port/path?query

A password stands in the userinfo, percent-encoded. Some cameras want it in the query (`?user=a&password=b`) or in
the path (`/user=a&password=b&channel=1`, `/user=a_password=b_channel=1`): those are hidden too.
"""

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import unquote

MASK = "***"
RTSP_SCHEMES = ("rtsp", "rtsps")
HTTP_SCHEMES = ("http", "https")
DEFAULT_PORTS = {"rtsp": 554, "rtsps": 322, "http": 80, "https": 443}

_PARTS = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/?#]*)(?P<rest>.*)", re.DOTALL)
_HOST_PORT = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[\w.-]{1,253})(?::(?P<port>[0-9]{1,5})?)?")
_QUERY_SECRET = re.compile(r"(?i)(?P<name>(?<=[?&/;_])(?:password|passwd|pass|pwd)=)(?P<value>[^&/;?#]*)")


class AddressError(ValueError):
    """An address that cannot be used; the message never repeats it, since it may hold a password."""


@dataclass(frozen=True, slots=True, repr=False)
class Address:
    """The parts of an address as written; `password` is still percent-encoded, None where there is none."""

    scheme: str
    user: str | None
    password: str | None
    host: str
    port: int
    host_port: str
    rest: str

    @property
    def origin(self) -> tuple[str, str, int, str | None]:
        """Return what a password belongs to: scheme, host, port and user."""
        return self.scheme, self.host.lower(), self.port, None if self.user is None else unquote(self.user)

    @property
    def has_mask(self) -> bool:
        """Tell whether a password in it is the mask instead of a password."""
        secrets = [match["value"] for match in _QUERY_SECRET.finditer(self.rest)]
        return MASK in {unquote(secret) for secret in (*secrets, self.password or "")}

    def text(self) -> str:
        """Return the whole address."""
        userinfo = "" if self.user is None else self.user
        if self.password is not None:
            userinfo += f":{self.password}"
        at = "" if self.user is None else "@"
        return f"{self.scheme}://{userinfo}{at}{self.host_port}{self.rest}"


def parse(text: str, schemes: tuple[str, ...]) -> Address:
    """Return the parts of an address. Raises AddressError, which says what is wrong with it."""
    example = f"{schemes[0]}://user:password@192.168.1.10/path"
    match = _PARTS.fullmatch(text)
    if match is None or match["scheme"].lower() not in schemes:
        raise AddressError(f"the address must begin with {' or '.join(f'{name}://' for name in schemes)}, as {example}")
    if re.search(r"[\s\\]", text):
        raise AddressError("the address holds a space or a backslash; percent-encode it (%20, %5C)")
    userinfo, at, host_port = match["authority"].rpartition("@")
    if not at and "@" in match["rest"]:
        raise AddressError(
            "an @ follows the host: percent-encode / ? # @ in the password as %2F %3F %23 %40, and @ in the path as %40"
        )
    user, colon, password = userinfo.partition(":")
    scheme = match["scheme"].lower()
    host, port = _host_and_port(host_port, scheme, example)
    return Address(scheme, user if at else None, password if colon else None, host, port, host_port, match["rest"])


def _host_and_port(host_port: str, scheme: str, example: str) -> tuple[str, int]:
    match = _HOST_PORT.fullmatch(host_port)
    if match is None:
        raise AddressError(
            f"the host or the port of the address is wrong; it must look like {example}, with / ? # @ : in user "
            "and password percent-encoded"
        )
    if match["host"].startswith("["):
        try:
            ipaddress.IPv6Address(match["host"][1:-1])
        except ValueError:
            raise AddressError("the host in brackets is not an IPv6 address") from None
    port = int(match["port"] or DEFAULT_PORTS[scheme])
    if not 1 <= port <= 65_535:
        raise AddressError("the port of the address must be 1 to 65535")
    return match["host"], port


def masked(text: str | None) -> str | None:
    """Return a stored address as it may be shown: every password replaced by the mask."""
    if text is None:
        return None
    match = _PARTS.fullmatch(text)
    if match is None:
        return MASK
    userinfo, at, host_port = match["authority"].rpartition("@")
    user, colon, _ = userinfo.partition(":")
    shown = f"{user}{colon}{MASK if colon else ''}{at}{host_port}"
    return f"{match['scheme']}://{shown}{_QUERY_SECRET.sub(_hide, match['rest'])}"


def _hide(match: re.Match[str]) -> str:
    return match["name"] + (MASK if match["value"] else "")


def unmasked(given: Address, stored: Address | None) -> str:
    """Return the given address with each mask replaced by the stored password.

    Raises AddressError when there is none, or when scheme, host, port or user changed: a changed host must
    not receive the old password.
    """
    if stored is None:
        raise AddressError(
            f"{MASK} is what is shown instead of a password, and no address is stored that has one: give the password "
            "itself"
        )
    if given.origin != stored.origin:
        raise AddressError(
            f"{MASK} stands for the stored password, but scheme, host, port or user changed: give the password itself"
        )
    password = given.password
    if password is not None and unquote(password) == MASK:
        password = stored.password
        if password is None:
            raise AddressError(f"{MASK} stands for the stored password, but none is stored: give the password itself")
    hidden = {match["name"].lower(): match["value"] for match in _QUERY_SECRET.finditer(stored.rest)}

    def restore(match: re.Match[str]) -> str:
        if unquote(match["value"]) != MASK:
            return match.group()
        if match["name"].lower() not in hidden:
            raise AddressError(f"{MASK} stands for the stored password, but none is stored: give the password itself")
        return match["name"] + hidden[match["name"].lower()]

    rest = _QUERY_SECRET.sub(restore, given.rest)
    return Address(given.scheme, given.user, password, given.host, given.port, given.host_port, rest).text()
