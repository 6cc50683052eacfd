r"""The chain of the audit log: what of a row is hashed, and how; and anchors, which say outside how far it had come.

    SEALED   the row's columns, and kind, position, sealed_us: one flat JSON object
    sha256   SHA-256(sha256 of the seal before, 32 bytes, zeros before the first + canonical bytes of SEALED)
    ANCHOR   {"at_us", "position", "sha256", "fingerprint", "signature"}: Ed25519 (RFC 8032), in base64, of the
             canonical bytes of the first four

Canonical bytes are JSON (RFC 8259) in ASCII: names sorted, no space between, integers in decimals, every character
beyond ASCII as \uXXXX. There are no fractions. docs/design/access.md says why it is so.
"""

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

NO_SHA256 = "0" * 64
SHA256 = re.compile("[0-9a-f]{64}")
# Made once: json.dumps would make one for each row.
_encoder = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"), sort_keys=True, allow_nan=False)
MOST_LINE_BYTES = 4096  # of an anchor; it has some 300


class Head(NamedTuple):
    """A place in the chain: the position of a seal and its SHA-256 in hex."""

    position: int
    sha256: str

    def __str__(self) -> str:
        """Return it as it is kept elsewhere."""
        return f"{self.position}:{self.sha256}"


class Anchor(NamedTuple):
    """A head, when it was written down (us since the epoch), and the fingerprint of the key that signed it."""

    head: Head
    at_us: int
    fingerprint: str


class Signed(NamedTuple):
    """An anchor as a line says it, its signature, and the bytes that this is of."""

    anchor: Anchor
    signature: bytes
    said: bytes


def canonical(fields: Mapping[str, Any]) -> bytes:
    """Return the canonical bytes of a flat object."""
    return _encoder.encode(fields).encode("ascii")


def follow(previous: str, sealed: Mapping[str, Any]) -> str:
    """Return the SHA-256 of the seal that follows, in hex. Raises ValueError where `previous` is no hex."""
    return hashlib.sha256(bytes.fromhex(previous) + canonical(sealed)).hexdigest()


def parse_head(text: str) -> Head:
    """Return the head that `POSITION:SHA256` says. Raises ValueError."""
    position, _, sha256 = text.strip().partition(":")
    is_number = position.isascii() and position.isdecimal() and len(position) < 19
    if not is_number or not is_sha256(sha256):
        raise ValueError("a head is POSITION:SHA256, as `flask audit head` prints it")
    return Head(int(position), sha256)


def is_sha256(text: object) -> bool:
    """Tell whether a text is 64 digits in hex, in small letters."""
    return isinstance(text, str) and SHA256.fullmatch(text) is not None


def anchor_line(head: Head, at_us: int, fingerprint: str, sign: Callable[[bytes], bytes]) -> bytes:
    """Return the line that anchors a head, with its end."""
    said: dict[str, Any] = {"at_us": at_us, "fingerprint": fingerprint, **head._asdict()}
    signature = base64.b64encode(sign(canonical(said))).decode("ascii")
    return canonical({**said, "signature": signature}) + b"\n"


def read_anchor(line: bytes) -> Signed:
    """Return the anchor of a line, whose signature is still to be verified. Raises ValueError where it is none."""
    try:
        said = json.loads(line)
        signature = base64.b64decode(said.pop("signature"), validate=True)
        found = Anchor(Head(said["position"], said["sha256"]), said["at_us"], said["fingerprint"])
        signed = canonical(said)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, binascii.Error):
        raise ValueError("this is no anchor") from None
    numbers = (found.head.position, found.at_us)
    is_whole = all(type(number) is int for number in numbers) and is_sha256(found.head.sha256)
    if not is_whole or not isinstance(found.fingerprint, str) or len(said) != 4:
        raise ValueError("this is no anchor")
    return Signed(found, signature, signed)
