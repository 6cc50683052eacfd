"""Column types and defaults that models share: encrypted text, instants, UUIDs."""

import base64
import hashlib
import time
import unicodedata
import uuid
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from flask import current_app
from sqlalchemy import Dialect, Text
from sqlalchemy.types import TypeDecorator


def now_us() -> int:
    """Return the wall clock in microseconds since the epoch."""
    return time.time_ns() // 1000


def new_uuid() -> str:
    """Return a new random UUID in its usual 36 characters."""
    return str(uuid.uuid4())


def folded_name(name: str) -> str:
    """Return what is the same for all spellings of a name: compatible forms and case are one (UAX #15, NFKC)."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


class UndecipherableSecret(Exception):
    """A stored secret was encrypted with another key, and is now to be stored again."""


class Unreadable(str):
    """Stands for a stored text that was encrypted with another key. Empty, so that it is used for nothing."""

    __slots__ = ()

    def __new__(cls) -> "Unreadable":
        """Return an empty text: there is nothing to say."""
        return super().__new__(cls, "")


UNREADABLE = Unreadable()
UNREADABLE_TEXT = (
    "the stored camera address cannot be decrypted: PLAYBACK_SECRET_KEY is not the one it was stored with; "
    "set that key again, or give address and password of the source anew (PUT)"
)


class EncryptedText(TypeDecorator[str]):
    """Text stored encrypted (Fernet) under a key derived from the secret key of the current app.

    What an earlier key of PLAYBACK_SECRET_KEYS_OLD encrypted can be read too (docs/security.md, "Secrets"). Read
    under another key it is UNREADABLE: one camera's must not hide the others from a list or the recorder.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Encrypt on the way in. Raises UndecipherableSecret rather than write over what cannot be read."""
        if isinstance(value, Unreadable):
            raise UndecipherableSecret(UNREADABLE_TEXT)
        return None if value is None else _cipher().encrypt(value.encode()).decode("ascii")

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:
        """Decrypt on the way out."""
        if value is None:
            return None
        try:
            return _cipher().decrypt(value.encode("ascii")).decode()
        except InvalidToken:
            return UNREADABLE


def _cipher() -> MultiFernet:
    """Return what encrypts under the key of now, and reads what earlier keys encrypted too."""
    ciphers: list[Fernet] | None = current_app.extensions.get("playback_ciphers")
    if ciphers is None:
        keys = (current_app.config["SECRET_KEY"], *current_app.config["PLAYBACK"].secret_keys_old)
        ciphers = current_app.extensions["playback_ciphers"] = [_fernet(key) for key in keys]
    return MultiFernet(ciphers)


def _fernet(key: str) -> Fernet:
    digest = hashlib.sha256(b"camera secrets|" + key.encode()).digest()
    return Fernet(base64.urlsafe_b64encode(digest))


def renewed(stored: str) -> str | None:
    """Return a stored text encrypted under the key of now; None where it is so already.

    Raises UndecipherableSecret where no key that is set reads it.
    """
    cipher = _cipher()
    if _is_of(current_app.extensions["playback_ciphers"][0], stored):
        return None
    try:
        return cipher.rotate(stored.encode("ascii")).decode("ascii")
    except (InvalidToken, UnicodeEncodeError):
        raise UndecipherableSecret(UNREADABLE_TEXT) from None


def _is_of(cipher: Fernet, stored: str) -> bool:
    try:
        cipher.decrypt(stored.encode("ascii"))
    except (InvalidToken, UnicodeEncodeError):
        return False
    return True
