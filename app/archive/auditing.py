"""Writing down what is done to rules, pins and the archive: rows that nobody can change."""

import json

from app.extensions import AnySession
from app.models import Audit


def audit(
    session: AnySession, actor: str, action: str, subject: str, source_id: int | None = None, **detail: object
) -> None:
    """Write down an act, in the transaction that does it. `detail` is what JSON can say, and holds no secret."""
    text = json.dumps(detail, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    session.add(Audit(actor=actor, action=action, subject=subject, source_id=source_id, detail=text))
