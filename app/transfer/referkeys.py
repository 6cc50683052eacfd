"""Download keys: what they are made of, and when each of them opens its file (docs/design/refer.md).

    started     + 90 s      + 180 s             + 540 s     + 600 s
    key 0 ──────┤ 15 s
                key 1 ──────┤ 15 s      ...     key 6 ──────┤ nothing opens any more

Times follow from the row of the rotation alone, whether or not anybody has turned it. A key that a download was begun
with opens until the end of the ten minutes.
"""

import hashlib
import hmac
from typing import NamedTuple

from flask import current_app
from sqlalchemy import select

from app.archive.handed import key_hash
from app.extensions import db
from app.models import File, ReferKey, Rotation

KEY_US, GRACE_US, LONGEST_US = 90_000_000, 15_000_000, 600_000_000
KEYS = -(-LONGEST_US // KEY_US)  # of one rotation
KEY_BYTES = 16


class CurrentKey(NamedTuple):
    """A key that is given out now, in hex; which of its file it is, and until when it is given out."""

    text: str
    generation: int
    expires_us: int

    def __repr__(self) -> str:
        """Name the generation, never the key."""
        return f"<CurrentKey {self.generation}>"


def derive(secret: str, file_id: int, generation: int, salt: str) -> str:
    """Return a download key in hex: the first 128 bits of HMAC-SHA256 over what it is of."""
    message = f"{file_id}|{generation}|{salt}"
    return hmac.new(secret.encode(), message.encode(), hashlib.sha256).digest()[:KEY_BYTES].hex()


def key_of(row: File, generation: int) -> str:
    """Return the key of a file and a generation, under the secret key of the app."""
    return derive(current_app.config["SECRET_KEY"], row.id, generation, row.salt)


def download_path(key: str) -> str:
    """Return the path that a key downloads its file at."""
    return f"/download/{key}/"


def ends_us(rotation: Rotation) -> int:
    """Return the instant from which no key of a rotation opens anything."""
    return rotation.started_us + LONGEST_US


def key_number(rotation: Rotation, at_us: int) -> int:
    """Return which key of a rotation is due at an instant, counted from 0; negative before it has begun."""
    return (at_us - rotation.started_us) // KEY_US


def is_ahead(instant_us: int, at_us: int) -> bool:
    """Tell whether something was begun so far in the future that the clock must have been set back since.

    Clocks of several machines differ by less.
    """
    return instant_us - at_us > GRACE_US


def opens_until_us(key: ReferKey, rotation: Rotation) -> int:
    """Return the instant until which a download may begin with a key that was not revoked."""
    if key.first_used_us is not None:
        return ends_us(rotation)
    return min(key.issued_us + KEY_US + GRACE_US, ends_us(rotation))


def told_until_us(key: ReferKey, rotation: Rotation) -> int:
    """Return the instant until which a key is given out: the grace is for those who have it already."""
    if key.first_used_us is not None:
        return ends_us(rotation)
    return min(key.issued_us + KEY_US, ends_us(rotation))


def is_open(key: ReferKey, rotation: Rotation, at_us: int) -> bool:
    """Tell whether a download may begin with a key."""
    is_past = at_us >= opens_until_us(key, rotation) or is_ahead(key.issued_us, at_us)
    return key.revoked_us is None and not is_past


def current_key(file: File | int, at_us: int) -> CurrentKey | None:
    """Return the newest key that may be given out now, None where there is none.

    Reads in the session of the context, and ends no transaction. A key that the secret key of today does not give was
    made under another: it opens what it opened, but nobody can tell it again.
    """
    file_id = file if isinstance(file, int) else file.id
    query = select(ReferKey, Rotation, File).join(Rotation, Rotation.id == ReferKey.rotation_id)
    query = query.join(File, File.id == ReferKey.file_id).order_by(ReferKey.generation.desc())
    living = (File.deleted_us.is_(None), ReferKey.revoked_us.is_(None), Rotation.started_us > at_us - LONGEST_US)
    query = query.where(ReferKey.file_id == file_id, *living).execution_options(populate_existing=True)
    found = db.session.execute(query)
    for key, rotation, row in found:
        until_us = told_until_us(key, rotation)
        if at_us < until_us and not is_ahead(key.issued_us, at_us):
            text = key_of(row, key.generation)
            return CurrentKey(text, key.generation, until_us) if key_hash(text) == key.key_sha256 else None
    return None
