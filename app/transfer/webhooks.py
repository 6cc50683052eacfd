"""Telling webhooks of notices; how they are told stands in telling.py."""

import logging
from collections.abc import Callable
from typing import Any

from sqlalchemy import delete, func, select

from app.extensions import db, writing
from app.instants import utc_text
from app.models import Notice, WebhookMark
from app.transfer import telling
from app.transfer.telling import Channel, Told
from instance.config import WebhookSettings

log = logging.getLogger(__name__)

GAP_US = 10_000_000  # no transaction takes so long: what it noted is there by then, or never
UNTOLD_US = 7 * 86_400_000_000  # what a receiver did not take for so long is given up
KEPT_US = 90 * 86_400_000_000


def notice_body(row: Notice) -> dict[str, Any]:
    """Return what a receiver is told."""
    named = {name: getattr(row, name) for name in ("kind", "subject", "is_bad", "text", "source_id", "storage_id")}
    return {"id": row.id, "at_utc": utc_text(row.at_us), **named}


def send(hook: WebhookSettings, body: dict[str, Any]) -> None:
    """POST one notice. Raises Refused."""
    telling.send(hook, WEBHOOKS.header, body["id"], body)


def tell(hook: WebhookSettings, is_over: Callable[[], bool] = lambda: False) -> int:
    """Tell a webhook what it does not know yet, until it refuses; return how much it took. Within an app context."""
    return telling.tell(WEBHOOKS, hook, is_over)


def _find(host: str, last_id: int, at_us: int) -> Told | None:
    """Return the next notice; None where there is none, or an earlier one may yet be committed."""
    fresh = select(Notice).where(Notice.id > last_id, Notice.at_us >= at_us - UNTOLD_US)
    row = db.session.scalars(fresh.order_by(Notice.id).limit(1)).first()
    if row is None:
        return None
    old = select(func.count()).where(Notice.id > last_id, Notice.at_us < at_us - UNTOLD_US)
    given_up = db.session.scalar(old)
    if given_up:
        log.warning("webhook %s: %d notices are older than 7 days and are not told any more", host, given_up)
    elif row.id > last_id + 1 and abs(at_us - row.at_us) < GAP_US:
        return None
    return Told(row.id, notice_body(row))


def _newest() -> int:
    """Return the id of the newest notice: a new address begins with what is noted from now on."""
    return db.session.scalar(select(func.max(Notice.id))) or 0


WEBHOOKS = Channel("webhook", "X-Playback-Notice", WebhookMark, _find, _newest, 5.0, 600.0, "for 7 days")


def clear(targets: set[str], at_us: int) -> int:
    """Remove notices older than 90 days, but the last of each subject, and the marks of webhooks that are no more."""
    newest = select(func.max(Notice.id)).group_by(Notice.kind, Notice.subject)
    with writing() as session:
        gone = session.execute(delete(Notice).where(Notice.at_us < at_us - KEPT_US, Notice.id.not_in(newest)))
        session.execute(delete(WebhookMark).where(WebhookMark.target.not_in(targets)))
    return int(gone.rowcount)  # type: ignore[attr-defined]
