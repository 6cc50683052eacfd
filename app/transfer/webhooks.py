"""Telling webhooks of notices: each is POSTed in order, at least once, and again until it is taken.

    POST URL
    Content-Type: application/json
    X-Playback-Notice: 7                                the id: what comes twice has the same
    X-Playback-Timestamp: 1795214645                    seconds since the epoch
    X-Playback-Signature: sha256=HEX                    HMAC-SHA256 of TIMESTAMP "." BODY; with a secret only

An answer of 2xx takes it. Redirects are not followed. No address and no secret of one is logged: host and port are.
"""

import hashlib
import hmac
import json
import logging
import random
import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from sqlalchemy import delete, func, select, update

from app.extensions import db, insert_missing, writing
from app.instants import utc_text
from app.models import Notice, WebhookMark
from app.models.types import now_us
from instance.config import WebhookSettings

log = logging.getLogger(__name__)

CONNECT_S, ANSWER_S = 5.0, 10.0
CLAIM_US = 60_000_000  # another worker leaves alone for so long what this one is sending
FIRST_PAUSE_S, LONGEST_PAUSE_S = 5.0, 600.0
GAP_US = 10_000_000  # no transaction takes so long: what it noted is there by then, or never
UNTOLD_US = 7 * 86_400_000_000  # what a receiver did not take for so long is given up
KEPT_US = 90 * 86_400_000_000


class Refused(Exception):
    """A receiver did not take a notice; the message is one line without address or secret."""


class Claim(NamedTuple):
    """A notice that this process is to send now."""

    notice_id: int
    body: dict[str, Any]
    tries: int


def notice_body(row: Notice) -> dict[str, Any]:
    """Return what a receiver is told."""
    named = {name: getattr(row, name) for name in ("kind", "subject", "is_bad", "text", "source_id", "storage_id")}
    return {"id": row.id, "at_utc": utc_text(row.at_us), **named}


def send(hook: WebhookSettings, body: dict[str, Any]) -> None:
    """POST one body. Raises Refused."""
    import requests

    data = json.dumps(body, separators=(",", ":")).encode()
    stamp = str(int(time.time()))
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "flask-playback",
        "X-Playback-Notice": str(body["id"]),
        "X-Playback-Timestamp": stamp,
    }
    if hook.secret:
        digest = hmac.new(hook.secret.encode(), f"{stamp}.".encode() + data, hashlib.sha256).hexdigest()
        headers["X-Playback-Signature"] = f"sha256={digest}"
    how: dict[str, Any] = {"timeout": (CONNECT_S, ANSWER_S), "allow_redirects": False, "stream": True}
    try:
        with requests.Session() as session:
            session.trust_env = False  # neither proxies nor passwords of this user
            with session.post(hook.url, data=data, headers=headers, **how) as answer:
                status = answer.status_code
    except (requests.RequestException, ValueError) as error:  # ValueError: a name of a host that cannot be
        raise Refused(f"{hook.host} cannot be told: {type(error).__name__}") from None
    if not 200 <= status < 300:
        raise Refused(f"{hook.host} answered {status}")


def tell(hook: WebhookSettings, is_over: Callable[[], bool] = lambda: False) -> int:
    """Tell a webhook what it does not know yet, until it refuses; return how much it took. Within an app context."""
    taken = 0
    while not is_over():
        claim = _claim(hook)
        if claim is None:
            break
        try:
            send(hook, claim.body)
        except Refused as error:
            _write_down(hook, claim, str(error))
            break
        _write_down(hook, claim, None)
        taken += 1
    return taken


