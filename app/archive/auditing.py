"""Writing down what is done: rows that nobody can change, in the transaction that does it.

`by` in the detail says how the caller came and from where; who asks is known to the top layer alone, which leaves a
function for it in the app.
"""

import json
from collections.abc import Callable, Mapping

from flask import Flask, current_app

from app.extensions import AnySession
from app.models import Audit

BY = "by"
EXTENSION = "playback_audit_origin"
Origin = Callable[[], Mapping[str, object] | None]


def tell_origin(app: Flask, origin: Origin) -> None:
    """Take what tells how the current caller came and from where; None where nobody called."""
    app.extensions[EXTENSION] = origin


def audit(
    session: AnySession, actor: str, action: str, subject: str, source_id: int | None = None, **detail: object
) -> None:
    """Write down an act, in the transaction that does it. `detail` is what JSON can say, and holds no secret."""
    origin: Origin | None = current_app.extensions.get(EXTENSION) if current_app else None
    by = origin() if origin is not None else None
    text = encode(detail if by is None else {**detail, BY: by})
    session.add(Audit(actor=actor, action=action, subject=subject, source_id=source_id, detail=text))


def encode(detail: Mapping[str, object]) -> str:
    """Return a detail as it is stored."""
    return json.dumps(detail, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
