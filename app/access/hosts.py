"""By which names this service may be asked, and which origins are its own.

The name that a browser asks by is the only thing that tells a page of another site that got its name to point at our
address (DNS rebinding) from ours. Development, which asks nobody who he is, answers to names of this machine alone.
Production answers to PLAYBACK_PUBLIC_URL's, where that is set, to names that no site of the internet can have, and to
addresses, which cannot be made to point elsewhere. Whoever sends a token may ask by any name. Where no public name is
set every name will do: a cookie is bound to its own, and trusted networks look at the name themselves
(app/access/networks.py).
"""

import re
from ipaddress import ip_address
from urllib.parse import urlsplit

from flask import Flask, current_app, request

from app.errors import Misdirected
from instance.config import Config

HOST = re.compile(r"(\[[0-9a-f:.]{2,45}\]|[a-z0-9_](?:[a-z0-9._-]{0,252}))(?::([0-9]{1,5}))?", re.IGNORECASE)
PORTS = {"http": "80", "https": "443"}
OPEN = {"health.healthz", "health.readyz"}  # yes or no, to whoever asks


def begin(app: Flask) -> None:
    """Check the Host of every request of the app."""
    app.before_request(check_host)


def check_host() -> None:
    """Raise Misdirected for a request that was meant for another name than ours."""
    given = request.environ.get("HTTP_HOST")
    if given is None:  # HTTP/1.0: no browser of today
        return
    config: Config = current_app.config["PLAYBACK"]
    name, _ = split_host(given)
    if not name:
        raise Misdirected("the header Host is no name or address with a port")
    if request.endpoint in OPEN or is_ours(config, name):
        return
    if config.ENVIRONMENT == "production" and request.authorization is not None:
        return  # a token opens, or nothing does
    raise Misdirected(_way_out(config, name))


def is_ours(config: Config, name: str) -> bool:
    """Tell whether a name without port may be asked by."""
    if name == "localhost" or name == public_name(config):
        return True
    try:
        address = ip_address(name)
    except ValueError:
        return config.ENVIRONMENT == "production" and (is_of_network(name) or not config.PUBLIC_URL)
    return address.is_loopback or config.ENVIRONMENT == "production"


def is_of_network(name: str) -> bool:
    """Tell whether no site in the internet can have a name without port, which is no address."""
    return "." not in name or name.endswith(".local")


def public_name(config: Config) -> str | None:
    """Return the name in PLAYBACK_PUBLIC_URL, None where that is not set."""
    return urlsplit(config.PUBLIC_URL).hostname if config.PUBLIC_URL else None


def split_host(text: str) -> tuple[str, str]:
    """Return name and port of a Host header, in small letters, without brackets and final dot; "" for what is none."""
    found = HOST.fullmatch(text)
    if found is None or int(found[2] or 1) not in range(1, 65_536):
        return "", ""
    return found[1].lower().strip("[]").removesuffix("."), found[2] or ""


def own_origins(config: Config) -> set[str]:
    """Return the origins of our own pages: where the current request was sent to, and PLAYBACK_PUBLIC_URL."""
    found = {plain_origin(f"{request.scheme}://{request.host}")}
    if config.PUBLIC_URL:
        found.add(plain_origin(config.PUBLIC_URL))
    return found - {""}


def plain_origin(text: str) -> str:
    """Return scheme, name and port of an address as browsers write an origin; "" for what has none."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return ""
    if parts.scheme not in PORTS or not parts.hostname:
        return ""
    name = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{name}" + ("" if port is None or str(port) == PORTS[parts.scheme] else f":{port}")


def _way_out(config: Config, name: str) -> str:
    if config.ENVIRONMENT != "production":
        return f"{name[:60]} is no name of this machine alone: without sign-in it answers to localhost and 127.0.0.1"
    return (
        f"{name[:60]} is not the name of this service: ask by the one in PLAYBACK_PUBLIC_URL, by an address, "
        "or with a token"
    )
