"""How often somebody may try: signing in, keys, tokens, pictures that are dear to make (docs/security.md, "Limits").

    sign_in       wrong sign-ins of an address   then right ones are refused, too; names are counted in guesses.py
    share         passwords tried of a link      from however many addresses; the right one forgets them
    keys, tokens  wrong ones of an address       right ones always pass: 128 and 256 bits are not guessed
    made          tokens made by one caller      each leaves a row for good
    stills        pictures for one caller        far more than a wall of cameras shows

Flask-Limiter counts, in Redis where that is the broker (all web servers together), else in the memory of each process,
which then allows its part of the number (of stills all of it). What has no limit costs nothing. Where Redis does not
answer each process counts for itself until it does: nobody is refused for that, and no door stands open.
"""

import logging
import threading
import time
from dataclasses import dataclass
from typing import Any

from flask import Flask, Response, current_app, jsonify, request
from flask_limiter import Limiter
from limits import RateLimitItem, RateLimitItemPerSecond
from limits.errors import StorageError
from limits.storage import MemoryStorage
from limits.strategies import RateLimiter, SlidingWindowCounterRateLimiter

from app.access import guesses
from app.access.caller import Caller
from app.access.place import client_address
from app.access.rules import rule_of
from app.errors import TooMany
from instance.config import Config

log = logging.getLogger(__name__)

EXTENSION = "playback_rates"
STRATEGY = "sliding-window-counter"
REDIS = ("redis://", "rediss://", "redis+unix://")
REDIS_S = 0.5  # a Redis that takes longer does not answer
AGAIN_S = 30.0  # as long one that did not answer is not asked
SWEEP_S = 5.0
_TRIED, WRONG = "playback.tried", (401, 403)


@dataclass(frozen=True, slots=True)
class Limit:
    """So many within so many seconds, and what they are called in a refusal.

    `is_shared`: processes that count for themselves allow a part each. What only bounds work is not: a browser keeps
    its connections, and with them its process, which would refuse what all together would not.
    """

    most: int
    window_s: int
    what: str
    is_shared: bool = True


LIMITS = {
    "sign_in": Limit(60, 300, "failed attempts to sign in from your address"),
    "share": Limit(20, 300, "attempts with a password of this link"),
    "keys": Limit(60, 60, "wrong keys from your address"),
    "tokens": Limit(60, 60, "wrong tokens from your address"),
    "made": Limit(60, 60, "tokens that you have made", is_shared=False),
    "stills": Limit(6000, 60, "still pictures", is_shared=False),  # a wall of 100 cameras, each once a second
}


class SweptMemory(MemoryStorage):
    """The counts of one process. limits' own looks through all of them a hundred times a second while any comes."""

    STORAGE_SCHEME = ["swept"]  # noqa: RUF012  what limits finds it by
    _swept_s = 0.0

    def _MemoryStorage__schedule_expiry(self) -> None:  # noqa: N802  in the place of limits' own
        now_s = time.monotonic()
        if now_s - self._swept_s >= SWEEP_S:
            self._swept_s = now_s
            self._MemoryStorage__expire_events()  # type: ignore[attr-defined]