def _claim(hook: WebhookSettings) -> Claim | None:
    """Take the next notice for a while; None where there is none, where it is not yet time, or another has it."""
    mark = db.session.get(WebhookMark, hook.target, populate_existing=True)
    at_us = now_us()
    if mark is None:
        _begin(hook)
        return None
    last_id, next_us, tries = mark.last_id, mark.next_us, mark.tries
    fresh = select(Notice).where(Notice.id > last_id, Notice.at_us >= at_us - UNTOLD_US)
    row = db.session.scalars(fresh.order_by(Notice.id).limit(1)).first()
    body, noted_us = (notice_body(row), row.at_us) if row is not None else (None, 0)
    old = select(func.count()).where(Notice.id > last_id, Notice.at_us < at_us - UNTOLD_US)
    given_up = db.session.scalar(old) if body is not None else 0
    db.session.rollback()
    if given_up:
        log.warning("webhook %s: %d notices are older than 7 days and are not told any more", hook.host, given_up)
    if body is None or at_us < next_us:
        return None
    if body["id"] > last_id + 1 and not given_up and abs(at_us - noted_us) < GAP_US:
        return None  # an earlier one may yet be committed
    with writing() as session:
        query = update(WebhookMark).where(WebhookMark.target == hook.target, WebhookMark.last_id == last_id)
        query = query.where(WebhookMark.next_us == next_us).values(next_us=at_us + CLAIM_US)
        was_free = session.execute(query).rowcount == 1  # type: ignore[attr-defined]
    return Claim(body["id"], body, tries) if was_free else None


def _begin(hook: WebhookSettings) -> None:
    """Begin with what is noted from now on."""
    newest = db.session.scalar(select(func.max(Notice.id))) or 0
    with writing() as session:
        insert_missing(session, WebhookMark, {"target": hook.target, "last_id": newest, "next_us": 0, "tries": 0})


def _write_down(hook: WebhookSettings, claim: Claim, error: str | None) -> None:
    pause_s = min(FIRST_PAUSE_S * 2 ** min(claim.tries, 10), LONGEST_PAUSE_S) * random.uniform(0.8, 1.2)  # noqa: S311
    with writing() as session:
        mark = session.get(WebhookMark, hook.target, populate_existing=True)
        if mark is None:
            return
        if error is None:
            mark.last_id, mark.next_us, mark.tries, mark.error = max(mark.last_id, claim.notice_id), 0, 0, None
        else:
            mark.next_us, mark.tries, mark.error = now_us() + int(pause_s * 1_000_000), claim.tries + 1, error
    if error is not None and claim.tries == 0:
        log.warning("webhook: %s; tried again with growing pauses, for 7 days", error)
    elif error is None and claim.tries:
        log.info("webhook: %s takes notices again", hook.host)


def clear(targets: set[str], at_us: int) -> int:
    """Remove notices older than 90 days, but the last of each subject, and the marks of webhooks that are no more."""
    newest = select(func.max(Notice.id)).group_by(Notice.kind, Notice.subject)
    with writing() as session:
        gone = session.execute(delete(Notice).where(Notice.at_us < at_us - KEPT_US, Notice.id.not_in(newest)))
        session.execute(delete(WebhookMark).where(WebhookMark.target.not_in(targets)))
    return int(gone.rowcount)  # type: ignore[attr-defined]


class Teller:
    """A thread for each webhook: one that hangs holds up no other. Used by the worker."""

    def __init__(self, hooks: tuple[WebhookSettings, ...], run: Callable[[Callable[[], Any]], Any]) -> None:
        """Take over the webhooks, and what runs a function within an app context."""
        self._hooks, self._run = hooks, run
        self._threads: dict[str, threading.Thread] = {}
        self._is_ending = threading.Event()

    def wake(self) -> None:
        """Let each webhook be told what it does not know yet; returns at once."""
        for hook in self._hooks:
            thread = self._threads.get(hook.target)
            if not self._is_ending.is_set() and (thread is None or not thread.is_alive()):
                work = threading.Thread(target=self._tell, args=(hook,), name=f"webhook {hook.host}", daemon=True)
                self._threads[hook.target] = work
                work.start()

    def _tell(self, hook: WebhookSettings) -> None:
        try:
            self._run(lambda: tell(hook, self._is_ending.is_set))
        except Exception:
            log.exception("webhook %s: tried again soon", hook.host)

    def stop(self) -> None:
        """Let each end after what it is sending."""
        self._is_ending.set()
