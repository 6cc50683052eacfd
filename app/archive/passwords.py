"""Passwords: which are taken, and what is stored of them: Argon2id (RFC 9106) with the figures that OWASP gives.

A hash takes 19 MiB and some 40 ms by design, therefore only a few are made at once in a process, and a text that is
too long to be a password is refused before it is hashed.
"""

import secrets
import threading
import unicodedata
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from app.errors import Busy, Invalid

if TYPE_CHECKING:
    from argon2 import PasswordHasher

PASSES, MEMORY_KIB, LANES = 2, 19 * 1024, 1
MIN_LENGTH, MAX_LENGTH = 12, 256  # in characters
MIN_DIFFERENT = 5
HASHES_AT_ONCE, WAIT_S = 2, 10.0
ONE_TIME_BYTES = 15  # 20 characters
COMMON_PATH = Path(__file__).with_name("commonpasswords.txt")
_turns = threading.BoundedSemaphore(HASHES_AT_ONCE)


def one_time_password() -> str:
    """Return a random password, to be changed at the first sign-in."""
    return secrets.token_urlsafe(ONE_TIME_BYTES)


def hash_password(text: str) -> str:
    """Return what is stored of a password: `$argon2id$…`, with a salt of its own. Raises Busy."""
    with _Turn():
        return _hasher().hash(_normalised(text))


def is_password(stored: str | None, given: str) -> bool:
    """Tell whether `given` is the password that was stored. As much is hashed where there is none. Raises Busy."""
    from argon2.exceptions import InvalidHashError, VerificationError

    if len(given) > MAX_LENGTH:
        return False
    try:
        with _Turn():
            _hasher().verify(stored or _nobodys(), _normalised(given))
    except (VerificationError, InvalidHashError):
        return False
    return stored is not None


def is_outdated(stored: str) -> bool:
    """Tell whether a hash was made with other figures than those of today."""
    return _hasher().check_needs_rehash(stored)


def check_password(text: str, name: str, loc: tuple[str, ...] = ("body", "password")) -> None:
    """Raise Invalid for what must not be a password of the account `name`; says what is wanted instead."""
    problem = _problem(text, name)
    if problem is not None:
        raise Invalid(problem, loc=loc, kind="password")


def _problem(text: str, name: str) -> str | None:
    plain, own = _folded(text), _folded(name)
    if not MIN_LENGTH <= len(text) <= MAX_LENGTH:
        return f"a password has {MIN_LENGTH} to {MAX_LENGTH} characters, this one {len(text)}; words make a good one"
    if any(unicodedata.category(letter) in ("Cc", "Cs") for letter in text):
        return "a password has no control characters: some keyboards and forms lose them"
    if own and own in plain and not plain.replace(own, "").strip(" -_.!0123456789"):
        return "the password is little more than the name of the account: choose another"
    if len(set(plain)) < MIN_DIFFERENT or _is_row(plain):
        return f"the password repeats itself: use at least {MIN_DIFFERENT} different characters, not a row of them"
    if plain in _common():
        return "the password is among the most common ones, which are tried first: choose another"
    return None


def _is_row(text: str) -> bool:
    """Tell whether each character follows the one before, as in abcdefghijkl or 789012, or a piece is repeated."""
    size = 10 if text.isdecimal() else 0x110000
    steps = {(ord(after) - ord(before)) % size for before, after in pairwise(text)}
    return len(steps) == 1 or text in (text + text)[1:-1]


def _normalised(text: str) -> bytes:
    """Return the bytes that are hashed: one password, whatever way the keyboard composes its letters."""
    return unicodedata.normalize("NFKC", text).encode("utf-8", "surrogatepass")


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


@cache
def _common() -> frozenset[str]:
    """Return passwords that are tried first, in small letters: from published lists of leaks, and those of cameras."""
    return frozenset(COMMON_PATH.read_text("utf-8").splitlines())


@cache
def _hasher() -> "PasswordHasher":
    from argon2 import PasswordHasher

    return PasswordHasher(time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=LANES)


@cache
def _nobodys() -> str:
    """Return the hash that is verified where there is none, so that an unknown name takes as long as a known one."""
    return _hasher().hash(secrets.token_bytes(16))


class _Turn:
    """A turn among the few that hash at once. Raises Busy where none comes up in time."""

    def __enter__(self) -> None:
        _nobodys()  # made with the first password of all: it must not be the mark of the first unknown name
        if not _turns.acquire(timeout=WAIT_S):
            raise Busy("too many sign in at this moment: try again in some seconds", loc=("body", "password"))

    def __exit__(self, *_: object) -> None:
        _turns.release()
