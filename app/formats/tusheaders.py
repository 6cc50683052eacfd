"""Headers of tus 1.0.0 (https://tus.io/protocols/resumable-upload): texts in, values out, None for the malformed."""

import base64
import binascii
import re
from typing import NamedTuple

VERSION = "1.0.0"
ALGORITHMS = {"sha1": 20, "sha256": 32, "md5": 16}  # and the bytes of each
LARGEST = 2**53  # what a client in JavaScript can count


class Checksum(NamedTuple):
    """What a chunk is to be: the name of an algorithm and its digest."""

    algorithm: str
    digest: bytes


def parse_integer(text: str | None) -> int | None:
    """Return an integer that is not negative."""
    if text is None or not re.fullmatch(r"[0-9]{1,16}", text):
        return None
    value = int(text)
    return value if value <= LARGEST else None


def parse_metadata(text: str) -> dict[str, str] | None:
    """Return keys and values of Upload-Metadata: `key base64,key base64`; a value may be missing."""
    found: dict[str, str] = {}
    for pair in filter(None, (item.strip() for item in text.split(","))):
        key, _, value = pair.partition(" ")
        decoded = _decoded(value.strip())
        if not key.isascii() or key in found or decoded is None:
            return None
        try:
            found[key] = decoded.decode()
        except UnicodeDecodeError:
            found[key] = decoded.decode("cp1251", "replace")
    return found


def parse_checksum(text: str) -> Checksum | None:
    """Return what Upload-Checksum names; an unknown algorithm has an empty digest."""
    algorithm, _, value = text.partition(" ")
    digest = _decoded(value.strip())
    if digest is None or not re.fullmatch(r"[a-zA-Z0-9-]{1,20}", algorithm):
        return None
    algorithm = algorithm.lower()
    if algorithm not in ALGORITHMS:
        return Checksum(algorithm, b"")
    return Checksum(algorithm, digest) if len(digest) == ALGORITHMS[algorithm] else None


def _decoded(value: str) -> bytes | None:
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return None
