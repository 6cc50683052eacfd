"""Where copies may go: the allowed roots of `PLAYBACK_SYNC_TARGETS`, and a `location` below one of them.

    /a/folder                                         a folder of this machine; relative: below the project
    sftp://user:password@host:22/path                 ?key=FILE: a private key instead of a password
    s3://KEY:SECRET@bucket/prefix                     ?endpoint_url=http://host:9000&region=eu-central-1
    smb://user:password@host:445/share/path
    webdav://user:password@host:80/path               webdavs:// is the same over TLS, port 443
    http://:TOKEN@host:port/                          another server of this kind; https:// over TLS,
                                                      ?ca=FILE: the authority to trust instead of the usual ones

Credentials and options stand in the setting alone. Nothing here shows them: a root's `text` is its address without
them, and it has no repr. Paths are compared by their parts, after each was percent-decoded once. Standard library
only: the settings are checked before anything is loaded.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote

MAX_LOCATION = 2048
MAX_PART_BYTES = 255
MAX_PATH_BYTES = 3500  # of the 4095 of Linux: room for the folder of the tag and the names of the files
FOLDER = "file"
PEERS = ("http", "https")
DEFAULT_PORTS = {"sftp": 22, "s3": 0, "smb": 445, "webdav": 80, "webdavs": 443, "http": 80, "https": 443}
OPTIONS: Mapping[str, frozenset[str]] = {
    "sftp": frozenset({"key"}),
    "s3": frozenset({"endpoint_url", "region"}),
    "smb": frozenset({"encrypt"}),
    "https": frozenset({"ca"}),
}
_URL = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/?#]*)(?P<path>[^?#]*)(?P<rest>.*)", re.DOTALL
)
_HOST = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]{1,253})(?::(?P<port>[0-9]{1,5}))?")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


class AddressError(ValueError):
    """An address that cannot be used; the message never repeats it, since it may hold a password."""

    def __init__(self, message: str, kind: str = "value_error") -> None:
        super().__init__(message)
        self.kind = kind


class NotAllowed(Exception):
    """A location outside every allowed root."""


@dataclass(frozen=True, slots=True, repr=False)
class Root:
    """An allowed target with its credentials. Of a folder `parts` are those of its absolute path."""

    scheme: str
    host: str
    port: int
    parts: tuple[str, ...]
    user: str | None = None
    password: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """Return the address without credentials: the root's name in tables and messages."""
        return self.address(())

    @property
    def is_peer(self) -> bool:
        """Tell whether it is another server of this kind."""
        return self.scheme in PEERS

    @property
    def secrets(self) -> list[str]:
        """Return what must not be shown."""
        given = [self.password, self.user if self.scheme == "s3" else None]
        return [text for text in given if text]

    def address(self, below: Sequence[str]) -> str:
        """Return the address of what lies below, without credentials: a path of a folder, else percent-encoded."""
        if self.scheme == FOLDER:
            return "/" + "/".join([*self.parts, *below])
        port = "" if self.port == DEFAULT_PORTS[self.scheme] else f":{self.port}"
        path = "".join(f"/{quote(part, safe='~!$&()*,;=:@+')}" for part in [*self.parts, *below])
        return f"{self.scheme}://{self.host}{port}{path}"


@dataclass(frozen=True, slots=True, repr=False)
class Location:
    """A checked target: the root that allows it, and the parts of the path below that."""

    root: Root
    below: tuple[str, ...]


def parse_roots(text: str, base: Path, default: Path) -> list[Root]:
    """Return the roots that a setting names; relative folders lie below `base`. Raises AddressError."""
    given = [part.strip() for part in text.split(",") if part.strip()] or [str(default)]
    roots: list[Root] = []
    for number, part in enumerate(given, 1):
        try:
            root = _root(part, base)
        except AddressError as error:
            raise AddressError(f"entry {number}: {error}") from None
        if root.text in [known.text for known in roots]:
            raise AddressError(f"entry {number}: {root.text} stands there twice")
        roots.append(root)
    return roots


def _root(text: str, base: Path) -> Root:
    if "://" not in text:
        return Root(FOLDER, "", 0, (base / text).resolve().parts[1:])
    scheme, authority, path, rest = _split(text)
    if scheme == FOLDER:
        return Root(FOLDER, "", 0, _path_parts(path, is_encoded=True))
    if scheme not in DEFAULT_PORTS:
        raise AddressError(f"{scheme}:// is not known; a folder, or one of {', '.join(DEFAULT_PORTS)}")
    userinfo, at, host_port = authority.rpartition("@")
    if not at and "@" in path + rest:
        raise AddressError("an @ follows the host: percent-encode / ? # @ , of user and password, and @ of the path")
    user, colon, password = userinfo.partition(":")
    host, port = _host_and_port(host_port, scheme)
    root = Root(
        scheme,
        host,
        port,
        _path_parts(path, is_encoded=True),
        unquote(user) if at and user else None,
        unquote(password) if colon else None,
        _options(rest, scheme),
    )
    _check_root(root)
    return root


def _check_root(root: Root) -> None:
    """Raise AddressError for what a kind of target cannot do without."""
    if root.scheme == "smb" and not root.parts:
        raise AddressError("smb:// needs a share: smb://user:password@host/share/path")
    if root.scheme == "sftp" and not root.user:
        raise AddressError("sftp:// needs a user: sftp://user:password@host/path")
    if root.is_peer and root.user:
        raise AddressError(
            f"{root.scheme}:// takes a token alone, with a colon before it: {root.scheme}://:TOKEN@host/"
        )
    if root.options.get("encrypt", "true") not in ("true", "false"):
        raise AddressError("encrypt must be true or false")
    if not re.match(r"https?://[^/@]+/?$", root.options.get("endpoint_url", "https://host")):
        raise AddressError("endpoint_url must be as http://host:9000")
    for name in {"key", "ca"} & root.options.keys():
        if not Path(root.options[name]).is_file():
            raise AddressError(f"the file that {name}= names does not exist, or cannot be read")


