"""Addresses that are served without signing in (PLAYBACK_TRUSTED_NETWORKS), for clients that know no sign-in.

The address is the one that the server sees, or behind a proxy the one that ProxyFix takes from as many hops as
PLAYBACK_PROXY_HOPS says; a proxy that is not counted is not trusted. Two things undo the trust, for a browser within
the network may have any page open:

    a page of another site     what it loads or sends carries Sec-Fetch-Site; a change besides is refused by its Origin
    a name of another site     that leads to our address (DNS rebinding) makes that site's pages our own to the browser:
                               trusted are addresses, names without a dot, those below `.local`, and PLAYBACK_PUBLIC_URL
"""

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

from flask import current_app, request

from app.access.caller import Caller
from app.access.hosts import is_of_network, split_host
from instance.config import Config

FORWARDED = ("X-Forwarded-For", "Forwarded", "X-Real-Ip")


def is_within(networks: Sequence[IPv4Network | IPv6Network]) -> bool:
    """Tell whether the address of the current request is in one of some networks."""
    try:
        address = ip_address((request.remote_addr or "").partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return any(address.version == network.version and address in network for network in networks)


def trusted_caller() -> Caller | None:
    """Return who the current request's address is served as; None for one that is not trusted."""
    config: Config = current_app.config["PLAYBACK"]
    if not config.TRUSTED_NETWORKS or not is_within(config.trusted_networks):
        return None
    if is_of_hidden_proxy(config) or _is_of_another_page() or not _is_own_name(config):
        return None
    address = request.remote_addr or ""
    return Caller(f"network {address}", config.TRUSTED_ROLE, f"network:{address}", "network")


def is_of_hidden_proxy(config: Config) -> bool:
    """Tell whether a proxy stands between that PLAYBACK_PROXY_HOPS does not count: the address is the proxy's."""
    return not config.PROXY_HOPS and any(name in request.headers for name in FORWARDED)


def _is_of_another_page() -> bool:
    """Tell whether a page of another site asks; following a link from one is no harm."""
    site, mode = request.headers.get("Sec-Fetch-Site"), request.headers.get("Sec-Fetch-Mode")
    is_link = mode == "navigate" and request.method == "GET"
    return site in ("cross-site", "same-site") and not is_link


def _is_own_name(config: Config) -> bool:
    """Tell whether the name in the address is one that no other site can have."""
    name, _ = split_host(request.host)
    if not name:
        return False
    try:
        ip_address(name)
    except ValueError:
        return name == urlsplit(config.public_url).hostname or is_of_network(name)
    return True
