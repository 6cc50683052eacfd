"""Rotation of download keys: a new one every 90 s for ten minutes, or until one is used (docs/design/refer.md)."""

from typing import NamedTuple

from app.extensions import AnySession
from app.models import File, Rotation


class CurrentKey(NamedTuple):
    """A key that opens a download now, in hex, and until when."""

    text: str
    generation: int
    expires_us: int


def begin_rotation(session: AnySession, row: File, at_us: int) -> Rotation | None:
    """Begin to give out keys of a complete file, in the caller's write transaction; None where one goes on."""
    raise NotImplementedError


def current_key(session: AnySession, row: File, at_us: int) -> CurrentKey | None:
    """Return the key that opens a download of a file now, None while none does."""
    return None
