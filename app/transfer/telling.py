"""Telling other services of what happens: POSTs of JSON, signed, in order, at least once, until they are taken.

    POST URL
    Content-Type: application/json
    X-Playback-Notice: 7                                the id: what comes twice has the same; the name is the channel's
    X-Playback-Timestamp: 1795214645                    seconds since the epoch
    X-Playback-Signature: sha256=HEX                    HMAC-SHA256 of TIMESTAMP "." BODY; with a secret only

An answer of 2xx takes it. Redirects are not followed. No address and no secret of one is logged: host and port are.
What is told, and in which order, is the channel's: webhooks.py, analysers.py.
"""

import hashlib
import hmac
import json
import logging
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import select, update

from app.extensions import db, insert_missing, writing
from app.models import AnalyserMark, WebhookMark
from app.models.types import now_us
from instance.config import WebhookSettings

log = logging.getLogger(__name__)

CONNECT_S, ANSWER_S = 5.0, 10.0
CLAIM_US = 60_000_000  # another worker leaves alone for so long what this one is sending


class Refused(Exception):
    """A receiver did not take what it was told; the message is one line without address or secret."""


class Told(NamedTuple):
    """What comes next: its id, which only rises, and the body. Without a body there is nothing to tell up to the id."""

    id: int
    body: dict[str, Any] | None


class Claim(NamedTuple):
    """What this process is to send now."""

    told_id: int
    body: dict[str, Any]
    tries: int


@dataclass(frozen=True)
class Channel:
    """One kind of receivers.

    `find` returns what comes after an id at an instant, None where there is nothing yet; `begin` the id after which a
    new address begins. Both read only. Pauses after failures double from `first_pause_s` to `longest_pause_s`.
    """

    word: str
    header: str
    marks: type[WebhookMark] | type[AnalyserMark]
    find: Callable[[str, int, int], Told | None]  # host, last id, instant
    begin: Callable[[], int]
    first_pause_s: float
    longest_pause_s: float
    given_up: str


def send(hook: WebhookSettings, header: str, told_id: int, body: dict[str, Any]) -> None:
    """POST one body. Raises Refused."""
    import requests

    data = json.dumps(body, separators=(",", ":")).encode()
    stamp = str(int(time.time()))
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "flask-playback",
        header: str(told_id),
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


def tell(channel: Channel, hook: WebhookSettings, is_over: Callable[[], bool] = lambda: False) -> int:
    """Tell a receiver what it does not know yet, until it refuses; return how much it took. Within an app context."""
    taken = 0
    while not is_over():
        claim = _claim(channel, hook)
        if claim is None:
            break
        try:
            send(hook, channel.header, claim.told_id, claim.body)
        except Refused as error:
            _write_down(channel, hook, claim, str(error))
            break
        _write_down(channel, hook, claim, None)
        taken += 1
    return taken


def _claim(channel: Channel, hook: WebhookSettings) -> Claim | None:
    """Take what is next for a while; None where there is none, where it is not yet time, or another has it."""
    mark = _mark(channel, hook)
    if mark is None:
        _begin(channel, hook)
        mark = _mark(channel, hook)
    last_id, next_us, tries = (mark.last_id, mark.next_us, mark.tries) if mark is not None else (0, 0, 0)
    at_us = now_us()
    longest_us = max(CLAIM_US, int(channel.longest_pause_s * 1_200_000))
    is_time = not at_us < next_us <= at_us + longest_us  # a later one was written before the clock was set back
    told = channel.find(hook.host, last_id, at_us) if is_time and mark is not None else None
    db.session.rollback()
    if told is None:
        return None
    values = {"next_us": at_us + CLAIM_US} if told.body is not None else {"last_id": told.id, "tries": 0}
    with writing() as session:
        query = update(channel.marks).where(channel.marks.target == hook.target, channel.marks.last_id == last_id)
        query = query.where(channel.marks.next_us == next_us).values(**values)
        was_free = session.execute(query).rowcount == 1  # type: ignore[attr-defined]
    return Claim(told.id, told.body, tries) if was_free and told.body is not None else None


def _mark(channel: Channel, hook: WebhookSettings) -> WebhookMark | AnalyserMark | None:
    """Return how far a receiver has been told; None for a new one. In the session of the context."""
    query = select(channel.marks).where(channel.marks.target == hook.target)
    found: Any = db.session.scalar(query.execution_options(populate_existing=True))
    return found  # type: ignore[no-any-return]


def _begin(channel: Channel, hook: WebhookSettings) -> None:
    """Make the mark of a new address."""
    last_id = channel.begin()
    with writing() as session:
        insert_missing(session, channel.marks, {"target": hook.target, "last_id": last_id, "next_us": 0, "tries": 0})


def _write_down(channel: Channel, hook: WebhookSettings, claim: Claim, error: str | None) -> None:
    pause_s = min(channel.first_pause_s * 2 ** min(claim.tries, 10), channel.longest_pause_s)
    pause_s *= random.SystemRandom().uniform(0.8, 1.2)
    with writing():
        mark = _mark(channel, hook)
        if mark is None:
            return
        if error is None:
            mark.last_id, mark.next_us, mark.tries, mark.error = max(mark.last_id, claim.told_id), 0, 0, None
        else:
            mark.next_us, mark.tries, mark.error = now_us() + int(pause_s * 1_000_000), claim.tries + 1, error
    if error is not None and claim.tries == 0:
        log.warning("%s: %s; tried again with growing pauses, %s", channel.word, error, channel.given_up)
    elif error is None and claim.tries:
        log.info("%s: %s takes what it is told again", channel.word, hook.host)


class Teller:
    """A thread for each address: one that hangs holds up no other. Used by the worker."""

    def __init__(
        self, channel: Channel, hooks: tuple[WebhookSettings, ...], run: Callable[[Callable[[], Any]], Any]
    ) -> None:
        """Take over the addresses, and what runs a function within an app context."""
        self._channel, self._hooks, self._run = channel, hooks, run
        self._threads: dict[str, threading.Thread] = {}
        self._wanted: set[str] = set()
        self._lock = threading.Lock()
        self._is_ending = threading.Event()

    def wake(self) -> None:
        """Let each address be told what it does not know yet; returns at once."""
        for hook in self._hooks:
            with self._lock:
                self._wanted.add(hook.target)
                if self._is_ending.is_set() or hook.target in self._threads:
                    continue
                name = f"{self._channel.word} {hook.host}"
                work = threading.Thread(target=self._work, args=(hook,), name=name, daemon=True)
                self._threads[hook.target] = work
            work.start()

    def _work(self, hook: WebhookSettings) -> None:
        """Tell one address for as long as somebody wakes: a wake that comes while the last look ends is not lost."""
        while True:
            with self._lock:
                if hook.target not in self._wanted or self._is_ending.is_set():
                    del self._threads[hook.target]
                    return
                self._wanted.discard(hook.target)
            try:
                self._run(lambda: tell(self._channel, hook, self._is_ending.is_set))
            except Exception:
                log.exception("%s %s: tried again soon", self._channel.word, hook.host)

    def stop(self) -> None:
        """Let each end after what it is sending."""
        self._is_ending.set()
