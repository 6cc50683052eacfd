"""Who may answer with a result where no account is asked for: whoever has a download key that counts."""

from sqlalchemy import select

from app.archive.handed import key_hash, plain_refer
from app.extensions import AnySession
from app.models import ReferKey, Rotation
from app.transfer.referkeys import is_open


def may_answer(session: AnySession, text: str, at_us: int) -> bool:
    """Tell whether a text is a download key that opens its file now, or that a download was begun with.

    An analysis takes longer than a key lives, so that a used one counts for good, unless it was revoked. The lasting
    reference is no secret and never counts.
    """
    plain = plain_refer(text)
    if plain is None:
        return False
    query = select(ReferKey, Rotation).join(Rotation, Rotation.id == ReferKey.rotation_id)
    found = session.execute(query.where(ReferKey.key_sha256 == key_hash(plain))).first()
    if found is None:
        return False
    key, rotation = found
    return key.revoked_us is None and (key.first_used_us is not None or is_open(key, rotation, at_us))
