"""The key that exports are signed with: Ed25519, the same on all machines, and kept nowhere by itself.

It follows from the secret key by HKDF (RFC 5869), so that there is nothing besides to keep or to lose; or it is
PLAYBACK_SIGNING_KEY. Only the public key is ever shown.
"""

import base64
import binascii
from functools import cached_property

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key
from flask import current_app

from app.formats.exports import fingerprint

PURPOSE = b"flask-playback: signing of exports, version 1"
SEED_BYTES = 32


class Signer:
    """Signs with a key that it shows to nobody."""

    def __init__(self, seed: bytes) -> None:
        """Take the 32 bytes of a private key (RFC 8032 §5.1.5)."""
        self._key = Ed25519PrivateKey.from_private_bytes(seed)

    def sign(self, data: bytes) -> bytes:
        """Return the signature of these bytes: 64 bytes, always the same."""
        return self._key.sign(data)

    @cached_property
    def public_key(self) -> bytes:
        """The 32 bytes of the public key."""
        return self._key.public_key().public_bytes_raw()

    @property
    def public_key_text(self) -> str:
        """The public key in base64."""
        return base64.b64encode(self.public_key).decode("ascii")

    @cached_property
    def pem(self) -> bytes:
        """The public key as openssl reads it."""
        return self._key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    @property
    def fingerprint(self) -> str:
        """What people compare: the SHA-256 of the public key, in hex."""
        return fingerprint(self.public_key)


def signer() -> Signer:
    """Return the signer of the current app."""
    found = current_app.extensions.get("playback_signer")
    if found is None:
        given = current_app.config["PLAYBACK"].SIGNING_KEY
        seed = read_seed(given) if given else derive_seed(current_app.config["SECRET_KEY"])
        found = current_app.extensions["playback_signer"] = Signer(seed)
    assert isinstance(found, Signer)
    return found


def derive_seed(secret_key: str) -> bytes:
    """Return the private key that follows from a secret key."""
    return HKDF(algorithm=SHA256(), length=SEED_BYTES, salt=None, info=PURPOSE).derive(secret_key.encode())


def read_seed(text: str) -> bytes:
    """Return the private key of PLAYBACK_SIGNING_KEY: 32 bytes in base64. Raises ValueError, which repeats nothing."""
    return _read_key(text)


def read_public_key(text: str) -> bytes:
    """Return the 32 bytes of a public key: PEM, base64 or hex. Raises ValueError."""
    try:
        if "BEGIN PUBLIC KEY" in text:
            return load_pem_public_key(text.strip().encode()).public_bytes(Encoding.Raw, PublicFormat.Raw)
        return bytes.fromhex(text.strip()) if len(text.strip()) == 2 * SEED_BYTES else _read_key(text)
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("this is no public key: give the PEM or the base64 text of `flask export-key`") from None


def _read_key(text: str) -> bytes:
    try:
        seed = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        seed = b""
    if len(seed) != SEED_BYTES:
        raise ValueError("it must be 32 bytes in base64")
    return seed