def _options(rest: str, scheme: str) -> dict[str, str]:
    if "#" in rest:
        raise AddressError("a # in it must be percent-encoded: %23")
    given = dict(parse_qsl(rest.removeprefix("?"), keep_blank_values=True))
    allowed = OPTIONS.get(scheme, frozenset())
    if not given.keys() <= allowed:
        raise AddressError(f"{scheme}:// takes {', '.join(sorted(allowed)) or 'no options'} after the ?")
    return given


def find_location(text: str, roots: Sequence[Root]) -> Location:
    """Return where a `location` lies; a relative one lies below the first root.

    Raises AddressError where it is malformed, NotAllowed where no root allows it. Of roots within each other the
    innermost counts.
    """
    _check_text(text)
    if "://" not in text:
        return _of_path(text, roots)
    scheme, authority, path, rest = _split(text)
    if "@" in authority:
        raise AddressError("a location must not hold a user or a password: they stand in the setting", "credentials")
    if rest:
        raise AddressError("a location must have no ? and no #: options stand in the setting")
    parts = _path_parts(path, is_encoded=True)
    if scheme == FOLDER:
        if authority.lower() not in ("", "localhost"):
            raise AddressError("file:// names a folder of this machine: file:///path")
        return _within(Root(FOLDER, "", 0, parts), roots)
    if scheme not in DEFAULT_PORTS:
        raise NotAllowed
    host, port = _host_and_port(authority, scheme)
    return _within(Root(scheme, host, port, parts), roots)


def find_root(text: str, roots: Sequence[Root]) -> Root | None:
    """Return the root of this name, None where the settings have it no more."""
    return next((root for root in roots if root.text == text), None)


def _of_path(text: str, roots: Sequence[Root]) -> Location:
    parts = _path_parts(text, is_encoded=False)
    if text.startswith("/"):
        return _within(Root(FOLDER, "", 0, parts), roots)
    return _checked(Location(roots[0], parts))


def _within(place: Root, roots: Sequence[Root]) -> Location:
    found = [
        root
        for root in roots
        if (root.scheme, root.host, root.port) == (place.scheme, place.host, place.port)
        and place.parts[: len(root.parts)] == root.parts
    ]
    if not found:
        raise NotAllowed
    root = max(found, key=lambda known: len(known.parts))
    return _checked(Location(root, place.parts[len(root.parts) :]))


def _checked(location: Location) -> Location:
    if location.root.is_peer and location.below:
        raise AddressError("another server keeps copies in its own storage: give its address without a path below it")
    if any(len(part.encode()) > MAX_PART_BYTES for part in location.below):
        raise AddressError(f"a part of a location has up to {MAX_PART_BYTES} bytes in UTF-8", "string_too_long")
    if sum(len(part.encode()) + 1 for part in [*location.root.parts, *location.below]) > MAX_PATH_BYTES:
        raise AddressError(
            f"a location has up to {MAX_PATH_BYTES} bytes in UTF-8, its root included", "string_too_long"
        )
    return location


def _check_text(text: str) -> None:
    """Raise AddressError for characters that no path may hold."""
    if len(text) > MAX_LOCATION:
        raise AddressError(f"a location has up to {MAX_LOCATION} characters", "string_too_long")
    if "\\" in text:
        raise AddressError("a location must not hold a backslash; parts of a path are separated by /")
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in text):
        raise AddressError("a location must not hold control characters", "control_character")


def _split(text: str) -> tuple[str, str, str, str]:
    match = _URL.fullmatch(text)
    if match is None:
        raise AddressError("it must be a folder or an address as sftp://host/path")
    return match["scheme"].lower(), match["authority"], match["path"], match["rest"]


def _host_and_port(text: str, scheme: str) -> tuple[str, int]:
    match = _HOST.fullmatch(text)
    if match is None:
        raise AddressError(
            f"the host is wrong; it must look like {scheme}://host:port/path, with / ? # @ : % and , of user and "
            "password percent-encoded"
        )
    port = int(match["port"]) if match["port"] else DEFAULT_PORTS[scheme]
    if match["port"] and (scheme == "s3" or not 1 <= port <= 65_535):
        raise AddressError("the port is wrong: 1 to 65535, and none after a bucket of s3")
    return match["host"].lower(), port


def _path_parts(path: str, *, is_encoded: bool) -> tuple[str, ...]:
    """Return the parts of a path, decoded once. Raises AddressError for `..` and for separators hidden by %."""
    if is_encoded and _BAD_ESCAPE.search(path):
        raise AddressError("a % in the path must begin an escape; write %25 for the sign itself")
    parts = []
    for raw in path.split("/"):
        part = _decoded(raw) if is_encoded else raw
        _check_text(part)
        if part == ".." or "/" in part:
            raise AddressError("a location must not lead upwards by .. nor hide a / as %2F", "path_traversal")
        if part not in ("", "."):
            parts.append(part)
    return tuple(parts)


def _decoded(raw: str) -> str:
    try:
        return unquote(raw, errors="strict")
    except UnicodeDecodeError:
        raise AddressError("the escapes in the path are not UTF-8") from None
