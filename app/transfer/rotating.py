"""Rotation of download keys: a new one every 90 s for ten minutes, or until one is used (docs/design/refer.md)."""

from app.extensions import AnySession
from app.models import File, Rotation


def begin_rotation(session: AnySession, row: File, at_us: int) -> Rotation | None:
    """Begin to give out keys of a complete file, in the caller's write transaction; None where one goes on."""
    raise NotImplementedError