class Rates:
    """The counts that one process sees."""

    def __init__(self, config: Config) -> None:
        """Prepare counting. Nothing is connected to."""
        self._processes = max(1, config.WEB_WORKERS)
        self._shared: RateLimiter | None = None
        self._own: RateLimiter = SlidingWindowCounterRateLimiter(SweptMemory())
        self._lock, self._dead_until_s, self._is_told = threading.Lock(), 0.0, False
        if config.BROKER_URL.startswith(REDIS):
            self._shared = _counting(config.BROKER_URL, _redis_options())
        else:
            self._own = _counting("swept://", {})

    def hit(self, kind: str, who: str) -> bool:
        """Count one; tell whether it is within the limit."""
        return bool(self._asked("hit", kind, who))

    def is_within(self, kind: str, who: str) -> bool:
        """Tell whether one more would be within the limit."""
        return bool(self._asked("test", kind, who))

    def most(self, kind: str) -> int:
        """Return how many this process allows."""
        limit = LIMITS[kind]
        is_divided = limit.is_shared and not self._is_redis_asked()
        return max(1, -(-limit.most // self._processes)) if is_divided else limit.most

    def left_s(self, kind: str, who: str) -> int:
        """Return the seconds until the count falls."""
        reset_s = self._asked("get_window_stats", kind, who).reset_time
        return max(1, min(LIMITS[kind].window_s, -int(-(reset_s - time.time()) // 1)))

    def _is_redis_asked(self) -> bool:
        return self._shared is not None and time.monotonic() >= self._dead_until_s

    def forget(self, kind: str, who: str) -> None:
        """Begin to count anew."""
        self._asked("clear", kind, who)

    def _asked(self, way: str, kind: str, who: str) -> Any:
        self._tell()
        limit = LIMITS[kind]
        if self._shared is not None and self._is_redis_asked():
            try:
                answer = getattr(self._shared, way)(_item(limit.most, limit.window_s), kind, who)
            except StorageError as error:
                self._note_dead(error)
            else:
                self._note_alive()
                return answer
        return getattr(self._own, way)(_item(self.most(kind), limit.window_s), kind, who)

    def _note_dead(self, error: StorageError) -> None:
        with self._lock:
            is_new = self._dead_until_s == 0.0
            self._dead_until_s = time.monotonic() + AGAIN_S
        if is_new:
            cause = type(error.storage_error).__name__
            log.error("rate limits: Redis does not answer (%s); each process counts for itself until it does", cause)

    def _note_alive(self) -> None:
        if self._dead_until_s:
            self._dead_until_s = 0.0
            log.info("rate limits: Redis answers again")

    def _tell(self) -> None:
        if self._is_told:
            return
        self._is_told = True
        where = f"in this process, each of {self._processes} allows its part" if self._shared is None else "in Redis"
        log.info("rate limits are counted %s", where)


def begin(app: Flask) -> None:
    """Count what is asked of the app, unless PLAYBACK_RATE_LIMITS is off."""
    if app.config["PLAYBACK"].RATE_LIMITS:
        app.extensions[EXTENSION] = Rates(app.config["PLAYBACK"])
        app.after_request(count_failure)


def attempt(kind: str, who: str) -> None:
    """Count an attempt. Raises TooMany for one too many; no attempt is to be made then."""
    rates: Rates | None = current_app.extensions.get(EXTENSION)
    if rates is not None and not rates.hit(kind, who):
        raise _too_many(kind, who)


def forget(kind: str, who: str) -> None:
    """Forget the attempts: the last was right."""
    rates: Rates | None = current_app.extensions.get(EXTENSION)
    if rates is not None:
        rates.forget(kind, who)


def count_failure(response: Response) -> Response:
    """Count a wrong key or token; once they are too many, say that instead of that it is wrong."""
    kind = _failed(response)
    rates: Rates = current_app.extensions[EXTENSION]
    if kind is None or rates.hit(kind, client_address()):
        return response
    error = _too_many(kind, client_address())
    refused: Response = jsonify(detail=error.detail)
    refused.status_code = error.status
    refused.headers["Retry-After"] = str(error.retry_after_s)
    return refused


def _failed(response: Response) -> str | None:
    """Return what was tried in vain, if anything."""
    if response.status_code in WRONG and request.environ.get(_TRIED):
        return "sign_in"
    if response.status_code == 401 and request.authorization is not None:
        return "tokens"
    return "keys" if response.status_code == 404 and limit_of_request() == "keys" else None


def limit_of_request() -> str | None:
    """Return the class of the current request's row."""
    rule = rule_of(request.endpoint or "", request.method)
    return None if rule is None else rule.limit


def check_rule(caller: Caller | None) -> None:
    """Look at a request whose row has a class of attempts, or count it. Raises TooMany."""
    kind, rates = limit_of_request(), current_app.extensions.get(EXTENSION)
    if kind == "sign_in" and rates is not None:
        if not rates.is_within(kind, client_address()) and not guesses.is_known_browser():
            raise _too_many(kind, client_address())
        request.environ[_TRIED] = True
    elif kind == "tokens" and caller is not None and caller.how != "terminal":
        attempt("made", caller.key)
    elif kind == "stills" and (caller is None or caller.how != "terminal"):
        attempt(kind, caller.key if caller is not None and caller.key != "anyone" else client_address())


def _too_many(kind: str, who: str) -> TooMany:
    limit, rates = LIMITS[kind], current_app.extensions[EXTENSION]
    minutes = limit.window_s // 60
    within = "a minute" if minutes == 1 else f"{minutes} minutes"
    error = TooMany(
        f"these are more than {rates.most(kind)} {limit.what} within {within}: wait, then try again",
        loc=(),
        kind="rate_limit",
    )
    error.retry_after_s = rates.left_s(kind, who)
    return error


def _item(most: int, window_s: int) -> RateLimitItem:
    return RateLimitItemPerSecond(most, window_s)


def _redis_options() -> dict[str, Any]:
    """Return how Redis is asked: one try, soon given up. It is connected to when something is first counted."""
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    return {
        "socket_timeout": REDIS_S,
        "socket_connect_timeout": REDIS_S,
        "retry": Retry(NoBackoff(), 0),
        "wrap_exceptions": True,
        "key_prefix": "playback-limits",
    }


def _counting(url: str, options: dict[str, Any]) -> RateLimiter:
    """Return what Flask-Limiter counts with. Its hooks, a tenth of a millisecond each request, are an empty app's."""
    limiter = Limiter(client_address, storage_uri=url, storage_options=options, strategy=STRATEGY)
    limiter.init_app(Flask("limits"))
    return limiter.limiter
