"""Where a request comes from, as far as attempts are counted by it."""

from ipaddress import IPv6Address, ip_address

from flask import request

IPV6_BITS = 64  # what one household is given: its addresses are as many as it likes


def client_address() -> str:
    """Return whom an address stands for: itself, or of IPv6 the network that one household has."""
    text = request.remote_addr or ""
    try:
        address = ip_address(text)
    except ValueError:
        return text[:64]
    if not isinstance(address, IPv6Address):
        return text
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return f"{IPv6Address(int(address) >> IPV6_BITS << IPV6_BITS)}/{IPV6_BITS}"
